/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A disk of an NBD server: requests of any number of threads on one connection.
 * Specification: "Transmission".
 *
 * Who waits for a reply and finds nobody that reads, reads: replies come in any order, each goes to whom it belongs.  When
 * the connection is lost, requests under way fail, and the next one connects anew.
 *
 * With reconnect-delay they wait for it and are sent anew.  A server that is silent is lost, too: whoever waits for a request, such as
 * `stop`, waits no longer than that.
 *
 * Not modelled: NBD_CMD_CACHE, servers whose blocks are larger than a sector (refused). */
#include "block/nbd_client.h"

#include <errno.h>
#include <string.h>

#include "block/block_priv.h"
#include "block/nbd/proto.h"
#include "util/bytes.h"

enum { PIECE = 2 << 20, RETRY_US = 200000, ERRORS_MAX = 4096 };

typedef struct Call {
    uint16_t type, flags;
    uint64_t cookie, offset;
    uint32_t length;
    uint8_t *data;         /* to be written, or read into */
    uint32_t known, state; /* of NBD_CMD_BLOCK_STATUS: the first extent */
    uint32_t came, errors; /* bytes of data, chunks with an error: so an answer has an end */
    bool ended, lost;      /* lost: with the connection */
    int result;
} Call;

typedef struct NbdNode {
    BlockNode node;
    NbdName name;
    NbdAgreed agreed;
    NbdPatience patience;
    Lock lock; /* of what follows */
    GCond changed;
    Channel *channel; /* NULL: no connection */
    bool dead;        /* nobody is to use it any more; it is closed when nobody does */
    bool sending, reading, connecting;
    gint64 lost_at, retry_at; /* g_get_monotonic_time; lost_at: of the connection, 0: it is there */
    uint64_t next_cookie;
    GHashTable *calls; /* of Call, by cookie */
} NbdNode;

static NbdNode *of(BlockNode *n)
{
    return container_of(n, NbdNode, node);
}

/* ---- replies ------------------------------------------------------------------- */

/* Without the lock, by whoever reads: the call stays where it is until it ends. */
static int receive_chunk(NbdNode *s, Call *c, unsigned type, uint32_t length)
{
    uint8_t head[14];
    uint64_t at;
    if (type & 0x8000) { /* an error */
        int e = length < 6 || c->errors++ >= ERRORS_MAX ? -EPROTO : channel_receive(s->channel, head, 6);
        c->result = c->result ? c->result : e ? e : nbd_error_to_errno(load_be(head, 4));
        return e ? e : channel_skip(s->channel, length - 6);
    }
    switch (type) {
    case NBD_REPLY_NONE: return length ? -EPROTO : 0;
    case NBD_REPLY_OFFSET_DATA:
    case NBD_REPLY_OFFSET_HOLE: {
        bool hole = type == NBD_REPLY_OFFSET_HOLE;
        uint32_t n = hole ? 12 : 8;
        int e = length < n || c->type != NBD_CMD_READ ? -EPROTO : channel_receive(s->channel, head, n);
        uint64_t bytes = e ? 0 : hole ? load_be(head + 8, 4) : length - 8;
        at = e ? 0 : load_be(head, 8);
        if (e || at < c->offset || at - c->offset > c->length || bytes > c->length - (at - c->offset) ||
            bytes == 0 || bytes > c->length - c->came || (hole && length != 12)) {
            return e ? e : -EPROTO;
        }
        c->came += (uint32_t)bytes;
        if (hole) {
            memset(c->data + (at - c->offset), 0, bytes);
            return 0;
        }
        return channel_receive(s->channel, c->data + (at - c->offset), bytes);
    }
    case NBD_REPLY_BLOCK_STATUS: {
        bool first = c->type == NBD_CMD_BLOCK_STATUS && c->known == 0;
        int e = length < 12 || !first ? -EPROTO : channel_receive(s->channel, head, 12);
        e = !e && (load_be(head, 4) != s->agreed.context || load_be(head + 4, 4) == 0) ? -EPROTO : e;
        c->known = e ? 0 : load_be(head + 4, 4);
        c->state = e ? 0 : load_be(head + 8, 4);
        return e ? e : channel_skip(s->channel, length - 12);
    }
    default: return -EPROTO;
    }
}

static Call *find_call(NbdNode *s, uint64_t cookie)
{
    lock_take(&s->lock);
    Call *c = g_hash_table_lookup(s->calls, &cookie);
    lock_release(&s->lock);
    return c;
}

static void call_ended(NbdNode *s, Call *c)
{
    lock_take(&s->lock);
    g_hash_table_remove(s->calls, &c->cookie);
    c->ended = true;
    g_cond_broadcast(&s->changed);
    lock_release(&s->lock);
}

