/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the files of accel/tcg share: contexts, blocks, the code cache, and the vCPU's
 * private part.
 *
 * One thread runs all vCPUs of a machine in turn, so contexts, blocks and the cache are
 * touched by that thread only; what other threads want (DMA that hits code, a new memory
 * view, a kick) goes through the queue of TcgState and CPU.exit_request.
 *
 * Guest code is named by its *code address*: the RAM page number (see RamBlock.first_page)
 * and the offset in the page.  A block belongs to a code address, a virtual pc (constants in
 * it are virtual addresses) and a mode word.
 *
 * Not modelled: vCPUs in threads of their own. */
#pragma once
#include <setjmp.h>
#include <stdio.h>
#include "accel/accel.h"
#include "base/lock.h"
#include "target/vcpu.h"
#include "base/memory.h"
#include "tcg/backend.h"

typedef struct TcgState TcgState;
typedef struct TcgContext TcgContext;
typedef struct TcgBlock TcgBlock;
typedef struct TcgExit TcgExit;
typedef struct TcgRegion TcgRegion;
typedef struct TcgLog TcgLog;

/* ---- contexts: what a vCPU caches for one CpuContextKey ------------------- */

enum {
    TLB_BITS = 12,
    TLB_SIZE = 1 << TLB_BITS,
    JUMP_BITS = 13,
    JUMP_SIZE = 1 << JUMP_BITS,
    CONTEXT_POOL = 16,
    GUEST_PAGE_BITS = 12,
    GUEST_PAGE = 1 << GUEST_PAGE_BITS,
    LEAF_BITS = 10,
    LEAF_SIZE = 1 << LEAF_BITS,
};

/* An entry serves an access when the tag of its kind equals the page of the access's
 * LAST byte (the index comes from its first: an access across pages always misses).
 * TLB_NEVER is no page.  TLB_WATCHED stands in the tags of a page with watchpoints: translated
 * code misses, and the slow path, which tells the debugger, needs no walk. */
typedef struct TlbEntry {
    uint64_t rd, wr, ex; /* page-aligned virtual address, or TLB_NEVER */
    uint64_t addend;     /* host address minus virtual address */
} TlbEntry;
_Static_assert(sizeof(TlbEntry) == 32, "translated code shifts by 5");
#define TLB_NEVER UINT64_C(1)
#define TLB_WATCHED UINT64_C(0x800)

/* A virtual pc that has a block in this context. */
typedef struct JumpEntry {
    uint64_t pc;
    const void *code;
} JumpEntry;
#define JUMP_NEVER UINT64_MAX
#define MANY_CODE_PAGES UINT64_C(1)

/* Page table entries of more than a page that were used: a flush of one address in such a leaf
 * must find all pages that were entered from it, without knowing which.  A set of hashes: it
 * may name a leaf that is not there, which costs a search. */
typedef struct LeafSet {
    uint64_t sizes;       /* bit n: some leaf of 1 << n bytes */
    uint64_t first, last; /* all lie within these addresses: a kernel's leaves, which are many,
                             cost the flushes of user pages nothing */
    uint64_t seen[LEAF_SIZE / 64];
} LeafSet;

struct TcgContext {
    TlbEntry tlb[TLB_SIZE]; /* translated code knows the offsets of these two */
    JumpEntry jumps[JUMP_SIZE];
    const IrGuest *guest;
    CpuContextKey key;
    uint64_t asid;
    uint64_t last_use; /* for the choice of a victim */
    bool used;
    /* What a flush has to visit: bit per entry. */
    uint64_t tlb_filled[TLB_SIZE / 64], tlb_global[TLB_SIZE / 64];
    uint64_t jumps_filled[JUMP_SIZE / 64];
    uint64_t code_filled[TLB_SIZE / 64]; /* TLB indices of pages that have jump entries ... */
    uint64_t code_page[TLB_SIZE];        /* ... which page, or MANY_CODE_PAGES */
    uint64_t ram_page[TLB_SIZE];         /* RAM page number behind an entry's page */
    LeafSet leaves[2];                   /* [1]: of global pages */
};

