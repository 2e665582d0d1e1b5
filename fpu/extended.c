/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The x87's format on the arithmetic of core.h; the contract stands in fpu/extended.h.
 *
 * Sums and products of core.c hold for its 64 bits; quotients and roots, which do not, are here, as are the x87's rules of
 * NaN operands, precision, and subnormal operands. */
#include "fpu/extended-core.h"
#include "fpu/extended-normal.h"

/* ---- packing --------------------------------------------------------------------- */

static Fp80 overflow(FpParts p, Fp80Status *s)
{
    bool stay = s->rounding == FP_RTZ || s->rounding == (p.sign ? FP_RUP : FP_RDN);
    uint16_t sign = p.sign ? FP80_SIGN : 0;
    s->flags |= FP_OF | FP_NX;
    s->rounded_up = !stay;
    if (stay) {
        return (Fp80){ UINT64_MAX << (64 - s->precision), (FP80_EXP_MAX - 1) | sign };
    }
    return (Fp80){ FP80_INTEGER_BIT, FP80_EXP_MAX | sign };
}

/* The trapped answer to a result that is too large or too small: it is 2 to this nearer to 1. */
static int wrap(FpParts p, Fp80Status *s)
{
    bool inexact;
    bool carry = fp_round_shift(p.sig, 128 - s->precision, p.sign, s->rounding, &inexact) >> s->precision;
    int exp = p.exp + FP80_BIAS + carry;
    if (exp < 1 && (s->traps & FP_UF)) {
        s->flags |= FP_UF;
        return FP80_WRAP;
    }
    if (exp >= FP80_EXP_MAX && (s->traps & FP_OF)) {
        s->flags |= FP_OF;
        return -FP80_WRAP;
    }
    return 0;
}

static Fp80 pack_finite(FpParts p, Fp80Status *s)
{
    int exp = p.exp + FP80_BIAS + (s->traps ? wrap(p, s) : 0), drop = 128 - s->precision;
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
    if (exp >= FP80_EXP_MAX) {
        return overflow(p, s);
    }
    if (inexact) {
        s->flags |= tiny ? FP_NX | FP_UF : FP_NX;
    }
    uint64_t mantissa = (uint64_t)kept << (64 - s->precision);
    uint16_t field = mantissa & FP80_INTEGER_BIT ? exp : 0;
    return (Fp80){ mantissa, field | (p.sign ? FP80_SIGN : 0) };
}

Fp80 fp80_pack(FpParts p, Fp80Status *s)
{
    uint16_t sign = p.sign ? FP80_SIGN : 0;
    s->rounded_up = false;
    switch ((FpKind)p.kind) {
    case KIND_ZERO: return (Fp80){ 0, sign };
    case KIND_FINITE: return pack_finite(p, s);
    case KIND_INF: return (Fp80){ FP80_INTEGER_BIT, FP80_EXP_MAX | sign };
    default: return (Fp80){ FP80_INTEGER_BIT | (uint64_t)(p.sig >> 64), FP80_EXP_MAX | sign };
    }
}

/* ---- operands ----------------------------------------------------------------------- */

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

Fp80 fp80_operate(Fp80Operation *op, Fp80 x, Fp80 y, Fp80Status *s)
{
    FpStatus inner = { .rounding = s->rounding };
    if (fp80_is_unsupported(x) || fp80_is_unsupported(y)) {
        return fp80_invalid(s);
    }
    FpParts a = fp80_unpack(x), b = fp80_unpack(y);
    if (fp_is_nan(a) || fp_is_nan(b)) {
        return fp80_pack(pick_nan(a, b, s), s);
    }
    FpParts r = op(a, b, &inner);
    if (inner.flags & FP_NV) {
        return fp80_invalid(s);
    }
    bool subnormal = s->subnormal || fp80_is_subnormal(x) || fp80_is_subnormal(y);
    s->flags |= inner.flags | (subnormal && !(inner.flags & FP_DZ) ? FP_DN : 0);
    return fp80_pack(r, s);
}

/* ---- operations ----------------------------------------------------------------------- */

Fp80 fp80_add(Fp80 a, Fp80 b, Fp80Status *s)
{
    Fp80 r;
    return !s->subnormal && fp80_add_normal(a, b, s, &r) ? r : fp80_operate(parts_add, a, b, s);
}

static FpParts subtract(FpParts a, FpParts b, FpStatus *s)
{
    b.sign ^= true;
    return parts_add(a, b, s);
}

Fp80 fp80_sub(Fp80 a, Fp80 b, Fp80Status *s)
{
    Fp80 r;
    return !s->subnormal && fp80_subtract_normal(a, b, s, &r) ? r : fp80_operate(subtract, a, b, s);
}

