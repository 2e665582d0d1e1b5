/* SPDX-License-Identifier: GPL-2.0-or-later */
/* From -machine, -m, -smp, -kernel ... to a MachineConfig, and -accel.
 *
 * Interface: QEMU's "Invocation", Standard options.  Keys of -machine that are not
 * read here are left to the board, which refuses what it does not know. */
#include "system/cmdline.h"

#include <glib.h>
#include <json-c/json.h>
#include <string.h>
#include <time.h>

#include "accel/accel.h"
#include "base/version.h"
#include "target/cpu.h"
#include "util/keyval.h"
#include "util/nearest.h"

/* ---- -machine ---- */

#define TEXT(name, field, what)                                                                              \
    {                                                                                                        \
        name, PROP_STRING, offsetof(MachineOptions, field), what                                             \
    }

static const Prop machine_rest = { "board", PROP_ANY, offsetof(MachineOptions, board) };
static const Prop machine_props[] = {
    TEXT("type", type, "name of the machine"),
    TEXT("accel", accel, "Accelerators to try, separated by colons"),
    TEXT("x-accel-reserve", reserve, "Another accelerator, to which x-accel-set hands the vCPUs"),
    TEXT("kernel-irqchip", irqchip,
         "Interrupt controllers in the host's kernel, with accel=kvm: on, split, off"),
    TEXT("kernel_irqchip", irqchip, "The same"),
    TEXT("append", append, "Kernel command line"),
    TEXT("dtb", dtb, "Device tree file"),
    TEXT("dumpdtb", dumpdtb, "Write the device tree there and exit"),
    TEXT("firmware", firmware, "Firmware image"),
    TEXT("initrd", initrd, "Initial RAM disk"),
    TEXT("kernel", kernel, "Kernel image"),
    TEXT("memory-backend", memory_backend, "Memory backend that gives RAM its size"),
    TEXT("pflash0", pflash[0], "Drive in flash bank 0"),
    TEXT("pflash1", pflash[1], "Drive in flash bank 1"),
    { NULL },
};
/* What is left belongs to the board. */
const Shape cmdline_machine_shape = {
    "Machine", sizeof(MachineOptions), machine_props, .implied = "type", .rest = &machine_rest,
};

/* ---- the board ---- */

static bool board_is_named(const BoardClass *b, const char *name)
{
    return g_str_equal(b->name, name) || (b->aliases && g_strv_contains(b->aliases, name));
}

const BoardClass *cmdline_find_board(const CmdLine *c, const char *name)
{
    for (unsigned i = 0; board_classes[i]; i++) {
        const BoardClass *b = board_classes[i];
        if (g_str_equal(b->arch, c->arch) && board_is_named(b, name)) {
            return b;
        }
    }
    return NULL;
}

/* QEMU has no default machine for riscv, and programs that run qemu-system-riscv64 may
 * count on that; who runs lyrebird gets the board's word. */
bool cmdline_is_default_board(const CmdLine *c, const BoardClass *b)
{
    return b->is_default && !version_is_qemu_name();
}

/* The machine says of which architecture, where only others than the default one have it. */
static void pick_arch_of_board(CmdLine *c, const char *name)
{
    if (cmdline_find_board(c, name)) {
        return;
    }
    for (unsigned i = 0; board_classes[i]; i++) {
        if (board_is_named(board_classes[i], name)) {
            c->arch = board_classes[i]->arch;
            return;
        }
    }
}

static void pick_arch_of_cpu(CmdLine *c, const char *model)
{
    const CPUArch *arch = cpu_arch_find(c->arch);
    g_autofree char *name = g_strndup(model, strcspn(model, ","));
    if (arch && cpu_arch_has_model(arch, name)) {
        return;
    }
    for (unsigned i = 0; cpu_archs[i]; i++) {
        if (cpu_arch_has_model(cpu_archs[i], name)) {
            c->arch = cpu_archs[i]->name;
            return;
        }
    }
}

