/* SPDX-License-Identifier: GPL-2.0-or-later */
/* An illegal instruction traps with its bits in mtval, and nothing is written.
 * expect: a0 = 7
 * expect: s9 = 3
 * expect: s10 = 2
 * expect: s11 = 0x9c41
 * expect: s2 = 0
 * expect: s3 = 0xffffffff */
#include "common.inc"
    START
    li a0, 7
    .2byte 0                    /* defined to be illegal */
    mv s2, s11
    .word 0xffffffff
    mv s3, s11
    .2byte 0x9c41               /* Zcb is not there */
    FINISH
    TRAP_HANDLER
