/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Commands on disks.  A drive is one node here, the file with its format (of -blockdev two,
 * if they were given so); what was asked of it is in qmp_blockstats.c. */
#include "block/image.h"
#include "block/live.h"
#include "block/throttle.h"
#include "hw/board.h"
#include "hw/tree.h"
#include "monitor/command.h"
#include "monitor/qmp_block.h"

static const char *const detect_zeroes[] = { "off", "on", "unmap", NULL };
static const char *const io_statuses[] = { "ok", "failed", "nospace", NULL };

typedef struct DiskImage {
    char *filename, *format, *backing, *full_backing, *backing_format;
    uint64_t size, allocated, cluster;
    bool has_allocated, has_cluster;
    struct DiskImage *below; /* the image of its backing */
} DiskImage;
typedef struct CacheInfo {
    bool writeback, direct, no_flush;
} CacheInfo;
typedef struct ChildInfo {
    char *child, *node;
} ChildInfo;
typedef struct NodeInfo {
    char *file, *node, *driver, *backing;
    bool readonly, active, encrypted;
    int64_t depth, none; /* none: a threshold that there is not, 0 */
    ThrottleLimits limits;
    bool has_burst[THROTTLE_KINDS], has_ops_size;
    char *group;
    int detect_zeroes;
    PropList children, bitmaps;
    bool has_bitmaps;
    DiskImage *image;
    CacheInfo *cache;
} NodeInfo;
typedef struct DriveInfo {
    char *device, *qdev, *type;
    bool removable, locked;
    int io_status;
    NodeInfo *inserted;
} DriveInfo;
typedef struct Flat {
    bool flat, has_flat;
} Flat;

#define T DiskImage
static const Shape image_shape;
static const Prop image_props[] = {
    { "filename", PROP_STRING, ALWAYS(filename) },
    { "format", PROP_STRING, ALWAYS(format) },
    { "virtual-size", PROP_SIZE, ALWAYS(size) },
    { "actual-size", PROP_I64, MAYBE_HAS(allocated), .help = "bytes on the host" },
    { "cluster-size", PROP_I64, MAYBE_HAS(cluster), .help = "bytes" },
    { "backing-filename", PROP_STRING, MAYBE(backing), .help = "as the image names it" },
    { "full-backing-filename", PROP_STRING, MAYBE(full_backing), .help = "as it is found" },
    { "backing-filename-format", PROP_STRING, MAYBE(backing_format) },
    { "backing-image", PROP_STRUCT, MAYBE(below), .of = &image_shape },
    { NULL },
};
#undef T
static const Shape image_shape = { "ImageInfo", sizeof(DiskImage), image_props };
#define T CacheInfo
static const Prop cache_props[] = {
    { "writeback", PROP_BOOL, ALWAYS(writeback) },
    { "direct", PROP_BOOL, ALWAYS(direct) },
    { "no-flush", PROP_BOOL, ALWAYS(no_flush) },
    { NULL },
};
#undef T
static const Shape cache_shape = { "BlockdevCacheInfo", sizeof(CacheInfo), cache_props };
#define T ChildInfo
static const Prop child_props[] = {
    { "child", PROP_STRING, ALWAYS(child) },
    { "node-name", PROP_STRING, ALWAYS(node) },
    { NULL },
};
#undef T
static const Shape child_shape = { "BlockdevChild", sizeof(ChildInfo), child_props };
#define T NodeInfo
#define BURST(name, kind, i)                                                                                 \
    { name "_max", PROP_U64, MAYBE(limits.of[kind].burst), .has = offsetof(NodeInfo, has_burst[i]) },        \
    {                                                                                                        \
        name "_max_length", PROP_U64, MAYBE(limits.of[kind].length), .has = offsetof(NodeInfo, has_burst[i]) \
    }
