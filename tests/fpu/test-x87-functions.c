/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Transcendental functions in software against the host's x87: results within an ulp in all roundings, exceptions and stack
 * alike, special operands the same. */
#include "fpu/extended-host.h"

#include <glib.h>
#include <inttypes.h>

typedef struct Function {
    const char *name;
    Fp80Function which;
    int low, high; /* exponents of ST(0), of random operands */
    bool two;      /* ST(1) counts */
    unsigned ulps; /* allowed */
} Function;
static const Function functions[] = {
    { "2xm1", FP80_2XM1, -70, -1, false, 1 },    { "yl2x", FP80_YL2X, -100, 100, true, 1 },
    { "yl2xp1", FP80_YL2XP1, -70, -3, true, 1 }, { "patan", FP80_PATAN, -40, 40, true, 1 },
    { "ptan", FP80_PTAN, -70, 62, false, 1 },    { "sin", FP80_SIN, -70, 62, false, 1 },
    { "cos", FP80_COS, -70, 62, false, 1 },      { "sincos", FP80_SINCOS, -70, 62, false, 1 },
};
enum { BIAS = 16383, SIGN = 0x8000, IE = 1, DE = 2, ZE = 4, C2 = 1 << 10 };

static uint64_t random64(void)
{
    return (uint64_t)g_test_rand_int() << 32 | (uint32_t)g_test_rand_int();
}

static Fp80 operand(int low, int high)
{
    uint64_t r = random64();
    Fp80 a = { random64() | UINT64_C(1) << 63, BIAS + g_test_rand_int_range(low, high + 1) };
    a.mantissa &= r & 1 ? UINT64_MAX : -(UINT64_C(1) << (r >> 8 & 63));
    a.exponent |= r >> 63 ? SIGN : 0;
    return a;
}

/* Of finite numbers of one sign, which are near to one another. */
static uint64_t distance(Fp80 a, Fp80 b)
{
    unsigned __int128 x = (unsigned __int128)a.exponent << 63 | (a.mantissa & INT64_MAX);
    unsigned __int128 y = (unsigned __int128)b.exponent << 63 | (b.mantissa & INT64_MAX);
    unsigned __int128 d = x > y ? x - y : y - x;
    return d > UINT32_MAX ? UINT32_MAX : d;
}

typedef struct Tally {
    uint64_t worst;
    unsigned count, off;
} Tally;

static void fail(const Function *f, const Fp80 st[2], uint16_t control, const Fp80Result *host,
                 const Fp80Result *soft)
{
    g_error("%s, control %04x, %04x.%016" PRIx64 ", %04x.%016" PRIx64 ": %04x.%016" PRIx64 " %04x.%016" PRIx64
            " status %04x moved %d, the host: %04x.%016" PRIx64 " %04x.%016" PRIx64 " status %04x moved %d",
            f->name, control, st[0].exponent, st[0].mantissa, st[1].exponent, st[1].mantissa,
            soft->st[0].exponent, soft->st[0].mantissa, soft->st[1].exponent, soft->st[1].mantissa,
            soft->status, soft->moved, host->st[0].exponent, host->st[0].mantissa, host->st[1].exponent,
            host->st[1].mantissa, host->status, host->moved);
}

static void check(const Function *f, Fp80 a, Fp80 b, uint16_t control, uint16_t compared, Tally *tally)
{
    Fp80 st[2] = { a, b };
    Fp80Result host = { .st = { a, b } }, soft = host;
    fp80_function(f->which, &host, control);
    fp80_function_soft(f->which, &soft, control);
    uint64_t far = distance(host.st[0], soft.st[0]);
    far = host.moved > 0 ? MAX(far, distance(host.st[1], soft.st[1])) : far;
    if (far > f->ulps || host.moved != soft.moved || ((host.status ^ soft.status) & compared)) {
        fail(f, st, control, &host, &soft);
    }
    tally->worst = MAX(tally->worst, far);
    tally->off += far != 0;
    tally->count++;
}

static void test_random(const void *opaque)
{
    const Function *f = opaque;
    Tally tally = { 0 };
    for (unsigned i = 0; i < 20000; i++) {
        Fp80 a = operand(f->low, f->high), b = operand(-30, 30);
        a.exponent &= f->which == FP80_YL2X ? ~SIGN : 0xffff;
        check(f, a, b, 0x37f | (i & 3) << 10, IE | DE | ZE | C2, &tally);
    }
    g_test_message("%s: %u of %u differ from the host's, by %" PRIu64 " ulp at most", f->name, tally.off,
                   tally.count, tally.worst);
}

static const Fp80 corners[] = {
    { 0, 0 },
    { 1, 0 },                         /* subnormal */
    { UINT64_C(1) << 63, 1 },         /* the smallest normal one */
    { UINT64_C(1) << 63, BIAS - 2 },  /* 1/4 */
    { UINT64_C(1) << 63, BIAS },      /* 1 */
    { UINT64_C(1) << 63, BIAS + 3 },  /* 8 */
    { UINT64_C(1) << 63, BIAS + 63 }, /* 2^63 */
    { UINT64_MAX, 0x7ffe },           /* the largest */
    { UINT64_C(1) << 63, 0x7fff },    /* infinity */
    { UINT64_C(3) << 62, 0x7fff },    /* quiet NaN */
    { UINT64_C(5) << 61, 0x7fff },    /* signaling NaN */
    { UINT64_C(1) << 62, BIAS },      /* not supported */
};

/* Outside of its range the result is undefined. */
static bool is_defined(const Function *f, Fp80 a)
{
    unsigned exp = a.exponent & ~SIGN;
    bool number = exp != 0x7fff && (exp == 0 || a.mantissa >> 63);
    return !number ||
           (f->which == FP80_2XM1     ? exp <= BIAS
            : f->which == FP80_YL2XP1 ? exp < BIAS - 2 || (exp == BIAS - 2 && a.mantissa == UINT64_C(1) << 63)
                                      : true);
}

static void test_corners(const void *opaque)
{
    const Function *f = opaque;
    Tally tally = { 0 };
    for (unsigned i = 0; i < 4 * G_N_ELEMENTS(corners) * G_N_ELEMENTS(corners); i++) {
        Fp80 a = corners[i / 4 % G_N_ELEMENTS(corners)], b = corners[i / 4 / G_N_ELEMENTS(corners)];
        a.exponent |= i & 1 ? SIGN : 0;
        b.exponent |= i & 2 ? SIGN : 0;
        if (is_defined(f, a)) {
            check(f, a, b, 0x37f, IE | ZE | C2, &tally);
            check(f, a, b, 0x37a, IE | ZE | C2, &tally); /* invalid and division are unmasked */
        }
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (unsigned i = 0; i < G_N_ELEMENTS(functions); i++) {
        g_autofree char *random = g_strconcat("/fpu/x87/random/", functions[i].name, NULL);
        g_autofree char *special = g_strconcat("/fpu/x87/corners/", functions[i].name, NULL);
        g_test_add_data_func(random, &functions[i], test_random);
        g_test_add_data_func(special, &functions[i], test_corners);
    }
    return g_test_run();
}
