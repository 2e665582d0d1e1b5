/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ui/shadow.h"

#include <string.h>

static void copy_rect(Shadow *s, const Picture *from, const PictureRect *r)
{
    for (unsigned y = r->y; y < r->y + r->height; y++) {
        memcpy(picture_row(&s->picture, y) + r->x, picture_row(from, y) + r->x, r->width * sizeof(uint32_t));
    }
    damage_add(&s->damage, r);
}

/* Where the pointer is, of what is in the picture. */
static PictureRect cursor_rect(const ConsoleView *v)
{
    const Cursor *c = &v->cursor;
    int left = MAX(c->x - c->hot_x, 0), top = MAX(c->y - c->hot_y, 0);
    int right = MIN(c->x - c->hot_x + (int)c->shape.width, (int)v->picture.width);
    int bottom = MIN(c->y - c->hot_y + (int)c->shape.height, (int)v->picture.height);
    bool any = right > left && bottom > top;
    return any ? (PictureRect){ left, top, right - left, bottom - top } : (PictureRect){ 0 };
}

/* Under the console's lock: copies, no more. */
void shadow_take(const ConsoleView *v, const ConsoleListener *news, void *shadow)
{
    Shadow *s = shadow;
    PictureRect r;
    if (news->resized) {
        picture_clear(&s->picture);
        picture_init(&s->picture, v->picture.width, v->picture.height);
        damage_clear(&s->damage);
        s->cursor = (PictureRect){ 0 };
        s->resized = true;
    }
    PictureRect now = cursor_rect(v);
    for (unsigned band = 0; damage_next(&news->damage, &band, s->picture.height, &r);) {
        copy_rect(s, &v->picture, &r);
    }
    copy_rect(s, &v->picture, &s->cursor); /* where the pointer was, and where it is */
    copy_rect(s, &v->picture, &now);
    s->cursor = now;
    picture_blend(&s->picture, &v->cursor.shape, v->cursor.x - v->cursor.hot_x,
                  v->cursor.y - v->cursor.hot_y);
}

void shadow_clear(Shadow *s)
{
    picture_clear(&s->picture);
}
