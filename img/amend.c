/* SPDX-License-Identifier: GPL-2.0-or-later */
/* amend: other options of a qcow2 image, passwords of encrypted ones. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "base/props.h"
#include "block/luks_amend.h"
#include "img/img.h"

typedef struct Amendments {
    uint64_t size;
    bool lazy, has_size, has_lazy, has_compat;
    LuksAmend luks;
    bool has_format;
    int format, compat;
} Amendments;

static const char *const formats[] = { "luks", NULL };
static const char *const versions[] = { "v2", "v3", "0.10", "1.1", NULL };
#define AT(field) offsetof(Amendments, field)
static const Prop props[] = {
    { "size", PROP_SIZE, AT(size), "bytes of the disk", .has = AT(has_size) },
    { "lazy_refcounts", PROP_BOOL, AT(lazy), "counts are written at the end", .has = AT(has_lazy) },
    LUKS_AMEND_ROWS(AT(luks), "encrypt."),
    { "encrypt.format", PROP_ENUM, AT(format), "of its encryption", .names = formats, .has = AT(has_format) },
    { "backing_file", PROP_STRING, 0, .refused = "Cannot amend the backing file; use rebase instead" },
    { "backing_fmt", PROP_STRING, 0, .refused = "Cannot amend the backing file; use rebase instead" },
    { "compat", PROP_ENUM, AT(compat), "version of the format", .names = versions, .has = AT(has_compat) },
    { "refcount_bits", PROP_STRING, 0,
      .refused = "other widths are not built; use convert -o refcount_bits=" },
    { "data_file", PROP_STRING, 0, .refused = "not built" },
    { "data_file_raw", PROP_STRING, 0, .refused = "not built" },
    { "cluster_size", PROP_STRING, 0, .refused = "This option is only supported for image creation" },
    { "extended_l2", PROP_STRING, 0, .refused = "This option is only supported for image creation" },
    { "compression_type", PROP_STRING, 0, .refused = "This option is only supported for image creation" },
    { "preallocation", PROP_STRING, 0, .refused = "This option is only supported for image creation" },
    { NULL },
};
static const Prop luks_props[] = {
    LUKS_AMEND_ROWS(AT(luks), ""),
    { NULL },
};
#undef AT
static const Shape shape = { "amendments", sizeof(Amendments), props };
static const Shape luks_shape = { "amendments", sizeof(Amendments), luks_props };

static int amend_luks(BlockNode *n, const Amendments *a, bool force)
{
    g_autoptr(GError) err = NULL;
    if (luks_amend(n, &a->luks, img_tool.secrets, force, &err)) {
        return IMG_OK;
    }
    img_error("%s", err->message);
    return IMG_FAILED;
}

static int amend_qcow2(BlockNode *n, const Amendments *a, bool force)
{
    const LuksAmend *l = &a->luks;
    if (a->has_format || l->has_state || l->new_secret || l->old_secret || l->has_slot || l->has_time) {
        if (!qcow2_encryption(n)) {
            img_error("Can't amend encryption options - encryption not present");
            return IMG_FAILED;
        }
        if (amend_luks(qcow2_encryption(n), a, force) != IMG_OK) {
            return IMG_FAILED;
        }
    }
    int e = a->has_lazy ? qcow2_set_lazy_refcounts(n, a->lazy) : 0;
    if (e == -ENOTSUP) {
        img_error(
            "Lazy refcounts only supported with compatibility level 1.1 and above (use compat=1.1 or greater)");
        return IMG_FAILED;
    }
    e = !e && a->has_size ? node_resize(n, a->size) : e;
    if (e) {
        img_error("Error while amending options: %s", g_strerror(-e));
    }
    return e ? IMG_FAILED : IMG_OK;
}

/* What else is asked for may need the newer version. */
static bool amend_version(BlockNode *n, const Amendments *a)
{
    Qcow2Info info;
    bool newer = a->compat % 2;
    if (!a->has_compat || !qcow2_info(n, &info) || newer == (info.version == 3)) {
        return true;
    }
    if (!newer && a->has_lazy && a->lazy) {
        img_error(
            "Lazy refcounts only supported with compatibility level 1.1 and above (use compat=1.1 or greater)");
        return false;
    }
    int e = newer ? qcow2_upgrade(n) : qcow2_downgrade(n);
    if (e == -EBUSY) {
        img_error("Internal snapshots prevent %s of image; use convert -o compat=%s",
                  newer ? "upgrade" : "downgrade", newer ? "1.1" : "0.10");
    } else if (e == -ENOTSUP) {
        img_error(
            "Cannot downgrade an image that has counts of other than 16 bits, extended L2 entries, zstd, a data "
            "file, bitmaps or encryption; use convert -o compat=0.10");
    } else if (e) {
        img_error("Error while amending options: %s", g_strerror(-e));
    }
    return e == 0;
}

/* Which options there are is a question of the format. */
static int amend(BlockNode *n, const char *options, bool force, const char *format)
{
    g_autoptr(GError) err = NULL;
    Qcow2Info q;
    LuksInfo l;
    bool luks = luks_info(n, &l);
    if (!luks && !qcow2_info(n, &q)) {
        img_error("Format driver '%s' does not support option amendment", format);
        return IMG_FAILED;
    }
    const Shape *of = luks ? &luks_shape : &shape;
    Amendments *a = shape_parse(of, options, NULL, &err);
    if (!a) {
        img_error("%s", err->message);
        return IMG_FAILED;
    }
    int status = luks                   ? amend_luks(n, a, force)
                 : !amend_version(n, a) ? IMG_FAILED
                                        : amend_qcow2(n, a, force);
    shape_free(of, a);
    return status;
}

static int help(const char *format)
{
    bool luks = format && strcmp(format, "luks") == 0;
    if (!format || (!luks && strcmp(format, "qcow2") != 0)) {
        img_error(format ? "Format driver '%s' does not support option amendment"
                         : "-o help: say which format is meant (-f)%s",
                  format ? format : "");
        return IMG_FAILED;
    }
    g_autofree char *title = g_strdup_printf("Amend options for '%s'", format);
    img_print_options(title, luks ? &luks_shape : &shape);
    return IMG_OK;
}

int cmd_amend(int argc, char **argv)
{
    const char *format = NULL, *found;
    g_autofree char *options = NULL;
    static const struct option long_options[] = { { "force", no_argument, NULL, 'F' }, { NULL } };
    OpenFlags flags = { .locking = true };
    bool progress = false, sync = false, force = false;
    for (int c; (c = getopt_long(argc, argv, "f:o:pqt:", long_options, NULL)) != -1;) {
        switch (c) {
        case 'F': force = true; break;
        case 'f': format = optarg; break;
        case 'o': img_add_options(&options, optarg); break;
        case 'p': progress = true; break;
        case 'q': progress = false; break;
        case 't':
            if (img_cache(optarg, &flags, &sync) && !sync) {
                break;
            }
            img_error("Invalid cache option: %s; it is one of none, writeback, unsafe", optarg);
            return IMG_FAILED;
        default: return img_usage("amend");
        }
    }
    if (img_asks_help(options)) {
        return help(format);
    }
    if (!options || argc - optind != 1) {
        img_error(options ? "Expecting one image file name" : "Must specify options (-o)");
        return img_usage("amend");
    }
    BlockNode *n = img_open(argv[optind], format, &flags, &found);
    int status = n ? amend(n, options, force, found) : IMG_FAILED;
    if (status == IMG_OK) {
        img_progress(progress, 1, 1);
    }
    node_unref(n);
    return status;
}
