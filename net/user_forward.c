/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Forwarding rules of the user network: hostfwd (a port of the host into the guest) and
 * guestfwd (a port that the guest sees, to a chardev or a command).
 * Spelling: the QEMU manual, "invocation", -netdev user. */
#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

#include "base/sandbox.h"
#include "chardev/chardev.h"
#include "user.h"
#include "util/keyval.h"

/* Up to `end`, which is skipped; NULL when it is not there. */
static char *take(const char **at, char end)
{
    const char *p = strchr(*at, end);
    if (!p) {
        return NULL;
    }
    char *s = g_strndup(*at, p - *at);
    *at = p + 1;
    return s;
}

static bool parse_port(const char *text, uint64_t least, uint16_t *out)
{
    uint64_t v;
    if (!text || !keyval_uint(text, 65535, &v) || v < least) {
        return false;
    }
    *out = v;
    return true;
}

/* ---- hostfwd ------------------------------------------------------------- */

typedef struct HostRule {
    bool udp;
    struct in_addr host, guest;
    uint16_t host_port, guest_port;
} HostRule;

/* "[tcp|udp]:[hostaddr]:hostport": what is wrong, or NULL. */
static const char *parse_host_end(HostRule *r, const char *at)
{
    g_autofree char *protocol = take(&at, ':');
    g_autofree char *host = protocol ? take(&at, ':') : NULL;
    if (!protocol) {
        return "Missing : separator";
    }
    r->udp = strcmp(protocol, "udp") == 0;
    if (strcmp(protocol, "unix") == 0) {
        return "unix sockets are not supported";
    }
    if (*protocol && !r->udp && strcmp(protocol, "tcp") != 0) {
        return "Bad protocol name";
    }
    if (!host) {
        return "Missing : separator";
    }
    r->host.s_addr = htonl(INADDR_ANY);
    if (*host && !user_address(host, &r->host)) {
        return "Bad host address";
    }
    return parse_port(at, 0, &r->host_port) ? NULL : "Bad host port";
}

/* "[guestaddr]:guestport" */
static const char *parse_guest_end(HostRule *r, const char *at)
{
    g_autofree char *guest = take(&at, ':');
    r->guest.s_addr = 0; /* the first address that DHCP gives */
    if (!guest) {
        return "Missing guest address";
    }
    if (*guest && !user_address(guest, &r->guest)) {
        return "Bad guest address";
    }
    return parse_port(at, 1, &r->guest_port) ? NULL : "Bad guest port";
}

static bool rule_is_right(const char *rule, const char *wrong, const char *form, GError **err)
{
    if (wrong) {
        net_error(err, "Invalid host forwarding rule '%s' (%s); write %s", rule, wrong, form);
    }
    return !wrong;
}

static bool host_rule(HostRule *r, const char *rule, GError **err)
{
    const char *at = rule;
    g_autofree char *host = take(&at, '-');
    const char *wrong = parse_host_end(r, host ? host : rule);
    if (!wrong) {
        wrong = host ? parse_guest_end(r, at) : "Missing guest address";
    }
    return rule_is_right(rule, wrong, "tcp:[hostaddr]:hostport-[guestaddr]:guestport", err);
}

bool user_hostfwd_add(NetUser *u, const char *rule, GError **err)
{
    HostRule r;
    if (!host_rule(&r, rule, err)) {
        return false;
    }
    errno = 0;
    if (slirp_add_hostfwd(u->slirp, r.udp, r.host, r.host_port, r.guest, r.guest_port) < 0) {
        net_error(err,
                  "Could not set up host forwarding rule '%s': %s; choose another host port, or "
                  "stop what uses it",
                  rule, errno ? g_strerror(errno) : "the network refused it");
        return false;
    }
    return true;
}

static NetUser *user_of(NetClient *nc, GError **err)
{
    if (nc->backend != &net_backend_user) {
        net_error(err, "netdev '%s' is %s: only a user network has forwarding rules", nc->id,
                  net_type_names[nc->type]);
        return NULL;
    }
    return container_of(nc, NetUser, nc);
}

bool net_user_hostfwd_add(NetClient *nc, const char *rule, GError **err)
{
    NetUser *u = user_of(nc, err);
    return u && user_hostfwd_add(u, rule, err);
}

