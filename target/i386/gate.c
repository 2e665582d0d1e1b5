/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Far jumps and calls: to code, through call gates, to tasks.
 * Spec: SDM volume 2, JMP and CALL (the operation sections); volume 3, "Call Gates", "IA-32e Mode Call Gates", "Accessing a Code
 * Segment Through a Call Gate", "Stack Switching". */
#include "target/i386/far.h"

#include "target/vcpu.h"

typedef struct Transfer {
    bool call;
    uint16_t selector; /* of the operand: code, gate, or TSS */
    uint64_t offset, next_ip;
    unsigned bytes; /* of what a call pushes */
    X86Desc d;      /* what selector names */
    /* of a call gate */
    uint16_t code_selector;
    X86Desc code;
    unsigned params;
} Transfer;

/* ---- real and virtual-8086 mode ------------------------------------------------- */

static bool push_return(X86CPU *x, X86Stack *st, const Transfer *t, X86Fault *f)
{
    return x86_push(st, t->bytes, x->s.seg[SEG_CS].selector, f) && x86_push(st, t->bytes, t->next_ip, f);
}

static bool transfer_8086(X86CPU *x, const Transfer *t, X86Fault *f)
{
    X86Stack st = x86_stack_current(x);
    if (t->offset > x->s.seg[SEG_CS].limit) {
        return x86_fault(f, X86_EXC_GP, 0);
    }
    if (t->call && !push_return(x, &st, t, f)) {
        return false;
    }
    x86_stack_commit(&st);
    if (x86_v86(x)) {
        x86_seg_load_v86(x, SEG_CS, t->selector);
    } else {
        x86_seg_load_real(x, SEG_CS, t->selector);
    }
    x86_set_ip(x, t->offset);
    return true;
}

/* ---- to code ----------------------------------------------------------------------- */

/* Present, and in long mode not both 64- and 32-bit. */
static bool code_usable(X86CPU *x, uint16_t selector, const X86Desc *d, X86Fault *f)
{
    uint32_t attr = x86_desc_attr(d), both = ATTR_L | ATTR_DB;
    if (x86_long_mode(x) && (attr & both) == both) {
        return x86_fault(f, X86_EXC_GP, sel_error(selector));
    }
    return (attr & ATTR_P) || x86_fault(f, X86_EXC_NP, sel_error(selector));
}

/* A call from compatibility mode to 64-bit code finds the stack as that has it (seen on Zen 3). */
static X86Stack stack_of_call(X86CPU *x, const X86Desc *code)
{
    bool wide = x86_long_mode(x) && (x86_desc_attr(code) & ATTR_L);
    return wide ? x86_stack_flat(x, x->s.gpr[X86_RSP], x->s.cpl) : x86_stack_current(x);
}

static bool same_level_enter(X86CPU *x, const Transfer *t, uint16_t selector, X86Desc *code, X86Fault *f)
{
    X86Stack st = t->call ? stack_of_call(x, code) : x86_stack_current(x);
    if (t->call && !push_return(x, &st, t, f)) {
        return false;
    }
    if (!x86_code_offset_check(x, code, t->offset, f) || !x86_desc_mark_accessed(x, code, f)) {
        return false;
    }
    x86_stack_commit(&st);
    x86_code_load(x, selector, code, x->s.cpl, t->offset);
    return true;
}

static bool transfer_to_code(X86CPU *x, Transfer *t, X86Fault *f)
{
    uint32_t attr = x86_desc_attr(&t->d);
    unsigned dpl = x86_dpl(attr), rpl = t->selector & SEL_RPL;
    bool ok = attr & ATTR_CONFORMING ? dpl <= x->s.cpl : rpl <= x->s.cpl && dpl == x->s.cpl;
    if (!ok) {
        return x86_fault(f, X86_EXC_GP, sel_error(t->selector));
    }
    return code_usable(x, t->selector, &t->d, f) && same_level_enter(x, t, t->selector, &t->d, f);
}

/* ---- through a call gate -------------------------------------------------------------- */

static bool gate_check(X86CPU *x, const Transfer *t, X86Fault *f)
{
    uint32_t attr = x86_desc_attr(&t->d);
    unsigned dpl = x86_dpl(attr);
    bool bad_half = x86_long_mode(x) && (t->d.high >> 40 & 0x1f); /* the second half has a type */
    if (dpl < x->s.cpl || dpl < (t->selector & SEL_RPL) || bad_half) {
        return x86_fault(f, X86_EXC_GP, sel_error(t->selector));
    }
    return (attr & ATTR_P) || x86_fault(f, X86_EXC_NP, sel_error(t->selector));
}

static bool gate_code(X86CPU *x, Transfer *t, X86Fault *f)
{
    uint16_t selector = t->code_selector;
    if (sel_is_null(selector)) {
        return x86_fault(f, X86_EXC_GP, 0);
    }
    if (!x86_desc_read(x, selector, X86_EXC_GP, &t->code, f)) {
        return false;
    }
    uint32_t attr = x86_desc_attr(&t->code);
    unsigned dpl = x86_dpl(attr);
    bool level_ok = t->call || (attr & ATTR_CONFORMING) ? dpl <= x->s.cpl : dpl == x->s.cpl;
    bool wide = (attr & (ATTR_L | ATTR_DB)) == ATTR_L;
    if (!x86_desc_is_code(&t->code) || !level_ok || (x86_long_mode(x) && !wide)) {
        return x86_fault(f, X86_EXC_GP, sel_error(selector));
    }
    return code_usable(x, selector, &t->code, f);
}

