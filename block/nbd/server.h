/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Inside of the NBD server. */
#pragma once
#include "base/lock.h"
#include "block/nbd/proto.h"

typedef struct Export {
    char *name, *description;
    BlockNode *node;
    bool writable;
    uint64_t offset, size;
    int refs; /* atomic: the server, and clients */
    Lock lock;
    GCond changed;
    unsigned whole_writes, patches_waiting; /* under lock: see serve.c */
    bool patching;
} Export;

typedef struct Client {
    NbdServer *server;
    int fd;
    Export *export;              /* NULL: not chosen yet; under the server's lock */
    bool structured, allocation; /* what was agreed on; allocation: the context */
    bool no_zeroes;

    Lock lock; /* of what follows */
    GCond changed;
    unsigned in_flight;
    bool sending; /* somebody sends a reply */
    bool broken;  /* the socket is of no use */
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
};

Export *server_find(NbdServer *s, const char *name,
                    gsize n); /* a reference, NULL: there is none of this name */
void export_unref(Export *e);

/* ---- handshake.c ---- */
int nbd_handshake(Client *c); /* 0: the client has an export; else -errno, it is to go */

/* ---- serve.c ---- */
void nbd_serve(Client *c); /* until it goes */
uint16_t nbd_export_flags(const Export *e, const Client *c);
