/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See vga-rig.h. */
#include "vga-rig.h"

#include <string.h>

#include "hw/display/display.h"

/* clang-format off */
#define EGA 0, 1, 2, 3, 4, 5, 0x14, 7, 0x38, 0x39, 0x3a, 0x3b, 0x3c, 0x3d, 0x3e, 0x3f
#define STRAIGHT 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
const Mode mode_03 = { 0x67, { 3, 0, 3, 0, 2 },
    { 0x5f, 0x4f, 0x50, 0x82, 0x55, 0x81, 0xbf, 0x1f, 0, 0x4f, 0x0d, 0x0e, 0, 0, 0, 0, 0x9c, 0x8e, 0x8f, 0x28, 0x1f, 0x96, 0xb9, 0xa3, 0xff },
    { 0, 0, 0, 0, 0, 0x10, 0x0e, 0x0f, 0xff }, { EGA, 0x0c, 0, 0x0f, 8, 0 } };
const Mode mode_01 = { 0x67, { 3, 8, 3, 0, 2 },
    { 0x2d, 0x27, 0x28, 0x90, 0x2b, 0xa0, 0xbf, 0x1f, 0, 0x4f, 0x0d, 0x0e, 0, 0, 0, 0, 0x9c, 0x8e, 0x8f, 0x14, 0x1f, 0x96, 0xb9, 0xa3, 0xff },
    { 0, 0, 0, 0, 0, 0x10, 0x0e, 0x0f, 0xff }, { EGA, 0x0c, 0, 0x0f, 8, 0 } };
const Mode mode_04 = { 0x63, { 3, 9, 3, 0, 2 },
    { 0x2d, 0x27, 0x28, 0x90, 0x2b, 0x80, 0xbf, 0x1f, 0, 0xc1, 0, 0, 0, 0, 0, 0, 0x9c, 0x8e, 0x8f, 0x14, 0, 0x96, 0xb9, 0xa2, 0xff },
    { 0, 0, 0, 0, 0, 0x30, 0x0f, 0x0f, 0xff }, { 0, 0x13, 0x15, 0x17, 2, 4, 6, 7, 0x10, 0x11, 0x12, 0x13, 0x14, 0x15, 0x16, 0x17, 1, 0, 3, 0, 0 } };
const Mode mode_0d = { 0x63, { 3, 9, 15, 0, 6 },
    { 0x2d, 0x27, 0x28, 0x90, 0x2b, 0x80, 0xbf, 0x1f, 0, 0xc0, 0, 0, 0, 0, 0, 0, 0x9c, 0x8e, 0x8f, 0x14, 0, 0x96, 0xb9, 0xe3, 0xff },
    { 0, 0, 0, 0, 0, 0, 5, 15, 0xff }, { EGA, 1, 0, 15, 0, 0 } };
const Mode mode_12 = { 0xe3, { 3, 1, 15, 0, 6 },
    { 0x5f, 0x4f, 0x50, 0x82, 0x54, 0x80, 0x0b, 0x3e, 0, 0x40, 0, 0, 0, 0, 0, 0, 0xea, 0x8c, 0xdf, 0x28, 0, 0xe7, 4, 0xe3, 0xff },
    { 0, 0, 0, 0, 0, 0, 5, 15, 0xff }, { EGA, 1, 0, 15, 0, 0 } };
const Mode mode_13 = { 0x63, { 3, 1, 15, 0, 0x0e },
    { 0x5f, 0x4f, 0x50, 0x82, 0x54, 0x80, 0xbf, 0x1f, 0, 0x41, 0, 0, 0, 0, 0, 0, 0x9c, 0x8e, 0x8f, 0x28, 0x40, 0x96, 0xb9, 0xa3, 0xff },
    { 0, 0, 0, 0, 0, 0x40, 5, 15, 0xff }, { STRAIGHT, 0x41, 0, 15, 0, 0 } };
/* clang-format on */

/* ---- the device ------------------------------------------------------------------- */

static void find_vram(MemoryRegion *mr, void *opaque)
{
    Card *c = opaque;
    if (mr->ram) {
        c->vram_block = mr->ram;
        c->vram = mr->ram->host;
    }
}

static hwaddr window_named(const Card *c, const char *name)
{
    for (guint i = 0; i < c->b.windows->len; i++) {
        const FlatRange *r = &g_array_index(c->b.windows, FlatRange, i);
        if (!strcmp(r->mr->name, name)) {
            return r->start;
        }
    }
    g_assert_not_reached();
}

/* The ports of the bus, as a board shows them; the window at A0000h, which only a PC has, is where the bench has put it. */
enum { PCI_PORTS = 0x900000 };

