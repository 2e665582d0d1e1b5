/* SPDX-License-Identifier: GPL-2.0-or-later */
/* References of tcg/vop.def: integers.  Spec: Intel SDM volume 2, the instruction of each row. */
#include "tcg/vector-refs.h"

/* Element by element: TYPE is how the operands x and y are read, LANES where they are. */
#define UNARY(FUNCTION, TYPE, LANES, VALUE)                                                                  \
    void FUNCTION(VopCall *v)                                                                                \
    {                                                                                                        \
        for (unsigned n = 0; n < v->bytes / sizeof(TYPE); n++) {                                             \
            TYPE x = v->a.LANES[n];                                                                          \
            v->d.LANES[n] = VALUE;                                                                           \
        }                                                                                                    \
    }
#define BINARY(FUNCTION, TYPE, LANES, VALUE)                                                                 \
    void FUNCTION(VopCall *v)                                                                                \
    {                                                                                                        \
        for (unsigned n = 0; n < v->bytes / sizeof(TYPE); n++) {                                             \
            TYPE x = v->a.LANES[n], y = v->b.LANES[n];                                                       \
            v->d.LANES[n] = VALUE;                                                                           \
        }                                                                                                    \
    }
/* Results twice as wide as the operands, of which x0 and y0 are the even ones, x1 and y1 the odd ones. */
#define PAIRS(FUNCTION, TYPE, LANES, OTHER, OTHER_LANES, RESULT, VALUE)                                      \
    void FUNCTION(VopCall *v)                                                                                \
    {                                                                                                        \
        for (unsigned n = 0; n < v->bytes / sizeof(v->d.RESULT[0]); n++) {                                   \
            TYPE x0 = v->a.LANES[2 * n], x1 = v->a.LANES[2 * n + 1];                                         \
            OTHER y0 = v->b.OTHER_LANES[2 * n], y1 = v->b.OTHER_LANES[2 * n + 1];                            \
            (void)x1, (void)y1;                                                                              \
            v->d.RESULT[n] = VALUE;                                                                          \
        }                                                                                                    \
    }
/* x and y are neighbours, first those of a, then those of b. */
#define HORIZONTAL(FUNCTION, TYPE, LANES, VALUE)                                                             \
    void FUNCTION(VopCall *v)                                                                                \
    {                                                                                                        \
        unsigned half = v->bytes / sizeof(TYPE) / 2;                                                         \
        for (unsigned n = 0; n < 2 * half; n++) {                                                            \
            const IrVec *from = n < half ? &v->a : &v->b;                                                    \
            TYPE x = from->LANES[n % half * 2], y = from->LANES[n % half * 2 + 1];                           \
            v->d.LANES[n] = VALUE;                                                                           \
        }                                                                                                    \
    }
/* First those of a, then those of b, narrower. */
#define PACK(FUNCTION, LANES, RESULT, VALUE)                                                                 \
    void FUNCTION(VopCall *v)                                                                                \
    {                                                                                                        \
        unsigned half = v->bytes / sizeof(v->a.LANES[0]);                                                    \
        for (unsigned n = 0; n < 2 * half; n++) {                                                            \
            int x = n < half ? v->a.LANES[n] : v->b.LANES[n - half];                                         \
            v->d.RESULT[n] = VALUE;                                                                          \
        }                                                                                                    \
    }

static int clamp(int64_t x, int low, int high)
{
    return x < low ? low : x > high ? high : (int)x;
}

