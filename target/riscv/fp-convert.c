/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Floating-point helpers: conversions between formats and to and from integers.
 *
 * Spec: The RISC-V Instruction Set Manual, volume I, chapters F, D, Zfh, Zfa.
 * The arithmetic itself is fpu/.  Values of f registers are NaN-boxed; a narrow operand
 * that is not boxed counts as the default NaN.  The checks that an instruction may run
 * (mstatus.FS, rounding mode) were made by translated code. */
#include "target/riscv/fp-host.h"

/* Results of 32 bits are sign extended, those of unsigned conversions too. */

static uint64_t fcvt_w_s(CPU *cpu, uint64_t a, uint32_t rm)
{
    float x = host_f32(a);
    if (rm == FP_RTZ && is_boxed32(a) && fabs(x) < 0x1p31) {
        int32_t r = x;
        fp_status(cpu)->flags |= (double)r != x ? FP_NX : 0;
        return r;
    }
    return fp_to_i32(FP_F32, unbox32(a), fp_rounded(cpu, rm));
}

static uint64_t fcvt_wu_s(CPU *cpu, uint64_t a, uint32_t rm)
{
    return (int32_t)fp_to_u32(FP_F32, unbox32(a), fp_rounded(cpu, rm));
}

static uint64_t fcvt_l_s(CPU *cpu, uint64_t a, uint32_t rm)
{
    float x = host_f32(a);
    if (rm == FP_RTZ && is_boxed32(a) && fabs(x) < 0x1p62) {
        int64_t r = x;
        fp_status(cpu)->flags |= (float)r != x ? FP_NX : 0;
        return r;
    }
    return fp_to_i64(FP_F32, unbox32(a), fp_rounded(cpu, rm));
}

static uint64_t fcvt_lu_s(CPU *cpu, uint64_t a, uint32_t rm)
{
    return fp_to_u64(FP_F32, unbox32(a), fp_rounded(cpu, rm));
}

static uint64_t fcvt_s_w(CPU *cpu, uint64_t a, uint32_t rm)
{
    if (host_rounds(cpu, rm)) {
        return host_box32((float)(int32_t)a);
    }
    return box32(fp_from_i64(FP_F32, (int32_t)a, fp_rounded(cpu, rm)));
}

static uint64_t fcvt_s_wu(CPU *cpu, uint64_t a, uint32_t rm)
{
    if (host_rounds(cpu, rm)) {
        return host_box32((float)(uint32_t)a);
    }
    return box32(fp_from_u64(FP_F32, (uint32_t)a, fp_rounded(cpu, rm)));
}

static uint64_t fcvt_s_l(CPU *cpu, uint64_t a, uint32_t rm)
{
    if (host_rounds(cpu, rm)) {
        return host_box32((float)(int64_t)a);
    }
    return box32(fp_from_i64(FP_F32, a, fp_rounded(cpu, rm)));
}

static uint64_t fcvt_s_lu(CPU *cpu, uint64_t a, uint32_t rm)
{
    if (host_rounds(cpu, rm)) {
        return host_box32((float)(uint64_t)a);
    }
    return box32(fp_from_u64(FP_F32, a, fp_rounded(cpu, rm)));
}

static uint64_t fcvt_w_d(CPU *cpu, uint64_t a, uint32_t rm)
{
    double x = host_f64(a);
    if (rm == FP_RTZ && fabs(x) < 0x1p31) {
        int32_t r = x;
        fp_status(cpu)->flags |= (double)r != x ? FP_NX : 0;
        return r;
    }
    return fp_to_i32(FP_F64, a, fp_rounded(cpu, rm));
}

static uint64_t fcvt_wu_d(CPU *cpu, uint64_t a, uint32_t rm)
{
    return (int32_t)fp_to_u32(FP_F64, a, fp_rounded(cpu, rm));
}

static uint64_t fcvt_l_d(CPU *cpu, uint64_t a, uint32_t rm)
{
    double x = host_f64(a);
    if (rm == FP_RTZ && fabs(x) < 0x1p62) {
        int64_t r = x;
        fp_status(cpu)->flags |= (double)r != x ? FP_NX : 0;
        return r;
    }
    return fp_to_i64(FP_F64, a, fp_rounded(cpu, rm));
}

static uint64_t fcvt_lu_d(CPU *cpu, uint64_t a, uint32_t rm)
{
    return fp_to_u64(FP_F64, a, fp_rounded(cpu, rm));
}

static uint64_t fcvt_d_w(CPU *cpu, uint64_t a, uint32_t rm)
{
    return host_bits64((int32_t)a); /* exact */
}

