/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Power cuts: random work on an image whose file is a tape of writes and flushes; the tape is cut everywhere, and of what
 * no flush had followed, any part may be missing.  Each image that comes out opens, has no fault but leaks, and has
 * all that was flushed. */
#include <string.h>

#include "block/qcow2_snapshot.h"
#include "tape-image.h"

enum { OPERATIONS = 60 };

static const TapeKind kinds[] = {
    { "qcow2", "cluster_size=4k", 1024 },
    { "qcow2", "compat=0.10,cluster_size=512", 1024 },
    { "qcow2", "cluster_size=512,refcount_bits=64", 1024 },
    { "qcow2", "refcount_bits=1", 1024 },
    { "qcow2", "cluster_size=16k,extended_l2=on", 1024 },
    { "qcow2", "cluster_size=4k,lazy_refcounts=on", 1024 },
    { "vdi", "", 4096 },
    { "vdi", "static=on", 2048 },
    { "vpc", "force_size=on", 4000 },
    { "parallels", "cluster_size=63k", 1024 },
    { "qcow", "", 1024 },
    { "vmdk", "", 1024 },
    { "vhdx", "block_size=1M", 3072 },
    { "vmdk", "zeroed_grain=on", 1024 },
    { "qcow2", "cluster_size=4k,encrypt.format=luks,encrypt.key-secret=s,encrypt.iter-time=1", 512 },
    { "qcow2", "cluster_size=16k,extended_l2=on,encrypt.format=luks,encrypt.key-secret=s,encrypt.iter-time=1",
      512 },
    { "luks", "key-secret=s,iter-time=1", 512 },
};

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

/* A cluster, compressed, of a format that has such. */
static bool pack_something(BlockNode *n, GRand *rand, uint8_t *disk, Operation *o)
{
    ImageInfo info;
    image_info(n, &info);
    if (!info.can_pack || info.cluster_size > disk_bytes) {
        return false;
    }
    *o = (Operation){ 0,
                      (uint64_t)g_rand_int_range(rand, 0, disk_bytes / info.cluster_size) * info.cluster_size,
                      info.cluster_size };
    for (uint64_t i = 0; i < o->length; i++) {
        disk[o->offset + i] = i % 7 ? 3 : 1 + g_rand_int_range(rand, 0, 250);
    }
    g_assert_cmpint(node_write_packed(n, o->offset, disk + o->offset), ==, 0);
    return true;
}

