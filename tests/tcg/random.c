/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Random IR programs, legal by construction: temps are taken from those assigned since the
 * last label, jumps go forward, each operation that may fault follows an IR_INSN of its
 * own, and most addresses are bent into RAM. */
#include "random.h"

#include "tcg/vector.h"

enum { MAX_POOL = 64, MAX_OPEN = 3 };

typedef struct Gen {
    IrBlock *b;
    uint64_t state;
    IrRef pool[MAX_POOL]; /* temps that may be used */
    unsigned pooled;
    unsigned open[MAX_OPEN]; /* labels jumped to, not placed yet; 0 none */
    uint64_t pc;
} Gen;

/* xorshift64* */
static uint64_t next_random(uint64_t *state)
{
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    return *state * UINT64_C(2685821657736338717);
}

static unsigned below(Gen *g, unsigned n)
{
    return (next_random(&g->state) >> 33) % n;
}

static uint64_t edge_value(uint64_t *state)
{
    static const uint64_t edges[] = {
        0,
        1,
        2,
        7,
        31,
        32,
        63,
        64,
        0x7f,
        0x80,
        0xff,
        0x7fff,
        0x8000,
        0xffff,
        0x7fffffff,
        0x80000000,
        0xffffffff,
        0x100000000,
        0x7fffffffffffffff,
        0x8000000000000000,
        UINT64_MAX,
        UINT64_MAX - 1,
        UINT64_MAX << 31,
        UINT64_MAX << 32,
    };
    uint64_t r = next_random(state);
    return r >> 60 < 9 ? edges[(r >> 20) % G_N_ELEMENTS(edges)] : next_random(state);
}

static IrRef any_global(Gen *g)
{
    return ir_global(below(g, TOY_REGS));
}

static IrRef any_source(Gen *g)
{
    unsigned kind = below(g, 8);
    if (kind == 0) {
        return ir_const(g->b, edge_value(&g->state));
    }
    return kind < 4 && g->pooled ? g->pool[below(g, g->pooled)] : any_global(g);
}

static IrRef any_destination(Gen *g)
{
    return below(g, 2) ? any_global(g) : IR_NONE;
}

static void keep(Gen *g, IrRef r)
{
    if (ir_is_temp(r)) {
        g->pool[g->pooled < MAX_POOL ? g->pooled++ : below(g, MAX_POOL)] = r;
    }
}

static IrType any_type(Gen *g)
{
    return below(g, 3) ? IR_I64 : IR_I32;
}

/* Any operation of IR_OP1 or IR_OP2. */
static IrOp any_op(Gen *g, IrOpKind kind)
{
    IrOp all[IR_OPS];
    unsigned count = 0;
    for (unsigned op = 0; op < IR_OPS; op++) {
        if (ir_op_info[op].kind == kind) {
            all[count++] = op;
        }
    }
    return all[below(g, count)];
}

static void start_insn(Gen *g)
{
    g->pc += 4;
    ir_insn(g->b, g->pc);
}

static void gen_arith(Gen *g)
{
    IrType type = any_type(g);
    IrRef a = any_source(g), c = any_source(g), dst = any_destination(g);
    unsigned pick = below(g, 10);
    if (pick < 2) {
        keep(g, ir_op1(g->b, any_op(g, IRK_UNARY), type, dst, a));
    } else if (pick < 8) {
        keep(g, ir_op2(g->b, any_op(g, IRK_BINARY), type, dst, a, c));
    } else if (pick == 8) {
        keep(g, ir_setcc(g->b, below(g, IR_CONDS), type, dst, a, c));
    } else {
        IrRef x = any_source(g), y = any_source(g);
        keep(g, ir_select(g->b, below(g, IR_CONDS), type, dst, a, c, x, y));
    }
}

/* An address: mostly in RAM, now and then anything. */
static IrRef gen_address(Gen *g)
{
    IrRef a = any_source(g);
    if (below(g, 24) == 0) {
        return a;
    }
    IrRef low = ir_op2(g->b, IR_AND, IR_I64, IR_NONE, a, ir_const(g->b, TOY_RAM_SIZE - 1));
    return ir_op2(g->b, IR_ADD, IR_I64, any_destination(g), low, ir_const(g->b, TOY_RAM));
}

