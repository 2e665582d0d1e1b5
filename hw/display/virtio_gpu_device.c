/* SPDX-License-Identifier: GPL-2.0-or-later */
/* virtio GPU as a device: its configuration, its life, and its state.
 * Spec: VIRTIO 1.x, section 5.7 (device-gpu.tex). */
#include <string.h>

#include "base/log.h"
#include "hw/board.h"
#include "hw/display/edid.h"
#include "hw/display/virtio_gpu.h"

enum {
    CONTROL_SIZE = 256,
    CURSOR_SIZE = 16,
    F_EDID = 1,
    F_RESOURCE_BLOB = 3,
    EVENT_DISPLAY = 1,
    MIN_WISH = 64
};

typedef struct GpuConfig {
    uint32_t events_read, events_clear, num_scanouts, num_capsets;
} GpuConfig;

/* ---- configuration ------------------------------------------------------------------------ */

static uint64_t gpu_features(VirtioDevice *v)
{
    const VirtioGpu *g = gpu_of(v);
    return (uint64_t)g->edid << F_EDID | (uint64_t)g->blob << F_RESOURCE_BLOB;
}

static void gpu_get_config(VirtioDevice *v, uint8_t *config)
{
    const VirtioGpu *g = gpu_of(v);
    GpuConfig c = { GUINT32_TO_LE(g->s.events), 0, GUINT32_TO_LE(g->max_outputs), 0 };
    memcpy(config, &c, sizeof(c));
}

static void gpu_set_config(VirtioDevice *v, unsigned offset, const uint8_t *data, unsigned size)
{
    VirtioGpu *g = gpu_of(v);
    uint32_t clear = 0;
    if (offset < offsetof(GpuConfig, events_clear) || offset + size > offsetof(GpuConfig, num_scanouts)) {
        log_guest_error("%s: write to read-only configuration at %u", v->dev.path, offset);
        return;
    }
    memcpy((uint8_t *)&clear + (offset - offsetof(GpuConfig, events_clear)), data, size);
    g->s.events &= ~GUINT32_FROM_LE(clear);
}

/* Front ends say how large a picture would be right; the guest may follow. */
static void head_wish(void *opaque, unsigned width, unsigned height)
{
    GpuHead *h = opaque;
    VirtioGpu *g = h->gpu;
    GpuScanout *s = &g->s.scanouts[h->index];
    width = CLAMP(width, MIN_WISH, EDID_MAX_SIZE);
    height = CLAMP(height, MIN_WISH, EDID_MAX_SIZE);
    if (s->wish_width != width || s->wish_height != height) {
        s->wish_width = width;
        s->wish_height = height;
        g->s.events |= EVENT_DISPLAY;
        virtio_config_changed(&g->v);
    }
}

static const ConsoleOps head_ops = { .wish = head_wish };

/* ---- life ------------------------------------------------------------------------------------ */

static void drop_images(VirtioGpu *g)
{
    for (unsigned i = 0; i < GPU_RESOURCES; i++) {
        picture_clear(&g->images[i]);
    }
}

/* The driver is gone: nothing is there and shown any more.  Wishes are the user's, and stay. */
static void gpu_clear(VirtioGpu *g)
{
    drop_images(g);
    memset(g->s.resources, 0, sizeof(g->s.resources));
    g->s.pool_bytes = g->s.events = 0;
    for (unsigned i = 0; i < g->max_outputs; i++) {
        GpuScanout *s = &g->s.scanouts[i];
        uint32_t width = s->wish_width ? s->wish_width : g->xres;
        uint32_t height = s->wish_height ? s->wish_height : g->yres;
        *s = (GpuScanout){ .wish_width = width, .wish_height = height };
        gpu_scanout_off(g, i);
        gpu_draw_cursor(g, i);
    }
}

static void gpu_set_status(VirtioDevice *v, uint8_t status)
{
    if (!status) {
        gpu_clear(gpu_of(v));
    }
}