static uint64_t fcvt_d_wu(CPU *cpu, uint64_t a, uint32_t rm)
{
    return host_bits64((uint32_t)a); /* exact */
}

static uint64_t fcvt_d_l(CPU *cpu, uint64_t a, uint32_t rm)
{
    if (host_rounds(cpu, rm)) {
        return host_bits64((double)(int64_t)a);
    }
    return fp_from_i64(FP_F64, a, fp_rounded(cpu, rm));
}

static uint64_t fcvt_d_lu(CPU *cpu, uint64_t a, uint32_t rm)
{
    if (host_rounds(cpu, rm)) {
        return host_bits64((double)(uint64_t)a);
    }
    return fp_from_u64(FP_F64, a, fp_rounded(cpu, rm));
}

static uint64_t fcvt_w_h(CPU *cpu, uint64_t a, uint32_t rm)
{
    return fp_to_i32(FP_F16, unbox16(a), fp_rounded(cpu, rm));
}

static uint64_t fcvt_wu_h(CPU *cpu, uint64_t a, uint32_t rm)
{
    return (int32_t)fp_to_u32(FP_F16, unbox16(a), fp_rounded(cpu, rm));
}

static uint64_t fcvt_l_h(CPU *cpu, uint64_t a, uint32_t rm)
{
    return fp_to_i64(FP_F16, unbox16(a), fp_rounded(cpu, rm));
}

static uint64_t fcvt_lu_h(CPU *cpu, uint64_t a, uint32_t rm)
{
    return fp_to_u64(FP_F16, unbox16(a), fp_rounded(cpu, rm));
}

static uint64_t fcvt_h_w(CPU *cpu, uint64_t a, uint32_t rm)
{
    return box16(fp_from_i64(FP_F16, (int32_t)a, fp_rounded(cpu, rm)));
}

static uint64_t fcvt_h_wu(CPU *cpu, uint64_t a, uint32_t rm)
{
    return box16(fp_from_u64(FP_F16, (uint32_t)a, fp_rounded(cpu, rm)));
}

static uint64_t fcvt_h_l(CPU *cpu, uint64_t a, uint32_t rm)
{
    return box16(fp_from_i64(FP_F16, a, fp_rounded(cpu, rm)));
}

static uint64_t fcvt_h_lu(CPU *cpu, uint64_t a, uint32_t rm)
{
    return box16(fp_from_u64(FP_F16, a, fp_rounded(cpu, rm)));
}

static uint64_t fcvt_s_d(CPU *cpu, uint64_t a, uint32_t rm)
{
    if (host_rounds(cpu, rm)) {
        float r = host_f64(a);
        if (G_LIKELY(host_plain32(r))) {
            return host_box32(r);
        }
    }
    return box32(fp_convert(FP_F64, a, FP_F32, fp_rounded(cpu, rm)));
}

static uint64_t fcvt_d_s(CPU *cpu, uint64_t a, uint32_t rm)
{
    double r = host_f32(a);
    if (is_boxed32(a) && isfinite(r)) {
        return host_bits64(r); /* exact */
    }
    return fp_convert(FP_F32, unbox32(a), FP_F64, fp_rounded(cpu, rm));
}

static uint64_t fcvt_s_h(CPU *cpu, uint64_t a, uint32_t rm)
{
    return box32(fp_convert(FP_F16, unbox16(a), FP_F32, fp_rounded(cpu, rm)));
}

static uint64_t fcvt_h_s(CPU *cpu, uint64_t a, uint32_t rm)
{
    return box16(fp_convert(FP_F32, unbox32(a), FP_F16, fp_rounded(cpu, rm)));
}

static uint64_t fcvt_d_h(CPU *cpu, uint64_t a, uint32_t rm)
{
    return fp_convert(FP_F16, unbox16(a), FP_F64, fp_rounded(cpu, rm));
}

static uint64_t fcvt_h_d(CPU *cpu, uint64_t a, uint32_t rm)
{
    return box16(fp_convert(FP_F64, a, FP_F16, fp_rounded(cpu, rm)));
}

static uint64_t fcvtmod_w_d(CPU *cpu, uint64_t a)
{
    return fp_to_i32_mod(FP_F64, a, fp_status(cpu));
}

