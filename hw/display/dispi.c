/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "hw/display/dispi.h"

#include <string.h>

const PixelFormat *dispi_format(const Dispi *d)
{
    switch (d->reg[DISPI_BPP]) {
    case 15: return d->big_endian ? NULL : &pixels_xrgb1555;
    case 16: return d->big_endian ? NULL : &pixels_rgb565;
    case 24: return d->big_endian ? NULL : &pixels_rgb888;
    case 32: return d->big_endian ? &pixels_bgrx8888 : &pixels_xrgb8888;
    default: return NULL;
    }
}

bool dispi_mode(const Dispi *d, const PixelFormat *format, RamBlock *memory, FramebufferMode *m)
{
    const uint16_t *r = d->reg;
    if (!dispi_is_on(d) || !format) {
        return false;
    }
    uint64_t stride = (uint64_t)MAX(r[DISPI_VIRT_WIDTH], r[DISPI_XRES]) * format->bytes;
    *m = (FramebufferMode){
        .ram = memory,
        .offset = r[DISPI_Y_OFFSET] * stride + (uint64_t)r[DISPI_X_OFFSET] * format->bytes,
        .stride = stride,
        .width = r[DISPI_XRES],
        .height = r[DISPI_YRES],
        .format = format,
    };
    return framebuffer_mode_fits(m);
}

/* Bytes of a row of the virtual width: of 4 bits a pixel, in each of the four planes. */
static uint64_t row_bytes(const Dispi *d)
{
    uint64_t width = MAX(d->reg[DISPI_VIRT_WIDTH], d->reg[DISPI_XRES]);
    return width * ((d->reg[DISPI_BPP] + 7u) / 8) / (d->reg[DISPI_BPP] == 4 ? 2 : 1);
}

uint16_t dispi_read(const Dispi *d, unsigned number, uint64_t memory)
{
    static const uint16_t most[] = {
        [DISPI_XRES] = PICTURE_MAX_SIZE, [DISPI_YRES] = PICTURE_MAX_SIZE, [DISPI_BPP] = 32
    };
    unsigned index = number - 1;
    if (!number) {
        return DISPI_ID;
    }
    if (index >= DISPI_REGS) {
        return index == DISPI_REGS ? MIN(memory / DISPI_BANK_BYTES, UINT16_MAX) : 0;
    }
    if (index <= DISPI_BPP && d->reg[DISPI_ENABLE] & DISPI_GET_CAPS) {
        return most[index];
    }
    if (index == DISPI_VIRT_HEIGHT && dispi_is_on(d) && row_bytes(d)) {
        return MIN(memory / row_bytes(d), UINT16_MAX);
    }
    return d->reg[index];
}

static void start_mode(Dispi *d, RamBlock *memory)
{
    d->reg[DISPI_VIRT_WIDTH] = d->reg[DISPI_XRES];
    d->reg[DISPI_BANK] = d->reg[DISPI_X_OFFSET] = d->reg[DISPI_Y_OFFSET] = 0;
    if (!(d->reg[DISPI_ENABLE] & DISPI_NO_CLEAR)) {
        uint64_t shown = MIN(row_bytes(d) * d->reg[DISPI_YRES], memory->size);
        memset(memory->host, 0, shown);
        ram_mark_written(memory, 0, shown);
    }
}

void dispi_write(Dispi *d, unsigned number, uint16_t value, RamBlock *memory)
{
    bool was_on = dispi_is_on(d);
    if (number && number <= DISPI_REGS) {
        d->reg[number - 1] = value;
    }
    if (!was_on && dispi_is_on(d)) {
        start_mode(d, memory);
    }
}
