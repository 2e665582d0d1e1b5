/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The interpreter of the IR: the oracle for back ends, and what runs guests where no
 * back end exists.
 *
 * One label an operation, reached through a table of their addresses.  What operations
 * compute comes from eval.h, shared with constant folding, so that the tests in
 * tests/tcg/ (values written by hand) judge both.  Helpers are called through libffi,
 * because their C types are known at run time only.
 *
 * The guest pc is stored at every IR_INSN and at exits: a fault finds it in place. */
#include <ffi.h>
#include <string.h>

#include "base/lock.h"
#include "tcg/backend.h"
#include "tcg/eval.h"

typedef struct Frame {
    const IrBlock *b;
    CPU *cpu;
    char *env; /* the CPU struct */
    uint64_t *temps;
} Frame;

/* ---- operands -------------------------------------------------------------- */

static inline uint64_t get(const Frame *f, IrRef r)
{
    unsigned index = r & IR_INDEX_MASK;
    if (ir_is_const(r)) {
        return f->b->consts[index];
    }
    return ir_is_global(r) ? *(uint64_t *)(f->env + f->b->guest->globals[index].offset) : f->temps[index];
}

static inline void put(const Frame *f, IrRef r, uint64_t value)
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

static inline bool exit_requested(const Frame *f, const IrRuntime *run)
{
    return __atomic_load_n((const uint32_t *)(f->env + run->exit_request), __ATOMIC_RELAXED);
}

static uint64_t load_env(const char *p, MemOp m)
{
    switch (m & (MEM_SIZE | MEM_SIGN)) {
    case MEM_8: return *(const uint8_t *)p;
    case MEM_16: return *(const uint16_t *)p;
    case MEM_32: return *(const uint32_t *)p;
    case MEM_8 | MEM_SIGN: return *(const int8_t *)p;
    case MEM_16 | MEM_SIGN: return *(const int16_t *)p;
    case MEM_32 | MEM_SIGN: return *(const int32_t *)p;
    default: return *(const uint64_t *)p;
    }
}

