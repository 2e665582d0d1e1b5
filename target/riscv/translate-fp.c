/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Floating point: F, D, Zfh, Zfhmin, Zfa.
 *
 * Spec: The RISC-V Instruction Set Manual, volume I, chapters of these extensions; volume
 * II, "Extension Context Status in mstatus Register".
 *
 * Loads, stores, moves and sign injection are inline; the rest calls fp-*.c.  The first
 * floating-point instruction of a block checks that mstatus.FS is not Off, the first that
 * changes state sets it to Dirty, the first that rounds as frm says checks frm: CSR writes
 * that could change any of them end the block, or make it check again. */
#include "target/riscv/translate.h"

enum { RM_DYNAMIC = 7 };

/* ---- may it run? --------------------------------------------------------- */

/* Before anything else of an instruction. */
static void fp_begin(Translator *t, const RiscvArgs *a, FpReady need)
{
    if (t->fp_ready >= need) {
        return;
    }
    IrRef fs = riscv_tr_const(t, MSTATUS_FS);
    IrRef mstatus = ir_load_env(t->ir, MEM_32, IR_NONE, offsetof(RiscvCPU, s.mstatus));
    if (t->fp_ready == FP_READY_NO) {
        unsigned off = riscv_tr_cold_raise(t, EXC_ILLEGAL, a->insn);
        ir_brcc(t->ir, IR_TSTEQ, IR_I32, mstatus, fs, off);
    }
    if (need == FP_READY_DIRTY) {
        IrRef dirty = ir_op2(t->ir, IR_OR, IR_I32, IR_NONE, mstatus, fs);
        ir_store_env(t->ir, MEM_32, dirty, offsetof(RiscvCPU, s.mstatus));
    }
    t->fp_ready = need;
}

/* The rounding mode as a helper's argument; IR_NONE: illegal, the block has ended. */
static IrRef fp_rounding(Translator *t, const RiscvArgs *a)
{
    if (a->rm <= FP_RMM) {
        fp_begin(t, a, FP_READY_DIRTY);
        return riscv_tr_const(t, a->rm);
    }
    if (a->rm != RM_DYNAMIC) {
        riscv_tr_illegal_insn(t, a);
        return IR_NONE;
    }
    if (t->fp_ready == FP_READY_NO) {
        fp_begin(t, a, FP_READY_ON);
    }
    if (!t->frm_ready) { /* before anything becomes dirty */
        IrRef frm = ir_load_env(t->ir, MEM_8, IR_NONE, offsetof(RiscvCPU, s.frm));
        unsigned bad = riscv_tr_cold_raise(t, EXC_ILLEGAL, a->insn);
        ir_brcc(t->ir, IR_GTU, IR_I32, frm, riscv_tr_const(t, FP_RMM), bad);
        t->frm_ready = true;
    }
    fp_begin(t, a, FP_READY_DIRTY);
    return ir_load_env(t->ir, MEM_8, IR_NONE, offsetof(RiscvCPU, s.frm));
}

/* ---- registers ----------------------------------------------------------- */

static IrRef fp_get(unsigned reg)
{
    return ir_global(RISCV_G_F + reg);
}

/* Write a narrow value: ones above it. */
static void fp_set_boxed(Translator *t, unsigned reg, IrRef value, MemOp size)
{
    int64_t ones = size == MEM_32 ? box32(0) : box16(0);

    if (size == MEM_64) {
        ir_mov(t->ir, fp_get(reg), value);
    } else {
        ir_op2(t->ir, IR_OR, IR_I64, fp_get(reg), value, riscv_tr_const(t, ones));
    }
}

/* A narrow operand, still boxed: the default NaN if it was not. */
static IrRef fp_get_checked(Translator *t, unsigned reg, MemOp size)
{
    if (size == MEM_64) {
        return fp_get(reg);
    }
    IrRef least = riscv_tr_const(t, size == MEM_32 ? box32(0) : box16(0));
    IrRef nan = riscv_tr_const(t, size == MEM_32 ? box32(F32_DEFAULT_NAN) : box16(F16_DEFAULT_NAN));
    return ir_select(t->ir, IR_GEU, IR_I64, IR_NONE, fp_get(reg), least, fp_get(reg), nan);
}

/* ---- loads, stores, moves ------------------------------------------------ */

void riscv_tr_fload(Translator *t, const RiscvArgs *a, unsigned arg)
{
    int32_t disp;

    fp_begin(t, a, FP_READY_DIRTY);
    IrRef base = riscv_tr_address(t, a->rs1, a->imm, &disp);
    if (arg == MEM_64) {
        ir_load(t->ir, arg, fp_get(a->rd), base, disp);
    } else {
        IrRef value = ir_load(t->ir, arg, IR_NONE, base, disp);
        fp_set_boxed(t, a->rd, value, arg);
    }
}

