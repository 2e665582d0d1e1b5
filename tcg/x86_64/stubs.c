/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Code at the head of the cache: the way in and out of translated code, slow paths of memory,
 * and the table of helper addresses.
 *
 * The frame that jit_enter makes is the same for all blocks, so the return address of whatever
 * a block calls always stands at the same place, FRAME bytes below: the accelerator reads it
 * there to find the guest pc.  Blocks jump to each other inside the frame. */
#include "tcg/x86_64/gen.h"

static const int8_t callee_saved[] = { RBX, RBP, R12, R13, R14, R15 };

static unsigned helper_slot(Jit *j, void (*fn)(void))
{
    unsigned h = ((uintptr_t)fn >> 4) * 2654435761u % MAX_HELPERS;
    while (j->helper_fn[h] && j->helper_fn[h] != fn) {
        h = (h + 1) % MAX_HELPERS;
    }
    if (!j->helper_fn[h]) {
        g_assert(j->helper_count++ < MAX_HELPERS / 2);
        j->helper_fn[h] = fn;
        uint64_t value = (uintptr_t)fn;
        memcpy(j->head_rw + j->table + h * 8, &value, 8);
    }
    return h;
}

/* [rip + disp32] of fn's place in the table, behind an opcode. */
static void helper_operand(Jit *j, unsigned reg, void (*fn)(void))
{
    Asm *a = &j->a;
    const uint8_t *at = j->head_rx + j->table + helper_slot(j, fn) * 8;
    x_u8(a, 0x05 | reg << 3);
    x_u32(a, at - (a->rx + x_pos(a) + 4));
    gen_note_move(j, JIT_MOVE_HEAD);
}

void gen_call_helper(Jit *j, void (*fn)(void))
{
    x_u8(&j->a, 0xff); /* call */
    helper_operand(j, 2, fn);
}

void gen_load_helper(Jit *j, int reg, void (*fn)(void))
{
    x_u8(&j->a, 0x48); /* mov; of the first eight registers */
    x_u8(&j->a, X_MOV_LOAD);
    helper_operand(j, reg, fn);
}

const uint8_t *stubs_here(Jit *j)
{
    x_nop(&j->a, -(uintptr_t)j->a.p & 7);
    return j->a.rx + x_pos(&j->a);
}

static void push(Asm *a, int r)
{
    if (r >= 8) {
        x_u8(a, 0x41);
    }
    x_u8(a, 0x50 | (r & 7));
}

static void pop(Asm *a, int r)
{
    if (r >= 8) {
        x_u8(a, 0x41);
    }
    x_u8(a, 0x58 | (r & 7));
}

/* enter(CPU *rdi, context rsi, code rdx, frame rcx) */
static void make_enter(Jit *j)
{
    Asm *a = &j->a;
    j->stub_enter = stubs_here(j);
    for (unsigned n = 0; n < G_N_ELEMENTS(callee_saved); n++) {
        push(a, callee_saved[n]);
    }
    x_alu_imm(a, ALU_SUB, X_W, loc_reg(RSP), FRAME);
    x_op(a, X_LEA | X_W, RAX, loc_mem(RSP, -8));
    x_op(a, X_MOV_STORE | X_W, RAX, loc_mem(RCX, 0));
    x_op(a, X_LEA | X_W, RBP, loc_mem(RDI, j->bias));
    x_mov(a, R15, RSI);
    x_mov(a, RAX, RDX);
    vector_load_all(j, 0);
    reg_load_pinned(j, a, true);
    x_op(a, 0xff, 4, loc_reg(RAX));
}

static void make_leave(Jit *j)
{
    Asm *a = &j->a;
    j->stub_leave = stubs_here(j);
    vector_leave(j);
    x_alu_imm(a, ALU_ADD, X_W, loc_reg(RSP), FRAME);
    for (unsigned n = G_N_ELEMENTS(callee_saved); n-- > 0;) {
        pop(a, callee_saved[n]);
    }
    x_u8(a, 0xc3);
}

