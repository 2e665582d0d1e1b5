/* SPDX-License-Identifier: GPL-2.0-or-later */
/* x86-64 instruction encoding: see emit.h. */
#include "tcg/x86_64/emit.h"
#include <glib.h>

void x_modrm(Asm *a, int reg, Loc rm)
{
    reg &= 7;
    if (rm.kind == LOC_REG) {
        x_u8(a, 0xc0 | reg << 3 | (rm.reg & 7));
        return;
    }
    g_assert(rm.kind == LOC_MEM);
    int32_t disp = rm.value;
    int base = rm.reg & 7;
    bool sib = rm.index != NO_REG || base == RSP;
    /* base 101 without displacement means something else */
    unsigned mod = disp == 0 && base != RBP ? 0 : disp == (int8_t)disp ? 1 : 2;
    x_u8(a, mod << 6 | reg << 3 | (sib ? 4 : base));
    if (sib) {
        x_u8(a, rm.scale << 6 | (rm.index == NO_REG ? 4 : rm.index & 7) << 3 | base);
    }
    if (mod == 1) {
        x_u8(a, disp);
    } else if (mod == 2) {
        x_u32(a, disp);
    }
}

void x_op(Asm *a, unsigned op, int reg, Loc rm)
{
    unsigned rex = 0;
    if (op & X_W) {
        rex |= 0x48;
    }
    if (reg >= 8) {
        rex |= 0x44;
    }
    if (rm.reg >= 8) {
        rex |= 0x41;
    }
    if (rm.index >= 8) {
        rex |= 0x42;
    }
    if ((op & X_BREG && reg >= 4) || (op & X_BRM && rm.kind == LOC_REG && rm.reg >= 4)) {
        rex |= 0x40;
    }
    if (op & X_66) {
        x_u8(a, 0x66);
    }
    if (op & X_F3) {
        x_u8(a, 0xf3);
    }
    if (op & X_F2) {
        x_u8(a, 0xf2);
    }
    if (rex) {
        x_u8(a, rex);
    }
    if (op & (X_0F | X_0F38)) {
        x_u8(a, 0x0f);
    }
    if (op & X_0F38) {
        x_u8(a, 0x38);
    }
    x_u8(a, op);
    x_modrm(a, reg, rm);
}

void x_mov_imm(Asm *a, int reg, int64_t v, bool keep_flags)
{
    if (v == 0 && !keep_flags) {
        x_op(a, 0x33, reg, loc_reg(reg));
    } else if (v == (int64_t)(uint32_t)v) {
        if (reg >= 8) {
            x_u8(a, 0x41);
        }
        x_u8(a, 0xb8 | (reg & 7));
        x_u32(a, v);
    } else if (v == (int32_t)v) {
        x_op(a, 0xc7 | X_W, 0, loc_reg(reg));
        x_u32(a, v);
    } else {
        x_u8(a, 0x48 | (reg >= 8));
        x_u8(a, 0xb8 | (reg & 7));
        x_u64(a, v);
    }
}

void x_alu_imm(Asm *a, unsigned alu, unsigned w, Loc rm, int32_t imm)
{
    bool small = imm == (int8_t)imm;
    x_op(a, (small ? 0x83 : 0x81) | w, alu, rm);
    if (small) {
        x_u8(a, imm);
    } else {
        x_u32(a, imm);
    }
}

void x_alu(Asm *a, unsigned alu, unsigned w, int reg, Loc rm)
{
    x_op(a, (alu << 3 | 3) | w, reg, rm);
}

void x_alu_to(Asm *a, unsigned alu, unsigned w, Loc rm, int reg)
{
    x_op(a, (alu << 3 | 1) | w, reg, rm);
}

void x_shift_imm(Asm *a, unsigned sh, unsigned w, int reg, unsigned n)
{
    x_op(a, 0xc1 | w, sh, loc_reg(reg));
    x_u8(a, n);
}

void x_shift_cl(Asm *a, unsigned sh, unsigned w, int reg)
{
    x_op(a, 0xd3 | w, sh, loc_reg(reg));
}

void x_f7(Asm *a, unsigned n, unsigned w, Loc rm)
{
    x_op(a, 0xf7 | w, n, rm);
}

