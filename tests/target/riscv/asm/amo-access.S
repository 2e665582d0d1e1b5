/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Atomics outside RAM are access faults: nothing is read or written.
 * expect: a0 = 9
 * expect: s10 = 7
 * expect: s11 = 0x10000000
 * expect: s9 = 2
 * expect: s2 = 7 */
#include "common.inc"
    START
    li s9, 0
    li a0, 9
    li s0, 0x10000
    amoswap.d a0, s0, (s0)      /* nothing there */
    mv s2, s10
    li s0, 0x10000000
    amoadd.w a0, s0, (s0)       /* the serial port */
    FINISH
    TRAP_HANDLER
