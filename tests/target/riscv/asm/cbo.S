/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cbo.zero clears the aligned 64 bytes; management does nothing that is seen.
 * expect: a0 = 0
 * expect: a1 = 0xffffffffffffffff
 * expect: a2 = 0xffffffffffffffff
 * expect: s9 = 1
 * expect: s10 = 7
 * expect: s11 = 0x10020 */
#include "common.inc"
    START
    li s9, 0
    lla s0, block
    li t0, -1
    sd t0, -8(s0)
    sd t0, 0(s0)
    sd t0, 56(s0)
    sd t0, 64(s0)
    addi s1, s0, 33
    .word 0x0044a00f            /* cbo.zero (s1) */
    .word 0x0014a00f            /* cbo.clean (s1) */
    .word 0x0024a00f            /* cbo.flush (s1) */
    .word 0x0004a00f            /* cbo.inval (s1) */
    ld a0, 0(s0)
    ld t1, 56(s0)
    or a0, a0, t1
    ld a1, -8(s0)
    ld a2, 64(s0)
    li s1, 0x10020
    .word 0x0044a00f            /* cbo.zero: nothing there */
    FINISH
    TRAP_HANDLER
    .align 6
    .space 64
block:
    .space 128
