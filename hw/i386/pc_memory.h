/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Memory of a PC.
 *
 *   0               RAM, up to 3 GiB; what is more lies above 4 GiB
 *   4 GiB - size    -bios: a flat image; its last 128 KiB also below 1 MiB
 *
 * SMRAM, of boards that have it: RAM from A0000h to BFFFFh, which system-management mode alone sees. */
#pragma once
#include "hw/i386/boot.h"

#define PC_LOW_RAM_MAX (UINT64_C(3) << 30)

typedef struct PcMemory {
    MemoryRegion low, high; /* views of RAM */
    MemoryRegion rom, shadow;
    bool
        rom_is_ram; /* of the board: firmware has its variables there, as there is no chipset to unlock RAM behind it */
    MemoryRegion closed;              /* nothing, in front of SMRAM */
    MemoryRegion smm, outside, smram; /* what SMM sees: all, and SMRAM in front of it */
    AddressSpace *smm_space;
} PcMemory;

/* Errors name the board and the option. */
bool pc_make_memory(Machine *m, PcMemory *mem, GError **err) G_GNUC_WARN_UNUSED_RESULT;
/* Of all processors, once they are there. */
void pc_make_smram(Machine *m, PcMemory *mem);
void pc_finish_memory(PcMemory *mem);
/* Firmware, or kernel: `plan` says what else the kernel is told; RAM comes from here. */
bool pc_boot(Machine *m, BootPlan *plan, GError **err) G_GNUC_WARN_UNUSED_RESULT;
/* -kernel, -bios, -initrd, -append, -dtb fit together; firmware_asks: that of -bios can ask fw_cfg for a kernel. */
bool pc_check_boot_options(const Machine *m, bool firmware_asks, GError **err) G_GNUC_WARN_UNUSED_RESULT;
