/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Loops whose head is the block's start, and not; nested; a counter in memory.
 * expect: a0 = 5050
 * expect: a1 = 100
 * expect: a2 = 12 */
#include "common.inc"
    START
    li a0, 0
    li t0, 100
    lla s0, counter
1:  add a0, a0, t0
    ld a1, 0(s0)
    addi a1, a1, 1
    sd a1, 0(s0)
    addi t0, t0, -1
    bnez t0, 1b
    li a2, 0
    li t0, 3
2:  li t1, 4
3:  addi a2, a2, 1
    addi t1, t1, -1
    bgtz t1, 3b
    addi t0, t0, -1
    bgtz t0, 2b
trap:
    FINISH
    .align 3
counter: .dword 0
