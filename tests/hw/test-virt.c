/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The virt board: memory map, device tree, reset vector, places of firmware, kernel
 * and ramdisk (all as QEMU has them), and files that are not what they should be. */
#include <elf.h>
#include <libfdt.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "hw/board.h"
#include "hw/loader.h"
#include "util/keyval.h"
#include "tests/ends.h"
#include "tests/made.h"

static char *dir;

typedef struct Setup {
    MachineConfig config;
    Machine *m;
} Setup;

static const BoardClass *find_board(const char *arch)
{
    for (const BoardClass *const *b = board_classes; *b; b++) {
        if (strcmp((*b)->arch, arch) == 0) {
            return *b;
        }
    }
    g_assert_not_reached();
}

static void setup_init(Setup *s, const char *arch)
{
    memset(s, 0, sizeof(*s));
    s->config.board = find_board(arch);
    s->config.ram_size = UINT64_C(256) << 20;
    s->config.cpus = 2;
    s->config.bios = (char *)"none";
}

static bool setup_start(Setup *s, GError **err)
{
    s->m = test_machine_new(&s->config, NULL, err);
    if (s->m && !machine_finish(s->m, err)) {
        g_clear_pointer(&s->m, machine_free);
    }
    if (s->m) {
        loader_reset(s->m);
    }
    return s->m != NULL;
}

static void assert_starts(Setup *s)
{
    g_autoptr(GError) err = NULL;
    setup_start(s, &err);
    g_assert_no_error(err);
}

static void assert_refused(Setup *s, const char *why)
{
    g_autoptr(GError) err = NULL;
    g_assert_false(setup_start(s, &err));
    g_test_message("%s", err->message);
    g_assert_nonnull(strstr(err->message, why));
}

static uint64_t load(Machine *m, hwaddr addr, unsigned size)
{
    uint64_t v = 0;
    g_assert_cmpint(dma_read(m->memory, addr, &v, size), ==, BUS_OK);
    return v;
}

static char *file_of(const char *name, const void *data, size_t len)
{
    char *path = g_build_filename(dir, name, NULL);
    g_assert_true(g_file_set_contents(path, data, (gssize)len, NULL));
    return path;
}

/* ---- map and tree -------------------------------------------------------- */

static void test_memory_map(void)
{
    static const char *const lines[] = {
        "0000000000001000-000000000000ffff (prio 0, rom): riscv_virt_board.mrom\n",
        "0000000000100000-0000000000100fff (prio 0, i/o): riscv.sifive.test\n",
        "0000000000101000-0000000000101023 (prio 0, i/o): goldfish_rtc\n",
        "0000000002000000-0000000002003fff (prio 0, i/o): riscv.aclint.swi\n",
        "0000000002004000-000000000200bfff (prio 0, i/o): riscv.aclint.mtimer\n",
        "000000000c000000-000000000c5fffff (prio 0, i/o): riscv.sifive.plic\n",
        "0000000010000000-0000000010000007 (prio 0, i/o): serial\n",
        "0000000010001000-00000000100011ff (prio 0, i/o): virtio-mmio\n",
        "0000000010008000-00000000100081ff (prio 0, i/o): virtio-mmio\n",
        "0000000010100000-0000000010100007 (prio 0, i/o): fwcfg.data\n",
        "0000000010100008-0000000010100009 (prio 0, i/o): fwcfg.ctl\n",
        "0000000010100010-0000000010100017 (prio 0, i/o): fwcfg.dma\n",
        "0000000020000000-0000000021ffffff (prio 0, romd): virt.flash0\n",
        "0000000022000000-0000000023ffffff (prio 0, romd): virt.flash1\n",
        "0000000080000000-000000008fffffff (prio 0, ram): riscv_virt_board.ram\n",
    };
    Setup s;
    setup_init(&s, "riscv64");
    assert_starts(&s);
    g_autoptr(GString) flat = g_string_new(NULL), tree = g_string_new(NULL), qtree = g_string_new(NULL);
    machine_dump_mtree(s.m, flat, true);
    machine_dump_mtree(s.m, tree, false);
    machine_dump_qtree(s.m, qtree);
    for (unsigned i = 0; i < G_N_ELEMENTS(lines); i++) {
        g_test_message("%s", lines[i]);
        g_assert_nonnull(strstr(flat->str, lines[i]));
        g_assert_nonnull(strstr(tree->str, lines[i]));
    }
    g_assert_nonnull(strstr(tree->str, "  0000000000000000-ffffffffffffffff (prio 0, i/o): system\n    0"));
    g_assert_nonnull(strstr(qtree->str, "  dev: riscv.sifive.plic, id \"\"\n    hart-config = \"MS,MS\"\n"
                                        "    num-sources = 96 (0x60)\n"
                                        "    mmio 000000000c000000/0000000000600000\n"));
    machine_free(s.m);
}

