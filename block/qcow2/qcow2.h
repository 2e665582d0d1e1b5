/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Inside of the qcow2 driver.
 * Specification: QEMU, docs/interop/qcow2 ("the specification" in these files).
 *
 * Two locks.  `lock` is held by whoever changes the image's structure, also while tables are read from the file; never
 * while guest data, or the backing, are read or written.  `tables_lock` (a leaf) guards tables in memory for moments, so
 * that map() need not wait.  Tables are changed by who holds both, so who holds either may read.
 *
 * The order of writes is in commit.c. */
#pragma once
#include <glib.h>
#include <inttypes.h>

#include "block/driver.h"
#include "base/lock.h"
#include "util/container.h"

enum { /* limits, checked before anything is allocated for what a header asks */
       CLUSTER_BITS_MIN = 9,
       CLUSTER_BITS_MAX = 21,
       REFCOUNT_ORDER_MAX = 6,
       L1_MAX = 32 << 20,      /* bytes */
       REFTABLE_MAX = 8 << 20, /* bytes */
       SNAPSHOTS_MAX = 65536,
       SNAPSHOT_EXTRA_MAX = 1024,
       SNAPSHOT_TABLE_MAX = 16 << 20,
       CRYPT_HEADER_MAX = 64 << 20,
       NAME_MAX_BYTES = 1023,
       SUBCLUSTERS = 32,
       SUBCLUSTER_BITS_MIN = 14
};

enum { /* bits of the header's incompatible features */
       INCOMPAT_DIRTY = 1 << 0,
       INCOMPAT_CORRUPT = 1 << 1,
       INCOMPAT_DATA_FILE = 1 << 2,
       INCOMPAT_COMPRESSION = 1 << 3,
       INCOMPAT_EXTENDED_L2 = 1 << 4,
       INCOMPAT_KNOWN = 0x1f
};
enum { COMPAT_LAZY = 1 << 0 };
enum { AUTOCLEAR_BITMAPS = 1 << 0, AUTOCLEAR_RAW_DATA = 1 << 1 };
enum { CRYPT_NONE, CRYPT_AES, CRYPT_LUKS };
enum { COMPRESSION_ZLIB, COMPRESSION_ZSTD };
enum { /* header extensions */
       EXTENSION_END = 0,
       EXTENSION_BACKING_FORMAT = (int)0xe2792aca,
       EXTENSION_FEATURES = 0x6803f857,
       EXTENSION_BITMAPS = 0x23852875,
       EXTENSION_ENCRYPTION = 0x0537be77,
       EXTENSION_DATA_FILE = 0x44415441
};

#define ENTRY_COPIED (UINT64_C(1) << 63)
#define ENTRY_PACKED (UINT64_C(1) << 62)
#define ENTRY_ZERO UINT64_C(1)
#define ENTRY_OFFSET UINT64_C(0x00fffffffffffe00)

typedef struct Qcow2Header {
    unsigned version, cluster_bits, refcount_order, header_length, compression;
    uint64_t size, l1_offset, reftable_offset, snapshots_offset, backing_offset;
    uint32_t l1_size, reftable_clusters, snapshots, backing_length, crypt_method;
    uint64_t incompatible, compatible, autoclear;
} Qcow2Header;

/* An entry of an L2 table; bits: of its subclusters, in images with extended entries. */
typedef struct L2Entry {
    uint64_t word, bits;
} L2Entry;

typedef struct MetaPage MetaPage; /* cache.c */
typedef enum MetaKind { META_L2, META_REFS, META_KINDS } MetaKind;

/* A table that is in memory as a whole, and which of its sectors are not yet in the file. */
typedef struct WholeTable {
    uint64_t *entries; /* host byte order */
    uint64_t count, offset;
    uint8_t *dirty; /* by sector: 64 entries */
    bool any_dirty;
} WholeTable;

/* Clusters that nothing points to any more in memory.  Their counts go down when that is in the file, and nobody
 * can be on the way to them. */
typedef struct FreedCluster {
    uint64_t index; /* of the cluster in the file */
    unsigned epoch; /* see pins.h */
} FreedCluster;

