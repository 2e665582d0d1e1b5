/* SPDX-License-Identifier: GPL-2.0-or-later */
/* References of tcg/vop.def: floating point, by fpu/softfloat.h with the rules of SSE around it.
 *
 * Spec: Intel SDM volume 1, "SIMD Floating-Point Exceptions", "Operating on SNaNs and QNaNs", "MXCSR Control and Status
 * Register"; volume 2, the instruction of each row. */
#include <string.h>
#ifdef __SSE__
#include <xmmintrin.h>
#else
#include <math.h>
#endif

#include "fpu/softfloat.h"
#include "tcg/vector-refs.h"

enum {
    CSR_IE = 1,
    CSR_DE = 2,
    CSR_ZE = 4,
    CSR_OE = 8,
    CSR_UE = 16,
    CSR_PE = 32,
    CSR_DAZ = 64,
    CSR_OM = 0x400,
    CSR_UM = 0x800,
    CSR_MASK_SHIFT = 7,
    CSR_RC_SHIFT = 13,
    CSR_FTZ = 0x8000,
};

/* ---- elements ---- */

static FpFormat format_of(const VopCall *v) /* by the mandatory prefix, as most have it */
{
    return v->info->pp & 1 ? FP_F64 : FP_F32;
}

static uint64_t get(const IrVec *v, FpFormat f, unsigned n)
{
    return f == FP_F64 ? v->u64[n] : f == FP_F32 ? v->u32[n] : v->u16[n];
}

static void put(IrVec *v, FpFormat f, unsigned n, uint64_t x)
{
    if (f == FP_F64) {
        v->u64[n] = x;
    } else if (f == FP_F32) {
        v->u32[n] = x;
    } else {
        v->u16[n] = x;
    }
}

static unsigned bytes_of(FpFormat f)
{
    return f == FP_F64 ? 8 : f == FP_F32 ? 4 : 2;
}

static unsigned count_of(const VopCall *v, FpFormat f)
{
    return v->info->flags & VF_SCALAR ? 1 : v->bytes / bytes_of(f);
}

static uint64_t sign_bit(FpFormat f)
{
    return UINT64_C(1) << (8 * bytes_of(f) - 1);
}

static uint64_t quiet_bit(FpFormat f)
{
    return f == FP_F64 ? UINT64_C(1) << 51 : f == FP_F32 ? 1u << 22 : 1u << 9;
}

static bool is_class(FpFormat f, uint64_t x, uint32_t classes)
{
    return fp_classify(f, x) & classes;
}

static bool is_nan(FpFormat f, uint64_t x)
{
    return is_class(f, x, FP_CLASS_SNAN | FP_CLASS_QNAN);
}

static bool is_snan(FpFormat f, uint64_t x)
{
    return is_class(f, x, FP_CLASS_SNAN);
}

static bool is_denormal(FpFormat f, uint64_t x)
{
    return is_class(f, x, FP_CLASS_NEG_SUBNORMAL | FP_CLASS_POS_SUBNORMAL);
}

static uint64_t indefinite(FpFormat f)
{
    uint64_t nan = f == FP_F64 ? F64_DEFAULT_NAN : f == FP_F32 ? F32_DEFAULT_NAN : F16_DEFAULT_NAN;
    return nan | sign_bit(f);
}

/* ---- what all operations have in common ---- */

typedef struct Sum { /* one element under way */
    FpStatus s;
    bool denormal; /* an operand is */
} Sum;

static uint8_t rounding_of(uint32_t rc)
{
    static const uint8_t modes[4] = { FP_RNE, FP_RDN, FP_RUP, FP_RTZ };
    return modes[rc & 3];
}

static Sum begin(const VopCall *v)
{
    return (Sum){ .s = { .rounding = rounding_of(*v->mxcsr >> CSR_RC_SHIFT) } };
}

static uint64_t operand(const VopCall *v, Sum *sum, FpFormat f, uint64_t x)
{
    if (!is_denormal(f, x)) {
        return x;
    }
    if (*v->mxcsr & CSR_DAZ) {
        return x & sign_bit(f);
    }
    sum->denormal = true;
    return x;
}

