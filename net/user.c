/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The user network: a small router, DHCP, DNS and TFTP server inside this process, by
 * libslirp, that needs no privileges.  The guest's connections become the host's.
 * Spelling: the QEMU manual, "invocation", -netdev user.
 *
 * libslirp has no lock: everything here runs in the main loop.  A GSource asks it
 * before each sleep which descriptors to watch; frames for the guest go through the queue of
 * net.c.  Its clock is the virtual one: a stopped machine's connections do not time out.
 * Connections take descriptors until none is left but those kept for the user (base/fds.h);
 * then a new one from outside is accepted with one of these and closed at once.
 *
 * Not modelled: the SMB server; state of the network in snapshots. */
#include <arpa/inet.h>
#include <glib-unix.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fds.h"
#include "base/log.h"
#include "user.h"

/* ---- what libslirp asks of us -------------------------------------------- */

static ssize_t user_send_packet(const void *buf, size_t len, void *opaque)
{
    net_queue(&((NetUser *)opaque)->nc, buf, len);
    return len;
}

static void user_guest_error(const char *msg, void *opaque)
{
    log_guest_error("user network %s: %s", ((NetUser *)opaque)->nc.id, msg);
}

static int64_t user_clock(void *opaque)
{
    return clock_get_ns(((NetUser *)opaque)->nc.all->clock, CLK_VIRTUAL);
}

static void *user_timer_new(SlirpTimerCb cb, void *cb_opaque, void *opaque)
{
    return timer_new(((NetUser *)opaque)->nc.all->clock, CLK_VIRTUAL, NULL, cb, cb_opaque);
}

static void user_timer_free(void *timer, void *opaque)
{
    timer_free(timer);
}

static void user_timer_mod(void *timer, int64_t expire_ms, void *opaque)
{
    timer_set_deadline(timer, expire_ms * 1000000);
}

static void user_poll_fd(int fd, void *opaque)
{
}

static void user_notify(void *opaque)
{
    user_guestfwd_kick(opaque);
}

static const SlirpCb callbacks = {
    .send_packet = user_send_packet,
    .guest_error = user_guest_error,
    .clock_get_ns = user_clock,
    .timer_new = user_timer_new,
    .timer_free = user_timer_free,
    .timer_mod = user_timer_mod,
    .register_poll_fd = user_poll_fd,
    .unregister_poll_fd = user_poll_fd,
    .notify = user_notify,
};

/* ---- descriptors and time ------------------------------------------------ */

enum { NEAR_LIMIT = 64 }; /* descriptors: from there on it is worth to ask if any are left */

typedef struct Watched {
    int fd;
    GIOCondition events;
    gpointer tag;
} Watched;

typedef struct UserSource {
    GSource source;
    NetUser *user;
    GArray *watched; /* of Watched, in libslirp's order */
    guint filled;    /* how many of them the running fill has named */
    gint64 wake;     /* monotonic us */
    bool soon;       /* the guest sent something: look at once */
    unsigned limit;  /* of descriptors */
    int top_fd;      /* the highest ever seen: descriptors are given out from below */
    bool full;       /* no descriptor is left for a connection */
    bool full_said;
} UserSource;

static const struct {
    int slirp;
    GIOCondition glib;
} event_names[] = {
    { SLIRP_POLL_IN, G_IO_IN },   { SLIRP_POLL_OUT, G_IO_OUT }, { SLIRP_POLL_PRI, G_IO_PRI },
    { SLIRP_POLL_ERR, G_IO_ERR }, { SLIRP_POLL_HUP, G_IO_HUP },
};

