/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A connection over a stream socket, plain or, from some moment on, with TLS.
 *
 * One thread may receive while another sends.  Calls wait, without an end unless channel_limit_waits says otherwise;
 * channel_shutdown, of any thread, ends them. */
#pragma once
#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/tls.h"

typedef struct Channel Channel;

Channel *channel_new(int fd); /* the channel's from here on; it blocks */
void channel_free(
    Channel *c); /* says to the other end that nothing more comes, and does not wait; NULL is fine */

/* Whoever waits for the other end gives up (-ETIMEDOUT) when nothing has moved for so long; 0: never. */
void channel_limit_waits(Channel *c, unsigned seconds);
/* All waits end (-ETIMEDOUT) at this moment of g_get_monotonic_time(), even when the other end says something now and then; 0: they do
 * not.  It may be later than what channel_limit_waits gives, which holds, too. */
void channel_end_by(Channel *c, gint64 us);

/* All of it: 0, or -errno.  -ECONNRESET: the end, which is an error wherever it comes. */
int channel_receive(Channel *c, void *buf, uint64_t n);
int channel_skip(Channel *c, uint64_t n); /* receive it, and forget it */
int channel_send(Channel *c, const void *buf, uint64_t n);
int channel_send_two(Channel *c, const void *head, uint64_t head_bytes, const void *body,
                     uint64_t body_bytes);
/* What was wrong, of an error of the above; the caller's. */
char *channel_why(Channel *c, int error);

/* Nothing more is received and sent. */
void channel_shutdown(Channel *c);

/* TLS from here on: what is sent in plain after this is an error.  hostname: whose certificate a client expects; NULL: it has no name.
 * ms: for the whole handshake; 0: without an end. */
bool channel_start_tls(Channel *c, TlsCreds *creds, const char *hostname, unsigned ms, GError **err);
bool channel_has_tls(const Channel *c);
