/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Double extended precision against the host's own x87: values, exceptions, and C1 of results that are not exact, in four
 * roundings and three precisions. */
#include "fpu/extended.h"

#include <glib.h>
#include <inttypes.h>
#include <string.h>

/* ---- the host ---------------------------------------------------------------------- */

typedef struct Raw {
    uint8_t bytes[16];
} Raw;

static Raw raw_of(Fp80 a)
{
    Raw r = { { 0 } };
    memcpy(r.bytes, &a.mantissa, 8);
    memcpy(r.bytes + 8, &a.exponent, 2);
    return r;
}

static Fp80 of_raw(const Raw *r)
{
    Fp80 a;
    memcpy(&a.mantissa, r->bytes, 8);
    memcpy(&a.exponent, r->bytes + 8, 2);
    return a;
}

/* All exceptions masked. */
static uint16_t control_of(const Fp80Status *s)
{
    static const uint8_t roundings[] = { [FP_RNE] = 0, [FP_RDN] = 1, [FP_RUP] = 2, [FP_RTZ] = 3 };
    unsigned precision = s->precision == 64 ? 3 : s->precision == 53 ? 2 : 0;
    return 0x3f | precision << 8 | roundings[s->rounding] << 10;
}

#define BINARY(name, insn)                                                                                   \
    static uint16_t host_##name(Raw *a, const Raw *b, uint16_t control)                                      \
    {                                                                                                        \
        uint16_t status;                                                                                     \
        __asm__ volatile("fninit\n\tfldcw %2\n\tfldt %3\n\tfldt %1\n\tfnclex\n\t" insn                       \
                         "\n\tfnstsw %0\n\tfstpt %1\n\tfninit"                                               \
                         : "=a"(status), "+m"(*a)                                                            \
                         : "m"(control), "m"(*b)                                                             \
                         : "memory");                                                                        \
        return status;                                                                                       \
    }
BINARY(add, "fadd %%st(1)")
BINARY(sub, "fsub %%st(1)")
BINARY(mul, "fmul %%st(1)")
BINARY(div, "fdiv %%st(1)")
BINARY(sqrt, "fsqrt")
BINARY(round, "frndint")
BINARY(com, "fcom %%st(1)")
BINARY(ucom, "fucom %%st(1)")

/* IE, DE, ZE, OE, UE, PE of the status word. */
static uint8_t flags_of(uint16_t status)
{
    static const uint8_t flags[] = { FP_NV, FP_DN, FP_DZ, FP_OF, FP_UF, FP_NX };
    uint8_t f = 0;
    for (unsigned i = 0; i < 6; i++) {
        f |= status >> i & 1 ? flags[i] : 0;
    }
    return f;
}

/* ---- operands -------------------------------------------------------------------------- */

static const uint16_t exponents[] = { 0,      1,      2,      63,     64,     65,     0x3fbf,
                                      0x3fe7, 0x3ffd, 0x3ffe, 0x3fff, 0x4000, 0x4001, 0x401e,
                                      0x403d, 0x403e, 0x403f, 0x7ffd, 0x7ffe, 0x7fff };
static const uint64_t mantissas[] = { 0,
                                      1,
                                      1ull << 62,
                                      INT64_MAX,
                                      1ull << 63,
                                      (1ull << 63) | 1,
                                      3ull << 62,
                                      (3ull << 62) | 1,
                                      UINT64_MAX - 1,
                                      UINT64_MAX,
                                      0x8000000000000400,
                                      0x8000000000000401,
                                      0x8000008000000000,
                                      0xfffffffffffffc00,
                                      0xffffff8000000000,
                                      0xa5a5a5a5a5a5a5a5 };

static Fp80 corner(unsigned n)
{
    Fp80 a = { mantissas[n % G_N_ELEMENTS(mantissas)],
               exponents[n / G_N_ELEMENTS(mantissas) % G_N_ELEMENTS(exponents)] };
    return a;
}
enum { CORNERS = 20 * 16 };

static uint64_t random64(void)
{
    return (uint64_t)g_test_rand_int() << 32 | (uint32_t)g_test_rand_int();
}

/* Mostly normal numbers whose exponents are near to one another or to the ends. */
static Fp80 random_operand(void)
{
    uint64_t r = random64();
    Fp80 a = { random64(), exponents[r % G_N_ELEMENTS(exponents)] + (int)(r >> 8 & 7) - 3 };
    a.mantissa = r >> 16 & 1 ? a.mantissa & -(1ull << (r >> 20 & 63)) : a.mantissa;
    a.mantissa |= r >> 17 & 7 ? 1ull << 63 : 0;
    a.exponent = (a.exponent & 0x7fff) | (r >> 63 ? 0x8000 : 0);
    return a;
}

/* ---- comparisons ------------------------------------------------------------------------- */

typedef struct Op {
    const char *name;
    Fp80 (*ours)(Fp80 a, Fp80 b, Fp80Status *s);
    uint16_t (*host)(Raw *a, const Raw *b, uint16_t control);
} Op;

