/* SPDX-License-Identifier: GPL-2.0-or-later */
/* CMPXCHG8B and CMPXCHG16B: the pairs rDX:rAX and rCX:rBX with memory, always as if locked.
 * Spec: SDM volume 2, CMPXCHG8B/CMPXCHG16B. */
#include "target/i386/families.h"
#include "target/i386/translate.h"

static IrRef op2(Translator *t, IrOp op, IrRef a, IrRef b)
{
    return ir_op2(t->ir, op, IR_I64, IR_NONE, a, b);
}

static IrRef pair(Translator *t, unsigned high, unsigned low)
{
    IrRef upper = op2(t, IR_SHL, x86_tr_reg(t, high, 8), x86_tr_const(t, 32));
    IrRef lower = x86_tr_zero_extend(t, x86_tr_reg(t, low, 8), 4);
    return op2(t, IR_OR, upper, lower);
}

/* Where it was not equal EDX:EAX become what was there; else all of RAX and RDX stays. */
static IrRef compare_8(Translator *t, IrRef at)
{
    IrRef want = pair(t, X86_RDX, X86_RAX), with = pair(t, X86_RCX, X86_RBX);
    IrRef old = ir_cas(t->ir, MEM_64 | MEM_ALIGN, IR_NONE, at, 0, want, with);
    IrRef low = x86_tr_zero_extend(t, old, 4), high = op2(t, IR_SHR, old, x86_tr_const(t, 32));
    IrRef rax = ir_global(G_GPR + X86_RAX), rdx = ir_global(G_GPR + X86_RDX);
    ir_select(t->ir, IR_EQ, IR_I64, rax, old, want, rax, low);
    ir_select(t->ir, IR_EQ, IR_I64, rdx, old, want, rdx, high);
    return ir_setcc(t->ir, IR_EQ, IR_I64, IR_NONE, old, want);
}

void x86_tr_cmpxchg2(Translator *t)
{
    bool wide = x86_tr_bytes(t, 0) == 16;
    t->aligned = wide;
    x86_tr_address(t, 0, true);
    t->aligned = false;
    IrRef at = t->ea_disp ? op2(t, IR_ADD, t->ea, x86_tr_const(t, t->ea_disp)) : t->ea;
    IrRef equal = wide ? x86_tr_call(t, &x86_helper_cmpxchg16b, 1, &at) : compare_8(t, at);
    x86_tr_set_zero_flag(t, equal);
}
