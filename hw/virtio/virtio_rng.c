/* SPDX-License-Identifier: GPL-2.0-or-later */
/* virtio entropy device.
 * Spec: VIRTIO 1.x, section 5.4 (device-entropy.tex).
 *
 * Buffers are filled where the doorbell is rung.  A source that has nothing to give, or a
 * rate that is used up, leaves them in the ring for a timer.
 *
 * Not modelled: nothing. */
#include "hw/virtio.h"

#include <string.h>
#include <glib.h>

#include "base/clock.h"
#include "base/log.h"
#include "hw/object.h"

enum { QUEUE_SIZE = 8, PART_BYTES = 256, MOST_BYTES = 65536, RETRY_NS = 20 * 1000 * 1000 };

typedef struct VirtioRng {
    VirtioDevice v;
    Object *rng;        /* NULL: the host kernel's generator */
    uint64_t max_bytes; /* a period */
    uint32_t period_ms;
    Timer *timer;
    bool failed; /* the source is broken: said once */
    struct VirtioRngState {
        uint64_t quota; /* bytes left of this period */
    } s;
} VirtioRng;

static VirtioRng *virtio_rng(VirtioDevice *v)
{
    return container_of(v, VirtioRng, v);
}

/* Fill up to `want` bytes of the element's writable part; what came. */
static uint64_t rng_fill(VirtioRng *r, VirtioElement *e, uint64_t want)
{
    uint8_t part[PART_BYTES];
    uint64_t done = 0;
    while (done < want) {
        int n = object_rng_read(r->rng, part, MIN(want - done, sizeof(part)));
        if (n < 0 && !r->failed) {
            r->failed = true;
            log_report(
                "%s: the guest gets no random numbers: their source cannot be read; check -object rng-random",
                r->v.dev.path);
        }
        if (n <= 0) {
            break;
        }
        iov_from_buf(element_in(e), e->in_count, done, part, n);
        done += n;
    }
    return done;
}

static void rng_wait(VirtioRng *r, ClockKind clock_of_retry, int64_t delay_ns)
{
    timer_set_deadline(r->timer, clock_get_ns(device_clock(&r->v.dev), clock_of_retry) + delay_ns);
}

static void rng_notify(VirtioDevice *v, unsigned queue)
{
    VirtioRng *r = virtio_rng(v);
    VirtioTurn turn = virtio_turn(v, 0);
    VirtioElement *e;
    while (r->s.quota && virtio_turn_goes_on(&turn, MOST_BYTES) && (e = virtqueue_pop(v, 0))) {
        uint64_t want = MIN(MIN(e->in_bytes, MOST_BYTES), r->s.quota);
        uint64_t got = rng_fill(r, e, want);
        if (!got && want) {
            virtqueue_unpop(v, 0, e);
            if (!r->failed) {
                rng_wait(r, CLK_VIRTUAL, RETRY_NS);
            }
            break;
        }
        r->s.quota -= got;
        virtqueue_push(v, 0, e, got);
    }
    virtqueue_notify(v, 0);
    if (r->max_bytes < INT64_MAX && timer_deadline(r->timer) < 0) {
        rng_wait(r, CLK_VIRTUAL, (int64_t)r->period_ms * 1000000); /* the quota's period */
    }
}

static void rng_timer(void *opaque)
{
    VirtioRng *r = opaque;
    r->s.quota = r->max_bytes;
    virtio_notify(&r->v, 0);
}

static const VirtioOps rng_ops = {
    .id = 4,
    .pci_class = 0x00ff00,
    .notify = rng_notify,
};

static bool rng_realize(Device *dev, GError **err)
{
    VirtioRng *r = container_of(dev, VirtioRng, v.dev);
    if (r->rng && !object_is_rng(r->rng)) {
        g_set_error(err, G_FILE_ERROR, G_FILE_ERROR_INVAL,
                    "%s: object '%s' is a %s, not a source of random numbers; use "
                    "-object rng-random,id=ID,filename=/dev/urandom",
                    device_user_name(dev), object_id(r->rng), object_type(r->rng));
        return false;
    }
    virtio_init(&r->v, &rng_ops);
    virtio_add_queue(&r->v, QUEUE_SIZE);
    r->timer = timer_new(device_clock(dev), CLK_VIRTUAL, dev->lock, rng_timer, r);
    return true;
}

static void rng_unrealize(Device *dev)
{
    VirtioRng *r = container_of(dev, VirtioRng, v.dev);
    timer_free(r->timer);
    virtio_finish(&r->v);
}

static void rng_reset(Device *dev)
{
    VirtioRng *r = container_of(dev, VirtioRng, v.dev);
    r->s.quota = r->max_bytes;
    virtio_reset(&r->v);
}

static const Field rng_state[] = {
    STATE_U64(VirtioRng, quota),
    STATE_TIMER(VirtioRng, timer), /* a period or a retry under way */
    { 0 },
};

static const Prop rng_props[] = {
    { "rng", PROP_LINK, offsetof(VirtioRng, rng),
      "source of random numbers, by id of -object; the host kernel's if absent" },
    { "max-bytes", PROP_U64, offsetof(VirtioRng, max_bytes), "most bytes given in a period", .def = INT64_MAX,
      .min = 1, .max = INT64_MAX },
    { "period", PROP_U32, offsetof(VirtioRng, period_ms), "milliseconds of a period", .def = 1 << 16,
      .min = 1, .max = INT32_MAX },
    { 0 },
};

const DeviceClass virtio_rng_device_class = {
    .name = "virtio-rng-device",
    .desc = "virtio source of random numbers",
    .category = "Misc",
    .bus = "virtio-bus",
    .parent = &virtio_device_class,
    .size = sizeof(VirtioRng),
    .user_creatable = true,
    .props = rng_props,
    .state = rng_state,
    .state_offset = offsetof(VirtioRng, s),
    .state_size = sizeof(struct VirtioRngState),
    .realize = rng_realize,
    .unrealize = rng_unrealize,
    .reset = rng_reset,
};
