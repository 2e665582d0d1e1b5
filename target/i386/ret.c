/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Far returns and returns from interrupts.
 * Spec: SDM volume 2, RET and IRET/IRETD/IRETQ (the operation sections); volume 3, "Returning from a Called Procedure", "IRET in
 * IA-32e Mode", "Leaving Virtual-8086 Mode", "Handling Multiple NMIs". */
#include "target/i386/far.h"
#include "target/i386/trap.h"

#include "target/vcpu.h"
#include "util/bytes.h"

/* A return under way: what was popped, and what was found to it. */
typedef struct Return {
    X86Stack st;
    unsigned bytes, release;
    uint64_t ip, cs, flags, sp, ss;
    X86Desc code, stack;
    unsigned cpl;    /* that it goes to */
    bool pops_stack; /* SS:SP follows: another level, or any IRET of 64-bit mode */
    bool ss_null;
} Return;

/* ---- checks ------------------------------------------------------------------------- */

static bool return_code(X86CPU *x, Return *r, X86Fault *f)
{
    unsigned rpl = r->cs & SEL_RPL;
    uint32_t error = sel_error(r->cs);
    if (sel_is_null(r->cs)) {
        return x86_fault(f, X86_EXC_GP, 0);
    }
    if (!x86_desc_read(x, r->cs, X86_EXC_GP, &r->code, f)) {
        return false;
    }
    uint32_t attr = x86_desc_attr(&r->code), both = ATTR_L | ATTR_DB;
    unsigned dpl = x86_dpl(attr);
    bool level_ok = attr & ATTR_CONFORMING ? dpl <= rpl : dpl == rpl;
    if (!x86_desc_is_code(&r->code) || rpl < x->s.cpl || !level_ok ||
        (x86_long_mode(x) && (attr & both) == both)) {
        return x86_fault(f, X86_EXC_GP, error);
    }
    if (!(attr & ATTR_P)) {
        return x86_fault(f, X86_EXC_NP, error);
    }
    r->cpl = rpl;
    return true;
}

/* A null SS is for 64-bit code of levels 0 to 2, with their RPL. */
static bool return_stack(X86CPU *x, Return *r, X86Fault *f)
{
    bool wide = x86_long_mode(x) && (x86_desc_attr(&r->code) & ATTR_L);
    r->ss_null = sel_is_null(r->ss);
    if (!r->ss_null) {
        return x86_stack_segment_check(x, r->ss, r->cpl, X86_EXC_GP, &r->stack, f);
    }
    return (wide && r->cpl != 3 && (r->ss & SEL_RPL) == r->cpl) || x86_fault(f, X86_EXC_GP, 0);
}

static bool pop_stack_pointer(Return *r, X86Fault *f)
{
    return x86_pop(&r->st, r->bytes, &r->sp, f) && x86_pop(&r->st, r->bytes, &r->ss, f);
}

/* The stack that it goes to, if any, and where it goes to in CS: which of the two comes first is the makers'. */
static bool return_place(X86CPU *x, Return *r, X86Fault *f)
{
    bool amd = x->vendor == VENDOR_AMD;
    return (!amd || x86_code_offset_check(x, &r->code, r->ip, f)) &&
           (!r->pops_stack || return_stack(x, r, f)) && (amd || x86_code_offset_check(x, &r->code, r->ip, f));
}

static bool mark_both(X86CPU *x, Return *r, X86Fault *f)
{
    return x86_desc_mark_accessed(x, &r->code, f) &&
           (!r->pops_stack || r->ss_null || x86_desc_mark_accessed(x, &r->stack, f));
}

