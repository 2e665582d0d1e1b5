/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Multiboot 1 kernels: ELF files, or others whose header says where they go.
 * Spec: Multiboot Specification 0.6.96, chapter 3.  -initrd "FILE ARGUMENTS,FILE ARGUMENTS" gives modules.
 *
 * Not modelled: a video mode that the kernel wants (it is told of none), symbols, drives, APM. */
#include "hw/i386/boot.h"

#include <elf.h>
#include <string.h>

#include "base/version.h"
#include "util/bytes.h"

enum {
    SEARCH = 8192,
    MAGIC = 0x1badb002,
    MAGIC_EAX = 0x2badb002,
    FLAG_ADDRESSES = 1 << 16,
    FLAGS_KNOWN = 7, /* page-aligned modules, memory, video mode: of the lower half, which must be obeyed */
};

enum { /* of the information: flags, and offsets */
       INFO_MEMORY = 1 << 0,
       INFO_CMDLINE = 1 << 2,
       INFO_MODS = 1 << 3,
       INFO_MMAP = 1 << 6,
       INFO_NAME = 1 << 9,
       INFO_SIZE = 88,
       MOD_SIZE = 16,
       MMAP_SIZE = 24, /* with its own size, which does not count itself */
};

typedef struct Header {
    unsigned offset; /* in the file */
    uint32_t flags;
    uint32_t header_addr, load_addr, load_end_addr, bss_end_addr, entry_addr;
} Header;

static bool read_header(const uint8_t *p, size_t left, Header *h)
{
    uint32_t flags = load_le(p + 4, 4);
    if ((uint32_t)load_le(p, 4) != MAGIC || (uint32_t)(MAGIC + flags + load_le(p + 8, 4)) != 0) {
        return false;
    }
    h->flags = flags;
    if (flags & FLAG_ADDRESSES) {
        if (left < 32) {
            return false;
        }
        h->header_addr = load_le(p + 12, 4);
        h->load_addr = load_le(p + 16, 4);
        h->load_end_addr = load_le(p + 20, 4);
        h->bss_end_addr = load_le(p + 24, 4);
        h->entry_addr = load_le(p + 28, 4);
    }
    return true;
}

static bool find_header(GBytes *head, Header *h)
{
    gsize size;
    const uint8_t *p = g_bytes_get_data(head, &size);
    for (unsigned at = 0; at + 12 <= size; at += 4) {
        *h = (Header){ .offset = at };
        if (read_header(p + at, size - at, h)) {
            return true;
        }
    }
    return false;
}

/* ---- the kernel --------------------------------------------------------------- */

static bool load_by_header(BootPlan *b, const Header *h, uint64_t file_size, GError **err)
{
    uint64_t before = (uint64_t)h->header_addr - h->load_addr;
    if (h->load_addr > h->header_addr || before > h->offset) {
        return boot_fail(err, "'%s': its multiboot header names a load address above its own; check the file",
                         b->m->config->kernel);
    }
    LoaderPart part = { .offset = h->offset - before, .addr = h->load_addr };
    part.file_size = h->load_end_addr ? (uint64_t)h->load_end_addr - h->load_addr : file_size - part.offset;
    uint64_t with_bss = h->bss_end_addr ? (uint64_t)h->bss_end_addr - h->load_addr : 0;
    part.memory_size = MAX(part.file_size, with_bss);
    if (part.file_size >> 32 || part.memory_size >> 32) {
        return boot_fail(err, "'%s': the addresses of its multiboot header make no sense; check the file",
                         b->m->config->kernel);
    }
    b->entry = h->entry_addr;
    return loader_add_part(b->m, b->m->config->kernel, &part, &b->kernel, err);
}

static bool load_elf(BootPlan *b, GError **err)
{
    ElfFacts facts;
    const char *path = b->m->config->kernel;
    if (!loader_elf_facts(path, &facts, err)) {
        return false;
    }
    if (facts.bits != 32) {
        return boot_fail(err,
                         "'%s': a multiboot kernel that is a 64-bit ELF file; make it one of 32 bits with "
                         "objcopy -O elf32-i386",
                         path);
    }
    if (!loader_add_elf(b->m, path, EM_386, 0, &b->kernel, err)) {
        return false;
    }
    b->entry = b->kernel.entry;
    return true;
}

