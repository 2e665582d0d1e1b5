/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What test-riscv.c and riscv-guest.c say to each other; both are little endian. */
#pragma once
#include <stdint.h>

typedef struct RiscvRecord {
    uint64_t x[3];     /* fa0, fa1, fa2; a0 gets x[0] too */
    uint64_t rounding; /* frm */
    uint64_t insn;     /* one instruction that writes fa0 or a0 */
} RiscvRecord;

typedef struct RiscvResult {
    uint64_t f, x, flags; /* fa0, a0, fflags */
} RiscvResult;