static Operation do_something(BlockNode *n, GRand *rand, uint8_t *disk)
{
    Operation packed;
    if (g_rand_int_range(rand, 0, 6) == 0 && pack_something(n, rand, disk, &packed)) {
        return packed;
    }
    uint64_t offset = (uint64_t)g_rand_int_range(rand, 0, disk_bytes / SECTOR) * SECTOR;
    uint64_t length = (uint64_t)g_rand_int_range(rand, 1, 64) * SECTOR;
    unsigned what = g_rand_int_range(rand, 0, 8);
    if (what < 3) {
        offset &= ~UINT64_C(0xfff);
        length = (length + 0xfff) & ~UINT64_C(0xfff);
    }
    length = MIN(length, disk_bytes - offset);
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
    uint64_t state_bytes; /* of a machine, of bytes that follow from the number of the snapshot */
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

static uint8_t state_byte(guint which, uint64_t at)
{
    return (uint8_t)((at + which) * 37 >> 3);
}

/* Half of the snapshots have one. */
static uint64_t write_state(BlockNode *n, GRand *rand, guint which)
{
    uint64_t bytes = g_rand_int_range(rand, 0, 2) ? (uint64_t)g_rand_int_range(rand, 1, 50000) : 0;
    g_autofree uint8_t *state = g_malloc(bytes + 1);
    for (uint64_t i = 0; i < bytes; i++) {
        state[i] = state_byte(which, i);
    }
    g_assert_cmpint(qcow2_state_drop(n), ==, 0);
    g_assert_cmpint(qcow2_state_write(n, 0, state, bytes), ==, 0);
    return bytes;
}

static void check_state(BlockNode *n, const Qcow2Snapshot *sn, guint which)
{
    g_autofree uint8_t *state = g_malloc(sn->vm_state_size + 1);
    g_assert_cmpint(qcow2_state_read(n, sn, 0, state, sn->vm_state_size), ==, 0);
    for (uint64_t i = 0; i < sn->vm_state_size; i++) {
        g_assert_cmpuint(state[i], ==, state_byte(which, i));
    }
}

static void take(BlockNode *n, GRand *rand, GArray *kept, const uint8_t *disk)
{
    g_autoptr(GError) err = NULL;
    Kept k = { .there = true, .disk = g_memdup2(disk, disk_bytes) };
    g_snprintf(k.name, sizeof(k.name), "s%u", kept->len);
    k.state_bytes = write_state(n, rand, kept->len);
    Qcow2NewSnapshot what = { .name = k.name, .of_machine = true, .vm_state_size = k.state_bytes };
    if (!qcow2_snapshot_create(n, &what, NULL, &err)) { /* counts of one bit */
        g_assert_nonnull(strstr(err->message, "too narrow"));
        k.there = false;
    }
    g_assert_cmpint(qcow2_state_drop(n), ==, 0);
    g_array_append_val(kept, k);
}

/* Each of these leaves all that was done before it stable. */
static void do_something_large(BlockNode *n, GRand *rand, uint8_t *disk, GArray *kept)
{
    Kept *k = one_of(kept, rand);
    unsigned what = g_rand_int_range(rand, 0, 4);
    if (what == 3) {
        uint64_t larger = disk_bytes + (uint64_t)g_rand_int_range(rand, 0, 16384) * SECTOR;
        int e = node_resize(n, larger);
        bool refused = e == -ENOTSUP; /* version 2 with snapshots */
        g_assert_true(!e || refused);
        g_assert_cmpint(node_resize(n, disk_bytes), ==, refused && larger != disk_bytes ? 0 : e);
    } else if (!k || what == 0) {
        take(n, rand, kept, disk);
    } else if (what == 1) {
        g_assert_true(qcow2_snapshot_apply(n, k->name, NULL));
        memcpy(disk, k->disk, disk_bytes);
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
    BlockNode *n = tape_image_open(t, false, false);
    uint8_t *disk = tape_image_disk(n);
    Moment first = { 0, 0, g_memdup2(disk, disk_bytes) };
    g_array_append_val(moments, first);
    for (unsigned i = 0; i < operations_wanted; i++) {
        guint at = t->tape->len;
        bool large = kept && g_rand_int_range(rand, 0, 6) == 0;
        Operation o = { 0, 0, disk_bytes };
        if (large) {
            do_something_large(n, rand, disk, kept);
        } else {
            o = do_something(n, rand, disk);
        }
        o.at = at;
        g_array_append_val(operations, o);
        if (large || g_rand_int_range(rand, 0, 6) == 0) {
            g_assert_cmpint(node_flush(n), ==, 0);
            Moment m = { t->tape->len, i + 1, g_memdup2(disk, disk_bytes) };
            g_array_append_val(moments, m);
        }
    }
    node_unref(n);
    g_free(disk);
    return moments;
}

/* By operations since that flush that began before the cut. */
static void mark_touched(const Moment *m, const GArray *operations, guint cut, uint8_t *touched)
{
    memset(touched, 0, disk_bytes / SECTOR);
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
    TapeNode *t = tape_cut(start, tape, cut, rand);
    BlockNode *n = tape_image_open(t, true, false);
    bool dirty = tape_image_is_dirty(n);
    if (tape_image_faults(n, false) && !dirty) {
        g_error("cut at %u: %" G_GUINT64_FORMAT " corruptions", cut, tape_image_faults(n, true));
    }
    tape_check_content(n, sure, touched);
    node_unref(n);
    if (dirty) {
        n = tape_image_open(t, false, true);
        ImageReport again = { 0 };
        g_assert_cmpint(image_check(n, REPAIR_ALL, &again), ==, 0);
        node_unref(n);
        n = tape_image_open(t, false, false);
        ImageReport last = { 0 };
        g_assert_cmpint(image_check(n, REPAIR_NOTHING, &last), ==, 0);
        g_assert_cmpuint(last.corruptions + last.leaks, ==, 0);
        node_unref(n);
    }
    node_unref(&t->node);
}

/* A snapshot that the image lists is what was kept, and the image is sound with it. */
static void check_snapshots(const TapeNode *start, const GArray *tape, guint cut, GRand *rand, GArray *kept)
{
    TapeNode *t = tape_cut(start, tape, cut, rand);
    BlockNode *n = tape_image_open(t, false, false);
    g_autoptr(GPtrArray) list = n ? qcow2_snapshots(n, NULL) : g_ptr_array_new();
    g_assert_nonnull(list);
    if (list->len) {
        const Qcow2Snapshot *sn = g_ptr_array_index(list, g_rand_int_range(rand, 0, (gint)list->len));
        g_autofree uint8_t *untouched = g_malloc0(disk_bytes / SECTOR);
        guint which = (guint)atoi(sn->name + 1);
        g_assert_cmpuint(which, <, kept->len);
        g_assert_cmpuint(sn->vm_state_size, ==, g_array_index(kept, Kept, which).state_bytes);
        check_state(n, sn, which);
        g_assert_true(qcow2_snapshot_apply(n, sn->name, NULL));
        check_state(n, sn, which);
        tape_check_content(n, g_array_index(kept, Kept, which).disk, untouched);
        g_assert_cmpuint(tape_image_faults(n, true), ==, 0);
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

static unsigned cut_everywhere(guint32 seed, bool snapshots)
{
    g_autoptr(GRand) rand = g_rand_new_with_seed(seed);
    TapeNode *t = tape_image_new();
    TapeNode *start = tape_new(t);
    t->tape = g_array_new(false, false, sizeof(Record));
    GArray *operations = g_array_new(false, false, sizeof(Operation));
    GArray *kept = g_array_new(false, false, sizeof(Kept));
    GArray *moments = work(t, rand, operations, snapshots ? kept : NULL);
    g_autofree uint8_t *touched = g_malloc0(disk_bytes / SECTOR);
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
    const char *given = g_getenv("LYREBIRD_IMAGE_SEED");
    guint32 seed = given ? (guint32)atoi(given) : g_random_int();
    const char *operations = g_getenv("LYREBIRD_IMAGE_OPERATIONS");
    unsigned cuts = 0;
    operations_wanted = operations ? (unsigned)atoi(operations) : OPERATIONS;
    for (unsigned i = 0; i < G_N_ELEMENTS(kinds); i++) {
        tape_choose(&kinds[i]);
        if (snapshots && strcmp(kind->format, "qcow2") != 0) {
            continue;
        }
        g_test_message("%s %s, seed %u (LYREBIRD_IMAGE_SEED)", kind->format, kind->options, seed);
        cuts += cut_everywhere(seed, snapshots);
    }
    g_test_message("%u cuts", cuts);
}

/* ---- a file that fails once -------------------------------------------------- */

/* What is written fails or not; where it fails, old, new and anything between may be there. */
static void work_with_faults(BlockNode *n, GRand *rand, uint8_t *disk, uint8_t *unknown)
{
    g_autofree uint8_t *buf = g_malloc(disk_bytes);
    for (unsigned i = 0; i < 14; i++) {
        uint64_t offset = (uint64_t)g_rand_int_range(rand, 0, disk_bytes / SECTOR) * SECTOR;
        uint64_t length = (uint64_t)g_rand_int_range(rand, 1, 100) * SECTOR;
        BlockOp op = i % 5 == 3 ? BLOCK_WRITE_ZEROES : i % 7 == 6 ? BLOCK_FLUSH : BLOCK_WRITE;
        length = MIN(length, disk_bytes - offset);
        struct iovec iov = { buf, length };
        memset(buf, op == BLOCK_WRITE ? 1 + g_rand_int_range(rand, 0, 250) : 0, length);
        bool data = op == BLOCK_WRITE;
        ImageInfo info;
        image_info(n, &info);
        bool pack = data && i % 4 == 1 && info.can_pack && info.cluster_size <= length;
        offset = pack ? offset / info.cluster_size * info.cluster_size : offset;
        length = pack ? info.cluster_size : length;
        int e = pack ? node_write_packed(n, offset, buf)
                     : node_run(n, &(NodeIo){ op, i % 2, offset, length, data ? &iov : NULL, data });
        if (op != BLOCK_FLUSH) {
            memcpy(disk + offset, buf, length);
            memset(unknown + offset / SECTOR, e != 0, length / SECTOR);
        }
    }
}

typedef struct Fault {
    unsigned call; /* of the file, or an allocation; counted from 1 */
    bool allocation;
    int error; /* of the file */
} Fault;

/* True: the call that was to fail was made. */
static bool fail_at(guint32 seed, const Fault *f)
{
    g_autoptr(GRand) rand = g_rand_new_with_seed(seed);
    TapeNode *t = tape_image_new();
    BlockNode *n = tape_image_open(t, true, false);
    g_autofree uint8_t *disk = tape_image_disk(n), *unknown = g_malloc0(disk_bytes / SECTOR);
    node_unref(n);
    unsigned *calls = f->allocation ? &allocations : &t->calls;
    *(f->allocation ? &allocation_fails_at : &t->fails_at) = f->call;
    *calls = 0;
    t->error = f->error;
    n = tape_image_try(t);
    unsigned until_close = 0;
    if (n) {
        work_with_faults(n, rand, disk, unknown);
        until_close = *calls;
        node_unref(n);
    }
    bool failed = *calls >= f->call;
    t->fails_at = allocation_fails_at = 0;
    n = tape_image_open(t, true, false);
    bool marked = strcmp(kind->format, "qcow2") == 0 && t->bytes[79] & 2;
    if ((tape_image_faults(n, false) && !tape_image_is_dirty(n)) || marked) {
        g_error("%s %u failed with %s, and the image is corrupt", f->allocation ? "allocation" : "call",
                f->call, g_strerror(-f->error));
    }
    if (f->call <= until_close) { /* else the log says that the last writes are lost */
        tape_check_content(n, disk, unknown);
    }
    node_unref(n);
    node_unref(&t->node);
    return failed;
}

/* Each read, write, flush and discard of the file, and each allocation that may, fails once: an error to the caller, and
 * nothing else is lost, for what came before and after is written when the image is closed. */
static void test_faults(gconstpointer data)
{
    guint32 seed = g_test_rand_int();
    for (unsigned i = 0; i < G_N_ELEMENTS(kinds); i++) {
        Fault f = { .call = 1, .allocation = data != NULL, .error = -EIO };
        tape_choose(&kinds[i]);
        while (fail_at(seed, &f)) {
            f.call++;
            f.error = f.call % 2 ? -EIO : -ENOSPC;
        }
        g_test_message("%s %s: each of %u %s failed once", kind->format, kind->options, f.call - 1,
                       f.allocation ? "allocations" : "calls");
        g_assert_cmpuint(f.call, >, f.allocation ? 0 : 12);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_data_func("/images/cuts", NULL, test_kinds);
    g_test_add_data_func("/images/cuts-with-snapshots", "", test_kinds);
    g_test_add_data_func("/images/faults", NULL, test_faults);
    g_test_add_data_func("/images/no-memory", "", test_faults);
    return g_test_run();
}
