/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The public functions on binary32, one line each: core.h and compare.h with this
 * format's row, after host.h's short cut.  Their contract stands in fpu/softfloat.h. */
#include "fpu/compare.h"
#include "fpu/host.h"

static const FpFormat *const format = &fp_formats[FP_F32];

static FpParts unpack(uint32_t a)
{
    return fp_unpack(format, a);
}

static G_GNUC_NO_INLINE uint32_t pack(FpParts p, FpStatus *s)
{
    return fp_pack(format, p, s);
}

uint32_t f32_add(uint32_t a, uint32_t b, FpStatus *s)
{
    uint32_t r;
    if (fp_host_may(s) && f32_host_result(f32_host(a) + f32_host(b), &r)) {
        return r;
    }
    return pack(fp_add(unpack(a), unpack(b), s), s);
}

uint32_t f32_sub(uint32_t a, uint32_t b, FpStatus *s)
{
    uint32_t r;
    if (fp_host_may(s) && f32_host_result(f32_host(a) - f32_host(b), &r)) {
        return r;
    }
    return pack(fp_add(unpack(a), fp_negate(unpack(b)), s), s);
}

uint32_t f32_mul(uint32_t a, uint32_t b, FpStatus *s)
{
    uint32_t r;
    if (fp_host_may(s) && f32_host_result(f32_host(a) * f32_host(b), &r)) {
        return r;
    }
    return pack(fp_mul(unpack(a), unpack(b), s), s);
}

uint32_t f32_div(uint32_t a, uint32_t b, FpStatus *s)
{
    uint32_t r;
    if (fp_host_may(s) && f32_host_result(f32_host(a) / f32_host(b), &r)) {
        return r;
    }
    return pack(fp_div(unpack(a), unpack(b), s), s);
}

uint32_t f32_sqrt(uint32_t a, FpStatus *s)
{
    uint32_t r;
    if (fp_host_may(s) && f32_host_result(sqrtf(f32_host(a)), &r)) {
        return r;
    }
    return pack(fp_sqrt(unpack(a), s), s);
}

uint32_t f32_fmadd(uint32_t a, uint32_t b, uint32_t c, FpStatus *s)
{
    uint32_t r;
    if (fp_host_may(s) && f32_host_result(fmaf(f32_host(a), f32_host(b), f32_host(c)), &r)) {
        return r;
    }
    return pack(fp_muladd(unpack(a), unpack(b), unpack(c), s), s);
}

uint32_t f32_fmsub(uint32_t a, uint32_t b, uint32_t c, FpStatus *s)
{
    uint32_t r;
    if (fp_host_may(s) && f32_host_result(fmaf(f32_host(a), f32_host(b), -f32_host(c)), &r)) {
        return r;
    }
    return pack(fp_muladd(unpack(a), unpack(b), fp_negate(unpack(c)), s), s);
}

uint32_t f32_fnmsub(uint32_t a, uint32_t b, uint32_t c, FpStatus *s)
{
    uint32_t r;
    if (fp_host_may(s) && f32_host_result(fmaf(-f32_host(a), f32_host(b), f32_host(c)), &r)) {
        return r;
    }
    return pack(fp_muladd(fp_negate(unpack(a)), unpack(b), unpack(c), s), s);
}

uint32_t f32_fnmadd(uint32_t a, uint32_t b, uint32_t c, FpStatus *s)
{
    uint32_t r;
    if (fp_host_may(s) && f32_host_result(fmaf(-f32_host(a), f32_host(b), -f32_host(c)), &r)) {
        return r;
    }
    return pack(fp_muladd(fp_negate(unpack(a)), unpack(b), fp_negate(unpack(c)), s), s);
}

uint32_t f32_min(uint32_t a, uint32_t b, FpStatus *s)
{
    return fp_min_max(format, a, b, (FpPick){ 0 }, s);
}

uint32_t f32_max(uint32_t a, uint32_t b, FpStatus *s)
{
    return fp_min_max(format, a, b, (FpPick){ .greater = true }, s);
}

uint32_t f32_minm(uint32_t a, uint32_t b, FpStatus *s)
{
    return fp_min_max(format, a, b, (FpPick){ .keep_nan = true }, s);
}

uint32_t f32_maxm(uint32_t a, uint32_t b, FpStatus *s)
{
    return fp_min_max(format, a, b, (FpPick){ .greater = true, .keep_nan = true }, s);
}

bool f32_eq(uint32_t a, uint32_t b, FpStatus *s)
{
    return fp_compare(format, a, b, false, s) == FP_EQUAL;
}

bool f32_lt(uint32_t a, uint32_t b, FpStatus *s)
{
    return fp_compare(format, a, b, true, s) == FP_LESS;
}

bool f32_le(uint32_t a, uint32_t b, FpStatus *s)
{
    return fp_compare(format, a, b, true, s) <= FP_EQUAL;
}

bool f32_ltq(uint32_t a, uint32_t b, FpStatus *s)
{
    return fp_compare(format, a, b, false, s) == FP_LESS;
}

bool f32_leq(uint32_t a, uint32_t b, FpStatus *s)
{
    return fp_compare(format, a, b, false, s) <= FP_EQUAL;
}

uint32_t f32_classify(uint32_t a)
{
    return fp_class_mask(format, a);
}

uint32_t f32_round(uint32_t a, FpStatus *s)
{
    return pack(fp_round(unpack(a), 0, s), s);
}

uint32_t f32_roundnx(uint32_t a, FpStatus *s)
{
    return pack(fp_round(unpack(a), FP_NX, s), s);
}

int32_t f32_to_i32(uint32_t a, FpStatus *s)
{
    return fp_to_int(unpack(a), INT32_MAX, UINT64_C(1) << 31, s);
}

uint32_t f32_to_u32(uint32_t a, FpStatus *s)
{
    return fp_to_int(unpack(a), UINT32_MAX, 0, s);
}

int64_t f32_to_i64(uint32_t a, FpStatus *s)
{
    return fp_to_int(unpack(a), INT64_MAX, UINT64_C(1) << 63, s);
}

uint64_t f32_to_u64(uint32_t a, FpStatus *s)
{
    return fp_to_int(unpack(a), UINT64_MAX, 0, s);
}

uint32_t f32_from_i32(int32_t v, FpStatus *s)
{
    return pack(fp_from_int(v < 0, v < 0 ? -(uint64_t)v : (uint64_t)v), s);
}

uint32_t f32_from_u32(uint32_t v, FpStatus *s)
{
    return pack(fp_from_int(false, v), s);
}

uint32_t f32_from_i64(int64_t v, FpStatus *s)
{
    return pack(fp_from_int(v < 0, v < 0 ? -(uint64_t)v : (uint64_t)v), s);
}

uint32_t f32_from_u64(uint64_t v, FpStatus *s)
{
    return pack(fp_from_int(false, v), s);
}
