/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What works on exponents and integers: FSCALE, FXTRACT, FPREM, FPREM1, FBLD, FBSTP.
 *
 * Source: Intel SDM volume 2 at these instructions.  How far one FPREM brings exponents that are 64 or more apart is the
 * processor's choice, 32 to 63: the one here is that of the chips that were looked at (Zen). */
#include "fpu/extended-core.h"

/* ---- FSCALE, FXTRACT ------------------------------------------------------------ */

/* A finite number cut to an integer; the ends are farther away than any exponent. */
static int whole_part(FpParts p)
{
    enum { FAR = 17 }; /* bits */
    int v = p.kind == KIND_ZERO || p.exp < 0 ? 0 : p.exp >= FAR ? 1 << FAR : (int)(p.sig >> (127 - p.exp));
    return p.sign ? -v : v;
}

static FpParts scale(FpParts a, FpParts b, FpStatus *s)
{
    if (b.kind == KIND_INF) {
        if (a.kind == (b.sign ? KIND_INF : KIND_ZERO)) {
            s->flags |= FP_NV;
        }
        a.kind = b.sign ? KIND_ZERO : KIND_INF;
    } else if (a.kind == KIND_FINITE) {
        a.exp += whole_part(b);
    }
    return a;
}

/* Out of range though it traps and its exponent is wrapped: 0 or infinity then. */
static bool is_hopeless(int exp, uint8_t traps)
{
    return ((traps & FP_OF) && exp + FP80_BIAS - FP80_WRAP >= FP80_EXP_MAX) ||
           ((traps & FP_UF) && exp + FP80_BIAS + FP80_WRAP < 1);
}

Fp80 fp80_scale(Fp80 a, Fp80 b, Fp80Status *s)
{
    Fp80Status wide = *s;
    wide.precision = 64;
    Fp80 r = fp80_operate(scale, a, b, &wide);
    FpParts p = fp80_unpack(a), by = fp80_unpack(b);
    bool finite =
        p.kind == KIND_FINITE && by.kind == KIND_FINITE && !fp80_is_unsupported(a) && !fp80_is_unsupported(b);
    if (finite && is_hopeless(p.exp + whole_part(by), s->traps)) {
        r = by.sign ? (Fp80){ 0, 0 } : (Fp80){ FP80_INTEGER_BIT, FP80_EXP_MAX };
        r.exponent |= a.exponent & FP80_SIGN;
        wide.flags |= FP_NX;
        wide.rounded_up = !by.sign;
    }
    s->flags = wide.flags;
    s->rounded_up = wide.rounded_up;
    return r;
}

static FpParts significand_of(FpParts a, FpParts unused, FpStatus *s)
{
    a.exp = 0;
    s->flags |= a.kind == KIND_ZERO ? FP_DZ : 0;
    return a;
}

Fp80 fp80_extract(Fp80 a, Fp80 *significand, Fp80Status *s)
{
    Fp80Status exact = { .precision = 64 };
    FpParts p = fp80_unpack(a);
    *significand = fp80_operate(significand_of, a, a, &exact);
    s->flags |= exact.flags;
    s->rounded_up = false;
    if (fp80_is_unsupported(a)) {
        return FP80_DEFAULT_NAN;
    }
    if (p.kind == KIND_FINITE) {
        return fp80_from_i64(p.exp);
    }
    if (p.kind == KIND_ZERO) {
        return (Fp80){ FP80_INTEGER_BIT, FP80_EXP_MAX | FP80_SIGN };
    }
    Fp80 r = *significand;
    r.exponent &= p.kind == KIND_INF ? ~FP80_SIGN : 0xffff;
    return r;
}

/* ---- FPREM, FPREM1 ------------------------------------------------------------------ */

/* rest * 2^exp, of significands of 64 bits: rest < modulus */
typedef struct Division {
    uint64_t quotient;
    u128 rest, modulus;
    int exp;
} Division;

/* Bit by bit, `steps` and one of them. */
static void divide_steps(Division *d, int steps)
{
    for (int i = steps; i >= 0; i--) {
        bool fits = d->rest >= d->modulus;
        d->quotient = d->quotient << 1 | fits;
        d->rest -= fits ? d->modulus : 0;
        d->rest <<= i ? 1 : 0;
    }
}

