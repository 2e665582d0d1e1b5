/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What ops.def says, as tables. */
#include "tcg/ir.h"

/* clang-format off */
const IrOpInfo ir_op_info[IR_OPS] = {
#define IR_OP(NAME, text, types, flags) [IR_##NAME] = { text, flags, types, IRK_OTHER },
#define IR_OP1(NAME, text, flags, value) [IR_##NAME] = { text, IRF_DST | IRF_A | (flags), IRT_INT, IRK_UNARY },
#define IR_OP2(NAME, text, flags, value)                                                       \
    [IR_##NAME] = { text, IRF_DST | IRF_A | IRF_B | (flags), IRT_INT, IRK_BINARY },
#include "tcg/ops.def"
};

const char *const ir_cond_names[IR_CONDS] = {
#define IR_CONDITION(NAME, text, swapped, value) [IR_##NAME] = text,
#include "tcg/ops.def"
};

const char *const ir_type_names[IR_VOID] = {
    [IR_I32] = "i32", [IR_I64] = "i64", [IR_V64] = "v64", [IR_V128] = "v128", [IR_V256] = "v256",
};

IrCond ir_cond_swap(IrCond c)
{
    static const uint8_t swap[IR_CONDS] = {
#define IR_CONDITION(NAME, text, swapped, value) [IR_##NAME] = IR_##swapped,
#include "tcg/ops.def"
    };
    return swap[c];
}
/* clang-format on */
