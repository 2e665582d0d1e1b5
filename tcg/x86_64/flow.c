/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Labels, branches, helper calls, exits, and the cold code behind the block.
 *
 * Exits, by target:
 *   same page, direct      a jump that is patched when the target exists (its rel32 is aligned,
 *                          so that one store does it); until then it goes to a stub whose
 *                          return address names the exit
 *   other page, direct     one probe of the context's jump cache at a constant index: the
 *                          mapping of another page may change, the jump cache follows it
 *   indirect               the same with a computed index
 *   lookup                 the accelerator decides (mode may have changed)
 * Interrupts are polled where control flow can turn back: at loop edges, at direct exits that
 * do not go forward, and at indirect exits. */
#include "tcg/x86_64/gen.h"

enum { JUMP_ENTRY_BITS = 4, JUMP_ENTRY = 1 << JUMP_ENTRY_BITS }; /* {pc, code} */

Cold *gen_cold_new(Jit *j, ColdKind kind)
{
    if (j->cold_count == MAX_COLD) {
        j->failed = true;
        j->cold_count = 0;
    }
    Cold *c = &j->cold[j->cold_count++];
    *c = (Cold){ .kind = kind, .pc = j->pc };
    return c;
}

void gen_note_pc(Jit *j, uint64_t pc)
{
    if (j->pc_count == G_N_ELEMENTS(j->pcs)) {
        j->failed = true;
        j->pc_count = 0;
    }
    j->pcs[j->pc_count++] = (JitPc){ x_pos(&j->a), pc };
}

/* ---- labels ---- */

static void to_label(Jit *j, uint32_t pos, unsigned label)
{
    j->label_used[label] = true;
    if (j->label_pos[label] != UINT32_MAX) {
        x_bind_to(&j->a, pos, j->label_pos[label]);
        return;
    }
    if (j->fixup_count == MAX_FIXUPS) {
        j->failed = true;
        return;
    }
    j->fixups[j->fixup_count++] = (Fixup){ pos, label };
}

static void poll_exit(Jit *j, Cold *c)
{
    x_alu_imm(&j->a, ALU_CMP, 0, env_loc(j, j->c.run.exit_request), 0);
    c->fixups[1] = x_jcc_fwd(&j->a, CC_NE);
}

static unsigned exit_new(Jit *j, uint64_t pc)
{
    if (j->exit_count == MAX_EXITS) {
        j->failed = true;
        j->exit_count = 0;
    }
    j->exits[j->exit_count] = (JitExit){ .pc = pc };
    return j->exit_count++;
}

void gen_label(Jit *j, const IrInsn *i)
{
    unsigned label = ir_label_of(i);
    reg_reset(j);
    bool reached = !j->at || !(ir_op_info[j->ir->ops[j->at - 1].op].flags & IRF_END);
    if (j->label_exit[label] && !j->label_used[label] && !reached) {
        j->at++; /* every branch to this exit has become the exit itself */
        return;
    }
    j->label_pos[label] = x_pos(&j->a);
}

/* Back to the block's entry (label 0 stands right behind it), unless the loop is wanted. */
static void loop_edge(Jit *j)
{
    Cold *c = gen_cold_new(j, COLD_POLL);
    c->exit = exit_new(j, j->ir->pc);
    poll_exit(j, c);
    x_jmp(&j->a, j->a.rx);
}

void gen_br(Jit *j, const IrInsn *i)
{
    if (ir_label_of(i) == 0) {
        loop_edge(j);
    } else {
        to_label(j, x_jmp_fwd(&j->a), ir_label_of(i));
    }
}

static bool chains(const Jit *j, uint64_t pc)
{
    uint64_t page = UINT64_C(1) << j->c.page_bits;
    uint64_t to = pc + j->ir->page_bias, from = j->ir->pc + j->ir->page_bias;
    /* Code close to the page's end may go on in the next one: not chained. */
    return (to & -page) == (from & -page) && (to & (page - 1)) + j->c.guest->insn_bytes <= page;
}

/* Blocks in a cycle of direct jumps cannot all start after the one before. */
static bool needs_poll(const Jit *j, uint64_t pc)
{
    return pc <= j->ir->pc;
}

