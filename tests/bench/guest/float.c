/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Floating point, double and single precision; checksums are exact bits. */
#include "bench.h"

#include <math.h>
#include <string.h>

static uint64_t bits_of(double x)
{
    uint64_t u;
    memcpy(&u, &x, sizeof(u));
    return u;
}

static uint64_t mandelbrot(void)
{
    uint64_t inside = 0;
    for (int y = 0; y < 250; y++) {
        for (int x = 0; x < 250; x++) {
            double cr = x / 125.0 - 1.5, ci = y / 125.0 - 1.0, zr = 0, zi = 0;
            int n = 0;
            for (; n < 200 && zr * zr + zi * zi < 4.0; n++) {
                double t = zr * zr - zi * zi + cr;
                zi = 2 * zr * zi + ci;
                zr = t;
            }
            inside += n;
        }
    }
    return inside;
}

static uint64_t matrix(void)
{
    enum { N = 96 };
    static double a[N][N], b[N][N], c[N][N];
    for (int i = 0; i < N; i++) {
        for (int j = 0; j < N; j++) {
            a[i][j] = (i * 7 + j) % 13 / 13.0;
            b[i][j] = (i + j * 5) % 11 / 11.0;
        }
    }
    for (int round = 0; round < 20; round++) {
        for (int i = 0; i < N; i++) {
            for (int j = 0; j < N; j++) {
                double s = 0;
                for (int k = 0; k < N; k++) {
                    s += a[i][k] * b[k][j];
                }
                c[i][j] = s;
            }
        }
        memcpy(a, c, sizeof(a));
    }
    return bits_of(c[5][7]) ^ bits_of(c[N - 1][N - 1]);
}

/* Five bodies under gravity: square roots and divisions among the products. */
static uint64_t bodies(void)
{
    enum { N = 5 };
    double x[N][3], v[N][3], m[N];
    for (int i = 0; i < N; i++) {
        m[i] = 1.0 / (i + 1);
        for (int k = 0; k < 3; k++) {
            x[i][k] = i * 1.25 + k * 0.5;
            v[i][k] = (i - k) * 0.01;
        }
    }
    for (int step = 0; step < 72000; step++) {
        for (int i = 0; i < N; i++) {
            for (int j = i + 1; j < N; j++) {
                double d[3], r2 = 0.01;
                for (int k = 0; k < 3; k++) {
                    d[k] = x[i][k] - x[j][k];
                    r2 += d[k] * d[k];
                }
                double pull = 0.001 / (r2 * sqrt(r2));
                for (int k = 0; k < 3; k++) {
                    v[i][k] -= d[k] * m[j] * pull;
                    v[j][k] += d[k] * m[i] * pull;
                }
            }
        }
        for (int i = 0; i < N; i++) {
            for (int k = 0; k < 3; k++) {
                x[i][k] += 0.001 * v[i][k];
            }
        }
    }
    return bits_of(x[0][0]) ^ bits_of(v[4][2]);
}

static uint64_t single(void)
{
    float sum = 0, x = 1.5f;
    for (int i = 1; i < 3600000; i++) {
        x = x * 0.9999f + 1.0f / (float)i;
        sum += x > 1.0f ? x : -x;
    }
    uint32_t u;
    memcpy(&u, &sum, sizeof(u));
    return u;
}

const Program float_programs[] = {
    { "float", "mandelbrot", mandelbrot }, { "float", "matrix", matrix }, { "float", "bodies", bodies },
    { "float", "single", single },         { NULL, NULL, NULL },
};
