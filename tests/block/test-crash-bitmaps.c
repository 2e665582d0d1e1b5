/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Power cuts and failing files under persistent dirty bitmaps: an image is opened, its bitmaps and its disk are changed,
 * and it is closed, several times.  Wherever that is cut: the image is sound, and a bitmap is gone, or known to have been
 * in use, or exactly what one of the closings left beside exactly the disk of that closing. */
#include <string.h>

#include "block/bitmap.h"
#include "tape-image.h"

enum { SESSIONS = 5, OPERATIONS = 35, BITMAPS = 3 };

static unsigned operations_wanted = OPERATIONS; /* in all sessions together */

static const TapeKind kinds[] = {
    { "qcow2", "cluster_size=512", 3072 }, /* a bitmap of 512 bytes takes two clusters */
    { "qcow2", "cluster_size=4k,refcount_bits=64", 1024 },
    { "qcow2", "cluster_size=16k,extended_l2=on", 1024 },
    { "qcow2", "cluster_size=4k,lazy_refcounts=on", 1024 },
    { "qcow2", "refcount_bits=1", 1024 },
    { "qcow2", "cluster_size=4k,encrypt.format=luks,encrypt.key-secret=s,encrypt.iter-time=1", 512 },
};

/* What a closing left. */
typedef struct Closing {
    guint ended; /* records on the tape */
    uint8_t *disk;
    GHashTable *bits; /* by name: a byte for each sector of the disk */
} Closing;

static uint8_t *bits_of(DirtyBitmap *b)
{
    uint8_t *bits = g_malloc0(disk_bytes / SECTOR);
    uint64_t offset = 0, length = 0;
    while (bitmap_next(b, offset + length, disk_bytes, &offset, &length)) {
        memset(bits + offset / SECTOR, 1, MIN(length, disk_bytes - offset) / SECTOR);
    }
    return bits;
}

static Closing what_is_there(BlockNode *n)
{
    Closing c = { .disk = tape_image_disk(n),
                  .bits = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free) };
    DirtyBitmap *b;
    for (unsigned i = 0; (b = node_bitmap_at(n, i)); i++) {
        BitmapState state = bitmap_state(b);
        g_assert_true(state.persistent);
        if (!state.inconsistent) {
            g_hash_table_insert(c.bits, g_strdup(state.name), bits_of(b));
        }
    }
    return c;
}

static void closing_clear(Closing *c)
{
    g_free(c->disk);
    g_hash_table_unref(c->bits);
}

static bool is_of(const Closing *c, const char *name, const uint8_t *bits, const uint8_t *disk)
{
    const uint8_t *had = g_hash_table_lookup(c->bits, name);
    return had && memcmp(had, bits, disk_bytes / SECTOR) == 0 && memcmp(c->disk, disk, disk_bytes) == 0;
}

/* ---- work ---------------------------------------------------------------------------- */

static void add_bitmap(BlockNode *n, const char *name, uint64_t granularity)
{
    g_autoptr(GError) err = NULL;
    g_assert_nonnull(node_bitmap_add(
        n, &(NewBitmap){ .name = name, .granularity = granularity, .persistent = true }, &err));
    g_assert_no_error(err);
}

static void change_bitmaps(BlockNode *n, GRand *rand)
{
    for (unsigned i = 0; i < BITMAPS; i++) {
        g_autofree char *name = g_strdup_printf("bitmap %u", i);
        DirtyBitmap *b = node_bitmap_find(n, name, NULL);
        unsigned what = g_rand_int_range(rand, 0, 6);
        if (!b) {
            add_bitmap(n, name, UINT64_C(512) << g_rand_int_range(rand, 0, 8));
        } else if (what == 0) {
            node_bitmap_remove(n, b);
        } else if (what == 1) {
            bitmap_clear(b);
        } else if (what == 2) {
            bitmap_set_recording(b, !bitmap_state(b).recording);
        } else if (what == 3) {
            bitmap_mark(b, 0, disk_bytes); /* which is kept without data */
        }
    }
}

