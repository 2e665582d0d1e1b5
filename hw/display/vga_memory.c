/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The window of a VGA at A0000h: see vga.h.
 *
 * An access means the same byte of the four planes, which are handled as one word of 32 bits. */
#include "hw/display/vga.h"
#include "util/bytes.h"

enum { RAM_ON = 2, ODD_EVEN_PAGE = 0x20 /* of misc */ };
enum { SEQ_MAP_MASK = 2, SEQ_MEMORY = 4, SEQUENTIAL = 4, CHAIN_4 = 8 };
enum { GR_SET = 0, GR_SET_ENABLE, GR_COMPARE, GR_ROTATE, GR_READ_MAP, GR_MODE, GR_MISC, GR_CARE, GR_BITS };
enum { READ_COMPARES = 8, READ_ODD_EVEN = 0x10 /* of GR_MODE */, ODD_EVEN = 2 /* of GR_MISC */ };
enum { EVEN_PLANES = 5, ODD_PLANES = 10, ALL_PLANES = 15 };

/* Bit p of n: all bits of plane p's byte. */
static uint32_t planes(uint8_t n)
{
    return ((n & 15) * 0x00204081u & 0x01010101u) * 0xffu;
}

static uint32_t in_all(uint8_t byte)
{
    return byte * 0x01010101u;
}

/* ---- which byte ------------------------------------------------------------------- */

typedef struct Place {
    uint32_t offset; /* in a plane */
    uint8_t planes;  /* that the address means */
} Place;

/* at: from A0000h on, becomes the place in the window that is set.  False: outside. */
static bool in_window(const Vga *v, hwaddr *at)
{
    static const struct {
        uint32_t start, size;
    } windows[] = { { 0, 0x20000 }, { 0, 0x10000 }, { 0x10000, 0x8000 }, { 0x18000, 0x8000 } };
    unsigned w = v->s->gr[GR_MISC] >> 2 & 3;
    if (!(v->s->misc & RAM_ON) || *at < windows[w].start || *at - windows[w].start >= windows[w].size) {
        return false;
    }
    *at -= windows[w].start;
    return true;
}

/* What stands in for address bit 0 where that picks the plane: in the large window bit 16, in the one of 64 KiB the
 * page of misc (1: the lower one, as all modes of a BIOS have it). */
static unsigned low_bit(const Vga *v, uint32_t at)
{
    switch (v->s->gr[GR_MISC] >> 2 & 3) {
    case 0: return at >> 16 & 1;
    case 1: return !(v->s->misc & ODD_EVEN_PAGE);
    default: return 0;
    }
}

static Place place_of(const Vga *v, uint32_t at, bool by_parity)
{
    uint32_t mask = VGA_PLANE_BYTES - 1, bank = 0;
    if (dispi_is_on(v->dispi)) { /* 4 bits a pixel: planes may be larger than the window */
        bank = v->dispi->reg[DISPI_BANK] * (uint32_t)VGA_PLANE_BYTES;
        mask = (uint32_t)(v->vram->size / 4 - 1);
    }
    if (v->s->seq[SEQ_MEMORY] & CHAIN_4) {
        uint32_t offset = (at & ~3u & (VGA_PLANE_BYTES - 1)) | (at >> 14 & 3); /* as doublewords are shown */
        return (Place){ (bank + offset) & mask, (uint8_t)(1 << (at & 3)) };
    }
    uint32_t offset = v->s->gr[GR_MISC] & ODD_EVEN ? (at & ~1u) | low_bit(v, at) : at;
    return (Place){ (bank + (offset & (VGA_PLANE_BYTES - 1))) & mask, !by_parity ? ALL_PLANES
                                                                      : at & 1   ? ODD_PLANES
                                                                                 : EVEN_PLANES };
}

/* Of a linear mode: the bank's byte; NULL: behind the memory. */
static uint8_t *banked(const Vga *v, hwaddr at)
{
    uint64_t index = v->dispi->reg[DISPI_BANK] * (uint64_t)DISPI_BANK_BYTES + at;
    return at < DISPI_BANK_BYTES && index < v->vram->size ? v->vram->ram->host + index : NULL;
}

/* ---- reading ------------------------------------------------------------------------ */

/* Bits whose pixels have the colour, in the planes that matter. */
static uint8_t compare(const Vga *v)
{
    uint32_t differ = (v->s->latch ^ planes(v->s->gr[GR_COMPARE])) & planes(v->s->gr[GR_CARE]);
    return (uint8_t) ~(differ | differ >> 8 | differ >> 16 | differ >> 24);
}

static uint8_t read_byte(Vga *v, hwaddr at)
{
    if (vga_is_linear(v)) {
        const uint8_t *p = banked(v, at);
        return p ? *p : UINT8_MAX;
    }
    if (!in_window(v, &at)) {
        return UINT8_MAX;
    }
    VgaState *s = v->s;
    bool by_parity = s->gr[GR_MODE] & READ_ODD_EVEN;
    Place where = place_of(v, (uint32_t)at, by_parity);
    s->latch = (uint32_t)load_le(v->vram->ram->host + 4ull * where.offset, 4);
    if (s->gr[GR_MODE] & READ_COMPARES) {
        return compare(v);
    }
    unsigned plane = s->seq[SEQ_MEMORY] & CHAIN_4 ? at & 3
                     : by_parity                  ? (s->gr[GR_READ_MAP] & 2) | (at & 1)
                                                  : s->gr[GR_READ_MAP];
    return (uint8_t)(s->latch >> (8 * (plane & 3)));
}

/* ---- writing ------------------------------------------------------------------------- */

static uint32_t combine(const VgaState *s, uint32_t data)
{
    switch (s->gr[GR_ROTATE] >> 3 & 3) {
    case 1: return data & s->latch;
    case 2: return data | s->latch;
    case 3: return data ^ s->latch;
    default: return data;
    }
}

/* What the four planes would take. */
static uint32_t four_planes(const VgaState *s, uint8_t byte)
{
    unsigned by = s->gr[GR_ROTATE] & 7;
    uint8_t rotated = (uint8_t)(byte >> by | byte << (8 - by));
    uint32_t mask = in_all(s->gr[GR_BITS]), set = planes(s->gr[GR_SET]),
             enabled = planes(s->gr[GR_SET_ENABLE]);
    uint32_t data;
    switch (s->gr[GR_MODE] & 3) {
    case 0: data = combine(s, (in_all(rotated) & ~enabled) | (set & enabled)); break;
    case 1: return s->latch;
    case 2: data = combine(s, planes(byte)); break;
    default:
        data = set;
        mask &= in_all(rotated);
        break;
    }
    return (data & mask) | (s->latch & ~mask);
}

static void write_byte(Vga *v, hwaddr at, uint8_t value)
{
    if (vga_is_linear(v)) {
        uint8_t *p = banked(v, at);
        if (p) {
            *p = value;
            ram_mark_written(v->vram->ram, (uint64_t)(p - v->vram->ram->host), 1);
        }
        return;
    }
    if (!in_window(v, &at)) {
        return;
    }
    const VgaState *s = v->s;
    Place where = place_of(v, (uint32_t)at, !(s->seq[SEQ_MEMORY] & SEQUENTIAL));
    uint32_t written = planes(s->seq[SEQ_MAP_MASK] & where.planes);
    uint8_t *p = v->vram->ram->host + 4ull * where.offset;
    store_le(p, 4, (load_le(p, 4) & ~written) | (four_planes(s, value) & written));
    ram_mark_written(v->vram->ram, 4ull * where.offset, 4);
}

/* ---- the region ---------------------------------------------------------------------- */

static BusResult window_read(void *opaque, hwaddr offset, unsigned size, uint64_t *value)
{
    *value = 0;
    for (unsigned i = 0; i < size; i++) {
        *value |= (uint64_t)read_byte(opaque, offset + i) << (8 * i);
    }
    return BUS_OK;
}

static BusResult window_write(void *opaque, hwaddr offset, unsigned size, uint64_t value)
{
    for (unsigned i = 0; i < size; i++) {
        write_byte(opaque, offset + i, (uint8_t)(value >> (8 * i)));
    }
    return BUS_OK;
}

const IoOps vga_window_ops = {
    .read = window_read, .write = window_write, .min = 1, .max = 8, .unaligned = true
};
