/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Flags of translated code: see translate.h. */
#include "target/i386/translate.h"

static IrRef op2(Translator *t, IrOp op, IrRef a, IrRef b)
{
    return ir_op2(t->ir, op, IR_I64, IR_NONE, a, b);
}

static IrRef shifted(Translator *t, IrRef bit, unsigned flag)
{
    return op2(t, IR_SHL, bit, x86_tr_const(t, __builtin_ctz(flag)));
}

void x86_tr_forget_cc(Translator *t)
{
    t->cc = (X86TrCc){ .known = false };
}

/* A small number is in the kind, so that b need not be stored. */
static uint32_t immediate(const Translator *t, X86CcOp op, IrRef b)
{
    bool takes = op == CC_ADD || op == CC_SUB || op == CC_SHL || op == CC_SHR || op == CC_SAR;
    int64_t value = takes && ir_is_const(b) ? ir_const_value(t->ir, b) : INT64_MAX;
    return value == (int16_t)value ? CC_IMM | (uint32_t)value << CC_IMM_SHIFT : 0;
}

static bool reads_b(X86CcOp op)
{
    return op != CC_LOGIC && op != CC_INC && op != CC_DEC && op != CC_PACKED;
}

static void set_cc(Translator *t, X86CcOp op, unsigned bytes, IrRef a, IrRef b, IrRef with)
{
    uint32_t imm = immediate(t, op, b);
    IrRef kind = x86_tr_const(t, (int32_t)(op | (uint32_t)__builtin_ctz(bytes) << CC_SIZE_SHIFT | imm));
    kind = with == IR_NONE ? kind : op2(t, IR_OR, with, kind);
    ir_mov(t->ir, ir_global(G_CC_A), a);
    if (reads_b(op) && !imm) {
        ir_mov(t->ir, ir_global(G_CC_B), b);
    } else {
        ir_kill(t->ir, ir_global(G_CC_B));
    }
    ir_mov(t->ir, ir_global(G_CC_KIND), kind);
    if (t->cc.turned != IR_NONE) {
        ir_kill(t->ir, ir_global(G_CC_TURNED));
    }
    t->cc = (X86TrCc){ .known = true, .op = op, .bytes = bytes, .a = a, .b = b, .kind = kind };
}

void x86_tr_set_cc(Translator *t, X86CcOp op, unsigned bytes, IrRef a, IrRef b, IrRef result, IrRef carry)
{
    IrRef with = carry == IR_NONE ? IR_NONE : shifted(t, carry, CC_CARRY);
    set_cc(t, op, bytes, a, b == IR_NONE ? x86_tr_const(t, 0) : b, with);
    t->cc.result = result;
}

void x86_tr_set_cc_count(Translator *t, X86CcOp op, unsigned bytes, IrRef a, IrRef b, IrRef count)
{
    set_cc(t, op, bytes, a, b, shifted(t, count, 1 << CC_COUNT_SHIFT));
    t->cc.result = a;
}

void x86_tr_set_packed(Translator *t, IrRef flags)
{
    x86_tr_set_cc(t, CC_PACKED, 1, flags, IR_NONE, IR_NONE, IR_NONE);
}

void x86_tr_replace_flags(Translator *t, IrRef cf, IrRef of)
{
    unsigned set = (cf != IR_NONE ? CC_HAS_CF : 0) | (of != IR_NONE ? CC_HAS_OF : 0);
    unsigned clear = (cf != IR_NONE ? CC_CF | CC_TURNED_CF : 0) | (of != IR_NONE ? CC_OF | CC_TURNED_OF : 0);
    IrRef kind = t->cc.known ? t->cc.kind : ir_global(G_CC_KIND);
    kind = op2(t, IR_AND, kind, x86_tr_const(t, ~(int64_t)(set | clear)));
    kind = op2(t, IR_OR, kind, x86_tr_const(t, set));
    kind = cf == IR_NONE ? kind : op2(t, IR_OR, kind, shifted(t, cf, CC_CF));
    kind = of == IR_NONE ? kind : op2(t, IR_OR, kind, shifted(t, of, CC_OF));
    ir_mov(t->ir, ir_global(G_CC_KIND), kind);
    t->cc.kind = kind;
    t->cc.cf = cf == IR_NONE ? t->cc.cf : cf;
    t->cc.of = of == IR_NONE ? t->cc.of : of;
}

