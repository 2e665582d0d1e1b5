/* SPDX-License-Identifier: GPL-2.0-or-later */
/* virtio block device.
 * Spec: VIRTIO 1.x, section 5.2 (device-blk.tex).
 *
 * Requests are parsed where the doorbell is rung and go to the block layer at
 * once, all of one doorbell in one batch; they end in the main loop in any order.
 * With an iothread both happen in its loop.
 *
 * With num-queues above 1 a request comes and ends by any of the queues (VIRTIO_BLK_F_MQ, 5.2.3).
 *
 * Not modelled: zoned devices, secure erase, lifetime information: not offered. */
#include "hw/virtio.h"

#include <errno.h>
#include <string.h>

#include "block/block.h"
#include "hw/iothread.h"
#include "hw/object.h"
#include "hw/tree.h"
#include "base/log.h"
#include "base/event_loop.h"

enum { SECTOR = 512, MAX_SEG = 254, ID_BYTES = 20, MAX_ERRORS_SAID = 10 };
enum { T_IN = 0, T_OUT = 1, T_FLUSH = 4, T_GET_ID = 8, T_DISCARD = 11, T_WRITE_ZEROES = 13 };
enum { S_OK = 0, S_IOERR = 1, S_UNSUPP = 2 };
enum {
    F_SEG_MAX = 2,
    F_RO = 5,
    F_BLK_SIZE = 6,
    F_FLUSH = 9,
    F_TOPOLOGY = 10,
    F_CONFIG_WCE = 11,
    F_MQ = 12,
    F_DISCARD = 13,
    F_WRITE_ZEROES = 14
};
enum { WRITE_CACHE_OFF = 2 }; /* of auto, on, off */
enum { MAX_DISCARD_SECTORS = INT32_MAX / SECTOR };

/* struct virtio_blk_config (5.2.4), little endian */
typedef struct __attribute__((packed)) BlkConfig {
    uint64_t capacity;
    uint32_t size_max, seg_max;
    uint16_t cylinders;
    uint8_t heads, sectors;
    uint32_t blk_size;
    uint8_t physical_block_exp, alignment_offset;
    uint16_t min_io_size;
    uint32_t opt_io_size;
    uint8_t writeback, unused0;
    uint16_t num_queues;
    uint32_t max_discard_sectors, max_discard_seg, discard_sector_alignment;
    uint32_t max_write_zeroes_sectors, max_write_zeroes_seg;
    uint8_t write_zeroes_may_unmap, unused1[3];
} BlkConfig;
_Static_assert(sizeof(BlkConfig) == 60, "layout of 5.2.4");

typedef struct VirtioBlk {
    VirtioDevice v;
    BlockBackend *drive;
    Object *iothread; /* or NULL */
    char *serial;
    uint16_t queue_size, num_queues;
    int32_t bootindex;
    bool config_wce, discard, write_zeroes;
    int rerror, werror; /* BlockOnError */
    int write_cache;    /* auto, on, off */
    unsigned in_flight, errors;
    bool cancelling; /* what is in flight has been told to end */
    struct VirtioBlkState {
        uint8_t writeback; /* configuration field wce, as the driver set it */
    } s;
} VirtioBlk;

typedef struct BlkRequest {
    BlockRequest req;
    VirtioBlk *blk;
    VirtioElement *e;
    unsigned queue;
    uint32_t type;
    struct iovec iov[];
} BlkRequest;

static VirtioBlk *virtio_blk(VirtioDevice *v)
{
    return container_of(v, VirtioBlk, v);
}

/* ---- ending a request ---------------------------------------------------- */

/* The status byte is the last of the writable part. */
static void finish(VirtioBlk *b, unsigned queue, VirtioElement *e, uint8_t status)
{
    iov_from_buf(element_in(e), e->in_count, e->in_bytes - 1, &status, 1);
    /* Data and status count as written, whatever the result: the status byte lies at the end. */
    virtqueue_push(&b->v, queue, e, MIN(e->in_bytes, UINT32_MAX));
}

