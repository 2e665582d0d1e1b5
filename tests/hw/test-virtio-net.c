/* SPDX-License-Identifier: GPL-2.0-or-later */
/* virtio network device: both directions, merged buffers, receive filter, flow control,
 * hostile frames and commands. */
#include <string.h>

#include "virtio-fakes.h"
#include "virtio-rig.h"

enum { MRG = 15, STATUS_F = 16, CTRL_VQ = 17, CTRL_RX = 18, CTRL_VLAN = 19, CTRL_MAC = 23 };
enum {
    TX_AT = RIG_DATA,
    RX_AT = RIG_DATA + 0x100000,
    CTRL_AT = RIG_DATA + 0x300000,
    ACK_AT = CTRL_AT + 4096
};

typedef struct Card {
    Rig r;
    RigQueue rx, tx, ctrl;
    unsigned header;
} Card;

static void card_start(Card *c, uint64_t features)
{
    rig_start(&c->r, features);
    c->header = c->r.features >> MRG & 1 || c->r.features >> VIRTIO_F_VERSION_1 & 1 ? 12 : 10;
    rig_queue(&c->r, &c->rx, 0, 64);
    rig_queue(&c->r, &c->tx, 1, 64);
    rig_queue(&c->r, &c->ctrl, 2, 16);
    rig_driver_ok(&c->r);
}

static void card_open(Card *c, gconstpointer kind, uint64_t features)
{
    memset(&fake_net, 0, sizeof(fake_net));
    rig_open(&c->r, GPOINTER_TO_INT(kind), "virtio-net", "netdev=n0,mac=52:54:00:00:00:01");
    card_start(c, features);
}

static void make_frame(uint8_t *p, size_t len, const char *to, uint8_t seed)
{
    memcpy(p, to, 6);
    memcpy(p + 6, "\x52\x55\x0a\x00\x02\x02\x08\x00", 8);
    for (size_t i = 14; i < len; i++) {
        p[i] = (uint8_t)(seed + i);
    }
}

static const char *const to_us = "\x52\x54\x00\x00\x00\x01";

static void add_rx(Card *c, unsigned i, uint32_t len)
{
    const RigBuf buf = { RX_AT + 8192 * i, len, true };
    rig_add_chain(&c->rx, &buf, 1, 0);
}

static void test_send(gconstpointer kind)
{
    Card c;
    const uint64_t sets[] = { 0, 1ull << MRG, UINT64_MAX };
    card_open(&c, kind, 0);
    for (unsigned s = 0; s < G_N_ELEMENTS(sets); s++) {
        card_start(&c, sets[s]);
        for (unsigned i = 0; i < 200; i++) { /* more than a burst and than the ring */
            uint8_t *p = rig_ram(&c.r, TX_AT);
            unsigned len = 60 + i * 7;
            memset(p, 0, c.header);
            make_frame(p + c.header, len, "\xff\xff\xff\xff\xff\xff", (uint8_t)i);
            const RigBuf split[] = { { TX_AT, c.header, false },
                                     { TX_AT + c.header, 20, false },
                                     { TX_AT + c.header + 20, len - 20, false } };
            const RigBuf whole = { TX_AT, c.header + len, false };
            rig_add_chain(&c.tx, i & 1 ? split : &whole, i & 1 ? 3 : 1, 0);
            rig_kick(&c.tx);
            rig_wait(&c.tx, NULL);
            g_assert_cmpmem(fake_net.frame, fake_net.len, p + c.header, len);
        }
    }
    g_assert_cmpuint(fake_net.sent, ==, 600);
    rig_close(&c.r);
}

static void test_burst(gconstpointer kind)
{
    Card c;
    card_open(&c, kind, UINT64_MAX);
    for (unsigned i = 0; i < 64; i++) {
        const RigBuf whole = { TX_AT, c.header + 60, false };
        rig_add_chain(&c.tx, &whole, 1, 0);
    }
    rig_kick(&c.tx);
    for (unsigned i = 0; i < 64; i++) {
        rig_wait(&c.tx, NULL);
    }
    g_assert_cmpuint(fake_net.sent, ==, 64);
    g_assert_cmpint(rig_isr(&c.r), ==, 1);
    rig_close(&c.r);
}