static const Prop node_props[] = {
    { "file", PROP_STRING, ALWAYS(file) },
    { "node-name", PROP_STRING, ALWAYS(node) },
    { "ro", PROP_BOOL, ALWAYS(readonly) },
    { "drv", PROP_STRING, ALWAYS(driver) },
    { "backing_file", PROP_STRING, MAYBE(backing), .help = "file of its backing" },
    { "backing_file_depth", PROP_I64, ALWAYS(depth) },
    { "children", PROP_STRUCT, ALWAYS(children), .list = true, .of = &child_shape },
    { "dirty-bitmaps", PROP_STRUCT, MAYBE_HAS(bitmaps), .list = true, .of = &qmp_bitmap_info_shape },
    { "active", PROP_BOOL, ALWAYS(active) },
    { "encrypted", PROP_BOOL, ALWAYS(encrypted) },
    { "detect_zeroes", PROP_ENUM, ALWAYS(detect_zeroes), .names = detect_zeroes },
    { "bps", PROP_U64, ALWAYS(limits.of[THROTTLE_BYTES].rate) },
    { "bps_rd", PROP_U64, ALWAYS(limits.of[THROTTLE_BYTES_READ].rate) },
    { "bps_wr", PROP_U64, ALWAYS(limits.of[THROTTLE_BYTES_WRITE].rate) },
    { "iops", PROP_U64, ALWAYS(limits.of[THROTTLE_OPS].rate) },
    { "iops_rd", PROP_U64, ALWAYS(limits.of[THROTTLE_OPS_READ].rate) },
    { "iops_wr", PROP_U64, ALWAYS(limits.of[THROTTLE_OPS_WRITE].rate) },
    { "image", PROP_STRUCT, ALWAYS(image), .of = &image_shape },
    { "cache", PROP_STRUCT, ALWAYS(cache), .of = &cache_shape },
    BURST("bps", THROTTLE_BYTES, 0),
    BURST("bps_rd", THROTTLE_BYTES_READ, 1),
    BURST("bps_wr", THROTTLE_BYTES_WRITE, 2),
    BURST("iops", THROTTLE_OPS, 3),
    BURST("iops_rd", THROTTLE_OPS_READ, 4),
    BURST("iops_wr", THROTTLE_OPS_WRITE, 5),
    { "iops_size", PROP_U64, MAYBE(limits.ops_size), .has = offsetof(NodeInfo, has_ops_size) },
    { "group", PROP_STRING, MAYBE(group), .help = "that shares these limits" },
    { "write_threshold", PROP_I64, ALWAYS(none) },
    { NULL },
};
#undef T
static const Shape node_shape = { "BlockDeviceInfo", sizeof(NodeInfo), node_props };
#define T DriveInfo
static const Prop drive_props[] = {
    { "device", PROP_STRING, ALWAYS(device) },
    { "qdev", PROP_STRING, MAYBE(qdev) },
    { "type", PROP_STRING, ALWAYS(type) },
    { "removable", PROP_BOOL, ALWAYS(removable) },
    { "locked", PROP_BOOL, ALWAYS(locked) },
    { "inserted", PROP_STRUCT, MAYBE(inserted), .of = &node_shape },
    { "io-status", PROP_ENUM, MAYBE(io_status), .names = io_statuses },
    { NULL },
};
#undef T
static const Shape drive_info_shape = { "BlockInfo", sizeof(DriveInfo), drive_props };
#define T Flat
static const Prop flat_props[] = {
    { "flat", PROP_BOOL, MAYBE_HAS(flat), .help = "nothing of backing files" },
    { NULL },
};
#undef T
static const Shape flat_shape = { "BlockArguments", sizeof(Flat), flat_props };

char *qmp_drive_user(const Machine *m, const BlockBackend *blk)
{
    const Device *dev = machine_find_user(m, PROP_DRIVE, blk);
    return dev ? device_backend_path(dev) : NULL;
}

bool qmp_is_drive(const Machine *m, const BlockBackend *blk)
{
    BlockState s;
    block_get_state(blk, &s);
    return !s.is_node || machine_find_user(m, PROP_DRIVE, blk);
}

char *qmp_drive_name(const BlockBackend *blk)
{
    BlockState s;
    block_get_state(blk, &s);
    return g_strdup(s.is_node ? "" : block_id(blk));
}

/* With the images below it. */
static DiskImage *image_fill(BlockNode *n)
{
    DiskImage *i = g_malloc0(shape_size(&image_shape));
    BlockNode *below = node_backing(n);
    ImageInfo info;
    image_info(n, &info);
    *i = (DiskImage){ .filename = g_strdup(node_filename(n)),
                      .format = g_strdup(node_format(n)),
                      .backing = g_strdup(info.backing),
                      .backing_format = g_strdup(info.backing_format),
                      .full_backing = below ? g_strdup(node_filename(below)) : NULL,
                      .size = node_size(n),
                      .allocated = node_allocated(n),
                      .has_allocated = true,
                      .cluster = info.cluster_size,
                      .has_cluster = info.cluster_size != 0,
                      .below = below ? image_fill(below) : NULL };
    return i;
}

static void limits_fill(NodeInfo *n, const BlockBackend *blk)
{
    n->group = g_strdup(block_limits(blk, &n->limits));
    n->has_ops_size = n->limits.ops_size != 0;
    for (unsigned i = 0; i < THROTTLE_KINDS; i++) {
        n->has_burst[i] = n->limits.of[i].burst != 0;
        n->limits.of[i].length = MAX(n->limits.of[i].length, 1);
    }
}

