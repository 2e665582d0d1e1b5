/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The public functions on binary16, one line each: core.h and compare.h with this
 * format's row.  Their contract stands in fpu/softfloat.h. */
#include "fpu/compare.h"

static const FpFormat *const format = &fp_formats[FP_F16];

static FpParts unpack(uint16_t a)
{
    return fp_unpack(format, a);
}

static G_GNUC_NO_INLINE uint16_t pack(FpParts p, FpStatus *s)
{
    return fp_pack(format, p, s);
}

uint16_t f16_add(uint16_t a, uint16_t b, FpStatus *s)
{
    return pack(fp_add(unpack(a), unpack(b), s), s);
}

uint16_t f16_sub(uint16_t a, uint16_t b, FpStatus *s)
{
    return pack(fp_add(unpack(a), fp_negate(unpack(b)), s), s);
}

uint16_t f16_mul(uint16_t a, uint16_t b, FpStatus *s)
{
    return pack(fp_mul(unpack(a), unpack(b), s), s);
}

uint16_t f16_div(uint16_t a, uint16_t b, FpStatus *s)
{
    return pack(fp_div(unpack(a), unpack(b), s), s);
}

uint16_t f16_sqrt(uint16_t a, FpStatus *s)
{
    return pack(fp_sqrt(unpack(a), s), s);
}

uint16_t f16_fmadd(uint16_t a, uint16_t b, uint16_t c, FpStatus *s)
{
    return pack(fp_muladd(unpack(a), unpack(b), unpack(c), s), s);
}

uint16_t f16_fmsub(uint16_t a, uint16_t b, uint16_t c, FpStatus *s)
{
    return pack(fp_muladd(unpack(a), unpack(b), fp_negate(unpack(c)), s), s);
}

uint16_t f16_fnmsub(uint16_t a, uint16_t b, uint16_t c, FpStatus *s)
{
    return pack(fp_muladd(fp_negate(unpack(a)), unpack(b), unpack(c), s), s);
}

uint16_t f16_fnmadd(uint16_t a, uint16_t b, uint16_t c, FpStatus *s)
{
    return pack(fp_muladd(fp_negate(unpack(a)), unpack(b), fp_negate(unpack(c)), s), s);
}

uint16_t f16_min(uint16_t a, uint16_t b, FpStatus *s)
{
    return fp_min_max(format, a, b, (FpPick){ 0 }, s);
}

uint16_t f16_max(uint16_t a, uint16_t b, FpStatus *s)
{
    return fp_min_max(format, a, b, (FpPick){ .greater = true }, s);
}

uint16_t f16_minm(uint16_t a, uint16_t b, FpStatus *s)
{
    return fp_min_max(format, a, b, (FpPick){ .keep_nan = true }, s);
}

uint16_t f16_maxm(uint16_t a, uint16_t b, FpStatus *s)
{
    return fp_min_max(format, a, b, (FpPick){ .greater = true, .keep_nan = true }, s);
}

bool f16_eq(uint16_t a, uint16_t b, FpStatus *s)
{
    return fp_compare(format, a, b, false, s) == FP_EQUAL;
}

bool f16_lt(uint16_t a, uint16_t b, FpStatus *s)
{
    return fp_compare(format, a, b, true, s) == FP_LESS;
}

bool f16_le(uint16_t a, uint16_t b, FpStatus *s)
{
    return fp_compare(format, a, b, true, s) <= FP_EQUAL;
}

bool f16_ltq(uint16_t a, uint16_t b, FpStatus *s)
{
    return fp_compare(format, a, b, false, s) == FP_LESS;
}

bool f16_leq(uint16_t a, uint16_t b, FpStatus *s)
{
    return fp_compare(format, a, b, false, s) <= FP_EQUAL;
}

uint32_t f16_classify(uint16_t a)
{
    return fp_class_mask(format, a);
}

uint16_t f16_round(uint16_t a, FpStatus *s)
{
    return pack(fp_round(unpack(a), 0, s), s);
}

uint16_t f16_roundnx(uint16_t a, FpStatus *s)
{
    return pack(fp_round(unpack(a), FP_NX, s), s);
}

int32_t f16_to_i32(uint16_t a, FpStatus *s)
{
    return fp_to_int(unpack(a), INT32_MAX, UINT64_C(1) << 31, s);
}

uint32_t f16_to_u32(uint16_t a, FpStatus *s)
{
    return fp_to_int(unpack(a), UINT32_MAX, 0, s);
}

int64_t f16_to_i64(uint16_t a, FpStatus *s)
{
    return fp_to_int(unpack(a), INT64_MAX, UINT64_C(1) << 63, s);
}

uint64_t f16_to_u64(uint16_t a, FpStatus *s)
{
    return fp_to_int(unpack(a), UINT64_MAX, 0, s);
}

uint16_t f16_from_i32(int32_t v, FpStatus *s)
{
    return pack(fp_from_int(v < 0, v < 0 ? -(uint64_t)v : (uint64_t)v), s);
}

uint16_t f16_from_u32(uint32_t v, FpStatus *s)
{
    return pack(fp_from_int(false, v), s);
}

uint16_t f16_from_i64(int64_t v, FpStatus *s)
{
    return pack(fp_from_int(v < 0, v < 0 ? -(uint64_t)v : (uint64_t)v), s);
}

uint16_t f16_from_u64(uint64_t v, FpStatus *s)
{
    return pack(fp_from_int(false, v), s);
}
