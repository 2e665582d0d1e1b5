/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Operands: registers of every size, memory with its segment, immediates.
 *
 * Where a segment is flat (X86_MODE_FLAT_*, or 64-bit code but for FS and GS) an address is what the registers say; else
 * the offset is compared with the segment's bounds (X86Bounds), and its base is added. */
#include "target/i386/translate.h"

static IrRef op2(Translator *t, IrOp op, IrRef a, IrRef b)
{
    return ir_op2(t->ir, op, IR_I64, IR_NONE, a, b);
}

IrRef x86_tr_zero_extend(Translator *t, IrRef value, unsigned bytes)
{
    static const IrOp ops[] = { [1] = IR_EXT_U8, [2] = IR_EXT_U16, [4] = IR_EXT_U32, [8] = IR_MOV };
    return ir_op1(t->ir, ops[bytes], IR_I64, IR_NONE, value);
}

IrRef x86_tr_sign_extend(Translator *t, IrRef value, unsigned bytes)
{
    static const IrOp ops[] = { [1] = IR_EXT_S8, [2] = IR_EXT_S16, [4] = IR_EXT_S32, [8] = IR_MOV };
    return ir_op1(t->ir, ops[bytes], IR_I64, IR_NONE, value);
}

MemOp x86_tr_memop(unsigned bytes)
{
    return __builtin_ctz(bytes);
}

/* ---- registers ------------------------------------------------------------ */

/* Byte registers 4 to 7 without REX are bits 15..8 of the first four. */
static bool is_high_byte(const Translator *t, unsigned reg, unsigned bytes)
{
    return bytes == 1 && reg >= 4 && reg < 8 && !(t->insn.prefixes & (X86_PREFIX_REX | X86_PREFIX_VEX));
}

IrRef x86_tr_reg(Translator *t, unsigned reg, unsigned bytes)
{
    IrRef g = ir_global(G_GPR + reg);
    return bytes >= 4 ? ir_mov(t->ir, IR_NONE, g) : x86_tr_zero_extend(t, g, bytes);
}

/* Bits 15..8 of a register. */
static void set_high_byte(Translator *t, unsigned reg, IrRef value)
{
    IrRef g = ir_global(G_GPR + reg), kept = op2(t, IR_AND, g, x86_tr_const(t, ~INT64_C(0xff00)));
    value = op2(t, IR_SHL, x86_tr_zero_extend(t, value, 1), x86_tr_const(t, 8));
    ir_op2(t->ir, IR_OR, IR_I64, g, kept, value);
}

void x86_tr_set_reg(Translator *t, unsigned reg, unsigned bytes, IrRef value)
{
    if (bytes >= 4) {
        ir_op1(t->ir, bytes == 8 ? IR_MOV : IR_EXT_U32, IR_I64, ir_global(G_GPR + reg), value);
    } else {
        IrRef g = ir_global(G_GPR + reg);
        ir_op2(t->ir, bytes == 1 ? IR_PUT8 : IR_PUT16, IR_I64, g, g, value);
    }
}

static IrRef get_byte_reg(Translator *t, unsigned reg, unsigned bytes)
{
    if (!is_high_byte(t, reg, bytes)) {
        return x86_tr_reg(t, reg, bytes);
    }
    IrRef up = op2(t, IR_SHR, ir_global(G_GPR + reg - 4), x86_tr_const(t, 8));
    return x86_tr_zero_extend(t, up, 1);
}

static void set_byte_reg(Translator *t, unsigned reg, unsigned bytes, IrRef value)
{
    if (is_high_byte(t, reg, bytes)) {
        set_high_byte(t, reg - 4, value);
    } else {
        x86_tr_set_reg(t, reg, bytes, value);
    }
}

/* ---- addresses ------------------------------------------------------------ */

static IrRef scaled(Translator *t, const X86Insn *i)
{
    IrRef index = ir_global(G_GPR + i->index);
    return i->scale ? op2(t, IR_SHL, index, x86_tr_const(t, i->scale)) : index;
}