/* One reply, or a part of one: 0 or -errno, the connection's. */
static int receive_reply(NbdNode *s)
{
    uint8_t head[20];
    int e = channel_receive(s->channel, head, 16);
    uint32_t magic = e ? 0 : load_be(head, 4);
    Call *c = e ? NULL : find_call(s, load_be(head + 8, 8));
    if (!c) {
        return e ? e : -EPROTO;
    }
    if (magic == NBD_SIMPLE_REPLY_MAGIC) {
        uint32_t error = load_be(head + 4, 4);
        if (c->type == NBD_CMD_BLOCK_STATUS || (c->type == NBD_CMD_READ && s->agreed.structured)) {
            return -EPROTO;
        }
        c->result = error ? nbd_error_to_errno(error) : 0;
        e = !error && c->type == NBD_CMD_READ ? channel_receive(s->channel, c->data, c->length) : 0;
        if (!e) {
            call_ended(s, c);
        }
        return e;
    }
    if (magic != NBD_STRUCTURED_REPLY_MAGIC || !s->agreed.structured) {
        return -EPROTO;
    }
    e = channel_receive(s->channel, head + 16, 4);
    uint32_t length = e ? 0 : load_be(head + 16, 4);
    unsigned type = (unsigned)load_be(head + 6, 2);
    bool done = load_be(head + 4, 2) & NBD_REPLY_DONE;
    if (e || length > NBD_MAX_PAYLOAD + 64 || (type == NBD_REPLY_NONE && !done)) {
        return e ? e : -EPROTO;
    }
    e = receive_chunk(s, c, type, length);
    if (!e && done && c->type == NBD_CMD_READ && !c->result && c->came != c->length) {
        return -EPROTO; /* what did not come would be what the buffer had before */
    }
    if (!e && done) {
        call_ended(s, c);
    }
    return e;
}

/* ---- the connection -------------------------------------------------------------- */

static Channel *connect_once(NbdNode *s, NbdAgreed *a, GError **err)
{
    Channel *c = nbd_connect(&(NbdAddress){ s->name.path, s->name.host, s->name.port }, err);
    if (c && !nbd_agree(c, &s->name, a, err)) {
        channel_free(c);
        return NULL;
    }
    if (c) {
        channel_end_by(c, 0);
        channel_limit_waits(c, NBD_SILENCE_S);
    }
    return c;
}

static void lose_call(gpointer key, gpointer value, gpointer opaque)
{
    Call *c = value;
    c->ended = c->lost = true;
}

/* Under lock: the connection is of no use. */
static void lose(NbdNode *s)
{
    if (s->channel && !s->dead) {
        s->dead = true;
        channel_shutdown(s->channel); /* who sends or reads ends soon */
    }
    if (s->dead && !s->sending && !s->reading) {
        g_clear_pointer(&s->channel, channel_free);
        s->dead = false;
        s->lost_at = g_get_monotonic_time();
        g_hash_table_foreach(s->calls, lose_call, NULL);
        g_hash_table_remove_all(s->calls);
        g_cond_broadcast(&s->changed);
    }
}

/* Under lock, which is left meanwhile: a connection to the same disk. */
static int reconnect(NbdNode *s)
{
    while (s->connecting || s->dead) {
        lock_wait(&s->changed, &s->lock);
    }
    if (s->channel) {
        return 0;
    }
    if (s->patience.reconnect_delay && g_get_monotonic_time() < s->retry_at) {
        return -EIO; /* somebody has just tried */
    }
    s->connecting = true;
    lock_release(&s->lock);
    NbdAgreed a = { 0 };
    Channel *c = connect_once(s, &a, NULL);
    if (c && (a.size != s->agreed.size || (a.flags & NBD_FLAG_READ_ONLY && !s->node.readonly))) {
        g_clear_pointer(&c, channel_free); /* another disk */
    }
    lock_take(&s->lock);
    s->connecting = false;
    s->channel = c;
    s->retry_at = g_get_monotonic_time() + RETRY_US;
    if (c) {
        s->agreed = a;
        s->lost_at = 0;
    }
    g_cond_broadcast(&s->changed);
    return c ? 0 : -EIO;
}

/* ---- calls ----------------------------------------------------------------------- */

static int send_call(NbdNode *s, const Call *c)
{
    uint8_t head[NBD_REQUEST_BYTES];
    store_be(head, 4, NBD_REQUEST_MAGIC);
    store_be(head + 4, 2, c->flags);
    store_be(head + 6, 2, c->type);
    store_be(head + 8, 8, c->cookie);
    store_be(head + 16, 8, c->offset);
    store_be(head + 24, 4, c->length);
    return channel_send_two(s->channel, head, sizeof(head), c->data,
                            c->type == NBD_CMD_WRITE ? c->length : 0);
}

