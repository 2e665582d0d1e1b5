/* SPDX-License-Identifier: GPL-2.0-or-later */
/* jalr clears bit 0, reads before it writes, and follows constants of auipc and lui.
 * expect: a0 = 15
 * expect: a1 = 1 */
#include "common.inc"
    START
    li a0, 0
    lla t0, 1f + 1
    jalr t0, 0(t0)              /* rd is rs1 */
    j fail
1:  addi a0, a0, 1
    lla t1, 1b
    addi t1, t1, -2
    sub a1, t0, t1              /* link: the j behind the jalr */
    seqz a1, a1
    csrr t2, mscratch           /* not a constant for the translator */
    lla t1, 2f
    add t1, t1, t2
    jr t1
    j fail
2:  addi a0, a0, 2
    call 3f
    addi a0, a0, 8
    FINISH
3:  addi a0, a0, 4
    ret
fail:
    li a0, -1
trap:
    FINISH
