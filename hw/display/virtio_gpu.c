/* SPDX-License-Identifier: GPL-2.0-or-later */
/* virtio GPU, in two dimensions: resources that the guest fills, screens that show them, pointers.  These are its commands.
 * Spec: VIRTIO 1.x, section 5.7 (device-gpu.tex).
 *
 * A screen shows what was flushed, not what was transferred.  Nobody waits for a front end: a flush is done when its pixels
 * are in the console's picture.  Transfers and flushes are worked off in turns, as many rows as fit.
 *
 * Not modelled: 3D (virgl, contexts, blobs of the host's memory), UUIDs of resources: not offered. */
#include <string.h>

#include "base/log.h"
#include "hw/board.h"
#include "hw/display/edid.h"
#include "hw/display/virtio_gpu.h"
#include "util/bytes.h"

enum { CONTROL = 0, CURSOR = 1, FLAG_FENCE = 1, MAX_CURSOR = 256, ROWS_BYTES = 256 << 10 };
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
    CREATE_BLOB = 0x10c,
    SET_SCANOUT_BLOB,
    UPDATE_CURSOR = 0x300,
    MOVE_CURSOR,
};
/* Layout: the header and what follows it, little endian */
enum { AT_TYPE = 0, AT_FLAGS = 4 };
enum { MODE_BYTES = 24, INFO_BYTES = GPU_HEADER + GPU_SCANOUTS * MODE_BYTES, EDID_ROOM = 1024 };

/* ---- answers ---------------------------------------------------------------------- */

/* `answer` has room for the header, which is made here from the request's. */
static void give_answer(VirtioGpu *g, unsigned queue, VirtioElement *e, uint32_t code, uint8_t *answer,
                        size_t len)
{
    uint8_t head[GPU_HEADER] = { 0 };
    iov_to_buf(e->iov, e->out_count, 0, head, sizeof(head));
    memcpy(answer, head, GPU_HEADER); /* fence, context and ring come back */
    store_le(answer + AT_TYPE, 4, code);
    store_le(answer + AT_FLAGS, 4, load_le(head + AT_FLAGS, 4) & FLAG_FENCE);
    size_t n = iov_from_buf(element_in(e), e->in_count, 0, answer, len);
    virtqueue_push(&g->v, queue, e, n);
}

static void answer_code(VirtioGpu *g, unsigned queue, VirtioElement *e, uint32_t code)
{
    uint8_t answer[GPU_HEADER];
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
        uint8_t *at = answer + GPU_HEADER + i * MODE_BYTES;
        store_le(at, 4, x); /* side by side */
        store_le(at + 8, 4, s->wish_width);
        store_le(at + 12, 4, s->wish_height);
        store_le(at + 16, 4, 1); /* enabled */
        x += s->wish_width;
    }
    give_answer(g, CONTROL, e, GPU_OK_DISPLAY_INFO, answer, sizeof(answer));
}

static void answer_edid(VirtioGpu *g, VirtioElement *e, const GpuRequest *q)
{
    uint8_t answer[GPU_HEADER + 8 + EDID_ROOM] = { 0 };
    uint32_t n = gpu_word(q, 0);
    if (!g->edid || n >= g->max_outputs) {
        answer_code(g, CONTROL, e, g->edid ? GPU_ERR_INVALID_SCANOUT : GPU_ERR_UNSPEC);
        return;
    }
    store_le(answer + GPU_HEADER, 4, EDID_BYTES);
    edid_make(answer + GPU_HEADER + 8, g->s.scanouts[n].wish_width, g->s.scanouts[n].wish_height);
    give_answer(g, CONTROL, e, GPU_OK_EDID, answer, sizeof(answer));
}

/* ---- screens ------------------------------------------------------------------------- */

void gpu_scanout_off(VirtioGpu *g, unsigned n)
{
    GpuScanout *s = &g->s.scanouts[n];
    s->resource = s->x = s->y = s->width = s->height = 0;
    s->format = s->stride = s->offset = 0;
    console_set_size(g->heads[n].console, 0, 0);
}

void gpu_scanout_on(VirtioGpu *g, unsigned n, uint32_t id, const PictureRect *r)
{
    GpuScanout *s = &g->s.scanouts[n];
    if (s->width != r->width ||
        s->height != r->height) { /* the same: another buffer, which a flush will show */
        console_set_size(g->heads[n].console, r->width, r->height);
    }
    s->resource = id;
    s->x = r->x;
    s->y = r->y;
    s->width = r->width;
    s->height = r->height;
    s->format = s->stride = s->offset = 0;
}

