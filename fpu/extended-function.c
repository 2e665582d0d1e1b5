/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The x87's transcendental functions in software: within one unit in the last place of any chip's.
 *
 * Numbers are FpParts of 128 bits, whose operations cut: the error of some tens of them is far below the 64 bits that the
 * result is rounded to once.  Arguments are reduced to where a series ends soon: sin, cos and 2^x - 1 are Taylor's, logarithms
 * atanh's, arcus tangens its own behind a table of eight.
 *
 * Angles are reduced by a pi of 66 bits, as Intel's and AMD's chips do (Intel SDM 1, "Approximation of Pi").
 * Source of special cases: Intel SDM volume 2, tables at F2XM1, FYL2X, FYL2XP1, FPATAN, FSIN, FCOS, FPTAN. */
#include "fpu/extended-core.h"
#include "fpu/extended-host.h"

/* ---- arithmetic of 128 bits -------------------------------------------------------- */

typedef struct Constant {
    uint64_t high, low;
    int exp;
} Constant;
static const Constant LN2 = { 0xb17217f7d1cf79ab, 0xc9e3b39803f2f6af, -1 };
static const Constant LOG2_E = { 0xb8aa3b295c17f0bb, 0xbe87fed0691d3e88, 0 };
static const Constant HALF_PI = { 0xc90fdaa22168c234, 0xc4c6628b80dc1cd1, 0 };
static const Constant ROOT_HALF = { 0xb504f333f9de6484, 0x597d89b3754abe9f, -1 };
static const Constant atan_eighths[] = {
    /* of 1/8 to 8/8 */
    { 0xfeadd4d5617b6e32, 0xc897989f3e888ef7, -4 }, { 0xfadbafc96406eb15, 0x6dc79ef5f7a217e5, -3 },
    { 0xb7b0ca0f26f78473, 0x8aa32122dcfe4483, -2 }, { 0xed63382b0dda7b45, 0x6fe445ecbc3a8d03, -2 },
    { 0x8f005d5ef7f59f9b, 0x5c835e1665c43747, -1 }, { 0xa4bc7d1934f70924, 0x19a87f2a457dac9e, -1 },
    { 0xb8053e2bc2319e73, 0xcb2da55210a4443d, -1 }, { 0xc90fdaa22168c234, 0xc4c6628b80dc1cd1, -1 },
};

static FpParts of_constant(Constant c)
{
    return (FpParts){ .kind = KIND_FINITE, .sig = (u128)c.high << 64 | c.low, .exp = c.exp };
}

static FpParts whole(uint64_t n)
{
    return parts_from_int(false, n);
}

static FpParts add(FpParts a, FpParts b)
{
    FpStatus unused = { 0 };
    return parts_add(a, b, &unused);
}

static FpParts multiply(FpParts a, FpParts b)
{
    if (a.kind != KIND_FINITE || b.kind != KIND_FINITE) {
        return (FpParts){ .kind = KIND_ZERO, .sign = a.sign ^ b.sign };
    }
    uint64_t a1 = a.sig >> 64, a0 = a.sig, b1 = b.sig >> 64, b0 = b.sig;
    u128 low = (u128)a0 * b0, x = (u128)a1 * b0, y = (u128)a0 * b1;
    u128 middle = (low >> 64) + (uint64_t)x + (uint64_t)y;
    u128 high = (u128)a1 * b1 + (x >> 64) + (y >> 64) + (middle >> 64);
    bool wide = high >> 127;
    return (FpParts){ .kind = KIND_FINITE,
                      .sign = a.sign ^ b.sign,
                      .exp = a.exp + b.exp + wide,
                      .sig = wide ? high : high << 1 | (uint64_t)middle >> 63 };
}

static FpParts divide(FpParts a, FpParts b) /* b is not 0 */
{
    if (a.kind != KIND_FINITE) {
        return (FpParts){ .kind = KIND_ZERO, .sign = a.sign ^ b.sign };
    }
    bool borrow = a.sig < b.sig, carry = borrow && a.sig >> 127;
    u128 rest = a.sig << borrow, quotient = 0;
    for (unsigned i = 0; i < 128; i++) {
        bool fits = carry || rest >= b.sig;
        quotient = quotient << 1 | fits;
        rest -= fits ? b.sig : 0;
        carry = rest >> 127;
        rest <<= 1;
    }
    return (FpParts){
        .kind = KIND_FINITE, .sign = a.sign ^ b.sign, .exp = a.exp - b.exp - borrow, .sig = quotient
    };
}

static FpParts twice(FpParts a, int times)
{
    a.exp += times;
    return a;
}

