/* SPDX-License-Identifier: GPL-2.0-or-later */
/* An event loop: a GLib context, with an eventfd through which other
 * threads hand over work.
 *
 * A thread that schedules work writes the eventfd only while the loop sleeps in
 * poll, and only the first one does: `loop->sleeping` is taken by exchange.  The loop
 * announces its sleep before it looks at the queue for the last time. */
#include "base/event_loop.h"

#include <glib-unix.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/memory.h"

struct Bh {
    EventLoop *loop;
    Lock *lock;
    void (*fn)(void *opaque);
    void *opaque;
    bool scheduled;
    GList link;
};

struct EventLoop {
    GMainContext *context;
    GThread *owner; /* atomic */
    Lock queue_lock;
    GQueue queue;  /* of Bh */
    bool sleeping; /* atomic */
    int wake_fd;
    gpointer wake_tag;
    GSource *work;
    bool quit_wanted;   /* atomic */
    int quit_status;    /* atomic */
    GSList *wait_polls; /* of WaitPoll; this loop's thread only */
};

typedef struct WorkSource {
    GSource source;
    EventLoop *loop;
} WorkSource;

/* The loop that this thread is about to poll for: GLib's poll function has no argument of ours. */
static __thread EventLoop *polling;

static void loop_wake(EventLoop *loop)
{
    if (__atomic_exchange_n(&loop->sleeping, false, __ATOMIC_SEQ_CST)) {
        uint64_t one = 1;
        ssize_t n = write(loop->wake_fd, &one, sizeof(one));
        (void)n; /* full means that a wake-up is on its way */
    }
}

static bool queue_is_empty(EventLoop *loop)
{
    lock_take(&loop->queue_lock);
    bool empty = g_queue_is_empty(&loop->queue);
    lock_release(&loop->queue_lock);
    return empty && !__atomic_load_n(&loop->quit_wanted, __ATOMIC_SEQ_CST);
}

static gint loop_poll(GPollFD *fds, guint count, gint timeout)
{
    EventLoop *loop = polling;
    if (!loop) { /* GLib did not ask our source: another one is ready */
        return g_poll(fds, count, timeout);
    }
    __atomic_store_n(&loop->sleeping, true, __ATOMIC_SEQ_CST);
    if (timeout != 0 && !queue_is_empty(loop)) {
        timeout = 0;
    }
    memory_thread_sleep();
    gint n = g_poll(fds, count, timeout);
    memory_thread_wake();
    __atomic_store_n(&loop->sleeping, false, __ATOMIC_SEQ_CST);
    return n;
}

/* ---- the source that runs scheduled work --------------------------------- */

static gboolean bh_source_prepare(GSource *s, gint *timeout)
{
    EventLoop *loop = ((WorkSource *)s)->loop;
    polling = loop;
    *timeout = -1;
    return !queue_is_empty(loop);
}

static gboolean bh_source_check(GSource *s)
{
    EventLoop *loop = ((WorkSource *)s)->loop;
    if (g_source_query_unix_fd(s, loop->wake_tag)) {
        uint64_t count;
        ssize_t n = read(loop->wake_fd, &count, sizeof(count));
        (void)n; /* nothing to read: another look was quicker */
    }
    return !queue_is_empty(loop);
}

static Bh *queue_pop(EventLoop *loop)
{
    lock_take(&loop->queue_lock);
    GList *link = g_queue_pop_head_link(&loop->queue);
    Bh *bh = link ? link->data : NULL;
    if (bh) {
        bh->scheduled = false;
    }
    lock_release(&loop->queue_lock);
    return bh;
}

static gboolean bh_source_dispatch(GSource *s, GSourceFunc fn, gpointer data)
{
    EventLoop *loop = ((WorkSource *)s)->loop;
    lock_take(&loop->queue_lock);
    unsigned count = loop->queue.length; /* what is scheduled meanwhile waits its turn */
    lock_release(&loop->queue_lock);
    Bh *bh;
    while (count-- && (bh = queue_pop(loop))) {
        Lock *lock = bh->lock;
        if (lock) {
            lock_take_spinning(lock);
        }
        bh->fn(bh->opaque); /* may free bh */
        lock_release_any(lock);
    }
    return G_SOURCE_CONTINUE;
}

static GSourceFuncs bh_source_funcs = {
    .prepare = bh_source_prepare,
    .check = bh_source_check,
    .dispatch = bh_source_dispatch,
};

static void attach_work(EventLoop *loop)
{
    GSource *s = g_source_new(&bh_source_funcs, sizeof(WorkSource));
    ((WorkSource *)s)->loop = loop;
    g_source_set_name(s, "lyrebird work");
    loop->wake_tag = g_source_add_unix_fd(s, loop->wake_fd, G_IO_IN);
    g_source_set_priority(s, G_PRIORITY_DEFAULT);
    g_source_set_can_recurse(s, TRUE); /* else GLib writes its eventfd after each dispatch */
    g_source_attach(s, loop->context);
    loop->work = s;
}

EventLoop *event_loop_new(GMainContext *context)
{
    EventLoop *loop = g_new0(EventLoop, 1);
    loop->context = context ? g_main_context_ref(context) : g_main_context_new();
    loop->owner = g_thread_self();
    lock_init(&loop->queue_lock, LOCK_LOOP_WORK);
    g_queue_init(&loop->queue);
    loop->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (loop->wake_fd < 0) {
        g_error("event loop: eventfd: %m");
    }
    attach_work(loop);
    g_main_context_set_poll_func(loop->context, loop_poll);
    return loop;
}

