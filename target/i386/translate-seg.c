/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Segment registers, descriptor tables, and what programs ask of descriptors.  Spec: SDM volume 2, each instruction's
 * page.
 *
 * A segment that is loaded may change the mode (flat segments, the width of the stack): the block ends, but in 64-bit code,
 * where only SS counts (its shadow). */
#include "target/i386/families.h"
#include "target/i386/translate.h"

static IrRef op2(Translator *t, IrOp op, IrRef a, IrRef b)
{
    return ir_op2(t->ir, op, IR_I64, IR_NONE, a, b);
}

static size_t selector_at(X86SegId seg)
{
    return offsetof(X86CPU, s.seg[0].selector) + seg * sizeof(X86Segment);
}

/* The segment register that operand n is; X86_SEGS: there is no such one. */
static X86SegId segment_of(const Translator *t, unsigned n)
{
    unsigned where = t->row->operands[n].where;
    return where == X86_AT_S ? MIN(t->insn.reg & 7, (unsigned)X86_SEGS) : where - X86_AT_ES;
}

static void load_segment(Translator *t, X86SegId seg, IrRef selector, bool shadow)
{
    IrRef args[2] = { x86_tr_const(t, seg | !shadow << 8), selector };
    x86_tr_call(t, &x86_helper_load_segment, 2, args);
}

static void end_behind_load(Translator *t, X86SegId seg)
{
    if (t->code != 8) {
        x86_tr_end_lookup(t);
    }
}

static void end_behind_move(Translator *t, X86SegId seg)
{
    t->shadows = seg == SEG_SS ? SHADOW_MOV_SS : 0;
    end_behind_load(t, seg);
}

/* ---- moves ------------------------------------------------------------------- */

void x86_tr_mov_from_seg(Translator *t)
{
    X86SegId seg = segment_of(t, 1);
    if (seg == X86_SEGS) {
        x86_tr_fault(t, X86_EXC_UD);
        return;
    }
    x86_tr_set(t, 0, ir_load_env(t->ir, MEM_16, IR_NONE, selector_at(seg)));
}

void x86_tr_mov_to_seg(Translator *t)
{
    X86SegId seg = segment_of(t, 0);
    if (seg == X86_SEGS || seg == SEG_CS) {
        x86_tr_fault(t, X86_EXC_UD);
        return;
    }
    load_segment(t, seg, x86_tr_get(t, 1), true);
    end_behind_move(t, seg);
}

void x86_tr_push_seg(Translator *t)
{
    int32_t bytes = t->insn.osz;
    x86_tr_poke(t, -bytes, bytes, ir_load_env(t->ir, MEM_16, IR_NONE, selector_at(segment_of(t, 0))));
    x86_tr_move_sp(t, -bytes);
}

void x86_tr_pop_seg(Translator *t)
{
    X86SegId seg = segment_of(t, 0);
    load_segment(t, seg, x86_tr_peek(t, 0, t->insn.osz), true);
    x86_tr_move_sp(t, t->insn.osz);
    end_behind_move(t, seg);
}

void x86_tr_lseg(Translator *t)
{
    static const uint8_t segs[] = { [X86_LSEG_LES] = SEG_ES,
                                    [X86_LSEG_LDS] = SEG_DS,
                                    [X86_LSEG_LSS] = SEG_SS,
                                    [X86_LSEG_LFS] = SEG_FS,
                                    [X86_LSEG_LGS] = SEG_GS };
    unsigned bytes = x86_tr_pointer_bytes(t);
    X86SegId seg = segs[t->row->arg];
    x86_tr_address(t, 1, false);
    IrRef offset = ir_load(t->ir, x86_tr_memop(bytes), IR_NONE, t->ea, t->ea_disp);
    IrRef selector = ir_load(t->ir, MEM_16, IR_NONE, t->ea, t->ea_disp + bytes);
    load_segment(t, seg, selector, false); /* LSS has no shadow: it loads the pointer itself */
    x86_tr_set_reg(t, t->insn.reg, bytes, offset);
    end_behind_load(t, seg);
}

