/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Helpers of CSR accesses, privileged instructions and cache-block operations.
 *
 * Spec: The RISC-V Instruction Set Manual, volume II; Zicbom and Zicboz in volume I, with
 * the *envcfg fields CBIE, CBCFE and CBZE. */
#include "target/riscv/translate.h"

#include <string.h>

static void helper_raise(CPU *cpu, uint32_t cause, uint64_t tval)
{
    riscv_take_exception(riscv_cpu(cpu), cause, tval);
}
const IrHelper riscv_helper_raise = IR_HELPER2("raise", helper_raise, IRH_READS | IRH_WRITES, VOID, I32, I64);

G_NORETURN static void raise_illegal(RiscvCPU *r, uint32_t insn)
{
    riscv_raise(r, EXC_ILLEGAL, insn);
}

/* ---- CSRs ---------------------------------------------------------------- */

static uint64_t helper_csr(CPU *cpu, uint32_t insn, uint64_t operand)
{
    RiscvCPU *r = riscv_cpu(cpu);
    CsrOp op = (insn >> 12 & 3) - 1; /* funct3: 1 write, 2 set, 3 clear; 4: immediate */
    bool read = op != CSR_WRITE || (insn >> 7 & 31) != 0;
    bool write = op == CSR_WRITE || (insn >> 15 & 31) != 0;
    uint64_t old = 0;

    if (!riscv_csr_access(r, insn >> 20, op, read, write, operand, &old)) {
        raise_illegal(r, insn);
    }
    return r->xlen == 32 ? (uint64_t)(int32_t)old : old;
}
const IrHelper riscv_helper_csr = IR_HELPER2("csr", helper_csr, IRH_FAULT | IRH_READS, I64, I32, I64);

/* ---- privileged instructions --------------------------------------------- */

static void helper_mret(CPU *cpu)
{
    riscv_mret(riscv_cpu(cpu));
}
const IrHelper riscv_helper_mret = IR_HELPER0("mret", helper_mret, IRH_FAULT | IRH_WRITES, VOID);

static void helper_sret(CPU *cpu)
{
    riscv_sret(riscv_cpu(cpu));
}
const IrHelper riscv_helper_sret = IR_HELPER0("sret", helper_sret, IRH_FAULT | IRH_WRITES, VOID);

static void helper_fence_i(CPU *cpu)
{
    cpu_fetch_fence(cpu);
}
const IrHelper riscv_helper_fence_i = IR_HELPER0("fence_i", helper_fence_i, IRH_REPEAT, VOID);

static void helper_wfi(CPU *cpu, uint32_t insn, uint64_t next)
{
    RiscvCPU *r = riscv_cpu(cpu);
    bool user_traps = r->s.priv == PRIV_U && riscv_has(r, EXT_S);

    if (user_traps || (r->s.priv != PRIV_M && (r->s.mstatus & MSTATUS_TW))) {
        raise_illegal(r, insn);
    }
    r->s.pc = next;
    cpu->halted = 1;
    cpu_loop_exit(cpu);
}
const IrHelper riscv_helper_wfi = IR_HELPER2("wfi", helper_wfi, IRH_FAULT | IRH_WRITES, VOID, I32, I64);

static void helper_pause(CPU *cpu)
{
    cpu_give_way(cpu);
}
const IrHelper riscv_helper_pause = IR_HELPER0("pause", helper_pause, IRH_REPEAT, VOID);

/* Illegal in U mode, and in S mode when TVM is set. */
static void check_fence(RiscvCPU *r, uint32_t insn)
{
    if (r->s.priv < PRIV_S || (r->s.priv == PRIV_S && (r->s.mstatus & MSTATUS_TVM))) {
        raise_illegal(r, insn);
    }
}