void cmdline_pick_arch(CmdLine *c)
{
    const CmdItem *machine = cmdline_last(c, OPT_MACHINE);
    const char *board = machine ? keyval_text(machine->values, "type") : NULL,
               *model = cmdline_text(c, OPT_CPU);
    if (!c->arch_given && board) {
        pick_arch_of_board(c, board);
    }
    if (!c->arch_given && model) {
        pick_arch_of_cpu(c, model);
    }
}

static const BoardClass *default_board(const CmdLine *c)
{
    for (unsigned i = 0; board_classes[i]; i++) {
        if (g_str_equal(board_classes[i]->arch, c->arch) && cmdline_is_default_board(c, board_classes[i])) {
            return board_classes[i];
        }
    }
    return NULL;
}

static bool arch_is_built(const CmdLine *c, GError **err)
{
    g_autoptr(GPtrArray) names = g_ptr_array_new();
    for (unsigned i = 0; board_classes[i]; i++) {
        if (g_str_equal(board_classes[i]->arch, c->arch)) {
            return true;
        }
        if (!g_ptr_array_find_with_equal_func(names, board_classes[i]->arch, g_str_equal, NULL)) {
            g_ptr_array_add(names, (void *)board_classes[i]->arch);
        }
    }
    g_ptr_array_add(names, NULL);
    cmdline_error_choice(err, "guest architecture", c->arch, names_of(names));
    return false;
}

bool cmdline_has_board(const CmdLine *c)
{
    return cmdline_has(c, OPT_MACHINE) || default_board(c);
}

static bool pick_board(const CmdLine *c, const char *name, MachineConfig *config, GError **err)
{
    if (!arch_is_built(c, err)) {
        return false;
    }
    config->board = name ? cmdline_find_board(c, name) : default_board(c);
    if (config->board) {
        return true;
    }
    if (!name) {
        return cmdline_fail(err, "No machine specified, and there is no default\n"
                                 "Use -machine help to list supported machines!");
    }
    g_autoptr(GPtrArray) names = g_ptr_array_new();
    for (unsigned i = 0; board_classes[i]; i++) {
        if (g_str_equal(board_classes[i]->arch, c->arch)) {
            g_ptr_array_add(names, (void *)board_classes[i]->name);
        }
    }
    g_ptr_array_add(names, NULL);
    cmdline_error_choice(err, "machine type", name, names_of(names));
    g_prefix_error(err, "unsupported machine type: ");
    cmdline_blame(err, cmdline_last(c, OPT_MACHINE));
    return false;
}

/* ---- -uuid, -name, -rtc, -action ---- */

static bool parse_uuid(const CmdLine *c, MachineConfig *config, GError **err)
{
    const char *text = cmdline_text(c, OPT_UUID);
    if (!text) {
        return true;
    }
    if (!g_uuid_string_is_valid(text)) {
        return cmdline_fail(err, "failed to parse UUID string: wrong format; it is "
                                 "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx in hexadecimal");
    }
    for (unsigned i = 0; i < 16; i++) {
        text += *text == '-';
        config->uuid[i] = g_ascii_xdigit_value(text[0]) << 4 | g_ascii_xdigit_value(text[1]);
        text += 2;
    }
    config->uuid_set = true;
    return true;
}

static const Prop name_props[] = {
    { "guest", PROP_STRING, offsetof(NameOptions, guest), "name of the guest" },
    { "process", PROP_STRING, offsetof(NameOptions, process), "name of the process" },
    { "debug-threads", PROP_BOOL, offsetof(NameOptions, threads), "threads have names: always so", .def = 1 },
    { NULL },
};
const Shape cmdline_name_shape = { "Name", sizeof(NameOptions), name_props };

static bool parse_name(const CmdLine *c, MachineConfig *config, GError **err)
{
    NameOptions *o = cmdline_merged_shape(c, OPT_NAME, &cmdline_name_shape, err);
    config->name = o ? g_strdup(o->guest) : NULL;
    shape_free(&cmdline_name_shape, o);
    return o != NULL;
}

