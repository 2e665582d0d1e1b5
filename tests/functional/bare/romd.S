/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A flash bank leaves and enters read mode between a store and the next load of the
 * same block.  Exit code: 0, or the number of the load that saw the wrong thing. */
    .globl _start
_start:
    li      s0, 0x20000000      /* flash bank 0, empty: reads as zeroes */
    lw      a0, 0(s0)
    li      t0, 0x00700070      /* read status */
    li      t1, 0x00ff00ff      /* read array */
    li      t2, 0x00980098      /* CFI query */
    sw      t0, 0(s0)
    lw      a1, 0(s0)
    sw      t1, 0(s0)
    lw      a2, 0(s0)
    sw      t2, 0(s0)
    lw      a3, 0x40(s0)        /* 'Q' of each chip */
    sw      t1, 0(s0)
    lw      a4, 0x40(s0)
    li      s1, 1
    bnez    a0, fail
    li      s1, 2
    li      t0, 0x00800080      /* ready */
    bne     a1, t0, fail
    li      s1, 3
    bnez    a2, fail
    li      s1, 4
    li      t0, 0x00510051
    bne     a3, t0, fail
    li      s1, 5
    bnez    a4, fail
    li      t1, 0x5555
    j       leave
fail:
    slli    t1, s1, 16
    li      t0, 0x3333
    or      t1, t1, t0
leave:
    li      t0, 0x100000
    sw      t1, 0(t0)
1:  j       1b
