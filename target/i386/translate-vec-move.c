/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Vector instructions that move: between registers, memory and general registers, element by element, with conversions;
 * and the state of the unit. */
#include "target/i386/families.h"
#include "target/i386/translate-vec.h"

static IrRef vt(unsigned n)
{
    return ir_global(G_VT0 + n);
}

static bool writes_memory(const Translator *t)
{
    return x86_tr_is_memory(t, 0);
}

/* ---- vmov ----------------------------------------------------------------------- */

/* All of a register. */
static void move_all(Translator *t)
{
    if (writes_memory(t)) {
        x86_vec_store(t, 0, x86_vec_reg(t, 1));
    } else if (x86_tr_is_memory(t, 1)) {
        bool mmx = t->row->operands[0].where == X86_AT_P;
        x86_vec_load(t, 1, x86_vec_reg(t, 0), !mmx && !x86_vec_is_vex(t));
    } else {
        x86_vec_do(t, VOP_MOV);
    }
}

/* One number: from memory the rest becomes 0, from a register it stays. */
static void move_number(Translator *t, IrVop vop)
{
    if (writes_memory(t)) {
        x86_vec_store(t, 0, x86_vec_reg(t, 1));
    } else if (x86_tr_is_memory(t, 1)) {
        x86_vec_load(t, 1, x86_vec_reg(t, 0), !x86_vec_is_vex(t));
    } else {
        x86_vec_do(t, vop);
    }
}

static void move_low(Translator *t)
{
    if (writes_memory(t)) {
        x86_vec_store(t, 0, x86_vec_reg(t, 1));
    } else {
        x86_vec_do(t, VOP_MOV_F64);
    }
}

static void move_high(Translator *t)
{
    if (!writes_memory(t)) {
        x86_vec_do(t, VOP_LOW_TO_HIGH);
        return;
    }
    IrRef from = x86_vec_reg(t, 1);
    ir_vector(t->ir, VOP_UNPACKH_F64, IR_V128, vt(0), from, from, IR_NONE);
    x86_vec_store(t, 0, vt(0));
}

static bool is_general(const Translator *t, unsigned n)
{
    return t->row->operands[n].where == X86_AT_E;
}

/* MOVD and MOVQ: with a general register or memory in its place, or 64 bits between vectors. */
static void move_quad(Translator *t)
{
    if (is_general(t, 1)) {
        bool wide = x86_tr_bytes(t, 1) == 8;
        IrRef value = x86_tr_get(t, 1);
        x86_vec_op(t, wide ? VOP_FROM_I64 : VOP_FROM_I32, x86_vec_reg(t, 0), value, IR_NONE, IR_NONE);
    } else if (is_general(t, 0)) {
        bool wide = x86_tr_bytes(t, 0) == 8;
        IrRef value =
            x86_vec_op(t, wide ? VOP_TO_I64 : VOP_TO_I32, IR_NONE, x86_vec_reg(t, 1), IR_NONE, IR_NONE);
        x86_tr_set(t, 0, value);
    } else if (t->row->attrs & X86_ATTR_MMX) {
        move_all(t);
    } else {
        move_number(t, VOP_MOV_LOW64);
    }
}

void x86_tr_vmov(Translator *t)
{
    if (!x86_vec_begin(t)) {
        return;
    }
    switch (t->row->arg) {
    case X86_VMOV_MOVSS: move_number(t, VOP_MOV_F32); break;
    case X86_VMOV_MOVSD: move_number(t, VOP_MOV_F64); break;
    case X86_VMOV_MOVSLDUP: x86_vec_do(t, VOP_MOVL_DUP); break;
    case X86_VMOV_MOVSHDUP: x86_vec_do(t, VOP_MOVH_DUP); break;
    case X86_VMOV_MOVDDUP: x86_vec_do(t, VOP_MOV_DUP64); break;
    case X86_VMOV_MOVLPS:
    case X86_VMOV_MOVLPD: move_low(t); break;
    case X86_VMOV_MOVHPS:
    case X86_VMOV_MOVHPD: move_high(t); break;
    case X86_VMOV_MOVHLPS: x86_vec_do(t, VOP_HIGH_TO_LOW); break;
    case X86_VMOV_MOVLHPS: x86_vec_do(t, VOP_LOW_TO_HIGH); break;
    case X86_VMOV_MOVD:
    case X86_VMOV_MOVQ: move_quad(t); break;
    case X86_VMOV_MOVQ2DQ: x86_vec_do(t, VOP_MOV_LOW64); break;
    default: move_all(t); /* MOVDQ2Q as well */
    }
    x86_vec_end(t);
}

