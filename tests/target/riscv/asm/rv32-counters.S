/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Counters by halves: in either order, both halves are read as written.
 * arch: rv32
 * expect: a0 = 0xfffffff0
 * expect: a1 = 7
 * expect: a2 = 9
 * expect: a3 = 0xfffffffe
 * expect: a4 = 5
 * expect: a5 = 6
 * expect: a6 = 5 */
#include "common.inc"
    START
    li t0, 7
    li t1, 0xfffffff0
    csrw mcycleh, t0
    csrw mcycle, t1
    csrr a0, mcycle             /* about to overflow */
    csrr a1, mcycleh
    li t0, 9
    li t1, 0xfffffffe
    csrw minstret, t1
    csrw minstreth, t0
    csrr a2, instreth
    csrr a3, instret
    li t0, 5
    li t1, 6
    csrw mcycleh, t0
    csrw mcycle, t1
    csrr a4, mcycleh
    csrr a5, mcycle
    csrr a6, mcycleh
    .align 2
trap:
    FINISH