/* A jump (cc < 0) or branch that will be patched; its rel32 is aligned. */
static void chained_jump(Jit *j, int cc, uint64_t pc)
{
    Cold *c = gen_cold_new(j, COLD_CHAIN);
    c->exit = exit_new(j, pc);
    x_nop(&j->a, -((uintptr_t)j->a.p + (cc < 0 ? 1 : 2)) & 3);
    uint32_t at = cc < 0 ? x_jmp_fwd(&j->a) : x_jcc_fwd(&j->a, cc);
    j->exits[c->exit].jump = c->fixups[0] = at;
}

void gen_brcc(Jit *j, const IrInsn *i)
{
    unsigned cc = gen_compare(j, ir_cond_of(i), i->type, i->a, i->b);
    unsigned label = ir_label_of(i);
    if (label && j->label_exit[label]) {
        uint64_t pc = ir_const_value(j->ir, j->label_exit[label]);
        if (chains(j, pc) && !needs_poll(j, pc)) {
            chained_jump(j, cc, pc);
            return;
        }
    }
    if (label) {
        to_label(j, x_jcc_fwd(&j->a, cc), label);
        return;
    }
    Cold *c = gen_cold_new(j, COLD_POLL);
    c->exit = exit_new(j, j->ir->pc);
    uint32_t skip = x_jcc8(&j->a, cc ^ 1);
    x_alu_imm(&j->a, ALU_CMP, 0, env_loc(j, j->c.run.exit_request), 0);
    x_bind_to(&j->a, x_jcc_fwd(&j->a, CC_E), 0);
    c->fixups[0] = x_jmp_fwd(&j->a);
    x_bind8(&j->a, skip);
}

/* ---- calls ---- */

static const int8_t arg_regs[] = { RSI, RDX, RCX, R8, R9 };

/* Arguments are read from where reg_save_pinned and reg_flush put them: env and slots. */
void gen_load_arg(Jit *j, int reg, IrRef r)
{
    int p = reg_pinned(j, r);
    if (p != NO_REG && reg_is_volatile(p)) {
        x_op(&j->a, X_MOV_LOAD | X_W, reg, global_loc(j, r));
    } else {
        reg_load(j, reg, r, false);
    }
}

static void load_args(Jit *j, unsigned n)
{
    const IrInsn *args = &j->ir->ops[j->at - n];
    for (unsigned k = G_N_ELEMENTS(arg_regs); k < n; k++) {
        gen_load_arg(j, RAX, args[k].a);
        x_op(&j->a, X_MOV_STORE | X_W, RAX, loc_mem(RSP, (k - G_N_ELEMENTS(arg_regs)) * 8));
    }
    for (unsigned k = 0; k < n && k < G_N_ELEMENTS(arg_regs); k++) {
        gen_load_arg(j, arg_regs[k], args[k].a);
    }
}

/* A helper that is told all registers, and may change them, and then the accelerator decides: nothing is loaded that
 * would be stored again at once. */
static bool ends_in_lookup(const Jit *j, const IrInsn *i, const IrHelper *h)
{
    bool all = h->flags & (IRH_FAULT | IRH_READS | IRH_WRITES) && !(h->flags & IRH_NO_VECTORS);
    return all && h->ret == IR_VOID && j->at + 1 < j->ir->count && i[1].op == IR_EXIT_LOOKUP;
}

void gen_call(Jit *j, const IrInsn *i)
{
    const IrHelper *h = j->ir->helpers[i->aux];
    if (x87_has_form(j, h)) {
        x87_call(j, i);
        return;
    }
    Asm *a = &j->a;
    bool state = h->flags & (IRH_FAULT | IRH_READS | IRH_WRITES);
    const IrInsn *args = i - h->nargs;
    for (unsigned k = 0; k < h->nargs; k++) {
        if (ir_is_temp(args[k].a)) {
            reg_spill_temp(j, args[k].a);
        }
    }
    reg_flush_live(j);
    reg_release_all(j);
    reg_save_pinned(j, a, state);
    /* What sanitizers call from C code knows nothing of IRH_NO_VECTORS. */
    bool vectors = j->vectors && (LYREBIRD_CHECKS || !(h->flags & IRH_NO_VECTORS));
    if (vectors) {
        gen_call_head(j, j->stub_save_vectors);
    }
    load_args(j, h->nargs);
    x_op(a, X_LEA | X_W, RDI, loc_mem(RBP, -j->bias));
    gen_call_helper(j, h->fn);
    if (h->flags & IRH_FAULT) {
        gen_note_pc(j, j->pc);
    }
    if (ends_in_lookup(j, i, h)) {
        gen_jmp_head(j, j->stub_next_saved);
        j->at++; /* the exit */
        return;
    }
    if (vectors) {
        gen_call_head(j, j->stub_load_vectors);
    }
    reg_load_pinned(j, a, h->flags & IRH_WRITES);
    if (h->ret == IR_I32) {
        x_op(a, X_MOV_LOAD, RAX, loc_reg(RAX));
    }
    if (h->ret != IR_VOID && i->dst != IR_NONE) {
        reg_bind(j, i->dst, RAX);
    }
    for (unsigned k = 0; k < h->nargs; k++) {
        reg_free_slot(j, args[k].a);
    }
}

