/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Operands: pinned globals in their registers, other globals in the CPU struct, temps in
 * rax, rcx, rdx or in spill slots.
 *
 * Temps are short lived (most die in the next operation), so the choice is simple:
 * a free register, else the one whose temp is used last goes to its slot.
 *
 * Rules for callers:
 *   1. every scratch register that an operation touches is locked (reg_scratch, reg_claim,
 *      reg_use, reg_loc lock what they return) until reg_op_done;
 *   2. after reg_flush() no temp is in a register, so all three may be used freely;
 *   3. a pinned register changes only through reg_def + reg_bind. */
#include "tcg/x86_64/gen.h"

const int8_t pin_regs[PINS] = { RBX, R12, R13, R14, RSI, RDI, R8, R9, R10, R11 };

unsigned reg_random(Jit *j, unsigned below)
{
    j->random = j->random * UINT64_C(6364136223846793005) + 1442695040888963407;
    return (j->random >> 33) % below;
}

void reg_reset(Jit *j)
{
    for (int r = 0; r < SCRATCH; r++) {
        if (j->holds[r]) {
            j->temp_reg[j->holds[r]] = NO_REG;
        }
        j->holds[r] = IR_NONE;
    }
    j->locked = 0;
    j->saved = 0;
    j->flags_at = UINT32_MAX;
    memset(j->slots_used, 0, sizeof(j->slots_used));
}

static void note_use(Jit *j, IrRef r, unsigned at)
{
    if (ir_is_temp(r)) {
        j->last_use[r] = at;
    }
}

void reg_find_last_uses(Jit *j)
{
    const IrBlock *ir = j->ir;
    memset(j->temp_reg, NO_REG, ir->temp_count + 1);
    memset(j->last_use, 0, (ir->temp_count + 1) * sizeof(j->last_use[0]));
    for (unsigned t = 0; t <= ir->temp_count; t++) {
        j->temp_slot[t] = -1;
    }
    memset(j->label_exit, 0, ir->label_count * sizeof(j->label_exit[0]));
    memset(j->label_used, 0, ir->label_count);
    unsigned pending = 0; /* operations whose operands are read by a later one */
    for (unsigned n = 0; n < ir->count; n++) {
        const IrInsn *i = &ir->ops[n];
        unsigned at = n;
        if (i->op == IR_ARMS) {
            at = n - 1; /* the select reads its arms */
        }
        note_use(j, i->a, at);
        note_use(j, i->b, at);
        if (i->op == IR_LABEL && n + 1 < ir->count && i[1].op == IR_EXIT_PC) {
            j->label_exit[ir_label_of(i)] = i[1].a;
        }
        if (i->op == IR_ARG) {
            pending++;
        } else if (i->op == IR_CALL) {
            for (; pending; pending--) {
                note_use(j, ir->ops[n - pending].a, n);
            }
        }
    }
}

static void slot_free(Jit *j, IrRef t)
{
    int s = j->temp_slot[t];
    if (s >= 0) {
        j->slots_used[s / 64] &= ~(UINT64_C(1) << s % 64);
    }
    j->temp_slot[t] = -1;
}

static Loc slot_loc(Jit *j, IrRef t)
{
    return loc_mem(RSP, SLOT_BASE + j->temp_slot[t] * 8);
}

static void spill(Jit *j, int r)
{
    IrRef t = j->holds[r];
    if (j->temp_slot[t] < 0) {
        int s = 0;
        while (s < SLOTS && j->slots_used[s / 64] >> s % 64 & 1) {
            s++;
        }
        if (s == SLOTS) {
            j->failed = true;
            s = 0;
        }
        j->slots_used[s / 64] |= UINT64_C(1) << s % 64;
        j->temp_slot[t] = s;
        x_op(&j->a, X_MOV_STORE | X_W, r, slot_loc(j, t));
    }
    j->temp_reg[t] = NO_REG;
    j->holds[r] = IR_NONE;
}

