/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Helpers of translate-system.c. */
#include "target/i386/helpers-priv.h"

#include <sys/random.h>

#include "target/i386/cr.h"
#include "target/i386/dbg.h"
#include "target/i386/msr.h"
#include "target/i386/smm.h"
#include "target/i386/tss.h"

static void set_edx_eax(X86CPU *x, uint64_t value)
{
    x->s.gpr[X86_RAX] = (uint32_t)value;
    x->s.gpr[X86_RDX] = value >> 32;
}

static uint64_t edx_eax(const X86CPU *x)
{
    return x->s.gpr[X86_RDX] << 32 | (uint32_t)x->s.gpr[X86_RAX];
}

/* ---- ports -------------------------------------------------------------------- */

uint64_t x86_port_read(CPU *cpu, uint16_t port, unsigned bytes)
{
    uint64_t value;
    x86_cpu(cpu)->met |= x86_break_io(x86_cpu(cpu), port, bytes);
    bool answers = cpu->io && memory_read(cpu->io, port, bytes, &value) == BUS_OK;
    return answers ? value : UINT64_MAX >> (64 - 8 * bytes);
}

void x86_port_write(CPU *cpu, uint16_t port, unsigned bytes, uint64_t value)
{
    x86_cpu(cpu)->met |= x86_break_io(x86_cpu(cpu), port, bytes);
    if (cpu->io) {
        (void)memory_write(cpu->io, port, bytes, value); /* where nothing answers it goes nowhere */
    }
}

static uint64_t helper_in(CPU *cpu, uint32_t port, uint32_t bytes)
{
    X86CPU *x = x86_cpu(cpu);
    X86Fault f = { 0 };
    x86_helper_done(x, x86_io_check(x, port, bytes, &f), &f);
    return x86_port_read(cpu, port, bytes);
}
const IrHelper x86_helper_in = IR_HELPER2("x86_in", helper_in, IRH_FAULT | IRH_READS, I64, I32, I32);

static void helper_out(CPU *cpu, uint32_t port, uint32_t value, uint32_t bytes)
{
    X86CPU *x = x86_cpu(cpu);
    X86Fault f = { 0 };
    x86_helper_done(x, x86_io_check(x, port, bytes, &f), &f);
    x86_port_write(cpu, port, bytes, value);
}
const IrHelper x86_helper_out = IR_HELPER3("x86_out", helper_out, IRH_FAULT | IRH_READS, VOID, I32, I32, I32);

/* ---- waiting ------------------------------------------------------------------- */

static void helper_hlt(CPU *cpu)
{
    x86_cpu(cpu)->s.events.mp_state = MP_HALTED;
    cpu->halted = 1;
}
const IrHelper x86_helper_hlt = IR_HELPER0("x86_hlt", helper_hlt, IRH_READS | IRH_WRITES, VOID);

static void helper_rsm(CPU *cpu)
{
    X86CPU *x = x86_cpu(cpu);
    X86Fault f = { 0 };
    x86_helper_done(x, x86_rsm(x, &f), &f);
    cpu_loop_exit(cpu); /* it may be halted again, and messages may have waited */
}
const IrHelper x86_helper_rsm = IR_HELPER0("x86_rsm", helper_rsm, X86_HELPER_SYS, VOID);

static void helper_pause(CPU *cpu)
{
    cpu_give_way(cpu);
}
const IrHelper x86_helper_pause = IR_HELPER0("x86_pause", helper_pause, IRH_REPEAT, VOID);

/* ---- control and debug registers ------------------------------------------------ */

static uint64_t helper_read_cr8(CPU *cpu)
{
    return x86_cpu(cpu)->s.cr8;
}
const IrHelper x86_helper_read_cr8 = IR_HELPER0("x86_read_cr8", helper_read_cr8, IRH_REPEAT, I64);

static void helper_write_cr(CPU *cpu, uint32_t n, uint64_t value)
{
    X86CPU *x = x86_cpu(cpu);
    X86Fault f = { 0 };
    bool ok = true;
    switch (n) {
    case 0: ok = x86_write_cr0(x, value, &f); break;
    case 2: x->s.cr2 = value; break;
    case 3: ok = x86_write_cr3(x, value, &f); break;
    case 4: ok = x86_write_cr4(x, value, &f); break;
    default: ok = x86_write_cr8(x, value, &f); break;
    }
    x86_helper_done(x, ok, &f);
}
const IrHelper x86_helper_write_cr =
    IR_HELPER2("x86_write_cr", helper_write_cr, X86_HELPER_SYS, VOID, I32, I64);

