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

/* funct3 says the size as a MemOp does.  What is narrower than 64 bits comes to a register sign extended.  Of LR, rl
 * alone asks for nothing, nor does aq alone of SC. */
static MemOp atomic_mop(const RiscvArgs *a)
{
    enum { AQ = 1 << 26, RL = 1 << 25 };
    MemOp size = a->insn >> 12 & MEM_SIZE, m = size | MEM_ALIGN;

    m |= size != MEM_64 ? MEM_SIGN : 0;
    m |= a->insn & AQ ? MEM_ACQ : 0;
    return m | (a->insn & RL ? MEM_REL : 0);
}

/* RiscvState.load_res for this address: bit 0 tells a doubleword from a word. */
static IrRef reservation_of(Translator *t, const RiscvArgs *a, IrRef addr)
{
    bool wide = (a->insn >> 12 & MEM_SIZE) == MEM_64;
    return wide ? ir_op2(t->ir, IR_ADD, IR_I64, IR_NONE, addr, riscv_tr_const(t, 1)) : addr;
}

/* The value goes through a temp where the register is the address, too. */
void riscv_tr_lr(Translator *t, const RiscvArgs *a, unsigned arg)
{
    IrRef addr = atomic_address(t, a);
    MemOp m = atomic_mop(a);
    bool direct = a->rd && a->rd != a->rs1;

    if (!(m & MEM_ACQ)) {
        m &= ~MEM_REL;
    }
    IrRef value = ir_load(t->ir, m, direct ? riscv_tr_dst(t, a->rd) : IR_NONE, addr, 0);
    IrRef reserved = reservation_of(t, a, addr);
    ir_store_env(t->ir, MEM_64, reserved, offsetof(RiscvCPU, s.load_res));
    ir_store_env(t->ir, MEM_64, value, offsetof(RiscvCPU, s.load_val));
    if (!direct && a->rd) {
        ir_mov(t->ir, riscv_tr_dst(t, a->rd), value);
    }
}

/* Without a reservation of its address. */
static void sc_fails(Translator *t, const RiscvArgs *a)
{
    unsigned bytes = memop_bytes(atomic_mop(a));
    IrRef args[2] = { atomic_address(t, a), riscv_tr_const(t, bytes) };

    ir_call(t->ir, &riscv_helper_sc_fails, riscv_tr_dst(t, a->rd), 2, args);
}

/* It succeeds if memory holds what LR saw there.  The reservation goes last: an SC that stops before its access, at a
 * watchpoint, is made once more. */
void riscv_tr_sc(Translator *t, const RiscvArgs *a, unsigned arg)
{
    IrRef addr = atomic_address(t, a);
    IrRef wanted = reservation_of(t, a, addr);
    IrRef reserved = ir_load_env(t->ir, MEM_64, IR_NONE, offsetof(RiscvCPU, s.load_res));

    ir_brcc(t->ir, IR_NE, IR_I64, reserved, wanted, riscv_tr_cold_rest(t, a, sc_fails));
    IrRef seen = ir_load_env(t->ir, MEM_64, IR_NONE, offsetof(RiscvCPU, s.load_val));
    IrRef old = ir_cas(t->ir, atomic_mop(a) | MEM_UNSEEN, IR_NONE, addr, 0, seen, riscv_tr_get(t, a->rs2));
    ir_store_env(t->ir, MEM_64, riscv_tr_const(t, -1), offsetof(RiscvCPU, s.load_res));
    if (a->rd) {
        ir_setcc(t->ir, IR_NE, IR_I64, riscv_tr_dst(t, a->rd), old, seen);
    }
}

void riscv_tr_amo(Translator *t, const RiscvArgs *a, unsigned arg)
{
    IrRef addr = atomic_address(t, a);

    ir_rmw(t->ir, atomic_mop(a), arg, riscv_tr_dst(t, a->rd), addr, riscv_tr_get(t, a->rs2));
}

void riscv_tr_amocas(Translator *t, const RiscvArgs *a, unsigned arg)
{
    unsigned log_bytes = a->insn >> 12 & 7;
    bool pair = log_bytes > (t->rv32 ? MEM_32 : MEM_64);
    IrRef addr = atomic_address(t, a);

    if (!pair) {
        IrRef expected = riscv_tr_get(t, a->rd), value = riscv_tr_get(t, a->rs2);
        ir_cas(t->ir, atomic_mop(a), riscv_tr_dst(t, a->rd), addr, 0, expected, value);
        return;
    }
    if ((a->rd | a->rs2) & 1) { /* reserved */
        riscv_tr_illegal_insn(t, a);
        return;
    }
    IrRef args[4] = { addr, riscv_tr_const(t, a->rd), riscv_tr_const(t, a->rs2),
                      riscv_tr_const(t, 1 << log_bytes) };
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
