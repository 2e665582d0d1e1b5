/* SPDX-License-Identifier: GPL-2.0-or-later */
/* virtio GPU, in two dimensions: resources that the guest fills, screens that show them, pointers.
 * Spec: VIRTIO 1.x, section 5.7 (device-gpu.tex).
 *
 * A screen shows what was flushed, not what was transferred.  Nobody waits for a front end: a flush is done when its pixels
 * are in the console's picture.  Transfers and flushes are worked off in turns, as many rows as fit.
 *
 * Not modelled: 3D (virgl, contexts), blob resources, UUIDs of resources: not offered. */
#include <string.h>

#include "base/log.h"
#include "hw/board.h"
#include "hw/display/edid.h"
#include "hw/display/virtio_gpu.h"
#include "util/bytes.h"

enum { CONTROL = 0, CURSOR = 1, CONTROL_SIZE = 256, CURSOR_SIZE = 16 };
enum { F_EDID = 1, EVENT_DISPLAY = 1, FLAG_FENCE = 1 };
enum { MIN_WISH = 64, MAX_CURSOR = 256, ROWS_BYTES = 256 << 10 };
/* Commands (5.7.6.7) */
enum {
    GET_DISPLAY_INFO = 0x100,
    CREATE_2D,
    UNREF,
    SET_SCANOUT,
    FLUSH,
    TRANSFER_2D,
    ATTACH_BACKING,
    DETACH_BACKING,
    GET_EDID = 0x10a,
    UPDATE_CURSOR = 0x300,
    MOVE_CURSOR,
};
/* Layout: the header and what follows it, little endian */
enum { AT_TYPE = 0, AT_FLAGS = 4, HEADER = 24, WORDS = 8, REQUEST = HEADER + 4 * WORDS };
enum { MODE_BYTES = 24, INFO_BYTES = HEADER + GPU_SCANOUTS * MODE_BYTES, EDID_ROOM = 1024 };

typedef struct GpuConfig {
    uint32_t events_read, events_clear, num_scanouts, num_capsets;
} GpuConfig;

/* A command as the guest wrote it. */
typedef struct Request {
    uint8_t bytes[REQUEST];
    uint32_t type;
} Request;

static VirtioGpu *virtio_gpu(VirtioDevice *v)
{
    return container_of(v, VirtioGpu, v);
}

static uint32_t word(const Request *q, unsigned n) /* behind the header */
{
    return load_le(q->bytes + HEADER + 4 * n, 4);
}

static PictureRect rect_of(const Request *q)
{
    return (PictureRect){ word(q, 0), word(q, 1), word(q, 2), word(q, 3) };
}

/* ---- answers ---------------------------------------------------------------------- */

/* `answer` has room for the header, which is made here from the request's. */
static void give_answer(VirtioGpu *g, unsigned queue, VirtioElement *e, uint32_t code, uint8_t *answer,
                        size_t len)
{
    uint8_t head[HEADER] = { 0 };
    iov_to_buf(e->iov, e->out_count, 0, head, sizeof(head));
    memcpy(answer, head, HEADER); /* fence, context and ring come back */
    store_le(answer + AT_TYPE, 4, code);
    store_le(answer + AT_FLAGS, 4, load_le(head + AT_FLAGS, 4) & FLAG_FENCE);
    size_t n = iov_from_buf(element_in(e), e->in_count, 0, answer, len);
    virtqueue_push(&g->v, queue, e, n);
}

static void answer_code(VirtioGpu *g, unsigned queue, VirtioElement *e, uint32_t code)
{
    uint8_t answer[HEADER];
    if (code >= GPU_ERR_UNSPEC) {
        log_guest_error("%s: a command is answered with the error 0x%x", g->v.dev.path, code);
    }
    give_answer(g, queue, e, code, answer, sizeof(answer));
}