IrRef x86_tr_effective(Translator *t, int32_t *disp)
{
    const X86Insn *i = &t->insn;
    IrRef at = IR_NONE;
    int64_t add = i->disp;
    if (i->base == X86_REG_RIP) {
        add += x86_tr_ip(t, t->next);
    } else if (i->base != X86_NO_REG) {
        at = ir_global(G_GPR + i->base);
    }
    if (i->index != X86_NO_REG) {
        IrRef index = scaled(t, i);
        at = at == IR_NONE ? index : op2(t, IR_ADD, at, index);
    }
    *disp = 0;
    if (at == IR_NONE) {
        return x86_tr_const(t, i->asz == 8   ? add
                               : i->asz == 4 ? (int64_t)(uint32_t)add
                                             : (int64_t)(uint16_t)add);
    }
    if (i->asz == 8 && add == (int32_t)add) {
        *disp = add;
        return at;
    }
    at = add ? op2(t, IR_ADD, at, x86_tr_const(t, add)) : at;
    return i->asz == 8 ? at : x86_tr_zero_extend(t, at, i->asz);
}

bool x86_tr_is_flat(const Translator *t, X86SegId seg)
{
    if (t->code == 8) {
        return seg != SEG_FS && seg != SEG_GS;
    }
    return seg == SEG_DS   ? t->mode & X86_MODE_FLAT_DS
           : seg == SEG_ES ? t->mode & X86_MODE_FLAT_ES
           : seg == SEG_SS ? t->mode & X86_MODE_FLAT_SS
                           : false;
}

static IrRef of_segment(Translator *t, size_t at, size_t size, X86SegId seg)
{
    return ir_load_env(t->ir, MEM_64, IR_NONE, at + seg * size);
}

IrRef x86_tr_segment_base(Translator *t, X86SegId seg)
{
    if (seg == SEG_FS || seg == SEG_GS) {
        return ir_global(seg == SEG_FS ? G_FS_BASE : G_GS_BASE);
    }
    return of_segment(t, offsetof(X86CPU, s.seg[0].base), sizeof(X86Segment), seg);
}

/* Go on with an offset of 32 bits if the segment lets so many bytes there through, else raise #GP or #SS. */
static void check_bounds(Translator *t, X86SegId seg, IrRef offset, unsigned bytes, bool write)
{
    size_t end_at = write ? offsetof(X86CPU, bounds[0].wr_end) : offsetof(X86CPU, bounds[0].rd_end);
    unsigned fault = x86_tr_cold_fault(t, seg == SEG_SS ? X86_EXC_SS : X86_EXC_GP);
    IrRef low = of_segment(t, offsetof(X86CPU, bounds[0].low), sizeof(X86Bounds), seg);
    ir_brcc(t->ir, IR_LTU, IR_I64, offset, low, fault);
    IrRef end = of_segment(t, end_at, sizeof(X86Bounds), seg);
    ir_brcc(t->ir, IR_GTU, IR_I64, op2(t, IR_ADD, offset, x86_tr_const(t, bytes)), end, fault);
}

/* In code whose alignment is checked (X86_MODE_AC); else nothing.  Gathers and masked moves
 * need no alignment, as on Zen 3. */
void x86_tr_check_alignment(Translator *t, IrRef linear, int32_t disp, unsigned alignment)
{
    if (!(t->mode & X86_MODE_AC) || alignment < 2) {
        return;
    }
    IrRef args[2] = { op2(t, IR_ADD, linear, x86_tr_const(t, disp)), x86_tr_const(t, alignment) };
    x86_tr_call(t, &x86_helper_check_alignment, 2, args);
}

/* Of an operand of so many bytes (SDM 3, "Alignment Check Exception"; vectors and what the table leaves open: as on Zen 3). */
static unsigned alignment_of_bytes(unsigned bytes)
{
    enum { FP80 = 10, ENV16 = 14, STATE16 = 94, ENV32 = 28, STATE32 = 108, VECTOR = 16 };
    switch (bytes) {
    case FP80: return 8;
    case ENV16:
    case STATE16: return 2;
    case ENV32:
    case STATE32: return 4;
    default: return MIN(bytes, VECTOR);
    }
}

static unsigned alignment_of_operand(const Translator *t, unsigned n, unsigned bytes)
{
    switch (t->row->operands[n].size) {
    case X86_SIZE_P: return MIN(t->insn.osz, 4); /* a far pointer */
    case X86_SIZE_A: return t->insn.osz;         /* BOUND's pair */
    case X86_SIZE_S: return 1;                   /* of SGDT and SIDT */
    default: return t->aligned ? 1 /* #GP */ : alignment_of_bytes(bytes);
    }
}

