/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Vectors: the operations of tcg/vop.def as the host instructions that their rows name, loads, stores, and what C code
 * finds of them.
 *
 * The hottest vector globals are in ymm2 to ymm15, the same at every block boundary; ymm0 and ymm1 are for work, the
 * other globals in the CPU struct.  Instructions have VEX: those without it take 115 ns each on Zen 3 (and 70 cycles on
 * Intel's before Skylake) when an upper half is in use and one with VEX came before.  So bits 255..128 are kept by a blend; a
 * guest that knows them to be 0 (IrGuest.upper_offset) need not ask for it.
 *
 * C code may use all of ymm0 to ymm15, and expects MXCSR as the ABI has it: around it the globals are stored and loaded
 * again, and the host's MXCSR changes places with the guest's, whose exceptions are all masked while blocks run.
 *
 * Hosts without AVX, and rows that the host has no instruction for: a call of the row's reference. */
#include <cpuid.h>

#include "tcg/vector.h"
#include "tcg/x86_64/gen.h"

enum { WORK0, WORK1, FIRST_PIN, VECTOR_REGS = 16 };
enum { MXCSR_DEFAULT = 0x1f80, MXCSR_FLAGS = 0x3f, MXCSR_MASKS = 0x1f80 };
enum { MAP_0F = 1, MAP_0F3A = 3, PP_66 = 1, PP_F3 = 2, PP_F2 = 3 };

/* ---- the host ---- */

static void note_need(Jit *j, VopNeed need, bool narrow, bool wide)
{
    j->vector_needs |= (uint32_t)narrow << 2 * need | (uint32_t)wide << (2 * need + 1);
}

void vector_host_check(Jit *j)
{
    unsigned a, b, c, d, b7 = 0, c7 = 0, xcr0 = 0;
    const char *without = g_getenv("LYREBIRD_JIT_WITHOUT"); /* tests: "avx" */
    if (!__get_cpuid(1, &a, &b, &c, &d) || !(c >> 27 & 1) || !(c >> 28 & 1) ||
        (without && strstr(without, "avx"))) {
        return; /* neither OSXSAVE nor AVX */
    }
    __asm__("xgetbv" : "=a"(xcr0), "=d"(d) : "c"(0));
    if ((xcr0 & 6) != 6) {
        return;
    }
    unsigned c1 = c;
    __get_cpuid_count(7, 0, &a, &b7, &c7, &d);
    bool avx2 = b7 >> 5 & 1;
    note_need(j, VN_FLOAT, true, true);
    note_need(j, VN_INT, true, avx2);
    note_need(j, VN_AVX2, avx2, avx2);
    note_need(j, VN_FMA, c1 >> 12 & 1, c1 >> 12 & 1);
    note_need(j, VN_F16C, c1 >> 29 & 1, c1 >> 29 & 1);
    note_need(j, VN_AES, c1 >> 25 & 1, c7 >> 9 & 1);
    note_need(j, VN_PCLMUL, c1 >> 1 & 1, c7 >> 10 & 1);
    note_need(j, VN_SHA, b7 >> 29 & 1, false);
    note_need(j, VN_GFNI, c7 >> 8 & 1, c7 >> 8 & 1);
}

void vector_choose_pins(Jit *j)
{
    const IrGuest *g = j->c.guest;
    for (unsigned r = 0; r < VECTOR_REGS; r++) {
        j->pinned_vector[r] = -1;
    }
    j->vectors = j->vector_needs && g->vpinned_count;
    for (unsigned n = 0; j->vectors && n < g->vpinned_count && FIRST_PIN + n < VECTOR_REGS; n++) {
        j->pin[g->vpinned[n]] = FIRST_PIN + n;
        j->pinned_vector[FIRST_PIN + n] = g->vpinned[n];
    }
}

/* ---- around C code ---- */

static Loc csr_slot(int32_t sp)
{
    return loc_mem(RSP, CSR_SLOT + sp);
}

static void emit_move(Asm *a, bool store, unsigned bits, int reg, Loc mem) /* of 128 or 256 bits, anywhere */
{
    x_vex(a, MAP_0F, bits == 256 ? VEX_L : 0, 0, store ? 0x11 : 0x10, reg, 0, mem);
}

static void move_all(Jit *j, bool store)
{
    for (int r = FIRST_PIN; r < VECTOR_REGS; r++) {
        if (j->pinned_vector[r] >= 0) {
            emit_move(&j->a, store, 256, r, global_loc(j, j->pinned_vector[r]));
        }
    }
}

static void emit_csr(Asm *a, unsigned digit, Loc mem) /* 2: ldmxcsr, 3: stmxcsr */
{
    x_op(a, 0xae | X_0F, digit, mem);
}

static void load_default_csr(Jit *j, int32_t sp)
{
    x_op(&j->a, 0xc7, 0, csr_slot(sp));
    x_u32(&j->a, MXCSR_DEFAULT);
    emit_csr(&j->a, 2, csr_slot(sp));
}

static void emit_zeroupper(Asm *a)
{
    x_vex(a, MAP_0F, 0, 0, 0x77, 0, 0, loc_reg(0));
    a->p--; /* it has no ModRM */
}

/* Clobbers r11. sp: bytes on the stack above the frame. */
void vector_save_all(Jit *j, int32_t sp)
{
    if (!j->vectors) {
        return;
    }
    Asm *a = &j->a;
    move_all(j, true);
    emit_zeroupper(a);
    emit_csr(a, 3, csr_slot(sp));
    x_op(a, X_MOV_LOAD, R11, csr_slot(sp));
    x_alu_imm(a, ALU_AND, 0, loc_reg(R11), MXCSR_FLAGS);
    x_alu_to(a, ALU_OR, 0, env_loc(j, j->c.guest->mxcsr_offset), R11);
    load_default_csr(j, sp);
}

void vector_load_all(Jit *j, int32_t sp)
{
    if (!j->vectors) {
        return;
    }
    Asm *a = &j->a;
    x_op(a, X_MOV_LOAD, R11, env_loc(j, j->c.guest->mxcsr_offset));
    x_alu_imm(a, ALU_OR, 0, loc_reg(R11), MXCSR_MASKS);
    x_op(a, X_MOV_STORE, R11, csr_slot(sp));
    emit_csr(a, 2, csr_slot(sp));
    move_all(j, false);
    if (j->c.guest->upper_offset) { /* tell the processor, too, that the upper halves are not in use */
        x_op(a, 0x80, ALU_CMP, env_loc(j, j->c.guest->upper_offset));
        x_u8(a, 0);
        uint32_t in_use = x_jcc8(a, CC_NE);
        emit_zeroupper(a);
        x_bind8(a, in_use);
    }
}

/* Everything is in the CPU struct; the host's own state again. */
void vector_leave(Jit *j)
{
    if (j->vectors) {
        emit_zeroupper(&j->a);
        load_default_csr(j, 0);
    }
}

/* ---- operands ---- */

static bool is_narrow(Jit *j, IrRef r)
{
    return j->c.guest->globals[r & IR_INDEX_MASK].type == IR_V64;
}

static void emit_movq(Asm *a, bool store, int reg, Loc mem)
{
    x_vex(a, MAP_0F, store ? PP_66 : PP_F3, 0, store ? 0xd6 : 0x7e, reg, 0, mem);
}

/* In a register. */
static int use(Jit *j, IrRef r, int work, unsigned type)
{
    int p = reg_pinned(j, r);
    if (p != NO_REG) {
        return p;
    }
    if (is_narrow(j, r)) {
        emit_movq(&j->a, false, work, global_loc(j, r));
    } else {
        emit_move(&j->a, false, type == IR_V256 ? 256 : 128, work, global_loc(j, r));
    }
    return work;
}

/* In a register or in memory, as VEX instructions take it. */
static Loc use_loc(Jit *j, IrRef r, int work, unsigned type)
{
    int p = reg_pinned(j, r);
    if (p != NO_REG || is_narrow(j, r)) {
        return loc_reg(use(j, r, work, type));
    }
    return global_loc(j, r);
}

/* Where to compute dst. */
static int target(Jit *j, IrRef dst)
{
    int p = reg_pinned(j, dst);
    return p != NO_REG ? p : WORK0;
}

/* dst is now what reg has, of 256 bits if it keeps nothing. */
static void bind(Jit *j, IrRef dst, int reg, unsigned type, bool keep)
{
    Asm *a = &j->a;
    int p = reg_pinned(j, dst);
    if (p != NO_REG) {
        if (keep) { /* vblendps p, p, reg, 15 */
            x_vex(a, MAP_0F3A, PP_66 | VEX_L, 0, 0x0c, p, p, loc_reg(reg));
            x_u8(a, 0x0f);
        } else if (p != reg) {
            x_vex(a, MAP_0F, type == IR_V256 ? VEX_L : 0, 0, 0x28, p, 0, loc_reg(reg));
        }
    } else if (is_narrow(j, dst)) {
        emit_movq(a, true, reg, global_loc(j, dst));
    } else {
        emit_move(a, true, keep ? 128 : 256, reg, global_loc(j, dst));
    }
}

/* ---- operations ---- */

static void emit_vex(Jit *j, const VopInfo *v, unsigned type, int reg, int vvvv, Loc rm)
{
    x_vex(&j->a, v->map, v->pp | (type == IR_V256 ? VEX_L : 0), v->enc == VE_VMI ? 0 : v->w, v->opcode, reg,
          vvvv, rm);
}

static void emit_legacy(Jit *j, const VopInfo *v, int reg, Loc rm)
{
    x_sse(&j->a, v->map, v->pp, v->enc == VE_VMI ? 0 : v->w, v->opcode, reg, rm);
}

static void emit_imm(Jit *j, const VopInfo *v, uint32_t what)
{
    if (v->flags & VF_IMM) {
        x_u8(&j->a, vop_imm(what));
    }
}

/* The operand that may be memory, or an integer in a register of the host. */
static Loc last_operand(Jit *j, const VopInfo *v, IrRef r, int work, unsigned type)
{
    if (vop_takes_int(v)) {
        return loc_reg(reg_use(j, r));
    }
    return v->flags & VF_REG ? loc_reg(use(j, r, work, type)) : use_loc(j, r, work, type);
}

/* Without a VEX form: in a register for work. */
static void emit_legacy_only(Jit *j, const IrInsn *i, const VopInfo *v)
{
    int work = v->enc == VE_XMM0 ? WORK1 : WORK0;
    int b = use(j, i->b, work == WORK0 ? WORK1 : WORK0, IR_V128);
    emit_move(&j->a, false, 128, work, loc_reg(use(j, i->a, work, IR_V128)));
    if (v->enc == VE_XMM0) {
        emit_move(&j->a, false, 128, WORK0, loc_reg(use(j, i[1].a, WORK0, IR_V128)));
    }
    emit_legacy(j, v, work, loc_reg(b));
    emit_imm(j, v, i->aux);
    bind(j, i->dst, work, IR_V128, true);
}

static void emit_three(Jit *j, const IrInsn *i, const VopInfo *v, int d)
{
    if (v->enc == VE_IS4) {
        int a = use(j, i->a, WORK0, i->type), c = use(j, i[1].a, WORK1, i->type);
        emit_vex(j, v, i->type, d, a, use_loc(j, i->b, NO_REG, i->type));
        x_u8(&j->a, c << 4);
        return;
    }
    int a = use(j, i->a, d, i->type), b = use(j, i->b, WORK1, i->type);
    if (a != d) {
        emit_move(&j->a, false, i->type == IR_V256 ? 256 : 128, d, loc_reg(a));
    }
    emit_vex(j, v, i->type, d, b, use_loc(j, i[1].a, NO_REG, i->type));
}

/* With VEX, into register d. */
static void emit_operation(Jit *j, const IrInsn *i, const VopInfo *v, int d)
{
    unsigned type = i->type;
    if (i->op == IR_V3) {
        emit_three(j, i, v, d);
        return;
    }
    switch ((VopEncoding)v->enc) {
    case VE_RM: emit_vex(j, v, type, d, 0, last_operand(j, v, i->a, WORK0, type)); break;
    case VE_MR: emit_vex(j, v, type, use(j, i->a, WORK1, type), 0, loc_reg(d)); break;
    case VE_VMI: emit_vex(j, v, type, v->w, d, loc_reg(use(j, i->a, WORK0, type))); break;
    default: {
        int a = use(j, i->a, WORK0, type);
        Loc b = last_operand(j, v, i->b, WORK1, type);
        emit_vex(j, v, type, d, a, b);
    }
    }
    emit_imm(j, v, i->aux);
}

/* CF, PF and ZF of a comparison. */
static void emit_flags(Jit *j, const IrInsn *i, const VopInfo *v)
{
    enum { CF_PF_ZF = 0x45, LAHF = 0x9f };
    Asm *a = &j->a;
    emit_vex(j, v, i->type, use(j, i->a, WORK0, i->type), 0, use_loc(j, i->b, WORK1, i->type));
    reg_claim(j, RAX);
    x_u8(a, LAHF);
    x_op(a, 0xb6 | X_0F, RAX, loc_reg(RSP)); /* movzx eax, ah */
    x_alu_imm(a, ALU_AND, 0, loc_reg(RAX), CF_PF_ZF);
    reg_bind(j, i->dst, RAX);
}

static void emit_to_int(Jit *j, const IrInsn *i, const VopInfo *v)
{
    int d = reg_def(j, i->dst, IR_NONE);
    if (v->enc == VE_MR) {
        emit_vex(j, v, i->type, use(j, i->a, WORK0, i->type), 0, loc_reg(d));
    } else {
        emit_vex(j, v, i->type, d, 0, loc_reg(use(j, i->a, WORK0, i->type)));
    }
    emit_imm(j, v, i->aux);
    reg_bind(j, i->dst, d);
}

static bool host_has(const Jit *j, const IrInsn *i, const VopInfo *v)
{
    if (i->aux & VOP_REFERENCE || (i->type == IR_V64 && v->flags & VF_64CALL)) {
        return false;
    }
    bool third_in_memory = v->enc == VE_XMM0 && reg_pinned(j, i->b) == NO_REG;
    return !third_in_memory && j->vector_needs >> (2 * v->need + (i->type == IR_V256)) & 1;
}

static void call_reference(Jit *j, const IrInsn *i, const VopInfo *v)
{
    Asm *a = &j->a;
    IrRef value = vop_takes_int(v) ? (i->op == IR_V1 ? i->a : i->b) : IR_NONE;
    if (ir_is_temp(value)) {
        reg_spill_temp(j, value);
    }
    reg_flush_live(j);
    reg_release_all(j);
    reg_save_pinned(j, a, false);
    if (j->vectors) {
        gen_call_head(j, j->stub_save_vectors);
    }
    if (value != IR_NONE) {
        gen_load_arg(j, R9, value);
    }
    x_mov_imm(a, RSI, (uintptr_t)j->c.guest, false);
    x_mov_imm(a, RDX, ir_vector_refs(i->dst, i->a, i->b, i->op == IR_V3 ? i[1].a : IR_NONE), false);
    x_mov_imm(a, RCX, i->aux, false);
    x_mov_imm(a, R8, i->type, false);
    x_op(a, X_LEA | X_W, RDI, loc_mem(RBP, -j->bias));
    gen_call_helper(j, (void (*)(void))ir_vector_compute);
    if (j->vectors) {
        gen_call_head(j, j->stub_load_vectors);
    }
    reg_load_pinned(j, a, false);
    if (vop_gives_int(v)) {
        reg_bind(j, i->dst, RAX);
    }
    if (value != IR_NONE) {
        reg_free_slot(j, value);
    }
}

void gen_vector(Jit *j, const IrInsn *i)
{
    const VopInfo *v = &vop_info[vop_of(i->aux)];
    bool keep = i->aux & VOP_KEEP;
    if (!host_has(j, i, v)) {
        call_reference(j, i, v);
    } else if (v->flags & VF_FLAGS) {
        emit_flags(j, i, v);
    } else if (vop_gives_int(v)) {
        emit_to_int(j, i, v);
    } else if (v->flags & VF_LEGACY) {
        emit_legacy_only(j, i, v);
    } else if (keep && vop_of(i->aux) == VOP_MOV) {
        bind(j, i->dst, use(j, i->a, WORK0, i->type), i->type, true);
    } else {
        bool elsewhere = keep || (i->op == IR_V3 && v->enc == VE_RVM && i->dst != i->a);
        int d = elsewhere ? WORK0 : target(j, i->dst);
        emit_operation(j, i, v, d);
        if (i->type == IR_V64 && !is_narrow(j, i->dst)) {
            emit_movq(&j->a, false, d, loc_reg(d));
        }
        bind(j, i->dst, d, i->type, keep);
    }
}

/* ---- memory ---- */

/* Of so many bytes from or to `mem`; loads clear what is above. */
static void emit_access(Asm *a, bool store, MemOp m, int reg, Loc mem)
{
    unsigned bytes = memop_vector_bytes(m);
    unsigned pp = bytes == 4 ? PP_F3 : bytes == 8 ? PP_F2 : bytes == 32 ? VEX_L : 0;
    x_vex(a, MAP_0F, pp, 0, store ? 0x11 : 0x10, reg, 0, mem);
}

static Cold *access_cold(Jit *j, ColdKind kind, MemOp m, int addr, uint32_t miss)
{
    Cold *c = gen_cold_new(j, kind);
    c->mop = m;
    c->addr = addr;
    c->fixups[0] = miss;
    c->resume = x_pos(&j->a);
    return c;
}

static void copy_words(Jit *j, unsigned count, Loc from, Loc to)
{
    for (unsigned n = 0; n < count; n++, from.value += 8, to.value += 8) {
        x_op(&j->a, X_MOV_LOAD | X_W, RAX, from);
        x_op(&j->a, X_MOV_STORE | X_W, RAX, to);
    }
}

/* On hosts without AVX: always by C. */
static void call_access(Jit *j, const IrInsn *i, int addr)
{
    Loc buffer = loc_mem(RSP, VECTOR_SLOT);
    bool load = i->op == IR_LDV;
    IrRef r = load ? i->dst : i->b;
    if (!load) {
        copy_words(j, is_narrow(j, r) ? 1 : 4, global_loc(j, r), buffer);
    }
    x_mov(&j->a, RAX, addr);
    x_mov_imm(&j->a, RCX, i->type & ~MEM_KEEP, false);
    gen_call_head(j, load ? j->stub_load_vector : j->stub_store_vector);
    gen_note_pc(j, j->pc);
    if (load) {
        copy_words(j, is_narrow(j, r) ? 1 : i->type & MEM_KEEP ? 2 : 4, buffer, global_loc(j, r));
    }
    reg_release_all(j);
}

void gen_load_vector(Jit *j, const IrInsn *i)
{
    MemOp m = i->type;
    int addr = gen_address(j, i->a, i->aux);
    reg_flush_live(j);
    if (!j->vectors) {
        call_access(j, i, addr);
        return;
    }
    uint32_t miss = gen_tlb_check(j, addr, memop_vector_bytes(m), m & MEM_ALIGN, j->c.tlb_rd);
    int d = m & MEM_KEEP ? WORK0 : target(j, i->dst);
    emit_access(&j->a, false, m, d, loc_mem2(RCX, addr, 0));
    access_cold(j, COLD_LOAD_VECTOR, m, addr, miss)->dst = d;
    bind(j, i->dst, d, IR_V256, m & MEM_KEEP);
    reg_release_all(j);
}

void gen_store_vector(Jit *j, const IrInsn *i)
{
    MemOp m = i->type;
    int addr = gen_address(j, i->a, i->aux);
    reg_flush_live(j);
    if (!j->vectors) {
        call_access(j, i, addr);
        return;
    }
    int v = use(j, i->b, WORK0, memop_vector_bytes(m) == 32 ? IR_V256 : IR_V128);
    uint32_t miss = gen_tlb_check(j, addr, memop_vector_bytes(m), m & MEM_ALIGN, j->c.tlb_wr);
    emit_access(&j->a, true, m, v, loc_mem2(RCX, addr, 0));
    access_cold(j, COLD_STORE_VECTOR, m, addr, miss)->dst = v;
    reg_release_all(j);
}

void gen_cold_vector(Jit *j, const Cold *c)
{
    Asm *a = &j->a;
    Loc buffer = loc_mem(RSP, VECTOR_SLOT);
    bool load = c->kind == COLD_LOAD_VECTOR;
    x_bind(a, c->fixups[0]);
    if (!load) {
        emit_move(a, true, 256, c->dst, buffer);
    }
    x_mov(a, RAX, c->addr);
    x_mov_imm(a, RCX, c->mop & ~MEM_KEEP, false);
    gen_call_head(j, load ? j->stub_load_vector : j->stub_store_vector);
    gen_note_pc(j, c->pc);
    if (load) {
        emit_move(a, false, 256, c->dst, buffer);
    }
    x_jmp(a, a->rx + c->resume);
}
