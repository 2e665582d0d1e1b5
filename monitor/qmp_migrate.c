/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Migration (hw/migration.h): a machine's state goes somewhere, or comes into a machine of -incoming defer.
 * Names: QEMU's QMP reference, "Migration".
 *
 * Not modelled: capabilities but events, channels, TLS, compression, post-copy. */
#include <fcntl.h>

#include "base/ram.h"
#include "hw/board.h"
#include "hw/migration.h"
#include "hw/runstate.h"
#include "monitor/command.h"
#include "monitor/migration.h"
#include "monitor/qmp.h"

typedef struct Migrate {
    char *uri;
    bool detach;
} Migrate;

/* clang-format off */
#define T Migrate
static const Prop migrate_props[] = {
    { "uri", PROP_STRING, ALWAYS(uri), .help = "file:PATH, tcp:HOST:PORT, unix:PATH, exec:COMMAND or fd:NAME" },
    { "detach", PROP_BOOL, MAYBE(detach), .help = "changes nothing: the command never waits" },
    PROP_ONLY_OFF("resume", "only post-copy pauses, and is not built"),
    { NULL },
};
static const Prop incoming_props[] = {
    { "uri", PROP_STRING, ALWAYS(uri), .help = "file:PATH, tcp:HOST:PORT, unix:PATH, exec:COMMAND or fd:NAME" },
    { NULL },
};
#undef T
/* clang-format on */
static const Shape migrate_shape = { "Migrate", sizeof(Migrate), migrate_props, .implied = "uri" };
static const Shape incoming_shape = { "MigrateIncoming", sizeof(Migrate), incoming_props, .implied = "uri" };

/* A number: of a descriptor that this process was started with.  Those alone are not close-on-exec, and no more once taken. */
static int take_inherited(const char *number, GError **err)
{
    guint64 fd = 0;
    bool ok = g_ascii_string_to_unsigned(number, 10, 3, G_MAXINT, &fd, NULL);
    int flags = ok ? fcntl((int)fd, F_GETFD) : -1;
    if (flags < 0 || flags & FD_CLOEXEC) {
        command_error(err, ERROR_GENERIC, "This process was not started with a file descriptor '%s'", number);
        return -1;
    }
    fcntl((int)fd, F_SETFD, FD_CLOEXEC);
    return (int)fd;
}

/* *fd: of "fd:NAME", a name of getfd or a number of take_inherited, or -1. */
static bool take_fd(Control *c, const char *where, int *fd, GError **err)
{
    *fd = -1;
    if (!g_str_has_prefix(where, "fd:")) {
        return true;
    }
    const char *name = where + strlen("fd:");
    *fd = g_ascii_isdigit(*name) ? take_inherited(name, err) : qmp_take_named_fd(c->session, name, err);
    return *fd >= 0;
}

static bool run_migrate(Control *c, const void *args, void *result, GError **err)
{
    const Migrate *a = args;
    int fd;
    return take_fd(c, a->uri, &fd, err) && migration_begin(c->machine->migration, a->uri, fd, err);
}

static bool run_incoming(Control *c, const void *args, void *result, GError **err)
{
    const Migrate *a = args;
    int fd;
    if (runstate_get(c->machine) != RUN_INMIGRATE) {
        return command_error(
            err, ERROR_GENERIC,
            "'-incoming defer' was not specified on the command line, or the machine has its state already");
    }
    return take_fd(c, a->uri, &fd, err) && migration_await(c->machine->migration, a->uri, fd, false, err);
}

static bool run_cancel(Control *c, const void *args, void *result, GError **err)
{
    migration_cancel(c->machine->migration);
    return true;
}

/* ---- how it goes ----------------------------------------------------------------- */

typedef struct MigrationRam {
    int64_t transferred, remaining, total, duplicate, normal, normal_bytes, dirty_rate, passes, page_size,
        pages_per_second, none;
    double mbps;
} MigrationRam;
typedef struct MigrationInfo {
    int status;
    bool has_status, has_total, has_downtime, has_expected, has_setup;
    int64_t total, downtime, expected, setup;
    MigrationRam *ram;
    char *error;
} MigrationInfo;

