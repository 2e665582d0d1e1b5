/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The state that all vCPUs of a machine share. */
#pragma once
#include <stdio.h>
#include "accel/accel.h"
#include "accel/tcg/cache.h"
#include "accel/tcg/vcpu.h"
#include "base/memory.h"

typedef enum TcgEngine { TCG_JIT, TCG_INTERP, TCG_LOCKSTEP } TcgEngine;

typedef struct TcgOptions {
    TcgEngine engine;
    uint64_t cache_bytes; /* tb-size=; 0: default, 128 MiB */
    bool perf_map;        /* perfmap=on */
    bool one_insn;        /* one-insn-per-tb=on: TranslateCtx.max_insns is 1 (blocks are chained
                             as always) */
    bool one_thread;      /* thread=single */
} TcgOptions;

struct TcgState {
    TcgOptions opt;
    const IrGuest *guest; /* of the first vCPU; all share the back end's tables */
    TcgIndex index;
    TcgCache *cache;         /* NULL: blocks are interpreted */
    GPtrArray *interpreted;  /* blocks without host code, under index.lock */
    GPtrArray *vcpus;        /* of TcgVcpu; changes while none runs */
    bool shared;             /* several threads run guest code: see IrBlock.alone */
    MemoryListener listener; /* of the address space that all vCPUs see; from the first one on */
    MemoryListener other;    /* ... and of another that they may see (VcpuOps.also_sees) */
    uint32_t revoking;       /* atomic: revocations that are under way (mail.c) */
    FILE *perf_map;          /* perfmap=on; under index.lock */
};

TcgState *tcg_state_new(const TcgOptions *opt, GError **err) G_GNUC_WARN_UNUSED_RESULT;
void tcg_state_free(TcgState *s);
/* The machine's vCPUs see this address space: hear of its changes, until the state goes. */
void tcg_listen(TcgState *s, AddressSpace *as);
void tcg_listen_also(TcgState *s, AddressSpace *as);
/* info jit; no vCPU runs, or their figures may be those of a moment ago. */
void tcg_state_info(TcgState *s, GString *out);

/* ---- names for perf (perfmap.c), with perfmap=on ---- */
bool tcg_perf_map_open(TcgState *s, GError **err) G_GNUC_WARN_UNUSED_RESULT;
void tcg_perf_map_add(TcgState *s, const void *code, unsigned size, const char *name, uint64_t pc);
void tcg_perf_map_close(TcgState *s);