typedef struct Qcow2 {
    BlockNode node;
    Qcow2Header h;
    uint8_t head[512]; /* the header as it is in the file */
    unsigned cluster_bits, l2_bits, entry_size, unit_bits, units;
    uint64_t cluster_size;
    bool zstd, extended, raw_data, writable, discard;
    char *backing_name, *backing_format, *data_name; /* NULL: none */
    uint64_t crypt_offset, crypt_size;               /* the LUKS header in the file; 0: none */
    BlockNode *crypt; /* of the file, whose data it encrypts; NULL: nothing is encrypted */
    uint64_t bitmaps_offset, bitmaps_size; /* the directory; 0: none */
    uint32_t bitmaps;
    GPtrArray *bitmap_entries; /* of BitmapEntry (bitmaps.h), as the file has them; NULL: none */

    Lock lock;
    GCond changed; /* under lock: an allocation or a commit has ended */
    Lock tables_lock;

    WholeTable l1,
        reftable; /* the header names another refcount table while a larger one is not in the file */
    uint64_t moving_reftable; /* what a commit is about to let the header name; 0: nothing */
    GHashTable *pages;        /* of MetaPage, by their place in the file */
    MetaPage *newest, *oldest;
    unsigned page_size, page_count, dirty_pages[META_KINDS];
    GHashTable *metadata; /* indexes of clusters that hold tables, to what */

    GArray *allocating; /* of AllocRange: guest clusters that are being filled */
    uint64_t free_hint; /* no cluster before it is free */
    GArray *freed;      /* of FreedCluster: pointers to them may still be in the file */
    GArray *unpointed;  /* of FreedCluster: only pins keep them */
    uint64_t pack_at; /* where the next compressed cluster may begin, in one that has such; 0: in a new one */
    bool packing;     /* one is being placed and written, by whom this belongs: */
    uint8_t pack_tail[SECTOR]; /* what is in the sector of pack_at, before it */

    bool committing, corrupt, dirty_bit, repairing;
    unsigned commits; /* that were begun */
    int commit_result;
    uint8_t *unpacked; /* the compressed cluster that was read last */
    uint64_t unpacked_word;
} Qcow2;

/* ---- header.c ---- */
/* buf: the first n bytes of the file. */
bool header_parse(Qcow2Header *h, const uint8_t *buf, size_t n, const char *name, GError **err);
bool header_read_names(Qcow2 *s, const uint8_t *buf, size_t n, GError **err);
void header_store(const Qcow2Header *h, uint8_t head[512]); /* what changes of a header that is there */
/* One of version 2 becomes one of version 3, without features; its counts have 16 bits as before. */
enum { HEADER_V2 = 72, HEADER_V3_LEAST = 104 }; /* bytes */
void header_store_version(uint8_t head[HEADER_V3_LEAST], unsigned version);
int header_write(Qcow2 *s); /* the first sector, from s->h */

/* ---- names.c ---- */
/* The extension that names the directory of bitmaps; count 0: it has none.  0 or -errno; stable. */
int names_set_bitmaps(Qcow2 *s, uint64_t offset, uint64_t size, uint32_t count);

/* ---- cache.c: pages of L2 tables and refcount blocks; under lock, but for map() ---- */
/* Copy n bytes at a place of the file, which lie in one page.  -EAGAIN: not here, and may_wait is false (with it: under
 * lock). */
int cache_read(Qcow2 *s, uint64_t at, void *buf, unsigned n, bool may_wait);
int cache_write(Qcow2 *s, uint64_t at, const void *buf, unsigned n, MetaKind kind);
void cache_new_cluster(Qcow2 *s, uint64_t at, MetaKind kind); /* of zeroes, to be written */
void cache_forget_cluster(Qcow2 *s, uint64_t at);
void cache_free(Qcow2 *s);
/* Pages that are to be written, as they are now. */
typedef struct PageCopy {
    uint64_t at;
    uint8_t *data;
} PageCopy;
GArray *cache_take_dirty(Qcow2 *s, MetaKind kind);
void cache_written(Qcow2 *s, GArray *copies, MetaKind kind, bool ok); /* and frees them */

/* ---- tables.c ---- */
bool table_read(Qcow2 *s, WholeTable *t, uint64_t offset, uint64_t count, const char *what, GError **err);
void table_free(WholeTable *t);
void table_set(Qcow2 *s, WholeTable *t, uint64_t index, uint64_t value);
void table_grow(Qcow2 *s, WholeTable *t, uint64_t count, uint64_t offset); /* all of it is to be written */
/* Big-endian copy of a sector of it. */
void table_sector(const WholeTable *t, uint64_t sector, uint8_t buf[512]);
int qcow2_corrupt(Qcow2 *s, const char *fmt, ...) G_GNUC_PRINTF(2, 3); /* -EIO; no lock, or lock */
void metadata_add(Qcow2 *s, uint64_t offset, uint64_t bytes, const char *what);
void metadata_remove(Qcow2 *s, uint64_t offset, uint64_t bytes);
const char *metadata_at(Qcow2 *s, uint64_t offset); /* under either lock; NULL: none */

/* ---- refcount.c: under lock ---- */
int refs_get(Qcow2 *s, uint64_t index, uint64_t *refs);
int refs_add(Qcow2 *s, uint64_t index, int delta);
uint64_t refs_max(const Qcow2 *s);
/* The first free clusters, side by side: 1 to `wanted`, with a count of 1 each. */
int refs_alloc(Qcow2 *s, uint64_t wanted, uint64_t *offset, uint64_t *count);
int refs_alloc_run(Qcow2 *s, uint64_t count, uint64_t *offset); /* all side by side */
void refs_unalloc(Qcow2 *s, uint64_t offset, uint64_t count);   /* that nothing has pointed to */
void refs_free(Qcow2 *s, uint64_t offset,
               uint64_t count);               /* nothing in memory points there any more, once less */