/* All has been checked: registers of code and stack. */
static void return_commit(X86CPU *x, Return *r)
{
    bool outer = r->cpl > x->s.cpl;
    if (!r->pops_stack) {
        r->st.sp += r->release;
        x86_stack_commit(&r->st);
        x86_code_load(x, r->cs, &r->code, r->cpl, r->ip);
        return;
    }
    x86_code_load(x, r->cs, &r->code, r->cpl, r->ip); /* first: it says how wide the stack pointer is */
    if (r->ss_null) {
        x86_seg_load_null(x, SEG_SS, r->ss);
    } else {
        x86_seg_load(x, SEG_SS, r->ss, &r->stack);
    }
    X86Stack st = x86_stack_current(x);
    st.sp = r->sp + r->release;
    x86_stack_commit(&st); /* a 16-bit stack: the upper half of ESP stays */
    if (outer) {
        x86_seg_drop_privileged(x);
    }
    cpu_mmu_changed(&x->cpu);
}

/* Where the accesses of one instruction fault in different ways the order tells: as on AMD's Zen 3, the last word first. */
static bool pop_pointer(Return *r, X86Fault *f)
{
    bool ok = x86_stack_peek(&r->st, r->bytes, r->bytes, &r->cs, f) && x86_pop(&r->st, r->bytes, &r->ip, f);
    r->st.sp += r->bytes;
    return ok;
}

/* ---- RET FAR ------------------------------------------------------------------------- */

static bool return_8086(X86CPU *x, Return *r, X86Fault *f)
{
    if (!pop_pointer(r, f)) {
        return false;
    }
    if (r->ip > x->s.seg[SEG_CS].limit) {
        return x86_fault(f, X86_EXC_GP, 0);
    }
    return true;
}

static void commit_8086(X86CPU *x, Return *r)
{
    r->st.sp += r->release;
    x86_stack_commit(&r->st);
    if (x86_v86(x)) {
        x86_seg_load_v86(x, SEG_CS, r->cs);
    } else {
        x86_seg_load_real(x, SEG_CS, r->cs);
    }
    x86_set_ip(x, r->ip);
}

/* AMD's pop it before they look at CS, whichever way its level differs, SS first (measured on Zen 5). */
static bool pop_outer_stack(Return *r, X86Fault *f)
{
    if (!r->pops_stack) {
        return true;
    }
    r->st.sp += r->release;
    bool ok = x86_stack_peek(&r->st, r->bytes, r->bytes, &r->ss, f) && x86_pop(&r->st, r->bytes, &r->sp, f);
    r->st.sp += r->bytes;
    return ok;
}

bool x86_far_return(X86CPU *x, unsigned bytes, unsigned release, X86Fault *f)
{
    Return r = { .st = x86_stack_current(x), .bytes = bytes, .release = release };
    if (!x86_protected(x)) {
        if (!return_8086(x, &r, f)) {
            return false;
        }
        commit_8086(x, &r);
        return true;
    }
    if (!pop_pointer(&r, f)) {
        return false;
    }
    r.cs &= 0xffff;
    r.pops_stack = (r.cs & SEL_RPL) != x->s.cpl;
    bool amd = x->vendor == VENDOR_AMD;
    if (!(amd ? pop_outer_stack(&r, f) && return_code(x, &r, f)
              : return_code(x, &r, f) && pop_outer_stack(&r, f))) {
        return false;
    }
    if (!return_place(x, &r, f) || !mark_both(x, &r, f)) {
        return false;
    }
    return_commit(x, &r);
    return true;
}

/* ---- IRET: flags ------------------------------------------------------------------------ */

/* By the level that it leaves. */
static void iret_flags(X86CPU *x, uint64_t flags, unsigned bytes)
{
    uint32_t mask = x86_flags_writable(x, bytes); /* all of EFL_ARITH */
    if (bytes > 2) {
        mask |= EFL_RF | (x->s.cpl == 0 ? EFL_VIF | EFL_VIP : 0);
    }
    x86_set_flags(x, (x->s.eflags & ~mask) | (flags & mask));
}

static bool pop_three(Return *r, X86Fault *f)
{
    bool ok = x86_stack_peek(&r->st, 2 * r->bytes, r->bytes, &r->flags, f) && pop_pointer(r, f);
    r->st.sp += r->bytes;
    return ok;
}

/* ---- IRET: real and virtual-8086 mode ------------------------------------------------- */

