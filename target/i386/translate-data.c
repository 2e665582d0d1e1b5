/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Moves, exchanges, the stack.  Spec: SDM volume 2, each instruction's page. */
#include "target/i386/families.h"
#include "target/i386/translate.h"

static IrRef op2(Translator *t, IrOp op, IrRef a, IrRef b)
{
    return ir_op2(t->ir, op, IR_I64, IR_NONE, a, b);
}

void x86_tr_mov(Translator *t)
{
    x86_tr_set(t, 0, x86_tr_get(t, 1));
}

void x86_tr_movx(Translator *t)
{
    unsigned from = x86_tr_bytes(t, 1);
    bool movsxd = t->row->encoding.map == X86_MAP_00, amd = t->cpu->vendor == VENDOR_AMD;
    IrRef a;
    if (movsxd && amd && from == 2 &&
        x86_tr_is_memory(t, 1)) { /* AMD's read 4 bytes whatever is kept of them */
        x86_tr_address(t, 1, false);
        x86_tr_check_alignment(t, t->ea, t->ea_disp, 4);
        a = ir_load(t->ir, MEM_32, IR_NONE, t->ea, t->ea_disp);
    } else {
        a = x86_tr_get(t, 1);
    }
    x86_tr_set(
        t, 0, t->row->arg == X86_MOVX_SIGN ? x86_tr_sign_extend(t, a, from) : x86_tr_zero_extend(t, a, from));
}

void x86_tr_lea(Translator *t)
{
    int32_t disp;
    IrRef at = x86_tr_effective(t, &disp);
    x86_tr_set(t, 0, op2(t, IR_ADD, at, x86_tr_const(t, disp)));
}

void x86_tr_movbe(Translator *t)
{
    unsigned bytes = x86_tr_bytes(t, 0);
    IrRef a = x86_tr_get(t, 1);
    if (bytes == 2) {
        a = op2(t, IR_OR, op2(t, IR_SHL, a, x86_tr_const(t, 8)), op2(t, IR_SHR, a, x86_tr_const(t, 8)));
    } else {
        a = ir_op1(t->ir, IR_BSWAP, x86_tr_type(bytes), IR_NONE, a);
    }
    x86_tr_set(t, 0, a);
}

void x86_tr_xlat(Translator *t)
{
    IrRef at = op2(t, IR_ADD, x86_tr_reg(t, X86_RBX, 8), x86_tr_reg(t, X86_RAX, 1));
    x86_tr_set_reg(t, X86_RAX, 1, x86_tr_load(t, t->insn.seg, at, 1, t->insn.asz));
}

/* ---- by condition ------------------------------------------------------------- */

void x86_tr_setcc(Translator *t)
{
    X86TrTest test = x86_tr_condition(t, t->insn.opcode & 15);
    x86_tr_set(t, 0, ir_setcc(t->ir, test.cond, test.type, IR_NONE, test.a, test.b));
}

void x86_tr_cmovcc(Translator *t)
{
    IrRef from = x86_tr_get(t, 1), to = x86_tr_get(t, 0); /* memory is read in any case */
    X86TrTest test = x86_tr_condition(t, t->insn.opcode & 15);
    x86_tr_set(t, 0, ir_select(t->ir, test.cond, test.type, IR_NONE, test.a, test.b, from, to));
}

/* ---- exchanges ------------------------------------------------------------------ */

/* Linear address of memory operand 0, in one operand. */
static IrRef whole_address(Translator *t)
{
    x86_tr_address(t, 0, true);
    return t->ea_disp ? op2(t, IR_ADD, t->ea, x86_tr_const(t, t->ea_disp)) : t->ea;
}

static MemOp atomic_memop(Translator *t)
{
    return x86_tr_memop(x86_tr_bytes(t, 0)) | MEM_ALIGN;
}

