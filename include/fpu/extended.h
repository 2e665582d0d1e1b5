/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Arithmetic of the x87: double extended precision, exact, in software.
 *
 * Each function rounds as Fp80Status says, and ORs the exceptions that it raises into `flags`.  Results are those with all
 * exceptions masked.  NaN operands follow the x87's rule (the larger significand); encodings that it does not support are
 * invalid operands.
 *
 * Spec: Intel SDM volume 1, "Real Numbers and Floating-Point Formats", "x87 FPU Floating-Point Exception Handling".
 * Not modelled: remainders, logarithms and trigonometric functions; packed decimals. */
#pragma once
#include "fpu/softfloat.h"

typedef struct Fp80 {
    uint64_t mantissa; /* with the integer bit on top */
    uint16_t exponent; /* biased by 16383; the sign in bit 15 */
} Fp80;

enum {
    FP_DN = 1 << 5, /* an operand was subnormal: beside the FP_ flags of softfloat.h */
};

typedef struct Fp80Status {
    uint8_t rounding;  /* FpRounding; FP_RMM is not the x87's */
    uint8_t precision; /* bits of a result's significand: 24, 53 or 64.  The range stays */
    uint8_t flags;
    bool rounded_up; /* of the last result: its magnitude is above the exact one (C1) */
} Fp80Status;

/* "Real indefinite": the answer to an invalid operation. */
#define FP80_DEFAULT_NAN ((Fp80){ UINT64_C(0xc000000000000000), 0xffff })

Fp80 fp80_add(Fp80 a, Fp80 b, Fp80Status *s);
Fp80 fp80_sub(Fp80 a, Fp80 b, Fp80Status *s);
Fp80 fp80_mul(Fp80 a, Fp80 b, Fp80Status *s);
Fp80 fp80_div(Fp80 a, Fp80 b, Fp80Status *s);
Fp80 fp80_sqrt(Fp80 a, Fp80Status *s);
Fp80 fp80_round(Fp80 a, Fp80Status *s); /* to an integral value; `precision` does not count */

/* Signaling: NV of any NaN (FCOM); else of signaling ones only (FUCOM). */
FpOrder fp80_compare(Fp80 a, Fp80 b, bool signaling, Fp80Status *s);

/* Loads are exact; FP_F32 and FP_F64. */
Fp80 fp80_from(FpFormat f, uint64_t a, Fp80Status *s);
Fp80 fp80_from_i64(int64_t v);
/* Stores round to the format, whatever `precision` is. */
uint64_t fp80_to(FpFormat f, Fp80 a, Fp80Status *s);
/* To an integer of 16, 32 or 64 bits, sign extended; out of range, and NaN: the most negative one, and NV. */
int64_t fp80_to_int(Fp80 a, unsigned bits, Fp80Status *s);
