/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The x87's format on the arithmetic of core.h; the contract stands in fpu/extended.h.
 *
 * Sums and products of core.c hold for its 64 bits; quotients and roots, which do not, are here, as are the x87's rules of
 * NaN operands, precision, and subnormal operands. */
#include "fpu/extended.h"

#include "fpu/core.h"

enum { BIAS = 16383, EXP_MAX = 0x7fff, SIGN = 0x8000 };
#define INTEGER_BIT (UINT64_C(1) << 63)

/* ---- unpacking ----------------------------------------------------------------- */

static bool is_unsupported(Fp80 a)
{
    return (a.exponent & EXP_MAX) && !(a.mantissa & INTEGER_BIT); /* unnormals, pseudo-NaN, pseudo-infinity */
}

static bool is_subnormal(Fp80 a)
{
    return !(a.exponent & EXP_MAX) && a.mantissa;
}

static FpParts unpack(Fp80 a)
{
    unsigned exp = a.exponent & EXP_MAX;
    FpParts p = { .sig = (u128)a.mantissa << 64, .sign = a.exponent & SIGN };
    if (exp == EXP_MAX) {
        bool nan = a.mantissa << 1;
        p.kind = !nan ? KIND_INF : p.sig & FP_QUIET_BIT ? KIND_QNAN : KIND_SNAN;
    } else if (a.mantissa) {
        int shift = fp_leading_zeros(p.sig);
        p.kind = KIND_FINITE;
        p.sig <<= shift;
        p.exp = MAX(exp, 1u) - BIAS - shift; /* a subnormal has the exponent of the smallest normal number */
    }
    return p;
}

/* ---- packing --------------------------------------------------------------------- */

static Fp80 overflow(FpParts p, Fp80Status *s)
{
    bool stay = s->rounding == FP_RTZ || s->rounding == (p.sign ? FP_RUP : FP_RDN);
    uint16_t sign = p.sign ? SIGN : 0;
    s->flags |= FP_OF | FP_NX;
    s->rounded_up = !stay;
    if (stay) {
        return (Fp80){ UINT64_MAX << (64 - s->precision), (EXP_MAX - 1) | sign };
    }
    return (Fp80){ INTEGER_BIT, EXP_MAX | sign };
}

static Fp80 pack_finite(FpParts p, Fp80Status *s)
{
    int exp = p.exp + BIAS, drop = 128 - s->precision;
    bool inexact, tiny = exp < 1;
    if (tiny) {
        if (exp == 0) { /* not if it would round up to a normal number */
            tiny = !(fp_round_shift(p.sig, drop, p.sign, s->rounding, &inexact) >> s->precision);
        }
        p.sig = fp_shift_right_jam(p.sig, 1 - exp);
        exp = 1;
    }
    u128 kept = fp_round_shift(p.sig, drop, p.sign, s->rounding, &inexact);
    s->rounded_up = kept > p.sig >> drop;
    if (kept >> s->precision) { /* carry */
        kept >>= 1;
        exp++;
    }
    if (exp >= EXP_MAX) {
        return overflow(p, s);
    }
    if (inexact) {
        s->flags |= tiny ? FP_NX | FP_UF : FP_NX;
    }
    uint64_t mantissa = (uint64_t)kept << (64 - s->precision);
    uint16_t field = mantissa & INTEGER_BIT ? exp : 0;
    return (Fp80){ mantissa, field | (p.sign ? SIGN : 0) };
}

static Fp80 pack(FpParts p, Fp80Status *s)
{
    uint16_t sign = p.sign ? SIGN : 0;
    s->rounded_up = false;
    switch ((FpKind)p.kind) {
    case KIND_ZERO: return (Fp80){ 0, sign };
    case KIND_FINITE: return pack_finite(p, s);
    case KIND_INF: return (Fp80){ INTEGER_BIT, EXP_MAX | sign };
    default: return (Fp80){ INTEGER_BIT | (uint64_t)(p.sig >> 64), EXP_MAX | sign };
    }
}

/* ---- operands ----------------------------------------------------------------------- */

static Fp80 invalid(Fp80Status *s)
{
    s->flags |= FP_NV;
    s->rounded_up = false;
    return FP80_DEFAULT_NAN;
}

