/* SPDX-License-Identifier: GPL-2.0-or-later */
/* An atomic writes code: what was translated of it is forgotten, in the page of the writer and in another.
 * expect: a0 = 1
 * expect: a1 = 2
 * expect: a2 = 3
 * expect: a3 = 4
 * expect: a4 = 0x00100513
 * expect: a5 = 0 */
#include "common.inc"
    START
    lla s0, far
    jalr s0                     /* a0 = 1 */
    mv s1, a0
    li t0, 0x00200513           /* li a0, 2 */
    amoswap.w a4, t0, (s0)
    fence.i
    jalr s0
    mv a1, a0
    lr.w t1, (s0)
    li t0, 0x00300513
    sc.w a5, t0, (s0)
    fence.i
    jalr s0
    mv a2, a0
    lla s2, near
    jalr s2
    lw t1, 0(s2)
    li t0, 0x00400513
    xor t0, t0, t1
    amoxor.w zero, t0, (s2)
    fence.i
    jalr s2
    mv a3, a0
    mv a0, s1
    FINISH
    .balign 4, 0
trap:
    li a0, -1
    FINISH
    .option norvc
    .balign 4, 0
near:
    li a0, 9
    ret
    .align 12
far:
    li a0, 1
    ret
