/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Integer arithmetic in registers: digests, division, multiplication, branches. */
#include "bench.h"

/* CRC-32 (polynomial 0xedb88320), bit by bit. */
static uint64_t crc32_bits(void)
{
    uint32_t crc = ~0u;
    for (uint32_t i = 0; i < 6000000; i++) {
        crc ^= i & 0xff;
        for (int b = 0; b < 8; b++) {
            crc = (crc >> 1) ^ (0xedb88320u & -(crc & 1));
        }
    }
    return ~crc;
}

static inline uint32_t rotate_right(uint32_t x, int n)
{
    return x >> n | x << (32 - n);
}

/* The compression rounds of SHA-256 (FIPS 180-4), with made-up round constants. */
static uint64_t sha256_rounds(void)
{
    uint32_t h[8] = { 1, 2, 3, 4, 5, 6, 7, 8 }, w[64];
    for (int block = 0; block < 42000; block++) {
        for (int i = 0; i < 16; i++) {
            w[i] = h[i & 7] + i * 0x9e3779b9u + block;
        }
        for (int i = 16; i < 64; i++) {
            uint32_t a = w[i - 15], b = w[i - 2];
            w[i] = w[i - 16] + w[i - 7] + (rotate_right(a, 7) ^ rotate_right(a, 18) ^ a >> 3) +
                   (rotate_right(b, 17) ^ rotate_right(b, 19) ^ b >> 10);
        }
        uint32_t s[8];
        __builtin_memcpy(s, h, sizeof(s));
        for (int i = 0; i < 64; i++) {
            uint32_t e = s[4], a = s[0];
            uint32_t t1 = s[7] + (rotate_right(e, 6) ^ rotate_right(e, 11) ^ rotate_right(e, 25)) +
                          ((e & s[5]) ^ (~e & s[6])) + w[i] + i * 0x428a2f98u;
            uint32_t t2 = (rotate_right(a, 2) ^ rotate_right(a, 13) ^ rotate_right(a, 22)) +
                          ((a & s[1]) ^ (a & s[2]) ^ (s[1] & s[2]));
            __builtin_memmove(s + 1, s, 7 * sizeof(s[0]));
            s[4] += t1;
            s[0] = t1 + t2;
        }
        for (int i = 0; i < 8; i++) {
            h[i] += s[i];
        }
    }
    return (uint64_t)h[0] << 32 | h[7];
}

/* Longest Collatz chain below a bound: a loop whose branches no one predicts. */
static uint64_t collatz(void)
{
    uint64_t best = 0, where = 0;
    for (uint64_t i = 1; i < 560000; i++) {
        uint64_t n = i, steps = 0;
        while (n != 1) {
            n = n & 1 ? 3 * n + 1 : n >> 1;
            steps++;
        }
        if (steps > best) {
            best = steps;
            where = i;
        }
    }
    return best << 32 | where;
}

/* Division and remainder, 64 and 32 bits. */
static uint64_t divide(void)
{
    uint64_t state = 88172645463325252ull, sum = 0;
    for (int i = 0; i < 28000000; i++) {
        uint64_t x = next_random(&state);
        sum += x / ((x >> 40) | 1) + (uint32_t)x % ((uint32_t)(x >> 50) | 1);
    }
    return sum;
}

/* Solutions of the queens' puzzle, with bit masks. */
static uint64_t queens_place(uint32_t columns, uint32_t left, uint32_t right, uint32_t all)
{
    if (columns == all) {
        return 1;
    }
    uint64_t count = 0;
    for (uint32_t open = ~(columns | left | right) & all; open; open &= open - 1) {
        uint32_t bit = open & -open;
        count += queens_place(columns | bit, (left | bit) << 1, (right | bit) >> 1, all);
    }
    return count;
}

static uint64_t queens(void)
{
    return queens_place(0, 0, 0, (1u << 13) - 1);
}

/* Multiplication: powers modulo a 61-bit prime with the high half of the product. */
static uint64_t modpow(void)
{
    const uint64_t p = (1ull << 61) - 1;
    uint64_t sum = 0;
    for (uint64_t base = 2; base < 270000; base++) {
        uint64_t r = 1, b = base;
        for (uint64_t e = p - 2; e; e >>= 1) {
            unsigned __int128 m;
            if (e & 1) {
                m = (unsigned __int128)r * b;
                r = (uint64_t)(m & p) + (uint64_t)(m >> 61);
                r = r >= p ? r - p : r;
            }
            m = (unsigned __int128)b * b;
            b = (uint64_t)(m & p) + (uint64_t)(m >> 61);
            b = b >= p ? b - p : b;
        }
        sum += r;
    }
    return sum;
}

const Program integer_programs[] = {
    { "integer", "crc32", crc32_bits },
    { "integer", "sha256", sha256_rounds },
    { "integer", "collatz", collatz },
    { "integer", "divide", divide },
    { "integer", "queens", queens },
    { "integer", "modpow", modpow },
    { NULL, NULL, NULL },
};
