/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The life of devices and buses: see hw/device.h.
 *
 * Realizing: the bus attaches the device first (it has an address then), the
 * class's own realize follows, then the bus may show it; what fails is undone in reverse.
 *
 * The end, while vCPUs run: first nothing reaches the device any more (it leaves the memory map and its
 * bus), then what it has is undone (devices behind it, then the class's unrealize: timers, work, host
 * ends), and its memory is freed when no vCPU can hold a pointer to it (base/readers.h). */
#include "hw/core/device_priv.h"

#include <string.h>

#include "hw/board.h"

static bool class_has_name(const DeviceClass *c, const char *name)
{
    if (strcmp(c->name, name) == 0) {
        return true;
    }
    for (const char *const *a = c->aliases; a && *a; a++) {
        if (strcmp(*a, name) == 0) {
            return true;
        }
    }
    return false;
}

const DeviceClass *device_class_find(const char *name)
{
    for (const DeviceClass *const *c = device_classes; *c; c++) {
        if (class_has_name(*c, name)) {
            return *c;
        }
    }
    return NULL;
}

static char *device_make_path(const DeviceClass *class, Machine *machine, const char *id)
{
    if (id) {
        return g_strdup(id);
    }
    unsigned n = 0;
    for (unsigned i = 0; machine && i < machine->devices->len; i++) {
        const Device *other = g_ptr_array_index(machine->devices, i);
        n += other->class == class && !other->outer; /* an inner one goes by another name */
    }
    char *path = g_strdup_printf("%s.%u", class->name, n);
    while (machine && machine_find_device(machine, path)) {
        g_free(path);
        path = g_strdup_printf("%s.%u", class->name, ++n);
    }
    return path;
}

static void default_prop(const Prop *p, void *opaque)
{
    prop_set_default(opaque, p);
}

static void clear_prop(const Prop *p, void *opaque)
{
    prop_clear(opaque, p);
}

void device_share_lock(Device *dev, const Device *with)
{
    dev->lock = dev->regions.lock = with->lock;
}

/* An inner device is made with its outer one, goes by its name and is guarded by its lock. */
static void device_add_inner(Device *dev)
{
    Device *inner = device_new(dev->class->inner, dev->machine, NULL);
    inner->outer = dev;
    g_free(inner->path);
    inner->path = g_strdup_printf("%s/inner", dev->path);
    inner->regions.name = inner->path;
    device_share_lock(inner, dev);
    dev->inner = inner;
}

Device *device_new(const DeviceClass *class, Machine *machine, const char *id)
{
    g_assert(class->size >= sizeof(Device));
    Device *dev = g_malloc0(class->size);
    dev->class = class;
    dev->id = g_strdup(id);
    dev->path = device_make_path(class, machine, id);
    dev->machine = machine;
    dev->buses = g_ptr_array_new();
    lock_init(&dev->own_lock, class->lock_class ? class->lock_class : LOCK_DEVICE);
    dev->lock = &dev->own_lock;
    dev->regions =
        (MemoryOwner){ .name = dev->path, .lock = dev->lock, .loop = machine ? machine->loop : NULL };
    device_class_foreach_prop(class, default_prop, dev);
    if (machine) {
        g_ptr_array_add(machine->devices, dev);
    }
    if (class->inner) {
        device_add_inner(dev);
    }
    device_apply_globals(dev);
    return dev;
}

EventLoop *device_loop(const Device *dev)
{
    return dev->machine->loop;
}

Clock *device_clock(const Device *dev)
{
    return dev->machine->clock;
}

typedef struct Missing {
    Device *dev;
    const Prop *prop;
} Missing;

static void check_required(const Prop *p, void *opaque)
{
    Missing *m = opaque;
    bool pointer = p->kind == PROP_STRING || p->kind == PROP_CHARDEV || p->kind == PROP_DRIVE ||
                   p->kind == PROP_NETDEV || p->kind == PROP_LINK;
    if (p->required && pointer && !*(void **)((char *)m->dev + p->offset)) {
        m->prop = p;
    }
}

static bool bus_has_room(const Bus *bus)
{
    return !bus->capacity || bus->devices->len < bus->capacity;
}

static AddressSpace *dma_of(const Device *dev, const Bus *bus)
{
    if (bus && (bus->dma || bus->owner)) {
        return bus->dma ? bus->dma : bus->owner->dma;
    }
    return dev->machine ? dev->machine->memory : NULL;
}

/* What a bridge knows of the devices behind it is guarded by its lock. */
static void bus_lock(Bus *bus)
{
    if (bus && bus->owner) {
        device_lock(bus->owner);
    }
}

static void bus_unlock(Bus *bus)
{
    if (bus && bus->owner) {
        device_unlock(bus->owner);
    }
}

