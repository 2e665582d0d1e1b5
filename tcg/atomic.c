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

uint64_t ir_atomic(void *host, MemOp mop, IrOp op, uint64_t value, uint64_t expected)
{
    unsigned bytes = memop_bytes(mop);
    uint64_t mask = bytes_mask(bytes);
    if (op == IR_CAS) {
        return memop_extend(mop, cas_le(host, bytes, expected & mask, value & mask));
    }
    uint64_t old, seen = load_le(host, bytes);
    do {
        old = seen;
        seen = cas_le(host, bytes, old, result(mop & MEM_SIZE, op, old, value & mask) & mask);
    } while (seen != old);
    return memop_extend(mop, old);
}