static MemOp any_memop(Gen *g, bool load)
{
    MemOp m = below(g, 4);
    m |= load && m != MEM_64 && below(g, 2) ? MEM_SIGN : 0;
    m |= m & MEM_SIZE && below(g, 6) == 0 ? MEM_BE : 0;
    return m | (below(g, 8) == 0 ? MEM_ACQ : 0) | (below(g, 8) == 0 ? MEM_REL : 0);
}

static void gen_access(Gen *g, IrRef base)
{
    int32_t disp = below(g, 4) ? (int)below(g, 64) - 32 : 0;
    disp *= below(g, 8) ? 1 : 16;
    if (below(g, 2)) {
        MemOp m = any_memop(g, true);
        keep(g, ir_load(g->b, m, any_destination(g), base, disp));
    } else {
        MemOp m = any_memop(g, false);
        ir_store(g->b, m, any_source(g), base, disp);
    }
}

/* Any operation of IRF_ATOMIC. */
static IrOp any_atomic(Gen *g)
{
    unsigned op;
    do {
        op = below(g, IR_OPS);
    } while (!(ir_op_info[op].flags & IRF_ATOMIC));
    return op;
}

/* Mostly aligned.  Whether a compare-and-swap finds what it expects is left to what the registers hold: zeros, often. */
static void gen_atomic(Gen *g)
{
    start_insn(g);
    MemOp m = (any_memop(g, true) & ~MEM_BE) | MEM_ALIGN;
    IrRef addr = gen_address(g), x = any_source(g), y = any_source(g);
    if (below(g, 16)) {
        addr = ir_op2(g->b, IR_AND, IR_I64, IR_NONE, addr, ir_const(g->b, -8));
    }
    if (below(g, 3)) {
        keep(g, ir_rmw(g->b, m, any_atomic(g), any_destination(g), addr, x));
        return;
    }
    if (below(g, 2)) { /* one that succeeds */
        x = ir_load(g->b, m, IR_NONE, addr, 0);
    }
    keep(g, ir_cas(g->b, m | (below(g, 2) ? MEM_UNSEEN : 0), any_destination(g), addr, 0, x, y));
}

/* Often several by one of two registers, which may move by a constant or be written in between. */
static void gen_memory(Gen *g)
{
    start_insn(g);
    IrRef bases[2] = { gen_address(g), gen_address(g) };
    unsigned more = below(g, 2) ? below(g, 8) : 0;
    gen_access(g, bases[0]);
    for (unsigned n = 0; n < more; n++) {
        start_insn(g);
        IrRef *base = &bases[below(g, 3) == 0];
        if (below(g, 4) == 0) {
            IrRef to = ir_is_global(*base) && below(g, 2) ? *base : any_destination(g);
            *base = ir_op2(g->b, IR_ADD, IR_I64, to, *base, ir_const(g->b, (int)below(g, 128) - 64));
        } else if (below(g, 8) == 0) {
            gen_atomic(g);
        }
        gen_access(g, *base);
    }
    if (below(g, 16) == 0) {
        ir_fence(g->b, below(g, FENCE_FULL + 1));
    }
}

/* ---- vectors ---- */

static IrRef any_vector(Gen *g, bool narrow)
{
    return ir_global(narrow ? TOY_M + below(g, TOY_NARROW) : TOY_V + below(g, TOY_VECTORS));
}

/* A type that the operation has, and whether it keeps. */
static IrType any_vector_type(Gen *g, const VopInfo *v, uint32_t *what)
{
    if (v->flags & VF_LEGACY) {
        *what |= VOP_KEEP;
        return IR_V128;
    }
    if (v->flags & (VF_64 | VF_64CALL) && below(g, 4) == 0) {
        return IR_V64;
    }
    if (v->flags & VF_256 || (!(v->flags & VF_128) && below(g, 2))) {
        return IR_V256;
    }
    *what |= !(v->flags & VF_VEX) && !vop_gives_int(v) && below(g, 2) ? VOP_KEEP : 0;
    return IR_V128;
}

