/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Blocks: the index by code address, the list of each RAM page, translation, and what
 * happens when guest code changes.
 *
 * A RAM page with code has its bit in RamBlock.code_pages and no write tag in any TLB, so
 * each store to it comes to tcg_code_written(), which drops blocks that overlap the bytes
 * written (a page keeps a mask of its 64-byte granules that hold code, so that data
 * beside code costs one test).  A page remembers the virtual page through which it was
 * last writable: revoking that right then looks at one TLB entry per context; pages with
 * several such addresses cost a search through all of them.
 *
 * A translation that is under way holds its pages: they are protected from before the first
 * byte is read until the block stands in their lists, so no write in between is lost.  (A
 * device writes, then looks at code_pages; the translator sets the bit, then reads.)
 *
 * Rights to fetch may change within a page, and differ between vCPUs (PMP).  Once some vCPU has
 * fetched from such a page it is *split*: its blocks are found by lookups alone, never by a
 * patched jump, and a lookup asks whether this vCPU may run all of the block.
 *
 * A dropped block stays in memory until its region is emptied: it may be running.  Nothing
 * leads into it any more, except itself: a block that loops in itself sees exit_request at its
 * loop edge, so whoever changes code sets that for every vCPU. */
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include "accel/tcg/internal.h"
#include "base/log.h"

enum { HASH_BITS = 18, FRONT_BITS = 16, GRANULE_BITS = 6, MAX_INSNS = 128, MAX_INTERPRETED = 65536 };
#define MANY_WRITERS UINT64_C(2)
#define NO_PAGE UINT64_MAX

typedef struct TcgPage {
    uint64_t writer;   /* 0: none; MANY_WRITERS; else virtual page | 1 */
    uint64_t granules; /* bit per 64 bytes that hold code (some may be stale: see code_written) */
    TcgBlock *first;
    uint32_t holds; /* translations under way that read it */
    bool split;     /* see above; ends with its last block */
} TcgPage;

/* The last block found under a hash: a lookup then touches two lines of cache, this entry's
 * and the block's, where a chain touches one a link. */
typedef struct FrontEntry {
    uint64_t hash; /* all 64 bits of it */
    TcgBlock *block;
} FrontEntry;

struct TcgBlocks {
    TcgBlock *hash[1 << HASH_BITS];
    FrontEntry front[1 << FRONT_BITS];
    TcgPage *pages; /* by RAM page number; reserved, touched where used */
    uint64_t page_count;
    unsigned long *code_bits; /* mirror of RamBlock.code_pages, by RAM page number */
    GPtrArray *interpreted;   /* interpreter: all blocks, freed when they are too many */
};

static uint64_t hash_of(uint64_t code_addr, uint64_t pc)
{
    /* Shared libraries: one code address at many virtual ones, which differ in bits 12 to 40. */
    uint64_t h =
        (code_addr + (pc >> GUEST_PAGE_BITS) * UINT64_C(0xd1b54a32d192ed03)) * UINT64_C(0x9e3779b97f4a7c15);
    return h ^ h >> 32;
}

/* ---- the page table ----------------------------------------------------------- */

static void count_pages(RamBlock *rb, void *opaque)
{
    uint64_t *end = opaque;
    *end = MAX(*end, rb->first_page + (rb->size >> RAM_PAGE_BITS));
}

static void *reserve(uint64_t bytes)
{
    void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (p == MAP_FAILED) {
        g_error("cannot reserve %" PRIu64 " bytes for the table of RAM pages: %s", bytes, g_strerror(errno));
    }
    return p;
}

