/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See bench.h. */
#include "bench.h"

#include <string.h>
#include <unistd.h>

#include "block/block.h"
#include "chardev/chardev.h"
#include "hw/loader.h"
#include "hw/nvram/fw_cfg.h"
#include "tests/loop.h"
#include "ui/console.h"
#include "ui/input.h"
#include "tests/patience.h"
#include "tests/ends.h"
#include "tests/made.h"

static bool is_pci(const DeviceClass *c)
{
    return c && (c == &pci_device_class || is_pci(c->parent));
}

/* The registers of a PCI function, wherever a guest would put its BARs; they answer. */
static void map_bars(Bench *b, Device *dev)
{
    PCIDevice *d = is_pci(dev->class) ? container_of(dev, PCIDevice, dev) : NULL;
    for (unsigned i = 0; d && i < PCI_BARS; i++) {
        MemoryRegion *mr = d->bars[i].mr;
        if (mr && mr->ops) {
            memory_region_init_alias(&b->bars[i], NULL, "bar", mr, 0, mr->size);
            FlatRange r = { .start = b->next, .size = mr->size, .mr = mr };
            g_array_append_val(b->windows, r);
            memory_region_add(&b->m.system, b->next, &b->bars[i], 0);
            b->next += (mr->size + 0xffff) & ~(uint64_t)0xffff;
        }
    }
    if (d) {
        pci_config_write(d, PCI_COMMAND, 2, PCI_COMMAND_MEMORY | PCI_COMMAND_IO | PCI_COMMAND_MASTER);
    }
}

static void unmap_bars(Bench *b)
{
    for (unsigned i = 0; i < PCI_BARS; i++) {
        if (b->bars[i].parent) {
            memory_region_remove(&b->m.system, &b->bars[i]);
            memory_region_finish(&b->bars[i]);
        }
    }
}

void bench_open(Bench *b)
{
    memset(b, 0, sizeof(*b));
    b->m.config = &b->config;
    b->m.loop = test_loop();
    b->m.clock = test_clock();
    b->m.drives = test_drives();
    b->m.chardevs = test_chardevs();
    b->m.nets = test_nets();
    b->m.objects = objects_new(NULL);
    b->m.consoles = consoles_new(b->m.loop, b->m.clock);
    b->m.inputs = inputs_new(b->m.loop, b->m.clock);
    b->m.globals = g_ptr_array_new();
    b->m.devices = g_ptr_array_new();
    b->m.buses = g_ptr_array_new();
    memory_region_init_container(&b->m.system, NULL, "system", UINT64_MAX);
    g_assert_true(memory_region_init_ram(&b->m.ram, NULL, "ram", RAM_SIZE, NULL));
    memory_region_add(&b->m.system, RAM_BASE, &b->m.ram, 0);
    memory_region_init_container(&b->m.ports, NULL, "io", MACHINE_PORTS);
    b->m.io = address_space_new_ports(&b->m.ports, "I/O");
    memory_region_init_alias(&b->ports, NULL, "ports", &b->m.ports, 0, MACHINE_PORTS);
    memory_region_add(&b->m.system, PORTS_BASE, &b->ports, 0);
    b->m.memory = address_space_new(&b->m.system, "memory");
    b->next = MMIO_BASE;
    b->windows = g_array_new(FALSE, FALSE, sizeof(FlatRange));
}

void bench_close(Bench *b)
{
    unmap_bars(b);
    while (b->m.devices->len) {
        device_free(g_ptr_array_index(b->m.devices, b->m.devices->len - 1));
    }
    while (g_main_context_iteration(event_loop_context(test_loop()), FALSE)) {
    }
    loader_free(&b->m);
    memory_region_remove(&b->m.system, &b->m.ram);
    memory_region_finish(&b->m.ram);
    address_space_free(b->m.memory);
    memory_region_remove(&b->m.system, &b->ports);
    memory_region_finish(&b->ports);
    address_space_free(b->m.io);
    memory_region_finish(&b->m.ports);
    memory_region_finish(&b->m.system);
    g_ptr_array_free(b->m.devices, TRUE);
    g_ptr_array_free(b->m.buses, TRUE);
    g_ptr_array_free(b->m.globals, TRUE);
    objects_free(b->m.objects);
    consoles_free(b->m.consoles);
    inputs_free(b->m.inputs);
    g_array_free(b->windows, TRUE);
    memory_quiescent(); /* what the map gave up is freed: a fuzz target opens thousands of benches */
}

static void map_region(MemoryRegion *mr, void *opaque)
{
    Bench *b = opaque;
    bool is_port = mr->parent == &b->m.ports;
    if ((mr->parent && !is_port) || !mr->ops) {
        return;
    }
    FlatRange r = { .start = is_port ? PORTS_BASE + mr->addr : b->next, .size = mr->size, .mr = mr };
    g_array_append_val(b->windows, r);
    if (!is_port) {
        memory_region_add(&b->m.system, b->next, mr, 0);
        b->next += (mr->size + 0xffff) & ~(uint64_t)0xffff;
    }
}

/* A bus of the kind that the class wants, from whatever class provides one; at most
 * one bus lies between that class and the machine. */
static Bus *bench_bus(Bench *b, const char *kind, unsigned depth)
{
    for (const DeviceClass *const *c = device_classes; *c; c++) {
        bool nested = (*c)->bus != NULL;
        if (nested && (!depth || !strcmp((*c)->bus, kind))) {
            continue;
        }
        Bus *under = nested ? bench_bus(b, (*c)->bus, depth - 1) : NULL;
        Device *host = under || !nested ? device_new(*c, &b->m, NULL) : NULL;
        if (host && device_realize(host, under, NULL) && machine_find_bus_of_kind(&b->m, kind)) {
            memory_region_foreach_owned(&host->regions, map_region, b);
            return machine_find_bus_of_kind(&b->m, kind);
        }
        device_free(host);
        if (under) {
            device_free(under->owner);
        }
    }
    return NULL;
}

/* ---- wires --------------------------------------------------------------- */

/* A raw image of zeroes, as large as a flash bank of the virt board. */
static char *image_make(void)
{
    enum { IMAGE_BYTES = 32 << 20 };
    char *path = NULL;
    int fd = g_file_open_tmp("bench-XXXXXX", &path, NULL);
    g_assert_cmpint(fd, >=, 0);
    g_assert_cmpint(ftruncate(fd, IMAGE_BYTES), ==, 0);
    close(fd);
    return path;
}

static void wire_make(PropKind kind, const char *id)
{
    g_autoptr(GError) err = NULL;
    if (kind == PROP_CHARDEV) {
        g_autofree char *text = g_strdup_printf("ringbuf,id=%s", id);
        g_assert_nonnull(test_chardev(test_chardevs(), text, &err));
    } else {
        g_autofree char *path = image_make();
        g_autofree char *text = g_strdup_printf("file=%s,id=%s,format=raw,if=none", path, id);
        g_assert_nonnull(test_drive(test_drives(), text, &err));
        unlink(path);
    }
}

/* A host end of its own for each property that takes one. */
static void wire_prop(const Prop *p, void *opaque)
{
    static unsigned serial;
    if (p->kind == PROP_CHARDEV || p->kind == PROP_DRIVE) {
        g_autofree char *id = g_strdup_printf("wire%u", serial++);
        wire_make(p->kind, id);
        g_assert_true(device_set_prop(opaque, p->name, id, NULL));
    }
}

/* What else a class insists on. */
static void give_arguments(Device *dev)
{
    static const struct {
        const char *class, *name, *value;
    } arguments[] = {
        { "loader", "addr", "0x40000100" },
        { "loader", "data", "0x12345678" },
        { "loader", "data-len", "4" },
    };
    for (unsigned i = 0; i < G_N_ELEMENTS(arguments); i++) {
        if (!strcmp(dev->class->name, arguments[i].class)) {
            g_assert_true(device_set_prop(dev, arguments[i].name, arguments[i].value, NULL));
        }
    }
}

