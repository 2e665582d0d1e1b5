/* SPDX-License-Identifier: GPL-2.0-or-later */
/* SSE2: packed floating point and integers. */
#include "bare.h"

#include <emmintrin.h>

static uint64_t sum_of(__m128i v)
{
    return (uint64_t)_mm_cvtsi128_si64(v) ^ (uint64_t)_mm_cvtsi128_si64(_mm_unpackhi_epi64(v, v));
}

/* Four points at a time of the Mandelbrot set. */
static uint64_t points(void)
{
    uint64_t inside = 0;
    for (int y = 0; y < 300; y++) {
        for (int x = 0; x < 300; x += 4) {
            __m128 cr = _mm_add_ps(_mm_set1_ps(x / 150.0f - 1.5f), _mm_set_ps(0.02f, 0.0133f, 0.0066f, 0));
            __m128 ci = _mm_set1_ps(y / 150.0f - 1.0f), zr = _mm_setzero_ps(), zi = zr;
            for (int n = 0; n < 200; n++) {
                __m128 r2 = _mm_mul_ps(zr, zr), i2 = _mm_mul_ps(zi, zi);
                int in = _mm_movemask_ps(_mm_cmplt_ps(_mm_add_ps(r2, i2), _mm_set1_ps(4)));
                if (!in) {
                    break;
                }
                inside += (in & 1) + (in >> 1 & 1) + (in >> 2 & 1) + (in >> 3);
                zi = _mm_add_ps(_mm_mul_ps(_mm_add_ps(zr, zr), zi), ci);
                zr = _mm_add_ps(_mm_sub_ps(r2, i2), cr);
            }
        }
    }
    return inside;
}

/* a += b * s over arrays of doubles that stay in the cache. */
static uint64_t axpy(void)
{
    enum { N = 2048 };
    static double a[N], b[N];
    for (int i = 0; i < N; i++) {
        a[i] = i, b[i] = 1.0 / (i + 1);
    }
    for (int round = 0; round < 40000; round++) {
        __m128d s = _mm_set1_pd(round & 1 ? -0.5 : 0.25);
        for (int i = 0; i < N; i += 2) {
            _mm_store_pd(a + i, _mm_add_pd(_mm_load_pd(a + i), _mm_mul_pd(_mm_load_pd(b + i), s)));
        }
    }
    return sum_of(_mm_castpd_si128(_mm_load_pd(a + 64)));
}

/* Two pictures blended, as programs draw. */
static uint64_t blend(void)
{
    enum { N = 1 << 14 };
    static uint8_t a[N] __attribute__((aligned(16))), b[N] __attribute__((aligned(16)));
    __m128i zero = _mm_setzero_si128(), sum = zero;
    for (int i = 0; i < N; i++) {
        a[i] = i * 7, b[i] = i * 13;
    }
    for (int round = 0; round < 4000; round++) {
        __m128i weight = _mm_set1_epi16(round & 255);
        for (int i = 0; i < N; i += 16) {
            __m128i x = _mm_load_si128((__m128i *)(a + i)), y = _mm_load_si128((__m128i *)(b + i));
            __m128i low = _mm_sub_epi16(_mm_unpacklo_epi8(x, zero), _mm_unpacklo_epi8(y, zero));
            __m128i high = _mm_sub_epi16(_mm_unpackhi_epi8(x, zero), _mm_unpackhi_epi8(y, zero));
            low = _mm_srli_epi16(_mm_mullo_epi16(low, weight), 8);
            high = _mm_srli_epi16(_mm_mullo_epi16(high, weight), 8);
            __m128i mixed = _mm_add_epi8(y, _mm_packus_epi16(low, high));
            _mm_store_si128((__m128i *)(a + i), mixed);
            sum = _mm_add_epi64(sum, _mm_sad_epu8(mixed, y));
        }
    }
    return sum_of(sum);
}

/* The search for a byte, sixteen at a time. */
static uint64_t find(void)
{
    static uint8_t text[4096] __attribute__((aligned(16)));
    uint64_t sum = 0;
    for (int round = 0; round < 400000; round++) {
        unsigned where = (unsigned)round * 37 & 4095, i = 0;
        int mask;
        text[where] = 1;
        do {
            mask = _mm_movemask_epi8(_mm_cmpeq_epi8(_mm_load_si128((__m128i *)(text + i)), _mm_set1_epi8(1)));
            i += 16;
        } while (!mask);
        sum += i + __builtin_ctz(mask);
        text[where] = 0;
    }
    return sum;
}

const Program packed_programs[] = {
    { "packed", "points", points }, { "packed", "axpy", axpy }, { "packed", "blend", blend },
    { "packed", "find", find },     { NULL, NULL, NULL },
};