static void report_error(VirtioBlk *b, const BlockRequest *req, int error)
{
    const Device *dev = b->v.dev.outer ? b->v.dev.outer : &b->v.dev; /* the one the user knows */
    if (error == -ENOTSUP || error == -ECANCELED || b->errors == MAX_ERRORS_SAID) {
        return;
    }
    b->errors++;
    log_report("%s: %s %" G_GUINT64_FORMAT " bytes at %" G_GUINT64_FORMAT
               " of drive '%s' failed: %s; the guest has "
               "been told%s",
               dev->path, block_op_doing(req->op), req->length, req->offset, block_id(b->drive),
               g_strerror(-error), b->errors == MAX_ERRORS_SAID ? ", further ones are not shown" : "");
}

static void blk_done(BlockRequest *req, int result)
{
    BlkRequest *r = req->opaque;
    VirtioBlk *b = r->blk;
    if (result < 0) {
        report_error(b, req, result);
    }
    unsigned queue = r->queue;
    finish(b, queue, r->e, result == 0 ? S_OK : result == -ENOTSUP ? S_UNSUPP : S_IOERR);
    g_free(r);
    virtqueue_notify(&b->v, queue);
    if (--b->in_flight == 0) {
        if (b->cancelling) {
            b->cancelling = false;
            block_cancel_end(b->drive);
        }
        virtio_idle(&b->v);
    }
}

/* ---- starting one -------------------------------------------------------- */

static BlkRequest *request_new(VirtioBlk *b, unsigned queue, VirtioElement *e, uint32_t type, BlockOp op)
{
    BlkRequest *r = g_malloc0(sizeof(*r) + (e->out_count + e->in_count) * sizeof(struct iovec));
    r->blk = b;
    r->e = e;
    r->queue = queue;
    r->type = type;
    r->req = (BlockRequest){ .op = op, .iov = r->iov, .done = blk_done, .opaque = r };
    return r;
}

static void submit(BlkRequest *r)
{
    r->blk->in_flight++;
    block_submit(r->blk->drive, &r->req);
}

static bool range_ok(VirtioBlk *b, uint64_t sector, uint64_t bytes)
{
    uint64_t size = block_size(b->drive);
    return sector <= size / SECTOR && bytes <= size - sector * SECTOR && bytes % SECTOR == 0;
}

static bool start_transfer(VirtioBlk *b, unsigned queue, VirtioElement *e, uint32_t type, uint64_t sector,
                           size_t header)
{
    bool write = type == T_OUT;
    uint64_t bytes = write ? e->out_bytes - header : e->in_bytes - 1;
    if (!range_ok(b, sector, bytes) || (write && block_is_readonly(b->drive))) {
        return false;
    }
    BlkRequest *r = request_new(b, queue, e, type, write ? BLOCK_WRITE : BLOCK_READ);
    r->req.offset = sector * SECTOR;
    r->req.length = bytes;
    r->req.iov_count = write ? iov_slice(r->iov, e->iov, e->out_count, header, bytes)
                             : iov_slice(r->iov, e->iov + e->out_count, e->in_count, 0, bytes);
    r->req.fua = write && !b->s.writeback;
    submit(r);
    return true;
}

/* One segment a request, as the configuration says (max_discard_seg = 1). */
static bool start_discard(VirtioBlk *b, unsigned queue, VirtioElement *e, uint32_t type, size_t header)
{
    struct {
        uint64_t sector;
        uint32_t sectors, flags;
    } seg;
    enum { UNMAP = 1 };
    if (e->out_bytes - header != sizeof(seg) || block_is_readonly(b->drive)) {
        return false;
    }
    iov_to_buf(e->iov, e->out_count, header, &seg, sizeof(seg));
    uint64_t sector = GUINT64_FROM_LE(seg.sector), bytes = (uint64_t)GUINT32_FROM_LE(seg.sectors) * SECTOR;
    uint32_t flags = GUINT32_FROM_LE(seg.flags);
    if (!range_ok(b, sector, bytes) || bytes / SECTOR > MAX_DISCARD_SECTORS ||
        (flags & ~(type == T_WRITE_ZEROES ? UNMAP : 0))) {
        return false;
    }
    BlkRequest *r = request_new(b, queue, e, type, type == T_DISCARD ? BLOCK_DISCARD : BLOCK_WRITE_ZEROES);
    r->req.offset = sector * SECTOR;
    r->req.length = bytes;
    r->req.unmap = flags & UNMAP;
    r->req.fua = !b->s.writeback;
    submit(r);
    return true;
}

