/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One block from IR to host code: one forward pass, then the cold code, then the table of
 * return addresses.
 *
 * Not modelled: hosts without POPCNT (refused by create()); BMI1, BMI2 and LZCNT are used
 * where present. */
#include "tcg/x86_64/gen.h"
#include <cpuid.h>

static bool host_check(Jit *j, GError **err)
{
    unsigned a, b, c, d;
    if (!__get_cpuid(1, &a, &b, &c, &d) || !(c >> 23 & 1)) {
        g_set_error(err, G_FILE_ERROR, G_FILE_ERROR_NOSYS,
                    "cannot translate: this processor has no POPCNT instruction; "
                    "use -accel interp");
        return false;
    }
    if (__get_cpuid_count(7, 0, &a, &b, &c, &d)) {
        j->bmi1 = b >> 3 & 1;
        j->bmi2 = b >> 8 & 1;
    }
    if (__get_cpuid(0x80000001, &a, &b, &c, &d)) {
        j->lzcnt = c >> 5 & 1;
    }
    const char *without = g_getenv("LYREBIRD_JIT_WITHOUT"); /* tests: "bmi", "avx" (vector.c) */
    if (without && strstr(without, "bmi")) {
        j->bmi1 = j->bmi2 = j->lzcnt = false;
    }
    return true;
}

/* The 256 bytes of the CPU struct that hold most globals are in reach of 8-bit displacements. */
static int32_t choose_bias(const IrGuest *g)
{
    int32_t best = 0;
    unsigned most = 0;
    for (unsigned n = 0; n < g->global_count; n++) {
        int32_t start = g->globals[n].offset;
        unsigned inside = 0;
        for (unsigned k = 0; k < g->global_count; k++) {
            inside += g->globals[k].offset >= start && g->globals[k].offset < start + 256;
        }
        if (inside > most) {
            most = inside;
            best = start;
        }
    }
    return best + 128;
}

static void choose_pins(Jit *j)
{
    const IrGuest *g = j->c.guest;
    j->pin = g_malloc(g->global_count);
    memset(j->pin, NO_REG, g->global_count);
    for (int r = 0; r < 16; r++) {
        j->pinned_global[r] = -1;
    }
    int8_t regs[PINS];
    memcpy(regs, pin_regs, sizeof(regs));
    for (unsigned n = PINS; j->random && n > 1; n--) { /* shuffle */
        unsigned k = reg_random(j, n);
        int8_t t = regs[k];
        regs[k] = regs[n - 1];
        regs[n - 1] = t;
    }
    for (unsigned n = 0; n < g->pinned_count && n < PINS; n++) {
        unsigned global = g->pinned[n] & IR_INDEX_MASK;
        j->pin[global] = regs[n];
        j->pinned_global[regs[n]] = global;
    }
}

static void jit_free(Jit *j)
{
    if (!j) {
        return;
    }
    ir_shares_clear(&j->shares);
    g_free(j->pin);
    g_free(j);
}

static Jit *jit_new(const JitConfig *c, uint8_t *rw, const uint8_t *rx, GError **err)
{
    Jit *j = g_new0(Jit, 1);
    j->c = *c;
    j->head_rw = rw;
    j->head_rx = rx;
    j->random = c->random;
    j->bias = choose_bias(c->guest);
    choose_pins(j);
    if (!host_check(j, err)) {
        jit_free(j);
        return NULL;
    }
    vector_host_check(j);
    vector_choose_pins(j);
    stubs_make(j);
    return j;
}

/* No default: an operation without its line here does not compile (of an enum: IrInsn has a byte). */
static void gen_op(Jit *j, const IrInsn *i)
{
    IrOp op = i->op;
    switch (op) {
    case IR_NOP:
    case IR_KILL:
    case IR_ARMS:
    case IR_ARG: break;
    case IR_MOV:
    case IR_NOT:
    case IR_NEG:
    case IR_BSWAP: gen_unary(j, i); break;
    case IR_EXT_S8:
    case IR_EXT_S16:
    case IR_EXT_S32:
    case IR_EXT_U8:
    case IR_EXT_U16:
    case IR_EXT_U32: gen_extend(j, i); break;
    case IR_CLZ:
    case IR_CTZ:
    case IR_POPCNT: gen_count(j, i); break;
    case IR_ADD:
    case IR_SUB:
    case IR_AND:
    case IR_OR:
    case IR_XOR: gen_arith(j, i); break;
    case IR_ANDN: gen_andn(j, i); break;
    case IR_PUT8:
    case IR_PUT16: gen_put(j, i); break;
    case IR_MUL: gen_mul(j, i); break;
    case IR_MULHU:
    case IR_MULHS:
    case IR_MULHSU: gen_mul_high(j, i); break;
    case IR_DIV:
    case IR_DIVU:
    case IR_REM:
    case IR_REMU: gen_div(j, i); break;
    case IR_DIVW: gen_div_wide(j, i); break;
    case IR_SHL:
    case IR_SHR:
    case IR_SAR:
    case IR_ROL:
    case IR_ROR: gen_shift(j, i); break;
    case IR_MIN:
    case IR_MAX:
    case IR_MINU:
    case IR_MAXU: gen_min_max(j, i); break;
    case IR_SETCC: gen_setcc(j, i); break;
    case IR_SELECT: gen_select(j, i); break;
    case IR_LD: gen_load(j, i); break;
    case IR_ST: gen_store(j, i); break;
    case IR_RMW: gen_rmw(j, i); break;
    case IR_CAS: gen_cas(j, i); break;
    case IR_COPY: gen_copy(j, i); break;
    case IR_FILL: gen_fill(j, i); break;
    case IR_FENCE: gen_fence(j, i); break;
    case IR_V1:
    case IR_V2:
    case IR_V3: gen_vector(j, i); break;
    case IR_LDV: gen_load_vector(j, i); break;
    case IR_STV: gen_store_vector(j, i); break;
    case IR_LDENV: gen_load_env(j, i); break;
    case IR_STENV: gen_store_env(j, i); break;
    case IR_CALL: gen_call(j, i); break;
    case IR_LABEL: gen_label(j, i); break;
    case IR_BR: gen_br(j, i); break;
    case IR_BRCC: gen_brcc(j, i); break;
    case IR_INSN: j->pc = ir_const_value(j->ir, i->a); break;
    case IR_EXIT_PC: gen_exit_pc(j, i); break;
    case IR_EXIT_IND: gen_exit_ind(j, i); break;
    case IR_EXIT_LOOKUP: gen_exit_lookup(j); break;
    case IR_OPS: g_assert_not_reached();
    }
    reg_op_done(j);
}

