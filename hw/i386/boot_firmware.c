/* SPDX-License-Identifier: GPL-2.0-or-later */
/* -bios with -kernel: a bzImage that firmware (qboot, SeaBIOS) asks fw_cfg for, in the two parts of the boot protocol.
 * Spec: Linux, Documentation/arch/x86: "The Linux/x86 Boot Protocol", "Memory layout", "Details of header fields"; the keys are
 * those of include/uapi/linux/qemu_fw_cfg.h.
 *
 * What a boot loader writes into the header (where command line and ramdisk are) is there already: firmware only copies.
 *
 * Not modelled: kernels of other formats by this way. */
#include "hw/i386/boot.h"

#include <string.h>

#include "base/datadir.h"
#include "hw/nvram/fw_cfg.h"
#include "util/bytes.h"

/* Low memory, as the protocol draws it: setup code with its heap and stack, then the command line. */
enum { SETUP_AT = 0x10000, LINE_AT = 0x20000, HEAP_END = 0xe000, HIGH_AT = 1 << 20 };
enum { SETUP_BYTES_MAX = 0x8000, LINE_BYTES_MAX = 0xf000 };

typedef struct Range {
    uint64_t addr, size;
    uint32_t type; /* 1: RAM, 2: reserved */
} __attribute__((packed)) Range;

/* etc/e820: what firmware gives the system, less what it takes itself. */
static bool add_ranges(const BootPlan *b, GError **err)
{
    g_autoptr(GByteArray) list = g_byte_array_new();
    Range low = { 0, GUINT64_TO_LE(b->ram[1].addr + b->ram[1].size), GUINT32_TO_LE(1) };
    g_byte_array_append(list, (uint8_t *)&low, sizeof(low));
    for (unsigned i = 2; i < b->ram_count; i++) {
        Range high = { GUINT64_TO_LE(b->ram[i].addr), GUINT64_TO_LE(b->ram[i].size), GUINT32_TO_LE(1) };
        g_byte_array_append(list, (uint8_t *)&high, sizeof(high));
    }
    if (b->reserved.size) {
        Range kept = { GUINT64_TO_LE(b->reserved.addr), GUINT64_TO_LE(b->reserved.size), GUINT32_TO_LE(2) };
        g_byte_array_append(list, (uint8_t *)&kept, sizeof(kept));
    }
    g_autoptr(GBytes) bytes = g_bytes_new(list->data, list->len);
    return fw_cfg_add_file(b->m->fw_cfg, "etc/e820", bytes, err);
}

static void give(FwCfg *f, uint16_t key, uint16_t size_key, GBytes *bytes)
{
    fw_cfg_add_u32(f, size_key, g_bytes_get_size(bytes));
    fw_cfg_add_bytes(f, key, bytes);
}

/* At the end of RAM below the limit; 0: there is none. */
static bool give_ramdisk(const BootPlan *b, const LinuxImage *k, uint32_t *at, uint32_t *size, GError **err)
{
    const char *path = b->m->config->initrd;
    g_autoptr(GBytes) file = path ? loader_read(path, INT32_MAX, err) : NULL;
    if (path && !file) {
        g_prefix_error(err, "-initrd: ");
        return false;
    }
    if (!path) {
        return true;
    }
    enum { FIRMWARE_ROOM = 1 << 20 }; /* its tables are at the end of RAM */
    uint64_t end = MIN(b->ram[1].addr + b->ram[1].size - FIRMWARE_ROOM, (uint64_t)k->ramdisk_max + 1);
    *size = g_bytes_get_size(file);
    if (end < *size || end - *size < HIGH_AT + k->room) {
        return boot_fail(err, "-initrd %s: it does not fit in memory; give the machine more with -m", path);
    }
    *at = (end - *size) & ~(uint64_t)4095;
    fw_cfg_add_u32(b->m->fw_cfg, FW_CFG_INITRD_ADDR, *at);
    give(b->m->fw_cfg, FW_CFG_INITRD_DATA, FW_CFG_INITRD_SIZE, file);
    return true;
}

