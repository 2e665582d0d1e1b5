/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One attempt to deliver an interrupt or exception, in each mode.
 * Spec: SDM volume 2, INT n/INTO/INT3/INT1 (the operation section); volume 3, "Exception- and Interrupt-Handler Procedures",
 * "64-Bit Mode Stack Frame", "Interrupt Stack Table", "Interrupt and Exception Handling in Virtual-8086 Mode".
 *
 * All is checked and pushed before a register changes. */
#include "target/i386/trap.h"

#include "target/i386/lbr.h"
#include "target/vcpu.h"
#include "util/bytes.h"

/* ---- real mode, and handlers of virtual-8086 programs ----------------------------- */

/* Push and jump as an 8086; `flags` is the image that is pushed. */
static bool deliver_8086(X86CPU *x, const X86Event *e, uint64_t table, X86Rights who, uint32_t flags,
                         X86Fault *f)
{
    X86Stack st = x86_stack_current(x);
    uint64_t entry;
    if (!x86_load(x, table + 4 * e->vector, 4, who, &entry, f) || !x86_push(&st, 2, flags, f) ||
        !x86_push(&st, 2, x->s.seg[SEG_CS].selector, f) || !x86_push(&st, 2, e->return_ip, f)) {
        return false;
    }
    x86_stack_commit(&st);
    if (x86_v86(x)) {
        x86_seg_load_v86(x, SEG_CS, entry >> 16);
    } else {
        x86_seg_load_real(x, SEG_CS, entry >> 16);
    }
    x86_set_ip(x, entry & 0xffff);
    return true;
}

static bool deliver_real(X86CPU *x, const X86Event *e, X86Fault *f)
{
    if (e->vector * 4u + 3 > x->s.idtr.limit) {
        return x86_fault(f, X86_EXC_GP, e->vector * 8 | X86_ERROR_IDT);
    }
    if (!deliver_8086(x, e, x->s.idtr.base, RIGHTS_SUPERVISOR, x86_flags(x), f)) {
        return false;
    }
    x->s.eflags &= ~(EFL_IF | EFL_TF | EFL_AC | EFL_RF);
    return true;
}

/* INT n that VME redirects: IF stands for VIF when IOPL is below 3. */
static bool deliver_redirected(X86CPU *x, const X86Event *e, X86Fault *f)
{
    uint32_t flags = x86_flags(x) | EFL_IOPL, clear = EFL_TF | EFL_NT | EFL_RF;
    if (x86_iopl(x) < 3) {
        flags = (flags & ~EFL_IF) | (flags & EFL_VIF ? EFL_IF : 0);
        clear |= EFL_VIF;
    } else {
        clear |= EFL_IF;
    }
    if (!deliver_8086(x, e, 0, RIGHTS_USER, flags, f)) {
        return false;
    }
    x->s.eflags &= ~clear;
    return true;
}

/* ---- gates ------------------------------------------------------------------------- */

typedef struct Handler {
    const X86Event *e;
    unsigned type, dpl, ist, bytes; /* of the gate; bytes of what is pushed */
    uint16_t selector;
    uint64_t offset;
    X86Desc code;
    unsigned cpl; /* that it runs at */
    bool switches, stack_null;
    uint16_t ss;
    X86Desc stack;
    X86Stack st;
} Handler;

static uint32_t gate_error(const X86Event *e)
{
    return e->vector * 8 | X86_ERROR_IDT;
}

static bool gate_type_ok(const X86CPU *x, unsigned type)
{
    if (x86_long_mode(x)) {
        return type == TYPE_INT || type == TYPE_TRAP;
    }
    return type == TYPE_TASK || type == TYPE_INT16 || type == TYPE_TRAP16 || type == TYPE_INT ||
           type == TYPE_TRAP;
}