static int source_add_poll(int fd, int events, void *opaque)
{
    UserSource *us = opaque;
    GIOCondition want = 0;
    for (unsigned i = 0; i < G_N_ELEMENTS(event_names); i++) {
        want |= events & event_names[i].slirp ? event_names[i].glib : 0;
    }
    if (us->filled == us->watched->len) {
        Watched none = { .fd = -1 };
        g_array_append_val(us->watched, none);
    }
    Watched *w = &g_array_index(us->watched, Watched, us->filled);
    if (w->tag && w->fd != fd) {
        g_source_remove_unix_fd(&us->source, w->tag);
        w->tag = NULL;
    }
    if (!w->tag) {
        w->tag = g_source_add_unix_fd(&us->source, fd, want);
    } else if (w->events != want) {
        g_source_modify_unix_fd(&us->source, w->tag, want);
    }
    w->fd = fd;
    w->events = want;
    us->top_fd = MAX(us->top_fd, fd);
    return us->filled++;
}

/* Is descriptor fd, which can be read, a forwarded port?  Then end the connection that waits
 * there: libslirp would try to accept it for ever. */
static bool refuse_connection(UserSource *us, int fd)
{
    int listening = 0;
    socklen_t len = sizeof(listening);
    if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &len) < 0 || !listening) {
        return false;
    }
    fds_reserve_begin();
    int peer = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (peer >= 0) {
        close(peer);
    }
    fds_reserve_end();
    if (!us->full_said) {
        us->full_said = true;
        log_report("user network %s: no file descriptor is left: connections to forwarded ports are "
                   "closed; raise the limit of ulimit -n",
                   us->user->nc.id);
    }
    return true;
}

static int source_get_revents(int index, void *opaque)
{
    UserSource *us = opaque;
    int events = 0;
    if (index < 0 || (guint)index >= us->watched->len) {
        return 0;
    }
    Watched *w = &g_array_index(us->watched, Watched, index);
    GIOCondition ready = w->tag ? g_source_query_unix_fd(&us->source, w->tag) : 0;
    for (unsigned i = 0; i < G_N_ELEMENTS(event_names); i++) {
        events |= ready & event_names[i].glib ? event_names[i].slirp : 0;
    }
    if (us->full && (ready & G_IO_IN) && refuse_connection(us, w->fd)) {
        return 0;
    }
    return events;
}

static void source_drop_rest(UserSource *us)
{
    for (guint i = us->filled; i < us->watched->len; i++) {
        Watched *w = &g_array_index(us->watched, Watched, i);
        g_source_remove_unix_fd(&us->source, w->tag);
    }
    g_array_set_size(us->watched, us->filled);
}

static gboolean source_prepare(GSource *s, gint *timeout)
{
    UserSource *us = container_of(s, UserSource, source);
    uint32_t ms = UINT32_MAX;
    us->filled = 0;
    slirp_pollfds_fill(us->user->slirp, &ms, source_add_poll, us);
    source_drop_rest(us);
    *timeout = ms > G_MAXINT ? -1 : (gint)ms;
    us->wake = *timeout < 0 ? G_MAXINT64 : g_get_monotonic_time() + (gint64)ms * 1000;
    return us->soon;
}

static gboolean source_check(GSource *s)
{
    UserSource *us = container_of(s, UserSource, source);
    for (guint i = 0; i < us->watched->len; i++) {
        Watched *w = &g_array_index(us->watched, Watched, i);
        if (w->tag && g_source_query_unix_fd(s, w->tag)) {
            return TRUE;
        }
    }
    return g_get_monotonic_time() >= us->wake;
}

static gboolean source_dispatch(GSource *s, GSourceFunc fn, gpointer data)
{
    UserSource *us = container_of(s, UserSource, source);
    us->soon = false;
    us->full = us->top_fd + NEAR_LIMIT >= (int)us->limit && !fds_any_left();
    slirp_pollfds_poll(us->user->slirp, 0, source_get_revents, us);
    return G_SOURCE_CONTINUE;
}

static void source_finalize(GSource *s)
{
    g_array_unref(container_of(s, UserSource, source)->watched);
}

static GSourceFuncs source_funcs = {
    .prepare = source_prepare,
    .check = source_check,
    .dispatch = source_dispatch,
    .finalize = source_finalize,
};

static GSource *source_new(NetUser *u)
{
    UserSource *us = container_of(g_source_new(&source_funcs, sizeof(UserSource)), UserSource, source);
    us->user = u;
    us->limit = fds_limit();
    us->watched = g_array_new(FALSE, FALSE, sizeof(Watched));
    g_source_set_can_recurse(&us->source, TRUE); /* else GLib writes its eventfd after each dispatch */
    g_source_attach(&us->source, event_loop_context(u->nc.all->loop));
    return &us->source;
}

/* ---- the backend --------------------------------------------------------- */

static bool add_rules(NetUser *u, const PropList *rules, bool (*add)(NetUser *, const char *, GError **),
                      GError **err)
{
    for (size_t i = 0; i < rules->count; i++) {
        if (!add(u, ((char **)rules->items)[i], err)) {
            return false;
        }
    }
    return true;
}

static bool user_open(NetClient *nc, const NetdevOptions *common, GError **err)
{
    NetUser *u = container_of(nc, NetUser, nc);
    const NetUserOptions *o = container_of(common, NetUserOptions, common);
    SlirpConfig cfg;
    u->forwards = g_ptr_array_new_with_free_func(user_guestfwd_free);
    if (!user_config(&cfg, o, err)) {
        return false;
    }
    u->net = cfg.vnetwork;
    u->mask = cfg.vnetmask;
    u->restricted = cfg.restricted;
    signal(SIGPIPE, SIG_IGN);
    u->slirp = slirp_new(&cfg, &callbacks, u);
    if (!u->slirp) {
        net_error(err,
                  "-netdev user,id=%s: libslirp %s refused these settings; leave out the last "
                  "one that was added",
                  nc->id, slirp_version_string());
        return false;
    }
    u->fragments = fragments_new();
    u->source = source_new(u);
    return add_rules(u, &o->hostfwd, user_hostfwd_add, err) &&
           add_rules(u, &o->guestfwd, user_guestfwd_add, err);
}

static void user_close(NetClient *nc)
{
    NetUser *u = container_of(nc, NetUser, nc);
    if (u->source) {
        g_source_destroy(u->source);
        g_source_unref(u->source);
    }
    g_ptr_array_unref(u->forwards);
    if (u->slirp) {
        slirp_cleanup(u->slirp);
    }
    fragments_free(u->fragments);
}

static void user_send(NetClient *nc, const uint8_t *frame, size_t len)
{
    NetUser *u = container_of(nc, NetUser, nc);
    if (fragments_is_piece(frame, len)) {
        g_autoptr(GByteArray) whole = fragments_add(u->fragments, frame, len, g_get_monotonic_time());
        if (!whole) {
            return;
        }
        slirp_input(u->slirp, whole->data, (int)whole->len);
    } else {
        slirp_input(u->slirp, frame, len);
    }
    user_guestfwd_kick(u);
    container_of(u->source, UserSource, source)->soon =
        true; /* what waited for this frame (an ARP reply) goes on */
}

static char *user_describe(const NetClient *nc)
{
    const NetUser *u = container_of(nc, NetUser, nc);
    char net[INET_ADDRSTRLEN];
    inet_ntop(AF_INET, &u->net, net, sizeof(net));
    return g_strdup_printf(",net=%s,restrict=%s", net, u->restricted ? "on" : "off");
}

static char *user_info(const NetClient *nc)
{
    g_autofree char *text = slirp_connection_info(container_of(nc, NetUser, nc)->slirp);
    return g_strdup_printf("Hub -1 (%s):\n%s", nc->id, text);
}

const NetBackend net_backend_user = {
    .size = sizeof(NetUser),
    .open = user_open,
    .close = user_close,
    .send = user_send,
    .describe = user_describe,
    .info = user_info,
};
