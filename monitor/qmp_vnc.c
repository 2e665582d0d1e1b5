/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Commands about the VNC server. */
#include <string.h>

#include "hw/board.h"
#include "monitor/command.h"
#include "monitor/monitor_priv.h"
#include "ui/vnc.h"
#include "util/keyval.h"

typedef struct VncInfo {
    bool enabled, has_family;
    char *host, *service, *auth;
    int family;
    PropList clients;
    bool has_clients;
} VncInfo;

#define T VncInfo
static const Prop vnc_props[] = {
    { "enabled", PROP_BOOL, ALWAYS(enabled) },
    { "host", PROP_STRING, MAYBE(host) },
    { "family", PROP_ENUM, MAYBE_HAS(family), .names = vnc_family_names },
    { "service", PROP_STRING, MAYBE(service) },
    { "auth", PROP_STRING, MAYBE(auth) },
    { "clients", PROP_STRUCT, MAYBE_HAS(clients), .of = &vnc_client_shape, .list = true },
    { NULL },
};
#undef T
static const Shape vnc_info_shape = { "VncInfo", sizeof(VncInfo), vnc_props };

typedef struct ServerAddress {
    char *host, *service;
    int family, auth;
    bool websocket;
} ServerAddress;

#define T ServerAddress
static const Prop address_props[] = {
    { "host", PROP_STRING, ALWAYS(host) },
    { "service", PROP_STRING, ALWAYS(service) },
    { "family", PROP_ENUM, ALWAYS(family), .names = vnc_family_names },
    { "websocket", PROP_BOOL, ALWAYS(websocket) },
    { "auth", PROP_ENUM, ALWAYS(auth), .names = vnc_auth_names },
    { NULL },
};
#undef T
static const Shape address_shape = { "VncServerInfo2", sizeof(ServerAddress), address_props };

typedef struct ServerInfo {
    char *id, *display;
    PropList server, clients;
    int auth;
} ServerInfo;

#define T ServerInfo
static const Prop server_props[] = {
    { "id", PROP_STRING, ALWAYS(id) },
    { "server", PROP_STRUCT, ALWAYS(server), .of = &address_shape, .list = true },
    { "clients", PROP_STRUCT, ALWAYS(clients), .of = &vnc_client_shape, .list = true },
    { "auth", PROP_ENUM, ALWAYS(auth), .names = vnc_auth_names },
    { "display", PROP_STRING, MAYBE(display) },
    { NULL },
};
#undef T
static const Shape server_shape = { "VncInfo2", sizeof(ServerInfo), server_props };

/* ---- what there is -------------------------------------------------------------------- */

static void add_clients(VncServer *v, PropList *list)
{
    g_autoptr(GPtrArray) all = vnc_clients(v);
    for (guint i = 0; i < all->len; i++) {
        const VncAddress *a = all->pdata[i];
        VncEnd *c = prop_list_add(list, &vnc_client_shape);
        c->host = g_strdup(a->host);
        c->service = g_strdup(a->service);
        c->family = a->family;
    }
}

static bool run_query_vnc(Control *c, const void *args, void *result, GError **err)
{
    VncServer *v = c->machine->vnc;
    VncInfo *info = result;
    if (v) {
        const VncAddress *a = vnc_address(v);
        info->enabled = info->has_family = info->has_clients = true;
        info->host = g_strdup(a->host);
        info->service = g_strdup(a->service);
        info->family = a->family;
        info->auth = g_strdup(vnc_auth_names[vnc_asks_password(v)]);
        add_clients(v, &info->clients);
    }
    return true;
}

static bool run_query_servers(Control *c, const void *args, void *result, GError **err)
{
    VncServer *v = c->machine->vnc;
    if (v) {
        ServerInfo *info = prop_list_add(result, &server_shape);
        ServerAddress *a = prop_list_add(&info->server, &address_shape);
        info->id = g_strdup(vnc_id(v));
        info->display = g_strdup(vnc_display(v));
        info->auth = a->auth = vnc_asks_password(v);
        a->host = g_strdup(vnc_address(v)->host);
        a->service = g_strdup(vnc_address(v)->service);
        a->family = vnc_address(v)->family;
        add_clients(v, &info->clients);
    }
    return true;
}

