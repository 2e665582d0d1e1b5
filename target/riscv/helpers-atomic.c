/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is left of atomics when translate-mem.c has made operations of the IR from them: SC without a reservation,
 * and compare-and-swap of register pairs.
 *
 * Spec: The RISC-V Instruction Set Manual, volume I, chapters "Atomic Instructions" (Zalrsc) and Zacas. */
#include "target/riscv/translate.h"
#include "util/atomic128.h"
#include "util/bytes.h"

static void check_aligned(RiscvCPU *r, uint64_t vaddr, unsigned bytes)
{
    if (vaddr & (bytes - 1)) {
        riscv_raise(r, EXC_STORE_MISALIGNED, vaddr);
    }
}

/* It is checked as a store all the same. */
static uint64_t helper_sc_fails(CPU *cpu, uint64_t vaddr, uint32_t bytes)
{
    RiscvCPU *r = riscv_cpu(cpu);

    check_aligned(r, vaddr, bytes);
    cpu_probe(cpu, vaddr, bytes, MMU_WRITE);
    r->s.load_res = UINT64_MAX;
    cpu_give_way(cpu);
    return 1;
}
const IrHelper riscv_helper_sc_fails =
    IR_HELPER2("sc_fails", helper_sc_fails, IRH_FAULT | IRH_REPEAT, I64, I64, I32);

/* A register pair: the even one is the low half, x0 and its neighbour read as zero. */
static unsigned __int128 read_pair(const RiscvCPU *r, unsigned reg, unsigned half_bytes)
{
    uint64_t mask = bytes_mask(half_bytes);

    if (reg == 0) {
        return 0;
    }
    return (unsigned __int128)(r->s.x[reg + 1] & mask) << 8 * half_bytes | (r->s.x[reg] & mask);
}

static void write_pair(RiscvCPU *r, unsigned reg, unsigned half_bytes, unsigned __int128 value)
{
    MemOp half = half_bytes == 4 ? MEM_32 | MEM_SIGN : MEM_64;

    if (reg) {
        r->s.x[reg] = memop_extend(half, (uint64_t)value);
        r->s.x[reg + 1] = memop_extend(half, (uint64_t)(value >> 8 * half_bytes));
    }
}

static void helper_amocas_pair(CPU *cpu, uint64_t vaddr, uint32_t rd, uint32_t rs2, uint32_t bytes)
{
    RiscvCPU *r = riscv_cpu(cpu);
    unsigned half = bytes / 2;
    unsigned __int128 expected = read_pair(r, rd, half), value = read_pair(r, rs2, half);

    if (bytes == 8) {
        MemOp m = MEM_64 | MEM_ALIGN;
        write_pair(r, rd, half, cpu_atomic(cpu, vaddr, m, IR_CAS, (uint64_t)value, (uint64_t)expected));
        return;
    }
    check_aligned(r, vaddr, bytes);
    void *host = cpu_atomic_host(cpu, vaddr, bytes, true);
    if (!host) {
        riscv_raise(r, EXC_STORE_ACCESS, vaddr);
    }
    write_pair(r, rd, half, atomic_cas128(host, expected, value));
}
const IrHelper riscv_helper_amocas_pair = IR_HELPER4(
    "amocas_pair", helper_amocas_pair, IRH_FAULT | IRH_READS | IRH_WRITES, VOID, I64, I32, I32, I32);
