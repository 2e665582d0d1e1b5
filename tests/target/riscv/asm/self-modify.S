/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Code that was written runs after fence.i; also in the page of the writer.
 * expect: a0 = 1
 * expect: a1 = 2
 * expect: a2 = 3 */
#include "common.inc"
    START
    lla s0, 1f
    call 1f
    mv a1, a3
    li t0, 0x00200693           /* li a3, 2 */
    sw t0, 0(s0)
    fence.i
    call 1f
    mv a0, a1
    mv a1, a3
    lla s1, 2f
    li t0, 0x00300693           /* li a3, 3: the next instruction */
    sw t0, 0(s1)
    fence.i
2:  .option norvc
    li a3, 9
    .option rvc
    mv a2, a3
trap:
    FINISH
    .option norvc
1:  li a3, 1
    .option rvc
    ret
