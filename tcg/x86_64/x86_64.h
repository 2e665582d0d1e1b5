/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The x86-64 back end, as the accelerator sees it.
 *
 * The back end compiles one verified IrBlock into host code.  It knows no guest and no
 * accelerator: layouts and C entry points come in a JitConfig.  Code is position independent
 * within the cache (stubs, then blocks), so a cache may move as a whole. */
#pragma once
#include <stddef.h>
#include "tcg/ir.h"

/* Byte offsets are from the context (the register r15) or from the CPU struct. */
typedef struct JitConfig {
    const IrGuest *guest;
    unsigned page_bits, tlb_bits;       /* 4096 entries of 32 bytes at offset 0 */
    int32_t tlb_rd, tlb_wr, tlb_addend; /* in an entry */
    int32_t jumps;                      /* jump cache in the context: {pc, code} */
    unsigned jump_bits;                 /* log2 of its entries; index: pc >> 1 */
    int32_t exit_request;               /* in the CPU struct, 32 bits */
    /* Slow paths; mop is a MemOp.  State is in the CPU struct when they run. */
    uint64_t (*load)(CPU *cpu, uint64_t vaddr, uint32_t mop);
    void (*store)(CPU *cpu, uint64_t vaddr, uint32_t mop, uint64_t value);
    /* Where to go on; pc is in the CPU struct.  They return code and put the context of
     * that code in *context. */
    const void *(*next)(CPU *cpu, void **context);                   /* same mode */
    const void *(*next_mode)(CPU *cpu, void **context);              /* mode may have changed */
    const void *(*chain)(CPU *cpu, void **context, uintptr_t where); /* direct exit, named by
                                                              the address of its stub */
} JitConfig;

/* A direct exit of the block compiled last. */
typedef struct JitExit {
    uint64_t pc;
    uint32_t jump; /* offset of the rel32 to patch; 0: never chained */
    uint32_t stub; /* offset that names it in chain() */
} JitExit;

typedef struct Jit Jit;

typedef struct JitOutput {
    uint32_t size;     /* bytes written, tables included */
    uint32_t pc_table; /* offset of the table of return addresses, for jit_find_pc */
    const JitExit *exits;
    unsigned exit_count;
    bool full; /* did not fit: nothing usable was written */
} JitOutput;

enum { JIT_HEAD = 16384 }; /* bytes at the start of a cache for stubs and helper table */

/* rw and rx are the writable and the executable view of the cache's head. */
Jit *jit_new(const JitConfig *c, uint8_t *rw, const uint8_t *rx, GError **err);
void jit_free(Jit *j);
/* Compile at rw (seen by the processor at rx).  False only when the code does not fit. */
bool jit_compile(Jit *j, const IrBlock *ir, uint8_t *rw, const uint8_t *rx, size_t capacity, JitOutput *out);
/* Guest pc of the call or memory access that returns to `offset`; false: none. */
bool jit_find_pc(const uint8_t *table, uint32_t offset, uint64_t block_pc, uint64_t *pc);
/* Point a chained jump at `target`, or back at its stub. */
void jit_patch(uint8_t *rw, const uint8_t *rx, const JitExit *e, const void *target);

/* Run code.  *frame receives the address where return addresses of calls under way
 * stand. */
void jit_enter(Jit *j, CPU *cpu, void *context, const void *code, uintptr_t **frame);
/* Code that returns from jit_enter: what next() gives to stop. */
const void *jit_leave(Jit *j);
