/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Atomics: the address and TLB check of a store (mem.c), then an instruction with a lock prefix, or, where no other thread
 * runs guest code (IrBlock.alone), the same without it.
 *
 *      exchange, add       xchg (alone: a load and a store), lock xadd
 *      and, or, xor        lock and ... when nobody reads what stood there; else a loop:
 *      (min, max: always)       mov  rax, [rcx]
 *                          again:
 *                               new value from rax, in rdx
 *                               lock cmpxchg [rcx], rdx     (alone: a store)
 *                               jne  again
 *      compare and swap    lock cmpxchg
 *
 * Each is a full fence (Intel SDM volume 3, 9.2.3.9), so MEM_ACQ and MEM_REL cost nothing.  Alone, a thread sees its own
 * accesses in order; of what orders them for devices, which have threads of their own, fences are left.
 *
 * Requirements: as in mem.c; besides, address, value and what is expected are where the cold path finds them
 * until the check has passed. */
#include "tcg/x86_64/gen.h"

enum { LOCK = 0xf0 };

/* Opcode bits of an operand size; `narrow` is the opcode for bytes, `wide` that of the others. */
static unsigned sized(MemOp m, unsigned narrow, unsigned wide)
{
    switch (m & MEM_SIZE) {
    case MEM_8: return narrow | X_BREG;
    case MEM_16: return wide | X_66;
    case MEM_32: return wide;
    default: return wide | X_W;
    }
}

static void emit_locked(Jit *j, unsigned op, int reg, Loc to)
{
    if (!j->ir->alone) {
        x_u8(&j->a, LOCK);
    }
    x_op(&j->a, op, reg, to);
}

static void emit_cmpxchg(Jit *j, MemOp m, int reg, Loc to)
{
    emit_locked(j, sized(m, 0xb0, 0xb1) | X_0F, reg, to);
}

static void emit_plain_store(Jit *j, MemOp m, int reg, Loc to)
{
    x_op(&j->a, sized(m, 0x88, 0x89), reg, to);
}

static unsigned alu_of(IrOp op)
{
    return op == IR_ADD ? ALU_ADD : op == IR_AND ? ALU_AND : op == IR_OR ? ALU_OR : ALU_XOR;
}

static bool is_min_max(IrOp op)
{
    return op == IR_MIN || op == IR_MAX || op == IR_MINU || op == IR_MAXU;
}

/* rdx = what op makes of rax, what stands there, and the value. */
static void emit_new_value(Asm *a, MemOp m, IrOp op, Loc value)
{
    unsigned w = (m & MEM_SIZE) == MEM_64 ? X_W : 0;
    gen_load_loc(a, RDX, value);
    if (!is_min_max(op)) {
        x_alu(a, alu_of(op), w, RDX, loc_reg(RAX));
        return;
    }
    unsigned keep = op == IR_MIN ? CC_L : op == IR_MAX ? CC_G : op == IR_MINU ? CC_B : CC_A;
    x_op(a, sized(m, 0x3a, 0x3b), RAX, loc_reg(RDX)); /* cmp */
    x_op(a, X_CMOV | w | keep, RDX, loc_reg(RAX));
}

static void emit_loop(Jit *j, const Cold *c)
{
    Asm *a = &j->a;
    Loc at = loc_mem(RCX, 0);
    x_op(a, X_LEA | X_W, RCX, loc_mem2(RCX, c->addr, 0));
    gen_load_bytes(a, RAX, at, c->mop & MEM_SIZE);
    uint32_t again = x_pos(a);
    emit_new_value(a, c->mop, c->op, c->value);
    if (j->ir->alone) {
        emit_plain_store(j, c->mop, RDX, at);
        return;
    }
    emit_cmpxchg(j, c->mop, RDX, at);
    uint32_t back = x_jcc8(a, CC_NE);
    x_bind8_to(a, back, again);
}

/* A value that is in no register comes to rax. */
static int in_register(Asm *a, Loc value)
{
    if (value.kind == LOC_REG) {
        return value.reg;
    }
    gen_load_loc(a, RAX, value);
    return RAX;
}

