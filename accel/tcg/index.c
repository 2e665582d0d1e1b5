/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "accel/tcg/index.h"

enum { HASH_BITS = 18, HASH_SIZE = 1 << HASH_BITS, ALIKE_BITS = 16, ALIKE_SIZE = 1 << ALIKE_BITS };

static uint64_t hash_of(uint64_t code_addr, uint64_t pc)
{
    /* Shared libraries: one code address at many virtual ones, which differ in bits 12 to 40. */
    uint64_t h =
        (code_addr + (pc >> GUEST_PAGE_BITS) * UINT64_C(0xd1b54a32d192ed03)) * UINT64_C(0x9e3779b97f4a7c15);
    return h ^ h >> 32;
}

bool tcg_index_init(TcgIndex *x, GError **err)
{
    lock_init(&x->lock, LOCK_CODE);
    x->hash = g_new0(TcgBlock *, HASH_SIZE);
    x->alike = g_new0(TcgBlock *, ALIKE_SIZE);
    return tcg_pages_init(&x->pages, err);
}

void tcg_index_finish(TcgIndex *x)
{
    tcg_pages_finish(&x->pages);
    g_free(x->hash);
    g_free(x->alike);
    lock_finish(&x->lock);
}

void tcg_block_free(TcgBlock *b)
{
    g_free(b->exits);
    if (b->ir) {
        ir_block_free(b->ir);
    }
    g_free(b);
}

/* ---- pages ------------------------------------------------------------------------ */

static TcgPage *page_of(TcgIndex *x, uint64_t ram_page)
{
    g_assert(ram_page < x->pages.count);
    return &x->pages.pages[ram_page];
}

void tcg_index_hold(TcgIndex *x, uint64_t ram_page)
{
    TcgPage *p = page_of(x, ram_page);
    __atomic_fetch_add(&p->holds, 1, __ATOMIC_SEQ_CST);
    if (p->first || p->holds > 1) {
        return;
    }
    TcgWriter writer = tcg_page_protect(&x->pages, ram_page);
    if (writer) {
        x->revoke(x->opaque, ram_page, writer);
    }
}

static void unprotect_unused(TcgIndex *x, uint64_t ram_page, TcgPage *p)
{
    if (p->first || p->holds) {
        return;
    }
    __atomic_store_n(&p->granules, 0, __ATOMIC_SEQ_CST);
    p->split = false;
    tcg_page_unprotect(&x->pages, ram_page);
}

void tcg_index_release(TcgIndex *x, uint64_t ram_page)
{
    TcgPage *p = page_of(x, ram_page);
    __atomic_fetch_sub(&p->holds, 1, __ATOMIC_SEQ_CST);
    unprotect_unused(x, ram_page, p);
}

static unsigned slot_of_page(const TcgBlock *b, uint64_t ram_page)
{
    return b->pages[0] == ram_page ? 0 : 1;
}

/* The bytes of page `slot` that the block covers. */
static void block_range(const TcgBlock *b, unsigned slot, unsigned *from, unsigned *to)
{
    unsigned start = b->code_addr & (GUEST_PAGE - 1), end = start + b->size;
    bool one_page_twice = b->pages[0] == b->pages[1]; /* mapped at two addresses in a row */
    *from = slot || one_page_twice ? 0 : start;
    *to = one_page_twice ? GUEST_PAGE : slot ? end - GUEST_PAGE : MIN(end, GUEST_PAGE);
}

static bool block_overlaps(const TcgBlock *b, unsigned slot, unsigned offset, unsigned len)
{
    unsigned from, to;
    block_range(b, slot, &from, &to);
    return from < offset + len && to > offset;
}

bool tcg_block_covers(const TcgBlock *b, uint64_t ram_page, unsigned offset, unsigned len)
{
    for (unsigned slot = 0; slot < G_N_ELEMENTS(b->pages); slot++) {
        if (b->pages[slot] == ram_page && block_overlaps(b, slot, offset, len)) {
            return true;
        }
    }
    return false;
}

