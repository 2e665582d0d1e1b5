/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Whatever lies in the tables, and whatever state a program has set up: the processor's own functions end, touch nothing that
 * is not theirs, and leave a state that a processor can be in.  Under the sanitizers this is the test of their bounds. */
#include "world.h"

#include "target/i386/cr.h"
#include "target/i386/dbg.h"
#include "target/i386/far.h"
#include "target/i386/intflag.h"
#include "target/i386/msr.h"
#include "target/i386/registers.h"
#include "target/i386/trap.h"
#include "tests/loop.h"

enum { STEPS = 200, WORLDS = 200 };

static uint64_t random64(void)
{
    return (uint64_t)g_test_rand_int() << 32 | (uint32_t)g_test_rand_int();
}

static unsigned below(unsigned n)
{
    return (uint32_t)g_test_rand_int() % n;
}

/* Numbers that mean something here, one in four just any. */
static uint64_t interesting(void)
{
    static const uint64_t values[] = { 0,
                                       1,
                                       3,
                                       8,
                                       0x48,
                                       0x68,
                                       0x7f,
                                       0xff,
                                       0x1000,
                                       0x5000,
                                       0x7ff8,
                                       0x8000,
                                       0xffff,
                                       0x10000,
                                       0x7fffffff,
                                       UINT32_MAX,
                                       1ull << 47,
                                       (1ull << 47) - 1,
                                       -(1ull << 47),
                                       UINT64_MAX - 7,
                                       UINT64_MAX,
                                       0x22000 };
    return below(4) ? values[below(G_N_ELEMENTS(values))] : random64();
}

/* A selector, often of a descriptor that is there. */
static uint16_t selector(void)
{
    return below(4) ? below(WORLD_GDT_LIMIT + 16) : random64();
}

/* ---- what can happen ------------------------------------------------------------- */

static void scramble_tables(X86CPU *x)
{
    static const uint16_t at[] = { WORLD_GDT, WORLD_IDT, WORLD_TSS, WORLD_LDT, WORLD_TSS2 };
    uint64_t where = at[below(G_N_ELEMENTS(at))] + below(0x90) / 8 * 8;
    uint64_t entry = fake_get(where, 8);
    fake_put(where, 8, below(3) ? entry ^ (1ull << below(64)) : random64());
}

static void scramble_pages(X86CPU *x)
{
    uint64_t where = 0x20000 + 0x1000 * below(3) + 8 * below(3);
    fake_put(where, 8, fake_get(where, 8) ^ (1ull << below(64)));
}

static void scramble_registers(X86CPU *x)
{
    x->s.gpr[below(X86_GPRS)] = interesting();
    x->s.gdtr.limit = below(8) ? WORLD_GDT_LIMIT : random64() & 0xffff;
    x->s.idtr.limit = below(8) ? 0xfff : random64() & 0xffff;
    x->s.tr.limit = below(4) ? 0x67 : below(0x100);
    x->s.pkru = random64();
    x->s.msr.star = random64();
}

static void write_control(X86CPU *x)
{
    X86Fault f = { 0 };
    uint64_t bit = 1ull << below(32);
    switch (below(6)) {
    case 0: x86_write_cr0(x, x->s.cr0 ^ bit, &f); break;
    case 1: x86_write_cr3(x, below(2) ? 0x20000 : interesting(), &f); break;
    case 2: x86_write_cr4(x, x->s.cr4 ^ bit, &f); break;
    case 3: x86_write_efer(x, x->s.efer ^ bit, &f); break;
    case 4: x86_lmsw(x, random64(), &f); break;
    default: x86_wrmsr(x, below(2) ? below(0x300) : 0xc0000080 + below(0x90), interesting(), &f); break;
    }
}

static unsigned operand_size(const X86CPU *x)
{
    return 2u << below(x86_64bit(x) ? 3 : 2);
}

/* False: there was a fault, to be delivered. */
static bool transfer(X86CPU *x, X86Fault *f)
{
    unsigned bytes = operand_size(x);
    switch (below(8)) {
    case 0: return x86_far_jump(x, selector(), interesting(), bytes, x86_ip(x) + 2, f);
    case 1: return x86_far_call(x, selector(), interesting(), bytes, x86_ip(x) + 2, f);
    case 2: return x86_far_return(x, bytes, below(32), f);
    case 3: return x86_iret(x, bytes, x86_ip(x) + 1, f);
    case 4: return x86_syscall(x, x86_ip(x) + 2, f);
    case 5: return x86_sysret(x, bytes, f);
    case 6: return x86_sysenter(x, f);
    default: return x86_sysexit(x, bytes, f);
    }
}

