/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The threads that run vCPUs: one for each (thread=multi), or one for all of them in turn (thread=single).
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

typedef struct Work {
    CPU *cpu;
    void (*fn)(CPU *cpu, void *opaque);
    void *opaque;
    bool done; /* under the lock */
} Work;

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

/* ---- asking a thread ------------------------------------------------------------- */

/* Have the thread come round: from its sleep, or from the vCPU that it runs. */
static void attract(TcgThread *t)
{
    CPU *cpu = __atomic_load_n(&t->current, __ATOMIC_SEQ_CST);
    if (cpu) {
        store(&cpu->exit_request, 1);
    }
    if (__atomic_exchange_n(&t->asleep, 0, __ATOMIC_SEQ_CST)) {
        futex_wake(&t->asleep);
    }
}

static void ask(TcgThread *t)
{
    store(&t->asked, 1);
    attract(t);
}

static void ask_all(TcgLoop *l)
{
    for (unsigned i = 0; i < l->threads->len; i++) {
        ask(g_ptr_array_index(l->threads, i));
    }
}

void tcg_loop_kick(CPU *cpu)
{
    TcgThread *t = cpu->tcg->thread;
    if (t && __atomic_load_n(&t->current, __ATOMIC_SEQ_CST) != cpu) {
        __atomic_store_n(&t->kicked, cpu, __ATOMIC_SEQ_CST);
        attract(t);
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

static bool in_thread(const TcgThread *t)
{
    return t->thread == g_thread_self();
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
    return load(&t->asked) || load(&t->slice_over) || (kicked && kicked != cpu) || !wants_to_run(cpu);
}

/* A little sleep for a vCPU that looks for something again and again; what is sent to it wakes it.  RAM may be freed
 * meanwhile: its mail says so. */
static void nap(TcgThread *t, CPU *cpu)
{
    store(&t->asleep, 1);
    if (!load(&cpu->exit_request) && !load(&t->asked)) {
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
    bool idle = !load(&t->asked) && !__atomic_load_n(&t->kicked, __ATOMIC_SEQ_CST);
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
    while (!__atomic_load_n(&t->loop->quit, __ATOMIC_SEQ_CST)) {
        if (!load(&t->contended)) {
            futex_wait(&t->contended, 0);
            continue;
        }
        g_usleep(SLICE_US);
        if (load(&t->contended)) {
            store(&t->slice_over, 1);
            attract(t);
        }
    }
    return NULL;
}

/* ---- what others asked for ------------------------------------------------------------ */

static void do_work(TcgThread *t)
{
    TcgLoop *l = t->loop;
    Work *w;
    while ((w = g_queue_pop_head(&t->work))) {
        lock_release(&l->lock);
        w->fn(w->cpu, w->opaque);
        lock_take(&l->lock);
        w->done = true;
        g_cond_broadcast(&l->done);
    }
}

/* Under the lock: the thread stands until resume, work or the end. */
static void stand_still(TcgThread *t)
{
    TcgLoop *l = t->loop;
    lock_assert_held(&l->lock);
    memory_thread_sleep();
    while (l->pause && !l->quit && g_queue_is_empty(&t->work)) {
        if (!t->paused) { /* again after a resume and a pause that came while this slept */
            t->paused = true;
            g_cond_broadcast(&l->done);
        }
        lock_wait(&l->done, &l->lock);
    }
    memory_thread_wake();
    t->paused = false;
}

/* Under the lock: a vCPU of this thread has stopped.  If another thread's did so at the same time the debugger is told
 * of that one alone: this one stops there again when it goes on. */
static void debugger_stop(TcgThread *t)
{
    TcgLoop *l = t->loop;
    if (!l->debug_told) {
        l->debug_told = t->debug_cpu;
        bh_schedule(l->debug_bh);
    } else {
        t->debug_cpu->watch_hit_kind = 0; /* its access has not been told */
    }
    t->debug_cpu = NULL;
    l->pause = true;
    ask_all(l);
}

/* False: the thread ends. */
static bool serve(TcgThread *t)
{
    TcgLoop *l = t->loop;
    lock_take(&l->lock);
    if (t->debug_cpu) {
        debugger_stop(t); /* asks this thread, too */
    }
    store(&t->asked, 0);
    do_work(t);
    while (l->pause && !l->quit) {
        set_contended(t, false);
        stand_still(t);
        do_work(t);
    }
    bool go_on = !l->quit;
    lock_release(&l->lock);
    return go_on;
}

static void say_id(TcgThread *t)
{
    lock_take(&t->loop->lock);
    t->id = gettid();
    g_cond_broadcast(&t->loop->done);
    lock_release(&t->loop->lock);
}

static void *thread_main(void *opaque)
{
    TcgThread *t = opaque;
    memory_thread_register();
    say_id(t);
    while (serve(t)) {
        store(&t->slice_over, 0);
        CPU *cpu = choose(t);
        if (cpu) {
            run_vcpu(t, cpu);
        } else {
            sleep_until_attracted(t);
        }
    }
    memory_thread_unregister();
    return NULL;
}

/* ---- life, and the accelerator's entries -------------------------------------------------- */

static GThread *start_thread(const char *name, GThreadFunc fn, TcgThread *t, GError **err)
{
    g_autoptr(GError) why = NULL;
    GThread *thread = g_thread_try_new(name, fn, t, &why);
    if (!thread) {
        g_set_error(err, why->domain, why->code,
                    "no thread can be started for the vCPUs: %s; raise the limit, "
                    "e.g. with ulimit -u 4096",
                    why->message);
    }
    return thread;
}

static TcgThread *thread_new(TcgLoop *l)
{
    TcgThread *t = g_new0(TcgThread, 1);
    t->loop = l;
    t->cpus = g_ptr_array_new();
    g_queue_init(&t->work);
    g_ptr_array_add(l->threads, t);
    return t;
}

static void give(TcgThread *t, CPU *cpu)
{
    g_ptr_array_add(t->cpus, cpu);
    cpu->tcg->thread = t;
}

/* Under the lock: that all of it is there before any thread looks. */
static void make_threads(TcgLoop *l)
{
    l->pause = true;
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

/* For listings, whether the vCPUs run or stand. */
static void learn_id(TcgThread *t)
{
    TcgLoop *l = t->loop;
    lock_take(&l->lock);
    while (!t->id) {
        lock_wait(&l->done, &l->lock);
    }
    for (unsigned i = 0; i < t->cpus->len; i++) {
        CPU *cpu = g_ptr_array_index(t->cpus, i);
        cpu->thread_id = t->id;
    }
    lock_release(&l->lock);
}

static bool start_threads(TcgThread *t, GError **err)
{
    const CPU *first = g_ptr_array_index(t->cpus, 0);
    g_autofree char *name =
        t->loop->threads->len > 1 ? g_strdup_printf("vcpu%u", first->index) : g_strdup("vcpu");
    t->paused = true;
    t->thread = start_thread(name, thread_main, t, err);
    if (!t->thread) {
        return false;
    }
    learn_id(t);
    if (t->cpus->len > 1) {
        t->ticker = start_thread("vcpu-slices", ticker_main, t, err);
    }
    return t->cpus->len == 1 || t->ticker;
}

bool tcg_loop_start(Accel *a, GError **err)
{
    TcgLoop *l = container_of(a, TcgLoop, accel);
    make_threads(l);
    l->crowded = l->threads->len > g_get_num_processors();
    for (unsigned i = 0; i < l->threads->len; i++) {
        if (!start_threads(g_ptr_array_index(l->threads, i), err)) {
            return false;
        }
    }
    return true;
}

static void join_thread(const TcgThread *t)
{
    if (t->thread) {
        g_thread_join(t->thread);
    }
}

/* No thread runs a vCPU any more, so none kicks another's. */
static void free_thread(TcgThread *t)
{
    if (t->ticker) {
        store(&t->contended, 1); /* for its futex_wait to return; it sees `quit` */
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
    lock_take(&l->lock);
    __atomic_store_n(&l->quit, true, __ATOMIC_SEQ_CST);
    g_cond_broadcast(&l->done);
    lock_release(&l->lock);
    ask_all(l);
    for (unsigned i = 0; i < l->threads->len; i++) {
        join_thread(g_ptr_array_index(l->threads, i));
    }
    for (unsigned i = 0; i < l->threads->len; i++) {
        free_thread(g_ptr_array_index(l->threads, i));
    }
    g_ptr_array_set_size(l->threads, 0);
}

/* Nobody has been told, and somebody else lets the vCPUs go on: what the vCPU stopped for comes again. */
static void forget_debugger_stop(TcgLoop *l)
{
    if (l->debug_told) {
        l->debug_told->watch_hit_kind = 0;
        l->debug_told = NULL;
    }
}

void tcg_loop_resume(Accel *a)
{
    TcgLoop *l = container_of(a, TcgLoop, accel);
    lock_take(&l->lock);
    l->pause = false;
    forget_debugger_stop(l);
    for (unsigned i = 0; i < l->threads->len; i++) {
        TcgThread *t = g_ptr_array_index(l->threads, i);
        t->paused = false;
    }
    g_cond_broadcast(&l->done);
    lock_release(&l->lock);
}

static bool all_paused(const TcgLoop *l)
{
    for (unsigned i = 0; i < l->threads->len; i++) {
        const TcgThread *t = g_ptr_array_index(l->threads, i);
        if (!t->paused) {
            return false;
        }
    }
    return true;
}

void tcg_loop_pause(Accel *a)
{
    TcgLoop *l = container_of(a, TcgLoop, accel);
    lock_take(&l->lock);
    l->pause = true;
    for (unsigned i = 0; i < l->threads->len; i++) {
        TcgThread *t = g_ptr_array_index(l->threads, i);
        g_assert(!in_thread(t));
        if (!t->paused) {
            ask(t);
        }
    }
    while (!all_paused(l)) {
        event_loop_wait(l->accel.loop, &l->done, &l->lock);
    }
    lock_release(&l->lock);
}

void tcg_loop_run_on_cpu(CPU *cpu, void (*fn)(CPU *cpu, void *opaque), void *opaque)
{
    TcgLoop *l = tcg_loop_of(cpu);
    TcgThread *t = cpu->tcg->thread;
    Work w = { .cpu = cpu, .fn = fn, .opaque = opaque };
    if (!t || in_thread(t)) {
        fn(cpu, opaque);
        return;
    }
    g_assert(!tcg_vcpu_current);
    lock_take(&l->lock);
    if (t->paused && event_loop_is_current(l->accel.loop)) { /* only the main loop resumes: it stays paused */
        lock_release(&l->lock);
        fn(cpu, opaque);
        return;
    }
    g_queue_push_tail(&t->work, &w);
    ask(t);
    g_cond_broadcast(&l->done);
    while (!w.done) {
        event_loop_wait(l->accel.loop, &l->done, &l->lock);
    }
    lock_release(&l->lock);
}

static CPU *debugger_stop_of(TcgLoop *l)
{
    lock_take(&l->lock);
    CPU *cpu = l->debug_told;
    lock_release(&l->lock);
    return cpu;
}

void tcg_loop_tell_debugger(void *opaque)
{
    TcgLoop *l = opaque;
    CPU *cpu = debugger_stop_of(l);
    if (!cpu) { /* they went on before */
        return;
    }
    tcg_loop_pause(&l->accel); /* they stand, or are about to */
    lock_take(&l->lock);
    l->debug_told = NULL;
    lock_release(&l->lock);
    if (l->debug_hook) {
        l->debug_hook(cpu, l->debug_opaque);
    }
}
