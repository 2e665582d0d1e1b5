/* SPDX-License-Identifier: GPL-2.0-or-later */
/* New LUKS images. */
#include "block/create.h"
#include "block/luks/create.h"
#include "block/luks/luks.h"
#include "util/container.h"

typedef struct LuksOptions {
    NewImage base;
    LuksCreate luks;
} LuksOptions;

static const Prop props[] = {
    NEW_IMAGE_SIZE,
    NEW_IMAGE_PREALLOCATION,
    LUKS_CREATE_ROWS(offsetof(LuksOptions, luks), ""),
    { NULL },
};
static const Shape shape = { "luks", sizeof(LuksOptions), props };

static const LuksOptions *options_of(const NewImage *o)
{
    return container_of(o, LuksOptions, base);
}

static void print(const NewImage *base, GString *text)
{
    new_image_print_size(base, text);
    new_image_print_preallocation(base, text);
    luks_create_print(&options_of(base)->luks, "", text);
}

static bool check(NewImage *base, GError **err)
{
    if (base->preallocation == PREALLOCATE_METADATA || base->size > INT64_MAX / 2) {
        block_error(err, base->size > INT64_MAX / 2
                             ? "the disk is too large"
                             : "Unsupported preallocation mode: metadata; there are falloc and full");
        return false;
    }
    return luks_create_check(&options_of(base)->luks, "", base->secrets, err);
}

static uint64_t file_bytes(const NewImage *base)
{
    return luks_create_bytes(&options_of(base)->luks) + (base->size + SECTOR - 1) / SECTOR * SECTOR;
}

static bool make(BlockNode *file, const NewImage *base, GError **err)
{
    uint64_t all = file_bytes(base);
    int e = node_resize(file, all);
    e = e ? e : preallocate_file(file, base->preallocation, all);
    return new_image_failed(file, e, err) && luks_create(file, &options_of(base)->luks, base->secrets, err);
}

static void measure(const NewImage *base, ImageMeasure *m)
{
    *m = (ImageMeasure){ file_bytes(base), file_bytes(base), SECTOR };
}

const ImageMaker luks_maker = { "luks", &shape, false, print, check, make, measure };
