/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The clipboard of a machine: the text that was copied last, by the guest (through its agent) or by a user of a front end.
 *
 * Each of those is a peer.  Who copies puts the text in; the others take a note, and fetch it in their own threads.
 *
 * Not modelled: pictures and files, the primary selection. */
#pragma once
#include <glib.h>
#include <stdbool.h>

typedef struct Clipboard Clipboard; /* of one machine */

enum { CLIPBOARD_MAX = 1 << 20 }; /* bytes of a text */

/* Its owner sets changed, opaque and guest; the rest is the clipboard's. */
typedef struct ClipboardPeer {
    /* There is another text, which is not this peer's.  Any thread, any lock before the clipboard's: takes a note, no more. */
    void (*changed)(struct ClipboardPeer *p);
    void *opaque;
    bool guest;
} ClipboardPeer;

Clipboard *clipboard_new(void);
void clipboard_free(Clipboard *c); /* behind its peers; NULL is fine */

/* All of these from any thread, under no lock but those before the clipboard's. */
void clipboard_join(Clipboard *c, ClipboardPeer *p);
void clipboard_leave(Clipboard *c, ClipboardPeer *p); /* it is told nothing more when this returns */
/* len bytes of UTF-8; text that is none, longer than CLIPBOARD_MAX, with a zero in it, or what is there already is not taken. */
void clipboard_put(Clipboard *c, const ClipboardPeer *from, const char *text, size_t len);
/* A copy, the caller's; NULL: nobody has copied anything yet. */
char *clipboard_text(Clipboard *c);
/* Is there a guest that would get it?  Else a front end does not look at its user's. */
bool clipboard_has_guest(Clipboard *c);
