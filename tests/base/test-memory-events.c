/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Writes that signal a notifier: which ones do, what listeners hear of them, rows that change while
 * another thread writes, and what a signal costs beside a call of the device. */
#include "base/memory.h"

#include <string.h>
#include <time.h>

enum { AT = 0x1000, BELL = 0x10, TURNS = 20000 };

typedef struct Rig {
    MemoryRegion root, io;
    AddressSpace *as;
    unsigned calls; /* of the device */
    EventNotifier *bell;
} Rig;

static BusResult device_write(void *opaque, hwaddr offset, unsigned size, uint64_t value)
{
    Rig *r = opaque;
    r->calls++;
    return BUS_OK;
}

static const IoOps device_ops = { .write = device_write };

static void rig_open(Rig *r)
{
    g_autoptr(GError) err = NULL;
    *r = (Rig){ .bell = event_notifier_new(&err) };
    g_assert_no_error(err);
    memory_region_init_container(&r->root, NULL, "root", UINT64_MAX);
    memory_region_init_io(&r->io, NULL, &device_ops, r, "io", 0x100);
    r->as = address_space_new(&r->root, "events");
    memory_region_add(&r->root, AT, &r->io, 0);
}

static void rig_close(Rig *r)
{
    memory_region_remove(&r->root, &r->io);
    memory_region_finish(&r->io);
    address_space_free(r->as);
    memory_region_finish(&r->root);
    event_notifier_free(r->bell);
    memory_quiescent();
}

/* The write rings the bell, or the device is called. */
static bool rings(Rig *r, hwaddr offset, unsigned size, uint64_t value)
{
    unsigned before = r->calls;
    g_assert_cmpint(memory_write(r->as, AT + offset, size, value), ==, BUS_OK);
    bool rang = event_notifier_test_and_clear(r->bell);
    g_assert_cmpuint(r->calls - before, ==, !rang);
    g_assert_false(event_notifier_test_and_clear(r->bell));
    return rang;
}

static void test_match(void)
{
    static const struct {
        unsigned size;
        bool match;
        hwaddr offset;
        unsigned write_size;
        uint64_t write;
        bool rings;
    } rows[] = {
        { 4, false, BELL, 4, 7, true },          { 4, false, BELL, 2, 7, false },
        { 4, false, BELL + 4, 4, 7, false },     { 0, false, BELL, 1, 7, true },
        { 0, false, BELL, 8, 7, true },          { 2, true, BELL, 2, 5, true },
        { 2, true, BELL, 2, 0x70005, true },     { 2, true, BELL, 2, 6, false },
        { 0, true, BELL, 4, 5, true },           { 0, true, BELL, 4, 0x70005, false },
        { 8, true, BELL, 8, UINT64_MAX, false },
    };
    Rig r;
    rig_open(&r);
    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        MemoryEvent e = { BELL, rows[i].size, rows[i].match, 5, r.bell };
        g_test_message("row %u", i);
        memory_region_add_event(&r.io, &e);
        g_assert_cmpint(rings(&r, rows[i].offset, rows[i].write_size, rows[i].write), ==, rows[i].rings);
        memory_region_del_event(&r.io, &e);
        g_assert_false(rings(&r, rows[i].offset, rows[i].write_size, rows[i].write));
    }
    rig_close(&r);
}

/* ---- listeners ------------------------------------------------------------------ */

static Rig *listened;
static GString *heard;

static void hear_add(MemoryListener *l, AddressSpace *as, hwaddr addr, const MemoryEvent *e)
{
    if (as == listened->as) {
        g_string_append_printf(heard, "+%x@%x ", (unsigned)e->value, (unsigned)addr);
    }
}

static void hear_del(MemoryListener *l, AddressSpace *as, hwaddr addr, const MemoryEvent *e)
{
    if (as == listened->as) {
        g_string_append_printf(heard, "-%x@%x ", (unsigned)e->value, (unsigned)addr);
    }
}

static void assert_heard(const char *want)
{
    g_assert_cmpstr(heard->str, ==, want);
    g_string_truncate(heard, 0);
}

