/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The threads that run vCPUs: one for each (thread=multi), or one for all of them in turn (thread=single).
 * What others ask of them is accel/threads.h's; here is what they run, and how they sleep.
 *
 * A vCPU runs until it waits for an interrupt, or its slice is over while another one of its thread
 * wants to run (it ends before its time when the guest says that it spins: cpu_give_way()), or somebody kicks another vCPU of the thread (which then runs next: it was
 * sent an interrupt, and the sender probably waits for the answer), or the
 * thread is wanted for something else.  When one vCPU alone wants to run nothing interrupts it; when
 * none does the thread sleeps in a futex.
 *
 * The order that makes no request get lost: who wants something first writes it down
 * (interrupt, mail, `asked`), then sets exit_request of `current`, or wakes the sleeper.
 * The thread first publishes `current` (or `asleep`), then clears exit_request, then looks at
 * everything.  All of these are sequentially consistent.
 *
 * Interrupts are taken between blocks only, with the state of the vCPU complete.  The
 * registers of a vCPU belong to its thread while it runs, and to the main loop while
 * it is paused.
 *
 * Not modelled: instruction counting. */
#include "accel/tcg/loop.h"

#include <linux/futex.h>
#include <sched.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "accel/tcg/debug.h"
#include "accel/tcg/mail.h"
#include "accel/tcg/run.h"
#include "base/readers.h"

enum { SLICE_US = 2000, VAIN_WAITS = 16, NAP_US = 50, SPINS = 64 };

static uint32_t load(const uint32_t *p)
{
    return __atomic_load_n(p, __ATOMIC_SEQ_CST);
}

static void store(uint32_t *p, uint32_t v)
{
    __atomic_store_n(p, v, __ATOMIC_SEQ_CST);
}

static void futex_wait(uint32_t *word, uint32_t value)
{
    syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, value, NULL, NULL, 0);
}

static void futex_nap(uint32_t *word, uint32_t value, unsigned us)
{
    struct timespec t = { .tv_nsec = us * 1000 };
    syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, value, &t, NULL, 0);
}

static void futex_wake(uint32_t *word)
{
    syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
}

/* ---- attracting a thread ------------------------------------------------------------- */

void tcg_loop_attract(VcpuThread *base)
{
    TcgThread *t = tcg_thread_of(base);
    CPU *cpu = __atomic_load_n(&t->current, __ATOMIC_SEQ_CST);
    if (cpu) {
        store(&cpu->exit_request, 1);
    }
    if (__atomic_exchange_n(&t->asleep, 0, __ATOMIC_SEQ_CST)) {
        futex_wake(&t->asleep);
    }
}

void tcg_loop_kick(CPU *cpu)
{
    TcgThread *t = cpu->tcg->thread;
    if (t && __atomic_load_n(&t->current, __ATOMIC_SEQ_CST) != cpu) {
        __atomic_store_n(&t->kicked, cpu, __ATOMIC_SEQ_CST);
        tcg_loop_attract(&t->base);
    }
}

/* More threads than processors: whom it waits for may be one that the host does not run.  It spins for a microsecond or two
 * before it asks, in which the other one's work is mostly done if it does run. */
static void spin_on(TcgThread *t)
{
    if (t->loop->crowded && ++t->spins % SPINS == 0) {
        sched_yield();
    }
}

void cpu_give_way(CPU *cpu)
{
    TcgThread *t = cpu->tcg->thread;
    if (!t) {
        return;
    }
    if (load(&t->contended)) {
        store(&t->slice_over, 1);
        store(&cpu->exit_request, 1);
    }
    spin_on(t);
}

/* ---- running one vCPU --------------------------------------------------------------- */

static bool is_held(const CPU *cpu)
{
    return __atomic_load_n(&cpu->held, __ATOMIC_RELAXED);
}

static bool steps(const CPU *cpu)
{
    return cpu->singlestep && !cpu->stopped && !is_held(cpu);
}

static bool wants_to_run(CPU *cpu)
{
    return !cpu->stopped && !is_held(cpu) && (!cpu->halted || cpu->arch->has_work(cpu));
}

static void run_engine(TcgLoop *l, CPU *cpu)
{
    switch (l->state->opt.engine) {
    case TCG_JIT: tcg_run_jit(cpu); break;
    case TCG_INTERP: tcg_run_interp(cpu); break;
    default: tcg_run_lockstep(cpu); break;
    }
}

/* Is there a reason to leave this vCPU, or to run none at all? */
static bool must_leave(TcgThread *t, CPU *cpu)
{
    CPU *kicked = __atomic_load_n(&t->kicked, __ATOMIC_SEQ_CST);
    return vcpu_thread_is_asked(&t->base) || load(&t->slice_over) || (kicked && kicked != cpu) ||
           !wants_to_run(cpu);
}

/* A little sleep for a vCPU that looks for something again and again; what is sent to it wakes it.  RAM may be freed
 * meanwhile: its mail says so. */
