/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the files of the VNC server share.
 *
 * All of the library is called in one thread: it polls the sockets and sleeps between events; others set a notifier that wakes
 * it. */
#pragma once
#include <rfb/rfb.h>
#include <rfb/rfbregion.h>
/* The library's names of its own locks. */
#undef LOCK
#undef UNLOCK

#include "base/event_notifier.h"
#include "base/lock.h"
#include "ui/shadow.h"
#include "ui/vnc.h"
#include "ui/vnc/vnc_pump.h"

/* ---- the library (vnc_api.c) ---- */

/* clang-format off */
#define VNC_FUNCTIONS(F)                                                                                     \
    F(rfbGetScreen) F(rfbInitServer) F(rfbShutdownServer) F(rfbScreenCleanup) F(rfbCheckFds)                 \
    F(rfbNewFramebuffer) F(rfbMarkRectAsModified) F(rfbScheduleCopyRect) F(rfbNewClient) F(rfbCloseClient)    \
    F(rfbReadExact) F(rfbWriteExact) F(rfbRegisterProtocolExtension) F(rfbEncryptBytes) F(rfbUpdateClient)                \
    F(rfbClientConnectionGone) F(sraRgnCreateRgn) F(sraRgnSubtract) F(sraRgnCountRects) F(sraRgnOr) F(sraRgnMakeEmpty)         \
    F(sraRgnDestroy)
#define VNC_FIELD(name) __typeof__(name) *name;
/* clang-format on */
typedef struct VncApi {
    VNC_FUNCTIONS(VNC_FIELD)
} VncApi;
/* NULL: the host has none, or too old a one. */
const VncApi *vnc_api_load(GError **err);

/* ---- viewers ---- */

enum { VNC_MOST_CONSOLES = 9 };

/* Of a client of the library: its clientData. */
typedef struct VncViewer {
    VncServer *v;
    VncAddress who;
    VncLink *link;
    bool let_in;          /* and its user was told */
    bool shift, relative; /* Shift is down there; it takes relative motions */
    bool told_relative;   /* and was told that they are wanted */
    bool knows_mode;
    bool typed;                  /* since the guest last had read most of what came before */
    int told_width, told_height; /* the picture's size that it knows */
    int buttons, x, y;           /* as it said last */
    unsigned mods;               /* CONSOLE_SHIFT ...: held there */
} VncViewer;

struct VncServer {
    const VncApi *api;
    rfbScreenInfoPtr screen;
    Console *console; /* that is shown */
    Console
        *consoles[VNC_MOST_CONSOLES]; /* by the numbers of Ctrl-Alt-1 ...; none: it shows always the same */
    unsigned console_count;
    ConsoleListener ear;
    Inputs *inputs, *seat; /* the machine's; before `console` */
    Clipboard *clipboard;  /* NULL: none */
    ClipboardPeer peer;
    gint copied;               /* atomic: the clipboard has a text that viewers have not */
    char *id, *name, *display; /* display: as it was asked for; NULL: it was not */
    Events *events;
    VncPump *pump;
    VncViewer *arriving; /* on its way into the library; NULL: none */
    int listen_fd;
    VncAddress where;
    int share;
    unsigned connections;
    bool lossy;
    void (*power)(void *opaque, VncPower what);
    void *opaque;
    bool asks_password;
    Shadow shadow;
    Picture nothing; /* what is shown while the console shows nothing */
    EventNotifier *wake;
    GThread *thread;
    bool listens;      /* to the console: there are viewers */
    gint ending, news; /* atomic */
    Lock lock;         /* the rest, which the main loop and the thread share */
    char password[VNC_PASSWORD_BYTES + 1];
    int64_t expiry;
    GPtrArray *clients; /* of VncAddress */
};

/* Viewers (vnc_viewers.c). */
typedef int VncNameFn(int fd, struct sockaddr *sa, socklen_t *len); /* getsockname, getpeername */
void vnc_address_of(int fd, VncNameFn *name, VncAddress *a);
void vnc_address_clear(VncAddress *a);
void vnc_address_free(gpointer p);
VncAddress *vnc_address_copy(const VncAddress *from);
void vnc_take_viewer(VncServer *v); /* one waits */
enum rfbNewClientAction vnc_viewer_new(rfbClientPtr cl);
int vnc_viewer_resized(int width, int height, int count, struct rfbExtDesktopScreen *screens,
                       rfbClientPtr cl);
rfbBool vnc_check_password(rfbClientPtr cl, const char *answer, int len);
/* A turn of a viewer: it may be gone after it. */
void vnc_serve(rfbClientPtr cl);

/* The clipboard (vnc_clipboard.c). */
void vnc_clipboard_open(VncServer *v, Clipboard *c);
void vnc_clipboard_close(VncServer *v);
void vnc_clipboard_show(VncServer *v); /* to all viewers, if there is something new */

/* What the library calls (vnc_input.c). */
void vnc_key(rfbBool down, rfbKeySym sym, rfbClientPtr cl);
void vnc_pointer(int buttons, int x, int y, rfbClientPtr cl);
void vnc_release_all(rfbClientPtr cl);
/* True: it was for a text console, or for the choice of one (vnc_text.c). */
bool vnc_text_key(VncViewer *w, bool down, uint32_t sym);
/* Keys by place, and relative motions: extensions that other programs' viewers know. */
void vnc_extensions_register(const VncApi *api);
/* The power button and reset (Xvp).  FALSE: the viewer is told that it was not done. */
rfbBool vnc_xvp(rfbClientPtr cl, uint8_t version, uint8_t code);
/* Absolute or relative: tell a viewer if that has changed. */
void vnc_tell_pointer_mode(rfbClientPtr cl);