/* ---- elements -------------------------------------------------------------------- */

static const uint16_t extracts[] = {
    [X86_VEXTRACT_PEXTRB] = VOP_EXTRACT_I8,     [X86_VEXTRACT_PEXTRW] = VOP_EXTRACT_I16,
    [X86_VEXTRACT_PEXTRD] = VOP_EXTRACT_I32,    [X86_VEXTRACT_PEXTRQ] = VOP_EXTRACT_I64,
    [X86_VEXTRACT_EXTRACTPS] = VOP_EXTRACT_I32,
};

static void extract_half(Translator *t)
{
    if (!writes_memory(t)) {
        x86_vec_do(t, VOP_EXTRACT_128);
        return;
    }
    x86_vec_op(t, VOP_EXTRACT_128, vt(0), x86_vec_reg(t, 1), IR_NONE, IR_NONE);
    x86_vec_store(t, 0, vt(0));
}

void x86_tr_vextract(Translator *t)
{
    if (!x86_vec_begin(t)) {
        return;
    }
    if (t->row->arg == X86_VEXTRACT_EXTRACTF128 || t->row->arg == X86_VEXTRACT_EXTRACTI128) {
        extract_half(t);
        return;
    }
    IrRef value = x86_vec_op(t, extracts[t->row->arg], IR_NONE, x86_vec_reg(t, 1), IR_NONE, IR_NONE);
    x86_tr_set(t, 0, value);
    x86_vec_end(t);
}

static const uint16_t inserts[] = {
    [X86_VINSERT_PINSRB] = VOP_INSERT_I8,
    [X86_VINSERT_PINSRW] = VOP_INSERT_I16,
    [X86_VINSERT_PINSRD] = VOP_INSERT_I32,
    [X86_VINSERT_PINSRQ] = VOP_INSERT_I64,
};

void x86_tr_vinsert(Translator *t)
{
    if (!x86_vec_begin(t)) {
        return;
    }
    unsigned into = x86_vec_is_vex(t) ? 1 : 0;
    switch (t->row->arg) {
    case X86_VINSERT_INSERTF128:
    case X86_VINSERT_INSERTI128: x86_vec_do(t, VOP_INSERT_128); break;
    case X86_VINSERT_INSERTPS: { /* in memory there is one number to choose from */
        IrRef from = t->insn.memory ? vt(0) : x86_vec_reg(t, into + 1);
        if (t->insn.memory) {
            x86_vec_load(t, into + 1, vt(0), false);
        }
        x86_vec_op_imm(t, VOP_INSERT_F32, t->insn.imm & (t->insn.memory ? 0x3f : 0xff), x86_vec_reg(t, 0),
                       x86_vec_reg(t, into), from, IR_NONE);
        break;
    }
    default: {
        IrRef value = x86_tr_get(t, into + 1);
        x86_vec_op(t, inserts[t->row->arg], x86_vec_reg(t, 0), x86_vec_reg(t, into), value, IR_NONE);
    }
    }
    x86_vec_end(t);
}

void x86_tr_vbroadcast(Translator *t)
{
    static const uint16_t ops[] = {
        [X86_VBROADCAST_BROADCASTSS] = VOP_SPREAD_F32, [X86_VBROADCAST_BROADCASTSD] = VOP_SPREAD_F64,
        [X86_VBROADCAST_PBROADCASTB] = VOP_SPREAD_I8,  [X86_VBROADCAST_PBROADCASTW] = VOP_SPREAD_I16,
        [X86_VBROADCAST_PBROADCASTD] = VOP_SPREAD_I32, [X86_VBROADCAST_PBROADCASTQ] = VOP_SPREAD_I64,
    };
    if (!x86_vec_begin(t)) {
        return;
    }
    IrRef from = t->insn.memory ? vt(0) : x86_vec_reg(t, 1);
    if (t->insn.memory) {
        x86_vec_load(t, 1, vt(0), false);
    }
    if (t->row->arg == X86_VBROADCAST_BROADCASTF128 || t->row->arg == X86_VBROADCAST_BROADCASTI128) {
        x86_vec_op_imm(t, VOP_PERM_F128, 0, x86_vec_reg(t, 0), from, from, IR_NONE);
    } else {
        x86_vec_op(t, ops[t->row->arg], x86_vec_reg(t, 0), from, IR_NONE, IR_NONE);
    }
}