static bool begin(Jit *j, const IrBlock *ir)
{
    j->ir = ir;
    j->pc = ir->pc;
    j->cold_count = j->pc_count = j->exit_count = j->fixup_count = j->move_count = 0;
    j->movable = ir->movable && gen_is_wide(ir->pc);
    j->failed = false;
    j->flags_at = j->addend_at = j->high_at = UINT32_MAX;
    memset(j->share_in, 0, sizeof(j->share_in));
    if (ir->temp_count >= MAX_TEMPS || ir->label_count >= MAX_LABELS) {
        return false;
    }
    memset(j->label_pos, 0xff, (ir->label_count + 1) * sizeof(j->label_pos[0]));
    memset(j->holds, 0, sizeof(j->holds));
    reg_find_last_uses(j);
    ir_find_shares(ir, &j->shares);
    reg_reset(j);
    return true;
}

/* An instruction of one byte (of those that blocks have): retire() could not replace it while others run. */
static bool is_short(uint8_t opcode)
{
    return opcode == 0x90 || opcode == 0x99 || opcode == 0xc3 || (opcode & 0xf0) == 0x50;
}

static bool jit_compile(Jit *j, const IrBlock *ir, uint8_t *rw, const uint8_t *rx, size_t capacity,
                        JitOutput *out)
{
    j->a = (Asm){ .p = rw, .start = rw, .rx = rx };
    *out = (JitOutput){ .full = false };
    const uint8_t *end = rw + capacity;
    if (!begin(j, ir)) {
        return false;
    }
    for (j->at = 0; j->at < ir->count; j->at++) {
        out->full = (size_t)(end - j->a.p) < JIT_SLACK + (size_t)j->cold_count * COLD_BYTES;
        if (out->full || j->failed) {
            return false;
        }
        gen_op(j, &ir->ops[j->at]);
    }
    for (unsigned n = 0; n < j->fixup_count; n++) {
        x_bind_to(&j->a, j->fixups[n].pos, j->label_pos[j->fixups[n].label]);
    }
    gen_cold(j);
    out->pc_table = x_pos(&j->a);
    g_assert(!is_short(rw[0]));
    uint8_t *table_end = jit_put_pcs(j->a.p, end, ir->pc, j->pcs, j->pc_count);
    if (table_end && j->movable) {
        out->moves = table_end - rw;
        table_end = jit_put_moves(table_end, end, j->moves, j->move_count);
    }
    out->full = !table_end;
    out->size = table_end ? table_end - rw : 0;
    out->exits = j->exits;
    out->exit_count = j->exit_count;
    return !out->full && !j->failed;
}

/* The rel32 is aligned: one store, which the processor's instruction fetch sees whole. */
static void jit_patch(uint8_t *rw, const uint8_t *rx, const JitExit *e, const void *target)
{
    const uint8_t *to = target ? target : rx + e->stub - 5;
    int32_t rel = to - (rx + e->jump + 4);
    __atomic_store_n((int32_t *)(rw + e->jump), rel, __ATOMIC_RELEASE);
}

/* A call in front of the block, where nobody runs; then one aligned store of two bytes, a jump to it.  A thread that fetches
 * the block's first instruction, which has two bytes at least, finds the whole of the old one or that jump. */
static void jit_retire(Jit *j, uint8_t *rw, const uint8_t *rx)
{
    int32_t rel = j->stub_retired - rx;
    uint8_t jump[2] = { 0xeb, (uint8_t) - (BEFORE + sizeof(jump)) };
    uint16_t word;
    rw[-BEFORE] = 0xe8;
    memcpy(rw - BEFORE + 1, &rel, sizeof(rel));
    memcpy(&word, jump, sizeof(word));
    __atomic_store_n((uint16_t *)rw, word, __ATOMIC_RELEASE);
}

static void jit_enter(Jit *j, CPU *cpu, void *context, const void *code, uintptr_t **frame)
{
    typedef void Enter(CPU *, void *, const void *, uintptr_t **);
    ((Enter *)j->stub_enter)(cpu, context, code, frame);
}

static const void *jit_leave(Jit *j)
{
    return j->stub_leave;
}

static const JitBackend x86_64 = {
    .host = "x86-64",
    .head_bytes = JIT_HEAD,
    .before_block = BEFORE,
    .create = jit_new,
    .destroy = jit_free,
    .compile = jit_compile,
    .copy = x86_64_copy,
    .patch = jit_patch,
    .retire = jit_retire,
    .enter = jit_enter,
    .leave = jit_leave,
    .vector_moves = stubs_vector_moves,
    .print = x86_64_print,
};
const JitBackend *const jit_backend = &x86_64;
