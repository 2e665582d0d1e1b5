/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the monitor shows of the memory map and of the devices.
 * Formats: as QEMU 10 prints `info mtree`, `info mtree -f` and `info qtree`. */
#include <inttypes.h>
#include <string.h>

#include "hw/board.h"
#include "hw/core/device_priv.h"
#include "base/memory.h"

/* ---- info mtree ---------------------------------------------------------- */

typedef struct TreeDump {
    GString *out;
    GPtrArray *targets; /* regions that aliases show and that stand in no tree */
} TreeDump;

static const char *region_type(const MemoryRegion *mr)
{
    if (!mr->ram) {
        return "i/o";
    }
    if (mr->ops) {
        return mr->romd ? "romd" : "i/o";
    }
    return mr->readonly ? "rom" : "ram";
}

static const MemoryRegion *alias_end(const MemoryRegion *mr)
{
    while (mr->alias) {
        mr = mr->alias;
    }
    return mr;
}

static gint by_address(gconstpointer a, gconstpointer b)
{
    const MemoryRegion *x = *(MemoryRegion *const *)a, *y = *(MemoryRegion *const *)b;
    if (x->addr != y->addr) {
        return x->addr < y->addr ? -1 : 1;
    }
    return y->priority - x->priority;
}

static void dump_region(TreeDump *d, MemoryRegion *mr, hwaddr base, int indent)
{
    hwaddr last = base + (mr->size == UINT64_MAX ? UINT64_MAX : mr->size - 1);
    g_string_append_printf(d->out, "%*s%016" PRIx64 "-%016" PRIx64 " (prio %d, %s): ", indent, "", base, last,
                           mr->priority, region_type(alias_end(mr)));
    if (mr->alias) {
        g_string_append_printf(d->out, "alias %s @%s %016" PRIx64 "-%016" PRIx64, mr->name, mr->alias->name,
                               mr->alias_offset, mr->alias_offset + mr->size - 1);
        if (!mr->alias->parent && !g_ptr_array_find(d->targets, mr->alias, NULL)) {
            g_ptr_array_add(d->targets, mr->alias);
        }
    } else {
        g_string_append(d->out, mr->name);
    }
    g_string_append(d->out, mr->enabled ? "\n" : " [disabled]\n");
    if (!mr->children) {
        return;
    }
    g_autoptr(GPtrArray) sorted = g_ptr_array_new();
    for (unsigned i = 0; i < mr->children->len; i++) {
        g_ptr_array_add(sorted, g_ptr_array_index(mr->children, i));
    }
    g_ptr_array_sort(sorted, by_address);
    for (unsigned i = 0; i < sorted->len; i++) {
        MemoryRegion *child = g_ptr_array_index(sorted, i);
        dump_region(d, child, base + child->addr, indent + 2);
    }
}

static void dump_tree(Machine *m, GString *out)
{
    TreeDump d = { .out = out, .targets = g_ptr_array_new() };
    g_string_append(out, "address-space: I/O\n");
    dump_region(&d, &m->ports, 0, 2);
    g_string_append(out, "\naddress-space: memory\n");
    dump_region(&d, &m->system, 0, 2);
    for (unsigned i = 0; i < d.targets->len; i++) { /* grows while we walk it */
        MemoryRegion *mr = g_ptr_array_index(d.targets, i);
        g_string_append_printf(out, "\nmemory-region: %s\n", mr->name);
        dump_region(&d, mr, 0, 2);
    }
    g_string_append_c(out, '\n');
    g_ptr_array_free(d.targets, TRUE);
}

static void dump_flat_range(const FlatRange *r, void *opaque)
{
    GString *out = opaque;
    g_string_append_printf(out, "  %016" PRIx64 "-%016" PRIx64 " (prio %d, %s): %s", r->start,
                           r->start + (r->size - 1), r->mr->priority, region_type(r->mr), r->mr->name);
    if (r->mr_offset) {
        g_string_append_printf(out, " @%016" PRIx64, r->mr_offset);
    }
    g_string_append_c(out, '\n');
}

void machine_dump_mtree(Machine *m, GString *out, bool flat)
{
    memory_transaction_begin();
    if (flat) {
        g_string_append(out, "FlatView #0\n AS \"memory\", root: system\n Root memory region: system\n");
        address_space_foreach(m->memory, dump_flat_range, out);
        g_string_append(out, "\nFlatView #1\n AS \"I/O\", root: io\n Root memory region: io\n");
        address_space_foreach(m->io, dump_flat_range, out);
        g_string_append_c(out, '\n');
    } else {
        dump_tree(m, out);
    }
    memory_transaction_commit();
}

/* ---- info qtree ---------------------------------------------------------- */

typedef struct DevDump {
    GString *out;
    Device *dev;
    int indent;
} DevDump;

static void dump_prop(const Prop *p, void *opaque)
{
    if (p->only) {
        return; /* no property of the device, but of other programs */
    }
    DevDump *d = opaque;
    g_autofree char *text = device_get_prop(d->dev, p);
    g_string_append_printf(d->out, "%*s%s = %s\n", d->indent, "", p->name, text);
}

static void dump_window(MemoryRegion *mr, void *opaque)
{
    DevDump *d = opaque;
    hwaddr at = mr->addr;
    for (const MemoryRegion *up = mr->parent; up; up = up->parent) {
        at += up->addr;
    }
    if (mr->ops) {
        g_string_append_printf(d->out, "%*smmio %016" PRIx64 "/%016" PRIx64 "\n", d->indent, "",
                               mr->parent ? at : UINT64_MAX, mr->size);
    }
}

static void dump_bus(Machine *m, Bus *bus, GString *out, int indent);

static void dump_device(Machine *m, Device *dev, GString *out, int indent)
{
    DevDump d = { .out = out, .dev = dev, .indent = indent + 2 };
    g_string_append_printf(out, "%*sdev: %s, id \"%s\"\n", indent, "", dev->class->name,
                           dev->id ? dev->id : "");
    device_class_foreach_prop(dev->class, dump_prop, &d);
    if (!dev->bus) {
        memory_region_foreach_owned(&dev->regions, dump_window, &d);
    }
    for (unsigned i = 0; i < dev->buses->len; i++) {
        dump_bus(m, g_ptr_array_index(dev->buses, i), out, indent + 2);
    }
}

static void dump_bus(Machine *m, Bus *bus, GString *out, int indent)
{
    g_string_append_printf(out, "%*sbus: %s\n%*stype %s\n", indent, "", bus->name, indent + 2, "", bus->kind);
    for (unsigned i = bus->devices->len; i > 0; i--) { /* the youngest first, as QEMU has it */
        dump_device(m, g_ptr_array_index(bus->devices, i - 1), out, indent + 2);
    }
}

void machine_dump_qtree(Machine *m, GString *out)
{
    g_string_append(out, "bus: main-system-bus\n  type System\n");
    for (unsigned i = m->devices->len; i > 0; i--) {
        Device *dev = g_ptr_array_index(m->devices, i - 1);
        if (!dev->bus) {
            dump_device(m, dev, out, 2);
        }
    }
}
