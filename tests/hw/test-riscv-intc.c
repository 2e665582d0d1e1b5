/* SPDX-License-Identifier: GPL-2.0-or-later */
/* PLIC, CLINT and ACLINT. */
#include <string.h>

#include "bench.h"
#include "hw/intc/riscv_aclint.h"
#include "hw/intc/riscv_plic.h"
#include "base/clock.h"
#include "tests/loop.h"

static int levels[8];
static unsigned edges;

static void on_irq(void *opaque, int line, int level)
{
    levels[line] = level;
    edges++;
}

/* ---- PLIC: contexts 0 (M) and 1 (S) -------------------------------------- */

enum { PRIORITY = 0, PENDING = 0x1000, ENABLE = 0x2000, CONTEXT = 0x200000, CLAIM = 0x200004 };

static Plic *plic_open(Bench *b, hwaddr *at)
{
    memset(levels, 0, sizeof(levels));
    bench_open(b);
    Plic *p = (Plic *)bench_device(b, &riscv_plic_class);
    for (int i = 0; i < 2; i++) {
        irq_connect(&p->out[i], on_irq, NULL, i);
    }
    *at = bench_window(b, 0);
    return p;
}

static void enable(Bench *b, hwaddr at, unsigned context, unsigned source, unsigned priority)
{
    hwaddr word = at + ENABLE + 0x80 * context + source / 32 * 4;
    bench_write(b, word, 4, bench_read(b, word, 4) | 1u << (source % 32));
    bench_write(b, at + PRIORITY + 4 * source, 4, priority);
}

static void test_plic_claim(void)
{
    Bench b;
    hwaddr at;
    Plic *p = plic_open(&b, &at);
    enable(&b, at, 1, 10, 3);
    enable(&b, at, 1, 40, 5);
    enable(&b, at, 1, 41, 5);
    plic_set_irq(p, 10, 1);
    g_assert_cmpint(levels[1], ==, 1);
    g_assert_cmpint(levels[0], ==, 0);
    g_assert_cmphex(bench_read(&b, at + PENDING, 4), ==, 1 << 10);
    plic_set_irq(p, 41, 1);
    plic_set_irq(p, 40, 1);
    g_assert_cmpuint(bench_read(&b, at + CLAIM + 0x1000, 4), ==, 40); /* best; lowest of equals */
    g_assert_cmpuint(bench_read(&b, at + CLAIM + 0x1000, 4), ==, 41);
    g_assert_cmpuint(bench_read(&b, at + CLAIM + 0x1000, 4), ==, 10);
    g_assert_cmpuint(bench_read(&b, at + CLAIM + 0x1000, 4), ==, 0);
    g_assert_cmpint(levels[1], ==, 0);
    plic_set_irq(p, 10, 0);
    bench_write(&b, at + CLAIM + 0x1000, 4, 10);
    g_assert_cmpint(levels[1], ==, 0);
    bench_write(&b, at + CLAIM + 0x1000, 4, 40); /* its line is still high: nothing new */
    g_assert_cmpint(levels[1], ==, 0);
    g_assert_cmpuint(bench_read(&b, at + CLAIM + 0x1000, 4), ==, 0);
    bench_close(&b);
}