static void answer_display_info(VirtioGpu *g, VirtioElement *e)
{
    uint8_t answer[INFO_BYTES] = { 0 };
    uint32_t x = 0;
    for (unsigned i = 0; i < g->max_outputs; i++) {
        const GpuScanout *s = &g->s.scanouts[i];
        uint8_t *at = answer + HEADER + i * MODE_BYTES;
        store_le(at, 4, x); /* side by side */
        store_le(at + 8, 4, s->wish_width);
        store_le(at + 12, 4, s->wish_height);
        store_le(at + 16, 4, 1); /* enabled */
        x += s->wish_width;
    }
    give_answer(g, CONTROL, e, GPU_OK_DISPLAY_INFO, answer, sizeof(answer));
}

static void answer_edid(VirtioGpu *g, VirtioElement *e, const Request *q)
{
    uint8_t answer[HEADER + 8 + EDID_ROOM] = { 0 };
    uint32_t n = word(q, 0);
    if (!g->edid || n >= g->max_outputs) {
        answer_code(g, CONTROL, e, g->edid ? GPU_ERR_INVALID_SCANOUT : GPU_ERR_UNSPEC);
        return;
    }
    store_le(answer + HEADER, 4, EDID_BYTES);
    edid_make(answer + HEADER + 8, g->s.scanouts[n].wish_width, g->s.scanouts[n].wish_height);
    give_answer(g, CONTROL, e, GPU_OK_EDID, answer, sizeof(answer));
}

/* ---- screens ------------------------------------------------------------------------- */

static void scanout_off(VirtioGpu *g, unsigned n)
{
    GpuScanout *s = &g->s.scanouts[n];
    s->resource = s->x = s->y = s->width = s->height = 0;
    console_set_size(g->heads[n].console, 0, 0);
}

static uint32_t set_scanout(VirtioGpu *g, const Request *q)
{
    PictureRect r = rect_of(q);
    uint32_t n = word(q, 4), id = word(q, 5);
    const GpuResource *of = gpu_find(g, id);
    if (n >= g->max_outputs) {
        return GPU_ERR_INVALID_SCANOUT;
    }
    if (!id) {
        scanout_off(g, n);
        return GPU_OK_NODATA;
    }
    if (!of) {
        return GPU_ERR_INVALID_RESOURCE;
    }
    if (!r.width || !r.height || !rect_is_inside(&r, of->width, of->height)) {
        return GPU_ERR_INVALID_PARAMETER;
    }
    GpuScanout *s = &g->s.scanouts[n];
    if (s->width != r.width ||
        s->height != r.height) { /* the same: another buffer, which a flush will show */
        console_set_size(g->heads[n].console, r.width, r.height);
    }
    s->resource = id;
    s->x = r.x;
    s->y = r.y;
    s->width = r.width;
    s->height = r.height;
    return GPU_OK_NODATA;
}

/* Show a part of a resource wherever it is shown. */
static void show(VirtioGpu *g, const GpuResource *of, const PictureRect *part)
{
    const Picture *image = gpu_image(g, of);
    for (unsigned i = 0; i < g->max_outputs; i++) {
        const GpuScanout *s = &g->s.scanouts[i];
        PictureRect r = { s->x, s->y, s->width, s->height };
        if (s->resource == of->id && rect_intersect(&r, part)) {
            PictureRect to = { r.x - s->x, r.y - s->y, r.width, r.height };
            console_draw(g->heads[i].console, &to, picture_row(image, r.y) + r.x,
                         (size_t)image->width * sizeof(uint32_t), NULL);
        }
    }
}

static uint32_t unref(VirtioGpu *g, uint32_t id)
{
    GpuResource *r = gpu_find(g, id);
    if (!r) {
        return GPU_ERR_INVALID_RESOURCE;
    }
    for (unsigned i = 0; i < g->max_outputs; i++) {
        if (g->s.scanouts[i].resource == id) {
            scanout_off(g, i);
        }
    }
    gpu_destroy(g, r);
    return GPU_OK_NODATA;
}

