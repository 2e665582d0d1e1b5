/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Generic PCIe host: an ECAM window, bus 0, four interrupt lines.
 * Spec: PCI Express base, 7.2.2 (ECAM); device tree binding "pci-host-ecam-generic".
 *
 * Not modelled: buses behind bridges (they answer as if nothing were there). */
#include "hw/pci.h"

#include <glib.h>
#include <string.h>

#include "hw/board.h"
#include "base/log.h"

enum { ECAM_BYTES = 1 << 28, ECAM_BUS_SHIFT = 20, ECAM_FUNCTION_SHIFT = 12, ECAM_REGISTER = 0xfff };
enum { SLOTS = 32 };
enum { REDHAT = 0x1b36, REDHAT_HOST_BRIDGE = 0x0008, QUMRANET = 0x1af4, SUBSYSTEM = 0x1100 };

static PCIHost *pci_host(Device *dev)
{
    return container_of(dev, PCIHost, dev);
}

/* ---- configuration ------------------------------------------------------- */

/* Under the host's lock, which is held while the function is called: so it stays. */
static PCIDevice *function_at(PCIHost *host, hwaddr off)
{
    lock_assert_held(host->dev.lock);
    PCIDevice *d =
        off >> ECAM_BUS_SHIFT ? NULL : host->functions[off >> ECAM_FUNCTION_SHIFT & (PCI_FUNCTIONS - 1)];
    return d && d->dev.realized ? d : NULL;
}

static BusResult ecam_read(void *opaque, hwaddr off, unsigned size, uint64_t *value)
{
    PCIDevice *d = function_at(opaque, off);
    *value = d ? pci_config_read(d, off & ECAM_REGISTER, size) : UINT32_MAX;
    return BUS_OK;
}

static BusResult ecam_write(void *opaque, hwaddr off, unsigned size, uint64_t value)
{
    PCIDevice *d = function_at(opaque, off);
    if (d) {
        pci_config_write(d, off & ECAM_REGISTER, size, value);
    }
    return BUS_OK;
}

static void ecam_describe(void *opaque, IoTrace *t)
{
    const PCIDevice *d = function_at(opaque, t->offset);
    if (d) {
        pci_config_describe(d, t->offset & ECAM_REGISTER, t);
    }
}

static const IoOps ecam_ops = {
    .read = ecam_read, .write = ecam_write, .min = 1, .max = 4, .describe = ecam_describe
};

/* Nothing answers: ones, as a bus that times out gives. */
static BusResult rest_read(void *opaque, hwaddr off, unsigned size, uint64_t *value)
{
    *value = UINT64_MAX;
    return BUS_OK;
}

static BusResult rest_write(void *opaque, hwaddr off, unsigned size, uint64_t value)
{
    return BUS_OK;
}

static const IoOps rest_ops = {
    .read = rest_read, .write = rest_write, .min = 1, .max = 8, .unaligned = true
};

/* ---- interrupts ---------------------------------------------------------- */

/* Pins are swizzled by slot.  The lock is held while the line is driven, so that two
 * functions cannot pass each other; the receiver never calls back. */
void pci_host_function_intx(PCIHost *host, const PCIDevice *d, bool level)
{
    unsigned line = ((unsigned)d->devfn / 8 + d->init[PCI_INTERRUPT_PIN] - 1u) % PCI_PINS;
    lock_take(&host->irq_lock);
    host->irq_count[line] += level ? 1 : -1u;
    if (level) {
        irq_request(&host->irq[line]); /* another function may hold the line already */
    } else {
        irq_set(&host->irq[line], host->irq_count[line] != 0);
    }
    lock_release(&host->irq_lock);
}

