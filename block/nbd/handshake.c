/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The NBD server's side of the handshake: what a client wants, in fixed newstyle.
 * Specification: "Fixed newstyle negotiation", "Option types".
 *
 * With credentials the server is of the mode FORCEDTLS ("TLS support"): nothing is said to who has not begun TLS.
 *
 * Not modelled: the mode SELECTIVETLS, extended headers. */
#include <errno.h>
#include <string.h>

#include "block/block_priv.h"
#include "block/nbd/server.h"
#include "util/bytes.h"

enum { OPTIONS_MAX = 1024 }; /* of one client: it is to come to an end */

typedef struct Option {
    uint32_t type, length;
    uint8_t *data; /* with a byte more */
} Option;

static int reply(Client *c, const Option *o, uint32_t type, const void *data, uint32_t n)
{
    uint8_t head[20];
    store_be(head, 8, NBD_OPTION_REPLY_MAGIC);
    store_be(head + 8, 4, o->type);
    store_be(head + 12, 4, type);
    store_be(head + 16, 4, n);
    return channel_send_two(c->channel, head, sizeof(head), data, n);
}

static int refuse(Client *c, const Option *o, uint32_t type, const char *why)
{
    return reply(c, o, type, why, (uint32_t)strlen(why));
}

/* ---- names ------------------------------------------------------------------- */

/* A length and so many bytes, at *at; NULL: they are not there. */
static const char *take_text(const Option *o, uint32_t *at, uint32_t *n)
{
    if (o->length - *at < 4) {
        return NULL;
    }
    *n = load_be(o->data + *at, 4);
    *at += 4;
    if (*n > o->length - *at || *n > NBD_MAX_NAME) {
        return NULL;
    }
    const char *text = (const char *)o->data + *at;
    *at += *n;
    return text;
}

/* Takes the reference.  0, or -errno: it is not there any more. */
static int choose(Client *c, Export *e)
{
    if (g_strcmp0(c->contexts_of, e->name) != 0) {
        c->contexts = 0; /* they were agreed on for another export */
    }
    if (!server_choose(c, e)) {
        export_unref(e);
        return -ESHUTDOWN;
    }
    return 0;
}

/* ---- options ----------------------------------------------------------------- */

static int list(Client *c, const Option *o)
{
    NbdServer *s = c->server;
    GByteArray *all = g_byte_array_new();
    int e = 0;
    if (o->length) {
        e = refuse(c, o, NBD_REP_ERR_INVALID, "LIST has no data");
        g_byte_array_unref(all);
        return e;
    }
    lock_take(&s->lock);
    for (guint i = 0; i < s->exports->len; i++) {
        const Export *x = g_ptr_array_index(s->exports, i);
        uint8_t n[8];
        uint32_t name = (uint32_t)strlen(x->name),
                 text = x->description ? (uint32_t)strlen(x->description) : 0;
        store_be(n, 4, name + text + 4);
        store_be(n + 4, 4, name);
        g_byte_array_append(all, n, sizeof(n));
        g_byte_array_append(all, (const uint8_t *)x->name, name);
        g_byte_array_append(all, (const uint8_t *)(x->description ? x->description : ""), text);
    }
    lock_release(&s->lock);
    for (guint i = 0, n; i < all->len && !e; i += n + 4) {
        n = (guint)load_be(all->data + i, 4);
        e = reply(c, o, NBD_REP_SERVER, all->data + i + 4, n);
    }
    g_byte_array_unref(all);
    return e ? e : reply(c, o, NBD_REP_ACK, NULL, 0);
}

static int send_info(Client *c, const Option *o, const Export *x)
{
    uint8_t info[14];
    store_be(info, 2, NBD_INFO_EXPORT);
    store_be(info + 2, 8, x->size);
    store_be(info + 10, 2, nbd_export_flags(x, c));
    int e = reply(c, o, NBD_REP_INFO, info, 12);
    if (!e && x->description) {
        g_autofree char *text = g_strdup_printf("  %s", x->description);
        store_be((uint8_t *)text, 2, NBD_INFO_DESCRIPTION);
        e = reply(c, o, NBD_REP_INFO, text, 2 + (uint32_t)strlen(x->description));
    }
    store_be(info, 2, NBD_INFO_BLOCK_SIZE);
    store_be(info + 2, 4, 1);
    store_be(info + 6, 4, 4096);
    store_be(info + 10, 4, NBD_MAX_PAYLOAD);
    e = e ? e : reply(c, o, NBD_REP_INFO, info, 14);
    return e ? e : reply(c, o, NBD_REP_ACK, NULL, 0);
}

