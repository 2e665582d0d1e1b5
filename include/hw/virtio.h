/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A virtio device, whatever carries it, and its split virtqueues.
 * Spec: Virtual I/O Device (VIRTIO) 1.x, chapters 2 (basic facilities), 2.7 (split
 * virtqueues), 4.1 (PCI), 4.2 (MMIO, with its legacy interface).
 *
 * A device sits on a bus of kind "virtio-bus" which its transport provides, and shares the
 * transport's lock: one lock guards the device, its queues and its transport.
 *
 * Rings are guest input.  A ring that breaks the rules marks the device
 * broken (DEVICE_NEEDS_RESET) and is not touched again until reset.
 *
 * Not modelled: packed virtqueues, RING_RESET, admin queues, access platforms
 * (IOMMU): all left out of the features offered. */
#pragma once
#include "hw/device.h"

#include <sys/uio.h>

#include "base/clock.h"
#include "base/event_loop.h"
#include "base/event_notifier.h"
#include "base/fdwatch.h"
#include "util/iov.h"

enum {
    VIRTIO_MAX_QUEUES = 64,
    VIRTIO_MAX_QUEUE_SIZE = 1024,
    VIRTIO_MAX_CONFIG = 256,
    VIRTIO_NO_VECTOR = 0xffff, /* 4.1.5.1.2 */
};

/* Device status (2.1) and feature bits (6) */
enum {
    VIRTIO_STATUS_ACKNOWLEDGE = 1,
    VIRTIO_STATUS_DRIVER = 2,
    VIRTIO_STATUS_DRIVER_OK = 4,
    VIRTIO_STATUS_FEATURES_OK = 8,
    VIRTIO_STATUS_NEEDS_RESET = 64,
    VIRTIO_STATUS_FAILED = 128,
};
enum {
    VIRTIO_F_NOTIFY_ON_EMPTY = 24,
    VIRTIO_F_ANY_LAYOUT = 27,
    VIRTIO_F_INDIRECT_DESC = 28,
    VIRTIO_F_EVENT_IDX = 29,
    VIRTIO_F_VERSION_1 = 32,
};
enum { VIRTIO_ISR_QUEUE = 1, VIRTIO_ISR_CONFIG = 2 };

typedef struct VirtioDevice VirtioDevice;

/* What a kind of virtio device adds.  Every call is under the device's lock. */
typedef struct VirtioOps {
    uint16_t id;                           /* device ID (5) */
    uint32_t pci_class;                    /* class code of its PCI function, 24 bits */
    unsigned config_size;                  /* bytes of configuration space, at most VIRTIO_MAX_CONFIG */
    uint64_t (*features)(VirtioDevice *v); /* offered, besides the ring's own */
    void (*get_config)(VirtioDevice *v, uint8_t *config); /* little endian */
    void (*set_config)(VirtioDevice *v, unsigned offset, const uint8_t *data, unsigned size); /* or NULL */
    /* The driver rang, or virtio_notify_later asked for another turn: do a turn's worth of work
     * (VirtioTurn).  vCPU or main thread. */
    void (*notify)(VirtioDevice *v, unsigned queue);
    void (*set_status)(VirtioDevice *v, uint8_t status); /* status changed, or NULL */
    /* True: nothing is under way that touches guest memory.  Else have it end soon, and call virtio_idle
     * when it has: nothing new is taken until then.  Asked again and again. */
    bool (*quiesce)(VirtioDevice *v);
} VirtioOps;

/* The transport's side: how the guest is told. */
typedef struct VirtioTransport {
    void (*interrupt)(void *opaque, int queue); /* queue -1: configuration changed; isr is set */
    void (*refresh)(void *opaque);              /* isr or the status changed otherwise: drive the line anew */
    /* Where the driver rings for a queue: the region, and the row of its write (but for the notifier). */
    MemoryRegion *(*doorbell)(void *opaque, unsigned queue, MemoryEvent *e);
    void *opaque;
    bool legacy; /* VERSION_1 is not offered */
} VirtioTransport;

/* Doorbells as events (virtio_bell.c). */
typedef struct VirtioBell {
    EventNotifier *event; /* NULL: they call the device */
    FdWatch *watch;
    uint64_t queues; /* whose doorbells are events now; bit = index.  Under the lock */
} VirtioBell;

