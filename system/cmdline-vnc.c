/* SPDX-License-Identifier: GPL-2.0-or-later */
/* -vnc: where to listen, and which screen to show. */
#include <string.h>

#include "base/ending.h"
#include "block/secret.h"
#include "chardev/socket_addr.h"
#include "hw/runstate.h"
#include "system/cmdline.h"
#include "ui/vnc.h"
#include "util/keyval.h"

enum { LAST_DISPLAY = UINT16_MAX - VNC_FIRST_PORT };

/* "HOST:N" to host and port; the port is 5900 + N. */
static bool tcp_address(const VncOptions *o, SockOptions *s, GError **err)
{
    const char *colon = strrchr(o->address, ':');
    uint64_t n;
    if (!colon) {
        return cmdline_fail(err, "no vnc port specified; write -vnc :N, HOST:N, unix:PATH or none");
    }
    if (!keyval_uint(colon + 1, LAST_DISPLAY, &n)) {
        return cmdline_fail(err, "can't convert to a number: %s; the display is one up to %d", colon + 1,
                            LAST_DISPLAY);
    }
    if (o->to && o->to < n) {
        return cmdline_fail(err, "to=%u is below the display %s; it is the last one to try", o->to,
                            colon + 1);
    }
    s->host = g_strndup(o->address, (gsize)(colon - o->address));
    s->port = g_strdup_printf("%u", (unsigned)n + VNC_FIRST_PORT);
    s->to = o->to ? (uint16_t)(o->to + VNC_FIRST_PORT) : 0;
    s->ipv4 = o->ipv4;
    s->ipv6 = o->ipv6;
    s->has_ipv4 = o->has_ipv4;
    s->has_ipv6 = o->has_ipv6;
    return true;
}

static int listen_at(const SockOptions *s, GError **err)
{
    SockTarget t = { 0 };
    int fd = -1;
    ending_hold();
    if (sock_target_init(&t, s, true, err)) {
        fd = sock_listen(&t, err);
    }
    if (fd >= 0 && t.path) {
        ending_add_file(t.path);
    }
    ending_release();
    sock_target_clear(&t);
    return fd;
}

static int open_socket(const VncOptions *o, GError **err)
{
    SockOptions s = { .tight = true };
    bool is_unix = g_str_has_prefix(o->address, "unix:");
    int fd = -1;
    if (is_unix) {
        s.path = g_strdup(o->address + strlen("unix:"));
    }
    if (is_unix || tcp_address(o, &s, err)) {
        fd = listen_at(&s, err);
    }
    g_free(s.path);
    g_free(s.host);
    g_free(s.port);
    return fd;
}

static Console *choose_console(const VncOptions *o, const Machine *m, GError **err)
{
    Console *c = o->display ? consoles_find(m->consoles, o->display, o->head) : consoles_get(m->consoles, 0);
    if (!c && o->display) {
        cmdline_fail(err, "display=%s has no screen %u; name a display device by its id", o->display,
                     o->head);
    } else if (!c) {
        cmdline_fail(err, "the machine has no screen to show; add one, such as -device virtio-gpu-pci");
    }
    return c;
}

/* Asked for before the server listens: a wrong id leaves nothing behind. */
static bool find_password(const VncOptions *o, const Machine *m, char **password, GError **err)
{
    g_autoptr(GBytes) secret = o->secret ? secrets_find(drives_secrets(m->drives), o->secret, err) : NULL;
    gsize len = 0;
    const char *bytes = secret ? g_bytes_get_data(secret, &len) : NULL;
    *password = g_strndup(len ? bytes : "", len);
    return !o->secret || secret;
}

static void set_password(VncServer *v, char *password)
{
    if (*password) { /* else monitors say it, and nobody is let in until then */
        vnc_set_password(v, password);
    }
    explicit_bzero(password, strlen(password));
    g_free(password);
}

static void viewer_asks(void *machine, VncPower what)
{
    if (what == VNC_RESET) {
        runstate_request_reset(machine, SHUTDOWN_HOST_RESET);
    } else {
        runstate_request_powerdown(machine);
    }
}

static bool open_server(const VncOptions *o, Machine *m, GError **err)
{
    VncConfig config = { .options = o,
                         .name = m->config->name,
                         .inputs = m->inputs,
                         .clipboard = m->clipboard,
                         .events = m->events,
                         .power = viewer_asks,
                         .opaque = m };
    char *password;
    if (g_str_equal(o->address, "none")) {
        return true;
    }
    config.console = find_password(o, m, &password, err) ? choose_console(o, m, err) : NULL;
    config.consoles = o->display ? NULL : m->consoles;
    config.listen_fd = config.console ? open_socket(o, err) : -1;
    m->vnc = config.listen_fd >= 0 ? vnc_open(&config, err) : NULL;
    if (m->vnc) {
        set_password(m->vnc, g_steal_pointer(&password));
    }
    g_free(password);
    return m->vnc;
}

bool cmdline_vnc(const CmdLine *c, Machine *m, GError **err)
{
    const CmdItem *item = cmdline_last(c, OPT_VNC);
    VncOptions *o = item ? cmdline_shape(item, &vnc_shape, err) : NULL;
    bool ok = !item || (o && open_server(o, m, err));
    shape_free(&vnc_shape, o);
    return ok || cmdline_blame(err, item);
}
