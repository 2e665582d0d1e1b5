/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A server of disks over the NBD protocol: exports, each a node, for clients of one socket.
 * Specification: the NBD project's doc/proto.md ("the specification" in block/nbd/).
 *
 * A thread accepts, and each client has its own, with some for its requests: nothing here needs an event loop, and a node
 * may be used by a machine meanwhile.  Any thread may call these; none may be called from a callback. */
#pragma once
#include "base/tls.h"
#include "block/bitmap.h"
#include "block/node.h"

typedef struct NbdServer NbdServer;

typedef struct NbdExport {
    const char *name, *description; /* copied; description: NULL: none */
    BlockNode *node;                /* referenced until the export is gone */
    bool writable;     /* by bytes, beside who writes to the node: nothing is under way when it is added */
    bool writethrough; /* a write has ended when it is durable */
    bool depth;        /* clients may ask which image of the chain has what (qemu:allocation-depth) */
    uint64_t offset, size; /* the part of the node; size 0: to its end */
    /* Clients may ask what they have marked; the caller keeps them busy until the export is gone. */
    DirtyBitmap *const *bitmaps;
    unsigned bitmap_count;
    /* The export is gone, nobody uses its node any more: on any thread.  NULL: nobody wants to know. */
    void (*gone)(void *opaque);
    void *opaque;
} NbdExport;
enum { NBD_BITMAPS_MAX = 32 };

typedef struct NbdServerOptions {
    int fd; /* a listening stream socket; the server's */
    unsigned
        max_clients; /* at a time; the others wait; 0: any number.  1: clients are told that one connection is all */
    unsigned handshake_ms; /* for a client to choose an export, then it is cut off; 0: it has for ever */
    TlsCreds
        *tls; /* of a server: clients get nothing without TLS (FORCEDTLS); referenced; NULL: none has it */
    /* What was wrong with a client, for the user: on a thread of the server's.  NULL: nobody wants to know. */
    void (*report)(const char *text, void *opaque);
    /* A client has gone and no other is there: on a thread of the server's.  NULL: nobody wants to know. */
    void (*unused)(void *opaque);
    void *opaque;
} NbdServerOptions;

enum { NBD_CLIENTS = 100, NBD_HANDSHAKE_MS = 10000 }; /* where nobody says otherwise */

NbdServer *nbd_server_new(const NbdServerOptions *o, GError **err); /* NULL: an error, and fd is closed */
/* Cuts its clients off; what was begun for them ends first, or is given up after a piece of it.  NULL is fine. */
void nbd_server_free(NbdServer *s);
bool nbd_server_add(NbdServer *s, const NbdExport *e, GError **err) G_GNUC_WARN_UNUSED_RESULT;
/* No client gets it any more; those that have it are cut off (now), or there must be none.  Requests that were begun end: see
 * NbdExport.gone.  False: there is none of this name, or it is in use. */
bool nbd_server_remove(NbdServer *s, const char *name, bool now, GError **err) G_GNUC_WARN_UNUSED_RESULT;

/* A listening socket at a path (with host NULL), or a host's name or address and a port (NULL: 10809).  -1: an error. */
typedef struct NbdAddress {
    const char *path, *host, *port;
} NbdAddress;
int nbd_listen(const NbdAddress *a, GError **err);
