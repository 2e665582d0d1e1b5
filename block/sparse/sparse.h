/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Images that are a table: an entry for each block of the disk says where in the file its bytes are, or that it has
 * none.  vdi, vpc, parallels, qcow, vmdk and vhdx are so; what differs is a SparseFormat each.
 *
 * Blocks never move and are never given back to the image, so what map() has said stays true (no pins); a discard gives
 * their room to the host's file system.
 *
 * Two locks, as in qcow2: `lock` is held by whoever allocates or commits, `tables_lock` (a leaf) guards pages of tables
 * in memory for moments.  What holds `lock` may read and write the file, never the backing.
 *
 * Order of writes: a new block is filled, then its entry is changed in memory; a commit flushes the file before it
 * writes entries, and after.  So no entry in the file points to bytes that are not there. */
#pragma once
#include <inttypes.h>

#include "block/block_priv.h"
#include "block/image_check.h"

typedef struct Sparse Sparse;

typedef struct SparseBlock {
    ExtentKind kind;
    uint64_t host;   /* its place in the file; 0: none */
    uint64_t length; /* of what is packed there; it may be longer than it is */
    bool no_table;   /* nor has any other block of its table an entry */
} SparseBlock;

/* Functions that read tables return -EAGAIN when that would have to wait and may_wait is false; with it, and for all
 * that writes, `lock` is held.  NULL: nothing is to be done. */
typedef struct SparseFormat {
    BlockDriver driver;
    unsigned entry_size; /* bytes */
    bool big_endian;
    /* The place of a block's entry; 0: the table that would have it is not there.  NULL: one table at s->table. */
    int (*locate)(Sparse *s, uint64_t block, bool may_wait, uint64_t *at);
    int (*make_table)(Sparse *s, uint64_t block);                   /* that locate() did not find */
    int (*decode)(const Sparse *s, uint64_t entry, SparseBlock *b); /* -EIO: it says nothing sensible */
    uint64_t (*encode)(const Sparse *s, uint64_t host);
    int (*entry_set)(Sparse *s, uint64_t block, uint64_t entry); /* there is a copy of the tables */
    int (*begin)(Sparse *s);         /* before the first change of the disk: what says that it is in use */
    int (*before_commit)(Sparse *s); /* what else is to be true when the new entries are */
    int (*finish)(Sparse *s);        /* after the last commit of an image that was changed */
    void (*close)(Sparse *s);
    int (*unpack)(Sparse *s, uint64_t block, const SparseBlock *b, uint8_t *to); /* a whole block; no lock */
    int (*fill_prefix)(Sparse *s, uint64_t host); /* of a new block: see s->prefix */
} SparseFormat;

struct Sparse {
    BlockNode node;
    const SparseFormat *format;
    uint64_t block_size, blocks; /* bytes; entries */
    uint64_t table;              /* in the file */
    uint64_t table_span;         /* blocks that share a table that may be missing; 0: none may */
    uint64_t data_start;         /* no block lies before */
    uint64_t prefix;             /* bytes at a block's place before its own */
    bool writable;

    Lock lock;
    uint64_t end; /* where the next block goes */
    bool begun;   /* atomic */
    bool corrupt; /* atomic: it was told */

    Lock tables_lock;
    GHashTable *pages; /* of SparsePage, by place */
    unsigned dirty_pages;
};

/* ---- pages.c: tables and headers, in sectors that hold nothing else; n bytes within one sector ---- */
int pages_read(Sparse *s, uint64_t at, void *buf, unsigned n, bool may_wait);
int pages_write(Sparse *s, uint64_t at, const void *buf, unsigned n);
int pages_make(Sparse *s, uint64_t at, uint64_t bytes); /* a table of zeroes, in the file and here */
int pages_store(Sparse *s);                             /* what is dirty, to the file */
void pages_free(Sparse *s);

/* ---- sparse.c ---- */
/* Opening: the struct that begins with a Sparse belongs to the node from sparse_init on; the format fills in sizes and
 * places; sparse_ready checks them. */
void sparse_init(Sparse *s, const SparseFormat *format, BlockNode *file);
bool sparse_ready(Sparse *s, uint64_t disk_bytes, uint64_t table_bytes, bool readonly, GError **err);
int sparse_look(Sparse *s, uint64_t block, bool may_wait, SparseBlock *b);
uint64_t sparse_table_end(const Sparse *s, uint64_t block);         /* the first block of the next table */
int sparse_look_waiting(Sparse *s, uint64_t block, SparseBlock *b); /* without `lock` */
int sparse_locate(Sparse *s, uint64_t block, bool may_wait, uint64_t *at);
int sparse_entry(Sparse *s, uint64_t at, bool may_wait, uint64_t *entry);
int sparse_corrupt(Sparse *s, const char *fmt, ...) G_GNUC_PRINTF(2, 3); /* -EIO */
bool sparse_is_file_place(const Sparse *s, uint64_t host);               /* may a block begin there? */
int sparse_map(BlockNode *n, uint64_t offset, uint64_t length, bool may_wait, Extent *e);
int sparse_unpack(BlockNode *n, const NodeIo *io);
void sparse_close(BlockNode *n);

/* ---- write.c ---- */
int sparse_run(BlockNode *n, const NodeIo *io);
int sparse_commit(Sparse *s); /* under lock */

/* ---- check.c ---- */
int sparse_check(BlockNode *n, ImageRepair repair, ImageReport *report);

static inline Sparse *sparse_of(BlockNode *n)
{
    return container_of(n, Sparse, node);
}

static inline BlockNode *sparse_file(const Sparse *s)
{
    return s->node.children[NODE_FILE];
}
