/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Random encodings of a row of the x86 tables: for the comparison with other disassemblers, the differential
 * tests (interpreter, JIT, the host's own processor) and the fuzzers. */
#pragma once
#include "target/i386/decode.h"

/* What may be made.  All zero but mode and registers: nothing particular, everything plain. */
typedef struct X86MakeRules {
    X86DecodeMode mode;
    uint16_t registers;     /* general registers that may be operands or in addresses: bits */
    bool bound_memory;      /* memory operands are [base + displacement of 8 bits] only: */
    uint8_t base;           /*     with this register */
    uint8_t redundant_rate; /* of 256: prefixes that mean nothing for the row, address and segment prefixes */
    uint8_t lock_rate;      /* of 256: LOCK where it is legal */
    uint8_t repeat_rate;    /* of 256: F2, F3 before rows that repeat */
    uint8_t illegal_rate;   /* of 256: change one bit, whatever comes out */
} X86MakeRules;

/* Write one encoding of a row at bytes[] (16 of them, random behind the instruction), the same for the same
 * *random, which moves on.  Returns its length; 0: the row has none that the rules allow (in 64 attempts).
 * A changed one (illegal_rate) has the length that the decoder finds, and at least 1. */
unsigned x86_make(const X86MakeRules *rules, unsigned row, uint64_t *random, uint8_t bytes[16]);

/* The next random number (xorshift64*); *state must not be 0. */
uint64_t x86_random(uint64_t *state);
