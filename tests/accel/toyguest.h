/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A guest architecture of a few instructions, for tests of the accelerators: it proves
 * that they know no particular guest.
 *
 * Registers r0..r15 of 64 bits and a pc; instructions are words of 32 bits: opcode, a, b and
 * an immediate c of a byte each.  One interrupt line, and vectors of
 * an IntSource; an exception or interrupt saves
 * the pc in epc, disables interrupts and goes on at VECTOR.  Virtual addresses from
 * SPACE_BASE on are moved by the register `space`; the page above that window faults. */
#pragma once
#include "accel/accel.h"
#include "hw/board.h"
#include "target/cpu.h"

enum { TG_REGS = 16, TG_FAULT_CODE = 0x5a0000 /* plus the offset in the page: MmuFault.code */ };
enum TgCause {
    TG_NONE,
    TG_CAUSE_IRQ,
    TG_CAUSE_MMU,
    TG_CAUSE_BUS,
    TG_CAUSE_ILLEGAL,
    TG_CAUSE_CALL,
    TG_CAUSE_ALIGN
};

typedef struct TgCPU {
    CPU cpu;
    struct TgState {
        uint64_t r[TG_REGS];
        uint64_t pc;
        uint64_t epc, cause, bad;
        uint64_t space;
        uint32_t irq;     /* level of the line; atomic */
        uint32_t enabled; /* interrupts are */
    } s;
    uint32_t taken;                   /* interrupts taken */
    uint32_t fault_access, fault_mop; /* of the last MmuFault */
    uint64_t fault_code;
} TgCPU;

enum { TG_RAM = 0x10000, TG_RAM_SIZE = 0x100000, TG_VECTOR = 0x11000, TG_CODE = 0x12000 };
#define TG_SPACE_BASE UINT64_C(0x40000000)
#define TG_SPACE_SIZE UINT64_C(0x8000)
#define TG_MMIO UINT64_C(0xf0000000)
/* The test device: write N to IRQ_SET/IRQ_CLEAR: the line of vCPU N; DONE: counted; LOG: kept. */
enum { TG_IRQ_SET = 0, TG_IRQ_CLEAR = 8, TG_DONE = 16, TG_LOG = 24 };

/* Assembler: each returns one word. */
/* clang-format off */
enum TgOp { TG_ILLEGAL, TG_ADDI, TG_ADD, TG_LD, TG_ST, TG_BNZ, TG_JR, TG_WFI, TG_IRET, TG_LI, TG_SHL,
            TG_EI, TG_CALL, TG_SETSPACE, TG_GETCAUSE, TG_ST32, TG_CLEARIRQ, TG_SPIN };
/* clang-format on */
static inline uint32_t tg(enum TgOp op, unsigned a, unsigned b, int c)
{
    return op | a << 8 | b << 16 | (uint32_t)(uint8_t)c << 24;
}
static inline uint32_t tg_li(unsigned a, int value16)
{
    return TG_LI | a << 8 | (uint32_t)(uint16_t)value16 << 16;
}

extern const CPUArch tg_arch, tg_coherent_arch; /* the second has coherent_fetch */

/* A machine of n vCPUs with RAM and the test device, on an accelerator ("interp" or
 * "tcg", with options "name=value,..." or NULL); vCPUs paused at TG_CODE. */
typedef struct TgMachine {
    Machine m;
    Accel *accel;
    MemoryRegion mmio;
    uint32_t done;    /* atomic: writes to TG_DONE */
    uint64_t log[64]; /* values written to TG_LOG */
    uint32_t logged;  /* atomic */
} TgMachine;
TgMachine *tg_machine_new(const char *accel, const char *options, unsigned cpus);
TgMachine *tg_machine_new_of(const CPUArch *arch, const char *accel, const char *options, unsigned cpus);
void tg_machine_free(TgMachine *t);
TgCPU *tg_cpu(TgMachine *t, unsigned n);
uint8_t *tg_ram(TgMachine *t, uint64_t addr);
/* Puts code into RAM as a device would; returns the address behind. */
uint64_t tg_code(TgMachine *t, uint64_t addr, const uint32_t *words, unsigned n);
/* Waits in the main loop until *word reaches value; false: it never did (tests/patience.h). */
bool tg_wait(const uint32_t *word, uint32_t value);
