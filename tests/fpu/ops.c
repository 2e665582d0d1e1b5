/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The table of operations and the source of operands. */
#include "ops.h"

const uint8_t format_exp_bits[FORMAT_COUNT] = { 5, 8, 11, 8 };
const uint8_t format_frac_bits[FORMAT_COUNT] = { 10, 23, 52, 7 };
const char *const format_names[FORMAT_COUNT] = { "f16", "f32", "f64", "bf16" };

static const FpFormat library_format[FORMAT_COUNT] = { FP_F16, FP_F32, FP_F64, FP_BF16 };

typedef enum Shape { SHAPE_OTHER, SHAPE_ONE, SHAPE_TWO, SHAPE_THREE, SHAPE_COMPARE } Shape;

/* The member of the union that fits the shape is set. */
typedef struct Row {
    Shape shape;
    union {
        uint64_t (*one)(FpFormat, uint64_t, FpStatus *);
        uint64_t (*two)(FpFormat, uint64_t, uint64_t, FpStatus *);
        uint64_t (*three)(FpFormat, uint64_t, uint64_t, uint64_t, FpStatus *);
        bool (*compare)(FpFormat, uint64_t, uint64_t, FpStatus *);
    };
} Row;

static const Row rows[OP_COUNT] = {
    [OP_ADD] = { SHAPE_TWO, .two = fp_add },           [OP_SUB] = { SHAPE_TWO, .two = fp_sub },
    [OP_MUL] = { SHAPE_TWO, .two = fp_mul },           [OP_DIV] = { SHAPE_TWO, .two = fp_div },
    [OP_SQRT] = { SHAPE_ONE, .one = fp_sqrt },         [OP_FMADD] = { SHAPE_THREE, .three = fp_fmadd },
    [OP_FMSUB] = { SHAPE_THREE, .three = fp_fmsub },   [OP_FNMSUB] = { SHAPE_THREE, .three = fp_fnmsub },
    [OP_FNMADD] = { SHAPE_THREE, .three = fp_fnmadd }, [OP_MIN] = { SHAPE_TWO, .two = fp_min },
    [OP_MAX] = { SHAPE_TWO, .two = fp_max },           [OP_MINM] = { SHAPE_TWO, .two = fp_minm },
    [OP_MAXM] = { SHAPE_TWO, .two = fp_maxm },         [OP_EQ] = { SHAPE_COMPARE, .compare = fp_eq },
    [OP_LT] = { SHAPE_COMPARE, .compare = fp_lt },     [OP_LE] = { SHAPE_COMPARE, .compare = fp_le },
    [OP_LTQ] = { SHAPE_COMPARE, .compare = fp_ltq },   [OP_LEQ] = { SHAPE_COMPARE, .compare = fp_leq },
    [OP_ROUND] = { SHAPE_ONE, .one = fp_round },       [OP_ROUNDNX] = { SHAPE_ONE, .one = fp_roundnx },
};

const char *const op_names[OP_COUNT] = {
    "add",      "sub",      "mul",     "div",    "sqrt",   "fmadd",   "fmsub",  "fnmsub",   "fnmadd",
    "min",      "max",      "minm",    "maxm",   "eq",     "lt",      "le",     "ltq",      "leq",
    "classify", "round",    "roundnx", "to_i32", "to_u32", "to_i64",  "to_u64", "from_i32", "from_u32",
    "from_i64", "from_u64", "to_f16",  "to_f32", "to_f64", "to_bf16",
};

int op_operands(Op op)
{
    switch (rows[op].shape) {
    case SHAPE_THREE: return 3;
    case SHAPE_TWO:
    case SHAPE_COMPARE: return 2;
    default: return 1;
    }
}

bool op_exists(Op op, Format format)
{
    return op < OP_TO_F16 ? format != BF16 : op - OP_TO_F16 + F16 != format;
}

static uint64_t run_other(Op op, FpFormat f, uint64_t x, FpStatus *s)
{
    switch (op) {
    case OP_CLASSIFY: return fp_classify(f, x);
    case OP_TO_I32: return fp_to_i32(f, x, s);
    case OP_TO_U32: return fp_to_u32(f, x, s);
    case OP_TO_I64: return fp_to_i64(f, x, s);
    case OP_TO_U64: return fp_to_u64(f, x, s);
    case OP_FROM_I32: return fp_from_i64(f, (int32_t)x, s);
    case OP_FROM_U32: return fp_from_u64(f, (uint32_t)x, s);
    case OP_FROM_I64: return fp_from_i64(f, x, s);
    case OP_FROM_U64: return fp_from_u64(f, x, s);
    case OP_TO_F16 ... OP_TO_BF16: return fp_convert(f, x, library_format[op - OP_TO_F16], s);
    default: g_assert_not_reached();
    }
}

