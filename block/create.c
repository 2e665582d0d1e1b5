/* SPDX-License-Identifier: GPL-2.0-or-later */
/* New images: which formats can be made, and the files that they are in. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "block_priv.h"
#include "block/create.h"
#include "util/bytes.h"

void image_new_file_undo(const char *path)
{
    struct stat st;
    if (stat(path, &st) == 0 && S_ISREG(st.st_mode)) {
        unlink(path);
    }
}

BlockNode *image_new_file(const char *path, uint64_t size, GError **err)
{
    int fd = open(path, O_CREAT | O_RDWR | O_CLOEXEC, 0644);
    if (fd < 0) {
        block_error(err, "Could not create '%s': %s", path, g_strerror(errno));
        return NULL;
    }
    OpenFlags flags = { .locking = true };
    BlockNode *file = file_node_open(path, &flags, err);
    int e = file ? node_resize(file, 0) : 0;
    e = file && !e ? node_resize(file, size) : e;
    e = e == -ENOTSUP && node_size(file) >= size ? 0 : e; /* a device has the size that it has */
    close(fd);
    if (e) {
        block_error(err, "Could not resize file '%s': %s", path, g_strerror(-e));
        node_unref(file);
        image_new_file_undo(path);
        return NULL;
    }
    return file;
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
    int e = node_resize(file, o->size);
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
