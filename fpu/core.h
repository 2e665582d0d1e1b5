/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The inside of the floating point library: formats, the unpacked form, and the
 * arithmetic on it.
 *
 * An operation unpacks its operands, computes on FpParts with enough bits that
 * one rounding at the end is correct, and packs.  Only unpacking, packing and
 * comparing know a format, by its row of fp_layouts.
 *
 * Requirements that every operation in core.c meets:
 *  1. A finite nonzero operand is normalised: the top bit of sig is set.
 *  2. So is a finite nonzero result; its lowest bit is sticky: set when any
 *     nonzero part of the exact result lies below it.
 *  3. NaN operands are looked at first, through parts_pick_nan().
 *
 * Room for more: sums and conversions hold for significands of up to 126 bits
 * (binary128); products and fused sums for up to 64 (x87 extended); quotients and
 * roots for up to 62.  A format wider than 64 bits brings its own unpacking.
 *
 * Spec: IEEE 754-2019, clauses 3.4 (formats), 4.3 (rounding), 6.2 (NaN), 7 (exceptions). */
#pragma once
#include "fpu/softfloat.h"
#include <glib.h>

typedef unsigned __int128 u128;

typedef enum FpKind { KIND_ZERO, KIND_FINITE, KIND_INF, KIND_QNAN, KIND_SNAN } FpKind;

/* An unpacked number.  KIND_FINITE: (-1)^sign * 2^exp * sig / 2^127, 1 <= sig / 2^127 < 2.
 * A NaN keeps its fraction in sig, the quiet bit in bit 126. */
typedef struct FpParts {
    u128 sig;
    int32_t exp;
    uint8_t kind; /* FpKind */
    bool sign;
} FpParts;

#define FP_TOP_BIT ((u128)1 << 127)
#define FP_QUIET_BIT ((u128)1 << 126)

/* A binary interchange format: sign, exponent, fraction, from the top. */
typedef struct FpLayout {
    uint8_t exp_bits, frac_bits;
} FpLayout;

static const FpLayout fp_layouts[] = {
    /*            exponent fraction */
    [FP_F16] = { 5, 10 },
    [FP_BF16] = { 8, 7 },
    [FP_F32] = { 8, 23 },
    [FP_F64] = { 11, 52 },
};

/* The operations on unpacked numbers (core.c).  Results still have to be rounded, by fp_pack(). */
FpParts parts_pick_nan(FpParts a, FpParts b, FpParts c, FpStatus *s);
FpParts parts_add(FpParts a, FpParts b, FpStatus *s);
FpParts parts_mul(FpParts a, FpParts b, FpStatus *s);
FpParts parts_muladd(FpParts a, FpParts b, FpParts c, FpStatus *s);
FpParts parts_div(FpParts a, FpParts b, FpStatus *s);
FpParts parts_sqrt(FpParts a, FpStatus *s);
FpParts parts_convert(FpParts a, FpStatus *s);
FpParts parts_round(FpParts a, uint8_t exact_flag, FpStatus *s);
FpParts parts_from_int(bool sign, uint64_t magnitude);
uint64_t parts_to_int(FpParts a, uint64_t max, uint64_t min_magnitude, FpStatus *s);
int32_t parts_to_i32_mod(FpParts a, FpStatus *s);

static inline bool fp_is_nan(FpParts a)
{
    return a.kind >= KIND_QNAN;
}

static inline FpParts parts_negate(FpParts a)
{
    a.sign ^= !fp_is_nan(a); /* a NaN operand is passed on as it came */
    return a;
}

static inline int fp_leading_zeros(u128 v)
{
    uint64_t high = v >> 64;
    return high ? __builtin_clzll(high) : 64 + __builtin_clzll(v);
}

/* V >> N, with the bits that fall off kept as one sticky bit.  N >= 0. */
static inline u128 fp_shift_right_jam(u128 v, int n)
{
    if (n == 0) {
        return v;
    }
    return n < 128 ? v >> n | (v << (128 - n) != 0) : v != 0;
}

/* V / 2^DROP rounded to an integer, 0 < DROP < 128. */
static inline u128 fp_round_shift(u128 v, int drop, bool sign, uint8_t rounding, bool *inexact)
{
    u128 kept = v >> drop, rest = v << (128 - drop);
    bool up = false;
    switch (rounding) {
    case FP_RNE: up = rest > FP_TOP_BIT || (rest == FP_TOP_BIT && (kept & 1)); break;
    case FP_RMM: up = rest >= FP_TOP_BIT; break;
    case FP_RDN: up = sign && rest; break;
    case FP_RUP: up = !sign && rest; break;
    }
    *inexact = rest != 0;
    return kept + up;
}

