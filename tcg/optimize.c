/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Passes over a block: one forward (copies of globals), one backward (what is dead, what a
 * move or an extension may be merged into), then the holes are closed.
 *
 * Requirements on a rule
 *   1. at an operation that may fault, leave the block or show the globals to a helper (a
 *      barrier, but for jumps to labels), every global that was not killed has the value that the translator gave it
 *   2. loads, stores, fences and calls with effects stay, in their order
 *   3. constant time for each operation: no rule searches the block
 *   4. after each pass the block passes ir_verify()
 *
 * Globals are dead at a jump forward where they are dead on both ways. Not modelled: at a jump back, to the start, all are
 * taken as live. */
#include <string.h>

#include "tcg/private.h"

enum { LIVE_WORDS = 2 }; /* globals behind the 128th are always live */
typedef struct Dead {
    uint64_t words[LIVE_WORDS]; /* bit a global: the next event on each way is an assignment */
} Dead;
typedef struct Pinned {
    uint64_t words[LIVE_WORDS]; /* bit a global: a back end has it in a register */
} Pinned;

typedef struct Optimizer {
    IrBlock *b;
    Pinned pinned;
    Dead dead;        /* backward */
    Dead *label_dead; /* of labels that were passed */
    /* per temp */
    uint16_t *uses;
    uint32_t *use_at; /* the last use found: the only one when uses is 1 */
    IrRef *copy_of;   /* forward: the global whose value it still is, or IR_NONE */
    /* per global */
    uint32_t *touched; /* backward: the nearest later operation that names it */
    uint32_t barrier;  /* backward: the nearest later barrier */
    unsigned pc;       /* the global that is the guest pc; global_count when none is */
} Optimizer;

static unsigned call_flags(const IrBlock *b, const IrInsn *in)
{
    return in->op == IR_CALL ? b->helpers[in->aux]->flags : 0;
}

static bool has_arms(const IrInsn *in)
{
    return ir_op_info[in->op].flags & IRF_ARMS;
}

static bool is_barrier(const IrBlock *b, const IrInsn *in)
{
    return ir_op_info[in->op].flags & IRF_BARRIER || call_flags(b, in) & (IRH_FAULT | IRH_READS | IRH_WRITES);
}

static bool is_pinned(const Optimizer *o, IrRef global)
{
    unsigned n = global & IR_INDEX_MASK;
    return n < 64 * LIVE_WORDS && o->pinned.words[n / 64] >> n % 64 & 1;
}

static void note_pinned(Optimizer *o)
{
    for (unsigned n = 0; n < o->b->guest->pinned_count; n++) {
        unsigned global = o->b->guest->pinned[n] & IR_INDEX_MASK;
        if (global < 64 * LIVE_WORDS) {
            o->pinned.words[global / 64] |= UINT64_C(1) << global % 64;
        }
    }
}

/* ---- forward: use the global itself instead of a copy of it ------------------ */

static void forward_copy(Optimizer *o, IrRef *r)
{
    if (ir_is_temp(*r) && o->copy_of[*r] != IR_NONE) {
        *r = o->copy_of[*r];
    }
}

/* The temp that the operation makes a copy of a global, or a global a copy of; IR_NONE: none.  Only such globals are read
 * instead of what was moved into them as a back end keeps in registers. */
static IrRef copied_temp(const Optimizer *o, const IrInsn *in, IrRef *global)
{
    if (in->op != IR_MOV || in->type != IR_I64) {
        return IR_NONE;
    }
    if (ir_is_temp(in->dst) && ir_is_global(in->a)) {
        *global = in->a;
        return in->dst;
    }
    *global = in->dst;
    return ir_is_temp(in->a) && is_pinned(o, in->dst) ? in->a : IR_NONE;
}

/* Copies are few and short-lived: the open ones stand in a small window. */
static void pass_forward(Optimizer *o)
{
    enum { OPEN = 8 };
    IrRef open[OPEN] = { 0 };
    unsigned next = 0;
    for (unsigned i = 0; i < o->b->count; i++) {
        IrInsn *in = &o->b->ops[i];
        forward_copy(o, &in->a);
        forward_copy(o, &in->b);
        bool writes = call_flags(o->b, in) & IRH_WRITES;
        /* the arms of a select are read after it in the array, but before its result is written */
        if (has_arms(in)) {
            forward_copy(o, &in[1].a);
            forward_copy(o, &in[1].b);
        }
        for (unsigned k = 0; k < OPEN; k++) {
            if (open[k] && (writes || o->copy_of[open[k]] == in->dst)) {
                o->copy_of[open[k]] = IR_NONE;
                open[k] = IR_NONE;
            }
        }
        IrRef global, temp = copied_temp(o, in, &global);
        if (temp != IR_NONE) {
            if (open[next]) { /* forget the oldest: later uses read the temp */
                o->copy_of[open[next]] = IR_NONE;
            }
            o->copy_of[temp] = global;
            open[next] = temp;
            next = (next + 1) % OPEN;
        }
    }
}