static bool all_turned(const X86TrCc *cc)
{
    return cc->turned != IR_NONE && cc->cf == IR_NONE && cc->of == IR_NONE;
}

void x86_tr_set_turned(Translator *t, IrRef turned, IrRef count)
{
    X86TrCc *cc = &t->cc;
    IrRef kind = ir_global(G_CC_KIND), slot = ir_global(G_CC_TURNED);
    IrRef set = x86_tr_const(t, CC_TURNED_CF | CC_TURNED_OF);
    if (!ir_is_const(count)) {
        IrRef none = x86_tr_const(t, 0), with = op2(t, IR_OR, kind, set);
        ir_select(t->ir, IR_EQ, IR_I64, slot, count, none, slot, turned);
        ir_select(t->ir, IR_EQ, IR_I64, kind, count, none, kind, with);
        x86_tr_forget_cc(t);
        return;
    }
    ir_mov(t->ir, slot, turned);
    if (!all_turned(cc)) { /* else the kind says so */
        cc->kind = op2(t, IR_OR, cc->known ? cc->kind : kind, set);
        ir_mov(t->ir, kind, cc->kind);
    }
    cc->turned = turned;
    cc->cf = cc->of = IR_NONE;
}

void x86_tr_keep_turned(Translator *t, const X86TrCc *before)
{
    if (before->turned != IR_NONE) {
        ir_mov(t->ir, ir_global(G_CC_TURNED), before->turned);
    }
}

/* The flags that a rotate has left, once somebody asks. */
static IrRef turned_bit(Translator *t, unsigned n)
{
    return op2(t, IR_AND, op2(t, IR_SHR, t->cc.turned, x86_tr_const(t, n)), x86_tr_const(t, 1));
}

static IrRef known_cf(Translator *t)
{
    X86TrCc *cc = &t->cc;
    if (cc->cf == IR_NONE && cc->turned != IR_NONE) {
        cc->cf = turned_bit(t, 1);
    }
    return cc->cf;
}

static IrRef known_of(Translator *t)
{
    X86TrCc *cc = &t->cc;
    if (cc->of == IR_NONE && cc->turned != IR_NONE) {
        cc->of = op2(t, IR_XOR, turned_bit(t, 1), turned_bit(t, 0));
    }
    return cc->of;
}

void x86_tr_note_carry(Translator *t, IrRef cf)
{
    t->cc.cf = cf;
}

static IrRef call_on_cc(Translator *t, const IrHelper *h)
{
    const X86TrCc *cc = &t->cc;
    IrRef args[4] = { ir_global(G_CC_A), ir_global(G_CC_B), ir_global(G_CC_KIND), ir_global(G_CC_TURNED) };
    if (cc->known) {
        args[0] = cc->a;
        args[1] = cc->b;
        args[2] = cc->kind;
        args[3] = cc->turned != IR_NONE ? cc->turned : x86_tr_const(t, 0);
    }
    return x86_tr_call(t, h, 4, args);
}

/* CF and OF are those of the operation, too. */
static bool is_whole(const X86TrCc *cc)
{
    return cc->cf == IR_NONE && cc->of == IR_NONE && cc->turned == IR_NONE;
}