static void nap(TcgThread *t, CPU *cpu)
{
    store(&t->asleep, 1);
    if (!load(&cpu->exit_request) && !vcpu_thread_is_asked(&t->base)) {
        memory_thread_sleep();
        futex_nap(&t->asleep, 1, NAP_US);
        memory_thread_wake();
        tcg_mail_look(cpu->tcg, true);
    }
    store(&t->asleep, 0);
}

/* Waits for interrupts that end at once, again and again, with none taken: firmware that polls a word in memory, with an
 * interrupt pending that it does not want. */
static bool waits_in_vain(CPU *cpu)
{
    return cpu->halted && ++cpu->tcg->vain_waits > VAIN_WAITS;
}

/* The cache has room again when the other vCPUs have come by. */
static bool waits_for_room(TcgVcpu *v)
{
    v->cache_full = v->cache_full && !tcg_cache_has_room(v->state->cache);
    return v->cache_full;
}

/* Until there is a reason to leave.  Whatever leaves translated code by cpu_loop_exit() comes
 * back to the sigsetjmp. */
static void run_until_left(TcgThread *t, CPU *cpu)
{
    TcgVcpu *v = cpu->tcg;
    if (sigsetjmp(v->exit_jmp, 0)) {
        v->frame = NULL;
        v->running = NULL;
        if (tcg_single(cpu)) {
            tcg_debug_single_done(cpu);
        }
    }
    for (;;) {
        store(&cpu->exit_request, 0);
        memory_quiescent();
        tcg_mail_look(v, true); /* behind it: what was freed there is in TLBs until here */
        if (must_leave(t, cpu)) {
            return;
        }
        if (waits_for_room(v)) {
            nap(t, cpu);
            continue;
        }
        if (waits_in_vain(cpu)) {
            if (load(&t->contended)) { /* another one's turn */
                v->vain_waits = 0;
                return;
            }
            nap(t, cpu);
        }
        cpu->halted = 0;
        v->alone = v->alone_next;
        v->alone_next = false;
        if (!tcg_single(cpu)) { /* a step ends behind the instruction, not in a handler */
            v->vain_waits = cpu->arch->take_interrupt(cpu) ? 0 : v->vain_waits;
            if (cpu->halted) { /* it was an order to wait for another one */
                continue;
            }
        }
        run_engine(t->loop, cpu);
        if (tcg_single(cpu)) {
            tcg_debug_single_done(cpu);
        }
    }
}

static void run_vcpu(TcgThread *t, CPU *cpu)
{
    tcg_mail_unpark(cpu->tcg);
    tcg_vcpu_current = cpu->tcg;
    cpu_set_current(cpu);
    __atomic_store_n(&t->current, cpu, __ATOMIC_SEQ_CST);
    tcg_debug_going_on(cpu);
    run_until_left(t, cpu);
    __atomic_store_n(&t->current, NULL, __ATOMIC_SEQ_CST);
    tcg_vcpu_current = NULL;
    cpu_set_current(NULL);
    tcg_mail_park(cpu->tcg);
}

/* ---- whose turn it is ------------------------------------------------------------------ */

/* Tell the ticker whether slices matter. */
static void set_contended(TcgThread *t, bool on)
{
    if (on != load(&t->contended)) {
        store(&t->contended, on);
        if (on) {
            futex_wake(&t->contended);
        }
    }
}

/* One that was kicked, else the next that wants to run. */
static CPU *choose(TcgThread *t)
{
    CPU *kicked = __atomic_exchange_n(&t->kicked, NULL, __ATOMIC_SEQ_CST), *best = NULL;
    unsigned count = t->cpus->len, wanting = 0, chosen = 0;
    for (unsigned i = 0; i < count; i++) {
        unsigned at = (t->next + i) % count;
        CPU *cpu = g_ptr_array_index(t->cpus, at);
        if (steps(cpu)) {
            cpu->halted = 0; /* a step over a wfi goes on behind it */
        }
        if (wants_to_run(cpu)) {
            wanting++;
            if (!best || cpu == kicked) {
                best = cpu;
                chosen = at;
            }
        }
    }
    if (best) {
        t->next = (chosen + 1) % count;
    }
    set_contended(t, wanting > 1);
    return best;
}

/* Sleep until somebody attracts the thread.  `asleep` stands before the last look. */
static void sleep_until_attracted(TcgThread *t)
{
    set_contended(t, false);
    store(&t->asleep, 1);
    bool idle = !vcpu_thread_is_asked(&t->base) && !__atomic_load_n(&t->kicked, __ATOMIC_SEQ_CST);
    for (unsigned i = 0; idle && i < t->cpus->len; i++) {
        idle = !wants_to_run(g_ptr_array_index(t->cpus, i));
    }
    if (idle) {
        memory_thread_sleep();
        while (load(&t->asleep)) {
            futex_wait(&t->asleep, 1);
        }
        memory_thread_wake();
    }
    store(&t->asleep, 0);
}

