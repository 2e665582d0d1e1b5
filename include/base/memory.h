/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The memory map: a tree of regions, flattened into a sorted immutable view.
 *
 * Regions are RAM, ROM (RAM that the guest cannot write), ROM-device (reads
 * from RAM, writes call the device; may be switched to full MMIO: flash), MMIO,
 * alias (a window on another region) and container.  Children of a container
 * overlap by priority, the higher one wins; among equals the later one.
 *
 * The tree is changed by the main loop, or by a vCPU thread inside a device's
 * function; changes are put in a row by a lock that a transaction holds.  Any
 * thread reads the flat view without a lock. */
#pragma once
#include <glib.h>
#include <stdbool.h>
#include <stdint.h>
#include <stddef.h>

#include "base/event_loop.h"
#include "base/event_notifier.h"
#include "base/lock.h"
#include "base/ram.h"
#include "base/readers.h"

typedef uint64_t hwaddr; /* a guest physical address */

typedef struct MemoryRegion MemoryRegion;
typedef struct AddressSpace AddressSpace;

typedef enum BusResult {
    BUS_OK,
    BUS_DECODE_ERROR, /* nothing answers at that address: an access fault in the guest */
    BUS_DEVICE_ERROR, /* the device refused: likewise */
} BusResult;

/* One access of a device, for a trace. */
typedef struct IoTrace {
    hwaddr offset;
    unsigned size;
    bool write;
    uint64_t value;     /* in the device's byte order */
    const char *device; /* out: path of the device that is behind the region's owner, or NULL */
    GString *reg;       /* out: the register's name, "enable[3]" */
    GString *bits;      /* out: what the value means, "thre temt" */
} IoTrace;

/* A device's side of an MMIO region.  Offsets are within the region.  size is
 * 1, 2, 4 or 8 and within [min, max] of the table: the bus splits larger
 * accesses and, for smaller ones, reads the containing min-sized word (a small
 * write is widened with zeroes).  Unaligned accesses reach the device only if
 * `unaligned`; otherwise they are BUS_DEVICE_ERROR.
 * The bus holds the lock of the region's owner (when it has one) around a call.
 * A device never waits in a call.  If a write cannot be done before something else has ended (a disk
 * request that a reset takes back) it has that begin to end and calls memory_write_again(): the bus
 * lets go of the lock and writes the same again after the next memory_retry(). */
typedef struct IoOps {
    BusResult (*read)(void *opaque, hwaddr offset, unsigned size, uint64_t *value);
    BusResult (*write)(void *opaque, hwaddr offset, unsigned size, uint64_t value);
    uint8_t min, max; /* access sizes the device implements; 0, 0 means 1 and 8 */
    bool unaligned;
    bool big_endian;
    /* Say in a trace which register this is; may be NULL. */
    void (*describe)(void *opaque, IoTrace *t);
} IoOps;

/* From within a write: it is to come again.  (What is not called by a write need not care.) */
void memory_write_again(void);
/* What a write waits for may have ended.  Any thread, any lock. */
void memory_retry(void);

/* Who answers for regions: a device, as the ground sees it (hw/device.h makes one of each). */
typedef struct MemoryOwner {
    const char *name;   /* for logs and traces: "serial-mm.0" */
    Lock *lock;         /* held around each call of its regions' `ops` */
    EventLoop *loop;    /* where what it waits for ends: see memory_write_again; or NULL */
    GPtrArray *regions; /* memory.c: of MemoryRegion, mapped or not, in order of creation; or NULL */
    bool gone;          /* under the lock: nothing is there any more, whoever still finds a region */
} MemoryOwner;

/* A write that signals a notifier instead of calling the device: of `size` bytes at `offset` of a region
 * (size 0: of any), and of this value, when `match`. */
typedef struct MemoryEvent {
    hwaddr offset;
    unsigned size;
    bool match;
    uint64_t value; /* in its low bytes, as the guest wrote it: little endian */
    EventNotifier *notifier;
} MemoryEvent;