#define T MigrationRam
static const Prop ram_props[] = {
    { "transferred", PROP_I64, ALWAYS(transferred) },
    { "remaining", PROP_I64, ALWAYS(remaining) },
    { "total", PROP_I64, ALWAYS(total) },
    { "duplicate", PROP_I64, ALWAYS(duplicate) },
    { "normal", PROP_I64, ALWAYS(normal) },
    { "normal-bytes", PROP_I64, ALWAYS(normal_bytes) },
    { "dirty-pages-rate", PROP_I64, ALWAYS(dirty_rate) },
    { "mbps", PROP_F64, ALWAYS(mbps) },
    { "dirty-sync-count", PROP_I64, ALWAYS(passes) },
    { "postcopy-requests", PROP_I64, ALWAYS(none) },
    { "page-size", PROP_I64, ALWAYS(page_size) },
    { "multifd-bytes", PROP_I64, ALWAYS(none) },
    { "pages-per-second", PROP_I64, ALWAYS(pages_per_second) },
    { "precopy-bytes", PROP_I64, ALWAYS(transferred) },
    { "downtime-bytes", PROP_I64, ALWAYS(none) },
    { "postcopy-bytes", PROP_I64, ALWAYS(none) },
    { "dirty-sync-missed-zero-copy", PROP_I64, ALWAYS(none) },
    { NULL },
};
#undef T
static const Shape ram_shape = { "MigrationRAMInfo", sizeof(MigrationRam), ram_props };
#define T MigrationInfo
static const Prop info_props[] = {
    { "status", PROP_ENUM, MAYBE_HAS(status), .names = migration_statuses },
    { "ram", PROP_STRUCT, MAYBE(ram), .of = &ram_shape },
    { "total-time", PROP_I64, MAYBE_HAS(total) },
    { "expected-downtime", PROP_I64, MAYBE_HAS(expected) },
    { "downtime", PROP_I64, MAYBE_HAS(downtime) },
    { "setup-time", PROP_I64, MAYBE_HAS(setup) },
    { "error-desc", PROP_STRING, MAYBE(error) },
    { NULL },
};
#undef T
static const Shape info_shape = { "MigrationInfo", sizeof(MigrationInfo), info_props };

static MigrationRam *ram_info(const MigrationProgress *p)
{
    MigrationRam *ram = g_new0(MigrationRam, 1);
    int64_t pages = (p->pages + p->zero_pages);
    *ram = (MigrationRam){ .transferred = p->sent,
                           .remaining = p->remaining,
                           .total = p->total,
                           .duplicate = p->zero_pages,
                           .normal = p->pages,
                           .normal_bytes = p->pages * RAM_PAGE,
                           .dirty_rate = p->dirty_rate,
                           .passes = p->passes,
                           .page_size = RAM_PAGE,
                           .pages_per_second = p->total_ms ? pages * 1000 / p->total_ms : 0,
                           .mbps = p->mbps };
    return ram;
}

static bool run_query(Control *c, const void *args, void *result, GError **err)
{
    MigrationInfo *info = result;
    MigrationProgress p = migration_progress(c->machine->migration);
    info->has_status = p.status != MIGRATION_NONE;
    info->status = p.status;
    info->error = g_strdup(p.error);
    if (!info->has_status || p.incoming) {
        return true;
    }
    info->has_total = info->has_setup = true;
    info->total = p.total_ms;
    info->setup = p.setup_ms;
    info->has_downtime = p.status == MIGRATION_COMPLETED;
    info->has_expected = p.status == MIGRATION_ACTIVE;
    info->downtime = info->expected = p.downtime_ms;
    info->ram = ram_info(&p);
    return true;
}

