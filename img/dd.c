/* SPDX-License-Identifier: GPL-2.0-or-later */
/* dd: blocks of an image, into a new one. */
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "block/image_create.h"
#include "img/img.h"

enum { CHUNK = 1 << 20, ALIGN = 512 };

typedef struct Dd {
    const char *from_path, *to_path, *from_format, *to_format;
    uint64_t block, count, skip; /* count, skip: blocks */
    bool has_count;
    OpenFlags from_flags;
    BlockNode *from, *to;
    uint64_t start, size; /* bytes of the input */
} Dd;

static int copy(const Dd *d)
{
    g_autofree uint8_t *buf = g_malloc(CHUNK);
    int e = 0;
    for (uint64_t done = 0, n; done < d->size && !e; done += n) {
        n = MIN(d->size - done, CHUNK);
        e = node_read_bytes(d->from, d->start + done, buf, n);
        if (e) {
            img_error("error while reading from input image file: %s", g_strerror(-e));
            return IMG_FAILED;
        }
        uint64_t whole = (n + ALIGN - 1) / ALIGN * ALIGN;
        memset(buf + n, 0, whole - n);
        e = node_write(d->to, done, buf, whole);
    }
    e = e ? e : node_flush(d->to);
    if (e) {
        img_error("error while writing to output image file: %s", g_strerror(-e));
    }
    return e ? IMG_FAILED : IMG_OK;
}

/* What of the input is copied. */
static void choose_range(Dd *d)
{
    uint64_t all = node_size(d->from), start, end;
    if (__builtin_mul_overflow(d->block, d->count, &end) || !d->has_count || end > all) {
        end = all;
    }
    if (__builtin_mul_overflow(d->block, d->skip, &start) || (start > end && d->skip)) {
        img_error("%s: cannot skip to specified offset", d->from_path);
        start = end;
    }
    d->start = start;
    d->size = end - start;
}

static int run(Dd *d, GPtrArray *made)
{
    const char *found;
    OpenFlags to = { .locking = true };
    d->from = img_open(d->from_path, d->from_format, &d->from_flags, &found);
    if (!d->from) {
        return IMG_FAILED;
    }
    choose_range(d);
    ImgNew n = { .path = d->to_path,
                 .format = d->to_format,
                 .size = (d->size + ALIGN - 1) / ALIGN * ALIGN,
                 .has_size = true,
                 .quiet = true,
                 .made = made };
    if (!img_create(&n)) {
        return IMG_FAILED;
    }
    d->to = img_open_target(d->to_path, d->to_format, &to, &found);
    return d->to ? copy(d) : IMG_FAILED;
}

/* ---- operands -------------------------------------------------------------- */

static bool read_number(const char *name, const char *text, uint64_t most, uint64_t *value)
{
    bool ok = img_read_size(text, value) && *value <= most;
    if (!ok) {
        img_error("invalid number: '%s'; %s= takes a number, with k, M, G, T, P or E behind it", text, name);
    }
    return ok;
}

static bool take_operand(Dd *d, const char *operand)
{
    if (g_str_has_prefix(operand, "if=")) {
        d->from_path = operand + 3;
    } else if (g_str_has_prefix(operand, "of=")) {
        d->to_path = operand + 3;
    } else if (g_str_has_prefix(operand, "bs=")) {
        bool ok = img_read_size(operand + 3, &d->block) && d->block && d->block <= INT32_MAX;
        if (!ok) {
            img_error("Invalid bs specified. Must be between 1 and 2147483647.");
        }
        return ok;
    } else if (g_str_has_prefix(operand, "count=")) {
        d->has_count = true;
        return read_number("count", operand + 6, INT64_MAX, &d->count);
    } else if (g_str_has_prefix(operand, "skip=")) {
        return read_number("skip", operand + 5, INT64_MAX, &d->skip);
    } else {
        img_error("unrecognized operand %.*s", (int)strcspn(operand, "="), operand);
        return false;
    }
    return true;
}

int cmd_dd(int argc, char **argv)
{
    static const struct option options[] = { { "force-share", no_argument, NULL, 'U' }, { NULL } };
    Dd d = { .to_format = "raw", .block = 512, .from_flags = { .readonly = true, .locking = true } };
    for (int c; (c = getopt_long(argc, argv, "f:O:U", options, NULL)) != -1;) {
        switch (c) {
        case 'f': d.from_format = optarg; break;
        case 'O': d.to_format = optarg; break;
        case 'U': d.from_flags.locking = false; break;
        default: return img_usage("dd");
        }
    }
    for (int i = optind; i < argc; i++) {
        if (!take_operand(&d, argv[i])) {
            return IMG_FAILED;
        }
    }
    if (!d.from_path || !d.to_path) {
        img_error("Must specify both input and output files");
        return IMG_FAILED;
    }
    g_autoptr(GPtrArray) made = image_files_new();
    int status = run(&d, made);
    node_unref(d.from);
    node_unref(d.to);
    if (status != IMG_OK) {
        image_files_undo(made);
    }
    return status;
}
