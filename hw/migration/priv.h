/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Inside of migration: one that goes (outgoing.c), one that comes (incoming.c), and what both share (migration.c). */
#pragma once
#include <stdatomic.h>

#include "base/event_loop.h"
#include "base/event_notifier.h"
#include "hw/core/state_stream.h"
#include "hw/migration.h"
#include "hw/migration/place.h"

typedef struct Stream Stream; /* what outgoing.c sends */

/* Work of a thread, and then of the loop: a migration is a row of them. */
typedef bool (*Work)(Migration *g, GError **err);

struct Migration {
    Machine *machine;
    MigrationStatus status;
    bool incoming;
    char *error;
    MigrationLimits limits; /* read by the thread: a word each */

    EventNotifier *stop; /* signalled: give up */
    bool stopping;
    Place *place;
    GThread *thread;            /* NULL: none; ended by `done` */
    Bh *done;                   /* the thread has ended */
    Work work;                  /* the thread's */
    void (*then)(Migration *g); /* of the loop, when it went well */
    void (*undo)(Migration *g); /* of the loop, when it did not, or is cancelled */
    GError *failure;            /* of the thread */

    int64_t begun_us, active_us, stood_us, ended_us; /* 0: not yet */
    Stream *stream;                                  /* goes */
    bool must;                                       /* comes, or the process ends */
    GByteArray *tail;                                /* has come */
    GPtrArray *blocks;                               /* of RamBlock, of one that comes */
    StateReader reader;
};

/* Begin: the place is open, the status is MIGRATION_SETUP.  where, fd: as in migration_begin. */
bool migration_open(Migration *g, const char *where, int fd, bool incoming, GError **err);
void migration_set_status(Migration *g, MigrationStatus status);
/* The next step: `work` on a thread, then `then` in the loop. */
void migration_step(Migration *g, Work work, void (*then)(Migration *g));
/* The end: everything of it is freed but what progress tells.  failure: owned; NULL: it went well. */
void migration_end(Migration *g, GError *failure);

/* What was begun is undone, then as migration_end. */
void migration_give_up(Migration *g, GError *failure);

/* outgoing.c */
void stream_free(Stream *s); /* NULL is fine */
void stream_progress(const Migration *g, MigrationProgress *p);
