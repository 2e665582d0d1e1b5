/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The tables behind a block's host code: which guest instruction a return address belongs to; and what changes in
 * the code when it is copied for the same guest code at another address (a count, then how far each lies behind the one
 * before, times 4, plus its kind).
 *
 * The first is a count, then pairs in the order of the code: offset minus the one before; pc minus the one before
 * (the first: minus the block's), zigzag.  All are LEB128: a pair takes two or three bytes. */
#include "tcg/private.h"

static uint8_t *put_varint(uint8_t *p, uint64_t v)
{
    for (; v >= 0x80; v >>= 7) {
        *p++ = v | 0x80;
    }
    *p++ = v;
    return p;
}

static const uint8_t *get_varint(const uint8_t *p, uint64_t *v)
{
    *v = 0;
    for (unsigned shift = 0;; shift += 7) {
        *v |= (uint64_t)(*p & 0x7f) << shift;
        if (!(*p++ & 0x80)) {
            return p;
        }
    }
}

uint8_t *jit_put_pcs(uint8_t *p, const uint8_t *end, uint64_t block_pc, const JitPc *pcs, unsigned count)
{
    enum { MOST = 5 + 10 }; /* bytes of a pair */
    if (end - p < MOST * ((ptrdiff_t)count + 1)) {
        return NULL;
    }
    p = put_varint(p, count);
    uint32_t offset = 0;
    uint64_t pc = block_pc;
    for (unsigned n = 0; n < count; n++) {
        int64_t delta = pcs[n].pc - pc;
        p = put_varint(p, pcs[n].offset - offset);
        p = put_varint(p, (uint64_t)delta << 1 ^ (uint64_t)(delta >> 63));
        offset = pcs[n].offset;
        pc = pcs[n].pc;
    }
    return p;
}

bool jit_find_pc(const uint8_t *p, uint32_t offset, uint64_t block_pc, uint64_t *pc)
{
    uint64_t count, delta, at = 0;
    p = get_varint(p, &count);
    *pc = block_pc;
    while (count--) {
        p = get_varint(p, &delta);
        at += delta;
        p = get_varint(p, &delta);
        *pc += delta >> 1 ^ -(delta & 1);
        if (at == offset) {
            return true;
        }
    }
    return false;
}

uint8_t *jit_put_moves(uint8_t *p, const uint8_t *end, const JitMove *moves, unsigned count)
{
    enum { MOST = 5 };
    if (end - p < MOST * ((ptrdiff_t)count + 1)) {
        return NULL;
    }
    p = put_varint(p, count);
    uint32_t offset = 0;
    for (unsigned n = 0; n < count; n++) {
        p = put_varint(p, (uint64_t)(moves[n].offset - offset) << 2 | moves[n].kind);
        offset = moves[n].offset;
    }
    return p;
}

const uint8_t *jit_get_moves(const uint8_t *p, unsigned *count)
{
    uint64_t v;
    p = get_varint(p, &v);
    *count = v;
    return p;
}

const uint8_t *jit_next_move(const uint8_t *p, JitMove *m)
{
    uint64_t v;
    p = get_varint(p, &v);
    m->offset += v >> 2;
    m->kind = v & 3;
    return p;
}