static void test_listener(void)
{
    MemoryListener l = { .event_add = hear_add, .event_del = hear_del };
    MemoryRegion cover;
    Rig r;
    rig_open(&r);
    MemoryEvent one = { BELL, 4, true, 1, r.bell }, two = { 0x80, 4, true, 2, r.bell };
    listened = &r;
    heard = g_string_new(NULL);
    memory_region_add_event(&r.io, &one);
    memory_listener_add(&l);
    assert_heard("+1@1010 ");
    memory_region_add_event(&r.io, &two);
    assert_heard("+2@1080 ");
    memory_region_set_address(&r.io, 0x5000);
    assert_heard("-1@1010 -2@1080 +1@5010 +2@5080 ");
    memory_region_init_io(&cover, NULL, &device_ops, &r, "cover", 0x40);
    memory_region_add(&r.root, 0x5000, &cover, 1); /* hides the first */
    assert_heard("-1@5010 -2@5080 +2@5080 ");
    memory_region_del_event(&r.io, &one);
    assert_heard("");
    memory_region_remove(&r.root, &cover);
    assert_heard("-2@5080 +2@5080 ");
    memory_region_del_event(&r.io, &two);
    assert_heard("-2@5080 ");
    memory_listener_remove(&l);
    memory_region_finish(&cover);
    g_string_free(heard, TRUE);
    rig_close(&r);
}

/* ---- threads --------------------------------------------------------------------- */

static bool stop; /* atomic */
static gpointer ringer(gpointer opaque)
{
    Rig *r = opaque;
    for (unsigned n = 0; !__atomic_load_n(&stop, __ATOMIC_ACQUIRE); n++) {
        g_assert_cmpint(memory_write(r->as, AT + BELL, 4, n & 3), ==, BUS_OK);
        if (n % 4 == 0) {
            memory_quiescent();
        }
    }
    return NULL;
}

static void test_rows_change(void)
{
    Rig r;
    rig_open(&r);
    GThread *t = g_thread_new("ringer", ringer, &r);
    for (unsigned n = 0; n < 500; n++) {
        MemoryEvent e = { BELL, 4, true, n & 3, event_notifier_new(NULL) };
        g_assert_nonnull(e.notifier);
        memory_region_add_event(&r.io, &e);
        while (!event_notifier_test_and_clear(e.notifier)) {
            g_thread_yield();
        }
        memory_region_del_event(&r.io, &e);
        event_notifier_free(e.notifier); /* it may be signalled at this moment */
        memory_quiescent();
    }
    __atomic_store_n(&stop, true, __ATOMIC_RELEASE);
    g_thread_join(t);
    rig_close(&r);
}

/* ---- cost ------------------------------------------------------------------------ */

static double cpu_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static double cost_of_write(Rig *r)
{
    double start = cpu_ns();
    for (unsigned n = 0; n < TURNS; n++) {
        memory_write(r->as, AT + BELL, 4, n);
    }
    return (cpu_ns() - start) / TURNS;
}

/* Without what comes on top of a signal: the wake-up of the thread that polls. */
static void test_cost(void)
{
    Rig r;
    rig_open(&r);
    MemoryEvent e = { BELL, 4, false, 0, r.bell };
    double call = cost_of_write(&r);
    memory_region_add_event(&r.io, &e);
    double signal = cost_of_write(&r);
    double start = cpu_ns();
    for (unsigned n = 0; n < TURNS; n++) {
        event_notifier_set(r.bell);
        event_notifier_test_and_clear(r.bell);
    }
    double both = (cpu_ns() - start) / TURNS;
    memory_region_del_event(&r.io, &e);
    g_test_message("a write: %.0f ns with a call of the device, %.0f ns with a signal; a signal and its "
                   "being taken: %.0f ns",
                   call, signal, both);
    rig_close(&r);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/memory/events/match", test_match);
    g_test_add_func("/memory/events/listener", test_listener);
    g_test_add_func("/memory/events/rows-change", test_rows_change);
    g_test_add_func("/memory/events/cost", test_cost);
    return g_test_run();
}
