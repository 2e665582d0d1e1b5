# SPDX-License-Identifier: GPL-2.0-or-later
# Entry, trap handler and mode switch of the bare-metal privileged tests.
# Machine mode at 0x80000000, `-bios none`; the finisher's register is at 0x100000.

    .option norvc
    .section .text.start, "ax"
    .globl _start
_start:
    csrr t0, mhartid
1:  bnez t0, 1b
    la sp, stack_top
    la t0, trap_entry
    csrw mtvec, t0
    call main
    # a0 = number of failures: 0 passes, else FAIL | code << 16
    li t0, 0x100000
    li t1, 0x5555
    beqz a0, 2f
    slli a0, a0, 16
    li t1, 0x3333
    or t1, t1, a0
2:  sw t1, 0(t0)
3:  j 3b

# Every trap lands here, in machine mode.  It is recorded in `trap`, then:
# an environment call ends run_in(); a fetch fault returns to ra; anything else
# skips the instruction.
    .align 2
    .globl trap_entry
trap_entry:
    csrw mscratch, t0
    la t0, trap
    sd t1, 32(t0)
    csrr t1, mcause
    addi t1, t1, -8
    sltiu t1, t1, 2             # ecall from U or S ends run_in
    bnez t1, run_in_end
    csrr t1, mcause
    sd t1, 0(t0)
    csrr t1, mtval
    sd t1, 8(t0)
    csrr t1, mepc
    sd t1, 16(t0)
    ld t1, 24(t0)
    addi t1, t1, 1
    sd t1, 24(t0)
    ld t1, 0(t0)
    bltz t1, interrupted
    beqz t1, fetch_fault        # causes 0, 1, 12: the instruction cannot be read
    addi t1, t1, -1
    beqz t1, fetch_fault
    addi t1, t1, -11
    beqz t1, fetch_fault
    csrr t1, mepc
    addi t1, t1, 4
    csrw mepc, t1
    j leave
fetch_fault:
    csrw mepc, ra
    j leave
interrupted:
    csrw mie, zero              # one is enough
leave:
    la t0, trap
    ld t1, 32(t0)
    csrr t0, mscratch
    mret

run_in_end:
    la t0, run_in_sp
    ld sp, 0(t0)
    ld ra, 0(sp)
    ld s0, 8(sp)
    ld s1, 16(sp)
    ld t0, 24(sp)
    csrw mtvec, t0
    addi sp, sp, 32
    ret

# uint64_t run_in(unsigned mode, void *fn, uint64_t arg, uint64_t offset)
# Calls fn(arg) in `mode` with pc, sp and ra moved by `offset` (an alias mapping).
    .globl run_in
run_in:
    addi sp, sp, -32
    sd ra, 0(sp)
    sd s0, 8(sp)
    sd s1, 16(sp)
    csrr t0, mtvec
    sd t0, 24(sp)
    la t0, run_in_sp
    sd sp, 0(t0)
    li t0, 3 << 11
    csrc mstatus, t0
    slli a0, a0, 11
    csrs mstatus, a0
    add a1, a1, a3
    csrw mepc, a1
    la ra, run_in_return
    add ra, ra, a3
    add sp, sp, a3
    mv a0, a2
    mret
run_in_return:
    ecall

# One access each; the trap handler skips the instruction that faults.
    .globl do_load, do_store, do_fetch, do_amo, do_wfi, do_sret, do_sfence, do_satp
    .globl do_time, do_lr, do_load_misaligned, do_zero, do_clean
do_load:
    ld a0, 0(a0)
    ret
do_load_misaligned:
    lw a0, 1(a0)
    ret
do_store:
    sd a0, 0(a0)
    ret
do_fetch:
    mv t2, ra
    jalr ra, a0
    mv ra, t2
    ret
do_amo:
    li t2, 1
    amoadd.d a0, t2, (a0)
    ret
do_lr:
    lr.d a0, (a0)
    ret
do_zero:
    .word 0x0045200f            # cbo.zero (a0)
    ret
do_clean:
    .word 0x0015200f            # cbo.clean (a0)
    ret
do_wfi:
    wfi
    ret
do_sret:
    la t2, 1f
    csrw sepc, t2
    sret
1:  ret
do_sfence:
    sfence.vma
    ret
do_satp:
    csrr a0, satp
    ret
do_time:
    rdtime a0
    ret

    .globl landing
    .align 4
landing:
    ret

    .bss
    .align 12
stack:
    .space 16384
stack_top:
    .globl trap
trap:
    .space 64
run_in_sp:
    .space 8
