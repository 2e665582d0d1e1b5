/* SPDX-License-Identifier: GPL-2.0-or-later */
/* General, segment and control registers, debug registers, XCR0.
 * Spec: "KVM_GET_REGS", "KVM_GET_SREGS2", "KVM_GET_DEBUGREGS", "KVM_GET_XCRS". */
#include <stddef.h>
#include <string.h>

#include "accel/kvm/x86.h"

/* ---- general registers ------------------------------------------------------------------ */

/* In the order of X86State.gpr. */
static const size_t gprs[X86_GPRS] = {
    offsetof(struct kvm_regs, rax), offsetof(struct kvm_regs, rcx), offsetof(struct kvm_regs, rdx),
    offsetof(struct kvm_regs, rbx), offsetof(struct kvm_regs, rsp), offsetof(struct kvm_regs, rbp),
    offsetof(struct kvm_regs, rsi), offsetof(struct kvm_regs, rdi), offsetof(struct kvm_regs, r8),
    offsetof(struct kvm_regs, r9),  offsetof(struct kvm_regs, r10), offsetof(struct kvm_regs, r11),
    offsetof(struct kvm_regs, r12), offsetof(struct kvm_regs, r13), offsetof(struct kvm_regs, r14),
    offsetof(struct kvm_regs, r15),
};

static __u64 *gpr_of(struct kvm_regs *r, unsigned i)
{
    return (__u64 *)((char *)r + gprs[i]);
}

void kvm_get_regs(KvmVcpu *v)
{
    X86CPU *x = x86_cpu(v->cpu);
    struct kvm_regs r = { 0 };
    kvm_x86_call(v, KVM_GET_REGS, &r, "read general registers");
    for (unsigned i = 0; i < X86_GPRS; i++) {
        x->s.gpr[i] = *gpr_of(&r, i);
    }
    x86_set_flags(x, r.rflags);
    x86_set_ip(x, r.rip);
}

void kvm_put_regs(KvmVcpu *v)
{
    const X86CPU *x = x86_cpu(v->cpu);
    struct kvm_regs r = { .rip = x86_ip(x), .rflags = x86_flags(x) };
    for (unsigned i = 0; i < X86_GPRS; i++) {
        *gpr_of(&r, i) = x->s.gpr[i];
    }
    kvm_x86_call(v, KVM_SET_REGS, &r, "write general registers");
}

/* ---- segments ------------------------------------------------------------------------------ */

static X86Segment segment_from(const struct kvm_segment *k)
{
    uint32_t attr = k->type | k->s << 4 | k->dpl << ATTR_DPL_SHIFT | k->present << 7 | k->avl << 12 |
                    k->l << 13 | k->db << 14 | k->g << 15;
    return (X86Segment){ .base = k->base,
                         .limit = k->limit,
                         .attr = k->unusable ? ATTR_NULL | (attr & ATTR_DPL) : attr,
                         .selector = k->selector };
}

static struct kvm_segment segment_to(const X86Segment *s)
{
    return (struct kvm_segment){ .base = s->base,
                                 .limit = s->limit,
                                 .selector = s->selector,
                                 .type = s->attr & ATTR_TYPE,
                                 .present = !!(s->attr & ATTR_P),
                                 .dpl = x86_dpl(s->attr),
                                 .db = !!(s->attr & ATTR_DB),
                                 .s = !!(s->attr & ATTR_S),
                                 .l = !!(s->attr & ATTR_L),
                                 .g = !!(s->attr & ATTR_G),
                                 .avl = !!(s->attr & ATTR_AVL),
                                 .unusable = !!(s->attr & ATTR_NULL) };
}

/* Both forms of the structure begin alike. */
_Static_assert(offsetof(struct kvm_sregs, apic_base) == offsetof(struct kvm_sregs2, apic_base), "sregs");

typedef union Sregs {
    struct kvm_sregs one;
    struct kvm_sregs2 two; /* with the four entries of PAE paging */
} Sregs;

static struct kvm_segment *segment_at(Sregs *r, unsigned i)
{
    struct kvm_segment *const at[X86_SEGS] = {
        [SEG_ES] = &r->two.es, [SEG_CS] = &r->two.cs, [SEG_SS] = &r->two.ss,
        [SEG_DS] = &r->two.ds, [SEG_FS] = &r->two.fs, [SEG_GS] = &r->two.gs
    };
    return at[i];
}

