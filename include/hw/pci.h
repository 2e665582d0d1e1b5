/* SPDX-License-Identifier: GPL-2.0-or-later */
/* PCI functions, the bus they sit on ("PCI"), and the generic ECAM host.
 * Spec: PCI Local Bus 3.0, chapter 6 (configuration space); PCI Express base, 7.2.2 (ECAM).
 *
 * Not modelled: bridges and further buses, expansion ROMs, MSI (functions have MSI-X), hot plug, extended configuration space. */
#pragma once
#include "hw/device.h"
#include "hw/regs.h"

enum { PCI_CONFIG_BYTES = 256, PCI_BARS = 6, PCI_FUNCTIONS = 256, PCI_PINS = 4, PCI_MSIX_MAX = 128 };

/* Registers and bits of the configuration header */
enum {
    PCI_VENDOR_ID = 0x00,
    PCI_DEVICE_ID = 0x02,
    PCI_COMMAND = 0x04,
    PCI_STATUS = 0x06,
    PCI_REVISION = 0x08,
    PCI_CLASS_PROG = 0x09,
    PCI_CACHE_LINE = 0x0c,
    PCI_LATENCY = 0x0d,
    PCI_HEADER_TYPE = 0x0e,
    PCI_BAR_0 = 0x10,
    PCI_SUBSYSTEM_VENDOR = 0x2c,
    PCI_SUBSYSTEM_ID = 0x2e,
    PCI_CAPABILITIES = 0x34,
    PCI_INTERRUPT_LINE = 0x3c,
    PCI_INTERRUPT_PIN = 0x3d,
    PCI_HEADER_END = 0x40,
};
enum {
    PCI_COMMAND_IO = 1,
    PCI_COMMAND_MEMORY = 2,
    PCI_COMMAND_MASTER = 4,
    PCI_COMMAND_INTX_OFF = 0x400,
    PCI_STATUS_INTERRUPT = 8,
    PCI_STATUS_CAP_LIST = 0x10,
    PCI_HEADER_MULTIFUNCTION = 0x80,
};
enum { PCI_CAP_VENDOR = 0x09 };
enum { PCI_BAR_MEM32 = 0, PCI_BAR_IO = 1, PCI_BAR_MEM64 = 4, PCI_BAR_PREFETCH = 8 };

typedef struct PCIHost PCIHost;

typedef struct PCIBar {
    MemoryRegion *mr; /* NULL: there is none; a power of two long */
    uint8_t type;     /* PCI_BAR_* */
} PCIBar;

/* One function.  A class names pci_device_class as its parent, calls pci_init in its
 * realize and then declares bars, capabilities and its interrupt pin; its unrealize
 * calls pci_finish. */
typedef struct PCIDevice {
    Device dev;
    int32_t devfn;      /* property addr; slot << 3 | function once attached */
    bool multifunction; /* property */
    PCIHost *host;
    PCIBar bars[PCI_BARS];
    uint8_t init[PCI_CONFIG_BYTES];  /* after reset, and what cannot be written always */
    uint8_t wmask[PCI_CONFIG_BYTES]; /* bits that the guest may write */
    unsigned cap_end;                /* where the next capability goes */
    bool intx;                       /* the function asserts its pin */
    bool intx_out;                   /* the host has been told so */
    unsigned msix_vectors, msix_cap; /* 0: it has no MSI-X; offset of the capability */
    RegFile msix_regs;
    /* Optional.  before a read, so that the bytes can be made; after a write */
    void (*config_reading)(struct PCIDevice *d, unsigned offset, unsigned size);
    void (*config_written)(struct PCIDevice *d, unsigned offset, unsigned size);
    struct PCIState {
        uint8_t config[PCI_CONFIG_BYTES];
        uint64_t msix_address[PCI_MSIX_MAX], msix_pending[PCI_MSIX_MAX / 64];
        uint32_t msix_data[PCI_MSIX_MAX], msix_masked[PCI_MSIX_MAX];
    } s;
} PCIDevice;

extern const DeviceClass pci_device_class;

typedef struct PCIIds {
    uint16_t vendor, device, subsystem_vendor, subsystem;
    uint32_t class; /* 24 bits */
    uint8_t revision;
    uint8_t pin; /* 1: INTA, 0: none */
} PCIIds;

