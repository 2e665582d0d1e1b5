/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the boot protocols share: files, the block that the kernel is told of, and the way from the reset vector. */
#include "hw/i386/boot.h"

#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

#include "util/bytes.h"

enum { PAGE = 4096, STUB_SIZE = 256, STUB_VECTOR = 0xf0, STUB_GDT = 0x80, STUB_GDTR = 0x78 };
static const hwaddr STUB = UINT64_C(0xffffff00), RESET_ENTRY = 0xfffe0;

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
    g_autoptr(GBytes) file = loader_read(path, INT32_MAX, err);
    if (!file) {
        g_prefix_error(err, "-initrd: ");
        return false;
    }
    uint64_t size = boot_page_up(g_bytes_get_size(file)), end = MIN(low->addr + low->size, limit);
    if (size > low->size || end < low->addr + size) {
        return boot_fail(err, "-initrd %s: it does not fit in memory; give the machine more with -m", path);
    }
    return boot_add_file(b, path, NULL, (end - size) & ~(hwaddr)(PAGE - 1), err);
}

/* ---- from the reset vector --------------------------------------------------- */

/* Real mode at FFFFFFF0h; descriptors are marked as accessed, so that nothing is written to the ROM. */
static const uint8_t protected_mode[] = {
    0xfa, 0xfc,                                          /* 00: cli; cld */
    0x2e, 0x66, 0x0f, 0x01, 0x16, STUB_GDTR, 0xff,       /* 02: lgdtl %cs:0xff78 */
    0x66, 0xb8, 0x01, 0x00, 0x00, 0x00,                  /* 09: mov $PE, %eax */
    0x0f, 0x22, 0xc0,                                    /* 0f: mov %eax, %cr0 */
    0x66, 0xea, 0x1a, 0xff, 0xff, 0xff,      0x10, 0x00, /* 12: ljmpl $0x10, $0xffffff1a */
    0xb8, 0x18, 0x00, 0x00, 0x00,                        /* 1a: mov $0x18, %eax */
    0x8e, 0xd8, 0x8e, 0xc0, 0x8e, 0xd0,                  /* 1f: mov %eax, %ds, %es, %ss */
    0x8e, 0xe0, 0x8e, 0xe8,                              /* 25: ... %fs, %gs */
};
enum { AT_SELECTOR = 0x18, CODE32_FIRST = 0x08 };

static const uint8_t long_mode[] = {
    0xb8, 0x20, 0x00, 0x00,
    0x00,             /* 29: mov $PAE, %eax */
    0x0f, 0x22, 0xe0, /* 2e: mov %eax, %cr4 */
    0xb8, 0x00, 0x00, BOOT_PAGE_TABLES >> 16,
    0x00,             /* 31: mov $tables, %eax */
    0x0f, 0x22, 0xd8, /* 36: mov %eax, %cr3 */
    0xb9, 0x80, 0x00, 0x00,
    0xc0,       /* 39: mov $EFER, %ecx */
    0x31, 0xd2, /* 3e: xor %edx, %edx */
    0xb8, 0x00, 0x01, 0x00,
    0x00,       /* 40: mov $LME, %eax */
    0x0f, 0x30, /* 45: wrmsr */
    0xb8, 0x01, 0x00, 0x00,
    0x80,             /* 47: mov $PG | PE, %eax */
    0x0f, 0x22, 0xc0, /* 4c: mov %eax, %cr0 */
    0xea, 0x56, 0xff, 0xff,
    0xff, 0x10, 0x00, /* 4f: ljmp $0x10, $0xffffff56 */
};

/* The same in both modes. */
static const uint8_t leave[] = {
    0xb9, 0x00, 0x00, 0x00, 0x00, /* mov $entry, %ecx */
    0xbb, 0x00, 0x00, 0x00, 0x00, /* mov $info, %ebx */
    0xbe, 0x00, 0x00, 0x00, 0x00, /* mov $info, %esi */
    0xb8, 0x00, 0x00, 0x00, 0x00, /* mov $magic, %eax */
    0xff, 0xe1,                   /* jmp *%ecx */
};

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

static void put_descriptors(uint8_t *stub, bool wide)
{
    const uint64_t code32 = 0x00cf9b000000ffff, code64 = 0x00af9b000000ffff, data = 0x00cf93000000ffff;
    store_le(stub + STUB_GDT + 8, 8, code32);
    store_le(stub + STUB_GDT + 16, 8, wide ? code64 : code32); /* 10h and 18h: as Linux wants them */
    store_le(stub + STUB_GDT + 24, 8, data);
    store_le(stub + STUB_GDTR, 2, 4 * 8 - 1);
    store_le(stub + STUB_GDTR + 2, 4, STUB + STUB_GDT);
}

static bool add_stub(const BootPlan *b, GError **err)
{
    static const uint8_t vector[] = { 0xe9, 0x0d, 0xff }; /* jmp to 00 */
    uint8_t stub[STUB_SIZE] = { 0 }, *p = stub + sizeof(protected_mode);
    memcpy(stub, protected_mode, sizeof(protected_mode));
    if (b->wide) {
        stub[AT_SELECTOR] = CODE32_FIRST;
        memcpy(p, long_mode, sizeof(long_mode));
        p += sizeof(long_mode);
    }
    memcpy(p, leave, sizeof(leave));
    store_le(p + 1, 4, b->entry);
    store_le(p + 6, 4, b->ebx);
    store_le(p + 11, 4, b->esi);
    store_le(p + 16, 4, b->eax);
    put_descriptors(stub, b->wide);
    memcpy(stub + STUB_VECTOR, vector, sizeof(vector));
    g_autoptr(GBytes) bytes = g_bytes_new(stub, sizeof(stub));
    return loader_add_bytes(b->m, "the boot ROM", STUB, bytes, err) && (!b->wide || add_page_tables(b, err));
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
    return add_stub(b, err) && add_reset_entry(b, err);
}
