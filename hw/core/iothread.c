/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Threads with an event loop of their own: see hw/iothread.h.
 *
 * Not modelled: polling (poll-max-ns=): the thread sleeps until it is woken. */
#include "hw/iothread.h"

#include <unistd.h>

#include "base/readers.h"

struct IoThread {
    GThread *thread;
    EventLoop *loop;
    int id;
    Lock lock; /* the two above, until they are there */
    GCond begun;
};

static gpointer serve(gpointer opaque)
{
    IoThread *t = opaque;
    EventLoop *loop = event_loop_new(NULL);
    lock_take(&t->lock);
    t->loop = loop;
    t->id = gettid();
    g_cond_signal(&t->begun);
    lock_release(&t->lock);
    event_loop_run(loop);
    event_loop_free(loop);
    memory_thread_unregister();
    return NULL;
}

IoThread *iothread_new(const char *name, GError **err)
{
    IoThread *t = g_new0(IoThread, 1);
    g_autofree char *title = g_strdup_printf("IO %s", name);
    lock_init(&t->lock, LOCK_LOOP_CALL);
    g_cond_init(&t->begun);
    t->thread = g_thread_try_new(title, serve, t, err);
    if (!t->thread) {
        g_prefix_error(
            err,
            "iothread '%s': no thread can be started; raise the limit, e.g. with ulimit -u 4096: ", name);
        iothread_free(t);
        return NULL;
    }
    lock_take(&t->lock);
    while (!t->loop) {
        lock_wait(&t->begun, &t->lock);
    }
    lock_release(&t->lock);
    return t;
}

void iothread_free(IoThread *t)
{
    if (!t) {
        return;
    }
    if (t->thread) {
        event_loop_quit(t->loop, 0);
        g_thread_join(t->thread);
    }
    g_cond_clear(&t->begun);
    lock_finish(&t->lock);
    g_free(t);
}

EventLoop *iothread_loop(const IoThread *t)
{
    return t->loop;
}

int iothread_id(const IoThread *t)
{
    return t->id;
}