/* Under lock, which is left meanwhile. */
static void await(NbdNode *s, Call *c)
{
    while (!c->ended) {
        if (s->reading || s->dead) {
            lock_wait(&s->changed, &s->lock);
            continue;
        }
        s->reading = true;
        lock_release(&s->lock);
        int e = receive_reply(s);
        lock_take(&s->lock);
        s->reading = false;
        if (e) {
            s->dead = s->channel != NULL;
        }
        if (s->dead) {
            channel_shutdown(s->channel);
            lose(s);
        }
        g_cond_broadcast(&s->changed);
    }
}

/* Once over one connection.  Under lock, which is left meanwhile. */
static void call_once(NbdNode *s, Call *c)
{
    while (s->sending && !s->dead) {
        lock_wait(&s->changed, &s->lock);
    }
    c->ended = c->lost = false;
    c->result = 0;
    c->came = c->errors = c->known = 0;
    if (s->dead || !s->channel) {
        c->lost = true;
        return;
    }
    c->cookie = s->next_cookie++;
    g_hash_table_insert(s->calls, &c->cookie, c);
    s->sending = true;
    lock_release(&s->lock);
    int e = send_call(s, c);
    lock_take(&s->lock);
    s->sending = false;
    g_cond_broadcast(&s->changed);
    if (e || s->dead) {
        lose(s);
    }
    await(s, c);
}

/* Under lock, which is left meanwhile.  *until: how long a lost call is tried, 0: it was not lost before.  False: no longer. */
static bool wait_to_retry(NbdNode *s, gint64 *until)
{
    gint64 now = g_get_monotonic_time();
    if (!*until) { /* a server that comes and goes does not prolong it */
        *until = (s->lost_at ? s->lost_at : now) + s->patience.reconnect_delay * G_USEC_PER_SEC;
    }
    while (!s->channel && !s->connecting && now < s->retry_at && now < *until) {
        lock_wait_until(&s->changed, &s->lock, MIN(s->retry_at, *until));
        now = g_get_monotonic_time();
    }
    return now < *until;
}

static int call(NbdNode *s, Call *c)
{
    gint64 until = 0;
    int e;
    lock_take(&s->lock);
    do {
        e = s->channel && !s->dead ? 0 : reconnect(s);
        if (!e) {
            call_once(s, c);
            if (!c->lost) {
                e = c->result;
                break;
            }
            e = -EIO;
        }
    } while (wait_to_retry(s, &until));
    lock_release(&s->lock);
    return e;
}

/* ---- the driver -------------------------------------------------------------------- */

static int transfer(NbdNode *s, const NodeIo *io, bool write)
{
    uint64_t most = MIN(s->agreed.max_block ? s->agreed.max_block : PIECE, PIECE);
    g_autofree uint8_t *buf = g_try_malloc0(MIN(io->length, most)); /* a server may answer one part twice */
    int e = buf ? 0 : -ENOMEM;
    for (uint64_t done = 0, n; done < io->length && !e; done += n) {
        n = MIN(io->length - done, most);
        Call c = { .type = write ? NBD_CMD_WRITE : NBD_CMD_READ,
                   .offset = io->offset + done,
                   .length = (uint32_t)n,
                   .data = buf };
        if (write) {
            iov_to_buf(io->iov, io->iov_count, done, buf, n);
        }
        e = call(s, &c);
        if (!e && !write) {
            iov_from_buf(io->iov, io->iov_count, done, buf, n);
        }
    }
    return e;
}

/* TRIM and WRITE_ZEROES of any length. */
static int range(NbdNode *s, const NodeIo *io, uint16_t type, uint16_t flags)
{
    int e = 0;
    for (uint64_t done = 0, n; done < io->length && !e; done += n) {
        n = MIN(io->length - done, UINT64_C(1) << 30);
        Call c = { .type = type, .flags = flags, .offset = io->offset + done, .length = (uint32_t)n };
        e = call(s, &c);
    }
    return e;
}

static int write_zeroes(NbdNode *s, const NodeIo *io)
{
    if (s->agreed.flags & NBD_FLAG_WRITE_ZEROES) {
        return range(s, io, NBD_CMD_WRITE_ZEROES, io->unmap ? 0 : NBD_CMD_NO_HOLE);
    }
    g_autofree uint8_t *zeroes = g_malloc0(PIECE);
    int e = 0;
    for (uint64_t done = 0; done < io->length && !e; done += PIECE) {
        struct iovec iov = { zeroes, MIN(PIECE, io->length - done) };
        e = transfer(s, &(NodeIo){ BLOCK_WRITE, false, io->offset + done, iov.iov_len, &iov, 1 }, true);
    }
    return e;
}