static inline unsigned tlb_index(uint64_t vaddr)
{
    return vaddr >> GUEST_PAGE_BITS & (TLB_SIZE - 1);
}
static inline unsigned jump_index(const IrGuest *guest, uint64_t pc)
{
    return pc >> guest->pc_shift & (JUMP_SIZE - 1);
}

/* The page of vaddr has jump entries from now on. */
static inline void context_note_code(TcgContext *c, uint64_t vaddr)
{
    unsigned n = tlb_index(vaddr);
    uint64_t page = vaddr & -(uint64_t)GUEST_PAGE, bit = UINT64_C(1) << n % 64;
    if (!(c->code_filled[n / 64] & bit)) {
        c->code_page[n] = page;
    } else if (c->code_page[n] != page) {
        c->code_page[n] = MANY_CODE_PAGES;
    }
    c->code_filled[n / 64] |= bit;
}

static inline unsigned leaf_index(uint64_t vaddr, unsigned bits)
{
    return ((vaddr >> bits) + bits * 37) & (LEAF_SIZE - 1);
}

/* What is known of vaddr from now on may come from a leaf of 1 << bits bytes (0: a page). */
static inline void context_note_leaf(TcgContext *c, uint64_t vaddr, unsigned bits, bool global)
{
    LeafSet *set = &c->leaves[global];
    if (bits <= GUEST_PAGE_BITS) {
        return;
    }
    unsigned n = leaf_index(vaddr, bits);
    uint64_t base = vaddr >> bits << bits, end = base + ((UINT64_C(1) << bits) - 1);
    set->first = set->sizes ? MIN(set->first, base) : base;
    set->last = set->sizes ? MAX(set->last, end) : end;
    set->sizes |= UINT64_C(1) << bits;
    set->seen[n / 64] |= UINT64_C(1) << n % 64;
}

/* ---- blocks ---------------------------------------------------------------- */

/* A direct jump out of a block, patched when its target exists. */
struct TcgExit {
    JitExit jit;
    TcgBlock *from, *to;        /* to: chained now */
    TcgExit *next_in, *prev_in; /* list of to->incoming */
};

struct TcgBlock {
    uint64_t code_addr; /* RAM page number << 12 | offset of the first byte */
    uint64_t pc;
    uint32_t mode;
    uint16_t size; /* bytes of guest code, at most two pages */
    uint16_t insns;
    bool dropped; /* guest code changed: runs no more */
    bool single;  /* not entered in any table: used once (debugger, code not in RAM) */
    uint16_t exit_count;
    uint8_t *code; /* RX address of the entry; NULL when interpreted */
    uint32_t code_size;
    uint32_t pc_table; /* offset of the table: host offset -> guest pc */
    TcgBlock *next_hash;
    TcgBlock *next_page[2], *prev_page[2]; /* lists of the one or two pages, see TcgPage */
    uint64_t pages[2];                     /* RAM page numbers; [1] is UINT64_MAX when one page */
    TcgExit *exits, *incoming;
    IrBlock *ir; /* interpreter, lockstep: kept; else NULL */
};

/* ---- the state of one accelerator ------------------------------------------ */

typedef enum TcgEngine { TCG_JIT, TCG_INTERP, TCG_LOCKSTEP } TcgEngine;

typedef struct TcgStats {
    uint64_t blocks, guest_insns, host_bytes;
    uint64_t sampled_ns, sampled_insns; /* processor time of some translations */
    uint64_t drops, evictions, smc_writes, dma_writes;
    uint64_t tlb_fills, slow_accesses, context_switches, context_misses;
    uint64_t lookups, chained, exits;
    uint64_t flush_all, flush_asid, flush_page;
} TcgStats;

