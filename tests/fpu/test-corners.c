/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Single cases that a specification names, as rows.
 * Spec: RISC-V unprivileged ISA, extensions F 2.2, D, Zfh, Zfa; IEEE 754-2019. */
#include "ops.h"

#include <inttypes.h>
#include <math.h>

enum { PAYLOAD = 0x10, BEFORE = 0x20 }; /* in Row.rules, beside the mode */

typedef struct Row {
    Op op;
    Format format;
    uint64_t x[3];
    int rules;
    uint64_t want;
    uint8_t flags;
} Row;

#define ONE32 0x3f800000
#define INF32 0x7f800000
#define MAX32 0x7f7fffff
#define TINY32 0x00800000 /* smallest normal */
#define QNAN32 0x7fc00000
#define SNAN32 0x7f800001
#define NEG32 0x80000000
#define ONE64 0x3ff0000000000000
#define INF64 0x7ff0000000000000
#define QNAN64 0x7ff8000000000000
#define SNAN64 0x7ff0000000000001
#define NEG64 0x8000000000000000

static const Row canonical_nan[] = {
    { OP_ADD, F32, { 0xffc12345, ONE32 }, FP_RNE, QNAN32, 0 },
    { OP_ADD, F32, { SNAN32, ONE32 }, FP_RNE, QNAN32, FP_NV },
    { OP_SUB, F32, { INF32, INF32 }, FP_RNE, QNAN32, FP_NV },
    { OP_MUL, F64, { INF64, 0 }, FP_RNE, QNAN64, FP_NV },
    { OP_DIV, F64, { 0, NEG64 }, FP_RNE, QNAN64, FP_NV },
    { OP_DIV, F64, { INF64, INF64 }, FP_RNE, QNAN64, FP_NV },
    { OP_SQRT, F16, { 0xbc00 }, FP_RNE, 0x7e00, FP_NV },
    { OP_SQRT, F16, { 0x8000 }, FP_RNE, 0x8000, 0 },
    { OP_TO_F64, F32, { 0xffffffff }, FP_RNE, QNAN64, 0 },
    { OP_TO_F32, F64, { SNAN64 }, FP_RNE, QNAN32, FP_NV },
    { OP_TO_BF16, F32, { SNAN32 }, FP_RNE, 0x7fc0, FP_NV },
    { OP_ROUND, F32, { SNAN32 }, FP_RNE, QNAN32, FP_NV },
    { OP_ROUND, F32, { 0xffc00001 }, FP_RNE, QNAN32, 0 },
};