static bool iret_real(X86CPU *x, Return *r, X86Fault *f)
{
    enum { KEPT = EFL_VM | EFL_VIF | EFL_VIP };
    if (!pop_three(r, f)) {
        return false;
    }
    if (r->ip > x->s.seg[SEG_CS].limit) {
        return x86_fault(f, X86_EXC_GP, 0);
    }
    uint32_t mask = r->bytes == 2 ? 0xffff : ~(uint32_t)KEPT;
    x86_set_flags(x, (x86_flags(x) & ~mask) | (r->flags & mask));
    commit_8086(x, r);
    return true;
}

/* IOPL 3: as in real mode, but for IOPL.  Below it VME lets IRET of 16 bits through, with VIF for IF. */
static bool iret_v86(X86CPU *x, Return *r, X86Fault *f)
{
    enum { KEPT = EFL_IOPL | EFL_VM | EFL_VIF | EFL_VIP };
    bool vme = x86_iopl(x) < 3;
    if (vme && (!(x->s.cr4 & CR4_VME) || r->bytes != 2)) {
        return x86_fault(f, X86_EXC_GP, 0);
    }
    if (!pop_three(r, f)) {
        return false;
    }
    bool unmasks_pending = (r->flags & EFL_IF) && (x->s.eflags & EFL_VIP);
    if (r->ip > x->s.seg[SEG_CS].limit || (vme && (unmasks_pending || (r->flags & EFL_TF)))) {
        return x86_fault(f, X86_EXC_GP, 0);
    }
    uint32_t mask = (r->bytes == 2 ? 0xffff : UINT32_MAX) & ~KEPT;
    if (vme) {
        mask = (mask & ~EFL_IF) | EFL_VIF;
        r->flags |= r->flags & EFL_IF ? EFL_VIF : 0;
    }
    x86_set_flags(x, (x86_flags(x) & ~mask) | (r->flags & mask));
    commit_8086(x, r);
    return true;
}

static bool iret_to_v86(X86CPU *x, Return *r, X86Fault *f)
{
    static const X86SegId order[] = { SEG_ES, SEG_DS, SEG_FS, SEG_GS };
    uint64_t selector[G_N_ELEMENTS(order)];
    if (x->vendor != VENDOR_AMD && r->ip > 0xffff) { /* AMD's take its lower half (APM 3, IRET) */
        return x86_fault(f, X86_EXC_GP, 0);
    }
    if (!pop_stack_pointer(r, f)) {
        return false;
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(order); i++) {
        if (!x86_pop(&r->st, 4, &selector[i], f)) {
            return false;
        }
    }
    x86_set_flags(x, r->flags);
    x->s.cpl = 3;
    x86_seg_load_v86(x, SEG_CS, r->cs);
    x86_seg_load_v86(x, SEG_SS, r->ss);
    for (unsigned i = 0; i < G_N_ELEMENTS(order); i++) {
        x86_seg_load_v86(x, order[i], selector[i]);
    }
    x->s.gpr[X86_RSP] = (uint32_t)r->sp;
    x86_set_ip(x, r->ip & 0xffff);
    return true;
}

/* ---- IRET: protected and long mode ------------------------------------------------------ */

static bool iret_protected(X86CPU *x, Return *r, X86Fault *f)
{
    if (!return_code(x, r, f)) {
        return false;
    }
    r->pops_stack = r->cpl > x->s.cpl || x86_64bit(x);
    if (r->pops_stack && !pop_stack_pointer(r, f)) {
        return false;
    }
    if (!return_place(x, r, f) || !mark_both(x, r, f)) {
        return false;
    }
    iret_flags(x, r->flags, r->bytes);
    return_commit(x, r);
    return true;
}

static bool iret_by_mode(X86CPU *x, Return *r, uint64_t next_ip, X86Fault *f)
{
    if (!(x->s.cr0 & CR0_PE)) {
        return iret_real(x, r, f);
    }
    if (x86_v86(x)) {
        return iret_v86(x, r, f);
    }
    if (x->s.eflags & EFL_NT) {
        return x86_long_mode(x) ? x86_fault(f, X86_EXC_GP, 0) : x86_task_return(x, next_ip, f);
    }
    if (!pop_three(r, f)) {
        return false;
    }
    r->cs &= 0xffff;
    if ((r->flags & EFL_VM) && r->bytes == 4 && x->s.cpl == 0 && !x86_long_mode(x)) {
        return iret_to_v86(x, r, f);
    }
    return iret_protected(x, r, f);
}