void riscv_tr_fstore(Translator *t, const RiscvArgs *a, unsigned arg)
{
    int32_t disp;

    fp_begin(t, a, FP_READY_ON);
    IrRef base = riscv_tr_address(t, a->rs1, a->imm, &disp);
    ir_store(t->ir, arg, fp_get(a->rs2), base, disp);
}

void riscv_tr_fp_move_to_int(Translator *t, const RiscvArgs *a, unsigned arg)
{
    fp_begin(t, a, FP_READY_ON);
    if (a->rd) {
        IrOp op = arg == MEM_16 ? IR_EXT_S16 : arg == MEM_32 ? IR_EXT_S32 : IR_MOV;
        ir_op1(t->ir, op, IR_I64, riscv_tr_dst(t, a->rd), fp_get(a->rs1));
    }
}

void riscv_tr_fp_move_from_int(Translator *t, const RiscvArgs *a, unsigned arg)
{
    fp_begin(t, a, FP_READY_DIRTY);
    IrRef value = riscv_tr_get(t, a->rs1);
    if (arg != MEM_64) { /* a write of ones over the upper bits */
        value = ir_op1(t->ir, arg == MEM_16 ? IR_EXT_U16 : IR_EXT_U32, IR_I64, IR_NONE, value);
    }
    fp_set_boxed(t, a->rd, value, arg);
}

void riscv_tr_fp_move_high(Translator *t, const RiscvArgs *a, unsigned arg)
{
    fp_begin(t, a, FP_READY_ON);
    if (a->rd) {
        ir_op2(t->ir, IR_SAR, IR_I64, riscv_tr_dst(t, a->rd), fp_get(a->rs1), riscv_tr_const(t, 32));
    }
}

void riscv_tr_fp_move_pair(Translator *t, const RiscvArgs *a, unsigned arg)
{
    fp_begin(t, a, FP_READY_DIRTY);
    IrRef low = ir_op1(t->ir, IR_EXT_U32, IR_I64, IR_NONE, riscv_tr_get(t, a->rs1));
    IrRef high = ir_op2(t->ir, IR_SHL, IR_I64, IR_NONE, riscv_tr_get(t, a->rs2), riscv_tr_const(t, 32));
    ir_op2(t->ir, IR_OR, IR_I64, fp_get(a->rd), low, high);
}

void riscv_tr_fp_sign(Translator *t, const RiscvArgs *a, unsigned arg)
{
    MemOp size = arg & ~SIGN_MASK & SIGN_D;
    unsigned how = arg & SIGN_MASK;

    size = size == SIGN_D ? MEM_64 : size == SIGN_S ? MEM_32 : MEM_16;
    fp_begin(t, a, FP_READY_DIRTY);
    IrRef x = fp_get_checked(t, a->rs1, size);
    IrRef sign = riscv_tr_const(t, UINT64_C(1) << (memop_bytes(size) * 8 - 1));
    if (a->rs1 == a->rs2) { /* fmv, fneg, fabs */
        IrOp op = how == SIGN_COPY ? IR_MOV : how == SIGN_NEGATE ? IR_XOR : IR_ANDN;
        if (op == IR_MOV) {
            ir_mov(t->ir, fp_get(a->rd), x);
        } else {
            ir_op2(t->ir, op, IR_I64, fp_get(a->rd), x, sign);
        }
        return;
    }
    IrRef y = fp_get_checked(t, a->rs2, size);
    if (how == SIGN_NEGATE) {
        y = ir_op1(t->ir, IR_NOT, IR_I64, IR_NONE, y);
    }
    y = ir_op2(t->ir, IR_AND, IR_I64, IR_NONE, y, sign);
    if (how != SIGN_XOR) {
        x = ir_op2(t->ir, IR_ANDN, IR_I64, IR_NONE, x, sign);
    }
    ir_op2(t->ir, how == SIGN_XOR ? IR_XOR : IR_OR, IR_I64, fp_get(a->rd), x, y);
}

/* ---- fli ----------------------------------------------------------------- */

/* The constants of Zfa as binary64, from which the narrower ones are rounded: exact, except
 * entry 1 (the smallest normal of each format) and entry 29 of binary16 (infinity). */
static const uint64_t fli_values[32] = {
    0xbff0000000000000, 0x0010000000000000, 0x3ef0000000000000, 0x3f00000000000000, 0x3f70000000000000,
    0x3f80000000000000, 0x3fb0000000000000, 0x3fc0000000000000, 0x3fd0000000000000, 0x3fd4000000000000,
    0x3fd8000000000000, 0x3fdc000000000000, 0x3fe0000000000000, 0x3fe4000000000000, 0x3fe8000000000000,
    0x3fec000000000000, 0x3ff0000000000000, 0x3ff4000000000000, 0x3ff8000000000000, 0x3ffc000000000000,
    0x4000000000000000, 0x4004000000000000, 0x4008000000000000, 0x4010000000000000, 0x4020000000000000,
    0x4030000000000000, 0x4060000000000000, 0x4070000000000000, 0x40e0000000000000, 0x40f0000000000000,
    0x7ff0000000000000, 0x7ff8000000000000,
};

