/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The vCPU loop and the contract of translators and memory, on a toy guest, for every
 * accelerator: faults, interrupts, wfi, round robin, pause, kicks, changed code,
 * contexts, breakpoints, watchpoints, steps. */
#include <string.h>

#include "target/vcpu.h"
#include "tests/patience.h"
#include "base/event_loop.h"
#include "toyguest.h"

static const char *accel_name = "interp", *accel_options;

#define CODE(t, addr, ...)                                                                                   \
    do {                                                                                                     \
        const uint32_t words[] = { __VA_ARGS__ };                                                            \
        tg_code(t, addr, words, G_N_ELEMENTS(words));                                                        \
    } while (0)

/* r15 = device, and its DONE register is written: `done` counts, then the vCPU sleeps. */
#define DEVICE tg_li(15, 0x0f), tg(TG_SHL, 15, 15, 28)
#define FINISH tg(TG_ST, 0, 15, TG_DONE / 8), tg(TG_WFI, 0, 0, 0), tg(TG_BNZ, 15, 0, -2)

/* How far an endless loop came: vCPU n finds the address of its word in r4 from the start, and
 * stores what it counts there. */
enum { PROGRESS = 0x20000 };

static TgMachine *machine(unsigned cpus)
{
    TgMachine *t = tg_machine_new(accel_name, accel_options, cpus);
    for (unsigned i = 0; i < cpus; i++) {
        tg_cpu(t, i)->s.r[4] = PROGRESS + 64 * i;
    }
    return t;
}

static bool wait_progress(TgMachine *t, unsigned n, uint32_t count)
{
    return tg_wait((const uint32_t *)tg_ram(t, PROGRESS + 64 * n), count);
}

static void resume(TgMachine *t)
{
    t->accel->class->resume(t->accel);
}

static void pause_all(TgMachine *t)
{
    t->accel->class->pause(t->accel);
}

/* Until vCPU n sleeps in a wfi and nothing is left to wake it. */
static bool wait_asleep(TgMachine *t, unsigned n)
{
    gint64 end = g_get_monotonic_time() + TEST_PATIENCE_US;
    bool asleep = false;
    while (!asleep && g_get_monotonic_time() < end) {
        pause_all(t); /* its registers can be looked at */
        asleep = tg_cpu(t, n)->cpu.halted && !t->m.cpus[n]->arch->has_work(t->m.cpus[n]);
        resume(t);
        g_usleep(100);
    }
    return asleep;
}

static void run(TgMachine *t, uint32_t done)
{
    resume(t);
    g_assert_true(tg_wait(&t->done, done));
    pause_all(t);
}

/* ---- plain running ------------------------------------------------------------------ */

static void test_sum(void)
{
    TgMachine *t = machine(1);
    CODE(t, TG_CODE, tg_li(1, 1000), tg_li(2, 0), DEVICE);
    CODE(t, TG_CODE + 16, tg(TG_ADD, 2, 2, 1), tg(TG_ADDI, 1, 1, -1), tg(TG_BNZ, 1, 0, -2), FINISH);
    run(t, 1);
    g_assert_cmpuint(tg_cpu(t, 0)->s.r[2], ==, 500500);
    tg_machine_free(t);
}

static void test_page_crossing(void)
{
    TgMachine *t = machine(1);
    CODE(t, TG_CODE, DEVICE, tg_li(1, 0x1fff), tg(TG_SHL, 1, 1, 4), tg(TG_ADDI, 1, 1, 13), tg_li(2, -2),
         tg(TG_ST, 2, 1, 0), tg(TG_LD, 3, 1, 0), tg(TG_LD, 4, 15, 5), FINISH);
    run(t, 1);
    uint64_t v;
    memcpy(&v, tg_ram(t, 0x1fffd), 8);
    g_assert_cmphex(v, ==, (uint64_t)-2);
    g_assert_cmphex(tg_cpu(t, 0)->s.r[3], ==, (uint64_t)-2);
    g_assert_cmphex(tg_cpu(t, 0)->s.r[4], ==, 0x1234);
    tg_machine_free(t);
}

/* ---- exceptions ------------------------------------------------------------------------ */

/* What raise_fault() is told besides. */
typedef struct Told {
    MmuAccess access;
    MemOp mop;
    uint64_t code;
} Told;