static void store_env(char *p, MemOp m, uint64_t value)
{
    switch (m & MEM_SIZE) {
    case MEM_8: *(uint8_t *)p = value; break;
    case MEM_16: *(uint16_t *)p = value; break;
    case MEM_32: *(uint32_t *)p = value; break;
    default: *(uint64_t *)p = value; break;
    }
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

static Cif *cif_new(const IrHelper *h)
{
    Cif *c = g_new0(Cif, 1);
    c->helper = h;
    c->types[0] = &ffi_type_pointer;
    for (unsigned i = 0; i < h->nargs; i++) {
        c->types[1 + i] = ffi_type_of(h->args[i]);
    }
    ffi_status ok = ffi_prep_cif(&c->cif, FFI_DEFAULT_ABI, 1 + h->nargs, ffi_type_of(h->ret), c->types);
    g_assert(ok == FFI_OK);
    return c;
}

/* How to call h: made once in the life of the process, then found in the thread's
 * own direct-mapped table. */
static Cif *cif_find(const IrHelper *h)
{
    static Lock lock = LOCK_INIT(LOCK_HELPER_CALLS);
    static GHashTable *all;
    static _Thread_local Cif *recent[256];
    Cif **slot = &recent[((uintptr_t)h / sizeof(IrHelper)) % G_N_ELEMENTS(recent)];
    if (*slot && (*slot)->helper == h) {
        return *slot;
    }
    lock_take(&lock);
    if (!all) {
        all = g_hash_table_new(NULL, NULL);
    }
    *slot = g_hash_table_lookup(all, h);
    if (!*slot) {
        *slot = cif_new(h);
        g_hash_table_insert(all, (gpointer)h, *slot);
    }
    lock_release(&lock);
    return *slot;
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

static const IrInsn *find_label(const IrBlock *b, const IrInsn *in, unsigned label)
{
    if (label == 0) {
        return b->ops;
    }
    while (in->op != IR_LABEL || in->aux != label) {
        in++; /* the verifier saw that it stands ahead */
    }
    return in;
}

/* clang-format off */
#define A (get(&f, in->a))
#define B (get(&f, in->b))
#define NEXT() do { in++; goto *ops[in->op]; } while (0)
#define UNARY(op) L_##op: put(&f, in->dst, ir_eval1(op, in->type, A)); NEXT();
#define BINARY(op) L_##op: put(&f, in->dst, ir_eval2(op, in->type, A, B)); NEXT();
#define ROW(op) [op] = &&L_##op

IrExit ir_interpret(const IrBlock *b, CPU *cpu, const IrRuntime *run)
{
    static const void *const ops[IR_OPS] = {
        ROW(IR_NOP), ROW(IR_MOV), ROW(IR_NOT), ROW(IR_NEG), ROW(IR_EXT_S8), ROW(IR_EXT_S16),
        ROW(IR_EXT_S32), ROW(IR_EXT_U8), ROW(IR_EXT_U16), ROW(IR_EXT_U32), ROW(IR_BSWAP),
        ROW(IR_CLZ), ROW(IR_CTZ), ROW(IR_POPCNT), ROW(IR_ADD), ROW(IR_SUB), ROW(IR_MUL),
        ROW(IR_MULHU), ROW(IR_MULHS), ROW(IR_MULHSU), ROW(IR_DIV), ROW(IR_DIVU), ROW(IR_REM),
        ROW(IR_REMU), ROW(IR_AND), ROW(IR_OR), ROW(IR_XOR), ROW(IR_ANDN), ROW(IR_SHL), ROW(IR_SHR),
        ROW(IR_SAR), ROW(IR_ROL), ROW(IR_ROR), ROW(IR_MIN), ROW(IR_MAX), ROW(IR_MINU), ROW(IR_MAXU),
        ROW(IR_SETCC), ROW(IR_SELECT), ROW(IR_ARMS), ROW(IR_LD), ROW(IR_ST), ROW(IR_FENCE),
        ROW(IR_LDENV), ROW(IR_STENV), ROW(IR_ARG), ROW(IR_CALL), ROW(IR_LABEL), ROW(IR_BR),
        ROW(IR_BRCC), ROW(IR_INSN), ROW(IR_EXIT_PC), ROW(IR_EXIT_IND), ROW(IR_EXIT_LOOKUP),
    };
    Frame f = { b, cpu, (char *)cpu, g_newa(uint64_t, b->temp_count + 1) };
    const IrInsn *in = b->ops;
    unsigned label;
    goto *ops[in->op];

    UNARY(IR_MOV) UNARY(IR_NOT) UNARY(IR_NEG) UNARY(IR_EXT_S8) UNARY(IR_EXT_S16)
    UNARY(IR_EXT_S32) UNARY(IR_EXT_U8) UNARY(IR_EXT_U16) UNARY(IR_EXT_U32) UNARY(IR_BSWAP)
    UNARY(IR_CLZ) UNARY(IR_CTZ) UNARY(IR_POPCNT)
    BINARY(IR_ADD) BINARY(IR_SUB) BINARY(IR_MUL) BINARY(IR_MULHU) BINARY(IR_MULHS)
    BINARY(IR_MULHSU) BINARY(IR_DIV) BINARY(IR_DIVU) BINARY(IR_REM) BINARY(IR_REMU)
    BINARY(IR_AND) BINARY(IR_OR) BINARY(IR_XOR) BINARY(IR_ANDN) BINARY(IR_SHL) BINARY(IR_SHR)
    BINARY(IR_SAR) BINARY(IR_ROL) BINARY(IR_ROR) BINARY(IR_MIN) BINARY(IR_MAX) BINARY(IR_MINU)
    BINARY(IR_MAXU)
L_IR_SETCC:
    put(&f, in->dst, ir_eval_cond(in->aux, in->type, A, B));
    NEXT();
L_IR_SELECT:
    put(&f, in->dst, get(&f, ir_eval_cond(in->aux, in->type, A, B) ? in[1].a : in[1].b));
    NEXT();
L_IR_LD:
    put(&f, in->dst, run->load(cpu, A + (int32_t)in->aux, in->type));
    NEXT();
L_IR_ST:
    run->store(cpu, A + (int32_t)in->aux, in->type, B);
    NEXT();
L_IR_FENCE:
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    NEXT();
L_IR_LDENV:
    put(&f, in->dst, load_env(f.env + (int32_t)in->aux, in->type));
    NEXT();
L_IR_STENV:
    store_env(f.env + (int32_t)in->aux, in->type, B);
    NEXT();
L_IR_CALL:
    call_helper(&f, in);
    NEXT();
L_IR_INSN:
    put_pc(&f, A);
    NEXT();
L_IR_NOP:
L_IR_ARMS:
L_IR_ARG:
L_IR_LABEL:
    NEXT();
L_IR_BRCC:
    if (!ir_eval_cond(in->aux & 0xff, in->type, A, B)) {
        NEXT();
    }
    label = in->aux >> 8;
    goto jump;
L_IR_BR:
    label = in->aux;
jump:
    if (label == 0 && exit_requested(&f, run)) {
        put_pc(&f, b->pc);
        return IR_LEFT_LOOP;
    }
    in = find_label(b, in, label);
    goto *ops[in->op];
L_IR_EXIT_PC:
    put_pc(&f, A);
    return IR_LEFT_PC;
L_IR_EXIT_IND:
    put_pc(&f, A);
    return IR_LEFT_IND;
L_IR_EXIT_LOOKUP:
    return IR_LEFT_LOOKUP;
}
