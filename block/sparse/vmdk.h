/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Inside of vmdk: the text that describes an image, and what of it is where.
 * Specification: VMware, "Virtual Disk Format"; libvmdk, "VMDK file format". */
#pragma once
#include "block/sparse/sparse.h"

enum { VMDK_TEXT_MAX = 256 << 10, VMDK_NO_PARENT = (int)0xffffffff };

typedef struct VmdkDescriptor {
    uint32_t cid, parent_cid;
    char *create_type, *parent; /* NULL: not said */
    GArray *extents;            /* of VmdkExtent */
} VmdkDescriptor;

/* NULL: it is none, or one that is not supported. */
VmdkDescriptor *vmdk_descriptor_parse(const char *text, const char *image, GError **err);
void vmdk_descriptor_free(VmdkDescriptor *d);
/* A new content has a new number (CID), by which images on it see that it is not what they were made on: in the text that
 * begins at a byte of the file, in as many digits as it has.  0, or -errno. */
int vmdk_descriptor_renew(VmdkDescriptor *d, BlockNode *file, uint64_t at);
BlockNode *vmdk_sparse_open(BlockNode *file, const uint8_t *head, const OpenFlags *flags, GError **err);
BlockNode *vmdk_set_open(BlockNode *file, const OpenFlags *flags, GError **err);
const VmdkDescriptor *vmdk_sparse_descriptor(BlockNode *n); /* NULL: it is no such node, or has none */
const VmdkDescriptor *vmdk_set_descriptor(BlockNode *n);    /* NULL: it is no such node */
bool vmdk_is_packed(BlockNode *n);                          /* a stream-optimized one */
