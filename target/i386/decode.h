/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Decoded x86 instructions: the interface between the tables insns*.decode (through scripts/gen-x86.py) and
 * their users: translator, disassembler, tests and fuzzers.
 *
 * Spec: Intel 64 and IA-32 Architectures Software Developer's Manual, volume 2, chapters 2 and 3. */
#pragma once
#include "target/i386/isa.h"

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

enum {
    X86_INSN_MAX = 15,    /* bytes of the longest instruction */
    X86_OPERANDS_MAX = 4, /* operands of a row */
    X86_NO_REG = 0xff,    /* there is no base, no index */
    X86_REG_RIP = 0x10,   /* base: the address of the next instruction */
};

/* What the decoder must know of the processor's mode. */
typedef struct X86DecodeMode {
    uint8_t size; /* code segment: 2, 4, 8 bytes (16-, 32-, 64-bit code) */
    bool real;    /* real or virtual-8086 mode: no VEX, no instructions of protected mode */
    bool amd;     /* AMD: 66 makes near branches of 64-bit code 16 bits wide, attributes intel and amdw0 */
} X86DecodeMode;

typedef enum X86Seg { X86_ES, X86_CS, X86_SS, X86_DS, X86_FS, X86_GS } X86Seg;

/* Prefixes that came, as bits of X86Insn.prefixes. */
typedef enum X86Prefix {
    X86_PREFIX_LOCK = 1 << 0,
    X86_PREFIX_REPNE = 1 << 1,   /* F2 is the last of F2 and F3 */
    X86_PREFIX_REP = 1 << 2,     /* F3 is */
    X86_PREFIX_OPERAND = 1 << 3, /* 66 */
    X86_PREFIX_ADDRESS = 1 << 4, /* 67 */
    X86_PREFIX_SEGMENT = 1 << 5, /* one that has an effect in this mode */
    X86_PREFIX_REX = 1 << 6,     /* byte registers 4 to 7 are SPL BPL SIL DIL */
    X86_PREFIX_VEX = 1 << 7,
} X86Prefix;

/* Bits of X86Insn.rex, of REX and of VEX alike (not inverted). */
enum { X86_REX_B = 1, X86_REX_X = 2, X86_REX_R = 4, X86_REX_W = 8 };

/* One decoded instruction. */
typedef struct X86Insn {
    uint16_t row;     /* index into x86_rows; 0: none */
    uint8_t length;   /* bytes, 1 to 15 */
    uint8_t opcode;   /* its last byte; the low three bits name a register, the low four a condition */
    uint8_t prefixes; /* X86Prefix */
    uint8_t rex;      /* X86_REX_* */
    uint8_t vvvv;     /* VEX.vvvv, not inverted */
    uint8_t vector;   /* bytes of a vector: 32 with VEX.L, else 16 */
    uint8_t osz, asz; /* bytes of operand and address: 2, 4, 8 */
    uint8_t modrm;    /* 0 if there is none */
    uint8_t reg,
        rm; /* register numbers with their REX bits (MMX, x87 and segment registers: the low three count);
                       * rm also is the register in the opcode */
    uint8_t memory; /* ModRM.rm is memory, at: */
    uint8_t seg;    /* X86Seg: by prefix, else by base.  Also of X and O operands */
    uint8_t base;   /* 0 to 15, X86_REG_RIP or X86_NO_REG */
    uint8_t index;  /* 0 to 15 (rows with vsib: of a vector register) or X86_NO_REG */
    uint8_t scale;  /* shift of the index: 0 to 3 */
    uint16_t imm2;  /* second immediate: level of enter, selector of a far pointer */
    int64_t disp;   /* displacement; of O operands the whole address */
    int64_t imm;    /* sign extended, of sizes b and w (shifts, ret, enter) zero extended */
} X86Insn;

typedef enum X86DecodeResult {
    X86_DECODE_OK,
    X86_DECODE_INVALID,  /* #UD; X86Insn.length: bytes that were looked at */
    X86_DECODE_TOO_LONG, /* more than 15 bytes: #GP */
    X86_DECODE_SHORT,    /* goes on behind the bytes that were given */
} X86DecodeResult;

/* Where an operand is: the letters of the tables (insns.decode). */
/* clang-format off */
typedef enum X86Where {
    X86_AT_NONE, X86_AT_E, X86_AT_M, X86_AT_R, X86_AT_G, X86_AT_Q, X86_AT_N, X86_AT_P, X86_AT_W, X86_AT_U,
    X86_AT_V, X86_AT_S, X86_AT_C, X86_AT_D, X86_AT_H, X86_AT_B, X86_AT_L, X86_AT_Z, X86_AT_I, X86_AT_J,
    X86_AT_A, X86_AT_O, X86_AT_X, X86_AT_Y, X86_AT_STI,
    X86_AT_ONE, X86_AT_AX, X86_AT_CX, X86_AT_DX, X86_AT_ST0, X86_AT_XMM0, /* the register, its size as below */
    X86_AT_ES, X86_AT_CS, X86_AT_SS, X86_AT_DS, X86_AT_FS, X86_AT_GS,
} X86Where;

/* How large it is: the small letters.  x86_operand_bytes() knows the bytes. */
typedef enum X86Size {
    X86_SIZE_NONE, X86_SIZE_B, X86_SIZE_BS, X86_SIZE_W, X86_SIZE_D, X86_SIZE_Q, X86_SIZE_DQ, X86_SIZE_QQ,
    X86_SIZE_V, X86_SIZE_Z, X86_SIZE_Y, X86_SIZE_X, X86_SIZE_SS, X86_SIZE_SD, X86_SIZE_PS, X86_SIZE_PD,
    X86_SIZE_P, X86_SIZE_A, X86_SIZE_S, X86_SIZE_F,
    X86_SIZE_FD, X86_SIZE_FQ, X86_SIZE_FT, X86_SIZE_FA, X86_SIZE_FE, X86_SIZE_FS,
    X86_SIZE_VX, X86_SIZE_VH, X86_SIZE_VY,
} X86Size;
/* clang-format on */

