/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Bochs' display interface (DISPI): eleven registers of 16 bits that set a linear mode.
 * Spec: Bochs' VBE display API, 0xb0c5.
 *
 * Registers keep what was written, as drivers set them one by one; a mode that does not fit into the memory shows
 * nothing. */
#pragma once
#include "hw/display/framebuffer.h"

/* By their numbers, less one: number 0 is the identity. */
enum {
    DISPI_XRES,
    DISPI_YRES,
    DISPI_BPP,
    DISPI_ENABLE,
    DISPI_BANK,
    DISPI_VIRT_WIDTH,
    DISPI_VIRT_HEIGHT,
    DISPI_X_OFFSET,
    DISPI_Y_OFFSET,
    DISPI_REGS
};
/* Of DISPI_ENABLE */
enum {
    DISPI_ENABLED = 1,
    DISPI_GET_CAPS = 2,
    DISPI_8BIT_DAC = 0x20,
    DISPI_LFB = 0x40,
    DISPI_NO_CLEAR = 0x80
};
enum { DISPI_ID = 0xb0c5, DISPI_BANK_BYTES = 64 << 10, DISPI_NUMBERS = DISPI_REGS + 2 };

typedef struct Dispi {
    uint16_t reg[DISPI_REGS];
    bool big_endian; /* pixels of 32 bits */
} Dispi;

/* By number, 0 to 10; memory: bytes of it. */
uint16_t dispi_read(const Dispi *d, unsigned number, uint64_t memory);
/* Enabled anew, a mode starts at the memory's front, with rows as long as they are wide, and black (the shown part of
 * the memory is cleared, unless asked not to). */
void dispi_write(Dispi *d, unsigned number, uint16_t value, RamBlock *memory);

static inline bool dispi_is_on(const Dispi *d)
{
    return d->reg[DISPI_ENABLE] & DISPI_ENABLED;
}
/* Of 15 bits a pixel and more; NULL: none. */
const PixelFormat *dispi_format(const Dispi *d);
/* What is shown, of pixels of this format; false: it is off, or does not fit. */
bool dispi_mode(const Dispi *d, const PixelFormat *format, RamBlock *memory, FramebufferMode *m);
