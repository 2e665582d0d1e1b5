/* SPDX-License-Identifier: GPL-2.0-or-later */
/* x87 instructions of a guest that has the same ones as the host: see IRH_X87_REGISTER and its kin, and IrX87.
 *
 *      cmp  dword [here], 0
 *      je   cold                  the guest's x87 is in the CPU struct
 *      (check of the TLB)         of operands in memory; a miss goes to the cold part, too
 *      the instruction
 *
 * The cold part asks IrX87.take() for the x87, once, and comes back if it is there now; else, and on a miss, it calls
 * IrX87.away() and the helper, which knows every case.  Exceptions are all masked while the x87 is in the host's, so no
 * instruction traps; only an operand in memory faults, and then nothing has happened yet. */
#include "tcg/x86_64/gen.h"

enum { FNSTSW_AX = 0xe0df, FLDCW = 5, FCMOVNE = 0xdb, CONTROL_MASKS = 0x3f };
enum { LAHF = 0x9f, CF_PF_ZF = 0x45 };

static unsigned kind_of(const IrHelper *h)
{
    return h->flags & IRH_X87;
}

bool x87_has_form(const Jit *j, const IrHelper *h)
{
    return kind_of(h) && j->c.guest->x87.here;
}

/* ---- the instruction ---- */

/* Which argument has it. */
static unsigned insn_argument(const IrHelper *h)
{
    bool first = kind_of(h) == IRH_X87_FLAGS || kind_of(h) == IRH_X87_MOVE;
    return first ? 0 : h->nargs - 1;
}

static unsigned instruction(Jit *j, const IrHelper *h, const IrInsn *args)
{
    return (uint32_t)gen_const(j, args[insn_argument(h)].a) >> IRH_X87_INSN;
}

/* Of an operand in memory (SDM volume 2, table A-7 on): by the low bits of the first byte, and ModRM's reg. */
static unsigned operand_bytes(unsigned insn)
{
    static const uint8_t bytes[8][8] = {
        { 4, 4, 4, 4, 4, 4, 4, 4 }, { 4, 0, 4, 4 }, { 4, 4, 4, 4, 4, 4, 4, 4 }, { 4, 4, 4, 4, 0, 10, 0, 10 },
        { 8, 8, 8, 8, 8, 8, 8, 8 }, { 8, 8, 8, 8 }, { 2, 2, 2, 2, 2, 2, 2, 2 }, { 2, 2, 2, 2, 10, 8, 10, 8 },
    };
    unsigned n = bytes[insn >> 8][insn >> 3 & 7];
    g_assert(n);
    return n;
}

static void emit_register_form(Asm *a, unsigned insn)
{
    x_u8(a, 0xd8 | insn >> 8);
    x_u8(a, insn);
}

static void emit_memory_form(Asm *a, unsigned insn, Loc at)
{
    x_op(a, 0xd8 | insn >> 8, insn >> 3 & 7, at);
}

/* ---- the fast path ---- */

static uint32_t check_here(Jit *j, unsigned cc)
{
    x_alu_imm(&j->a, ALU_CMP, 0, env_loc(j, j->c.guest->x87.here), 0);
    return x_jcc_fwd(&j->a, cc);
}

/* An operand in memory; the address is in c->addr. */
static void emit_access(Jit *j, Cold *c, unsigned insn, bool write)
{
    int addr = c->addr;
    c->fixups[1] = gen_tlb_check(j, addr, operand_bytes(insn), false, write ? j->c.tlb_wr : j->c.tlb_rd);
    emit_memory_form(&j->a, insn, loc_mem2(RCX, addr, 0));
}

static void emit_flags(Jit *j, unsigned insn)
{
    Asm *a = &j->a;
    emit_register_form(a, insn);
    x_u8(a, LAHF);
    x_shift_imm(a, SH_SHR, 0, RAX, 8);
    x_alu_imm(a, ALU_AND, 0, loc_reg(RAX), CF_PF_ZF);
}

/* FCMOVcc, whatever its condition: that is known. */
static void emit_move(Jit *j, Loc whether, unsigned insn)
{
    Asm *a = &j->a;
    gen_load_loc(a, RAX, whether);
    x_op(a, X_TEST, RAX, loc_reg(RAX));
    x_u8(a, FCMOVNE);
    x_u8(a, 0xc8 | (insn & 7));
}