static const void *tree_prop(const void *fdt, const char *path, const char *name, int *len)
{
    int at = fdt_path_offset(fdt, path);
    g_assert_cmpint(at, >=, 0);
    const void *p = fdt_getprop(fdt, at, name, len);
    g_assert_nonnull(p);
    return p;
}

static void assert_cells(const void *fdt, const char *path, const char *name, unsigned count, ...)
{
    int len;
    const fdt32_t *p = tree_prop(fdt, path, name, &len);
    g_assert_cmpint(len, ==, 4 * (int)count);
    va_list ap;
    va_start(ap, count);
    for (unsigned i = 0; i < count; i++) {
        g_assert_cmphex(fdt32_to_cpu(p[i]), ==, va_arg(ap, uint32_t));
    }
    va_end(ap);
}

static void assert_text(const void *fdt, const char *path, const char *name, const char *want)
{
    int len;
    g_assert_cmpstr(tree_prop(fdt, path, name, &len), ==, want);
}

static void *dumped_tree(Setup *s)
{
    g_autofree char *path = g_build_filename(dir, "dump.dtb", NULL);
    char *fdt;
    gsize len;
    s->config.dumpdtb = path;
    assert_starts(s);
    s->config.dumpdtb = NULL;
    g_assert_true(g_file_get_contents(path, &fdt, &len, NULL));
    g_assert_cmpint(fdt_check_full(fdt, len), ==, 0);
    machine_free(s->m);
    return fdt;
}

static void test_tree(void)
{
    Setup s;
    setup_init(&s, "riscv64");
    g_autofree void *fdt = dumped_tree(&s);
    assert_text(fdt, "/", "compatible", "riscv-virtio");
    assert_cells(fdt, "/memory@80000000", "reg", 4, 0, 0x80000000, 0, 0x10000000);
    assert_cells(fdt, "/cpus", "timebase-frequency", 1, 10000000);
    assert_cells(fdt, "/cpus/cpu@0", "phandle", 1, 3);
    assert_cells(fdt, "/cpus/cpu@1/interrupt-controller", "phandle", 1, 2);
    assert_text(fdt, "/cpus/cpu@1", "mmu-type", "riscv,sv57");
    assert_cells(fdt, "/poweroff", "regmap", 1, 6);
    assert_cells(fdt, "/soc/plic@c000000", "interrupts-extended", 8, 4, 11, 4, 9, 2, 11, 2, 9);
    assert_cells(fdt, "/soc/plic@c000000", "riscv,ndev", 1, 95);
    assert_cells(fdt, "/soc/clint@2000000", "interrupts-extended", 8, 4, 3, 4, 7, 2, 3, 2, 7);
    assert_cells(fdt, "/soc/serial@10000000", "interrupts", 1, 10);
    assert_cells(fdt, "/soc/virtio_mmio@10008000", "interrupts", 1, 8);
    assert_cells(fdt, "/flash@20000000", "reg", 8, 0, 0x20000000, 0, 0x2000000, 0, 0x22000000, 0, 0x2000000);
    assert_text(fdt, "/chosen", "stdout-path", "/soc/serial@10000000");
    int soc = fdt_path_offset(fdt, "/soc"), first = -1, node;
    fdt_for_each_subnode(node, fdt, soc)
    {
        if (first < 0 && strncmp(fdt_get_name(fdt, node, NULL), "virtio", 6) == 0) {
            first = node;
        }
    }
    g_assert_cmpstr(fdt_get_name(fdt, first, NULL), ==, "virtio_mmio@10008000");
}

static struct json_object *board_option(const char *key, const char *value)
{
    g_autofree char *text = g_strdup_printf("%s=%s", key, value);
    return keyval_read(text, NULL, NULL);
}