static void get_id(VirtioBlk *b, unsigned queue, VirtioElement *e)
{
    char id[ID_BYTES] = { 0 };
    const char *serial = b->serial ? b->serial : block_serial(b->drive);
    memcpy(id, serial ? serial : "", serial ? MIN(strlen(serial), sizeof(id)) : 0);
    iov_from_buf(e->iov + e->out_count, e->in_count, 0, id, MIN(sizeof(id), e->in_bytes - 1));
    finish(b, queue, e, S_OK);
}

static void start(VirtioBlk *b, unsigned queue, VirtioElement *e)
{
    struct {
        uint32_t type, reserved;
        uint64_t sector;
    } header;
    if (e->out_bytes < sizeof(header) || e->in_bytes < 1) {
        virtio_broken(&b->v, "a request without header or status");
        virtqueue_discard(&b->v, queue, e);
        return;
    }
    iov_to_buf(e->iov, e->out_count, 0, &header, sizeof(header));
    uint32_t type = GUINT32_FROM_LE(header.type);
    bool started = true;
    switch (type) {
    case T_IN:
    case T_OUT:
        started = start_transfer(b, queue, e, type, GUINT64_FROM_LE(header.sector), sizeof(header));
        break;
    case T_FLUSH: submit(request_new(b, queue, e, type, BLOCK_FLUSH)); break;
    case T_DISCARD:
    case T_WRITE_ZEROES: started = start_discard(b, queue, e, type, sizeof(header)); break;
    case T_GET_ID: get_id(b, queue, e); break;
    default: log_unimp("%s: request type %u", b->v.dev.path, type); finish(b, queue, e, S_UNSUPP);
    }
    if (!started) {
        log_guest_error("%s: request type %u, sector %" G_GUINT64_FORMAT ": outside the disk, or not allowed",
                        b->v.dev.path, type, GUINT64_FROM_LE(header.sector));
        finish(b, queue, e, S_IOERR);
    }
}

static void blk_notify(VirtioDevice *v, unsigned queue)
{
    VirtioBlk *b = virtio_blk(v);
    VirtioTurn turn =
        virtio_turn(v, queue); /* requests that end at once free their entries for more, without end */
    VirtioElement *e;
    block_plug();
    while (virtio_turn_goes_on(&turn, VIRTIO_CHAIN_COST) && (e = virtqueue_pop(v, queue))) {
        start(b, queue, e);
    }
    block_unplug();
    virtqueue_notify(v, queue); /* for those that ended at once */
}

/* ---- configuration ------------------------------------------------------- */

static uint64_t blk_features(VirtioDevice *v)
{
    VirtioBlk *b = virtio_blk(v);
    uint64_t f = 1ull << F_SEG_MAX | 1ull << F_BLK_SIZE | 1ull << F_FLUSH | 1ull << F_TOPOLOGY |
                 (uint64_t)b->config_wce << F_CONFIG_WCE | (uint64_t)(b->num_queues > 1) << F_MQ;
    if (block_is_readonly(b->drive)) {
        return f | 1ull << F_RO;
    }
    return f | (uint64_t)b->discard << F_DISCARD | (uint64_t)b->write_zeroes << F_WRITE_ZEROES;
}

static void blk_get_config(VirtioDevice *v, uint8_t *config)
{
    VirtioBlk *b = virtio_blk(v);
    BlkConfig c = {
        .capacity = GUINT64_TO_LE(block_size(b->drive) / SECTOR),
        .seg_max = GUINT32_TO_LE(MIN(MAX_SEG, b->queue_size - 2u)),
        .blk_size = GUINT32_TO_LE(SECTOR),
        .writeback = b->s.writeback,
        .num_queues = GUINT16_TO_LE(b->num_queues),
        .max_discard_sectors = GUINT32_TO_LE(MAX_DISCARD_SECTORS),
        .max_discard_seg = GUINT32_TO_LE(1),
        .discard_sector_alignment = GUINT32_TO_LE(1),
        .max_write_zeroes_sectors = GUINT32_TO_LE(MAX_DISCARD_SECTORS),
        .max_write_zeroes_seg = GUINT32_TO_LE(1),
        .write_zeroes_may_unmap = 1,
    };
    memcpy(config, &c, sizeof(c));
}

static void blk_set_config(VirtioDevice *v, unsigned offset, const uint8_t *data, unsigned size)
{
    unsigned wce = offsetof(BlkConfig, writeback);
    if (offset <= wce && wce < offset + size && virtio_has(v, F_CONFIG_WCE)) {
        virtio_blk(v)->s.writeback = data[wce - offset] & 1;
    }
}