static void gen_vop(Gen *g)
{
    uint32_t what = below(g, IR_VOPS);
    const VopInfo *v = &vop_info[what];
    IrType type = any_vector_type(g, v, &what);
    bool narrow = type == IR_V64;
    IrRef dst = vop_gives_int(v) ? any_destination(g) : any_vector(g, narrow && below(g, 4));
    unsigned n = vop_operands(v);
    IrRef refs[3] = { any_vector(g, narrow), any_vector(g, narrow), any_vector(g, narrow) };
    if (below(g, 2) && !vop_gives_int(v) && !vop_takes_int(v)) {
        refs[0] = narrow ? refs[0] : dst;
    }
    if (vop_takes_int(v)) {
        refs[n - 1] = any_source(g);
    }
    what |= v->flags & VF_IMM ? below(g, 256) << VOP_IMM_SHIFT : 0;
    keep(g, ir_vector(g->b, what, type, dst, refs[0], n > 1 ? refs[1] : IR_NONE, n > 2 ? refs[2] : IR_NONE));
}

static void gen_vector_access(Gen *g)
{
    static const MemOp sizes[] = { MEM_32, MEM_64, MEM_128, MEM_256 };
    bool narrow = below(g, 5) == 0;
    MemOp m = sizes[below(g, narrow ? 2 : 4)];
    start_insn(g);
    IrRef base = gen_address(g);
    int32_t disp = below(g, 2) ? (int)below(g, 64) - 32 : 0;
    if (below(g, 3) == 0) {
        m |= MEM_ALIGN;
        base = below(g, 4) ? ir_op2(g->b, IR_AND, IR_I64, IR_NONE, base, ir_const(g->b, -32)) : base;
    }
    if (below(g, 2)) {
        m |= m != MEM_256 && (m & ~MEM_ALIGN) != MEM_256 && !narrow && below(g, 2) ? MEM_KEEP : 0;
        ir_load_vector(g->b, m, any_vector(g, narrow), base, disp);
    } else {
        ir_store_vector(g->b, m, any_vector(g, narrow), base, disp);
    }
}

static void gen_vectors(Gen *g)
{
    unsigned more = below(g, 6);
    for (unsigned n = 0; n <= more; n++) {
        if (below(g, 5)) {
            gen_vop(g);
        } else {
            gen_vector_access(g);
        }
    }
}

static void gen_env(Gen *g)
{
    MemOp m = below(g, 4);
    size_t at = offsetof(ToyCPU, scratch) + 8 * below(g, 8);
    if (below(g, 2)) {
        keep(g, ir_load_env(g->b, m | (m != MEM_64 && below(g, 2) ? MEM_SIGN : 0), any_destination(g), at));
    } else {
        ir_store_env(g->b, m, any_source(g), at);
    }
}

static void gen_call(Gen *g)
{
    const IrHelper *h = toy_helpers[below(g, 5)];
    IrRef args[IR_MAX_ARGS];
    for (unsigned i = 0; i < h->nargs; i++) {
        args[i] = any_source(g);
    }
    start_insn(g);
    keep(g, ir_call(g->b, h, any_destination(g), h->nargs, args));
}

/* Jump ahead to a label placed later. */
static void gen_branch(Gen *g)
{
    unsigned slot = below(g, MAX_OPEN);
    if (!g->open[slot]) {
        g->open[slot] = ir_label_new(g->b);
    }
    IrType type = any_type(g);
    IrRef a = any_source(g), c = any_source(g);
    ir_brcc(g->b, below(g, IR_CONDS), type, a, c, g->open[slot]);
}

static void gen_label(Gen *g)
{
    unsigned slot = below(g, MAX_OPEN);
    if (g->open[slot]) {
        ir_label(g->b, g->open[slot]);
        g->open[slot] = 0;
        g->pooled = 0;
        start_insn(g);
    }
}

