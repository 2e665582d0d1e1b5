/* SPDX-License-Identifier: GPL-2.0-or-later */
/* MSI-X of PCI functions: the table, masks and pending bits; the vectors of virtio; a hostile driver and hostile streams. */
#include <string.h>

#include "virtio-rig.h"

enum { DEVFN = 16, TABLE = 0x50000000, PENDING = TABLE + 0x800, REGS = 0x50010000, ENTRY = 16 };
enum { CONFIG_VECTOR = REGS + 16, QUEUE_SELECT = REGS + 22, QUEUE_VECTOR = REGS + 26 };
enum { FIXED_DATA = 0x4000 };

/* A second function, beside the rig's own, in a machine that takes messages. */
typedef struct Board {
    Rig r;
    Device *dev;
    PCIDevice *pci;
    VirtioDevice *v;
    unsigned cap;
} Board;

static struct {
    uint64_t addr;
    uint32_t data;
    unsigned count;
} message;

static bool take_message(Machine *m, uint64_t addr, uint32_t data)
{
    message.addr = addr;
    message.data = data;
    message.count++;
    return addr >= 0xfee00000;
}

static unsigned taken(void)
{
    unsigned n = message.count;
    message.count = 0;
    return n;
}

static unsigned find_cap(Rig *r)
{
    unsigned at = rig_pci_config(r, DEVFN, PCI_CAPABILITIES, 1);
    while (at && rig_pci_config(r, DEVFN, at, 1) != 0x11) {
        at = rig_pci_config(r, DEVFN, at + 1, 1);
    }
    return at;
}

