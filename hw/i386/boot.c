/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the boot protocols share: files, the block that the kernel is told of, and where it begins. */
#include "hw/i386/boot.h"

#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

#include "hw/i386/boot_entry.h"
#include "util/bytes.h"

enum { PAGE = 4096 };
/* Where a PC's firmware would be. */
enum { DESCRIPTORS = 0xfffc0, RESET_ENTRY = 0xfffe0 };

bool boot_fail(GError **err, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    g_autofree char *text = g_strdup_vprintf(fmt, ap);
    va_end(ap);
    g_set_error_literal(err, G_OPTION_ERROR, G_OPTION_ERROR_FAILED, text);
    return false;
}

hwaddr boot_page_up(hwaddr addr)
{
    return (addr + PAGE - 1) & ~(hwaddr)(PAGE - 1);
}

bool boot_add_file(BootPlan *b, const char *path, const char *line, hwaddr at, GError **err)
{
    LoadedImage image;
    if (b->file_count == BOOT_FILES_MAX) {
        return boot_fail(err, "-initrd: more than %d files; name fewer", BOOT_FILES_MAX);
    }
    if (!loader_add_raw(b->m, path, boot_page_up(at), &image, err)) {
        g_prefix_error(err, "-initrd: ");
        return false;
    }
    b->files[b->file_count++] =
        (BootFile){ .addr = image.low, .size = image.high - image.low, .line = g_strdup(line) };
    return true;
}

void boot_plan_clear(BootPlan *b)
{
    for (unsigned i = 0; i < b->file_count; i++) {
        g_free(b->files[i].line);
    }
    b->file_count = 0;
}

/* ---- the block ------------------------------------------------------------- */

uint32_t boot_info_put(GByteArray *info, const void *data, unsigned bytes)
{
    enum { ALIGN = 8 };
    unsigned at = (info->len + ALIGN - 1) & -ALIGN;
    g_byte_array_set_size(info, at + bytes);
    if (data) {
        memcpy(info->data + at, data, bytes);
    } else {
        memset(info->data + at, 0, bytes);
    }
    return BOOT_INFO + at;
}

uint32_t boot_info_string(GByteArray *info, const char *text)
{
    return boot_info_put(info, text, strlen(text) + 1);
}

void boot_info_set(GByteArray *info, uint32_t addr, const void *data, unsigned bytes)
{
    memcpy(info->data + (addr - BOOT_INFO), data, bytes);
}

bool boot_info_place(BootPlan *b, GByteArray *info, GError **err)
{
    unsigned size = info->len;
    g_autoptr(GBytes) bytes = g_byte_array_free_to_bytes(info);
    if (size > BOOT_INFO_SIZE) {
        return boot_fail(
            err, "-append, -initrd: the kernel would be told %u bytes, of at most %d; make them shorter",
            size, BOOT_INFO_SIZE);
    }
    return loader_add_bytes(b->m, "what the kernel is told", BOOT_INFO, bytes, err);
}

/* ---- what the protocols share ------------------------------------------------ */

const char *boot_command_line(const BootPlan *b)
{
    const char *append = b->append ? b->append : b->m->config->append;
    return append ? append : "";
}

bool boot_load_initrd(BootPlan *b, hwaddr limit, GError **err)
{
    const char *path = b->m->config->initrd;
    const BootRam *low = &b->ram[b->ram_count > 1 ? 1 : 0];
    if (!path) {
        return true;
    }
    uint64_t bytes;
    if (!loader_size(path, &bytes, err)) {
        g_prefix_error(err, "-initrd: ");
        return false;
    }
    uint64_t size = boot_page_up(bytes), end = MIN(low->addr + low->size, limit);
    if (bytes > low->size || size > low->size || end < low->addr + size) {
        return boot_fail(err, "-initrd %s: it does not fit in memory; give the machine more with -m", path);
    }
    return boot_add_file(b, path, NULL, (end - size) & ~(hwaddr)(PAGE - 1), err);
}

