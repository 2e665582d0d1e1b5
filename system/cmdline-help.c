/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The lists that options print: -help, -version, -machine help, -device NAME,help ...
 *
 * Other programs parse these (first line of -version, `name "x", bus y` of -device help,
 * a line that starts with -gdb), so their forms are QEMU's.  They need no machine
 * and go to standard output; the exit status is 0. */
#include <stdio.h>
#include <string.h>

#include "accel/accel.h"
#include "chardev/chardev.h"
#include "hw/device.h"
#include "net/net.h"
#include "system/cmdline.h"
#include "base/datadir.h"
#include "base/log.h"
#include "hw/object.h"
#include "base/version.h"
#include "target/cpu.h"
#include "util/keyval.h"

enum { HELP_INDENT = 16 };

void cmdline_print_version(void)
{
    if (version_is_qemu_name()) {
        printf("QEMU emulator version %s (Lyrebird %s)\n", QEMU_COMPAT_VERSION, LYREBIRD_VERSION);
    } else {
        printf("Lyrebird emulator version %s (interface of QEMU %s)\n", LYREBIRD_VERSION,
               QEMU_COMPAT_VERSION);
    }
}

static void print_option(const Option *o)
{
    g_auto(GStrv) lines = g_strsplit(o->help, "\n", -1);
    int width = printf("-%s%s%s", o->name, *o->arg ? " " : "", o->arg);
    for (unsigned i = 0; lines[i]; i++) {
        if (i || width >= HELP_INDENT || strchr(o->arg, '\n')) {
            printf("%s%*s", i ? "" : "\n", HELP_INDENT, "");
        } else {
            printf("%*s", HELP_INDENT - width, "");
        }
        printf("%s\n", lines[i]);
    }
}

void cmdline_print_help(const CmdLine *c)
{
    cmdline_print_version();
    printf("usage: %s [options] [disk_image]\n\n'disk_image' is an image for disk 0; its format is guessed\n",
           c->program);
    for (const Option *o = cmdline_options; o->name; o++) {
        if (o->section) {
            printf("\n%s:\n", o->section);
        }
        if (o->arg) {
            print_option(o);
        }
    }
}

/* ---- machines, CPUs, accelerators ---- */

static void print_prop(const Prop *p, void *opaque)
{
    g_autoptr(GString) line = g_string_new(NULL);
    prop_help(p, line);
    printf("%s", line->str);
}

static void print_props(const Prop *props)
{
    g_autoptr(GString) lines = g_string_new(NULL);
    props_help(props, lines);
    printf("%s", lines->str);
}

static void print_machines(const CmdLine *c)
{
    printf("Supported machines are:\n");
    for (unsigned i = 0; board_classes[i]; i++) {
        const BoardClass *b = board_classes[i];
        if (!g_str_equal(b->arch, c->arch)) {
            continue;
        }
        for (unsigned k = 0; b->aliases && b->aliases[k]; k++) {
            printf("%-20s %s (alias of %s)\n", b->aliases[k], b->desc, b->name);
        }
        printf("%-20s %s%s\n", b->name, b->desc, cmdline_is_default_board(c, b) ? " (default)" : "");
    }
}

static bool print_machine(const CmdLine *c, const char *name, GError **err)
{
    const BoardClass *b = cmdline_find_board(c, name);
    if (!b) {
        return cmdline_fail(
            err, "unsupported machine type '%s'\nUse -machine help to list supported machines", name);
    }
    printf("%s-machine options:\n", b->name);
    print_props(b->options);
    print_props(machine_options);
    print_props(cmdline_machine_shape.props);
    return true;
}

static bool help_machine(const CmdLine *c, const char *name, GError **err)
{
    if (!name) {
        print_machines(c);
        return true;
    }
    return print_machine(c, name, err);
}

static void print_models(const CPUArch *arch)
{
    const char *name;
    printf("Available CPUs:\n");
    for (unsigned n = 0; (name = arch->model_name(n)); n++) {
        printf("  %s\n", name);
    }
}

static bool help_cpu(const CmdLine *c, const char *name, GError **err)
{
    const CPUArch *arch = cpu_arch_find(c->arch);
    if (!arch) {
        return cmdline_fail(err, "guest architecture '%s' is not built", c->arch);
    }
    if (c->arch_given) {
        print_models(arch);
        return true;
    }
    for (unsigned i = 0; cpu_archs[i]; i++) {
        printf("%s%s: ", i ? "\n" : "", cpu_archs[i]->name);
        print_models(cpu_archs[i]);
    }
    return true;
}

