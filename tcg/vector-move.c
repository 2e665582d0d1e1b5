/* SPDX-License-Identifier: GPL-2.0-or-later */
/* References of tcg/vop.def: moves, shuffles, blends, extensions, and tests of bits.  Spec: Intel SDM volume 2, the
 * instruction of each row. */
#include <string.h>

#include "tcg/vector-refs.h"

/* d[n] = VALUE for each element n. */
#define EACH(FUNCTION, LANES, VALUE)                                                                         \
    void FUNCTION(VopCall *v)                                                                                \
    {                                                                                                        \
        for (unsigned n = 0; n < v->bytes / sizeof(v->d.LANES[0]); n++) {                                    \
            v->d.LANES[n] = VALUE;                                                                           \
        }                                                                                                    \
    }
/* The low (FIRST 0) or high halves of a and b, element by element in turn. */
#define UNPACK(FUNCTION, LANES, HIGH)                                                                        \
    void FUNCTION(VopCall *v)                                                                                \
    {                                                                                                        \
        unsigned count = v->bytes / sizeof(v->d.LANES[0]), first = HIGH ? count / 2 : 0;                     \
        for (unsigned n = 0; n < count; n++) {                                                               \
            v->d.LANES[n] = (n & 1 ? v->b : v->a).LANES[first + n / 2];                                      \
        }                                                                                                    \
    }
/* From the low elements of a, wider. */
#define EXTEND(FUNCTION, FROM, TO) EACH(FUNCTION, TO, v->a.FROM[n])
/* By the top bit of each element of c. */
#define BLENDV(FUNCTION, LANES, SIGNED)                                                                      \
    EACH(FUNCTION, LANES, v->c.SIGNED[n] < 0 ? v->b.LANES[n] : v->a.LANES[n])
/* An element, or the one at value of it. */
#define EXTRACT(FUNCTION, LANES)                                                                             \
    void FUNCTION(VopCall *v)                                                                                \
    {                                                                                                        \
        v->value = v->a.LANES[v->imm & (v->bytes / sizeof(v->a.LANES[0]) - 1)];                              \
    }
#define INSERT(FUNCTION, LANES)                                                                              \
    void FUNCTION(VopCall *v)                                                                                \
    {                                                                                                        \
        v->d.LANES[v->imm & (v->bytes / sizeof(v->a.LANES[0]) - 1)] = v->value;                              \
    }
/* The top bits of the elements. */
#define MASK(FUNCTION, LANES)                                                                                \
    void FUNCTION(VopCall *v)                                                                                \
    {                                                                                                        \
        unsigned count = v->bytes / sizeof(v->a.LANES[0]);                                                   \
        for (unsigned n = 0; n < count; n++) {                                                               \
            v->value |= (uint64_t)(v->a.LANES[n] < 0) << (n + v->lane * count);                              \
        }                                                                                                    \
    }

/* clang-format off */
EACH(ref_mov, u64, v->a.u64[n])
EACH(ref_even32, u32, v->a.u32[n & ~1u])
EACH(ref_odd32, u32, v->a.u32[n | 1])
EACH(ref_even64, u64, v->a.u64[0])
EACH(ref_spread8, u8, v->a.u8[0])
EACH(ref_spread16, u16, v->a.u16[0])
EACH(ref_spread32, u32, v->a.u32[0])
EACH(ref_spread64, u64, v->a.u64[0])
UNPACK(ref_unpackl8, u8, 0)
UNPACK(ref_unpackl16, u16, 0)
UNPACK(ref_unpackl32, u32, 0)
UNPACK(ref_unpackl64, u64, 0)
UNPACK(ref_unpackh8, u8, 1)
UNPACK(ref_unpackh16, u16, 1)
UNPACK(ref_unpackh32, u32, 1)
UNPACK(ref_unpackh64, u64, 1)
EXTEND(ref_sext_8_16, i8, i16)
EXTEND(ref_sext_8_32, i8, i32)
EXTEND(ref_sext_8_64, i8, i64)
EXTEND(ref_sext_16_32, i16, i32)
EXTEND(ref_sext_16_64, i16, i64)
EXTEND(ref_sext_32_64, i32, i64)
EXTEND(ref_zext_8_16, u8, u16)
EXTEND(ref_zext_8_32, u8, u32)
EXTEND(ref_zext_8_64, u8, u64)
EXTEND(ref_zext_16_32, u16, u32)
EXTEND(ref_zext_16_64, u16, u64)
EXTEND(ref_zext_32_64, u32, u64)
BLENDV(ref_blendv8, u8, i8)
BLENDV(ref_blendv32, u32, i32)
BLENDV(ref_blendv64, u64, i64)
EACH(ref_blend16, u16, v->imm >> n & 1 ? v->b.u16[n] : v->a.u16[n])
EACH(ref_blend32, u32, v->imm >> (n + 4 * v->lane) & 1 ? v->b.u32[n] : v->a.u32[n])
EACH(ref_blend64, u64, v->imm >> (n + 2 * v->lane) & 1 ? v->b.u64[n] : v->a.u64[n])
EACH(ref_blend32w, u32, v->imm >> n & 1 ? v->b.u32[n] : v->a.u32[n])
EACH(ref_shuffle32, u32, v->a.u32[v->imm >> 2 * n & 3])
EACH(ref_shuffle_f32, u32, (n < 2 ? v->a : v->b).u32[v->imm >> 2 * n & 3])
EACH(ref_shuffle_f64, u64, (n ? v->b : v->a).u64[v->imm >> (n + 2 * v->lane) & 1])
EACH(ref_shufflel16, u16, v->a.u16[n < 4 ? v->imm >> 2 * n & 3u : n])
EACH(ref_shuffleh16, u16, v->a.u16[n < 4 ? n : 4 + (v->imm >> 2 * (n - 4) & 3u)])
EACH(ref_shuffle8, u8, v->b.i8[n] < 0 ? 0 : v->a.u8[v->b.u8[n] & (v->bytes - 1)])
EACH(ref_permil32, u32, v->a.u32[v->b.u32[n] & 3])
EACH(ref_permil64, u64, v->a.u64[v->b.u64[n] >> 1 & 1])
EACH(ref_permili64, u64, v->a.u64[v->imm >> (n + 2 * v->lane) & 1])
EACH(ref_perm32, u32, v->b.u32[v->a.u32[n] & 7])
EACH(ref_perm64, u64, v->a.u64[v->imm >> 2 * n & 3])
EXTRACT(ref_extract8, u8)
EXTRACT(ref_extract16, u16)
EXTRACT(ref_extract32, u32)
EXTRACT(ref_extract64, u64)
INSERT(ref_insert8, u8)
INSERT(ref_insert16, u16)
INSERT(ref_insert32, u32)
INSERT(ref_insert64, u64)
MASK(ref_mask8, i8)
MASK(ref_mask32, i32)
MASK(ref_mask64, i64)
/* clang-format on */

