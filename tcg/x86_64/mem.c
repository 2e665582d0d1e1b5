/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Guest loads and stores, and the CPU struct.
 *
 * The fast path, for an address in a register (rdx or a pinned one):
 *
 *      rorx ecx, addr, page_bits - 5
 *      and  ecx, (entries - 1) << 5        rcx: offset of the TLB entry
 *      lea  rax, [addr + size - 1]
 *      and  rax, -page                     page of the last byte (of the first, with a size
 *                                          mask, when alignment is asked for)
 *      cmp  rax, [r15 + rcx + tag]
 *      jne  cold
 *      mov  rcx, [r15 + rcx + addend]
 *      mov  dst, [rcx + addr]
 *
 * The index comes from the first byte and the tag from the last, so an access across pages
 * misses, and so does everything that is not plain RAM: its tags never match.
 * Requirements: rax, rcx and rdx hold no temp that is needed later; the cold path finds
 * address and value where the fast path had them. */
#include "tcg/x86_64/gen.h"

static unsigned load_opcode(MemOp m)
{
    switch (m & (MEM_SIZE | MEM_SIGN)) {
    case MEM_8: return X_MOVZX8;
    case MEM_16: return X_MOVZX16;
    case MEM_32: return X_MOV_LOAD;
    case MEM_8 | MEM_SIGN: return X_MOVSX8 | X_W;
    case MEM_16 | MEM_SIGN: return X_MOVSX16 | X_W;
    case MEM_32 | MEM_SIGN: return X_MOVSXD;
    default: return X_MOV_LOAD | X_W;
    }
}

static void emit_bswap(Asm *a, int r, MemOp m)
{
    unsigned size = m & MEM_SIZE;
    if (!(m & MEM_BE) || size == MEM_8) {
        return;
    }
    if (size == MEM_64 || r >= 8) {
        x_u8(a, 0x40 | (size == MEM_64 ? 8 : 0) | (r >= 8));
    }
    x_u8(a, 0x0f);
    x_u8(a, 0xc8 | (r & 7));
    if (size == MEM_16) {
        x_shift_imm(a, SH_SHR, 0, r, 16);
    }
    if (m & MEM_SIGN && size != MEM_64) {
        x_op(a, size == MEM_16 ? X_MOVSX16 | X_W : X_MOVSXD, r, loc_reg(r));
    }
}

void gen_load_bytes(Asm *a, int reg, Loc from, MemOp m)
{
    if ((m & MEM_SIZE) != MEM_64 || from.kind != LOC_REG || from.reg != reg) {
        x_op(a, load_opcode(m), reg, from);
    }
}

void gen_store_bytes(Asm *a, int reg, Loc to, MemOp m)
{
    static const unsigned ops[] = { X_MOV8_STORE, X_MOV_STORE | X_66, X_MOV_STORE, X_MOV_STORE | X_W };
    x_op(a, ops[m & MEM_SIZE], reg, to);
}

static void emit_store_imm(Asm *a, MemOp m, int32_t imm, Loc to)
{
    switch (m & MEM_SIZE) {
    case MEM_8:
        x_op(a, 0xc6, 0, to);
        x_u8(a, imm);
        break;
    case MEM_16:
        x_op(a, 0xc7 | X_66, 0, to);
        x_u8(a, imm);
        x_u8(a, imm >> 8);
        break;
    default: x_op(a, 0xc7 | ((m & MEM_SIZE) == MEM_64 ? X_W : 0), 0, to); x_u32(a, imm);
    }
}

int gen_address(Jit *j, IrRef base, int32_t disp)
{
    int p = reg_pinned(j, base);
    if (p != NO_REG && disp == 0) {
        return p;
    }
    if (p == NO_REG && ir_is_temp(base) && j->temp_reg[base] == RDX && disp == 0) {
        if (!reg_dies(j, base)) {
            reg_flush_live(j); /* the temp stays valid in its slot */
        }
        j->locked |= 1u << RDX;
        return RDX;
    }
    if (ir_is_const(base)) {
        reg_claim(j, RDX);
        x_mov_imm(&j->a, RDX, (uint64_t)gen_const(j, base) + disp, false);
        return RDX;
    }
    Loc l = reg_loc(j, base);
    if (l.kind == LOC_REG) {
        if (l.reg != RDX) {
            reg_claim(j, RDX);
        } else if (!reg_dies(j, base)) {
            reg_flush_live(j);
        }
        if (disp) {
            x_op(&j->a, X_LEA | X_W, RDX, loc_mem(l.reg, disp));
        } else {
            x_mov(&j->a, RDX, l.reg);
        }
        return RDX;
    }
    reg_claim(j, RDX);
    x_op(&j->a, X_MOV_LOAD | X_W, RDX, l);
    if (disp) {
        x_alu_imm(&j->a, ALU_ADD, X_W, loc_reg(RDX), disp);
    }
    return RDX;
}

