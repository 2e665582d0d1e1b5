/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Datagrams in pieces: good ones arrive whole, in any order; bad ones harm nobody. */
#include <arpa/inet.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/event_loop.h"
#include "guest.h"
#include "tests/ends.h"
#include "tests/made.h"
#include "tests/patience.h"

enum { HOST = 0x0a000202, HEADERS = 34, MORE = 0x2000, UDP = 17, PORT = 5000 };

typedef struct Net {
    Guest guest;
    int fd; /* a socket of the host's, at port */
    uint16_t port;
} Net;

static void net_begin(Net *n)
{
    GError *err = NULL;
    n->fd = guest_bound_socket(SOCK_DGRAM | SOCK_NONBLOCK, &n->port);
    NetClient *nc = test_netdev(test_nets(), "user,id=n", &err);
    g_assert_no_error(err);
    guest_init(&n->guest, nc);
}

static void net_end(Net *n)
{
    guest_clear(&n->guest);
    test_close_nets();
    close(n->fd);
}

/* A UDP datagram without IP's header: len bytes of data that differ from place to place. */
static GByteArray *udp_made(const Net *n, size_t len)
{
    GByteArray *d = g_byte_array_new();
    g_byte_array_set_size(d, (guint)(8 + len));
    uint16_t words[4] = { htons(PORT), htons(n->port), htons((uint16_t)(8 + len)), 0 };
    memcpy(d->data, words, 8);
    for (size_t i = 0; i < len; i++) {
        d->data[8 + i] = (uint8_t)(i * 7 + i / 251);
    }
    return d;
}

static void send_piece(Net *n, unsigned id, const uint8_t *data, size_t offset, size_t len, unsigned more)
{
    uint8_t frame[2000] = { 0 };
    g_assert_cmpuint(len, <=, sizeof(frame) - HEADERS);
    memcpy(frame + HEADERS, data + offset, len);
    guest_send_ip(&n->guest, frame, HOST, UDP, id, (unsigned)(offset / 8) | more, len);
}

/* What the host's socket gets next, and from it on. */
static GByteArray *host_receives(Net *n)
{
    GByteArray *in = g_byte_array_new();
    g_byte_array_set_size(in, 65536);
    ssize_t len = -1;
    for (gint64 end = g_get_monotonic_time() + TEST_PATIENCE_US; len < 0 && g_get_monotonic_time() < end;) {
        guest_turn(&n->guest);
        len = recv(n->fd, in->data, in->len, 0);
    }
    g_assert_cmpint(len, >=, 0);
    g_byte_array_set_size(in, (guint)len);
    return in;
}

static void assert_received(Net *n, const GByteArray *udp)
{
    g_autoptr(GByteArray) in = host_receives(n);
    g_assert_cmpmem(in->data, in->len, udp->data + 8, udp->len - 8);
}

static void test_orders(void)
{
    enum { PIECE = 1480 };
    static const size_t sizes[] = { 1, 1473, 4000, 60000, 65507 };
    Net n;
    net_begin(&n);
    for (unsigned s = 0; s < G_N_ELEMENTS(sizes); s++) {
        g_autoptr(GByteArray) udp = udp_made(&n, sizes[s]);
        unsigned pieces = (udp->len + PIECE - 1) / PIECE;
        for (unsigned order = 0; order < 3; order++) {
            for (unsigned i = 0; i < pieces; i++) {
                unsigned k = order == 0 ? i : order == 1 ? pieces - 1 - i : (i + pieces / 2) % pieces;
                send_piece(&n, 100 + s * 3 + order, udp->data, k * PIECE, MIN(PIECE, udp->len - k * PIECE),
                           k + 1 < pieces ? MORE : 0);
            }
            assert_received(&n, udp);
        }
    }
    net_end(&n);
}

/* Two datagrams whose pieces come in turns: the identification tells them apart. */
static void test_mixed(void)
{
    Net n;
    net_begin(&n);
    g_autoptr(GByteArray) a = udp_made(&n, 40), b = udp_made(&n, 56);
    send_piece(&n, 1, a->data, 0, 24, MORE);
    send_piece(&n, 2, b->data, 32, 32, 0);
    send_piece(&n, 1, a->data, 24, 24, 0);
    assert_received(&n, a);
    send_piece(&n, 2, b->data, 0, 32, MORE);
    assert_received(&n, b);
    net_end(&n);
}

