/* SPDX-License-Identifier: GPL-2.0-or-later */
/* For the debugger: hart 0 calls `step` for ever, which counts in memory; the others wait. */
    .globl _start, step, counter, park
_start:
    csrr    t0, mhartid
    bnez    t0, park
    li      s0, 0x1234
    lla     s1, counter
loop:
    call    step
    j       loop
step:
    ld      t1, 0(s1)
    addi    t1, t1, 1
    sd      t1, 0(s1)
    ret
park:
    wfi
    j       park
    .balign 8
counter:
    .dword  100