static void test_tree_aclint(void)
{
    Setup s;
    setup_init(&s, "riscv64");
    s.config.board_options = board_option("aclint", "on");
    g_autofree void *fdt = dumped_tree(&s);
    assert_cells(fdt, "/soc/sswi@2f00000", "interrupts-extended", 4, 4, 1, 2, 1);
    assert_cells(fdt, "/soc/mtimer@2004000", "reg", 8, 0, 0x200bff8, 0, 0x4008, 0, 0x2004000, 0, 0x7ff8);
    assert_cells(fdt, "/soc/mswi@2000000", "reg", 4, 0, 0x2000000, 0, 0x4000);
    g_assert_cmpint(fdt_path_offset(fdt, "/soc/clint@2000000"), <, 0);
    keyval_free(s.config.board_options);
}

static void test_options(void)
{
    static const char *const rows[][3] = {
        { "aia", "aplic", "PLIC only" },
        { "aia", "aplc", "did you mean 'aplic'?" },
        { "iommu-sys", "on", "IOMMU" },
        { "acpi", "on", "ACPI" },
        { "alcint", "on", "did you mean 'aclint'?" },
        { "aclint", "maybe", "'on' or 'off'" },
    };
    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        Setup s;
        setup_init(&s, "riscv64");
        s.config.board_options = board_option(rows[i][0], rows[i][1]);
        assert_refused(&s, rows[i][2]);
        keyval_free(s.config.board_options);
    }
    Setup s;
    setup_init(&s, "riscv64");
    s.config.cpus = 9;
    assert_refused(&s, "The max CPUs supported by machine 'virt' is 8");
    setup_init(&s, "riscv32");
    s.config.ram_size = UINT64_C(11) << 30;
    assert_refused(&s, "at most 10 GiB");
}

/* ---- booting ------------------------------------------------------------- */

/* A kernel of 64 KiB in RAM's terms: Linux's header says how much memory it takes. */
static char *linux_image(uint64_t memory)
{
    static uint8_t image[65536];
    memset(image, 'K', sizeof(image));
    memcpy(image + 16, &memory, 8);
    memcpy(image + 0x30, "RISCV\0\0\0RSC\5", 12);
    return file_of("Image", image, sizeof(image));
}

static void test_reset_vector(void)
{
    static const uint32_t code64[] = {
        0x00000297, 0x02828613, 0xf1402573, 0x0202b583, 0x0182b283, 0x00028067, 0x80000000, 0,
        0x8fe00000, 0,          0x4942534f, 0,          2,          0,          0,          0,
        1,          0,          0,          0,          0,          0,
    };
    static const uint32_t code32[] = {
        0x00000297, 0x02828613, 0xf1402573, 0x0202a583, 0x0182a283, 0x00028067, 0x80000000, 0,
        0x8fe00000, 0,          0x4942534f, 2,          0,          1,          0,          0,
    };
    for (unsigned rv32 = 0; rv32 < 2; rv32++) {
        Setup s;
        setup_init(&s, rv32 ? "riscv32" : "riscv64");
        assert_starts(&s);
        const uint32_t *code = rv32 ? code32 : code64;
        for (unsigned i = 0; i < (rv32 ? G_N_ELEMENTS(code32) : G_N_ELEMENTS(code64)); i++) {
            g_assert_cmphex(load(s.m, 0x1000 + 4 * i, 4), ==, code[i]);
        }
        g_assert_cmphex(load(s.m, 0x8fe00000, 4), ==, 0xedfe0dd0);
        machine_free(s.m);
    }
}

static void test_places(void)
{
    uint8_t fw[0x1c280] = { 0x13 }, ramdisk[1234] = { 'I' };
    g_autofree char *bios = file_of("fw.bin", fw, sizeof(fw)),
                    *initrd = file_of("initrd", ramdisk, sizeof(ramdisk));
    g_autofree char *kernel = linux_image(0x300000);
    Setup s;
    setup_init(&s, "riscv64");
    s.config.bios = bios;
    s.config.kernel = kernel;
    s.config.initrd = initrd;
    s.config.append = (char *)"a b";
    assert_starts(&s);
    g_assert_cmphex(load(s.m, 0x1038, 8), ==, 0x80200000);
    g_assert_cmphex(load(s.m, 0x80000000, 1), ==, 0x13);
    g_assert_cmphex(load(s.m, 0x80200000, 1), ==, 'K');
    g_assert_cmphex(load(s.m, 0x88200000, 1), ==, 'I');
    uint8_t zero = 0;
    dma_write(s.m->memory, 0x80200000, &zero, 1);
    loader_reset(s.m); /* a reset brings it back */
    g_assert_cmphex(load(s.m, 0x80200000, 1), ==, 'K');
    machine_free(s.m);
    g_autofree void *fdt = dumped_tree(&s);
    assert_cells(fdt, "/chosen", "linux,initrd-start", 1, 0x88200000);
    assert_cells(fdt, "/chosen", "linux,initrd-end", 1, 0x88200000 + 1234);
    assert_text(fdt, "/chosen", "bootargs", "a b");
    g_autofree char *large = linux_image(0x9000000); /* reaches past the ramdisk's usual place */
    s.config.kernel = large;
    g_autofree void *fdt2 = dumped_tree(&s);
    assert_cells(fdt2, "/chosen", "linux,initrd-start", 1, 0x89200000);
    s.config.ram_size = UINT64_C(64) << 20;
    assert_refused(&s, "do not fit in guest memory");
}

