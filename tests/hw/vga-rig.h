/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A VGA on the bench, driven as a guest does. */
#pragma once
#include "bench.h"
#include "hw/display/vga.h"

enum { PLANE = 0x10000, SEQ = 0x3c4, GR = 0x3ce, CR = 0x3d4 };

/* Registers, as a BIOS leaves them. */
typedef struct Mode {
    uint8_t misc, seq[5], cr[25], gr[9], ar[21];
} Mode;
extern const Mode mode_01, mode_03, mode_04, mode_0d, mode_12, mode_13;

typedef struct Card {
    Bench b;
    Device *dev;
    Console *console;
    MemoryRegion pci_ports;
    hwaddr ports, window, mmio; /* of port 0; of address 0; BAR 2 */
    RamBlock *vram_block;
    uint8_t *vram;            /* its bytes */
    uint8_t planes[4][PLANE]; /* what should be in them */
    uint8_t latch[4];
    GRand *rnd;
    Mode mode;
} Card;

Card *card_open(void);
void card_close(Card *c);
void card_set(Card *c, const Mode *m); /* with a colour table of our own */

void out(Card *c, unsigned port, uint8_t value);
uint8_t in(Card *c, unsigned port);
void set(Card *c, unsigned port, uint8_t index, uint8_t value);
void set_ar(Card *c, uint8_t index, uint8_t value);
void set_cr(Card *c, uint8_t index, uint8_t value); /* in c->mode, too */
void dispi(Card *c, unsigned number, uint16_t value);

/* Fill all planes, behind the back of the device's window. */
void fill_planes(Card *c);
uint32_t rgb(unsigned colour); /* as the colour table has it */

typedef uint32_t PixelFn(const Card *c, unsigned x, unsigned y);
void expect_picture(Card *c, unsigned width, unsigned height, PixelFn *want);
