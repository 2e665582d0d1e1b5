/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Hart 0 calls the last halfword of RAM (at RAM_END) again and again while hart 1 changes it: a whole
 * instruction, ret, or the first half of one whose second half is not there, which traps.  Ends with 0. */
    .globl  _start
    .option norelax
    .equ    TURNS, 150000
_start:
    lla     t0, trap
    csrw    mtvec, t0
    csrr    t0, mhartid
    li      a1, RAM_END - 2
    li      s1, 0x8082           /* ret */
    li      s2, 0x0013           /* of addi */
    bnez    t0, change
    sh      s1, 0(a1)
    li      s0, TURNS
1:  jalr    a1
    fence.i
    addi    s0, s0, -1
    bnez    s0, 1b
    li      t0, 0x100000
    li      t1, 0x5555
    sw      t1, 0(t0)
2:  j       2b

change:                          /* at other intervals each time */
    sh      s1, 0(a1)
    addi    s3, s3, 1
    andi    t0, s3, 15
1:  addi    t0, t0, -1
    bgez    t0, 1b
    sh      s2, 0(a1)
    andi    t0, s3, 31
2:  addi    t0, t0, -1
    bgez    t0, 2b
    j       change

    .balign 4
trap:
    csrw    mepc, ra
    mret
