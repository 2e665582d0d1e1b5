/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The client's side of the handshake.  Specification: "Fixed newstyle negotiation".
 * What a server says is checked, and bounded: it may be anybody.
 *
 * Not modelled: the old style of before 2011, extended headers. */
#include <errno.h>
#include <string.h>

#include "block/block_priv.h"
#include "block/nbd_client.h"
#include "block/nbd/proto.h"
#include "util/bytes.h"
#include "util/text.h"

enum { REPLIES_MAX = 4096 };        /* to one option */
enum { LIST_BYTES_MAX = 16 << 20 }; /* of names and texts that are kept of a list */

typedef struct Reply {
    uint32_t type, length;
    uint8_t *data; /* ends with a 0 behind its bytes */
} Reply;

static bool lost(Channel *c, int e, GError **err)
{
    g_autofree char *why = channel_why(c, e);
    block_error(err, "the NBD server does not answer as it should: %s", why);
    return false;
}

static bool wants_tls(GError **err)
{
    block_error(
        err,
        "the NBD server wants TLS: give tls-creds=ID of -object tls-creds-x509 (or -psk, -anon), as the server has");
    return false;
}

static bool send_option(Channel *c, uint32_t option, const GByteArray *data, GError **err)
{
    uint8_t head[16];
    uint32_t n = data ? data->len : 0;
    store_be(head, 8, NBD_OPTION_MAGIC);
    store_be(head + 8, 4, option);
    store_be(head + 12, 4, n);
    int e = channel_send_two(c, head, sizeof(head), data ? data->data : NULL, n);
    return !e || lost(c, e, err);
}

static bool receive_reply(Channel *c, uint32_t option, Reply *r, GError **err)
{
    uint8_t head[20];
    int e = channel_receive(c, head, sizeof(head));
    *r = (Reply){ 0 };
    if (!e && (load_be(head, 8) != NBD_OPTION_REPLY_MAGIC || load_be(head + 8, 4) != option)) {
        e = -EPROTO;
    }
    r->type = load_be(head + 12, 4);
    r->length = load_be(head + 16, 4);
    if (!e && r->length > NBD_MAX_OPTION) {
        e = -EPROTO;
    }
    if (!e) {
        r->data = g_malloc0((gsize)r->length + 1);
        e = channel_receive(c, r->data, r->length);
    }
    if (e) {
        g_clear_pointer(&r->data, g_free);
        return lost(c, e, err);
    }
    return true;
}

static void put_text(GByteArray *a, const char *text)
{
    append_be(a, 4, strlen(text));
    g_byte_array_append(a, (const uint8_t *)text, (guint)strlen(text));
}

/* Replies to an option, each handed to take(), until the last; *error: the type of an error reply, or 0. */
typedef bool TakeReply(const Reply *r, void *opaque);
static bool ask(Channel *c, uint32_t option, const GByteArray *data, TakeReply *take, void *opaque,
                uint32_t *error, GError **err)
{
    *error = 0;
    bool ok = send_option(c, option, data, err);
    for (unsigned i = 0; i < REPLIES_MAX && ok; i++) {
        Reply r;
        ok = receive_reply(c, option, &r, err);
        bool last = ok && (r.type == NBD_REP_ACK || r.type & NBD_REP_ERROR);
        if (ok && r.type == NBD_REP_ERR_TLS_REQD && !channel_has_tls(c)) {
            g_free(r.data);
            return wants_tls(err);
        }
        if (ok && r.type & NBD_REP_ERROR) {
            *error = r.type;
        } else if (ok && !last && !take(&r, opaque)) {
            ok = lost(c, -EPROTO, err);
        }
        g_free(r.data);
        if (last) {
            return true;
        }
    }
    return ok && lost(c, -EPROTO, err);
}

static bool take_nothing(const Reply *r, void *opaque)
{
    return false;
}

/* ---- what is agreed on --------------------------------------------------------- */