/* Pictures are not part of the state: what they were transferred from is in the guest's memory. */
static void gpu_reload(void *opaque)
{
    VirtioGpu *g = opaque;
    for (unsigned i = 0; i < GPU_RESOURCES; i++) {
        GpuResource *r = &g->s.resources[i];
        PictureRect all = { 0, 0, r->width, r->height };
        if (r->id && !r->blob && gpu_check_transfer(g, r, &all, 0) == GPU_OK_NODATA) {
            gpu_transfer_rows(g, r, &all, 0, 0, r->height);
        }
    }
    for (unsigned i = 0; i < g->max_outputs; i++) {
        const GpuScanout *s = &g->s.scanouts[i];
        const GpuResource *of = gpu_find(g, s->resource);
        gpu_draw_cursor(g, i);
        if (of) {
            gpu_show(g, of, &(PictureRect){ 0, 0, PICTURE_MAX_SIZE, PICTURE_MAX_SIZE });
        }
    }
}

/* Of the sizes that the new state says, black; they are filled when the guest's memory is there, too. */
static void make_pictures(VirtioGpu *g)
{
    drop_images(g);
    for (unsigned i = 0; i < GPU_RESOURCES; i++) {
        const GpuResource *r = &g->s.resources[i];
        picture_init(&g->images[i], r->id ? r->width : 0, r->id ? r->height : 0);
    }
    for (unsigned i = 0; i < g->max_outputs; i++) {
        const GpuScanout *s = &g->s.scanouts[i];
        console_set_size(g->heads[i].console, s->width, s->height);
        console_move_cursor(g->heads[i].console, gpu_place(s->cursor_x), gpu_place(s->cursor_y));
    }
    bh_schedule(g->reload);
}

static bool scanout_is_valid(VirtioGpu *g, const GpuScanout *s)
{
    PictureRect r = { s->x, s->y, s->width, s->height };
    const GpuResource *of = gpu_find(g, s->resource);
    bool rows = s->format || s->stride || s->offset; /* of a blob */
    bool shown =
        of && r.width && r.height &&
        (of->blob ? gpu_blob_scanout_is_valid(s, of) : !rows && rect_is_inside(&r, of->width, of->height));
    return shown || !(s->resource || s->x || s->y || s->width || s->height || rows);
}

static bool gpu_loaded(Device *dev, GError **err)
{
    VirtioGpu *g = container_of(dev, VirtioGpu, v.dev);
    bool ok = gpu_resources_are_valid(g);
    for (unsigned i = 0; ok && i < GPU_SCANOUTS; i++) {
        ok = scanout_is_valid(g, &g->s.scanouts[i]);
    }
    if (!ok) {
        g_set_error(err, G_FILE_ERROR, G_FILE_ERROR_INVAL, "%s: its resources and screens cannot be",
                    dev->path);
    }
    if (ok) {
        make_pictures(g);
    }
    return ok;
}

static const VirtioOps gpu_ops = {
    .id = 16,
    .pci_class = 0x038000,
    .config_size = sizeof(GpuConfig),
    .features = gpu_features,
    .get_config = gpu_get_config,
    .set_config = gpu_set_config,
    .notify = gpu_notify,
    .set_status = gpu_set_status,
    .quiesce = gpu_quiesce,
};

static bool gpu_realize(Device *dev, GError **err)
{
    VirtioGpu *g = container_of(dev, VirtioGpu, v.dev);
    virtio_init(&g->v, &gpu_ops);
    virtio_add_queue(&g->v, CONTROL_SIZE);
    virtio_add_queue(&g->v, CURSOR_SIZE);
    g->reload = bh_new(device_loop(dev), dev->lock, gpu_reload, g);
    for (unsigned i = 0; i < g->max_outputs; i++) {
        GpuHead *h = &g->heads[i];
        *h = (GpuHead){ g, i, NULL };
        h->console = console_new(dev->machine->consoles, device_user_path(dev), i, dev->lock, &head_ops, h);
    }
    return true;
}

