/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the thread of a job and the main loop tell each other. */
#include <errno.h>

#include "block/job/job.h"
#include "block/job/job_events.h"

/* Under the lock: when the piece that was done leaves time for the next. */
static void spend(Job *j, uint64_t bytes)
{
    gint64 now = g_get_monotonic_time();
    j->next_us = MAX(j->next_us, now);
    if (j->speed) {
        j->next_us += (gint64)((double)bytes * G_USEC_PER_SEC / (double)j->speed);
    }
}

/* Under the lock: it stands as long as it is to. */
static void stand_while_paused(Job *j)
{
    while (j->paused && !j->cancelled) {
        if (!j->standing) {
            j->standing = true;
            bh_schedule(j->bh);
        }
        lock_wait(&j->changed, &j->lock);
    }
    j->standing = false;
}

int job_point(Job *j, uint64_t bytes)
{
    lock_take(&j->lock);
    j->done += bytes;
    spend(j, bytes);
    stand_while_paused(j);
    while (j->speed && !j->cancelled && !j->completing && g_get_monotonic_time() < j->next_us) {
        lock_wait_until(&j->changed, &j->lock, j->next_us);
        stand_while_paused(j);
    }
    int e = j->cancelled ? -ECANCELED : 0;
    lock_release(&j->lock);
    return e;
}

bool job_tries_again(Job *j, int e)
{
    bool writing = __atomic_load_n(&j->failed_writing, __ATOMIC_ACQUIRE);
    BlockOnError how = writing ? j->on_target_error : j->on_source_error;
    bool stops = how == BLOCK_ON_ERROR_STOP || (how == BLOCK_ON_ERROR_ENOSPC && e == -ENOSPC);
    if (e == -ECANCELED) {
        return false;
    }
    job_tell_error(j, writing, stops);
    if (!stops) {
        return false;
    }
    lock_take(&j->lock);
    j->paused = true;
    j->io_error = -e;
    stand_while_paused(j);
    bool again = !j->cancelled;
    lock_release(&j->lock);
    return again;
}

void job_set_total(Job *j, uint64_t bytes_left)
{
    lock_take(&j->lock);
    j->total = j->done + bytes_left;
    lock_release(&j->lock);
}

void job_set_ready(Job *j)
{
    lock_take(&j->lock);
    if (!j->ready) {
        j->ready = true;
        bh_schedule(j->bh);
    }
    lock_release(&j->lock);
}

int job_wait(Job *j)
{
    lock_take(&j->lock);
    stand_while_paused(j);
    while (!j->poked && !j->cancelled && !j->completing) {
        lock_wait(&j->changed, &j->lock);
        stand_while_paused(j);
    }
    int result = j->cancelled ? -ECANCELED : j->completing && !j->poked ? 1 : 0;
    j->poked = false;
    lock_release(&j->lock);
    return result;
}

void job_poke(void *job)
{
    Job *j = job;
    lock_take(&j->lock);
    j->poked = true;
    g_cond_broadcast(&j->changed);
    lock_release(&j->lock);
}
