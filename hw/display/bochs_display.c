/* SPDX-License-Identifier: GPL-2.0-or-later */
/* bochs-display: a PCI function with video memory, and registers that say how it is shown (dispi.h).
 * Spec: QEMU documentation, "QEMU Standard VGA" (the legacy-free variant).
 *
 * Not modelled: VGA registers (reads are ones, writes are ignored, which is how drivers unblank), banks, palettes
 * (8 bits a pixel and less show nothing). */
#include "hw/board.h"
#include "hw/display/dispi_pci.h"
#include "hw/display/display.h"

enum { CLASS_DISPLAY_OTHER = 0x038000, MIN_MEMORY = 1 << 20, MAX_MEMORY = 512 << 20 };

typedef struct BochsDisplay {
    DispiPci base;
    Framebuffer fb;
} BochsDisplay;

static BochsDisplay *bochs_display(Device *dev)
{
    return container_of(dev, BochsDisplay, base.pci.dev);
}

static void show_mode(BochsDisplay *d)
{
    const Dispi *regs = &d->base.s.dispi;
    FramebufferMode m;
    framebuffer_show(&d->fb, dispi_mode(regs, dispi_format(regs), d->base.vram.ram, &m) ? &m : NULL);
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

static bool display_realize(Device *dev, GError **err)
{
    BochsDisplay *d = bochs_display(dev);
    if (!dispi_pci_init(&d->base, CLASS_DISPLAY_OTHER, "vgamem", err)) {
        return false;
    }
    d->fb.console = console_new(dev->machine->consoles, device_user_path(dev), 0, dev->lock, &display_ops, d);
    return true;
}

static void display_unrealize(Device *dev)
{
    BochsDisplay *d = bochs_display(dev);
    framebuffer_show(&d->fb, NULL);
    console_free(d->fb.console);
    dispi_pci_finish(&d->base);
}

static void display_device_refresh(Device *dev)
{
    BochsDisplay *d = bochs_display(dev);
    pci_refresh(&d->base.pci);
    show_mode(d);
}

static const Prop display_props[] = {
    { "vgamem", PROP_SIZE, offsetof(BochsDisplay, base.memory_bytes), "video memory", .def = 16 << 20,
      .min = MIN_MEMORY, .max = MAX_MEMORY },
    DISPI_PCI_PROPS(BochsDisplay, base),
    { 0 },
};

const DeviceClass bochs_display_class = {
    .name = "bochs-display",
    .desc = "display adapter with a linear framebuffer",
    .category = "Display",
    .bus = "PCI",
    .parent = &pci_device_class,
    .size = sizeof(BochsDisplay),
    .user_creatable = true,
    .props = display_props,
    .state = dispi_pci_state,
    .state_offset = offsetof(DispiPci, s),
    .state_size = sizeof(struct DispiPciState),
    .realize = display_realize,
    .unrealize = display_unrealize,
    .refresh = display_device_refresh,
};