static int nbd_run(BlockNode *n, const NodeIo *io)
{
    NbdNode *s = of(n);
    switch (io->op) {
    case BLOCK_READ: return transfer(s, io, false);
    case BLOCK_WRITE: return transfer(s, io, true);
    case BLOCK_FLUSH: {
        Call c = { .type = NBD_CMD_FLUSH };
        return s->agreed.flags & NBD_FLAG_FLUSH ? call(s, &c) : 0;
    }
    case BLOCK_DISCARD: return s->agreed.flags & NBD_FLAG_TRIM ? range(s, io, NBD_CMD_TRIM, 0) : 0;
    case BLOCK_WRITE_ZEROES: return write_zeroes(s, io);
    }
    return -EINVAL;
}

static int nbd_map(BlockNode *n, uint64_t offset, uint64_t length, bool may_wait, Extent *e)
{
    NbdNode *s = of(n);
    *e = (Extent){ EXTENT_DATA, !n->readonly, length, n, offset };
    if (!may_wait || !s->agreed.allocation) {
        return 0;
    }
    Call c = { .type = NBD_CMD_BLOCK_STATUS,
               .flags = NBD_CMD_REQ_ONE,
               .offset = offset,
               .length = (uint32_t)MIN(length, UINT64_C(1) << 30) };
    int result = call(s, &c);
    if (result || c.known / SECTOR == 0) {
        return result;
    }
    e->length = MIN(length, c.known / SECTOR * SECTOR);
    if (c.state & NBD_STATE_ZERO) {
        e->kind = EXTENT_ZERO;
        e->node = c.state & NBD_STATE_HOLE ? NULL : n;
    }
    return 0;
}

static bool nbd_direct(BlockNode *n, const NodeIo *io, int *fd)
{
    return false;
}

static void nbd_close(BlockNode *n)
{
    NbdNode *s = of(n);
    if (s->channel) {
        Call c = { .type = NBD_CMD_DISC };
        send_call(s, &c);
        channel_free(s->channel);
    }
    g_hash_table_destroy(s->calls);
    nbd_name_clear(&s->name);
    lock_finish(&s->lock);
    g_cond_clear(&s->changed);
}

/* The connection is one for both: what is only read here is not written through it. */
static bool nbd_set_writable(BlockNode *n, bool writable, GError **err)
{
    if (writable && of(n)->agreed.flags & NBD_FLAG_READ_ONLY) {
        block_error(err, "'%s': the server exports it read-only", n->filename);
        return false;
    }
    n->readonly = !writable;
    return true;
}

static const BlockDriver nbd_driver = {
    .name = "nbd",
    .set_writable = nbd_set_writable,
    .map = nbd_map,
    .direct = nbd_direct,
    .run = nbd_run,
    .close = nbd_close,
    .elsewhere = true,
};

static Channel *connect_first(NbdNode *s, GError **err)
{
    gint64 until = g_get_monotonic_time() + s->patience.open_timeout * G_USEC_PER_SEC;
    for (;;) {
        g_autoptr(GError) why = NULL;
        Channel *c = connect_once(s, &s->agreed, &why);
        if (c || g_get_monotonic_time() >= until) {
            if (!c) {
                g_propagate_error(err, g_steal_pointer(&why));
            }
            return c;
        }
        g_usleep(RETRY_US);
    }
}

BlockNode *nbd_node_open(const char *text, const NbdName *name, bool readonly, const NbdPatience *patience,
                         GError **err)
{
    NbdNode *s = g_new0(NbdNode, 1);
    node_init(&s->node, &nbd_driver, text, 0, true);
    s->name = (NbdName){ .path = g_strdup(name->path),
                         .host = g_strdup(name->host),
                         .port = g_strdup(name->port),
                         .export = g_strdup(name->export),
                         .tls = name->tls ? tls_creds_ref(name->tls) : NULL,
                         .tls_hostname = g_strdup(name->tls_hostname) };
    s->patience = *patience;
    s->calls = g_hash_table_new(g_int64_hash, g_int64_equal);
    lock_init(&s->lock, LOCK_NBD_CLIENT);
    g_cond_init(&s->changed);
    s->channel = connect_first(s, err);
    bool ok = s->channel != NULL;
    if (ok && !readonly && s->agreed.flags & NBD_FLAG_READ_ONLY) {
        block_error(err, "'%s': request for write access denied: the server exports it read-only", text);
        ok = false;
    }
    if (ok && (s->agreed.min_block > SECTOR || s->agreed.size % SECTOR)) {
        block_error(err,
                    "'%s': its blocks of %u bytes, or its size of %" G_GUINT64_FORMAT
                    " bytes, are no sectors of 512",
                    text, s->agreed.min_block, s->agreed.size);
        ok = false;
    }
    if (!ok) {
        node_unref(&s->node);
        return NULL;
    }
    s->node.size = s->agreed.size;
    s->node.readonly = readonly;
    return &s->node;
}
