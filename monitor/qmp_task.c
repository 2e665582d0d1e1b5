/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "monitor/qmp_task.h"

#include "base/event_loop.h"
#include "hw/board.h"

struct QmpTask {
    Monitors *all;
    CommandWork work;
    QmpTaskDone *done; /* NULL: nobody waits */
    void *opaque;
    GError *err;
    Bh *ended;
    GThread *thread; /* NULL: the host has no room for one, which is the error */
    gint given_up;   /* atomic */
};

static gpointer thread(gpointer data)
{
    QmpTask *t = data;
    (void)t->work.work(t->work.data, &t->given_up, &t->err);
    bh_schedule(t->ended);
    return NULL;
}

static void ended(void *opaque)
{
    QmpTask *t = opaque;
    if (t->done) {
        t->done(t->opaque, t->err);
    }
    monitors_end_task(t->all, t);
}

QmpTask *qmp_task_new(Monitors *all, const CommandWork *w, QmpTaskDone *done, void *opaque)
{
    QmpTask *t = g_new0(QmpTask, 1);
    *t = (QmpTask){ .all = all, .work = *w, .done = done, .opaque = opaque };
    t->ended = bh_new(monitors_machine(all)->loop, NULL, ended, t);
    monitors_add_task(all, t);
    t->thread = g_thread_try_new("command", thread, t, &t->err);
    if (!t->thread) {
        bh_schedule(t->ended);
    }
    return t;
}

void qmp_task_forget(QmpTask *t)
{
    t->done = NULL;
}

void qmp_task_free(void *task)
{
    QmpTask *t = task;
    g_atomic_int_set(&t->given_up, true);
    if (t->thread) {
        g_thread_join(t->thread);
    }
    bh_free(t->ended);
    t->work.free(t->work.data);
    g_clear_error(&t->err);
    g_free(t);
}