static void node_fill(NodeInfo *n, BlockBackend *blk)
{
    BlockState s;
    ImageInfo info;
    image_info(block_image(blk), &info);
    limits_fill(n, blk);
    block_get_state(blk, &s);
    n->file = g_strdup(s.filename);
    n->node = block_node_name(blk);
    n->driver = g_strdup(s.format);
    n->readonly = s.readonly;
    n->active = true;
    n->encrypted = info.encrypted;
    n->detect_zeroes = s.detect_zeroes ? s.zeroes_unmap ? 2 : 1 : 0;
    BlockNode *image = block_image(blk);
    n->image = image_fill(image);
    qmp_bitmaps_fill(&n->bitmaps, image);
    n->has_bitmaps = n->bitmaps.count != 0;
    g_free(n->image->format);
    n->image->format = g_strdup(s.format);
    n->image->has_allocated = !s.snapshot;
    for (BlockNode *i = node_backing(image); i && !s.snapshot; i = node_backing(i)) {
        n->backing = n->backing ? n->backing : g_strdup(node_filename(i));
        n->depth++;
    }
    const BlockBackend *backing = n->backing ? block_of_image(block_drives(blk), node_backing(image)) : NULL;
    if (backing) {
        ChildInfo *child = prop_list_add(&n->children, &child_shape);
        *child = (ChildInfo){ g_strdup("backing"), block_node_name(backing) };
    }
    if (s.below) {
        ChildInfo *child = prop_list_add(&n->children, &child_shape);
        *child = (ChildInfo){ g_strdup("file"), g_strdup(s.below) };
    }
    n->cache = g_new0(CacheInfo, 1);
    *n->cache = (CacheInfo){ !s.writethrough, s.direct, s.no_flush };
}

typedef struct Listing {
    const Machine *machine;
    PropList *list;
} Listing;

static void add_drive(BlockBackend *blk, void *opaque)
{
    const Listing *l = opaque;
    if (!qmp_is_drive(l->machine, blk)) {
        return;
    }
    DriveInfo *d = prop_list_add(l->list, &drive_info_shape);
    BlockState s;
    block_get_state(blk, &s);
    d->device = qmp_drive_name(blk);
    d->qdev = qmp_drive_user(l->machine, blk);
    d->type = g_strdup("unknown");
    for (int i = 0; io_statuses[i]; i++) {
        d->io_status = g_str_equal(io_statuses[i], s.io_status) ? i : d->io_status;
    }
    d->inserted = g_malloc0(shape_size(&node_shape));
    node_fill(d->inserted, blk);
}

static void add_node(BlockBackend *blk, void *opaque)
{
    node_fill(prop_list_add(opaque, &node_shape), blk);
}

static bool run_query_block(Control *c, const void *args, void *result, GError **err)
{
    Listing l = { c->machine, result };
    block_foreach(c->machine->drives, add_drive, &l);
    return true;
}

static bool run_query_nodes(Control *c, const void *args, void *result, GError **err)
{
    block_foreach(c->machine->drives, add_node, result);
    return true;
}

static bool run_blockdev_add(Control *c, const void *args, void *result, GError **err)
{
    return blockdev_add(c->machine->drives, args, err);
}

typedef struct NodeArgument {
    char *name;
} NodeArgument;

#define T NodeArgument
static const Prop node_argument_props[] = { { "node-name", PROP_STRING, ALWAYS(name) }, { NULL } };
#undef T
static const Shape node_argument_shape = { "NodeArgument", sizeof(NodeArgument), node_argument_props };

static bool run_blockdev_del(Control *c, const void *args, void *result, GError **err)
{
    const NodeArgument *a = args;
    return blockdev_del(c->machine->drives, a->name, err);
}

typedef struct ReopenArguments {
    PropList options;
} ReopenArguments;

#define T ReopenArguments
static const Prop reopen_props[] = {
    { "options", PROP_STRUCT, ALWAYS(options), .list = true, .of = &blockdev_shape, .help = "done together" },
    { NULL },
};
#undef T
static const Shape reopen_shape = { "ReopenArguments", sizeof(ReopenArguments), reopen_props };

static bool run_blockdev_reopen(Control *c, const void *args, void *result, GError **err)
{
    const ReopenArguments *a = args;
    return blockdev_reopen(c->machine->drives, a->options.items, a->options.count, err);
}

/* clang-format off */
const Command commands_block[] = {
    { "blockdev-add", "add a node: an image by name", &blockdev_shape, NULL, 0, run_blockdev_add },
    { "blockdev-del", "remove a node that nothing uses", &node_argument_shape, NULL, 0, run_blockdev_del },
    { "blockdev-reopen", "other options of nodes, all of them or none", &reopen_shape, NULL, 0, run_blockdev_reopen },
    { "query-block", "all drives", &flat_shape, RETURNS_LIST(drive_info_shape), 0, run_query_block },
    { "query-named-block-nodes", "all nodes of drives", &flat_shape, RETURNS_LIST(node_shape), 0, run_query_nodes },
    { NULL },
};
/* clang-format on */
