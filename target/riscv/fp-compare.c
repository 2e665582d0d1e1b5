/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Floating-point helpers that do not round: minimum, maximum, comparison, class.
 *
 * Spec: The RISC-V Instruction Set Manual, volume I, chapters F, D, Zfh, Zfa.
 * The arithmetic itself is fpu/.  Values of f registers are NaN-boxed; a narrow operand
 * that is not boxed counts as the default NaN.  The checks that an instruction may run
 * (mstatus.FS, rounding mode) were made by translated code. */
#include "target/riscv/fp-host.h"

static uint64_t fmin_s(CPU *cpu, uint64_t a, uint64_t b)
{
    return box32(fp_min(FP_F32, unbox32(a), unbox32(b), fp_status(cpu)));
}

static uint64_t fmax_s(CPU *cpu, uint64_t a, uint64_t b)
{
    return box32(fp_max(FP_F32, unbox32(a), unbox32(b), fp_status(cpu)));
}

static uint64_t fminm_s(CPU *cpu, uint64_t a, uint64_t b)
{
    return box32(fp_minm(FP_F32, unbox32(a), unbox32(b), fp_status(cpu)));
}

static uint64_t fmaxm_s(CPU *cpu, uint64_t a, uint64_t b)
{
    return box32(fp_maxm(FP_F32, unbox32(a), unbox32(b), fp_status(cpu)));
}

static uint64_t feq_s(CPU *cpu, uint64_t a, uint64_t b)
{
    float x = host_f32(a), y = host_f32(b);
    if (G_LIKELY(is_boxed32(a) && is_boxed32(b) && !isunordered(x, y))) {
        return x == y;
    }
    return fp_eq(FP_F32, unbox32(a), unbox32(b), fp_status(cpu));
}

static uint64_t flt_s(CPU *cpu, uint64_t a, uint64_t b)
{
    float x = host_f32(a), y = host_f32(b);
    if (G_LIKELY(is_boxed32(a) && is_boxed32(b) && !isunordered(x, y))) {
        return x < y;
    }
    return fp_lt(FP_F32, unbox32(a), unbox32(b), fp_status(cpu));
}

static uint64_t fle_s(CPU *cpu, uint64_t a, uint64_t b)
{
    float x = host_f32(a), y = host_f32(b);
    if (G_LIKELY(is_boxed32(a) && is_boxed32(b) && !isunordered(x, y))) {
        return x <= y;
    }
    return fp_le(FP_F32, unbox32(a), unbox32(b), fp_status(cpu));
}

static uint64_t fltq_s(CPU *cpu, uint64_t a, uint64_t b)
{
    return fp_ltq(FP_F32, unbox32(a), unbox32(b), fp_status(cpu));
}

static uint64_t fleq_s(CPU *cpu, uint64_t a, uint64_t b)
{
    return fp_leq(FP_F32, unbox32(a), unbox32(b), fp_status(cpu));
}

static uint64_t fclass_s(CPU *cpu, uint64_t a)
{
    return fp_classify(FP_F32, unbox32(a));
}

static uint64_t fmin_d(CPU *cpu, uint64_t a, uint64_t b)
{
    return fp_min(FP_F64, a, b, fp_status(cpu));
}

static uint64_t fmax_d(CPU *cpu, uint64_t a, uint64_t b)
{
    return fp_max(FP_F64, a, b, fp_status(cpu));
}

static uint64_t fminm_d(CPU *cpu, uint64_t a, uint64_t b)
{
    return fp_minm(FP_F64, a, b, fp_status(cpu));
}

static uint64_t fmaxm_d(CPU *cpu, uint64_t a, uint64_t b)
{
    return fp_maxm(FP_F64, a, b, fp_status(cpu));
}

static uint64_t feq_d(CPU *cpu, uint64_t a, uint64_t b)
{
    double x = host_f64(a), y = host_f64(b);
    if (G_LIKELY(!isunordered(x, y))) {
        return x == y;
    }
    return fp_eq(FP_F64, a, b, fp_status(cpu));
}

static uint64_t flt_d(CPU *cpu, uint64_t a, uint64_t b)
{
    double x = host_f64(a), y = host_f64(b);
    if (G_LIKELY(!isunordered(x, y))) {
        return x < y;
    }
    return fp_lt(FP_F64, a, b, fp_status(cpu));
}

static uint64_t fle_d(CPU *cpu, uint64_t a, uint64_t b)
{
    double x = host_f64(a), y = host_f64(b);
    if (G_LIKELY(!isunordered(x, y))) {
        return x <= y;
    }
    return fp_le(FP_F64, a, b, fp_status(cpu));
}

static uint64_t fltq_d(CPU *cpu, uint64_t a, uint64_t b)
{
    return fp_ltq(FP_F64, a, b, fp_status(cpu));
}

static uint64_t fleq_d(CPU *cpu, uint64_t a, uint64_t b)
{
    return fp_leq(FP_F64, a, b, fp_status(cpu));
}

static uint64_t fclass_d(CPU *cpu, uint64_t a)
{
    return fp_classify(FP_F64, a);
}

static uint64_t fmin_h(CPU *cpu, uint64_t a, uint64_t b)
{
    return box16(fp_min(FP_F16, unbox16(a), unbox16(b), fp_status(cpu)));
}

static uint64_t fmax_h(CPU *cpu, uint64_t a, uint64_t b)
{
    return box16(fp_max(FP_F16, unbox16(a), unbox16(b), fp_status(cpu)));
}

