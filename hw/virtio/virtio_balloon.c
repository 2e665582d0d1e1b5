/* SPDX-License-Identifier: GPL-2.0-or-later */
/* virtio memory balloon.
 * Spec: VIRTIO 1.x, section 5.5 (device-balloon.tex).
 *
 * A page that the guest gives up is punched out of the machine's memory file; it reads as zeroes
 * when the guest takes it back.
 *
 * Not modelled: free page hints and page poison: not offered. */
#include "hw/virtio_balloon.h"

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "hw/board.h"
#include "hw/virtio.h"
#include "system/log.h"

enum { QUEUE_SIZE = 128, PFN_SHIFT = 12, PFN_BYTES = 1 << PFN_SHIFT, PFNS_A_ROUND = 256 };
enum { INFLATE = 0, DEFLATE = 1, STATS = 2 }; /* then reporting, at the place after those that exist */
enum { F_MUST_TELL_HOST = 0, F_STATS_VQ = 1, F_DEFLATE_ON_OOM = 2, F_REPORTING = 5 };
enum { STAT_TAGS = 16, STAT_BYTES = 10 };

typedef struct BalloonConfig {
    uint32_t num_pages, actual;
} BalloonConfig;

typedef struct VirtioBalloon {
    VirtioDevice v;
    bool deflate_on_oom, reporting;
    VirtioElement *stats;  /* held until new statistics are wanted */
    struct VirtioBalloonState {
        uint32_t num_pages, actual; /* of 4 KiB: wanted, and what the guest says */
        uint64_t stat[STAT_TAGS];
    } s;
} VirtioBalloon;

static VirtioBalloon *virtio_balloon(VirtioDevice *v)
{
    return (VirtioBalloon *)v;
}

static AddressSpace *balloon_memory(VirtioBalloon *b)
{
    return b->v.dev.machine->memory;
}

/* ---- pages --------------------------------------------------------------- */

