/* SPDX-License-Identifier: GPL-2.0-or-later */
/* create: a new image. */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/props.h"
#include "block/qcow2_create.h"
#include "img/img.h"

typedef struct CreateOptions {
    uint64_t size, cluster_size;
    uint8_t refcount_bits;
    bool has_size, lazy, extended, raw_data;
    char *backing, *backing_format, *data_file;
    int compat, compression;
} CreateOptions;

enum { COMPAT_NEW, COMPAT_NEW_NAME, COMPAT_OLD, COMPAT_OLD_NAME };
static const char *const compats[] = { "1.1", "v3", "0.10", "v2", NULL };
static const char *const compressions[] = { "zlib", "zstd", NULL };

#define AT(field) offsetof(CreateOptions, field)
static const Prop raw_props[] = {
    { "size", PROP_SIZE, AT(size), "bytes", .has = AT(has_size) },
    { NULL },
};
static const Prop qcow2_props[] = {
    { "size", PROP_SIZE, AT(size), "bytes", .has = AT(has_size) },
    { "compat", PROP_ENUM, AT(compat), "version", .names = compats },
    { "backing_file", PROP_STRING, AT(backing), "image that shows where this one has nothing" },
    { "backing_fmt", PROP_STRING, AT(backing_format), "its format" },
    { "cluster_size", PROP_SIZE, AT(cluster_size), "bytes", .def = 65536 },
    { "refcount_bits", PROP_U8, AT(refcount_bits), "width of a count", .def = 16 },
    { "lazy_refcounts", PROP_BOOL, AT(lazy), "counts are written at the end" },
    { "extended_l2", PROP_BOOL, AT(extended), "parts of clusters are allocated" },
    { "compression_type", PROP_ENUM, AT(compression), "of compressed clusters", .names = compressions },
    { "data_file", PROP_STRING, AT(data_file), "raw file that has the data" },
    { "data_file_raw", PROP_BOOL, AT(raw_data), "that file alone is the disk, too" },
    { NULL },
};
#undef AT
static const Shape raw_shape = { "raw", sizeof(CreateOptions), raw_props };
static const Shape qcow2_shape = { "qcow2", sizeof(CreateOptions), qcow2_props };

static const Shape *shape_of(const char *format)
{
    return strcmp(format, "qcow2") == 0 ? &qcow2_shape : strcmp(format, "raw") == 0 ? &raw_shape : NULL;
}

/* ---- what is asked for ----------------------------------------------------- */

static Qcow2Create plan(const CreateOptions *o, const ImgNew *n)
{
    return (Qcow2Create){
        .size = (o->size + 511) & ~UINT64_C(511),
        .version = o->compat >= COMPAT_OLD ? 2 : 3,
        .cluster_bits = o->cluster_size ? __builtin_ctzll(o->cluster_size) : 0,
        .refcount_bits = o->refcount_bits,
        .lazy_refcounts = o->lazy,
        .extended_l2 = o->extended,
        .zstd = o->compression == 1,
        .data_file_raw = o->raw_data,
        .backing = o->backing,
        .backing_format = o->backing_format,
        .data_file = o->data_file,
    };
}

static void print_plan(const ImgNew *n, const CreateOptions *o, bool qcow2)
{
    printf("Formatting '%s', fmt=%s", n->path, n->format);
    if (qcow2) {
        printf(" cluster_size=%" G_GUINT64_FORMAT " extended_l2=%s compression_type=%s", o->cluster_size,
               o->extended ? "on" : "off", compressions[o->compression]);
    }
    printf(" size=%" G_GUINT64_FORMAT, o->size);
    if (qcow2) {
        printf("%s", o->compat == COMPAT_OLD        ? " compat=0.10"
                     : o->compat == COMPAT_OLD_NAME ? " compat=v2"
                                                    : "");
        printf("%s%s%s%s", o->backing ? " backing_file=" : "", o->backing ? o->backing : "",
               o->backing ? " backing_fmt=" : "", o->backing && o->backing_format ? o->backing_format : "");
        printf("%s%s%s", o->data_file ? " data_file=" : "", o->data_file ? o->data_file : "",
               o->raw_data ? " data_file_raw=on" : "");
        printf(" lazy_refcounts=%s refcount_bits=%u", o->lazy ? "on" : "off", o->refcount_bits);
    }
    printf("\n");
}

/* The backing's size is the image's, if none was given; its format must be said. */
static bool look_at_backing(const ImgNew *n, CreateOptions *o)
{
    g_autoptr(GError) err = NULL;
    if (!o->backing || n->unsafe) {
        return true;
    }
    g_autofree char *path = image_resolve(n->path, o->backing, &err);
    const char *found;
    OpenFlags flags = { .readonly = true, .locking = true };
    BlockNode *b = path ? image_open(path, o->backing_format, &flags, &found, &err) : NULL;
    if (!b) {
        img_error("%s: Could not open '%s': %s", n->path, path ? path : o->backing, err->message);
        return false;
    }
    o->size = o->has_size ? o->size : node_size(b);
    o->has_size = true;
    node_unref(b);
    if (!o->backing_format) {
        img_error("%s: Backing file specified without backing format\nDetected format of %s.\nAdd it: -F %s",
                  n->path, found, found);
    }
    return o->backing_format != NULL;
}

