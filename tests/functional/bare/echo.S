/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Says "ready", then sends back each byte that the UART receives, one higher. */
    .globl _start
_start:
    li      s0, 0x10000000
    lla     t0, message
1:  lbu     t2, 0(t0)
    beqz    t2, 2f
    sb      t2, 0(s0)
    addi    t0, t0, 1
    j       1b
2:  lbu     t0, 5(s0)           /* line status: bit 0, a byte has come */
    andi    t0, t0, 1
    beqz    t0, 2b
    lbu     t1, 0(s0)
    addi    t1, t1, 1
    sb      t1, 0(s0)
    j       2b
message:
    .string "ready\n"