/* ---- backward ---------------------------------------------------------------- */

static bool is_dead(const Optimizer *o, IrRef global)
{
    unsigned n = global & IR_INDEX_MASK;
    return n < 64 * LIVE_WORDS && o->dead.words[n / 64] >> n % 64 & 1;
}

static void set_dead(Optimizer *o, IrRef global, bool dead)
{
    unsigned n = global & IR_INDEX_MASK;
    if (n < 64 * LIVE_WORDS) {
        uint64_t bit = UINT64_C(1) << n % 64;
        o->dead.words[n / 64] = dead ? o->dead.words[n / 64] | bit : o->dead.words[n / 64] & ~bit;
    }
}

static void count_use(Optimizer *o, IrRef r, uint32_t at)
{
    if (ir_is_temp(r)) {
        o->uses[r]++;
        o->use_at[r] = at;
    } else if (ir_is_global(r)) {
        set_dead(o, r, false);
        o->touched[r & IR_INDEX_MASK] = at;
    }
}

/* The only reader of a load is an extension that the load can do itself. */
static bool extension_fits(const IrInsn *def, const IrInsn *use, MemOp *mop)
{
    static const struct {
        uint8_t op;
        MemOp m;
    } ext[] = {
        { IR_EXT_S8, MEM_8 | MEM_SIGN },
        { IR_EXT_S16, MEM_16 | MEM_SIGN },
        { IR_EXT_S32, MEM_32 | MEM_SIGN },
        { IR_EXT_U8, MEM_8 },
        { IR_EXT_U16, MEM_16 },
        { IR_EXT_U32, MEM_32 },
    };
    if ((def->op != IR_LD && def->op != IR_LDENV) || use->type != IR_I64) {
        return false;
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(ext); i++) {
        if (use->op == ext[i].op && (ext[i].m & MEM_SIZE) == (def->type & MEM_SIZE)) {
            *mop = (def->type & ~MEM_SIGN) | (ext[i].m & MEM_SIGN);
            return true;
        }
    }
    return false;
}

/* `t = op ...; g = mov t` becomes `g = op ...` when nothing between them names g or is a
 * barrier and t has no other use; likewise for an extension of a loaded value. */
static void merge_into_use(Optimizer *o, uint32_t at)
{
    IrInsn *def = &o->b->ops[at];
    uint32_t m = o->use_at[def->dst];
    IrInsn *use = &o->b->ops[m];
    MemOp mop = def->type;
    bool move = use->op == IR_MOV && use->type == IR_I64;
    if (use->a != def->dst || (!move && !extension_fits(def, use, &mop))) {
        return;
    }
    if (ir_is_global(use->dst) && (o->touched[use->dst & IR_INDEX_MASK] != m || o->barrier < m)) {
        return;
    }
    if (ir_op_info[def->op].flags & IRF_MEM) {
        def->type = mop;
    }
    def->dst = use->dst;
    *use = (IrInsn){ .op = IR_NOP };
    if (ir_is_global(def->dst)) { /* assigned here now, not there */
        o->touched[def->dst & IR_INDEX_MASK] = at;
    }
}

/* `t = and x, c; ... t == 0`, t being read nowhere else, becomes a test of x against c, if nothing between them names x. */
static bool becomes_test(Optimizer *o, uint32_t at)
{
    const IrInsn *def = &o->b->ops[at];
    uint32_t m = o->use_at[def->dst];
    IrInsn *use = &o->b->ops[m];
    bool compares = ir_op_info[use->op].flags & IRF_COND && use->a == def->dst && ir_is_const(use->b) &&
                    ir_const_value(o->b, use->b) == 0 &&
                    (ir_cond_of(use) == IR_EQ || ir_cond_of(use) == IR_NE);
    if (def->op != IR_AND || !ir_is_const(def->b) || !compares ||
        (def->type == IR_I64 && use->type != IR_I64)) {
        return false;
    }
    uint32_t touched = ir_is_global(def->a) ? o->touched[def->a & IR_INDEX_MASK] : m;
    if (o->barrier < m || (touched && touched < m)) {
        return false;
    }
    use->a = def->a;
    use->b = def->b;
    use->type = def->type;
    use->aux = (use->aux & ~0xffu) | (ir_cond_of(use) == IR_EQ ? IR_TSTEQ : IR_TSTNE);
    count_use(o, use->a, m);
    return true;
}

