/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The x87's format on the arithmetic of core.h; the contract stands in fpu/extended.h.
 *
 * Sums and products of core.c hold for its 64 bits; quotients and roots, which do not, are here, as are the x87's rules of
 * NaN operands, precision, and subnormal operands. */
#include "fpu/extended-core.h"

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

/* ---- the common case ------------------------------------------------------------------- */

/* Normal operands with a normal result, without the unpacked form: a quarter of the time.  False: it is another case. */

static inline bool is_normal(Fp80 a)
{
    return a.mantissa >> 63 && (a.exponent & FP80_EXP_MAX) != FP80_EXP_MAX && (a.exponent & FP80_EXP_MAX);
}

static inline bool are_normal(Fp80 a, Fp80 b, const Fp80Status *s)
{
    return is_normal(a) && is_normal(b) && !s->subnormal;
}

/* rest: what is below kept, as a fraction of 2^64; its last bit is sticky. */
static inline bool goes_up(uint64_t kept, uint64_t rest, bool sign, uint8_t rounding)
{
    switch (rounding) {
    case FP_RNE: return rest > FP80_INTEGER_BIT || (rest == FP80_INTEGER_BIT && (kept & 1));
    case FP_RDN: return sign && rest;
    case FP_RUP: return !sign && rest;
    default: return false;
    }
}

/* sig has its top bit set; exp is biased. */
static inline bool round_normal(u128 sig, int exp, bool sign, Fp80Status *s, Fp80 *r)
{
    uint64_t kept = sig >> 64, rest = sig;
    unsigned cut = 64 - s->precision;
    if (cut) {
        u128 below = sig << s->precision;
        kept >>= cut;
        rest = (uint64_t)(below >> 64) | ((uint64_t)below != 0);
    }
    bool up = goes_up(kept, rest, sign, s->rounding);
    uint64_t mantissa = (kept + up) << cut; /* 0: a carry */
    exp += !mantissa;
    if (exp < 1 || exp >= FP80_EXP_MAX) {
        return false;
    }
    s->flags |= rest ? FP_NX : 0;
    s->rounded_up = up;
    *r = (Fp80){ mantissa ? mantissa : FP80_INTEGER_BIT, exp | (sign ? FP80_SIGN : 0) };
    return true;
}

static bool multiply_normal(Fp80 a, Fp80 b, Fp80Status *s, Fp80 *r)
{
    if (!are_normal(a, b, s)) {
        return false;
    }
    u128 product = (u128)a.mantissa * b.mantissa;
    bool wide = product >> 127;
    int exp = (a.exponent & FP80_EXP_MAX) + (b.exponent & FP80_EXP_MAX) - FP80_BIAS + wide;
    return round_normal(wide ? product : product << 1, exp, (a.exponent ^ b.exponent) & FP80_SIGN, s, r);
}

static bool add_normal(Fp80 a, Fp80 b, Fp80Status *s, Fp80 *r)
{
    if (!are_normal(a, b, s)) {
        return false;
    }
    if ((a.exponent & FP80_EXP_MAX) < (b.exponent & FP80_EXP_MAX)) {
        Fp80 swap = a;
        a = b;
        b = swap;
    }
    int exp = a.exponent & FP80_EXP_MAX;
    u128 x = (u128)a.mantissa << 63; /* room for a carry */
    int apart = exp - (b.exponent & FP80_EXP_MAX);
    u128 y = (u128)b.mantissa << 63;
    y = apart < 64 ? y >> apart : fp_shift_right_jam(y, apart);
    bool sign = a.exponent & FP80_SIGN, alike = !((a.exponent ^ b.exponent) & FP80_SIGN);
    if (!alike && x < y) {
        u128 swap = x;
        x = y;
        y = swap;
        sign = !sign;
    }
    u128 sum = alike ? x + y : x - y;
    int shift = sum ? fp_leading_zeros(sum) : 0;
    return sum && round_normal(sum << shift, exp + 1 - shift, sign, s, r);
}

/* ---- operations ----------------------------------------------------------------------- */

Fp80 fp80_add(Fp80 a, Fp80 b, Fp80Status *s)
{
    Fp80 r;
    return add_normal(a, b, s, &r) ? r : fp80_operate(parts_add, a, b, s);
}

static FpParts subtract(FpParts a, FpParts b, FpStatus *s)
{
    b.sign ^= true;
    return parts_add(a, b, s);
}

Fp80 fp80_sub(Fp80 a, Fp80 b, Fp80Status *s)
{
    Fp80 r, negated = { b.mantissa, b.exponent ^ FP80_SIGN };
    return add_normal(a, negated, s, &r) ? r : fp80_operate(subtract, a, b, s);
}

