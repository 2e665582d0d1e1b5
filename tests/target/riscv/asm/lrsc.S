/* SPDX-License-Identifier: GPL-2.0-or-later */
/* LR and SC: what makes an SC succeed, what makes it fail, and that the one that fails leaves memory alone.
 *
 * expect: a0 = 0
 * expect: a1 = 1
 * expect: a2 = 1
 * expect: a3 = 1
 * expect: a4 = 5
 * expect: a5 = 0xfffffffffffffffe
 * expect: a6 = 0
 * expect: a7 = 1
 * expect: s2 = 1
 * expect: s3 = 1
 * expect: s4 = 9
 * expect: s5 = 0
 * expect: s6 = 0x123456789
 * expect: s7 = 1
 * expect: s8 = 0x123456789
 * expect: s9 = 1
 * expect: s1 = 0 */
#include "common.inc"
    START
    li s9, 0
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
    lr.w t1, (s0)
    sw t1, 0(s0)
    sc.w.rl a6, t0, (s0)        /* the same value, written in between */
    lr.w t1, (s0)
    ecall
    li t0, 7
    sc.w a7, t0, (s0)           /* a trap in between */
    li t1, 9
    sd t1, 0(s0)
    lr.d t1, (s0)
    sc.w s2, t0, (s0)           /* half of what was reserved */
    lr.w t1, (s0)
    sc.d s3, t0, (s0)           /* twice as much */
    ld s4, 0(s0)
    li t0, 0x123456789
    lr.d.aqrl zero, (s0)
    sc.d s5, t0, (s0)           /* nobody looks at what was read */
    ld s6, 0(s0)
    mv t1, s0
    lr.d t1, (t1)               /* the value in the register of the address */
    mv t2, s0
    sc.d t2, t1, (t2)           /* the result, too: succeeds */
    mv s1, t2
    lr.d t1, (s0)
    addi t2, s0, 8
    sc.w zero, t1, (t2)         /* another SC in between */
    sc.d s7, zero, (s0)
    ld s8, 0(s0)
    FINISH
    TRAP_HANDLER
    .align 3
word:
    .dword 0xfffffffe, 0
