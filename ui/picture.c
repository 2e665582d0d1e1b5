/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Pictures and pixels.  Formats: named as in Linux' drm_fourcc.h. */
#include "ui/picture.h"

#include <string.h>

#include "util/bytes.h"

/* clang-format off */
const PixelFormat pixels_xrgb8888 = { 4, 16, 8, 8, 8, 0, 8, 24, 0 };
const PixelFormat pixels_argb8888 = { 4, 16, 8, 8, 8, 0, 8, 24, 8 };
const PixelFormat pixels_xbgr8888 = { 4, 0, 8, 8, 8, 16, 8, 24, 0 };
const PixelFormat pixels_abgr8888 = { 4, 0, 8, 8, 8, 16, 8, 24, 8 };
const PixelFormat pixels_rgbx8888 = { 4, 24, 8, 16, 8, 8, 8, 0, 0 };
const PixelFormat pixels_rgba8888 = { 4, 24, 8, 16, 8, 8, 8, 0, 8 };
const PixelFormat pixels_bgrx8888 = { 4, 8, 8, 16, 8, 24, 8, 0, 0 };
const PixelFormat pixels_bgra8888 = { 4, 8, 8, 16, 8, 24, 8, 0, 8 };
const PixelFormat pixels_rgb888 =   { 3, 16, 8, 8, 8, 0, 8, 0, 0 };
const PixelFormat pixels_rgb565 =   { 2, 11, 5, 5, 6, 0, 5, 0, 0 };
const PixelFormat pixels_xrgb1555 = { 2, 10, 5, 5, 5, 0, 5, 0, 0 };
/* clang-format on */

void picture_init(Picture *p, unsigned width, unsigned height)
{
    g_assert(width <= PICTURE_MAX_SIZE && height <= PICTURE_MAX_SIZE);
    *p = (Picture){ width, height, g_new0(uint32_t, (size_t)width * height) };
}

void picture_clear(Picture *p)
{
    g_free(p->pixels);
    *p = (Picture){ 0 };
}

static bool span_intersect(unsigned *at, unsigned *size, unsigned other_at, unsigned other_size)
{
    uint64_t end = MIN((uint64_t)*at + *size, (uint64_t)other_at + other_size);
    *at = MAX(*at, other_at);
    *size = end > *at ? (unsigned)(end - *at) : 0;
    return *size;
}

bool rect_intersect(PictureRect *r, const PictureRect *other)
{
    bool across = span_intersect(&r->x, &r->width, other->x, other->width);
    bool down = span_intersect(&r->y, &r->height, other->y, other->height);
    return across && down;
}

/* A channel of n bits as 8: its top bits are repeated below, so that full is full. */
static uint32_t channel(uint32_t pixel, unsigned at, unsigned bits)
{
    uint32_t v = (pixel >> at & ((1u << bits) - 1)) << (8 - bits);
    return v | v >> bits;
}

static uint32_t convert_one(uint32_t pixel, const PixelFormat *f)
{
    uint32_t alpha = f->alpha ? channel(pixel, f->alpha_at, f->alpha) : 0xff;
    return alpha << 24 | channel(pixel, f->red_at, f->red) << 16 |
           channel(pixel, f->green_at, f->green) << 8 | channel(pixel, f->blue_at, f->blue);
}

static uint32_t load_pixel(const uint8_t *p, unsigned bytes)
{
    return bytes == 3 ? (uint32_t)(load_le(p, 2) | (uint32_t)p[2] << 16) : (uint32_t)load_le(p, bytes);
}

void pixels_convert(uint32_t *to, const void *from, const PixelFormat *f, size_t count)
{
    bool same = f->bytes == 4 && f->red_at == 16 && f->green_at == 8 && f->blue_at == 0;
    if (same && G_BYTE_ORDER == G_LITTLE_ENDIAN) {
        if (to != from) {
            memcpy(to, from, count * sizeof(*to));
        }
        return;
    }
    const uint8_t *p = from;
    for (size_t i = 0; i < count; i++) {
        to[i] = convert_one(load_pixel(p + i * f->bytes, f->bytes), f);
    }
}

static uint32_t blend(uint32_t under, uint32_t over)
{
    uint32_t rest = 255 - (over >> 24), out = 0;
    for (unsigned at = 0; at < 24; at += 8) {
        uint32_t v = (over >> at & 0xff) + ((under >> at & 0xff) * rest + 127) / 255;
        out |= MIN(v, 255) << at;
    }
    return out;
}

void picture_blend(Picture *p, const Picture *over, int x, int y)
{
    for (unsigned j = 0; j < over->height; j++) {
        int64_t row = (int64_t)y + j;
        for (unsigned i = 0; i < over->width && row >= 0 && row < p->height; i++) {
            int64_t column = (int64_t)x + i;
            if (column >= 0 && column < p->width) {
                uint32_t *at = picture_row(p, row) + column;
                *at = blend(*at, picture_row(over, j)[i]);
            }
        }
    }
}