static void print_end(GString *out, const char *what, const char *host, const char *service,
                      const char *family)
{
    g_string_append_printf(out, "  %s: %s:%s (%s)\n", what, host, service, family);
}

bool monitor_info_vnc(Machine *m, const char *args, GString *out, GError **err)
{
    VncServer *v = m->vnc;
    if (!v) {
        g_string_append(out, "None\n");
        return true;
    }
    const VncAddress *a = vnc_address(v);
    g_autoptr(GPtrArray) clients = vnc_clients(v);
    g_string_append_printf(out, "%s:\n", vnc_id(v));
    print_end(out, "Server", a->host, a->service, vnc_family_names[a->family]);
    g_string_append_printf(out, "    Auth: %s (Sub: none)\n", vnc_auth_names[vnc_asks_password(v)]);
    for (guint i = 0; i < clients->len; i++) {
        const VncAddress *c = clients->pdata[i];
        print_end(out, "Client", c->host, c->service, vnc_family_names[c->family]);
        g_string_append(out,
                        "    x509_dname: none\n    sasl_username: none\n"); /* nobody has such a name here */
    }
    return true;
}

/* ---- passwords ---------------------------------------------------------------------------- */

static bool check_server(Machine *m, GError **err)
{
    const char *why = !m->vnc ? "there is no VNC server; start one with -vnc"
                      : !vnc_asks_password(m->vnc)
                          ? "VNC password authentication is disabled; say -vnc ...,password=on"
                          : NULL;
    return !why || command_error(err, ERROR_GENERIC, "%s", why);
}

static bool set_password(Machine *m, const char *password, GError **err)
{
    if (!check_server(m, err)) {
        return false;
    }
    vnc_set_password(m->vnc, password);
    return true;
}

static bool is_vnc(const char *protocol, GError **err)
{
    return g_str_equal(protocol, "vnc") ||
           (g_str_equal(protocol, "spice")
                ? command_error(err, ERROR_GENERIC, "SPICE is not in use")
                : command_error(err, ERROR_GENERIC, "Parameter 'protocol' does not accept value '%s'",
                                protocol));
}

/* "now", "never", "+SECONDS", or seconds since 1970. */
static bool read_time(const char *text, int64_t *when, GError **err)
{
    int64_t now = g_get_real_time() / G_USEC_PER_SEC;
    uint64_t seconds = 0;
    bool later = *text == '+';
    if (g_str_equal(text, "now")) {
        *when = now;
    } else if (g_str_equal(text, "never")) {
        *when = INT64_MAX;
    } else if (keyval_uint(text + later, UINT32_MAX * UINT64_C(1000), &seconds)) {
        *when = (later ? now : 0) + (int64_t)seconds;
    } else {
        return command_error(err, ERROR_GENERIC,
                             "'%s' is no time; write now, never, +SECONDS or seconds since 1970", text);
    }
    return true;
}

static bool expire(Machine *m, const char *time, GError **err)
{
    int64_t when = 0;
    if (!read_time(time, &when, err) || !check_server(m, err)) {
        return false;
    }
    vnc_set_expiry(m->vnc, when);
    return true;
}

typedef struct PasswordArgument {
    char *protocol, *password, *connected, *time, *display;
} PasswordArgument;

#define T PasswordArgument
static const Prop change_props[] = {
    { "password", PROP_STRING, ALWAYS(password), .help = "eight bytes count; none: nobody is let in" },
    { NULL },
};
static const Prop set_props[] = {
    { "protocol", PROP_STRING, ALWAYS(protocol), .help = "vnc" },
    { "password", PROP_STRING, ALWAYS(password), .help = "eight bytes count" },
    { "connected", PROP_STRING, MAYBE(connected), .help = "keep: viewers that are there stay" },
    { "display", PROP_STRING, MAYBE(display), .help = "the server's id" },
    { NULL },
};
static const Prop expire_props[] = {
    { "protocol", PROP_STRING, ALWAYS(protocol), .help = "vnc" },
    { "time", PROP_STRING, ALWAYS(time), .help = "now, never, +SECONDS, or seconds since 1970" },
    { "display", PROP_STRING, MAYBE(display), .help = "the server's id" },
    { NULL },
};
#undef T
static const Shape change_shape = { "change-vnc-password-arg", sizeof(PasswordArgument), change_props };
static const Shape set_shape = { "SetPasswordOptions", sizeof(PasswordArgument), set_props };
static const Shape expire_shape = { "ExpirePasswordOptions", sizeof(PasswordArgument), expire_props };

