/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Shifts and rotates.  A count of 0 changes nothing but, of 32-bit registers, the upper half.
 * Spec: SDM volume 2, SAL/SAR/SHL/SHR, RCL/RCR/ROL/ROR, SHLD, SHRD. */
#include "target/i386/families.h"
#include "target/i386/translate.h"

static IrRef op2(Translator *t, IrOp op, IrRef a, IrRef b)
{
    return ir_op2(t->ir, op, IR_I64, IR_NONE, a, b);
}

/* The count as the processor takes it; a constant where the instruction has it. */
static IrRef masked_count(Translator *t, unsigned n, unsigned bytes)
{
    return op2(t, IR_AND, x86_tr_get(t, n), x86_tr_const(t, bytes == 8 ? 63 : 31));
}

static bool is_zero(const Translator *t, IrRef count)
{
    return ir_is_const(count) && ir_const_value(t->ir, count) == 0;
}

/* The flags that were just set count only where the count is not 0: others are those from before. */
static void keep_if_zero(Translator *t, IrRef count, const X86TrCc *before, const IrRef old[3])
{
    if (ir_is_const(count)) {
        return;
    }
    for (unsigned n = 0; n < 3; n++) {
        IrRef g = ir_global(G_CC_A + n);
        ir_select(t->ir, IR_EQ, IR_I64, g, count, x86_tr_const(t, 0), old[n], g);
    }
    x86_tr_keep_turned(t, before);
    x86_tr_forget_cc(t);
}

static void old_cc(Translator *t, IrRef count, IrRef old[3])
{
    for (unsigned n = 0; n < 3 && !ir_is_const(count); n++) {
        old[n] = ir_mov(t->ir, IR_NONE, ir_global(G_CC_A + n));
    }
}

/* What a rotate through CF, or a shift of two words, says of the flags: from C. */
static void set_flags_by(Translator *t, IrRef count, IrRef flags)
{
    if (ir_is_const(count)) {
        x86_tr_set_packed(t, flags);
        return;
    }
    IrRef before = x86_tr_flags(t);
    x86_tr_set_packed(t, ir_select(t->ir, IR_EQ, IR_I64, IR_NONE, count, x86_tr_const(t, 0), before, flags));
}

static IrRef bit_of(Translator *t, IrRef value, unsigned n)
{
    return op2(t, IR_AND, op2(t, IR_SHR, value, x86_tr_const(t, n)), x86_tr_const(t, 1));
}

/* CF is the bit that went round; OF: did the sign change on the way left, are the two highest bits different.  Both say one
 * thing of two bits, which are brought to the same place: the highest two of what was turned right, the lowest and
 * the highest of what was turned left. */
static void set_rotate_flags(Translator *t, bool right, unsigned bytes, IrRef count, IrRef r)
{
    unsigned top = 8 * bytes - 1;
    IrRef turned;
    if (right) {
        turned = op2(t, IR_SHR, r, x86_tr_const(t, top - 1));
    } else if (bytes >= 4) {
        turned = ir_op2(t->ir, IR_ROL, x86_tr_type(bytes), IR_NONE, r, x86_tr_const(t, 1));
    } else {
        turned =
            op2(t, IR_OR, op2(t, IR_SHL, r, x86_tr_const(t, 1)), op2(t, IR_SHR, r, x86_tr_const(t, top)));
    }
    x86_tr_set_turned(t, turned, count);
}

static IrRef rotated(Translator *t, bool right, unsigned bytes, IrRef a, IrRef count)
{
    if (bytes >= 4) {
        return ir_op2(t->ir, right ? IR_ROR : IR_ROL, x86_tr_type(bytes), IR_NONE, a, count);
    }
    IrRef bits = x86_tr_const(t, 8 * bytes), v = x86_tr_zero_extend(t, a, bytes);
    IrRef n = op2(t, IR_AND, count, x86_tr_const(t, 8 * bytes - 1)), rest = op2(t, IR_SUB, bits, n);
    IrRef up = op2(t, IR_SHL, v, right ? rest : n), down = op2(t, IR_SHR, v, right ? n : rest);
    return x86_tr_zero_extend(t, op2(t, IR_OR, up, down), bytes);
}

static void emit_rotate(Translator *t, bool right, unsigned bytes, IrRef count)
{
    IrRef r = rotated(t, right, bytes, x86_tr_get(t, 0), count);
    x86_tr_set(t, 0, r);
    set_rotate_flags(t, right, bytes, count, r);
}

/* Through CF, by one. */
static void rotate_carry_once(Translator *t, bool right, unsigned bytes)
{
    unsigned top = 8 * bytes - 1;
    IrRef in = x86_tr_carry(t), a = x86_tr_zero_extend(t, x86_tr_get(t, 0), bytes), r;
    if (right) {
        r = op2(t, IR_OR, op2(t, IR_SHR, a, x86_tr_const(t, 1)), op2(t, IR_SHL, in, x86_tr_const(t, top)));
    } else {
        r = op2(t, IR_OR, op2(t, IR_SHL, a, x86_tr_const(t, 1)), in);
    }
    x86_tr_set(t, 0, r);
    IrRef cf = bit_of(t, a, right ? 0 : top), other = right ? bit_of(t, r, top - 1) : cf;
    x86_tr_replace_flags(t, cf, op2(t, IR_XOR, bit_of(t, r, top), other));
}

