/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Arithmetic on unpacked numbers; the requirements stand in core.h.
 *
 * Spec: IEEE 754-2019, clauses 5.4 (operations), 6.1 (infinities), 6.2 (NaN),
 * 6.3 (sign of zero), 7.2 (invalid), 7.3 (division by zero), 5.8 and 5.9 (to integers).
 * Not modelled: significands of more than 64 bits in products, 62 in quotients and roots. */
#include "fpu/core.h"

/* Sticky bits below 64 kept ones: what a quotient or a root leaves over. */
static u128 with_remainder(uint64_t high, bool remainder)
{
    return (u128)high << 64 | remainder;
}

static FpParts invalid(FpStatus *s)
{
    s->flags |= FP_NV;
    return (FpParts){ .kind = KIND_QNAN, .sig = FP_QUIET_BIT };
}

/* The NaN that follows from operands of which at least one is NaN.  An operation
 * with fewer operands repeats one. */
FpParts parts_pick_nan(FpParts a, FpParts b, FpParts c, FpStatus *s)
{
    FpKind wanted = KIND_QNAN;
    if (a.kind == KIND_SNAN || b.kind == KIND_SNAN || c.kind == KIND_SNAN) {
        s->flags |= FP_NV;
        wanted = KIND_SNAN;
    }
    if (s->default_nan) {
        return (FpParts){ .kind = KIND_QNAN, .sig = FP_QUIET_BIT };
    }
    FpParts r = a.kind == wanted ? a : b.kind == wanted ? b : c;
    r.kind = KIND_QNAN;
    r.sig |= FP_QUIET_BIT;
    return r;
}

/* A sum of operands that are not both finite and nonzero. */
static FpParts add_special(FpParts a, FpParts b, FpStatus *s)
{
    if (fp_is_nan(a) || fp_is_nan(b)) {
        return parts_pick_nan(a, b, b, s);
    }
    if (a.kind == KIND_INF || b.kind == KIND_INF) {
        if (a.kind == b.kind && a.sign != b.sign) {
            return invalid(s);
        }
        return a.kind == KIND_INF ? a : b;
    }
    if (a.kind == KIND_ZERO && b.kind == KIND_ZERO && a.sign != b.sign) {
        a.sign = s->rounding == FP_RDN;
    }
    return b.kind == KIND_ZERO ? a : b;
}

FpParts parts_add(FpParts a, FpParts b, FpStatus *s)
{
    if (a.kind != KIND_FINITE || b.kind != KIND_FINITE) {
        return add_special(a, b, s);
    }
    if (a.exp < b.exp || (a.exp == b.exp && a.sig < b.sig)) {
        FpParts swap = a;
        a = b;
        b = swap;
    }
    b.sig = fp_shift_right_jam(b.sig, a.exp - b.exp);
    if (a.sign == b.sign) {
        a.sig += b.sig;
        if (a.sig < b.sig) { /* carry */
            a.sig = fp_shift_right_jam(a.sig, 1) | FP_TOP_BIT;
            a.exp++;
        }
        return a;
    }
    /* Bits shift in from the right only when b was shifted by at most one, hence exactly. */
    a.sig -= b.sig;
    if (!a.sig) {
        return (FpParts){ .kind = KIND_ZERO, .sign = s->rounding == FP_RDN };
    }
    int shift = fp_leading_zeros(a.sig);
    a.sig <<= shift;
    a.exp -= shift;
    return a;
}

static bool is_inf_times_zero(FpParts a, FpParts b)
{
    return (a.kind == KIND_INF && b.kind == KIND_ZERO) || (a.kind == KIND_ZERO && b.kind == KIND_INF);
}

FpParts parts_mul(FpParts a, FpParts b, FpStatus *s)
{
    if (a.kind == KIND_FINITE && b.kind == KIND_FINITE) {
        u128 product = (a.sig >> 64) * (b.sig >> 64);
        bool carry = product >> 127;
        return (FpParts){
            .kind = KIND_FINITE,
            .sign = a.sign ^ b.sign,
            .exp = a.exp + b.exp + carry,
            .sig = carry ? product : product << 1,
        };
    }
    if (fp_is_nan(a) || fp_is_nan(b)) {
        return parts_pick_nan(a, b, b, s);
    }
    if (is_inf_times_zero(a, b)) {
        return invalid(s);
    }
    bool inf = a.kind == KIND_INF || b.kind == KIND_INF;
    return (FpParts){ .kind = inf ? KIND_INF : KIND_ZERO, .sign = a.sign ^ b.sign };
}

/* a * b + c.  The product is exact (requirement 1 and 64 bits each). */
FpParts parts_muladd(FpParts a, FpParts b, FpParts c, FpStatus *s)
{
    if (fp_is_nan(a) || fp_is_nan(b) || fp_is_nan(c)) {
        if (is_inf_times_zero(a, b)) {
            s->flags |= FP_NV;
        }
        return parts_pick_nan(a, b, c, s);
    }
    FpParts product = parts_mul(a, b, s);
    return fp_is_nan(product) ? product : parts_add(product, c, s);
}

/* A quotient of operands that are not both finite and nonzero. */
static FpParts div_special(FpParts a, FpParts b, FpStatus *s)
{
    if (fp_is_nan(a) || fp_is_nan(b)) {
        return parts_pick_nan(a, b, b, s);
    }
    if (a.kind == b.kind) { /* 0 / 0, inf / inf */
        return invalid(s);
    }
    bool inf = a.kind == KIND_INF || b.kind == KIND_ZERO;
    if (a.kind == KIND_FINITE && b.kind == KIND_ZERO) {
        s->flags |= FP_DZ;
    }
    return (FpParts){ .kind = inf ? KIND_INF : KIND_ZERO, .sign = a.sign ^ b.sign };
}