static bool run_change(Control *c, const void *args, void *result, GError **err)
{
    return set_password(c->machine, ((const PasswordArgument *)args)->password, err);
}

static bool check_connected(const char *connected, GError **err)
{
    return !connected || g_str_equal(connected, "keep") ||
           command_error(err, ERROR_GENERIC, "Invalid parameter 'connected'");
}

static bool check_display(Machine *m, const char *display, GError **err)
{
    return !display || (m->vnc && g_str_equal(display, vnc_id(m->vnc))) ||
           command_error(err, ERROR_GENERIC, "there is no VNC server '%s'", display);
}

static bool run_set(Control *c, const void *args, void *result, GError **err)
{
    const PasswordArgument *a = args;
    return is_vnc(a->protocol, err) && check_connected(a->connected, err) &&
           check_display(c->machine, a->display, err) && set_password(c->machine, a->password, err);
}

static bool run_expire(Control *c, const void *args, void *result, GError **err)
{
    const PasswordArgument *a = args;
    return is_vnc(a->protocol, err) && check_display(c->machine, a->display, err) &&
           expire(c->machine, a->time, err);
}

/* Words of a line, of which "-d ID" behind the second is taken out: *display, the caller's, or NULL. */
static GStrv split_display(const char *args, char **display)
{
    GStrv words = g_strsplit_set(args, " \t", -1);
    unsigned n = g_strv_length(words);
    *display = NULL;
    if (n >= 4 && g_str_equal(words[2], "-d")) {
        *display = words[3];
        g_free(words[2]);
        memmove(words + 2, words + 4, (n - 3) * sizeof(*words)); /* with the end */
    }
    return words;
}

/* protocol password [-d display] [keep] */
bool monitor_cmd_set_password(Machine *m, const char *args, GString *out, GError **err)
{
    char *display;
    g_auto(GStrv) words = split_display(args, &display);
    g_autofree char *id = display;
    unsigned n = g_strv_length(words);
    if (n < 2 || n > 3) {
        return monitor_syntax_error(err, "set_password: write set_password vnc PASSWORD [-d ID] [keep]");
    }
    return is_vnc(words[0], err) && check_connected(words[2], err) && check_display(m, id, err) &&
           set_password(m, words[1], err);
}

bool monitor_cmd_expire_password(Machine *m, const char *args, GString *out, GError **err)
{
    char *display;
    g_auto(GStrv) words = split_display(args, &display);
    g_autofree char *id = display;
    if (g_strv_length(words) != 2) {
        return monitor_syntax_error(err, "expire_password: write expire_password vnc TIME [-d ID]");
    }
    return is_vnc(words[0], err) && check_display(m, id, err) && expire(m, words[1], err);
}

/* vnc password WORD */
bool monitor_cmd_change(Machine *m, const char *args, GString *out, GError **err)
{
    g_auto(GStrv) words = g_strsplit_set(args, " \t", -1);
    bool vnc = g_strv_length(words) == 3 && g_str_equal(words[0], "vnc") &&
               (g_str_equal(words[1], "password") || g_str_equal(words[1], "passwd"));
    if (!vnc) {
        return monitor_error(err, "no drive of removable media is built; write change vnc password WORD");
    }
    return set_password(m, words[2], err);
}

const Command commands_vnc[] = {
    { "query-vnc", "the VNC server, and who looks", NULL, RETURNS_STRUCT(vnc_info_shape), 0, run_query_vnc },
    { "query-vnc-servers", "the same of all servers", NULL, RETURNS_LIST(server_shape), 0,
      run_query_servers },
    { "change-vnc-password", "set the password of viewers that come", &change_shape, NULL, 0, run_change },
    { "set_password", "the same, by protocol", &set_shape, NULL, 0, run_set },
    { "expire_password", "when the password ends", &expire_shape, NULL, 0, run_expire },
    { NULL },
};
