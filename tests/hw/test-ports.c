/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The machine's ports: a space of their own, with I/O BARs in it, which a CPU without port
 * instructions sees through the PCI host's window. */
#include <string.h>

#include "hw/board.h"
#include "hw/pci.h"
#include "hw/riscv/virt.h"
#include "target/cpu.h"
#include "tests/ends.h"

enum { SLOT = 5, BAR_BYTES = 0x20, PORT = 0xc040 };

/* A function with one I/O BAR: what is written comes back inverted. */
typedef struct Card {
    PCIDevice pci;
    MemoryRegion bar;
    uint64_t last;
} Card;

static BusResult card_read(void *opaque, hwaddr offset, unsigned size, uint64_t *value)
{
    *value = ~((Card *)opaque)->last;
    return BUS_OK;
}

static BusResult card_write(void *opaque, hwaddr offset, unsigned size, uint64_t value)
{
    ((Card *)opaque)->last = value;
    return BUS_OK;
}

static const IoOps card_ops = { .read = card_read, .write = card_write, .min = 1, .max = 4 };

static bool card_realize(Device *dev, GError **err)
{
    Card *c = (Card *)dev;
    pci_init(&c->pci, &(PCIIds){ .vendor = 0x1234, .device = 1, .class = 0x050000 });
    memory_region_init_io(&c->bar, &dev->regions, &card_ops, c, "card", BAR_BYTES);
    pci_add_bar(&c->pci, 0, PCI_BAR_IO, &c->bar);
    return true;
}

static void card_unrealize(Device *dev)
{
    Card *c = (Card *)dev;
    pci_finish(&c->pci);
    memory_region_finish(&c->bar);
}

static const DeviceClass card_class = {
    .name = "port-card",
    .bus = "PCI",
    .parent = &pci_device_class,
    .size = sizeof(Card),
    .realize = card_realize,
    .unrealize = card_unrealize,
};

/* ---- the machine --------------------------------------------------------------- */

static MachineConfig config = { .ram_size = 128 << 20, .cpus = 1, .bios = (char *)"none" };

static const BoardClass *riscv_board(void)
{
    const BoardClass *const *b = board_classes;
    while (strcmp((*b)->arch, "riscv64")) {
        b++;
    }
    return *b;
}

static Machine *machine_with_card(void)
{
    g_autoptr(GError) err = NULL;
    config.board = riscv_board();
    Machine *m = test_machine_new(&config, NULL, &err);
    g_assert_no_error(err);
    Device *card = device_new(&card_class, m, NULL);
    ((Card *)card)->pci.devfn = SLOT * 8;
    bool ok = device_realize(card, machine_find_bus(m, "pcie.0"), &err);
    g_assert_no_error(err);
    g_assert_true(ok);
    device_reset(card);
    return m;
}

static uint64_t in(AddressSpace *as, hwaddr addr, unsigned size)
{
    uint64_t v;
    g_assert_cmpint(memory_read(as, addr, size, &v), ==, BUS_OK);
    return v;
}

static void out(AddressSpace *as, hwaddr addr, unsigned size, uint64_t value)
{
    g_assert_cmpint(memory_write(as, addr, size, value), ==, BUS_OK);
}

static void put_bar(Machine *m, uint32_t addr, uint16_t command)
{
    hwaddr config_space = VIRT_ECAM + (SLOT << 15);
    out(m->memory, config_space + PCI_BAR_0, 4, addr);
    out(m->memory, config_space + PCI_COMMAND, 2, command);
}

static void test_bar(void)
{
    Machine *m = machine_with_card();
    put_bar(m, PORT, PCI_COMMAND_IO);
    out(m->io, PORT, 4, 0x12345678);
    g_assert_cmphex(in(m->io, PORT, 4), ==, 0xedcba987);
    g_assert_cmphex(in(m->cpus[0]->io, PORT, 1), ==, 0x87);
    g_assert_cmphex(in(m->memory, VIRT_PCIE_PIO + PORT, 4), ==, 0xedcba987); /* the window */
    out(m->memory, VIRT_PCIE_PIO + PORT, 2, 0xff);
    g_assert_cmphex(in(m->io, PORT, 2), ==, 0xff00);
    put_bar(m, 0x2000, PCI_COMMAND_IO);
    g_assert_cmphex(in(m->io, 0x2000, 2), ==, 0xff00);
    g_assert_cmphex(in(m->io, PORT, 4), ==, UINT32_MAX); /* nothing there any more */
    put_bar(m, 0x2000, 0);
    g_assert_cmphex(in(m->io, 0x2000, 4), ==, UINT32_MAX);
    put_bar(m, 0xfffffff0, PCI_COMMAND_IO); /* leaves the ports: not mapped */
    g_assert_cmphex(in(m->io, 0xfff0, 4), ==, UINT32_MAX);
    machine_free(m);
}

/* Ports answer with ones where nothing is, memory with a fault: a property of the space. */
static void test_nothing_there(void)
{
    MemoryRegion root;
    uint64_t v;
    memory_region_init_container(&root, NULL, "ports", MACHINE_PORTS);
    AddressSpace *io = address_space_new_ports(&root, "I/O"), *as = address_space_new(&root, "memory");
    g_assert_cmphex(in(io, 0x60, 1), ==, 0xff);
    g_assert_cmphex(in(io, 0x60, 2), ==, 0xffff);
    g_assert_cmphex(in(io, 0x60, 4), ==, UINT32_MAX);
    g_assert_cmphex(in(io, MACHINE_PORTS - 1, 4), ==, UINT32_MAX);
    out(io, 0x60, 4, 0);
    g_assert_cmpint(memory_read(as, 0x60, 1, &v), ==, BUS_DECODE_ERROR);
    g_assert_cmpint(memory_write(as, 0x60, 1, 0), ==, BUS_DECODE_ERROR);
    address_space_free(io);
    address_space_free(as);
    memory_region_finish(&root);
}

static void test_mtree(void)
{
    Machine *m = machine_with_card();
    put_bar(m, PORT, PCI_COMMAND_IO);
    g_autoptr(GString) tree = g_string_new(NULL), flat = g_string_new(NULL);
    machine_dump_mtree(m, tree, false);
    machine_dump_mtree(m, flat, true);
    g_test_message("%s%s", tree->str, flat->str);
    g_assert_nonnull(strstr(tree->str,
                            "address-space: I/O\n"
                            "  0000000000000000-000000000000ffff (prio 0, i/o): io\n"
                            "    0000000000000000-000000000000ffff (prio -1, i/o): gpex_ioport\n"));
    g_assert_nonnull(strstr(tree->str, "      000000000000c040-000000000000c05f (prio 1, i/o): card\n"));
    g_assert_nonnull(strstr(tree->str, "alias gpex_ioport_window @gpex_ioport 0"));
    g_assert_nonnull(strstr(flat->str, " AS \"I/O\", root: io\n"));
    g_assert_nonnull(strstr(flat->str, "\n  000000000000c040-000000000000c05f (prio 1, i/o): card\n"));
    g_assert_nonnull(strstr(flat->str, "\n  000000000300c040-000000000300c05f (prio 1, i/o): card\n"));
    machine_free(m);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/ports/bar", test_bar);
    g_test_add_func("/ports/nothing-there", test_nothing_there);
    g_test_add_func("/ports/mtree", test_mtree);
    return g_test_run();
}