static bool help_accel(const CmdLine *c, const char *name, GError **err)
{
    for (unsigned i = 0; name && accel_classes[i]; i++) {
        if (g_str_equal(accel_classes[i]->name, name)) {
            printf("%s options:\n", name);
            print_props(accel_classes[i]->options->props);
            return true;
        }
    }
    printf("Accelerators supported in %s binary:\n", version_product());
    for (unsigned i = 0; accel_classes[i]; i++) {
        if (!accel_unusable(accel_classes[i])) {
            printf("%s\n", accel_classes[i]->name);
        }
    }
    for (unsigned i = 0; accel_classes[i]; i++) {
        const char *why = accel_unusable(accel_classes[i]);
        if (why) {
            printf("not usable here: %s (%s)\n", accel_classes[i]->name, why);
        }
    }
    return true;
}

/* ---- devices ---- */

static void print_device(const DeviceClass *d)
{
    printf("name \"%s\"", d->name);
    if (d->bus) {
        printf(", bus %s", d->bus);
    }
    if (d->aliases && d->aliases[0]) {
        printf(", alias \"%s\"", d->aliases[0]);
    }
    if (d->desc) {
        printf(", desc \"%s\"", d->desc);
    }
    printf("\n");
}

static const char *device_category(const DeviceClass *d)
{
    return d->category ? d->category : "Misc";
}

static void print_devices(void)
{
    g_autoptr(GPtrArray) categories = g_ptr_array_new();
    for (unsigned i = 0; device_classes[i]; i++) {
        const char *category = device_category(device_classes[i]);
        if (device_classes[i]->user_creatable &&
            !g_ptr_array_find_with_equal_func(categories, category, g_str_equal, NULL)) {
            g_ptr_array_add(categories, (void *)category);
        }
    }
    for (guint k = 0; k < categories->len; k++) {
        printf("%s%s devices:\n", k ? "\n" : "", (char *)categories->pdata[k]);
        for (unsigned i = 0; device_classes[i]; i++) {
            const DeviceClass *d = device_classes[i];
            if (d->user_creatable && g_str_equal(device_category(d), categories->pdata[k])) {
                print_device(d);
            }
        }
    }
}

/* The cards that -nic takes: with a backend on the host's side. */
static bool help_cards(const CmdLine *c, const char *name, GError **err)
{
    printf("Available NIC models:\n");
    for (unsigned i = 0; device_classes[i]; i++) {
        const DeviceClass *d = device_classes[i];
        if (d->user_creatable && g_str_equal(device_category(d), "Network")) {
            printf("%s\n", d->name);
        }
    }
    return true;
}

static bool help_device(const CmdLine *c, const char *name, GError **err)
{
    if (!name) {
        print_devices();
        return true;
    }
    const DeviceClass *d = device_class_find(name);
    if (!d) {
        return cmdline_fail(err, "'%s' is not a valid device model name; -device help lists them", name);
    }
    printf("%s options:\n", d->name);
    device_class_foreach_prop(d, print_prop, NULL);
    if (d->inner) {
        device_class_foreach_prop(d->inner, print_prop, NULL);
    }
    return true;
}

/* ---- the rest ---- */

/* The kinds of a union, or what one of them takes. */
static bool help_union(const Shape *shape, const char *head, const char *indent, const char *name,
                       GError **err)
{
    const char *const *names = prop_enum_names(shape->tag);
    if (!name) {
        printf("%s\n", head);
        for (unsigned i = 0; names[i]; i++) {
            printf("%s%s\n", indent, names[i]);
        }
        return true;
    }
    for (unsigned i = 0; names[i]; i++) {
        if (g_str_equal(names[i], name)) {
            printf("%s options:\n", name);
            print_props(shape->arms[i] ? shape->arms[i]->props : NULL);
            print_props(shape->props);
            return true;
        }
    }
    g_autofree char *advice = names_advice(name, names);
    return cmdline_fail(err, "Parameter '%s' does not accept value '%s'%s", shape->tag->name, name, advice);
}

static bool help_chardev(const CmdLine *c, const char *name, GError **err)
{
    return help_union(&chardev_shape, "Available chardev backend types: ", "  ", name, err);
}

static bool help_netdev(const CmdLine *c, const char *name, GError **err)
{
    return help_union(&netdev_shape, "Available netdev backend types:", "", name, err);
}

static bool help_object(const CmdLine *c, const char *name, GError **err)
{
    return help_union(&object_shape, "List of user creatable objects:", "  ", name, err);
}

