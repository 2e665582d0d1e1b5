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
    [FP_FADD_S] = IR_HELPER3("fadd_s", fadd_s, IRH_REPEAT, I64, I64, I64, I32),
    [FP_FSUB_S] = IR_HELPER3("fsub_s", fsub_s, IRH_REPEAT, I64, I64, I64, I32),
    [FP_FMUL_S] = IR_HELPER3("fmul_s", fmul_s, IRH_REPEAT, I64, I64, I64, I32),
    [FP_FDIV_S] = IR_HELPER3("fdiv_s", fdiv_s, IRH_REPEAT, I64, I64, I64, I32),
    [FP_FSQRT_S] = IR_HELPER2("fsqrt_s", fsqrt_s, IRH_REPEAT, I64, I64, I32),
    [FP_FROUND_S] = IR_HELPER2("fround_s", fround_s, IRH_REPEAT, I64, I64, I32),
    [FP_FROUNDNX_S] = IR_HELPER2("froundnx_s", froundnx_s, IRH_REPEAT, I64, I64, I32),
    [FP_FMADD_S] = IR_HELPER4("fmadd_s", fmadd_s, IRH_REPEAT, I64, I64, I64, I64, I32),
    [FP_FMSUB_S] = IR_HELPER4("fmsub_s", fmsub_s, IRH_REPEAT, I64, I64, I64, I64, I32),
    [FP_FNMSUB_S] = IR_HELPER4("fnmsub_s", fnmsub_s, IRH_REPEAT, I64, I64, I64, I64, I32),
    [FP_FNMADD_S] = IR_HELPER4("fnmadd_s", fnmadd_s, IRH_REPEAT, I64, I64, I64, I64, I32),
    [FP_FADD_D] = IR_HELPER3("fadd_d", fadd_d, IRH_REPEAT, I64, I64, I64, I32),
    [FP_FSUB_D] = IR_HELPER3("fsub_d", fsub_d, IRH_REPEAT, I64, I64, I64, I32),
    [FP_FMUL_D] = IR_HELPER3("fmul_d", fmul_d, IRH_REPEAT, I64, I64, I64, I32),
    [FP_FDIV_D] = IR_HELPER3("fdiv_d", fdiv_d, IRH_REPEAT, I64, I64, I64, I32),
    [FP_FSQRT_D] = IR_HELPER2("fsqrt_d", fsqrt_d, IRH_REPEAT, I64, I64, I32),
    [FP_FROUND_D] = IR_HELPER2("fround_d", fround_d, IRH_REPEAT, I64, I64, I32),
    [FP_FROUNDNX_D] = IR_HELPER2("froundnx_d", froundnx_d, IRH_REPEAT, I64, I64, I32),
    [FP_FMADD_D] = IR_HELPER4("fmadd_d", fmadd_d, IRH_REPEAT, I64, I64, I64, I64, I32),
    [FP_FMSUB_D] = IR_HELPER4("fmsub_d", fmsub_d, IRH_REPEAT, I64, I64, I64, I64, I32),
    [FP_FNMSUB_D] = IR_HELPER4("fnmsub_d", fnmsub_d, IRH_REPEAT, I64, I64, I64, I64, I32),
    [FP_FNMADD_D] = IR_HELPER4("fnmadd_d", fnmadd_d, IRH_REPEAT, I64, I64, I64, I64, I32),
    [FP_FADD_H] = IR_HELPER3("fadd_h", fadd_h, IRH_REPEAT, I64, I64, I64, I32),
    [FP_FSUB_H] = IR_HELPER3("fsub_h", fsub_h, IRH_REPEAT, I64, I64, I64, I32),
    [FP_FMUL_H] = IR_HELPER3("fmul_h", fmul_h, IRH_REPEAT, I64, I64, I64, I32),
    [FP_FDIV_H] = IR_HELPER3("fdiv_h", fdiv_h, IRH_REPEAT, I64, I64, I64, I32),
    [FP_FSQRT_H] = IR_HELPER2("fsqrt_h", fsqrt_h, IRH_REPEAT, I64, I64, I32),
    [FP_FROUND_H] = IR_HELPER2("fround_h", fround_h, IRH_REPEAT, I64, I64, I32),
    [FP_FROUNDNX_H] = IR_HELPER2("froundnx_h", froundnx_h, IRH_REPEAT, I64, I64, I32),
    [FP_FMADD_H] = IR_HELPER4("fmadd_h", fmadd_h, IRH_REPEAT, I64, I64, I64, I64, I32),
    [FP_FMSUB_H] = IR_HELPER4("fmsub_h", fmsub_h, IRH_REPEAT, I64, I64, I64, I64, I32),
    [FP_FNMSUB_H] = IR_HELPER4("fnmsub_h", fnmsub_h, IRH_REPEAT, I64, I64, I64, I64, I32),
    [FP_FNMADD_H] = IR_HELPER4("fnmadd_h", fnmadd_h, IRH_REPEAT, I64, I64, I64, I64, I32),
};
/* clang-format on */
