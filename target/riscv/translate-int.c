/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Integer instructions: RV32I and RV64I computation, M, Zba, Zbb, Zbc, Zbs, Zicond.
 *
 * Spec: The RISC-V Instruction Set Manual, volume I, chapters of these extensions.
 * RV32 computes on the sign-extended registers and sign extends what may have grown. */
#include "target/riscv/translate.h"

static IrRef op2(Translator *t, IrOp op, IrRef a, IrRef b)
{
    return ir_op2(t->ir, op, IR_I64, IR_NONE, a, b);
}

/* rd = op(a, b), sign extended at RV32. */
static void set_op2(Translator *t, unsigned rd, IrOp op, IrRef a, IrRef b)
{
    if (t->rv32) {
        riscv_tr_set_xlen(t, rd, op2(t, op, a, b));
    } else {
        ir_op2(t->ir, op, IR_I64, riscv_tr_dst(t, rd), a, b);
    }
}

/* rd = sign extension of a 32-bit operation. */
static void set_op2_w(Translator *t, unsigned rd, IrOp op, IrRef a, IrRef b)
{
    IrRef r = ir_op2(t->ir, op, IR_I32, IR_NONE, a, b);
    ir_op1(t->ir, IR_EXT_S32, IR_I64, riscv_tr_dst(t, rd), r);
}

void riscv_tr_nop(Translator *t, const RiscvArgs *a, unsigned arg)
{
}

/* ---- constants and addition ---------------------------------------------- */

void riscv_tr_lui(Translator *t, const RiscvArgs *a, unsigned arg)
{
    riscv_tr_set_const(t, a->rd, a->imm);
}

void riscv_tr_auipc(Translator *t, const RiscvArgs *a, unsigned arg)
{
    riscv_tr_set_pc(t, a->rd, t->pc + (uint64_t)(int64_t)a->imm);
}

void riscv_tr_addi(Translator *t, const RiscvArgs *a, unsigned arg)
{
    if (a->rd == 0) {
        return;
    }
    if (riscv_tr_is_known(t, a->rs1)) {
        riscv_tr_set_sum(t, a->rd, a->rs1, (uint64_t)riscv_tr_known(t, a->rs1) + (uint64_t)(int64_t)a->imm);
    } else {
        set_op2(t, a->rd, IR_ADD, riscv_tr_get(t, a->rs1), riscv_tr_const(t, a->imm));
    }
}

void riscv_tr_addiw(Translator *t, const RiscvArgs *a, unsigned arg)
{
    if (a->rd == 0) {
        return;
    }
    if (riscv_tr_is_known(t, a->rs1)) {
        riscv_tr_set_known(t, a->rd, a->rs1,
                           (int32_t)((uint32_t)riscv_tr_known(t, a->rs1) + (uint32_t)a->imm));
        return;
    }
    IrRef r = riscv_tr_get(t, a->rs1);
    if (a->imm) {
        r = op2(t, IR_ADD, r, riscv_tr_const(t, a->imm));
    }
    ir_op1(t->ir, IR_EXT_S32, IR_I64, riscv_tr_dst(t, a->rd), r);
}

void riscv_tr_add(Translator *t, const RiscvArgs *a, unsigned arg)
{
    if (a->rd == 0) {
        return;
    }
    unsigned copied = a->rs1 ? a->rs1 : a->rs2;
    if (arg == IR_ADD && (!a->rs1 || !a->rs2) && riscv_tr_is_known(t, copied)) {
        riscv_tr_set_sum(t, a->rd, copied, riscv_tr_known(t, copied));
    } else if (arg == IR_ADD && (!a->rs1 || !a->rs2)) {
        ir_mov(t->ir, riscv_tr_dst(t, a->rd), riscv_tr_get(t, copied));
    } else {
        set_op2(t, a->rd, arg, riscv_tr_get(t, a->rs1), riscv_tr_get(t, a->rs2));
    }
}

void riscv_tr_add_w(Translator *t, const RiscvArgs *a, unsigned arg)
{
    if (a->rd) {
        IrRef r = op2(t, arg, riscv_tr_get(t, a->rs1), riscv_tr_get(t, a->rs2));
        ir_op1(t->ir, IR_EXT_S32, IR_I64, riscv_tr_dst(t, a->rd), r);
    }
}