static GBytes *setup_part(const LinuxImage *k, uint32_t ramdisk, uint32_t ramdisk_size)
{
    enum { QEMU_LOADER = 0xb0, CAN_USE_HEAP = 0x80 };
    uint8_t *setup = g_memdup2(k->bytes, k->setup);
    setup[LINUX_LOADER] = QEMU_LOADER;
    setup[LINUX_LOAD_FLAGS] |= CAN_USE_HEAP;
    store_le(setup + LINUX_HEAP_END, 2, HEAP_END - 0x200);
    store_le(setup + LINUX_COMMAND_LINE, 4, LINE_AT);
    store_le(setup + LINUX_RAMDISK, 4, ramdisk);
    store_le(setup + LINUX_RAMDISK_SIZE, 4, ramdisk_size);
    return g_bytes_new_take(setup, k->setup);
}

static bool give_kernel(const BootPlan *b, GError **err)
{
    FwCfg *f = b->m->fw_cfg;
    const char *path = b->m->config->kernel, *line = boot_command_line(b);
    g_autoptr(GBytes) file = loader_read(path, INT32_MAX, err);
    LinuxImage k;
    bool found;
    if (!file || !boot_linux_read(file, g_bytes_get_size(file), path, &k, &found, err)) {
        return false;
    }
    if (!found) {
        return boot_fail(err, "%s: behind -bios a kernel is a bzImage; leave -bios out for other ones", path);
    }
    if (k.setup > SETUP_BYTES_MAX || strlen(line) >= LINE_BYTES_MAX) {
        return boot_fail(err, "%s: its setup code, or -append, does not fit in low memory", path);
    }
    uint32_t ramdisk = 0, ramdisk_size = 0;
    if (!give_ramdisk(b, &k, &ramdisk, &ramdisk_size, err)) {
        return false;
    }
    g_autoptr(GBytes) setup = setup_part(&k, ramdisk, ramdisk_size),
                      text = g_bytes_new(line, strlen(line) + 1);
    g_autoptr(GBytes) code = g_bytes_new_from_bytes(file, k.setup, k.size - k.setup);
    fw_cfg_add_u32(f, FW_CFG_SETUP_ADDR, SETUP_AT);
    give(f, FW_CFG_SETUP_DATA, FW_CFG_SETUP_SIZE, setup);
    fw_cfg_add_u32(f, FW_CFG_CMDLINE_ADDR, LINE_AT);
    give(f, FW_CFG_CMDLINE_DATA, FW_CFG_CMDLINE_SIZE, text);
    fw_cfg_add_u32(f, FW_CFG_KERNEL_ADDR, HIGH_AT);
    give(f, FW_CFG_KERNEL_DATA, FW_CFG_KERNEL_SIZE, code);
    return true;
}

#define ROM "linuxboot_dma.bin"

bool boot_give_linux_rom(Machine *m, GError **err)
{
    enum { ROM_MAX = 128 << 10 };
    g_auto(GStrv) dirs = datadir_list(m->board->arch);
    g_autofree char *path = datadir_find(dirs, ROM);
    if (!path) {
        return boot_fail(
            err,
            "x-option-roms=on: no directory of -L help has %s; install qemu-system-data, or name one with -L",
            ROM);
    }
    g_autoptr(GBytes) rom = loader_read(path, ROM_MAX, err);
    static const char order[] = "/rom@genroms/" ROM;
    g_autoptr(GBytes) first = g_bytes_new_static(order, sizeof(order));
    return rom && fw_cfg_add_file(m->fw_cfg, "genroms/" ROM, rom, err) &&
           fw_cfg_add_file(m->fw_cfg, "bootorder", first, err);
}

bool boot_by_firmware(BootPlan *b, GError **err)
{
    if (!add_ranges(b, err)) {
        return false;
    }
    if (b->m->config->kernel && !give_kernel(b, err)) {
        g_prefix_error(err, "-kernel: could not load kernel: ");
        return false;
    }
    return true;
}
