/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Inside of the makers of images. */
#pragma once
#include "block/image_create.h"

/* Rows that every format has. */
#define NEW_IMAGE_SIZE                                                                                       \
    {                                                                                                        \
        "size", PROP_SIZE, offsetof(NewImage, size), "bytes of the disk",                                    \
            .has = offsetof(NewImage, has_size)                                                              \
    }
#define NEW_IMAGE_BACKING                                                                                    \
    { "backing_file", PROP_STRING, offsetof(NewImage, backing), "image that shows where this has nothing" }, \
    {                                                                                                        \
        "backing_fmt", PROP_STRING, offsetof(NewImage, backing_format), "its format"                         \
    }

void new_image_print_size(const NewImage *o, GString *text);
void new_image_put_uuid(uint8_t *to);                        /* 16 bytes, random */
bool new_image_failed(BlockNode *file, int e, GError **err); /* e: 0 or -errno; true: it has not */

extern const ImageMaker qcow2_maker, vdi_maker, vpc_maker, parallels_maker, qcow_maker, vmdk_maker,
    vhdx_maker;
