/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A guest in the tests of the user network.  Layouts: RFC 826, 791, 768, 793. */
#include "guest.h"

#include <arpa/inet.h>
#include <string.h>
#include <sys/socket.h>

#include "tests/loop.h"
#include "tests/patience.h"

static const uint8_t guest_mac[6] = { 0x52, 0x54, 0, 0x12, 0x34, 0x56 };
static const uint8_t router_mac[6] = { 0x52, 0x55, 10, 0, 2, 2 };

static void put16(uint8_t *p, unsigned v)
{
    p[0] = (uint8_t)(v >> 8);
    p[1] = (uint8_t)v;
}

static void put32(uint8_t *p, uint32_t v)
{
    put16(p, v >> 16);
    put16(p + 2, v & 0xffff);
}

static uint32_t get16(const uint8_t *p)
{
    return (uint32_t)p[0] << 8 | p[1];
}

static uint32_t get32(const uint8_t *p)
{
    return get16(p) << 16 | get16(p + 2);
}

/* ---- the card ------------------------------------------------------------ */

static bool guest_can_receive(void *opaque)
{
    return !((Guest *)opaque)->deaf;
}

static bool guest_receive(void *opaque, const uint8_t *frame, size_t len)
{
    Guest *g = opaque;
    g_assert_false(lock_try(&g->lock));
    if (g->refusals > 0) {
        g->refusals--;
        return false;
    }
    g_ptr_array_add(g->frames, g_bytes_new(frame, len));
    return true;
}

static void guest_link_changed(void *opaque, bool up)
{
    ((Guest *)opaque)->link_changes++;
}

static const NetFrontend frontend = {
    .can_receive = guest_can_receive,
    .receive = guest_receive,
    .link_changed = guest_link_changed,
};

void guest_init(Guest *g, NetClient *nc)
{
    GError *err = NULL;
    *g = (Guest){ .nc = nc, .ip = 0x0a00020f };
    g->frames = g_ptr_array_new_with_free_func((GDestroyNotify)g_bytes_unref);
    lock_init(&g->lock, LOCK_DEVICE);
    bool ok = net_attach(nc, &frontend, g, &g->lock, &err);
    g_assert_no_error(err);
    g_assert_true(ok);
}

void guest_clear(Guest *g)
{
    net_detach(g->nc, g);
    g_ptr_array_unref(g->frames);
    lock_finish(&g->lock);
}

void guest_send(Guest *g, const void *frame, size_t len)
{
    /* in two pieces, and under the card's lock, as a real one may */
    struct iovec iov[2] = { { (void *)frame, MIN(len, 20) },
                            { (char *)frame + MIN(len, 20), len - MIN(len, 20) } };
    lock_take(&g->lock);
    net_send(g->nc, iov, 2);
    lock_release(&g->lock);
}

/* ---- the host -------------------------------------------------------------- */

int guest_bound_socket(int type, uint16_t *port)
{
    struct sockaddr_in in = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t len = sizeof(in);
    int fd = socket(AF_INET, type, 0);
    g_assert_cmpint(bind(fd, (struct sockaddr *)&in, sizeof(in)), ==, 0);
    getsockname(fd, (struct sockaddr *)&in, &len);
    *port = ntohs(in.sin_port);
    return fd;
}

/* ---- frames out ---------------------------------------------------------- */

static void arp_send(Guest *g, int op, const uint8_t *to_mac, uint32_t to_ip)
{
    uint8_t f[42] = { 0 };
    memcpy(f, op == 1 ? (const uint8_t *)"\xff\xff\xff\xff\xff\xff" : to_mac, 6);
    memcpy(f + 6, guest_mac, 6);
    put16(f + 12, 0x0806);
    put16(f + 14, 1);
    put16(f + 16, 0x0800);
    f[18] = 6;
    f[19] = 4;
    put16(f + 20, (unsigned)op);
    memcpy(f + 22, guest_mac, 6);
    put32(f + 28, g->ip);
    memcpy(f + 32, to_mac, op == 1 ? 0 : 6);
    put32(f + 38, to_ip);
    guest_send(g, f, sizeof(f));
}

void guest_send_arp(Guest *g, uint32_t ip)
{
    arp_send(g, 1, guest_mac, ip);
}

uint32_t guest_sum(const uint8_t *p, size_t n, uint32_t s)
{
    for (size_t i = 0; i < n; i++) {
        s += i & 1 ? p[i] : (uint32_t)p[i] << 8;
    }
    return s;
}

uint16_t guest_checksum(const uint8_t *p, size_t n, uint32_t s)
{
    s = guest_sum(p, n, s);
    while (s >> 16) {
        s = (s & 0xffff) + (s >> 16);
    }
    return (uint16_t)~s;
}

void guest_send_ip(Guest *g, uint8_t *f, uint32_t to, int protocol, unsigned id, unsigned where, size_t len)
{
    uint8_t *ip = f + 14;
    memcpy(f, to == UINT32_MAX ? (const uint8_t *)"\xff\xff\xff\xff\xff\xff" : router_mac, 6);
    memcpy(f + 6, guest_mac, 6);
    put16(f + 12, 0x0800);
    memset(ip, 0, 20);
    ip[0] = 0x45;
    put16(ip + 2, (unsigned)(20 + len));
    put16(ip + 4, id);
    put16(ip + 6, where);
    ip[8] = 64;
    ip[9] = (uint8_t)protocol;
    put32(ip + 12, g->ip);
    put32(ip + 16, to);
    put16(ip + 10, guest_checksum(ip, 20, 0));
    guest_send(g, f, 34 + len);
}

