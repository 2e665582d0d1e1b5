/* SPDX-License-Identifier: GPL-2.0-or-later */
/* System-management mode: what an SMI saves and where it leads, RSM.
 * Spec: SDM volume 3, "System Management Mode" (32-bit state save map, initial environment, auto HALT restart, SMBASE
 * relocation, NMI handling while in SMM); AMD APM volume 2, "System-Management Mode" (the map of 64-bit processors).
 *
 * A processor that may have long mode has AMD's map, as firmware for virtual machines expects; others the 386's.  The hidden
 * parts of segments, which the 32-bit map leaves to the processor, stand in its reserved part.
 *
 * Not modelled: restart of I/O instructions (the revision says so, and the fields read 0); saving of floating point. */
#include "target/i386/smm.h"

#include "base/memory.h"
#include "target/i386.h"
#include "target/i386/cr.h"
#include "target/i386/dbg.h"
#include "target/i386/seg.h"
#include "target/i386/trap.h"
#include "target/vcpu.h"
#include "util/bytes.h"

enum {
    ENTRY = 0x8000,        /* of the handler, from SMBASE on */
    MAP = 0xfe00,          /* of what is saved */
    MAP_BYTES = 0x200,     /* so the last byte is at SMBASE + FFFFh */
    REVISION_32 = 0x20000, /* SMBASE can be relocated */
    REVISION_64 = 0x20064,
};

typedef struct Save {
    X86CPU *x;
    uint8_t bytes[MAP_BYTES];
    bool loads; /* RSM; else an SMI */
} Save;

/* ---- one table for both directions ------------------------------------------------ */

/* `at`: as the manuals have it, from SMBASE + 8000h on. */
static uint64_t field(Save *s, unsigned at, unsigned bytes, uint64_t value)
{
    uint8_t *p = s->bytes + (at + ENTRY - MAP);
    if (s->loads) {
        return load_le(p, bytes);
    }
    store_le(p, bytes, value);
    return value;
}

static void quad(Save *s, unsigned at, uint64_t *value)
{
    *value = field(s, at, 8, *value);
}
static void dword(Save *s, unsigned at,
                  uint64_t *value) /* the upper half is lost, and is 0 in such a processor */
{
    *value = field(s, at, 4, *value);
}
static void flag(Save *s, unsigned at, bool *value)
{
    *value = field(s, at, 1, *value);
}

/* AMD's 12 bits of attributes, and in the top one that nothing usable is loaded. */
static void segment64(Save *s, unsigned at, X86Segment *seg)
{
    enum { LOW = 0xff, HIGH = 0xf00, UNUSABLE = 0x8000 };
    uint32_t attr = (seg->attr & LOW) | (seg->attr >> 4 & HIGH) | (seg->attr & ATTR_NULL ? UNUSABLE : 0);
    seg->selector = field(s, at, 2, seg->selector);
    attr = field(s, at + 2, 2, attr);
    seg->attr = (attr & LOW) | (attr & HIGH) << 4 | (attr & UNUSABLE ? ATTR_NULL : 0);
    seg->limit = field(s, at + 4, 4, seg->limit);
    seg->base = field(s, at + 8, 8, seg->base);
}

/* flags, limit, base; flags as in the upper half of a descriptor. */
static void segment32(Save *s, unsigned selector_at, unsigned at, X86Segment *seg)
{
    seg->selector = field(s, selector_at, 4, seg->selector);
    seg->attr = field(s, at, 4, seg->attr << 8) >> 8 & (ATTR_DESCRIPTOR | ATTR_NULL);
    seg->limit = field(s, at + 4, 4, seg->limit);
    seg->base = field(s, at + 8, 4, seg->base);
}

static void table(Save *s, unsigned limit_at, unsigned base_at, unsigned bytes, X86Table *t)
{
    t->limit = field(s, limit_at, bytes == 8 ? 2 : 4, t->limit) & 0xffff;
    t->base = field(s, base_at, bytes, t->base);
}

/* Registers that have rules are checked before they become the processor's. */
typedef struct Control {
    uint64_t cr0, cr3, cr4, efer, flags, ip;
    bool halted, nmi_masked, shadow;
} Control;

static void map64(Save *s, X86State *r, Control *c)
{
    static const uint16_t segs[X86_SEGS] = { 0x7e00, 0x7e10, 0x7e20, 0x7e30, 0x7e40, 0x7e50 };
    for (unsigned i = 0; i < X86_SEGS; i++) {
        segment64(s, segs[i], &r->seg[i]);
    }
    table(s, 0x7e64, 0x7e68, 8, &r->gdtr);
    segment64(s, 0x7e70, &r->ldtr);
    table(s, 0x7e84, 0x7e88, 8, &r->idtr);
    segment64(s, 0x7e90, &r->tr);
    flag(s, 0x7ec9, &c->halted);
    flag(s, 0x7eca, &c->nmi_masked);
    flag(s, 0x7ecb, &c->shadow);
    r->cpl = field(s, 0x7ecf, 1, r->cpl) & 3;
    quad(s, 0x7ed0, &c->efer);
    field(s, 0x7efc, 4, REVISION_64);
    r->smbase = field(s, 0x7f00, 4, r->smbase);
    quad(s, 0x7f48, &c->cr4);
    quad(s, 0x7f50, &c->cr3);
    quad(s, 0x7f58, &c->cr0);
    quad(s, 0x7f60, &r->dr7);
    quad(s, 0x7f68, &r->dr6);
    quad(s, 0x7f70, &c->flags);
    quad(s, 0x7f78, &c->ip);
    for (unsigned i = 0; i < X86_GPRS; i++) {
        quad(s, 0x7ff8 - 8 * i, &r->gpr[i]);
    }
}

static void map32(Save *s, X86State *r, Control *c)
{
    static const uint16_t selectors[X86_SEGS] = { 0x7fa8, 0x7fac, 0x7fb0, 0x7fb4, 0x7fb8, 0x7fbc };
    static const uint16_t hidden[X86_SEGS] = { 0x7f84, 0x7f90, 0x7f9c, 0x7f2c, 0x7f38, 0x7f44 };
    for (unsigned i = 0; i < X86_SEGS; i++) {
        segment32(s, selectors[i], hidden[i], &r->seg[i]);
    }
    field(s, 0x7efc, 4, REVISION_32);
    r->smbase = field(s, 0x7ef8, 4, r->smbase);
    flag(s, 0x7f02, &c->halted);
    flag(s, 0x7f18, &c->nmi_masked);
    flag(s, 0x7f1a, &c->shadow);
    r->cpl = field(s, 0x7f1b, 1, r->cpl) & 3;
    dword(s, 0x7f14, &c->cr4);
    table(s, 0x7f54, 0x7f58, 4, &r->idtr);
    segment32(s, 0x7fc4, 0x7f5c, &r->tr);
    table(s, 0x7f70, 0x7f74, 4, &r->gdtr);
    segment32(s, 0x7fc0, 0x7f78, &r->ldtr);
    dword(s, 0x7fc8, &r->dr7);
    dword(s, 0x7fcc, &r->dr6);
    for (unsigned i = 0; i < 8; i++) {
        dword(s, 0x7fd0 + 4 * i, &r->gpr[i]);
    }
    dword(s, 0x7ff0, &c->ip);
    dword(s, 0x7ff4, &c->flags);
    dword(s, 0x7ff8, &c->cr3);
    dword(s, 0x7ffc, &c->cr0);
}

static void map(Save *s, X86State *r, Control *c)
{
    if (x86_has(s->x, X86_LM)) {
        map64(s, r, c);
    } else {
        map32(s, r, c);
    }
}

/* ---- what physical memory is ------------------------------------------------------- */

void x86_smm_look(X86CPU *x)
{
    if (x->smram) {
        x->cpu.as = x->s.events.smm ? x->smram : x->outside;
    }
}

void x86_set_smm_memory(CPU *cpu, AddressSpace *as)
{
    X86CPU *x = x86_cpu(cpu);
    x->outside = cpu->as;
    x->smram = as;
    if (cpu->ops->also_sees) {
        cpu->ops->also_sees(cpu, as);
    }
}

/* Segments, paging and memory are others. */
static void changed(X86CPU *x)
{
    x86_smm_look(x);
    for (unsigned i = 0; i < X86_SEGS; i++) {
        x86_bounds_update(x, i);
    }
    cpu_flush_all(&x->cpu);
    cpu_mmu_changed(&x->cpu);
}

/* ---- SMI ---------------------------------------------------------------------------- */

static void enter(X86CPU *x)
{
    enum { DATA = ATTR_P | ATTR_S | ATTR_WRITABLE | ATTR_ACCESSED | ATTR_G };
    X86State *s = &x->s;
    for (unsigned i = 0; i < X86_SEGS; i++) {
        s->seg[i] = (X86Segment){ .limit = UINT32_MAX, .attr = DATA };
    }
    s->seg[SEG_CS].attr |= ATTR_CODE;
    s->seg[SEG_CS].base = s->smbase;
    s->seg[SEG_CS].selector = s->smbase >> 4;
    s->cr0 &= ~(uint64_t)(CR0_PE | CR0_EM | CR0_TS | CR0_PG);
    s->cr4 = s->efer = 0;
    s->dr7 = DR7_FIXED;
    s->cpl = 0;
    x86_set_flags(x, EFL_FIXED);
    x86_set_ip(x, ENTRY);
}

