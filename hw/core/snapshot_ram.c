/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The memory of a machine in its state: see state_stream.h. */
#include <inttypes.h>
#include <string.h>

#include "base/memory.h"
#include "hw/board.h"
#include "hw/core/state_stream.h"

/* ---- what the machine has -------------------------------------------------------------- */

static void add_block(MemoryRegion *mr, void *blocks)
{
    if (mr->ram && !g_ptr_array_find(blocks, mr->ram, NULL)) {
        g_ptr_array_add(blocks, mr->ram);
    }
}

GPtrArray *snapshot_ram_blocks(Machine *m)
{
    GPtrArray *blocks = g_ptr_array_new();
    add_block(&m->ram, blocks);
    for (unsigned i = 0; i < m->system.children->len; i++) {
        MemoryRegion *mr = g_ptr_array_index(m->system.children, i);
        if (!mr->owner) {
            add_block(mr, blocks);
        }
    }
    for (unsigned i = 0; i < m->devices->len; i++) {
        Device *dev = g_ptr_array_index(m->devices, i);
        memory_region_foreach_owned(&dev->regions, add_block, blocks);
    }
    return blocks;
}

static bool page_is_zero(const RamBlock *rb, uint64_t offset)
{
    const uint8_t *p = rb->host + offset;
    return !*p && !memcmp(p, p + 1, RAM_PAGE - 1);
}

/* ---- writing ------------------------------------------------------------------------------ */

/* From *at on, below to: the next run of pages that are not zero, of at most STATE_RUN_MAX; false: there is none. */
static bool next_run(const RamBlock *rb, uint64_t *at, uint64_t to, uint64_t *bytes)
{
    uint64_t end;
    while (ram_block_next_data(rb, at, to, &end)) {
        end = MIN(end, to);
        *at &= ~(uint64_t)(RAM_PAGE - 1);
        while (*at < end && page_is_zero(rb, *at)) {
            *at += RAM_PAGE;
        }
        uint64_t stop = *at;
        while (stop < end && stop - *at < STATE_RUN_MAX && !page_is_zero(rb, stop)) {
            stop += RAM_PAGE;
        }
        *bytes = stop - *at;
        if (*bytes) {
            return true;
        }
    }
    *at = to;
    return false;
}

static void put_le(GByteArray *body, uint64_t value)
{
    uint64_t le = GUINT64_TO_LE(value);
    g_byte_array_append(body, (const uint8_t *)&le, sizeof(le));
}

/* A section from *from on; it says where it ends. */
static void put_some(StateWriter *w, const RamBlock *rb, unsigned number, uint64_t *from, uint64_t to)
{
    GByteArray *runs = g_byte_array_new();
    uint64_t at = *from, pages = 0, bytes;
    while (runs->len < STATE_RUN_MAX && next_run(rb, &at, to, &bytes)) {
        put_le(runs, at);
        put_le(runs, bytes);
        /* A copy: vCPUs may write the page meanwhile. */
        g_byte_array_append(runs, rb->host + at, bytes);
        at += bytes;
        pages += bytes / RAM_PAGE;
    }
    uint64_t end = runs->len < STATE_RUN_MAX ? to : at;
    state_put_head(w, SECTION_RAM, rb->name, 4 + 3 * 8 + runs->len);
    state_put(w, number, 4);
    state_put(w, rb->size, 8);
    state_put(w, *from, 8);
    state_put(w, end, 8);
    state_put_bytes(w, runs->data, runs->len);
    g_byte_array_unref(runs);
    __atomic_fetch_add(&w->pages, pages, __ATOMIC_RELAXED);
    __atomic_fetch_add(&w->zero_pages, (end - *from) / RAM_PAGE - pages, __ATOMIC_RELAXED);
    *from = end;
}

void snapshot_put_pages(StateWriter *w, const RamBlock *rb, unsigned number, uint64_t from, uint64_t to)
{
    while (from < to && !w->error) {
        put_some(w, rb, number, &from, to);
        if (w->waiting->len >= STATE_RUN_MAX) {
            state_flush(w);
        }
    }
}

/* ---- reading ------------------------------------------------------------------------------- */

static void clear(RamBlock *rb, uint64_t from, uint64_t to)
{
    uint64_t at = from, end;
    for (; ram_block_next_data(rb, &at, to, &end); at = end) {
        for (uint64_t page = at & ~(uint64_t)(RAM_PAGE - 1); page < MIN(end, to); page += RAM_PAGE) {
            if (!page_is_zero(rb, page)) {
                memset(rb->host + page, 0, RAM_PAGE);
            }
        }
    }
}

static bool is_page(uint64_t offset)
{
    return !(offset & (RAM_PAGE - 1));
}

static bool get_runs(StateReader *r, RamBlock *rb, uint64_t from, uint64_t to)
{
    uint64_t offset, bytes, at = from;
    for (; r->left; at = offset + bytes) {
        if (!state_take(r, 8, &offset) || !state_take(r, 8, &bytes)) {
            return false;
        }
        if (!is_page(offset | bytes) || !bytes || offset < at || offset >= to || bytes > to - offset ||
            bytes > r->left) {
            return state_bad(r, "RAM '%s' has pages that do not fit", rb->name);
        }
        clear(rb, at, offset);
        if (!state_get_bytes(r, rb->host + offset, bytes)) {
            return false;
        }
        r->left -= bytes;
    }
    clear(rb, at, to);
    return true;
}

bool snapshot_get_pages(StateReader *r, const GPtrArray *blocks, uint64_t *covered)
{
    uint64_t number, size, from, to;
    if (!state_take(r, 4, &number) || !state_take(r, 8, &size) || !state_take(r, 8, &from) ||
        !state_take(r, 8, &to)) {
        return false;
    }
    RamBlock *rb = g_ptr_array_index(blocks, MIN(number, blocks->len - 1));
    if (!state_is(r, SECTION_RAM, rb->name)) {
        return false;
    }
    if (size != rb->size) {
        return state_bad(r, "RAM '%s' has %" PRIu64 " bytes, and this machine's %" PRIu64 "; see -m",
                         rb->name, size, rb->size);
    }
    if (!is_page(from | to) || from >= to || to > size || number >= blocks->len || from > covered[number]) {
        return state_bad(r, "RAM '%s' has pages that do not fit", rb->name);
    }
    covered[number] = MAX(covered[number], to);
    if (!get_runs(r, rb, from, to)) {
        return false;
    }
    ram_mark_written(rb, from, to - from);
    return true;
}
