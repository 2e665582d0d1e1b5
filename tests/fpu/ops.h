/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The operations of fpu/softfloat.h as data, so that a test can run through all of them in
 * every format, and operands that reach the corners. */
#pragma once
#include "fpu/softfloat.h"
#include <glib.h>
#include <inttypes.h>

/* clang-format off */
typedef enum Op {
    OP_ADD, OP_SUB, OP_MUL, OP_DIV, OP_SQRT,
    OP_FMADD, OP_FMSUB, OP_FNMSUB, OP_FNMADD,
    OP_MIN, OP_MAX, OP_MINM, OP_MAXM,
    OP_EQ, OP_LT, OP_LE, OP_LTQ, OP_LEQ,
    OP_CLASSIFY, OP_ROUND, OP_ROUNDNX,
    OP_TO_I32, OP_TO_U32, OP_TO_I64, OP_TO_U64,         /* results sign- or zero-extended */
    OP_FROM_I32, OP_FROM_U32, OP_FROM_I64, OP_FROM_U64,
    OP_TO_F16, OP_TO_F32, OP_TO_F64, OP_TO_BF16,        /* from the format, not to itself */
    OP_COUNT
} Op;
/* clang-format on */

/* In the order of the OP_TO operations. */
typedef enum Format { F16, F32, F64, BF16, FORMAT_COUNT } Format;

extern const uint8_t format_exp_bits[FORMAT_COUNT], format_frac_bits[FORMAT_COUNT];
extern const char *const format_names[FORMAT_COUNT], *const op_names[OP_COUNT];

/* Number of operands; from-integer operations take the integer as x[0]. */
int op_operands(Op op);
/* Conversion to the format itself does not exist, and bfloat16 has nothing but conversions. */
bool op_exists(Op op, Format format);

/* Runs the library. */
uint64_t op_run(Op op, Format format, const uint64_t x[3], FpStatus *s);

/* splitmix64: the same numbers in every run and on every host. */
uint64_t operand_random(uint64_t *seed);
/* Operands for OP: special values, exponents near the limits and near integers, significands of
 * few bits or of long runs, cancellation. */
void operand_fill(Op op, Format format, uint64_t *seed, uint64_t x[3]);
