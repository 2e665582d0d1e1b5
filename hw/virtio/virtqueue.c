/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Split virtqueues, the device's side.
 * Spec: VIRTIO 1.x, section 2.7 (split-ring.tex) and 2.7.7, 2.7.10 (notification
 * suppression).
 *
 * Everything read from a ring is checked: indices, chain lengths (a chain
 * longer than the queue is a loop), indirect tables, addresses outside RAM.
 *
 * Not modelled: VIRTIO_F_IN_ORDER (never offered). */
#include "hw/virtio.h"

#include <string.h>

#include "hw/board.h"

enum { DESC_NEXT = 1, DESC_WRITE = 2, DESC_INDIRECT = 4, DESC_BYTES = 16 };
enum { AVAIL_NO_INTERRUPT = 1 };
enum { MAX_SEGMENTS = 1024 }; /* most iovecs of one host request (IOV_MAX) */

typedef struct Desc {
    uint64_t addr;
    uint32_t len;
    uint16_t flags, next;
} Desc;
_Static_assert(sizeof(Desc) == DESC_BYTES, "a descriptor is 16 bytes");

static bool ring_read16(VirtioDevice *v, hwaddr addr, uint16_t *value)
{
    uint16_t le;
    if (dma_read(v->dev.dma, addr, &le, sizeof(le)) != BUS_OK) {
        virtio_broken(v, "ring at 0x%" G_GINT64_MODIFIER "x is not in RAM", addr);
        return false;
    }
    *value = GUINT16_FROM_LE(le);
    return true;
}

static void ring_write16(VirtioDevice *v, hwaddr addr, uint16_t value)
{
    uint16_t le = GUINT16_TO_LE(value);
    if (dma_write(v->dev.dma, addr, &le, sizeof(le)) != BUS_OK) {
        virtio_broken(v, "ring at 0x%" G_GINT64_MODIFIER "x is not in RAM", addr);
    }
}

static bool avail_idx(VirtioDevice *v, unsigned q, uint16_t *idx)
{
    if (!ring_read16(v, v->s.driver[q] + 2, idx)) {
        return false;
    }
    if ((uint16_t)(*idx - v->s.last_avail[q]) > v->s.size[q]) {
        virtio_broken(v, "queue %u: available index moved by more than the queue's size", q);
        return false;
    }
    return true;
}

bool virtqueue_empty(VirtioDevice *v, unsigned q)
{
    uint16_t idx;
    return !virtio_running(v) || !v->s.enabled[q] || !avail_idx(v, q, &idx) || idx == v->s.last_avail[q];
}

/* ---- reading a chain ----------------------------------------------------- */

typedef struct Chain {
    VirtioDevice *v;
    unsigned queue;
    hwaddr table; /* descriptors: the queue's, or an indirect table */
    unsigned table_size;
    bool indirect;
    struct iovec *iov; /* MAX_SEGMENTS, reused by all chains of the thread */
    unsigned count, out_count;
    uint64_t out_bytes, in_bytes;
} Chain;

static bool chain_read_desc(Chain *c, unsigned index, Desc *d)
{
    if (index >= c->table_size) {
        virtio_broken(c->v, "queue %u: descriptor %u of %u", c->queue, index, c->table_size);
        return false;
    }
    if (dma_read(c->v->dev.dma, c->table + (hwaddr)index * DESC_BYTES, d, DESC_BYTES) != BUS_OK) {
        virtio_broken(c->v, "queue %u: descriptor table is not in RAM", c->queue);
        return false;
    }
    d->addr = GUINT64_FROM_LE(d->addr);
    d->len = GUINT32_FROM_LE(d->len);
    d->flags = GUINT16_FROM_LE(d->flags);
    d->next = GUINT16_FROM_LE(d->next);
    return true;
}

static bool chain_enter_indirect(Chain *c, const Desc *d)
{
    unsigned entries = d->len / DESC_BYTES;
    if (c->indirect || d->len % DESC_BYTES || !entries || entries > UINT16_MAX ||
        !virtio_has(c->v, VIRTIO_F_INDIRECT_DESC)) {
        virtio_broken(c->v, "queue %u: bad indirect descriptor (%u bytes)", c->queue, d->len);
        return false;
    }
    c->indirect = true;
    c->table = d->addr;
    c->table_size = entries;
    return true;
}

