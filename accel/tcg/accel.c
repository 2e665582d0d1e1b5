/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The accelerators `tcg` (translates to host code) and `interp` (interprets the same
 * IR: a host without a back end, and the oracle in tests).
 * Their options: options.c. */
#include "accel/tcg/loop.h"
#include "accel/tcg/mail.h"
#include "accel/tcg/options.h"

/* ---- life -------------------------------------------------------------------------- */

static Accel *open_engine(EventLoop *loop, const AccelClass *class, TcgEngine engine,
                          const TcgAccelOptions *o, GError **err)
{
    TcgOptions opt = { .engine = o->lockstep ? TCG_LOCKSTEP : engine,
                       .cache_bytes = o->cache_bytes,
                       .perf_map = o->perf_map,
                       .one_insn = o->one_insn,
                       .one_thread = o->thread == TCG_THREAD_SINGLE };
    TcgState *state = tcg_state_new(&opt, err);
    if (!state) {
        g_prefix_error(err, "-accel %s: ", class->name);
        return NULL;
    }
    TcgLoop *l = g_new0(TcgLoop, 1);
    l->accel.class = class;
    l->accel.loop = loop;
    l->state = state;
    l->cpus = g_ptr_array_new();
    vcpu_threads_init(&l->threads, loop, tcg_loop_attract);
    return &l->accel;
}

static Accel *open_tcg(EventLoop *loop, const void *options, GError **err)
{
    return open_engine(loop, &tcg_accel_class, TCG_JIT, options, err);
}

static const char *tcg_unusable(void)
{
    return jit_backend ? NULL : "this program was built without a back end for its host's processor";
}

static Accel *open_interp(EventLoop *loop, const void *options, GError **err)
{
    return open_engine(loop, &interp_accel_class, TCG_INTERP, options, err);
}

static bool vcpu_init(Accel *a, CPU *cpu, GError **err)
{
    TcgLoop *l = container_of(a, TcgLoop, accel);
    g_assert(!l->threads.threads->len);
    if (!tcg_vcpu_new(l->state, cpu, err)) {
        return false;
    }
    g_ptr_array_add(l->cpus, cpu);
    return true;
}

static void vcpu_free(CPU *cpu)
{
    TcgLoop *l = container_of(cpu->accel, TcgLoop, accel);
    g_assert(!l->threads.threads->len);
    if (g_ptr_array_remove(l->cpus, cpu)) {
        tcg_vcpu_free(cpu);
    }
    accel_forget_vcpu(cpu);
}

static void accel_close(Accel *a)
{
    TcgLoop *l = container_of(a, TcgLoop, accel);
    tcg_loop_stop(l);
    for (unsigned i = 0; i < l->cpus->len; i++) {
        CPU *cpu = g_ptr_array_index(l->cpus, i);
        tcg_vcpu_free(cpu);
        accel_forget_vcpu(cpu); /* the machine outlives it by a moment: interrupts go nowhere */
    }
    vcpu_threads_finish(&l->threads);
    tcg_state_free(l->state);
    g_ptr_array_free(l->cpus, TRUE);
    g_free(l);
}

static void set_debug_hook(Accel *a, void (*fn)(CPU *cpu, void *opaque), void *opaque)
{
    TcgLoop *l = container_of(a, TcgLoop, accel);
    l->threads.debug_hook = fn;
    l->threads.debug_opaque = opaque;
}

/* The figures of a vCPU are its thread's: all stand still meanwhile.  A debugger's stop may be under way. */
static void accel_info(Accel *a, GString *out)
{
    TcgLoop *l = container_of(a, TcgLoop, accel);
    bool running = vcpu_threads_run(&l->threads);
    tcg_loop_pause(a);
    tcg_state_info(l->state, out);
    if (running) {
        tcg_loop_resume(a);
    }
}

/* ---- the debugger's lists, while the vCPUs are paused ---------------------------------- */

/* A breakpoint is a call in the block of its instruction. */
static void breakpoints_changed(CPU *cpu)
{
    TcgVcpu *v = cpu->tcg;
    if (v) {
        lock_take(&v->state->index.lock);
        tcg_index_drop_all(&v->state->index);
        lock_release(&v->state->index.lock);
    }
}

/* A watchpoint stands in the tags of its page. */
static void watchpoints_changed(CPU *cpu)
{
    if (cpu->tcg) {
        tcg_mail_flush(cpu->tcg->state);
    }
}

static void also_sees(CPU *cpu, AddressSpace *as)
{
    tcg_listen_also(cpu->tcg->state, as);
}

static const VcpuOps vcpu_ops = {
    .free = vcpu_free,
    .kick = tcg_loop_kick,
    .run_on_cpu = tcg_loop_run_on_cpu,
    .breakpoints_changed = breakpoints_changed,
    .watchpoints_changed = watchpoints_changed,
    .mmu_changed = tcg_mmu_changed,
    .flush = tcg_flush,
    .also_sees = also_sees,
};

/* clang-format off */
#define LOOP_ENTRIES                                                                          \
    .vcpu_init = vcpu_init, .vcpu_ops = &vcpu_ops, .start = tcg_loop_start,                   \
    .resume = tcg_loop_resume, .pause = tcg_loop_pause, .set_debug_hook = set_debug_hook,     \
    .info = accel_info, .close = accel_close

const AccelClass tcg_accel_class = {
    .name = "tcg", .desc = "translates guest code to host code", .unusable = tcg_unusable,
    .options = &tcg_options_shape, .open = open_tcg, LOOP_ENTRIES,
};
const AccelClass interp_accel_class = {
    .name = "interp", .desc = "interprets guest code: slow, for tests", .options = &interp_options_shape, .open = open_interp,
    LOOP_ENTRIES,
};
