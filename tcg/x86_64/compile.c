/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One block from IR to host code: one forward pass, then the cold code, then the table of
 * return addresses.
 *
 * Not modelled: hosts without POPCNT (refused by jit_new); BMI1, BMI2 and LZCNT are used
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
    if (__get_cpuid(0x80000001, &a, &b, &c, &d))
        j->lzcnt = c >> 5 & 1;
    const char *without = g_getenv("LYREBIRD_JIT_WITHOUT"); /* tests: "bmi" */
    if (without && strstr(without, "bmi"))
        j->bmi1 = j->bmi2 = j->lzcnt = false;
    return true;
}

static void choose_pins(Jit *j)
{
    const IrGuest *g = j->c.guest;
    j->pin = g_malloc(g->global_count);
    memset(j->pin, NO_REG, g->global_count);
    for (int r = 0; r < 16; r++)
        j->pinned_global[r] = -1;
    for (unsigned n = 0; n < g->pinned_count && n < IR_MAX_PINNED; n++) {
        unsigned global = g->pinned[n] & IR_INDEX_MASK;
        j->pin[global] = pin_regs[n];
        j->pinned_global[pin_regs[n]] = global;
    }
}

Jit *jit_new(const JitConfig *c, uint8_t *rw, const uint8_t *rx, GError **err)
{
    Jit *j = g_new0(Jit, 1);
    j->c = *c;
    j->head_rw = rw;
    j->head_rx = rx;
    j->exit_request = c->exit_request - c->guest->env_bias;
    choose_pins(j);
    if (!host_check(j, err) || !stubs_make(j, err)) {
        jit_free(j);
        return NULL;
    }
    return j;
}

void jit_free(Jit *j)
{
    if (!j)
        return;
    g_free(j->pin);
    g_free(j);
}

static uint8_t *put_varint(uint8_t *p, uint64_t v)
{
    for (; v >= 0x80; v >>= 7)
        *p++ = v | 0x80;
    *p++ = v;
    return p;
}

static const uint8_t *get_varint(const uint8_t *p, uint64_t *v)
{
    *v = 0;
    for (unsigned shift = 0;; shift += 7) {
        *v |= (uint64_t)(*p & 0x7f) << shift;
        if (!(*p++ & 0x80))
            return p;
    }
}

/* count, then pairs: offset minus the one before; pc minus the one before, zigzag. */
static bool put_pcs(Jit *j, const uint8_t *end)
{
    uint8_t *p = j->a.p;
    if (end - p < 16 + 16 * (ptrdiff_t)j->pc_count)
        return false;
    p = put_varint(p, j->pc_count);
    uint32_t offset = 0;
    uint64_t pc = j->ir->pc;
    for (unsigned n = 0; n < j->pc_count; n++) {
        int64_t delta = j->pcs[n].pc - pc;
        p = put_varint(p, j->pcs[n].offset - offset);
        p = put_varint(p, (uint64_t)delta << 1 ^ (uint64_t)(delta >> 63));
        offset = j->pcs[n].offset;
        pc = j->pcs[n].pc;
    }
    j->a.p = p;
    return true;
}

bool jit_find_pc(const uint8_t *p, uint32_t offset, uint64_t block_pc, uint64_t *pc)
{
    uint64_t count, delta, at = 0;
    p = get_varint(p, &count);
    *pc = block_pc;
    while (count--) {
        p = get_varint(p, &delta);
        at += delta;
        p = get_varint(p, &delta);
        *pc += delta >> 1 ^ -(delta & 1);
        if (at == offset)
            return true;
    }
    return false;
}

static void gen_op(Jit *j, const IrInsn *i)
{
    if (!gen_alu(j, i) && !gen_mem(j, i) && !gen_flow(j, i))
        g_assert_not_reached();
    reg_op_done(j);
}

static bool begin(Jit *j, const IrBlock *ir)
{
    j->ir = ir;
    j->pc = ir->pc;
    j->cold_count = j->pc_count = j->exit_count = j->fixup_count = 0;
    j->failed = false;
    j->flags_at = UINT32_MAX;
    if (ir->temp_count >= MAX_TEMPS || ir->label_count >= MAX_LABELS)
        return false;
    memset(j->label_pos, 0xff, (ir->label_count + 1) * sizeof(j->label_pos[0]));
    memset(j->holds, 0, sizeof(j->holds));
    reg_find_last_uses(j);
    reg_reset(j);
    return true;
}

bool jit_compile(Jit *j, const IrBlock *ir, uint8_t *rw, const uint8_t *rx, size_t capacity, JitOutput *out)
{
    j->a = (Asm){ .p = rw, .start = rw, .rx = rx };
    *out = (JitOutput){ .full = false };
    const uint8_t *end = rw + capacity;
    if (!begin(j, ir))
        return false;
    for (j->at = 0; j->at < ir->count; j->at++) {
        out->full = (size_t)(end - j->a.p) < JIT_SLACK + (size_t)j->cold_count * 64;
        if (out->full || j->failed)
            return false;
        gen_op(j, &ir->ops[j->at]);
    }
    for (unsigned n = 0; n < j->fixup_count; n++)
        x_bind_to(&j->a, j->fixups[n].pos, j->label_pos[j->fixups[n].label]);
    gen_cold(j);
    out->pc_table = x_pos(&j->a);
    out->full = !put_pcs(j, end);
    out->size = x_pos(&j->a);
    out->exits = j->exits;
    out->exit_count = j->exit_count;
    return !out->full && !j->failed;
}

void jit_patch(uint8_t *rw, const uint8_t *rx, const JitExit *e, const void *target)
{
    const uint8_t *to = target ? target : rx + e->stub - 5;
    int32_t rel = to - (rx + e->jump + 4);
    __atomic_store_n((int32_t *)(rw + e->jump), rel, __ATOMIC_RELEASE);
}

void jit_enter(Jit *j, CPU *cpu, void *context, const void *code, uintptr_t **frame)
{
    typedef void Enter(CPU *, void *, const void *, uintptr_t **);
    ((Enter *)j->stub_enter)(cpu, context, code, frame);
}

const void *jit_leave(Jit *j)
{
    return j->stub_leave;
}
