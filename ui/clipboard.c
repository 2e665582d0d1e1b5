/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ui/clipboard.h"

#include <string.h>

#include "base/lock.h"

struct Clipboard {
    Lock lock;
    GPtrArray *peers; /* of ClipboardPeer */
    char *text;       /* NULL: none yet */
};

Clipboard *clipboard_new(void)
{
    Clipboard *c = g_new0(Clipboard, 1);
    lock_init(&c->lock, LOCK_CLIPBOARD);
    c->peers = g_ptr_array_new();
    return c;
}

void clipboard_free(Clipboard *c)
{
    if (c) {
        g_assert(!c->peers->len);
        g_ptr_array_unref(c->peers);
        g_free(c->text);
        lock_finish(&c->lock);
        g_free(c);
    }
}

void clipboard_join(Clipboard *c, ClipboardPeer *p)
{
    lock_take(&c->lock);
    g_ptr_array_add(c->peers, p);
    lock_release(&c->lock);
}

void clipboard_leave(Clipboard *c, ClipboardPeer *p)
{
    lock_take(&c->lock);
    g_ptr_array_remove(c->peers, p);
    lock_release(&c->lock);
}

void clipboard_put(Clipboard *c, const ClipboardPeer *from, const char *text, size_t len)
{
    if (len > CLIPBOARD_MAX || !g_utf8_validate(text, (gssize)len, NULL)) {
        return;
    }
    lock_take(&c->lock);
    /* The same again: what was put in comes back from where it was put. */
    if (!c->text || strlen(c->text) != len || memcmp(c->text, text, len) != 0) {
        g_free(c->text);
        c->text = g_strndup(text, len);
        for (guint i = 0; i < c->peers->len; i++) {
            ClipboardPeer *p = c->peers->pdata[i];
            if (p != from) {
                p->changed(p);
            }
        }
    }
    lock_release(&c->lock);
}

char *clipboard_text(Clipboard *c)
{
    lock_take(&c->lock);
    char *text = g_strdup(c->text);
    lock_release(&c->lock);
    return text;
}

bool clipboard_has_guest(Clipboard *c)
{
    bool any = false;
    lock_take(&c->lock);
    for (guint i = 0; i < c->peers->len; i++) {
        const ClipboardPeer *p = c->peers->pdata[i];
        any |= p->guest;
    }
    lock_release(&c->lock);
    return any;
}
