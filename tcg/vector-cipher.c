/* SPDX-License-Identifier: GPL-2.0-or-later */
/* References of tcg/vop.def: AES, products without carry, SHA-1, SHA-256, the field GF(2^8).
 *
 * Spec: Intel SDM volume 2, the instruction of each row; FIPS 197 (AES), FIPS 180-4 (SHA). */
#include <string.h>

#include "tcg/vector-refs.h"

/* ---- GF(2^8), modulo x^8 + x^4 + x^3 + x + 1 ---- */

static uint8_t gf_multiply(uint8_t x, uint8_t y)
{
    unsigned product = 0;
    for (unsigned n = 0; n < 8; n++) {
        product ^= y >> n & 1 ? (unsigned)x << n : 0;
    }
    for (unsigned n = 14; n >= 8; n--) {
        product ^= product >> n & 1 ? 0x11bu << (n - 8) : 0;
    }
    return product;
}

/* x^254; of 0 it is 0. */
static uint8_t gf_invert(uint8_t x)
{
    uint8_t r = 1, power = x;
    for (unsigned n = 1; n < 8; n++) {
        power = gf_multiply(power, power);
        r = gf_multiply(r, power);
    }
    return r;
}

/* Rows of the matrix from the highest byte down. */
static uint8_t gf_transform(uint64_t matrix, uint8_t x, uint8_t add)
{
    uint8_t r = 0;
    for (unsigned n = 0; n < 8; n++) {
        uint8_t row = matrix >> (56 - 8 * n);
        r |= __builtin_parity(row & x) << n;
    }
    return r ^ add;
}

void ref_gf_mul(VopCall *v)
{
    for (unsigned n = 0; n < v->bytes; n++) {
        v->d.u8[n] = gf_multiply(v->a.u8[n], v->b.u8[n]);
    }
}

void ref_gf_affine(VopCall *v)
{
    for (unsigned n = 0; n < v->bytes; n++) {
        v->d.u8[n] = gf_transform(v->b.u64[n / 8], v->a.u8[n], v->imm);
    }
}

void ref_gf_inverse(VopCall *v)
{
    for (unsigned n = 0; n < v->bytes; n++) {
        v->d.u8[n] = gf_transform(v->b.u64[n / 8], gf_invert(v->a.u8[n]), v->imm);
    }
}

/* ---- AES: columns of four bytes ---- */

static uint8_t aes_sub(uint8_t x)
{
    uint8_t i = gf_invert(x), r = i;
    for (unsigned n = 1; n < 5; n++) {
        r ^= i << n | i >> (8 - n);
    }
    return r ^ 0x63;
}

static uint8_t aes_sub_back(uint8_t x)
{
    uint8_t i = x ^ 0x63;
    return gf_invert((i << 1 | i >> 7) ^ (i << 3 | i >> 5) ^ (i << 6 | i >> 2));
}

/* Row r of the state turns by r columns, to the left or back. */
static IrVec aes_rows(const IrVec *a, bool back)
{
    IrVec d = { 0 };
    for (unsigned n = 0; n < 16; n++) {
        unsigned row = n % 4;
        uint8_t x = a->u8[(n + (back ? 16 - 4 * row : 4 * row)) % 16];
        d.u8[n] = back ? aes_sub_back(x) : aes_sub(x);
    }
    return d;
}

static IrVec aes_columns(const IrVec *a, const uint8_t by[4])
{
    IrVec d = { 0 };
    for (unsigned n = 0; n < 16; n++) {
        for (unsigned k = 0; k < 4; k++) {
            d.u8[n] ^= gf_multiply(a->u8[(n & ~3u) + k], by[(k - n) & 3]);
        }
    }
    return d;
}

static const uint8_t aes_mix[4] = { 2, 3, 1, 1 }, aes_mix_back[4] = { 14, 11, 13, 9 };

static void aes_round(VopCall *v, bool back, const uint8_t *mix)
{
    IrVec d = aes_rows(&v->a, back);
    d = mix ? aes_columns(&d, mix) : d;
    v->d.u64[0] = d.u64[0] ^ v->b.u64[0];
    v->d.u64[1] = d.u64[1] ^ v->b.u64[1];
}

void ref_aes_enc(VopCall *v)
{
    aes_round(v, false, aes_mix);
}
void ref_aes_enc_last(VopCall *v)
{
    aes_round(v, false, NULL);
}
void ref_aes_dec(VopCall *v)
{
    aes_round(v, true, aes_mix_back);
}
void ref_aes_dec_last(VopCall *v)
{
    aes_round(v, true, NULL);
}
void ref_aes_imc(VopCall *v)
{
    v->d = aes_columns(&v->a, aes_mix_back);
}