/* Division by zero, overflow by rounding mode, underflow by tininess rule. */
static const Row exceptions[] = {
    { OP_DIV, F32, { ONE32, NEG32 }, FP_RNE, NEG32 | INF32, FP_DZ },
    { OP_DIV, F32, { INF32, 0 }, FP_RNE, INF32, 0 },
    { OP_MUL, F32, { MAX32, MAX32 }, FP_RNE, INF32, FP_OF | FP_NX },
    { OP_MUL, F32, { MAX32, MAX32 }, FP_RTZ, MAX32, FP_OF | FP_NX },
    { OP_MUL, F32, { MAX32, MAX32 }, FP_RDN, MAX32, FP_OF | FP_NX },
    { OP_MUL, F32, { MAX32, MAX32 }, FP_RUP, INF32, FP_OF | FP_NX },
    { OP_MUL, F32, { MAX32, MAX32 }, FP_RMM, INF32, FP_OF | FP_NX },
    { OP_MUL, F32, { MAX32, NEG32 | MAX32 }, FP_RUP, NEG32 | MAX32, FP_OF | FP_NX },
    { OP_ADD, F32, { MAX32, 0x73000000 }, FP_RTZ, MAX32, FP_NX },
    { OP_ADD, F32, { MAX32, 0x73000000 }, FP_RNE, INF32, FP_OF | FP_NX },
    { OP_ADD, F32, { MAX32, 0x72ffffff }, FP_RMM, MAX32, FP_NX },
    /* (1 - 2^-24) * 2^-126: a tie in the subnormal format, exact with an unbounded exponent. */
    { OP_MUL, F32, { TINY32, 0x3f7fffff }, FP_RNE, TINY32, FP_UF | FP_NX },
    /* (1 + 2^-23) * (1 - 2^-23) * 2^-126 rounds to the smallest normal either way. */
    { OP_MUL, F32, { TINY32 + 1, 0x3f7ffffe }, FP_RNE, TINY32, FP_NX },
    { OP_MUL, F32, { TINY32 + 1, 0x3f7ffffe }, BEFORE, TINY32, FP_UF | FP_NX },
    { OP_MUL, F32, { TINY32, 0x3f000000 }, FP_RNE, 0x00400000, 0 },
    { OP_MUL, F32, { 1, 0x3f000000 }, FP_RNE, 0, FP_UF | FP_NX },
    { OP_MUL, F32, { 1, 0x3f000000 }, FP_RMM, 1, FP_UF | FP_NX },
    { OP_ADD, F32, { ONE32, 0x33800000 }, FP_RNE, ONE32, FP_NX },
    { OP_ADD, F32, { ONE32, 0x33800000 }, FP_RMM, ONE32 + 1, FP_NX },
    { OP_SUB, F64, { ONE64, ONE64 }, FP_RDN, NEG64, 0 },
    { OP_SUB, F64, { ONE64, ONE64 }, FP_RUP, 0, 0 },
    { OP_FROM_I32, F32, { 0 }, FP_RDN, 0, 0 },
};

/* Zero or infinity times the other is invalid with any c; the sign of an exact zero is that of
 * -(a * b) - c, not of -(a * b + c). */
static const Row fused[] = {
    { OP_FMADD, F32, { INF32, 0, QNAN32 }, FP_RNE, QNAN32, FP_NV },
    { OP_FNMSUB, F64, { 0, INF64, QNAN64 }, FP_RNE, QNAN64, FP_NV },
    { OP_FMADD, F32, { INF32, ONE32, QNAN32 }, FP_RNE, QNAN32, 0 },
    { OP_FMADD, F32, { INF32, ONE32, NEG32 | INF32 }, FP_RNE, QNAN32, FP_NV },
    { OP_FMSUB, F32, { ONE32, ONE32, ONE32 }, FP_RNE, 0, 0 },
    { OP_FNMADD, F32, { ONE32, ONE32, NEG32 | ONE32 }, FP_RNE, 0, 0 },
    { OP_FNMSUB, F32, { ONE32, ONE32, ONE32 }, FP_RDN, NEG32, 0 },
    { OP_FNMADD, F32, { 0, ONE32, 0 }, FP_RNE, NEG32, 0 },
    /* (1 + 2^-52)^2 - (1 + 2^-51) = 2^-104 */
    { OP_FMSUB, F64, { ONE64 + 1, ONE64 + 1, ONE64 + 2 }, FP_RNE, 0x3970000000000000, 0 },
};

static const Row min_max[] = {
    { OP_MIN, F32, { 0, NEG32 }, FP_RNE, NEG32, 0 },
    { OP_MAX, F32, { NEG32, 0 }, FP_RNE, 0, 0 },
    { OP_MIN, F32, { QNAN32, ONE32 }, FP_RNE, ONE32, 0 },
    { OP_MAX, F32, { ONE32, SNAN32 }, FP_RNE, ONE32, FP_NV },
    { OP_MAX, F32, { 0xffc00001, 0x7fc00002 }, FP_RNE, QNAN32, 0 },
    { OP_MINM, F32, { QNAN32, ONE32 }, FP_RNE, QNAN32, 0 },
    { OP_MAXM, F32, { ONE32, SNAN32 }, FP_RNE, QNAN32, FP_NV },
    { OP_MAXM, F64, { ONE64, INF64 }, FP_RNE, INF64, 0 },
};

