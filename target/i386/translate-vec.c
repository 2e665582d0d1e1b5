/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Vector instructions: when they may be executed, their operands, and unmasked exceptions.
 *
 * Spec: SDM volume 2, "Exceptions Type" of SSE and AVX instructions; volume 3, "System Programming for Instruction Set
 * Extensions", "MMX State and MMX Instructions in the x87 FPU".
 *
 * Not modelled: alignment checks (EFLAGS.AC) of vectors. */
#include "target/i386/translate-vec.h"

#include "target/i386/helpers-x87.h"

/* ---- the unit ---------------------------------------------------------------- */

/* Of CVTPI2PS from memory AMD's processors leave the x87 as it is, Intel's do not. */
static bool has_mmx(const Translator *t)
{
    bool amd = t->cpu->vendor == VENDOR_AMD && t->row->translator == X86_TR_VCONVERT &&
               t->row->arg == X86_VCONVERT_CVTPI2PS;
    bool memory_only = (amd || t->row->attrs & X86_ATTR_MMXMEM) && t->insn.memory;
    return t->row->attrs & X86_ATTR_MMX && !memory_only;
}

static bool has_xmm(const Translator *t)
{
    for (unsigned n = 0; n < X86_OPERANDS_MAX; n++) {
        switch (t->row->operands[n].where) {
        case X86_AT_V:
        case X86_AT_W:
        case X86_AT_U: return true;
        default: break;
        }
    }
    return !(t->row->attrs & X86_ATTR_MMX);
}

/* A pending exception of the x87 comes first. */
static void check_x87(Translator *t)
{
    enum { FSW_ES = 0x80 };
    x86_tr_call(t, &x87_helper_away, 0, NULL);
    IrRef fsw = ir_load_env(t->ir, MEM_16, IR_NONE, offsetof(X86CPU, s.x87.fsw));
    ir_brcc(t->ir, IR_TSTNE, IR_I64, fsw, x86_tr_const(t, FSW_ES), x86_tr_cold_fault(t, X86_EXC_MF));
}

/* From here on the upper halves are in use: once more, in that mode. */
static bool takes_upper_halves(Translator *t)
{
    bool clears = t->row->translator == X86_TR_VZERO;
    if (t->mode & X86_MODE_UPPER || !x86_vec_is_vex(t) || t->insn.vector != 32 || clears) {
        return false;
    }
    ir_mov(t->ir, ir_global(G_PC), x86_tr_const(t, t->pc));
    x86_tr_call(t, &x86_helper_use_upper, 0, NULL);
    ir_exit_lookup(t->ir);
    t->done = true;
    return true;
}

/* Of what SSE leaves as it is nothing need be kept while it is 0. */
static bool keeps_upper(const Translator *t)
{
    return t->mode & X86_MODE_UPPER && !x86_vec_is_vex(t);
}

bool x86_vec_begin(Translator *t)
{
    bool off = x86_vec_is_vex(t) ? !(t->mode & X86_MODE_AVX)
               : has_xmm(t)      ? !(t->mode & X86_MODE_SSE)
                                 : t->mode & X86_MODE_EM;
    if (off) {
        x86_tr_fault(t, X86_EXC_UD);
    } else if (t->mode & X86_MODE_TS) {
        x86_tr_fault(t, X86_EXC_NM);
    } else if (takes_upper_halves(t)) {
        return false;
    } else if (has_mmx(t)) {
        check_x87(t);
    }
    return !off && !(t->mode & X86_MODE_TS);
}

/* The number of the MMX register that is written, or -1. */
static int written_mmx(const Translator *t)
{
    if (t->row->translator == X86_TR_VMASKMOV) { /* to memory */
        return -1;
    }
    switch (t->row->operands[0].where) {
    case X86_AT_P: return t->insn.reg & 7;
    case X86_AT_N: return t->insn.rm & 7;
    case X86_AT_Q: return t->insn.memory ? -1 : t->insn.rm & 7;
    default: return -1;
    }
}

