/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where things are in the RAM of a guest that runs trials (silicon-guest.c), and its worlds without long mode. */
#pragma once
#include "silicon.h"

enum { /* physical */
       RAM = 1 << 20,
       GDT = 0x1000,
       IDT = 0x2000,
       TSS = 0x3000,
       LDT = 0x4000,
       LEGACY_IVT = 0x5000, /* without long mode: of real mode; */
       LEGACY_IDT = 0x5800, /* of virtual-8086 mode, 8 bytes a gate */
       LEGACY_TSS = 0x6000,
       TABLES_END = 0x7000,
       STACK_TOP = 0x8000,
       HANDLERS = 0x9000,
       PML4 = 0x20000,
       PDPT_LOW = 0x21000,
       PDPT_HIGH = 0x22000,
       PD_LOW = 0x23000,
       PD_HIGH = 0x24000,
       PT_DATA = 0x25000,
       PT_CODE = 0x26000,
       PT_SYSTEM = 0x27000,
       CODE = 0x40000,
       DATA = 0x50000,
       HANDLER_BYTES = 16,
};
enum { KERNEL_CODE = 0x08, KERNEL_CODE32 = 0x10, KERNEL_DATA32 = 0x18, TASK = 0x40 }; /* selectors */

/* ---- silicon-legacy.c ---- */
void silicon_legacy_make_tables(uint8_t *ram);
/* t->world is SILICON_V86 or SILICON_REAL: the state without registers and flags, then the flags, too. */
void silicon_legacy_begin(X86CPU *x, const SiliconTrial *t);
/* What the exception that ended it left on its stack. */
void silicon_legacy_take_frame(const X86CPU *x, const uint8_t *ram, SiliconResult *r);
