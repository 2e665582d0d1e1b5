/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The board `microvm`: its memory map and ports, its options, and the MP table. */
#include <json-c/json.h>

#include "hw/i386/microvm.h"
#include "hw/i386/mptable.h"
#include "tests/ends.h"
#include "util/bytes.h"
#include "util/keyval.h"

static MachineConfig config;

static Machine *build(const char *options, unsigned cpus, GError **err)
{
    config = (MachineConfig){
        .board = &x86_64_microvm_board, .ram_size = 64 << 20, .cpus = cpus, .kernel = (char *)"unused"
    };
    if (options) {
        config.board_options = keyval_read(options, NULL, err);
    }
    Machine *m = test_machine_new(&config, NULL, err);
    g_clear_pointer(&config.board_options, json_object_put);
    return m;
}

static Machine *built(const char *options, unsigned cpus)
{
    g_autoptr(GError) err = NULL;
    Machine *m = build(options, cpus, &err);
    g_assert_no_error(err);
    g_assert_nonnull(m);
    machine_reset(m);
    return m;
}

static uint64_t read_at(AddressSpace *as, hwaddr at, unsigned size)
{
    uint64_t v;
    memory_read(as, at, size, &v);
    return v;
}

static void test_map(void)
{
    Machine *m = built(NULL, 2);
    for (unsigned i = 0; i < 24; i++) {
        g_assert_cmphex(read_at(m->memory, 0xfeb00000 + 0x200 * i, 4), ==, 0x74726976);
    }
    g_assert_cmphex(read_at(m->memory, 0xfec00000, 4), ==, 0);
    memory_write(m->memory, 0xfec00000, 4, 1);
    g_assert_cmphex(read_at(m->memory, 0xfec00010, 4), ==, 0x170020);
    g_assert_cmphex(read_at(m->memory, 0xfee00030, 4), ==, 0x1050014);
    memory_write(m->io, 0x510, 2, 0);
    g_assert_cmphex(read_at(m->io, 0x511, 1), ==, 'Q');
    g_assert_cmphex(read_at(m->io, 0x3fd, 1), ==, 0x60); /* serial */
    g_assert_cmphex(read_at(m->io, 0x21, 1), ==, 0xff);  /* masked, until somebody wants it */
    memory_write(m->io, 0x70, 1, 0x0d);
    g_assert_cmphex(read_at(m->io, 0x71, 1), ==, 0x80);
    memory_write(m->io, 0x70, 1, 0x34); /* 48 MiB above 16 */
    g_assert_cmphex(read_at(m->io, 0x71, 1), ==, 0x00);
    memory_write(m->io, 0x70, 1, 0x35);
    g_assert_cmphex(read_at(m->io, 0x71, 1), ==, 0x03);
    memory_write(m->io, 0x43, 1, 0x34);
    g_assert_cmphex(read_at(m->io, 0x61, 1) & 0x0f, ==, 0);
    machine_free(m);
}

static void test_options(void)
{
    Machine *m = built("pic=off,pit=off,rtc=off,isa-serial=off", 1);
    static const uint16_t ports[] = { 0x21, 0x40, 0x61, 0x71, 0x3fd, 0x4d0 };
    for (unsigned i = 0; i < G_N_ELEMENTS(ports); i++) {
        g_assert_cmphex(read_at(m->io, ports[i], 1), ==, 0xff);
    }
    machine_free(m);
    m = built("acpi=off", 1);
    g_assert_cmphex(read_at(m->memory, 0xfeb00e00, 4), ==, 0x74726976); /* slot 7, the last one */
    g_assert_false(memory_debug_mapped(m->memory, 0xfeb01000, 4));
    g_assert_false(memory_debug_mapped(m->memory, 0xfec10000, 4));
    g_assert_false(memory_debug_mapped(m->memory, 0xfea00000, 4));
    machine_free(m);
    m = built("pcie=on", 1);
    g_assert_cmphex(read_at(m->memory, 0xe0000000, 4), ==, 0x00081b36); /* the host bridge */
    g_assert_cmphex(read_at(m->io, 0x3fd, 1), ==, 0x60); /* ports of the board are before those of PCI */
    machine_free(m);
    static const char *const refused[] = { "acpi=off,pcie=on", "acpi=off,ioapic2=on", "x-option-roms=on" };
    for (unsigned i = 0; i < G_N_ELEMENTS(refused); i++) {
        g_autoptr(GError) err = NULL;
        g_assert_null(build(refused[i], 1, &err));
        g_assert_nonnull(err);
    }
}

