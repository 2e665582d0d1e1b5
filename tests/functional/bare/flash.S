/* SPDX-License-Identifier: GPL-2.0-or-later */
/* First code in a flash bank: copies the payload that follows to the address it was linked
 * for, and enters it with the registers that the firmware before it passed (a0: hart, a1: device tree).
 * TARGET is that address, SIZE the payload's length in bytes, rounded up to 8. */
    .globl _start
    .option norelax
_start:
    lla     t0, payload          /* from where this runs, whatever bank that is */
    li      t1, TARGET
    li      t2, SIZE
    add     t2, t2, t1
1:  ld      t3, 0(t0)
    sd      t3, 0(t1)
    addi    t0, t0, 8
    addi    t1, t1, 8
    bltu    t1, t2, 1b
    fence.i
    li      t1, TARGET
    jr      t1
    .org    0x100
payload:
