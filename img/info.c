/* SPDX-License-Identifier: GPL-2.0-or-later */
/* info: what an image says of itself.  Files that it names are not opened, but for --backing-chain. */
#include <getopt.h>
#include <json-c/json.h>
#include <stdio.h>
#include <string.h>

#include "block/qcow2_snapshot.h"
#include "img/info.h"
#include "util/json.h"
#include "util/text.h"

enum { CHAIN_MAX = 200 };

typedef struct Image {
    const char *path, *format;
    BlockNode *node;
    ImageInfo info;
    bool is_qcow2;
    Qcow2Info q;
    GPtrArray *snapshots; /* of Qcow2Snapshot */
    char *backing;        /* as a path; NULL: none, or none that is a file */
} Image;

static const char *yes(bool b)
{
    return b ? "true" : "false";
}

static char *shown(const char *text)
{
    return text_escaped(text);
}

/* ---- for people ------------------------------------------------------------- */

static void print_backing(const Image *i)
{
    if (!i->info.backing) {
        return;
    }
    g_autofree char *name = shown(i->info.backing), *path = i->backing ? shown(i->backing) : NULL;
    printf("backing file: %s", name);
    if (path && strcmp(path, name) != 0) {
        printf(" (actual path: %s)", path);
    }
    printf("\n");
    if (i->info.backing_format) {
        g_autofree char *format = shown(i->info.backing_format);
        printf("backing file format: %s\n", format);
    }
}

static void print_bitmap(guint number, const Qcow2Bitmap *b)
{
    const char *const flags[] = { b->in_use ? "in-use" : NULL, b->recording ? "auto" : NULL };
    g_autofree char *name = shown(b->name);
    printf("        [%u]:\n            flags:\n", number);
    for (unsigned i = 0, shown_flags = 0; i < G_N_ELEMENTS(flags); i++) {
        if (flags[i]) {
            printf("                [%u]: %s\n", shown_flags++, flags[i]);
        }
    }
    printf("            name: %s\n            granularity: %" G_GUINT64_FORMAT "\n", name, b->granularity);
}

static void print_specific(BlockNode *node, const Qcow2Info *q, const GPtrArray *bitmaps)
{
    printf("Format specific information:\n    compat: %s\n    compression type: %s\n",
           q->version < 3 ? "0.10" : "1.1", q->zstd ? "zstd" : "zlib");
    if (q->version >= 3) {
        printf("    lazy refcounts: %s\n", yes(q->lazy_refcounts));
    }
    if (bitmaps->len) {
        printf("    bitmaps:\n");
    }
    for (guint i = 0; i < bitmaps->len; i++) {
        print_bitmap(i, g_ptr_array_index(bitmaps, i));
    }
    printf("    refcount bits: %u\n", q->refcount_bits);
    info_print_encryption(node);
    if (q->data_file) {
        g_autofree char *name = shown(q->data_file);
        printf("    data file: %s\n    data file raw: %s\n", name, yes(q->data_file_raw));
    }
    if (q->version >= 3) {
        printf("    corrupt: %s\n    extended l2: %s\n", yes(q->corrupt), yes(q->extended_l2));
    }
}

static void print_extent(const Image *i, const VmdkInfo *v, unsigned number)
{
    const VmdkExtent *x = &v->extents[number];
    g_autofree char *folder = g_path_get_dirname(i->path), *name = v->alone ? g_strdup(i->path) : NULL;
    if (!name && x->name) {
        name = strcmp(folder, ".") == 0 ? g_strdup(x->name) : g_build_filename(folder, x->name, NULL);
    }
    g_autofree char *clean = shown(name ? name : "");
    printf("        [%u]:\n%s            virtual size: %" G_GUINT64_FORMAT "\n            filename: %s\n",
           number, v->packed ? "            compressed: true\n" : "", x->sectors * 512, clean);
    if (i->info.cluster_size) {
        printf("            cluster size: %" G_GUINT64_FORMAT "\n", i->info.cluster_size);
    }
    printf("            format: %s\n", v->alone ? "" : x->type);
}

static void print_vmdk(const Image *i)
{
    VmdkInfo v;
    if (!vmdk_info(i->node, &v)) {
        return;
    }
    g_autofree char *type = shown(v.create_type ? v.create_type : "");
    printf(
        "Format specific information:\n    cid: %u\n    parent cid: %u\n    create type: %s\n    extents:\n",
        v.cid, v.parent_cid, type);
    for (unsigned n = 0; n < v.count; n++) {
        print_extent(i, &v, n);
    }
}

