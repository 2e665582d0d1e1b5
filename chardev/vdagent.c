/* SPDX-License-Identifier: GPL-2.0-or-later */
/* qemu-vdagent: the host's side of an agent in the guest (spice-vdagent), which shares the machine's clipboard with it.
 * Source: spice-protocol 0.14.3, spice/vd_agent.h.
 *
 * Text that the guest copies is fetched at once; of what the host's user copies the agent is told, and it asks when somebody
 * pastes.  An agent that asks and does not read is not listened to until it does.
 *
 * Not modelled: the agent's mouse, pictures, the primary selection, line ends of Windows. */
#include "chardev_priv.h"

#include <string.h>

#include "util/bytes.h"
#include "vdagent_wire.h"

enum {
    CLIPBOARD = 4,
    ANNOUNCE_CAPABILITIES = 6,
    CLIPBOARD_GRAB = 7,
    CLIPBOARD_REQUEST = 8,
};
enum { CAP_CLIPBOARD_BY_DEMAND = 5, CAP_CLIPBOARD_SELECTION = 6 };
enum { TYPE_NONE = 0, TYPE_UTF8_TEXT = 1 };
enum { SELECTION_BYTES = 4, TYPE_BYTES = 4, MOST_WAITING = 64 * 1024 };

typedef struct ChrVdAgent {
    Chardev chr;
    Clipboard *clipboard;
    ClipboardPeer peer;
    gint news; /* atomic: the clipboard has another text */
    /* under write_lock: */
    VdAgentWire in;
    GByteArray *out;
    bool ready, selections; /* the agent has said what it can; its messages begin with a selection */
    bool asked;             /* for what the guest has copied */
} ChrVdAgent;

typedef struct VdAgentOptions {
    ChardevOptions common;
    bool clipboard;
} VdAgentOptions;

static const Prop vdagent_props[] = {
    { "clipboard", PROP_BOOL, offsetof(VdAgentOptions, clipboard), "share the clipboard" },
    PROP_ONLY_OFF("mouse", "the pointer of an agent is not built; use virtio-tablet-pci"),
    { NULL },
};
const Shape chr_vdagent_shape = { "ChardevQemuVDAgent", sizeof(VdAgentOptions), vdagent_props };

/* ---- to the agent: under write_lock --------------------------------------------- */

static void announce(ChrVdAgent *a, bool ask)
{
    uint8_t data[8];
    store_le(data, 4, ask);
    store_le(data + 4, 4, 1u << CAP_CLIPBOARD_BY_DEMAND | 1u << CAP_CLIPBOARD_SELECTION);
    vdagent_wire_put(a->out, ANNOUNCE_CAPABILITIES, data, sizeof(data));
}

/* A message that begins with the selection, if the agent knows of several: the clipboard, number 0. */
static void send_about(ChrVdAgent *a, uint32_t message, uint32_t type, const char *text)
{
    g_autoptr(GByteArray) data = g_byte_array_new();
    uint8_t head[SELECTION_BYTES + TYPE_BYTES] = { 0 };
    store_le(head + SELECTION_BYTES, TYPE_BYTES, type);
    unsigned from = a->selections ? 0 : SELECTION_BYTES;
    g_byte_array_append(data, head + from, sizeof(head) - from);
    if (text) {
        g_byte_array_append(data, (const uint8_t *)text, strlen(text));
    }
    vdagent_wire_put(a->out, message, data->data, data->len);
}

static void tell_of_text(ChrVdAgent *a)
{
    if (a->ready && g_atomic_int_compare_and_exchange(&a->news, 1, 0)) {
        a->asked = false; /* what the guest had is no more the newest */
        send_about(a, CLIPBOARD_GRAB, TYPE_UTF8_TEXT, NULL);
    }
}

/* ---- from the agent: under write_lock -------------------------------------------- */

static void take_capabilities(ChrVdAgent *a, const VdAgentMessage *m)
{
    uint32_t caps = m->size >= 8 ? (uint32_t)load_le(m->data + 4, 4) : 0;
    bool asks = m->size >= 4 && load_le(m->data, 4);
    a->ready = caps >> CAP_CLIPBOARD_BY_DEMAND & 1;
    a->selections = caps >> CAP_CLIPBOARD_SELECTION & 1;
    a->asked = false;
    if (asks) {
        announce(a, false);
    }
    g_autofree char *text = clipboard_text(a->clipboard);
    g_atomic_int_set(&a->news, text != NULL);
}

static bool has_text(const uint8_t *types, uint32_t size)
{
    for (uint32_t at = 0; at + TYPE_BYTES <= size; at += TYPE_BYTES) {
        if (load_le(types + at, TYPE_BYTES) == TYPE_UTF8_TEXT) {
            return true;
        }
    }
    return false;
}

static void take_text(ChrVdAgent *a, uint32_t type, const uint8_t *data, uint32_t size)
{
    if (a->asked && type == TYPE_UTF8_TEXT) {
        clipboard_put(a->clipboard, &a->peer, (const char *)data, size);
    }
    a->asked = false;
}

