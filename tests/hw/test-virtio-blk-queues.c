/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A disk with several queues (5.2.3, VIRTIO_BLK_F_MQ): each request ends by the queue that it came by, and a queue that stops
 * takes nothing from the others. */
#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

#include "block/block.h"
#include "tests/ends.h"
#include "tests/loop.h"
#include "tests/made.h"
#include "virtio-rig.h"

enum { QUEUES = 4, BYTES = 4096, DISK_BYTES = 1 << 20, PLACE = 64 << 10 };
enum { IN = 0, OUT = 1, F_MQ = 12, AT_NUM_QUEUES = 34 };

typedef struct Disk {
    Rig r;
    RigQueue q[QUEUES];
    char path[64];
} Disk;

static void disk_open(Disk *d, RigKind kind, const char *of_drive, const char *more)
{
    static unsigned serial;
    g_autoptr(GError) err = NULL;
    strcpy(d->path, "/var/tmp/lyrebird-queues-XXXXXX");
    int fd = g_mkstemp(d->path);
    g_assert_cmpint(ftruncate(fd, DISK_BYTES), ==, 0);
    close(fd);
    g_autofree char *text =
        g_strdup_printf("file=%s,format=raw,if=none,id=m%u%s", d->path, ++serial, of_drive);
    g_assert_nonnull(test_drive(test_drives(), text, &err));
    g_autofree char *props = g_strdup_printf("drive=m%u%s", serial, more);
    rig_open(&d->r, kind, "virtio-blk", props);
}

static void start(Disk *d)
{
    d->r.next_ring = RIG_RINGS;
    rig_start(&d->r, ~(UINT64_C(1) << VIRTIO_F_EVENT_IDX));
    for (unsigned i = 0; i < QUEUES; i++) {
        rig_queue(&d->r, &d->q[i], i, 32);
    }
    rig_driver_ok(&d->r);
}

static void disk_close(Disk *d)
{
    rig_close(&d->r);
    g_unlink(d->path);
}

/* Where the request of a queue has its buffers: header, status, data. */
static hwaddr place(unsigned queue)
{
    return RIG_DATA + queue * PLACE;
}

static uint8_t *data_of(Disk *d, unsigned queue)
{
    return rig_ram(&d->r, place(queue) + 4096);
}

static void ask(Disk *d, unsigned queue, uint32_t type, uint64_t sector)
{
    struct {
        uint32_t type, reserved;
        uint64_t sector;
    } head = { type, 0, sector };
    hwaddr at = place(queue);
    memcpy(rig_ram(&d->r, at), &head, sizeof(head));
    *(uint8_t *)rig_ram(&d->r, at + 64) = 0xee;
    RigBuf bufs[] = { { at, 16, false }, { at + 4096, BYTES, type == IN }, { at + 64, 1, true } };
    rig_add_chain(&d->q[queue], bufs, G_N_ELEMENTS(bufs), 0);
    rig_kick(&d->q[queue]);
}

static void await_good(Disk *d, unsigned queue)
{
    rig_wait(&d->q[queue], NULL);
    g_assert_cmpint(*(uint8_t *)rig_ram(&d->r, place(queue) + 64), ==, 0);
}

/* Written by one queue, read by the next. */
static void test_io(gconstpointer data)
{
    Disk d;
    disk_open(&d, GPOINTER_TO_INT(data), "", ",num-queues=4");
    g_assert_cmpint(rig_config(&d.r, AT_NUM_QUEUES, 2), ==, QUEUES);
    g_assert_true(rig_offered(&d.r) >> F_MQ & 1);
    start(&d);
    for (unsigned round = 0; round < 40; round++) {
        for (unsigned q = 0; q < QUEUES; q++) {
            memset(data_of(&d, q), (int)(16 * q + round), BYTES);
            ask(&d, q, OUT, 64 * q);
        }
        for (unsigned q = 0; q < QUEUES; q++) {
            await_good(&d, q);
            g_assert_false(rig_used(&d.q[q])); /* one came, one ended */
        }
        for (unsigned q = 0; q < QUEUES; q++) {
            ask(&d, (q + 1) % QUEUES, IN, 64 * q);
        }
        for (unsigned q = 0; q < QUEUES; q++) {
            unsigned reader = (q + 1) % QUEUES;
            await_good(&d, reader);
            g_assert_cmpint(data_of(&d, reader)[0], ==, (uint8_t)(16 * q + round));
            g_assert_cmpint(data_of(&d, reader)[BYTES - 1], ==, (uint8_t)(16 * q + round));
        }
    }
    g_assert_cmpint(d.r.v->s.broken, ==, 0);
    disk_close(&d);
}

