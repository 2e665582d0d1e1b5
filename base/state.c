/* SPDX-License-Identifier: GPL-2.0-or-later */
/* State by tables: reset, save and load.
 *
 * A section of bytes, little endian:
 *   u32 magic "LSTA"   u16 number of tables
 *   per table: u16 version   u16 number of fields
 *     per field: u8 length of the name, the name, u8 kind, u32 count, the elements
 *   u32 Adler-32 of all before it
 * Fields stand in the order of the table.  A queue is a u16 fill and its bytes, the oldest first; counted bytes
 * are a u32 fill and the bytes in use: equal contents give equal bytes, and a buffer may grow.
 *
 * Requirements of load (the stream is hostile):
 *   1. Nothing is read outside the section; all sums are checked before use; nothing is allocated by what it says.
 *   2. A field that the table does not have, has in another shape, or has twice is refused; a missing one is refused
 *      unless it is younger than the stream.
 *   3. A refused stream leaves the object as it was. */
#include "base/state.h"

#include <glib.h>
#include <string.h>
#include <zlib.h>

#include "base/clock.h"

enum { STATE_MAGIC = 0x4154534c, HEADER = 6, TABLE_HEADER = 4, TRAILER = 4 };

/* Bytes of an element: in memory, and in a stream (0: it says so itself). */
static const struct {
    uint8_t stream;
    uint16_t memory;
} widths[] = {
    [FIELD_BOOL] = { 1, sizeof(bool) },
    [FIELD_U8] = { 1, 1 },
    [FIELD_U16] = { 2, 2 },
    [FIELD_U32] = { 4, 4 },
    [FIELD_U64] = { 8, 8 },
    [FIELD_BYTES] = { 1, 1 },
    [FIELD_FIFO8] = { 0, sizeof(Fifo8) },
    [FIELD_TIMER] = { 8, sizeof(Timer *) },
};

/* ---- leaves -------------------------------------------------------------- */

static size_t element_bytes(const Field *f)
{
    bool says_so = f->kind == FIELD_COUNTED || f->kind == FIELD_STRUCT;
    return says_so ? f->size : widths[f->kind].memory;
}

size_t state_field_bytes(const Field *f)
{
    return f->count * element_bytes(f);
}

size_t state_leaf_bytes(const StateLeaf *leaf)
{
    return element_bytes(leaf->field);
}

size_t state_leaf_element(const StateLeaf *leaf, uint32_t i)
{
    if (!leaf->depth) { /* most: not in an array of structs */
        return leaf->offset + i * state_leaf_bytes(leaf);
    }
    size_t at = leaf->offset + i % leaf->field->count * state_leaf_bytes(leaf);
    i /= leaf->field->count;
    for (unsigned d = leaf->depth; d-- > 0; i /= leaf->around[d].count) {
        at += i % leaf->around[d].count * leaf->around[d].stride;
    }
    return at;
}

/* `in` is the struct that the table describes, as a leaf without a field. */
static bool table_foreach(const StateTable *table, const StateLeaf *in, bool (*fn)(const StateLeaf *, void *),
                          void *opaque)
{
    const Field *f;
    for (unsigned row = 0; (f = state_row(table, row)); row++) {
        StateTable nested = { .fields = f->fields };
        StateLeaf leaf = *in;
        int length =
            g_snprintf(leaf.name, sizeof(leaf.name), "%s%s%s", in->name, *in->name ? "." : "", f->name);
        g_assert(length <= STATE_MAX_NAME);
        leaf.field = f;
        leaf.offset += f->offset;
        leaf.count *= f->count;
        leaf.since = MAX(in->since, f->since);
        leaf.keep |= f->keep;
        leaf.shared |= f->shared;
        if (f->kind == FIELD_STRUCT) {
            g_assert(leaf.depth < STATE_MAX_DEPTH);
            leaf.around[leaf.depth].count = f->count;
            leaf.around[leaf.depth++].stride = f->size;
        }
        if (f->count &&
            !(f->kind == FIELD_STRUCT ? table_foreach(&nested, &leaf, fn, opaque) : fn(&leaf, opaque))) {
            return false;
        }
    }
    return true;
}

