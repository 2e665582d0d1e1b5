/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A window of SDL's on screens of several densities: a fake SDL, whose window has so many pixels for each of its points. */
#include <math.h>
#include <string.h>

#include "tests/loop.h"
#include "ui/sdl/sdl.h"

typedef struct Fake {
    double density;
    int width, height; /* points */
    SDL_PixelFormat format;
    SDL_Surface surface;
} Fake;
static Fake fake;

static SDL_Window *create(const char *title, int x, int y, int w, int h, Uint32 flags)
{
    fake.width = w;
    fake.height = h;
    g_assert_true(flags & SDL_WINDOW_ALLOW_HIGHDPI);
    return (SDL_Window *)(void *)&fake;
}

static void destroy(SDL_Window *w)
{
    g_clear_pointer(&fake.surface.pixels, g_free);
}

static void get_size(SDL_Window *w, int *width, int *height)
{
    *width = fake.width;
    *height = fake.height;
}

static void set_size(SDL_Window *w, int width, int height)
{
    fake.width = width;
    fake.height = height;
}

static SDL_Surface *get_surface(SDL_Window *w)
{
    SDL_Surface *s = &fake.surface;
    int width = (int)lround(fake.width * fake.density), height = (int)lround(fake.height * fake.density);
    if (!s->pixels || s->w != width || s->h != height) {
        g_free(s->pixels);
        fake.format = (SDL_PixelFormat){ .BytesPerPixel = 4, .Rmask = 0xff0000 };
        *s = (SDL_Surface){ .format = &fake.format, .w = width, .h = height, .pitch = width * 4 };
        s->pixels = g_malloc0((gsize)s->pitch * height);
    }
    return s;
}

static int update_rects(SDL_Window *w, const SDL_Rect *rects, int n)
{
    for (int i = 0; i < n; i++) {
        g_assert_true(rects[i].x >= 0 && rects[i].x + rects[i].w <= fake.surface.w);
        g_assert_true(rects[i].y >= 0 && rects[i].y + rects[i].h <= fake.surface.h);
    }
    return 0;
}

static int push(SDL_Event *e)
{
    SdlWindow *w = e->user.data1;
    w->news = true;
    return 1;
}

static int cursor_shown;

static int show_cursor(int toggle)
{
    return cursor_shown = toggle;
}

static Uint32 ticks(void)
{
    return 1000;
}

static const SdlApi api = { .CreateWindow = create,
                            .DestroyWindow = destroy,
                            .GetWindowSize = get_size,
                            .SetWindowSize = set_size,
                            .GetWindowSurface = get_surface,
                            .UpdateWindowSurfaceRects = update_rects,
                            .PushEvent = push,
                            .ShowCursor = show_cursor,
                            .GetTicks = ticks };

/* ---- a guest, and its window -------------------------------------------------------------- */

typedef struct Rig {
    SdlDisplay d;
    SdlWindow w;
    Consoles *consoles;
    Console *console;
    Lock lock;
    InputSink sink;
    GString *touches;
    unsigned wish_width, wish_height;
} Rig;
static Rig rig;

static void guest_draws(unsigned width, unsigned height)
{
    g_autofree uint32_t *pixels = g_new(uint32_t, (gsize)width * height);
    for (unsigned i = 0; i < width * height; i++) {
        pixels[i] = i * 2654435761u & 0xffffff;
    }
    console_set_size(rig.console, width, height);
    console_draw(rig.console, &(PictureRect){ 0, 0, width, height }, pixels, (size_t)width * 4, NULL);
    sdl_window_update(&rig.w);
}

static void wished(void *opaque, unsigned width, unsigned height)
{
    rig.wish_width = width;
    rig.wish_height = height;
}

