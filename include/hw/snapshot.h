/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The whole state of a machine: clock, RAM, vCPUs, devices, each by its table (base/state.h), whichever accelerator
 * runs it.  In a stream it is without the contents of disks (hw/migration.h); in a snapshot of all disks with them (savevm,
 * loadvm).
 *
 * A machine that loads it is made by the same options; accelerators may differ.  Main loop. */
#pragma once
#include <glib.h>
#include <stdbool.h>
#include <sys/types.h>

typedef struct Machine Machine;

/* ---- as a stream (snapshot.c) ---- */
typedef struct StateSink {
    int (*write)(void *opaque, const void *data, size_t bytes); /* all of it: 0 or -errno */
    void *opaque;
} StateSink;
typedef struct StateSource {
    ssize_t (*read)(void *opaque, void *data, size_t bytes); /* some of it; 0: the end; or -errno */
    void *opaque;
} StateSource;
/* The machine stands (runstate_stop). */
bool machine_save_to(Machine *m, const StateSink *sink, GError **err) G_GNUC_WARN_UNUSED_RESULT;
/* The machine stands.  The stream is hostile input; a machine that refused one holds a part of it: it is reset or freed. */
bool machine_load_from(Machine *m, const StateSource *source, GError **err) G_GNUC_WARN_UNUSED_RESULT;
/* Does it begin like one that this machine could load?  Nothing changes. */
bool machine_fits(const Machine *m, const StateSource *source, GError **err) G_GNUC_WARN_UNUSED_RESULT;

/* ---- in a file (snapshot_file.c) ---- */
bool machine_load_file(Machine *m, const char *path, GError **err) G_GNUC_WARN_UNUSED_RESULT;

/* ---- in the disks (snapshot_disk.c) ---- */
/* Which disks, by the names of their nodes or drives; NULL: all that can be written and are in use. */
typedef struct SnapshotDisks {
    const char *const *disks; /* ends with NULL */
    const char *state;        /* the one that keeps the machine's state; NULL: the first */
} SnapshotDisks;
/* What a machine that cannot be saved is told; true: it can.  The second: whether a migration goes on or not. */
bool machine_may_be_saved(const Machine *m, GError **err);
bool machine_state_is_whole(const Machine *m, GError **err);
/* The machine stands meanwhile, and then runs if it ran.  replace: one of this name goes when the new one is there; else it is
 * an error. */
bool machine_snapshot_save(Machine *m, const char *name, const SnapshotDisks *where, bool replace,
                           GError **err) G_GNUC_WARN_UNUSED_RESULT;
/* Disks and machine are as they were then.  A machine whose state was refused after all is reset, and stands. */
bool machine_snapshot_load(Machine *m, const char *name, const SnapshotDisks *where,
                           GError **err) G_GNUC_WARN_UNUSED_RESULT;
/* From every disk that has it. */
bool machine_snapshot_delete(Machine *m, const char *name, const SnapshotDisks *where,
                             GError **err) G_GNUC_WARN_UNUSED_RESULT;
bool machine_snapshots_print(Machine *m, GString *out, GError **err) G_GNUC_WARN_UNUSED_RESULT;
