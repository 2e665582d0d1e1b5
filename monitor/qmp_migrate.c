/* SPDX-License-Identifier: GPL-2.0-or-later */
/* migrate: a machine's state into a file, from which -incoming takes it.  The machine stops, and the command answers when all is written.
 * migrate-incoming: a machine of -incoming defer takes a state, and goes on.
 * Names: QEMU's QMP reference, "Migration".
 *
 * Not modelled: other places than files, machines that run meanwhile, channels, progress. */
#include "hw/board.h"
#include "hw/runstate.h"
#include "hw/snapshot.h"
#include "monitor/command.h"

typedef struct Migrate {
    char *uri;
} Migrate;

#define T Migrate
static const Prop migrate_props[] = { { "uri", PROP_STRING, ALWAYS(uri), .help = "file:PATH" }, { NULL } };
#undef T
static const Shape migrate_shape = { "Migrate", sizeof(Migrate), migrate_props, .implied = "uri" };

static bool run_migrate(Control *c, const void *args, void *result, GError **err)
{
    Machine *m = c->machine;
    const char *path = snapshot_path(((const Migrate *)args)->uri, err);
    if (!path || !machine_may_be_saved(m, err)) {
        return false;
    }
    int fd = monitor_file_open(path, err);
    if (fd < 0) {
        return false;
    }
    if (runstate_get(m) == RUN_RUNNING) {
        runstate_stop(m, RUN_PAUSED);
    }
    m->saved = monitor_file_close(fd, machine_save_fd(m, fd, err), path, err);
    return m->saved;
}

/* A machine that refused the state holds a part of it, and waits for another. */
static bool run_incoming(Control *c, const void *args, void *result, GError **err)
{
    Machine *m = c->machine;
    if (runstate_get(m) != RUN_INMIGRATE) {
        return command_error(
            err, ERROR_GENERIC,
            "'-incoming defer' was not specified on the command line, or the machine has its state already");
    }
    m->saved = machine_load_uri(m, ((const Migrate *)args)->uri, err);
    if (m->saved) {
        runstate_state_came(m);
    } else {
        machine_reset(m);
    }
    return m->saved;
}

/* ---- how it went ----------------------------------------------------------------- */

static const char *const states[] = { "completed", NULL };
typedef struct MigrationInfo {
    int status;
    bool has_status;
} MigrationInfo;

#define T MigrationInfo
static const Prop info_props[] = { { "status", PROP_ENUM, MAYBE_HAS(status), .names = states }, { NULL } };
#undef T
static const Shape info_shape = { "MigrationInfo", sizeof(MigrationInfo), info_props };

static bool run_query(Control *c, const void *args, void *result, GError **err)
{
    ((MigrationInfo *)result)->has_status = c->machine->saved;
    return true;
}

/* clang-format off */
const Command commands_migrate[] = {
    { "migrate", "save the machine's state in a file, from which -incoming takes it", &migrate_shape, NULL, 0, run_migrate },
    { "migrate-incoming", "give a machine of -incoming defer its state, from which it goes on", &migrate_shape, NULL, 0, run_incoming },
    { "query-migrate", "whether the state was saved, or has come", NULL, RETURNS_STRUCT(info_shape), 0, run_query },
    { NULL },
};
/* clang-format on */