static void give_text(ChrVdAgent *a, uint32_t type)
{
    g_autofree char *text = type == TYPE_UTF8_TEXT ? clipboard_text(a->clipboard) : NULL;
    send_about(a, CLIPBOARD, text ? TYPE_UTF8_TEXT : TYPE_NONE, text);
}

static void take_about(ChrVdAgent *a, const VdAgentMessage *m)
{
    uint32_t skip = a->selections ? SELECTION_BYTES : 0;
    if (!a->ready || m->size < skip + TYPE_BYTES || (skip && m->data[0])) {
        return; /* another selection, or nothing */
    }
    const uint8_t *data = m->data + skip;
    uint32_t size = m->size - skip, type = load_le(data, TYPE_BYTES);
    if (m->type == CLIPBOARD_GRAB) {
        a->asked = has_text(data, size);
        if (a->asked) {
            send_about(a, CLIPBOARD_REQUEST, TYPE_UTF8_TEXT, NULL);
        }
    } else if (m->type == CLIPBOARD_REQUEST) {
        give_text(a, type);
    } else {
        take_text(a, type, data + TYPE_BYTES, size - TYPE_BYTES);
    }
}

static void take_message(ChrVdAgent *a, const VdAgentMessage *m)
{
    switch (m->type) {
    case ANNOUNCE_CAPABILITIES: take_capabilities(a, m); break;
    case CLIPBOARD:
    case CLIPBOARD_GRAB:
    case CLIPBOARD_REQUEST: take_about(a, m); break;
    default: break;
    }
}

/* ---- the chardev ------------------------------------------------------------------- */

static ChrVdAgent *vdagent(Chardev *chr)
{
    return container_of(chr, ChrVdAgent, chr);
}

static int vdagent_write(Chardev *chr, const uint8_t *buf, int len)
{
    ChrVdAgent *a = vdagent(chr);
    VdAgentMessage m;
    int done = 0;
    while (done < len && a->out->len < MOST_WAITING) {
        done += vdagent_wire_take(&a->in, buf + done, len - done, &m);
        if (m.data && a->clipboard) {
            take_message(a, &m);
        }
    }
    chr_refresh_later(chr);
    return done;
}

static void vdagent_opened(Chardev *chr, bool open)
{
    ChrVdAgent *a = vdagent(chr);
    vdagent_wire_reset(&a->in);
    g_byte_array_set_size(a->out, 0);
    a->ready = a->asked = false;
    if (open && a->clipboard) {
        announce(a, true);
    }
    chr_refresh_later(chr);
}

static void vdagent_refresh(Chardev *chr, bool want_write)
{
    ChrVdAgent *a = vdagent(chr);
    uint8_t buf[CHR_READ_MAX];
    int room = chr_input_room(chr);
    lock_take(&chr->write_lock);
    if (a->out->len < MOST_WAITING) {
        tell_of_text(a);
    }
    guint n = MIN(MIN((guint)MAX(room, 0), a->out->len), sizeof(buf));
    if (n) {
        memcpy(buf, a->out->data, n);
        g_byte_array_remove_range(a->out, 0, n);
    }
    bool takes = a->out->len < MOST_WAITING;
    lock_release(&chr->write_lock);
    if (n) {
        chr_input(chr, buf, (int)n);
        chr_refresh_later(chr); /* is there more? */
    }
    if (want_write && takes) {
        chr_writable(chr);
    }
}

static void copied(ClipboardPeer *p)
{
    ChrVdAgent *a = p->opaque;
    g_atomic_int_set(&a->news, 1);
    chr_refresh_later(&a->chr);
}

static bool vdagent_open(Chardev *chr, const ChardevOptions *common, GError **err)
{
    ChrVdAgent *a = vdagent(chr);
    const VdAgentOptions *o = container_of(common, VdAgentOptions, common);
    vdagent_wire_init(&a->in);
    a->out = g_byte_array_new();
    a->peer = (ClipboardPeer){ .changed = copied, .opaque = a, .guest = true };
    if (o->clipboard && !chr->all->clipboard) {
        chr_error(err, "chardev '%s': there is no machine whose clipboard a guest could share", chr->id);
        return false;
    }
    if (o->clipboard) {
        a->clipboard = chr->all->clipboard;
        clipboard_join(a->clipboard, &a->peer);
    }
    chr_set_connected(chr, true);
    return true;
}

static void vdagent_close(Chardev *chr)
{
    ChrVdAgent *a = vdagent(chr);
    if (a->clipboard) {
        clipboard_leave(a->clipboard, &a->peer);
    }
    vdagent_wire_clear(&a->in);
    g_byte_array_unref(a->out);
}

const ChardevBackend chr_backend_vdagent = {
    .size = sizeof(ChrVdAgent),
    .open = vdagent_open,
    .close = vdagent_close,
    .write = vdagent_write,
    .refresh = vdagent_refresh,
    .opened = vdagent_opened,
};