void reg_op_done(Jit *j)
{
    j->locked = 0;
    for (int r = 0; r < SCRATCH; r++) {
        IrRef t = j->holds[r];
        if (t && j->last_use[t] <= j->at) {
            slot_free(j, t);
            j->temp_reg[t] = NO_REG;
            j->holds[r] = IR_NONE;
        }
    }
    /* Temps that died in their slots */
    const IrInsn *i = &j->ir->ops[j->at];
    const IrRef refs[2] = { i->a, i->b };
    for (int n = 0; n < 2; n++) {
        if (ir_is_temp(refs[n]) && j->last_use[refs[n]] <= j->at) {
            slot_free(j, refs[n]);
        }
    }
}

static int choose_scratch(Jit *j)
{
    int best = NO_REG;
    for (int r = SCRATCH - 1; r >= 0; r--) {
        if (j->locked >> r & 1) {
            continue;
        }
        if (!j->holds[r]) {
            best = r;
            break;
        }
        if (best == NO_REG || j->last_use[j->holds[r]] > j->last_use[j->holds[best]]) {
            best = r;
        }
    }
    g_assert(best != NO_REG);
    return best;
}

static int choose_at_random(Jit *j)
{
    int r;
    do {
        r = reg_random(j, SCRATCH);
    } while (j->locked >> r & 1);
    return r;
}

int reg_scratch(Jit *j)
{
    bool any = j->random && j->locked != (1u << SCRATCH) - 1;
    int r = any ? choose_at_random(j) : choose_scratch(j);
    if (j->holds[r]) {
        spill(j, r);
    }
    j->locked |= 1u << r;
    return r;
}

void reg_claim(Jit *j, int r)
{
    g_assert(!(j->locked >> r & 1));
    if (j->holds[r]) {
        spill(j, r);
    }
    j->locked |= 1u << r;
}

void reg_flush(Jit *j)
{
    for (int r = 0; r < SCRATCH; r++) {
        if (j->holds[r]) {
            spill(j, r);
        }
    }
}

void reg_flush_live(Jit *j)
{
    for (int r = 0; r < SCRATCH; r++) {
        if (j->holds[r] && j->last_use[j->holds[r]] > j->at) {
            spill(j, r);
        }
    }
}

void reg_spill_temp(Jit *j, IrRef t)
{
    if (j->temp_reg[t] != NO_REG && j->temp_reg[t] < SCRATCH) {
        spill(j, j->temp_reg[t]);
    }
}

void reg_free_slot(Jit *j, IrRef r)
{
    if (reg_dies(j, r)) {
        slot_free(j, r);
    }
}

void reg_release_all(Jit *j)
{
    for (int r = 0; r < SCRATCH; r++) {
        if (j->holds[r]) {
            j->temp_reg[j->holds[r]] = NO_REG;
        }
        j->holds[r] = IR_NONE;
    }
}

bool reg_dies(Jit *j, IrRef r)
{
    return ir_is_temp(r) && j->last_use[r] <= j->at;
}

static void lock_reg(Jit *j, int r)
{
    if (r < SCRATCH) {
        j->locked |= 1u << r;
    }
}

static void load_const(Jit *j, int reg, IrRef r, bool keep_flags)
{
    if (ir_const_is_pc(j->ir, r)) {
        gen_load_pc(j, reg, ir_const_value(j->ir, r), keep_flags);
    } else {
        x_mov_imm(&j->a, reg, ir_const_value(j->ir, r), keep_flags);
    }
}

static Loc loc_of(Jit *j, IrRef r, bool keep_flags)
{
    if (ir_is_global(r)) {
        int p = reg_pinned(j, r);
        return p != NO_REG ? loc_reg(p) : global_loc(j, r);
    }
    if (ir_is_const(r)) {
        int64_t v = ir_const_value(j->ir, r);
        if (v == (int32_t)v) {
            return loc_imm(gen_const(j, r));
        }
        int t = reg_scratch(j);
        load_const(j, t, r, keep_flags);
        return loc_reg(t);
    }
    if (j->temp_reg[r] != NO_REG) {
        lock_reg(j, j->temp_reg[r]);
        return loc_reg(j->temp_reg[r]);
    }
    return slot_loc(j, r);
}

