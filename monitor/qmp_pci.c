/* SPDX-License-Identifier: GPL-2.0-or-later */
/* query-pci and `info pci`: what a guest finds on PCI buses.
 * Names and meanings of the members: QEMU's manual, "QMP reference", PCI.
 *
 * Not modelled: bridges, and so further buses; expansion ROMs. */
#include <inttypes.h>

#include "hw/board.h"
#include "hw/pci.h"
#include "monitor/command.h"
#include "monitor/monitor_priv.h"

typedef struct ClassInfo {
    char *desc;
    int64_t class;
} ClassInfo;
typedef struct IdInfo {
    int64_t device, vendor, subsystem, subsystem_vendor;
} IdInfo;
typedef struct RegionInfo {
    int64_t bar, address, size; /* address: -1: it has none */
    char *type;
    bool prefetch, wide, has_prefetch, has_wide;
} RegionInfo;
typedef struct FunctionInfo {
    int64_t bus, slot, function, irq, pin;
    bool has_irq;
    char *id;
    ClassInfo *class;
    IdInfo *ids;
    PropList regions;
} FunctionInfo;
typedef struct BusInfo {
    int64_t bus;
    PropList devices;
} BusInfo;

#define T ClassInfo
static const Prop class_props[] = {
    { "desc", PROP_STRING, MAYBE(desc) },
    { "class", PROP_I64, ALWAYS(class) },
    { NULL },
};
#undef T
static const Shape class_shape = { "PciDeviceClass", sizeof(ClassInfo), class_props };
#define T IdInfo
static const Prop id_props[] = {
    { "device", PROP_I64, ALWAYS(device) },
    { "vendor", PROP_I64, ALWAYS(vendor) },
    { "subsystem", PROP_I64, MAYBE(subsystem) },
    { "subsystem-vendor", PROP_I64, MAYBE(subsystem_vendor) },
    { NULL },
};
#undef T
static const Shape id_shape = { "PciDeviceId", sizeof(IdInfo), id_props };
#define T RegionInfo
static const Prop region_props[] = {
    { "bar", PROP_I64, ALWAYS(bar) },
    { "type", PROP_STRING, ALWAYS(type), .help = "io, or memory" },
    { "address", PROP_I64, ALWAYS(address), .help = "-1: the guest has given it none" },
    { "size", PROP_I64, ALWAYS(size) },
    { "prefetch", PROP_BOOL, MAYBE_HAS(prefetch) },
    { "mem_type_64", PROP_BOOL, MAYBE_HAS(wide) },
    { NULL },
};
#undef T
static const Shape region_shape = { "PciMemoryRegion", sizeof(RegionInfo), region_props };
#define T FunctionInfo
static const Prop function_props[] = {
    { "bus", PROP_I64, ALWAYS(bus) },
    { "slot", PROP_I64, ALWAYS(slot) },
    { "function", PROP_I64, ALWAYS(function) },
    { "class_info", PROP_STRUCT, ALWAYS(class), .of = &class_shape },
    { "id", PROP_STRUCT, ALWAYS(ids), .of = &id_shape },
    { "irq", PROP_I64, MAYBE_HAS(irq), .help = "what the guest has written into the interrupt line" },
    { "irq_pin", PROP_I64, ALWAYS(pin), .help = "1 is INTA, 0 none" },
    { "qdev_id", PROP_STRING, ALWAYS(id) },
    { "regions", PROP_STRUCT, ALWAYS(regions), .list = true, .of = &region_shape },
    { NULL },
};
#undef T
static const Shape function_shape = { "PciDeviceInfo", sizeof(FunctionInfo), function_props };
#define T BusInfo
static const Prop bus_props[] = {
    { "bus", PROP_I64, ALWAYS(bus) },
    { "devices", PROP_STRUCT, ALWAYS(devices), .list = true, .of = &function_shape },
    { NULL },
};
#undef T
static const Shape bus_shape = { "PciInfo", sizeof(BusInfo), bus_props };

/* ---- filling ------------------------------------------------------------- */

static int64_t config16(const PCIDevice *d, unsigned offset)
{
    return d->s.config[offset] | d->s.config[offset + 1] << 8;
}

