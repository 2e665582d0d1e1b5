/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ui/damage.h"

#include <string.h>

void damage_add(Damage *d, const PictureRect *r)
{
    if (!r->width || !r->height) {
        return;
    }
    g_assert(rect_is_inside(r, PICTURE_MAX_SIZE, PICTURE_MAX_SIZE));
    unsigned first = r->y / DAMAGE_BAND, end = (r->y + r->height - 1) / DAMAGE_BAND + 1;
    unsigned to = r->x + r->width;
    for (unsigned b = first; b < end; b++) {
        bool none = d->span[b].from == d->span[b].to;
        d->span[b].from = none ? r->x : MIN(d->span[b].from, r->x);
        d->span[b].to = none ? to : MAX(d->span[b].to, to);
    }
    bool any = damage_any(d);
    d->first = any ? MIN(d->first, first) : first;
    d->end = any ? MAX(d->end, end) : end;
}

bool damage_next(const Damage *d, unsigned *band, unsigned height, PictureRect *r)
{
    unsigned b = MAX(*band, d->first);
    while (b < d->end && d->span[b].from == d->span[b].to) {
        b++;
    }
    if (b >= d->end || b * DAMAGE_BAND >= height) {
        return false;
    }
    unsigned next = b + 1;
    while (next < d->end && d->span[next].from == d->span[b].from && d->span[next].to == d->span[b].to) {
        next++;
    }
    *r = (PictureRect){ d->span[b].from, b * DAMAGE_BAND, d->span[b].to - d->span[b].from, 0 };
    r->height = MIN(next * DAMAGE_BAND, height) - r->y;
    *band = next;
    return true;
}

void damage_clear(Damage *d)
{
    if (damage_any(d)) {
        memset(&d->span[d->first], 0, (d->end - d->first) * sizeof(d->span[0]));
    }
    d->first = d->end = 0;
}
