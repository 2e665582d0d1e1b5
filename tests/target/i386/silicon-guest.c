/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The world of the trials for a processor of ours: page tables, a GDT with the
 * selectors of the host's kernel, an LDT, gates for all exceptions.  The handlers lie in a page that is never fetched:
 * the walk for it ends the run, with the exception's frame on the stack. */
#include "silicon.h"

#include <string.h>

#include "descriptors.h"
#include "silicon-map.h"
#include "target/i386/paging.h"
#include "target/i386/seg.h"
#include "target/i386/trap.h"
#include "target/vcpu.h"

#define SYSTEM UINT64_C(0xffffffff80000000) /* the first 64 KiB of RAM, for level 0 */

struct SiliconGuest {
    uint8_t tables[TABLES_END]; /* as they were made */
    Guest *guest;
    X86CPU *x;
};

/* ---- the world ----------------------------------------------------------------------- */

static uint8_t *host(SiliconGuest *g, uint64_t phys)
{
    return g->guest->ram + phys;
}

static void put(SiliconGuest *g, uint64_t phys, uint64_t value)
{
    memcpy(host(g, phys), &value, 8);
}

static void make_pages(SiliconGuest *g)
{
    enum { USER = PTE_P | PTE_W | PTE_U | PTE_A, SYSTEM_PAGE = PTE_P | PTE_W | PTE_A | PTE_D };
    const uint64_t data = SILICON_DATA, code = SILICON_CODE;
    put(g, PML4, PDPT_LOW | USER);
    put(g, PML4 + 8 * 511, PDPT_HIGH | USER);
    put(g, PDPT_LOW, PD_LOW | USER);
    put(g, PDPT_HIGH + 8 * 510, PD_HIGH | USER);
    put(g, PD_LOW + 8 * (data >> 21), PT_DATA | USER);
    put(g, PD_LOW + 8 * (code >> 21), PT_CODE | USER);
    put(g, PD_HIGH, PT_SYSTEM | USER);
    put(g, PT_DATA + 8 * (data >> 12 & 511), DATA | USER | PTE_D | PTE_NX);
    put(g, PT_DATA + 8 * (data >> 12 & 511) + 8, (DATA + SILICON_PAGE) | (USER & ~PTE_W) | PTE_NX);
    put(g, PT_CODE + 8 * (code >> 12 & 511), CODE | USER | PTE_D);
    for (unsigned n = 0; n < 16; n++) {
        put(g, PT_SYSTEM + 8 * n, n * SILICON_PAGE | SYSTEM_PAGE);
    }
}

static uint64_t descriptor(const SiliconSegment *s)
{
    return world_desc(s->base, s->limit, s->attr);
}

static void make_tables(SiliconGuest *g)
{
    enum { KERNEL = ATTR_P | ATTR_S | ATTR_CODE | ATTR_READABLE | ATTR_L | ATTR_ACCESSED };
    enum {
        CPU_NUMBER = 0x78,
        LEVEL3_DOWN = ATTR_P | ATTR_DPL | ATTR_S | ATTR_DOWN | ATTR_DB | ATTR_ACCESSED
    };
    put(g, GDT + KERNEL_CODE, world_desc(0, 0, KERNEL));
    put(g, GDT + CPU_NUMBER,
        world_desc(0, 0, LEVEL3_DOWN)); /* Linux has one, whose limit is the CPU's number */
    for (unsigned n = SILICON_FLAT; n < SILICON_SEGS; n++) {
        if (silicon_host_has_descriptor(n)) {
            put(g, (n < SILICON_LDT ? GDT : LDT) + (silicon_segments[n].selector & ~7),
                descriptor(&silicon_segments[n]));
        }
    }
    put(g, TSS + 4, SYSTEM + STACK_TOP);  /* RSP0 */
    put(g, TSS + 0x60, UINT64_MAX << 48); /* no map of ports */
    for (unsigned n = 0; n < 256; n++) {
        uint64_t at = SYSTEM + HANDLERS + n % 32 * HANDLER_BYTES;
        unsigned dpl = n == X86_EXC_BP || n == X86_EXC_OF ? 3 : 0; /* as Linux has it */
        put(g, IDT + 16 * n, world_gate(TYPE_INT, dpl, KERNEL_CODE, at, 0));
        put(g, IDT + 16 * n + 8, at >> 32);
    }
}

