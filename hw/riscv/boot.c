/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Firmware, kernel, ramdisk and device tree into memory, and the reset vector.
 * Spec: OpenSBI "dynamic" firmware (struct fw_dynamic_info); Linux
 * Documentation/arch/riscv/boot.rst and boot-image-header.rst; places as QEMU has them:
 *
 *   0x1000      reset vector: a0 = hart, a1 = device tree, a2 = fw_dynamic_info
 *   0x80000000  firmware; with -bios none the kernel
 *   behind it   kernel, aligned to 2 MiB (RV32: 4 MiB)
 *   kernel + min(half of RAM, 128 MiB), or behind a larger kernel: ramdisk
 *   end of RAM below 3 GiB, aligned down to 2 MiB: device tree
 *
 * With an image in flash bank 0: -bios none starts there in M-mode; otherwise the
 * firmware goes on there in S-mode, which gets -kernel through fw_cfg. */
#include <errno.h>
#include <inttypes.h>
#include <libfdt.h>
#include <stdio.h>
#include <string.h>

#include "hw/loader.h"
#include "hw/nvram/fw_cfg.h"
#include "hw/riscv/virt.h"
#include "target/cpu.h"

enum { FDT_MAX = 16 << 20, FDT_ALIGN = 2 << 20, FDT_CHOSEN_ROOM = 4096, IMAGE_HEADER = 64 };
static const uint64_t INITRD_DISTANCE = UINT64_C(128) << 20, FDT_LIMIT = UINT64_C(3) << 30;

typedef struct Boot {
    Machine *m;
    const MachineConfig *config;
    const CPUArch *arch;
    bool rv32;
    hwaddr start; /* where the reset vector jumps */
    hwaddr next;  /* where the firmware goes on; 0: nowhere */
    hwaddr firmware_end;
    hwaddr kernel, kernel_end; /* in memory; kernel_end 0: none */
    hwaddr initrd;
    uint64_t initrd_size;
    hwaddr fdt;
} Boot;

static hwaddr align_up(hwaddr v, uint64_t to)
{
    return (v + to - 1) / to * to;
}

static bool boot_fail(GError **err, const char *fmt, ...) G_GNUC_PRINTF(2, 3);
static bool boot_fail(GError **err, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    g_autofree char *text = g_strdup_vprintf(fmt, ap);
    va_end(ap);
    g_set_error_literal(err, G_OPTION_ERROR, G_OPTION_ERROR_FAILED, text);
    return false;
}

/* ---- firmware ------------------------------------------------------------ */

static bool load_firmware(Boot *b, GError **err)
{
    b->start = b->firmware_end = VIRT_DRAM;
    if (b->config->bios && strcmp(b->config->bios, "none") == 0) {
        return true;
    }
    g_autofree char *path = virt_find_firmware(b->config->bios, b->rv32, err);
    ImageKind kind;
    LoadedImage image;
    if (!path || !loader_probe(path, &kind, err)) {
        return false;
    }
    bool ok = kind == IMAGE_ELF
                  ? loader_add_elf(b->m, path, b->arch->elf_machine, b->arch->elf_bits, &image, err)
                  : loader_add_raw(b->m, path, VIRT_DRAM, &image, err);
    if (!ok) {
        g_prefix_error(err, "-bios: ");
        return false;
    }
    b->start = image.entry;
    b->firmware_end = image.high;
    return true;
}

/* ---- kernel -------------------------------------------------------------- */

/* What the kernel takes in memory, its bss included: Linux says it in its header. */
static uint64_t image_memory_size(const uint8_t *head, size_t len, uint64_t file_size)
{
    static const uint8_t magic2[] = { 'R', 'S', 'C', 5 };
    uint64_t size;
    if (len < IMAGE_HEADER || memcmp(head + 0x38, magic2, sizeof(magic2)) != 0) {
        return file_size;
    }
    memcpy(&size, head + 16, sizeof(size));
    size = GUINT64_FROM_LE(size);
    return size > file_size && size < UINT64_C(1) << 32 ? size : file_size;
}

