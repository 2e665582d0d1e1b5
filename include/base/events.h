/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What happens to a machine, for whoever manages it: a disk fails, the guest opens a port, the machine stops.
 *
 * A room that has something to tell declares a row, `const Event`, with the shape of its data, and says
 * events_emit(); it neither knows nor waits for those who listen.  Names, data and limits: QEMU's manual, "QMP
 * reference", Events.  The rows that are told of are listed in monitor/qmp_table.c. */
#pragma once
#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/props.h"

typedef struct EventLoop EventLoop;

typedef struct Event {
    const char *name;
    const Shape *data; /* NULL: none */
    /* The least time between two that are told, 0: all are.  Of those in between the newest is told when the time is
     * over, with the time at which it happened.  What a guest can make happen has a limit. */
    unsigned limit_ms;
    const char
        *key; /* a string among the data: the limit is for each of its values; NULL: for all together */
} Event;

typedef struct EventNote {
    const Event *event;
    int64_t time_us;          /* when it happened, since 1970 */
    struct json_object *data; /* NULL: none */
} EventNote;

typedef struct Events Events; /* of one machine */

Events *events_new(EventLoop *loop);
void events_free(Events *all); /* NULL is fine */

/* Any thread, any lock but a leaf.  data: a struct of the event's shape, the caller's.  all may be NULL: nobody hears. */
void events_emit(Events *all, const Event *event, const void *data);

/* In the loop's thread: fn is told, in the order of what happened; NULL: nobody, and nothing is kept. */
void events_listen(Events *all, void (*fn)(void *opaque, const EventNote *note), void *opaque);
/* In the loop's thread: tell now what has been noted.  (It would be told soon anyway.) */
void events_tell(Events *all);