/* "2006-06-17T16:01:21" or "2006-06-17": UTC. */
static bool parse_date(const char *text, int64_t *seconds)
{
    g_autoptr(GTimeZone) utc = g_time_zone_new_utc();
    g_autofree char *full = strchr(text, 'T') ? g_strdup(text) : g_strdup_printf("%sT00:00:00", text);
    g_autoptr(GDateTime) date = g_date_time_new_from_iso8601(full, utc);
    if (!date) {
        return false;
    }
    *seconds = g_date_time_to_unix(date);
    return true;
}

static const char *const rtc_clock_names[] = { [RTC_HOST] = "host", [RTC_RT] = "rt", [RTC_VM] = "vm", NULL };
static const char *const drift_names[] = { "none", "slew", NULL };

typedef struct RtcOptions {
    char *base;
    int clock, driftfix;
} RtcOptions;

static const Prop rtc_props[] = {
    { "base", PROP_STRING, offsetof(RtcOptions, base), "utc, localtime or a date", .def_string = "utc" },
    { "clock", PROP_ENUM, offsetof(RtcOptions, clock), "clock behind it", .names = rtc_clock_names },
    /* It is about lost ticks: the boards' clocks have none. */
    { "driftfix", PROP_ENUM, offsetof(RtcOptions, driftfix), "lost ticks: there are none",
      .names = drift_names },
    { NULL },
};
const Shape cmdline_rtc_shape = { "Rtc", sizeof(RtcOptions), rtc_props };

static bool rtc_offset(const char *base, int64_t *ns, GError **err)
{
    time_t now = time(NULL);
    int64_t seconds;
    *ns = 0;
    if (g_str_equal(base, "localtime")) {
        struct tm local;
        *ns = localtime_r(&now, &local)->tm_gmtoff * INT64_C(1000000000);
    } else if (!g_str_equal(base, "utc")) {
        if (!parse_date(base, &seconds)) {
            return cmdline_fail(err,
                                "invalid datetime format '%s'\n"
                                "valid formats: 'utc', 'localtime', '2006-06-17T16:01:21' or '2006-06-17'",
                                base);
        }
        *ns = (seconds - now) * INT64_C(1000000000);
    }
    return true;
}

static bool parse_rtc(const CmdLine *c, MachineConfig *config, GError **err)
{
    RtcOptions *o = cmdline_merged_shape(c, OPT_RTC, &cmdline_rtc_shape, err);
    bool ok = o && rtc_offset(o->base, &config->rtc_offset_ns, err);
    config->rtc_clock = ok ? o->clock : RTC_HOST;
    shape_free(&cmdline_rtc_shape, o);
    return ok;
}

/* Unless given, what -no-reboot and -no-shutdown say. */
static bool parse_action(const CmdLine *c, MachineConfig *config, GError **err)
{
    RunActionsChange *change = cmdline_merged_shape(c, OPT_ACTION, &run_actions_shape, err);
    if (cmdline_has(c, OPT_NO_REBOOT)) {
        config->actions.reboot = REBOOT_SHUTDOWN;
    }
    if (cmdline_has(c, OPT_NO_SHUTDOWN)) {
        config->actions.shutdown = SHUTDOWN_PAUSE;
    }
    if (change) {
        run_actions_change(&config->actions, change);
    }
    shape_free(&run_actions_shape, change);
    return change != NULL;
}

/* ---- the whole ---- */

/* An option, or the property of -machine that stands for it. */
static char *take_text(const CmdLine *c, OptionKind kind, const char *property)
{
    const char *option = cmdline_text(c, kind);
    return g_strdup(option ? option : property);
}

static bool parse_boot_files(const CmdLine *c, MachineConfig *config, GError **err)
{
    const MachineOptions *m = c->machine;
    config->bios = take_text(c, OPT_BIOS, m->firmware);
    config->kernel = take_text(c, OPT_KERNEL, m->kernel);
    config->initrd = take_text(c, OPT_INITRD, m->initrd);
    config->append = take_text(c, OPT_APPEND, m->append);
    config->dtb = take_text(c, OPT_DTB, m->dtb);
    config->dumpdtb = g_strdup(m->dumpdtb);
    if (config->initrd && !config->kernel) {
        return cmdline_fail(err, "-initrd only allowed with -kernel option");
    }
    if (config->append && !config->kernel) {
        return cmdline_fail(err, "-append only allowed with -kernel option");
    }
    return true;
}