static void add_region(const PCIDevice *d, unsigned index, PropList *list)
{
    const PCIBar *bar = &d->bars[index];
    RegionInfo *info = prop_list_add(list, &region_shape);
    info->bar = index;
    info->address = pci_bar_address(d, index);
    info->size = bar->mr->size;
    info->type = g_strdup(bar->type & PCI_BAR_IO ? "io" : "memory");
    info->has_prefetch = info->has_wide = !(bar->type & PCI_BAR_IO);
    info->prefetch = bar->type & PCI_BAR_PREFETCH;
    info->wide = bar->type & PCI_BAR_MEM64;
}

static void fill_function(FunctionInfo *f, const PCIDevice *d)
{
    uint16_t class = config16(d, PCI_CLASS_PROG + 1);
    f->slot = d->devfn / 8;
    f->function = d->devfn % 8;
    f->pin = d->s.config[PCI_INTERRUPT_PIN];
    f->has_irq = f->pin != 0;
    f->irq = d->s.config[PCI_INTERRUPT_LINE];
    f->id = g_strdup(d->dev.id ? d->dev.id : "");
    f->class = g_new(ClassInfo, 1);
    *f->class = (ClassInfo){ g_strdup(pci_class_name(class)), class };
    f->ids = g_new(IdInfo, 1);
    *f->ids = (IdInfo){ config16(d, PCI_DEVICE_ID), config16(d, PCI_VENDOR_ID), config16(d, PCI_SUBSYSTEM_ID),
                        config16(d, PCI_SUBSYSTEM_VENDOR) };
    for (unsigned i = 0; i < PCI_BARS; i++) {
        if (d->bars[i].mr) {
            add_region(d, i, &f->regions);
        }
    }
}

static void add_function(PCIDevice *d, void *opaque)
{
    PropList *buses = opaque;
    BusInfo *bus = buses->count ? prop_list_struct(buses, 0) : prop_list_add(buses, &bus_shape);
    device_lock(&d->dev);
    fill_function(prop_list_add(&bus->devices, &function_shape), d);
    device_unlock(&d->dev);
}

static bool run_query_pci(Control *c, const void *args, void *result, GError **err)
{
    pci_foreach_function(c->machine, add_function, result);
    return true;
}

/* ---- for people ---------------------------------------------------------- */

static void show_region(const RegionInfo *r, GString *out)
{
    g_string_append_printf(out, "      BAR%" PRId64 ": ", r->bar);
    if (r->has_wide) {
        g_string_append_printf(out, "%d bit %smemory at 0x%016" PRIx64 " [0x%08" PRIx64 "].\n",
                               r->wide ? 64 : 32, r->prefetch ? "prefetchable " : "", r->address,
                               r->address + r->size - 1);
    } else {
        g_string_append_printf(out, "I/O at 0x%04" PRIx64 " [0x%04" PRIx64 "].\n", r->address,
                               r->address + r->size - 1);
    }
}

static void show_function(const FunctionInfo *f, GString *out)
{
    g_string_append_printf(out, "  Bus %2" PRId64 ", device %3" PRId64 ", function %" PRId64 ":\n    ",
                           f->bus, f->slot, f->function);
    if (f->class->desc) {
        g_string_append(out, f->class->desc);
    } else {
        g_string_append_printf(out, "Class %04" PRId64, f->class->class);
    }
    g_string_append_printf(out, ": PCI device %04" PRIx64 ":%04" PRIx64 "\n", f->ids->vendor, f->ids->device);
    g_string_append_printf(out, "      PCI subsystem %04" PRIx64 ":%04" PRIx64 "\n", f->ids->subsystem_vendor,
                           f->ids->subsystem);
    if (f->has_irq) {
        g_string_append_printf(out, "      IRQ %" PRId64 ", pin %c\n", f->irq, 'A' + (int)f->pin - 1);
    }
    for (size_t i = 0; i < f->regions.count; i++) {
        show_region(prop_list_struct(&f->regions, i), out);
    }
    g_string_append_printf(out, "      id \"%s\"\n", f->id);
}

void monitor_show_pci(const void *result, GString *out)
{
    const PropList *buses = result;
    for (size_t i = 0; i < buses->count; i++) {
        const BusInfo *bus = prop_list_struct(buses, i);
        for (size_t j = 0; j < bus->devices.count; j++) {
            show_function(prop_list_struct(&bus->devices, j), out);
        }
    }
    if (!buses->count) {
        g_string_append(out, "PCI devices not supported\n");
    }
}

const Command commands_pci[] = {
    { "query-pci", "what is on PCI buses", NULL, RETURNS_LIST(bus_shape), 0, run_query_pci },
    { NULL },
};