/* ---- where it begins ---------------------------------------------------------- */

/* A PML4, a page of pointers, four directories of 2 MiB pages. */
static bool add_page_tables(const BootPlan *b, GError **err)
{
    enum { PRESENT = 3, LARGE = 0x83, ENTRIES = 512, DIRECTORIES = 4, LARGE_BYTES = 2 << 20 };
    uint8_t *tables = g_malloc0((2 + DIRECTORIES) * PAGE);
    store_le(tables, 8, (BOOT_PAGE_TABLES + PAGE) | PRESENT);
    for (unsigned i = 0; i < DIRECTORIES; i++) {
        store_le(tables + PAGE + 8 * i, 8, (BOOT_PAGE_TABLES + (2 + i) * PAGE) | PRESENT);
    }
    for (unsigned i = 0; i < DIRECTORIES * ENTRIES; i++) {
        store_le(tables + 2 * PAGE + 8 * i, 8, (uint64_t)i * LARGE_BYTES | LARGE);
    }
    g_autoptr(GBytes) bytes = g_bytes_new_take(tables, (2 + DIRECTORIES) * PAGE);
    return loader_add_bytes(b->m, "page tables", BOOT_PAGE_TABLES, bytes, err);
}

/* Marked as accessed, as loaded ones are. */
static bool add_descriptors(const BootPlan *b, GError **err)
{
    const uint64_t code32 = 0x00cf9b000000ffff, code64 = 0x00af9b000000ffff, data = 0x00cf93000000ffff;
    uint8_t table[X86_ENTRY_GDT_BYTES] = { 0 };
    store_le(table + 8, 8, code32);
    store_le(table + X86_ENTRY_CODE, 8, b->wide ? code64 : code32);
    store_le(table + X86_ENTRY_DATA, 8, data);
    g_autoptr(GBytes) bytes = g_bytes_new(table, sizeof(table));
    return loader_add_bytes(b->m, "descriptors", DESCRIPTORS, bytes, err);
}

static bool add_entry(const BootPlan *b, GError **err)
{
    const X86Entry entry = { .wide = b->wide,
                             .pc = b->entry,
                             .eax = b->eax,
                             .ebx = b->ebx,
                             .esi = b->esi,
                             .gdt = DESCRIPTORS,
                             .tables = BOOT_PAGE_TABLES };
    return add_descriptors(b, err) && (!b->wide || add_page_tables(b, err)) &&
           boot_entry_add(b->m, &entry, err);
}

/* Systems that know no better way reset by a jump to FFFF:0000 or F000:FFF0 in real mode, where firmware begins. */
static bool add_reset_entry(const BootPlan *b, GError **err)
{
    static const uint8_t code[32] = {
        [0x10] = 0xea, 0xf5, 0xff, 0x00, 0xf0,       /* ljmp $0xf000, $0xfff5: the next */
        0x2e,          0x0f, 0x01, 0x1e, 0xe0, 0xff, /* lidt %cs:0xffe0: no vector is in it */
        0xcc,                                        /* int3: the third fault resets the machine */
    };
    g_autoptr(GBytes) bytes = g_bytes_new(code, sizeof(code));
    return loader_add_bytes(b->m, "the reset entry", RESET_ENTRY, bytes, err);
}

bool boot_kernel(BootPlan *b, GError **err)
{
    bool found;
    if (!boot_multiboot(b, &found, err) || (!found && !boot_pvh(b, &found, err)) ||
        (!found && !boot_linux(b, &found, err))) {
        g_prefix_error(err, "-kernel: could not load kernel: ");
        return false;
    }
    if (!found) {
        return boot_fail(
            err,
            "-kernel %s: it is no multiboot kernel, ELF file with a PVH entry, or Linux bzImage; "
            "this machine starts only those",
            b->m->config->kernel);
    }
    return add_entry(b, err) && add_reset_entry(b, err);
}