void tcg_blocks_view_changed(TcgState *s)
{
    TcgBlocks *b = s->blocks;
    uint64_t count = 0;
    ram_foreach(count_pages, &count);
    if (count <= b->page_count) {
        return;
    }
    count = MAX(count, b->page_count * 2);
    TcgPage *pages = reserve(count * sizeof(TcgPage));
    unsigned long *bits = reserve((count + 63) / 64 * 8);
    if (b->page_count) {
        memcpy(pages, b->pages, b->page_count * sizeof(TcgPage));
        memcpy(bits, b->code_bits, (b->page_count + 63) / 64 * 8);
        munmap(b->pages, b->page_count * sizeof(TcgPage));
        munmap(b->code_bits, (b->page_count + 63) / 64 * 8);
    }
    b->pages = pages;
    b->code_bits = bits;
    b->page_count = count;
}

bool tcg_blocks_new(TcgState *s, GError **err)
{
    s->blocks = g_new0(TcgBlocks, 1);
    s->blocks->interpreted = g_ptr_array_new();
    tcg_blocks_view_changed(s);
    return true;
}

/* Without host code there are no regions to evict: forget all at once. */
static void free_interpreted(TcgState *s)
{
    GPtrArray *list = s->blocks->interpreted;
    for (unsigned n = 0; n < list->len; n++) {
        TcgBlock *b = list->pdata[n];
        tcg_block_drop(s, b);
        ir_block_free(b->ir);
        g_free(b);
    }
    g_ptr_array_set_size(list, 0);
}

void tcg_blocks_free(TcgState *s)
{
    TcgBlocks *b = s->blocks;
    if (!b) {
        return;
    }
    free_interpreted(s);
    g_ptr_array_free(b->interpreted, TRUE);
    if (b->page_count) {
        munmap(b->pages, b->page_count * sizeof(TcgPage));
        munmap(b->code_bits, (b->page_count + 63) / 64 * 8);
    }
    g_free(b);
    s->blocks = NULL;
}

static TcgPage *page_of(TcgState *s, uint64_t ram_page)
{
    if (G_UNLIKELY(ram_page >= s->blocks->page_count)) {
        tcg_blocks_view_changed(s);
    }
    return &s->blocks->pages[ram_page];
}

bool tcg_page_has_code(TcgState *s, uint64_t ram_page)
{
    const TcgBlocks *b = s->blocks;
    return ram_page < b->page_count && b->code_bits[ram_page / 64] >> ram_page % 64 & 1;
}

void tcg_page_note_writer(TcgState *s, uint64_t ram_page, uint64_t vaddr)
{
    TcgPage *p = page_of(s, ram_page);
    if (p->writer == 0) {
        p->writer = vaddr | 1;
    } else if (p->writer != (vaddr | 1)) {
        p->writer = MANY_WRITERS;
    }
}

static void revoke_entry(TcgContext *c, unsigned n, uint64_t ram_page)
{
    if (c->ram_page[n] == ram_page) {
        c->tlb[n].wr = TLB_NEVER;
    }
}

static void revoke_in_context(TcgContext *c, uint64_t ram_page, uint64_t writer)
{
    if (writer != MANY_WRITERS) {
        revoke_entry(c, tlb_index(writer), ram_page);
        return;
    }
    for (unsigned w = 0; w < TLB_SIZE / 64; w++) {
        for (uint64_t bits = c->tlb_filled[w]; bits; bits &= bits - 1) {
            revoke_entry(c, w * 64 + __builtin_ctzll(bits), ram_page);
        }
    }
}

/* The page gets its first code: writes must come to tcg_code_written from now on. */
static void protect_page(TcgState *s, uint64_t ram_page, TcgPage *p)
{
    uint64_t writer = p->writer;
    p->writer = 0;
    s->blocks->code_bits[ram_page / 64] |= 1ul << ram_page % 64;
    RamBlock *rb = ram_block_of_page(ram_page);
    if (rb && rb->code_pages) {
        uint64_t n = ram_page - rb->first_page;
        __atomic_fetch_or(&rb->code_pages[n / 64], 1ul << n % 64, __ATOMIC_SEQ_CST);
    }
    if (!writer) {
        return;
    }
    for (unsigned k = 0; k < s->vcpus->len; k++) {
        TcgVcpu *v = s->vcpus->pdata[k];
        for (unsigned n = 0; n < CONTEXT_POOL && v->pool[n]; n++) {
            revoke_in_context(v->pool[n], ram_page, writer);
        }
    }
}

