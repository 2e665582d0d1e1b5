/* SPDX-License-Identifier: GPL-2.0-or-later */
/* measure: how large the file of a new image would be. */
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "block/bitmap.h"
#include "block/image_create.h"
#include "img/img.h"

typedef struct Measuring {
    const char *path, *from_format, *format, *options, *snapshot;
    uint64_t size;
    bool has_size, json;
    OpenFlags flags;
} Measuring;

/* Bytes of the output's units in which the image has data; 0 or -errno. */
static int count_data(BlockNode *n, uint64_t unit, uint64_t *bytes)
{
    uint64_t size = node_size(n), counted = 0; /* up to where units are counted */
    Extent x;
    *bytes = 0;
    for (uint64_t at = 0; at < size; at += x.length) {
        BlockNode *who = n;
        uint64_t in = at;
        int e = node_map(who, in, size - at, true, &x);
        while (!e && x.kind == EXTENT_BELOW && x.node) {
            who = x.node;
            in = x.position;
            e = node_map(who, in, x.length, true, &x);
        }
        if (e) {
            return e;
        }
        if (x.kind == EXTENT_DATA || x.kind == EXTENT_PACKED) {
            uint64_t first = MAX(at / unit * unit, counted), end = (at + x.length + unit - 1) / unit * unit;
            *bytes += end > first ? end - first : 0;
            counted = MAX(counted, end);
        }
    }
    return 0;
}

/* What the bitmaps of an image take in one of these clusters: data, tables, the directory. */
static uint64_t bitmap_bytes(BlockNode *n, uint64_t cluster)
{
    uint64_t all = 0, directory = 0;
    DirtyBitmap *b;
    for (unsigned i = 0; (b = node_bitmap_at(n, i)); i++) {
        BitmapState s = bitmap_state(b);
        if (s.persistent && !s.inconsistent) {
            uint64_t bits = (node_size(n) + s.granularity - 1) / s.granularity;
            uint64_t data = ((bits + 7) / 8 + cluster - 1) / cluster,
                     table = (data * 8 + cluster - 1) / cluster;
            all += (data + table) * cluster;
            directory += (24 + strlen(s.name) + 7) / 8 * 8;
        }
    }
    return all + (directory + cluster - 1) / cluster * cluster;
}

static void print(const Measuring *m, const ImageMeasure *i, uint64_t required, bool bitmaps, uint64_t bytes)
{
    if (m->json) {
        g_autofree char *line =
            bitmaps ? g_strdup_printf("    \"bitmaps\": %" PRIu64 ",\n", bytes) : g_strdup("");
        printf("{\n%s    \"required\": %" PRIu64 ",\n    \"fully-allocated\": %" PRIu64 "\n}\n", line,
               required, i->full);
    } else {
        g_autofree char *line =
            bitmaps ? g_strdup_printf("bitmaps size: %" PRIu64 "\n", bytes) : g_strdup("");
        printf("required size: %" PRIu64 "\nfully allocated size: %" PRIu64 "\n%s", required, i->full, line);
    }
}

static int measure_new(const Measuring *m, const ImageMaker *maker, const NewImage *o, BlockNode *n)
{
    ImageMeasure i;
    Qcow2Info info;
    uint64_t data = 0;
    maker->measure(o, &i);
    int e = n ? count_data(n, i.unit, &data) : 0;
    if (e) {
        img_error("Failed to read image metadata: %s", g_strerror(-e));
        return IMG_FAILED;
    }
    /* What is to be a difference from a backing may become all of the disk. */
    uint64_t required = n && o->backing ? i.full : MIN(i.empty + data, i.full);
    bool bitmaps = n && qcow2_info(n, &info) && info.version >= 3 && i.unit > 512;
    print(m, &i, required, bitmaps, bitmaps ? bitmap_bytes(n, i.unit) : 0);
    return IMG_OK;
}

static int measure(const Measuring *m, uint64_t size, BlockNode *n)
{
    g_autoptr(GError) err = NULL;
    const ImageMaker *maker = image_maker(m->format);
    if (!maker) {
        img_error("Unknown file format '%s'", m->format);
        return IMG_FAILED;
    }
    if (!maker->measure) {
        img_error("Block driver '%s' does not support size measurement", m->format);
        return IMG_FAILED;
    }
    NewImage *o = shape_parse(maker->shape, m->options ? m->options : "", NULL, &err);
    int status = IMG_FAILED;
    if (o) {
        o->secrets = img_tool.secrets;
        o->size = size;
        o->has_size = true;
    }
    if (o && (!maker->check || maker->check(o, &err))) {
        status = measure_new(m, maker, o, n);
    } else {
        img_error("%s", err->message);
    }
    shape_free(maker->shape, o);
    return status;
}

static int run(const Measuring *m)
{
    const char *found;
    if (m->has_size) {
        return measure(m, m->size, NULL);
    }
    BlockNode *n = img_open(m->path, m->from_format, &m->flags, &found);
    bool ok = n && (!m->snapshot || img_show_snapshot(n, found, m->snapshot));
    int status = ok ? measure(m, node_size(n), n) : IMG_FAILED;
    node_unref(n);
    return status;
}

static bool read_size(Measuring *m, const char *text)
{
    m->has_size = img_read_size(text, &m->size);
    if (!m->has_size) {
        img_error(
            "Invalid image size specified. You may use k, M, G, T, P or E suffixes for kilobytes, megabytes, "
            "gigabytes, terabytes, petabytes and exabytes.");
    }
    return m->has_size;
}

int cmd_measure(int argc, char **argv)
{
    static const struct option options[] = { { "output", required_argument, NULL, 'J' },
                                             { "size", required_argument, NULL, 's' },
                                             { "force-share", no_argument, NULL, 'U' },
                                             { NULL } };
    Measuring m = { .format = "raw", .flags = { .readonly = true, .locking = true } };
    for (int c; (c = getopt_long(argc, argv, "f:l:O:o:U", options, NULL)) != -1;) {
        switch (c) {
        case 'f': m.from_format = optarg; break;
        case 'l': m.snapshot = optarg; break;
        case 'O': m.format = optarg; break;
        case 'o': m.options = optarg; break;
        case 'U': m.flags.locking = false; break;
        case 's':
            if (!read_size(&m, optarg)) {
                return IMG_FAILED;
            }
            break;
        case 'J':
            if (!img_take_output(optarg, &m.json)) {
                return IMG_FAILED;
            }
            break;
        default: return img_usage("measure");
        }
    }
    m.path = argv[optind];
    if (m.has_size && (m.snapshot || m.from_format)) {
        img_error("--image-opts, -f, and -l require a filename argument.");
        return IMG_FAILED;
    }
    if (argc - optind > 1 || (argc - optind == 1) == m.has_size) {
        img_error(m.has_size ? "--size N cannot be used together with a filename."
                             : "Either --size N or one filename must be specified.");
        return IMG_FAILED;
    }
    return run(&m);
}
