/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Names of the registers of configuration space, for traces, and of classes of functions.
 * Spec: PCI Express base, 7.5.1 (type 0 header).  The space itself is bytes with masks (pci.c). */
#include "hw/pci.h"

/* PCI Code and ID Assignment Specification, chapter 1: those that machines here have or are given. */
static const struct PciClass {
    uint16_t class;
    const char *name;
} classes[] = {
    { 0x0100, "SCSI controller" }, { 0x0101, "IDE controller" },      { 0x0106, "SATA controller" },
    { 0x0108, "NVMe controller" }, { 0x0200, "Ethernet controller" }, { 0x0300, "VGA controller" },
    { 0x0600, "Host bridge" },     { 0x0601, "ISA bridge" },          { 0x0604, "PCI bridge" },
    { 0x0c03, "USB controller" },
};

const char *pci_class_name(uint16_t base_and_sub)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(classes); i++) {
        if (classes[i].class == base_and_sub) {
            return classes[i].name;
        }
    }
    return NULL;
}

static const struct PciName {
    uint16_t offset, size;
    const char *name;
} names[] = {
    { 0x00, 2, "vendor-id" },
    { 0x02, 2, "device-id" },
    { 0x04, 2, "command" },
    { 0x06, 2, "status" },
    { 0x08, 1, "revision" },
    { 0x09, 3, "class" },
    { 0x0c, 1, "cache-line-size" },
    { 0x0d, 1, "latency-timer" },
    { 0x0e, 1, "header-type" },
    { 0x0f, 1, "bist" },
    { 0x10, 4, "bar0" },
    { 0x14, 4, "bar1" },
    { 0x18, 4, "bar2" },
    { 0x1c, 4, "bar3" },
    { 0x20, 4, "bar4" },
    { 0x24, 4, "bar5" },
    { 0x2c, 2, "subsystem-vendor-id" },
    { 0x2e, 2, "subsystem-id" },
    { 0x30, 4, "rom-bar" },
    { 0x34, 1, "capabilities" },
    { 0x3c, 1, "interrupt-line" },
    { 0x3d, 1, "interrupt-pin" },
};
enum { FIRST_CAPABILITY = 0x40 };

void pci_config_describe(const PCIDevice *d, unsigned offset, IoTrace *t)
{
    t->device = d->dev.path;
    for (unsigned i = 0; i < G_N_ELEMENTS(names); i++) {
        if (offset < names[i].offset + names[i].size && offset + t->size > names[i].offset) {
            g_string_append_printf(t->reg, "%s%s", t->reg->len ? "," : "", names[i].name);
        }
    }
    if (offset >= FIRST_CAPABILITY) {
        g_string_append_printf(t->reg, "config[0x%x]", offset);
    }
}
