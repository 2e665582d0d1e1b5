/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Register files by table: see hw/regs.h.
 *
 * A register is found in two steps: the place picks the row to begin with (RegFile.start), and few
 * rows follow until one fits. */
#include "hw/regs.h"

#include <inttypes.h>
#include <string.h>

#include "base/log.h"
#include "hw/device.h"
#include "util/bytes.h"

/* ---- which register is meant --------------------------------------------- */

typedef struct Found {
    const Reg *reg;
    unsigned index;  /* in the array */
    unsigned inside; /* offset of the access in the register */
} Found;

static uint32_t reg_count(const Reg *r)
{
    return r->count ? r->count : 1;
}

static uint32_t reg_stride(const Reg *r)
{
    return r->stride ? r->stride : r->size;
}

static uint64_t reg_end(const Reg *r)
{
    return r->offset + (uint64_t)reg_stride(r) * (reg_count(r) - 1) + r->size;
}

static bool reg_holds(const Reg *r, uint32_t delta, Found *found)
{
    uint32_t index = 0;
    if (r->count) {
        uint32_t stride = reg_stride(r);
        index = delta / stride;
        delta -= index * stride;
        if (index >= r->count) {
            return false;
        }
    }
    *found = (Found){ r, index, delta };
    return delta < r->size;
}

/* avoid: REG_WO of a read, REG_RO of a write.  False: there is none, or it is for the other
 * direction only (found->reg says which). */
static bool reg_find(const RegFile *f, hwaddr off, RegUse avoid, Found *found)
{
    const RegTable *t = f->table;
    Found other = { 0 };
    for (const Reg *r = t->rows + f->start[off >> f->start_shift]; r->name && r->offset <= off; r++) {
        if (!reg_holds(r, (uint32_t)off - r->offset, found) ||
            (r->banks && !(r->banks >> t->bank(f->dev) & 1))) {
            continue;
        }
        if (r->use != avoid) {
            return true;
        }
        other = *found;
    }
    *found = other;
    return false;
}

/* ---- one register -------------------------------------------------------- */

/* Bytes of an access of `size` at the register that the register has. */
static unsigned bytes_here(const RegFile *f, const Found *at, unsigned size)
{
    unsigned left = at->reg->size - at->inside;
    return f->table->rule == REG_ONE ? left : MIN(size, left);
}

static bool right_size(const Reg *r, const Found *at, unsigned size)
{
    unsigned whole = r->part ? r->part : r->size;
    return r->bytes || (size == whole && at->inside % whole == 0);
}

static bool prepare(const RegFile *f, const Found *at, unsigned size, RegAccess *a)
{
    const Reg *r = at->reg;
    int element = r->element ? r->element(f->dev, at->index) : (int)at->index;
    *a = (RegAccess){ .reg = r,
                      .index = (unsigned)element,
                      .offset = at->inside,
                      .size = size,
                      .mask = bytes_mask(size) << (r->bytes ? 0 : 8 * at->inside) };
    if (element >= 0 && r->width) {
        a->field = (char *)f->dev + r->state + (size_t)element * r->width;
    }
    return element >= 0;
}

/* Of one of an array. */
static char *reg_name(const Reg *r, unsigned index)
{
    return r->columns ? g_strdup_printf("%s[%u][%u]", r->name, index / r->columns, index % r->columns)
                      : g_strdup_printf("%s[%u]", r->name, index);
}

/* index: what `element` said. */
static void log_absent(const RegFile *f, const Found *at, const char *verb, unsigned index)
{
    if ((int)index == REG_NONE) {
        g_autofree char *name = reg_name(at->reg, at->index);
        log_guest_error("%s: %s of '%s', which does not exist", f->dev->path, verb, name);
    } else {
        log_guest_error("%s: %s of '%s', of which none is selected", f->dev->path, verb, at->reg->name);
    }
}

static uint64_t reg_read(const RegFile *f, const Found *at, unsigned size)
{
    const Reg *r = at->reg;
    RegAccess a;
    if (!prepare(f, at, size, &a)) {
        if ((int)a.index == REG_NONE) {
            log_absent(f, at, "read", a.index);
        }
        return 0;
    }
    uint64_t v = r->read ? r->read(f->dev, &a) : a.field ? load_host(a.field, r->width) : r->constant;
    return (r->bytes ? v : v >> (8 * at->inside)) & bytes_mask(size);
}