/* ---- commands -------------------------------------------------------------------------- */

static uint32_t attach(VirtioGpu *g, const VirtioElement *e, const Request *q)
{
    GpuResource *r = gpu_find(g, word(q, 0));
    return r ? gpu_attach(g, r, e, HEADER + 8, word(q, 1)) : GPU_ERR_INVALID_RESOURCE;
}

static uint32_t detach(VirtioGpu *g, const Request *q)
{
    GpuResource *r = gpu_find(g, word(q, 0));
    if (!r || !r->backed) {
        return r ? GPU_ERR_UNSPEC : GPU_ERR_INVALID_RESOURCE;
    }
    gpu_detach(g, r);
    return GPU_OK_NODATA;
}

static uint32_t create(VirtioGpu *g, const Request *q)
{
    return gpu_create(g, &(GpuResource){ word(q, 0), word(q, 1), word(q, 2), word(q, 3) });
}

/* The rectangle is checked now; its rows are copied turn by turn. */
static uint32_t begin_job(VirtioGpu *g, const Request *q)
{
    GpuJob *job = &g->job;
    uint64_t offset = load_le(q->bytes + HEADER + 16, 8);
    bool transfer = q->type == TRANSFER_2D;
    GpuResource *r = gpu_find(g, word(q, transfer ? 6 : 4));
    PictureRect rect = rect_of(q);
    if (!r) {
        return GPU_ERR_INVALID_RESOURCE;
    }
    uint32_t code = transfer                                     ? gpu_check_transfer(g, r, &rect, offset)
                    : rect_is_inside(&rect, r->width, r->height) ? GPU_OK_NODATA
                                                                 : GPU_ERR_INVALID_PARAMETER;
    if (code == GPU_OK_NODATA) {
        job->r = rect;
        job->offset = transfer ? offset : 0;
        job->done = 0;
        job->of = r;
        job->is_transfer = transfer;
    }
    return code;
}

/* What is not begun as a job is answered at once. */
static void run_command(VirtioGpu *g, VirtioElement *e)
{
    Request q = { 0 };
    size_t n = iov_to_buf(e->iov, e->out_count, 0, q.bytes, sizeof(q.bytes));
    uint32_t code = GPU_ERR_UNSPEC;
    q.type = n >= HEADER ? load_le(q.bytes, 4) : 0;
    switch (q.type) {
    case GET_DISPLAY_INFO: answer_display_info(g, e); return;
    case GET_EDID: answer_edid(g, e, &q); return;
    case CREATE_2D: code = create(g, &q); break;
    case UNREF: code = unref(g, word(&q, 0)); break;
    case SET_SCANOUT: code = set_scanout(g, &q); break;
    case ATTACH_BACKING: code = attach(g, e, &q); break;
    case DETACH_BACKING: code = detach(g, &q); break;
    case FLUSH:
    case TRANSFER_2D: code = begin_job(g, &q); break;
    default: break;
    }
    if (g->job.of) {
        g->job.e = e;
    } else {
        answer_code(g, CONTROL, e, code);
    }
}

static uint32_t copy_rows(VirtioGpu *g, unsigned rows)
{
    GpuJob *job = &g->job;
    PictureRect part = { job->r.x, job->r.y + job->done, job->r.width, rows };
    if (job->is_transfer) {
        return gpu_transfer_rows(g, job->of, &job->r, job->offset, job->done, job->done + rows);
    }
    show(g, job->of, &part);
    return GPU_OK_NODATA;
}