typedef struct Stop {
    RigQueue *q;
    gint done;
} Stop;

static gpointer stop_in_thread(gpointer opaque)
{
    Stop *s = opaque;
    rig_stop_queue(s->q);
    g_atomic_int_set(&s->done, 1);
    return NULL;
}

/* By a vCPU of its own: turns come in the main loop, which is this thread. */
static void stop_queue(RigQueue *q)
{
    Stop s = { .q = q };
    GThread *vcpu = g_thread_new("vcpu", stop_in_thread, &s);
    while (!g_atomic_int_get(&s.done)) {
        g_main_context_iteration(event_loop_context(test_loop()), FALSE);
        g_thread_yield();
    }
    g_thread_join(vcpu);
}

/* What is under way by the others, and waits for its turn by the drive's limits, ends as it should; virtio-pci stops queues by a
 * reset alone. */
static void test_stop_one(gconstpointer data)
{
    Disk d;
    disk_open(&d, GPOINTER_TO_INT(data), ",throttling.iops-total=200", ",num-queues=4");
    start(&d);
    for (unsigned round = 0; round < 2 * QUEUES; round++) {
        for (unsigned q = 0; q < QUEUES; q++) {
            ask(&d, q, IN, 64 * q);
        }
        stop_queue(&d.q[round % QUEUES]);
        for (unsigned q = 0; q < QUEUES; q++) {
            if (q != round % QUEUES) {
                await_good(&d, q);
            }
        }
        rig_reset_device(&d.r);
        start(&d);
    }
    disk_close(&d);
}

static void test_reset(gconstpointer data)
{
    Disk d;
    disk_open(&d, GPOINTER_TO_INT(data), "", ",num-queues=4");
    for (unsigned round = 0; round < 20; round++) {
        start(&d);
        for (unsigned q = 0; q < QUEUES; q++) {
            ask(&d, q, OUT, 64 * q);
        }
        rig_reset_device(&d.r);
        for (unsigned q = 0; q < QUEUES; q++) {
            g_assert_cmpint(d.r.v->s.in_use[q], ==, 0);
        }
    }
    disk_close(&d);
}

/* Without the option there is one queue, and no word of more. */
static void test_single(gconstpointer data)
{
    Disk d;
    disk_open(&d, GPOINTER_TO_INT(data), "", "");
    g_assert_cmpint(rig_config(&d.r, AT_NUM_QUEUES, 2), ==, 1);
    g_assert_false(rig_offered(&d.r) >> F_MQ & 1);
    g_assert_cmpuint(d.r.v->queue_count, ==, 1);
    disk_close(&d);
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        void (*fn)(gconstpointer);
        bool not_pci;
    } tests[] = {
        { "io", test_io },
        { "stop-one", test_stop_one, true },
        { "reset", test_reset },
        { "single", test_single },
    };
    g_test_init(&argc, &argv, NULL);
    for (unsigned i = 0; i < G_N_ELEMENTS(tests); i++) {
        for (int kind = 0; kind <= RIG_PCI; kind++) {
            g_autofree char *path =
                g_strdup_printf("/virtio-blk-queues/%s/%s", rig_kind_names[kind], tests[i].name);
            if (kind != RIG_PCI || !tests[i].not_pci) {
                g_test_add_data_func(path, GINT_TO_POINTER(kind), tests[i].fn);
            }
        }
    }
    return g_test_run();
}
