/* SPDX-License-Identifier: GPL-2.0-or-later */
/* check: is an image sound?  With -r it is mended.
 * Status: 0 sound, 1 not completed, 2 corrupt, 3 leaks only, 63 the format has no check. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "block/image_check.h"
#include "img/img.h"

enum { CHECK_CORRUPT = 2, CHECK_LEAKS = 3, CHECK_NONE = 63 };

typedef struct Checking {
    const char *path, *format;
    ImageRepair repair;
    bool quiet, json;
    OpenFlags how; /* locking, direct and no_flush */
} Checking;

static void say(const char *line, void *opaque)
{
    const Checking *c = opaque;
    if (!c->quiet) {
        fflush(stdout);
        fprintf(stderr, "%s\n", line);
    }
}

static void print_result(const ImageReport *r)
{
    if (!r->corruptions && !r->leaks && !r->check_errors) {
        printf("No errors were found on the image.\n");
    }
    if (r->corruptions) {
        printf("\n%" G_GUINT64_FORMAT
               " errors were found on the image.\nData may be corrupted, or further writes to the "
               "image may corrupt it.\n",
               r->corruptions);
    }
    if (r->leaks) {
        printf("\n%" G_GUINT64_FORMAT
               " leaked clusters were found on the image.\nThis means waste of disk space, but no "
               "harm to data.\n",
               r->leaks);
    }
    if (r->check_errors) {
        printf("\n%" G_GUINT64_FORMAT " internal errors have occurred during the check.\n", r->check_errors);
    }
    if (r->allocated) {
        printf("%" G_GUINT64_FORMAT "/%" G_GUINT64_FORMAT
               " = %0.2f%% allocated, %0.2f%% fragmented, %0.2f%% compressed "
               "clusters\n",
               r->allocated, r->total, r->allocated * 100.0 / r->total, r->fragmented * 100.0 / r->allocated,
               r->compressed * 100.0 / r->allocated);
    }
    if (r->image_end) {
        printf("Image end offset: %" G_GUINT64_FORMAT "\n", r->image_end);
    }
}

static void print_member(const char *key, uint64_t value)
{
    if (value) {
        printf("    \"%s\": %" G_GUINT64_FORMAT ",\n", key, value);
    }
}

static void print_json(const ImageReport *r, const char *path, const char *format)
{
    g_autofree char *name = g_strescape(path, NULL);
    printf("{\n");
    print_member("image-end-offset", r->image_end);
    print_member("total-clusters", r->total);
    printf("    \"check-errors\": %" G_GUINT64_FORMAT ",\n", r->check_errors);
    print_member("corruptions", r->corruptions);
    print_member("leaks", r->leaks);
    print_member("corruptions-fixed", r->corruptions_fixed);
    print_member("leaks-fixed", r->leaks_fixed);
    print_member("allocated-clusters", r->allocated);
    print_member("fragmented-clusters", r->fragmented);
    print_member("compressed-clusters", r->compressed);
    printf("    \"filename\": \"%s\",\n    \"format\": \"%s\"\n}\n", name, format);
}

static int status_of(const ImageReport *r)
{
    return r->check_errors ? IMG_FAILED : r->corruptions ? CHECK_CORRUPT : r->leaks ? CHECK_LEAKS : IMG_OK;
}

/* One look; status, or -1 after a message. */
static int look(const Checking *c, ImageRepair repair, ImageReport *r, const char **format)
{
    OpenFlags flags = c->how;
    flags.readonly = repair == REPAIR_NOTHING;
    flags.no_flush &= flags.readonly;
    flags.repair = repair != REPAIR_NOTHING;
    flags.locked = flags.no_backing = true;
    BlockNode *n = img_open(c->path, c->format, &flags, format);
    if (!n) {
        return IMG_FAILED;
    }
    *r = (ImageReport){ .say = say, .opaque = (void *)c };
    int e = image_check(n, repair, r), status = e ? IMG_FAILED : status_of(r);
    if (e == -ENOTSUP) {
        status = CHECK_NONE;
        img_error("This image format does not support checks");
    } else if (e) {
        img_error("Check failed: %s", g_strerror(-e));
    }
    node_unref(n);
    return status;
}

/* Mend, then look what is left. */
static int mend(const Checking *c, ImageReport *r, const char **format)
{
    ImageReport before;
    int status = look(c, c->repair, &before, format);
    if (status == IMG_FAILED || status == CHECK_NONE) {
        return status;
    }
    if (!c->quiet && !c->json && (before.leaks || before.corruptions)) {
        printf("The following inconsistencies were found and repaired:\n\n    %" G_GUINT64_FORMAT
               " leaked clusters\n    %" G_GUINT64_FORMAT
               " corruptions\n\nDouble checking the fixed image now...\n",
               before.leaks, c->repair == REPAIR_ALL ? before.corruptions : 0);
    }
    status = look(c, REPAIR_NOTHING, r, format);
    r->leaks_fixed = before.leaks - MIN(before.leaks, r->leaks);
    r->corruptions_fixed = before.corruptions - MIN(before.corruptions, r->corruptions);
    return status;
}

static int check(const Checking *c)
{
    ImageReport r = { 0 };
    const char *format;
    int status = c->repair == REPAIR_NOTHING ? look(c, REPAIR_NOTHING, &r, &format) : mend(c, &r, &format);
    bool done = status != CHECK_NONE && (status != IMG_FAILED || r.check_errors);
    if (done && c->json) {
        print_json(&r, c->path, format);
    } else if (done && !c->quiet) {
        print_result(&r);
    }
    return status;
}

int cmd_check(int argc, char **argv)
{
    static const struct option options[] = { { "output", required_argument, NULL, 'o' },
                                             { "repair", required_argument, NULL, 'r' },
                                             { "force-share", no_argument, NULL, 'U' },
                                             { NULL } };
    Checking c = { .how = { .locking = true } };
    bool sync; /* what is mended is durable when it is said */
    for (int o; (o = getopt_long(argc, argv, "f:qr:T:U", options, NULL)) != -1;) {
        switch (o) {
        case 'f': c.format = optarg; break;
        case 'q': c.quiet = true; break;
        case 'o':
            if (!img_take_output(optarg, &c.json)) {
                return IMG_FAILED;
            }
            break;
        case 'T':
            if (!img_take_cache("source cache", optarg, &c.how, &sync)) {
                return IMG_FAILED;
            }
            break;
        case 'U': c.how.locking = false; break;
        case 'r':
            c.repair = strcmp(optarg, "all") == 0     ? REPAIR_ALL
                       : strcmp(optarg, "leaks") == 0 ? REPAIR_LEAKS
                                                      : 0;
            if (c.repair) {
                break;
            }
            img_error("--repair/-r expects 'leaks' or 'all', not '%s'", optarg);
            return IMG_FAILED;
        default: return img_usage("check");
        }
    }
    if (argc - optind != 1) {
        img_error("Expecting one image file name");
        return img_usage("check");
    }
    if (!c.how.locking && c.repair != REPAIR_NOTHING) {
        img_error("-U looks at an image that others may write; it is not for -r");
        return IMG_FAILED;
    }
    c.path = argv[optind];
    return check(&c);
}
