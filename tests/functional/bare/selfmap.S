/* SPDX-License-Identifier: GPL-2.0-or-later */
/* An Sv57 root table whose 512 entries all point to the table itself: 512^5 leaves for whoever
 * walks them all.  Says "ready" when satp takes it. */
    .globl _start
_start:
    lla     t0, root
    srli    t1, t0, 2
    ori     t1, t1, 1
    li      t2, 512
    mv      t3, t0
1:  sd      t1, 0(t3)
    addi    t3, t3, 8
    addi    t2, t2, -1
    bnez    t2, 1b
    srli    t1, t0, 12
    li      t2, 10 << 60
    or      t1, t1, t2
    csrw    satp, t1
    csrr    t2, satp
    bne     t1, t2, 3f
    li      s0, 0x10000000
    lla     t0, message
2:  lbu     t2, 0(t0)
    beqz    t2, 3f
    sb      t2, 0(s0)
    addi    t0, t0, 1
    j       2b
3:  wfi
    j       3b
message:
    .string "ready\n"
    .balign 4096
root:
    .zero   4096
