/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vdagent_wire.h"

#include <string.h>

#include "util/bytes.h"

enum { TYPE_AT = 4, SIZE_AT = 16 }; /* of VDAgentMessage: protocol, type, opaque (8 bytes), size */

void vdagent_wire_init(VdAgentWire *w)
{
    *w = (VdAgentWire){ .message = g_byte_array_new() };
}

void vdagent_wire_clear(VdAgentWire *w)
{
    g_byte_array_unref(w->message);
}

void vdagent_wire_reset(VdAgentWire *w)
{
    vdagent_wire_clear(w);
    vdagent_wire_init(w);
}

static int take_head(VdAgentWire *w, const uint8_t *buf, int len)
{
    int n = MIN(len, (int)(VDAGENT_CHUNK_HEAD - w->head_have));
    memcpy(w->head + w->head_have, buf, n);
    w->head_have += n;
    if (w->head_have == VDAGENT_CHUNK_HEAD) {
        w->port = load_le(w->head, 4);
        w->chunk_left = load_le(w->head + 4, 4);
        w->head_have = w->chunk_left ? VDAGENT_CHUNK_HEAD : 0;
    }
    return n;
}

/* Bytes of its head or data that the message wants next; 0: it is whole. */
static uint32_t wanted(const VdAgentWire *w)
{
    if (w->message->len < VDAGENT_MESSAGE_HEAD) {
        return VDAGENT_MESSAGE_HEAD - w->message->len;
    }
    return (uint32_t)load_le(w->message->data + SIZE_AT, 4) - (w->message->len - VDAGENT_MESSAGE_HEAD);
}

static void look_at_head(VdAgentWire *w)
{
    uint32_t size = load_le(w->message->data + SIZE_AT, 4);
    if (size > VDAGENT_DATA_MAX || load_le(w->message->data, 4) != VDAGENT_PROTOCOL) {
        g_byte_array_set_size(w->message, 0);
        w->skip = size;
    }
}

static int take_data(VdAgentWire *w, const uint8_t *buf, int len, VdAgentMessage *m)
{
    uint32_t most = MIN((uint32_t)len, w->chunk_left), n = most;
    if (w->port == VDAGENT_CLIENT_PORT && w->skip) {
        n = MIN(most, w->skip);
        w->skip -= n;
    } else if (w->port == VDAGENT_CLIENT_PORT) {
        n = MIN(most, wanted(w));
        g_byte_array_append(w->message, buf, n);
        if (w->message->len == VDAGENT_MESSAGE_HEAD) {
            look_at_head(w);
        }
        if (w->message->len >= VDAGENT_MESSAGE_HEAD && !wanted(w)) {
            *m = (VdAgentMessage){ load_le(w->message->data + TYPE_AT, 4),
                                   w->message->len - VDAGENT_MESSAGE_HEAD,
                                   w->message->data + VDAGENT_MESSAGE_HEAD };
            g_byte_array_set_size(w->message, 0); /* the bytes stay */
        }
    }
    w->chunk_left -= n;
    w->head_have = w->chunk_left ? VDAGENT_CHUNK_HEAD : 0;
    return (int)n;
}

int vdagent_wire_take(VdAgentWire *w, const uint8_t *buf, int len, VdAgentMessage *m)
{
    int done = 0;
    *m = (VdAgentMessage){ 0 };
    while (done < len && !m->data) {
        done += w->head_have < VDAGENT_CHUNK_HEAD ? take_head(w, buf + done, len - done)
                                                  : take_data(w, buf + done, len - done, m);
    }
    return done;
}

void vdagent_wire_put(GByteArray *out, uint32_t type, const void *data, size_t size)
{
    uint8_t head[VDAGENT_MESSAGE_HEAD] = { 0 };
    g_autoptr(GByteArray) all = g_byte_array_sized_new(sizeof(head) + size);
    store_le(head, 4, VDAGENT_PROTOCOL);
    store_le(head + TYPE_AT, 4, type);
    store_le(head + SIZE_AT, 4, size);
    g_byte_array_append(all, head, sizeof(head));
    g_byte_array_append(all, data, size);
    for (guint at = 0, n; at < all->len; at += n) {
        uint8_t chunk[VDAGENT_CHUNK_HEAD];
        n = MIN(all->len - at, VDAGENT_CHUNK_MAX);
        store_le(chunk, 4, VDAGENT_CLIENT_PORT);
        store_le(chunk + 4, 4, n);
        g_byte_array_append(out, chunk, sizeof(chunk));
        g_byte_array_append(out, all->data + at, n);
    }
}