static bool load_raw_kernel(Boot *b, const char *path, hwaddr at, LoadedImage *image, GError **err)
{
    uint8_t head[IMAGE_HEADER] = { 0 };
    FILE *f = fopen(path, "rbe");
    size_t len = f ? fread(head, 1, sizeof(head), f) : 0;
    if (f) {
        fclose(f);
    }
    if (!loader_add_raw(b->m, path, at, image, err)) {
        return false;
    }
    image->high = at + image_memory_size(head, len, image->high - at);
    return true;
}

static bool load_gzip_kernel(Boot *b, const char *path, hwaddr at, LoadedImage *image, GError **err)
{
    g_autoptr(GBytes) bytes = loader_gunzip(path, b->m->ram.size, err);
    if (!bytes || !loader_add_bytes(b->m, path, at, bytes, err)) {
        return false;
    }
    gsize len;
    const uint8_t *head = g_bytes_get_data(bytes, &len);
    *image = (LoadedImage){ .low = at, .high = at + image_memory_size(head, len, len), .entry = at };
    return true;
}

static bool load_kernel(Boot *b, GError **err)
{
    const char *path = b->config->kernel;
    hwaddr at = b->firmware_end == VIRT_DRAM
                    ? VIRT_DRAM
                    : align_up(b->firmware_end, b->rv32 ? UINT64_C(4) << 20 : UINT64_C(2) << 20);
    ImageKind kind;
    LoadedImage image;
    bool ok = loader_probe(path, &kind, err);
    if (ok && kind == IMAGE_UIMAGE) {
        return boot_fail(err,
                         "-kernel %s: could not load kernel '%s': it is a U-Boot legacy image; "
                         "extract the kernel with dumpimage",
                         path, path);
    }
    ok = ok &&
         (kind == IMAGE_ELF ? loader_add_elf(b->m, path, b->arch->elf_machine, b->arch->elf_bits, &image, err)
          : kind == IMAGE_GZIP ? load_gzip_kernel(b, path, at, &image, err)
                               : load_raw_kernel(b, path, at, &image, err));
    if (!ok) {
        g_prefix_error(err, "-kernel: could not load kernel: ");
        return false;
    }
    b->kernel = image.low;
    b->kernel_end = image.high;
    b->next = image.entry;
    if (b->firmware_end == VIRT_DRAM) {
        b->start = image.entry;
    }
    return true;
}

static bool load_initrd(Boot *b, GError **err)
{
    LoadedImage image;
    hwaddr far = b->kernel + MIN(b->m->ram.size / 2, INITRD_DISTANCE);
    hwaddr at = MAX(far, align_up(b->kernel_end, FDT_ALIGN));
    if (!loader_add_raw(b->m, b->config->initrd, at, &image, err)) {
        g_prefix_error(err, "-initrd: could not load ramdisk: ");
        return false;
    }
    b->initrd = at;
    b->initrd_size = image.high - at;
    return true;
}

/* ---- a kernel for firmware in flash -------------------------------------- */

static bool give_file(FwCfg *f, uint16_t size_key, uint16_t data_key, const char *path, GError **err)
{
    g_autoptr(GBytes) bytes = loader_read(path, INT32_MAX, err);
    if (!bytes) {
        return false;
    }
    fw_cfg_add_u32(f, size_key, g_bytes_get_size(bytes));
    fw_cfg_add_bytes(f, data_key, bytes);
    return true;
}

static bool give_kernel(Boot *b, GError **err)
{
    FwCfg *f = b->m->fw_cfg;
    const MachineConfig *c = b->config;
    if (c->append) {
        g_autoptr(GBytes) line = g_bytes_new(c->append, strlen(c->append) + 1);
        fw_cfg_add_u32(f, FW_CFG_CMDLINE_SIZE, g_bytes_get_size(line));
        fw_cfg_add_bytes(f, FW_CFG_CMDLINE_DATA, line);
    }
    return give_file(f, FW_CFG_KERNEL_SIZE, FW_CFG_KERNEL_DATA, c->kernel, err) &&
           (!c->initrd || give_file(f, FW_CFG_INITRD_SIZE, FW_CFG_INITRD_DATA, c->initrd, err));
}