void monitor_show_migration(const void *result, GString *out)
{
    const MigrationInfo *info = result;
    if (!info->has_status) {
        g_string_append(out, "No migration\n");
        return;
    }
    g_string_append_printf(out, "Status: \t\t%s%s%s\n", migration_statuses[info->status],
                           info->error ? ": " : "", info->error ? info->error : "");
    const MigrationRam *ram = info->ram;
    if (!ram) {
        return;
    }
    g_string_append_printf(out, "Time (ms): \t\ttotal=%" G_GINT64_FORMAT ", setup=%" G_GINT64_FORMAT,
                           info->total, info->setup);
    if (info->has_downtime || info->has_expected) {
        g_string_append_printf(out, ", %s=%" G_GINT64_FORMAT, info->has_downtime ? "down" : "exp_down",
                               info->has_downtime ? info->downtime : info->expected);
    }
    g_string_append_printf(
        out,
        "\nRAM info:\n  Throughput (Mbps): \t%.2f\n  Sizes: \t\tpagesize=4 KiB, total=%" G_GINT64_FORMAT
        " KiB\n  Transfers: \t\ttransferred=%" G_GINT64_FORMAT " KiB, remain=%" G_GINT64_FORMAT
        " KiB\n  Page Types: \t\tnormal=%" G_GINT64_FORMAT ", zero=%" G_GINT64_FORMAT
        "\n  Others: \t\tdirty_syncs=%" G_GINT64_FORMAT ", dirty_pages_rate=%" G_GINT64_FORMAT "\n",
        ram->mbps, ram->total / 1024, ram->transferred / 1024, ram->remaining / 1024, ram->normal,
        ram->duplicate, ram->passes, ram->dirty_rate);
}

/* ---- what it may use ---------------------------------------------------------------- */

typedef struct Parameters {
    MigrationLimits limits;
    bool has_bandwidth, has_downtime;
} Parameters;

#define AT(member) offsetof(Parameters, member)
static const Prop parameter_props[] = {
    { "max-bandwidth", PROP_I64, AT(limits.max_bandwidth),
      "bytes a second while the machine runs; 0: no limit", .has = AT(has_bandwidth) },
    { "downtime-limit", PROP_I64, AT(limits.downtime_ms), "milliseconds that the machine may stand",
      .has = AT(has_downtime) },
    { NULL },
};
#undef AT
static const Shape parameters_shape = { "MigrationParameters", sizeof(Parameters), parameter_props };
enum { DOWNTIME_MAX_MS = 2000000 };

static bool run_set_parameters(Control *c, const void *args, void *result, GError **err)
{
    const Parameters *a = args;
    MigrationLimits limits = migration_limits(c->machine->migration);
    if (a->has_bandwidth && a->limits.max_bandwidth < 0) {
        return command_error(err, ERROR_GENERIC,
                             "Parameter 'max_bandwidth' expects a number of bytes a second from 0 on");
    }
    if (a->has_downtime && (a->limits.downtime_ms < 0 || a->limits.downtime_ms > DOWNTIME_MAX_MS)) {
        return command_error(
            err, ERROR_GENERIC,
            "Parameter 'downtime_limit' expects an integer in the range of 0 to %d milliseconds",
            DOWNTIME_MAX_MS);
    }
    limits.max_bandwidth = a->has_bandwidth ? a->limits.max_bandwidth : limits.max_bandwidth;
    limits.downtime_ms = a->has_downtime ? a->limits.downtime_ms : limits.downtime_ms;
    migration_set_limits(c->machine->migration, limits);
    return true;
}

static bool run_query_parameters(Control *c, const void *args, void *result, GError **err)
{
    *(Parameters *)result = (Parameters){ migration_limits(c->machine->migration), true, true };
    return true;
}

void monitor_show_migration_parameters(const void *result, GString *out)
{
    const Parameters *p = result;
    g_string_append_printf(
        out, "max-bandwidth: %" G_GINT64_FORMAT " bytes/second\ndowntime-limit: %" G_GINT64_FORMAT " ms\n",
        p->limits.max_bandwidth, p->limits.downtime_ms);
}

/* clang-format off */
const Command commands_migrate[] = {
    { "migrate", "send the machine's state somewhere, while it runs; -incoming takes it there", &migrate_shape, NULL, 0, run_migrate },
    { "migrate_cancel", "give up what goes on: the machine goes on as before", NULL, NULL, 0, run_cancel },
    { "migrate-incoming", "give a machine of -incoming defer its state, from which it goes on", &incoming_shape, NULL, 0, run_incoming },
    { "query-migrate", "how a migration goes, or went", NULL, RETURNS_STRUCT(info_shape), 0, run_query },
    { "migrate-set-parameters", "what a migration may use", &parameters_shape, NULL, 0, run_set_parameters },
    { "query-migrate-parameters", "what a migration may use", NULL, RETURNS_STRUCT(parameters_shape), 0, run_query_parameters },
    { NULL },
};
/* clang-format on */
