/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ELF kernels with a PVH entry: Linux's vmlinux (CONFIG_PVH), Xen's, FreeBSD's.
 * Spec: Xen, "x86/HVM direct boot ABI"; the structures of its public header arch-x86/hvm/start_info.h. */
#include "hw/i386/boot.h"

#include "util/bytes.h"

enum { NOTE_PHYS32_ENTRY = 18, START_MAGIC = 0x336ec578, START_VERSION = 1 };
enum { START_SIZE = 56, MODULE_SIZE = 32, MEMMAP_SIZE = 24, MEMMAP_RAM = 1 };

static uint32_t put_modules(const BootPlan *b, GByteArray *info)
{
    uint32_t at = boot_info_put(info, NULL, b->file_count * MODULE_SIZE);
    for (unsigned i = 0; i < b->file_count; i++) {
        uint8_t module[MODULE_SIZE] = { 0 };
        store_le(module, 8, b->files[i].addr);
        store_le(module + 8, 8, b->files[i].size);
        boot_info_set(info, at + i * MODULE_SIZE, module, sizeof(module));
    }
    return at;
}

static uint32_t put_memory(const BootPlan *b, GByteArray *info)
{
    uint32_t at = boot_info_put(info, NULL, b->ram_count * MEMMAP_SIZE);
    for (unsigned i = 0; i < b->ram_count; i++) {
        uint8_t entry[MEMMAP_SIZE] = { 0 };
        store_le(entry, 8, b->ram[i].addr);
        store_le(entry + 8, 8, b->ram[i].size);
        store_le(entry + 16, 4, MEMMAP_RAM);
        boot_info_set(info, at + i * MEMMAP_SIZE, entry, sizeof(entry));
    }
    return at;
}

static bool tell(BootPlan *b, GError **err)
{
    GByteArray *info = g_byte_array_new();
    uint8_t start[START_SIZE] = { 0 };
    b->ebx = boot_info_put(info, NULL, sizeof(start));
    store_le(start, 4, START_MAGIC);
    store_le(start + 4, 4, START_VERSION);
    store_le(start + 0x0c, 4, b->file_count);
    store_le(start + 0x10, 8, b->file_count ? put_modules(b, info) : 0);
    store_le(start + 0x18, 8, boot_info_string(info, boot_command_line(b)));
    store_le(start + 0x20, 8, b->rsdp);
    store_le(start + 0x28, 8, put_memory(b, info));
    store_le(start + 0x30, 4, b->ram_count);
    boot_info_set(info, b->ebx, start, sizeof(start));
    return boot_info_place(b, info, err);
}

bool boot_pvh(BootPlan *b, bool *found, GError **err)
{
    const char *path = b->m->config->kernel;
    ImageKind kind;
    uint8_t entry[4];
    ElfFacts facts;
    *found = false;
    if (!loader_probe(path, &kind, err)) {
        return false;
    }
    if (kind != IMAGE_ELF) {
        return true;
    }
    if (!loader_elf_note(path, "Xen", NOTE_PHYS32_ENTRY, entry, sizeof(entry), found, err) || !*found) {
        return !*found && !(err && *err);
    }
    if (!loader_elf_facts(path, &facts, err) ||
        !loader_add_elf(b->m, path, facts.machine, 0, &b->kernel, err)) {
        return false;
    }
    b->entry = load_le(entry, 4);
    return boot_load_initrd(b, UINT32_MAX, err) && tell(b, err);
}
