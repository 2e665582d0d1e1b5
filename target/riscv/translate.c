/* SPDX-License-Identifier: GPL-2.0-or-later */
/* RISC-V to IR: extended blocks.
 *
 * A block is one entry and a straight line of instructions of one guest page.  It goes on
 * through conditional branches (the taken side leaves, behind the block, or comes back
 * to where the line goes on) and through forward jumps and calls in the page; a branch to the
 * block's own start becomes a loop edge; a backward branch elsewhere, an indirect jump, the
 * end of the page and what may change the mode end it, and so does the end of the stretch in
 * which fetches are allowed as at its start (TranslateCtx.page_bytes).  One instruction may reach into the next page
 * or stretch if it is the block's only one: its second half is fetched (and faults) on its own.
 *
 * Constants that lui, auipc and addi leave in registers are followed through the block, so
 * that auipc+jalr becomes a direct jump.
 *
 * Spec: The RISC-V Instruction Set Manual, volume I. */
#include "target/riscv/translate.h"

#include <string.h>

enum { PAGE_BYTES = 4096 };

static const IrGlobal globals[RISCV_GLOBALS] = {
    { "zero", offsetof(RiscvCPU, s.x[0]) },  { "ra", offsetof(RiscvCPU, s.x[1]) },
    { "sp", offsetof(RiscvCPU, s.x[2]) },    { "gp", offsetof(RiscvCPU, s.x[3]) },
    { "tp", offsetof(RiscvCPU, s.x[4]) },    { "t0", offsetof(RiscvCPU, s.x[5]) },
    { "t1", offsetof(RiscvCPU, s.x[6]) },    { "t2", offsetof(RiscvCPU, s.x[7]) },
    { "s0", offsetof(RiscvCPU, s.x[8]) },    { "s1", offsetof(RiscvCPU, s.x[9]) },
    { "a0", offsetof(RiscvCPU, s.x[10]) },   { "a1", offsetof(RiscvCPU, s.x[11]) },
    { "a2", offsetof(RiscvCPU, s.x[12]) },   { "a3", offsetof(RiscvCPU, s.x[13]) },
    { "a4", offsetof(RiscvCPU, s.x[14]) },   { "a5", offsetof(RiscvCPU, s.x[15]) },
    { "a6", offsetof(RiscvCPU, s.x[16]) },   { "a7", offsetof(RiscvCPU, s.x[17]) },
    { "s2", offsetof(RiscvCPU, s.x[18]) },   { "s3", offsetof(RiscvCPU, s.x[19]) },
    { "s4", offsetof(RiscvCPU, s.x[20]) },   { "s5", offsetof(RiscvCPU, s.x[21]) },
    { "s6", offsetof(RiscvCPU, s.x[22]) },   { "s7", offsetof(RiscvCPU, s.x[23]) },
    { "s8", offsetof(RiscvCPU, s.x[24]) },   { "s9", offsetof(RiscvCPU, s.x[25]) },
    { "s10", offsetof(RiscvCPU, s.x[26]) },  { "s11", offsetof(RiscvCPU, s.x[27]) },
    { "t3", offsetof(RiscvCPU, s.x[28]) },   { "t4", offsetof(RiscvCPU, s.x[29]) },
    { "t5", offsetof(RiscvCPU, s.x[30]) },   { "t6", offsetof(RiscvCPU, s.x[31]) },
    { "ft0", offsetof(RiscvCPU, s.f[0]) },   { "ft1", offsetof(RiscvCPU, s.f[1]) },
    { "ft2", offsetof(RiscvCPU, s.f[2]) },   { "ft3", offsetof(RiscvCPU, s.f[3]) },
    { "ft4", offsetof(RiscvCPU, s.f[4]) },   { "ft5", offsetof(RiscvCPU, s.f[5]) },
    { "ft6", offsetof(RiscvCPU, s.f[6]) },   { "ft7", offsetof(RiscvCPU, s.f[7]) },
    { "fs0", offsetof(RiscvCPU, s.f[8]) },   { "fs1", offsetof(RiscvCPU, s.f[9]) },
    { "fa0", offsetof(RiscvCPU, s.f[10]) },  { "fa1", offsetof(RiscvCPU, s.f[11]) },
    { "fa2", offsetof(RiscvCPU, s.f[12]) },  { "fa3", offsetof(RiscvCPU, s.f[13]) },
    { "fa4", offsetof(RiscvCPU, s.f[14]) },  { "fa5", offsetof(RiscvCPU, s.f[15]) },
    { "fa6", offsetof(RiscvCPU, s.f[16]) },  { "fa7", offsetof(RiscvCPU, s.f[17]) },
    { "fs2", offsetof(RiscvCPU, s.f[18]) },  { "fs3", offsetof(RiscvCPU, s.f[19]) },
    { "fs4", offsetof(RiscvCPU, s.f[20]) },  { "fs5", offsetof(RiscvCPU, s.f[21]) },
    { "fs6", offsetof(RiscvCPU, s.f[22]) },  { "fs7", offsetof(RiscvCPU, s.f[23]) },
    { "fs8", offsetof(RiscvCPU, s.f[24]) },  { "fs9", offsetof(RiscvCPU, s.f[25]) },
    { "fs10", offsetof(RiscvCPU, s.f[26]) }, { "fs11", offsetof(RiscvCPU, s.f[27]) },
    { "ft8", offsetof(RiscvCPU, s.f[28]) },  { "ft9", offsetof(RiscvCPU, s.f[29]) },
    { "ft10", offsetof(RiscvCPU, s.f[30]) }, { "ft11", offsetof(RiscvCPU, s.f[31]) },
    { "pc", offsetof(RiscvCPU, s.pc) },
};