uint32_t gpu_screen_wanted(VirtioGpu *g, const GpuRequest *q, unsigned *n, const GpuResource **of)
{
    uint32_t id = gpu_word(q, 5);
    *n = gpu_word(q, 4);
    *of = NULL;
    if (*n >= g->max_outputs) {
        return GPU_ERR_INVALID_SCANOUT;
    }
    if (!id) {
        gpu_scanout_off(g, *n);
        return GPU_OK_NODATA;
    }
    *of = gpu_find(g, id);
    return GPU_ERR_INVALID_RESOURCE;
}

static uint32_t set_scanout(VirtioGpu *g, const GpuRequest *q)
{
    PictureRect r = gpu_rect(q);
    unsigned n;
    const GpuResource *of;
    uint32_t code = gpu_screen_wanted(g, q, &n, &of);
    if (!of) {
        return code;
    }
    if (!r.width || !r.height || !rect_is_inside(&r, of->width, of->height)) {
        return GPU_ERR_INVALID_PARAMETER;
    }
    gpu_scanout_on(g, n, of->id, &r);
    return GPU_OK_NODATA;
}

/* Show a part of a resource wherever it is shown. */
uint32_t gpu_show(VirtioGpu *g, const GpuResource *of, const PictureRect *part)
{
    uint32_t code = GPU_OK_NODATA;
    for (unsigned i = 0; i < g->max_outputs; i++) {
        const GpuScanout *s = &g->s.scanouts[i];
        PictureRect r = { s->x, s->y, s->width, s->height };
        if (s->resource != of->id || !rect_intersect(&r, part)) {
            continue;
        }
        if (of->blob) {
            uint32_t e = gpu_show_blob(g, i, of, &r);
            code = e == GPU_OK_NODATA ? code : e;
        } else {
            const Picture *image = gpu_image(g, of);
            PictureRect to = { r.x - s->x, r.y - s->y, r.width, r.height };
            console_draw(g->heads[i].console, &to, picture_row(image, r.y) + r.x,
                         (size_t)image->width * sizeof(uint32_t), NULL);
        }
    }
    return code;
}

static uint32_t unref(VirtioGpu *g, uint32_t id)
{
    GpuResource *r = gpu_find(g, id);
    if (!r) {
        return GPU_ERR_INVALID_RESOURCE;
    }
    for (unsigned i = 0; i < g->max_outputs; i++) {
        if (g->s.scanouts[i].resource == id) {
            gpu_scanout_off(g, i);
        }
    }
    gpu_destroy(g, r);
    return GPU_OK_NODATA;
}

/* ---- commands -------------------------------------------------------------------------- */

static uint32_t attach(VirtioGpu *g, const VirtioElement *e, const GpuRequest *q)
{
    GpuResource *r = gpu_find(g, gpu_word(q, 0));
    return r ? gpu_attach(g, r, e, GPU_HEADER + 8, gpu_word(q, 1)) : GPU_ERR_INVALID_RESOURCE;
}

static uint32_t detach(VirtioGpu *g, const GpuRequest *q)
{
    GpuResource *r = gpu_find(g, gpu_word(q, 0));
    if (!r || !r->backed) {
        return r ? GPU_ERR_UNSPEC : GPU_ERR_INVALID_RESOURCE;
    }
    gpu_detach(g, r);
    return GPU_OK_NODATA;
}

static uint32_t create(VirtioGpu *g, const GpuRequest *q)
{
    return gpu_create(g, &(GpuResource){ gpu_word(q, 0), gpu_word(q, 1), gpu_word(q, 2), gpu_word(q, 3) });
}

