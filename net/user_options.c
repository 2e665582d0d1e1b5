/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The options of -netdev user, and libslirp's configuration from them.
 * Spelling and default addresses: the QEMU manual, "invocation", -netdev user. */
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "base/sandbox.h"
#include "user.h"
#include "util/keyval.h"

#define TEXT(name, field, what)                                                                              \
    {                                                                                                        \
        name, PROP_STRING, offsetof(NetUserOptions, field), what                                             \
    }
#define TEXTS(name, field, what)                                                                             \
    {                                                                                                        \
        name, PROP_STRING, offsetof(NetUserOptions, field), what, .list = true, .wrapped = true              \
    }
#define NO_SMB                                                                                               \
    "the SMB server is not supported; serve the folder over HTTP on the host, the guest reaches it at the "  \
    "host= address"

static const Prop props[] = {
    { "ipv4", PROP_BOOL, offsetof(NetUserOptions, ipv4), "offer IPv4", .def = 1,
      .has = offsetof(NetUserOptions, has_ipv4) },
    { "ipv6", PROP_BOOL, offsetof(NetUserOptions, ipv6), "offer IPv6", .def = 1,
      .has = offsetof(NetUserOptions, has_ipv6) },
    { "restrict", PROP_BOOL, offsetof(NetUserOptions, restricted),
      "keep the guest from the host and the world" },
    TEXT("net", net, "IPv4 network as ADDRESS[/BITS or /MASK], 10.0.2.0/24 unless given"),
    TEXT("host", host, "the host's address in it, .2 unless given"),
    TEXT("dns", dns, "the name server's address in it, .3 unless given"),
    TEXT("dhcpstart", dhcpstart, "the first of 16 addresses for guests, .15 unless given"),
    TEXT("ipv6-prefix", ipv6_net, "IPv6 network, fec0:: unless given"),
    { "ipv6-net", .same_as = "ipv6-prefix" }, /* ADDRESS/BITS */
    { "ipv6-prefixlen", PROP_U8, offsetof(NetUserOptions, ipv6_prefixlen), "bits of it", .def = 64,
      .max = 126 },
    TEXT("ipv6-host", ipv6_host, "the host's address in it"),
    TEXT("ipv6-dns", ipv6_dns, "the name server's address in it"),
    TEXT("hostname", hostname, "the guest's name, by DHCP"),
    TEXT("domainname", domainname, "the guest's domain, by DHCP"),
    TEXTS("dnssearch", dnssearch, "domains to search for names"),
    TEXT("tftp", tftp, "folder that a TFTP server shows"),
    TEXT("tftp-server-name", tftp_server_name, "name of that server, by DHCP"),
    TEXT("bootfile", bootfile, "file to boot from, by DHCP"),
    TEXTS("hostfwd", hostfwd, "forward tcp|udp:[HOSTADDR]:PORT-[GUESTADDR]:PORT"),
    TEXTS("guestfwd", guestfwd, "forward tcp:GUESTADDR:PORT-CHARDEV or -cmd:COMMAND"),
    { "smb", .refused = NO_SMB },
    { "smbserver", .refused = NO_SMB },
    { NULL },
};

