/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Power cuts: random work on a qcow2 image whose file is a tape of writes and flushes; the tape is cut everywhere, and of what
 * no flush had followed, any part may be missing.  Each image that comes out opens, has no fault but leaks, and has
 * all that was flushed. */
#include <string.h>

#include "block/block_priv.h"
#include "block/qcow2_check.h"
#include "block/qcow2_create.h"
#include "block/qcow2_snapshot.h"
#include "block/qcow2/qcow2_open.h"

enum { DISK = 1 << 20, FILE_MAX = 4 << 20, OPERATIONS = 60 };

/* ---- a file in memory that remembers --------------------------------------- */

typedef struct Record {
    uint64_t offset, length; /* 0: a flush */
    uint8_t *data;
} Record;

typedef struct TapeNode {
    BlockNode node;
    uint8_t *bytes;
    GArray *tape; /* of Record; NULL: nobody asks */
    GMutex lock;
    unsigned calls, fails_at; /* this call fails, counted from 1; 0: none does */
    int error;
} TapeNode;

static int tape_map(BlockNode *n, uint64_t offset, uint64_t length, bool may_wait, Extent *e)
{
    *e = (Extent){ EXTENT_DATA, true, length, n, offset };
    return 0;
}

static bool tape_direct(BlockNode *n, const NodeIo *io, int *fd)
{
    return false;
}

static void remember(TapeNode *t, const NodeIo *io)
{
    Record r = { io->offset, io->length, NULL };
    if (io->op == BLOCK_WRITE) {
        r.data = g_malloc(io->length);
        iov_to_buf(io->iov, io->iov_count, 0, r.data, io->length);
    }
    if (t->tape && (io->op == BLOCK_WRITE || io->op == BLOCK_FLUSH)) {
        g_array_append_val(t->tape, r);
    } else {
        g_free(r.data);
    }
}

static int tape_run(BlockNode *n, const NodeIo *io)
{
    TapeNode *t = container_of(n, TapeNode, node);
    if (io->offset + io->length > FILE_MAX) {
        return -ENOSPC;
    }
    if (++t->calls == t->fails_at) {
        return t->error;
    }
    g_mutex_lock(&t->lock);
    if (io->op == BLOCK_READ) {
        iov_from_buf(io->iov, io->iov_count, 0, t->bytes + io->offset, io->length);
    } else if (io->op == BLOCK_WRITE) {
        iov_to_buf(io->iov, io->iov_count, 0, t->bytes + io->offset, io->length);
        n->size = MAX(n->size, io->offset + io->length);
    }
    remember(t, io);
    g_mutex_unlock(&t->lock);
    return 0;
}

static void tape_close(BlockNode *n)
{
    TapeNode *t = container_of(n, TapeNode, node);
    for (guint i = 0; t->tape && i < t->tape->len; i++) {
        g_free(g_array_index(t->tape, Record, i).data);
    }
    if (t->tape) {
        g_array_unref(t->tape);
    }
    g_free(t->bytes);
    g_mutex_clear(&t->lock);
}

static const BlockDriver tape_driver = {
    .name = "tape", .map = tape_map, .direct = tape_direct, .run = tape_run, .close = tape_close
};

static TapeNode *tape_new(const TapeNode *from)
{
    TapeNode *t = g_new0(TapeNode, 1);
    node_init(&t->node, &tape_driver, "tape", from ? from->node.size : 0, false);
    t->bytes = from ? g_memdup2(from->bytes, FILE_MAX) : g_malloc0(FILE_MAX);
    return t;
}

/* ---- what must be there ------------------------------------------------------ */

typedef struct Operation {
    guint at; /* records on the tape when it began */
    uint64_t offset, length;
} Operation;

typedef struct Moment {
    guint at;      /* records on the tape when a flush had ended */
    guint next;    /* operation */
    uint8_t *sure; /* the disk then */
} Moment;

static BlockNode *open_on(TapeNode *t, bool readonly)
{
    g_autoptr(GError) err = NULL;
    BlockNode *n = qcow2_open(&t->node, &(Qcow2Open){ .readonly = readonly, .discard = true }, &err);
    g_assert_no_error(err);
    return n;
}

