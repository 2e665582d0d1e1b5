/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Keys and pointers of VNC viewers.
 * Spec: RFB protocol, "KeyEvent", "PointerEvent", "QEMU Extended Key Event Message" and its pseudo-encoding (-258),
 * "QEMU Pointer Motion Change Pseudo-encoding" (-257),
 * "xvp Client Message" (the library reads it).
 *
 * Not modelled: states of locks (-261), sound, cut text. */
#include <arpa/inet.h>
#include <linux/input-event-codes.h>
#include <string.h>

#include "ui/keysyms.h"
#include "ui/vnc/vnc_priv.h"

enum { POINTER_MODE = -257, EXTENDED_KEYS = -258 };
enum { QEMU_MESSAGE = 255, QEMU_KEY = 0, RELATIVE_CENTRE = 0x7fff };

static VncViewer *viewer_of(rfbClientPtr cl)
{
    return cl->clientData;
}

/* ---- keys ---------------------------------------------------------------------------- */

static void set_shift(VncServer *v, bool down)
{
    input_key(v->seat, KEY_LEFTSHIFT, down);
    if (!down) {
        input_key(v->seat, KEY_RIGHTSHIFT, false);
    }
}

/* A character stands for a key with or without Shift, whatever is held there: a board of another layout, or a program
 * that sends no Shift at all. */
static void press_character(VncViewer *w, unsigned code, bool shift)
{
    bool other = shift != w->shift;
    if (other) {
        set_shift(w->v, shift);
    }
    input_key(w->v->seat, code, true);
    if (other) {
        set_shift(w->v, w->shift);
    }
}

void vnc_key(rfbBool down, rfbKeySym sym, rfbClientPtr cl)
{
    VncViewer *w = viewer_of(cl);
    int shift;
    unsigned code = keysym_code(sym, &shift);
    if (w) {
        w->typed = true;
    }
    if (!w || vnc_text_key(w, down, sym) || !code) {
        return;
    }
    if (code == KEY_LEFTSHIFT || code == KEY_RIGHTSHIFT) {
        w->shift = down;
    }
    if (down && shift >= 0) {
        press_character(w, code, shift);
    } else {
        input_key(w->v->seat, code, down);
    }
}

void vnc_release_all(rfbClientPtr cl)
{
    VncViewer *w = viewer_of(cl);
    if (w) {
        w->shift = false;
        w->mods = 0;
        input_release_all(w->v->seat);
    }
}

/* ---- pointer -------------------------------------------------------------------------- */

static void move_to(VncViewer *w, int x, int y)
{
    const Picture *p = &w->v->shadow.picture;
    InputEvent e = { .kind = INPUT_POINT, .x = input_abs(x, p->width), .y = input_abs(y, p->height) };
    if (w->told_relative) {
        e = (InputEvent){ INPUT_MOVE, 0, x - RELATIVE_CENTRE, y - RELATIVE_CENTRE };
    } else if (!input_takes(w->v->seat, INPUT_POINT)) {
        e = (InputEvent){ INPUT_MOVE, 0, x - w->x, y - w->y };
    }
    bool still = e.kind == INPUT_MOVE && !e.x && !e.y;
    if (!still) {
        input_send(w->v->seat, &e);
    }
    w->x = x;
    w->y = y;
}

/* Bits of the protocol; a press of a wheel's is a click of it. */
static void set_buttons(VncViewer *w, int now)
{
    static const uint16_t buttons[8] = { BTN_LEFT, BTN_MIDDLE, BTN_RIGHT, 0, 0, 0, 0, BTN_SIDE };
    static const InputEvent wheels[8] = { [3] = { INPUT_WHEEL, 0, 0, 1 },
                                          [4] = { INPUT_WHEEL, 0, 0, -1 },
                                          [5] = { INPUT_WHEEL, 0, -1, 0 },
                                          [6] = { INPUT_WHEEL, 0, 1, 0 } };
    for (unsigned i = 0; i < 8; i++) {
        bool down = now >> i & 1;
        if (down == (w->buttons >> i & 1)) {
            continue;
        }
        if (buttons[i]) {
            input_button(w->v->seat, buttons[i], down);
        } else if (down) {
            input_send(w->v->seat, &wheels[i]);
        }
    }
    w->buttons = now;
}

