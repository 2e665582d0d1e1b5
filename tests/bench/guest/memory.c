/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Loads and stores: chains of pointers, copies, tables, sorting. */
#include "bench.h"

#include <stdlib.h>
#include <string.h>

/* Follow a random chain through 4 MiB. */
static uint64_t chase(void)
{
    enum { COUNT = 1 << 19 };
    uint64_t *next = malloc(COUNT * sizeof(*next)), state = 7, at = 0;
    for (uint64_t i = 0; i < COUNT; i++) {
        next[i] = i;
    }
    for (uint64_t i = COUNT - 1; i > 0; i--) { /* Sattolo: one cycle through all */
        uint64_t j = next_random(&state) % i, t = next[i];
        next[i] = next[j];
        next[j] = t;
    }
    for (int i = 0; i < 2500000; i++) {
        at = next[at];
    }
    free(next);
    return at;
}

/* The C library's copy and fill. */
static uint64_t copy(void)
{
    enum { SIZE = 1 << 18 };
    unsigned char *a = malloc(SIZE), *b = malloc(SIZE);
    uint64_t sum = 0;
    for (int i = 0; i < 1600; i++) {
        memset(a, i, SIZE);
        memcpy(b + (i & 7), a, SIZE - 8);
        memmove(a + 16, a, SIZE - 16);
        sum += b[i * 41 % (SIZE - 16) + 8];
    }
    free(a);
    free(b);
    return sum;
}

/* Open hashing: insert, then look up hits and misses. */
static uint64_t hash(void)
{
    enum { SLOTS = 1 << 17 };
    uint64_t *keys = calloc(SLOTS, sizeof(*keys)), state = 99, found = 0;
    for (int round = 0; round < 90; round++) {
        memset(keys, 0, SLOTS * sizeof(*keys));
        uint64_t seed = state + round;
        for (int i = 0; i < SLOTS / 2; i++) {
            uint64_t k = next_random(&seed) | 1, at = k * 0x9e3779b97f4a7c15ull >> 47;
            while (keys[at & (SLOTS - 1)] && keys[at & (SLOTS - 1)] != k) {
                at++;
            }
            keys[at & (SLOTS - 1)] = k;
        }
        seed = state + round;
        for (int i = 0; i < SLOTS; i++) {
            uint64_t k = next_random(&seed) | 1, at = k * 0x9e3779b97f4a7c15ull >> 47;
            while (keys[at & (SLOTS - 1)] && keys[at & (SLOTS - 1)] != k) {
                at++;
            }
            found += keys[at & (SLOTS - 1)] == k;
        }
    }
    free(keys);
    return found;
}

static void quicksort(uint32_t *a, long low, long high)
{
    while (low < high) {
        uint32_t pivot = a[(low + high) >> 1];
        long i = low, j = high;
        while (i <= j) {
            while (a[i] < pivot) {
                i++;
            }
            while (a[j] > pivot) {
                j--;
            }
            if (i <= j) {
                uint32_t t = a[i];
                a[i++] = a[j];
                a[j--] = t;
            }
        }
        quicksort(a, low, j);
        low = i;
    }
}

static uint64_t sort(void)
{
    enum { COUNT = 600000 };
    uint32_t *a = malloc(COUNT * sizeof(*a));
    uint64_t state = 5, sum = 0;
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < COUNT; i++) {
            a[i] = next_random(&state) >> 32;
        }
        quicksort(a, 0, COUNT - 1);
        for (int i = 0; i < COUNT; i += 1000) {
            sum = sum * 31 + a[i];
        }
    }
    free(a);
    return sum;
}

static uint64_t sieve(void)
{
    enum { LIMIT = 1 << 20 };
    unsigned char *composite = malloc(LIMIT);
    uint64_t count = 0;
    for (int round = 0; round < 36; round++) {
        memset(composite, 0, LIMIT);
        for (uint32_t i = 2; i < LIMIT; i++) {
            if (composite[i]) {
                continue;
            }
            count++;
            for (uint32_t j = 2 * i; j < LIMIT; j += i) {
                composite[j] = 1;
            }
        }
    }
    free(composite);
    return count;
}

/* Words of a made-up text: bytes one by one, the way parsers read. */
static uint64_t words(void)
{
    enum { SIZE = 1 << 20 };
    char *text = malloc(SIZE);
    uint64_t state = 3, sum = 0;
    for (int i = 0; i < SIZE - 1; i++) {
        uint64_t r = next_random(&state) >> 59;
        text[i] = r < 6 ? ' ' : 'a' + r % 26;
    }
    text[SIZE - 1] = 0;
    for (int round = 0; round < 60; round++) {
        uint64_t h = round;
        for (const char *p = text; *p; p++) {
            if (*p == ' ') {
                sum ^= h;
                h = round;
            } else {
                h = h * 33 + (unsigned char)*p;
            }
        }
    }
    free(text);
    return sum;
}

const Program memory_programs[] = {
    { "memory", "chase", chase }, { "memory", "copy", copy },   { "memory", "hash", hash },
    { "memory", "sort", sort },   { "memory", "sieve", sieve }, { "memory", "words", words },
    { NULL, NULL, NULL },
};
