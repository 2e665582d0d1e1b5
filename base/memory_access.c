/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Accesses: from a vCPU's load to a device's register, and DMA.
 *
 * Requirements:
 *   1. A device sees only sizes within its table's [min, max] and, unless the
 *      table says otherwise, only aligned offsets.
 *   2. The owner's lock is held around a device's function, and nothing else.
 *   3. Nothing of a flat view is read once a device was called: its function may replace the view.
 *   4. DMA touches RAM (and ROM that is read) only. */
#include "base/memory_priv.h"

#include <inttypes.h>
#include <string.h>

#include "base/log.h"
#include "base/event_loop.h"
#include "base/trace.h"
#include "util/bytes.h"

/* ---- devices ------------------------------------------------------------- */

/* The bus's calls of one access, under the lock of the region's owner if it has one. */

static G_GNUC_NO_INLINE void io_trace(const MemoryRegion *mr, hwaddr offset, unsigned size, bool write,
                                      uint64_t value, BusResult r)
{
    memory_trace_io(mr, &(IoTrace){ .offset = offset, .size = size, .write = write, .value = value }, r);
}

/* One call of the device, at a size that it knows, in its own byte order. */
static inline BusResult io_call_read(const MemoryRegion *mr, hwaddr offset, unsigned size, uint64_t *value)
{
    const IoOps *ops = mr->ops;
    *value = 0;
    BusResult r = ops->read ? ops->read(mr->opaque, offset, size, value) : BUS_DEVICE_ERROR;
    *value &= bytes_mask(size);
    if (G_UNLIKELY(trace_on())) {
        io_trace(mr, offset, size, false, *value, r);
    }
    if (G_UNLIKELY(ops->big_endian)) {
        *value = swap_uint(*value, size);
    }
    return r;
}

static inline BusResult io_call_write(const MemoryRegion *mr, hwaddr offset, unsigned size, uint64_t value)
{
    const IoOps *ops = mr->ops;
    value &= bytes_mask(size);
    if (G_UNLIKELY(ops->big_endian)) {
        value = swap_uint(value, size);
    }
    if (G_UNLIKELY(trace_on())) { /* before what it causes */
        io_trace(mr, offset, size, true, value, BUS_OK);
    }
    BusResult r = ops->write ? ops->write(mr->opaque, offset, size, value) : BUS_DEVICE_ERROR;
    if (G_UNLIKELY(r != BUS_OK) && trace_on()) {
        io_trace(mr, offset, size, true, value, r);
    }
    return r;
}

/* The device takes it as it is. */
static inline bool io_fits(const IoOps *ops, hwaddr offset, unsigned size)
{
    return size >= ops->min && (!ops->max || size <= ops->max) && !(offset & (size - 1));
}

static unsigned io_max(const IoOps *ops)
{
    return ops->max ? ops->max : 8;
}

/* Not aligned; where the device takes that, the size may still not be one of its own. */
static bool io_refuse_unaligned(const MemoryRegion *mr, hwaddr offset, unsigned size)
{
    if (mr->ops->unaligned || !(offset & (size - 1))) {
        return false;
    }
    log_guest_error("%s: access of %u bytes at unaligned offset 0x%" PRIx64, mr->name, size, offset);
    return true;
}

static G_GNUC_NO_INLINE BusResult io_read_pieces(const MemoryRegion *mr, hwaddr offset, unsigned size,
                                                 uint64_t *value)
{
    unsigned min = mr->ops->min;
    if (io_refuse_unaligned(mr, offset, size)) {
        return BUS_DEVICE_ERROR;
    }
    if (size < min) {
        hwaddr word = offset & ~(hwaddr)(min - 1);
        unsigned shift = 8 * (unsigned)(offset - word);
        BusResult r = io_call_read(mr, word, min, value);
        *value = *value >> shift & bytes_mask(size);
        return r;
    }
    unsigned step = MIN(size, io_max(mr->ops));
    *value = 0;
    for (unsigned i = 0; i < size; i += step) {
        uint64_t part;
        BusResult r = io_call_read(mr, offset + i, step, &part);
        if (r != BUS_OK) {
            return r;
        }
        *value |= part << (8 * i);
    }
    return BUS_OK;
}

static G_GNUC_NO_INLINE BusResult io_write_pieces(const MemoryRegion *mr, hwaddr offset, unsigned size,
                                                  uint64_t value)
{
    unsigned min = mr->ops->min;
    if (io_refuse_unaligned(mr, offset, size)) {
        return BUS_DEVICE_ERROR;
    }
    if (size < min) {
        hwaddr word = offset & ~(hwaddr)(min - 1);
        unsigned shift = 8 * (unsigned)(offset - word);
        return io_call_write(mr, word, min, (value & bytes_mask(size)) << shift);
    }
    unsigned step = MIN(size, io_max(mr->ops));
    for (unsigned i = 0; i < size; i += step) {
        BusResult r = io_call_write(mr, offset + i, step, value >> (8 * i));
        if (r != BUS_OK) {
            return r;
        }
    }
    return BUS_OK;
}