IrRef x86_tr_linear_of_any_alignment(Translator *t, X86SegId seg, IrRef offset, int32_t disp, unsigned bytes,
                                     bool write, int32_t *left)
{
    *left = disp;
    if (x86_tr_is_flat(t, seg)) {
        return offset;
    }
    if (t->code == 8) {
        return op2(t, IR_ADD, offset, x86_tr_segment_base(t, seg));
    }
    *left = 0;
    offset = disp ? op2(t, IR_ADD, offset, x86_tr_const(t, disp)) : offset;
    offset = x86_tr_zero_extend(t, offset, 4);
    IrRef linear = ir_op2(t->ir, IR_ADD, IR_I32, IR_NONE, x86_tr_segment_base(t, seg), offset);
    if (t->aligned) { /* looked at before the limit */
        unsigned fault = x86_tr_cold_fault(t, X86_EXC_GP);
        ir_brcc(t->ir, IR_TSTNE, IR_I64, linear, x86_tr_const(t, bytes - 1), fault);
    }
    check_bounds(t, seg, offset, bytes, write);
    return linear;
}

IrRef x86_tr_linear(Translator *t, X86SegId seg, IrRef offset, int32_t disp, unsigned bytes, bool write,
                    int32_t *left)
{
    IrRef linear = x86_tr_linear_of_any_alignment(t, seg, offset, disp, bytes, write, left);
    x86_tr_check_alignment(t, linear, *left, alignment_of_bytes(bytes));
    return linear;
}

IrRef x86_tr_load(Translator *t, X86SegId seg, IrRef offset, unsigned bytes, unsigned asz)
{
    int32_t disp;
    offset = asz == 8 ? offset : x86_tr_zero_extend(t, offset, asz);
    IrRef at = x86_tr_linear(t, seg, offset, 0, bytes, false, &disp);
    return ir_load(t->ir, x86_tr_memop(bytes), IR_NONE, at, disp);
}

void x86_tr_address(Translator *t, unsigned n, bool write)
{
    if (t->ea != IR_NONE) {
        return;
    }
    int32_t disp = 0;
    IrRef at = t->row->operands[n].where == X86_AT_O
                   ? x86_tr_zero_extend(t, x86_tr_const(t, t->insn.disp), t->insn.asz)
                   : x86_tr_effective(t, &disp);
    write |= x86_insn_modifies(&t->insn);
    unsigned bytes = x86_tr_bytes(t, n);
    t->ea = x86_tr_linear_of_any_alignment(t, t->insn.seg, at, disp, bytes, write, &t->ea_disp);
    x86_tr_check_alignment(t, t->ea, t->ea_disp, alignment_of_operand(t, n, bytes));
    if (ir_is_global(t->ea)) { /* the instruction may write it before it is done */
        t->ea = ir_mov(t->ir, IR_NONE, t->ea);
    }
}

/* ---- operands ------------------------------------------------------------- */

unsigned x86_tr_bytes(Translator *t, unsigned n)
{
    X86DecodeMode mode = { .size = t->code };
    return x86_operand_bytes(&t->insn, mode, t->row->operands[n]);
}

unsigned x86_tr_pointer_bytes(const Translator *t)
{
    return t->cpu->vendor == VENDOR_AMD ? MIN(t->insn.osz, 4) : t->insn.osz;
}

bool x86_tr_is_memory(const Translator *t, unsigned n)
{
    switch (t->row->operands[n].where) {
    case X86_AT_E:
    case X86_AT_M:
    case X86_AT_Q:
    case X86_AT_W: return t->insn.memory;
    case X86_AT_O: return true;
    default: return false;
    }
}

/* The general register that operand n is; -1: it is none. */
static int register_of(const Translator *t, unsigned n)
{
    switch (t->row->operands[n].where) {
    case X86_AT_E:
    case X86_AT_M:
    case X86_AT_R: return t->insn.memory ? -1 : t->insn.rm;
    case X86_AT_Z: return t->insn.rm;
    case X86_AT_G: return t->insn.reg;
    case X86_AT_B: return t->insn.vvvv;
    case X86_AT_AX: return X86_RAX;
    case X86_AT_CX: return X86_RCX;
    case X86_AT_DX: return X86_RDX;
    default: return -1;
    }
}

/* Of two immediates the first is `imm`. */
static IrRef immediate(Translator *t, unsigned n)
{
    for (unsigned k = 0; k < n; k++) {
        if (t->row->operands[k].where == X86_AT_I) {
            return x86_tr_const(t, t->insn.imm2);
        }
    }
    return x86_tr_const(t, t->insn.imm);
}