static void check_fault(const uint32_t *words, unsigned n, enum TgCause cause, uint64_t epc, uint64_t bad,
                        Told told)
{
    TgMachine *t = machine(1);
    CODE(t, TG_VECTOR, tg(TG_GETCAUSE, 10, 0, 0), tg(TG_GETCAUSE, 11, 0, 1), tg(TG_GETCAUSE, 12, 0, 2),
         DEVICE, FINISH);
    tg_code(t, TG_CODE, words, n);
    run(t, 1);
    TgCPU *cpu = tg_cpu(t, 0);
    g_assert_cmpuint(cpu->s.r[10], ==, cause);
    g_assert_cmphex(cpu->s.r[11], ==, bad);
    g_assert_cmphex(cpu->s.r[12], ==, epc);
    g_assert_cmpuint(cpu->fault_access, ==, told.access);
    g_assert_cmpuint(cpu->fault_mop, ==, told.mop);
    g_assert_cmphex(cpu->fault_code, ==, told.code);
    g_assert_cmpuint(cpu->s.r[1], ==, 5); /* what came before the fault, not what comes behind */
    tg_machine_free(t);
}

static void test_faults(void)
{
    const uint32_t bus[] = { tg_li(1, 5), tg_li(2, 0x100), tg(TG_LD, 1, 2, 0), tg_li(1, 6) };
    check_fault(bus, 4, TG_CAUSE_BUS, TG_CODE + 8, 0x100, (Told){ MMU_READ, MEM_64, 0 });
    const uint32_t store[] = { tg_li(1, 5), tg_li(2, 0x100), tg(TG_ST, 1, 2, 1), tg_li(1, 6) };
    check_fault(store, 4, TG_CAUSE_BUS, TG_CODE + 8, 0x108, (Told){ MMU_WRITE, MEM_64, 0 });
    const uint32_t mmu[] = { tg_li(1, 5),           tg_li(2, 1),         tg(TG_SHL, 2, 2, 30),
                             tg_li(3, 0x4000),      tg(TG_ADD, 2, 2, 3), tg(TG_ADD, 2, 2, 3),
                             tg(TG_ADDI, 2, 2, -4), tg(TG_ST, 1, 2, 0) };
    check_fault(mmu, 8, TG_CAUSE_MMU, TG_CODE + 28, TG_SPACE_BASE + 0x8000,
                (Told){ MMU_WRITE, MEM_64, TG_FAULT_CODE });
    const uint32_t illegal[] = { tg_li(1, 5), tg(TG_ILLEGAL, 0, 0, 0), tg_li(1, 6) };
    check_fault(illegal, 3, TG_CAUSE_ILLEGAL, TG_CODE + 4, 0, (Told){ 0 });
    const uint32_t fetch[] = { tg_li(1, 5), tg_li(2, 0x200), tg(TG_JR, 2, 0, 0) };
    check_fault(fetch, 3, TG_CAUSE_BUS, 0x200, 0x200, (Told){ MMU_EXEC, 0, 0 });
}

/* ---- vectors ---------------------------------------------------------------------------- */

/* A controller with a queue of vectors. */
typedef struct Vectors {
    uint8_t queue[64];
    uint32_t put, taken; /* atomic */
} Vectors;

static bool vector_pending(void *opaque)
{
    Vectors *v = opaque;
    return __atomic_load_n(&v->put, __ATOMIC_SEQ_CST) != v->taken;
}

static int vector_acknowledge(void *opaque)
{
    Vectors *v = opaque;
    return vector_pending(v) ? v->queue[v->taken++] : -1;
}

/* Each wakes the vCPU from its wait, once, and the handler learns which it was. */
static void test_vectors(void)
{
    Vectors v = { { 0 } };
    IntSource source = { vector_pending, vector_acknowledge, &v };
    TgMachine *t = machine(1);
    TgCPU *cpu = tg_cpu(t, 0);
    CODE(t, TG_VECTOR, tg(TG_GETCAUSE, 11, 0, 1), tg(TG_ST, 11, 15, TG_LOG / 8),
         tg(TG_ST, 0, 15, TG_DONE / 8), tg(TG_IRET, 0, 0, 0));
    CODE(t, TG_CODE, DEVICE, tg(TG_EI, 0, 0, 1), tg(TG_WFI, 0, 0, 0), tg(TG_BNZ, 15, 0, -1));
    cpu->cpu.int_source = &source;
    resume(t);
    for (unsigned i = 0; i < G_N_ELEMENTS(v.queue); i++) {
        v.queue[i] = 0x20 + 3 * i;
        __atomic_store_n(&v.put, i + 1, __ATOMIC_SEQ_CST);
        cpu_request_exit(&cpu->cpu);
        g_assert_true(tg_wait(&t->done, i + 1));
        g_assert_cmpuint(t->log[i], ==, v.queue[i]);
    }
    pause_all(t);
    g_assert_cmpuint(cpu->taken, ==, G_N_ELEMENTS(v.queue));
    g_assert_cmpuint(v.taken, ==, G_N_ELEMENTS(v.queue));
    tg_machine_free(t);
}

