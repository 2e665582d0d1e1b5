/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Floating point on the host's own unit, where that is provably what fpu/ would do.
 *
 * The host computes in round-to-nearest-even and its exception flags are not read.  So
 * a result counts only if every flag of the operation is known without them:
 *   - the rounding mode is RNE, and NX is set already or the operation is exact;
 *   - the result is finite, and larger than the smallest normal: neither OF, UF, NV nor DZ.
 *     (A normal result also means that no operand was a NaN or infinite, but for a division
 *     by infinity, whose result is zero.)
 * Everything else goes to fpu/.  Callers test the result, which is cheaper than the operands. */
#pragma once
#include <math.h>
#include <string.h>

#include "target/riscv/fp.h"

/* May an inexact result be rounded by the host? */
static inline bool host_rounds(CPU *cpu, uint32_t rm)
{
    return rm == FP_RNE && (fp_status(cpu)->flags & FP_NX);
}

static inline double host_f64(uint64_t bits)
{
    double v;
    memcpy(&v, &bits, sizeof(v));
    return v;
}

static inline uint64_t host_bits64(double v)
{
    uint64_t bits;
    memcpy(&bits, &v, sizeof(bits));
    return bits;
}

static inline float host_f32(uint64_t boxed)
{
    uint32_t bits = (uint32_t)boxed;
    float v;
    memcpy(&v, &bits, sizeof(v));
    return v;
}

static inline uint64_t host_box32(float v)
{
    uint32_t bits;
    memcpy(&bits, &v, sizeof(bits));
    return box32(bits);
}

static inline bool is_boxed32(uint64_t f)
{
    return f >> 32 == UINT32_MAX;
}

/* Exponent neither of zero and subnormals, nor the smallest normal one, nor of infinity and NaN. */
static inline bool host_plain64(double v)
{
    return ((host_bits64(v) >> 52) & 0x7ff) - 2 < 0x7fd;
}
static inline bool host_plain32(float v)
{
    return (((uint32_t)host_box32(v) >> 23) & 0xff) - 2 < 0xfd;
}
