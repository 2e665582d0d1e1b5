/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Inside of the NBD server. */
#pragma once
#include "base/channel.h"
#include "base/lock.h"
#include "block/nbd/proto.h"

typedef struct Export {
    char *name, *description;
    BlockNode *node;
    bool writable, writethrough, depth;
    uint64_t offset, size;
    DirtyBitmap *bitmaps[NBD_BITMAPS_MAX];
    char *contexts[NBD_BITMAPS_MAX]; /* their names on the wire */
    unsigned bitmap_count;
    void (*gone)(void *opaque);
    void *opaque;
    int refs;  /* atomic: the server, and clients */
    bool ends; /* atomic: what is under way for its clients is given up */
} Export;

enum { NBD_WORKERS = 8 }; /* of a client */
typedef struct Client {
    NbdServer *server;
    Channel *channel;
    Export *export;    /* NULL: not chosen yet; under the server's lock */
    gint64 until;      /* it has chosen by then, or is cut off; 0: it has for ever; as above */
    bool structured;   /* what was agreed on */
    uint64_t contexts; /* the same, bits: see nbd_context_name */
    char *contexts_of; /* the export that they were agreed on for */
    bool no_zeroes;

    Lock lock; /* of what follows */
    GCond changed;
    unsigned in_flight;
    GQueue waiting; /* of Request: for a worker; see serve.c */
    GThread *workers[NBD_WORKERS];
    unsigned worker_count, idle;
    bool over;    /* no more will come */
    bool sending; /* somebody sends a reply */
    bool broken;  /* the connection is of no use */
} Client;

struct NbdServer {
    NbdServerOptions o;
    int wake[2]; /* a pipe: to the thread that accepts */
    GThread *accepting;
    Lock lock; /* of what follows */
    GCond changed;
    GPtrArray *exports; /* of Export */
    GPtrArray *clients; /* of Client */
    unsigned leaving;   /* of them: those that are as good as gone */
    bool ending;
    gint64 reports_since; /* see server_report */
    unsigned reports;
};

/* The client has this export from here on, and the reference; false: the export has just been removed, and keeps it. */
bool server_choose(Client *c, Export *e);
Export *server_find(NbdServer *s, const char *name,
                    gsize n); /* a reference, NULL: there is none of this name */
void export_unref(Export *e);
/* Contexts of an export by number: base:allocation, qemu:allocation-depth if it has that, then its bitmaps; NULL: the end. */
const char *nbd_context_name(const Export *e, unsigned number);

/* ---- handshake.c ---- */
int nbd_handshake(Client *c); /* 0: the client has an export; else -errno, it is to go */
/* Whoever started the server is told what was wrong with a client. */
void server_report(NbdServer *s, const char *fmt, ...) G_GNUC_PRINTF(2, 3);

/* ---- serve.c ---- */
void nbd_serve(Client *c); /* until it goes */
uint16_t nbd_export_flags(const Export *e, const Client *c);
