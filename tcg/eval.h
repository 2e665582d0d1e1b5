/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What each arithmetic operation computes: the one definition that constant folding
 * and the interpreter share.  include/tcg/ir.h is the specification.
 *
 * Requirements on every function here
 *   1. defined for all inputs: no host undefined behaviour, no trap
 *   2. an i32 result is zero extended
 *   3. `op` and `type` are constants at the interpreter's call sites, so that each
 *      call folds to the few instructions of one operation */
#pragma once
#include "tcg/ir.h"

static inline uint64_t ir_cut(IrType type, uint64_t v)
{
    return type == IR_I32 ? (uint32_t)v : v;
}

/* The value as the comparisons and signed operations of `type` see it. */
static inline int64_t ir_signed(IrType type, uint64_t v)
{
    return type == IR_I32 ? (int32_t)v : (int64_t)v;
}

static inline uint64_t ir_eval_count(IrOp op, IrType type, uint64_t a)
{
    unsigned width = type == IR_I32 ? 32 : 64;
    a = ir_cut(type, a);
    if (op == IR_POPCNT) {
        return __builtin_popcountll(a);
    }
    if (a == 0) {
        return width;
    }
    return op == IR_CTZ ? (unsigned)__builtin_ctzll(a) : __builtin_clzll(a) - (64 - width);
}

static inline uint64_t ir_eval1(IrOp op, IrType type, uint64_t a)
{
    switch (op) {
    case IR_MOV: return ir_cut(type, a);
    case IR_NOT: return ir_cut(type, ~a);
    case IR_NEG: return ir_cut(type, -a);
    case IR_EXT_S8: return ir_cut(type, (uint64_t)(int8_t)a);
    case IR_EXT_S16: return ir_cut(type, (uint64_t)(int16_t)a);
    case IR_EXT_S32: return ir_cut(type, (uint64_t)(int32_t)a);
    case IR_EXT_U8: return (uint8_t)a;
    case IR_EXT_U16: return (uint16_t)a;
    case IR_EXT_U32: return (uint32_t)a;
    case IR_BSWAP: return type == IR_I32 ? __builtin_bswap32(a) : __builtin_bswap64(a);
    default: return ir_eval_count(op, type, a);
    }
}

static inline uint64_t ir_eval_mulh(IrOp op, IrType type, uint64_t a, uint64_t b)
{
    unsigned width = type == IR_I32 ? 32 : 64;
    __int128 x = op == IR_MULHU ? (__int128)ir_cut(type, a) : (__int128)ir_signed(type, a);
    __int128 y = op == IR_MULHS ? (__int128)ir_signed(type, b) : (__int128)ir_cut(type, b);
    return ir_cut(type, (uint64_t)((unsigned __int128)x * (unsigned __int128)y >> width));
}

static inline uint64_t ir_eval_divide(IrOp op, IrType type, uint64_t a, uint64_t b)
{
    bool quotient = op == IR_DIV || op == IR_DIVU;
    uint64_t ua = ir_cut(type, a), ub = ir_cut(type, b);
    if (ub == 0) {
        return quotient ? ir_cut(type, UINT64_MAX) : ua;
    }
    if (op == IR_DIVU || op == IR_REMU) {
        return quotient ? ua / ub : ua % ub;
    }
    int64_t sa = ir_signed(type, a), sb = ir_signed(type, b);
    if (sb == -1) { /* MIN / -1 would overflow */
        return quotient ? ir_cut(type, -ua) : 0;
    }
    return ir_cut(type, quotient ? sa / sb : sa % sb);
}

static inline uint64_t ir_eval_shift(IrOp op, IrType type, uint64_t a, uint64_t b)
{
    unsigned width = type == IR_I32 ? 32 : 64, n = b & (width - 1), back = -n & (width - 1);
    uint64_t u = ir_cut(type, a);
    switch (op) {
    case IR_SHL: return ir_cut(type, u << n);
    case IR_SHR: return u >> n;
    case IR_SAR: return ir_cut(type, ir_signed(type, a) >> n);
    case IR_ROL: return ir_cut(type, u << n | u >> back);
    default: return ir_cut(type, u >> n | u << back);
    }
}

static inline uint64_t ir_eval_minmax(IrOp op, IrType type, uint64_t a, uint64_t b)
{
    uint64_t ua = ir_cut(type, a), ub = ir_cut(type, b);
    bool less = op == IR_MIN || op == IR_MAX ? ir_signed(type, a) < ir_signed(type, b) : ua < ub;
    return less == (op == IR_MIN || op == IR_MINU) ? ua : ub;
}

static inline uint64_t ir_eval2(IrOp op, IrType type, uint64_t a, uint64_t b)
{
    switch (op) {
    case IR_ADD: return ir_cut(type, a + b);
    case IR_SUB: return ir_cut(type, a - b);
    case IR_MUL: return ir_cut(type, a * b);
    case IR_AND: return ir_cut(type, a & b);
    case IR_OR: return ir_cut(type, a | b);
    case IR_XOR: return ir_cut(type, a ^ b);
    case IR_ANDN: return ir_cut(type, a & ~b);
    case IR_MULHU:
    case IR_MULHS:
    case IR_MULHSU: return ir_eval_mulh(op, type, a, b);
    case IR_DIV:
    case IR_DIVU:
    case IR_REM:
    case IR_REMU: return ir_eval_divide(op, type, a, b);
    case IR_MIN:
    case IR_MAX:
    case IR_MINU:
    case IR_MAXU: return ir_eval_minmax(op, type, a, b);
    default: return ir_eval_shift(op, type, a, b);
    }
}

static inline bool ir_eval_cond(IrCond cond, IrType type, uint64_t a, uint64_t b)
{
    uint64_t ua = ir_cut(type, a), ub = ir_cut(type, b);
    int64_t sa = ir_signed(type, a), sb = ir_signed(type, b);
    switch (cond) {
    case IR_EQ: return ua == ub;
    case IR_NE: return ua != ub;
    case IR_LT: return sa < sb;
    case IR_GE: return sa >= sb;
    case IR_LE: return sa <= sb;
    case IR_GT: return sa > sb;
    case IR_LTU: return ua < ub;
    case IR_GEU: return ua >= ub;
    case IR_LEU: return ua <= ub;
    case IR_GTU: return ua > ub;
    case IR_TSTEQ: return (ua & ub) == 0;
    default: return (ua & ub) != 0;
    }
}
