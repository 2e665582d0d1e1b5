/* SPDX-License-Identifier: GPL-2.0-or-later */
/* x86 to IR: extended blocks, as for RISC-V: one entry, a straight line of instructions of one page that goes on through
 * conditional branches and forward jumps; a branch to the block's own start is a loop edge.
 *
 * Blocks of code whose segment has a base are named by X86State.pc, which has the base in its upper half; their
 * bytes are fetched at base + EIP. */
#include "target/i386/translate.h"
#include "target/i386/x87.h"

#include <string.h>

enum { PAGE_BYTES = 4096 };

#define GPR(name, n)                                                                                         \
    {                                                                                                        \
        name, offsetof(X86CPU, s.gpr[n])                                                                     \
    }
#define YMM(n) [G_YMM + n] = { "ymm" #n, offsetof(X86CPU, s.ymm[n]), IR_V256 }
#define MM(n) [G_MM + n] = { "mm" #n, offsetof(X86CPU, s.x87.st[n].mantissa), IR_V64 }
static const IrGlobal globals[X86_GLOBALS] = {
    GPR("rax", 0),
    GPR("rcx", 1),
    GPR("rdx", 2),
    GPR("rbx", 3),
    GPR("rsp", 4),
    GPR("rbp", 5),
    GPR("rsi", 6),
    GPR("rdi", 7),
    GPR("r8", 8),
    GPR("r9", 9),
    GPR("r10", 10),
    GPR("r11", 11),
    GPR("r12", 12),
    GPR("r13", 13),
    GPR("r14", 14),
    GPR("r15", 15),
    [G_PC] = { "pc", offsetof(X86CPU, s.pc) },
    [G_CC_A] = { "cc_a", offsetof(X86CPU, s.cc.a) },
    [G_CC_B] = { "cc_b", offsetof(X86CPU, s.cc.b) },
    [G_CC_KIND] = { "cc_kind", offsetof(X86CPU, s.cc.kind) },
    [G_CC_TURNED] = { "cc_turned", offsetof(X86CPU, s.cc.turned) },
    [G_FS_BASE] = { "fs_base", offsetof(X86CPU, s.seg[SEG_FS].base) },
    [G_GS_BASE] = { "gs_base", offsetof(X86CPU, s.seg[SEG_GS].base) },
    YMM(0),
    YMM(1),
    YMM(2),
    YMM(3),
    YMM(4),
    YMM(5),
    YMM(6),
    YMM(7),
    YMM(8),
    YMM(9),
    YMM(10),
    YMM(11),
    YMM(12),
    YMM(13),
    YMM(14),
    YMM(15),
    MM(0),
    MM(1),
    MM(2),
    MM(3),
    MM(4),
    MM(5),
    MM(6),
    MM(7),
    [G_VT0] = { "vt0", offsetof(X86CPU, vector_temp[0]), IR_V256 },
    [G_VT1] = { "vt1", offsetof(X86CPU, vector_temp[1]), IR_V256 },
};

/* By the static share of register operands in libc, bash, perl and a compiler: rax 19.5 % ... r13 3.2. */
static const uint16_t pinned[] = { X86_RAX, X86_RSP, X86_RDX, X86_RDI, X86_RSI,
                                   X86_RBX, X86_RBP, X86_RCX, 12,      13 };

static const uint16_t vpinned[] = { G_VT0,     G_VT1,     G_YMM,      G_YMM + 1, G_YMM + 2,
                                    G_YMM + 3, G_YMM + 4, G_YMM + 5,  G_YMM + 6, G_YMM + 7,
                                    G_YMM + 8, G_YMM + 9, G_YMM + 10, G_YMM + 11 };

const IrGuest x86_ir_guest = {
    .name = "x86",
    .globals = globals,
    .global_count = X86_GLOBALS,
    .pinned = pinned,
    .pinned_count = G_N_ELEMENTS(pinned),
    .vpinned = vpinned,
    .vpinned_count = G_N_ELEMENTS(vpinned),
    .upper_offset = offsetof(X86CPU, upper_halves),
    .mxcsr_offset = offsetof(X86CPU, s.mxcsr),
    .x87 = { .here = offsetof(X86CPU, x87_here),
             .control = offsetof(X86CPU, s.x87.fcw),
             .take = x87_take,
             .away = x87_away },
    .pc_offset = offsetof(X86CPU, s.pc),
    .pc_shift = 0,
    .insn_bytes = X86_INSN_MAX,
};

/* ---- pcs ------------------------------------------------------------------ */

uint64_t x86_tr_pc_of(const Translator *t, uint64_t ip)
{
    if (t->code == 8) {
        return ip;
    }
    return (t->pc & ~(uint64_t)UINT32_MAX) | (uint32_t)ip;
}

