/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What guest translators and their helpers may ask of the run time that translates for them.
 * All in the vCPU's thread.
 *
 * Helpers and translators run only where code is translated, so their functions are bound when the
 * program is linked, to accel/tcg (a test may bring its own).  What the state of a guest asks for
 * under any accelerator, translations among it, goes through CPU.ops. */
#pragma once
#include "target/cpu.h"

/* ---- leaving translated code ---- */

/* Bring the guest pc (and nothing else: the globals are already stored) up to
 * the instruction that called the helper under way. */
void cpu_restore_pc(CPU *cpu);
/* Leave to the dispatcher.  State must be complete (after cpu_restore_pc or with pc set). */
G_NORETURN void cpu_loop_exit(CPU *cpu);

/* A hint: the guest waits for another vCPU, or has lost a race with one.  One that shares its thread runs next, from where
 * this block polls for interrupts on. */
void cpu_give_way(CPU *cpu);

/* ---- guest memory from helpers: as a load or store at the helper's
 *      instruction would do, faults included (they leave by cpu_loop_exit) ---- */
uint64_t cpu_load(CPU *cpu, uint64_t vaddr, MemOp mop);
void cpu_store(CPU *cpu, uint64_t vaddr, MemOp mop, uint64_t value);
/* IrRuntime.atomic: misaligned, or not RAM, is a fault of a store. */
uint64_t cpu_atomic(CPU *cpu, uint64_t vaddr, MemOp mop, IrOp op, uint64_t value, uint64_t expected);
/* IrRuntime.load_vector, store_vector. */
void cpu_load_vector(CPU *cpu, uint64_t vaddr, MemOp mop, uint64_t v[4]);
void cpu_store_vector(CPU *cpu, uint64_t vaddr, MemOp mop, const uint64_t v[4]);
/* Host address of [vaddr, vaddr + bytes) in RAM (within one page) for an atomic
 * read-modify-write, translated for writing and already marked written; NULL when
 * it is not RAM (faults leave).  reads: watchpoints see a load too. */
void *cpu_atomic_host(CPU *cpu, uint64_t vaddr, unsigned bytes, bool reads);
/* Host address of [vaddr, vaddr + bytes) in RAM (within one page) for any number of plain loads or stores up to the next
 * call of a function of this file; a store is already marked.  NULL: they are to be made by cpu_load() and cpu_store(), for
 * it is a device, or code, or watched (faults leave). */
void *cpu_direct_host(CPU *cpu, uint64_t vaddr, unsigned bytes, MmuAccess access);
/* Fault if the access would (cbo, probes). */
void cpu_probe(CPU *cpu, uint64_t vaddr, unsigned bytes, MmuAccess access);

/* Physical accesses of page walkers: RAM fast, others through the bus; false:
 * nothing answers.  The compare-and-swap sets A and D bits; *swapped tells. */
bool cpu_phys_load(CPU *cpu, uint64_t phys, MemOp mop, uint64_t *value);
bool cpu_phys_cas(CPU *cpu, uint64_t phys, MemOp mop, uint64_t expected, uint64_t value, bool *swapped);

/* What the processor accesses by itself has rights of its own, and so a TLB: that of the contexts of this space and access
 * (of key; whatever their mode).  The host address of [vaddr, vaddr + bytes), or NULL: it is to be translated by a walk, whose
 * result is then noted, and accessed by its physical address. */
void *cpu_system_host(CPU *cpu, const CpuContextKey *key, uint64_t vaddr, unsigned bytes, MmuAccess access);
void cpu_system_note(CPU *cpu, const CpuContextKey *key, uint64_t vaddr, MmuAccess access,
                     const MmuResult *m);

/* ---- from helpers marked IRH_NO_VECTORS, which run with the guest's vectors in registers ---- */

/* Around a call of what may use vectors, or leaves by cpu_loop_exit(). */
void cpu_vectors_away(CPU *cpu);
void cpu_vectors_back(CPU *cpu);
/* The host address of [vaddr, vaddr + bytes) for one plain load or store of this very instruction, where that is a look into
 * the TLB; NULL: cpu_load() and cpu_store() know, between the two above. */
void *cpu_quick_host(CPU *cpu, uint64_t vaddr, unsigned bytes, MmuAccess access);

/* ---- translations ---- */

/* A register that is part of the context key changed (satp, privilege, SUM ...):
 * the block must end with IR_EXIT_LOOKUP, or the helper with cpu_loop_exit.
 * O(1) when the context is still in the pool. */
static inline void cpu_mmu_changed(CPU *cpu)
{
    cpu->ops->mmu_changed(cpu);
}

/* Drop cached translations of this vCPU: see CpuFlush. */
static inline void cpu_flush_all(CPU *cpu)
{
    cpu->ops->flush(cpu, CPU_FLUSH_ALL, 0, 0);
}

static inline void cpu_flush_asid(CPU *cpu, uint64_t asid)
{
    cpu->ops->flush(cpu, CPU_FLUSH_BY_ASID, 0, asid);
}

static inline void cpu_flush_space(CPU *cpu, uint64_t space)
{
    cpu->ops->flush(cpu, CPU_FLUSH_BY_SPACE, 0, space);
}

static inline void cpu_flush_page(CPU *cpu, uint64_t vaddr)
{
    cpu->ops->flush(cpu, CPU_FLUSH_BY_PAGE, vaddr, 0);
}

static inline void cpu_flush_page_asid(CPU *cpu, uint64_t vaddr, uint64_t asid)
{
    cpu->ops->flush(cpu, CPU_FLUSH_BY_PAGE | CPU_FLUSH_BY_ASID, vaddr, asid);
}

/* An instruction fence: what it fetches from here on is at least as new as all that any vCPU had stored before, as
 * far as the order of memory tells this one of it.  The block must end with IR_EXIT_LOOKUP. */
void cpu_fetch_fence(CPU *cpu);

/* ---- for translators ---- */

/* Up to n bytes of code at vaddr; returns how many can be had.  Of what the block's first instruction may have
 * (IrGuest.insn_bytes from its pc on) those before the first at which the fetch faults, or nothing answers; behind
 * that none beyond the block's page (TranslateCtx.page_bytes): an instruction that reaches out of it begins a block.
 * May be called again from the start, with more that can be had. */
unsigned translate_fetch(TranslateCtx *t, uint64_t vaddr, void *buf, unsigned n);
/* The block's first instruction, whose IR_INSN stands, needs the byte at vaddr, which cannot be had:
 * end the block with its fault.  Such a block runs once (fetches may succeed the next time). */
void translate_fetch_fault(TranslateCtx *t, uint64_t vaddr);
/* Behind each IR_INSN, which is fetched at vaddr: stop here if the debugger has a breakpoint there. */
void translate_breakpoint(TranslateCtx *t, uint64_t vaddr);
