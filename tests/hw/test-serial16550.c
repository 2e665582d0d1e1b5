/* SPDX-License-Identifier: GPL-2.0-or-later */
/* NS16550A: registers, interrupts by priority, FIFOs and their triggers, loop-back,
 * a host end that is full. */
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bench.h"
#include "tests/loop.h"
#include "hw/char/serial16550.h"
#include "tests/ends.h"
#include "tests/made.h"

enum { RBR, IER, IIR, LCR, MCR, LSR, MSR, SCR };

typedef struct Line {
    Bench b;
    Serial16550 *u;
    hwaddr at;
    int level;
    unsigned requests; /* the line rose, or there was a new reason */
    char *dir;
    int in, out; /* our ends of the fifos, -1: no chardev */
} Line;

static void on_irq(void *opaque, int line, int level)
{
    Line *l = opaque;
    l->level = level != 0;
    l->requests += level != 0;
}

static void line_open(Line *l, bool host)
{
    static unsigned serial;
    memset(l, 0, sizeof(*l));
    l->in = l->out = -1;
    bench_open(&l->b);
    l->u = container_of(device_new(&serial16550_class, &l->b.m, NULL), Serial16550, dev);
    if (host) {
        l->dir = g_dir_make_tmp("serial-XXXXXX", NULL);
        g_autofree char *path = g_build_filename(l->dir, "p", NULL);
        g_autofree char *in = g_strconcat(path, ".in", NULL), *out = g_strconcat(path, ".out", NULL);
        g_assert_cmpint(mkfifo(in, 0600), ==, 0);
        g_assert_cmpint(mkfifo(out, 0600), ==, 0);
        l->in = open(in, O_RDWR | O_CLOEXEC);
        l->out = open(out, O_RDWR | O_CLOEXEC);
        g_autofree char *text = g_strdup_printf("pipe,id=c%u,path=%s", serial++, path);
        l->u->chr = test_chardev(test_chardevs(), text, NULL);
        g_assert_nonnull(l->u->chr);
    }
    irq_connect(&l->u->irq, on_irq, l, 0);
    bench_add(&l->b, &l->u->dev);
    l->at = bench_window(&l->b, 0);
}

static void line_close(Line *l)
{
    bench_close(&l->b);
    if (l->dir) {
        close(l->in);
        close(l->out);
        for (unsigned i = 0; i < 2; i++) {
            g_autofree char *path = g_build_filename(l->dir, i ? "p.in" : "p.out", NULL);
            unlink(path);
        }
        rmdir(l->dir);
        g_free(l->dir);
    }
}

static uint8_t get(Line *l, unsigned reg)
{
    return (uint8_t)bench_read(&l->b, l->at + reg, 1);
}

static void put(Line *l, unsigned reg, uint8_t value)
{
    bench_write(&l->b, l->at + reg, 1, value);
}

static void test_reset_values(void)
{
    Line l;
    line_open(&l, false);
    g_assert_cmphex(get(&l, IER), ==, 0);
    g_assert_cmphex(get(&l, IIR), ==, 0x01);
    g_assert_cmphex(get(&l, LCR), ==, 0);
    g_assert_cmphex(get(&l, MCR), ==, 0x08);
    g_assert_cmphex(get(&l, LSR), ==, 0x60);
    g_assert_cmphex(get(&l, MSR), ==, 0xb0);
    put(&l, SCR, 0x5a);
    g_assert_cmphex(get(&l, SCR), ==, 0x5a);
    put(&l, LCR, 0x83); /* divisor latch */
    g_assert_cmphex(get(&l, RBR), ==, 12);
    put(&l, RBR, 0x34);
    put(&l, IER, 0x12);
    g_assert_cmphex(get(&l, IER), ==, 0x12);
    put(&l, LCR, 0x03);
    g_assert_cmphex(get(&l, IER), ==, 0);
    put(&l, IER, 0xff); /* the upper bits do not exist */
    g_assert_cmphex(get(&l, IER), ==, 0x0f);
    g_assert_cmphex(bench_read(&l.b, l.at + LSR, 1), ==, 0x60);
    line_close(&l);
}

static void test_access_sizes(void)
{
    Bench b;
    bench_open(&b);
    Serial16550 *u = container_of(device_new(&serial16550_class, &b.m, NULL), Serial16550, dev);
    g_assert_true(device_set_prop(&u->dev, "regshift", "2", NULL));
    bench_add(&b, &u->dev);
    hwaddr at = bench_window(&b, 0);
    bench_write(&b, at + 4 * SCR, 4, 0xffffff77);
    g_assert_cmphex(bench_read(&b, at + 4 * SCR, 4), ==, 0x77);
    g_assert_cmphex(bench_read(&b, at + 4 * SCR, 1), ==, 0x77);
    g_assert_cmphex(bench_read(&b, at + 4 * LSR, 4), ==, 0x60);
    bench_close(&b);
}

