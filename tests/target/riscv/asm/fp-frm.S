/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Rounding modes: static, dynamic, and those that are reserved.
 * expect: a0 = 0x3f800001
 * expect: a1 = 0x3f800000
 * expect: a2 = 0x3f800001
 * expect: a3 = 1
 * expect: a4 = 77
 * expect: s9 = 3
 * expect: s10 = 2 */
#include "common.inc"
    START
    li s9, 0
    li t0, 0x3f800000
    fmv.w.x fa0, t0
    li t0, 0x33000000
    fmv.w.x fa1, t0
    fadd.s fa2, fa0, fa1, rup
    fmv.x.w a0, fa2
    csrwi fflags, 0
    fadd.s fa2, fa0, fa1, rtz
    fmv.x.w a1, fa2
    csrr a3, fflags
    csrwi frm, 3                /* up */
    fadd.s fa2, fa0, fa1, dyn
    fmv.x.w a2, fa2
    li a4, 77
    csrwi frm, 5
    fcvt.w.s a4, fa0, dyn       /* reserved dynamic mode */
    .word 0x00b57653            /* fadd.s fa2, fa0, fa1, dyn */
    .word 0x00b55653            /* fadd.s with static mode 5 */
    FINISH
    TRAP_HANDLER
