/* SPDX-License-Identifier: GPL-2.0-or-later */
/* LR, SC, AMOs and compare-and-swap.
 *
 * Spec: The RISC-V Instruction Set Manual, volume I, chapters A and Zacas.  Memory that is
 * not RAM has no atomics: a store access fault.  A reservation is an address and the value
 * seen there: an SC succeeds if the value is (again) the same.
 *
 * All are sequentially consistent, whatever aq and rl say. */
#include "target/riscv/translate.h"
#include "util/atomic128.h"

static void *write_host(RiscvCPU *r, uint64_t vaddr, unsigned bytes, bool reads)
{
    if (vaddr & (bytes - 1)) {
        riscv_raise(r, EXC_STORE_MISALIGNED, vaddr);
    }
    void *host = cpu_atomic_host(&r->cpu, vaddr, bytes, reads);
    if (!host) {
        riscv_raise(r, EXC_STORE_ACCESS, vaddr);
    }
    return host;
}

static void *atomic_host(RiscvCPU *r, uint64_t vaddr, unsigned bytes)
{
    return write_host(r, vaddr, bytes, true);
}

/* ---- LR and SC ----------------------------------------------------------- */

static uint64_t helper_lr(CPU *cpu, uint64_t vaddr, uint32_t mop)
{
    RiscvCPU *r = riscv_cpu(cpu);

    if (vaddr & (memop_bytes(mop) - 1)) {
        riscv_raise(r, EXC_LOAD_MISALIGNED, vaddr);
    }
    uint64_t value = cpu_load(cpu, vaddr, mop | MEM_SIGN);
    r->s.load_res = vaddr;
    r->s.load_val = value;
    return value;
}
const IrHelper riscv_helper_lr = IR_HELPER2("lr", helper_lr, IRH_FAULT | IRH_REPEAT, I64, I64, I32);

static uint64_t helper_sc(CPU *cpu, uint64_t vaddr, uint64_t value, uint32_t mop)
{
    RiscvCPU *r = riscv_cpu(cpu);
    unsigned bytes = memop_bytes(mop);
    bool reserved = r->s.load_res == vaddr;
    uint64_t seen = r->s.load_val;

    if (vaddr & (bytes - 1)) {
        riscv_raise(r, EXC_STORE_MISALIGNED, vaddr);
    }
    if (!reserved) {
        r->s.load_res = UINT64_MAX;
        return 1;
    }
    void *host = write_host(r, vaddr, bytes, false);
    r->s.load_res = UINT64_MAX;
    if (bytes == 4) {
        uint32_t expected = seen;
        return seen != (uint64_t)(int32_t)expected || /* of a doubleword's LR */
               !__atomic_compare_exchange_n((uint32_t *)host, &expected, value, false, __ATOMIC_SEQ_CST,
                                            __ATOMIC_SEQ_CST);
    }
    return !__atomic_compare_exchange_n((uint64_t *)host, &seen, value, false, __ATOMIC_SEQ_CST,
                                        __ATOMIC_SEQ_CST);
}
const IrHelper riscv_helper_sc = IR_HELPER3("sc", helper_sc, IRH_FAULT | IRH_REPEAT, I64, I64, I64, I32);

/* ---- AMOs ---------------------------------------------------------------- */

static uint32_t amo_minmax32(uint32_t *p, uint32_t v, unsigned op)
{
    uint32_t old = __atomic_load_n(p, __ATOMIC_SEQ_CST), new;

    do {
        bool keep = op == AMO_MIN    ? (int32_t)old <= (int32_t)v
                    : op == AMO_MAX  ? (int32_t)old >= (int32_t)v
                    : op == AMO_MINU ? old <= v
                                     : old >= v;
        new = keep ? old : v;
    } while (!__atomic_compare_exchange_n(p, &old, new, true, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST));
    return old;
}

static uint64_t amo_minmax64(uint64_t *p, uint64_t v, unsigned op)
{
    uint64_t old = __atomic_load_n(p, __ATOMIC_SEQ_CST), new;

    do {
        bool keep = op == AMO_MIN    ? (int64_t)old <= (int64_t)v
                    : op == AMO_MAX  ? (int64_t)old >= (int64_t)v
                    : op == AMO_MINU ? old <= v
                                     : old >= v;
        new = keep ? old : v;
    } while (!__atomic_compare_exchange_n(p, &old, new, true, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST));
    return old;
}