static void emit_status(Jit *j)
{
    x_u8(&j->a, FNSTSW_AX & 0xff);
    x_u8(&j->a, FNSTSW_AX >> 8);
    x_op(&j->a, X_MOVZX16, RAX, loc_reg(RAX));
}

/* One that unmasks exceptions is the helper's. */
static void emit_control(Jit *j, Cold *c)
{
    Asm *a = &j->a;
    Loc word = env_loc(j, j->c.guest->x87.control);
    gen_load_loc(a, RAX, c->value);
    x_op(a, X_MOV_LOAD, RCX, loc_reg(RAX));
    x_alu_imm(a, ALU_AND, 0, loc_reg(RCX), CONTROL_MASKS);
    x_alu_imm(a, ALU_CMP, 0, loc_reg(RCX), CONTROL_MASKS);
    c->fixups[1] = x_jcc_fwd(a, CC_NE);
    x_op(a, X_MOV_STORE | X_66, RAX, word);
    x_op(a, 0xd9, FLDCW, word);
}

static void emit_instruction(Jit *j, Cold *c, const IrHelper *h, const IrInsn *args)
{
    switch (kind_of(h)) {
    case IRH_X87_REGISTER: emit_register_form(&j->a, instruction(j, h, args)); break;
    case IRH_X87_READ: emit_access(j, c, instruction(j, h, args), false); break;
    case IRH_X87_WRITE: emit_access(j, c, instruction(j, h, args), true); break;
    case IRH_X87_FLAGS: emit_flags(j, instruction(j, h, args)); break;
    case IRH_X87_MOVE: emit_move(j, c->value, instruction(j, h, args)); break;
    case IRH_X87_STATUS: emit_status(j); break;
    case IRH_X87_CONTROL: emit_control(j, c); break;
    default: break; /* IRH_X87_AWAY */
    }
}

static bool has_address(const IrHelper *h)
{
    return kind_of(h) == IRH_X87_READ || kind_of(h) == IRH_X87_WRITE;
}

/* The arguments where the cold part finds them: an address in a register; one that is no constant in Cold.value. */
static void place_arguments(Jit *j, Cold *c, const IrHelper *h, const IrInsn *args)
{
    if (has_address(h)) {
        c->addr = gen_address(j, args[0].a, 0);
    }
    for (unsigned n = has_address(h); n < h->nargs; n++) {
        if (n != insn_argument(h) || kind_of(h) == IRH_X87_CONTROL) {
            c->value = gen_waiting(j, args[n].a);
        }
    }
}

void x87_call(Jit *j, const IrInsn *i)
{
    const IrHelper *h = j->ir->helpers[i->aux];
    const IrInsn *args = i - h->nargs;
    Cold c = { .addr = NO_REG };
    place_arguments(j, &c, h, args);
    reg_flush_live(j);
    reg_release_all(j);
    c.fixups[0] = check_here(j, kind_of(h) == IRH_X87_AWAY ? CC_NE : CC_E);
    c.retry = x_pos(&j->a);
    emit_instruction(j, &c, h, args);
    c.kind = COLD_X87;
    c.pc = j->pc;
    c.resume = x_pos(&j->a);
    c.call = j->at;
    *gen_cold_new(j, COLD_X87) = c;
    if (h->ret != IR_VOID && i->dst != IR_NONE) {
        reg_bind(j, i->dst, RAX);
    }
    for (unsigned k = 0; k < h->nargs; k++) {
        reg_free_slot(j, args[k].a);
    }
}

/* ---- the cold part ---- */

static void load_argument(Jit *j, int reg, const Cold *c, const IrHelper *h, unsigned n)
{
    const IrInsn *args = &j->ir->ops[c->call - h->nargs];
    if (has_address(h) && n == 0) {
        x_mov(&j->a, reg, c->addr);
    } else if (ir_is_const(args[n].a)) {
        x_mov_imm(&j->a, reg, ir_const_value(j->ir, args[n].a), false);
    } else {
        gen_load_loc(&j->a, reg, c->value);
    }
}

