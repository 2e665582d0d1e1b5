/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Migration: a machine's state (hw/snapshot.h) goes somewhere while the machine runs, and comes from there into another.
 *
 * Memory goes first, then again what was written meanwhile, until the rest fits into the time that the machine may stand;
 * then it stands, and the rest goes.  A machine that stands from the beginning sends all once.  Names: QEMU's manual, "QMP
 * reference", Migration.
 *
 * The machine's loop, unless said otherwise.
 *
 * Not modelled: disks that go along or are shared (the images' locks refuse a second user), compression, several channels,
 * post-copy, TLS. */
#pragma once
#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct Machine Machine;
typedef struct Migration Migration; /* Machine.migration */

typedef enum MigrationStatus {
    MIGRATION_NONE, /* nothing was begun */
    MIGRATION_SETUP,
    MIGRATION_ACTIVE,
    MIGRATION_COMPLETED,
    MIGRATION_FAILED,
    MIGRATION_CANCELLING,
    MIGRATION_CANCELLED,
} MigrationStatus;
extern const char *const migration_statuses[]; /* QEMU's, ours first, by MigrationStatus; ends with NULL */

/* What it may use. */
typedef struct MigrationLimits {
    int64_t max_bandwidth; /* bytes a second while the machine runs; 0: no limit */
    int64_t downtime_ms;   /* that the machine may stand for the rest */
} MigrationLimits;

typedef struct MigrationProgress {
    MigrationStatus status;
    bool incoming;      /* it comes; the rest is of one that goes */
    const char *error;  /* MIGRATION_FAILED: why */
    uint64_t sent;      /* bytes */
    uint64_t total;     /* bytes of memory */
    uint64_t remaining; /* of them, in this pass */
    uint64_t pages, zero_pages, passes;
    uint64_t dirty_rate; /* pages a second in the last pass */
    double mbps;         /* megabits a second, of all that was sent */
    int64_t total_ms, setup_ms;
    int64_t downtime_ms; /* MIGRATION_COMPLETED; before: as it is expected */
} MigrationProgress;

Migration *migration_new(Machine *m);
/* What goes on is cancelled first.  NULL is fine. */
void migration_free(Migration *g);

/* Where: "file:PATH", "tcp:HOST:PORT", "unix:PATH", "exec:COMMAND", "fd:NAME" with the descriptor in fd (else -1), which is
 * taken in any case.  False: it cannot begin. */
bool migration_begin(Migration *g, const char *where, int fd, GError **err) G_GNUC_WARN_UNUSED_RESULT;
/* The machine, which waits for a state (runstate_await_state), gets it from there; when it is there it runs, unless `cont` was
 * not said.  must: what cannot come ends the process. */
bool migration_await(Migration *g, const char *where, int fd, bool must,
                     GError **err) G_GNUC_WARN_UNUSED_RESULT;
void migration_cancel(Migration *g); /* what was not begun, or is done, stays */
bool migration_is_active(const Migration *g);
/* Error: a migration goes on, and this cannot be done meanwhile. */
bool migration_refuses(const Migration *g, GError **err);
MigrationProgress migration_progress(const Migration *g);
MigrationLimits migration_limits(const Migration *g);
void migration_set_limits(Migration *g, MigrationLimits limits);

/* MIGRATION: its status has changed. */
typedef struct MigrationEvent {
    int status;
} MigrationEvent;
extern const struct Event event_migration;