struct VirtioDevice {
    Device dev;
    const VirtioOps *ops; /* set by the device's realize, before virtio_realize */
    EventLoop *loop;      /* that serves its queues, of whatever thread; NULL: the main loop.  As ops */
    VirtioTransport transport;
    unsigned queue_count;
    uint16_t queue_size_max[VIRTIO_MAX_QUEUES];
    bool event_idx, indirect; /* properties */
    int ioeventfd;            /* property, OnOffAuto */
    VirtioBell bell;
    bool dma_blocked;   /* by the transport: see virtio_block_dma */
    bool ending;        /* what is under way ends, and nothing more is taken until it has */
    bool waited_for;    /* somebody waits until nothing is under way */
    uint64_t later;     /* queues that get another turn; bit = index */
    Bh *later_bh;       /* gives it, in the loop */
    Timer *later_timer; /* instead, while the machine is stopped: goes off when it runs again */
    struct VirtioState {
        uint8_t status, isr, broken;
        uint8_t refused[2]; /* the driver took features of this half that are not offered */
        uint8_t enabled[VIRTIO_MAX_QUEUES];
        uint16_t last_avail[VIRTIO_MAX_QUEUES]; /* next entry of the driver's ring to take */
        uint16_t used_idx[VIRTIO_MAX_QUEUES];   /* next entry of the device's ring to fill */
        uint16_t signalled[VIRTIO_MAX_QUEUES];  /* used_idx at the last interrupt */
        uint16_t size[VIRTIO_MAX_QUEUES];
        uint16_t in_use[VIRTIO_MAX_QUEUES]; /* chains taken and not yet returned */
        uint64_t features;
        uint64_t desc[VIRTIO_MAX_QUEUES], driver[VIRTIO_MAX_QUEUES], device[VIRTIO_MAX_QUEUES];
        uint32_t config_generation;
        uint32_t feature_select[2], queue_select; /* of the transport: device's, driver's */
        uint32_t legacy_page_size;
        uint32_t legacy_align[VIRTIO_MAX_QUEUES], legacy_pfn[VIRTIO_MAX_QUEUES];
        uint16_t config_vector, vector[VIRTIO_MAX_QUEUES]; /* of MSI-X; VIRTIO_NO_VECTOR: none */
    } s;
};

/* The class that every virtio device's class names as its parent. */
extern const DeviceClass virtio_device_class;
extern const DeviceClass virtio_balloon_device_class, virtio_blk_device_class, virtio_net_device_class,
    virtio_rng_device_class, virtio_serial_device_class, virtconsole_class, virtserialport_class,
    virtio_gpu_device_class, virtio_keyboard_device_class, virtio_mouse_device_class,
    virtio_tablet_device_class, virtio_multitouch_device_class;
extern const DeviceClass virtio_balloon_pci_class, virtio_blk_pci_class, virtio_net_pci_class,
    virtio_rng_pci_class, virtio_serial_pci_class, virtio_gpu_pci_class, virtio_keyboard_pci_class,
    virtio_mouse_pci_class, virtio_tablet_pci_class, virtio_multitouch_pci_class;
static inline VirtioDevice *virtio_device(Device *dev)
{
    return container_of(dev, VirtioDevice, dev);
}

/* ---- for devices ---- */
void virtio_init(VirtioDevice *v, const VirtioOps *ops);   /* in realize, first */
void virtio_finish(VirtioDevice *v);                       /* in unrealize, last */
unsigned virtio_add_queue(VirtioDevice *v, uint16_t size); /* returns its index */
void virtio_config_changed(VirtioDevice *v);
void virtio_idle(VirtioDevice *v); /* the last of what was under way has ended: see VirtioOps.quiesce */
/* Have the queue's notify called again soon, in its loop, when others have had their turn.
 * Not while the machine is stopped; a reset of the queue forgets it. */
void virtio_notify_later(VirtioDevice *v, unsigned queue);
/* The machine is stopped: its memory may be on its way elsewhere, and is not to be written.  The queue's notify is then called when
 * it goes on.  Asked by whatever the host's side begins (input, frames, bytes); under the device's lock. */
bool virtio_waits(VirtioDevice *v, unsigned queue);