/* ---- conversions ------------------------------------------------------------------- */

/* 64 bits of operand 1 in vt(0). */
static IrRef low_half(Translator *t)
{
    if (x86_tr_is_memory(t, 1)) {
        x86_vec_load(t, 1, vt(0), false);
    } else {
        ir_vector(t->ir, VOP_MOV_LOW64, IR_V128, vt(0), x86_vec_reg(t, 1), IR_NONE, IR_NONE);
    }
    return vt(0);
}

static void to_mmx(Translator *t, IrVop vop, IrRef from)
{
    x86_vec_touch_mmx(t);
    x86_vec_op(t, vop, vt(1), from, IR_NONE, IR_NONE);
    x86_vec_op(t, VOP_MOV, x86_vec_reg(t, 0), vt(1), IR_NONE, IR_NONE);
}

static void from_integer(Translator *t, IrVop narrow, IrVop wide)
{
    unsigned into = x86_vec_is_vex(t) ? 1 : 0;
    bool is_wide = x86_tr_bytes(t, into + 1) == 8;
    IrRef value = x86_tr_get(t, into + 1);
    x86_vec_op(t, is_wide ? wide : narrow, x86_vec_reg(t, 0), x86_vec_reg(t, into), value, IR_NONE);
}

static void to_integer(Translator *t, IrVop narrow, IrVop wide)
{
    bool is_wide = x86_tr_bytes(t, 0) == 8;
    IrRef from = x86_vec_get(t, 1);
    x86_tr_set(t, 0, x86_vec_op(t, is_wide ? wide : narrow, IR_NONE, from, IR_NONE, IR_NONE));
}

static void to_halves(Translator *t)
{
    if (!writes_memory(t)) {
        x86_vec_do(t, VOP_CVT_F32_F16);
        return;
    }
    x86_tr_address(t, 0, true); /* no flag before it is known that nothing faults */
    IrRef at = ir_op2(t->ir, IR_ADD, IR_I64, IR_NONE, t->ea, x86_tr_const(t, t->ea_disp));
    IrRef args[2] = { at, x86_tr_const(t, x86_tr_bytes(t, 0)) };
    x86_tr_call(t, &x86_helper_probe_write, 2, args);
    x86_vec_op(t, VOP_CVT_F32_F16, vt(1), x86_vec_reg(t, 1), IR_NONE, IR_NONE);
    x86_vec_store(t, 0, vt(1));
}

/* Between vectors. */
static const uint16_t conversions[] = {
    [X86_VCONVERT_CVTPI2PD] = VOP_CVT_I32_F64,     [X86_VCONVERT_CVTPS2PD] = VOP_CVT_F32_F64,
    [X86_VCONVERT_CVTPD2PS] = VOP_CVT_F64_F32,     [X86_VCONVERT_CVTSS2SD] = VOP_CVT_F32_F64_LOW,
    [X86_VCONVERT_CVTSD2SS] = VOP_CVT_F64_F32_LOW, [X86_VCONVERT_CVTDQ2PS] = VOP_CVT_I32_F32,
    [X86_VCONVERT_CVTPS2DQ] = VOP_CVT_F32_I32,     [X86_VCONVERT_CVTTPS2DQ] = VOP_CVTT_F32_I32,
    [X86_VCONVERT_CVTTPD2DQ] = VOP_CVTT_F64_I32,   [X86_VCONVERT_CVTDQ2PD] = VOP_CVT_I32_F64,
    [X86_VCONVERT_CVTPD2DQ] = VOP_CVT_F64_I32,     [X86_VCONVERT_CVTPH2PS] = VOP_CVT_F16_F32,
};