/* INFO and GO; *done: the handshake is over. */
static int info(Client *c, const Option *o, bool *done)
{
    uint32_t at = 0, n;
    const char *name = take_text(o, &at, &n);
    if (!name || o->length - at < 2 || o->length - at != 2 + 2 * load_be(o->data + at, 2)) {
        return refuse(c, o, NBD_REP_ERR_INVALID, "a name and a list of informations was expected");
    }
    Export *x = server_find(c->server, name, n);
    if (!x) {
        return refuse(c, o, NBD_REP_ERR_UNKNOWN, "no export has this name");
    }
    int e = send_info(c, o, x);
    if (!e && o->type == NBD_OPT_GO) {
        *done = true;
        return choose(c, x);
    }
    export_unref(x);
    return e;
}

/* EXPORT_NAME: there is no way to say no but to go. */
static int export_name(Client *c, const Option *o, bool *done)
{
    uint8_t answer[134] = { 0 };
    Export *x = server_find(c->server, (const char *)o->data, o->length);
    if (!x) {
        return -ENOENT;
    }
    int e = choose(c, x);
    if (e) {
        return e;
    }
    store_be(answer, 8, x->size);
    store_be(answer + 8, 2, nbd_export_flags(x, c));
    *done = true;
    return channel_send(c->channel, answer, c->no_zeroes ? 10 : sizeof(answer));
}

/* list_only: a query may be the beginning of names, up to a colon. */
static bool matches(const char *name, const char *query, uint32_t n, bool list_only)
{
    return (n == strlen(name) && memcmp(query, name, n) == 0) ||
           (list_only && n && query[n - 1] == ':' && n < strlen(name) && memcmp(query, name, n) == 0);
}

static uint64_t matching(const Export *x, const char *query, uint32_t n, bool list_only)
{
    uint64_t found = 0;
    const char *name;
    for (unsigned i = 0; (name = nbd_context_name(x, i)); i++) {
        found |= (uint64_t)matches(name, query, n, list_only) << i;
    }
    return found;
}

/* *found: bits of the contexts that the queries at `at` ask for; false: they are cut off. */
static bool read_queries(const Option *o, uint32_t at, const Export *x, bool list_only, uint64_t *found)
{
    uint32_t queries = load_be(o->data + at, 4), n;
    at += 4;
    *found = list_only && !queries ? UINT64_MAX : 0;
    for (uint32_t i = 0; i < queries; i++) {
        const char *query = take_text(o, &at, &n);
        if (!query) {
            return false;
        }
        *found |= matching(x, query, n, list_only);
    }
    return true;
}

static int reply_contexts(Client *c, const Option *o, const Export *x, uint64_t found, bool list_only)
{
    const char *name;
    int e = 0;
    for (unsigned i = 0; (name = nbd_context_name(x, i)) && !e; i++) {
        g_autofree char *context = g_strconcat("    ", name, NULL);
        store_be((uint8_t *)context, 4, list_only ? 0 : i + NBD_CONTEXT_BASE);
        e = found >> i & 1 ? reply(c, o, NBD_REP_META_CONTEXT, context, 4 + (uint32_t)strlen(name)) : 0;
    }
    return e ? e : reply(c, o, NBD_REP_ACK, NULL, 0);
}

static int meta_context_of(Client *c, const Option *o, uint32_t at, const Export *x)
{
    bool list_only = o->type == NBD_OPT_LIST_META_CONTEXT;
    uint64_t found;
    if (!list_only && !c->structured) {
        return refuse(c, o, NBD_REP_ERR_INVALID, "structured replies come first");
    }
    if (!read_queries(o, at, x, list_only, &found)) {
        return refuse(c, o, NBD_REP_ERR_INVALID, "queries are cut off");
    }
    if (!list_only) {
        c->contexts = found;
        g_free(c->contexts_of);
        c->contexts_of = g_strdup(x->name);
    }
    return reply_contexts(c, o, x, found, list_only);
}

static int meta_context(Client *c, const Option *o)
{
    uint32_t at = 0, n;
    const char *name = take_text(o, &at, &n);
    if (!name || o->length - at < 4) {
        return refuse(c, o, NBD_REP_ERR_INVALID, "a name and queries were expected");
    }
    Export *x = server_find(c->server, name, n);
    int e = x ? meta_context_of(c, o, at, x) : refuse(c, o, NBD_REP_ERR_UNKNOWN, "no export has this name");
    export_unref(x);
    return e;
}

static int structured(Client *c, const Option *o)
{
    if (o->length) {
        return refuse(c, o, NBD_REP_ERR_INVALID, "STRUCTURED_REPLY has no data");
    }
    c->structured = true;
    return reply(c, o, NBD_REP_ACK, NULL, 0);
}