static void system_registers(SiliconGuest *g)
{
    X86State *s = &g->x->s;
    s->efer = EFER_LME | EFER_LMA | EFER_SCE | EFER_NXE;
    s->cr0 = CR0_PE | CR0_PG | CR0_WP | CR0_AM | CR0_NE;
    s->cr4 = CR4_PAE | CR4_OSFXSR | CR4_OSXMMEXCPT | CR4_OSXSAVE | CR4_FSGSBASE;
    s->xcr0 = 7;
    s->cr3 = PML4;
    s->gdtr = (X86Table){ SYSTEM + GDT, 0x7f };
    s->idtr = (X86Table){ SYSTEM + IDT, 0xfff };
    s->ldtr = (X86Segment){ SYSTEM + LDT, 8 * (SILICON_SEGS - SILICON_LDT) - 1, ATTR_P | TYPE_LDT, 0 };
    s->tr = (X86Segment){ SYSTEM + TSS, 0x67, ATTR_P | TYPE_TSS_BUSY, TASK };
}

SiliconGuest *silicon_guest_new(GuestEngine engine)
{
    SiliconGuest *g = g_new0(SiliconGuest, 1);
    g->guest = guest_new(engine, RAM);
    g->guest->stop_at = SYSTEM + HANDLERS;
    g->guest->stop_at_too = SILICON_EXIT;
    g->x = g->guest->x;
    make_pages(g);
    make_tables(g);
    silicon_legacy_make_tables(g->guest->ram);
    memcpy(g->tables, g->guest->ram, sizeof(g->tables));
    return g;
}

void silicon_guest_free(SiliconGuest *g)
{
    guest_free(g->guest);
    g_free(g);
}

/* ---- a trial --------------------------------------------------------------------------- */

static void load_segment(X86CPU *x, X86SegId id, unsigned n)
{
    const SiliconSegment *s = &silicon_segments[n];
    X86Desc d = { .low = descriptor(s) };
    if (n == SILICON_NULL) {
        x86_seg_load_null(x, id, 0);
    } else if (id == SEG_CS) {
        x86_code_load(x, s->selector, &d, 3, SILICON_CODE - s->base);
    } else {
        x86_seg_load(x, id, s->selector, &d);
    }
}

static void give_vectors(X86State *s, const SiliconVectors *v)
{
    memcpy(s->ymm, v->ymm, sizeof(s->ymm));
    s->mxcsr = v->mxcsr;
    s->x87 = v->x87;
}

static void take_vectors(SiliconVectors *v, const X86State *s)
{
    memcpy(v->ymm, s->ymm, sizeof(v->ymm));
    v->mxcsr = s->mxcsr;
    v->x87 = s->x87;
}

/* Of the usual world: level 3 below a kernel in long mode. */
static void begin_long(SiliconGuest *g, const SiliconTrial *t)
{
    X86CPU *x = g->x;
    system_registers(g);
    x->s.cr0 ^= t->cr0;
    x->s.cr4 ^= t->cr4;
    x->s.xcr0 ^= t->xcr0;
    load_segment(x, SEG_CS, t->seg[SEG_CS]);
    for (unsigned n = 0; n < X86_SEGS; n++) {
        if (n != SEG_CS) {
            load_segment(x, n, t->seg[n]);
        }
    }
    if (t->size == 8) {
        load_segment(x, SEG_GS, SILICON_NULL);
        x->s.seg[SEG_GS].base = SILICON_GS64;
    }
    load_segment(x, SEG_FS, SILICON_NULL);
    x86_set_flags(x, t->before.flags | EFL_FIXED);
}