/* ---- exits ---- */

void gen_exit_pc(Jit *j, const IrInsn *i)
{
    uint64_t pc = ir_const_value(j->ir, i->a);
    Asm *a = &j->a;
    bool back = needs_poll(j, pc);
    if (chains(j, pc)) {
        if (back) {
            Cold *p = gen_cold_new(j, COLD_POLL);
            p->exit = exit_new(j, pc);
            poll_exit(j, p);
        }
        chained_jump(j, -1, pc);
        return;
    }
    int32_t at = j->c.jumps + (pc >> j->c.guest->pc_shift & ((1u << j->c.jump_bits) - 1)) * JUMP_ENTRY;
    Cold *c = gen_cold_new(j, COLD_NEXT);
    gen_load_pc(j, RAX, pc, false);
    if (back) {
        poll_exit(j, c);
    }
    j->movable = j->movable && at != (int8_t)at && at + 8 != (int8_t)(at + 8); /* displacements of 32 bits */
    x_alu(a, ALU_CMP, X_W, RAX, loc_mem(R15, at));
    gen_note_move(j, JIT_MOVE_JUMP);
    c->fixups[0] = x_jcc_fwd(a, CC_NE);
    x_op(a, 0xff, 4, loc_mem(R15, at + 8));
    gen_note_move(j, JIT_MOVE_JUMP);
}

void gen_exit_ind(Jit *j, const IrInsn *i)
{
    Asm *a = &j->a;
    reg_load(j, RAX, i->a, false);
    Cold *c = gen_cold_new(j, COLD_NEXT);
    int32_t mask = ((1 << j->c.jump_bits) - 1) * JUMP_ENTRY;
    unsigned left = JUMP_ENTRY_BITS - j->c.guest->pc_shift;
    if (j->bmi2) {
        x_vex(a, 3, 3, 0, 0xf0, RCX, 0, loc_reg(RAX));
        x_u8(a, (32 - left) & 31);
    } else {
        x_op(a, X_LEA, RCX, loc_mem(RAX, 0));
        if (left) {
            x_shift_imm(a, SH_SHL, 0, RCX, left);
        }
    }
    x_alu_imm(a, ALU_AND, 0, loc_reg(RCX), mask);
    poll_exit(j, c);
    x_alu(a, ALU_CMP, X_W, RAX, loc_mem2(R15, RCX, j->c.jumps));
    c->fixups[0] = x_jcc_fwd(a, CC_NE);
    x_op(a, 0xff, 4, loc_mem2(R15, RCX, j->c.jumps + 8));
}

void gen_exit_lookup(Jit *j)
{
    gen_jmp_head(j, j->stub_next_mode);
}

/* ---- cold code ---- */

static void cold_exit(Jit *j, Cold *c)
{
    Asm *a = &j->a;
    for (int n = 0; n < 2; n++) {
        if (c->fixups[n]) {
            x_bind(a, c->fixups[n]);
        }
    }
    if (c->kind == COLD_NEXT) { /* rax: pc */
        x_op(a, X_MOV_STORE | X_W, RAX, env_loc(j, j->c.guest->pc_offset));
        gen_jmp_head(j, j->stub_next);
        return;
    }
    gen_call_head(j, j->stub_chain);
    j->exits[c->exit].stub = x_pos(a);
}

void gen_cold(Jit *j)
{
    for (unsigned n = 0; n < j->cold_count; n++) {
        Cold *c = &j->cold[n];
        if (c->kind <= COLD_ATOMIC) {
            gen_cold_access(j, c);
        } else if (c->kind <= COLD_STORE_VECTOR) {
            gen_cold_vector(j, c);
        } else if (c->kind == COLD_X87) {
            gen_cold_x87(j, c);
        } else {
            cold_exit(j, c);
        }
    }
}