static CreateOptions *read_options(const ImgNew *n, const Shape *shape)
{
    g_autoptr(GError) err = NULL;
    CreateOptions *o = shape_parse(shape, n->options ? n->options : "", NULL, &err);
    if (!o) {
        img_error("%s: %s", n->path, err->message);
        return NULL;
    }
    if (n->has_size) {
        o->size = n->size;
        o->has_size = true;
    }
    if (n->backing) {
        g_free(o->backing);
        o->backing = g_strdup(n->backing);
    }
    if (n->backing_format) {
        g_free(o->backing_format);
        o->backing_format = g_strdup(n->backing_format);
    }
    return o;
}

/* ---- making it ------------------------------------------------------------- */

/* An empty file of that size, which nobody else has open. */
static BlockNode *new_file(const char *path, uint64_t size)
{
    const char *found;
    int fd = open(path, O_CREAT | O_RDWR | O_CLOEXEC, 0644);
    if (fd < 0) {
        img_error("%s: Could not create '%s': %s", path, path, g_strerror(errno));
        return NULL;
    }
    OpenFlags flags = { .locking = true };
    BlockNode *file = img_open(path, "raw", &flags, &found);
    if (file && (ftruncate(fd, 0) < 0 || ftruncate(fd, (off_t)size) < 0)) {
        img_error("%s: Could not resize file: %s", path, g_strerror(errno));
        node_unref(file);
        file = NULL;
    }
    close(fd);
    return file;
}

static bool make_data_file(const CreateOptions *o, const ImgNew *n)
{
    g_autoptr(GError) err = NULL;
    g_autofree char *path = o->data_file ? image_resolve(n->path, o->data_file, &err) : NULL;
    BlockNode *data = path ? new_file(path, o->size) : NULL;
    bool ok = !o->data_file || data;
    if (err) {
        img_error("%s: %s", n->path, err->message);
    }
    node_unref(data);
    return ok;
}

static bool make(const ImgNew *n, CreateOptions *o, bool qcow2)
{
    g_autoptr(GError) err = NULL;
    Qcow2Create q = plan(o, n);
    if (qcow2 && ((o->cluster_size & (o->cluster_size - 1)) || !qcow2_create_check(&q, &err))) {
        img_error("%s: %s", n->path,
                  err ? err->message : "Cluster size must be a power of two between 512 and 2048k");
        return false;
    }
    if (!n->quiet) {
        print_plan(n, o, qcow2);
    }
    BlockNode *file = make_data_file(o, n) ? new_file(n->path, qcow2 ? 0 : o->size) : NULL;
    int e = file && qcow2 ? qcow2_create(file, &q) : 0;
    if (e) {
        img_error("%s: %s", n->path, g_strerror(-e));
    }
    node_unref(file);
    return file && !e;
}

bool img_create(const ImgNew *n)
{
    const Shape *shape = shape_of(n->format);
    if (!shape) {
        img_error("%s: Unknown file format '%s'; this program makes raw and qcow2", n->path, n->format);
        return false;
    }
    CreateOptions *o = read_options(n, shape);
    bool qcow2 = shape == &qcow2_shape, ok = o != NULL;
    if (ok && o->backing && !qcow2) {
        img_error("%s: Backing file not supported for file format '%s'", n->path, n->format);
        ok = false;
    }
    ok = ok && look_at_backing(n, o);
    if (ok && !o->has_size) {
        img_error("%s: Image creation needs a size parameter", n->path);
        ok = false;
    }
    ok = ok && make(n, o, qcow2);
    shape_free(shape, o);
    return ok;
}

bool img_read_size(const char *text, uint64_t *size)
{
    typedef struct Size {
        uint64_t size;
    } Size;
    static const Prop rows[] = { { "size", PROP_SIZE, 0, "bytes" }, { NULL } };
    static const Shape shape = { "size", sizeof(Size), rows };
    g_autofree char *pair = g_strdup_printf("size=%s", text);
    Size *s = strchr(text, ',') ? NULL : shape_parse(&shape, pair, NULL, NULL);
    *size = s ? s->size : 0;
    shape_free(&shape, s);
    return s != NULL;
}

int cmd_create(int argc, char **argv)
{
    ImgNew n = { .format = "raw" };
    for (int c; (c = getopt(argc, argv, "f:b:F:o:qu")) != -1;) {
        switch (c) {
        case 'f': n.format = optarg; break;
        case 'b': n.backing = optarg; break;
        case 'F': n.backing_format = optarg; break;
        case 'o': n.options = optarg; break;
        case 'q': n.quiet = true; break;
        case 'u': n.unsafe = true; break;
        default: return img_usage("create");
        }
    }
    if (optind >= argc || argc - optind > 2) {
        img_error("Expecting image file name");
        return img_usage("create");
    }
    n.path = argv[optind];
    if (argc - optind == 2) {
        n.has_size = img_read_size(argv[optind + 1], &n.size);
        if (!n.has_size) {
            img_error(
                "Invalid image size specified. You may use k, M, G, T, P or E suffixes for kilobytes, megabytes, "
                "gigabytes, terabytes, petabytes and exabytes.");
            return IMG_FAILED;
        }
    }
    return img_create(&n) ? IMG_OK : IMG_FAILED;
}
