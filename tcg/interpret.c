/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The interpreter of the IR: the oracle for back ends, and what runs guests where no
 * back end exists.
 *
 * What operations compute comes from eval.h, shared with constant folding, so that the tests in
 * tests/tcg/ (values written by hand) judge both.  Helpers are called through libffi,
 * because their C types are known at run time only.
 *
 * The guest pc is stored at every IR_INSN and at exits: a fault finds it in place. */
#include <ffi.h>
#include <string.h>

#include "tcg/backend.h"
#include "tcg/eval.h"
#include "tcg/vector.h"
#include "util/bytes.h"

typedef struct Frame {
    const IrBlock *b;
    CPU *cpu;
    const IrRuntime *run;
    char *env; /* the CPU struct */
    uint64_t *temps;
} Frame;

/* ---- operands -------------------------------------------------------------- */

G_ALWAYS_INLINE static inline uint64_t get(const Frame *f, IrRef r)
{
    unsigned index = r & IR_INDEX_MASK;
    if (ir_is_const(r)) {
        return f->b->consts[index];
    }
    return ir_is_global(r) ? *(uint64_t *)(f->env + f->b->guest->globals[index].offset) : f->temps[index];
}

G_ALWAYS_INLINE static inline void put(const Frame *f, IrRef r, uint64_t value)
{
    unsigned index = r & IR_INDEX_MASK;
    if (ir_is_global(r)) {
        *(uint64_t *)(f->env + f->b->guest->globals[index].offset) = value;
    } else {
        f->temps[index] = value;
    }
}

static inline void put_pc(const Frame *f, uint64_t pc)
{
    *(uint64_t *)(f->env + f->b->guest->pc_offset) = pc;
}

static inline uint64_t address(const Frame *f, const IrInsn *in)
{
    return get(f, in->a) + (int32_t)in->aux;
}

/* A release load and an acquiring store: the two orders that hosts break most gladly. */
static inline uint64_t load(const Frame *f, const IrInsn *in)
{
    if (in->type & MEM_REL) {
        __atomic_thread_fence(__ATOMIC_SEQ_CST);
    }
    return f->run->load(f->cpu, address(f, in), in->type);
}

static inline void store(const Frame *f, const IrInsn *in)
{
    f->run->store(f->cpu, address(f, in), in->type, get(f, in->b));
    if (in->type & MEM_ACQ) {
        __atomic_thread_fence(__ATOMIC_SEQ_CST);
    }
}

static inline uint64_t divide_wide(const Frame *f, const IrInsn *in)
{
    uint64_t high = get(f, in->a), by = get(f, in->b);
    unsigned __int128 dividend = (unsigned __int128)high << 64 | get(f, in[1].a);
    return high < by ? dividend / by : 0;
}

static inline uint64_t rmw(const Frame *f, const IrInsn *in)
{
    return f->run->atomic(f->cpu, get(f, in->a), in->type, in->aux, get(f, in->b), 0);
}

static inline uint64_t cas(const Frame *f, const IrInsn *in)
{
    return f->run->atomic(f->cpu, address(f, in), in->type, IR_CAS, get(f, in[1].b), get(f, in[1].a));
}

static inline char *vector_place(const Frame *f, IrRef r)
{
    return f->env + f->b->guest->globals[r & IR_INDEX_MASK].offset;
}

static void load_vector(const Frame *f, const IrInsn *in)
{
    uint64_t v[4];
    unsigned all = ir_vector_bytes(f->b->guest->globals[in->dst & IR_INDEX_MASK].type);
    f->run->load_vector(f->cpu, address(f, in), in->type & ~MEM_KEEP, v);
    memcpy(vector_place(f, in->dst), v, in->type & MEM_KEEP ? MIN(all, 16) : all);
}

static void store_vector(const Frame *f, const IrInsn *in)
{
    uint64_t v[4] = { 0 };
    memcpy(v, vector_place(f, in->b), memop_vector_bytes(in->type));
    f->run->store_vector(f->cpu, address(f, in), in->type, v);
}

