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
static void keep_if_zero(Translator *t, IrRef count, const IrRef old[3])
{
    if (ir_is_const(count)) {
        return;
    }
    for (unsigned n = 0; n < 3; n++) {
        IrRef g = ir_global(G_CC_A + n);
        ir_select(t->ir, IR_EQ, IR_I64, g, count, x86_tr_const(t, 0), old[n], g);
    }
    x86_tr_forget_cc(t);
}

static void old_cc(Translator *t, IrRef count, IrRef old[3])
{
    for (unsigned n = 0; n < 3 && !ir_is_const(count); n++) {
        old[n] = ir_mov(t->ir, IR_NONE, ir_global(G_CC_A + n));
    }
}

/* What a rotate, or a shift of two operands, says of the flags: from C. */
static void set_flags_by(Translator *t, IrRef count, IrRef flags)
{
    if (ir_is_const(count)) {
        x86_tr_set_packed(t, flags);
        return;
    }
    IrRef before = x86_tr_flags(t);
    x86_tr_set_packed(t, ir_select(t->ir, IR_EQ, IR_I64, IR_NONE, count, x86_tr_const(t, 0), before, flags));
}

static void emit_rotate(Translator *t, unsigned which, unsigned bytes, IrRef count)
{
    bool right = which == X86_SHIFT_ROR || which == X86_SHIFT_RCR;
    bool through = which == X86_SHIFT_RCL || which == X86_SHIFT_RCR;
    IrRef a = x86_tr_get(t, 0), flags = x86_tr_flags(t);
    IrRef args[4] = { a, count, flags, x86_tr_const(t, bytes | right << 4 | through << 5) };
    IrRef r = through || bytes < 4
                  ? x86_tr_call(t, &x86_helper_rotate, 4, args)
                  : ir_op2(t->ir, right ? IR_ROR : IR_ROL, x86_tr_type(bytes), IR_NONE, a, count);
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
    old_cc(t, count, old);
    x86_tr_set_cc(t, cc, bytes, a, count, r, IR_NONE);
    keep_if_zero(t, count, old);
}

void x86_tr_shift(Translator *t)
{
    unsigned which = t->row->arg, bytes = x86_tr_bytes(t, 0);
    IrRef count = masked_count(t, 1, bytes);
    if (is_zero(t, count)) {
        x86_tr_set(t, 0, x86_tr_get(t, 0));
    } else if (which == X86_SHIFT_SHL || which == X86_SHIFT_SHR || which == X86_SHIFT_SAR) {
        emit_shift(t, which, bytes, count);
    } else {
        emit_rotate(t, which, bytes, count);
    }
}

void x86_tr_shiftd(Translator *t)
{
    unsigned bytes = x86_tr_bytes(t, 0), what = bytes | (t->row->arg == X86_SHIFTD_SHRD) << 4;
    IrRef count = masked_count(t, 2, bytes);
    IrRef args[4] = { x86_tr_get(t, 0), x86_tr_get(t, 1), count, x86_tr_const(t, what) };
    IrRef r = x86_tr_call(t, &x86_helper_shiftd, 4, args);
    IrRef flags = x86_tr_call(t, &x86_helper_shiftd_flags, 4, args);
    x86_tr_set(t, 0, r);
    if (!is_zero(t, count)) {
        set_flags_by(t, count, flags);
    }
}
