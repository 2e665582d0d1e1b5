/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Atomics outside RAM are access faults: nothing is read or written.  Misaligned ones trap before that, at the last bytes
 * of a page and in the lowest page, too, and so does an SC that has no reservation.
 * expect: a0 = 9
 * expect: s10 = 6
 * expect: s11 = 0x10000001
 * expect: s9 = 12
 * expect: s1 = 0x776664646776
 * expect: a2 = 0x1122334455667788 */
#include "common.inc"
/* s1: the causes, a hex digit each */
    .macro NOTE
    slli s1, s1, 4
    or s1, s1, s10
    .endm

    START
    li s9, 0
    li s1, 0
    li a0, 9
    li s0, 0x10000
    amoswap.d a0, s0, (s0)      /* nothing there: 7 */
    NOTE
    .insn r 0x2f, 3, 0x14, a0, s0, s0 /* amocas.d */
    NOTE
    lla s2, page + 4096 - 2
    amoadd.w a0, s0, (s2)       /* across a page: 6 */
    NOTE
    addi s2, s2, -2
    amoadd.d a0, s0, (s2)
    NOTE
    li s0, 1
    amoadd.w a0, s0, (s0)       /* the lowest page, where nothing is: 6, not 7 */
    NOTE
    lr.w a0, (s0)               /* 4 */
    NOTE
    sc.w a0, s0, (s0)           /* 6 */
    NOTE
    lr.d a0, (s2)               /* 4 */
    NOTE
    sc.d a0, s0, (s2)           /* 6 */
    NOTE
    li s0, 0x10000000
    amoadd.w a0, s0, (s0)       /* the serial port: 7 */
    NOTE
    lr.w zero, (s0)             /* may be read ... */
    sc.w a0, s0, (s0)           /* ... but: 7 */
    NOTE
    addi s0, s0, 1
    amoswap.w a0, s0, (s0)      /* 6 */
    NOTE
    lla s2, page + 4096 - 4
    ld a2, 0(s2)
    FINISH
    TRAP_HANDLER
    .align 12
page:
    .space 4092
    .dword 0x1122334455667788
    .space 4096
