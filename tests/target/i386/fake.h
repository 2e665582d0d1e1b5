/* SPDX-License-Identifier: GPL-2.0-or-later */
/* An x86 processor with RAM from address 0 on and nothing else, for tests of what it does besides instructions.
 *
 * fake.c is the run time (target/vcpu.h) of such a program: it replaces accel/tcg. */
#pragma once
#include "target/i386/mmu.h"

enum { FAKE_RAM = 4 << 20 };

/* Zeroed RAM, a processor as after reset, every feature of this list: see fake.c.  There is one at a time. */
X86CPU *fake_new(void);
void fake_free(X86CPU *x);
unsigned fake_flushes(void); /* of translations since the last call */

void fake_put(uint64_t phys, unsigned bytes, uint64_t value);
uint64_t fake_get(uint64_t phys, unsigned bytes);
/* Once, before the next compare-and-swap: another processor stores this. */
void fake_race(uint64_t phys, uint64_t value);

/* The function failed with this exception. */
#define assert_fault(call, f, want_vector, want_error)                                                       \
    do {                                                                                                     \
        g_assert_false(call);                                                                                \
        g_assert_cmphex((f).vector, ==, want_vector);                                                        \
        g_assert_cmphex((f).error, ==, want_error);                                                          \
    } while (0)
