/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Shared by the files of tcg/. */
#pragma once
#include "tcg/backend.h"

/* Append one operation as it is, whatever comes before it. */
IrInsn *ir_append(IrBlock *b, IrInsn insn);
IrRef ir_temp_new(IrBlock *b, unsigned bits); /* bits: see IrBlock.temp_bits */
unsigned ir_helper_index(IrBlock *b, const IrHelper *h);

/* Constants and identities.  Returns the operand that the operation equals (then *op may be
 * an extension still to be applied: IR_MOV or IR_EXT_U32), or IR_NONE with the operation
 * perhaps made simpler in place. */
IrRef ir_simplify1(IrBlock *b, IrOp *op, IrType type, IrRef a);
IrRef ir_simplify2(IrBlock *b, IrOp *op, IrType type, IrRef *a, IrRef *c);
/* 0 or 1 when the condition is known, else -1; puts a constant second. */
int ir_simplify_cond(IrBlock *b, IrCond *cond, IrType type, IrRef *a, IrRef *c);
/* a & c is -x & c, x (b->mask_of) being 0 or 1: a choice between c, of which *c becomes what the mask leaves, and 0, which
 * waits for less. */
bool ir_masked(IrBlock *b, IrOp op, IrType type, IrRef a, IrRef *c);
/* Bits that the results of these may have (ir_known_bits()), of operands about which is known what is known. */
unsigned ir_bits1(const IrBlock *b, IrOp op, IrType type, IrRef a);
unsigned ir_bits2(const IrBlock *b, IrOp op, IrType type, IrRef a, IrRef c);
/* Constants of i32 operations are kept sign extended from 32 bits. */
IrRef ir_operand(IrBlock *b, IrType type, IrRef r);

/* Branches over one or two operations become IR_SELECT (ifconvert.c). */
void ir_convert_branches(IrBlock *b);

/* ---- for back ends: accesses that share one TLB check (shares.c) ---- */

enum { IR_SHARE_SLOTS = 8 };
typedef struct IrShare {
    uint32_t first, last; /* operations; the first is to be checked for all */
    int32_t low, end; /* the bytes that all touch are [a + low, a + end), a being the operand of the first */
    uint8_t slot;     /* below IR_SHARE_SLOTS: no other share with this number is open from first to last */
} IrShare;
typedef struct IrShares {
    IrShare *all;
    uint16_t *of; /* by operation: index in `all`; 0: shares with nobody */
    unsigned count, capacity, ops;
} IrShares;
/* *s: zeroes, or what an earlier call left; lives until ir_shares_clear(). */
void ir_find_shares(const IrBlock *b, IrShares *s);
void ir_shares_clear(IrShares *s);

/* ---- for back ends (pc-table.c) ---- */

/* A return address, as an offset in the block's code, and the guest instruction it belongs to. */
typedef struct JitPc {
    uint32_t offset;
    uint64_t pc;
} JitPc;
/* Write the table that jit_find_pc() reads, offsets ascending, at p; its end, or NULL when [p, end) may
 * be too small. */
uint8_t *jit_put_pcs(uint8_t *p, const uint8_t *end, uint64_t block_pc, const JitPc *pcs, unsigned count);

/* What copy() has to change in a block's code, by its place there. */
typedef enum JitMoveKind {
    JIT_MOVE_PC, /* 64 bits: a guest address, moves as the block's pc does */
    JIT_MOVE_JUMP, /* 32 bits: offset in the context of the jump cache's entry for such an address, or of its second word */
    JIT_MOVE_HEAD /* 32 bits: distance from there to something in the cache's head */
} JitMoveKind;
typedef struct JitMove {
    uint32_t offset;
    JitMoveKind kind;
} JitMove;
/* As jit_put_pcs. */
uint8_t *jit_put_moves(uint8_t *p, const uint8_t *end, const JitMove *moves, unsigned count);
/* Begins to read that table: how many there are.  Then each, with m->offset 0 before the first. */
const uint8_t *jit_get_moves(const uint8_t *p, unsigned *count);
const uint8_t *jit_next_move(const uint8_t *p, JitMove *m);
