/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The block layer: drives, each a backend that a disk controller attaches to, on an image (a graph of nodes:
 * block/node.h).
 *
 * What a node maps to one file goes straight to io_uring (or a thread pool where it is missing); everything
 * else runs as straight-line blocking code on a worker thread.
 *
 * Units: bytes.  Requests are aligned to 512 bytes and lie within the image;
 * block_submit checks both and fails the request with -EINVAL / -EIO. */
#pragma once
#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/lock.h"
#include "base/props.h"
#include "block/node.h"

typedef struct BlockBackend BlockBackend;
typedef struct Drives Drives;
typedef struct Events Events;
typedef struct EventLoop EventLoop;
typedef struct Clock Clock;

const char *block_op_doing(BlockOp op); /* "reading", for messages */

/* One request.  The block layer's from block_submit until done() is called; iov (and what it
 * points to, `length` bytes in all) stays valid and unchanged until then.  done() may free or
 * resubmit it.  done() runs in the main loop, or the one of block_serve_in, under `lock` of the backend's user (see
 * block_backend_attach).  -ECANCELED: given up, done in part or not at all. */
typedef struct BlockRequest {
    BlockOp op;
    uint64_t offset, length;
    struct iovec *iov;
    int iov_count;
    bool fua;   /* write: durable when done */
    bool unmap; /* write zeroes: may discard */
    void (*done)(struct BlockRequest *r, int result /* 0 or -errno */);
    void *opaque;
    struct BlockPriv { /* of the block layer */
        BlockBackend *blk;
        struct BlockRequest *next; /* in a list of the layer */
        uint64_t completed;        /* bytes from the start that need not be done again */
        int64_t begun_ns;          /* CLK_REALTIME */
        NodePlace place;           /* in the ring */
        int result;
        uint32_t flags;
    } priv;
} BlockRequest;

/* Any thread.  Completion order is free; the caller orders by waiting. */
void block_submit(BlockBackend *blk, BlockRequest *r);
/* Requests submitted by this thread between the two go to the kernel in one call. May nest;
 * nothing is started for sure before the outermost unplug. */
void block_plug(void);
void block_unplug(void);
/* Wait for all requests in flight (main loop only, not under the lock of the
 * backend's user: done() takes it). */
void block_drain(BlockBackend *blk);

/* ---- requests that wait, and requests that are given up ----
 * A request that failed where werror= or rerror= ask for it stops the machine (RUN_IO_ERROR) and is
 * kept; nobody is told of the failure.  `cont` tries it again. */
/* The machine has stopped: nothing is in flight when this returns, which is soon: what is large or
 * has not been begun is kept, and goes on at drives_resume.  Main loop only. */
void drives_pause(Drives *all);
void drives_resume(Drives *all); /* main loop only */
/* The machine stands: what was kept for it ends now, so that nothing is under way.  False: something failed, and is kept
 * until `cont`.  Main loop only. */
bool drives_finish(Drives *all);
void drives_cancel(Drives *all); /* the same, but it is given up: whoever asked has gone */
/* stop: has the machine stopped, soon; called in the main loop, maybe under a device's lock. */
void drives_set_stop_hook(Drives *all, void (*stop)(void *opaque), void *opaque);
bool drives_keep_requests(Drives *all); /* has a failed request stopped the machine? Main loop only */
/* Between the two nothing is under way: what is submitted waits.  Main loop only, within one call of it, not under the lock
 * of the backend's user.  They nest. */
void block_hold(BlockBackend *blk);
void block_release(BlockBackend *blk);
/* Between the two, requests that are kept, or not begun, or large end with -ECANCELED, soon; the
 * caller waits for them.  Any thread, under any lock. */
void block_cancel_begin(BlockBackend *blk);
void block_cancel_end(BlockBackend *blk);

/* What a failure of the host means (-drive werror=, rerror=): tell the guest, say that all is well, stop
 * the machine when the host's disk is full (else tell the guest), stop the machine. */
typedef enum BlockOnError {
    BLOCK_ON_ERROR_AUTO,
    BLOCK_ON_ERROR_REPORT,
    BLOCK_ON_ERROR_IGNORE,
    BLOCK_ON_ERROR_ENOSPC,
    BLOCK_ON_ERROR_STOP,
} BlockOnError;
extern const char *const block_on_error_names[]; /* by BlockOnError, ends with NULL */
/* A device's own choice; AUTO leaves that of the drive. */
void block_set_on_error(BlockBackend *blk, BlockOnError on_read, BlockOnError on_write);

/* Synchronous access for loaders and tests; main loop only. */
bool block_read_sync(BlockBackend *blk, uint64_t offset, void *buf, uint64_t len,
                     GError **err) G_GNUC_WARN_UNUSED_RESULT;
bool block_write_sync(BlockBackend *blk, uint64_t offset, const void *buf, uint64_t len,
                      GError **err) G_GNUC_WARN_UNUSED_RESULT;

