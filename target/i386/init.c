/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Spec: SDM volume 3, "Processor State After Reset" (table, column INIT), "Wait-for-SIPI", "Local APIC State After It Receives an
 * INIT-Deassert IPI"; what kernels begin with: Multiboot 0.6.96, "Machine state"; Xen's x86/HVM direct boot ABI; Linux's boot
 * protocol, "32-bit boot protocol" and "64-bit boot protocol". */
#include "target/i386/init.h"

#include <string.h>

#include "target/i386/apic.h"
#include "target/i386/seg.h"
#include "target/i386.h"
#include "target/vcpu.h"

static bool starts_machine(const X86CPU *x)
{
    enum { APIC_BSP = 1 << 8 };
    return x->s.msr.apic_base & APIC_BSP;
}

/* All but the deadline, which the timer's thread ends at any time. */
static void copy_msrs(X86Msrs *to, const X86Msrs *from)
{
    const size_t behind = offsetof(X86Msrs, apic_base);
    _Static_assert(offsetof(X86Msrs, apic_base) ==
                       offsetof(X86Msrs, tsc_deadline) + sizeof(from->tsc_deadline),
                   "the next one");
    memcpy(to, from, offsetof(X86Msrs, tsc_deadline));
    memcpy(&to->apic_base, &from->apic_base, sizeof(*from) - behind);
}

/* What stays; of the state that other threads change meanwhile nothing is in it. */
typedef struct Kept {
    uint64_t cr0, xcr0, deadline;
    uint64_t ymm[16][4];
    uint32_t mxcsr, pkru;
    X87 x87;
    X86Msrs msr;
    X86Lbr lbr;
    uint64_t pvclock_time, pvclock_wall, kvm_async_pf, kvm_async_pf_int, kvm_steal_time, kvm_eoi;
    uint32_t smbase;
    bool a20;
} Kept;

static Kept keep(const X86CPU *x)
{
    const X86State *s = &x->s;
    Kept k = { .cr0 = s->cr0,
               .xcr0 = s->xcr0,
               .deadline = x86_deadline(&x->cpu),
               .mxcsr = s->mxcsr,
               .pkru = s->pkru,
               .x87 = s->x87,
               .lbr = s->lbr,
               .pvclock_time = s->pvclock_time,
               .pvclock_wall = s->pvclock_wall,
               .kvm_async_pf = s->kvm_async_pf,
               .kvm_async_pf_int = s->kvm_async_pf_int,
               .kvm_steal_time = s->kvm_steal_time,
               .kvm_eoi = s->kvm_eoi,
               .smbase = s->smbase,
               .a20 = s->a20 };
    memcpy(k.ymm, s->ymm, sizeof(k.ymm));
    copy_msrs(&k.msr, &s->msr);
    return k;
}

/* As reset, but for floating point and vectors, MSRs (EFER goes), XCR0, PKRU, caching, and what is of the machine. */
void x86_init(X86CPU *x)
{
    const Kept old = keep(x);
    const State table = { .owner = x, .name = "i386", .tables = { { x86_state } }, .count = 1 };
    state_reset(&table);
    x86_reset(&x->cpu);
    x->s.cr0 = (x->s.cr0 & ~(uint64_t)(CR0_CD | CR0_NW)) | (old.cr0 & (CR0_CD | CR0_NW));
    memcpy(x->s.ymm, old.ymm, sizeof(old.ymm));
    x->s.mxcsr = old.mxcsr;
    x->s.x87 = old.x87;
    x->s.lbr = old.lbr;
    x->s.xcr0 = old.xcr0;
    x->s.pkru = old.pkru;
    copy_msrs(&x->s.msr, &old.msr);
    __atomic_store_n(&x->s.msr.tsc_deadline, old.deadline, __ATOMIC_RELEASE);
    x->s.pvclock_time = old.pvclock_time;
    x->s.pvclock_wall = old.pvclock_wall;
    x->s.kvm_async_pf = old.kvm_async_pf;
    x->s.kvm_async_pf_int = old.kvm_async_pf_int;
    x->s.kvm_steal_time = old.kvm_steal_time;
    x->s.kvm_eoi = old.kvm_eoi;
    x->s.smbase = old.smbase;
    x->s.a20 = old.a20;
    bool first = starts_machine(x);
    x->s.events.mp_state = first ? MP_RUNNABLE : MP_INIT_RECEIVED;
    x->cpu.halted = !first;
    x86_refresh(&x->cpu);
    x86_apic_init(x);
}

void x86_sipi(X86CPU *x, uint8_t vector)
{
    unsigned state = x->s.events.mp_state;
    if (state != MP_INIT_RECEIVED && state != MP_UNINITIALIZED) {
        return;
    }
    x86_seg_load_real(x, SEG_CS, vector << 8);
    x86_set_ip(x, 0);
    x->s.events.sipi_vector = vector;
    x->s.events.mp_state = MP_RUNNABLE;
    x->cpu.halted = false;
    cpu_mmu_changed(&x->cpu);
}

static X86Segment flat_segment(uint16_t selector, uint32_t attr)
{
    return (X86Segment){ .limit = UINT32_MAX,
                         .attr = attr | ATTR_P | ATTR_S | ATTR_WRITABLE | ATTR_ACCESSED | ATTR_G,
                         .selector = selector };
}

void x86_set_entry(CPU *cpu, const X86Entry *e)
{
    X86CPU *x = x86_cpu(cpu);
    cpu_state_change(cpu);
    for (unsigned i = 0; i < X86_SEGS; i++) {
        x->s.seg[i] = flat_segment(X86_ENTRY_DATA, ATTR_DB);
    }
    x->s.seg[SEG_CS] = flat_segment(X86_ENTRY_CODE, ATTR_CODE | (e->wide ? ATTR_L : ATTR_DB));
    x->s.gdtr = (X86Table){ e->gdt, X86_ENTRY_GDT_BYTES - 1 };
    x->s.cr0 = CR0_PE | CR0_ET | (e->wide ? CR0_PG : 0);
    if (e->wide) {
        x->s.cr3 = e->tables;
        x->s.cr4 = CR4_PAE;
        x->s.efer = EFER_LME | EFER_LMA;
    }
    x->s.gpr[X86_RAX] = e->eax;
    x->s.gpr[X86_RBX] = e->ebx;
    x->s.gpr[X86_RSI] = e->esi;
    x86_set_ip(x, e->pc);
    x86_refresh(cpu);
}
