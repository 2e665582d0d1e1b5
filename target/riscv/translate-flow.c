/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Jumps and branches.
 *
 * Spec: The RISC-V Instruction Set Manual, volume I, section "Control Transfer
 * Instructions".  A target that is not aligned (possible without C only) raises at the jump,
 * and nothing is written. */
#include "target/riscv/translate.h"

static uint64_t jump_target(const Translator *t, int32_t imm)
{
    uint64_t target = t->pc + (uint64_t)(int64_t)imm;
    return t->rv32 ? (uint32_t)target : target;
}

static bool is_misaligned(const Translator *t, uint64_t target)
{
    return (target & 2) && !riscv_has(t->cpu, EXT_C);
}

void riscv_tr_jal(Translator *t, const RiscvArgs *a, unsigned arg)
{
    uint64_t target = jump_target(t, a->imm);

    if (is_misaligned(t, target)) {
        t->ir->movable = false;
        riscv_tr_raise(t, EXC_INSN_MISALIGNED, target);
        return;
    }
    riscv_tr_set_pc(t, a->rd, t->next);
    riscv_tr_goto(t, target);
}

static void check_jalr_alignment(Translator *t, const RiscvArgs *a, IrRef target)
{
    ColdPath *c = &t->cold[t->cold_count++];

    *c = (ColdPath){ COLD_JALR_MISALIGNED, ir_label_new(t->ir), t->pc, EXC_INSN_MISALIGNED, 0, *a };
    ir_brcc(t->ir, IR_TSTNE, IR_I64, target, riscv_tr_const(t, 2), c->label);
}

void riscv_tr_jalr(Translator *t, const RiscvArgs *a, unsigned arg)
{
    uint64_t mask = t->rv32 ? UINT32_MAX - 1 : ~UINT64_C(1);

    if (riscv_tr_is_known(t, a->rs1)) {
        uint64_t known = ((uint64_t)riscv_tr_known(t, a->rs1) + (uint64_t)(int64_t)a->imm) & mask;
        if (!is_misaligned(t, known)) {
            t->ir->movable = t->ir->movable && t->known_pc >> a->rs1 & 1;
            riscv_tr_set_pc(t, a->rd, t->next);
            riscv_tr_goto(t, known);
            return;
        }
    }
    IrRef target = riscv_tr_get(t, a->rs1);
    if (a->imm) {
        target = ir_op2(t->ir, IR_ADD, IR_I64, IR_NONE, target, riscv_tr_const(t, a->imm));
    }
    target = ir_op2(t->ir, IR_AND, IR_I64, IR_NONE, target, riscv_tr_const(t, mask));
    if (!riscv_has(t->cpu, EXT_C)) {
        check_jalr_alignment(t, a, target);
    }
    riscv_tr_set_pc(t, a->rd, t->next);
    ir_exit_ind(t->ir, target);
    t->done = true;
}

void riscv_tr_branch(Translator *t, const RiscvArgs *a, unsigned arg)
{
    uint64_t target = jump_target(t, a->imm);
    IrRef x = riscv_tr_get(t, a->rs1), y = riscv_tr_get(t, a->rs2);
    unsigned label;

    if (is_misaligned(t, target)) {
        t->ir->movable = false;
        label = riscv_tr_cold_raise(t, EXC_INSN_MISALIGNED, target);
    } else if (target == t->ctx->pc && t->loops) {
        riscv_tr_turn(t);
        label = 0;
    } else {
        label = riscv_tr_cold_exit(t, target);
    }
    ir_brcc(t->ir, arg, IR_I64, x, y, label);
    if (label && target < t->pc) {
        /* A loop whose head is not this block's: what follows it is better off as a
         * block of its own, which all iterations share. */
        ir_exit_pc(t->ir, t->next);
        t->done = true;
    }
}