/* The first that is a NaN; NaNs come before all else. */
static bool take_nan(VopCall *v, FpFormat f, const uint64_t *x, unsigned count, uint64_t *result)
{
    bool found = false;
    for (unsigned n = 0; n < count; n++) {
        *v->mxcsr |= is_snan(f, x[n]) ? CSR_IE : 0;
        if (!found && is_nan(f, x[n])) {
            *result = x[n] | quiet_bit(f);
            found = true;
        }
    }
    return found;
}

/* The result of an operation in its format, with its flags. */
static uint64_t finish(VopCall *v, const Sum *sum, FpFormat f, uint64_t r)
{
    uint8_t flags = sum->s.flags;
    if (flags & FP_NV) {
        *v->mxcsr |= CSR_IE;
        return indefinite(f);
    }
    if (flags & FP_DZ) {
        *v->mxcsr |= CSR_ZE;
        return r;
    }
    bool tiny = flags & FP_UF || is_denormal(f, r), masked = *v->mxcsr & CSR_UM;
    *v->mxcsr |= sum->denormal ? CSR_DE : 0;
    if (tiny && masked && *v->mxcsr & CSR_FTZ && f != FP_F16) {
        *v->mxcsr |= CSR_UE | CSR_PE;
        return r & sign_bit(f);
    }
    bool raised = (tiny && !masked) || (flags & FP_OF && !(*v->mxcsr & CSR_OM));
    bool inexact = raised ? sum->s.inexact_unbounded : flags & FP_NX;
    *v->mxcsr |= inexact ? CSR_PE : 0;
    *v->mxcsr |= flags & FP_OF ? CSR_OE : 0;
    *v->mxcsr |= flags & FP_UF || (tiny && !masked) ? CSR_UE : 0;
    return r;
}

/* ---- arithmetic ---- */

typedef uint64_t Binary(FpFormat f, uint64_t a, uint64_t b, FpStatus *s);

static uint64_t arithmetic(VopCall *v, FpFormat f, uint64_t a, uint64_t b, Binary *op)
{
    Sum sum = begin(v);
    uint64_t r = 0, both[2] = { a, b };
    if (take_nan(v, f, both, 2, &r)) {
        return r;
    }
    a = operand(v, &sum, f, a);
    b = operand(v, &sum, f, b);
    r = op(f, a, b, &sum.s);
    return finish(v, &sum, f, r);
}

static void each(VopCall *v, Binary *op)
{
    FpFormat f = format_of(v);
    for (unsigned n = 0; n < count_of(v, f); n++) {
        put(&v->d, f, n, arithmetic(v, f, get(&v->a, f, n), get(&v->b, f, n), op));
    }
}

void ref_fadd(VopCall *v)
{
    each(v, fp_add);
}
void ref_fsub(VopCall *v)
{
    each(v, fp_sub);
}
void ref_fmul(VopCall *v)
{
    each(v, fp_mul);
}
void ref_fdiv(VopCall *v)
{
    each(v, fp_div);
}

void ref_fsqrt(VopCall *v)
{
    FpFormat f = format_of(v);
    const IrVec *from = v->info->flags & VF_SCALAR ? &v->b : &v->a;
    for (unsigned n = 0; n < count_of(v, f); n++) {
        Sum sum = begin(v);
        uint64_t x = get(from, f, n), r = 0;
        if (!take_nan(v, f, &x, 1, &r)) {
            x = operand(v, &sum, f, x);
            r = fp_sqrt(f, x, &sum.s);
            r = finish(v, &sum, f, r);
        }
        put(&v->d, f, n, r);
    }
}

static FpOrder order(VopCall *v, FpFormat f, uint64_t a, uint64_t b, bool signaling)
{
    Sum sum = begin(v);
    FpStatus s = { 0 };
    if (is_nan(f, a) || is_nan(f, b)) {
        *v->mxcsr |= signaling || is_snan(f, a) || is_snan(f, b) ? CSR_IE : 0;
        return FP_UNORDERED;
    }
    a = operand(v, &sum, f, a);
    b = operand(v, &sum, f, b);
    *v->mxcsr |= sum.denormal ? CSR_DE : 0;
    return fp_eq(f, a, b, &s) ? FP_EQUAL : fp_lt(f, a, b, &s) ? FP_LESS : FP_GREATER;
}

