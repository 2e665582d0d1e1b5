/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A machine: made by its board, given the user's devices, finished, reset. */
#include "hw/board.h"

#include <json-c/json.h>
#include <string.h>
#include <sys/mman.h>

#include "accel/accel.h"
#include "base/clock.h"
#include "base/events.h"
#include "block/block.h"
#include "chardev/chardev.h"
#include "net/net.h"
#include "hw/object.h"
#include "hw/core/device_priv.h"
#include "hw/loader.h"
#include "hw/migration.h"
#include "hw/runstate.h"
#include "target/cpu.h"
#include "ui/clipboard.h"
#include "ui/console.h"
#include "ui/input.h"
#include "util/nearest.h"

/* ---- the board's options ------------------------------------------------- */

const Prop machine_options[] = {
    { "dump-guest-core", PROP_BOOL, offsetof(Machine, dump_guest_core), "guest memory is part of a core dump",
      .def = 1 },
    PROP_ONLY_OFF("graphics", "no board has a screen of its own; add one, such as -device virtio-gpu-pci"),
    PROP_ONLY_OFF("hmat", "NUMA nodes are not built"),
    PROP_ONLY_OFF("kernel-irqchip",
                  "KVM alone has controllers in the kernel; it is an option of -accel kvm, too"),
    PROP_ONLY_OFF("mem-merge", "the host's kernel is not asked to merge pages"),
    PROP_ONLY_OFF("suppress-vmdesc", "states of machines have no description that could be left out"),
    PROP_ONLY_OFF("usb", "USB is not built"),
    { NULL },
};

static bool machine_parse_options(Machine *m, GError **err)
{
    const BoardClass *board = m->board;
    g_autofree char *who = g_strdup_printf("-machine %s", board->name);
    PropContext c = machine_prop_context(m, who);
    for (const Prop *p = board->options; p && p->name; p++) {
        prop_set_default(m->board_data, p);
    }
    for (const Prop *p = machine_options; p->name; p++) {
        prop_set_default(m, p);
    }
    if (!m->config->board_options) {
        return true;
    }
    json_object_object_foreach(m->config->board_options, key, value)
    {
        const Prop *ours = props_find(board->options, key),
                   *p = ours ? ours : props_find(machine_options, key);
        if (!p) {
            g_autofree char *advice = props_advice(key, board->options, machine_options);
            g_set_error(err, G_OPTION_ERROR, G_OPTION_ERROR_UNKNOWN_OPTION,
                        "%s: Property '%s-machine.%s' not found%s", who, board->name, key, advice);
            return false;
        }
        if (!prop_set(ours ? m->board_data : m, p, value, &c, err)) {
            return false;
        }
    }
    return true;
}

/* ---- life ---------------------------------------------------------------- */

Machine *machine_new(EventLoop *loop)
{
    Machine *m = g_new0(Machine, 1);
    m->loop = loop;
    m->events = events_new(loop);
    m->clock = clock_new(loop);
    m->chardevs = chardevs_new(loop);
    m->drives = drives_new(loop, m->clock);
    drives_set_events(m->drives, m->events);
    m->nets = nets_new(loop, m->clock, m->chardevs);
    m->objects = objects_new(m->drives);
    m->consoles = consoles_new(loop, m->clock);
    chardevs_set_consoles(m->chardevs, m->consoles);
    m->clipboard = clipboard_new();
    chardevs_set_clipboard(m->chardevs, m->clipboard);
    m->inputs = inputs_new(loop, m->clock);
    m->globals = g_ptr_array_new();
    m->run = run_control_new(m);
    m->migration = migration_new(m);
    m->devices = g_ptr_array_new();
    m->buses = g_ptr_array_new();
    return m;
}

static bool choose_irqchip(const Machine *m, GError **err)
{
    Accel *all[] = { m->accel, m->reserve };
    unsigned possible =
        m->reserve ? 0 : m->board->irqchips; /* vCPUs that may go elsewhere have the board's own */
    for (unsigned i = 0; i < G_N_ELEMENTS(all); i++) {
        if (all[i] && all[i]->class->choose_irqchip &&
            !all[i]->class->choose_irqchip(all[i], possible, err)) {
            return false;
        }
    }
    return true;
}

bool machine_build(Machine *m, const MachineConfig *config, Accel *accel, GError **err)
{
    m->config = config;
    m->board = config->board;
    m->accel = accel;
    Accel *all[] = { accel, m->reserve };
    for (unsigned i = 0; i < G_N_ELEMENTS(all); i++) {
        if (all[i]) {
            all[i]->stuck = runstate_request_internal_error;
            all[i]->stuck_opaque = m;
        }
    }
    runstate_set_actions(m, config->actions);
    m->board_data = g_malloc0(MAX(m->board->board_size, 1));
    memory_region_init_container(&m->system, NULL, "system", UINT64_MAX);
    m->memory = address_space_new(&m->system, "memory");
    memory_region_init_container(&m->ports, NULL, "io", MACHINE_PORTS);
    m->io = address_space_new_ports(&m->ports, "I/O");
    return machine_parse_options(m, err) && choose_irqchip(m, err) && m->board->build(m, err);
}

