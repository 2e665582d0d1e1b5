/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The main loop: GLib's default context, with an eventfd through which other
 * threads hand over work.
 *
 * A thread that schedules work writes the eventfd only while the loop sleeps in
 * poll, and only the first one does: `sleeping` is taken by exchange.  The loop
 * announces its sleep before it looks at the queue for the last time. */
#include "base/mainloop.h"

#include <glib-unix.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/memory.h"

struct Bh {
    Lock *lock;
    void (*fn)(void *opaque);
    void *opaque;
    bool scheduled;
    GList link;
};

static Lock queue_lock = LOCK_INIT(LOCK_LOOP_WORK); /* leaf */
static GQueue queue = G_QUEUE_INIT;
static bool sleeping; /* atomic */
static int wake_fd = -1;
static gpointer wake_tag;
static bool quit_wanted; /* atomic */
static int quit_status;

static void loop_wake(void)
{
    if (__atomic_exchange_n(&sleeping, false, __ATOMIC_SEQ_CST)) {
        uint64_t one = 1;
        ssize_t n = write(wake_fd, &one, sizeof(one));
        (void)n; /* full means that a wake-up is on its way */
    }
}

static bool queue_is_empty(void)
{
    lock_take(&queue_lock);
    bool empty = g_queue_is_empty(&queue);
    lock_release(&queue_lock);
    return empty && !__atomic_load_n(&quit_wanted, __ATOMIC_SEQ_CST);
}

static gint loop_poll(GPollFD *fds, guint count, gint timeout)
{
    __atomic_store_n(&sleeping, true, __ATOMIC_SEQ_CST);
    if (timeout != 0 && !queue_is_empty()) {
        timeout = 0;
    }
    memory_thread_sleep();
    gint n = g_poll(fds, count, timeout);
    memory_thread_wake();
    __atomic_store_n(&sleeping, false, __ATOMIC_SEQ_CST);
    return n;
}

/* ---- the source that runs scheduled work --------------------------------- */

static gboolean bh_source_prepare(GSource *s, gint *timeout)
{
    *timeout = -1;
    return !queue_is_empty();
}

static gboolean bh_source_check(GSource *s)
{
    if (g_source_query_unix_fd(s, wake_tag)) {
        uint64_t count;
        ssize_t n = read(wake_fd, &count, sizeof(count));
        (void)n; /* nothing to read: another look was quicker */
    }
    return !queue_is_empty();
}

static Bh *queue_pop(void)
{
    lock_take(&queue_lock);
    GList *link = g_queue_pop_head_link(&queue);
    Bh *bh = link ? link->data : NULL;
    if (bh) {
        bh->scheduled = false;
    }
    lock_release(&queue_lock);
    return bh;
}

static gboolean bh_source_dispatch(GSource *s, GSourceFunc fn, gpointer data)
{
    lock_take(&queue_lock);
    unsigned count = queue.length; /* what is scheduled meanwhile waits its turn */
    lock_release(&queue_lock);
    Bh *bh;
    while (count-- && (bh = queue_pop())) {
        Lock *lock = bh->lock;
        if (lock) {
            lock_take_spinning(lock);
        }
        bh->fn(bh->opaque); /* may free bh */
        if (lock) {
            lock_release(lock);
        }
    }
    return G_SOURCE_CONTINUE;
}

static GSourceFuncs bh_source_funcs = {
    .prepare = bh_source_prepare,
    .check = bh_source_check,
    .dispatch = bh_source_dispatch,
};

GMainContext *mainloop_context(void)
{
    static gsize once;
    GMainContext *ctx = g_main_context_default();
    if (g_once_init_enter(&once)) {
        wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        if (wake_fd < 0) {
            g_error("main loop: eventfd: %m");
        }
        GSource *s = g_source_new(&bh_source_funcs, sizeof(GSource));
        g_source_set_name(s, "lyrebird work");
        wake_tag = g_source_add_unix_fd(s, wake_fd, G_IO_IN);
        g_source_set_priority(s, G_PRIORITY_DEFAULT);
        g_source_set_can_recurse(s, TRUE); /* else GLib writes its eventfd after each dispatch */
        g_source_attach(s, ctx);
        g_source_unref(s);
        g_main_context_set_poll_func(ctx, loop_poll);
        g_once_init_leave(&once, 1);
    }
    return ctx;
}

/* ---- work ---------------------------------------------------------------- */

Bh *bh_new(Lock *lock, void (*fn)(void *opaque), void *opaque)
{
    mainloop_context();
    Bh *bh = g_new0(Bh, 1);
    *bh = (Bh){ .lock = lock, .fn = fn, .opaque = opaque, .link = { .data = bh } };
    return bh;
}

void bh_schedule(Bh *bh)
{
    lock_take(&queue_lock);
    bool was = bh->scheduled;
    if (!was) {
        bh->scheduled = true;
        g_queue_push_tail_link(&queue, &bh->link);
    }
    lock_release(&queue_lock);
    if (!was) {
        loop_wake();
    }
}

void bh_free(Bh *bh)
{
    if (!bh) {
        return;
    }
    lock_take(&queue_lock);
    if (bh->scheduled) {
        g_queue_unlink(&queue, &bh->link);
    }
    lock_release(&queue_lock);
    g_free(bh);
}

typedef struct WaitPoll {
    void (*poll)(void *opaque);
    void *opaque;
} WaitPoll;

static GSList *wait_polls; /* of WaitPoll; main loop only */

void mainloop_add_wait_poll(void (*poll)(void *opaque), void *opaque)
{
    WaitPoll *p = g_new(WaitPoll, 1);
    *p = (WaitPoll){ poll, opaque };
    wait_polls = g_slist_prepend(wait_polls, p);
}

void mainloop_remove_wait_poll(void (*poll)(void *opaque), void *opaque)
{
    for (GSList *l = wait_polls; l; l = l->next) {
        WaitPoll *p = l->data;
        if (p->poll == poll && p->opaque == opaque) {
            wait_polls = g_slist_delete_link(wait_polls, l);
            g_free(p);
            return;
        }
    }
}

void mainloop_wait(GCond *cond, Lock *lock)
{
    enum { TURN_US = 2000 };
    if (!wait_polls || !mainloop_is_current()) {
        lock_wait(cond, lock);
    } else if (!lock_wait_until(cond, lock, g_get_monotonic_time() + TURN_US)) {
        lock_release(lock);
        for (GSList *l = wait_polls; l; l = l->next) {
            WaitPoll *p = l->data;
            p->poll(p->opaque);
        }
        lock_take(lock);
    }
}

bool mainloop_is_current(void)
{
    static __thread signed char is_main; /* 0: not yet known */
    if (!is_main) {
        is_main = syscall(SYS_gettid) == getpid() ? 1 : -1;
    }
    return is_main > 0;
}

/* ---- running ------------------------------------------------------------- */

int mainloop_run(void)
{
    GMainContext *ctx = mainloop_context();
    memory_thread_register();
    while (!__atomic_load_n(&quit_wanted, __ATOMIC_SEQ_CST)) {
        g_main_context_iteration(ctx, TRUE);
        memory_quiescent();
    }
    __atomic_store_n(&quit_wanted, false, __ATOMIC_SEQ_CST);
    return quit_status;
}

void mainloop_quit(int status)
{
    mainloop_context();
    quit_status = status;
    __atomic_store_n(&quit_wanted, true, __ATOMIC_SEQ_CST);
    loop_wake();
}