static Operation do_something(BlockNode *n, GRand *rand, uint8_t *disk)
{
    uint64_t offset = (uint64_t)g_rand_int_range(rand, 0, DISK / SECTOR) * SECTOR;
    uint64_t length = (uint64_t)g_rand_int_range(rand, 1, 64) * SECTOR;
    unsigned what = g_rand_int_range(rand, 0, 8);
    if (what < 3) {
        offset &= ~UINT64_C(0xfff);
        length = (length + 0xfff) & ~UINT64_C(0xfff);
    }
    length = MIN(length, DISK - offset);
    if (what == 0 || what == 3) {
        memset(disk + offset, 0, length);
        g_assert_cmpint(node_run(n, &(NodeIo){ BLOCK_WRITE_ZEROES, what == 0, offset, length, NULL, 0 }), ==,
                        0);
    } else if (what == 1) {
        g_assert_cmpint(node_run(n, &(NodeIo){ BLOCK_DISCARD, false, offset, length, NULL, 0 }), ==, 0);
        g_assert_cmpint(node_read(n, offset, disk + offset, length), ==, 0);
    } else {
        memset(disk + offset, 1 + g_rand_int_range(rand, 0, 250), length);
        g_assert_cmpint(node_write(n, offset, disk + offset, length), ==, 0);
    }
    return (Operation){ 0, offset, length };
}

/* ---- snapshots and sizes ------------------------------------------------------ */

typedef struct Kept { /* what the disk was when a snapshot was taken */
    char name[8];
    bool there;
    uint8_t *disk;
} Kept;

static Kept *one_of(GArray *kept, GRand *rand)
{
    guint first = kept->len ? (guint)g_rand_int_range(rand, 0, (gint)kept->len) : 0;
    for (guint i = 0; i < kept->len; i++) {
        Kept *k = &g_array_index(kept, Kept, (first + i) % kept->len);
        if (k->there) {
            return k;
        }
    }
    return NULL;
}

static void take(BlockNode *n, GArray *kept, const uint8_t *disk)
{
    g_autoptr(GError) err = NULL;
    Kept k = { .there = true, .disk = g_memdup2(disk, DISK) };
    g_snprintf(k.name, sizeof(k.name), "s%u", kept->len);
    if (!qcow2_snapshot_create(n, k.name, &err)) { /* counts of one bit */
        g_assert_nonnull(strstr(err->message, "too narrow"));
        k.there = false;
    }
    g_array_append_val(kept, k);
}

/* Each of these leaves all that was done before it stable. */
static void do_something_large(BlockNode *n, GRand *rand, uint8_t *disk, GArray *kept)
{
    Kept *k = one_of(kept, rand);
    unsigned what = g_rand_int_range(rand, 0, 4);
    if (what == 3) {
        uint64_t larger = DISK + (uint64_t)g_rand_int_range(rand, 0, 16384) * SECTOR;
        int e = node_resize(n, larger);
        bool refused = e == -ENOTSUP; /* version 2 with snapshots */
        g_assert_true(!e || refused);
        g_assert_cmpint(node_resize(n, DISK), ==, refused && larger != DISK ? 0 : e);
    } else if (!k || what == 0) {
        take(n, kept, disk);
    } else if (what == 1) {
        g_assert_true(qcow2_snapshot_apply(n, k->name, NULL));
        memcpy(disk, k->disk, DISK);
    } else {
        g_assert_true(qcow2_snapshot_delete(n, k->name, NULL));
        k->there = false;
    }
    g_assert_cmpint(node_flush(n), ==, 0);
}

static unsigned operations_wanted = OPERATIONS;

