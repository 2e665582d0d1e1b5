/* SPDX-License-Identifier: GPL-2.0-or-later */
/* For the debugger: a long time of work on the page of `cell` and elsewhere, then one store to it. */
    .globl _start, cell, access
_start:
    li      s0, 50000000
    lla     s1, busy
    lla     s2, cell
loop:
    andi    t0, s0, 63
    bnez    t0, 1f
    sd      s0, 8(s2)
1:  sd      s0, 0(s1)
    addi    s0, s0, -1
    bnez    s0, loop
    li      t1, 7
access:
    sd      t1, 0(s2)
    ld      t2, 0(s2)
    j       _start
    .data
    .balign 4096
cell:
    .dword  1, 0
    .balign 4096
busy:
    .dword  0
