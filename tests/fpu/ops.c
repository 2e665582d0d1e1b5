/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The table of operations and the source of operands. */
#include "ops.h"

const uint8_t format_exp_bits[FORMAT_COUNT] = { 5, 8, 11, 8 };
const uint8_t format_frac_bits[FORMAT_COUNT] = { 10, 23, 52, 7 };
const char *const format_names[FORMAT_COUNT] = { "f16", "f32", "f64", "bf16" };

/* One row an operation and format; the member of the union that fits the operation is set. */
typedef union Fn16 {
    uint16_t (*one)(uint16_t, FpStatus *);
    uint16_t (*two)(uint16_t, uint16_t, FpStatus *);
    uint16_t (*three)(uint16_t, uint16_t, uint16_t, FpStatus *);
    bool (*compare)(uint16_t, uint16_t, FpStatus *);
} Fn16;

typedef union Fn32 {
    uint32_t (*one)(uint32_t, FpStatus *);
    uint32_t (*two)(uint32_t, uint32_t, FpStatus *);
    uint32_t (*three)(uint32_t, uint32_t, uint32_t, FpStatus *);
    bool (*compare)(uint32_t, uint32_t, FpStatus *);
} Fn32;

typedef union Fn64 {
    uint64_t (*one)(uint64_t, FpStatus *);
    uint64_t (*two)(uint64_t, uint64_t, FpStatus *);
    uint64_t (*three)(uint64_t, uint64_t, uint64_t, FpStatus *);
    bool (*compare)(uint64_t, uint64_t, FpStatus *);
} Fn64;

typedef enum Shape { SHAPE_OTHER, SHAPE_ONE, SHAPE_TWO, SHAPE_THREE, SHAPE_COMPARE } Shape;

typedef struct Row {
    Shape shape;
    Fn16 f16;
    Fn32 f32;
    Fn64 f64;
} Row;