typedef struct MemoryEvents {
    unsigned count;
    MemoryEvent rows[];
} MemoryEvents;

struct MemoryRegion {
    char *name;
    MemoryOwner *owner; /* may be NULL: `ops` are called without a lock */
    uint64_t size;      /* bytes; UINT64_MAX means 2^64 */
    const IoOps *ops;   /* MMIO and ROM-device */
    void *opaque;
    RamBlock *ram; /* RAM, ROM, ROM-device, else NULL */
    bool readonly; /* ROM: guest writes are dropped and logged */
    bool romd;     /* ROM-device in read mode: reads come from ram */
    bool enabled;
    MemoryRegion *alias;  /* alias: the region shown ... */
    hwaddr alias_offset;  /* ... from this offset on */
    MemoryRegion *parent; /* container that holds this region */
    hwaddr addr;          /* offset in the parent */
    int priority;
    GPtrArray *children;  /* container: of MemoryRegion, by descending priority */
    MemoryEvents *events; /* atomic; NULL: none.  Never changed, but replaced */
    hwaddr late_offset;   /* memory_region_allow_late_writes() */
    uint64_t late_size;   /* 0: nowhere */
};

void memory_region_init_container(MemoryRegion *mr, MemoryOwner *owner, const char *name, uint64_t size);
void memory_region_init_io(MemoryRegion *mr, MemoryOwner *owner, const IoOps *ops, void *opaque,
                           const char *name, uint64_t size);
bool memory_region_init_ram(MemoryRegion *mr, MemoryOwner *owner, const char *name, uint64_t size,
                            GError **err) G_GNUC_WARN_UNUSED_RESULT;
/* RAM that is a file of the host's, of at least `size` bytes; its descriptor is duplicated. */
typedef struct RamFile {
    int fd;
    bool shared; /* what is written is in the file; else the guest has a private copy of it */
} RamFile;
bool memory_region_init_ram_file(MemoryRegion *mr, MemoryOwner *owner, const char *name, uint64_t size,
                                 const RamFile *file /* NULL: none, as memory_region_init_ram */,
                                 GError **err) G_GNUC_WARN_UNUSED_RESULT;
bool memory_region_init_rom(MemoryRegion *mr, MemoryOwner *owner, const char *name, uint64_t size,
                            GError **err) G_GNUC_WARN_UNUSED_RESULT;
bool memory_region_init_rom_device(MemoryRegion *mr, MemoryOwner *owner, const IoOps *ops, void *opaque,
                                   const char *name, uint64_t size, GError **err) G_GNUC_WARN_UNUSED_RESULT;
void memory_region_init_alias(MemoryRegion *mr, MemoryOwner *owner, const char *name, MemoryRegion *target,
                              hwaddr offset, uint64_t size);
/* The region must not be mapped any more.  A thread may be in it still: its name and its RAM are
 * freed later, and so must be the memory that holds *mr and what `opaque` points to (give them to
 * memory_free_later() after this call), unless no other thread runs. */
void memory_region_finish(MemoryRegion *mr);
/* Visit the regions of an owner, mapped or not, in order of creation. */
void memory_region_foreach_owned(MemoryOwner *owner, void (*fn)(MemoryRegion *mr, void *opaque),
                                 void *opaque);

void memory_region_add(MemoryRegion *container, hwaddr addr, MemoryRegion *child, int priority);
void memory_region_remove(MemoryRegion *container, MemoryRegion *child);
void memory_region_set_enabled(MemoryRegion *mr, bool enabled);
void memory_region_set_address(MemoryRegion *mr, hwaddr addr);
void memory_region_set_romd(MemoryRegion *mr, bool romd);

/* Have the bus signal a notifier for a write that does without the device: a doorbell.  The writer then
 * goes on at once, under no lock, and whoever polls the notifier does the work.  Taken back with the
 * same row, before the notifier is freed.
 *
 * For accelerators whose vCPUs pay for leaving the guest (KVM: the listener makes an ioeventfd of it,
 * and the write never reaches this process).  Under the JIT a device's function is the cheaper way:
 * a call against two system calls and the wake-up of the main loop (tests/base/test-memory-events.c
 * has the figures), so no device asks for one there by itself. */