FpParts parts_div(FpParts a, FpParts b, FpStatus *s)
{
    if (a.kind != KIND_FINITE || b.kind != KIND_FINITE) {
        return div_special(a, b, s);
    }
    bool borrow = a.sig < b.sig;
    uint64_t divisor = b.sig >> 64;
    u128 dividend = a.sig >> 64 << (borrow ? 64 : 63);
    uint64_t quotient = dividend / divisor;
    bool remainder = dividend != (u128)quotient * divisor;
    return (FpParts){
        .kind = KIND_FINITE,
        .sign = a.sign ^ b.sign,
        .exp = a.exp - b.exp - borrow,
        .sig = with_remainder(quotient, remainder),
    };
}

/* floor(sqrt(N)), digit by digit. */
static uint64_t isqrt64(uint64_t n)
{
    uint64_t root = 0;
    for (uint64_t bit = UINT64_C(1) << 62; bit; bit >>= 2) {
        bool set = n >= root + bit;
        n -= set ? root + bit : 0;
        root = (root >> 1) + (set ? bit : 0);
    }
    return root;
}

/* floor(sqrt(N)) for N >= 2^126.  One step of Zimmermann's Karatsuba square root: the root of
 * the upper half gives the upper half of the root, a division the lower half or one more. */
static uint64_t isqrt128(u128 n, bool *remainder)
{
    uint64_t high = n >> 64;
    uint64_t upper = isqrt64(high);
    u128 rest = (u128)(high - upper * upper) << 32 | (uint32_t)(n >> 32);
    u128 root = ((u128)upper << 32) + rest / (2 * upper);
    if (root >> 64 || root * root > n) {
        root--;
    }
    *remainder = root * root != n;
    return root;
}

FpParts parts_sqrt(FpParts a, FpStatus *s)
{
    if (fp_is_nan(a)) {
        return parts_pick_nan(a, a, a, s);
    }
    if (a.kind == KIND_ZERO) {
        return a;
    }
    if (a.sign) {
        return invalid(s);
    }
    if (a.kind == KIND_FINITE) {
        bool odd = a.exp & 1, remainder;
        uint64_t root = isqrt128(odd ? a.sig : a.sig >> 1, &remainder);
        a.exp = (a.exp - odd) / 2;
        a.sig = with_remainder(root, remainder);
    }
    return a;
}

/* For a change of format: only a NaN has anything to say. */
FpParts parts_convert(FpParts a, FpStatus *s)
{
    return fp_is_nan(a) ? parts_pick_nan(a, a, a, s) : a;
}

/* |A| rounded to an integer, for a finite nonzero A < 2^127. */
static u128 round_magnitude(FpParts a, uint8_t rounding, bool *inexact)
{
    if (a.exp < 0) {
        a.sig = fp_shift_right_jam(a.sig, -a.exp);
        a.exp = 0;
    }
    return fp_round_shift(a.sig, 127 - a.exp, a.sign, rounding, inexact);
}

/* To an integral value; raises EXACT_FLAG (FP_NX or 0) when that changes it. */
FpParts parts_round(FpParts a, uint8_t exact_flag, FpStatus *s)
{
    bool inexact;
    if (a.kind != KIND_FINITE || a.exp >= 127) {
        return parts_convert(a, s);
    }
    u128 magnitude = round_magnitude(a, s->rounding, &inexact);
    s->flags |= inexact ? exact_flag : 0;
    if (!magnitude) {
        return (FpParts){ .kind = KIND_ZERO, .sign = a.sign };
    }
    int shift = fp_leading_zeros(magnitude);
    a.sig = magnitude << shift;
    a.exp = 127 - shift;
    return a;
}

FpParts parts_from_int(bool sign, uint64_t magnitude)
{
    if (!magnitude) {
        return (FpParts){ .kind = KIND_ZERO };
    }
    int shift = __builtin_clzll(magnitude);
    return (FpParts){
        .kind = KIND_FINITE,
        .sign = sign,
        .exp = 63 - shift,
        .sig = (u128)magnitude << (64 + shift),
    };
}

/* To an integer of -MIN_MAGNITUDE ... MAX, in two's complement. */
uint64_t parts_to_int(FpParts a, uint64_t max, uint64_t min_magnitude, FpStatus *s)
{
    bool inexact = false, negative = a.sign && !fp_is_nan(a);
    uint64_t limit = negative ? min_magnitude : max;
    u128 magnitude = a.kind == KIND_ZERO ? 0 : FP_TOP_BIT; /* unless finite: too large */

    if (a.kind == KIND_FINITE && a.exp < 64) {
        magnitude = round_magnitude(a, s->rounding, &inexact);
    }
    if (magnitude > limit) {
        s->flags |= FP_NV;
        magnitude = limit;
    } else if (inexact) {
        s->flags |= FP_NX;
    }
    return negative ? -(uint64_t)magnitude : magnitude;
}

/* Truncated, modulo 2^32.  The significand has at most 95 bits: an exponent of 127 and more
 * leaves nothing below 2^32. */
int32_t parts_to_i32_mod(FpParts a, FpStatus *s)
{
    FpStatus truncate = *s;
    truncate.rounding = FP_RTZ;
    parts_to_int(a, INT32_MAX, UINT64_C(1) << 31, &truncate);
    s->flags |= truncate.flags;
    if (a.kind != KIND_FINITE || a.exp < 0 || a.exp >= 127) {
        return 0;
    }
    uint32_t magnitude = a.sig >> (127 - a.exp);
    return a.sign ? -magnitude : magnitude;
}
