/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The common case of the x87's arithmetic: normal operands with a normal result, without the unpacked form.
 *
 * Each function returns false where it is another case, which fpu/extended.h has; then nothing was written.  They are inline so
 * that a caller who knows how to round (a status with constants) has no other rounding in its code. */
#pragma once
#include "fpu/extended.h"

#define FP80_INLINE static inline __attribute__((always_inline))

FP80_INLINE bool fp80_is_normal(Fp80 a)
{
    enum { LARGEST = 0x7ffe };
    return a.mantissa >> 63 && (uint16_t)((a.exponent & 0x7fff) - 1) < LARGEST;
}

/* rest: what is below kept, as a fraction of 2^64; its last bit is sticky. */
FP80_INLINE bool fp80_goes_up(uint64_t kept, uint64_t rest, bool sign, uint8_t rounding)
{
    const uint64_t half = UINT64_C(1) << 63;
    switch (rounding) {
    case FP_RNE: return rest > half || (rest == half && (kept & 1));
    case FP_RDN: return sign && rest;
    case FP_RUP: return !sign && rest;
    default: return false;
    }
}

/* kept.rest has its top bit set; exp is biased, sign 0 or 0x8000. */
FP80_INLINE bool fp80_round_normal(uint64_t kept, uint64_t rest, int exp, uint16_t sign, Fp80Status *s,
                                   Fp80 *r)
{
    const uint64_t integer = UINT64_C(1) << 63;
    unsigned cut = 64 - s->precision;
    if (cut) {
        uint64_t below = kept << s->precision;
        rest = below | rest >> cut | (rest << s->precision != 0);
        kept >>= cut;
    }
    bool up = fp80_goes_up(kept, rest, sign, s->rounding);
    uint64_t mantissa = (kept + up) << cut; /* 0: a carry */
    exp += !mantissa;
    if (exp < 1 || exp >= 0x7fff) {
        return false;
    }
    s->flags |= rest ? FP_NX : 0;
    s->rounded_up = up;
    r->mantissa = mantissa | integer;
    r->exponent = exp | sign;
    return true;
}

FP80_INLINE bool fp80_multiply_normal(Fp80 a, Fp80 b, Fp80Status *s, Fp80 *r)
{
    if (!fp80_is_normal(a) || !fp80_is_normal(b)) {
        return false;
    }
    unsigned __int128 product = (unsigned __int128)a.mantissa * b.mantissa;
    bool wide = product >> 127;
    product <<= !wide;
    int exp = (a.exponent & 0x7fff) + (b.exponent & 0x7fff) - 0x3fff + wide;
    return fp80_round_normal(product >> 64, product, exp, (a.exponent ^ b.exponent) & 0x8000, s, r);
}

/* a's exponent is b's or a larger one. */
FP80_INLINE bool fp80_add_ordered(Fp80 a, Fp80 b, Fp80Status *s, Fp80 *r)
{
    int exp = a.exponent & 0x7fff, apart = exp - (b.exponent & 0x7fff);
    uint16_t sign = a.exponent & 0x8000;
    uint64_t high = 0, low = 1; /* b beside a, in halves; the last bit is sticky */
    if (apart < 64) {
        high = b.mantissa >> apart;
        low = b.mantissa << 1 << (63 - apart);
    } else if (apart == 64) {
        low = b.mantissa;
    } else if (apart < 128) {
        low = b.mantissa >> (apart - 64) | (b.mantissa << (128 - apart) != 0);
    }
    if (!((a.exponent ^ b.exponent) & 0x8000)) {
        if (__builtin_add_overflow(a.mantissa, high, &high)) {
            low = low >> 1 | (low & 1) | high << 63;
            high = high >> 1 | UINT64_C(1) << 63;
            exp++;
        }
    } else if (high > a.mantissa) { /* of one exponent */
        sign ^= 0x8000;
        high -= a.mantissa;
    } else {
        high = a.mantissa - high - (low != 0);
        low = -low;
    }
    if (!high) {
        high = low;
        low = 0;
        exp -= 64;
    }
    if (!high) {
        return false;
    }
    int shift = __builtin_clzll(high);
    if (shift) {
        high = high << shift | low >> (64 - shift);
        low <<= shift;
        exp -= shift;
    }
    return fp80_round_normal(high, low, exp, sign, s, r);
}

FP80_INLINE bool fp80_add_normal(Fp80 a, Fp80 b, Fp80Status *s, Fp80 *r)
{
    if (!fp80_is_normal(a) || !fp80_is_normal(b)) {
        return false;
    }
    bool less = (a.exponent & 0x7fff) < (b.exponent & 0x7fff);
    return fp80_add_ordered(less ? b : a, less ? a : b, s, r);
}

FP80_INLINE bool fp80_subtract_normal(Fp80 a, Fp80 b, Fp80Status *s, Fp80 *r)
{
    b.exponent ^= 0x8000;
    return fp80_add_normal(a, b, s, r);
}

