/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Last branches.
 * Spec: SDM volume 3, "Last Branch, Interrupt, and Exception Recording" (LBR stacks of Core 2, Nehalem and Skylake; P6's four
 * registers); AMD APM volume 2, "Control-Transfer Recording"; numbers from devices/numbers/x86-msr.
 *
 * AMD's processors and the P6 have one record, of offsets in CS, and a copy of it from before the last interrupt or exception; later
 * ones of Intel's have a stack of linear addresses, and that copy, too.
 *
 * Not modelled: LBR_SELECT, LBR_INFO and what formats have above the address; NetBurst's stack (kvm32, kvm64), of which DEBUGCTL is
 * kept alone. */
#include "target/i386/lbr.h"

#include "target/i386/mmu.h"

enum { LAST_FROM = 0x1db, LAST_TO = 0x1dc, INT_FROM = 0x1dd, INT_TO = 0x1de, TOP = 0x1c9 };

/* Which registers a model has: a stack of `depth`, or one pair at LAST_FROM. */
typedef struct Form {
    unsigned depth; /* 0: none */
    bool stack;
    uint32_t from, to;
} Form;

static unsigned family(const X86CPU *x)
{
    return x->signature >> 8 & 15;
}

static unsigned model(const X86CPU *x)
{
    return (x->signature >> 4 & 15) | (x->signature >> 12 & 0xf0);
}

static Form form_of(const X86CPU *x)
{
    enum {
        CORE2 = 0x0f,
        CORE2_45NM = 0x17,
        SKYLAKE_CLIENT = 0x4e,
        SKYLAKE_SERVER = 0x55,
        SKYLAKE_DESKTOP = 0x5e
    };
    unsigned m = model(x);
    if (!x86_has(x, X86_MSR)) {
        return (Form){ 0 };
    }
    if (x->vendor == VENDOR_AMD || (family(x) == 6 && m < CORE2)) {
        return (Form){ 1, false, LAST_FROM, LAST_TO };
    }
    if (family(x) != 6) {
        return (Form){ 0 };
    }
    if (m == CORE2 || m == CORE2_45NM) {
        return (Form){ 4, true, 0x40, 0x60 };
    }
    bool deep = m == SKYLAKE_CLIENT || m == SKYLAKE_SERVER || m >= SKYLAKE_DESKTOP;
    return (Form){ deep ? 32 : 16, true, 0x680, 0x6c0 };
}

/* ---- records ----------------------------------------------------------------------- */

uint64_t x86_lbr_place(const X86CPU *x)
{
    bool linear = !x86_64bit(x) && form_of(x).stack;
    return linear ? (uint32_t)(x->s.seg[SEG_CS].base + x86_ip(x)) : x86_ip(x);
}

void x86_lbr_record(X86CPU *x, uint64_t from)
{
    Form form = form_of(x);
    X86Lbr *l = &x->s.lbr;
    if (form.depth) {
        l->top = (l->top + 1) % form.depth;
        l->from[l->top] = from;
        l->to[l->top] = x86_lbr_place(x);
    }
}

void x86_lbr_record_event(X86CPU *x, uint64_t from)
{
    X86Lbr *l = &x->s.lbr;
    l->int_from = l->from[l->top];
    l->int_to = l->to[l->top];
    x86_lbr_record(x, from);
}

/* ---- registers ------------------------------------------------------------------------ */

static uint64_t *register_of(X86Lbr *l, Form form, uint32_t number)
{
    if (number - form.from < form.depth) {
        return &l->from[number - form.from];
    }
    if (number - form.to < form.depth) {
        return &l->to[number - form.to];
    }
    if (form.stack && number == TOP) {
        return &l->top;
    }
    if (form.depth && (number == INT_FROM || number == INT_TO)) {
        return number == INT_FROM ? &l->int_from : &l->int_to;
    }
    return NULL;
}

bool x86_lbr_has_msr(X86CPU *x, uint32_t number)
{
    return register_of(&x->s.lbr, form_of(x), number);
}

bool x86_lbr_msr_read(X86CPU *x, uint32_t number, uint64_t *value)
{
    const uint64_t *field = register_of(&x->s.lbr, form_of(x), number);
    if (field) {
        *value = *field;
    }
    return field;
}

/* A stack is software's to save and load; single records and copies are read only. */
bool x86_lbr_msr_write(X86CPU *x, uint32_t number, uint64_t value)
{
    Form form = form_of(x);
    uint64_t *field = register_of(&x->s.lbr, form, number);
    if (!field || !form.stack || number == INT_FROM || number == INT_TO) {
        return false;
    }
    bool legal = number == TOP ? value < form.depth : x86_canonical_64(x, value);
    if (legal) {
        *field = value;
    }
    return legal;
}