/* ---- interrupts ---------------------------------------------------------------------------- */

#define HANDLER                                                                                              \
    tg(TG_CLEARIRQ, 0, 0, 0), tg(TG_ADDI, 9, 9, 1), tg(TG_ST, 0, 15, TG_DONE / 8), tg(TG_IRET, 0, 0, 0)

static void raise_irq(TgMachine *t, unsigned n)
{
    __atomic_store_n(&tg_cpu(t, n)->s.irq, 1, __ATOMIC_SEQ_CST);
    cpu_request_exit(&tg_cpu(t, n)->cpu);
}

/* An endless loop hears of an interrupt, and goes on behind it. */
static void test_interrupt_loop(void)
{
    TgMachine *t = machine(1);
    CODE(t, TG_VECTOR, HANDLER);
    CODE(t, TG_CODE, DEVICE, tg(TG_EI, 0, 0, 1), tg_li(1, 1));
    CODE(t, TG_CODE + 16, tg(TG_ADDI, 2, 2, 1), tg(TG_ST, 2, 4, 0), tg(TG_BNZ, 1, 0, -2));
    resume(t);
    for (unsigned i = 1; i <= 20; i++) {
        uint32_t count = *(const uint32_t *)tg_ram(t, PROGRESS);
        g_assert_true(wait_progress(t, 0, count + 1)); /* it is in the loop */
        raise_irq(t, 0);
        g_assert_true(tg_wait(&t->done, i));
    }
    pause_all(t);
    g_assert_cmpuint(tg_cpu(t, 0)->s.r[9], ==, 20);
    tg_machine_free(t);
}

static void test_wfi(void)
{
    TgMachine *t = machine(1);
    CODE(t, TG_VECTOR, HANDLER);
    CODE(t, TG_CODE, DEVICE, tg(TG_EI, 0, 0, 1), tg_li(1, 1), tg(TG_WFI, 0, 0, 0), tg(TG_ADDI, 2, 2, 1),
         tg(TG_BNZ, 1, 0, -2));
    resume(t);
    g_assert_true(wait_asleep(t, 0));
    for (unsigned i = 1; i <= 50; i++) {
        raise_irq(t, 0);
        g_assert_true(tg_wait(&t->done, i));
    }
    g_assert_true(wait_asleep(t, 0));
    pause_all(t);
    TgCPU *cpu = tg_cpu(t, 0);
    g_assert_cmpuint(cpu->taken, ==, 50);
    g_assert_cmpuint(cpu->s.r[2], >=, 1);
    g_assert_cmpuint(cpu->s.r[2], <=, 50); /* it slept in between */
    tg_machine_free(t);
}

/* ---- several vCPUs ------------------------------------------------------------------------- */

/* Each waits in a loop for a flag that the next one sets: slices or kicks must turn it. */
static void test_round_robin(void)
{
    TgMachine *t = machine(3);
    CODE(t, TG_CODE, DEVICE, tg(TG_ADDI, 2, 2, 1), tg(TG_LD, 3, 4, 0), tg(TG_BNZ, 3, 0, 2),
         tg(TG_BNZ, 15, 0, -3), tg(TG_ST, 15, 5, 0), FINISH);
    for (unsigned i = 0; i < 3; i++) {
        tg_cpu(t, i)->s.r[4] = 0x20000 + 64 * i;             /* mine */
        tg_cpu(t, i)->s.r[5] = 0x20000 + 64 * ((i + 2) % 3); /* the one before */
    }
    memset(tg_ram(t, 0x20000), 0, 256);
    tg_ram(t, 0x20000 + 128)[0] = 1;
    run(t, 3);
    g_assert_cmpuint(tg_cpu(t, 0)->s.r[2], >, 0);
    tg_machine_free(t);
}

/* Two hand a number to and fro, and say so when they wait for it: a slice for each turn would take longer than the
 * test's patience. */
