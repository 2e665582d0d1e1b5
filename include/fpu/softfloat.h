/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Exact IEEE 754 arithmetic in software, for any guest.
 *
 * Values are bit patterns: uint16_t for binary16 (f16) and bfloat16 (bf16),
 * uint32_t for binary32 (f32), uint64_t for binary64 (f64).  Each function takes
 * a FpStatus: it rounds as `rounding` says and ORs the exceptions that it
 * raises into `flags`, never clearing any.
 *
 * Some functions compute on the host's floating point where that cannot be told
 * from the outside.  It must be in its default state (to nearest, no flushing,
 * no traps), and its own sticky flags change.
 *
 * Spec: IEEE 754-2019; where the standard leaves a choice, the choice is a
 * field of FpStatus, or is stated at the function.
 *
 * Not modelled: trapping exceptions, flushing of subnormal inputs or results,
 * the exact-underflow signal (UF is raised only together with NX). */
#pragma once
#include <stdbool.h>
#include <stdint.h>

/* Rounding directions.  The numbers are those of RISC-V's frm. */
typedef enum FpRounding {
    FP_RNE = 0, /* to nearest, ties to even */
    FP_RTZ = 1, /* toward zero */
    FP_RDN = 2, /* toward minus infinity */
    FP_RUP = 3, /* toward plus infinity */
    FP_RMM = 4, /* to nearest, ties away from zero */
} FpRounding;

/* Exceptions.  The bits are those of RISC-V's fflags; other guests map them. */
enum {
    FP_NX = 1 << 0, /* inexact */
    FP_UF = 1 << 1, /* underflow: tiny and inexact */
    FP_OF = 1 << 2, /* overflow */
    FP_DZ = 1 << 3, /* division of a finite number by zero */
    FP_NV = 1 << 4, /* invalid operation */
};

/* What an operation obeys and accumulates.  RISC-V: { .default_nan = true }. */
typedef struct FpStatus {
    uint8_t rounding;     /* FpRounding; any other value is a caller's bug */
    uint8_t flags;        /* accumulated FP_NX ... FP_NV */
    bool default_nan;     /* every NaN result is the default NaN; otherwise it is the first
                             * signaling operand, else the first NaN operand, made quiet */
    bool tininess_before; /* underflow judges the value before rounding, not after */
} FpStatus;

/* The default NaN: positive, quiet, no payload. */
#define F16_DEFAULT_NAN UINT16_C(0x7e00)
#define BF16_DEFAULT_NAN UINT16_C(0x7fc0)
#define F32_DEFAULT_NAN UINT32_C(0x7fc00000)
#define F64_DEFAULT_NAN UINT64_C(0x7ff8000000000000)

/* Classes: exactly one bit of the result of classify.  Numbered as RISC-V's fclass. */
enum {
    FP_CLASS_NEG_INF = 1 << 0,
    FP_CLASS_NEG_NORMAL = 1 << 1,
    FP_CLASS_NEG_SUBNORMAL = 1 << 2,
    FP_CLASS_NEG_ZERO = 1 << 3,
    FP_CLASS_POS_ZERO = 1 << 4,
    FP_CLASS_POS_SUBNORMAL = 1 << 5,
    FP_CLASS_POS_NORMAL = 1 << 6,
    FP_CLASS_POS_INF = 1 << 7,
    FP_CLASS_SNAN = 1 << 8,
    FP_CLASS_QNAN = 1 << 9,
};

/* Arithmetic, correctly rounded. */
uint16_t f16_add(uint16_t a, uint16_t b, FpStatus *s);
uint16_t f16_sub(uint16_t a, uint16_t b, FpStatus *s);
uint16_t f16_mul(uint16_t a, uint16_t b, FpStatus *s);
uint16_t f16_div(uint16_t a, uint16_t b, FpStatus *s);
uint16_t f16_sqrt(uint16_t a, FpStatus *s);

uint32_t f32_add(uint32_t a, uint32_t b, FpStatus *s);
uint32_t f32_sub(uint32_t a, uint32_t b, FpStatus *s);
uint32_t f32_mul(uint32_t a, uint32_t b, FpStatus *s);
uint32_t f32_div(uint32_t a, uint32_t b, FpStatus *s);
uint32_t f32_sqrt(uint32_t a, FpStatus *s);

