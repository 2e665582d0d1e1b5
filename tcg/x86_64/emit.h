/* SPDX-License-Identifier: GPL-2.0-or-later */
/* x86-64 instruction encoding: Intel SDM volume 2, chapter 2 (prefixes, ModRM, REX, VEX).
 *
 * An opcode here is its last byte plus flag bits for map, prefix and operand size.
 * Bytes go to the writable view; nobody checks for room: jit_compile() keeps
 * JIT_SLACK bytes free before each operation. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

enum { RAX, RCX, RDX, RBX, RSP, RBP, RSI, RDI, R8, R9, R10, R11, R12, R13, R14, R15, NO_REG = -1 };

enum {
    X_0F = 0x100,
    X_0F38 = 0x200,
    X_66 = 0x400,
    X_F3 = 0x800,
    X_W = 0x1000,    /* 64-bit operands */
    X_BREG = 0x2000, /* reg is a byte register */
    X_BRM = 0x4000,  /* rm, when a register, is a byte register */
    X_F2 = 0x8000,
};
enum {
    X_MOV_LOAD = 0x8b,
    X_MOV_STORE = 0x89,
    X_MOV8_LOAD = 0x8a | X_BREG | X_BRM,
    X_MOV8_STORE = 0x88 | X_BREG,
    X_LEA = 0x8d,
    X_MOVZX8 = 0xb6 | X_0F | X_BRM,
    X_MOVZX16 = 0xb7 | X_0F,
    X_MOVSX8 = 0xbe | X_0F | X_BRM,
    X_MOVSX16 = 0xbf | X_0F,
    X_MOVSXD = 0x63 | X_W,
    X_TEST = 0x85,
    X_IMUL = 0xaf | X_0F,
    X_CMOV = 0x40 | X_0F,
    X_SETCC = 0x90 | X_0F | X_BRM,
    X_POPCNT = 0xb8 | X_0F | X_F3,
    X_LZCNT = 0xbd | X_0F | X_F3,
    X_TZCNT = 0xbc | X_0F | X_F3,
    X_BSR = 0xbd | X_0F,
    X_BSF = 0xbc | X_0F,
};
/* Group numbers: /n of 81, C1/D3, F7 */
enum { ALU_ADD, ALU_OR, ALU_ADC, ALU_SBB, ALU_AND, ALU_SUB, ALU_XOR, ALU_CMP };
enum { SH_ROL = 0, SH_ROR = 1, SH_SHL = 4, SH_SHR = 5, SH_SAR = 7 };
enum { F7_NOT = 2, F7_NEG = 3, F7_MUL = 4, F7_IMUL = 5, F7_DIV = 6, F7_IDIV = 7 };
/* Condition codes */
/* clang-format off */
enum { CC_O, CC_NO, CC_B, CC_AE, CC_E, CC_NE, CC_BE, CC_A, CC_S, CC_NS, CC_P, CC_NP,
       CC_L, CC_GE, CC_LE, CC_G };
/* clang-format on */

/* What stands in ModRM's rm, or an immediate. */
typedef enum LocKind { LOC_REG, LOC_MEM, LOC_IMM } LocKind;
typedef struct Loc {
    LocKind kind;
    int reg;       /* register, or base of a memory operand */
    int index;     /* memory: index register or NO_REG */
    int64_t value; /* displacement or immediate */
    int scale;     /* memory: the index counts 1 << this times */
} Loc;
static inline Loc loc_reg(int r)
{
    return (Loc){ LOC_REG, r, NO_REG, 0 };
}
static inline Loc loc_mem(int base, int32_t disp)
{
    return (Loc){ LOC_MEM, base, NO_REG, disp };
}
static inline Loc loc_mem2(int base, int index, int32_t disp)
{
    return (Loc){ LOC_MEM, base, index, disp };
}
static inline Loc loc_imm(int64_t v)
{
    return (Loc){ LOC_IMM, NO_REG, NO_REG, v };
}

typedef struct Asm {
    uint8_t *p, *start; /* writable view */
    const uint8_t *rx;  /* where `start` is executed */
} Asm;

static inline void x_u8(Asm *a, unsigned v)
{
    *a->p++ = v;
}
static inline void x_u32(Asm *a, uint32_t v)
{
    memcpy(a->p, &v, 4);
    a->p += 4;
}
static inline void x_u64(Asm *a, uint64_t v)
{
    memcpy(a->p, &v, 8);
    a->p += 8;
}
static inline uint32_t x_pos(const Asm *a)
{
    return a->p - a->start;
}

/* ModRM, SIB and displacement. */
void x_modrm(Asm *a, int reg, Loc rm);
/* op reg, rm (or op rm, reg: the opcode says) */
void x_op(Asm *a, unsigned op, int reg, Loc rm);
void x_mov_imm(Asm *a, int reg, int64_t v, bool keep_flags);
void x_alu_imm(Asm *a, unsigned alu, unsigned w, Loc rm, int32_t imm);
void x_alu(Asm *a, unsigned alu, unsigned w, int reg, Loc rm);    /* reg op= rm */
void x_alu_to(Asm *a, unsigned alu, unsigned w, Loc rm, int reg); /* rm op= reg */
void x_shift_imm(Asm *a, unsigned sh, unsigned w, int reg, unsigned n);
void x_shift_cl(Asm *a, unsigned sh, unsigned w, int reg);
void x_f7(Asm *a, unsigned n, unsigned w, Loc rm);
/* Map 0F (1), 0F38 (2), 0F3A (3); pp: 0 none, 1 66, 2 F3, 3 F2 */
void x_sse(Asm *a, unsigned map, unsigned pp, unsigned w, unsigned op, int reg, Loc rm);
/* The same with VEX; pp with VEX_L: of 256 bits */
enum { VEX_L = 4 };
void x_vex(Asm *a, unsigned map, unsigned pp, unsigned w, unsigned op, int reg, int vvvv, Loc rm);
static inline void x_mov(Asm *a, int dst, int src)
{
    if (dst != src) {
        x_op(a, X_MOV_LOAD | X_W, dst, loc_reg(src));
    }
}
/* jmp/call/jcc with a rel32 to an executable address */
void x_jmp(Asm *a, const uint8_t *target);
void x_call(Asm *a, const uint8_t *target);
/* ... with a rel32 to fill in; returns its position */
uint32_t x_jmp_fwd(Asm *a);
uint32_t x_jcc_fwd(Asm *a, unsigned cc);
void x_bind(Asm *a, uint32_t fixup); /* to here */
void x_bind_to(Asm *a, uint32_t fixup, uint32_t pos);
/* short forms within one operation */
uint32_t x_jcc8(Asm *a, unsigned cc);
uint32_t x_jmp8(Asm *a);
void x_bind8(Asm *a, uint32_t fixup);
void x_bind8_to(Asm *a, uint32_t fixup, uint32_t pos);
void x_nop(Asm *a, unsigned bytes); /* up to 7 */
