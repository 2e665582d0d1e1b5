/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The NBD server: exports, and who comes for them. */
#include "block/nbd/server.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdarg.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "block/block_priv.h"

enum { REPORTS_MAX = 20, REPORTS_US = 10 * G_USEC_PER_SEC }; /* so many in this time */

/* ---- exports ----------------------------------------------------------------- */

void export_unref(Export *e)
{
    if (!e || __atomic_sub_fetch(&e->refs, 1, __ATOMIC_ACQ_REL)) {
        return;
    }
    if (e->writable) {
        node_share_bytes(e->node, false);
    }
    node_unref(e->node);
    for (unsigned i = 0; i < e->bitmap_count; i++) {
        g_free(e->contexts[i]);
    }
    if (e->gone) {
        e->gone(e->opaque);
    }
    g_free(e->name);
    g_free(e->description);
    g_free(e);
}

const char *nbd_context_name(const Export *e, unsigned number)
{
    if (!number) {
        return NBD_CONTEXT_NAME;
    }
    if (e->depth && number == 1) {
        return NBD_CONTEXT_DEPTH;
    }
    number -= 1 + e->depth;
    return number < e->bitmap_count ? e->contexts[number] : NULL;
}

/* Under lock. */
static Export *find(NbdServer *s, const char *name, gsize n, guint *index)
{
    for (guint i = 0; i < s->exports->len; i++) {
        Export *e = g_ptr_array_index(s->exports, i);
        if (strlen(e->name) == n && memcmp(e->name, name, n) == 0) {
            *index = i;
            return e;
        }
    }
    return NULL;
}

Export *server_find(NbdServer *s, const char *name, gsize n)
{
    guint i;
    lock_take(&s->lock);
    Export *e = find(s, name, n, &i);
    if (e) {
        __atomic_add_fetch(&e->refs, 1, __ATOMIC_RELAXED);
    }
    lock_release(&s->lock);
    return e;
}

bool server_choose(Client *c, Export *e)
{
    lock_take(&c->server->lock);
    bool there = g_ptr_array_find(c->server->exports, e, NULL) && !c->server->ending;
    if (there) {
        c->export = e;
        c->until = 0;
    }
    lock_release(&c->server->lock);
    return there;
}

static bool check_export(const NbdExport *x, GError **err)
{
    uint64_t all = node_size(x->node);
    if (strlen(x->name) > NBD_MAX_NAME) {
        block_error(err, "export name '%.32s...' is too long: it has at most %d bytes", x->name,
                    NBD_MAX_NAME);
        return false;
    }
    if (x->bitmap_count > NBD_BITMAPS_MAX) {
        block_error(err, "export '%s': more than %d bitmaps", x->name, NBD_BITMAPS_MAX);
        return false;
    }
    if (x->offset % SECTOR || x->offset > all || x->size > all - x->offset) {
        block_error(err, "export '%s': offset and size are not within the image, or not multiples of 512",
                    x->name);
        return false;
    }
    return true;
}

bool nbd_server_add(NbdServer *s, const NbdExport *x, GError **err)
{
    guint i;
    if (!check_export(x, err)) {
        return false;
    }
    lock_take(&s->lock);
    bool taken = find(s, x->name, strlen(x->name), &i) != NULL;
    if (!taken) {
        Export *e = g_new0(Export, 1);
        *e = (Export){ .name = g_strdup(x->name),
                       .description = g_strdup(x->description),
                       .node = node_ref(x->node),
                       .writable = x->writable,
                       .writethrough = x->writethrough,
                       .depth = x->depth,
                       .offset = x->offset,
                       .size = x->size ? x->size : node_size(x->node) - x->offset,
                       .bitmap_count = x->bitmap_count,
                       .gone = x->gone,
                       .opaque = x->opaque,
                       .refs = 1 };
        for (unsigned b = 0; b < x->bitmap_count; b++) {
            e->bitmaps[b] = x->bitmaps[b];
            e->contexts[b] = g_strconcat(NBD_CONTEXT_BITMAP, bitmap_state(x->bitmaps[b]).name, NULL);
        }
        if (e->writable) {
            node_share_bytes(e->node, true);
        }
        g_ptr_array_add(s->exports, e);
    }
    lock_release(&s->lock);
    if (taken) {
        block_error(err, "NBD server already has export named '%s'", x->name);
    }
    return !taken;
}

