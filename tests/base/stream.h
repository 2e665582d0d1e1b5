/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Streams of state (base/state.h) that tests spoil. */
#pragma once
#include <glib.h>

GByteArray *stream_copy(const GByteArray *s);
/* Make the sum fit again after a change. */
void stream_reseal(GByteArray *s);
/* One of what an attacker may do, its sum in order: bytes changed or bits flipped, cut off, a part taken out,
 * doubled or swapped with another. */
GByteArray *stream_spoil(const GByteArray *good, GRand *rnd);

/* The stream of `name` that is kept in the folder (tests/hw/streams), as the release that first had it wrote it.  Where there is
 * none, LYREBIRD_BLESS=1 keeps `now`; one that is there is never rewritten: machines saved by that
 * release must load. */
GByteArray *stream_kept(const char *folder, const char *name, const GByteArray *now);
