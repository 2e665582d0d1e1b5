/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Width 32: registers wrap at 32 bits, addresses too.
 * arch: rv32
 * expect: a0 = 0x80000000
 * expect: a1 = 1
 * expect: a2 = 0x7fffffff
 * expect: a3 = 0xfffffffe
 * expect: a4 = 1
 * expect: a5 = 0x12345678
 * expect: s2 = 0x80000000
 * expect: s3 = 0xffffffff */
#include "common.inc"
    START
    li t0, 0x7fffffff
    addi a0, t0, 1
    li t1, 1
    sltu a1, t0, a0             /* 0x7fffffff < 0x80000000 unsigned */
    addi a2, a0, -1
    li t2, -1
    mulhu a3, t2, t2
    mul a4, t2, t2
    lla s0, value
    lw a5, 0(s0)
    li t0, 0x80000000
    div s2, t0, t2
    divu s3, t0, zero
trap:
    FINISH
    .align 2
value:
    .word 0x12345678
