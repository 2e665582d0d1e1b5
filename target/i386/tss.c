/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the processor looks up in the current task state segment.
 * Spec: SDM volume 3, "Task-State Segment (TSS)", "Task Management in 64-bit Mode", "Stack Switching"; volume 1, "I/O Permission
 * Bit Map"; volume 3, "Interrupt and Exception Handling in Virtual-8086 Mode" for the redirection bits. */
#include "target/i386/tss.h"

/* The two kinds of a 386's tasks; in long mode there is one. */
static bool is_tss32(const X86CPU *x)
{
    return x->s.tr.attr & 8; /* of TYPE_TSS against TYPE_TSS16 */
}

static bool tss_load(X86CPU *x, uint32_t offset, unsigned bytes, uint64_t *value, X86Fault *f)
{
    if (offset + bytes - 1 > x->s.tr.limit) {
        return x86_fault(f, X86_EXC_TS, sel_error(x->s.tr.selector));
    }
    return x86_load(x, x->s.tr.base + offset, bytes, RIGHTS_SYSTEM, value, f);
}

bool x86_tss_stack(X86CPU *x, unsigned cpl, uint16_t *ss, uint64_t *sp, X86Fault *f)
{
    unsigned bytes = is_tss32(x) ? 4 : 2;
    uint32_t at = bytes + 2 * bytes * cpl; /* behind the back link */
    uint64_t selector;
    /* both in full before either is read */
    if (at + bytes + 1 > x->s.tr.limit) {
        return x86_fault(f, X86_EXC_TS, sel_error(x->s.tr.selector));
    }
    if (!tss_load(x, at, bytes, sp, f) || !tss_load(x, at + bytes, 2, &selector, f)) {
        return false;
    }
    *ss = selector;
    return true;
}

bool x86_tss_rsp(X86CPU *x, unsigned level, uint64_t *rsp, X86Fault *f)
{
    return tss_load(x, 4 + 8 * level, 8, rsp, f);
}

bool x86_tss_ist(X86CPU *x, unsigned ist, uint64_t *rsp, X86Fault *f)
{
    return tss_load(x, 0x24 + 8 * (ist - 1), 8, rsp, f);
}

/* ---- ports ------------------------------------------------------------------- */

enum { MAP_BASE = 0x66 };

/* Without a map, or beyond its end, nothing is allowed. */
static bool map_allows(X86CPU *x, uint16_t port, unsigned bytes, bool *allowed, X86Fault *f)
{
    uint64_t base, bits;
    *allowed = false;
    if (!is_tss32(x) || (x->s.tr.attr & ATTR_NULL) || MAP_BASE + 1 > x->s.tr.limit) {
        return true;
    }
    if (!tss_load(x, MAP_BASE, 2, &base, f)) {
        return false;
    }
    uint32_t at = base + port / 8;
    if (at + 1 > x->s.tr.limit) { /* two bytes are read, as ports may straddle */
        return true;
    }
    if (!tss_load(x, at, 2, &bits, f)) {
        return false;
    }
    *allowed = !(bits >> port % 8 & ((1u << bytes) - 1));
    return true;
}

bool x86_io_check(X86CPU *x, uint16_t port, unsigned bytes, X86Fault *f)
{
    bool allowed;
    if (!(x->s.cr0 & CR0_PE) || (!x86_v86(x) && x->s.cpl <= x86_iopl(x))) {
        return true;
    }
    return map_allows(x, port, bytes, &allowed, f) && (allowed || x86_fault(f, X86_EXC_GP, 0));
}

bool x86_tss_redirects(X86CPU *x, uint8_t vector, bool *own, X86Fault *f)
{
    enum { REDIRECTION = 32 }; /* bytes below the I/O map */
    uint64_t base, bits;
    if (!is_tss32(x) || !tss_load(x, MAP_BASE, 2, &base, f)) {
        return x86_fault(f, X86_EXC_GP, 0);
    }
    if (base < REDIRECTION || base - REDIRECTION + vector / 8 > x->s.tr.limit) {
        return x86_fault(f, X86_EXC_GP, 0);
    }
    if (!tss_load(x, base - REDIRECTION + vector / 8, 1, &bits, f)) {
        return false;
    }
    *own = !(bits >> vector % 8 & 1);
    return true;
}
