/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Says "run" and asks the test finisher for a reset, for ever: each start says it once. */
    .globl _start
_start:
    li      t1, 0x10000000
    li      t2, 'r'
    sb      t2, 0(t1)
    li      t2, 'u'
    sb      t2, 0(t1)
    li      t2, 'n'
    sb      t2, 0(t1)
    li      t2, '\n'
    sb      t2, 0(t1)
    li      t0, 0x100000
    li      t1, 0x7777
    sw      t1, 0(t0)
1:  j       1b