/* Transmitter empty: at enabling, after each byte; gone by reading IIR. */
static void test_thr_interrupt(void)
{
    Line l;
    line_open(&l, false);
    g_assert_cmpint(l.level, ==, 0);
    put(&l, IER, 0x02);
    g_assert_cmpint(l.level, ==, 1);
    g_assert_cmphex(get(&l, IIR), ==, 0x02);
    g_assert_cmpint(l.level, ==, 0);
    g_assert_cmphex(get(&l, IIR), ==, 0x01);
    put(&l, RBR, 'x');
    g_assert_cmpint(l.level, ==, 1);
    g_assert_cmphex(get(&l, IIR), ==, 0x02);
    put(&l, IER, 0);
    put(&l, IER, 0x02);
    g_assert_cmpint(l.level, ==, 1);
    line_close(&l);
}

/* Each new reason is a request, whether the last was answered or not; a look is none. */
static void test_requests(void)
{
    enum { READ = 0x100 };
    static const struct {
        unsigned reg, value, requests;
    } steps[] = {
        { IIR, 0x01, 0 }, /* FIFOs */
        { IER, 0x02, 1 }, /* THR is empty */
        { LSR | READ, 0, 0 }, { IER | READ, 0, 0 }, { MSR | READ, 0, 0 }, { SCR, 1, 0 },
        { IER, 0x02, 0 },                           /* as it was */
        { RBR, 'x', 1 },                            /* sent at once: empty again */
        { RBR, 'y', 1 },      { IIR | READ, 0, 0 }, /* answered */
        { LSR | READ, 0, 0 }, { IER, 0x00, 0 },     { IER, 0x02, 1 },     { IER, 0x03, 1 },
        { IIR | READ, 0, 0 }, { MCR, 0x10, 0 },                           /* loop: what is sent is received */
        { RBR, 'a', 1 },      { RBR, 'b', 1 },      { IIR | READ, 0, 0 }, /* shows the byte, answers nothing */
        { RBR | READ, 0, 1 },                                             /* one is left */
        { RBR | READ, 0, 1 },                                             /* none is, but THR is empty */
        { IIR | READ, 0, 0 }, { RBR | READ, 0, 0 }, { IER, 0x00, 0 },     { IIR, 0x07, 0 },
        { IER, 0x02, 1 },     { IIR, 0x05, 1 }, /* the transmitter is cleared: empty */
        { IIR, 0x03, 1 },                       /* the receiver, while it is */
        { MCR, 0x1f, 0 },     { MCR, 0x10, 0 }, /* modem lines, which do not interrupt */
        { IER, 0x0a, 1 },     { MCR, 0x12, 1 }, /* now they do */
    };
    Line l;
    line_open(&l, false);
    for (unsigned i = 0; i < G_N_ELEMENTS(steps); i++) {
        unsigned before = l.requests;
        if (steps[i].reg & READ) {
            get(&l, steps[i].reg & 7);
        } else {
            put(&l, steps[i].reg, (uint8_t)steps[i].value);
        }
        if (l.requests - before != steps[i].requests) {
            g_error("step %u: %u requests, not %u", i, l.requests - before, steps[i].requests);
        }
    }
    line_close(&l);
}

static void test_loopback(void)
{
    Line l;
    line_open(&l, false);
    put(&l, MCR, 0x1f); /* loop, all outputs */
    g_assert_cmphex(get(&l, MSR) & 0xf0, ==, 0xf0);
    put(&l, MCR, 0x12);                             /* RTS -> CTS */
    g_assert_cmphex(get(&l, MSR), ==, 0x10 | 0x0e); /* DSR, DCD changed, RI fell */
    g_assert_cmphex(get(&l, MSR), ==, 0x10);
    put(&l, IIR, 0x81); /* FIFOs, trigger 8 */
    put(&l, IER, 0x01);
    for (unsigned i = 0; i < 8; i++) {
        g_assert_cmphex(get(&l, IIR), ==, i ? 0xcc : 0xc1);
        put(&l, RBR, (uint8_t)('a' + i));
    }
    g_assert_cmphex(get(&l, IIR), ==, 0xc4);
    for (unsigned i = 8; i < 16; i++) {
        put(&l, RBR, (uint8_t)('a' + i));
    }
    g_assert_cmphex(get(&l, LSR), ==, 0x61);
    put(&l, IER, 0x05);
    put(&l, RBR, '!');                       /* one too many */
    g_assert_cmphex(get(&l, IIR), ==, 0xc6); /* line status comes first */
    g_assert_cmphex(get(&l, LSR), ==, 0x63);
    g_assert_cmphex(get(&l, LSR), ==, 0x61);
    for (unsigned i = 0; i < 16; i++) {
        g_assert_cmphex(get(&l, RBR), ==, 'a' + i);
    }
    g_assert_cmphex(get(&l, LSR), ==, 0x60);
    g_assert_cmpint(l.level, ==, 0);
    put(&l, RBR, 'q');
    put(&l, IIR, 0x03); /* clear the receiver */
    g_assert_cmphex(get(&l, LSR), ==, 0x60);
    line_close(&l);
}