/* Its last code is gone; the next fill gives the right to write back. */
static void unprotect_page(TcgState *s, uint64_t ram_page)
{
    s->blocks->code_bits[ram_page / 64] &= ~(1ul << ram_page % 64);
    RamBlock *rb = ram_block_of_page(ram_page);
    if (rb && rb->code_pages) {
        uint64_t n = ram_page - rb->first_page;
        __atomic_fetch_and(&rb->code_pages[n / 64], ~(1ul << n % 64), __ATOMIC_SEQ_CST);
    }
}

static void hold_page(TcgState *s, uint64_t ram_page)
{
    TcgPage *p = page_of(s, ram_page);
    if (!p->first && !p->holds) {
        protect_page(s, ram_page, p);
    }
    p->holds++;
}

static void unprotect_unused(TcgState *s, uint64_t ram_page, TcgPage *p)
{
    if (p->first || p->holds) {
        return;
    }
    p->granules = 0;
    p->split = false;
    unprotect_page(s, ram_page);
}

static void release_page(TcgState *s, uint64_t ram_page)
{
    TcgPage *p = page_of(s, ram_page);
    p->holds--;
    unprotect_unused(s, ram_page, p);
}

/* ---- lists ------------------------------------------------------------------------ */

static bool in_second_list(const TcgBlock *b)
{
    return b->pages[1] != NO_PAGE && b->pages[1] != b->pages[0];
}

static TcgBlock **chain_of(TcgState *s, uint64_t hash)
{
    return &s->blocks->hash[hash & ((1 << HASH_BITS) - 1)];
}

static FrontEntry *front_of(TcgState *s, uint64_t hash)
{
    return &s->blocks->front[hash & ((1 << FRONT_BITS) - 1)];
}