typedef struct Stage {
    OptionKind kind;
    bool (*parse)(const CmdLine *c, MachineConfig *config, GError **err);
} Stage;

bool cmdline_config(CmdLine *c, MachineConfig *config, GError **err)
{
    static const Stage stages[] = {
        { OPT_MEMORY, cmdline_memory }, { OPT_SMP, cmdline_smp },       { OPT_UUID, parse_uuid },
        { OPT_NAME, parse_name },       { OPT_RTC, parse_rtc },         { OPT_BOOT, cmdline_boot },
        { OPT_ACTION, parse_action },   { OPT_NONE, parse_boot_files },
    };
    c->machine = cmdline_merged_shape(c, OPT_MACHINE, &cmdline_machine_shape, err);
    if (!c->machine) {
        return cmdline_blame(err, cmdline_last(c, OPT_MACHINE));
    }
    config->board_options = c->machine->board ? json_object_get(c->machine->board) : json_object_new_object();
    config->start_paused = cmdline_has(c, OPT_PAUSED);
    config->nodefaults = cmdline_has(c, OPT_NODEFAULTS);
    config->cpu_model = g_strdup(cmdline_text(c, OPT_CPU));
    if (!pick_board(c, c->machine->type, config, err)) {
        return false;
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(stages); i++) {
        if (!stages[i].parse(c, config, err)) {
            return cmdline_blame(err, cmdline_last(c, stages[i].kind));
        }
    }
    return true;
}

void cmdline_config_free(MachineConfig *config)
{
    g_clear_pointer(&config->board_options, json_object_put);
    char **texts[] = { &config->cpu_model, &config->bios, &config->kernel,  &config->initrd,
                       &config->append,    &config->dtb,  &config->dumpdtb, &config->name };
    for (unsigned i = 0; i < G_N_ELEMENTS(texts); i++) {
        g_clear_pointer(texts[i], g_free);
    }
}

/* ---- -accel ---- */

/* Why each of several did not work, a line each. */
static void add_reason(GString *why, const GError *err)
{
    g_string_append_printf(why, "%s%s", why->len ? "\n" : "", err->message);
}

/* What -machine says of interrupt controllers is KVM's, where its own option does not say otherwise. */
static void add_irqchip(const CmdLine *c, const char *name, json_object *options)
{
    bool given = json_object_object_get_ex(options, "kernel-irqchip", NULL);
    if (c->machine->irqchip && !given && name && g_str_equal(name, "kvm")) {
        json_object_object_add(options, "kernel-irqchip", json_object_new_string(c->machine->irqchip));
    }
}

/* more: there is another one, should this one not run guests. */
static Accel *open_proven(const char *list, const char *arch, EventLoop *loop, json_object *options,
                          bool more, GError **err)
{
    Accel *a = accel_open(list, arch, loop, options, err);
    return a && (!more || accel_prove(a, err)) ? a : NULL;
}

/* Each -accel in turn with its own options; each may be a list a:b. */
static Accel *open_each(EventLoop *loop, const CmdLine *c, const char *arch, GError **err)
{
    g_autoptr(GString) why = g_string_new(NULL);
    unsigned count = cmdline_count(c, OPT_ACCEL);
    for (unsigned i = 0; i < count; i++) {
        const CmdItem *item = cmdline_item(c, OPT_ACCEL, i);
        json_object *options = keyval_copy(item->values);
        g_autoptr(GError) local = NULL;
        const char *list = keyval_text(item->values, "accel");
        json_object_object_del(options, "accel");
        add_irqchip(c, list, options);
        Accel *a = list ? open_proven(list, arch, loop, options, i + 1 < count, &local) : NULL;
        json_object_put(options);
        if (a) {
            return a;
        }
        if (!local) {
            cmdline_fail(&local, "Parameter 'accel' is missing");
        }
        cmdline_blame(&local, item);
        add_reason(why, local);
    }
    cmdline_fail(err, "%s", why->str);
    return NULL;
}

