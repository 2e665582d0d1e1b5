/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Register files by table: see hw/regs.h.
 *
 * A register is found in two steps: the place of the access has the row to begin with
 * (RegFile.places), and few rows follow until one fits; or none do, and that row is it.  What was found
 * among several is remembered (RegFile.last). */
#include "hw/regs.h"

#include <inttypes.h>
#include <string.h>

#include "base/log.h"
#include "hw/device.h"
#include "util/bytes.h"

/* What every access runs through. */
#define HOT inline __attribute__((always_inline))

/* ---- which register is meant --------------------------------------------- */

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

/* delta: from its start on. */
static inline bool reg_holds(const Reg *r, uint32_t delta, RegFound *found)
{
    found->index = 0;
    if (r->count) {
        uint32_t stride = reg_stride(r); /* a power of two */
        found->index = delta >> __builtin_ctz(stride);
        delta &= stride - 1;
        if (found->index >= r->count) {
            return false;
        }
    }
    found->inside = delta;
    return delta < r->size;
}

static unsigned bank_of(const RegFile *f)
{
    return f->table->bank ? f->table->bank(f->dev) : 0;
}

static G_GNUC_NO_INLINE bool reg_search(RegFile *f, hwaddr off, RegUse avoid, RegFound *found)
{
    const Reg *other = NULL;
    unsigned bank = bank_of(f);
    for (const Reg *r = f->table->rows + f->places[off >> f->place_shift].first; r->name && r->offset <= off;
         r++) {
        if (!reg_holds(r, (uint32_t)off - r->offset, found) || (r->banks && !(r->banks >> bank & 1))) {
            continue;
        }
        if (r->use != avoid) {
            found->reg = r;
            f->last[avoid == REG_RO] = (RegLast){ off, bank, *found };
            return true;
        }
        other = r;
    }
    found->reg = other;
    return false;
}

/* avoid: REG_WO of a read, REG_RO of a write.  False: there is none, or it is for the other
 * direction only (found->reg says which). */
static HOT bool reg_find(RegFile *f, hwaddr off, RegUse avoid, RegFound *found)
{
    const RegPlace *place = &f->places[off >> f->place_shift];
    if (place->alone & 1u << avoid) {
        const Reg *only = f->table->rows + place->first;
        *found = (RegFound){ only, 0, (unsigned)off - only->offset };
        return true;
    }
    const RegLast *last = &f->last[avoid == REG_RO];
    if (last->at.reg && last->off == off && last->bank == bank_of(f)) {
        *found = last->at;
        return true;
    }
    return reg_search(f, off, avoid, found);
}

/* ---- one register -------------------------------------------------------- */

static unsigned reg_width(const Reg *r)
{
    return r->part ? r->part : r->size;
}

static bool right_size(const RegFound *at, unsigned size)
{
    unsigned whole = reg_width(at->reg);
    return at->reg->bytes || (size == whole && (at->inside & (whole - 1)) == 0);
}

/* Bits of a register that `size` bytes are away from its lowest ones. */
static unsigned shift_of(const RegFound *at)
{
    return at->reg->bytes ? 0 : 8 * at->inside;
}

/* The element that is meant, REG_NONE or REG_EMPTY. */
static int element_of(const RegFile *f, const RegFound *at)
{
    const Reg *r = at->reg;
    return r->element ? r->element(f->dev, at->index) : (int)at->index;
}

static void *field_of(const RegFile *f, const Reg *r, int element)
{
    return r->width ? (char *)f->dev + r->state + (size_t)element * r->width : NULL;
}

/* Of one of an array. */
static char *reg_name(const Reg *r, unsigned index)
{
    return r->columns ? g_strdup_printf("%s[%u][%u]", r->name, index / r->columns, index % r->columns)
                      : g_strdup_printf("%s[%u]", r->name, index);
}

static G_GNUC_NO_INLINE void log_absent(const RegFile *f, const RegFound *at, const char *verb, int element)
{
    if (element == REG_NONE) {
        g_autofree char *name = reg_name(at->reg, at->index);
        log_guest_error("%s: %s of '%s', which does not exist", f->dev->path, verb, name);
    } else if (verb[0] == 'w') {
        log_guest_error("%s: %s of '%s', of which none is selected", f->dev->path, verb, at->reg->name);
    }
}