/* ---- what firmware reads of the boot order ------------------------------- */

static void add_device(Machine *m, const char *driver, const char *text)
{
    g_autoptr(GError) err = NULL;
    g_autofree char *line = g_strdup_printf("%s,%s", driver, text);
    g_assert_nonnull(test_add_device(m, line, &err));
}

static void fw_cfg_select(Machine *m, uint16_t key)
{
    g_assert_cmpint(memory_write(m->memory, 0x10100008, 2, GUINT16_TO_BE(key)), ==, BUS_OK);
    memory_quiescent();
}

static uint32_t fw_cfg_be(Machine *m, unsigned bytes)
{
    uint32_t v = 0;
    while (bytes--) {
        uint64_t byte;
        g_assert_cmpint(memory_read(m->memory, 0x10100000, 1, &byte), ==, BUS_OK);
        v = v << 8 | (uint32_t)byte;
    }
    memory_quiescent();
    return v;
}

/* The contents of a file in fw_cfg, NULL if there is none. */
static GString *fw_cfg_file(Machine *m, const char *wanted)
{
    fw_cfg_select(m, 0x19);
    for (uint32_t left = fw_cfg_be(m, 4); left; left--) {
        char name[56];
        uint32_t size = fw_cfg_be(m, 4);
        uint16_t key = (uint16_t)fw_cfg_be(m, 2);
        fw_cfg_be(m, 2);
        for (unsigned i = 0; i < sizeof(name); i++) {
            name[i] = (char)fw_cfg_be(m, 1);
        }
        if (strcmp(name, wanted) == 0) {
            GString *text = g_string_new(NULL);
            fw_cfg_select(m, key);
            while (size--) {
                g_string_append_c(text, (char)fw_cfg_be(m, 1));
            }
            return text;
        }
    }
    return NULL;
}

static void assert_file(Machine *m, const char *name, const void *data, gsize size)
{
    GString *text = fw_cfg_file(m, name);
    g_assert_nonnull(text);
    g_assert_cmpmem(text->str, text->len, data, size);
    g_string_free(text, TRUE);
}

static void test_boot_order(void)
{
    static const char order[] = "/virtio-mmio@0000000010008000/ethernet-phy@0\n"
                                "/pci@ffffffffffffffff/ethernet@9,2/ethernet-phy@0\n"
                                "/pci@ffffffffffffffff/ethernet@1/ethernet-phy@0";
    g_autoptr(GError) err = NULL;
    Setup s;
    setup_init(&s, "riscv64");
    s.m = test_machine_new(&s.config, NULL, &err);
    add_device(s.m, "virtio-net-pci", "bootindex=7");
    add_device(s.m, "virtio-net-device", "bootindex=0");
    add_device(s.m, "virtio-net-pci", "multifunction=on,addr=9");
    add_device(s.m, "virtio-net-pci", "bootindex=3,addr=9.2");
    g_assert_true(machine_finish(s.m, &err));
    assert_file(s.m, "bootorder", order, sizeof(order));
    g_assert_null(fw_cfg_file(s.m, "etc/boot-menu-wait"));
    fw_cfg_select(s.m, 0x0e);
    g_assert_cmphex(fw_cfg_be(s.m, 2), ==, 0);
    machine_free(s.m);
    s.config.boot_menu = s.config.boot_strict = s.config.boot_splash_given = s.config.boot_fail_wait_given =
        true;
    s.config.boot_splash_ms = 0x1234;
    s.config.boot_fail_wait_ms = UINT32_MAX;
    assert_starts(&s);
    assert_file(s.m, "bootorder", "HALT", 5);
    assert_file(s.m, "etc/boot-menu-wait", "\x34\x12", 2);
    assert_file(s.m, "etc/boot-fail-wait", "\xff\xff\xff\xff", 4);
    fw_cfg_select(s.m, 0x0e);
    g_assert_cmphex(fw_cfg_be(s.m, 2), ==, 0x0100);
    machine_free(s.m);
}