/* ---- IRETQ: the common case ---------------------------------------------------------------
 *
 * From 64-bit code to 64-bit code by descriptors of the GDT, all of whose words are where the host knows them.  It does what
 * iret_protected() would, which is left to do it, faults included, wherever anything is otherwise. */

/* A descriptor of the GDT that may be loaded as it is. */
static bool quick_descriptor(X86CPU *x, uint16_t selector, uint32_t mask, uint32_t wanted, X86Desc *d)
{
    uint32_t offset = selector & ~SEL_RPL;
    bool in_table = offset && !(offset & SEL_TI) && offset + 7 <= x->s.gdtr.limit;
    const void *at = in_table ? x86_host(x, x->s.gdtr.base + offset, 8, MMU_READ, RIGHTS_SYSTEM) : NULL;
    *d = (X86Desc){ .low = at ? load_le(at, 8) : 0 };
    uint32_t level = (selector & SEL_RPL)
                     << ATTR_DPL_SHIFT; /* is DPL of code that does not conform, and of stacks */
    return (x86_desc_attr(d) & (mask | ATTR_DPL)) == (wanted | level);
}

static bool iret_quick(X86CPU *x)
{
    enum {
        CODE = ATTR_P | ATTR_S | ATTR_CODE | ATTR_ACCESSED | ATTR_L,
        CODE_MASK = CODE | ATTR_CONFORMING | ATTR_DB,
        STACK = ATTR_P | ATTR_S | ATTR_WRITABLE | ATTR_ACCESSED,
        STACK_MASK = STACK | ATTR_CODE,
        BYTES = 40,
    };
    uint64_t rsp = x->s.gpr[X86_RSP];
    if (!x86_64bit(x) || x->s.cpl == 3 || x->s.eflags & EFL_NT || x->s.dr7 & DR7_ENABLES ||
        !x86_canonical(x, rsp)) {
        return false;
    }
    const uint8_t *frame = x86_host(x, rsp, BYTES, MMU_READ, RIGHTS_SUPERVISOR);
    if (!frame) {
        return false;
    }
    uint64_t ip = load_le(frame, 8);
    uint16_t cs = load_le(frame + 8, 2), ss = load_le(frame + 32, 2);
    unsigned cpl = cs & SEL_RPL;
    X86Desc code, stack;
    bool ss_null = sel_is_null(ss) && cpl != 3;
    if (cpl < x->s.cpl || (ss & SEL_RPL) != cpl || !x86_canonical(x, ip) ||
        !quick_descriptor(x, cs, CODE_MASK, CODE, &code) ||
        (!ss_null && !quick_descriptor(x, ss, STACK_MASK, STACK, &stack))) {
        return false;
    }
    uint64_t sp = load_le(frame + 24, 8);
    bool outer = cpl > x->s.cpl;
    iret_flags(x, load_le(frame + 16, 8), 8);
    x86_code_load(x, cs, &code, cpl, ip);
    if (ss_null) {
        x86_seg_load_null(x, SEG_SS, ss);
    } else {
        x86_seg_load(x, SEG_SS, ss, &stack);
    }
    x->s.gpr[X86_RSP] = sp;
    if (outer) {
        x86_seg_drop_privileged(x);
    }
    return true;
}

/* NMIs come through again, even after one that faults. */
bool x86_iret(X86CPU *x, unsigned bytes, uint64_t next_ip, X86Fault *f)
{
    x86_unmask_nmi(x);
    if (bytes == 8 && iret_quick(x)) {
        return true;
    }
    Return r = { .st = x86_stack_current(x), .bytes = bytes };
    bool ok = iret_by_mode(x, &r, next_ip, f);
    cpu_mmu_changed(&x->cpu);
    return ok;
}
