/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Exact IEEE 754 arithmetic in software, for any guest.
 *
 * Values are bit patterns of a format: binary16 (f16), bfloat16 (bf16), binary32 (f32),
 * binary64 (f64).  Each function takes a FpStatus: it rounds as `rounding` says and ORs
 * the exceptions that it raises into `flags`, never clearing any.
 *
 * The host's own floating point is not used here; fpu/host.h says when it may be.
 *
 * Spec: IEEE 754-2019; where the standard leaves a choice, the choice is a
 * field of FpStatus, or is stated at the function.
 *
 * Not modelled: trapping exceptions (but see inexact_unbounded), flushing of subnormal inputs or results,
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
    bool
        inexact_unbounded; /* out, of the last result that overflowed or was tiny: it is inexact even if exponents
                             * have no bounds */
} FpStatus;

/* A format: the width of a value, its lowest bits, is 16, 16, 32 or 64.  What lies above them in an
 * operand is not looked at, in a result it is zero. */
typedef enum FpFormat { FP_F16, FP_BF16, FP_F32, FP_F64 } FpFormat;

/* How two numbers stand to one another. */
typedef enum FpOrder { FP_LESS, FP_EQUAL, FP_GREATER, FP_UNORDERED } FpOrder;

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
uint64_t fp_add(FpFormat f, uint64_t a, uint64_t b, FpStatus *s);
uint64_t fp_sub(FpFormat f, uint64_t a, uint64_t b, FpStatus *s);
uint64_t fp_mul(FpFormat f, uint64_t a, uint64_t b, FpStatus *s);
uint64_t fp_div(FpFormat f, uint64_t a, uint64_t b, FpStatus *s);
uint64_t fp_sqrt(FpFormat f, uint64_t a, FpStatus *s);

/* Fused multiply-add, one rounding, with the names of RISC-V:
 *   fmadd = a*b + c    fmsub = a*b - c    fnmsub = -(a*b) + c    fnmadd = -(a*b) - c
 * The negations apply to the product and to c, before the sum.  Infinity times
 * zero is invalid whatever c is, a quiet NaN included. */
uint64_t fp_fmadd(FpFormat f, uint64_t a, uint64_t b, uint64_t c, FpStatus *s);
uint64_t fp_fmsub(FpFormat f, uint64_t a, uint64_t b, uint64_t c, FpStatus *s);
uint64_t fp_fnmsub(FpFormat f, uint64_t a, uint64_t b, uint64_t c, FpStatus *s);
uint64_t fp_fnmadd(FpFormat f, uint64_t a, uint64_t b, uint64_t c, FpStatus *s);

/* min, max: minimumNumber and maximumNumber of IEEE 754-2019 (one NaN: the other
 * operand).  minm, maxm: minimum and maximum (any NaN: NaN).  All take -0 < +0,
 * and a signaling NaN raises NV. */
uint64_t fp_min(FpFormat f, uint64_t a, uint64_t b, FpStatus *s);
uint64_t fp_max(FpFormat f, uint64_t a, uint64_t b, FpStatus *s);
uint64_t fp_minm(FpFormat f, uint64_t a, uint64_t b, FpStatus *s);
uint64_t fp_maxm(FpFormat f, uint64_t a, uint64_t b, FpStatus *s);

/* Comparisons, false when an operand is NaN.  lt and le raise NV on any NaN;
 * eq, ltq and leq on signaling ones only. */
bool fp_eq(FpFormat f, uint64_t a, uint64_t b, FpStatus *s);
bool fp_lt(FpFormat f, uint64_t a, uint64_t b, FpStatus *s);
bool fp_le(FpFormat f, uint64_t a, uint64_t b, FpStatus *s);
bool fp_ltq(FpFormat f, uint64_t a, uint64_t b, FpStatus *s);
bool fp_leq(FpFormat f, uint64_t a, uint64_t b, FpStatus *s);

/* The class of A, one FP_CLASS_* bit.  Raises nothing. */
uint32_t fp_classify(FpFormat f, uint64_t a);

/* To the nearest integral value in the same format.  round raises NV only (for a
 * signaling NaN); roundnx also NX when the value changes. */
uint64_t fp_round(FpFormat f, uint64_t a, FpStatus *s);
uint64_t fp_roundnx(FpFormat f, uint64_t a, FpStatus *s);

/* To integer.  Out of range, after rounding: the nearest bound, NV and not NX; NaN
 * counts as plus infinity. */
int32_t fp_to_i32(FpFormat f, uint64_t a, FpStatus *s);
uint32_t fp_to_u32(FpFormat f, uint64_t a, FpStatus *s);
int64_t fp_to_i64(FpFormat f, uint64_t a, FpStatus *s);
uint64_t fp_to_u64(FpFormat f, uint64_t a, FpStatus *s);

/* Truncates, and keeps the low 32 bits of the unbounded integer (JavaScript's
 * conversion); infinities and NaN give 0.  The flags are those of fp_to_i32()
 * rounding toward zero, whatever s->rounding is. */
int32_t fp_to_i32_mod(FpFormat f, uint64_t a, FpStatus *s);

/* From integer. */
uint64_t fp_from_i64(FpFormat f, int64_t v, FpStatus *s);
uint64_t fp_from_u64(FpFormat f, uint64_t v, FpStatus *s);

/* Between formats.  Widening is exact; a signaling NaN raises NV and becomes quiet
 * (the default NaN, or its payload's leading bits). */
uint64_t fp_convert(FpFormat from, uint64_t a, FpFormat to, FpStatus *s);
