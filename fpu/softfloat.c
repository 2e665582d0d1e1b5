/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The public functions: core.h and compare.h with a format's row.  Their contract stands in
 * fpu/softfloat.h. */
#include "fpu/compare.h"

/* binary32 and binary64, which guests use most, have code of their own, with constant shifts: a quarter
 * faster. */
static G_ALWAYS_INLINE inline FpParts unpack(FpFormat f, uint64_t a)
{
    switch (f) {
    case FP_F64: return fp_unpack(&fp_layouts[FP_F64], a);
    case FP_F32: return fp_unpack(&fp_layouts[FP_F32], a);
    default: return fp_unpack(&fp_layouts[f], a);
    }
}

static G_GNUC_NO_INLINE uint64_t pack_f64(FpParts p, FpStatus *s)
{
    return fp_pack(&fp_layouts[FP_F64], p, s);
}

static G_GNUC_NO_INLINE uint64_t pack_f32(FpParts p, FpStatus *s)
{
    return fp_pack(&fp_layouts[FP_F32], p, s);
}

static G_GNUC_NO_INLINE uint64_t pack_other(FpFormat f, FpParts p, FpStatus *s)
{
    return fp_pack(&fp_layouts[f], p, s);
}

static uint64_t pack(FpFormat f, FpParts p, FpStatus *s)
{
    switch (f) {
    case FP_F64: return pack_f64(p, s);
    case FP_F32: return pack_f32(p, s);
    default: return pack_other(f, p, s);
    }
}

uint64_t fp_add(FpFormat f, uint64_t a, uint64_t b, FpStatus *s)
{
    return pack(f, parts_add(unpack(f, a), unpack(f, b), s), s);
}

uint64_t fp_sub(FpFormat f, uint64_t a, uint64_t b, FpStatus *s)
{
    return pack(f, parts_add(unpack(f, a), parts_negate(unpack(f, b)), s), s);
}

uint64_t fp_mul(FpFormat f, uint64_t a, uint64_t b, FpStatus *s)
{
    return pack(f, parts_mul(unpack(f, a), unpack(f, b), s), s);
}

uint64_t fp_div(FpFormat f, uint64_t a, uint64_t b, FpStatus *s)
{
    return pack(f, parts_div(unpack(f, a), unpack(f, b), s), s);
}

uint64_t fp_sqrt(FpFormat f, uint64_t a, FpStatus *s)
{
    return pack(f, parts_sqrt(unpack(f, a), s), s);
}

uint64_t fp_fmadd(FpFormat f, uint64_t a, uint64_t b, uint64_t c, FpStatus *s)
{
    return pack(f, parts_muladd(unpack(f, a), unpack(f, b), unpack(f, c), s), s);
}

uint64_t fp_fmsub(FpFormat f, uint64_t a, uint64_t b, uint64_t c, FpStatus *s)
{
    return pack(f, parts_muladd(unpack(f, a), unpack(f, b), parts_negate(unpack(f, c)), s), s);
}

uint64_t fp_fnmsub(FpFormat f, uint64_t a, uint64_t b, uint64_t c, FpStatus *s)
{
    return pack(f, parts_muladd(parts_negate(unpack(f, a)), unpack(f, b), unpack(f, c), s), s);
}

uint64_t fp_fnmadd(FpFormat f, uint64_t a, uint64_t b, uint64_t c, FpStatus *s)
{
    return pack(f, parts_muladd(parts_negate(unpack(f, a)), unpack(f, b), parts_negate(unpack(f, c)), s), s);
}

uint64_t fp_min(FpFormat f, uint64_t a, uint64_t b, FpStatus *s)
{
    return fp_min_max(&fp_layouts[f], a, b, (FpPick){ 0 }, s);
}

uint64_t fp_max(FpFormat f, uint64_t a, uint64_t b, FpStatus *s)
{
    return fp_min_max(&fp_layouts[f], a, b, (FpPick){ .greater = true }, s);
}

uint64_t fp_minm(FpFormat f, uint64_t a, uint64_t b, FpStatus *s)
{
    return fp_min_max(&fp_layouts[f], a, b, (FpPick){ .keep_nan = true }, s);
}

uint64_t fp_maxm(FpFormat f, uint64_t a, uint64_t b, FpStatus *s)
{
    return fp_min_max(&fp_layouts[f], a, b, (FpPick){ .greater = true, .keep_nan = true }, s);
}

bool fp_eq(FpFormat f, uint64_t a, uint64_t b, FpStatus *s)
{
    return fp_compare(&fp_layouts[f], a, b, false, s) == FP_EQUAL;
}

bool fp_lt(FpFormat f, uint64_t a, uint64_t b, FpStatus *s)
{
    return fp_compare(&fp_layouts[f], a, b, true, s) == FP_LESS;
}

bool fp_le(FpFormat f, uint64_t a, uint64_t b, FpStatus *s)
{
    return fp_compare(&fp_layouts[f], a, b, true, s) <= FP_EQUAL;
}

bool fp_ltq(FpFormat f, uint64_t a, uint64_t b, FpStatus *s)
{
    return fp_compare(&fp_layouts[f], a, b, false, s) == FP_LESS;
}

bool fp_leq(FpFormat f, uint64_t a, uint64_t b, FpStatus *s)
{
    return fp_compare(&fp_layouts[f], a, b, false, s) <= FP_EQUAL;
}

uint32_t fp_classify(FpFormat f, uint64_t a)
{
    return fp_class_mask(&fp_layouts[f], a);
}

uint64_t fp_round(FpFormat f, uint64_t a, FpStatus *s)
{
    return pack(f, parts_round(unpack(f, a), 0, s), s);
}

uint64_t fp_roundnx(FpFormat f, uint64_t a, FpStatus *s)
{
    return pack(f, parts_round(unpack(f, a), FP_NX, s), s);
}

int32_t fp_to_i32(FpFormat f, uint64_t a, FpStatus *s)
{
    return parts_to_int(unpack(f, a), INT32_MAX, UINT64_C(1) << 31, s);
}

uint32_t fp_to_u32(FpFormat f, uint64_t a, FpStatus *s)
{
    return parts_to_int(unpack(f, a), UINT32_MAX, 0, s);
}

int64_t fp_to_i64(FpFormat f, uint64_t a, FpStatus *s)
{
    return parts_to_int(unpack(f, a), INT64_MAX, UINT64_C(1) << 63, s);
}

uint64_t fp_to_u64(FpFormat f, uint64_t a, FpStatus *s)
{
    return parts_to_int(unpack(f, a), UINT64_MAX, 0, s);
}

int32_t fp_to_i32_mod(FpFormat f, uint64_t a, FpStatus *s)
{
    return parts_to_i32_mod(unpack(f, a), s);
}

uint64_t fp_from_i64(FpFormat f, int64_t v, FpStatus *s)
{
    uint64_t magnitude = v;
    return pack(f, parts_from_int(v < 0, v < 0 ? -magnitude : magnitude), s);
}

uint64_t fp_from_u64(FpFormat f, uint64_t v, FpStatus *s)
{
    return pack(f, parts_from_int(false, v), s);
}

uint64_t fp_convert(FpFormat from, uint64_t a, FpFormat to, FpStatus *s)
{
    return pack(to, parts_convert(unpack(from, a), s), s);
}
