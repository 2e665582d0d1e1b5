/* SPDX-License-Identifier: GPL-2.0-or-later */
/* bochs-display: a PCI function with video memory, and registers that say how it is shown.
 * Spec: QEMU documentation, "QEMU Standard VGA" (the legacy-free variant): EDID, DISPI and extended registers;
 * numbers of the DISPI registers: Bochs' VBE display API, 0xb0c5.
 *
 * A mode that does not fit into the memory shows nothing; registers keep what was written, as drivers set them
 * one by one.
 *
 * Not modelled: VGA registers (reads are ones, writes are ignored, which is how drivers unblank), banks, palettes
 * (8 bits a pixel and less show nothing), clearing of the memory when a mode is set. */
#include "hw/display/display.h"

#include <inttypes.h>
#include <string.h>

#include "base/log.h"
#include "hw/board.h"
#include "hw/display/edid.h"
#include "hw/display/framebuffer.h"
#include "hw/pci.h"
#include "hw/regs.h"

enum { VENDOR = 0x1234, DEVICE = 0x1111, SUBSYSTEM_VENDOR = 0x1af4, SUBSYSTEM = 0x1100, CLASS = 0x038000 };
enum {
    REVISION = 2 /* there are extended registers */,
    MEMORY_BAR = 0,
    REGISTER_BAR = 2,
    REGISTER_BYTES = 4096
};
enum { DISPI_ID = 0xb0c5, ENABLED = 1, GET_CAPS = 2, BANK_BYTES = 64 << 10 };
enum { XRES, YRES, BPP, ENABLE, BANK, VIRT_WIDTH, VIRT_HEIGHT, X_OFFSET, Y_OFFSET, DISPI_REGS };
enum { MIN_MEMORY = 1 << 20, MAX_MEMORY = 512 << 20, EDID_SPACE = 0x400 };
#define LITTLE_ENDIAN_MARK 0x1e1e1e1eu
#define BIG_ENDIAN_MARK 0xbebebebeu

typedef struct BochsDisplay {
    PCIDevice pci;
    uint64_t vgamem;
    uint32_t xres, yres;
    bool edid;
    MemoryRegion vram;
    RegFile regs;
    Framebuffer fb;
    uint8_t edid_bytes[EDID_BYTES];
    struct BochsDisplayState {
        uint16_t dispi[DISPI_REGS];
        bool big_endian;
    } s;
} BochsDisplay;

static BochsDisplay *bochs_display(Device *dev)
{
    return container_of(dev, BochsDisplay, pci.dev);
}

/* ---- the picture ----------------------------------------------------------- */

static const PixelFormat *format_of(const BochsDisplay *d)
{
    switch (d->s.dispi[BPP]) {
    case 15: return d->s.big_endian ? NULL : &pixels_xrgb1555;
    case 16: return d->s.big_endian ? NULL : &pixels_rgb565;
    case 24: return d->s.big_endian ? NULL : &pixels_rgb888;
    case 32: return d->s.big_endian ? &pixels_bgrx8888 : &pixels_xrgb8888;
    default: return NULL;
    }
}

static bool mode_of(BochsDisplay *d, FramebufferMode *m)
{
    const uint16_t *r = d->s.dispi;
    const PixelFormat *format = format_of(d);
    if (!(r[ENABLE] & ENABLED) || !format) {
        return false;
    }
    uint64_t stride = (uint64_t)MAX(r[VIRT_WIDTH], r[XRES]) * format->bytes;
    *m = (FramebufferMode){
        .ram = d->vram.ram,
        .offset = r[Y_OFFSET] * stride + (uint64_t)r[X_OFFSET] * format->bytes,
        .stride = stride,
        .width = r[XRES],
        .height = r[YRES],
        .format = format,
    };
    return framebuffer_mode_fits(m);
}

static void show_mode(BochsDisplay *d)
{
    FramebufferMode m;
    framebuffer_show(&d->fb, mode_of(d, &m) ? &m : NULL);
}

/* Drivers set a mode register by register: what it comes to is looked at when somebody looks. */
static void display_refresh(void *opaque)
{
    BochsDisplay *d = opaque;
    show_mode(d);
    framebuffer_refresh(&d->fb);
}

static void display_watched(void *opaque, bool watched)
{
    framebuffer_watched(&((BochsDisplay *)opaque)->fb, watched);
}

static const ConsoleOps display_ops = { .refresh = display_refresh, .watched = display_watched };

/* ---- registers ------------------------------------------------------------- */

static uint64_t edid_read(Device *dev, const RegAccess *a)
{
    const BochsDisplay *d = bochs_display(dev);
    uint64_t value = 0;
    for (unsigned i = 0; i < a->size && d->edid && a->offset + i < EDID_BYTES; i++) {
        value |= (uint64_t)d->edid_bytes[a->offset + i] << (8 * i);
    }
    return value;
}

static uint64_t vga_read(Device *dev, const RegAccess *a)
{
    return UINT64_MAX;
}

static void vga_write(Device *dev, const RegAccess *a, uint64_t value)
{
    /* Drivers turn the screen on here; it is. */
}

/* While ENABLE asks for them: the largest there are. */
static uint64_t geometry_read(Device *dev, const RegAccess *a)
{
    static const uint16_t most[] = { [XRES] = PICTURE_MAX_SIZE, [YRES] = PICTURE_MAX_SIZE, [BPP] = 32 };
    const BochsDisplay *d = bochs_display(dev);
    return d->s.dispi[ENABLE] & GET_CAPS ? most[a->index] : d->s.dispi[a->index];
}

static void geometry_write(Device *dev, const RegAccess *a, uint64_t value)
{
    reg_store(a, value);
}

static uint64_t memory_read_units(Device *dev, const RegAccess *a)
{
    return bochs_display(dev)->vgamem / BANK_BYTES;
}

static uint64_t endian_read(Device *dev, const RegAccess *a)
{
    return bochs_display(dev)->s.big_endian ? BIG_ENDIAN_MARK : LITTLE_ENDIAN_MARK;
}

static void endian_write(Device *dev, const RegAccess *a, uint64_t value)
{
    if (value == BIG_ENDIAN_MARK || value == LITTLE_ENDIAN_MARK) {
        bochs_display(dev)->s.big_endian = value == BIG_ENDIAN_MARK;
    } else {
        log_guest_error("%s: 0x%" PRIx64 " is no order of bytes", dev->path, value);
    }
}

/* clang-format off */
#define D BochsDisplay
static const RegBits enable_bits[] = {
    { "enabled", ENABLED }, { "getcaps", GET_CAPS }, { "8bit-dac", 0x20 }, { "lfb", 0x40 }, { "noclear", 0x80 }, { NULL },
};
static const Reg rows[] = {
    { "edid",           0x000, EDID_SPACE, REG_RO, .bytes = true, .read = edid_read },
    { "vga",            0x400, 0x20, .bytes = true, .read = vga_read, .write = vga_write },
    { "dispi-id",       0x500, 2, .constant = DISPI_ID, .ignored = UINT16_MAX },
    { "dispi-geometry", 0x502, 2, .count = 3, REG_STATE(D, s.dispi[0]), .rw = UINT16_MAX, .read = geometry_read, .write = geometry_write },
    { "dispi-enable",   0x508, 2, REG_STATE(D, s.dispi[ENABLE]), .rw = UINT16_MAX, .bits = enable_bits },
    { "dispi",          0x50a, 2, .count = 5, REG_STATE(D, s.dispi[BANK]), .rw = UINT16_MAX },
    { "dispi-memory",   0x514, 2, REG_RO, .read = memory_read_units },
    { "extended-size",  0x600, 4, REG_RO, .constant = 8 },
    { "endian",         0x604, 4, .read = endian_read, .write = endian_write },
    { NULL },
};
/* clang-format on */
static const RegTable display_regs = { rows, .min = 1, .max = 4 };

/* ---- life -------------------------------------------------------------------- */

static bool check_props(BochsDisplay *d, GError **err)
{
    const char *why = d->vgamem & (d->vgamem - 1) ? "vgamem= must be a power of two, as every BAR"
                      : !d->xres || !d->yres      ? "xres= and yres= must not be 0"
                      : (uint64_t)d->xres * d->yres * 4 > d->vgamem
                          ? "the picture of xres= by yres= does not fit into the memory; give more by vgamem="
                          : NULL;
    if (why) {
        g_set_error(err, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE, "bochs-display: %s", why);
    }
    return !why;
}

static bool display_realize(Device *dev, GError **err)
{
    BochsDisplay *d = bochs_display(dev);
    if (!check_props(d, err) ||
        !memory_region_init_ram(&d->vram, &dev->regions, "bochs-display-vram", d->vgamem, err)) {
        return false;
    }
    pci_init(&d->pci, &(PCIIds){ .vendor = VENDOR,
                                 .device = DEVICE,
                                 .revision = REVISION,
                                 .subsystem_vendor = SUBSYSTEM_VENDOR,
                                 .subsystem = SUBSYSTEM,
                                 .class = CLASS });
    reg_file_init(&d->regs, dev, &display_regs, "bochs-display-mmio", REGISTER_BYTES);
    pci_add_bar(&d->pci, MEMORY_BAR, PCI_BAR_MEM32 | PCI_BAR_PREFETCH, &d->vram);
    pci_add_bar(&d->pci, REGISTER_BAR, PCI_BAR_MEM32, &d->regs.mr);
    edid_make(d->edid_bytes, d->xres, d->yres);
    d->fb.console = console_new(dev->machine->consoles, device_user_path(dev), 0, dev->lock, &display_ops, d);
    return true;
}

static void display_unrealize(Device *dev)
{
    BochsDisplay *d = bochs_display(dev);
    framebuffer_show(&d->fb, NULL);
    console_free(d->fb.console);
    pci_finish(&d->pci);
    reg_file_finish(&d->regs);
    memory_region_finish(&d->vram);
}

static void display_device_refresh(Device *dev)
{
    BochsDisplay *d = bochs_display(dev);
    pci_refresh(&d->pci);
    show_mode(d);
}

static const Field display_state[] = {
    STATE_U16(D, dispi),
    STATE_BOOL(D, big_endian),
    { 0 },
};

static const Prop display_props[] = {
    { "vgamem", PROP_SIZE, offsetof(D, vgamem), "video memory", .def = 16 << 20, .min = MIN_MEMORY,
      .max = MAX_MEMORY },
    { "edid", PROP_BOOL, offsetof(D, edid), "the monitor says what it likes (EDID)", .def = 1 },
    { "xres", PROP_U32, offsetof(D, xres), "width that it likes best", .def = 1280, .max = EDID_MAX_SIZE },
    { "yres", PROP_U32, offsetof(D, yres), "height that it likes best", .def = 800, .max = EDID_MAX_SIZE },
    { 0 },
};

const DeviceClass bochs_display_class = {
    .name = "bochs-display",
    .desc = "display adapter with a linear framebuffer",
    .category = "Display",
    .bus = "PCI",
    .parent = &pci_device_class,
    .size = sizeof(D),
    .user_creatable = true,
    .props = display_props,
    .state = display_state,
    .state_offset = offsetof(D, s),
    .state_size = sizeof(struct BochsDisplayState),
    .realize = display_realize,
    .unrealize = display_unrealize,
    .refresh = display_device_refresh,
};
