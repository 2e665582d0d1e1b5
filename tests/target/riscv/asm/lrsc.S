/* SPDX-License-Identifier: GPL-2.0-or-later */
/* LR and SC: success, no reservation, another address, a changed value.
 * expect: a0 = 0
 * expect: a1 = 1
 * expect: a2 = 1
 * expect: a3 = 1
 * expect: a4 = 5
 * expect: a5 = 0xfffffffffffffffe */
#include "common.inc"
    START
    lla s0, word
    lr.w a5, (s0)
    li t0, 5
    sc.w a0, t0, (s0)           /* succeeds */
    sc.w a1, t0, (s0)           /* no reservation any more */
    lr.w t1, (s0)
    addi t2, s0, 8
    sc.w a2, t0, (t2)           /* another address */
    lr.w t1, (s0)
    li t1, 6
    sw t1, 0(s0)
    sc.w a3, t0, (s0)           /* written in between */
    li t1, 5
    sw t1, 0(s0)
    lwu a4, 0(s0)
trap:
    FINISH
    .align 3
word:
    .dword 0xfffffffe, 0