/* Give [addr, addr + len) back to the host; parts that are no whole RAM pages are left. */
static void discard_range(VirtioBalloon *b, hwaddr addr, uint64_t len)
{
    while (len) {
        uint64_t part = len;
        uint8_t *host = dma_map(balloon_memory(b), addr, &part, true);
        if (!host) {
            log_guest_error("%s: page at 0x%" G_GINT64_MODIFIER "x is not in RAM", b->v.dev.path, addr);
            return;
        }
        uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
        uint64_t skip = -(uintptr_t)host & (page - 1);
        if (part >= skip + page) {
            madvise(host + skip, (part - skip) & ~(page - 1), MADV_REMOVE);
            dma_unmap(balloon_memory(b), addr + skip, (part - skip) & ~(page - 1));
        }
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

static void take_pages(VirtioBalloon *b, unsigned queue)
{
    uint32_t pfns[PFNS_A_ROUND];
    VirtioElement *e;
    while ((e = virtqueue_pop(&b->v, queue))) {
        size_t at = 0, n;
        while (queue == INFLATE && (n = iov_to_buf(e->iov, e->out_count, at, pfns, sizeof(pfns))) >= sizeof(*pfns)) {
            inflate_pages(b, pfns, n / sizeof(*pfns));
            at += n;
        }
        virtqueue_push(&b->v, queue, e, 0);
    }
    virtqueue_notify(&b->v, queue);
}

static void take_reported(VirtioBalloon *b, unsigned queue)
{
    VirtioElement *e;
    while ((e = virtqueue_pop(&b->v, queue))) {
        for (unsigned i = 0; i < e->in_count; i++) {
            discard_range(b, e->in_addr[i], element_in(e)[i].iov_len);
        }
        virtqueue_push(&b->v, queue, e, 0);
    }
    virtqueue_notify(&b->v, queue);
}

/* ---- statistics ---------------------------------------------------------- */

static void take_stats(VirtioBalloon *b)
{
    VirtioElement *e;
    while ((e = virtqueue_pop(&b->v, STATS))) {
        struct __attribute__((packed)) { uint16_t tag; uint64_t value; } stat;
        _Static_assert(sizeof(stat) == STAT_BYTES, "layout of 5.5.6.3");
        for (size_t at = 0; iov_to_buf(e->iov, e->out_count, at, &stat, STAT_BYTES) == STAT_BYTES; at += STAT_BYTES) {
            unsigned tag = GUINT16_FROM_LE(stat.tag);
            if (tag < STAT_TAGS) {
                b->s.stat[tag] = GUINT64_FROM_LE(stat.value);
            }
        }
        if (b->stats) { /* the driver gave a second one: the first goes back */
            virtqueue_push(&b->v, STATS, b->stats, 0);
        }
        b->stats = e;
    }
}

static void balloon_quiesce(VirtioDevice *v)
{
    VirtioBalloon *b = virtio_balloon(v);
    if (b->stats) {
        virtqueue_unpop(v, STATS, b->stats);
        b->stats = NULL;
    }
}

void virtio_balloon_poll_stats(Device *dev)
{
    VirtioBalloon *b = (VirtioBalloon *)dev;
    device_lock(dev);
    if (b->stats) {
        virtqueue_push(&b->v, STATS, b->stats, 0);
        b->stats = NULL;
        virtqueue_notify(&b->v, STATS);
    }
    device_unlock(dev);
}

uint64_t virtio_balloon_stat(Device *dev, unsigned tag)
{
    device_lock(dev);
    uint64_t value = tag < STAT_TAGS ? ((VirtioBalloon *)dev)->s.stat[tag] : UINT64_MAX;
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
    VirtioBalloon *b = (VirtioBalloon *)dev;
    uint64_t ram = dev->machine->ram.size;
    device_lock(dev);
    b->s.num_pages = (uint32_t)((ram - MIN(bytes, ram)) >> PFN_SHIFT);
    virtio_config_changed(&b->v);
    device_unlock(dev);
}

uint64_t virtio_balloon_actual(Device *dev)
{
    VirtioBalloon *b = (VirtioBalloon *)dev;
    uint64_t ram = dev->machine->ram.size;
    device_lock(dev);
    uint64_t balloon = (uint64_t)b->s.actual << PFN_SHIFT;
    device_unlock(dev);
    return ram - MIN(ram, balloon);
}

/* ---- the driver's side --------------------------------------------------- */

static void balloon_notify(VirtioDevice *v, unsigned queue)
{
    VirtioBalloon *b = virtio_balloon(v);
    bool stats = virtio_has(v, F_STATS_VQ);
    if (queue == INFLATE || queue == DEFLATE) {
        take_pages(b, queue);
    } else if (stats && queue == STATS) {
        take_stats(b);
    } else if (virtio_has(v, F_REPORTING) && queue == STATS + (unsigned)stats) {
        take_reported(b, queue);
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
    VirtioBalloon *b = (VirtioBalloon *)dev;
    if (virtio_balloon_find(dev->machine) != dev) {
        g_set_error(err, G_OPTION_ERROR, G_OPTION_ERROR_FAILED,
                    "%s: the machine has a balloon already; one is all it takes", device_user_name(dev));
        return false;
    }
    virtio_init(&b->v, &balloon_ops);
    for (unsigned q = 0; q < 3u + b->reporting; q++) {
        virtio_add_queue(&b->v, QUEUE_SIZE);
    }
    return true;
}

static void balloon_unrealize(Device *dev)
{
    VirtioBalloon *b = (VirtioBalloon *)dev;
    balloon_quiesce(&b->v);
    virtio_finish(&b->v);
}

#define B VirtioBalloon
static const Field balloon_state[] = {
    STATE_U32(B, num_pages), STATE_U32(B, actual), STATE_U64(B, stat, .reset = UINT64_MAX), { 0 },
};

static const Prop balloon_props[] = {
    { "deflate-on-oom", PROP_BOOL, offsetof(B, deflate_on_oom), "the guest may take pages back when it is short of memory" },
    { "free-page-reporting", PROP_BOOL, offsetof(B, reporting), "offer to take pages that the guest does not use" },
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
    .state = balloon_state,
    .state_offset = offsetof(B, s),
    .state_size = sizeof(struct VirtioBalloonState),
    .realize = balloon_realize,
    .unrealize = balloon_unrealize,
};