uint64_t op_run(Op op, Format format, const uint64_t x[3], FpStatus *s)
{
    const Row *row = &rows[op];
    FpFormat f = library_format[format];
    switch (row->shape) {
    case SHAPE_ONE: return row->one(f, x[0], s);
    case SHAPE_TWO: return row->two(f, x[0], x[1], s);
    case SHAPE_THREE: return row->three(f, x[0], x[1], x[2], s);
    case SHAPE_COMPARE: return row->compare(f, x[0], x[1], s);
    default: return run_other(op, f, x[0], s);
    }
}

uint64_t operand_random(uint64_t *seed)
{
    uint64_t z = *seed += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

/* WIDTH bits: random, one to three set, one to three clear, or a run of ones. */
static uint64_t random_pattern(int width, uint64_t *seed)
{
    uint64_t r = operand_random(seed), mask = UINT64_MAX >> (64 - width), few = 0;
    for (int n = r >> 4 & 3; n; n--) {
        few |= UINT64_C(1) << (operand_random(seed) % width);
    }
    switch (r & 7) {
    case 0:
    case 1: return few & mask;
    case 2: return ~few & mask;
    case 3: return (mask >> (r >> 8) % width) & mask << (r >> 16) % width;
    case 4: return (mask << (r >> 8) % width) & mask;
    default: return (r >> 3) & mask;
    }
}

/* An exponent field: anything, the limits, around one, around the bounds of the integers. */
static uint64_t random_exponent(Format format, uint64_t *seed)
{
    static const uint8_t integer_bounds[] = { 0, 31, 32, 63, 64 };
    uint64_t r = operand_random(seed), max = (1 << format_exp_bits[format]) - 1, bias = max / 2;
    switch (r & 7) {
    case 0: return (r >> 8) % 4;
    case 1: return max - (r >> 8) % 4;
    case 2: return bias + (r >> 8) % 7 - 3;
    case 3: return MIN(bias + integer_bounds[(r >> 8) % 5] + (r >> 16) % 3 - 1, max);
    case 4: /* products and quotients near the bottom and the top */
        return bias / 2 + (r >> 8) % 9 + ((r >> 16) & 1 ? bias : 0);
    case 5: /* roughly a significand apart from one */
        return MIN(bias + format_frac_bits[format] + (r >> 8) % 7 - 3, max);
    default: return (r >> 8) & max;
    }
}

static uint64_t random_float(Format format, uint64_t *seed)
{
    int frac_bits = format_frac_bits[format], exp_bits = format_exp_bits[format];
    uint64_t r = operand_random(seed), frac = random_pattern(frac_bits, seed);
    uint64_t exp = random_exponent(format, seed), sign = r & 1;
    if (r % 61 == 0) {
        exp = r & 64 ? UINT64_MAX >> (64 - exp_bits) : 0;
    }
    if (r % 59 == 0) {
        frac = 0;
    }
    return frac | exp << frac_bits | sign << (frac_bits + exp_bits);
}

/* A neighbour of V, in the pattern's order, perhaps with the other sign. */
static uint64_t nudge(Format format, uint64_t v, uint64_t *seed)
{
    uint64_t r = operand_random(seed);
    int top = format_frac_bits[format] + format_exp_bits[format];
    v += r % 5 - 2;
    v ^= (r >> 8 & 1) << top;
    v += (r >> 9 & 3) ? 0 : (r >> 11 & 1) << format_frac_bits[format];
    return v & (UINT64_MAX >> (63 - top));
}

void operand_fill(Op op, Format format, uint64_t *seed, uint64_t x[3])
{
    uint64_t r = operand_random(seed);
    for (int i = 0; i < 3; i++) {
        x[i] = random_float(format, seed);
    }
    if (op >= OP_FROM_I32 && op <= OP_FROM_U64) {
        x[0] = random_pattern(64, seed);
        x[0] = r & 1 ? -(x[0] >> (r >> 8) % 64) : x[0] >> (r >> 8) % 64;
        return;
    }
    if (r % 4 == 0) {
        x[1] = nudge(format, x[0], seed);
    }
    if (op >= OP_FMADD && op <= OP_FNMADD && r % 3 == 0) {
        FpStatus s = { .rounding = (r >> 8) % 5 };
        x[2] = nudge(format, op_run(OP_MUL, format, x, &s), seed);
    }
}
