/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Moves, arithmetic, comparisons.
 *
 * x86 instructions overwrite their first operand, IR operations do not: the usual shape is
 * "copy a to the destination, operate with b", with a detour when b is the destination.
 * 32-bit forms zero the upper half, as the IR asks. */
#include "tcg/x86_64/gen.h"

static bool loc_is_reg(Loc l, int reg)
{
    return l.kind == LOC_REG && l.reg == reg;
}

static void load_loc(Jit *j, int reg, Loc l, unsigned w)
{
    if (l.kind == LOC_IMM) {
        x_mov_imm(&j->a, reg, w ? l.value : (int64_t)(uint32_t)l.value, true);
    } else if (l.kind == LOC_MEM || l.reg != reg || !w) {
        x_op(&j->a, X_MOV_LOAD | w, reg, l);
    }
}

static void alu_loc(Jit *j, unsigned alu, unsigned w, int reg, Loc b)
{
    if (b.kind == LOC_IMM) {
        x_alu_imm(&j->a, alu, w, loc_reg(reg), b.value);
    } else {
        x_alu(&j->a, alu, w, reg, b);
    }
}

static unsigned alu_number(unsigned op)
{
    switch (op) {
    case IR_ADD: return ALU_ADD;
    case IR_SUB: return ALU_SUB;
    case IR_AND: return ALU_AND;
    case IR_OR: return ALU_OR;
    default: return ALU_XOR;
    }
}

/* x86 memory operand op= value, for globals that live in the CPU struct. */
static bool alu_in_place(Jit *j, const IrInsn *i, IrRef a, IrRef b)
{
    if (!ir_is_global(i->dst) || i->dst != a || i->type != IR_I64 || reg_pinned(j, i->dst) != NO_REG) {
        return false;
    }
    Loc bl = reg_loc(j, b);
    unsigned alu = alu_number(i->op);
    if (bl.kind == LOC_IMM) {
        x_alu_imm(&j->a, alu, X_W, global_loc(j, i->dst), bl.value);
        return true;
    }
    x_alu_to(&j->a, alu, X_W, global_loc(j, i->dst), reg_use(j, b));
    return true;
}

static bool add_by_lea(Jit *j, const IrInsn *i, Loc a, Loc b, int d)
{
    unsigned w = gen_width(i);
    if (a.kind != LOC_REG || loc_is_reg(a, d)) {
        return false;
    }
    if (b.kind == LOC_REG && i->op == IR_ADD) {
        x_op(&j->a, X_LEA | w, d, loc_mem2(a.reg, b.reg, 0));
    } else if (b.kind == LOC_IMM && (i->op == IR_ADD || b.value != INT32_MIN)) {
        x_op(&j->a, X_LEA | w, d, loc_mem(a.reg, i->op == IR_ADD ? b.value : -b.value));
    } else {
        return false;
    }
    return true;
}

void gen_arith(Jit *j, const IrInsn *i)
{
    IrRef ra = i->a, rb = i->b;
    unsigned w = gen_width(i);
    bool commutes = i->op != IR_SUB;
    if (commutes && (rb == i->dst || ir_is_const(ra))) {
        ra = i->b, rb = i->a;
    }
    if (alu_in_place(j, i, ra, rb)) {
        return;
    }
    Loc a = reg_loc(j, ra), b = reg_loc(j, rb);
    int d = reg_def(j, i->dst, ra);
    if (commutes && loc_is_reg(b, d) && !loc_is_reg(a, d)) {
        Loc t = a;
        a = b, b = t;
    }
    if ((i->op == IR_ADD || i->op == IR_SUB) && add_by_lea(j, i, a, b, d)) {
        reg_bind(j, i->dst, d);
        return;
    }
    if (loc_is_reg(b, d) && !loc_is_reg(a, d)) { /* only `sub`: b - a, negated */
        alu_loc(j, ALU_SUB, w, d, a);
        x_f7(&j->a, F7_NEG, w, loc_reg(d));
    } else {
        load_loc(j, d, a, X_W);
        alu_loc(j, alu_number(i->op), w, d, b);
    }
    j->flags_at = x_pos(&j->a);
    j->flags_reg = d;
    j->flags_w = w;
    reg_bind(j, i->dst, d);
}

