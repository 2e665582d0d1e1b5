/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Comparison, minimum, maximum and class, on bit patterns: patterns without their
 * sign are ordered as the magnitudes are, with NaN above infinity.
 *
 * Spec: IEEE 754-2019, clauses 5.11 (comparisons), 9.6 (minimum, maximum), 5.7.2 (class). */
#pragma once
#include "fpu/core.h"

static inline uint64_t fp_magnitude(const FpLayout *f, uint64_t bits)
{
    return bits & (fp_sign_bit(f) - 1);
}

static inline bool fp_bits_nan(const FpLayout *f, uint64_t bits)
{
    return fp_magnitude(f, bits) > fp_inf_bits(f);
}

static inline bool fp_bits_snan(const FpLayout *f, uint64_t bits)
{
    return fp_bits_nan(f, bits) && !(bits >> (f->frac_bits - 1) & 1);
}

/* An integer that is ordered as the number is; -0 and +0 give the same. */
static inline int64_t fp_order_key(const FpLayout *f, uint64_t bits)
{
    int64_t magnitude = fp_magnitude(f, bits);
    return bits & fp_sign_bit(f) ? -magnitude : magnitude;
}

/* NV for a signaling NaN, and with SIGNALING for any. */
static inline FpOrder fp_compare(const FpLayout *f, uint64_t a, uint64_t b, bool signaling, FpStatus *s)
{
    if (fp_bits_nan(f, a) || fp_bits_nan(f, b)) {
        if (signaling || fp_bits_snan(f, a) || fp_bits_snan(f, b)) {
            s->flags |= FP_NV;
        }
        return FP_UNORDERED;
    }
    int64_t x = fp_order_key(f, a), y = fp_order_key(f, b);
    return x < y ? FP_LESS : x == y ? FP_EQUAL : FP_GREATER;
}

/* The four operations min, max, minm and maxm. */
typedef struct FpPick {
    bool greater, keep_nan;
} FpPick;

static inline uint64_t fp_min_max(const FpLayout *f, uint64_t a, uint64_t b, FpPick pick, FpStatus *s)
{
    bool a_nan = fp_bits_nan(f, a), b_nan = fp_bits_nan(f, b);
    if (a_nan || b_nan) {
        if ((a_nan && b_nan) || pick.keep_nan) {
            FpParts x = fp_unpack(f, a), y = fp_unpack(f, b);
            return fp_pack(f, parts_pick_nan(x, y, y, s), s);
        }
        if (fp_bits_snan(f, a) || fp_bits_snan(f, b)) {
            s->flags |= FP_NV;
        }
        return a_nan ? b : a;
    }
    int64_t x = fp_order_key(f, a), y = fp_order_key(f, b);
    bool a_less = x < y || (x == y && (a & fp_sign_bit(f)));
    return a_less != pick.greater ? a : b;
}

static inline uint32_t fp_class_mask(const FpLayout *f, uint64_t bits)
{
    bool negative = bits & fp_sign_bit(f);
    uint64_t magnitude = fp_magnitude(f, bits);

    if (magnitude > fp_inf_bits(f)) {
        return fp_bits_snan(f, bits) ? FP_CLASS_SNAN : FP_CLASS_QNAN;
    }
    if (magnitude == fp_inf_bits(f)) {
        return negative ? FP_CLASS_NEG_INF : FP_CLASS_POS_INF;
    }
    if (magnitude >> f->frac_bits) {
        return negative ? FP_CLASS_NEG_NORMAL : FP_CLASS_POS_NORMAL;
    }
    if (magnitude) {
        return negative ? FP_CLASS_NEG_SUBNORMAL : FP_CLASS_POS_SUBNORMAL;
    }
    return negative ? FP_CLASS_NEG_ZERO : FP_CLASS_POS_ZERO;
}