void gen_tlb_index(Jit *j, int addr)
{
    Asm *a = &j->a;
    unsigned shift = j->c.page_bits - 5;
    if (j->bmi2) {
        x_vex(a, 3, 3, 0, 0xf0, RCX, 0, loc_reg(addr));
        x_u8(a, shift);
    } else {
        x_op(a, X_MOV_LOAD, RCX, loc_reg(addr));
        x_shift_imm(a, SH_SHR, 0, RCX, shift);
    }
    x_alu_imm(a, ALU_AND, 0, loc_reg(RCX), ((1 << j->c.tlb_bits) - 1) << 5);
}

uint32_t gen_tlb_check(Jit *j, int addr, unsigned bytes, bool aligned, int32_t tag)
{
    Asm *a = &j->a;
    int32_t page_mask = -(1 << j->c.page_bits);
    gen_tlb_index(j, addr);
    if (aligned) {
        x_mov(a, RAX, addr);
        page_mask |= bytes - 1;
    } else if (bytes == 1) {
        x_mov(a, RAX, addr);
    } else {
        x_op(a, X_LEA | X_W, RAX, loc_mem(addr, bytes - 1));
    }
    x_alu_imm(a, ALU_AND, X_W, loc_reg(RAX), page_mask);
    x_alu(a, ALU_CMP, X_W, RAX, loc_mem2(R15, RCX, tag));
    uint32_t miss = x_jcc_fwd(a, CC_NE);
    x_op(a, X_MOV_LOAD | X_W, RCX, loc_mem2(R15, RCX, j->c.tlb_addend));
    return miss;
}

/* ---- shares: see shares.c ---- */

static Loc share_loc(unsigned slot)
{
    return loc_mem(RSP, SHARE_BASE + slot * 8);
}

/* The access under way: at addr + disp in the guest, rcx + addr + disp here, once it is checked. */
typedef struct Access {
    const IrShare *share; /* NULL: alone */
    bool first;           /* of its share: checks for all */
    bool in_rcx;          /* another: what the first found is in rcx already */
    int addr;
    int32_t disp;
} Access;

/* How far from its base the register that gen_address() is to make. */
static Access access_begin(Jit *j, const IrInsn *i)
{
    unsigned n = j->shares.of[j->at];
    Access x = { .disp = i->aux };
    if (n) {
        x.share = &j->shares.all[n];
        x.first = x.share->first == j->at;
        x.in_rcx = j->addend_of == n && j->addend_at == x_pos(&j->a);
    }
    return x;
}

static int32_t access_offset(const Access *x)
{
    return !x->share ? x->disp : x->first ? x->share->low : 0;
}

static void access_address(Jit *j, Access *x, IrRef base)
{
    x->addr = gen_address(j, base, access_offset(x));
    x->disp -= access_offset(x);
}

/* rcx: the addend.  The fixup of the miss, if one can begin here. */
static uint32_t access_check(Jit *j, const Access *x, MemOp m, int32_t tag)
{
    if (!x->share) {
        return gen_tlb_check(j, x->addr, memop_bytes(m), m & MEM_ALIGN, tag);
    }
    Loc kept = share_loc(x->share->slot);
    if (x->first) {
        uint32_t miss = gen_tlb_check(j, x->addr, x->share->end - x->share->low, false, tag);
        x_op(&j->a, X_MOV_STORE | X_W, RCX, kept);
        j->share_in[x->share->slot] = x->share - j->shares.all;
        return miss;
    }
    if (x->in_rcx && j->addend_at == x_pos(&j->a)) {
        j->cold[j->cold_count - 1].until = j->addend_at;
        return 0; /* nothing stands between the two: who misses one goes on in the cold part of the other */
    }
    if (!x->in_rcx) {
        x_op(&j->a, X_MOV_LOAD | X_W, RCX, kept);
    }
    x_op(&j->a, X_TEST | X_W, RCX, loc_reg(RCX));
    return x_jcc_fwd(&j->a, CC_E);
}

/* The cold part of it: resumes here, with nothing left of what any share found. */
static Cold *access_cold(Jit *j, const Access *x, ColdKind kind, MemOp m, uint32_t miss)
{
    Cold *c = gen_cold_new(j, kind);
    c->mop = m;
    c->addr = x->addr;
    c->disp = x->disp;
    c->fixups[0] = miss;
    c->resume = x_pos(&j->a);
    for (unsigned n = 0; n < IR_SHARE_SLOTS; n++) {
        if (j->share_in[n] && j->shares.all[j->share_in[n]].last > j->at) {
            c->forget |= 1u << n;
        }
    }
    return c;
}

static void access_end(Jit *j, const Access *x)
{
    j->addend_at = x->share ? x_pos(&j->a) : UINT32_MAX;
    j->addend_of = x->share ? x->share - j->shares.all : 0;
}

static void full_fence(Jit *j)
{
    x_u8(&j->a, 0xf0); /* lock or dword [rsp], 0: 2.5 ns, mfence takes 19 */
    x_alu_imm(&j->a, ALU_OR, 0, loc_mem(RSP, 0), 0);
}

/* The processor itself keeps all orders but that of a store before a later load (Intel SDM volume 3, 9.2.2). */
void gen_fence(Jit *j, const IrInsn *i)
{
    if (i->aux & FENCE_WR) {
        full_fence(j);
    }
}

void gen_load(Jit *j, const IrInsn *i)
{
    MemOp m = i->type;
    if (m & MEM_REL) { /* sequentially consistent: no earlier store behind this load */
        full_fence(j);
    }
    Access x = access_begin(j, i);
    access_address(j, &x, i->a);
    reg_flush_live(j);
    int d = reg_pinned(j, i->dst);
    if (d == NO_REG) {
        d = RAX;
    }
    uint32_t miss = access_check(j, &x, m, j->c.tlb_rd);
    x_op(&j->a, load_opcode(m), d, loc_mem2(RCX, x.addr, x.disp));
    emit_bswap(&j->a, d, m);
    access_cold(j, &x, COLD_LOAD, m, miss)->dst = d;
    reg_release_all(j);
    reg_bind(j, i->dst, d);
    access_end(j, &x);
}

Loc gen_waiting(Jit *j, IrRef r)
{
    if (ir_is_const(r)) {
        return loc_imm(gen_const(j, r));
    }
    if (ir_is_temp(r)) {
        reg_spill_temp(j, r);
    }
    return reg_loc(j, r);
}

/* Where the value of a store waits while rax and rcx are busy. */
static Loc store_value(Jit *j, const IrInsn *i, int addr)
{
    MemOp m = i->type;
    if (ir_is_temp(i->b) && j->temp_reg[i->b] == RDX && addr != RDX && reg_dies(j, i->b)) {
        return loc_reg(RDX);
    }
    Loc l = gen_waiting(j, i->b);
    if (l.kind == LOC_IMM && !(m & MEM_BE) && (m & MEM_SIZE) != MEM_64) {
        l.value = (int32_t)l.value;
    }
    return l;
}

void gen_store(Jit *j, const IrInsn *i)
{
    MemOp m = i->type;
    Asm *a = &j->a;
    Access x = access_begin(j, i);
    if (ir_is_temp(i->b) && j->temp_reg[i->b] == RDX &&
        (reg_pinned(j, i->a) == NO_REG || access_offset(&x))) {
        reg_spill_temp(j, i->b); /* the address needs rdx */
    }
    access_address(j, &x, i->a);
    Loc value = store_value(j, i, x.addr);
    reg_flush_live(j);
    uint32_t miss = access_check(j, &x, m, j->c.tlb_wr);
    Loc to = loc_mem2(RCX, x.addr, x.disp);
    bool wide = value.kind == LOC_IMM && value.value != (int32_t)value.value;
    if (value.kind == LOC_IMM && !wide && !(m & MEM_BE)) {
        emit_store_imm(a, m, value.value, to);
    } else {
        int v = value.kind == LOC_REG && !(m & MEM_BE) ? value.reg : RAX;
        if (value.kind == LOC_IMM) {
            x_mov_imm(a, RAX, value.value, false);
        } else if (v == RAX) {
            x_op(a, X_MOV_LOAD | X_W, RAX, value);
        }
        emit_bswap(a, v, m & ~MEM_SIGN);
        gen_store_bytes(a, v, to, m);
    }
    access_cold(j, &x, COLD_STORE, m, miss)->value = value;
    if (m & MEM_ACQ) { /* sequentially consistent: no later load before this store */
        full_fence(j);
    }
    reg_release_all(j);
    access_end(j, &x);
}

