/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Floating-point helpers that round: arithmetic.
 *
 * Spec: The RISC-V Instruction Set Manual, volume I, chapters F, D, Zfh, Zfa.
 * The arithmetic itself is fpu/.  Values of f registers are NaN-boxed; a narrow operand
 * that is not boxed counts as the default NaN.  The checks that an instruction may run
 * (mstatus.FS, rounding mode) were made by translated code. */
#include "target/riscv/fp-host.h"

static uint64_t fadd_s(CPU *cpu, uint64_t a, uint64_t b, uint32_t rm)
{
    if (host_rounds(cpu, rm) && is_boxed32(a) && is_boxed32(b)) {
        float r = host_f32(a) + host_f32(b);
        if (G_LIKELY(host_plain32(r))) {
            return host_box32(r);
        }
    }
    return box32(fp_add(FP_F32, unbox32(a), unbox32(b), fp_rounded(cpu, rm)));
}

static uint64_t fsub_s(CPU *cpu, uint64_t a, uint64_t b, uint32_t rm)
{
    if (host_rounds(cpu, rm) && is_boxed32(a) && is_boxed32(b)) {
        float r = host_f32(a) - host_f32(b);
        if (G_LIKELY(host_plain32(r))) {
            return host_box32(r);
        }
    }
    return box32(fp_sub(FP_F32, unbox32(a), unbox32(b), fp_rounded(cpu, rm)));
}

static uint64_t fmul_s(CPU *cpu, uint64_t a, uint64_t b, uint32_t rm)
{
    if (host_rounds(cpu, rm) && is_boxed32(a) && is_boxed32(b)) {
        float r = host_f32(a) * host_f32(b);
        if (G_LIKELY(host_plain32(r))) {
            return host_box32(r);
        }
    }
    return box32(fp_mul(FP_F32, unbox32(a), unbox32(b), fp_rounded(cpu, rm)));
}

static uint64_t fdiv_s(CPU *cpu, uint64_t a, uint64_t b, uint32_t rm)
{
    if (host_rounds(cpu, rm) && is_boxed32(a) && is_boxed32(b)) {
        float r = host_f32(a) / host_f32(b);
        if (G_LIKELY(host_plain32(r))) {
            return host_box32(r);
        }
    }
    return box32(fp_div(FP_F32, unbox32(a), unbox32(b), fp_rounded(cpu, rm)));
}

static uint64_t fsqrt_s(CPU *cpu, uint64_t a, uint32_t rm)
{
    if (host_rounds(cpu, rm) && is_boxed32(a)) {
        float r = sqrtf(host_f32(a));
        if (G_LIKELY(host_plain32(r))) {
            return host_box32(r);
        }
    }
    return box32(fp_sqrt(FP_F32, unbox32(a), fp_rounded(cpu, rm)));
}

static uint64_t fround_s(CPU *cpu, uint64_t a, uint32_t rm)
{
    return box32(fp_round(FP_F32, unbox32(a), fp_rounded(cpu, rm)));
}

static uint64_t froundnx_s(CPU *cpu, uint64_t a, uint32_t rm)
{
    return box32(fp_roundnx(FP_F32, unbox32(a), fp_rounded(cpu, rm)));
}

static uint64_t fmadd_s(CPU *cpu, uint64_t a, uint64_t b, uint64_t c, uint32_t rm)
{
    if (host_rounds(cpu, rm) && host_has_fma() && is_boxed32(a) && is_boxed32(b) && is_boxed32(c)) {
        float r = host_fma32(host_f32(a), host_f32(b), host_f32(c));
        if (G_LIKELY(host_plain32(r))) {
            return host_box32(r);
        }
    }
    return box32(fp_fmadd(FP_F32, unbox32(a), unbox32(b), unbox32(c), fp_rounded(cpu, rm)));
}

static uint64_t fmsub_s(CPU *cpu, uint64_t a, uint64_t b, uint64_t c, uint32_t rm)
{
    if (host_rounds(cpu, rm) && host_has_fma() && is_boxed32(a) && is_boxed32(b) && is_boxed32(c)) {
        float r = host_fma32(host_f32(a), host_f32(b), -host_f32(c));
        if (G_LIKELY(host_plain32(r))) {
            return host_box32(r);
        }
    }
    return box32(fp_fmsub(FP_F32, unbox32(a), unbox32(b), unbox32(c), fp_rounded(cpu, rm)));
}

static uint64_t fnmsub_s(CPU *cpu, uint64_t a, uint64_t b, uint64_t c, uint32_t rm)
{
    if (host_rounds(cpu, rm) && host_has_fma() && is_boxed32(a) && is_boxed32(b) && is_boxed32(c)) {
        float r = host_fma32(-host_f32(a), host_f32(b), host_f32(c));
        if (G_LIKELY(host_plain32(r))) {
            return host_box32(r);
        }
    }
    return box32(fp_fnmsub(FP_F32, unbox32(a), unbox32(b), unbox32(c), fp_rounded(cpu, rm)));
}