static uint64_t fminm_h(CPU *cpu, uint64_t a, uint64_t b)
{
    return box16(fp_minm(FP_F16, unbox16(a), unbox16(b), fp_status(cpu)));
}

static uint64_t fmaxm_h(CPU *cpu, uint64_t a, uint64_t b)
{
    return box16(fp_maxm(FP_F16, unbox16(a), unbox16(b), fp_status(cpu)));
}

static uint64_t feq_h(CPU *cpu, uint64_t a, uint64_t b)
{
    return fp_eq(FP_F16, unbox16(a), unbox16(b), fp_status(cpu));
}

static uint64_t flt_h(CPU *cpu, uint64_t a, uint64_t b)
{
    return fp_lt(FP_F16, unbox16(a), unbox16(b), fp_status(cpu));
}

static uint64_t fle_h(CPU *cpu, uint64_t a, uint64_t b)
{
    return fp_le(FP_F16, unbox16(a), unbox16(b), fp_status(cpu));
}

static uint64_t fltq_h(CPU *cpu, uint64_t a, uint64_t b)
{
    return fp_ltq(FP_F16, unbox16(a), unbox16(b), fp_status(cpu));
}

static uint64_t fleq_h(CPU *cpu, uint64_t a, uint64_t b)
{
    return fp_leq(FP_F16, unbox16(a), unbox16(b), fp_status(cpu));
}

static uint64_t fclass_h(CPU *cpu, uint64_t a)
{
    return fp_classify(FP_F16, unbox16(a));
}

const IrHelper riscv_fp_compare[] = {
    [FP_FMIN_S] = IR_HELPER2("fmin_s", fmin_s, IRH_REPEAT, I64, I64, I64),
    [FP_FMAX_S] = IR_HELPER2("fmax_s", fmax_s, IRH_REPEAT, I64, I64, I64),
    [FP_FMINM_S] = IR_HELPER2("fminm_s", fminm_s, IRH_REPEAT, I64, I64, I64),
    [FP_FMAXM_S] = IR_HELPER2("fmaxm_s", fmaxm_s, IRH_REPEAT, I64, I64, I64),
    [FP_FEQ_S] = IR_HELPER2("feq_s", feq_s, IRH_REPEAT, I64, I64, I64),
    [FP_FLT_S] = IR_HELPER2("flt_s", flt_s, IRH_REPEAT, I64, I64, I64),
    [FP_FLE_S] = IR_HELPER2("fle_s", fle_s, IRH_REPEAT, I64, I64, I64),
    [FP_FLTQ_S] = IR_HELPER2("fltq_s", fltq_s, IRH_REPEAT, I64, I64, I64),
    [FP_FLEQ_S] = IR_HELPER2("fleq_s", fleq_s, IRH_REPEAT, I64, I64, I64),
    [FP_FCLASS_S] = IR_HELPER1("fclass_s", fclass_s, IRH_PURE, I64, I64),
    [FP_FMIN_D] = IR_HELPER2("fmin_d", fmin_d, IRH_REPEAT, I64, I64, I64),
    [FP_FMAX_D] = IR_HELPER2("fmax_d", fmax_d, IRH_REPEAT, I64, I64, I64),
    [FP_FMINM_D] = IR_HELPER2("fminm_d", fminm_d, IRH_REPEAT, I64, I64, I64),
    [FP_FMAXM_D] = IR_HELPER2("fmaxm_d", fmaxm_d, IRH_REPEAT, I64, I64, I64),
    [FP_FEQ_D] = IR_HELPER2("feq_d", feq_d, IRH_REPEAT, I64, I64, I64),
    [FP_FLT_D] = IR_HELPER2("flt_d", flt_d, IRH_REPEAT, I64, I64, I64),
    [FP_FLE_D] = IR_HELPER2("fle_d", fle_d, IRH_REPEAT, I64, I64, I64),
    [FP_FLTQ_D] = IR_HELPER2("fltq_d", fltq_d, IRH_REPEAT, I64, I64, I64),
    [FP_FLEQ_D] = IR_HELPER2("fleq_d", fleq_d, IRH_REPEAT, I64, I64, I64),
    [FP_FCLASS_D] = IR_HELPER1("fclass_d", fclass_d, IRH_PURE, I64, I64),
    [FP_FMIN_H] = IR_HELPER2("fmin_h", fmin_h, IRH_REPEAT, I64, I64, I64),
    [FP_FMAX_H] = IR_HELPER2("fmax_h", fmax_h, IRH_REPEAT, I64, I64, I64),
    [FP_FMINM_H] = IR_HELPER2("fminm_h", fminm_h, IRH_REPEAT, I64, I64, I64),
    [FP_FMAXM_H] = IR_HELPER2("fmaxm_h", fmaxm_h, IRH_REPEAT, I64, I64, I64),
    [FP_FEQ_H] = IR_HELPER2("feq_h", feq_h, IRH_REPEAT, I64, I64, I64),
    [FP_FLT_H] = IR_HELPER2("flt_h", flt_h, IRH_REPEAT, I64, I64, I64),
    [FP_FLE_H] = IR_HELPER2("fle_h", fle_h, IRH_REPEAT, I64, I64, I64),
    [FP_FLTQ_H] = IR_HELPER2("fltq_h", fltq_h, IRH_REPEAT, I64, I64, I64),
    [FP_FLEQ_H] = IR_HELPER2("fleq_h", fleq_h, IRH_REPEAT, I64, I64, I64),
    [FP_FCLASS_H] = IR_HELPER1("fclass_h", fclass_h, IRH_PURE, I64, I64),
};