static bool below(FpParts a, FpParts b) /* magnitudes */
{
    if (a.kind != KIND_FINITE || b.kind != KIND_FINITE) {
        return b.kind == KIND_FINITE && a.kind == KIND_ZERO;
    }
    return a.exp != b.exp ? a.exp < b.exp : a.sig < b.sig;
}

static FpParts magnitude(FpParts a)
{
    a.sign = false;
    return a;
}

/* ---- series --------------------------------------------------------------------------- */

/* 1 + x / d(first) * (1 + x / d(first + step) * (...)), d(k) = k or k * (k + 1) */
static FpParts nested(FpParts x, unsigned first, unsigned step, bool pairs, unsigned terms)
{
    FpParts sum = whole(1);
    for (unsigned n = terms; n-- > 0;) {
        unsigned k = first + n * step;
        FpParts term = divide(multiply(x, sum), whole(pairs ? k * (k + 1) : k));
        sum = add(whole(1), term);
    }
    return sum;
}

/* x * (1 + s/3 + s^2/5 ...), s = x^2 or -x^2: atanh, atan */
static FpParts odd_series(FpParts x, bool alternates, unsigned terms)
{
    FpParts square = multiply(x, x), sum = divide(whole(1), whole(2 * terms + 1));
    square.sign = alternates;
    for (unsigned n = terms; n-- > 0;) {
        sum = add(divide(whole(1), whole(2 * n + 1)), multiply(square, sum));
    }
    return multiply(x, sum);
}

static FpParts sine_of(FpParts r) /* up to pi/4 */
{
    enum { TERMS = 17 };
    FpParts square = multiply(r, r);
    square.sign = true;
    return multiply(r, nested(square, 2, 2, true, TERMS));
}

static FpParts cosine_of(FpParts r)
{
    enum { TERMS = 18 };
    FpParts square = multiply(r, r);
    square.sign = true;
    return nested(square, 1, 2, true, TERMS);
}

static FpParts power_of(FpParts x) /* 2^x - 1, up to 1 */
{
    enum { TERMS = 34 };
    FpParts t = multiply(x, of_constant(LN2));
    return multiply(t, nested(t, 2, 1, false, TERMS));
}

/* log2((1 + s) / (1 - s)), s up to 0.18 */
static FpParts logarithm_of_ratio(FpParts s)
{
    enum { TERMS = 28 };
    return multiply(twice(of_constant(LOG2_E), 1), odd_series(s, false, TERMS));
}

static FpParts logarithm_of(FpParts x) /* log2 */
{
    int exp = x.exp;
    x.exp = 0; /* 1 to 2 */
    if (!below(x, twice(of_constant(ROOT_HALF), 1))) {
        x.exp = -1;
        exp++;
    }
    FpParts minus_one = whole(1);
    minus_one.sign = true;
    FpParts ratio = divide(add(x, minus_one), add(x, whole(1)));
    FpParts n = parts_from_int(exp < 0, exp < 0 ? -(int64_t)exp : exp);
    return add(n, logarithm_of_ratio(ratio));
}

static FpParts arcus_of(FpParts z) /* 0 to 1 */
{
    enum { TERMS = 18 };
    unsigned k = 0;
    if (z.kind == KIND_FINITE && z.exp >= -4) {
        k = ((unsigned)(z.sig >> 120) >> (-z.exp > 7 ? 7 : -z.exp)) + 8; /* sixteenths and a half of one */
        k /= 16;
    }
    if (k == 0) {
        return odd_series(z, true, TERMS);
    }
    FpParts c = divide(whole(k), whole(8)), minus_c = c;
    minus_c.sign = true;
    FpParts rest = divide(add(z, minus_c), add(whole(1), multiply(z, c)));
    return add(of_constant(atan_eighths[k - 1]), odd_series(rest, true, TERMS));
}

/* ---- angles ----------------------------------------------------------------------------- */

/* x = quadrant * pi/2 + rest, |rest| <= pi/4, with the chips' pi of 66 bits: in units of 2^-67 all is exact. */
static FpParts reduce(FpParts x, unsigned *quadrant)
{
    const u128 half_pi = (u128)0xc << 64 | UINT64_C(0x90fdaa22168c234c);
    int shift = x.exp + 4; /* of 64 bits, in those units */
    *quadrant = 0;
    if (x.kind != KIND_FINITE || shift < 0) {
        return x;
    }
    u128 rest = x.sig >> 64;
    uint64_t quotient = 0;
    for (int i = 0; i < shift; i++) {
        rest <<= 1;
        bool fits = rest >= half_pi;
        quotient = quotient << 1 | fits;
        rest -= fits ? half_pi : 0;
    }
    bool over = rest << 1 > half_pi;
    *quadrant = (quotient + over) & 3;
    rest = over ? half_pi - rest : rest;
    if (!rest) {
        return (FpParts){ .kind = KIND_ZERO };
    }
    int zeros = fp_leading_zeros(rest);
    FpParts r = { .kind = KIND_FINITE, .sig = rest << zeros, .exp = 127 - zeros - 67, .sign = x.sign ^ over };
    *quadrant = x.sign ? -*quadrant & 3 : *quadrant;
    return r;
}

