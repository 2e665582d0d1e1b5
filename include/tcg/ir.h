/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The intermediate representation between guest translators and host back ends.
 *
 * A block is one array of 12-byte operations.  Operands are
 *   temps      assigned once, not live across IR_LABEL
 *   globals    guest registers, by index into the guest's table; may be assigned
 *              any number of times; their values are architectural at every
 *              operation that may fault or leave the block
 *   constants  from the block's pool
 * A destination is a temp or a global, so that `addi a0, a0, 1` is one operation.
 *
 * Control flow: a block has one entry.  IR_BRCC and IR_BR go forward to a label, or
 * back to label 0, which stands at the block's start when it exists (a loop
 * edge: the back end polls for interrupts there).  Every path ends in an exit.
 *
 * Types: an i32 operation reads the low halves of its operands and its result is
 * zero extended into the destination.  Shift and rotate counts are taken modulo the
 * width.  Division never traps.  The operations are in ops.def.
 *
 * Vectors are in globals alone, of type v256 (or v64), never in temps: see tcg/vector.h.
 *
 * The guest pc is in the CPU struct at exits: IR_EXIT_PC and IR_EXIT_IND store it, before
 * IR_EXIT_LOOKUP the translator does, behind the last IR_INSN.  Elsewhere its slot (and the
 * global that names it) holds nothing that may be read: an IR_INSN may store there.
 *
 * Faults: only IR_LD, IR_ST, IR_RMW, IR_CAS, IR_LDV, IR_STV and helpers marked IRH_FAULT leave a block in the
 * middle; they may be restored to the guest pc of the last IR_INSN. */
#pragma once
#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct CPU CPU;

typedef enum IrType {
    IR_I32,
    IR_I64,
    IR_V64,
    IR_V128,
    IR_V256,
    IR_VOID
} IrType; /* IR_VOID: of helpers; last */
static inline bool ir_type_is_vector(unsigned type)
{
    return type >= IR_V64 && type <= IR_V256;
}
/* Bytes of a vector type. */
static inline unsigned ir_vector_bytes(unsigned type)
{
    return 8u << (type - IR_V64);
}

/* An operand: kind in the two top bits. */
typedef uint16_t IrRef;
enum {
    IR_NONE = 0, /* no operand; as a destination of the ir_* builders: a new temp */
    IR_KIND_MASK = 0xc000,
    IR_KIND_TEMP = 0x0000, /* 1.. */
    IR_KIND_GLOBAL = 0x4000,
    IR_KIND_CONST = 0x8000,
    IR_INDEX_MASK = 0x3fff,
};
static inline bool ir_is_temp(IrRef r)
{
    return r != IR_NONE && (r & IR_KIND_MASK) == IR_KIND_TEMP;
}
static inline bool ir_is_global(IrRef r)
{
    return (r & IR_KIND_MASK) == IR_KIND_GLOBAL;
}
static inline bool ir_is_const(IrRef r)
{
    return (r & IR_KIND_MASK) == IR_KIND_CONST;
}
static inline IrRef ir_global(unsigned index)
{
    return IR_KIND_GLOBAL | index;
}

/* clang-format off */
typedef enum IrCond { /* pairs: the inverse of c is c ^ 1 */
#define IR_CONDITION(NAME, ...) IR_##NAME,
#include "tcg/ops.def"
    IR_CONDS,
} IrCond;
/* clang-format on */

