/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Exceptions of 64-bit payloads with all registers, and programs of level 3: see lib64.h. */
        .text
/* void enter_user(void (*fn)(void)): at level 3, on a stack of its own; back by an exception, or by int $0x31 (vector 49). */
        .globl enter_user
enter_user:
        mov %rsp, tss + 4
        push $0x2b
        push $user_stack_top
        pushf
        push $0x33
        push $1f
        iretq
1:      call *%rdi
        int $0x31

/* The frame: r15 to rax, vector, error, rip cs rflags rsp ss (Frame of lib64.h). */
all_traps64:
        push %rax
        push %rcx
        push %rdx
        push %rbx
        push %rbp
        push %rsi
        push %rdi
        push %r8
        push %r9
        push %r10
        push %r11
        push %r12
        push %r13
        push %r14
        push %r15
        mov %rsp, %rdi
        mov %rsp, %rbx
        cld
        and $-16, %rsp
        call trap_met
        test %rax, %rax
        jnz 1f
        mov %rbx, %rsp
        pop %r15
        pop %r14
        pop %r13
        pop %r12
        pop %r11
        pop %r10
        pop %r9
        pop %r8
        pop %rdi
        pop %rsi
        pop %rbp
        pop %rbx
        pop %rdx
        pop %rcx
        pop %rax
        add $16, %rsp
        iretq
1:      mov recover(%rip), %rsp
        mov trapped(%rip), %rax
        mov $0x10, %ecx
        mov %ecx, %ss
        mov %ecx, %ds
        mov %ecx, %es
        jmp leave_attempt

        .altmacro
        .macro stub n
        .balign 16
        .if (\n == 8) || (\n >= 10 && \n <= 14) || (\n == 17)
        push $\n
        .else
        push $0
        push $\n
        .endif
        jmp all_traps64
        .endm
        .balign 16
        .globl lib64_stubs
lib64_stubs:
        .set i, 0
        .rept 64
        stub %i
        .set i, i + 1
        .endr

        .section .note.GNU-stack, "", @progbits

        .data
        .globl trapped
        .balign 8
trapped: .quad 0

        .bss
        .balign 16
        .space 4096
user_stack_top:
