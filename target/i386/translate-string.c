/* SPDX-License-Identifier: GPL-2.0-or-later */
/* MOVS, STOS, LODS, SCAS, CMPS: one element here; repetitions of MOVS and STOS here where all elements lie in a page that the
 * TLB has (IR_COPY, IR_FILL), else in C (helpers-string.c), as are INS and OUTS.
 *
 * Code is made for DF = 0, which the first string instruction of a block asks for; what is done otherwise stands behind the
 * block (x86_tr_string_rests()) and goes on in another.
 * Spec: SDM volume 2, each instruction's page, and REP/REPE/REPZ/REPNE/REPNZ. */
#include "target/i386/families.h"
#include "target/i386/translate.h"

static IrRef op2(Translator *t, IrOp op, IrRef a, IrRef b)
{
    return ir_op2(t->ir, op, IR_I64, IR_NONE, a, b);
}

/* Of one element. */
static unsigned element_bytes(Translator *t)
{
    unsigned where = t->row->operands[0].where;
    return x86_tr_bytes(t, where == X86_AT_X || where == X86_AT_Y ? 0 : 1);
}

/* From an element to the next: forward or backward. */
static IrRef step(Translator *t, unsigned bytes)
{
    IrRef flags = ir_load_env(t->ir, MEM_32, IR_NONE, offsetof(X86CPU, s.eflags));
    IrRef back = x86_tr_const(t, -(int64_t)bytes), on = x86_tr_const(t, bytes);
    return ir_select(t->ir, IR_TSTNE, IR_I64, IR_NONE, flags, x86_tr_const(t, EFL_DF), back, on);
}

static void move(Translator *t, unsigned reg, IrRef by)
{
    x86_tr_set_reg(t, reg, t->insn.asz, op2(t, IR_ADD, x86_tr_reg(t, reg, 8), by));
}

static IrRef load_source(Translator *t, unsigned bytes)
{
    return x86_tr_load(t, t->insn.seg, x86_tr_reg(t, X86_RSI, 8), bytes, t->insn.asz);
}

static IrRef load_destination(Translator *t, unsigned bytes)
{
    return x86_tr_load(t, SEG_ES, x86_tr_reg(t, X86_RDI, 8), bytes, t->insn.asz);
}

static void store_destination(Translator *t, unsigned bytes, IrRef value)
{
    int32_t disp;
    IrRef offset = x86_tr_zero_extend(t, x86_tr_reg(t, X86_RDI, 8), t->insn.asz);
    IrRef at = x86_tr_linear(t, SEG_ES, offset, 0, bytes, true, &disp);
    ir_store(t->ir, x86_tr_memop(bytes), value, at, disp);
}

static void compare(Translator *t, unsigned bytes, IrRef a, IrRef b)
{
    x86_tr_set_cc(t, CC_SUB, bytes, a, b, op2(t, IR_SUB, a, b), IR_NONE);
}

/* Which of the index registers the operation uses. */
static bool uses_source(unsigned op)
{
    return op == X86_STRING_MOVS || op == X86_STRING_LODS || op == X86_STRING_CMPS;
}

static bool uses_destination(unsigned op)
{
    return op != X86_STRING_LODS;
}

/* by: from it to the next; IR_NONE: as DF says. */
static void one_element(Translator *t, unsigned op, unsigned bytes, IrRef by)
{
    IrRef a = IR_NONE, b = IR_NONE;
    switch (op) {
    case X86_STRING_MOVS: store_destination(t, bytes, load_source(t, bytes)); break;
    case X86_STRING_STOS: store_destination(t, bytes, x86_tr_reg(t, X86_RAX, bytes)); break;
    case X86_STRING_LODS: a = load_source(t, bytes); break;
    case X86_STRING_SCAS:
        a = x86_tr_reg(t, X86_RAX, bytes);
        b = load_destination(t, bytes);
        break;
    default: /* in this order: seen on Zen 3, by which of them faults */
        b = load_destination(t, bytes);
        a = load_source(t, bytes);
    }
    by = by == IR_NONE ? step(t, bytes) : by;
    if (uses_source(op)) {
        move(t, X86_RSI, by);
    }
    if (uses_destination(op)) {
        move(t, X86_RDI, by);
    }
    if (op == X86_STRING_LODS) {
        x86_tr_set_reg(t, X86_RAX, bytes, a);
    } else if (b != IR_NONE) {
        compare(t, bytes, a, b);
    }
}

static bool is_repeated(const Translator *t)
{
    return t->insn.prefixes & (X86_PREFIX_REP | X86_PREFIX_REPNE);
}

/* ---- forward in the block, the rest behind it ---- */

/* The label of what is done instead, where DF is 0 from here on; 0: there is no room for it, or the instruction has work at its end. */
static unsigned go_forward(Translator *t)
{
    if (t->ends || t->string_count == X86_STRING_RESTS) {
        return 0;
    }
    X86StringRest *r = &t->strings[t->string_count++];
    *r = (X86StringRest){ ir_label_new(t->ir), t->pc, t->next, t->insn, t->row };
    if (!t->forward) {
        IrRef flags = ir_load_env(t->ir, MEM_32, IR_NONE, offsetof(X86CPU, s.eflags));
        ir_brcc(t->ir, IR_TSTNE, IR_I64, flags, x86_tr_const(t, EFL_DF), r->label);
        t->forward = true;
    }
    return r->label;
}

static void single(Translator *t, unsigned op, unsigned bytes)
{
    bool forward = t->forward || go_forward(t);
    one_element(t, op, bytes, forward ? x86_tr_const(t, bytes) : IR_NONE);
}

/* Both operands are where the registers say, without a look at each element. */
static bool is_plain(const Translator *t, unsigned op)
{
    bool flat = x86_tr_is_flat(t, SEG_ES) && (op == X86_STRING_STOS || x86_tr_is_flat(t, t->insn.seg));
    return flat && t->insn.asz >= 4 && !(t->mode & X86_MODE_AC);
}

/* All elements at once; false: not here. */
static bool run(Translator *t, unsigned op, unsigned bytes)
{
    unsigned asz = t->insn.asz, rest = is_plain(t, op) ? go_forward(t) : 0;
    if (!rest) {
        return false;
    }
    IrRef count = x86_tr_zero_extend(t, x86_tr_reg(t, X86_RCX, 8), asz);
    IrRef to = x86_tr_zero_extend(t, x86_tr_reg(t, X86_RDI, 8), asz), done;
    if (asz != 8) { /* of none, registers keep their upper halves */
        ir_brcc(t->ir, IR_EQ, IR_I64, count, x86_tr_const(t, 0), rest);
    }
    if (op == X86_STRING_MOVS) {
        IrRef from = x86_tr_zero_extend(t, x86_tr_reg(t, X86_RSI, 8), asz);
        done = ir_copy(t->ir, x86_tr_memop(bytes), to, 0, from, count);
    } else {
        done = ir_fill(t->ir, x86_tr_memop(bytes), to, 0, x86_tr_reg(t, X86_RAX, bytes), count);
    }
    ir_brcc(t->ir, IR_EQ, IR_I64, done, x86_tr_const(t, 0), rest);
    IrRef by = op2(t, IR_SHL, count, x86_tr_const(t, __builtin_ctz(bytes)));
    if (op == X86_STRING_MOVS) {
        move(t, X86_RSI, by);
    }
    move(t, X86_RDI, by);
    x86_tr_set_reg(t, X86_RCX, asz, x86_tr_const(t, 0));
    return true;
}

/* ---- repetitions ---- */

enum { FEW = 8 }; /* elements that are moved sooner here than C has begun: measured */

