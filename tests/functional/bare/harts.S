/* SPDX-License-Identifier: GPL-2.0-or-later */
/* For the debugger: each of up to eight harts calls `step` for ever, which counts in its own
 * doubleword of `counters`. */
    .globl _start, step, counters
_start:
    csrr    t0, mhartid
    slli    t0, t0, 3
    lla     s1, counters
    add     s1, s1, t0
loop:
    call    step
    j       loop
step:
    ld      t1, 0(s1)
    addi    t1, t1, 1
    sd      t1, 0(s1)
    ret
    .balign 8
counters:
    .zero   64
