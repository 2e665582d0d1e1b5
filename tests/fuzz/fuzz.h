/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What fuzz targets share: the input as a row of numbers that never ends (past its end all are 0). */
#pragma once
#include <stddef.h>
#include <stdint.h>

typedef struct FuzzInput {
    const uint8_t *at;
    size_t left;
} FuzzInput;

/* The next `bytes` (1 to 8), little endian. */
static inline uint64_t fuzz_take(FuzzInput *in, unsigned bytes)
{
    uint64_t v = 0;
    for (unsigned i = 0; i < bytes && in->left; i++, in->at++, in->left--) {
        v |= (uint64_t)*in->at << (8 * i);
    }
    return v;
}

/* libFuzzer calls it with each input; so does replay.c, where there is no libFuzzer. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
