/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Damage: where a picture has changed since somebody looked.
 *
 * A span of columns for each band of lines.  So it has a bound, adding to it costs a few words, and two changes far
 * apart from above to below (a clock, a prompt) do not become the whole screen. */
#pragma once
#include "ui/picture.h"

enum { DAMAGE_BAND = 8, DAMAGE_BANDS = PICTURE_MAX_SIZE / DAMAGE_BAND };

typedef struct Damage {
    unsigned first, end; /* bands that may have a span */
    struct {
        uint16_t from, to; /* columns; equal: none */
    } span[DAMAGE_BANDS];
} Damage;

void damage_add(Damage *d, const PictureRect *r);
static inline bool damage_any(const Damage *d)
{
    return d->end > d->first;
}
/* The next rectangle of a walk from *band = 0 on, of a picture of that height; false: that was the last. */
bool damage_next(const Damage *d, unsigned *band, unsigned height, PictureRect *r);
void damage_clear(Damage *d);
