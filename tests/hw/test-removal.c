/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Devices come and go while vCPUs use them: threads read and write every register, of the device and of its
 * PCI function, right or wrong, and nothing of it reaches what is no more (run it under the sanitizers). */
#include "base/clock.h"
#include "virtio-rig.h"
#include "tests/loop.h"

enum { HAMMERS = 3, ROUNDS = 40, BLOWS_A_ROUND = 200, FUNCTION = RIG_ECAM + (1 << 15) };

typedef struct Anvil {
    Rig r;
    unsigned blows; /* atomic */
    bool stop;      /* atomic */
} Anvil;

/* Somewhere in the device's registers or its configuration space. */
static hwaddr choose_place(const Anvil *a, GRand *rand, unsigned size)
{
    bool pci = a->r.kind == RIG_PCI, config = pci && g_rand_boolean(rand);
    hwaddr at = (hwaddr)g_rand_int_range(rand, 0, config ? PCI_CONFIG_BYTES : pci ? 0x4000 : 0x200);
    if (pci && !config && g_rand_boolean(rand)) {
        at &= 0x3038; /* mostly where registers are */
    }
    return (config ? (hwaddr)FUNCTION
            : pci  ? (hwaddr)RIG_BAR
                   : (hwaddr)RIG_MMIO) +
           (at & ~(hwaddr)(size - 1));
}

static gpointer hammer(gpointer data)
{
    Anvil *a = data;
    GRand *rand = g_rand_new_with_seed(__atomic_load_n(&a->blows, __ATOMIC_RELAXED));
    while (!__atomic_load_n(&a->stop, __ATOMIC_ACQUIRE)) {
        unsigned size = 1u << g_rand_int_range(rand, 0, 3);
        hwaddr at = choose_place(a, rand, size);
        uint64_t value = g_rand_int_range(rand, 0, 16);
        if (g_rand_boolean(rand)) {
            (void)!memory_read(a->r.m->memory, at, size, &value);
        } else {
            (void)!memory_write(a->r.m->memory, at, size, value);
        }
        memory_quiescent();
        __atomic_add_fetch(&a->blows, 1, __ATOMIC_RELAXED);
    }
    g_rand_free(rand);
    return NULL;
}

static void await_blows(Anvil *a, unsigned count)
{
    unsigned from = __atomic_load_n(&a->blows, __ATOMIC_RELAXED);
    while (__atomic_load_n(&a->blows, __ATOMIC_RELAXED) - from < count) {
        rig_loop();
        memory_quiescent();
        g_thread_yield();
    }
}

/* The guest's firmware again: the function's BAR is mapped. */
static void map_function(Rig *r)
{
    rig_pci_config_write(r, 8, PCI_BAR_0 + 16, 4, RIG_BAR);
    rig_pci_config_write(r, 8, PCI_BAR_0 + 20, 4, 0);
    rig_pci_config_write(r, 8, PCI_COMMAND, 2, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
}

typedef struct Case {
    RigKind kind;
    const char *device;
} Case;

static void test_removal(gconstpointer data)
{
    const Case *c = data;
    Anvil a = { .blows = 0 };
    GThread *threads[HAMMERS];
    g_autofree char *driver = g_strconcat(c->device, c->kind == RIG_PCI ? "-pci" : "-device", NULL);
    rig_open(&a.r, c->kind, c->device, NULL);
    clock_virtual_start(test_clock());
    Device *dev = a.r.v->dev.outer ? a.r.v->dev.outer : &a.r.v->dev;
    for (unsigned i = 0; i < HAMMERS; i++) {
        threads[i] = g_thread_new("hammer", hammer, &a);
    }
    for (unsigned round = 0; round < ROUNDS; round++) {
        await_blows(&a, BLOWS_A_ROUND);
        device_free(dev);
        await_blows(&a, BLOWS_A_ROUND / 4);
        dev = rig_add(&a.r, driver, c->kind == RIG_PCI ? "addr=01.0" : NULL);
        device_reset(dev);
        if (c->kind == RIG_PCI) {
            map_function(&a.r);
        }
    }
    __atomic_store_n(&a.stop, true, __ATOMIC_RELEASE);
    for (unsigned i = 0; i < HAMMERS; i++) {
        g_thread_join(threads[i]);
    }
    clock_virtual_stop(test_clock());
    rig_close(&a.r);
}

int main(int argc, char **argv)
{
    static const Case cases[] = {
        { RIG_MODERN, "virtio-rng" },     { RIG_PCI, "virtio-rng" },    { RIG_MODERN, "virtio-net" },
        { RIG_PCI, "virtio-net" },        { RIG_LEGACY, "virtio-rng" }, { RIG_PCI, "virtio-balloon" },
        { RIG_MODERN, "virtio-balloon" },
    };
    g_test_init(&argc, &argv, NULL);
    for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *path =
            g_strdup_printf("/removal/%s/%s", rig_kind_names[cases[i].kind], cases[i].device);
        g_test_add_data_func(path, &cases[i], test_removal);
    }
    return g_test_run();
}