void x86_smi(X86CPU *x)
{
    Save s = { .x = x };
    X86Events *e = &x->s.events;
    Control c = { .cr0 = x->s.cr0,
                  .cr3 = x->s.cr3,
                  .cr4 = x->s.cr4,
                  .efer = x->s.efer,
                  .flags = x86_flags(x),
                  .ip = x86_ip(x),
                  .halted = e->mp_state == MP_HALTED,
                  .nmi_masked = e->nmi_masked,
                  .shadow = e->shadow };
    map(&s, &x->s, &c);
    e->smm = e->nmi_masked = true;
    e->shadow = 0;
    e->mp_state = MP_RUNNABLE;
    x->cpu.halted = false;
    x->stepping = false;
    x->met = 0;
    x86_smm_look(x);
    dma_write(x->cpu.as, x->s.smbase + MAP, s.bytes, sizeof(s.bytes)); /* where nothing answers it is lost */
    enter(x);
    changed(x);
}

/* ---- RSM ------------------------------------------------------------------------------ */

/* A state that cannot be stops the processor (SDM 3, "Exiting From SMM"). */
static bool is_legal(const X86CPU *x, const X86State *r, const Control *c)
{
    bool pe = c->cr0 & CR0_PE, paged = c->cr0 & CR0_PG, lma = c->efer & EFER_LMA, v86 = c->flags & EFL_VM;
    if (c->cr0 >> 32 || (paged && !pe) || ((c->cr0 & CR0_NW) && !(c->cr0 & CR0_CD)) ||
        (c->cr4 & ~x86_cr4_bits(x)) || (c->efer & ~x86_efer_bits(x))) {
        return false;
    }
    return lma == (paged && (c->efer & EFER_LME)) && (!lma || ((c->cr4 & CR4_PAE) && !v86)) &&
           (!(c->cr4 & CR4_PCIDE) || lma) && (!lma || !(c->cr3 >> x->phys_bits)) &&
           (r->seg[SEG_CS].base >> 32) == 0;
}

static bool load_control(X86CPU *x, const Control *c)
{
    X86Fault unused = { 0 };
    x->s.cr0 = c->cr0 | CR0_ET;
    x->s.cr3 = c->cr3;
    x->s.cr4 = c->cr4;
    x->s.efer = c->efer;
    bool v86 = c->flags & EFL_VM, pe = c->cr0 & CR0_PE;
    x->s.cpl = !pe ? 0 : v86 ? 3 : x->s.cpl;
    x86_set_flags(x, (c->flags & (pe ? EFL_ALL : EFL_ALL & ~(uint32_t)EFL_VM)) | EFL_FIXED);
    x86_set_ip(x, c->ip);
    bool pae = (c->cr0 & CR0_PG) && (c->cr4 & CR4_PAE) && !(c->efer & EFER_LMA);
    return !pae || x86_load_pdptes(x, c->cr3, &unused);
}

static void load_events(X86CPU *x, const Control *c)
{
    X86Events *e = &x->s.events;
    e->smm = false;
    if (c->nmi_masked) {
        e->nmi_masked = true; /* an IRET has opened them for SMM alone */
    } else {
        x86_unmask_nmi(x);
    }
    e->shadow = c->shadow ? SHADOW_STI : 0;
    e->mp_state = c->halted ? MP_HALTED : MP_RUNNABLE;
    x->cpu.halted = c->halted;
}

/* What the map has; not what other threads change meanwhile (messages, a pending NMI, the deadline), which would be undone. */
static void copy_mapped(X86State *to, const X86State *from)
{
    memcpy(to, from, offsetof(X86State, ymm));
    to->smbase = from->smbase;
}

bool x86_rsm(X86CPU *x, X86Fault *f)
{
    Save s = { .x = x, .loads = true };
    X86State next = { 0 };
    copy_mapped(&next, &x->s);
    Control c = { 0 };
    if (!x->s.events.smm) {
        return x86_fault(f, X86_EXC_UD, 0);
    }
    dma_read(x->cpu.as, x->s.smbase + MAP, s.bytes, sizeof(s.bytes)); /* else all is 0: not legal */
    map(&s, &next, &c);
    if (!is_legal(x, &next, &c)) {
        x86_shut_down(x);
        return true;
    }
    next.dr6 = x86_dr6_of(next.dr6);
    next.dr7 = x86_dr7_of(next.dr7);
    copy_mapped(&x->s, &next);
    load_events(x, &c);
    x86_smm_look(x); /* where PDPTEs are read */
    if (!load_control(x, &c)) {
        x86_shut_down(x);
    }
    changed(x);
    return true;
}
