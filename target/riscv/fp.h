/* SPDX-License-Identifier: GPL-2.0-or-later */
/* RISC-V floating point: NaN boxing, and the helpers by the argument of their row.
 *
 * Spec: The RISC-V Instruction Set Manual, volume I, chapters F ("NaN Boxing of Narrower
 * Values" in D), Zfh, Zfa. */
#pragma once
#include "fpu/softfloat.h"
#include "target/riscv/cpu.h"

/* Three tables of helpers.  All return what goes to the destination register, and take
 * f registers as they are; the last argument of riscv_fp_arith and riscv_fp_convert is the
 * rounding mode, 0..4 (fcvtmod excepted). */
/* clang-format off */
enum {
    FP_FADD_S, FP_FSUB_S, FP_FMUL_S, FP_FDIV_S, FP_FSQRT_S, FP_FROUND_S, FP_FROUNDNX_S,
    FP_FMADD_S, FP_FMSUB_S, FP_FNMSUB_S, FP_FNMADD_S, FP_FADD_D, FP_FSUB_D, FP_FMUL_D, FP_FDIV_D,
    FP_FSQRT_D, FP_FROUND_D, FP_FROUNDNX_D, FP_FMADD_D, FP_FMSUB_D, FP_FNMSUB_D, FP_FNMADD_D,
    FP_FADD_H, FP_FSUB_H, FP_FMUL_H, FP_FDIV_H, FP_FSQRT_H, FP_FROUND_H, FP_FROUNDNX_H,
    FP_FMADD_H, FP_FMSUB_H, FP_FNMSUB_H, FP_FNMADD_H,
};
enum {
    FP_FMIN_S, FP_FMAX_S, FP_FMINM_S, FP_FMAXM_S, FP_FEQ_S, FP_FLT_S, FP_FLE_S, FP_FLTQ_S,
    FP_FLEQ_S, FP_FCLASS_S, FP_FMIN_D, FP_FMAX_D, FP_FMINM_D, FP_FMAXM_D, FP_FEQ_D, FP_FLT_D,
    FP_FLE_D, FP_FLTQ_D, FP_FLEQ_D, FP_FCLASS_D, FP_FMIN_H, FP_FMAX_H, FP_FMINM_H, FP_FMAXM_H,
    FP_FEQ_H, FP_FLT_H, FP_FLE_H, FP_FLTQ_H, FP_FLEQ_H, FP_FCLASS_H,
};
enum {
    FP_FCVT_W_S, FP_FCVT_WU_S, FP_FCVT_L_S, FP_FCVT_LU_S, FP_FCVT_S_W, FP_FCVT_S_WU, FP_FCVT_S_L,
    FP_FCVT_S_LU, FP_FCVT_W_D, FP_FCVT_WU_D, FP_FCVT_L_D, FP_FCVT_LU_D, FP_FCVT_D_W, FP_FCVT_D_WU,
    FP_FCVT_D_L, FP_FCVT_D_LU, FP_FCVT_W_H, FP_FCVT_WU_H, FP_FCVT_L_H, FP_FCVT_LU_H, FP_FCVT_H_W,
    FP_FCVT_H_WU, FP_FCVT_H_L, FP_FCVT_H_LU, FP_FCVT_S_D, FP_FCVT_D_S, FP_FCVT_S_H, FP_FCVT_H_S,
    FP_FCVT_D_H, FP_FCVT_H_D, FP_FCVTMOD_W_D,
};
/* clang-format on */
extern const IrHelper riscv_fp_arith[], riscv_fp_compare[], riscv_fp_convert[];

static inline uint64_t box32(uint32_t v)
{
    return v | UINT64_C(0xffffffff) << 32;
}
static inline uint64_t box16(uint16_t v)
{
    return v | ~UINT64_C(0xffff);
}
static inline uint32_t unbox32(uint64_t f)
{
    return f >> 32 == UINT32_MAX ? (uint32_t)f : F32_DEFAULT_NAN;
}
static inline uint16_t unbox16(uint64_t f)
{
    return f >= ~UINT64_C(0xffff) ? (uint16_t)f : F16_DEFAULT_NAN;
}

/* fflags accumulates in the status. */
static inline FpStatus *fp_status(CPU *cpu)
{
    return &riscv_cpu(cpu)->s.fp;
}
static inline FpStatus *fp_rounded(CPU *cpu, uint32_t rm)
{
    FpStatus *s = fp_status(cpu);
    s->rounding = (uint8_t)rm;
    return s;
}
