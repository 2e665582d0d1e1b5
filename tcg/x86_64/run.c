/* SPDX-License-Identifier: GPL-2.0-or-later */
/* IR_COPY and IR_FILL: runs of elements in the host's memory, where the TLB has all of them.
 *
 *      edx = count; decline if more than a page has, or if somebody wants the vCPU
 *      check of the destination, for writing, and of the source, for reading: as in mem.c, but the last byte is the run's
 *      few elements: one after the other; more: the host's own string instruction
 *
 * rsi and rdi are the host's for a while: the guest's registers that they hold wait in the frame.  The direction flag is
 * clear in translated code.  Few (measured on Zen 3, ns, 1 to 8 elements and 8 to 39): a loop of 8-byte moves 1.4 and 5.5, rep movsq 5.3 and 8;
 * of bytes 1.5 and 6.5, rep movsb 3.4 and 3.6; stores of 8 bytes 1.2 and 15, rep stosq 4.5 and 12.
 *
 * Requirements: as in mem.c; what is declined has changed nothing. */
#include "tcg/x86_64/gen.h"

enum { FEW = 8, DECLINES = 4 };

typedef struct Run {
    MemOp size;
    Loc to, count, from; /* of IR_FILL `from` is the value; where they wait */
    int32_t disp;        /* the first element lies that much behind `to` */
    uint32_t decline[DECLINES];
    unsigned declines;
} Run;

static void decline_if(Jit *j, Run *r, unsigned cc)
{
    g_assert(r->declines < DECLINES);
    r->decline[r->declines++] = x_jcc_fwd(&j->a, cc);
}

static Loc element(const Run *r, int base, int index, int32_t disp)
{
    Loc l = loc_mem2(base, index, disp);
    l.scale = r->size & MEM_SIZE;
    return l;
}

static Run begin(Jit *j, const IrInsn *i)
{
    Run r = { .size = i->type, .disp = i->aux };
    r.to = gen_waiting(j, i->a);
    r.from = gen_waiting(j, i->b);
    r.count = gen_waiting(j, i[1].a);
    reg_flush(j);
    gen_load_loc(&j->a, RDX, r.count);
    x_alu_imm(&j->a, ALU_CMP, X_W, loc_reg(RDX), 1 << (j->c.page_bits - r.size));
    decline_if(j, &r, CC_A);
    x_alu_imm(&j->a, ALU_CMP, 0, env_loc(j, j->c.run.exit_request), 0);
    decline_if(j, &r, CC_NE);
    return r;
}

/* rcx = where a run that begins at `at` lies in the host; edx: elements; changes rax. */
static void check(Jit *j, Run *r, Loc at, int32_t disp, int32_t tag)
{
    Asm *a = &j->a;
    gen_load_loc(a, RAX, at);
    if (disp) {
        x_alu_imm(a, ALU_ADD, X_W, loc_reg(RAX), disp);
    }
    gen_tlb_index(j, RAX);
    x_op(a, X_LEA | X_W, RAX, element(r, RAX, RDX, -1));
    x_alu_imm(a, ALU_AND, X_W, loc_reg(RAX), -(1 << j->c.page_bits));
    x_alu(a, ALU_CMP, X_W, RAX, loc_mem2(R15, RCX, tag));
    decline_if(j, r, CC_NE);
    x_op(a, X_MOV_LOAD | X_W, RCX, loc_mem2(R15, RCX, j->c.tlb_addend));
    if (at.kind == LOC_IMM) {
        gen_load_loc(a, RAX, at);
        at = loc_reg(RAX);
    }
    x_alu(a, ALU_ADD, X_W, RCX, at);
    if (disp) {
        x_alu_imm(a, ALU_ADD, X_W, loc_reg(RCX), disp);
    }
}

/* rax: 1, or 0 where it was declined. */
static void end(Jit *j, const IrInsn *i, Run *r)
{
    Asm *a = &j->a;
    x_mov_imm(a, RAX, 1, false);
    uint32_t done = x_jmp8(a);
    for (unsigned n = 0; n < r->declines; n++) {
        x_bind(a, r->decline[n]);
    }
    x_mov_imm(a, RAX, 0, false);
    x_bind8(a, done);
    reg_release_all(j);
    reg_claim(j, RAX);
    reg_bind(j, i->dst, RAX);
    reg_free_slot(j, i[1].a);
}

