/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The state that all vCPUs of a machine share, and what other threads ask of it.
 *
 * The memory listener runs in any thread: it only notes what happened and kicks the
 * vCPU thread, which does the work between two blocks. */
#include <inttypes.h>
#include <string.h>

#include "accel/tcg/internal.h"

/* Guest code that a device (or loader) wrote over. */
typedef struct TcgDma {
    uint64_t ram_page;
    unsigned offset, length;
} TcgDma;

void tcg_queue_filled(TcgState *s)
{
    __atomic_store_n(&s->dma_pending, 1, __ATOMIC_SEQ_CST);
    tcg_kick_thread(s);
}

/* Only RAM is ever cached, and nothing is cached of what is not there: that RAM comes, and that
 * devices come and go (a PCI scan moves BARs by the hundred), flushes nothing. */
static void region_del(MemoryListener *l, AddressSpace *as, const FlatRange *r)
{
    TcgState *s = l->opaque;
    RamBlock *rb = flat_range_ram(r);
    if (!rb) {
        return;
    }
    if (ram_is_followed(rb)) {
        tcg_dirty_unmapped(s, rb);
    }
    __atomic_store_n(&s->view_changed, 1, __ATOMIC_SEQ_CST);
    tcg_queue_filled(s);
}

static void code_written(MemoryListener *l, RamBlock *rb, uint64_t offset, uint64_t length)
{
    TcgState *s = l->opaque;
    lock_take(&s->lock);
    while (length) {
        unsigned in_page = offset & (GUEST_PAGE - 1);
        unsigned n = MIN(length, GUEST_PAGE - in_page);
        TcgDma d = { rb->first_page + (offset >> GUEST_PAGE_BITS), in_page, n };
        g_array_append_val(s->dma, d);
        offset += n;
        length -= n;
    }
    lock_release(&s->lock);
    tcg_queue_filled(s);
}

/* The thread passes memory_quiescent() at each round of its loop. */
static void readers_wanted(MemoryListener *l)
{
    tcg_kick_thread(l->opaque);
}

static void drop_written(TcgState *s)
{
    lock_take(&s->lock);
    GArray *list = s->dma;
    s->dma = g_array_new(FALSE, FALSE, sizeof(TcgDma));
    lock_release(&s->lock);
    for (unsigned n = 0; n < list->len; n++) {
        const TcgDma *d = &g_array_index(list, TcgDma, n);
        if (tcg_page_has_code(s, d->ram_page)) {
            tcg_code_written(s, d->ram_page, d->offset, d->length);
        }
    }
    s->stats.dma_writes += list->len;
    g_array_unref(list);
}

void tcg_view_flush(TcgState *s)
{
    for (unsigned n = 0; n < s->vcpus->len; n++) {
        TcgVcpu *v = s->vcpus->pdata[n];
        v->near.size = 0;
        cpu_flush_all(v->cpu);
    }
}

static void flush_everything(TcgState *s)
{
    tcg_blocks_view_changed(s);
    tcg_view_flush(s);
}

void tcg_handle_queue(TcgState *s)
{
    if (G_LIKELY(!__atomic_load_n(&s->dma_pending, __ATOMIC_ACQUIRE))) {
        return;
    }
    __atomic_store_n(&s->dma_pending, 0, __ATOMIC_SEQ_CST);
    if (__atomic_exchange_n(&s->view_changed, 0, __ATOMIC_SEQ_CST)) {
        flush_everything(s);
    }
    tcg_dirty_revoke(s);
    drop_written(s);
}

/* ---- life -------------------------------------------------------------------------- */

TcgState *tcg_state_new(const TcgOptions *opt, GError **err)
{
    TcgState *s = g_new0(TcgState, 1);
    s->engine = opt->engine;
    s->cache_bytes = opt->cache_bytes;
    s->one_insn = opt->one_insn;
    s->vcpus = g_ptr_array_new();
    s->dma = g_array_new(FALSE, FALSE, sizeof(TcgDma));
    tcg_dirty_new(s);
    lock_init(&s->lock, LOCK_CODE_WRITTEN);
    if ((opt->perf_map && !tcg_perf_map_open(s, err)) || !tcg_blocks_new(s, err)) {
        tcg_state_free(s);
        return NULL;
    }
    return s;
}

void tcg_listen(TcgState *s, AddressSpace *as)
{
    g_assert(!s->listener.as);
    s->listener = (MemoryListener){ .region_del = region_del,
                                    .code_written = code_written,
                                    .dirty_started = tcg_dirty_started,
                                    .dirty_taken = tcg_dirty_taken,
                                    .readers_wanted = readers_wanted,
                                    .as = as,
                                    .opaque = s };
    memory_listener_add(&s->listener);
}

void tcg_state_free(TcgState *s)
{
    if (!s) {
        return;
    }
    if (s->listener.as) {
        memory_listener_remove(&s->listener);
    }
    tcg_blocks_free(s);
    tcg_cache_free(s);
    if (s->ir) {
        ir_block_free(s->ir);
    }
    tcg_perf_map_close(s);
    g_ptr_array_free(s->vcpus, TRUE);
    g_array_unref(s->dma);
    tcg_dirty_free(s);
    lock_finish(&s->lock);
    g_free(s);
}

static void info_line(GString *out, const char *name, uint64_t value)
{
    g_string_append_printf(out, "%-19s %" PRIu64 "\n", name, value);
}

void tcg_state_info(TcgState *s, GString *out)
{
    const TcgStats *t = &s->stats;
    static const char *const engines[] = { "jit", "interpreter", "lockstep" };
    g_string_append_printf(out, "engine              %s\n", engines[s->engine]);
    if (s->cache) {
        tcg_cache_info(s, out);
    }
    info_line(out, "blocks translated", t->blocks);
    info_line(out, "guest instructions", t->guest_insns);
    info_line(out, "host bytes", t->host_bytes);
    double ns_per_insn = (double)t->sampled_ns / MAX(t->sampled_insns, 1u);
    info_line(out, "ns per instruction", ns_per_insn);
    info_line(out, "translation ms", t->guest_insns * ns_per_insn / 1e6);
    info_line(out, "blocks dropped", t->drops);
    info_line(out, "regions evicted", t->evictions);
    info_line(out, "writes to code", t->smc_writes);
    info_line(out, "DMA to code", t->dma_writes);
    info_line(out, "TLB fills", t->tlb_fills);
    info_line(out, "slow accesses", t->slow_accesses);
    info_line(out, "context switches", t->context_switches);
    info_line(out, "context misses", t->context_misses);
    info_line(out, "block lookups", t->lookups);
    info_line(out, "jumps chained", t->chained);
    info_line(out, "returns to the loop", t->exits);
    info_line(out, "flushes", t->flush_all);
    info_line(out, "flushes by ASID", t->flush_asid);
    info_line(out, "flushes by page", t->flush_page);
}
