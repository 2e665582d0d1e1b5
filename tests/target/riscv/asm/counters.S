/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A counter that was written is read as written by the next instructions, then runs on from there.
 * expect: a0 = 0x1234
 * expect: a1 = 0
 * expect: a2 = 0x100
 * expect: a3 = 0x200
 * expect: a4 = 0x100
 * expect: a5 = 1
 * expect: a6 = 1
 * expect: a7 = 0x300
 * expect: s2 = 0x300
 * expect: s3 = 0x400 */
#include "common.inc"
    START
    li t0, 0x1234
    csrw minstret, t0
    csrr a0, minstret
    csrw mcycle, zero
    csrr a1, mcycle
    li t0, 0x100                /* both, one after the other */
    li t1, 0x200
    csrw mcycle, t0
    csrw minstret, t1
    csrr a2, cycle              /* the shadows see the same */
    csrr a3, instret
    li t1, 1000000              /* time since the write counts, read or not */
    csrw mcycle, t0
    csrrw a4, mcycle, zero
    csrr t2, time
1:  csrr t3, time
    sub t3, t3, t2
    li t4, 100                  /* 10 us: 10000 */
    bltu t3, t4, 1b
    csrr t0, mcycle
    li t1, 9000
    sltu a5, t1, t0
    csrr t1, mcycle
    sltu a6, t0, t1
    csrwi mcountinhibit, 5      /* standing ones keep what is written */
    li t0, 0x300
    csrw mcycle, t0
    nop
    csrr a7, mcycle
    csrw mcycle, t0
    csrr s2, mcycle
    li t0, 0x400
    csrw mcycle, t0
    csrwi mcountinhibit, 0      /* runs from there, and directly behind it stands there */
    csrr s3, mcycle
    .align 2
trap:
    FINISH