static void write_masked(const RegFile *f, const RegAccess *a, uint64_t value)
{
    const Reg *r = a->reg;
    uint64_t stray = value & ~(r->rw | r->w1c | r->ignored | a->old);
    if (stray) {
        log_guest_error("%s: write to '%s' sets reserved bits 0x%" PRIx64, f->dev->path, r->name, stray);
    }
    if (a->field) {
        uint64_t rw = r->rw & a->mask;
        store_host(a->field, r->width, ((a->old & ~rw) | (value & rw)) & ~(value & r->w1c));
    }
}

static void reg_write(const RegFile *f, const Found *at, unsigned size, uint64_t value)
{
    const Reg *r = at->reg;
    RegAccess a;
    if (!prepare(f, at, size, &a)) {
        log_absent(f, at, "write", a.index);
        return;
    }
    value = (value & bytes_mask(size)) << (r->bytes ? 0 : 8 * at->inside);
    a.old = a.field ? load_host(a.field, r->width) : 0;
    if (r->rw | r->w1c | r->ignored) {
        write_masked(f, &a, value);
    }
    if (r->write) {
        r->write(f->dev, &a, value);
    }
}

void reg_store(const RegAccess *a, uint64_t value)
{
    store_host(a->field, a->reg->width, (a->old & ~a->mask) | (value & a->mask));
}

/* ---- one access ---------------------------------------------------------- */

/* The register at off takes no such access; how many bytes of it are dealt with so. */
static unsigned log_refused(const RegFile *f, const Found *at, hwaddr off, const char *verb, unsigned size)
{
    if (f->table->quiet) {
        return 8;
    }
    if (!at->reg) {
        log_guest_error("%s: %s at 0x%" PRIx64 ", where no register is", f->dev->path, verb, off);
        return 8; /* the rest goes with it */
    }
    log_guest_error("%s: %s of '%s', which %s", f->dev->path, verb, at->reg->name,
                    at->reg->use == REG_RO ? "is read-only" : "can only be written");
    return bytes_here(f, at, size);
}

static void log_size(const RegFile *f, const Found *at, const char *verb, unsigned size)
{
    log_guest_error("%s: %u-byte %s of '%s', which takes %u bytes", f->dev->path, size, verb, at->reg->name,
                    at->reg->part ? at->reg->part : at->reg->size);
}

BusResult reg_file_read(RegFile *f, hwaddr off, unsigned size, uint64_t *value)
{
    const RegTable *t = f->table;
    off >>= f->shift;
    *value = 0;
    for (unsigned done = 0, n; done < size; done += n) {
        Found at;
        if (!reg_find(f, off + done, REG_WO, &at)) {
            n = log_refused(f, &at, off + done, "read", size - done);
        } else if (t->rule == REG_WHOLE && !right_size(at.reg, &at, size)) {
            log_size(f, &at, "read", size);
            break;
        } else {
            n = bytes_here(f, &at, size - done);
            *value |= reg_read(f, &at, n) << (8 * done);
        }
        if (t->rule == REG_ONE) {
            break;
        }
    }
    if (t->after) {
        t->after(f->dev);
    }
    return BUS_OK;
}

BusResult reg_file_write(RegFile *f, hwaddr off, unsigned size, uint64_t value)
{
    const RegTable *t = f->table;
    off >>= f->shift;
    for (unsigned done = 0, n; done < size; done += n) {
        Found at;
        if (!reg_find(f, off + done, REG_RO, &at)) {
            n = log_refused(f, &at, off + done, "write", size - done);
        } else if ((t->rule == REG_WHOLE || t->rule == REG_WHOLE_WRITES) && !right_size(at.reg, &at, size)) {
            log_size(f, &at, "write", size);
            break;
        } else {
            n = bytes_here(f, &at, size - done);
            reg_write(f, &at, n, value >> (8 * done));
        }
        if (t->rule == REG_ONE) {
            break;
        }
    }
    if (t->after) {
        t->after(f->dev);
    }
    return BUS_OK;
}

/* ---- names, for traces --------------------------------------------------- */

static void describe_bits(const Reg *r, uint64_t value, GString *out)
{
    for (const RegBits *b = r->bits; b && b->name; b++) {
        uint64_t v = (value & b->mask) >> __builtin_ctzll(b->mask);
        bool flag = (b->mask & (b->mask - 1)) == 0;
        if (flag && !v) {
            continue;
        }
        g_string_append_printf(out, "%s%s", out->len ? "|" : "", b->name);
        if (!flag) {
            g_string_append_printf(out, "=%" PRIu64, v);
        }
    }
}

