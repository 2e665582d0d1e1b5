/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Arithmetic of the x87: double extended precision, exact, in software.
 *
 * Each function rounds as Fp80Status says, and ORs the exceptions that it raises into `flags`.  Results are those with
 * exceptions masked.  NaN operands follow the x87's rule (the larger significand); encodings that it does not support are
 * invalid operands.
 *
 * Spec: Intel SDM volume 1, "Real Numbers and Floating-Point Formats", "x87 FPU Floating-Point Exception Handling".
 * Overflows and underflows in `traps` are unmasked: a register's result has its exponent 24576 nearer to 1, and tiny is
 * an underflow though it is exact.  Other unmasked exceptions change no result: their callers drop it. */
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
    uint8_t traps;   /* FP_OF, FP_UF: such a result is not the masked one, see below */
    bool subnormal;  /* an operand was, in the format that it came from: fp80_operand() */
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
/* As fp80_from(), for the operand of an operation: which raises what there is to raise, NaN are left signaling. */
Fp80 fp80_operand(FpFormat f, uint64_t a, Fp80Status *s);
/* Stores round to the format, whatever `precision` is. */
uint64_t fp80_to(FpFormat f, Fp80 a, Fp80Status *s);
/* To an integer of 16, 32 or 64 bits, sign extended; out of range, and NaN: the most negative one, and NV. */
int64_t fp80_to_int(Fp80 a, unsigned bits, Fp80Status *s);

/* 18 decimal digits: value is 10 bytes, the sign on top.  Digits above 9 count as they do in a sum.  Out of range, and NaN:
 * "packed decimal indefinite", and NV. */
typedef struct Fp80Decimal {
    uint64_t low; /* 16 digits */
    uint16_t high;
} Fp80Decimal;
Fp80 fp80_from_decimal(Fp80Decimal d);
Fp80Decimal fp80_to_decimal(Fp80 a, Fp80Status *s);

/* a * 2^trunc(b); `precision` does not count, nor does it for what follows. */
Fp80 fp80_scale(Fp80 a, Fp80 b, Fp80Status *s);
/* a = significand * 2^exponent: the exponent is returned. */
Fp80 fp80_extract(Fp80 a, Fp80 *significand, Fp80Status *s);
/* The remainder of a / b where the quotient is cut (FPREM) or rounded to nearest, ties to even (FPREM1); or, where exponents
 * are 64 or more apart, a number congruent to it with a smaller exponent (partial). */
typedef struct Fp80Quotient {
    uint8_t low; /* its three lowest bits */
    bool known;  /* false: an operand was NaN, or invalid */
    bool partial;
} Fp80Quotient;
Fp80 fp80_remainder(Fp80 a, Fp80 b, bool nearest, Fp80Quotient *q, Fp80Status *s);