/* Of two NaN operands a quiet one goes before a signaling one, then the larger significand, then the positive. */
static FpParts pick_nan(FpParts a, FpParts b, Fp80Status *s)
{
    bool first = fp_is_nan(a);
    if (a.kind == KIND_SNAN || b.kind == KIND_SNAN) {
        s->flags |= FP_NV;
    }
    if (fp_is_nan(a) && fp_is_nan(b)) {
        first = a.kind != b.kind ? a.kind == KIND_QNAN : a.sig != b.sig ? a.sig > b.sig : !a.sign;
    }
    FpParts r = first ? a : b;
    r.kind = KIND_QNAN;
    r.sig |= FP_QUIET_BIT;
    return r;
}

typedef FpParts Operation(FpParts a, FpParts b, FpStatus *s);

/* An operation of two operands, of which those that are NaN or not supported have been looked at. */
static Fp80 operate(Operation *op, Fp80 x, Fp80 y, bool negate_y, Fp80Status *s)
{
    FpStatus inner = { .rounding = s->rounding };
    if (is_unsupported(x) || is_unsupported(y)) {
        return invalid(s);
    }
    FpParts a = unpack(x), b = unpack(y);
    if (fp_is_nan(a) || fp_is_nan(b)) {
        return pack(pick_nan(a, b, s), s);
    }
    b.sign ^= negate_y;
    FpParts r = op(a, b, &inner);
    if (inner.flags & FP_NV) {
        return invalid(s);
    }
    bool subnormal = is_subnormal(x) || is_subnormal(y);
    s->flags |= inner.flags | (subnormal && !(inner.flags & FP_DZ) ? FP_DN : 0);
    return pack(r, s);
}

/* ---- operations ----------------------------------------------------------------------- */

Fp80 fp80_add(Fp80 a, Fp80 b, Fp80Status *s)
{
    return operate(parts_add, a, b, false, s);
}

Fp80 fp80_sub(Fp80 a, Fp80 b, Fp80Status *s)
{
    return operate(parts_add, a, b, true, s);
}

Fp80 fp80_mul(Fp80 a, Fp80 b, Fp80Status *s)
{
    return operate(parts_mul, a, b, false, s);
}

/* 64 bits, and below them: is the rest half of the last one or more, and is there any besides. */
static u128 with_rest(uint64_t high, bool half, bool more)
{
    return (u128)high << 64 | (uint64_t)half << 63 | more;
}

static FpParts divide(FpParts a, FpParts b, FpStatus *s)
{
    if (a.kind != KIND_FINITE || b.kind != KIND_FINITE) {
        return parts_div(a, b, s);
    }
    bool borrow = a.sig < b.sig;
    uint64_t divisor = b.sig >> 64;
    u128 dividend = a.sig >> 64 << (borrow ? 64 : 63);
    uint64_t quotient = dividend / divisor;
    u128 twice = (dividend - (u128)quotient * divisor) << 1;
    return (FpParts){ .kind = KIND_FINITE,
                      .sign = a.sign ^ b.sign,
                      .exp = a.exp - b.exp - borrow,
                      .sig = with_rest(quotient, twice >= divisor, twice && twice != divisor) };
}

Fp80 fp80_div(Fp80 a, Fp80 b, Fp80Status *s)
{
    return operate(divide, a, b, false, s);
}

/* floor(sqrt(n)), digit by digit, and what is left over. */
static uint64_t root_of(u128 n, u128 *rest)
{
    u128 root = 0;
    for (u128 bit = (u128)1 << 126; bit; bit >>= 2) {
        bool set = n >= root + bit;
        n -= set ? root + bit : 0;
        root = (root >> 1) + (set ? bit : 0);
    }
    *rest = n;
    return root;
}

static FpParts square_root(FpParts a, FpParts unused, FpStatus *s)
{
    if (a.kind != KIND_FINITE || a.sign) {
        return parts_sqrt(a, s);
    }
    bool odd = a.exp & 1;
    u128 rest, n = a.sig >> !odd; /* of an even exponent */
    uint64_t root = root_of(n, &rest);
    return (FpParts){ .kind = KIND_FINITE,
                      .exp = (a.exp - odd) / 2,
                      .sig = with_rest(root, rest > root, rest != 0) };
}

Fp80 fp80_sqrt(Fp80 a, Fp80Status *s)
{
    return operate(square_root, a, a, false, s);
}

static FpParts to_integral(FpParts a, FpParts unused, FpStatus *s)
{
    return parts_round(a, FP_NX, s);
}

Fp80 fp80_round(Fp80 a, Fp80Status *s)
{
    uint8_t precision = s->precision;
    s->precision = 64;
    Fp80 r = operate(to_integral, a, a, false, s);
    s->precision = precision;
    FpParts was = unpack(a), is = unpack(r);
    s->rounded_up = was.kind == KIND_FINITE && is.kind == KIND_FINITE &&
                    (is.exp > was.exp || (is.exp == was.exp && is.sig > was.sig));
    return r;
}

