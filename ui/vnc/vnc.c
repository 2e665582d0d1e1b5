/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A VNC server: see ui/vnc.h.
 *
 * The library's framebuffer is the shadow of the console, pixels as they are there; viewers that want others have them
 * converted by the library.  It sends when a viewer has asked and something is damaged, at most 60 times a second.  Nobody is
 * there: the console is not listened to, and the thread sleeps.
 *
 * Not modelled: TLS, SASL, websockets, reverse connections, LED states, sound. */
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "ui/vnc/vnc_priv.h"

enum {
    SLOW_VIEWER_MS = 1000,
    FRAME_US = 16000,
    CROWD_MS = 20,
    EDGE = 4,
    NOTHING_WIDTH = 640,
    NOTHING_HEIGHT = 480
};

/* ---- the picture ------------------------------------------------------------------ */

static const Picture *shown(const VncServer *v)
{
    const Picture *p = &v->shadow.picture;
    return p->width && p->height ? p : &v->nothing;
}

/* 0xRRGGBB in the host's order. */
static void set_format(VncServer *v)
{
    rfbPixelFormat *f = &v->screen->serverFormat;
    f->redShift = 16;
    f->greenShift = 8;
    f->blueShift = 0;
    for (rfbClientPtr cl = v->screen->clientHead; cl; cl = cl->next) {
        v->screen->setTranslateFunction(cl);
    }
}

/* Each viewer that knows how moves what it has; the others are sent it. */
static void tell_moved(VncServer *v)
{
    rfbCursor nowhere = { 0 }; /* of no size: the library asks where its own pointer is, and there is none */
    const PictureRect *r = &v->shadow.moved;
    if (r->height) {
        v->screen->cursor = &nowhere;
        v->api->rfbScheduleCopyRect(v->screen, (int)r->x, (int)r->y, (int)(r->x + r->width),
                                    (int)(r->y + r->height), 0, v->shadow.moved_by);
        v->screen->cursor = NULL;
    }
    v->shadow.moved = (PictureRect){ 0 };
}

/* The library makes no scaled copy of what has moved: with a viewer that wants a smaller picture nothing moves. */
static bool somebody_moves(const VncServer *v)
{
    bool any = false;
    for (rfbClientPtr cl = v->screen->clientHead; cl; cl = cl->next) {
        if (cl->scaledScreen != v->screen) {
            return false;
        }
        any |= cl->useCopyRect;
    }
    return any;
}

static void mark_damage(VncServer *v)
{
    PictureRect r;
    tell_moved(v);
    for (unsigned band = 0; damage_next(&v->shadow.damage, &band, v->shadow.picture.height, &r);) {
        v->api->rfbMarkRectAsModified(v->screen, (int)r.x, (int)r.y, (int)(r.x + r.width),
                                      (int)(r.y + r.height));
    }
    damage_clear(&v->shadow.damage);
}

static void take_news(VncServer *v)
{
    g_atomic_int_set(&v->news, 0);
    v->shadow.finds_scrolls = somebody_moves(v);
    console_look(v->console, &v->ear, shadow_take, &v->shadow);
    if (v->shadow.resized) {
        const Picture *p = shown(v);
        v->shadow.resized = false;
        damage_clear(&v->shadow.damage); /* all is sent anew */
        v->api->rfbNewFramebuffer(v->screen, (char *)p->pixels, (int)p->width, (int)p->height, 8, 3, EDGE);
        set_format(v);
        v->api->rfbMarkRectAsModified(v->screen, 0, 0, (int)p->width, (int)p->height);
    } else {
        mark_damage(v);
    }
}

static void heard(ConsoleListener *l)
{
    VncServer *v = l->opaque;
    g_atomic_int_set(&v->news, 1);
    event_notifier_set(v->wake);
}

static void set_listening(VncServer *v, bool wanted)
{
    if (wanted && !v->listens) {
        console_listen(v->console, &v->ear);
    } else if (!wanted && v->listens) {
        console_unlisten(v->console, &v->ear);
    }
    v->listens = wanted;
}

/* ---- the thread ----------------------------------------------------------------------- */

/* Milliseconds; -1: until something happens. */
static int until_next_frame(VncServer *v, int64_t last)
{
    int64_t gone = g_get_monotonic_time() - last;
    return !v->listens || !g_atomic_int_get(&v->news) ? -1
           : gone >= FRAME_US                         ? 0
                                                      : (int)((FRAME_US - gone + 999) / 1000);
}

