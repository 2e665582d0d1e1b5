/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Blocks of the intermediate representation and their builders.
 *
 * A translator never makes more than IR_MAX_* of anything, because it asks
 * ir_block_full() between guest instructions; what a single guest instruction
 * needs is far below the slack kept there, so that overflow is a bug of the
 * translator, and asserted. */
#include <string.h>

#include "tcg/eval.h"
#include "tcg/private.h"
#include "tcg/vector.h"

enum {
    MAX_INDEX = IR_INDEX_MASK,
    MAX_LABELS = 1024,
    SLACK = 4096, /* temps and constants that one guest instruction may need */
    LABEL_SLACK = 128,
    CONST_WINDOW = 24, /* how many recent constants are compared for reuse */
};

/* ---- life ------------------------------------------------------------------ */

IrBlock *ir_block_new(const IrGuest *guest)
{
    IrBlock *b = g_new0(IrBlock, 1);
    b->guest = guest;
    b->verify = LYREBIRD_CHECKS;
    ir_block_reset(b, 0);
    return b;
}

void ir_block_reset(IrBlock *b, uint64_t pc)
{
    b->pc = pc;
    b->count = b->const_count = b->helper_count = b->temp_count = b->guest_insns = 0;
    b->label_count = 1;
    b->page_bias = 0;
    b->unreachable = b->movable = false;
    b->known_from = b->copies_from = 1;
    b->mask = IR_NONE;
    memset(b->known, 0, sizeof(b->known));
}

void ir_block_free(IrBlock *b)
{
    if (!b) {
        return;
    }
    g_free(b->ops);
    g_free(b->consts);
    g_free(b->helpers);
    g_free(b->temp_bits);
    g_free(b->temp_origin);
    g_free(b);
}

bool ir_block_full(const IrBlock *b)
{
    return b->temp_count > MAX_INDEX - SLACK || b->const_count > MAX_INDEX - SLACK ||
           b->label_count > MAX_LABELS - LABEL_SLACK;
}

/* ---- operands -------------------------------------------------------------- */

IrInsn *ir_append(IrBlock *b, IrInsn insn)
{
    if (b->count == b->capacity) {
        b->capacity = b->capacity ? b->capacity * 2 : 512;
        b->ops = g_renew(IrInsn, b->ops, b->capacity);
    }
    b->ops[b->count] = insn;
    return &b->ops[b->count++];
}

static void emit(IrBlock *b, IrInsn insn)
{
    if (b->unreachable) {
        return;
    }
    ir_append(b, insn);
    b->unreachable = ir_op_info[insn.op].flags & IRF_END;
}

IrRef ir_temp_new(IrBlock *b, unsigned bits)
{
    g_assert(b->temp_count < MAX_INDEX);
    b->temp_count++;
    if (b->temp_count >= b->temp_capacity) {
        b->temp_capacity = b->temp_capacity ? b->temp_capacity * 2 : 512;
        b->temp_bits = g_renew(uint8_t, b->temp_bits, b->temp_capacity);
        b->temp_origin = g_renew(IrRef, b->temp_origin, b->temp_capacity);
    }
    b->temp_bits[b->temp_count] = bits;
    b->temp_origin[b->temp_count] = b->temp_count;
    return b->temp_count;
}

static IrRef destination(IrBlock *b, IrRef dst, unsigned bits)
{
    g_assert(dst == IR_NONE || ir_is_global(dst));
    return dst == IR_NONE ? ir_temp_new(b, bits) : dst;
}

/* ---- what is known of globals ------------------------------------------------ */

static unsigned bits_of_type(IrType type)
{
    return type == IR_I32 ? 32 : 64;
}

static IrKnown *known_of(IrBlock *b, IrRef r)
{
    unsigned index = r & IR_INDEX_MASK;
    return ir_is_global(r) && index < IR_KNOWN_GLOBALS ? &b->known[index] : NULL;
}