FpOrder fp80_compare(Fp80 x, Fp80 y, bool signaling, Fp80Status *s)
{
    FpParts a = unpack(x), b = unpack(y);
    bool unsupported = is_unsupported(x) || is_unsupported(y);
    if (unsupported || fp_is_nan(a) || fp_is_nan(b)) {
        bool snan = a.kind == KIND_SNAN || b.kind == KIND_SNAN;
        s->flags |= unsupported || signaling || snan ? FP_NV : 0;
        return FP_UNORDERED;
    }
    s->flags |= is_subnormal(x) || is_subnormal(y) ? FP_DN : 0;
    if (a.kind == KIND_ZERO && b.kind == KIND_ZERO) {
        return FP_EQUAL;
    }
    if (a.sign != b.sign) {
        return a.sign ? FP_LESS : FP_GREATER;
    }
    int order = a.kind != b.kind ? (a.kind < b.kind ? -1 : 1) /* 0, finite, infinite */
                : a.exp != b.exp ? (a.exp < b.exp ? -1 : 1)
                                 : (a.sig > b.sig) - (a.sig < b.sig);
    order = a.sign ? -order : order;
    return order < 0 ? FP_LESS : order > 0 ? FP_GREATER : FP_EQUAL;
}

/* ---- conversions ------------------------------------------------------------------------ */

Fp80 fp80_from(FpFormat f, uint64_t a, Fp80Status *s)
{
    const FpLayout *l = &fp_layouts[f];
    Fp80Status exact = { .precision = 64 };
    FpParts p = fp_unpack(l, a);
    if (p.kind == KIND_SNAN) {
        s->flags |= FP_NV;
        p.sig |= FP_QUIET_BIT;
    }
    if (p.kind == KIND_FINITE && p.exp < 1 - fp_bias(l)) {
        s->flags |= FP_DN;
    }
    return pack(p, &exact);
}

Fp80 fp80_from_i64(int64_t v)
{
    Fp80Status exact = { .precision = 64 };
    uint64_t magnitude = v;
    return pack(parts_from_int(v < 0, v < 0 ? -magnitude : magnitude), &exact);
}

/* The x87 has rounded a result's magnitude up when the stored one is above it. */
uint64_t fp80_to(FpFormat f, Fp80 a, Fp80Status *s)
{
    const FpLayout *l = &fp_layouts[f];
    FpStatus inner = { .rounding = s->rounding };
    FpParts p = unpack(a);
    s->rounded_up = false;
    if (is_unsupported(a)) {
        s->flags |= FP_NV;
        return fp_sign_bit(l) | fp_inf_bits(l) | UINT64_C(1) << (l->frac_bits - 1);
    }
    if (p.kind == KIND_SNAN) {
        s->flags |= FP_NV;
        p.sig |= FP_QUIET_BIT;
    }
    p.sig &= fp_is_nan(p) ? ~FP_TOP_BIT : ~(u128)0; /* a NaN's integer bit is not of the fraction */
    uint64_t r = fp_pack(l, p, &inner);
    s->flags |= inner.flags;
    if (p.kind == KIND_FINITE && (inner.flags & FP_NX)) {
        FpParts stored = fp_unpack(l, r);
        s->rounded_up =
            stored.kind == KIND_INF || (stored.kind == KIND_FINITE &&
                                        (stored.exp > p.exp || (stored.exp == p.exp && stored.sig > p.sig)));
    }
    return r;
}

int64_t fp80_to_int(Fp80 a, unsigned bits, Fp80Status *s)
{
    FpStatus inner = { .rounding = s->rounding };
    uint64_t most = (UINT64_C(1) << (bits - 1)) - 1;
    FpParts p = unpack(a);
    s->rounded_up = false;
    if (is_unsupported(a) || fp_is_nan(p)) {
        s->flags |= FP_NV;
        return -(int64_t)most - 1;
    }
    int64_t v = parts_to_int(p, most, most + 1, &inner);
    s->flags |= inner.flags;
    if (inner.flags & FP_NV) {
        return -(int64_t)most - 1;
    }
    if (inner.flags & FP_NX) {
        FpParts stored = parts_from_int(v < 0, v < 0 ? -(uint64_t)v : (uint64_t)v);
        s->rounded_up =
            stored.kind == KIND_FINITE && (stored.exp > p.exp || (stored.exp == p.exp && stored.sig > p.sig));
    }
    return v;
}