/* Where the byte at a pc is fetched. */
static uint64_t linear_of(const Translator *t, uint64_t pc)
{
    return t->code == 8 ? pc : (uint32_t)((pc >> 32) + pc);
}

/* ---- leaving -------------------------------------------------------------- */

unsigned x86_tr_cold_exit(Translator *t, uint64_t pc)
{
    X86Cold *c = &t->cold[t->cold_count++];
    g_assert(t->cold_count <= G_N_ELEMENTS(t->cold));
    *c = (X86Cold){ .label = ir_label_new(t->ir), .pc = pc, .ends = t->ends };
    return c->label;
}

unsigned x86_tr_cold_fault(Translator *t, uint8_t vector)
{
    for (unsigned n = t->cold_count; n-- > 0 && t->cold[n].pc == t->pc;) {
        if (t->cold[n].faults && t->cold[n].vector == vector) {
            return t->cold[n].label;
        }
    }
    unsigned label = x86_tr_cold_exit(t, t->pc);
    t->cold[t->cold_count - 1].faults = true;
    t->cold[t->cold_count - 1].vector = vector;
    return label;
}

unsigned x86_tr_again(Translator *t)
{
    unsigned label = x86_tr_cold_exit(t, t->pc);
    t->cold[t->cold_count - 1].how = X86_END_AGAIN;
    return label;
}

/* Traps are looked for where a block has one instruction; else nothing but a shadow ends. */
static void finish(Translator *t, unsigned how)
{
    how |= t->mode & X86_MODE_SINGLE ? 0 : X86_END_NO_STEP | X86_END_UNWATCHED;
    IrRef args[2] = { x86_tr_const(t, how), x86_tr_const(t, t->mode & X86_MODE_SINGLE ? t->next : 0) };
    ir_call(t->ir, &x86_helper_finish, IR_NONE, 2, args);
}

void x86_tr_finish(Translator *t, unsigned how)
{
    if (t->ends) {
        finish(t, how | (t->shadows ? X86_END_SHADOW : 0));
    }
}

void x86_tr_exit_lookup(Translator *t, unsigned how)
{
    x86_tr_finish(t, how);
    ir_exit_lookup(t->ir);
    t->done = true;
}

/* To a pc, with what is to be done at the end of an instruction. */
static void finish_to(Translator *t, uint64_t pc, unsigned how)
{
    ir_mov(t->ir, ir_global(G_PC), x86_tr_const(t, pc));
    finish(t, how);
    ir_exit_lookup(t->ir);
}

static void emit_fault(Translator *t, uint64_t pc, uint8_t vector)
{
    IrRef args[2] = { x86_tr_const(t, vector), x86_tr_const(t, 0) };
    ir_mov(t->ir, ir_global(G_PC), x86_tr_const(t, pc));
    ir_call(t->ir, &x86_helper_raise, IR_NONE, 2, args);
    ir_exit_lookup(t->ir);
}

void x86_tr_fault(Translator *t, uint8_t vector)
{
    emit_fault(t, t->pc, vector);
    t->done = true;
}

static void emit_cold(Translator *t, const X86Cold *c)
{
    if (c->bound) {
        return;
    }
    ir_label(t->ir, c->label);
    if (c->faults) {
        emit_fault(t, c->pc, c->vector);
    } else if (c->ends) {
        finish_to(t, c->pc, c->how);
    } else {
        ir_exit_pc(t->ir, c->pc);
    }
}

void x86_tr_end_lookup(Translator *t)
{
    ir_mov(t->ir, ir_global(G_PC), x86_tr_const(t, t->next));
    x86_tr_exit_lookup(t, 0);
}

void x86_tr_goto(Translator *t, uint64_t pc)
{
    bool same_page = (linear_of(t, pc) ^ linear_of(t, t->ctx->pc)) / PAGE_BYTES == 0;
    if (t->ends) {
        finish_to(t, pc, X86_END_BRANCH);
        t->done = true;
    } else if (pc == t->ctx->pc && t->loops) {
        ir_br(t->ir, 0);
        t->done = true;
    } else if (same_page && pc >= t->next) {
        t->next = pc;
    } else {
        ir_exit_pc(t->ir, pc);
        t->done = true;
    }
}

/* Classes of CS limits: X86_MODE_CS_LIMIT_SHIFT. */
enum { LIMIT_4G, LIMIT_64K, LIMIT_ODD };
static unsigned limit_class(const Translator *t)
{
    return t->code == 8 ? LIMIT_4G : t->mode >> X86_MODE_CS_LIMIT_SHIFT & 3;
}

static IrRef code_limit(Translator *t)
{
    return ir_load_env(t->ir, MEM_32, IR_NONE, offsetof(X86CPU, s.seg[SEG_CS].limit));
}

/* Upper bits of an address of 64-bit code that are copies of the one below them. */
static unsigned unused_bits(const Translator *t)
{
    return t->mode & X86_MODE_LA57 ? 7 : 16;
}