/* Go on with the job until its end (true) or that of the turn. */
static bool work_on_job(VirtioGpu *g, VirtioTurn *turn)
{
    GpuJob *job = &g->job;
    size_t row = (size_t)MAX(job->r.width, 1) * sizeof(uint32_t);
    unsigned piece = MAX(ROWS_BYTES / row, 1);
    uint32_t code = GPU_OK_NODATA;
    while (job->done < job->r.height && code == GPU_OK_NODATA) {
        unsigned rows = MIN(piece, job->r.height - job->done);
        if (!virtio_turn_goes_on(turn, rows * row)) {
            return false;
        }
        code = copy_rows(g, rows);
        job->done += rows;
    }
    job->of = NULL;
    answer_code(g, CONTROL, g_steal_pointer(&job->e), code);
    return true;
}

static void run_control(VirtioGpu *g)
{
    VirtioTurn turn = virtio_turn(&g->v, CONTROL);
    VirtioElement *e;
    while (virtio_turn_goes_on(&turn, VIRTIO_CHAIN_COST)) {
        if (!g->job.e) {
            e = virtqueue_pop(&g->v, CONTROL);
            if (!e) {
                break;
            }
            run_command(g, e);
        }
        if (g->job.e && !work_on_job(g, &turn)) {
            break;
        }
    }
    virtqueue_notify(&g->v, CONTROL);
}

/* ---- pointers --------------------------------------------------------------------------- */

/* Places outside of any screen are legal; some are negative. */
static int place(uint32_t v)
{
    int32_t at = v;
    return CLAMP(at, -PICTURE_MAX_SIZE, PICTURE_MAX_SIZE);
}

static void draw_cursor(VirtioGpu *g, unsigned n)
{
    const GpuScanout *s = &g->s.scanouts[n];
    const GpuResource *r = gpu_find(g, s->cursor);
    const Picture *shape = r && r->width <= MAX_CURSOR && r->height <= MAX_CURSOR ? gpu_image(g, r) : NULL;
    console_set_cursor(g->heads[n].console, shape, place(s->hot_x), place(s->hot_y));
}

static uint32_t run_cursor_command(VirtioGpu *g, const Request *q)
{
    uint32_t n = word(q, 0);
    if (q->type != UPDATE_CURSOR && q->type != MOVE_CURSOR) {
        return GPU_ERR_UNSPEC;
    }
    if (n >= g->max_outputs) {
        return GPU_ERR_INVALID_SCANOUT;
    }
    GpuScanout *s = &g->s.scanouts[n];
    s->cursor_x = word(q, 1);
    s->cursor_y = word(q, 2);
    console_move_cursor(g->heads[n].console, place(s->cursor_x), place(s->cursor_y));
    if (q->type == UPDATE_CURSOR) {
        s->cursor = word(q, 4);
        s->hot_x = word(q, 5);
        s->hot_y = word(q, 6);
        draw_cursor(g, n);
        return s->cursor && !gpu_find(g, s->cursor) ? GPU_ERR_INVALID_RESOURCE : GPU_OK_NODATA;
    }
    return GPU_OK_NODATA;
}

static void run_cursor(VirtioGpu *g)
{
    VirtioTurn turn = virtio_turn(&g->v, CURSOR);
    VirtioElement *e;
    while (virtio_turn_goes_on(&turn, VIRTIO_CHAIN_COST + MAX_CURSOR * MAX_CURSOR) &&
           (e = virtqueue_pop(&g->v, CURSOR))) {
        Request q = { 0 };
        size_t n = iov_to_buf(e->iov, e->out_count, 0, q.bytes, sizeof(q.bytes));
        q.type = n >= HEADER ? load_le(q.bytes, 4) : 0;
        answer_code(g, CURSOR, e, run_cursor_command(g, &q));
    }
    virtqueue_notify(&g->v, CURSOR);
}

/* A shape comes by a transfer on the other queue, which is done first. */
static void gpu_notify(VirtioDevice *v, unsigned queue)
{
    run_control(virtio_gpu(v));
    if (queue == CURSOR) {
        run_cursor(virtio_gpu(v));
    }
}

