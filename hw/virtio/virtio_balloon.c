/* SPDX-License-Identifier: GPL-2.0-or-later */
/* virtio memory balloon.
 * Spec: VIRTIO 1.x, section 5.5 (device-balloon.tex).
 *
 * A page that the guest gives up is punched out of the machine's memory file; it reads as zeroes
 * when the guest takes it back.  A request may name pages without end, again and again the same:
 * it is worked off in turns, and given back when its last page is done.
 *
 * Not modelled: free page hints and page poison: not offered. */
#include "hw/virtio_balloon.h"

#include <json-c/json.h>
#include <string.h>

#include "hw/board.h"
#include "hw/events.h"
#include "hw/virtio.h"
#include "base/clock.h"
#include "base/log.h"

enum { QUEUE_SIZE = 128, PFN_SHIFT = 12, PFNS_A_ROUND = 256, DISCARD_MAX = 4 << 20, STATS_MAX = 64 };
enum {
    INFLATE = 0,
    DEFLATE = 1,
    STATS = 2,
    QUEUES = 4
}; /* then reporting, at the place after those that exist */
enum { F_MUST_TELL_HOST = 0, F_STATS_VQ = 1, F_DEFLATE_ON_OOM = 2, F_REPORTING = 5 };
enum { STAT_TAGS = 16, STAT_BYTES = 10, NANOS = 1000000000 };

typedef struct BalloonConfig {
    uint32_t num_pages, actual;
} BalloonConfig;

/* A request that is being worked off. */
typedef struct Job {
    VirtioElement *e; /* NULL: none */
    uint64_t done;    /* bytes of it: of page numbers, or of pages reported */
} Job;

typedef struct VirtioBalloon {
    VirtioDevice v;
    bool deflate_on_oom, reporting;
    Job jobs[QUEUES];
    VirtioElement *stats; /* held until new statistics are wanted */
    Timer *poll;          /* gives it back */
    int64_t poll_seconds; /* between the guest's answer and the next question; 0: nobody asks by itself */
    int64_t updated;      /* seconds since 1970 of the guest's last answer; 0: there was none */
    struct VirtioBalloonState {
        uint32_t num_pages, actual; /* of 4 KiB: wanted, and what the guest says */
        uint64_t stat[STAT_TAGS];
    } s;
} VirtioBalloon;

static VirtioBalloon *virtio_balloon(VirtioDevice *v)
{
    return container_of(v, VirtioBalloon, v);
}

static AddressSpace *balloon_memory(VirtioBalloon *b)
{
    return b->v.dev.dma;
}

/* ---- pages --------------------------------------------------------------- */

static void discard_range(VirtioBalloon *b, hwaddr addr, uint64_t len)
{
    while (len) {
        uint64_t part = len;
        uint8_t *host = dma_map(balloon_memory(b), addr, &part, true);
        if (!host) {
            log_guest_error("%s: page at 0x%" G_GINT64_MODIFIER "x is not in RAM", b->v.dev.path, addr);
            return;
        }
        ram_discard(host, part);
        dma_unmap(host, 0);
        addr += part;
        len -= part;
    }
}

/* Runs of neighbours go in one piece. */
static void inflate_pages(VirtioBalloon *b, const uint32_t *pfns, unsigned count)
{
    for (unsigned i = 0; i < count;) {
        uint64_t first = GUINT32_FROM_LE(pfns[i]), n = 1;
        while (i + n < count && GUINT32_FROM_LE(pfns[i + n]) == first + n) {
            n++;
        }
        discard_range(b, first << PFN_SHIFT, n << PFN_SHIFT);
        i += n;
    }
}

/* A step goes on with a request until its end (true) or that of the turn. */
typedef bool StepFn(VirtioBalloon *b, Job *job, VirtioTurn *turn);

static bool inflate_step(VirtioBalloon *b, Job *job, VirtioTurn *turn)
{
    uint32_t pfns[PFNS_A_ROUND];
    while (virtio_turn_goes_on(turn, PFNS_A_ROUND * VIRTIO_CALL_COST)) {
        size_t n = iov_to_buf(job->e->iov, job->e->out_count, job->done, pfns, sizeof(pfns));
        if (n < sizeof(*pfns)) {
            return true;
        }
        inflate_pages(b, pfns, n / sizeof(*pfns));
        job->done += n;
    }
    return false;
}

