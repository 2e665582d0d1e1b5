/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Inside of the block folder: drives, engines.
 *
 * A request's way: block_submit checks it, asks the graph of nodes for its place, and hands it
 * to io_uring when it lies in one file as it is; otherwise a worker thread runs
 * the drivers' straight-line code.  Either way it ends in block_complete, and
 * done() is called from the main loop. */
#pragma once
#include <errno.h>

#include "block/block.h"
#include "block/image.h"
#include "base/event_loop.h"
#include "block/driver.h"
#include "util/container.h"
#include "util/iov.h"

enum {                   /* BlockRequest.priv.flags */
       PRIV_SYNC = 1,    /* durable when done */
       PRIV_ZEROES = 2,  /* a write that turned out to be of zeroes */
       PRIV_UNMAP = 4,   /* zeroes may become holes */
       PRIV_REFUSED = 8, /* by the checks: not a failure of the host */
       PRIV_KEPT = 16,   /* failed, and stopped the machine for it, before */
};

typedef struct Ring Ring; /* ring.c */

struct Drives {
    EventLoop *loop;
    GPtrArray *list; /* of BlockBackend, in the order of the command line */
    Ring *ring;      /* of those that use io_uring; NULL: none does */
    int ring_error;  /* why there can be no ring, or 0 */
    Lock done_lock;  /* completed, their users not yet told; below it: the loop's queue */
    BlockRequest *done_first, *done_last;
    Bh *done_bh;
    void (*stop_machine)(void *opaque); /* see drives_set_stop_hook */
    void *stop_opaque;
    Events *events; /* see drives_set_events */
};

/* detect-zeroes=, of a drive and of a node. */
typedef enum BlockZeroes { ZEROES_OFF, ZEROES_ON, ZEROES_UNMAP } BlockZeroes;
extern const char *const block_zeroes_names[];
bool block_check_zeroes(BlockZeroes zeroes, bool discard, GError **err);

struct BlockBackend {
    Drives *all;
    char *id, *serial;
    BlockNode *node;
    BlockBackend *below; /* whose node this one is on; NULL: none has a name */
    bool owns_below;     /* it goes with this one */
    bool is_node;        /* of -blockdev: known by its name alone */
    const char *format;  /* driver, as other programs know it */
    DriveInterface interface;
    int index;
    bool readonly, snapshot, direct;
    bool writethrough, no_flush; /* cache= */
    bool discard;
    bool detect_zeroes, zeroes_unmap;
    BlockOnError on_read_error, on_write_error;
    bool probed; /* nobody said that it is raw */
    bool ring;   /* io_uring, else worker threads */
    void *user;
    char *place; /* of the user; NULL: it has said none */
    Lock *lock;
    unsigned in_flight;  /* atomic */
    unsigned interrupts; /* atomic: workers put down what they have at the next chance */
    BlockStats stats;    /* main loop only */
    struct {             /* see keep.c */
        BlockRequest *first, *last;
        unsigned cancels; /* of block_cancel_begin: nothing is kept */
        int error;        /* that stopped the machine, or 0 */
    } kept;
};

/* There is no room: what failed may succeed later. */
static inline bool block_is_full_error(int error)
{
    return error == -ENOSPC || error == -EDQUOT;
}

/* The file cannot do such an operation: another one may serve. */
static inline bool block_is_unsupported(int error)
{
    return error == -EOPNOTSUPP || error == -ENOSYS || error == -ENOTTY || error == -EINVAL ||
           error == -ENODEV;
}

/* ---- nodes ---- */
BlockNode *file_node_open(const char *path, const OpenFlags *flags, GError **err);
/* A file that is open: takes fd. */
BlockNode *file_node_new(int fd, const char *name, uint64_t size);
BlockNode *overlay_node_open(BlockNode *base, GError **err); /* takes base */
BlockNode *part_node_open(BlockNode *file, uint64_t offset, uint64_t size, GError **err);
BlockNode *null_node_open(uint64_t size, bool read_zeroes);
bool file_node_is_same(const BlockNode *a, const BlockNode *b); /* one file, by whatever names */
uint64_t node_allocated(const BlockNode *n);                    /* see BlockState */

/* ---- formats ---- */
/* An image in a file that is open, and all that it names. */
BlockNode *image_open_on(BlockNode *file, const char *format, const OpenFlags *flags, GError **err);
const char *format_probe(const uint8_t *head, size_t n); /* "raw" when nothing is known */
bool format_check(const char *format, GError **err);     /* is it built? */
/* open: an image in this file, without the other files that it names. */
typedef struct ImageFormat {
    const char *name;
    BlockNode *(*open)(BlockNode *file, const OpenFlags *flags, GError **err);
} ImageFormat;
const ImageFormat *format_find(const char *name); /* NULL: it is not built */
BlockNode *parallels_open(BlockNode *file, const OpenFlags *flags, GError **err);
BlockNode *qcow_open(BlockNode *file, const OpenFlags *flags, GError **err);
BlockNode *vmdk_open(BlockNode *file, const OpenFlags *flags, GError **err);
/* The nodes of its extents (NULL: zeroes) are parts of it from here on; they are as large as it says, or it fails. */
bool vmdk_set_parts(BlockNode *n, GPtrArray *parts, GError **err);
BlockNode *vhdx_open(BlockNode *file, const OpenFlags *flags, GError **err);
BlockNode *vdi_open(BlockNode *file, const OpenFlags *flags, GError **err);
BlockNode *vpc_open(BlockNode *file, const OpenFlags *flags, GError **err);

/* ---- image locks ---- */
bool image_lock(int fd, const char *path, bool write, bool must, GError **err);

/* ---- completion (submit.c) ---- */
void block_complete(BlockRequest *r, int result);         /* any thread */
void block_complete_quietly(BlockRequest *r, int result); /* main loop; then run them: */
void block_completions_run(Drives *all);
void block_poll(Drives *all);           /* end what can end now; main loop only */
int block_run(BlockRequest *r);         /* on this thread (run.c) */
NodeIo block_io(const BlockRequest *r); /* what it asks of its node */
bool block_keep(BlockRequest *r);       /* main loop, instead of done(): it failed and waits for `cont` */
const char *block_io_status(const BlockBackend *blk); /* "ok", "nospace", "failed" */

/* ---- statistics (stats.c) ---- */
/* Main loop: it is over, with this result; now: CLK_REALTIME. */
void block_count(const BlockRequest *r, int result, int64_t now);

/* ---- engines ---- */
/* Make the ring of these drives, once; false: there can be none here.  NULL is a ring that does
 * nothing for the functions below. */
bool ring_init(Drives *all, GError **err);
void ring_free(Ring *ring);
void ring_submit(Ring *ring, BlockRequest *r);
void ring_start(Ring *ring);                              /* what is prepared goes to the kernel */
void ring_reap(Ring *ring);                               /* main loop */
int ring_wait_fd(const Ring *ring);                       /* -1: no ring */
bool ring_takes(const Ring *ring, const BlockRequest *r); /* neither it nor what is under way is too much */
bool workers_init(GError **err);
void workers_submit(BlockRequest *r);

void block_error(GError **err, const char *fmt, ...) G_GNUC_PRINTF(2, 3);
void block_backend_free(BlockBackend *blk);
void block_close(BlockBackend *blk); /* drain, flush, and out of the list */