/* a0-a5, sp, ra, s0, s1: most used in compiled code, by dynamic count */
static const uint16_t pinned[] = { 15, 14, 10, 2, 13, 8, 11, 12, 9, 1 };

const IrGuest riscv_ir_guest = {
    .name = "riscv",
    .globals = globals,
    .global_count = RISCV_GLOBALS,
    .pinned = pinned,
    .pinned_count = G_N_ELEMENTS(pinned),
    .pc_offset = offsetof(RiscvCPU, s.pc),
    .pc_shift = 1,
    .insn_bytes = 4,
};

/* ---- registers ----------------------------------------------------------- */

void riscv_tr_set_const(Translator *t, unsigned reg, int64_t value)
{
    if (reg == 0) {
        return;
    }
    if (t->rv32) {
        value = (int32_t)value;
    }
    ir_mov(t->ir, riscv_tr_dst(t, reg), ir_const(t->ir, value));
    t->known |= 1u << reg;
    t->value[reg] = value;
}

void riscv_tr_set_pc(Translator *t, unsigned reg, uint64_t pc)
{
    if (reg == 0 || t->rv32) {
        riscv_tr_set_const(t, reg, pc);
        return;
    }
    ir_mov(t->ir, riscv_tr_dst(t, reg), ir_const_pc(t->ir, pc));
    t->known |= 1u << reg;
    t->known_pc |= 1u << reg;
    t->value[reg] = pc;
}

void riscv_tr_set_sum(Translator *t, unsigned reg, unsigned from, int64_t value)
{
    if (t->known_pc >> from & 1) {
        riscv_tr_set_pc(t, reg, value);
    } else {
        riscv_tr_set_const(t, reg, value);
    }
}

void riscv_tr_set_known(Translator *t, unsigned reg, unsigned from, int64_t value)
{
    t->ir->movable = t->ir->movable && !(t->known_pc >> from & 1);
    riscv_tr_set_const(t, reg, value);
}

void riscv_tr_set_xlen(Translator *t, unsigned reg, IrRef value)
{
    if (reg) {
        ir_op1(t->ir, t->rv32 ? IR_EXT_S32 : IR_MOV, IR_I64, riscv_tr_dst(t, reg), value);
    }
}

IrRef riscv_tr_address(Translator *t, unsigned reg, int32_t imm, int32_t *disp)
{
    IrRef base = riscv_tr_get(t, reg);

    *disp = imm;
    if (!t->rv32) {
        return base;
    }
    *disp = 0;
    base = ir_op2(t->ir, IR_ADD, IR_I64, IR_NONE, base, ir_const(t->ir, imm));
    return ir_op1(t->ir, IR_EXT_U32, IR_I64, IR_NONE, base);
}

/* ---- leaving ------------------------------------------------------------- */

static ColdPath *cold_new(Translator *t, ColdKind kind)
{
    ColdPath *c = &t->cold[t->cold_count++];

    g_assert(t->cold_count <= G_N_ELEMENTS(t->cold));
    c->kind = kind;
    c->label = ir_label_new(t->ir);
    c->pc = t->pc;
    return c;
}

