/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Jumps, calls, interrupts.  Spec: SDM volume 2, each instruction's page. */
#include "target/i386/families.h"
#include "target/i386/translate.h"
#include "target/i386/trap.h"

static IrRef op2(Translator *t, IrOp op, IrRef a, IrRef b)
{
    return ir_op2(t->ir, op, IR_I64, IR_NONE, a, b);
}

/* The pc of a near target: 16-bit operands keep 16 bits of the instruction pointer. */
static uint64_t target_pc(const Translator *t)
{
    uint64_t ip = x86_tr_ip(t, t->next) + t->insn.imm;
    return x86_tr_pc_of(t, t->insn.osz == 2 ? ip & 0xffff : ip);
}

static void branch_if(Translator *t, X86TrTest test)
{
    uint64_t target = target_pc(t);
    if (x86_tr_is_beyond(t, x86_tr_ip(t, target))) {
        ir_brcc(t->ir, test.cond, test.type, test.a, test.b, x86_tr_cold_fault(t, X86_EXC_GP));
        return;
    }
    if (x86_tr_limit_is_odd(t)) {
        IrRef taken = ir_setcc(t->ir, test.cond, test.type, IR_NONE, test.a, test.b);
        IrRef beyond = x86_tr_beyond_odd(t, x86_tr_ip(t, target));
        ir_brcc(t->ir, IR_TSTNE, IR_I64, taken, beyond, x86_tr_cold_fault(t, X86_EXC_GP));
    }
    unsigned label = 0;
    if (target != t->ctx->pc || !t->loops || t->ends) {
        label = x86_tr_cold_exit(t, target);
        t->cold[t->cold_count - 1].how = X86_END_BRANCH;
    }
    ir_brcc(t->ir, test.cond, test.type, test.a, test.b, label);
}

void x86_tr_jcc(Translator *t)
{
    branch_if(t, x86_tr_condition(t, t->insn.opcode & 15));
}

/* rCX of the address size. */
static IrRef counter(Translator *t, IrRef value)
{
    return t->insn.asz == 8 ? value : x86_tr_zero_extend(t, value, t->insn.asz);
}

void x86_tr_jcxz(Translator *t)
{
    IrRef rcx = counter(t, x86_tr_reg(t, X86_RCX, 8));
    branch_if(t, (X86TrTest){ IR_EQ, IR_I64, rcx, x86_tr_const(t, 0) });
}

void x86_tr_loop(Translator *t)
{
    IrRef rcx = op2(t, IR_SUB, x86_tr_reg(t, X86_RCX, 8), x86_tr_const(t, 1)), count = counter(t, rcx);
    if (t->row->arg == X86_LOOP_LOOP) {
        x86_tr_set_reg(t, X86_RCX, t->insn.asz, rcx);
        branch_if(t, (X86TrTest){ IR_NE, IR_I64, count, x86_tr_const(t, 0) });
        return;
    }
    X86TrTest z = x86_tr_condition(t, t->row->arg == X86_LOOP_LOOPE ? 4 : 5);
    IrRef holds = ir_setcc(t->ir, z.cond, z.type, IR_NONE, z.a, z.b);
    IrRef left = ir_setcc(t->ir, IR_NE, IR_I64, IR_NONE, count, x86_tr_const(t, 0));
    x86_tr_set_reg(t, X86_RCX, t->insn.asz, rcx);
    branch_if(t, (X86TrTest){ IR_TSTNE, IR_I64, holds, left });
}

static void push_next(Translator *t)
{
    int32_t bytes = t->insn.osz;
    x86_tr_poke(t, -bytes, bytes, x86_tr_const(t, x86_tr_ip(t, t->next)));
    x86_tr_move_sp(t, -bytes);
}

void x86_tr_near(Translator *t)
{
    bool call = t->row->arg == X86_NEAR_CALL;
    if (t->row->operands[0].where == X86_AT_J) {
        if (x86_tr_is_beyond(t, x86_tr_ip(t, target_pc(t)))) {
            x86_tr_fault(t, X86_EXC_GP);
            return;
        }
        if (x86_tr_limit_is_odd(t)) {
            if (call) {
                x86_tr_probe_stack(t, -(int32_t)t->insn.osz, t->insn.osz);
            }
            x86_tr_check_ip(t, x86_tr_const(t, x86_tr_ip(t, target_pc(t))));
        }
        if (call) {
            push_next(t);
        }
        x86_tr_goto(t, target_pc(t));
        return;
    }
    IrRef ip = x86_tr_get(t, 0);
    bool limited = t->code != 8 && (t->mode >> X86_MODE_CS_LIMIT_SHIFT & 3);
    if (call && limited) { /* the stack is asked first, and written last */
        x86_tr_probe_stack(t, -(int32_t)t->insn.osz, t->insn.osz);
    }
    x86_tr_check_ip(t, ip);
    if (call) {
        push_next(t);
    }
    x86_tr_exit_ip(t, ip);
}

