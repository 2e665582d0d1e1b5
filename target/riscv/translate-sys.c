/* SPDX-License-Identifier: GPL-2.0-or-later */
/* CSR accesses and privileged instructions.
 *
 * Spec: The RISC-V Instruction Set Manual, volume I, chapter Zicsr; volume II, chapters
 * "Machine-Level ISA" and "Supervisor-Level ISA", section "Machine-Mode Privileged
 * Instructions" and "Supervisor Instructions"; Svinval.
 *
 * A CSR write ends the block, since it may change the mode or enable interrupts, unless the
 * row of the CSR (csr.c) says that it does neither. */
#include "target/riscv/translate.h"

/* Offset of a CSR that translated code may access as a variable, 0 if there is more to it. */
static size_t csr_plain_offset(const Translator *t, unsigned csr)
{
    return t->rv32 || t->priv < (csr >> 8 & 3) ? 0 : riscv_csr_plain_offset(t->cpu, csr);
}

static void access_csr(Translator *t, const RiscvArgs *a, IrRef operand, CsrOp op, bool write)
{
    unsigned csr = a->imm;
    size_t offset = csr_plain_offset(t, csr);

    if (offset && (op == CSR_WRITE || !write)) {
        IrRef old = ir_load_env(t->ir, MEM_64, IR_NONE, offset);
        if (write) {
            ir_store_env(t->ir, MEM_64, operand, offset);
        }
        if (a->rd) {
            ir_mov(t->ir, riscv_tr_dst(t, a->rd), old);
        }
        return;
    }
    IrRef args[2] = { riscv_tr_const(t, a->insn), operand };
    ir_call(t->ir, &riscv_helper_csr, riscv_tr_dst(t, a->rd), 2, args);
    if (!write) {
        return;
    }
    t->frm_ready = false;
    if (!riscv_csr_write_is_local(csr)) {
        riscv_tr_end_lookup(t);
    }
}

void riscv_tr_csr(Translator *t, const RiscvArgs *a, unsigned arg)
{
    access_csr(t, a, riscv_tr_get(t, a->rs1), arg, arg == CSR_WRITE || a->rs1 != 0);
}

void riscv_tr_csr_imm(Translator *t, const RiscvArgs *a, unsigned arg)
{
    access_csr(t, a, riscv_tr_const(t, a->rs1), arg, arg == CSR_WRITE || a->rs1 != 0);
}

/* ---- exceptions and returns ---------------------------------------------- */

void riscv_tr_illegal(Translator *t, const RiscvArgs *a, unsigned arg)
{
    riscv_tr_illegal_insn(t, a);
}

void riscv_tr_ecall(Translator *t, const RiscvArgs *a, unsigned arg)
{
    riscv_tr_raise(t, EXC_ECALL_U + t->priv, 0);
}

void riscv_tr_ebreak(Translator *t, const RiscvArgs *a, unsigned arg)
{
    t->ir->movable = false;
    riscv_tr_raise(t, EXC_BREAKPOINT, t->pc);
}

static void trap_return(Translator *t, const IrHelper *helper)
{
    ir_call(t->ir, helper, IR_NONE, 0, NULL);
    ir_exit_lookup(t->ir);
    t->done = true;
}

void riscv_tr_mret(Translator *t, const RiscvArgs *a, unsigned arg)
{
    trap_return(t, &riscv_helper_mret);
}

void riscv_tr_sret(Translator *t, const RiscvArgs *a, unsigned arg)
{
    trap_return(t, &riscv_helper_sret);
}

void riscv_tr_wfi(Translator *t, const RiscvArgs *a, unsigned arg)
{
    IrRef args[2] = { riscv_tr_const(t, a->insn), ir_const_pc(t->ir, t->next) };

    ir_call(t->ir, &riscv_helper_wfi, IR_NONE, 2, args);
    ir_exit_lookup(t->ir);
    t->done = true;
}

/* pause and wrs.*: waiting for another hart; this one may go on at any time. */
void riscv_tr_pause(Translator *t, const RiscvArgs *a, unsigned arg)
{
    ir_call(t->ir, &riscv_helper_pause, IR_NONE, 0, NULL);
}

/* ---- address translation ------------------------------------------------- */

void riscv_tr_sfence_vma(Translator *t, const RiscvArgs *a, unsigned arg)
{
    int32_t disp;
    IrRef vaddr = riscv_tr_address(t, a->rs1, 0, &disp);
    IrRef args[3] = { riscv_tr_const(t, a->insn), vaddr, riscv_tr_get(t, a->rs2) };

    ir_call(t->ir, &riscv_helper_sfence_vma, IR_NONE, 3, args);
    riscv_tr_end_lookup(t);
}

/* sfence.w.inval and sfence.inval.ir: sinval.vma has done the work. */
void riscv_tr_sfence_inval(Translator *t, const RiscvArgs *a, unsigned arg)
{
    IrRef insn = riscv_tr_const(t, a->insn);

    ir_call(t->ir, &riscv_helper_sfence_check, IR_NONE, 1, &insn);
    riscv_tr_end_lookup(t);
}