/* rep movs or stos, edx times. */
static void emit_rep(Asm *a, MemOp size, unsigned narrow)
{
    x_op(a, X_MOV_LOAD, RCX, loc_reg(RDX));
    if ((size & MEM_SIZE) == MEM_16) {
        x_u8(a, 0x66);
    }
    x_u8(a, 0xf3);
    if ((size & MEM_SIZE) == MEM_64) {
        x_u8(a, 0x48);
    }
    x_u8(a, (size & MEM_SIZE) == MEM_8 ? narrow : narrow | 1);
}

/* The places `to` and `from` (NO_REG: none) move to behind the last of edx elements, which becomes their negative; the jump is taken where
 * there is none. */
static uint32_t begin_few(Jit *j, const Run *r, int to, int from)
{
    Asm *a = &j->a;
    x_op(a, X_LEA | X_W, to, element(r, to, RDX, 0));
    if (from != NO_REG) {
        x_op(a, X_LEA | X_W, from, element(r, from, RDX, 0));
    }
    x_f7(a, F7_NEG, X_W, loc_reg(RDX));
    return x_jcc8(a, CC_E);
}

static void end_few(Jit *j, uint32_t top)
{
    x_alu_imm(&j->a, ALU_ADD, X_W, loc_reg(RDX), 1);
    x_bind8_to(&j->a, x_jcc8(&j->a, CC_NE), top);
}

static uint32_t if_more(Jit *j)
{
    x_alu_imm(&j->a, ALU_CMP, 0, loc_reg(RDX), FEW);
    return x_jcc8(&j->a, CC_A);
}

void gen_copy(Jit *j, const IrInsn *i)
{
    Asm *a = &j->a;
    Run r = begin(j, i);
    Loc keep_rsi = loc_mem(RSP, 0), keep_rdi = loc_mem(RSP, 8);
    check(j, &r, r.to, r.disp, j->c.tlb_wr);
    x_op(a, X_MOV_STORE | X_W, RCX, keep_rsi);
    check(j, &r, r.from, 0, j->c.tlb_rd);
    x_op(a, X_MOV_STORE | X_W, RDI, keep_rdi);
    x_op(a, X_MOV_LOAD | X_W, RDI, keep_rsi);
    x_op(a, X_MOV_STORE | X_W, RSI, keep_rsi);
    x_mov(a, RSI, RCX);
    uint32_t more = if_more(j), none = begin_few(j, &r, RDI, RSI), top = x_pos(a);
    gen_load_bytes(a, RAX, element(&r, RSI, RDX, 0), r.size);
    gen_store_bytes(a, RAX, element(&r, RDI, RDX, 0), r.size);
    end_few(j, top);
    uint32_t done = x_jmp8(a);
    x_bind8(a, more);
    emit_rep(a, r.size, 0xa4);
    x_bind8(a, none);
    x_bind8(a, done);
    x_op(a, X_MOV_LOAD | X_W, RSI, keep_rsi);
    x_op(a, X_MOV_LOAD | X_W, RDI, keep_rdi);
    end(j, i, &r);
}

void gen_fill(Jit *j, const IrInsn *i)
{
    Asm *a = &j->a;
    Run r = begin(j, i);
    Loc keep_rdi = loc_mem(RSP, 0);
    check(j, &r, r.to, r.disp, j->c.tlb_wr);
    gen_load_loc(a, RAX, r.from);
    uint32_t more = if_more(j), none = begin_few(j, &r, RCX, NO_REG), top = x_pos(a);
    gen_store_bytes(a, RAX, element(&r, RCX, RDX, 0), r.size);
    end_few(j, top);
    uint32_t done = x_jmp8(a);
    x_bind8(a, more);
    x_op(a, X_MOV_STORE | X_W, RDI, keep_rdi);
    x_mov(a, RDI, RCX);
    emit_rep(a, r.size, 0xaa);
    x_op(a, X_MOV_LOAD | X_W, RDI, keep_rdi);
    x_bind8(a, none);
    x_bind8(a, done);
    end(j, i, &r);
}
