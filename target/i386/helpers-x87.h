/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Helpers of x87 instructions, and what they are told: operands in memory are at a linear address. */
#pragma once
#include "tcg/ir.h"

/* What an operand is; X87_STACK: a register, ST(i). */
typedef enum X87Format {
    X87_STACK,
    X87_F32,
    X87_F64,
    X87_F80,
    X87_I16,
    X87_I32,
    X87_I64,
    X87_DECIMAL,
    X87_FORMATS
} X87Format;

enum { /* bits of a helper's `how` */
       X87_FORMAT = 0xf,
       X87_REGISTER_SHIFT = 4, /* 3 bits: i of ST(i) */
       X87_POP = 1 << 8,
       X87_POP_TWICE = 1 << 9,
       X87_CUT = 1 << 10,     /* FISTTP: toward zero */
       X87_TO_STI = 1 << 11,  /* the result goes there, not to ST(0) */
       X87_REVERSE = 1 << 12, /* ST(0) is the second operand */
       X87_QUIET = 1 << 13,   /* FUCOM: quiet NaN is not invalid */
       X87_FLAGS = 1 << 15,   /* FCOMI: to EFLAGS */
       X87_NOCHECK = 1 << 14, /* FSTPNCE: no stack fault of an empty ST(0) */
       X87_OP_SHIFT = 16,     /* 4 bits: of X87Operation */
       X87_INSN_SHIFT =
           IRH_X87_INSN, /* 11 bits: the instruction, as FOP has it; of all that one does at once */
       X87_BELOW_INSN = (1 << X87_INSN_SHIFT) - 1,
};
typedef enum X87Operation { X87_ADD, X87_MUL, X87_SUB, X87_DIV, X87_OPERATIONS } X87Operation;

/* helpers-x87.c */
extern const IrHelper x87_helper_wait;     /* what is pending */
extern const IrHelper x87_helper_fwait;    /* the same, or #NM */
extern const IrHelper x87_helper_constant; /* X86_FPU_CONST_* and instruction */
extern const IrHelper x87_helper_move;     /* FCMOV: i and instruction, whether */
extern const IrHelper x87_helper_stack;    /* X86_FPU_STACK_*, i and instruction */
extern const IrHelper x87_helper_clear;    /* FNCLEX */
/* FCHS, FABS: 0x8000 or 0 to keep the sign, 0x8000 or 0 to flip it, and instruction */
extern const IrHelper x87_helper_sign;
extern const IrHelper x87_helper_status;  /* -> the status word */
extern const IrHelper x87_helper_control; /* the control word, within FCW_WRITABLE and FCW_FIXED */
extern const IrHelper x87_helper_away;    /* x87_need() */
/* helpers-x87-quick.c: address, how */
extern const IrHelper x87_helper_load[X87_FORMATS], x87_helper_store[X87_FORMATS];
extern const IrHelper x87_helper_alu[X87_OPERATIONS], x87_helper_alu_memory[X87_OPERATIONS];
extern const IrHelper x87_helper_compare, x87_helper_compare_memory;
/* FCOMI: how, EFL_ARITH bits -> EFL_ARITH bits */
extern const IrHelper x87_helper_compare_flags;
/* What those leave to helpers-x87.c and helpers-x87-alu.c: every case. */
void x87_load_any(CPU *cpu, uint64_t at, uint32_t how);
void x87_store_any(CPU *cpu, uint64_t at, uint32_t how);
void x87_alu_any(CPU *cpu, uint64_t at, uint32_t how);
void x87_compare_any(CPU *cpu, uint64_t at, uint32_t how);
uint64_t x87_compare_flags_any(CPU *cpu, uint32_t how, uint64_t flags);
/* helpers-x87-function.c */
extern const IrHelper x87_helper_function; /* X86_FPU_FUNCTION_* and instruction */
/* helpers-x87-env.c */
extern const IrHelper x87_helper_init; /* FNINIT */
enum {
    X87_ENV_WIDE = 1,      /* 32-bit */
    X87_ENV_REAL = 2,      /* of real mode */
    X87_ENV_REGISTERS = 4, /* FNSAVE, FRSTOR */
    X87_ENV_WRITE = 8
};
extern const IrHelper x87_helper_touch_env; /* address, X87_ENV_*: faults where its first field does */
enum { X87_ENV_BYTES_MAX = 28 + 80 };
extern const IrHelper x87_helper_store_env; /* address, X87_ENV_* */
extern const IrHelper x87_helper_load_env;
