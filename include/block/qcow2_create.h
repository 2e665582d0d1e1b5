/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A new, empty qcow2 image. */
#pragma once
#include "block/image_create.h"

typedef struct Qcow2Create {
    uint64_t size; /* bytes */
    unsigned version, cluster_bits, refcount_bits;
    bool lazy_refcounts, extended_l2, zstd, data_file_raw;
    const char *backing, *backing_format, *data_file; /* as the image names them; NULL: none */
    uint64_t
        crypt_bytes; /* of the LUKS header, for which there is room (qcow2_create_crypt_offset); 0: not encrypted */
} Qcow2Create;

bool qcow2_create_check(const Qcow2Create *o, GError **err) G_GNUC_WARN_UNUSED_RESULT;
/* The file is empty; what is asked for was checked.  0 or -errno. */
int qcow2_create(BlockNode *file, const Qcow2Create *o);
/* Of an image that has just been made in this file (and has its data in that one; NULL: it has none). */
bool qcow2_preallocate(BlockNode *file, BlockNode *data, Preallocation how,
                       GError **err) G_GNUC_WARN_UNUSED_RESULT;
uint64_t qcow2_create_crypt_offset(const Qcow2Create *o); /* in the file, bytes */
void qcow2_create_measure(const Qcow2Create *o, ImageMeasure *m);