/* Operations are counted from 1 here: 0 is never. */
static unsigned now(const IrBlock *b)
{
    return b->count + 1;
}

unsigned ir_known_bits(const IrBlock *b, IrRef r)
{
    if (ir_is_temp(r)) {
        return b->temp_bits[r];
    }
    if (ir_is_const(r)) {
        uint64_t v = ir_const_is_pc(b, r) ? UINT64_MAX : (uint64_t)ir_const_value(b, r);
        return v ? 64 - __builtin_clzll(v) : 0;
    }
    const IrKnown *k = known_of((IrBlock *)b, r);
    return k && k->at >= b->known_from ? k->bits : 64;
}

/* Its dst has been assigned a value of so many bits. */
static void learn(IrBlock *b, const IrInsn *in, unsigned bits)
{
    IrKnown *k = known_of(b, in->dst);
    if (!k) {
        return;
    }
    bool mov = in->op == IR_MOV && in->type == IR_I64;
    bool is_short = mov && ir_is_const(in->a) && !ir_const_is_pc(b, in->a) &&
                    ir_const_value(b, in->a) == (int32_t)ir_const_value(b, in->a);
    *k = (IrKnown){ .at = now(b),
                    .constant = is_short ? in->a : IR_NONE,
                    .value = mov && ir_is_temp(in->a) ? b->temp_origin[in->a] : IR_NONE,
                    .bits = bits };
}

/* Another way comes in here, or a helper has written globals. */
static void forget(IrBlock *b)
{
    b->known_from = b->copies_from = now(b);
}

/* What stands for the operand: the constant that a global is known to have, if a host's instruction can hold it. */
static IrRef known_value(IrBlock *b, IrRef r)
{
    const IrKnown *k = known_of(b, r);
    return k && k->at >= b->known_from && k->constant != IR_NONE ? k->constant : r;
}

static IrRef find_const(IrBlock *b, int64_t value, bool is_pc)
{
    unsigned oldest = b->const_count > CONST_WINDOW ? b->const_count - CONST_WINDOW : 0;
    for (unsigned i = b->const_count; i-- > oldest;) {
        if (b->consts[i] == value && ir_const_is_pc(b, IR_KIND_CONST | i) == is_pc) {
            return IR_KIND_CONST | i;
        }
    }
    g_assert(b->const_count < MAX_INDEX);
    if (b->const_count == b->const_capacity) {
        b->const_capacity = b->const_capacity ? b->const_capacity * 2 : 128;
        b->consts = g_renew(int64_t, b->consts, b->const_capacity);
    }
    unsigned n = b->const_count++;
    uint64_t bit = UINT64_C(1) << n % 64;
    b->consts[n] = value;
    b->pc_consts[n / 64] = is_pc ? b->pc_consts[n / 64] | bit : b->pc_consts[n / 64] & ~bit;
    return IR_KIND_CONST | n;
}

IrRef ir_const(IrBlock *b, int64_t value)
{
    return find_const(b, value, false);
}

IrRef ir_const_pc(IrBlock *b, uint64_t pc)
{
    return find_const(b, pc, true);
}

int64_t ir_const_value(const IrBlock *b, IrRef r)
{
    return b->consts[r & IR_INDEX_MASK];
}

/* ---- arithmetic ------------------------------------------------------------ */

static IrRef emit_op(IrBlock *b, IrInsn insn, unsigned bits)
{
    insn.dst = destination(b, insn.dst, bits);
    if (!b->unreachable) {
        learn(b, &insn, bits);
    }
    emit(b, insn);
    return insn.dst;
}

/* The same global copied twice in an instruction is copied once. */
static IrRef copy_global(IrBlock *b, IrRef g)
{
    IrKnown *k = known_of(b, g);
    if (k && k->copy != IR_NONE && k->copied_at >= b->copies_from) {
        return k->copy;
    }
    unsigned at = now(b);
    IrRef t =
        emit_op(b, (IrInsn){ .op = IR_MOV, .type = IR_I64, .dst = IR_NONE, .a = g }, ir_known_bits(b, g));
    if (k && !b->unreachable) {
        k->copy = t;
        k->copied_at = at;
        b->temp_origin[t] = k->at >= b->known_from && k->value != IR_NONE ? k->value : t;
    }
    return t;
}

