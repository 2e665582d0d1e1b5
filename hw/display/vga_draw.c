/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Dots and colours of what a VGA shows: see vga.h.
 *
 * A picture is drawn when registers, what blinks, or pages of video memory have changed; and of what is drawn, rows
 * that are as before are no damage. */
#include "hw/display/vga.h"

#include <string.h>

#include "accel/accel.h"
#include "hw/board.h"

enum { MOST_DOTS = (256 + 2) * 9, SEQ_MAPS = 3, SEQ_MEMORY = 4, MORE_MEMORY = 2, GR_MODE = 5 };
enum { AR_MODE = 0x10, AR_OVERSCAN, AR_PLANES, AR_PAN, AR_HIGH, AR_ON = 0x20 };
enum { LINE_GRAPHICS = 4, BLINKS = 8, PAIRS = 0x40, HIGH_BITS = 0x80 /* of AR_MODE */ };
enum { GLYPH_BYTES = 32 };

typedef struct Colours {
    uint32_t dot[16];            /* of four planes' bits */
    uint8_t nibble[16];          /* half of what two dots mean */
    uint32_t index[VGA_COLOURS]; /* of the colour table, masked */
} Colours;

typedef struct Drawing {
    Vga *v;
    VgaScan scan;
    Colours colours;
    unsigned phase;
    uint32_t *row; /* of the picture, that is being made */
    uint8_t *dots; /* of it: bits of the four planes */
    const uint8_t *vram;
} Drawing;

/* ---- colours --------------------------------------------------------------------- */

static uint32_t dac_colour(const Vga *v, uint8_t index)
{
    const uint8_t *c = v->s->dac + 3 * (index & v->s->dac_mask);
    bool wide = v->dispi->reg[DISPI_ENABLE] & DISPI_8BIT_DAC;
    uint32_t rgb = 0;
    for (unsigned i = 0; i < 3; i++) { /* full of 6 bits is full of 8 */
        rgb = rgb << 8 | (wide ? c[i] : (c[i] & 0x3fu) << 2 | (c[i] >> 4 & 3));
    }
    return rgb;
}

static void colours_make(const Vga *v, Colours *to)
{
    const VgaState *s = v->s;
    for (unsigned i = 0; i < 16; i++) {
        uint8_t c = s->ar[i & s->ar[AR_PLANES]];
        to->nibble[i] = c & 15;
        if (s->ar[AR_MODE] & HIGH_BITS) {
            c = (c & 15) | (s->ar[AR_HIGH] & 3) << 4;
        }
        to->dot[i] = dac_colour(v, (uint8_t)(c | (s->ar[AR_HIGH] & 12) << 4));
    }
    for (unsigned i = 0; i < VGA_COLOURS; i++) {
        to->index[i] = dac_colour(v, (uint8_t)i);
    }
}

/* ---- dots of a character ------------------------------------------------------------ */

static void dots_planar(const uint8_t *four, uint8_t *to)
{
    for (unsigned i = 0; i < 8; i++) {
        unsigned at = 7 - i;
        to[i] = (uint8_t)((four[0] >> at & 1) | (four[1] >> at & 1) << 1 | (four[2] >> at & 1) << 2 |
                          (four[3] >> at & 1) << 3);
    }
}

/* CGA: two bits a dot from planes 0 and 2, then from 1 and 3. */
static void dots_pairs(const uint8_t *four, uint8_t *to)
{
    for (unsigned i = 0; i < 8; i++) {
        unsigned at = 6 - 2 * (i & 3), plane = i >> 2;
        to[i] = (uint8_t)((four[plane] >> at & 3) | (four[plane + 2] >> at & 3) << 2);
    }
}

static void dots_nibbles(const uint8_t *four, uint8_t *to)
{
    for (unsigned i = 0; i < 8; i++) {
        to[i] = i & 1 ? four[i >> 1] & 15 : four[i >> 1] >> 4;
    }
}

static void graphics_line(const Drawing *d, const VgaLine *l)
{
    unsigned mode = d->v->s->gr[GR_MODE] >> 5 & 3, dots = d->scan.dots;
    bool flipped = d->v->s->ar[AR_MODE] & BLINKS && d->phase & VGA_BLINK_OFF;
    for (unsigned i = 0; i <= d->scan.chars; i++) {
        const uint8_t *four = d->vram + vga_address(d->v, &d->scan, l, i);
        uint8_t *to = d->dots + (size_t)i * dots;
        (mode & 2 ? dots_nibbles : mode ? dots_pairs : dots_planar)(four, to);
        for (unsigned n = 0; n < 8 && flipped; n++) { /* what blinks in graphics is plane 3 */
            to[n] ^= 8;
        }
        if (dots == 9) {
            to[8] = 0;
        }
    }
}