/* rule: "[tcp|udp]:[hostaddr]:hostport" */
bool net_user_hostfwd_remove(NetClient *nc, const char *rule, GError **err)
{
    NetUser *u = user_of(nc, err);
    HostRule r;
    if (!u || !rule_is_right(rule, parse_host_end(&r, rule), "tcp:[hostaddr]:hostport", err)) {
        return false;
    }
    if (slirp_remove_hostfwd(u->slirp, r.udp, r.host, r.host_port) < 0) {
        net_error(err, "no host forwarding rule '%s' to remove; info usernet lists them", rule);
        return false;
    }
    return true;
}

/* ---- guestfwd ------------------------------------------------------------ */

struct GuestForward {
    NetUser *user;
    Chardev *chr;
    struct in_addr server;
    int port;
};

static int guestfwd_can_receive(void *opaque)
{
    GuestForward *g = opaque;
    return MIN(slirp_socket_can_recv(g->user->slirp, g->server, g->port), 65536);
}

static void guestfwd_receive(void *opaque, const uint8_t *buf, int len)
{
    GuestForward *g = opaque;
    slirp_socket_recv(g->user->slirp, g->server, g->port, buf, len);
}

static const ChardevFrontend guestfwd_frontend = {
    .can_receive = guestfwd_can_receive,
    .receive = guestfwd_receive,
};

static ssize_t guestfwd_write(const void *buf, size_t len, void *opaque)
{
    GuestForward *g = opaque;
    chardev_write_all(g->chr, buf, len);
    return len;
}

void user_guestfwd_free(gpointer forward)
{
    GuestForward *g = forward;
    chardev_detach(g->chr, g);
    g_free(g);
}

void user_guestfwd_kick(NetUser *u)
{
    for (guint i = 0; i < u->forwards->len; i++) {
        chardev_accept_input(((GuestForward *)g_ptr_array_index(u->forwards, i))->chr);
    }
}

static bool guestfwd_refused(const char *rule, const char *why, GError **err)
{
    net_error(err,
              "Invalid guest forwarding rule '%s' (%s); write tcp:server:port-chardev or "
              "tcp:server:port-cmd:command, with a server address that nothing else in the network "
              "has",
              rule, why);
    return false;
}

static bool guestfwd_chardev(NetUser *u, const char *rule, const char *target, struct in_addr server,
                             uint16_t port, GError **err)
{
    g_autofree char *label = g_strdup_printf("guestfwd.tcp.%s.%u", u->nc.id, port);
    GError *why = NULL;
    Chardev *chr = chardev_new_from_short(u->nc.all->chardevs, label, target, NULL, &why);
    GuestForward *g = g_new0(GuestForward, 1);
    *g = (GuestForward){ .user = u, .chr = chr, .server = server, .port = port };
    if (!chr || !chardev_attach(chr, &guestfwd_frontend, g, NULL, &why)) {
        net_error(err, "Could not open guest forwarding device '%s' of '%s': %s", target, rule,
                  why ? why->message : "it is none; name a chardev");
        g_clear_error(&why);
        g_free(g);
        return false;
    }
    if (slirp_add_guestfwd(u->slirp, guestfwd_write, g, &server, port) < 0) {
        user_guestfwd_free(g);
        return guestfwd_refused(rule, "Conflicting/invalid host:port", err);
    }
    g_ptr_array_add(u->forwards, g);
    return true;
}

bool user_guestfwd_add(NetUser *u, const char *rule, GError **err)
{
    const char *at = rule;
    g_autofree char *protocol = take(&at, ':');
    g_autofree char *server_text = protocol ? take(&at, ':') : NULL;
    g_autofree char *port_text = server_text ? take(&at, '-') : NULL;
    struct in_addr server;
    uint16_t port;
    if (!protocol || (*protocol && strcmp(protocol, "tcp") != 0)) {
        return guestfwd_refused(rule, "Bad protocol name", err);
    }
    if (!server_text || !user_address(server_text, &server)) {
        return guestfwd_refused(rule, "Bad server address", err);
    }
    if (!parse_port(port_text, 1, &port) || !*at) {
        return guestfwd_refused(rule, "Bad port, or no target", err);
    }
    if (!g_str_has_prefix(at, "cmd:")) {
        return guestfwd_chardev(u, rule, at, server, port, err);
    }
    if (!sandbox_want_program(err)) {
        return false;
    }
    if (slirp_add_exec(u->slirp, at + 4, &server, port) < 0) {
        return guestfwd_refused(rule, "Conflicting/invalid host:port", err);
    }
    return true;
}