static uint32_t amo32(uint32_t *p, uint32_t v, unsigned op)
{
    switch (op) {
    case AMO_SWAP: return __atomic_exchange_n(p, v, __ATOMIC_SEQ_CST);
    case AMO_ADD: return __atomic_fetch_add(p, v, __ATOMIC_SEQ_CST);
    case AMO_XOR: return __atomic_fetch_xor(p, v, __ATOMIC_SEQ_CST);
    case AMO_AND: return __atomic_fetch_and(p, v, __ATOMIC_SEQ_CST);
    case AMO_OR: return __atomic_fetch_or(p, v, __ATOMIC_SEQ_CST);
    default: return amo_minmax32(p, v, op);
    }
}

static uint64_t amo64(uint64_t *p, uint64_t v, unsigned op)
{
    switch (op) {
    case AMO_SWAP: return __atomic_exchange_n(p, v, __ATOMIC_SEQ_CST);
    case AMO_ADD: return __atomic_fetch_add(p, v, __ATOMIC_SEQ_CST);
    case AMO_XOR: return __atomic_fetch_xor(p, v, __ATOMIC_SEQ_CST);
    case AMO_AND: return __atomic_fetch_and(p, v, __ATOMIC_SEQ_CST);
    case AMO_OR: return __atomic_fetch_or(p, v, __ATOMIC_SEQ_CST);
    default: return amo_minmax64(p, v, op);
    }
}

static uint64_t helper_amo(CPU *cpu, uint64_t vaddr, uint64_t value, uint32_t what)
{
    RiscvCPU *r = riscv_cpu(cpu);

    if (what & AMO_D) {
        return amo64(atomic_host(r, vaddr, 8), value, what & AMO_OP_MASK);
    }
    uint32_t old = amo32(atomic_host(r, vaddr, 4), value, what & AMO_OP_MASK);
    return (uint64_t)(int32_t)old;
}
const IrHelper riscv_helper_amo = IR_HELPER3("amo", helper_amo, IRH_FAULT | IRH_REPEAT, I64, I64, I64, I32);

/* ---- Zacas --------------------------------------------------------------- */

static uint64_t helper_amocas(CPU *cpu, uint64_t vaddr, uint64_t expected, uint64_t value, uint32_t what)
{
    RiscvCPU *r = riscv_cpu(cpu);

    if (what == AMO_D) {
        uint64_t *p = atomic_host(r, vaddr, 8);
        __atomic_compare_exchange_n(p, &expected, value, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
        return expected;
    }
    uint32_t *p = atomic_host(r, vaddr, 4);
    uint32_t expected32 = expected;
    __atomic_compare_exchange_n(p, &expected32, value, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
    return (uint64_t)(int32_t)expected32;
}
const IrHelper riscv_helper_amocas =
    IR_HELPER4("amocas", helper_amocas, IRH_FAULT | IRH_REPEAT, I64, I64, I64, I64, I32);

/* A register pair: the even one is the low half, x0 and its neighbour read as zero. */
static unsigned __int128 read_pair(const RiscvCPU *r, unsigned reg, unsigned half_bits)
{
    uint64_t mask = half_bits == 32 ? UINT32_MAX : UINT64_MAX;

    if (reg == 0) {
        return 0;
    }
    return (unsigned __int128)(r->s.x[reg + 1] & mask) << half_bits | (r->s.x[reg] & mask);
}

static void helper_amocas_pair(CPU *cpu, uint64_t vaddr, uint32_t rd, uint32_t rs2, uint32_t what)
{
    RiscvCPU *r = riscv_cpu(cpu);
    unsigned half = what == AMO_Q ? 64 : 32;
    unsigned __int128 expected = read_pair(r, rd, half), value = read_pair(r, rs2, half), old;

    if (what == AMO_Q) {
        old = atomic_cas128(atomic_host(r, vaddr, 16), expected, value);
    } else {
        uint64_t old64 = expected;
        __atomic_compare_exchange_n((uint64_t *)atomic_host(r, vaddr, 8), &old64, value, false,
                                    __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
        old = old64;
    }
    if (rd == 0) {
        return;
    }
    r->s.x[rd] = what == AMO_Q ? (uint64_t)old : (uint64_t)(int32_t)old;
    r->s.x[rd + 1] = what == AMO_Q ? old >> 64 : (uint64_t)(int32_t)(uint64_t)(old >> 32);
}
const IrHelper riscv_helper_amocas_pair = IR_HELPER4(
    "amocas_pair", helper_amocas_pair, IRH_FAULT | IRH_READS | IRH_WRITES, VOID, I64, I32, I32, I32);
