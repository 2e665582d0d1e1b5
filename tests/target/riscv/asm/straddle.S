/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A 32-bit instruction across two pages, reached by falling through and by jumping.
 * expect: a0 = 3
 * expect: a1 = 0x12345000 */
#include "common.inc"
    START
    li a0, 0
    j 1f
    .option norvc
    .align 12
    .space 4096 - 6
    .option rvc
1:  c.addi a0, 1
    c.nop
2:  .option norvc
    lui a1, 0x12345             /* at 0x...ffe */
    .option rvc
    addi a0, a0, 1
    li t0, 3
    bne a0, t0, 2b
trap:
    FINISH
