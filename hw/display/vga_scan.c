/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a VGA shows: sizes, the walk through memory line by line, and where the beam is: see vga.h. */
#include "hw/display/vga.h"

#include "base/clock.h"

enum { SEQ_RUN = 3, SEQ_CLOCKING = 1, EIGHT_DOTS = 1, HALF_CLOCK = 8, SCREEN_OFF = 0x20 };
enum { AR_ON = 0x20, AR_MODE = 0x10, AR_PAN = 0x13, GRAPHICS = 1, PAN_ENDS = 0x20, PAIRS = 0x40 };
enum {
    CR_ADDRESS_LINE_13 = 1,
    CR_HALVED = 4,
    CR_COUNT_BY_2 = 8,
    CR_WRAP_15 = 0x20,
    CR_BYTES = 0x40,
    CR_RUN = 0x80
};
enum { COUNT_BY_4 = 0x20, DOUBLEWORDS = 0x40 /* of CR14 */, DOUBLED = 0x80 /* of CR9 */ };

/* 8 bits of a register, and two of its further ones in others. */
static unsigned ten_bits(const uint8_t *cr, unsigned low, unsigned bit8, unsigned bit9)
{
    return low | (bit8 ? 0x100 : 0) | (bit9 ? 0x200 : 0);
}

static unsigned lines_shown(const uint8_t *cr)
{
    return ten_bits(cr, cr[0x12], cr[7] & 2, cr[7] & 0x40) + 1;
}

static bool is_graphics(const Vga *v)
{
    return v->s->ar[AR_MODE] & GRAPHICS;
}

/* ---- sizes ---------------------------------------------------------------------- */

static VgaAddressing addressing_of(const uint8_t *cr)
{
    return cr[0x14] & DOUBLEWORDS  ? VGA_DOUBLEWORDS
           : cr[0x17] & CR_BYTES   ? VGA_BYTES
           : cr[0x17] & CR_WRAP_15 ? VGA_WORDS_15
                                   : VGA_WORDS_13;
}

/* Nine dots: 8 is no shift, 0 to 7 are 1 to 8.  Where two dots make a pixel, whole pixels. */
static unsigned pan_of(const Vga *v, unsigned dots)
{
    unsigned pan = v->s->ar[AR_PAN];
    if (v->s->ar[AR_MODE] & PAIRS) {
        return pan & 6;
    }
    return dots == 9 ? (pan >= 8 ? 0 : pan + 1) : pan & 7;
}

/* By the registers of the CRT controller. */
static void scan_of_crt(const Vga *v, VgaScan *sc)
{
    const VgaState *s = v->s;
    const uint8_t *cr = s->cr;
    sc->halved = cr[0x17] & CR_HALVED ? 1 : 0;
    sc->chars = cr[1] + 1u;
    sc->dots = s->seq[SEQ_CLOCKING] & EIGHT_DOTS ? 8 : 9;
    sc->repeat = s->seq[SEQ_CLOCKING] & HALF_CLOCK ? 2 : 1;
    sc->width = sc->chars * sc->dots * sc->repeat;
    sc->height = lines_shown(cr) << sc->halved;
    sc->addressing = addressing_of(cr);
    sc->count_shift = cr[0x14] & COUNT_BY_4 ? 2 : cr[0x17] & CR_COUNT_BY_2 ? 1 : 0;
    sc->start = cr[0xc] << 8 | cr[0xd];
    sc->pitch = 2u * cr[0x13];
    sc->preset = cr[8] & 0x1f;
    sc->byte_pan = cr[8] >> 5 & 3;
    sc->last_scan = cr[9] & 0x1f;
    sc->doubled = cr[9] & DOUBLED;
    sc->line_compare = ten_bits(cr, cr[0x18], cr[7] & 0x10, cr[9] & 0x40);
    sc->pan = pan_of(v, sc->dots);
    sc->pan_ends_at_split = s->ar[AR_MODE] & PAN_ENDS;
    sc->kind = is_graphics(v) ? VGA_PLANES : VGA_TEXT;
}

/* DISPI's 4 bits a pixel: planes without a limit of 64 KiB. */
static void scan_of_planes(const Vga *v, VgaScan *sc)
{
    const uint16_t *r = v->dispi->reg;
    uint64_t pitch = MAX(r[DISPI_VIRT_WIDTH], r[DISPI_XRES]) / 8;
    uint64_t end = (r[DISPI_Y_OFFSET] + (uint64_t)r[DISPI_YRES]) * pitch + r[DISPI_X_OFFSET] / 8 + 1;
    if (!r[DISPI_XRES] || !r[DISPI_YRES] || r[DISPI_XRES] > PICTURE_MAX_SIZE || end > v->vram->size / 4) {
        return;
    }
    *sc = (VgaScan){
        .kind = VGA_PLANES,
        .width = r[DISPI_XRES],
        .height = r[DISPI_YRES],
        .chars = (r[DISPI_XRES] + 7u) / 8,
        .dots = 8,
        .repeat = 1,
        .addressing = VGA_FLAT,
        .start = (uint32_t)(r[DISPI_Y_OFFSET] * pitch + r[DISPI_X_OFFSET] / 8),
        .pitch = (uint32_t)pitch,
        .pan = r[DISPI_X_OFFSET] & 7,
        .line_compare = UINT32_MAX,
    };
}

static void scan_of_dispi(const Vga *v, VgaScan *sc)
{
    static const PixelFormat indexed = { .bytes = 1 };
    unsigned bits = v->dispi->reg[DISPI_BPP];
    if (bits == 4) {
        scan_of_planes(v, sc);
    } else if (dispi_mode(v->dispi, bits == 8 ? &indexed : dispi_format(v->dispi), v->vram->ram, &sc->mode)) {
        sc->kind = bits == 8 ? VGA_INDEXED : VGA_DIRECT;
        sc->width = sc->mode.width;
        sc->height = sc->mode.height;
    }
}

