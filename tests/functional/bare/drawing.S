/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A screen of 1280 by 800 pixels on bochs-display, device 1 of the PCI bus, for the costs of showing it.  It says "shown" after a
 * first picture; then the byte that came last at the UART says what is done each thirtieth of a second: 'v' draws all pixels anew,
 * 's' scrolls by 16 lines, 'z' gives the screen 64 other sizes, one after the other, and else nothing; "!" answers each byte. */
    .equ    DEVICE, 0x30000000 + (1 << 15)  /* its configuration space */
    .equ    PIXELS, 0x40000000              /* where BAR 0 is put */
    .equ    REGISTERS, 0x48000000           /* and BAR 2 */
    .equ    MTIMECMP, 0x02004000
    .equ    MTIME, 0x0200bff8
    .equ    WIDTH, 1280
    .equ    HEIGHT, 800
    .equ    ROW, WIDTH * 4
    .equ    END, PIXELS + ROW * HEIGHT
    .equ    TICK, 10000000 / 30
    .globl _start
_start:
    li      s0, 0x10000000
    li      t0, DEVICE
    li      t1, PIXELS
    sw      t1, 0x10(t0)
    li      t1, REGISTERS
    sw      t1, 0x18(t0)
    li      t2, 2                           /* memory */
    sh      t2, 4(t0)
    li      t2, WIDTH                       /* Bochs' registers 1 to 4, 16 bits each, from 500h */
    sh      t2, 0x502(t1)
    li      t2, HEIGHT
    sh      t2, 0x504(t1)
    li      t2, 32
    sh      t2, 0x506(t1)
    li      t2, 0x41                        /* on, linear */
    sh      t2, 0x508(t1)
    jal     draw
    lla     t1, shown
1:  lbu     t0, 0(t1)
    sb      t0, 0(s0)
    addi    t1, t1, 1
    bnez    t0, 1b
    li      t0, 0x80            /* the timer wakes from wfi, and is not taken */
    csrs    mie, t0
    li      t0, MTIME
    ld      s5, 0(t0)
tick:
    li      t0, TICK
    add     s5, s5, t0
    li      t0, MTIMECMP
    sd      s5, 0(t0)
1:  wfi
    li      t0, MTIME
    ld      t1, 0(t0)
    bltu    t1, s5, 1b
    lbu     t0, 5(s0)
    andi    t0, t0, 1
    beqz    t0, 1f
    lbu     s6, 0(s0)
    li      t0, '!'
    sb      t0, 0(s0)
1:  li      t0, 'v'
    bne     s6, t0, 1f
    jal     draw
1:  li      t0, 's'
    bne     s6, t0, 1f
    jal     scroll
1:  li      t0, 'z'
    bne     s6, t0, tick
    jal     sizes
    j       tick

sizes:                          /* from 8 to 1031 each way, at random; the last one stays */
    li      t1, REGISTERS
    li      t2, 0x41
    li      t3, 64
1:  li      t0, 1103515245
    mul     s7, s7, t0
    addi    s7, s7, 1235
    srli    t4, s7, 12
    andi    t4, t4, 0x3ff
    addi    t4, t4, 8
    srli    t5, s7, 32
    andi    t5, t5, 0x3ff
    addi    t5, t5, 8
    sh      t4, 0x502(t1)
    sh      t5, 0x504(t1)
    sh      t2, 0x508(t1)
    addi    t3, t3, -1
    bnez    t3, 1b
    ret

draw:                          /* another picture: its lines differ, and each from its next one */
    li      t0, PIXELS
    li      t1, END
    li      t2, 0x0001020300010203
    add     s4, s4, t2
    mv      t3, s4
1:  sd      t3, 0(t0)
    sd      t3, 8(t0)
    sd      t3, 16(t0)
    sd      t3, 24(t0)
    add     t3, t3, t2
    addi    t0, t0, 32
    bltu    t0, t1, 1b
    ret

scroll:                         /* and a last line of 16 of another colour */
    li      t0, PIXELS
    li      t1, END - 16 * ROW
    li      t2, 16 * ROW
1:  add     t3, t0, t2
    ld      t4, 0(t3)
    ld      t5, 8(t3)
    sd      t4, 0(t0)
    sd      t5, 8(t0)
    addi    t0, t0, 16
    bltu    t0, t1, 1b
    li      t1, END
    li      t2, 0x0030010300300103
    add     s4, s4, t2
1:  sd      s4, 0(t0)
    sd      s4, 8(t0)
    addi    t0, t0, 16
    bltu    t0, t1, 1b
    ret

shown:
    .string "shown\n"
