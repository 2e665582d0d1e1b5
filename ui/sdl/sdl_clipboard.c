/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The machine's clipboard and the user's: text, both ways, while the guest has an agent for it.
 *
 * The user's is looked at when the display server says that it has changed, and when a window gets the focus: not every server
 * tells who has not. */
#include <string.h>

#include "ui/sdl/sdl.h"

static void copied(ClipboardPeer *p)
{
    SdlDisplay *d = p->opaque;
    SDL_Event e = { .user = { .type = d->wake } };
    g_atomic_int_set(&d->copied, 1);
    d->sdl->PushEvent(&e);
}

void sdl_clipboard_open(SdlDisplay *d, Clipboard *c)
{
    d->peer = (ClipboardPeer){ .changed = copied, .opaque = d };
    clipboard_join(c, &d->peer);
    g_atomic_pointer_set(&d->clipboard, c); /* the thread runs */
}

void sdl_clipboard_close(SdlDisplay *d)
{
    clipboard_leave(d->clipboard, &d->peer);
}

void sdl_clipboard_show(SdlDisplay *d)
{
    if (g_atomic_int_compare_and_exchange(&d->copied, 1, 0)) {
        g_autofree char *text = clipboard_text(g_atomic_pointer_get(&d->clipboard));
        d->sdl->SetClipboardText(text);
    }
}

void sdl_clipboard_take(SdlDisplay *d)
{
    Clipboard *c = g_atomic_pointer_get(&d->clipboard);
    /* The guest's comes first: else what is there would be put in as if it were newer. */
    if (!c || !clipboard_has_guest(c) || g_atomic_int_get(&d->copied)) {
        return;
    }
    char *text = d->sdl->GetClipboardText();
    if (text && *text) { /* "": it has none, or no text */
        clipboard_put(c, &d->peer, text, strlen(text));
    }
    d->sdl->free(text);
}
