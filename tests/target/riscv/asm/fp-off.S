/* SPDX-License-Identifier: GPL-2.0-or-later */
/* With mstatus.FS off every floating-point instruction is illegal, loads and fcsr included; a
 * write makes it dirty.
 * expect: s9 = 4
 * expect: s10 = 2
 * expect: a0 = 0x6000
 * expect: a1 = 0x2000
 * expect: a2 = 0x6000
 * expect: a3 = 0 */
#include "common.inc"
    START
    li s9, 0
    li a3, 0
    lla s0, value
    li t0, 0x6000
    csrc mstatus, t0
    fld fa0, 0(s0)
    fadd.d fa0, fa0, fa0
    fsd fa0, 0(s0)
    csrr a3, fflags
    csrs mstatus, t0
    fmv.d.x fa0, t0
    csrr a0, mstatus
    and a0, a0, t0
    li t1, 0x4000
    csrc mstatus, t1            /* Initial */
    fsd fa0, 0(s0)              /* reads only */
    csrr a1, mstatus
    and a1, a1, t0
    fadd.s fa0, fa0, fa0
    csrr a2, mstatus
    and a2, a2, t0
    FINISH
    TRAP_HANDLER
    .align 3
value:
    .dword 0