static bool greet(Channel *c, GError **err)
{
    uint8_t hello[18], flags[4];
    int e = channel_receive(c, hello, sizeof(hello));
    if (e) {
        return lost(c, e, err);
    }
    unsigned theirs = (unsigned)load_be(hello + 16, 2);
    if (load_be(hello, 8) != NBD_MAGIC || load_be(hello + 8, 8) != NBD_OPTION_MAGIC ||
        !(theirs & NBD_FIXED_NEWSTYLE)) {
        block_error(err, "what answers there is no NBD server of the fixed newstyle");
        return false;
    }
    store_be(flags, 4, theirs & (NBD_FIXED_NEWSTYLE | NBD_NO_ZEROES));
    e = channel_send(c, flags, sizeof(flags));
    return !e || lost(c, e, err);
}

static bool ask_structured(Channel *c, NbdAgreed *a, GError **err)
{
    uint32_t error;
    bool ok = ask(c, NBD_OPT_STRUCTURED_REPLY, NULL, take_nothing, NULL, &error, err);
    a->structured = ok && !error;
    return ok;
}

/* The first option: what an eavesdropper could change before does not count.  Whoever wants TLS goes on with nothing else. */
static bool start_tls(Channel *c, const NbdName *name, GError **err)
{
    g_autoptr(GError) why = NULL;
    uint32_t error;
    if (!name->tls) {
        return true;
    }
    if (!ask(c, NBD_OPT_STARTTLS, NULL, take_nothing, NULL, &error, err)) {
        return false;
    }
    if (error) {
        block_error(err, "the NBD server has no TLS, and tls-creds= asks for it; nothing was sent");
        return false;
    }
    if (!channel_start_tls(c, name->tls, name->tls_hostname ? name->tls_hostname : name->host,
                           NBD_CONNECT_S * 1000, &why)) {
        block_error(err, "no TLS with the NBD server: %s", why->message);
        return false;
    }
    return true;
}

static bool begin(Channel *c, const NbdName *name, NbdAgreed *a, GError **err)
{
    return greet(c, err) && start_tls(c, name, err) && ask_structured(c, a, err);
}

/* NULL: there is no more room for such. */
static char *keep_text(NbdListed *l, const uint8_t *text, uint64_t length)
{
    if (l->room && *l->room < length + 64) { /* what is kept beside a text, roughly */
        return NULL;
    }
    if (l->room) {
        *l->room -= length + 64;
    }
    return g_strndup((const char *)text, length);
}

static bool take_info(const Reply *r, void *opaque)
{
    NbdListed *l = opaque;
    NbdAgreed *a = &l->agreed;
    unsigned type = r->type == NBD_REP_INFO && r->length >= 2 ? (unsigned)load_be(r->data, 2) : ~0u;
    if (type == NBD_INFO_EXPORT && r->length == 12) {
        a->size = load_be(r->data + 2, 8);
        a->flags = load_be(r->data + 10, 2);
    } else if (type == NBD_INFO_BLOCK_SIZE && r->length == 14) {
        a->min_block = load_be(r->data + 2, 4);
        a->pref_block = load_be(r->data + 6, 4);
        a->max_block = load_be(r->data + 10, 4);
    } else if (type == NBD_INFO_DESCRIPTION) {
        g_free(l->description);
        l->description = keep_text(l, r->data + 2, r->length - 2);
        return l->description;
    } else {
        return type != ~0u && type != NBD_INFO_EXPORT && type != NBD_INFO_BLOCK_SIZE;
    }
    return true;
}

static bool take_context(const Reply *r, void *opaque)
{
    NbdListed *l = opaque;
    if (r->type != NBD_REP_META_CONTEXT || r->length < 5) {
        return false;
    }
    const char *name = (const char *)r->data + 4;
    if (strcmp(name, NBD_CONTEXT_NAME) == 0) {
        l->agreed.allocation = true;
        l->agreed.context = load_be(r->data, 4);
    }
    char *kept = l->contexts ? keep_text(l, r->data + 4, r->length - 4) : NULL;
    if (kept) {
        g_ptr_array_add(l->contexts, kept);
    }
    return kept || !l->contexts;
}

/* query: NULL: list all. */
static bool ask_context(Channel *c, NbdListed *l, const char *query, GError **err)
{
    GByteArray *data = g_byte_array_new();
    uint32_t error;
    put_text(data, l->name);
    append_be(data, 4, query != NULL);
    if (query) {
        put_text(data, query);
    }
    bool ok = ask(c, query ? NBD_OPT_SET_META_CONTEXT : NBD_OPT_LIST_META_CONTEXT, data, take_context, l,
                  &error, err);
    g_byte_array_unref(data);
    return ok;
}