void gen_andn(Jit *j, const IrInsn *i)
{
    unsigned w = gen_width(i);
    if (j->bmi1) {
        int b = reg_use(j, i->b);
        int a = reg_use(j, i->a);
        int d = reg_def(j, i->dst, i->a);
        x_vex(&j->a, 2, 0, w, 0xf2, d, b, loc_reg(a));
        reg_bind(j, i->dst, d);
        return;
    }
    int t = reg_scratch(j);
    reg_load(j, t, i->b, false);
    x_f7(&j->a, F7_NOT, w, loc_reg(t));
    alu_loc(j, ALU_AND, w, t, reg_loc(j, i->a));
    reg_bind(j, i->dst, t);
}

/* The part of a register is written: the processor merges it, at no cost where the whole is read behind it. */
void gen_put(Jit *j, const IrInsn *i)
{
    bool byte = i->op == IR_PUT8;
    Loc a = reg_loc(j, i->a), b = reg_loc(j, i->b);
    int d = reg_def(j, i->dst, i->a);
    if (loc_is_reg(b, d) && !loc_is_reg(a, d)) {
        b = loc_reg(reg_scratch(j));
        x_mov(&j->a, b.reg, d);
    }
    load_loc(j, d, a, gen_width(i));
    if (b.kind != LOC_IMM) {
        x_op(&j->a, byte ? X_MOV8_LOAD : X_MOV_LOAD | X_66, d, b);
    } else if (byte) {
        x_op(&j->a, 0xc6 | X_BRM, 0, loc_reg(d));
        x_u8(&j->a, b.value);
    } else {
        x_op(&j->a, 0xc7 | X_66, 0, loc_reg(d));
        x_u8(&j->a, b.value);
        x_u8(&j->a, b.value >> 8);
    }
    reg_bind(j, i->dst, d);
}

void gen_mul(Jit *j, const IrInsn *i)
{
    unsigned w = gen_width(i);
    if (gen_mul_both(j, i)) {
        return;
    }
    Loc a = reg_loc(j, i->a), b = reg_loc(j, i->b);
    if (b.kind == LOC_IMM && a.kind != LOC_IMM) {
        int d = reg_def(j, i->dst, i->a);
        x_op(&j->a, 0x69 | w, d, a);
        x_u32(&j->a, b.value);
        reg_bind(j, i->dst, d);
        return;
    }
    int d = reg_def(j, i->dst, i->a);
    if (loc_is_reg(b, d)) {
        Loc t = a;
        a = b, b = t;
    }
    load_loc(j, d, a, X_W);
    if (b.kind == LOC_IMM) {
        x_op(&j->a, 0x69 | w, d, loc_reg(d));
        x_u32(&j->a, b.value);
    } else {
        x_op(&j->a, X_IMUL | w, d, b);
    }
    reg_bind(j, i->dst, d);
}

static unsigned shift_number(unsigned op)
{
    switch (op) {
    case IR_SHL: return SH_SHL;
    case IR_SHR: return SH_SHR;
    case IR_SAR: return SH_SAR;
    case IR_ROL: return SH_ROL;
    default: return SH_ROR;
    }
}

/* The temp that the operation before makes is read here alone, and added to something in 64 bits: that; else IR_NONE. */
static IrRef added_alone(const Jit *j, unsigned at, IrRef temp)
{
    const IrInsn *add = &j->ir->ops[at];
    if (at >= j->ir->count || add->op != IR_ADD || add->type != IR_I64 || !ir_is_temp(temp) ||
        j->last_use[temp] != at || (add->a == temp) == (add->b == temp)) {
        return IR_NONE;
    }
    return add->a == temp ? add->b : add->a;
}

