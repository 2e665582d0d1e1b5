/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Datagrams that a guest sends in pieces, put together before libslirp sees them: what 4.7.0 does
 * itself reads wild pointers when the pieces contradict one another.
 * RFC 791 3.2 (fragmentation and reassembly), RFC 815 (what is still missing).
 * Bounded: some datagrams at once, the oldest makes room; each at most 65,535 bytes. */
#pragma once
#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

enum { FRAGMENTS_DATAGRAMS = 16, FRAGMENTS_SECONDS = 30 };

typedef struct FragmentSet FragmentSet; /* pieces of datagrams that are not whole yet; no lock */

FragmentSet *fragments_new(void);
void fragments_free(FragmentSet *set); /* NULL is nothing */

/* Is this Ethernet frame a piece of an IPv4 datagram (or does it say so in a way that no datagram may)?
 * Others go on as they are. */
bool fragments_is_piece(const uint8_t *frame, size_t len);

/* Takes in a piece; now_us is of a clock that does not go back.  The frame of the whole datagram when this was the
 * last piece that was missing, to be freed; else NULL.  Pieces that break the rules are dropped, and those that
 * overlap take their datagram along, which nothing but an attack sends (RFC 5722 3, said of IPv6). */
GByteArray *fragments_add(FragmentSet *set, const uint8_t *frame, size_t len, int64_t now_us);