/* The pages that come back need nothing: the guest just uses them. */
static bool deflate_step(VirtioBalloon *b, Job *job, VirtioTurn *turn)
{
    return true;
}

static bool report_step(VirtioBalloon *b, Job *job, VirtioTurn *turn)
{
    const VirtioElement *e = job->e;
    uint64_t skip = job->done;
    for (unsigned i = 0; i < e->in_count; i++) {
        uint64_t len = element_in(e)[i].iov_len;
        for (; skip < len; skip += MIN(len - skip, DISCARD_MAX)) {
            uint64_t part = MIN(len - skip, DISCARD_MAX);
            if (!virtio_turn_goes_on(turn, VIRTIO_CALL_COST + part / 64)) {
                return false;
            }
            ram_discard((uint8_t *)element_in(e)[i].iov_base + skip, part);
            job->done += part;
        }
        skip -= len;
    }
    return true;
}

static void work_off(VirtioBalloon *b, unsigned queue, StepFn *step)
{
    VirtioTurn turn = virtio_turn(&b->v, queue);
    Job *job = &b->jobs[queue];
    while (virtio_turn_goes_on(&turn, VIRTIO_CHAIN_COST)) {
        if (!job->e) {
            *job = (Job){ .e = virtqueue_pop(&b->v, queue) };
        }
        if (!job->e || !step(b, job, &turn)) {
            break;
        }
        virtqueue_push(&b->v, queue, g_steal_pointer(&job->e), 0);
    }
    virtqueue_notify(&b->v, queue);
}

/* ---- statistics ---------------------------------------------------------- */

static void read_stats(VirtioBalloon *b, const VirtioElement *e)
{
    struct __attribute__((packed)) {
        uint16_t tag;
        uint64_t value;
    } stats[STATS_MAX];
    _Static_assert(sizeof(*stats) == STAT_BYTES, "layout of 5.5.6.3");
    size_t count = iov_to_buf(e->iov, e->out_count, 0, stats, sizeof(stats)) / STAT_BYTES;
    for (size_t i = 0; i < count; i++) { /* there are not 64 tags: what comes behind repeats some */
        unsigned tag = GUINT16_FROM_LE(stats[i].tag);
        if (tag < STAT_TAGS) {
            b->s.stat[tag] = GUINT64_FROM_LE(stats[i].value);
        }
    }
}

static int64_t balloon_now(const VirtioBalloon *b, ClockKind kind)
{
    return clock_get_ns(device_clock(&b->v.dev), kind);
}

/* The next question comes when the guest has answered this one: who does not answer is not asked again. */
static void poll_later(VirtioBalloon *b)
{
    if (b->poll_seconds) {
        timer_set_deadline(b->poll, balloon_now(b, CLK_VIRTUAL) + b->poll_seconds * NANOS);
    } else {
        timer_cancel(b->poll);
    }
}

static void take_stats(VirtioBalloon *b)
{
    VirtioTurn turn = virtio_turn(&b->v, STATS);
    VirtioElement *e;
    while (virtio_turn_goes_on(&turn, VIRTIO_CHAIN_COST) && (e = virtqueue_pop(&b->v, STATS))) {
        read_stats(b, e);
        b->updated = balloon_now(b, CLK_HOST) / NANOS;
        poll_later(b);
        if (b->stats) { /* the driver gave a second one: the first goes back */
            virtqueue_push(&b->v, STATS, b->stats, 0);
        }
        b->stats = e;
    }
}

static bool balloon_quiesce(VirtioDevice *v)
{
    VirtioBalloon *b = virtio_balloon(v);
    if (b->stats) {
        virtqueue_unpop(v, STATS, b->stats);
        b->stats = NULL;
    }
    for (unsigned q = 0; q < QUEUES; q++) {
        if (b->jobs[q].e) { /* from its start when the queue goes on: that is the same once more */
            virtqueue_unpop(v, q, g_steal_pointer(&b->jobs[q].e));
        }
    }
    return true;
}

static void ask_for_stats(void *opaque)
{
    VirtioBalloon *b = opaque;
    if (b->stats) {
        virtqueue_push(&b->v, STATS, b->stats, 0);
        b->stats = NULL;
        virtqueue_notify(&b->v, STATS);
    }
}

void virtio_balloon_poll_stats(Device *dev)
{
    VirtioBalloon *b = container_of(dev, VirtioBalloon, v.dev);
    device_lock(dev);
    if (clock_virtual_runs(device_clock(dev))) {
        ask_for_stats(b);
    } else { /* its memory is not to be written before it goes on */
        timer_set_deadline(b->poll, balloon_now(b, CLK_VIRTUAL));
    }
    device_unlock(dev);
}

