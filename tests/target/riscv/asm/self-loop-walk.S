/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A page walk sets the A bit of an entry that is an instruction of the loop that makes the access:
 * `addi x0, x0, 0x200` (0x20000013) maps a page of memory for users, and is illegal with bit 6 set.
 * arch: rv32
 * expect: s9 = 1
 * expect: s10 = 2
 * expect: s11 = 0x20000053 */
#include "common.inc"
    START
    li t6, 0x6000               /* floating point is off */
    csrc mstatus, t6
    li t6, 1 << 29
    csrs 0x31a, t6              /* menvcfgh.ADUE */
    li t6, -1
    csrw pmpaddr0, t6
    li t6, 0x1f
    csrw pmpcfg0, t6
    lla t0, entry               /* the root table is the page of the loop: */
    srli t1, t0, 12
    li t2, 0x80000000
    or t1, t1, t2
    csrw satp, t1
    slli s0, t0, 20             /* what its entry maps, 4 MiB each */
    li t6, 0x1800
    csrc mstatus, t6
    li t6, 0x20000
    csrs mstatus, t6            /* MPRV: data as a user's */
    li a1, 100
    j entry
    .balign 64
entry:
    .word 0x20000013
    addi a1, a1, -1
    bnez a1, entry
    lw a2, 0(s0)
    li a1, 1
    j entry
    .align 2
trap:
    addi s9, s9, 1
    csrr s10, mcause
    csrr s11, mtval
    li t6, 0x20000
    csrc mstatus, t6
    FINISH