/* What makes a source pending again: each line of the table is a source of its own. */
static void test_plic_requests(void)
{
    enum { RISE = 1, AGAIN = 2, FALL = 4, SAME = 8 };
    static const struct {
        unsigned in_service, after;
        bool pending;
    } rows[] = {
        { 0, 0, false },                                     /* a completion by itself asks for nothing */
        { AGAIN, 0, true },                                  /* kept until the completion */
        { FALL | RISE, 0, true }, { AGAIN | FALL, 0, true }, /* not taken back */
        { FALL, 0, false },       { SAME, 0, false },        /* the line was high already */
        { 0, AGAIN, true },       { 0, FALL | RISE, true },  { 0, SAME, false },
    };
    Bench b;
    hwaddr at;
    Plic *p = plic_open(&b, &at);
    for (int i = 0; i < (int)G_N_ELEMENTS(rows); i++) {
        int source = 30 + i; /* over the edge of a word */
        enable(&b, at, 0, (unsigned)source, 1);
        plic_set_irq(p, source, IRQ_HIGH);
        g_assert_cmpint(bench_read(&b, at + CLAIM, 4), ==, source);
        for (unsigned when = 0; when < 2; when++) {
            unsigned what = when ? rows[i].after : rows[i].in_service;
            if (what & AGAIN) {
                plic_set_irq(p, source, IRQ_AGAIN);
            }
            if (what & FALL) {
                plic_set_irq(p, source, IRQ_LOW);
            }
            if (what & (RISE | SAME)) {
                plic_set_irq(p, source, IRQ_HIGH);
            }
            if (!when) {
                g_assert_cmpint(levels[0], ==, 0);
                g_assert_cmpint(bench_read(&b, at + CLAIM, 4), ==, 0); /* in service: not twice */
                bench_write(&b, at + CLAIM, 4, (uint64_t)source);
            }
        }
        g_assert_cmpint(levels[0], ==, rows[i].pending);
        g_assert_cmpint(bench_read(&b, at + CLAIM, 4), ==, rows[i].pending ? source : 0);
        bench_write(&b, at + CLAIM, 4, (uint64_t)source);
    }
    bench_close(&b);
}

/* A handler may disable its source before it completes it; a request that came
 * while the source was disabled is there when it is enabled. */
static void test_plic_disabled(void)
{
    Bench b;
    hwaddr at;
    Plic *p = plic_open(&b, &at);
    enable(&b, at, 0, 5, 2);
    plic_set_irq(p, 5, IRQ_HIGH);
    g_assert_cmpuint(bench_read(&b, at + CLAIM, 4), ==, 5);
    bench_write(&b, at + ENABLE, 4, 0);
    bench_write(&b, at + CLAIM, 4, 5);
    plic_set_irq(p, 5, IRQ_AGAIN);
    g_assert_cmpint(levels[0], ==, 0);
    bench_write(&b, at + ENABLE, 4, 1 << 5);
    g_assert_cmpint(levels[0], ==, 1);
    g_assert_cmpuint(bench_read(&b, at + CLAIM, 4), ==, 5);
    bench_write(&b, at + CLAIM, 4, 0xffffffff); /* no source */
    g_assert_cmpint(levels[0], ==, 0);
    bench_close(&b);
}

static void test_plic_masks(void)
{
    Bench b;
    hwaddr at;
    Plic *p = plic_open(&b, &at);
    enable(&b, at, 0, 5, 2);
    plic_set_irq(p, 5, 1);
    g_assert_cmpint(levels[0], ==, 1);
    bench_write(&b, at + CONTEXT, 4, 2); /* threshold: strictly above it */
    g_assert_cmpint(levels[0], ==, 0);
    g_assert_cmpuint(bench_read(&b, at + CLAIM, 4), ==, 5); /* a claim does not look at it */
    bench_write(&b, at + CLAIM, 4, 7);                      /* not enabled: ignored */
    g_assert_cmphex(bench_read(&b, at + PENDING, 4), ==, 0);
    bench_write(&b, at + CLAIM, 4, 5);
    plic_set_irq(p, 5, IRQ_AGAIN);
    g_assert_cmphex(bench_read(&b, at + PENDING, 4), ==, 1 << 5);
    plic_set_irq(p, 5, 0); /* stays pending */
    g_assert_cmphex(bench_read(&b, at + PENDING, 4), ==, 1 << 5);
    bench_write(&b, at + PRIORITY + 4 * 5, 4, 0xffffffff);
    g_assert_cmphex(bench_read(&b, at + PRIORITY + 4 * 5, 4), ==, 7);
    bench_write(&b, at + ENABLE, 4, 0xffffffff);
    g_assert_cmphex(bench_read(&b, at + ENABLE, 4), ==, 0xfffffffe); /* there is no source 0 */
    bench_write(&b, at + PRIORITY + 4 * 5, 4, 0);
    g_assert_cmpuint(bench_read(&b, at + CLAIM, 4), ==, 0); /* priority 0 never interrupts */
    plic_set_irq(p, 0, 1);                                  /* and these do not exist */
    plic_set_irq(p, 96, 1);
    plic_set_irq(p, -1, 1);
    g_assert_cmphex(bench_read(&b, at + PENDING + 12, 4), ==, 0);
    bench_close(&b);
}

