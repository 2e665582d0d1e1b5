/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Inside of the net folder: a client, its frontend and its queue, and what a backend is. */
#pragma once
#include "net/net.h"
#include "base/event_loop.h"

typedef enum NetType { NET_USER } NetType;
extern const char *const net_type_names[]; /* by NetType */

/* What every -netdev has; its backend's options come behind. */
struct NetdevOptions {
    int type; /* NetType */
    char *id;
};

typedef struct NetBackend {
    size_t size; /* of the struct that begins with NetClient */
    bool (*open)(NetClient *nc, const NetdevOptions *o, GError **err);
    void (*close)(NetClient *nc);                                  /* also after a failed open */
    void (*send)(NetClient *nc, const uint8_t *frame, size_t len); /* towards the host */
    char *(*describe)(const NetClient *nc);                        /* ",key=value..." */
    char *(*info)(const NetClient *nc);                            /* or NULL */
} NetBackend;

typedef struct NetFrame {
    struct NetFrame *next;
    size_t len;
    uint8_t data[];
} NetFrame;

struct Nets {
    EventLoop *loop;
    Clock *clock;
    Chardevs *chardevs;
    GPtrArray *clients; /* of NetClient, in the order of their making */
    GPtrArray *nics;    /* of NetNic, likewise */
    uint8_t next_mac;   /* see net_default_mac */
};

struct NetClient {
    Nets *all;
    char *id;
    NetType type;
    const NetBackend *backend;
    const NetFrontend *fe;
    void *opaque;
    Lock *lock;
    bool link_up;
    Bh *deliver;
    NetFrame *first, *last; /* for the frontend; main loop only */
    unsigned queued;
    size_t queued_bytes;
};

/* From the host: queued, handed over by a Bh (never from inside net_send). */
void net_queue(NetClient *nc, const uint8_t *frame, size_t len);
void net_tell_link(const NetFrontend *fe, void *opaque, Lock *lock, bool up);
void net_error(GError **err, const char *fmt, ...) G_GNUC_PRINTF(2, 3);

extern const NetBackend net_backend_user;
extern const Shape net_user_shape;
