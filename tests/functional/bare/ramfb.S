/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Finds etc/ramfb in fw_cfg's directory, shows a picture of 64 by 48 pixels (pixel n is n * 0x010203), says "shown", and for
 * each byte that the UART receives adds one to all pixels and says "again". */
    .equ    CFG, 0x10100000
    .equ    PIXELS, 0x80100000
    .equ    COUNT, 64 * 48
    .option norelax             /* for .org */
    .globl _start
_start:
    li      s0, 0x10000000
    li      s1, CFG
    li      t0, 0x1900          /* the directory; the selector is big endian */
    sh      t0, 8(s1)
    lla     s2, buffer
    li      t1, 4
    jal     read                /* how many files there are: fewer than 256 */
    lbu     s3, 3(s2)
next:
    beqz    s3, fail
    addi    s3, s3, -1
    li      t1, 64
    jal     read
    lla     t0, name
    addi    t1, s2, 8
1:  lbu     t2, 0(t0)
    lbu     t3, 0(t1)
    bne     t2, t3, next
    addi    t0, t0, 1
    addi    t1, t1, 1
    bnez    t2, 1b
    lla     t0, request         /* key and DMA control: select, write */
    lhu     t1, 4(s2)
    sh      t1, 0(t0)
    jal     draw
    lla     t0, request         /* its address, big endian, in two halves */
    li      t3, 4
1:  slli    t1, t1, 8
    andi    t2, t0, 0xff
    or      t1, t1, t2
    srli    t0, t0, 8
    addi    t3, t3, -1
    bnez    t3, 1b
    sw      zero, 16(s1)
    sw      t1, 20(s1)
    lla     a0, shown
    jal     say
wait:
    lbu     t0, 5(s0)
    andi    t0, t0, 1
    beqz    t0, wait
    lbu     t0, 0(s0)
    addi    s4, s4, 1
    jal     draw
    lla     a0, again
    jal     say
    j       wait

draw:                           /* pixel n is n * 0x010203 + s4 */
    li      t0, PIXELS
    li      t1, COUNT
    mv      t2, s4
    li      t3, 0x010203
1:  sw      t2, 0(t0)
    add     t2, t2, t3
    addi    t0, t0, 4
    addi    t1, t1, -1
    bnez    t1, 1b
    ret

read:                           /* t1 bytes of the item, to the buffer */
    mv      t0, s2
1:  lbu     t2, 0(s1)
    sb      t2, 0(t0)
    addi    t0, t0, 1
    addi    t1, t1, -1
    bnez    t1, 1b
    ret

fail:
    lla     a0, missing
    jal     say
2:  j       2b

say:
    lbu     t0, 0(a0)
    sb      t0, 0(s0)
    addi    a0, a0, 1
    bnez    t0, say
    ret

    .balign 8
request:                        /* big endian: control, length, address */
    .byte   0, 0, 0, 0x18, 0, 0, 0, 28, 0, 0, 0, 0
    .byte   config >> 24, (config >> 16) & 0xff, (config >> 8) & 0xff, config & 0xff
    .org    0x400
    .byte   0, 0, 0, 0, PIXELS >> 24, (PIXELS >> 16) & 0xff, (PIXELS >> 8) & 0xff, PIXELS & 0xff
    .ascii  "42RX"
    .byte   0, 0, 0, 0, 0, 0, 0, 64, 0, 0, 0, 48, 0, 0, 1, 0
    .equ    config, 0x80000400
name:
    .string "etc/ramfb"
shown:
    .string "shown\n"
again:
    .string "again\n"
missing:
    .string "there is no etc/ramfb\n"
    .bss
    .balign 8
buffer:
    .zero   64
