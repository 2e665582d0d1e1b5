/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Readers' epochs: what was taken out of reach is freed when nobody can hold it any more.
 *
 * Requirements:
 *   1. A reader's epoch is one that was current when it last held no pointer.
 *   2. What is given to memory_free_later() carries an epoch that began after it was out of
 *      reach: it is due when no reader's epoch is older.
 *   3. Things are freed one at a time and in the order in which they were given: a region's name
 *      before the device that the region is part of. */
#include "base/memory_priv.h"

struct MemoryReader {
    uint64_t epoch; /* atomic; EPOCH_ASLEEP: holds nothing */
    MemoryReader *next;
};

typedef struct Retired {
    void (*fn)(void *opaque);
    void *opaque;
    uint64_t epoch;
    struct Retired *next;
} Retired;

static const uint64_t EPOCH_ASLEEP = UINT64_MAX;

static Lock reader_lock = LOCK_INIT(LOCK_READERS); /* guards the next four */
static MemoryReader *readers;
static Retired *oldest_retired, *newest_retired; /* in order of epochs */
static bool freeing;

static uint64_t epoch = 1; /* atomic */
static bool retired_any;   /* atomic: worth a look under the lock */
__thread MemoryReader *memory_reader;

/* ---- freeing ------------------------------------------------------------- */

static uint64_t oldest_epoch(void)
{
    uint64_t oldest = UINT64_MAX;
    for (const MemoryReader *rd = readers; rd; rd = rd->next) {
        uint64_t of_reader = __atomic_load_n(&rd->epoch, __ATOMIC_SEQ_CST); /* once: MIN reads twice */
        oldest = MIN(oldest, of_reader);
    }
    return oldest;
}

/* The things that are due, or NULL. */
static Retired *take_due(void)
{
    uint64_t oldest = oldest_epoch();
    Retired *due = NULL, **end = &due;
    while (oldest_retired && oldest_retired->epoch <= oldest) {
        Retired *r = oldest_retired;
        oldest_retired = r->next;
        r->next = NULL;
        *end = r;
        end = &r->next;
    }
    __atomic_store_n(&retired_any, oldest_retired != NULL, __ATOMIC_RELAXED);
    return due;
}

static void free_all(Retired *due)
{
    while (due) {
        Retired *next = due->next;
        due->fn(due->opaque);
        g_free(due);
        due = next;
    }
}

/* False: nothing was due, or another thread is at it. */
static bool free_due(void)
{
    lock_take(&reader_lock);
    Retired *due = freeing ? NULL : take_due();
    freeing |= due != NULL;
    lock_release(&reader_lock);
    if (!due) {
        return false;
    }
    free_all(due);
    lock_take(&reader_lock);
    freeing = false;
    lock_release(&reader_lock);
    return true;
}

void memory_free_later(void (*fn)(void *opaque), void *opaque)
{
    Retired *r = g_new(Retired, 1);
    *r = (Retired){ .fn = fn, .opaque = opaque };
    lock_take(&reader_lock);
    r->epoch = __atomic_add_fetch(&epoch, 1, __ATOMIC_SEQ_CST);
    if (oldest_retired) {
        newest_retired->next = r;
    } else {
        oldest_retired = r;
    }
    newest_retired = r;
    __atomic_store_n(&retired_any, true, __ATOMIC_RELAXED);
    lock_release(&reader_lock);
    memory_listeners_readers_wanted();
}

/* ---- threads ------------------------------------------------------------- */

static void reader_destroy(gpointer unused)
{
    memory_thread_unregister();
}
static GPrivate reader_key = G_PRIVATE_INIT(reader_destroy);

void memory_thread_register(void)
{
    if (memory_reader) {
        return;
    }
    MemoryReader *rd = g_new0(MemoryReader, 1);
    lock_take(&reader_lock);
    rd->epoch = __atomic_load_n(&epoch, __ATOMIC_SEQ_CST);
    rd->next = readers;
    readers = rd;
    lock_release(&reader_lock);
    memory_reader = rd;
    g_private_set(&reader_key, rd); /* a thread that ends unregisters itself */
}

void memory_thread_unregister(void)
{
    if (!memory_reader) {
        return;
    }
    lock_take(&reader_lock);
    for (MemoryReader **p = &readers; *p; p = &(*p)->next) {
        if (*p == memory_reader) {
            *p = memory_reader->next;
            break;
        }
    }
    lock_release(&reader_lock);
    g_free(memory_reader);
    memory_reader = NULL;
    g_private_set(&reader_key, NULL);
}

static void pass(void)
{
    uint64_t now = __atomic_load_n(&epoch, __ATOMIC_SEQ_CST);
    if (memory_reader && memory_reader->epoch != now) {
        __atomic_store_n(&memory_reader->epoch, now, __ATOMIC_SEQ_CST);
    }
}

void memory_quiescent(void)
{
    lock_assert_none(); /* what is freed here may take any */
    pass();
    while (G_UNLIKELY(__atomic_load_n(&retired_any, __ATOMIC_RELAXED)) && free_due()) {
        pass(); /* what was freed may have given more */
    }
}

void memory_thread_sleep(void)
{
    if (memory_reader) {
        __atomic_store_n(&memory_reader->epoch, EPOCH_ASLEEP, __ATOMIC_SEQ_CST);
    }
}

void memory_thread_wake(void)
{
    if (memory_reader) {
        __atomic_store_n(&memory_reader->epoch, __atomic_load_n(&epoch, __ATOMIC_SEQ_CST), __ATOMIC_SEQ_CST);
    }
}
