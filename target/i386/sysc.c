/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Fast system calls, which load fixed descriptors instead of the tables'.
 * Spec: SDM volume 2, SYSCALL, SYSRET, SYSENTER, SYSEXIT; AMD APM volume 3, the same.
 *
 * The makers differ: SYSRET to a RIP that is not canonical faults at level 0 of Intel's processors and at level 3 of AMD's; the RPL
 * of its SS is forced to 3 on Intel's; AMD has SYSCALL in compatibility mode and no SYSENTER in long mode, Intel the reverse.
 *
 * Translated code calls this with the guest's vectors in registers: it is compiled for general registers only. */
#include "target/i386/far.h"

#include "target/i386/helpers-priv.h"

/* All offsets may be read, and written but of code: what x86_bounds_update() would come to. */
static void load_flat(X86CPU *x, X86SegId seg, uint16_t selector, uint32_t attr, unsigned dpl)
{
    uint64_t end = (uint64_t)UINT32_MAX + 1;
    X86Segment *s = &x->s.seg[seg];
    s->base = 0;
    s->limit = UINT32_MAX;
    s->attr = attr | dpl << ATTR_DPL_SHIFT;
    s->selector = selector;
    x->bounds[seg] = (X86Bounds){ 0, end, (attr & ATTR_CODE) && x86_protected(x) ? 0 : end };
}

/* Code and stack of level cpl; `wide` says 64-bit code. */
static void enter_flat(X86CPU *x, uint16_t cs, uint16_t ss, unsigned cpl, bool wide, uint64_t ip)
{
    load_flat(x, SEG_CS, cs, FIXED_CODE | (wide ? ATTR_L : ATTR_DB), cpl);
    load_flat(x, SEG_SS, ss, FIXED_DATA, cpl);
    x->s.cpl = cpl;
    x86_set_ip(x, ip);
    cpu_mmu_changed(&x->cpu);
}

/* ---- SYSCALL, SYSRET -------------------------------------------------------------------- */

bool x86_syscall(X86CPU *x, uint64_t next_ip, X86Fault *f)
{
    bool from64 = x86_64bit(x), wide = x86_long_mode(x);
    if (!(x->s.efer & EFER_SCE) || (x->vendor == VENDOR_INTEL && !from64)) {
        return x86_fault(f, X86_EXC_UD, 0);
    }
    uint16_t selector = x->s.msr.star >> 32;
    uint32_t flags = x86_flags(x);
    x->s.gpr[X86_RCX] = next_ip;
    if (wide) {
        x->s.gpr[11] = flags & ~EFL_RF;
        x86_set_flags(x, flags & ~EFL_RF & ~(uint32_t)x->s.msr.fmask);
        enter_flat(x, selector & ~SEL_RPL, (selector & ~SEL_RPL) + 8, 0, true,
                   from64 ? x->s.msr.lstar : x->s.msr.cstar);
    } else { /* AMD's legacy mode */
        x->s.eflags &= ~(EFL_VM | EFL_IF | EFL_RF);
        enter_flat(x, selector & ~SEL_RPL, (selector & ~SEL_RPL) + 8, 0, false, (uint32_t)x->s.msr.star);
    }
    return true;
}

bool x86_sysret(X86CPU *x, unsigned bytes, X86Fault *f)
{
    bool intel = x->vendor == VENDOR_INTEL, to64 = bytes == 8;
    if (!(x->s.efer & EFER_SCE) || (intel && !x86_64bit(x))) {
        return x86_fault(f, X86_EXC_UD, 0);
    }
    if (!(x->s.cr0 & CR0_PE) || x->s.cpl != 0) {
        return x86_fault(f, X86_EXC_GP, 0);
    }
    uint64_t rip = to64 ? x->s.gpr[X86_RCX] : (uint32_t)x->s.gpr[X86_RCX];
    if (intel && to64 && !x86_canonical(x, rip)) {
        return x86_fault(f, X86_EXC_GP, 0);
    }
    uint16_t base = x->s.msr.star >> 48, cs = (base + (to64 ? 16 : 0)) | 3, ss = base + 8;
    if (x86_long_mode(x)) {
        x86_set_flags(x, x->s.gpr[11] & (EFL_ALL & ~(EFL_RF | EFL_VM)));
    } else {
        x->s.eflags |= EFL_IF;
    }
    if (intel) {
        enter_flat(x, cs, ss | 3, 3, to64, rip);
    } else { /* of SS only the selector changes: base, limit and attributes stay */
        X86Segment old = x->s.seg[SEG_SS];
        X86Bounds bounds = x->bounds[SEG_SS];
        enter_flat(x, cs, ss, 3, to64, rip);
        old.selector = ss;
        x->s.seg[SEG_SS] = old;
        x->bounds[SEG_SS] = bounds;
    }
    return true;
}

