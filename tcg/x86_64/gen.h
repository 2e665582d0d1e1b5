/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the files of the back end share: the state of one compilation.
 *
 * Registers: rsp host stack (spill slots), rbp the CPU struct (plus Jit.bias), r15 the
 * context; ten pinned globals in rbx r12 r13 r14 rsi rdi r8-r11; rax rcx rdx hold
 * temps and work.  At every label and block boundary the pinned registers hold their
 * globals and rax rcx rdx hold nothing.  Vectors: see vector.c. */
#pragma once
#include "tcg/private.h"
#include "tcg/x86_64/emit.h"

enum {
    PINS = 10,       /* registers for globals */
    SLOTS = 128,     /* spill slots */
    SHARE_BASE = 16, /* addends of shares; below: outgoing stack arguments */
    SLOT_BASE = SHARE_BASE + IR_SHARE_SLOTS * 8,
    VECTOR_SLOT = SLOT_BASE + SLOTS * 8, /* 32 bytes: a vector that C loads or stores */
    CSR_SLOT = VECTOR_SLOT + 32,         /* 4 bytes of 16: on their way to and from MXCSR */
    FRAME = CSR_SLOT + 16 + 8,
    JIT_SLACK = 1024, /* bytes that one operation may take, cold part included */
    COLD_BYTES = 112, /* that one of the cold parts may take */
    JIT_HEAD = 16384, /* bytes for stubs and helper table at the start of a cache */
    MAX_HELPERS = 1024,
    SCRATCH = 3, /* rax rcx rdx are numbers 0 1 2 */
    MAX_TEMPS = 4096,
    MAX_LABELS = 1024,
    MAX_FIXUPS = 4096,
    MAX_COLD = 2048,
    MAX_EXITS = 512,
    MAX_MOVES = 4096,
    BEFORE = 5, /* bytes in front of a block: room for the call that retire() makes */
};

/* Callee-saved registers first: the hottest globals keep their place over calls. */
extern const int8_t pin_regs[PINS];
static inline bool reg_is_volatile(int r)
{
    return r <= RDX || r == RSI || r == RDI || (r >= R8 && r <= R11);
}

typedef enum ColdKind {
    COLD_LOAD,
    COLD_STORE,
    COLD_ATOMIC,
    COLD_LOAD_VECTOR,
    COLD_STORE_VECTOR,
    COLD_X87,
    COLD_CHAIN,
    COLD_POLL,
    COLD_NEXT
} ColdKind;

/* Code that runs rarely, emitted behind the block. */
typedef struct Cold {
    uint8_t kind, mop;
    int8_t addr, dst;   /* registers; dst: of a vector store what is stored */
    uint8_t forget;     /* shares, by slot, that are open here: a bit each */
    uint32_t until;     /* not 0: do what stands from resume to here, and go on in the next */
    int32_t disp;       /* the address is that much more than addr */
    uint32_t fixups[2]; /* rel32s that come here; 0: unused */
    uint32_t resume;    /* position to go back to */
    Loc value;          /* of a store or an atomic */
    Loc expected;       /* of an IR_CAS */
    uint8_t op;         /* atomic: IrOp for IrRuntime.atomic */
    unsigned exit;      /* index in exits */
    uint64_t pc;        /* guest pc of the instruction, or target */
    unsigned call;      /* of an x87 instruction: index of the operation */
    uint32_t retry;     /* position behind the question whether the x87 is here */
} Cold;

typedef struct Fixup {
    uint32_t pos, label;
} Fixup;