static bool device_attach(Device *dev, Bus *bus, GError **err)
{
    dev->dma = dma_of(dev, bus);
    if (!bus) {
        return true;
    }
    if (!bus_has_room(bus)) {
        g_set_error(err, G_OPTION_ERROR, G_OPTION_ERROR_FAILED,
                    "%s: bus '%s' is full: it takes %u device%s; choose another with bus=", dev->path,
                    bus->name, bus->capacity, bus->capacity == 1 ? "" : "s");
        return false;
    }
    dev->bus = bus;
    bus_lock(bus);
    bool ok = !bus->attach || bus->attach(bus, dev, err);
    if (ok) {
        g_ptr_array_add(bus->devices, dev);
    }
    bus_unlock(bus);
    if (!ok) {
        dev->bus = NULL;
    }
    return ok;
}

static void device_detach(Device *dev)
{
    Bus *bus = dev->bus;
    bus_lock(bus);
    dev->realized = false;
    if (bus) {
        g_ptr_array_remove(bus->devices, dev);
        if (bus->detach) {
            bus->detach(bus, dev);
        }
    }
    bus_unlock(bus);
}

static bool class_realize(Device *dev, GError **err)
{
    for (const DeviceClass *c = dev->class; c; c = c->parent) {
        if (c->realize) {
            return c->realize(dev, err);
        }
    }
    return true;
}

static void class_unrealize(Device *dev)
{
    for (const DeviceClass *c = dev->class; c; c = c->parent) {
        if (c->unrealize) {
            c->unrealize(dev);
            return;
        }
    }
}

bool device_realize(Device *dev, Bus *bus, GError **err)
{
    Missing missing = { .dev = dev };
    g_assert(!dev->realized);
    device_class_foreach_prop(dev->class, check_required, &missing);
    if (missing.prop) {
        g_set_error(err, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE, "%s: property '%s' must be given (%s)",
                    dev->class->name, missing.prop->name,
                    missing.prop->help ? missing.prop->help : "it has no default");
        return false;
    }
    if (!device_attach(dev, bus, err)) {
        return false;
    }
    if (!class_realize(dev, err)) {
        device_detach(dev);
        dev->bus = NULL;
        return false;
    }
    bus_lock(bus);
    dev->realized = true;
    if (bus && bus->show) {
        bus->show(bus, dev);
    }
    bus_unlock(bus);
    return true;
}

Device *device_create(Machine *m, const DeviceClass *class, Bus *bus, const char *const *props, GError **err)
{
    Device *dev = device_new(class, m, NULL);
    bool ok = true;
    for (unsigned i = 0; ok && props && props[i]; i += 2) {
        ok = device_set_prop(dev, props[i], props[i + 1], err);
    }
    if (!ok || !device_realize(dev, bus, err)) {
        device_free(dev);
        return NULL;
    }
    return dev;
}

/* ---- the end --------------------------------------------------------------- */

static void region_leave(MemoryRegion *mr, void *unused)
{
    if (mr->parent) {
        memory_region_remove(mr->parent, mr);
    }
}

/* From here on no access reaches the device; who was in one of its functions has left it.  A vCPU may
 * still hold a region or wait for the lock: it finds the owner gone. */
static void device_cut_off(Device *dev)
{
    memory_region_foreach_owned(&dev->regions, region_leave, NULL);
    device_detach(dev);
    device_lock(dev);
    dev->regions.gone = true;
    device_unlock(dev);
}

/* What a vCPU that is late may look at. */
static void device_release(void *opaque)
{
    Device *dev = opaque;
    lock_finish(&dev->own_lock);
    g_free(dev->id);
    g_free(dev->path);
    g_free(dev);
}

void device_free(Device *dev)
{
    if (!dev) {
        return;
    }
    lock_assert_none();
    bool realized = dev->realized;
    if (realized) {
        device_cut_off(dev);
    }
    while (dev->buses->len) {
        bus_free(g_ptr_array_index(dev->buses, dev->buses->len - 1));
    }
    device_free(dev->inner); /* one that was never realized: else it went with its bus */
    if (realized) {
        class_unrealize(dev);
    }
    if (dev->outer) {
        dev->outer->inner = NULL;
    }
    if (dev->machine) {
        g_ptr_array_remove(dev->machine->devices, dev);
    }
    device_class_foreach_prop(dev->class, clear_prop, dev);
    g_ptr_array_free(dev->buses, TRUE);
    memory_free_later(device_release, dev);
}

/* ---- buses --------------------------------------------------------------- */

Bus *bus_new(Machine *m, Device *owner, const char *kind, const char *name)
{
    Bus *bus = g_new0(Bus, 1);
    bus->kind = kind;
    bus->name = g_strdup(name);
    bus->owner = owner;
    bus->machine = m;
    bus->devices = g_ptr_array_new();
    if (m) {
        g_ptr_array_add(m->buses, bus);
    }
    if (owner) {
        g_ptr_array_add(owner->buses, bus);
    }
    return bus;
}

void bus_free(Bus *bus)
{
    while (bus->devices->len) {
        device_free(g_ptr_array_index(bus->devices, bus->devices->len - 1));
    }
    if (bus->machine) {
        g_ptr_array_remove(bus->machine->buses, bus);
    }
    if (bus->owner) {
        g_ptr_array_remove(bus->owner->buses, bus);
    }
    g_ptr_array_free(bus->devices, TRUE);
    g_free(bus->name);
    g_free(bus);
}