static bool help_datadir(const CmdLine *c, const char *name, GError **err)
{
    for (unsigned i = 0; i < cmdline_count(c, OPT_DATADIR); i++) {
        const CmdItem *item = cmdline_item(c, OPT_DATADIR, i);
        if (!cmdline_wants_help(item)) {
            datadir_add(item->text);
        }
    }
    g_auto(GStrv) dirs = datadir_list(c->arch);
    g_autofree char *text = g_strjoinv("\n", dirs);
    printf("%s\n", text);
    return true;
}

static bool help_formats(const CmdLine *c, const char *name, GError **err)
{
    printf("Supported formats: raw\n");
    return true;
}

static bool help_log(const CmdLine *c, const char *name, GError **err)
{
    bool help;
    return log_set_items("help", &help, err);
}

static bool help_trace(const CmdLine *c, const char *name, GError **err)
{
    return cmdline_fail(err, "-trace help lists the events of a machine; choose one with -machine");
}

/* clang-format off */
static const struct HelpList {
    OptionKind kind;
    const char *key; /* KEY=help asks for the list, as a bare "help" or "NAME,help" does ... */
    bool (*print)(const CmdLine *c, const char *name, GError **err); /* name: of "NAME,help" */
    bool by_key;     /* ... or is the only way */
} lists[] = {
    { OPT_NIC, "model", help_cards, true },        { OPT_NET, "model", help_cards, true },
    { OPT_MACHINE, "type", help_machine },         { OPT_CPU, NULL, help_cpu },
    { OPT_ACCEL, "accel", help_accel },            { OPT_DEVICE, "driver", help_device },
    { OPT_OBJECT, "qom-type", help_object },       { OPT_NETDEV, "type", help_netdev },
    { OPT_NIC, "type", help_netdev },              { OPT_NET, "type", help_netdev },
    { OPT_CHARDEV, "backend", help_chardev },      { OPT_DATADIR, NULL, help_datadir },
    { OPT_DRIVE, "format", help_formats, true },           { OPT_LOG, NULL, help_log },
    { OPT_TRACE, NULL, help_trace },
};
/* clang-format on */

/* "NAME,help": the name, without "type=" or "driver="; NULL for a bare "help". */
static char *help_subject(const CmdItem *item)
{
    const char *comma = strchr(item->text, ',');
    if (!comma) {
        return NULL;
    }
    g_autofree char *first = g_strndup(item->text, comma - item->text);
    const char *equals = strchr(first, '=');
    return g_strdup(equals ? equals + 1 : first);
}

static bool asks_for(const struct HelpList *list, const CmdItem *item)
{
    if (list->kind != item->option->kind) {
        return false;
    }
    /* In JSON "help" is a value as any other. */
    const char *value =
        item->values && list->key && !item->typed ? keyval_text(item->values, list->key) : NULL;
    return (value && cmdline_is_help(value)) || (!list->by_key && cmdline_wants_help(item));
}

/* "-trace help" lists the events of the machine that the other options make: when that is there. */
static bool answered_later(const CmdLine *c, const CmdItem *item)
{
    return item->option->kind == OPT_TRACE && cmdline_has_board(c);
}

/* "-smp help" */
static void print_keys(const Option *o)
{
    if (o->takes) {
        printf("%s options:\n", o->name);
        print_props(o->takes->props);
    } else {
        print_option(o);
    }
}

static bool answer_item(const CmdLine *c, const CmdItem *item, GError **err)
{
    if (answered_later(c, item)) {
        return false;
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(lists); i++) {
        if (asks_for(&lists[i], item)) {
            g_autofree char *name = cmdline_wants_help(item) ? help_subject(item) : NULL;
            if (!lists[i].print(c, name, err)) {
                cmdline_blame(err, item);
            }
            return true;
        }
    }
    if (item->option->list && cmdline_wants_help(item)) {
        printf("%s", item->option->list);
        return true;
    }
    if (item->option->shape == SHAPE_KEYS && !item->values) { /* "-smp help" */
        print_keys(item->option);
        return true;
    }
    return false;
}

bool cmdline_answer_help(const CmdLine *c, GError **err)
{
    if (cmdline_has(c, OPT_HELP)) {
        cmdline_print_help(c);
        return true;
    }
    if (cmdline_has(c, OPT_VERSION)) {
        cmdline_print_version();
        return true;
    }
    for (guint i = 0; i < c->items->len; i++) {
        if (answer_item(c, c->items->pdata[i], err)) {
            return true;
        }
    }
    return false;
}
