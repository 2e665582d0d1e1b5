/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A processor and its local APIC: what they ask of each other.
 *
 * CR8 and IA32_TSC_DEADLINE are the processor's, and so is IA32_APIC_BASE, which says how the APIC is reached; it is told of
 * changes.  All in the vCPU's thread, or while it stands still, unless said otherwise. */
#pragma once
#include "target/cpu.h"

typedef struct X86ApicOps {
    /* MSRs 800h to 8FFh in x2APIC mode.  False: #GP(0). */
    bool (*msr_read)(void *apic, uint32_t number, uint64_t *value);
    bool (*msr_write)(void *apic, uint32_t number, uint64_t value);
    void (*base_changed)(void *apic); /* IA32_APIC_BASE; also after reset and load */
    void (*cr8_written)(void *apic, unsigned value);
    void (*deadline_written)(void *apic); /* IA32_TSC_DEADLINE, by the guest */
    void (*deadline_changed)(void *apic); /* the TSC was moved, or somebody asks whether it has passed */
    void (*deadline_loaded)(
        void *apic);          /* with a state, of which the APIC's part may come before or behind */
    void (*init)(void *apic); /* an INIT message is taken */
} X86ApicOps;

bool x86_has_apic(const CPU *cpu); /* the model */
/* Of the board, once. */
void x86_connect_apic(CPU *cpu, const X86ApicOps *ops, void *apic);

enum { X86_APIC_BSP = 1 << 8, X86_APIC_X2APIC = 1 << 10, X86_APIC_ENABLED = 1 << 11 }; /* of IA32_APIC_BASE */
uint64_t x86_apic_base(const CPU *cpu);
uint32_t x86_apic_id(const CPU *cpu);     /* any thread: fixed */
uint64_t x86_apic_hz(const CPU *cpu);     /* of its timer, as CPUID says; any thread */
void x86_show_tpr(CPU *cpu, uint8_t tpr); /* TPR was written: CR8 is its upper half */

/* TSC value that IA32_TSC_DEADLINE waits for, 0: none.  Any thread. */
uint64_t x86_deadline(const CPU *cpu);
/* It has come, or cannot be waited for: the register reads 0 from now on, if it still has this value.  Any thread. */
void x86_deadline_end(CPU *cpu, uint64_t value);
/* When the TSC will have this value: ns of the machine's virtual clock, INT64_MAX: never. */
int64_t x86_tsc_when(const CPU *cpu, uint64_t tsc);
