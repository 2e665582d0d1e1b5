/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Requests of an NBD client.  Specification: "Transmission".
 *
 * The client's thread reads requests; some others do them, several at a time, and reply in whichever order they end.  A
 * client that does not take its replies, or asks for more than it is given, waits: what it holds here is bounded.
 *
 * Requests may begin and end at any byte; nodes have sectors (node_write_bytes). */
#include <errno.h>
#include <string.h>

#include "block/block_priv.h"
#include "block/nbd/server.h"
#include "util/bytes.h"

enum { IN_FLIGHT_MAX = 16, EXTENTS_MAX = 1024 };
enum { TRANSFER_PIECE = 2 << 20, RANGE_PIECE = 64 << 20 };

typedef struct Request {
    Client *client;
    uint16_t flags, type;
    uint64_t cookie, offset;
    uint32_t length;
    uint8_t *data; /* of a write; of a read when it is done */
} Request;

uint16_t nbd_export_flags(const Export *e, const Client *c)
{
    uint16_t flags = NBD_FLAG_HAS_FLAGS | NBD_FLAG_FLUSH | NBD_FLAG_FUA | NBD_FLAG_CACHE;
    flags |= c->server->o.max_clients == 1 ? 0 : NBD_FLAG_MULTI_CONN;
    flags |= e->writable ? NBD_FLAG_TRIM | NBD_FLAG_WRITE_ZEROES : NBD_FLAG_READ_ONLY;
    return flags | (c->structured ? NBD_FLAG_DF : 0);
}

/* ---- replies ----------------------------------------------------------------- */

/* One whole reply, after those that are being sent. */
static void send_reply(Client *c, const void *head, uint64_t n, const void *body, uint64_t length)
{
    lock_take(&c->lock);
    while (c->sending) {
        lock_wait(&c->changed, &c->lock);
    }
    c->sending = !c->broken;
    bool send = c->sending;
    lock_release(&c->lock);
    int e = send ? channel_send_two(c->channel, head, n, body, length) : 0;
    lock_take(&c->lock);
    c->sending = send ? false : c->sending;
    c->broken |= e != 0;
    g_cond_broadcast(&c->changed);
    lock_release(&c->lock);
}

static void put_chunk(uint8_t head[20], const Request *r, unsigned type, uint32_t length)
{
    store_be(head, 4, NBD_STRUCTURED_REPLY_MAGIC);
    store_be(head + 4, 2, NBD_REPLY_DONE);
    store_be(head + 6, 2, type);
    store_be(head + 8, 8, r->cookie);
    store_be(head + 16, 4, length);
}

/* body: what follows, but for an error. */
static void reply_simple(const Request *r, int e, const void *body, uint64_t length)
{
    uint8_t head[16];
    store_be(head, 4, NBD_SIMPLE_REPLY_MAGIC);
    store_be(head + 4, 4, e ? nbd_error(e) : 0);
    store_be(head + 8, 8, r->cookie);
    send_reply(r->client, head, sizeof(head), body, e ? 0 : length);
}

static void reply_error(const Request *r, int e)
{
    uint8_t head[26];
    if (!r->client->structured) {
        reply_simple(r, e, NULL, 0);
        return;
    }
    put_chunk(head, r, NBD_REPLY_ERROR, 6);
    store_be(head + 20, 4, nbd_error(e));
    store_be(head + 24, 2, 0);
    send_reply(r->client, head, sizeof(head), NULL, 0);
}

static void reply_read(const Request *r, const void *data)
{
    uint8_t head[28];
    if (!r->client->structured) {
        reply_simple(r, 0, data, r->length);
        return;
    }
    put_chunk(head, r, NBD_REPLY_OFFSET_DATA, 8 + r->length);
    store_be(head + 20, 8, r->offset);
    send_reply(r->client, head, sizeof(head), data, r->length);
}

/* ---- commands ------------------------------------------------------------------ */

