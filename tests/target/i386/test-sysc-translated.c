/* SPDX-License-Identifier: GPL-2.0-or-later */
/* SYSCALL and SYSRET as operations of a block: in random states they leave what the functions of sysc.c do, and lead to the context
 * that x86_context_key() names, however often CPU.mode_change has led there without asking for it.
 *
 *   test-sysc-translated ENGINE   i: interpreter, j: host code, l: both in lockstep */
#include <string.h>

#include "accel/tcg/vcpu.h"
#include "descriptors.h"
#include "guest.h"
#include "maker.h"
#include "target/i386/far.h"
#include "target/i386/paging.h"

/* Three pages of 2 MiB: the user's code, where runs end, and what the processor reads and writes by itself, which SMAP wants to be the
 * system's. */
enum {
    RAM = 6 << 20,
    PML4 = 0x1000,
    PDPT = 0x2000,
    PD = 0x3000,
    CODE = 0x8000,
    SYSCALL_AT = CODE,
    SYSRET_AT = CODE + 0x10
};
enum {
    STOP = 0x200000,
    HANDLERS = STOP + 0x800,
    SYSTEM = 0x400000,
    GDT = SYSTEM,
    IDT = SYSTEM + 0x1000,
    STACK = SYSTEM + 0x3000
};
enum { KERNEL_CODE = 8, TRIALS = 3000 };

static GuestEngine engine;

static void put(Guest *g, uint64_t at, uint64_t value)
{
    memcpy(g->ram + at, &value, 8);
}

static Guest *make_guest(X86Vendor vendor)
{
    enum { PAGE = PTE_P | PTE_W | PTE_U | PTE_A };
    static const uint8_t call[] = { 0x0f, 0x05 }, ret[] = { 0x48, 0x0f, 0x07 };
    Guest *g = guest_new(engine, RAM);
    g->stop_at = STOP;
    g->x->vendor = vendor;
    put(g, PML4, PDPT | PAGE);
    put(g, PDPT, PD | PAGE);
    put(g, PD, PAGE | PTE_D | PTE_PS);
    put(g, PD + 8, STOP | PAGE | PTE_D | PTE_PS);
    put(g, PD + 16, SYSTEM | (PAGE & ~PTE_U) | PTE_D | PTE_PS);
    put(g, GDT + KERNEL_CODE,
        world_desc(0, 0, ATTR_P | ATTR_S | ATTR_CODE | ATTR_READABLE | ATTR_L | ATTR_ACCESSED));
    for (unsigned n = 0; n < 32; n++) {
        put(g, IDT + 16 * n, world_gate(TYPE_INT, 0, KERNEL_CODE, HANDLERS + n, 0));
    }
    memcpy(g->ram + SYSCALL_AT, call, sizeof(call));
    memcpy(g->ram + SYSRET_AT, ret, sizeof(ret));
    return g;
}

static void load_segment(X86CPU *x, X86SegId seg, uint32_t attr, uint64_t *random)
{
    x->s.seg[seg] = (X86Segment){ .limit = x86_random(random), .attr = attr, .selector = x86_random(random) };
    x86_bounds_update(x, seg);
}

/* Flags as an instruction left them, or worked out. */
static void random_flags(X86CPU *x, uint64_t *random)
{
    uint64_t r = x86_random(random);
    x86_set_flags(x, (r & EFL_ALL & ~(EFL_TF | EFL_VM | EFL_RF | EFL_AC)) | (r >> 40 & 7 ? 0 : EFL_AC));
    if (r >> 48 & 1) {
        x->s.cc = (X86Cc){ .a = x86_random(random), .b = x86_random(random), .kind = CC_SUB };
    }
}