void x86_vec_touch_mmx(Translator *t)
{
    ir_store_env(t->ir, MEM_8, x86_tr_const(t, 0), offsetof(X86CPU, s.x87.top));
    ir_store_env(t->ir, MEM_8, x86_tr_const(t, 0xff), offsetof(X86CPU, s.x87.tags));
}

/* What is written has an exponent of all ones. */
void x86_vec_end(Translator *t)
{
    if (!has_mmx(t)) {
        return;
    }
    int written = written_mmx(t);
    x86_vec_touch_mmx(t);
    if (written >= 0) {
        ir_store_env(t->ir, MEM_16, x86_tr_const(t, 0xffff), offsetof(X86CPU, s.x87.st[written].exponent));
    }
}

/* ---- unmasked exceptions ------------------------------------------------------- */

void x86_vec_watch(Translator *t)
{
    if (t->mode & X86_MODE_XM) {
        t->mxcsr = x86_tr_call(t, &x86_helper_watch, 0, NULL);
    }
}

void x86_vec_check(Translator *t)
{
    if (t->mode & X86_MODE_XM) {
        x86_tr_call(t, &x86_helper_check, 1, &t->mxcsr);
    }
}

/* ---- operands ---------------------------------------------------------------- */

bool x86_vec_is_operand(const Translator *t, unsigned n)
{
    switch (t->row->operands[n].where) {
    case X86_AT_V:
    case X86_AT_W:
    case X86_AT_U:
    case X86_AT_H:
    case X86_AT_L:
    case X86_AT_XMM0:
    case X86_AT_P:
    case X86_AT_Q:
    case X86_AT_N: return true;
    case X86_AT_M: return t->insn.memory;
    default: return false;
    }
}

static unsigned register_of(const Translator *t, unsigned n)
{
    switch (t->row->operands[n].where) {
    case X86_AT_V: return G_YMM + t->insn.reg;
    case X86_AT_H: return G_YMM + t->insn.vvvv;
    case X86_AT_L: return G_YMM + (t->insn.imm >> 4 & (t->code == 8 ? 15 : 7));
    case X86_AT_XMM0: return G_YMM;
    case X86_AT_P: return G_MM + (t->insn.reg & 7);
    case X86_AT_Q:
    case X86_AT_N: return G_MM + (t->insn.rm & 7);
    default: return G_YMM + t->insn.rm;
    }
}

IrRef x86_vec_reg(const Translator *t, unsigned n)
{
    return ir_global(register_of(t, n));
}

/* SSE needs operands of 16 bytes aligned, AVX where the instruction's name says so (class 1); AMD's processors do not of
 * SHA's. */
static bool must_be_aligned(const Translator *t)
{
    unsigned class = t->row->exceptions;
    bool sha = t->row->need >> X86_ISA_SHA & 1 && t->cpu->vendor == VENDOR_AMD;
    bool legacy = !x86_vec_is_vex(t) && (class == 0 || class == 2 || class == 4);
    return class == 1 || (legacy && !sha && !(t->row->attrs & X86_ATTR_UNALIGNED));
}

/* The operand's linear address is in t->ea then. */
static MemOp memop_of(Translator *t, unsigned n, bool write)
{
    unsigned bytes = x86_tr_bytes(t, n);
    static const MemOp ops[] = { [4] = MEM_32, [8] = MEM_64, [16] = MEM_128, [32] = MEM_256 };
    t->aligned = bytes >= 16 && must_be_aligned(t);
    x86_tr_address(t, n, write);
    MemOp align = t->aligned ? MEM_ALIGN : 0;
    t->aligned = false;
    return ops[bytes] | align;
}

