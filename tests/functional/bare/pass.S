/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Two instructions that matter: the test finisher's "pass", exit code 0. */
    .globl _start
_start:
    li      t0, 0x100000
    li      t1, 0x5555
    sw      t1, 0(t0)
1:  j       1b