bool machine_init_ram(Machine *m, uint64_t size, GError **err)
{
    RamFile file;
    bool given = m->config->ram_backend && object_memory_file(m->config->ram_backend, &file);
    return memory_region_init_ram_file(&m->ram, NULL, m->board->ram_id, size, given ? &file : NULL, err);
}

static void hide_from_core(const FlatRange *r, void *opaque)
{
    const RamBlock *rb = flat_range_ram(r);
    if (rb) {
        madvise(rb->host, rb->size, MADV_DONTDUMP);
    }
}

bool machine_finish(Machine *m, GError **err)
{
    if (!m->dump_guest_core) {
        address_space_foreach(m->memory, hide_from_core, NULL);
    }
    return !m->board->finish || m->board->finish(m, err);
}

/* What machine_build and those after it have made. */
static void take_apart(Machine *m)
{
    while (m->devices->len) {
        device_free(g_ptr_array_index(m->devices, m->devices->len - 1));
    }
    while (m->buses->len) {
        bus_free(g_ptr_array_index(m->buses, m->buses->len - 1));
    }
    for (unsigned i = 0; i < m->cpu_count; i++) {
        cpu_free(m->cpus[i]);
    }
    if (m->board->destroy) {
        m->board->destroy(m);
    }
    address_space_free(m->memory);
    while (m->system.children->len) {
        memory_region_remove(&m->system, g_ptr_array_index(m->system.children, 0));
    }
    if (m->ram.name) {
        memory_region_finish(&m->ram);
    }
    memory_region_finish(&m->system);
    address_space_free(m->io);
    memory_region_finish(&m->ports);
    for (const Prop *p = m->board->options; p && p->name; p++) {
        prop_clear(m->board_data, p);
    }
    loader_free(m);
    g_free(m->board_data);
}

void machine_free(Machine *m)
{
    if (!m) {
        return;
    }
    g_clear_pointer(&m->migration, migration_free);
    if (m->board) {
        take_apart(m);
    }
    drives_free(m->drives);
    run_control_free(m->run);
    nets_free(m->nets); /* guestfwd= has chardevs */
    chardevs_free(m->chardevs);
    clipboard_free(m->clipboard);
    objects_free(m->objects);
    consoles_free(m->consoles);
    inputs_free(m->inputs);
    clock_free(m->clock);
    events_free(m->events);
    machine_free_globals(m);
    g_ptr_array_free(m->devices, TRUE);
    g_ptr_array_free(m->buses, TRUE);
    g_free(m);
    memory_quiescent(); /* what its regions held is freed now */
}

/* CPUs first: a loader device sets a program counter after its CPU's reset. */
void machine_reset(Machine *m)
{
    for (unsigned i = 0; i < m->cpu_count; i++) {
        cpu_reset(m->cpus[i]);
    }
    for (unsigned i = 0; i < m->devices->len; i++) {
        device_reset(g_ptr_array_index(m->devices, i));
    }
    loader_reset(m);
}

/* ---- finding ------------------------------------------------------------- */

Bus *machine_find_bus(Machine *m, const char *name)
{
    for (unsigned i = 0; i < m->buses->len; i++) {
        Bus *bus = g_ptr_array_index(m->buses, i);
        if (strcmp(bus->name, name) == 0) {
            return bus;
        }
    }
    return NULL;
}

Bus *machine_find_bus_of_kind(Machine *m, const char *kind)
{
    for (unsigned i = 0; i < m->buses->len; i++) {
        Bus *bus = g_ptr_array_index(m->buses, i);
        if (strcmp(bus->kind, kind) == 0 && (!bus->capacity || bus->devices->len < bus->capacity)) {
            return bus;
        }
    }
    return NULL;
}

Device *machine_find_device(Machine *m, const char *id_or_path)
{
    for (unsigned i = 0; i < m->devices->len; i++) {
        Device *dev = g_ptr_array_index(m->devices, i);
        if (dev->path && strcmp(dev->path, id_or_path) == 0) {
            return dev;
        }
    }
    return NULL;
}

/* ---- -device ------------------------------------------------------------- */