static void test_give_way(void)
{
    enum { TURNS = 100000 };
    TgMachine *t = machine(2);
    CODE(t, TG_CODE, tg_li(8, 1), tg(TG_SPIN, 0, 0, 0), tg(TG_LD, 6, 4, 0), tg(TG_ADD, 7, 6, 5),
         tg(TG_BNZ, 7, 0, -3), tg(TG_ST, 1, 4, 0), tg(TG_ADDI, 1, 1, 2), tg(TG_ADDI, 5, 5, -2),
         tg(TG_BNZ, 8, 0, -7));
    for (unsigned i = 0; i < 2; i++) {
        TgCPU *cpu = tg_cpu(t, i);
        cpu->s.r[1] = i + 1;        /* what it stores ... */
        cpu->s.r[5] = -(uint64_t)i; /* ... once this and the number are zero together */
        cpu->s.r[4] = PROGRESS;
    }
    resume(t);
    g_assert_true(wait_progress(t, 0, TURNS));
    pause_all(t);
    tg_machine_free(t);
}

/* vCPU 0 sends vCPU 1 an interrupt and spins until it was handled, many times. */
static void test_ipi(void)
{
    TgMachine *t = machine(2);
    CODE(t, TG_VECTOR, tg(TG_CLEARIRQ, 0, 0, 0), tg(TG_ADDI, 9, 9, 1), tg(TG_ST, 9, 5, 0),
         tg(TG_IRET, 0, 0, 0));
    CODE(t, TG_CODE, DEVICE, tg_li(1, 1), tg_li(6, 200));
    CODE(t, TG_CODE + 16, tg(TG_ST, 1, 15, TG_IRQ_SET / 8), tg(TG_ADDI, 7, 7, 1));
    /* r10 = handled - sent; r11 = -sent */
    CODE(t, TG_CODE + 24, tg(TG_LD, 3, 5, 0), tg(TG_ADD, 10, 3, 11), tg(TG_BNZ, 10, 0, 2),
         tg(TG_BNZ, 15, 0, 3), tg(TG_ADDI, 12, 12, 1), tg(TG_BNZ, 15, 0, -5), tg(TG_ADDI, 11, 11, -1),
         tg(TG_ST, 12, 15, TG_LOG / 8), tg(TG_ADDI, 6, 6, -1), tg(TG_BNZ, 6, 0, -11), FINISH);
    uint64_t other = 0x14000;
    CODE(t, other, DEVICE, tg(TG_EI, 0, 0, 1), tg(TG_WFI, 0, 0, 0), tg(TG_BNZ, 15, 0, -1));
    tg_cpu(t, 0)->s.r[5] = tg_cpu(t, 1)->s.r[5] = 0x20000;
    tg_cpu(t, 0)->s.r[11] = -1;
    tg_cpu(t, 1)->s.pc = other;
    run(t, 1);
    g_assert_cmpuint(tg_cpu(t, 1)->taken, ==, 200);
    /* one thread: a kick runs the receiver at once, where a slice would be thousands of rounds of waiting; on a
     * busy host a slice may end in the middle of some handlers */
    unsigned at_once = 0, kept = G_N_ELEMENTS(t->log);
    for (unsigned i = 1; i < kept; i++) { /* the last ones; a ring */
        uint64_t rounds = t->log[(t->logged + i) % kept] - t->log[(t->logged + i - 1) % kept];
        at_once += rounds < 200;
    }
    if (accel_options && strstr(accel_options, "thread=single")) {
        g_assert_cmpuint(at_once, >, kept / 2);
    }
    tg_machine_free(t);
}

/* ---- pause, work ----------------------------------------------------------------------------- */

static void add_r3(CPU *cpu, void *opaque)
{
    ((TgCPU *)cpu)->s.r[3] += *(int *)opaque;
}

static void test_pause_resume(void)
{
    TgMachine *t = machine(2);
    CODE(t, TG_CODE, tg_li(1, 1), tg(TG_ADDI, 2, 2, 1), tg(TG_ST, 2, 4, 0), tg(TG_BNZ, 1, 0, -2));
    int one = 1;
    for (unsigned i = 0; i < 200; i++) {
        uint32_t before = tg_cpu(t, 0)->s.r[2];
        resume(t);
        if (i % 10 == 0) {
            g_assert_true(wait_progress(t, 0, before + 1));
        }
        if (i % 3 == 0) {
            cpu_run(&tg_cpu(t, i & 1)->cpu, add_r3, &one);
        }
        pause_all(t);
        uint64_t count = tg_cpu(t, 0)->s.r[2];
        cpu_run(&tg_cpu(t, 0)->cpu, add_r3, &one);
        g_assert_cmpuint(tg_cpu(t, 0)->s.r[2], ==, count); /* it stands */
    }
    g_assert_cmpuint(tg_cpu(t, 0)->s.r[3] + tg_cpu(t, 1)->s.r[3], ==, 267);
    tg_machine_free(t);
}

