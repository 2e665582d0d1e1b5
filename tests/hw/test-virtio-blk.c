/* SPDX-License-Identifier: GPL-2.0-or-later */
/* virtio's rings by its block device, over each transport: requests, indirect tables, event
 * indices, reset in flight, and drivers that break every rule. */
#include <errno.h>
#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

#include "block/block.h"
#include "tests/loop.h"
#include "util/keyval.h"
#include "tests/ends.h"
#include "tests/made.h"
#include "tests/patience.h"
#include "../block/faults.h"
#include "virtio-rig.h"

enum {
    DISK_SECTORS = 2048,
    HEAD = RIG_DATA,
    STATUS = RIG_DATA + 64,
    DATA = RIG_DATA + 4096,
    TABLE = RIG_DATA + 0x100000
};
/* In a test's data, beside the RigKind: the disk is served by a thread. */
enum { ON_THREAD = 0x100 };
enum { IN = 0, OUT = 1, FLUSH = 4, GET_ID = 8, DISCARD = 11, ZEROES = 13 };

typedef struct Disk {
    Rig r;
    RigQueue q;
    char path[64], id[16]; /* of the drive */
} Disk;

/* options: of the drive; more_props: of the device; each begins with a comma, or is empty. */
static void disk_open_with(Disk *d, RigKind kind, const char *options, const char *more_props)
{
    static unsigned serial;
    g_autoptr(GError) err = NULL;
    strcpy(d->path, "/var/tmp/lyrebird-virtio-XXXXXX");
    int fd = g_mkstemp(d->path);
    g_assert_cmpint(ftruncate(fd, DISK_SECTORS * 512), ==, 0);
    close(fd);
    g_autofree char *text =
        g_strdup_printf("file=%s,format=raw,if=none,id=d%u%s", d->path, ++serial, options);
    g_snprintf(d->id, sizeof(d->id), "d%u", serial);
    BlockBackend *blk = test_drive(test_drives(), text, &err);
    g_assert_no_error(err);
    g_assert_nonnull(blk);
    bool thread = kind & ON_THREAD;
    rig_iothread = thread ? "io0" : NULL;
    g_autofree char *props =
        g_strdup_printf("drive=d%u,serial=ABC%s%s", serial, thread ? ",iothread=io0" : "", more_props);
    rig_open(&d->r, kind & ~ON_THREAD, "virtio-blk", props);
}

static void disk_open(Disk *d, RigKind kind, const char *options)
{
    disk_open_with(d, kind, options, "");
}

static void disk_start(Disk *d, uint64_t features)
{
    rig_start(&d->r, features);
    rig_queue(&d->r, &d->q, 0, 64);
    rig_driver_ok(&d->r);
}

static void disk_close(Disk *d)
{
    rig_close(&d->r);
    g_unlink(d->path);
}

static void put_head(Disk *d, hwaddr at, uint32_t type, uint64_t sector)
{
    struct {
        uint32_t type, reserved;
        uint64_t sector;
    } h = { type, 0, sector };
    memcpy(rig_ram(&d->r, at), &h, sizeof(h));
    *(uint8_t *)rig_ram(&d->r, STATUS) = 0xee;
}

static uint8_t request(Disk *d, uint32_t type, uint64_t sector, uint32_t len, hwaddr table)
{
    put_head(d, HEAD, type, sector);
    bool to_guest = type == IN || type == GET_ID;
    RigBuf bufs[] = { { HEAD, 16, false }, { DATA, len, to_guest }, { STATUS, 1, true } };
    if (!len) {
        bufs[1] = bufs[2];
    }
    uint16_t head = rig_add_chain(&d->q, bufs, len ? 3 : 2, table), got;
    rig_kick(&d->q);
    uint32_t used = rig_wait(&d->q, &got);
    g_assert_cmpint(got, ==, head);
    g_assert_cmpint(used, ==, to_guest ? len + 1 : 1);
    return *(uint8_t *)rig_ram(&d->r, STATUS);
}

/* ---- a driver that behaves ----------------------------------------------- */

