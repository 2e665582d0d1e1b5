/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ui/shadow.h"

#include <string.h>

#include "ui/scroll.h"

/* The pixels of a row that differ; false: none does. */
static bool differing(const uint32_t *a, const uint32_t *b, unsigned *from, unsigned *to)
{
    unsigned first = *from, end = *to;
    if (!memcmp(a + first, b + first, (end - first) * sizeof(*a))) { /* most rows: the fast way */
        return false;
    }
    while (first < end && a[first] == b[first]) {
        first++;
    }
    while (end > first && a[end - 1] == b[end - 1]) {
        end--;
    }
    *from = first;
    *to = end;
    return true;
}

/* Most of what a device says is new is not: a guest that writes a character makes pages dirty, which are whole lines. */
static void copy_rect(Shadow *s, const Picture *now, const PictureRect *r)
{
    for (unsigned y = r->y; y < r->y + r->height; y++) {
        uint32_t *to = picture_row(&s->picture, y);
        const uint32_t *from = picture_row(now, y);
        unsigned first = r->x, end = r->x + r->width;
        if (differing(to, from, &first, &end)) {
            memcpy(to + first, from + first, (end - first) * sizeof(*to));
            damage_add(&s->damage, &(PictureRect){ first, y, end - first, 1 });
        }
    }
}

/* What the damage touches, as one rectangle; false: there is none. */
static bool bounds(const Damage *d, unsigned height, PictureRect *all)
{
    PictureRect r;
    bool any = false;
    for (unsigned band = 0; damage_next(d, &band, height, &r); any = true) {
        unsigned left = any ? MIN(all->x, r.x) : r.x, top = any ? all->y : r.y;
        unsigned right = any ? MAX(all->x + all->width, r.x + r.width) : r.x + r.width;
        *all = (PictureRect){ left, top, right - left, r.y + r.height - top };
    }
    return any;
}

/* A row of a part that scrolls; before: what a viewer has there when it has moved it. */
static void take_row(Shadow *s, const Picture *now, const PictureRect *r, unsigned y, unsigned before)
{
    const uint32_t *from = picture_row(now, y);
    unsigned first = r->x, end = r->x + r->width;
    if (differing(picture_row(&s->picture, before), from, &first, &end)) {
        damage_add(&s->damage, &(PictureRect){ first, y, end - first, 1 });
    }
    memcpy(picture_row(&s->picture, y) + r->x, from + r->x, r->width * sizeof(*from));
}

/* False: nothing has scrolled. */
static bool follow_scroll(Shadow *s, const ConsoleView *v, const ConsoleListener *news)
{
    PictureRect all;
    int by = bounds(&news->damage, s->picture.height, &all) ? scroll_find(&s->picture, &v->picture, &all) : 0;
    if (!by) {
        return false;
    }
    s->moved = scroll_target(&all, by);
    s->moved_by = by;
    for (unsigned i = 0; i < all.height; i++) { /* none is overwritten before it was looked at */
        unsigned y = by < 0 ? all.y + i : all.y + all.height - 1 - i;
        bool has_moved = y - s->moved.y < s->moved.height;
        take_row(s, &v->picture, &all, y, has_moved ? y - by : y);
    }
    return true;
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

/* The pointer is in the copy alone: what is under it comes back first. */
static void lift_cursor(Shadow *s, const ConsoleView *v)
{
    copy_rect(s, &v->picture, &s->cursor);
}

static void draw_cursor(Shadow *s, const ConsoleView *v)
{
    s->cursor = cursor_rect(v);
    damage_add(&s->damage, &s->cursor);
    picture_blend(&s->picture, &v->cursor.shape, v->cursor.x - v->cursor.hot_x,
                  v->cursor.y - v->cursor.hot_y);
}

/* Under the console's lock: compares and copies, no more. */
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
    bool followed = s->finds_scrolls && !news->resized && follow_scroll(s, v, news);
    for (unsigned band = 0; !followed && damage_next(&news->damage, &band, s->picture.height, &r);) {
        copy_rect(s, &v->picture, &r);
    }
    lift_cursor(s, v);
    draw_cursor(s, v);
}

void shadow_clear(Shadow *s)
{
    picture_clear(&s->picture);
}
