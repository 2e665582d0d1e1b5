/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A file descriptor watched by the main loop: one GSource whose only descriptor comes and
 * goes with the wish for events. */
#include "base/fdwatch.h"

#include <glib-unix.h>

#include "base/event_loop.h"
#include "util/container.h"

struct FdWatch {
    GSource source;
    int fd;
    GIOCondition events;
    gpointer tag;
    FdWatchFn *fn;
    void *opaque;
};

static gboolean fdwatch_dispatch(GSource *s, GSourceFunc fn, gpointer data)
{
    FdWatch *w = container_of(s, FdWatch, source);
    GIOCondition ready = w->tag ? g_source_query_unix_fd(s, w->tag) : 0;
    if (ready) {
        w->fn(w->opaque, ready); /* may free w: GLib holds a reference during dispatch */
    }
    return G_SOURCE_CONTINUE;
}

static GSourceFuncs fdwatch_funcs = { .dispatch = fdwatch_dispatch };

FdWatch *fdwatch_new(EventLoop *loop, int fd, FdWatchFn *fn, void *opaque)
{
    GSource *s = g_source_new(&fdwatch_funcs, sizeof(FdWatch));
    FdWatch *w = container_of(s, FdWatch, source);
    w->fd = fd;
    w->fn = fn;
    w->opaque = opaque;
    g_source_set_can_recurse(s, TRUE); /* else GLib writes its eventfd after each dispatch */
    g_source_attach(s, event_loop_context(loop));
    return w;
}

void fdwatch_set(FdWatch *w, GIOCondition events)
{
    if (events == w->events) {
        return;
    }
    if (!events) {
        g_source_remove_unix_fd(&w->source, w->tag);
        w->tag = NULL;
    } else if (w->tag) {
        g_source_modify_unix_fd(&w->source, w->tag, events);
    } else {
        w->tag = g_source_add_unix_fd(&w->source, w->fd, events);
    }
    w->events = events;
}

void fdwatch_free(FdWatch *w)
{
    if (w) {
        g_source_destroy(&w->source);
        g_source_unref(&w->source);
    }
}
