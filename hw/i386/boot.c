/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the boot protocols share: files, the block that the kernel is told of, and the way from the reset vector. */
#include "hw/i386/boot.h"

#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

#include "util/bytes.h"

enum { PAGE = 4096, STUB_SIZE = 256, STUB_VECTOR = 0xf0, STUB_GDT = 0x80, STUB_GDTR = 0x78 };
static const hwaddr STUB = UINT64_C(0xffffff00);

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

/* ---- from the reset vector --------------------------------------------------- */

/* Real mode at FFFFFFF0h; flat descriptors are marked as accessed, so that nothing is written to the ROM. */
static bool add_stub(const BootPlan *b, GError **err)
{
    static const uint8_t code[] = {
        0xfa, 0xfc,                                          /* 00: cli; cld */
        0x2e, 0x66, 0x0f, 0x01, 0x16, STUB_GDTR, 0xff,       /* 02: lgdtl %cs:0xff78 */
        0x66, 0xb8, 0x01, 0x00, 0x00, 0x00,                  /* 09: mov $PE, %eax */
        0x0f, 0x22, 0xc0,                                    /* 0f: mov %eax, %cr0 */
        0x66, 0xea, 0x1a, 0xff, 0xff, 0xff,      0x08, 0x00, /* 12: ljmpl $8, $0xffffff1a */
        0xb8, 0x10, 0x00, 0x00, 0x00,                        /* 1a: mov $0x10, %eax */
        0x8e, 0xd8, 0x8e, 0xc0, 0x8e, 0xd0,                  /* 1f: mov %eax, %ds, %es, %ss */
        0x8e, 0xe0, 0x8e, 0xe8,                              /* 25: ... %fs, %gs */
        0xb9, 0x00, 0x00, 0x00, 0x00,                        /* 29: mov $entry, %ecx */
        0xbb, 0x00, 0x00, 0x00, 0x00,                        /* 2e: mov $info, %ebx */
        0xb8, 0x00, 0x00, 0x00, 0x00,                        /* 33: mov $magic, %eax */
        0xff, 0xe1,                                          /* 38: jmp *%ecx */
    };
    enum { AT_ENTRY = 0x2a, AT_EBX = 0x2f, AT_EAX = 0x34 };
    static const uint8_t vector[] = { 0xe9, 0x0d, 0xff }; /* jmp to 00 */
    uint8_t stub[STUB_SIZE] = { 0 };
    memcpy(stub, code, sizeof(code));
    store_le(stub + AT_ENTRY, 4, b->entry);
    store_le(stub + AT_EBX, 4, b->ebx);
    store_le(stub + AT_EAX, 4, b->eax);
    store_le(stub + STUB_GDT + 8, 8, 0x00cf9b000000ffff);
    store_le(stub + STUB_GDT + 16, 8, 0x00cf93000000ffff);
    store_le(stub + STUB_GDTR, 2, 3 * 8 - 1);
    store_le(stub + STUB_GDTR + 2, 4, STUB + STUB_GDT);
    memcpy(stub + STUB_VECTOR, vector, sizeof(vector));
    g_autoptr(GBytes) bytes = g_bytes_new(stub, sizeof(stub));
    return loader_add_bytes(b->m, "the boot ROM", STUB, bytes, err);
}

bool boot_kernel(BootPlan *b, GError **err)
{
    bool found;
    if (!boot_multiboot(b, &found, err) || (!found && !boot_pvh(b, &found, err))) {
        g_prefix_error(err, "-kernel: could not load kernel: ");
        return false;
    }
    if (!found) {
        return boot_fail(err,
                         "-kernel %s: it is neither a multiboot kernel nor an ELF file with a PVH entry; "
                         "this machine starts only those (of a Linux bzImage its vmlinux)",
                         b->m->config->kernel);
    }
    return add_stub(b, err);
}