static void test_receive(gconstpointer kind)
{
    Card c;
    uint8_t frame[1514];
    card_open(&c, kind, 0);
    make_frame(frame, sizeof(frame), to_us, 3);
    g_assert_false(fake_net_deliver(frame, sizeof(frame))); /* no buffers: the network keeps it */
    add_rx(&c, 0, 2048);
    unsigned before = fake_net.accepts;
    rig_kick(&c.rx);
    g_assert_cmpuint(fake_net.accepts, >, before);
    g_assert_true(fake_net_deliver(frame, sizeof(frame)));
    g_assert_cmpuint(rig_wait(&c.rx, NULL), ==, c.header + sizeof(frame));
    g_assert_cmpmem((uint8_t *)rig_ram(&c.r, RX_AT) + c.header, sizeof(frame), frame, sizeof(frame));
    add_rx(&c, 0, 1000); /* too small, not merged: lost, and the buffer stays */
    g_assert_true(fake_net_deliver(frame, sizeof(frame)));
    g_assert_false(rig_used(&c.rx));
    g_assert_true(fake_net_deliver(frame, 60));
    g_assert_cmpuint(rig_wait(&c.rx, NULL), ==, c.header + 60);
    rig_reset_device(&c.r);
    g_assert_true(fake_net_deliver(frame, sizeof(frame))); /* no driver: lost */
    rig_close(&c.r);
}

/* A frame that finds no buffers asks the driver to ring for the next ones, also where the frame before took just the last. */
static void test_receive_arms(gconstpointer kind)
{
    Card c;
    uint8_t frame[60];
    card_open(&c, kind, UINT64_MAX);
    make_frame(frame, sizeof(frame), to_us, 3);
    for (unsigned i = 0; i < 3; i++) {
        add_rx(&c, i, 2048);
    }
    rig_kick(&c.rx);
    for (unsigned i = 0; i < 3; i++) {
        g_assert_true(fake_net_deliver(frame, sizeof(frame)));
        rig_wait(&c.rx, NULL);
    }
    g_assert_false(fake_net_deliver(frame, sizeof(frame)));
    uint16_t event;
    memcpy(&event, rig_ram(&c.r, c.rx.used + 4 + 8 * c.rx.size), sizeof(event)); /* 2.7.10 */
    g_assert_cmpuint(GUINT16_FROM_LE(event), ==, 3);
    rig_close(&c.r);
}

static void test_merged(gconstpointer kind)
{
    Card c;
    static uint8_t frame[9000], got[9000];
    card_open(&c, kind, 1ull << MRG);
    make_frame(frame, sizeof(frame), to_us, 9);
    for (unsigned round = 0; round < 20; round++) {
        for (unsigned i = 0; i < 5; i++) {
            add_rx(&c, i, 1500);
        }
        g_assert_false(fake_net_deliver(frame, sizeof(frame)));
        g_assert_false(rig_used(&c.rx));
        add_rx(&c, 5, 1500);
        add_rx(&c, 6, 1500);
        g_assert_true(fake_net_deliver(frame, sizeof(frame)));
        size_t at = 0;
        for (unsigned i = 0; i < 7; i++) {
            uint32_t len = rig_wait(&c.rx, NULL);
            uint8_t *p = rig_ram(&c.r, RX_AT + 8192 * i);
            unsigned skip = i ? 0 : 12;
            g_assert_cmpint(i || p[10] == 7, ==, 1);
            memcpy(got + at, p + skip, len - skip);
            at += len - skip;
        }
        g_assert_cmpmem(got, at, frame, sizeof(frame));
    }
    rig_close(&c.r);
}

static uint8_t command(Card *c, uint8_t class, uint8_t cmd, const void *data, uint32_t len)
{
    uint8_t *p = rig_ram(&c->r, CTRL_AT);
    p[0] = class;
    p[1] = cmd;
    memcpy(p + 2, data, len);
    *(uint8_t *)rig_ram(&c->r, ACK_AT) = 0xee;
    const RigBuf bufs[] = { { CTRL_AT, 2, false }, { CTRL_AT + 2, len, false }, { ACK_AT, 1, true } };
    rig_add_chain(&c->ctrl, bufs, 3, 0);
    rig_kick(&c->ctrl);
    g_assert_cmpuint(rig_wait(&c->ctrl, NULL), ==, 1);
    return *(uint8_t *)rig_ram(&c->r, ACK_AT);
}

static bool arrives(Card *c, const char *to, int vlan)
{
    uint8_t frame[64];
    make_frame(frame, sizeof(frame), to, 1);
    if (vlan >= 0) {
        memcpy(frame + 12, "\x81\x00", 2);
        frame[14] = (uint8_t)(vlan >> 8);
        frame[15] = (uint8_t)vlan;
    }
    add_rx(c, 0, 2048);
    g_assert_true(fake_net_deliver(frame, sizeof(frame)));
    if (!rig_used(&c->rx)) {
        return false;
    }
    rig_wait(&c->rx, NULL);
    return true;
}

/* What a client is told of the filter; a change is told once until it asks. */
static NetRxFilter look(void)
{
    NetRxFilter f;
    g_assert_true(fake_net.nic->filter_told);
    fake_net.nic->filter_told = false;
    fake_net.nic->get_rx_filter(fake_net.opaque, &f);
    return f;
}