static void check_io(Disk *d, hwaddr table)
{
    uint8_t *data = rig_ram(&d->r, DATA);
    memset(data, 0x5a, 4096);
    g_assert_cmpint(request(d, OUT, 8, 4096, table), ==, 0);
    memset(data, 0, 8192);
    g_assert_cmpint(request(d, IN, 4, 8192, table), ==, 0);
    for (unsigned i = 0; i < 8192; i++) {
        g_assert_cmpint(data[i], ==, i >= 2048 && i < 2048 + 4096 ? 0x5a : 0);
    }
    g_assert_cmpint(request(d, FLUSH, 0, 0, table), ==, 0);
    g_assert_cmpint(request(d, GET_ID, 0, 20, table), ==, 0);
    g_assert_cmpstr((char *)data, ==, "ABC");
    struct {
        uint64_t sector;
        uint32_t sectors, flags;
    } seg = { 8, 4, 0 };
    memcpy(data, &seg, sizeof(seg));
    g_assert_cmpint(request(d, ZEROES, 0, sizeof(seg), table), ==, 0);
    memcpy(data, &seg, sizeof(seg));
    g_assert_cmpint(request(d, DISCARD, 0, sizeof(seg), table), ==, 0);
    g_assert_cmpint(request(d, IN, 8, 4096, table), ==, 0);
    g_assert_cmpint(data[2047], ==, 0);
    g_assert_cmpint(data[2048], ==, 0x5a);
    g_assert_cmpint(request(d, IN, DISK_SECTORS - 1, 1024, table), ==, 1);
    g_assert_cmpint(request(d, OUT, UINT64_MAX, 512, table), ==, 1);
    g_assert_cmpint(request(d, IN, UINT64_MAX / 512 + 1, 512, table), ==, 1);
    g_assert_cmpint(request(d, IN, 0, 100, table), ==, 1); /* not whole sectors */
    g_assert_cmpint(request(d, 77, 0, 0, table), ==, 2);
}

static void test_io(gconstpointer data)
{
    Disk d;
    disk_open(&d, GPOINTER_TO_INT(data), "");
    g_assert_cmpint(rig_config(&d.r, 0, 4), ==, DISK_SECTORS);
    const uint64_t sets[] = { 0, 1ull << VIRTIO_F_INDIRECT_DESC, UINT64_MAX };
    for (unsigned i = 0; i < G_N_ELEMENTS(sets); i++) {
        disk_start(&d, sets[i]);
        for (unsigned round = 0; round < 8; round++) { /* more than the ring: the indices wrap */
            check_io(&d, 0);
            if (d.r.features >> VIRTIO_F_INDIRECT_DESC & 1) {
                check_io(&d, TABLE);
            }
        }
        g_assert_cmpint(d.r.v->s.broken, ==, 0);
    }
    disk_close(&d);
}

static void test_interrupts(gconstpointer data)
{
    Disk d;
    disk_open(&d, GPOINTER_TO_INT(data), "");
    disk_start(&d, 0);
    g_assert_cmpint(d.r.level, ==, 0);
    request(&d, FLUSH, 0, 0, 0);
    g_assert_cmpint(d.r.level, ==, 1);
    g_assert_cmpint(rig_isr(&d.r), ==, 1);
    g_assert_cmpint(d.r.level, ==, 0);
    *(uint16_t *)rig_ram(&d.r, d.q.avail) = 1; /* NO_INTERRUPT */
    request(&d, FLUSH, 0, 0, 0);
    g_assert_cmpint(d.r.level, ==, 0);
    *(uint16_t *)rig_ram(&d.r, d.q.avail) = 0;
    request(&d, FLUSH, 0, 0, 0);
    g_assert_cmpint(d.r.level, ==, 1);
    unsigned before = d.r.requests; /* the driver never acknowledges: the next one is told too */
    request(&d, FLUSH, 0, 0, 0);
    g_assert_cmpint(d.r.requests - before, ==, d.r.kind == RIG_PCI ? 0 : 1); /* INTx: a level only */
    machine_reset(d.r.m); /* of the machine: the line goes down with it */
    g_assert_cmpint(d.r.level, ==, 0);
    disk_close(&d);
}

/* Section 2.7.10: an interrupt when the used index passes used_event, a doorbell wanted when
 * the available index passes avail_event. */
static void test_event_idx(gconstpointer data)
{
    Disk d;
    disk_open(&d, GPOINTER_TO_INT(data), "");
    disk_start(&d, ~(1ull << VIRTIO_F_NOTIFY_ON_EMPTY));
    uint16_t *used_event = rig_ram(&d.r, d.q.avail + 4 + 2 * d.q.size);
    uint16_t *avail_event = rig_ram(&d.r, d.q.used + 4 + 8 * d.q.size);
    *used_event = 2;
    request(&d, FLUSH, 0, 0, 0);
    g_assert_cmpint(*avail_event, ==, 1);
    request(&d, FLUSH, 0, 0, 0);
    g_assert_cmpint(d.r.level, ==, 0);
    request(&d, FLUSH, 0, 0, 0);
    g_assert_cmpint(d.r.level, ==, 1);
    g_assert_cmpint(*avail_event, ==, 3);
    disk_close(&d);
}