/* A request is done in pieces, and an export that ends does not wait for more than those that were begun. */
typedef int PieceFn(const Request *r, uint64_t at, uint32_t done, uint32_t n);
static int in_pieces(const Request *r, uint32_t most, PieceFn *fn)
{
    Export *x = r->client->export;
    int e = 0;
    for (uint32_t done = 0, n; done < r->length && !e; done += n) {
        n = MIN(most, r->length - done);
        e = __atomic_load_n(&x->ends, __ATOMIC_RELAXED) ? -ESHUTDOWN
                                                        : fn(r, x->offset + r->offset + done, done, n);
    }
    return e;
}

static int read_piece(const Request *r, uint64_t at, uint32_t done, uint32_t n)
{
    return node_read_bytes(r->client->export->node, at, r->data + done, n);
}

static int write_piece(const Request *r, uint64_t at, uint32_t done, uint32_t n)
{
    return node_write_bytes(r->client->export->node, at, r->data + done, n);
}

static int zero_piece(const Request *r, uint64_t at, uint32_t done, uint32_t n)
{
    return node_zero_bytes(r->client->export->node, at, n, r->flags & NBD_CMD_NO_HOLE ? 0 : ZERO_UNMAP);
}

/* A hint: of whole sectors alone. */
static int trim_piece(const Request *r, uint64_t at, uint32_t done, uint32_t n)
{
    uint64_t first = (at + SECTOR - 1) / SECTOR * SECTOR, end = (at + n) / SECTOR * SECTOR;
    return first < end ? node_run(r->client->export->node,
                                  &(NodeIo){ BLOCK_DISCARD, false, first, end - first, NULL, 0 })
                       : 0;
}

/* What a node says of [at, at + length), and which of its chain (from 1 on) it is that has something there: 0: none. */
static int state_of(BlockNode *n, uint64_t at, uint64_t length, Extent *x, uint32_t *depth)
{
    int e = node_map(n, at, length, true, x);
    for (*depth = 1; !e && x->kind == EXTENT_BELOW && x->node; ++*depth) {
        e = node_map(x->node, x->position, x->length, true, x);
    }
    *depth = !e && x->kind == EXTENT_BELOW ? 0 : *depth;
    return e;
}

static uint32_t allocation_of(const Extent *x)
{
    return x->kind == EXTENT_ZERO && x->node                   ? NBD_STATE_ZERO
           : x->kind == EXTENT_ZERO || x->kind == EXTENT_BELOW ? NBD_STATE_ZERO | NBD_STATE_HOLE
                                                               : 0;
}

/* Another extent, or more of the last one. */
static void add_extent(GByteArray *all, uint64_t length, uint32_t state)
{
    uint8_t *last = all->len ? all->data + all->len - 8 : NULL, extent[8];
    if (last && load_be(last + 4, 4) == state) {
        store_be(last, 4, load_be(last, 4) + length);
        return;
    }
    store_be(extent, 4, length);
    store_be(extent + 4, 4, state);
    g_byte_array_append(all, extent, sizeof(extent));
}

/* What the bitmap has of [at, end). */
static void bitmap_extents(DirtyBitmap *b, uint64_t at, uint64_t end, guint most, GByteArray *all)
{
    uint64_t offset, length;
    while (at < end && all->len <= most) {
        bool any = bitmap_next(b, at, end, &offset, &length);
        uint64_t clean = (any ? offset : end) - at;
        if (clean) {
            add_extent(all, clean, 0);
        } else {
            add_extent(all, length, NBD_STATE_DIRTY);
        }
        at += clean ? clean : length;
    }
}

/* of_depth: numbers of images, not what is there. */
static int allocation_extents(BlockNode *n, uint64_t at, uint64_t end, bool of_depth, guint most,
                              GByteArray *all)
{
    uint64_t whole = (end + SECTOR - 1) / SECTOR * SECTOR;
    while (at < end && all->len <= most) {
        uint64_t sector = at / SECTOR * SECTOR;
        uint32_t depth;
        Extent x;
        int e = state_of(n, sector, whole - sector, &x, &depth);
        if (e) {
            return e;
        }
        uint64_t known = MIN(sector + x.length, end) - at;
        add_extent(all, known, of_depth ? depth : allocation_of(&x));
        at += known;
    }
    return 0;
}