static void set_up(Board *b)
{
    rig_pci_config_write(&b->r, DEVFN, PCI_BAR_0 + 4, 4, TABLE);
    rig_pci_config_write(&b->r, DEVFN, PCI_BAR_0 + 16, 4, REGS);
    rig_pci_config_write(&b->r, DEVFN, PCI_BAR_0 + 20, 4, 0);
    rig_pci_config_write(&b->r, DEVFN, PCI_COMMAND, 2, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
}

static void reset(Board *b)
{
    device_reset(b->dev->inner);
    device_reset(b->dev);
    set_up(b);
}

static void board_open(Board *b, const char *driver, const char *props)
{
    memset(b, 0, sizeof(*b));
    rig_open(&b->r, RIG_PCI, "virtio-rng", NULL);
    b->r.m->msi_send = take_message;
    b->dev = rig_add(&b->r, driver, props);
    b->pci = container_of(b->dev, PCIDevice, dev);
    b->v = virtio_device(b->dev->inner);
    reset(b);
    b->cap = find_cap(&b->r);
    taken();
}

static void set_control(Board *b, uint16_t value)
{
    rig_pci_config_write(&b->r, DEVFN, b->cap + 2, 2, value);
}

static void set_entry(Board *b, unsigned vector, bool masked)
{
    rig_write(&b->r, TABLE + ENTRY * vector, 4, 0xfee01000);
    rig_write(&b->r, TABLE + ENTRY * vector + 4, 4, 0);
    rig_write(&b->r, TABLE + ENTRY * vector + 8, 4, FIXED_DATA | vector);
    rig_write(&b->r, TABLE + ENTRY * vector + 12, 4, masked);
}

static void notify(Board *b, unsigned vector)
{
    device_lock(b->dev);
    pci_msix_notify(b->pci, vector);
    device_unlock(b->dev);
}

/* ---- cases ----------------------------------------------------------------- */

static void test_table(void)
{
    Board b;
    board_open(&b, "virtio-rng-pci", "vectors=70");
    g_assert_cmphex(rig_pci_config(&b.r, DEVFN, b.cap + 2, 2), ==, 69);
    g_assert_cmphex(rig_pci_config(&b.r, DEVFN, b.cap + 4, 4), ==, 1);
    g_assert_cmphex(rig_pci_config(&b.r, DEVFN, b.cap + 8, 4), ==, 0x801);
    g_assert_cmphex(rig_read(&b.r, TABLE + 12, 4), ==, 1); /* masked after reset */
    rig_write(&b.r, TABLE + ENTRY * 69, 8, UINT64_C(0x12345678fee01003));
    rig_write(&b.r, TABLE + ENTRY * 69 + 8, 8, UINT64_C(0xffffffff00004321));
    g_assert_cmphex(rig_read(&b.r, TABLE + ENTRY * 69, 8), ==, UINT64_C(0x12345678fee01000));
    g_assert_cmphex(rig_read(&b.r, TABLE + ENTRY * 69 + 4, 4), ==, 0x12345678);
    g_assert_cmphex(rig_read(&b.r, TABLE + ENTRY * 69 + 8, 8), ==, UINT64_C(0x100004321));
    rig_write(&b.r, TABLE + ENTRY * 70, 8, UINT64_MAX); /* there is none */
    g_assert_cmphex(rig_read(&b.r, TABLE + ENTRY * 70, 8), ==, 0);
    rig_write(&b.r, PENDING, 8, UINT64_MAX); /* read-only */
    g_assert_cmphex(rig_read(&b.r, PENDING, 8), ==, 0);
    set_control(&b, 0xffff);
    g_assert_cmphex(rig_pci_config(&b.r, DEVFN, b.cap + 2, 2), ==, 0xc045);
    rig_close(&b.r);
}

/* What may not be sent waits, and is sent once when it may; whichever of the masks it was. */
static void test_masks(void)
{
    enum { ON = 0x8000, ALL_MASKED = 0x4000 };
    Board b;
    board_open(&b, "virtio-rng-pci", "vectors=70");
    set_entry(&b, 67, false);
    set_control(&b, ON);
    notify(&b, 67);
    g_assert_cmpuint(taken(), ==, 1);
    g_assert_cmphex(message.addr, ==, 0xfee01000);
    g_assert_cmphex(message.data, ==, FIXED_DATA | 67);

    set_entry(&b, 67, true);
    notify(&b, 67);
    notify(&b, 67);
    g_assert_cmpuint(taken(), ==, 0);
    g_assert_cmphex(rig_read(&b.r, PENDING + 8, 8), ==, 1 << 3);
    rig_write(&b.r, TABLE + ENTRY * 67 + 12, 4, 0);
    g_assert_cmpuint(taken(), ==, 1);
    g_assert_cmphex(rig_read(&b.r, PENDING + 8, 8), ==, 0);

    set_control(&b, ON | ALL_MASKED);
    notify(&b, 67);
    g_assert_cmphex(rig_read(&b.r, PENDING + 12, 4), ==, 0);
    g_assert_cmphex(rig_read(&b.r, PENDING + 8, 4), ==, 1 << 3);
    set_control(&b, ON);
    g_assert_cmpuint(taken(), ==, 1);

    rig_pci_config_write(&b.r, DEVFN, PCI_COMMAND, 2, PCI_COMMAND_MEMORY); /* no bus master */
    notify(&b, 67);
    g_assert_cmpuint(taken(), ==, 0);
    rig_pci_config_write(&b.r, DEVFN, PCI_COMMAND, 2, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
    g_assert_cmpuint(taken(), ==, 1);

    notify(&b, 3); /* masked since reset: a reset forgets it */
    reset(&b);
    set_control(&b, ON);
    rig_write(&b.r, TABLE + ENTRY * 3 + 12, 4, 0);
    g_assert_cmpuint(taken(), ==, 0);
    rig_close(&b.r);
}

/* 4.1.5.1.2: vectors that are not there read back as none; with MSI-X the pin is silent and the ISR unused. */
static void test_virtio(void)
{
    Board b;
    board_open(&b, "virtio-net-pci", NULL);
    g_assert_cmphex(rig_pci_config(&b.r, DEVFN, b.cap + 2, 2), ==, b.v->queue_count);
    g_assert_cmphex(rig_read(&b.r, CONFIG_VECTOR, 2), ==, VIRTIO_NO_VECTOR);
    rig_write(&b.r, CONFIG_VECTOR, 2, b.v->queue_count + 1);
    g_assert_cmphex(rig_read(&b.r, CONFIG_VECTOR, 2), ==, VIRTIO_NO_VECTOR);
    rig_write(&b.r, CONFIG_VECTOR, 2, 1);
    g_assert_cmphex(rig_read(&b.r, CONFIG_VECTOR, 2), ==, 1);
    rig_write(&b.r, QUEUE_SELECT, 2, 1);
    rig_write(&b.r, QUEUE_VECTOR, 2, 2);
    rig_write(&b.r, QUEUE_SELECT, 2, 0);
    g_assert_cmphex(rig_read(&b.r, QUEUE_VECTOR, 2), ==, VIRTIO_NO_VECTOR);
    set_entry(&b, 1, false);
    set_control(&b, 0x8000);
    rig_write(&b.r, REGS + 20, 1, 15);
    device_lock(b.dev);
    virtio_config_changed(b.v);
    device_unlock(b.dev);
    g_assert_cmpuint(taken(), ==, 1);
    g_assert_cmphex(message.data, ==, FIXED_DATA | 1);
    g_assert_cmphex(rig_read(&b.r, REGS + 0x1000, 1), ==, 0);
    g_assert_cmphex(rig_pci_config(&b.r, DEVFN, PCI_STATUS, 1) & PCI_STATUS_INTERRUPT, ==, 0);
    set_control(&b, 0);
    device_lock(b.dev);
    virtio_config_changed(b.v);
    device_unlock(b.dev);
    g_assert_cmpuint(taken(), ==, 0);
    g_assert_cmphex(rig_pci_config(&b.r, DEVFN, PCI_STATUS, 1) & PCI_STATUS_INTERRUPT, ==,
                    PCI_STATUS_INTERRUPT);
    set_control(&b, 0x8000); /* the function has another voice now */
    g_assert_cmphex(rig_pci_config(&b.r, DEVFN, PCI_STATUS, 1) & PCI_STATUS_INTERRUPT, ==, 0);
    rig_write(&b.r, REGS + 20, 1, 0);
    g_assert_cmphex(rig_read(&b.r, CONFIG_VECTOR, 2), ==, VIRTIO_NO_VECTOR);
    rig_close(&b.r);
}

static void test_state(void)
{
    Board b;
    board_open(&b, "virtio-rng-pci", NULL);
    set_control(&b, 0x8000);
    set_entry(&b, 1, true);
    notify(&b, 1);
    g_autoptr(GByteArray) saved = device_save(b.dev);
    reset(&b);
    g_autoptr(GError) err = NULL;
    g_assert_true(device_load(b.dev, saved->data, saved->len, &err));
    g_assert_no_error(err);
    rig_write(&b.r, TABLE + ENTRY + 12, 4, 0);
    g_assert_cmpuint(taken(), ==, 1);
    b.pci->s.msix_pending[0] = 1 << 5; /* of a function with more vectors */
    g_autoptr(GByteArray) other = device_save(b.dev);
    b.pci->s.msix_pending[0] = 0;
    g_assert_false(device_load(b.dev, other->data, other->len, &err));
    g_assert_nonnull(strstr(err->message, "MSI-X"));
    rig_close(&b.r);
}

static void test_options(void)
{
    static const char *const kinds[] = { "virtio-rng-pci", "virtio-balloon-pci", "virtio-serial-pci",
                                         "virtio-keyboard-pci" };
    Board b;
    for (unsigned i = 0; i < G_N_ELEMENTS(kinds); i++) {
        board_open(&b, kinds[i], NULL);
        unsigned want = MIN(b.v->queue_count + 1, b.v->queue_count > 16 ? 2 : 17);
        g_assert_cmphex(rig_pci_config(&b.r, DEVFN, b.cap + 2, 2), ==, want - 1);
        rig_close(&b.r);
    }
    board_open(&b, "virtio-rng-pci", "vectors=0");
    g_assert_cmpuint(b.cap, ==, 0);
    rig_write(&b.r, CONFIG_VECTOR, 2, 0);
    g_assert_cmphex(rig_read(&b.r, CONFIG_VECTOR, 2), ==, VIRTIO_NO_VECTOR);
    rig_close(&b.r);
}

/* A driver that writes anything anywhere: messages come only where MSI-X is on, and nothing falls over. */
static void test_random(void)
{
    Board b;
    board_open(&b, "virtio-rng-pci", "vectors=3");
    g_autoptr(GRand) rand = g_rand_new_with_seed(7);
    for (unsigned i = 0; i < 20000; i++) {
        unsigned what = g_rand_int_range(rand, 0, 4);
        uint64_t value = g_rand_int(rand);
        if (what == 0) {
            set_control(&b, value);
            taken();
        } else if (what == 1) {
            notify(&b, value % 3);
            g_assert_true(!message.count || pci_msix_enabled(b.pci));
            taken();
        } else {
            rig_write(&b.r, TABLE + (value % 0x1000 & ~3u), 4, g_rand_int(rand));
            taken();
        }
        g_assert_true(pci_msix_loaded(b.pci));
    }
    rig_close(&b.r);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/msix/table", test_table);
    g_test_add_func("/msix/masks", test_masks);
    g_test_add_func("/msix/virtio", test_virtio);
    g_test_add_func("/msix/state", test_state);
    g_test_add_func("/msix/options", test_options);
    g_test_add_func("/msix/random", test_random);
    return g_test_run();
}