/* Is RAM left out of a core dump ("dd" among the flags of its mapping)? */
static bool ram_is_hidden(const Machine *m)
{
    g_autofree char *maps = NULL, *start = g_strdup_printf("\n%" PRIxPTR "-", (uintptr_t)m->ram.ram->host);
    g_assert_true(g_file_get_contents("/proc/self/smaps", &maps, NULL, NULL));
    const char *ram = strstr(maps, start), *flags = ram ? strstr(ram, "VmFlags:") : NULL;
    g_assert_nonnull(flags);
    const char *end = strchr(flags, '\n');
    return g_strstr_len(flags, end - flags, " dd") != NULL;
}

static void test_dump_guest_core(void)
{
    for (unsigned off = 0; off < 2; off++) {
        Setup s;
        setup_init(&s, "riscv64");
        s.config.board_options = board_option("dump-guest-core", off ? "off" : "on");
        assert_starts(&s);
        g_assert_cmpint(ram_is_hidden(s.m), ==, off);
        machine_free(s.m);
        keyval_free(s.config.board_options);
    }
}

typedef struct ElfImage {
    Elf64_Ehdr eh;
    Elf64_Phdr ph[2];
    uint8_t text[64];
} ElfImage;

static ElfImage elf_image(void)
{
    ElfImage e = { .eh = { .e_type = ET_EXEC,
                           .e_machine = EM_RISCV,
                           .e_version = 1,
                           .e_entry = 0x80000010,
                           .e_phoff = sizeof(Elf64_Ehdr),
                           .e_ehsize = sizeof(Elf64_Ehdr),
                           .e_phentsize = sizeof(Elf64_Phdr),
                           .e_phnum = 2 } };
    memcpy(e.eh.e_ident, ELFMAG, SELFMAG);
    e.eh.e_ident[EI_CLASS] = ELFCLASS64;
    e.eh.e_ident[EI_DATA] = ELFDATA2LSB;
    e.ph[0] = (Elf64_Phdr){ .p_type = PT_LOAD,
                            .p_offset = offsetof(ElfImage, text),
                            .p_paddr = 0x80000000,
                            .p_filesz = 64,
                            .p_memsz = 128 };
    e.ph[1] = (Elf64_Phdr){ .p_type = PT_NOTE, .p_offset = UINT64_MAX, .p_filesz = UINT64_MAX };
    memset(e.text, 'T', sizeof(e.text));
    return e;
}

static void test_elf(void)
{
    ElfImage e = elf_image();
    g_autofree char *path = file_of("k.elf", &e, sizeof(e));
    Setup s;
    setup_init(&s, "riscv64");
    s.config.kernel = path;
    assert_starts(&s);
    g_assert_cmphex(load(s.m, 0x1018, 8), ==, 0x80000010);
    g_assert_cmphex(load(s.m, 0x8000003f, 2), ==, 'T');
    machine_free(s.m);
    setup_init(&s, "riscv32");
    s.config.kernel = path;
    assert_starts(&s); /* with a warning: of another width, as QEMU takes it */
    g_assert_cmphex(load(s.m, 0x8000003f, 2), ==, 'T');
    machine_free(s.m);
}

/* As a linker leaves it: headers and a note at 0x10000, where there is no memory. */
typedef struct LowImage {
    Elf64_Ehdr eh;
    Elf64_Phdr ph[3];
    uint8_t note[32];
    uint8_t text[64];
    Elf64_Shdr sh[4]; /* none, note, text, and one to play with */
} LowImage;