/* Who types faster than the guest reads waits in the socket: the library looks at those that are in its set.  True: somebody
 * does. */
static bool hold_typists(const VncServer *v)
{
    bool crowded = input_is_crowded(v->seat), any = false;
    for (rfbClientPtr cl = v->screen->clientHead; cl; cl = cl->next) {
        VncViewer *w = cl->clientData;
        if (!w || cl->sock == RFB_INVALID_SOCKET) {
            continue;
        }
        w->typed &= crowded;
        any |= w->typed;
        if (w->typed) {
            FD_CLR(cl->sock, &v->screen->allFds);
        } else {
            FD_SET(cl->sock, &v->screen->allFds);
        }
    }
    return any;
}

/* Until a socket has something, somebody wakes us, or it is time for a frame. */
static bool wait_for_work(VncServer *v, int timeout)
{
    struct pollfd fds[VNC_MOST_VIEWERS + 2] = { { v->wake->fd, POLLIN, 0 }, { v->listen_fd, POLLIN, 0 } };
    nfds_t n = 2;
    bool holds = hold_typists(v);
    for (rfbClientPtr cl = v->screen->clientHead; cl && n < G_N_ELEMENTS(fds); cl = cl->next) {
        if (cl->sock != RFB_INVALID_SOCKET && FD_ISSET(cl->sock, &v->screen->allFds)) {
            fds[n++] = (struct pollfd){ cl->sock, POLLIN, 0 };
        }
    }
    int r = poll(fds, n, holds && (timeout < 0 || timeout > CROWD_MS) ? CROWD_MS : timeout);
    (void)event_notifier_test_and_clear(v->wake);
    return r > 0 && fds[1].revents;
}

/* Of a viewer that follows no changes of the size it is right at first, at least. */
static void welcome(VncServer *v)
{
    set_listening(v, true);
    take_news(v);
    vnc_take_viewer(v);
}

static void run(VncServer *v)
{
    int64_t last = 0;
    while (!g_atomic_int_get(&v->ending)) {
        if (wait_for_work(v, until_next_frame(v, last))) {
            welcome(v);
        }
        set_listening(v, v->screen->clientHead);
        if (until_next_frame(v, last) == 0) {
            take_news(v);
            last = g_get_monotonic_time();
        }
        v->api->rfbCheckFds(v->screen, 0);
        for (rfbClientPtr cl = v->screen->clientHead, next; cl; cl = next) {
            next = cl->next;
            vnc_serve(cl);
        }
        vnc_clipboard_show(v);
    }
}

static gpointer thread(gpointer data)
{
    VncServer *v = data;
    run(v);
    v->api->rfbShutdownServer(v->screen, TRUE);
    set_listening(v, false);
    v->screen->frameBuffer = NULL; /* ours */
    v->api->rfbScreenCleanup(v->screen);
    return NULL;
}

/* ---- life ------------------------------------------------------------------------------- */

static bool make_screen(VncServer *v, GError **err)
{
    picture_init(&v->nothing, NOTHING_WIDTH, NOTHING_HEIGHT);
    rfbScreenInfoPtr s = v->screen =
        v->api->rfbGetScreen(NULL, NULL, NOTHING_WIDTH, NOTHING_HEIGHT, 8, 3, EDGE);
    if (!s) {
        g_set_error(err, G_FILE_ERROR, G_FILE_ERROR_FAILED, "libvncserver makes no screen: no memory");
        return false;
    }
    s->frameBuffer = (char *)v->nothing.pixels;
    s->screenData = v;
    s->desktopName = v->name;
    s->autoPort = FALSE;
    s->port = s->ipv6port = 0; /* we listen */
    s->cursor = NULL;          /* it is in the picture */
    s->ignoreSIGPIPE = FALSE;  /* it is ignored already */
    s->deferUpdateTime = 0;
    s->deferPtrUpdateTime = 0;
    s->maxClientWait = SLOW_VIEWER_MS;
    s->alwaysShared = v->share != VNC_ALLOW_EXCLUSIVE;
    s->newClientHook = vnc_viewer_new;
    s->kbdAddEvent = vnc_key;
    s->kbdReleaseAllKeys = vnc_release_all;
    s->ptrAddEvent = vnc_pointer;
    s->setDesktopSizeHook = vnc_viewer_resized;
    s->xvpHook = v->power ? vnc_xvp : NULL;
    if (v->asks_password) {
        s->authPasswdData = v;
        s->passwordCheck = vnc_check_password;
    }
    set_format(v);
    vnc_extensions_register(v->api);
    v->api->rfbInitServer(s);
    return true;
}

