/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The life of a job.
 * Its states, and what may be asked in each: QEMU's QMP reference, JobStatus, JobVerb. */
#include <errno.h>
#include <string.h>

#include "block/job/job.h"

#include "base/events.h"
#include "block/job/job_events.h"

static void set_status(Job *j, JobStatus status)
{
    j->status = status;
    job_tell_status(j);
}

Job *job_find(Drives *all, const char *id)
{
    for (guint i = 0; i < all->jobs->len; i++) {
        Job *j = g_ptr_array_index(all->jobs, i);
        if (strcmp(j->id, id) == 0) {
            return j;
        }
    }
    return NULL;
}

JobState job_state(Job *j)
{
    lock_take(&j->lock);
    bool stands = j->standing || j->over;
    JobState s = {
        .id = j->id,
        .error = j->error,
        .type = j->class->type,
        .status = j->status,
        .on_disk = j->disk != NULL,
        .paused = j->paused,
        .busy = !stands && j->status >= JOB_RUNNING && j->status <= JOB_STANDBY,
        .ready = j->ready,
        .auto_finalize = j->auto_finalize,
        .auto_dismiss = j->auto_dismiss,
        .done = j->done,
        .total = MAX(j->total, j->done),
        .speed = j->speed,
        .io_error = j->io_error,
    };
    lock_release(&j->lock);
    return s;
}

void jobs_foreach(Drives *all, void (*fn)(const JobState *s, void *opaque), void *opaque)
{
    for (guint i = 0; i < all->jobs->len; i++) {
        JobState s = job_state(g_ptr_array_index(all->jobs, i));
        fn(&s, opaque);
    }
}

/* ---- the end ------------------------------------------------------------------- */

static void job_free(Job *j)
{
    g_ptr_array_remove(j->all->jobs, j);
    bh_free(j->bh);
    g_cond_clear(&j->changed);
    lock_finish(&j->lock);
    g_free(j->id);
    g_free(j->error);
    g_free(j->backing_text);
    g_free(j->piece);
    if (j->free_opaque) {
        j->free_opaque(j->opaque);
    }
    g_free(j);
}

void job_drop(Job *j)
{
    if (j->class->clean) {
        j->class->clean(j);
    }
    job_free(j);
}

static void dismiss(Job *j)
{
    set_status(j, JOB_NULL);
    job_free(j);
}

static void conclude(Job *j)
{
    job_tell(j, j->cancelled && !j->error ? &event_block_job_cancelled : &event_block_job_completed);
    if (j->class->clean) {
        j->class->clean(j);
    }
    set_status(j, JOB_CONCLUDED);
    if (j->auto_dismiss) {
        dismiss(j);
    }
}

static void abort_job(Job *j, const char *why)
{
    j->error = g_strdup(why);
    set_status(j, JOB_ABORTING);
    conclude(j);
}

static void finalize(Job *j)
{
    g_autoptr(GError) err = NULL;
    if (!j->no_change && j->class->finish && !j->class->finish(j, &err)) {
        abort_job(j, err->message);
        return;
    }
    conclude(j);
}

static void work_is_done(Job *j)
{
    set_status(j, JOB_WAITING);
    set_status(j, JOB_PENDING);
    if (j->auto_finalize) {
        finalize(j);
    } else {
        job_tell_pending(j);
    }
}

static void thread_is_over(Job *j)
{
    g_clear_pointer(&j->thread, g_thread_join);
    if (j->result || j->cancelled) {
        abort_job(j, j->cancelled ? NULL : g_strerror(-j->result));
    } else {
        work_is_done(j);
    }
}

static void make_call(Job *j)
{
    g_autoptr(GError) err = NULL;
    j->over = true;
    if (j->class->call(j, &err)) {
        work_is_done(j);
    } else {
        abort_job(j, err->message);
    }
}

