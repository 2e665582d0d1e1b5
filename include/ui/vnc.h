/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A screen over the network: a server for VNC viewers (RFB), by libvncserver.
 *
 * It runs in a thread of its own; the functions are called in the main loop.  The library is loaded when a server is
 * opened. */
#pragma once
#include "base/events.h"
#include "base/props.h"
#include "ui/clipboard.h"
#include "ui/console.h"
#include "ui/input.h"

typedef enum VncShare { VNC_ALLOW_EXCLUSIVE, VNC_FORCE_SHARED, VNC_IGNORE } VncShare;
enum { VNC_FIRST_PORT = 5900, VNC_PASSWORD_BYTES = 8, VNC_MOST_VIEWERS = 32 };

/* What -vnc takes. */
typedef struct VncOptions {
    char *id;
    char *address;            /* "none", "HOST:N", "unix:PATH" */
    char *display;            /* id or path of the device whose screen it is; NULL: the first one */
    uint32_t head, key_delay; /* ms */
    uint32_t connections;     /* of viewers; 1 to VNC_MOST_VIEWERS */
    uint16_t to;              /* the last N that may be tried; 0: none but the one */
    int share;                /* VncShare */
    char *secret;             /* id of the password's secret; NULL: monitors say it */
    bool lossy, power_control;
    bool password, ipv4, ipv6, has_ipv4, has_ipv6;
} VncOptions;
extern const Shape vnc_shape;

/* What a viewer asks of the machine's owner. */
typedef enum VncPower { VNC_PRESS_POWER, VNC_RESET } VncPower;

typedef struct VncServer VncServer;
typedef struct VncConfig {
    const VncOptions *options;
    const char *name;         /* the guest's; NULL: it has none */
    int listen_fd;            /* the server's from now on, even if opening fails */
    Console *console;         /* that is shown first */
    const Consoles *consoles; /* between which viewers choose; NULL: only that one */
    Inputs *inputs;
    Clipboard *clipboard;                       /* NULL: there is none to share */
    Events *events;                             /* VNC_CONNECTED ... are told there; NULL: to nobody */
    void (*power)(void *opaque, VncPower what); /* in the server's thread; if power_control is set */
    void *opaque;
} VncConfig;

/* Before the sandbox closes.  NULL: *err, such as that it was not built in. */
VncServer *vnc_open(const VncConfig *c, GError **err) G_GNUC_WARN_UNUSED_RESULT;
void vnc_close(VncServer *v); /* before the devices go; NULL is fine */

/* Was password=on or password-secret= said?  Else everybody is let in. */
bool vnc_asks_password(const VncServer *v);
/* Of viewers that come from now on: eight bytes count; "": nobody is let in. */
void vnc_set_password(VncServer *v, const char *password);
/* When it ends: seconds since 1970; INT64_MAX: never. */
void vnc_set_expiry(VncServer *v, int64_t when);
const char *vnc_id(const VncServer *v);

/* An end of a connection. */
typedef enum VncFamily { VNC_IPV4, VNC_IPV6, VNC_UNIX } VncFamily;
typedef struct VncAddress {
    char *host, *service; /* as numbers; of a unix socket "" and its path */
    int family;           /* VncFamily */
} VncAddress;
const VncAddress *vnc_address(const VncServer *v); /* where it listens */
const char *vnc_display(const VncServer *v);       /* display= of its options; NULL: none */
/* Viewers that are there; of VncAddress, the caller's. */
GPtrArray *vnc_clients(VncServer *v);

/* ---- for programs (vnc_events.c) ---- */

/* An end as QMP has it; texts are the address's. */
typedef struct VncEnd {
    char *host, *service;
    int family; /* VncFamily */
    bool websocket;
    const char *auth; /* of the server's: what it asks for; else NULL.  Nobody's to free */
} VncEnd;
VncEnd vnc_end(const VncAddress *a, bool asks_password);
extern const Shape vnc_client_shape, vnc_server_shape; /* of VncEnd; a client's has no auth */
extern const char *const vnc_family_names[], *const vnc_auth_names[];

/* Data of these events: a viewer has connected, was let in, has gone. */
typedef struct VncEvent {
    VncEnd *server, *client;
} VncEvent;
extern const Event event_vnc_connected, event_vnc_initialized, event_vnc_disconnected;