static void vnc_free(VncServer *v)
{
    vnc_pump_free(v->pump);
    event_notifier_free(v->wake);
    close(v->listen_fd);
    vnc_address_clear(&v->where);
    shadow_clear(&v->shadow);
    picture_clear(&v->nothing);
    lock_finish(&v->lock);
    g_ptr_array_unref(v->clients);
    g_free(v->id);
    g_free(v->name);
    g_free(v->display);
    g_free(v);
}

VncServer *vnc_open(const VncConfig *c, GError **err)
{
    VncServer *v = g_new0(VncServer, 1);
    v->id = g_strdup(c->options->id ? c->options->id : "default");
    v->name = c->name ? g_strdup_printf("Lyrebird (%s)", c->name) : g_strdup("Lyrebird");
    v->listen_fd = c->listen_fd;
    vnc_address_of(v->listen_fd, getsockname, &v->where);
    v->display = g_strdup(c->options->display);
    v->events = c->events;
    v->share = c->options->share;
    v->connections = c->options->connections;
    v->lossy = c->options->lossy;
    v->power = c->options->power_control ? c->power : NULL;
    v->opaque = c->opaque;
    v->asks_password = c->options->password || c->options->secret;
    v->console = c->console;
    v->inputs = c->inputs;
    v->seat = input_seat_of(c->inputs, c->console);
    input_set_key_delay(c->inputs, c->options->key_delay);
    for (; c->consoles && v->console_count < VNC_MOST_CONSOLES; v->console_count++) {
        v->consoles[v->console_count] = consoles_get(c->consoles, v->console_count);
        if (!v->consoles[v->console_count]) {
            break;
        }
    }
    v->ear = (ConsoleListener){ .notify = heard, .opaque = v };
    v->expiry = INT64_MAX;
    v->clients = g_ptr_array_new_with_free_func(vnc_address_free);
    lock_init(&v->lock, LOCK_VIEWERS);
    v->wake = event_notifier_new(err);
    v->pump = v->wake ? vnc_pump_new(v->wake, err) : NULL;
    v->api = v->pump ? vnc_api_load(err) : NULL;
    if (!v->api || !make_screen(v, err)) {
        vnc_free(v);
        return NULL;
    }
    vnc_clipboard_open(v, c->clipboard);
    v->thread = g_thread_new("vnc", thread, v);
    return v;
}

void vnc_close(VncServer *v)
{
    if (v) {
        g_atomic_int_set(&v->ending, 1);
        event_notifier_set(v->wake);
        g_thread_join(v->thread);
        vnc_clipboard_close(v);
        vnc_free(v);
    }
}

/* ---- the main loop's -------------------------------------------------------------------- */

bool vnc_asks_password(const VncServer *v)
{
    return v->asks_password;
}

const char *vnc_id(const VncServer *v)
{
    return v->id;
}

const char *vnc_display(const VncServer *v)
{
    return v->display;
}

const VncAddress *vnc_address(const VncServer *v)
{
    return &v->where;
}

void vnc_set_password(VncServer *v, const char *password)
{
    lock_take(&v->lock);
    memset(v->password, 0, sizeof(v->password));
    g_strlcpy(v->password, password, sizeof(v->password));
    lock_release(&v->lock);
}

void vnc_set_expiry(VncServer *v, int64_t when)
{
    lock_take(&v->lock);
    v->expiry = when;
    lock_release(&v->lock);
}

GPtrArray *vnc_clients(VncServer *v)
{
    GPtrArray *copy = g_ptr_array_new_with_free_func(vnc_address_free);
    lock_take(&v->lock);
    for (guint i = 0; i < v->clients->len; i++) {
        g_ptr_array_add(copy, vnc_address_copy(v->clients->pdata[i]));
    }
    lock_release(&v->lock);
    return copy;
}
