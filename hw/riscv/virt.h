/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the files of the `virt` board share: virt.c (devices), virt_fdt.c (device
 * tree), boot.c (firmware and kernel). */
#pragma once
#include "hw/board.h"
#include "hw/intc/riscv_aclint.h"
#include "hw/intc/riscv_plic.h"
#include "hw/pci.h"
#include "hw/virtio_mmio.h"

/* Memory map and interrupt numbers: as QEMU's `virt`. */
#define VIRT_MROM UINT64_C(0x00001000)
#define VIRT_MROM_SIZE UINT64_C(0x0000f000)
#define VIRT_TEST UINT64_C(0x00100000)
#define VIRT_TEST_SIZE UINT64_C(0x00001000)
#define VIRT_RTC UINT64_C(0x00101000)
#define VIRT_RTC_SIZE UINT64_C(0x00001000)
#define VIRT_CLINT UINT64_C(0x02000000)
#define VIRT_CLINT_SIZE UINT64_C(0x00010000)
#define VIRT_MSWI_SIZE UINT64_C(0x00004000)
#define VIRT_MTIMER UINT64_C(0x02004000)
#define VIRT_SSWI UINT64_C(0x02f00000)
#define VIRT_SSWI_SIZE UINT64_C(0x00004000)
#define VIRT_PCIE_PIO UINT64_C(0x03000000)
#define VIRT_PCIE_PIO_SIZE UINT64_C(0x00010000)
#define VIRT_PLATFORM_BUS UINT64_C(0x04000000)
#define VIRT_PLATFORM_BUS_SIZE UINT64_C(0x02000000)
#define VIRT_PLIC UINT64_C(0x0c000000)
#define VIRT_PLIC_SIZE UINT64_C(0x00600000)
#define VIRT_UART0 UINT64_C(0x10000000)
#define VIRT_UART0_SIZE UINT64_C(0x00000100)
#define VIRT_VIRTIO UINT64_C(0x10001000)
#define VIRT_VIRTIO_STEP UINT64_C(0x00001000)
#define VIRT_FW_CFG UINT64_C(0x10100000)
#define VIRT_FW_CFG_SIZE UINT64_C(0x00000018)
#define VIRT_FLASH UINT64_C(0x20000000)
#define VIRT_FLASH_SIZE UINT64_C(0x02000000) /* each bank */
#define VIRT_ECAM UINT64_C(0x30000000)
#define VIRT_ECAM_SIZE UINT64_C(0x10000000)
#define VIRT_PCIE_MMIO UINT64_C(0x40000000)
#define VIRT_PCIE_MMIO_SIZE UINT64_C(0x40000000)
#define VIRT_DRAM UINT64_C(0x80000000)

enum {
    VIRT_VIRTIO_COUNT = 8,
    VIRT_VIRTIO_IRQ = 1, /* 1 to 8 */
    VIRT_UART0_IRQ = 10,
    VIRT_RTC_IRQ = 11,
    VIRT_PCIE_IRQ = 32, /* to 35 */
    VIRT_PLIC_SOURCES = 96,
    VIRT_FLASH_BANKS = 2,
    VIRT_FLASH_SECTOR = 256 << 10,
};

typedef struct VirtBoard {
    /* options of -machine */
    bool aclint;
    int acpi, iommu_sys, aia;
    uint32_t aia_guests;
    /* devices */
    MemoryRegion mrom;
    Plic *plic;
    AclintMtimer *mtimer;
    AclintSwi *mswi, *sswi;
    PCIHost *pcie;
    VirtioMmio *virtio[VIRT_VIRTIO_COUNT];
    uint64_t pcie_high, pcie_high_size; /* window above RAM */
} VirtBoard;

static inline VirtBoard *virt_board(const Machine *m)
{
    return m->board_data;
}
bool virt_is_rv32(const Machine *m);
bool virt_has_flash_firmware(const Machine *m); /* bank 0 has an image */

/* The tree of the machine as it is; packed. */
GBytes *virt_fdt_build(Machine *m);
/* Load firmware and kernel, place the tree, write the reset vector; with -machine
 * dumpdtb= write the tree to that file. */
bool virt_boot(Machine *m, GError **err);
/* The file that -bios means, by default OpenSBI; free with g_free. */
char *virt_find_firmware(const char *bios, bool rv32, GError **err);
bool virt_boot_order(Machine *m, GError **err); /* virt_boot_order.c: what firmware may read of it */
