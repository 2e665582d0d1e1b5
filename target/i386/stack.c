/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Pushes and pops of gates, interrupts and returns, on the stack that is or on the one that will be.
 * Spec: SDM volume 3, "Stack Switching", "Stack Faults"; volume 1, "Stack". */
#include "target/i386/dbg.h"
#include "target/i386/seg.h"

#define ALL_BOUNDS ((X86Bounds){ 0, UINT64_MAX, UINT64_MAX })

static uint64_t mask_of(uint32_t attr)
{
    return attr & ATTR_DB ? UINT32_MAX : 0xffff;
}

X86Stack x86_stack_flat(X86CPU *x, uint64_t sp, unsigned cpl)
{
    return (X86Stack){
        .x = x, .sp = sp, .mask = UINT64_MAX, .bounds = ALL_BOUNDS, .who = x86_rights(cpl), .flat = true
    };
}

X86Stack x86_stack_current(X86CPU *x)
{
    const X86Segment *ss = &x->s.seg[SEG_SS];
    if (x86_64bit(x)) {
        return x86_stack_flat(x, x->s.gpr[X86_RSP], x->s.cpl);
    }
    return (X86Stack){ .x = x,
                       .base = ss->base,
                       .sp = x->s.gpr[X86_RSP],
                       .mask = mask_of(ss->attr),
                       .bounds = x->bounds[SEG_SS],
                       .who = x86_rights(x->s.cpl) };
}

X86Stack x86_stack_of(X86CPU *x, uint16_t selector, const X86Desc *d, uint64_t sp, unsigned cpl)
{
    uint32_t attr = x86_desc_attr(d);
    uint64_t end = (uint64_t)x86_desc_limit(d) + 1, top = attr & ATTR_DB ? 1ull << 32 : 1 << 16;
    X86Bounds b = attr & ATTR_DOWN ? (X86Bounds){ end, top, top } : (X86Bounds){ 0, end, end };
    return (X86Stack){ .x = x,
                       .base = x86_desc_base(d),
                       .sp = sp,
                       .mask = mask_of(attr),
                       .bounds = b,
                       .who = x86_rights(cpl),
                       .error = sel_error(selector) };
}

/* The linear address of `bytes` at an offset; #SS when the segment does not have them. */
static bool stack_address(const X86Stack *st, uint64_t offset, unsigned bytes, bool write, uint64_t *linear,
                          X86Fault *f)
{
    offset &= st->mask;
    uint64_t end = write ? st->bounds.wr_end : st->bounds.rd_end;
    *linear = st->base + offset;
    if (st->flat) {
        if (x86_canonical(st->x, offset) && x86_canonical(st->x, offset + bytes - 1)) {
            return true;
        }
        return x86_fault(f, X86_EXC_SS, st->error);
    }
    *linear = (uint32_t)*linear;
    return (offset >= st->bounds.low && offset + bytes <= end) || x86_fault(f, X86_EXC_SS, st->error);
}

static bool stack_aligned(const X86Stack *st, uint64_t linear, unsigned bytes, X86Fault *f)
{
    return st->who != RIGHTS_USER || x86_check_alignment(st->x, linear, bytes, f);
}

bool x86_push(X86Stack *st, unsigned bytes, uint64_t value, X86Fault *f)
{
    uint64_t linear;
    if (!stack_address(st, st->sp - bytes, bytes, true, &linear, f) || !stack_aligned(st, linear, bytes, f) ||
        !x86_store(st->x, linear, bytes, st->who, value, f)) {
        return false;
    }
    x86_accessed(&st->x->cpu, linear, bytes, MMU_WRITE);
    st->sp -= bytes;
    return true;
}

bool x86_stack_peek(X86Stack *st, uint64_t offset, unsigned bytes, uint64_t *value, X86Fault *f)
{
    uint64_t linear;
    if (!stack_address(st, st->sp + offset, bytes, false, &linear, f) ||
        !stack_aligned(st, linear, bytes, f) || !x86_load(st->x, linear, bytes, st->who, value, f)) {
        return false;
    }
    x86_accessed(&st->x->cpu, linear, bytes, MMU_READ);
    return true;
}

bool x86_pop(X86Stack *st, unsigned bytes, uint64_t *value, X86Fault *f)
{
    if (!x86_stack_peek(st, 0, bytes, value, f)) {
        return false;
    }
    st->sp += bytes;
    return true;
}

void x86_stack_commit(const X86Stack *st)
{
    uint64_t *sp = &st->x->s.gpr[X86_RSP];
    *sp = (*sp & ~st->mask) | (st->sp & st->mask);
    if (st->mask == UINT32_MAX) {
        *sp = (uint32_t)*sp; /* a write of ESP clears the upper half */
    }
}