/* The rectangle is checked now; its rows are copied turn by turn. */
static uint32_t begin_job(VirtioGpu *g, const GpuRequest *q)
{
    GpuJob *job = &g->job;
    uint64_t offset = load_le(q->bytes + GPU_HEADER + 16, 8);
    bool transfer = q->type == TRANSFER_2D;
    GpuResource *r = gpu_find(g, gpu_word(q, transfer ? 6 : 4));
    PictureRect rect = gpu_rect(q);
    if (!r) {
        return GPU_ERR_INVALID_RESOURCE;
    }
    if (r->blob && transfer) {
        return GPU_OK_NODATA; /* it is where it would be transferred to */
    }
    unsigned width = r->blob ? PICTURE_MAX_SIZE : r->width, height = r->blob ? PICTURE_MAX_SIZE : r->height;
    uint32_t code = transfer                               ? gpu_check_transfer(g, r, &rect, offset)
                    : rect_is_inside(&rect, width, height) ? GPU_OK_NODATA
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
    GpuRequest q = { 0 };
    size_t n = iov_to_buf(e->iov, e->out_count, 0, q.bytes, sizeof(q.bytes));
    uint32_t code = GPU_ERR_UNSPEC;
    q.type = n >= GPU_HEADER ? load_le(q.bytes, 4) : 0;
    switch (q.type) {
    case GET_DISPLAY_INFO: answer_display_info(g, e); return;
    case GET_EDID: answer_edid(g, e, &q); return;
    case CREATE_2D: code = create(g, &q); break;
    case UNREF: code = unref(g, gpu_word(&q, 0)); break;
    case SET_SCANOUT: code = set_scanout(g, &q); break;
    case ATTACH_BACKING: code = attach(g, e, &q); break;
    case DETACH_BACKING: code = detach(g, &q); break;
    case CREATE_BLOB: code = g->blob ? gpu_create_blob(g, e, &q) : GPU_ERR_UNSPEC; break;
    case SET_SCANOUT_BLOB: code = g->blob ? gpu_set_scanout_blob(g, &q) : GPU_ERR_UNSPEC; break;
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
    return gpu_show(g, job->of, &part);
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
int gpu_place(uint32_t v)
{
    int32_t at = v;
    return CLAMP(at, -PICTURE_MAX_SIZE, PICTURE_MAX_SIZE);
}

void gpu_draw_cursor(VirtioGpu *g, unsigned n)
{
    const GpuScanout *s = &g->s.scanouts[n];
    const GpuResource *r = gpu_find(g, s->cursor);
    bool fits = r && !r->blob && r->width <= MAX_CURSOR && r->height <= MAX_CURSOR;
    Picture *read = r && r->blob ? gpu_blob_cursor(g, r) : NULL;
    const Picture *shape = fits ? gpu_image(g, r) : read;
    console_set_cursor(g->heads[n].console, shape, gpu_place(s->hot_x), gpu_place(s->hot_y));
    if (read) {
        picture_clear(read);
        g_free(read);
    }
}

static uint32_t run_cursor_command(VirtioGpu *g, const GpuRequest *q)
{
    uint32_t n = gpu_word(q, 0);
    if (q->type != UPDATE_CURSOR && q->type != MOVE_CURSOR) {
        return GPU_ERR_UNSPEC;
    }
    if (n >= g->max_outputs) {
        return GPU_ERR_INVALID_SCANOUT;
    }
    GpuScanout *s = &g->s.scanouts[n];
    s->cursor_x = gpu_word(q, 1);
    s->cursor_y = gpu_word(q, 2);
    console_move_cursor(g->heads[n].console, gpu_place(s->cursor_x), gpu_place(s->cursor_y));
    if (q->type == UPDATE_CURSOR) {
        s->cursor = gpu_word(q, 4);
        s->hot_x = gpu_word(q, 5);
        s->hot_y = gpu_word(q, 6);
        gpu_draw_cursor(g, n);
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
        GpuRequest q = { 0 };
        size_t n = iov_to_buf(e->iov, e->out_count, 0, q.bytes, sizeof(q.bytes));
        q.type = n >= GPU_HEADER ? load_le(q.bytes, 4) : 0;
        answer_code(g, CURSOR, e, run_cursor_command(g, &q));
    }
    virtqueue_notify(&g->v, CURSOR);
}

/* A shape comes by a transfer on the other queue, which is done first. */
void gpu_notify(VirtioDevice *v, unsigned queue)
{
    run_control(gpu_of(v));
    if (queue == CURSOR) {
        run_cursor(gpu_of(v));
    }
}

bool gpu_quiesce(VirtioDevice *v)
{
    VirtioGpu *g = gpu_of(v);
    if (g->job.e) { /* from its start when the queue goes on: that is the same once more */
        virtqueue_unpop(v, CONTROL, g_steal_pointer(&g->job.e));
        g->job.of = NULL;
    }
    return true;
}
