/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Descriptors in memory, and what programs ask of them without loading them.
 * Spec: SDM volume 3, "Segment Descriptors", "System Descriptor Types", "IA-32e Mode" notes there; volume 2, LAR, LSL,
 * VERR, VERW. */
#include "target/i386/seg.h"

uint32_t x86_desc_attr(const X86Desc *d)
{
    return d->low >> 40 & ATTR_DESCRIPTOR;
}

uint64_t x86_desc_base(const X86Desc *d)
{
    return (d->low >> 16 & 0xffffff) | (d->low >> 56) << 24 | d->high << 32;
}

uint32_t x86_desc_limit(const X86Desc *d)
{
    uint32_t limit = (d->low & 0xffff) | (d->low >> 32 & 0xf0000);
    return d->low >> 40 & ATTR_G ? limit << 12 | 0xfff : limit;
}

/* Where the selector's descriptor of `bytes` is. */
static bool desc_find(X86CPU *x, uint16_t selector, unsigned bytes, uint64_t *where)
{
    bool local = selector & SEL_TI;
    uint32_t offset = selector & ~(SEL_RPL | SEL_TI);
    uint32_t limit = local ? x->s.ldtr.limit : x->s.gdtr.limit;
    *where = (local ? x->s.ldtr.base : x->s.gdtr.base) + offset;
    return !(local && (x->s.ldtr.attr & ATTR_NULL)) && offset + bytes - 1 <= limit;
}

bool x86_desc_read(X86CPU *x, uint16_t selector, uint8_t vector, X86Desc *d, X86Fault *f)
{
    *d = (X86Desc){ 0 };
    if (!desc_find(x, selector, 8, &d->where)) {
        return x86_fault(f, vector, sel_error(selector));
    }
    return x86_load(x, d->where, 8, RIGHTS_SYSTEM, &d->low, f);
}

bool x86_desc_read_wide(X86CPU *x, uint16_t selector, uint8_t vector, X86Desc *d, X86Fault *f)
{
    if (!x86_desc_read(x, selector, vector, d, f)) {
        return false;
    }
    if (!x86_long_mode(x) || !x86_desc_is_system(d)) {
        return true;
    }
    if (!desc_find(x, selector, 16, &d->where)) {
        return x86_fault(f, vector, sel_error(selector));
    }
    return x86_load(x, d->where + 8, 8, RIGHTS_SYSTEM, &d->high, f);
}

bool x86_desc_mark_accessed(X86CPU *x, X86Desc *d, X86Fault *f)
{
    uint64_t accessed = (uint64_t)ATTR_ACCESSED << 40;
    if (!(d->low & accessed) && !x86_change_byte(x, d->where + 5, ATTR_ACCESSED, 0, f)) {
        return false;
    }
    d->low |= accessed;
    return true;
}

/* ---- LAR, LSL, VERR, VERW -------------------------------------------------- */

/* May this level look at it?  Conforming code: any. */
static bool visible(const X86CPU *x, uint16_t selector, const X86Desc *d)
{
    uint32_t attr = x86_desc_attr(d);
    unsigned dpl = x86_dpl(attr);
    bool conforming = x86_desc_is_code(d) && (attr & ATTR_CONFORMING);
    return conforming || (x->s.cpl <= dpl && (selector & SEL_RPL) <= dpl);
}

/* Read it, if there is one that this level may look at. */
static bool look(X86CPU *x, uint16_t selector, X86Desc *d, bool *ok, X86Fault *f)
{
    uint64_t where;
    *ok = !sel_is_null(selector) && desc_find(x, selector, 8, &where);
    if (!*ok) {
        return true;
    }
    if (!x86_desc_read(x, selector, X86_EXC_GP, d, f)) {
        return false;
    }
    *ok = visible(x, selector, d);
    /* In long mode the second half of a system descriptor must lie in the table, too */
    if (*ok && x86_long_mode(x) && x86_desc_is_system(d)) {
        *ok = desc_find(x, selector, 16, &where);
    }
    return true;
}

/* Bits of types: system descriptors that the instruction knows. */
enum {
    LSL_TYPES = 1 << TYPE_TSS16 | 1 << TYPE_LDT | 1 << TYPE_TSS16_BUSY | 1 << TYPE_TSS | 1 << TYPE_TSS_BUSY,
    LAR_TYPES = LSL_TYPES | 1 << TYPE_CALL16 | 1 << TYPE_TASK | 1 << TYPE_CALL,
    LONG_LSL_TYPES = 1 << TYPE_LDT | 1 << TYPE_TSS | 1 << TYPE_TSS_BUSY,
    LONG_LAR_TYPES = LONG_LSL_TYPES | 1 << TYPE_CALL,
};

static bool type_known(const X86Desc *d, uint32_t types)
{
    return !x86_desc_is_system(d) || (types >> x86_desc_type(d) & 1);
}

bool x86_lar(X86CPU *x, uint16_t selector, bool *ok, uint32_t *value, X86Fault *f)
{
    X86Desc d = { 0 };
    if (!look(x, selector, &d, ok, f)) {
        return false;
    }
    *ok = *ok && type_known(&d, x86_long_mode(x) ? LONG_LAR_TYPES : LAR_TYPES);
    *value = d.low >> 32 & 0x00ffff00;
    return true;
}

bool x86_lsl(X86CPU *x, uint16_t selector, bool *ok, uint32_t *value, X86Fault *f)
{
    X86Desc d = { 0 };
    if (!look(x, selector, &d, ok, f)) {
        return false;
    }
    *ok = *ok && type_known(&d, x86_long_mode(x) ? LONG_LSL_TYPES : LSL_TYPES);
    *value = x86_desc_limit(&d);
    return true;
}

bool x86_verify(X86CPU *x, uint16_t selector, bool write, bool *ok, X86Fault *f)
{
    X86Desc d = { 0 };
    if (!look(x, selector, &d, ok, f)) {
        return false;
    }
    uint32_t attr = x86_desc_attr(&d);
    bool code = attr & ATTR_CODE;
    bool may = write ? !code && (attr & ATTR_WRITABLE) : !code || (attr & ATTR_READABLE);
    *ok = *ok && (attr & ATTR_S) && may;
    return true;
}
