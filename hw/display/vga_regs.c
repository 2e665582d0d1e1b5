/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Ports and registers of a VGA: see vga.h. */
#include "hw/display/vga.h"

#include "hw/board.h"

enum { COLOUR = 1 /* of misc: the CRT controller is at 3Dxh */, PROTECTED = 0x80 /* of CR11 */ };
enum { AR_INDEX = 0x1f, AR_ON = 0x20, AR_PALETTE = 16, DAC_WHILE_READING = 3 };

/* Bits that there are. */
static const uint8_t seq_mask[VGA_SEQ_REGS] = { 0x03, 0x3d, 0x0f, 0x3f, 0x0e };
static const uint8_t gr_mask[VGA_GR_REGS] = { 0x0f, 0x0f, 0x0f, 0x1f, 0x03, 0x7b, 0x0f, 0x0f, 0xff };
static const uint8_t cr_mask[VGA_CR_REGS] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f,
                                              0xff, 0x3f, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
                                              0xff, 0xff, 0x7f, 0xff, 0xff, 0xef, 0xff };
static const uint8_t ar_mask[VGA_AR_REGS] = { 0x3f, 0x3f, 0x3f, 0x3f, 0x3f, 0x3f, 0x3f,
                                              0x3f, 0x3f, 0x3f, 0x3f, 0x3f, 0x3f, 0x3f,
                                              0x3f, 0x3f, 0xef, 0xff, 0x3f, 0x0f, 0x0f };

const struct VgaPiece vga_pieces[VGA_PIECES] = {
    { 0x3b4, 2 }, { 0x3ba, 1 }, { 0x3c0, 16 }, { 0x3d4, 2 }, { 0x3da, 1 }
};

/* An indexed register; what is not there reads as 0. */
static uint8_t indexed_read(const uint8_t *regs, unsigned count, unsigned index)
{
    return index < count ? regs[index] : 0;
}

static void indexed_write(uint8_t *regs, const uint8_t *mask, unsigned count, unsigned index, uint8_t value)
{
    if (index < count) {
        regs[index] = value & mask[index];
    }
}

/* ---- the colour table ------------------------------------------------------------- */

static void dac_start(VgaState *s, uint8_t index, bool reading)
{
    *(reading ? &s->dac_read : &s->dac_write) = index;
    s->dac_reading = reading;
    s->dac_part = 0;
}

static uint8_t dac_read(VgaState *s)
{
    uint8_t value = s->dac[3 * s->dac_read + s->dac_part];
    s->dac_part = (s->dac_part + 1) % 3;
    s->dac_read += s->dac_part == 0;
    return value;
}

/* A colour is changed by its third byte. */
static void dac_write(Vga *v, uint8_t value)
{
    VgaState *s = v->s;
    value &= v->dispi->reg[DISPI_ENABLE] & DISPI_8BIT_DAC ? 0xff : 0x3f;
    if (s->dac_part < 2) {
        s->dac_new[s->dac_part++] = value;
        return;
    }
    uint8_t *colour = s->dac + 3 * s->dac_write++;
    colour[0] = s->dac_new[0];
    colour[1] = s->dac_new[1];
    colour[2] = value;
    s->dac_part = 0;
}

/* ---- attributes ---------------------------------------------------------------------- */

/* The palette belongs to the display while that is on. */
static void ar_write(VgaState *s, uint8_t value)
{
    unsigned index = s->ar_index & AR_INDEX;
    if (!s->ar_data) {
        s->ar_index = value & (AR_INDEX | AR_ON);
    } else if (index >= AR_PALETTE || !(s->ar_index & AR_ON)) {
        indexed_write(s->ar, ar_mask, VGA_AR_REGS, index, value);
    }
    s->ar_data = !s->ar_data;
}

/* ---- the CRT controller ---------------------------------------------------------------- */

static void cr_write(VgaState *s, uint8_t value)
{
    enum { OVERFLOW_REG = 7, LAST_PROTECTED = 7, LINE_COMPARE_8 = 0x10, PROTECTION = 0x11 };
    if (s->cr[PROTECTION] & PROTECTED && s->cr_index <= LAST_PROTECTED) {
        if (s->cr_index == OVERFLOW_REG) {
            s->cr[OVERFLOW_REG] = (s->cr[OVERFLOW_REG] & ~LINE_COMPARE_8) | (value & LINE_COMPARE_8);
        }
        return;
    }
    indexed_write(s->cr, cr_mask, VGA_CR_REGS, s->cr_index, value);
}