typedef struct X86Operand {
    uint8_t where; /* X86Where */
    uint8_t size;  /* X86Size */
} X86Operand;

/* Attributes of a row, bits: what the table calls so (insns.decode explains them) ... */
typedef enum X86Attr {
    X86_ATTR_LOCK = 1 << 0,
    X86_ATTR_REP = 1 << 1,
    X86_ATTR_REPE = 1 << 2,
    X86_ATTR_D64 = 1 << 3,
    X86_ATTR_F64 = 1 << 4,
    X86_ATTR_B64 = 1 << 5,
    X86_ATTR_CPL0 = 1 << 6,
    X86_ATTR_CPL0UD = 1 << 7,
    X86_ATTR_IOPL = 1 << 8,
    X86_ATTR_V86IOPL = 1 << 9,
    X86_ATTR_MXCSR = 1 << 10,
    X86_ATTR_UNALIGNED = 1 << 11,
    X86_ATTR_MMX = 1 << 12,
    X86_ATTR_MMXMEM = 1 << 13,
    X86_ATTR_W64 = 1 << 14,
    X86_ATTR_AMDW0 = 1 << 15,
    X86_ATTR_VSIB = 1 << 16,
    X86_ATTR_NOWAIT = 1 << 17,
    X86_ATTR_ASZ = 1 << 18,
    X86_ATTR_INTEL = 1 << 19,
    X86_ATTR_ALIAS = 1 << 20,
    /* ... and what scripts/gen-x86.py adds. */
    X86_ATTR_PROT = 1 << 21,   /* column when: not in real and virtual-8086 mode */
    X86_ATTR_MODRM = 1 << 22,  /* has a ModRM byte */
    X86_ATTR_ANYMOD = 1 << 23, /* modrm `:i`: the register form whatever field mod says */
    X86_ATTR_VVVV = 1 << 24,   /* VEX.vvvv is an operand */
    X86_ATTR_MOFFS = 1 << 25,  /* an address of asz bytes follows the opcode (O operands) */
} X86Attr;

/* Which bytes choose a row: for those who make instructions.  Sets are bits of the value. */
typedef struct X86Encoding {
    uint8_t map;             /* X86Map */
    uint8_t opcode, opcodes; /* the first, and how many */
    uint8_t prefix;          /* of none, 66, F3, F2 */
    uint8_t mod;             /* of memory, register */
    uint8_t reg, rm;         /* of 0 to 7 */
    uint8_t mode64;          /* of other code, 64-bit code */
    uint8_t w, l, b;         /* of 0, 1: REX.W or VEX.W, VEX.L, REX.B */
} X86Encoding;

typedef enum X86Map {
    X86_MAP_00,
    X86_MAP_0F,
    X86_MAP_38,
    X86_MAP_3A,
    X86_MAP_V1,
    X86_MAP_V2,
    X86_MAP_V3,
    X86_MAP_COUNT
} X86Map;

/* Flags of a row, as bits of EFLAGS (IOPL: both). */
typedef struct X86FlagFacts {
    uint32_t read;
    uint32_t written;   /* in any case: by the result, to 0, to 1, or undefined */
    uint32_t may_write; /* or left alone, by a count or a condition */
    uint32_t zero, one; /* written so, always */
    uint32_t undefined; /* for some operands, if also a defined result is named in the table */
} X86FlagFacts;

/* One row of the tables. */
typedef struct X86Row {
    const char *name;  /* with alternatives, see insns.decode */
    uint64_t need;     /* bits of X86Isa, all of them */
    uint64_t need_256; /* the same with VEX.L */
    X86FlagFacts flags;
    uint32_t attrs;     /* X86Attr */
    uint16_t otherwise; /* row of this encoding where the ISA is absent (attribute else), or 0: #UD */
    uint16_t arg;       /* for the translator: a number, or X86_name_NAME of its family */
    uint8_t translator; /* X86Translator */
    uint8_t exceptions; /* class 1 to 13 of SSE and VEX, or 0 */
    uint8_t imm, imm2;  /* X86Size of the immediates that follow: B, BS, W, Z or V */
    X86Operand operands[X86_OPERANDS_MAX];
    X86Encoding encoding;
} X86Row;

extern const X86Row x86_rows[]; /* 0 is "no instruction" */
extern const unsigned x86_row_count;

/* Decode the instruction that begins at bytes[0], of which `available` bytes can be read; never reads more,
 * never more than 15.  ISA bits are not looked at: see x86_row_for().  *insn is defined with every result;
 * with X86_DECODE_INVALID row is 0. */
X86DecodeResult x86_decode(X86Insn *insn, X86DecodeMode mode, const uint8_t *bytes, unsigned available);

/* The row that a processor with these bits of X86Isa executes for a decoded instruction; 0: #UD. */
unsigned x86_row_for(const X86Insn *insn, uint64_t isa);

/* Does it read its memory operand and then write it? */
bool x86_insn_modifies(const X86Insn *insn);

/* Bytes of an operand, of memory by a vector of indices those of one element; 0 where that has no meaning (lea,
 * x87 state, xsave areas). */
unsigned x86_operand_bytes(const X86Insn *insn, X86DecodeMode mode, X86Operand operand);
