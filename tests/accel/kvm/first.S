/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A PVH kernel that says one byte on the first serial line, and waits: what bench-start.py measures. */
        .section .note, "a"
        .long 4, 4, 18
        .asciz "Xen"
        .long _start
        .text
        .code32
        .globl _start
_start: mov $0x3f8, %dx
        mov $'K', %al
        out %al, %dx
1:      hlt
        jmp 1b
