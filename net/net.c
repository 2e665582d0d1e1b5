/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Host ends of networks: the list of them, and frames between a backend and a NIC.
 *
 * Towards the NIC frames wait in a bounded queue, which a Bh empties under the NIC's
 * lock: a backend that answers from inside net_send does not meet that lock twice,
 * and frames arrive in batches.  What does not fit is dropped, as on a wire.
 *
 * Not modelled: hubs, offloads (no headers but Ethernet's cross this interface). */
#include "net_priv.h"

#include <string.h>

enum { QUEUE_FRAMES = 1024, QUEUE_BYTES = 8 << 20, DELIVER_MAX = 256, ETH_HEADER = 14 };

const char *const net_type_names[] = { [NET_USER] = "user", NULL };
static const NetBackend *const backends[] = { [NET_USER] = &net_backend_user };
static const Shape *const arms[] = { [NET_USER] = &net_user_shape };

/* What QEMU has besides; named so that the refusal is clear. */
static const char *const unbuilt[] = {
    "tap", "bridge", "socket", "stream",     "dgram",      "hubport", "l2tpv3",
    "vde", "passt",  "af-xdp", "vhost-user", "vhost-vdpa", NULL,
};

static const Prop netdev_props[] = {
    { "type", PROP_ENUM, offsetof(NetdevOptions, type), "kind of network", .names = net_type_names,
      .unbuilt = unbuilt, .required = true },
    { "id", PROP_STRING, offsetof(NetdevOptions, id), "name by which devices choose it", .required = true },
    { NULL },
};

const Shape netdev_shape = {
    "Netdev", sizeof(NetdevOptions), netdev_props, .tag = &netdev_props[0], .arms = arms, .implied = "type",
};

void net_error(GError **err, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    g_autofree char *text = g_strdup_vprintf(fmt, ap);
    va_end(ap);
    g_set_error_literal(err, G_OPTION_ERROR, G_OPTION_ERROR_FAILED, text);
}

/* ---- frames towards the frontend ----------------------------------------- */

static void queue_pop(NetClient *nc)
{
    NetFrame *f = nc->first;
    nc->first = f->next;
    nc->last = nc->first ? nc->last : NULL;
    nc->queued--;
    nc->queued_bytes -= f->len;
    g_free(f);
}

static void queue_clear(NetClient *nc)
{
    while (nc->first) {
        queue_pop(nc);
    }
}

void net_queue(NetClient *nc, const uint8_t *frame, size_t len)
{
    if (!nc->fe || !nc->link_up || len > NET_MAX_FRAME || nc->queued >= QUEUE_FRAMES ||
        nc->queued_bytes + len > QUEUE_BYTES) {
        return;
    }
    NetFrame *f = g_malloc(sizeof(*f) + len);
    f->next = NULL;
    f->len = len;
    memcpy(f->data, frame, len);
    if (nc->last) {
        nc->last->next = f;
    } else {
        nc->first = f;
    }
    nc->last = f;
    nc->queued++;
    nc->queued_bytes += len;
    bh_schedule(nc->deliver);
}

static void net_deliver(void *opaque)
{
    NetClient *nc = opaque;
    Lock *lock = nc->lock;
    lock_take_any(lock);
    unsigned n = 0;
    while (nc->first && nc->fe && n < DELIVER_MAX && nc->fe->can_receive(nc->opaque) &&
           nc->fe->receive(nc->opaque, nc->first->data, nc->first->len)) {
        queue_pop(nc);
        n++;
    }
    lock_release_any(lock);
    if (n == DELIVER_MAX) {
        bh_schedule(nc->deliver); /* let others have their turn */
    }
}

void net_accept_input(NetClient *nc)
{
    bh_schedule(nc->deliver);
}

/* ---- frames from the frontend -------------------------------------------- */

void net_send(NetClient *nc, const struct iovec *iov, int count)
{
    size_t len = 0;
    for (int i = 0; i < count; i++) {
        if (iov[i].iov_len > NET_MAX_FRAME - len) {
            return; /* longer than any frame */
        }
        len += iov[i].iov_len;
    }
    if (len < ETH_HEADER || !nc->link_up) {
        return;
    }
    if (count == 1) {
        nc->backend->send(nc, iov[0].iov_base, len);
        return;
    }
    g_autofree uint8_t *frame = g_malloc(len);
    for (size_t i = 0, at = 0; i < (size_t)count; at += iov[i++].iov_len) {
        memcpy(frame + at, iov[i].iov_base, iov[i].iov_len);
    }
    nc->backend->send(nc, frame, len);
}

/* ---- making and finding -------------------------------------------------- */

static void client_free(NetClient *nc)
{
    nc->backend->close(nc);
    queue_clear(nc);
    bh_free(nc->deliver);
    g_free(nc->id);
    g_free(nc);
}

NetClient *net_new(Nets *all, const NetdevOptions *o, GError **err)
{
    const NetBackend *b = backends[o->type];
    if (!*o->id || strpbrk(o->id, " \t\n,")) {
        net_error(err, "-netdev %s: '%s' is no id, which has no blanks and is not empty; add id=NAME",
                  net_type_names[o->type], o->id);
        return NULL;
    }
    if (net_find(all, o->id)) {
        net_error(err, "Duplicate ID '%s' for netdev: each one needs its own; change one of them", o->id);
        return NULL;
    }
    NetClient *nc = g_malloc0(b->size);
    nc->all = all;
    nc->type = o->type;
    nc->backend = b;
    nc->id = g_strdup(o->id);
    nc->link_up = true;
    nc->deliver = bh_new(all->loop, NULL, net_deliver, nc);
    if (!b->open(nc, o, err)) {
        client_free(nc);
        return NULL;
    }
    g_ptr_array_add(all->clients, nc);
    return nc;
}

bool net_free(NetClient *nc, GError **err)
{
    if (nc->fe) {
        net_error(err, "netdev '%s' is in use by a network card, which cannot be without it; it stays",
                  nc->id);
        return false;
    }
    g_ptr_array_remove(nc->all->clients, nc);
    client_free(nc);
    return true;
}

NetClient *net_find(const Nets *all, const char *id)
{
    for (guint i = 0; i < all->clients->len; i++) {
        NetClient *nc = g_ptr_array_index(all->clients, i);
        if (strcmp(nc->id, id) == 0) {
            return nc;
        }
    }
    return NULL;
}

void net_foreach(const Nets *all, void (*fn)(NetClient *nc, void *opaque), void *opaque)
{
    for (guint i = 0; i < all->clients->len; i++) {
        fn(g_ptr_array_index(all->clients, i), opaque);
    }
}

Nets *nets_new(EventLoop *loop, Clock *clock, Chardevs *chardevs)
{
    Nets *all = g_new0(Nets, 1);
    all->loop = loop;
    all->clock = clock;
    all->chardevs = chardevs;
    all->clients = g_ptr_array_new();
    all->nics = g_ptr_array_new();
    all->next_mac = 0x56;
    return all;
}

void nets_free(Nets *all)
{
    if (!all) {
        return;
    }
    while (all->clients->len) {
        client_free(g_ptr_array_steal_index(all->clients, all->clients->len - 1));
    }
    g_ptr_array_unref(all->clients);
    g_ptr_array_unref(all->nics);
    g_free(all);
}

const char *net_id(const NetClient *nc)
{
    return nc->id;
}

char *net_describe(const NetClient *nc)
{
    g_autofree char *more = nc->backend->describe(nc);
    return g_strdup_printf("%s: index=0,type=%s%s%s", nc->id, net_type_names[nc->type], more,
                           nc->link_up ? "" : ",link=down"); /* QEMU does not say so */
}

char *net_user_info(const NetClient *nc)
{
    return nc->backend->info ? nc->backend->info(nc) : NULL;
}

/* ---- frontends ----------------------------------------------------------- */

bool net_attach(NetClient *nc, const NetFrontend *fe, void *opaque, Lock *lock, GError **err)
{
    if (nc->fe) {
        net_error(err,
                  "netdev '%s' is already in use by another NIC: one netdev serves one; add a "
                  "second -netdev",
                  nc->id);
        return false;
    }
    nc->fe = fe;
    nc->opaque = opaque;
    nc->lock = lock;
    return true;
}

void net_detach(NetClient *nc, void *opaque)
{
    if (nc->fe && nc->opaque == opaque) {
        nc->fe = NULL;
        nc->opaque = NULL;
        nc->lock = NULL;
        queue_clear(nc);
    }
}

bool net_link_up(const NetClient *nc)
{
    return nc->link_up;
}

void net_tell_link(const NetFrontend *fe, void *opaque, Lock *lock, bool up)
{
    if (!fe || !fe->link_changed) {
        return;
    }
    lock_take_any(lock);
    fe->link_changed(opaque, up);
    lock_release_any(lock);
}

void net_set_link(NetClient *nc, bool up)
{
    if (up == nc->link_up) {
        return;
    }
    nc->link_up = up;
    if (!up) {
        queue_clear(nc);
    }
    net_tell_link(nc->fe, nc->opaque, nc->lock, up);
}