bool state_foreach(const StateTable *table, bool (*fn)(const StateLeaf *leaf, void *opaque), void *opaque)
{
    StateLeaf whole = { .count = 1 };
    return table_foreach(table, &whole, fn, opaque);
}

/* ---- elements ------------------------------------------------------------ */

static void *element_at(void *owner, const StateLeaf *leaf, uint32_t i)
{
    return (char *)owner + state_leaf_element(leaf, i);
}

/* The fill of a counted buffer stands in the same struct. */
static uint32_t *fill_of(void *buffer, const Field *f)
{
    return (uint32_t *)((char *)buffer - f->offset + f->fill);
}

/* Numbers and deadlines. */
static uint64_t number_get(const void *at, FieldKind kind)
{
    switch (kind) {
    case FIELD_BOOL: return *(const bool *)at;
    case FIELD_U16: return __atomic_load_n((const uint16_t *)at, __ATOMIC_ACQUIRE);
    case FIELD_U32: return __atomic_load_n((const uint32_t *)at, __ATOMIC_ACQUIRE);
    case FIELD_U64: return __atomic_load_n((const uint64_t *)at, __ATOMIC_ACQUIRE);
    case FIELD_TIMER: return timer_deadline(*(Timer *const *)at);
    default: return *(const uint8_t *)at;
    }
}

static void number_set(void *at, FieldKind kind, uint64_t v)
{
    switch (kind) {
    case FIELD_BOOL: *(bool *)at = v != 0; return;
    case FIELD_U16: __atomic_store_n((uint16_t *)at, v, __ATOMIC_RELEASE); return;
    case FIELD_U32: __atomic_store_n((uint32_t *)at, v, __ATOMIC_RELEASE); return;
    case FIELD_U64: __atomic_store_n((uint64_t *)at, v, __ATOMIC_RELEASE); return;
    case FIELD_TIMER:
        if (v <= INT64_MAX) {
            timer_set_deadline(*(Timer **)at, v);
        } else {
            timer_cancel(*(Timer **)at);
        }
        return;
    default: *(uint8_t *)at = v; return;
    }
}

/* ---- reset --------------------------------------------------------------- */

static bool leaf_reset(const StateLeaf *leaf, void *owner)
{
    const Field *f = leaf->field;
    uint64_t value = f->kind == FIELD_TIMER ? UINT64_MAX : f->reset_to ? f->reset_to(owner) : f->reset;
    for (uint32_t i = 0; i < leaf->count; i++) {
        void *at = element_at(owner, leaf, i);
        switch (f->kind) {
        case FIELD_FIFO8: fifo8_reset(at); break;
        case FIELD_COUNTED:
            memset(at, 0, f->size);
            *fill_of(at, f) = 0;
            break;
        default: number_set(at, f->kind, value);
        }
    }
    return true;
}

static bool leaf_reset_unless_kept(const StateLeaf *leaf, void *owner)
{
    return leaf->keep || leaf_reset(leaf, owner);
}

void state_reset(const State *s)
{
    for (unsigned i = 0; i < s->count; i++) {
        state_foreach(&s->tables[i], leaf_reset_unless_kept, s->owner);
    }
}

/* ---- save ---------------------------------------------------------------- */

typedef struct Saver {
    void *owner;
    GByteArray *out;
    uint16_t fields;
} Saver;

static void put(GByteArray *out, uint64_t v, unsigned bytes)
{
    v = GUINT64_TO_LE(v);
    g_byte_array_append(out, (const uint8_t *)&v, bytes);
}

