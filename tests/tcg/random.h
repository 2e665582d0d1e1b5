/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Random programs for differential tests. */
#pragma once
#include "toy.h"

/* A legal program of about `size` operations, the same for the same seed on every host. */
void random_program(IrBlock *b, uint64_t seed, unsigned size);
/* Random contents for all that a program reads: edge values are frequent. */
void random_state(ToyCPU *toy, uint8_t *ram, uint64_t seed);
/* 64 bits of a vector: integers, or numbers of 32 or 64 bits, small ones, of which sums are exact, and the ends of the
 * formats. */
uint64_t random_vector_value(uint64_t *state);