static Fp80 our_sqrt(Fp80 a, Fp80 b, Fp80Status *s)
{
    return fp80_sqrt(a, s);
}

static Fp80 our_round(Fp80 a, Fp80 b, Fp80Status *s)
{
    return fp80_round(a, s);
}

static const Op ops[] = {
    { "add", fp80_add, host_add }, { "sub", fp80_sub, host_sub },   { "mul", fp80_mul, host_mul },
    { "div", fp80_div, host_div }, { "sqrt", our_sqrt, host_sqrt }, { "round", our_round, host_round },
};

static void check(const Op *op, Fp80 a, Fp80 b, uint8_t rounding, uint8_t precision)
{
    enum { C1 = 1 << 9 };
    Fp80Status s = { .rounding = rounding, .precision = precision };
    Raw x = raw_of(a), y = raw_of(b);
    Fp80 got = op->ours(a, b, &s);
    uint16_t status = op->host(&x, &y, control_of(&s));
    Fp80 want = of_raw(&x);
    bool up_differs = (s.flags & FP_NX) && s.rounded_up != !!(status & C1);
    if (got.mantissa != want.mantissa || got.exponent != want.exponent || s.flags != flags_of(status) ||
        up_differs) {
        g_error("%s %04x.%016" PRIx64 ", %04x.%016" PRIx64 ", rounding %u, precision %u: %04x.%016" PRIx64
                " flags %02x up %d, the host: %04x.%016" PRIx64 " flags %02x up %d",
                op->name, a.exponent, a.mantissa, b.exponent, b.mantissa, rounding, precision, got.exponent,
                got.mantissa, s.flags, s.rounded_up, want.exponent, want.mantissa, flags_of(status),
                !!(status & C1));
    }
}

static void test_op(const void *opaque)
{
    static const uint8_t precisions[] = { 24, 53, 64 };
    const Op *op = opaque;
    bool unary = op->ours == our_sqrt || op->ours == our_round;
    for (unsigned i = 0; i < CORNERS; i++) {
        for (unsigned k = 0; k < (unary ? 1 : CORNERS); k++) {
            Fp80 a = corner(i), b = corner(k);
            unsigned way =
                i + k; /* of roundings, precisions and signs each pair meets one, each corner all */
            a.exponent |= way % 3 == 1 ? 0x8000 : 0;
            b.exponent |= way % 5 < 2 ? 0x8000 : 0;
            check(op, a, b, way % 4, precisions[way % 3]);
        }
    }
    for (unsigned i = 0; i < 300000; i++) {
        check(op, random_operand(), random_operand(), i % 4, precisions[i / 4 % 3]);
    }
}

static void check_compare(Fp80 a, Fp80 b)
{
    enum { C0 = 1 << 8, C2 = 1 << 10, C3 = 1 << 14 };
    static const uint16_t codes[] = {
        [FP_LESS] = C0, [FP_EQUAL] = C3, [FP_GREATER] = 0, [FP_UNORDERED] = C0 | C2 | C3
    };
    for (unsigned quiet = 0; quiet < 2; quiet++) {
        Fp80Status s = { .precision = 64 };
        Raw x = raw_of(a), y = raw_of(b);
        uint16_t status = (quiet ? host_ucom : host_com)(&x, &y, control_of(&s));
        g_assert_cmphex(codes[fp80_compare(a, b, !quiet, &s)], ==, status & (C0 | C2 | C3));
        g_assert_cmphex(s.flags, ==, flags_of(status));
    }
}

static void test_compare(void)
{
    for (unsigned i = 0; i < CORNERS; i++) {
        for (unsigned k = 0; k < CORNERS; k++) {
            Fp80 a = corner(i), b = corner(k);
            a.exponent |= (i + k) % 3 == 1 ? 0x8000 : 0;
            b.exponent |= (i + k) % 5 < 2 ? 0x8000 : 0;
            check_compare(a, b);
        }
    }
    for (unsigned i = 0; i < 100000; i++) {
        Fp80 a = random_operand();
        check_compare(a, i % 4 ? random_operand() : a);
    }
}

/* ---- conversions ---------------------------------------------------------------------------- */

#define LOAD(name, insn, type)                                                                               \
    static uint16_t name(Raw *to, uint64_t bits)                                                             \
    {                                                                                                        \
        uint16_t status;                                                                                     \
        type value = bits;                                                                                   \
        __asm__ volatile("fninit\n\t" insn " %2\n\tfnstsw %0\n\tfstpt %1\n\tfninit"                          \
                         : "=a"(status), "=m"(*to)                                                           \
                         : "m"(value));                                                                      \
        return status;                                                                                       \
    }
LOAD(load_f32, "flds", uint32_t)
LOAD(load_f64, "fldl", uint64_t)
LOAD(load_i64, "fildll", uint64_t)

#define STORE(name, insn, type)                                                                              \
    static uint16_t name(const Raw *from, uint64_t *bits, uint16_t control)                                  \
    {                                                                                                        \
        uint16_t status;                                                                                     \
        type value = 0;                                                                                      \
        __asm__ volatile("fninit\n\tfldcw %3\n\tfldt %2\n\tfnclex\n\t" insn " %1\n\tfnstsw %0\n\tfninit"     \
                         : "=a"(status), "=m"(value)                                                         \
                         : "m"(*from), "m"(control));                                                        \
        *bits = value;                                                                                       \
        return status;                                                                                       \
    }