static void save_element(GByteArray *out, const Field *f, void *at)
{
    if (f->kind == FIELD_FIFO8) {
        const Fifo8 *q = at;
        put(out, q->used, 2);
        for (unsigned i = 0; i < q->used; i++) {
            put(out, fifo8_at(q, i), 1);
        }
    } else if (f->kind == FIELD_COUNTED) {
        uint32_t fill = MIN(*fill_of(at, f), f->size);
        put(out, fill, 4);
        g_byte_array_append(out, at, fill);
    } else {
        put(out, number_get(at, f->kind), widths[f->kind].stream);
    }
}

static bool save_leaf(const StateLeaf *leaf, void *opaque)
{
    Saver *s = opaque;
    size_t length = strlen(leaf->name);
    put(s->out, length, 1);
    g_byte_array_append(s->out, (const uint8_t *)leaf->name, length);
    put(s->out, leaf->field->kind, 1);
    put(s->out, leaf->count, 4);
    for (uint32_t i = 0; i < leaf->count; i++) {
        save_element(s->out, leaf->field, element_at(s->owner, leaf, i));
    }
    s->fields++;
    return true;
}

static void save_table(const State *s, const StateTable *t, GByteArray *out)
{
    Saver saver = { .owner = s->owner, .out = out };
    put(out, t->version, 2);
    guint at = out->len;
    put(out, 0, 2); /* filled in below */
    state_foreach(t, save_leaf, &saver);
    uint16_t fields = GUINT16_TO_LE(saver.fields);
    memcpy(out->data + at, &fields, sizeof(fields));
}

GByteArray *state_save(const State *s)
{
    GByteArray *out = g_byte_array_new();
    put(out, STATE_MAGIC, 4);
    put(out, s->count, 2);
    for (unsigned i = 0; i < s->count; i++) {
        save_table(s, &s->tables[i], out);
    }
    put(out, adler32(1, out->data, out->len), 4);
    return out;
}

/* ---- load ---------------------------------------------------------------- */

typedef struct Stream {
    const State *to;
    const uint8_t *p;
    size_t left;
    uint16_t version, fields; /* of the table under way; fields that are left of it */
    GError **err;
} Stream;

static bool stream_bad(const Stream *s, const char *name, const char *why)
{
    g_set_error(s->err, G_FILE_ERROR, G_FILE_ERROR_INVAL,
                "cannot load the state of '%s': %s%s%s; the saved machine differs or is damaged", s->to->name,
                name, *name ? " " : "", why);
    return false;
}

/* The next n bytes, or NULL when there are fewer. */
static const uint8_t *stream_take(Stream *s, size_t n)
{
    if (n > s->left) {
        return NULL;
    }
    const uint8_t *p = s->p;
    s->p += n;
    s->left -= n;
    return p;
}

static bool stream_number(Stream *s, unsigned bytes, uint64_t *v)
{
    const uint8_t *p = stream_take(s, bytes);
    *v = 0;
    if (p) {
        memcpy(v, p, bytes);
        *v = GUINT64_FROM_LE(*v);
    }
    return p != NULL;
}

static bool load_fifo(Stream *s, const StateLeaf *leaf, Fifo8 *q)
{
    uint64_t used, most = leaf->field->max ? leaf->field->max : FIFO8_MAX;
    const uint8_t *bytes = NULL;
    if (!stream_number(s, 2, &used) || used > most || !(bytes = stream_take(s, used))) {
        return stream_bad(s, leaf->name, "is no valid queue");
    }
    fifo8_reset(q);
    memcpy(q->data, bytes, used);
    q->used = used;
    return true;
}

static bool load_counted(Stream *s, const StateLeaf *leaf, uint8_t *buffer)
{
    uint64_t fill, size = leaf->field->size;
    const uint8_t *bytes = NULL;
    if (!stream_number(s, 4, &fill) || fill > size || !(bytes = stream_take(s, fill))) {
        return stream_bad(s, leaf->name, "does not fit");
    }
    memcpy(buffer, bytes, fill);
    memset(buffer + fill, 0, size - fill);
    *fill_of(buffer, leaf->field) = fill;
    return true;
}