/* A vCPU that sleeps or is stopped can be paused, and does work. */
static void test_pause_asleep(void)
{
    TgMachine *t = machine(2);
    CODE(t, TG_CODE, DEVICE, FINISH);
    tg_cpu(t, 1)->cpu.stopped = true;
    int one = 1;
    for (unsigned i = 1; i < 20; i++) {
        resume(t);
        g_assert_true(tg_wait(&t->done, 1));
        cpu_run(&tg_cpu(t, 1)->cpu, add_r3, &one);
        pause_all(t);
    }
    g_assert_cmpuint(t->done, ==, 1);
    g_assert_cmpuint(tg_cpu(t, 1)->s.r[3], ==, 19);
    g_assert_cmphex(tg_cpu(t, 1)->s.pc, ==, TG_CODE);
    tg_machine_free(t);
}

/* ---- code and mappings that change --------------------------------------------------------------- */

/* The guest writes over a function it has run, in its own page and in another one. */
static void test_changed_by_guest(void)
{
    TgMachine *t = machine(1);
    uint64_t fn = 0x14000;
    CODE(t, fn, tg(TG_ADDI, 2, 2, 1), tg(TG_JR, 7, 0, 0));
    CODE(t, TG_CODE, DEVICE, tg_li(7, 0x1200), tg(TG_SHL, 7, 7, 4), tg(TG_ADDI, 7, 7, 24),
         tg(TG_JR, 8, 0, 0));
    /* here at +24: */
    CODE(t, TG_CODE + 24, tg(TG_ADDI, 7, 7, 12), tg(TG_ST32, 9, 8, 0), tg(TG_JR, 8, 0, 0), FINISH);
    tg_cpu(t, 0)->s.r[8] = fn;
    tg_cpu(t, 0)->s.r[9] = tg(TG_ADDI, 2, 2, 100);
    run(t, 1);
    g_assert_cmpuint(tg_cpu(t, 0)->s.r[2], ==, 101);
    tg_machine_free(t);
}

/* A block's store changes what stands behind it in the block.  Each instruction runs once. */
static uint64_t run_changing_itself(const CPUArch *arch, bool atomic_pair)
{
    TgMachine *t = tg_machine_new_of(arch, accel_name, accel_options, 1);
    CODE(t, TG_CODE, DEVICE, tg(TG_ADDI, 1, 1, 1), tg(atomic_pair ? TG_ST : TG_ST32, 9, 8, 0),
         tg(TG_ADDI, 3, 3, 1), tg(TG_ADDI, 2, 2, 1), tg(TG_ADDI, 5, 5, 1), FINISH);
    tg_cpu(t, 0)->s.r[8] = TG_CODE + 20;
    tg_cpu(t, 0)->s.r[9] = tg(TG_ADDI, 2, 2, 100) | (uint64_t)tg(TG_ADDI, 5, 5, 50) << 32;
    run(t, 1);
    g_assert_cmpuint(tg_cpu(t, 0)->s.r[1], ==, 1);
    g_assert_cmpuint(tg_cpu(t, 0)->s.r[3], ==, 1);
    uint64_t sum = tg_cpu(t, 0)->s.r[2] + tg_cpu(t, 0)->s.r[5];
    tg_machine_free(t);
    return sum;
}

static void test_changes_itself(void)
{
    g_assert_cmpuint(run_changing_itself(&tg_coherent_arch, false), ==, 101);
    g_assert_cmpuint(run_changing_itself(&tg_coherent_arch, true), ==, 150);
}

/* A device writes over code that a vCPU is running in a loop. */
static void test_changed_by_dma(void)
{
    TgMachine *t = machine(1);
    CODE(t, TG_CODE, DEVICE, tg_li(1, 1));
    CODE(t, TG_CODE + 12, tg(TG_ADDI, 2, 2, 1), tg(TG_ST, 2, 4, 0), tg(TG_BNZ, 1, 0, -2), FINISH);
    resume(t);
    g_assert_true(wait_progress(t, 0, 2)); /* round the loop at least once */
    CODE(t, TG_CODE + 12, tg_li(1, 0));
    g_assert_true(tg_wait(&t->done, 1));
    pause_all(t);
    tg_machine_free(t);
}

