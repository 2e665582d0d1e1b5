/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Bits of a local APIC's registers, and what its parts ask of each other.  All under the lock of the interrupt controllers. */
#pragma once
#include "hw/intc/lapic.h"

enum { SVR_ENABLED = 1 << 8, SVR_SILENT_EOI = 1 << 12, SVR_BITS = 0x3ff | SVR_SILENT_EOI };
enum { LVT_VECTOR = 0xff, LVT_DELIVERY_SHIFT = 8, LVT_MASKED = 1 << 16 };
enum { FIRST_VECTOR = 16 }; /* those below are exceptions: errors, as interrupts */

static inline unsigned lapic_delivery(uint32_t lvt_or_icr)
{
    return lvt_or_icr >> LVT_DELIVERY_SHIFT & 7;
}

/* ---- lapic.c ---- */
void lapic_update(Lapic *l); /* what it has for its CPU may have changed */
void lapic_end_of_interrupt(Lapic *l);
void lapic_error(Lapic *l, uint32_t esr_bit);

/* ---- lapic_regs.c ---- */
extern const RegTable lapic_reg_table;
