/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Contexts: a TLB and a jump cache for each address space and privilege that a vCPU ran
 * in lately.
 *
 * Going back to a known context is a pointer assignment.  A flush visits only what was
 * filled since the last one, by the bits of tlb_filled and jumps_filled.  The jump cache
 * holds virtual addresses, so whatever unmaps a page removes that page's jumps, too (and those
 * of the page before it: a block may reach into a second page).
 *
 * Entries are pages of 4 KiB whatever the page table's leaf is.  The flush of one address forgets
 * one entry, unless the address lies in a leaf larger than that (see LeafSet): then all
 * that may have come from it. */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "accel/tcg/vcpu.h"
#include "util/container.h"

/* All of a vCPU's in one piece, so that it may be in huge pages: translated code jumps about in it, and the host's TLB
 * has few entries. */
typedef struct Arena {
    TcgFarJumps far;
    TcgContext contexts[CONTEXT_POOL];
} Arena;

bool tcg_contexts_init(TcgVcpu *v, GError **err)
{
    Arena *a = mmap(NULL, sizeof(*a), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (a == MAP_FAILED) {
        g_set_error(
            err, G_FILE_ERROR, g_file_error_from_errno(errno),
            "cannot make the tables of a vCPU, %zu MiB: %s; give the machine fewer CPUs, or the host more memory",
            sizeof(*a) >> 20, g_strerror(errno));
        return false;
    }
    madvise(a, sizeof(*a), MADV_HUGEPAGE);
    v->far = &a->far;
    return true;
}

static TcgContext *context_new(const TcgVcpu *v, unsigned n)
{
    Arena *a = container_of(v->far, Arena, far);
    TcgContext *c = &a->contexts[n];
    /* Zeroed entries match nothing, except where address 0 (and an access that wraps around
     * to it) would look: no need to touch the rest. */
    c->tlb[0] = c->tlb[TLB_SIZE - 1] = (TlbEntry){ TLB_NEVER, TLB_NEVER, TLB_NEVER, 0 };
    c->jumps[0].pc = jump_never(0);
    c->arch = v->cpu->arch;
    return c;
}

static void jump_clear(TcgContext *c, unsigned n)
{
    c->jumps[n].pc = jump_never(n);
    c->jumps_global[n / 64] &= ~(UINT64_C(1) << n % 64);
}

void tcg_context_clear_jumps(TcgContext *c)
{
    for (unsigned w = 0; w < JUMP_SIZE / 64; w++) {
        for (uint64_t bits = c->jumps_filled[w]; bits; bits &= bits - 1) {
            jump_clear(c, w * 64 + __builtin_ctzll(bits));
        }
    }
    c->jumps_apart = false;
    memset(c->jumps_filled, 0, sizeof(c->jumps_filled));
    memset(c->code_filled, 0, sizeof(c->code_filled));
}

static bool page_is_global(const TcgContext *c, uint64_t vaddr)
{
    unsigned n = tlb_index(vaddr);
    return c->tlb[n].ex == (vaddr & -GUEST_PAGE) && c->tlb_global[n / 64] >> n % 64 & 1;
}

static bool pc_is_global(const TcgContext *c, uint64_t pc)
{
    uint64_t vaddr = context_fetch_vaddr(c, pc);
    return page_is_global(c, vaddr) && (vaddr & (GUEST_PAGE - 1)) + c->arch->guest->insn_bytes <= GUEST_PAGE;
}

static void set_bit(uint64_t *map, unsigned n, bool on)
{
    uint64_t bit = UINT64_C(1) << n % 64;
    map[n / 64] = on ? map[n / 64] | bit : map[n / 64] & ~bit;
}

void tcg_context_enter_jump(TcgContext *c, uint64_t pc, const void *code)
{
    unsigned n = jump_index(c->arch->guest, pc);
    c->jumps[n] = (JumpEntry){ pc, code };
    set_bit(c->jumps_filled, n, true);
    set_bit(c->jumps_global, n, pc_is_global(c, pc));
    context_note_pc(c, pc);
}

static void clear_local_jumps(TcgContext *c)
{
    for (unsigned w = 0; w < JUMP_SIZE / 64; w++) {
        uint64_t bits = c->jumps_filled[w] & ~c->jumps_global[w];
        c->jumps_filled[w] &= ~bits;
        for (; bits; bits &= bits - 1) {
            jump_clear(c, w * 64 + __builtin_ctzll(bits));
        }
    }
}

static void clear_leaves(LeafSet *set)
{
    if (set->sizes) {
        memset(set, 0, sizeof(*set));
    }
}

void tcg_context_flush(TcgContext *c, bool keep_global)
{
    clear_leaves(&c->leaves[0]);
    if (!keep_global) {
        clear_leaves(&c->leaves[1]);
    }
    if (keep_global) {
        clear_local_jumps(c);
    } else {
        tcg_context_clear_jumps(c);
    }
    for (unsigned w = 0; w < TLB_SIZE / 64; w++) {
        uint64_t bits = c->tlb_filled[w];
        if (keep_global) {
            bits &= ~c->tlb_global[w];
        }
        c->tlb_filled[w] &= ~bits;
        for (; bits; bits &= bits - 1) {
            TlbEntry *e = &c->tlb[w * 64 + __builtin_ctzll(bits)];
            e->rd = e->wr = e->ex = TLB_NEVER;
        }
    }
}

/* The jumps of one page lie together: the index keeps the order of addresses. */
static void clear_page_jumps(TcgContext *c, uint64_t page)
{
    const IrGuest *guest = c->arch->guest;
    unsigned first = jump_index(guest, page) / 64, words = MIN(GUEST_PAGE >> guest->pc_shift, JUMP_SIZE) / 64;
    for (unsigned w = first; w < first + words; w++) {
        for (uint64_t bits = c->jumps_filled[w]; bits; bits &= bits - 1) {
            unsigned n = w * 64 + __builtin_ctzll(bits);
            if ((c->jumps[n].pc & -GUEST_PAGE) == page) {
                jump_clear(c, n);
            }
        }
    }
}

static void flush_small_page(TcgContext *c, uint64_t vaddr)
{
    unsigned n = tlb_index(vaddr);
    TlbEntry *e = &c->tlb[n];
    e->rd = e->wr = e->ex = TLB_NEVER;
    uint64_t page = vaddr & -GUEST_PAGE;
    if (!(c->code_filled[n / 64] >> n % 64 & 1)) {
        return;
    }
    if (c->jumps_apart) {
        tcg_context_clear_jumps(c);
    } else if (c->code_page[n] == page || c->code_page[n] == MANY_CODE_PAGES) {
        clear_page_jumps(c, page);
        clear_page_jumps(c, page - GUEST_PAGE);
    }
}

/* Addresses with the same bits above `bits`, and the words of the bit maps by TLB index where
 * they are. */
typedef struct Leaf {
    uint64_t vaddr;
    unsigned bits;
    unsigned first_word, words;
} Leaf;

static Leaf leaf_of(uint64_t vaddr, unsigned bits)
{
    uint64_t base = vaddr >> bits << bits, pages = UINT64_C(1) << (bits - GUEST_PAGE_BITS);
    return (Leaf){ .vaddr = base,
                   .bits = bits,
                   .first_word = pages < TLB_SIZE ? tlb_index(base) / 64 : 0,
                   .words = MAX(MIN(pages, TLB_SIZE) / 64, 1) };
}

static bool in_leaf(const Leaf *l, uint64_t vaddr)
{
    return (vaddr ^ l->vaddr) >> l->bits == 0;
}

/* TLB_NEVER counts as an address of the lowest leaf: at worst an entry is forgotten in vain. */
static void flush_leaf_tlb(TcgContext *c, const Leaf *l)
{
    for (unsigned w = l->first_word; w < l->first_word + l->words; w++) {
        for (uint64_t bits = c->tlb_filled[w]; bits; bits &= bits - 1) {
            TlbEntry *e = &c->tlb[w * 64 + __builtin_ctzll(bits)];
            if (!in_leaf(l, e->rd) && !in_leaf(l, e->wr) && !in_leaf(l, e->ex)) {
                continue;
            }
            e->rd = e->wr = e->ex = TLB_NEVER;
            c->tlb_filled[w] &= ~(bits & -bits);
        }
    }
}

static bool leaf_has_code(const TcgContext *c, const Leaf *l)
{
    for (unsigned w = l->first_word; w < l->first_word + l->words; w++) {
        for (uint64_t bits = c->code_filled[w]; bits; bits &= bits - 1) {
            uint64_t page = c->code_page[w * 64 + __builtin_ctzll(bits)];
            if (page == MANY_CODE_PAGES || in_leaf(l, page)) {
                return true;
            }
        }
    }
    return false;
}

static void flush_leaf_jumps(TcgContext *c, const Leaf *l)
{
    for (unsigned w = 0; w < JUMP_SIZE / 64; w++) {
        for (uint64_t bits = c->jumps_filled[w]; bits; bits &= bits - 1) {
            unsigned n = w * 64 + __builtin_ctzll(bits);
            uint64_t pc = c->jumps[n].pc;
            if (in_leaf(l, pc) || (pc & -GUEST_PAGE) == l->vaddr - GUEST_PAGE) {
                jump_clear(c, n);
            }
        }
    }
}

static bool leaf_was_seen(const LeafSet *set, uint64_t vaddr, unsigned bits)
{
    unsigned n = leaf_index(vaddr, bits);
    return vaddr >= set->first && vaddr <= set->last && set->sizes >> bits & set->seen[n / 64] >> n % 64 & 1;
}

static void flush_leaves(TcgContext *c, uint64_t vaddr)
{
    for (uint64_t sizes = c->leaves[0].sizes | c->leaves[1].sizes; sizes; sizes &= sizes - 1) {
        unsigned bits = __builtin_ctzll(sizes);
        if (!leaf_was_seen(&c->leaves[0], vaddr, bits) && !leaf_was_seen(&c->leaves[1], vaddr, bits)) {
            continue;
        }
        Leaf l = leaf_of(vaddr, bits);
        flush_leaf_tlb(c, &l);
        if (!leaf_has_code(c, &l)) {
            continue;
        }
        if (c->jumps_apart) {
            tcg_context_clear_jumps(c);
        } else {
            flush_leaf_jumps(c, &l);
        }
    }
}

void tcg_context_flush_page(TcgContext *c, uint64_t vaddr)
{
    flush_small_page(c, vaddr);
    if (c->leaves[0].sizes | c->leaves[1].sizes) {
        flush_leaves(c, vaddr);
    }
}

void tcg_context_forget_code(TcgContext *c, const uint8_t *first, const uint8_t *after)
{
    for (unsigned w = 0; w < JUMP_SIZE / 64; w++) {
        for (uint64_t bits = c->jumps_filled[w]; bits; bits &= bits - 1) {
            unsigned n = w * 64 + __builtin_ctzll(bits);
            const uint8_t *code = c->jumps[n].code;
            if (code >= first && code < after) {
                jump_clear(c, n);
            }
        }
    }
}

void tcg_far_forget_code(TcgFarJumps *f, const uint8_t *first, const uint8_t *after)
{
    for (unsigned n = 0; n < G_N_ELEMENTS(f->entries); n++) {
        const uint8_t *code = f->entries[n].code;
        if (code >= first && code < after) {
            f->entries[n].host = NULL;
        }
    }
}

void tcg_far_forget(TcgFarJumps *f)
{
    for (unsigned n = 0; n < G_N_ELEMENTS(f->entries); n++) {
        if (f->entries[n].host) {
            f->entries[n].host = NULL;
        }
    }
}

/* ---- the right to write ------------------------------------------------------- */

static bool revoke_entry(TcgContext *c, unsigned n, uint64_t ram_page)
{
    TlbEntry *e = &c->tlb[n];
    if (c->ram_page[n] != ram_page || e->wr == TLB_NEVER) {
        return false;
    }
    e->wr = TLB_NEVER;
    return true;
}

bool tcg_context_revoke(TcgContext *c, uint64_t ram_page, uint64_t vaddr, bool anywhere)
{
    bool had = false;
    if (!anywhere) {
        return revoke_entry(c, tlb_index(vaddr), ram_page);
    }
    for (unsigned w = 0; w < TLB_SIZE / 64; w++) {
        for (uint64_t bits = c->tlb_filled[w]; bits; bits &= bits - 1) {
            had |= revoke_entry(c, w * 64 + __builtin_ctzll(bits), ram_page);
        }
    }
    return had;
}

void tcg_context_revoke_range(TcgContext *c, uint64_t first, uint64_t last)
{
    for (unsigned w = 0; w < TLB_SIZE / 64; w++) {
        for (uint64_t bits = c->tlb_filled[w]; bits; bits &= bits - 1) {
            unsigned n = w * 64 + __builtin_ctzll(bits);
            if (c->ram_page[n] >= first && c->ram_page[n] <= last) {
                c->tlb[n].wr = TLB_NEVER;
            }
        }
    }
}

/* ---- the pool --------------------------------------------------------------- */

/* The context with the same rights that was used last, or NULL. */
static const TcgContext *find_donor(const TcgVcpu *v, const CpuContextKey *key)
{
    const TcgContext *best = NULL;
    for (unsigned n = 0; n < CONTEXT_POOL && v->pool[n]; n++) {
        const TcgContext *c = v->pool[n];
        if (c->key.access == key->access && c->key.mode == key->mode &&
            (!best || c->last_use > best->last_use)) {
            best = c;
        }
    }
    return best;
}

/* Global pages (the kernel's) and the jumps into them are the same in every address space:
 * a new one starts with them. */
static void copy_globals(TcgContext *c, const TcgContext *from)
{
    c->leaves[1] = from->leaves[1];
    for (unsigned w = 0; w < TLB_SIZE / 64; w++) {
        uint64_t bits = from->tlb_filled[w] & from->tlb_global[w];
        c->tlb_filled[w] = c->tlb_global[w] = bits;
        for (; bits; bits &= bits - 1) {
            unsigned n = w * 64 + __builtin_ctzll(bits);
            c->tlb[n] = from->tlb[n];
            c->ram_page[n] = from->ram_page[n];
        }
    }
    for (unsigned w = 0; w < JUMP_SIZE / 64; w++) {
        uint64_t bits = from->jumps_filled[w] & from->jumps_global[w];
        c->jumps_filled[w] = c->jumps_global[w] = bits;
        for (; bits; bits &= bits - 1) {
            unsigned n = w * 64 + __builtin_ctzll(bits);
            c->jumps[n] = from->jumps[n];
            context_note_pc(c, from->jumps[n].pc);
        }
    }
}

/* A context for a key that is not in the pool: a new one, or the one not used for longest. */
static TcgContext *context_replace(TcgVcpu *v, const CpuContextKey *key)
{
    unsigned victim = 0;
    const TcgContext *donor = find_donor(v, key);
    for (unsigned n = 0; n < CONTEXT_POOL; n++) {
        if (!v->pool[n]) {
            v->pool[n] = context_new(v, n);
            victim = n;
            break;
        }
        if (v->pool[n]->last_use < v->pool[victim]->last_use) {
            victim = n;
        }
    }
    TcgContext *c = v->pool[victim];
    for (unsigned n = 0; n < CONTEXT_WAYS; n++) {
        v->by_key[n].ctx = v->by_key[n].ctx == c ? NULL : v->by_key[n].ctx;
    }
    c->after = NULL;
    for (unsigned n = 0; n < CONTEXT_POOL && v->pool[n]; n++) {
        v->pool[n]->after = v->pool[n]->after == c ? NULL : v->pool[n]->after;
    }
    tcg_context_flush(c, c == donor);
    c->key = v->keys[victim] = *key;
    if (donor && c != donor) {
        copy_globals(c, donor);
    }
    c->asid = v->cpu->arch->space_asid ? v->cpu->arch->space_asid(key->space) : 0;
    v->stats.context_misses++;
    return c;
}

static TcgContext *context_find(TcgVcpu *v, const CpuContextKey *key)
{
    for (unsigned n = 0; n < CONTEXT_POOL && v->pool[n]; n++) {
        if (tcg_context_key_equal(&v->keys[n], key)) {
            return v->pool[n];
        }
    }
    return context_replace(v, key);
}

void tcg_context_sync_slow(TcgVcpu *v)
{
    CpuContextKey key = { 0 };
    v->cpu->arch->context_key(v->cpu, &key);
    if (v->ctx && tcg_context_key_equal(&v->ctx->key, &key)) {
        v->cpu->mode_change = 0;
        return;
    }
    TcgWay *way = &v->by_key[tcg_context_hash(&key)];
    if (!way->ctx || !tcg_context_key_equal(&way->key, &key)) {
        *way = (TcgWay){ key, context_find(v, &key) };
    }
    tcg_context_enter(v, way->ctx);
}

static bool same_rights(const CpuContextKey *a, const CpuContextKey *b)
{
    return a->space == b->space && a->access == b->access;
}

TcgContext *tcg_context_with(TcgVcpu *v, const CpuContextKey *key)
{
    if (v->ctx && same_rights(&v->ctx->key, key)) {
        return v->ctx;
    }
    if (v->with && same_rights(&v->with->key, key)) {
        return v->with;
    }
    for (unsigned n = 0; n < CONTEXT_POOL && v->pool[n]; n++) {
        if (same_rights(&v->keys[n], key)) {
            return v->with = v->pool[n];
        }
    }
    return NULL;
}

/* ---- what targets ask for (VcpuOps) -------------------------------------------- */

static void count_flush(TcgStats *stats, CpuFlush what)
{
    enum { LOCAL = CPU_FLUSH_BY_ASID | CPU_FLUSH_BY_SPACE };
    uint64_t *n = what & CPU_FLUSH_BY_PAGE ? &stats->flush_page
                  : what & LOCAL           ? &stats->flush_asid
                                           : &stats->flush_all;
    ++*n;
}

static bool is_meant(const TcgContext *c, CpuFlush what, uint64_t asid)
{
    return !(what & CPU_FLUSH_BY_ASID && c->asid != asid) &&
           !(what & CPU_FLUSH_BY_SPACE && c->key.space != asid);
}

void tcg_flush(CPU *cpu, CpuFlush what, uint64_t vaddr, uint64_t asid)
{
    TcgVcpu *v = cpu->tcg;
    count_flush(&v->stats, what);
    if (what == CPU_FLUSH_ALL) {
        v->near.size = 0; /* CPU.as may be another */
    }
    for (unsigned n = 0; n < CONTEXT_POOL && v->pool[n]; n++) {
        TcgContext *c = v->pool[n];
        if (!is_meant(c, what, asid)) {
            continue;
        }
        if (what & CPU_FLUSH_BY_PAGE) {
            tcg_context_flush_page(c, vaddr);
        } else {
            tcg_context_flush(c, what != CPU_FLUSH_ALL);
        }
    }
}

void tcg_contexts_free(TcgVcpu *v)
{
    munmap(v->far, sizeof(Arena));
}
