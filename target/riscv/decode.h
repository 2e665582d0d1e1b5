/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Decoded RISC-V instructions: the interface between the tables insns16.decode and
 * insns32.decode (through scripts/gen-decoder.py) and their users: translator,
 * disassembler, tests and fuzzers.
 *
 * Spec: The RISC-V Instruction Set Manual, volume I. */
#pragma once
#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct Translator Translator;

/* Operands of one instruction; what the format does not have is 0. */
typedef struct RiscvArgs {
    uint8_t rd, rs1, rs2, rs3;
    uint8_t rm;
    uint8_t length; /* bytes: 2 or 4 */
    uint32_t insn;  /* the instruction bits: mtval of an illegal instruction */
    int32_t imm;
} RiscvArgs;

typedef void RiscvTranslate(Translator *t, const RiscvArgs *a, unsigned arg);

/* One row of the tables. */
typedef struct RiscvRow {
    const char *name;
    const char *syntax; /* operands for the disassembler, see disas.c */
    RiscvTranslate *translate;
    const char *translator;      /* its name in the table */
    uint64_t need_all, need_any; /* bits of RiscvExt; need_any 0: no condition */
    uint32_t match, mask;        /* instruction & mask == match */
    uint32_t arg;
    uint8_t length; /* bytes */
    uint8_t xlen;   /* 32, 64, or 0 for both */
    uint8_t format; /* for riscv_extract() */
} RiscvRow;

extern const RiscvRow riscv_rows[]; /* 0 is "no instruction" */
extern const unsigned riscv_row_count;

/* Row of an instruction at a width (32, 64), 0 if the encoding is reserved.  Extensions are
 * not looked at.  A 16-bit instruction has its bits in the low half. */
unsigned riscv_decode(uint32_t insn, unsigned xlen);
void riscv_extract(unsigned row, uint32_t insn, RiscvArgs *a);

static inline unsigned riscv_insn_length(uint32_t insn)
{
    return (insn & 3) == 3 ? 4 : 2;
}

static inline bool riscv_row_enabled(const RiscvRow *row, uint64_t ext)
{
    return (row->need_all & ~ext) == 0 && (row->need_any == 0 || (row->need_any & ext) != 0);
}

/* Append the text of an instruction whose row is known (disas.c). */
void riscv_disassemble_row(unsigned row, uint32_t insn, uint64_t pc, GString *out);
/* Name of a CSR, or NULL (disas-csr.c). */
const char *riscv_disas_csr_name(unsigned number);