/* ---- bases ------------------------------------------------------------------- */

void x86_tr_swapgs(Translator *t)
{
    size_t at = offsetof(X86CPU, s.msr.kernel_gs_base);
    IrRef gs = ir_global(G_GS_BASE), old = ir_mov(t->ir, IR_NONE, gs);
    ir_load_env(t->ir, MEM_64, gs, at);
    ir_store_env(t->ir, MEM_64, old, at);
}

void x86_tr_fsgsbase(Translator *t)
{
    unsigned which = t->row->arg;
    bool gs = which == X86_FSGSBASE_RDGSBASE || which == X86_FSGSBASE_WRGSBASE;
    bool write = which == X86_FSGSBASE_WRFSBASE || which == X86_FSGSBASE_WRGSBASE;
    IrRef base = ir_global(gs ? G_GS_BASE : G_FS_BASE);
    IrRef value = write ? x86_tr_zero_extend(t, x86_tr_get(t, 0), x86_tr_bytes(t, 0)) : x86_tr_const(t, 0);
    x86_tr_call(t, &x86_helper_fsgsbase, 1, &value);
    if (write) {
        ir_mov(t->ir, base, value);
    } else {
        x86_tr_set(t, 0, base);
    }
}

/* ---- tables ------------------------------------------------------------------ */

/* #GP above level 0 under CR4.UMIP. */
static void check_umip(Translator *t)
{
    if (t->cpl) {
        x86_tr_call(t, &x86_helper_umip, 0, NULL);
    }
}

static void store_pointer(Translator *t, size_t table)
{
    unsigned bytes = t->code == 8 ? 8 : 4;
    IrRef limit = ir_load_env(t->ir, MEM_32, IR_NONE, table + offsetof(X86Table, limit));
    IrRef base = ir_load_env(t->ir, MEM_64, IR_NONE, table + offsetof(X86Table, base));
    x86_tr_address(t, 0, true);
    ir_store(t->ir, MEM_16, limit, t->ea, t->ea_disp);
    ir_store(t->ir, x86_tr_memop(bytes), base, t->ea, t->ea_disp + 2);
}

void x86_tr_store_table(Translator *t)
{
    check_umip(t);
    switch (t->row->arg) {
    case X86_STORE_TABLE_SGDT: store_pointer(t, offsetof(X86CPU, s.gdtr)); break;
    case X86_STORE_TABLE_SIDT: store_pointer(t, offsetof(X86CPU, s.idtr)); break;
    case X86_STORE_TABLE_SLDT:
        x86_tr_set(t, 0, ir_load_env(t->ir, MEM_16, IR_NONE, offsetof(X86CPU, s.ldtr.selector)));
        break;
    case X86_STORE_TABLE_STR:
        x86_tr_set(t, 0, ir_load_env(t->ir, MEM_16, IR_NONE, offsetof(X86CPU, s.tr.selector)));
        break;
    default: x86_tr_set(t, 0, ir_load_env(t->ir, MEM_64, IR_NONE, offsetof(X86CPU, s.cr0)));
    }
}

static void load_pointer(Translator *t, bool idt)
{
    unsigned bytes = t->code == 8 ? 8 : 4;
    x86_tr_address(t, 0, false);
    IrRef limit = ir_load(t->ir, MEM_16, IR_NONE, t->ea, t->ea_disp);
    IrRef base = ir_load(t->ir, x86_tr_memop(bytes), IR_NONE, t->ea, t->ea_disp + 2);
    if (t->insn.osz == 2) {
        base = op2(t, IR_AND, base, x86_tr_const(t, 0xffffff)); /* as the 286 */
    }
    IrRef args[3] = { x86_tr_const(t, idt), base, limit };
    x86_tr_call(t, &x86_helper_load_table, 3, args);
}