/* The bytes behind the option are of the handshake: what somebody has put there in plain ends it. */
static int start_tls(Client *c, const Option *o)
{
    NbdServer *s = c->server;
    g_autoptr(GError) why = NULL;
    if (!s->o.tls) {
        return refuse(c, o, NBD_REP_ERR_POLICY, "this server has no TLS");
    }
    if (o->length || channel_has_tls(c->channel)) {
        return refuse(c, o, NBD_REP_ERR_INVALID,
                      o->length ? "STARTTLS has no data" : "TLS has begun already");
    }
    int e = reply(c, o, NBD_REP_ACK, NULL, 0);
    if (!e && !channel_start_tls(c->channel, s->o.tls, NULL, s->o.handshake_ms, &why)) {
        server_report(s, "a client is refused: %s", why->message);
        return -ECONNABORTED;
    }
    c->structured = false; /* what was agreed on before may have been changed on the way */
    c->contexts = 0;
    return e;
}

/* Before TLS, of a server that has it: nothing is told but that. */
static int answer_plain(Client *c, const Option *o)
{
    switch (o->type) {
    case NBD_OPT_STARTTLS: return start_tls(c, o);
    case NBD_OPT_EXPORT_NAME:
        server_report(c->server, "a client is refused: it wants an export without TLS");
        return -EPROTO;
    case NBD_OPT_ABORT: reply(c, o, NBD_REP_ACK, NULL, 0); return -ECONNABORTED;
    default: return refuse(c, o, NBD_REP_ERR_TLS_REQD, "this server wants TLS");
    }
}

static int answer(Client *c, const Option *o, bool *done)
{
    if (c->server->o.tls && !channel_has_tls(c->channel)) {
        return answer_plain(c, o);
    }
    switch (o->type) {
    case NBD_OPT_EXPORT_NAME: return export_name(c, o, done);
    case NBD_OPT_ABORT: reply(c, o, NBD_REP_ACK, NULL, 0); return -ECONNABORTED;
    case NBD_OPT_LIST: return list(c, o);
    case NBD_OPT_STARTTLS: return start_tls(c, o);
    case NBD_OPT_INFO:
    case NBD_OPT_GO: return info(c, o, done);
    case NBD_OPT_STRUCTURED_REPLY: return structured(c, o);
    case NBD_OPT_LIST_META_CONTEXT:
    case NBD_OPT_SET_META_CONTEXT: return meta_context(c, o);
    default: return refuse(c, o, NBD_REP_ERR_UNSUP, "this server has no such option");
    }
}

/* One option of the client's, and what is said to it. */
static int one_option(Client *c, bool *done)
{
    uint8_t head[16];
    int e = channel_receive(c->channel, head, sizeof(head));
    if (e || load_be(head, 8) != NBD_OPTION_MAGIC) {
        return e ? e : -EPROTO;
    }
    Option o = { load_be(head + 8, 4), load_be(head + 12, 4), NULL };
    if (o.length > NBD_MAX_OPTION) {
        e = o.type == NBD_OPT_EXPORT_NAME ? -EPROTO : channel_skip(c->channel, o.length);
        if (!e && c->server->o.tls && !channel_has_tls(c->channel)) {
            return refuse(c, &o, NBD_REP_ERR_TLS_REQD, "this server wants TLS");
        }
        return e ? e : refuse(c, &o, NBD_REP_ERR_TOO_BIG, "this option is too long");
    }
    o.data = g_malloc0((gsize)o.length + 1);
    e = channel_receive(c->channel, o.data, o.length);
    e = e ? e : answer(c, &o, done);
    g_free(o.data);
    return e;
}

int nbd_handshake(Client *c)
{
    uint8_t hello[18], flags[4];
    bool done = false;
    store_be(hello, 8, NBD_MAGIC);
    store_be(hello + 8, 8, NBD_OPTION_MAGIC);
    store_be(hello + 16, 2, NBD_FIXED_NEWSTYLE | NBD_NO_ZEROES);
    int e = channel_send(c->channel, hello, sizeof(hello));
    e = e ? e : channel_receive(c->channel, flags, sizeof(flags));
    if (!e && load_be(flags, 4) & ~(uint64_t)(NBD_FIXED_NEWSTYLE | NBD_NO_ZEROES)) {
        return -EPROTO;
    }
    c->no_zeroes = !e && load_be(flags, 4) & NBD_NO_ZEROES;
    for (unsigned i = 0; i < OPTIONS_MAX && !e && !done; i++) {
        e = one_option(c, &done);
    }
    return e ? e : done ? 0 : -EPROTO;
}