static void print_image(const Image *i)
{
    g_autofree char *virtual_size = text_size(node_size(i->node)), *disk = text_size(node_allocated(i->node));
    g_autofree char *path = shown(i->path);
    printf("image: %s\nfile format: %s\nvirtual size: %s (%" G_GUINT64_FORMAT " bytes)\ndisk size: %s\n",
           path, i->format, virtual_size, node_size(i->node),
           node_is_elsewhere(i->node) ? "unavailable" : disk);
    if (i->info.encrypted) {
        printf("encrypted: yes\n");
    }
    if (i->info.cluster_size) {
        printf("cluster_size: %" G_GUINT64_FORMAT "\n", i->info.cluster_size);
    }
    if (i->info.dirty) {
        printf("cleanly shut down: no\n");
    }
    print_backing(i);
    if (i->is_qcow2) {
        img_print_snapshots(i->snapshots);
        g_autoptr(GPtrArray) bitmaps = qcow2_bitmaps(i->node);
        print_specific(i->node, &i->q, bitmaps);
    }
    print_vmdk(i);
    info_print_luks(i->node);
}

/* ---- for programs ----------------------------------------------------------- */

static void add_text(json_object *o, const char *key, const char *text)
{
    if (text) {
        g_autofree char *clean = shown(text);
        json_object_object_add(o, key, json_object_new_string(clean));
    }
}

static void add_bool(json_object *o, const char *key, bool value)
{
    json_object_object_add(o, key, json_object_new_boolean(value));
}

static void add_number(json_object *o, const char *key, uint64_t value)
{
    json_object_object_add(o, key, json_object_new_uint64(value));
}

static json_object *bitmaps_json(const GPtrArray *bitmaps)
{
    json_object *list = json_object_new_array();
    for (guint i = 0; i < bitmaps->len; i++) {
        const Qcow2Bitmap *b = g_ptr_array_index(bitmaps, i);
        json_object *o = json_object_new_object(), *flags = json_object_new_array();
        if (b->in_use) {
            json_object_array_add(flags, json_object_new_string("in-use"));
        }
        if (b->recording) {
            json_object_array_add(flags, json_object_new_string("auto"));
        }
        json_object_object_add(o, "flags", flags);
        add_text(o, "name", b->name);
        add_number(o, "granularity", b->granularity);
        json_object_array_add(list, o);
    }
    return list;
}

static json_object *specific_json(BlockNode *node, const Qcow2Info *q, const GPtrArray *bitmaps)
{
    json_object *o = json_object_new_object(), *data = json_object_new_object();
    add_text(o, "type", "qcow2");
    json_object_object_add(o, "data", data);
    add_text(data, "compat", q->version < 3 ? "0.10" : "1.1");
    add_text(data, "compression-type", q->zstd ? "zstd" : "zlib");
    if (bitmaps->len) {
        json_object_object_add(data, "bitmaps", bitmaps_json(bitmaps));
    }
    add_number(data, "refcount-bits", q->refcount_bits);
    json_object *encryption = info_json_encryption(node);
    if (encryption) {
        json_object_object_add(data, "encrypt", encryption);
    }
    if (q->version >= 3) {
        add_bool(data, "lazy-refcounts", q->lazy_refcounts);
        add_bool(data, "corrupt", q->corrupt);
        add_bool(data, "extended-l2", q->extended_l2);
    }
    if (q->data_file) {
        add_text(data, "data-file", q->data_file);
        add_bool(data, "data-file-raw", q->data_file_raw);
    }
    return o;
}

static json_object *snapshot_json(const Qcow2Snapshot *sn)
{
    json_object *o = json_object_new_object();
    if (sn->icount != UINT64_MAX) {
        add_number(o, "icount", sn->icount);
    }
    add_number(o, "vm-clock-nsec", sn->vm_clock_nsec % 1000000000);
    add_text(o, "name", sn->name);
    add_number(o, "date-sec", sn->date_nsec / 1000000000);
    add_number(o, "date-nsec", sn->date_nsec % 1000000000);
    add_number(o, "vm-clock-sec", sn->vm_clock_nsec / 1000000000);
    add_text(o, "id", sn->id);
    add_number(o, "vm-state-size", sn->vm_state_size);
    return o;
}

static void add_snapshots(json_object *o, const GPtrArray *snapshots)
{
    json_object *list = json_object_new_array();
    for (guint i = 0; i < snapshots->len; i++) {
        json_object_array_add(list, snapshot_json(g_ptr_array_index(snapshots, i)));
    }
    json_object_object_add(o, "snapshots", list);
}