static LowImage low_image(void)
{
    enum { LOW = 0x10000, NOTE = offsetof(LowImage, note), TEXT = offsetof(LowImage, text) };
    LowImage e = { .eh = elf_image().eh };
    e.eh.e_phnum = 3;
    e.eh.e_shoff = offsetof(LowImage, sh);
    e.eh.e_shentsize = sizeof(Elf64_Shdr);
    e.eh.e_shnum = 4;
    e.ph[0] =
        (Elf64_Phdr){ .p_type = PT_LOAD, .p_vaddr = LOW, .p_paddr = LOW, .p_filesz = TEXT, .p_memsz = TEXT };
    e.ph[1] = (Elf64_Phdr){ .p_type = PT_LOAD,
                            .p_offset = TEXT,
                            .p_vaddr = 0x80000000,
                            .p_paddr = 0x80000000,
                            .p_filesz = 64,
                            .p_memsz = 64 };
    e.ph[2] = (Elf64_Phdr){ .p_type = PT_NOTE, .p_offset = NOTE, .p_filesz = 32, .p_memsz = 32 };
    e.sh[1] = (Elf64_Shdr){
        .sh_type = SHT_NOTE, .sh_flags = SHF_ALLOC, .sh_addr = LOW + NOTE, .sh_offset = NOTE, .sh_size = 32
    };
    e.sh[2] = (Elf64_Shdr){ .sh_type = SHT_PROGBITS,
                            .sh_flags = SHF_ALLOC | SHF_EXECINSTR,
                            .sh_addr = 0x80000000,
                            .sh_offset = TEXT,
                            .sh_size = 64 };
    memset(e.text, 'T', sizeof(e.text));
    return e;
}

static void assert_low_image(const LowImage *e, bool starts)
{
    g_autofree char *path = file_of("low.elf", e, sizeof(*e));
    Setup s;
    setup_init(&s, "riscv64");
    s.config.kernel = path;
    if (!starts) {
        assert_refused(&s, "do not fit");
        return;
    }
    assert_starts(&s);
    g_assert_cmphex(load(s.m, 0x1018, 8), ==, 0x80000010);
    g_assert_cmphex(load(s.m, 0x80000000, 1), ==, 'T');
    machine_free(s.m);
}

/* Only what a linker reads may be left out, and only if the file proves it. */
static void test_low_headers(void)
{
    LowImage e = low_image();
    assert_low_image(&e, true);
    e.eh.e_shnum = 0; /* stripped of sections: the program headers say enough */
    assert_low_image(&e, true);
    e.ph[2].p_type = PT_NULL;
    assert_low_image(&e, false);
    e = low_image();
    e.ph[2].p_type = PT_NULL; /* here the section says it */
    assert_low_image(&e, true);
    e.sh[1].sh_type = SHT_PROGBITS;
    assert_low_image(&e, false);
    e.ph[2].p_type = PT_INTERP; /* data, but a linker's */
    assert_low_image(&e, true);
    e = low_image();
    e.sh[3] = (Elf64_Shdr){ .sh_type = SHT_PROGBITS, .sh_flags = SHF_ALLOC, .sh_offset = 8, .sh_size = 8 };
    assert_low_image(&e, false); /* a program's data among them */
    e.sh[3] = (Elf64_Shdr){ .sh_type = SHT_NOBITS, .sh_flags = SHF_ALLOC, .sh_addr = 0x10010, .sh_size = 8 };
    assert_low_image(&e, false);
    e.sh[3] =
        (Elf64_Shdr){ .sh_type = SHT_NOTE, .sh_flags = SHF_ALLOC, .sh_offset = 8, .sh_size = UINT64_MAX };
    assert_low_image(&e, false); /* makes no sense */
    e.sh[3].sh_flags = 0;        /* and takes no memory */
    assert_low_image(&e, true);
    e = low_image();
    e.eh.e_entry = 0x10010; /* it would run there */
    assert_low_image(&e, false);
    e = low_image();
    e.ph[0].p_memsz += 4096; /* the program's zeroes */
    assert_low_image(&e, false);
    e = low_image();
    e.eh.e_shoff = UINT64_MAX - 100; /* hostile: as if there were none */
    assert_low_image(&e, true);
    e.ph[2].p_offset = UINT64_MAX;
    assert_low_image(&e, false);
    e = low_image();
    e.ph[2].p_type = PT_NULL;
    e.sh[1].sh_offset += 24; /* a gap is no part */
    assert_low_image(&e, false);
}

static void assert_elf_refused(const ElfImage *e, size_t len, const char *why)
{
    g_autofree char *path = file_of("bad.elf", e, len);
    Setup s;
    setup_init(&s, "riscv64");
    s.config.kernel = path;
    assert_refused(&s, why);
}