/* Few elements one after the other, each a repetition that goes back to the instruction; many by C. */
static void repeat_here(Translator *t, unsigned op, unsigned bytes, const IrRef *what)
{
    unsigned asz = t->insn.asz, few = ir_label_new(t->ir), behind = x86_tr_cold_exit(t, t->next);
    IrRef count = x86_tr_zero_extend(t, x86_tr_reg(t, X86_RCX, 8), asz);
    ir_brcc(t->ir, IR_LEU, IR_I64, count, x86_tr_const(t, FEW), few);
    x86_tr_call(t, &x86_helper_repeat, 1, what);
    ir_br(t->ir, behind);
    ir_label(t->ir, few);
    x86_tr_forget_cc(t);
    count = x86_tr_zero_extend(t, x86_tr_reg(t, X86_RCX, 8), asz);
    ir_brcc(t->ir, IR_EQ, IR_I64, count, x86_tr_const(t, 0), behind);
    one_element(t, op, bytes, IR_NONE);
    count = op2(t, IR_SUB, count, x86_tr_const(t, 1));
    x86_tr_set_reg(t, X86_RCX, asz, count);
    bool is_loop = t->pc == t->ctx->pc && t->loops;
    ir_brcc(t->ir, IR_NE, IR_I64, count, x86_tr_const(t, 0), is_loop ? 0 : x86_tr_again(t));
}

/* The helper's argument. */
static IrRef repetition(Translator *t, unsigned op, unsigned bytes)
{
    static const uint8_t ops[] = {
        [X86_STRING_MOVS] = REP_MOVS, [X86_STRING_STOS] = REP_STOS, [X86_STRING_LODS] = REP_LODS,
        [X86_STRING_SCAS] = REP_SCAS, [X86_STRING_CMPS] = REP_CMPS, [X86_STRING_INS] = REP_INS,
        [X86_STRING_OUTS] = REP_OUTS,
    };
    bool until_equal = t->insn.prefixes & X86_PREFIX_REPNE;
    unsigned what = ops[op] | __builtin_ctz(bytes) << REP_SIZE_SHIFT | t->insn.seg << REP_SEG_SHIFT |
                    (unsigned)t->insn.asz << REP_ASZ_SHIFT | (until_equal ? REP_UNTIL_EQUAL : 0);
    what |= (t->mode & X86_MODE_SINGLE ? REP_ONE : 0) | (is_repeated(t) ? 0 : REP_PLAIN);
    return x86_tr_const(t, what);
}

static void repeat(Translator *t, unsigned op, unsigned bytes)
{
    bool io = op == X86_STRING_INS || op == X86_STRING_OUTS;
    bool moves = is_repeated(t) && (op == X86_STRING_MOVS || op == X86_STRING_STOS);
    IrRef arg = repetition(t, op, bytes);
    if (moves && run(t, op, bytes)) {
        return;
    }
    if (moves && !t->ends) {
        repeat_here(t, op, bytes, &arg);
        return;
    }
    IrRef more = x86_tr_call(t, io ? &x86_helper_repeat_io : &x86_helper_repeat, 1, &arg);
    if (op == X86_STRING_SCAS || op == X86_STRING_CMPS) {
        x86_tr_forget_cc(t);
    }
    if (t->mode & X86_MODE_SINGLE) { /* each repetition may trap */
        ir_brcc(t->ir, IR_NE, IR_I64, more, x86_tr_const(t, 0), x86_tr_again(t));
    }
}

void x86_tr_string(Translator *t)
{
    unsigned op = t->row->arg, bytes = element_bytes(t);
    if (op == X86_STRING_INS || op == X86_STRING_OUTS) {
        repeat(t, op, bytes);
        if (!t->done) {
            x86_tr_end_lookup(t); /* as behind OUT */
        }
    } else if (is_repeated(t)) {
        repeat(t, op, bytes);
    } else {
        single(t, op, bytes);
    }
}

static void emit_rest(Translator *t, const X86StringRest *r)
{
    t->pc = r->pc;
    t->next = r->next;
    t->insn = r->insn;
    t->row = r->row;
    unsigned op = t->row->arg, bytes = element_bytes(t);
    ir_label(t->ir, r->label);
    x86_tr_forget_cc(t);
    ir_insn(t->ir, t->pc);
    t->ir->guest_insns--; /* the same one, going on here */
    if (is_repeated(t)) {
        IrRef arg = repetition(t, op, bytes);
        x86_tr_call(t, &x86_helper_repeat, 1, &arg);
    } else {
        one_element(t, op, bytes, x86_tr_const(t, -(int64_t)bytes));
    }
    ir_exit_pc(t->ir, t->next);
}

void x86_tr_string_rests(Translator *t)
{
    t->ends = false;
    for (unsigned n = 0; n < t->string_count; n++) {
        emit_rest(t, &t->strings[n]);
    }
}