static bool block_is(const TcgBlock *b, uint64_t code_addr, uint64_t pc, uint32_t mode)
{
    return b->code_addr == code_addr && b->pc == pc && b->mode == mode;
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

static uint64_t granule_mask(unsigned from, unsigned to)
{
    unsigned first = from >> GRANULE_BITS, last = (to - 1) >> GRANULE_BITS;
    return (UINT64_MAX << first) & (UINT64_MAX >> (63 - last));
}

static void page_insert(TcgState *s, TcgBlock *b, unsigned slot)
{
    TcgPage *p = page_of(s, b->pages[slot]);
    g_assert(p->holds);
    b->prev_page[slot] = NULL;
    b->next_page[slot] = p->first;
    if (p->first) {
        p->first->prev_page[slot_of_page(p->first, b->pages[slot])] = b;
    }
    p->first = b;
    unsigned from, to;
    block_range(b, slot, &from, &to);
    p->granules |= granule_mask(from, to);
}

static void page_remove(TcgState *s, TcgBlock *b, unsigned slot)
{
    uint64_t ram_page = b->pages[slot];
    TcgPage *p = page_of(s, ram_page);
    TcgBlock *before = b->prev_page[slot], *after = b->next_page[slot];
    if (before) {
        before->next_page[slot_of_page(before, ram_page)] = after;
    } else {
        p->first = after;
    }
    if (after) {
        after->prev_page[slot_of_page(after, ram_page)] = before;
    }
    unprotect_unused(s, ram_page, p);
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

static void unlink_exits(TcgState *s, TcgBlock *b)
{
    for (TcgExit *e = b->incoming, *next; e; e = next) {
        next = e->next_in;
        tcg_cache_patch(s, e, NULL);
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

void tcg_block_drop(TcgState *s, TcgBlock *b)
{
    if (b->dropped) {
        return;
    }
    b->dropped = true;
    uint64_t hash = hash_of(b->code_addr, b->pc);
    TcgBlock **link = chain_of(s, hash);
    while (*link != b) {
        link = &(*link)->next_hash;
    }
    *link = b->next_hash;
    FrontEntry *front = front_of(s, hash);
    if (front->block == b) {
        front->block = NULL;
    }
    page_remove(s, b, 0);
    if (in_second_list(b)) {
        page_remove(s, b, 1);
    }
    unlink_exits(s, b);
    tcg_context_forget_block(s, b);
    s->stats.drops++;
}

bool tcg_page_is_split(TcgState *s, uint64_t ram_page)
{
    return page_of(s, ram_page)->split;
}

/* Links between blocks that are there go with the blocks. */
static void split_page(TcgState *s, uint64_t ram_page)
{
    TcgPage *p = page_of(s, ram_page);
    while (!p->split && p->first) {
        tcg_block_drop(s, p->first);
    }
    p->split = true;
}

TcgBlock *tcg_block_find(TcgState *s, uint64_t code_addr, uint64_t pc, uint32_t mode)
{
    uint64_t hash = hash_of(code_addr, pc);
    FrontEntry *front = front_of(s, hash);
    TcgBlock *b = front->block;
    if (b && front->hash == hash && block_is(b, code_addr, pc, mode)) {
        return b;
    }
    for (b = *chain_of(s, hash); b && !block_is(b, code_addr, pc, mode);) {
        b = b->next_hash;
    }
    if (b) {
        *front = (FrontEntry){ hash, b };
    }
    return b;
}

bool tcg_block_covers(const TcgBlock *b, uint64_t ram_page, unsigned offset, unsigned len)
{
    for (unsigned slot = 0; slot < G_N_ELEMENTS(b->pages); slot++) {
        unsigned from, to;
        if (b->pages[slot] != ram_page) {
            continue;
        }
        block_range(b, slot, &from, &to);
        if (from < offset + len && to > offset) {
            return true;
        }
    }
    return false;
}

/* A vCPU may be inside a block that was dropped: it comes to the dispatcher at the next edge. */
static void leave_blocks(TcgState *s)
{
    for (unsigned n = 0; n < s->vcpus->len; n++) {
        const TcgVcpu *v = s->vcpus->pdata[n];
        __atomic_store_n(&v->cpu->exit_request, 1, __ATOMIC_SEQ_CST);
    }
}

bool tcg_code_written(TcgState *s, uint64_t ram_page, unsigned offset, unsigned len)
{
    TcgPage *p = page_of(s, ram_page);
    s->stats.smc_writes++;
    len = MIN(len, GUEST_PAGE - offset);
    if (!len || !(p->granules & granule_mask(offset, offset + len))) {
        return false;
    }
    bool any = false;
    uint64_t granules = 0;
    for (TcgBlock *b = p->first, *next; b; b = next) {
        unsigned slot = slot_of_page(b, ram_page), from, to;
        next = b->next_page[slot];
        block_range(b, slot, &from, &to);
        if (from < offset + len && to > offset) {
            tcg_block_drop(s, b);
            any = true;
        } else {
            granules |= granule_mask(from, to);
        }
    }
    p->granules = granules; /* those of blocks that were evicted go here */
    if (any) {
        leave_blocks(s);
    }
    return any;
}

void tcg_drop_all_blocks(TcgState *s)
{
    for (unsigned n = 0; n < G_N_ELEMENTS(s->blocks->hash); n++) {
        while (s->blocks->hash[n]) {
            tcg_block_drop(s, s->blocks->hash[n]);
        }
    }
}

/* ---- translation -------------------------------------------------------------------- */

/* TranslateCtx.priv */
typedef struct Fetch {
    uint64_t second_page; /* RAM page number of the next page, held, or NO_PAGE */
    bool faulted;         /* the block ends in translate_fetch_fault() */
    bool not_ram;
} Fetch;

/* A device is read in units that code starts at multiples of. */
static unsigned fetch_bus(TranslateCtx *t, uint64_t phys, uint8_t *buf, unsigned n)
{
    Fetch *f = t->priv;
    unsigned unit = 1u << t->cpu->arch->guest->pc_shift;
    uint64_t value;
    f->not_ram = true;
    if (memory_read(t->cpu->as, phys, unit, &value) != BUS_OK) {
        return 0;
    }
    value = GUINT64_TO_LE(value);
    n = MIN(n, unit);
    memcpy(buf, &value, n);
    return n;
}

/* As translate_fetch, but stops where rights may change. */
static unsigned fetch_stretch(TranslateCtx *t, uint64_t vaddr, uint8_t *buf, unsigned n)
{
    Fetch *f = t->priv;
    const uint8_t *page = t->page;
    unsigned offset = vaddr & (GUEST_PAGE - 1), end = t->page_bytes;
    if (vaddr - t->page_start >= t->page_bytes || !page) {
        TcgFetch at;
        MmuFault fault;
        if (!tcg_probe_fetch(t->cpu, vaddr, &at, &fault)) {
            return 0;
        }
        if (!at.page) {
            return fetch_bus(t, at.code_addr, buf, n);
        }
        page = at.page;
        end = at.end;
        if ((vaddr & -GUEST_PAGE) != t->page_start && f->second_page == NO_PAGE) {
            f->second_page = at.code_addr >> GUEST_PAGE_BITS;
            hold_page(t->cpu->tcg->state, f->second_page);
        }
    }
    n = MIN(n, end - offset);
    memcpy(buf, page + offset, n);
    return n;
}

unsigned translate_fetch(TranslateCtx *t, uint64_t vaddr, void *buf, unsigned n)
{
    unsigned done = 0, got;
    do {
        got = fetch_stretch(t, vaddr + done, (uint8_t *)buf + done, n - done);
        done += got;
    } while (got && done < n);
    return done;
}

static uint64_t cpu_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return t.tv_sec * UINT64_C(1000000000) + t.tv_nsec;
}

/* What translating costs in processor time (on a busy host the time of day says little).  Its
 * clock is a system call of most of a microsecond, a tenth of a translation: one in SAMPLE is
 * measured, with what the clock itself takes between two calls subtracted. */
typedef struct Sample {
    uint64_t first, start;
} Sample;

static Sample sample_begin(const TcgStats *stats)
{
    enum { SAMPLE = 31 };
    if (stats->blocks % SAMPLE) {
        return (Sample){ 0 };
    }
    uint64_t first = cpu_ns();
    return (Sample){ first, cpu_ns() };
}

static void sample_end(const Sample *m, TcgStats *stats, const TcgBlock *b)
{
    if (!m->start) {
        return;
    }
    uint64_t both = cpu_ns() - m->start, clock = m->start - m->first;
    stats->sampled_ns += both > clock ? both - clock : 0;
    stats->sampled_insns += b->insns;
}

static void log_ir(TcgState *s, LogItem item, const char *what)
{
    if (!log_enabled(item)) {
        return;
    }
    g_autoptr(GString) text = g_string_new(NULL);
    ir_print(s->ir, text);
    log_write("%s of 0x%" PRIx64 ":\n%s\n", what, s->ir->pc, text->str);
}

static void run_translator(TcgState *s, TranslateCtx *t)
{
    ir_block_reset(s->ir, t->pc);
    t->size = 0;
    t->cpu->arch->translate(t);
    log_ir(s, LOG_OP, "IR");
    s->ir->verify = LYREBIRD_CHECKS || s->engine == TCG_LOCKSTEP || log_enabled(LOG_OP | LOG_OP_OPT);
    ir_verify_pass(s->ir, "translate");
    ir_optimize(s->ir);
    log_ir(s, LOG_OP_OPT, "optimised IR");
}

/* -d in_asm, out_asm and perfmap=on */
static void log_code(TcgState *s, const TranslateCtx *t, const TcgBlock *b)
{
    if (log_enabled(LOG_IN_ASM) && t->cpu->arch->disassemble) {
        g_autoptr(GString) text = g_string_new(NULL);
        for (uint64_t at = 0; t->page && at < t->size;) {
            uint64_t offset = (t->pc & (GUEST_PAGE - 1)) + at;
            if (offset >= GUEST_PAGE) {
                break;
            }
            g_string_append_printf(text, "0x%016" PRIx64 ":  ", t->pc + at);
            unsigned left = GUEST_PAGE - offset;
            unsigned len = t->cpu->arch->disassemble(t->pc + at, t->page + offset, left, text);
            g_string_append_c(text, '\n');
            at += MAX(len, 1u);
        }
        log_write("IN: mode %x\n%s\n", b->mode, text->str);
    }
    if (log_enabled(LOG_OUT_ASM) && b->code) {
        g_autoptr(GString) text = g_string_new(NULL);
        jit_backend->print(b->code, b->pc_table, text);
        log_write("OUT: %u bytes\n%s\n", b->code_size, text->str);
    }
    if (b->code) {
        tcg_perf_map_add(s, b->code, b->code_size, "guest", b->pc);
    }
}

static void keep_ir(TcgState *s, TcgBlock *b)
{
    b->ir = s->ir;
    s->ir = ir_block_new(s->guest);
}

static void publish(TcgState *s, TcgBlock *b)
{
    TcgBlock **head = chain_of(s, hash_of(b->code_addr, b->pc));
    b->next_hash = *head;
    *head = b;
    page_insert(s, b, 0);
    if (in_second_list(b)) {
        page_insert(s, b, 1);
    }
}

static TcgBlock *block_from(TcgState *s, const TranslateCtx *t, uint64_t code_addr)
{
    const Fetch *f = t->priv;
    TcgBlock *b = g_new0(TcgBlock, 1);
    b->code_addr = code_addr;
    b->pc = t->pc;
    b->mode = t->key.mode;
    b->size = MAX(t->size, 1u);
    b->insns = s->ir->guest_insns;
    b->pages[0] = code_addr >> GUEST_PAGE_BITS;
    bool straddles = (code_addr & (GUEST_PAGE - 1)) + b->size > GUEST_PAGE;
    b->pages[1] = straddles ? f->second_page : NO_PAGE;
    b->single = !t->page || f->not_ram || tcg_single(t->cpu) || f->faulted;
    return b;
}

/* IR, and host code where there is an engine for it; smaller until it fits. */
static TcgBlock *make_block(TcgState *s, TranslateCtx *t, uint64_t code_addr)
{
    run_translator(s, t);
    TcgBlock *b = block_from(s, t, code_addr);
    while (!b->single && s->engine != TCG_INTERP && !tcg_cache_compile(s, b, s->ir)) {
        if (t->max_insns <= 1) {
            g_error("one instruction at 0x%" PRIx64 " does not fit the code cache", t->pc);
        }
        g_free(b);
        t->max_insns = MAX(t->max_insns / 4, 1u);
        run_translator(s, t);
        b = block_from(s, t, code_addr);
        b->single = false;
    }
    return b;
}

/* Where the block is found again, if it may be. */
static void keep_block(TcgState *s, TcgBlock *b)
{
    if (b->single || s->engine != TCG_JIT) {
        keep_ir(s, b);
    }
    if (b->single) {
        return;
    }
    if (!b->code) {
        if (s->blocks->interpreted->len >= MAX_INTERPRETED) {
            free_interpreted(s);
        }
        g_ptr_array_add(s->blocks->interpreted, b);
    }
    publish(s, b);
}

static TcgBlock *translate(CPU *cpu, const TcgFetch *at)
{
    TcgState *s = cpu->tcg->state;
    uint64_t pc = cpu_pc(cpu);
    Sample sample = sample_begin(&s->stats);
    Fetch f = { .second_page = NO_PAGE };
    TranslateCtx t = {
        .cpu = cpu,
        .ir = s->ir,
        .pc = pc,
        .key = cpu->tcg->ctx->key,
        .max_insns = tcg_single(cpu) || !at->page || s->one_insn ? 1 : MAX_INSNS,
        .page = at->page,
        .page_start = pc & -GUEST_PAGE,
        .page_bytes = at->end,
        .priv = &f,
    };
    if (at->page) {
        hold_page(s, at->code_addr >> GUEST_PAGE_BITS);
    }
    TcgBlock *b = make_block(s, &t, at->code_addr);
    log_code(s, &t, b);
    keep_block(s, b);
    if (at->page) {
        release_page(s, at->code_addr >> GUEST_PAGE_BITS);
    }
    if (f.second_page != NO_PAGE) {
        release_page(s, f.second_page);
    }
    s->stats.blocks++;
    s->stats.guest_insns += b->insns;
    s->stats.host_bytes += b->code_size;
    sample_end(&sample, &s->stats, b);
    return b;
}

/* A block over two pages is the right one if the second page is still what it was. */
static bool second_page_fits(CPU *cpu, const TcgBlock *b)
{
    TcgFetch f;
    MmuFault fault;
    if (b->pages[1] == NO_PAGE) {
        return true;
    }
    return tcg_probe_fetch(cpu, (b->pc & -GUEST_PAGE) + GUEST_PAGE, &f, &fault) && f.page &&
           f.code_addr >> GUEST_PAGE_BITS == b->pages[1];
}

/* All of it may be fetched: it may have been made for another vCPU, or before PMP changed. */
static bool rights_fit(CPU *cpu, const TcgBlock *b, const TcgFetch *at)
{
    uint64_t page = b->pc & -GUEST_PAGE;
    unsigned to = MIN((b->pc & (GUEST_PAGE - 1)) + b->size, GUEST_PAGE);
    TcgFetch f = *at;
    MmuFault fault;
    while (f.end < to) {
        if (!tcg_probe_fetch(cpu, page + f.end, &f, &fault)) {
            return false;
        }
    }
    return true;
}

void tcg_block_forget_single(TcgVcpu *v)
{
    if (!v->single) {
        return;
    }
    ir_block_free(v->single->ir);
    g_free(v->single);
    v->single = NULL;
}

TcgBlock *tcg_block_get(CPU *cpu)
{
    TcgVcpu *v = cpu->tcg;
    tcg_context_sync(v);
    uint64_t pc = cpu_pc(cpu);
    TcgFetch at;
    tcg_fetch_page(cpu, pc, &at);
    if (G_UNLIKELY(at.split && at.page)) {
        split_page(v->state, at.code_addr >> GUEST_PAGE_BITS);
    }
    if (at.page && !tcg_single(cpu)) {
        TcgBlock *b = tcg_block_find(v->state, at.code_addr, pc, v->ctx->key.mode);
        bool fits = b && rights_fit(cpu, b, &at) && second_page_fits(cpu, b);
        if (fits && !b->dropped) { /* by an A bit that their walks set in its code */
            return b;
        }
        if (b) {
            tcg_block_drop(v->state, b);
        }
    }
    TcgBlock *b = translate(cpu, &at);
    tcg_block_forget_single(v);
    if (b->single) {
        v->single = b;
    }
    return b;
}

/* ---- fetches that fault ---------------------------------------------------------------- */

/* The rest of an instruction could not be fetched when the block was made: such blocks run once, so
 * try again. */
static void helper_fetch_fault(CPU *cpu, uint64_t vaddr)
{
    TcgFetch f;
    tcg_fetch_page(cpu, vaddr, &f);
    cpu_restore_pc(cpu);
    cpu_loop_exit(cpu);
}

static const IrHelper fetch_fault = IR_HELPER1("fetch_fault", helper_fetch_fault, IRH_FAULT, VOID, I64);

void translate_fetch_fault(TranslateCtx *t, uint64_t vaddr)
{
    Fetch *f = t->priv;
    IrRef arg = ir_const(t->ir, vaddr);
    f->faulted = true;
    ir_call(t->ir, &fetch_fault, IR_NONE, 1, &arg);
    ir_exit_lookup(t->ir);
}
