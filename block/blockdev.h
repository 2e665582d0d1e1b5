/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Inside of -blockdev: what is asked for (blockdev_shape.c), and what is made of it (blockdev.c). */
#pragma once
#include <json-c/json.h>

#include "block/block_priv.h"
#include "block/fat/vvfat.h"
#include "block/filter/filters.h"
#include "block/http/http.h"
#include "block/nbd_client.h"

enum {
    DRIVER_FILE,
    DRIVER_HOST_DEVICE,
    DRIVER_NULL,
    DRIVER_NBD,
    DRIVER_VVFAT,
    DRIVER_HTTP,
    DRIVER_HTTPS,
    DRIVER_RAW, /* from here on: on another node */
    DRIVER_THROTTLE,
    DRIVER_BLKDEBUG,
    DRIVER_BLKVERIFY,
    DRIVER_COPY_ON_READ,
    DRIVER_QCOW2, /* from here on: formats */
    DRIVER_PARALLELS,
    DRIVER_QCOW,
    DRIVER_VDI,
    DRIVER_VHDX,
    DRIVER_VMDK,
    DRIVER_VPC,
    DRIVER_LUKS
};
extern const char *const blockdev_driver_names[];  /* by the above */
extern const char *const blockdev_discard_names[]; /* by these */
enum { DISCARD_IGNORE, DISCARD_UNMAP };
extern const char *const blockdev_aio_names[];

typedef struct BlockdevCache {
    bool direct, no_flush, has_direct, has_no_flush;
} BlockdevCache;

typedef struct BlockdevEncryption {
    int format;
    char *key_secret;
} BlockdevEncryption;

struct BlockdevOptions {
    int driver, discard, zeroes;
    char *node_name;
    BlockdevCache *cache;
    bool readonly, auto_readonly, has_readonly, has_auto_readonly, has_discard, has_zeroes;
    /* of a file */
    char *filename;
    int locking, aio;
    bool has_locking, has_aio;
    /* of what is on another node: one of the two */
    struct BlockdevOptions *file;
    char *file_name;
    struct BlockdevOptions *beside; /* a second one: of blkverify the copy */
    char *beside_name;
    uint64_t offset, size; /* and of null-co */
    bool has_offset, has_size;
    bool read_zeroes; /* of null-co */
    char *throttle_group;
    char *key_secret;            /* of luks */
    BlockdevEncryption *encrypt; /* of qcow2 */
    BlkdebugOptions blkdebug;
    struct NbdPlace *server; /* of nbd */
    char *export, *tls_creds, *tls_hostname;
    NbdPatience nbd_patience;
    FatOptions fat;   /* of vvfat */
    HttpOptions http; /* of http, https */
    /* of a format: the name of a node, or null: none; not given: what the image names */
    json_object *backing;
    bool has_backing;
};

/* The node that "backing" names; NULL: it cannot be one. */
BlockNode *blockdev_backing_node(Drives *all, const BlockdevOptions *o, GError **err);
/* The node, named or not, with what it stands on. */
BlockBackend *blockdev_open(Drives *all, const BlockdevOptions *o, GError **err);

/* image_options.c: as image_open_options, of values that are read. */
BlockNode *image_open_values(json_object *values, const Secrets *secrets, GError **err);

/* nbd/client_options.c */
typedef struct NbdPlace NbdPlace;
extern const Shape nbd_place_shape;
/* how: its export, its TLS; where it is is the server's. */
BlockNode *nbd_node_of(const NbdPlace *server, const NbdName *how, const NbdPatience *patience, bool readonly,
                       GError **err);