/* The port without its colour bit (3Bxh or 3Dxh), 0: not one of the controller's, or of the set that is off. */
static unsigned crt_port(const VgaState *s, unsigned port)
{
    bool colour = port >= 0x3d0;
    bool there = (port < 0x3c0 || colour) && colour == (s->misc & COLOUR);
    return there ? port & 0xf : 0;
}

static uint8_t crt_read(Vga *v, unsigned port)
{
    switch (crt_port(v->s, port)) {
    case 0x4: return v->s->cr_index;
    case 0x5: return indexed_read(v->s->cr, VGA_CR_REGS, v->s->cr_index);
    case 0xa: v->s->ar_data = false; return vga_status(v);
    default: return UINT8_MAX;
    }
}

static void crt_write(Vga *v, unsigned port, uint8_t value)
{
    switch (crt_port(v->s, port)) {
    case 0x4: v->s->cr_index = value; break;
    case 0x5: cr_write(v->s, value); break;
    default: break; /* 3xAh: feature control, of a connector that is not there */
    }
}

/* ---- all ports ------------------------------------------------------------------------- */

uint8_t vga_port_read(Vga *v, unsigned port)
{
    VgaState *s = v->s;
    switch (port) {
    case 0x3c0: return s->ar_index;
    case 0x3c1: return indexed_read(s->ar, VGA_AR_REGS, s->ar_index & AR_INDEX);
    case 0x3c2: return 0; /* no interrupt, no switches */
    case 0x3c4: return s->seq_index;
    case 0x3c5: return indexed_read(s->seq, VGA_SEQ_REGS, s->seq_index);
    case 0x3c6: return s->dac_mask;
    case 0x3c7: return s->dac_reading ? DAC_WHILE_READING : 0;
    case 0x3c8: return s->dac_write;
    case 0x3c9: return dac_read(s);
    case 0x3ca: return 0;
    case 0x3cc: return s->misc;
    case 0x3ce: return s->gr_index;
    case 0x3cf: return indexed_read(s->gr, VGA_GR_REGS, s->gr_index);
    default: return crt_read(v, port);
    }
}

void vga_port_write(Vga *v, unsigned port, uint8_t value)
{
    VgaState *s = v->s;
    switch (port) {
    case 0x3c0: ar_write(s, value); break;
    case 0x3c2: s->misc = value & 0xef; break;
    case 0x3c4: s->seq_index = value; break;
    case 0x3c5: indexed_write(s->seq, seq_mask, VGA_SEQ_REGS, s->seq_index, value); break;
    case 0x3c6: s->dac_mask = value; break;
    case 0x3c7: dac_start(s, value, true); break;
    case 0x3c8: dac_start(s, value, false); break;
    case 0x3c9: dac_write(v, value); break;
    case 0x3ce: s->gr_index = value; break;
    case 0x3cf: indexed_write(s->gr, gr_mask, VGA_GR_REGS, s->gr_index, value); break;
    default: crt_write(v, port, value);
    }
    v->all_is_new = true;
}

static BusResult port_read(void *opaque, hwaddr offset, unsigned size, uint64_t *value)
{
    *value = vga_port_read(opaque, VGA_FIRST_PORT + (unsigned)offset);
    return BUS_OK;
}

static BusResult port_write(void *opaque, hwaddr offset, unsigned size, uint64_t value)
{
    vga_port_write(opaque, VGA_FIRST_PORT + (unsigned)offset, (uint8_t)value);
    return BUS_OK;
}

/* What the port is, by its number's last digits. */
static void port_describe(void *opaque, IoTrace *t)
{
    static const char *const names[VGA_PORTS] = {
        [0x04] = "crtc-index",     [0x05] = "crtc",       [0x0a] = "status1",         [0x10] = "attribute",
        [0x11] = "attribute-read", [0x12] = "misc-write", [0x14] = "sequencer-index", [0x15] = "sequencer",
        [0x16] = "dac-mask",       [0x17] = "dac-read",   [0x18] = "dac-write",       [0x19] = "dac",
        [0x1a] = "feature",        [0x1c] = "misc",       [0x1e] = "graphics-index",  [0x1f] = "graphics",
        [0x24] = "crtc-index",     [0x25] = "crtc",       [0x2a] = "status1",
    };
    if (t->offset < VGA_PORTS && names[t->offset]) {
        g_string_append(t->reg, names[t->offset]);
    }
}

const IoOps vga_port_ops = {
    .read = port_read, .write = port_write, .min = 1, .max = 1, .describe = port_describe
};

/* ---- DISPI's ports: number, and data at the next two --------------------------------------- */

static BusResult dispi_port_read(void *opaque, hwaddr offset, unsigned size, uint64_t *value)
{
    const Vga *v = opaque;
    *value = offset ? dispi_read(v->dispi, v->s->dispi_number, v->vram->size) : v->s->dispi_number;
    return BUS_OK;
}

static BusResult dispi_port_write(void *opaque, hwaddr offset, unsigned size, uint64_t value)
{
    Vga *v = opaque;
    if (offset) {
        dispi_write(v->dispi, v->s->dispi_number, (uint16_t)value, v->vram->ram);
        v->all_is_new = true;
    } else {
        v->s->dispi_number = (uint16_t)value;
    }
    return BUS_OK;
}

const IoOps vga_dispi_ops = {
    .read = dispi_port_read, .write = dispi_port_write, .min = 2, .max = 2, .unaligned = true
};

/* ---- life ------------------------------------------------------------------------------ */

void vga_init(Vga *v, const VgaParts *parts)
{
    MemoryOwner *owner = &parts->dev->regions;
    v->dev = parts->dev;
    v->s = parts->state;
    v->dispi = parts->dispi;
    v->vram = parts->vram;
    memory_region_init_io(&v->ports, owner, &vga_port_ops, v, "vga-ports", VGA_PORTS);
    memory_region_allow_late_writes(&v->ports, 0, VGA_PORTS); /* they set registers, no memory */
    memory_region_init_io(&v->dispi_ports, owner, &vga_dispi_ops, v, "vga-dispi", VGA_DISPI_PORTS);
    memory_region_init_io(&v->window, owner, &vga_window_ops, v, "vga-window", VGA_WINDOW_BYTES);
    for (unsigned i = 0; i < VGA_PIECES; i++) {
        memory_region_init_alias(&v->pieces[i], owner, "vga-ports-piece", &v->ports,
                                 vga_pieces[i].port - VGA_FIRST_PORT, vga_pieces[i].size);
    }
    v->dirty = g_new0(unsigned long, v->vram->size / RAM_PAGE / RAM_WORD_BITS + 1);
    v->console = v->fb.console = console_new(parts->dev->machine->consoles, device_user_path(parts->dev), 0,
                                             parts->dev->lock, &vga_console_ops, v);
}

static void region_finish(MemoryRegion *mr)
{
    if (mr->parent) {
        memory_region_remove(mr->parent, mr);
    }
    memory_region_finish(mr);
}

void vga_finish(Vga *v)
{
    vga_draw_stop(v);
    console_free(v->console);
    for (unsigned i = 0; i < VGA_PIECES; i++) {
        region_finish(&v->pieces[i]);
    }
    region_finish(&v->ports);
    region_finish(&v->dispi_ports);
    region_finish(&v->window);
    g_free(v->dirty);
}

void vga_changed(Vga *v)
{
    v->all_is_new = true;
}

/* clang-format off */
#define S VgaState
const Field vga_fields[] = {
    MEMBER_U8(S, misc),
    MEMBER_U8(S, seq_index), MEMBER_U8(S, gr_index), MEMBER_U8(S, cr_index), MEMBER_U8(S, ar_index),
    MEMBER_BOOL(S, ar_data),
    MEMBER_BYTES(S, seq), MEMBER_BYTES(S, gr), MEMBER_BYTES(S, cr), MEMBER_BYTES(S, ar),
    MEMBER_BYTES(S, dac),
    MEMBER_U8(S, dac_mask, .reset = UINT8_MAX), MEMBER_U8(S, dac_read), MEMBER_U8(S, dac_write),
    MEMBER_U8(S, dac_part, .max = 2), MEMBER_BYTES(S, dac_new), MEMBER_BOOL(S, dac_reading),
    MEMBER_U32(S, latch),
    MEMBER_U32(S, dispi_number, .max = UINT16_MAX),
    { 0 },
};
/* clang-format on */