/* The register of a value while rax is wanted; *at may change its form. */
static int beside_rax(Asm *a, Loc value, Loc *at)
{
    if (value.kind == LOC_REG) {
        return value.reg;
    }
    x_op(a, X_LEA | X_W, RCX, *at);
    *at = loc_mem(RCX, 0);
    gen_load_loc(a, RDX, value);
    return RDX;
}

static void emit_exchange(Jit *j, const Cold *c)
{
    Asm *a = &j->a;
    Loc at = loc_mem2(RCX, c->addr, 0);
    if (!j->ir->alone) {
        gen_load_loc(a, RAX, c->value);
        x_op(a, sized(c->mop, 0x86, 0x87), RAX, at); /* xchg locks by itself */
        return;
    }
    int v = beside_rax(a, c->value, &at);
    gen_load_bytes(a, RAX, at, c->mop & MEM_SIZE);
    emit_plain_store(j, c->mop, v, at);
}

/* What stood there is in rax then, unless nobody reads it. */
static void emit_rmw(Jit *j, const Cold *c, bool read)
{
    Asm *a = &j->a;
    Loc at = loc_mem2(RCX, c->addr, 0);
    if (c->op == IR_MOV) {
        emit_exchange(j, c);
    } else if (!is_min_max(c->op) && !read) {
        unsigned alu = alu_of(c->op);
        int v = in_register(a, c->value);
        emit_locked(j, sized(c->mop, alu << 3, alu << 3 | 1), v, at);
    } else if (c->op == IR_ADD) {
        gen_load_loc(a, RAX, c->value);
        emit_locked(j, sized(c->mop, 0xc0, 0xc1) | X_0F, RAX, at); /* xadd */
    } else {
        emit_loop(j, c);
    }
}

static void emit_cas(Jit *j, const Cold *c)
{
    Asm *a = &j->a;
    Loc at = loc_mem2(RCX, c->addr, 0);
    int v = beside_rax(a, c->value, &at);
    gen_load_loc(a, RAX, c->expected);
    emit_cmpxchg(j, c->mop, v, at);
}

/* Operands and check; rcx is the addend then. */
static Cold *begin(Jit *j, const IrInsn *i, IrOp op, int32_t disp, IrRef value, IrRef expected)
{
    Cold *c = gen_cold_new(j, COLD_ATOMIC);
    c->op = op;
    c->mop = i->type;
    c->value = gen_waiting(j, value);
    if (expected != IR_NONE) {
        c->expected = gen_waiting(j, expected);
    }
    c->addr = gen_address(j, i->a, disp);
    reg_flush_live(j);
    c->fixups[0] = gen_tlb_check(j, c->addr, memop_bytes(c->mop), c->mop & MEM_ALIGN, j->c.tlb_wr);
    return c;
}

/* The result comes from rax. */
static void end(Jit *j, const IrInsn *i, Cold *c, bool read)
{
    int d = reg_pinned(j, i->dst);
    c->dst = d != NO_REG ? d : RAX;
    if (read) {
        gen_load_bytes(&j->a, c->dst, loc_reg(RAX), c->mop);
    }
    c->resume = x_pos(&j->a);
    reg_release_all(j);
    reg_bind(j, i->dst, c->dst);
}

void gen_rmw(Jit *j, const IrInsn *i)
{
    bool read = !ir_is_temp(i->dst) || j->last_use[i->dst] > j->at;
    Cold *c = begin(j, i, i->aux, 0, i->b, IR_NONE);
    emit_rmw(j, c, read);
    end(j, i, c, read);
}

void gen_cas(Jit *j, const IrInsn *i)
{
    const IrInsn *arms = i + 1;
    Cold *c = begin(j, i, IR_CAS, i->aux, arms->b, arms->a);
    emit_cas(j, c);
    end(j, i, c, true);
    reg_free_slot(j, arms->a);
    reg_free_slot(j, arms->b);
}
