/* SPDX-License-Identifier: GPL-2.0-or-later */
/* State and services of the RISC-V translator, shared by translate-*.c.
 *
 * Rules for a translator (riscv_tr_NAME, one for many rows of the tables):
 *  1. It reads its source registers before it writes the destination: they may be the same.
 *  2. Nothing architectural is written before the last operation that may fault.
 *  3. x0 reads as the constant 0 and is never written; a faulting operation is still made.
 *  4. RV32: what it writes to a register is sign extended from bit 31.
 *  5. A translator that does not fall through sets t->done (after an exit), or uses
 *     riscv_tr_goto(). */
#pragma once
#include "target/vcpu.h"
#include "target/riscv/cpu.h"
#include "target/riscv/fp.h"
#include "target/riscv/helpers.h"
#include "target/riscv/translators.h" /* made by scripts/gen-decoder.py */

enum { RISCV_MAX_BLOCK = 64 }; /* instructions */

typedef enum FpReady { FP_READY_NO, FP_READY_ON, FP_READY_DIRTY } FpReady;

/* A side exit, emitted behind the block's main path; COLD_BOUND: an exit that became a forward
 * branch in the block. */
typedef enum ColdKind { COLD_EXIT, COLD_BOUND, COLD_RAISE, COLD_JALR_MISALIGNED, COLD_REST } ColdKind;
typedef struct ColdPath {
    ColdKind kind;
    unsigned label;
    uint64_t pc;    /* of the instruction (raise, rest), or where to go (exit) */
    uint32_t cause; /* raise */
    uint64_t tval;
    RiscvArgs args;   /* of the jalr or the rest */
    FpReady fp_ready; /* exit: what was known at the branch */
    bool frm_ready;
    uint64_t next; /* COLD_REST: behind the instruction */
    void (*rest)(Translator *t, const RiscvArgs *a);
} ColdPath;

struct Translator {
    TranslateCtx *ctx;
    IrBlock *ir;
    RiscvCPU *cpu;     /* for its model only: state changes between runs of a block */
    uint64_t pc, next; /* of this instruction and the one behind it */
    uint64_t end;      /* highest address translated, exclusive */
    unsigned priv;
    bool rv32;
    bool done;        /* the block has its exit */
    bool loops;       /* label 0 may be used */
    FpReady fp_ready; /* what has been checked in this block */
    bool frm_ready;
    uint32_t known;    /* bit per x register whose value is a constant here */
    uint32_t known_pc; /* ... that moves as the code does */
    int64_t value[32];
    unsigned cold_count;
    ColdPath cold[4 * RISCV_MAX_BLOCK];
};

enum { CLMUL_LOW, CLMUL_HIGH, CLMUL_REVERSED };
enum { BIT_CLEAR, BIT_EXTRACT, BIT_INVERT, BIT_SET };
enum { SIGN_COPY, SIGN_NEGATE, SIGN_XOR, SIGN_MASK = 3, SIGN_H = 4, SIGN_S = 8, SIGN_D = 12 };

static inline IrRef riscv_tr_const(Translator *t, int64_t value)
{
    return ir_const(t->ir, value);
}

/* Value of an x register. */
static inline IrRef riscv_tr_get(Translator *t, unsigned reg)
{
    return reg ? ir_global(RISCV_G_X + reg) : ir_const(t->ir, 0);
}

/* Destination for a builder: the register, or a new temp for x0. */
static inline IrRef riscv_tr_dst(Translator *t, unsigned reg)
{
    t->known &= ~(1u << reg);
    t->known_pc &= ~(1u << reg);
    return reg ? ir_global(RISCV_G_X + reg) : IR_NONE;
}

static inline bool riscv_tr_is_known(const Translator *t, unsigned reg)
{
    return reg == 0 || (t->known >> reg & 1);
}

static inline int64_t riscv_tr_known(const Translator *t, unsigned reg)
{
    return reg ? t->value[reg] : 0;
}

/* Write a constant to an x register and remember it. */
void riscv_tr_set_const(Translator *t, unsigned reg, int64_t value);
/* Likewise an address as far from the block wherever the code is. */
void riscv_tr_set_pc(Translator *t, unsigned reg, uint64_t pc);
/* Likewise a value computed of x[from], which is known: by adding a constant, or otherwise. */
void riscv_tr_set_sum(Translator *t, unsigned reg, unsigned from, int64_t value);
void riscv_tr_set_known(Translator *t, unsigned reg, unsigned from, int64_t value);
/* Write a 64-bit result whose low half counts at RV32: sign extends there. */
void riscv_tr_set_xlen(Translator *t, unsigned reg, IrRef value);
/* Base and displacement of an access to x[reg] + imm. */
IrRef riscv_tr_address(Translator *t, unsigned reg, int32_t imm, int32_t *disp);
/* Go on at target: follows a forward jump in the page, otherwise ends the block. */
void riscv_tr_goto(Translator *t, uint64_t target);
void riscv_tr_turn(Translator *t); /* before a jump to the block's start */
/* A label behind the block that goes to target, or raises an exception at this instruction. */
unsigned riscv_tr_cold_exit(Translator *t, uint64_t target);
unsigned riscv_tr_cold_raise(Translator *t, uint32_t cause, uint64_t tval);
/* A label behind the block where `rest` ends this instruction in another way, before the next one. */
unsigned riscv_tr_cold_rest(Translator *t, const RiscvArgs *a,
                            void (*rest)(Translator *t, const RiscvArgs *a));
/* End the block with an exception at this instruction. */
void riscv_tr_raise(Translator *t, uint32_t cause, uint64_t tval);
/* End the block behind this instruction; state that blocks depend on may have changed. */
void riscv_tr_end_lookup(Translator *t);

static inline void riscv_tr_illegal_insn(Translator *t, const RiscvArgs *a)
{
    riscv_tr_raise(t, EXC_ILLEGAL, a->insn);
}
