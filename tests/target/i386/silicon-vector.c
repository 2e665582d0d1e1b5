/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Numbers for vectors: integers; floating point of both sizes, with the ends of the formats; strings. */
#include "silicon.h"

#include "maker.h"

static unsigned below(uint64_t *random, unsigned limit)
{
    return (x86_random(random) >> 32) % limit;
}

static uint32_t single(uint64_t *random)
{
    static const uint32_t some[] = { 0,          0x80000000, 1,          0x807fffff, 0x00800000, 0x3f800000,
                                     0xbf800000, 0x40490fdb, 0x7f7fffff, 0x7f800000, 0xff800000, 0x7fc00001,
                                     0xffa00002, 0x4b800001, 0x4f000000, 0xcf000000, 0x3f000000, 0x33800000 };
    return below(random, 3) ? 0x3f000000 + below(random, 0x2000000) : some[below(random, G_N_ELEMENTS(some))];
}

static uint64_t twice(uint64_t *random)
{
    static const uint64_t some[] = { 0,
                                     UINT64_C(1) << 63,
                                     3,
                                     UINT64_C(0x000fffffffffffff),
                                     UINT64_C(0x3ff0000000000000),
                                     UINT64_C(0xc00921fb54442d18),
                                     UINT64_C(0x7fefffffffffffff),
                                     UINT64_C(0x7ff0000000000000),
                                     UINT64_C(0xfff0000000000000),
                                     UINT64_C(0x7ff8000000000001),
                                     UINT64_C(0xfff4000000000002),
                                     UINT64_C(0x41dfffffffc00000),
                                     UINT64_C(0x380fffffe0000000) };
    uint64_t near_one = UINT64_C(0x3fe0000000000000) + (x86_random(random) >> 10);
    return below(random, 3) ? near_one : some[below(random, G_N_ELEMENTS(some))];
}

static uint64_t text(uint64_t *random)
{
    uint64_t v = x86_random(random) & UINT64_C(0x0303030303030303);
    return below(random, 3) ? v | UINT64_C(0x6161616161616161) : v;
}

void silicon_make_vectors(SiliconVectors *v, uint64_t *random)
{
    unsigned kind = below(random, 8);
    uint64_t mm[8];
    for (unsigned n = 0; n < 16 * 4 + 8; n++) {
        uint64_t *to = n < 16 * 4 ? v->ymm[0] + n : mm + (n - 16 * 4);
        switch (below(random, 8) ? kind >> 1 : below(random, 4)) {
        case 0: *to = silicon_value(random); break;
        case 1: *to = twice(random); break;
        case 2: *to = single(random) | (uint64_t)single(random) << 32; break;
        default: *to = text(random); break;
        }
    }
    for (unsigned n = 0; kind & 1 && n < 16; n++) { /* as where AVX is not used */
        v->ymm[n][2] = v->ymm[n][3] = 0;
    }
    v->mxcsr = 0x1f80 | (below(random, 2) ? x86_random(random) & 0xe07f : 0);
    v->mxcsr &= below(random, 8) ? ~0u : ~(uint32_t)(x86_random(random) & 0x1f80);
    silicon_make_x87(&v->x87, mm, random);
}

void silicon_make_indices(uint64_t ymm[4], uint64_t *random)
{
    for (unsigned n = 0; n < 4; n++) {
        ymm[n] = below(random, 8) ? below(random, 128) : (uint64_t)(int64_t) - (int)below(random, 64);
    }
}
