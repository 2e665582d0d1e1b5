/* SPDX-License-Identifier: GPL-2.0-or-later */
/* BMI1 and BMI2: general registers by VEX.  Spec: SDM volume 2, each instruction's page. */
#include "target/i386/families.h"
#include "target/i386/translate.h"

static IrRef op2(Translator *t, IrOp op, unsigned bytes, IrRef a, IrRef b)
{
    return ir_op2(t->ir, op, x86_tr_type(bytes), IR_NONE, a, b);
}

static IrRef number(Translator *t, int64_t value)
{
    return x86_tr_const(t, value);
}

static IrRef set_if(Translator *t, IrCond cond, unsigned bytes, IrRef a, IrRef b)
{
    return ir_setcc(t->ir, cond, x86_tr_type(bytes), IR_NONE, a, b);
}

/* ZF and SF of a result, CF as given, OF 0. */
static void set_flags(Translator *t, unsigned bytes, IrRef result, IrRef carry)
{
    IrRef zero = set_if(t, IR_EQ, bytes, result, number(t, 0)),
          sign = set_if(t, IR_LT, bytes, result, number(t, 0));
    IrRef flags = op2(t, IR_OR, 8, op2(t, IR_SHL, 8, zero, number(t, __builtin_ctz(EFL_ZF))), carry);
    x86_tr_set_packed(t, op2(t, IR_OR, 8, flags, op2(t, IR_SHL, 8, sign, number(t, __builtin_ctz(EFL_SF)))));
}

void x86_tr_andn(Translator *t)
{
    unsigned bytes = x86_tr_bytes(t, 0);
    IrRef without = x86_tr_get(t, 1), a = x86_tr_get(t, 2);
    IrRef r = op2(t, IR_ANDN, bytes, a, without);
    x86_tr_set(t, 0, r);
    x86_tr_set_cc(t, CC_LOGIC, bytes, r, IR_NONE, r, IR_NONE);
}

void x86_tr_bls(Translator *t)
{
    unsigned bytes = x86_tr_bytes(t, 0), which = t->row->arg;
    IrRef a = x86_tr_get(t, 1), zero = number(t, 0), r;
    if (which == X86_BLS_BLSI) {
        r = op2(t, IR_AND, bytes, a, ir_op1(t->ir, IR_NEG, x86_tr_type(bytes), IR_NONE, a));
    } else {
        IrRef less = op2(t, IR_ADD, bytes, a, number(t, -1));
        r = op2(t, which == X86_BLS_BLSR ? IR_AND : IR_XOR, bytes, a, less);
    }
    IrRef carry = set_if(t, which == X86_BLS_BLSI ? IR_NE : IR_EQ, bytes, a, zero);
    x86_tr_set(t, 0, r);
    set_flags(t, bytes, r, carry);
}

/* The low bits of a value: `count` of them, all if there are no more. */
static IrRef low_bits(Translator *t, unsigned bytes, IrRef a, IrRef count)
{
    IrRef mask = op2(t, IR_ADD, 8, op2(t, IR_SHL, 8, number(t, 1), count), number(t, -1));
    return ir_select(t->ir, IR_LTU, IR_I64, IR_NONE, count, number(t, 8 * bytes), op2(t, IR_AND, 8, a, mask),
                     a);
}

static void bit_field(Translator *t, unsigned bytes)
{
    IrRef a = x86_tr_zero_extend(t, x86_tr_get(t, 1), bytes), control = x86_tr_get(t, 2);
    IrRef start = op2(t, IR_AND, 8, control, number(t, 0xff));
    IrRef length = op2(t, IR_AND, 8, op2(t, IR_SHR, 8, control, number(t, 8)), number(t, 0xff));
    IrRef down = ir_select(t->ir, IR_LTU, IR_I64, IR_NONE, start, number(t, 8 * bytes),
                           op2(t, IR_SHR, 8, a, start), number(t, 0));
    IrRef r = low_bits(t, bytes, down, length);
    x86_tr_set(t, 0, r);
    x86_tr_set_cc(t, CC_LOGIC, bytes, r, IR_NONE, r, IR_NONE);
}

static void zero_high_bits(Translator *t, unsigned bytes)
{
    IrRef a = x86_tr_get(t, 1), count = op2(t, IR_AND, 8, x86_tr_get(t, 2), number(t, 0xff));
    IrRef carry = set_if(t, IR_GTU, 8, count, number(t, 8 * bytes - 1));
    IrRef r = low_bits(t, bytes, a, count);
    x86_tr_set(t, 0, r);
    set_flags(t, bytes, r, carry);
}

void x86_tr_bmi(Translator *t)
{
    unsigned bytes = x86_tr_bytes(t, 0), which = t->row->arg;
    if (which == X86_BMI_BEXTR) {
        bit_field(t, bytes);
    } else if (which == X86_BMI_BZHI) {
        zero_high_bits(t, bytes);
    } else {
        IrRef a = x86_tr_get(t, 1), mask = x86_tr_zero_extend(t, x86_tr_get(t, 2), bytes);
        IrRef args[3] = { a, mask, number(t, which == X86_BMI_PDEP) };
        x86_tr_set(t, 0, x86_tr_call(t, &x86_helper_spread, 3, args));
    }
}

/* The high half wins where both are the same register. */
void x86_tr_mulx(Translator *t)
{
    unsigned bytes = x86_tr_bytes(t, 0);
    IrRef a = x86_tr_reg(t, X86_RDX, 8), b = x86_tr_get(t, 2);
    IrRef low = op2(t, IR_MUL, bytes, a, b), high = op2(t, IR_MULHU, bytes, a, b);
    x86_tr_set(t, 1, low);
    x86_tr_set(t, 0, high);
}

void x86_tr_shiftx(Translator *t)
{
    static const uint8_t ops[] = {
        [X86_SHIFTX_SHLX] = IR_SHL, [X86_SHIFTX_SHRX] = IR_SHR, [X86_SHIFTX_SARX] = IR_SAR
    };
    unsigned bytes = x86_tr_bytes(t, 0);
    IrRef a = x86_tr_get(t, 1), count = x86_tr_get(t, 2);
    x86_tr_set(t, 0, op2(t, ops[t->row->arg], bytes, a, count));
}

void x86_tr_rorx(Translator *t)
{
    unsigned bytes = x86_tr_bytes(t, 0);
    IrRef a = x86_tr_get(t, 1), count = x86_tr_get(t, 2);
    x86_tr_set(t, 0, op2(t, IR_ROR, bytes, a, count));
}
