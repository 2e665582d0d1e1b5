/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ui/console.h"

#include <string.h>

#include "base/clock.h"
#include "base/event_loop.h"

enum { NOTHING_WIDTH = 640, NOTHING_HEIGHT = 480 };

struct Consoles {
    GPtrArray *list; /* of Console; main loop only */
    Clock *clock;
    Timer *timer; /* the next refresh */
    int64_t last; /* when the last one was */
    Bh *changed;  /* who listens, or wishes, is another */
};

struct Console {
    Consoles *all;
    char *device;
    unsigned head;
    Lock *device_lock;
    const ConsoleOps *ops;
    void *opaque;
    bool watched; /* as the device knows; main loop only */
    gint stale;   /* atomic: console_changed was called, and refresh not yet */

    Lock lock; /* guards what follows */
    ConsoleView view;
    GPtrArray *listeners; /* of ConsoleListener */
    bool wishes;
    unsigned wish_width, wish_height;
};

/* ---- refresh --------------------------------------------------------------------- */

void console_refresh(Console *c)
{
    if (c->ops->refresh) {
        g_atomic_int_set(&c->stale, 0);
        if (c->ops->prepare) {
            c->ops->prepare(c->opaque);
        }
        lock_take(c->device_lock);
        c->ops->refresh(c->opaque);
        lock_release(c->device_lock);
    }
}

static bool needs_refresh(Console *c)
{
    return c->watched && c->ops->refresh && (!c->ops->tells || g_atomic_int_get(&c->stale));
}

/* The first change after a while is shown at once. */
static void refresh_later(Consoles *all)
{
    for (guint i = 0; i < all->list->len; i++) {
        if (needs_refresh(all->list->pdata[i])) {
            int64_t now = clock_get_ns(all->clock, CLK_REALTIME);
            timer_set_deadline(all->timer, MAX(now, all->last + CONSOLE_REFRESH_MS * INT64_C(1000000)));
            return;
        }
    }
    timer_cancel(all->timer);
}

void console_changed(Console *c)
{
    if (g_atomic_int_compare_and_exchange(&c->stale, 0, 1)) {
        bh_schedule(c->all->changed);
    }
}

static void refresh_watched(void *opaque)
{
    Consoles *all = opaque;
    all->last = clock_get_ns(all->clock, CLK_REALTIME);
    for (guint i = 0; i < all->list->len; i++) {
        Console *c = all->list->pdata[i];
        if (needs_refresh(c)) {
            console_refresh(c);
        }
    }
    refresh_later(all);
}

/* Tell the device what its front ends want. */
static void pass_on(Console *c)
{
    lock_take(&c->lock);
    bool watched = c->listeners->len, wishes = c->wishes;
    unsigned width = c->wish_width, height = c->wish_height;
    c->wishes = false;
    lock_release(&c->lock);
    lock_take(c->device_lock);
    if (watched != c->watched && c->ops->watched) {
        c->ops->watched(c->opaque, watched);
    }
    if (wishes && c->ops->wish) {
        c->ops->wish(c->opaque, width, height);
    }
    lock_release(c->device_lock);
    c->watched = watched;
}

static void pass_all_on(void *opaque)
{
    Consoles *all = opaque;
    for (guint i = 0; i < all->list->len; i++) {
        pass_on(all->list->pdata[i]);
    }
    refresh_later(all);
}

/* ---- life ------------------------------------------------------------------------ */

Consoles *consoles_new(EventLoop *loop, Clock *clock)
{
    Consoles *all = g_new0(Consoles, 1);
    all->list = g_ptr_array_new();
    all->clock = clock;
    all->timer = timer_new(clock, CLK_REALTIME, NULL, refresh_watched, all);
    all->changed = bh_new(loop, NULL, pass_all_on, all);
    return all;
}

void consoles_free(Consoles *all)
{
    if (all) {
        g_assert(!all->list->len);
        bh_free(all->changed);
        timer_free(all->timer);
        g_ptr_array_free(all->list, TRUE);
        g_free(all);
    }
}

