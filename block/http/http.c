/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A file of a web server as a disk that is only read.
 * Options: QEMU's manual, "Disk image file locations".
 *
 * What was fetched is kept in pieces of readahead= bytes, at multiples of that, those used last in up to CACHE bytes.  Who finds a
 * piece missing fetches it, with those behind it that are missing and wanted, in one request; who wants it meanwhile
 * waits for that.
 *
 * Not modelled: writes, ftp, ftps. */
#include "block/http/http.h"

#include <json-c/json.h>
#include <string.h>

#include "block/block_priv.h"

enum { CACHE = 16 << 20, PIECES_MIN = 4, RUN = 1 << 20 };

typedef struct Piece {
    uint64_t index;
    uint8_t *data; /* NULL: somebody fetches it */
    GList link;    /* in `used`, where there is data */
} Piece;

typedef struct HttpNode {
    BlockNode node;
    Fetcher *fetcher;
    uint64_t bytes, piece; /* of the file; of a piece */
    Lock lock;             /* of what follows */
    GCond changed;
    GHashTable *pieces; /* of Piece, by index */
    GQueue used;        /* the last one first */
} HttpNode;

static HttpNode *of(BlockNode *n)
{
    return container_of(n, HttpNode, node);
}

static void piece_free(gpointer p)
{
    Piece *piece = p;
    g_free(piece->data);
    g_free(piece);
}

static Piece *find(HttpNode *s, uint64_t index)
{
    return g_hash_table_lookup(s->pieces, &index);
}

/* Pieces from this one on that nobody has, so far as they are wanted: they are ours to fetch.  Under lock. */
static uint64_t claim(HttpNode *s, uint64_t index, uint64_t end)
{
    uint64_t most = MAX(RUN / s->piece, 1), n = 0;
    for (; n < most && index + n < end && !find(s, index + n); n++) {
        Piece *p = g_new0(Piece, 1);
        p->index = index + n;
        p->link.data = p;
        g_hash_table_insert(s->pieces, &p->index, p);
    }
    return n;
}

/* Under lock: claimed pieces have these bytes (NULL: none, and are nobody's any more). */
static void settle(HttpNode *s, uint64_t index, uint64_t n, const uint8_t *bytes)
{
    uint64_t most = MAX(CACHE / s->piece, PIECES_MIN);
    for (uint64_t i = 0; i < n; i++) {
        Piece *p = find(s, index + i);
        if (bytes) {
            p->data = g_memdup2(bytes + i * s->piece, s->piece);
            g_queue_push_head_link(&s->used, &p->link);
        } else {
            g_hash_table_remove(s->pieces, &p->index);
        }
    }
    while (s->used.length > most) {
        Piece *last = g_queue_pop_tail_link(&s->used)->data;
        g_hash_table_remove(s->pieces, &last->index);
    }
    g_cond_broadcast(&s->changed);
}

/* Bytes [from, from + n * piece) are here: to where the request wants them.  How many of them it wanted. */
static uint64_t give(HttpNode *s, const NodeIo *io, uint64_t done, uint64_t from, uint64_t n,
                     const uint8_t *bytes)
{
    uint64_t skip = io->offset + done - from, length = MIN(n * s->piece - skip, io->length - done);
    iov_from_buf(io->iov, io->iov_count, done, bytes + skip, length);
    return length;
}

/* Without the lock: n pieces, the tail of the last one zeroes.  The caller's. */
static uint8_t *fetch(HttpNode *s, uint64_t index, uint64_t n, int *e)
{
    uint64_t at = index * s->piece, length = n * s->piece, there = MIN(length, s->bytes - MIN(at, s->bytes));
    uint8_t *buf = g_try_malloc(length);
    *e = !buf ? -ENOMEM : there ? fetcher_read(s->fetcher, at, buf, there) : 0;
    if (*e) {
        g_clear_pointer(&buf, g_free);
    } else {
        memset(buf + there, 0, length - there);
    }
    return buf;
}

static int http_read(HttpNode *s, const NodeIo *io)
{
    uint64_t end = (io->offset + io->length + s->piece - 1) / s->piece;
    int e = 0;
    lock_take(&s->lock);
    for (uint64_t done = 0; done < io->length && !e;) {
        uint64_t index = (io->offset + done) / s->piece;
        Piece *p = find(s, index);
        if (p && p->data) {
            g_queue_unlink(&s->used, &p->link);
            g_queue_push_head_link(&s->used, &p->link);
            done += give(s, io, done, index * s->piece, 1, p->data);
        } else if (p) {
            lock_wait(&s->changed, &s->lock);
        } else {
            uint64_t n = claim(s, index, end);
            lock_release(&s->lock);
            g_autofree uint8_t *buf = fetch(s, index, n, &e);
            done += buf ? give(s, io, done, index * s->piece, n, buf) : 0;
            lock_take(&s->lock);
            settle(s, index, n, buf);
        }
    }
    lock_release(&s->lock);
    return e;
}