static void rig_init(double density)
{
    static const ConsoleOps ops = { .wish = wished };
    g_autoptr(GError) err = NULL;
    memset(&rig, 0, sizeof(rig));
    fake.density = density;
    lock_init(&rig.lock, LOCK_DEVICE);
    rig.consoles = consoles_new(test_loop(), test_clock());
    rig.console = console_new(rig.consoles, "screen", 0, &rig.lock, &ops, NULL);
    rig.d.sdl = &api;
    rig.d.inputs = inputs_new(test_loop(), test_clock());
    g_assert_true(sdl_window_open(&rig.w, &rig.d, rig.console, &err));
    g_assert_no_error(err);
}

static void rig_clear(void)
{
    sdl_window_close(&rig.w);
    inputs_free(rig.d.inputs);
    console_free(rig.console);
    consoles_free(rig.consoles);
    lock_finish(&rig.lock);
}

/* The user makes it so large, and the wish is told. */
static void user_resizes(int width, int height)
{
    set_size(NULL, width, height);
    sdl_window_resized(&rig.w);
    sdl_window_update(&rig.w);
    g_assert_cmpuint(rig.w.wish_at, !=, 0);
    rig.w.wish_at = 0;
    sdl_window_wish(&rig.w);
    while (!rig.wish_width) {
        g_main_context_iteration(NULL, TRUE);
    }
}

static void touched(void *opaque, const InputEvent *e)
{
    g_string_append_printf(rig.touches, "%s%u:%d:%d ", e->kind == INPUT_LIFT ? "-" : "", e->code, e->x, e->y);
}

/* A finger of SDL's, at a part of the window. */
static void finger(Uint32 type, SDL_FingerID id, float x, float y)
{
    sdl_input_touch(&rig.w, &(SDL_TouchFingerEvent){ .type = type, .fingerId = id, .x = x, .y = y });
    while (g_main_context_iteration(NULL, FALSE)) {
    }
}

static const double densities[] = { 1, 1.25, 1.5, 1.75, 2, 3 };

/* At its natural size a pixel of the guest's is a square of the window's, as large as on another screen; none is mixed. */
static void test_natural_size(void)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(densities); i++) {
        unsigned factor = (unsigned)densities[i];
        rig_init(densities[i]);
        guest_draws(840, 420);
        sdl_window_resized(&rig.w); /* the window system says what it was told */
        g_assert_cmpuint(rig.w.wish_at, ==, 0);
        sdl_window_update(&rig.w);
        g_assert_cmpint(fake.width, ==, lround(840 * factor / densities[i]));
        g_assert_cmpint(fake.height, ==, lround(420 * factor / densities[i]));
        const SDL_Surface *s = &fake.surface;
        for (unsigned y = 0; y < 420 * factor; y++) {
            const uint32_t *row = (const uint32_t *)s->pixels + (size_t)y * s->w;
            for (unsigned x = 0; x < 840 * factor; x++) {
                g_assert_cmphex(row[x], ==, picture_row(&rig.w.shadow.picture, y / factor)[x / factor]);
            }
        }
        rig_clear();
    }
}

/* A guest that follows a wish fills the window that the user has chosen, which stays as it is. */
static void test_wish(void)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(densities); i++) {
        rig_init(densities[i]);
        guest_draws(840, 420);
        user_resizes(420, 360);
        unsigned factor = (unsigned)densities[i];
        g_assert_cmpuint(rig.wish_width, ==, (unsigned)lround(420 * densities[i]) / factor);
        g_assert_cmpuint(rig.wish_height, ==, (unsigned)lround(360 * densities[i]) / factor);
        guest_draws(rig.wish_width, rig.wish_height);
        g_assert_cmpint(fake.width, ==, 420);
        g_assert_cmpint(fake.height, ==, 360);
        rig_clear();
    }
}

