/* SPDX-License-Identifier: GPL-2.0-or-later */
/* NaN boxing: narrow values are boxed when written and checked when read.
 * expect: a0 = 0xffffffff3f800000
 * expect: a1 = 0x7fc00000
 * expect: a2 = 0x200
 * expect: a3 = 0xffffffff7fc00000
 * expect: a4 = 0xffffffffffff8000
 * expect: a5 = 0x1122334455667788 */
#include "common.inc"
    START
    li t0, 0x3f800000
    fmv.w.x fa0, t0
    fmv.x.d a0, fa0
    li t1, 0x1122334455667788
    fmv.d.x fa1, t1
    fadd.s fa2, fa1, fa0        /* not boxed: a NaN */
    fmv.x.w a1, fa2
    fclass.s a2, fa1
    fsgnj.s fa3, fa1, fa1
    fmv.x.d a3, fa3
    li t0, 0x8000
    .word 0xf4028753            /* fmv.h.x fa4, t0 */
    fmv.x.d a4, fa4
    lla s0, value
    fsd fa1, 0(s0)
    ld a5, 0(s0)
trap:
    FINISH
    .align 3
value:
    .dword 0