void memory_region_add_event(MemoryRegion *mr, const MemoryEvent *e);
void memory_region_del_event(MemoryRegion *mr, const MemoryEvent *e);

/* Of a region that is in no container yet: a vCPU's writes to these `size` bytes may come late, though in their order.  All of them
 * have come before a device has another access of any vCPU's, when the vCPUs stand, and after accel_catch_up(), which whoever shows what the
 * writes change calls first.  They must change nothing that vCPUs see without an access of a device, and nothing that other devices
 * see.  Accelerators whose vCPUs pay for leaving the guest make use of it. */
void memory_region_allow_late_writes(MemoryRegion *mr, hwaddr offset, uint64_t size);

/* Several changes, one new flat view. */
void memory_transaction_begin(void);
void memory_transaction_commit(void);

/* One piece of the flat view: [start, start+size) maps to mr at mr_offset. */
typedef struct FlatRange {
    hwaddr start;
    uint64_t size;
    MemoryRegion *mr;
    hwaddr mr_offset;
    bool romd; /* of mr, when the view was made */
} FlatRange;

/* The memory that reads of the range go to (at mr_offset); NULL: a device answers. */
static inline RamBlock *flat_range_ram(const FlatRange *r)
{
    return !r->mr->ops || r->romd ? r->mr->ram : NULL;
}
/* ... and writes, too. */
static inline bool flat_range_writable(const FlatRange *r)
{
    return r->mr->ram && !r->mr->ops && !r->mr->readonly;
}

/* All of [addr, addr + size) is in the range; size is not 0. */
static inline bool flat_range_holds(const FlatRange *r, hwaddr addr, uint64_t size)
{
    hwaddr in = addr - r->start;
    return in < r->size && r->size - in >= size;
}

/* An address space: a root region and its current flat view.  Where nothing is, an access to memory
 * is BUS_DECODE_ERROR, and one to ports, on a bus that nobody drives, reads ones and writes nothing. */
AddressSpace *address_space_new(MemoryRegion *root, const char *name);
AddressSpace *address_space_new_ports(MemoryRegion *root, const char *name);
void address_space_free(AddressSpace *as);

/* The range that holds addr, or NULL.  The pointer is good until the calling
 * thread's next memory_quiescent() or memory_thread_sleep(). */
const FlatRange *address_space_lookup(AddressSpace *as, hwaddr addr);
/* Call fn for each range in order (info mtree -f). */
void address_space_foreach(AddressSpace *as, void (*fn)(const FlatRange *r, void *opaque), void *opaque);

/* Whoever caches translations of guest physical addresses (the JIT's TLBs, KVM's
 * slots) hears of a new flat view: begin, region_del for each range that went, region_add for
 * each that came, commit.  A range that changed in any way (place, size, region, romd) went and
 * came; those that are as before are not told.  One that is added hears of all that there is, and
 * address spaces come and go range by range.  Of a process's machines each has its own: `as` says
 * whose views it hears of.
 *
 * Called in the thread that commits, once lookups find the new view; the ranges are good during
 * the call.  The listener must make vCPUs drop what they cached before it returns or before
 * they next pass memory_quiescent().  Each function may be NULL. */