static char *describe_name(const RegFile *f, const Found *at)
{
    const Reg *r = at->reg;
    int element = r->element ? r->element(f->dev, at->index) : 0;
    if (r->count) {
        return reg_name(r, at->index);
    }
    return element < 0  ? g_strconcat(r->name, "[none]", NULL)
           : r->element ? reg_name(r, (unsigned)element)
                        : g_strdup(r->name);
}

static void describe_one(const RegFile *f, const Found *at, const IoTrace *t, unsigned done)
{
    unsigned n = bytes_here(f, at, t->size - done);
    g_autofree char *name = describe_name(f, at);
    g_string_append_printf(t->reg, "%s%s", t->reg->len ? "," : "", name);
    if (at->inside) {
        g_string_append_printf(t->reg, "+%u", at->inside);
    }
    uint64_t value = t->value >> (8 * done) & bytes_mask(n);
    describe_bits(at->reg, at->reg->bytes ? value : value << (8 * at->inside), t->bits);
}

static void file_describe(void *opaque, IoTrace *t)
{
    RegFile *f = opaque;
    t->device = f->dev->path;
    for (unsigned done = 0; done < t->size;) {
        Found at;
        if (!reg_find(f, (t->offset >> f->shift) + done, t->write ? REG_RO : REG_WO, &at) && !at.reg) {
            return;
        }
        describe_one(f, &at, t, done);
        done += f->table->rule == REG_ONE ? t->size : bytes_here(f, &at, t->size - done);
    }
}

RegFile *reg_file_of(const MemoryRegion *mr)
{
    return mr->ops && mr->ops->describe == file_describe ? mr->opaque : NULL;
}

hwaddr reg_offset(const RegFile *f, const char *name)
{
    for (const Reg *r = f->table->rows; r->name; r++) {
        if (strcmp(r->name, name) == 0) {
            return (hwaddr)r->offset << f->shift;
        }
    }
    g_error("%s has no register '%s'", f->mr.name, name);
}

/* ---- life ---------------------------------------------------------------- */

static BusResult file_read(void *opaque, hwaddr off, unsigned size, uint64_t *value)
{
    return reg_file_read(opaque, off, size, value);
}

static BusResult file_write(void *opaque, hwaddr off, unsigned size, uint64_t value)
{
    return reg_file_write(opaque, off, size, value);
}

/* A mistake in a table is the programmer's: found when the first device is made. */
static void row_check(const RegTable *t, const Reg *r, uint64_t size)
{
    bool number = r->size == 1 || r->size == 2 || r->size == 4 || r->size == 8;
    g_assert(r->bytes ? r->read || r->write : number);
    g_assert(reg_end(r) <= size && reg_stride(r) >= r->size);
    g_assert(r == t->rows || r[-1].offset <= r->offset);
    g_assert(!r->banks || t->bank);
    g_assert(r->use == REG_RO || r->write || r->rw | r->w1c | r->ignored);
    g_assert(r->use != REG_RO || !(r->rw | r->w1c | r->ignored || r->write));
    if (r->width) {
        g_assert(!((r->rw | r->w1c) & ~bytes_mask(r->width)));
    }
}

static void file_index(RegFile *f, uint64_t size)
{
    const Reg *rows = f->table->rows;
    size >>= f->shift;
    f->start_shift = 0;
    while ((size - 1) >> f->start_shift >= REG_FILE_STARTS) {
        f->start_shift++;
    }
    for (unsigned n = 0; n < REG_FILE_STARTS; n++) {
        unsigned first = 0;
        while (rows[first].name && reg_end(&rows[first]) <= (uint64_t)n << f->start_shift) {
            first++;
        }
        g_assert(first <= UINT8_MAX);
        f->start[n] = (uint8_t)first;
    }
}

void reg_file_show(RegFile *f, Device *dev, const RegTable *t)
{
    for (const Reg *r = t->rows; r->name; r++) {
        row_check(t, r, f->mr.size >> f->shift);
    }
    f->dev = dev;
    f->table = t;
    file_index(f, f->mr.size);
}

void reg_file_init(RegFile *f, Device *owner, const RegTable *t, const char *name, uint64_t size)
{
    f->ops = (IoOps){ .read = file_read,
                      .write = file_write,
                      .min = t->min,
                      .max = t->max,
                      .unaligned = t->unaligned,
                      .big_endian = t->big_endian,
                      .describe = file_describe };
    memory_region_init_io(&f->mr, &owner->regions, &f->ops, f, name, size);
    reg_file_show(f, owner, t);
}

void reg_file_finish(RegFile *f)
{
    if (f->mr.parent) {
        memory_region_remove(f->mr.parent, &f->mr);
    }
    memory_region_finish(&f->mr);
}