IrRef x86_tr_flags(Translator *t)
{
    const X86TrCc *cc = &t->cc;
    bool whole = cc->known && cc->op == CC_PACKED && is_whole(cc);
    return whole ? cc->a : call_on_cc(t, &x86_helper_flags);
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

/* They come zero extended, but for immediates. */
static IrRef operand(Translator *t, IrRef r)
{
    return ir_is_const(r) ? as_unsigned(t, r) : r;
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

static X86TrTest test_value(Translator *t, IrRef value)
{
    return (X86TrTest){ IR_NE, IR_I64, value, x86_tr_const(t, 0) };
}

static X86TrTest test_b(Translator *t)
{
    const X86TrCc *cc = &t->cc;
    if (known_cf(t) != IR_NONE) {
        return test_value(t, cc->cf);
    }
    if (cc->known && cc->op == CC_SUB) {
        return test_of(t, IR_LTU, operand(t, cc->a), operand(t, cc->b));
    }
    if (cc->known && cc->op == CC_ADD && cc->result != IR_NONE) {
        return test_of(t, IR_LTU, as_unsigned(t, cc->result), operand(t, cc->a));
    }
    if (cc->known && cc->op == CC_PACKED) {
        return test_bits(t, EFL_CF);
    }
    return cc->known && cc->op == CC_LOGIC ? test_never(t) : test_value(t, call_on_cc(t, &x86_helper_carry));
}

static X86TrTest test_z(Translator *t)
{
    const X86TrCc *cc = &t->cc;
    if (cc->known && cc->op == CC_SUB) {
        return test_of(t, IR_EQ, operand(t, cc->a), operand(t, cc->b));
    }
    IrRef r = result_of(t);
    return r != IR_NONE ? test_of(t, IR_EQ, as_unsigned(t, r), x86_tr_const(t, 0)) : test_bits(t, EFL_ZF);
}

/* The operation, where CF and OF are its own too; else none. */
static unsigned whole_op(const X86TrCc *cc)
{
    return cc->known && is_whole(cc) ? cc->op : CC_OPS;
}

static X86TrTest test_be(Translator *t)
{
    const X86TrCc *cc = &t->cc;
    if (whole_op(cc) == CC_SUB) {
        return test_of(t, IR_LEU, operand(t, cc->a), operand(t, cc->b));
    }
    return whole_op(cc) == CC_LOGIC ? test_z(t) : test_bits(t, EFL_CF | EFL_ZF);
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
    if (whole_op(cc) == CC_SUB) {
        return test_of(t, IR_LT, as_signed(t, cc->a), as_signed(t, cc->b));
    }
    if (whole_op(cc) == CC_LOGIC) {
        return test_s(t);
    }
    return (X86TrTest){ IR_NE, IR_I64, less_bits(t, x86_tr_flags(t)), x86_tr_const(t, 0) };
}

static X86TrTest test_le(Translator *t)
{
    const X86TrCc *cc = &t->cc;
    if (whole_op(cc) == CC_SUB) {
        return test_of(t, IR_LE, as_signed(t, cc->a), as_signed(t, cc->b));
    }
    if (whole_op(cc) == CC_LOGIC) {
        return test_of(t, IR_LE, as_signed(t, cc->a), x86_tr_const(t, 0));
    }
    IrRef flags = x86_tr_flags(t);
    IrRef zero = op2(t, IR_AND, flags, x86_tr_const(t, EFL_ZF));
    return (X86TrTest){ IR_NE, IR_I64, op2(t, IR_OR, less_bits(t, flags), zero), x86_tr_const(t, 0) };
}

static X86TrTest test_o(Translator *t)
{
    if (known_of(t) != IR_NONE) {
        return test_value(t, t->cc.of);
    }
    return whole_op(&t->cc) == CC_LOGIC ? test_never(t) : test_bits(t, EFL_OF);
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

static IrRef flag_of(Translator *t, IrRef known, X86TrTest (*test_flag)(Translator *))
{
    if (known != IR_NONE) {
        return known;
    }
    X86TrTest test = test_flag(t);
    return ir_setcc(t->ir, test.cond, test.type, IR_NONE, test.a, test.b);
}

IrRef x86_tr_carry(Translator *t)
{
    return flag_of(t, known_cf(t), test_b);
}

IrRef x86_tr_overflow(Translator *t)
{
    return flag_of(t, known_of(t), test_o);
}

void x86_tr_set_zero_flag(Translator *t, IrRef zero)
{
    IrRef kept = x86_tr_const(t, EFL_ARITH & ~EFL_ZF), shift = x86_tr_const(t, __builtin_ctz(EFL_ZF));
    IrRef others = ir_op2(t->ir, IR_AND, IR_I64, IR_NONE, x86_tr_flags(t), kept);
    IrRef bit = ir_op2(t->ir, IR_SHL, IR_I64, IR_NONE, zero, shift);
    x86_tr_set_packed(t, ir_op2(t->ir, IR_OR, IR_I64, IR_NONE, others, bit));
}