void pci_host_interrupt_map(uint32_t controller_phandle, uint32_t first_irq, uint32_t cells[PCI_MAP_CELLS])
{
    unsigned n = 0;
    for (unsigned slot = 0; slot < PCI_PINS; slot++) {
        for (unsigned pin = 0; pin < PCI_PINS; pin++) {
            const uint32_t row[] = {
                slot << 11, 0, 0, pin + 1, controller_phandle, first_irq + (slot + pin) % PCI_PINS
            };
            memcpy(cells + n, row, sizeof(row));
            n += G_N_ELEMENTS(row);
        }
    }
}

void pci_foreach_function(const Machine *m, void (*fn)(PCIDevice *d, void *opaque), void *opaque)
{
    for (guint i = 0; i < m->devices->len; i++) {
        Device *dev = m->devices->pdata[i];
        PCIHost *host = dev->class == &gpex_pcihost_class ? pci_host(dev) : NULL;
        for (unsigned n = 0; host && n < PCI_FUNCTIONS; n++) {
            if (host->functions[n]) {
                fn(host->functions[n], opaque);
            }
        }
    }
}

/* ---- the bus ------------------------------------------------------------- */

static bool bad_address(const PCIDevice *d, const char *why, GError **err)
{
    g_set_error(err, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE, "%s: addr=%02x.%x: %s", d->dev.class->name,
                (unsigned)d->devfn / 8, (unsigned)d->devfn % 8, why);
    return false;
}

static bool choose_slot(PCIHost *host, PCIDevice *d, GError **err)
{
    for (int slot = 0; slot < SLOTS; slot++) {
        bool empty = true;
        for (int fn = 0; fn < 8; fn++) {
            empty = empty && !host->functions[slot * 8 + fn];
        }
        if (empty) {
            d->devfn = slot * 8;
            return true;
        }
    }
    g_set_error(err, G_OPTION_ERROR, G_OPTION_ERROR_FAILED,
                "%s: no slot is free on bus '%s'; put several functions in one with addr=SLOT.FUNCTION",
                d->dev.class->name, host->bus->name);
    return false;
}

/* A guest looks for functions 1 to 7 only where function 0 says that there are more. */
static bool check_slot(PCIHost *host, const PCIDevice *d, GError **err)
{
    PCIDevice *const *slot = &host->functions[d->devfn & ~7];
    if (host->functions[d->devfn]) {
        g_autofree char *why =
            g_strdup_printf("PCI: slot %d function %d not available, in use by %s; choose another",
                            d->devfn / 8, d->devfn % 8, host->functions[d->devfn]->dev.path);
        return bad_address(d, why, err);
    }
    if (d->devfn % 8 && slot[0] && !slot[0]->multifunction) {
        return bad_address(
            d, "function 0 of the slot is not marked as one of several; give it multifunction=on", err);
    }
    for (unsigned fn = 1; fn < 8 && d->devfn % 8 == 0 && !d->multifunction; fn++) {
        if (slot[fn]) {
            return bad_address(d, "other functions are in the slot; give this one multifunction=on", err);
        }
    }
    return true;
}

static bool pci_bus_attach(Bus *bus, Device *dev, GError **err)
{
    PCIHost *host = pci_host(bus->owner);
    PCIDevice *d = container_of(dev, PCIDevice, dev);
    if (d->devfn < 0 ? !choose_slot(host, d, err) : !check_slot(host, d, err)) {
        return false;
    }
    d->host = host;
    host->functions[d->devfn] = d;
    return true;
}

static void pci_bus_detach(Bus *bus, Device *dev)
{
    PCIDevice *d = container_of(dev, PCIDevice, dev);
    pci_host(bus->owner)->functions[d->devfn] = NULL;
}

/* ---- life ---------------------------------------------------------------- */