uint64_t virtio_balloon_stat(Device *dev, unsigned tag)
{
    device_lock(dev);
    uint64_t value = tag < STAT_TAGS ? container_of(dev, VirtioBalloon, v.dev)->s.stat[tag] : UINT64_MAX;
    device_unlock(dev);
    return value;
}

/* ---- the monitor's side -------------------------------------------------- */

Device *virtio_balloon_find(Machine *m)
{
    for (unsigned i = 0; i < m->devices->len; i++) {
        Device *dev = g_ptr_array_index(m->devices, i);
        if (dev->class == &virtio_balloon_device_class) {
            return dev;
        }
    }
    return NULL;
}

void virtio_balloon_set_target(Device *dev, uint64_t bytes)
{
    VirtioBalloon *b = container_of(dev, VirtioBalloon, v.dev);
    uint64_t ram = dev->machine->ram.size;
    device_lock(dev);
    b->s.num_pages = (ram - MIN(bytes, ram)) >> PFN_SHIFT;
    virtio_config_changed(&b->v);
    device_unlock(dev);
}

/* The memory of the machine less the balloon. */
static uint64_t bytes_of_guest(const VirtioBalloon *b)
{
    uint64_t ram = b->v.dev.machine->ram.size;
    return ram - MIN(ram, (uint64_t)b->s.actual << PFN_SHIFT);
}

uint64_t virtio_balloon_actual(Device *dev)
{
    VirtioBalloon *b = container_of(dev, VirtioBalloon, v.dev);
    device_lock(dev);
    uint64_t bytes = bytes_of_guest(b);
    device_unlock(dev);
    return bytes;
}

/* QEMU's manual, "Virtio balloon memory statistics"; the tags' order is that of 5.5.6.4. */
static const char *const stat_names[STAT_TAGS] = {
    "stat-swap-in",      "stat-swap-out",     "stat-major-faults",     "stat-minor-faults",
    "stat-free-memory",  "stat-total-memory", "stat-available-memory", "stat-disk-caches",
    "stat-htlb-pgalloc", "stat-htlb-pgfail",  "stat-oom-kills",        "stat-alloc-stalls",
    "stat-async-scans",  "stat-direct-scans", "stat-async-reclaims",   "stat-direct-reclaims",
};

static json_object *get_guest_stats(Device *dev)
{
    VirtioBalloon *b = container_of(dev, VirtioBalloon, v.dev);
    json_object *all = json_object_new_object(), *stats = json_object_new_object();
    device_lock(dev);
    for (unsigned tag = 0; tag < STAT_TAGS; tag++) {
        json_object_object_add(stats, stat_names[tag], json_object_new_uint64(b->s.stat[tag]));
    }
    json_object_object_add(all, "last-update", json_object_new_int64(b->updated));
    device_unlock(dev);
    json_object_object_add(all, "stats", stats);
    return all;
}

static json_object *get_poll_seconds(Device *dev)
{
    return json_object_new_int64(container_of(dev, VirtioBalloon, v.dev)->poll_seconds);
}

static bool set_poll_seconds(Device *dev, json_object *value, GError **err)
{
    VirtioBalloon *b = container_of(dev, VirtioBalloon, v.dev);
    int64_t seconds = json_object_get_int64(value);
    if (!json_object_is_type(value, json_type_int) || seconds < 0 || seconds > UINT32_MAX) {
        g_set_error(err, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
                    "Property 'guest-stats-polling-interval' takes seconds, from 0 (nobody asks) to %u",
                    UINT32_MAX);
        return false;
    }
    device_lock(dev);
    b->poll_seconds = seconds;
    poll_later(b);
    device_unlock(dev);
    return true;
}

static const LiveProp balloon_live[] = {
    { "guest-stats", "guest statistics", "what the guest said last of its memory", get_guest_stats },
    { "guest-stats-polling-interval", "int", "seconds after which it is asked again, 0: it is not",
      get_poll_seconds, set_poll_seconds },
    { NULL },
};

/* ---- the driver's side --------------------------------------------------- */