struct TcgVcpu {
    CPU *cpu;
    TcgState *state;
    TcgContext *ctx;    /* never NULL once tcg_vcpu_new returned */
    bool context_stale; /* the key may have changed: tcg_context_sync */
    uint64_t clock;     /* counts context switches, for last_use */
    TcgContext *pool[CONTEXT_POOL];
    TcgBlock *running; /* interpreter and lockstep: the block under way */
    /* Where the return address of the call under way stands when translated code
     * runs; NULL when it does not. */
    uintptr_t *frame;
    TcgLog *log;        /* lockstep: effects are noted or replayed; else NULL */
    TcgBlock *single;   /* the block of tcg_block_get that is in no table */
    bool watch_stopped; /* before an access of the instruction at watch_pc ... */
    bool passing;       /* ... which is made now: the debugger let the vCPU go on */
    uint64_t watch_pc;
    /* coherent_fetch: a store would have changed the block under way, nothing was written ... */
    bool alone_next; /* ... its instruction will run alone ... */
    bool alone;      /* ... and does */
    /* The RAM range that the last fill found, good until the view changes. */
    struct {
        hwaddr start;
        uint64_t size;
        uint8_t *host;
        uint64_t first_page;
        RamBlock *ram;
        bool writable;
    } near;
    sigjmp_buf exit_jmp; /* cpu_loop_exit goes here */
};

typedef struct TcgCache TcgCache;
typedef struct TcgBlocks TcgBlocks;
struct TcgState {
    TcgEngine engine;
    const IrGuest *guest; /* of the first vCPU; all share the back end's tables */
    TcgCache *cache;      /* cache.c: host code */
    TcgBlocks *blocks;    /* block.c: hash, per-page lists */
    GPtrArray *vcpus;     /* of TcgVcpu */
    IrBlock *ir;          /* scratch of the translation under way */
    uint64_t cache_bytes;
    bool one_insn;
    MemoryListener listener; /* of the address space that all vCPUs see; from the first one on */
    Lock lock;               /* guards `dma` and `revokes` */
    GArray *dma;             /* of TcgDma: writes to code by other threads */
    GArray *revokes;         /* dirty.c: write tags that shall go */
    int dma_pending;         /* atomic: `dma` or `revokes` is not empty, or view_changed */
    int view_changed;        /* atomic: flush all TLBs */
    struct TcgLoop *loop;    /* vcpu.c: the thread */
    TcgStats stats;
    FILE *perf_map; /* perfmap=on */
};

/* ---- life (context.c, block.c, cache.c) ------------------------------------ */

typedef struct TcgOptions {
    TcgEngine engine;
    uint64_t cache_bytes; /* tb-size=; 0: default, 128 MiB */
    bool perf_map;        /* perfmap=on */
    bool one_insn;        /* one-insn-per-tb=on: TranslateCtx.max_insns is 1 (blocks are chained
                             as always) */
} TcgOptions;
TcgState *tcg_state_new(const TcgOptions *opt, GError **err) G_GNUC_WARN_UNUSED_RESULT;
void tcg_state_free(TcgState *s);
/* The machine's vCPUs see this address space: hear of its changes, until the state goes. */
void tcg_listen(TcgState *s, AddressSpace *as);
/* Makes cpu->tcg; cpu->arch and cpu->as are set. */
bool tcg_vcpu_new(TcgState *s, CPU *cpu, GError **err) G_GNUC_WARN_UNUSED_RESULT;
void tcg_vcpu_free(CPU *cpu);
void tcg_state_info(TcgState *s, GString *out); /* info jit */

/* ---- running: called by the vCPU loop (vcpu.c), inside its sigsetjmp --------- */

/* What other threads asked for; call it whenever exit_request was seen. */
void tcg_handle_queue(TcgState *s);
/* Drop all cached translations: the memory map has changed.  The vCPUs' thread. */
void tcg_view_flush(TcgState *s);
/* The block at the current pc, translated if need be.  A fetch that faults raises the
 * guest's exception and leaves by cpu_loop_exit.  The block is good until the next
 * call (a new translation may evict it). */
TcgBlock *tcg_block_get(CPU *cpu);
/* Run translated code until exit_request is set (or, with tcg_single(cpu), for one
 * instruction, unchained).  The guest pc is in the CPU struct on return.  All state of a run
 * under way (frame, running) is cleared by the loop after a
 * cpu_loop_exit(). */
