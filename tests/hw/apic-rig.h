/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Local APICs, I/O APICs and processors that no accelerator runs, on the bench: what reaches one is seen in its pending vector, its
 * messages and its NMI. */
#pragma once
#include "bench.h"
#include "hw/intc/pc_irq.h"
#include "hw/isa/isa.h"
#include "target/i386.h"
#include "target/i386/cr.h"
#include "target/i386/init.h"
#include "target/i386/msr.h"
#include "tests/loop.h"

enum {
    ID = 0x20,
    VERSION = 0x30,
    TPR = 0x80,
    PPR = 0xa0,
    EOI = 0xb0,
    LDR = 0xd0,
    DFR = 0xe0,
    SVR = 0xf0,
    ISR = 0x100,
    TMR = 0x180,
    IRR = 0x200,
    ESR = 0x280,
    ICR = 0x300,
    ICR_HIGH = 0x310,
    LVTT = 0x320,
    LINT0 = 0x350,
    LINT1 = 0x360,
    LVTE = 0x370,
    INITIAL = 0x380,
    CURRENT = 0x390,
    DIVIDE = 0x3e0
};
enum { IOAPIC = 0xfec00000, IOAPIC2 = 0xfec10000, MASKED = 1 << 16, LEVEL = 1 << 15, LOGICAL = 1 << 11 };
enum { START_NS = 1000000 };

extern Bench b;
extern PcIrqs *q;

/* A silent PIC and two I/O APICs; time stands at START_NS. */
void open_machine(unsigned cpus);
void close_machine(void);
X86CPU *cpu(unsigned i);
/* Registers of processor i's local APIC, by itself. */
uint32_t get(unsigned i, hwaddr offset);
void put(unsigned i, hwaddr offset, uint32_t value);
bool rdmsr(unsigned i, uint32_t number, uint64_t *value);
bool wrmsr(unsigned i, uint32_t number, uint64_t value);
void enable_all(void);
/* What has reached it; take: its vector, or -1. */
bool pending(unsigned i);
int take(unsigned i);
bool took_nmi(unsigned i);
void ipi(unsigned from, uint32_t to, uint32_t low);
/* ns after START_NS; timers run. */
void at(int64_t ns);