static void save_all(Jit *j)
{
    j->saved = 0;
    reg_save_pinned(j, &j->a, true);
    vector_save_all(j, 0);
}

/* Ask C where to go on; all registers are in the CPU struct. */
static void finish_go(Jit *j, void (*fn)(void))
{
    Asm *a = &j->a;
    x_op(a, X_LEA | X_W, RDI, loc_mem(RBP, -j->bias));
    x_mov(a, RSI, RSP);
    gen_call_helper(j, fn);
    x_op(a, X_MOV_LOAD | X_W, R15, loc_mem(RSP, 0));
    vector_load_all(j, 0);
    reg_load_pinned(j, a, true);
    x_op(a, 0xff, 4, loc_reg(RAX));
}

static void make_go(Jit *j, const uint8_t **stub, void (*fn)(void))
{
    *stub = stubs_here(j);
    save_all(j);
    finish_go(j, fn);
}

/* Where the mode may have changed: vectors are stored only when C does not know where to go on at once. */
static void make_go_quick(Jit *j, const uint8_t **stub)
{
    Asm *a = &j->a;
    *stub = stubs_here(j);
    j->saved = 0;
    reg_save_pinned(j, a, true);
    x_op(a, X_LEA | X_W, RDI, loc_mem(RBP, -j->bias));
    gen_call_helper(j, (void (*)(void))j->c.next_quick);
    x_op(a, X_TEST | X_W, RAX, loc_reg(RAX));
    uint32_t unknown = x_jcc8(a, CC_E);
    x_mov(a, R15, RDX);
    reg_load_pinned(j, a, true);
    x_op(a, 0xff, 4, loc_reg(RAX));
    x_bind8(a, unknown);
    vector_save_all(j, 0);
    finish_go(j, (void (*)(void))j->c.next_mode);
}

/* The same of a stub that is called: C is told the return address. */
static void make_go_called(Jit *j, const uint8_t **stub, void (*fn)(void))
{
    *stub = stubs_here(j);
    pop(&j->a, RDX);
    save_all(j);
    finish_go(j, fn);
}

/* The same behind a helper, around which all has been saved. */
static void make_go_saved(Jit *j, const uint8_t **stub, void (*fn)(void))
{
    *stub = stubs_here(j);
    finish_go(j, fn);
}

/* The call of a stub for an access, whose arguments but the first are in place. */
static void finish_access(Jit *j, void (*fn)(void))
{
    Asm *a = &j->a;
    x_op(a, X_LEA | X_W, RDI, loc_mem(RBP, -j->bias));
    x_alu_imm(a, ALU_SUB, X_W, loc_reg(RSP), 8);
    gen_call_helper(j, fn);
    x_alu_imm(a, ALU_ADD, X_W, loc_reg(RSP), 8);
    vector_load_all(j, 8);
    reg_load_pinned(j, a, false);
    x_u8(a, 0xc3);
}

/* A memory access that missed: address in rax, value in rdx, MemOp in rcx. */
static void make_access(Jit *j, const uint8_t **stub, void (*fn)(void), bool store)
{
    Asm *a = &j->a;
    *stub = stubs_here(j);
    j->saved = 0;
    reg_save_pinned(j, a, true);
    vector_save_all(j, 8);
    x_mov(a, RSI, RAX);
    if (store) {
        x_op(a, 0x87 | X_W, RCX, loc_reg(RDX)); /* xchg */
    } else {
        x_mov(a, RDX, RCX);
    }
    finish_access(j, fn);
}

/* The same of a vector, in the frame's slot for it: address in rax, MemOp in rcx. */
static void make_vector_access(Jit *j, const uint8_t **stub, void (*fn)(void))
{
    Asm *a = &j->a;
    *stub = stubs_here(j);
    j->saved = 0;
    reg_save_pinned(j, a, true);
    vector_save_all(j, 8);
    x_mov(a, RSI, RAX);
    x_mov(a, RDX, RCX);
    x_op(a, X_LEA | X_W, RCX, loc_mem(RSP, VECTOR_SLOT + 8));
    finish_access(j, fn);
}

