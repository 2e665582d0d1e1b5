/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Doorbells that are events: a driver's write signals one, and the queues are served in a loop while the vCPU goes on.  Under KVM such a
 * write does not leave the host's kernel.
 *
 * A device has one event for all of its queues, each of which says itself whether it has anything new.  What the bus signals
 * follows the queues: those that are enabled, from DRIVER_OK to the reset. */
#include "hw/virtio/virtio_bell.h"

#include "accel/accel.h"
#include "base/log.h"
#include "hw/board.h"

static bool wanted(const VirtioDevice *v)
{
    const Machine *m = v->dev.machine;
    bool pays = v->loop || (m && m->accel && m->accel->class->takes_events);
    return v->ioeventfd == ON_OFF_ON || (v->ioeventfd == ON_OFF_AUTO && pays);
}

/* In the loop.  What a stopped machine's driver has rung for waits for it to go on. */
static void rang(void *opaque, GIOCondition ready)
{
    VirtioDevice *v = opaque;
    device_lock(&v->dev);
    event_notifier_test_and_clear(v->bell.event);
    for (uint64_t left = v->bell.queues; left; left &= left - 1) {
        unsigned q = __builtin_ctzll(left);
        if (!virtio_waits(v, q)) {
            virtio_notify(v, q);
        }
    }
    device_unlock(&v->dev);
}

void virtio_bell_init(VirtioDevice *v)
{
    g_autoptr(GError) err = NULL;
    v->bell = (VirtioBell){ 0 };
    if (!wanted(v)) {
        return;
    }
    v->bell.event = event_notifier_new(&err);
    if (!v->bell.event) {
        log_report("%s: its doorbells are slower: %s", v->dev.path, err->message);
        return;
    }
    v->bell.watch = fdwatch_new(virtio_loop(v), v->bell.event->fd, rang, v);
    fdwatch_set(v->bell.watch, G_IO_IN);
}

static void free_event(void *event)
{
    event_notifier_free(event);
}

void virtio_bell_finish(VirtioDevice *v)
{
    if (v->bell.event) {
        g_assert(!v->bell.queues);
        fdwatch_free(v->bell.watch);
        memory_free_later(free_event, v->bell.event);
    }
    v->bell = (VirtioBell){ 0 };
}

/* Those that a driver may ring. */
static uint64_t used_queues(const VirtioDevice *v)
{
    uint64_t used = 0;
    for (unsigned q = 0; q < v->queue_count && (v->s.status & VIRTIO_STATUS_DRIVER_OK); q++) {
        used |= v->s.enabled[q] ? UINT64_C(1) << q : 0;
    }
    return used;
}

void virtio_bell_hang(VirtioDevice *v, bool any)
{
    uint64_t used = any ? used_queues(v) : 0;
    if (!v->bell.event || !v->transport.doorbell || used == v->bell.queues) {
        return;
    }
    memory_transaction_begin();
    for (uint64_t left = used ^ v->bell.queues; left; left &= left - 1) {
        unsigned q = __builtin_ctzll(left);
        MemoryEvent e = { .notifier = v->bell.event };
        MemoryRegion *mr = v->transport.doorbell(v->transport.opaque, q, &e);
        if (used >> q & 1) {
            memory_region_add_event(mr, &e);
        } else {
            memory_region_del_event(mr, &e);
        }
    }
    v->bell.queues = used;
    memory_transaction_commit();
}
