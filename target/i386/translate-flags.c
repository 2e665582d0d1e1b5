/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Flags of translated code: see translate.h. */
#include "target/i386/translate.h"

static IrRef op2(Translator *t, IrOp op, IrRef a, IrRef b)
{
    return ir_op2(t->ir, op, IR_I64, IR_NONE, a, b);
}

void x86_tr_forget_cc(Translator *t)
{
    t->cc.known = false;
}

void x86_tr_set_cc(Translator *t, X86CcOp op, unsigned bytes, IrRef a, IrRef b, IrRef result, IrRef carry)
{
    IrRef kind = x86_tr_const(t, op | __builtin_ctz(bytes) << CC_SIZE_SHIFT);
    if (carry != IR_NONE) {
        kind = op2(t, IR_OR, op2(t, IR_SHL, carry, x86_tr_const(t, __builtin_ctz(CC_CARRY))), kind);
    }
    b = b == IR_NONE ? x86_tr_const(t, 0) : b;
    ir_mov(t->ir, ir_global(G_CC_A), a);
    ir_mov(t->ir, ir_global(G_CC_B), b);
    ir_mov(t->ir, ir_global(G_CC_KIND), kind);
    t->cc = (X86TrCc){ true, op, bytes, a, b, kind, result };
}

void x86_tr_set_packed(Translator *t, IrRef flags)
{
    x86_tr_set_cc(t, CC_PACKED, 1, flags, IR_NONE, IR_NONE, IR_NONE);
}

IrRef x86_tr_flags(Translator *t)
{
    const X86TrCc *cc = &t->cc;
    if (cc->known && cc->op == CC_PACKED) {
        return cc->a;
    }
    IrRef args[3] = { ir_global(G_CC_A), ir_global(G_CC_B), ir_global(G_CC_KIND) };
    if (cc->known) {
        args[0] = cc->a;
        args[1] = cc->b;
        args[2] = cc->kind;
    }
    return x86_tr_call(t, &x86_helper_flags, 3, args);
}

/* ---- what conditions ask, of operations that say it more shortly ----------- */

/* The result as a number: ZF and SF are what it compares with 0. */
static IrRef result_of(Translator *t)
{
    const X86TrCc *cc = &t->cc;
    if (!cc->known) {
        return IR_NONE;
    }
    switch (cc->op) {
    case CC_LOGIC:
    case CC_INC:
    case CC_DEC:
    case CC_MUL: return cc->a;
    default: return cc->result;
    }
}

static bool is_small(const X86TrCc *cc)
{
    return cc->bytes < 4;
}

static IrRef as_unsigned(Translator *t, IrRef r)
{
    return is_small(&t->cc) ? x86_tr_zero_extend(t, r, t->cc.bytes) : r;
}

static IrRef as_signed(Translator *t, IrRef r)
{
    return is_small(&t->cc) ? x86_tr_sign_extend(t, r, t->cc.bytes) : r;
}

static X86TrTest test_of(Translator *t, IrCond cond, IrRef a, IrRef b)
{
    return (X86TrTest){ cond, x86_tr_type(t->cc.bytes), a, b };
}

static X86TrTest test_never(Translator *t)
{
    return (X86TrTest){ IR_NE, IR_I64, x86_tr_const(t, 0), x86_tr_const(t, 0) };
}

static X86TrTest test_bits(Translator *t, uint32_t bits)
{
    return (X86TrTest){ IR_TSTNE, IR_I64, x86_tr_flags(t), x86_tr_const(t, bits) };
}

static X86TrTest test_b(Translator *t)
{
    const X86TrCc *cc = &t->cc;
    if (cc->known && cc->op == CC_SUB) {
        return test_of(t, IR_LTU, as_unsigned(t, cc->a), as_unsigned(t, cc->b));
    }
    if (cc->known && cc->op == CC_ADD && cc->result != IR_NONE) {
        return test_of(t, IR_LTU, as_unsigned(t, cc->result), as_unsigned(t, cc->a));
    }
    return cc->known && cc->op == CC_LOGIC ? test_never(t) : test_bits(t, EFL_CF);
}