static uint64_t fnmadd_s(CPU *cpu, uint64_t a, uint64_t b, uint64_t c, uint32_t rm)
{
    if (host_rounds(cpu, rm) && host_has_fma() && is_boxed32(a) && is_boxed32(b) && is_boxed32(c)) {
        float r = host_fma32(-host_f32(a), host_f32(b), -host_f32(c));
        if (G_LIKELY(host_plain32(r))) {
            return host_box32(r);
        }
    }
    return box32(fp_fnmadd(FP_F32, unbox32(a), unbox32(b), unbox32(c), fp_rounded(cpu, rm)));
}

static uint64_t fadd_d(CPU *cpu, uint64_t a, uint64_t b, uint32_t rm)
{
    if (host_rounds(cpu, rm)) {
        double r = host_f64(a) + host_f64(b);
        if (G_LIKELY(host_plain64(r))) {
            return host_bits64(r);
        }
    }
    return fp_add(FP_F64, a, b, fp_rounded(cpu, rm));
}

static uint64_t fsub_d(CPU *cpu, uint64_t a, uint64_t b, uint32_t rm)
{
    if (host_rounds(cpu, rm)) {
        double r = host_f64(a) - host_f64(b);
        if (G_LIKELY(host_plain64(r))) {
            return host_bits64(r);
        }
    }
    return fp_sub(FP_F64, a, b, fp_rounded(cpu, rm));
}

static uint64_t fmul_d(CPU *cpu, uint64_t a, uint64_t b, uint32_t rm)
{
    if (host_rounds(cpu, rm)) {
        double r = host_f64(a) * host_f64(b);
        if (G_LIKELY(host_plain64(r))) {
            return host_bits64(r);
        }
    }
    return fp_mul(FP_F64, a, b, fp_rounded(cpu, rm));
}

static uint64_t fdiv_d(CPU *cpu, uint64_t a, uint64_t b, uint32_t rm)
{
    if (host_rounds(cpu, rm)) {
        double r = host_f64(a) / host_f64(b);
        if (G_LIKELY(host_plain64(r))) {
            return host_bits64(r);
        }
    }
    return fp_div(FP_F64, a, b, fp_rounded(cpu, rm));
}

static uint64_t fsqrt_d(CPU *cpu, uint64_t a, uint32_t rm)
{
    if (host_rounds(cpu, rm)) {
        double r = sqrt(host_f64(a));
        if (G_LIKELY(host_plain64(r))) {
            return host_bits64(r);
        }
    }
    return fp_sqrt(FP_F64, a, fp_rounded(cpu, rm));
}

static uint64_t fround_d(CPU *cpu, uint64_t a, uint32_t rm)
{
    return fp_round(FP_F64, a, fp_rounded(cpu, rm));
}

static uint64_t froundnx_d(CPU *cpu, uint64_t a, uint32_t rm)
{
    return fp_roundnx(FP_F64, a, fp_rounded(cpu, rm));
}

static uint64_t fmadd_d(CPU *cpu, uint64_t a, uint64_t b, uint64_t c, uint32_t rm)
{
    if (host_rounds(cpu, rm) && host_has_fma()) {
        double r = host_fma64(host_f64(a), host_f64(b), host_f64(c));
        if (G_LIKELY(host_plain64(r))) {
            return host_bits64(r);
        }
    }
    return fp_fmadd(FP_F64, a, b, c, fp_rounded(cpu, rm));
}

static uint64_t fmsub_d(CPU *cpu, uint64_t a, uint64_t b, uint64_t c, uint32_t rm)
{
    if (host_rounds(cpu, rm) && host_has_fma()) {
        double r = host_fma64(host_f64(a), host_f64(b), -host_f64(c));
        if (G_LIKELY(host_plain64(r))) {
            return host_bits64(r);
        }
    }
    return fp_fmsub(FP_F64, a, b, c, fp_rounded(cpu, rm));
}

static uint64_t fnmsub_d(CPU *cpu, uint64_t a, uint64_t b, uint64_t c, uint32_t rm)
{
    if (host_rounds(cpu, rm) && host_has_fma()) {
        double r = host_fma64(-host_f64(a), host_f64(b), host_f64(c));
        if (G_LIKELY(host_plain64(r))) {
            return host_bits64(r);
        }
    }
    return fp_fnmsub(FP_F64, a, b, c, fp_rounded(cpu, rm));
}