static void random_state(X86CPU *x, unsigned cpl, uint64_t *random)
{
    uint64_t r = x86_random(random);
    X86State *s = &x->s;
    s->efer = EFER_LME | EFER_LMA | (r & 15 ? EFER_SCE : 0);
    s->cr0 = CR0_PE | CR0_PG | CR0_WP | (r >> 4 & 1 ? CR0_AM : 0);
    s->cr4 = CR4_PAE | CR4_OSFXSR | (r >> 5 & 1 ? CR4_SMAP : 0);
    s->cr3 = PML4;
    s->gdtr = (X86Table){ GDT, 15 };
    s->idtr = (X86Table){ IDT, 511 };
    s->cpl = cpl;
    load_segment(x, SEG_CS, ATTR_P | ATTR_S | ATTR_CODE | ATTR_L | cpl << ATTR_DPL_SHIFT, random);
    load_segment(x, SEG_SS, ATTR_P | ATTR_S | ATTR_WRITABLE | cpl << ATTR_DPL_SHIFT, random);
    for (unsigned n = 0; n < X86_GPRS; n++) {
        s->gpr[n] = x86_random(random);
    }
    random_flags(x, random);
    s->gpr[X86_RSP] = STACK;
    s->gpr[X86_RCX] = STOP + (r >> 8 & 0x3ff);
    s->gpr[11] &= r >> 36 & 7 ? ~(uint64_t)(EFL_AC | EFL_TF) : ~(uint64_t)EFL_TF;
    s->msr.star = x86_random(random);
    s->msr.lstar = STOP + (r >> 18 & 0x3ff);
    s->msr.fmask = x86_random(random) & (r >> 39 & 1 ? UINT32_MAX : EFL_IF | EFL_TF);
    if (x->vendor == VENDOR_INTEL && !(r >> 28 & 15)) {
        s->gpr[X86_RCX] = UINT64_C(0x800000000000);
    }
    cpu_mmu_changed(&x->cpu);
}

/* The same state in other words: which operation the flags are of does not count. */
static X86State plain(const X86CPU *x)
{
    X86CPU copy = *x;
    x86_set_flags(&copy, x86_flags(x));
    return copy.s;
}

static void check_state(const X86CPU *got, const X86CPU *want)
{
    X86State a = plain(got), b = plain(want);
    g_assert_cmphex(a.pc, ==, b.pc);
    g_assert_cmphex(a.eflags, ==, b.eflags);
    g_assert_cmphex(a.cc.a, ==, b.cc.a);
    g_assert_cmpint(a.cpl, ==, b.cpl);
    g_assert_cmpmem(a.gpr, sizeof(a.gpr), b.gpr, sizeof(b.gpr));
    for (X86SegId seg = 0; seg < X86_SEGS; seg++) {
        g_assert_cmphex(a.seg[seg].selector, ==, b.seg[seg].selector);
        g_assert_cmphex(a.seg[seg].base, ==, b.seg[seg].base);
        g_assert_cmphex(a.seg[seg].limit, ==, b.seg[seg].limit);
        g_assert_cmphex(a.seg[seg].attr, ==, b.seg[seg].attr);
    }
    g_assert_cmpmem(got->bounds, sizeof(got->bounds), want->bounds, sizeof(want->bounds));
}

/* The context of the vCPU is the one of its state. */
static void check_context(X86CPU *x)
{
    CpuContextKey key = { 0 };
    x86_context_key(&x->cpu, &key);
    const CpuContextKey *is = &x->cpu.tcg->ctx->key;
    g_assert_cmpuint(x->cpu.mode_change, ==, 0);
    g_assert_cmphex(is->space, ==, key.space);
    g_assert_cmphex(is->access, ==, key.access);
    g_assert_cmphex(is->mode, ==, key.mode);
}

static void trial(Guest *g, bool call, uint64_t *random, unsigned *faults)
{
    X86CPU *x = g->x;
    X86Fault f = { 0 };
    random_state(x, call ? 3 * (x86_random(random) >> 63) : 0, random);
    x->s.efer |= x->s.cpl ? EFER_SCE : 0; /* there is no stack to switch to */
    x->s.pc = call ? SYSCALL_AT : SYSRET_AT;
    X86CPU *want = g_memdup2(x, sizeof(*x));
    want->cpu.ops = &vcpu_ops_none;
    bool ok = call ? x86_syscall(want, SYSCALL_AT + 2, &f) : x86_sysret(want, 8, &f);
    guest_run(g);
    if (ok) {
        check_state(x, want);
        check_context(x);
    } else {
        uint64_t ip;
        memcpy(&ip, g->ram + x->s.gpr[X86_RSP] + (f.vector == X86_EXC_GP ? 8 : 0), 8);
        g_assert_cmphex(x->s.pc, ==, HANDLERS + f.vector);
        g_assert_cmphex(ip, ==, call ? SYSCALL_AT : SYSRET_AT);
        ++*faults;
    }
    g_free(want);
}

static void test_against_functions(void)
{
    for (X86Vendor v = VENDOR_INTEL; v <= VENDOR_AMD; v++) {
        Guest *g = make_guest(v);
        uint64_t random = 1;
        unsigned faults = 0;
        for (unsigned n = 0; n < TRIALS; n++) {
            trial(g, n & 1, &random, &faults);
        }
        g_assert_cmpuint(faults, >, TRIALS / 100);
        guest_free(g);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    engine = guest_engine_of(argc, argv);
    g_test_add_func("/i386/sysc/as the functions do", test_against_functions);
    return g_test_run();
}