static void test_plic_reset(void)
{
    Bench b;
    hwaddr at;
    Plic *p = plic_open(&b, &at);
    enable(&b, at, 0, 5, 2);
    plic_set_irq(p, 5, 1);
    g_assert_cmpuint(bench_read(&b, at + CLAIM, 4), ==, 5);
    device_reset(&p->dev);
    g_assert_cmpint(levels[0], ==, 0);
    g_assert_cmphex(bench_read(&b, at + PENDING, 4), ==, 0); /* the line is still high */
    g_assert_cmphex(bench_read(&b, at + ENABLE, 4), ==, 0);
    bench_close(&b);
}

/* ---- timer --------------------------------------------------------------- */

enum { TIMECMP = 0, TIME = 0x7ff8 };
static unsigned time_changes;

static void on_time_changed(void *opaque)
{
    time_changes++;
}

static AclintMtimer *mtimer_open(Bench *b, hwaddr *at)
{
    memset(levels, 0, sizeof(levels));
    bench_open(b);
    clock_virtual_set_ns(test_clock(), 5000);
    AclintMtimer *m = container_of(device_new(&riscv_aclint_mtimer_class, &b->m, NULL), AclintMtimer, dev);
    g_assert_true(device_set_prop(&m->dev, "num-harts", "2", NULL));
    m->time_changed = on_time_changed;
    for (int i = 0; i < 2; i++) {
        irq_connect(&m->hart[i].irq, on_irq, NULL, i);
    }
    bench_add(b, &m->dev);
    *at = bench_window(b, 0);
    return m;
}

static void run_to(int64_t ns)
{
    clock_virtual_set_ns(test_clock(), ns);
    clock_run_timers(test_clock());
}

static void test_mtimer(void)
{
    Bench b;
    hwaddr at;
    AclintMtimer *m = mtimer_open(&b, &at);
    g_assert_cmpuint(bench_read(&b, at + TIME, 8), ==, 0);
    g_assert_cmpint(levels[0], ==, 1); /* mtimecmp is 0 after reset */
    bench_write(&b, at + TIMECMP, 8, 100);
    g_assert_cmpint(levels[0], ==, 0);
    g_assert_cmpint(levels[1], ==, 1);
    run_to(5000 + 9999);
    g_assert_cmpint(levels[0], ==, 0);
    g_assert_cmpuint(bench_read(&b, at + TIME, 8), ==, 99);
    run_to(5000 + 10001);
    g_assert_cmpint(levels[0], ==, 1);
    g_assert_cmpuint(aclint_read_time(m), ==, 100);
    bench_write(&b, at + TIMECMP + 8 + 4, 4, 0xffffffff); /* by halves: far away first */
    bench_write(&b, at + TIMECMP + 8, 4, 200);
    g_assert_cmpint(levels[1], ==, 0);
    g_assert_cmphex(bench_read(&b, at + TIMECMP + 8, 8), ==, UINT64_C(0xffffffff000000c8));
    bench_write(&b, at + TIMECMP + 12, 4, 0);
    g_assert_cmpint(levels[1], ==, 0);
    time_changes = 0;
    bench_write(&b, at + TIME, 8, 250); /* the clock jumps over it */
    g_assert_cmpint(levels[1], ==, 1);
    g_assert_cmpuint(time_changes, ==, 1);
    bench_write(&b, at + TIME + 4, 4, 1);
    g_assert_cmphex(bench_read(&b, at + TIME, 8), ==, UINT64_C(0x1000000fa));
    g_assert_cmphex(bench_read(&b, at + TIME + 4, 4), ==, 1);
    bench_close(&b);
}

