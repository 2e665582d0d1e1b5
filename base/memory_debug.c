/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Accesses by a debugger: memory in one piece, device registers as a program would.
 *
 * Requirements:
 *   1. A range with a hole is refused before anything of it is touched: a register that
 *      changes when it is read is not read in vain.
 *   2. Registers are accessed once each, by one access where length and alignment are those
 *      of one (1, 2, 4 and 8 bytes); longer and unaligned ranges in aligned pieces of at most
 *      4 bytes, since that is what register files take (virtio-mmio only that).
 *   3. Memory that the guest cannot write is written (a breakpoint in ROM, a program that is
 *      loaded into flash while that reads as memory). */
#include "base/memory_priv.h"

#include <string.h>

/* How much of [addr, addr + len) is one range that is memory, or is device registers. */
static uint64_t piece_of(AddressSpace *as, hwaddr addr, uint64_t len, bool *memory)
{
    const FlatRange *r = address_space_lookup(as, addr);
    if (!r) {
        return 0;
    }
    *memory = flat_range_ram(r) != NULL;
    uint64_t left = region_last(r->size) - (addr - r->start); /* one less: 2^64 has no number */
    return left < len ? left + 1 : len;
}

bool memory_debug_mapped(AddressSpace *as, hwaddr addr, uint64_t len)
{
    bool memory;
    if (len && addr + (len - 1) < addr) {
        return false; /* around the end of the address space */
    }
    while (len) {
        uint64_t n = piece_of(as, addr, len, &memory);
        if (!n) {
            return false;
        }
        addr += n;
        len -= n;
    }
    return true;
}

uint64_t memory_debug_registers(AddressSpace *as, hwaddr addr, uint64_t len)
{
    bool memory;
    uint64_t registers = 0;
    for (uint64_t n; len && (n = piece_of(as, addr, len, &memory)); addr += n, len -= n) {
        registers += memory ? 0 : n;
    }
    return registers;
}

static unsigned widest_access(hwaddr addr, uint64_t len)
{
    return len == 8 && !(addr & 7) ? 8 : 4;
}

static unsigned access_size(hwaddr addr, uint64_t len, unsigned widest)
{
    unsigned size = widest;
    while (size > len || (addr & (size - 1))) {
        size /= 2;
    }
    return size;
}

static BusResult registers_read(AddressSpace *as, hwaddr addr, uint8_t *buf, uint64_t len)
{
    unsigned widest = widest_access(addr, len);
    while (len) {
        uint64_t value;
        unsigned size = access_size(addr, len, widest);
        BusResult r = memory_read(as, addr, size, &value);
        if (r != BUS_OK) {
            return r;
        }
        value = GUINT64_TO_LE(value);
        memcpy(buf, &value, size);
        addr += size;
        buf += size;
        len -= size;
    }
    return BUS_OK;
}

static BusResult registers_write(AddressSpace *as, hwaddr addr, const uint8_t *buf, uint64_t len)
{
    unsigned widest = widest_access(addr, len);
    while (len) {
        uint64_t value = 0;
        unsigned size = access_size(addr, len, widest);
        memcpy(&value, buf, size);
        BusResult r = memory_write(as, addr, size, GUINT64_FROM_LE(value));
        if (r != BUS_OK) {
            return r;
        }
        addr += size;
        buf += size;
        len -= size;
    }
    return BUS_OK;
}

BusResult memory_debug_read(AddressSpace *as, hwaddr addr, void *buf, uint64_t len)
{
    BusResult r = memory_debug_mapped(as, addr, len) ? BUS_OK : BUS_DECODE_ERROR;
    for (uint8_t *p = buf; len && r == BUS_OK;) {
        bool memory;
        uint64_t n = piece_of(as, addr, len, &memory);
        r = !n       ? BUS_DECODE_ERROR /* the map has changed meanwhile */
            : memory ? dma_read(as, addr, p, n)
                     : registers_read(as, addr, p, n);
        addr += n;
        p += n;
        len -= n;
    }
    return r;
}

BusResult memory_debug_write(AddressSpace *as, hwaddr addr, const void *buf, uint64_t len)
{
    BusResult r = memory_debug_mapped(as, addr, len) ? BUS_OK : BUS_DECODE_ERROR;
    for (const uint8_t *p = buf; len && r == BUS_OK;) {
        bool memory;
        uint64_t n = piece_of(as, addr, len, &memory);
        r = !n ? BUS_DECODE_ERROR : memory ? rom_write(as, addr, p, n) : registers_write(as, addr, p, n);
        addr += n;
        p += n;
        len -= n;
    }
    return r;
}