/* None of these is delivered; a good one after them is. */
static void test_refused(void)
{
    Net n;
    net_begin(&n);
    g_autoptr(GByteArray) udp = udp_made(&n, 1000), good = udp_made(&n, 10);
    const uint8_t *d = udp->data;
    /* overlap */
    send_piece(&n, 1, d, 0, 512, MORE);
    send_piece(&n, 1, d, 504, 504, 0);
    send_piece(&n, 1, d, 512, 496, 0);
    /* two ends */
    send_piece(&n, 2, d, 512, 400, 0);
    send_piece(&n, 2, d, 912, 96, 0);
    send_piece(&n, 2, d, 0, 512, MORE);
    /* beyond the end */
    send_piece(&n, 3, d, 512, 400, 0);
    send_piece(&n, 3, d, 912, 96, MORE);
    send_piece(&n, 3, d, 0, 512, MORE);
    /* a piece in the middle that is no multiple of eight bytes */
    send_piece(&n, 4, d, 0, 511, MORE);
    send_piece(&n, 4, d, 511, 497, 0);
    /* the reserved flag */
    send_piece(&n, 5, d, 0, 1008, 0x8000);
    /* longer than a datagram can be */
    uint8_t frame[1500] = { 0 };
    guest_send_ip(&n.guest, frame, HOST, UDP, 6, 0x1fff, 8);
    guest_send_ip(&n.guest, frame, HOST, UDP, 6, 0x1fff, 100);
    guest_send_ip(&n.guest, frame, HOST, UDP, 6, 0x1fff | MORE, 1400);
    send_piece(&n, 7, good->data, 0, 8, MORE);
    send_piece(&n, 7, good->data, 8, 10, 0);
    assert_received(&n, good);
    net_end(&n);
}

/* The seventeenth takes the place of the first. */
static void test_bound(void)
{
    Net n;
    net_begin(&n);
    g_autoptr(GByteArray) udp = udp_made(&n, 100), last = udp_made(&n, 99);
    for (unsigned i = 0; i < 17; i++) {
        send_piece(&n, i, i == 16 ? last->data : udp->data, 0, 16, MORE);
    }
    send_piece(&n, 0, udp->data, 16, udp->len - 16, 0); /* alone now, and takes the second's place */
    send_piece(&n, 16, last->data, 16, last->len - 16, 0);
    assert_received(&n, last);
    net_end(&n);
}

/* Pieces of few datagrams with anything in them: they meet one another, often. */
static void test_random(void)
{
    Net n;
    net_begin(&n);
    uint8_t frame[1600] = { 0 };
    for (int i = 0; i < 20000; i++) {
        for (size_t k = HEADERS; k < sizeof(frame); k += 64) {
            frame[k] = (uint8_t)g_test_rand_int();
        }
        guest_send_ip(&n.guest, frame, HOST, g_test_rand_bit() ? UDP : 1,
                      (unsigned)g_test_rand_int_range(0, 4),
                      (unsigned)g_test_rand_int_range(0, 20) | (g_test_rand_bit() ? MORE : 0),
                      (size_t)g_test_rand_int_range(0, 12) * 8 + (g_test_rand_int_range(0, 8) == 0));
        if (i % 100 == 0) {
            guest_turn(&n.guest);
        }
    }
    g_ptr_array_set_size(n.guest.frames, 0);
    guest_send_arp(&n.guest, HOST);
    g_assert_true(guest_wait_arp_reply(&n.guest, HOST));
    net_end(&n);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/fragments/orders", test_orders);
    g_test_add_func("/fragments/mixed", test_mixed);
    g_test_add_func("/fragments/refused", test_refused);
    g_test_add_func("/fragments/bound", test_bound);
    g_test_add_func("/fragments/random", test_random);
    return g_test_run();
}