void ref_mov_low64(VopCall *v)
{
    v->d = (IrVec){ .u64 = { v->a.u64[0] } };
}
void ref_mov_f32(VopCall *v)
{
    v->d.u32[0] = v->b.u32[0];
}
void ref_mov_f64(VopCall *v)
{
    v->d.u64[0] = v->b.u64[0];
}
void ref_high_to_low(VopCall *v)
{
    v->d.u64[0] = v->b.u64[1];
}
void ref_from_i32(VopCall *v)
{
    v->d = (IrVec){ .u32 = { v->value } };
}
void ref_from_i64(VopCall *v)
{
    v->d = (IrVec){ .u64 = { v->value } };
}
void ref_to_i32(VopCall *v)
{
    v->value = v->a.u32[0];
}
void ref_to_i64(VopCall *v)
{
    v->value = v->a.u64[0];
}

void ref_insert_f32(VopCall *v)
{
    v->d.u32[v->imm >> 4 & 3] = v->b.u32[v->imm >> 6];
    for (unsigned n = 0; n < 4; n++) {
        v->d.u32[n] = v->imm >> n & 1 ? 0 : v->d.u32[n];
    }
}

void ref_insert128(VopCall *v)
{
    memcpy(&v->d.u64[2 * (v->imm & 1)], &v->b, 16);
}

void ref_extract128(VopCall *v)
{
    v->d = (IrVec){ .u64 = { v->a.u64[2 * (v->imm & 1)], v->a.u64[2 * (v->imm & 1) + 1] } };
}

void ref_perm128(VopCall *v)
{
    for (unsigned n = 0; n < 2; n++) {
        unsigned imm = v->imm >> 4 * n;
        const IrVec *from = imm & 2 ? &v->b : &v->a;
        v->d.u64[2 * n] = imm & 8 ? 0 : from->u64[2 * (imm & 1)];
        v->d.u64[2 * n + 1] = imm & 8 ? 0 : from->u64[2 * (imm & 1) + 1];
    }
}

/* b, and a behind it, from byte imm on. */
void ref_align(VopCall *v)
{
    for (unsigned n = 0; n < v->bytes; n++) {
        unsigned at = n + v->imm;
        v->d.u8[n] = at < v->bytes ? v->b.u8[at] : at < 2 * v->bytes ? v->a.u8[at - v->bytes] : 0;
    }
}

/* ---- flags: ZF when a & b has none of the bits that count, CF when ~a & b has none ---- */

enum { CF = 1, ZF = 0x40 };

static void test_bits(VopCall *v, uint64_t mask)
{
    uint64_t both = 0, other = 0;
    for (unsigned n = 0; n < v->bytes / 8; n++) {
        both |= v->a.u64[n] & v->b.u64[n] & mask;
        other |= ~v->a.u64[n] & v->b.u64[n] & mask;
    }
    uint64_t flags = (both ? 0 : ZF) | (other ? 0 : CF);
    v->value = v->lane ? v->value & flags : flags;
}

void ref_test(VopCall *v)
{
    test_bits(v, UINT64_MAX);
}
void ref_test32(VopCall *v)
{
    test_bits(v, UINT64_C(0x8000000080000000));
}
void ref_test64(VopCall *v)
{
    test_bits(v, UINT64_C(1) << 63);
}
