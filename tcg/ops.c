/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The table of IR operations: names and operands, for the builders, the text form,
 * the verifier and the passes.  A new operation is a row here, a line in eval.h or
 * interpret.c, one in each back end, and a file in tests/tcg/. */
#include "tcg/ir.h"

/* clang-format off */
#define ONE (IRF_DST | IRF_A | IRF_TYPED)
#define TWO (IRF_DST | IRF_A | IRF_B | IRF_TYPED)

const IrOpInfo ir_op_info[IR_OPS] = {
    [IR_NOP]     = { "nop", 0 },
    [IR_MOV]     = { "mov", ONE },
    [IR_NOT]     = { "not", ONE },
    [IR_NEG]     = { "neg", ONE },
    [IR_EXT_S8]  = { "ext_s8", ONE },
    [IR_EXT_S16] = { "ext_s16", ONE },
    [IR_EXT_S32] = { "ext_s32", ONE },
    [IR_EXT_U8]  = { "ext_u8", ONE },
    [IR_EXT_U16] = { "ext_u16", ONE },
    [IR_EXT_U32] = { "ext_u32", ONE },
    [IR_BSWAP]   = { "bswap", ONE },
    [IR_CLZ]     = { "clz", ONE },
    [IR_CTZ]     = { "ctz", ONE },
    [IR_POPCNT]  = { "popcnt", ONE },
    [IR_ADD]     = { "add", TWO | IRF_COMMUTES },
    [IR_SUB]     = { "sub", TWO },
    [IR_MUL]     = { "mul", TWO | IRF_COMMUTES },
    [IR_MULHU]   = { "mulhu", TWO | IRF_COMMUTES },
    [IR_MULHS]   = { "mulhs", TWO | IRF_COMMUTES },
    [IR_MULHSU]  = { "mulhsu", TWO },
    [IR_DIV]     = { "div", TWO },
    [IR_DIVU]    = { "divu", TWO },
    [IR_REM]     = { "rem", TWO },
    [IR_REMU]    = { "remu", TWO },
    [IR_AND]     = { "and", TWO | IRF_COMMUTES },
    [IR_OR]      = { "or", TWO | IRF_COMMUTES },
    [IR_XOR]     = { "xor", TWO | IRF_COMMUTES },
    [IR_ANDN]    = { "andn", TWO },
    [IR_SHL]     = { "shl", TWO },
    [IR_SHR]     = { "shr", TWO },
    [IR_SAR]     = { "sar", TWO },
    [IR_ROL]     = { "rol", TWO },
    [IR_ROR]     = { "ror", TWO },
    [IR_MIN]     = { "min", TWO | IRF_COMMUTES },
    [IR_MAX]     = { "max", TWO | IRF_COMMUTES },
    [IR_MINU]    = { "minu", TWO | IRF_COMMUTES },
    [IR_MAXU]    = { "maxu", TWO | IRF_COMMUTES },
    [IR_SETCC]   = { "setcc", TWO },
    [IR_SELECT]  = { "select", TWO },
    [IR_ARMS]    = { "arms", IRF_A | IRF_B },
    [IR_LD]      = { "ld", IRF_DST | IRF_A | IRF_MEM | IRF_SIDE | IRF_FAULTS },
    [IR_ST]      = { "st", IRF_A | IRF_B | IRF_MEM | IRF_SIDE | IRF_FAULTS },
    [IR_FENCE]   = { "fence", IRF_SIDE },
    [IR_LDENV]   = { "ldenv", IRF_DST | IRF_MEM },
    [IR_STENV]   = { "stenv", IRF_B | IRF_MEM | IRF_SIDE },
    [IR_ARG]     = { "arg", IRF_A },
    [IR_CALL]    = { "call", IRF_DST | IRF_SIDE },
    [IR_LABEL]   = { "label", IRF_SIDE },
    [IR_BR]      = { "br", IRF_SIDE | IRF_END },
    [IR_BRCC]    = { "brcc", IRF_A | IRF_B | IRF_TYPED | IRF_SIDE },
    [IR_INSN]    = { "insn", IRF_A | IRF_SIDE },
    [IR_EXIT_PC]     = { "exit_pc", IRF_A | IRF_SIDE | IRF_END },
    [IR_EXIT_IND]    = { "exit_ind", IRF_A | IRF_SIDE | IRF_END },
    [IR_EXIT_LOOKUP] = { "exit_lookup", IRF_SIDE | IRF_END },
};

const char *const ir_cond_names[IR_CONDS] = {
    "eq", "ne", "lt", "ge", "le", "gt", "ltu", "geu", "leu", "gtu", "tsteq", "tstne",
};
/* clang-format on */

IrCond ir_cond_swap(IrCond c)
{
    static const uint8_t swapped[IR_CONDS] = {
        [IR_EQ] = IR_EQ,   [IR_NE] = IR_NE,   [IR_LT] = IR_GT,       [IR_GT] = IR_LT,
        [IR_GE] = IR_LE,   [IR_LE] = IR_GE,   [IR_LTU] = IR_GTU,     [IR_GTU] = IR_LTU,
        [IR_GEU] = IR_LEU, [IR_LEU] = IR_GEU, [IR_TSTEQ] = IR_TSTEQ, [IR_TSTNE] = IR_TSTNE,
    };
    return swapped[c];
}
