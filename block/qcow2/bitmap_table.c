/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The directory of an image's bitmaps, to and from its bytes; every value is checked.
 * Specification: "Bitmap directory". */
#include <string.h>

#include "block/qcow2/bitmaps.h"
#include "util/bytes.h"

enum { ENTRY_HEAD = 24, TYPE_DIRTY = 1 };

void bitmap_entry_free(BitmapEntry *e)
{
    g_free(e->name);
    g_free(e->extra);
    g_free(e);
}

bool bitmap_entry_is_opaque(const BitmapEntry *e)
{
    return e->extra_size && !(e->flags & BITMAP_EXTRA_COMPATIBLE);
}

uint64_t bitmap_table_entries(const Qcow2 *s, unsigned shift)
{
    uint64_t bits = (s->h.size >> shift) + ((s->h.size & ((UINT64_C(1) << shift) - 1)) != 0);
    return ((bits + 7) / 8 + s->cluster_size - 1) >> s->cluster_bits;
}

static const char *fault_of(const Qcow2 *s, const BitmapEntry *e, uint8_t type)
{
    if (type != TYPE_DIRTY || e->flags & ~(uint32_t)BITMAP_FLAGS) {
        return "a bitmap is of an unknown type, or has unknown flags";
    }
    if (e->shift < BITMAP_SHIFT_MIN || e->shift > BITMAP_SHIFT_MAX) {
        return "a bitmap's granularity is not of 512 bytes to 2 GiB";
    }
    if (e->table_offset & (s->cluster_size - 1) || e->table_offset >> 56 || e->table_size > L1_MAX / 8) {
        return "a bitmap's table is not at a cluster of the file, or too large";
    }
    if (!(e->flags & BITMAP_IN_USE) && e->table_size != bitmap_table_entries(s, e->shift)) {
        return "a bitmap is not as large as the disk";
    }
    return NULL;
}

/* One entry of the n bytes at p; *used: its length.  NULL: *why. */
static BitmapEntry *parse_one(const Qcow2 *s, const uint8_t *p, uint64_t n, uint64_t *used, const char **why)
{
    uint64_t name = n < ENTRY_HEAD ? 0 : load_be(p + 18, 2), extra = n < ENTRY_HEAD ? 0 : load_be(p + 20, 4);
    *used = (ENTRY_HEAD + extra + name + 7) & ~UINT64_C(7);
    if (n < ENTRY_HEAD || !name || name > BITMAP_NAME_MAX || *used > n ||
        memchr(p + ENTRY_HEAD + extra, 0, name)) {
        *why = "the directory is cut off, or a bitmap has no name";
        return NULL;
    }
    BitmapEntry *e = g_new0(BitmapEntry, 1);
    *e = (BitmapEntry){ .name = g_strndup((const char *)p + ENTRY_HEAD + extra, name),
                        .table_offset = load_be(p, 8),
                        .table_size = (uint32_t)load_be(p + 8, 4),
                        .flags = (uint32_t)load_be(p + 12, 4),
                        .shift = p[17],
                        .extra = g_memdup2(p + ENTRY_HEAD, extra),
                        .extra_size = (uint32_t)extra };
    *why = fault_of(s, e, p[16]);
    if (*why) {
        bitmap_entry_free(e);
    }
    return *why ? NULL : e;
}

GPtrArray *bitmap_directory_parse(const Qcow2 *s, const uint8_t *bytes, uint64_t size, uint32_t count,
                                  const char **why)
{
    GPtrArray *all = g_ptr_array_new_with_free_func((GDestroyNotify)bitmap_entry_free);
    g_autoptr(GHashTable) names = g_hash_table_new(g_str_hash, g_str_equal);
    uint64_t at = 0, used = 0;
    *why = NULL;
    for (uint32_t i = 0; i < count && !*why; i++, at += used) {
        BitmapEntry *e = parse_one(s, bytes + at, size - at, &used, why);
        if (e) {
            g_ptr_array_add(all, e);
            *why = g_hash_table_add(names, e->name) ? NULL : "two bitmaps have one name";
        }
    }
    if (!*why && at != size) {
        *why = "the directory has not the size that the header says";
    }
    if (*why) {
        g_hash_table_remove_all(names);
        g_ptr_array_unref(all);
    }
    return *why ? NULL : all;
}

GByteArray *bitmap_directory_bytes(const GPtrArray *entries)
{
    GByteArray *all = g_byte_array_new();
    for (guint i = 0; i < entries->len; i++) {
        const BitmapEntry *e = g_ptr_array_index(entries, i);
        static const uint8_t padding[8];
        uint8_t head[ENTRY_HEAD];
        uint64_t name = strlen(e->name);
        store_be(head, 8, e->table_offset);
        store_be(head + 8, 4, e->table_size);
        store_be(head + 12, 4, e->flags);
        head[16] = TYPE_DIRTY;
        head[17] = e->shift;
        store_be(head + 18, 2, name);
        store_be(head + 20, 4, e->extra_size);
        g_byte_array_append(all, head, sizeof(head));
        g_byte_array_append(all, e->extra ? e->extra : padding, e->extra_size);
        g_byte_array_append(all, (const uint8_t *)e->name, (guint)name);
        g_byte_array_append(all, padding, -all->len % 8);
    }
    return all;
}
