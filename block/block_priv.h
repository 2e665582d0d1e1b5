/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Inside of the block folder: drives, engines.
 *
 * A request's way: block_submit checks it, asks the graph of nodes for its place, and hands it
 * to io_uring when it lies in one file as it is; otherwise a worker thread runs
 * the drivers' straight-line code.  Either way it ends in block_complete, and
 * done() is called from the loop of its completer. */
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

typedef struct Ring Ring;                   /* ring.c */
typedef struct Job Job;                     /* job/job.h */
typedef struct ThrottleGroup ThrottleGroup; /* filter/throttle.c */
typedef struct Exports Exports;             /* nbd/exports.c */

/* Where requests end (completer.c). */
typedef struct Completer {
    EventLoop *loop;
    unsigned drives; /* that asked for it */
    Ring *ring;      /* of those that use io_uring; NULL: none does */
    int ring_error;  /* why there can be no ring, or 0 */
    Lock done_lock;  /* completed, their users not yet told; below it: the loop's queue */
    BlockRequest *done_first, *done_last;
    Bh *done_bh;
} Completer;

struct Drives {
    EventLoop *loop;
    GPtrArray *list;                    /* of BlockBackend, in the order of the command line */
    Completer *completer;               /* of the loop */
    GPtrArray *others;                  /* of Completer, whose loops drives asked for */
    void (*stop_machine)(void *opaque); /* see drives_set_stop_hook */
    void *stop_opaque;
    Events *events;  /* see drives_set_events */
    GPtrArray *jobs; /* of Job */
    Clock *clock;
    Secrets *secrets;
    GPtrArray *throttle_groups; /* of ThrottleGroup */
    Exports *exports;           /* NULL: there were none yet */
};

/* detect-zeroes=, of a drive and of a node. */
typedef enum BlockZeroes { ZEROES_OFF, ZEROES_ON, ZEROES_UNMAP } BlockZeroes;
extern const char *const block_zeroes_names[];
extern const char *const block_encryption_names[], *const block_unbuilt_encryptions[]; /* of qcow2 */
bool block_check_zeroes(BlockZeroes zeroes, bool discard, GError **err);