void refs_release(Qcow2 *s);                  /* what can be used again */
void refs_unpointed(Qcow2 *s, GArray *freed); /* a commit has ended */
uint64_t refs_in_entry(const void *block, uint64_t entry, unsigned order); /* of a block in memory */
void refs_set_in_entry(void *block, uint64_t entry, unsigned order, uint64_t refs);

/* ---- entry.c ---- */
int entry_read(Qcow2 *s, uint64_t guest_cluster, L2Entry *e, bool may_wait);
int entry_write(Qcow2 *s, uint64_t guest_cluster, const L2Entry *e); /* its table is there: see entry_table */
int entry_table(Qcow2 *s, uint64_t guest_cluster); /* make sure of it, and that it is not shared */
bool entry_is_valid(const Qcow2 *s, const L2Entry *e);
ExtentKind entry_kind(const Qcow2 *s, const L2Entry *e, unsigned unit);
uint64_t entry_host(const L2Entry *e); /* offset of a standard cluster; 0: none */
void entry_packed(const Qcow2 *s, const L2Entry *e, uint64_t *offset, uint64_t *length); /* length: room */
void entry_free(Qcow2 *s, const L2Entry *e); /* what it points to */
BlockNode *entry_data_node(Qcow2 *s);

/* ---- encryption.c ---- */
/* The node through which data is read and written, of what the header says; flags: see qcow2_open. */
bool encryption_open(Qcow2 *s, const OpenFlags *flags, GError **err);

/* ---- l1.c: while nobody else changes the image ---- */
/* Of each cluster that the tables of an L1 refer to, L2 tables among them, as often as they do. */
typedef int L1Visit(Qcow2 *s, uint64_t index, void *opaque);
int l1_walk(Qcow2 *s, const uint64_t *l1, uint64_t count, L1Visit *visit, void *opaque);
/* Each standard entry of these tables, which may be changed; index: its host cluster. */
typedef int L1Change(Qcow2 *s, uint64_t index, L2Entry *e, void *opaque);
int l1_change(Qcow2 *s, const uint64_t *l1, uint64_t count, L1Change *change, void *opaque);
int l1_read(Qcow2 *s, uint64_t offset, uint64_t count, uint64_t **entries); /* of a snapshot */
uint64_t l1_needed(const Qcow2 *s, uint64_t disk_bytes);
/* These entries (the caller's no more) become the active table, and the disk has so many bytes: in memory, and in the file, stable. */
int l1_replace(Qcow2 *s, uint64_t *entries, uint64_t count, uint64_t disk_bytes);

/* ---- resize.c ---- */
int qcow2_resize(BlockNode *n, uint64_t bytes);
int qcow2_set_disk_size(Qcow2 *s, uint64_t bytes); /* in memory and in the file, stable */
int qcow2_reach(Qcow2 *s, uint64_t bytes);         /* the L1 table covers so many, at least */
int qcow2_drop_from(Qcow2 *s, uint64_t cluster); /* guest clusters from this one on have nothing, in memory */

/* ---- map.c ---- */
int qcow2_map(BlockNode *n, uint64_t offset, uint64_t length, bool may_wait, Extent *e);

/* ---- pack.c ---- */
int qcow2_unpack(BlockNode *n, const NodeIo *io);

/* ---- packing.c ---- */
int qcow2_pack(BlockNode *n, uint64_t offset, const uint8_t *cluster);
void pack_forget(Qcow2 *s, uint64_t index); /* under lock: this cluster of the file has a count of 0 */

/* ---- commit.c ---- */
int qcow2_commit(Qcow2 *s);     /* what was done before is durable; no lock */
int qcow2_commit_all(Qcow2 *s); /* counts, too, that lazy refcounts leave to the end */
int qcow2_commit_if_much(Qcow2 *s);

/* ---- write.c, zero.c ---- */
typedef struct AllocRange {
    uint64_t first, count;
} AllocRange;
int qcow2_write(Qcow2 *s, const NodeIo *io);
int qcow2_write_zeroes(Qcow2 *s, const NodeIo *io);
/* What is zero by a flag is zero by having no place, or by data, from now on.  0 or -errno. */
int qcow2_drop_zero_flags(Qcow2 *s);
int qcow2_discard(Qcow2 *s, const NodeIo *io);
void alloc_wait(Qcow2 *s, uint64_t first, uint64_t count); /* under lock: until nobody fills one of them */
void alloc_end(Qcow2 *s, const AllocRange *range);         /* under lock: it was in `allocating` */
int qcow2_begin_changes(Qcow2 *s);                         /* under lock: may the image be changed? */

/* ---- check.c ---- */
int qcow2_check(BlockNode *n, ImageRepair repair, ImageReport *report);

/* ---- qcow2.c ---- */
extern const BlockDriver qcow2_driver;
static inline Qcow2 *qcow2_of(BlockNode *n)
{
    return container_of(n, Qcow2, node);
}