static FpParts sine(FpParts x)
{
    unsigned quadrant;
    FpParts r = reduce(x, &quadrant);
    FpParts v = quadrant & 1 ? cosine_of(r) : sine_of(r);
    v.sign ^= quadrant >> 1;
    return v;
}

static FpParts cosine(FpParts x)
{
    unsigned quadrant;
    FpParts r = reduce(x, &quadrant);
    FpParts v = quadrant & 1 ? sine_of(r) : cosine_of(r);
    v.sign ^= (quadrant + 1) >> 1 & 1;
    return v;
}

/* ---- results ------------------------------------------------------------------------------ */

/* What a function makes: rounded, or a special value. */
typedef struct Run {
    Fp80Status s;
    FpParts x, y; /* ST(0), ST(1) */
} Run;

/* None of these functions is exact but where it says so. */
static Fp80 inexact(FpParts v, Run *run)
{
    v.sig |= v.kind == KIND_FINITE;
    return fp80_pack(v, &run->s);
}

static Fp80 exact(FpParts v, Run *run)
{
    return fp80_pack(v, &run->s);
}

static Fp80 signed_kind(FpKind kind, bool sign, Run *run)
{
    return exact((FpParts){ .kind = kind, .sign = sign }, run);
}

static Fp80 power(Run *run)
{
    FpParts x = run->x;
    if (x.kind == KIND_INF && x.sign) {
        FpParts minus_one = whole(1);
        minus_one.sign = true;
        return exact(minus_one, run);
    }
    if (x.kind != KIND_FINITE || below(whole(1), magnitude(x))) {
        return exact(x, run); /* zero, infinity; and what is out of its range */
    }
    if (x.exp == 0) { /* 1, -1 */
        FpParts v = x.sign ? twice(whole(1), -1) : whole(1);
        v.sign = x.sign;
        return exact(v, run);
    }
    return inexact(power_of(x), run);
}

/* y * log, where the logarithm is one of these kinds. */
static Fp80 times(FpParts log, bool is_exact, Run *run)
{
    FpParts y = run->y;
    bool sign = y.sign ^ log.sign;
    if ((y.kind == KIND_INF && log.kind == KIND_ZERO) || (y.kind == KIND_ZERO && log.kind == KIND_INF)) {
        return fp80_invalid(&run->s);
    }
    if (y.kind == KIND_INF || log.kind == KIND_INF) {
        return signed_kind(KIND_INF, sign, run);
    }
    if (y.kind == KIND_ZERO || log.kind == KIND_ZERO) {
        return signed_kind(KIND_ZERO, sign, run);
    }
    FpParts v = multiply(y, log);
    return is_exact ? exact(v, run) : inexact(v, run);
}

static Fp80 logarithm(Run *run)
{
    FpParts x = run->x;
    if (x.kind == KIND_ZERO) {
        if (run->y.kind == KIND_FINITE) {
            run->s.flags |= FP_DZ;
        }
        return times((FpParts){ .kind = KIND_INF, .sign = true }, true, run);
    }
    if (x.sign) {
        return fp80_invalid(&run->s);
    }
    return times(x.kind == KIND_INF ? x : logarithm_of(x), x.sig == FP_TOP_BIT, run);
}

static Fp80 logarithm_plus_one(Run *run)
{
    FpParts x = run->x;
    if (x.kind == KIND_INF && x.sign) {
        return fp80_invalid(&run->s);
    }
    if (x.kind != KIND_FINITE) {
        return times(x, true, run);
    }
    if (x.sign && !below(magnitude(x), whole(1))) {
        return exact(x, run); /* out of its range */
    }
    return times(x.exp < -1 ? logarithm_of_ratio(divide(x, add(x, whole(2))))
                            : logarithm_of(add(x, whole(1))),
                 false, run);
}

/* The angle of magnitudes, in the first quadrant. */
static FpParts first_quadrant(FpParts x, FpParts y)
{
    if (x.kind == KIND_INF && y.kind == KIND_INF) {
        return twice(of_constant(HALF_PI), -1);
    }
    if (y.kind == KIND_INF || x.kind == KIND_ZERO) {
        return of_constant(HALF_PI);
    }
    if (x.kind == KIND_INF) {
        return (FpParts){ .kind = KIND_ZERO };
    }
    if (below(x, y)) {
        FpParts v = arcus_of(divide(x, y));
        v.sign = !v.sign;
        return add(of_constant(HALF_PI), v);
    }
    return arcus_of(divide(y, x));
}