Fp80 fp80_mul(Fp80 a, Fp80 b, Fp80Status *s)
{
    Fp80 r;
    return !s->subnormal && fp80_multiply_normal(a, b, s, &r) ? r : fp80_operate(parts_mul, a, b, s);
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
    Fp80 normal;
    if (!s->subnormal && fp80_divide_normal(a, b, s, &normal)) {
        return normal;
    }
    return fp80_operate(divide, a, b, s);
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
    return fp80_operate(square_root, a, a, s);
}

static FpParts to_integral(FpParts a, FpParts unused, FpStatus *s)
{
    return parts_round(a, FP_NX, s);
}

Fp80 fp80_round(Fp80 a, Fp80Status *s)
{
    uint8_t precision = s->precision;
    s->precision = 64;
    Fp80 r = fp80_operate(to_integral, a, a, s);
    s->precision = precision;
    FpParts was = fp80_unpack(a), is = fp80_unpack(r);
    s->rounded_up = was.kind == KIND_FINITE && is.kind == KIND_FINITE &&
                    (is.exp > was.exp || (is.exp == was.exp && is.sig > was.sig));
    return r;
}

FpOrder fp80_compare(Fp80 x, Fp80 y, bool signaling, Fp80Status *s)
{
    FpOrder normal;
    if (!s->subnormal && fp80_compare_normal(x, y, &normal)) {
        return normal;
    }
    FpParts a = fp80_unpack(x), b = fp80_unpack(y);
    bool unsupported = fp80_is_unsupported(x) || fp80_is_unsupported(y);
    if (unsupported || fp_is_nan(a) || fp_is_nan(b)) {
        bool snan = a.kind == KIND_SNAN || b.kind == KIND_SNAN;
        s->flags |= unsupported || signaling || snan ? FP_NV : 0;
        return FP_UNORDERED;
    }
    s->flags |= s->subnormal || fp80_is_subnormal(x) || fp80_is_subnormal(y) ? FP_DN : 0;
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

Fp80 fp80_operand(FpFormat f, uint64_t a, Fp80Status *s)
{
    const FpLayout *l = &fp_layouts[f];
    Fp80 normal;
    if (fp80_widen_normal(l->exp_bits, l->frac_bits, a, &normal)) {
        return normal;
    }
    Fp80Status exact = { .precision = 64 };
    FpParts p = fp_unpack(l, a);
    s->subnormal |= p.kind == KIND_FINITE && p.exp < 1 - fp_bias(l);
    return fp80_pack(p, &exact);
}

Fp80 fp80_from(FpFormat f, uint64_t a, Fp80Status *s)
{
    Fp80 r = fp80_operand(f, a, s);
    if (fp80_unpack(r).kind == KIND_SNAN) {
        s->flags |= FP_NV;
        r.mantissa |= FP80_INTEGER_BIT >> 1;
    }
    s->flags |= s->subnormal ? FP_DN : 0;
    return r;
}

Fp80 fp80_from_i64(int64_t v)
{
    uint64_t magnitude = v < 0 ? -(uint64_t)v : (uint64_t)v;
    if (!magnitude) {
        return (Fp80){ 0, 0 };
    }
    int shift = __builtin_clzll(magnitude);
    return (Fp80){ magnitude << shift, (FP80_BIAS + 63 - shift) | (v < 0 ? FP80_SIGN : 0) };
}

/* The x87 has rounded a result's magnitude up when the stored one is above it. */
uint64_t fp80_to(FpFormat f, Fp80 a, Fp80Status *s)
{
    const FpLayout *l = &fp_layouts[f];
    uint64_t normal;
    if (fp80_narrow_normal(l->exp_bits, l->frac_bits, a, s, &normal)) {
        return normal;
    }
    FpStatus inner = { .rounding = s->rounding };
    FpParts p = fp80_unpack(a);
    s->rounded_up = false;
    if (fp80_is_unsupported(a)) {
        s->flags |= FP_NV;
        return fp_sign_bit(l) | fp_inf_bits(l) | UINT64_C(1) << (l->frac_bits - 1);
    }
    if (p.kind == KIND_SNAN) {
        s->flags |= FP_NV;
        p.sig |= FP_QUIET_BIT;
    }
    p.sig &= fp_is_nan(p) ? ~FP_TOP_BIT : ~(u128)0; /* a NaN's integer bit is not of the fraction */
    uint64_t r = fp_pack(l, p, &inner);
    bool exact_subnormal = p.kind == KIND_FINITE && p.exp < 1 - fp_bias(l) && !(inner.flags & FP_NX);
    s->flags |= inner.flags | (exact_subnormal ? s->traps & FP_UF : 0);
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
    int64_t normal;
    if (fp80_integer_normal(a, bits, s, &normal)) {
        return normal;
    }
    FpStatus inner = { .rounding = s->rounding };
    uint64_t most = (UINT64_C(1) << (bits - 1)) - 1;
    FpParts p = fp80_unpack(a);
    s->rounded_up = false;
    if (fp80_is_unsupported(a) || fp_is_nan(p)) {
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