void event_loop_free(EventLoop *loop)
{
    if (!loop) {
        return;
    }
    g_assert(g_queue_is_empty(&loop->queue) && !loop->wait_polls); /* who made work frees it before */
    polling = polling == loop ? NULL : polling;
    g_source_destroy(loop->work);
    g_source_unref(loop->work);
    g_main_context_set_poll_func(loop->context, NULL);
    g_main_context_unref(loop->context);
    close(loop->wake_fd);
    lock_finish(&loop->queue_lock);
    g_free(loop);
}

GMainContext *event_loop_context(EventLoop *loop)
{
    return loop->context;
}

/* ---- work ---------------------------------------------------------------- */

Bh *bh_new(EventLoop *loop, Lock *lock, void (*fn)(void *opaque), void *opaque)
{
    Bh *bh = g_new0(Bh, 1);
    *bh = (Bh){ .loop = loop, .lock = lock, .fn = fn, .opaque = opaque, .link = { .data = bh } };
    return bh;
}

void bh_schedule(Bh *bh)
{
    EventLoop *loop = bh->loop;
    lock_take(&loop->queue_lock);
    bool was = bh->scheduled;
    if (!was) {
        bh->scheduled = true;
        g_queue_push_tail_link(&loop->queue, &bh->link);
    }
    lock_release(&loop->queue_lock);
    if (!was) {
        loop_wake(loop);
    }
}

void bh_free(Bh *bh)
{
    if (!bh) {
        return;
    }
    EventLoop *loop = bh->loop;
    lock_take(&loop->queue_lock);
    if (bh->scheduled) {
        g_queue_unlink(&loop->queue, &bh->link);
    }
    lock_release(&loop->queue_lock);
    g_free(bh);
}

/* ---- work that is waited for --------------------------------------------- */

typedef struct Call {
    void (*fn)(void *opaque);
    void *opaque;
    Lock lock;
    GCond ended;
    bool over;
} Call;

static void call_run(void *opaque)
{
    Call *call = opaque;
    call->fn(call->opaque);
    lock_take(&call->lock);
    call->over = true;
    g_cond_signal(&call->ended);
    lock_release(&call->lock);
}

void event_loop_call(EventLoop *loop, void (*fn)(void *opaque), void *opaque)
{
    if (event_loop_is_current(loop)) {
        fn(opaque);
        return;
    }
    Call call = { .fn = fn, .opaque = opaque };
    lock_init(&call.lock, LOCK_LOOP_CALL);
    g_cond_init(&call.ended);
    Bh *bh = bh_new(loop, NULL, call_run, &call);
    bh_schedule(bh);
    lock_take(&call.lock);
    while (!call.over) {
        lock_wait(&call.ended, &call.lock);
    }
    lock_release(&call.lock);
    bh_free(bh);
    g_cond_clear(&call.ended);
    lock_finish(&call.lock);
}

typedef struct WaitPoll {
    void (*poll)(void *opaque);
    void *opaque;
} WaitPoll;

void event_loop_add_wait_poll(EventLoop *loop, void (*poll)(void *opaque), void *opaque)
{
    WaitPoll *p = g_new(WaitPoll, 1);
    *p = (WaitPoll){ poll, opaque };
    loop->wait_polls = g_slist_prepend(loop->wait_polls, p);
}

void event_loop_remove_wait_poll(EventLoop *loop, void (*poll)(void *opaque), void *opaque)
{
    for (GSList *l = loop->wait_polls; l; l = l->next) {
        WaitPoll *p = l->data;
        if (p->poll == poll && p->opaque == opaque) {
            loop->wait_polls = g_slist_delete_link(loop->wait_polls, l);
            g_free(p);
            return;
        }
    }
}

void event_loop_wait(EventLoop *loop, GCond *cond, Lock *lock)
{
    enum { TURN_US = 2000 };
    if (!loop->wait_polls || !event_loop_is_current(loop)) {
        lock_wait(cond, lock);
    } else if (!lock_wait_until(cond, lock, g_get_monotonic_time() + TURN_US)) {
        lock_release(lock);
        for (GSList *l = loop->wait_polls; l; l = l->next) {
            WaitPoll *p = l->data;
            p->poll(p->opaque);
        }
        lock_take(lock);
    }
}

bool event_loop_is_current(const EventLoop *loop)
{
    return __atomic_load_n(&loop->owner, __ATOMIC_RELAXED) == g_thread_self();
}

/* ---- running ------------------------------------------------------------- */

int event_loop_run(EventLoop *loop)
{
    __atomic_store_n(&loop->owner, g_thread_self(), __ATOMIC_RELAXED);
    memory_thread_register();
    while (!__atomic_load_n(&loop->quit_wanted, __ATOMIC_SEQ_CST)) {
        g_main_context_iteration(loop->context, TRUE);
        memory_quiescent();
    }
    __atomic_store_n(&loop->quit_wanted, false, __ATOMIC_SEQ_CST);
    return __atomic_load_n(&loop->quit_status, __ATOMIC_RELAXED);
}

void event_loop_quit(EventLoop *loop, int status)
{
    __atomic_store_n(&loop->quit_status, status, __ATOMIC_RELAXED);
    __atomic_store_n(&loop->quit_wanted, true, __ATOMIC_SEQ_CST);
    loop_wake(loop);
}