/* The tape of the work, and the moments at which a flush had ended.  The image is closed at the end. */
static GArray *work(TapeNode *t, GRand *rand, GArray *operations, GArray *kept)
{
    GArray *moments = g_array_new(false, false, sizeof(Moment));
    uint8_t *disk = g_malloc0(DISK);
    BlockNode *n = open_on(t, false);
    Moment first = { 0, 0, g_memdup2(disk, DISK) };
    g_array_append_val(moments, first);
    for (unsigned i = 0; i < operations_wanted; i++) {
        guint at = t->tape->len;
        bool large = kept && g_rand_int_range(rand, 0, 6) == 0;
        Operation o = { 0, 0, DISK };
        if (large) {
            do_something_large(n, rand, disk, kept);
        } else {
            o = do_something(n, rand, disk);
        }
        o.at = at;
        g_array_append_val(operations, o);
        if (large || g_rand_int_range(rand, 0, 6) == 0) {
            g_assert_cmpint(node_flush(n), ==, 0);
            Moment m = { t->tape->len, i + 1, g_memdup2(disk, DISK) };
            g_array_append_val(moments, m);
        }
    }
    node_unref(n);
    g_free(disk);
    return moments;
}

static void tell(const char *line, void *opaque)
{
    g_test_message("%s", line);
}

/* Sectors that nobody has written between the last flush and the cut are as they were then. */
static void check_content(BlockNode *n, const uint8_t *sure, const uint8_t *touched)
{
    g_autofree uint8_t *now = g_malloc(DISK);
    g_assert_cmpint(node_read(n, 0, now, DISK), ==, 0);
    for (unsigned i = 0; i < DISK / SECTOR; i++) {
        if (!touched[i] && memcmp(now + i * SECTOR, sure + i * SECTOR, SECTOR) != 0) {
            g_error("sector %u was flushed, and is lost", i);
        }
    }
}

/* The image after a cut at `cut`: all before the last flush of the tape, and some of the rest. */
static TapeNode *cut_tape(const TapeNode *start, const GArray *tape, guint cut, GRand *rand)
{
    TapeNode *t = tape_new(start);
    guint stable = 0;
    for (guint i = 0; i < cut; i++) {
        stable = g_array_index(tape, Record, i).data ? stable : i;
    }
    unsigned keep = g_rand_int_range(rand, 0, 4); /* all, none, any part */
    for (guint i = 0; i < cut; i++) {
        const Record *r = &g_array_index(tape, Record, i);
        bool there = i < stable || keep == 0 || (keep != 1 && g_rand_boolean(rand));
        for (uint64_t done = 0; r->data && done < r->length; done += SECTOR) {
            bool sector = there && (i < stable || keep < 3 || g_rand_boolean(rand)); /* or torn */
            if (sector) {
                memcpy(t->bytes + r->offset + done, r->data + done, SECTOR);
                t->node.size = MAX(t->node.size, r->offset + done + SECTOR);
            }
        }
    }
    return t;
}

/* By operations since that flush that began before the cut. */
static void mark_touched(const Moment *m, const GArray *operations, guint cut, uint8_t *touched)
{
    memset(touched, 0, DISK / SECTOR);
    for (guint i = m->next; i < operations->len; i++) {
        const Operation *o = &g_array_index(operations, Operation, i);
        if (o->at <= cut) {
            memset(touched + o->offset / SECTOR, 1, o->length / SECTOR);
        }
    }
}

static void check_cut(const TapeNode *start, const GArray *tape, guint cut, GRand *rand, const uint8_t *sure,
                      const uint8_t *touched)
{
    TapeNode *t = cut_tape(start, tape, cut, rand);
    BlockNode *n = open_on(t, true);
    Qcow2Report report = { 0 };
    g_assert_cmpint(qcow2_check(n, REPAIR_NOTHING, &report), ==, 0);
    bool dirty = t->bytes[79] & 1; /* lazy refcounts: counts may be wrong, and are made anew */
    if ((!dirty && report.corruptions) || report.check_errors) {
        qcow2_check(n, REPAIR_NOTHING, &(Qcow2Report){ .say = tell });
        g_error("cut at %u: %" G_GUINT64_FORMAT " corruptions", cut, report.corruptions);
    }
    check_content(n, sure, touched);
    node_unref(n);
    if (dirty) {
        n = qcow2_open(&t->node, &(Qcow2Open){ .repair = true }, NULL);
        Qcow2Report again = { 0 };
        g_assert_cmpint(qcow2_check(n, REPAIR_ALL, &again), ==, 0);
        node_unref(n);
        n = open_on(t, false);
        Qcow2Report last = { .say = tell };
        g_assert_cmpint(qcow2_check(n, REPAIR_NOTHING, &last), ==, 0);
        g_assert_cmpuint(last.corruptions + last.leaks, ==, 0);
        node_unref(n);
    }
    node_unref(&t->node);
}

