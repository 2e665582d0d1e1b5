/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Chardevs without a host end: null (drops everything) and ringbuf (keeps the
 * last bytes for the monitor). */
#include "chardev_priv.h"

#include <string.h>

enum { RINGBUF_PRESET = 64 * 1024, RINGBUF_MAX = 1 << 28 };

static bool null_open(Chardev *chr, const ChardevOptions *o, GError **err)
{
    chr_set_connected(chr, true);
    return true;
}

static int null_write(Chardev *chr, const uint8_t *buf, int len)
{
    return len;
}

const ChardevBackend chr_backend_null = {
    .size = sizeof(Chardev),
    .open = null_open,
    .write = null_write,
};

typedef struct ChrRing {
    Chardev chr;
    uint8_t *data;
    uint64_t size, produced, consumed; /* counts; under write_lock */
} ChrRing;

typedef struct RingOptions {
    ChardevOptions common;
    uint64_t size;
} RingOptions;

static const Prop ring_props[] = {
    { "size", PROP_SIZE, offsetof(RingOptions, size), "bytes that it keeps, a power of two",
      .def = RINGBUF_PRESET, .min = 1, .max = RINGBUF_MAX },
    { NULL },
};
const Shape chr_ringbuf_shape = { "ChardevRingbuf", sizeof(RingOptions), ring_props };

static bool ring_open(Chardev *chr, const ChardevOptions *common, GError **err)
{
    ChrRing *r = container_of(chr, ChrRing, chr);
    uint64_t size = container_of(common, RingOptions, common)->size;
    if (size & (size - 1)) {
        chr_error(err,
                  "ringbuf '%s': size=%" G_GUINT64_FORMAT
                  ": size must be a power of two up to 256M; write size=64K",
                  chr->id, size);
        return false;
    }
    r->size = size;
    r->data = g_malloc(size);
    chr_set_connected(chr, true);
    return true;
}

static void ring_close(Chardev *chr)
{
    g_free(container_of(chr, ChrRing, chr)->data);
}

static int ring_write(Chardev *chr, const uint8_t *buf, int len)
{
    ChrRing *r = container_of(chr, ChrRing, chr);
    for (int i = 0; i < len; i++) {
        r->data[r->produced++ & (r->size - 1)] = buf[i];
    }
    if (r->produced - r->consumed > r->size) {
        r->consumed = r->produced - r->size;
    }
    return len;
}

const ChardevBackend chr_backend_ringbuf = {
    .size = sizeof(ChrRing),
    .open = ring_open,
    .close = ring_close,
    .write = ring_write,
};

/* NULL: it is none. */
static ChrRing *ringbuf_of(Chardev *chr, GError **err)
{
    chr = chr->behind ? chr->behind : chr;
    if (chr->backend != &chr_backend_ringbuf) {
        chr_error(err,
                  "chardev '%s' is not a ring buffer but %s: only backend=ringbuf keeps its "
                  "output",
                  chr->id, chr_type_names[chr->type]);
        return NULL;
    }
    return container_of(chr, ChrRing, chr);
}

GBytes *chardev_ringbuf_read(Chardev *chr, size_t max, GError **err)
{
    ChrRing *r = ringbuf_of(chr, err);
    if (!r) {
        return NULL;
    }
    GByteArray *out = g_byte_array_new();
    lock_take(&r->chr.write_lock);
    while (out->len < max && r->consumed < r->produced) {
        g_byte_array_append(out, &r->data[r->consumed++ & (r->size - 1)], 1);
    }
    lock_release(&r->chr.write_lock);
    return g_byte_array_free_to_bytes(out);
}

bool chardev_ringbuf_write(Chardev *chr, const void *data, size_t len, GError **err)
{
    ChrRing *r = ringbuf_of(chr, err);
    if (!r) {
        return false;
    }
    const uint8_t *bytes = data;
    size_t skip = len > r->size ? len - r->size : 0;
    lock_take(&r->chr.write_lock);
    ring_write(&r->chr, bytes + skip, len - skip);
    lock_release(&r->chr.write_lock);
    return true;
}