/* ---- what it is told ------------------------------------------------------------- */

static bool load_modules(BootPlan *b, GError **err)
{
    const char *initrd = b->m->config->initrd;
    if (!initrd) {
        return true;
    }
    g_auto(GStrv) words = g_strsplit(initrd, ",", -1);
    hwaddr at = b->kernel.high;
    for (unsigned i = 0; words[i]; i++) {
        g_autofree char *path = g_strndup(words[i], strcspn(words[i], " "));
        if (!boot_add_file(b, path, words[i], at, err)) {
            return false;
        }
        at = b->files[b->file_count - 1].addr + b->files[b->file_count - 1].size;
    }
    return true;
}

static void put_modules(const BootPlan *b, GByteArray *info, uint8_t *head)
{
    uint32_t mods = boot_info_put(info, NULL, b->file_count * MOD_SIZE);
    for (unsigned i = 0; i < b->file_count; i++) {
        uint8_t mod[MOD_SIZE] = { 0 };
        store_le(mod, 4, b->files[i].addr);
        store_le(mod + 4, 4, b->files[i].addr + b->files[i].size);
        store_le(mod + 8, 4, boot_info_string(info, b->files[i].line));
        boot_info_set(info, mods + i * MOD_SIZE, mod, sizeof(mod));
    }
    store_le(head + 20, 4, b->file_count);
    store_le(head + 24, 4, mods);
}

static void put_memory(const BootPlan *b, GByteArray *info, uint8_t *head)
{
    uint32_t mmap = boot_info_put(info, NULL, b->ram_count * MMAP_SIZE);
    for (unsigned i = 0; i < b->ram_count; i++) {
        uint8_t entry[MMAP_SIZE] = { 0 };
        store_le(entry, 4, MMAP_SIZE - 4);
        store_le(entry + 4, 8, b->ram[i].addr);
        store_le(entry + 12, 8, b->ram[i].size);
        store_le(entry + 20, 4, 1); /* RAM */
        boot_info_set(info, mmap + i * MMAP_SIZE, entry, sizeof(entry));
    }
    store_le(head + 44, 4, b->ram_count * MMAP_SIZE);
    store_le(head + 48, 4, mmap);
    store_le(head + 4, 4, b->ram[0].size >> 10);
    store_le(head + 8, 4, b->ram_count > 1 ? b->ram[1].size >> 10 : 0);
}

/* Its first word is the kernel's name, as on the command lines of boot loaders. */
static char *command_line(const MachineConfig *c)
{
    return g_strjoin(" ", c->kernel, c->append && *c->append ? c->append : NULL, NULL);
}

static bool tell(BootPlan *b, GError **err)
{
    GByteArray *info = g_byte_array_new();
    uint8_t head[INFO_SIZE] = { 0 };
    b->ebx = boot_info_put(info, NULL, sizeof(head));
    b->eax = MAGIC_EAX;
    g_autofree char *line = command_line(b->m->config);
    store_le(head, 4, INFO_MEMORY | INFO_CMDLINE | INFO_MODS | INFO_MMAP | INFO_NAME);
    put_memory(b, info, head);
    store_le(head + 16, 4, boot_info_string(info, line));
    put_modules(b, info, head);
    store_le(head + 64, 4, boot_info_string(info, "lyrebird"));
    boot_info_set(info, b->ebx, head, sizeof(head));
    return boot_info_place(b, info, err);
}

bool boot_multiboot(BootPlan *b, bool *found, GError **err)
{
    const char *path = b->m->config->kernel;
    Header h;
    uint64_t size;
    g_autoptr(GBytes) head = loader_read_head(path, SEARCH, &size, err);
    *found = head && find_header(head, &h);
    if (!*found) {
        return head != NULL;
    }
    if (h.flags & 0xffff & ~FLAGS_KNOWN) {
        return boot_fail(err, "'%s': its multiboot header wants what this machine does not know (flags 0x%x)",
                         path, h.flags);
    }
    bool ok = h.flags & FLAG_ADDRESSES ? load_by_header(b, &h, size, err) : load_elf(b, err);
    return ok && load_modules(b, err) && tell(b, err);
}