static bool ask_info(Channel *c, uint32_t option, NbdListed *l, GError **err)
{
    GByteArray *data = g_byte_array_new();
    uint32_t error;
    put_text(data, l->name);
    append_be(data, 2, 2);
    append_be(data, 2, NBD_INFO_BLOCK_SIZE);
    append_be(data, 2, NBD_INFO_DESCRIPTION);
    bool ok = ask(c, option, data, take_info, l, &error, err);
    g_byte_array_unref(data);
    if (ok && error) {
        g_autofree char *shown = text_escaped(l->name);
        block_error(err,
                    error == NBD_REP_ERR_UNKNOWN ? "the NBD server has no export '%s'"
                    : error == NBD_REP_ERR_UNSUP
                        ? "the NBD server is too old to be asked for '%s' (no NBD_OPT_GO)"
                        : "the NBD server refuses the export '%s'",
                    shown);
        return false;
    }
    if (ok && (!(l->agreed.flags & NBD_FLAG_HAS_FLAGS) || l->agreed.size > INT64_MAX)) {
        return lost(c, -EPROTO, err);
    }
    return ok;
}

bool nbd_agree(Channel *c, const NbdName *name, NbdAgreed *a, GError **err)
{
    NbdListed l = { .name = name->export };
    bool ok = begin(c, name, &l.agreed, err) &&
              (!l.agreed.structured || ask_context(c, &l, NBD_CONTEXT_NAME, err)) &&
              ask_info(c, NBD_OPT_GO, &l, err);
    g_free(l.description);
    *a = l.agreed;
    return ok;
}

/* ---- lists --------------------------------------------------------------------- */

static void listed_free(gpointer p)
{
    NbdListed *l = p;
    g_free(l->name);
    g_free(l->description);
    g_ptr_array_unref(l->contexts);
    g_free(l);
}

typedef struct Listing {
    GPtrArray *all; /* of NbdListed */
    uint64_t room;  /* bytes of texts */
} Listing;

static bool take_server(const Reply *r, void *opaque)
{
    Listing *listing = opaque;
    uint64_t n = r->type == NBD_REP_SERVER && r->length >= 4 ? load_be(r->data, 4) : UINT64_MAX;
    if (n > NBD_MAX_NAME || n > r->length - 4) {
        return false;
    }
    NbdListed *l = g_new0(NbdListed, 1);
    bool described = n < r->length - 4;
    l->room = &listing->room;
    l->contexts = g_ptr_array_new_with_free_func(g_free);
    l->name = keep_text(l, r->data + 4, n);
    l->description = described ? keep_text(l, r->data + 4 + n, r->length - 4 - n) : NULL;
    g_ptr_array_add(listing->all, l);
    return l->name && (l->description || !described);
}

GPtrArray *nbd_list(Channel *c, const NbdName *name, GError **err)
{
    GPtrArray *all = g_ptr_array_new_with_free_func(listed_free);
    Listing listing = { all, LIST_BYTES_MAX };
    NbdAgreed agreed = { 0 };
    uint32_t error = 0;
    bool ok = begin(c, name, &agreed, err) && ask(c, NBD_OPT_LIST, NULL, take_server, &listing, &error, err);
    if (ok && error) {
        block_error(err, "the NBD server does not tell what it has");
        ok = false;
    }
    for (guint i = 0; i < all->len && ok; i++) {
        NbdListed *l = g_ptr_array_index(all, i);
        ok = ask_info(c, NBD_OPT_INFO, l, err) && (!agreed.structured || ask_context(c, l, NULL, err));
    }
    for (guint i = 0; i < all->len; i++) {
        ((NbdListed *)g_ptr_array_index(all, i))->room = NULL; /* it ends with this call */
    }
    if (ok) {
        send_option(c, NBD_OPT_ABORT, NULL, NULL);
        return all;
    }
    g_ptr_array_unref(all);
    return NULL;
}