/* -machine accel=a:b: its kernel-irqchip= is for those that run in the kernel. */
static Accel *open_list(EventLoop *loop, const CmdLine *c, const char *list, const char *arch, GError **err)
{
    g_auto(GStrv) names = g_strsplit(list, ":", -1);
    g_autoptr(GString) why = g_string_new(NULL);
    Accel *a = NULL;
    for (unsigned i = 0; !a && names[i]; i++) {
        g_autoptr(GError) local = NULL;
        json_object *options = json_object_new_object();
        add_irqchip(c, names[i], options);
        a = open_proven(names[i], arch, loop, options, names[i + 1], &local);
        json_object_put(options);
        if (!a) {
            add_reason(why, local);
        }
    }
    if (!a) {
        cmdline_fail(err, "%s", why->str);
    }
    return a;
}

static void warn_of_default(void)
{
    const char *why = accel_unusable(accel_classes[0]);
    if (why) {
        g_printerr("warning: %s: guest code runs with -accel %s\n", why, accel_default());
    }
}

static Accel *open_accel(const CmdLine *c, const char *list, const char *arch, EventLoop *loop, GError **err)
{
    if (cmdline_has(c, OPT_ACCEL)) {
        return open_each(loop, c, arch, err);
    }
    if (list) {
        Accel *a = open_list(loop, c, list, arch, err);
        if (!a) {
            g_prefix_error(err, "-machine accel=%s: ", list);
        }
        return a;
    }
    warn_of_default();
    return open_list(loop, c, accel_default(), arch, err);
}

static bool asks_for_kvm(const CmdLine *c, const char *list)
{
    bool asks = list && strstr(list, "kvm");
    for (unsigned i = 0; i < cmdline_count(c, OPT_ACCEL); i++) {
        const char *text = keyval_text(cmdline_item(c, OPT_ACCEL, i)->values, "accel");
        asks |= text && strstr(text, "kvm");
    }
    return asks;
}

/* Where KVM was asked for and another one runs, it does not matter; where nobody asked it would be ignored. */
static bool irqchip_is_taken(const CmdLine *c, const char *list, GError **err)
{
    const char *irqchip = c->machine->irqchip;
    if (!irqchip || g_str_equal(irqchip, "off") || asks_for_kvm(c, list)) {
        return true;
    }
    cmdline_fail(
        err,
        "-machine kernel-irqchip=%s: KVM alone has interrupt controllers in the host's kernel; leave it out, or "
        "use -accel kvm",
        irqchip);
    return false;
}

Accel *cmdline_open_accel(const CmdLine *c, const char *arch, EventLoop *loop, GError **err)
{
    const char *list = c->machine->accel;
    if (!list && cmdline_has(c, OPT_ENABLE_KVM)) {
        list = "kvm";
    }
    if (list && cmdline_has(c, OPT_ACCEL)) {
        cmdline_fail(err, "The -accel and \"-machine accel=\" options are incompatible; use one of them");
        return NULL;
    }
    return irqchip_is_taken(c, list, err) ? open_accel(c, list, arch, loop, err) : NULL;
}

/* Translator and interpreter are one room: what they have of a vCPU is at one place. */
bool cmdline_open_reserve(const CmdLine *c, const char *arch, EventLoop *loop, const Accel *accel,
                          Accel **reserve, GError **err)
{
    *reserve = NULL;
    if (!c->machine->reserve) {
        return true;
    }
    Accel *a = open_list(loop, c, c->machine->reserve, arch, err);
    if (a && a->class->vcpu_ops == accel->class->vcpu_ops) {
        cmdline_fail(err, "it is of the same kind as -accel %s; use %s", accel->class->name,
                     accel->class->sandbox_calls ? "tcg" : "kvm");
        a->class->close(a);
        a = NULL;
    }
    if (!a) {
        g_prefix_error(err, "-machine x-accel-reserve=%s: ", c->machine->reserve);
    }
    *reserve = a;
    return a != NULL;
}