static void reply_context(const Request *r, unsigned number, const GByteArray *all, bool last)
{
    uint8_t head[24];
    put_chunk(head, r, NBD_REPLY_BLOCK_STATUS, 4 + all->len);
    store_be(head + 4, 2, last ? NBD_REPLY_DONE : 0);
    store_be(head + 20, 4, number + NBD_CONTEXT_BASE);
    send_reply(r->client, head, sizeof(head), all->data, all->len);
}

/* A chunk for each context that was agreed on. */
static void block_status(const Request *r)
{
    const Export *x = r->client->export;
    uint64_t at = x->offset + r->offset, end = at + r->length, left = r->client->contexts;
    guint most = 8 * (r->flags & NBD_CMD_REQ_ONE ? 1 : EXTENTS_MAX);
    for (unsigned i = 0; left; i++) {
        if (!(left >> i & 1)) {
            continue;
        }
        left &= ~(UINT64_C(1) << i);
        g_autoptr(GByteArray) all = g_byte_array_new();
        int e = 0;
        bool of_depth = x->depth && i == 1;
        if (i == NBD_CONTEXT_ALLOCATION || of_depth) {
            e = allocation_extents(x->node, at, end, of_depth, most, all);
        } else {
            bitmap_extents(x->bitmaps[i - 1 - x->depth], at, end, most, all);
        }
        if (e) {
            reply_error(r, e);
            return;
        }
        g_byte_array_set_size(all, MIN(all->len, most));
        reply_context(r, i, all, !left);
    }
}

static void read_data(Request *r)
{
    r->data = g_try_malloc((gsize)r->length + 1);
    int e = r->data ? in_pieces(r, TRANSFER_PIECE, read_piece) : -ENOMEM;
    if (e) {
        reply_error(r, e);
    } else {
        reply_read(r, r->data);
    }
}

static int change(const Request *r)
{
    int e = 0;
    switch (r->type) {
    case NBD_CMD_WRITE: e = in_pieces(r, TRANSFER_PIECE, write_piece); break;
    case NBD_CMD_WRITE_ZEROES: e = in_pieces(r, RANGE_PIECE, zero_piece); break;
    case NBD_CMD_TRIM: e = in_pieces(r, RANGE_PIECE, trim_piece); break;
    case NBD_CMD_FLUSH: return node_flush(r->client->export->node);
    default: return 0; /* CACHE: the host's cache has what it has */
    }
    return !e && (r->flags & NBD_CMD_FUA || r->client->export->writethrough)
               ? node_flush(r->client->export->node)
               : e;
}

/* 0, or -errno of a request that is not for the node. */
static int check(const Request *r)
{
    const Export *x = r->client->export;
    bool changes = r->type == NBD_CMD_WRITE || r->type == NBD_CMD_TRIM || r->type == NBD_CMD_WRITE_ZEROES;
    uint16_t known = NBD_CMD_FUA | (r->type == NBD_CMD_WRITE_ZEROES ? NBD_CMD_NO_HOLE : 0) |
                     (r->type == NBD_CMD_READ && r->client->structured ? NBD_CMD_DF : 0) |
                     (r->type == NBD_CMD_BLOCK_STATUS ? NBD_CMD_REQ_ONE : 0);
    if (r->type > NBD_CMD_BLOCK_STATUS || r->flags & ~known) {
        return -EINVAL;
    }
    if (r->type != NBD_CMD_FLUSH && (r->offset > x->size || r->length > x->size - r->offset)) {
        return changes ? -ENOSPC : -EINVAL;
    }
    if (r->type == NBD_CMD_READ && r->length > NBD_MAX_PAYLOAD) {
        return -EINVAL;
    }
    if (r->type == NBD_CMD_BLOCK_STATUS && (!r->client->contexts || !r->length)) {
        return -EINVAL;
    }
    return changes && !x->writable ? -EPERM : 0;
}

