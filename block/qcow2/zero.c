/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Zeroes and discards: changes of entries alone, wherever whole clusters (or subclusters) are meant. */
#include <errno.h>
#include <string.h>

#include "block/block_priv.h"
#include "block/qcow2/qcow2.h"

typedef enum ZeroWay { WAY_ZERO, WAY_UNMAP, WAY_DISCARD } ZeroWay;

static const uint8_t zeroes[64 << 10];

/* As data. */
static int write_zero_data(Qcow2 *s, uint64_t offset, uint64_t length)
{
    int e = 0;
    for (uint64_t done = 0, n; done < length && !e; done += n) {
        n = MIN(sizeof(zeroes), length - done);
        struct iovec iov = { (void *)zeroes, n };
        e = qcow2_write(s, &(NodeIo){ BLOCK_WRITE, false, offset + done, n, &iov, 1 });
    }
    return e;
}

static bool backing_shows(const Qcow2 *s, uint64_t offset)
{
    const BlockNode *backing = s->node.children[NODE_BACKING];
    return backing && offset < node_size(backing);
}

static bool is_own(const Qcow2 *s, const L2Entry *e)
{
    return e->word & ENTRY_COPIED && (entry_host(e) || s->node.children[NODE_DATA_FILE]);
}

/* The entry when units of the mask are zero; false: it stays. */
static bool zero_entry(const Qcow2 *s, uint64_t guest, ZeroWay way, uint64_t mask, L2Entry *e)
{
    bool whole = !s->extended || mask == UINT32_MAX, below = backing_shows(s, guest);
    L2Entry old = *e;
    if (!e->word && !e->bits && !below) {
        return false;
    }
    if (s->extended) {
        e->bits = (e->word & ENTRY_PACKED ? 0 : e->bits & ~(mask | mask << 32)) | mask << 32;
        e->bits = whole && !below && way == WAY_DISCARD ? 0 : e->bits;
    }
    if (whole && (way != WAY_ZERO || !is_own(s, &old))) {
        e->word = 0;
    }
    if (!s->extended) {
        bool flag = s->h.version >= 3 && (below || way != WAY_DISCARD);
        e->word |= flag ? ENTRY_ZERO : 0;
    }
    return e->word != old.word || e->bits != old.bits;
}

/* Of one cluster, under the lock. */
static int zero_cluster(Qcow2 *s, uint64_t cluster, ZeroWay way, uint64_t mask)
{
    L2Entry old, e;
    alloc_wait(s, cluster, 1);
    int error = entry_read(s, cluster, &old, true);
    e = old;
    if (error || !zero_entry(s, cluster << s->cluster_bits, way, mask, &e)) {
        return error;
    }
    error = entry_table(s, cluster);
    error = error ? error : entry_write(s, cluster, &e);
    if (!error && (old.word & ENTRY_PACKED || entry_host(&old) != entry_host(&e))) {
        entry_free(s, &old);
    }
    return error;
}

static uint64_t units_mask(const Qcow2 *s, uint64_t from, uint64_t to)
{
    return ((UINT64_C(1) << ((to - from) >> s->unit_bits)) - 1)
           << ((from & (s->cluster_size - 1)) >> s->unit_bits);
}

static bool can_flag(const Qcow2 *s, const L2Entry *e, uint64_t offset, bool whole)
{
    return !s->raw_data && (s->h.version >= 3 || !backing_shows(s, offset)) &&
           (whole || !(e->word & ENTRY_PACKED));
}

/* Units [from, to) of one cluster; *done: false if they must be written. */
static int zero_units(Qcow2 *s, uint64_t from, uint64_t to, ZeroWay way, bool *done)
{
    uint64_t cluster = from >> s->cluster_bits;
    L2Entry e;
    lock_take(&s->lock);
    int error = qcow2_begin_changes(s);
    error = error ? error : entry_read(s, cluster, &e, true);
    *done = !error && can_flag(s, &e, from, to - from == s->cluster_size);
    if (*done) {
        error = zero_cluster(s, cluster, s->h.version < 3 ? WAY_DISCARD : way, units_mask(s, from, to));
    }
    lock_release(&s->lock);
    return error;
}

static bool is_zero_extent(const Qcow2 *s, const Extent *x)
{
    return !s->raw_data && (x->kind == EXTENT_ZERO || (x->kind == EXTENT_BELOW && !x->node));
}

