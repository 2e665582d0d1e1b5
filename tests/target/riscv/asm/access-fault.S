/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Loads and stores where nothing answers: the destination keeps its value.
 * expect: a0 = 3
 * expect: s2 = 5
 * expect: s3 = 0x10008
 * expect: s10 = 7
 * expect: s11 = 0x10010
 * expect: s9 = 2 */
#include "common.inc"
    START
    li s9, 0
    li a0, 3
    li s0, 0x10000
    ld a0, 8(s0)
    mv s2, s10
    mv s3, s11
    sw a0, 16(s0)
    FINISH
    TRAP_HANDLER
