/* SPDX-License-Identifier: GPL-2.0-or-later */
/* From -machine, -m, -smp, -kernel ... to a MachineConfig, and -accel.
 *
 * Interface: QEMU's "Invocation", Standard options.  Keys of -machine that are not
 * read here are left to the board, which refuses what it does not know.
 *
 * Not modelled: memory and CPUs that are added later (slots, maxmem, maxcpus above
 * the CPUs at start), dies, clusters, books and drawers above one. */
#include "system/cmdline.h"

#include <gio/gio.h>
#include <string.h>
#include <time.h>

#include "accel/accel.h"
#include "base/version.h"
#include "target/cpu.h"
#include "util/keyval.h"
#include "util/nearest.h"

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

void cmdline_pick_arch(CmdLine *c)
{
    const char *model = cmdline_text(c, OPT_CPU);
    const CPUArch *arch = cpu_arch_find(c->arch);
    if (c->arch_given || !model) {
        return;
    }
    g_autofree char *name = g_strndup(model, strcspn(model, ","));
    if (arch && arch->has_model(name)) {
        return;
    }
    for (unsigned i = 0; cpu_archs[i]; i++) {
        if (cpu_archs[i]->has_model(name)) {
            c->arch = cpu_archs[i]->name;
            return;
        }
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

static bool pick_board(const CmdLine *c, GHashTable *keys, MachineConfig *config, GError **err)
{
    const char *name = g_hash_table_lookup(keys, "type");
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

/* ---- -m and -smp ---- */

static bool parse_memory(const CmdLine *c, MachineConfig *config, GError **err)
{
    static const char *const valid[] = { "size", "slots", "maxmem", NULL };
    g_autoptr(GHashTable) keys = cmdline_merged(c, OPT_MEMORY);
    const char *size = g_hash_table_lookup(keys, "size");
    const char *slots = g_hash_table_lookup(keys, "slots");
    const char *maxmem = g_hash_table_lookup(keys, "maxmem");
    uint64_t max, count;
    config->ram_size = config->board->default_ram;
    if (!cmdline_check_keys(keys, valid, err)) {
        return false;
    }
    if (size && (!keyval_size(size, 1 << 20, &config->ram_size) || config->ram_size >> 48)) {
        return cmdline_fail(
            err, "Parameter 'size' expects a size in MiB or with a suffix k, M, G or T, not '%s'", size);
    }
    if (!config->ram_size) {
        config->ram_size = config->board->default_ram;
    }
    config->ram_size = (config->ram_size + RAM_PAGE - 1) & ~(uint64_t)(RAM_PAGE - 1);
    if ((slots && (!keyval_uint(slots, 256, &count) || count)) ||
        (maxmem && (!keyval_size(maxmem, 1 << 20, &max) || max != config->ram_size))) {
        return cmdline_fail(err,
                            "memory that is added later (slots=, maxmem=) is not built; give size= only");
    }
    return true;
}

typedef struct Topology {
    uint64_t cpus, maxcpus, sockets, cores, threads; /* 0: not given */
} Topology;

/* What is not given follows from what is; cores are preferred over sockets. */
static void topology_complete(Topology *t)
{
    if (!t->maxcpus && !t->cpus) {
        t->sockets = MAX(t->sockets, 1);
        t->cores = MAX(t->cores, 1);
    }
    t->threads = MAX(t->threads, 1);
    uint64_t max = t->maxcpus ? t->maxcpus : t->cpus;
    if (!t->cores && max) {
        t->sockets = MAX(t->sockets, 1);
        t->cores = max / (t->sockets * t->threads);
    } else if (!t->sockets) {
        t->sockets = max / (t->cores * t->threads);
    }
    t->maxcpus = max ? max : t->sockets * t->cores * t->threads;
    t->cpus = t->cpus ? t->cpus : t->maxcpus;
}

static bool topology_check(const Topology *t, const BoardClass *board, GError **err)
{
    unsigned limit = MIN(board->max_cpus, MACHINE_MAX_CPUS);
    if (t->maxcpus > limit || t->cpus > limit) {
        return cmdline_fail(
            err, "Invalid SMP CPUs %" G_GUINT64_FORMAT ". The max CPUs supported by machine '%s' is %u",
            MAX(t->maxcpus, t->cpus), board->name, limit);
    }
    if (t->sockets * t->cores * t->threads != t->maxcpus) {
        return cmdline_fail(err,
                            "Invalid CPU topology: product of the hierarchy must match maxcpus: "
                            "sockets (%" G_GUINT64_FORMAT ") * cores (%" G_GUINT64_FORMAT
                            ") * threads (%" G_GUINT64_FORMAT ") != maxcpus (%" G_GUINT64_FORMAT ")",
                            t->sockets, t->cores, t->threads, t->maxcpus);
    }
    if (t->cpus != t->maxcpus) {
        return cmdline_fail(err,
                            "CPUs that are added later are not built; maxcpus (%" G_GUINT64_FORMAT
                            ") must equal cpus (%" G_GUINT64_FORMAT ")",
                            t->maxcpus, t->cpus);
    }
    return true;
}

static bool parse_smp(const CmdLine *c, MachineConfig *config, GError **err)
{
    static const char *const valid[] = { "cpus",  "maxcpus", "sockets",  "cores",   "threads", "drawers",
                                         "books", "dies",    "clusters", "modules", NULL };
    static const char *const ones[] = { "drawers", "books", "dies", "clusters", "modules", NULL };
    g_autoptr(GHashTable) keys = cmdline_merged(c, OPT_SMP);
    Topology t = { 0 };
    uint64_t *fields[] = { &t.cpus, &t.maxcpus, &t.sockets, &t.cores, &t.threads };
    if (!cmdline_check_keys(keys, valid, err)) {
        return false;
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(fields); i++) {
        const char *text = g_hash_table_lookup(keys, valid[i]);
        if (text && (!keyval_uint(text, 100000, fields[i]) || !*fields[i])) {
            return cmdline_fail(err, "Parameter '%s' expects a number greater than zero, not '%s'", valid[i],
                                text);
        }
    }
    for (unsigned i = 0; ones[i]; i++) {
        const char *text = g_hash_table_lookup(keys, ones[i]);
        if (text && !g_str_equal(text, "1")) {
            return cmdline_fail(err, "%s > 1 not supported by this machine's CPU topology", ones[i]);
        }
    }
    topology_complete(&t);
    if (!topology_check(&t, config->board, err)) {
        return false;
    }
    config->cpus = t.cpus;
    config->max_cpus = t.maxcpus;
    config->sockets = t.sockets;
    config->cores = t.cores;
    config->threads = t.threads;
    return true;
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

static bool parse_name(const CmdLine *c, MachineConfig *config, GError **err)
{
    static const char *const valid[] = { "guest", "process", "debug-threads", NULL };
    g_autoptr(GHashTable) keys = cmdline_merged(c, OPT_NAME);
    bool named; /* threads always have names */
    config->name = g_strdup(g_hash_table_lookup(keys, "guest"));
    return cmdline_check_keys(keys, valid, err) && cmdline_bool(keys, "debug-threads", &named, err);
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

static bool parse_rtc(const CmdLine *c, MachineConfig *config, GError **err)
{
    static const char *const valid[] = { "base", "clock", "driftfix", NULL };
    static const char *const clocks[] = { [RTC_HOST] = "host", [RTC_RT] = "rt", [RTC_VM] = "vm", NULL };
    static const char *const fixes[] = { "none", "slew", NULL };
    g_autoptr(GHashTable) keys = cmdline_merged(c, OPT_RTC);
    const char *base = g_hash_table_lookup(keys, "base");
    const char *clock = g_hash_table_lookup(keys, "clock");
    const char *drift = g_hash_table_lookup(keys, "driftfix");
    time_t now = time(NULL);
    int64_t seconds;
    if (!cmdline_check_keys(keys, valid, err)) {
        return false;
    }
    if (base && g_str_equal(base, "localtime")) {
        struct tm local;
        config->rtc_offset_ns = localtime_r(&now, &local)->tm_gmtoff * INT64_C(1000000000);
    } else if (base && !g_str_equal(base, "utc")) {
        if (!parse_date(base, &seconds)) {
            return cmdline_fail(err,
                                "invalid datetime format '%s'\n"
                                "valid formats: 'utc', 'localtime', '2006-06-17T16:01:21' or '2006-06-17'",
                                base);
        }
        config->rtc_offset_ns = (seconds - now) * INT64_C(1000000000);
    }
    if (clock && !g_strv_contains(clocks, clock)) {
        cmdline_error_choice(err, "value of 'clock'", clock, clocks);
        return false;
    }
    while (clock && !g_str_equal(clock, clocks[config->rtc_clock])) {
        config->rtc_clock++;
    }
    /* It is about lost ticks: the boards' clocks have none. */
    if (drift && !g_strv_contains(fixes, drift)) {
        cmdline_error_choice(err, "value of 'driftfix'", drift, fixes);
        return false;
    }
    return true;
}

static bool action_is(GHashTable *keys, const char *key, const char *no, const char *yes, bool *flag,
                      GError **err)
{
    const char *text = g_hash_table_lookup(keys, key);
    const char *const valid[] = { no, g_str_equal(no, yes) ? NULL : yes, NULL };
    if (!text) {
        return true;
    }
    if (!g_strv_contains(valid, text)) {
        cmdline_error_choice(err, key, text, valid);
        return false;
    }
    *flag = g_str_equal(text, yes);
    return true;
}

static bool parse_action(const CmdLine *c, MachineConfig *config, GError **err)
{
    static const char *const valid[] = { "reboot", "shutdown", "panic", "watchdog", NULL };
    g_autoptr(GHashTable) keys = cmdline_merged(c, OPT_ACTION);
    /* No device reports a panic or is a watchdog: what would happen by default is taken. */
    bool ignored = false;
    return cmdline_check_keys(keys, valid, err) &&
           action_is(keys, "panic", "shutdown", "shutdown", &ignored, err) &&
           action_is(keys, "watchdog", "reset", "reset", &ignored, err) &&
           action_is(keys, "reboot", "reset", "shutdown", &config->no_reboot, err) &&
           action_is(keys, "shutdown", "poweroff", "pause", &config->no_shutdown, err);
}

/* ---- the whole ---- */

/* A property of -machine that stands for an option. */
static char *take_text(const CmdLine *c, OptionKind kind, const char *key, MachineConfig *config)
{
    const char *option = cmdline_text(c, kind);
    g_autofree char *value = g_strdup(key ? g_hash_table_lookup(config->board_options, key) : NULL);
    if (key) {
        g_hash_table_remove(config->board_options, key);
    }
    return option ? g_strdup(option) : g_steal_pointer(&value);
}

static bool parse_boot_files(const CmdLine *c, MachineConfig *config, GError **err)
{
    config->bios = take_text(c, OPT_BIOS, "firmware", config);
    config->kernel = take_text(c, OPT_KERNEL, "kernel", config);
    config->initrd = take_text(c, OPT_INITRD, "initrd", config);
    config->append = take_text(c, OPT_APPEND, "append", config);
    config->dtb = take_text(c, OPT_DTB, "dtb", config);
    config->dumpdtb = g_strdup(g_hash_table_lookup(config->board_options, "dumpdtb"));
    g_hash_table_remove(config->board_options, "dumpdtb");
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

bool cmdline_config(const CmdLine *c, MachineConfig *config, GError **err)
{
    static const Stage stages[] = {
        { OPT_MEMORY, parse_memory }, { OPT_SMP, parse_smp },         { OPT_UUID, parse_uuid },
        { OPT_NAME, parse_name },     { OPT_RTC, parse_rtc },         { OPT_BOOT, cmdline_boot },
        { OPT_ACTION, parse_action }, { OPT_NONE, parse_boot_files },
    };
    config->board_options = cmdline_merged(c, OPT_MACHINE);
    config->no_reboot = cmdline_has(c, OPT_NO_REBOOT);
    config->no_shutdown = cmdline_has(c, OPT_NO_SHUTDOWN);
    config->start_paused = cmdline_has(c, OPT_PAUSED);
    config->nodefaults = cmdline_has(c, OPT_NODEFAULTS);
    config->cpu_model = g_strdup(cmdline_text(c, OPT_CPU));
    if (!pick_board(c, config->board_options, config, err)) {
        return false;
    }
    g_hash_table_remove(config->board_options, "type");
    g_hash_table_remove(config->board_options, "accel");
    for (unsigned i = 0; i < G_N_ELEMENTS(stages); i++) {
        if (!stages[i].parse(c, config, err)) {
            return cmdline_blame(err, cmdline_last(c, stages[i].kind));
        }
    }
    return true;
}

void cmdline_config_free(MachineConfig *config)
{
    g_clear_pointer(&config->board_options, g_hash_table_unref);
    char **texts[] = { &config->cpu_model, &config->bios, &config->kernel,  &config->initrd,
                       &config->append,    &config->dtb,  &config->dumpdtb, &config->name };
    for (unsigned i = 0; i < G_N_ELEMENTS(texts); i++) {
        g_clear_pointer(texts[i], g_free);
    }
}

/* ---- -accel ---- */

/* Each -accel in turn with its own options; each may be a list a:b. */
static Accel *open_each(EventLoop *loop, const CmdLine *c, unsigned count, GError **err)
{
    g_autoptr(GString) why = g_string_new(NULL);
    for (unsigned i = 0; i < count; i++) {
        const CmdItem *item = cmdline_item(c, OPT_ACCEL, i);
        g_autoptr(GHashTable) options = cmdline_keys_copy(item->keys);
        g_autoptr(GError) local = NULL;
        g_autofree char *list = g_strdup(g_hash_table_lookup(options, "accel"));
        g_hash_table_remove(options, "accel");
        Accel *a = list ? accel_open(list, loop, options, &local) : NULL;
        if (a) {
            return a;
        }
        if (!local) {
            cmdline_fail(&local, "Parameter 'accel' is missing");
        }
        cmdline_blame(&local, item);
        g_string_append_printf(why, "%s%s", why->len ? "\n" : "", local->message);
    }
    cmdline_fail(err, "%s", why->str);
    return NULL;
}

Accel *cmdline_open_accel(const CmdLine *c, EventLoop *loop, GError **err)
{
    g_autoptr(GHashTable) machine = cmdline_merged(c, OPT_MACHINE);
    const char *list = g_hash_table_lookup(machine, "accel");
    unsigned count = cmdline_count(c, OPT_ACCEL);
    if (list && count) {
        cmdline_fail(err, "The -accel and \"-machine accel=\" options are incompatible; use one of them");
        return NULL;
    }
    if (count) {
        return open_each(loop, c, count, err);
    }
    g_autoptr(GHashTable) none = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    if (!list && accel_unusable(accel_classes[0])) {
        g_printerr("warning: %s: guest code runs with -accel %s\n", accel_unusable(accel_classes[0]),
                   accel_default());
    }
    Accel *a = accel_open(list ? list : accel_default(), loop, none, err);
    if (!a && list) {
        g_prefix_error(err, "-machine accel=%s: ", list);
    }
    return a;
}