struct Jit {
    JitConfig c;
    Asm a; /* of the block under way; stubs before that */
    /* ---- host */
    bool bmi1, bmi2, lzcnt;
    uint32_t
        vector_needs; /* 2 bits a VopNeed: the host has instructions for it of 128, of 256 bits; 0: no AVX */
    uint64_t random;  /* state of JitConfig.random; 0: choose by sense */
    /* ---- head of the cache */
    uint8_t *head_rw;
    const uint8_t *head_rx;
    void (*helper_fn[MAX_HELPERS])(void);
    unsigned helper_count;
    uint32_t table; /* offset of the helper table in the head */
    const uint8_t *stub_enter, *stub_leave, *stub_next, *stub_next_mode, *stub_next_saved, *stub_chain,
        *stub_retired;
    const uint8_t *stub_load, *stub_store, *stub_atomic, *stub_load_vector, *stub_store_vector;
    const uint8_t *stub_x87_take, *stub_x87_call, *stub_x87_call_any;
    const uint8_t *stub_save_vectors, *stub_load_vectors;
    const uint8_t *stub_vectors_away, *stub_vectors_back; /* the same for C to call */
    /* ---- guest */
    int8_t *pin;               /* by global: host register or NO_REG */
    int16_t pinned_global[16]; /* by host register: global or -1 */
    int16_t pinned_vector[16];
    bool vectors; /* the guest has some, and the host can hold them */
    int32_t bias; /* how far rbp points into the CPU struct, so that most globals are
                                  in reach of 8-bit displacements */
    /* ---- the block under way */
    const IrBlock *ir;
    unsigned at; /* index of the operation */
    IrShares shares;
    unsigned share_in[IR_SHARE_SLOTS]; /* by slot: the share that was begun last */
    uint32_t addend_at;                /* when this is the position, rcx has what share addend_of keeps */
    unsigned addend_of;
    uint64_t pc;          /* of the guest instruction */
    IrRef holds[SCRATCH]; /* temps in rax rcx rdx */
    unsigned locked;      /* bits of scratch registers in use by this operation */
    uint32_t high_at; /* this operation is a high half, or a remainder, that the one before has left in rdx */
    uint32_t flags_at; /* when this is the position, flags are those of flags_reg's value */
    int flags_reg, flags_w;
    uint16_t saved; /* pinned registers whose value the CPU struct has, too */
    int8_t temp_reg[MAX_TEMPS];
    int16_t temp_slot[MAX_TEMPS];
    uint32_t last_use[MAX_TEMPS];
    uint64_t slots_used[SLOTS / 64];
    uint32_t label_pos[MAX_LABELS];
    IrRef label_exit[MAX_LABELS]; /* constant pc when an IR_EXIT_PC is all that follows the label */
    bool label_used[MAX_LABELS];  /* something jumps there */
    Fixup fixups[MAX_FIXUPS];
    unsigned fixup_count;
    Cold cold[MAX_COLD];
    unsigned cold_count;
    JitPc pcs[MAX_COLD * 2];
    unsigned pc_count;
    JitExit exits[MAX_EXITS];
    unsigned exit_count;
    JitMove moves[MAX_MOVES];
    unsigned move_count;
    bool movable; /* the block can be copied so far: see JitMove */
    bool failed;  /* a limit was hit */
};

/* ---- regs.c: operands ---- */
unsigned reg_random(Jit *j, unsigned below);              /* with j->random */
void reg_reset(Jit *j);                                   /* at the block's start and at labels */
void reg_find_last_uses(Jit *j);                          /* and what follows each label */
void reg_op_done(Jit *j);                                 /* unlock, free temps that died here */
int reg_scratch(Jit *j);                                  /* a free scratch register, locked */
void reg_claim(Jit *j, int r);                            /* this scratch register, free and locked */
void reg_flush(Jit *j);                                   /* every temp into its slot */
void reg_flush_live(Jit *j);                              /* same, those used after this operation only */
void reg_spill_temp(Jit *j, IrRef t);                     /* this temp into its slot */
void reg_free_slot(Jit *j, IrRef r);                      /* of a temp that died in memory */
void reg_release_all(Jit *j);                             /* what registers hold is not needed any more */
int reg_use(Jit *j, IrRef r);                             /* value in a register */
Loc reg_loc(Jit *j, IrRef r);                             /* register, memory or 32-bit immediate */
Loc reg_loc_flags(Jit *j, IrRef r);                       /* same, leaves the flags alone */
bool reg_dies(Jit *j, IrRef r);                           /* a temp whose last use is this operation */
void reg_load(Jit *j, int reg, IrRef r, bool keep_flags); /* value into this register */
/* The register where to compute dst: its pinned one, or a scratch one; if `reuse` is a temp
 * that dies here in a register, that. */
int reg_def(Jit *j, IrRef dst, IrRef reuse);
void reg_bind(Jit *j, IrRef dst, int reg); /* dst is now the value in reg */
static inline int reg_pinned(const Jit *j, IrRef r)
{
    return ir_is_global(r) ? j->pin[r & IR_INDEX_MASK] : NO_REG;
}
static inline Loc env_loc(const Jit *j, int32_t offset)
{
    return loc_mem(RBP, offset - j->bias);
}
static inline Loc global_loc(const Jit *j, IrRef r)
{
    return env_loc(j, j->c.guest->globals[r & IR_INDEX_MASK].offset);
}
void reg_save_pinned(Jit *j, Asm *a, bool all); /* to the CPU struct */
void reg_load_pinned(Jit *j, Asm *a, bool all);

/* ---- what depends on where the block is ---- */
/* The bytes just emitted end in a field that copy() changes. */
void gen_note_move(Jit *j, JitMoveKind kind);
/* An address that may move: all instructions that load such have the same length. */
bool gen_is_wide(uint64_t pc);
/* A guest address that moves with the block. */
void gen_load_pc(Jit *j, int reg, uint64_t pc, bool keep_flags);
void gen_jmp_head(Jit *j, const uint8_t *stub);
void gen_call_head(Jit *j, const uint8_t *stub);
/* The value of a constant, for code of a shape that depends on it. */
static inline int64_t gen_const(Jit *j, IrRef r)
{
    j->movable = j->movable && !ir_const_is_pc(j->ir, r);
    return ir_const_value(j->ir, r);
}

/* X_W of operations of 64 bits. */
static inline unsigned gen_width(const IrInsn *i)
{
    return i->type == IR_I64 ? X_W : 0;
}

