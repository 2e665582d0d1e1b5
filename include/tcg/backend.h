/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Running blocks: the contract between an accelerator, the interpreter and the back ends, which
 * make host code.
 *
 * None of them knows a guest or an accelerator: what they need to know of those comes in an IrRuntime and
 * a JitConfig.  A back end is one const table; which one, the host of the build decides (tcg/meson.build).
 * docs/translator.md says how the one for x86-64 works.
 *
 * Code is position independent within its cache (stubs, then blocks), so a cache may move as a whole.
 * It is written at one address (rw) and executed at another (rx).
 *
 * Requirements on a back end
 *   1. it compiles every operation of the IR, of any block that ir_verify() accepts; only size may stop it
 *   2. at operations that may fault, exits and helpers marked IRH_*, the globals are where ir.h says
 *   3. what create(), compile() and patch() wrote is seen by the next fetch at rx, on every processor: a
 *      host whose instruction cache does not follow its data cache cleans and invalidates there
 *   4. patch() and retire() may come while other threads run the code: a processor takes the old way or the new
 *   5. a block's loop edges lead to its entry, so that a block which loops in itself sees that it was retired */
#pragma once
#include <stddef.h>
#include "tcg/ir.h"

/* ---- what a block needs of whoever runs it ---- */

typedef struct IrRuntime {
    /* Guest memory, as the operation under way sees it.  Faults leave by the run time's own way (a jump out of the
     * block); from host code, globals are in the CPU struct by then. */
    uint64_t (*load)(CPU *cpu, uint64_t vaddr, MemOp mop);
    void (*store)(CPU *cpu, uint64_t vaddr, MemOp mop, uint64_t value);
    /* IR_RMW (op: its operation) and IR_CAS (op: that): what stood there, extended as mop says. */
    uint64_t (*atomic)(CPU *cpu, uint64_t vaddr, MemOp mop, IrOp op, uint64_t value, uint64_t expected);
    int32_t
        exit_request; /* offset in the CPU struct of a uint32_t: nonzero ends the block at its next poll */
    /* IR_LDV and IR_STV, of guests with vectors: memop_vector_bytes() from or to the start of v; a load sets the rest of
     * its 32 bytes to 0.  A store that faults has written nothing. */
    void (*load_vector)(CPU *cpu, uint64_t vaddr, MemOp mop, uint64_t v[4]);
    void (*store_vector)(CPU *cpu, uint64_t vaddr, MemOp mop, const uint64_t v[4]);
} IrRuntime;

/* For it: the same in host memory.  At a misaligned address too, if the host has such atomics (x86); on others it is then
 * one only against its like, where it is not within an aligned word of 8 bytes. */
uint64_t ir_atomic(void *host, MemOp mop, IrOp op, uint64_t value, uint64_t expected);

/* ---- the interpreter ---- */

/* How an interpreted block ended. */
typedef enum IrExit {
    IR_LEFT_PC,
    IR_LEFT_IND,
    IR_LEFT_LOOKUP,
    IR_LEFT_LOOP /* loop edge taken, and exit_request was set: continue at the block's start */
} IrExit;
/* Run one block on cpu; the guest pc is stored into the CPU struct at every IR_INSN and at exit. */
IrExit ir_interpret(const IrBlock *b, CPU *cpu, const IrRuntime *run);

/* ---- host code ---- */

/* Code, and the context that it runs with: a block's, in two registers. */
typedef struct JitPlace {
    const void *code;
    void *context;
} JitPlace;

/* Contexts: a block runs with one, which holds a TLB and a jump cache; code may change it on the way out of
 * a block.  Offsets are bytes. */
typedef struct JitConfig {
    const IrGuest *guest;
    IrRuntime run; /* load, store, atomic: for what the TLB does not serve */
    uint32_t
        random; /* not 0: tests want the back end to choose registers by this seed, wherever it has a choice */
    /* The TLB: at the start of the context, 1 << tlb_bits entries of 32 bytes, by the page of an access's first
     * byte.  An entry serves it when the tag of its kind is the page of the last byte (with MEM_ALIGN: the
     * address is aligned as well); then host address = guest address + addend.  A tag that is never to match
     * has a bit of the offset in the page set that no alignment asks for: 8 or more. */
    unsigned page_bits, tlb_bits;
    int32_t tlb_rd, tlb_wr, tlb_addend; /* in an entry */
    /* The jump cache: 1 << jump_bits entries {uint64_t pc, code} from here on in the context; the index is
     * pc >> IrGuest.pc_shift. */
    int32_t jumps;
    unsigned jump_bits;
    /* Where to go on; the pc is in the CPU struct.  They return code and put the context of that code
     * in *context. */
    const void *(*next)(CPU *cpu, void **context);      /* same mode */
    const void *(*next_mode)(CPU *cpu, void **context); /* mode may have changed */
    /* The same, called with the guest's vectors in registers, and compiled so that they stay there; code NULL: next_mode()
     * knows.  NULL: there is none. */
    JitPlace (*next_quick)(CPU *cpu);
    const void *(*chain)(CPU *cpu, void **context, uintptr_t where); /* direct exit, named by
                                                              the address of its stub */
    /* The block whose code is at `code` was entered, and is retired.  (The pc is not in the CPU struct.) */
    const void *(*retired)(CPU *cpu, void **context, uintptr_t code);
} JitConfig;

