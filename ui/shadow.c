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

static bool same_rect(const PictureRect *a, const PictureRect *b)
{
    return a->x == b->x && a->y == b->y && a->width == b->width && a->height == b->height;
}

/* The pixels of a part, one row behind the other; the caller's. */
static uint32_t *save(const Picture *p, const PictureRect *r)
{
    uint32_t *pixels = g_new(uint32_t, r->width * r->height);
    for (unsigned y = 0; y < r->height; y++) {
        memcpy(pixels + y * r->width, picture_row(p, r->y + y) + r->x, r->width * sizeof(*pixels));
    }
    return pixels;
}

static void put_back(const Picture *p, const PictureRect *r, const uint32_t *pixels)
{
    for (unsigned y = 0; y < r->height; y++) {
        memcpy(picture_row(p, r->y + y) + r->x, pixels + y * r->width, r->width * sizeof(*pixels));
    }
}

static void draw_cursor(Shadow *s, const ConsoleView *v)
{
    g_free(s->under);
    s->cursor = cursor_rect(v);
    s->under = save(&s->picture, &s->cursor);
    picture_blend(&s->picture, &v->cursor.shape, v->cursor.x - v->cursor.hot_x,
                  v->cursor.y - v->cursor.hot_y);
}

/* What differs where the pointer was, and is still. */
static void compare_cursor(Shadow *s, const uint32_t *before)
{
    const PictureRect *r = &s->cursor;
    for (unsigned y = 0; y < r->height; y++) {
        unsigned first = 0, end = r->width;
        if (differing(before + y * r->width, picture_row(&s->picture, r->y + y) + r->x, &first, &end)) {
            damage_add(&s->damage, &(PictureRect){ r->x + first, r->y + y, end - first, 1 });
        }
    }
}

/* A pointer is in the copy alone, and no picture has it: one that stands still is no damage. */
static void take_damage(Shadow *s, const ConsoleView *v, const ConsoleListener *news)
{
    PictureRect r, was = s->cursor;
    g_autofree uint32_t *before = save(&s->picture, &was); /* with the pointer */
    if (s->under) {
        put_back(&s->picture, &was, s->under);
    }
    for (unsigned band = 0; damage_next(&news->damage, &band, s->picture.height, &r);) {
        copy_rect(s, &v->picture, &r);
    }
    draw_cursor(s, v);
    if (!news->cursor_shape && same_rect(&was, &s->cursor)) {
        compare_cursor(s, before);
    } else {
        damage_add(&s->damage, &was);
        damage_add(&s->damage, &s->cursor);
    }
}

/* Under the console's lock: compares and copies, no more. */
void shadow_take(const ConsoleView *v, const ConsoleListener *news, void *shadow)
{
    Shadow *s = shadow;
    if (news->resized) {
        shadow_clear(s);
        picture_init(&s->picture, v->picture.width, v->picture.height);
        damage_clear(&s->damage);
        s->resized = true;
    }
    if (s->finds_scrolls && !news->resized && follow_scroll(s, v, news)) {
        copy_rect(s, &v->picture, &s->cursor); /* a pointer that was moved along is not there */
        draw_cursor(s, v);
        damage_add(&s->damage, &s->cursor);
    } else {
        take_damage(s, v, news);
    }
}

void shadow_clear(Shadow *s)
{
    picture_clear(&s->picture);
    g_clear_pointer(&s->under, g_free);
    s->cursor = (PictureRect){ 0 };
}
