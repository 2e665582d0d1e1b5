/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A window of a console.
 *
 * Drawn by the processor into the window's surface: on a host without a GPU SDL's own default puts that on OpenGL,
 * which costs 26 % of a core for 30 pictures a second, against 2 %.  Only what is damaged is drawn, and nothing while nothing
 * changes. */
#include <math.h>
#include <string.h>

#include "ui/sdl/sdl.h"

enum { NOTHING_WIDTH = 640, NOTHING_HEIGHT = 480, UPDATE_RECTS = 64 };

/* ---- what the console shows --------------------------------------------------------- */

static void wake(ConsoleListener *l)
{
    SdlWindow *w = l->opaque;
    SDL_Event e = { .user = { .type = w->d->wake, .data1 = w } };
    w->d->sdl->PushEvent(&e);
}

/* ---- place and size --------------------------------------------------------------------- */

/* As large as fits, in the middle; whole pixels where the window is a multiple. */
static void place_picture(SdlWindow *w)
{
    unsigned pw = MAX(w->shadow.picture.width, 1), ph = MAX(w->shadow.picture.height, 1), ww = w->width,
             wh = w->height;
    unsigned width = ww, height = (uint64_t)ww * ph / pw;
    if (height > wh) {
        height = wh;
        width = (uint64_t)wh * pw / ph;
    }
    w->shown = (PictureRect){ (ww - width) / 2, (wh - height) / 2, MAX(width, 1), MAX(height, 1) };
}

/* Pixels of the window for each point of the display server's. */
typedef struct Density {
    double x, y;
} Density;

static Density density(const SdlWindow *w)
{
    int width = 0, height = 0;
    const SDL_Surface *s = w->d->sdl->GetWindowSurface(w->window); /* its size is that of now, in pixels */
    w->d->sdl->GetWindowSize(w->window, &width, &height);
    bool known = s && width > 0 && height > 0;
    return known ? (Density){ (double)s->w / width, (double)s->h / height } : (Density){ 1, 1 };
}

/* As many pixels of the window show one of the guest's at the natural size: so on a screen of high density it is as large as on
 * another, and sharp. */
static unsigned natural_factor(const SdlWindow *w)
{
    return MAX((unsigned)density(w).x, 1);
}

/* A point has several pixels: the one in its middle.  half: a point that is known no better than whole. */
static int64_t pixel_at(double point, double half, double pixels_per_point)
{
    return (int64_t)floor((point + half) * pixels_per_point);
}

static void set_point(const SdlWindow *w, int64_t px, int64_t py, InputEvent *e)
{
    int64_t gw = w->shadow.picture.width, gh = w->shadow.picture.height;
    px = CLAMP(px - w->shown.x, 0, (int64_t)w->shown.width - 1);
    py = CLAMP(py - w->shown.y, 0, (int64_t)w->shown.height - 1);
    e->x = input_abs(px * gw / w->shown.width, gw);
    e->y = input_abs(py * gh / w->shown.height, gh);
}

void sdl_window_point(const SdlWindow *w, int x, int y, InputEvent *e)
{
    Density d = density(w);
    *e = (InputEvent){ INPUT_POINT, 0, 0, 0 };
    set_point(w, pixel_at(x, d.x > 1 ? 0.5 : 0, d.x), pixel_at(y, d.y > 1 ? 0.5 : 0, d.y), e);
}

void sdl_window_touch(const SdlWindow *w, float x, float y, InputEvent *e)
{
    set_point(w, (int64_t)floor((double)x * w->width), (int64_t)floor((double)y * w->height), e);
}

void sdl_window_natural_size(SdlWindow *w)
{
    bool any = w->shadow.picture.width && w->shadow.picture.height;
    unsigned width = any ? w->shadow.picture.width : NOTHING_WIDTH,
             height = any ? w->shadow.picture.height : NOTHING_HEIGHT;
    Density d = density(w);
    w->expected_w = MAX((int)lround(width * natural_factor(w) / d.x), 1);
    w->expected_h = MAX((int)lround(height * natural_factor(w) / d.y), 1);
    if (!w->full_screen) {
        w->d->sdl->SetWindowSize(w->window, w->expected_w, w->expected_h);
    }
}