static uint8_t sum(const uint8_t *p, unsigned bytes)
{
    uint8_t s = 0;
    while (bytes--) {
        s += *p++;
    }
    return s;
}

/* Tables fit, and each is where another says; the power button comes to the event device. */
static void test_acpi(void)
{
    Machine *m = built("pcie=on", 64);
    hwaddr rsdp;
    g_autoptr(GBytes) bytes = microvm_acpi_tables(m, MICROVM_ACPI_TABLES, &rsdp);
    gsize size;
    const uint8_t *p = g_bytes_get_data(bytes, &size);
    g_assert_cmpuint(size, <=, 0x100000 - MICROVM_ACPI_TABLES);
    const uint8_t *xsdt = p + (load_le(p + (rsdp - MICROVM_ACPI_TABLES) + 24, 8) - MICROVM_ACPI_TABLES);
    static const char *const names[] = { "FACP", "APIC", "MCFG" };
    for (unsigned i = 0; i < G_N_ELEMENTS(names); i++) {
        const uint8_t *t = p + (load_le(xsdt + 36 + 8 * i, 8) - MICROVM_ACPI_TABLES);
        g_assert_cmpmem(t, 4, names[i], 4);
        g_assert_cmpuint(load_le(t + 4, 4), ==, i == 0 ? 276 : i == 1 ? 44 + 64 * 8 + 2 * 12 + 10 + 6 : 60);
    }
    g_assert_cmpmem(p, 4, "DSDT", 4);
    irq_raise(&m->powerdown);
    g_assert_cmphex(read_at(m->memory, MICROVM_GED, 4), ==, 2);
    machine_free(m);
}

/* Each entry has its size by its type. */
static void test_mptable(void)
{
    static const uint8_t sizes[] = { 20, 8, 8, 8, 8 };
    Machine *m = built(NULL, 3);
    const MpMachine mp = { .m = m, .ioapic = 0xfec00000, .level = 1 << 5 };
    g_autoptr(GBytes) bytes = mptable_make(&mp, 0xf0000);
    gsize size;
    const uint8_t *p = g_bytes_get_data(bytes, &size), *t = p + 16;
    unsigned length = load_le(t + 4, 2), count[5] = { 0 }, entries = 0;
    g_assert_cmpmem(p, 4, "_MP_", 4);
    g_assert_cmphex(load_le(p + 4, 4), ==, 0xf0010);
    g_assert_cmpuint(sum(p, 16), ==, 0);
    g_assert_cmpmem(t, 4, "PCMP", 4);
    g_assert_cmpuint(size, ==, 16 + length);
    g_assert_cmpuint(sum(t, length), ==, 0);
    for (unsigned at = 44; at < length; at += sizes[t[at]]) {
        const uint8_t *e = t + at;
        g_assert_cmpuint(e[0], <, G_N_ELEMENTS(sizes));
        count[e[0]]++;
        entries++;
        if (e[0] == 0) {
            g_assert_cmpuint(e[1], ==, count[0] - 1);          /* APIC id */
            g_assert_cmpuint(e[3], ==, count[0] == 1 ? 3 : 1); /* the first one boots */
        }
        if (e[0] == 3) {
            g_assert_cmpuint(e[7], ==, e[5] ? e[5] : 2); /* the timer is on pin 2 */
            g_assert_cmpuint(e[2], ==, e[5] == 5 ? 0x0d : 0);
        }
    }
    g_assert_cmpuint(entries, ==, load_le(t + 34, 2));
    g_assert_cmpuint(count[0], ==, 3);
    g_assert_cmpuint(count[1], ==, 1);
    g_assert_cmpuint(count[2], ==, 1);
    g_assert_cmpuint(count[3], ==, 15);
    g_assert_cmpuint(count[4], ==, 2);
    machine_free(m);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/microvm/map", test_map);
    g_test_add_func("/microvm/options", test_options);
    g_test_add_func("/microvm/acpi", test_acpi);
    g_test_add_func("/microvm/mptable", test_mptable);
    return g_test_run();
}
