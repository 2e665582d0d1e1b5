/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "accel/tcg/state.h"

#include <inttypes.h>

#include "accel/tcg/dirty.h"
#include "accel/tcg/mail.h"
#include "accel/tcg/run.h"
#include "accel/tcg/translate.h"
#include "base/log.h"

/* ---- what the memory tells: any thread ------------------------------------------------- */

/* Only RAM is ever cached, and nothing is cached of what is not there: that RAM comes, and that
 * devices come and go (a PCI scan moves BARs by the hundred), flushes nothing. */
static void region_del(MemoryListener *l, AddressSpace *as, const FlatRange *r)
{
    if (flat_range_ram(r)) {
        tcg_mail_flush(l->opaque);
    }
}

static void code_written(MemoryListener *l, RamBlock *rb, uint64_t offset, uint64_t length)
{
    TcgState *s = l->opaque;
    while (length) {
        unsigned in_page = offset & (GUEST_PAGE - 1);
        unsigned n = MIN(length, GUEST_PAGE - in_page);
        tcg_index_written(&s->index, rb->first_page + (offset >> GUEST_PAGE_BITS), in_page, n);
        offset += n;
        length -= n;
    }
}

static void leave_blocks(void *opaque)
{
    const TcgState *s = opaque;
    for (unsigned n = 0; n < s->vcpus->len; n++) {
        const TcgVcpu *v = s->vcpus->pdata[n];
        __atomic_store_n(&v->cpu->exit_request, 1, __ATOMIC_SEQ_CST);
    }
}

/* The threads pass memory_quiescent() at each round of their loops. */
static void readers_wanted(MemoryListener *l)
{
    leave_blocks(l->opaque);
}

void tcg_listen(TcgState *s, AddressSpace *as)
{
    g_assert(!s->listener.as);
    s->listener = (MemoryListener){ .region_del = region_del,
                                    .code_written = code_written,
                                    .dirty_taken = tcg_dirty_taken,
                                    .readers_wanted = readers_wanted,
                                    .as = as,
                                    .opaque = s };
    memory_listener_add(&s->listener);
}

/* All that is told of blocks of RAM the first one hears. */
void tcg_listen_also(TcgState *s, AddressSpace *as)
{
    if (s->other.as == as) {
        return;
    }
    g_assert(!s->other.as);
    s->other = (MemoryListener){ .region_del = region_del, .as = as, .opaque = s };
    memory_listener_add(&s->other);
}

/* ---- life -------------------------------------------------------------------------------- */

static void revoke_right(void *opaque, uint64_t ram_page, TcgWriter writer)
{
    tcg_mail_revoke(opaque, ram_page, writer);
}

static void leaving(void *opaque, TcgBatch *batch)
{
    tcg_mail_leave(opaque, batch);
}

TcgState *tcg_state_new(const TcgOptions *opt, GError **err)
{
    TcgState *s = g_new0(TcgState, 1);
    s->opt = *opt;
    s->vcpus = g_ptr_array_new();
    s->interpreted = g_ptr_array_new();
    s->index.revoke = revoke_right;
    s->index.leave = leave_blocks;
    s->index.one_at_a_time = opt->engine == TCG_LOCKSTEP;
    s->index.opaque = s;
    if (!tcg_index_init(&s->index, err) || (opt->perf_map && !tcg_perf_map_open(s, err))) {
        tcg_state_free(s);
        return NULL;
    }
    return s;
}

static void free_interpreted(TcgState *s)
{
    for (unsigned n = 0; n < s->interpreted->len; n++) {
        tcg_block_free(s->interpreted->pdata[n]);
    }
    g_ptr_array_free(s->interpreted, TRUE);
}

void tcg_state_free(TcgState *s)
{
    if (!s) {
        return;
    }
    if (s->listener.as) {
        memory_listener_remove(&s->listener);
    }
    if (s->other.as) {
        memory_listener_remove(&s->other);
    }
    free_interpreted(s);
    tcg_cache_free(s->cache);
    tcg_perf_map_close(s);
    tcg_index_finish(&s->index);
    g_ptr_array_free(s->vcpus, TRUE);
    g_free(s);
}

static bool make_cache(TcgState *s, GError **err)
{
    JitConfig jit = tcg_jit_config;
    jit.guest = s->guest;
    TcgCacheConfig config = {
        .bytes = s->opt.cache_bytes,
        .jit = &jit,
        .index = &s->index,
        .leaving = leaving,
        .opaque = s,
    };
    s->cache = tcg_cache_new(&config, err);
    if (!s->cache) {
        return false;
    }
    tcg_perf_map_add(s, tcg_cache_head(s->cache), jit_backend->head_bytes, "lyrebird_stubs", 0);
    if (log_enabled(LOG_OUT_ASM)) { /* what that loads, it loads before the sandbox closes */
        g_autoptr(GString) none = g_string_new(NULL);
        jit_backend->print(NULL, 0, none);
    }
    return true;
}