unsigned riscv_tr_cold_exit(Translator *t, uint64_t target)
{
    ColdPath *c = cold_new(t, COLD_EXIT);

    c->pc = target;
    c->fp_ready = t->fp_ready;
    c->frm_ready = t->frm_ready;
    return c->label;
}

unsigned riscv_tr_cold_raise(Translator *t, uint32_t cause, uint64_t tval)
{
    ColdPath *c = cold_new(t, COLD_RAISE);

    c->cause = cause;
    c->tval = tval;
    return c->label;
}

unsigned riscv_tr_cold_rest(Translator *t, const RiscvArgs *a,
                            void (*rest)(Translator *t, const RiscvArgs *a))
{
    ColdPath *c = cold_new(t, COLD_REST);

    c->args = *a;
    c->rest = rest;
    c->next = t->next;
    return c->label;
}

/* At the instruction at pc. */
static void emit_raise(Translator *t, uint64_t pc, uint32_t cause, IrRef tval)
{
    IrRef args[2] = { ir_const(t->ir, cause), tval };

    ir_mov(t->ir, ir_global(RISCV_G_PC), ir_const_pc(t->ir, pc));
    ir_call(t->ir, &riscv_helper_raise, IR_NONE, 2, args);
    ir_exit_lookup(t->ir);
}

void riscv_tr_raise(Translator *t, uint32_t cause, uint64_t tval)
{
    emit_raise(t, t->pc, cause, ir_const(t->ir, tval));
    t->done = true;
}

void riscv_tr_end_lookup(Translator *t)
{
    ir_mov(t->ir, ir_global(RISCV_G_PC), ir_const_pc(t->ir, t->next));
    ir_exit_lookup(t->ir);
    t->done = true;
}

/* A turn of a loop that is this block, loads, orders its loads and writes nothing but registers: it waits for another
 * hart.  Firmware's locks (OpenSBI's) do so without a pause. */
void riscv_tr_turn(Translator *t)
{
    bool ordered = false;
    for (unsigned n = 0; n < t->ir->count; n++) {
        IrOp op = t->ir->ops[n].op;
        if (op == IR_ST || op == IR_RMW || op == IR_CAS || op == IR_STENV || op == IR_CALL) {
            return;
        }
        ordered |= op == IR_FENCE;
    }
    if (ordered) {
        ir_call(t->ir, &riscv_helper_pause, IR_NONE, 0, NULL);
    }
}

void riscv_tr_goto(Translator *t, uint64_t target)
{
    bool same_page = (target ^ t->ctx->pc) / PAGE_BYTES == 0;

    if (target == t->ctx->pc && t->loops) {
        riscv_tr_turn(t);
        ir_br(t->ir, 0);
        t->done = true;
    } else if (same_page && target >= t->next) {
        t->next = target;
    } else {
        ir_exit_pc(t->ir, target);
        t->done = true;
    }
}

static void emit_cold(Translator *t, const ColdPath *c)
{
    if (c->kind == COLD_BOUND) {
        return;
    }
    ir_label(t->ir, c->label);
    if (c->kind == COLD_EXIT) {
        ir_exit_pc(t->ir, c->pc);
        return;
    }
    if (c->kind == COLD_REST) {
        ir_insn(t->ir, c->pc);
        t->ir->guest_insns--; /* the same one, going on here */
        c->rest(t, &c->args);
        ir_exit_pc(t->ir, c->next);
        return;
    }
    IrRef tval;
    if (c->kind == COLD_JALR_MISALIGNED) { /* the register still has its value */
        tval = ir_op2(t->ir, IR_ADD, IR_I64, IR_NONE, riscv_tr_get(t, c->args.rs1),
                      ir_const(t->ir, c->args.imm));
        tval = ir_op2(t->ir, IR_AND, IR_I64, IR_NONE, tval,
                      ir_const(t->ir, t->rv32 ? (int64_t)UINT32_MAX - 1 : -2));
    } else {
        tval = ir_const(t->ir, c->tval);
    }
    emit_raise(t, c->pc, c->cause, tval);
}

/* ---- the loop ------------------------------------------------------------ */

