/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Devices come and go while vCPUs use them: threads read and write every register, of the device and of its
 * PCI function, right or wrong, and nothing of it reaches what is no more (run it under the sanitizers).
 * And a disk goes while its requests are under way, and a vCPU waits in a register for their end. */
#include <glib/gstdio.h>
#include <unistd.h>

#include "base/clock.h"
#include "block/block.h"
#include "tests/ends.h"
#include "tests/made.h"
#include "util/keyval.h"
#include "virtio-rig.h"

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

/* ---- a disk with requests under way -------------------------------------------------- */

enum { DISK_ROUNDS = 25, REQUESTS = 16, REQUEST_BYTES = 64 << 10, DISK_BYTES = 4 << 20 };

/* A vCPU that resets the disk: it stays in the register until the requests have ended, or the disk is gone. */
typedef struct Resetter {
    Rig *r;
    bool go, back; /* atomic */
} Resetter;

static gpointer reset_disk(gpointer data)
{
    Resetter *v = data;
    bool pci = v->r->kind == RIG_PCI;
    memory_thread_register();
    __atomic_store_n(&v->go, true, __ATOMIC_SEQ_CST);
    (void)!memory_write(v->r->m->memory, pci ? RIG_BAR + 20 : RIG_MMIO + 0x70, pci ? 1 : 4, 0);
    memory_quiescent();
    __atomic_store_n(&v->back, true, __ATOMIC_SEQ_CST);
    return NULL;
}

static void open_disk(Rig *r, RigKind kind, const char *aio, bool thread)
{
    g_autoptr(GError) err = NULL;
    char path[] = "/var/tmp/lyrebird-removal-XXXXXX";
    int fd = g_mkstemp(path);
    g_assert_cmpint(ftruncate(fd, DISK_BYTES), ==, 0);
    close(fd);
    g_autofree char *text = g_strdup_printf("file=%s,format=raw,if=none,id=d,%s", path, aio);
    g_assert_nonnull(test_drive(test_drives(), text, &err));
    g_assert_no_error(err);
    g_unlink(path);
    rig_iothread = thread ? "io0" : NULL;
    rig_open(r, kind, "virtio-blk", thread ? "drive=d,iothread=io0" : "drive=d");
}

/* Reads and writes of all of the disk. */
static void send_requests(Rig *r)
{
    RigQueue q;
    rig_start(r, UINT64_MAX);
    rig_queue(r, &q, 0, 64);
    rig_driver_ok(r);
    for (unsigned i = 0; i < REQUESTS; i++) {
        hwaddr head = RIG_DATA + 32 * i, data = RIG_DATA + 4096 + i * REQUEST_BYTES;
        uint64_t sector = i * REQUEST_BYTES / 512;
        memcpy(rig_ram(r, head), (uint32_t[]){ i % 2, 0, sector, 0 }, 16);
        RigBuf bufs[] = { { head, 16, false }, { data, REQUEST_BYTES, i % 2 == 0 }, { head + 16, 1, true } };
        rig_add_chain(&q, bufs, G_N_ELEMENTS(bufs), 0);
    }
    rig_kick(&q);
}

static void disk_goes(RigKind kind, const char *aio, bool thread, unsigned round)
{
    Rig r;
    Resetter v = { .r = &r };
    unsigned long dirty[RIG_RAM_SIZE / RAM_PAGE / RAM_WORD_BITS];
    open_disk(&r, kind, aio, thread);
    Device *dev = r.v->dev.outer ? r.v->dev.outer : &r.v->dev;
    RamBlock *ram = r.m->ram.ram;
    ram_dirty_start(ram, RAM_DIRTY_DISPLAY);
    send_requests(&r);
    GThread *vcpu = g_thread_new("vcpu", reset_disk, &v);
    while (!__atomic_load_n(&v.go, __ATOMIC_SEQ_CST)) {
        g_thread_yield();
    }
    g_usleep(20 * (round % 8));
    ram_dirty_take(ram, RAM_DIRTY_DISPLAY, 0, RIG_RAM_SIZE, dirty);
    device_free(dev);
    while (!__atomic_load_n(&v.back, __ATOMIC_SEQ_CST)) { /* it waits for nobody who is no more */
        memory_quiescent();
        g_thread_yield();
    }
    g_thread_join(vcpu);
    ram_dirty_stop(ram, RAM_DIRTY_DISPLAY);
    rig_close(&r);
}

static void test_disk_goes(gconstpointer data)
{
    for (unsigned round = 0; round < DISK_ROUNDS; round++) {
        disk_goes(GPOINTER_TO_INT(data), round % 2 ? "aio=threads" : "aio=io_uring,cache=none", round % 4 > 1,
                  round);
    }
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
    g_test_add_data_func("/removal/disk/mmio", GINT_TO_POINTER(RIG_MODERN), test_disk_goes);
    g_test_add_data_func("/removal/disk/pci", GINT_TO_POINTER(RIG_PCI), test_disk_goes);
    return g_test_run();
}
