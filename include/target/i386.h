/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a board knows of the x86 processors that it places. */
#pragma once
#include "target/cpu.h"

extern const CPUArch x86_64_arch, i386_arch;

/* How a boot protocol hands a kernel a processor: level 0, flat segments, no interrupts; 32-bit protected mode, or (wide) 64-bit mode. */
typedef struct X86Entry {
    bool wide;
    uint32_t pc, eax, ebx, esi;
    uint32_t gdt;    /* four descriptors: selector 10h is code of the mode, 18h data of 4 GiB */
    uint32_t tables; /* wide: the PML4 */
} X86Entry;
enum { X86_ENTRY_CODE = 0x10, X86_ENTRY_DATA = 0x18, X86_ENTRY_GDT_BYTES = 32 };
void x86_set_entry(CPU *cpu, const X86Entry *e); /* it has been reset, and has not run since */

/* The inputs of CPUArch.set_irq beside the vectors of IntSource: a rising edge is an NMI or SMI; IGNNE# is a level. */
enum { X86_IRQ_NMI, X86_IRQ_IGNNE, X86_IRQ_SMI };
/* What the vCPU sees as memory in system-management mode; else it sees CPU.as.  Of the board, once, before it runs; the
 * address space outlives the accelerator. */
void x86_set_smm_memory(CPU *cpu, AddressSpace *as);

bool x86_has_long_mode(const CPU *cpu); /* the model */
/* INIT and start-up messages, from any thread, under any lock: the vCPU takes them between two instructions.  A start-up
 * message counts only while it waits for one. */
void x86_request_init(CPU *cpu);
void x86_request_sipi(CPU *cpu, uint8_t vector);

/* Address line 20, by port 92h or the keyboard controller: off, it is 0 in every physical address.  The vCPU that asks
 * sees it from its next instruction on, others soon. */
void x86_set_a20(CPU *cpu, bool on);
/* A third fault in a row stops the processor: what the board does then; the vCPU's thread. */
void x86_set_shutdown(CPU *cpu, void (*fn)(void *opaque), void *opaque);
/* FERR#, an x87 exception under CR0.NE 0; the vCPU's thread.  A PC makes interrupt 13 of it until port F0h is written, from
 * when on it holds IGNNE# until FERR# goes: what level says when the next x87 instruction finds no exception. */
void x86_set_ferr(CPU *cpu, void (*fn)(void *opaque, bool level), void *opaque);