/* A snapshot that the image lists is what was kept, and the image is sound with it. */
static void check_snapshots(const TapeNode *start, const GArray *tape, guint cut, GRand *rand, GArray *kept)
{
    TapeNode *t = cut_tape(start, tape, cut, rand);
    bool dirty = t->bytes[79] & 1;
    BlockNode *n = dirty ? NULL : open_on(t, false);
    g_autoptr(GPtrArray) list = n ? qcow2_snapshots(n, NULL) : g_ptr_array_new();
    g_assert_nonnull(list);
    if (list->len) {
        const Qcow2Snapshot *sn = g_ptr_array_index(list, g_rand_int_range(rand, 0, (gint)list->len));
        g_autofree uint8_t *untouched = g_malloc0(DISK / SECTOR);
        guint which = (guint)atoi(sn->name + 1);
        g_assert_cmpuint(which, <, kept->len);
        g_assert_true(qcow2_snapshot_apply(n, sn->name, NULL));
        check_content(n, g_array_index(kept, Kept, which).disk, untouched);
        Qcow2Report report = { .say = tell };
        g_assert_cmpint(qcow2_check(n, REPAIR_NOTHING, &report), ==, 0);
        g_assert_cmpuint(report.corruptions + report.check_errors, ==, 0);
    }
    node_unref(n);
    node_unref(&t->node);
}

static void forget(GArray *kept)
{
    for (guint i = 0; i < kept->len; i++) {
        g_free(g_array_index(kept, Kept, i).disk);
    }
    g_array_unref(kept);
}

static unsigned cut_everywhere(const Qcow2Create *o, guint32 seed, bool snapshots)
{
    g_autoptr(GRand) rand = g_rand_new_with_seed(seed);
    TapeNode *t = tape_new(NULL);
    g_assert_cmpint(qcow2_create(&t->node, o), ==, 0);
    TapeNode *start = tape_new(t);
    t->tape = g_array_new(false, false, sizeof(Record));
    GArray *operations = g_array_new(false, false, sizeof(Operation));
    GArray *kept = g_array_new(false, false, sizeof(Kept));
    GArray *moments = work(t, rand, operations, snapshots ? kept : NULL);
    g_autofree uint8_t *touched = g_malloc0(DISK / SECTOR);
    guint which = 0, cuts = t->tape->len;
    for (guint cut = 0; cut <= cuts; cut++) {
        while (which + 1 < moments->len && g_array_index(moments, Moment, which + 1).at <= cut) {
            which++;
        }
        const Moment *m = &g_array_index(moments, Moment, which);
        mark_touched(m, operations, cut, touched);
        check_cut(start, t->tape, cut, rand, m->sure, touched);
        if (snapshots) {
            check_snapshots(start, t->tape, cut, rand, kept);
        }
    }
    forget(kept);
    for (guint i = 0; i < moments->len; i++) {
        g_free(g_array_index(moments, Moment, i).sure);
    }
    g_array_unref(moments);
    g_array_unref(operations);
    node_unref(&start->node);
    node_unref(&t->node);
    return cuts;
}

static void test_kinds(gconstpointer data)
{
    bool snapshots = data != NULL;
    static const Qcow2Create kinds[] = {
        { DISK, 3, 12, 16 },
        { DISK, 2, 9, 16 },
        { DISK, 3, 9, 64 },
        { DISK, 3, 16, 1 },
        { DISK, 3, 14, 16, .extended_l2 = true },
        { DISK, 3, 12, 16, .lazy_refcounts = true },
    };
    const char *given = g_getenv("LYREBIRD_IMAGE_SEED");
    guint32 seed = given ? (guint32)atoi(given) : g_random_int();
    const char *operations = g_getenv("LYREBIRD_IMAGE_OPERATIONS");
    unsigned cuts = 0;
    operations_wanted = operations ? (unsigned)atoi(operations) : OPERATIONS;
    for (unsigned i = 0; i < G_N_ELEMENTS(kinds); i++) {
        g_test_message("kind %u, seed %u (LYREBIRD_IMAGE_SEED)", i, seed);
        cuts += cut_everywhere(&kinds[i], seed, snapshots);
    }
    g_test_message("%u cuts", cuts);
}