void tcg_run_jit(CPU *cpu);
void tcg_run_lockstep(CPU *cpu);
void tcg_run_interp(CPU *cpu); /* interp.c */

/* What tcg_handle_queue() does has grown: have the thread come round. */
void tcg_queue_filled(TcgState *s);

/* ---- RAM that somebody follows (dirty.c) -------------------------------------- */
void tcg_dirty_new(TcgState *s);
void tcg_dirty_free(TcgState *s);
void tcg_dirty_started(MemoryListener *l, RamBlock *rb);
void tcg_dirty_taken(MemoryListener *l, RamBlock *rb, uint64_t offset, uint64_t length);
/* The block leaves a view of the vCPUs, and all TLBs with it. */
void tcg_dirty_unmapped(TcgState *s, RamBlock *rb);
void tcg_dirty_revoke(TcgState *s); /* the vCPUs' thread: work off the queue */

/* ---- contexts (context.c) ---------------------------------------------------- */
void tcg_context_sync_slow(TcgVcpu *v);
static inline void tcg_context_sync(TcgVcpu *v)
{
    if (G_UNLIKELY(v->context_stale)) {
        tcg_context_sync_slow(v);
    }
}
void tcg_mmu_changed(CPU *cpu); /* VcpuOps */
void tcg_flush(CPU *cpu, CpuFlush what, uint64_t vaddr, uint64_t asid);
void tcg_context_flush(TcgContext *c, bool keep_global);
void tcg_context_flush_page(TcgContext *c, uint64_t vaddr);
void tcg_context_clear_jumps(TcgContext *c);
void tcg_context_forget_block(TcgState *s, const TcgBlock *b);

/* ---- guest memory (softmmu.c) -------------------------------------------------- */

/* Where the code at an address is. */
typedef struct TcgFetch {
    uint64_t code_addr;  /* not RAM: the physical address */
    const uint8_t *page; /* host address of its page; NULL: not RAM */
    unsigned end;        /* offset in the page up to which fetches are allowed alike ... */
    bool split;          /* ... rights change within the page */
} TcgFetch;
/* Translate for a fetch.  Faults leave by cpu_loop_exit. */
void tcg_fetch_page(CPU *cpu, uint64_t vaddr, TcgFetch *f);
/* As above, but tells a fault by false and raises nothing. */
bool tcg_probe_fetch(CPU *cpu, uint64_t vaddr, TcgFetch *f, MmuFault *fault);

/* ---- blocks (block.c) ------------------------------------------------------------ */
TcgBlock *tcg_block_find(TcgState *s, uint64_t code_addr, uint64_t pc, uint32_t mode);
void tcg_block_drop(TcgState *s, TcgBlock *b);
/* Guest code in [offset, offset + len) of a RAM page changes; true: blocks were dropped, and the
 * vCPUs leave the ones that they run at the next loop edge. */
bool tcg_code_written(TcgState *s, uint64_t ram_page, unsigned offset, unsigned len);
bool tcg_page_has_code(TcgState *s, uint64_t ram_page);
/* Some of the block's code is in [offset, offset + len) of the page. */
bool tcg_block_covers(const TcgBlock *b, uint64_t ram_page, unsigned offset, unsigned len);
/* The block that calls C code now, or NULL (between blocks). */
TcgBlock *tcg_block_running(const TcgVcpu *v);
/* Some vCPU may fetch from parts of the page only: its blocks are not linked to each other. */
bool tcg_page_is_split(TcgState *s, uint64_t ram_page);
/* A page became writable through vaddr in a TLB: remembered so that code can revoke it. */
void tcg_page_note_writer(TcgState *s, uint64_t ram_page, uint64_t vaddr);
void tcg_block_forget_single(TcgVcpu *v); /* frees the block that is in no table */
void tcg_drop_all_blocks(TcgState *s);    /* breakpoints changed, guest reset */
bool tcg_blocks_new(TcgState *s, GError **err) G_GNUC_WARN_UNUSED_RESULT;
void tcg_blocks_free(TcgState *s);
void tcg_blocks_view_changed(TcgState *s); /* RAM may have come: room in the page table */