void x86_tr_vconvert(Translator *t)
{
    if (!x86_vec_begin(t)) {
        return;
    }
    switch (t->row->arg) {
    case X86_VCONVERT_CVTSI2SS: from_integer(t, VOP_INT32_TO_F32, VOP_INT64_TO_F32); break;
    case X86_VCONVERT_CVTSI2SD: from_integer(t, VOP_INT32_TO_F64, VOP_INT64_TO_F64); break;
    case X86_VCONVERT_CVTSS2SI: to_integer(t, VOP_F32_TO_INT32, VOP_F32_TO_INT64); break;
    case X86_VCONVERT_CVTSD2SI: to_integer(t, VOP_F64_TO_INT32, VOP_F64_TO_INT64); break;
    case X86_VCONVERT_CVTTSS2SI: to_integer(t, VOP_F32_CUT_INT32, VOP_F32_CUT_INT64); break;
    case X86_VCONVERT_CVTTSD2SI: to_integer(t, VOP_F64_CUT_INT32, VOP_F64_CUT_INT64); break;
    case X86_VCONVERT_CVTPI2PS:
        if (!t->insn.memory) {
            x86_vec_touch_mmx(t);
        }
        x86_vec_op(t, VOP_CVT_I32_F32, vt(1), low_half(t), IR_NONE, IR_NONE);
        x86_vec_op(t, VOP_MOV_F64, x86_vec_reg(t, 0), x86_vec_reg(t, 0), vt(1), IR_NONE);
        break;
    case X86_VCONVERT_CVTPS2PI: to_mmx(t, VOP_CVT_F32_I32, low_half(t)); break;
    case X86_VCONVERT_CVTTPS2PI: to_mmx(t, VOP_CVTT_F32_I32, low_half(t)); break;
    case X86_VCONVERT_CVTPD2PI: to_mmx(t, VOP_CVT_F64_I32, x86_vec_get(t, 1)); break;
    case X86_VCONVERT_CVTTPD2PI: to_mmx(t, VOP_CVTT_F64_I32, x86_vec_get(t, 1)); break;
    case X86_VCONVERT_CVTPS2PH: to_halves(t); break;
    default: x86_vec_do(t, conversions[t->row->arg]);
    }
    x86_vec_end(t);
}

/* ---- by masks ------------------------------------------------------------------------ */

static unsigned element_of(const Translator *t)
{
    switch (t->row->arg) {
    case X86_VMASKMOV_MASKMOVQ:
    case X86_VMASKMOV_MASKMOVDQU: return 1;
    case X86_VMASKMOV_MASKMOVPS:
    case X86_VMASKMOV_PMASKMOVD: return 4;
    default: return 8;
    }
}

static IrRef segment_word(Translator *t)
{
    return x86_tr_const(t, t->insn.seg | t->insn.asz << 4);
}

/* Bytes to [rDI], where the mask has its top bits set. */
static void mask_bytes(Translator *t, unsigned bytes)
{
    unsigned value = t->insn.reg, mask = t->insn.rm;
    if (bytes == 8) {
        x86_vec_touch_mmx(t);
        for (unsigned n = 0; n < 2; n++) {
            ir_vector(t->ir, VOP_MOV_LOW64, IR_V128, vt(n), x86_vec_reg(t, n), IR_NONE, IR_NONE);
        }
        value = VEC_VT0;
        mask = VEC_VT1;
    }
    IrRef at = x86_tr_zero_extend(t, x86_tr_reg(t, X86_RDI, 8), t->insn.asz);
    if (t->cpu->vendor ==
        VENDOR_AMD) { /* whatever the mask is, the bytes can be written, and by eight (seen on Zen 5) */
        enum { ALIGNMENT = 8 };
        int32_t disp;
        IrRef linear = x86_tr_linear_of_any_alignment(t, t->insn.seg, at, 0, bytes, true, &disp);
        x86_tr_check_alignment(t, linear, disp, ALIGNMENT);
        IrRef args[2] = { linear, x86_tr_const(t, bytes) };
        x86_tr_call(t, &x86_helper_probe_write, 2, args);
    }
    unsigned word =
        value << VEC_A_SHIFT | mask << VEC_B_SHIFT | 1u << VEC_SIZE_SHIFT | bytes << VEC_COUNT_SHIFT;
    IrRef args[3] = { x86_tr_const(t, word), at, segment_word(t) };
    x86_tr_call(t, &x86_helper_mask_store, 3, args);
}

