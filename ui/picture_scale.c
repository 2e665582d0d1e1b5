/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A picture in another size.
 *
 * Where a pixel of the result is no whole number of the picture's, it is mixed of the four around its middle, each by how near it
 * is: letters stay readable, and lines keep one width.  A weight has 8 bits, and two channels are mixed at a time.
 *
 * Not modelled: more than four pixels for one, where the result is less than half as large. */
#include "ui/picture.h"

enum { ONE = 256 };

/* Where the middle of a pixel of the result is, from the middle of the picture's first: the pixel before it, and how far behind
 * that it is. */
typedef struct Between {
    unsigned at, next, weight; /* of next, of ONE */
} Between;

static Between between(unsigned to, unsigned to_size, unsigned from_size)
{
    int64_t place = ((int64_t)(2 * to + 1) * from_size * ONE / to_size - ONE) / 2;
    int64_t last = (int64_t)(from_size - 1) * ONE;
    unsigned inside = (unsigned)CLAMP(place, 0, last);
    unsigned at = inside / ONE;
    return (Between){ at, MIN(at + 1, from_size - 1), inside % ONE };
}

static uint32_t mix(uint32_t a, uint32_t b, unsigned weight)
{
    uint32_t even = (a & 0xff00ff) * (ONE - weight) + (b & 0xff00ff) * weight;
    uint32_t odd = (a >> 8 & 0xff00ff) * (ONE - weight) + (b >> 8 & 0xff00ff) * weight;
    return (even >> 8 & 0xff00ff) | (odd & 0xff00ff00);
}

static void smooth(const Picture *from, const ScaledPart *s)
{
    g_autofree Between *columns = g_new(Between, s->part.width);
    for (unsigned x = 0; x < s->part.width; x++) {
        columns[x] = between(s->part.x + x, s->width, from->width);
    }
    for (unsigned y = 0; y < s->part.height; y++) {
        Between row = between(s->part.y + y, s->height, from->height);
        const uint32_t *above = picture_row(from, row.at), *below = picture_row(from, row.next);
        uint32_t *to = (uint32_t *)(void *)((char *)s->to + y * s->stride);
        for (unsigned x = 0; x < s->part.width; x++) {
            const Between *c = &columns[x];
            to[x] = mix(mix(above[c->at], above[c->next], c->weight),
                        mix(below[c->at], below[c->next], c->weight), row.weight);
        }
    }
}

static void repeated(const Picture *from, const ScaledPart *s)
{
    unsigned times = s->width / from->width, tall = s->height / from->height;
    for (unsigned y = 0; y < s->part.height; y++) {
        const uint32_t *row = picture_row(from, (s->part.y + y) / tall);
        uint32_t *to = (uint32_t *)(void *)((char *)s->to + y * s->stride);
        unsigned at = s->part.x / times, left = times - s->part.x % times;
        for (unsigned x = 0; x < s->part.width; x++) {
            to[x] = row[at];
            if (!--left) {
                left = times;
                at++;
            }
        }
    }
}

static bool is_multiple(const Picture *p, unsigned width, unsigned height)
{
    return width % p->width == 0 && height % p->height == 0;
}

void picture_scale(const Picture *from, const ScaledPart *s)
{
    if (is_multiple(from, s->width, s->height)) {
        repeated(from, s);
    } else {
        smooth(from, s);
    }
}

PictureRect picture_scaled_rect(const Picture *p, const PictureRect *r, unsigned width, unsigned height)
{
    unsigned more = !is_multiple(p, width, height); /* neighbours have something of it */
    uint64_t left = r->x - MIN(r->x, more), top = r->y - MIN(r->y, more);
    uint64_t right = MIN(r->x + r->width + more, p->width), bottom = MIN(r->y + r->height + more, p->height);
    uint64_t x = left * width / p->width, y = top * height / p->height;
    return (PictureRect){ x, y, (right * width + p->width - 1) / p->width - x,
                          (bottom * height + p->height - 1) / p->height - y };
}