/* With the first vCPU it is known what is translated. */
static bool begin(TcgState *s, const CPU *cpu, GError **err)
{
    s->guest = cpu->arch->guest;
    if (s->opt.engine != TCG_INTERP && !make_cache(s, err)) {
        s->guest = NULL;
        return false;
    }
    tcg_listen(s, cpu->as);
    return true;
}

/* From now on atomics are met by those of other threads: no block that was made before may run. */
static void share_memory(TcgState *s)
{
    s->shared = true;
    lock_take(&s->index.lock);
    tcg_index_drop_all(&s->index);
    lock_release(&s->index.lock);
}

bool tcg_vcpu_new(TcgState *s, CPU *cpu, GError **err)
{
    if (s->guest && s->guest != cpu->arch->guest) {
        g_set_error(err, G_FILE_ERROR, G_FILE_ERROR_INVAL,
                    "cannot run CPU %u: its instruction set differs from that of the first CPU; "
                    "give all CPUs of the machine the same -cpu architecture",
                    cpu->index);
        return false;
    }
    if (cpu->host_model) {
        g_set_error(
            err, G_FILE_ERROR, G_FILE_ERROR_INVAL,
            "CPU model 'host' requires KVM\n  do:  -cpu max, which has all that is built, or -accel kvm");
        return false;
    }
    if (!s->guest && !begin(s, cpu, err)) {
        return false;
    }
    g_assert(cpu->as == s->listener.as && cpu->index < PAGE_WRITER_VCPUS);
    TcgVcpu *v = g_new0(TcgVcpu, 1);
    v->cpu = cpu;
    v->state = s;
    if (!tcg_contexts_init(v, err)) {
        g_free(v);
        return false;
    }
    v->ir = ir_block_new(s->guest);
    if (s->cache) {
        v->vector_moves = jit_backend->vector_moves(tcg_cache_jit(s->cache));
    }
    tcg_mail_init(v);
    cpu->tcg = v;
    g_ptr_array_add(s->vcpus, v);
    if (s->vcpus->len > 1 && !s->shared && !s->opt.one_thread) {
        share_memory(s);
    }
    tcg_context_sync_slow(v);
    return true;
}

void tcg_vcpu_free(CPU *cpu)
{
    TcgVcpu *v = cpu->tcg;
    if (!v) {
        return;
    }
    g_ptr_array_remove(v->state->vcpus, v);
    tcg_block_forget_single(v);
    tcg_contexts_free(v);
    ir_block_free(v->ir);
    tcg_mail_finish(v);
    g_free(v);
    cpu->tcg = NULL;
}

/* ---- info jit ------------------------------------------------------------------------------ */

static void add_stats(TcgStats *sum, const TcgStats *one)
{
    uint64_t *to = (uint64_t *)sum;
    const uint64_t *from = (const uint64_t *)one;
    for (unsigned n = 0; n < sizeof(*sum) / sizeof(*to); n++) {
        to[n] += from[n];
    }
}

static void info_line(GString *out, const char *name, uint64_t value)
{
    g_string_append_printf(out, "%-19s %" PRIu64 "\n", name, value);
}

void tcg_state_info(TcgState *s, GString *out)
{
    TcgStats sum = { 0 }, *t = &sum;
    for (unsigned n = 0; n < s->vcpus->len; n++) {
        const TcgVcpu *v = s->vcpus->pdata[n];
        add_stats(t, &v->stats);
    }
    static const char *const engines[] = { "jit", "interpreter", "lockstep" };
    g_string_append_printf(out, "engine              %s\n", engines[s->opt.engine]);
    TcgCacheUse use = { 0 };
    lock_take(&s->index.lock);
    uint64_t drops = s->index.drops, writes = s->index.writes;
    if (s->cache) {
        tcg_cache_use(s->cache, &use);
    }
    lock_release(&s->index.lock);
    if (s->cache) {
        g_string_append_printf(out,
                               "code cache          %" PRIu64 " KiB of %" PRIu64 " KiB, %" PRIu64 " blocks\n",
                               use.used >> 10, use.size >> 10, use.blocks);
    }
    info_line(out, "blocks translated", t->blocks);
    info_line(out, "blocks copied", t->copies);
    info_line(out, "guest instructions", t->guest_insns);
    info_line(out, "host bytes", t->host_bytes);
    double ns_per_insn = (double)t->sampled_ns / MAX(t->sampled_insns, 1u);
    info_line(out, "ns per instruction", ns_per_insn);
    info_line(out, "translation ms", t->guest_insns * ns_per_insn / 1e6);
    info_line(out, "blocks dropped", drops);
    info_line(out, "regions evicted", use.evictions);
    info_line(out, "writes to code", writes);
    info_line(out, "TLB fills", t->tlb_fills);
    info_line(out, "slow accesses", t->slow_accesses);
    info_line(out, "context switches", t->context_switches);
    info_line(out, "context misses", t->context_misses);
    info_line(out, "far jumps", t->far_jumps);
    info_line(out, "block lookups", t->lookups);
    info_line(out, "jumps chained", t->chained);
    info_line(out, "returns to the loop", t->exits);
    info_line(out, "flushes", t->flush_all);
    info_line(out, "flushes by ASID", t->flush_asid);
    info_line(out, "flushes by page", t->flush_page);
}