/* False: a request failed. */
static bool change_disk(BlockNode *n, GRand *rand)
{
    g_autofree uint8_t *buf = g_malloc(disk_bytes);
    int e = 0;
    for (unsigned i = 0; i < operations_wanted / SESSIONS; i++) {
        uint64_t offset = (uint64_t)g_rand_int_range(rand, 0, disk_bytes / SECTOR) * SECTOR;
        uint64_t length = (uint64_t)g_rand_int_range(rand, 1, 64) * SECTOR;
        length = MIN(length, disk_bytes - offset);
        memset(buf, 1 + g_rand_int_range(rand, 0, 250), length);
        int now = i % 4 == 3 ? node_run(n, &(NodeIo){ BLOCK_WRITE_ZEROES, true, offset, length, NULL, 0 })
                             : node_write(n, offset, buf, length);
        now = now || g_rand_int_range(rand, 0, 4) ? now : node_flush(n);
        e = e ? e : now;
    }
    return !e;
}

static GArray *work(TapeNode *t, GRand *rand)
{
    GArray *closings = g_array_new(false, false, sizeof(Closing));
    g_array_set_clear_func(closings, (GDestroyNotify)closing_clear);
    for (unsigned i = 0; i < SESSIONS; i++) {
        BlockNode *n = tape_image_open(t, false, false);
        change_bitmaps(n, rand);
        g_assert_true(change_disk(n, rand));
        Closing c = what_is_there(n);
        node_unref(n);
        c.ended = t->tape->len;
        g_array_append_val(closings, c);
    }
    return closings;
}

/* ---- cuts ---------------------------------------------------------------------------- */

static void assert_sound(BlockNode *n, guint cut)
{
    if (!tape_image_is_dirty(n) && tape_image_faults(n, false)) {
        g_error("cut at %u: %" G_GUINT64_FORMAT " corruptions", cut, tape_image_faults(n, true));
    }
}

/* How many bitmaps are there, and can be used. */
static guint check_bitmaps(TapeNode *t, guint cut, const GArray *closings)
{
    BlockNode *n = tape_image_open(t, true, false);
    Closing now = what_is_there(n);
    GHashTableIter i;
    const char *name;
    const uint8_t *bits;
    guint count = g_hash_table_size(now.bits);
    assert_sound(n, cut);
    g_hash_table_iter_init(&i, now.bits);
    while (g_hash_table_iter_next(&i, (void **)&name, (void **)&bits)) {
        bool known = false;
        for (guint k = 0; k < closings->len && !known; k++) {
            known = is_of(&g_array_index(closings, Closing, k), name, bits, now.disk);
        }
        if (!known) {
            g_error("cut at %u: '%s' says that it is true, and is not", cut, name);
        }
    }
    closing_clear(&now);
    node_unref(n);
    return count;
}

/* Whoever finds it so removes what was in use, goes on, and closes. */
static void go_on(TapeNode *t, guint cut, GRand *rand)
{
    BlockNode *n = tape_image_open(t, false, false);
    DirtyBitmap *b;
    for (unsigned i = 0; (b = node_bitmap_at(n, i));) {
        if (bitmap_state(b).inconsistent) {
            node_bitmap_remove(n, b);
        } else {
            i++;
        }
    }
    add_bitmap(n, "after", 0);
    g_assert_true(change_disk(n, rand));
    node_unref(n);
    n = tape_image_open(t, true, false);
    assert_sound(n, cut);
    g_assert_nonnull(node_bitmap_find(n, "after", NULL));
    node_unref(n);
}

static guint cut_everywhere(guint32 seed)
{
    g_autoptr(GRand) rand = g_rand_new_with_seed(seed);
    TapeNode *t = tape_image_new(), *start = tape_new(t);
    t->tape = g_array_new(false, false, sizeof(Record));
    g_autoptr(GArray) closings = work(t, rand);
    guint cuts = t->tape->len, closing = 0;
    for (guint cut = 0; cut <= cuts; cut++) {
        TapeNode *after = tape_cut(start, t->tape, cut, rand);
        guint there = check_bitmaps(after, cut, closings);
        const Closing *c = &g_array_index(closings, Closing, closing);
        if (c->ended == cut) { /* nothing is lost */
            TapeNode *whole = tape_after(start, t->tape, cut);
            g_assert_cmpuint(check_bitmaps(whole, cut, closings), ==, g_hash_table_size(c->bits));
            node_unref(&whole->node);
            closing++;
        }
        g_assert_cmpuint(there, <=, BITMAPS);
        go_on(after, cut, rand);
        node_unref(&after->node);
    }
    g_assert_cmpuint(closing, ==, SESSIONS);
    node_unref(&start->node);
    node_unref(&t->node);
    return cuts;
}