static bool chain_add(Chain *c, const Desc *d)
{
    bool write = d->flags & DESC_WRITE;
    if (!write && c->count != c->out_count) {
        virtio_broken(c->v, "queue %u: a readable buffer after a writable one", c->queue);
        return false;
    }
    for (uint64_t done = 0; done < d->len;) {
        uint64_t len = d->len - done;
        void *host = c->count < MAX_SEGMENTS ? dma_map(c->v->dev.dma, d->addr + done, &len, write) : NULL;
        if (!host || !len) {
            virtio_broken(c->v, "queue %u: buffer at 0x%" G_GINT64_MODIFIER "x (%u bytes) is not in RAM",
                          c->queue, d->addr, d->len);
            return false;
        }
        c->iov[c->count++] = (struct iovec){ host, len };
        done += len;
    }
    if (write) {
        c->in_bytes += d->len;
    } else {
        c->out_count = c->count;
        c->out_bytes += d->len;
    }
    return true;
}

/* Follow the chain from `head`; false when it breaks a rule. */
static bool chain_walk(Chain *c, unsigned head)
{
    unsigned index = head;
    for (unsigned steps = 0;; steps++) {
        Desc d;
        if (steps > MIN(c->table_size, MAX_SEGMENTS)) { /* 2.7.5.3.1: none is longer than its queue */
            virtio_broken(c->v, "queue %u: descriptor chain loops, or has more than %u parts", c->queue,
                          MAX_SEGMENTS);
            return false;
        }
        if (!chain_read_desc(c, index, &d)) {
            return false;
        }
        if (d.flags & DESC_INDIRECT) {
            if ((d.flags & DESC_NEXT) || !chain_enter_indirect(c, &d)) {
                virtio_broken(c->v, "queue %u: indirect descriptor with a successor", c->queue);
                return false;
            }
            index = 0;
            steps = 0;
            continue;
        }
        if (!chain_add(c, &d)) {
            return false;
        }
        if (!(d.flags & DESC_NEXT)) {
            return true;
        }
        index = d.next;
    }
}

/* The first `written` bytes were written. */
static void unmap(const struct iovec *iov, unsigned count, uint64_t written)
{
    for (unsigned i = 0; i < count; i++) {
        uint64_t n = MIN(written, iov[i].iov_len);
        dma_unmap(iov[i].iov_base, n);
        written -= n;
    }
}

static VirtioElement *element_new(const Chain *c, uint16_t head)
{
    unsigned in = c->count - c->out_count;
    size_t iov_bytes = c->count * sizeof(struct iovec);
    VirtioElement *e = g_malloc(sizeof(*e) + iov_bytes);
    *e = (VirtioElement){ .head = head,
                          .out_count = c->out_count,
                          .in_count = in,
                          .out_bytes = c->out_bytes,
                          .in_bytes = c->in_bytes };
    e->iov = (struct iovec *)(e + 1);
    memcpy(e->iov, c->iov, iov_bytes);
    return e;
}

/* Whether there is something to take.  If not, the driver is asked to ring (2.7.10: the
 * event index is moved only here, so that it rings once a batch), and because it may just
 * have missed that, the ring is looked at once more. */
static bool avail_or_arm(VirtioDevice *v, unsigned q)
{
    uint16_t idx;
    if (!avail_idx(v, q, &idx) || idx != v->s.last_avail[q] || !virtio_has(v, VIRTIO_F_EVENT_IDX)) {
        return !v->s.broken && idx != v->s.last_avail[q];
    }
    ring_write16(v, v->s.device[q] + 4 + 8 * (hwaddr)v->s.size[q], v->s.last_avail[q]);
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    return avail_idx(v, q, &idx) && idx != v->s.last_avail[q];
}