void x86_vec_load(Translator *t, unsigned n, IrRef to, bool keep)
{
    unsigned bytes = x86_tr_bytes(t, n);
    if (bytes < 4) {
        x86_tr_address(t, n, false);
        IrRef value = ir_load(t->ir, x86_tr_memop(bytes), IR_NONE, t->ea, t->ea_disp);
        ir_vector(t->ir, VOP_FROM_I32, IR_V128, to, value, IR_NONE, IR_NONE);
        return;
    }
    MemOp mop = memop_of(t, n, false) | (keep && keeps_upper(t) ? MEM_KEEP : 0);
    ir_load_vector(t->ir, mop, to, t->ea, t->ea_disp);
}

void x86_vec_store(Translator *t, unsigned n, IrRef value)
{
    MemOp mop = memop_of(t, n, true);
    ir_store_vector(t->ir, mop, value, t->ea, t->ea_disp);
}

IrRef x86_vec_get(Translator *t, unsigned n)
{
    if (!x86_tr_is_memory(t, n)) {
        return x86_vec_reg(t, n);
    }
    x86_vec_load(t, n, ir_global(G_VT0), false);
    return ir_global(G_VT0);
}

/* ---- operations -------------------------------------------------------------- */

static bool is_mmx_register(IrRef r)
{
    return ir_is_global(r) && (r & IR_INDEX_MASK) >= G_MM && (r & IR_INDEX_MASK) < G_MM + 8;
}

static IrType type_of(const Translator *t, const VopInfo *v, IrRef dst, IrRef a)
{
    if (is_mmx_register(dst) || (vop_gives_int(v) && is_mmx_register(a))) {
        return IR_V64;
    }
    return t->insn.vector == 32 && !(v->flags & VF_128) ? IR_V256 : IR_V128;
}

IrRef x86_vec_op_imm(Translator *t, IrVop vop, uint8_t imm, IrRef dst, IrRef a, IrRef b, IrRef c)
{
    const VopInfo *v = &vop_info[vop];
    IrType type = type_of(t, v, dst, a);
    uint32_t what = vop | (v->flags & VF_IMM ? (uint32_t)imm << VOP_IMM_SHIFT : 0);
    bool watched = t->mode & X86_MODE_XM && v->flags & VF_MXCSR;
    bool keep = keeps_upper(t) || v->flags & VF_LEGACY;
    if (keep && type == IR_V128 && !vop_gives_int(v)) {
        what |= VOP_KEEP;
    }
    if (!watched) {
        return ir_vector(t->ir, what, type, dst, a, b, c);
    }
    x86_vec_watch(t);
    IrRef result = vop_gives_int(v) ? IR_NONE : ir_global(G_VT1);
    result = ir_vector(t->ir, (what & ~VOP_KEEP) | VOP_REFERENCE, type, result, a, b, c);
    x86_vec_check(t);
    if (vop_gives_int(v)) {
        return result;
    }
    return ir_vector(t->ir, VOP_MOV | (what & VOP_KEEP), type, dst, ir_global(G_VT1), IR_NONE, IR_NONE);
}

IrRef x86_vec_op(Translator *t, IrVop vop, IrRef dst, IrRef a, IrRef b, IrRef c)
{
    return x86_vec_op_imm(t, vop, t->insn.imm, dst, a, b, c);
}

void x86_vec_do_imm(Translator *t, IrVop vop, uint8_t imm)
{
    IrRef in[X86_OPERANDS_MAX + 1] = { IR_NONE };
    unsigned count = 0, wanted = vop_operands(&vop_info[vop]), first = 0;
    for (unsigned n = 0; n < X86_OPERANDS_MAX; n++) {
        count += x86_vec_is_operand(t, n);
    }
    g_assert(count == wanted || count == wanted + 1);
    IrRef dst = x86_vec_reg(t, 0);
    for (unsigned n = count - wanted; n < count; n++) { /* they stand first, or an immediate behind them */
        in[first++] = n ? x86_vec_get(t, n) : dst;
    }
    x86_vec_op_imm(t, vop, imm, dst, in[0], in[1], in[2]);
}

void x86_vec_do(Translator *t, IrVop vop)
{
    x86_vec_do_imm(t, vop, t->insn.imm);
}