/* A value doubled up to three times, then added to another, then perhaps to a constant: one instruction. */
static bool shift_by_lea(Jit *j, const IrInsn *i, unsigned n)
{
    enum { MOST = 3 };
    IrRef base = added_alone(j, j->at + 1, i->dst);
    if (i->op != IR_SHL || i->type != IR_I64 || n == 0 || n > MOST || base == IR_NONE || ir_is_const(base)) {
        return false;
    }
    Loc sum = loc_mem2(reg_use(j, base), reg_use(j, i->a), 0);
    sum.scale = n;
    j->at++;
    IrRef more = added_alone(j, j->at + 1, i[1].dst);
    if (ir_is_const(more) && !ir_const_is_pc(j->ir, more) &&
        ir_const_value(j->ir, more) == (int32_t)ir_const_value(j->ir, more)) {
        sum.value = ir_const_value(j->ir, more);
        j->at++;
    }
    IrRef dst = j->ir->ops[j->at].dst;
    int d = reg_def(j, dst, base);
    x_op(&j->a, X_LEA | X_W, d, sum);
    reg_bind(j, dst, d);
    return true;
}

static void gen_shift_const(Jit *j, const IrInsn *i, unsigned n)
{
    if (shift_by_lea(j, i, n)) {
        return;
    }
    unsigned w = gen_width(i);
    unsigned bits = w ? 64 : 32;
    n &= bits - 1;
    Loc a = reg_loc(j, i->a);
    int d = reg_def(j, i->dst, i->a);
    if (j->bmi2 && (i->op == IR_ROL || i->op == IR_ROR) && a.kind != LOC_IMM) {
        unsigned right = i->op == IR_ROR ? n : (bits - n) & (bits - 1);
        x_vex(&j->a, 3, 3, w, 0xf0, d, 0, a);
        x_u8(&j->a, right);
    } else {
        load_loc(j, d, a, w);
        if (n) {
            x_shift_imm(&j->a, shift_number(i->op), w, d, n);
        }
    }
    reg_bind(j, i->dst, d);
}

void gen_shift(Jit *j, const IrInsn *i)
{
    unsigned w = gen_width(i);
    if (ir_is_const(i->b)) {
        gen_shift_const(j, i, gen_const(j, i->b));
        return;
    }
    if (j->bmi2 && i->op != IR_ROL && i->op != IR_ROR) {
        int n = reg_use(j, i->b);
        Loc a = reg_loc(j, i->a);
        if (a.kind == LOC_IMM) {
            a = loc_reg(reg_use(j, i->a));
        }
        int d = reg_def(j, i->dst, i->a);
        x_vex(&j->a, 2, i->op == IR_SHL ? 1 : i->op == IR_SHR ? 3 : 2, w, 0xf7, d, n, a);
        reg_bind(j, i->dst, d);
        return;
    }
    reg_flush(j); /* the count must be in cl */
    reg_claim(j, RCX);
    reg_claim(j, RAX);
    reg_load(j, RCX, i->b, false);
    reg_load(j, RAX, i->a, false);
    x_op(&j->a, X_MOV_LOAD | w, RAX, loc_reg(RAX));
    x_shift_cl(&j->a, shift_number(i->op), w, RAX);
    reg_bind(j, i->dst, RAX);
}

void gen_extend(Jit *j, const IrInsn *i)
{
    unsigned w = gen_width(i), op;
    switch (i->op) {
    case IR_EXT_S8: op = X_MOVSX8 | w; break;
    case IR_EXT_S16: op = X_MOVSX16 | w; break;
    case IR_EXT_S32: op = w ? X_MOVSXD : X_MOV_LOAD; break;
    case IR_EXT_U8: op = X_MOVZX8; break;
    case IR_EXT_U16: op = X_MOVZX16; break;
    default: op = X_MOV_LOAD; break;
    }
    Loc a = reg_loc(j, i->a);
    int d = reg_def(j, i->dst, i->a);
    if (a.kind == LOC_IMM) {
        x_mov_imm(&j->a, d, a.value, false);
        a = loc_reg(d);
    }
    x_op(&j->a, op, d, a);
    reg_bind(j, i->dst, d);
}

