/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Segment registers: loads with their checks, bounds of accesses, LDTR and TR.
 * Spec: SDM volume 3, "Protection" (privilege of data and stack segments, limits, types), "Segmentation in IA-32e Mode";
 * volume 2, MOV, LLDT, LTR. */
#include "target/i386/seg.h"

#include "target/vcpu.h"

/* ---- caches ---------------------------------------------------------------- */

/* Type and limit as bounds.  In 64-bit mode translated code asks for none. */
void x86_bounds_update(X86CPU *x, X86SegId seg)
{
    const X86Segment *s = &x->s.seg[seg];
    uint64_t end = (uint64_t)s->limit + 1, low = 0;
    bool code = s->attr & ATTR_CODE, v86_or_real = !x86_protected(x);
    bool usable = !(s->attr & ATTR_NULL) && (s->attr & ATTR_P);
    bool rd = usable && (!code || (s->attr & ATTR_READABLE));
    bool wr = usable && (code ? v86_or_real : !!(s->attr & ATTR_WRITABLE));
    if (!code && (s->attr & ATTR_DOWN)) { /* above the limit, up to 64 KiB or 4 GiB */
        low = end;
        end = s->attr & ATTR_DB ? 1ull << 32 : 1 << 16;
    }
    x->bounds[seg] = (X86Bounds){ low, rd ? end : 0, wr ? end : 0 };
}

static void seg_set(X86CPU *x, X86SegId seg, X86Segment to)
{
    x->s.seg[seg] = to;
    x86_bounds_update(x, seg);
}

void x86_seg_load(X86CPU *x, X86SegId seg, uint16_t selector, const X86Desc *d)
{
    seg_set(x, seg,
            (X86Segment){ .base = x86_desc_base(d),
                          .limit = x86_desc_limit(d),
                          .attr = x86_desc_attr(d),
                          .selector = selector });
}

/* AMD leaves base and limit as they were, which FS and GS of 64-bit code show (APM 2, "Data-Segment Selector
 * Loads"); a null SS of 64-bit code has its DPL, where CPL is looked for. */
void x86_seg_load_null(X86CPU *x, X86SegId seg, uint16_t selector)
{
    X86Segment to = { .selector = selector, .attr = ATTR_NULL };
    if (x->vendor == VENDOR_AMD) {
        to.base = x->s.seg[seg].base;
        to.limit = x->s.seg[seg].limit;
    }
    if (seg == SEG_SS) {
        to.attr |= (selector & SEL_RPL) << ATTR_DPL_SHIFT;
    }
    seg_set(x, seg, to);
}

void x86_seg_load_real(X86CPU *x, X86SegId seg, uint16_t selector)
{
    X86Segment to = x->s.seg[seg];
    to.selector = selector;
    to.base = (uint32_t)selector << 4;
    if (to.attr & ATTR_NULL) { /* from protected mode */
        to.limit = 0xffff;
        to.attr = ATTR_P | ATTR_S | ATTR_WRITABLE | ATTR_ACCESSED;
    }
    if (seg == SEG_CS) { /* a far transfer leaves big limits, and makes code what was data */
        to.attr = ATTR_P | ATTR_S | ATTR_CODE | ATTR_READABLE | ATTR_ACCESSED;
    }
    seg_set(x, seg, to);
}

void x86_seg_load_v86(X86CPU *x, X86SegId seg, uint16_t selector)
{
    enum { V86_ATTR = ATTR_P | ATTR_DPL | ATTR_S | ATTR_WRITABLE | ATTR_ACCESSED };
    seg_set(x, seg,
            (X86Segment){
                .base = (uint32_t)selector << 4, .limit = 0xffff, .attr = V86_ATTR, .selector = selector });
}

void x86_code_load(X86CPU *x, uint16_t selector, const X86Desc *d, unsigned cpl, uint64_t offset)
{
    x86_seg_load(x, SEG_CS, (selector & ~SEL_RPL) | cpl, d);
    x->s.cpl = cpl;
    x86_set_ip(x, offset);
    cpu_mmu_changed(&x->cpu);
}

void x86_seg_drop_privileged(X86CPU *x)
{
    static const X86SegId data[] = { SEG_ES, SEG_DS, SEG_FS, SEG_GS };
    for (unsigned i = 0; i < G_N_ELEMENTS(data); i++) {
        const X86Segment *s = &x->s.seg[data[i]];
        bool conforming = (s->attr & ATTR_CODE) && (s->attr & ATTR_CONFORMING);
        if (!(s->attr & ATTR_NULL) && !conforming && x86_dpl(s->attr) < x->s.cpl) {
            x86_seg_load_null(x, data[i], 0);
        }
    }
}

/* ---- loads with checks ----------------------------------------------------- */

bool x86_stack_segment_check(X86CPU *x, uint16_t selector, unsigned cpl, uint8_t vector, X86Desc *d,
                             X86Fault *f)
{
    uint32_t error = sel_error(selector);
    if (sel_is_null(selector)) {
        return x86_fault(f, vector, 0);
    }
    if (!x86_desc_read(x, selector, vector, d, f)) {
        return false;
    }
    uint32_t attr = x86_desc_attr(d);
    bool writable = (attr & (ATTR_S | ATTR_CODE | ATTR_WRITABLE)) == (ATTR_S | ATTR_WRITABLE);
    if ((selector & SEL_RPL) != cpl || x86_dpl(attr) != cpl || !writable) {
        return x86_fault(f, vector, error);
    }
    if (!(attr & ATTR_P)) {
        return x86_fault(f, X86_EXC_SS, error);
    }
    return true;
}