void pci_init(PCIDevice *d, const PCIIds *ids);
void pci_finish(PCIDevice *d);
void pci_add_bar(PCIDevice *d, unsigned index, uint8_t type, MemoryRegion *mr);
/* A capability of `size` bytes with its two header bytes; returns its offset. */
unsigned pci_add_capability(PCIDevice *d, uint8_t id, unsigned size);
void pci_refresh(PCIDevice *d);              /* a class with a refresh of its own calls it there */
void pci_set_intx(PCIDevice *d, bool level); /* under the function's lock */

/* ---- msix.c: interrupts as messages; the function is locked ---- */

/* In realize, where the machine takes messages: 1 to PCI_MSIX_MAX of them, and a BAR of 4 KiB. */
void pci_msix_add(PCIDevice *d, unsigned vectors, unsigned bar);
bool pci_msix_enabled(const PCIDevice *d); /* then the pin is silent */
void pci_msix_notify(PCIDevice *d, unsigned vector);
void pci_msix_look(PCIDevice *d); /* for pci.c, as the next two: send what waits, if it may now */
void pci_msix_finish(PCIDevice *d);
bool pci_msix_loaded(const PCIDevice *d); /* a guest can have brought it there */

static inline uint16_t pci_command(const PCIDevice *d)
{
    return (uint16_t)(d->s.config[PCI_COMMAND] | d->s.config[PCI_COMMAND + 1] << 8);
}
/* Access to configuration space; size 1, 2 or 4, aligned.  Takes the function's lock. */
uint32_t pci_config_read(PCIDevice *d, unsigned offset, unsigned size);
void pci_config_describe(const PCIDevice *d, unsigned offset, IoTrace *t); /* for IoOps.describe */
void pci_config_write(PCIDevice *d, unsigned offset, unsigned size, uint32_t value);

/* Where the guest has put a BAR that the function has; UINT64_MAX: nowhere, or it does not answer.  The function is locked. */
uint64_t pci_bar_address(const PCIDevice *d, unsigned index);
const char *pci_class_name(uint16_t base_and_sub); /* "Ethernet controller"; NULL: no name here */

/* ---- the host ---- */

/* Where a board shows the host's windows; sizes 0: not shown. */
typedef struct PCIWindows {
    hwaddr ecam, ecam_size;
    hwaddr pio, pio_size;   /* ports from 0 on */
    hwaddr mmio, mmio_size; /* bus address = CPU address, below 4 GiB */
    hwaddr mmio_high, mmio_high_size;
} PCIWindows;

/* "gpex-pcihost": provides the bus "pcie.0".  A board makes it with device_new and
 * device_realize, connects irq[0..3] (INTA to INTD after the swizzle) and maps it. */
struct PCIHost {
    Device dev;
    Irq irq[PCI_PINS];
    Bus *bus;
    MemoryRegion ecam;                    /* 256 MiB */
    MemoryRegion memory, ports;           /* containers of the functions' BARs */
    MemoryRegion memory_rest, ports_rest; /* what no BAR covers: reads as ones */
    MemoryRegion low, high, pio;          /* aliases, once mapped */
    PCIDevice *functions[PCI_FUNCTIONS];  /* of bus 0; under the lock */
    Lock irq_lock;                        /* leaf but for irq_set */
    unsigned irq_count[PCI_PINS];
};

extern const DeviceClass gpex_pcihost_class, gpex_root_class;

/* ECAM and windows in the machine's memory; the functions' I/O BARs are in its ports (and seen through
 * the window `pio`, by a CPU that has no port instructions). */
void pci_host_map(PCIHost *host, Machine *m, const PCIWindows *w);
void pci_host_function_intx(PCIHost *host, const PCIDevice *d, bool level); /* for pci.c */

/* The functions of all hosts of a machine, by host and address; in the main loop, where they come and go. */
void pci_foreach_function(const Machine *m, void (*fn)(PCIDevice *d, void *opaque), void *opaque);

/* The `interrupt-map` property of the device tree, for interrupt-map-mask
 * <0x1800 0 0 7>: host-endian cells, for a controller of one interrupt cell and no
 * address cells; pin INTA of slot 0 has interrupt `first_irq`. */
enum { PCI_MAP_CELLS = 4 * PCI_PINS * 6 };
void pci_host_interrupt_map(uint32_t controller_phandle, uint32_t first_irq, uint32_t cells[PCI_MAP_CELLS]);
