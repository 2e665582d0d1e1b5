/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Blobs of virtio-gpu: resources that are the guest's own memory, and have neither a format nor a size in pixels.  What their pixels
 * are is said where they are shown; nothing is transferred, and a flush reads what is there now.
 * Spec: VIRTIO 1.x, section 5.7, VIRTIO_GPU_CMD_RESOURCE_CREATE_BLOB and VIRTIO_GPU_CMD_SET_SCANOUT_BLOB.
 *
 * Not modelled: blobs of the host's memory, which are for 3D; formats of several planes (the specification names none). */
#include "base/log.h"
#include "hw/board.h"
#include "hw/display/virtio_gpu.h"

enum { MEM_GUEST = 1, FLAGS = 7, PIXEL = 4, CURSOR_SIZE = 64 };

/* Behind the header: id, memory, flags, entries, 64 bits of an id in 3D, 64 bits of size; then the entries. */
uint32_t gpu_create_blob(VirtioGpu *g, const VirtioElement *e, const GpuRequest *q)
{
    uint32_t entries = gpu_word(q, 3), code;
    uint64_t size = load_le(q->bytes + GPU_HEADER + 24, 8);
    GpuResource *r = gpu_slot(g, gpu_word(q, 0), &code);
    if (!r) {
        return code;
    }
    if (gpu_word(q, 1) != MEM_GUEST || gpu_word(q, 2) & ~FLAGS || !size) {
        return GPU_ERR_INVALID_PARAMETER;
    }
    if (size > UINT32_MAX) {
        return GPU_ERR_OUT_OF_MEMORY; /* no screen has so many pixels */
    }
    *r = (GpuResource){ .id = gpu_word(q, 0), .blob = size };
    if (entries) {
        code = gpu_attach(g, r, e, GPU_HEADER + 32, entries);
    }
    if (code != GPU_OK_NODATA) {
        gpu_destroy(g, r);
    }
    return code;
}

/* ---- screens -------------------------------------------------------------------------- */

static uint64_t place_of(const GpuScanout *s, unsigned x, unsigned y)
{
    return s->offset + (uint64_t)y * s->stride + (uint64_t)x * PIXEL;
}

/* Where a rectangle of at least a pixel ends. */
static uint64_t end_of(const GpuScanout *s, const PictureRect *r)
{
    return place_of(s, r->x + r->width, r->y + r->height - 1);
}

bool gpu_blob_scanout_is_valid(const GpuScanout *s, const GpuResource *of)
{
    PictureRect r = { s->x, s->y, s->width, s->height };
    return of->blob && r.width && r.height && rect_is_inside(&r, PICTURE_MAX_SIZE, PICTURE_MAX_SIZE) &&
           gpu_format(s->format) && s->stride >= (uint64_t)(r.x + r.width) * PIXEL &&
           end_of(s, &r) <= of->blob;
}

/* Behind the header: the part, screen, id, width and height of the whole, format, padding, strides and offsets of four planes. */
uint32_t gpu_set_scanout_blob(VirtioGpu *g, const GpuRequest *q)
{
    PictureRect r = gpu_rect(q);
    uint32_t width = gpu_word(q, 6), height = gpu_word(q, 7);
    unsigned n;
    const GpuResource *of;
    uint32_t code = gpu_screen_wanted(g, q, &n, &of);
    if (!of) {
        return code;
    }
    if (!of->blob) {
        return GPU_ERR_INVALID_RESOURCE;
    }
    GpuScanout *s = &g->s.scanouts[n];
    GpuScanout like = { .x = r.x,
                        .y = r.y,
                        .width = r.width,
                        .height = r.height,
                        .format = gpu_word(q, 8),
                        .stride = gpu_word(q, 10),
                        .offset = gpu_word(q, 14) };
    if (!rect_is_inside(&r, width, height) || !gpu_blob_scanout_is_valid(&like, of)) {
        return GPU_ERR_INVALID_PARAMETER;
    }
    uint64_t own = s->format ? (uint64_t)s->width * s->height * PIXEL : 0;
    if ((uint64_t)r.width * r.height * PIXEL > g->max_hostmem - (gpu_bytes_in_use(g) - own)) {
        return GPU_ERR_OUT_OF_MEMORY;
    }
    gpu_scanout_on(g, n, of->id, &r);
    s->format = like.format;
    s->stride = like.stride;
    s->offset = like.offset;
    return GPU_OK_NODATA;
}

uint32_t gpu_show_blob(VirtioGpu *g, unsigned n, const GpuResource *of, const PictureRect *r)
{
    const GpuScanout *s = &g->s.scanouts[n];
    size_t len = (size_t)r->width * PIXEL;
    g_autofree uint32_t *row = g_malloc(len);
    GpuWalk walk = { 0 };
    if (end_of(s, r) > gpu_backing_bytes(g, of)) {
        return GPU_ERR_UNSPEC; /* it has less memory than it was said to have, or none yet */
    }
    for (unsigned y = 0; y < r->height; y++) {
        PictureRect to = { r->x - s->x, r->y - s->y + y, r->width, 1 };
        if (!gpu_read_backing(g, of, &walk, place_of(s, r->x, r->y + y), row, len)) {
            log_guest_error("%s: the memory of blob %u is not in RAM", g->v.dev.path, of->id);
            return GPU_ERR_UNSPEC;
        }
        console_draw(g->heads[n].console, &to, row, len, gpu_format(s->format));
    }
    return GPU_OK_NODATA;
}

/* A pointer is of 64 by 64 pixels ("Configure mouse cursor"), and those are of the format that all drivers give it. */
Picture *gpu_blob_cursor(VirtioGpu *g, const GpuResource *of)
{
    enum { BYTES = CURSOR_SIZE * CURSOR_SIZE * PIXEL };
    GpuWalk walk = { 0 };
    Picture *p = g_new0(Picture, 1);
    picture_init(p, CURSOR_SIZE, CURSOR_SIZE);
    if (MIN(of->blob, gpu_backing_bytes(g, of)) < BYTES ||
        !gpu_read_backing(g, of, &walk, 0, p->pixels, BYTES)) {
        log_guest_error("%s: the memory of blob %u holds no pointer", g->v.dev.path, of->id);
        picture_clear(p);
        g_free(p);
        return NULL;
    }
    pixels_convert(p->pixels, p->pixels, &pixels_argb8888, CURSOR_SIZE * CURSOR_SIZE);
    return p;
}