static void balloon_notify(VirtioDevice *v, unsigned queue)
{
    VirtioBalloon *b = virtio_balloon(v);
    bool stats = virtio_has(v, F_STATS_VQ);
    if (queue == INFLATE || queue == DEFLATE) {
        work_off(b, queue, queue == INFLATE ? inflate_step : deflate_step);
    } else if (stats && queue == STATS) {
        take_stats(b);
    } else if (virtio_has(v, F_REPORTING) && queue == STATS + (unsigned)stats) {
        work_off(b, queue, report_step);
    }
}

static uint64_t balloon_features(VirtioDevice *v)
{
    VirtioBalloon *b = virtio_balloon(v);
    return 1ull << F_STATS_VQ | (uint64_t)b->deflate_on_oom << F_DEFLATE_ON_OOM |
           (uint64_t)b->reporting << F_REPORTING;
}

/* 5.5.4: little endian, for legacy drivers too. */
static void balloon_get_config(VirtioDevice *v, uint8_t *config)
{
    VirtioBalloon *b = virtio_balloon(v);
    BalloonConfig c = { GUINT32_TO_LE(b->s.num_pages), GUINT32_TO_LE(b->s.actual) };
    memcpy(config, &c, sizeof(c));
}

static void balloon_set_config(VirtioDevice *v, unsigned offset, const uint8_t *data, unsigned size)
{
    VirtioBalloon *b = virtio_balloon(v);
    uint32_t actual = GUINT32_TO_LE(b->s.actual);
    if (offset < offsetof(BalloonConfig, actual)) {
        log_guest_error("%s: write to read-only configuration at %u", v->dev.path, offset);
        return;
    }
    memcpy((uint8_t *)&actual + (offset - offsetof(BalloonConfig, actual)), data, size);
    b->s.actual = GUINT32_FROM_LE(actual);
    events_emit(v->dev.machine ? v->dev.machine->events : NULL, &event_balloon_change,
                &(BalloonEvent){ (int64_t)bytes_of_guest(b) });
}

static const VirtioOps balloon_ops = {
    .id = 5,
    .pci_class = 0x00ff00,
    .config_size = sizeof(BalloonConfig),
    .features = balloon_features,
    .get_config = balloon_get_config,
    .set_config = balloon_set_config,
    .notify = balloon_notify,
    .quiesce = balloon_quiesce,
};

static bool balloon_realize(Device *dev, GError **err)
{
    VirtioBalloon *b = container_of(dev, VirtioBalloon, v.dev);
    if (virtio_balloon_find(dev->machine) != dev) {
        g_set_error(err, G_OPTION_ERROR, G_OPTION_ERROR_FAILED,
                    "%s: the machine has a balloon already; one is all it takes", device_user_name(dev));
        return false;
    }
    virtio_init(&b->v, &balloon_ops);
    b->poll = timer_new(device_clock(dev), CLK_VIRTUAL, dev->lock, ask_for_stats, b);
    for (unsigned q = 0; q < 3u + b->reporting; q++) {
        virtio_add_queue(&b->v, QUEUE_SIZE);
    }
    return true;
}

static void balloon_unrealize(Device *dev)
{
    VirtioBalloon *b = container_of(dev, VirtioBalloon, v.dev);
    timer_free(b->poll);
    balloon_quiesce(&b->v);
    virtio_finish(&b->v);
}

#define B VirtioBalloon
static const Field balloon_state[] = {
    STATE_U32(B, num_pages),
    STATE_U32(B, actual),
    STATE_U64(B, stat, .reset = UINT64_MAX),
    { 0 },
};

static const Prop balloon_props[] = {
    { "deflate-on-oom", PROP_BOOL, offsetof(B, deflate_on_oom),
      "the guest may take pages back when it is short of memory" },
    PROP_ONLY_OFF("free-page-hint", "machines are not moved while they run"),
    PROP_ONLY_OFF("page-poison", "the guest is not asked how it fills free pages"),
    { "free-page-reporting", PROP_BOOL, offsetof(B, reporting),
      "offer to take pages that the guest does not use" },
    { 0 },
};

const DeviceClass virtio_balloon_device_class = {
    .name = "virtio-balloon-device",
    .desc = "virtio memory balloon",
    .category = "Misc",
    .bus = "virtio-bus",
    .parent = &virtio_device_class,
    .size = sizeof(B),
    .user_creatable = true,
    .props = balloon_props,
    .live = balloon_live,
    .state = balloon_state,
    .state_offset = offsetof(B, s),
    .state_size = sizeof(struct VirtioBalloonState),
    .realize = balloon_realize,
    .unrealize = balloon_unrealize,
};
