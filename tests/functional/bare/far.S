/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Two loads by addresses that a translator knows, INT64_MAX - 6 apart: the second one faults.  Ends with 0 if so. */
    .globl  _start
    .option norelax
_start:
    lla     t0, trap
    csrw    mtvec, t0
    j       1f                   /* a block of its own */
1:  li      a1, 1
    slli    a1, a1, 31           /* where this is */
    li      a2, -1
    slli    a2, a2, 32
    addi    a2, a2, 1
    slli    a2, a2, 31
    addi    a2, a2, -7
    ld      t1, 0(a1)
    ld      t2, 0(a2)
    li      t1, 0x13333
    j       leave
    .balign 4
trap:
    csrr    t2, mcause
    addi    t2, t2, -5           /* load access fault */
    slli    t1, t2, 16
    li      t2, 0x5555
    beqz    t1, 1f
    li      t2, 0x3333
1:  or      t1, t1, t2
leave:
    li      t0, 0x100000
    sw      t1, 0(t0)
1:  j       1b
