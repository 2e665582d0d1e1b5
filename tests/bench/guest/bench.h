/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The guest side of the bench: small programs, each a function that does fixed work and
 * returns a checksum.  The work is the same on every emulator, so checksums must agree. */
#ifndef BENCH_H
#define BENCH_H

#include <stddef.h>
#include <stdint.h>

typedef struct Program {
    const char *group;
    const char *name;
    uint64_t (*run)(void);
} Program;

extern const Program integer_programs[], call_programs[], dispatch_programs[], memory_programs[],
    float_programs[], atomic_programs[], system_programs[], disk_programs[];

/* A small fast random generator (xorshift64*), the same sequence for the same seed. */
static inline uint64_t next_random(uint64_t *state)
{
    uint64_t x = *state;
    x ^= x >> 12;
    x ^= x << 25;
    x ^= x >> 27;
    *state = x;
    return x * 0x2545f4914f6cdd1dull;
}

/* Path of this program, for those that start it again. */
extern const char *bench_self;

#endif