void vnc_pointer(int buttons, int x, int y, rfbClientPtr cl)
{
    VncViewer *w = viewer_of(cl);
    if (w && !console_takes_text(w->v->console)) {
        w->typed = true;
        move_to(w, x, y);
        set_buttons(w, buttons);
    } else if (w) { /* the next console's guest is told what changes from here */
        w->buttons = buttons;
        w->x = x;
        w->y = y;
    }
}

/* ---- power ------------------------------------------------------------------------------ */

/* A clean reboot is the guest's own: there is no button for it. */
rfbBool vnc_xvp(rfbClientPtr cl, uint8_t version, uint8_t code)
{
    const VncServer *v = cl->screen->screenData;
    bool known = version == 1 && (code == rfbXvp_Shutdown || code == rfbXvp_Reset);
    if (known) {
        v->power(v->opaque, code == rfbXvp_Reset ? VNC_RESET : VNC_PRESS_POWER);
    }
    return known;
}

/* ---- extensions ------------------------------------------------------------------------- */

/* An update that carries no pixels: that the encoding is understood, and with which value. */
static void announce(rfbClientPtr cl, int32_t encoding, uint16_t x)
{
    struct {
        uint8_t type, pad;
        uint16_t rects, x, y, width, height;
        uint32_t encoding;
    } update = { .rects = htons(1), .x = htons(x), .encoding = htonl((uint32_t)encoding) };
    viewer_of(cl)->v->api->rfbWriteExact(cl, (const char *)&update, sizeof(update));
}

void vnc_tell_pointer_mode(rfbClientPtr cl)
{
    VncViewer *w = viewer_of(cl);
    bool wanted = w && !input_takes(w->v->seat, INPUT_POINT) && input_takes(w->v->seat, INPUT_MOVE);
    if (w && w->relative && (!w->knows_mode || wanted != w->told_relative)) {
        w->told_relative = wanted;
        w->knows_mode = true;
        announce(cl, POINTER_MODE, !wanted);
    }
}

static rfbBool enable(rfbClientPtr cl, void **data, int encoding)
{
    VncViewer *w = viewer_of(cl);
    if (!w) {
        return FALSE;
    }
    if (encoding == EXTENDED_KEYS) {
        announce(cl, EXTENDED_KEYS, 0);
    } else if (encoding == POINTER_MODE) {
        w->relative = true;
        vnc_tell_pointer_mode(cl);
    }
    return TRUE;
}

/* A key by its place: the number of a PC keyboard's set 1, 0x80 more for those behind E0. */
static rfbBool message(rfbClientPtr cl, void *data, const rfbClientToServerMsg *m)
{
    struct {
        uint16_t down;
        uint32_t sym, number;
    } __attribute__((packed)) key;
    VncViewer *w = viewer_of(cl);
    uint8_t kind;
    if (m->type != QEMU_MESSAGE || !w) {
        return FALSE;
    }
    const VncApi *api = w->v->api;
    if (api->rfbReadExact(cl, (char *)&kind, 1) <= 0 || kind != QEMU_KEY ||
        api->rfbReadExact(cl, (char *)&key, sizeof(key)) <= 0) {
        api->rfbCloseClient(cl);
        return TRUE;
    }
    unsigned code = input_key_of_number(ntohl(key.number));
    w->typed = true;
    if (!vnc_text_key(w, key.down != 0, ntohl(key.sym)) && code) {
        input_key(w->v->seat, code, key.down != 0);
    }
    return TRUE;
}

static rfbBool take_all(rfbClientPtr cl, void **data)
{
    return TRUE;
}

void vnc_extensions_register(const VncApi *api)
{
    static int encodings[] = { POINTER_MODE, EXTENDED_KEYS, 0 };
    static rfbProtocolExtension extension = {
        .newClient = take_all,
        .pseudoEncodings = encodings,
        .enablePseudoEncoding = enable,
        .handleMessage = message,
    };
    static bool registered; /* with the library, once for all servers */
    if (!registered) {
        registered = true;
        api->rfbRegisterProtocolExtension(&extension);
    }
}