void gen_load_loc(Asm *a, int reg, Loc l)
{
    if (l.kind == LOC_IMM) {
        x_mov_imm(a, reg, l.value, false);
    } else if (l.kind == LOC_MEM || l.reg != reg) {
        x_op(a, X_MOV_LOAD | X_W, reg, l);
    }
}

static const uint8_t *stub_of(const Jit *j, ColdKind kind)
{
    return kind == COLD_LOAD ? j->stub_load : kind == COLD_STORE ? j->stub_store : j->stub_atomic;
}

static void emit_slow_access(Jit *j, const Cold *c)
{
    Asm *a = &j->a;
    if (c->disp) { /* before rdx, which may hold the address, takes the value */
        x_op(a, X_LEA | X_W, RAX, loc_mem(c->addr, c->disp));
    } else {
        x_mov(a, RAX, c->addr);
    }
    if (c->kind == COLD_ATOMIC && c->op == IR_CAS) {
        gen_load_loc(a, RDX, c->expected);
        x_op(a, X_MOV_STORE | X_W, RDX, loc_mem(RSP, 0));
    }
    if (c->kind != COLD_LOAD) {
        gen_load_loc(a, RDX, c->value);
    }
    x_mov_imm(a, RCX, c->mop | c->op << 8, false);
    gen_call_head(j, stub_of(j, c->kind));
    gen_note_pc(j, c->pc);
    if (c->kind != COLD_STORE) {
        x_mov(a, c->dst, RAX);
    }
}

static void forget_shares(Asm *a, unsigned slots)
{
    if (slots) {
        x_mov_imm(a, RCX, 0, false);
    }
    for (unsigned n = 0; n < IR_SHARE_SLOTS; n++) {
        if (slots >> n & 1) {
            x_op(a, X_MOV_STORE | X_W, RCX, share_loc(n));
        }
    }
}

/* The cold part of an access; it returns into the block behind the fast one, or does what stands there up to the next
 * access and goes on in the cold part of that, which is the next here as well. */
void gen_cold_access(Jit *j, const Cold *c)
{
    Asm *a = &j->a;
    if (c->fixups[0]) {
        x_bind(a, c->fixups[0]);
    }
    emit_slow_access(j, c);
    if (c->until) {
        memcpy(a->p, a->start + c->resume, c->until - c->resume);
        a->p += c->until - c->resume;
        return;
    }
    forget_shares(a, c->forget);
    x_jmp(a, a->rx + c->resume);
}

void gen_load_env(Jit *j, const IrInsn *i)
{
    int d = reg_def(j, i->dst, IR_NONE);
    Loc from = env_loc(j, i->aux);
    x_op(&j->a, load_opcode(i->type), d, from);
    emit_bswap(&j->a, d, i->type);
    reg_bind(j, i->dst, d);
}

void gen_store_env(Jit *j, const IrInsn *i)
{
    Loc to = env_loc(j, i->aux);
    Loc v = reg_loc(j, i->b);
    if (v.kind == LOC_IMM && !(i->type & MEM_BE)) {
        emit_store_imm(&j->a, i->type, v.value, to);
        return;
    }
    if (i->type & MEM_BE) {
        int t = reg_scratch(j);
        reg_load(j, t, i->b, false);
        emit_bswap(&j->a, t, i->type & ~MEM_SIGN);
        gen_store_bytes(&j->a, t, to, i->type);
        return;
    }
    gen_store_bytes(&j->a, reg_use(j, i->b), to, i->type);
}