static void test_hostile_elf(void)
{
    ElfImage e = elf_image();
    assert_elf_refused(&e, 20, "cut off");
    assert_elf_refused(&e, sizeof(Elf64_Ehdr) + 10, "program headers");
    assert_elf_refused(&e, sizeof(e) - 1, "cut off");
    e.eh.e_phnum = 0xffff;
    assert_elf_refused(&e, sizeof(e), "program headers");
    e = elf_image();
    e.eh.e_phoff = UINT64_MAX - 4;
    assert_elf_refused(&e, sizeof(e), "program headers");
    e = elf_image();
    e.eh.e_machine = EM_X86_64;
    assert_elf_refused(&e, sizeof(e), "another architecture");
    e = elf_image();
    e.ph[0].p_memsz = 10;
    assert_elf_refused(&e, sizeof(e), "impossible sizes");
    e.ph[0].p_memsz = UINT64_MAX;
    assert_elf_refused(&e, sizeof(e), "impossible sizes");
    e = elf_image();
    e.ph[0].p_memsz = UINT64_C(1) << 40;
    assert_elf_refused(&e, sizeof(e), "do not fit");
    e = elf_image();
    e.ph[0].p_paddr = 0x10000000; /* a device */
    assert_elf_refused(&e, sizeof(e), "do not fit");
    e = elf_image();
    e.ph[1] = e.ph[0];
    assert_elf_refused(&e, sizeof(e), "overlaps");
    e = elf_image();
    e.ph[0].p_type = PT_NOTE;
    assert_elf_refused(&e, sizeof(e), "nothing to load");
    for (unsigned i = 0; i < sizeof(Elf64_Ehdr) + sizeof(Elf64_Phdr); i++) { /* any byte: no crash */
        e = elf_image();
        ((uint8_t *)&e)[i] ^= 0xff;
        g_autofree char *path = file_of("odd.elf", &e, sizeof(e));
        Setup s;
        setup_init(&s, "riscv64");
        s.config.kernel = path;
        if (setup_start(&s, NULL)) {
            machine_free(s.m);
        }
    }
}

static void test_hostile_files(void)
{
    static const struct {
        const char *name;
        const char *data;
        size_t len;
        const char *why;
    } rows[] = {
        { "empty", "", 0, "empty" },
        { "cut.gz", "\x1f\x8b\x08\0\0\0\0\0\0\3", 10, "cut off" },
        { "bad.gz", "\x1f\x8b\x08\0\0\0\0\0\0\3\xff\xff\xff\xff\xff\xff\xff", 17, "damaged" },
        { "u.img", "\x27\x05\x19\x56xxxx", 8, "U-Boot legacy image" },
    };
    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autofree char *path = file_of(rows[i].name, rows[i].data, rows[i].len);
        Setup s;
        setup_init(&s, "riscv64");
        s.config.kernel = path;
        assert_refused(&s, rows[i].why);
    }
    Setup s;
    setup_init(&s, "riscv64");
    s.config.kernel = (char *)"/nonexistent/kernel";
    assert_refused(&s, "could not load kernel");
    s.config.kernel = dir;
    assert_refused(&s, "not a regular file");
    s.config.kernel = NULL;
    s.config.initrd = dir;
    assert_refused(&s, "-initrd only allowed with -kernel option");
    s.config.initrd = NULL;
    s.config.bios = (char *)"nosuch.bin";
    assert_refused(&s, "Unable to load the RISC-V firmware \"nosuch.bin\"");
    s.config.bios = (char *)"none";
    static const char garbage[] = "\xd0\x0d\xfe\xed garbage garbage garbage garbage";
    g_autofree char *dtb = file_of("bad.dtb", garbage, sizeof(garbage));
    s.config.dtb = dtb;
    assert_refused(&s, "no valid device tree");
}

static void test_gzip_bomb(void)
{
    g_autofree char *plain = g_malloc0(80 << 20);
    g_autofree char *path = file_of("bomb", plain, 80 << 20);
    const char *argv[] = { "gzip", "-1f", path, NULL };
    int status;
    if (!g_spawn_sync(NULL, (char **)argv, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, NULL, NULL, &status,
                      NULL)) {
        g_test_skip("no gzip here");
        return;
    }
    g_autofree char *gz = g_strconcat(path, ".gz", NULL);
    Setup s;
    setup_init(&s, "riscv64");
    s.config.kernel = gz;
    s.config.ram_size = 64 << 20;
    assert_refused(&s, "unpacked it is larger");
    s.config.ram_size = 256 << 20;
    assert_starts(&s);
    machine_free(s.m);
}

/* ---- -device loader ------------------------------------------------------ */

