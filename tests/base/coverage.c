/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See coverage.h. */
#include "coverage.h"

typedef struct Coverage {
    size_t start, size;
    uint16_t version; /* of the table under way */
    uint8_t *owner;   /* of each byte: alignment of the field that it belongs to, or 0 */
} Coverage;

static void cover(Coverage *c, size_t at, size_t bytes, size_t alignment)
{
    g_assert_cmpuint(at, >=, c->start);
    g_assert_cmpuint(at + bytes, <=, c->start + c->size);
    for (size_t i = at - c->start; i < at - c->start + bytes; i++) {
        g_assert_cmpuint(c->owner[i], ==, 0); /* no two fields share a byte */
        c->owner[i] = (uint8_t)alignment;
    }
}

static bool cover_leaf(const StateLeaf *leaf, void *opaque)
{
    Coverage *c = opaque;
    const Field *f = leaf->field;
    size_t bytes = state_leaf_bytes(leaf);
    if (leaf->since > c->version) {
        g_test_message("%s: .since = %u in a table of version %u", leaf->name, leaf->since, c->version);
        g_test_fail();
    }
    for (uint32_t i = 0; i < leaf->count && f->kind != FIELD_TIMER; i++) {
        size_t at = state_leaf_element(leaf, i);
        cover(c, at, bytes, f->kind == FIELD_FIFO8 ? 2 : f->kind == FIELD_COUNTED ? 1 : bytes);
        if (f->kind == FIELD_COUNTED) {
            cover(c, at - f->offset + f->fill, sizeof(uint32_t), sizeof(uint32_t));
        }
    }
    return true;
}

void coverage_check(const char *name, const StateTable *tables, unsigned count, size_t offset, size_t size)
{
    g_autofree uint8_t *owner = g_malloc0(size + 1);
    Coverage c = { .start = offset, .size = size, .owner = owner };
    for (unsigned i = 0; i < count; i++) {
        c.version = tables[i].version;
        state_foreach(&tables[i], cover_leaf, &c);
    }
    for (size_t at = 0, gap = 0; at < size; at++) {
        gap = owner[at] ? 0 : gap + 1;
        size_t next = at + 1 < size ? owner[at + 1] : 8;
        if (gap && next && gap >= next) {
            g_test_message("%s: bytes %zu to %zu of its state are in no field", name, at + 1 - gap, at);
            g_test_fail();
        }
    }
}
