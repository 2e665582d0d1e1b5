/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A device's state by its tables: reset, save and load.
 *
 * A section of bytes, little endian:
 *   u32 magic "LDEV"   u16 version of the class   u16 number of fields
 *   per field: u8 length of the name, the name, u8 kind, u32 count, the elements
 *   u32 Adler-32 of all before it
 * Fields stand in the order of the tables, the eldest parent's first.  A FIFO is
 * its fill, then 64 bytes, the oldest first, zeroes behind: equal contents give
 * equal bytes.
 *
 * Requirements of load (the stream is hostile):
 *   1. Nothing is read outside the section; all sums are checked before use.
 *   2. A field that the class does not have, has in another shape, or has twice
 *      is refused; a missing one is refused unless it is younger than the stream.
 *   3. A refused stream leaves the device as it was. */
#include "hw/core/device_priv.h"

#include <gio/gio.h>
#include <string.h>

enum { STATE_MAGIC = 0x5645444c, HEADER = 8, TRAILER = 4, FIFO_BYTES = 1 + FIFO8_MAX };

static const uint8_t element_bytes[] = {
    [FIELD_BOOL] = 1,
    [FIELD_U8] = 1,
    [FIELD_U16] = 2,
    [FIELD_U32] = 4,
    [FIELD_U64] = 8,
    [FIELD_BYTES] = 1,
    [FIELD_FIFO8] = FIFO_BYTES,
};
static const uint8_t element_memory[] = {
    [FIELD_BOOL] = sizeof(bool),
    [FIELD_U8] = 1,
    [FIELD_U16] = 2,
    [FIELD_U32] = 4,
    [FIELD_U64] = 8,
    [FIELD_BYTES] = 1,
    [FIELD_FIFO8] = sizeof(Fifo8),
};

static void put_le(uint8_t *p, uint64_t v, unsigned bytes)
{
    for (unsigned i = 0; i < bytes; i++) {
        p[i] = (uint8_t)(v >> (8 * i));
    }
}

static uint64_t get_le(const uint8_t *p, unsigned bytes)
{
    uint64_t v = 0;
    for (unsigned i = 0; i < bytes; i++) {
        v |= (uint64_t)p[i] << (8 * i);
    }
    return v;
}

static uint32_t adler32_sum(const uint8_t *p, size_t len)
{
    uint32_t a = 1, b = 0;
    for (size_t i = 0; i < len; i++) {
        a = (a + p[i]) % 65521;
        b = (b + a) % 65521;
    }
    return b << 16 | a;
}

static void *element_at(Device *dev, const Field *f, uint32_t i)
{
    return (char *)dev + f->offset + (size_t)i * element_memory[f->kind];
}

static uint64_t element_get(Device *dev, const Field *f, uint32_t i)
{
    const void *at = element_at(dev, f, i);
    switch (f->kind) {
    case FIELD_BOOL: return *(const bool *)at;
    case FIELD_U16: return *(const uint16_t *)at;
    case FIELD_U32: return *(const uint32_t *)at;
    case FIELD_U64: return *(const uint64_t *)at;
    default: return *(const uint8_t *)at;
    }
}

static void element_set(Device *dev, const Field *f, uint32_t i, uint64_t v)
{
    void *at = element_at(dev, f, i);
    switch (f->kind) {
    case FIELD_BOOL: *(bool *)at = v != 0; return;
    case FIELD_U16: *(uint16_t *)at = (uint16_t)v; return;
    case FIELD_U32: *(uint32_t *)at = (uint32_t)v; return;
    case FIELD_U64: *(uint64_t *)at = v; return;
    case FIELD_FIFO8: fifo8_reset(at); return;
    default: *(uint8_t *)at = (uint8_t)v; return;
    }
}

/* ---- reset --------------------------------------------------------------- */

static void field_reset(Device *dev, const Field *f)
{
    for (uint32_t i = 0; i < f->count; i++) {
        element_set(dev, f, i, f->reset);
    }
}

