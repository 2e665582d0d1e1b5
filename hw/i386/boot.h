/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Kernels that a board starts by itself, without firmware: multiboot 1, PVH, and Linux's bzImage.
 *
 * They begin in 32-bit protected mode with flat segments, or in 64-bit mode with the first 4 GiB mapped to themselves
 * (boot_entry.h). */
#pragma once
#include "hw/loader.h"

/* RAM as the guest is told of it. */
typedef struct BootRam {
    hwaddr addr;
    uint64_t size;
} BootRam;
enum { BOOT_RAM_MAX = 3, BOOT_FILES_MAX = 64 };

typedef struct BootFile {
    hwaddr addr;
    uint64_t size;
    char *line; /* its arguments */
} BootFile;

typedef struct BootPlan {
    Machine *m;
    BootRam ram[BOOT_RAM_MAX];
    unsigned ram_count;
    BootRam reserved;   /* addresses that the guest must not give away (size 0: none) */
    hwaddr rsdp;        /* of ACPI; 0: none */
    const char *append; /* the kernel's command line; NULL: as -append has it */
    /* Filled by the protocols: */
    LoadedImage kernel;
    uint32_t entry;         /* physical */
    bool wide;              /* in 64-bit mode */
    uint32_t eax, ebx, esi; /* what it finds there */
    BootFile files[BOOT_FILES_MAX];
    unsigned file_count;
} BootPlan;

/* What the kernel is told goes to this place in low memory, which nothing else uses. */
enum { BOOT_INFO = 0x90000, BOOT_INFO_SIZE = 0xf000 };
enum { BOOT_PAGE_TABLES = 0x80000 }; /* of 64-bit mode: six pages */

/* -kernel, -initrd, -append: load them; the first processor begins there. */
bool boot_kernel(BootPlan *b, GError **err);
void boot_plan_clear(BootPlan *b);

/* ---- the protocols (boot_multiboot.c, boot_pvh.c): *found tells whether the kernel is one of theirs ---- */
bool boot_multiboot(BootPlan *b, bool *found, GError **err);
bool boot_pvh(BootPlan *b, bool *found, GError **err);
bool boot_linux(BootPlan *b, bool *found, GError **err);

/* A bzImage; what was read of it stays. */
typedef struct LinuxImage {
    const uint8_t *bytes; /* its beginning, LINUX_HEAD of them if it has so many, or more */
    uint64_t size, setup; /* of the file; of what comes before the code that is loaded */
    uint64_t room;        /* bytes of memory that the code wants */
    uint32_t ramdisk_max; /* highest address of its ramdisk */
    unsigned version;
} LinuxImage;
enum { /* fields that a boot loader writes: offsets in the file, and in the zero page */
       LINUX_LOADER = 0x210,
       LINUX_LOAD_FLAGS = 0x211,
       LINUX_RAMDISK = 0x218,
       LINUX_RAMDISK_SIZE = 0x21c,
       LINUX_HEAP_END = 0x224,
       LINUX_COMMAND_LINE = 0x228,
       LINUX_HEAD = 4096,
};
/* head: LinuxImage.bytes of a file of this size. */
bool boot_linux_read(GBytes *head, uint64_t size, const char *path, LinuxImage *k, bool *found, GError **err);
/* -bios, on boards with fw_cfg: what firmware asks it for, -kernel among it. */
bool boot_by_firmware(BootPlan *b, GError **err);
/* linuxboot_dma.bin of QEMU's data files, which firmware runs first: it starts what boot_by_firmware gives. */
bool boot_give_linux_rom(Machine *m, GError **err);

/* For them.  One file, page-aligned at `at` or behind it; `line` is copied. */
bool boot_add_file(BootPlan *b, const char *path, const char *line, hwaddr at, GError **err);
/* -initrd, at the end of RAM below 4 GiB and below `limit`, as far from the kernel as can be. */
bool boot_load_initrd(BootPlan *b, hwaddr limit, GError **err);
const char *boot_command_line(const BootPlan *b); /* never NULL */
hwaddr boot_page_up(hwaddr addr);
bool boot_fail(GError **err, const char *fmt, ...) G_GNUC_PRINTF(2, 3);
/* The block at BOOT_INFO grows: append, and know the address of what was appended.  NULL data: zeroes. */
uint32_t boot_info_put(GByteArray *info, const void *data, unsigned bytes);
uint32_t boot_info_string(GByteArray *info, const char *text);
void boot_info_set(GByteArray *info, uint32_t addr, const void *data, unsigned bytes);
bool boot_info_place(BootPlan *b, GByteArray *info, GError **err); /* takes it */