void x_sse(Asm *a, unsigned map, unsigned pp, unsigned w, unsigned op, int reg, Loc rm)
{
    static const uint8_t prefixes[4] = { 0, 0x66, 0xf3, 0xf2 }, escapes[4] = { 0, 0, 0x38, 0x3a };
    unsigned rex =
        (w ? 0x48 : 0) | (reg >= 8 ? 0x44 : 0) | (rm.reg >= 8 ? 0x41 : 0) | (rm.index >= 8 ? 0x42 : 0);
    if (pp) {
        x_u8(a, prefixes[pp]);
    }
    if (rex) {
        x_u8(a, rex);
    }
    x_u8(a, 0x0f);
    if (map > 1) {
        x_u8(a, escapes[map]);
    }
    x_u8(a, op);
    x_modrm(a, reg, rm);
}

void x_vex(Asm *a, unsigned map, unsigned pp, unsigned w, unsigned op, int reg, int vvvv, Loc rm)
{
    if (map == 1 && !w && rm.index < 8 && rm.reg < 8) { /* the short form */
        x_u8(a, 0xc5);
        x_u8(a, (reg >= 8 ? 0 : 0x80) | (~vvvv & 15) << 3 | pp);
        x_u8(a, op);
        x_modrm(a, reg, rm);
        return;
    }
    x_u8(a, 0xc4);
    x_u8(a, (reg >= 8 ? 0 : 0x80) | (rm.index >= 8 ? 0 : 0x40) | (rm.reg >= 8 ? 0 : 0x20) | map);
    x_u8(a, (w ? 0x80 : 0) | (~vvvv & 15) << 3 | pp);
    x_u8(a, op);
    x_modrm(a, reg, rm);
}

static void x_rel32(Asm *a, const uint8_t *target)
{
    const uint8_t *next = a->rx + x_pos(a) + 4;
    x_u32(a, target - next);
}

void x_jmp(Asm *a, const uint8_t *target)
{
    x_u8(a, 0xe9);
    x_rel32(a, target);
}

void x_call(Asm *a, const uint8_t *target)
{
    x_u8(a, 0xe8);
    x_rel32(a, target);
}

uint32_t x_jmp_fwd(Asm *a)
{
    x_u8(a, 0xe9);
    x_u32(a, 0);
    return x_pos(a) - 4;
}

uint32_t x_jcc_fwd(Asm *a, unsigned cc)
{
    x_u8(a, 0x0f);
    x_u8(a, 0x80 | cc);
    x_u32(a, 0);
    return x_pos(a) - 4;
}

void x_bind_to(Asm *a, uint32_t fixup, uint32_t pos)
{
    int32_t rel = pos - (fixup + 4);
    memcpy(a->start + fixup, &rel, 4);
}

void x_bind(Asm *a, uint32_t fixup)
{
    x_bind_to(a, fixup, x_pos(a));
}

uint32_t x_jcc8(Asm *a, unsigned cc)
{
    x_u8(a, 0x70 | cc);
    x_u8(a, 0);
    return x_pos(a) - 1;
}

uint32_t x_jmp8(Asm *a)
{
    x_u8(a, 0xeb);
    x_u8(a, 0);
    return x_pos(a) - 1;
}

void x_bind8_to(Asm *a, uint32_t fixup, uint32_t pos)
{
    int rel = pos - (fixup + 1);
    g_assert(rel >= -128 && rel < 128);
    a->start[fixup] = rel;
}

void x_bind8(Asm *a, uint32_t fixup)
{
    x_bind8_to(a, fixup, x_pos(a));
}

void x_nop(Asm *a, unsigned bytes)
{
    static const uint8_t nops[8][8] = {
        { 0 },
        { 0x90 },
        { 0x66, 0x90 },
        { 0x0f, 0x1f, 0x00 },
        { 0x0f, 0x1f, 0x40, 0 },
        { 0x0f, 0x1f, 0x44, 0, 0 },
        { 0x66, 0x0f, 0x1f, 0x44, 0, 0 },
        { 0x0f, 0x1f, 0x80, 0, 0, 0, 0 },
    };
    memcpy(a->p, nops[bytes], bytes);
    a->p += bytes;
}