/* ---- alu.c, mem.c, atomic.c, run.c, flow.c: operations (compile.c says which) ---- */
void gen_unary(Jit *j, const IrInsn *i);
void gen_extend(Jit *j, const IrInsn *i);
void gen_count(Jit *j, const IrInsn *i);
void gen_arith(Jit *j, const IrInsn *i);
void gen_andn(Jit *j, const IrInsn *i);
void gen_put(Jit *j, const IrInsn *i);
void gen_mul(Jit *j, const IrInsn *i);
bool gen_mul_both(Jit *j, const IrInsn *i); /* with the high half that is asked for next; false: it is not */
void gen_mul_high(Jit *j, const IrInsn *i);
void gen_div(Jit *j, const IrInsn *i);
void gen_div_wide(Jit *j, const IrInsn *i);
void gen_shift(Jit *j, const IrInsn *i);
void gen_min_max(Jit *j, const IrInsn *i);
void gen_setcc(Jit *j, const IrInsn *i);
void gen_select(Jit *j, const IrInsn *i);
void gen_load(Jit *j, const IrInsn *i);
void gen_store(Jit *j, const IrInsn *i);
void gen_rmw(Jit *j, const IrInsn *i);
void gen_cas(Jit *j, const IrInsn *i);
void gen_copy(Jit *j, const IrInsn *i);
void gen_fill(Jit *j, const IrInsn *i);
void gen_fence(Jit *j, const IrInsn *i);
void gen_load_vector(Jit *j, const IrInsn *i);
void gen_store_vector(Jit *j, const IrInsn *i);
void gen_vector(Jit *j, const IrInsn *i);
void gen_load_env(Jit *j, const IrInsn *i);
void gen_store_env(Jit *j, const IrInsn *i);
void gen_call(Jit *j, const IrInsn *i);
void gen_label(Jit *j, const IrInsn *i);
void gen_br(Jit *j, const IrInsn *i);
void gen_brcc(Jit *j, const IrInsn *i);
void gen_exit_pc(Jit *j, const IrInsn *i);
void gen_exit_ind(Jit *j, const IrInsn *i);
void gen_exit_lookup(Jit *j);
/* ---- shared by them ---- */
/* Emit a comparison; returns the x86 condition that holds when cond does. */
unsigned gen_compare(Jit *j, IrCond cond, unsigned type, IrRef a, IrRef b);
void gen_cold(Jit *j);                       /* flow.c: all cold code */
void gen_cold_access(Jit *j, const Cold *c); /* mem.c */
/* mem.c: the pieces of an access, see its head */
int gen_address(Jit *j, IrRef base, int32_t disp); /* in a register that the fast path leaves alone */
Loc gen_waiting(Jit *j, IrRef r);                  /* a value, where it is while rax, rcx and rdx are busy */
void gen_tlb_index(Jit *j, int addr);              /* ecx: offset of the TLB entry */
/* Of so many bytes; the fixup of the miss; rcx: the addend. */
uint32_t gen_tlb_check(Jit *j, int addr, unsigned bytes, bool aligned, int32_t tag);
void gen_load_loc(Asm *a, int reg, Loc l);
void gen_load_bytes(Asm *a, int reg, Loc from, MemOp m); /* little endian; from memory, or rax, rcx, rdx */
void gen_store_bytes(Asm *a, int reg, Loc to, MemOp m);
Cold *gen_cold_new(Jit *j, ColdKind kind);
void gen_note_pc(Jit *j, uint64_t pc); /* a call that returns here belongs to pc */

void gen_load_arg(Jit *j, int reg, IrRef r); /* flow.c: of a call, behind reg_save_pinned */

/* ---- vector.c ---- */
void vector_host_check(Jit *j);
void vector_choose_pins(Jit *j);
void vector_save_all(Jit *j, int32_t sp); /* to the CPU struct, MXCSR as well */
void vector_load_all(Jit *j, int32_t sp);
void vector_leave(Jit *j);
void gen_cold_vector(Jit *j, const Cold *c);

/* ---- x87.c ---- */
bool x87_has_form(const Jit *j, const IrHelper *h); /* x87_call() is for it */
void x87_call(Jit *j, const IrInsn *i);
void gen_cold_x87(Jit *j, const Cold *c);
void x87_make_stubs(Jit *j);

/* ---- stubs.c ---- */
const uint8_t *stubs_here(Jit *j); /* where the next stub begins */
void stubs_make(Jit *j);
JitVectorMoves stubs_vector_moves(Jit *j);               /* JitBackend.vector_moves */
void gen_call_helper(Jit *j, void (*fn)(void));          /* call through the table */
void gen_load_helper(Jit *j, int reg, void (*fn)(void)); /* its address */

/* ---- move.c ---- */
bool x86_64_copy(Jit *j, uint8_t *rw, const uint8_t *rx, const uint8_t *from, uint32_t size, uint32_t moves,
                 uint64_t by); /* JitBackend.copy */

/* ---- print.c ---- */
void x86_64_print(const uint8_t *code, size_t size, GString *out);