static void test_mtimer_never(void)
{
    Bench b;
    hwaddr at;
    mtimer_open(&b, &at);
    bench_write(&b, at + TIMECMP, 8, UINT64_MAX);
    bench_write(&b, at + TIMECMP + 8, 8, UINT64_MAX / 2);
    run_to(INT64_MAX / 2);
    g_assert_cmpint(levels[0] | levels[1], ==, 0);
    bench_close(&b);
}

static void test_swi(void)
{
    for (unsigned supervisor = 0; supervisor < 2; supervisor++) {
        Bench b;
        bench_open(&b);
        memset(levels, 0, sizeof(levels));
        AclintSwi *w = container_of(device_new(&riscv_aclint_swi_class, &b.m, NULL), AclintSwi, dev);
        g_assert_true(device_set_prop(&w->dev, "num-harts", "2", NULL));
        g_assert_true(device_set_prop(&w->dev, "sswi", supervisor ? "on" : "off", NULL));
        for (int i = 0; i < 2; i++) {
            irq_connect(&w->irq[i], on_irq, NULL, i);
        }
        bench_add(&b, &w->dev);
        hwaddr at = bench_window(&b, 0);
        bench_write(&b, at + 4, 4, 0xffffffff);
        g_assert_cmpint(levels[0], ==, 0);
        g_assert_cmpint(levels[1], ==, 1);
        g_assert_cmphex(bench_read(&b, at + 4, 4), ==, !supervisor);
        edges = 0;
        bench_write(&b, at + 4, 4, 1); /* an edge each time, or a level that stands */
        g_assert_cmpuint(edges, ==, supervisor);
        bench_write(&b, at + 4, 4, 0);
        g_assert_cmpint(levels[1], ==, supervisor); /* software clears SSIP, not the device */
        bench_write(&b, at + 8, 4, 1);              /* no such hart */
        g_assert_cmpint(levels[2], ==, 0);
        bench_close(&b);
    }
}

/* Where its registers stand is for -global to say: not on top of each other, not outside. */
static void test_mtimer_places(void)
{
    static const struct {
        const char *time, *timecmp;
        bool ok;
    } rows[] = {
        { "0x7ff8", "0", true }, { "0", "8", true },       { "0", "0", false },
        { "8", "0", true },      { "0x7ff4", "0", false }, { "0", "0x7ff8", true },
    };
    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        Bench b;
        bench_open(&b);
        Device *dev = device_new(&riscv_aclint_mtimer_class, &b.m, NULL);
        g_assert_true(device_set_prop(dev, "time-base", rows[i].time, NULL));
        g_assert_true(device_set_prop(dev, "timecmp-base", rows[i].timecmp, NULL));
        g_assert_cmpint(device_realize(dev, NULL, NULL), ==, rows[i].ok);
        bench_close(&b);
        if (rows[i].ok) { /* two harts: one more register behind the first */
            bench_open(&b);
            dev = device_new(&riscv_aclint_mtimer_class, &b.m, NULL);
            g_assert_true(device_set_prop(dev, "num-harts", "2", NULL));
            g_assert_true(device_set_prop(dev, "time-base", rows[i].time, NULL));
            g_assert_true(device_set_prop(dev, "timecmp-base", rows[i].timecmp, NULL));
            g_assert_cmpint(device_realize(dev, NULL, NULL), ==, i == 0 || i == 1);
            bench_close(&b);
        }
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    clock_virtual_stop(test_clock());
    g_test_add_func("/riscv-intc/plic-claim", test_plic_claim);
    g_test_add_func("/riscv-intc/plic-requests", test_plic_requests);
    g_test_add_func("/riscv-intc/plic-disabled", test_plic_disabled);
    g_test_add_func("/riscv-intc/plic-masks", test_plic_masks);
    g_test_add_func("/riscv-intc/plic-reset", test_plic_reset);
    g_test_add_func("/riscv-intc/mtimer", test_mtimer);
    g_test_add_func("/riscv-intc/mtimer-never", test_mtimer_never);
    g_test_add_func("/riscv-intc/swi", test_swi);
    g_test_add_func("/riscv-intc/mtimer-places", test_mtimer_places);
    return g_test_run();
}
