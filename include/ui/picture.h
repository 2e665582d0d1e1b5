/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Pictures: what a screen shows, in one form for everybody who looks at it.
 *
 * A library of pixels (pixman) would do this and much more; the dynamic linker takes a quarter of a millisecond
 * for it at each start, a third of what an empty process costs, so the little that is needed is here. */
#pragma once
#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { PICTURE_MAX_SIZE = 16384 }; /* pixels, each way */

/* Rows from the top, one behind the other; a pixel is 0xAARRGGBB in the host's byte order.  The top byte says
 * nothing in what a screen shows. */
typedef struct Picture {
    unsigned width, height;
    uint32_t *pixels;
} Picture;

typedef struct PictureRect {
    unsigned x, y, width, height;
} PictureRect;

void picture_init(Picture *p, unsigned width, unsigned height); /* black; sizes 0 are fine */
void picture_clear(Picture *p);
static inline uint32_t *picture_row(const Picture *p, unsigned y)
{
    return p->pixels + (size_t)y * p->width;
}
/* All of the rectangle is in a picture (or whatever has this size). */
static inline bool rect_is_inside(const PictureRect *r, unsigned width, unsigned height)
{
    return r->x <= width && r->width <= width - r->x && r->y <= height && r->height <= height - r->y;
}
/* What two have in common; false: nothing, and *r is of no size. */
bool rect_intersect(PictureRect *r, const PictureRect *other);

/* How a pixel lies in memory, little endian: where its channels are. */
typedef struct PixelFormat {
    uint8_t bytes;       /* 2, 3 or 4 */
    uint8_t red_at, red; /* lowest bit, and how many (at most 8) */
    uint8_t green_at, green;
    uint8_t blue_at, blue;
    uint8_t alpha_at, alpha; /* no bits: it covers */
} PixelFormat;

/* Named as DRM's fourcc codes: from the highest bits to the lowest. */
extern const PixelFormat pixels_xrgb8888, pixels_argb8888, pixels_xbgr8888, pixels_abgr8888, pixels_rgbx8888,
    pixels_rgba8888, pixels_bgrx8888, pixels_bgra8888, pixels_rgb888, pixels_rgb565, pixels_xrgb1555;

/* `from` may be guest memory that is being written; or, of a format of 4 bytes, `to` itself. */
void pixels_convert(uint32_t *to, const void *from, const PixelFormat *format, size_t count);

/* Lay `over`, whose pixels carry their colours multiplied by alpha, on a picture at x, y, which may be outside. */
void picture_blend(Picture *p, const Picture *over, int x, int y);

/* ---- another size ---------------------------------------------------------------- */

/* A part of a picture that is drawn in another size. */
typedef struct ScaledPart {
    unsigned width, height; /* of the whole, not 0 */
    PictureRect part;       /* of that */
    uint32_t *to;           /* the part's first pixel */
    size_t stride;          /* bytes between its rows */
} ScaledPart;

/* Of a picture that has a size.  Whole multiples repeat its pixels, other sizes mix them; parts fit together. */
void picture_scale(const Picture *from, const ScaledPart *s);
/* What of that size shows something of the rectangle, which is inside of the picture. */
PictureRect picture_scaled_rect(const Picture *p, const PictureRect *r, unsigned width, unsigned height);

/* ---- files -------------------------------------------------------------------- */

typedef enum PictureForm { PICTURE_PPM, PICTURE_PNG } PictureForm;
extern const char *const picture_form_names[]; /* "ppm", "png" */
/* The bytes of such a file; the caller's. */
GBytes *picture_encode(const Picture *p, PictureForm form);