static void begin(SiliconGuest *g, const SiliconBatch *b, const SiliconTrial *t)
{
    X86CPU *x = g->x;
    g->guest->stop_at = t->world == SILICON_LEVEL3 ? SYSTEM + HANDLERS : HANDLERS;
    if (t->world == SILICON_LEVEL3) {
        begin_long(g, t);
    } else {
        silicon_legacy_begin(x, t);
    }
    if (memcmp(g->guest->ram, g->tables, TABLES_END)) { /* that code without pages may write */
        dma_write(x->cpu.as, 0, g->tables, TABLES_END);
    }
    memcpy(x->s.gpr, t->before.gpr, sizeof(x->s.gpr));
    give_vectors(&x->s, &t->before.v);
    x86_vectors_changed(x);
    cpu_mmu_changed(&x->cpu);
    if (memcmp(host(g, CODE), t->code, SILICON_BYTES)) { /* else what is translated stays */
        dma_write(x->cpu.as, CODE, t->code, SILICON_BYTES);
    }
    memcpy(host(g, DATA), b->data, SILICON_PAGE);
}

/* From the frame that the exception left: error code, RIP, CS, RFLAGS, RSP, SS. */
static void take_frame(SiliconGuest *g, const SiliconTrial *t, SiliconResult *r)
{
    X86CPU *x = g->x;
    uint64_t frame[6];
    unsigned bytes = SYSTEM + STACK_TOP - x->s.gpr[X86_RSP];
    memcpy(frame, host(g, STACK_TOP - sizeof(frame)), sizeof(frame));
    r->vector = (x->s.pc - SYSTEM - HANDLERS) / HANDLER_BYTES;
    r->error = bytes > 40 ? frame[0] : 0;
    r->ip = frame[1] + silicon_segments[t->seg[SEG_CS]].base - SILICON_CODE;
    r->s.flags = frame[3];
    r->s.gpr[X86_RSP] = frame[4];
    r->s.selectors[SEG_CS] = frame[2];
    r->s.selectors[SEG_SS] = frame[5];
}

static void end(SiliconGuest *g, const SiliconTrial *t, SiliconResult *r)
{
    X86CPU *x = g->x;
    memcpy(r->s.gpr, x->s.gpr, sizeof(r->s.gpr));
    take_vectors(&r->s.v, &x->s);
    for (unsigned n = 0; n < X86_SEGS; n++) {
        r->s.selectors[n] = x->s.seg[n].selector;
    }
    if (t->world != SILICON_LEVEL3) {
        r->vector = (x->s.pc - HANDLERS) / HANDLER_BYTES;
        silicon_legacy_take_frame(x, g->guest->ram, r);
    } else if (x->s.pc - SILICON_EXIT < SILICON_PAGE) {
        r->vector = X86_EXC_BP;
        r->error = 0;
        r->ip = t->length + 1;
        r->s.flags = x86_flags(x);
    } else {
        take_frame(g, t, r);
    }
    r->address = r->vector == X86_EXC_PF ? x->s.cr2 : 0;
    memcpy(r->data, host(g, DATA), SILICON_PAGE);
}

void silicon_guest_run(SiliconGuest *g, const SiliconBatch *b, const SiliconTrial *t, SiliconResult *r)
{
    begin(g, b, t);
    guest_run(g->guest);
    end(g, t, r);
}

bool silicon_guest_gave_up(const SiliconGuest *g)
{
    return g->guest->give_up;
}

typedef struct Straying {
    const SiliconTrial *t;
    uint64_t before; /* the offset in the code of the last instruction */
    bool found;
} Straying;

static bool look_for_straying(Guest *g, void *opaque)
{
    Straying *s = opaque;
    uint64_t base = silicon_segments[s->t->seg[SEG_CS]].base, at = x86_ip(g->x) + base - SILICON_CODE;
    bool inside = g->x->s.cpl == 3 && at < SILICON_PAGE;
    s->found = s->before == s->t->last && inside;
    s->before = inside ? at : UINT64_MAX;
    return !s->found;
}

bool silicon_guest_strays(SiliconGuest *g, const SiliconBatch *b, const SiliconTrial *t)
{
    Straying s = { .t = t, .before = UINT64_MAX };
    begin(g, b, t);
    guest_step(g->guest, look_for_straying, &s);
    return s.found;
}

X86CPU *silicon_guest_cpu(SiliconGuest *g)
{
    return g->x;
}

double silicon_guest_translation_ns(const SiliconGuest *g, uint64_t *insns)
{
    return guest_translation_ns(g->guest, insns);
}