static void test_cuts(void)
{
    const char *given = g_getenv("LYREBIRD_IMAGE_SEED");
    guint32 seed = given ? (guint32)atoi(given) : g_random_int();
    const char *operations = g_getenv("LYREBIRD_IMAGE_OPERATIONS");
    unsigned cuts = 0;
    operations_wanted = operations ? (unsigned)atoi(operations) : OPERATIONS;
    for (unsigned i = 0; i < G_N_ELEMENTS(kinds); i++) {
        tape_choose(&kinds[i]);
        g_test_message("%s, seed %u (LYREBIRD_IMAGE_SEED)", kind->options, seed);
        cuts += cut_everywhere(seed);
    }
    g_test_message("%u cuts", cuts);
}

/* ---- a file that fails once ------------------------------------------------------------ */

/* What differs from the disk when the bitmap was new is marked in it, if it is there and says that it is true. */
static void check_marks(BlockNode *n, const char *name, const uint8_t *since)
{
    DirtyBitmap *b = node_bitmap_find(n, name, NULL);
    if (!b || bitmap_state(b).inconsistent) {
        return;
    }
    g_autofree uint8_t *now = tape_image_disk(n), *bits = bits_of(b);
    for (unsigned i = 0; i < disk_bytes / SECTOR; i++) {
        if (!bits[i] && memcmp(now + i * SECTOR, since + i * SECTOR, SECTOR) != 0) {
            g_error("sector %u was changed, and '%s' does not say so", i, name);
        }
    }
}

/* True: the call that was to fail was made. */
static bool fail_at(guint32 seed, unsigned call, bool allocation)
{
    g_autoptr(GRand) rand = g_rand_new_with_seed(seed);
    TapeNode *t = tape_image_new();
    unsigned *calls = allocation ? &allocations : &t->calls;
    BlockNode *n = tape_image_open(t, false, false);
    g_autofree uint8_t *first = tape_image_disk(n);
    add_bitmap(n, "old", 512);
    g_assert_true(change_disk(n, rand));
    g_autofree uint8_t *second = tape_image_disk(n);
    node_unref(n);
    *calls = 0;
    *(allocation ? &allocation_fails_at : &t->fails_at) = call;
    t->error = call % 2 ? -EIO : -ENOSPC;
    n = tape_image_try(t);
    if (n) {
        add_bitmap(n, "new", 4096);
        bool good = change_disk(n, rand);
        g_assert_true(good || *calls >= call); /* none fails but for this */
        node_unref(n);
    }
    bool failed = *calls >= call;
    t->fails_at = allocation_fails_at = 0;
    n = tape_image_open(t, true, false);
    assert_sound(n, call);
    check_marks(n, "old", first);
    check_marks(n, "new", second);
    bool both = node_bitmap_find(n, "old", NULL) && node_bitmap_find(n, "new", NULL);
    g_assert_true(failed || both);
    node_unref(n);
    node_unref(&t->node);
    return failed;
}

static void test_faults(gconstpointer data)
{
    bool allocation = data != NULL;
    guint32 seed = g_test_rand_int();
    for (unsigned i = 0; i < G_N_ELEMENTS(kinds); i++) {
        unsigned call = 1;
        tape_choose(&kinds[i]);
        while (fail_at(seed, call, allocation)) {
            call++;
        }
        g_test_message("%s: each of %u %s failed once", kind->options, call - 1,
                       allocation ? "allocations" : "calls");
        g_assert_cmpuint(call, >, allocation ? 2 : 12);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/bitmaps/cuts", test_cuts);
    g_test_add_data_func("/bitmaps/faults", NULL, test_faults);
    g_test_add_data_func("/bitmaps/no-memory", "", test_faults);
    return g_test_run();
}