static bool move_stack(X86CPU *x, uint16_t selector, X86Fault *f)
{
    X86Desc d;
    if (sel_is_null(selector) && x86_64bit(x) && x->s.cpl < 3 && (selector & SEL_RPL) == x->s.cpl) {
        x86_seg_load_null(x, SEG_SS, selector);
        return true;
    }
    if (!x86_stack_segment_check(x, selector, x->s.cpl, X86_EXC_GP, &d, f) ||
        !x86_desc_mark_accessed(x, &d, f)) {
        return false;
    }
    x86_seg_load(x, SEG_SS, selector, &d);
    return true;
}

bool x86_data_segment_check(X86CPU *x, uint16_t selector, unsigned cpl, uint8_t vector, X86Desc *d,
                            X86Fault *f)
{
    if (!x86_desc_read(x, selector, vector, d, f)) {
        return false;
    }
    uint32_t attr = x86_desc_attr(d);
    bool code = attr & ATTR_CODE, conforming = code && (attr & ATTR_CONFORMING);
    bool privileged = cpl > x86_dpl(attr) || (selector & SEL_RPL) > x86_dpl(attr);
    if (!(attr & ATTR_S) || (code && !(attr & ATTR_READABLE)) || (!conforming && privileged)) {
        return x86_fault(f, vector, sel_error(selector));
    }
    return (attr & ATTR_P) || x86_fault(f, X86_EXC_NP, sel_error(selector));
}

static bool move_data(X86CPU *x, X86SegId seg, uint16_t selector, X86Fault *f)
{
    X86Desc d;
    if (sel_is_null(selector)) {
        x86_seg_load_null(x, seg, selector);
        return true;
    }
    if (!x86_data_segment_check(x, selector, x->s.cpl, X86_EXC_GP, &d, f) ||
        !x86_desc_mark_accessed(x, &d, f)) {
        return false;
    }
    x86_seg_load(x, seg, selector, &d);
    return true;
}

bool x86_seg_move(X86CPU *x, X86SegId seg, uint16_t selector, X86Fault *f)
{
    bool ok = true;
    if (x86_v86(x)) {
        x86_seg_load_v86(x, seg, selector);
    } else if (!x86_protected(x)) {
        x86_seg_load_real(x, seg, selector);
    } else {
        ok = seg == SEG_SS ? move_stack(x, selector, f) : move_data(x, seg, selector, f);
    }
    if (ok) {
        cpu_mmu_changed(&x->cpu); /* flat bits and SS.B are of the mode */
    }
    return ok;
}

bool x86_code_offset_check(X86CPU *x, const X86Desc *d, uint64_t offset, X86Fault *f)
{
    bool wide = x86_long_mode(x) && (x86_desc_attr(d) & ATTR_L);
    bool ok = wide ? x86_canonical(x, offset) : offset <= x86_desc_limit(d);
    return ok || x86_fault(f, X86_EXC_GP, 0);
}

/* ---- LDTR, TR -------------------------------------------------------------- */

/* A present system descriptor of the GDT, one of two types; in long mode with a canonical base. */
static bool system_check(X86CPU *x, uint16_t selector, unsigned type, unsigned type16, X86Desc *d,
                         X86Fault *f)
{
    if (selector & SEL_TI) {
        return x86_fault(f, X86_EXC_GP, sel_error(selector));
    }
    if (!x86_desc_read_wide(x, selector, X86_EXC_GP, d, f)) {
        return false;
    }
    unsigned found = x86_desc_type(d);
    if (!x86_desc_is_system(d) || (found != type && (found != type16 || x86_long_mode(x)))) {
        return x86_fault(f, X86_EXC_GP, sel_error(selector));
    }
    bool high_type = x86_long_mode(x) && (d->high >> 40 & 0x1f); /* must be 0 there */
    if (high_type || !x86_canonical(x, x86_desc_base(d))) {
        return x86_fault(f, X86_EXC_GP, sel_error(selector));
    }
    if (!(x86_desc_attr(d) & ATTR_P)) {
        return x86_fault(f, X86_EXC_NP, sel_error(selector));
    }
    return true;
}

static X86Segment cache_of(uint16_t selector, const X86Desc *d)
{
    return (X86Segment){
        .base = x86_desc_base(d), .limit = x86_desc_limit(d), .attr = x86_desc_attr(d), .selector = selector
    };
}

bool x86_lldt(X86CPU *x, uint16_t selector, X86Fault *f)
{
    X86Desc d;
    if (sel_is_null(selector)) {
        x->s.ldtr = (X86Segment){ .selector = selector, .attr = ATTR_NULL };
        return true;
    }
    if (!system_check(x, selector, TYPE_LDT, TYPE_LDT, &d, f)) {
        return false;
    }
    x->s.ldtr = cache_of(selector, &d);
    return true;
}

bool x86_ltr(X86CPU *x, uint16_t selector, X86Fault *f)
{
    enum { BUSY = 2 };
    X86Desc d;
    if (sel_is_null(selector)) {
        return x86_fault(f, X86_EXC_GP, 0);
    }
    if (!system_check(x, selector, TYPE_TSS, TYPE_TSS16, &d, f) ||
        !x86_change_byte(x, d.where + 5, BUSY, 0, f)) {
        return false;
    }
    x->s.tr = cache_of(selector, &d);
    x->s.tr.attr |= BUSY;
    return true;
}