void guest_send_udp(Guest *g, uint32_t to, uint16_t from_port, uint16_t to_port, const void *data, size_t len)
{
    uint8_t f[1514] = { 0 };
    put16(f + 34, from_port);
    put16(f + 36, to_port);
    put16(f + 38, (unsigned)(8 + len));
    memcpy(f + 42, data, len);
    guest_send_ip(g, f, to, 17, 0, 0, 8 + len);
}

void guest_send_tcp(Guest *g, Tcp *t, int flags, const void *data, size_t len)
{
    uint8_t f[1514] = { 0 }, *tcp = f + 34;
    put16(tcp, t->local_port);
    put16(tcp + 2, t->peer_port);
    put32(tcp + 4, t->seq);
    put32(tcp + 8, flags & TCP_ACK ? t->ack : 0);
    tcp[12] = 5 << 4;
    tcp[13] = (uint8_t)flags;
    put16(tcp + 14, 60000);
    if (len) {
        memcpy(tcp + 20, data, len);
    }
    uint8_t pseudo[12] = { 0 };
    put32(pseudo, g->ip);
    put32(pseudo + 4, t->peer);
    pseudo[9] = 6;
    put16(pseudo + 10, (unsigned)(20 + len));
    put16(tcp + 16, guest_checksum(tcp, 20 + len, guest_sum(pseudo, 12, 0)));
    t->seq += (uint32_t)len + !!(flags & TCP_SYN) + !!(flags & TCP_FIN);
    guest_send_ip(g, f, t->peer, 6, 0, 0, 20 + len);
}

/* ---- frames in ----------------------------------------------------------- */

void guest_turn(Guest *g)
{
    if (!g_main_context_iteration(event_loop_context(test_loop()), FALSE)) {
        g_usleep(200); /* nothing yet: it comes from another process */
    }
}

/* Takes the first frame for which fn says so; the others before it are dropped. */
static GBytes *wait_frame(Guest *g, bool (*fn)(Guest *g, const uint8_t *f, size_t n, void *arg), void *arg)
{
    gint64 end = g_get_monotonic_time() + TEST_PATIENCE_US;
    while (g_get_monotonic_time() < end) {
        while (g->frames->len) {
            GBytes *b = g_ptr_array_steal_index(g->frames, 0);
            gsize n;
            const uint8_t *f = g_bytes_get_data(b, &n);
            if (n >= 42 && get16(f + 12) == 0x0806 && get16(f + 20) == 1 && get32(f + 38) == g->ip) {
                arp_send(g, 2, f + 22, get32(f + 28));
            }
            if (fn(g, f, n, arg)) {
                return b;
            }
            g_bytes_unref(b);
        }
        guest_turn(g);
    }
    return NULL;
}

static bool is_arp_reply(Guest *g, const uint8_t *f, size_t n, void *arg)
{
    return n >= 42 && get16(f + 12) == 0x0806 && get16(f + 20) == 2 && get32(f + 28) == *(uint32_t *)arg;
}

bool guest_wait_arp_reply(Guest *g, uint32_t ip)
{
    GBytes *b = wait_frame(g, is_arp_reply, &ip);
    g_bytes_unref(b);
    return b != NULL;
}

static bool is_udp(Guest *g, const uint8_t *f, size_t n, void *arg)
{
    return n >= 42 && get16(f + 12) == 0x0800 && f[23] == 17 && get16(f + 36) == *(uint16_t *)arg;
}

GBytes *guest_wait_udp(Guest *g, uint16_t to_port, uint32_t *from, uint16_t *from_port)
{
    g_autoptr(GBytes) b = wait_frame(g, is_udp, &to_port);
    if (!b) {
        return NULL;
    }
    const uint8_t *f = g_bytes_get_data(b, NULL);
    *from = get32(f + 26);
    *from_port = (uint16_t)get16(f + 34);
    return g_bytes_new(f + 42, get16(f + 38) - 8);
}

typedef struct TcpWanted {
    const Tcp *t;
    int flags;
} TcpWanted;

static bool is_tcp(Guest *g, const uint8_t *f, size_t n, void *arg)
{
    const TcpWanted *w = arg;
    return n >= 54 && get16(f + 12) == 0x0800 && f[23] == 6 && get16(f + 36) == w->t->local_port &&
           (f[47] & w->flags) == w->flags;
}

GBytes *guest_wait_tcp(Guest *g, Tcp *t, int flags)
{
    g_autoptr(GBytes) b = wait_frame(g, is_tcp, &(TcpWanted){ t, flags });
    if (!b) {
        return NULL;
    }
    const uint8_t *f = g_bytes_get_data(b, NULL);
    size_t header = 14 + 20 + (size_t)(f[46] >> 4) * 4, len = 14 + get16(f + 16) - header;
    t->peer = get32(f + 26);
    t->peer_port = (uint16_t)get16(f + 34);
    t->ack = get32(f + 38) + (uint32_t)len + !!(f[47] & TCP_SYN) + !!(f[47] & TCP_FIN);
    return g_bytes_new(f + header, len);
}