unsigned consoles_count(const Consoles *all)
{
    return all->list->len;
}

Console *consoles_get(const Consoles *all, unsigned index)
{
    return index < all->list->len ? all->list->pdata[index] : NULL;
}

Console *consoles_find(const Consoles *all, const char *device, unsigned head)
{
    for (guint i = 0; i < all->list->len; i++) {
        Console *c = all->list->pdata[i];
        if (!c->ops->type && g_str_equal(c->device, device) && c->head == head) {
            return c;
        }
    }
    return NULL;
}

Console *console_new(Consoles *all, const char *device, unsigned head, Lock *lock, const ConsoleOps *ops,
                     void *opaque)
{
    Console *c = g_new0(Console, 1);
    c->all = all;
    c->device = g_strdup(device);
    c->head = head;
    c->device_lock = lock;
    c->ops = ops;
    c->opaque = opaque;
    c->listeners = g_ptr_array_new();
    lock_init(&c->lock, LOCK_CONSOLE);
    guint at = all->list->len;
    while (at && !ops->type && console_takes_text(all->list->pdata[at - 1])) {
        at--;
    }
    g_ptr_array_insert(all->list, (gint)at, c);
    return c;
}

void console_free(Console *c)
{
    if (c) {
        g_assert(!c->listeners->len);
        g_ptr_array_remove(c->all->list, c);
        refresh_later(c->all);
        g_ptr_array_free(c->listeners, TRUE);
        picture_clear(&c->view.picture);
        picture_clear(&c->view.cursor.shape);
        lock_finish(&c->lock);
        g_free(c->device);
        g_free(c);
    }
}

const char *console_device(const Console *c)
{
    return c->device;
}

unsigned console_head(const Console *c)
{
    return c->head;
}

/* ---- text -------------------------------------------------------------------------- */

bool console_takes_text(const Console *c)
{
    return c->ops->type;
}

void console_type(Console *c, const ConsoleKey *k)
{
    lock_take(c->device_lock);
    c->ops->type(c->opaque, k);
    lock_release(c->device_lock);
}

bool console_text(Console *c, ConsoleText *t)
{
    if (!c->ops->text) {
        return false;
    }
    lock_take(c->device_lock);
    bool any = c->ops->text(c->opaque, t);
    lock_release(c->device_lock);
    return any;
}

void console_text_size(ConsoleText *t, unsigned cols, unsigned rows)
{
    t->cells = g_renew(ConsoleCell, t->cells, (gsize)cols * rows);
    t->cols = cols;
    t->rows = rows;
}

void console_text_clear(ConsoleText *t)
{
    g_free(t->cells);
    *t = (ConsoleText){ 0 };
}

/* ---- drawing --------------------------------------------------------------------- */

static void tell(ConsoleListener *l)
{
    if (!l->told) {
        l->told = true;
        l->notify(l);
    }
}

static void add_damage(Console *c, const PictureRect *r)
{
    for (guint i = 0; i < c->listeners->len; i++) {
        ConsoleListener *l = c->listeners->pdata[i];
        damage_add(&l->damage, r);
        tell(l);
    }
}

static PictureRect whole(const Picture *p)
{
    return (PictureRect){ 0, 0, p->width, p->height };
}

static void start_over(ConsoleListener *l, const Picture *p)
{
    PictureRect all = whole(p);
    damage_clear(&l->damage);
    damage_add(&l->damage, &all);
    l->resized = true;
}

void console_set_size(Console *c, unsigned width, unsigned height)
{
    lock_take(&c->lock);
    Picture *p = &c->view.picture;
    bool same = p->width == width && p->height == height;
    if (!same) {
        picture_clear(p);
        picture_init(p, width, height);
    }
    for (guint i = 0; i < c->listeners->len && !same; i++) {
        start_over(c->listeners->pdata[i], p);
        tell(c->listeners->pdata[i]);
    }
    PictureRect all = whole(p);
    if (same && width && height) {
        add_damage(c, &all);
    }
    lock_release(&c->lock);
}