/* A byte too many: a FIFO keeps what it has, the one register without FIFOs has the newest. */
static void test_overrun(void)
{
    for (unsigned fifos = 0; fifos < 2; fifos++) {
        Line l;
        line_open(&l, false);
        put(&l, MCR, 0x10);
        put(&l, IIR, (uint8_t)fifos);
        for (unsigned i = 0; i < 17; i++) {
            put(&l, RBR, (uint8_t)('a' + i));
        }
        g_assert_cmphex(get(&l, LSR), ==, 0x63);
        g_assert_cmphex(get(&l, RBR), ==, fifos ? 'a' : 'q');
        line_close(&l);
    }
}

static bool has_interrupt(void *opaque)
{
    return ((Line *)opaque)->level;
}

static void test_receive(void)
{
    Line l;
    GString *got = g_string_new(NULL);
    line_open(&l, true);
    put(&l, IIR, 0xc1);
    put(&l, IER, 0x01);
    static const char text[] = "0123456789abcdefghijklmnopqrstuvwxyz!";
    g_assert_cmpint(write(l.in, text, sizeof(text) - 1), ==, sizeof(text) - 1);
    while (got->len < sizeof(text) - 1) { /* more than the FIFO holds: it waits outside */
        bench_run_until(has_interrupt, &l);
        g_assert_cmpuint(l.u->s.rx.used, <=, 16);
        while (get(&l, LSR) & 1) {
            g_string_append_c(got, (char)get(&l, RBR));
        }
    }
    g_assert_cmpstr(got->str, ==, text);
    g_string_free(got, TRUE);
    line_close(&l);
}

static bool all_sent(void *opaque)
{
    Line *l = opaque;
    char buf[4096];
    if (l->u->s.tx.used) { /* make room at the host end */
        g_assert_cmpint(read(l->out, buf, sizeof(buf)), >, 0);
    }
    return !l->u->s.tx.used;
}

static void test_host_full(void)
{
    Line l;
    line_open(&l, true);
    put(&l, IIR, 0x01);
    unsigned sent = 0;
    while (get(&l, LSR) & 0x20) { /* until the pipe is full */
        put(&l, RBR, 'x');
        g_assert_cmpuint(++sent, <, 10000000);
    }
    put(&l, IER, 0x02);
    g_assert_cmpint(l.level, ==, 0);
    put(&l, RBR, 'y');
    bench_run_until(all_sent, &l);
    g_assert_cmpint(l.level, ==, 1);
    g_assert_cmphex(get(&l, LSR), ==, 0x60);
    line_close(&l);
}

static bool has_data(void *opaque)
{
    return get(opaque, LSR) & 1;
}

/* A device that was full when it was saved asks for more once it has room. */
static void test_load_full(void)
{
    Line l, m;
    line_open(&l, false);
    put(&l, MCR, 0x10); /* in loop-back mode it takes nothing from outside */
    g_autoptr(GByteArray) saved = device_save(&l.u->dev);
    line_close(&l);
    line_open(&m, true);
    g_assert_true(device_load(&m.u->dev, saved->data, saved->len, NULL));
    g_assert_cmpint(write(m.in, "x", 1), ==, 1);
    for (unsigned i = 0; i < 20; i++) {
        g_main_context_iteration(event_loop_context(test_loop()), FALSE);
    }
    g_assert_cmphex(get(&m, LSR) & 1, ==, 0);
    put(&m, MCR, 0x08);
    bench_run_until(has_data, &m);
    g_assert_cmphex(get(&m, RBR), ==, 'x');
    line_close(&m);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/serial16550/reset-values", test_reset_values);
    g_test_add_func("/serial16550/access-sizes", test_access_sizes);
    g_test_add_func("/serial16550/thr-interrupt", test_thr_interrupt);
    g_test_add_func("/serial16550/requests", test_requests);
    g_test_add_func("/serial16550/loopback", test_loopback);
    g_test_add_func("/serial16550/overrun", test_overrun);
    g_test_add_func("/serial16550/receive", test_receive);
    g_test_add_func("/serial16550/host-full", test_host_full);
    g_test_add_func("/serial16550/load-full", test_load_full);
    return g_test_run();
}
