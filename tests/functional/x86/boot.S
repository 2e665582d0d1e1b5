/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A multiboot kernel: a stack, segments, a table of handlers for all vectors, main(), and the end of the machine with code 1
 * (isa-debug-exit) when it returns. */
        .section .multiboot, "a"
        .balign 4
        .long 0x1badb002, 3, -(0x1badb002 + 3)

        .text
        .globl _start, halt, attempt, stub_table
_start:
        mov $stack_top, %esp
        push $0
        popf
        push %ebx
        push %eax
        call lib_start
        call main
halt:   mov $0x501, %dx
        xor %eax, %eax
        outl %eax, %dx
        cli
        hlt
        jmp halt

/* int attempt(void (*fn)(void)): -1, or the vector of the exception that ended fn. */
attempt:
        push %ebx
        push %esi
        push %edi
        push %ebp
        mov 20(%esp), %eax
        mov %esp, recover
        call *%eax
        mov $-1, %eax
leave_attempt:
        movl $0, recover
        pop %ebp
        pop %edi
        pop %esi
        pop %ebx
        ret

/* void enter_user(void (*fn)(void)): at level 3; back by an exception, or by int $0x31 (vector 49). */
        .globl enter_user
enter_user:
        mov 4(%esp), %eax
        mov %esp, tss + 4
        mov $0x23, %ecx
        mov %ecx, %ds
        mov %ecx, %es
        push %ecx
        push $user_stack_top
        pushf
        push $0x1b
        push $1f
        iret
1:      call *%eax
        int $0x31

/* The frame: edi esi ebp esp ebx edx ecx eax, vector, error, eip cs eflags (esp ss). */
all_traps:
        pusha
        cld
        mov $0x10, %eax
        mov %eax, %ds
        mov %eax, %es
        push %esp
        call trap_taken
        add $4, %esp
        test %eax, %eax
        jnz 1f
        popa
        add $8, %esp
        iret
1:      mov $0x10, %eax
        mov %eax, %ss
        mov recover, %esp
        mov trapped, %eax
        jmp leave_attempt

        .macro stub n
        .balign 16
        .if (\n == 8) || (\n >= 10 && \n <= 14) || (\n == 17)
        push $\n
        .else
        push $0
        push $\n
        .endif
        jmp all_traps
        .endm

        .balign 16
stub_table:
        .set i, 0
        .altmacro
        .rept 64
        stub %i
        .set i, i + 1
        .endr

        .section .note.GNU-stack, "", @progbits

        .data
        .globl recover, trapped
recover: .long 0
trapped: .long 0

        .bss
        .balign 16
        .space 16384
        .globl stack_top
stack_top:
        .space 4096
user_stack_top:
