/* SPDX-License-Identifier: GPL-2.0-or-later */
/* convert: the content of images, one behind the other, into a new one. */
#include <json-c/json.h>

#include "img/convert.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "block/bitmap.h"
#include "block/image_create.h"
#include "util/keyval.h"

enum { GRAIN = 4096, GRAIN_MAX = 16 << 20 };

typedef struct Asked {
    const char *from_format, *to_format, *to_path, *backing, *backing_format, *snapshot;
    char *options;
    OpenFlags from, to;
    bool says_format;                  /* -O */
    bool keep, to_is_zero;             /* keep: the output is there */
    bool bitmaps, skip_broken_bitmaps; /* those of the first image are the output's, too */
} Asked;

static void say_what_is_lost(const Conversion *c, const Asked *a, const ConvertSource *s)
{
    Qcow2Info info;
    if (c->quiet || !qcow2_info(s->node, &info)) {
        return;
    }
    uint32_t bitmaps = a->bitmaps ? 0 : info.bitmaps;
    if (info.snapshots || bitmaps) {
        img_error("warning: %u internal snapshots and %u bitmaps of '%s' are not copied", info.snapshots,
                  bitmaps, s->path);
    }
}

/* ---- bitmaps ------------------------------------------------------------------- */

static bool check_bitmaps(const Conversion *c, const Asked *a)
{
    DirtyBitmap *b;
    Qcow2Info info;
    if (a->bitmaps && !qcow2_info(c->sources[0].node, &info)) {
        img_error("Source lacks bitmap support");
        return false;
    }
    if (a->bitmaps && !img_tool.target_image_opts && strcmp(a->to_format, "qcow2") != 0) {
        img_error("Format driver '%s' does not support bitmaps", a->to_format);
        return false;
    }
    for (unsigned i = 0; a->bitmaps && (b = node_bitmap_at(c->sources[0].node, i)); i++) {
        BitmapState s = bitmap_state(b);
        if (s.inconsistent && !a->skip_broken_bitmaps) {
            img_error("Cannot copy inconsistent bitmap '%s'", s.name);
            return false;
        }
    }
    return true;
}

static bool copy_bitmaps(const Conversion *c, const Asked *a)
{
    g_autoptr(GError) err = NULL;
    DirtyBitmap *b;
    for (unsigned i = 0; a->bitmaps && (b = node_bitmap_at(c->sources[0].node, i)); i++) {
        BitmapState s = bitmap_state(b);
        NewBitmap o = { s.name, s.granularity, .persistent = true, .disabled = !s.recording };
        if (s.inconsistent) {
            img_error("warning: Skipping inconsistent bitmap '%s'", s.name);
            continue;
        }
        DirtyBitmap *new = node_bitmap_add(c->to, &o, &err);
        if (!new || !bitmap_merge(new, b, &err)) {
            img_error("Failed to populate bitmap %s: %s", s.name, err->message);
            return false;
        }
    }
    return true;
}

static bool open_sources(Conversion *c, const Asked *a)
{
    const char *found;
    for (unsigned i = 0; i < c->source_count; i++) {
        ConvertSource *s = &c->sources[i];
        s->node = img_open(s->path, a->from_format, &a->from, &found);
        if (!s->node || (a->snapshot && !img_show_snapshot(s->node, found, a->snapshot))) {
            return false;
        }
        s->start = c->size;
        s->size = node_size(s->node);
        c->size += s->size;
        if (!a->snapshot) {
            say_what_is_lost(c, a, s);
        }
    }
    return true;
}

static bool make_output(const Conversion *c, const Asked *a, GPtrArray *made)
{
    ImgNew n = { .path = a->to_path,
                 .format = a->to_format,
                 .options = a->options,
                 .backing = a->backing,
                 .backing_format = a->backing_format,
                 .size = c->size,
                 .has_size = true,
                 .quiet = true,
                 .made = made };
    return a->keep || img_create(&n);
}

static bool open_output(Conversion *c, const Asked *a)
{
    const char *found;
    ImageInfo info;
    OpenFlags flags = a->to;
    json_object *options = a->options ? keyval_read(a->options, NULL, NULL) : NULL;
    const char *secret = options ? keyval_text(options, "key-secret") : NULL;
    flags.key_secret = options && !secret ? keyval_text(options, "encrypt.key-secret") : secret;
    c->to = img_open_target(a->to_path, a->to_format, &flags, &found);
    json_object_put(options);
    if (!c->to) {
        return false;
    }
    Qcow2Info q;
    if (a->bitmaps && !qcow2_info(c->to, &q)) {
        img_error("Format driver '%s' does not support bitmaps", found);
        return false;
    }
    image_info(c->to, &info);
    if (node_size(c->to) < c->size) {
        img_error("output file is smaller than input file");
        return false;
    }
    if (c->pack && !info.can_pack) {
        img_error(info.encrypted ? "Compression and encryption not supported at the same time"
                                 : "Compression not supported for this file format");
        return false;
    }
    c->compare = info.backing && !a->keep;
    c->dirty = c->compare || info.encrypted || (a->keep && !a->to_is_zero);
    c->cluster = info.cluster_size;
    return true;
}

static int convert(Conversion *c, const Asked *a)
{
    if (img_tool.target_image_opts && !a->keep) {
        img_error("--target-image-opts requires use of -n flag");
        return IMG_FAILED;
    }
    g_autoptr(GPtrArray) made = image_files_new();
    bool ok = open_sources(c, a) && check_bitmaps(c, a) && make_output(c, a, made) && open_output(c, a);
    int status = ok ? convert_copy(c) : IMG_FAILED;
    if (status == IMG_OK && !copy_bitmaps(c, a)) {
        status = IMG_FAILED;
    }
    for (unsigned i = 0; i < c->source_count; i++) {
        node_unref(c->sources[i].node);
    }
    node_unref(c->to);
    if (status != IMG_OK) {
        image_files_undo(made);
    }
    return status;
}

/* ---- options --------------------------------------------------------------- */

static const char usage_of_grain[] =
    "Invalid buffer size for sparse output specified. Valid sizes are multiples of 512 up to 16777216. Select 0 to "
    "disable sparse detection (fully allocates output).";

static bool refuse(const char *why)
{
    img_error("%s", why);
    return false;
}

static bool read_threads(Conversion *c, const char *text)
{
    uint64_t n;
    bool ok = g_ascii_string_to_unsigned(text, 10, 1, CONVERT_THREADS_MAX, &n, NULL);
    c->threads = ok ? n : 0;
    return ok || refuse("Invalid number of coroutines. Allowed number of coroutines is between 1 and 16");
}

enum { OPTION_ZERO = 256, OPTION_SALVAGE, OPTION_BITMAPS, OPTION_SKIP_BROKEN };
static const struct option long_options[] = { { "target-is-zero", no_argument, NULL, OPTION_ZERO },
                                              { "salvage", no_argument, NULL, OPTION_SALVAGE },
                                              { "force-share", no_argument, NULL, 'U' },
                                              { "bitmaps", no_argument, NULL, OPTION_BITMAPS },
                                              { "skip-broken-bitmaps", no_argument, NULL,
                                                OPTION_SKIP_BROKEN },
                                              { NULL } };

/* Of the copying. */
static bool take_copy_option(Conversion *c, int o)
{
    switch (o) {
    case 'c': c->pack = true; break;
    case 'm': return read_threads(c, optarg);
    case 'p': c->progress = true; break;
    case 'q': c->quiet = true; break;
    case 'W': break; /* writes come in any order */
    case 'C': c->offload = true; break;
    case 'S':
        c->has_grain = true;
        return (img_read_size(optarg, &c->grain) && c->grain % 512 == 0 && c->grain <= GRAIN_MAX) ||
               refuse(usage_of_grain);
    case 'r': return img_take_size("rate limit", optarg, &c->rate);
    case OPTION_SALVAGE: c->salvage = true; break;
    default: img_usage("convert"); return false;
    }
    return true;
}

static bool take_option(Conversion *c, Asked *a, int o)
{
    bool from_sync; /* nothing is written there */
    switch (o) {
    case 'f': a->from_format = optarg; break;
    case 'O':
        a->to_format = optarg;
        a->says_format = true;
        break;
    case 'o': img_add_options(&a->options, optarg); break;
    case 'B': a->backing = optarg; break;
    case 'F': a->backing_format = optarg; break;
    case 'l': a->snapshot = optarg; break;
    case 'n': a->keep = true; break;
    case 'U': a->from.locking = false; break;
    case 't': return img_take_cache("cache", optarg, &a->to, &c->sync);
    case 'T': return img_take_cache("source cache", optarg, &a->from, &from_sync);
    case OPTION_ZERO: a->to_is_zero = true; break;
    case OPTION_BITMAPS: a->bitmaps = true; break;
    case OPTION_SKIP_BROKEN: a->skip_broken_bitmaps = true; break;
    default: return take_copy_option(c, o);
    }
    return true;
}

static bool check_options(const Conversion *c, const Asked *a)
{
    bool preallocated =
        a->options && strstr(a->options, "preallocation=") && !strstr(a->options, "preallocation=off");
    const char *why =
        a->says_format && img_tool.target_image_opts ? "--image-opts and --format are mutually exclusive"
        : a->keep && a->options                      ? "-o has no effect when skipping image creation"
        : a->skip_broken_bitmaps && !a->bitmaps      ? "Use of --skip-broken-bitmaps requires --bitmaps"
        : a->snapshot && c->source_count > 1         ? "No support for concatenating multiple snapshot"
        : a->snapshot && a->bitmaps ? "--bitmaps copies those of the disk as it is: a snapshot (-l) has none"
        : a->bitmaps && c->source_count > 1 ? "Using --bitmaps with multiple source images is not supported"
        : a->to_is_zero && !a->keep         ? "--target-is-zero requires use of -n flag"
        : a->backing_format && a->keep      ? "-F is of a new image, and -n keeps the old one"
        : a->backing && a->keep             ? "-B makes a new image, and -n keeps the old one"
        : a->backing && !a->backing_format  ? "Use of backing file requires explicit backing format"
        : c->offload && c->has_grain        ? "Cannot enable copy offloading when -S is used"
        : c->offload && c->pack             ? "Cannot enable copy offloading when -c is used"
        : c->offload && c->salvage          ? "Cannot use copy offloading in salvaging mode"
        : c->pack && preallocated           ? "Compression and preallocation not supported at the same time"
                                            : NULL;
    return !why || refuse(why);
}

int cmd_convert(int argc, char **argv)
{
    Conversion c = { .threads = MIN(g_get_num_processors(), CONVERT_THREADS_MAX), .grain = GRAIN };
    Asked a = { .to_format = "raw",
                .from = { .readonly = true, .locking = true },
                .to = { .locking = true, .no_flush = true } };
    bool ok = true;
    for (int o;
         ok && (o = getopt_long(argc, argv, "f:O:o:B:F:l:t:T:S:r:m:cCnpqUW", long_options, NULL)) != -1;) {
        ok = take_option(&c, &a, o);
    }
    if (ok && img_asks_help(a.options)) {
        g_free(a.options);
        return img_create_help(a.to_format);
    }
    if (ok && argc - optind < 2) {
        ok = refuse("Must specify image file name");
        img_usage("convert");
    }
    int status = IMG_FAILED;
    c.source_count = ok ? argc - optind - 1 : 0;
    if (ok && check_options(&c, &a)) {
        c.sources = g_new0(ConvertSource, c.source_count);
        for (unsigned i = 0; i < c.source_count; i++) {
            c.sources[i].path = argv[optind + i];
        }
        a.to_path = argv[argc - 1];
        status = convert(&c, &a);
    }
    g_free(c.sources);
    g_free(a.options);
    return status;
}