Loc reg_loc(Jit *j, IrRef r)
{
    return loc_of(j, r, false);
}

Loc reg_loc_flags(Jit *j, IrRef r)
{
    return loc_of(j, r, true);
}

void reg_load(Jit *j, int reg, IrRef r, bool keep_flags)
{
    if (ir_is_const(r)) {
        load_const(j, reg, r, keep_flags);
        return;
    }
    Loc l = loc_of(j, r, keep_flags);
    if (l.kind == LOC_REG) {
        x_mov(&j->a, reg, l.reg);
    } else {
        x_op(&j->a, X_MOV_LOAD | X_W, reg, l);
    }
}

int reg_use(Jit *j, IrRef r)
{
    int p = reg_pinned(j, r);
    if (p != NO_REG) {
        return p;
    }
    if (ir_is_temp(r) && j->temp_reg[r] != NO_REG) {
        lock_reg(j, j->temp_reg[r]);
        return j->temp_reg[r];
    }
    int t = reg_scratch(j);
    reg_load(j, t, r, true);
    if (ir_is_temp(r)) { /* now it is here, too */
        j->temp_reg[r] = t;
        j->holds[t] = r;
    }
    return t;
}

/* A temp that only the next operation reads, to extend or move it into a pinned global,
 * may as well be made in that global's register. */
static int wanted_reg(Jit *j, IrRef t)
{
    const IrInsn *next = &j->ir->ops[j->at + 1];
    if (!ir_is_temp(t) || j->at + 1 >= j->ir->count || next->a != t || j->last_use[t] != j->at + 1) {
        return NO_REG;
    }
    if (ir_op_info[next->op].kind != IRK_UNARY) {
        return NO_REG;
    }
    return reg_pinned(j, next->dst);
}

int reg_def(Jit *j, IrRef dst, IrRef reuse)
{
    int p = reg_pinned(j, dst);
    if (p == NO_REG) {
        p = wanted_reg(j, dst);
    }
    if (p != NO_REG) {
        return p;
    }
    if (reg_dies(j, reuse) && j->temp_reg[reuse] != NO_REG) {
        int r = j->temp_reg[reuse];
        lock_reg(j, r);
        return r;
    }
    return reg_scratch(j);
}

void reg_bind(Jit *j, IrRef dst, int reg)
{
    if (ir_is_global(dst)) {
        int p = reg_pinned(j, dst);
        if (p == NO_REG) {
            x_op(&j->a, X_MOV_STORE | X_W, reg, global_loc(j, dst));
        } else {
            x_mov(&j->a, p, reg);
            j->saved &= ~(1u << p);
        }
        return;
    }
    if (dst == IR_NONE) {
        return;
    }
    if (reg >= SCRATCH) { /* see wanted_reg */
        j->saved &= ~(1u << reg);
        j->temp_reg[dst] = reg;
        return;
    }
    if (j->holds[reg] && j->holds[reg] != dst) { /* the operand that died here */
        slot_free(j, j->holds[reg]);
        j->temp_reg[j->holds[reg]] = NO_REG;
    }
    j->holds[reg] = dst;
    j->temp_reg[dst] = reg;
}

void reg_save_pinned(Jit *j, Asm *a, bool all)
{
    for (int r = 0; r < 16; r++) {
        if (j->pinned_global[r] >= 0 && (all || reg_is_volatile(r)) && !(j->saved >> r & 1)) {
            x_op(a, X_MOV_STORE | X_W, r, global_loc(j, j->pinned_global[r]));
            j->saved |= 1u << r;
        }
    }
}

void reg_load_pinned(Jit *j, Asm *a, bool all)
{
    for (int r = 0; r < 16; r++) {
        if (j->pinned_global[r] >= 0 && (all || reg_is_volatile(r))) {
            x_op(a, X_MOV_LOAD | X_W, r, global_loc(j, j->pinned_global[r]));
        }
    }
}