/* With memory it locks, prefix or not. */
void x86_tr_xchg(Translator *t)
{
    IrRef b = x86_tr_get(t, 1), a;
    if (x86_tr_is_memory(t, 0)) {
        a = ir_rmw(t->ir, atomic_memop(t), IR_MOV, IR_NONE, whole_address(t), b);
    } else {
        a = x86_tr_get(t, 0);
        x86_tr_set(t, 0, b);
    }
    x86_tr_set(t, 1, a);
}

void x86_tr_xadd(Translator *t)
{
    unsigned bytes = x86_tr_bytes(t, 0);
    IrRef b = x86_tr_get(t, 1), a, sum;
    bool locked = t->insn.prefixes & X86_PREFIX_LOCK;
    a = locked ? ir_rmw(t->ir, atomic_memop(t), IR_ADD, IR_NONE, whole_address(t), b) : x86_tr_get(t, 0);
    sum = ir_op2(t->ir, IR_ADD, x86_tr_type(bytes), IR_NONE, a, b);
    if (!locked && x86_tr_is_memory(t, 0)) {
        x86_tr_set(t, 0, sum);
        x86_tr_set(t, 1, a);
    } else {
        x86_tr_set(t, 1, a);
        if (!locked) {
            x86_tr_set(t, 0, sum);
        }
    }
    x86_tr_set_cc(t, CC_ADD, bytes, a, b, sum, IR_NONE);
}

/* The destination becomes the source where it equals rAX, else rAX becomes it.  Of the two registers, that which does not
 * change keeps its upper half, too (seen on Zen 3); memory is written in any case. */
static void exchange_registers(Translator *t, unsigned bytes, IrRef old, IrRef want, IrRef with)
{
    IrType type = x86_tr_type(bytes);
    IrRef rax = ir_global(G_GPR + X86_RAX), before = ir_mov(t->ir, IR_NONE, rax);
    x86_tr_set_reg(t, X86_RAX, bytes, old);
    ir_select(t->ir, IR_EQ, type, rax, old, want, before, rax);
    if (x86_tr_is_memory(t, 0)) {
        return;
    }
    if (bytes < 4) {
        x86_tr_set(t, 0, ir_select(t->ir, IR_EQ, type, IR_NONE, old, want, with, old));
        return;
    }
    IrRef to = ir_global(G_GPR + t->insn.rm);
    before = ir_mov(t->ir, IR_NONE, to);
    x86_tr_set(t, 0, with);
    ir_select(t->ir, IR_EQ, type, to, old, want, to, before);
}

void x86_tr_cmpxchg(Translator *t)
{
    unsigned bytes = x86_tr_bytes(t, 0);
    IrType type = x86_tr_type(bytes);
    IrRef want = x86_tr_reg(t, X86_RAX, bytes), with = x86_tr_get(t, 1), old;
    if (t->insn.prefixes & X86_PREFIX_LOCK) {
        old = ir_cas(t->ir, atomic_memop(t), IR_NONE, whole_address(t), 0, want, with);
    } else {
        old = x86_tr_get(t, 0);
        if (x86_tr_is_memory(t, 0)) {
            x86_tr_set(t, 0, ir_select(t->ir, IR_EQ, type, IR_NONE, old, want, with, old));
        }
    }
    exchange_registers(t, bytes, old, want, with);
    x86_tr_set_cc(t, CC_SUB, bytes, want, old, ir_op2(t->ir, IR_SUB, type, IR_NONE, want, old), IR_NONE);
}

/* ---- the stack ------------------------------------------------------------------- */

/* Operand size of pushes. */
static unsigned push_bytes(const Translator *t)
{
    return t->insn.osz;
}

static void push(Translator *t, IrRef value)
{
    unsigned bytes = push_bytes(t);
    x86_tr_poke(t, -(int32_t)bytes, bytes, value);
    x86_tr_move_sp(t, -(int32_t)bytes);
}