static bool fetch16(Translator *t, uint64_t vaddr, uint16_t *out)
{
    const TranslateCtx *ctx = t->ctx;
    uint64_t offset = vaddr - ctx->page_start;

    if (ctx->page && offset < ctx->page_bytes) {
        memcpy(out, ctx->page + offset, 2);
        *out = GUINT16_FROM_LE(*out);
        return true;
    }
    uint8_t bytes[2];
    bool ok = translate_fetch(t->ctx, vaddr, bytes, 2) == 2;
    *out = ok ? bytes[0] | bytes[1] << 8 : 0;
    return ok;
}

/* May be fetched as the block's first instruction was. */
static bool in_reach(const Translator *t, uint64_t vaddr)
{
    return vaddr - t->ctx->page_start < t->ctx->page_bytes;
}

/* The instruction at t->pc.  false: the block ended (or got its exit) before it. */
static bool fetch_insn(Translator *t, bool first, uint32_t *insn)
{
    uint64_t mask = t->rv32 ? UINT32_MAX : UINT64_MAX;
    uint64_t fault = t->pc;
    uint16_t low, high = 0;

    bool ok = (first || in_reach(t, t->pc)) && fetch16(t, t->pc, &low);
    unsigned length = ok ? riscv_insn_length(low) : 0;
    if (length == 4) {
        fault = (t->pc + 2) & mask;
        ok = (first || in_reach(t, fault)) && fetch16(t, fault, &high);
    }
    if (ok) {
        *insn = low | (uint32_t)high << 16;
        t->next = (t->pc + length) & mask;
        return true;
    }
    if (first) {
        ir_insn(t->ir, t->pc);
        translate_fetch_fault(t->ctx, fault);
        t->end = t->pc + 2;
    } else {
        ir_exit_pc(t->ir, t->pc);
    }
    t->done = true;
    return false;
}

static void translate_insn(Translator *t, uint32_t insn)
{
    unsigned index = riscv_decode(insn, t->rv32 ? 32 : 64);
    const RiscvRow *row = &riscv_rows[index];
    RiscvArgs a;

    if (index == 0 || !riscv_row_enabled(row, t->cpu->ext)) {
        riscv_tr_raise(t, EXC_ILLEGAL, insn);
        return;
    }
    riscv_extract(index, insn, &a);
    row->translate(t, &a, row->arg);
}

/* Branches of this block that skipped forward to here stay in it.  What holds from here on is
 * what holds on every way: the skipped instructions may have made checks, or made them void. */
static void bind_branches(Translator *t)
{
    for (unsigned i = 0; i < t->cold_count; i++) {
        ColdPath *c = &t->cold[i];
        if (c->kind == COLD_EXIT && c->pc == t->pc) {
            ir_label(t->ir, c->label);
            c->kind = COLD_BOUND;
            t->known = t->known_pc = 0;
            t->fp_ready = MIN(t->fp_ready, c->fp_ready);
            t->frm_ready = t->frm_ready && c->frm_ready;
        }
    }
}

void riscv_translate(TranslateCtx *ctx)
{
    Translator t;
    unsigned max = MIN(ctx->max_insns, RISCV_MAX_BLOCK);
    uint32_t insn;

    memset(&t, 0, offsetof(Translator, value));
    t.cold_count = 0;
    t.ctx = ctx;
    t.ir = ctx->ir;
    t.cpu = riscv_cpu(ctx->cpu);
    t.pc = t.end = ctx->pc;
    t.priv = ctx->key.mode & RISCV_MODE_PRIV;
    t.rv32 = ctx->key.mode & RISCV_MODE_RV32;
    t.loops = max > 1;
    t.ir->movable = !t.rv32; /* whose addresses wrap around at 4 GiB */
    if (t.loops) {
        ir_label_start(t.ir);
    }
    for (unsigned n = 0; !t.done; n++) {
        if (n && (n >= max || ir_block_full(t.ir) || (t.pc ^ ctx->pc) / PAGE_BYTES != 0)) {
            ir_exit_pc(t.ir, t.pc);
            break;
        }
        bind_branches(&t);
        if (!fetch_insn(&t, n == 0, &insn)) {
            break;
        }
        ir_insn(t.ir, t.pc);
        translate_breakpoint(ctx, t.pc);
        t.end = MAX(t.end, t.pc + riscv_insn_length(insn));
        translate_insn(&t, insn);
        t.pc = t.next;
    }
    for (unsigned i = 0; i < t.cold_count; i++) {
        emit_cold(&t, &t.cold[i]);
    }
    ctx->size = t.end - ctx->pc;
}