static void page_insert(TcgIndex *x, TcgBlock *b, unsigned slot)
{
    TcgPage *p = page_of(x, b->pages[slot]);
    g_assert(p->holds);
    b->prev_page[slot] = NULL;
    b->next_page[slot] = p->first;
    if (p->first) {
        p->first->prev_page[slot_of_page(p->first, b->pages[slot])] = b;
    }
    p->first = b;
    unsigned from, to;
    block_range(b, slot, &from, &to);
    __atomic_fetch_or(&p->granules, tcg_granules(from, to), __ATOMIC_SEQ_CST);
}

static void page_remove(TcgIndex *x, TcgBlock *b, unsigned slot)
{
    uint64_t ram_page = b->pages[slot];
    TcgPage *p = page_of(x, ram_page);
    TcgBlock *before = b->prev_page[slot], *after = b->next_page[slot];
    if (before) {
        before->next_page[slot_of_page(before, ram_page)] = after;
    } else {
        p->first = after;
    }
    if (after) {
        after->prev_page[slot_of_page(after, ram_page)] = before;
    }
    unprotect_unused(x, ram_page, p);
}

static bool in_second_list(const TcgBlock *b)
{
    return b->pages[1] != BLOCK_NO_PAGE && b->pages[1] != b->pages[0];
}

/* ---- lookups -------------------------------------------------------------------------- */

static TcgBlock **chain_of(TcgIndex *x, uint64_t hash)
{
    return &x->hash[hash & (HASH_SIZE - 1)];
}

static bool block_is(const TcgBlock *b, uint64_t code_addr, uint64_t pc, uint32_t mode)
{
    return b->code_addr == code_addr && b->pc == pc && b->mode == mode;
}

TcgBlock *tcg_index_find(TcgIndex *x, uint64_t code_addr, uint64_t pc, uint32_t mode)
{
    TcgBlock *b = __atomic_load_n(chain_of(x, hash_of(code_addr, pc)), __ATOMIC_ACQUIRE);
    while (b && !block_is(b, code_addr, pc, mode)) {
        b = __atomic_load_n(&b->next_hash, __ATOMIC_ACQUIRE);
    }
    return b;
}

static TcgBlock **alike_of(TcgIndex *x, uint64_t code_addr)
{
    return &x->alike[hash_of(code_addr, 0) & (ALIKE_SIZE - 1)];
}

const TcgBlock *tcg_index_alike(TcgIndex *x, uint64_t code_addr, uint32_t mode)
{
    lock_assert_held(&x->lock);
    const TcgBlock *b = *alike_of(x, code_addr);
    return b && b->code_addr == code_addr && b->mode == mode ? b : NULL;
}

/* ---- links ------------------------------------------------------------------------------ */

static void patch(TcgIndex *x, const TcgExit *e, const TcgBlock *to)
{
    uint8_t *code = e->from->code;
    jit_backend->patch(code + x->to_rw, code, &e->jit, to ? to->code : NULL);
}

static void exit_unchain(TcgExit *e)
{
    if (e->prev_in) {
        e->prev_in->next_in = e->next_in;
    } else {
        e->to->incoming = e->next_in;
    }
    if (e->next_in) {
        e->next_in->prev_in = e->prev_in;
    }
    e->to = NULL;
}

static void unlink_exits(TcgIndex *x, TcgBlock *b)
{
    for (TcgExit *e = b->incoming, *next; e; e = next) {
        next = e->next_in;
        patch(x, e, NULL);
        e->to = NULL;
    }
    b->incoming = NULL;
    for (unsigned n = 0; n < b->exit_count; n++) {
        TcgExit *e = &b->exits[n];
        if (e->to) {
            exit_unchain(e);
        }
    }
}

/* Both are at one virtual page, but that may have been mapped elsewhere since `from` was entered (and
 * `from` runs again when it is mapped back): then no link. */
void tcg_index_link(TcgIndex *x, TcgExit *e, TcgBlock *to)
{
    const TcgBlock *from = e->from;
    lock_assert_held(&x->lock);
    if (!e->jit.jump || e->to || from->dropped || to->dropped || to->pages[1] != BLOCK_NO_PAGE ||
        from->pages[0] != to->pages[0] || page_of(x, to->pages[0])->split) {
        return;
    }
    e->to = to;
    e->prev_in = NULL;
    e->next_in = to->incoming;
    if (e->next_in) {
        e->next_in->prev_in = e;
    }
    to->incoming = e;
    patch(x, e, to);
}

