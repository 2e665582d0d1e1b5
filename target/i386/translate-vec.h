/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the translators of vector instructions have in common (translate-vec.c).
 *
 * Rules
 *  1. x86_vec_begin() first: it says whether the unit may be used.  x86_vec_end() last.
 *  2. Operands in memory are loaded into G_VT0, results on their way into G_VT1; both are free behind the instruction.
 *  3. Of an instruction whose exceptions are unmasked nothing is written before x86_vec_check(). */
#pragma once
#include "target/i386/translate.h"
#include "tcg/vector.h"

/* False: #UD or #NM, the block has ended. */
bool x86_vec_begin(Translator *t);
void x86_vec_end(Translator *t);
/* An instruction on MMX registers makes all of the x87's valid and its top 0; some do so and fault then. */
void x86_vec_touch_mmx(Translator *t);
static inline bool x86_vec_is_vex(const Translator *t)
{
    return t->insn.prefixes & X86_PREFIX_VEX;
}
/* Is operand n a vector or an MMX register, or memory where one may be? */
bool x86_vec_is_operand(const Translator *t, unsigned n);
/* The vector or MMX register that operand n is. */
IrRef x86_vec_reg(const Translator *t, unsigned n);
/* The same, or of memory G_VT0, loaded. */
IrRef x86_vec_get(Translator *t, unsigned n);
void x86_vec_load(Translator *t, unsigned n, IrRef to, bool keep); /* of memory */
void x86_vec_store(Translator *t, unsigned n, IrRef value);
/* An operation for this instruction: of 128 or 256 bits, or of MMX registers, as it is encoded; imm is the
 * instruction's own.  dst: a register (what is above stays if the encoding says so), or IR_NONE: a new temp. */
IrRef x86_vec_op(Translator *t, IrVop vop, IrRef dst, IrRef a, IrRef b, IrRef c);
IrRef x86_vec_op_imm(Translator *t, IrVop vop, uint8_t imm, IrRef dst, IrRef a, IrRef b, IrRef c);
/* The operation on the row's own operands, the first being the result. */
void x86_vec_do(Translator *t, IrVop vop);
void x86_vec_do_imm(Translator *t, IrVop vop, uint8_t imm);
/* Around operations that set MXCSR's flags: does nothing unless some exception is unmasked. */
void x86_vec_watch(Translator *t);
void x86_vec_check(Translator *t);
/* Of an immediate operand. */
static inline bool x86_vec_has_imm(const Translator *t)
{
    for (unsigned n = 0; n < X86_OPERANDS_MAX; n++) {
        if (t->row->operands[n].where == X86_AT_I) {
            return true;
        }
    }
    return false;
}

/* helpers-vec.c */
extern const IrHelper x86_helper_ldmxcsr; /* value; #GP */
extern const IrHelper x86_helper_stmxcsr; /* -> value */
extern const IrHelper x86_helper_use_upper;
extern const IrHelper x86_helper_watch;   /* -> MXCSR, whose flags are 0 now */
extern const IrHelper x86_helper_check;   /* what it was; #XM */
extern const IrHelper x86_helper_strings; /* STR_*, a | b << 8 -> index | flags << 32; or XMM0 and flags */
extern const IrHelper
    x86_helper_gather; /* the word, address of index 0, X86SegId | bytes of an address << 4 */
extern const IrHelper x86_helper_mask_store,
    x86_helper_mask_load; /* the word, address, as x86_helper_gather */
/* Registers and elements, in one word; registers from 16 on are G_VT0 ... */
enum {
    VEC_A_SHIFT = 0, /* 5 bits each */
    VEC_B_SHIFT = 5,
    VEC_C_SHIFT = 10,
    VEC_SIZE_SHIFT = 16,  /* 4 bits: bytes of an element */
    VEC_INDEX_SHIFT = 20, /* 4 bits: bytes of an index of it */
    VEC_COUNT_SHIFT = 24, /* 6 bits: elements */
    VEC_SCALE_SHIFT = 30, /* 2 bits */
    VEC_VT0 = 16,
    VEC_VT1 = 17,
};
enum {                       /* of x86_helper_strings: the immediate, and */
       STR_LENGTHS = 1 << 8, /* they are in rAX and rDX */
       STR_MASK = 1 << 9,    /* the result is a mask */
       STR_WIDE = 1 << 10,   /* lengths of 64 bits */
       STR_CLEAR = 1 << 11,  /* the upper half of YMM0 becomes 0 */
};