/* ---- SYSENTER, SYSEXIT --------------------------------------------------------------------- */

static bool no_sysenter(const X86CPU *x)
{
    return !x86_has(x, X86_SEP) || (x->vendor == VENDOR_AMD && x86_long_mode(x));
}

bool x86_sysenter(X86CPU *x, X86Fault *f)
{
    const X86Msrs *m = &x->s.msr;
    bool wide = x86_long_mode(x);
    uint16_t selector = m->sysenter_cs & ~SEL_RPL;
    if (no_sysenter(x)) {
        return x86_fault(f, X86_EXC_UD, 0);
    }
    if (!(x->s.cr0 & CR0_PE) || sel_is_null(m->sysenter_cs)) {
        return x86_fault(f, X86_EXC_GP, 0);
    }
    x->s.eflags &= ~(EFL_VM | EFL_IF | EFL_RF);
    x->s.gpr[X86_RSP] = wide ? m->sysenter_esp : (uint32_t)m->sysenter_esp;
    enter_flat(x, selector, selector + 8, 0, wide, wide ? m->sysenter_eip : (uint32_t)m->sysenter_eip);
    return true;
}

bool x86_sysexit(X86CPU *x, unsigned bytes, X86Fault *f)
{
    bool to64 = bytes == 8;
    uint64_t rip = x->s.gpr[X86_RDX], rsp = x->s.gpr[X86_RCX];
    uint16_t cs = (x->s.msr.sysenter_cs & ~SEL_RPL) + (to64 ? 32 : 16);
    if (no_sysenter(x)) {
        return x86_fault(f, X86_EXC_UD, 0);
    }
    bool canonical = !to64 || (x86_canonical(x, rip) && x86_canonical(x, rsp));
    if (!(x->s.cr0 & CR0_PE) || x->s.cpl != 0 || sel_is_null(x->s.msr.sysenter_cs) || !canonical) {
        return x86_fault(f, X86_EXC_GP, 0);
    }
    x->s.gpr[X86_RSP] = to64 ? rsp : (uint32_t)rsp;
    enter_flat(x, cs | 3, (cs + 8) | 3, 3, to64, to64 ? rip : (uint32_t)rip);
    return true;
}

/* ---- for translated code ---------------------------------------------------------------------- */

/* What is to be raised, whose error code is 0; or 0.  To leave by a jump from here would lose the vectors. */
static uint32_t outcome(bool ok, const X86Fault *f)
{
    return ok ? 0 : f->vector;
}

static uint32_t helper_fast(CPU *cpu, uint32_t which, uint32_t bytes, uint64_t next)
{
    X86CPU *x = x86_cpu(cpu);
    X86Fault f = { 0 };
    switch (which) {
    case FAST_SYSCALL: return outcome(x86_syscall(x, next, &f), &f);
    case FAST_SYSRET: return outcome(x86_sysret(x, bytes, &f), &f);
    case FAST_SYSENTER: return outcome(x86_sysenter(x, &f), &f);
    default: return outcome(x86_sysexit(x, bytes, &f), &f);
    }
}
const IrHelper x86_helper_fast =
    IR_HELPER3("x86_fast", helper_fast, IRH_READS | IRH_WRITES | IRH_NO_VECTORS, I32, I32, I32, I64);