void pci_host_map(PCIHost *host, Machine *m, const PCIWindows *w)
{
    const struct {
        MemoryRegion *alias, *target;
        const char *name;
        hwaddr at, offset, size;
    } rows[] = {
        { &host->low, &host->memory, "pcie-mmio", w->mmio, w->mmio, w->mmio_size },
        { &host->high, &host->memory, "pcie-mmio-high", w->mmio_high, w->mmio_high, w->mmio_high_size },
        { &host->pio, &host->ports, "gpex_ioport_window", w->pio, 0, w->pio_size },
    };
    g_assert(w->ecam_size == ECAM_BYTES && w->pio_size <= MACHINE_PORTS);
    memory_region_add(&m->ports, 0, &host->ports, -1); /* behind the ports of boards */
    memory_region_add(&m->system, w->ecam, &host->ecam, 0);
    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        if (rows[i].size) {
            memory_region_init_alias(rows[i].alias, &host->dev.regions, rows[i].name, rows[i].target,
                                     rows[i].offset, rows[i].size);
            memory_region_add(&m->system, rows[i].at, rows[i].alias, 0);
        }
    }
}

static bool host_realize(Device *dev, GError **err)
{
    PCIHost *host = pci_host(dev);
    lock_init(&host->irq_lock, LOCK_IRQ_ROUTER);
    memory_region_init_io(&host->ecam, &dev->regions, &ecam_ops, host, "pcie-ecam", ECAM_BYTES);
    memory_region_init_container(&host->memory, &dev->regions, "gpex_mmio_window", UINT64_MAX);
    memory_region_init_container(&host->ports, &dev->regions, "gpex_ioport", MACHINE_PORTS);
    memory_region_init_io(&host->memory_rest, NULL, &rest_ops, host, "gpex_mmio", UINT64_MAX);
    memory_region_init_io(&host->ports_rest, NULL, &rest_ops, host, "gpex_ioport_rest", MACHINE_PORTS);
    memory_region_add(&host->memory, 0, &host->memory_rest, 0);
    memory_region_add(&host->ports, 0, &host->ports_rest, 0);
    host->bus = bus_new(dev->machine, dev, "PCI", "pcie.0");
    host->bus->attach = pci_bus_attach;
    host->bus->detach = pci_bus_detach;
    Device *root = device_new(&gpex_root_class, dev->machine, NULL);
    if (!device_realize(root, host->bus, err)) {
        g_assert_not_reached(); /* slot 0 of an empty bus */
    }
    return true;
}

static void host_unrealize(Device *dev)
{
    PCIHost *host = pci_host(dev);
    MemoryRegion *const regions[] = { &host->low,         &host->high,       &host->pio,    &host->ecam,
                                      &host->memory_rest, &host->ports_rest, &host->memory, &host->ports };
    for (unsigned i = 0; i < G_N_ELEMENTS(regions); i++) {
        if (regions[i]->parent) {
            memory_region_remove(regions[i]->parent, regions[i]);
        }
        if (regions[i]->name) {
            memory_region_finish(regions[i]);
        }
    }
    lock_finish(&host->irq_lock);
}

const DeviceClass gpex_pcihost_class = {
    .name = "gpex-pcihost",
    .desc = "generic PCIe host",
    .category = "Bridge",
    .lock_class = LOCK_BUS,
    .size = sizeof(PCIHost),
    .realize = host_realize,
    .unrealize = host_unrealize,
};

/* ---- the function that stands for the host itself ------------------------ */

static bool root_realize(Device *dev, GError **err)
{
    pci_init(container_of(dev, PCIDevice, dev), &(PCIIds){ .vendor = REDHAT,
                                                           .device = REDHAT_HOST_BRIDGE,
                                                           .class = 0x060000,
                                                           .subsystem_vendor = QUMRANET,
                                                           .subsystem = SUBSYSTEM });
    return true;
}

static void root_unrealize(Device *dev)
{
    pci_finish(container_of(dev, PCIDevice, dev));
}

const DeviceClass gpex_root_class = {
    .name = "gpex-root",
    .desc = "generic PCIe host bridge",
    .category = "Bridge",
    .bus = "PCI",
    .parent = &pci_device_class,
    .size = sizeof(PCIDevice),
    .realize = root_realize,
    .unrealize = root_unrealize,
};
