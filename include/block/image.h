/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Images by name, for drives and tools. */
#pragma once
#include "block/node.h"

typedef struct Secrets Secrets;

typedef struct OpenFlags {
    bool readonly, direct, locking, locking_must;
    bool no_flush;            /* nothing waits for the host's disk: a power cut may lose all */
    bool discard;             /* a format gives back to the host what is free */
    bool repair;              /* to check and mend it, however it was left */
    bool no_backing, no_data; /* other files that the image names are not opened; nor is what is encrypted */
    bool locked;              /* no password is needed: what is encrypted can neither be read nor written */
    const Secrets *secrets;   /* that have passwords; NULL: none */
    const char *key_secret;   /* the id of the image's, or NULL */
    const char *backing_secret; /* the same of its backing; NULL: that has no password */
    bool must_encrypt;          /* one that is not encrypted is refused */
    const struct HttpOptions
        *http; /* of an image whose name is a URL (its url is that name); NULL: the defaults */
} OpenFlags;

/* An image, and all that it names.  format: NULL to guess; *found: what it is. */
BlockNode *image_open(const char *path, const char *format, const OpenFlags *flags, const char **found,
                      GError **err);
/* As -blockdev opens it: key=value, driver=luks,file.driver=file,...; what is not said of a file is its driver.
 * flags: readonly, secrets, no_backing of qcow2, and, where the text says nothing of them, direct, no_flush, discard and locking. */
BlockNode *image_open_options(const char *text, const OpenFlags *flags, GError **err);
/* Names of the formats, filters and protocols that the options of nodes have; ends with NULL. */
const char *const *image_drivers(void);
/* A name that an image has for another, as a path of this process or a URL; NULL: it names neither. */
char *image_resolve(const char *image, const char *name, GError **err);
uint64_t node_allocated(const BlockNode *n); /* bytes that it takes on the host */
bool node_is_elsewhere(const BlockNode *n);  /* on another host: what it takes there is unknown */

/* What an image of any format says of itself.  Strings are the node's; NULL: none. */
typedef struct ImageInfo {
    uint64_t cluster_size; /* 0: it has none, or says none */
    bool dirty;            /* it was not closed */
    const char *backing, *backing_format;
    bool can_pack;  /* see node_write_packed */
    bool encrypted; /* a new one does not read as zeroes */
} ImageInfo;
void image_info(BlockNode *n, ImageInfo *info);

/* What a LUKS image says of itself.  Strings are the node's. */
typedef struct LuksSlotInfo {
    bool active;
    uint32_t iterations, stripes;
    uint64_t offset; /* of its key material, bytes */
} LuksSlotInfo;
typedef struct LuksInfo {
    const char *cipher, *mode, *hash, *uuid; /* "aes", "xts-plain64", "sha256" */
    unsigned key_bits;
    uint64_t payload; /* bytes */
    uint32_t iterations;
    LuksSlotInfo slots[8];
} LuksInfo;
bool luks_info(BlockNode *n, LuksInfo *info); /* false: it is none */
/* Of an encrypted qcow2 image: the node that has its LUKS header, for luks_info; NULL: it is none, or not encrypted. */
BlockNode *qcow2_encryption(BlockNode *n);

/* What a vmdk image says of itself. */
typedef struct VmdkExtent {
    char *name, *type; /* name: NULL: it has none */
    uint64_t sectors;
    uint64_t start; /* in its file, sectors */
    bool readonly;
} VmdkExtent;
typedef struct VmdkInfo {
    uint32_t cid, parent_cid;
    const char *create_type;
    const VmdkExtent *extents;
    unsigned count;
    bool alone, packed; /* alone: the only extent is the image itself */
} VmdkInfo;
bool vmdk_info(BlockNode *n, VmdkInfo *info); /* false: it is none, or has no descriptor */

/* What a qcow2 image says of itself.  Strings are the node's. */
typedef struct Qcow2Info {
    unsigned version, refcount_bits;
    uint64_t cluster_size;
    uint32_t snapshots, bitmaps;
    bool zstd, lazy_refcounts, corrupt, dirty, extended_l2, data_file_raw;
    const char *backing, *backing_format, *data_file; /* NULL: none */
} Qcow2Info;
bool qcow2_info(BlockNode *n, Qcow2Info *info); /* false: it is none */
/* A dirty bitmap that the image has in its file; the name is the node's. */
typedef struct Qcow2Bitmap {
    const char *name;
    uint64_t granularity; /* bytes */
    bool in_use, recording;
} Qcow2Bitmap;
GPtrArray *qcow2_bitmaps(BlockNode *n); /* of Qcow2Bitmap, the caller's */
/* The image names this one as its backing from now on (NULL: none; format may be NULL); what it reads is not looked at.
 * 0 or -errno. */
int qcow2_set_backing(BlockNode *n, const char *backing, const char *format);
/* Are counts to be written at the end?  Nobody else uses it meanwhile.  0 or -errno; -ENOTSUP: version 2 has no such. */
int qcow2_set_lazy_refcounts(BlockNode *n, bool lazy);
/* An image of version 2 becomes one of version 3.  0 or -errno; -EBUSY: it has snapshots. */
int qcow2_upgrade(BlockNode *n);
/* One of version 3 becomes one of version 2.  -ENOTSUP: it has what that knows nothing of. */
int qcow2_downgrade(BlockNode *n);
