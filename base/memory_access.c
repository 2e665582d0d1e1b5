/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Accesses: from a vCPU's load to a device's register, and DMA.
 *
 * Requirements:
 *   1. A device sees only sizes within its table's [min, max] and, unless the
 *      table says otherwise, only aligned offsets.
 *   2. The owner's lock is held around a device's function, and nothing else.
 *   3. A range of the flat view is copied before a device is called: its
 *      function may replace the view.
 *   4. DMA touches RAM (and ROM that is read) only. */
#include "base/memory_priv.h"

#include <inttypes.h>
#include <string.h>

#include "base/log.h"
#include "base/event_loop.h"
#include "base/trace.h"
#include "util/bytes.h"

/* ---- devices ------------------------------------------------------------- */

typedef struct IoAccess {
    MemoryRegion *mr;
    hwaddr offset;
    unsigned size;
    unsigned min, max;
} IoAccess;

static bool io_prepare(IoAccess *io, MemoryRegion *mr, hwaddr offset, unsigned size)
{
    const IoOps *ops = mr->ops;
    *io = (IoAccess){ .mr = mr,
                      .offset = offset,
                      .size = size,
                      .min = ops->min ? ops->min : 1,
                      .max = ops->max ? ops->max : 8 };
    if ((offset & (size - 1)) && !ops->unaligned) {
        log_guest_error("%s: access of %u bytes at unaligned offset 0x%" PRIx64, mr->name, size, offset);
        return false;
    }
    return true;
}

static G_GNUC_NO_INLINE void io_trace(const IoAccess *io, hwaddr offset, unsigned size, bool write,
                                      uint64_t value, BusResult r)
{
    memory_trace_io(io->mr, &(IoTrace){ .offset = offset, .size = size, .write = write, .value = value }, r);
}

/* One call of the device, at a size that it knows, in its own byte order. */
static BusResult io_call_read(const IoAccess *io, hwaddr offset, unsigned size, uint64_t *value)
{
    const IoOps *ops = io->mr->ops;
    *value = 0;
    BusResult r = ops->read ? ops->read(io->mr->opaque, offset, size, value) : BUS_DEVICE_ERROR;
    *value &= bytes_mask(size);
    if (trace_on()) {
        io_trace(io, offset, size, false, *value, r);
    }
    if (ops->big_endian) {
        *value = swap_uint(*value, size);
    }
    return r;
}

static BusResult io_call_write(const IoAccess *io, hwaddr offset, unsigned size, uint64_t value)
{
    const IoOps *ops = io->mr->ops;
    value &= bytes_mask(size);
    if (ops->big_endian) {
        value = swap_uint(value, size);
    }
    if (trace_on()) { /* before what it causes */
        io_trace(io, offset, size, true, value, BUS_OK);
    }
    BusResult r = ops->write ? ops->write(io->mr->opaque, offset, size, value) : BUS_DEVICE_ERROR;
    if (r != BUS_OK && trace_on()) {
        io_trace(io, offset, size, true, value, r);
    }
    return r;
}

static bool fits(const IoAccess *io)
{
    return io->size >= io->min && io->size <= io->max;
}

static BusResult io_read_locked(const IoAccess *io, uint64_t *value)
{
    if (fits(io)) {
        return io_call_read(io, io->offset, io->size, value);
    }
    if (io->size < io->min) {
        hwaddr word = io->offset & ~(hwaddr)(io->min - 1);
        unsigned shift = 8 * (unsigned)(io->offset - word);
        BusResult r = io_call_read(io, word, io->min, value);
        *value = *value >> shift & bytes_mask(io->size);
        return r;
    }
    unsigned step = MIN(io->size, io->max);
    *value = 0;
    for (unsigned i = 0; i < io->size; i += step) {
        uint64_t part;
        BusResult r = io_call_read(io, io->offset + i, step, &part);
        if (r != BUS_OK) {
            return r;
        }
        *value |= part << (8 * i);
    }
    return BUS_OK;
}

static BusResult io_write_locked(const IoAccess *io, uint64_t value)
{
    if (fits(io)) {
        return io_call_write(io, io->offset, io->size, value);
    }
    if (io->size < io->min) {
        hwaddr word = io->offset & ~(hwaddr)(io->min - 1);
        unsigned shift = 8 * (unsigned)(io->offset - word);
        return io_call_write(io, word, io->min, (value & bytes_mask(io->size)) << shift);
    }
    unsigned step = MIN(io->size, io->max);
    for (unsigned i = 0; i < io->size; i += step) {
        BusResult r = io_call_write(io, io->offset + i, step, value >> (8 * i));
        if (r != BUS_OK) {
            return r;
        }
    }
    return BUS_OK;
}

