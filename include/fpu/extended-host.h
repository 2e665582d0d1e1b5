/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The x87's transcendental functions, which each kind of chip computes to its own last bit: as the host's where that
 * is an x86 (its x87 is left as fninit leaves it), else in software. */
#pragma once
#include "fpu/extended.h"

typedef enum Fp80Function {
    FP80_2XM1,   /* 2^ST(0) - 1, |ST(0)| <= 1 */
    FP80_YL2X,   /* ST(1) * log2(ST(0)), popped */
    FP80_YL2XP1, /* ST(1) * log2(ST(0) + 1), |ST(0)| < 1 - sqrt(1/2); popped */
    FP80_PATAN,  /* the angle of the point (ST(0), ST(1)), popped */
    FP80_PTAN,   /* of angles below 2^63: tangent; pushes 1 */
    FP80_SIN,
    FP80_COS,
    FP80_SINCOS, /* the sine; pushes the cosine */
} Fp80Function;

typedef struct Fp80Result {
    Fp80 st[2];      /* in: ST(0), ST(1).  Out: the same, of the new stack; popped: ST(0) alone */
    uint16_t status; /* exceptions, C1 and C2 in their places of the x87's status word */
    int8_t moved;    /* 1: pushed, -1: popped */
} Fp80Result;

/* control: the x87's word, which masks exceptions and rounds. */
void fp80_function(Fp80Function which, Fp80Result *r, uint16_t control);
/* The same in software, on any host. */
void fp80_function_soft(Fp80Function which, Fp80Result *r, uint16_t control);