void x86_tr_push(Translator *t)
{
    push(t, x86_tr_get(t, 0)); /* of rSP: as it was before */
}

/* Memory whose address is computed from rSP: of rSP behind the pop. */
void x86_tr_pop(Translator *t)
{
    unsigned bytes = push_bytes(t);
    IrRef value = x86_tr_peek(t, 0, bytes);
    if (!x86_tr_is_memory(t, 0)) {
        x86_tr_move_sp(t, bytes);
        x86_tr_set(t, 0, value);
        return;
    }
    if (t->insn.base == X86_RSP) {
        t->insn.disp += bytes;
    }
    x86_tr_set(t, 0, value);
    x86_tr_move_sp(t, bytes);
}

void x86_tr_pushf(Translator *t)
{
    IrRef bytes = x86_tr_const(t, push_bytes(t));
    push(t, x86_tr_call(t, &x86_helper_pushf, 1, &bytes));
}

/* IF may open: interrupts are looked for before the next instruction.  TF and AC are of the mode. */
void x86_tr_popf(Translator *t)
{
    unsigned bytes = push_bytes(t);
    IrRef args[2] = { x86_tr_peek(t, 0, bytes), x86_tr_const(t, bytes) };
    x86_tr_call(t, &x86_helper_popf, 2, args);
    x86_tr_forget_cc(t);
    x86_tr_move_sp(t, bytes);
    x86_tr_end_lookup(t);
}

void x86_tr_pusha(Translator *t)
{
    int32_t bytes = t->insn.osz;
    for (int n = 0; n < 8; n++) {
        x86_tr_poke(t, -bytes * (n + 1), bytes, x86_tr_reg(t, n, bytes));
    }
    x86_tr_move_sp(t, -8 * bytes);
}

/* One register after the other: those before a fault are loaded (seen on Zen 3), rSP is not moved. */
void x86_tr_popa(Translator *t)
{
    int32_t bytes = t->insn.osz;
    for (int n = 7; n >= 0; n--) {
        IrRef value = x86_tr_peek(t, bytes * (7 - n), bytes);
        if (n != X86_RSP) {
            x86_tr_set_reg(t, n, bytes, value);
        }
    }
    x86_tr_move_sp(t, 8 * bytes);
}

void x86_tr_leave(Translator *t)
{
    unsigned bytes = t->insn.osz, width = x86_tr_stack_bytes(t);
    IrRef at = x86_tr_reg(t, X86_RBP, 8);
    IrRef value = x86_tr_load(t, SEG_SS, at, bytes, width);
    x86_tr_set_reg(t, X86_RSP, width, op2(t, IR_ADD, at, x86_tr_const(t, bytes)));
    x86_tr_set_reg(t, X86_RBP, bytes, value);
}

/* ENTER of levels above 0 copies frame pointers: at most 31. */
void x86_tr_enter(Translator *t)
{
    int32_t bytes = t->insn.osz, level = t->insn.imm2 & 31, at = bytes;
    unsigned width = x86_tr_stack_bytes(t);
    x86_tr_poke(t, -at, bytes, x86_tr_reg(t, X86_RBP, bytes));
    IrRef frame = x86_tr_moved_sp(t, -bytes);
    for (int n = 1; n < level; n++) {
        IrRef from = op2(t, IR_SUB, x86_tr_reg(t, X86_RBP, 8), x86_tr_const(t, bytes * n));
        at += bytes;
        x86_tr_poke(t, -at, bytes, x86_tr_load(t, SEG_SS, from, bytes, width));
    }
    if (level) {
        at += bytes;
        x86_tr_poke(t, -at, bytes, frame);
    }
    at += (uint16_t)t->insn.imm;
    x86_tr_probe_stack(t, -at, bytes); /* it must be writable */
    x86_tr_move_sp(t, -at);
    x86_tr_set_reg(t, X86_RBP, bytes, frame); /* bits of rSP that do not count are its, too */
}