bool nbd_server_remove(NbdServer *s, const char *name, bool now, GError **err)
{
    guint index, users = 0;
    lock_take(&s->lock);
    Export *e = find(s, name, strlen(name), &index);
    for (guint i = 0; e && i < s->clients->len; i++) {
        Client *c = g_ptr_array_index(s->clients, i);
        users += c->export == e;
        if (c->export == e && now) {
            channel_shutdown(c->channel);
        }
    }
    bool removes = e && (now || !users);
    if (removes) {
        __atomic_store_n(&e->ends, true, __ATOMIC_RELAXED);
        g_ptr_array_remove_index(s->exports, index);
    }
    lock_release(&s->lock);
    if (!removes) {
        block_error(err,
                    e ? "export '%s' still in use: disconnect its clients, or take mode hard"
                      : "Export '%s' is not found",
                    name);
        return false;
    }
    export_unref(e);
    return true;
}

/* Under lock: how many there are still. */
static unsigned cut_off(NbdServer *s)
{
    for (guint i = 0; i < s->clients->len; i++) {
        Client *c = g_ptr_array_index(s->clients, i);
        channel_shutdown(c->channel);
    }
    for (guint i = 0; i < s->exports->len; i++) {
        Export *e = g_ptr_array_index(s->exports, i);
        __atomic_store_n(&e->ends, true, __ATOMIC_RELAXED);
    }
    return s->clients->len;
}

/* Who connects again and again fills no log. */
static bool may_report(NbdServer *s)
{
    gint64 now = g_get_monotonic_time();
    lock_take(&s->lock);
    if (now - s->reports_since > REPORTS_US) {
        s->reports_since = now;
        s->reports = 0;
    }
    bool may = s->reports++ < REPORTS_MAX;
    lock_release(&s->lock);
    return may;
}

void server_report(NbdServer *s, const char *fmt, ...)
{
    if (s->o.report && may_report(s)) {
        va_list ap;
        va_start(ap, fmt);
        g_autofree char *text = g_strdup_vprintf(fmt, ap);
        va_end(ap);
        s->o.report(text, s->o.opaque);
    }
}

/* ---- clients ------------------------------------------------------------------- */

static void client_free(Client *c)
{
    channel_free(c->channel);
    g_free(c->contexts_of);
    lock_finish(&c->lock);
    g_cond_clear(&c->changed);
    g_free(c);
}

static gpointer client_main(gpointer opaque)
{
    Client *c = opaque;
    NbdServer *s = c->server;
    if (nbd_handshake(c) == 0) {
        nbd_serve(c);
    }
    lock_take(&s->lock);
    Export *e = c->export;
    c->export = NULL;
    bool unused = ++s->leaving == s->clients->len && !s->ending;
    lock_release(&s->lock);
    export_unref(e);
    if (unused && s->o.unused) { /* while this one keeps the server */
        s->o.unused(s->o.opaque);
    }
    lock_take(&s->lock);
    g_ptr_array_remove_fast(s->clients, c);
    s->leaving--;
    g_cond_broadcast(&s->changed);
    if (write(s->wake[1], "", 1) < 0 && errno != EAGAIN) {
        g_assert_not_reached(); /* a pipe of our own */
    }
    lock_release(&s->lock);
    client_free(c);
    return NULL;
}

static void client_new(NbdServer *s, int fd)
{
    int one = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one)); /* of a unix socket: nothing */
    Client *c = g_new0(Client, 1);
    c->server = s;
    c->channel = channel_new(fd);
    lock_init(&c->lock, LOCK_NBD_CLIENT);
    g_cond_init(&c->changed);
    c->until = s->o.handshake_ms ? g_get_monotonic_time() + (gint64)s->o.handshake_ms * 1000 : 0;
    lock_take(&s->lock);
    g_ptr_array_add(s->clients, c);
    lock_release(&s->lock);
    g_autoptr(GError) err = NULL;
    GThread *t = g_thread_try_new("nbd", client_main, c, &err);
    if (t) {
        g_thread_unref(t);
        return;
    }
    lock_take(&s->lock);
    g_ptr_array_remove_fast(s->clients, c);
    lock_release(&s->lock);
    client_free(c);
}

