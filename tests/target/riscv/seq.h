/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Random user-mode programs made of many short sequences, for differential fuzzing.
 *
 * Each sequence starts from random registers, works on its own data block, and stores
 * all registers and fcsr into its own record.  A program for an emulator of user mode ends with
 * write(1, results) and exit(0); one for a bare machine starts in M mode, goes to the
 * mode asked for (S and U with Sv39 or Sv32) and ends with a store to the test finisher.
 *
 * In S and U mode data is reached at its physical address and through windows: leaves of 4 KiB, of
 * 2 MiB (Sv32: 4 MiB) and of 1 GiB (Sv39).  S mode changes leaves, and fences one address of them. */
#pragma once
#include "target/riscv/translate.h"

typedef enum SeqKind { SEQ_LINUX, SEQ_BARE_M, SEQ_BARE_S, SEQ_BARE_U } SeqKind;

enum {
    SEQ_WITH_TRAPS = 1, /* sequences raise exceptions, which M mode logs and skips */
    SEQ_WITH_PMP = 4,   /* small PMP entries over code and data; with SEQ_WITH_TRAPS */
    SEQ_PRINTS = 2,     /* the results go to the serial port before the end */
};

enum {
    SEQ_UART = 0x10000000,
    SEQ_FINISHER = 0x100000,
    SEQ_DATA = 1024,                   /* bytes of data a sequence */
    SEQ_REGISTERS = 65,                /* x0..x31, f0..f31, fcsr */
    SEQ_TRAPS = 16,                    /* the first ones are logged: mcause, mtval, mepc, mstatus */
    SEQ_LOG = (SEQ_REGISTERS + 3) * 8, /* two saved registers and the count stand before it */
    SEQ_RECORD = SEQ_LOG + SEQ_TRAPS * 32,
};

typedef struct SeqProgram {
    GByteArray *image;
    SeqKind kind;
    unsigned flags;
    uint64_t base;    /* address of the image, and of its entry */
    unsigned xlen;    /* 32 or 64 */
    unsigned count;   /* sequences */
    unsigned insns;   /* instructions in all sequences, each counted once */
    uint64_t *starts; /* count + 1 addresses: where each sequence's own code begins */
    uint64_t *ends;
    uint64_t records, data, results_size; /* records, then data: one piece of memory */
    uint64_t init;                        /* initial registers, SEQ_RECORD each */
    uint64_t handler;
    uint64_t page_table; /* SEQ_BARE_S, SEQ_BARE_U: the root, then the tables of the windows */
    GArray *fences;      /* uint64_t: addresses of all sfence.vma of one address */
    uint64_t pmp;        /* SEQ_WITH_PMP: values of pmpaddr0.., then of pmpcfg */
} SeqProgram;

/* ext: bits of RiscvExt that may be used.  flags: not with SEQ_LINUX. */
SeqProgram *seq_program_new(SeqKind kind, unsigned flags, uint32_t seed, unsigned count, unsigned xlen,
                            uint64_t ext);
void seq_program_free(SeqProgram *p);
/* Fences of one address become fences of all: a program that cannot see a stale leaf. */
void seq_program_widen_fences(SeqProgram *p);
/* The image as an ELF executable. */
GByteArray *seq_program_elf(const SeqProgram *p);
/* Compare two copies of the results; prints what differs, up to `limit` sequences.  Returns
 * the number of sequences that differ. */
unsigned seq_program_compare(const SeqProgram *p, const uint8_t *a, const uint8_t *b, unsigned limit);