static void test_tell_filter(gconstpointer kind)
{
    const uint8_t on = 1, off = 0, table[] = { 1, 0, 0, 0, 2, 0, 0, 0, 0, 9, 1, 0, 0, 0, 3, 0, 0, 0, 0, 8 };
    const uint16_t id = GUINT16_TO_LE(70);
    Card c;
    card_open(&c, kind, UINT64_MAX);
    g_assert_false(fake_net.nic->filter_told);
    g_assert_cmpint(command(&c, 0, 9, &on, 1), ==, 1);
    g_assert_false(fake_net.nic->filter_told);
    g_assert_cmpint(command(&c, 0, 0, &off, 1), ==, 0);
    NetRxFilter f = look();
    g_assert_false(f.promiscuous);
    g_assert_true(f.broadcast && f.unicast == NET_RX_NORMAL && f.multicast == NET_RX_NORMAL);
    g_assert_cmpint(command(&c, 0, 1, &on, 1), ==, 0);
    g_assert_cmpint(command(&c, 1, 0, table, sizeof(table)), ==, 0);
    g_assert_cmpint(command(&c, 2, 0, &id, 2), ==, 0);
    f = look();
    g_assert_cmpint(f.multicast, ==, NET_RX_ALL);
    g_assert_cmpint(f.vlan, ==, NET_RX_NORMAL);
    g_assert_cmphex(f.vlans[1], ==, 1 << 6);
    g_assert_cmpuint(f.unicast_count, ==, 1);
    g_assert_cmpuint(f.multicast_count, ==, 1);
    g_assert_cmpmem(f.macs, 12, "\x02\0\0\0\0\x09\x03\0\0\0\0\x08", 12);
    rig_close(&c.r);
}

static void test_filter(gconstpointer kind)
{
    static const char *const all = "\xff\xff\xff\xff\xff\xff", *const other = "\x52\x54\x00\x00\x00\x02",
                             *const multi = "\x33\x33\x00\x00\x00\x01";
    const uint8_t on = 1, off = 0;
    Card c;
    card_open(&c, kind, UINT64_MAX);
    g_assert_true(arrives(&c, other, -1)); /* promiscuous until told */
    g_assert_cmpint(command(&c, 0, 0, &off, 1), ==, 0);
    g_assert_true(arrives(&c, to_us, -1));
    g_assert_true(arrives(&c, all, -1));
    g_assert_false(arrives(&c, other, -1));
    g_assert_false(arrives(&c, multi, -1));
    g_assert_cmpint(command(&c, 0, 1, &on, 1), ==, 0); /* allmulti */
    g_assert_true(arrives(&c, multi, -1));
    g_assert_cmpint(command(&c, 0, 1, &off, 1), ==, 0);
    uint8_t table[4 + 6 + 4 + 6] = { 1, 0, 0, 0, [10] = 1 };
    memcpy(table + 4, other, 6);
    memcpy(table + 14, multi, 6);
    g_assert_cmpint(command(&c, 1, 0, table, sizeof(table)), ==, 0);
    g_assert_true(arrives(&c, other, -1));
    g_assert_true(arrives(&c, multi, -1));
    g_assert_false(arrives(&c, "\x52\x54\x00\x00\x00\x03", -1));
    g_assert_false(arrives(&c, to_us, 5));
    const uint16_t id = GUINT16_TO_LE(5);
    g_assert_cmpint(command(&c, 2, 0, &id, 2), ==, 0);
    g_assert_true(arrives(&c, to_us, 5));
    g_assert_cmpint(command(&c, 2, 1, &id, 2), ==, 0);
    g_assert_false(arrives(&c, to_us, 5));
    g_assert_cmpint(command(&c, 1, 1, "\x52\x54\x00\x00\x00\x77", 6), ==, 0);
    g_assert_true(arrives(&c, "\x52\x54\x00\x00\x00\x77", -1));
    g_assert_cmphex(rig_config(&c.r, 5, 1), ==, 0x77);
    rig_reset_device(&c.r);
    g_assert_cmphex(rig_config(&c.r, 5, 1), ==, 0x01);
    rig_close(&c.r);
}