static bool check_kernel_options(const MachineConfig *c, GError **err)
{
    if (c->kernel) {
        return true;
    }
    if (c->initrd) {
        return boot_fail(err, "-initrd only allowed with -kernel option; name the kernel with -kernel FILE");
    }
    if (c->append && *c->append) {
        return boot_fail(err, "-append only allowed with -kernel option; name the kernel with -kernel FILE");
    }
    return true;
}

static bool load_images(Boot *b, GError **err)
{
    bool flash = virt_has_flash_firmware(b->m);
    bool bare = b->config->bios && strcmp(b->config->bios, "none") == 0;
    if (!check_kernel_options(b->config, err) || !load_firmware(b, err)) {
        return false;
    }
    if (flash && bare) {
        b->start = VIRT_FLASH;
    } else if (flash) {
        b->next = VIRT_FLASH;
    }
    if (!b->config->kernel) {
        return true;
    }
    if (flash) {
        return give_kernel(b, err);
    }
    return load_kernel(b, err) && (!b->config->initrd || load_initrd(b, err));
}

/* ---- device tree --------------------------------------------------------- */

static GBytes *read_fdt(const char *path, GError **err)
{
    GBytes *bytes = loader_read(path, FDT_MAX, err);
    gsize len = 0;
    const void *data = bytes ? g_bytes_get_data(bytes, &len) : NULL;
    int r = bytes ? fdt_check_full(data, len) : 0;
    if (bytes && r == 0) {
        return bytes;
    }
    if (bytes) {
        boot_fail(err, "-dtb %s: it is no valid device tree (%s); make it with dtc", path, fdt_strerror(r));
        g_bytes_unref(bytes);
    } else {
        g_prefix_error(err, "-dtb: ");
    }
    return NULL;
}

static int set_u64_cells(void *fdt, int chosen, const char *name, uint64_t value)
{
    return value >> 32 ? fdt_setprop_u64(fdt, chosen, name, value)
                       : fdt_setprop_u32(fdt, chosen, name, value);
}

/* /chosen: what the kernel is told.  Returns libfdt's code. */
static int set_chosen(const Boot *b, void *fdt)
{
    int chosen = fdt_path_offset(fdt, "/chosen");
    if (chosen == -FDT_ERR_NOTFOUND) {
        chosen = fdt_add_subnode(fdt, 0, "chosen");
    }
    if (chosen < 0) {
        return chosen;
    }
    int r = 0;
    if (b->initrd_size) {
        r = set_u64_cells(fdt, chosen, "linux,initrd-end", b->initrd + b->initrd_size);
        r = r ? r : set_u64_cells(fdt, chosen, "linux,initrd-start", b->initrd);
    }
    if (!r && b->config->append && *b->config->append) {
        r = fdt_setprop_string(fdt, chosen, "bootargs", b->config->append);
    }
    return r;
}

static GBytes *make_fdt(Boot *b, GError **err)
{
    const MachineConfig *c = b->config;
    g_autoptr(GBytes) base = c->dtb ? read_fdt(c->dtb, err) : virt_fdt_build(b->m);
    if (!base) {
        return NULL;
    }
    size_t room = g_bytes_get_size(base) + FDT_CHOSEN_ROOM + (c->append ? strlen(c->append) : 0);
    void *fdt = g_malloc0(room);
    int r = fdt_open_into(g_bytes_get_data(base, NULL), fdt, room);
    r = r ? r : set_chosen(b, fdt);
    r = r ? r : fdt_pack(fdt);
    if (r) {
        boot_fail(err, "cannot complete the device tree%s%s: %s", c->dtb ? " " : "", c->dtb ? c->dtb : "",
                  fdt_strerror(r));
        g_free(fdt);
        return NULL;
    }
    return g_bytes_new_take(fdt, fdt_totalsize(fdt));
}

