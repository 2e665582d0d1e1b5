/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The host's floating point, where it cannot be told from fpu/softfloat.h: a short cut for a target's
 * helpers.
 *
 * With rounding to nearest, ties to even, the host's result is the correct one; its flags are not
 * read.  So a result counts only if every flag of the operation is known without them:
 *   - the guest rounds to nearest even, and NX is set already (fp_host_rounds) or the operation is
 *     exact;
 *   - the result is plain (host_plain64): finite and above the smallest normal number.  Then no
 *     operand was NaN, and nothing was invalid, divided by zero, overflowed or tiny; an operand may
 *     be infinite only as a divisor, and then the result is zero.
 * Everything else goes the long way.  The result is looked at, which is cheaper than the operands.
 *
 * Needs: the host in its default rounding mode, without flushing of subnormals, and no excess
 * precision.  The host's own flags change. */
#pragma once
#include <float.h>
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "fpu/softfloat.h"

/* May the host round an inexact result?  16: binary16 alone is computed in its own precision. */
static inline bool fp_host_rounds(const FpStatus *s, uint32_t rounding)
{
    bool precise = FLT_EVAL_METHOD == 0 || FLT_EVAL_METHOD == 16;
    return precise && rounding == FP_RNE && (s->flags & FP_NX);
}

static inline double host_f64(uint64_t bits)
{
    double v;
    memcpy(&v, &bits, sizeof v);
    return v;
}

static inline uint64_t host_bits64(double v)
{
    uint64_t bits;
    memcpy(&bits, &v, sizeof bits);
    return bits;
}

static inline float host_f32(uint32_t bits)
{
    float v;
    memcpy(&v, &bits, sizeof v);
    return v;
}

static inline uint32_t host_bits32(float v)
{
    uint32_t bits;
    memcpy(&bits, &v, sizeof bits);
    return bits;
}

/* Exponent neither of zero and subnormals, nor the smallest normal one, nor of infinity and NaN. */
static inline bool host_plain64(double v)
{
    return ((host_bits64(v) >> 52) & 0x7ff) - 2 < 0x7fd;
}
static inline bool host_plain32(float v)
{
    return ((host_bits32(v) >> 23) & 0xff) - 2 < 0xfd;
}

/* ---- fused multiply-add in one instruction -------------------------------- */

#ifdef __x86_64__
#define HOST_FMA __attribute__((target("fma")))
#else
#define HOST_FMA
#endif

static inline bool host_has_fma(void)
{
#ifdef __x86_64__
    return __builtin_cpu_supports("fma");
#else
    return false;
#endif
}

HOST_FMA static inline double host_fma64(double a, double b, double c)
{
    return fma(a, b, c);
}

HOST_FMA static inline float host_fma32(float a, float b, float c)
{
    return fmaf(a, b, c);
}
