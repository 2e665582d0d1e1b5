/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The oracle.  Every rounded result is one of the two neighbouring patterns that enclose the
 * exact result; patterns without sign are ordered as the numbers are, so that a binary search
 * finds them.  The comparison r <=> exact is made without division or root:
 *
 *      sums, products, conversions:  r * 1 <=> T      T the exact result
 *      quotients a / b:              r * b <=> T      T = a
 *      roots of a:                   r * r <=> T      T = a
 *
 * in fixed point with a unit far below all products of two numbers of any format.  Operations
 * on zeros, infinities and NaN, and exact zeros, have results that do not depend on the format:
 * they are taken from the host's double. */
#include "oracle.h"

#include <fenv.h>
#include <math.h>
#include <string.h>

typedef unsigned __int128 u128;

enum { UNIT = 2240, WORDS = 70 }; /* the unit is 2^-2240; values stay below 2^2100 */

/* A magnitude in units of 2^-UNIT, least significant word first. */
typedef struct Big {
    uint64_t w[WORDS];
} Big;

/* (-1)^negative * m * 2^e */
typedef struct Number {
    bool negative;
    uint64_t m;
    int e;
} Number;

static const Number one = { .m = 1 };

static int big_compare(const Big *a, const Big *b)
{
    for (int i = WORDS - 1; i >= 0; i--) {
        if (a->w[i] != b->w[i]) {
            return a->w[i] < b->w[i] ? -1 : 1;
        }
    }
    return 0;
}

static Big big_product(Number a, Number b)
{
    Big r = { 0 };
    int shift = a.e + b.e + UNIT;
    u128 p = (u128)a.m * b.m;
    g_assert(shift >= 0 && shift / 64 + 2 < WORDS);
    uint64_t *w = &r.w[shift / 64];
    shift %= 64;
    w[0] = (uint64_t)p << shift;
    w[1] = p << shift >> 64;
    w[2] = shift ? p >> 64 >> (64 - shift) : 0;
    return r;
}

static Big big_add(const Big *a, const Big *b)
{
    Big r;
    u128 carry = 0;
    for (int i = 0; i < WORDS; i++) {
        carry += (u128)a->w[i] + b->w[i];
        r.w[i] = carry;
        carry >>= 64;
    }
    return r;
}

/* a - b, a >= b */
static Big big_subtract(const Big *a, const Big *b)
{
    Big r;
    bool borrow = false;
    for (int i = 0; i < WORDS; i++) {
        u128 d = (u128)a->w[i] - b->w[i] - borrow;
        r.w[i] = d;
        borrow = d >> 64;
    }
    return r;
}

static bool big_is_zero(const Big *a)
{
    static const Big zero;
    return !memcmp(a, &zero, sizeof zero);
}

static uint64_t inf_pattern(Format f)
{
    return ((UINT64_C(1) << format_exp_bits[f]) - 1) << format_frac_bits[f];
}

static uint64_t sign_pattern(Format f)
{
    return UINT64_C(1) << (format_exp_bits[f] + format_frac_bits[f]);
}

static uint64_t nan_pattern(Format f)
{
    return inf_pattern(f) | UINT64_C(1) << (format_frac_bits[f] - 1);
}

/* The number that a pattern means, with e that of its last place.  That of infinity is the power
 * of two that would follow the largest finite number. */
static Number decode(Format f, uint64_t bits)
{
    uint64_t magnitude = bits & (sign_pattern(f) - 1);
    int bias = (1 << (format_exp_bits[f] - 1)) - 1, exp = magnitude >> format_frac_bits[f];
    uint64_t frac = magnitude & ((UINT64_C(1) << format_frac_bits[f]) - 1);
    return (Number){
        .negative = bits & sign_pattern(f),
        .m = exp ? frac | UINT64_C(1) << format_frac_bits[f] : frac,
        .e = (exp ? exp : 1) - bias - format_frac_bits[f],
    };
}

/* What is to be rounded: the number r for which r * factor (or r * r) is TARGET. */
typedef struct Exact {
    bool negative, root;
    Number factor;
    Big target;
} Exact;

/* r <=> exact result */
static int compare_candidate(const Exact *x, Number r)
{
    Big value = big_product(r, x->root ? r : x->factor);
    return big_compare(&value, &x->target);
}