static const DeviceClass *find_user_class(const char *driver, GError **err)
{
    const DeviceClass *c = device_class_find(driver);
    if (c && c->user_creatable) {
        return c;
    }
    if (c) {
        g_set_error(err, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
                    "-device %s: a '%s' is part of a board and cannot be added; "
                    "`-device help` lists what can",
                    driver, c->name);
        return NULL;
    }
    g_autoptr(GPtrArray) names = g_ptr_array_new();
    for (const DeviceClass *const *p = device_classes; *p; p++) {
        if ((*p)->user_creatable) {
            g_ptr_array_add(names, (void *)(*p)->name);
        }
    }
    g_ptr_array_add(names, NULL);
    g_autofree char *hint = names_hint(driver, names_of(names));
    g_set_error(err, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
                "-device %s: '%s' is not a valid device model name%s; `-device help` lists them", driver,
                driver, hint);
    return NULL;
}

static char *bus_list(Machine *m, const char *kind)
{
    GString *s = g_string_new(NULL);
    for (unsigned i = 0; i < m->buses->len; i++) {
        const Bus *bus = g_ptr_array_index(m->buses, i);
        if (!kind || strcmp(bus->kind, kind) == 0) {
            g_string_append_printf(s, "%s%s", s->len ? ", " : "", bus->name);
        }
    }
    if (!s->len) {
        g_string_append(s, "none");
    }
    return g_string_free(s, FALSE);
}

/* The bus for a class: the one that is named, or the first with room.  *ok tells a
 * class without a bus from a failure. */
static Bus *choose_bus(Machine *m, const DeviceClass *c, const char *name, bool *ok, GError **err)
{
    *ok = true;
    if (!c->bus && !name) {
        return NULL;
    }
    Bus *bus = name ? machine_find_bus(m, name) : machine_find_bus_of_kind(m, c->bus);
    g_autofree char *list = bus_list(m, c->bus);
    *ok = false;
    if (name && !bus) {
        g_set_error(err, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
                    "-device %s: Bus '%s' not found; buses that fit: %s", c->name, name, list);
    } else if (!bus) {
        g_set_error(err, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
                    "-device %s: No '%s' bus found for device '%s' (buses of that kind: %s%s); "
                    "choose a device for another bus, or fewer of them",
                    c->name, c->bus, c->name, list, strcmp(list, "none") ? ", all full" : "");
    } else if (!c->bus || strcmp(bus->kind, c->bus) != 0) {
        g_set_error(err, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
                    "-device %s: Device '%s' can't go on %s bus '%s'; buses that fit: %s", c->name, c->name,
                    bus->kind, bus->name, list);
        bus = NULL;
    } else {
        *ok = true;
    }
    return bus;
}

static bool id_is_good(const char *id)
{
    if (!g_ascii_isalpha(*id)) {
        return false;
    }
    return strspn(id, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._") == strlen(id);
}

static bool check_id(Machine *m, const char *driver, const char *id, GError **err)
{
    if (id && !id_is_good(id)) {
        g_set_error(err, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
                    "-device %s: '%s' is no id; an id starts with a letter and holds letters, digits, "
                    "'-', '.' and '_'",
                    driver, id);
        return false;
    }
    if (id && machine_find_device(m, id)) {
        g_set_error(err, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
                    "-device %s: Duplicate device ID '%s'; give each device its own", driver, id);
        return false;
    }
    return true;
}

static bool set_props(Device *dev, json_object *props, bool typed, GError **err)
{
    if (!props) {
        return true;
    }
    json_object_object_foreach(props, name, value)
    {
        if (!device_set_value(dev, name, value, typed, err)) {
            g_prefix_error(err, "-device ");
            return false;
        }
    }
    return true;
}

static const Prop device_rest = { "props", PROP_ANY, offsetof(DeviceOptions, props) };
static const Prop device_options[] = {
    { "driver", PROP_STRING, offsetof(DeviceOptions, driver), "name of a driver: -device help lists them",
      .required = true },
    { "id", PROP_STRING, offsetof(DeviceOptions, id), "name of the device" },
    { "bus", PROP_STRING, offsetof(DeviceOptions, bus), "bus that it is on" },
    { NULL },
};
const Shape device_shape = { "Device", sizeof(DeviceOptions), device_options, .implied = "driver",
                             .rest = &device_rest };

Device *machine_add_device(Machine *m, const DeviceOptions *o, bool typed, GError **err)
{
    const DeviceClass *c = find_user_class(o->driver, err);
    if (!c || !check_id(m, o->driver, o->id, err)) {
        return NULL;
    }
    bool ok;
    Bus *bus = choose_bus(m, c, o->bus, &ok, err);
    if (!ok) {
        return NULL;
    }
    Device *dev = device_new(c, m, o->id);
    if (!set_props(dev, o->props, typed, err)) {
        device_free(dev);
        return NULL;
    }
    if (!device_realize(dev, bus, err)) {
        bool named = err && *err && g_str_has_prefix((*err)->message, c->name);
        g_prefix_error(err, "-device %s%s", named ? "" : c->name, named ? "" : ": ");
        device_free(dev);
        return NULL;
    }
    return dev;
}