static void test_reset_in_flight(gconstpointer data)
{
    Disk d;
    disk_open(&d, GPOINTER_TO_INT(data), "");
    event_loop_free(event_loop_new(NULL)); /* another machine of this thread came and went */
    for (unsigned round = 0; round < 20; round++) {
        disk_start(&d, 0);
        for (unsigned i = 0; i < 16; i++) {
            put_head(&d, HEAD + 128 * (i + 1), OUT, i * 16);
            const RigBuf bufs[] = { { HEAD + 128 * (i + 1), 16, false },
                                    { DATA, 8192, false },
                                    { STATUS, 1, true } };
            rig_add_chain(&d.q, bufs, 3, 0);
        }
        rig_kick(&d.q);
        if (round & 1) {
            machine_reset(d.r.m);
            if (d.r.kind == RIG_PCI) {
                rig_pci_config_write(&d.r, 8, PCI_BAR_0 + 16, 4, RIG_BAR);
                rig_pci_config_write(&d.r, 8, PCI_COMMAND, 2, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
            }
        } else {
            rig_reset_device(&d.r);
        }
        g_assert_cmpint(d.r.v->s.in_use[0], ==, 0);
    }
    disk_start(&d, 0);
    check_io(&d, 0);
    disk_close(&d);
}

/* A driver that is done with a queue, without a reset, has its buffers back; the queue begins anew. */
static void test_queue_stop(gconstpointer data)
{
    Disk d;
    disk_open(&d, GPOINTER_TO_INT(data), "");
    disk_start(&d, 0);
    for (unsigned round = 0; round < 20 && d.r.kind != RIG_PCI;
         round++) { /* PCI's queues stop by a reset only */
        for (unsigned i = 0; i < 8; i++) {
            put_head(&d, HEAD + 128 * (i + 1), IN, i * 16);
            const RigBuf bufs[] = { { HEAD + 128 * (i + 1), 16, false },
                                    { DATA, 8192, true },
                                    { STATUS, 1, true } };
            rig_add_chain(&d.q, bufs, 3, 0);
        }
        rig_kick(&d.q);
        rig_stop_queue(&d.q);
        g_assert_cmpint(d.r.v->s.in_use[0], ==, 0);
        if (event_loop_is_current(virtio_loop(d.r.v))) { /* a thread may have been quicker */
            g_assert_false(rig_used(&d.q));
        }
        d.r.next_ring = RIG_RINGS;
        rig_queue(&d.r, &d.q, 0, 32);
        check_io(&d, 0);
    }
    disk_close(&d);
}

static void test_readonly(gconstpointer data)
{
    Disk d;
    disk_open(&d, GPOINTER_TO_INT(data), ",readonly=on");
    disk_start(&d, UINT64_MAX);
    g_assert_cmpint(d.r.features >> 5 & 1, ==, 1);
    g_assert_cmpint(request(&d, IN, 0, 512, 0), ==, 0);
    g_assert_cmpint(request(&d, OUT, 0, 512, 0), ==, 1);
    disk_close(&d);
}

/* What is not offered is refused; VERSION_1 may be left out (an old driver). */
static void test_features(gconstpointer data)
{
    Disk d;
    disk_open(&d, GPOINTER_TO_INT(data), "");
    Rig *r = &d.r;
    if (r->kind != RIG_LEGACY) {
        hwaddr select = r->kind == RIG_PCI ? RIG_BAR + 8 : RIG_MMIO + 0x24;
        hwaddr bits = r->kind == RIG_PCI ? RIG_BAR + 12 : RIG_MMIO + 0x20;
        rig_reset_device(r);
        rig_set_status(r, 3);
        rig_write(r, select, 4, 1);
        rig_write(r, bits, 4, r->old ? 0 : 1);
        rig_write(r, select, 4, 0);
        rig_write(r, bits, 4, 1u << 31); /* not offered */
        rig_set_status(r, 11);
        g_assert_cmpint(rig_status(r), ==, 3);
        rig_write(r, bits, 4, 0);
        rig_set_status(r, 11);
        g_assert_cmpint(rig_status(r), ==, 11);
        rig_write(r, bits, 4, 1u << 9); /* too late */
        g_assert_cmphex(r->v->s.features, ==, r->old ? 0 : 1ull << VIRTIO_F_VERSION_1);
    } else {
        g_assert_cmphex(rig_offered(r) >> VIRTIO_F_VERSION_1, ==, 0);
    }
    disk_close(&d);
}

/* A vCPU that resets the device waits for requests which end in the main loop, while the main loop
 * waits for the vCPU to stand: event_loop_wait lets them end. */
typedef struct Stand {
    Disk *d;
    Lock lock;
    GCond cond;
    bool stands;
} Stand;

static gpointer resetting_vcpu(gpointer data)
{
    Stand *s = data;
    rig_reset_device(&s->d->r);
    lock_take(&s->lock);
    s->stands = true;
    g_cond_signal(&s->cond);
    lock_release(&s->lock);
    return NULL;
}

static void test_reset_and_pause(gconstpointer data)
{
    Disk d;
    disk_open(&d, GPOINTER_TO_INT(data), "");
    for (unsigned round = 0; round < 20; round++) {
        Stand s = { .d = &d, .lock = LOCK_INIT(LOCK_VCPUS) };
        disk_start(&d, 0);
        put_head(&d, HEAD, OUT, 0);
        const RigBuf bufs[] = { { HEAD, 16, false }, { DATA, 65536, false }, { STATUS, 1, true } };
        rig_add_chain(&d.q, bufs, 3, 0);
        rig_kick(&d.q);
        GThread *thread = g_thread_new("vcpu", resetting_vcpu, &s);
        lock_take(&s.lock);
        while (!s.stands) {
            event_loop_wait(test_loop(), &s.cond, &s.lock);
        }
        lock_release(&s.lock);
        g_thread_join(thread);
        g_assert_cmpint(d.r.v->s.in_use[0], ==, 0);
    }
    disk_close(&d);
}

/* State goes into a fresh machine's device, which goes on where the first one stood. */
static void test_save_load(gconstpointer data)
{
    Disk a, b;
    g_autoptr(GError) err = NULL;
    disk_open(&a, GPOINTER_TO_INT(data), "");
    disk_start(&a, UINT64_MAX);
    for (unsigned i = 0; i < 100; i++) {
        request(&a, OUT, i, 512, i & 1 ? TABLE : 0);
    }
    Device *outer = a.r.v->dev.outer;
    g_autoptr(GByteArray) inner_state = device_save(&a.r.v->dev);
    g_autoptr(GByteArray) outer_state = outer ? device_save(outer) : NULL;
    disk_open(&b, GPOINTER_TO_INT(data), "");
    memcpy(rig_ram(&b.r, RIG_RAM), rig_ram(&a.r, RIG_RAM), RIG_RAM_SIZE);
    if (outer) {
        g_assert_true(device_load(b.r.v->dev.outer, outer_state->data, outer_state->len, &err));
    }
    g_assert_true(device_load(&b.r.v->dev, inner_state->data, inner_state->len, &err));
    g_assert_cmpint(b.r.level, ==, a.r.level);
    g_autoptr(GByteArray) again = device_save(&b.r.v->dev);
    g_assert_cmpmem(again->data, again->len, inner_state->data, inner_state->len);
    b.r.features = a.r.features;
    b.r.next_ring = a.r.next_ring;
    b.q = a.q;
    b.q.rig = &b.r;
    check_io(&b, TABLE);
    rig_close(&a.r);
    disk_close(&b);
    g_unlink(a.path);
}

/* ---- drivers that break the rules ---------------------------------------- */

static void bad_far(Disk *d)
{
    rig_desc(&d->q, 0, RIG_RAM + RIG_RAM_SIZE - 8, 16, 0, 0);
    rig_publish(&d->q, 0);
}
static void bad_nowhere(Disk *d)
{
    rig_desc(&d->q, 0, UINT64_MAX - 4, 64, 0, 0);
    rig_publish(&d->q, 0);
}
static void bad_huge(Disk *d)
{
    rig_desc(&d->q, 0, RIG_DATA, UINT32_MAX, 2, 0);
    rig_publish(&d->q, 0);
}
static void bad_mmio(Disk *d)
{
    rig_desc(&d->q, 0, d->r.kind == RIG_PCI ? (hwaddr)RIG_BAR : (hwaddr)RIG_MMIO, 64, 2, 0);
    rig_publish(&d->q, 0);
}
static void bad_head(Disk *d)
{
    rig_publish(&d->q, 64);
}
static void bad_next(Disk *d)
{
    rig_desc(&d->q, 0, RIG_DATA, 16, 1, 999);
    rig_publish(&d->q, 0);
}
static void bad_self_loop(Disk *d)
{
    rig_desc(&d->q, 0, RIG_DATA, 16, 1, 0);
    rig_publish(&d->q, 0);
}
static void bad_long_loop(Disk *d)
{
    for (unsigned i = 0; i < 64; i++) {
        rig_desc(&d->q, i, RIG_DATA, 16, 1, (i + 1) % 64);
    }
    rig_publish(&d->q, 0);
}
static void bad_index(Disk *d)
{
    *(uint16_t *)rig_ram(&d->r, d->q.avail + 2) = 0x8000;
}
static void bad_order(Disk *d)
{
    rig_desc(&d->q, 0, RIG_DATA, 16, 3, 1);
    rig_desc(&d->q, 1, RIG_DATA, 16, 0, 0);
    rig_publish(&d->q, 0);
}
static void bad_empty(Disk *d)
{
    rig_desc(&d->q, 0, RIG_DATA, 0, 0, 0);
    rig_publish(&d->q, 0);
}
static void bad_no_status(Disk *d)
{
    rig_desc(&d->q, 0, RIG_DATA, 16, 0, 0);
    rig_publish(&d->q, 0);
}
static void indirect(Disk *d, hwaddr table, uint32_t len, uint16_t flags)
{
    rig_desc(&d->q, 0, table, len, 4 | flags, 1);
    rig_publish(&d->q, 0);
}
static void bad_indirect_twice(Disk *d)
{
    struct {
        uint64_t addr;
        uint32_t len;
        uint16_t flags, next;
    } t = { TABLE, 16, 4, 0 };
    memcpy(rig_ram(&d->r, TABLE), &t, sizeof(t));
    indirect(d, TABLE, 16, 0);
}
static void bad_indirect_length(Disk *d)
{
    indirect(d, TABLE, 17, 0);
}
static void bad_indirect_empty(Disk *d)
{
    indirect(d, TABLE, 0, 0);
}
static void bad_indirect_next(Disk *d)
{
    indirect(d, TABLE, 16, 1);
}
static void bad_indirect_far(Disk *d)
{
    indirect(d, RIG_RAM + RIG_RAM_SIZE, 32, 0);
}
static void bad_indirect_long(Disk *d)
{
    struct {
        uint64_t addr;
        uint32_t len;
        uint16_t flags, next;
    } t = { RIG_DATA, 1, 1, 0 };
    for (unsigned i = 0; i < 5000; i++) {
        t.next = (uint16_t)(i + 1);
        memcpy(rig_ram(&d->r, TABLE + 16 * i), &t, sizeof(t));
    }
    indirect(d, TABLE, 5001 * 16, 0);
}
static void bad_ring(Disk *d)
{
    d->r.v->s.driver[0] = RIG_RAM + RIG_RAM_SIZE; /* as if the driver had put it there */
}

/* clang-format off */
static const struct { const char *name; void (*fn)(Disk *d); } bad[] = {
    { "far", bad_far }, { "nowhere", bad_nowhere }, { "huge", bad_huge }, { "mmio", bad_mmio },
    { "head", bad_head }, { "next", bad_next }, { "self-loop", bad_self_loop }, { "long-loop", bad_long_loop },
    { "index", bad_index }, { "order", bad_order }, { "empty", bad_empty }, { "no-status", bad_no_status },
    { "indirect-twice", bad_indirect_twice }, { "indirect-length", bad_indirect_length },
    { "indirect-empty", bad_indirect_empty }, { "indirect-next", bad_indirect_next },
    { "indirect-far", bad_indirect_far }, { "indirect-long", bad_indirect_long }, { "ring", bad_ring },
};
/* clang-format on */

static void test_bad(gconstpointer data)
{
    Disk d;
    disk_open(&d, GPOINTER_TO_INT(data), "");
    for (unsigned i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_test_message("%s", bad[i].name);
        disk_start(&d, UINT64_MAX);
        bad[i].fn(&d);
        rig_kick(&d.q);
        rig_loop();
        g_assert_cmpint(d.r.v->s.broken, ==, 1);
        bool modern = d.r.features >> VIRTIO_F_VERSION_1 & 1;
        g_assert_cmpint(rig_status(&d.r) & VIRTIO_STATUS_NEEDS_RESET, ==,
                        modern ? VIRTIO_STATUS_NEEDS_RESET : 0);
        g_assert_cmpint(rig_isr(&d.r) & VIRTIO_ISR_CONFIG, ==, modern ? VIRTIO_ISR_CONFIG : 0);
        disk_start(&d, UINT64_MAX); /* a reset heals */
        check_io(&d, 0);
    }
    disk_close(&d);
}

/* Random rings, and a second thread that changes them while the device reads. */
static gpointer scribble(gpointer data)
{
    Disk *d = ((void **)data)[0];
    g_autoptr(GRand) rnd = g_rand_new_with_seed(11);
    while (!__atomic_load_n((int *)((void **)data)[1], __ATOMIC_RELAXED)) {
        hwaddr at = RIG_RINGS + g_rand_int(rnd) % (64 * 18); /* descriptors and the available ring */
        *(uint8_t *)rig_ram(&d->r, at) = (uint8_t)g_rand_int(rnd);
    }
    return NULL;
}

static void random_chain(Disk *d, GRand *rnd)
{
    for (unsigned i = 0; i < 8; i++) {
        hwaddr addr =
            g_rand_int(rnd) % 16 ? RIG_DATA + g_rand_int(rnd) % 65536 : (hwaddr)g_rand_int(rnd) << 4;
        rig_desc(&d->q, g_rand_int(rnd) % 64, addr, g_rand_int(rnd) >> g_rand_int_range(rnd, 8, 31),
                 g_rand_int(rnd) & 7, g_rand_int(rnd) % 66);
    }
    put_head(d, RIG_DATA + g_rand_int(rnd) % 4096, g_rand_int(rnd) % 16, g_rand_int(rnd) % DISK_SECTORS);
    rig_publish(&d->q, g_rand_int(rnd) % 65);
}

static bool is_broken(Disk *d)
{
    device_lock(&d->r.v->dev);
    bool broken = d->r.v->s.broken;
    device_unlock(&d->r.v->dev);
    return broken;
}

static void test_random(gconstpointer data)
{
    Disk d;
    disk_open(&d, GPOINTER_TO_INT(data), "");
    g_autoptr(GRand) rnd = g_rand_new_with_seed(5);
    int stop = 0;
    void *args[] = { &d, &stop };
    disk_start(&d, UINT64_MAX);
    GThread *thread = g_thread_new("scribble", scribble, args);
    for (unsigned i = 0; i < 20000; i++) {
        if (is_broken(&d) || i % 64 == 0) {
            disk_start(&d, g_rand_int(rnd) & 1 ? UINT64_MAX : 0);
        }
        random_chain(&d, rnd);
        rig_kick(&d.q);
        if (i % 8 == 0) {
            rig_loop();
        }
    }
    __atomic_store_n(&stop, 1, __ATOMIC_RELAXED);
    g_thread_join(thread);
    disk_start(&d, UINT64_MAX);
    check_io(&d, TABLE);
    disk_close(&d);
}

/* ---- PCI only ------------------------------------------------------------ */

/* Without the bus master bit the device does not touch memory; with it again it goes on. */
static void test_bus_master(void)
{
    Disk d;
    disk_open(&d, RIG_PCI, "");
    disk_start(&d, 0);
    rig_pci_config_write(&d.r, 8, PCI_COMMAND, 2, PCI_COMMAND_MEMORY);
    put_head(&d, HEAD, FLUSH, 0);
    const RigBuf bufs[] = { { HEAD, 16, false }, { STATUS, 1, true } };
    rig_add_chain(&d.q, bufs, 2, 0);
    rig_kick(&d.q);
    for (unsigned i = 0; i < 10; i++) {
        rig_loop();
    }
    g_assert_false(rig_used(&d.q));
    rig_pci_config_write(&d.r, 8, PCI_COMMAND, 2, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
    rig_wait(&d.q, NULL);
    rig_pci_config_write(&d.r, 8, PCI_COMMAND, 2,
                         PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER | PCI_COMMAND_INTX_OFF);
    g_assert_cmpint(d.r.level, ==, 0);
    g_assert_cmpint(rig_pci_config(&d.r, 8, PCI_STATUS, 2) & PCI_STATUS_INTERRUPT, ==, PCI_STATUS_INTERRUPT);
    rig_pci_config_write(&d.r, 8, PCI_COMMAND, 2, 0); /* the BAR goes too */
    g_assert_cmphex(rig_read(&d.r, RIG_BAR, 4), ==, UINT32_MAX);
    disk_close(&d);
}

/* ---- a disk without room ------------------------------------------------- */

/* A write that the host has no room for, and a flush behind it: they wait. */
static void fill_disk(Disk *d, unsigned writes)
{
    memset(rig_ram(&d->r, DATA), 0x5a, 8192);
    fault_set(FAULT_WRITE, ENOSPC, -1);
    for (unsigned i = 0; i < writes; i++) {
        hwaddr head = HEAD + 128 * (i + 1);
        put_head(d, head, OUT, i * 16);
        const RigBuf bufs[] = { { head, 16, false }, { DATA, 8192, false }, { STATUS, 1, true } };
        rig_add_chain(&d->q, bufs, 3, 0);
    }
    rig_kick(&d->q);
    while (faults[FAULT_WRITE].calls < (int)writes || !drives_keep_requests(d->r.m->drives)) {
        rig_loop();
        g_thread_yield();
    }
    drives_pause(d->r.m->drives); /* as the run state does */
    g_assert_false(rig_used(&d->q));
    g_assert_cmpint(d->r.v->s.in_use[0], ==, writes);
}

/* Another `cont` without room, then one with: every request ends, and the data is there. */
static void test_full(gconstpointer data)
{
    enum { WRITES = 16 };
    Disk d;
    disk_open(&d, GPOINTER_TO_INT(data), "");
    disk_start(&d, 0);
    fill_disk(&d, WRITES);
    faults[FAULT_WRITE].calls = 0;
    drives_resume(d.r.m->drives);
    while (faults[FAULT_WRITE].calls < WRITES) {
        rig_loop();
    }
    drives_pause(d.r.m->drives);
    g_assert_false(rig_used(&d.q));
    fault_clear();
    drives_resume(d.r.m->drives);
    for (unsigned i = 0; i < WRITES; i++) {
        rig_wait(&d.q, NULL);
        g_assert_cmpint(*(uint8_t *)rig_ram(&d.r, STATUS), ==, 0);
    }
    g_assert_cmpint(request(&d, FLUSH, 0, 0, 0), ==, 0);
    uint8_t *back = rig_ram(&d.r, DATA);
    memset(back, 0, 8192);
    g_assert_cmpint(request(&d, IN, (WRITES - 1) * 16, 8192, 0), ==, 0);
    g_assert_cmpint(back[0], ==, 0x5a);
    g_assert_cmpint(back[8191], ==, 0x5a);
    disk_close(&d);
}

/* A reset, by the driver or of the machine, and the end give up what waits. */
static void test_full_reset(gconstpointer data)
{
    for (int how = 0; how < 3; how++) {
        Disk d;
        disk_open(&d, GPOINTER_TO_INT(data), "");
        disk_start(&d, 0);
        fill_disk(&d, 5);
        if (how == 0) {
            rig_reset_device(&d.r);
        } else if (how == 1) {
            machine_reset(d.r.m);
        }
        if (how < 2) {
            g_assert_cmpint(d.r.v->s.in_use[0], ==, 0);
            g_assert_false(drives_keep_requests(d.r.m->drives));
        }
        disk_close(&d);
        fault_clear();
    }
}

/* The device's werror= counts more than the drive's. */
static void test_full_report(gconstpointer data)
{
    Disk d;
    disk_open_with(&d, GPOINTER_TO_INT(data), ",werror=stop", ",werror=report");
    disk_start(&d, 0);
    fault_set(FAULT_WRITE, ENOSPC, -1);
    g_assert_cmpint(request(&d, OUT, 0, 512, 0), ==, 1);
    fault_clear();
    g_assert_cmpint(request(&d, OUT, 0, 512, 0), ==, 0);
    disk_close(&d);
}

/* ---- with a thread of its own -------------------------------------------- */

static void turn(void *unused)
{
}

/* The thread has come to all that was signalled: its loop has gone round. */
static void thread_has_looked(Disk *d)
{
    for (unsigned i = 0; i < 3; i++) {
        event_loop_call(virtio_loop(d->r.v), turn, NULL);
    }
}

static void put_read(Disk *d)
{
    put_head(d, HEAD, IN, 0);
    const RigBuf bufs[] = { { HEAD, 16, false }, { DATA, 4096, true }, { STATUS, 1, true } };
    rig_add_chain(&d->q, bufs, G_N_ELEMENTS(bufs), 0);
    rig_kick(&d->q);
}

/* Without a turn of the main loop: requests are taken, end, and are told of. */
static void test_thread_alone(gconstpointer data)
{
    Disk d;
    disk_open(&d, GPOINTER_TO_INT(data), "");
    disk_start(&d, 0);
    g_assert_false(event_loop_is_current(virtio_loop(d.r.v)));
    for (unsigned round = 0; round < 100; round++) {
        unsigned before = __atomic_load_n(&d.r.requests, __ATOMIC_SEQ_CST);
        gint64 until = g_get_monotonic_time() + TEST_PATIENCE_US;
        put_read(&d);
        while (__atomic_load_n(&d.r.requests, __ATOMIC_SEQ_CST) == before) {
            g_assert_cmpint(g_get_monotonic_time(), <, until);
            g_thread_yield();
        }
        g_assert_true(rig_used(&d.q));
        g_assert_cmpint(*(uint8_t *)rig_ram(&d.r, STATUS), ==, 0);
        d.q.used_idx++;
        rig_isr(&d.r);
    }
    disk_close(&d);
}

/* What is asked of a machine that stands still is done when it goes on. */
static void test_thread_stopped(gconstpointer data)
{
    Disk d;
    disk_open(&d, GPOINTER_TO_INT(data), "");
    disk_start(&d, 0);
    for (unsigned round = 0; round < 20; round++) {
        put_read(&d);
        clock_virtual_stop(d.r.m->clock);
        drives_pause(d.r.m->drives);
        bool done = rig_used(&d.q); /* or it stood still before */
        thread_has_looked(&d);
        g_assert_cmpint(rig_used(&d.q), ==, done);
        clock_virtual_start(d.r.m->clock);
        drives_resume(d.r.m->drives);
        rig_wait(&d.q, NULL);
        g_assert_cmpint(*(uint8_t *)rig_ram(&d.r, STATUS), ==, 0);
    }
    disk_close(&d);
}

static void test_thread_refused(void)
{
    static const char *const lines[][2] = {
        { "iothread=r", "not a thread" },
        { "iothread=io1", "nothing with the id 'io1'" },
        { "iothread=io0,ioeventfd=off", "ioeventfd is required" },
    };
    Disk d;
    disk_open(&d, RIG_LEGACY | ON_THREAD, "");
    g_assert_true(test_object(d.r.m, "rng-builtin,id=r", NULL));
    for (unsigned i = 0; i < G_N_ELEMENTS(lines); i++) {
        g_autoptr(GError) err = NULL;
        g_autofree char *text = g_strdup_printf("virtio-blk-device,bus=free,drive=%s,%s", d.id, lines[i][0]);
        Bus *bus = virtio_bus_new(d.r.transport, "free");
        g_assert_null(test_add_device(d.r.m, text, &err));
        g_assert_nonnull(strstr(err->message, lines[i][1]));
        bus_free(bus);
    }
    disk_close(&d);
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        void (*fn)(gconstpointer);
    } tests[] = {
        { "io", test_io },
        { "interrupts", test_interrupts },
        { "event-idx", test_event_idx },
        { "reset-in-flight", test_reset_in_flight },
        { "reset-and-pause", test_reset_and_pause },
        { "queue-stop", test_queue_stop },
        { "save-load", test_save_load },
        { "readonly", test_readonly },
        { "features", test_features },
        { "bad-rings", test_bad },
        { "random-rings", test_random },
        { "full", test_full },
        { "full-reset", test_full_reset },
        { "full-report", test_full_report },
    };
    g_test_init(&argc, &argv, NULL);
    for (unsigned i = 0; i < G_N_ELEMENTS(tests); i++) {
        for (int kind = 0; kind < RIG_KINDS; kind++) {
            g_autofree char *path = g_strdup_printf("/virtio-blk/%s/%s", rig_kind_names[kind], tests[i].name);
            g_test_add_data_func(path, GINT_TO_POINTER(kind), tests[i].fn);
        }
    }
    static const struct {
        const char *name;
        void (*fn)(gconstpointer);
    } on_thread[] = {
        { "io", test_io },
        { "reset-in-flight", test_reset_in_flight },
        { "reset-and-pause", test_reset_and_pause },
        { "queue-stop", test_queue_stop },
        { "readonly", test_readonly },
        { "random-rings", test_random },
        { "full", test_full },
        { "full-reset", test_full_reset },
        { "full-report", test_full_report },
        { "alone", test_thread_alone },
        { "stopped", test_thread_stopped },
    };
    for (unsigned i = 0; i < G_N_ELEMENTS(on_thread); i++) {
        for (int kind = 0; kind <= RIG_PCI; kind++) {
            g_autofree char *path =
                g_strdup_printf("/virtio-blk/%s/thread/%s", rig_kind_names[kind], on_thread[i].name);
            g_test_add_data_func(path, GINT_TO_POINTER(kind | ON_THREAD), on_thread[i].fn);
        }
    }
    g_test_add_func("/virtio-blk/thread/refused", test_thread_refused);
    g_test_add_func("/virtio-blk/pci/bus-master", test_bus_master);
    return g_test_run();
}