/* Whether the exact result, strictly between LOW and the next number, goes to the latter. */
static bool goes_up(const Exact *x, Number low, FpStatus rules)
{
    Number middle = { .m = 2 * low.m + 1, .e = low.e - 1 };
    int side;
    switch (rules.rounding) {
    case FP_RTZ: return false;
    case FP_RDN: return x->negative;
    case FP_RUP: return !x->negative;
    default:
        side = compare_candidate(x, middle);
        return side < 0 || (side == 0 && (rules.rounding == FP_RMM || (low.m & 1)));
    }
}

static bool is_tiny(Format f, const Exact *x, FpStatus rules)
{
    int p = format_frac_bits[f] + 1;
    Number normal = decode(f, UINT64_C(1) << format_frac_bits[f]);
    Number below = { .m = (UINT64_C(1) << p) - 1, .e = normal.e - 1 };
    if (compare_candidate(x, normal) <= 0) {
        return false;
    }
    /* `below` is the last number before the first normal one if exponents were unbounded. */
    bool rounds_to_normal = compare_candidate(x, below) < 0 && goes_up(x, below, rules);
    return rules.tininess_before || !rounds_to_normal;
}

static OracleResult round_exact(Format f, const Exact *x, FpStatus rules)
{
    uint64_t low = 0, high = inf_pattern(f) + 1, sign = x->negative ? sign_pattern(f) : 0;
    OracleResult r = { 0 };
    while (high - low > 1) { /* low <= exact < high, where infinity + 1 is above all */
        uint64_t middle = low + (high - low) / 2;
        if (compare_candidate(x, decode(f, middle)) <= 0) {
            low = middle;
        } else {
            high = middle;
        }
    }
    bool huge = low == inf_pattern(f);
    bool exact = compare_candidate(x, decode(f, low)) == 0;
    uint64_t rounded = low;
    if (!exact && !huge) {
        rounded += goes_up(x, decode(f, low), rules);
        r.flags = FP_NX | (is_tiny(f, x, rules) ? FP_UF : 0);
    }
    if (rounded == inf_pattern(f)) {
        bool stays = rules.rounding == FP_RTZ || rules.rounding == (x->negative ? FP_RUP : FP_RDN);
        r.flags = FP_NX | FP_OF;
        rounded -= stays;
    }
    r.bits = rounded | sign;
    return r;
}

/* Exact patterns as doubles, signaling NaN included. */
static double to_double(Format f, uint64_t bits)
{
    double d;
    uint64_t magnitude = bits & (sign_pattern(f) - 1);
    Number n = decode(f, bits);
    if (magnitude > inf_pattern(f)) {
        bool quiet = bits >> (format_frac_bits[f] - 1) & 1;
        uint64_t nan = quiet ? UINT64_C(0x7ff8000000000000) : UINT64_C(0x7ff4000000000000);
        memcpy(&d, &nan, sizeof d);
        return d;
    }
    d = magnitude == inf_pattern(f) ? INFINITY : ldexp(n.m, n.e);
    return n.negative ? -d : d;
}

/* A double that the format can represent, as a pattern. */
static uint64_t from_double(Format f, double d)
{
    if (isnan(d)) {
        return nan_pattern(f);
    }
    if (isinf(d)) {
        return inf_pattern(f) | (d < 0 ? sign_pattern(f) : 0);
    }
    int e;
    Number n = { .m = ldexp(frexp(fabs(d), &e), 60), .e = 0 };
    n.e = n.m ? e - 60 : 0;
    Exact x = { .negative = signbit(d), .factor = one, .target = big_product(n, one) };
    OracleResult r = round_exact(f, &x, (FpStatus){ 0 });
    g_assert(r.flags == 0);
    return r.bits;
}

static uint8_t host_flags(void)
{
    return (fetestexcept(FE_INVALID) ? FP_NV : 0) | (fetestexcept(FE_DIVBYZERO) ? FP_DZ : 0);
}