/* One turn of work on a queue.  A guest may ask for any amount (a ring of 1024 chains, each of
 * 1024 buffers of 4 GiB), and whoever works for it holds the device's lock and the main loop or a
 * vCPU.  So a turn is a budget, in bytes moved or what takes as long (about a
 * millisecond in all): ask before each piece, and stop, with what is half done kept, at the first
 * refusal.  The refusal has seen to the next turn.
 *
 *     VirtioTurn turn = virtio_turn(v, queue);
 *     while (virtio_turn_goes_on(&turn, VIRTIO_CHAIN_COST) && (e = virtqueue_pop(v, queue))) ... */
typedef struct VirtioTurn {
    VirtioDevice *v;
    unsigned queue;
    int64_t left;
} VirtioTurn;
enum { VIRTIO_TURN_BUDGET = 1 << 20, VIRTIO_CHAIN_COST = 4096, VIRTIO_CALL_COST = 1024 /* a system call */ };
VirtioTurn virtio_turn(VirtioDevice *v, unsigned queue);
bool virtio_turn_goes_on(VirtioTurn *t, uint64_t cost);
EventLoop *virtio_loop(const VirtioDevice *v);
static inline bool virtio_has(const VirtioDevice *v, unsigned feature)
{
    return v->s.features >> feature & 1;
}
static inline bool virtio_running(const VirtioDevice *v)
{
    return (v->s.status & VIRTIO_STATUS_DRIVER_OK) && !v->s.broken && !v->dma_blocked;
}
/* The driver did what the specification forbids: log it, stop using the rings. */
void virtio_broken(VirtioDevice *v, const char *fmt, ...) G_GNUC_PRINTF(2, 3);

/* A chain of buffers that the driver made available.  out: device-readable,
 * in: device-writable.  iov[0 .. out_count) then iov[out_count .. out_count + in_count). */
typedef struct VirtioElement {
    uint16_t head;
    unsigned out_count, in_count;
    uint64_t out_bytes, in_bytes;
    struct iovec *iov; /* host addresses of guest RAM, mapped until the chain is given back */
} VirtioElement;

/* The next chain, or NULL when there is none (or the ring is broken): then the driver's
 * doorbell is armed, so that whoever pops until NULL misses nothing.  The caller owns the
 * chain: virtqueue_push, _unpop or _discard frees it. */
VirtioElement *virtqueue_pop(VirtioDevice *v, unsigned queue);
bool virtqueue_empty(VirtioDevice *v, unsigned queue);
/* Give it back: the first `written` bytes of the `in` part were written.  Tell the guest
 * later with virtqueue_notify (once for several). */
void virtqueue_push(VirtioDevice *v, unsigned queue, VirtioElement *e, uint32_t written);
void virtqueue_unpop(VirtioDevice *v, unsigned queue, VirtioElement *e);   /* back, untouched; frees e */
void virtqueue_discard(VirtioDevice *v, unsigned queue, VirtioElement *e); /* after a reset: just free */
void virtqueue_notify(VirtioDevice *v, unsigned queue);
static inline struct iovec *element_in(const VirtioElement *e)
{
    return e->iov + e->out_count;
}

/* ---- for transports ---- */
Bus *virtio_bus_new(Device *transport, const char *name);
VirtioDevice *virtio_bus_device(Bus *bus); /* NULL: nothing plugged */
uint64_t virtio_offered_features(VirtioDevice *v);
/* The driver's choice: half 0 is bits 0 to 31, half 1 bits 32 to 63. */
void virtio_set_features(VirtioDevice *v, unsigned half, uint32_t bits);
/* Where something is under way that must end first, these four have the write that caused them come again. */
void virtio_set_status(VirtioDevice *v, uint8_t status); /* 0 resets */
void virtio_reset(VirtioDevice *v);
void virtio_queue_set_size(VirtioDevice *v, unsigned queue, uint32_t size);
void virtio_queue_enable(VirtioDevice *v, unsigned queue); /* addresses and size are set */
void virtio_queue_stop(VirtioDevice *v, unsigned queue);   /* forget it */
/* The transport may (not) reach memory: PCI's bus master bit.  What is in flight ends first; on the
 * way back every queue is rung. */
void virtio_block_dma(VirtioDevice *v, bool blocked);
void virtio_notify(VirtioDevice *v, unsigned queue); /* the driver's doorbell */
void virtio_read_config(VirtioDevice *v, unsigned offset, unsigned size, uint64_t *value);
void virtio_write_config(VirtioDevice *v, unsigned offset, unsigned size, uint64_t value);
