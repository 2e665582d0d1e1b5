/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A disk of an NBD server, as a node. */
#pragma once
#include "base/channel.h"
#include "block/node.h"
#include "block/nbd_server.h"

/* Where a disk is.  Strings are owned. */
typedef struct NbdName {
    char *path, *host, *port,
        *export;        /* path: of a unix socket; else host and port.  export: "" is the default one */
    TlsCreds *tls;      /* a reference, of a client; NULL: plain */
    char *tls_hostname; /* of whom the server shows a certificate; NULL: host */
    char *tls_id;       /* of the object that has tls; NULL: plain */
} NbdName;
void nbd_name_clear(NbdName *n);
bool nbd_is_name(const char *text); /* does it begin like one? */
/* "nbd:unix:PATH[:exportname=X]", "nbd:HOST:PORT[:exportname=X]", "nbd://HOST[:PORT]/X", "nbd+unix:///X?socket=PATH". */
bool nbd_parse_name(const char *text, NbdName *n, GError **err);
/* One that names the same disk for any process: a URI, or, with TLS, json:; the caller's.  Paths stay as they are. */
char *nbd_name_text(const NbdName *n);

/* Seconds.  Of no option: a server that is silent for NBD_SILENCE_S while a request waits is lost. */
typedef struct NbdPatience {
    uint32_t open_timeout; /* tries to open it for so long; 0: once */
    uint32_t
        reconnect_delay; /* requests wait so long for a server that was lost; 0: they fail, later ones try anew */
} NbdPatience;
enum { NBD_SILENCE_S = 60 };
BlockNode *nbd_node_open(const char *text, const NbdName *name, bool readonly, const NbdPatience *patience,
                         GError **err);

/* ---- client_handshake.c ---- */
typedef struct NbdAgreed {
    uint64_t size;
    uint16_t flags;
    bool structured, allocation;
    uint32_t context;                          /* the number of base:allocation */
    uint32_t min_block, pref_block, max_block; /* 0: the server says nothing */
} NbdAgreed;
/* Blocking; err: why not. */
bool nbd_agree(Channel *c, const NbdName *name, NbdAgreed *a, GError **err);
/* What a server has: its exports' names (owned), and, for each, what was agreed on and its texts. */
typedef struct NbdListed {
    char *name, *description;
    NbdAgreed agreed;
    GPtrArray *contexts; /* of char * */
    uint64_t *room;      /* bytes of texts that may still be kept; NULL: any of one reply */
} NbdListed;
/* NULL: an error.  All that is agreed on over it has NBD_AGREE_S seconds (channel_end_by). */
Channel *nbd_connect(const NbdAddress *a, GError **err);
/* Of NbdListed.  name: how it is spoken to; its export is nobody's business. */
GPtrArray *nbd_list(Channel *c, const NbdName *name, GError **err);