static Fp80 angle(Run *run)
{
    FpParts x = run->x, y = run->y, v;
    if (y.kind == KIND_ZERO) {
        v = x.sign ? twice(of_constant(HALF_PI), 1) : (FpParts){ .kind = KIND_ZERO };
    } else {
        v = first_quadrant(magnitude(x), magnitude(y));
        if (x.sign) {
            v.sign = !v.sign;
            v = add(twice(of_constant(HALF_PI), 1), v);
        }
    }
    v.sign = y.sign;
    return inexact(v, run);
}

/* Sine, cosine or tangent. */
static Fp80 of_angle(Fp80Function which, Run *run)
{
    FpParts x = run->x;
    if (x.kind == KIND_INF) {
        return fp80_invalid(&run->s);
    }
    if (x.kind == KIND_ZERO) {
        return exact(which == FP80_COS ? whole(1) : x, run);
    }
    return inexact(which == FP80_SIN   ? sine(x)
                   : which == FP80_COS ? cosine(x)
                                       : divide(sine(x), cosine(x)),
                   run);
}

/* ---- all ------------------------------------------------------------------------------------- */

static Fp80 calculate(Fp80Function which, Run *run)
{
    switch (which) {
    case FP80_2XM1: return power(run);
    case FP80_YL2X: return logarithm(run);
    case FP80_YL2XP1: return logarithm_plus_one(run);
    case FP80_PATAN: return angle(run);
    default: return of_angle(which == FP80_SINCOS ? FP80_SIN : which, run);
    }
}

static void prepare(Run *run, const Fp80 st[2], uint16_t control)
{
    static const uint8_t roundings[] = { FP_RNE, FP_RDN, FP_RUP, FP_RTZ };
    enum { ROUNDING_SHIFT = 10, MASK_OE = 8, MASK_UE = 16 };
    *run = (Run){ .s = { .rounding = roundings[control >> ROUNDING_SHIFT & 3], .precision = 64 },
                  .x = fp80_unpack(st[0]),
                  .y = fp80_unpack(st[1]) };
    run->s.traps = (control & MASK_OE ? 0 : FP_OF) | (control & MASK_UE ? 0 : FP_UF);
}

static bool takes_two(Fp80Function which)
{
    return which == FP80_YL2X || which == FP80_YL2XP1 || which == FP80_PATAN;
}

/* Operands that are no numbers: fp80_add() knows their rules. */
static bool is_number(Fp80 a)
{
    return !fp80_is_unsupported(a) && !fp_is_nan(fp80_unpack(a));
}

static uint16_t status_of(const Fp80Status *s)
{
    enum { C1 = 1 << 9 };
    static const uint8_t flags[] = { FP_NV, FP_DN, FP_DZ, FP_OF, FP_UF, FP_NX };
    uint16_t status = s->rounded_up ? C1 : 0;
    for (unsigned i = 0; i < G_N_ELEMENTS(flags); i++) {
        status |= s->flags & flags[i] ? 1 << i : 0;
    }
    return status;
}

void fp80_function_soft(Fp80Function which, Fp80Result *r, uint16_t control)
{
    enum { C2 = 1 << 10, BEFORE = 7, TOO_LARGE = 63 };
    Run run, second;
    Fp80 st[2] = { r->st[0], takes_two(which) ? r->st[1] : r->st[0] }, v, w = { FP80_INTEGER_BIT, FP80_BIAS };
    bool number = is_number(st[0]) && is_number(st[1]), pair = which == FP80_PTAN || which == FP80_SINCOS;
    prepare(&run, st, control);
    r->moved = 0;
    if (which >= FP80_PTAN && number && run.x.kind == KIND_FINITE && run.x.exp >= TOO_LARGE) {
        r->status = C2;
        return;
    }
    run.s.flags |= number && (fp80_is_subnormal(st[0]) || fp80_is_subnormal(st[1])) ? FP_DN : 0;
    v = number ? calculate(which, &run) : fp80_add(st[0], st[1], &run.s);
    if (run.s.flags & FP_DZ) {
        run.s.flags &= ~FP_DN;
    }
    if (pair && (!number || run.x.kind == KIND_INF)) {
        w = v;
    } else if (which == FP80_SINCOS) {
        second = run;
        w = of_angle(FP80_COS, &second);
        run.s.flags |= second.s.flags;
    }
    r->status = status_of(&run.s);
    if (r->status & BEFORE & ~control) {
        r->status &= BEFORE;
        return;
    }
    r->moved = takes_two(which) ? -1 : pair;
    r->st[pair] = v;
    r->st[0] = pair ? w : v;
}