static void blk_set_status(VirtioDevice *v, uint8_t status)
{
    VirtioBlk *b = virtio_blk(v);
    if (!(status & VIRTIO_STATUS_DRIVER_OK)) {
        return;
    }
    /* 5.2.6.2: a driver that knows neither FLUSH nor WCE gets a write-through disk. */
    if (!virtio_has(v, F_CONFIG_WCE)) {
        b->s.writeback = virtio_has(v, F_FLUSH);
    }
}

/* The driver has given up what it asked for: nothing of it is begun any more. */
static bool blk_quiesce(VirtioDevice *v)
{
    VirtioBlk *b = virtio_blk(v);
    /* One queue of several is stopped: what came by the others is still wanted, and all is waited for. */
    bool wanted = b->num_queues > 1 && v->s.status & VIRTIO_STATUS_DRIVER_OK;
    if (b->in_flight && !b->cancelling && !wanted) {
        b->cancelling = true;
        block_cancel_begin(b->drive);
    }
    return !b->in_flight;
}

static void blk_settle(Device *dev)
{
    VirtioBlk *b = container_of(dev, VirtioBlk, v.dev);
    block_cancel_begin(b->drive);
    block_drain(b->drive);
    block_cancel_end(b->drive);
}

static const VirtioOps blk_ops = {
    .id = 2,
    .pci_class = 0x010000,
    .config_size = sizeof(BlkConfig),
    .features = blk_features,
    .get_config = blk_get_config,
    .set_config = blk_set_config,
    .notify = blk_notify,
    .set_status = blk_set_status,
    .quiesce = blk_quiesce,
};

/* The thread is woken by doorbells that are events. */
static bool check_iothread(const VirtioBlk *b, GError **err)
{
    const Device *dev = &b->v.dev;
    if (b->iothread && !object_iothread(b->iothread)) {
        g_set_error(err, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
                    "%s: object '%s' is a %s, not a thread; use -object iothread,id=ID",
                    device_user_name(dev), object_id(b->iothread), object_type(b->iothread));
        return false;
    }
    if (b->iothread && b->v.ioeventfd == ON_OFF_OFF) {
        g_set_error(err, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
                    "%s: ioeventfd is required for iothread; leave ioeventfd=off out", device_user_name(dev));
        return false;
    }
    return true;
}

/* Another size of the disk. */
static void blk_resized(void *opaque)
{
    VirtioBlk *b = opaque;
    device_lock(&b->v.dev);
    virtio_config_changed(&b->v);
    device_unlock(&b->v.dev);
}

static bool blk_realize(Device *dev, GError **err)
{
    VirtioBlk *b = container_of(dev, VirtioBlk, v.dev);
    if (!b->drive) {
        g_set_error(
            err, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
            "%s: drive property not set: name one, e.g. -drive file=IMAGE,if=none,id=hd0 -device %s,drive=hd0",
            device_user_name(dev), device_user_name(dev));
        return false;
    }
    if (b->serial && strlen(b->serial) > ID_BYTES) {
        g_set_error(err, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
                    "%s: serial '%s' is longer than %d characters", device_user_name(dev), b->serial,
                    ID_BYTES);
        return false;
    }
    if (b->write_cache == WRITE_CACHE_OFF) {
        g_set_error(
            err, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
            "%s: 'write-cache=off' is not built: the drive has the cache's mode; give -drive cache=writethrough",
            device_user_name(dev));
        return false;
    }
    if (b->queue_size & (b->queue_size - 1)) {
        g_set_error(err, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
                    "%s: queue-size=%u is not a power of two; use 4, 8, 16 ... 1024", device_user_name(dev),
                    b->queue_size);
        return false;
    }
    if (!check_iothread(b, err) || !block_backend_attach(b->drive, dev, dev->lock, err)) {
        return false;
    }
    b->v.loop = b->iothread ? iothread_loop(object_iothread(b->iothread)) : NULL;
    block_serve_in(b->drive, virtio_loop(&b->v));
    g_autofree char *place = device_tree_path(dev);
    block_set_place(b->drive, place);
    block_set_on_error(b->drive, b->rerror, b->werror);
    block_set_resized(b->drive, blk_resized, b);
    virtio_init(&b->v, &blk_ops);
    for (unsigned q = 0; q < b->num_queues; q++) {
        virtio_add_queue(&b->v, b->queue_size);
    }
    return true;
}

