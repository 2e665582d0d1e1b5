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

#define NEW_IMAGE_PREALLOCATION                                                                              \
    {                                                                                                        \
        "preallocation", PROP_ENUM, offsetof(NewImage, preallocation),                                       \
            "what has a place before it is written", .names = preallocation_names,                           \
                                                     .has = offsetof(NewImage, has_preallocation)            \
    }
/* A file of so many bytes has all its space from now on, or is full of zeroes.  0 or -errno. */
int preallocate_file(BlockNode *file, Preallocation how, uint64_t bytes);

void new_image_print_size(const NewImage *o, GString *text);
void new_image_put_uuid(uint8_t *to);                        /* 16 bytes, random */
bool new_image_failed(BlockNode *file, int e, GError **err); /* e: 0 or -errno; true: it has not */

void new_image_print_preallocation(const NewImage *o,
                                   GString *text); /* " preallocation=off", if it was given */

extern const ImageMaker qcow2_maker, vdi_maker, vpc_maker, parallels_maker, qcow_maker, vmdk_maker,
    vhdx_maker, luks_maker;