/* ---- text ------------------------------------------------------------------------- */

/* The font of characters whose attribute has bit 3 clear, or set: its place in plane 2. */
static uint32_t font_at(const VgaState *s, bool second)
{
    uint8_t maps = s->seq[SEQ_MEMORY] & MORE_MEMORY ? s->seq[SEQ_MAPS] : 0;
    unsigned map = second ? (maps >> 2 & 3) | (maps >> 5 & 1) << 2 : (maps & 3) | (maps >> 4 & 1) << 2;
    return (map & 3) * 0x4000 + (map >> 2) * 0x2000;
}

static bool has_cursor(const Drawing *d, const VgaLine *l, unsigned character)
{
    const uint8_t *cr = d->v->s->cr;
    unsigned at = cr[0xe] << 8 | cr[0xf], skew = cr[0xb] >> 5 & 3;
    bool off = cr[0xa] & 0x20 || d->phase & VGA_CURSOR_OFF;
    return !off && l->row_scan >= (cr[0xa] & 0x1f) && l->row_scan <= (cr[0xb] & 0x1f) && character >= skew &&
           vga_counter(&d->scan, l, character - skew) == at;
}

/* The glyph's row, as dots from the highest bit down: nine where there are nine. */
static unsigned glyph_row(const Drawing *d, const VgaLine *l, uint8_t code, uint8_t attribute)
{
    const VgaState *s = d->v->s;
    uint32_t at = font_at(s, attribute & 8) + code * GLYPH_BYTES + l->row_scan;
    unsigned bits = d->vram[4ull * at + 2] << 1;
    bool joined = s->ar[AR_MODE] & LINE_GRAPHICS && code >= 0xc0 && code <= 0xdf;
    return bits | (joined ? bits >> 1 & 1 : 0);
}

static void text_character(const Drawing *d, const VgaLine *l, unsigned character, uint8_t *to)
{
    enum { UNDERLINED = 1, UNDERLINE_BITS = 0x77, ALL_DOTS = 0x1ff };
    const VgaState *s = d->v->s;
    const uint8_t *four = d->vram + vga_address(d->v, &d->scan, l, character);
    uint8_t code = four[0], attribute = four[1];
    bool blinks = s->ar[AR_MODE] & BLINKS;
    uint8_t fore = attribute & 15, back = blinks ? attribute >> 4 & 7 : attribute >> 4;
    unsigned bits = glyph_row(d, l, code, attribute);
    if ((attribute & UNDERLINE_BITS) == UNDERLINED && l->row_scan == (s->cr[0x14] & 0x1f)) {
        bits = ALL_DOTS;
    }
    if (blinks && attribute & 0x80 && d->phase & VGA_BLINK_OFF) {
        bits = 0;
    }
    if (has_cursor(d, l, character)) {
        bits = ALL_DOTS;
    }
    for (unsigned i = 0; i < d->scan.dots; i++) {
        to[i] = bits >> (8 - i) & 1 ? fore : back;
    }
}

static void text_line(const Drawing *d, const VgaLine *l)
{
    for (unsigned i = 0; i <= d->scan.chars; i++) {
        text_character(d, l, i, d->dots + (size_t)i * d->scan.dots);
    }
}

/* ---- a row of the picture ------------------------------------------------------------- */

static void row_of_dots(const Drawing *d, const uint8_t *dots)
{
    const Colours *c = &d->colours;
    bool pairs = d->v->s->ar[AR_MODE] & PAIRS;
    for (unsigned x = 0; x < d->scan.width; x++) {
        unsigned at = d->scan.repeat == 2 ? x / 2 : x;
        d->row[x] =
            pairs ? c->index[c->nibble[dots[at & ~1u]] << 4 | c->nibble[dots[at | 1]]] : c->dot[dots[at]];
    }
}

static void row_of_indices(const Drawing *d, unsigned y)
{
    const uint8_t *from = d->vram + d->scan.mode.offset + y * d->scan.mode.stride;
    for (unsigned x = 0; x < d->scan.width; x++) {
        d->row[x] = d->colours.index[from[x]];
    }
}

/* The palette is the CPU's: all is border.  Else the beam is off. */
static void row_of_border(const Drawing *d)
{
    const VgaState *s = d->v->s;
    uint32_t colour =
        s->ar_index & AR_ON || dispi_is_on(d->v->dispi) ? 0 : dac_colour(d->v, s->ar[AR_OVERSCAN]);
    for (unsigned x = 0; x < d->scan.width; x++) {
        d->row[x] = colour;
    }
}

static void make_row(const Drawing *d, const VgaLine *l)
{
    switch (d->scan.kind) {
    case VGA_INDEXED: row_of_indices(d, l->y); return;
    case VGA_TEXT: text_line(d, l); break;
    case VGA_PLANES: graphics_line(d, l); break;
    default: row_of_border(d); return;
    }
    row_of_dots(d, d->dots + l->pan);
}

/* ---- the picture ------------------------------------------------------------------- */

/* Rows from `first` on, up to that before `end`, have changed. */
static void show_rows(const Vga *v, unsigned first, unsigned end)
{
    PictureRect r = { 0, first, v->picture.width, end - first };
    console_draw(v->console, &r, picture_row(&v->picture, first), v->picture.width * sizeof(uint32_t), NULL);
}

static void draw_rows(Drawing *d)
{
    Picture *p = &d->v->picture;
    unsigned first = 0, end = 0; /* of a stretch that has changed */
    VgaLine l;
    for (vga_line_first(&d->scan, &l); l.y < p->height; vga_line_next(&d->scan, &l)) {
        make_row(d, &l);
        if (!memcmp(d->row, picture_row(p, l.y), p->width * sizeof(uint32_t))) {
            continue;
        }
        memcpy(picture_row(p, l.y), d->row, p->width * sizeof(uint32_t));
        if (end != l.y && end > first) {
            show_rows(d->v, first, end);
        }
        first = end == l.y && end > first ? first : l.y;
        end = l.y + 1;
    }
    if (end > first) {
        show_rows(d->v, first, end);
    }
}

static void draw(Vga *v, const VgaScan *sc)
{
    g_autofree uint32_t *row = g_new(uint32_t, sc->width);
    g_autofree uint8_t *dots = g_new(uint8_t, MAX(MOST_DOTS, sc->width + 32));
    Drawing d = {
        .v = v, .scan = *sc, .phase = v->phase, .row = row, .dots = dots, .vram = v->vram->ram->host
    };
    colours_make(v, &d.colours);
    draw_rows(&d);
}

/* ---- when -------------------------------------------------------------------------- */

static void follow(Vga *v, bool wanted)
{
    if (wanted && !v->follows) {
        ram_dirty_start(v->vram->ram, RAM_DIRTY_DISPLAY);
    } else if (!wanted && v->follows) {
        ram_dirty_stop(v->vram->ram, RAM_DIRTY_DISPLAY);
    }
    v->follows = wanted;
}

static void set_size(Vga *v, unsigned width, unsigned height)
{
    if (v->picture.width != width || v->picture.height != height) {
        picture_clear(&v->picture);
        picture_init(&v->picture, width, height);
        console_set_size(v->console, width, height);
        v->all_is_new = true;
    }
}

static bool has_changed(Vga *v)
{
    unsigned phase = vga_phase(v);
    bool changed = v->all_is_new || !v->follows || phase != v->phase;
    uint64_t dirty =
        v->follows ? ram_dirty_take(v->vram->ram, RAM_DIRTY_DISPLAY, 0, v->vram->size, v->dirty) : 1;
    v->phase = phase;
    v->all_is_new = false;
    return changed || dirty;
}

static void refresh_direct(Vga *v, const VgaScan *sc)
{
    follow(v, false);
    picture_clear(&v->picture);
    framebuffer_show(&v->fb, &sc->mode);
    framebuffer_refresh(&v->fb);
}

static void console_refresh_vga(void *opaque)
{
    Vga *v = opaque;
    VgaScan sc;
    vga_scan(v, &sc);
    if (sc.kind == VGA_DIRECT) {
        refresh_direct(v, &sc);
        return;
    }
    framebuffer_show(&v->fb, NULL);
    follow(v, v->watched && sc.kind != VGA_NOTHING);
    set_size(v, sc.width, sc.height);
    if (sc.kind != VGA_NOTHING && has_changed(v)) {
        draw(v, &sc);
    }
}

static void console_watched_vga(void *opaque, bool watched)
{
    Vga *v = opaque;
    v->watched = watched;
    v->all_is_new = true; /* what changed while nobody watched is in no bitmap */
    if (!watched) {
        follow(v, false);
    }
    framebuffer_watched(&v->fb, watched);
}

static void console_prepare_vga(void *opaque)
{
    const Vga *v = opaque;
    accel_catch_up(v->dev->machine->accel);
}

const ConsoleOps vga_console_ops = { .prepare = console_prepare_vga,
                                     .refresh = console_refresh_vga,
                                     .watched = console_watched_vga };

void vga_draw_stop(Vga *v)
{
    follow(v, false);
    framebuffer_show(&v->fb, NULL);
    picture_clear(&v->picture);
}
