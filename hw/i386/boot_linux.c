/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Linux's bzImage, by its 64-bit entry where both have 64-bit mode, else by the 32-bit one: its own 16-bit code is not run.
 * Spec: Linux, Documentation/arch/x86: "The Linux/x86 Boot Protocol", "Zero Page". */
#include "hw/i386/boot.h"

#include <string.h>

#include "target/i386.h"
#include "util/bytes.h"

enum {
    SETUP_SECTS = 0x1f1,
    BOOT_FLAG = 0x1fe,
    HEADER_END = 0x201,
    MAGIC = 0x202,
    VERSION = 0x206,
    RAMDISK_MAX = 0x22c,
    RELOCATABLE = 0x234,
    WIDE_FLAGS = 0x236,
    COMMAND_LINE_MAX = 0x238,
    PREFERRED = 0x258,
    INIT_SIZE = 0x260,
    HEADER_BYTES = 0x264
};
enum {
    ZERO_PAGE = 4096,
    ZERO_RSDP = 0x70,
    ZERO_E820_COUNT = 0x1e8,
    ZERO_E820 = 0x2d0,
    E820_ENTRY = 20,
    E820_RAM = 1,
    E820_RESERVED = 2
};
enum {
    SECTOR = 512,
    SETUP_SECTS_DEFAULT = 4,
    VERSION_LEAST = 0x206,
    VERSION_PREFERRED = 0x20a,
    VERSION_WIDE = 0x20c
};
enum { LOADED_HIGH = 1, LOADER_UNKNOWN = 0xff, KERNEL_64 = 1, ENTRY_64 = 0x200, HIGH = 1 << 20 };

static bool is_bzimage(const LinuxImage *k)
{
    return k->size >= HEADER_BYTES && load_le(k->bytes + BOOT_FLAG, 2) == 0xaa55 &&
           !memcmp(k->bytes + MAGIC, "HdrS", 4);
}

static bool check(LinuxImage *k, const char *path, GError **err)
{
    unsigned sectors = k->bytes[SETUP_SECTS] ? k->bytes[SETUP_SECTS] : SETUP_SECTS_DEFAULT;
    k->version = load_le(k->bytes + VERSION, 2);
    k->setup = (sectors + 1) * SECTOR;
    if (k->version < VERSION_LEAST || !(k->bytes[LINUX_LOAD_FLAGS] & LOADED_HIGH)) {
        return boot_fail(err, "%s: a Linux kernel older than 2.6.20, or a zImage; take a newer one", path);
    }
    if (k->size <= k->setup) {
        return boot_fail(err, "%s: the file ends before the kernel begins", path);
    }
    return true;
}

/* Where it likes to run, with the room that it needs. */
static bool place(BootPlan *b, const LinuxImage *k, const char *path, GError **err)
{
    bool moves = k->version >= VERSION_PREFERRED && k->bytes[RELOCATABLE];
    uint64_t at = moves ? load_le(k->bytes + PREFERRED, 8) : HIGH;
    uint64_t room = k->room;
    const BootRam *low = &b->ram[1];
    if (at < low->addr || at - low->addr > low->size || room > low->size - (at - low->addr)) {
        return boot_fail(err,
                         "%s: it needs %" G_GUINT64_FORMAT " MiB of memory; give the machine more with -m",
                         path, ((at + room) >> 20) + 1);
    }
    b->wide = k->version >= VERSION_WIDE && (load_le(k->bytes + WIDE_FLAGS, 2) & KERNEL_64) &&
              x86_has_long_mode(b->m->cpus[0]);
    b->entry = at + (b->wide ? ENTRY_64 : 0);
    uint64_t code = k->size - k->setup;
    LoaderPart part = { .offset = k->setup, .file_size = code, .memory_size = code, .addr = at };
    bool ok = loader_add_part(b->m, path, &part, &b->kernel, err);
    b->kernel = (LoadedImage){ .low = at, .high = at + room, .entry = b->entry };
    return ok;
}

static void put_range(uint8_t *page, const BootRam *range, unsigned type)
{
    uint8_t *entry = page + ZERO_E820 + page[ZERO_E820_COUNT]++ * E820_ENTRY;
    store_le(entry, 8, range->addr);
    store_le(entry + 8, 8, range->size);
    store_le(entry + 16, 4, type);
}

static void put_memory(const BootPlan *b, uint8_t *page)
{
    for (unsigned i = 0; i < b->ram_count; i++) {
        put_range(page, &b->ram[i], E820_RAM);
    }
    if (b->reserved.size) {
        put_range(page, &b->reserved, E820_RESERVED);
    }
}

static bool tell(BootPlan *b, const LinuxImage *k, GError **err)
{
    uint8_t page[ZERO_PAGE] = { 0 };
    const char *line = boot_command_line(b);
    uint32_t most = load_le(k->bytes + COMMAND_LINE_MAX, 4);
    if (strlen(line) > most) {
        return boot_fail(err, "-append: this kernel takes a command line of at most %u bytes", most);
    }
    unsigned end = MIN(MAGIC + k->bytes[HEADER_END], ZERO_E820);
    memcpy(page + SETUP_SECTS, k->bytes + SETUP_SECTS, MIN(end, k->size) - SETUP_SECTS);
    GByteArray *info = g_byte_array_new();
    b->esi = boot_info_put(info, NULL, sizeof(page));
    page[LINUX_LOADER] = LOADER_UNKNOWN;
    store_le(page + LINUX_COMMAND_LINE, 4, boot_info_string(info, line));
    if (b->file_count) {
        store_le(page + LINUX_RAMDISK, 4, b->files[0].addr);
        store_le(page + LINUX_RAMDISK_SIZE, 4, b->files[0].size);
    }
    store_le(page + ZERO_RSDP, 8, b->rsdp);
    put_memory(b, page);
    boot_info_set(info, b->esi, page, sizeof(page));
    return boot_info_place(b, info, err);
}

bool boot_linux_read(GBytes *head, uint64_t size, const char *path, LinuxImage *k, bool *found, GError **err)
{
    *k = (LinuxImage){ .bytes = g_bytes_get_data(head, NULL), .size = size };
    *found = is_bzimage(k);
    if (!*found) {
        return true;
    }
    if (!check(k, path, err)) {
        return false;
    }
    k->ramdisk_max = load_le(k->bytes + RAMDISK_MAX, 4);
    k->room = k->version >= VERSION_PREFERRED ? load_le(k->bytes + INIT_SIZE, 4) : 0;
    k->room = MAX(k->room, k->size - k->setup);
    return true;
}

bool boot_linux(BootPlan *b, bool *found, GError **err)
{
    const char *path = b->m->config->kernel;
    uint64_t size;
    g_autoptr(GBytes) head = loader_read_head(path, LINUX_HEAD, &size, err);
    LinuxImage k;
    *found = false;
    return head && boot_linux_read(head, size, path, &k, found, err) &&
           (!*found || (place(b, &k, path, err) && boot_load_initrd(b, (uint64_t)k.ramdisk_max + 1, err) &&
                        tell(b, &k, err)));
}