/* ---- the driver -------------------------------------------------------------- */

static int http_run(BlockNode *n, const NodeIo *io)
{
    return io->op == BLOCK_READ ? http_read(of(n), io) : io->op == BLOCK_FLUSH ? 0 : -EROFS;
}

static int http_map(BlockNode *n, uint64_t offset, uint64_t length, bool may_wait, Extent *e)
{
    *e = (Extent){ EXTENT_DATA, false, length, n, offset };
    return 0;
}

static bool http_direct(BlockNode *n, const NodeIo *io, int *fd)
{
    return false;
}

static void http_close(BlockNode *n)
{
    HttpNode *s = of(n);
    fetcher_free(s->fetcher);
    g_hash_table_destroy(s->pieces);
    lock_finish(&s->lock);
    g_cond_clear(&s->changed);
}

#define HTTP_DRIVER(scheme)                                                                                  \
    {                                                                                                        \
        .name = scheme, .map = http_map, .direct = http_direct, .run = http_run, .close = http_close,        \
        .elsewhere = true,                                                                                   \
    }
static const BlockDriver http_driver = HTTP_DRIVER("http"), https_driver = HTTP_DRIVER("https");

/* ---- opening ----------------------------------------------------------------- */

static const Prop http_props[] = {
    { "url", PROP_STRING, offsetof(HttpOptions, url), "of the image", .required = true },
    HTTP_ROWS(0, ""),
    { NULL },
};
const Shape http_shape = { "BlockdevOptionsCurlHttps", sizeof(HttpOptions), http_props };

bool http_is_of(const char *text, bool tls)
{
    return g_ascii_strncasecmp(text, tls ? "https://" : "http://", tls ? 8 : 7) == 0;
}

bool http_is_name(const char *text)
{
    return http_is_of(text, false) || http_is_of(text, true);
}

HttpOptions *http_options_of(const char *url, json_object *keys, const char *prefix, GError **err)
{
    json_object *values = json_object_new_object();
    if (keys) {
        json_object_object_foreach(keys, key, value)
        {
            if (g_str_has_prefix(key, prefix)) {
                json_object_object_add(values, key + strlen(prefix), json_object_get(value));
            }
        }
    }
    json_object_object_add(values, "url", json_object_new_string(url));
    HttpOptions *o = shape_new(&http_shape, values, NULL, err);
    json_object_put(values);
    return o;
}

static bool check(const HttpOptions *o, GError **err)
{
    if (!http_is_name(o->url)) {
        block_error(err, "'%s' is no URL of a web server: it begins with http:// or https://", o->url);
    } else if (!o->readahead || o->readahead % SECTOR || o->readahead > HTTP_READAHEAD_MAX) {
        block_error(err, "readahead=%" G_GUINT64_FORMAT ": a multiple of %d bytes, up to %d MiB",
                    o->readahead, SECTOR, HTTP_READAHEAD_MAX >> 20);
    } else if (!o->timeout || o->timeout > 3600) {
        block_error(err, "timeout=%u: from 1 to 3600 seconds", o->timeout);
    } else if (o->cookie && o->cookie_secret) {
        block_error(err, "cookie and cookie-secret are two ways to say one thing; leave one of them out");
    } else {
        return true;
    }
    return false;
}

BlockNode *http_node_open(const HttpOptions *o, const Secrets *secrets, GError **err)
{
    uint64_t bytes;
    Fetcher *f = check(o, err) ? fetcher_new(o, secrets, &bytes, err) : NULL;
    if (!f) {
        return NULL;
    }
    HttpNode *s = g_new0(HttpNode, 1);
    node_init(&s->node, http_is_of(o->url, true) ? &https_driver : &http_driver, o->url,
              (bytes + SECTOR - 1) & ~(uint64_t)(SECTOR - 1), true);
    s->fetcher = f;
    s->bytes = bytes;
    s->piece = o->readahead;
    s->pieces = g_hash_table_new_full(g_int64_hash, g_int64_equal, NULL, piece_free);
    lock_init(&s->lock, LOCK_NBD_CLIENT); /* as that, a leaf of a disk on another host */
    g_cond_init(&s->changed);
    return &s->node;
}

BlockNode *http_node_open_url(const char *url, const Secrets *secrets, GError **err)
{
    HttpOptions o;
    shape_init(&http_shape, &o);
    o.url = g_strdup(url);
    BlockNode *n = http_node_open(&o, secrets, err);
    shape_clear(&http_shape, &o);
    return n;
}