/* b unless a stands to it as wanted. */
static void pick(VopCall *v, FpOrder wanted)
{
    FpFormat f = format_of(v);
    for (unsigned n = 0; n < count_of(v, f); n++) {
        Sum ignored = begin(v);
        uint64_t a = get(&v->a, f, n), b = get(&v->b, f, n);
        bool first = order(v, f, a, b, true) == wanted;
        put(&v->d, f, n, operand(v, &ignored, f, first ? a : b));
    }
}

void ref_fmin(VopCall *v)
{
    pick(v, FP_LESS);
}
void ref_fmax(VopCall *v)
{
    pick(v, FP_GREATER);
}

/* Of those with prefix 66 for binary64 and F2 for binary32. */
static FpFormat format_of_f2(const VopCall *v)
{
    return v->info->pp == 1 ? FP_F64 : FP_F32;
}

static void horizontal(VopCall *v, FpFormat f, Binary *op)
{
    unsigned half = count_of(v, f) / 2;
    for (unsigned n = 0; n < 2 * half; n++) {
        const IrVec *from = n < half ? &v->a : &v->b;
        unsigned k = n % half * 2;
        put(&v->d, f, n, arithmetic(v, f, get(from, f, k), get(from, f, k + 1), op));
    }
}

void ref_fhadd(VopCall *v)
{
    horizontal(v, format_of_f2(v), fp_add);
}
void ref_fhsub(VopCall *v)
{
    horizontal(v, format_of_f2(v), fp_sub);
}

void ref_faddsub(VopCall *v)
{
    FpFormat f = format_of_f2(v);
    for (unsigned n = 0; n < count_of(v, f); n++) {
        put(&v->d, f, n, arithmetic(v, f, get(&v->a, f, n), get(&v->b, f, n), n & 1 ? fp_add : fp_sub));
    }
}

static bool has_raised(const VopCall *v)
{
    return *v->mxcsr & ~(*v->mxcsr >> CSR_MASK_SHIFT) & (CSR_IE | CSR_DE | CSR_ZE | CSR_OE | CSR_UE | CSR_PE);
}

/* Products of the elements that bits 7..4 name, summed in pairs, to the elements that bits 3..0 name.  It goes no
 * further than the first of these steps that raises an unmasked exception. */
void ref_fdot(VopCall *v)
{
    FpFormat f = v->info->opcode & 1 ? FP_F64 : FP_F32;
    unsigned count = count_of(v, f);
    uint64_t p[4] = { 0 };
    for (unsigned n = 0; n < count; n++) {
        p[n] = v->imm >> (4 + n) & 1 ? arithmetic(v, f, get(&v->a, f, n), get(&v->b, f, n), fp_mul) : 0;
    }
    if (has_raised(v)) {
        return;
    }
    uint64_t sum = arithmetic(v, f, p[0], p[1], fp_add);
    if (count == 4) {
        uint64_t high = arithmetic(v, f, p[2], p[3], fp_add);
        sum = has_raised(v) ? sum : arithmetic(v, f, sum, high, fp_add);
    }
    for (unsigned n = 0; n < count; n++) {
        put(&v->d, f, n, v->imm >> n & 1 ? sum : 0);
    }
}

/* ---- estimates, which makers are free in ---- */

static float reciprocal(float x)
{
#ifdef __SSE__
    return _mm_cvtss_f32(_mm_rcp_ss(_mm_set_ss(x)));
#else
    return 1 / x;
#endif
}

static float reciprocal_root(float x)
{
#ifdef __SSE__
    return _mm_cvtss_f32(_mm_rsqrt_ss(_mm_set_ss(x)));
#else
    return 1 / sqrtf(x);
#endif
}

static void estimate(VopCall *v, float (*fn)(float x))
{
    const IrVec *from = v->info->flags & VF_SCALAR ? &v->b : &v->a;
    for (unsigned n = 0; n < count_of(v, FP_F32); n++) {
        float x;
        memcpy(&x, &from->u32[n], sizeof(x));
        x = fn(x);
        memcpy(&v->d.u32[n], &x, sizeof(x));
    }
}

void ref_rcp(VopCall *v)
{
    estimate(v, reciprocal);
}
void ref_rsqrt(VopCall *v)
{
    estimate(v, reciprocal_root);
}

/* ---- comparisons ---- */