/* What a board has for it. */
static void give_surroundings(Bench *b, const DeviceClass *c)
{
    if (!strcmp(c->name, "ramfb")) {
        Device *cfg = device_create(&b->m, &fw_cfg_class, NULL, NULL, NULL);
        b->m.fw_cfg = container_of(cfg, FwCfg, dev);
        memory_region_foreach_owned(&cfg->regions, map_region, b);
    }
}

Device *bench_device(Bench *b, const DeviceClass *c)
{
    g_autoptr(GError) err = NULL;
    give_surroundings(b, c);
    Bus *bus = c->bus ? bench_bus(b, c->bus, 1) : NULL;
    g_assert_true(!c->bus || bus); /* some class provides it */
    Device *dev = device_new(c, &b->m, NULL);
    device_class_foreach_prop(c, wire_prop, dev);
    if (c->inner) {
        device_class_foreach_prop(c->inner, wire_prop, dev);
    }
    give_arguments(dev);
    bool ok = device_realize(dev, bus, &err);
    g_assert_no_error(err);
    g_assert_true(ok);
    memory_region_foreach_owned(&dev->regions, map_region, b);
    device_reset(dev);
    map_bars(b, dev);
    return dev;
}

void bench_add(Bench *b, Device *dev)
{
    g_autoptr(GError) err = NULL;
    Bus *bus = dev->class->bus ? machine_find_bus_of_kind(&b->m, dev->class->bus) : NULL;
    bus = dev->class->bus && !bus ? bench_bus(b, dev->class->bus, 1) : bus;
    bool ok = device_realize(dev, bus, &err);
    g_assert_no_error(err);
    g_assert_true(ok);
    memory_region_foreach_owned(&dev->regions, map_region, b);
    device_reset(dev);
}

void bench_look(Bench *b)
{
    for (unsigned i = 0; i < consoles_count(b->m.consoles); i++) {
        Picture p;
        console_snapshot(consoles_get(b->m.consoles, i), &p);
        picture_clear(&p);
    }
}

hwaddr bench_window(const Bench *b, unsigned i)
{
    return g_array_index(b->windows, FlatRange, i).start;
}

uint64_t bench_read(Bench *b, hwaddr at, unsigned size)
{
    uint64_t v;
    g_assert_cmpint(memory_read(b->m.memory, at, size, &v), ==, BUS_OK);
    return v;
}

void bench_write(Bench *b, hwaddr at, unsigned size, uint64_t value)
{
    g_assert_cmpint(memory_write(b->m.memory, at, size, value), ==, BUS_OK);
}

static hwaddr bench_base(const Bench *b, const RegFile *f)
{
    return f->mr.addr + (f->mr.parent == &b->m.ports ? PORTS_BASE : 0);
}

uint64_t bench_get(Bench *b, const RegFile *f, const char *name)
{
    const Reg *r = reg_find_name(f, name);
    return bench_read(b, bench_base(b, f) + ((hwaddr)r->offset << f->shift), r->size);
}

void bench_put(Bench *b, const RegFile *f, const char *name, uint64_t value)
{
    const Reg *r = reg_find_name(f, name);
    bench_write(b, bench_base(b, f) + ((hwaddr)r->offset << f->shift), r->size, value);
}

void bench_run_until(bool (*done)(void *opaque), void *opaque)
{
    gint64 end = g_get_monotonic_time() + TEST_PATIENCE_US;
    while (!done(opaque)) {
        g_assert_cmpint(g_get_monotonic_time(), <, end);
        if (!g_main_context_iteration(event_loop_context(test_loop()), FALSE)) {
            g_usleep(200);
        }
    }
}