static const Row compare[] = {
    { OP_EQ, F32, { 0, NEG32 }, FP_RNE, 1, 0 },          { OP_LT, F32, { NEG32, 0 }, FP_RNE, 0, 0 },
    { OP_EQ, F32, { QNAN32, QNAN32 }, FP_RNE, 0, 0 },    { OP_EQ, F32, { SNAN32, ONE32 }, FP_RNE, 0, FP_NV },
    { OP_LT, F32, { QNAN32, ONE32 }, FP_RNE, 0, FP_NV }, { OP_LE, F64, { ONE64, QNAN64 }, FP_RNE, 0, FP_NV },
    { OP_LTQ, F64, { ONE64, QNAN64 }, FP_RNE, 0, 0 },    { OP_LEQ, F64, { SNAN64, ONE64 }, FP_RNE, 0, FP_NV },
};

/* The table of valid inputs and of results for the others, extension F. */
static const Row to_int[] = {
    { OP_TO_I32, F32, { QNAN32 }, FP_RNE, INT32_MAX, FP_NV },
    { OP_TO_I32, F32, { 0xffc00000 }, FP_RNE, INT32_MAX, FP_NV },
    { OP_TO_I32, F32, { NEG32 | INF32 }, FP_RNE, (uint64_t)INT32_MIN, FP_NV },
    { OP_TO_U32, F32, { NEG32 | INF32 }, FP_RNE, 0, FP_NV },
    { OP_TO_U32, F32, { INF32 }, FP_RNE, UINT32_MAX, FP_NV },
    { OP_TO_I64, F32, { SNAN32 }, FP_RNE, INT64_MAX, FP_NV },
    { OP_TO_U64, F32, { NEG32 | ONE32 }, FP_RNE, 0, FP_NV },
    { OP_TO_U64, F32, { QNAN32 }, FP_RNE, UINT64_MAX, FP_NV },
    { OP_TO_U32, F64, { 0xbfe0000000000000 }, FP_RNE, 0, FP_NX }, /* -0.5 */
    { OP_TO_U32, F64, { 0xbfe0000000000000 }, FP_RMM, 0, FP_NV },
    { OP_TO_U32, F64, { 0xbfe0000000000000 }, FP_RDN, 0, FP_NV },
    { OP_TO_I32, F64, { 0x41dfffffffe00000 }, FP_RTZ, INT32_MAX, FP_NX }, /* 2^31 - 0.5 */
    { OP_TO_I32, F64, { 0x41dfffffffe00000 }, FP_RNE, INT32_MAX, FP_NV },
    { OP_TO_I32, F64, { 0xc1e0000000000000 }, FP_RNE, (uint64_t)INT32_MIN, 0 },
    { OP_TO_I64, F64, { 0x43e0000000000000 }, FP_RNE, INT64_MAX, FP_NV }, /* 2^63 */
    { OP_TO_I64, F64, { 0xc3e0000000000000 }, FP_RNE, (uint64_t)INT64_MIN, 0 },
    { OP_TO_U64, F64, { 0x43f0000000000000 }, FP_RNE, UINT64_MAX, FP_NV }, /* 2^64 */
};

static const Row round_integral[] = {
    { OP_ROUND, F32, { 0x3fc00000 }, FP_RNE, 0x40000000, 0 }, /* 1.5 */
    { OP_ROUNDNX, F32, { 0x3fc00000 }, FP_RTZ, ONE32, FP_NX },
    { OP_ROUND, F32, { 0x40200000 }, FP_RMM, 0x40400000, 0 },  /* 2.5 */
    { OP_ROUNDNX, F32, { 0xbf000000 }, FP_RNE, NEG32, FP_NX }, /* -0.5 */
    { OP_ROUNDNX, F32, { NEG32 }, FP_RDN, NEG32, 0 },
    { OP_ROUNDNX, F64, { INF64 }, FP_RDN, INF64, 0 },
    { OP_ROUNDNX, F64, { 1 }, FP_RUP, ONE64, FP_NX },
};