bool x86_tr_is_beyond(const Translator *t, uint64_t ip)
{
    if (t->code == 8) {
        return (uint64_t)((int64_t)(ip << unused_bits(t)) >> unused_bits(t)) != ip;
    }
    return limit_class(t) == LIMIT_64K && ip > 0xffff;
}

bool x86_tr_limit_is_odd(const Translator *t)
{
    return limit_class(t) == LIMIT_ODD;
}

IrRef x86_tr_beyond_odd(Translator *t, uint64_t ip)
{
    return ir_setcc(t->ir, IR_LTU, IR_I64, IR_NONE, code_limit(t), x86_tr_const(t, ip));
}

void x86_tr_check_ip(Translator *t, IrRef ip)
{
    unsigned limit = limit_class(t), unused = unused_bits(t);
    if (t->code == 8) {
        IrRef up = ir_op2(t->ir, IR_SHL, IR_I64, IR_NONE, ip, x86_tr_const(t, unused));
        IrRef canonical = ir_op2(t->ir, IR_SAR, IR_I64, IR_NONE, up, x86_tr_const(t, unused));
        if (t->insn.osz == 8) {
            ir_brcc(t->ir, IR_NE, IR_I64, ip, canonical, x86_tr_cold_fault(t, X86_EXC_GP));
        }
    } else if (limit == LIMIT_ODD || (limit == LIMIT_64K && t->insn.osz == 4)) {
        ip = x86_tr_zero_extend(t, ip, t->insn.osz);
        ir_brcc(t->ir, IR_GTU, IR_I64, ip, code_limit(t), x86_tr_cold_fault(t, X86_EXC_GP));
    }
}

/* All bytes of the instruction lie in CS; false: #GP, and the block has ended. */
static bool check_code_limit(Translator *t)
{
    uint64_t last = x86_tr_ip(t, t->pc) + t->insn.length - 1;
    if (limit_class(t) == LIMIT_ODD) {
        ir_brcc(t->ir, IR_LTU, IR_I64, code_limit(t), x86_tr_const(t, last),
                x86_tr_cold_fault(t, X86_EXC_GP));
    }
    if (x86_tr_is_beyond(t, last)) {
        x86_tr_fault(t, X86_EXC_GP);
    }
    return !t->done;
}

void x86_tr_exit_ip(Translator *t, IrRef ip)
{
    if (t->code != 8) {
        IrRef base = x86_tr_const(t, t->pc & ~(uint64_t)UINT32_MAX);
        ip = ir_op2(t->ir, IR_OR, IR_I64, IR_NONE, x86_tr_zero_extend(t, ip, t->insn.osz), base);
    }
    if (t->ends) {
        ir_mov(t->ir, ir_global(G_PC), ip);
        x86_tr_exit_lookup(t, X86_END_BRANCH);
        return;
    }
    ir_exit_ind(t->ir, ip);
    t->done = true;
}

IrRef x86_tr_call(Translator *t, const IrHelper *h, unsigned n, const IrRef *args)
{
    t->forward = false; /* POPF and its kin are among them */
    return ir_call(t->ir, h, IR_NONE, n, args);
}

/* ---- the loop ------------------------------------------------------------- */

/* May be fetched as the block's first instruction was. */
static unsigned in_reach(const Translator *t, uint64_t linear)
{
    uint64_t offset = linear - t->ctx->page_start;
    return offset < t->ctx->page_bytes ? t->ctx->page_bytes - offset : 0;
}

/* Bytes at t->pc, as many as an instruction may have and can be had. */
static unsigned fetch(Translator *t, bool first, uint8_t *bytes)
{
    uint64_t linear = linear_of(t, t->pc);
    unsigned reach = in_reach(t, linear);
    if (!first && reach == 0) {
        return 0;
    }
    unsigned n = first ? X86_INSN_MAX : MIN(reach, X86_INSN_MAX);
    if (t->ctx->page && reach >= n) {
        memcpy(bytes, t->ctx->page + (linear - t->ctx->page_start), n);
        return n;
    }
    return translate_fetch(t->ctx, linear, bytes, n);
}

/* The block ends where it is, before t->pc. */
static void end_here(Translator *t)
{
    if (t->shadows) { /* of the next instruction, which is another block's */
        ir_mov(t->ir, ir_global(G_PC), x86_tr_const(t, t->pc));
        finish(t, X86_END_SHADOW);
        ir_exit_lookup(t->ir);
    } else {
        ir_exit_pc(t->ir, t->pc);
    }
    t->done = true;
}

/* What #PF and the like come to before an instruction is known to be there. */
static void end_before(Translator *t, bool first, unsigned had)
{
    if (first) {
        ir_insn(t->ir, t->pc);
        translate_fetch_fault(t->ctx, linear_of(t, t->pc) + had);
        t->end = t->pc + MAX(had, 1u);
        t->done = true;
    } else {
        end_here(t);
    }
}