/* Zeros, infinities and NaN, in the host's double. */
static OracleResult run_special(Op op, Format f, const uint64_t x[3], FpStatus rules)
{
    static const int modes[] = { FE_TONEAREST, FE_TOWARDZERO, FE_DOWNWARD, FE_UPWARD, FE_TONEAREST };
    volatile double a = to_double(f, x[0]), b = to_double(f, x[1]), c = to_double(f, x[2]), r;
    OracleResult result = { 0 };
    bool inf_times_zero = (isinf(a) && b == 0) || (a == 0 && isinf(b));

    feclearexcept(FE_ALL_EXCEPT);
    fesetround(modes[rules.rounding]);
    switch (op) {
    case OP_ADD: r = a + b; break;
    case OP_SUB: r = a - b; break;
    case OP_MUL: r = a * b; break;
    case OP_DIV: r = a / b; break;
    case OP_SQRT: r = sqrt(a); break;
    case OP_FMADD: r = fma(a, b, c); break;
    case OP_FMSUB: r = fma(a, b, -c); break;
    case OP_FNMSUB: r = fma(-a, b, c); break;
    default: r = fma(-a, b, -c); break;
    }
    result.flags = host_flags();
    fesetround(FE_TONEAREST);
    if (op >= OP_FMADD && inf_times_zero) {
        result.flags |= FP_NV;
    }
    result.bits = from_double(f, r);
    return result;
}

static bool is_special(Format f, uint64_t bits)
{
    return (bits & (sign_pattern(f) - 1)) >= inf_pattern(f);
}

/* T = a * b + c with signs; factor 1. */
static Exact exact_sum(Number a, Number b, Number c)
{
    Exact x = { .factor = one, .negative = a.negative ^ b.negative };
    Big product = big_product(a, b), addend = big_product(c, one);
    if (x.negative == c.negative) {
        x.target = big_add(&product, &addend);
    } else if (big_compare(&product, &addend) >= 0) {
        x.target = big_subtract(&product, &addend);
    } else {
        x.target = big_subtract(&addend, &product);
        x.negative = c.negative;
    }
    return x;
}

static OracleResult run_arithmetic(Op op, Format f, const uint64_t bits[3], FpStatus rules)
{
    Number a = decode(f, bits[0]), b = decode(f, bits[1]), c = decode(f, bits[2]), zero = { 0 };
    bool special = false;
    Exact x;

    for (int i = 0; i < op_operands(op); i++) {
        special |= is_special(f, bits[i]);
    }
    switch (op) {
    case OP_ADD:
    case OP_SUB:
        b.negative ^= op == OP_SUB;
        x = exact_sum(a, one, b);
        break;
    case OP_MUL: x = exact_sum(a, b, zero); break;
    case OP_DIV:
        x = (Exact){ .negative = a.negative ^ b.negative, .factor = b, .target = big_product(a, one) };
        special |= b.m == 0;
        break;
    case OP_SQRT:
        x = (Exact){ .root = true, .target = big_product(a, one) };
        special |= a.negative;
        break;
    default:
        a.negative ^= op == OP_FNMSUB || op == OP_FNMADD;
        c.negative ^= op == OP_FMSUB || op == OP_FNMADD;
        x = exact_sum(a, b, c);
        break;
    }
    if (special || big_is_zero(&x.target)) {
        return run_special(op, f, bits, rules);
    }
    return round_exact(f, &x, rules);
}

static bool is_snan(Format f, uint64_t bits)
{
    return is_special(f, bits) && isnan(to_double(f, bits)) && !(bits >> (format_frac_bits[f] - 1) & 1);
}

static OracleResult run_min_max(Op op, Format f, const uint64_t x[3])
{
    double a = to_double(f, x[0]), b = to_double(f, x[1]);
    OracleResult r = { .flags = is_snan(f, x[0]) || is_snan(f, x[1]) ? FP_NV : 0 };
    bool number = op == OP_MIN || op == OP_MAX, min = op == OP_MIN || op == OP_MINM;

    if (isnan(a) || isnan(b)) {
        r.bits = !number || (isnan(a) && isnan(b)) ? nan_pattern(f) : isnan(a) ? x[1] : x[0];
    } else if (a == b) {
        r.bits = !signbit(a) == min ? x[1] : x[0];
    } else {
        r.bits = (a < b) == min ? x[0] : x[1];
    }
    return r;
}

static OracleResult run_compare(Op op, Format f, const uint64_t x[3])
{
    double a = to_double(f, x[0]), b = to_double(f, x[1]);
    OracleResult r = { 0 };
    bool any = isnan(a) || isnan(b), signaling = is_snan(f, x[0]) || is_snan(f, x[1]);

    r.flags = signaling || (any && (op == OP_LT || op == OP_LE)) ? FP_NV : 0;
    r.bits = !any && (op == OP_EQ ? a == b : op == OP_LT || op == OP_LTQ ? a < b : a <= b);
    return r;
}

