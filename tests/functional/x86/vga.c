/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A VGA by a PC's ports and window: 256 colours in a row, in planes, and text, each held until a byte comes.
 * expect: 256 colours
 * expect: planes
 * expect: text
 * expect: linear */
#include "print.h"

typedef struct Mode {
    uint8_t misc, seq[5], cr[25], gr[9], ar[21];
} Mode;

static const Mode bytes = { 0x63,
                            { 3, 1, 15, 0, 0x0e },
                            { 0x5f, 0x4f, 0x50, 0x82, 0x54, 0x80, 0xbf, 0x1f, 0,    0x41, 0,    0,   0,
                              0,    0,    0,    0x9c, 0x8e, 0x8f, 0x28, 0x40, 0x96, 0xb9, 0xa3, 0xff },
                            { 0, 0, 0, 0, 0, 0x40, 5, 15, 0xff },
                            { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 0x41, 0, 15, 0, 0 } };
static const Mode text = { 0x67,
                           { 3, 1, 3, 0, 2 },
                           { 0x5f, 0x4f, 0x50, 0x82, 0x55, 0x81, 0xbf, 0x1f, 0,    0x4f, 0x2d, 0x0e, 0,
                             0,    0,    0,    0x9c, 0x8e, 0x8f, 0x28, 0x1f, 0x96, 0xb9, 0xa3, 0xff },
                           { 0, 0, 0, 0, 0, 0x10, 0x0e, 15, 0xff },
                           { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 0, 0, 15, 0, 0 } };

static void set(uint16_t port, uint8_t index, uint8_t value)
{
    asm volatile("outw %0, %1" : : "a"((uint16_t)(index | value << 8)), "Nd"(port));
}

static void dispi(uint16_t number, uint16_t value)
{
    asm volatile("outw %0, %1" : : "a"(number), "Nd"((uint16_t)0x1ce));
    asm volatile("outw %0, %1" : : "a"(value), "Nd"((uint16_t)0x1cf));
}

static void set_mode(const Mode *m)
{
    outb(0x3c2, m->misc);
    set(0x3d4, 0x11, 0);
    for (unsigned i = 0; i < 25; i++) {
        if (i < 5) {
            set(0x3c4, i, m->seq[i]);
        }
        if (i < 9) {
            set(0x3ce, i, m->gr[i]);
        }
        set(0x3d4, i, m->cr[i]);
    }
    inb(0x3da);
    for (unsigned i = 0; i < 21; i++) {
        outb(0x3c0, i);
        outb(0x3c0, m->ar[i]);
    }
    outb(0x3c0, 0x20);
    outb(0x3c6, 0xff);
    outb(0x3c8, 0);
    for (unsigned i = 0; i < 256; i++) { /* six bits each: red the lowest ones, blue two of them */
        outb(0x3c9, i & 63);
        outb(0x3c9, i >> 2);
        outb(0x3c9, i >> 6);
    }
}

/* The beam goes back, and comes again. */
static void wait_frame(void)
{
    while (inb(0x3da) & 8) {
    }
    while (!(inb(0x3da) & 8)) {
    }
}

static void show(const char *what)
{
    wait_frame();
    print("%s\n", what);
    while (!(inb(0x3fd) & 1)) {
    }
    inb(0x3f8);
}

static volatile uint8_t *const graphics = (volatile uint8_t *)0xa0000, *const cells =
                                                                           (volatile uint8_t *)0xb8000;

/* Pixel x, y is x ^ y, by words. */
static void draw_bytes(void)
{
    for (unsigned at = 0; at < 320 * 200; at += 4) {
        uint32_t four = 0;
        for (unsigned i = 0; i < 4; i++) {
            four |= (((at + i) % 320 ^ at / 320) & 0xff) << (8 * i);
        }
        *(volatile uint32_t *)(graphics + at) = four;
    }
}

/* The same planes by mode X: each pixel x, y is 3 * x + y. */
static void draw_planes(void)
{
    set(0x3c4, 4, 6);
    set(0x3d4, 0x14, 0);
    set(0x3d4, 0x17, 0xe3);
    for (unsigned plane = 0; plane < 4; plane++) {
        set(0x3c4, 2, 1 << plane);
        for (unsigned at = 0; at < 80 * 200; at++) {
            graphics[at] = (uint8_t)(3 * (at % 80 * 4 + plane) + at / 80);
        }
    }
}

/* Glyph g's row r is g ^ 17 * r; cell n has character n and attribute n / 80 * 7. */
static void draw_text(void)
{
    set(0x3c4, 2, 4);
    set(0x3c4, 4, 6);
    set(0x3ce, 5, 0);
    set(0x3ce, 6, 4);
    for (unsigned i = 0; i < 256 * 32; i++) {
        graphics[i] = (uint8_t)(i / 32 ^ 17 * (i % 32));
    }
    set_mode(&text);
    for (unsigned n = 0; n < 80 * 25; n++) {
        *(volatile uint16_t *)(cells + 2 * n) = (uint16_t)((n & 0xff) | (n / 80 * 7 & 0xff) << 8);
    }
}

/* 64 by 48 pixels by banks: pixel n is n * 0x010203. */
static void draw_linear(void)
{
    dispi(1, 64);
    dispi(2, 48);
    dispi(3, 32);
    dispi(4, 0x41);
    for (unsigned n = 0; n < 64 * 48; n++) {
        ((volatile uint32_t *)graphics)[n] = n * 0x010203;
    }
}

void main(void)
{
    set_mode(&bytes);
    draw_bytes();
    show("256 colours");
    draw_planes();
    show("planes");
    draw_text();
    show("text");
    draw_linear();
    show("linear");
}