/* ---- a file that fails once -------------------------------------------------- */

/* What is written fails or not; where it fails, old, new and anything between may be there. */
static void work_with_faults(BlockNode *n, GRand *rand, uint8_t *disk, uint8_t *unknown)
{
    g_autofree uint8_t *buf = g_malloc(DISK);
    for (unsigned i = 0; i < 14; i++) {
        uint64_t offset = (uint64_t)g_rand_int_range(rand, 0, DISK / SECTOR) * SECTOR;
        uint64_t length = (uint64_t)g_rand_int_range(rand, 1, 100) * SECTOR;
        BlockOp op = i % 5 == 3 ? BLOCK_WRITE_ZEROES : i % 7 == 6 ? BLOCK_FLUSH : BLOCK_WRITE;
        length = MIN(length, DISK - offset);
        struct iovec iov = { buf, length };
        memset(buf, op == BLOCK_WRITE ? 1 + g_rand_int_range(rand, 0, 250) : 0, length);
        bool data = op == BLOCK_WRITE;
        int e = node_run(n, &(NodeIo){ op, i % 2, offset, length, data ? &iov : NULL, data });
        if (op != BLOCK_FLUSH) {
            memcpy(disk + offset, buf, length);
            memset(unknown + offset / SECTOR, e != 0, length / SECTOR);
        }
    }
}

/* True: the call that was to fail was made. */
static bool fail_at(const Qcow2Create *o, guint32 seed, unsigned call, int error)
{
    g_autoptr(GRand) rand = g_rand_new_with_seed(seed);
    g_autofree uint8_t *disk = g_malloc0(DISK), *unknown = g_malloc0(DISK / SECTOR);
    TapeNode *t = tape_new(NULL);
    g_assert_cmpint(qcow2_create(&t->node, o), ==, 0);
    t->calls = 0;
    t->fails_at = call;
    t->error = error;
    BlockNode *n = qcow2_open(&t->node, &(Qcow2Open){ .discard = true }, NULL);
    unsigned until_close = 0;
    if (n) {
        work_with_faults(n, rand, disk, unknown);
        until_close = t->calls;
        node_unref(n);
    }
    bool failed = t->calls >= call;
    t->fails_at = 0;
    n = open_on(t, true);
    Qcow2Report report = { 0 };
    g_assert_cmpint(qcow2_check(n, REPAIR_NOTHING, &report), ==, 0);
    bool dirty = t->bytes[79] & 1;
    if ((report.corruptions && !dirty) || t->bytes[79] & 2) {
        g_error("call %u failed with %s, and the image is corrupt", call, g_strerror(-error));
    }
    if (call <= until_close) { /* else the log says that the last writes are lost */
        check_content(n, disk, unknown);
    }
    node_unref(n);
    node_unref(&t->node);
    return failed;
}

/* Each read, write, flush and discard of the file fails once: an error to the caller, and nothing else is lost, for what
 * came before and after is written when the image is closed. */
static void test_faults(void)
{
    static const Qcow2Create kinds[] = {
        { DISK, 3, 12, 16 },
        { DISK, 2, 9, 16 },
        { DISK, 3, 14, 16, .extended_l2 = true },
        { DISK, 3, 9, 64, .lazy_refcounts = true },
    };
    guint32 seed = g_test_rand_int();
    for (unsigned i = 0; i < G_N_ELEMENTS(kinds); i++) {
        unsigned call = 1;
        while (fail_at(&kinds[i], seed, call, call % 2 ? -EIO : -ENOSPC)) {
            call++;
        }
        g_test_message("kind %u: each of %u calls failed once", i, call - 1);
        g_assert_cmpuint(call, >, 20);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_data_func("/qcow2/cuts", NULL, test_kinds);
    g_test_add_data_func("/qcow2/cuts-with-snapshots", "", test_kinds);
    g_test_add_func("/qcow2/faults", test_faults);
    return g_test_run();
}
