/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Viewers of a VNC server: who they are, whether they are let in, and who is told of it. */
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "ui/vnc/vnc_priv.h"

enum { REFUSED_BY_GUEST = 4 };

/* ---- addresses ------------------------------------------------------------------------ */

void vnc_address_clear(VncAddress *a)
{
    g_free(a->host);
    g_free(a->service);
}

void vnc_address_free(gpointer p)
{
    vnc_address_clear(p);
    g_free(p);
}

VncAddress *vnc_address_copy(const VncAddress *from)
{
    VncAddress *a = g_memdup2(from, sizeof(*from));
    a->host = g_strdup(from->host);
    a->service = g_strdup(from->service);
    return a;
}

void vnc_address_of(int fd, VncNameFn *name, VncAddress *a)
{
    union {
        struct sockaddr_storage any;
        struct sockaddr sa;
        struct sockaddr_un un;
    } to = { 0 };
    socklen_t len = sizeof(to);
    char host[NI_MAXHOST] = "", service[NI_MAXSERV] = "";
    (void)!name(fd, &to.sa, &len);
    if (to.any.ss_family != AF_UNIX && getnameinfo(&to.sa, len, host, sizeof(host), service, sizeof(service),
                                                   NI_NUMERICHOST | NI_NUMERICSERV)) {
        host[0] = service[0] = '\0';
    }
    bool is_unix = to.any.ss_family == AF_UNIX;
    *a = (VncAddress){ g_strdup(host),
                       is_unix ? g_strndup(to.un.sun_path, sizeof(to.un.sun_path)) : g_strdup(service),
                       is_unix                        ? VNC_UNIX
                       : to.any.ss_family == AF_INET6 ? VNC_IPV6
                                                      : VNC_IPV4 };
}

/* ---- viewers -------------------------------------------------------------------------- */

static void publish_clients(VncServer *v)
{
    GPtrArray *now = g_ptr_array_new_with_free_func(vnc_address_free);
    for (rfbClientPtr cl = v->screen->clientHead; cl; cl = cl->next) {
        const VncViewer *w = cl->clientData;
        if (w) {
            g_ptr_array_add(now, vnc_address_copy(&w->who));
        }
    }
    lock_take(&v->lock);
    GPtrArray *before = v->clients;
    v->clients = now;
    lock_release(&v->lock);
    g_ptr_array_unref(before);
}

static void tell(const VncViewer *w, const Event *event)
{
    const VncServer *v = w->v;
    VncEnd server = vnc_end(&v->where, v->asks_password), client = vnc_end(&w->who, false);
    events_emit(v->events, event, &(VncEvent){ &server, &client });
}

static void viewer_free(VncViewer *w)
{
    vnc_link_unref(w->link);
    vnc_address_clear(&w->who);
    g_free(w);
}

static void viewer_gone(rfbClientPtr cl)
{
    VncViewer *w = cl->clientData;
    vnc_release_all(cl);
    cl->clientData = NULL;
    publish_clients(w->v);
    tell(w, &event_vnc_disconnected);
    viewer_free(w);
}

enum rfbNewClientAction vnc_viewer_new(rfbClientPtr cl)
{
    VncServer *v = cl->screen->screenData;
    VncViewer *w = cl->clientData = g_steal_pointer(&v->arriving);
    cl->clientGoneHook = viewer_gone;
    tell(w, &event_vnc_connected);
    return RFB_CLIENT_ACCEPT;
}

static void tell_if_let_in(rfbClientPtr cl)
{
    VncViewer *w = cl->clientData;
    if (w && !w->let_in && cl->state == RFB_NORMAL) {
        w->let_in = true;
        w->told_width = cl->screen->width;
        w->told_height = cl->screen->height;
        tell(w, &event_vnc_initialized);
    }
}

/* The size may change between what a viewer is told as it is let in and its list of encodings, by which it says that it follows
 * changes: the library would never tell it. */
static void tell_size(rfbClientPtr cl)
{
    VncViewer *w = cl->clientData;
    const rfbScreenInfo *s = cl->screen;
    if (w && w->let_in && cl->useNewFBSize && (w->told_width != s->width || w->told_height != s->height)) {
        cl->newFBSizePending = TRUE;
        w->told_width = s->width;
        w->told_height = s->height;
    }
}

/* The library puts the places of all copies into a buffer of 32 KiB, 16 bytes each, and does not look at its end: what would
 * not fit, or what a viewer asks for in pieces that would cut the copies, is sent as pixels. */