void riscv_tr_shadd(Translator *t, const RiscvArgs *a, unsigned arg)
{
    if (a->rd) {
        IrRef r = op2(t, IR_SHL, riscv_tr_get(t, a->rs1), riscv_tr_const(t, arg));
        set_op2(t, a->rd, IR_ADD, r, riscv_tr_get(t, a->rs2));
    }
}

void riscv_tr_shadd_uw(Translator *t, const RiscvArgs *a, unsigned arg)
{
    if (a->rd) {
        IrRef r = ir_op1(t->ir, IR_EXT_U32, IR_I64, IR_NONE, riscv_tr_get(t, a->rs1));
        r = op2(t, IR_SHL, r, riscv_tr_const(t, arg));
        set_op2(t, a->rd, IR_ADD, r, riscv_tr_get(t, a->rs2));
    }
}

void riscv_tr_slli_uw(Translator *t, const RiscvArgs *a, unsigned arg)
{
    if (a->rd) {
        IrRef r = ir_op1(t->ir, IR_EXT_U32, IR_I64, IR_NONE, riscv_tr_get(t, a->rs1));
        set_op2(t, a->rd, IR_SHL, r, riscv_tr_const(t, a->imm));
    }
}

/* ---- logic and comparison: closed under sign extension -------------------- */

void riscv_tr_logic(Translator *t, const RiscvArgs *a, unsigned arg)
{
    if (a->rd) {
        IrRef x = riscv_tr_get(t, a->rs1), y = riscv_tr_get(t, a->rs2);
        ir_op2(t->ir, arg, IR_I64, riscv_tr_dst(t, a->rd), x, y);
    }
}

void riscv_tr_logic_imm(Translator *t, const RiscvArgs *a, unsigned arg)
{
    if (a->rd == 0) {
        return;
    }
    IrRef x = riscv_tr_get(t, a->rs1);
    if (arg == IR_XOR && a->imm == -1) {
        ir_op1(t->ir, IR_NOT, IR_I64, riscv_tr_dst(t, a->rd), x);
    } else if (arg == IR_AND && a->imm == 0xff) {
        ir_op1(t->ir, IR_EXT_U8, IR_I64, riscv_tr_dst(t, a->rd), x);
    } else {
        ir_op2(t->ir, arg, IR_I64, riscv_tr_dst(t, a->rd), x, riscv_tr_const(t, a->imm));
    }
}

void riscv_tr_andn(Translator *t, const RiscvArgs *a, unsigned arg)
{
    riscv_tr_logic(t, a, IR_ANDN);
}

void riscv_tr_orn(Translator *t, const RiscvArgs *a, unsigned arg)
{
    if (a->rd) {
        IrRef x = riscv_tr_get(t, a->rs1);
        IrRef y = ir_op1(t->ir, IR_NOT, IR_I64, IR_NONE, riscv_tr_get(t, a->rs2));
        ir_op2(t->ir, IR_OR, IR_I64, riscv_tr_dst(t, a->rd), x, y);
    }
}

void riscv_tr_xnor(Translator *t, const RiscvArgs *a, unsigned arg)
{
    if (a->rd) {
        IrRef x = op2(t, IR_XOR, riscv_tr_get(t, a->rs1), riscv_tr_get(t, a->rs2));
        ir_op1(t->ir, IR_NOT, IR_I64, riscv_tr_dst(t, a->rd), x);
    }
}

void riscv_tr_set(Translator *t, const RiscvArgs *a, unsigned arg)
{
    if (a->rd) {
        IrRef x = riscv_tr_get(t, a->rs1), y = riscv_tr_get(t, a->rs2);
        ir_setcc(t->ir, arg, IR_I64, riscv_tr_dst(t, a->rd), x, y);
    }
}

void riscv_tr_set_imm(Translator *t, const RiscvArgs *a, unsigned arg)
{
    if (a->rd) {
        IrRef x = riscv_tr_get(t, a->rs1);
        ir_setcc(t->ir, arg, IR_I64, riscv_tr_dst(t, a->rd), x, riscv_tr_const(t, a->imm));
    }
}

void riscv_tr_minmax(Translator *t, const RiscvArgs *a, unsigned arg)
{
    riscv_tr_logic(t, a, arg);
}

void riscv_tr_czero(Translator *t, const RiscvArgs *a, unsigned arg)
{
    if (a->rd) {
        IrRef x = riscv_tr_get(t, a->rs1), y = riscv_tr_get(t, a->rs2);
        IrRef zero = riscv_tr_const(t, 0);
        ir_select(t->ir, arg, IR_I64, riscv_tr_dst(t, a->rd), y, zero, zero, x);
    }
}