/* The stack of the inner level; in long mode without a segment. */
static bool inner_stack(X86CPU *x, unsigned cpl, X86Stack *st, uint16_t *ss, X86Desc *d, X86Fault *f)
{
    uint64_t sp;
    if (x86_long_mode(x)) {
        *ss = cpl;
        if (!x86_tss_rsp(x, cpl, &sp, f)) {
            return false;
        }
        *st = x86_stack_flat(x, sp, cpl);
        return true;
    }
    if (!x86_tss_stack(x, cpl, ss, &sp, f) || !x86_stack_segment_check(x, *ss, cpl, X86_EXC_TS, d, f) ||
        !x86_desc_mark_accessed(x, d, f)) {
        return false;
    }
    *st = x86_stack_of(x, *ss, d, sp, cpl);
    return true;
}

/* SS:SP of the caller, its parameters, and where it goes on. */
static bool push_inner_frame(X86CPU *x, X86Stack *st, const Transfer *t, X86Fault *f)
{
    X86Stack old = x86_stack_current(x);
    if (!x86_push(st, t->bytes, x->s.seg[SEG_SS].selector, f) ||
        !x86_push(st, t->bytes, x->s.gpr[X86_RSP], f)) {
        return false;
    }
    for (unsigned i = t->params; i-- > 0;) {
        uint64_t value;
        if (!x86_stack_peek(&old, (uint64_t)i * t->bytes, t->bytes, &value, f) ||
            !x86_push(st, t->bytes, value, f)) {
            return false;
        }
    }
    return push_return(x, st, t, f);
}

static bool inner_level_enter(X86CPU *x, Transfer *t, X86Fault *f)
{
    unsigned cpl = x86_dpl(x86_desc_attr(&t->code));
    X86Stack st;
    X86Desc stack = { 0 };
    uint16_t ss;
    if (!inner_stack(x, cpl, &st, &ss, &stack, f) || !push_inner_frame(x, &st, t, f) ||
        !x86_code_offset_check(x, &t->code, t->offset, f) || !x86_desc_mark_accessed(x, &t->code, f)) {
        return false;
    }
    if (x86_long_mode(x)) {
        x86_seg_load_null(x, SEG_SS, ss);
    } else {
        x86_seg_load(x, SEG_SS, ss, &stack);
        x->s.gpr[X86_RSP] = (uint32_t)st.sp;
    }
    x86_stack_commit(&st);
    x86_code_load(x, t->code_selector, &t->code, cpl, t->offset);
    return true;
}

static bool transfer_through_gate(X86CPU *x, Transfer *t, X86Fault *f)
{
    bool wide = x86_long_mode(x), gate32 = x86_desc_type(&t->d) == TYPE_CALL;
    if (!gate_check(x, t, f)) {
        return false;
    }
    t->bytes = wide ? 8 : gate32 ? 4 : 2;
    t->code_selector = t->d.low >> 16;
    t->params = wide ? 0 : t->d.low >> 32 & 0x1f;
    t->offset = (t->d.low & 0xffff) | (gate32 ? t->d.low >> 32 & 0xffff0000 : 0) | t->d.high << 32;
    if (!gate_code(x, t, f)) {
        return false;
    }
    uint32_t attr = x86_desc_attr(&t->code);
    if (t->call && !(attr & ATTR_CONFORMING) && x86_dpl(attr) < x->s.cpl) {
        return inner_level_enter(x, t, f);
    }
    return same_level_enter(x, t, t->code_selector, &t->code, f);
}

/* ---- to a task -------------------------------------------------------------------------- */

static bool transfer_to_task(X86CPU *x, const Transfer *t, X86Fault *f)
{
    uint16_t selector = t->selector;
    unsigned dpl = x86_dpl(x86_desc_attr(&t->d));
    if (dpl < x->s.cpl || dpl < (selector & SEL_RPL)) {
        return x86_fault(f, X86_EXC_GP, sel_error(selector));
    }
    if (x86_desc_type(&t->d) == TYPE_TASK) {
        if (!(x86_desc_attr(&t->d) & ATTR_P)) {
            return x86_fault(f, X86_EXC_NP, sel_error(selector));
        }
        selector = t->d.low >> 16;
    }
    return x86_task_switch(x, selector, t->call ? TASK_CALL : TASK_JUMP, t->next_ip, f);
}

static bool transfer(X86CPU *x, Transfer *t, X86Fault *f)
{
    if (!x86_protected(x)) {
        return transfer_8086(x, t, f);
    }
    if (sel_is_null(t->selector)) {
        return x86_fault(f, X86_EXC_GP, 0);
    }
    if (!x86_desc_read_wide(x, t->selector, X86_EXC_GP, &t->d, f)) {
        return false;
    }
    if (x86_desc_is_code(&t->d)) {
        return transfer_to_code(x, t, f);
    }
    unsigned type = x86_desc_is_system(&t->d) ? x86_desc_type(&t->d) : 0;
    if (type == TYPE_CALL || (type == TYPE_CALL16 && !x86_long_mode(x))) {
        return transfer_through_gate(x, t, f);
    }
    if (!x86_long_mode(x) && (type == TYPE_TASK || type == TYPE_TSS || type == TYPE_TSS16)) {
        return transfer_to_task(x, t, f);
    }
    return x86_fault(f, X86_EXC_GP, sel_error(t->selector));
}

bool x86_far_jump(X86CPU *x, uint16_t selector, uint64_t offset, unsigned bytes, uint64_t next_ip,
                  X86Fault *f)
{
    Transfer t = { .selector = selector, .offset = offset, .next_ip = next_ip, .bytes = bytes };
    return transfer(x, &t, f);
}

bool x86_far_call(X86CPU *x, uint16_t selector, uint64_t offset, unsigned bytes, uint64_t next_ip,
                  X86Fault *f)
{
    Transfer t = { .call = true, .selector = selector, .offset = offset, .next_ip = next_ip, .bytes = bytes };
    return transfer(x, &t, f);
}