/* The same virtual addresses show other code and data after a change of space. */
static void test_spaces(void)
{
    TgMachine *t = machine(1);
    uint64_t at = TG_SPACE_BASE;
    for (unsigned i = 0; i < 3; i++) { /* code in three spaces, 0x8000 apart: log r3, next space */
        uint64_t phys = TG_RAM + 0x40000 + 0x8000 * i;
        CODE(t, phys, tg(TG_LD, 3, 4, 0), tg(TG_ST, 3, 15, TG_LOG / 8), tg(TG_ADDI, 6, 6, -1),
             tg(TG_BNZ, 6, 0, 4), FINISH, tg(TG_SETSPACE, 10 + (i + 1) % 3, 0, 0), tg(TG_BNZ, 15, 0, -8));
        memset(tg_ram(t, phys + 0x1000), 0, 8);
        tg_ram(t, phys + 0x1000)[0] = 'a' + i;
    }
    TgCPU *cpu = tg_cpu(t, 0);
    CODE(t, TG_CODE, DEVICE, tg(TG_JR, 5, 0, 0));
    cpu->s.r[5] = at;
    cpu->s.r[4] = at + 0x1000;
    cpu->s.r[6] = 30;
    for (unsigned i = 0; i < 3; i++) {
        cpu->s.r[10 + i] = 0x40000 + 0x8000 * i;
    }
    cpu->s.space = 0x40000;
    run(t, 1);
    for (unsigned i = 0; i < 30; i++) {
        g_assert_cmpuint(t->log[i], ==, 'a' + i % 3);
    }
    tg_machine_free(t);
}

/* The memory map changes under a running vCPU. */
static void test_view_change(void)
{
    TgMachine *t = machine(1);
    MemoryRegion second;
    g_autoptr(GError) err = NULL;
    g_assert_true(memory_region_init_ram(&second, NULL, "second", 0x1000, &err));
    CODE(t, TG_CODE, DEVICE, tg_li(5, 3), tg(TG_SHL, 5, 5, 16));
    CODE(t, TG_CODE + 16, tg(TG_ADDI, 6, 6, 1), tg(TG_ST, 6, 4, 0), tg(TG_LD, 3, 5, 0), tg(TG_BNZ, 3, 0, 2),
         tg(TG_BNZ, 15, 0, -4), FINISH);
    memset(tg_ram(t, 0x30000), 0, 8);
    *(uint64_t *)second.ram->host = 77;
    resume(t);
    g_assert_true(wait_progress(t, 0, 2)); /* it has read the old one */
    memory_region_add(&t->m.system, 0x30000, &second, 1);
    g_assert_true(tg_wait(&t->done, 1));
    pause_all(t);
    g_assert_cmpuint(tg_cpu(t, 0)->s.r[3], ==, 77);
    memory_region_remove(&t->m.system, &second);
    tg_machine_free(t);
    memory_region_finish(&second);
}

/* ---- debugger -------------------------------------------------------------------------------------- */

typedef struct Stops {
    uint32_t count;
    CPU *cpu;
} Stops;

static void stopped(CPU *cpu, void *opaque)
{
    Stops *s = opaque;
    s->cpu = cpu;
    s->count++;
}

static void test_breakpoint(void)
{
    TgMachine *t = machine(2);
    Stops s = { 0 };
    t->accel->class->set_debug_hook(t->accel, stopped, &s);
    CODE(t, TG_CODE, tg_li(1, 1), tg(TG_ADDI, 2, 2, 1), tg(TG_ADDI, 3, 3, 1), tg(TG_ST, 3, 4, 0),
         tg(TG_BNZ, 1, 0, -3));
    CPU *cpu = &tg_cpu(t, 1)->cpu;
    resume(t); /* the block is translated without it first */
    g_assert_true(wait_progress(t, 1, 1));
    pause_all(t);
    cpu_breakpoint_add(cpu, TG_CODE + 8);
    resume(t);
    g_assert_true(tg_wait(&s.count, 1));
    g_assert_true(s.cpu == cpu);
    g_assert_cmphex(cpu_pc(cpu), ==, TG_CODE + 8);
    g_assert_cmpuint(tg_cpu(t, 1)->s.r[2], ==, tg_cpu(t, 1)->s.r[3] + 1);
    g_assert_true(cpu_breakpoint_remove(cpu, TG_CODE + 8));
    g_assert_false(cpu_breakpoint_remove(cpu, TG_CODE + 8));
    uint32_t before = tg_cpu(t, 1)->s.r[3];
    resume(t);
    g_assert_true(wait_progress(t, 1, before + 2)); /* past it */
    pause_all(t);
    g_assert_cmpuint(s.count, ==, 1);
    tg_machine_free(t);
}