struct BlockBackend {
    Drives *all;
    Completer *completer; /* NULL: that of the main loop */
    char *id, *serial;
    BlockNode *node;
    void (*resized)(void *opaque); /* see block_set_resized */
    void *resized_opaque;
    Job *job;                     /* that works on it, or holds it; NULL: none */
    char *node_name;              /* of its node, where that is not by its id; NULL: that */
    BlockBackend *below;          /* whose node this one is on; NULL: none has a name */
    BlockBackend *beside;         /* the same, of a second child */
    bool owns_below, owns_beside; /* they go with this one */
    bool is_node;                 /* of -blockdev: known by its name alone */
    const char *format;           /* driver, as other programs know it */
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
    struct {             /* see block_hold */
        unsigned on;     /* atomic: how often */
        bool overlay;    /* for an overlay that is prepared */
        bool resume;     /* what it has put down goes on at its end */
        BlockRequest *first, *last;
    } held;
    ThrottleGroup *throttle; /* atomic; NULL: as fast as it can */
    struct {                 /* reads, writes: see filter/throttle.c; under the group's lock */
        BlockRequest *first, *last;
    } throttled[2];
    BlockStats stats; /* under the lock, or in the main loop where there is none */
    struct {          /* see keep.c */
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
bool node_is_part(const BlockNode *n); /* or in one: its file's name alone does not say what it is */
BlockNode *null_node_open(uint64_t size, bool read_zeroes);
bool file_node_is_locked(const BlockNode *n); /* does it keep other programs away? */
/* A name that begins with json: (json_name.c): a file or what is like one, and (the caller's, or NULL) the format that it says. */
bool json_name_is(const char *text);
BlockNode *json_name_open(const char *text, const OpenFlags *flags, char **format, GError **err);
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
BlockNode *luks_open(BlockNode *file, const OpenFlags *flags, GError **err);
BlockNode *vdi_open(BlockNode *file, const OpenFlags *flags, GError **err);
BlockNode *vpc_open(BlockNode *file, const OpenFlags *flags, GError **err);

/* ---- image locks ---- */
bool image_lock(int fd, const char *path, bool write, bool must, GError **err);
/* Of an image that is locked to be read: could it be locked to be written?  Other open files of this process count as others. */
bool image_lock_more(int fd, const char *path, GError **err);
bool image_lock_again(int fd, bool write); /* another open file of it, of one who has its locks */

/* ---- completion (completer.c) ---- */
Completer *completer_new(EventLoop *loop);
Completer *completer_of(const BlockBackend *blk);
void completer_free(Completer *c); /* main loop; it has no drives */
/* These two in its loop, or in the main loop. */
void completer_run(Completer *c);                         /* tell the users of what has ended */
void completer_poll(Completer *c);                        /* end what can end now */
void block_complete(BlockRequest *r, int result);         /* any thread */
void block_complete_quietly(BlockRequest *r, int result); /* by who runs the completer then */
int block_run(BlockRequest *r);                           /* on this thread (run.c) */
NodeIo block_io(const BlockRequest *r);                   /* what it asks of its node */
/* Any thread: what has been checked goes to an engine, unless it is held back. */
void block_start(BlockRequest *r);
bool block_held_back(BlockRequest *r); /* any thread: it waits for block_release, not in flight */
bool block_keep(BlockRequest *r);      /* where it ends, instead of done(): it failed and waits for `cont` */
const char *block_io_status(const BlockBackend *blk); /* "ok", "nospace", "failed" */

/* ---- statistics (stats.c) ---- */
/* Where it ends, under the user's lock: it is over, with this result; now: CLK_REALTIME. */
void block_count(const BlockRequest *r, int result, int64_t now);

/* ---- engines ---- */
/* Make the ring of a completer, once, in its loop; false: there can be none here.  NULL is a ring that does
 * nothing for the functions below. */
bool ring_init(Completer *c, GError **err);
void ring_free(Ring *ring);
void ring_submit(Ring *ring, BlockRequest *r);
void ring_start(Ring *ring);                              /* what is prepared goes to the kernel */
void ring_reap(Ring *ring);                               /* any thread */
int ring_wait_fd(const Ring *ring);                       /* -1: no ring */
bool ring_takes(const Ring *ring, const BlockRequest *r); /* neither it nor what is under way is too much */
bool workers_init(GError **err);
void workers_submit(BlockRequest *r);

/* A table whose keys are numbers in images (offsets, indexes: GSIZE_TO_POINTER): none can be made whose numbers all meet in one place. */
GHashTable *image_numbers_new(void);

void block_error(GError **err, const char *fmt, ...) G_GNUC_PRINTF(2, 3);
BlockBackend *block_above(const BlockBackend *blk); /* whose node is on that of this one; NULL: none */
/* May this happen to an image that exports may have? */
typedef enum ExportUse {
    EXPORT_WRITTEN, /* all that is written goes through the disk, or it is only read from now on */
    EXPORT_RESIZED,
    EXPORT_REBASED, /* what its chain is made of changes */
    EXPORT_REMOVED,
} ExportUse;
bool exports_allow(const Drives *all, BlockNode *image, ExportUse use, GError **err);
void exports_free(Drives *all);
void jobs_end(Drives *all);               /* job/job.c */
char *block_free_name(const Drives *all); /* for a node that nobody named */
bool block_name_is_free(const Drives *all, const char *name, GError **err);
void block_backend_free(BlockBackend *blk);
void block_cancel_and_drain(BlockBackend *blk); /* what nobody has been told of ends undone */
void block_close(BlockBackend *blk);            /* drain, flush, and out of the list */