static HOT uint64_t reg_read(const RegFile *f, const RegFound *at, unsigned size)
{
    const Reg *r = at->reg;
    int element = element_of(f, at);
    uint64_t v = r->constant;
    if (element < 0) {
        log_absent(f, at, "read", element);
        return 0;
    }
    void *field = field_of(f, r, element);
    if (r->read) {
        RegAccess a = { r, element, at->inside, size, bytes_mask(size) << shift_of(at), field, 0 };
        v = r->read(f->dev, &a);
    } else if (field) {
        v = load_host(field, r->width);
    }
    return v >> shift_of(at) & bytes_mask(size);
}

static uint64_t masked(const RegFile *f, const Reg *r, uint64_t old, uint64_t value, uint64_t mask)
{
    uint64_t stray = value & ~(r->rw | r->w1c | r->ignored | old);
    if (G_UNLIKELY(stray)) {
        log_guest_error("%s: write to '%s' sets reserved bits 0x%" PRIx64, f->dev->path, r->name, stray);
    }
    uint64_t rw = r->rw & mask;
    return ((old & ~rw) | (value & rw)) & ~(value & r->w1c);
}

static HOT void reg_write(const RegFile *f, const RegFound *at, unsigned size, uint64_t value)
{
    const Reg *r = at->reg;
    int element = element_of(f, at);
    if (element < 0) {
        log_absent(f, at, "write", element);
        return;
    }
    void *field = field_of(f, r, element);
    uint64_t old = field ? load_host(field, r->width) : 0;
    uint64_t mask = bytes_mask(size) << shift_of(at);
    value = (value & bytes_mask(size)) << shift_of(at);
    if (r->rw | r->w1c | r->ignored) {
        uint64_t now = masked(f, r, old, value, mask);
        if (field) {
            store_host(field, r->width, now);
        }
    }
    if (r->write) {
        RegAccess a = { r, element, at->inside, size, mask, field, old };
        r->write(f->dev, &a, value);
    }
}

void reg_store(const RegAccess *a, uint64_t value)
{
    store_host(a->field, a->reg->width, (a->old & ~a->mask) | (value & a->mask));
}

/* ---- one access ---------------------------------------------------------- */

/* Bytes of an access of `size` at the register that the register has. */
static unsigned bytes_here(const RegFile *f, const RegFound *at, unsigned size)
{
    unsigned left = at->reg->size - at->inside;
    return f->table->rule == REG_ONE ? left : MIN(size, left);
}

/* The register at off takes no such access; how many bytes of it are dealt with so. */
static unsigned log_refused(const RegFile *f, const RegFound *at, hwaddr off, const char *verb, unsigned size)
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

static void log_size(const RegFile *f, const RegFound *at, const char *verb, unsigned size)
{
    log_guest_error("%s: %u-byte %s of '%s', which takes %u bytes", f->dev->path, size, verb, at->reg->name,
                    reg_width(at->reg));
}

static bool must_be_whole(const RegTable *t, bool write)
{
    return t->rule == REG_WHOLE || (write && t->rule == REG_WHOLE_WRITES);
}

/* An access of several registers, or none. */
static G_GNUC_NO_INLINE void access_pieces(RegFile *f, hwaddr off, unsigned size, bool write, uint64_t *value)
{
    const char *verb = write ? "write" : "read";
    for (unsigned done = 0, n; done < size; done += n) {
        RegFound at;
        if (!reg_find(f, off + done, write ? REG_RO : REG_WO, &at)) {
            n = log_refused(f, &at, off + done, verb, size - done);
            continue;
        }
        if (must_be_whole(f->table, write)) {
            log_size(f, &at, verb, size);
            return;
        }
        n = bytes_here(f, &at, size - done);
        if (write) {
            reg_write(f, &at, n, *value >> (8 * done));
        } else {
            *value |= reg_read(f, &at, n) << (8 * done);
        }
    }
}

/* Does one register take the access, by itself?  *size: then its bytes in the register. */
static HOT bool takes(const RegFile *f, const RegFound *at, bool whole, unsigned *size)
{
    unsigned left = at->reg->size - at->inside;
    if (f->table->rule == REG_ONE) {
        *size = left;
        return true;
    }
    return *size <= left && (!whole || right_size(at, *size));
}

