/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Sv39 in S-mode: RAM where it is, devices (the first 1 GiB) at 0xffffffc000000000 only.
 * Says 'S' on the serial line through its new address, then waits at `there`. */
    .globl _start, there
_start:
    li      t0, -1
    csrw    pmpaddr0, t0
    li      t0, 0x1f            /* NAPOT, RWX: S-mode may use all */
    csrw    pmpcfg0, t0
    lla     t1, table
    li      t0, 0xc7            /* D A W R V, physical 0 */
    li      t2, 256 * 8         /* entry of 0xffffffc000000000 */
    add     t2, t2, t1
    sd      t0, 0(t2)
    li      t0, 0x80000 << 10 | 0xcf
    sd      t0, 2 * 8(t1)
    srli    t1, t1, 12
    li      t0, 8 << 60
    or      t0, t0, t1
    csrw    satp, t0
    sfence.vma
    li      t0, 1 << 11
    csrs    mstatus, t0
    li      t0, 1 << 12
    csrc    mstatus, t0
    lla     t0, super
    csrw    mepc, t0
    mret
super:
    li      t0, 0xffffffc010000000
    li      t1, 'S'
    sb      t1, 0(t0)
there:
    j       there
    .balign 4096
table:
    .zero   4096