/* `op` is IR_MOV or IR_EXT_U32: nothing at all when a may stand for the result. */
static IrRef emit_copy(IrBlock *b, IrOp op, IrRef dst, IrRef a)
{
    if (op == IR_MOV && (dst == a || (dst == IR_NONE && !ir_is_global(a)))) {
        return a;
    }
    if (op == IR_MOV && dst == IR_NONE) {
        return copy_global(b, a);
    }
    return emit_op(b, (IrInsn){ .op = op, .type = IR_I64, .dst = dst, .a = a }, ir_bits1(b, op, IR_I64, a));
}

IrRef ir_op1(IrBlock *b, IrOp op, IrType type, IrRef dst, IrRef a)
{
    g_assert(ir_op_info[op].kind == IRK_UNARY);
    a = known_value(b, a);
    IrRef same = ir_simplify1(b, &op, type, a);
    if (same != IR_NONE) {
        return emit_copy(b, op, dst, same);
    }
    IrRef r = emit_op(b, (IrInsn){ .op = op, .type = type, .dst = dst, .a = a }, ir_bits1(b, op, type, a));
    if (op == IR_NEG && ir_is_temp(r) && ir_is_temp(a) && ir_known_bits(b, a) <= 1) {
        b->mask = r;
        b->mask_of = b->temp_origin[a];
        b->mask_type = type;
    }
    return r;
}

IrRef ir_op2(IrBlock *b, IrOp op, IrType type, IrRef dst, IrRef a, IrRef c)
{
    g_assert(ir_op_info[op].kind == IRK_BINARY);
    a = known_value(b, a);
    c = known_value(b, c);
    IrRef same = ir_simplify2(b, &op, type, &a, &c);
    if (same != IR_NONE) {
        return ir_op1(b, IR_MOV, type, dst, same);
    }
    if (ir_masked(b, op, type, a, &c)) {
        IrRef none = ir_const(b, 0);
        return ir_select(b, IR_NE, IR_I64, dst, b->mask_of, none, c, none);
    }
    return emit_op(b, (IrInsn){ .op = op, .type = type, .dst = dst, .a = a, .b = c },
                   ir_bits2(b, op, type, a, c));
}

IrRef ir_setcc(IrBlock *b, IrCond cond, IrType type, IrRef dst, IrRef a, IrRef c)
{
    a = known_value(b, a);
    c = known_value(b, c);
    int known = ir_simplify_cond(b, &cond, type, &a, &c);
    if (known >= 0) {
        return ir_mov(b, dst, ir_const(b, known));
    }
    return emit_op(b, (IrInsn){ IR_SETCC, type, dst, a, c, cond }, 1);
}

IrRef ir_select(IrBlock *b, IrCond cond, IrType type, IrRef dst, IrRef a, IrRef c, IrRef x, IrRef y)
{
    a = known_value(b, a);
    c = known_value(b, c);
    int known = ir_simplify_cond(b, &cond, type, &a, &c);
    if (known >= 0 || x == y) {
        return ir_mov(b, dst, known == 0 ? y : x);
    }
    unsigned bits = MAX(ir_known_bits(b, x), ir_known_bits(b, y));
    dst = emit_op(b, (IrInsn){ IR_SELECT, type, dst, a, c, cond }, bits);
    emit(b, (IrInsn){ .op = IR_ARMS, .a = x, .b = y });
    return dst;
}

IrRef ir_div_wide(IrBlock *b, IrRef dst, IrRef high, IrRef low, IrRef by)
{
    dst = emit_op(b, (IrInsn){ IR_DIVW, IR_I64, dst, high, by, 0 }, 64);
    emit(b, (IrInsn){ .op = IR_ARMS, .a = low, .b = low });
    return dst;
}