static uint64_t fnmadd_d(CPU *cpu, uint64_t a, uint64_t b, uint64_t c, uint32_t rm)
{
    if (host_rounds(cpu, rm) && host_has_fma()) {
        double r = host_fma64(-host_f64(a), host_f64(b), -host_f64(c));
        if (G_LIKELY(host_plain64(r))) {
            return host_bits64(r);
        }
    }
    return fp_fnmadd(FP_F64, a, b, c, fp_rounded(cpu, rm));
}

static uint64_t fadd_h(CPU *cpu, uint64_t a, uint64_t b, uint32_t rm)
{
    return box16(fp_add(FP_F16, unbox16(a), unbox16(b), fp_rounded(cpu, rm)));
}

static uint64_t fsub_h(CPU *cpu, uint64_t a, uint64_t b, uint32_t rm)
{
    return box16(fp_sub(FP_F16, unbox16(a), unbox16(b), fp_rounded(cpu, rm)));
}

static uint64_t fmul_h(CPU *cpu, uint64_t a, uint64_t b, uint32_t rm)
{
    return box16(fp_mul(FP_F16, unbox16(a), unbox16(b), fp_rounded(cpu, rm)));
}

static uint64_t fdiv_h(CPU *cpu, uint64_t a, uint64_t b, uint32_t rm)
{
    return box16(fp_div(FP_F16, unbox16(a), unbox16(b), fp_rounded(cpu, rm)));
}

static uint64_t fsqrt_h(CPU *cpu, uint64_t a, uint32_t rm)
{
    return box16(fp_sqrt(FP_F16, unbox16(a), fp_rounded(cpu, rm)));
}

static uint64_t fround_h(CPU *cpu, uint64_t a, uint32_t rm)
{
    return box16(fp_round(FP_F16, unbox16(a), fp_rounded(cpu, rm)));
}

static uint64_t froundnx_h(CPU *cpu, uint64_t a, uint32_t rm)
{
    return box16(fp_roundnx(FP_F16, unbox16(a), fp_rounded(cpu, rm)));
}

static uint64_t fmadd_h(CPU *cpu, uint64_t a, uint64_t b, uint64_t c, uint32_t rm)
{
    return box16(fp_fmadd(FP_F16, unbox16(a), unbox16(b), unbox16(c), fp_rounded(cpu, rm)));
}

static uint64_t fmsub_h(CPU *cpu, uint64_t a, uint64_t b, uint64_t c, uint32_t rm)
{
    return box16(fp_fmsub(FP_F16, unbox16(a), unbox16(b), unbox16(c), fp_rounded(cpu, rm)));
}

static uint64_t fnmsub_h(CPU *cpu, uint64_t a, uint64_t b, uint64_t c, uint32_t rm)
{
    return box16(fp_fnmsub(FP_F16, unbox16(a), unbox16(b), unbox16(c), fp_rounded(cpu, rm)));
}

static uint64_t fnmadd_h(CPU *cpu, uint64_t a, uint64_t b, uint64_t c, uint32_t rm)
{
    return box16(fp_fnmadd(FP_F16, unbox16(a), unbox16(b), unbox16(c), fp_rounded(cpu, rm)));
}