static inline int fp_bias(const FpLayout *f)
{
    return (1 << (f->exp_bits - 1)) - 1;
}

/* The pattern of plus infinity; the magnitudes above it are NaN. */
static inline uint64_t fp_inf_bits(const FpLayout *f)
{
    return ((UINT64_C(1) << f->exp_bits) - 1) << f->frac_bits;
}

static inline uint64_t fp_sign_bit(const FpLayout *f)
{
    return UINT64_C(1) << (f->exp_bits + f->frac_bits);
}

static inline FpParts fp_unpack(const FpLayout *f, uint64_t bits)
{
    uint64_t magnitude = bits & (fp_sign_bit(f) - 1);
    uint64_t frac = magnitude & ((UINT64_C(1) << f->frac_bits) - 1);
    int exp = magnitude >> f->frac_bits;
    FpParts p = { .sig = (u128)frac << (127 - f->frac_bits), .sign = bits & fp_sign_bit(f) };

    if (magnitude >= fp_inf_bits(f)) {
        p.kind = !frac ? KIND_INF : p.sig & FP_QUIET_BIT ? KIND_QNAN : KIND_SNAN;
    } else if (exp) {
        p.kind = KIND_FINITE;
        p.sig |= FP_TOP_BIT;
        p.exp = exp - fp_bias(f);
    } else if (frac) {
        int shift = fp_leading_zeros(p.sig);
        p.kind = KIND_FINITE;
        p.sig <<= shift;
        p.exp = 1 - fp_bias(f) - shift;
    }
    return p;
}

/* Too large for the format: infinity, or the largest finite number where the
 * rounding points the other way. */
static inline uint64_t fp_overflow(const FpLayout *f, bool sign, FpStatus *s)
{
    s->flags |= FP_OF | FP_NX;
    bool stay = s->rounding == FP_RTZ || s->rounding == (sign ? FP_RUP : FP_RDN);
    return fp_inf_bits(f) - stay;
}

/* The magnitude bits of a finite nonzero number, rounded. */
static inline uint64_t fp_pack_finite(const FpLayout *f, FpParts p, FpStatus *s)
{
    int exp = p.exp + fp_bias(f), drop = 127 - f->frac_bits;
    bool inexact, tiny = exp < 1;

    if (exp > 2 * fp_bias(f)) {
        fp_round_shift(p.sig, drop, p.sign, s->rounding, &s->inexact_unbounded);
        return fp_overflow(f, p.sign, s);
    }
    if (tiny) {
        fp_round_shift(p.sig, drop, p.sign, s->rounding, &s->inexact_unbounded);
        if (exp == 0 && !s->tininess_before) { /* not if it would round up to a normal number */
            u128 wide = fp_round_shift(p.sig, drop, p.sign, s->rounding, &inexact);
            tiny = !(wide >> (f->frac_bits + 1));
        }
        p.sig = fp_shift_right_jam(p.sig, 1 - exp);
        exp = 1;
    }
    /* The leading bit of a normal significand adds one to the exponent field, as does the
     * carry out of a significand of all ones. */
    uint64_t bits = fp_round_shift(p.sig, drop, p.sign, s->rounding, &inexact);
    bits += (uint64_t)(exp - 1) << f->frac_bits;
    if (bits >= fp_inf_bits(f)) {
        s->inexact_unbounded = inexact;
        return fp_overflow(f, p.sign, s);
    }
    if (inexact) {
        s->flags |= tiny ? FP_NX | FP_UF : FP_NX;
    }
    return bits;
}

static inline uint64_t fp_pack(const FpLayout *f, FpParts p, FpStatus *s)
{
    uint64_t bits = 0;
    switch ((FpKind)p.kind) {
    case KIND_ZERO: break;
    case KIND_FINITE: bits = fp_pack_finite(f, p, s); break;
    case KIND_INF: bits = fp_inf_bits(f); break;
    case KIND_QNAN:
    case KIND_SNAN: bits = fp_inf_bits(f) | (uint64_t)(p.sig >> (127 - f->frac_bits)); break;
    }
    return p.sign ? bits | fp_sign_bit(f) : bits;
}
