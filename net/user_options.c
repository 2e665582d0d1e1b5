/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The keys of -netdev user into libslirp's configuration.
 * Spelling and default addresses: the QEMU manual, "invocation", -netdev user. */
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "user.h"
#include "util/keyval.h"

static const char *get(GHashTable *t, const char *key)
{
    return g_hash_table_lookup(t, key);
}

static bool get_bool(GHashTable *t, const char *key, bool *out, GError **err)
{
    const char *v = get(t, key);
    if (v && !keyval_bool(v, out)) {
        net_error(err, "-netdev user,%s=%s: '%s' is neither on nor off; write %s=on or %s=off", key, v, v,
                  key, key);
        return false;
    }
    return true;
}

static bool bad_address(const char *key, const char *v, const char *why, GError **err)
{
    net_error(err,
              "-netdev user,%s=%s: %s; leave it out for the usual 10.0.2.0/24 with host .2, "
              "DNS .3 and guests from .15",
              key, v, why);
    return false;
}

/* ---- IPv4 ---------------------------------------------------------------- */

bool user_address(const char *text, struct in_addr *out)
{
    return !strpbrk(text, " \t\n\v\f\r") && inet_aton(text, out);
}

static bool parse_net(const char *v, uint32_t *net, uint32_t *mask, GError **err)
{
    g_auto(GStrv) part = g_strsplit(v, "/", 2);
    struct in_addr a;
    uint64_t bits;
    if (!part[0] || !user_address(part[0], &a)) {
        return bad_address("net", v, "Failed to parse the network address", err);
    }
    *net = ntohl(a.s_addr);
    *mask = !(*net >> 31) ? 0xff000000 : *net >> 30 == 2 ? 0xffff0000 : 0xffffff00;
    if (part[1] && strchr(part[1], '.')) {
        if (!user_address(part[1], &a) || (~ntohl(a.s_addr) & (~ntohl(a.s_addr) + 1))) {
            return bad_address("net", v, "Invalid netmask provided", err);
        }
        *mask = ntohl(a.s_addr);
    } else if (part[1]) {
        if (!keyval_uint(part[1], 32, &bits) || bits < 4) {
            return bad_address("net", v, "Invalid netmask provided (must be in range 4-32)", err);
        }
        *mask = UINT32_MAX << (32 - bits);
    }
    *net &= *mask;
    return true;
}

typedef struct V4 {
    uint32_t net, mask, host, dns, dhcp;
} V4;

/* An address in the network, other than its own and the broadcast one. */
static bool parse_in_net(GHashTable *t, const char *key, const V4 *v4, uint32_t *out, GError **err)
{
    const char *v = get(t, key);
    struct in_addr a;
    if (v && !user_address(v, &a)) {
        return bad_address(key, v, "no IPv4 address", err);
    }
    *out = v ? ntohl(a.s_addr) : *out;
    if (v && ((*out & v4->mask) != v4->net)) {
        return bad_address(key, v, "the address is not in the network of net=", err);
    }
    return true;
}

static bool parse_v4(UserOptions *o, GHashTable *t, GError **err)
{
    V4 v = { .net = 0x0a000200, .mask = 0xffffff00 };
    if (get(t, "net") && !parse_net(get(t, "net"), &v.net, &v.mask, err)) {
        return false;
    }
    v.host = v.net | (0x0202 & ~v.mask);
    v.dns = v.net | (0x0203 & ~v.mask);
    v.dhcp = v.net | (0x020f & ~v.mask);
    if (!parse_in_net(t, "host", &v, &v.host, err) || !parse_in_net(t, "dns", &v, &v.dns, err) ||
        !parse_in_net(t, "dhcpstart", &v, &v.dhcp, err)) {
        return false;
    }
    if (v.host == v.dns) {
        return bad_address("dns", get(t, "dns") ? get(t, "dns") : "", "DNS must be different from host", err);
    }
    if (v.host - v.dhcp < 16 || v.dns - v.dhcp < 16) { /* unsigned: within [dhcp, dhcp + 16) */
        return bad_address("dhcpstart", get(t, "dhcpstart") ? get(t, "dhcpstart") : "",
                           "the 16 addresses for guests include those of host= or dns=", err);
    }
    o->cfg.vnetwork.s_addr = htonl(v.net);
    o->cfg.vnetmask.s_addr = htonl(v.mask);
    o->cfg.vhost.s_addr = htonl(v.host);
    o->cfg.vnameserver.s_addr = htonl(v.dns);
    o->cfg.vdhcp_start.s_addr = htonl(v.dhcp);
    return true;
}

/* ---- IPv6 ---------------------------------------------------------------- */

static bool parse_v6_address(GHashTable *t, const char *key, struct in6_addr *out, GError **err)
{
    const char *v = get(t, key);
    if (v && inet_pton(AF_INET6, v, out) != 1) {
        net_error(err, "-netdev user,%s=%s: no IPv6 address; write it like fec0::2", key, v);
        return false;
    }
    return true;
}