static void gpu_unrealize(Device *dev)
{
    VirtioGpu *g = container_of(dev, VirtioGpu, v.dev);
    gpu_quiesce(&g->v);
    bh_free(g->reload);
    for (unsigned i = 0; i < g->max_outputs; i++) {
        console_free(g->heads[i].console);
    }
    drop_images(g);
    virtio_finish(&g->v);
}

#define S GpuScanout
#define R GpuResource
/* clang-format off */
static const Field scanout_fields[] = {
    MEMBER_U32(S, resource),    MEMBER_U32(S, x),
    MEMBER_U32(S, y),           MEMBER_U32(S, width, .max = PICTURE_MAX_SIZE),
    MEMBER_U32(S, height, .max = PICTURE_MAX_SIZE),
    MEMBER_U32(S, cursor),      MEMBER_U32(S, hot_x),
    MEMBER_U32(S, hot_y),       MEMBER_U32(S, cursor_x),
    MEMBER_U32(S, cursor_y),    MEMBER_U32(S, wish_width, .max = EDID_MAX_SIZE, .keep = true),
    MEMBER_U32(S, wish_height, .max = EDID_MAX_SIZE, .keep = true),
    MEMBER_U32(S, format, .since = 1), MEMBER_U32(S, stride, .since = 1), MEMBER_U32(S, offset, .since = 1),
    { 0 },
};
static const Field resource_fields[] = {
    MEMBER_U32(R, id),      MEMBER_U32(R, format), MEMBER_U32(R, width), MEMBER_U32(R, height),
    MEMBER_BOOL(R, backed), MEMBER_U32(R, first),  MEMBER_U32(R, entries),
    MEMBER_U32(R, blob, .since = 1),
    { 0 },
};
/* clang-format on */
static const Field gpu_state[] = {
    STATE_U32(VirtioGpu, events),
    STATE_STRUCT(VirtioGpu, resources, GpuResource, resource_fields),
    STATE_STRUCT(VirtioGpu, scanouts, GpuScanout, scanout_fields),
    STATE_COUNTED(VirtioGpu, pool, pool_bytes),
    { 0 },
};

#define G VirtioGpu
static const Prop gpu_props[] = {
    { "max_outputs", PROP_U32, offsetof(G, max_outputs), "screens", .def = 1, .min = 1, .max = GPU_SCANOUTS },
    { "max_hostmem", PROP_SIZE, offsetof(G, max_hostmem),
      "most memory that the guest's pictures, and screens of blobs, take here", .def = 256 << 20,
      .min = 1 << 20, .max = UINT64_C(1) << 32 },
    { "xres", PROP_U32, offsetof(G, xres), "width that the monitor likes best", .def = 1280, .min = MIN_WISH,
      .max = EDID_MAX_SIZE },
    { "yres", PROP_U32, offsetof(G, yres), "height that it likes best", .def = 800, .min = MIN_WISH,
      .max = EDID_MAX_SIZE },
    { "edid", PROP_BOOL, offsetof(G, edid), "the monitor says what it likes (EDID)", .def = 1 },
    { "blob", PROP_BOOL, offsetof(G, blob),
      "resources may be the guest's memory itself, which is copied when it is shown" },
    PROP_ONLY_NUMBER("hostmem", 0, "memory of the host's in the guest is for 3D, which is not built"),
    { 0 },
};

const DeviceClass virtio_gpu_device_class = {
    .name = "virtio-gpu-device",
    .desc = "virtio GPU, 2D",
    .category = "Display",
    .bus = "virtio-bus",
    .parent = &virtio_device_class,
    .size = sizeof(VirtioGpu),
    .user_creatable = true,
    .version = 1,
    .props = gpu_props,
    .state = gpu_state,
    .state_offset = offsetof(G, s),
    .state_size = sizeof(struct VirtioGpuState),
    .realize = gpu_realize,
    .unrealize = gpu_unrealize,
    .loaded = gpu_loaded,
};
