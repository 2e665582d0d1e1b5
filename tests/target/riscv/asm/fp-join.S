/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A branch around the first floating-point instruction: what comes behind makes its own checks
 * of mstatus.FS and frm.
 * expect: s9 = 2
 * expect: s10 = 2
 * expect: a0 = 5
 * expect: a1 = 5 */
#include "common.inc"
    START
    li s9, 0
    li a0, 5
    li a1, 5
    li t0, 0x6000
    csrc mstatus, t0
    j 1f
1:  beqz zero, 2f
    flt.d a2, fa0, fa0
2:  fmv.x.d a0, fa0             /* FS is off */
    csrs mstatus, t0
    csrwi frm, 5
    j 3f
3:  beqz zero, 4f
    fcvt.w.d a2, fa0, dyn
4:  fcvt.w.d a1, fa0, dyn       /* frm is reserved */
    FINISH
    TRAP_HANDLER
