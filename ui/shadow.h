/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A front end's own copy of what a console shows, with the pointer in it. */
#pragma once
#include "ui/console.h"

typedef struct Shadow {
    Picture picture;
    PictureRect cursor; /* where the pointer is drawn; no size: the guest shows none */
    uint32_t *under;    /* what it covers, row by row */
    Damage
        damage; /* holds all pixels that are others than before, and some that are not: the front end clears it */
    bool resized; /* so it does this */

    bool finds_scrolls; /* set by the front end: it tells of what has only moved */
    PictureRect
        moved; /* no size: nothing has.  Else this came from `moved_by` rows above, before the damage was done; */
    int moved_by; /* the front end clears it each time that it has looked */
} Shadow;

/* For console_look, of a Shadow (zeroed at first). */
void shadow_take(const ConsoleView *v, const ConsoleListener *news, void *shadow);
void shadow_clear(Shadow *s);