/* How a load or store touches memory; fits the `type` byte of an operation. */
typedef uint8_t MemOp;
enum {
    MEM_8 = 0,
    MEM_16 = 1,
    MEM_32 = 2,
    MEM_64 = 3,
    MEM_SIZE = 3,
    MEM_SIGN = 4,     /* load: sign extend to 64 bits (else zero extend) */
    MEM_BE = 8,       /* big endian */
    MEM_ACQ = 16,     /* nothing later moves before it */
    MEM_REL = 32,     /* nothing earlier moves after it */
    MEM_ALIGN = 64,   /* misaligned: the guest's alignment fault (atomics) */
    MEM_UNSEEN = 128, /* IR_CAS: the guest is not told what stood there, so watchpoints see a store alone */
    /* Of IR_LDV and IR_STV, which have no sign and no CAS: */
    MEM_KEEP = MEM_SIGN,   /* load: bits above 127 of the global stay (else all above what is loaded are 0) */
    MEM_WIDE = MEM_UNSEEN, /* 16 << size bytes */
    MEM_128 = MEM_WIDE,
    MEM_256 = MEM_WIDE | 1,
};
static inline unsigned memop_bytes(MemOp m)
{
    return 1u << (m & MEM_SIZE);
}
static inline unsigned memop_vector_bytes(MemOp m)
{
    return m & MEM_WIDE ? 16u << (m & 1) : memop_bytes(m);
}
/* What a load of so many bytes gives; value: them, zero extended. */
static inline uint64_t memop_extend(MemOp m, uint64_t value)
{
    unsigned up = 64 - 8 * memop_bytes(m);
    return m & MEM_SIGN ? (uint64_t)((int64_t)(value << up) >> up) : value;
}

/* Which orders of memory accesses a fence keeps: earlier loads (R) or stores (W) before later ones. */
enum { FENCE_RR = 1, FENCE_RW = 2, FENCE_WR = 4, FENCE_WW = 8, FENCE_FULL = 15 };

/* clang-format off */
typedef enum IrOp { /* what each means: ops.def */
#define IR_OP(NAME, ...) IR_##NAME,
#define IR_OP1(NAME, ...) IR_##NAME,
#define IR_OP2(NAME, ...) IR_##NAME,
#include "tcg/ops.def"
    IR_OPS,
} IrOp;
/* clang-format on */

typedef struct IrInsn {
    uint8_t op, type; /* IrOp; IrType, or MemOp for memory and env operations */
    IrRef dst, a, b;
    uint32_t aux; /* label << 8 | IrCond; displacement; offset; helper; FENCE_*; IrOp: see IRF_* */
} IrInsn;
_Static_assert(sizeof(IrInsn) == 12, "an operation is 12 bytes");
static inline IrCond ir_cond_of(const IrInsn *i)
{
    return i->aux & 0xff;
}
static inline unsigned ir_label_of(const IrInsn *i)
{
    return i->aux >> 8;
}

/* ---- helpers: C functions that blocks call ------------------------------- */

enum {
    IRH_FAULT = 1,   /* may leave the block by cpu_loop_exit(); globals are in the CPU struct */
    IRH_READS = 2,   /* reads globals through the CPU pointer */
    IRH_WRITES = 4,  /* writes globals through the CPU pointer */
    IRH_PURE = 8,    /* no side effect: may be dropped if the result is unused */
    IRH_REPEAT = 16, /* the same registers and memory give the same effects, and these are on the
                        CPU struct and guest memory only: lockstep runs it twice */
    IRH_NO_VECTORS =
        32, /* touches no vector register of the host, nor does what it calls, and reads and writes no
                            vector: compiled for general registers only */
};

/* x87 instructions whose operands lie where a host of the same kind has them, once the guest's x87 is in its own: see IrGuest.x87.
 * Of a helper's flags; 0: has no such form.  One argument, a constant, has the instruction in bits from IRH_X87_INSN on, as FOP
 * does: bits 2..0 of its first byte, then the second.  The back end may execute that instead of the call. */
enum {
    IRH_X87_REGISTER = 1 << 8, /* the last argument has the instruction: of registers alone */
    IRH_X87_READ = 2 << 8,     /* address, instruction: reads there */
    IRH_X87_WRITE = 3 << 8,    /* address, instruction: writes there */
    IRH_X87_FLAGS = 4 << 8,    /* instruction, any: the result is CF, PF and ZF, in their places in FLAGS */
    IRH_X87_MOVE = 5 << 8,     /* instruction, whether: FCMOVcc */
    IRH_X87_STATUS = 6 << 8,   /* none: the result is the status word */
    IRH_X87_CONTROL = 7 << 8,  /* the new control word */
    IRH_X87_AWAY = 8 << 8,     /* none: nothing, but the x87 is in the CPU struct behind it */
    IRH_X87 = 15 << 8,
    IRH_X87_INSN = 20,
};
enum { IR_MAX_ARGS = 6 };