Fp80 fp80_mul(Fp80 a, Fp80 b, Fp80Status *s)
{
    Fp80 r;
    return multiply_normal(a, b, s, &r) ? r : fp80_operate(parts_mul, a, b, s);
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

/* high < by: the quotient has 64 bits. */
static inline uint64_t divide_wide(uint64_t high, uint64_t low, uint64_t by, uint64_t *rest)
{
#ifdef __x86_64__
    uint64_t quotient;
    __asm__("divq %4" : "=a"(quotient), "=d"(*rest) : "0"(low), "1"(high), "r"(by) : "cc");
    return quotient;
#else
    u128 all = (u128)high << 64 | low;
    *rest = all % by;
    return all / by;
#endif
}

static bool divide_normal(Fp80 a, Fp80 b, Fp80Status *s, Fp80 *r)
{
    uint64_t left, m = a.mantissa, by = b.mantissa;
    if (!are_normal(a, b, s)) {
        return false;
    }
    bool less = m < by;
    uint64_t quotient = divide_wide(less ? m : m >> 1, less ? 0 : m << 63, by, &left);
    bool half = left >= by - left, more = half ? left != by - left : left != 0;
    int exp = (a.exponent & FP80_EXP_MAX) - (b.exponent & FP80_EXP_MAX) + FP80_BIAS - less;
    return round_normal(with_rest(quotient, half, more), exp, (a.exponent ^ b.exponent) & FP80_SIGN, s, r);
}

Fp80 fp80_div(Fp80 a, Fp80 b, Fp80Status *s)
{
    Fp80 normal;
    if (divide_normal(a, b, s, &normal)) {
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
    unsigned exp = a >> l->frac_bits & ((1u << l->exp_bits) - 1);
    if (exp && exp + 1 < 1u << l->exp_bits) { /* normal */
        uint16_t sign = a & fp_sign_bit(l) ? FP80_SIGN : 0;
        return (Fp80){ FP80_INTEGER_BIT | a << (63 - l->frac_bits), (exp - fp_bias(l) + FP80_BIAS) | sign };
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

/* Normal numbers that are such in the narrower format, too. */
static bool narrow_normal(const FpLayout *l, Fp80 a, Fp80Status *s, uint64_t *r)
{
    bool sign = a.exponent & FP80_SIGN;
    int drop = 63 - l->frac_bits, exp = (a.exponent & FP80_EXP_MAX) - FP80_BIAS + fp_bias(l);
    if (!is_normal(a) || exp < 1 || exp > 2 * fp_bias(l)) {
        return false;
    }
    uint64_t kept = a.mantissa >> drop, rest = a.mantissa << (64 - drop);
    bool up = goes_up(kept, rest, sign, s->rounding);
    uint64_t bits =
        ((uint64_t)(exp - 1) << l->frac_bits) + kept + up; /* the integer bit, and a carry, add to exp */
    if (bits >= fp_inf_bits(l)) {
        return false;
    }
    s->flags |= rest ? FP_NX : 0;
    s->rounded_up = up;
    *r = bits | (sign ? fp_sign_bit(l) : 0);
    return true;
}

/* The x87 has rounded a result's magnitude up when the stored one is above it. */
uint64_t fp80_to(FpFormat f, Fp80 a, Fp80Status *s)
{
    const FpLayout *l = &fp_layouts[f];
    uint64_t normal;
    if (narrow_normal(l, a, s, &normal)) {
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

/* Normal numbers that fit by far. */
static bool integer_normal(Fp80 a, unsigned bits, Fp80Status *s, int64_t *v)
{
    bool sign = a.exponent & FP80_SIGN;
    int exp = (a.exponent & FP80_EXP_MAX) - FP80_BIAS;
    if (!is_normal(a) || exp > (int)bits - 3) {
        return false;
    }
    uint64_t kept = 0, rest = exp == -1 ? a.mantissa : 1; /* how far it is below 1/2 does not count */
    if (exp >= 0) {
        kept = a.mantissa >> (63 - exp);
        rest = a.mantissa << (exp + 1);
    }
    bool up = goes_up(kept, rest, sign, s->rounding);
    kept += up;
    s->flags |= rest ? FP_NX : 0;
    s->rounded_up = up;
    *v = sign ? -(int64_t)kept : (int64_t)kept;
    return true;
}

int64_t fp80_to_int(Fp80 a, unsigned bits, Fp80Status *s)
{
    int64_t normal;
    if (integer_normal(a, bits, s, &normal)) {
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