static bool number_fits(const Field *f, uint64_t v)
{
    switch (f->kind) {
    case FIELD_BOOL: return v <= 1;
    case FIELD_TIMER: return v <= INT64_MAX || v == UINT64_MAX;
    default: return !f->max || v <= f->max;
    }
}

static bool load_element(Stream *s, const StateLeaf *leaf, void *at)
{
    const Field *f = leaf->field;
    uint64_t v;
    if (f->kind == FIELD_FIFO8) {
        return load_fifo(s, leaf, at);
    }
    if (f->kind == FIELD_COUNTED) {
        return load_counted(s, leaf, at);
    }
    if (!stream_number(s, widths[f->kind].stream, &v)) {
        return stream_bad(s, leaf->name, "is cut off");
    }
    if (!number_fits(f, v)) {
        return stream_bad(s, leaf->name, "is out of range");
    }
    number_set(at, f->kind, v);
    return true;
}

/* Is this leaf the next thing in the stream? */
static bool leaf_is_next(const Stream *s, const StateLeaf *leaf)
{
    size_t length = strlen(leaf->name);
    return s->fields && s->left > length && s->p[0] == length && memcmp(s->p + 1, leaf->name, length) == 0;
}

static bool load_leaf(const StateLeaf *leaf, void *opaque)
{
    Stream *s = opaque;
    uint64_t kind, count;
    if (!leaf_is_next(s, leaf)) {
        return leaf->since > s->version ? leaf_reset(leaf, s->to->owner)
                                        : stream_bad(s, leaf->name, "is missing");
    }
    stream_take(s, 1 + strlen(leaf->name));
    if (!stream_number(s, 1, &kind) || !stream_number(s, 4, &count) || kind != leaf->field->kind ||
        count != leaf->count) {
        return stream_bad(s, leaf->name, "has another shape");
    }
    s->fields--;
    for (uint32_t i = 0; i < leaf->count; i++) {
        if (!load_element(s, leaf, element_at(s->to->owner, leaf, i))) {
            return false;
        }
    }
    return true;
}

static bool load_table(Stream *s, const StateTable *t)
{
    uint64_t version, fields;
    if (!stream_number(s, 2, &version) || !stream_number(s, 2, &fields)) {
        return stream_bad(s, "", "it is cut off");
    }
    if (version > t->version) {
        return stream_bad(s, "", "it was saved by a later version");
    }
    s->version = version;
    s->fields = fields;
    if (!state_foreach(t, load_leaf, s)) {
        return false;
    }
    return !s->fields || stream_bad(s, "", "it holds what is not there");
}

static bool load_header(Stream *s)
{
    uint64_t magic, tables, sum = 0;
    const uint8_t *start = s->p;
    size_t len = s->left;
    if (!stream_number(s, 4, &magic) || !stream_number(s, 2, &tables) || s->left < TRAILER ||
        magic != STATE_MAGIC) {
        return stream_bad(s, "", "it is no saved state");
    }
    Stream tail = { .p = start + len - TRAILER, .left = TRAILER };
    if (!stream_number(&tail, TRAILER, &sum) || sum != adler32(1, start, len - TRAILER)) {
        return stream_bad(s, "", "its checksum is wrong");
    }
    s->left -= TRAILER;
    return tables == s->to->count || stream_bad(s, "", "it is of another kind");
}

static bool load_all(Stream *s)
{
    if (!load_header(s)) {
        return false;
    }
    for (unsigned i = 0; i < s->to->count; i++) {
        if (!load_table(s, &s->to->tables[i])) {
            return false;
        }
    }
    return !s->left || stream_bad(s, "", "it holds what is not there");
}

bool state_load(const State *to, const uint8_t *data, size_t len, GError **err)
{
    g_autoptr(GByteArray) before = state_save(to);
    Stream s = { .to = to, .p = data, .left = len, .err = err };
    if (load_all(&s) && (!to->loaded || to->loaded(to->owner, err))) {
        return true;
    }
    Stream back = { .to = to, .p = before->data, .left = before->len };
    bool ok = load_all(&back);
    g_assert(ok);
    return false;
}