/* A linear mode needs no more than that the palette is given to the display: drivers without a BIOS set no more. */
void vga_scan(const Vga *v, VgaScan *sc)
{
    const VgaState *s = v->s;
    bool linear = dispi_is_on(v->dispi), on = s->ar_index & AR_ON;
    *sc = (VgaScan){ .kind = VGA_NOTHING };
    if (linear) {
        scan_of_dispi(v, sc);
    } else if (s->cr[0x17] & CR_RUN) {
        scan_of_crt(v, sc);
        on = on && (s->seq[0] & SEQ_RUN) == SEQ_RUN && !(s->seq[SEQ_CLOCKING] & SCREEN_OFF);
    }
    if (sc->kind != VGA_NOTHING && !on) {
        sc->kind = VGA_BLANK;
    }
}

/* ---- the walk -------------------------------------------------------------------- */

void vga_line_first(const VgaScan *sc, VgaLine *l)
{
    *l = (VgaLine){ .row = sc->start, .row_scan = sc->preset, .pan = sc->pan, .byte_pan = sc->byte_pan };
}

/* Below the split the memory's front is shown, from a row's first line on. */
static void split(const VgaScan *sc, VgaLine *l)
{
    l->row = l->row_scan = 0;
    l->again = false;
    if (sc->pan_ends_at_split) {
        l->pan = l->byte_pan = 0;
    }
}

void vga_line_next(const VgaScan *sc, VgaLine *l)
{
    unsigned count = l->y++ >> sc->halved;
    if (count == sc->line_compare && l->y >> sc->halved != count) {
        split(sc, l);
    } else if (sc->doubled && !l->again) {
        l->again = true;
    } else {
        bool last = l->row_scan == sc->last_scan;
        l->again = false;
        l->row += last ? sc->pitch : 0;
        l->row_scan = last ? 0 : (l->row_scan + 1) & 0x1f;
    }
}

uint32_t vga_counter(const VgaScan *sc, const VgaLine *l, unsigned character)
{
    uint32_t c = l->row + l->byte_pan + (character >> sc->count_shift);
    return sc->addressing == VGA_FLAT ? c : c & 0xffff;
}

static uint32_t plane_offset(const VgaScan *sc, uint32_t c)
{
    switch (sc->addressing) {
    case VGA_WORDS_13: return c * 2 | (c >> 13 & 1);
    case VGA_WORDS_15: return c * 2 | (c >> 15 & 1);
    case VGA_DOUBLEWORDS: return c * 4 | (c >> 12 & 3);
    default: return c;
    }
}

/* CR17's lowest bits, when clear, put the row scan's into the address: even and odd lines of CGA. */
uint64_t vga_address(const Vga *v, const VgaScan *sc, const VgaLine *l, unsigned character)
{
    uint32_t at = plane_offset(sc, vga_counter(sc, l, character));
    if (sc->addressing == VGA_FLAT) {
        return 4ull * at & (v->vram->size - 1);
    }
    for (unsigned bit = 0; bit < 2; bit++) {
        if (!(v->s->cr[0x17] >> bit & CR_ADDRESS_LINE_13)) {
            at = (at & ~(0x2000u << bit)) | (l->row_scan >> bit & 1) << (13 + bit);
        }
    }
    return 4ull * (at & (VGA_PLANE_BYTES - 1));
}

/* ---- time ----------------------------------------------------------------------- */

/* A frame, in dots of the master clock. */
typedef struct Beam {
    uint64_t frame;
    unsigned line, character;
} Beam;

static Beam beam_of(const Vga *v)
{
    const uint8_t *cr = v->s->cr;
    unsigned hz = v->s->misc >> 2 & 3 ? 28322000 : 25175000;
    unsigned dots = (v->s->seq[SEQ_CLOCKING] & EIGHT_DOTS ? 8 : 9)
                    << (v->s->seq[SEQ_CLOCKING] & HALF_CLOCK ? 1 : 0);
    unsigned line = (cr[0] + 5u) * dots;
    unsigned lines = ten_bits(cr, cr[6], cr[7] & 1, cr[7] & 0x20) + 2;
    unsigned __int128 ns = (uint64_t)clock_get_ns(device_clock(v->dev), CLK_VIRTUAL);
    uint64_t at = (uint64_t)(ns * hz / 1000000000u), in_frame = at % ((uint64_t)line * lines);
    return (Beam){ at / ((uint64_t)line * lines), (unsigned)(in_frame / line),
                   (unsigned)(in_frame % line / dots) };
}

/* The cursor is there for 8 frames of 16, what blinks for 16 of 32. */
unsigned vga_phase(const Vga *v)
{
    uint64_t frame = beam_of(v).frame;
    return (frame & 8 ? VGA_CURSOR_OFF : 0) | (frame & 16 ? VGA_BLINK_OFF : 0);
}

uint8_t vga_status(const Vga *v)
{
    enum { NOT_DISPLAYED = 1, VERTICAL_RETRACE = 8 };
    const uint8_t *cr = v->s->cr;
    Beam beam = beam_of(v);
    unsigned retrace = ten_bits(cr, cr[0x10], cr[7] & 4, cr[7] & 0x80);
    unsigned lines = (cr[0x11] - retrace) & 15; /* its end is given by its lowest bits */
    bool shown = beam.line < lines_shown(cr) && beam.character <= cr[1];
    bool back = beam.line >= retrace && beam.line < retrace + (lines ? lines : 16);
    return (shown ? 0 : NOT_DISPLAYED) | (back ? VERTICAL_RETRACE : 0);
}