static const Row rows[OP_COUNT] = {
    [OP_ADD] = { SHAPE_TWO, { .two = f16_add }, { .two = f32_add }, { .two = f64_add } },
    [OP_SUB] = { SHAPE_TWO, { .two = f16_sub }, { .two = f32_sub }, { .two = f64_sub } },
    [OP_MUL] = { SHAPE_TWO, { .two = f16_mul }, { .two = f32_mul }, { .two = f64_mul } },
    [OP_DIV] = { SHAPE_TWO, { .two = f16_div }, { .two = f32_div }, { .two = f64_div } },
    [OP_SQRT] = { SHAPE_ONE, { .one = f16_sqrt }, { .one = f32_sqrt }, { .one = f64_sqrt } },
    [OP_FMADD] = { SHAPE_THREE, { .three = f16_fmadd }, { .three = f32_fmadd }, { .three = f64_fmadd } },
    [OP_FMSUB] = { SHAPE_THREE, { .three = f16_fmsub }, { .three = f32_fmsub }, { .three = f64_fmsub } },
    [OP_FNMSUB] = { SHAPE_THREE, { .three = f16_fnmsub }, { .three = f32_fnmsub }, { .three = f64_fnmsub } },
    [OP_FNMADD] = { SHAPE_THREE, { .three = f16_fnmadd }, { .three = f32_fnmadd }, { .three = f64_fnmadd } },
    [OP_MIN] = { SHAPE_TWO, { .two = f16_min }, { .two = f32_min }, { .two = f64_min } },
    [OP_MAX] = { SHAPE_TWO, { .two = f16_max }, { .two = f32_max }, { .two = f64_max } },
    [OP_MINM] = { SHAPE_TWO, { .two = f16_minm }, { .two = f32_minm }, { .two = f64_minm } },
    [OP_MAXM] = { SHAPE_TWO, { .two = f16_maxm }, { .two = f32_maxm }, { .two = f64_maxm } },
    [OP_EQ] = { SHAPE_COMPARE, { .compare = f16_eq }, { .compare = f32_eq }, { .compare = f64_eq } },
    [OP_LT] = { SHAPE_COMPARE, { .compare = f16_lt }, { .compare = f32_lt }, { .compare = f64_lt } },
    [OP_LE] = { SHAPE_COMPARE, { .compare = f16_le }, { .compare = f32_le }, { .compare = f64_le } },
    [OP_LTQ] = { SHAPE_COMPARE, { .compare = f16_ltq }, { .compare = f32_ltq }, { .compare = f64_ltq } },
    [OP_LEQ] = { SHAPE_COMPARE, { .compare = f16_leq }, { .compare = f32_leq }, { .compare = f64_leq } },
    [OP_ROUND] = { SHAPE_ONE, { .one = f16_round }, { .one = f32_round }, { .one = f64_round } },
    [OP_ROUNDNX] = { SHAPE_ONE, { .one = f16_roundnx }, { .one = f32_roundnx }, { .one = f64_roundnx } },
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

static uint64_t run_other_f16(Op op, uint64_t x, FpStatus *s)
{
    switch (op) {
    case OP_CLASSIFY: return f16_classify(x);
    case OP_TO_I32: return f16_to_i32(x, s);
    case OP_TO_U32: return f16_to_u32(x, s);
    case OP_TO_I64: return f16_to_i64(x, s);
    case OP_TO_U64: return f16_to_u64(x, s);
    case OP_FROM_I32: return f16_from_i32(x, s);
    case OP_FROM_U32: return f16_from_u32(x, s);
    case OP_FROM_I64: return f16_from_i64(x, s);
    case OP_FROM_U64: return f16_from_u64(x, s);
    case OP_TO_F32: return f16_to_f32(x, s);
    case OP_TO_F64: return f16_to_f64(x, s);
    case OP_TO_BF16: return f16_to_bf16(x, s);
    default: g_assert_not_reached();
    }
}

static uint64_t run_f16(Op op, const uint64_t x[3], FpStatus *s)
{
    Fn16 fn = rows[op].f16;
    switch (rows[op].shape) {
    case SHAPE_ONE: return fn.one(x[0], s);
    case SHAPE_TWO: return fn.two(x[0], x[1], s);
    case SHAPE_THREE: return fn.three(x[0], x[1], x[2], s);
    case SHAPE_COMPARE: return fn.compare(x[0], x[1], s);
    default: return run_other_f16(op, x[0], s);
    }
}

static uint64_t run_other_f32(Op op, uint64_t x, FpStatus *s)
{
    switch (op) {
    case OP_CLASSIFY: return f32_classify(x);
    case OP_TO_I32: return f32_to_i32(x, s);
    case OP_TO_U32: return f32_to_u32(x, s);
    case OP_TO_I64: return f32_to_i64(x, s);
    case OP_TO_U64: return f32_to_u64(x, s);
    case OP_FROM_I32: return f32_from_i32(x, s);
    case OP_FROM_U32: return f32_from_u32(x, s);
    case OP_FROM_I64: return f32_from_i64(x, s);
    case OP_FROM_U64: return f32_from_u64(x, s);
    case OP_TO_F16: return f32_to_f16(x, s);
    case OP_TO_F64: return f32_to_f64(x, s);
    case OP_TO_BF16: return f32_to_bf16(x, s);
    default: g_assert_not_reached();
    }
}

static uint64_t run_f32(Op op, const uint64_t x[3], FpStatus *s)
{
    Fn32 fn = rows[op].f32;
    switch (rows[op].shape) {
    case SHAPE_ONE: return fn.one(x[0], s);
    case SHAPE_TWO: return fn.two(x[0], x[1], s);
    case SHAPE_THREE: return fn.three(x[0], x[1], x[2], s);
    case SHAPE_COMPARE: return fn.compare(x[0], x[1], s);
    default: return run_other_f32(op, x[0], s);
    }
}

static uint64_t run_other_f64(Op op, uint64_t x, FpStatus *s)
{
    switch (op) {
    case OP_CLASSIFY: return f64_classify(x);
    case OP_TO_I32: return f64_to_i32(x, s);
    case OP_TO_U32: return f64_to_u32(x, s);
    case OP_TO_I64: return f64_to_i64(x, s);
    case OP_TO_U64: return f64_to_u64(x, s);
    case OP_FROM_I32: return f64_from_i32(x, s);
    case OP_FROM_U32: return f64_from_u32(x, s);
    case OP_FROM_I64: return f64_from_i64(x, s);
    case OP_FROM_U64: return f64_from_u64(x, s);
    case OP_TO_F16: return f64_to_f16(x, s);
    case OP_TO_F32: return f64_to_f32(x, s);
    case OP_TO_BF16: return f64_to_bf16(x, s);
    default: g_assert_not_reached();
    }
}

static uint64_t run_f64(Op op, const uint64_t x[3], FpStatus *s)
{
    Fn64 fn = rows[op].f64;
    switch (rows[op].shape) {
    case SHAPE_ONE: return fn.one(x[0], s);
    case SHAPE_TWO: return fn.two(x[0], x[1], s);
    case SHAPE_THREE: return fn.three(x[0], x[1], x[2], s);
    case SHAPE_COMPARE: return fn.compare(x[0], x[1], s);
    default: return run_other_f64(op, x[0], s);
    }
}

static uint64_t run_bf16(Op op, uint64_t x, FpStatus *s)
{
    switch (op) {
    case OP_TO_F16: return bf16_to_f16(x, s);
    case OP_TO_F32: return bf16_to_f32(x, s);
    case OP_TO_F64: return bf16_to_f64(x, s);
    default: g_assert_not_reached();
    }
}

uint64_t op_run(Op op, Format format, const uint64_t x[3], FpStatus *s)
{
    switch (format) {
    case F16: return run_f16(op, x, s);
    case F32: return run_f32(op, x, s);
    case F64: return run_f64(op, x, s);
    default: return run_bf16(op, x[0], s);
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