/* ---- blocks come and go ------------------------------------------------------------------- */

void tcg_index_publish(TcgIndex *x, TcgBlock *b)
{
    lock_assert_held(&x->lock);
    TcgBlock **head = chain_of(x, hash_of(b->code_addr, b->pc));
    b->next_hash = *head;
    page_insert(x, b, 0);
    if (in_second_list(b)) {
        page_insert(x, b, 1);
    }
    if (b->moves && b->pages[1] == BLOCK_NO_PAGE && !page_of(x, b->pages[0])->split) {
        *alike_of(x, b->code_addr) = b;
    }
    __atomic_store_n(head, b, __ATOMIC_RELEASE);
}

void tcg_index_drop(TcgIndex *x, TcgBlock *b)
{
    lock_assert_held(&x->lock);
    if (b->dropped) {
        return;
    }
    __atomic_store_n(&b->dropped, true, __ATOMIC_RELEASE);
    TcgBlock **link = chain_of(x, hash_of(b->code_addr, b->pc));
    while (*link != b) {
        link = &(*link)->next_hash;
    }
    __atomic_store_n(link, b->next_hash, __ATOMIC_RELEASE);
    if (*alike_of(x, b->code_addr) == b) {
        *alike_of(x, b->code_addr) = NULL;
    }
    page_remove(x, b, 0);
    if (in_second_list(b)) {
        page_remove(x, b, 1);
    }
    unlink_exits(x, b);
    if (b->code && !x->one_at_a_time) {
        jit_backend->retire(x->jit, b->code + x->to_rw, b->code);
    }
    if (!b->code) {
        x->leave(x->opaque);
    }
    x->drops++;
}

void tcg_index_drop_page(TcgIndex *x, uint64_t ram_page)
{
    const TcgPage *p = page_of(x, ram_page);
    while (p->first) {
        tcg_index_drop(x, p->first);
    }
}

void tcg_index_drop_all(TcgIndex *x)
{
    for (unsigned n = 0; n < HASH_SIZE; n++) {
        while (x->hash[n]) {
            tcg_index_drop(x, x->hash[n]);
        }
    }
}

void tcg_index_split(TcgIndex *x, uint64_t ram_page)
{
    TcgPage *p = page_of(x, ram_page);
    if (!p->split) {
        tcg_index_drop_page(x, ram_page); /* links between blocks that are there go with the blocks */
    }
    p->split = true;
}

/* Under the lock: drop what overlaps the bytes, and learn anew which granules hold code. */
static void drop_written(TcgIndex *x, TcgPage *p, uint64_t ram_page, unsigned offset, unsigned len)
{
    uint64_t granules = 0;
    for (TcgBlock *b = p->first, *next; b; b = next) {
        unsigned slot = slot_of_page(b, ram_page), from, to;
        next = b->next_page[slot];
        block_range(b, slot, &from, &to);
        if (from < offset + len && to > offset) {
            tcg_index_drop(x, b);
        } else {
            granules |= tcg_granules(from, to);
        }
    }
    __atomic_store_n(&p->granules, granules, __ATOMIC_SEQ_CST);
}

/* The bytes are in memory: whoever translates them from here on sees them, and whoever has done so, or is at it,
 * holds the lock, or has left its mark. */
void tcg_index_written(TcgIndex *x, uint64_t ram_page, unsigned offset, unsigned len)
{
    len = MIN(len, GUEST_PAGE - offset);
    if (!len || ram_page >= __atomic_load_n(&x->pages.count, __ATOMIC_ACQUIRE)) { /* another machine's RAM */
        return;
    }
    TcgPage *p = &x->pages.pages[ram_page];
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    if (!__atomic_load_n(&p->holds, __ATOMIC_SEQ_CST) &&
        !(__atomic_load_n(&p->granules, __ATOMIC_SEQ_CST) & tcg_granules(offset, offset + len))) {
        return;
    }
    lock_take(&x->lock);
    x->writes++;
    if (p->granules & tcg_granules(offset, offset + len)) {
        drop_written(x, p, ram_page, offset, len);
    }
    lock_release(&x->lock);
}