static bool load(X86CPU *x, X86Fault *f)
{
    static const X86SegId data[] = { SEG_ES, SEG_SS, SEG_DS, SEG_FS, SEG_GS };
    bool ok;
    uint32_t value;
    switch (below(x86_protected(x) ? 8 : 1)) {
    case 1: return x86_lldt(x, selector(), f);
    case 2: return x86_ltr(x, selector(), f);
    case 3: return x86_lar(x, selector(), &ok, &value, f);
    case 4: return x86_lsl(x, selector(), &ok, &value, f);
    case 5: return x86_verify(x, selector(), below(2), &ok, f);
    default: return x86_seg_move(x, data[below(G_N_ELEMENTS(data))], selector(), f);
    }
}

static bool flags(X86CPU *x, X86Fault *f)
{
    uint64_t image;
    switch (below(6)) {
    case 0: return x86_cli(x, f);
    case 1: return x86_sti(x, f);
    case 2: return x86_pushf(x, operand_size(x), &image, f);
    case 3: return x86_popf(x, operand_size(x), random64(), f);
    case 4: return x86_dr_write(x, below(8), interesting(), f);
    default: return x86_io_check(x, random64(), 1u << below(3), f);
    }
}

static bool software_interrupt(X86CPU *x, X86Fault *f)
{
    static const X86EventKind kinds[] = { EVENT_SOFT, EVENT_SOFT_TRAP, EVENT_ICEBP };
    return x86_software_interrupt(x, below(256), kinds[below(3)], x86_ip(x) + 2, f);
}

static void step(X86CPU *x)
{
    X86Fault f = { 0 };
    bool ok = true;
    switch (below(10)) {
    case 0: scramble_tables(x); break;
    case 1: scramble_registers(x); break;
    case 2: below(8) ? (void)0 : scramble_pages(x); break;
    case 3: x->s.cpl == 0 ? write_control(x) : (void)0; break;
    case 4: x86_interrupt(x, below(256)); break;
    case 5: ok = software_interrupt(x, &f); break;
    case 6: ok = load(x, &f); break;
    case 7: ok = flags(x, &f); break;
    default: ok = transfer(x, &f); break;
    }
    if (!ok) {
        x86_exception(x, &f);
    }
}

/* ---- what must hold ----------------------------------------------------------------- */

static void check(X86CPU *x)
{
    const X86State *s = &x->s;
    g_autoptr(GError) err = NULL;
    if (!x86_loaded(&x->cpu, &err)) {
        g_error("%s", err->message);
    }
    /* Level 0 may have been entered from real mode, whose selectors have any low bits. */
    if (x86_protected(x) && s->cpl && !(s->seg[SEG_CS].attr & ATTR_NULL)) {
        g_assert_cmpint(s->seg[SEG_CS].selector & SEL_RPL, ==, s->cpl);
    }
    if (!x86_64bit(x)) {
        g_assert_cmphex(s->pc >> 32, ==, s->seg[SEG_CS].base & UINT32_MAX);
    }
    for (unsigned i = 0; i < X86_SEGS; i++) {
        X86Bounds was = x->bounds[i];
        x86_bounds_update(x, i);
        g_assert_cmpmem(&was, sizeof(was), &x->bounds[i], sizeof(was));
    }
    CpuContextKey key;
    x86_context_key(&x->cpu, &key);
    g_autoptr(GString) text = g_string_new(NULL);
    x86_dump(&x->cpu, text);
}

/* Handlers for all, so that an exception is not the end of it. */
static void fill_idt(X86CPU *x)
{
    static const uint8_t types[] = { TYPE_INT, TYPE_TRAP };
    for (unsigned v = 0; v < 256 && x->s.idtr.base; v++) {
        unsigned ist = x86_long_mode(x) && v % 8 == 0;
        world_vector(x, v, types[v & 1], v % 3 ? 3 : 0, x86_long_mode(x) ? SEL_CODE64 : SEL_CODE0, 0x5000,
                     ist);
    }
}

static void run(X86CPU *x)
{
    fill_idt(x);
    x->vendor = below(2);
    x->cpu.clock = test_clock();
    x->tsc_khz = 1000000;
    for (unsigned i = 0; i < STEPS && !x->s.events.shutdown; i++) {
        step(x);
        check(x);
    }
    fake_free(x);
}

static void test_worlds(void)
{
    for (unsigned i = 0; i < WORLDS; i++) {
        run(world_protected(i & 1 ? 3 : 0));
        run(world_long(i & 1 ? 3 : 0));
        run(world_v86(i & 3));
        run(world_real());
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/i386/hostile", test_worlds);
    return g_test_run();
}
