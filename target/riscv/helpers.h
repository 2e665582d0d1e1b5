/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Helpers that translated RISC-V code calls, apart from floating point (fp.h). */
#pragma once
#include "tcg/ir.h"

enum { CBO_INVAL, CBO_CLEAN, CBO_FLUSH, CBO_ZERO };

/* helpers-sys.c */
extern const IrHelper
    riscv_helper_raise; /* cause, tval: at the pc, which is stored; the next one is the handler's */
extern const IrHelper riscv_helper_csr; /* insn, operand -> old value */
extern const IrHelper riscv_helper_mret, riscv_helper_sret, riscv_helper_fence_i;
extern const IrHelper riscv_helper_pause;
extern const IrHelper riscv_helper_wfi;          /* next pc: leaves to the dispatcher */
extern const IrHelper riscv_helper_sfence_vma;   /* insn, vaddr, asid */
extern const IrHelper riscv_helper_sfence_check; /* insn: raises if S fences are not allowed */
extern const IrHelper riscv_helper_cbo;          /* insn, vaddr, CBO_* */

/* helpers-atomic.c */
extern const IrHelper riscv_helper_sc_fails;    /* vaddr, bytes -> 1 */
extern const IrHelper riscv_helper_amocas_pair; /* vaddr, rd, rs2, bytes: register pairs */

/* helpers-bits.c */
extern const IrHelper riscv_helper_clmul;  /* a, b -> low half */
extern const IrHelper riscv_helper_clmulr; /* a, b -> bits 126..63 */