static inline BusResult io_read_locked(const MemoryRegion *mr, hwaddr offset, unsigned size, uint64_t *value)
{
    return G_LIKELY(io_fits(mr->ops, offset, size)) ? io_call_read(mr, offset, size, value)
                                                    : io_read_pieces(mr, offset, size, value);
}

static inline BusResult io_write_locked(const MemoryRegion *mr, hwaddr offset, unsigned size, uint64_t value)
{
    return G_LIKELY(io_fits(mr->ops, offset, size)) ? io_call_write(mr, offset, size, value)
                                                    : io_write_pieces(mr, offset, size, value);
}

static BusResult io_read(const MemoryRegion *mr, hwaddr offset, unsigned size, uint64_t *value)
{
    MemoryOwner *owner = mr->owner;
    if (!owner) {
        return io_read_locked(mr, offset, size, value);
    }
    lock_take(owner->lock);
    BusResult r = owner->gone ? BUS_DECODE_ERROR : io_read_locked(mr, offset, size, value);
    lock_release(owner->lock);
    return r;
}

/* ---- writes that come again ------------------------------------------------ */

static __thread bool write_again;
static Lock retry_lock = LOCK_INIT(LOCK_RETRIES);
static GCond retry_cond;
static unsigned retries; /* atomic; changed under retry_lock */

void memory_write_again(void)
{
    write_again = true;
}

void memory_retry(void)
{
    lock_take(&retry_lock);
    __atomic_add_fetch(&retries, 1, __ATOMIC_RELEASE);
    g_cond_broadcast(&retry_cond);
    lock_release(&retry_lock);
}

/* Until there was a memory_retry() since `seen` was read.  No lock is held; the region stays, as this
 * thread does not say that it sleeps.  The main loop goes on ending requests. */
static void retry_wait(const MemoryRegion *mr, unsigned seen)
{
    EventLoop *loop = mr->owner ? mr->owner->loop : NULL;
    lock_take(&retry_lock);
    while (__atomic_load_n(&retries, __ATOMIC_RELAXED) == seen) {
        if (loop) {
            event_loop_wait(loop, &retry_cond, &retry_lock);
        } else {
            lock_wait(&retry_cond, &retry_lock);
        }
    }
    lock_release(&retry_lock);
}

static BusResult io_write_once(const MemoryRegion *mr, hwaddr offset, unsigned size, uint64_t value)
{
    MemoryOwner *owner = mr->owner;
    if (!owner) {
        return io_write_locked(mr, offset, size, value);
    }
    lock_take(owner->lock);
    BusResult r = owner->gone ? BUS_DECODE_ERROR : io_write_locked(mr, offset, size, value);
    lock_release(owner->lock);
    return r;
}

static BusResult io_write(const MemoryRegion *mr, hwaddr offset, unsigned size, uint64_t value)
{
    if (G_UNLIKELY(__atomic_load_n(&mr->events, __ATOMIC_ACQUIRE)) &&
        memory_event_signal(mr, offset, size, value)) {
        return BUS_OK;
    }
    for (;;) {
        unsigned seen = __atomic_load_n(&retries, __ATOMIC_ACQUIRE);
        write_again = false;
        BusResult r = io_write_once(mr, offset, size, value);
        if (G_LIKELY(!write_again)) {
            return r;
        }
        retry_wait(mr, seen);
    }
}

/* ---- one access by a vCPU ------------------------------------------------ */

static BusResult nothing_there(const AddressSpace *as, const char *what, hwaddr addr, unsigned size)
{
    log_guest_error("%s: %s of %u bytes at 0x%" PRIx64 ", where nothing is", as->name, what, size, addr);
    return as->open_bus ? BUS_OK : BUS_DECODE_ERROR;
}

static BusResult range_read(const FlatRange *r, hwaddr addr, unsigned size, uint64_t *value)
{
    hwaddr offset = r->mr_offset + (addr - r->start);
    *value = 0;
    const RamBlock *rb = flat_range_ram(r);
    if (rb) {
        *value = load_le(rb->host + offset, size);
        return BUS_OK;
    }
    return io_read(r->mr, offset, size, value);
}

static BusResult range_write(const FlatRange *r, hwaddr addr, unsigned size, uint64_t value)
{
    const MemoryRegion *mr = r->mr;
    hwaddr offset = r->mr_offset + (addr - r->start);
    if (mr->ops) {
        return io_write(mr, offset, size, value);
    }
    if (mr->readonly) {
        log_guest_error("%s: write of %u bytes at 0x%" PRIx64 ", which is read-only", mr->name, size, addr);
        return BUS_OK;
    }
    store_le(mr->ram->host + offset, size, value);
    ram_mark_written(mr->ram, offset, size);
    return BUS_OK;
}

