/* SPDX-License-Identifier: GPL-2.0-or-later */
/* From guest code to a block: found in the index, or translated.
 *
 * A translation runs under the lock of the code, from before its first byte is read until the block is in the
 * index; its pages are held meanwhile (pages.h), so no write in between is lost.  Nothing is asked of the page tables
 * or of a device under that lock: what the first instruction needs beyond its page, or beyond where
 * rights may change, is looked up without it, and then the translation begins anew.
 *
 * Rights to fetch may change within a page, and differ between vCPUs (PMP): see tcg_index_split(). */
#include "accel/tcg/translate.h"

#include <inttypes.h>
#include <string.h>
#include <time.h>

#include "accel/tcg/debug.h"
#include "accel/tcg/mail.h"
#include "accel/tcg/softmmu.h"
#include "base/log.h"

enum { MAX_INSNS = 128, MAX_INTERPRETED = 65536, MAX_STRETCHES = 16 };

/* ---- fetching -------------------------------------------------------------------------- */

/* Code from an address on, up to the end of its page or to where rights may change. */
typedef struct Stretch {
    uint64_t vaddr;
    TcgFetch at;
    bool faults;
} Stretch;

/* TranslateCtx.priv.  The first stretch is the block's; others are those that its first instruction needed. */
typedef struct Fetch {
    Stretch known[MAX_STRETCHES];
    unsigned count;
    uint64_t wants; /* a stretch at this address is to be looked up */
    bool wanting;
    bool faulted; /* the block ends in translate_fetch_fault() */
    bool once;    /* some of it is not RAM: without the lock of the code, for a block that is run once */
    bool exists;  /* another vCPU has made the block meanwhile */
    bool copied;  /* not translated */
} Fetch;

static unsigned stretch_end(const Stretch *f)
{
    return f->at.page ? f->at.end : GUEST_PAGE;
}

static const Stretch *find_stretch(const Fetch *f, uint64_t vaddr)
{
    for (unsigned n = 0; n < f->count; n++) {
        const Stretch *k = &f->known[n];
        uint64_t page = k->vaddr & -(uint64_t)GUEST_PAGE;
        if (vaddr >= k->vaddr && vaddr - page < stretch_end(k)) {
            return k;
        }
    }
    return NULL;
}

/* A device is read in units that code starts at multiples of. */
static unsigned fetch_bus(TranslateCtx *t, uint64_t phys, uint8_t *buf, unsigned n)
{
    unsigned unit = 1u << t->cpu->arch->guest->pc_shift;
    uint64_t value;
    if (memory_read(t->cpu->as, phys, unit, &value) != BUS_OK) {
        if (!t->cpu->arch->open_bus) {
            return 0;
        }
        value = UINT64_MAX;
    }
    value = GUINT64_TO_LE(value);
    n = MIN(n, unit);
    memcpy(buf, &value, n);
    return n;
}

/* Is this a byte that the block cannot do without?  Its first instruction's, at most. */
static bool is_needed(const TranslateCtx *t, uint64_t vaddr)
{
    const Fetch *f = t->priv;
    return vaddr - f->known[0].vaddr < t->cpu->arch->guest->insn_bytes;
}

