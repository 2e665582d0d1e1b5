/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the files of virtio-gpu share. */
#pragma once
#include "hw/virtio.h"
#include "ui/console.h"
#include "util/bytes.h"

enum {
    GPU_SCANOUTS = 16,
    GPU_RESOURCES = 256,
    GPU_ATTACH_MAX = 16384,
    GPU_POOL_ENTRIES = 65536,
    GPU_ENTRY_BYTES = 12,
    GPU_HEADER = 24,        /* of a request, little endian as all that follows */
    GPU_REQUEST_WORDS = 18, /* behind it, at most */
};

/* A command as the guest wrote it. */
typedef struct GpuRequest {
    uint8_t bytes[GPU_HEADER + 4 * GPU_REQUEST_WORDS];
    uint32_t type;
} GpuRequest;

/* Responses (5.7.6.7) */
enum {
    GPU_OK_NODATA = 0x1100,
    GPU_OK_DISPLAY_INFO,
    GPU_OK_EDID = 0x1104,
    GPU_ERR_UNSPEC = 0x1200,
    GPU_ERR_OUT_OF_MEMORY,
    GPU_ERR_INVALID_SCANOUT,
    GPU_ERR_INVALID_RESOURCE,
    GPU_ERR_INVALID_CONTEXT,
    GPU_ERR_INVALID_PARAMETER,
};

typedef struct GpuResource {
    uint32_t id; /* 0: the slot is free */
    uint32_t format, width, height;
    bool backed;
    uint32_t first, entries; /* of its memory in the guest, in the pool */
    uint32_t
        blob; /* it is that memory, of so many bytes, and has no format, no size, no image; 0: a picture */
} GpuResource;

/* What part of which resource a screen shows; resource 0: none. */
typedef struct GpuScanout {
    uint32_t resource, x, y, width, height;
    uint32_t cursor, hot_x, hot_y, cursor_x, cursor_y; /* the pointer; resource 0: none */
    uint32_t wish_width, wish_height;                  /* what its monitor likes best */
    uint32_t format, stride,
        offset; /* of a blob: its pixels, bytes between rows, the first row's place; format 0: a picture */
} GpuScanout;

typedef struct VirtioGpu VirtioGpu;
typedef struct GpuHead {
    VirtioGpu *gpu;
    unsigned index;
    Console *console;
} GpuHead;

/* A command that takes several turns. */
typedef struct GpuJob {
    VirtioElement *e; /* NULL: none */
    PictureRect r;    /* what to copy */
    unsigned done;    /* rows of it */
    uint64_t offset;  /* of a transfer: of the first pixel in the guest's memory */
    GpuResource *of;  /* NULL: it has been answered */
    bool is_transfer; /* else a flush */
} GpuJob;

struct VirtioGpu {
    VirtioDevice v;
    uint32_t max_outputs, xres, yres;
    uint64_t max_hostmem;
    bool edid, blob;
    GpuHead heads[GPU_SCANOUTS];
    Picture images[GPU_RESOURCES]; /* of the resources, slot by slot: a copy, by transfers */
    GpuJob job;
    Bh *reload; /* images are made anew from the guest's memory */
    struct VirtioGpuState {
        uint32_t events;
        GpuResource resources[GPU_RESOURCES];
        GpuScanout scanouts[GPU_SCANOUTS];
        uint32_t pool_bytes;
        uint8_t pool[GPU_POOL_ENTRIES * GPU_ENTRY_BYTES]; /* entries: address 8, length 4, little endian */
    } s;
};

static inline uint32_t gpu_word(const GpuRequest *q, unsigned n) /* behind the header */
{
    return load_le(q->bytes + GPU_HEADER + 4 * n, 4);
}

static inline PictureRect gpu_rect(const GpuRequest *q) /* which many begin with */
{
    return (PictureRect){ gpu_word(q, 0), gpu_word(q, 1), gpu_word(q, 2), gpu_word(q, 3) };
}