static void do_request(Request *r)
{
    Client *c = r->client;
    int e = check(r);
    if (e) {
        reply_error(r, e);
    } else if (r->type == NBD_CMD_READ) {
        read_data(r);
    } else if (r->type == NBD_CMD_BLOCK_STATUS) {
        block_status(r);
    } else {
        e = change(r);
        if (e) {
            reply_error(r, e);
        } else {
            reply_simple(r, 0, NULL, 0);
        }
    }
    g_free(r->data);
    g_free(r);
    lock_take(&c->lock);
    c->in_flight--;
    g_cond_broadcast(&c->changed);
    lock_release(&c->lock);
}

/* ---- workers ---------------------------------------------------------------------- */

static gpointer work(gpointer opaque)
{
    Client *c = opaque;
    lock_take(&c->lock);
    while (c->waiting.length || !c->over) {
        Request *r = g_queue_pop_head(&c->waiting);
        if (!r) {
            c->idle++;
            lock_wait(&c->changed, &c->lock);
            c->idle--;
            continue;
        }
        lock_release(&c->lock);
        do_request(r);
        lock_take(&c->lock);
    }
    lock_release(&c->lock);
    return NULL;
}

/* Threads come while all are busy.  Where the host lets us have none, the client's own does the work. */
static void give_to_worker(Client *c, Request *r)
{
    lock_take(&c->lock);
    c->in_flight++;
    if (c->waiting.length >= c->idle && c->worker_count < NBD_WORKERS) {
        GThread *t = g_thread_try_new("nbd-io", work, c, NULL);
        c->workers[c->worker_count] = t;
        c->worker_count += t != NULL;
    }
    bool own = !c->worker_count;
    if (!own) {
        g_queue_push_tail(&c->waiting, r);
        g_cond_broadcast(&c->changed);
    }
    lock_release(&c->lock);
    if (own) {
        do_request(r);
    }
}

static void end_workers(Client *c)
{
    lock_take(&c->lock);
    c->over = true;
    g_cond_broadcast(&c->changed);
    lock_release(&c->lock);
    for (unsigned i = 0; i < c->worker_count; i++) {
        g_thread_join(c->workers[i]);
    }
}

/* ---- the client's thread --------------------------------------------------------- */

/* The next request, with its data; NULL: the client goes. */
static Request *receive(Client *c)
{
    uint8_t head[NBD_REQUEST_BYTES];
    if (channel_receive(c->channel, head, sizeof(head)) || load_be(head, 4) != NBD_REQUEST_MAGIC) {
        return NULL;
    }
    Request *r = g_new(Request, 1);
    *r = (Request){ .client = c,
                    .flags = load_be(head + 4, 2),
                    .type = load_be(head + 6, 2),
                    .cookie = load_be(head + 8, 8),
                    .offset = load_be(head + 16, 8),
                    .length = load_be(head + 24, 4) };
    bool bad = r->type == NBD_CMD_DISC || (r->type == NBD_CMD_WRITE && r->length > NBD_MAX_PAYLOAD);
    if (!bad && r->type == NBD_CMD_WRITE) {
        r->data = g_try_malloc(r->length + 1);
        bad = !r->data || channel_receive(c->channel, r->data, r->length);
    }
    if (bad) {
        g_free(r->data);
        g_free(r);
        return NULL;
    }
    return r;
}

/* Until at most so many are under way. */
static void wait_for(Client *c, unsigned most)
{
    lock_take(&c->lock);
    while (c->in_flight > most) {
        lock_wait(&c->changed, &c->lock);
    }
    lock_release(&c->lock);
}

void nbd_serve(Client *c)
{
    for (Request *r = receive(c); r; r = receive(c)) {
        give_to_worker(c, r);
        wait_for(c, IN_FLIGHT_MAX - 1);
    }
    end_workers(c);
}
