/* SPDX-License-Identifier: GPL-2.0-or-later */
/* State and services of the x86 translator, shared by translate-*.c.
 *
 * Rules for a translator (x86_tr_NAME, one for a family of rows):
 *  1. Nothing architectural is written before the last operation that may fault; flags come last.
 *  2. Operands are read and written through x86_tr_get() and x86_tr_set(), which know registers, memory and
 *     immediates, sizes and segments.  Values of 1 and 2 bytes are zero extended, of those of 4 the low half counts.
 *  3. A translator that does not fall through sets t->done, after an exit: by one of those below, for what an
 *     instruction may have to do at its end (x86_tr_finish()) stands before each.
 *
 * Flags: each instruction that sets them assigns X86Cc (a, b and kind; a rotate turned and kind), of which the optimizer drops what nothing can
 * see; what it was is also known to the translator as refs (Translator.cc), so that a condition that follows in the
 * block is a comparison of the operands themselves. */
#pragma once
#include "target/i386/cpu.h"
#include "target/i386/decode.h"
#include "target/i386/helpers.h"
#include "target/i386/mmu.h"
#include "target/i386/translators.h" /* made by scripts/gen-x86.py */
#include "target/vcpu.h"

enum { X86_MAX_BLOCK = 64 }; /* instructions */

enum { /* globals */
       G_GPR,
       G_PC = G_GPR + X86_GPRS,
       G_CC_A,
       G_CC_B,
       G_CC_KIND,
       G_CC_TURNED,
       G_FS_BASE,
       G_GS_BASE,
       G_YMM,
       G_MM = G_YMM + 16, /* in the x87's registers */
       G_VT0 = G_MM + 8,  /* of an instruction under way */
       G_VT1,
       X86_GLOBALS
};

/* A side exit, emitted behind the block's main path. */
typedef struct X86Cold {
    unsigned label;
    uint64_t pc; /* where it goes */
    bool bound;  /* became a forward branch in the block */
    bool ends;   /* Translator.ends of its instruction */
    uint8_t how; /* X86_END_* */
    bool faults; /* no exit: the instruction at pc raises this */
    uint8_t vector;
} X86Cold;

/* A string instruction: what it does backward, and what of its repetitions is not done in the block, is emitted behind
 * the block's main path. */
typedef struct X86StringRest {
    unsigned label;
    uint64_t pc, next;
    X86Insn insn;
    const X86Row *row;
} X86StringRest;
enum { X86_STRING_RESTS = 8 }; /* in a block; others look at DF in their path */

/* What the flags are of, as far as this block knows: temps and constants. */
typedef struct X86TrCc {
    bool known;
    uint8_t op;    /* X86CcOp */
    uint8_t bytes; /* of the operands */
    IrRef a, b, kind;
    IrRef result; /* or IR_NONE */
    IrRef cf, of; /* 0 or 1: the flag itself, whether the rest is known or not; or IR_NONE */
    IrRef turned; /* X86Cc.turned, where it has those of the two that are IR_NONE; or IR_NONE */
} X86TrCc;

typedef struct Translator {
    TranslateCtx *ctx;
    IrBlock *ir;
    X86CPU *cpu; /* for its model only: state changes between runs of a block */
    uint64_t isa;
    uint32_t mode;     /* X86_MODE_* */
    uint64_t pc, next; /* of this instruction and the one behind it: X86State.pc */
    uint64_t end;      /* highest pc translated, exclusive */
    unsigned code;     /* bytes: 2, 4 or 8 (X86DecodeMode.size) */
    unsigned cpl;
    bool done, loops;
    bool ends;       /* this instruction has work at its end: it may trap, or a shadow is over */
    uint8_t shadows; /* SHADOW_*: it holds interrupts off behind the next one */
    X86Insn insn;
    const X86Row *row;
    IrRef ea; /* linear address of the memory operand, once it was asked for */
    int32_t ea_disp;
    bool aligned; /* it must be, or there is #GP */
    IrRef mxcsr;  /* before an operation whose exceptions are looked for */
    X86TrCc cc;
    bool forward; /* DF is known to be 0 here */
    unsigned string_count, cold_count;
    /* from here on nothing is set when a block begins: it is much, and blocks are short */
    X86StringRest strings[X86_STRING_RESTS];
    /* an instruction has a branch, a repetition, and two exceptions at most, the rest of a string instruction two */
    X86Cold cold[4 * X86_MAX_BLOCK + 2 * X86_STRING_RESTS];
} Translator;

