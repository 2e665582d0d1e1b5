/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A UART handler as teaching kernels have it: it writes THR while there is text and never
 * reads IIR.  When the text has gone out the interrupt stays unanswered; the one
 * hart must get on all the same, and says so. */
    .equ    UART, 0x10000000
    .equ    PLIC, 0x0c000000
    .equ    CLAIM, 0x0c200004
    .globl _start
_start:
    lla     s1, text
    lla     t0, handler
    csrw    mtvec, t0
    li      t0, PLIC
    li      t1, 1
    sw      t1, 40(t0)          /* priority of source 10 */
    li      t0, PLIC + 0x2000
    li      t1, 1 << 10
    sw      t1, 0(t0)           /* enabled for hart 0 in M-mode */
    li      s0, UART
    li      t1, 7
    sb      t1, 2(s0)           /* FIFOs on and empty */
    li      t1, 2
    sb      t1, 1(s0)           /* interrupt when THR is empty */
    li      t1, 1 << 11
    csrw    mie, t1
    csrsi   mstatus, 8
1:  lbu     t0, 0(s1)           /* the handler moves s1 on */
    bnez    t0, 1b
    sb      zero, 7(s0)
    lla     s1, done
    li      t1, 3
    sb      t1, 1(s0)           /* one more reason: goes on with the second text */
2:  lbu     t0, 0(s1)
    bnez    t0, 2b
    li      t0, 0x100000
    li      t1, 0x5555
    sw      t1, 0(t0)
3:  j       3b

    .balign 4
handler:                        /* t3 to t6 are its own */
    li      t3, CLAIM
    lw      t4, 0(t3)
4:  lbu     t5, 0(s1)
    beqz    t5, 5f
    lbu     t6, 5(s0)
    andi    t6, t6, 0x20
    beqz    t6, 5f
    sb      t5, 0(s0)
    addi    s1, s1, 1
    j       4b
5:  sw      t4, 0(t3)
    mret

text:
    .string "sent by interrupts\n"
done:
    .string "and on\n"