static uint64_t helper_read_dr(CPU *cpu, uint32_t n)
{
    X86CPU *x = x86_cpu(cpu);
    X86Fault f = { 0 };
    uint64_t value = 0;
    x86_helper_done(x, x86_dr_read(x, n, &value, &f), &f);
    return value;
}
const IrHelper x86_helper_read_dr =
    IR_HELPER1("x86_read_dr", helper_read_dr, IRH_FAULT | IRH_REPEAT, I64, I32);

static void helper_write_dr(CPU *cpu, uint32_t n, uint64_t value)
{
    X86CPU *x = x86_cpu(cpu);
    X86Fault f = { 0 };
    x86_helper_done(x, x86_dr_write(x, n, value, &f), &f);
}
const IrHelper x86_helper_write_dr =
    IR_HELPER2("x86_write_dr", helper_write_dr, X86_HELPER_SYS, VOID, I32, I64);

static void helper_clts(CPU *cpu)
{
    x86_clts(x86_cpu(cpu));
}
const IrHelper x86_helper_clts = IR_HELPER0("x86_clts", helper_clts, IRH_READS | IRH_WRITES, VOID);

static void helper_set_ac(CPU *cpu, uint32_t on)
{
    X86CPU *x = x86_cpu(cpu);
    x->s.eflags = on ? x->s.eflags | EFL_AC : x->s.eflags & ~EFL_AC;
    cpu_mmu_changed(cpu); /* it lifts SMAP */
}
const IrHelper x86_helper_set_ac = IR_HELPER1("x86_set_ac", helper_set_ac, IRH_REPEAT, VOID, I32);

static bool xcr_check(X86CPU *x, uint32_t last, X86Fault *f)
{
    if (!(x->s.cr4 & CR4_OSXSAVE)) {
        return x86_fault(f, X86_EXC_UD, 0);
    }
    return (uint32_t)x->s.gpr[X86_RCX] <= last || x86_fault(f, X86_EXC_GP, 0);
}

/* XCR1 is what is in use of XCR0's. */
static void helper_xgetbv(CPU *cpu)
{
    X86CPU *x = x86_cpu(cpu);
    X86Fault f = { 0 };
    x86_helper_done(x, xcr_check(x, x86_has(x, X86_XGETBV1), &f), &f);
    set_edx_eax(x, (uint32_t)x->s.gpr[X86_RCX] ? x->s.xcr0 & x86_states_in_use(x) : x->s.xcr0);
}
const IrHelper x86_helper_xgetbv = IR_HELPER0("x86_xgetbv", helper_xgetbv, X86_HELPER_SYS | IRH_REPEAT, VOID);

static void helper_xsetbv(CPU *cpu)
{
    X86CPU *x = x86_cpu(cpu);
    X86Fault f = { 0 };
    x86_helper_done(x, xcr_check(x, 0, &f) && x86_write_xcr0(x, edx_eax(x), &f), &f);
}
const IrHelper x86_helper_xsetbv = IR_HELPER0("x86_xsetbv", helper_xsetbv, X86_HELPER_SYS, VOID);

static bool pkru_check(X86CPU *x, bool write, X86Fault *f)
{
    if (!(x->s.cr4 & CR4_PKE)) {
        return x86_fault(f, X86_EXC_UD, 0);
    }
    bool zero = !(uint32_t)x->s.gpr[X86_RCX] && !(write && (uint32_t)x->s.gpr[X86_RDX]);
    return zero || x86_fault(f, X86_EXC_GP, 0);
}

static void helper_rdpkru(CPU *cpu)
{
    X86CPU *x = x86_cpu(cpu);
    X86Fault f = { 0 };
    x86_helper_done(x, pkru_check(x, false, &f), &f);
    set_edx_eax(x, x->s.pkru);
}
const IrHelper x86_helper_rdpkru = IR_HELPER0("x86_rdpkru", helper_rdpkru, X86_HELPER_SYS | IRH_REPEAT, VOID);

static void helper_wrpkru(CPU *cpu)
{
    X86CPU *x = x86_cpu(cpu);
    X86Fault f = { 0 };
    x86_helper_done(x, pkru_check(x, true, &f), &f);
    x86_write_pkru(x, x->s.gpr[X86_RAX]);
}
const IrHelper x86_helper_wrpkru = IR_HELPER0("x86_wrpkru", helper_wrpkru, X86_HELPER_SYS, VOID);

static void helper_rdmsr(CPU *cpu)
{
    X86CPU *x = x86_cpu(cpu);
    X86Fault f = { 0 };
    uint64_t value;
    x86_helper_done(x, x86_rdmsr(x, x->s.gpr[X86_RCX], &value, &f), &f);
    set_edx_eax(x, value);
}
const IrHelper x86_helper_rdmsr = IR_HELPER0("x86_rdmsr", helper_rdmsr, X86_HELPER_SYS, VOID);