STORE(store_f32, "fstps", uint32_t)
STORE(store_f64, "fstpl", uint64_t)
STORE(store_i16, "fistps", int16_t)
STORE(store_i32, "fistpl", int32_t)
STORE(store_i64, "fistpll", int64_t)

static void check_load(FpFormat f, uint64_t bits)
{
    Fp80Status s = { .precision = 64 };
    Raw raw = { { 0 } };
    uint16_t status = (f == FP_F32 ? load_f32 : load_f64)(&raw, bits);
    Fp80 got = fp80_from(f, bits, &s), want = of_raw(&raw);
    g_assert_cmphex(got.mantissa, ==, want.mantissa);
    g_assert_cmphex(got.exponent, ==, want.exponent);
    g_assert_cmphex(s.flags, ==, flags_of(status));
}

static void test_loads(void)
{
    static const uint64_t corners[] = { 0,          1,          0x007fffff, 0x00800000, 0x7f7fffff,
                                        0x7f800000, 0x7f800001, 0x7fc00000, 0xffc12345 };
    for (unsigned i = 0; i < G_N_ELEMENTS(corners); i++) {
        check_load(FP_F32, corners[i]);
        check_load(FP_F64, corners[i] << 32 | (i & 1));
        check_load(FP_F64, (corners[i] >> 3) << 32 | i);
    }
    for (unsigned i = 0; i < 100000; i++) {
        uint64_t r = random64();
        Raw raw;
        check_load(FP_F32, (uint32_t)r);
        check_load(FP_F64, r);
        load_i64(&raw, r >> (i & 63));
        Fp80 got = fp80_from_i64(r >> (i & 63)), want = of_raw(&raw);
        g_assert_cmphex(got.mantissa, ==, want.mantissa);
        g_assert_cmphex(got.exponent, ==, want.exponent);
    }
}

typedef struct Store {
    const char *name;
    uint16_t (*host)(const Raw *from, uint64_t *bits, uint16_t control);
    FpFormat format;
    unsigned integer; /* bits; 0: it is of the format */
} Store;
static const Store stores[] = {
    { "f32", store_f32, FP_F32, 0 }, { "f64", store_f64, FP_F64, 0 }, { "i16", store_i16, 0, 16 },
    { "i32", store_i32, 0, 32 },     { "i64", store_i64, 0, 64 },
};

static void check_store(const Store *t, Fp80 a, uint8_t rounding)
{
    enum { C1 = 1 << 9 };
    Fp80Status s = { .rounding = rounding, .precision = 64 };
    Raw raw = raw_of(a);
    uint64_t want, got = t->integer ? (uint64_t)fp80_to_int(a, t->integer, &s) : fp80_to(t->format, a, &s);
    uint16_t status = t->host(&raw, &want, control_of(&s));
    bool up_differs = (s.flags & FP_NX) && s.rounded_up != !!(status & C1);
    if (got != want || s.flags != flags_of(status) || up_differs) {
        g_error("%s of %04x.%016" PRIx64 ", rounding %u: %" PRIx64 " flags %02x up %d, the host: %" PRIx64
                " flags %02x up %d",
                t->name, a.exponent, a.mantissa, rounding, got, s.flags, s.rounded_up, want, flags_of(status),
                !!(status & C1));
    }
}

/* Exponents around the ends of the narrower formats, too. */
static void test_stores(const void *opaque)
{
    static const uint16_t ends[] = { 0x3c00, 0x3bcc, 0x3bcd, 0x3c01, 0x43fe, 0x43ff, 0x3f68,
                                     0x3f69, 0x3f6a, 0x3f80, 0x3f81, 0x407e, 0x407f };
    for (unsigned i = 0; i < CORNERS * 8; i++) {
        Fp80 a = corner(i / 8);
        a.exponent |= i & 4 ? 0x8000 : 0;
        check_store(opaque, a, i % 4);
    }
    for (unsigned i = 0; i < 300000; i++) {
        Fp80 a = random_operand();
        if (i & 1) {
            a.exponent = (a.exponent & 0x8000) | ends[i / 2 % G_N_ELEMENTS(ends)];
        }
        check_store(opaque, a, i / 4 % 4);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (unsigned i = 0; i < G_N_ELEMENTS(ops); i++) {
        g_autofree char *path = g_strconcat("/fpu/x87/", ops[i].name, NULL);
        g_test_add_data_func(path, &ops[i], test_op);
    }
    g_test_add_func("/fpu/x87/compare", test_compare);
    g_test_add_func("/fpu/x87/load", test_loads);
    for (unsigned i = 0; i < G_N_ELEMENTS(stores); i++) {
        g_autofree char *path = g_strconcat("/fpu/x87/store ", stores[i].name, NULL);
        g_test_add_data_func(path, &stores[i], test_stores);
    }
    return g_test_run();
}