uint64_t f64_add(uint64_t a, uint64_t b, FpStatus *s);
uint64_t f64_sub(uint64_t a, uint64_t b, FpStatus *s);
uint64_t f64_mul(uint64_t a, uint64_t b, FpStatus *s);
uint64_t f64_div(uint64_t a, uint64_t b, FpStatus *s);
uint64_t f64_sqrt(uint64_t a, FpStatus *s);

/* Fused multiply-add, one rounding, with the names of RISC-V:
 *   fmadd = a*b + c    fmsub = a*b - c    fnmsub = -(a*b) + c    fnmadd = -(a*b) - c
 * The negations apply to the product and to c, before the sum.  Infinity times
 * zero is invalid whatever c is, a quiet NaN included. */
uint16_t f16_fmadd(uint16_t a, uint16_t b, uint16_t c, FpStatus *s);
uint16_t f16_fmsub(uint16_t a, uint16_t b, uint16_t c, FpStatus *s);
uint16_t f16_fnmsub(uint16_t a, uint16_t b, uint16_t c, FpStatus *s);
uint16_t f16_fnmadd(uint16_t a, uint16_t b, uint16_t c, FpStatus *s);

uint32_t f32_fmadd(uint32_t a, uint32_t b, uint32_t c, FpStatus *s);
uint32_t f32_fmsub(uint32_t a, uint32_t b, uint32_t c, FpStatus *s);
uint32_t f32_fnmsub(uint32_t a, uint32_t b, uint32_t c, FpStatus *s);
uint32_t f32_fnmadd(uint32_t a, uint32_t b, uint32_t c, FpStatus *s);

uint64_t f64_fmadd(uint64_t a, uint64_t b, uint64_t c, FpStatus *s);
uint64_t f64_fmsub(uint64_t a, uint64_t b, uint64_t c, FpStatus *s);
uint64_t f64_fnmsub(uint64_t a, uint64_t b, uint64_t c, FpStatus *s);
uint64_t f64_fnmadd(uint64_t a, uint64_t b, uint64_t c, FpStatus *s);

/* min, max: minimumNumber and maximumNumber of IEEE 754-2019 (one NaN: the other
 * operand).  minm, maxm: minimum and maximum (any NaN: NaN).  All take -0 < +0,
 * and a signaling NaN raises NV. */
uint16_t f16_min(uint16_t a, uint16_t b, FpStatus *s);
uint16_t f16_max(uint16_t a, uint16_t b, FpStatus *s);
uint16_t f16_minm(uint16_t a, uint16_t b, FpStatus *s);
uint16_t f16_maxm(uint16_t a, uint16_t b, FpStatus *s);

uint32_t f32_min(uint32_t a, uint32_t b, FpStatus *s);
uint32_t f32_max(uint32_t a, uint32_t b, FpStatus *s);
uint32_t f32_minm(uint32_t a, uint32_t b, FpStatus *s);
uint32_t f32_maxm(uint32_t a, uint32_t b, FpStatus *s);

uint64_t f64_min(uint64_t a, uint64_t b, FpStatus *s);
uint64_t f64_max(uint64_t a, uint64_t b, FpStatus *s);
uint64_t f64_minm(uint64_t a, uint64_t b, FpStatus *s);
uint64_t f64_maxm(uint64_t a, uint64_t b, FpStatus *s);

/* Comparisons, false when an operand is NaN.  lt and le raise NV on any NaN;
 * eq, ltq and leq on signaling ones only. */
bool f16_eq(uint16_t a, uint16_t b, FpStatus *s);
bool f16_lt(uint16_t a, uint16_t b, FpStatus *s);
bool f16_le(uint16_t a, uint16_t b, FpStatus *s);
bool f16_ltq(uint16_t a, uint16_t b, FpStatus *s);
bool f16_leq(uint16_t a, uint16_t b, FpStatus *s);

bool f32_eq(uint32_t a, uint32_t b, FpStatus *s);
bool f32_lt(uint32_t a, uint32_t b, FpStatus *s);
bool f32_le(uint32_t a, uint32_t b, FpStatus *s);
bool f32_ltq(uint32_t a, uint32_t b, FpStatus *s);
bool f32_leq(uint32_t a, uint32_t b, FpStatus *s);

