/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Shared by the files of tcg/. */
#pragma once
#include "tcg/ir.h"

/* Append one operation as it is, whatever comes before it. */
IrInsn *ir_append(IrBlock *b, IrInsn insn);
IrRef ir_temp_new(IrBlock *b, IrType type);
unsigned ir_helper_index(IrBlock *b, const IrHelper *h);

/* Constants and identities.  Returns the operand that the operation equals (then *op may be
 * an extension still to be applied: IR_MOV or IR_EXT_U32), or IR_NONE with the operation
 * perhaps made simpler in place. */
IrRef ir_simplify1(IrBlock *b, IrOp *op, IrType type, IrRef a);
IrRef ir_simplify2(IrBlock *b, IrOp *op, IrType type, IrRef *a, IrRef *c);
/* 0 or 1 when the condition is known, else -1; puts a constant second. */
int ir_simplify_cond(IrBlock *b, IrCond *cond, IrType type, IrRef *a, IrRef *c);
/* Constants of i32 operations are kept sign extended from 32 bits. */
IrRef ir_operand(IrBlock *b, IrType type, IrRef r);

/* Branches over one or two operations become IR_SELECT (ifconvert.c). */
void ir_convert_branches(IrBlock *b);
