/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A file descriptor watched by an event loop.
 *
 * With no events the descriptor leaves the poll set altogether, so that a hang-up
 * nobody wants to hear of does not spin the loop.  Main loop only. */
#pragma once
#include <glib.h>

typedef struct FdWatch FdWatch;
typedef struct EventLoop EventLoop;
typedef void FdWatchFn(void *opaque, GIOCondition ready);

/* Watches nothing until fdwatch_set().  The descriptor stays the caller's. */
FdWatch *fdwatch_new(EventLoop *loop, int fd, FdWatchFn *fn, void *opaque);
void fdwatch_set(FdWatch *w, GIOCondition events);
void fdwatch_free(FdWatch *w); /* NULL is fine; before the descriptor is closed */