static uint64_t fli_value(unsigned index, MemOp size)
{
    FpStatus exact = { .rounding = FP_RNE, .default_nan = true };

    if (size == MEM_64) {
        return fli_values[index];
    }
    if (index == 1) {
        return size == MEM_32 ? box32(0x00800000) : box16(0x0400);
    }
    if (size == MEM_32) {
        return box32(fp_convert(FP_F64, fli_values[index], FP_F32, &exact));
    }
    return box16(fp_convert(FP_F64, fli_values[index], FP_F16, &exact)); /* 2^16 becomes infinity */
}

void riscv_tr_fp_li(Translator *t, const RiscvArgs *a, unsigned arg)
{
    fp_begin(t, a, FP_READY_DIRTY);
    ir_mov(t->ir, fp_get(a->rd), riscv_tr_const(t, fli_value(a->rs1, arg)));
}

/* ---- through helpers ------------------------------------------------------ */

void riscv_tr_fp_unary_rm(Translator *t, const RiscvArgs *a, unsigned arg)
{
    IrRef rm = fp_rounding(t, a);
    if (rm != IR_NONE) {
        IrRef args[2] = { fp_get(a->rs1), rm };
        ir_call(t->ir, &riscv_fp_arith[arg], fp_get(a->rd), 2, args);
    }
}

void riscv_tr_fp_binary_rm(Translator *t, const RiscvArgs *a, unsigned arg)
{
    IrRef rm = fp_rounding(t, a);
    if (rm != IR_NONE) {
        IrRef args[3] = { fp_get(a->rs1), fp_get(a->rs2), rm };
        ir_call(t->ir, &riscv_fp_arith[arg], fp_get(a->rd), 3, args);
    }
}

void riscv_tr_fp_fma(Translator *t, const RiscvArgs *a, unsigned arg)
{
    IrRef rm = fp_rounding(t, a);
    if (rm != IR_NONE) {
        IrRef args[4] = { fp_get(a->rs1), fp_get(a->rs2), fp_get(a->rs3), rm };
        ir_call(t->ir, &riscv_fp_arith[arg], fp_get(a->rd), 4, args);
    }
}

void riscv_tr_fp_binary(Translator *t, const RiscvArgs *a, unsigned arg)
{
    fp_begin(t, a, FP_READY_DIRTY);
    IrRef args[2] = { fp_get(a->rs1), fp_get(a->rs2) };
    ir_call(t->ir, &riscv_fp_compare[arg], fp_get(a->rd), 2, args);
}

void riscv_tr_fp_compare(Translator *t, const RiscvArgs *a, unsigned arg)
{
    fp_begin(t, a, FP_READY_DIRTY);
    IrRef args[2] = { fp_get(a->rs1), fp_get(a->rs2) };
    ir_call(t->ir, &riscv_fp_compare[arg], riscv_tr_dst(t, a->rd), 2, args);
}

void riscv_tr_fp_class(Translator *t, const RiscvArgs *a, unsigned arg)
{
    fp_begin(t, a, FP_READY_ON);
    IrRef x = fp_get(a->rs1);
    ir_call(t->ir, &riscv_fp_compare[arg], riscv_tr_dst(t, a->rd), 1, &x);
}

void riscv_tr_fp_convert(Translator *t, const RiscvArgs *a, unsigned arg)
{
    IrRef rm = fp_rounding(t, a);
    if (rm != IR_NONE) {
        IrRef args[2] = { fp_get(a->rs1), rm };
        ir_call(t->ir, &riscv_fp_convert[arg], fp_get(a->rd), 2, args);
    }
}

void riscv_tr_fp_to_int(Translator *t, const RiscvArgs *a, unsigned arg)
{
    IrRef rm = fp_rounding(t, a);
    if (rm != IR_NONE) {
        IrRef args[2] = { fp_get(a->rs1), rm };
        ir_call(t->ir, &riscv_fp_convert[arg], riscv_tr_dst(t, a->rd), 2, args);
    }
}

void riscv_tr_fp_from_int(Translator *t, const RiscvArgs *a, unsigned arg)
{
    IrRef rm = fp_rounding(t, a);
    if (rm != IR_NONE) {
        IrRef args[2] = { riscv_tr_get(t, a->rs1), rm };
        ir_call(t->ir, &riscv_fp_convert[arg], fp_get(a->rd), 2, args);
    }
}

void riscv_tr_fp_cvtmod(Translator *t, const RiscvArgs *a, unsigned arg)
{
    fp_begin(t, a, FP_READY_DIRTY);
    IrRef x = fp_get(a->rs1);
    ir_call(t->ir, &riscv_fp_convert[FP_FCVTMOD_W_D], riscv_tr_dst(t, a->rd), 1, &x);
}
