/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Constant folding and identities, applied by the builders as a block is made.
 *
 * Requirements on a rule
 *   1. it needs its operands' constants and types only, never other operations (but ir_masked(): of the last
 *      negative of a bit, which ir_label() forgets, for temps are not read across labels)
 *   2. what it returns stays true whatever is assigned later: builders copy globals
 *   3. for i32 it may return an operand whose high half is not zero: the caller extends
 *   4. a rule that drops an operand is sound because operands have no effects */
#include "tcg/eval.h"
#include "tcg/private.h"

/* The value of a constant that the block will depend on. */
static int64_t known(IrBlock *b, IrRef r)
{
    if (ir_const_is_pc(b, r)) {
        b->movable = false;
    }
    return ir_const_value(b, r);
}

IrRef ir_operand(IrBlock *b, IrType type, IrRef r)
{
    if (type == IR_I32 && ir_is_const(r)) {
        int64_t v = known(b, r);
        return v == (int32_t)v ? r : ir_const(b, (int32_t)v);
    }
    return r;
}

/* ---- which bits may be set ------------------------------------------------------ */

/* Of an extension: bits that it keeps, and of a signed one, is it? */
static unsigned extended_from(IrOp op, bool *is_signed)
{
    *is_signed = op == IR_EXT_S8 || op == IR_EXT_S16 || op == IR_EXT_S32;
    switch (op) {
    case IR_EXT_S8:
    case IR_EXT_U8: return 8;
    case IR_EXT_S16:
    case IR_EXT_U16: return 16;
    case IR_EXT_S32:
    case IR_EXT_U32: return 32;
    default: return 0;
    }
}

/* The extension changes nothing. */
static bool is_extended(const IrBlock *b, IrOp op, IrRef a)
{
    bool is_signed;
    unsigned from = extended_from(op, &is_signed);
    return from && ir_known_bits(b, a) <= from - is_signed;
}

unsigned ir_bits1(const IrBlock *b, IrOp op, IrType type, IrRef a)
{
    unsigned width = type == IR_I32 ? 32 : 64, n = MIN(ir_known_bits(b, a), width);
    bool is_signed;
    unsigned from = extended_from(op, &is_signed);
    if (from) {
        return !is_signed ? MIN(n, from) : n < from ? n : width;
    }
    switch (op) {
    case IR_MOV: return n;
    case IR_CLZ:
    case IR_CTZ:
    case IR_POPCNT: return 7;
    default: return width;
    }
}

unsigned ir_bits2(const IrBlock *b, IrOp op, IrType type, IrRef a, IrRef c)
{
    unsigned width = type == IR_I32 ? 32 : 64;
    unsigned n = MIN(ir_known_bits(b, a), width), m = MIN(ir_known_bits(b, c), width);
    unsigned shift = ir_is_const(c) ? ir_const_value(b, c) & (width - 1) : 0;
    switch (op) {
    case IR_ADD: return MIN(width, MAX(n, m) + 1);
    case IR_MUL: return MIN(width, n + m);
    case IR_AND:
    case IR_MINU: return MIN(n, m);
    case IR_OR:
    case IR_XOR:
    case IR_MAXU: return MAX(n, m);
    case IR_ANDN:
    case IR_REMU: return n;
    case IR_PUT8: return MAX(n, 8);
    case IR_PUT16: return MAX(n, 16);
    case IR_SHR: return n - MIN(n, shift);
    case IR_SHL: return ir_is_const(c) ? MIN(width, n + shift) : width;
    default: return width;
    }
}

/* ---- identities ------------------------------------------------------------------- */

IrRef ir_simplify1(IrBlock *b, IrOp *op, IrType type, IrRef a)
{
    if (*op == IR_MOV && type == IR_I64 && ir_is_const(a)) {
        return a;
    }
    if (ir_is_const(a)) {
        uint64_t v = ir_eval1(*op, type, known(b, a));
        *op = IR_MOV;
        return ir_const(b, v);
    }
    if (*op == IR_MOV && type == IR_I32) {
        *op = IR_EXT_U32;
    }
    if (*op == IR_EXT_S32 && type == IR_I32) {
        *op = IR_EXT_U32;
    }
    if (is_extended(b, *op, a)) {
        *op = IR_MOV;
    }
    return *op == IR_MOV || *op == IR_EXT_U32 ? a : IR_NONE;
}