static OracleResult run_classify(Format f, uint64_t bits)
{
    double a = to_double(f, bits), normal = to_double(f, UINT64_C(1) << format_frac_bits[f]);
    int n = isnan(a) ? 0 : isinf(a) ? 7 : fabs(a) >= normal ? 6 : a != 0 ? 5 : 4;
    if (isnan(a)) {
        n = is_snan(f, bits) ? 8 : 9;
    } else if (signbit(a)) {
        n = 7 - n;
    }
    return (OracleResult){ .bits = 1 << n };
}

static double round_double(double a, uint8_t rounding)
{
    switch (rounding) {
    case FP_RNE: return rint(a);
    case FP_RTZ: return trunc(a);
    case FP_RDN: return floor(a);
    case FP_RUP: return ceil(a);
    default: return round(a);
    }
}

static OracleResult run_round(Op op, Format f, uint64_t bits, FpStatus rules)
{
    if (is_special(f, bits)) {
        bool nan = isnan(to_double(f, bits));
        return (OracleResult){ .bits = nan ? nan_pattern(f) : bits, .flags = is_snan(f, bits) ? FP_NV : 0 };
    }
    double a = to_double(f, bits), r = round_double(a, rules.rounding);
    return (OracleResult){ .bits = from_double(f, r), .flags = op == OP_ROUNDNX && r != a ? FP_NX : 0 };
}

static OracleResult run_to_int(Op op, Format f, uint64_t bits, FpStatus rules)
{
    static const struct {
        double low, above;
        uint64_t lowest, highest;
    } range[] = {
        { -0x1p31, 0x1p31, INT32_MIN, INT32_MAX },
        { 0, 0x1p32, 0, UINT32_MAX },
        { -0x1p63, 0x1p63, INT64_MIN, INT64_MAX },
        { 0, 0x1p64, 0, UINT64_MAX },
    };
    int k = op - OP_TO_I32;
    bool snan = is_special(f, bits) && isnan(to_double(f, bits));
    double a = snan ? INFINITY : to_double(f, bits), r = round_double(a, rules.rounding);

    if (r < range[k].low) {
        return (OracleResult){ .bits = range[k].lowest, .flags = FP_NV };
    }
    if (r >= range[k].above) {
        return (OracleResult){ .bits = range[k].highest, .flags = FP_NV };
    }
    return (OracleResult){ .bits = r < 0 ? -(uint64_t)-r : (uint64_t)r, .flags = r != a ? FP_NX : 0 };
}

static OracleResult run_from_int(Op op, Format f, uint64_t v, FpStatus rules)
{
    Number n = { .m = v };
    if (op == OP_FROM_I32) {
        v = (int64_t)(int32_t)v;
    }
    if (op == OP_FROM_U32) {
        n.m = (uint32_t)v;
    } else if (op != OP_FROM_U64) {
        n.negative = (int64_t)v < 0;
        n.m = n.negative ? -v : v;
    }
    Exact x = { .negative = n.negative, .factor = one, .target = big_product(n, one) };
    return round_exact(f, &x, rules);
}

static OracleResult run_convert(Format from, uint64_t bits, Format to, FpStatus rules)
{
    if (is_special(from, bits)) {
        return (OracleResult){ .bits = from_double(to, to_double(from, bits)),
                               .flags = is_snan(from, bits) ? FP_NV : 0 };
    }
    Number n = decode(from, bits);
    Exact x = { .negative = n.negative, .factor = one, .target = big_product(n, one) };
    return round_exact(to, &x, rules);
}

OracleResult oracle_run(Op op, Format format, const uint64_t x[3], FpStatus rules)
{
    switch (op) {
    case OP_MIN ... OP_MAXM: return run_min_max(op, format, x);
    case OP_EQ ... OP_LEQ: return run_compare(op, format, x);
    case OP_CLASSIFY: return run_classify(format, x[0]);
    case OP_ROUND:
    case OP_ROUNDNX: return run_round(op, format, x[0], rules);
    case OP_TO_I32 ... OP_TO_U64: return run_to_int(op, format, x[0], rules);
    case OP_FROM_I32 ... OP_FROM_U64: return run_from_int(op, format, x[0], rules);
    case OP_TO_F16 ... OP_TO_BF16: return run_convert(format, x[0], op - OP_TO_F16, rules);
    default: return run_arithmetic(op, format, x, rules);
    }
}