static void vector(const Frame *f, const IrInsn *in)
{
    const VopInfo *info = &vop_info[vop_of(in->aux)];
    IrRef c = in->op == IR_V3 ? in[1].a : IR_NONE, last = in->op == IR_V1 ? in->a : in->b;
    uint64_t value = vop_takes_int(info) ? get(f, last) : 0;
    uint64_t refs = ir_vector_refs(in->dst, in->a, in->b, c);
    value = ir_vector_compute(f->cpu, f->b->guest, refs, in->aux, in->type, value);
    if (vop_gives_int(info)) {
        put(f, in->dst, value);
    }
}

static inline bool holds(const Frame *f, const IrInsn *in)
{
    return ir_eval_cond(ir_cond_of(in), in->type, get(f, in->a), get(f, in->b));
}

/* One copy of each operation for each type: where both are constants, little is left to compute. */
G_ALWAYS_INLINE static inline uint64_t unary(const Frame *f, IrOp op, const IrInsn *in)
{
    uint64_t a = get(f, in->a);
    return in->type == IR_I64 ? ir_eval1(op, IR_I64, a) : ir_eval1(op, IR_I32, a);
}

G_ALWAYS_INLINE static inline uint64_t binary(const Frame *f, IrOp op, const IrInsn *in)
{
    uint64_t a = get(f, in->a), b = get(f, in->b);
    return in->type == IR_I64 ? ir_eval2(op, IR_I64, a, b) : ir_eval2(op, IR_I32, a, b);
}

static bool exit_requested(const Frame *f)
{
    return __atomic_load_n((const uint32_t *)(f->env + f->run->exit_request), __ATOMIC_RELAXED);
}

static uint64_t load_env(const char *p, MemOp m)
{
    return memop_extend(m, load_host(p, memop_bytes(m)));
}

/* ---- helpers --------------------------------------------------------------- */

typedef struct Cif {
    const IrHelper *helper;
    ffi_cif cif;
    ffi_type *types[1 + IR_MAX_ARGS];
} Cif;

static ffi_type *ffi_type_of(unsigned type)
{
    return type == IR_VOID ? &ffi_type_void : type == IR_I32 ? &ffi_type_uint32 : &ffi_type_uint64;
}

static void cif_make(Cif *c, const IrHelper *h)
{
    c->helper = h;
    c->types[0] = &ffi_type_pointer;
    for (unsigned i = 0; i < h->nargs; i++) {
        c->types[1 + i] = ffi_type_of(h->args[i]);
    }
    ffi_status ok = ffi_prep_cif(&c->cif, FFI_DEFAULT_ABI, 1 + h->nargs, ffi_type_of(h->ret), c->types);
    g_assert(ok == FFI_OK);
}

/* How to call h: in a direct-mapped table of the thread, which ends with it.  Helpers stand in tables, so
 * few share an entry; those are made again. */
static Cif *cif_find(const IrHelper *h)
{
    enum { ENTRIES = 512 };
    static GPrivate owner = G_PRIVATE_INIT(g_free);
    static _Thread_local Cif *recent;
    if (!recent) {
        recent = g_new0(Cif, ENTRIES);
        g_private_set(&owner, recent);
    }
    Cif *c = &recent[(uintptr_t)h / sizeof(IrHelper) % ENTRIES];
    if (c->helper != h) {
        cif_make(c, h);
    }
    return c;
}

/* The IR_ARG operations stand directly before `in`. */
static void call_helper(const Frame *f, const IrInsn *in)
{
    const IrHelper *h = f->b->helpers[in->aux];
    Cif *c = cif_find(h);
    CPU *cpu = f->cpu;
    uint64_t wide[IR_MAX_ARGS];
    uint32_t narrow[IR_MAX_ARGS];
    void *values[1 + IR_MAX_ARGS] = { &cpu };
    for (unsigned i = 0; i < h->nargs; i++) {
        wide[i] = get(f, in[(int)i - (int)h->nargs].a);
        narrow[i] = wide[i];
        values[1 + i] = h->args[i] == IR_I32 ? (void *)&narrow[i] : (void *)&wide[i];
    }
    union {
        ffi_arg narrow;
        uint64_t wide;
    } ret = { .wide = 0 };
    ffi_call(&c->cif, h->fn, &ret, values);
    if (h->ret == IR_I32) {
        put(f, in->dst, (uint32_t)ret.narrow);
    } else if (h->ret == IR_I64) {
        put(f, in->dst, ret.wide);
    }
}

