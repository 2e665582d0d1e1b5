/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a vCPU has of its own in this room. */
#pragma once
#include <setjmp.h>
#include "accel/tcg/context.h"
#include "accel/tcg/index.h"
#include "target/vcpu.h"

typedef struct TcgState TcgState;
typedef struct TcgThread TcgThread;
typedef struct TcgLog TcgLog;
typedef struct TcgMail TcgMail;

/* Figures of one vCPU, for `info jit`. */
typedef struct TcgStats {
    uint64_t blocks, copies, guest_insns, host_bytes;
    uint64_t sampled_ns, sampled_insns; /* processor time of some translations */
    uint64_t tlb_fills, slow_accesses, context_switches, context_misses;
    uint64_t far_jumps, lookups, chained, exits;
    uint64_t flush_all, flush_asid, flush_page;
} TcgStats;

/* A context with its key, which is not in the context's own cold memory; NULL: none. */
typedef struct TcgWay {
    CpuContextKey key;
    TcgContext *ctx;
} TcgWay;

struct TcgVcpu {
    CPU *cpu;
    TcgState *state;
    TcgThread *thread; /* that runs it; NULL: none has been started (tests) */
    TcgContext *ctx;   /* never NULL once tcg_vcpu_new returned */
    uint64_t clock;    /* counts context switches, for last_use */
    TcgContext *pool[CONTEXT_POOL];
    CpuContextKey keys[CONTEXT_POOL]; /* theirs, side by side: the one that is looked for is found by these */
    TcgWay by_key[CONTEXT_WAYS];      /* where to look first for a key, by a hash of it */
    TcgContext *with;                 /* the last that tcg_context_with() found, or NULL */
    TcgFarJumps *far;
    IrBlock *ir;       /* scratch of the translation under way */
    TcgBlock *running; /* interpreter and lockstep: the block under way */
    /* Where the return address of the call under way stands when translated code
     * runs; NULL when it does not. */
    uintptr_t *frame;
    JitVectorMoves vector_moves; /* the back end's */
    TcgLog *log;                 /* lockstep: effects are noted or replayed; else NULL */
    TcgBlock *single;            /* the block of tcg_block_get that is in no table */
    bool watch_stopped;          /* before an access of the instruction at watch_pc ... */
    bool passing;                /* ... which is made now: the debugger let the vCPU go on */
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
    bool cache_full;     /* there was no room for the block it wants */
    sigjmp_buf exit_jmp; /* cpu_loop_exit goes here */
    unsigned vain_waits; /* for interrupts, since one was taken: loop.c */
    TcgStats stats;
    /* mail.c */
    Lock mail_lock;
    GArray *mail;       /* of TcgMail, under the lock */
    bool parked;        /* under the lock: does not run, so the sender does what the mail says */
    uint32_t have_mail; /* atomic: look */
};

/* The vCPU that the calling thread runs now, or NULL. */
extern __thread TcgVcpu *tcg_vcpu_current;

/* Makes cpu->tcg, parked; cpu->arch and cpu->as are set. */
bool tcg_vcpu_new(TcgState *s, CPU *cpu, GError **err) G_GNUC_WARN_UNUSED_RESULT;
void tcg_vcpu_free(CPU *cpu);

/* ---- its contexts (context.c) ---- */

void tcg_context_sync_slow(TcgVcpu *v);
/* One with the space and access of key, the current one if it has them; NULL: there is none. */
TcgContext *tcg_context_with(TcgVcpu *v, const CpuContextKey *key);
/* CPU.mode_change has led there. */
static inline void tcg_context_enter(TcgVcpu *v, TcgContext *c)
{
    uint32_t change = v->cpu->mode_change;
    if (v->ctx && !(change & MODE_ANY)) {
        v->ctx->after = c;
        v->ctx->after_change = change;
    }
    v->cpu->mode_change = 0;
    v->stats.context_switches++;
    v->ctx = c;
    c->last_use = ++v->clock;
}
static inline void tcg_context_sync(TcgVcpu *v)
{
    if (G_UNLIKELY(v->cpu->mode_change)) {
        tcg_context_sync_slow(v);
    }
}
bool tcg_contexts_init(TcgVcpu *v, GError **err) G_GNUC_WARN_UNUSED_RESULT;
void tcg_contexts_free(TcgVcpu *v);
void tcg_mmu_changed(CPU *cpu); /* VcpuOps; quick.c */
void tcg_flush(CPU *cpu, CpuFlush what, uint64_t vaddr, uint64_t asid);

/* One instruction runs alone: the debugger steps, or goes on from a watchpoint; or it changes the code
 * around it. */
static inline bool tcg_single(const CPU *cpu)
{
    return cpu->singlestep || cpu->tcg->passing || cpu->tcg->alone;
}

/* Behind translated code, however it was left: C code may use the host's x87 now, and finds the guest's in the CPU struct. */
static inline void tcg_x87_away(CPU *cpu)
{
    const IrX87 *x87 = &cpu->arch->guest->x87;
    if (x87->here) {
        x87->away(cpu);
    }
}