void sdl_window_wish(SdlWindow *w)
{
    unsigned factor = natural_factor(w);
    console_wish(w->console, MAX(w->width / factor, 1), MAX(w->height / factor, 1));
}

void sdl_window_set_full_screen(SdlWindow *w, bool on)
{
    if (w->d->sdl->SetWindowFullscreen(w->window, on ? SDL_WINDOW_FULLSCREEN_DESKTOP : 0) == 0) {
        w->full_screen = on;
        w->exposed = true;
    }
}

/* The user has chosen a size: the guest may follow, a while after the last change. */
void sdl_window_resized(SdlWindow *w)
{
    int width = 0, height = 0;
    w->d->sdl->GetWindowSize(w->window, &width, &height);
    bool expected = width == w->expected_w && height == w->expected_h;
    w->exposed = true;
    w->wish_at = expected ? 0 : MAX(w->d->sdl->GetTicks() + WINDOW_WISH_MS, 1);
}

/* ---- drawing ------------------------------------------------------------------------------ */

static void draw_same(const SdlWindow *w, const SDL_Surface *s, const SDL_Rect *r)
{
    for (int y = r->y; y < r->y + r->h; y++) {
        const uint32_t *from = picture_row(&w->shadow.picture, y - w->shown.y) + (r->x - w->shown.x);
        memcpy((char *)s->pixels + (size_t)y * s->pitch + (size_t)r->x * 4, from, (size_t)r->w * 4);
    }
}

static void draw_scaled(const SdlWindow *w, const SDL_Surface *s, const SDL_Rect *r)
{
    PictureRect part = { r->x - w->shown.x, r->y - w->shown.y, r->w, r->h };
    uint32_t *to = (uint32_t *)(void *)((char *)s->pixels + (size_t)r->y * s->pitch) + r->x;
    picture_scale(&w->shadow.picture, &(ScaledPart){ w->shown.width, w->shown.height, part, to, s->pitch });
}

/* The pixels of the window that a rectangle of the picture touches. */
static SDL_Rect to_window(const SdlWindow *w, const PictureRect *r)
{
    const PictureRect *s = &w->shown;
    PictureRect p = picture_scaled_rect(&w->shadow.picture, r, s->width, s->height);
    return (SDL_Rect){ s->x + p.x, s->y + p.y, p.width, p.height };
}

static void draw_damage(SdlWindow *w, const SDL_Surface *s)
{
    SDL_Rect rects[UPDATE_RECTS];
    int n = 0;
    PictureRect r;
    bool same = w->shown.width == w->shadow.picture.width && w->shown.height == w->shadow.picture.height;
    for (unsigned band = 0; damage_next(&w->shadow.damage, &band, w->shadow.picture.height, &r);) {
        rects[n] = to_window(w, &r);
        if (same) {
            draw_same(w, s, &rects[n]);
        } else {
            draw_scaled(w, s, &rects[n]);
        }
        if (++n == UPDATE_RECTS) {
            w->d->sdl->UpdateWindowSurfaceRects(w->window, rects, n);
            n = 0;
        }
    }
    if (n) {
        w->d->sdl->UpdateWindowSurfaceRects(w->window, rects, n);
    }
}

static void draw_all(SdlWindow *w, const SDL_Surface *s)
{
    SDL_Rect all = { 0, 0, s->w, s->h };
    PictureRect r = { 0, 0, w->shadow.picture.width, w->shadow.picture.height };
    memset(s->pixels, 0, (size_t)s->h * s->pitch); /* borders */
    if (r.width && r.height) {
        SDL_Rect to = to_window(w, &r);
        draw_scaled(w, s, &to);
    }
    w->d->sdl->UpdateWindowSurfaceRects(w->window, &all, 1);
}