static void test_bad_commands(gconstpointer kind)
{
    Card c;
    uint8_t data[2048];
    card_open(&c, kind, UINT64_MAX);
    memset(data, 0xff, sizeof(data));
    g_assert_cmpint(command(&c, 1, 0, data, 64), ==, 1); /* 4 G entries */
    g_assert_cmpint(command(&c, 2, 0, data, 2), ==, 1);  /* VLAN 65535 */
    g_assert_cmpint(command(&c, 0, 9, data, 1), ==, 1);
    g_assert_cmpint(command(&c, 1, 1, data, 5), ==, 1);
    g_assert_cmpint(command(&c, 99, 0, data, 1), ==, 1);
    memset(data, 0, 4);
    data[0] = 100; /* more than the table: all unicast passes */
    memset(data + 4 + 600, 0, 4);
    g_assert_cmpint(command(&c, 1, 0, data, 4 + 600 + 4), ==, 0);
    const uint8_t off = 0;
    g_assert_cmpint(command(&c, 0, 0, &off, 1), ==, 0);
    g_assert_true(arrives(&c, "\x52\x54\x00\x00\x00\x55", -1));
    g_autoptr(GRand) rnd = g_rand_new_with_seed(2);
    for (unsigned i = 0; i < 2000; i++) {
        for (unsigned k = 0; k < sizeof(data); k++) {
            data[k] = (uint8_t)(g_rand_int(rnd) % 4 ? 0 : g_rand_int(rnd));
        }
        command(&c, g_rand_int(rnd) % 4, g_rand_int(rnd) % 6, data, 1 + g_rand_int(rnd) % 1000);
    }
    const RigBuf deaf = { CTRL_AT, 3, false };
    rig_add_chain(&c.ctrl, &deaf, 1, 0);
    rig_kick(&c.ctrl);
    g_assert_cmpint(c.r.v->s.broken, ==, 1);
    rig_close(&c.r);
}

/* Frames of no length, of too much, in pieces of one byte. */
static void test_bad_frames(gconstpointer kind)
{
    Card c;
    card_open(&c, kind, 0);
    const RigBuf frames[] = { { TX_AT, c.header, false }, { TX_AT, 3, false }, { TX_AT, 200000, false } };
    for (unsigned i = 0; i < G_N_ELEMENTS(frames); i++) {
        rig_add_chain(&c.tx, &frames[i], 1, 0);
    }
    rig_kick(&c.tx);
    for (unsigned i = 0; i < G_N_ELEMENTS(frames); i++) {
        rig_wait(&c.tx, NULL);
    }
    g_assert_cmpuint(fake_net.sent, ==, 0);
    RigBuf pieces[60];
    for (unsigned i = 0; i < G_N_ELEMENTS(pieces); i++) {
        pieces[i] = (RigBuf){ TX_AT + i, 1, false };
    }
    rig_add_chain(&c.tx, pieces, 60, 0);
    rig_kick(&c.tx);
    rig_wait(&c.tx, NULL);
    g_assert_cmpuint(fake_net.len, ==, 60 - c.header);
    add_rx(&c, 0, 4); /* no room for a header */
    uint8_t frame[60] = { 0 };
    fake_net_deliver(frame, sizeof(frame));
    g_assert_false(rig_used(&c.rx));
    rig_close(&c.r);
}

/* The network answers from inside net_send; the link goes down and comes back. */
static void test_echo_and_link(gconstpointer kind)
{
    Card c;
    card_open(&c, kind, 1ull << STATUS_F);
    fake_net.echo = true;
    add_rx(&c, 0, 2048);
    make_frame((uint8_t *)rig_ram(&c.r, TX_AT) + c.header, 60, to_us, 1);
    const RigBuf whole = { TX_AT, c.header + 60, false };
    rig_add_chain(&c.tx, &whole, 1, 0);
    rig_kick(&c.tx);
    g_assert_cmpuint(rig_wait(&c.rx, NULL), ==, c.header + 60);
    rig_wait(&c.tx, NULL);
    rig_isr(&c.r);
    g_assert_cmpint(rig_config(&c.r, 6, 2), ==, 1);
    fake_net.down = true;
    lock_take(fake_net.lock);
    fake_net.fe->link_changed(fake_net.opaque, false);
    lock_release(fake_net.lock);
    g_assert_cmpint(rig_isr(&c.r), ==, VIRTIO_ISR_CONFIG);
    g_assert_cmpint(rig_config(&c.r, 6, 2), ==, 0);
    rig_close(&c.r);
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        void (*fn)(gconstpointer);
    } tests[] = {
        { "send", test_send },
        { "burst", test_burst },
        { "receive", test_receive },
        { "receive-arms", test_receive_arms },
        { "merged", test_merged },
        { "filter", test_filter },
        { "tell-filter", test_tell_filter },
        { "bad-commands", test_bad_commands },
        { "bad-frames", test_bad_frames },
        { "echo-and-link", test_echo_and_link },
    };
    g_test_init(&argc, &argv, NULL);
    for (unsigned i = 0; i < G_N_ELEMENTS(tests); i++) {
        for (int kind = 0; kind < RIG_KINDS; kind++) {
            g_autofree char *path = g_strdup_printf("/virtio-net/%s/%s", rig_kind_names[kind], tests[i].name);
            g_test_add_data_func(path, GINT_TO_POINTER(kind), tests[i].fn);
        }
    }
    return g_test_run();
}