typedef void X86Translate(Translator *t);
X86Translate *x86_translate_of(unsigned translator); /* X86Translator; of those that are not built: #UD */

/* ---- blocks (translate.c) ------------------------------------------------- */
static inline IrRef x86_tr_const(Translator *t, int64_t value)
{
    return ir_const(t->ir, value);
}
static inline IrType x86_tr_type(unsigned bytes)
{
    return bytes == 8 ? IR_I64 : IR_I32;
}
/* The instruction pointer within the code segment that a pc names, and the pc of one. */
static inline uint64_t x86_tr_ip(const Translator *t, uint64_t pc)
{
    return t->code == 8 ? pc : (uint32_t)pc;
}
uint64_t x86_tr_pc_of(const Translator *t, uint64_t ip);
void x86_tr_goto(Translator *t, uint64_t pc); /* follows a forward jump in the page, else ends the block */
unsigned x86_tr_cold_exit(Translator *t, uint64_t pc); /* a label */
void x86_tr_fault(Translator *t, uint8_t vector);      /* ends the block */
/* Before an exit behind the instruction, with its pc stored: what helpers-debug.c does there; how: X86_END_*. */
void x86_tr_finish(Translator *t, unsigned how);
/* Behind a helper that has set the pc: the mode may have changed. */
void x86_tr_exit_lookup(Translator *t, unsigned how);
/* A side exit that is not the end of the instruction: it goes on from its own start (repetitions). */
unsigned x86_tr_again(Translator *t);
/* A label where this instruction raises an exception with error code 0. */
unsigned x86_tr_cold_fault(Translator *t, uint8_t vector);
void x86_tr_end_lookup(Translator *t);        /* behind this instruction; the mode may have changed */
void x86_tr_exit_ip(Translator *t, IrRef ip); /* near jump to where a value says */
/* Before it, and before anything is written: #GP where no code can be. */
void x86_tr_check_ip(Translator *t, IrRef ip);
bool x86_tr_is_beyond(const Translator *t, uint64_t ip); /* the same of a constant, as far as it is known */
bool x86_tr_limit_is_odd(const Translator *t);           /* a limit of CS that only a comparison knows */
IrRef x86_tr_beyond_odd(Translator *t, uint64_t ip);     /* 1: beyond that; else 0 */
/* Call a helper; the instruction ends the block where it may change the mode: x86_tr_end_lookup(). */
IrRef x86_tr_call(Translator *t, const IrHelper *h, unsigned n, const IrRef *args);

/* ---- operands (translate-operand.c) --------------------------------------- */
unsigned x86_tr_bytes(Translator *t, unsigned n); /* of operand n */
/* Of the offset in a far pointer: REX.W makes no difference to AMD's. */
unsigned x86_tr_pointer_bytes(const Translator *t);
IrRef x86_tr_get(Translator *t, unsigned n); /* a temp or constant */
void x86_tr_set(Translator *t, unsigned n, IrRef value);
bool x86_tr_is_memory(const Translator *t, unsigned n);
IrRef x86_tr_reg(Translator *t, unsigned reg, unsigned bytes); /* a copy; no AH..BH */
void x86_tr_set_reg(Translator *t, unsigned reg, unsigned bytes, IrRef value);
IrRef x86_tr_zero_extend(Translator *t, IrRef value, unsigned bytes); /* to 64 bits */
IrRef x86_tr_sign_extend(Translator *t, IrRef value, unsigned bytes);
/* The effective address of the ModRM operand, without its segment: LEA. */
IrRef x86_tr_effective(Translator *t, int32_t *disp);
/* Of an offset in the segment nothing is to be checked, and to it nothing is to be added. */
bool x86_tr_is_flat(const Translator *t, X86SegId seg);
/* A linear address of an offset in a segment, for an access of so many bytes. */
IrRef x86_tr_linear(Translator *t, X86SegId seg, IrRef offset, int32_t disp, unsigned bytes, bool write,
                    int32_t *left);