/* The thread has left a note. */
static void look(void *opaque)
{
    Job *j = opaque;
    lock_take(&j->lock);
    bool over = j->over, ready = j->ready, stands = j->standing;
    lock_release(&j->lock);
    if (!j->class->run) {
        if (!over) {
            make_call(j);
        }
        return;
    }
    if (ready && j->status == JOB_RUNNING) {
        set_status(j, JOB_READY);
        job_tell(j, &event_block_job_ready);
    }
    if (over && j->thread) {
        thread_is_over(j);
    } else if (stands && (j->status == JOB_RUNNING || j->status == JOB_READY)) {
        set_status(j, j->status == JOB_READY ? JOB_STANDBY : JOB_PAUSED);
    }
}

/* ---- the beginning ---------------------------------------------------------------- */

static bool id_is_valid(const char *id)
{
    size_t n = strspn(id, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._");
    return g_ascii_isalpha(*id) && !id[n];
}

Job *job_new(Drives *all, const JobClass *class, const JobOptions *o, const char *default_id, GError **err)
{
    const char *id = o->id ? o->id : default_id;
    if (!id) {
        block_error(err, "An explicit job ID is required for this node");
        return NULL;
    }
    if (o->id && !id_is_valid(id)) {
        block_error(err, "Invalid job ID '%s': it begins with a letter, and has letters, digits and -._", id);
        return NULL;
    }
    if (job_find(all, id)) {
        block_error(err, "Job ID '%s' already in use", id);
        return NULL;
    }
    Job *j = g_new0(Job, 1);
    j->class = class;
    j->all = all;
    j->id = g_strdup(id);
    j->auto_finalize = !o->manual_finalize;
    j->auto_dismiss = !o->manual_dismiss;
    j->speed = o->speed;
    j->on_source_error = o->on_source_error;
    j->on_target_error = o->on_target_error;
    j->bh = bh_new(all->loop, NULL, look, j);
    lock_init(&j->lock, LOCK_JOB);
    g_cond_init(&j->changed);
    g_ptr_array_add(all->jobs, j);
    return j;
}

static gpointer work(gpointer opaque)
{
    Job *j = opaque;
    int result = job_point(j, 0);
    result = result ? result : j->class->run(j);
    lock_take(&j->lock);
    j->result = result;
    j->over = true;
    bh_schedule(j->bh);
    lock_release(&j->lock);
    return NULL;
}

void job_start(Job *j)
{
    set_status(j, JOB_CREATED);
    set_status(j, JOB_RUNNING);
    g_autoptr(GError) err = NULL;
    if (!j->class->run) {
        bh_schedule(j->bh);
        return;
    }
    j->thread = g_thread_try_new("job", work, j, &err);
    if (!j->thread) {
        abort_job(j, err->message);
    }
}

/* ---- what is asked of it --------------------------------------------------------- */

static bool allows(const Job *j, unsigned statuses, const char *verb, GError **err)
{
    if (statuses >> j->status & 1) {
        return true;
    }
    block_error(err, "Job '%s' in state '%s' cannot accept command verb '%s'", j->id,
                job_status_names[j->status], verb);
    return false;
}

#define AT_WORK                                                                                              \
    (1u << JOB_CREATED | 1u << JOB_RUNNING | 1u << JOB_PAUSED | 1u << JOB_READY | 1u << JOB_STANDBY)

bool job_pause(Job *j, GError **err)
{
    if (!allows(j, AT_WORK, "pause", err)) {
        return false;
    }
    lock_take(&j->lock);
    bool was = j->paused;
    j->paused = true;
    g_cond_broadcast(&j->changed);
    lock_release(&j->lock);
    if (was) {
        block_error(err, "Job is already paused");
    }
    return !was;
}

bool job_resume(Job *j, GError **err)
{
    if (!allows(j, AT_WORK, "resume", err)) {
        return false;
    }
    lock_take(&j->lock);
    bool was = j->paused;
    j->paused = false;
    j->io_error = 0;
    g_cond_broadcast(&j->changed);
    lock_release(&j->lock);
    if (!was) {
        block_error(err, "Can't resume a job that was not paused");
        return false;
    }
    if (j->status == JOB_PAUSED || j->status == JOB_STANDBY) {
        set_status(j, j->status == JOB_PAUSED ? JOB_RUNNING : JOB_READY);
    }
    return true;
}

bool job_set_speed(Job *j, uint64_t speed, GError **err)
{
    if (!allows(j, AT_WORK, "set-speed", err)) {
        return false;
    }
    lock_take(&j->lock);
    j->speed = speed;
    j->next_us = 0;
    g_cond_broadcast(&j->changed);
    lock_release(&j->lock);
    return true;
}

static void cancel_now(Job *j)
{
    lock_take(&j->lock);
    j->cancelled = true;
    g_cond_broadcast(&j->changed);
    lock_release(&j->lock);
}

bool job_cancel(Job *j, bool force, GError **err)
{
    if (!allows(j, AT_WORK | 1u << JOB_WAITING | 1u << JOB_PENDING, "cancel", err)) {
        return false;
    }
    if (j->status == JOB_PENDING) {
        j->cancelled = true;
        abort_job(j, NULL);
        return true;
    }
    if (!force && j->ready) {
        lock_take(&j->lock);
        j->no_change = j->completing = true;
        g_cond_broadcast(&j->changed);
        lock_release(&j->lock);
    } else {
        cancel_now(j);
    }
    return true;
}

bool job_complete(Job *j, GError **err)
{
    if (!allows(j, 1u << JOB_READY, "complete", err)) {
        return false;
    }
    lock_take(&j->lock);
    j->completing = true;
    g_cond_broadcast(&j->changed);
    lock_release(&j->lock);
    return true;
}

bool job_finalize(Job *j, GError **err)
{
    if (!allows(j, 1u << JOB_PENDING, "finalize", err)) {
        return false;
    }
    finalize(j);
    return true;
}

bool job_dismiss(Job *j, GError **err)
{
    if (!allows(j, 1u << JOB_CONCLUDED, "dismiss", err)) {
        return false;
    }
    dismiss(j);
    return true;
}

void jobs_end(Drives *all)
{
    while (all->jobs->len) {
        Job *j = g_ptr_array_index(all->jobs, 0);
        j->auto_dismiss = true;
        if (j->thread) {
            cancel_now(j);
            thread_is_over(j); /* it waits for the thread */
        } else if (j->status == JOB_CONCLUDED) {
            dismiss(j);
        } else {
            j->cancelled = true;
            abort_job(j, NULL);
        }
    }
}

/* ---- calls ------------------------------------------------------------------------ */

static bool do_call(Job *j, GError **err)
{
    return j->fn(j->opaque, err);
}

bool job_call(Drives *all, const char *id, JobType type, bool (*fn)(void *opaque, GError **err), void *opaque,
              void (*free_opaque)(void *opaque), GError **err)
{
    static const JobClass classes[] = {
        [JOB_CREATE] = { .type = JOB_CREATE, .call = do_call },
        [JOB_SNAPSHOT_LOAD] = { .type = JOB_SNAPSHOT_LOAD, .call = do_call },
        [JOB_SNAPSHOT_SAVE] = { .type = JOB_SNAPSHOT_SAVE, .call = do_call },
        [JOB_SNAPSHOT_DELETE] = { .type = JOB_SNAPSHOT_DELETE, .call = do_call },
    };
    Job *j = job_new(all, &classes[type], &(JobOptions){ .id = id, .manual_dismiss = true }, NULL, err);
    if (!j) {
        free_opaque(opaque);
        return false;
    }
    j->fn = fn;
    j->opaque = opaque;
    j->free_opaque = free_opaque;
    job_start(j);
    return true;
}
