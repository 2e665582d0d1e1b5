/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The machine's clipboard and the viewers'.
 * Spec: RFC 6143, 7.5.6 and 7.6.4 (cut text).
 *
 * Not modelled: other characters than those of Latin-1 (the extended clipboard): a viewer gets question marks. */
#include "ui/vnc/vnc_priv.h"

#include <string.h>

#include "util/bytes.h"

enum { SERVER_CUT_TEXT = 3 };

static void copied(ClipboardPeer *p)
{
    VncServer *v = p->opaque;
    g_atomic_int_set(&v->copied, 1);
    event_notifier_set(v->wake);
}

static void take_latin1(char *text, int len, rfbClientPtr cl)
{
    g_autoptr(GString) utf8 = g_string_new(NULL);
    for (int i = 0; i < len; i++) {
        g_string_append_unichar(utf8, (guchar)text[i]);
    }
    const VncServer *v = cl->screen->screenData;
    clipboard_put(v->clipboard, &v->peer, utf8->str, strlen(utf8->str)); /* it may end with a zero */
}

void vnc_clipboard_open(VncServer *v, Clipboard *c)
{
    v->clipboard = c;
    if (c) {
        v->screen->setXCutText = take_latin1;
        v->peer = (ClipboardPeer){ .changed = copied, .opaque = v };
        clipboard_join(c, &v->peer);
    }
}

void vnc_clipboard_close(VncServer *v)
{
    if (v->clipboard) {
        clipboard_leave(v->clipboard, &v->peer);
    }
}

/* Not by iconv, here and above: it opens files of tables, which the sandbox has closed. */
static GByteArray *message_of(const char *text)
{
    static const uint8_t head[] = { SERVER_CUT_TEXT, 0, 0, 0, 0, 0, 0, 0 };
    GByteArray *m = g_byte_array_new();
    g_byte_array_append(m, head, sizeof(head));
    for (const char *p = text; *p; p = g_utf8_next_char(p)) {
        gunichar c = g_utf8_get_char(p);
        uint8_t byte = c < 0x100 ? c : '?';
        g_byte_array_append(m, &byte, 1);
    }
    store_be(m->data + 4, 4, m->len - sizeof(head));
    return m;
}

void vnc_clipboard_show(VncServer *v)
{
    if (!g_atomic_int_compare_and_exchange(&v->copied, 1, 0)) {
        return;
    }
    g_autofree char *text = clipboard_text(v->clipboard);
    g_autoptr(GByteArray) m = message_of(text);
    for (rfbClientPtr cl = v->screen->clientHead; cl; cl = cl->next) {
        if (cl->state == RFB_NORMAL) { /* else it would take it for something else */
            v->api->rfbWriteExact(cl, (const char *)m->data, (int)m->len);
        }
    }
}
