/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Requests without end: each doorbell is a bounded turn of work, the rest comes in turns of
 * the main loop, not while the machine is stopped, and a reset ends it. */
#include <string.h>
#include <sys/mman.h>

#include "chardev/chardev.h"
#include "hw/virtio_balloon.h"
#include "util/keyval.h"
#include "tests/ends.h"
#include "tests/made.h"
#include "virtio-rig.h"

enum { PARTS = 1000, PART_BYTES = 4 << 20, TABLE = RIG_DATA, NUMBERS = RIG_RAM + (4 << 20) };

static void loops(unsigned n)
{
    while (n--) {
        rig_loop();
    }
}

/* One chain of PARTS times the same 4 MiB of zeroes. */
static void add_endless(RigQueue *q, bool write)
{
    RigBuf bufs[PARTS];
    for (unsigned i = 0; i < PARTS; i++) {
        bufs[i] = (RigBuf){ NUMBERS, PART_BYTES, write };
    }
    rig_add_chain(q, bufs, PARTS, TABLE);
}

static void balloon_open(Rig *r, RigQueue *queues, gconstpointer kind)
{
    rig_open(r, GPOINTER_TO_INT(kind), "virtio-balloon", "free-page-reporting=on");
    rig_start(r, UINT64_MAX);
    for (unsigned i = 0; i < 4; i++) {
        rig_queue(r, &queues[i], i, 16);
    }
    rig_driver_ok(r);
    clock_virtual_start(r->m->clock);
}

static void balloon_close(Rig *r)
{
    clock_virtual_stop(r->m->clock);
    rig_close(r);
}

/* A thousand million page numbers. */
static void test_inflate(gconstpointer kind)
{
    Rig r;
    RigQueue q[4];
    balloon_open(&r, q, kind);
    add_endless(&q[0], false);
    rig_kick(&q[0]); /* comes back */
    loops(3);
    g_assert_false(rig_used(&q[0]));
    g_assert_cmpuint(r.v->s.in_use[0], ==, 1);
    rig_reset_device(&r);
    g_assert_cmpuint(r.v->s.in_use[0], ==, 0);
    loops(3); /* nothing is left that would go on */
    g_assert_cmpuint(r.v->s.in_use[0], ==, 0);
    balloon_close(&r);
}

/* Some turns' worth of pages: all of them are given back in the end, and none while the
 * machine is stopped. */
static void test_inflate_in_turns(gconstpointer kind)
{
    enum { PAGES = 3000, FIRST = 0x500 };
    Rig r;
    RigQueue q[4];
    balloon_open(&r, q, kind);
    uint32_t *numbers = rig_ram(&r, RIG_DATA);
    unsigned there = RIG_RAM_SIZE / 4096 - FIRST;
    for (unsigned i = 0; i < PAGES; i++) {
        numbers[i] = (RIG_RAM >> 12) + FIRST + i * 2 % there; /* no runs of neighbours */
    }
    memset(rig_ram(&r, RIG_RAM + FIRST * 4096), 0xaa, there * 4096);
    const RigBuf list = { RIG_DATA, PAGES * 4, false };
    rig_add_chain(&q[0], &list, 1, 0);
    rig_kick(&q[0]);
    clock_virtual_stop(r.m->clock);
    loops(20);
    g_assert_false(rig_used(&q[0]));
    clock_virtual_start(r.m->clock);
    rig_wait(&q[0], NULL);
    for (unsigned i = 0; i < PAGES; i++) {
        unsigned char in;
        void *page = rig_ram(&r, (hwaddr)numbers[i] << 12);
        g_assert_cmpint(mincore(page, 4096, &in), ==, 0);
        g_assert_false(in & 1);
    }
    balloon_close(&r);
}

/* The same 4 MiB reported a thousand times: ends, but not within the doorbell. */
static void test_reported(gconstpointer kind)
{
    Rig r;
    RigQueue q[4];
    balloon_open(&r, q, kind);
    add_endless(&q[3], true);
    rig_kick(&q[3]);
    g_assert_false(rig_used(&q[3]));
    rig_wait(&q[3], NULL);
    balloon_close(&r);
}

/* 4 GiB of statistics: what counts is in front. */
static void test_stats(gconstpointer kind)
{
    Rig r;
    RigQueue q[4];
    balloon_open(&r, q, kind);
    struct __attribute__((packed)) {
        uint16_t tag;
        uint64_t value;
    } s = { 5, 77 };
    memcpy(rig_ram(&r, NUMBERS), &s, sizeof(s));
    add_endless(&q[2], false);
    rig_kick(&q[2]);
    g_assert_cmpuint(virtio_balloon_stat(&r.v->dev, 5), ==, 77);
    virtio_balloon_poll_stats(&r.v->dev);
    rig_wait(&q[2], NULL);
    balloon_close(&r);
}

/* A console that is sent 4 GiB at once takes them in turns. */
static void test_console(gconstpointer kind)
{
    Rig r;
    RigQueue rx, tx;
    g_autoptr(GError) err = NULL;
    g_assert_nonnull(test_chardev(test_chardevs(), "null,id=c0", &err));
    rig_open(&r, GPOINTER_TO_INT(kind), "virtio-serial", NULL);
    rig_add(&r, "virtconsole", "chardev=c0");
    rig_start(&r, UINT64_MAX);
    rig_queue(&r, &rx, 0, 16);
    rig_queue(&r, &tx, 1, 16);
    rig_driver_ok(&r);
    clock_virtual_start(r.m->clock);
    add_endless(&tx, false);
    rig_kick(&tx);
    g_assert_false(rig_used(&tx));
    rig_wait(&tx, NULL);
    clock_virtual_stop(r.m->clock);
    rig_close(&r);
    test_close_chardevs();
}

/* Empty buffers cost the driver nothing: a chain of 65,535 of them breaks the rules. */
static void test_empty_buffers(gconstpointer kind)
{
    enum { EMPTY = 65535 };
    Rig r;
    RigQueue q[4];
    balloon_open(&r, q, kind);
    g_autofree RigBuf *bufs = g_new(RigBuf, EMPTY);
    for (unsigned i = 0; i < EMPTY; i++) {
        bufs[i] = (RigBuf){ NUMBERS, 0, false };
    }
    rig_add_chain(&q[1], bufs, EMPTY, TABLE);
    rig_kick(&q[1]);
    g_assert_false(rig_used(&q[1]));
    g_assert_cmpuint(r.v->s.broken, ==, 1);
    balloon_close(&r);
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        void (*fn)(gconstpointer kind);
    } cases[] = {
        { "inflate", test_inflate },   { "inflate-in-turns", test_inflate_in_turns },
        { "reported", test_reported }, { "stats", test_stats },
        { "console", test_console },   { "empty-buffers", test_empty_buffers },
    };
    g_test_init(&argc, &argv, NULL);
    for (int kind = 0; kind < RIG_KINDS; kind++) {
        for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
            g_autofree char *path =
                g_strdup_printf("/virtio-turns/%s/%s", rig_kind_names[kind], cases[i].name);
            g_test_add_data_func(path, GINT_TO_POINTER(kind), cases[i].fn);
        }
    }
    return g_test_run();
}