static bool gate_read(X86CPU *x, Handler *h, X86Fault *f)
{
    const X86Event *e = h->e;
    unsigned size = x86_long_mode(x) ? 16 : 8;
    uint64_t at = x->s.idtr.base + e->vector * size, low, high = 0;
    if (e->vector * size + size - 1 > x->s.idtr.limit) {
        return x86_fault(f, X86_EXC_GP, gate_error(e));
    }
    if (!x86_load(x, at, 8, RIGHTS_SYSTEM, &low, f) ||
        (size == 16 && !x86_load(x, at + 8, 8, RIGHTS_SYSTEM, &high, f))) {
        return false;
    }
    uint32_t attr = low >> 40 & 0xff;
    bool checks_dpl = e->kind == EVENT_SOFT || e->kind == EVENT_SOFT_TRAP;
    h->type = attr & ATTR_TYPE;
    h->dpl = x86_dpl(attr);
    if ((attr & ATTR_S) || !gate_type_ok(x, h->type) || (checks_dpl && h->dpl < x->s.cpl)) {
        return x86_fault(f, X86_EXC_GP, gate_error(e));
    }
    if (!(attr & ATTR_P)) {
        return x86_fault(f, X86_EXC_NP, gate_error(e));
    }
    h->selector = low >> 16;
    h->offset = (low & 0xffff) | (low >> 32 & 0xffff0000) | high << 32;
    h->ist = size == 16 ? low >> 32 & 7 : 0;
    h->bytes = size == 16 ? 8 : h->type & 8 ? 4 : 2;
    h->offset &= h->bytes == 2 ? 0xffff : UINT64_MAX;
    return true;
}

static bool handler_code(X86CPU *x, Handler *h, X86Fault *f)
{
    if (sel_is_null(h->selector)) {
        return x86_fault(f, X86_EXC_GP, 0);
    }
    if (!x86_desc_read(x, h->selector, X86_EXC_GP, &h->code, f)) {
        return false;
    }
    uint32_t attr = x86_desc_attr(&h->code), error = sel_error(h->selector);
    bool wide = (attr & (ATTR_L | ATTR_DB)) == ATTR_L;
    if (!x86_desc_is_code(&h->code) || x86_dpl(attr) > x->s.cpl || (x86_long_mode(x) && !wide)) {
        return x86_fault(f, X86_EXC_GP, error);
    }
    if (!(attr & ATTR_P)) {
        return x86_fault(f, X86_EXC_NP, error);
    }
    h->cpl = attr & ATTR_CONFORMING ? x->s.cpl : x86_dpl(attr);
    if (x86_v86(x) && h->cpl != 0) {
        return x86_fault(f, X86_EXC_GP, error);
    }
    h->switches = h->cpl < x->s.cpl;
    return true;
}

/* Long mode: RSPn of an inner level, or the gate's IST; aligned; SS becomes null when the level changes. */
static bool handler_stack_long(X86CPU *x, Handler *h, X86Fault *f)
{
    uint64_t rsp = x->s.gpr[X86_RSP];
    if (h->ist) {
        if (!x86_tss_ist(x, h->ist, &rsp, f)) {
            return false;
        }
    } else if (h->switches && !x86_tss_rsp(x, h->cpl, &rsp, f)) {
        return false;
    }
    h->stack_null = h->switches;
    h->ss = h->cpl;
    h->st = x86_stack_flat(x, rsp & ~15ull, h->cpl);
    return true;
}

static bool handler_stack(X86CPU *x, Handler *h, X86Fault *f)
{
    uint64_t sp;
    if (x86_long_mode(x)) {
        return handler_stack_long(x, h, f);
    }
    if (!h->switches) {
        h->st = x86_stack_current(x);
        return true;
    }
    if (!x86_tss_stack(x, h->cpl, &h->ss, &sp, f) ||
        !x86_stack_segment_check(x, h->ss, h->cpl, X86_EXC_TS, &h->stack, f) ||
        !x86_desc_mark_accessed(x, &h->stack, f)) {
        return false;
    }
    h->st = x86_stack_of(x, h->ss, &h->stack, sp, h->cpl);
    return true;
}

/* ---- the frame ---------------------------------------------------------------------- */

static bool push_list(Handler *h, const uint64_t *values, unsigned n, X86Fault *f)
{
    for (unsigned i = 0; i < n; i++) {
        if (!x86_push(&h->st, h->bytes, values[i], f)) {
            return false;
        }
    }
    return true;
}

static bool push_frame(X86CPU *x, Handler *h, X86Fault *f)
{
    const X86Segment *seg = x->s.seg;
    const X86Event *e = h->e;
    const uint64_t v86[] = { seg[SEG_GS].selector, seg[SEG_FS].selector, seg[SEG_DS].selector,
                             seg[SEG_ES].selector };
    const uint64_t stack[] = { seg[SEG_SS].selector, x->s.gpr[X86_RSP] };
    uint32_t flags = x86_flags(x);
    flags = e->rf ? flags | EFL_RF : flags;
    const uint64_t rest[] = { flags, seg[SEG_CS].selector, e->return_ip, e->error };
    return (!x86_v86(x) || push_list(h, v86, 4, f)) &&
           ((!h->switches && !x86_long_mode(x)) || push_list(h, stack, 2, f)) &&
           push_list(h, rest, e->has_error ? 4 : 3, f);
}

