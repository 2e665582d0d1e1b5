/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A short cut through the host's floating point, where it cannot be told from the long way.
 *
 * With rounding to nearest, ties to even, the host's result is the correct one.  If it is finite
 * and above the smallest normal number, then no operand was NaN, nothing was invalid, divided by
 * zero, overflowed or tiny: NX is the only exception that can have been raised, and where NX
 * stands in the flags already there is nothing left to add.  Anything else goes the long way.
 *
 * Needs: the host in its default rounding mode, without flushing of subnormals, and no excess
 * precision.  The host's own flags change: a caller that keeps a guest's flags there must save
 * them around the call. */
#pragma once
#include "fpu/core.h"

#include <float.h>
#include <math.h>
#include <string.h>

/* 16: binary16 alone is computed in its own precision. */
#define FP_HOST_PRECISE (FLT_EVAL_METHOD == 0 || FLT_EVAL_METHOD == 16)

static inline bool fp_host_may(const FpStatus *s)
{
    return FP_HOST_PRECISE && s->rounding == FP_RNE && (s->flags & FP_NX);
}

static inline double f64_host(uint64_t bits)
{
    double d;
    memcpy(&d, &bits, sizeof d);
    return d;
}

static inline float f32_host(uint32_t bits)
{
    float f;
    memcpy(&f, &bits, sizeof f);
    return f;
}

/* Whether D is a result that the host may give; *R gets its bits. */
static inline bool f64_host_result(double d, uint64_t *r)
{
    memcpy(r, &d, sizeof d);
    return fabs(d) > DBL_MIN && fabs(d) <= DBL_MAX;
}

static inline bool f32_host_result(float f, uint32_t *r)
{
    memcpy(r, &f, sizeof f);
    return fabsf(f) > FLT_MIN && fabsf(f) <= FLT_MAX;
}
