/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What bochs-display and the VGA functions on PCI have in common: video memory in BAR 0; EDID, DISPI and the VGA's
 * ports in BAR 2. */
#pragma once
#include "hw/display/dispi.h"
#include "hw/display/edid.h"
#include "hw/pci.h"
#include "hw/regs.h"

/* The ports of a VGA that the function has. */
typedef struct DispiPciPorts {
    uint8_t (*read)(void *opaque, unsigned port); /* 0x3c0 to 0x3df */
    void (*write)(void *opaque, unsigned port, uint8_t value);
    void (*changed)(void *opaque); /* DISPI's registers were written */
} DispiPciPorts;

typedef struct DispiPci {
    PCIDevice pci;
    uint64_t memory_bytes;
    uint32_t xres, yres;
    bool edid;
    MemoryRegion vram;
    RegFile regs;
    uint8_t edid_bytes[EDID_BYTES];
    const DispiPciPorts *ports; /* NULL: none */
    void *opaque;               /* theirs */
    struct DispiPciState {
        Dispi dispi;
    } s;
} DispiPci;

extern const Field dispi_pci_state[];

/* Rows of properties, of the struct T that begins with a DispiPci. */
/* clang-format off */
#define DISPI_PCI_PROPS(T, at) \
    { "edid", PROP_BOOL, offsetof(T, at.edid), "the monitor says what it likes (EDID)", .def = 1 }, \
    { "xres", PROP_U32, offsetof(T, at.xres), "width that it likes best", .def = 1280, .max = EDID_MAX_SIZE }, \
    { "yres", PROP_U32, offsetof(T, at.yres), "height that it likes best", .def = 800, .max = EDID_MAX_SIZE }
/* clang-format on */

/* For realize and unrealize; class_code: of PCI; more: the property that gives more memory. */
bool dispi_pci_init(DispiPci *d, uint32_t class_code, const char *more,
                    GError **err) G_GNUC_WARN_UNUSED_RESULT;
void dispi_pci_finish(DispiPci *d);