/* The same without a look at the alignment. */
IrRef x86_tr_linear_of_any_alignment(Translator *t, X86SegId seg, IrRef offset, int32_t disp, unsigned bytes,
                                     bool write, int32_t *left);
/* Where code's alignment is checked, raise #AC unless linear + disp is a multiple of this. */
void x86_tr_check_alignment(Translator *t, IrRef linear, int32_t disp, unsigned alignment);
IrRef x86_tr_segment_base(Translator *t, X86SegId seg);
IrRef x86_tr_load(Translator *t, X86SegId seg, IrRef offset, unsigned bytes, unsigned asz);
MemOp x86_tr_memop(unsigned bytes);
/* The memory operand n for writing: its linear address in t->ea, t->ea_disp. */
void x86_tr_address(Translator *t, unsigned n, bool write);
unsigned x86_tr_stack_bytes(const Translator *t); /* of the stack pointer */
/* Stacks: nothing moves until commit. */
IrRef x86_tr_peek(Translator *t, int32_t at, unsigned bytes);
void x86_tr_poke(Translator *t, int32_t at, unsigned bytes, IrRef value);
void x86_tr_probe_stack(Translator *t, int32_t at, unsigned bytes); /* faults as a poke would */
IrRef x86_tr_moved_sp(Translator *t, int32_t by);                   /* what the register would be */
void x86_tr_move_sp(Translator *t, int32_t by);

/* ---- strings (translate-string.c) ------------------------------------------ */
void x86_tr_string_rests(Translator *t); /* behind the block: Translator.strings */

/* ---- flags (translate-flags.c) -------------------------------------------- */
/* They become those of op(a, b): flags.c says which a and b.  result may be IR_NONE; carry: of operations that take
 * or leave CF, else IR_NONE. */
void x86_tr_set_cc(Translator *t, X86CcOp op, unsigned bytes, IrRef a, IrRef b, IrRef result, IrRef carry);
/* Of CC_SHLD and CC_SHRD. */
void x86_tr_set_cc_count(Translator *t, X86CcOp op, unsigned bytes, IrRef a, IrRef b, IrRef count);
void x86_tr_set_packed(Translator *t, IrRef flags); /* EFL_ARITH bits */
/* CF and OF alone (0 or 1; IR_NONE: stays); the others stay. */
void x86_tr_replace_flags(Translator *t, IrRef cf, IrRef of);
/* The same by what a rotate left (X86Cc.turned); count: 0 leaves them as they are. */
void x86_tr_set_turned(Translator *t, IrRef turned, IrRef count);
/* Behind x86_tr_set_cc(), which is to be undone in some cases: `before` is t->cc of before it. */
void x86_tr_keep_turned(Translator *t, const X86TrCc *before);
void x86_tr_set_zero_flag(Translator *t, IrRef zero); /* 0 or 1; the others stay */
void x86_tr_note_carry(Translator *t, IrRef cf);      /* what CF of the operation just set comes to, 0 or 1 */
void x86_tr_forget_cc(Translator *t);                 /* they are in the globals alone */
IrRef x86_tr_flags(Translator *t);                    /* EFL_ARITH bits, a temp */
IrRef x86_tr_carry(Translator *t);                    /* 0 or 1 */
IrRef x86_tr_overflow(Translator *t);
typedef struct X86TrTest {
    IrCond cond;
    IrType type;
    IrRef a, b;
} X86TrTest;
/* Condition 0 to 15 of jcc as a comparison. */
X86TrTest x86_tr_condition(Translator *t, unsigned cc);
/* ---- CPUArch ---- */
extern const IrGuest x86_ir_guest;
void x86_translate_block(TranslateCtx *ctx);
