/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The inside of the x87's arithmetic: operands, their rules, and rounded results. */
#pragma once
#include "fpu/core.h"
#include "fpu/extended.h"

enum {
    FP80_BIAS = 16383,
    FP80_EXP_MAX = 0x7fff,
    FP80_SIGN = 0x8000,
    FP80_WRAP = 24576, /* what trapped overflows and underflows come to is 2 to this away */
};
#define FP80_INTEGER_BIT (UINT64_C(1) << 63)

/* Unnormals, pseudo-NaN, pseudo-infinity. */
static inline bool fp80_is_unsupported(Fp80 a)
{
    return (a.exponent & FP80_EXP_MAX) && !(a.mantissa & FP80_INTEGER_BIT);
}

static inline bool fp80_is_subnormal(Fp80 a)
{
    return !(a.exponent & FP80_EXP_MAX) && a.mantissa;
}

static inline FpParts fp80_unpack(Fp80 a)
{
    unsigned exp = a.exponent & FP80_EXP_MAX;
    FpParts p = { .sig = (u128)a.mantissa << 64, .sign = a.exponent & FP80_SIGN };
    if (exp == FP80_EXP_MAX) {
        bool nan = a.mantissa << 1;
        p.kind = !nan ? KIND_INF : p.sig & FP_QUIET_BIT ? KIND_QNAN : KIND_SNAN;
    } else if (a.mantissa) {
        int shift = fp_leading_zeros(p.sig);
        p.kind = KIND_FINITE;
        p.sig <<= shift;
        p.exp =
            MAX(exp, 1u) - FP80_BIAS - shift; /* a subnormal has the exponent of the smallest normal number */
    }
    return p;
}

/* Rounded as s says; sets rounded_up. */
Fp80 fp80_pack(FpParts p, Fp80Status *s);

/* The answer to an invalid operation. */
static inline Fp80 fp80_invalid(Fp80Status *s)
{
    s->flags |= FP_NV;
    s->rounded_up = false;
    return FP80_DEFAULT_NAN;
}

/* The part of an operation behind operands that are NaN or not supported, which fp80_operate() has looked at; it raises
 * NV and DZ. */
typedef FpParts Fp80Operation(FpParts a, FpParts b, FpStatus *s);
Fp80 fp80_operate(Fp80Operation *op, Fp80 x, Fp80 y, Fp80Status *s);
