/* SPDX-License-Identifier: GPL-2.0-or-later */
/* x0 stays zero whatever is written to it, and the write's side effects happen.
 * expect: a0 = 0
 * expect: a1 = 6
 * expect: s9 = 1
 * expect: s10 = 5 */
#include "common.inc"
    START
    li s9, 0
    lla s0, word
    li t0, 5
    .option norvc
    addi zero, t0, 7
    lui zero, 5
    add zero, t0, t0
    ld zero, 0(s0)
    mul zero, t0, t0
    .option rvc
    amoadd.w zero, t0, (s0)
    lw a1, 0(s0)
    li s1, 0x10000
    ld zero, 0(s1)              /* faults */
    mv a0, zero
    FINISH
    TRAP_HANDLER
    .align 3
word:
    .dword 1