/* ---- shifts and rotates -------------------------------------------------- */

void riscv_tr_shift(Translator *t, const RiscvArgs *a, unsigned arg)
{
    if (a->rd == 0) {
        return;
    }
    IrRef x = riscv_tr_get(t, a->rs1), n = riscv_tr_get(t, a->rs2);
    if (t->rv32) {
        set_op2_w(t, a->rd, arg, x, n);
    } else {
        ir_op2(t->ir, arg, IR_I64, riscv_tr_dst(t, a->rd), x, n);
    }
}

void riscv_tr_shift_w(Translator *t, const RiscvArgs *a, unsigned arg)
{
    if (a->rd) {
        set_op2_w(t, a->rd, arg, riscv_tr_get(t, a->rs1), riscv_tr_get(t, a->rs2));
    }
}

void riscv_tr_shift_imm(Translator *t, const RiscvArgs *a, unsigned arg)
{
    if (a->rd == 0) {
        return;
    }
    IrRef x = riscv_tr_get(t, a->rs1), n = riscv_tr_const(t, a->imm);
    if (arg == IR_SHL && riscv_tr_is_known(t, a->rs1)) {
        riscv_tr_set_known(t, a->rd, a->rs1, (uint64_t)riscv_tr_known(t, a->rs1) << a->imm);
    } else if (t->rv32 && arg != IR_SAR) {
        set_op2_w(t, a->rd, arg, x, n);
    } else {
        ir_op2(t->ir, arg, IR_I64, riscv_tr_dst(t, a->rd), x, n);
    }
}

void riscv_tr_shift_imm_w(Translator *t, const RiscvArgs *a, unsigned arg)
{
    if (a->rd) {
        set_op2_w(t, a->rd, arg, riscv_tr_get(t, a->rs1), riscv_tr_const(t, a->imm));
    }
}

/* ---- M ------------------------------------------------------------------- */

void riscv_tr_mul(Translator *t, const RiscvArgs *a, unsigned arg)
{
    if (a->rd) {
        set_op2(t, a->rd, IR_MUL, riscv_tr_get(t, a->rs1), riscv_tr_get(t, a->rs2));
    }
}

void riscv_tr_mul_w(Translator *t, const RiscvArgs *a, unsigned arg)
{
    riscv_tr_add_w(t, a, IR_MUL);
}

void riscv_tr_mul_high(Translator *t, const RiscvArgs *a, unsigned arg)
{
    if (a->rd == 0) {
        return;
    }
    IrRef x = riscv_tr_get(t, a->rs1), y = riscv_tr_get(t, a->rs2);
    if (!t->rv32) {
        ir_op2(t->ir, arg, IR_I64, riscv_tr_dst(t, a->rd), x, y);
        return;
    }
    /* The 64-bit product of the extended operands has the high half on top. */
    if (arg == IR_MULHU) {
        x = ir_op1(t->ir, IR_EXT_U32, IR_I64, IR_NONE, x);
    }
    if (arg != IR_MULHS) {
        y = ir_op1(t->ir, IR_EXT_U32, IR_I64, IR_NONE, y);
    }
    IrRef product = op2(t, IR_MUL, x, y);
    ir_op2(t->ir, IR_SAR, IR_I64, riscv_tr_dst(t, a->rd), product, riscv_tr_const(t, 32));
}

void riscv_tr_divide_w(Translator *t, const RiscvArgs *a, unsigned arg)
{
    if (a->rd) {
        set_op2_w(t, a->rd, arg, riscv_tr_get(t, a->rs1), riscv_tr_get(t, a->rs2));
    }
}

void riscv_tr_divide(Translator *t, const RiscvArgs *a, unsigned arg)
{
    if (t->rv32) {
        riscv_tr_divide_w(t, a, arg);
    } else {
        riscv_tr_logic(t, a, arg);
    }
}

/* ---- Zbb, Zbc, Zbs ------------------------------------------------------- */

void riscv_tr_unary(Translator *t, const RiscvArgs *a, unsigned arg)
{
    if (a->rd) {
        IrRef x = riscv_tr_get(t, a->rs1);
        ir_op1(t->ir, arg, IR_I64, riscv_tr_dst(t, a->rd), x);
    }
}

void riscv_tr_count_w(Translator *t, const RiscvArgs *a, unsigned arg)
{
    if (a->rd) {
        IrRef x = riscv_tr_get(t, a->rs1);
        ir_op1(t->ir, arg, IR_I32, riscv_tr_dst(t, a->rd), x);
    }
}

