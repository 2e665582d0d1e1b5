/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What migrations that go and that come have in common: steps on a thread and in the loop, and how they end.  See
 * hw/migration.h. */
#include "hw/migration.h"

#include "base/events.h"
#include "base/log.h"
#include "hw/board.h"
#include "hw/migration/priv.h"

enum { DEFAULT_BANDWIDTH = 128 << 20, DEFAULT_DOWNTIME_MS = 300 };

/* clang-format off */
const char *const migration_statuses[] = {
    [MIGRATION_NONE] = "none", [MIGRATION_SETUP] = "setup", [MIGRATION_ACTIVE] = "active",
    [MIGRATION_COMPLETED] = "completed", [MIGRATION_FAILED] = "failed", [MIGRATION_CANCELLING] = "cancelling",
    [MIGRATION_CANCELLED] = "cancelled",
    "postcopy-device", "postcopy-active", "postcopy-paused", "postcopy-recover-setup", "postcopy-recover", "colo",
    "pre-switchover", "device", "wait-unplug", NULL,
};
/* clang-format on */

static const Prop event_props[] = {
    { "status", PROP_ENUM, offsetof(MigrationEvent, status), "as query-migrate tells",
      .names = migration_statuses, .required = true },
    { NULL },
};
static const Shape event_shape = { "MigrationEvent", sizeof(MigrationEvent), event_props };
const Event event_migration = { .name = "MIGRATION", .data = &event_shape };

void migration_set_status(Migration *g, MigrationStatus status)
{
    if (g->status != status) {
        g->status = status;
        events_emit(g->machine->events, &event_migration, &(MigrationEvent){ status });
    }
}

bool migration_is_active(const Migration *g)
{
    return g && (g->status == MIGRATION_SETUP || g->status == MIGRATION_ACTIVE ||
                 g->status == MIGRATION_CANCELLING);
}

bool migration_refuses(const Migration *g, GError **err)
{
    if (migration_is_active(g)) {
        g_set_error_literal(
            err, G_FILE_ERROR, G_FILE_ERROR_AGAIN,
            "There's a migration process in progress; wait for it, or cancel it (migrate_cancel)");
    }
    return migration_is_active(g);
}

/* ---- steps -------------------------------------------------------------------------------- */

static gpointer thread_main(gpointer opaque)
{
    Migration *g = opaque;
    g->work(g, &g->failure);
    bh_schedule(g->done);
    return NULL;
}

/* What ends the process says why. */
void migration_give_up(Migration *g, GError *failure)
{
    if (g->must && g->incoming && !g->stopping) {
        log_report("%s", failure->message);
    }
    g->undo(g);
    migration_end(g, failure);
}

static void thread_ended(void *opaque)
{
    Migration *g = opaque;
    if (!g->thread) {
        return;
    }
    g_thread_join(g_steal_pointer(&g->thread));
    GError *failure = g_steal_pointer(&g->failure);
    if (failure || g->stopping) {
        migration_give_up(g, failure ? failure
                                     : g_error_new_literal(G_FILE_ERROR, G_FILE_ERROR_INTR, "cancelled"));
    } else {
        g->then(g);
    }
}

void migration_step(Migration *g, Work work, void (*then)(Migration *g))
{
    GError *err = NULL;
    g->work = work;
    g->then = then;
    g->thread = g_thread_try_new("migration", thread_main, g, &err);
    if (!g->thread) {
        migration_give_up(g, err);
    }
}

bool migration_open(Migration *g, const char *where, int fd, bool incoming, GError **err)
{
    event_notifier_test_and_clear(g->stop);
    g->place = place_new(where, fd, g->stop, err);
    if (!g->place || !place_prepare(g->place, incoming, err)) {
        g_clear_pointer(&g->place, place_free);
        return false;
    }
    g_clear_pointer(&g->error, g_free);
    g->incoming = incoming;
    g->stopping = false;
    g->begun_us = g_get_monotonic_time();
    g->active_us = g->stood_us = g->ended_us = 0;
    migration_set_status(g, MIGRATION_SETUP);
    return true;
}

void migration_end(Migration *g, GError *failure)
{
    g_clear_pointer(&g->place, place_free);
    g_clear_pointer(&g->tail, g_byte_array_unref);
    g->ended_us = g_get_monotonic_time();
    g->error = failure && !g->stopping ? g_strdup(failure->message) : NULL;
    migration_set_status(g, !failure      ? MIGRATION_COMPLETED
                            : g->stopping ? MIGRATION_CANCELLED
                                          : MIGRATION_FAILED);
    g_clear_error(&failure);
}

void migration_cancel(Migration *g)
{
    if (migration_is_active(g) && !g->stopping) {
        g->stopping = true;
        migration_set_status(g, MIGRATION_CANCELLING);
        event_notifier_set(g->stop);
    }
}

/* ---- what is told ---------------------------------------------------------------------------- */

static int64_t span_ms(int64_t from_us, int64_t to_us)
{
    return from_us && to_us > from_us ? (to_us - from_us) / 1000 : 0;
}

MigrationProgress migration_progress(const Migration *g)
{
    int64_t end = g->ended_us ? g->ended_us : g_get_monotonic_time();
    MigrationProgress p = { .status = g->status, .incoming = g->incoming, .error = g->error };
    if (g->status == MIGRATION_NONE || g->incoming) {
        return p;
    }
    p.total_ms = span_ms(g->begun_us, end);
    p.setup_ms = span_ms(g->begun_us, g->active_us ? g->active_us : end);
    stream_progress(g, &p);
    if (g->stood_us) {
        p.downtime_ms = span_ms(g->stood_us, end);
    }
    p.mbps = p.total_ms > 0 ? (double)p.sent * 8 / 1000 / (double)p.total_ms : 0;
    return p;
}

MigrationLimits migration_limits(const Migration *g)
{
    return g->limits;
}

void migration_set_limits(Migration *g, MigrationLimits limits)
{
    g->limits = limits;
}

/* ---- life -------------------------------------------------------------------------------------- */

Migration *migration_new(Machine *m)
{
    Migration *g = g_new0(Migration, 1);
    g->machine = m;
    g->limits = (MigrationLimits){ DEFAULT_BANDWIDTH, DEFAULT_DOWNTIME_MS };
    g->stop = event_notifier_new(NULL);
    g->done = bh_new(m->loop, NULL, thread_ended, g);
    return g;
}

void migration_free(Migration *g)
{
    if (!g) {
        return;
    }
    migration_cancel(g);
    if (g->thread) {
        thread_ended(g); /* it waits for the thread */
    }
    bh_free(g->done);
    stream_free(g->stream);
    if (g->blocks) {
        g_ptr_array_unref(g->blocks);
    }
    event_notifier_free(g->stop);
    g_free(g->error);
    g_free(g);
}
