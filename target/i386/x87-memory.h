/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Operands of x87 instructions in memory. */
#pragma once
#include "fpu/extended.h"
#include "target/cpu.h"
#include "target/i386/helpers-x87.h"

typedef struct X87Operand {
    X87Format format;
    uint64_t low;
    uint16_t high; /* of the ten bytes of F80 and DECIMAL */
} X87Operand;

/* Guest memory at a linear address, byte k of an operand: outside of 64-bit code it ends at 4 GiB. */
uint64_t x87_linear(CPU *cpu, uint64_t at, unsigned k);
X87Operand x87_read(CPU *cpu, uint64_t at, X87Format format);
/* Faults as x87_write() would. */
void x87_probe_write(CPU *cpu, uint64_t at, X87Format format);
/* All or nothing. */
void x87_write(CPU *cpu, uint64_t at, X87Format format, const X87Operand *o);
/* Faults if an access of a whole area would.  The manual leaves the order open: as on AMD's Zen 3 its first field (in bytes) comes
 * first, then the last byte. */
void x87_probe(CPU *cpu, uint64_t at, unsigned first, unsigned bytes, MmuAccess access);

/* The same with the guest's vectors in registers: of helpers marked IRH_NO_VECTORS. */
X87Operand x87_read_quick(CPU *cpu, uint64_t at, X87Format format);
void x87_probe_write_quick(CPU *cpu, uint64_t at, X87Format format);
void x87_write_quick(CPU *cpu, uint64_t at, X87Format format, const X87Operand *o);

/* The number: exact; exceptions are those of a load. */
Fp80 x87_widen(const X87Operand *o, Fp80Status *s);
/* The same as the operand of an operation: fp80_operand(). */
Fp80 x87_operand(const X87Operand *o, Fp80Status *s);
/* The operand that a store writes. */
X87Operand x87_narrow(Fp80 a, X87Format format, Fp80Status *s);
