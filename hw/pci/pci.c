/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A PCI function: configuration space, BARs, interrupt pin.
 * Spec: PCI Local Bus 3.0, chapter 6.
 *
 * Configuration space is bytes with a mask of what may be written; BARs are mapped from
 * those bytes, after each write, reset and load.
 *
 * Not modelled: see hw/pci.h. */
#include "hw/pci.h"

#include <glib.h>
#include <string.h>

#include "hw/board.h"
#include "base/log.h"

static PCIDevice *pci_device(Device *dev)
{
    return container_of(dev, PCIDevice, dev);
}

static void put16(uint8_t *p, uint16_t v)
{
    p[0] = v;
    p[1] = (v >> 8);
}

static void put32(uint8_t *p, uint32_t v)
{
    put16(p, v);
    put16(p + 2, (v >> 16));
}

static uint32_t get32(const uint8_t *p)
{
    return p[0] | p[1] << 8 | p[2] << 16 | (uint32_t)p[3] << 24;
}

/* ---- declaring ----------------------------------------------------------- */

void pci_init(PCIDevice *d, const PCIIds *ids)
{
    memset(d->init, 0, sizeof(d->init));
    memset(d->wmask, 0, sizeof(d->wmask));
    put16(d->init + PCI_VENDOR_ID, ids->vendor);
    put16(d->init + PCI_DEVICE_ID, ids->device);
    d->init[PCI_REVISION] = ids->revision;
    d->init[PCI_CLASS_PROG] = ids->class;
    put16(d->init + PCI_CLASS_PROG + 1, (ids->class >> 8));
    d->init[PCI_HEADER_TYPE] = d->multifunction ? PCI_HEADER_MULTIFUNCTION : 0;
    put16(d->init + PCI_SUBSYSTEM_VENDOR, ids->subsystem_vendor);
    put16(d->init + PCI_SUBSYSTEM_ID, ids->subsystem);
    d->init[PCI_INTERRUPT_PIN] = ids->pin;
    put16(d->wmask + PCI_COMMAND,
          PCI_COMMAND_IO | PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER | PCI_COMMAND_INTX_OFF);
    d->wmask[PCI_CACHE_LINE] = d->wmask[PCI_INTERRUPT_LINE] = 0xff;
    d->cap_end = PCI_HEADER_END;
    d->msix_vectors = 0;
    memcpy(d->s.config, d->init, sizeof(d->init));
}

void pci_add_bar(PCIDevice *d, unsigned index, uint8_t type, MemoryRegion *mr)
{
    bool wide = !(type & PCI_BAR_IO) && (type & PCI_BAR_MEM64);
    unsigned at = PCI_BAR_0 + 4 * index;
    g_assert(index + wide < PCI_BARS && mr->size >= 16 && !(mr->size & (mr->size - 1)));
    d->bars[index] = (PCIBar){ mr, type };
    d->init[at] = d->s.config[at] = type;
    put32(d->wmask + at, (uint32_t) ~(mr->size - 1));
    if (wide) {
        put32(d->wmask + at + 4, (~(mr->size - 1) >> 32));
    }
    memory_region_set_enabled(mr, false);
    memory_region_add(type & PCI_BAR_IO ? &d->host->ports : &d->host->memory, 0, mr, 1);
}

unsigned pci_add_capability(PCIDevice *d, uint8_t id, unsigned size)
{
    unsigned at = d->cap_end;
    g_assert(at + size <= PCI_CONFIG_BYTES);
    d->init[at] = id;
    d->init[at + 1] = d->init[PCI_CAPABILITIES];
    d->init[PCI_CAPABILITIES] = at;
    d->init[PCI_STATUS] |= PCI_STATUS_CAP_LIST;
    d->cap_end = (at + size + 3) & ~3u;
    memcpy(d->s.config, d->init, sizeof(d->init));
    return at;
}

static void drive_pin(PCIDevice *d)
{
    bool wanted = d->intx && !pci_msix_enabled(d);
    bool out = wanted && !(pci_command(d) & PCI_COMMAND_INTX_OFF);
    d->s.config[PCI_STATUS] =
        ((d->s.config[PCI_STATUS] & ~PCI_STATUS_INTERRUPT) | (wanted ? PCI_STATUS_INTERRUPT : 0));
    if (out != d->intx_out) {
        d->intx_out = out;
        pci_host_function_intx(d->host, d, out);
    }
}

void pci_finish(PCIDevice *d)
{
    d->intx = false; /* cut off: the lock has no more to guard */
    drive_pin(d);
    pci_msix_finish(d);
    for (unsigned i = 0; i < PCI_BARS; i++) {
        d->bars[i].mr = NULL;
    }
    d->host = NULL;
}

/* ---- what the bytes mean ------------------------------------------------- */

uint64_t pci_bar_address(const PCIDevice *d, unsigned index)
{
    const PCIBar *bar = &d->bars[index];
    const uint8_t *at = d->s.config + PCI_BAR_0 + 4 * index;
    bool io = bar->type & PCI_BAR_IO;
    uint64_t addr = get32(at) & (io ? ~3u : ~15u);
    if (!io && (bar->type & PCI_BAR_MEM64)) {
        addr |= (uint64_t)get32(at + 4) << 32;
    }
    bool on = pci_command(d) & (io ? PCI_COMMAND_IO : PCI_COMMAND_MEMORY);
    if (io && addr + bar->mr->size > d->host->ports.size) {
        on = false;
    }
    return on ? addr : UINT64_MAX;
}

