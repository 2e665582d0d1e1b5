/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Inside of jobs.
 *
 * The main loop owns a job; its thread works, and leaves notes for it under the lock (job_point, job_set_ready), after which
 * job_look follows in the loop.  A status changes in the loop alone. */
#pragma once
#include "block/block_priv.h"
#include "block/job.h"
#include "block/job/watch.h"

typedef struct JobClass {
    JobType type;
    /* On the thread: 0 or -errno.  NULL: there is no thread; `call` does it all. */
    int (*run)(Job *j);
    bool (*call)(Job *j, GError **err); /* in the loop */
    bool completes;                     /* it has a ready state, which complete ends */
    /* In the loop, after run: the change.  False: nothing has changed. */
    bool (*finish)(Job *j, GError **err);
    void (*clean)(Job *j); /* in the loop, whatever came before: what it holds is let go */
} JobClass;

struct Job {
    const JobClass *class;
    Drives *all;
    char *id, *error;
    JobStatus status;
    bool auto_finalize, auto_dismiss;
    GThread *thread;
    Bh *bh;

    Lock lock; /* a leaf: what follows, down to the gap */
    GCond changed;
    bool paused, standing;      /* asked for; the thread stands */
    bool cancelled, completing; /* undone at once; as soon as all is copied */
    bool no_change;             /* completing without the change */
    bool ready, over, poked;
    int result;
    int io_error; /* see JobState */
    uint64_t done, total, speed;
    BlockOnError on_source_error, on_target_error;
    gint64 next_us; /* of g_get_monotonic_time: when more may be done, for the speed */

    /* of disks: job_disk.c */
    BlockBackend *disk, *target;
    BlockNode *source; /* below the watch; not ours */
    BlockNode *image;  /* where it is copied to; a reference */
    BlockNode *top, *base;
    char *backing_text;
    JobSync sync;
    DirtyBitmap *bitmap; /* of the source; split while the job is.  NULL: none */
    BitmapMode bitmap_mode;
    Watch *watch; /* on the disk while the job is; NULL: none */
    uint8_t *piece;
    uint64_t copied_end; /* backup: the thread has looked at all before it */
    int failed;          /* atomic: a copy before a write has failed */
    bool failed_writing; /* atomic: the last transfer that failed was a write */

    /* of a call */
    bool (*fn)(void *opaque, GError **err);
    void *opaque;
    void (*free_opaque)(void *opaque);
};

enum { JOB_PIECE = 1 << 20 };

/* In the loop: one that is in the list, of status created, if its id is free. */
Job *job_new(Drives *all, const JobClass *class, const JobOptions *o, const char *default_id, GError **err);
void job_drop(Job *j); /* one that was never started */
void job_start(Job *j);
void jobs_end(Drives *all); /* undone, at once */

/* ---- for the thread ---- */
/* So many bytes more are done; waits while it is to wait.  0, or -ECANCELED. */
int job_point(Job *j, uint64_t bytes);
/* A piece has failed with e, and is still to be done: true: again, maybe after a pause. */
bool job_tries_again(Job *j, int e);
void job_set_total(Job *j, uint64_t bytes_left); /* to do, besides those that are done */
void job_set_ready(Job *j);
/* Until something is written to the disk, or it is to end: 0 (look again), -ECANCELED, or 1: it is to complete. */
int job_wait(Job *j);
void job_poke(void *job); /* any thread: there is something to do */