static bool place_fdt(Boot *b, GBytes *fdt, GError **err)
{
    uint64_t size = g_bytes_get_size(fdt);
    hwaddr end = MIN(VIRT_DRAM + b->m->ram.size, FDT_LIMIT);
    if (end - VIRT_DRAM < align_up(size, FDT_ALIGN)) {
        return boot_fail(err,
                         "-m: %" PRIu64 " bytes of memory leave no room for the device tree; "
                         "give the machine at least 4 MiB",
                         b->m->ram.size);
    }
    b->fdt = (end - size) / FDT_ALIGN * FDT_ALIGN;
    return loader_add_bytes(b->m, "the device tree", b->fdt, fdt, err);
}

/* Into what is there: a device, a pipe, or a link is written to and not replaced. */
static bool dump_fdt(const char *path, GBytes *fdt, GError **err)
{
    gsize len;
    const char *data = g_bytes_get_data(fdt, &len);
    FILE *f = fopen(path, "we");
    bool ok = f && fwrite(data, 1, len, f) == len;
    if (f) {
        ok &= fclose(f) == 0;
    }
    return ok ||
           boot_fail(
               err,
               "-machine dumpdtb: cannot write the device tree to '%s': %s; name a file that can be written",
               path, g_strerror(errno));
}

/* ---- reset vector -------------------------------------------------------- */

static void put_words(GByteArray *out, uint64_t value, unsigned words)
{
    for (unsigned i = 0; i < words; i++) {
        uint32_t le = GUINT32_TO_LE((value >> (32 * i)));
        g_byte_array_append(out, (const guint8 *)&le, sizeof(le));
    }
}

/* a1 = [pc + 32], a2 = pc + 40, jump to [pc + 24]. */
static bool write_reset_vector(const Boot *b, GError **err)
{
    enum { FW_MAGIC = 0x4942534f, FW_VERSION = 2, NEXT_MODE_S = 1 };
    const uint32_t code[] = {
        0x00000297,                        /* auipc t0, 0 */
        0x02828613,                        /* addi  a2, t0, 40 */
        0xf1402573,                        /* csrr  a0, mhartid */
        b->rv32 ? 0x0202a583 : 0x0202b583, /* lw/ld a1, 32(t0) */
        b->rv32 ? 0x0182a283 : 0x0182b283, /* lw/ld t0, 24(t0) */
        0x00028067,                        /* jr    t0 */
    };
    const uint64_t info[] = { FW_MAGIC, FW_VERSION, b->next, NEXT_MODE_S, 0, 0 };
    GByteArray *out = g_byte_array_new();
    for (unsigned i = 0; i < G_N_ELEMENTS(code); i++) {
        put_words(out, code[i], 1);
    }
    put_words(out, b->start, 2);
    put_words(out, b->fdt, 2);
    for (unsigned i = 0; i < G_N_ELEMENTS(info); i++) {
        put_words(out, info[i], b->rv32 ? 1 : 2);
    }
    g_autoptr(GBytes) vector = g_byte_array_free_to_bytes(out);
    return loader_add_bytes(b->m, "the reset vector", VIRT_MROM, vector, err);
}

bool virt_boot(Machine *m, GError **err)
{
    Boot b = { .m = m, .config = m->config, .arch = m->cpus[0]->arch, .rv32 = virt_is_rv32(m) };
    if (!virt_boot_order(m, err) || !load_images(&b, err)) {
        return false;
    }
    g_autoptr(GBytes) fdt = make_fdt(&b, err);
    if (!fdt) {
        return false;
    }
    if (m->config->dumpdtb && !dump_fdt(m->config->dumpdtb, fdt, err)) {
        return false;
    }
    return place_fdt(&b, fdt, err) && write_reset_vector(&b, err);
}