/* bsr and bsf leave the destination alone for zero (and set ZF). */
static void gen_count_old(Jit *j, const IrInsn *i)
{
    unsigned w = gen_width(i), bits = w ? 64 : 32;
    bool lead = i->op == IR_CLZ;
    reg_flush(j);
    reg_claim(j, RAX);
    reg_claim(j, RCX);
    reg_load(j, RAX, i->a, false);
    x_mov_imm(&j->a, RCX, lead ? 2 * bits - 1 : bits, false);
    x_op(&j->a, (lead ? X_BSR : X_BSF) | w, RAX, loc_reg(RAX));
    x_op(&j->a, X_CMOV | w | CC_E, RAX, loc_reg(RCX));
    if (lead) {
        x_alu_imm(&j->a, ALU_XOR, w, loc_reg(RAX), bits - 1);
    }
    reg_bind(j, i->dst, RAX);
}

void gen_count(Jit *j, const IrInsn *i)
{
    unsigned w = gen_width(i), op;
    if (i->op == IR_POPCNT) {
        op = X_POPCNT;
    } else if (i->op == IR_CLZ ? j->lzcnt : j->bmi1) {
        op = i->op == IR_CLZ ? X_LZCNT : X_TZCNT;
    } else {
        gen_count_old(j, i);
        return;
    }
    Loc a = reg_loc(j, i->a);
    if (a.kind == LOC_IMM) {
        a = loc_reg(reg_use(j, i->a));
    }
    int d = reg_def(j, i->dst, i->a);
    x_op(&j->a, op | w, d, a);
    reg_bind(j, i->dst, d);
}

void gen_unary(Jit *j, const IrInsn *i)
{
    unsigned w = gen_width(i);
    if (i->op == IR_MOV && w && reg_pinned(j, i->dst) == NO_REG && ir_is_global(i->dst)) {
        bool flags = j->flags_at == x_pos(&j->a);
        Loc v = reg_loc(j, i->a);
        if (v.kind == LOC_IMM) { /* mov [mem], imm32 */
            x_op(&j->a, 0xc7 | X_W, 0, global_loc(j, i->dst));
            x_u32(&j->a, v.value);
        } else {
            flags = flags && v.kind == LOC_REG && !ir_is_const(i->a); /* else a register is loaded */
            int r = reg_use(j, i->a);
            x_op(&j->a, X_MOV_STORE | X_W, r, global_loc(j, i->dst));
        }
        if (flags) { /* a store leaves them alone */
            j->flags_at = x_pos(&j->a);
        }
        return;
    }
    int d = reg_def(j, i->dst, i->a);
    if (ir_is_const(i->a) && w) {
        reg_load(j, d, i->a, false);
    } else if (ir_is_const(i->a)) {
        x_mov_imm(&j->a, d, (uint32_t)gen_const(j, i->a), false);
    } else {
        load_loc(j, d, reg_loc(j, i->a), i->op == IR_MOV ? w : X_W);
    }
    if (i->op == IR_NOT || i->op == IR_NEG) {
        x_f7(&j->a, i->op == IR_NOT ? F7_NOT : F7_NEG, w, loc_reg(d));
    } else if (i->op == IR_BSWAP) {
        if (w || d >= 8) {
            x_u8(&j->a, 0x40 | (w ? 8 : 0) | (d >= 8));
        }
        x_u8(&j->a, 0x0f);
        x_u8(&j->a, 0xc8 | (d & 7));
    }
    reg_bind(j, i->dst, d);
}

static unsigned x86_condition(IrCond c)
{
    static const uint8_t cc[] = {
        [IR_EQ] = CC_E,   [IR_NE] = CC_NE, [IR_LT] = CC_L,    [IR_GE] = CC_GE,
        [IR_LE] = CC_LE,  [IR_GT] = CC_G,  [IR_LTU] = CC_B,   [IR_GEU] = CC_AE,
        [IR_LEU] = CC_BE, [IR_GTU] = CC_A, [IR_TSTEQ] = CC_E, [IR_TSTNE] = CC_NE,
    };
    return cc[c];
}