void device_reset_locked(Device *dev)
{
    const DeviceClass *line[CLASS_DEPTH];
    unsigned n = class_lineage(dev->class, line);
    for (unsigned i = 0; i < n; i++) {
        for (const Field *f = line[i]->state; f && f->name; f++) {
            if (!f->hidden) {
                field_reset(dev, f);
            }
        }
    }
    for (const DeviceClass *c = dev->class; c; c = c->parent) {
        if (c->reset) {
            c->reset(dev);
            break;
        }
    }
    device_refresh(dev);
}

void device_reset(Device *dev)
{
    device_lock(dev);
    device_reset_locked(dev);
    device_unlock(dev);
}

void device_refresh(Device *dev)
{
    for (const DeviceClass *c = dev->class; c; c = c->parent) {
        if (c->refresh) {
            c->refresh(dev);
            break;
        }
    }
}

/* ---- save ---------------------------------------------------------------- */

static void save_fifo(GByteArray *out, const Fifo8 *f)
{
    uint8_t bytes[FIFO_BYTES] = { f->used };
    for (unsigned i = 0; i < f->used; i++) {
        bytes[1 + i] = f->data[(f->head + i) % FIFO8_MAX];
    }
    g_byte_array_append(out, bytes, sizeof(bytes));
}

static void save_field(Device *dev, const Field *f, GByteArray *out)
{
    uint8_t head[5] = { f->kind };
    uint8_t length = (uint8_t)strlen(f->name);
    put_le(head + 1, f->count, 4);
    g_byte_array_append(out, &length, 1);
    g_byte_array_append(out, (const uint8_t *)f->name, length);
    g_byte_array_append(out, head, sizeof(head));
    for (uint32_t i = 0; i < f->count; i++) {
        if (f->kind == FIELD_FIFO8) {
            save_fifo(out, element_at(dev, f, i));
        } else {
            uint8_t bytes[8];
            put_le(bytes, element_get(dev, f, i), element_bytes[f->kind]);
            g_byte_array_append(out, bytes, element_bytes[f->kind]);
        }
    }
}

GByteArray *device_save(Device *dev)
{
    const DeviceClass *line[CLASS_DEPTH];
    unsigned n = class_lineage(dev->class, line), fields = 0;
    GByteArray *out = g_byte_array_new();
    uint8_t head[HEADER], tail[TRAILER];
    g_byte_array_append(out, head, HEADER); /* filled in below */
    device_lock(dev);
    for (unsigned i = 0; i < n; i++) {
        for (const Field *f = line[i]->state; f && f->name; f++, fields++) {
            save_field(dev, f, out);
        }
    }
    device_unlock(dev);
    put_le(out->data, STATE_MAGIC, 4);
    put_le(out->data + 4, dev->class->version, 2);
    put_le(out->data + 6, fields, 2);
    put_le(tail, adler32_sum(out->data, out->len), 4);
    g_byte_array_append(out, tail, TRAILER);
    return out;
}

/* ---- load ---------------------------------------------------------------- */

typedef struct Stream {
    Device *dev;
    const uint8_t *p;
    size_t left;
    uint16_t version, fields;
} Stream;

static bool stream_bad(const Stream *s, const char *name, const char *why, GError **err)
{
    g_set_error(err, G_IO_ERROR, G_IO_ERROR_INVALID_DATA,
                "cannot load the state of '%s': %s%s%s; the saved machine differs or is damaged",
                s->dev->path, name, *name ? " " : "", why);
    return false;
}

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

static bool load_fifo(Fifo8 *f, const uint8_t *bytes)
{
    if (bytes[0] > FIFO8_MAX) {
        return false;
    }
    fifo8_reset(f);
    memcpy(f->data, bytes + 1, bytes[0]);
    f->used = bytes[0];
    for (unsigned i = bytes[0]; i < FIFO8_MAX; i++) {
        if (bytes[1 + i]) {
            return false;
        }
    }
    return true;
}

