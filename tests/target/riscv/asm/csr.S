/* SPDX-License-Identifier: GPL-2.0-or-later */
/* CSR forms: swap, set, clear, immediates; reads of x0 forms; those that are not there.
 * expect: a0 = 0x10
 * expect: a1 = 0x1f
 * expect: a2 = 0x17
 * expect: a3 = 0x3
 * expect: a4 = 0x5555
 * expect: s2 = 2
 * expect: s9 = 3 */
#include "common.inc"
    START
    li s9, 0
    li t0, 0x10
    csrw mscratch, t0
    csrrsi a0, mscratch, 0xf
    csrrci a1, mscratch, 8
    csrrwi a2, mscratch, 3
    li a3, 0x5555
    csrrw a3, mscratch, a3
    csrr a4, mscratch
    csrr t0, 0x123              /* not there */
    mv s2, s10
    csrw mvendorid, zero        /* read-only */
    csrs cycle, t0              /* read-only, a write */
    csrs cycle, zero            /* a read */
    FINISH
    TRAP_HANDLER
