/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Messages between a host and the agent in its guest, on their byte stream.
 * Source: spice-protocol 0.14.3, spice/vd_agent.h (VDIChunkHeader, VDAgentMessage); all numbers are little endian.
 *
 * A message comes in chunks, each behind a header of its own with the port it is for.  Those of other ports and messages that
 * are too long are passed over. */
#pragma once
#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#include "ui/clipboard.h"

enum {
    VDAGENT_CLIENT_PORT = 1,
    VDAGENT_PROTOCOL = 1,
    VDAGENT_CHUNK_HEAD = 8,
    VDAGENT_CHUNK_MAX = 2048, /* that an agent takes (VD_AGENT_MAX_DATA_SIZE) */
    VDAGENT_MESSAGE_HEAD = 20,
    VDAGENT_DATA_MAX = CLIPBOARD_MAX + 8, /* that is kept of a message's */
};

/* What an agent sends, as far as it has come. */
typedef struct VdAgentWire {
    uint8_t head[VDAGENT_CHUNK_HEAD]; /* of the chunk */
    unsigned head_have;
    uint32_t port, chunk_left;
    GByteArray *message; /* head and data */
    uint64_t skip;       /* bytes to pass over of a message that is too long */
} VdAgentWire;

void vdagent_wire_init(VdAgentWire *w);
void vdagent_wire_clear(VdAgentWire *w);
void vdagent_wire_reset(VdAgentWire *w); /* nothing has come yet */

/* A message that has come whole. */
typedef struct VdAgentMessage {
    uint32_t type, size;
    const uint8_t *data; /* until the next call */
} VdAgentMessage;
/* Take up to len bytes, at most to the end of a message, which *m is then (else its data is NULL); how many were taken. */
int vdagent_wire_take(VdAgentWire *w, const uint8_t *buf, int len, VdAgentMessage *m);

/* Append a message in as many chunks as it takes. */
void vdagent_wire_put(GByteArray *out, uint32_t type, const void *data, size_t size);