/* ---- control flow ---------------------------------------------------------- */

static const IrInsn *find_label(const IrBlock *b, const IrInsn *in)
{
    unsigned label = ir_label_of(in);
    if (label == 0) {
        return b->ops;
    }
    while (in->op != IR_LABEL || ir_label_of(in) != label) {
        in++; /* the verifier saw that it stands ahead */
    }
    return in;
}

/* The operation to go on with; NULL: the loop edge is taken, but the run time wants the vCPU. */
static const IrInsn *jump(const Frame *f, const IrInsn *in)
{
    if (ir_label_of(in) == 0 && exit_requested(f)) {
        put_pc(f, f->b->pc);
        return NULL;
    }
    return find_label(f->b, in);
}

/* clang-format off */
IrExit ir_interpret(const IrBlock *b, CPU *cpu, const IrRuntime *run)
{
    static const void *const ops[IR_OPS] = { /* an operation without its label below does not compile */
#define IR_OP(NAME, ...) [IR_##NAME] = &&L_##NAME,
#define IR_OP1(NAME, ...) [IR_##NAME] = &&L_##NAME,
#define IR_OP2(NAME, ...) [IR_##NAME] = &&L_##NAME,
#include "tcg/ops.def"
    };
    const Frame f = { b, cpu, run, (char *)cpu, g_newa(uint64_t, b->temp_count + 1) };
    const IrInsn *in = b->ops;
    goto *ops[in->op];

#define IR_OP1(NAME, ...) L_##NAME: put(&f, in->dst, unary(&f, IR_##NAME, in)); goto *ops[(++in)->op];
#define IR_OP2(NAME, ...) L_##NAME: put(&f, in->dst, binary(&f, IR_##NAME, in)); goto *ops[(++in)->op];
#include "tcg/ops.def"

L_SETCC: put(&f, in->dst, holds(&f, in)); goto *ops[(++in)->op];
L_DIVW: put(&f, in->dst, divide_wide(&f, in)); goto *ops[(++in)->op];
L_SELECT: put(&f, in->dst, get(&f, holds(&f, in) ? in[1].a : in[1].b)); goto *ops[(++in)->op];
L_LD: put(&f, in->dst, load(&f, in)); goto *ops[(++in)->op];
L_ST: store(&f, in); goto *ops[(++in)->op];
L_RMW: put(&f, in->dst, rmw(&f, in)); goto *ops[(++in)->op];
L_CAS: put(&f, in->dst, cas(&f, in)); goto *ops[(++in)->op];
L_COPY: L_FILL: put(&f, in->dst, 0); goto *ops[(++in)->op]; /* declines: what a run may touch is the run time's to know */
L_LDV: load_vector(&f, in); goto *ops[(++in)->op];
L_STV: store_vector(&f, in); goto *ops[(++in)->op];
L_V1: L_V2: L_V3: vector(&f, in); goto *ops[(++in)->op];
L_KILL: goto *ops[(++in)->op];
L_FENCE: __atomic_thread_fence(__ATOMIC_SEQ_CST); goto *ops[(++in)->op];
L_LDENV: put(&f, in->dst, load_env(f.env + (int32_t)in->aux, in->type)); goto *ops[(++in)->op];
L_STENV: store_host(f.env + (int32_t)in->aux, memop_bytes(in->type), get(&f, in->b)); goto *ops[(++in)->op];
L_CALL: call_helper(&f, in); goto *ops[(++in)->op];
L_INSN: put_pc(&f, get(&f, in->a)); goto *ops[(++in)->op];
L_NOP: L_ARMS: L_ARG: L_LABEL: goto *ops[(++in)->op];
L_BRCC:
    if (!holds(&f, in)) {
        goto *ops[(++in)->op];
    }
L_BR:
    in = jump(&f, in);
    if (!in) {
        return IR_LEFT_LOOP;
    }
    goto *ops[in->op];
L_EXIT_PC: put_pc(&f, get(&f, in->a)); return IR_LEFT_PC;
L_EXIT_IND: put_pc(&f, get(&f, in->a)); return IR_LEFT_IND;
L_EXIT_LOOKUP: return IR_LEFT_LOOKUP;
}
/* clang-format on */