void ir_kill(IrBlock *b, IrRef global)
{
    emit_op(b, (IrInsn){ .op = IR_KILL, .dst = global }, 64);
}

/* ---- memory ---------------------------------------------------------------- */

static unsigned load_bits(MemOp mop)
{
    return mop & MEM_SIGN ? 64 : 8 * memop_bytes(mop);
}

IrRef ir_load(IrBlock *b, MemOp mop, IrRef dst, IrRef base, int32_t disp)
{
    return emit_op(b, (IrInsn){ IR_LD, mop, dst, base, IR_NONE, disp }, load_bits(mop));
}

void ir_store(IrBlock *b, MemOp mop, IrRef value, IrRef base, int32_t disp)
{
    emit(b, (IrInsn){ IR_ST, mop, IR_NONE, base, value, disp });
}

IrRef ir_rmw(IrBlock *b, MemOp mop, IrOp op, IrRef dst, IrRef addr, IrRef value)
{
    g_assert(ir_op_info[op].flags & IRF_ATOMIC);
    return emit_op(b, (IrInsn){ IR_RMW, mop, dst, addr, value, op }, load_bits(mop));
}

IrRef ir_cas(IrBlock *b, MemOp mop, IrRef dst, IrRef base, int32_t disp, IrRef expected, IrRef value)
{
    dst = emit_op(b, (IrInsn){ IR_CAS, mop, dst, base, IR_NONE, disp }, load_bits(mop));
    emit(b, (IrInsn){ .op = IR_ARMS, .a = expected, .b = value });
    return dst;
}

static IrRef emit_run(IrBlock *b, IrOp op, MemOp mop, IrRef to, int32_t disp, IrRef what, IrRef count)
{
    IrRef dst = emit_op(b, (IrInsn){ op, mop, IR_NONE, to, what, disp }, 1);
    emit(b, (IrInsn){ .op = IR_ARMS, .a = count, .b = count });
    return dst;
}

IrRef ir_copy(IrBlock *b, MemOp mop, IrRef to, int32_t disp, IrRef from, IrRef count)
{
    return emit_run(b, IR_COPY, mop, to, disp, from, count);
}

IrRef ir_fill(IrBlock *b, MemOp mop, IrRef to, int32_t disp, IrRef value, IrRef count)
{
    return emit_run(b, IR_FILL, mop, to, disp, value, count);
}

void ir_fence(IrBlock *b, unsigned orders)
{
    if (orders) {
        emit(b, (IrInsn){ .op = IR_FENCE, .aux = orders });
    }
}

IrRef ir_load_env(IrBlock *b, MemOp mop, IrRef dst, size_t offset)
{
    g_assert(offset <= INT32_MAX);
    return emit_op(b, (IrInsn){ IR_LDENV, mop, dst, IR_NONE, IR_NONE, offset }, load_bits(mop));
}

void ir_store_env(IrBlock *b, MemOp mop, IrRef value, size_t offset)
{
    g_assert(offset <= INT32_MAX);
    emit(b, (IrInsn){ IR_STENV, mop, IR_NONE, IR_NONE, value, offset });
}

/* ---- vectors --------------------------------------------------------------- */

void ir_load_vector(IrBlock *b, MemOp mop, IrRef dst, IrRef base, int32_t disp)
{
    emit(b, (IrInsn){ IR_LDV, mop, dst, base, IR_NONE, disp });
}

void ir_store_vector(IrBlock *b, MemOp mop, IrRef value, IrRef base, int32_t disp)
{
    emit(b, (IrInsn){ IR_STV, mop, IR_NONE, base, value, disp });
}