static void bound_copies(const VncApi *api, rfbClientPtr cl)
{
    enum { MOST_COPIES = 512 };
    sraRegionPtr left = api->sraRgnCreateRgn(cl->copyRegion);
    api->sraRgnSubtract(left, cl->modifiedRegion);
    if (!cl->useCopyRect || api->sraRgnCountRects(cl->requestedRegion) > 1 ||
        api->sraRgnCountRects(left) > MOST_COPIES) {
        api->sraRgnOr(cl->modifiedRegion, cl->copyRegion);
        api->sraRgnMakeEmpty(cl->copyRegion);
    }
    api->sraRgnDestroy(left);
}

/* Viewers ask for JPEG by a quality, some of them unless their users say otherwise; for wavelets by an encoding, which is ZRLE with
 * these in it. */
static void forbid_loss(rfbClientPtr cl)
{
    cl->tightQualityLevel = cl->turboQualityLevel = -1;
    if (cl->preferredEncoding == rfbEncodingZYWRLE) {
        cl->preferredEncoding = rfbEncodingZRLE;
    }
}

/* What it was sent before is to be read first: so another picture is drawn for it when it has time for one.  What it types is
 * taken all the while (rfbProcessEvents with onHold would not). */
void vnc_serve(rfbClientPtr cl)
{
    VncServer *v = cl->screen->screenData;
    const VncViewer *w = cl->clientData;
    tell_if_let_in(cl);
    tell_size(cl);
    vnc_tell_pointer_mode(cl);
    if (!w || !vnc_link_is_behind(w->link)) {
        bound_copies(v->api, cl);
        if (!v->lossy) {
            forbid_loss(cl);
        }
        v->api->rfbUpdateClient(cl);
    }
    if (cl->sock == RFB_INVALID_SOCKET) {
        v->api->rfbClientConnectionGone(cl);
    }
}

static unsigned count_viewers(const VncServer *v)
{
    unsigned n = 0;
    for (rfbClientPtr cl = v->screen->clientHead; cl; cl = cl->next) {
        n++;
    }
    return n;
}

/* The library selects: it takes no descriptor beyond what a set holds. */
static void add_viewer(VncServer *v, VncViewer *w, int inner)
{
    if (inner >= FD_SETSIZE) {
        close(inner);
    } else {
        v->arriving = w;
        v->api->rfbNewClient(v->screen, inner);
    }
    if (inner >= FD_SETSIZE || v->arriving) { /* it has not come so far */
        v->arriving = NULL;
        viewer_free(w);
    }
    publish_clients(v);
}

void vnc_take_viewer(VncServer *v)
{
    int inner, on = 1, fd = accept4(v->listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd < 0) {
        return;
    }
    if (count_viewers(v) >= v->connections) {
        close(fd);
        return;
    }
    VncAddress who;
    vnc_address_of(fd, getpeername, &who);
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)); /* of a unix socket: not needed */
    VncLink *link = vnc_pump_add(v->pump, fd, &inner);
    if (!link) {
        vnc_address_clear(&who);
        return;
    }
    VncViewer *w = g_new0(VncViewer, 1);
    *w = (VncViewer){ .v = v, .who = who, .link = link };
    add_viewer(v, w, inner);
}

/* A viewer's window has another size: the guest may follow.  The answer: it was asked. */
int vnc_viewer_resized(int width, int height, int count, struct rfbExtDesktopScreen *screens, rfbClientPtr cl)
{
    const VncServer *v = cl->screen->screenData;
    if (width <= 0 || height <= 0 || !console_takes_wishes(v->console)) {
        return rfbExtDesktopSize_ResizeProhibited;
    }
    console_wish(v->console, (unsigned)width, (unsigned)height);
    return REFUSED_BY_GUEST;
}

/* The viewer has encrypted what it was sent with the password it knows. */
rfbBool vnc_check_password(rfbClientPtr cl, const char *answer, int len)
{
    VncServer *v = cl->screen->screenData;
    uint8_t want[CHALLENGESIZE], differ = 0;
    char password[VNC_PASSWORD_BYTES + 1];
    lock_take(&v->lock);
    bool valid = *v->password && g_get_real_time() / G_USEC_PER_SEC < v->expiry;
    memcpy(password, v->password, sizeof(password));
    lock_release(&v->lock);
    if (!valid || len != CHALLENGESIZE) {
        return FALSE;
    }
    memcpy(want, cl->authChallenge, sizeof(want));
    v->api->rfbEncryptBytes(want, password);
    for (unsigned i = 0; i < sizeof(want); i++) { /* all of it, whatever differs first */
        differ |= want[i] ^ (uint8_t)answer[i];
    }
    return differ == 0;
}