void x86_tr_vmaskmov(Translator *t)
{
    unsigned size = element_of(t), memory = writes_memory(t) ? 0 : 2;
    if (!x86_vec_begin(t)) {
        return;
    }
    if (size == 1) {
        mask_bytes(t, t->row->arg == X86_VMASKMOV_MASKMOVQ ? 8 : 16);
        x86_vec_end(t);
        return;
    }
    int32_t disp;
    IrRef at = x86_tr_effective(t, &disp);
    at = ir_op2(t->ir, IR_ADD, IR_I64, IR_NONE, at, x86_tr_const(t, disp));
    unsigned word = t->insn.reg << VEC_A_SHIFT | t->insn.vvvv << VEC_B_SHIFT | size << VEC_SIZE_SHIFT |
                    t->insn.vector / size << VEC_COUNT_SHIFT;
    IrRef args[3] = { x86_tr_const(t, word), at, segment_word(t) };
    x86_tr_call(t, memory ? &x86_helper_mask_load : &x86_helper_mask_store, 3, args);
}

void x86_tr_vgather(Translator *t)
{
    static const struct Sizes {
        uint8_t index, element;
    } sizes[] = {
        [X86_VGATHER_PGATHERDD] = { 4, 4 }, [X86_VGATHER_PGATHERDQ] = { 4, 8 },
        [X86_VGATHER_PGATHERQD] = { 8, 4 }, [X86_VGATHER_PGATHERQQ] = { 8, 8 },
        [X86_VGATHER_GATHERDPS] = { 4, 4 }, [X86_VGATHER_GATHERDPD] = { 4, 8 },
        [X86_VGATHER_GATHERQPS] = { 8, 4 }, [X86_VGATHER_GATHERQPD] = { 8, 8 },
    };
    const X86Insn *i = &t->insn;
    struct Sizes s = sizes[t->row->arg];
    if (!x86_vec_begin(t)) {
        return;
    }
    if (i->reg == i->vvvv || i->reg == i->index || i->vvvv == i->index) {
        x86_tr_fault(t, X86_EXC_UD);
        return;
    }
    unsigned count = i->vector / MAX(s.index, s.element);
    unsigned word = i->reg << VEC_A_SHIFT | i->vvvv << VEC_B_SHIFT | i->index << VEC_C_SHIFT |
                    s.element << VEC_SIZE_SHIFT | s.index << VEC_INDEX_SHIFT | count << VEC_COUNT_SHIFT |
                    (unsigned)i->scale << VEC_SCALE_SHIFT;
    IrRef base = i->base != X86_NO_REG ? x86_tr_reg(t, i->base, 8) : x86_tr_const(t, 0);
    base = ir_op2(t->ir, IR_ADD, IR_I64, IR_NONE, base, x86_tr_const(t, i->disp));
    IrRef args[3] = { x86_tr_const(t, word), base, segment_word(t) };
    x86_tr_call(t, &x86_helper_gather, 3, args);
}

/* ---- state ----------------------------------------------------------------------------- */

void x86_tr_vzero(Translator *t)
{
    bool all = t->row->arg == X86_VZERO_VZEROALL;
    if (!x86_vec_begin(t)) {
        return;
    }
    if (!all && !(t->mode & X86_MODE_UPPER)) {
        return;
    }
    for (unsigned n = 0; n < (t->code == 8 ? 16 : 8); n++) {
        IrRef r = ir_global(G_YMM + n);
        ir_vector(t->ir, all ? VOP_XOR_I : VOP_MOV, IR_V128, r, r, all ? r : IR_NONE, IR_NONE);
    }
}

void x86_tr_mxcsr(Translator *t)
{
    if (!x86_vec_begin(t)) {
        return;
    }
    if (t->row->arg == X86_MXCSR_STMXCSR) {
        x86_tr_set(t, 0, x86_tr_call(t, &x86_helper_stmxcsr, 0, NULL));
        return;
    }
    IrRef value = x86_tr_get(t, 0);
    x86_tr_call(t, &x86_helper_ldmxcsr, 1, &value);
    x86_tr_end_lookup(t); /* whether exceptions are unmasked is of the mode */
}

void x86_tr_emms(Translator *t)
{
    if (x86_vec_begin(t)) {
        ir_store_env(t->ir, MEM_8, x86_tr_const(t, 0), offsetof(X86CPU, s.x87.tags));
        ir_store_env(t->ir, MEM_8, x86_tr_const(t, 0), offsetof(X86CPU, s.x87.top));
    }
}
