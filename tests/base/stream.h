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
