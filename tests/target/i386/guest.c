/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See guest.h. */
#include "guest.h"

#include <cpuid.h>
#include <setjmp.h>
#include <string.h>

#include "accel/tcg/debug.h"
#include "accel/tcg/mail.h"
#include "accel/tcg/run.h"
#include "accel/tcg/state.h"
#include "host-isa.h"
#include "target/i386.h"
#include "target/i386/mmu.h"

const char *const guest_engine_names[GUEST_ENGINES] = { "interpreter", "JIT", "lockstep" };
const char guest_engine_letters[GUEST_ENGINES + 1] = "ijl";

GuestEngine guest_engine_of(int argc, char **argv)
{
    const char *letter = argc > 1 ? strchr(guest_engine_letters, argv[1][0]) : guest_engine_letters;
    g_assert(letter && *letter);
    return letter - guest_engine_letters;
}

typedef struct GuestWires {
    TcgState *tcg;
    MemoryRegion root, ram;
    GuestEngine engine;
    bool stopped;
} GuestWires;

static Guest *running;

/* ---- the processor ----------------------------------------------------------------- */

static bool is_amd(void)
{
    unsigned a = 0, b = 0, c = 0, d = 0;
    __get_cpuid(0, &a, &b, &c, &d);
    return b == signature_AMD_ebx;
}

static bool init(CPU *cpu, const char *model, GError **err)
{
    X86CPU *x = x86_cpu(cpu);
    memset(x->feature, 0xff, sizeof(x->feature));
    x->vendor = is_amd() ? VENDOR_AMD : VENDOR_INTEL;
    if (x->vendor == VENDOR_INTEL) { /* on whose chips all vectors of SSE must be aligned */
        x->feature[X86_MISALIGNSSE / 32] &= ~(1u << X86_MISALIGNSSE % 32);
    }
    if (!x86_host_has_la57()) {
        x->feature[X86_LA57 / 32] &= ~(1u << X86_LA57 % 32);
    }
    x->phys_bits = 40;
    return true;
}

static bool walk(CPU *cpu, uint64_t vaddr, unsigned bytes, MmuAccess access, MmuResult *out, MmuFault *fault)
{
    bool stops =
        vaddr - running->stop_at < GUEST_STOP_BYTES || vaddr - running->stop_at_too < GUEST_STOP_BYTES;
    if (access == MMU_EXEC && stops) {
        running->wires->stopped = true;
        cpu_loop_exit(cpu);
    }
    return x86_walk(cpu, vaddr, bytes, access, out, fault);
}

static void run_engine(Guest *g)
{
    CPU *cpu = &g->x->cpu;
    switch (g->wires->engine) {
    case GUEST_INTERP: tcg_run_interp(cpu); break;
    case GUEST_JIT: tcg_run_jit(cpu); break;
    case GUEST_LOCKSTEP: tcg_run_lockstep(cpu); break;
    }
}

static void take_interrupts(Guest *g)
{
    CPU *cpu = &g->x->cpu;
    if (!cpu->tcg->alone_next) {
        cpu->arch->take_interrupt(cpu);
    }
}

void guest_give_up(void)
{
    if (running) {
        running->give_up = true;
        __atomic_store_n(&running->x->cpu.exit_request, 1, __ATOMIC_SEQ_CST);
    }
}

static bool look_at_nothing(Guest *g, void *opaque)
{
    return true;
}

/* As accel/tcg/loop.c does it, for one vCPU. */
static void run(Guest *g, GuestLook look, void *opaque)
{
    CPU *cpu = &g->x->cpu;
    TcgVcpu *v = cpu->tcg;
    running = g;
    tcg_vcpu_current = v;
    g->wires->stopped = g->give_up = false;
    if (sigsetjmp(v->exit_jmp, 0)) {
        v->frame = NULL;
        v->running = NULL;
        v->alone = false;
    }
    while (!g->wires->stopped && !cpu->halted && look(g, opaque)) {
        cpu->exit_request = 0;
        if (__atomic_load_n(&g->give_up, __ATOMIC_SEQ_CST)) { /* behind that: none is lost */
            break;
        }
        tcg_mail_look(v, true);
        take_interrupts(g);
        v->alone = v->alone_next;
        v->alone_next = false;
        run_engine(g);
        v->alone = false;
    }
    running = NULL;
}

void guest_run(Guest *g)
{
    run(g, look_at_nothing, NULL);
}

void guest_step(Guest *g, GuestLook look, void *opaque)
{
    g->x->cpu.singlestep = true;
    run(g, look, opaque);
    g->x->cpu.singlestep = false;
}

/* ---- what it is made of --------------------------------------------------------------- */

static void free_vcpu(CPU *cpu)
{
    tcg_mail_park(cpu->tcg);
    tcg_vcpu_current = NULL;
    tcg_vcpu_free(cpu);
}

static const CPUArch *architecture(void)
{
    static CPUArch arch;
    arch = x86_64_arch;
    arch.init = init;
    arch.walk = walk;
    return &arch;
}

static const VcpuOps *operations(void)
{
    static VcpuOps ops;
    ops = vcpu_ops_none;
    ops.free = free_vcpu;
    ops.mmu_changed = tcg_mmu_changed;
    ops.flush = tcg_flush;
    return &ops;
}

Guest *guest_new(GuestEngine engine, uint64_t ram_bytes)
{
    static const TcgEngine engines[] = { TCG_INTERP, TCG_JIT, TCG_LOCKSTEP };
    g_autoptr(GError) err = NULL;
    Guest *g = g_new0(Guest, 1);
    GuestWires *w = g_new0(GuestWires, 1);
    g->wires = w;
    g->stop_at = g->stop_at_too = UINT64_MAX - GUEST_STOP_BYTES + 1;
    w->engine = engine;
    memory_region_init_container(&w->root, NULL, "root", UINT64_MAX);
    g_assert_true(memory_region_init_ram(&w->ram, NULL, "ram", ram_bytes, &err));
    memory_region_add(&w->root, 0, &w->ram, 0);
    g->ram = w->ram.ram->host;
    CPU *cpu = cpu_new(architecture(), 0, address_space_new(&w->root, "guest"), NULL, NULL, &err);
    g_assert_no_error(err);
    g->x = x86_cpu(cpu);
    w->tcg = tcg_state_new(&(TcgOptions){ .engine = engines[engine], .cache_bytes = 16 << 20 }, &err);
    g_assert_no_error(err);
    g_assert_true(tcg_vcpu_new(w->tcg, cpu, &err));
    cpu->ops = operations();
    tcg_mail_unpark(cpu->tcg);
    cpu_reset(cpu);
    g->x->x87_at_once = engine == GUEST_JIT; /* in lockstep after some as C, as machines have it */
    return g;
}

void guest_free(Guest *g)
{
    AddressSpace *as = g->x->cpu.as;
    GuestWires *w = g->wires;
    cpu_free(&g->x->cpu);
    tcg_state_free(w->tcg);
    address_space_free(as);
    memory_region_remove(&w->root, &w->ram);
    memory_region_finish(&w->ram);
    memory_region_finish(&w->root);
    g_free(w);
    g_free(g);
}

double guest_translation_ns(const Guest *g, uint64_t *insns)
{
    const TcgStats *s = &g->x->cpu.tcg->stats;
    *insns = s->guest_insns;
    return (double)s->sampled_ns / MAX(s->sampled_insns, 1u);
}