static void helper_wrmsr(CPU *cpu)
{
    X86CPU *x = x86_cpu(cpu);
    X86Fault f = { 0 };
    x86_helper_done(x, x86_wrmsr(x, x->s.gpr[X86_RCX], edx_eax(x), &f), &f);
}
const IrHelper x86_helper_wrmsr = IR_HELPER0("x86_wrmsr", helper_wrmsr, X86_HELPER_SYS, VOID);

/* ---- calls of what runs the machine ------------------------------------------------- */

/* VMCALL and VMMCALL of guests that found KVM's name (x86-hypercalls.rst): a number in RAX, where the answer goes.  Of the calls that
 * CPUID does not announce guests expect to hear that there is none: Linux' ptp_kvm asks for one in this way. */
static void helper_hypercall(CPU *cpu)
{
    enum { VAPIC_POLL_IRQ = 1, DONE = 0, NOT_PERMITTED = -1, NO_SUCH_CALL = -1000 }; /* linux/kvm_para.h */
    X86CPU *x = x86_cpu(cpu);
    uint64_t number = x86_64bit(x) ? x->s.gpr[X86_RAX] : (uint32_t)x->s.gpr[X86_RAX];
    int64_t answer = x->s.cpl ? NOT_PERMITTED : number == VAPIC_POLL_IRQ ? DONE : NO_SUCH_CALL;
    x->s.gpr[X86_RAX] = x86_64bit(x) ? (uint64_t)answer : (uint32_t)answer;
}
const IrHelper x86_helper_hypercall =
    IR_HELPER0("x86_hypercall", helper_hypercall, IRH_READS | IRH_WRITES, VOID);

/* ---- what the processor tells ------------------------------------------------------ */

static void helper_cpuid(CPU *cpu)
{
    X86CPU *x = x86_cpu(cpu);
    X86Cpuid r = x86_cpuid(x, x->s.gpr[X86_RAX], x->s.gpr[X86_RCX]);
    x->s.gpr[X86_RAX] = r.eax;
    x->s.gpr[X86_RBX] = r.ebx;
    x->s.gpr[X86_RCX] = r.ecx;
    x->s.gpr[X86_RDX] = r.edx;
}
const IrHelper x86_helper_cpuid =
    IR_HELPER0("x86_cpuid", helper_cpuid, IRH_READS | IRH_WRITES | IRH_REPEAT, VOID);

static uint64_t helper_rdtsc(CPU *cpu)
{
    X86CPU *x = x86_cpu(cpu);
    X86Fault f = { 0 };
    uint64_t value = 0;
    x86_helper_done(x, x86_rdtsc(x, &value, &f), &f);
    return value;
}
const IrHelper x86_helper_rdtsc = IR_HELPER0("x86_rdtsc", helper_rdtsc, IRH_FAULT, I64);

static uint64_t helper_random(CPU *cpu)
{
    uint64_t value = 0;
    (void)!getrandom(&value, sizeof(value), GRND_NONBLOCK);
    return value;
}
const IrHelper x86_helper_random = IR_HELPER0("x86_random", helper_random, 0, I64);

/* ---- translations -------------------------------------------------------------------- */

static void helper_invlpg(CPU *cpu, uint64_t linear)
{
    x86_invlpg(x86_cpu(cpu), linear);
}
const IrHelper x86_helper_invlpg = IR_HELPER1("x86_invlpg", helper_invlpg, 0, VOID, I64);

static void helper_invpcid(CPU *cpu, uint64_t type, uint64_t pcid, uint64_t linear)
{
    X86CPU *x = x86_cpu(cpu);
    X86Fault f = { 0 };
    x86_helper_done(x, x86_invpcid(x, type, pcid, linear, &f), &f);
}
const IrHelper x86_helper_invpcid = IR_HELPER3("x86_invpcid", helper_invpcid, IRH_FAULT, VOID, I64, I64, I64);

/* ---- BOUND ---------------------------------------------------------------------------- */

static void helper_bound(CPU *cpu, uint64_t index, uint64_t low, uint64_t high)
{
    X86CPU *x = x86_cpu(cpu);
    X86Fault f = { 0 };
    bool inside = (int64_t)index >= (int64_t)low && (int64_t)index <= (int64_t)high;
    x86_helper_done(x, inside || x86_fault(&f, X86_EXC_BR, 0), &f);
}
const IrHelper x86_helper_bound =
    IR_HELPER3("x86_bound", helper_bound, IRH_FAULT | IRH_REPEAT, VOID, I64, I64, I64);
