/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a board knows of the RISC-V harts that it places: their models, lines and clock. */
#pragma once
#include "target/cpu.h"

extern const CPUArch riscv64_arch, riscv32_arch;

/* Inputs of a hart for CPUArch.set_irq: bit numbers of mip and mie. */
enum { IRQ_S_SOFT = 1, IRQ_M_SOFT = 3, IRQ_S_TIMER = 5, IRQ_M_TIMER = 7, IRQ_S_EXT = 9, IRQ_M_EXT = 11 };

/* Extensions that -cpu model,name=on|off switches, one row each in models.c.
 * What has no instruction of its own (Svadu ...) is here too. */
/* clang-format off */
typedef enum RiscvExt {
    EXT_I, EXT_M, EXT_A, EXT_F, EXT_D, EXT_C, EXT_S, EXT_U,
    EXT_ZICSR, EXT_ZIFENCEI, EXT_ZICNTR, EXT_ZIHPM,
    EXT_ZBA, EXT_ZBB, EXT_ZBC, EXT_ZBS,
    EXT_ZICOND, EXT_ZICBOM, EXT_ZICBOP, EXT_ZICBOZ, EXT_ZAWRS, EXT_ZACAS,
    EXT_ZFH, EXT_ZFHMIN, EXT_ZFA, EXT_ZIHINTPAUSE, EXT_ZIHINTNTL,
    EXT_SSTC, EXT_SVADU, EXT_SVADE, EXT_SVINVAL, EXT_SVNAPOT, EXT_SVPBMT, EXT_SMSTATEEN,
    EXT_SV48, EXT_SV57, /* widest address translation (sv39 is always there) */
    EXT_MMU, EXT_PMP,
    EXT_COUNT
} RiscvExt;
/* clang-format on */

/* ---- the model of a hart, for its device tree ---- */
unsigned riscv_hart_xlen(CPU *cpu); /* 32 or 64 */
bool riscv_hart_has(CPU *cpu, RiscvExt ext);
char *riscv_isa_string(CPU *cpu);     /* "rv64imafdc_zicsr_..." */
GByteArray *riscv_isa_list(CPU *cpu); /* the same as a list of strings, with their NULs */
const char *riscv_mmu_type(CPU *cpu); /* "riscv,sv57", or NULL */

/* ---- `time` ---- */
enum { RISCV_TIMEBASE_HZ = 10000000 };
/* Where it comes from: the machine's CLINT/ACLINT, in ticks of RISCV_TIMEBASE_HZ. */
void riscv_hart_set_clock(CPU *cpu, uint64_t (*read_time)(void *opaque), void *opaque);
void riscv_hart_time_set(CPU *cpu); /* it was set; any thread, the hart may run */
