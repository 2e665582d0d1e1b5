/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Products of two words, quotients and remainders: rax and rdx, which the processor's instructions are bound to. */
#include "tcg/x86_64/gen.h"

/* Both halves of a product are asked for, one behind the other: one instruction has them.  rax and rdx are fixed: all temps
 * go to their slots first. */
bool gen_mul_both(Jit *j, const IrInsn *i)
{
    const IrInsn *high = i + 1;
    bool both = j->at + 1 < j->ir->count && (high->op == IR_MULHU || high->op == IR_MULHS) &&
                high->a == i->a && high->b == i->b && high->type == i->type && i->dst != i->a &&
                i->dst != i->b;
    if (!both) {
        return false;
    }
    reg_flush(j);
    reg_claim(j, RAX);
    reg_claim(j, RDX);
    reg_load(j, RAX, i->a, false);
    Loc by = loc_reg(RDX);
    if (ir_is_const(i->b)) {
        reg_load(j, RDX, i->b, false);
    } else {
        by = reg_loc(j, i->b);
    }
    x_f7(&j->a, high->op == IR_MULHS ? F7_IMUL : F7_MUL, gen_width(i), by);
    reg_bind(j, i->dst, RAX);
    j->high_at = j->at + 1;
    return true;
}

/* rax and rdx are fixed: all temps go to their slots first. */
void gen_mul_high(Jit *j, const IrInsn *i)
{
    unsigned w = gen_width(i);
    Asm *a = &j->a;
    if (j->high_at == j->at) {
        reg_claim(j, RDX);
        reg_bind(j, i->dst, RDX);
        return;
    }
    reg_flush(j);
    reg_claim(j, RAX);
    reg_claim(j, RCX);
    reg_claim(j, RDX);
    reg_load(j, RAX, i->a, false);
    reg_load(j, RDX, i->b, false);
    if (i->op == IR_MULHSU) { /* unsigned product, less b when a is negative */
        x_mov(a, RCX, RAX);
        x_shift_imm(a, SH_SAR, w, RCX, w ? 63 : 31);
        x_alu(a, ALU_AND, w, RCX, loc_reg(RDX));
    }
    x_f7(a, i->op == IR_MULHS ? F7_IMUL : F7_MUL, w, loc_reg(RDX));
    if (i->op == IR_MULHSU) {
        x_alu(a, ALU_SUB, w, RDX, loc_reg(RCX));
    }
    reg_bind(j, i->dst, RDX);
}

/* The operation before left the block if the divisor was 0. */
static bool divisor_is_not_zero(const Jit *j, const IrInsn *i)
{
    const IrInsn *check = i - 1;
    return j->at && check->op == IR_BRCC && ir_cond_of(check) == IR_EQ && check->type == i->type &&
           check->a == i->b && ir_is_const(check->b) && ir_const_value(j->ir, check->b) == 0;
}

/* The operation behind asks for the remainder of the same division. */
static bool remainder_follows(const Jit *j, const IrInsn *i)
{
    const IrInsn *rem = i + 1;
    return j->at + 1 < j->ir->count && rem->op == (i->op == IR_DIV ? IR_REM : IR_REMU) &&
           rem->type == i->type && rem->a == i->a && rem->b == i->b && i->dst != i->a && i->dst != i->b;
}

/* The processor traps on x / 0 and MIN / -1; the IR gives values. */
void gen_div(Jit *j, const IrInsn *i)
{
    unsigned w = gen_width(i);
    Asm *a = &j->a;
    bool sign = i->op == IR_DIV || i->op == IR_REM;
    bool rem = i->op == IR_REM || i->op == IR_REMU;
    if (j->high_at == j->at) {
        reg_claim(j, RDX);
        reg_bind(j, i->dst, RDX);
        return;
    }
    bool may_be_zero = !divisor_is_not_zero(j, i);
    reg_flush(j);
    reg_claim(j, RAX);
    reg_claim(j, RCX);
    reg_claim(j, RDX);
    reg_load(j, RAX, i->a, false);
    reg_load(j, RCX, i->b, false);
    uint32_t zero = 0, minus_one = 0, done = 0;
    if (may_be_zero) {
        x_op(a, X_TEST | w, RCX, loc_reg(RCX));
        zero = x_jcc8(a, CC_E);
    }
    if (sign) {
        x_alu_imm(a, ALU_CMP, w, loc_reg(RCX), -1);
        minus_one = x_jcc8(a, CC_E);
        if (w) {
            x_u8(a, 0x48);
        }
        x_u8(a, 0x99); /* cdq, cqo */
        x_f7(a, F7_IDIV, w, loc_reg(RCX));
    } else {
        x_mov_imm(a, RDX, 0, false);
        x_f7(a, F7_DIV, w, loc_reg(RCX));
    }
    if (sign) {
        done = x_jmp8(a);
        x_bind8(a, minus_one);
        x_f7(a, F7_NEG, w, loc_reg(RAX));
        x_mov_imm(a, RDX, 0, false);
        x_bind8(a, done);
    }
    if (may_be_zero) {
        done = x_jmp8(a);
        x_bind8(a, zero);
        x_op(a, X_MOV_LOAD | w, RDX, loc_reg(RAX));
        x_mov_imm(a, RAX, w ? -1 : (int64_t)UINT32_MAX, false);
        x_bind8(a, done);
    }
    reg_bind(j, i->dst, rem ? RDX : RAX);
    if (!rem && remainder_follows(j, i)) {
        j->high_at = j->at + 1;
    }
}

/* The processor traps where the quotient does not fit. */
void gen_div_wide(Jit *j, const IrInsn *i)
{
    Asm *a = &j->a;
    reg_flush(j);
    reg_claim(j, RAX);
    reg_claim(j, RCX);
    reg_claim(j, RDX);
    reg_load(j, RAX, i[1].a, false);
    reg_load(j, RCX, i->b, false);
    reg_load(j, RDX, i->a, false);
    x_alu(a, ALU_CMP, X_W, RDX, loc_reg(RCX));
    uint32_t fits = x_jcc8(a, CC_B);
    x_mov_imm(a, RAX, 0, false);
    uint32_t done = x_jmp8(a);
    x_bind8(a, fits);
    x_f7(a, F7_DIV, X_W, loc_reg(RCX));
    x_bind8(a, done);
    reg_bind(j, i->dst, RAX);
}
