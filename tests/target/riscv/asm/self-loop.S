/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A loop that is one block and changes an instruction of its own sees the change in the end
 * without fence.i (Ziccid), whatever writes: stores of each width, atomics, cbo.zero.
 * expect: s2 = 8
 * expect: s9 = 1
 * expect: s10 = 2 */
#include "common.inc"
    /* Leaves when the instruction at its head has become `li a0, 1`; `writer` writes a2 to (t0). */
    .macro LOOP rounds, offset, value, writer:vararg
    lla t0, 10f
    addi t0, t0, \offset
    li a2, \value
    li a1, \rounds
    .balign 64
    .option push
    .option norvc
10: li a0, 0
    .option pop
    addi a1, a1, -1
    bnez a1, 11f
    \writer
11: beqz a0, 10b
    addi s2, s2, 1
    .endm

    .macro store_conditional
    lr.w a3, (t0)
    sc.w a3, a2, (t0)
    .endm

    .macro store_float
    fmv.w.x fa0, a2
    fsw fa0, 0(t0)
    .endm

    START
    .equ CHANGED, 0x00100513    /* li a0, 1 */
    li s2, 0
    li s9, 0
    LOOP 100, 0, CHANGED, sw a2, 0(t0)
    LOOP 100000, 0, CHANGED, sw a2, 0(t0)
    LOOP 100, 2, CHANGED >> 16, sh a2, 0(t0)
    LOOP 100, 2, CHANGED >> 16, sb a2, 0(t0)
    LOOP 100, 0, CHANGED, amoswap.w a3, a2, (t0)
    LOOP 100, 0, CHANGED, store_conditional
    LOOP 100, 0, CHANGED, store_float
    LOOP 100, -4, CHANGED << 32 | 0x13, sd a2, 0(t0) /* the word before it too */
    lla t0, 20f
    li a1, 100
    j 20f
    .balign 64
20: addi a1, a1, -1
    bnez a1, 20b
    .word 0x0042a00f            /* cbo.zero (t0): the loop becomes illegal instructions */
    j 20b
    .balign 64
trap:
    addi s9, s9, 1
    csrr s10, mcause
    FINISH