/* fn's first parameter is always CPU *; then `nargs` parameters of type args[i]
 * (uint32_t or uint64_t); the result is `ret`.  Rows are written with IR_HELPERn. */
typedef struct IrHelper {
    const char *name;
    void (*fn)(void);
    uint16_t flags;
    uint8_t nargs;
    uint8_t ret; /* IrType */
    uint8_t args[IR_MAX_ARGS];
} IrHelper;

/* The row of a function with n parameters behind its CPU *: IR_HELPER2("add32", add32, IRH_PURE, I32, I32, I32) is
 * uint32_t add32(CPU *, uint32_t, uint32_t).  The compiler compares: a function of another type matches
 * nothing in the _Generic. */
/* clang-format off */
typedef void IrCVOID;
typedef uint32_t IrCI32;
typedef uint64_t IrCI64;
#define IR_HELPER_ROW(name, fn, flags, ret, n, params, ...)                                    \
    { name, _Generic(&fn, IrC##ret (*)params: (void (*)(void))fn), flags, n, IR_##ret, { __VA_ARGS__ } }
#define IR_HELPER0(name, fn, flags, ret) IR_HELPER_ROW(name, fn, flags, ret, 0, (CPU *), 0)
#define IR_HELPER1(name, fn, flags, ret, a)                                                    \
    IR_HELPER_ROW(name, fn, flags, ret, 1, (CPU *, IrC##a), IR_##a)
#define IR_HELPER2(name, fn, flags, ret, a, b)                                                 \
    IR_HELPER_ROW(name, fn, flags, ret, 2, (CPU *, IrC##a, IrC##b), IR_##a, IR_##b)
#define IR_HELPER3(name, fn, flags, ret, a, b, c)                                              \
    IR_HELPER_ROW(name, fn, flags, ret, 3, (CPU *, IrC##a, IrC##b, IrC##c), IR_##a, IR_##b, IR_##c)
#define IR_HELPER4(name, fn, flags, ret, a, b, c, d)                                           \
    IR_HELPER_ROW(name, fn, flags, ret, 4, (CPU *, IrC##a, IrC##b, IrC##c, IrC##d),            \
                  IR_##a, IR_##b, IR_##c, IR_##d)
#define IR_HELPER6(name, fn, flags, ret, a, b, c, d, e, f)                                     \
    IR_HELPER_ROW(name, fn, flags, ret, 6,                                                     \
                  (CPU *, IrC##a, IrC##b, IrC##c, IrC##d, IrC##e, IrC##f),                     \
                  IR_##a, IR_##b, IR_##c, IR_##d, IR_##e, IR_##f)
/* clang-format on */

/* ---- what the compiler knows of a guest ---------------------------------- */

typedef struct IrGlobal {
    const char *name;
    int32_t offset; /* in the CPU struct, of a uint64_t or, of vectors, its first */
    uint8_t type;   /* IR_I32 (0) stands for i64; IR_V64, IR_V256 */
} IrGlobal;

/* A guest with an x87, whose registers, status and control word may be in the host's while translated code runs.  Helpers that
 * look at them in the CPU struct, and whoever leaves translated code, call away() first. */
typedef struct IrX87 {
    int32_t here;    /* offset in the CPU struct of a uint32_t: they are in the host's; 0: no x87 */
    int32_t control; /* of the uint16_t control word, which is in the CPU struct at any time */
    void (*take)(
        CPU *
            cpu); /* moves them there, or declines (an exception is unmasked or pending, or it is not worth it yet); general registers only */
    void (*away)(CPU *cpu); /* moves them to the CPU struct if they are there; general registers only */
} IrX87;

typedef struct IrGuest {
    const char *name;
    const IrGlobal *globals;
    unsigned global_count;
    const uint16_t *pinned; /* globals worth a host register, hottest first: a back end keeps as many
                               there as it has registers for */
    unsigned pinned_count;
    const uint16_t *vpinned; /* the same of vectors (v256) */
    unsigned vpinned_count;
    int32_t upper_offset; /* of a byte in the CPU struct: 0 while bits 255..128 of all vectors are 0; or 0 */
    int32_t
        mxcsr_offset; /* of the uint32_t that operations marked VF_MXCSR obey and set; guests with vectors */
    IrX87 x87;
    int32_t pc_offset;  /* of the uint64_t pc in the CPU struct */
    uint8_t pc_shift;   /* instructions start at multiples of 1 << pc_shift; at most 4 */
    uint8_t insn_bytes; /* of the longest instruction: code that starts closer than that to the end
                           of a page may reach into the next */
} IrGuest;

/* ---- a block ------------------------------------------------------------- */

/* What the builders know of a global's value since its last assignment in the block, `at`; and a temp with the same value,
 * made in the same instruction, `copied_at`. */
enum { IR_KNOWN_GLOBALS = 64 }; /* of those behind nothing is known */
typedef struct IrKnown {
    uint32_t at, copied_at; /* operations */
    IrRef constant, copy;   /* or IR_NONE */
    IrRef value;            /* the temp that was moved into it (IrBlock.temp_origin of that), or IR_NONE */
    uint8_t bits;           /* all from this one on are zero */
} IrKnown;

typedef struct IrBlock {
    const IrGuest *guest;
    uint64_t pc; /* guest virtual address of the first instruction */
    uint64_t
        page_bias; /* code at a pc lies at pc + this within its page: 0 unless a guest's pcs are no addresses */
    IrInsn *ops;
    unsigned count, capacity;
    int64_t *consts;
    unsigned const_count, const_capacity;
    uint64_t pc_consts[(IR_INDEX_MASK + 1) / 64]; /* bit a constant: made by ir_const_pc() */
    const IrHelper **helpers;
    unsigned helper_count, helper_capacity;
    unsigned temp_count; /* temps are 1 .. temp_count */
    uint8_t *temp_bits;  /* by number: all bits from this one on are known to be zero */
    IrRef *temp_origin;  /* by number: an earlier temp that has the same value, or itself */
    unsigned temp_capacity;
    IrRef mask, mask_of; /* builders: a temp that is the negative of another, which is 0 or 1; or IR_NONE */
    IrType mask_type;
    unsigned label_count;             /* labels are 0 .. label_count - 1; 0 is the block's start */
    unsigned guest_insns;             /* IR_INSN operations */
    IrKnown known[IR_KNOWN_GLOBALS];  /* builders: by global */
    unsigned known_from, copies_from; /* operations: what was learnt before is void */
    bool unreachable;                 /* builders: behind an IR_BR or exit, nothing is emitted up to the
                                next label */
    bool alone;  /* no other thread runs guest code on this memory: atomics need not be such for the host */
    bool verify; /* after each pass: see ir_verify_pass */
    /* The same guest code elsewhere has the same block but for its pcs: those of IR_INSN and exits, and the constants
     * made by ir_const_pc(), all as far from b->pc.  The translator says so; builders that compute with a pc take
     * it back. */
    bool movable;
} IrBlock;

/* A translator ends its block when this is true: temps, constants or labels run short.
 * There is room for one more guest instruction of any kind. */
bool ir_block_full(const IrBlock *b);

/* A block is reused for many translations: reset keeps its memory. */
IrBlock *ir_block_new(const IrGuest *guest);
void ir_block_reset(IrBlock *b, uint64_t pc);
void ir_block_free(IrBlock *b);

/* ---- builders ------------------------------------------------------------
 * dst: a global, or IR_NONE for a new temp.  All return what holds the result: dst, the
 * new temp, or, when no operation is needed, a constant or an earlier temp (never another
 * global: the result is a snapshot).  They fold constants and drop identities (x + 0, mov
 * to itself), put a constant operand second, and cut constants of i32 operations to
 * sign-extended 32 bits.  Nothing is emitted behind an exit or IR_BR up to the next label. */
IrRef ir_const(IrBlock *b, int64_t value); /* i64; i32 operations take the low half */
/* An address as far from b->pc wherever the code is: see IrBlock.movable. */
IrRef ir_const_pc(IrBlock *b, uint64_t pc);
int64_t ir_const_value(const IrBlock *b, IrRef r);
static inline bool ir_const_is_pc(const IrBlock *b, IrRef r)
{
    unsigned n = r & IR_INDEX_MASK;
    return ir_is_const(r) && b->pc_consts[n / 64] >> n % 64 & 1;
}
IrRef ir_op1(IrBlock *b, IrOp op, IrType type, IrRef dst, IrRef a);
/* All bits of the value from this one on are known to be zero. */
unsigned ir_known_bits(const IrBlock *b, IrRef r);
/* The global's value is not read before it is assigned (a register that another one makes meaningless). */
void ir_kill(IrBlock *b, IrRef global);
IrRef ir_op2(IrBlock *b, IrOp op, IrType type, IrRef dst, IrRef a, IrRef c);
static inline IrRef ir_mov(IrBlock *b, IrRef dst, IrRef a)
{
    return ir_op1(b, IR_MOV, IR_I64, dst, a);
}
IrRef ir_setcc(IrBlock *b, IrCond cond, IrType type, IrRef dst, IrRef a, IrRef c);
/* dst = cond(a, c) ? x : y; `type` is that of the comparison, the arms are i64 */
IrRef ir_select(IrBlock *b, IrCond cond, IrType type, IrRef dst, IrRef a, IrRef c, IrRef x, IrRef y);
/* dst = (high << 64 | low) / by, unsigned, where high < by; else 0.  All i64. */
IrRef ir_div_wide(IrBlock *b, IrRef dst, IrRef high, IrRef low, IrRef by);
IrRef ir_load(IrBlock *b, MemOp mop, IrRef dst, IrRef base, int32_t disp);
void ir_store(IrBlock *b, MemOp mop, IrRef value, IrRef base, int32_t disp);
/* Atomics, with MEM_ALIGN and without MEM_BE; op: one of IRF_ATOMIC. */
IrRef ir_rmw(IrBlock *b, MemOp mop, IrOp op, IrRef dst, IrRef addr, IrRef value);
IrRef ir_cas(IrBlock *b, MemOp mop, IrRef dst, IrRef base, int32_t disp, IrRef expected, IrRef value);
/* Runs of elements (mop: MEM_8 to MEM_64) from to + disp on; a temp that is 1, or 0: nothing was done.  See ops.def. */
IrRef ir_copy(IrBlock *b, MemOp mop, IrRef to, int32_t disp, IrRef from, IrRef count);
IrRef ir_fill(IrBlock *b, MemOp mop, IrRef to, int32_t disp, IrRef value, IrRef count);
void ir_fence(IrBlock *b, unsigned orders); /* FENCE_* */
/* Vectors: dst and value are globals.  How to load and store: MEM_32, MEM_64, MEM_128, MEM_256, with MEM_ALIGN, MEM_KEEP. */
void ir_load_vector(IrBlock *b, MemOp mop, IrRef dst, IrRef base, int32_t disp);
void ir_store_vector(IrBlock *b, MemOp mop, IrRef value, IrRef base, int32_t disp);
/* An operation of tcg/vop.def (what: IrVop, VOP_KEEP, the immediate: see tcg/vector.h) with the operands that its row
 * has, the others IR_NONE.  dst: a vector, or as for ir_op1() where the row's result is an integer. */
IrRef ir_vector(IrBlock *b, uint32_t what, IrType type, IrRef dst, IrRef a, IrRef c, IrRef d);
static inline bool ir_is_vector(const IrGuest *g, IrRef r)
{
    unsigned index = r & IR_INDEX_MASK;
    return ir_is_global(r) && index < g->global_count && ir_type_is_vector(g->globals[index].type);
}
IrRef ir_load_env(IrBlock *b, MemOp mop, IrRef dst, size_t offset);
void ir_store_env(IrBlock *b, MemOp mop, IrRef value, size_t offset);
/* n values in args; dst is ignored for IR_VOID helpers (IR_NONE is returned) */
IrRef ir_call(IrBlock *b, const IrHelper *h, IrRef dst, unsigned n, const IrRef *args);
unsigned ir_label_new(IrBlock *b); /* 1.. */
void ir_label(IrBlock *b, unsigned label);
/* Label 0, at the start of the block: call first thing, before any operation, to allow loop edges. */
void ir_label_start(IrBlock *b);
void ir_br(IrBlock *b, unsigned label);
void ir_brcc(IrBlock *b, IrCond cond, IrType type, IrRef a, IrRef c, unsigned label);
void ir_insn(IrBlock *b, uint64_t pc);
void ir_exit_pc(IrBlock *b, uint64_t pc);
void ir_exit_ind(IrBlock *b, IrRef pc);
void ir_exit_lookup(IrBlock *b);

/* ---- the table of operations, for printers, verifier and passes ----------- */
enum {
    /* ---- fields in use */
    IRF_DST = 1, /* assigns dst (IR_CALL: unless the helper is IR_VOID) */
    IRF_A = 2,
    IRF_B = 4,     /* reads a, b */
    IRF_MEM = 8,   /* `type` is a MemOp, not an IrType; aux is a displacement */
    IRF_ENV = 16,  /* ... into the CPU struct */
    IRF_COND = 32, /* aux holds an IrCond */
    IRF_LABEL = 64,
    IRF_ORDER = 128,     /* aux is of FENCE_* */
    IRF_PC = 256,        /* a is a constant */
    IRF_ARMS = 512,      /* two more operands are in the IR_ARMS behind it */
    IRF_THIRD = 1048576, /* with IRF_ARMS: only one more, which is both of them */
    IRF_RMW = 131072,    /* with IRF_MEM: aux is no displacement but an IrOp */
    /* ---- nature */
    IRF_SIDE = 1024, /* has an effect besides dst: never dropped */
    IRF_END = 2048,  /* control never passes to the next operation */
    IRF_COMMUTES = 4096,
    IRF_FAULTS = 8192,   /* may leave the block in the middle (IR_CALL: see the helper) */
    IRF_BARRIER = 16384, /* here the globals hold what the guest's registers do (IR_CALL: see the helper) */
    IRF_CHEAP = 32768,   /* as well done in vain as skipped by a branch */
    IRF_NARROW = 65536,  /* bits 63..32 of the result are zero, whatever the type */
    IRF_ATOMIC = 262144, /* what an IR_RMW may do */
    IRF_VECTOR =
        524288, /* of vectors: which operands are is in the row of tcg/vop.def that aux names, with IRF_MEM
                            the value */
};
enum {
    IRT_INT = 1 << IR_I32 | 1 << IR_I64,
    IRT_WIDE = 1 << IR_V128 | 1 << IR_V256,
    IRT_VECTOR = 1 << IR_V64 | IRT_WIDE
};
typedef enum IrOpKind { IRK_OTHER, IRK_UNARY, IRK_BINARY } IrOpKind; /* IR_OP, IR_OP1, IR_OP2 */
typedef struct IrOpInfo {
    const char *name;
    uint32_t flags;
    uint16_t types; /* 1 << IrType for each that `type` may be */
    uint8_t kind;   /* IrOpKind */
} IrOpInfo;
extern const IrOpInfo ir_op_info[IR_OPS];
extern const char *const ir_cond_names[IR_CONDS];
extern const char *const ir_type_names[IR_VOID];
static inline IrCond ir_cond_invert(IrCond c)
{
    return c ^ 1;
}
IrCond ir_cond_swap(IrCond c); /* of exchanged operands */

/* ---- passes and text (each in its own file under tcg/); running blocks is in tcg/backend.h ---- */
bool ir_verify(const IrBlock *b, GError **err); /* names the operation and the rule broken */
/* `pass` (the translator, a pass of the optimizer) is done with b.  Where b->verify is set, as it is at first in builds
 * with checks, a block that ir_verify() refuses ends the program with a message that names the pass. */
void ir_verify_pass(const IrBlock *b, const char *pass);
void ir_optimize(IrBlock *b); /* backward: dead temps, dead global writes */
void ir_print(const IrBlock *b, GString *out);
bool ir_parse(IrBlock *b, const char *text, const IrHelper *const *helpers, GError **err);