static void gen_exit(Gen *g)
{
    switch (below(g, 3)) {
    case 0: ir_exit_pc(g->b, g->pc + 4); break;
    case 1: ir_exit_ind(g->b, any_source(g)); break;
    default: ir_mov(g->b, ir_global(TOY_PC), any_source(g)); ir_exit_lookup(g->b);
    }
}

static void gen_operation(Gen *g)
{
    unsigned pick = below(g, 32);
    if (pick < 18) {
        gen_arith(g);
    } else if (pick < 23) {
        gen_memory(g);
    } else if (pick < 24) {
        gen_atomic(g);
    } else if (pick < 25) {
        gen_vectors(g);
    } else if (pick < 26) {
        gen_env(g);
    } else if (pick < 28) {
        gen_call(g);
    } else if (pick < 30) {
        gen_branch(g);
    } else if (pick < 31) {
        gen_label(g);
    } else {
        start_insn(g);
    }
}

void random_program(IrBlock *b, uint64_t seed, unsigned size)
{
    Gen g = { .b = b, .state = seed * 2 + 1, .pc = 0x4000 };
    ir_block_reset(b, g.pc);
    b->alone = seed % 2;
    next_random(&g.state);
    start_insn(&g);
    for (unsigned i = 0; i < size; i++) {
        gen_operation(&g);
    }
    gen_exit(&g);
    for (unsigned i = 0; i < MAX_OPEN; i++) {
        if (g.open[i]) {
            ir_label(b, g.open[i]);
            g.pooled = 0;
            start_insn(&g);
            gen_arith(&g);
            gen_exit(&g);
        }
    }
}

uint64_t random_vector_value(uint64_t *state)
{
    static const uint32_t singles[] = { 0,          0x80000000, 1,          0x807fffff, 0x00800000,
                                        0x3f800000, 0xbf800000, 0x40490fdb, 0x7f7fffff, 0x7f800000,
                                        0xff800000, 0x7fc00001, 0xffa00002, 0x4b800001 };
    static const uint64_t doubles[] = { 0,
                                        UINT64_C(0x8000000000000000),
                                        3,
                                        UINT64_C(0x000fffffffffffff),
                                        UINT64_C(0x3ff0000000000000),
                                        UINT64_C(0xc00921fb54442d18),
                                        UINT64_C(0x7fefffffffffffff),
                                        UINT64_C(0x7ff0000000000000),
                                        UINT64_C(0xfff0000000000000),
                                        UINT64_C(0x7ff8000000000001),
                                        UINT64_C(0xfff4000000000002),
                                        UINT64_C(0x41dfffffffc00000) };
    uint64_t r = next_random(state);
    switch (r >> 61) {
    case 0: return edge_value(state);
    case 1: return r << 3;
    case 2:
    case 3: return doubles[(r >> 20) % G_N_ELEMENTS(doubles)];
    case 4: return UINT64_C(0x3fe0000000000000) + ((r & 0x1fff) << 44);
    default:
        return singles[(r >> 20) % G_N_ELEMENTS(singles)] |
               (uint64_t)singles[(r >> 30) % G_N_ELEMENTS(singles)] << 32;
    }
}

void random_state(ToyCPU *toy, uint8_t *ram, uint64_t seed)
{
    uint64_t state = seed * 2 + 0x12345;
    for (unsigned i = 0; i < TOY_REGS; i++) {
        toy->r[i] = edge_value(&state);
    }
    for (unsigned i = 0; i < TOY_VECTORS * 4; i++) {
        toy->v[i / 4][i % 4] = random_vector_value(&state);
    }
    for (unsigned i = 0; i < TOY_NARROW; i++) {
        toy->m[i] = random_vector_value(&state);
    }
    toy->mxcsr = 0x1f80 | (next_random(&state) >> 20 & 1 ? next_random(&state) >> 30 & 0xe07f : 0);
    for (unsigned i = 0; i < sizeof toy->scratch; i++) {
        toy->scratch[i] = next_random(&state) >> 40;
    }
    for (unsigned i = 0; i < TOY_RAM_SIZE; i += 8) {
        *(uint64_t *)(ram + i) = next_random(&state);
    }
    toy->pc = toy->calls = toy->fault = 0;
    toy->cpu.exit_request = 0;
}
