/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ecall, ebreak: cause and mtval; mepc is the instruction, mret goes on.
 * expect: s2 = 11
 * expect: s3 = 0
 * expect: s10 = 3
 * expect: a0 = 0
 * expect: s9 = 3 */
#include "common.inc"
    START
    li s9, 0
    ecall
    mv s2, s10
    mv s3, s11
    c.ebreak
1:  .option norvc
    ebreak
    .option rvc
    lla t0, 1b
    sub a0, s11, t0
    FINISH
    TRAP_HANDLER
