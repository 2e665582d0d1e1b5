/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What operations and conditions compute, for constant folding and the interpreter: the value column of ops.def,
 * with its names.  At the interpreter's calls `op` is a constant, and each call folds to the few
 * instructions of one operation. */
#pragma once
#include "tcg/ir.h"

static inline unsigned ir_width(IrType type)
{
    return type == IR_I32 ? 32 : 64;
}

static inline uint64_t ir_cut(IrType type, uint64_t v)
{
    return type == IR_I32 ? (uint32_t)v : v;
}

/* The value as the comparisons and signed operations of `type` see it. */
static inline int64_t ir_signed(IrType type, uint64_t v)
{
    return type == IR_I32 ? (int32_t)v : (int64_t)v;
}

/* clang-format off */
G_ALWAYS_INLINE static inline uint64_t ir_eval1(IrOp op, IrType type, uint64_t a)
{
    const unsigned width = ir_width(type);
    const uint64_t ua = ir_cut(type, a);
    switch (op) {
#define IR_OP1(NAME, text, flags, value) case IR_##NAME: return ir_cut(type, value);
#include "tcg/ops.def"
    default: g_assert_not_reached();
    }
}

G_ALWAYS_INLINE static inline uint64_t ir_eval2(IrOp op, IrType type, uint64_t a, uint64_t b)
{
    const unsigned width = ir_width(type), n = b & (width - 1);
    const uint64_t ua = ir_cut(type, a), ub = ir_cut(type, b);
    const int64_t sa = ir_signed(type, a), sb = ir_signed(type, b);
    switch (op) {
#define IR_OP2(NAME, text, flags, value) case IR_##NAME: return ir_cut(type, value);
#include "tcg/ops.def"
    default: g_assert_not_reached();
    }
}

static inline bool ir_eval_cond(IrCond cond, IrType type, uint64_t a, uint64_t b)
{
    const uint64_t ua = ir_cut(type, a), ub = ir_cut(type, b);
    const int64_t sa = ir_signed(type, a), sb = ir_signed(type, b);
    switch (cond) {
#define IR_CONDITION(NAME, text, swapped, value) case IR_##NAME: return value;
#include "tcg/ops.def"
    default: g_assert_not_reached();
    }
}
/* clang-format on */