/* With default NaN off: the first signaling operand, else the first NaN. */
static const Row payloads[] = {
    { OP_ADD, F32, { 0xffc12345, 0x7fc00001 }, PAYLOAD, 0xffc12345, 0 },
    { OP_ADD, F32, { 0x7fc00001, 0xff812345 }, PAYLOAD, 0xffc12345, FP_NV },
    { OP_SUB, F32, { ONE32, 0x7fc00001 }, PAYLOAD, 0x7fc00001, 0 },
    { OP_FMADD, F32, { 0x7f800003, 0x7f800001, SNAN32 }, PAYLOAD, 0x7fc00003, FP_NV },
    { OP_FNMADD, F32, { ONE32, ONE32, 0x7fc00002 }, PAYLOAD, 0x7fc00002, 0 },
    { OP_FMADD, F32, { INF32, 0, 0x7fc00002 }, PAYLOAD, 0x7fc00002, FP_NV },
    { OP_SUB, F32, { INF32, INF32 }, PAYLOAD, QNAN32, FP_NV },
    { OP_MIN, F32, { 0xffc00001, 0x7f800002 }, PAYLOAD, 0x7fc00002, FP_NV },
    { OP_SQRT, F64, { 0xfff0000000000001 }, PAYLOAD, 0xfff8000000000001, FP_NV },
    { OP_TO_F64, F32, { 0xff812345 }, PAYLOAD, 0xfff82468a0000000, FP_NV },
    { OP_TO_F32, F64, { 0xfff82468a0000000 }, PAYLOAD, 0xffc12345, 0 },
    { OP_TO_F16, F64, { SNAN64 }, PAYLOAD, 0x7e00, FP_NV },
};

static const Row classify[] = {
    { OP_CLASSIFY, F32, { NEG32 | INF32 }, 0, FP_CLASS_NEG_INF, 0 },
    { OP_CLASSIFY, F32, { NEG32 | TINY32 }, 0, FP_CLASS_NEG_NORMAL, 0 },
    { OP_CLASSIFY, F32, { NEG32 | 1 }, 0, FP_CLASS_NEG_SUBNORMAL, 0 },
    { OP_CLASSIFY, F32, { NEG32 }, 0, FP_CLASS_NEG_ZERO, 0 },
    { OP_CLASSIFY, F16, { 0 }, 0, FP_CLASS_POS_ZERO, 0 },
    { OP_CLASSIFY, F16, { 0x03ff }, 0, FP_CLASS_POS_SUBNORMAL, 0 },
    { OP_CLASSIFY, F64, { ONE64 }, 0, FP_CLASS_POS_NORMAL, 0 },
    { OP_CLASSIFY, F64, { INF64 }, 0, FP_CLASS_POS_INF, 0 },
    { OP_CLASSIFY, F64, { SNAN64 }, 0, FP_CLASS_SNAN, 0 },
    { OP_CLASSIFY, F64, { QNAN64 }, 0, FP_CLASS_QNAN, 0 },
};

static void check_rows(const Row *row, size_t count)
{
    for (; count; count--, row++) {
        FpStatus s = {
            .rounding = row->rules & 7,
            .default_nan = !(row->rules & PAYLOAD),
            .tininess_before = row->rules & BEFORE,
        };
        uint64_t bits = op_run(row->op, row->format, row->x, &s);
        if (bits != row->want || s.flags != row->flags) {
            g_test_message("%s_%s(%#" PRIx64 ", %#" PRIx64 ", %#" PRIx64 ") rules %#x: %#" PRIx64
                           " flags %#x, expected %#" PRIx64 " flags %#x",
                           format_names[row->format], op_names[row->op], row->x[0], row->x[1], row->x[2],
                           row->rules, bits, s.flags, row->want, row->flags);
            g_test_fail();
        }
    }
}