static void blk_unrealize(Device *dev)
{
    VirtioBlk *b = container_of(dev, VirtioBlk, v.dev);
    block_backend_detach(b->drive, dev);
    virtio_finish(&b->v);
}

static const Field blk_state[] = { STATE_U8(VirtioBlk, writeback, .reset = 1, .max = 1), { 0 } };

static const Prop blk_props[] = {
    { "drive", PROP_DRIVE, offsetof(VirtioBlk, drive), "the disk image, by id of -drive" },
    { "serial", PROP_STRING, offsetof(VirtioBlk, serial), "serial number the guest sees (20 characters)" },
    { "queue-size", PROP_U16, offsetof(VirtioBlk, queue_size), "entries of the queue", .def = 256, .min = 4,
      .max = VIRTIO_MAX_QUEUE_SIZE },
    { "bootindex", PROP_I32, offsetof(VirtioBlk, bootindex), "place in the boot order that firmware may read",
      .def = -1 },
    { "num-queues", PROP_U16, offsetof(VirtioBlk, num_queues), "queues, of which each vCPU may have one",
      .def = 1, .min = 1, .max = VIRTIO_MAX_QUEUES },
    PROP_ONLY_NUMBER("logical_block_size", SECTOR, "sectors have 512 bytes"),
    PROP_ONLY_NUMBER("physical_block_size", SECTOR, "sectors have 512 bytes"),
    PROP_ONLY_NUMBER("min_io_size", 0, "the guest is told of no preferred size"),
    PROP_ONLY_NUMBER("opt_io_size", 0, "the guest is told of no preferred size"),
    PROP_ONLY_NUMBER("cyls", 0, "the guest is told of no cylinders"),
    PROP_ONLY_NUMBER("heads", 0, "the guest is told of no cylinders"),
    PROP_ONLY_NUMBER("secs", 0, "the guest is told of no cylinders"),
    PROP_ONLY_OFF("scsi", "SCSI requests are not built"),
    PROP_ONLY_OFF("share-rw", "an image has one writer"),
    PROP_ONLY_OFF("request-merging", "requests are sent as they come"),
    PROP_ONLY_ON("seg-max-adjust", "a request has as many pieces as the queue has entries"),
    PROP_ONLY_NUMBER("discard_granularity", SECTOR, "sectors are discarded one by one"),
    PROP_ONLY_NUMBER("max-discard-sectors", MAX_DISCARD_SECTORS, "the guest is told of one limit"),
    PROP_ONLY_NUMBER("max-write-zeroes-sectors", MAX_DISCARD_SECTORS, "the guest is told of one limit"),
    { "iothread", PROP_LINK, offsetof(VirtioBlk, iothread),
      "thread that serves the disk, by id of -object iothread" },
    { "write-cache", PROP_ON_OFF_AUTO, offsetof(VirtioBlk, write_cache),
      "the guest is told of a write cache: on or auto" },
    { "config-wce", PROP_BOOL, offsetof(VirtioBlk, config_wce), "offer the driver's choice of the cache mode",
      .def = 1 },
    { "discard", PROP_BOOL, offsetof(VirtioBlk, discard), "offer discard", .def = 1 },
    { "write-zeroes", PROP_BOOL, offsetof(VirtioBlk, write_zeroes), "offer writing zeroes", .def = 1 },
    { "rerror", PROP_ENUM, offsetof(VirtioBlk, rerror),
      "what to do when a read fails (auto: as the drive says)", .names = block_on_error_names },
    { "werror", PROP_ENUM, offsetof(VirtioBlk, werror),
      "what to do when a write fails (auto: as the drive says)", .names = block_on_error_names },
    { 0 },
};

const DeviceClass virtio_blk_device_class = {
    .name = "virtio-blk-device",
    .desc = "virtio block device",
    .category = "Storage",
    .bus = "virtio-bus",
    .parent = &virtio_device_class,
    .size = sizeof(VirtioBlk),
    .user_creatable = true,
    .props = blk_props,
    .state = blk_state,
    .state_offset = offsetof(VirtioBlk, s),
    .state_size = sizeof(struct VirtioBlkState),
    .realize = blk_realize,
    .unrealize = blk_unrealize,
    .settle = blk_settle,
};