static X86DecodeMode decode_mode(const Translator *t)
{
    X86DecodeMode mode = x86_decode_mode(t->mode);
    mode.amd = t->cpu->vendor == VENDOR_AMD;
    return mode;
}

/* Rules that rows name and that hold before anything else of the instruction. */
static bool privilege_allows(Translator *t)
{
    bool v86 = t->mode & X86_MODE_VM, iopl = t->mode & X86_MODE_IOPL;
    if ((t->row->attrs & X86_ATTR_CPL0UD) && t->cpl != 0) {
        x86_tr_fault(t, X86_EXC_UD);
        return false;
    }
    if ((t->row->attrs & X86_ATTR_CPL0) && t->cpl != 0) {
        x86_tr_fault(t, X86_EXC_GP);
        return false;
    }
    if ((t->row->attrs & X86_ATTR_V86IOPL) && v86 && !iopl) {
        x86_tr_fault(t, X86_EXC_GP); /* VME's ways around it are not built */
        return false;
    }
    return true;
}

static void translate_insn(Translator *t)
{
    t->row = &x86_rows[x86_row_for(&t->insn, t->isa)];
    if (t->row == x86_rows) {
        x86_tr_fault(t, X86_EXC_UD);
        return;
    }
    t->ea = IR_NONE;
    if (privilege_allows(t)) {
        x86_translate_of(t->row->translator)(t);
    }
}

/* Branches of this block that skipped forward to here stay in it. */
static void bind_branches(Translator *t)
{
    for (unsigned i = 0; i < t->cold_count; i++) {
        X86Cold *c = &t->cold[i];
        if (!c->bound && !c->ends && !c->faults && c->pc == t->pc) {
            ir_label(t->ir, c->label);
            c->bound = true;
            x86_tr_forget_cc(t);
            t->forward = false;
        }
    }
}

/* false: the block ended before it. */
static bool next_insn(Translator *t, bool first)
{
    uint8_t bytes[X86_INSN_MAX];
    unsigned n = fetch(t, first, bytes);
    X86DecodeResult r = n ? x86_decode(&t->insn, decode_mode(t), bytes, n) : X86_DECODE_SHORT;
    if (r == X86_DECODE_SHORT) {
        end_before(t, first, n);
        return false;
    }
    t->next = x86_tr_pc_of(t, t->pc + t->insn.length);
    t->end = MAX(t->end, t->pc + MAX(t->insn.length, 1u));
    ir_insn(t->ir, t->pc);
    translate_breakpoint(t->ctx, linear_of(t, t->pc));
    if (t->mode & X86_MODE_SINGLE) {
        ir_call(t->ir, &x86_helper_begin, IR_NONE, 0, NULL);
    }
    t->shadows = 0;
    if (!check_code_limit(t)) {
        return true;
    }
    if (r == X86_DECODE_OK) {
        translate_insn(t);
    } else {
        x86_tr_fault(t, r == X86_DECODE_TOO_LONG ? X86_EXC_GP : X86_EXC_UD);
    }
    if (t->ends && !t->done) {
        x86_tr_end_lookup(t);
    }
    t->ends = t->mode & X86_MODE_SINGLE || t->shadows;
    return true;
}

void x86_translate_block(TranslateCtx *ctx)
{
    Translator t;
    memset(&t, 0, offsetof(Translator, strings));
    t.ctx = ctx;
    t.ir = ctx->ir;
    t.cpu = x86_cpu(ctx->cpu);
    t.mode = ctx->key.mode;
    unsigned max = MIN(ctx->max_insns, X86_MAX_BLOCK);
    t.isa = x86_isa(t.cpu);
    t.code = x86_decode_mode(t.mode).size;
    t.cpl = t.mode >> X86_MODE_CPL_SHIFT & 3;
    t.pc = t.end = ctx->pc;
    max = t.mode & X86_MODE_SINGLE ? 1 : max;
    t.loops = max > 1;
    t.ends = t.mode & X86_MODE_SINGLE;
    if (t.loops) {
        ir_label_start(t.ir);
    }
    for (unsigned n = 0; !t.done; n++) {
        bool same_page = (linear_of(&t, t.pc) ^ linear_of(&t, ctx->pc)) / PAGE_BYTES == 0;
        if (n && (n >= max || ir_block_full(t.ir) || !same_page)) {
            end_here(&t);
            break;
        }
        bind_branches(&t);
        if (!next_insn(&t, n == 0)) {
            break;
        }
        t.pc = t.next;
    }
    x86_tr_string_rests(&t);
    for (unsigned i = 0; i < t.cold_count; i++) {
        emit_cold(&t, &t.cold[i]);
    }
    ctx->size = t.end - ctx->pc;
}