void x86_tr_ret(Translator *t)
{
    unsigned bytes = t->insn.osz, release = t->row->operands[0].where == X86_AT_I ? (uint16_t)t->insn.imm : 0;
    IrRef ip = x86_tr_peek(t, 0, bytes);
    x86_tr_check_ip(t, ip);
    x86_tr_move_sp(t, bytes + release);
    x86_tr_exit_ip(t, ip);
}

/* ---- in C: they change segments, levels, tasks; the pc is set behind them ----------- */

/* A helper that sets the pc, and looks at that of the instruction. */
static void leave_by(Translator *t, const IrHelper *h, unsigned how, unsigned n, const IrRef *args)
{
    ir_mov(t->ir, ir_global(G_PC), x86_tr_const(t, t->pc));
    x86_tr_call(t, h, n, args);
    x86_tr_exit_lookup(t, how | X86_END_BRANCH);
}

static IrRef next_ip(Translator *t)
{
    return x86_tr_const(t, x86_tr_ip(t, t->next));
}

void x86_tr_far(Translator *t)
{
    bool call = t->row->arg == X86_FAR_LCALL;
    unsigned bytes = x86_tr_pointer_bytes(t);
    IrRef selector, offset;
    if (t->row->operands[0].where == X86_AT_A) {
        selector = x86_tr_const(t, t->insn.imm2);
        offset = x86_tr_const(t, bytes == 2 ? (uint16_t)t->insn.imm : (uint32_t)t->insn.imm);
    } else {
        x86_tr_address(t, 0, false);
        offset = ir_load(t->ir, x86_tr_memop(bytes), IR_NONE, t->ea, t->ea_disp);
        selector = ir_load(t->ir, MEM_16, IR_NONE, t->ea, t->ea_disp + bytes);
    }
    IrRef args[4] = { selector, offset, x86_tr_const(t, t->insn.osz | call << 8), next_ip(t) };
    leave_by(t, &x86_helper_far, 0, 4, args);
}

void x86_tr_lret(Translator *t)
{
    unsigned release = t->row->operands[0].where == X86_AT_I ? (uint16_t)t->insn.imm : 0;
    IrRef args[2] = { x86_tr_const(t, t->insn.osz), x86_tr_const(t, release) };
    leave_by(t, &x86_helper_lret, 0, 2, args);
}

void x86_tr_iret(Translator *t)
{
    IrRef args[2] = { x86_tr_const(t, t->insn.osz), next_ip(t) };
    leave_by(t, &x86_helper_iret, X86_END_RF, 2, args);
}

void x86_tr_int(Translator *t)
{
    static const struct {
        uint8_t vector, kind;
    } ints[] = {
        [X86_INT_INT3] = { X86_EXC_BP, EVENT_SOFT_TRAP },
        [X86_INT_INT] = { 0, EVENT_SOFT },
        [X86_INT_INTO] = { X86_EXC_OF, EVENT_SOFT_TRAP },
        [X86_INT_INT1] = { X86_EXC_DB, EVENT_ICEBP },
    };
    unsigned which = t->row->arg, label = 0;
    uint8_t vector = which == X86_INT_INT ? t->insn.imm : ints[which].vector;
    if (which == X86_INT_INTO) {
        X86TrTest none = x86_tr_condition(t, 1);
        label = x86_tr_cold_exit(t, t->next);
        ir_brcc(t->ir, none.cond, none.type, none.a, none.b, label);
    }
    IrRef args[3] = { x86_tr_const(t, vector), x86_tr_const(t, ints[which].kind), next_ip(t) };
    leave_by(t, &x86_helper_int, X86_END_NO_STEP, 3, args);
}

void x86_tr_ud(Translator *t)
{
    x86_tr_fault(t, X86_EXC_UD);
}