static void drop_call(IrBlock *b, uint32_t at)
{
    unsigned n = b->helpers[b->ops[at].aux]->nargs;
    for (unsigned i = 0; i <= n; i++) {
        b->ops[at - i] = (IrInsn){ .op = IR_NOP };
    }
}

/* True when the operation is gone. */
static bool handle_result(Optimizer *o, uint32_t at)
{
    IrInsn *in = &o->b->ops[at];
    if (in->op == IR_KILL) {
        set_dead(o, in->dst, true);
        *in = (IrInsn){ .op = IR_NOP };
        return true;
    }
    bool pure = in->op == IR_CALL ? call_flags(o->b, in) & IRH_PURE : !(ir_op_info[in->op].flags & IRF_SIDE);
    if (ir_is_temp(in->dst) && o->uses[in->dst] == 1) {
        if (becomes_test(o, at)) {
            *in = (IrInsn){ .op = IR_NOP };
            return true;
        }
        merge_into_use(o, at);
        if (ir_is_global(in->dst)) {
            set_dead(o, in->dst, true);
        }
        return false;
    }
    bool dead = ir_is_temp(in->dst) ? o->uses[in->dst] == 0 : is_dead(o, in->dst);
    if (dead && pure) {
        if (in->op == IR_CALL) {
            drop_call(o->b, at);
        } else if (has_arms(in)) {
            in[1] = (IrInsn){ .op = IR_NOP };
        }
        *in = (IrInsn){ .op = IR_NOP };
        return true;
    }
    if (ir_is_global(in->dst)) {
        set_dead(o, in->dst, true);
        o->touched[in->dst & IR_INDEX_MASK] = at;
    }
    return false;
}

/* What is dead in front of a barrier: of jumps forward, what is on all ways; else nothing. */
static void pass_barrier(Optimizer *o, const IrInsn *in)
{
    unsigned label = in->op == IR_BR || in->op == IR_BRCC ? ir_label_of(in) : 0;
    for (unsigned n = 0; n < LIVE_WORDS; n++) {
        uint64_t there = label ? o->label_dead[label].words[n] : 0;
        o->dead.words[n] = in->op == IR_BR ? there : o->dead.words[n] & there;
    }
}

static void pass_backward(Optimizer *o)
{
    for (uint32_t i = o->b->count; i-- > 0;) {
        IrInsn *in = &o->b->ops[i];
        if (in->op == IR_ARMS || in->op == IR_NOP) {
            continue; /* arms are read with their select */
        }
        if (in->dst != IR_NONE && handle_result(o, i)) {
            continue;
        }
        if (is_barrier(o->b, in)) {
            pass_barrier(o, in);
            o->barrier = i;
        }
        if (in->op == IR_LABEL) {
            o->label_dead[ir_label_of(in)] = o->dead;
        }
        if (has_arms(in)) {
            count_use(o, in[1].a, i);
            count_use(o, in[1].b, i);
        }
        if (in->op == IR_INSN && o->pc < o->b->guest->global_count) {
            o->touched[o->pc] = i; /* it may store the pc: assignments stay behind it */
        }
        count_use(o, in->a, i);
        count_use(o, in->b, i);
    }
}

static void close_holes(IrBlock *b)
{
    unsigned kept = 0;
    for (unsigned i = 0; i < b->count; i++) {
        if (b->ops[i].op != IR_NOP) {
            b->ops[kept++] = b->ops[i];
        }
    }
    b->count = kept;
}

void ir_optimize(IrBlock *b)
{
    ir_convert_branches(b);
    ir_verify_pass(b, "ifconvert");
    unsigned temps = b->temp_count + 1, globals = b->guest->global_count;
    size_t bytes = temps * (sizeof(uint32_t) + sizeof(uint16_t) + sizeof(IrRef)) + globals * sizeof(uint32_t);
    uint32_t *memory = g_alloca(bytes); /* at most 128 KiB + the globals */
    memset(memory, 0, bytes);
    Optimizer o = {
        .b = b,
        .use_at = memory,
        .touched = memory + temps,
        .label_dead = g_newa(Dead, b->label_count),
        .barrier = UINT32_MAX,
    };
    o.uses = (uint16_t *)(o.touched + globals);
    while (o.pc < globals && b->guest->globals[o.pc].offset != b->guest->pc_offset) {
        o.pc++;
    }
    o.copy_of = o.uses + temps;
    note_pinned(&o);
    pass_forward(&o);
    ir_verify_pass(b, "forward");
    pass_backward(&o);
    close_holes(b);
    ir_verify_pass(b, "backward");
}