void sdl_window_update(SdlWindow *w)
{
    unsigned before_w = w->shadow.picture.width, before_h = w->shadow.picture.height;
    if (w->hidden) {
        return;
    }
    if (w->news) {
        w->news = false;
        console_look(w->console, &w->ear, shadow_take, &w->shadow);
        w->exposed |= w->shadow.resized;
        w->shadow.resized = false;
        if (before_w != w->shadow.picture.width || before_h != w->shadow.picture.height) {
            sdl_window_natural_size(w);
        }
        sdl_input_show_cursor(w);
    }
    SDL_Surface *s = w->d->sdl->GetWindowSurface(w->window); /* anew after each change of its size */
    if (!s || s->format->BytesPerPixel != 4) {
        return; /* it is between two sizes: there will be an event */
    }
    w->exposed |= s->w != w->width || s->h != w->height;
    w->width = s->w;
    w->height = s->h;
    place_picture(w);
    if (w->exposed) {
        draw_all(w, s);
    } else if (damage_any(&w->shadow.damage)) {
        draw_damage(w, s);
    }
    w->exposed = false;
    damage_clear(&w->shadow.damage);
}

/* ---- life --------------------------------------------------------------------------------- */

void sdl_window_title(SdlWindow *w)
{
    static const char *const keys[] = { "Ctrl-Alt-G", "Ctrl-Alt-Shift-G", "Right Ctrl-G" };
    const SdlDisplay *d = w->d;
    g_autoptr(GString) t = g_string_new("Lyrebird");
    if (d->name) {
        g_string_append_printf(t, " (%s)", d->name);
    }
    if (d->accel) {
        g_string_append_printf(t, " [%s]", d->accel);
    }
    if (console_takes_text(w->console)) {
        g_string_append_printf(t, " - %s", console_device(w->console));
    } else if (d->count > 1) {
        g_string_append_printf(t, " - %s head %u", console_device(w->console), console_head(w->console));
    }
    if (g_atomic_int_get(&d->stopped)) {
        g_string_append(t, " [Stopped]");
    }
    if (d->grabbed == w) {
        g_string_append_printf(t, " - press %s to let the mouse go", keys[d->options.grab]);
    }
    if (d->close_asked) {
        g_string_append(t, " - the guest was asked to power down; close again to end it now");
    }
    d->sdl->SetWindowTitle(w->window, t->str);
}

bool sdl_window_open(SdlWindow *w, SdlDisplay *d, Console *console, GError **err)
{
    *w = (SdlWindow){ .d = d, .console = console, .inputs = input_seat_of(d->inputs, console) };
    w->window =
        d->sdl->CreateWindow("Lyrebird", SDL_WINDOWPOS_UNDEFINED, SDL_WINDOWPOS_UNDEFINED, NOTHING_WIDTH,
                             NOTHING_HEIGHT, SDL_WINDOW_RESIZABLE | SDL_WINDOW_ALLOW_HIGHDPI);
    SDL_Surface *s = w->window ? d->sdl->GetWindowSurface(w->window) : NULL;
    if (!s || s->format->BytesPerPixel != 4 || s->format->Rmask != 0xff0000) {
        g_set_error(err, G_FILE_ERROR, G_FILE_ERROR_FAILED,
                    "a window cannot be drawn into: %s; use -display none and screendump",
                    s ? "the display server has no pixels of 8 bits a colour" : d->sdl->GetError());
        return false;
    }
    w->expected_w = NOTHING_WIDTH;
    w->expected_h = NOTHING_HEIGHT;
    w->width = s->w;
    w->height = s->h;
    place_picture(w);
    w->ear.notify = wake;
    w->ear.opaque = w;
    console_listen(console, &w->ear);
    return true;
}

void sdl_window_switch(SdlWindow *w, Console *console)
{
    if (console != w->console) {
        if (!w->hidden) {
            console_unlisten(w->console, &w->ear);
            console_listen(console, &w->ear);
        }
        w->console = console;
        w->inputs = input_seat_of(w->d->inputs, console);
        w->wish_at = 0;
        w->exposed = true;
        sdl_window_title(w);
    }
}

void sdl_window_close(SdlWindow *w)
{
    if (w->ear.notify) {
        if (!w->hidden) {
            console_unlisten(w->console, &w->ear);
        }
        shadow_clear(&w->shadow);
    }
    if (w->window) {
        w->d->sdl->DestroyWindow(w->window);
    }
}
