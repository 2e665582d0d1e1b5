/* SPDX-License-Identifier: GPL-2.0-or-later */
/* From guest code to a block. */
#pragma once
#include "accel/tcg/state.h"

/* The block at the current pc, translated if need be; NULL: the code cache is full until vCPUs have come by the
 * dispatcher.  A fetch that faults raises the guest's exception and leaves by cpu_loop_exit.  The block is good
 * until the vCPU next looks at its mail between two blocks. */
TcgBlock *tcg_block_get(CPU *cpu);
void tcg_block_forget_single(TcgVcpu *v); /* frees the block that is in no table */
