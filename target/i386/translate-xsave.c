/* SPDX-License-Identifier: GPL-2.0-or-later */
/* FXSAVE, FXRSTOR, the XSAVE family. */
#include "target/i386/families.h"
#include "target/i386/helpers-xsave.h"
#include "target/i386/translate.h"

static IrRef op2(Translator *t, IrOp op, IrRef a, IrRef b)
{
    return ir_op2(t->ir, op, IR_I64, IR_NONE, a, b);
}

/* The area's linear address; in a segment with limits XSAVE's is aligned, and its first bytes and the last one of what every form has
 * are there. */
static IrRef area(Translator *t, bool write)
{
    enum { FXSAVE_BYTES = 512 };
    int32_t disp, left;
    IrRef at = x86_tr_effective(t, &disp);
    bool legacy = t->row->need >> X86_ISA_FXSR & 1;
    t->aligned = !legacy;
    IrRef first = x86_tr_linear(t, t->insn.seg, at, disp, legacy ? 1 : 64, write, &left);
    t->aligned = false;
    x86_tr_check_alignment(t, first, left, legacy ? 4 : 1); /* before the #GP of what is no multiple of 16 */
    if (t->code != 8) {
        int32_t unused;
        x86_tr_linear(t, t->insn.seg, at, disp + FXSAVE_BYTES - 1, 1, write, &unused);
    }
    return left ? op2(t, IR_ADD, first, x86_tr_const(t, left)) : first;
}

void x86_tr_xsave(Translator *t)
{
    bool restore = false;
    switch (t->row->arg) {
    case X86_XSAVE_FXRSTOR:
    case X86_XSAVE_FXRSTOR64:
    case X86_XSAVE_XRSTOR:
    case X86_XSAVE_XRSTOR64:
    case X86_XSAVE_XRSTORS:
    case X86_XSAVE_XRSTORS64: restore = true; break;
    default: break;
    }
    IrRef low = x86_tr_zero_extend(t, ir_global(G_GPR + X86_RAX), 4);
    IrRef high = op2(t, IR_SHL, ir_global(G_GPR + X86_RDX), x86_tr_const(t, 32));
    bool wide = t->insn.rex & X86_REX_W;
    IrRef args[3] = { area(t, !restore), x86_tr_const(t, t->row->arg | (wide ? XSAVE_HOW_WIDE : 0)),
                      op2(t, IR_OR, low, high) };
    x86_tr_call(t, restore ? &x86_helper_restore : &x86_helper_save, 3, args);
    if (restore) {
        x86_tr_end_lookup(t); /* rights may have changed with PKRU */
    }
}