static bool parse_v6(UserOptions *o, GHashTable *t, GError **err)
{
    const char *net = get(t, "ipv6-net") ? get(t, "ipv6-net") : get(t, "ipv6-prefix");
    const char *length = get(t, "ipv6-prefixlen");
    g_auto(GStrv) part = g_strsplit(net ? net : "fec0::/64", "/", 2);
    uint64_t bits = 64;
    length = part[0] && part[1] ? part[1] : length;
    if (!part[0] || inet_pton(AF_INET6, part[0], &o->cfg.vprefix_addr6) != 1 ||
        (length && !keyval_uint(length, 126, &bits))) {
        net_error(err,
                  "-netdev user,ipv6-net=%s: no IPv6 prefix of up to 126 bits; write it like "
                  "fec0::/64",
                  net ? net : "");
        return false;
    }
    o->cfg.vprefix_len = bits;
    o->cfg.vhost6 = o->cfg.vnameserver6 = o->cfg.vprefix_addr6;
    o->cfg.vhost6.s6_addr[15] |= 2;
    o->cfg.vnameserver6.s6_addr[15] |= 3;
    return parse_v6_address(t, "ipv6-host", &o->cfg.vhost6, err) &&
           parse_v6_address(t, "ipv6-dns", &o->cfg.vnameserver6, err);
}

/* ---- the rest ------------------------------------------------------------ */

static bool parse_protocols(UserOptions *o, GHashTable *t, GError **err)
{
    bool v4 = !(get(t, "ipv6") && !get(t, "ipv4")), v6 = !(get(t, "ipv4") && !get(t, "ipv6"));
    if (get(t, "ipv6") && !get(t, "ipv4")) {
        v6 = true;
        if (!get_bool(t, "ipv6", &v6, err)) {
            return false;
        }
        v4 = !v6; /* ipv6=on alone: only that; ipv6=off alone: only the other */
    } else if (get(t, "ipv4") && !get(t, "ipv6")) {
        if (!get_bool(t, "ipv4", &v4, err)) {
            return false;
        }
        v6 = !v4;
    } else if (!get_bool(t, "ipv4", &v4, err) || !get_bool(t, "ipv6", &v6, err)) {
        return false;
    }
    if (!v4 && !v6) {
        net_error(err, "-netdev user: ipv4=off and ipv6=off leave no protocol; drop one of them");
        return false;
    }
    o->cfg.in_enabled = v4;
    o->cfg.in6_enabled = v6;
    return true;
}

static bool parse_text(GHashTable *t, const char *key, size_t max, const char **out, GError **err)
{
    *out = get(t, key);
    if (*out && strlen(*out) > max) {
        net_error(err,
                  "-netdev user,%s=%s: longer than the %zu bytes that the protocol has; shorten "
                  "it",
                  key, *out, max);
        return false;
    }
    return true;
}

static bool parse_services(UserOptions *o, GHashTable *t, GError **err)
{
    const char *refused = get(t, "smb") ? "smb" : get(t, "smbserver") ? "smbserver" : NULL;
    if (refused) {
        net_error(err,
                  "-netdev user,%s=%s: the SMB server is not supported; serve the folder over "
                  "HTTP on the host, the guest reaches it at the host= address",
                  refused, get(t, refused));
        return false;
    }
    o->cfg.tftp_path = get(t, "tftp");
    if (o->cfg.tftp_path && !g_file_test(o->cfg.tftp_path, G_FILE_TEST_IS_DIR)) {
        net_error(err, "-netdev user,tftp=%s: no such folder; name one that exists", o->cfg.tftp_path);
        return false;
    }
    if (get(t, "dnssearch")) {
        o->search = g_strsplit(get(t, "dnssearch"), "\n", -1);
        o->cfg.vdnssearch = (const char **)o->search;
    }
    return parse_text(t, "hostname", 32, &o->cfg.vhostname, err) &&
           parse_text(t, "domainname", 254, &o->cfg.vdomainname, err) &&
           parse_text(t, "bootfile", 127, &o->cfg.bootfile, err) &&
           parse_text(t, "tftp-server-name", 255, &o->cfg.tftp_server_name, err);
}

bool user_options_parse(UserOptions *o, GHashTable *t, GError **err)
{
    bool restricted = false;
    *o = (UserOptions){ .cfg.version = 3 };
    if (!parse_protocols(o, t, err) || !parse_v4(o, t, err) || !parse_v6(o, t, err) ||
        !parse_services(o, t, err) || !get_bool(t, "restrict", &restricted, err)) {
        return false;
    }
    o->cfg.restricted = restricted;
    return true;
}

void user_options_clear(UserOptions *o)
{
    g_strfreev(o->search);
}
