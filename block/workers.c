/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Worker threads for requests that may block: the whole engine where io_uring is missing, and
 * for everything that is not a plain transfer.
 *
 * The first thread comes with the first drive and stays: where the host lets us have none (ulimit -u, the
 * limit of a container) that is an error at the start, not a request that never ends.  More come while
 * all are busy, and leave when there is nothing to do; where they are refused, requests wait for those
 * that are here. */
#include "block_priv.h"

enum { WORKERS = 16, IDLE_US = 10 * G_USEC_PER_SEC };

static Lock lock = LOCK_INIT(LOCK_WORKERS); /* leaf */
static GCond more;
static BlockRequest *first, *last; /* that wait */
static unsigned waiting, threads, idle;

static BlockRequest *take_locked(void)
{
    BlockRequest *r = first;
    first = r->priv.next;
    waiting--;
    return r;
}

/* Something to do; NULL: there was nothing for a while, and others are here. */
static BlockRequest *next_request(void)
{
    bool in_time = true;
    lock_take(&lock);
    gint64 end = g_get_monotonic_time() + IDLE_US;
    idle++;
    while (!first && (in_time || threads == 1)) {
        if (threads == 1) {
            lock_wait(&more, &lock);
        } else {
            in_time = lock_wait_until(&more, &lock, end);
        }
    }
    idle--;
    BlockRequest *r = first ? take_locked() : NULL;
    threads -= r == NULL;
    lock_release(&lock);
    return r;
}

static gpointer work(gpointer unused)
{
    for (BlockRequest *r; (r = next_request());) {
        block_complete(r, block_run(r));
    }
    return NULL;
}

static bool start_locked(GError **err)
{
    GThread *t = g_thread_try_new("disk", work, NULL, err);
    if (t) {
        threads++;
        g_thread_unref(t);
    }
    return t != NULL;
}

bool workers_init(GError **err)
{
    g_autoptr(GError) why = NULL;
    lock_take(&lock);
    bool ok = threads || start_locked(&why);
    lock_release(&lock);
    if (!ok) {
        block_error(err,
                    "no thread can be started for the disks: %s; raise the limit, e.g. with ulimit -u "
                    "4096",
                    why->message);
    }
    return ok;
}

void workers_submit(BlockRequest *r)
{
    r->priv.next = NULL;
    lock_take(&lock);
    if (first) {
        last->priv.next = r;
    } else {
        first = r;
    }
    last = r;
    if (++waiting > idle && threads < WORKERS) {
        start_locked(NULL);
    }
    g_cond_signal(&more);
    lock_release(&lock);
}