/* ---- host code (cache.c) ------------------------------------------------------------ */
bool tcg_cache_new(TcgState *s, uint64_t bytes, GError **err) G_GNUC_WARN_UNUSED_RESULT;
void tcg_cache_free(TcgState *s);
Jit *tcg_cache_jit(TcgState *s);
/* Compile ir as the code of b; evicts the oldest region when the cache is full.  False:
 * the back end cannot (too large). */
bool tcg_cache_compile(TcgState *s, TcgBlock *b, const IrBlock *ir);
/* The block whose code holds a host address, or NULL. */
TcgBlock *tcg_cache_find(TcgState *s, uintptr_t host);
void tcg_cache_patch(TcgState *s, TcgExit *e, TcgBlock *to); /* NULL: unlink */
void tcg_cache_info(TcgState *s, GString *out);

/* ---- translated code runs (jit.c) ------------------------------------------------------ */
extern const IrRuntime tcg_runtime;
extern const JitConfig tcg_jit_config; /* without guest */
/* The instruction that a helper of translated code works for; false: it was not called from there,
 * and the CPU has its pc. */
bool tcg_find_pc(const CPU *cpu, uint64_t *pc);

/* ---- the loop (vcpu.c) -------------------------------------------------------------- */

/* cpu_loop_exit() of include/target/vcpu.h and tcg_handle_queue() at each round are the
 * loop's.  What another thread wants of the vCPU thread: put it where the loop finds it
 * (queue, flag), then tcg_kick_thread(). */
void tcg_kick_thread(TcgState *s);
/* ... and soon, even if no vCPU wants to run. */
void tcg_wake_thread(TcgState *s);
/* From the vCPU's thread, state complete (cpu_restore_pc was called, or between blocks):
 * all vCPUs stop and the debugger hears of it once the loop is reached (set exit_request
 * is done here). */
void tcg_debug_stop(CPU *cpu);

/* ---- debugger (debug.c) -------------------------------------------------------------- */

/* One instruction runs alone: the debugger steps, or goes on from a watchpoint; or it changes the code
 * around it. */
static inline bool tcg_single(const CPU *cpu)
{
    return cpu->singlestep || cpu->tcg->passing || cpu->tcg->alone;
}
/* Some watchpoint lies in the 4 KiB page of vaddr: its tags have TLB_WATCHED. */
bool tcg_page_watched(const CPU *cpu, uint64_t vaddr);
/* The slow path is about to access [vaddr, vaddr + bytes), which is translated.  If a watchpoint
 * sees that, the vCPU stops for the debugger, before its instruction, by
 * cpu_loop_exit(). */
void tcg_debug_access(CPU *cpu, uint64_t vaddr, unsigned bytes, MmuAccess access);
/* The vCPU is about to run: the access that it stopped for passes unseen this time, unless
 * watch_hit_kind was cleared (nobody was told).  And: an instruction has run alone. */
void tcg_debug_going_on(CPU *cpu);
void tcg_debug_single_done(CPU *cpu);
/* -d exec and -d cpu: a block is about to run.  Call it under log_enabled(). */
void tcg_log_block(CPU *cpu, const TcgBlock *b);
/* translate_breakpoint() of include/target/vcpu.h is there too. */

/* ---- lockstep (lockstep.c) ------------------------------------------------------------ */
/* Before a write to RAM by C code, of 64 bytes at most; before an access to a device. */
void tcg_log_ram_write(TcgLog *log, void *host, unsigned bytes);
void tcg_log_bus(TcgLog *log);

/* ---- names for perf (perfmap.c), with perfmap=on ------------------------------------------ */
bool tcg_perf_map_open(TcgState *s, GError **err) G_GNUC_WARN_UNUSED_RESULT;
void tcg_perf_map_add(TcgState *s, const void *code, unsigned size, const char *name, uint64_t pc);
void tcg_perf_map_close(TcgState *s);