static void map_bar(PCIDevice *d, unsigned index)
{
    const PCIBar *bar = &d->bars[index];
    uint64_t addr = pci_bar_address(d, index);
    memory_region_set_enabled(bar->mr, false);
    if (addr != UINT64_MAX) {
        memory_region_set_address(bar->mr, addr);
        memory_region_set_enabled(bar->mr, true);
    }
}

void pci_set_intx(PCIDevice *d, bool level)
{
    lock_assert_held(d->dev.lock);
    d->intx = level;
    drive_pin(d);
}

static void map_bars(PCIDevice *d)
{
    memory_transaction_begin();
    for (unsigned i = 0; i < PCI_BARS; i++) {
        if (d->bars[i].mr) {
            map_bar(d, i);
        }
    }
    memory_transaction_commit();
}

void pci_refresh(PCIDevice *d)
{
    map_bars(d);
    drive_pin(d);
    pci_msix_look(d);
}

/* ---- access -------------------------------------------------------------- */

uint32_t pci_config_read(PCIDevice *d, unsigned offset, unsigned size)
{
    uint32_t value = 0;
    if (offset + size > PCI_CONFIG_BYTES) {
        return UINT32_MAX; /* no extended space */
    }
    device_lock(&d->dev);
    if (d->config_reading) {
        d->config_reading(d, offset, size);
    }
    for (unsigned i = 0; i < size; i++) {
        value |= (uint32_t)d->s.config[offset + i] << (8 * i);
    }
    device_unlock(&d->dev);
    return value;
}

void pci_config_write(PCIDevice *d, unsigned offset, unsigned size, uint32_t value)
{
    bool map = false;
    if (offset + size > PCI_CONFIG_BYTES) {
        return;
    }
    device_lock(&d->dev);
    for (unsigned i = 0; i < size; i++) {
        unsigned at = offset + i;
        uint8_t byte = (value >> (8 * i)), mask = d->wmask[at];
        uint8_t now = ((d->s.config[at] & ~mask) | (byte & mask));
        bool header = at == PCI_COMMAND || (at >= PCI_BAR_0 && at < PCI_BAR_0 + 4 * PCI_BARS);
        map = map || (header && now != d->s.config[at]);
        d->s.config[at] = now;
    }
    if (map) {
        map_bars(d);
    }
    drive_pin(d);
    pci_msix_look(d);
    if (d->config_written) {
        d->config_written(d, offset, size);
    }
    device_unlock(&d->dev);
}

/* ---- the class ----------------------------------------------------------- */

static void pci_class_reset(Device *dev)
{
    PCIDevice *d = pci_device(dev);
    memcpy(d->s.config, d->init, sizeof(d->init));
}

static void pci_class_refresh(Device *dev)
{
    pci_refresh(pci_device(dev));
}

/* Bits that no guest can change must be as this function has them. */
static bool pci_class_loaded(Device *dev, GError **err)
{
    const PCIDevice *d = pci_device(dev);
    for (unsigned i = 0; i < PCI_CONFIG_BYTES; i++) {
        uint8_t fixed = (uint8_t) ~(d->wmask[i] | (i == PCI_STATUS ? PCI_STATUS_INTERRUPT : 0));
        if ((d->s.config[i] ^ d->init[i]) & fixed) {
            g_set_error(err, G_FILE_ERROR, G_FILE_ERROR_INVAL,
                        "%s: configuration byte 0x%x is 0x%x, which this function cannot have; the saved "
                        "machine has another device there",
                        dev->path, i, d->s.config[i]);
            return false;
        }
    }
    if (!pci_msix_loaded(d)) {
        g_set_error(
            err, G_FILE_ERROR, G_FILE_ERROR_INVAL,
            "%s: vectors of MSI-X that this function has not; the saved machine has another device there",
            dev->path);
        return false;
    }
    return true;
}

static const Field pci_state[] = {
    STATE_BYTES(PCIDevice, config),
    STATE_U64(PCIDevice, msix_address, .since = 1),
    STATE_U64(PCIDevice, msix_pending, .since = 1),
    STATE_U32(PCIDevice, msix_data, .since = 1),
    STATE_U32(PCIDevice, msix_masked, .since = 1, .reset = 1, .max = 1),
    { 0 },
};

static const Prop pci_props[] = {
    { "addr", PROP_PCI_ADDR, offsetof(PCIDevice, devfn),
      "slot and function, such as 04.0; the next free slot if absent", .def_string = "automatic" },
    { "multifunction", PROP_BOOL, offsetof(PCIDevice, multifunction), "other functions share the slot" },
    { "romfile", PROP_STRING, 0, "expansion ROM: none", .def_string = "",
      .only = "expansion ROMs are not built" },
    PROP_ONLY_NUMBER("rombar", 0, "expansion ROMs are not built"),
    PROP_ONLY_NUMBER("acpi-index", 0, "ACPI tables are not built"),
    { 0 },
};

const DeviceClass pci_device_class = {
    .name = "pci-device",
    .desc = "base of all PCI functions",
    .bus = "PCI",
    .size = sizeof(PCIDevice),
    .props = pci_props,
    .state = pci_state,
    .state_offset = offsetof(PCIDevice, s),
    .state_size = sizeof(struct PCIState),
    .version = 1,
    .reset = pci_class_reset,
    .refresh = pci_class_refresh,
    .loaded = pci_class_loaded,
};