void ref_fcmp(VopCall *v)
{
    /* By the low four bits of the immediate: true of less 1, equal 2, greater 4, unordered 8.  Bit 4: the other kind
     * of NaN signals. */
    static const uint8_t truth[16] = { 2, 1, 3, 8, 13, 14, 12, 7, 10, 9, 11, 0, 5, 6, 4, 15 };
    enum { SIGNALING = 0x6666 };
    FpFormat f = format_of(v);
    bool signaling = (SIGNALING >> (v->imm & 15) & 1) != (v->imm >> 4 & 1);
    for (unsigned n = 0; n < count_of(v, f); n++) {
        static const uint8_t bits[] = { [FP_LESS] = 1, [FP_EQUAL] = 2, [FP_GREATER] = 4, [FP_UNORDERED] = 8 };
        FpOrder o = order(v, f, get(&v->a, f, n), get(&v->b, f, n), signaling);
        put(&v->d, f, n, truth[v->imm & 15] & bits[o] ? UINT64_MAX : 0);
    }
}

void ref_order(VopCall *v)
{
    static const uint8_t flags[] = {
        [FP_LESS] = 1, [FP_EQUAL] = 0x40, [FP_GREATER] = 0, [FP_UNORDERED] = 0x45
    };
    FpFormat f = format_of(v);
    v->value = flags[order(v, f, v->a.u64[0], v->b.u64[0], v->info->opcode & 1)];
}

/* ---- conversions ---- */

/* The rounding of an immediate: bits 1..0, or MXCSR's with bit 2. */
static uint8_t chosen_rounding(const VopCall *v)
{
    return v->imm & 4 ? rounding_of(*v->mxcsr >> CSR_RC_SHIFT) : rounding_of(v->imm);
}

void ref_fround(VopCall *v)
{
    FpFormat f = v->info->opcode & 1 ? FP_F64 : FP_F32;
    const IrVec *from = v->info->flags & VF_SCALAR ? &v->b : &v->a;
    for (unsigned n = 0; n < count_of(v, f); n++) {
        Sum sum = begin(v);
        uint64_t x = get(from, f, n), r = 0;
        if (!take_nan(v, f, &x, 1, &r)) {
            x = operand(v, &sum, f, x);
            sum.s.rounding = chosen_rounding(v);
            r = (v->imm & 8 ? fp_round : fp_roundnx)(f, x, &sum.s);
            *v->mxcsr |= sum.s.flags & FP_NX ? CSR_PE : 0;
        }
        put(&v->d, f, n, r);
    }
}

static uint64_t convert(VopCall *v, FpFormat from, uint64_t x, FpFormat to)
{
    Sum sum = begin(v);
    if (is_nan(from, x)) {
        *v->mxcsr |= is_snan(from, x) ? CSR_IE : 0;
        return fp_convert(from, x, to, &sum.s);
    }
    x = from == FP_F16 ? x : operand(v, &sum, from, x);
    sum.s.rounding = to == FP_F16 ? chosen_rounding(v) : sum.s.rounding;
    x = fp_convert(from, x, to, &sum.s);
    return finish(v, &sum, to, x);
}

/* `count` elements; those above in d become 0. */
static void convert_each(VopCall *v, FpFormat from, FpFormat to)
{
    unsigned count = v->bytes / MAX(bytes_of(from), bytes_of(to));
    v->d = (IrVec){ 0 };
    for (unsigned n = 0; n < count; n++) {
        put(&v->d, to, n, convert(v, from, get(&v->a, from, n), to));
    }
}

void ref_f32_f64(VopCall *v)
{
    convert_each(v, FP_F32, FP_F64);
}
void ref_f64_f32(VopCall *v)
{
    convert_each(v, FP_F64, FP_F32);
}
void ref_f16_f32(VopCall *v)
{
    convert_each(v, FP_F16, FP_F32);
}
void ref_f32_f16(VopCall *v)
{
    convert_each(v, FP_F32, FP_F16);
}
void ref_f32_f64_low(VopCall *v)
{
    v->d.u64[0] = convert(v, FP_F32, v->b.u32[0], FP_F64);
}
void ref_f64_f32_low(VopCall *v)
{
    v->d.u32[0] = convert(v, FP_F64, v->b.u64[0], FP_F32);
}

static uint64_t from_int(VopCall *v, FpFormat f, int64_t x)
{
    Sum sum = begin(v);
    uint64_t r = fp_from_i64(f, x, &sum.s);
    return finish(v, &sum, f, r);
}