const Shape net_user_shape = { "NetdevUserOptions", sizeof(NetUserOptions), props };

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
static bool parse_in_net(const char *key, const char *v, const V4 *v4, uint32_t *out, GError **err)
{
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

static bool parse_v4(SlirpConfig *cfg, const NetUserOptions *o, GError **err)
{
    V4 v = { .net = 0x0a000200, .mask = 0xffffff00 };
    if (o->net && !parse_net(o->net, &v.net, &v.mask, err)) {
        return false;
    }
    v.host = v.net | (0x0202 & ~v.mask);
    v.dns = v.net | (0x0203 & ~v.mask);
    v.dhcp = v.net | (0x020f & ~v.mask);
    if (!parse_in_net("host", o->host, &v, &v.host, err) || !parse_in_net("dns", o->dns, &v, &v.dns, err) ||
        !parse_in_net("dhcpstart", o->dhcpstart, &v, &v.dhcp, err)) {
        return false;
    }
    if (v.host == v.dns) {
        return bad_address("dns", o->dns ? o->dns : "", "DNS must be different from host", err);
    }
    if (v.host - v.dhcp < 16 || v.dns - v.dhcp < 16) { /* unsigned: within [dhcp, dhcp + 16) */
        return bad_address("dhcpstart", o->dhcpstart ? o->dhcpstart : "",
                           "the 16 addresses for guests include those of host= or dns=", err);
    }
    cfg->vnetwork.s_addr = htonl(v.net);
    cfg->vnetmask.s_addr = htonl(v.mask);
    cfg->vhost.s_addr = htonl(v.host);
    cfg->vnameserver.s_addr = htonl(v.dns);
    cfg->vdhcp_start.s_addr = htonl(v.dhcp);
    return true;
}

/* ---- IPv6 ---------------------------------------------------------------- */

static bool parse_v6_address(const char *key, const char *v, struct in6_addr *out, GError **err)
{
    if (v && inet_pton(AF_INET6, v, out) != 1) {
        net_error(err, "-netdev user,%s=%s: no IPv6 address; write it like fec0::2", key, v);
        return false;
    }
    return true;
}

static bool parse_v6(SlirpConfig *cfg, const NetUserOptions *o, GError **err)
{
    g_auto(GStrv) part = g_strsplit(o->ipv6_net ? o->ipv6_net : "fec0::", "/", 2);
    uint64_t bits = o->ipv6_prefixlen;
    if (!part[0] || inet_pton(AF_INET6, part[0], &cfg->vprefix_addr6) != 1 ||
        (part[1] && !keyval_uint(part[1], 126, &bits))) {
        net_error(err,
                  "-netdev user,ipv6-net=%s: no IPv6 prefix of up to 126 bits; write it like "
                  "fec0::/64",
                  o->ipv6_net);
        return false;
    }
    cfg->vprefix_len = bits;
    cfg->vhost6 = cfg->vnameserver6 = cfg->vprefix_addr6;
    cfg->vhost6.s6_addr[15] |= 2;
    cfg->vnameserver6.s6_addr[15] |= 3;
    return parse_v6_address("ipv6-host", o->ipv6_host, &cfg->vhost6, err) &&
           parse_v6_address("ipv6-dns", o->ipv6_dns, &cfg->vnameserver6, err);
}

/* ---- the rest ------------------------------------------------------------ */

/* ipv6=on alone: only that; ipv6=off alone: only the other. */
static bool choose_protocols(SlirpConfig *cfg, const NetUserOptions *o, GError **err)
{
    bool v4 = o->has_ipv6 && !o->has_ipv4 ? !o->ipv6 : o->ipv4;
    bool v6 = o->has_ipv4 && !o->has_ipv6 ? !o->ipv4 : o->ipv6;
    if (!v4 && !v6) {
        net_error(err, "-netdev user: ipv4=off and ipv6=off leave no protocol; drop one of them");
        return false;
    }
    cfg->in_enabled = v4;
    cfg->in6_enabled = v6;
    return true;
}

static bool check_length(const char *key, const char *text, size_t max, GError **err)
{
    if (text && strlen(text) > max) {
        net_error(err,
                  "-netdev user,%s=%s: longer than the %zu bytes that the protocol has; shorten "
                  "it",
                  key, text, max);
        return false;
    }
    return true;
}

static bool add_services(SlirpConfig *cfg, const NetUserOptions *o, GError **err)
{
    if (o->tftp && !g_file_test(o->tftp, G_FILE_TEST_IS_DIR)) {
        net_error(err, "-netdev user,tftp=%s: no such folder; name one that exists", o->tftp);
        return false;
    }
    if (o->tftp) {
        sandbox_add_folder(o->tftp, false);
    }
    cfg->tftp_path = o->tftp;
    cfg->vdnssearch = o->dnssearch.items;
    cfg->vhostname = o->hostname;
    cfg->vdomainname = o->domainname;
    cfg->bootfile = o->bootfile;
    cfg->tftp_server_name = o->tftp_server_name;
    return check_length("hostname", o->hostname, 32, err) &&
           check_length("domainname", o->domainname, 254, err) &&
           check_length("bootfile", o->bootfile, 127, err) &&
           check_length("tftp-server-name", o->tftp_server_name, 255, err);
}

bool user_config(SlirpConfig *cfg, const NetUserOptions *o, GError **err)
{
    *cfg = (SlirpConfig){ .version = 3, .restricted = o->restricted };
    return choose_protocols(cfg, o, err) && parse_v4(cfg, o, err) && parse_v6(cfg, o, err) &&
           add_services(cfg, o, err);
}
