/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The public functions on binary64, one line each: core.h and compare.h with this
 * format's row, after host.h's short cut.  Their contract stands in fpu/softfloat.h. */
#include "fpu/compare.h"
#include "fpu/host.h"

static const FpFormat *const format = &fp_formats[FP_F64];

static FpParts unpack(uint64_t a)
{
    return fp_unpack(format, a);
}

static G_GNUC_NO_INLINE uint64_t pack(FpParts p, FpStatus *s)
{
    return fp_pack(format, p, s);
}

uint64_t f64_add(uint64_t a, uint64_t b, FpStatus *s)
{
    uint64_t r;
    if (fp_host_may(s) && f64_host_result(f64_host(a) + f64_host(b), &r)) {
        return r;
    }
    return pack(fp_add(unpack(a), unpack(b), s), s);
}

uint64_t f64_sub(uint64_t a, uint64_t b, FpStatus *s)
{
    uint64_t r;
    if (fp_host_may(s) && f64_host_result(f64_host(a) - f64_host(b), &r)) {
        return r;
    }
    return pack(fp_add(unpack(a), fp_negate(unpack(b)), s), s);
}

uint64_t f64_mul(uint64_t a, uint64_t b, FpStatus *s)
{
    uint64_t r;
    if (fp_host_may(s) && f64_host_result(f64_host(a) * f64_host(b), &r)) {
        return r;
    }
    return pack(fp_mul(unpack(a), unpack(b), s), s);
}

uint64_t f64_div(uint64_t a, uint64_t b, FpStatus *s)
{
    uint64_t r;
    if (fp_host_may(s) && f64_host_result(f64_host(a) / f64_host(b), &r)) {
        return r;
    }
    return pack(fp_div(unpack(a), unpack(b), s), s);
}

uint64_t f64_sqrt(uint64_t a, FpStatus *s)
{
    uint64_t r;
    if (fp_host_may(s) && f64_host_result(sqrt(f64_host(a)), &r)) {
        return r;
    }
    return pack(fp_sqrt(unpack(a), s), s);
}

uint64_t f64_fmadd(uint64_t a, uint64_t b, uint64_t c, FpStatus *s)
{
    uint64_t r;
    if (fp_host_may(s) && f64_host_result(fma(f64_host(a), f64_host(b), f64_host(c)), &r)) {
        return r;
    }
    return pack(fp_muladd(unpack(a), unpack(b), unpack(c), s), s);
}

uint64_t f64_fmsub(uint64_t a, uint64_t b, uint64_t c, FpStatus *s)
{
    uint64_t r;
    if (fp_host_may(s) && f64_host_result(fma(f64_host(a), f64_host(b), -f64_host(c)), &r)) {
        return r;
    }
    return pack(fp_muladd(unpack(a), unpack(b), fp_negate(unpack(c)), s), s);
}

uint64_t f64_fnmsub(uint64_t a, uint64_t b, uint64_t c, FpStatus *s)
{
    uint64_t r;
    if (fp_host_may(s) && f64_host_result(fma(-f64_host(a), f64_host(b), f64_host(c)), &r)) {
        return r;
    }
    return pack(fp_muladd(fp_negate(unpack(a)), unpack(b), unpack(c), s), s);
}

uint64_t f64_fnmadd(uint64_t a, uint64_t b, uint64_t c, FpStatus *s)
{
    uint64_t r;
    if (fp_host_may(s) && f64_host_result(fma(-f64_host(a), f64_host(b), -f64_host(c)), &r)) {
        return r;
    }
    return pack(fp_muladd(fp_negate(unpack(a)), unpack(b), fp_negate(unpack(c)), s), s);
}

uint64_t f64_min(uint64_t a, uint64_t b, FpStatus *s)
{
    return fp_min_max(format, a, b, (FpPick){ 0 }, s);
}

uint64_t f64_max(uint64_t a, uint64_t b, FpStatus *s)
{
    return fp_min_max(format, a, b, (FpPick){ .greater = true }, s);
}

uint64_t f64_minm(uint64_t a, uint64_t b, FpStatus *s)
{
    return fp_min_max(format, a, b, (FpPick){ .keep_nan = true }, s);
}

uint64_t f64_maxm(uint64_t a, uint64_t b, FpStatus *s)
{
    return fp_min_max(format, a, b, (FpPick){ .greater = true, .keep_nan = true }, s);
}

bool f64_eq(uint64_t a, uint64_t b, FpStatus *s)
{
    return fp_compare(format, a, b, false, s) == FP_EQUAL;
}

bool f64_lt(uint64_t a, uint64_t b, FpStatus *s)
{
    return fp_compare(format, a, b, true, s) == FP_LESS;
}

bool f64_le(uint64_t a, uint64_t b, FpStatus *s)
{
    return fp_compare(format, a, b, true, s) <= FP_EQUAL;
}

bool f64_ltq(uint64_t a, uint64_t b, FpStatus *s)
{
    return fp_compare(format, a, b, false, s) == FP_LESS;
}

bool f64_leq(uint64_t a, uint64_t b, FpStatus *s)
{
    return fp_compare(format, a, b, false, s) <= FP_EQUAL;
}

uint32_t f64_classify(uint64_t a)
{
    return fp_class_mask(format, a);
}

uint64_t f64_round(uint64_t a, FpStatus *s)
{
    return pack(fp_round(unpack(a), 0, s), s);
}

uint64_t f64_roundnx(uint64_t a, FpStatus *s)
{
    return pack(fp_round(unpack(a), FP_NX, s), s);
}

int32_t f64_to_i32(uint64_t a, FpStatus *s)
{
    return fp_to_int(unpack(a), INT32_MAX, UINT64_C(1) << 31, s);
}

uint32_t f64_to_u32(uint64_t a, FpStatus *s)
{
    return fp_to_int(unpack(a), UINT32_MAX, 0, s);
}

int64_t f64_to_i64(uint64_t a, FpStatus *s)
{
    return fp_to_int(unpack(a), INT64_MAX, UINT64_C(1) << 63, s);
}

uint64_t f64_to_u64(uint64_t a, FpStatus *s)
{
    return fp_to_int(unpack(a), UINT64_MAX, 0, s);
}

int32_t f64_to_i32_mod(uint64_t a, FpStatus *s)
{
    return fp_to_i32_mod(unpack(a), s);
}

uint64_t f64_from_i32(int32_t v, FpStatus *s)
{
    return pack(fp_from_int(v < 0, v < 0 ? -(uint64_t)v : (uint64_t)v), s);
}

uint64_t f64_from_u32(uint32_t v, FpStatus *s)
{
    return pack(fp_from_int(false, v), s);
}

uint64_t f64_from_i64(int64_t v, FpStatus *s)
{
    return pack(fp_from_int(v < 0, v < 0 ? -(uint64_t)v : (uint64_t)v), s);
}

uint64_t f64_from_u64(uint64_t v, FpStatus *s)
{
    return pack(fp_from_int(false, v), s);
}