void ref_int_to_fp(VopCall *v)
{
    FpFormat f = format_of(v);
    put(&v->d, f, 0, from_int(v, f, v->info->w ? (int64_t)v->value : (int32_t)v->value));
}

void ref_i32_f32(VopCall *v)
{
    for (unsigned n = 0; n < v->bytes / 4; n++) {
        v->d.u32[n] = from_int(v, FP_F32, v->a.i32[n]);
    }
}

void ref_i32_f64(VopCall *v)
{
    for (unsigned n = 0; n < v->bytes / 8; n++) {
        v->d.u64[n] = from_int(v, FP_F64, v->a.i32[n]);
    }
}

/* What does not fit becomes the most negative integer. */
static uint64_t to_int(VopCall *v, FpFormat f, uint64_t x, bool wide, bool cut)
{
    Sum sum = begin(v);
    x = operand(v, &sum, f, x);
    sum.s.rounding = cut ? FP_RTZ : sum.s.rounding;
    uint64_t r = wide ? (uint64_t)fp_to_i64(f, x, &sum.s) : (uint32_t)fp_to_i32(f, x, &sum.s);
    if (sum.s.flags & FP_NV) {
        *v->mxcsr |= CSR_IE;
        return wide ? UINT64_C(1) << 63 : UINT32_C(1) << 31;
    }
    *v->mxcsr |= sum.s.flags & FP_NX ? CSR_PE : 0;
    return r;
}

void ref_fp_to_int(VopCall *v)
{
    v->value = to_int(v, format_of(v), v->a.u64[0], v->info->w, !(v->info->opcode & 1));
}

static void to_ints(VopCall *v, FpFormat f, bool cut)
{
    IrVec d = { 0 };
    for (unsigned n = 0; n < v->bytes / bytes_of(f); n++) {
        d.u32[n] = to_int(v, f, get(&v->a, f, n), false, cut);
    }
    v->d = d;
}

void ref_f32_i32(VopCall *v)
{
    to_ints(v, FP_F32, false);
}
void ref_f32_i32_cut(VopCall *v)
{
    to_ints(v, FP_F32, true);
}
void ref_f64_i32(VopCall *v)
{
    to_ints(v, FP_F64, false);
}
void ref_f64_i32_cut(VopCall *v)
{
    to_ints(v, FP_F64, true);
}

/* ---- fused multiply and add ---- */

typedef uint64_t Fused(FpFormat f, uint64_t a, uint64_t b, uint64_t c, FpStatus *s);

/* x * y + z; of NaNs the first is the result. */
static uint64_t fuse(VopCall *v, FpFormat f, const uint64_t nans[3], uint64_t x, uint64_t y, uint64_t z,
                     Fused *op)
{
    Sum sum = begin(v);
    uint64_t r = 0;
    if (take_nan(v, f, nans, 3, &r)) {
        return r;
    }
    x = operand(v, &sum, f, x);
    y = operand(v, &sum, f, y);
    z = operand(v, &sum, f, z);
    r = op(f, x, y, z, &sum.s);
    return finish(v, &sum, f, r);
}

/* By the opcode: bits 7..4 say which operands are multiplied, bits 3..1 what is done. */
void ref_fma(VopCall *v)
{
    FpFormat f = v->info->w ? FP_F64 : FP_F32;
    static Fused *const ops[16] = { [8] = fp_fmadd,   [9] = fp_fmadd,   [10] = fp_fmsub,  [11] = fp_fmsub,
                                    [12] = fp_fnmsub, [13] = fp_fnmsub, [14] = fp_fnmadd, [15] = fp_fnmadd };
    unsigned form = v->info->opcode >> 4, what = v->info->opcode & 15;
    for (unsigned n = 0; n < count_of(v, f); n++) {
        uint64_t a = get(&v->a, f, n), b = get(&v->b, f, n), c = get(&v->c, f, n);
        Fused *op = what > 7 ? ops[what] : (what == 6) == (n & 1) ? fp_fmadd : fp_fmsub;
        const uint64_t order_132[3] = { a, c, b }, order_213[3] = { b, a, c }, order_231[3] = { b, c, a };
        const uint64_t *o = form == 9 ? order_132 : form == 10 ? order_213 : order_231;
        put(&v->d, f, n, fuse(v, f, o, o[0], o[1], o[2], op));
    }
}
