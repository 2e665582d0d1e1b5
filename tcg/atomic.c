/* SPDX-License-Identifier: GPL-2.0-or-later */
/* IR_RMW and IR_CAS in host memory: for the interpreter's run time, and where a back end's own code does not go. */
#include "tcg/backend.h"
#include "tcg/eval.h"
#include "util/bytes.h"

/* What the operation makes of the bytes that stand there; both are zero extended. */
static uint64_t result(MemOp size, IrOp op, uint64_t old, uint64_t value)
{
    if (op == IR_MOV) {
        return value;
    }
    if (op == IR_MIN || op == IR_MAX) {
        size |= MEM_SIGN;
    }
    return ir_eval2(op, IR_I64, memop_extend(size, old), memop_extend(size, value));
}

#ifdef __x86_64__
/* This host has atomics at any address. */
static uint64_t cas_unaligned(uint8_t *p, unsigned bytes, uint64_t expected, uint64_t value)
{
    uint64_t seen = expected;
    switch (bytes) {
    case 2:
        __asm__ volatile("lock cmpxchgw %w2, %1" : "+a"(seen), "+m"(*p) : "r"(value) : "memory", "cc");
        break;
    case 4:
        __asm__ volatile("lock cmpxchgl %k2, %1" : "+a"(seen), "+m"(*p) : "r"(value) : "memory", "cc");
        break;
    default: __asm__ volatile("lock cmpxchgq %2, %1" : "+a"(seen), "+m"(*p) : "r"(value) : "memory", "cc");
    }
    return seen & bytes_mask(bytes);
}
#else
/* One after the other, and against accesses of other kinds only within an aligned word. */
static uint64_t cas_unaligned(uint8_t *p, unsigned bytes, uint64_t expected, uint64_t value)
{
    static GMutex one;
    unsigned at = (uintptr_t)p & 7;
    uint64_t mask = bytes_mask(bytes), seen;
    while (at + bytes <= 8) {
        uint64_t word = load_le(p - at, 8), changed = (word & ~(mask << 8 * at)) | value << 8 * at;
        seen = word >> 8 * at & mask;
        if (seen != expected || cas_le(p - at, 8, word, changed) == word) {
            return seen;
        }
    }
    g_mutex_lock(&one);
    seen = load_le(p, bytes);
    if (seen == expected) {
        store_le(p, bytes, value);
    }
    g_mutex_unlock(&one);
    return seen;
}
#endif

static uint64_t cas(uint8_t *p, unsigned bytes, uint64_t expected, uint64_t value)
{
    bool aligned = ((uintptr_t)p & (bytes - 1)) == 0;
    return aligned ? cas_le(p, bytes, expected, value) : cas_unaligned(p, bytes, expected, value);
}

uint64_t ir_atomic(void *host, MemOp mop, IrOp op, uint64_t value, uint64_t expected)
{
    unsigned bytes = memop_bytes(mop);
    uint64_t mask = bytes_mask(bytes);
    if (op == IR_CAS) {
        return memop_extend(mop, cas(host, bytes, expected & mask, value & mask));
    }
    uint64_t old, seen = load_le(host, bytes);
    do {
        old = seen;
        seen = cas(host, bytes, old, result(mop & MEM_SIZE, op, old, value & mask) & mask);
    } while (seen != old);
    return memop_extend(mop, old);
}
