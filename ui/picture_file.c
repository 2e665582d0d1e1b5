/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Pictures as files: PPM (netpbm's "P6") and PNG (ISO/IEC 15948: signature, IHDR, IDAT, IEND, RGB of 8 bits).
 *
 * zlib, which compresses, is in the program anyway.  A library for PNG would have to be loaded at each start, for
 * screendump comes when the sandbox lets no more host code in. */
#include "ui/picture.h"

#include <string.h>
#include <zlib.h>

enum { PNG_RGB = 2, PNG_DEPTH = 8, PNG_NO_FILTER = 0 };

const char *const picture_form_names[] = { [PICTURE_PPM] = "ppm", [PICTURE_PNG] = "png", NULL };

static void put_rgb(uint8_t *to, const uint32_t *pixels, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        *to++ = pixels[i] >> 16;
        *to++ = pixels[i] >> 8;
        *to++ = pixels[i];
    }
}

static GByteArray *encode_ppm(const Picture *p)
{
    g_autofree char *head = g_strdup_printf("P6\n%u %u\n255\n", p->width, p->height);
    size_t row = (size_t)p->width * 3, start = strlen(head);
    GByteArray *out = g_byte_array_new();
    g_byte_array_append(out, (const uint8_t *)head, start);
    g_byte_array_set_size(out, (start + row * p->height));
    for (unsigned y = 0; y < p->height; y++) {
        put_rgb(out->data + start + y * row, picture_row(p, y), p->width);
    }
    return out;
}

static void put_chunk(GByteArray *out, const char type[4], const void *data, size_t len)
{
    uint32_t size = GUINT32_TO_BE((uint32_t)len);
    uint32_t sum = crc32(0, (const Bytef *)type, 4);
    if (len) { /* of none, crc32 gives its start value */
        sum = crc32(sum, data, len);
    }
    sum = GUINT32_TO_BE(sum);
    g_byte_array_append(out, (const uint8_t *)&size, 4);
    g_byte_array_append(out, (const uint8_t *)type, 4);
    g_byte_array_append(out, data, len);
    g_byte_array_append(out, (const uint8_t *)&sum, 4);
}

/* One IDAT of all rows, each behind the number of its filter. */
static void put_rows(GByteArray *out, const Picture *p)
{
    size_t row = 1 + (size_t)p->width * 3, all = row * p->height;
    uLongf packed = compressBound(all);
    g_autofree uint8_t *raw = g_malloc(MAX(all, 1)), *data = g_malloc(packed);
    for (unsigned y = 0; y < p->height; y++) {
        raw[y * row] = PNG_NO_FILTER;
        put_rgb(raw + y * row + 1, picture_row(p, y), p->width);
    }
    int result = compress2(data, &packed, raw, all, Z_BEST_SPEED);
    g_assert(result == Z_OK); /* there is room */
    put_chunk(out, "IDAT", data, packed);
}

static GByteArray *encode_png(const Picture *p)
{
    static const uint8_t signature[] = { 0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n' };
    struct __attribute__((packed)) {
        uint32_t width, height;
        uint8_t depth, colour, compression, filter, interlace;
    } head = { GUINT32_TO_BE(p->width), GUINT32_TO_BE(p->height), PNG_DEPTH, PNG_RGB };
    GByteArray *out = g_byte_array_new();
    g_byte_array_append(out, signature, sizeof(signature));
    put_chunk(out, "IHDR", &head, sizeof(head));
    put_rows(out, p);
    put_chunk(out, "IEND", "", 0);
    return out;
}

GBytes *picture_encode(const Picture *p, PictureForm form)
{
    return g_byte_array_free_to_bytes(form == PICTURE_PNG ? encode_png(p) : encode_ppm(p));
}