/* high < by: the quotient has 64 bits. */
FP80_INLINE uint64_t fp80_divide_wide(uint64_t high, uint64_t low, uint64_t by, uint64_t *rest)
{
#ifdef __x86_64__
    uint64_t quotient;
    __asm__("divq %4" : "=a"(quotient), "=d"(*rest) : "0"(low), "1"(high), "r"(by) : "cc");
    return quotient;
#else
    unsigned __int128 all = (unsigned __int128)high << 64 | low;
    *rest = all % by;
    return all / by;
#endif
}

FP80_INLINE bool fp80_divide_normal(Fp80 a, Fp80 b, Fp80Status *s, Fp80 *r)
{
    uint64_t left, m = a.mantissa, by = b.mantissa;
    if (!fp80_is_normal(a) || !fp80_is_normal(b)) {
        return false;
    }
    bool less = m < by;
    uint64_t quotient = fp80_divide_wide(less ? m : m >> 1, less ? 0 : m << 63, by, &left);
    bool half = left >= by - left, more = half ? left != by - left : left != 0;
    int exp = (a.exponent & 0x7fff) - (b.exponent & 0x7fff) + 0x3fff - less;
    return fp80_round_normal(quotient, (uint64_t)half << 63 | more, exp, (a.exponent ^ b.exponent) & 0x8000,
                             s, r);
}

/* Of normal numbers and zeros. */
FP80_INLINE bool fp80_compare_normal(Fp80 a, Fp80 b, FpOrder *order)
{
    unsigned ea = a.exponent & 0x7fff, eb = b.exponent & 0x7fff;
    bool a_is_0 = !(a.mantissa | ea), b_is_0 = !(b.mantissa | eb);
    if ((!a_is_0 && !fp80_is_normal(a)) || (!b_is_0 && !fp80_is_normal(b))) {
        return false;
    }
    bool a_minus = a.exponent >> 15 && !a_is_0, b_minus = b.exponent >> 15 && !b_is_0;
    bool same = ea == eb && a.mantissa == b.mantissa;
    bool larger = ea != eb ? ea > eb : a.mantissa > b.mantissa;
    if (a_minus != b_minus) {
        *order = a_minus ? FP_LESS : FP_GREATER;
    } else {
        *order = same ? FP_EQUAL : larger != a_minus ? FP_GREATER : FP_LESS;
    }
    return true;
}

/* ---- conversions: formats by their bits of exponent and fraction ---- */

/* And zeros. */
FP80_INLINE bool fp80_widen_normal(unsigned exp_bits, unsigned frac_bits, uint64_t a, Fp80 *r)
{
    int largest = (1 << exp_bits) - 2, bias = largest / 2, exp = a >> frac_bits & (largest + 1);
    uint16_t sign = (a >> (exp_bits + frac_bits) & 1) << 15;
    if (!(a << (64 - exp_bits - frac_bits))) { /* zero */
        r->mantissa = 0;
        r->exponent = sign;
        return true;
    }
    if (exp < 1 || exp > largest) {
        return false;
    }
    r->mantissa = UINT64_C(1) << 63 | a << (63 - frac_bits);
    r->exponent = (exp - bias + 0x3fff) | sign;
    return true;
}

/* Numbers that are normal in the narrower format, too. */
FP80_INLINE bool fp80_narrow_normal(unsigned exp_bits, unsigned frac_bits, Fp80 a, Fp80Status *s, uint64_t *r)
{
    uint64_t sign = a.exponent >> 15, infinity = ((UINT64_C(1) << exp_bits) - 1) << frac_bits;
    int largest = (1 << exp_bits) - 2, bias = largest / 2;
    int drop = 63 - frac_bits, exp = (a.exponent & 0x7fff) - 0x3fff + bias;
    if (!fp80_is_normal(a) || exp < 1 || exp > largest) {
        return false;
    }
    uint64_t kept = a.mantissa >> drop, rest = a.mantissa << (64 - drop);
    bool up = fp80_goes_up(kept, rest, sign, s->rounding);
    uint64_t bits =
        ((uint64_t)(exp - 1) << frac_bits) + kept + up; /* the integer bit, and a carry, add to exp */
    if (bits >= infinity) {
        return false;
    }
    s->flags |= rest ? FP_NX : 0;
    s->rounded_up = up;
    *r = bits | sign << (exp_bits + frac_bits);
    return true;
}

/* Numbers that fit by far. */
FP80_INLINE bool fp80_integer_normal(Fp80 a, unsigned bits, Fp80Status *s, int64_t *v)
{
    bool sign = a.exponent & 0x8000;
    int exp = (a.exponent & 0x7fff) - 0x3fff;
    if (!fp80_is_normal(a) || exp > (int)bits - 3) {
        return false;
    }
    uint64_t kept = 0, rest = exp == -1 ? a.mantissa : 1; /* how far it is below 1/2 does not count */
    if (exp >= 0) {
        kept = a.mantissa >> (63 - exp);
        rest = a.mantissa << 1 << exp;
    }
    bool up = fp80_goes_up(kept, rest, sign, s->rounding);
    kept += up;
    s->flags |= rest ? FP_NX : 0;
    s->rounded_up = up;
    *v = sign ? -(int64_t)kept : (int64_t)kept;
    return true;
}
