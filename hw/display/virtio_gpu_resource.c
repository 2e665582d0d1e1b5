/* SPDX-License-Identifier: GPL-2.0-or-later */
/* virtio-gpu's resources: pictures of the host's, and the guest's memory that they are filled from.
 *
 * A picture in the guest's memory has no gaps: row y begins y x width x 4 bytes behind the first pixel.  That memory
 * comes as thousands of pages, so neighbours are put together, and a transfer walks the list once. */
#include <string.h>

#include "base/log.h"
#include "hw/display/virtio_gpu.h"
#include "util/bytes.h"

enum { PIXEL = 4, WIRE_ENTRY = 16 };

const PixelFormat *gpu_format(uint32_t format)
{
    switch (format) { /* named from the lowest byte up */
    case 1: return &pixels_argb8888;
    case 2: return &pixels_xrgb8888;
    case 3: return &pixels_bgra8888;
    case 4: return &pixels_bgrx8888;
    case 67: return &pixels_abgr8888;
    case 68: return &pixels_rgbx8888;
    case 121: return &pixels_rgba8888;
    case 134: return &pixels_xbgr8888;
    default: return NULL;
    }
}

GpuResource *gpu_find(VirtioGpu *g, uint32_t id)
{
    for (unsigned i = 0; id && i < GPU_RESOURCES; i++) {
        if (g->s.resources[i].id == id) {
            return &g->s.resources[i];
        }
    }
    return NULL;
}

static uint64_t image_bytes(const GpuResource *r)
{
    return (uint64_t)r->width * r->height * PIXEL;
}

static bool size_is_valid(const GpuResource *r)
{
    return r->width && r->height && r->width <= PICTURE_MAX_SIZE && r->height <= PICTURE_MAX_SIZE &&
           gpu_format(r->format);
}

/* Of a screen that shows a blob there is a picture that no resource has. */
uint64_t gpu_bytes_in_use(const VirtioGpu *g)
{
    uint64_t sum = 0;
    for (unsigned i = 0; i < GPU_RESOURCES; i++) {
        sum += g->s.resources[i].id ? image_bytes(&g->s.resources[i]) : 0;
    }
    for (unsigned i = 0; i < GPU_SCANOUTS; i++) {
        const GpuScanout *s = &g->s.scanouts[i];
        sum += s->format ? (uint64_t)s->width * s->height * PIXEL : 0;
    }
    return sum;
}

GpuResource *gpu_slot(VirtioGpu *g, uint32_t id, uint32_t *code)
{
    GpuResource *r = g->s.resources;
    if (!id || gpu_find(g, id)) {
        *code = GPU_ERR_INVALID_RESOURCE;
        return NULL;
    }
    while (r < g->s.resources + GPU_RESOURCES && r->id) {
        r++;
    }
    *code = r == g->s.resources + GPU_RESOURCES ? GPU_ERR_OUT_OF_MEMORY : GPU_OK_NODATA;
    return *code == GPU_OK_NODATA ? r : NULL;
}

uint32_t gpu_create(VirtioGpu *g, const GpuResource *wanted)
{
    uint32_t code;
    GpuResource *r = gpu_slot(g, wanted->id, &code);
    if (!r) {
        return code;
    }
    if (!size_is_valid(wanted)) {
        return GPU_ERR_INVALID_PARAMETER;
    }
    if (image_bytes(wanted) > g->max_hostmem - gpu_bytes_in_use(g)) {
        return GPU_ERR_OUT_OF_MEMORY;
    }
    *r = *wanted;
    picture_init(gpu_image(g, r), r->width, r->height);
    return GPU_OK_NODATA;
}

void gpu_destroy(VirtioGpu *g, GpuResource *r)
{
    gpu_detach(g, r);
    picture_clear(gpu_image(g, r));
    memset(r, 0, sizeof(*r));
}

/* ---- the guest's memory --------------------------------------------------------- */

typedef struct Entry {
    uint64_t addr;
    uint32_t len;
} Entry;

static uint8_t *entry_at(VirtioGpu *g, uint32_t n)
{
    return g->s.pool + (size_t)n * GPU_ENTRY_BYTES;
}

static Entry get_entry(VirtioGpu *g, uint32_t n)
{
    const uint8_t *at = entry_at(g, n);
    return (Entry){ load_le(at, 8), load_le(at + 8, 4) };
}

static void put_entry(VirtioGpu *g, uint32_t n, Entry e)
{
    store_le(entry_at(g, n), 8, e.addr);
    store_le(entry_at(g, n) + 8, 4, e.len);
}

static bool append_entry(VirtioGpu *g, GpuResource *r, Entry e)
{
    if (r->entries) {
        uint32_t last = r->first + r->entries - 1;
        Entry before = get_entry(g, last);
        if (before.addr + before.len == e.addr && e.len <= UINT32_MAX - before.len) {
            put_entry(g, last, (Entry){ before.addr, before.len + e.len });
            return true;
        }
    }
    if (r->first + r->entries == GPU_POOL_ENTRIES) {
        return false;
    }
    put_entry(g, r->first + r->entries++, e);
    g->s.pool_bytes += GPU_ENTRY_BYTES;
    return true;
}

