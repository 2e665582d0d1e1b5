/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the files of the board `microvm` share: microvm.c (devices), microvm_acpi.c (tables). */
#pragma once
#include "hw/acpi/ged.h"
#include "hw/i386/pc_memory.h"
#include "hw/i386/pc_parts.h"
#include "hw/pci.h"
#include "hw/virtio_mmio.h"

/* Memory map: as QEMU's. */
#define MICROVM_VIRTIO UINT64_C(0xfeb00000)
#define MICROVM_GED UINT64_C(0xfea00000)
#define MICROVM_GED_REGS UINT64_C(0xfea00200)
#define MICROVM_PCIE_MMIO UINT64_C(0xc0000000)
#define MICROVM_PCIE_MMIO_SIZE UINT64_C(0x20000000)
#define MICROVM_ECAM UINT64_C(0xe0000000)
#define MICROVM_ECAM_SIZE UINT64_C(0x10000000)
enum { MICROVM_PM_TIMER = 0x608 }; /* a port: as PCs have it */
enum {
    MICROVM_TABLES = 0xf0000,
    MICROVM_ACPI_TABLES = 0xf2000,
    MICROVM_TABLES_SIZE = 0x10000
}; /* where systems look for them */
enum { MICROVM_SLOTS_MAX = 24, MICROVM_SLOTS_FEW = 8, MICROVM_PCIE_LINE = 12, MICROVM_GED_LINE = 9 };

typedef struct MicrovmBoard {
    /* options */
    int pic, pit, rtc, acpi, pcie, ioapic2; /* OnOffAuto */
    bool isa_serial, auto_cmdline, option_roms;

    PcMemory memory;
    PcParts parts;
    unsigned slots;
    VirtioMmio *virtio[MICROVM_SLOTS_MAX];
    Ged *ged;     /* with ACPI */
    PCIHost *pci; /* pcie=on */
    char *append; /* the kernel's command line, when something is added to -append */
} MicrovmBoard;

static inline MicrovmBoard *microvm_board(const Machine *m)
{
    return m->board_data;
}
static inline bool microvm_has_acpi(const Machine *m)
{
    return microvm_board(m)->acpi != ON_OFF_OFF;
}
/* For the guest's address `at`; *rsdp: where a system begins to read. */
GBytes *microvm_acpi_tables(const Machine *m, uint32_t at, hwaddr *rsdp);
int microvm_slot_line(const Machine *m, unsigned slot);
/* pcie=on: what it shows in memory above RAM. */
PCIWindows microvm_pci_windows(const Machine *m);