/* clang-format off */
const IrHelper riscv_fp_arith[] = {
    [FP_FADD_S] = { "fadd_s", (void (*)(void))fadd_s, IRH_REPEAT, 3, IR_I64, { IR_I64, IR_I64, IR_I32 } },
    [FP_FSUB_S] = { "fsub_s", (void (*)(void))fsub_s, IRH_REPEAT, 3, IR_I64, { IR_I64, IR_I64, IR_I32 } },
    [FP_FMUL_S] = { "fmul_s", (void (*)(void))fmul_s, IRH_REPEAT, 3, IR_I64, { IR_I64, IR_I64, IR_I32 } },
    [FP_FDIV_S] = { "fdiv_s", (void (*)(void))fdiv_s, IRH_REPEAT, 3, IR_I64, { IR_I64, IR_I64, IR_I32 } },
    [FP_FSQRT_S] = { "fsqrt_s", (void (*)(void))fsqrt_s, IRH_REPEAT, 2, IR_I64, { IR_I64, IR_I32 } },
    [FP_FROUND_S] = { "fround_s", (void (*)(void))fround_s, IRH_REPEAT, 2, IR_I64, { IR_I64, IR_I32 } },
    [FP_FROUNDNX_S] = { "froundnx_s", (void (*)(void))froundnx_s, IRH_REPEAT, 2, IR_I64, { IR_I64, IR_I32 } },
    [FP_FMADD_S] = { "fmadd_s", (void (*)(void))fmadd_s, IRH_REPEAT, 4, IR_I64, { IR_I64, IR_I64, IR_I64, IR_I32 } },
    [FP_FMSUB_S] = { "fmsub_s", (void (*)(void))fmsub_s, IRH_REPEAT, 4, IR_I64, { IR_I64, IR_I64, IR_I64, IR_I32 } },
    [FP_FNMSUB_S] = { "fnmsub_s", (void (*)(void))fnmsub_s, IRH_REPEAT, 4, IR_I64, { IR_I64, IR_I64, IR_I64, IR_I32 } },
    [FP_FNMADD_S] = { "fnmadd_s", (void (*)(void))fnmadd_s, IRH_REPEAT, 4, IR_I64, { IR_I64, IR_I64, IR_I64, IR_I32 } },
    [FP_FADD_D] = { "fadd_d", (void (*)(void))fadd_d, IRH_REPEAT, 3, IR_I64, { IR_I64, IR_I64, IR_I32 } },
    [FP_FSUB_D] = { "fsub_d", (void (*)(void))fsub_d, IRH_REPEAT, 3, IR_I64, { IR_I64, IR_I64, IR_I32 } },
    [FP_FMUL_D] = { "fmul_d", (void (*)(void))fmul_d, IRH_REPEAT, 3, IR_I64, { IR_I64, IR_I64, IR_I32 } },
    [FP_FDIV_D] = { "fdiv_d", (void (*)(void))fdiv_d, IRH_REPEAT, 3, IR_I64, { IR_I64, IR_I64, IR_I32 } },
    [FP_FSQRT_D] = { "fsqrt_d", (void (*)(void))fsqrt_d, IRH_REPEAT, 2, IR_I64, { IR_I64, IR_I32 } },
    [FP_FROUND_D] = { "fround_d", (void (*)(void))fround_d, IRH_REPEAT, 2, IR_I64, { IR_I64, IR_I32 } },
    [FP_FROUNDNX_D] = { "froundnx_d", (void (*)(void))froundnx_d, IRH_REPEAT, 2, IR_I64, { IR_I64, IR_I32 } },
    [FP_FMADD_D] = { "fmadd_d", (void (*)(void))fmadd_d, IRH_REPEAT, 4, IR_I64, { IR_I64, IR_I64, IR_I64, IR_I32 } },
    [FP_FMSUB_D] = { "fmsub_d", (void (*)(void))fmsub_d, IRH_REPEAT, 4, IR_I64, { IR_I64, IR_I64, IR_I64, IR_I32 } },
    [FP_FNMSUB_D] = { "fnmsub_d", (void (*)(void))fnmsub_d, IRH_REPEAT, 4, IR_I64, { IR_I64, IR_I64, IR_I64, IR_I32 } },
    [FP_FNMADD_D] = { "fnmadd_d", (void (*)(void))fnmadd_d, IRH_REPEAT, 4, IR_I64, { IR_I64, IR_I64, IR_I64, IR_I32 } },
    [FP_FADD_H] = { "fadd_h", (void (*)(void))fadd_h, IRH_REPEAT, 3, IR_I64, { IR_I64, IR_I64, IR_I32 } },
    [FP_FSUB_H] = { "fsub_h", (void (*)(void))fsub_h, IRH_REPEAT, 3, IR_I64, { IR_I64, IR_I64, IR_I32 } },
    [FP_FMUL_H] = { "fmul_h", (void (*)(void))fmul_h, IRH_REPEAT, 3, IR_I64, { IR_I64, IR_I64, IR_I32 } },
    [FP_FDIV_H] = { "fdiv_h", (void (*)(void))fdiv_h, IRH_REPEAT, 3, IR_I64, { IR_I64, IR_I64, IR_I32 } },
    [FP_FSQRT_H] = { "fsqrt_h", (void (*)(void))fsqrt_h, IRH_REPEAT, 2, IR_I64, { IR_I64, IR_I32 } },
    [FP_FROUND_H] = { "fround_h", (void (*)(void))fround_h, IRH_REPEAT, 2, IR_I64, { IR_I64, IR_I32 } },
    [FP_FROUNDNX_H] = { "froundnx_h", (void (*)(void))froundnx_h, IRH_REPEAT, 2, IR_I64, { IR_I64, IR_I32 } },
    [FP_FMADD_H] = { "fmadd_h", (void (*)(void))fmadd_h, IRH_REPEAT, 4, IR_I64, { IR_I64, IR_I64, IR_I64, IR_I32 } },
    [FP_FMSUB_H] = { "fmsub_h", (void (*)(void))fmsub_h, IRH_REPEAT, 4, IR_I64, { IR_I64, IR_I64, IR_I64, IR_I32 } },
    [FP_FNMSUB_H] = { "fnmsub_h", (void (*)(void))fnmsub_h, IRH_REPEAT, 4, IR_I64, { IR_I64, IR_I64, IR_I64, IR_I32 } },
    [FP_FNMADD_H] = { "fnmadd_h", (void (*)(void))fnmadd_h, IRH_REPEAT, 4, IR_I64, { IR_I64, IR_I64, IR_I64, IR_I32 } },
};
/* clang-format on */