void x86_tr_load_table(Translator *t)
{
    IrRef value;
    switch (t->row->arg) {
    case X86_LOAD_TABLE_LGDT: load_pointer(t, false); break;
    case X86_LOAD_TABLE_LIDT: load_pointer(t, true); break;
    case X86_LOAD_TABLE_LMSW:
        value = x86_tr_get(t, 0);
        x86_tr_call(t, &x86_helper_lmsw, 1, &value);
        x86_tr_end_lookup(t);
        break;
    default: {
        IrRef args[2] = { x86_tr_const(t, t->row->arg == X86_LOAD_TABLE_LTR), x86_tr_get(t, 0) };
        x86_tr_call(t, &x86_helper_load_system, 2, args);
    }
    }
}

/* ---- what descriptors say ------------------------------------------------------- */

/* The register whole: it stays as it is, its upper half, too, where the descriptor is not for this program. */
static IrRef result_or_old(Translator *t, IrRef ok, IrRef value)
{
    IrRef old = x86_tr_reg(t, t->insn.reg, 8), zero = x86_tr_const(t, 0);
    if (t->insn.osz == 2) {
        IrRef low = x86_tr_zero_extend(t, value, 2);
        IrRef kept = op2(t, IR_AND, old, x86_tr_const(t, ~INT64_C(0xffff)));
        value = op2(t, IR_OR, kept, low);
    } else {
        value = x86_tr_zero_extend(t, value, 4);
    }
    return ir_select(t->ir, IR_NE, IR_I64, IR_NONE, ok, zero, value, old);
}

void x86_tr_descriptor(Translator *t)
{
    static const uint8_t asks[] = { [X86_DESCRIPTOR_VERR] = ASK_VERR,
                                    [X86_DESCRIPTOR_VERW] = ASK_VERW,
                                    [X86_DESCRIPTOR_LAR] = ASK_LAR,
                                    [X86_DESCRIPTOR_LSL] = ASK_LSL };
    unsigned ask = asks[t->row->arg];
    bool has_value = ask == ASK_LAR || ask == ASK_LSL;
    IrRef args[2] = { x86_tr_const(t, ask), x86_tr_get(t, has_value) };
    IrRef answer = x86_tr_call(t, &x86_helper_ask_descriptor, 2, args);
    IrRef ok = op2(t, IR_SHR, answer, x86_tr_const(t, 32));
    if (has_value) {
        IrRef value = result_or_old(t, ok, answer);
        x86_tr_set_reg(t, t->insn.reg, 8, value);
    }
    x86_tr_set_zero_flag(t, ok);
}

/* The RPL of the first, where it is lower, becomes that of the second. */
static void arpl_memory(Translator *t)
{
    int32_t disp;
    IrRef at = x86_tr_effective(t, &disp);
    IrRef selector = x86_tr_get(t, 1);
    IrRef args[3] = { op2(t, IR_ADD, at, x86_tr_const(t, disp)), selector, x86_tr_const(t, t->insn.seg) };
    x86_tr_set_zero_flag(t, x86_tr_call(t, &x86_helper_arpl, 3, args));
}

void x86_tr_arpl(Translator *t)
{
    if (t->insn.memory) {
        arpl_memory(t);
        return;
    }
    IrRef a = x86_tr_get(t, 0), b = x86_tr_get(t, 1), three = x86_tr_const(t, 3);
    IrRef rpl_a = op2(t, IR_AND, a, three), rpl_b = op2(t, IR_AND, b, three);
    IrRef kept = op2(t, IR_AND, a, x86_tr_const(t, ~INT64_C(3)));
    IrRef raised = op2(t, IR_OR, kept, rpl_b);
    IrRef lower = ir_setcc(t->ir, IR_LTU, IR_I64, IR_NONE, rpl_a, rpl_b);
    IrRef result = ir_select(t->ir, IR_LTU, IR_I64, IR_NONE, rpl_a, rpl_b, raised, a);
    x86_tr_set(t, 0, result);
    x86_tr_set_zero_flag(t, lower);
}