/* Is there room for another one?  ending: nobody is accepted any more. */
static bool may_accept(NbdServer *s, bool *ending)
{
    lock_take(&s->lock);
    *ending = s->ending;
    bool may = !s->o.max_clients || s->clients->len < s->o.max_clients;
    lock_release(&s->lock);
    return may;
}

/* Who does not come to choose an export takes no place from others.  Milliseconds until the next is due; -1: none is. */
static int cut_off_slow(NbdServer *s)
{
    gint64 now = g_get_monotonic_time(), next = 0;
    lock_take(&s->lock);
    for (guint i = 0; i < s->clients->len; i++) {
        Client *c = g_ptr_array_index(s->clients, i);
        if (c->until && c->until <= now) {
            channel_shutdown(c->channel);
            c->until = 0;
        }
        next = c->until && (!next || c->until < next) ? c->until : next;
    }
    lock_release(&s->lock);
    return next ? (int)MIN((next - now) / 1000 + 1, G_MAXINT) : -1;
}

static gpointer accept_main(gpointer opaque)
{
    NbdServer *s = opaque;
    for (bool ending = false; !ending;) {
        char drained[64];
        bool may = may_accept(s, &ending);
        struct pollfd fds[2] = { { s->wake[0], POLLIN, 0 }, { may ? s->o.fd : -1, POLLIN, 0 } };
        if (ending || (poll(fds, 2, cut_off_slow(s)) < 0 && errno != EINTR)) {
            break;
        }
        if (fds[0].revents && read(s->wake[0], drained, sizeof(drained)) < 0 && errno != EAGAIN) {
            break;
        }
        int fd = fds[1].revents ? accept4(s->o.fd, NULL, NULL, SOCK_CLOEXEC) : -1;
        if (fd >= 0) {
            client_new(s, fd);
        } else if (fds[1].revents && (errno == EMFILE || errno == ENFILE || errno == ENOMEM)) {
            g_usleep(10000); /* until some are closed */
        }
    }
    return NULL;
}

/* ---- the server ---------------------------------------------------------------- */

NbdServer *nbd_server_new(const NbdServerOptions *o, GError **err)
{
    NbdServer *s = g_new0(NbdServer, 1);
    s->o = *o;
    if (pipe2(s->wake, O_CLOEXEC | O_NONBLOCK) < 0) {
        block_error(err, "no descriptors are left for an NBD server: %s", g_strerror(errno));
        close(o->fd);
        g_free(s);
        return NULL;
    }
    s->o.tls = o->tls ? tls_creds_ref(o->tls) : NULL;
    fcntl(o->fd, F_SETFL, fcntl(o->fd, F_GETFL) | O_NONBLOCK);
    lock_init(&s->lock, LOCK_NBD_SERVER);
    g_cond_init(&s->changed);
    s->exports = g_ptr_array_new();
    s->clients = g_ptr_array_new();
    g_autoptr(GError) why = NULL;
    s->accepting = g_thread_try_new("nbd-accept", accept_main, s, &why);
    if (!s->accepting) {
        block_error(err, "no thread can be started for an NBD server: %s", why->message);
        nbd_server_free(s);
        return NULL;
    }
    return s;
}

void nbd_server_free(NbdServer *s)
{
    if (!s) {
        return;
    }
    lock_take(&s->lock);
    s->ending = true;
    lock_release(&s->lock);
    if (write(s->wake[1], "", 1) < 0 && errno != EAGAIN) {
        g_assert_not_reached();
    }
    if (s->accepting) {
        g_thread_join(s->accepting);
    }
    lock_take(&s->lock);
    while (cut_off(s)) {
        lock_wait(&s->changed, &s->lock);
    }
    lock_release(&s->lock);
    for (guint i = 0; i < s->exports->len; i++) {
        export_unref(g_ptr_array_index(s->exports, i));
    }
    g_ptr_array_unref(s->exports);
    g_ptr_array_unref(s->clients);
    tls_creds_unref(s->o.tls);
    close(s->o.fd);
    close(s->wake[0]);
    close(s->wake[1]);
    lock_finish(&s->lock);
    g_cond_clear(&s->changed);
    g_free(s);
}