unsigned gen_compare(Jit *j, IrCond cond, unsigned type, IrRef ra, IrRef rb)
{
    unsigned w = type == IR_I64 ? X_W : 0;
    bool test = cond == IR_TSTEQ || cond == IR_TSTNE;
    Loc a = reg_loc(j, ra);
    Loc b = reg_loc(j, rb);
    if (a.kind == LOC_IMM || (a.kind == LOC_MEM && b.kind == LOC_MEM)) {
        a = loc_reg(reg_use(j, ra));
    }
    if (b.kind == LOC_IMM) {
        if (test) {
            x_op(&j->a, 0xf7 | w, 0, a);
            x_u32(&j->a, b.value);
        } else if (b.value == 0 && a.kind == LOC_REG) {
            bool known = j->flags_at == x_pos(&j->a) && j->flags_reg == a.reg && j->flags_w == (int)w &&
                         (cond == IR_EQ || cond == IR_NE);
            if (!known) {
                x_op(&j->a, X_TEST | w, a.reg, a);
            }
        } else {
            x_alu_imm(&j->a, ALU_CMP, w, a, b.value);
        }
    } else if (test) {
        x_op(&j->a, X_TEST | w, a.kind == LOC_REG ? a.reg : b.reg, a.kind == LOC_REG ? b : a);
    } else if (a.kind == LOC_REG) {
        x_alu(&j->a, ALU_CMP, w, a.reg, b);
    } else {
        x_alu_to(&j->a, ALU_CMP, w, a, b.reg);
    }
    return x86_condition(cond);
}

void gen_setcc(Jit *j, const IrInsn *i)
{
    unsigned cc = gen_compare(j, ir_cond_of(i), i->type, i->a, i->b);
    j->locked = 0;
    int d = reg_def(j, i->dst, IR_NONE);
    x_op(&j->a, X_SETCC | cc, 0, loc_reg(d));
    x_op(&j->a, X_MOVZX8, d, loc_reg(d));
    reg_bind(j, i->dst, d);
}

/* dst = cc ? x : y, flags are set. */
static void choose(Jit *j, const IrInsn *i, unsigned cc, IrRef x, IrRef y, unsigned w)
{
    int d = reg_pinned(j, i->dst);
    if (d != NO_REG && i->dst == x) { /* keep x unless the opposite holds */
        IrRef t = x;
        x = y, y = t;
        cc ^= 1;
    }
    j->locked = 0;
    if (d == NO_REG) {
        d = reg_scratch(j);
    }
    Loc xl = reg_loc_flags(j, x);
    if (xl.kind == LOC_IMM || (loc_is_reg(xl, d) && x != y)) {
        int t = reg_scratch(j);
        reg_load(j, t, x, true);
        xl = loc_reg(t);
    }
    Loc yl = reg_loc_flags(j, y);
    if (!loc_is_reg(yl, d) || !w) {
        load_loc(j, d, yl, w);
    }
    x_op(&j->a, X_CMOV | w | cc, d, xl);
    reg_bind(j, i->dst, d);
}

void gen_min_max(Jit *j, const IrInsn *i)
{
    IrCond c = i->op == IR_MIN ? IR_LT : i->op == IR_MAX ? IR_GT : i->op == IR_MINU ? IR_LTU : IR_GTU;
    unsigned cc = gen_compare(j, c, i->type, i->a, i->b);
    choose(j, i, cc, i->a, i->b, gen_width(i));
}

void gen_select(Jit *j, const IrInsn *i)
{
    const IrInsn *arms = i + 1;
    unsigned cc = gen_compare(j, ir_cond_of(i), i->type, i->a, i->b);
    choose(j, i, cc, arms->a, arms->b, X_W);
}