static bool gpu_quiesce(VirtioDevice *v)
{
    VirtioGpu *g = virtio_gpu(v);
    if (g->job.e) { /* from its start when the queue goes on: that is the same once more */
        virtqueue_unpop(v, CONTROL, g_steal_pointer(&g->job.e));
        g->job.of = NULL;
    }
    return true;
}

/* ---- configuration ------------------------------------------------------------------------ */

static uint64_t gpu_features(VirtioDevice *v)
{
    return (uint64_t)virtio_gpu(v)->edid << F_EDID;
}

static void gpu_get_config(VirtioDevice *v, uint8_t *config)
{
    const VirtioGpu *g = virtio_gpu(v);
    GpuConfig c = { GUINT32_TO_LE(g->s.events), 0, GUINT32_TO_LE(g->max_outputs), 0 };
    memcpy(config, &c, sizeof(c));
}

static void gpu_set_config(VirtioDevice *v, unsigned offset, const uint8_t *data, unsigned size)
{
    VirtioGpu *g = virtio_gpu(v);
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
        scanout_off(g, i);
        draw_cursor(g, i);
    }
}

static void gpu_set_status(VirtioDevice *v, uint8_t status)
{
    if (!status) {
        gpu_clear(virtio_gpu(v));
    }
}

/* Pictures are not part of the state: what they were transferred from is in the guest's memory. */
static void gpu_reload(void *opaque)
{
    VirtioGpu *g = opaque;
    for (unsigned i = 0; i < GPU_RESOURCES; i++) {
        GpuResource *r = &g->s.resources[i];
        PictureRect all = { 0, 0, r->width, r->height };
        if (r->id && gpu_check_transfer(g, r, &all, 0) == GPU_OK_NODATA) {
            gpu_transfer_rows(g, r, &all, 0, 0, r->height);
        }
    }
    for (unsigned i = 0; i < g->max_outputs; i++) {
        const GpuScanout *s = &g->s.scanouts[i];
        const GpuResource *of = gpu_find(g, s->resource);
        draw_cursor(g, i);
        if (of) {
            show(g, of, &(PictureRect){ 0, 0, of->width, of->height });
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
        console_move_cursor(g->heads[i].console, place(s->cursor_x), place(s->cursor_y));
    }
    bh_schedule(g->reload);
}

static bool scanout_is_valid(VirtioGpu *g, const GpuScanout *s)
{
    PictureRect r = { s->x, s->y, s->width, s->height };
    const GpuResource *of = gpu_find(g, s->resource);
    bool shown = of && r.width && r.height && rect_is_inside(&r, of->width, of->height);
    return shown || !(s->resource || s->x || s->y || s->width || s->height);
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
    { 0 },
};
static const Field resource_fields[] = {
    MEMBER_U32(R, id),      MEMBER_U32(R, format), MEMBER_U32(R, width), MEMBER_U32(R, height),
    MEMBER_BOOL(R, backed), MEMBER_U32(R, first),  MEMBER_U32(R, entries),
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
    { "max_hostmem", PROP_SIZE, offsetof(G, max_hostmem), "most memory that the guest's pictures take here",
      .def = 256 << 20, .min = 1 << 20, .max = UINT64_C(1) << 32 },
    { "xres", PROP_U32, offsetof(G, xres), "width that the monitor likes best", .def = 1280, .min = MIN_WISH,
      .max = EDID_MAX_SIZE },
    { "yres", PROP_U32, offsetof(G, yres), "height that it likes best", .def = 800, .min = MIN_WISH,
      .max = EDID_MAX_SIZE },
    { "edid", PROP_BOOL, offsetof(G, edid), "the monitor says what it likes (EDID)", .def = 1 },
    PROP_ONLY_OFF("blob", "resources in the guest's memory alone are not built"),
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
    .props = gpu_props,
    .state = gpu_state,
    .state_offset = offsetof(G, s),
    .state_size = sizeof(struct VirtioGpuState),
    .realize = gpu_realize,
    .unrealize = gpu_unrealize,
    .loaded = gpu_loaded,
};