const IrHelper riscv_fp_convert[] = {
    [FP_FCVT_W_S] = IR_HELPER2("fcvt_w_s", fcvt_w_s, IRH_REPEAT, I64, I64, I32),
    [FP_FCVT_WU_S] = IR_HELPER2("fcvt_wu_s", fcvt_wu_s, IRH_REPEAT, I64, I64, I32),
    [FP_FCVT_L_S] = IR_HELPER2("fcvt_l_s", fcvt_l_s, IRH_REPEAT, I64, I64, I32),
    [FP_FCVT_LU_S] = IR_HELPER2("fcvt_lu_s", fcvt_lu_s, IRH_REPEAT, I64, I64, I32),
    [FP_FCVT_S_W] = IR_HELPER2("fcvt_s_w", fcvt_s_w, IRH_REPEAT, I64, I64, I32),
    [FP_FCVT_S_WU] = IR_HELPER2("fcvt_s_wu", fcvt_s_wu, IRH_REPEAT, I64, I64, I32),
    [FP_FCVT_S_L] = IR_HELPER2("fcvt_s_l", fcvt_s_l, IRH_REPEAT, I64, I64, I32),
    [FP_FCVT_S_LU] = IR_HELPER2("fcvt_s_lu", fcvt_s_lu, IRH_REPEAT, I64, I64, I32),
    [FP_FCVT_W_D] = IR_HELPER2("fcvt_w_d", fcvt_w_d, IRH_REPEAT, I64, I64, I32),
    [FP_FCVT_WU_D] = IR_HELPER2("fcvt_wu_d", fcvt_wu_d, IRH_REPEAT, I64, I64, I32),
    [FP_FCVT_L_D] = IR_HELPER2("fcvt_l_d", fcvt_l_d, IRH_REPEAT, I64, I64, I32),
    [FP_FCVT_LU_D] = IR_HELPER2("fcvt_lu_d", fcvt_lu_d, IRH_REPEAT, I64, I64, I32),
    [FP_FCVT_D_W] = IR_HELPER2("fcvt_d_w", fcvt_d_w, IRH_REPEAT, I64, I64, I32),
    [FP_FCVT_D_WU] = IR_HELPER2("fcvt_d_wu", fcvt_d_wu, IRH_REPEAT, I64, I64, I32),
    [FP_FCVT_D_L] = IR_HELPER2("fcvt_d_l", fcvt_d_l, IRH_REPEAT, I64, I64, I32),
    [FP_FCVT_D_LU] = IR_HELPER2("fcvt_d_lu", fcvt_d_lu, IRH_REPEAT, I64, I64, I32),
    [FP_FCVT_W_H] = IR_HELPER2("fcvt_w_h", fcvt_w_h, IRH_REPEAT, I64, I64, I32),
    [FP_FCVT_WU_H] = IR_HELPER2("fcvt_wu_h", fcvt_wu_h, IRH_REPEAT, I64, I64, I32),
    [FP_FCVT_L_H] = IR_HELPER2("fcvt_l_h", fcvt_l_h, IRH_REPEAT, I64, I64, I32),
    [FP_FCVT_LU_H] = IR_HELPER2("fcvt_lu_h", fcvt_lu_h, IRH_REPEAT, I64, I64, I32),
    [FP_FCVT_H_W] = IR_HELPER2("fcvt_h_w", fcvt_h_w, IRH_REPEAT, I64, I64, I32),
    [FP_FCVT_H_WU] = IR_HELPER2("fcvt_h_wu", fcvt_h_wu, IRH_REPEAT, I64, I64, I32),
    [FP_FCVT_H_L] = IR_HELPER2("fcvt_h_l", fcvt_h_l, IRH_REPEAT, I64, I64, I32),
    [FP_FCVT_H_LU] = IR_HELPER2("fcvt_h_lu", fcvt_h_lu, IRH_REPEAT, I64, I64, I32),
    [FP_FCVT_S_D] = IR_HELPER2("fcvt_s_d", fcvt_s_d, IRH_REPEAT, I64, I64, I32),
    [FP_FCVT_D_S] = IR_HELPER2("fcvt_d_s", fcvt_d_s, IRH_REPEAT, I64, I64, I32),
    [FP_FCVT_S_H] = IR_HELPER2("fcvt_s_h", fcvt_s_h, IRH_REPEAT, I64, I64, I32),
    [FP_FCVT_H_S] = IR_HELPER2("fcvt_h_s", fcvt_h_s, IRH_REPEAT, I64, I64, I32),
    [FP_FCVT_D_H] = IR_HELPER2("fcvt_d_h", fcvt_d_h, IRH_REPEAT, I64, I64, I32),
    [FP_FCVT_H_D] = IR_HELPER2("fcvt_h_d", fcvt_h_d, IRH_REPEAT, I64, I64, I32),
    [FP_FCVTMOD_W_D] = IR_HELPER1("fcvtmod_w_d", fcvtmod_w_d, IRH_REPEAT, I64, I64),
};
