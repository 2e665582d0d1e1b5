/* SPDX-License-Identifier: GPL-2.0-or-later */
/* New images: which formats can be made, and the files that they are in. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "block_priv.h"
#include "block/create.h"
#include "util/bytes.h"

GPtrArray *image_files_new(void)
{
    return g_ptr_array_new_with_free_func(g_free);
}

void image_files_undo(const GPtrArray *made)
{
    for (guint i = 0; i < made->len; i++) {
        unlink(made->pdata[i]);
    }
}

/* -1: errno; fresh: nothing had this name. */
static int create_file(const char *path, bool *fresh)
{
    int fd = open(path, O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0644);
    *fresh = fd >= 0;
    return fd >= 0 || errno != EEXIST ? fd : open(path, O_CREAT | O_RDWR | O_CLOEXEC, 0644);
}

static bool empty_file(BlockNode *file, uint64_t size, GError **err)
{
    int e = node_resize(file, 0);
    e = e ? e : node_resize(file, size);
    e = e == -ENOTSUP && node_size(file) >= size ? 0 : e; /* a device has the size that it has */
    if (e) {
        block_error(err, "Could not resize file '%s': %s", file->filename, g_strerror(-e));
    }
    return !e;
}

BlockNode *image_new_file(const char *path, uint64_t size, GPtrArray *made, GError **err)
{
    bool fresh;
    int fd = create_file(path, &fresh);
    if (fd < 0) {
        block_error(err, "Could not create '%s': %s", path, g_strerror(errno));
        return NULL;
    }
    OpenFlags flags = { .locking = true };
    BlockNode *file = file_node_open(path, &flags, err);
    close(fd);
    if (file && empty_file(file, size, err)) {
        if (fresh && made) {
            g_ptr_array_add(made, g_strdup(path));
        }
        return file;
    }
    node_unref(file);
    if (fresh) {
        unlink(path);
    }
    return NULL;
}

void new_image_print_size(const NewImage *o, GString *text)
{
    g_string_append_printf(text, "size=%" G_GUINT64_FORMAT, o->size);
}

const char *const preallocation_names[] = { "off", "metadata", "falloc", "full", NULL };

void new_image_print_preallocation(const NewImage *o, GString *text)
{
    if (o->has_preallocation) {
        g_string_append_printf(text, " preallocation=%s", preallocation_names[o->preallocation]);
    }
}

bool new_image_failed(BlockNode *file, int e, GError **err)
{
    if (e) {
        block_error(err, "Could not write '%s': %s", file->filename, g_strerror(-e));
    }
    return e == 0;
}

void new_image_put_uuid(uint8_t *to)
{
    for (unsigned i = 0; i < 16; i += 4) {
        store_le(to + i, 4, g_random_int());
    }
    to[7] = (to[7] & 0x0f) | 0x40; /* version 4, random */
    to[8] = (to[8] & 0x3f) | 0x80;
}

/* ---- raw -------------------------------------------------------------------- */

static const Prop raw_props[] = {
    NEW_IMAGE_SIZE,
    NEW_IMAGE_PREALLOCATION,
    { NULL },
};
static const Shape raw_shape = { "raw", sizeof(NewImage), raw_props };

static bool raw_make(BlockNode *file, const NewImage *o, GError **err)
{
    int e = node_resize(file, (o->size + SECTOR - 1) & ~(uint64_t)(SECTOR - 1));
    return new_image_failed(file, e ? e : preallocate_file(file, o->preallocation, o->size), err);
}

static void raw_print(const NewImage *o, GString *text)
{
    new_image_print_size(o, text);
    new_image_print_preallocation(o, text);
}

static bool raw_check(NewImage *o, GError **err)
{
    if (o->preallocation == PREALLOCATE_METADATA) {
        block_error(err, "Unsupported preallocation mode: metadata; raw images have falloc and full");
        return false;
    }
    return true;
}

static void raw_measure(const NewImage *o, ImageMeasure *m)
{
    uint64_t all = (o->size + SECTOR - 1) & ~(uint64_t)(SECTOR - 1);
    *m = (ImageMeasure){ all, all, SECTOR };
}

static const ImageMaker raw_maker = { "raw", &raw_shape, false, raw_print, raw_check, raw_make, raw_measure };

static const ImageMaker *const makers[] = { &raw_maker,  &qcow2_maker,     &vdi_maker,
                                            &vpc_maker,  &parallels_maker, &qcow_maker,
                                            &vmdk_maker, &vhdx_maker,      &luks_maker };

const ImageMaker *image_maker(const char *format)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(makers); i++) {
        if (strcmp(makers[i]->format, format) == 0) {
            return makers[i];
        }
    }
    return NULL;
}