/* An atomic: address in rax, value in rdx, MemOp and IrOp << 8 in ecx, what is expected in the caller's [rsp]. */
static void make_atomic(Jit *j)
{
    Asm *a = &j->a;
    j->stub_atomic = stubs_here(j);
    j->saved = 0;
    reg_save_pinned(j, a, true);
    vector_save_all(j, 8);
    x_op(a, X_MOV_LOAD | X_W, R9, loc_mem(RSP, 8)); /* behind the return address */
    x_mov(a, R8, RDX);
    x_mov(a, RSI, RAX);
    x_op(a, X_MOVZX8, RDX, loc_reg(RCX));
    x_shift_imm(a, SH_SHR, 0, RCX, 8);
    finish_access(j, (void (*)(void))j->c.run.atomic);
}

/* Around calls: all vectors to the CPU struct, and back. */
static void make_vector_moves(Jit *j)
{
    j->stub_save_vectors = stubs_here(j);
    vector_save_all(j, 8);
    x_u8(&j->a, 0xc3);
    j->stub_load_vectors = stubs_here(j);
    vector_load_all(j, 8);
    x_u8(&j->a, 0xc3);
}

/* As C functions of a CPU *, with a frame of their own for MXCSR's way. */
static void make_vector_function(Jit *j, const uint8_t **stub, void (*move)(Jit *j, int32_t sp))
{
    Asm *a = &j->a;
    *stub = stubs_here(j);
    push(a, RBP);
    x_op(a, X_LEA | X_W, RBP, loc_mem(RDI, j->bias));
    x_alu_imm(a, ALU_SUB, X_W, loc_reg(RSP), FRAME);
    move(j, 0);
    x_alu_imm(a, ALU_ADD, X_W, loc_reg(RSP), FRAME);
    pop(a, RBP);
    x_u8(a, 0xc3);
}

JitVectorMoves stubs_vector_moves(Jit *j)
{
    typedef void Function(CPU * cpu);
    if (!j->vectors ||
        LYREBIRD_CHECKS) { /* then they are in the CPU struct while a helper runs: gen_call() */
        return (JitVectorMoves){ NULL, NULL };
    }
    return (JitVectorMoves){ (Function *)(uintptr_t)j->stub_vectors_away,
                             (Function *)(uintptr_t)j->stub_vectors_back };
}

void stubs_make(Jit *j)
{
    j->a = (Asm){ .p = j->head_rw, .start = j->head_rw, .rx = j->head_rx };
    j->table = JIT_HEAD - MAX_HELPERS * 8;
    make_enter(j);
    make_leave(j);
    make_go(j, &j->stub_next, (void (*)(void))j->c.next);
    /* What sanitizers call from C code knows nothing of vectors that stay in registers. */
    if (j->c.next_quick && j->vectors && !LYREBIRD_CHECKS) {
        make_go_quick(j, &j->stub_next_mode);
    } else {
        make_go(j, &j->stub_next_mode, (void (*)(void))j->c.next_mode);
    }
    make_go_saved(j, &j->stub_next_saved, (void (*)(void))j->c.next_mode);
    make_go_called(j, &j->stub_chain, (void (*)(void))j->c.chain);
    make_go_called(j, &j->stub_retired, (void (*)(void))j->c.retired);
    make_access(j, &j->stub_load, (void (*)(void))j->c.run.load, false);
    make_access(j, &j->stub_store, (void (*)(void))j->c.run.store, true);
    make_atomic(j);
    if (j->c.guest->vpinned_count) {
        make_vector_access(j, &j->stub_load_vector, (void (*)(void))j->c.run.load_vector);
        make_vector_access(j, &j->stub_store_vector, (void (*)(void))j->c.run.store_vector);
        make_vector_moves(j);
        make_vector_function(j, &j->stub_vectors_away, vector_save_all);
        make_vector_function(j, &j->stub_vectors_back, vector_load_all);
    }
    x87_make_stubs(j);
    g_assert(x_pos(&j->a) <= j->table);
}
