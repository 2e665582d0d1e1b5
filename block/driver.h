/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The contract of a driver of nodes: of a format, a filter, a file.
 *
 * 1. map() never blocks unless may_wait; it may be called under a device's lock, by a vCPU: it takes leaf locks only.
 * 2. What map() has said stays true for whoever holds the node's pin (node_pin) since before: a driver that moves
 *    data does not use a place again that it has said, before all those pins are gone (block/pins.h).
 * 3. run() gets what map() does not answer.  It is straight-line code, any number of threads at a time.
 * 4. A node holds its children, and reaches them through node_run and node_map alone.
 * 5. A failure is -errno of the host; an image that contradicts itself is -EIO, with a line in the log. */
#pragma once
#include "block/bitmap_priv.h"
#include "block/image.h"
#include "block/image_check.h"
#include "block/patches.h"

enum { SECTOR = 512 };

typedef struct Pins Pins;

/* Of other files that an image names.  Strings are the node's; NULL: it names none. */
typedef struct ImageNames {
    const char *backing, *backing_format, *data_file;
    bool needs_data_file;
    const VmdkExtent *extents; /* see vmdk_set_parts */
    unsigned extent_count;
} ImageNames;

typedef struct BlockDriver {
    const char *name; /* as other programs know it */
    int (*map)(BlockNode *n, uint64_t offset, uint64_t length, bool may_wait, Extent *e);
    /* Of a file: may the host do it as it is, at the same offset of *fd?  NULL: it is none. */
    bool (*direct)(BlockNode *n, const NodeIo *io, int *fd);
    /* All but what the core does by map(): reads, unless the driver is a file's. */
    int (*run)(BlockNode *n, const NodeIo *io);
    /* Read what map() calls packed; within one extent of it. */
    int (*unpack)(BlockNode *n, const NodeIo *io);
    /* See node_write_packed; NULL: the format has nothing packed, or none is written. */
    int (*pack)(BlockNode *n, uint64_t offset, const uint8_t *cluster);
    /* See node_resize; NULL: it cannot. */
    int (*resize)(BlockNode *n, uint64_t bytes);
    /* See node_set_writable; NULL: it cannot. */
    bool (*set_writable)(BlockNode *n, bool writable, GError **err);
    /* Of an image; NULL: it has nothing to say, names nothing, cannot be checked. */
    void (*info)(BlockNode *n, ImageInfo *info);
    void (*names)(BlockNode *n, ImageNames *names);
    bool (*fits_backing)(BlockNode *n,
                         GError **err); /* is it the one that the image was made on?  NULL: nobody knows */
    /* Could the image keep such a dirty bitmap?  NULL: it has none. */
    bool (*keeps_bitmap)(BlockNode *n, const char *name, unsigned shift, GError **err);
    int (*check)(BlockNode *n, ImageRepair repair, ImageReport *report);
    void (*close)(BlockNode *n); /* its own things; not its children */
    bool fast_zeroes;            /* it knows NodeIo.fast; else all zeroes are slow */
    bool elsewhere;              /* what it takes is on another host, and unknown */
} BlockDriver;

enum { NODE_FILE, NODE_BACKING, NODE_DATA_FILE, NODE_CHILDREN };

struct BlockNode {
    const BlockDriver *driver;
    char *filename;
    uint64_t size; /* multiple of SECTOR; atomic: a file below a format grows */
    bool readonly;
    int refs;              /* atomic */
    int sync_error;        /* see node_synced */
    Patches patches;       /* of writes by bytes (node_write_bytes); in sectors */
    Pins *pins;            /* NULL: what it has mapped never moves */
    NodeBitmaps *bitmaps;  /* NULL: there were none yet (atomic) */
    unsigned byte_writers; /* atomic: who may write parts of sectors, see node_share_bytes */
    BlockNode *children[NODE_CHILDREN];
    GPtrArray *parts; /* of BlockNode, more children; NULL: none */
};

/* For who has begun a change by n->patches: a write of whole sectors, or of those that were read. */
int node_run_patching(BlockNode *n, const NodeIo *io);
/* Somebody writes by bytes from here on, beside those who write by node_run or the ring: these wait where they share a sector.  Nothing
 * is under way when it begins. */
void node_share_bytes(BlockNode *n, bool share);

/* One that was opened to be read can be written from here on, or the other way round: it is what another one reads from
 * meanwhile.  Nobody writes to it when this is asked for. */
bool node_set_writable(BlockNode *n, bool writable, GError **err);

/* In place of g_new0 and of a free: the struct that begins with the node belongs to it from here on. */
void node_init(BlockNode *n, const BlockDriver *driver, const char *filename, uint64_t size, bool readonly);
/* The result of a sync of this node, done by whatever engine, becomes the result of the flush.
 * The kernel tells of a failed write-back once, to the first sync that ends after it, and drops the data;
 * a later sync succeeds.  So a failure is remembered here, and no later flush is a success. */
int node_synced(BlockNode *n, int result);
int node_sync_error(BlockNode *n); /* of it, or of what it is on; 0: none */

/* Is this one operation on one file, and where?  Then the place is the caller's until node_place_end. */
bool node_resolve(BlockNode *n, const NodeIo *io, NodePlace *place);
void node_place_end(NodePlace *place);
