# SPDX-License-Identifier: GPL-2.0-or-later
# A bzImage that tells how it was started, what its zero page says, and ends by isa-debug-exit.  The same text from both entries:
# CODE of it is assembled twice, for 32 and for 64 bits, as the registers' low halves have all that it needs.

        .set SERIAL, 0x3f8
        .set EXIT, 0x501
        .set PANIC, 0x505

        .section .text
        .org 0x1f1
        .byte 1                         # setup_sects
        .org 0x1fe
        .word 0xaa55
        jmp .
        .org 0x202
        .ascii "HdrS"
        .word 0x020f                    # version
        .org 0x211
        .byte 1                         # loaded high
        .org 0x22c
        .long 0x7fffffff                # initrd_addr_max
        .long 0x200000                  # kernel_alignment
        .byte 1                         # relocatable
        .byte 21
        .word 1                         # it has a 64-bit entry
        .long 2047                      # cmdline_size
        .org 0x258
        .quad 0x1000000                 # pref_address
        .long 0x100000                  # init_size
        .org 0x400                      # what is loaded

.macro CODE name
        mov %esi, %ebp                  # the zero page
        mov %cs, %eax
        call hex\name
        mov %ds, %eax
        call hex\name
        mov %ss, %eax
        call hex\name
        movzbl 0x1e8(%ebp), %eax        # entries of e820
        call hex\name
        mov 0x2d0+20+8(%ebp), %eax      # bytes of the second
        call hex\name
        mov 0x21c(%ebp), %eax           # ramdisk
        call hex\name
        mov 0x218(%ebp), %eax
        mov (%eax), %eax                # its first bytes
        call hex\name
        mov 0x228(%ebp), %ecx           # command line
1:      mov (%ecx), %al
        test %al, %al
        jz 2f
        call put\name
        inc %ecx
        jmp 1b
2:      mov $10, %al
        call put\name
        mov 0x228(%ebp), %ecx
        cmpb $'!', (%ecx)               # a command line that begins so: panic
        jne 5f
        mov $PANIC, %dx
        mov $1, %al
        out %al, %dx
        jmp .
5:      mov $EXIT, %dx
        xor %eax, %eax
        out %al, %dx
        jmp .
hex\name:
        mov %eax, %ebx
        mov $8, %edi
3:      rol $4, %ebx
        mov %ebx, %eax
        and $15, %eax
        add $48, %al
        cmp $58, %al
        jb 4f
        add $39, %al
4:      call put\name
        dec %edi
        jnz 3b
        mov $32, %al
put\name:
        mov $SERIAL, %dx
        out %al, %dx
        ret
.endm

        .code32
        mov $0x1010000, %esp
        mov $'3', %al
        call put32
        mov $'2', %al
        call put32
        mov $' ', %al
        call put32
        CODE 32
        .org 0x600                      # the entry + 200h
        .code64
        mov $0x1010000, %esp
        mov $'6', %al
        call put64
        mov $'4', %al
        call put64
        mov $' ', %al
        call put64
        CODE 64
        .org 0x1000