static void map_functions(Card *c)
{
    PCIDevice *d = container_of(c->dev, PCIDevice, dev);
    memory_region_init_alias(&c->pci_ports, NULL, "pci-ports", &d->host->ports, 0, MACHINE_PORTS);
    memory_region_add(&c->b.m.system, PCI_PORTS, &c->pci_ports, 0);
    c->ports = PCI_PORTS;
    c->mmio = window_named(c, "VGA-mmio");
    c->window = window_named(c, "vga-window") - VGA_WINDOW;
}

Card *card_open(void)
{
    Card *c = g_new0(Card, 1);
    bench_open(&c->b);
    c->dev = bench_device(&c->b, &vga_pci_class);
    c->console = consoles_find(c->b.m.consoles, c->dev->path, 0);
    memory_region_foreach_owned(&c->dev->regions, find_vram, c);
    map_functions(c);
    c->rnd = g_rand_new_with_seed(5);
    return c;
}

void card_close(Card *c)
{
    g_rand_free(c->rnd);
    memory_region_remove(&c->b.m.system, &c->pci_ports);
    memory_region_finish(&c->pci_ports);
    bench_close(&c->b);
    g_free(c);
}

void out(Card *c, unsigned port, uint8_t value)
{
    bench_write(&c->b, c->ports + port, 1, value);
}

uint8_t in(Card *c, unsigned port)
{
    return (uint8_t)bench_read(&c->b, c->ports + port, 1);
}

void set(Card *c, unsigned port, uint8_t index, uint8_t value)
{
    out(c, port, index);
    out(c, port + 1, value);
}

void set_ar(Card *c, uint8_t index, uint8_t value)
{
    in(c, 0x3da);
    out(c, 0x3c0, index);
    out(c, 0x3c0, value);
    out(c, 0x3c0, 0x20);
}

void set_cr(Card *c, uint8_t index, uint8_t value)
{
    c->mode.cr[index] = value;
    set(c, CR, index, value);
}

void dispi(Card *c, unsigned number, uint16_t value)
{
    bench_write(&c->b, c->ports + VGA_DISPI_PORT, 2, number);
    bench_write(&c->b, c->ports + VGA_DISPI_PORT + 2, 2, value);
}

/* Red, green and blue of a colour of the table, 6 bits each. */
static unsigned part_of(unsigned colour, unsigned i)
{
    return (colour * (7 - 2 * i) + 11 * i) & 63;
}

void card_set(Card *c, const Mode *m)
{
    c->mode = *m;
    out(c, 0x3c2, m->misc);
    for (unsigned i = 0; i < 5; i++) {
        set(c, SEQ, i, m->seq[i]);
    }
    set(c, CR, 0x11, 0);
    for (unsigned i = 0; i < 25; i++) {
        set(c, CR, i, m->cr[i]);
    }
    for (unsigned i = 0; i < 9; i++) {
        set(c, GR, i, m->gr[i]);
    }
    in(c, 0x3da);
    for (unsigned i = 0; i < 21; i++) {
        out(c, 0x3c0, i);
        out(c, 0x3c0, m->ar[i]);
    }
    out(c, 0x3c0, 0x20);
    out(c, 0x3c6, 0xff);
    out(c, 0x3c8, 0);
    for (unsigned i = 0; i < 3 * 256; i++) {
        out(c, 0x3c9, part_of(i / 3, i % 3));
    }
}

uint32_t rgb(unsigned colour)
{
    uint32_t v = 0;
    for (unsigned i = 0; i < 3; i++) {
        unsigned six = part_of(colour, i);
        v = v << 8 | six << 2 | six >> 4;
    }
    return v;
}

void fill_planes(Card *c)
{
    for (unsigned at = 0; at < PLANE; at++) {
        for (unsigned p = 0; p < 4; p++) {
            c->vram[4 * at + p] = c->planes[p][at] = (uint8_t)g_rand_int(c->rnd);
        }
    }
}

/* ---- pictures -------------------------------------------------------------------------- */

void expect_picture(Card *c, unsigned width, unsigned height, PixelFn *want)
{
    Picture p;
    console_snapshot(c->console, &p);
    g_assert_cmpuint(p.width, ==, width);
    g_assert_cmpuint(p.height, ==, height);
    for (unsigned y = 0; y < height; y++) {
        for (unsigned x = 0; x < width; x++) {
            uint32_t got = picture_row(&p, y)[x] & 0xffffff, should = want(c, x, y);
            if (got != should) {
                g_error("pixel %u, %u is %06x, not %06x", x, y, got, should);
            }
        }
    }
    picture_clear(&p);
}
