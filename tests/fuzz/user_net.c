/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Fuzz target: frames that a guest sends to the user network.  Each frame: 1 byte of kind, 1 of length, 4 of what the kind
 * asks for, then the payload.  Checksums are right, or nothing behind them would be reached.  The network is restricted: no
 * frame leaves this process. */
#include <glib/gstdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fuzz.h"
#include "tests/ends.h"
#include "tests/made.h"
#include "tests/net/guest.h"
#include "tests/patience.h"

enum {
    ETH = 14,
    IP4 = 20,
    IP6 = 40,
    FRAMES = 40,
    ROUTER = 0x0a000202,
    NAMES = 0x0a000203,
    FORWARD = 0x0a000264,
};

static const uint32_t destinations[] = { ROUTER, NAMES, FORWARD, UINT32_MAX };

static void fill(uint8_t *p, size_t len, FuzzInput *in)
{
    for (size_t i = 0; i < len; i++) {
        p[i] = (uint8_t)fuzz_take(in, 1);
    }
}

static void put16(uint8_t *p, unsigned v)
{
    p[0] = (uint8_t)(v >> 8);
    p[1] = (uint8_t)v;
}

/* Over the payload and a pseudo header of addresses, length and protocol (RFC 793 3.1, RFC 8200 8.1), whose other words are
 * zero in both versions. */
static void put_checksum(uint8_t *at, const uint8_t *payload, size_t len, const uint8_t *addresses,
                         size_t addresses_len, unsigned protocol)
{
    uint8_t tail[4] = { (uint8_t)(len >> 8), (uint8_t)len, 0, (uint8_t)protocol };
    put16(at, 0);
    put16(at, guest_checksum(payload, len,
                             guest_sum(tail, sizeof(tail), guest_sum(addresses, addresses_len, 0))));
}

static unsigned checksum_place(unsigned protocol)
{
    return protocol == 6 ? 16 : protocol == 17 ? 6 : 2;
}

/* A port at which something is, or any. */
static unsigned port_of(unsigned choice)
{
    static const uint16_t ports[] = { 67, 69, 53, 80, 547, 546, 68 };
    return choice < G_N_ELEMENTS(ports) ? ports[choice] : choice * 257;
}

static void aim(uint8_t *payload, size_t len, unsigned protocol, unsigned port)
{
    if (protocol != 1 && protocol != 58 && len >= 8) {
        put16(payload + 2, port_of(port));
    }
    if (protocol == 17 && len >= 8) {
        put16(payload + 4, (unsigned)len);
    }
}

static void send_ip4(Guest *g, FuzzInput *in, size_t len, bool pieces)
{
    static const uint8_t protocols[] = { 17, 6, 1 };
    uint8_t f[ETH + IP4 + 600] = { 0 }, *payload = f + ETH + IP4;
    unsigned protocol = protocols[fuzz_take(in, 1) % 3], port = (unsigned)fuzz_take(in, 1);
    uint32_t to = destinations[fuzz_take(in, 1) % 4];
    unsigned where = (unsigned)fuzz_take(in, 1);
    fill(payload, len, in);
    aim(payload, len, protocol, port);
    uint8_t addresses[8] = {
        10, 0, 2, 15, (uint8_t)(to >> 24), (uint8_t)(to >> 16), (uint8_t)(to >> 8), (uint8_t)to
    };
    if (len >= 20 && !pieces) {
        bool ping = protocol == 1;
        put_checksum(payload + checksum_place(protocol), payload, len, addresses, ping ? 0 : 8,
                     ping ? 0 : protocol);
        if (ping) { /* no pseudo header */
            put16(payload + 2, 0);
            put16(payload + 2, guest_checksum(payload, len, 0));
        }
    }
    guest_send_ip(g, f, to, (int)protocol, 1, pieces ? (where & 0x1f) | (where & 0x80) << 6 : 0, len);
}

static void send_ip6(Guest *g, FuzzInput *in, size_t len)
{
    static const uint8_t protocols[] = { 58, 17, 6, 0 };
    uint8_t f[ETH + IP6 + 600] = { 0x52, 0x56, 0, 0, 0, 2 }, *ip = f + ETH, *payload = ip + IP6;
    unsigned protocol = protocols[fuzz_take(in, 1) % 4], port = (unsigned)fuzz_take(in, 1);
    unsigned to = (unsigned)fuzz_take(in, 1), hops = (unsigned)fuzz_take(in, 1);
    fill(payload, len, in);
    aim(payload, len, protocol, port);
    put16(f + 12, 0x86dd);
    ip[0] = 0x60;
    put16(ip + 4, (unsigned)len);
    ip[6] = (uint8_t)protocol;
    ip[7] = hops & 1 ? 255 : 64;
    memcpy(ip + 8, (const uint8_t[]){ 0xfe, 0x80, [15] = 0x15 }, 16);
    memcpy(ip + 24,
           to & 1 ? (const uint8_t[16]){ 0xff, 2, [15] = 2 } : (const uint8_t[16]){ 0xfe, 0xc0, [15] = 2 },
           16);
    if (len >= 20 && protocol) {
        put_checksum(payload + checksum_place(protocol), payload, len, ip + 8, 32, protocol);
    }
    guest_send(g, f, ETH + IP6 + len);
}

static void send_raw(Guest *g, FuzzInput *in, size_t len)
{
    static const uint16_t types[] = { 0x0806, 0x0800, 0x86dd, 0x88f8 };
    uint8_t f[ETH + 600] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x52, 0x54, 0, 0x12, 0x34, 0x56 };
    put16(f + 12, types[fuzz_take(in, 4) % 4]);
    fill(f + ETH, len, in);
    guest_send(g, f, ETH + len);
}

/* What TFTP gives out: a folder with one file, for all inputs. */
static char *tftp_folder, *tftp_file;

static void remove_tftp(void)
{
    g_unlink(tftp_file);
    g_rmdir(tftp_folder);
}

static const char *netdev_text(void)
{
    static char *text;
    if (!text) {
        tftp_folder = g_dir_make_tmp("lyrebird-fuzz-XXXXXX", NULL);
        tftp_file = g_build_filename(tftp_folder, "b", NULL);
        g_assert_true(g_file_set_contents(tftp_file, "boot", -1, NULL));
        atexit(remove_tftp);
        text = g_strdup_printf("user,id=n,restrict=on,tftp=%s,bootfile=b,guestfwd=tcp:10.0.2.100:80-null",
                               tftp_folder);
    }
    return text;
}

/* One network for all inputs: libslirp forgets the names of TFTP sessions (20 at most) that are open when it ends. */
static Guest *guest(void)
{
    static Guest g;
    if (!g.nc) {
        g_autoptr(GError) err = NULL;
        NetClient *nc = test_netdev(test_nets(), netdev_text(), &err);
        g_assert_no_error(err);
        guest_init(&g, nc);
        guest_send_arp(&g, ROUTER);
    }
    return &g;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    FuzzInput in = { data, size };
    Guest *g = guest();
    for (unsigned i = 0; i < FRAMES && in.left; i++) {
        unsigned kind = (unsigned)fuzz_take(&in, 1);
        size_t len = fuzz_take(&in, 1) * (kind & 0x80 ? 2 : 1);
        switch (kind % 5) {
        case 0:
        case 1: send_ip4(g, &in, len, false); break;
        case 2: send_ip4(g, &in, len, true); break;
        case 3: send_ip6(g, &in, len); break;
        default: send_raw(g, &in, len); break;
        }
        test_settle();
    }
    g_ptr_array_set_size(g->frames, 0);
    return 0;
}