/* Stores before it come before walks behind it, in the order that all harts see (volume II, SFENCE.VMA). */
static void helper_sfence_vma(CPU *cpu, uint32_t insn, uint64_t vaddr, uint64_t asid)
{
    bool one_page = (insn >> 15 & 31) != 0, one_space = (insn >> 20 & 31) != 0;

    check_fence(riscv_cpu(cpu), insn);
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    asid &= riscv_cpu(cpu)->xlen == 32 ? 0x1ff : 0xffff;
    if (one_page && one_space) {
        cpu_flush_page_asid(cpu, vaddr, asid);
    } else if (one_page) {
        cpu_flush_page(cpu, vaddr);
    } else if (one_space) {
        cpu_flush_asid(cpu, asid);
    } else {
        cpu_flush_all(cpu);
    }
}
const IrHelper riscv_helper_sfence_vma =
    IR_HELPER3("sfence_vma", helper_sfence_vma, IRH_FAULT, VOID, I32, I64, I64);

/* The fences of Svinval order only; TVM does not stop them. */
static void helper_sfence_check(CPU *cpu, uint32_t insn)
{
    if (riscv_cpu(cpu)->s.priv < PRIV_S) {
        raise_illegal(riscv_cpu(cpu), insn);
    }
}
const IrHelper riscv_helper_sfence_check =
    IR_HELPER1("sfence_check", helper_sfence_check, IRH_FAULT, VOID, I32);

/* ---- Zicbom, Zicboz ------------------------------------------------------ */

static void check_cbo_enabled(RiscvCPU *r, uint32_t insn, unsigned what)
{
    uint64_t need = what == CBO_ZERO ? ENVCFG_CBZE : what == CBO_INVAL ? ENVCFG_CBIE : ENVCFG_CBCFE;

    if (r->s.priv != PRIV_M && !(r->s.menvcfg & need)) {
        raise_illegal(r, insn);
    }
    if (r->s.priv == PRIV_U && riscv_has(r, EXT_S) && !(r->s.senvcfg & need)) {
        raise_illegal(r, insn);
    }
}

static uint64_t cbo_block(uint64_t vaddr)
{
    return vaddr & ~(uint64_t)(RISCV_CACHE_BLOCK - 1);
}

/* Management needs a block that may be read (what may be written may be read) or executed; it
 * never sets a D bit.  Its faults are those of a store, at the address in the register. */
static void check_cbo_access(RiscvCPU *r, uint64_t vaddr)
{
    MmuResult found;
    MmuFault load, fetch;

    if (!riscv_walk(&r->cpu, cbo_block(vaddr), RISCV_CACHE_BLOCK, MMU_READ, &found, &load) &&
        !riscv_walk(&r->cpu, cbo_block(vaddr), RISCV_CACHE_BLOCK, MMU_EXEC, &found, &fetch)) {
        riscv_raise(r, load.code == EXC_LOAD_PAGE ? EXC_STORE_PAGE : EXC_STORE_ACCESS, vaddr);
    }
}

/* Faults are at the address in the register, also where PMP forbids another part of the block. */
static void check_zero_access(RiscvCPU *r, uint64_t vaddr)
{
    MmuResult found;
    MmuFault fault;

    if (r->pmp_fine && !riscv_walk(&r->cpu, cbo_block(vaddr), RISCV_CACHE_BLOCK, MMU_WRITE, &found, &fault)) {
        riscv_raise(r, fault.code, vaddr);
    }
    cpu_probe(&r->cpu, vaddr, 1, MMU_WRITE);
}

static void helper_cbo(CPU *cpu, uint32_t insn, uint64_t vaddr, uint32_t what)
{
    RiscvCPU *r = riscv_cpu(cpu);

    check_cbo_enabled(r, insn, what);
    if (what != CBO_ZERO) { /* memory is coherent: nothing to write back or drop */
        check_cbo_access(r, vaddr);
        return;
    }
    check_zero_access(r, vaddr);
    void *host = cpu_atomic_host(cpu, cbo_block(vaddr), RISCV_CACHE_BLOCK, false);
    if (!host) {
        riscv_raise(r, EXC_STORE_ACCESS, vaddr);
    }
    memset(host, 0, RISCV_CACHE_BLOCK);
}
const IrHelper riscv_helper_cbo = IR_HELPER3("cbo", helper_cbo, IRH_FAULT | IRH_REPEAT, VOID, I32, I64, I32);