static const struct {
    const char *path;
    const Row *rows;
    size_t count;
} tables[] = {
    { "/fpu/corners/canonical-nan", canonical_nan, G_N_ELEMENTS(canonical_nan) },
    { "/fpu/corners/exceptions", exceptions, G_N_ELEMENTS(exceptions) },
    { "/fpu/corners/fused", fused, G_N_ELEMENTS(fused) },
    { "/fpu/corners/min-max", min_max, G_N_ELEMENTS(min_max) },
    { "/fpu/corners/compare", compare, G_N_ELEMENTS(compare) },
    { "/fpu/corners/to-int", to_int, G_N_ELEMENTS(to_int) },
    { "/fpu/corners/round-integral", round_integral, G_N_ELEMENTS(round_integral) },
    { "/fpu/corners/payloads", payloads, G_N_ELEMENTS(payloads) },
    { "/fpu/corners/classify", classify, G_N_ELEMENTS(classify) },
};

static void test_table(gconstpointer data)
{
    int i = GPOINTER_TO_INT(data);
    check_rows(tables[i].rows, tables[i].count);
}

/* Zfa's fcvtmod.w.d: value modulo 2^32, flags of fcvt.w.d with RTZ, whatever the mode. */
static void test_to_i32_mod(void)
{
    static const struct {
        double a;
        int32_t want;
        uint8_t flags;
    } rows[] = {
        { 0.0, 0, 0 },
        { -0.0, 0, 0 },
        { 1.75, 1, FP_NX },
        { -1.75, -1, FP_NX },
        { 0.999, 0, FP_NX },
        { 0x1p-1074, 0, FP_NX },
        { 2147483647.0, INT32_MAX, 0 },
        { 2147483648.0, INT32_MIN, FP_NV },
        { -2147483648.0, INT32_MIN, 0 },
        { -2147483649.0, INT32_MAX, FP_NV },
        { -2147483648.5, INT32_MIN, FP_NX },
        { 4294967297.5, 1, FP_NV },
        { -4294967298.0, -2, FP_NV },
        { 0x1.0000000000001p52, 1, FP_NV },
        { 0x1.0000000000001p83, INT32_MIN, FP_NV },
        { 0x1.0000000000001p84, 0, FP_NV },
        { 0x1.fffffffffffffp1023, 0, FP_NV },
        { 0x1.8p126, 0, FP_NV },
        { 0x1.8p127, 0, FP_NV },
        { 0x1.8p128, 0, FP_NV },
        { INFINITY, 0, FP_NV },
        { -INFINITY, 0, FP_NV },
        { NAN, 0, FP_NV },
    };
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        for (uint8_t rounding = FP_RNE; rounding <= FP_RMM; rounding++) {
            FpStatus s = { .rounding = rounding, .default_nan = true };
            union {
                double d;
                uint64_t bits;
            } a = { .d = rows[i].a };
            g_assert_cmpint(fp_to_i32_mod(FP_F64, a.bits, &s), ==, rows[i].want);
            g_assert_cmpint(s.flags, ==, rows[i].flags);
            g_assert_cmpint(s.rounding, ==, rounding);
        }
    }
}

/* Flags are added to those that stand there. */
static void test_flags_accumulate(void)
{
    FpStatus s = { .default_nan = true, .flags = FP_DZ };
    fp_add(FP_F32, SNAN32, ONE32, &s);
    fp_add(FP_F32, ONE32, ONE32, &s);
    g_assert_cmpint(s.flags, ==, FP_DZ | FP_NV);
    fp_div(FP_F32, ONE32, 0x40400000, &s);
    g_assert_cmpint(s.flags, ==, FP_DZ | FP_NV | FP_NX);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (size_t i = 0; i < G_N_ELEMENTS(tables); i++) {
        g_test_add_data_func(tables[i].path, GSIZE_TO_POINTER(i), test_table);
    }
    g_test_add_func("/fpu/corners/to-i32-mod", test_to_i32_mod);
    g_test_add_func("/fpu/corners/flags-accumulate", test_flags_accumulate);
    return g_test_run();
}