VirtioElement *virtqueue_pop(VirtioDevice *v, unsigned q)
{
    uint16_t head;
    if (!virtio_running(v) || v->ending || !v->s.enabled[q] || !avail_or_arm(v, q)) {
        return NULL;
    }
    __atomic_thread_fence(__ATOMIC_ACQUIRE); /* the index before the entry it covers */
    uint16_t slot = v->s.last_avail[q] & (v->s.size[q] - 1);
    if (!ring_read16(v, v->s.driver[q] + 4 + 2 * slot, &head)) {
        return NULL;
    }
    if (v->s.in_use[q] >= v->s.size[q]) {
        virtio_broken(v, "queue %u: more chains than descriptors", q);
        return NULL;
    }
    static __thread struct iovec iov[MAX_SEGMENTS];
    Chain c = { .v = v, .queue = q, .table = v->s.desc[q], .table_size = v->s.size[q], .iov = iov };
    if (!chain_walk(&c, head)) {
        unmap(iov, c.count, 0);
        return NULL;
    }
    v->s.last_avail[q]++;
    v->s.in_use[q]++;
    return element_new(&c, head);
}

/* ---- giving it back ------------------------------------------------------ */

static void element_free(VirtioElement *e, uint64_t written)
{
    unmap(e->iov, e->out_count, 0);
    unmap(element_in(e), e->in_count, written);
    g_free(e);
}

/* The chain is done with: the driver may have its descriptors back. */
static void element_end(VirtioDevice *v, unsigned q, VirtioElement *e, uint64_t written)
{
    element_free(e, written);
    if (v->s.in_use[q]) {
        v->s.in_use[q]--;
    }
}

void virtqueue_push(VirtioDevice *v, unsigned q, VirtioElement *e, uint32_t written)
{
    struct {
        uint32_t id, len;
    } used = { GUINT32_TO_LE(e->head), GUINT32_TO_LE(written) };
    element_end(v, q, e, written);
    if (virtio_running(v) && v->s.enabled[q]) {
        uint16_t slot = v->s.used_idx[q] & (v->s.size[q] - 1);
        if (dma_write(v->dev.dma, v->s.device[q] + 4 + 8 * (hwaddr)slot, &used, sizeof(used)) != BUS_OK) {
            virtio_broken(v, "queue %u: used ring is not in RAM", q);
        } else {
            v->s.used_idx[q]++;
            __atomic_thread_fence(__ATOMIC_RELEASE); /* the entry before the index */
            ring_write16(v, v->s.device[q] + 2, v->s.used_idx[q]);
        }
    }
}

void virtqueue_unpop(VirtioDevice *v, unsigned q, VirtioElement *e)
{
    if (virtio_running(v) && v->s.enabled[q]) {
        v->s.last_avail[q]--;
    }
    virtqueue_discard(v, q, e);
}

void virtqueue_discard(VirtioDevice *v, unsigned q, VirtioElement *e)
{
    element_end(v, q, e, 0);
}

/* Section 2.7.7.2: interrupt unless the driver said it need not be. */
static bool interrupt_wanted(VirtioDevice *v, unsigned q)
{
    uint16_t old = v->s.signalled[q], now = v->s.used_idx[q], word;
    v->s.signalled[q] = now;
    __atomic_thread_fence(__ATOMIC_SEQ_CST); /* used index out before reading the wish */
    if (virtio_has(v, VIRTIO_F_NOTIFY_ON_EMPTY) && virtqueue_empty(v, q)) {
        return true;
    }
    if (virtio_has(v, VIRTIO_F_EVENT_IDX)) {
        hwaddr used_event = v->s.driver[q] + 4 + 2 * (hwaddr)v->s.size[q];
        return ring_read16(v, used_event, &word) && (uint16_t)(now - word - 1) < (uint16_t)(now - old);
    }
    return ring_read16(v, v->s.driver[q], &word) && !(word & AVAIL_NO_INTERRUPT);
}

void virtqueue_notify(VirtioDevice *v, unsigned q)
{
    if (!virtio_running(v) || !v->s.enabled[q] || v->s.signalled[q] == v->s.used_idx[q]) {
        return;
    }
    if (interrupt_wanted(v, q) && v->transport.interrupt) {
        v->s.isr |= VIRTIO_ISR_QUEUE;
        v->transport.interrupt(v->transport.opaque, q);
    }
}
