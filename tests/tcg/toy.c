/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Globals and helpers of the toy guest. */
#include "toy.h"

/* clang-format off */
#define REG(n) { "r" #n, offsetof(ToyCPU, r[n]), 0 }
#define VECTOR(n) { "v" #n, offsetof(ToyCPU, v[n]), IR_V256 }
static const IrGlobal globals[TOY_GLOBALS] = {
    REG(0), REG(1), REG(2), REG(3), REG(4), REG(5), REG(6), REG(7), REG(8), REG(9),
    { "pc", offsetof(ToyCPU, pc), 0 },
    VECTOR(0), VECTOR(1), VECTOR(2), VECTOR(3), VECTOR(4), VECTOR(5),
    { "m0", offsetof(ToyCPU, m[0]), IR_V64 }, { "m1", offsetof(ToyCPU, m[1]), IR_V64 },
};
/* clang-format on */

/* Half of the registers are pinned, so that back ends meet both kinds. */
static const uint16_t pinned[] = { 0, 1, 2, 3, 4 };
static const uint16_t vpinned[] = { TOY_V, TOY_V + 1, TOY_V + 2 };

const IrGuest toy_guest = {
    .name = "toy",
    .globals = globals,
    .global_count = TOY_GLOBALS,
    .pinned = pinned,
    .pinned_count = G_N_ELEMENTS(pinned),
    .vpinned = vpinned,
    .vpinned_count = G_N_ELEMENTS(vpinned),
    .mxcsr_offset = offsetof(ToyCPU, mxcsr),
    .pc_offset = offsetof(ToyCPU, pc),
    .pc_shift = 1,
    .insn_bytes = 4,
};

static uint64_t mix6(CPU *cpu, uint64_t a, uint32_t b, uint64_t c, uint32_t d, uint64_t e, uint64_t f)
{
    return a + 3 * (uint64_t)b + 5 * c + 7 * (uint64_t)d + 11 * e + 13 * f;
}

static uint32_t add32(CPU *cpu, uint32_t a, uint32_t b)
{
    return a + b;
}

static void mark(CPU *cpu, uint64_t v)
{
    ToyCPU *toy = (ToyCPU *)cpu;
    toy->calls = toy->calls * 31 + v;
}

static uint64_t peek(CPU *cpu, uint32_t n)
{
    return ((ToyCPU *)cpu)->r[n % TOY_REGS];
}

static void poke(CPU *cpu, uint32_t n, uint64_t v)
{
    ((ToyCPU *)cpu)->r[n % TOY_REGS] = v;
}

static const IrHelper helper_mix6 = IR_HELPER6("mix6", mix6, IRH_PURE, I64, I64, I32, I64, I32, I64, I64);
static const IrHelper helper_add32 = IR_HELPER2("add32", add32, IRH_PURE, I32, I32, I32);
static const IrHelper helper_mark = IR_HELPER1("mark", mark, 0, VOID, I64);
static const IrHelper helper_peek = IR_HELPER1("peek", peek, IRH_READS, I64, I32);
static const IrHelper helper_poke = IR_HELPER2("poke", poke, IRH_READS | IRH_WRITES, VOID, I32, I64);

const IrHelper *const toy_helpers[] = {
    &helper_mix6, &helper_add32, &helper_mark, &helper_peek, &helper_poke, NULL,
};
