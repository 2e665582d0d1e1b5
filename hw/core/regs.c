/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Register files by table: which register an access means, its masks, the
 * guest-error log.
 *
 * An access may be smaller than a register (a part of it; the rest keeps its
 * value) or larger (several registers in a row). */
#include "hw/core/device_priv.h"

#include <inttypes.h>

#include "base/log.h"
#include "util/bytes.h"

static const Reg *reg_find(const Reg *regs, hwaddr off, unsigned *index, unsigned *inside)
{
    for (const Reg *r = regs; r && r->name; r++) {
        uint32_t count = r->count ? r->count : 1, stride = r->stride ? r->stride : r->size;
        if (off < r->offset || off >= r->offset + (uint64_t)stride * count) {
            continue;
        }
        uint64_t delta = off - r->offset;
        if (delta % stride < r->size) {
            *index = (unsigned)(delta / stride);
            *inside = (unsigned)(delta % stride);
            return r;
        }
    }
    return NULL;
}

static void *reg_state(Device *dev, const Reg *r, unsigned index)
{
    return (char *)dev + r->state + (size_t)index * r->size;
}

static uint64_t reg_read_one(Device *dev, const Reg *r, unsigned index)
{
    uint64_t v = 0;
    if (r->read) {
        v = r->read(dev, index);
    } else if (r->has_state) {
        v = load_host(reg_state(dev, r, index), r->size);
    } else {
        log_guest_error("%s: read of '%s', which can only be written", dev->path, r->name);
    }
    return v;
}

/* v: the bytes that were written, in place; mask: which they are. */
static void reg_write_one(Device *dev, const Reg *r, unsigned index, uint64_t v, uint64_t mask)
{
    if (!r->write && !r->rw && !r->w1c && !r->ignored) {
        log_guest_error("%s: write of 0x%" PRIx64 " to '%s', which is read-only", dev->path, v, r->name);
        return;
    }
    if (r->has_state) {
        uint64_t old = load_host(reg_state(dev, r, index), r->size);
        uint64_t stray = v & ~(r->rw | r->w1c | r->ignored) & ~old & bytes_mask(r->size);
        if (stray) {
            log_guest_error("%s: write to '%s' sets reserved bits 0x%" PRIx64, dev->path, r->name, stray);
        }
        uint64_t rw = r->rw & mask;
        uint64_t now = ((old & ~rw) | (v & rw)) & ~(v & r->w1c & mask);
        store_host(reg_state(dev, r, index), r->size, now);
    }
    if (r->write) {
        r->write(dev, index, v);
    }
}

BusResult device_reg_read(Device *dev, const Reg *regs, hwaddr off, unsigned size, uint64_t *v)
{
    *v = 0;
    for (unsigned done = 0; done < size;) {
        unsigned index, inside, n = 1;
        const Reg *r = reg_find(regs, off + done, &index, &inside);
        if (r) {
            n = MIN(size - done, r->size - inside);
            uint64_t part = reg_read_one(dev, r, index) >> (8 * inside) & bytes_mask(n);
            *v |= part << (8 * done);
        } else {
            log_guest_error("%s: read at 0x%" PRIx64 ", where no register is", dev->path, off + done);
        }
        done += n;
    }
    device_refresh(dev);
    return BUS_OK;
}

BusResult device_reg_write(Device *dev, const Reg *regs, hwaddr off, unsigned size, uint64_t v)
{
    for (unsigned done = 0; done < size;) {
        unsigned index, inside, n = 1;
        const Reg *r = reg_find(regs, off + done, &index, &inside);
        if (r) {
            n = MIN(size - done, r->size - inside);
            uint64_t mask = bytes_mask(n) << (8 * inside);
            reg_write_one(dev, r, index, (v >> (8 * done) & bytes_mask(n)) << (8 * inside), mask);
        } else {
            log_guest_error("%s: write at 0x%" PRIx64 ", where no register is", dev->path, off + done);
        }
        done += n;
    }
    device_refresh(dev);
    return BUS_OK;
}

static const Reg *class_regs(const DeviceClass *c)
{
    while (c && !c->regs) {
        c = c->parent;
    }
    return c ? c->regs : NULL;
}

static BusResult ops_read(void *opaque, hwaddr off, unsigned size, uint64_t *v)
{
    Device *dev = opaque;
    return device_reg_read(dev, class_regs(dev->class), off, size, v);
}

static BusResult ops_write(void *opaque, hwaddr off, unsigned size, uint64_t v)
{
    Device *dev = opaque;
    return device_reg_write(dev, class_regs(dev->class), off, size, v);
}

const IoOps device_reg_ops = { .read = ops_read, .write = ops_write, .min = 1, .max = 8 };
