/* SPDX-License-Identifier: GPL-2.0-or-later */
/* create: a new image. */
#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/props.h"
#include "block/image_create.h"
#include "img/img.h"

/* ---- what is asked for ----------------------------------------------------- */

static NewImage *read_options(const ImgNew *n, const Shape *shape)
{
    g_autoptr(GError) err = NULL;
    NewImage *o = shape_parse(shape, n->options ? n->options : "", NULL, &err);
    if (!o) {
        img_error("%s: %s", n->path, err->message);
        return NULL;
    }
    o->secrets = img_tool.secrets;
    o->made = n->made;
    const char *why = n->has_size && o->has_size && (n->size_once || n->size != o->size)
                          ? "The image size must be specified only once"
                      : (n->backing_format || o->backing_format) && !n->backing && !o->backing
                          ? "Backing format cannot be used without backing file"
                      : n->unsafe && (n->backing || o->backing) && !n->backing_format && !o->backing_format
                          ? "Backing file specified without backing format; add it: -F qcow2, or raw"
                          : NULL;
    if (why) {
        img_error("%s: %s", n->path, why);
        shape_free(shape, o);
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

static bool is_same_file(const char *a, const char *b)
{
    struct stat x, y;
    return stat(a, &x) == 0 && stat(b, &y) == 0 && x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

/* The backing's size is the image's, if none was given; its format must be said.  It stays open in `held`: what is below
 * the image has locks, and is not made anew by mistake. */
static bool look_at_backing(const ImgNew *n, NewImage *o, BlockNode **held)
{
    g_autoptr(GError) err = NULL;
    if (!o->backing) {
        return true;
    }
    g_autofree char *path = image_resolve(n->path, o->backing, &err);
    if (path && is_same_file(path, n->path)) {
        img_error("%s: Trying to create an image with the same filename as the backing file", n->path);
        return false;
    }
    if (n->unsafe) {
        return true;
    }
    const char *found;
    OpenFlags flags = { .readonly = true, .locking = true, .locked = true };
    *held = path ? image_open(path, o->backing_format, &flags, &found, &err) : NULL;
    if (!*held) {
        img_error("%s: Could not open '%s': %s", n->path, path ? path : o->backing, err->message);
        return false;
    }
    o->size = o->has_size ? o->size : node_size(*held);
    o->has_size = true;
    if (!o->backing_format) {
        img_error("%s: Backing file specified without backing format\nDetected format of %s.\nAdd it: -F %s",
                  n->path, found, found);
    }
    return o->backing_format != NULL;
}

/* ---- making it ------------------------------------------------------------- */

static bool make(const ImgNew *n, const ImageMaker *maker, NewImage *o, GError **err)
{
    if (maker->check && !maker->check(o, err)) {
        return false;
    }
    if (!n->quiet) {
        g_autoptr(GString) text = g_string_new(NULL);
        maker->print(o, text);
        printf("Formatting '%s', fmt=%s %s\n", n->path, n->format, text->str);
    }
    BlockNode *file = image_new_file(n->path, 0, o->made, err);
    bool ok = file && maker->make(file, o, err);
    node_unref(file);
    return ok;
}

static bool create_above(const ImgNew *n, const ImageMaker *maker, NewImage *o)
{
    g_autoptr(GError) err = NULL;
    if (!o->has_size) {
        img_error("%s: Image creation needs a size parameter", n->path);
        return false;
    }
    bool ok = make(n, maker, o, &err);
    if (!ok) {
        img_error("%s: %s", n->path, err->message);
    }
    return ok;
}

static bool create(const ImgNew *n, const ImageMaker *maker, NewImage *o)
{
    BlockNode *below = NULL;
    if (o->backing && !maker->has_backing) {
        img_error("%s: Backing file not supported for file format '%s'", n->path, n->format);
        return false;
    }
    bool ok = look_at_backing(n, o, &below) && create_above(n, maker, o);
    node_unref(below);
    return ok;
}

bool img_create(const ImgNew *n)
{
    const ImageMaker *maker = image_maker(n->format);
    if (!maker) {
        img_error("%s: Unknown file format '%s'; this program makes no such images", n->path, n->format);
        return false;
    }
    NewImage *o = read_options(n, maker->shape);
    bool ok = o && create(n, maker, o);
    shape_free(maker->shape, o);
    return ok;
}

int img_create_help(const char *format)
{
    const ImageMaker *maker = image_maker(format);
    if (!maker) {
        img_error("Unknown file format '%s'; this program makes no such images", format);
        return IMG_FAILED;
    }
    img_print_options("Supported options", maker->shape);
    return IMG_OK;
}

int cmd_create(int argc, char **argv)
{
    ImgNew n = { .format = "raw", .size_once = true };
    g_autofree char *options = NULL;
    for (int c; (c = getopt(argc, argv, "f:b:F:o:qu")) != -1;) {
        switch (c) {
        case 'f': n.format = optarg; break;
        case 'b': n.backing = optarg; break;
        case 'F': n.backing_format = optarg; break;
        case 'o':
            img_add_options(&options, optarg);
            n.options = options;
            break;
        case 'q': n.quiet = true; break;
        case 'u': n.unsafe = true; break;
        default: return img_usage("create");
        }
    }
    if (img_asks_help(n.options)) {
        return img_create_help(n.format);
    }
    if (optind >= argc || argc - optind > 2) {
        img_error("Expecting image file name");
        return img_usage("create");
    }
    n.path = argv[optind];
    if (argc - optind == 2) {
        n.has_size = img_take_size("image size", argv[optind + 1], &n.size);
        if (!n.has_size) {
            return IMG_FAILED;
        }
    }
    n.made = image_files_new();
    bool ok = img_create(&n);
    if (!ok) {
        image_files_undo(n.made);
    }
    g_ptr_array_unref(n.made);
    return ok ? IMG_OK : IMG_FAILED;
}