IrRef ir_vector(IrBlock *b, uint32_t what, IrType type, IrRef dst, IrRef a, IrRef c, IrRef d)
{
    const VopInfo *v = &vop_info[vop_of(what)];
    unsigned n = vop_operands(v);
    if (vop_gives_int(v)) {
        dst = destination(b, dst, bits_of_type(vop_int_type(v)));
    }
    IrKnown *k = known_of(b, dst);
    if (k && !b->unreachable) {
        k->at = k->copied_at = 0;
    }
    emit(b, (IrInsn){ IR_V1 + n - 1, type, dst, a, c, what });
    if (n == 3) {
        emit(b, (IrInsn){ .op = IR_ARMS, .a = d, .b = d });
    }
    return dst;
}

/* ---- calls ----------------------------------------------------------------- */

unsigned ir_helper_index(IrBlock *b, const IrHelper *h)
{
    for (unsigned i = 0; i < b->helper_count; i++) {
        if (b->helpers[i] == h) {
            return i;
        }
    }
    if (b->helper_count == b->helper_capacity) {
        b->helper_capacity = b->helper_capacity ? b->helper_capacity * 2 : 16;
        b->helpers = g_renew(const IrHelper *, b->helpers, b->helper_capacity);
    }
    b->helpers[b->helper_count] = h;
    return b->helper_count++;
}

IrRef ir_call(IrBlock *b, const IrHelper *h, IrRef dst, unsigned n, const IrRef *args)
{
    g_assert(n == h->nargs);
    for (unsigned i = 0; i < n; i++) {
        IrRef value = ir_operand(b, h->args[i], args[i]);
        emit(b, (IrInsn){ .op = IR_ARG, .a = value });
    }
    IrInsn call = { .op = IR_CALL, .aux = ir_helper_index(b, h) };
    if (h->flags & IRH_WRITES) {
        forget(b);
    }
    if (h->ret == IR_VOID) {
        emit(b, call);
        return IR_NONE;
    }
    call.dst = dst;
    return emit_op(b, call, bits_of_type(h->ret));
}

/* ---- control flow ---------------------------------------------------------- */

unsigned ir_label_new(IrBlock *b)
{
    g_assert(b->label_count < MAX_LABELS);
    return b->label_count++;
}

void ir_label(IrBlock *b, unsigned label)
{
    g_assert(label > 0 && label < b->label_count);
    b->unreachable = false;
    b->mask = IR_NONE;
    forget(b);
    emit(b, (IrInsn){ .op = IR_LABEL, .aux = label << 8 });
}

void ir_label_start(IrBlock *b)
{
    g_assert(b->count == 0);
    emit(b, (IrInsn){ .op = IR_LABEL, .aux = 0 });
}

void ir_br(IrBlock *b, unsigned label)
{
    emit(b, (IrInsn){ .op = IR_BR, .aux = label << 8 });
}

void ir_brcc(IrBlock *b, IrCond cond, IrType type, IrRef a, IrRef c, unsigned label)
{
    a = known_value(b, a);
    c = known_value(b, c);
    int known = ir_simplify_cond(b, &cond, type, &a, &c);
    if (known == 1) {
        ir_br(b, label);
    } else if (known < 0) {
        emit(b, (IrInsn){ IR_BRCC, type, IR_NONE, a, c, label << 8 | cond });
    }
}

void ir_insn(IrBlock *b, uint64_t pc)
{
    if (!b->unreachable) {
        b->guest_insns++;
        b->copies_from = now(b);
    }
    emit(b, (IrInsn){ .op = IR_INSN, .a = ir_const(b, pc) });
}

void ir_exit_pc(IrBlock *b, uint64_t pc)
{
    emit(b, (IrInsn){ .op = IR_EXIT_PC, .a = ir_const(b, pc) });
}

void ir_exit_ind(IrBlock *b, IrRef pc)
{
    if (ir_is_const(pc)) {
        b->movable = b->movable && ir_const_is_pc(b, pc);
        ir_exit_pc(b, ir_const_value(b, pc));
        return;
    }
    emit(b, (IrInsn){ .op = IR_EXIT_IND, .a = pc });
}

void ir_exit_lookup(IrBlock *b)
{
    emit(b, (IrInsn){ .op = IR_EXIT_LOOKUP });
}