static void get_segments(X86State *s, Sregs *r)
{
    for (unsigned i = 0; i < X86_SEGS; i++) {
        s->seg[i] = segment_from(segment_at(r, i));
    }
    s->ldtr = segment_from(&r->two.ldt);
    s->tr = segment_from(&r->two.tr);
    s->gdtr = (X86Table){ r->two.gdt.base, r->two.gdt.limit };
    s->idtr = (X86Table){ r->two.idt.base, r->two.idt.limit };
    s->cpl = r->two.ss.dpl; /* KVM's SS has the level there, whatever its selector is */
}

static void put_segments(const X86State *s, Sregs *r)
{
    for (unsigned i = 0; i < X86_SEGS; i++) {
        *segment_at(r, i) = segment_to(&s->seg[i]);
    }
    r->two.ss.dpl = s->cpl;
    r->two.ldt = segment_to(&s->ldtr);
    r->two.tr = segment_to(&s->tr);
    r->two.gdt = (struct kvm_dtable){ .base = s->gdtr.base, .limit = s->gdtr.limit };
    r->two.idt = (struct kvm_dtable){ .base = s->idtr.base, .limit = s->idtr.limit };
}

static bool has_pdptes(const X86State *s)
{
    return (s->cr0 & CR0_PG) && (s->cr4 & CR4_PAE) && !(s->efer & EFER_LMA);
}

void kvm_get_sregs(KvmVcpu *v)
{
    X86State *s = &x86_cpu(v->cpu)->s;
    bool two = v->kvm->caps.sregs2;
    Sregs r = { 0 };
    kvm_x86_call(v, two ? KVM_GET_SREGS2 : KVM_GET_SREGS, &r, "read control registers");
    get_segments(s, &r);
    s->cr0 = r.two.cr0;
    s->cr2 = r.two.cr2;
    s->cr3 = r.two.cr3;
    s->cr4 = r.two.cr4;
    s->cr8 = r.two.cr8;
    s->efer = r.two.efer;
    s->msr.apic_base = r.two.apic_base;
    if (two && r.two.flags & KVM_SREGS2_FLAGS_PDPTRS_VALID) {
        memcpy(s->pdpte, r.two.pdptrs, sizeof(s->pdpte));
    }
}

void kvm_put_sregs(KvmVcpu *v)
{
    const X86State *s = &x86_cpu(v->cpu)->s;
    bool two = v->kvm->caps.sregs2;
    Sregs r = { 0 };
    put_segments(s, &r);
    r.two.cr0 = s->cr0;
    r.two.cr2 = s->cr2;
    r.two.cr3 = s->cr3;
    r.two.cr4 = s->cr4;
    r.two.cr8 = s->cr8;
    r.two.efer = s->efer;
    r.two.apic_base = s->msr.apic_base;
    if (two && has_pdptes(s)) {
        r.two.flags = KVM_SREGS2_FLAGS_PDPTRS_VALID;
        memcpy(r.two.pdptrs, s->pdpte, sizeof(s->pdpte));
    }
    kvm_x86_call(v, two ? KVM_SET_SREGS2 : KVM_SET_SREGS, &r, "write control registers");
    v->run->apic_base = s->msr.apic_base; /* as the next exit will show it */
}

/* ---- the rest -------------------------------------------------------------------------------- */

void kvm_get_debugregs(KvmVcpu *v)
{
    X86State *s = &x86_cpu(v->cpu)->s;
    struct kvm_debugregs r = { 0 };
    kvm_x86_call(v, KVM_GET_DEBUGREGS, &r, "read debug registers");
    memcpy(s->dr, r.db, sizeof(s->dr));
    s->dr6 = r.dr6;
    s->dr7 = r.dr7;
}

void kvm_put_debugregs(KvmVcpu *v)
{
    const X86State *s = &x86_cpu(v->cpu)->s;
    struct kvm_debugregs r = { .dr6 = s->dr6, .dr7 = s->dr7 };
    memcpy(r.db, s->dr, sizeof(s->dr));
    kvm_x86_call(v, KVM_SET_DEBUGREGS, &r, "write debug registers");
}

void kvm_get_xcrs(KvmVcpu *v)
{
    struct kvm_xcrs r = { 0 };
    if (v->kvm->caps.xcrs && kvm_x86_call(v, KVM_GET_XCRS, &r, "read XCR0") && r.nr_xcrs) {
        x86_cpu(v->cpu)->s.xcr0 = r.xcrs[0].value;
    }
}

void kvm_put_xcrs(KvmVcpu *v)
{
    const X86CPU *x = x86_cpu(v->cpu);
    struct kvm_xcrs r = { .nr_xcrs = 1, .xcrs[0].value = x->s.xcr0 };
    if (v->kvm->caps.xcrs && x86_has(x, X86_XSAVE)) {
        kvm_x86_call(v, KVM_SET_XCRS, &r, "write XCR0");
    }
}