/* Up to the nearer multiple: the rest is negative then. */
static bool round_quotient(Division *d)
{
    u128 twice = d->rest << 1;
    if (twice < d->modulus || (twice == d->modulus && !(d->quotient & 1))) {
        return false;
    }
    d->rest = d->modulus - d->rest;
    d->quotient++;
    return true;
}

static FpParts parts_of(const Division *d, bool sign)
{
    if (!d->rest) {
        return (FpParts){ .kind = KIND_ZERO, .sign = sign };
    }
    int shift = fp_leading_zeros(d->rest);
    return (
        FpParts){ .kind = KIND_FINITE, .sign = sign, .sig = d->rest << shift, .exp = d->exp + 64 - shift };
}

/* Finite a and b, neither of them 0. */
static FpParts remainder_of(FpParts a, FpParts b, bool nearest, Fp80Quotient *q)
{
    int apart = a.exp - b.exp;
    Division d = { .rest = a.sig >> 64, .modulus = b.sig >> 64, .exp = MIN(a.exp, b.exp) };
    if (apart >= 64) {
        int steps = 32 + (apart & 31);
        divide_steps(&d, steps);
        d.exp += apart - steps;
        q->partial = true;
        return parts_of(&d, a.sign);
    }
    if (apart < -1) {
        return a;
    }
    if (apart < 0) {
        d.modulus <<= 1;
    } else {
        divide_steps(&d, apart);
    }
    bool negative = nearest && round_quotient(&d);
    q->low = d.quotient & 7;
    return parts_of(&d, a.sign ^ (negative && d.rest));
}

Fp80 fp80_remainder(Fp80 a, Fp80 b, bool nearest, Fp80Quotient *q, Fp80Status *s)
{
    Fp80Status wide = { .rounding = s->rounding, .precision = 64, .traps = s->traps };
    FpParts x = fp80_unpack(a), y = fp80_unpack(b);
    *q = (Fp80Quotient){ 0 };
    s->rounded_up = false;
    bool plain =
        x.kind <= KIND_INF && y.kind <= KIND_INF && !fp80_is_unsupported(a) && !fp80_is_unsupported(b);
    if (plain && (x.kind == KIND_INF || y.kind == KIND_ZERO)) {
        return fp80_invalid(s);
    }
    if (!plain) { /* the rules of NaN are those of any operation */
        Fp80 r = fp80_add(a, b, &wide);
        s->flags |= wide.flags;
        return r;
    }
    s->flags |= fp80_is_subnormal(a) || fp80_is_subnormal(b) ? FP_DN : 0;
    q->known = true;
    bool divides = x.kind == KIND_FINITE && y.kind == KIND_FINITE;
    Fp80 r = fp80_pack(divides ? remainder_of(x, y, nearest, q) : x, &wide);
    s->flags |= wide.flags;
    return r;
}

/* ---- packed decimals ------------------------------------------------------------------- */

enum { DIGITS = 18 };
#define DECIMAL_END INT64_C(1000000000000000000)

static unsigned digit(Fp80Decimal d, unsigned i)
{
    return (i < 16 ? d.low >> 4 * i : (uint64_t)d.high >> 4 * (i - 16)) & 15;
}

Fp80 fp80_from_decimal(Fp80Decimal d)
{
    uint64_t v = 0;
    for (unsigned i = DIGITS; i-- > 0;) {
        v = v * 10 + digit(d, i);
    }
    Fp80 r = fp80_from_i64(v);
    r.exponent |= d.high & FP80_SIGN;
    return r;
}

Fp80Decimal fp80_to_decimal(Fp80 a, Fp80Status *s)
{
    Fp80Status whole = { .rounding = s->rounding, .precision = 64 };
    int64_t v = fp80_to_int(a, 64, &whole);
    Fp80Decimal d = { 0, a.exponent & FP80_SIGN };
    s->rounded_up = false;
    if ((whole.flags & FP_NV) || v <= -DECIMAL_END || v >= DECIMAL_END) {
        s->flags |= FP_NV;
        return (Fp80Decimal){ UINT64_C(0xc000000000000000), 0xffff };
    }
    uint64_t rest = v < 0 ? -v : v;
    for (unsigned i = 0; i < DIGITS; i++, rest /= 10) {
        uint64_t n = rest % 10;
        d.low |= i < 16 ? n << 4 * i : 0;
        d.high |= i < 16 ? 0 : n << 4 * (i - 16);
    }
    s->flags |= whole.flags;
    s->rounded_up = whole.rounded_up;
    return d;
}