static bool load_elements(Stream *s, const Field *f, GError **err)
{
    unsigned width = element_bytes[f->kind];
    const uint8_t *p = stream_take(s, (size_t)f->count * width);
    if (!p) {
        return stream_bad(s, f->name, "is cut off", err);
    }
    for (uint32_t i = 0; i < f->count; i++, p += width) {
        if (f->kind == FIELD_FIFO8) {
            if (!load_fifo(element_at(s->dev, f, i), p)) {
                return stream_bad(s, f->name, "is no valid queue", err);
            }
            continue;
        }
        uint64_t v = get_le(p, width), max = f->kind == FIELD_BOOL ? 1 : f->max ? f->max : UINT64_MAX;
        if (v > max) {
            return stream_bad(s, f->name, "is out of range", err);
        }
        element_set(s->dev, f, i, v);
    }
    return true;
}

static bool field_matches(const Stream *s, const Field *f)
{
    size_t length = strlen(f->name);
    return s->left > length && s->p[0] == length && memcmp(s->p + 1, f->name, length) == 0;
}

static bool load_field(Stream *s, const Field *f, GError **err)
{
    if (s->fields == 0 || !field_matches(s, f)) {
        if (f->since <= s->version) {
            return stream_bad(s, f->name, "is missing", err);
        }
        field_reset(s->dev, f);
        return true;
    }
    stream_take(s, 1 + strlen(f->name));
    const uint8_t *head = stream_take(s, 5);
    if (!head || head[0] != f->kind || get_le(head + 1, 4) != f->count) {
        return stream_bad(s, f->name, "has another shape", err);
    }
    s->fields--;
    return load_elements(s, f, err);
}

static bool load_header(Stream *s, const uint8_t *data, size_t len, GError **err)
{
    if (len < HEADER + TRAILER || get_le(data, 4) != STATE_MAGIC) {
        return stream_bad(s, "", "it is no device state", err);
    }
    if (get_le(data + len - TRAILER, 4) != adler32_sum(data, len - TRAILER)) {
        return stream_bad(s, "", "its checksum is wrong", err);
    }
    s->version = (uint16_t)get_le(data + 4, 2);
    s->fields = (uint16_t)get_le(data + 6, 2);
    s->p = data + HEADER;
    s->left = len - HEADER - TRAILER;
    if (s->version > s->dev->class->version) {
        return stream_bad(s, "", "it was saved by a later version", err);
    }
    return true;
}

static bool load_all(Stream *s, GError **err)
{
    const DeviceClass *line[CLASS_DEPTH];
    unsigned n = class_lineage(s->dev->class, line);
    for (unsigned i = 0; i < n; i++) {
        for (const Field *f = line[i]->state; f && f->name; f++) {
            if (!load_field(s, f, err)) {
                return false;
            }
        }
    }
    if (s->fields || s->left) {
        return stream_bad(s, "", "it holds what the device does not have", err);
    }
    for (unsigned i = 0; i < n; i++) {
        if (line[i]->loaded && !line[i]->loaded(s->dev, err)) {
            return false;
        }
    }
    return true;
}

bool device_load(Device *dev, const uint8_t *data, size_t len, GError **err)
{
    Stream s = { .dev = dev };
    if (!load_header(&s, data, len, err)) {
        return false;
    }
    device_lock(dev);
    g_autofree void *before = g_memdup2(dev, dev->class->size);
    bool ok = load_all(&s, err);
    if (!ok) { /* put back each struct of state */
        for (const DeviceClass *c = dev->class; c; c = c->parent) {
            if (c->state_size) {
                memcpy((char *)dev + c->state_offset, (char *)before + c->state_offset, c->state_size);
            }
        }
    }
    device_refresh(dev);
    device_unlock(dev);
    return ok;
}