uint64_t block_size(BlockBackend *blk); /* bytes */
bool block_is_readonly(BlockBackend *blk);
const char *block_id(const BlockBackend *blk);
char *block_node_name(const BlockBackend *blk); /* as other programs know its node; the caller's */
char *block_describe(BlockBackend *blk);        /* one line of `info block` */
/* For those who list drives.  Strings are the drive's. */
typedef struct BlockState {
    const char *filename, *io_status; /* "ok", "nospace", "failed" */
    const char *format;               /* "raw", "file", "host_device" */
    const char *below;                /* name of the node that this one is on; NULL: none has a name */
    bool is_node;                     /* of -blockdev: its id is its node's name */
    bool readonly, writethrough, direct, no_flush, detect_zeroes, zeroes_unmap, snapshot;
    uint64_t allocated; /* bytes that the image takes on the host; 0 with snapshot=on */
} BlockState;
void block_get_state(const BlockBackend *blk, BlockState *s); /* main loop */

/* What a drive's user has asked of it since the start.  The time of a request is from block_submit to done(), so it
 * has in it what the machine was stopped; a request that was given up is not counted. */
typedef enum BlockCounted {
    BLOCK_COUNTED_READS,
    BLOCK_COUNTED_WRITES, /* of zeroes, too */
    BLOCK_COUNTED_FLUSHES,
    BLOCK_COUNTED_DISCARDS,
    BLOCK_COUNTED_KINDS,
} BlockCounted;
typedef struct BlockCount {
    uint64_t operations, bytes; /* of those that succeeded */
    uint64_t failed;            /* on the host */
    uint64_t invalid;           /* refused: outside the image, read-only ... */
    uint64_t time_ns;           /* of all but the invalid */
} BlockCount;
typedef struct BlockStats {
    BlockCount of[BLOCK_COUNTED_KINDS];
    uint64_t highest_written; /* end of the farthest write */
    int64_t last_ns;          /* CLK_REALTIME, when the last one ended; 0: there was none */
} BlockStats;
BlockStats block_stats(BlockBackend *blk); /* main loop, not under the lock of the user */

/* BLOCK_IO_ERROR is emitted there; NULL: nowhere. */
void drives_set_events(Drives *all, Events *events);
extern const struct Event event_block_io_error;

typedef enum DriveInterface { DRIVE_NONE, DRIVE_VIRTIO, DRIVE_PFLASH, DRIVE_DEFAULT } DriveInterface;

/* The drives of one machine. */
Drives *drives_new(EventLoop *loop /* completes requests */, Clock *clock);
void drives_free(Drives *all); /* drain, flush, unlock, close; NULL is fine */

/* What -drive takes.  Its struct is the room's own: made by shape_new.  Format: raw (not given: probed, with the
 * warning that writes to block 0 are restricted). */
typedef struct DriveOptions DriveOptions;
extern const Shape drive_shape;
/* Without an id it gets one: virtio0, none1, pflash0. */
BlockBackend *block_open_drive(Drives *all, const DriveOptions *o, GError **err) G_GNUC_WARN_UNUSED_RESULT;

/* What -blockdev and blockdev-add take.  Its struct is the room's own: made by shape_new.  The node is a drive for devices,
 * whose id is its node-name. */
typedef struct BlockdevOptions BlockdevOptions;
extern const Shape blockdev_shape;
bool blockdev_add(Drives *all, const BlockdevOptions *o, GError **err) G_GNUC_WARN_UNUSED_RESULT;
/* Other options of nodes that are there, by node-name: all of them, or none. */
bool blockdev_reopen(Drives *all, BlockdevOptions *const *list, size_t count,
                     GError **err) G_GNUC_WARN_UNUSED_RESULT;
bool blockdev_del(Drives *all, const char *name,
                  GError **err) G_GNUC_WARN_UNUSED_RESULT; /* one that nobody uses */

DriveInterface block_interface(BlockBackend *blk);
int block_index(BlockBackend *blk); /* index= or unit=, -1 when not given */
const char *block_serial(BlockBackend *blk);
BlockBackend *block_find(const Drives *all, const char *id);
BlockBackend *block_find_node(const Drives *all, const char *name); /* by block_node_name(), or by its id */
void block_foreach(const Drives *all, void (*fn)(BlockBackend *blk, void *opaque), void *opaque);

/* A controller takes the backend (one user at a time); lock: its device's. */
bool block_backend_attach(BlockBackend *blk, void *user, Lock *lock, GError **err) G_GNUC_WARN_UNUSED_RESULT;
/* Its requests end in this loop, of whatever thread, until the user detaches: main loop, nothing is in flight. */
void block_serve_in(BlockBackend *blk, EventLoop *loop);
void block_backend_detach(BlockBackend *blk, void *user);
/* The user wants to know of another size: in the main loop, without a lock; until it detaches. */
void block_set_resized(BlockBackend *blk, void (*resized)(void *opaque), void *opaque);
/* The user's place in the tree of objects, for events: until it detaches. */
void block_set_place(BlockBackend *blk, const char *place);