IrRef x86_tr_get(Translator *t, unsigned n)
{
    unsigned where = t->row->operands[n].where, bytes = x86_tr_bytes(t, n);
    int reg = register_of(t, n);
    if (reg >= 0) {
        return get_byte_reg(t, reg, bytes);
    }
    if (x86_tr_is_memory(t, n)) {
        x86_tr_address(t, n, false);
        return ir_load(t->ir, x86_tr_memop(bytes), IR_NONE, t->ea, t->ea_disp);
    }
    return where == X86_AT_ONE ? x86_tr_const(t, 1) : immediate(t, n);
}

void x86_tr_set(Translator *t, unsigned n, IrRef value)
{
    unsigned bytes = x86_tr_bytes(t, n);
    int reg = register_of(t, n);
    if (reg >= 0) {
        set_byte_reg(t, reg, bytes, value);
        return;
    }
    x86_tr_address(t, n, true);
    ir_store(t->ir, x86_tr_memop(bytes), value, t->ea, t->ea_disp);
}

/* ---- the stack ------------------------------------------------------------ */

unsigned x86_tr_stack_bytes(const Translator *t)
{
    return t->code == 8 ? 8 : t->mode & X86_MODE_SS32 ? 4 : 2;
}

/* The offset `at` bytes from the stack pointer. */
static IrRef stack_offset(Translator *t, int32_t at, int32_t *disp)
{
    unsigned bytes = x86_tr_stack_bytes(t);
    *disp = bytes == 8 ? at : 0;
    if (bytes == 8) {
        return ir_global(G_GPR + X86_RSP);
    }
    IrRef sum = op2(t, IR_ADD, ir_global(G_GPR + X86_RSP), x86_tr_const(t, at));
    return x86_tr_zero_extend(t, sum, bytes);
}

IrRef x86_tr_peek(Translator *t, int32_t at, unsigned bytes)
{
    int32_t disp;
    IrRef offset = stack_offset(t, at, &disp);
    IrRef linear = x86_tr_linear(t, SEG_SS, offset, disp, bytes, false, &disp);
    return ir_load(t->ir, x86_tr_memop(bytes), IR_NONE, linear, disp);
}

void x86_tr_poke(Translator *t, int32_t at, unsigned bytes, IrRef value)
{
    int32_t disp;
    IrRef offset = stack_offset(t, at, &disp);
    IrRef linear = x86_tr_linear(t, SEG_SS, offset, disp, bytes, true, &disp);
    ir_store(t->ir, x86_tr_memop(bytes), value, linear, disp);
}

void x86_tr_probe_stack(Translator *t, int32_t at, unsigned bytes)
{
    int32_t disp;
    IrRef offset = stack_offset(t, at, &disp);
    IrRef linear = x86_tr_linear(t, SEG_SS, offset, disp, bytes, true, &disp);
    IrRef args[2] = { op2(t, IR_ADD, linear, x86_tr_const(t, disp)), x86_tr_const(t, bytes) };
    x86_tr_call(t, &x86_helper_probe_write, 2, args);
}

IrRef x86_tr_moved_sp(Translator *t, int32_t by)
{
    IrRef rsp = ir_global(G_GPR + X86_RSP), sum = op2(t, IR_ADD, rsp, x86_tr_const(t, by));
    unsigned bytes = x86_tr_stack_bytes(t);
    if (bytes != 2) {
        return bytes == 8 ? sum : x86_tr_zero_extend(t, sum, bytes);
    }
    IrRef kept = op2(t, IR_AND, rsp, x86_tr_const(t, ~INT64_C(0xffff)));
    return op2(t, IR_OR, kept, x86_tr_zero_extend(t, sum, 2));
}

void x86_tr_move_sp(Translator *t, int32_t by)
{
    unsigned bytes = x86_tr_stack_bytes(t);
    IrRef rsp = ir_global(G_GPR + X86_RSP), sum;
    if (bytes == 8) {
        ir_op2(t->ir, IR_ADD, IR_I64, rsp, rsp, x86_tr_const(t, by));
        return;
    }
    sum = op2(t, IR_ADD, rsp, x86_tr_const(t, by));
    x86_tr_set_reg(t, X86_RSP, bytes, sum);
}
