/* SPDX-License-Identifier: GPL-2.0-or-later */
/* resize: another size of the disk. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "block/image_create.h"
#include "img/img.h"

typedef struct Resizing {
    const char *path, *format, *size;
    bool shrink, quiet;
    int preallocation; /* Preallocation */
} Resizing;

/* "+1G", "-512k", "10G"; false after a message. */
static bool new_size(const char *text, uint64_t now, uint64_t *size)
{
    char sign = text[0] == '+' || text[0] == '-' ? text[0] : 0;
    uint64_t n;
    if (!img_read_size(text + (sign != 0), &n)) {
        img_error(
            "Parameter 'size' expects a non-negative number below 2^64\nOptional suffix k, M, G, T, P or E means "
            "kilo-, mega-, giga-, tera-, peta-\nand exabytes, respectively.");
        return false;
    }
    *size = sign == '+' ? now + n : sign == '-' ? now - n : n;
    if ((sign == '+' && *size < now) || (sign == '-' && n >= now) || !*size) {
        img_error("New image size must be positive");
        return false;
    }
    return true;
}

static bool may_shrink(const Resizing *r, uint64_t from, uint64_t to)
{
    if (to >= from || r->shrink) {
        return true;
    }
    img_error("Use the --shrink option to perform a shrink operation.");
    img_error(
        "warning: Shrinking an image will delete all data beyond the shrunken image's end. Before performing such "
        "an operation, make sure there is no important data there.");
    return false;
}

static int resize(const Resizing *r, BlockNode *n, const char *format)
{
    uint64_t size, from = node_size(n);
    Qcow2Info info;
    if (!new_size(r->size, from, &size) || !may_shrink(r, from, size)) {
        return IMG_FAILED;
    }
    if (r->preallocation != PREALLOCATE_OFF && size <= from) {
        img_error("Preallocation can only be used for growing images");
        return IMG_FAILED;
    }
    int e = node_resize(n, size);
    bool old = e == -ENOTSUP && qcow2_info(n, &info);
    if (e) {
        img_error("%s", old             ? "Can't resize a v2 image which has snapshots"
                        : e == -ENOTSUP ? "Image format driver does not support resize"
                        : e == -EFBIG
                            ? "Could not resize the image: it cannot be so large with clusters of this size"
                            : g_strerror(-e));
        return IMG_FAILED;
    }
    if (img_give_place(n, format, r->preallocation, from)) {
        return IMG_FAILED;
    }
    if (!r->quiet) {
        printf("Image resized.\n");
    }
    return IMG_OK;
}

int cmd_resize(int argc, char **argv)
{
    static const struct option options[] = { { "shrink", no_argument, NULL, 's' },
                                             { "preallocation", required_argument, NULL, 'P' },
                                             { NULL } };
    Resizing r = { .size = argc > 2 ? argv[argc - 1] : NULL };
    if (!r.size) {
        img_error("Not enough arguments");
        return img_usage("resize");
    }
    argv[--argc] = NULL; /* it may begin with a dash */
    for (int c; (c = getopt_long(argc, argv, "f:q", options, NULL)) != -1;) {
        switch (c) {
        case 'f': r.format = optarg; break;
        case 'q': r.quiet = true; break;
        case 's': r.shrink = true; break;
        case 'P':
            if (!img_take_preallocation(optarg, &r.preallocation)) {
                return IMG_FAILED;
            }
            break;
        default: return img_usage("resize");
        }
    }
    if (argc - optind != 1) {
        img_error("Expecting image file name and size");
        return img_usage("resize");
    }
    const char *found;
    OpenFlags flags = { .locking = true };
    r.path = argv[optind];
    BlockNode *n = img_open(r.path, r.format, &flags, &found);
    int status = n ? resize(&r, n, found) : IMG_FAILED;
    node_unref(n);
    return status;
}