/* A direct exit of the block compiled last. */
typedef struct JitExit {
    uint64_t pc;
    uint32_t jump; /* offset of the jump to patch; 0: never chained */
    uint32_t stub; /* offset that names it in chain() */
} JitExit;

typedef struct JitOutput {
    uint32_t size;     /* bytes written, tables included */
    uint32_t pc_table; /* offset of the table of return addresses, for jit_find_pc; code ends here */
    uint32_t moves;    /* offset of the table for copy(); 0: this block cannot be copied */
    const JitExit *exits;
    unsigned exit_count;
    bool full; /* did not fit: nothing usable was written */
} JitOutput;

typedef struct Jit Jit; /* of the back end: one code cache */

/* For helpers marked IRH_NO_VECTORS, before they call what may use vectors or leave the block, and behind it: store the guest's
 * vectors into the CPU struct, and load them again.  NULL: they need not be called. */
typedef struct JitVectorMoves {
    void (*away)(CPU *cpu), (*back)(CPU *cpu);
} JitVectorMoves;

typedef struct JitBackend {
    const char *host;      /* "x86-64" */
    uint32_t head_bytes;   /* at the start of a cache, for stubs and tables */
    uint32_t before_block; /* bytes in front of a block that hold nothing else: retire() writes there */
    /* rw and rx are the two views of the cache's head.  NULL: this processor lacks something. */
    Jit *(*create)(const JitConfig *c, uint8_t *rw, const uint8_t *rx, GError **err);
    void (*destroy)(Jit *j); /* j may be NULL */
    /* Compile at rw (executed at rx; see jit_block_start()).  False only when the code does not fit: in `capacity` (out->full), or
     * in the back end's own limits. */
    bool (*compile)(Jit *j, const IrBlock *ir, uint8_t *rw, const uint8_t *rx, size_t capacity,
                    JitOutput *out);
    /* Make at rw (executed at rx) what compile() would make of the block at `from` (as executed; `size` and `moves` are
     * of its JitOutput), had its guest code been `by` bytes further on: a multiple of the page size.  Its exits are those of
     * `from`, unchained, with a pc so much larger.  False: it would not be the same code. */
    bool (*copy)(Jit *j, uint8_t *rw, const uint8_t *rx, const uint8_t *from, uint32_t size, uint32_t moves,
                 uint64_t by);
    /* Point a chained jump of the block at rx at `target`; NULL: back at its stub. */
    void (*patch)(uint8_t *rw, const uint8_t *rx, const JitExit *e, const void *target);
    /* The block at rx runs no more: whoever comes to its entry, by whatever jump, goes on in retired().  Who
     * is inside goes on to an exit. */
    void (*retire)(Jit *j, uint8_t *rw, const uint8_t *rx);
    /* Run code.  *frame receives the address where return addresses of calls under way stand. */
    void (*enter)(Jit *j, CPU *cpu, void *context, const void *code, uintptr_t **frame);
    /* Code that returns from enter(): what next() gives to stop. */
    const void *(*leave)(Jit *j);
    JitVectorMoves (*vector_moves)(Jit *j);
    /* As lines of assembly, or bytes when built without a disassembler. */
    void (*print)(const uint8_t *code, size_t size, GString *out);
} JitBackend;

/* Of the host that this program was built for; NULL: there is none, blocks are interpreted. */
extern const JitBackend *const jit_backend;

enum { JIT_BLOCK_ALIGN = 16 };
/* Where a block may start when the cache is used up to here. */
static inline uint32_t jit_block_start(uint32_t used)
{
    return (used + jit_backend->before_block + JIT_BLOCK_ALIGN - 1) & -(uint32_t)JIT_BLOCK_ALIGN;
}

/* Guest pc of the call or memory access that returns to `offset` in the block's code; false: none. */
bool jit_find_pc(const uint8_t *table, uint32_t offset, uint64_t block_pc, uint64_t *pc);
