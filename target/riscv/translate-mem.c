/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Loads, stores, atomics, fences and cache-block operations.
 *
 * Spec: The RISC-V Instruction Set Manual, volume I, chapters I, A, Zacas, Zicbom, Zicboz.
 * Misaligned loads and stores work (Zicclsm); misaligned atomics raise.
 *
 * Fences ask for the orders that the guest asks for; which of them its host keeps by itself, the back
 * end knows. */
#include "target/riscv/translate.h"

void riscv_tr_load(Translator *t, const RiscvArgs *a, unsigned arg)
{
    int32_t disp;
    IrRef base = riscv_tr_address(t, a->rs1, a->imm, &disp);

    ir_load(t->ir, arg, riscv_tr_dst(t, a->rd), base, disp);
}

void riscv_tr_store(Translator *t, const RiscvArgs *a, unsigned arg)
{
    int32_t disp;
    IrRef base = riscv_tr_address(t, a->rs1, a->imm, &disp);

    ir_store(t->ir, arg, riscv_tr_get(t, a->rs2), base, disp);
}

/* ---- atomics ------------------------------------------------------------- */

static IrRef atomic_address(Translator *t, const RiscvArgs *a)
{
    int32_t disp;
    return riscv_tr_address(t, a->rs1, 0, &disp);
}

void riscv_tr_lr(Translator *t, const RiscvArgs *a, unsigned arg)
{
    IrRef args[2] = { atomic_address(t, a), riscv_tr_const(t, arg) };
    ir_call(t->ir, &riscv_helper_lr, riscv_tr_dst(t, a->rd), 2, args);
}

void riscv_tr_sc(Translator *t, const RiscvArgs *a, unsigned arg)
{
    IrRef args[3] = { atomic_address(t, a), riscv_tr_get(t, a->rs2), riscv_tr_const(t, arg) };
    ir_call(t->ir, &riscv_helper_sc, riscv_tr_dst(t, a->rd), 3, args);
}

void riscv_tr_amo(Translator *t, const RiscvArgs *a, unsigned arg)
{
    IrRef args[3] = { atomic_address(t, a), riscv_tr_get(t, a->rs2), riscv_tr_const(t, arg) };
    ir_call(t->ir, &riscv_helper_amo, riscv_tr_dst(t, a->rd), 3, args);
}

void riscv_tr_amocas(Translator *t, const RiscvArgs *a, unsigned arg)
{
    bool pair = arg == AMO_Q || (arg == AMO_D && t->rv32);

    if (!pair) {
        IrRef args[4] = { atomic_address(t, a), riscv_tr_get(t, a->rd), riscv_tr_get(t, a->rs2),
                          riscv_tr_const(t, arg) };
        ir_call(t->ir, &riscv_helper_amocas, riscv_tr_dst(t, a->rd), 4, args);
        return;
    }
    if ((a->rd | a->rs2) & 1) { /* reserved */
        riscv_tr_illegal_insn(t, a);
        return;
    }
    IrRef args[4] = { atomic_address(t, a), riscv_tr_const(t, a->rd), riscv_tr_const(t, a->rs2),
                      riscv_tr_const(t, arg) };
    ir_call(t->ir, &riscv_helper_amocas_pair, IR_NONE, 4, args);
    t->known &= ~(3u << a->rd);
}

/* ---- order --------------------------------------------------------------- */

void riscv_tr_fence(Translator *t, const RiscvArgs *a, unsigned arg)
{
    enum { FM_TSO = 8, READS = 10, WRITES = 5 }; /* I and R, O and W */
    unsigned before = a->insn >> 24 & 15, after = a->insn >> 20 & 15;
    unsigned orders = 0;

    orders |= before & READS && after & READS ? FENCE_RR : 0;
    orders |= before & READS && after & WRITES ? FENCE_RW : 0;
    orders |= before & WRITES && after & READS ? FENCE_WR : 0;
    orders |= before & WRITES && after & WRITES ? FENCE_WW : 0;
    if ((uint32_t)a->insn >> 28 == FM_TSO) {
        orders &= ~FENCE_WR;
    }
    ir_fence(t->ir, orders);
}

void riscv_tr_fence_i(Translator *t, const RiscvArgs *a, unsigned arg)
{
    ir_call(t->ir, &riscv_helper_fence_i, IR_NONE, 0, NULL);
    riscv_tr_end_lookup(t);
}

void riscv_tr_cbo(Translator *t, const RiscvArgs *a, unsigned arg)
{
    IrRef args[3] = { riscv_tr_const(t, a->insn), atomic_address(t, a), riscv_tr_const(t, arg) };
    ir_call(t->ir, &riscv_helper_cbo, IR_NONE, 3, args);
}