/* A click on a point is one on the guest's pixel in its middle, whatever lies between: density, scale, borders. */
static void test_pointer(void)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(densities); i++) {
        double d = densities[i], half = d > 1 ? 0.5 : 0;
        rig_init(d);
        guest_draws(840, 420);
        for (unsigned times = 1; times <= 3; times++) {
            InputEvent e;
            set_size(NULL, 420 * (int)times, 360 * (int)times); /* higher than the picture: borders */
            sdl_window_update(&rig.w);
            sdl_window_update(&rig.w);
            PictureRect shown = rig.w.shown;
            g_assert_cmpuint(shown.width, ==, fake.surface.w);
            for (int x = 0; x < fake.width; x++) {
                for (int y = 0; y < fake.height; y += 7) {
                    int64_t gx = (int64_t)floor((x + half) * d) * 840 / shown.width;
                    int64_t gy = CLAMP((int64_t)floor((y + half) * d) - shown.y, 0, shown.height - 1) * 420 /
                                 shown.height;
                    sdl_window_point(&rig.w, x, y, &e);
                    g_assert_cmpint(e.x, ==, input_abs(MIN(gx, 839), 840));
                    g_assert_cmpint(e.y, ==, input_abs(gy, 420));
                }
            }
        }
        rig_clear();
    }
}

/* The host's pointer is there where the guest draws none and has not grabbed it; with show-cursor=on always. */
static void test_show_cursor(void)
{
    static const bool shown[2][2][2] = { { { true, false }, { false, false } },
                                         { { true, true }, { true, true } } };
    rig_init(1);
    for (unsigned n = 0; n < 8; n++) {
        bool asked = n >> 2, draws = n >> 1 & 1, grabbed = n & 1;
        rig.d.options.show_cursor = asked;
        rig.w.shadow.cursor.width = draws ? 16 : 0;
        rig.d.grabbed = grabbed ? &rig.w : NULL;
        sdl_input_show_cursor(&rig.w);
        g_assert_cmpint(cursor_shown, ==, shown[asked][draws][grabbed] ? SDL_ENABLE : SDL_DISABLE);
    }
    rig.w.shadow.cursor.width = 0;
    rig.d.grabbed = NULL;
    rig_clear();
}

/* Fingers have numbers of the guest's, the lowest that is free, and places in its picture. */
static void test_fingers(void)
{
    rig_init(2);
    guest_draws(841, 421);
    rig.touches = g_string_new(NULL);
    rig.sink = (InputSink){ "touch", 1 << INPUT_TOUCH | 1 << INPUT_LIFT, &rig.lock, touched, NULL };
    finger(SDL_FINGERDOWN, 77, 0.5f, 0.5f); /* nobody takes it */
    input_add_sink(rig.d.inputs, &rig.sink);
    finger(SDL_FINGERMOTION, 77, 0.5f, 0.5f); /* it did not begin here */
    finger(SDL_FINGERDOWN, 1234567890123, 0, 0);
    finger(SDL_FINGERDOWN, 5, 1, 1); /* at the edge */
    finger(SDL_FINGERUP, 1234567890123, 0, 0);
    finger(SDL_FINGERDOWN, 6, 0.5f, 0.5f);
    finger(SDL_FINGERMOTION, 5, 0, 1);
    g_assert_cmpstr(rig.touches->str, ==, "0:0:0 1:32767:32767 -0:0:0 0:16384:16384 1:0:32767 ");
    for (int i = 0; i < 20; i++) { /* more than there are */
        finger(SDL_FINGERDOWN, 100 + i, 0, 0);
    }
    g_string_truncate(rig.touches, 0);
    input_release_all(rig.w.inputs);
    while (g_main_context_iteration(NULL, FALSE)) {
    }
    g_assert_cmpstr(rig.touches->str, ==,
                    "-0:0:0 -1:0:0 -2:0:0 -3:0:0 -4:0:0 -5:0:0 -6:0:0 -7:0:0 -8:0:0 -9:0:0 ");
    input_remove_sink(rig.d.inputs, &rig.sink);
    g_string_free(rig.touches, TRUE);
    rig_clear();
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/window/natural-size", test_natural_size);
    g_test_add_func("/window/wish", test_wish);
    g_test_add_func("/window/pointer", test_pointer);
    g_test_add_func("/window/fingers", test_fingers);
    g_test_add_func("/window/show-cursor", test_show_cursor);
    return g_test_run();
}