/* clang-format off */
BINARY(ref_add8, uint8_t, u8, x + y)
BINARY(ref_add16, uint16_t, u16, x + y)
BINARY(ref_add32, uint32_t, u32, x + y)
BINARY(ref_add64, uint64_t, u64, x + y)
BINARY(ref_sub8, uint8_t, u8, x - y)
BINARY(ref_sub16, uint16_t, u16, x - y)
BINARY(ref_sub32, uint32_t, u32, x - y)
BINARY(ref_sub64, uint64_t, u64, x - y)
BINARY(ref_adds_i8, int8_t, i8, clamp(x + y, INT8_MIN, INT8_MAX))
BINARY(ref_adds_i16, int16_t, i16, clamp(x + y, INT16_MIN, INT16_MAX))
BINARY(ref_adds_u8, uint8_t, u8, clamp(x + y, 0, UINT8_MAX))
BINARY(ref_adds_u16, uint16_t, u16, clamp(x + y, 0, UINT16_MAX))
BINARY(ref_subs_i8, int8_t, i8, clamp(x - y, INT8_MIN, INT8_MAX))
BINARY(ref_subs_i16, int16_t, i16, clamp(x - y, INT16_MIN, INT16_MAX))
BINARY(ref_subs_u8, uint8_t, u8, clamp(x - y, 0, UINT8_MAX))
BINARY(ref_subs_u16, uint16_t, u16, clamp(x - y, 0, UINT16_MAX))
BINARY(ref_min_i8, int8_t, i8, x < y ? x : y)
BINARY(ref_min_i16, int16_t, i16, x < y ? x : y)
BINARY(ref_min_i32, int32_t, i32, x < y ? x : y)
BINARY(ref_min_u8, uint8_t, u8, x < y ? x : y)
BINARY(ref_min_u16, uint16_t, u16, x < y ? x : y)
BINARY(ref_min_u32, uint32_t, u32, x < y ? x : y)
BINARY(ref_max_i8, int8_t, i8, x > y ? x : y)
BINARY(ref_max_i16, int16_t, i16, x > y ? x : y)
BINARY(ref_max_i32, int32_t, i32, x > y ? x : y)
BINARY(ref_max_u8, uint8_t, u8, x > y ? x : y)
BINARY(ref_max_u16, uint16_t, u16, x > y ? x : y)
BINARY(ref_max_u32, uint32_t, u32, x > y ? x : y)
BINARY(ref_and, uint64_t, u64, x & y)
BINARY(ref_andn, uint64_t, u64, ~x & y)
BINARY(ref_or, uint64_t, u64, x | y)
BINARY(ref_xor, uint64_t, u64, x ^ y)
BINARY(ref_avg_u8, uint8_t, u8, (x + y + 1) >> 1)
BINARY(ref_avg_u16, uint16_t, u16, (x + y + 1) >> 1)
BINARY(ref_mul16, uint16_t, u16, (uint32_t)x * y)
BINARY(ref_mul32, uint32_t, u32, x * y)
BINARY(ref_mulh_u16, uint16_t, u16, (uint32_t)x * y >> 16)
BINARY(ref_mulh_i16, int16_t, i16, x * y >> 16)
BINARY(ref_mul_round_i16, int16_t, i16, ((x * y >> 14) + 1) >> 1)
BINARY(ref_eq8, uint8_t, u8, x == y ? UINT8_MAX : 0)
BINARY(ref_eq16, uint16_t, u16, x == y ? UINT16_MAX : 0)
BINARY(ref_eq32, uint32_t, u32, x == y ? UINT32_MAX : 0)
BINARY(ref_eq64, uint64_t, u64, x == y ? UINT64_MAX : 0)
BINARY(ref_gt8, int8_t, i8, x > y ? -1 : 0)
BINARY(ref_gt16, int16_t, i16, x > y ? -1 : 0)
BINARY(ref_gt32, int32_t, i32, x > y ? -1 : 0)
BINARY(ref_gt64, int64_t, i64, x > y ? -1 : 0)
BINARY(ref_sign8, int8_t, i8, y < 0 ? -x : y ? x : 0)
BINARY(ref_sign16, int16_t, i16, y < 0 ? -x : y ? x : 0)
BINARY(ref_sign32, uint32_t, u32, (int32_t)y < 0 ? -x : y ? x : 0)
UNARY(ref_abs8, int8_t, i8, x < 0 ? -x : x)
UNARY(ref_abs16, int16_t, i16, x < 0 ? -x : x)
UNARY(ref_abs32, uint32_t, u32, (int32_t)x < 0 ? -x : x)
PAIRS(ref_mul_even_u32, uint64_t, u32, uint64_t, u32, u64, x0 * y0)
PAIRS(ref_mul_even_i32, int64_t, i32, int64_t, i32, i64, x0 * y0)
PAIRS(ref_mul_add_i16, int32_t, i16, int32_t, i16, u32, (uint32_t)(x0 * y0) + (uint32_t)(x1 * y1))
PAIRS(ref_mul_add_u8, int, u8, int, i8, i16, clamp(x0 * y0 + x1 * y1, INT16_MIN, INT16_MAX))
HORIZONTAL(ref_hadd16, uint16_t, u16, x + y)
HORIZONTAL(ref_hadd32, uint32_t, u32, x + y)
HORIZONTAL(ref_hadds16, int16_t, i16, clamp(x + y, INT16_MIN, INT16_MAX))
HORIZONTAL(ref_hsub16, uint16_t, u16, x - y)
HORIZONTAL(ref_hsub32, uint32_t, u32, x - y)
HORIZONTAL(ref_hsubs16, int16_t, i16, clamp(x - y, INT16_MIN, INT16_MAX))
PACK(ref_pack_i16, i16, i8, clamp(x, INT8_MIN, INT8_MAX))
PACK(ref_pack_u16, i16, u8, clamp(x, 0, UINT8_MAX))
PACK(ref_pack_i32, i32, i16, clamp(x, INT16_MIN, INT16_MAX))
PACK(ref_pack_u32, i32, u16, clamp(x, 0, UINT16_MAX))

