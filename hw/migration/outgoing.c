/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A migration that goes.  Steps:
 *   thread  opens the place; sends all memory, then again and again what was written meanwhile, until the rest is small
 *   loop    stops the machine, and ends what disks had put down for it, which writes into memory
 *   thread  sends the rest
 *   loop    saves clock, vCPUs and devices
 *   thread  sends them, and sees that they have arrived
 *   loop    says that it is done: the machine stands for good, or until `cont` */
#include "base/ram.h"
#include "hw/board.h"
#include "hw/runstate.h"
#include "hw/migration/priv.h"

enum {
    SLICE_MS = 100,  /* of max_bandwidth */
    SMALL = 1 << 20, /* bytes that are no measure of speed, and no reason to wait */
};

typedef struct Pages {
    RamBlock *ram;
    unsigned long *bitmap; /* to be sent in this pass */
} Pages;

struct Stream {
    StateWriter writer;
    StateSink sink;
    GArray *blocks; /* of Pages */
    uint64_t total; /* bytes of memory */
    bool stands;    /* for the rest: no limit of speed any more.  The thread looks at it between steps */

    /* Looked at meanwhile. */
    _Atomic uint64_t sent, remaining, passes, dirty_rate, expected_ms;

    uint64_t slice_sent; /* since slice_us */
    int64_t slice_us;
};

/* ---- sending: the thread ---------------------------------------------------------------------- */

/* Not more than the limit in each slice of time. */
static bool keep_limit(Migration *g, size_t bytes)
{
    Stream *s = g->stream;
    int64_t limit = __atomic_load_n(&g->limits.max_bandwidth, __ATOMIC_RELAXED), now = g_get_monotonic_time();
    if (!limit || s->stands) {
        return true;
    }
    if (now - s->slice_us >= SLICE_MS * 1000) {
        s->slice_us = now;
        s->slice_sent = 0;
    }
    s->slice_sent += bytes;
    /* When so much may have been sent. */
    double due_us = s->slice_sent * 1e6 / limit, wait_ms = (due_us - (now - s->slice_us)) / 1000;
    return wait_ms < 1 || place_wait_ms(g->place, MIN(wait_ms, 1e6));
}

static int send(void *opaque, const void *data, size_t bytes)
{
    Migration *g = opaque;
    int e = place_write(g->place, data, bytes);
    if (!e) {
        atomic_fetch_add(&g->stream->sent, bytes);
        e = keep_limit(g, bytes) ? 0 : -ECANCELED;
    }
    return e;
}

/* What is to be sent in the next pass; how many pages. */
static uint64_t take_pages(Stream *s)
{
    uint64_t pages = 0;
    for (guint i = 0; i < s->blocks->len; i++) {
        const Pages *b = &g_array_index(s->blocks, Pages, i);
        pages += ram_dirty_take(b->ram, RAM_DIRTY_MIGRATION, 0, b->ram->size, b->bitmap);
    }
    atomic_store(&s->remaining, pages * RAM_PAGE);
    return pages;
}

static bool is_set(const unsigned long *bitmap, uint64_t n)
{
    return bitmap[n / RAM_WORD_BITS] >> n % RAM_WORD_BITS & 1;
}

/* From n on, below end: the first page that is to be sent, or not (set). */
static uint64_t next(const unsigned long *bitmap, uint64_t n, uint64_t end, bool set)
{
    unsigned long none = set ? 0 : ~0ul;
    while (n < end && is_set(bitmap, n) != set) {
        bool skip = n % RAM_WORD_BITS == 0 && bitmap[n / RAM_WORD_BITS] == none;
        n += skip ? (uint64_t)RAM_WORD_BITS : 1;
    }
    return MIN(n, end);
}

static void send_block(Stream *s, unsigned number, const Pages *b)
{
    uint64_t end = b->ram->size / RAM_PAGE, from = next(b->bitmap, 0, end, true);
    while (from < end && !s->writer.error) {
        uint64_t to = next(b->bitmap, from, end, false);
        /* In pieces, so that what remains is told truly. */
        while (from < to && !s->writer.error) {
            uint64_t piece = MIN(to - from, (64u << 20) / RAM_PAGE);
            snapshot_put_pages(&s->writer, b->ram, number, from * RAM_PAGE, (from + piece) * RAM_PAGE);
            atomic_fetch_sub(&s->remaining, piece * RAM_PAGE);
            from += piece;
        }
        from = next(b->bitmap, to, end, true);
    }
}

static void send_pages(Stream *s)
{
    for (guint i = 0; i < s->blocks->len && !s->writer.error; i++) {
        send_block(s, i, &g_array_index(s->blocks, Pages, i));
    }
    state_flush(&s->writer);
    atomic_fetch_add(&s->passes, 1);
}

static bool written(const Stream *s, GError **err)
{
    if (s->writer.error) {
        state_write_error(&s->writer, err);
    }
    return !s->writer.error;
}

/* Bytes that go while the machine may stand. */
static uint64_t allowance(const Migration *g, uint64_t sent, int64_t us)
{
    int64_t limit = __atomic_load_n(&g->limits.max_bandwidth, __ATOMIC_RELAXED);
    int64_t downtime_ms = __atomic_load_n(&g->limits.downtime_ms, __ATOMIC_RELAXED);
    double rate = sent >= SMALL && us > 0 ? sent * 1e6 / us
                  : limit                 ? limit
                                          : 1e9,
           bytes = rate * downtime_ms / 1000;
    return bytes < 1e18 ? bytes : INT64_MAX;
}

static bool send_memory(Migration *g, GError **err)
{
    Stream *s = g->stream;
    bool small = false;
    if (!place_open(g->place, err)) {
        return false;
    }
    __atomic_store_n(&g->active_us, g_get_monotonic_time(), __ATOMIC_RELAXED);
    take_pages(s);
    while (!small && !s->writer.error) {
        uint64_t before = atomic_load(&s->sent);
        int64_t began = g_get_monotonic_time();
        send_pages(s);
        uint64_t sent = atomic_load(&s->sent) - before, pages = take_pages(s);
        int64_t us = MAX(g_get_monotonic_time() - began, 1);
        uint64_t allowed = allowance(g, sent, us);
        atomic_store(&s->dirty_rate, pages * 1000000 / (uint64_t)us);
        small = pages * RAM_PAGE <= MAX(allowed, SMALL);
    }
    return written(s, err);
}

static bool send_rest(Migration *g, GError **err)
{
    Stream *s = g->stream;
    send_pages(s); /* what was taken, and what was written until the machine stood */
    if (take_pages(s)) {
        send_pages(s);
    }
    return written(s, err);
}

static bool send_tail(Migration *g, GError **err)
{
    Stream *s = g->stream;
    state_flush(&s->writer);
    return written(s, err) && place_finish(g->place, err);
}

/* ---- steps in the loop --------------------------------------------------------------------------- */

static void stop_following(Migration *g)
{
    for (guint i = 0; i < g->stream->blocks->len; i++) {
        ram_dirty_stop(g_array_index(g->stream->blocks, Pages, i).ram, RAM_DIRTY_MIGRATION);
    }
    g_array_set_size(g->stream->blocks, 0);
}

/* The machine is as it was before. */
static void undo(Migration *g)
{
    stop_following(g);
    if (runstate_is_finishing(g->machine)) {
        runstate_end_finish(g->machine, false);
    }
}

static void done(Migration *g)
{
    stop_following(g);
    runstate_end_finish(g->machine, true);
    migration_end(g, NULL);
}

static void save_tail(Migration *g)
{
    snapshot_put_tail(&g->stream->writer, g->machine);
    migration_step(g, send_tail, done);
}

static void stop_machine(Migration *g)
{
    GError *err = NULL;
    if (!machine_state_is_whole(g->machine, &err)) {
        migration_give_up(g, err);
        return;
    }
    g->stood_us = g_get_monotonic_time();
    runstate_begin_finish(g->machine);
    if (!snapshot_disks_are_done(g->machine, &err)) {
        migration_give_up(g, err);
        return;
    }
    g->stream->stands = true;
    migration_step(g, send_rest, save_tail);
}

/* ---- beginning ------------------------------------------------------------------------------------- */

static void clear_pages(gpointer p)
{
    Pages *b = p;
    ram_block_unuse(b->ram);
    g_free(b->bitmap);
}

void stream_free(Stream *s)
{
    if (s) {
        state_writer_clear(&s->writer);
        g_array_unref(s->blocks);
        g_free(s);
    }
}

static Stream *stream_new(Migration *g)
{
    Stream *s = g_new0(Stream, 1);
    g_autoptr(GPtrArray) blocks = snapshot_ram_blocks(g->machine);
    s->sink = (StateSink){ send, g };
    s->blocks = g_array_new(false, false, sizeof(Pages));
    g_array_set_clear_func(s->blocks, clear_pages);
    state_writer_init(&s->writer, &s->sink);
    for (unsigned i = 0; i < blocks->len; i++) {
        RamBlock *rb = g_ptr_array_index(blocks, i);
        uint64_t words = rb->size / RAM_PAGE / RAM_WORD_BITS + 1;
        Pages b = { rb, g_new0(unsigned long, words) };
        bool used = ram_block_use(rb);
        g_assert(used); /* its device is there */
        ram_dirty_start(rb, RAM_DIRTY_MIGRATION);
        g_array_append_val(s->blocks, b);
        s->total += rb->size;
    }
    return s;
}

bool migration_begin(Migration *g, const char *where, int fd, GError **err)
{
    bool may = machine_may_be_saved(g->machine, err);
    if (!may && fd >= 0) {
        close(fd);
    }
    if (!may || !migration_open(g, where, fd, false, err)) {
        return false;
    }
    g_clear_pointer(&g->stream, stream_free);
    g->stream = stream_new(g);
    g->undo = undo;
    snapshot_put_machine(&g->stream->writer, g->machine);
    migration_set_status(g, MIGRATION_ACTIVE);
    migration_step(g, send_memory, stop_machine);
    return true;
}

void stream_progress(const Migration *g, MigrationProgress *p)
{
    Stream *s = g->stream;
    if (!s) {
        return;
    }
    p->sent = atomic_load(&s->sent);
    p->total = s->total;
    p->remaining = atomic_load(&s->remaining);
    p->passes = atomic_load(&s->passes);
    p->dirty_rate = atomic_load(&s->dirty_rate);
    p->pages = __atomic_load_n(&s->writer.pages, __ATOMIC_RELAXED);
    p->zero_pages = __atomic_load_n(&s->writer.zero_pages, __ATOMIC_RELAXED);
    p->downtime_ms = __atomic_load_n(&g->limits.downtime_ms, __ATOMIC_RELAXED);
}