static void handler_enter(X86CPU *x, Handler *h)
{
    static const X86SegId data[] = { SEG_ES, SEG_DS, SEG_FS, SEG_GS };
    bool interrupt = h->type == TYPE_INT || h->type == TYPE_INT16, from_v86 = x86_v86(x);
    x->s.eflags &= ~(EFL_TF | EFL_NT | EFL_RF | EFL_VM | (interrupt ? EFL_IF : 0));
    for (unsigned i = 0; from_v86 && i < G_N_ELEMENTS(data); i++) {
        x86_seg_load_null(x, data[i], 0);
    }
    if (h->stack_null) {
        x86_seg_load_null(x, SEG_SS, h->ss);
    } else if (h->switches) {
        x86_seg_load(x, SEG_SS, h->ss, &h->stack);
        x->s.gpr[X86_RSP] = (uint32_t)h->st.sp;
    }
    x86_stack_commit(&h->st);
    x86_code_load(x, h->selector, &h->code, h->cpl, h->offset);
}

/* A fault shows RF in the image that the old task's TSS keeps, as it does on the stack of a handler. */
static bool deliver_to_task(X86CPU *x, const X86Event *e, uint16_t selector, X86Fault *f)
{
    uint32_t flags = x->s.eflags;
    x->s.eflags |= e->rf ? EFL_RF : 0;
    if (!x86_task_switch(x, selector, TASK_INT, e->return_ip, f)) {
        x->s.eflags = f->new_task ? x->s.eflags : flags;
        return false;
    }
    return !e->has_error || x86_task_push_error(x, e->error, f);
}

static bool deliver_protected(X86CPU *x, const X86Event *e, X86Fault *f)
{
    Handler h = { .e = e };
    if (!gate_read(x, &h, f)) {
        return false;
    }
    if (h.type == TYPE_TASK) {
        return deliver_to_task(x, e, h.selector, f);
    }
    if (!handler_code(x, &h, f) || !handler_stack(x, &h, f) ||
        !x86_code_offset_check(x, &h.code, h.offset, f) || !x86_desc_mark_accessed(x, &h.code, f) ||
        !push_frame(x, &h, f)) {
        return false;
    }
    handler_enter(x, &h);
    return true;
}

/* ---- the common case ------------------------------------------------------------------
 *
 * 64-bit code, an interrupt or trap gate to 64-bit code, all of whose words are where the host knows them.  It does what
 * deliver_protected() would, which is left to do it, faults included, wherever anything is otherwise. */

enum {
    CODE_KIND = ATTR_P | ATTR_S | ATTR_CODE | ATTR_ACCESSED | ATTR_CONFORMING | ATTR_L | ATTR_DB,
    CODE_WANTED = ATTR_P | ATTR_S | ATTR_CODE | ATTR_ACCESSED | ATTR_L
};

/* The gate: present, of the right type, and open to who asks. */
static bool quick_gate(X86CPU *x, Handler *h)
{
    const X86Event *e = h->e;
    const uint8_t *gate = e->vector * 16u + 15 > x->s.idtr.limit
                              ? NULL
                              : x86_host(x, x->s.idtr.base + e->vector * 16u, 16, MMU_READ, RIGHTS_SYSTEM);
    if (!gate) {
        return false;
    }
    uint64_t low = load_le(gate, 8);
    uint32_t attr = low >> 40 & 0xff;
    bool checks_dpl = e->kind == EVENT_SOFT || e->kind == EVENT_SOFT_TRAP;
    h->type = attr & ATTR_TYPE;
    h->dpl = x86_dpl(attr);
    h->ist = low >> 32 & 7;
    h->selector = low >> 16;
    h->offset = (low & 0xffff) | (low >> 32 & 0xffff0000) | load_le(gate + 8, 8) << 32;
    bool type_ok = (h->type & ~1u) == TYPE_INT && (attr & (ATTR_S | ATTR_P)) == ATTR_P;
    return type_ok && !h->ist && (!checks_dpl || h->dpl >= x->s.cpl) && x86_canonical(x, h->offset);
}