/* ---- shifts: a count that is too large leaves nothing, or signs */
BINARY(ref_shrv32, uint32_t, u32, y < 32 ? x >> y : 0)
BINARY(ref_shrv64, uint64_t, u64, y < 64 ? x >> y : 0)
BINARY(ref_shlv32, uint32_t, u32, y < 32 ? x << y : 0)
BINARY(ref_shlv64, uint64_t, u64, y < 64 ? x << y : 0)
BINARY(ref_sarv32, int32_t, i32, x >> ((uint32_t)y < 31 ? y : 31))
UNARY(ref_shri16, uint16_t, u16, v->imm < 16 ? x >> v->imm : 0)
UNARY(ref_shri32, uint32_t, u32, v->imm < 32 ? x >> v->imm : 0)
UNARY(ref_shri64, uint64_t, u64, v->imm < 64 ? x >> v->imm : 0)
UNARY(ref_shli16, uint16_t, u16, v->imm < 16 ? x << v->imm : 0)
UNARY(ref_shli32, uint32_t, u32, v->imm < 32 ? x << v->imm : 0)
UNARY(ref_shli64, uint64_t, u64, v->imm < 64 ? x << v->imm : 0)
UNARY(ref_sari16, int16_t, i16, x >> (v->imm < 15 ? v->imm : 15))
UNARY(ref_sari32, int32_t, i32, x >> (v->imm < 31 ? v->imm : 31))
/* clang-format on */

/* The count in the low 64 bits of b as the immediate that means the same. */
static VopCall *with_count(VopCall *v)
{
    v->imm = v->b.u64[0] < 64 ? v->b.u64[0] : 64;
    return v;
}

void ref_shr16(VopCall *v)
{
    ref_shri16(with_count(v));
}
void ref_shr32(VopCall *v)
{
    ref_shri32(with_count(v));
}
void ref_shr64(VopCall *v)
{
    ref_shri64(with_count(v));
}
void ref_shl16(VopCall *v)
{
    ref_shli16(with_count(v));
}
void ref_shl32(VopCall *v)
{
    ref_shli32(with_count(v));
}
void ref_shl64(VopCall *v)
{
    ref_shli64(with_count(v));
}
void ref_sar16(VopCall *v)
{
    ref_sari16(with_count(v));
}
void ref_sar32(VopCall *v)
{
    ref_sari32(with_count(v));
}

void ref_shr128(VopCall *v)
{
    for (unsigned n = 0; n < 16; n++) {
        v->d.u8[n] = n + v->imm < 16 ? v->a.u8[n + v->imm] : 0;
    }
}

void ref_shl128(VopCall *v)
{
    for (unsigned n = 0; n < 16; n++) {
        v->d.u8[n] = n >= v->imm ? v->a.u8[n - v->imm] : 0;
    }
}

/* ---- sums of differences, the least ---- */

static unsigned difference(uint8_t x, uint8_t y)
{
    return x > y ? x - y : y - x;
}

void ref_sad(VopCall *v)
{
    for (unsigned n = 0; n < v->bytes / 8; n++) {
        uint64_t sum = 0;
        for (unsigned k = 8 * n; k < 8 * n + 8; k++) {
            sum += difference(v->a.u8[k], v->b.u8[k]);
        }
        v->d.u64[n] = sum;
    }
}

void ref_mpsadbw(VopCall *v)
{
    unsigned imm = v->imm >> 3 * v->lane;
    unsigned at = imm & 4, block = (imm & 3) * 4;
    for (unsigned n = 0; n < 8; n++) {
        unsigned sum = 0;
        for (unsigned k = 0; k < 4; k++) {
            sum += difference(v->a.u8[at + n + k], v->b.u8[block + k]);
        }
        v->d.u16[n] = sum;
    }
}

void ref_minpos(VopCall *v)
{
    unsigned best = 0;
    for (unsigned n = 1; n < 8; n++) {
        best = v->a.u16[n] < v->a.u16[best] ? n : best;
    }
    v->d = (IrVec){ .u16 = { v->a.u16[best], best } };
}
