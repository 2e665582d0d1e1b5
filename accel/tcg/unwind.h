/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Out of translated code: which instruction is it, and back to the loop.  cpu_restore_pc() and cpu_loop_exit() of
 * target/vcpu.h are here, too. */
#pragma once
#include "accel/tcg/vcpu.h"

/* The block that calls C code now, or NULL (between blocks). */
TcgBlock *tcg_block_running(const TcgVcpu *v);
/* The instruction that a helper of translated code works for; false: it was not called from there,
 * and the CPU has its pc. */
bool tcg_find_pc(const CPU *cpu, uint64_t *pc);