void riscv_tr_count(Translator *t, const RiscvArgs *a, unsigned arg)
{
    if (t->rv32) {
        riscv_tr_count_w(t, a, arg);
    } else {
        riscv_tr_unary(t, a, arg);
    }
}

void riscv_tr_rev8_rv32(Translator *t, const RiscvArgs *a, unsigned arg)
{
    if (a->rd) {
        IrRef x = ir_op1(t->ir, IR_BSWAP, IR_I32, IR_NONE, riscv_tr_get(t, a->rs1));
        riscv_tr_set_xlen(t, a->rd, x);
    }
}

/* Bytes that are not zero become 0xff: bit 7 says so, and times 255 spreads it. */
void riscv_tr_orc_b(Translator *t, const RiscvArgs *a, unsigned arg)
{
    if (a->rd == 0) {
        return;
    }
    const int64_t low7 = 0x7f7f7f7f7f7f7f7f;
    IrRef x = riscv_tr_get(t, a->rs1);
    IrRef r = op2(t, IR_AND, x, riscv_tr_const(t, low7));
    r = op2(t, IR_ADD, r, riscv_tr_const(t, low7));
    r = op2(t, IR_OR, r, x);
    r = op2(t, IR_AND, r, riscv_tr_const(t, ~low7));
    r = op2(t, IR_SHR, r, riscv_tr_const(t, 7));
    r = op2(t, IR_MUL, r, riscv_tr_const(t, 255));
    riscv_tr_set_xlen(t, a->rd, r);
}

void riscv_tr_clmul(Translator *t, const RiscvArgs *a, unsigned arg)
{
    if (a->rd == 0) {
        return;
    }
    IrRef args[2] = { riscv_tr_get(t, a->rs1), riscv_tr_get(t, a->rs2) };
    if (t->rv32) { /* the whole product of 32-bit values fits in 64 bits */
        args[0] = ir_op1(t->ir, IR_EXT_U32, IR_I64, IR_NONE, args[0]);
        args[1] = ir_op1(t->ir, IR_EXT_U32, IR_I64, IR_NONE, args[1]);
        IrRef r = ir_call(t->ir, &riscv_helper_clmul, IR_NONE, 2, args);
        unsigned down = arg == CLMUL_LOW ? 0 : arg == CLMUL_HIGH ? 32 : 31;
        riscv_tr_set_xlen(t, a->rd, op2(t, IR_SHR, r, riscv_tr_const(t, down)));
    } else if (arg == CLMUL_LOW) {
        ir_call(t->ir, &riscv_helper_clmul, riscv_tr_dst(t, a->rd), 2, args);
    } else if (arg == CLMUL_REVERSED) {
        ir_call(t->ir, &riscv_helper_clmulr, riscv_tr_dst(t, a->rd), 2, args);
    } else {
        IrRef r = ir_call(t->ir, &riscv_helper_clmulr, IR_NONE, 2, args);
        ir_op2(t->ir, IR_SHR, IR_I64, riscv_tr_dst(t, a->rd), r, riscv_tr_const(t, 1));
    }
}

static void single_bit(Translator *t, unsigned rd, IrRef x, IrRef n, unsigned what)
{
    IrRef one = riscv_tr_const(t, 1);

    if (t->rv32) {
        n = op2(t, IR_AND, n, riscv_tr_const(t, 31));
    }
    if (what == BIT_EXTRACT) {
        IrRef r = op2(t, IR_SHR, x, n);
        ir_op2(t->ir, IR_AND, IR_I64, riscv_tr_dst(t, rd), r, one);
        return;
    }
    IrRef bit = op2(t, IR_SHL, one, n);
    set_op2(t, rd, what == BIT_CLEAR ? IR_ANDN : what == BIT_SET ? IR_OR : IR_XOR, x, bit);
}

void riscv_tr_bit(Translator *t, const RiscvArgs *a, unsigned arg)
{
    if (a->rd) {
        single_bit(t, a->rd, riscv_tr_get(t, a->rs1), riscv_tr_get(t, a->rs2), arg);
    }
}

void riscv_tr_bit_imm(Translator *t, const RiscvArgs *a, unsigned arg)
{
    if (a->rd) {
        single_bit(t, a->rd, riscv_tr_get(t, a->rs1), riscv_tr_const(t, a->imm), arg);
    }
}