static inline VirtioGpu *gpu_of(VirtioDevice *v)
{
    return container_of(v, VirtioGpu, v);
}

/* ---- virtio_gpu.c ---- */

void gpu_notify(VirtioDevice *v, unsigned queue);
bool gpu_quiesce(VirtioDevice *v);
void gpu_scanout_off(VirtioGpu *g, unsigned n);
/* From now on it shows that part of a picture; of a blob its rows are to be told, too. */
void gpu_scanout_on(VirtioGpu *g, unsigned n, uint32_t id, const PictureRect *r);
/* What both requests for a screen begin with: a part, the screen, a resource.  *of NULL: the request has ended, by this
 * response code. */
uint32_t gpu_screen_wanted(VirtioGpu *g, const GpuRequest *q, unsigned *n, const GpuResource **of);
/* Show this part of a resource on all screens that show it; a response code. */
uint32_t gpu_show(VirtioGpu *g, const GpuResource *of, const PictureRect *part);
int gpu_place(uint32_t v); /* of a pointer: bounded */
void gpu_draw_cursor(VirtioGpu *g, unsigned n);

/* ---- virtio_gpu_resource.c; each returns a response code ---- */

const PixelFormat *gpu_format(uint32_t format);   /* NULL: none of the specification's */
GpuResource *gpu_find(VirtioGpu *g, uint32_t id); /* NULL: there is none */
static inline Picture *gpu_image(VirtioGpu *g, const GpuResource *r)
{
    return &g->images[r - g->s.resources];
}
uint32_t gpu_create(VirtioGpu *g, const GpuResource *wanted);
void gpu_destroy(VirtioGpu *g, GpuResource *r);
/* The entries (16 bytes each, 5.7.6.7) stand in the chain from `offset` on. */
uint32_t gpu_attach(VirtioGpu *g, GpuResource *r, const VirtioElement *e, size_t offset, uint32_t count);
void gpu_detach(VirtioGpu *g, GpuResource *r);
/* Is a transfer of this rectangle within the resource and its memory? */
uint32_t gpu_check_transfer(VirtioGpu *g, const GpuResource *r, const PictureRect *rect, uint64_t offset);
/* Rows [from, end) of a rectangle that was checked. */
uint32_t gpu_transfer_rows(VirtioGpu *g, GpuResource *r, const PictureRect *rect, uint64_t offset,
                           unsigned from, unsigned end);
/* Of its memory: the bytes, and whether they were read from there.  walk: zeroed at first, for reads from below upwards. */
typedef struct GpuWalk {
    uint32_t entry; /* of the resource */
    uint64_t base;  /* where that begins */
} GpuWalk;
uint64_t gpu_backing_bytes(VirtioGpu *g, const GpuResource *r);
bool gpu_read_backing(VirtioGpu *g, const GpuResource *r, GpuWalk *w, uint64_t offset, void *to, size_t len);
/* Of the host's memory what resources take, and screens that show blobs. */
uint64_t gpu_bytes_in_use(const VirtioGpu *g);
/* A slot for it, whose id nobody has; NULL: the code says why. */
GpuResource *gpu_slot(VirtioGpu *g, uint32_t id, uint32_t *code);
bool gpu_resources_are_valid(const VirtioGpu *g); /* of a loaded state */

/* ---- virtio_gpu_blob.c: resources that are the guest's memory; likewise ---- */

uint32_t gpu_create_blob(VirtioGpu *g, const VirtioElement *e, const GpuRequest *q);
uint32_t gpu_set_scanout_blob(VirtioGpu *g, const GpuRequest *q);
/* A rectangle of what screen n shows. */
uint32_t gpu_show_blob(VirtioGpu *g, unsigned n, const GpuResource *of, const PictureRect *r);
/* A pointer's shape, the caller's; NULL: its memory has none. */
Picture *gpu_blob_cursor(VirtioGpu *g, const GpuResource *of);
bool gpu_blob_scanout_is_valid(const GpuScanout *s, const GpuResource *of); /* of a loaded state */
