/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the debugger asks of the translator.  translate_breakpoint() of include/target/vcpu.h is here too. */
#pragma once
#include "accel/tcg/vcpu.h"

/* Some vCPU has one: a block at one address is not what it is at another. */
bool tcg_any_breakpoints(const TcgVcpu *v);
/* Some watchpoint lies in the 4 KiB page of vaddr: its tags have TLB_WATCHED. */
bool tcg_page_watched(CPU *cpu, uint64_t vaddr);
/* The slow path is about to access [vaddr, vaddr + bytes), which is translated.  If a watchpoint
 * sees that, the vCPU stops for the debugger, before its instruction, by
 * cpu_loop_exit(). */
void tcg_debug_access(CPU *cpu, uint64_t vaddr, unsigned bytes, MmuAccess access);
/* The vCPU is about to run: the access that it stopped for passes unseen this time, unless
 * watch_hit_kind was cleared (nobody was told).  And: an instruction has run alone. */
void tcg_debug_going_on(CPU *cpu);
void tcg_debug_single_done(CPU *cpu);
/* From the vCPU's thread, state complete (cpu_restore_pc was called, or between blocks): all vCPUs stop, and the
 * debugger hears of it, once the loop is reached (exit_request is set here). */
void tcg_debug_stop(CPU *cpu);
/* -d exec and -d cpu: a block is about to run.  Call it under log_enabled(). */
void tcg_log_block(CPU *cpu, const TcgBlock *b);
