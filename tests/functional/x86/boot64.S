/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A 64-bit kernel with a PVH entry: page tables that map the first GiB to itself, long mode, main(). */
        .section .note.Xen, "a", @note
        .balign 4
        .long 4, 4, 18
        .asciz "Xen"
        .long _start

        .section .multiboot, "a" /* the linker script keeps what stands first here */

        .text
        .code32
        .globl _start
_start:
        mov %ebx, start_info
        mov $tables, %edi
        lea 0x1003(%edi), %eax
        mov %eax, (%edi)
        lea 0x2003(%edi), %eax
        mov %eax, 0x1000(%edi)
        mov $0x83, %eax
        mov $512, %ecx
        lea 0x2000(%edi), %edx
1:      mov %eax, (%edx)
        add $0x200000, %eax
        add $8, %edx
        dec %ecx
        jnz 1b
        mov $0x20, %eax
        mov %eax, %cr4
        mov %edi, %cr3
        mov $0xc0000080, %ecx
        rdmsr
        or $0x901, %eax
        wrmsr
        mov $0x80000001, %eax
        mov %eax, %cr0
        lgdt gdtr
        ljmp $0x08, $1f
        .code64
1:      mov $0x10, %eax
        mov %eax, %ds
        mov %eax, %es
        mov %eax, %ss
        lea stack_top(%rip), %rsp
        call main
        .globl halt, attempt, leave_attempt
        .weak trap_taken /* of payloads without a lib64.c */
halt:   mov $0x501, %dx
        xor %eax, %eax
        outl %eax, %dx
        cli
        hlt
        jmp halt

/* long attempt(void (*fn)(void)): -1, or the vector of the exception that ended fn. */
attempt:
        push %rbx
        push %rbp
        push %r12
        push %r13
        push %r14
        push %r15
        mov %rsp, recover(%rip)
        call *%rdi
        mov $-1, %rax
leave_attempt:
        movq $0, recover(%rip)
        pop %r15
        pop %r14
        pop %r13
        pop %r12
        pop %rbp
        pop %rbx
        ret

/* The frame: rax, vector, error, rip cs rflags rsp ss. */
all_traps:
        push %rax
        mov %rsp, %rdi
        mov %cr2, %rax
        mov %rax, last_cr2(%rip)
        cld
        and $-16, %rsp
        call trap_taken
        mov recover(%rip), %rsp
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
        jmp all_traps
        .endm
        .balign 16
        .globl stub_table
stub_table:
        .set i, 0
        .rept 64
        stub %i
        .set i, i + 1
        .endr

        .section .note.GNU-stack, "", @progbits

        .data
        .balign 8
        .globl gdt, recover, last_cr2, start_info
gdt:    .quad 0, 0x00af9b000000ffff, 0x00cf93000000ffff, 0x00cf9b000000ffff /* 64-bit code, data, 32-bit code */
        .quad 0x00cffb000000ffff, 0x00cff3000000ffff, 0x00affb000000ffff    /* for SYSRET: 32-bit code, data, 64-bit code */
        .quad 0, 0, 0, 0, 0, 0, 0, 0 /* the TSS, and free ones (SEL_TSS, SEL_FREE) */
gdtr:   .word . - gdt - 1
        .quad gdt
        .balign 8
recover: .quad 0
last_cr2: .quad 0
start_info: .quad 0

        .bss
        .balign 4096
        .globl tables, stack_top
tables: .space 3 * 4096
        .space 16384
stack_top:
