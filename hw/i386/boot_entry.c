/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "hw/i386/boot_entry.h"

#include "hw/board.h"

typedef struct BootEntry {
    Device dev;
    X86Entry entry;
} BootEntry;

/* After the processors' own. */
static void entry_reset(Device *dev)
{
    const Machine *m = dev->machine;
    if (m->cpu_count) {
        x86_set_entry(m->cpus[0], &container_of(dev, BootEntry, dev)->entry);
    }
}

const DeviceClass boot_entry_class = {
    .name = "boot-entry",
    .desc = "where a kernel begins",
    .category = "Misc",
    .size = sizeof(BootEntry),
    .reset = entry_reset,
};

bool boot_entry_add(Machine *m, const X86Entry *entry, GError **err)
{
    Device *dev = device_new(&boot_entry_class, m, NULL);
    container_of(dev, BootEntry, dev)->entry = *entry;
    if (!device_realize(dev, NULL, err)) {
        device_free(dev);
        return false;
    }
    return true;
}