void gen_cold_x87(Jit *j, const Cold *c)
{
    Asm *a = &j->a;
    const IrHelper *h = j->ir->helpers[j->ir->ops[c->call].aux];
    x_bind(a, c->fixups[0]);
    if (kind_of(h) != IRH_X87_AWAY) {
        gen_call_head(j, j->stub_x87_take);
        x_bind_to(a, x_jcc_fwd(a, CC_NE), c->retry);
    }
    if (c->fixups[1]) {
        x_bind(a, c->fixups[1]);
    }
    for (unsigned n = 0; n < h->nargs; n++) { /* the address may be in rdx */
        load_argument(j, n ? RDX : RAX, c, h, n);
    }
    gen_load_helper(j, RCX, h->fn);
    gen_call_head(j, h->flags & IRH_NO_VECTORS ? j->stub_x87_call : j->stub_x87_call_any);
    gen_note_pc(j, c->pc);
    if (h->ret == IR_I32) {
        x_op(a, X_MOV_LOAD, RAX, loc_reg(RAX));
    }
    x_jmp(a, a->rx + c->resume);
}

/* ---- stubs ---- */

static bool saves_vectors(const Jit *j, bool quick)
{
    return !quick || LYREBIRD_CHECKS;
}

/* Called with rdx in use: IrX87.take(); the flags are those of whether it is here (not zero) now. */
static void make_take(Jit *j)
{
    Asm *a = &j->a;
    const IrX87 *x87 = &j->c.guest->x87;
    j->stub_x87_take = stubs_here(j);
    j->saved = 0;
    reg_save_pinned(j, a, false);
    if (saves_vectors(j, true)) {
        vector_save_all(j, 8);
    }
    x_alu_imm(a, ALU_SUB, X_W, loc_reg(RSP), 8);
    x_op(a, X_MOV_STORE | X_W, RDX, loc_mem(RSP, 0));
    x_op(a, X_LEA | X_W, RDI, loc_mem(RBP, -j->bias));
    gen_call_helper(j, (void (*)(void))x87->take);
    x_op(a, X_MOV_LOAD | X_W, RDX, loc_mem(RSP, 0));
    x_alu_imm(a, ALU_ADD, X_W, loc_reg(RSP), 8);
    if (saves_vectors(j, true)) {
        vector_load_all(j, 8);
    }
    reg_load_pinned(j, a, false);
    x_alu_imm(a, ALU_CMP, 0, env_loc(j, x87->here), 0);
    x_u8(a, 0xc3);
}

/* IrX87.away(), and the function in rcx with what is in rax and rdx behind the CPU pointer. */
static void make_call(Jit *j, const uint8_t **stub, bool quick)
{
    enum { ROOM = 24 };
    Asm *a = &j->a;
    *stub = stubs_here(j);
    j->saved = 0;
    reg_save_pinned(j, a, true);
    if (saves_vectors(j, quick)) {
        vector_save_all(j, 8);
    }
    x_alu_imm(a, ALU_SUB, X_W, loc_reg(RSP), ROOM);
    x_op(a, X_MOV_STORE | X_W, RAX, loc_mem(RSP, 0));
    x_op(a, X_MOV_STORE | X_W, RDX, loc_mem(RSP, 8));
    x_op(a, X_MOV_STORE | X_W, RCX, loc_mem(RSP, 16));
    x_op(a, X_LEA | X_W, RDI, loc_mem(RBP, -j->bias));
    gen_call_helper(j, (void (*)(void))j->c.guest->x87.away);
    x_op(a, X_LEA | X_W, RDI, loc_mem(RBP, -j->bias));
    x_op(a, X_MOV_LOAD | X_W, RSI, loc_mem(RSP, 0));
    x_op(a, X_MOV_LOAD | X_W, RDX, loc_mem(RSP, 8));
    x_op(a, 0xff, 2, loc_mem(RSP, 16));
    x_alu_imm(a, ALU_ADD, X_W, loc_reg(RSP), ROOM);
    if (saves_vectors(j, quick)) {
        vector_load_all(j, 8);
    }
    reg_load_pinned(j, a, false);
    x_u8(a, 0xc3);
}

void x87_make_stubs(Jit *j)
{
    if (j->c.guest->x87.here) {
        make_take(j);
        make_call(j, &j->stub_x87_call, true);
        make_call(j, &j->stub_x87_call_any, false);
    }
}