static BusResult io_read(MemoryRegion *mr, hwaddr offset, unsigned size, uint64_t *value)
{
    IoAccess io;
    if (!io_prepare(&io, mr, offset, size)) {
        return BUS_DEVICE_ERROR;
    }
    MemoryOwner *owner = mr->owner;
    if (!owner) {
        return io_read_locked(&io, value);
    }
    lock_take(owner->lock);
    BusResult r = owner->gone ? BUS_DECODE_ERROR : io_read_locked(&io, value);
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
static void retry_wait(unsigned seen)
{
    EventLoop *loop = event_loop_of_thread();
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

static BusResult io_write_once(const IoAccess *io, uint64_t value)
{
    MemoryOwner *owner = io->mr->owner;
    if (!owner) {
        return io_write_locked(io, value);
    }
    lock_take(owner->lock);
    BusResult r = owner->gone ? BUS_DECODE_ERROR : io_write_locked(io, value);
    lock_release(owner->lock);
    return r;
}

static BusResult io_write(MemoryRegion *mr, hwaddr offset, unsigned size, uint64_t value)
{
    IoAccess io;
    if (G_UNLIKELY(__atomic_load_n(&mr->events, __ATOMIC_ACQUIRE)) &&
        memory_event_signal(mr, offset, size, value)) {
        return BUS_OK;
    }
    if (!io_prepare(&io, mr, offset, size)) {
        return BUS_DEVICE_ERROR;
    }
    for (;;) {
        unsigned seen = __atomic_load_n(&retries, __ATOMIC_ACQUIRE);
        write_again = false;
        BusResult r = io_write_once(&io, value);
        if (!write_again) {
            return r;
        }
        retry_wait(seen);
    }
}

/* ---- one access by a vCPU ------------------------------------------------ */

static BusResult nothing_there(const AddressSpace *as, const char *what, hwaddr addr, unsigned size)
{
    log_guest_error("%s: %s of %u bytes at 0x%" PRIx64 ", where nothing is", as->name, what, size, addr);
    return as->open_bus ? BUS_OK : BUS_DECODE_ERROR;
}

BusResult memory_read(AddressSpace *as, hwaddr addr, unsigned size, uint64_t *value)
{
    *value = 0;
    const FlatRange *found = address_space_lookup(as, addr);
    if (!found) {
        *value = as->open_bus ? bytes_mask(size) : 0;
        return nothing_there(as, "read", addr, size);
    }
    FlatRange r = *found;
    hwaddr in = addr - r.start;
    if (r.size - in < size) { /* straddles regions: byte by byte */
        for (unsigned i = 0; i < size; i++) {
            uint64_t byte;
            BusResult result = memory_read(as, addr + i, 1, &byte);
            if (result != BUS_OK) {
                return result;
            }
            *value |= byte << (8 * i);
        }
        return BUS_OK;
    }
    if (flat_range_ram(&r)) {
        *value = load_le(r.mr->ram->host + r.mr_offset + in, size);
        return BUS_OK;
    }
    return io_read(r.mr, r.mr_offset + in, size, value);
}

BusResult memory_write(AddressSpace *as, hwaddr addr, unsigned size, uint64_t value)
{
    const FlatRange *found = address_space_lookup(as, addr);
    if (!found) {
        return nothing_there(as, "write", addr, size);
    }
    FlatRange r = *found;
    hwaddr in = addr - r.start;
    if (r.size - in < size) {
        for (unsigned i = 0; i < size; i++) {
            BusResult result = memory_write(as, addr + i, 1, value >> (8 * i) & 0xff);
            if (result != BUS_OK) {
                return result;
            }
        }
        return BUS_OK;
    }
    if (flat_range_writable(&r)) {
        store_le(r.mr->ram->host + r.mr_offset + in, size, value);
        ram_mark_written(r.mr->ram, r.mr_offset + in, size);
        return BUS_OK;
    }
    if (r.mr->ops) {
        return io_write(r.mr, r.mr_offset + in, size, value);
    }
    log_guest_error("%s: write of %u bytes at 0x%" PRIx64 ", which is read-only", r.mr->name, size, addr);
    return BUS_OK;
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