BusResult reg_file_read(RegFile *f, hwaddr off, unsigned size, uint64_t *value)
{
    const RegTable *t = f->table;
    RegFound at;
    off >>= f->shift;
    if (reg_find(f, off, REG_WO, &at) && takes(f, &at, must_be_whole(t, false), &size)) {
        *value = reg_read(f, &at, size);
        if (!at.reg->read) {
            return BUS_OK; /* nothing has changed */
        }
    } else {
        *value = 0;
        access_pieces(f, off, size, false, value);
    }
    if (t->after) {
        t->after(f->dev);
    }
    return BUS_OK;
}

BusResult reg_file_write(RegFile *f, hwaddr off, unsigned size, uint64_t value)
{
    const RegTable *t = f->table;
    RegFound at;
    off >>= f->shift;
    if (reg_find(f, off, REG_RO, &at) && takes(f, &at, must_be_whole(t, true), &size)) {
        reg_write(f, &at, size, value);
    } else {
        access_pieces(f, off, size, true, &value);
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

static char *describe_name(const RegFile *f, const RegFound *at)
{
    const Reg *r = at->reg;
    if (r->count || !r->element) {
        return r->count ? reg_name(r, at->index) : g_strdup(r->name);
    }
    int element = element_of(f, at);
    return element < 0 ? g_strconcat(r->name, "[none]", NULL) : reg_name(r, element);
}

static void describe_one(const RegFile *f, const RegFound *at, const IoTrace *t, unsigned done)
{
    unsigned n = bytes_here(f, at, t->size - done);
    g_autofree char *name = describe_name(f, at);
    g_string_append_printf(t->reg, "%s%s", t->reg->len ? "," : "", name);
    if (at->inside) {
        g_string_append_printf(t->reg, "+%u", at->inside);
    }
    describe_bits(at->reg, (t->value >> (8 * done) & bytes_mask(n)) << shift_of(at), t->bits);
}

static void file_describe(void *opaque, IoTrace *t)
{
    RegFile *f = opaque;
    t->device = device_user_path(f->dev);
    for (unsigned done = 0; done < t->size;) {
        RegFound at;
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

const Reg *reg_find_name(const RegFile *f, const char *name)
{
    for (const Reg *r = f->table->rows; r->name; r++) {
        if (strcmp(r->name, name) == 0) {
            return r;
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
    g_assert(!r->count || (reg_stride(r) & (reg_stride(r) - 1)) == 0);
    g_assert(r == t->rows || r[-1].offset <= r->offset);
    g_assert(!r->banks || t->bank);
    g_assert(r->use == REG_RO || r->write || r->rw | r->w1c | r->ignored);
    g_assert(r->use != REG_RO || !(r->rw | r->w1c | r->ignored || r->write));
    if (r->width) {
        g_assert(!((r->rw | r->w1c) & ~bytes_mask(r->width)));
    }
}

/* Whether the row is all that any access in [from, to) can mean, unless it is one of the kind
 * that the row avoids. */
static bool stands_alone(const Reg *r, uint64_t from, uint64_t to)
{
    return r->name && !r->count && !r->banks && r->offset <= from && reg_end(r) >= to &&
           !(r[1].name && r[1].offset < to);
}

static void file_index(RegFile *f, uint64_t size)
{
    const Reg *rows = f->table->rows;
    size >>= f->shift;
    f->place_shift = 0;
    while ((size - 1) >> f->place_shift >= REG_PLACES) {
        f->place_shift++;
    }
    unsigned first = 0;
    for (uint64_t n = 0; n < REG_PLACES; n++) {
        uint64_t from = n << f->place_shift, to = (n + 1) << f->place_shift;
        while (rows[first].name && reg_end(&rows[first]) <= from) {
            first++;
        }
        g_assert(first <= UINT8_MAX);
        f->places[n] = (RegPlace){ .first = first };
        if (stands_alone(&rows[first], from, to)) {
            RegUse use = rows[first].use;
            f->places[n].alone = (use != REG_WO ? 1u << REG_WO : 0) | (use != REG_RO ? 1u << REG_RO : 0);
        }
    }
}

void reg_file_show(RegFile *f, Device *dev, const RegTable *t)
{
    for (const Reg *r = t->rows; r->name; r++) {
        row_check(t, r, f->mr.size >> f->shift);
    }
    f->dev = dev;
    f->table = t;
    memset(f->last, 0, sizeof(f->last));
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
    memory_region_finish(&f->mr);
}