/* As translate_fetch, but stops where rights may change. */
static unsigned fetch_stretch(TranslateCtx *t, uint64_t vaddr, uint8_t *buf, unsigned n)
{
    Fetch *f = t->priv;
    unsigned offset = vaddr & (GUEST_PAGE - 1);
    const Stretch *k = find_stretch(f, vaddr);
    if (!k) {
        f->wants = vaddr;
        f->wanting |= is_needed(t, vaddr);
        return 0;
    }
    if (k->faults) {
        return 0;
    }
    if (!k->at.page) {
        return fetch_bus(t, k->at.code_addr + (vaddr - k->vaddr), buf, n);
    }
    n = MIN(n, k->at.end - offset);
    memcpy(buf, k->at.page + offset, n);
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

/* The RAM page behind the block's own, if some of the block is there. */
static uint64_t second_page(const Fetch *f)
{
    uint64_t first = f->known[0].vaddr & -(uint64_t)GUEST_PAGE;
    for (unsigned n = 1; n < f->count; n++) {
        const Stretch *k = &f->known[n];
        if ((k->vaddr & -(uint64_t)GUEST_PAGE) != first && !k->faults && k->at.page) {
            return k->at.code_addr >> GUEST_PAGE_BITS;
        }
    }
    return BLOCK_NO_PAGE;
}

static bool all_is_ram(const Fetch *f)
{
    for (unsigned n = 0; n < f->count; n++) {
        if (!f->known[n].faults && !f->known[n].at.page) {
            return false;
        }
    }
    return true;
}

/* Without the lock: what the translation wants to know. */
static void look_up(CPU *cpu, Fetch *f)
{
    MmuFault fault;
    Stretch *k = &f->known[f->count++];
    g_assert(f->count <= MAX_STRETCHES);
    *k = (Stretch){ .vaddr = f->wants };
    k->faults = !tcg_probe_fetch(cpu, k->vaddr, &k->at, &fault);
    f->wanting = false;
}

/* ---- what it costs ---------------------------------------------------------------------- */

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

/* ---- logs ------------------------------------------------------------------------------- */

static void log_ir(const IrBlock *ir, LogItem item, const char *what)
{
    if (!log_enabled(item)) {
        return;
    }
    g_autoptr(GString) text = g_string_new(NULL);
    ir_print(ir, text);
    log_write("%s of 0x%" PRIx64 ":\n%s\n", what, ir->pc, text->str);
}

/* -d in_asm, out_asm and perfmap=on */
static void log_code(TcgState *s, const TranslateCtx *t, const TcgBlock *b)
{
    if (log_enabled(LOG_IN_ASM) && t->cpu->arch->disassemble) {
        const Fetch *f = t->priv;
        g_autoptr(GString) text = g_string_new(NULL);
        for (uint64_t at = 0; t->page && at < t->size;) {
            uint64_t offset = (f->known[0].vaddr & (GUEST_PAGE - 1)) + at;
            if (offset >= GUEST_PAGE) {
                break;
            }
            g_string_append_printf(text, "0x%016" PRIx64 ":  ", t->pc + at);
            unsigned left = GUEST_PAGE - offset;
            unsigned len = t->cpu->arch->disassemble(b->mode, t->pc + at, t->page + offset, left, text);
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

/* ---- translating -------------------------------------------------------------------------- */

static void run_translator(const TcgState *s, TranslateCtx *t)
{
    Fetch *f = t->priv;
    f->faulted = false; /* of this try; the one before may have known less */
    ir_block_reset(t->ir, t->pc);
    t->ir->page_bias = (f->known[0].vaddr - t->pc) & (GUEST_PAGE - 1);
    t->ir->alone = !s->shared;
    t->size = 0;
    t->cpu->arch->translate(t);
    log_ir(t->ir, LOG_OP, "IR");
    t->ir->verify = LYREBIRD_CHECKS || s->opt.engine == TCG_LOCKSTEP || log_enabled(LOG_OP | LOG_OP_OPT);
    ir_verify_pass(t->ir, "translate");
    ir_optimize(t->ir);
    log_ir(t->ir, LOG_OP_OPT, "optimised IR");
}

static void keep_ir(TcgVcpu *v, TcgBlock *b)
{
    b->ir = v->ir;
    v->ir = ir_block_new(v->state->guest);
}

static TcgBlock *block_from(const TranslateCtx *t)
{
    const Fetch *f = t->priv;
    uint64_t code_addr = f->known[0].at.code_addr;
    TcgBlock *b = g_new0(TcgBlock, 1);
    b->code_addr = code_addr;
    b->pc = t->pc;
    b->mode = t->key.mode;
    b->size = MAX(t->size, 1u);
    b->insns = t->ir->guest_insns;
    b->pages[0] = code_addr >> GUEST_PAGE_BITS;
    bool straddles = (code_addr & (GUEST_PAGE - 1)) + b->size > GUEST_PAGE;
    b->pages[1] = straddles ? second_page(f) : BLOCK_NO_PAGE;
    b->single = f->once || tcg_single(t->cpu) || f->faulted;
    return b;
}

/* IR, and host code where there is an engine for it; smaller until it fits.  NULL: the translation wants to
 * know something (Fetch.wanting), or the cache is full. */
static TcgBlock *make_block(TcgState *s, TranslateCtx *t)
{
    const Fetch *f = t->priv;
    TcgBlock *b = NULL;
    for (;;) {
        run_translator(s, t);
        if (f->wanting) {
            return NULL;
        }
        b = block_from(t);
        if (b->single || !s->cache) {
            return b;
        }
        TcgCompiled done = tcg_cache_compile(s->cache, b, t->ir);
        if (done == TCG_COMPILED) {
            return b;
        }
        g_free(b);
        if (done == TCG_NO_ROOM) {
            t->cpu->tcg->cache_full = true;
            return NULL;
        }
        if (t->max_insns <= 1) {
            g_error("one instruction at 0x%" PRIx64 " does not fit the code cache", t->pc);
        }
        t->max_insns = MAX(t->max_insns / 4, 1u);
    }
}

/* Without host code there are no regions to empty: forget all at once. */
static void forget_interpreted(TcgState *s)
{
    GPtrArray *list = s->interpreted;
    TcgBatch *batch = g_new0(TcgBatch, 1);
    for (unsigned n = 0; n < list->len; n++) {
        tcg_index_drop(&s->index, list->pdata[n]);
    }
    batch->count = list->len;
    batch->blocks = (TcgBlock **)g_ptr_array_free(list, FALSE);
    s->interpreted = g_ptr_array_new();
    tcg_mail_leave(s, batch);
}

/* Where the block is found again, if it may be. */
static void keep_block(TcgVcpu *v, TcgBlock *b)
{
    TcgState *s = v->state;
    if (b->single || s->opt.engine != TCG_JIT) {
        keep_ir(v, b);
    }
    if (b->single) {
        return;
    }
    if (!b->code) {
        if (s->interpreted->len >= MAX_INTERPRETED) {
            forget_interpreted(s);
        }
        g_ptr_array_add(s->interpreted, b);
    }
    tcg_index_publish(&s->index, b);
}

static void count_block(TcgStats *stats, const TcgBlock *b)
{
    stats->blocks++;
    stats->guest_insns += b->insns;
    stats->host_bytes += b->code_size;
}

static TranslateCtx translate_ctx(CPU *cpu, Fetch *f)
{
    const TcgVcpu *v = cpu->tcg;
    const TcgFetch *at = &f->known[0].at;
    return (TranslateCtx){
        .cpu = cpu,
        .ir = v->ir,
        .pc = cpu_pc(cpu),
        .key = v->ctx->key,
        .max_insns = tcg_single(cpu) || !at->page || v->state->opt.one_insn ? 1 : MAX_INSNS,
        .page = at->page,
        .page_start = f->known[0].vaddr & -(uint64_t)GUEST_PAGE,
        .page_bytes = at->end,
        .priv = f,
    };
}

/* One try, with what is known.  NULL as make_block(). */
static TcgBlock *translate_once(CPU *cpu, Fetch *f)
{
    TcgVcpu *v = cpu->tcg;
    TcgState *s = v->state;
    TranslateCtx t = translate_ctx(cpu, f);
    TcgBlock *b = make_block(s, &t);
    if (b) {
        log_code(s, &t, b);
        keep_block(v, b);
        count_block(&v->stats, b);
    }
    return b;
}

/* ---- copies ---------------------------------------------------------------------------------
 *
 * A shared library is at another address in each process, and the kernel gives each its own: what was translated for
 * one is copied for the next.  The code is the same bytes of RAM, in a page that this vCPU may fetch all of. */

static bool may_copy(CPU *cpu, const TcgFetch *at)
{
    const TcgState *s = cpu->tcg->state;
    return s->opt.engine == TCG_JIT && !at->split && !tcg_single(cpu) && !tcg_any_breakpoints(cpu->tcg) &&
           !log_enabled(LOG_IN_ASM | LOG_OP | LOG_OP_OPT | LOG_OUT_ASM);
}

/* In builds with checks: is a copy what would have been translated? */
static void check_copy(CPU *cpu, const Fetch *f, const TcgBlock *b)
{
    if (!LYREBIRD_CHECKS) {
        return;
    }
    TcgState *s = cpu->tcg->state;
    Fetch once = *f;
    TranslateCtx t = translate_ctx(cpu, &once);
    run_translator(s, &t);
    if (!tcg_cache_is_same(s->cache, b, t.ir)) {
        g_autoptr(GString) text = g_string_new(NULL);
        ir_print(t.ir, text);
        g_error("the copy of a block at 0x%" PRIx64 " is not what its translation would be:\n%s", b->pc,
                text->str);
    }
}

static TcgBlock *copy_block(CPU *cpu, const Fetch *f)
{
    TcgVcpu *v = cpu->tcg;
    TcgState *s = v->state;
    const TcgFetch *at = &f->known[0].at;
    const TcgBlock *from =
        may_copy(cpu, at) ? tcg_index_alike(&s->index, at->code_addr, v->ctx->key.mode) : NULL;
    if (!from) {
        return NULL;
    }
    TcgBlock *b = g_new0(TcgBlock, 1);
    b->code_addr = from->code_addr;
    b->pc = cpu_pc(cpu);
    b->mode = from->mode;
    b->size = from->size;
    b->insns = from->insns;
    b->pages[0] = from->pages[0];
    b->pages[1] = from->pages[1];
    if (!tcg_cache_copy(s->cache, b, from)) {
        g_free(b);
        return NULL;
    }
    check_copy(cpu, f, b);
    tcg_perf_map_add(s, b->code, b->code_size, "guest", b->pc);
    tcg_index_publish(&s->index, b);
    v->stats.copies++;
    return b;
}

/* Threads that start on the same code at once translate it once. */
static bool is_there(CPU *cpu, const Fetch *f)
{
    TcgVcpu *v = cpu->tcg;
    return !tcg_single(cpu) &&
           tcg_index_find(&v->state->index, f->known[0].at.code_addr, cpu_pc(cpu), v->ctx->key.mode);
}

static TcgBlock *translate_held(CPU *cpu, Fetch *f)
{
    TcgIndex *x = &cpu->tcg->state->index;
    uint64_t pages[] = { f->known[0].at.code_addr >> GUEST_PAGE_BITS, second_page(f) };
    lock_take(&x->lock);
    f->exists = is_there(cpu, f);
    if (f->exists) {
        lock_release(&x->lock);
        return NULL;
    }
    if (f->known[0].at.split) {
        tcg_index_split(x, pages[0]);
    }
    for (unsigned n = 0; n < G_N_ELEMENTS(pages); n++) {
        if (pages[n] != BLOCK_NO_PAGE) {
            tcg_index_hold(x, pages[n]);
        }
    }
    TcgBlock *b = copy_block(cpu, f);
    f->copied = b;
    b = b ? b : translate_once(cpu, f);
    for (unsigned n = 0; n < G_N_ELEMENTS(pages); n++) {
        if (pages[n] != BLOCK_NO_PAGE) {
            tcg_index_release(x, pages[n]);
        }
    }
    lock_release(&x->lock);
    return b;
}

/* Of the code at the current pc, which is fetched at vaddr.  NULL: there is no room, or *exists. */
static TcgBlock *translate(CPU *cpu, uint64_t vaddr, const TcgFetch *at, bool *exists)
{
    TcgStats *stats = &cpu->tcg->stats;
    Sample sample = sample_begin(stats);
    Fetch f = { .known = { { .vaddr = vaddr, .at = *at } }, .count = 1 };
    TcgBlock *b;
    for (;;) {
        f.once = !all_is_ram(&f);
        b = f.once ? translate_once(cpu, &f) : translate_held(cpu, &f);
        if (b || !f.wanting) {
            break;
        }
        look_up(cpu, &f);
    }
    if (b && !f.copied) {
        sample_end(&sample, stats, b);
    }
    *exists = f.exists;
    return b;
}

/* ---- finding -------------------------------------------------------------------------------- */

/* A block over two pages is the right one if the second page is still what it was. */
static bool second_page_fits(CPU *cpu, const TcgBlock *b, uint64_t vaddr)
{
    TcgFetch f;
    MmuFault fault;
    if (b->pages[1] == BLOCK_NO_PAGE) {
        return true;
    }
    return tcg_probe_fetch(cpu, (vaddr & -GUEST_PAGE) + GUEST_PAGE, &f, &fault) && f.page &&
           f.code_addr >> GUEST_PAGE_BITS == b->pages[1];
}

/* All of it may be fetched: it may have been made for another vCPU, or before PMP changed. */
static bool rights_fit(CPU *cpu, const TcgBlock *b, uint64_t vaddr, const TcgFetch *at)
{
    uint64_t page = vaddr & -GUEST_PAGE;
    unsigned to = MIN((vaddr & (GUEST_PAGE - 1)) + b->size, GUEST_PAGE);
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

/* The block that is there, if this vCPU may run all of it. */
static TcgBlock *find(CPU *cpu, uint64_t vaddr, const TcgFetch *at)
{
    TcgVcpu *v = cpu->tcg;
    TcgIndex *x = &v->state->index;
    TcgBlock *b = tcg_index_find(x, at->code_addr, cpu_pc(cpu), v->ctx->key.mode);
    if (!b) {
        return NULL;
    }
    bool fits = rights_fit(cpu, b, vaddr, at) && second_page_fits(cpu, b, vaddr);
    if (fits && !tcg_block_is_dropped(b)) { /* by an A bit that their walks set in its code */
        return b;
    }
    lock_take(&x->lock);
    tcg_index_drop(x, b);
    lock_release(&x->lock);
    return NULL;
}

/* The vCPU fetches from a part of the page only: that is known before a block of it is found. */
static void note_split(CPU *cpu, const TcgFetch *at)
{
    TcgIndex *x = &cpu->tcg->state->index;
    lock_take(&x->lock);
    tcg_index_split(x, at->code_addr >> GUEST_PAGE_BITS);
    lock_release(&x->lock);
}

TcgBlock *tcg_block_get(CPU *cpu)
{
    TcgVcpu *v = cpu->tcg;
    tcg_context_sync(v);
    uint64_t vaddr = cpu_fetch_vaddr(cpu->arch, v->ctx->key.mode, cpu_pc(cpu));
    TcgFetch at;
    TcgBlock *b;
    bool exists;
    tcg_fetch_page(cpu, vaddr, &at);
    if (G_UNLIKELY(at.split && at.page)) {
        note_split(cpu, &at);
    }
    do {
        b = at.page && !tcg_single(cpu) ? find(cpu, vaddr, &at) : NULL;
        if (b) {
            return b;
        }
        b = translate(cpu, vaddr, &at, &exists);
    } while (exists);
    tcg_block_forget_single(v);
    if (b && b->single) {
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