void console_draw(Console *c, const PictureRect *r, const void *from, size_t stride,
                  const PixelFormat *format)
{
    lock_take(&c->lock);
    Picture *p = &c->view.picture;
    g_assert(rect_is_inside(r, p->width, p->height));
    for (unsigned y = 0; y < r->height; y++) {
        uint32_t *to = picture_row(p, r->y + y) + r->x;
        const uint8_t *row = (const uint8_t *)from + y * stride;
        if (format) {
            pixels_convert(to, row, format, r->width);
        } else {
            memcpy(to, row, r->width * sizeof(*to));
        }
    }
    add_damage(c, r);
    lock_release(&c->lock);
}

static void tell_of_cursor(Console *c, bool shape)
{
    for (guint i = 0; i < c->listeners->len; i++) {
        ConsoleListener *l = c->listeners->pdata[i];
        l->cursor_shape |= shape;
        l->cursor_moved = true;
        tell(l);
    }
}

void console_set_cursor(Console *c, const Picture *shape, int hot_x, int hot_y)
{
    lock_take(&c->lock);
    Cursor *cursor = &c->view.cursor;
    picture_clear(&cursor->shape);
    if (shape) {
        picture_init(&cursor->shape, shape->width, shape->height);
        memcpy(cursor->shape.pixels, shape->pixels, (size_t)shape->width * shape->height * sizeof(uint32_t));
    }
    cursor->hot_x = hot_x;
    cursor->hot_y = hot_y;
    tell_of_cursor(c, true);
    lock_release(&c->lock);
}

void console_move_cursor(Console *c, int x, int y)
{
    lock_take(&c->lock);
    c->view.cursor.x = x;
    c->view.cursor.y = y;
    tell_of_cursor(c, false);
    lock_release(&c->lock);
}

/* ---- looking --------------------------------------------------------------------- */

void console_listen(Console *c, ConsoleListener *l)
{
    lock_take(&c->lock);
    l->told = false;
    start_over(l, &c->view.picture);
    l->cursor_shape = l->cursor_moved = true;
    g_ptr_array_add(c->listeners, l);
    tell(l);
    lock_release(&c->lock);
    bh_schedule(c->all->changed);
}

void console_unlisten(Console *c, ConsoleListener *l)
{
    lock_take(&c->lock);
    g_ptr_array_remove(c->listeners, l);
    lock_release(&c->lock);
    bh_schedule(c->all->changed);
}

void console_look(Console *c, ConsoleListener *l,
                  void (*fn)(const ConsoleView *v, const ConsoleListener *news, void *opaque), void *opaque)
{
    lock_take(&c->lock);
    fn(&c->view, l, opaque);
    damage_clear(&l->damage);
    l->told = l->resized = l->cursor_shape = l->cursor_moved = false;
    lock_release(&c->lock);
}

bool console_takes_wishes(const Console *c)
{
    return c->ops->wish;
}

void console_wish(Console *c, unsigned width, unsigned height)
{
    lock_take(&c->lock);
    c->wishes = true;
    c->wish_width = MIN(width, PICTURE_MAX_SIZE);
    c->wish_height = MIN(height, PICTURE_MAX_SIZE);
    lock_release(&c->lock);
    bh_schedule(c->all->changed);
}

void console_snapshot(Console *c, Picture *p)
{
    console_refresh(c);
    lock_take(&c->lock);
    const Picture *now = &c->view.picture;
    const Cursor *cursor = &c->view.cursor;
    bool any = now->width && now->height;
    picture_init(p, any ? now->width : NOTHING_WIDTH, any ? now->height : NOTHING_HEIGHT);
    if (any) {
        memcpy(p->pixels, now->pixels, (size_t)p->width * p->height * sizeof(uint32_t));
        picture_blend(p, &cursor->shape, cursor->x - cursor->hot_x, cursor->y - cursor->hot_y);
    }
    lock_release(&c->lock);
}
