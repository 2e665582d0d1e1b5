# SPDX-License-Identifier: GPL-2.0-or-later
# Timer interrupts every 2 microseconds between blocks that end with a look for interrupts: for
# -accel tcg,lockstep=on, which must not see one in the host's run of a block alone.
.option norvc
.globl _start
_start:
    lla t0, handler
    csrw mtvec, t0
    li s2, 0x200bff8            # mtime
    li s3, 0x2004000            # mtimecmp
    li s4, 3000                 # interrupts to come
    ld t0, 0(s2)
    sd t0, 0(s3)
    li t0, 1 << 7
    csrw mie, t0
    csrsi mstatus, 8
loop:
    addi s1, s1, 1
    .word 0x0000100f            # fence.i, by whatever assembler
    xor s5, s5, s1
    .word 0x0000100f            # fence.i, by whatever assembler
    j loop
    .align 2
handler:
    addi s4, s4, -1
    beqz s4, done
    ld t0, 0(s2)
    addi t0, t0, 20
    sd t0, 0(s3)
    mret
done:
    li t0, 0x100000
    li t1, 0x5555
    sw t1, 0(t0)
1:  j 1b
