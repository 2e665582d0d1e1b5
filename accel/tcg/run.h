/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Running blocks: called by the loop, inside its sigsetjmp, for a vCPU that is not parked.
 *
 * Until exit_request is set (or, with tcg_single(cpu), for one instruction, unchained), or the code cache is full.  The
 * guest pc is in the CPU struct on return.  All state of a run under way (frame, running) is cleared by the loop after
 * a cpu_loop_exit(). */
#pragma once
#include "accel/tcg/vcpu.h"

void tcg_run_jit(CPU *cpu);
void tcg_run_lockstep(CPU *cpu);
void tcg_run_interp(CPU *cpu);

JitPlace tcg_next_quick(CPU *cpu); /* quick.c */

extern const JitConfig tcg_jit_config; /* without guest */