/* a op constant, for constants that make the operation trivial. */
static IrRef simplify_right(IrBlock *b, IrOp *op, IrType type, IrRef a, IrRef *c)
{
    int64_t v = ir_signed(type, known(b, *c));
    unsigned width = type == IR_I32 ? 32 : 64;
    switch (*op) {
    case IR_ADD:
    case IR_OR:
    case IR_XOR:
    case IR_ANDN:
        if (*op == IR_OR && v == -1) {
            return *c;
        }
        return v == 0 ? a : IR_NONE;
    case IR_SUB:
        if (v == 0) {
            return a;
        }
        *op = IR_ADD;
        *c = ir_const(b, ir_signed(type, -(uint64_t)v));
        return IR_NONE;
    case IR_SHL:
    case IR_SHR:
    case IR_SAR:
    case IR_ROL:
    case IR_ROR: return (v & (width - 1)) == 0 ? a : IR_NONE;
    case IR_AND: {
        unsigned bits = ir_known_bits(b, a);
        uint64_t may = bits < 64 ? (UINT64_C(1) << bits) - 1 : UINT64_MAX;
        return v == 0 ? *c : v == -1 || (v & may) == may ? a : IR_NONE;
    }
    case IR_MUL:
        if (v == 0 || v == 1) {
            return v ? a : *c;
        }
        if (v > 0 && (v & (v - 1)) == 0) {
            *op = IR_SHL;
            *c = ir_const(b, __builtin_ctzll(v));
        }
        return IR_NONE;
    case IR_DIVU:
    case IR_DIV: return v == 1 ? a : IR_NONE;
    default: return IR_NONE;
    }
}

/* a op a */
static IrRef simplify_same(IrBlock *b, IrOp op, IrRef a)
{
    switch (op) {
    case IR_SUB:
    case IR_XOR:
    case IR_ANDN: return ir_const(b, 0);
    case IR_AND:
    case IR_OR:
    case IR_MIN:
    case IR_MAX:
    case IR_MINU:
    case IR_MAXU: return a;
    default: return IR_NONE;
    }
}

IrRef ir_simplify2(IrBlock *b, IrOp *op, IrType type, IrRef *a, IrRef *c)
{
    *a = ir_operand(b, type, *a);
    *c = ir_operand(b, type, *c);
    if (ir_is_const(*a) && ir_is_const(*c)) {
        uint64_t v = ir_eval2(*op, type, known(b, *a), known(b, *c));
        *op = IR_MOV;
        return ir_const(b, v);
    }
    if (ir_is_const(*a) && (ir_op_info[*op].flags & IRF_COMMUTES)) {
        IrRef swap = *a;
        *a = *c;
        *c = swap;
    }
    IrRef same = IR_NONE;
    if (*a == *c) {
        same = simplify_same(b, *op, *a);
    } else if (ir_is_const(*c)) {
        same = simplify_right(b, op, type, *a, c);
    } else if (*op == IR_SUB && ir_is_const(*a) && known(b, *a) == 0) {
        *op = IR_NEG;
        *a = *c;
        *c = IR_NONE;
    }
    if (same != IR_NONE) {
        *op = IR_MOV;
    }
    return same;
}

bool ir_masked(IrBlock *b, IrOp op, IrType type, IrRef a, IrRef *c)
{
    if (op != IR_AND || b->mask == IR_NONE || !ir_is_temp(a) || b->temp_origin[a] != b->mask ||
        !ir_is_const(*c)) {
        return false;
    }
    uint64_t kept = type == IR_I32 || b->mask_type == IR_I32 ? UINT32_MAX : UINT64_MAX;
    *c = ir_const(b, known(b, *c) & kept);
    return true;
}

int ir_simplify_cond(IrBlock *b, IrCond *cond, IrType type, IrRef *a, IrRef *c)
{
    *a = ir_operand(b, type, *a);
    *c = ir_operand(b, type, *c);
    if (ir_is_const(*a) && ir_is_const(*c)) {
        return ir_eval_cond(*cond, type, known(b, *a), known(b, *c));
    }
    if (ir_is_const(*a)) {
        IrRef swap = *a;
        *a = *c;
        *c = swap;
        *cond = ir_cond_swap(*cond);
    }
    if (*a == *c && *cond < IR_TSTEQ) { /* equal values: true for eq, ge, le ... */
        return ir_eval_cond(*cond, type, 0, 0);
    }
    if (ir_is_const(*c) && known(b, *c) == 0) {
        switch (*cond) {
        case IR_LTU:
        case IR_TSTNE: return 0;
        case IR_GEU:
        case IR_TSTEQ: return 1;
        case IR_LEU: *cond = IR_EQ; break;
        case IR_GTU: *cond = IR_NE; break;
        default: break;
        }
    }
    return -1;
}