static void emit_rotate_carry(Translator *t, bool right, unsigned bytes, IrRef count)
{
    if (ir_is_const(count) && ir_const_value(t->ir, count) == 1) {
        rotate_carry_once(t, right, bytes);
        return;
    }
    IrRef a = x86_tr_get(t, 0), flags = x86_tr_flags(t);
    IrRef args[4] = { a, count, flags, x86_tr_const(t, bytes | right << 4) };
    IrRef r = x86_tr_call(t, &x86_helper_rotate, 4, args);
    IrRef after = x86_tr_call(t, &x86_helper_rotate_flags, 4, args);
    x86_tr_set(t, 0, r);
    set_flags_by(t, count, after);
}

static void emit_shift(Translator *t, unsigned which, unsigned bytes, IrRef count)
{
    IrRef a = x86_tr_get(t, 0), r, old[3];
    X86CcOp cc;
    if (which == X86_SHIFT_SHL) {
        cc = CC_SHL;
        r = op2(t, IR_SHL, a, count);
    } else if (which == X86_SHIFT_SHR) {
        cc = CC_SHR;
        r = op2(t, IR_SHR, x86_tr_zero_extend(t, a, bytes), count);
    } else {
        cc = CC_SAR;
        r = op2(t, IR_SAR, x86_tr_sign_extend(t, a, bytes), count);
    }
    x86_tr_set(t, 0, r);
    X86TrCc before = t->cc;
    old_cc(t, count, old);
    x86_tr_set_cc(t, cc, bytes, a, count, r, IR_NONE);
    keep_if_zero(t, count, &before, old);
}

void x86_tr_shift(Translator *t)
{
    unsigned which = t->row->arg, bytes = x86_tr_bytes(t, 0);
    IrRef count = masked_count(t, 1, bytes);
    if (is_zero(t, count)) {
        x86_tr_set(t, 0, x86_tr_get(t, 0));
    } else if (which == X86_SHIFT_SHL || which == X86_SHIFT_SHR || which == X86_SHIFT_SAR) {
        emit_shift(t, which, bytes, count);
    } else if (which == X86_SHIFT_ROL || which == X86_SHIFT_ROR) {
        emit_rotate(t, which == X86_SHIFT_ROR, bytes, count);
    } else {
        emit_rotate_carry(t, which == X86_SHIFT_RCR, bytes, count);
    }
}

/* a shifted by n places, which b fills. */
static IrRef shifted_double(Translator *t, bool right, unsigned bytes, IrRef a, IrRef b, IrRef n)
{
    if (bytes == 4) {
        IrRef high = x86_tr_zero_extend(t, right ? b : a, 4), low = x86_tr_zero_extend(t, right ? a : b, 4);
        IrRef both = op2(t, IR_OR, op2(t, IR_SHL, high, x86_tr_const(t, 32)), low);
        return right ? op2(t, IR_SHR, both, n) : op2(t, IR_SHR, op2(t, IR_SHL, both, n), x86_tr_const(t, 32));
    }
    IrOp op = right ? IR_SHL : IR_SHR;
    if (ir_is_const(n)) {
        IrRef rest = op2(t, op, b, x86_tr_const(t, 64 - ir_const_value(t->ir, n)));
        return op2(t, IR_OR, op2(t, right ? IR_SHR : IR_SHL, a, n), rest);
    }
    /* 64 - n places in two steps, which of none leave nothing */
    IrRef rest = op2(t, IR_XOR, n, x86_tr_const(t, 63)), once = op2(t, op, b, x86_tr_const(t, 1));
    return op2(t, IR_OR, op2(t, right ? IR_SHR : IR_SHL, a, n), op2(t, op, once, rest));
}

/* Of words a count may be more than they have bits: in C. */
static void shift_double_words(Translator *t, bool right, IrRef a, IrRef b, IrRef count)
{
    IrRef args[4] = { a, b, count, x86_tr_const(t, 2 | right << 4) };
    IrRef r = x86_tr_call(t, &x86_helper_shiftd, 4, args);
    IrRef flags = x86_tr_call(t, &x86_helper_shiftd_flags, 4, args);
    x86_tr_set(t, 0, r);
    if (!is_zero(t, count)) {
        set_flags_by(t, count, flags);
    }
}

void x86_tr_shiftd(Translator *t)
{
    unsigned bytes = x86_tr_bytes(t, 0);
    bool right = t->row->arg == X86_SHIFTD_SHRD;
    IrRef count = masked_count(t, 2, bytes), a = x86_tr_get(t, 0), b = x86_tr_get(t, 1), old[3];
    if (bytes == 2) {
        shift_double_words(t, right, a, b, count);
        return;
    }
    IrRef r = is_zero(t, count) ? a : shifted_double(t, right, bytes, a, b, count);
    x86_tr_set(t, 0, r);
    if (!is_zero(t, count)) {
        X86TrCc before = t->cc;
        old_cc(t, count, old);
        x86_tr_set_cc_count(t, right ? CC_SHRD : CC_SHLD, bytes, r, a, count);
        keep_if_zero(t, count, &before, old);
    }
}
