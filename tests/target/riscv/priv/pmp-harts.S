# SPDX-License-Identifier: GPL-2.0-or-later
# Two harts with different PMP entries share code: hart 0 may not run 4 bytes that hart 1 has run,
# and runs again, for jumps in the page to be linked.  Ends with the finisher: 0, or 1 when hart 0 ran them.

    .option norvc
    .section .text.start, "ax"
    .globl _start
_start:
    csrr t0, mhartid
    la s0, word
    bnez t0, second

# hart 0
    la t0, trap
    csrw mtvec, t0
1:  lw t0, 0(s0)                # hart 1 has run it
    beqz t0, 1b
    li a1, 1
    call code                   # allowed so far: blocks and links are there
    la t0, forbidden
    srli t0, t0, 2
    csrw pmpaddr0, t0
    li t0, 0x91                 # L, NA4, R
    csrw pmpcfg0, t0
    li a1, 1
    call code
    j fail                      # it ran
trap:
    csrr t0, mepc
    la t1, forbidden
    bne t0, t1, fail
    csrr t0, mtval
    bne t0, t1, fail
    csrr t0, mcause
    addi t0, t0, -1
    bnez t0, fail
    lw t0, 8(s0)                # once more, now that hart 1 has run it again?
    bnez t0, pass
    li t0, 1
    sw t0, 4(s0)
2:  lw t0, 8(s0)
    beqz t0, 2b
    la t0, code
    csrw mepc, t0               # to its first instruction, which is allowed
    li a1, 1
    mret
pass:
    li t1, 0x5555
    j out
fail:
    li t1, 0x13333
out:
    li t0, 0x100000
    sw t1, 0(t0)
3:  j 3b

# hart 1
second:
    la t0, wrong
    csrw mtvec, t0
    li a1, 1000
    call code
    li t0, 1
    sw t0, 0(s0)
4:  lw t0, 4(s0)                # hart 0 has faulted
    beqz t0, 4b
    li a1, 1000
    call code
    li t0, 1
    sw t0, 8(s0)
5:  j 5b
wrong:
    j fail

# a1 times round; jumps back, so that `forbidden` begins a block that another leads to
    .balign 4096
forbidden:
    addi a1, a1, -1
    bnez a1, code
    ret
code:
    addi a0, a0, 1
    j forbidden

    .balign 4096
word:
    .word 0, 0, 0
