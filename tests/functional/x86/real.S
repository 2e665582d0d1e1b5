/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A flat image (-bios) that starts in real mode: segments with a base, their limits, A20 by port 92h, interrupts by the table
 * at 0, unreal mode, and the image below 1 MiB.
 * expect: reset at f000
 * expect: far jump to the copy below 1 MiB
 * expect: int 20h
 * expect: divide error
 * expect: segment limit
 * expect: A20 off wraps
 * expect: A20 on
 * expect: above 64 KiB
 * expect: done */
        .code16
        .text
        .globl _start
        .set base, 0xf0000

        .macro say text
        call 9f
        .asciz "\text\n"
9:      pop %si
        call puts
        .endm

_start: cli
        cld
        xor %ax, %ax
        mov %ax, %ss
        mov $0x7000, %sp
        mov %cs, %ax
        cmp $0xf000, %ax
        jne end
        say "reset at f000"
        ljmp $0xf000, $high /* an offset with its highest bit set */
low:    xor %ax, %ax
        mov %ax, %ds
        say "far jump to the copy below 1 MiB"
        movw $on_int, 0x20 * 4
        movw $0xf000, 0x20 * 4 + 2
        movw $on_divide, 0
        movw $0xf000, 2
        movw $on_limit, 13 * 4
        movw $0xf000, 13 * 4 + 2
        int $0x20
        xor %dx, %dx
        xor %bx, %bx
divide: div %bx
        mov $0xffff, %bx
limit:  mov (%bx), %ax
        /* 0:500 and ffff:510 are one byte when line 20 is 0 */
        mov $0xffff, %ax
        mov %ax, %es
        movb $0x11, 0x500
        in $0x92, %al
        and $0xfd, %al
        out %al, $0x92
        movb $0x22, %es:0x510
        cmpb $0x22, 0x500
        jne end
        say "A20 off wraps"
        in $0x92, %al
        or $2, %al
        out %al, $0x92
        movb $0x33, %es:0x510
        cmpb $0x22, 0x500
        jne end
        say "A20 on"
        lgdtl %cs:gdtr
        mov %cr0, %eax
        or $1, %al
        mov %eax, %cr0
        mov $8, %bx
        mov %bx, %es
        and $0xfe, %al
        mov %eax, %cr0
        xor %bx, %bx
        mov %bx, %es
        mov $0x200000, %ebx
        movl $0x12345678, %es:(%ebx)
        cmpl $0x12345678, %es:(%ebx)
        jne end
        say "above 64 KiB"
        say "done"
end:    mov $0x501, %dx
        xor %eax, %eax
        outl %eax, %dx
1:      hlt
        jmp 1b

on_int: say "int 20h"
        iret
on_divide:
        say "divide error"
        mov %sp, %bp
        addw $2, (%bp)
        iret
on_limit:
        say "segment limit"
        mov %sp, %bp
        addw $2, (%bp)
        iret

puts:   mov $0x3fd, %dx
1:      in %dx, %al
        test $0x20, %al
        jz 1b
        mov %cs:(%si), %al
        inc %si
        test %al, %al
        jz 2f
        mov $0x3f8, %dx
        out %al, %dx
        jmp puts
2:      ret

        .org 0x9000
high:   ljmp $0xf000, $low
        .balign 8
gdt:    .quad 0, 0x00cf93000000ffff
gdtr:   .word 15
        .long base + gdt

        .org 0xfff0
        jmp _start
        .org 0x10000
