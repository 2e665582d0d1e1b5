/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Results and flags against an x86-64 processor's own floating point, which detects tininess
 * after rounding: SSE, SSE4.1 (round), FMA and F16C (conversions), in its four rounding modes.
 * The differences that are of definition, not of value, are the ones that fix_host() lists. */
#include "fpu/host.h"
#include "ops.h"

#include <immintrin.h>
#include <inttypes.h>

enum { MXCSR_MASKS = 0x1f80 };

/* How the host computes one operation: patterns in, pattern out. */
typedef uint64_t HostFn(Op op, const uint64_t x[3]);

static __m128d d_load(uint64_t bits)
{
    return _mm_castsi128_pd(_mm_cvtsi64_si128(bits));
}

static __m128 f_load(uint64_t bits)
{
    return _mm_castsi128_ps(_mm_cvtsi32_si128(bits));
}

static uint64_t d_bits(__m128d v)
{
    return _mm_cvtsi128_si64(_mm_castpd_si128(v));
}

static uint64_t f_bits(__m128 v)
{
    return (uint32_t)_mm_cvtsi128_si32(_mm_castps_si128(v));
}

/* The compiler takes an intrinsic for a pure function: this keeps V's from being computed early,
 * on a path that then does not use it. */
#define keep_in_place(v) __asm__ volatile("" : "+x"(v))

/* Each intrinsic stands behind a volatile operand and result, so that it is executed between the
 * two accesses to MXCSR. */
__attribute__((target("fma"))) static __m128d d_fused(Op op, __m128d a, __m128d b, __m128d c)
{
    switch (op) {
    case OP_FMADD: return _mm_fmadd_sd(a, b, c);
    case OP_FMSUB: return _mm_fmsub_sd(a, b, c);
    case OP_FNMSUB: return _mm_fnmadd_sd(a, b, c);
    default: return _mm_fnmsub_sd(a, b, c);
    }
}

__attribute__((target("fma"))) static __m128 f_fused(Op op, __m128 a, __m128 b, __m128 c)
{
    switch (op) {
    case OP_FMADD: return _mm_fmadd_ss(a, b, c);
    case OP_FMSUB: return _mm_fmsub_ss(a, b, c);
    case OP_FNMSUB: return _mm_fnmadd_ss(a, b, c);
    default: return _mm_fnmsub_ss(a, b, c);
    }
}

__attribute__((target("sse4.1"))) static uint64_t d_round(__m128d a)
{
    keep_in_place(a);
    return d_bits(_mm_round_sd(a, a, _MM_FROUND_NEARBYINT));
}

__attribute__((target("sse4.1"))) static uint64_t d_roundnx(__m128d a)
{
    keep_in_place(a);
    return d_bits(_mm_round_sd(a, a, _MM_FROUND_RINT));
}

__attribute__((target("sse4.1"))) static uint64_t f_round(__m128 a)
{
    keep_in_place(a);
    return f_bits(_mm_round_ss(a, a, _MM_FROUND_NEARBYINT));
}

__attribute__((target("sse4.1"))) static uint64_t f_roundnx(__m128 a)
{
    keep_in_place(a);
    return f_bits(_mm_round_ss(a, a, _MM_FROUND_RINT));
}

__attribute__((target("f16c"))) static uint64_t f_to_half(__m128 a)
{
    return (uint16_t)_mm_cvtsi128_si32(_mm_cvtps_ph(a, _MM_FROUND_CUR_DIRECTION));
}

__attribute__((target("f16c"))) static uint64_t half_to_f(Op op, const uint64_t x[3])
{
    return f_bits(_mm_cvtph_ps(_mm_cvtsi32_si128(x[0])));
}

static uint64_t d_run(Op op, const uint64_t x[3])
{
    __m128d a = d_load(x[0]), b = d_load(x[1]), c = d_load(x[2]);
    switch (op) {
    case OP_ADD: return d_bits(_mm_add_sd(a, b));
    case OP_SUB: return d_bits(_mm_sub_sd(a, b));
    case OP_MUL: return d_bits(_mm_mul_sd(a, b));
    case OP_DIV: return d_bits(_mm_div_sd(a, b));
    case OP_SQRT: return d_bits(_mm_sqrt_sd(a, a));
    case OP_FMADD ... OP_FNMADD: return d_bits(d_fused(op, a, b, c));
    case OP_EQ: return _mm_ucomieq_sd(a, b);
    case OP_LT: return _mm_comilt_sd(a, b);
    case OP_LE: return _mm_comile_sd(a, b);
    case OP_LTQ: return _mm_ucomilt_sd(a, b);
    case OP_LEQ: return _mm_ucomile_sd(a, b);
    case OP_ROUND: return d_round(a);
    case OP_ROUNDNX: return d_roundnx(a);
    case OP_TO_I32: return _mm_cvtsd_si32(a);
    case OP_TO_I64: return _mm_cvtsd_si64(a);
    case OP_FROM_I32: return d_bits(_mm_cvtsi32_sd(a, x[0]));
    case OP_FROM_I64: return d_bits(_mm_cvtsi64_sd(a, x[0]));
    case OP_TO_F32: return f_bits(_mm_cvtsd_ss(f_load(0), a));
    default: g_assert_not_reached();
    }
}

static uint64_t f_run(Op op, const uint64_t x[3])
{
    __m128 a = f_load(x[0]), b = f_load(x[1]), c = f_load(x[2]);
    switch (op) {
    case OP_ADD: return f_bits(_mm_add_ss(a, b));
    case OP_SUB: return f_bits(_mm_sub_ss(a, b));
    case OP_MUL: return f_bits(_mm_mul_ss(a, b));
    case OP_DIV: return f_bits(_mm_div_ss(a, b));
    case OP_SQRT: return f_bits(_mm_sqrt_ss(a));
    case OP_FMADD ... OP_FNMADD: return f_bits(f_fused(op, a, b, c));
    case OP_EQ: return _mm_ucomieq_ss(a, b);
    case OP_LT: return _mm_comilt_ss(a, b);
    case OP_LE: return _mm_comile_ss(a, b);
    case OP_LTQ: return _mm_ucomilt_ss(a, b);
    case OP_LEQ: return _mm_ucomile_ss(a, b);
    case OP_ROUND: return f_round(a);
    case OP_ROUNDNX: return f_roundnx(a);
    case OP_TO_I32: return _mm_cvtss_si32(a);
    case OP_TO_I64: return _mm_cvtss_si64(a);
    case OP_FROM_I32: return f_bits(_mm_cvtsi32_ss(a, x[0]));
    case OP_FROM_I64: return f_bits(_mm_cvtsi64_ss(a, x[0]));
    case OP_TO_F64: return d_bits(_mm_cvtss_sd(d_load(0), a));
    case OP_TO_F16: return f_to_half(a);
    default: g_assert_not_reached();
    }
}

static uint8_t flags_from_mxcsr(uint32_t mxcsr)
{
    return (mxcsr & 1 ? FP_NV : 0) | (mxcsr & 4 ? FP_DZ : 0) | (mxcsr & 8 ? FP_OF : 0) |
           (mxcsr & 16 ? FP_UF : 0) | (mxcsr & 32 ? FP_NX : 0);
}

typedef struct Host {
    uint64_t bits;
    uint8_t flags;
} Host;

static Host host_run(HostFn *fn, Op op, const uint64_t x[3], uint8_t rounding)
{
    static const uint32_t modes[] = { _MM_ROUND_NEAREST, _MM_ROUND_TOWARD_ZERO, _MM_ROUND_DOWN,
                                      _MM_ROUND_UP };
    volatile uint64_t operands[3] = { x[0], x[1], x[2] };
    uint64_t y[3];
    uint32_t saved = _mm_getcsr();

    _mm_setcsr(MXCSR_MASKS | modes[rounding]);
    for (int i = 0; i < 3; i++) {
        y[i] = operands[i];
    }
    volatile uint64_t bits = fn(op, y);
    uint32_t mxcsr = _mm_getcsr();
    _mm_setcsr(saved);
    return (Host){ .bits = bits, .flags = flags_from_mxcsr(mxcsr) };
}

static bool is_nan(Format f, uint64_t bits)
{
    uint64_t inf = ((UINT64_C(1) << format_exp_bits[f]) - 1) << format_frac_bits[f];
    return (bits & (UINT64_MAX >> (64 - format_exp_bits[f] - format_frac_bits[f]))) > inf;
}

static bool is_inf_times_zero(Format f, uint64_t a, uint64_t b)
{
    int top = format_exp_bits[f] + format_frac_bits[f];
    uint64_t inf = ((UINT64_C(1) << format_exp_bits[f]) - 1) << format_frac_bits[f];
    a &= UINT64_MAX >> (64 - top);
    b &= UINT64_MAX >> (64 - top);
    return (a == inf && b == 0) || (a == 0 && b == inf);
}

static Format result_format(Op op, Format f)
{
    return op >= OP_TO_F16 ? (Format)(op - OP_TO_F16) : f;
}

/* x86 keeps a NaN operand's payload, leaves infinity times zero plus a quiet NaN quiet, and gives
 * one pattern for all integers out of range (the oracle test looks at ours). */
static void fix_host(Op op, Format f, const uint64_t x[3], uint64_t ours, Host *h)
{
    bool to_int = op == OP_TO_I32 || op == OP_TO_I64;
    bool compare = op >= OP_EQ && op <= OP_LEQ;
    if (to_int && h->flags & FP_NV) {
        h->bits = ours;
    } else if (op == OP_TO_I32) {
        h->bits = (int64_t)(int32_t)h->bits;
    } else if (!to_int && !compare && is_nan(result_format(op, f), h->bits)) {
        static const uint64_t nan[] = { F16_DEFAULT_NAN, F32_DEFAULT_NAN, F64_DEFAULT_NAN };
        h->bits = nan[result_format(op, f)];
    }
    if (op >= OP_FMADD && op <= OP_FNMADD && is_inf_times_zero(f, x[0], x[1])) {
        h->flags |= FP_NV;
    }
    if (compare && (is_nan(f, x[0]) || is_nan(f, x[1]))) {
        h->bits = 0; /* the intrinsics differ between compilers here */
    }
}

static void check(HostFn *fn, Op op, Format f, const uint64_t x[3], FpStatus s)
{
    FpStatus before = s;
    uint64_t bits = op_run(op, f, x, &s);
    Host host = host_run(fn, op, x, s.rounding);
    fix_host(op, f, x, bits, &host);
    host.flags |= before.flags;
    if (bits != host.bits || s.flags != host.flags) {
        g_test_message("%s_%s(%#" PRIx64 ", %#" PRIx64 ", %#" PRIx64 ") rounding %d: %#" PRIx64
                       " flags %#x, host %#" PRIx64 " flags %#x",
                       format_names[f], op_names[op], x[0], x[1], x[2], s.rounding, bits, s.flags, host.bits,
                       host.flags);
        g_test_fail();
    }
}

static bool host_has(Op op, Format f)
{
    switch (op) {
    case OP_FMADD ... OP_FNMADD: return __builtin_cpu_supports("fma");
    case OP_ROUND:
    case OP_ROUNDNX: return __builtin_cpu_supports("sse4.1");
    case OP_TO_F16: return __builtin_cpu_supports("avx2"); /* and with it F16C, which has no name here */
    default: return true;
    }
}

/* All modes, from clean flags and with NX set. */
static void test_random(gconstpointer data)
{
    Op op = GPOINTER_TO_INT(data) / FORMAT_COUNT;
    Format f = GPOINTER_TO_INT(data) % FORMAT_COUNT;
    uint64_t seed = GPOINTER_TO_INT(data);
    int count = g_test_slow() ? 5000000 : 50000;

    if (!host_has(op, f)) {
        g_test_skip("this processor lacks the instruction");
        return;
    }
    for (int i = 0; i < count && !g_test_failed(); i++) {
        uint64_t x[3];
        operand_fill(op, f, &seed, x);
        for (int rule = 0; rule < 8; rule++) {
            check(f == F64 ? d_run : f_run, op, f, x,
                  (FpStatus){ .rounding = rule % 4, .flags = rule / 4, .default_nan = true });
        }
    }
}

static void test_f16_widening(void)
{
    if (!host_has(OP_TO_F16, F32)) {
        g_test_skip("this processor lacks F16C");
        return;
    }
    for (uint64_t a = 0; a <= UINT16_MAX && !g_test_failed(); a++) {
        uint64_t x[3] = { a };
        check(half_to_f, OP_TO_F32, F16, x, (FpStatus){ .default_nan = true });
    }
}

/* Every 32-bit pattern narrowed (slow), or a sample. */
static void test_f16_narrowing(void)
{
    if (!host_has(OP_TO_F16, F32)) {
        g_test_skip("this processor lacks F16C");
        return;
    }
    for (uint64_t a = 0; a <= UINT32_MAX && !g_test_failed(); a += g_test_slow() ? 1 : 25013) {
        uint64_t x[3] = { a };
        check(f_run, OP_TO_F16, F32, x, (FpStatus){ .rounding = a & 3, .default_nan = true });
    }
}

/* ---- the short cut: fpu/host.h --------------------------------------------- */

/* What the host makes of an operation, and whether the short cut may take it. */
static bool short_cut64(Op op, const uint64_t x[3], uint64_t *bits)
{
    double a = host_f64(x[0]), b = host_f64(x[1]), c = host_f64(x[2]), r;
    switch (op) {
    case OP_ADD: r = a + b; break;
    case OP_SUB: r = a - b; break;
    case OP_MUL: r = a * b; break;
    case OP_DIV: r = a / b; break;
    case OP_SQRT: r = sqrt(a); break;
    case OP_FMADD: r = host_fma64(a, b, c); break;
    default: r = host_fma64(-a, b, -c); break;
    }
    *bits = host_bits64(r);
    return host_plain64(r);
}

static bool short_cut32(Op op, const uint64_t x[3], uint64_t *bits)
{
    float a = host_f32(x[0]), b = host_f32(x[1]), c = host_f32(x[2]), r;
    switch (op) {
    case OP_ADD: r = a + b; break;
    case OP_SUB: r = a - b; break;
    case OP_MUL: r = a * b; break;
    case OP_DIV: r = a / b; break;
    case OP_SQRT: r = sqrtf(a); break;
    case OP_FMADD: r = host_fma32(a, b, c); break;
    default: r = host_fma32(-a, b, -c); break;
    }
    *bits = host_bits32(r);
    return host_plain32(r);
}

/* A plain result of the host is the library's, which adds no flag to NX. */
static void test_short_cut(void)
{
    static const Op ops[] = { OP_ADD, OP_SUB, OP_MUL, OP_DIV, OP_SQRT, OP_FMADD, OP_FNMADD };
    unsigned taken = 0, count = g_test_slow() ? 5000000 : 50000;
    for (unsigned i = 0; i < G_N_ELEMENTS(ops); i++) {
        for (uint64_t seed = ops[i], n = 0; n < count; n++) {
            Format f = n & 1 ? F64 : F32;
            uint64_t x[3], bits;
            FpStatus s = { .rounding = FP_RNE, .flags = FP_NX, .default_nan = true };
            operand_fill(ops[i], f, &seed, x);
            if (op_operands(ops[i]) == 3 && !host_has_fma()) {
                continue;
            }
            if (f == F64 ? short_cut64(ops[i], x, &bits) : short_cut32(ops[i], x, &bits)) {
                taken++;
                g_assert_true(fp_host_rounds(&s, FP_RNE));
                g_assert_cmphex(op_run(ops[i], f, x, &s), ==, bits);
                g_assert_cmphex(s.flags, ==, FP_NX);
            }
        }
    }
    g_assert_cmpuint(taken, >, count);
}

/* Exact, or the flag it would raise is not there yet: not the host's. */
static void test_short_cut_refused(void)
{
    FpStatus s = { .flags = FP_NX };
    g_assert_true(fp_host_rounds(&s, FP_RNE));
    g_assert_false(fp_host_rounds(&s, FP_RTZ));
    s.flags = FP_NV;
    g_assert_false(fp_host_rounds(&s, FP_RNE));
    static const double odd[] = { 0, DBL_MIN, DBL_MIN / 2, INFINITY, NAN };
    static const float odd32[] = { 0, FLT_MIN, FLT_MIN / 2, INFINITY, NAN };
    for (unsigned i = 0; i < G_N_ELEMENTS(odd); i++) {
        g_assert_false(host_plain64(odd[i]) || host_plain64(-odd[i]));
        g_assert_false(host_plain32(odd32[i]) || host_plain32(-odd32[i]));
    }
    g_assert_true(host_plain64(DBL_MAX) && host_plain32(FLT_MAX));
}

static bool is_on_host(Op op, Format f)
{
    switch (op) {
    case OP_MIN ... OP_MAXM:
    case OP_CLASSIFY:
    case OP_TO_U32:
    case OP_TO_U64:
    case OP_FROM_U32:
    case OP_FROM_U64:
    case OP_TO_BF16: return false;
    case OP_TO_F16: return f == F32;
    default: return op_exists(op, f);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (Op op = 0; op < OP_COUNT; op++) {
        for (Format f = F32; f <= F64; f++) {
            if (is_on_host(op, f)) {
                g_autofree char *path = g_strdup_printf("/fpu/host/%s/%s", format_names[f], op_names[op]);
                g_test_add_data_func(path, GINT_TO_POINTER(op * FORMAT_COUNT + f), test_random);
            }
        }
    }
    g_test_add_func("/fpu/host/short-cut/agrees", test_short_cut);
    g_test_add_func("/fpu/host/short-cut/refused", test_short_cut_refused);
    g_test_add_func("/fpu/host/f16/widening", test_f16_widening);
    g_test_add_func("/fpu/host/f16/narrowing", test_f16_narrowing);
    return g_test_run();
}