/* The code: of the GDT, not conforming, of this level or an inner one. */
static bool quick_code(X86CPU *x, Handler *h)
{
    uint32_t offset = h->selector & ~SEL_RPL;
    bool in_table = offset && !(offset & SEL_TI) && offset + 7 <= x->s.gdtr.limit;
    const void *at = in_table ? x86_host(x, x->s.gdtr.base + offset, 8, MMU_READ, RIGHTS_SYSTEM) : NULL;
    h->code = (X86Desc){ .low = at ? load_le(at, 8) : 0 };
    uint32_t attr = x86_desc_attr(&h->code);
    h->cpl = x86_dpl(attr);
    h->switches = h->cpl < x->s.cpl;
    return (attr & CODE_KIND) == CODE_WANTED && h->cpl <= x->s.cpl;
}

static bool deliver_quick(X86CPU *x, const X86Event *e)
{
    Handler h;
    uint64_t rsp = x->s.gpr[X86_RSP];
    h.e = e;
    if (!x86_64bit(x) || x->s.dr7 & DR7_ENABLES || !quick_gate(x, &h) || !quick_code(x, &h)) {
        return false;
    }
    if (h.switches) {
        uint32_t offset = 4 + 8 * h.cpl;
        const void *at = offset + 7 > x->s.tr.limit
                             ? NULL
                             : x86_host(x, x->s.tr.base + offset, 8, MMU_READ, RIGHTS_SYSTEM);
        if (!at) {
            return false;
        }
        rsp = load_le(at, 8);
    }
    unsigned bytes = e->has_error ? 48 : 40;
    uint64_t sp = (rsp & ~15ull) - bytes;
    uint8_t *frame =
        h.cpl != 3 && x86_canonical(x, sp) ? x86_host(x, sp, bytes, MMU_WRITE, x86_rights(h.cpl)) : NULL;
    if (!frame) {
        return false;
    }
    uint32_t flags = x86_flags(x);
    if (e->has_error) {
        store_le(frame, 8, e->error);
        frame += 8;
    }
    store_le(frame, 8, e->return_ip);
    store_le(frame + 8, 8, x->s.seg[SEG_CS].selector);
    store_le(frame + 16, 8, e->rf ? flags | EFL_RF : flags);
    store_le(frame + 24, 8, x->s.gpr[X86_RSP]);
    store_le(frame + 32, 8, x->s.seg[SEG_SS].selector);
    x->s.eflags &= ~(EFL_TF | EFL_NT | EFL_RF | EFL_VM | (h.type == TYPE_INT ? EFL_IF : 0));
    if (h.switches) {
        x86_seg_load_null(x, SEG_SS, h.cpl);
    }
    x->s.gpr[X86_RSP] = sp;
    x86_code_load(x, h.selector, &h.code, h.cpl, h.offset);
    return true;
}

/* ---- choice --------------------------------------------------------------------------- */

/* INT n in virtual-8086 mode: for its own handler (VME), or the monitor's. */
static bool deliver_v86_int(X86CPU *x, const X86Event *e, X86Fault *f)
{
    bool own = false;
    if ((x->s.cr4 & CR4_VME) && !x86_tss_redirects(x, e->vector, &own, f)) {
        return false;
    }
    if (own) {
        return deliver_redirected(x, e, f);
    }
    return x86_iopl(x) == 3 ? deliver_protected(x, e, f) : x86_fault(f, X86_EXC_GP, 0);
}

static bool deliver(X86CPU *x, const X86Event *e, X86Fault *f)
{
    if (deliver_quick(x, e)) {
        return true;
    }
    f->external = e->kind != EVENT_SOFT && e->kind != EVENT_SOFT_TRAP;
    if (!(x->s.cr0 & CR0_PE)) {
        return deliver_real(x, e, f);
    }
    if (x86_v86(x) && e->kind == EVENT_SOFT) {
        return deliver_v86_int(x, e, f);
    }
    return deliver_protected(x, e, f);
}

/* What an instruction asks for is a branch of that instruction, which helpers-debug.c records. */
bool x86_event_deliver(X86CPU *x, const X86Event *e, X86Fault *f)
{
    bool records =
        x->s.msr.debugctl & DEBUGCTL_LBR && (e->kind == EVENT_EXTERNAL || e->kind == EVENT_EXCEPTION);
    uint64_t from = records ? x86_lbr_place(x) : 0;
    bool ok = deliver(x, e, f);
    if (ok && records) {
        x86_lbr_record_event(x, from);
    }
    return ok;
}