static int zero_rest(Qcow2 *s, uint64_t offset, uint64_t length)
{
    Extent x;
    int e = 0;
    for (uint64_t done = 0; done < length && !e; done += x.length) {
        e = qcow2_map(&s->node, offset + done, length - done, true, &x);
        e = e || is_zero_extent(s, &x) ? e : write_zero_data(s, offset + done, x.length);
    }
    return e;
}

/* Where [at, ...) of one cluster ends that is done at a time; *units: it is whole units. */
static uint64_t zero_step(const Qcow2 *s, uint64_t at, uint64_t end, bool *units)
{
    uint64_t unit = UINT64_C(1) << s->unit_bits;
    uint64_t disk_end = (s->node.size + s->cluster_size - 1) & ~(s->cluster_size - 1);
    uint64_t whole_end = end == s->node.size ? disk_end : end; /* behind the disk's end all is zero */
    uint64_t after = MIN((at & ~(s->cluster_size - 1)) + s->cluster_size, whole_end);
    uint64_t next = at & (unit - 1) ? MIN((at & ~(unit - 1)) + unit, end) : after & ~(unit - 1);
    *units = !(at & (unit - 1)) && next > at;
    return next > at ? next : MIN(after, end);
}

/* 0: by entries alone, or nothing is to be done; -ENOTSUP: something would have to be written. */
static int check_fast(Qcow2 *s, uint64_t at, uint64_t end)
{
    int e = 0;
    for (uint64_t next; at < end && !e; at = next) {
        bool units, fast = false;
        L2Entry entry;
        next = zero_step(s, at, end, &units);
        if (units) {
            lock_take(&s->lock);
            e = entry_read(s, at >> s->cluster_bits, &entry, true);
            fast = !e && can_flag(s, &entry, at, next - at == s->cluster_size);
            lock_release(&s->lock);
        }
        for (uint64_t n = MIN(next, end) - at, done = 0; done < n && !e && !fast;) {
            Extent x;
            e = qcow2_map(&s->node, at + done, n - done, true, &x);
            e = e || is_zero_extent(s, &x) ? e : -ENOTSUP;
            done += x.length;
        }
    }
    return e;
}

int qcow2_write_zeroes(Qcow2 *s, const NodeIo *io)
{
    uint64_t end = io->offset + io->length;
    int e = qcow2_commit_if_much(s);
    e = !e && io->fast ? check_fast(s, io->offset, end) : e;
    for (uint64_t at = io->offset, next; at < end && !e; at = next) {
        bool units, done = false;
        next = zero_step(s, at, end, &units);
        if (units) {
            e = zero_units(s, at, next, io->unmap ? WAY_UNMAP : WAY_ZERO, &done);
        }
        next = MIN(next, end);
        e = e || done ? e : zero_rest(s, at, next - at);
    }
    return e;
}

int qcow2_discard(Qcow2 *s, const NodeIo *io)
{
    uint64_t mask = s->cluster_size - 1, end = io->offset + io->length, at = (io->offset + mask) & ~mask;
    end = end == s->node.size ? (end + mask) & ~mask : end & ~mask;
    int e = qcow2_commit_if_much(s);
    if (s->raw_data || e) {
        return e; /* a hint; the data file would no longer be what the image is */
    }
    lock_take(&s->lock);
    e = qcow2_begin_changes(s);
    for (; at < end && !e; at += s->cluster_size) {
        if (s->h.version >= 3 || !backing_shows(s, at)) {
            e = zero_cluster(s, at >> s->cluster_bits, WAY_DISCARD, UINT32_MAX);
        }
    }
    lock_release(&s->lock);
    return e;
}

/* The first cluster of it alone; *length: bytes of it. */
static int drop_zero_flag(Qcow2 *s, uint64_t at, uint64_t *length)
{
    *length = MIN(s->cluster_size, s->node.size - at);
    if (backing_shows(s, at)) {
        return write_zero_data(s, at, *length);
    }
    lock_take(&s->lock);
    int e = qcow2_begin_changes(s);
    e = e ? e : zero_cluster(s, at >> s->cluster_bits, WAY_DISCARD, UINT32_MAX);
    lock_release(&s->lock);
    return e;
}

int qcow2_drop_zero_flags(Qcow2 *s)
{
    Extent x;
    int e = 0;
    for (uint64_t at = 0; at < s->node.size && !e; at += x.length) {
        e = qcow2_map(&s->node, at, s->node.size - at, true, &x);
        if (!e && x.kind == EXTENT_ZERO) {
            e = qcow2_commit_if_much(s);
            e = e ? e : drop_zero_flag(s, at, &x.length);
        }
    }
    return e;
}