typedef struct MemoryListener {
    void (*begin)(struct MemoryListener *l, AddressSpace *as);
    void (*region_del)(struct MemoryListener *l, AddressSpace *as, const FlatRange *r);
    void (*region_add)(struct MemoryListener *l, AddressSpace *as, const FlatRange *r);
    void (*commit)(struct MemoryListener *l, AddressSpace *as);
    /* An event of a region is at `addr` now (or no more): when it is added to one that is shown, and
     * with the range (after its region_add, before its region_del). */
    void (*event_add)(struct MemoryListener *l, AddressSpace *as, hwaddr addr, const MemoryEvent *e);
    void (*event_del)(struct MemoryListener *l, AddressSpace *as, hwaddr addr, const MemoryEvent *e);
    /* A write by something that is not a vCPU (DMA, loader, debugger) reached
     * pages that hold translated code. */
    void (*code_written)(struct MemoryListener *l, RamBlock *rb, uint64_t offset, uint64_t length);
    /* Somebody follows the writes to rb (see base/ram.h).  Soon take away the right to write any of these pages
     * without a word from all vCPUs, each at a time of its own, and call ram_dirty_noticed() then.  A vCPU that
     * gets the right anew, at whatever time, first puts the page in rb->unnoticed. */
    void (*dirty_taken)(struct MemoryListener *l, RamBlock *rb, uint64_t offset, uint64_t length);
    /* Somebody is about to take what was written of rb (see base/ram.h), or begins or stops to follow it: mark
     * (ram_mark_written) what vCPUs have written there without a word since the last time.  For accelerators whose
     * kernel keeps a log of that.  Any thread. */
    void (*dirty_sync)(struct MemoryListener *l, RamBlock *rb, uint64_t offset, uint64_t length);
    /* Something waits to be freed until all threads have passed memory_quiescent(): have those
     * pass soon that would not by themselves.  From any thread, under any lock. */
    void (*readers_wanted)(struct MemoryListener *l);
    AddressSpace *as; /* NULL: hears of all */
    void *opaque;
} MemoryListener;
void memory_listener_add(MemoryListener *l);
void memory_listener_remove(MemoryListener *l); /* it hears no more when this returns, in any thread */

/* One access by a vCPU to whatever is at addr (the slow path of loads and stores;
 * size 1, 2, 4, 8; may straddle regions).  Value in the low bits, zero extended,
 * little endian guest view. */
BusResult memory_read(AddressSpace *as, hwaddr addr, unsigned size, uint64_t *value);
BusResult memory_write(AddressSpace *as, hwaddr addr, unsigned size, uint64_t value);

/* Bulk access by devices and loaders: RAM and ROM-device only unless
 * `mmio_too` variants; a range that leaves RAM is BUS_DECODE_ERROR and nothing
 * past it is touched.  dma_write marks dirty and tells listeners about code.
 * rom_write also writes ROM (loaders, firmware). */
BusResult dma_read(AddressSpace *as, hwaddr addr, void *buf, uint64_t len);
BusResult dma_write(AddressSpace *as, hwaddr addr, const void *buf, uint64_t len);
BusResult rom_write(AddressSpace *as, hwaddr addr, const void *buf, uint64_t len);

/* Access by a debugger (gdb, the monitor) to what is at addr: RAM and ROM, which is written
 * too, and device registers: those as a program would, each once, by one access of 1, 2, 4 or
 * 8 bytes, longer ranges by aligned ones of at most 4.  A range that is not mapped throughout is
 * BUS_DECODE_ERROR and is not touched; what a device refuses ends the access there. */
bool memory_debug_mapped(AddressSpace *as, hwaddr addr, uint64_t len);
/* How many bytes of a range, up to what is not mapped, are device registers: those take a call each. */
uint64_t memory_debug_registers(AddressSpace *as, hwaddr addr, uint64_t len);
BusResult memory_debug_read(AddressSpace *as, hwaddr addr, void *buf, uint64_t len);
BusResult memory_debug_write(AddressSpace *as, hwaddr addr, const void *buf, uint64_t len);

/* Map guest RAM for direct access: *len is shortened to what is contiguous; NULL
 * when addr is not RAM (or not writable when `write`).  The memory stays, wherever the guest
 * maps it meanwhile and even if its device goes, until dma_unmap(): once for each dma_map(),
 * with the address that it gave and the number of bytes written from there on (0: only read). */
void *dma_map(AddressSpace *as, hwaddr addr, uint64_t *len, bool write);
void dma_unmap(void *host, uint64_t written);
