/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Misaligned loads and stores work, also across pages; misaligned atomics trap.
 * expect: a0 = 0x8877665544332211
 * expect: a1 = 0x55443322
 * expect: a2 = 0x8877665544332211
 * expect: a3 = 0xffffffffffff9988
 * expect: s2 = 6
 * expect: s3 = 4
 * expect: s4 = 6
 * expect: s9 = 3 */
#include "common.inc"
    START
    li s9, 0
    lla s0, page + 4096 - 3
    li t0, 0x8877665544332211
    sd t0, 0(s0)
    ld a0, 0(s0)
    lwu a1, 1(s0)
    lla s1, page + 1
    sd t0, 0(s1)
    ld a2, 0(s1)
    li t0, 0x9988
    sh t0, 0(s1)
    lh a3, 0(s1)
    amoadd.w t0, t0, (s1)
    mv s2, s10
    lr.d t0, (s1)
    mv s3, s10
    sc.w t0, t0, (s1)
    mv s4, s10
    FINISH
    TRAP_HANDLER
    .align 12
page:
    .space 8192