uint32_t gpu_attach(VirtioGpu *g, GpuResource *r, const VirtioElement *e, size_t offset, uint32_t count)
{
    uint8_t wire[WIRE_ENTRY];
    if (r->backed || count > GPU_ATTACH_MAX || offset + (uint64_t)count * WIRE_ENTRY > e->out_bytes) {
        return GPU_ERR_UNSPEC;
    }
    g_autofree uint8_t *all = g_malloc((size_t)count * WIRE_ENTRY + 1);
    iov_to_buf(e->iov, e->out_count, offset, all, (size_t)count * WIRE_ENTRY);
    r->backed = true;
    r->first = g->s.pool_bytes / GPU_ENTRY_BYTES;
    r->entries = 0;
    for (uint32_t i = 0; i < count; i++) {
        memcpy(wire, all + (size_t)i * WIRE_ENTRY, WIRE_ENTRY);
        if (!append_entry(g, r, (Entry){ load_le(wire, 8), load_le(wire + 8, 4) })) {
            gpu_detach(g, r);
            return GPU_ERR_OUT_OF_MEMORY;
        }
    }
    return GPU_OK_NODATA;
}

/* The entries behind its own move down. */
void gpu_detach(VirtioGpu *g, GpuResource *r)
{
    uint32_t end = r->first + r->entries, all = g->s.pool_bytes / GPU_ENTRY_BYTES;
    if (r->backed) {
        memmove(entry_at(g, r->first), entry_at(g, end), (size_t)(all - end) * GPU_ENTRY_BYTES);
        g->s.pool_bytes -= r->entries * GPU_ENTRY_BYTES;
        for (unsigned i = 0; i < GPU_RESOURCES; i++) {
            GpuResource *other = &g->s.resources[i];
            other->first -= other != r && other->backed && other->first >= end ? r->entries : 0;
        }
    }
    r->backed = false;
    r->first = r->entries = 0;
}

uint64_t gpu_backing_bytes(VirtioGpu *g, const GpuResource *r)
{
    uint64_t sum = 0;
    for (uint32_t i = 0; i < r->entries; i++) {
        sum += get_entry(g, r->first + i).len;
    }
    return sum;
}

/* ---- transfers -------------------------------------------------------------------- */

uint32_t gpu_check_transfer(VirtioGpu *g, const GpuResource *r, const PictureRect *rect, uint64_t offset)
{
    uint64_t all = gpu_backing_bytes(g, r), need;
    if (!r->backed) {
        return GPU_ERR_UNSPEC;
    }
    if (!rect_is_inside(rect, r->width, r->height)) {
        return GPU_ERR_INVALID_PARAMETER;
    }
    need = rect->height ? ((uint64_t)(rect->height - 1) * r->width + rect->width) * PIXEL : 0;
    return offset <= all && need <= all - offset ? GPU_OK_NODATA : GPU_ERR_INVALID_PARAMETER;
}

/* Who calls has summed the entries up: there are as many bytes. */
bool gpu_read_backing(VirtioGpu *g, const GpuResource *r, GpuWalk *w, uint64_t offset, void *into, size_t len)
{
    uint8_t *to = into;
    while (len) {
        Entry e = get_entry(g, r->first + w->entry);
        if (offset >= w->base + e.len) {
            w->base += e.len;
            w->entry++;
            continue;
        }
        size_t part = MIN(len, w->base + e.len - offset);
        if (dma_read(g->v.dev.dma, e.addr + (offset - w->base), to, part) != BUS_OK) {
            return false;
        }
        offset += part;
        to += part;
        len -= part;
    }
    return true;
}

/* The row's bytes are put where its pixels go, and turned round there if need be: they are as long. */
uint32_t gpu_transfer_rows(VirtioGpu *g, GpuResource *r, const PictureRect *rect, uint64_t offset,
                           unsigned from, unsigned end)
{
    GpuWalk walk = { 0 };
    const PixelFormat *format = gpu_format(r->format);
    for (unsigned y = from; y < end; y++) {
        uint32_t *row = picture_row(gpu_image(g, r), rect->y + y) + rect->x;
        uint64_t at = offset + (uint64_t)y * r->width * PIXEL;
        if (!gpu_read_backing(g, r, &walk, at, row, (size_t)rect->width * PIXEL)) {
            log_guest_error("%s: the memory of resource %u is not in RAM", g->v.dev.path, r->id);
            return GPU_ERR_UNSPEC;
        }
        pixels_convert(row, row, format, rect->width);
    }
    return GPU_OK_NODATA;
}

/* ---- a loaded state ----------------------------------------------------------------- */

static bool is_twice(const VirtioGpu *g, unsigned slot)
{
    for (unsigned i = 0; i < slot; i++) {
        if (g->s.resources[i].id == g->s.resources[slot].id) {
            return true;
        }
    }
    return false;
}

bool gpu_resources_are_valid(const VirtioGpu *g)
{
    uint32_t all = g->s.pool_bytes / GPU_ENTRY_BYTES;
    uint64_t used = 0;
    bool ok = g->s.pool_bytes % GPU_ENTRY_BYTES == 0;
    for (unsigned i = 0; ok && i < GPU_RESOURCES; i++) {
        const GpuResource *r = &g->s.resources[i];
        used += r->entries;
        bool a_blob = r->blob && !r->format && !r->width && !r->height;
        ok = r->id ? (r->blob ? a_blob : size_is_valid(r)) && !is_twice(g, i) : !r->backed && !r->blob;
        ok = ok && (r->backed ? r->first <= all && r->entries <= all - r->first : !r->entries && !r->first);
    }
    return ok && used == all && gpu_bytes_in_use(g) <= g->max_hostmem;
}