static void test_step(void)
{
    TgMachine *t = machine(2);
    Stops s = { 0 };
    t->accel->class->set_debug_hook(t->accel, stopped, &s);
    CODE(t, TG_VECTOR, tg_li(9, 9));
    CODE(t, TG_CODE, tg_li(1, 1), tg(TG_ADDI, 2, 2, 1), tg(TG_BNZ, 1, 0, 2), tg_li(2, 50),
         tg(TG_WFI, 0, 0, 0), tg_li(3, 3), tg(TG_CALL, 0, 0, 0));
    static const uint64_t path[] = { 4, 8, 16, 20, 24 };
    CPU *cpu = &tg_cpu(t, 0)->cpu;
    cpu_set_singlestep(cpu, true);
    tg_cpu(t, 1)->cpu.held = true;
    for (unsigned i = 0; i < G_N_ELEMENTS(path); i++) {
        resume(t);
        g_assert_true(tg_wait(&s.count, i + 1));
        g_assert_cmphex(cpu_pc(cpu), ==, TG_CODE + path[i]);
    }
    resume(t); /* over an exception: at its handler */
    g_assert_true(tg_wait(&s.count, 6));
    g_assert_cmphex(cpu_pc(cpu), ==, TG_VECTOR);
    g_assert_cmpuint(tg_cpu(t, 0)->s.r[9], ==, 0);
    g_assert_cmpuint(tg_cpu(t, 1)->s.r[1], ==, 0); /* the other one stood */
    cpu_set_singlestep(cpu, false);
    tg_machine_free(t);
}

/* One steps round a loop until the other, which runs, lets it out. */
static void test_step_while_others_run(void)
{
    TgMachine *t = machine(2);
    Stops s = { 0 };
    uint32_t steps = 0;
    t->accel->class->set_debug_hook(t->accel, stopped, &s);
    CODE(t, TG_CODE, tg(TG_LD, 1, 5, 0), tg(TG_BNZ, 1, 0, 2), tg(TG_BNZ, 15, 0, -2), FINISH);
    CODE(t, TG_CODE + 0x100, tg_li(1, 1), tg(TG_ST, 1, 5, 0), FINISH);
    for (unsigned n = 0; n < 2; n++) {
        tg_cpu(t, n)->s.r[5] = 0x14000;
        tg_cpu(t, n)->s.r[15] = TG_MMIO;
    }
    tg_cpu(t, 1)->s.pc = TG_CODE + 0x100;
    CPU *cpu = &tg_cpu(t, 0)->cpu;
    cpu_set_singlestep(cpu, true);
    while (cpu_pc(cpu) != TG_CODE + 12) {
        resume(t);
        g_assert_true(tg_wait(&s.count, ++steps));
    }
    tg_machine_free(t);
}

static void test_watchpoint(void)
{
    TgMachine *t = machine(1);
    Stops s = { 0 };
    t->accel->class->set_debug_hook(t->accel, stopped, &s);
    CODE(t, TG_CODE, DEVICE, tg_li(4, 2), tg(TG_SHL, 4, 4, 16), tg_li(5, 55), tg(TG_ST, 5, 4, 0),
         tg(TG_ST, 5, 4, 1), tg(TG_LD, 6, 4, 1), tg(TG_ST, 5, 4, 2), tg(TG_LD, 6, 4, 2), FINISH);
    CPU *cpu = &tg_cpu(t, 0)->cpu;
    cpu_watchpoint_add(cpu, 0x2000c, 1, WATCH_WRITE);
    cpu_watchpoint_add(cpu, 0x20010, 8, WATCH_READ);
    resume(t);
    g_assert_true(tg_wait(&s.count, 1));
    g_assert_cmphex(cpu_pc(cpu), ==, TG_CODE + 24); /* before the second store */
    g_assert_cmphex(cpu->watch_hit, ==, 0x2000c);
    g_assert_cmpint(cpu->watch_hit_kind, ==, WATCH_WRITE);
    g_assert_cmpuint(tg_ram(t, 0x20008)[0], ==, 0);
    resume(t); /* goes on, watched as before */
    g_assert_true(tg_wait(&s.count, 2));
    g_assert_cmphex(cpu_pc(cpu), ==, TG_CODE + 36); /* before the second load */
    g_assert_cmpuint(tg_ram(t, 0x20008)[0], ==, 55);
    g_assert_cmpint(cpu->watch_hit_kind, ==, WATCH_READ);
    g_assert_true(cpu_watchpoint_remove(cpu, 0x2000c, 1, WATCH_WRITE));
    g_assert_true(cpu_watchpoint_remove(cpu, 0x20010, 8, WATCH_READ));
    run(t, 1);
    g_assert_cmpuint(s.count, ==, 2);
    tg_machine_free(t);
}

