/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The x87, as compilers use it: long double, and old programs' floating point. */
#include "bare.h"

static uint64_t hashed(long double x)
{
    union {
        long double x;
        uint64_t u[2];
    } v = { .x = x };
    return v.u[0] ^ (v.u[1] & 0xffff);
}

static uint64_t series(void)
{
    long double sum = 0, sign = 1;
    for (int i = 1; i < 3000000; i += 2) {
        sum += sign / i;
        sign = -sign;
    }
    return hashed(sum);
}

static uint64_t horner(void)
{
    long double sum = 0;
    for (int i = 0; i < 300000; i++) {
        long double x = i * 0x1p-20L, y = 1;
        for (int k = 1; k < 8; k++) {
            y = y * x + k;
        }
        sum += y;
    }
    return hashed(sum);
}

static uint64_t matrix(void)
{
    enum { N = 40 };
    static long double a[N][N], b[N][N], c[N][N];
    for (int i = 0; i < N; i++) {
        for (int j = 0; j < N; j++) {
            a[i][j] = (i * 7 + j) % 13 / 13.0L;
            b[i][j] = (i + j * 5) % 11 / 11.0L;
        }
    }
    for (int round = 0; round < 12; round++) {
        for (int i = 0; i < N; i++) {
            for (int j = 0; j < N; j++) {
                long double s = 0;
                for (int k = 0; k < N; k++) {
                    s += a[i][k] * b[k][j];
                }
                c[i][j] = s;
            }
        }
        a[round][round] = c[round][3];
    }
    return hashed(c[5][7]) + hashed(c[N - 1][N - 1]);
}

/* Doubles in memory, comparisons, conversions to integers. */
static uint64_t doubles(void)
{
    static double a[512];
    uint64_t sum = 0;
    for (int i = 0; i < 512; i++) {
        a[i] = i * 1.75 - 300;
    }
    for (int round = 0; round < 2500; round++) {
        for (int i = 0; i < 512; i++) {
            long double x = a[i];
            x = x < 0 ? x * 0.5L + 1 : x - 0.25L;
            a[i] = x;
            sum += (int64_t)x;
        }
    }
    return sum;
}

const Program x87_programs[] = {
    { "x87", "series", series },       { "x87", "horner", horner }, { "x87", "x87-matrix", matrix },
    { "x87", "x87-doubles", doubles }, { NULL, NULL, NULL },
};