static json_object *image_json(const Image *i)
{
    json_object *o = json_object_new_object();
    if (i->snapshots->len) {
        add_snapshots(o, i->snapshots);
    }
    add_text(o, "backing-filename-format", i->info.backing_format);
    add_number(o, "virtual-size", node_size(i->node));
    add_text(o, "filename", i->path);
    if (i->info.cluster_size) {
        add_number(o, "cluster-size", i->info.cluster_size);
    }
    add_text(o, "format", i->format);
    if (!node_is_elsewhere(i->node)) {
        add_number(o, "actual-size", node_allocated(i->node));
    }
    if (i->is_qcow2) {
        g_autoptr(GPtrArray) bitmaps = qcow2_bitmaps(i->node);
        json_object_object_add(o, "format-specific", specific_json(i->node, &i->q, bitmaps));
    }
    if (i->info.encrypted) {
        add_bool(o, "encrypted", true);
    }
    json_object *luks = info_json_luks(i->node);
    if (luks) {
        json_object_object_add(o, "format-specific", luks);
    }
    add_text(o, "full-backing-filename", i->backing);
    add_text(o, "backing-filename", i->info.backing);
    add_bool(o, "dirty-flag", i->info.dirty);
    return o;
}

/* ---- the chain --------------------------------------------------------------- */

/* named: it is a path, whatever --image-opts says. */
static bool open_one(Image *i, const char *path, const char *format, bool named)
{
    OpenFlags flags = { .readonly = true, .no_backing = true, .no_data = true };
    *i = (Image){ 0 };
    i->node = (named ? img_open_named : img_open)(path, format, &flags, &i->format);
    if (!i->node) {
        return false;
    }
    g_autoptr(GError) err = NULL;
    i->path = img_tool.image_opts && !named ? node_filename(i->node) : path;
    image_info(i->node, &i->info);
    i->is_qcow2 = qcow2_info(i->node, &i->q);
    i->snapshots = i->is_qcow2 ? qcow2_snapshots(i->node, &err) : g_ptr_array_new();
    if (!i->snapshots) {
        img_error("%s", err->message);
        node_unref(i->node);
        return false;
    }
    if (i->info.backing) {
        i->backing = image_resolve(i->path, i->info.backing, NULL);
    }
    return true;
}

static int show(const char *path, const char *format, bool json, bool chain)
{
    json_object *list = json_object_new_array();
    g_autofree char *at = g_strdup(path), *at_format = g_strdup(format);
    bool ok = true;
    for (unsigned depth = 0; at && ok; depth++) {
        Image i;
        ok = depth <= CHAIN_MAX && open_one(&i, at, at_format, depth > 0);
        if (!ok) {
            break;
        }
        if (json) {
            json_object_array_add(list, image_json(&i));
        } else {
            printf("%s", depth ? "\n" : "");
            print_image(&i);
        }
        g_autofree char *done = g_steal_pointer(&at), *done_format = g_steal_pointer(&at_format);
        at = chain ? g_steal_pointer(&i.backing) : NULL;
        at_format = at && i.info.backing_format ? g_strdup(i.info.backing_format) : NULL;
        g_free(i.backing);
        g_ptr_array_unref(i.snapshots);
        node_unref(i.node);
    }
    if (json && ok) {
        json_object *o = chain ? list : json_object_array_get_idx(list, 0);
        printf("%s\n", json_object_to_json_string_ext(o, JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED |
                                                             JSON_C_TO_STRING_NOSLASHESCAPE));
    }
    json_object_put(list);
    return ok ? IMG_OK : IMG_FAILED;
}

int cmd_info(int argc, char **argv)
{
    static const struct option options[] = {
        { "output", required_argument, NULL, 'o' },
        { "backing-chain", no_argument, NULL, 'b' },
        { "force-share", no_argument, NULL, 'U' },
        { NULL },
    };
    const char *format = NULL;
    bool json = false, chain = false;
    for (int c; (c = getopt_long(argc, argv, "f:U", options, NULL)) != -1;) {
        switch (c) {
        case 'f': format = optarg; break;
        case 'U': break; /* headers are read whoever has the image */
        case 'b': chain = true; break;
        case 'o':
            if (!img_take_output(optarg, &json)) {
                return IMG_FAILED;
            }
            break;
        default: return img_usage("info");
        }
    }
    if (argc - optind != 1) {
        img_error("Expecting one image file name");
        return img_usage("info");
    }
    return show(argv[optind], format, json, chain);
}