static BusResult read_bytes(AddressSpace *as, hwaddr addr, unsigned size, uint64_t *value)
{
    *value = 0;
    for (unsigned i = 0; i < size; i++) {
        uint64_t byte;
        BusResult r = memory_read(as, addr + i, 1, &byte);
        if (r != BUS_OK) {
            return r;
        }
        *value |= byte << (8 * i);
    }
    return BUS_OK;
}

static BusResult write_bytes(AddressSpace *as, hwaddr addr, unsigned size, uint64_t value)
{
    for (unsigned i = 0; i < size; i++) {
        BusResult r = memory_write(as, addr + i, 1, value >> (8 * i) & 0xff);
        if (r != BUS_OK) {
            return r;
        }
    }
    return BUS_OK;
}

BusResult memory_read(AddressSpace *as, hwaddr addr, unsigned size, uint64_t *value)
{
    const FlatRange *r = address_space_lookup(as, addr);
    if (G_UNLIKELY(!r)) {
        *value = as->open_bus ? bytes_mask(size) : 0;
        return nothing_there(as, "read", addr, size);
    }
    return G_LIKELY(flat_range_holds(r, addr, size)) ? range_read(r, addr, size, value)
                                                     : read_bytes(as, addr, size, value);
}

BusResult memory_write(AddressSpace *as, hwaddr addr, unsigned size, uint64_t value)
{
    const FlatRange *r = address_space_lookup(as, addr);
    if (G_UNLIKELY(!r)) {
        return nothing_there(as, "write", addr, size);
    }
    return G_LIKELY(flat_range_holds(r, addr, size)) ? range_write(r, addr, size, value)
                                                     : write_bytes(as, addr, size, value);
}

/* ---- bulk ---------------------------------------------------------------- */

typedef enum BulkKind { BULK_READ, BULK_WRITE, BULK_WRITE_ROM } BulkKind;

/* Host memory at addr, and how much of it follows without a break. */
static RamBlock *bulk_find(AddressSpace *as, hwaddr addr, BulkKind kind, uint64_t *offset, uint64_t *len)
{
    const FlatRange *r = address_space_lookup(as, addr);
    if (!r) {
        return NULL;
    }
    bool ok = kind == BULK_READ    ? flat_range_ram(r) != NULL
              : kind == BULK_WRITE ? flat_range_writable(r)
                                   : r->mr->ram != NULL;
    if (!ok) {
        return NULL;
    }
    hwaddr in = addr - r->start;
    *offset = r->mr_offset + in;
    *len = MIN(*len, r->size - in);
    return r->mr->ram;
}

static BusResult bulk_copy(AddressSpace *as, hwaddr addr, void *buf, uint64_t len, BulkKind kind)
{
    uint8_t *p = buf;
    while (len) {
        uint64_t offset, n = len;
        RamBlock *rb = bulk_find(as, addr, kind, &offset, &n);
        if (!rb) {
            log_guest_error("memory: DMA of %" PRIu64 " bytes at 0x%" PRIx64 " leaves memory", len, addr);
            return BUS_DECODE_ERROR;
        }
        if (kind == BULK_READ) {
            memcpy(p, rb->host + offset, n);
        } else {
            memcpy(rb->host + offset, p, n);
            ram_mark_written(rb, offset, n);
        }
        p += n;
        len -= n;
        if (len && addr + n < addr) {
            return BUS_DECODE_ERROR; /* around the end of the address space */
        }
        addr += n;
    }
    return BUS_OK;
}

BusResult dma_read(AddressSpace *as, hwaddr addr, void *buf, uint64_t len)
{
    return bulk_copy(as, addr, buf, len, BULK_READ);
}

BusResult dma_write(AddressSpace *as, hwaddr addr, const void *buf, uint64_t len)
{
    return bulk_copy(as, addr, (void *)buf, len, BULK_WRITE);
}

BusResult rom_write(AddressSpace *as, hwaddr addr, const void *buf, uint64_t len)
{
    return bulk_copy(as, addr, (void *)buf, len, BULK_WRITE_ROM);
}

void *dma_map(AddressSpace *as, hwaddr addr, uint64_t *len, bool write)
{
    uint64_t offset;
    RamBlock *rb = bulk_find(as, addr, write ? BULK_WRITE : BULK_READ, &offset, len);
    return rb && ram_block_use(rb) ? rb->host + offset : NULL;
}

void dma_unmap(void *host, uint64_t written)
{
    RamBlock *rb = ram_block_of_host(host);
    ram_mark_written(rb, ram_offset_of(rb, host), written);
    ram_block_unuse(rb);
}
