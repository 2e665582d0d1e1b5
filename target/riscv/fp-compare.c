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
    [FP_FMIN_S] = { "fmin_s", (void (*)(void))fmin_s, IRH_REPEAT, 2, IR_I64, { IR_I64, IR_I64 } },
    [FP_FMAX_S] = { "fmax_s", (void (*)(void))fmax_s, IRH_REPEAT, 2, IR_I64, { IR_I64, IR_I64 } },
    [FP_FMINM_S] = { "fminm_s", (void (*)(void))fminm_s, IRH_REPEAT, 2, IR_I64, { IR_I64, IR_I64 } },
    [FP_FMAXM_S] = { "fmaxm_s", (void (*)(void))fmaxm_s, IRH_REPEAT, 2, IR_I64, { IR_I64, IR_I64 } },
    [FP_FEQ_S] = { "feq_s", (void (*)(void))feq_s, IRH_REPEAT, 2, IR_I64, { IR_I64, IR_I64 } },
    [FP_FLT_S] = { "flt_s", (void (*)(void))flt_s, IRH_REPEAT, 2, IR_I64, { IR_I64, IR_I64 } },
    [FP_FLE_S] = { "fle_s", (void (*)(void))fle_s, IRH_REPEAT, 2, IR_I64, { IR_I64, IR_I64 } },
    [FP_FLTQ_S] = { "fltq_s", (void (*)(void))fltq_s, IRH_REPEAT, 2, IR_I64, { IR_I64, IR_I64 } },
    [FP_FLEQ_S] = { "fleq_s", (void (*)(void))fleq_s, IRH_REPEAT, 2, IR_I64, { IR_I64, IR_I64 } },
    [FP_FCLASS_S] = { "fclass_s", (void (*)(void))fclass_s, IRH_PURE, 1, IR_I64, { IR_I64 } },
    [FP_FMIN_D] = { "fmin_d", (void (*)(void))fmin_d, IRH_REPEAT, 2, IR_I64, { IR_I64, IR_I64 } },
    [FP_FMAX_D] = { "fmax_d", (void (*)(void))fmax_d, IRH_REPEAT, 2, IR_I64, { IR_I64, IR_I64 } },
    [FP_FMINM_D] = { "fminm_d", (void (*)(void))fminm_d, IRH_REPEAT, 2, IR_I64, { IR_I64, IR_I64 } },
    [FP_FMAXM_D] = { "fmaxm_d", (void (*)(void))fmaxm_d, IRH_REPEAT, 2, IR_I64, { IR_I64, IR_I64 } },
    [FP_FEQ_D] = { "feq_d", (void (*)(void))feq_d, IRH_REPEAT, 2, IR_I64, { IR_I64, IR_I64 } },
    [FP_FLT_D] = { "flt_d", (void (*)(void))flt_d, IRH_REPEAT, 2, IR_I64, { IR_I64, IR_I64 } },
    [FP_FLE_D] = { "fle_d", (void (*)(void))fle_d, IRH_REPEAT, 2, IR_I64, { IR_I64, IR_I64 } },
    [FP_FLTQ_D] = { "fltq_d", (void (*)(void))fltq_d, IRH_REPEAT, 2, IR_I64, { IR_I64, IR_I64 } },
    [FP_FLEQ_D] = { "fleq_d", (void (*)(void))fleq_d, IRH_REPEAT, 2, IR_I64, { IR_I64, IR_I64 } },
    [FP_FCLASS_D] = { "fclass_d", (void (*)(void))fclass_d, IRH_PURE, 1, IR_I64, { IR_I64 } },
    [FP_FMIN_H] = { "fmin_h", (void (*)(void))fmin_h, IRH_REPEAT, 2, IR_I64, { IR_I64, IR_I64 } },
    [FP_FMAX_H] = { "fmax_h", (void (*)(void))fmax_h, IRH_REPEAT, 2, IR_I64, { IR_I64, IR_I64 } },
    [FP_FMINM_H] = { "fminm_h", (void (*)(void))fminm_h, IRH_REPEAT, 2, IR_I64, { IR_I64, IR_I64 } },
    [FP_FMAXM_H] = { "fmaxm_h", (void (*)(void))fmaxm_h, IRH_REPEAT, 2, IR_I64, { IR_I64, IR_I64 } },
    [FP_FEQ_H] = { "feq_h", (void (*)(void))feq_h, IRH_REPEAT, 2, IR_I64, { IR_I64, IR_I64 } },
    [FP_FLT_H] = { "flt_h", (void (*)(void))flt_h, IRH_REPEAT, 2, IR_I64, { IR_I64, IR_I64 } },
    [FP_FLE_H] = { "fle_h", (void (*)(void))fle_h, IRH_REPEAT, 2, IR_I64, { IR_I64, IR_I64 } },
    [FP_FLTQ_H] = { "fltq_h", (void (*)(void))fltq_h, IRH_REPEAT, 2, IR_I64, { IR_I64, IR_I64 } },
    [FP_FLEQ_H] = { "fleq_h", (void (*)(void))fleq_h, IRH_REPEAT, 2, IR_I64, { IR_I64, IR_I64 } },
    [FP_FCLASS_H] = { "fclass_h", (void (*)(void))fclass_h, IRH_PURE, 1, IR_I64, { IR_I64 } },
};