bool f64_eq(uint64_t a, uint64_t b, FpStatus *s);
bool f64_lt(uint64_t a, uint64_t b, FpStatus *s);
bool f64_le(uint64_t a, uint64_t b, FpStatus *s);
bool f64_ltq(uint64_t a, uint64_t b, FpStatus *s);
bool f64_leq(uint64_t a, uint64_t b, FpStatus *s);

/* The class of A, one FP_CLASS_* bit.  Raises nothing. */
uint32_t f16_classify(uint16_t a);
uint32_t f32_classify(uint32_t a);
uint32_t f64_classify(uint64_t a);

/* To the nearest integral value in the same format.  round raises NV only (for a
 * signaling NaN); roundnx also NX when the value changes. */
uint16_t f16_round(uint16_t a, FpStatus *s);
uint16_t f16_roundnx(uint16_t a, FpStatus *s);

uint32_t f32_round(uint32_t a, FpStatus *s);
uint32_t f32_roundnx(uint32_t a, FpStatus *s);

uint64_t f64_round(uint64_t a, FpStatus *s);
uint64_t f64_roundnx(uint64_t a, FpStatus *s);

/* To integer.  Out of range, after rounding: the nearest bound, NV and not NX; NaN
 * counts as plus infinity. */
int32_t f16_to_i32(uint16_t a, FpStatus *s);
uint32_t f16_to_u32(uint16_t a, FpStatus *s);
int64_t f16_to_i64(uint16_t a, FpStatus *s);
uint64_t f16_to_u64(uint16_t a, FpStatus *s);

int32_t f32_to_i32(uint32_t a, FpStatus *s);
uint32_t f32_to_u32(uint32_t a, FpStatus *s);
int64_t f32_to_i64(uint32_t a, FpStatus *s);
uint64_t f32_to_u64(uint32_t a, FpStatus *s);

int32_t f64_to_i32(uint64_t a, FpStatus *s);
uint32_t f64_to_u32(uint64_t a, FpStatus *s);
int64_t f64_to_i64(uint64_t a, FpStatus *s);
uint64_t f64_to_u64(uint64_t a, FpStatus *s);

/* Truncates, and keeps the low 32 bits of the unbounded integer (JavaScript's
 * conversion); infinities and NaN give 0.  The flags are those of f64_to_i32()
 * rounding toward zero, whatever s->rounding is. */
int32_t f64_to_i32_mod(uint64_t a, FpStatus *s);

/* From integer. */
uint16_t f16_from_i32(int32_t v, FpStatus *s);
uint16_t f16_from_u32(uint32_t v, FpStatus *s);
uint16_t f16_from_i64(int64_t v, FpStatus *s);
uint16_t f16_from_u64(uint64_t v, FpStatus *s);

uint32_t f32_from_i32(int32_t v, FpStatus *s);
uint32_t f32_from_u32(uint32_t v, FpStatus *s);
uint32_t f32_from_i64(int64_t v, FpStatus *s);
uint32_t f32_from_u64(uint64_t v, FpStatus *s);

uint64_t f64_from_i32(int32_t v, FpStatus *s);
uint64_t f64_from_u32(uint32_t v, FpStatus *s);
uint64_t f64_from_i64(int64_t v, FpStatus *s);
uint64_t f64_from_u64(uint64_t v, FpStatus *s);

/* Between formats.  Widening is exact; a signaling NaN raises NV and becomes quiet
 * (the default NaN, or its payload's leading bits). */
uint16_t f16_to_bf16(uint16_t a, FpStatus *s);
uint32_t f16_to_f32(uint16_t a, FpStatus *s);
uint64_t f16_to_f64(uint16_t a, FpStatus *s);
uint16_t bf16_to_f16(uint16_t a, FpStatus *s);
uint32_t bf16_to_f32(uint16_t a, FpStatus *s);
uint64_t bf16_to_f64(uint16_t a, FpStatus *s);
uint16_t f32_to_f16(uint32_t a, FpStatus *s);
uint16_t f32_to_bf16(uint32_t a, FpStatus *s);
uint64_t f32_to_f64(uint32_t a, FpStatus *s);
uint16_t f64_to_f16(uint64_t a, FpStatus *s);
uint16_t f64_to_bf16(uint64_t a, FpStatus *s);
uint32_t f64_to_f32(uint64_t a, FpStatus *s);
