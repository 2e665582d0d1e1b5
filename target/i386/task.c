/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Switches of tasks.
 * Spec: SDM volume 3, "Task Switching" (the list of steps, and which faults are the old task's), "Interrupt 10 - Invalid TSS
 * Exception", "16-Bit Task-State Segment (TSS)".
 *
 * The new TSS is read, and the old one written, before anything else changes; from then on faults are the new
 * task's. */
#include "target/i386/cr.h"
#include "target/i386/tss.h"
#include "target/vcpu.h"

/* Offsets in the two kinds of TSS. */
typedef struct Layout {
    uint8_t bytes; /* of a register */
    uint8_t ip, flags, gpr, seg, seg_step, segs, ldt, cr3, limit;
} Layout;
static const Layout layout32 = { 4, 0x20, 0x24, 0x28, 0x48, 4, 6, 0x60, 0x1c, 0x67 };
static const Layout layout16 = { 2, 0x0e, 0x10, 0x12, 0x22, 2, 4, 0x2a, 0, 0x2b };
enum { GPRS = 8, TRAP_BIT = 0x64, BUSY = 2 };

/* What a TSS holds of a task. */
typedef struct Task {
    uint64_t ip, flags, cr3, gpr[GPRS], selector[X86_SEGS], ldt, trap;
} Task;

static const Layout *layout_of(uint32_t attr)
{
    return attr & 8 ? &layout32 : &layout16;
}

/* ---- reading and writing ------------------------------------------------------ */

static bool task_read(X86CPU *x, uint64_t base, const Layout *l, Task *t, X86Fault *f)
{
    bool ok = x86_load(x, base + l->ip, l->bytes, RIGHTS_SYSTEM, &t->ip, f) &&
              x86_load(x, base + l->flags, l->bytes, RIGHTS_SYSTEM, &t->flags, f) &&
              x86_load(x, base + l->ldt, 2, RIGHTS_SYSTEM, &t->ldt, f);
    for (unsigned i = 0; ok && i < GPRS; i++) {
        ok = x86_load(x, base + l->gpr + i * l->bytes, l->bytes, RIGHTS_SYSTEM, &t->gpr[i], f);
    }
    for (unsigned i = 0; ok && i < l->segs; i++) {
        ok = x86_load(x, base + l->seg + i * l->seg_step, 2, RIGHTS_SYSTEM, &t->selector[i], f);
    }
    if (ok && l->cr3) {
        ok = x86_load(x, base + l->cr3, 4, RIGHTS_SYSTEM, &t->cr3, f) &&
             x86_load(x, base + TRAP_BIT, 1, RIGHTS_SYSTEM, &t->trap, f);
    }
    return ok;
}

static bool task_write(X86CPU *x, uint64_t base, const Layout *l, uint64_t ip, uint32_t flags, X86Fault *f)
{
    bool ok = x86_store(x, base + l->ip, l->bytes, RIGHTS_SYSTEM, ip, f) &&
              x86_store(x, base + l->flags, l->bytes, RIGHTS_SYSTEM, flags, f);
    for (unsigned i = 0; ok && i < GPRS; i++) {
        ok = x86_store(x, base + l->gpr + i * l->bytes, l->bytes, RIGHTS_SYSTEM, x->s.gpr[i], f);
    }
    for (unsigned i = 0; ok && i < l->segs; i++) {
        ok = x86_store(x, base + l->seg + i * l->seg_step, 2, RIGHTS_SYSTEM, x->s.seg[i].selector, f);
    }
    return ok;
}

/* ---- the new task's registers -------------------------------------------------- */

static void task_load_registers(X86CPU *x, const Task *t)
{
    x86_set_flags(x, t->flags);
    for (unsigned i = 0; i < GPRS; i++) {
        x->s.gpr[i] = t->gpr[i]; /* upper halves of a 16-bit task: 0, the manual does not say */
    }
    x->s.dr7 &= ~0x155ull; /* breakpoints of one task: L0 to L3, LE */
    x->s.ldtr = (X86Segment){ .selector = t->ldt, .attr = ATTR_NULL };
    for (unsigned i = 0; i < X86_SEGS; i++) {
        x->s.seg[i] = (X86Segment){ .selector = t->selector[i], .attr = ATTR_NULL };
        x86_bounds_update(x, i);
    }
    x->s.cpl = x86_v86(x) ? 3 : t->selector[SEG_CS] & SEL_RPL;
    x86_set_ip(x, t->ip);
}

static bool task_load_ldt(X86CPU *x, uint16_t selector, X86Fault *f)
{
    X86Fault other = { .external = f->external };
    if (x86_lldt(x, selector, &other)) {
        return true;
    }
    x->s.ldtr = (X86Segment){ .selector = selector, .attr = ATTR_NULL };
    if (other.vector == X86_EXC_PF) {
        *f = other;
        return false;
    }
    return x86_fault(f, X86_EXC_TS, sel_error(selector)); /* absent ones, too */
}

static bool task_load_code(X86CPU *x, uint16_t selector, X86Fault *f)
{
    X86Desc d;
    unsigned rpl = selector & SEL_RPL;
    if (sel_is_null(selector)) {
        return x86_fault(f, X86_EXC_TS, 0);
    }
    if (!x86_desc_read(x, selector, X86_EXC_TS, &d, f)) {
        return false;
    }
    uint32_t attr = x86_desc_attr(&d);
    unsigned dpl = x86_dpl(attr);
    if (!x86_desc_is_code(&d) || (attr & ATTR_CONFORMING ? dpl > rpl : dpl != rpl)) {
        return x86_fault(f, X86_EXC_TS, sel_error(selector));
    }
    if (!(attr & ATTR_P)) {
        return x86_fault(f, X86_EXC_NP, sel_error(selector));
    }
    if (!x86_desc_mark_accessed(x, &d, f)) {
        return false;
    }
    x86_code_load(x, selector, &d, rpl, x86_ip(x));
    return true;
}

static bool task_load_data(X86CPU *x, X86SegId seg, uint16_t selector, X86Fault *f)
{
    X86Desc d;
    if (seg != SEG_SS && sel_is_null(selector)) {
        x86_seg_load_null(x, seg, selector);
        return true;
    }
    bool ok = seg == SEG_SS ? x86_stack_segment_check(x, selector, x->s.cpl, X86_EXC_TS, &d, f)
                            : x86_data_segment_check(x, selector, x->s.cpl, X86_EXC_TS, &d, f);
    if (!ok || !x86_desc_mark_accessed(x, &d, f)) {
        return false;
    }
    x86_seg_load(x, seg, selector, &d);
    return true;
}

static bool task_load_segments(X86CPU *x, const Task *t, X86Fault *f)
{
    static const X86SegId order[] = { SEG_SS, SEG_DS, SEG_ES, SEG_FS, SEG_GS };
    if (!task_load_ldt(x, t->ldt, f)) {
        return false;
    }
    if (x86_v86(x)) {
        for (unsigned i = 0; i < X86_SEGS; i++) {
            x86_seg_load_v86(x, i, t->selector[i]);
        }
        x86_set_ip(x, t->ip);
        return true;
    }
    if (!task_load_code(x, t->selector[SEG_CS], f)) {
        return false;
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(order); i++) {
        if (!task_load_data(x, order[i], t->selector[order[i]], f)) {
            return false;
        }
    }
    return true;
}

/* ---- the switch ------------------------------------------------------------------ */

/* A TSS of the GDT, available (of IRET: busy), present, long enough. */
static bool task_check(X86CPU *x, uint16_t selector, TaskSwitch how, X86Desc *d, X86Fault *f)
{
    uint8_t vector = how == TASK_IRET ? X86_EXC_TS : X86_EXC_GP;
    uint32_t error = sel_error(selector);
    if (sel_is_null(selector) || (selector & SEL_TI)) {
        return x86_fault(f, vector, error);
    }
    if (!x86_desc_read(x, selector, vector, d, f)) {
        return false;
    }
    unsigned type = x86_desc_type(d), busy = how == TASK_IRET ? BUSY : 0;
    if (!x86_desc_is_system(d) || (type != (TYPE_TSS | busy) && type != (TYPE_TSS16 | busy))) {
        return x86_fault(f, vector, error);
    }
    if (!(x86_desc_attr(d) & ATTR_P)) {
        return x86_fault(f, X86_EXC_NP, error);
    }
    if (x86_desc_limit(d) < layout_of(x86_desc_attr(d))->limit) {
        return x86_fault(f, X86_EXC_TS, error);
    }
    return true;
}

static uint64_t tr_descriptor(const X86CPU *x)
{
    return x->s.gdtr.base + (x->s.tr.selector & ~7);
}

/* All that is written to memory.  JMP and IRET leave the old task for good, CALL and INT nest. */
static bool task_save(X86CPU *x, const X86Desc *d, TaskSwitch how, uint64_t next_ip, X86Fault *f)
{
    bool nests = how == TASK_CALL || how == TASK_INT;
    uint32_t flags = x86_flags(x);
    if (how == TASK_IRET) {
        flags &= ~EFL_NT;
    }
    if (!task_write(x, x->s.tr.base, layout_of(x->s.tr.attr), next_ip, flags, f)) {
        return false;
    }
    if (nests && !x86_store(x, x86_desc_base(d), 2, RIGHTS_SYSTEM, x->s.tr.selector, f)) {
        return false;
    }
    if (!nests && !x86_change_byte(x, tr_descriptor(x) + 5, 0, BUSY, f)) {
        return false;
    }
    return how == TASK_IRET || x86_change_byte(x, d->where + 5, BUSY, 0, f);
}

bool x86_task_switch(X86CPU *x, uint16_t selector, TaskSwitch how, uint64_t next_ip, X86Fault *f)
{
    X86Desc d;
    Task t = { 0 };
    if (!task_check(x, selector, how, &d, f)) {
        return false;
    }
    const Layout *l = layout_of(x86_desc_attr(&d));
    if (!task_read(x, x86_desc_base(&d), l, &t, f) || !task_save(x, &d, how, next_ip, f)) {
        return false;
    }
    f->new_task = true;
    x->s.tr = (X86Segment){ .base = x86_desc_base(&d),
                            .limit = x86_desc_limit(&d),
                            .attr = x86_desc_attr(&d) | BUSY,
                            .selector = selector };
    x->s.cr0 |= CR0_TS;
    t.flags |= how == TASK_CALL || how == TASK_INT ? EFL_NT : 0;
    task_load_registers(x, &t);
    cpu_mmu_changed(&x->cpu);
    if (l->cr3 && (x->s.cr0 & CR0_PG) && !x86_task_cr3(x, t.cr3, f)) {
        return false;
    }
    if (!task_load_segments(x, &t, f)) {
        return false;
    }
    cpu_mmu_changed(&x->cpu);
    if (t.ip > x->s.seg[SEG_CS].limit) {
        return x86_fault(f, X86_EXC_GP, 0);
    }
    if (t.trap & 1) {
        f->dr6 = DR6_BT;
        return x86_fault(f, X86_EXC_DB, 0);
    }
    return true;
}

bool x86_task_return(X86CPU *x, uint64_t next_ip, X86Fault *f)
{
    uint64_t link;
    return x86_load(x, x->s.tr.base, 2, RIGHTS_SYSTEM, &link, f) &&
           x86_task_switch(x, link, TASK_IRET, next_ip, f);
}

bool x86_task_push_error(X86CPU *x, uint32_t error, X86Fault *f)
{
    X86Stack st = x86_stack_current(x);
    if (!x86_push(&st, layout_of(x->s.tr.attr)->bytes, error, f)) {
        return false;
    }
    x86_stack_commit(&st);
    return true;
}