static uint32_t rotate_right(uint32_t x, unsigned n)
{
    return x >> n | x << (32 - n);
}

void ref_aes_key(VopCall *v)
{
    for (unsigned n = 0; n < 2; n++) {
        uint32_t x = v->a.u32[2 * n + 1], s = 0;
        for (unsigned k = 0; k < 4; k++) {
            s |= (uint32_t)aes_sub(x >> 8 * k) << 8 * k;
        }
        v->d.u32[2 * n] = s;
        v->d.u32[2 * n + 1] = rotate_right(s, 8) ^ v->imm;
    }
}

void ref_clmul(VopCall *v)
{
    uint64_t x = v->a.u64[v->imm & 1], y = v->b.u64[v->imm >> 4 & 1];
    unsigned __int128 product = 0;
    for (unsigned n = 0; n < 64; n++) {
        product ^= y >> n & 1 ? (unsigned __int128)x << n : 0;
    }
    v->d.u64[0] = product;
    v->d.u64[1] = product >> 64;
}

/* ---- SHA: the first word is in the highest element ---- */

static uint32_t choose(uint32_t x, uint32_t y, uint32_t z)
{
    return (x & y) ^ (~x & z);
}

static uint32_t majority(uint32_t x, uint32_t y, uint32_t z)
{
    return (x & y) ^ (x & z) ^ (y & z);
}

void ref_sha1_nexte(VopCall *v)
{
    v->d = v->b;
    v->d.u32[3] += rotate_right(v->a.u32[3], 2);
}

void ref_sha1_msg1(VopCall *v)
{
    v->d.u64[1] = v->a.u64[1] ^ v->a.u64[0];
    v->d.u64[0] = v->a.u64[0] ^ v->b.u64[1];
}

void ref_sha1_msg2(VopCall *v)
{
    for (unsigned n = 4; n-- > 1;) {
        v->d.u32[n] = rotate_right(v->a.u32[n] ^ v->b.u32[n - 1], 31);
    }
    v->d.u32[0] = rotate_right(v->a.u32[0] ^ v->d.u32[3], 31);
}

void ref_sha1_rnds4(VopCall *v)
{
    static const uint32_t k[4] = { 0x5a827999, 0x6ed9eba1, 0x8f1bbcdc, 0xca62c1d6 };
    unsigned which = v->imm & 3;
    uint32_t a = v->a.u32[3], b = v->a.u32[2], c = v->a.u32[1], d = v->a.u32[0], e = 0;
    for (unsigned n = 4; n-- > 0;) {
        uint32_t f = which == 0 ? choose(b, c, d) : which == 2 ? majority(b, c, d) : b ^ c ^ d;
        uint32_t next = f + rotate_right(a, 27) + v->b.u32[n] + e + k[which];
        e = d, d = c, c = rotate_right(b, 2), b = a, a = next;
    }
    v->d = (IrVec){ .u32 = { d, c, b, a } };
}

static uint32_t sigma(uint32_t x, unsigned r0, unsigned r1, unsigned shift)
{
    return rotate_right(x, r0) ^ rotate_right(x, r1) ^ x >> shift;
}

/* a: C D G H, b: A B E F, from the highest element down. */
void ref_sha256_rnds2(VopCall *v)
{
    uint32_t a = v->b.u32[3], b = v->b.u32[2], c = v->a.u32[3], d = v->a.u32[2];
    uint32_t e = v->b.u32[1], f = v->b.u32[0], g = v->a.u32[1], h = v->a.u32[0];
    for (unsigned n = 0; n < 2; n++) {
        uint32_t s1 = rotate_right(e, 6) ^ rotate_right(e, 11) ^ rotate_right(e, 25);
        uint32_t s0 = rotate_right(a, 2) ^ rotate_right(a, 13) ^ rotate_right(a, 22);
        uint32_t t = h + s1 + choose(e, f, g) + v->c.u32[n];
        h = g, g = f, f = e, e = d + t;
        d = c, c = b, b = a, a = t + s0 + majority(b, c, d);
    }
    v->d = (IrVec){ .u32 = { f, e, b, a } };
}

void ref_sha256_msg1(VopCall *v)
{
    for (unsigned n = 0; n < 4; n++) {
        uint32_t next = n < 3 ? v->a.u32[n + 1] : v->b.u32[0];
        v->d.u32[n] = v->a.u32[n] + sigma(next, 7, 18, 3);
    }
}

void ref_sha256_msg2(VopCall *v)
{
    for (unsigned n = 0; n < 4; n++) {
        uint32_t x = n < 2 ? v->b.u32[n + 2] : v->d.u32[n - 2];
        v->d.u32[n] = v->a.u32[n] + sigma(x, 17, 19, 10);
    }
}