static Device *add_loader(Setup *s, GError **err, const char *first, ...)
{
    g_autoptr(GString) line = g_string_new("loader");
    va_list ap;
    va_start(ap, first);
    for (const char *key = first; key; key = va_arg(ap, const char *)) {
        g_string_append_printf(line, ",%s=%s", key, va_arg(ap, char *));
    }
    va_end(ap);
    return test_add_device(s->m, line->str, err);
}

static void test_loader_device(void)
{
    g_autofree char *raw = file_of("raw", "hello", 5);
    Setup s;
    setup_init(&s, "riscv64");
    s.m = test_machine_new(&s.config, NULL, NULL);
    g_assert_nonnull(add_loader(&s, NULL, "addr", "0x80001000", "data", "0x11223344", "data-len", "4", NULL));
    g_assert_nonnull(
        add_loader(&s, NULL, "addr", "0x80001004", "data", "0x1122", "data-len", "2", "data-be", "on", NULL));
    g_assert_nonnull(add_loader(&s, NULL, "addr", "0x80002000", "file", raw, NULL));
    static const char *const bad[][4] = {
        { "data", "1", NULL, "Both data and data-len" },
        { "data-len", "9", NULL, "greater than 8" },
        { "cpu-num", "7", NULL, "CPU#7 is nonexistent" },
        { "file", "/nonexistent/x", NULL, "No such file" },
        { "adr", "7", NULL, "did you mean 'addr'?" },
        { "cpu-num", "0", NULL, "valid arguments" },
        { "force-raw", "on", NULL, "force-raw is for a file" },
        { "data-be", "on", NULL, "Both data and data-len" },
    };
    for (unsigned i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_autoptr(GError) err = NULL;
        g_assert_null(add_loader(&s, &err, bad[i][0], bad[i][1], NULL));
        g_test_message("%s", err->message);
        g_assert_nonnull(strstr(err->message, bad[i][3]));
    }
    g_autoptr(GError) err = NULL;
    g_assert_null(add_loader(&s, &err, "addr", "0x80002003", "file", raw, NULL));
    g_assert_nonnull(strstr(err->message, "overlaps"));
    g_clear_error(&err);
    g_assert_null(add_loader(&s, &err, "addr", "0x80003000", "file", raw, "data-be", "on", NULL));
    g_assert_nonnull(strstr(err->message, "both file and data"));
    loader_reset(s.m);
    g_assert_cmphex(load(s.m, 0x80001000, 6), ==, UINT64_C(0x221111223344));
    g_assert_cmphex(load(s.m, 0x80002000, 1), ==, 'h');
    machine_free(s.m);
}

static void test_add_device_messages(void)
{
    Setup s;
    setup_init(&s, "riscv64");
    s.m = test_machine_new(&s.config, NULL, NULL);
    static const char *const rows[][2] = {
        { "loadr", "'loadr' is not a valid device model name; did you mean 'loader'?" },
        { "serial-mm", "part of a board" },
    };
    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(GError) err = NULL;
        g_assert_null(test_add_device(s.m, rows[i][0], &err));
        g_assert_nonnull(strstr(err->message, rows[i][1]));
    }
    machine_free(s.m);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    dir = g_dir_make_tmp("virt-XXXXXX", NULL);
    g_test_add_func("/virt/memory-map", test_memory_map);
    g_test_add_func("/virt/tree", test_tree);
    g_test_add_func("/virt/tree-aclint", test_tree_aclint);
    g_test_add_func("/virt/options", test_options);
    g_test_add_func("/virt/reset-vector", test_reset_vector);
    g_test_add_func("/virt/places", test_places);
    g_test_add_func("/virt/elf", test_elf);
    g_test_add_func("/virt/hostile-elf", test_hostile_elf);
    g_test_add_func("/virt/low-headers", test_low_headers);
    g_test_add_func("/virt/boot-order", test_boot_order);
    g_test_add_func("/virt/dump-guest-core", test_dump_guest_core);
    g_test_add_func("/virt/hostile-files", test_hostile_files);
    g_test_add_func("/virt/gzip-bomb", test_gzip_bomb);
    g_test_add_func("/virt/loader-device", test_loader_device);
    g_test_add_func("/virt/add-device-messages", test_add_device_messages);
    int r = g_test_run();
    const char *rm[] = { "rm", "-rf", dir, NULL };
    g_spawn_sync(NULL, (char **)rm, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, NULL, NULL, NULL, NULL);
    return r;
}
