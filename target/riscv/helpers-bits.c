/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Carry-less multiplication (Zbc).
 *
 * Spec: The RISC-V Instruction Set Manual, volume I, chapter Zbc. */
#include "target/riscv/helpers.h"

static uint64_t helper_clmul(CPU *cpu, uint64_t a, uint64_t b)
{
    uint64_t product = 0;

    for (; b; b >>= 1, a <<= 1) {
        product ^= b & 1 ? a : 0;
    }
    return product;
}
const IrHelper riscv_helper_clmul = IR_HELPER2("clmul", helper_clmul, IRH_PURE, I64, I64, I64);

/* Bits 126..63: the product of the reversed operands, reversed. */
static uint64_t helper_clmulr(CPU *cpu, uint64_t a, uint64_t b)
{
    uint64_t product = 0;

    for (; b; b <<= 1, a >>= 1) {
        product ^= b >> 63 ? a : 0;
    }
    return product;
}
const IrHelper riscv_helper_clmulr = IR_HELPER2("clmulr", helper_clmulr, IRH_PURE, I64, I64, I64);
