/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Inside seq*.c: the state of a program's making, and encodings. */
#pragma once
#include "seq.h"

enum { SP = 2, GP = 3, TP = 4, S0 = 8, S1 = 9, DATA_MIDDLE = 256, MAX_LENGTH = 40 };
static const uint32_t reserved = 1u << SP | 1u << GP | 1u << TP | 1u << S0 | 1u << S1;

typedef struct Range {
    uint64_t from, to;
} Range;

typedef struct Maker {
    SeqProgram *p;
    GRand *rand;
    uint64_t ext;
    unsigned *rows; /* that may be used */
    unsigned row_count;
    GArray *whole; /* of Range: code that must not run in part, see seq_keep_whole() */
} Maker;

static inline uint32_t below(Maker *m, uint32_t n)
{
    return (uint32_t)g_rand_int_range(m->rand, 0, (gint32)n);
}

enum {
    CSR_SSTATUS = 0x100,
    CSR_SSCRATCH = 0x140,
    CSR_MSTATUS = 0x300,
    CSR_MTVEC = 0x305,
    CSR_MSCRATCH = 0x340,
    CSR_MEPC = 0x341,
    CSR_MCAUSE = 0x342,
    CSR_MTVAL = 0x343
};
enum { HANDLER_INSNS = 29 };

/* ---- emitting ------------------------------------------------------------ */

static inline uint64_t here(const Maker *m)
{
    return m->p->base + m->p->image->len;
}

static inline void put(Maker *m, uint32_t insn)
{
    g_byte_array_append(m->p->image, (const uint8_t *)&insn, riscv_insn_length(insn));
}

static inline uint32_t enc_i(uint32_t opcode, unsigned rd, unsigned funct3, unsigned rs1, int32_t imm)
{
    return opcode | rd << 7 | funct3 << 12 | rs1 << 15 | (uint32_t)imm << 20;
}

static inline uint32_t enc_s(uint32_t opcode, unsigned funct3, unsigned rs1, unsigned rs2, int32_t imm)
{
    return opcode | ((uint32_t)imm & 31) << 7 | funct3 << 12 | rs1 << 15 | rs2 << 20 |
           ((uint32_t)imm >> 5 & 127) << 25;
}

static inline uint32_t b_imm(int32_t imm)
{
    uint32_t u = (uint32_t)imm;
    return (u >> 12 & 1) << 31 | (u >> 5 & 63) << 25 | (u >> 1 & 15) << 8 | (u >> 11 & 1) << 7;
}

static inline uint32_t j_imm(int32_t imm)
{
    uint32_t u = (uint32_t)imm;
    return (u >> 20 & 1) << 31 | (u >> 1 & 1023) << 21 | (u >> 11 & 1) << 20 | (u >> 12 & 255) << 12;
}

static inline uint32_t cb_imm(int32_t imm)
{
    uint32_t u = (uint32_t)imm;
    return (u >> 8 & 1) << 12 | (u >> 3 & 3) << 10 | (u >> 6 & 3) << 5 | (u >> 1 & 3) << 3 |
           (u >> 5 & 1) << 2;
}

static inline uint32_t cj_imm(int32_t imm)
{
    uint32_t u = (uint32_t)imm;
    return (u >> 11 & 1) << 12 | (u >> 4 & 1) << 11 | (u >> 8 & 3) << 9 | (u >> 10 & 1) << 8 |
           (u >> 6 & 1) << 7 | (u >> 7 & 1) << 6 | (u >> 1 & 7) << 3 | (u >> 5 & 1) << 2;
}

/* seq-window.c */
enum { MAX_WINDOWS = 3 };
unsigned seq_window_count(const SeqProgram *p);       /* 0: no page tables */
uint64_t seq_window(const SeqProgram *p, unsigned n); /* where `base` is seen in it */
void seq_make_page_tables(Maker *m);
void seq_put_remap(Maker *m, unsigned index); /* in S mode: change a leaf that sequence `index` reads */

/* seq-insn.c */
/* What was put since `from` runs wholly or not at all: without one of its instructions it would
 * jump or store anywhere, or loop for ever. */
void seq_keep_whole(Maker *m, uint64_t from);
void seq_put_address(Maker *m, unsigned reg, uint64_t address);
bool seq_is_usable(const Maker *m, const RiscvRow *row);
void seq_put_body(Maker *m, unsigned index, unsigned length);
void seq_put_handler(Maker *m); /* SEQ_WITH_TRAPS: HANDLER_INSNS instructions */
