/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Debug registers and what they watch. */
#pragma once
#include "target/i386/cpu.h"

/* MOV from and to DRn, 0 to 7, at level 0 (checked by who decodes): #UD for DR4 and DR5 under CR4.DE, #DB under DR7.GD,
 * #GP(0) for an upper half of DR6 and DR7. */
bool x86_dr_read(X86CPU *x, unsigned n, uint64_t *value, X86Fault *f);
bool x86_dr_write(X86CPU *x, unsigned n, uint64_t value, X86Fault *f);

/* What the registers become when this is written. */
static inline uint64_t x86_dr6_of(uint64_t value)
{
    return (value & (0xf | DR6_BD | DR6_BS | DR6_BT)) | DR6_FIXED;
}
static inline uint64_t x86_dr7_of(uint64_t value)
{
    return (value & 0xffff23ff) | DR7_FIXED;
}

/* Which breakpoints an event meets: bits B0 to B3 of DR6, 0 for none.  Code is a fault before the instruction, unless RF
 * is set; data and ports are traps behind it. */
uint64_t x86_break_code(const X86CPU *x, uint64_t linear);
uint64_t x86_break_data(const X86CPU *x, uint64_t linear, unsigned bytes, bool write);
uint64_t x86_break_io(const X86CPU *x, uint16_t port, unsigned bytes);

/* ---- CPUArch: what accesses meet is told behind their instruction (helpers-debug.c) ---- */
bool x86_watches(CPU *cpu, uint64_t page);
void x86_accessed(CPU *cpu, uint64_t linear, unsigned bytes, MmuAccess access);