/* Two vCPUs stop at once, while somebody asks and lets them go on: each access is told of, once. */
static void test_watch_by_two(void)
{
    enum { ACCESSES = 300 };
    TgMachine *t = machine(2);
    Stops s = { 0 };
    t->accel->class->set_debug_hook(t->accel, stopped, &s);
    CODE(t, TG_CODE, DEVICE, tg_li(1, ACCESSES));
    CODE(t, TG_CODE + 12, tg(TG_ADDI, 1, 1, -1), tg(TG_ST, 1, 4, 0), tg(TG_BNZ, 1, 0, -2), FINISH);
    for (unsigned n = 0; n < 2; n++) {
        cpu_watchpoint_add(t->m.cpus[n], PROGRESS + 64 * n, 8, WATCH_WRITE);
    }
    for (uint32_t told = 0; __atomic_load_n(&t->done, __ATOMIC_SEQ_CST) < 2; told = s.count) {
        resume(t);
        while (s.count == told && __atomic_load_n(&t->done, __ATOMIC_SEQ_CST) < 2) {
            g_autoptr(GString) out = g_string_new(NULL);
            t->accel->class->info(t->accel, out);
            g_main_context_iteration(event_loop_context(test_loop()), FALSE);
        }
    }
    pause_all(t);
    g_assert_cmpuint(s.count, ==, 2 * ACCESSES);
    tg_machine_free(t);
}

static void test_debug_memory(void)
{
    TgMachine *t = machine(1);
    char text[] = "across a page", back[sizeof text] = "";
    CPU *cpu = &tg_cpu(t, 0)->cpu;
    tg_cpu(t, 0)->s.space = 0x40000;
    g_assert_true(cpu_debug_write(cpu, TG_SPACE_BASE + 0xffa, text, sizeof text));
    g_assert_true(cpu_debug_read(cpu, TG_SPACE_BASE + 0xffa, back, sizeof back));
    g_assert_cmpstr(back, ==, text);
    g_assert_cmpstr((char *)tg_ram(t, TG_RAM + 0x40000 + 0xffa), ==, text);
    g_assert_false(cpu_debug_read(cpu, TG_SPACE_BASE + 0x7ffc, back, sizeof back)); /* runs into a hole */
    tg_machine_free(t);
}

static void test_info(void)
{
    TgMachine *t = machine(1);
    g_autoptr(GString) out = g_string_new(NULL);
    CODE(t, TG_CODE, DEVICE, FINISH);
    run(t, 1);
    t->accel->class->info(t->accel, out);
    g_assert_cmpuint(out->len, >, 0);
    tg_machine_free(t);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    accel_name = argc > 1 ? argv[1] : accel_name;
    accel_options = argc > 2 ? argv[2] : NULL;
    g_test_add_func("/accel/loop/sum", test_sum);
    g_test_add_func("/accel/memory/page-crossing", test_page_crossing);
    g_test_add_func("/accel/faults", test_faults);
    g_test_add_func("/accel/interrupt/loop", test_interrupt_loop);
    g_test_add_func("/accel/interrupt/wfi", test_wfi);
    g_test_add_func("/accel/smp/round-robin", test_round_robin);
    g_test_add_func("/accel/smp/ipi", test_ipi);
    if (accel_options && strstr(accel_options, "thread=single")) {
        g_test_add_func("/accel/smp/give-way", test_give_way);
    }
    g_test_add_func("/accel/pause/resume", test_pause_resume);
    g_test_add_func("/accel/pause/asleep", test_pause_asleep);
    g_test_add_func("/accel/code/changed-by-guest", test_changed_by_guest);
    g_test_add_func("/loop/changes-itself", test_changes_itself);
    g_test_add_func("/loop/vectors", test_vectors);
    g_test_add_func("/accel/code/changed-by-dma", test_changed_by_dma);
    g_test_add_func("/accel/spaces", test_spaces);
    g_test_add_func("/accel/view-change", test_view_change);
    g_test_add_func("/accel/debug/breakpoint", test_breakpoint);
    g_test_add_func("/accel/debug/step", test_step);
    g_test_add_func("/accel/debug/step-while-others-run", test_step_while_others_run);
    g_test_add_func("/accel/debug/watchpoint", test_watchpoint);
    g_test_add_func("/accel/debug/watch-by-two", test_watch_by_two);
    g_test_add_func("/accel/debug/memory", test_debug_memory);
    g_test_add_func("/accel/info", test_info);
    return g_test_run();
}