/* Cuts slices while more than one vCPU of the thread wants to run. */
static void *ticker_main(void *opaque)
{
    TcgThread *t = opaque;
    while (!load(&t->ticker_ends)) {
        if (!load(&t->contended)) {
            futex_wait(&t->contended, 0);
            continue;
        }
        g_usleep(SLICE_US);
        if (load(&t->contended)) {
            store(&t->slice_over, 1);
            tcg_loop_attract(&t->base);
        }
    }
    return NULL;
}

static void *thread_main(void *opaque)
{
    TcgThread *t = tcg_thread_of(opaque);
    vcpu_thread_begin(&t->base);
    while (vcpu_thread_serve(&t->base)) {
        store(&t->slice_over, 0);
        CPU *cpu = choose(t);
        if (cpu) {
            run_vcpu(t, cpu);
        } else {
            sleep_until_attracted(t);
        }
        if (vcpu_thread_is_asked(&t->base)) { /* it may stand for long */
            set_contended(t, false);
        }
    }
    memory_thread_unregister();
    return NULL;
}

/* ---- life, and the accelerator's entries -------------------------------------------------- */

static TcgThread *thread_new(TcgLoop *l)
{
    TcgThread *t = g_new0(TcgThread, 1);
    t->loop = l;
    t->cpus = g_ptr_array_new();
    vcpu_threads_add(&l->threads, &t->base);
    return t;
}

static void give(TcgThread *t, CPU *cpu)
{
    g_ptr_array_add(t->cpus, cpu);
    cpu->tcg->thread = t;
}

/* All of them are there before the first begins. */
static void make_threads(TcgLoop *l)
{
    if (l->state->opt.one_thread) {
        TcgThread *t = thread_new(l);
        for (unsigned i = 0; i < l->cpus->len; i++) {
            give(t, g_ptr_array_index(l->cpus, i));
        }
        return;
    }
    for (unsigned i = 0; i < l->cpus->len; i++) {
        give(thread_new(l), g_ptr_array_index(l->cpus, i));
    }
}

static bool start_thread(TcgThread *t, bool alone, GError **err)
{
    const CPU *first = g_ptr_array_index(t->cpus, 0);
    g_autofree char *name = alone ? g_strdup("vcpu") : g_strdup_printf("vcpu%u", first->index);
    if (!vcpu_thread_start(&t->base, name, thread_main, err)) {
        return false;
    }
    for (unsigned i = 0; i < t->cpus->len; i++) {
        CPU *cpu = g_ptr_array_index(t->cpus, i);
        cpu->thread_id = t->base.id;
    }
    if (t->cpus->len > 1) {
        t->ticker = vcpu_host_thread_new("vcpu-slices", ticker_main, t, err);
    }
    return t->cpus->len == 1 || t->ticker;
}

bool tcg_loop_start(Accel *a, GError **err)
{
    TcgLoop *l = container_of(a, TcgLoop, accel);
    make_threads(l);
    const GPtrArray *threads = l->threads.threads;
    l->crowded = threads->len > g_get_num_processors();
    for (unsigned i = 0; i < threads->len; i++) {
        TcgThread *t = tcg_thread_of(g_ptr_array_index(threads, i));
        if (!start_thread(t, threads->len == 1, err)) {
            return false;
        }
    }
    return true;
}

/* No thread runs a vCPU any more, so none kicks another's. */
static void free_thread(TcgThread *t)
{
    if (t->ticker) {
        store(&t->ticker_ends, 1);
        store(&t->contended, 1); /* for its futex_wait to return */
        futex_wake(&t->contended);
        g_thread_join(t->ticker);
    }
    for (unsigned i = 0; i < t->cpus->len; i++) {
        CPU *cpu = g_ptr_array_index(t->cpus, i);
        cpu->tcg->thread = NULL;
        cpu->thread_id = 0;
    }
    g_ptr_array_free(t->cpus, TRUE);
    g_free(t);
}

void tcg_loop_stop(TcgLoop *l)
{
    g_autoptr(GPtrArray) ended = g_ptr_array_copy(l->threads.threads, NULL, NULL);
    vcpu_threads_stop(&l->threads);
    for (unsigned i = 0; i < ended->len; i++) {
        free_thread(tcg_thread_of(g_ptr_array_index(ended, i)));
    }
}

void tcg_loop_resume(Accel *a)
{
    TcgLoop *l = container_of(a, TcgLoop, accel);
    vcpu_threads_resume(&l->threads);
}

void tcg_loop_pause(Accel *a)
{
    TcgLoop *l = container_of(a, TcgLoop, accel);
    vcpu_threads_pause(&l->threads);
}

void tcg_loop_run_on_cpu(CPU *cpu, void (*fn)(CPU *cpu, void *opaque), void *opaque)
{
    TcgThread *t = cpu->tcg->thread;
    g_assert(!t || !tcg_vcpu_current || vcpu_thread_is_current(&t->base)); /* two that wait for each other */
    vcpu_thread_run(t ? &t->base : NULL, cpu, fn, opaque);
}
