/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Jobs: long work on disks while the machine runs.  States, commands and events: QEMU's QMP reference, "Background jobs".
 *
 * A job's work is straight-line code on a thread of its own; what it changes of the graph of nodes happens in the main loop, when
 * it ends.  All here: main loop. */
#pragma once
#include "block/luks_amend.h"
#include "block/block.h"

typedef enum JobType {
    JOB_COMMIT,
    JOB_STREAM,
    JOB_MIRROR,
    JOB_BACKUP,
    JOB_CREATE,
    JOB_AMEND,
    JOB_SNAPSHOT_LOAD,
    JOB_SNAPSHOT_SAVE,
    JOB_SNAPSHOT_DELETE,
} JobType;
extern const char *const job_type_names[]; /* by JobType; ends with NULL */

typedef enum JobStatus {
    JOB_UNDEFINED,
    JOB_CREATED,
    JOB_RUNNING,
    JOB_PAUSED,
    JOB_READY,   /* it only follows what is written; complete or cancel end it */
    JOB_STANDBY, /* the same, paused */
    JOB_WAITING,
    JOB_PENDING, /* the work is done; finalize makes the change */
    JOB_ABORTING,
    JOB_CONCLUDED, /* it is over, and waits for dismiss */
    JOB_NULL,
} JobStatus;
extern const char *const job_status_names[]; /* by JobStatus; ends with NULL */

typedef struct Job Job;

/* What every job takes. */
typedef struct JobOptions {
    const char *id; /* NULL: that of the drive */
    uint64_t speed; /* bytes a second; 0: no limit */
    bool manual_finalize, manual_dismiss;
    /* What an error of the host on either side means: the end (AUTO, REPORT), or a pause, after which the piece is done again (STOP;
     * ENOSPC: when the disk is full).  Stream and commit: both the same. */
    BlockOnError on_source_error, on_target_error;
} JobOptions;

/* For those who list jobs.  Strings are the job's. */
typedef struct JobState {
    const char *id, *error; /* error: NULL: none */
    JobType type;
    JobStatus status;
    bool on_disk; /* it is one of a drive: of query-block-jobs */
    bool paused, busy, ready, auto_finalize, auto_dismiss;
    uint64_t done, total, speed; /* bytes */
    int io_error;                /* errno for which it has paused; 0: none */
} JobState;
void jobs_foreach(Drives *all, void (*fn)(const JobState *s, void *opaque), void *opaque);
Job *job_find(Drives *all, const char *id);
JobState job_state(Job *j);

/* False: not in its present state. */
bool job_pause(Job *j, GError **err) G_GNUC_WARN_UNUSED_RESULT;
bool job_resume(Job *j, GError **err) G_GNUC_WARN_UNUSED_RESULT;
bool job_set_speed(Job *j, uint64_t speed, GError **err) G_GNUC_WARN_UNUSED_RESULT;
/* force: at once, undone; else one that is ready ends well, without its change. */
bool job_cancel(Job *j, bool force, GError **err) G_GNUC_WARN_UNUSED_RESULT;
bool job_complete(Job *j, GError **err) G_GNUC_WARN_UNUSED_RESULT;
bool job_finalize(Job *j, GError **err) G_GNUC_WARN_UNUSED_RESULT;
bool job_dismiss(Job *j, GError **err) G_GNUC_WARN_UNUSED_RESULT;

/* ---- of disks (job_disk.c) ---- */
typedef enum JobSync {
    SYNC_TOP,
    SYNC_FULL,
    SYNC_NONE,
    SYNC_INCREMENTAL, /* what a bitmap has marked (of a backup): the same as the next, on success */
    SYNC_BITMAP,
} JobSync;
/* When a bitmap forgets what was copied. */
typedef enum BitmapMode { BITMAP_ON_SUCCESS, BITMAP_NEVER, BITMAP_ALWAYS } BitmapMode;

/* Copy a disk to another, which gets all that the guest writes meanwhile: then complete puts it in its place (mirror); or as it is
 * now (backup). */
typedef struct JobCopy {
    JobOptions job;
    BlockBackend *disk;
    BlockBackend *target; /* a node that nobody uses; or NULL: */
    BlockNode *image;     /* taken, also by a failure */
    JobSync sync;
    const char *bitmap; /* of the disk; NULL: none */
    BitmapMode bitmap_mode;
} JobCopy;
bool job_mirror(const JobCopy *o, GError **err) G_GNUC_WARN_UNUSED_RESULT;
bool job_backup(const JobCopy *o, GError **err) G_GNUC_WARN_UNUSED_RESULT;

/* What the disk has from nodes above base is copied into it, and base is its backing then.  NULL: it has none. */
typedef struct JobStream {
    JobOptions job;
    BlockBackend *disk;
    BlockNode *base;
    const char *backing_text; /* how the image names base from then on; NULL: by base's file */
} JobStream;
bool job_stream(const JobStream *o, GError **err) G_GNUC_WARN_UNUSED_RESULT;

/* What nodes from top down to base have goes into base, which takes the place of top.  top == NULL: the disk itself: it is ready
 * then, and complete ends it. */
typedef struct JobCommit {
    JobOptions job;
    BlockBackend *disk;
    BlockNode *top, *base; /* base: NULL: the last of the chain */
    const char *backing_text;
} JobCommit;
bool job_commit(const JobCommit *o, GError **err) G_GNUC_WARN_UNUSED_RESULT;

/* Passwords of an encrypted disk (luks, qcow2 with it) change; force: see luks_amend. */
bool job_amend(BlockBackend *blk, const char *id, const LuksAmend *what, bool force,
               GError **err) G_GNUC_WARN_UNUSED_RESULT;

/* ---- of the machine: done at once (job_call.c) ---- */
/* A job whose work is this call, in the main loop, soon; fn: false and the error, or true. */
bool job_call(Drives *all, const char *id, JobType type, bool (*fn)(void *opaque, GError **err), void *opaque,
              void (*free_opaque)(void *opaque), GError **err) G_GNUC_WARN_UNUSED_RESULT;

extern const struct Event event_job_status_change, event_block_job_completed, event_block_job_cancelled,
    event_block_job_ready, event_block_job_pending, event_block_job_error;