static X86TrTest test_z(Translator *t)
{
    const X86TrCc *cc = &t->cc;
    if (cc->known && cc->op == CC_SUB) {
        return test_of(t, IR_EQ, as_unsigned(t, cc->a), as_unsigned(t, cc->b));
    }
    IrRef r = result_of(t);
    return r != IR_NONE ? test_of(t, IR_EQ, as_unsigned(t, r), x86_tr_const(t, 0)) : test_bits(t, EFL_ZF);
}

static X86TrTest test_be(Translator *t)
{
    const X86TrCc *cc = &t->cc;
    if (cc->known && cc->op == CC_SUB) {
        return test_of(t, IR_LEU, as_unsigned(t, cc->a), as_unsigned(t, cc->b));
    }
    return cc->known && cc->op == CC_LOGIC ? test_z(t) : test_bits(t, EFL_CF | EFL_ZF);
}

static X86TrTest test_s(Translator *t)
{
    IrRef r = result_of(t);
    return r != IR_NONE ? test_of(t, IR_LT, as_signed(t, r), x86_tr_const(t, 0)) : test_bits(t, EFL_SF);
}

/* SF differs from OF: bit 7 of the flags and of them shifted. */
static IrRef less_bits(Translator *t, IrRef flags)
{
    IrRef down = op2(t, IR_SHR, flags, x86_tr_const(t, 4));
    return op2(t, IR_AND, op2(t, IR_XOR, flags, down), x86_tr_const(t, EFL_SF));
}

static X86TrTest test_l(Translator *t)
{
    const X86TrCc *cc = &t->cc;
    if (cc->known && cc->op == CC_SUB) {
        return test_of(t, IR_LT, as_signed(t, cc->a), as_signed(t, cc->b));
    }
    if (cc->known && cc->op == CC_LOGIC) {
        return test_s(t);
    }
    return (X86TrTest){ IR_NE, IR_I64, less_bits(t, x86_tr_flags(t)), x86_tr_const(t, 0) };
}

static X86TrTest test_le(Translator *t)
{
    const X86TrCc *cc = &t->cc;
    if (cc->known && cc->op == CC_SUB) {
        return test_of(t, IR_LE, as_signed(t, cc->a), as_signed(t, cc->b));
    }
    if (cc->known && cc->op == CC_LOGIC) {
        return test_of(t, IR_LE, as_signed(t, cc->a), x86_tr_const(t, 0));
    }
    IrRef flags = x86_tr_flags(t);
    IrRef zero = op2(t, IR_AND, flags, x86_tr_const(t, EFL_ZF));
    return (X86TrTest){ IR_NE, IR_I64, op2(t, IR_OR, less_bits(t, flags), zero), x86_tr_const(t, 0) };
}

static X86TrTest test_o(Translator *t)
{
    return t->cc.known && t->cc.op == CC_LOGIC ? test_never(t) : test_bits(t, EFL_OF);
}

static X86TrTest test_p(Translator *t)
{
    return test_bits(t, EFL_PF);
}

X86TrTest x86_tr_condition(Translator *t, unsigned cc)
{
    static X86TrTest (*const tests[8])(Translator *) = { test_o, test_b, test_z, test_be,
                                                         test_s, test_p, test_l, test_le };
    X86TrTest test = tests[cc >> 1 & 7](t);
    if (cc & 1) {
        test.cond = ir_cond_invert(test.cond);
    }
    return test;
}

IrRef x86_tr_carry(Translator *t)
{
    X86TrTest test = test_b(t);
    return ir_setcc(t->ir, test.cond, test.type, IR_NONE, test.a, test.b);
}

void x86_tr_set_zero_flag(Translator *t, IrRef zero)
{
    IrRef kept = x86_tr_const(t, EFL_ARITH & ~EFL_ZF), shift = x86_tr_const(t, __builtin_ctz(EFL_ZF));
    IrRef others = ir_op2(t->ir, IR_AND, IR_I64, IR_NONE, x86_tr_flags(t), kept);
    IrRef bit = ir_op2(t->ir, IR_SHL, IR_I64, IR_NONE, zero, shift);
    x86_tr_set_packed(t, ir_op2(t->ir, IR_OR, IR_I64, IR_NONE, others, bit));
}
