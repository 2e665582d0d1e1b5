/* SPDX-License-Identifier: GPL-2.0-or-later */
/* 8254: all modes, reads, latches, gates, port 61h, and that no timer runs for who does not listen.  The virtual clock stands
 * and is moved, so each tick is exact. */
#include "bench.h"
#include "hw/timer/i8254.h"
#include "tests/loop.h"

static Bench b;
static Pit *pit;
static int level;
static unsigned rises;
static bool heard;

static void on_irq(void *opaque, int line, int now)
{
    rises += now && !level;
    level = now != 0;
}

static bool is_heard(void *opaque)
{
    return heard;
}

static void out(uint16_t port, uint8_t value)
{
    memory_write(b.m.io, port, 1, value);
}

static uint8_t in(uint16_t port)
{
    uint64_t value;
    memory_read(b.m.io, port, 1, &value);
    return value;
}

/* To a tick of the timer's clock: its first ns. */
static void at(uint64_t tick)
{
    clock_virtual_set_ns(test_clock(),
                         (int64_t)(((unsigned __int128)tick * 1000000000 + PIT_HZ - 1) / PIT_HZ));
    clock_run_timers(test_clock());
}

static void open_pit(void)
{
    at(0);
    bench_open(&b);
    pit = container_of(device_new(&i8254_class, &b.m, NULL), Pit, dev);
    pit->heard = is_heard;
    heard = true;
    irq_connect(&pit->out, on_irq, NULL, 0);
    bench_add(&b, &pit->dev);
    rises = 0;
}

static void program(unsigned channel, unsigned mode, uint16_t count)
{
    out(0x43, channel << 6 | 0x30 | mode << 1);
    out(0x40 + channel, count);
    out(0x40 + channel, count >> 8);
}

static unsigned count_of(unsigned channel)
{
    out(0x43, channel << 6);
    unsigned low = in(0x40 + channel);
    return in(0x40 + channel) << 8 | low;
}

static bool out_of(unsigned channel)
{
    out(0x43, 0xe0 | 2 << channel); /* read back the status */
    return in(0x40 + channel) & 0x80;
}

static void test_mode0(void)
{
    open_pit();
    at(1000);
    program(0, 0, 10);
    g_assert_cmpint(level, ==, 0);
    at(1001);
    g_assert_cmpuint(count_of(0), ==, 10);
    at(1010);
    g_assert_cmpint(level, ==, 0);
    g_assert_cmpuint(count_of(0), ==, 1);
    at(1011); /* N + 1 behind the write */
    g_assert_cmpint(level, ==, 1);
    g_assert_cmpuint(rises, ==, 1);
    at(1013);
    g_assert_cmpuint(count_of(0), ==, 0xfffe); /* it goes on */
    g_assert_cmpint((int)timer_deadline(pit->timer), ==, -1);
    out(0x40, 5); /* the first byte of a new count: low at once, and it stands */
    g_assert_cmpint(level, ==, 0);
    at(2000);
    g_assert_cmpint(level, ==, 0);
    out(0x40, 0);
    at(2006);
    g_assert_cmpuint(rises, ==, 2);
    bench_close(&b);
}

static void test_mode2(void)
{
    open_pit();
    at(500);
    program(0, 2, 100);
    g_assert_cmpint(level, ==, 1);
    at(501 + 98);
    g_assert_true(out_of(0));
    at(501 + 99);
    g_assert_false(out_of(0)); /* one tick low, at count 1 */
    g_assert_cmpuint(count_of(0), ==, 1);
    at(501 + 100);
    g_assert_true(out_of(0));
    unsigned before = rises;
    for (unsigned i = 2; i <= 10; i++) {
        at(501 + 100 * i);
    }
    g_assert_cmpuint(rises, ==, before + 9);
    /* A new count waits for the end of the period that runs. */
    at(501 + 1050);
    out(0x40, 40);
    out(0x40, 0);
    g_assert_cmpuint(count_of(0), ==, 50);
    before = rises;
    at(501 + 1100);
    g_assert_cmpuint(rises, ==, before + 1);
    at(501 + 1139);
    g_assert_cmpuint(rises, ==, before + 1);
    at(501 + 1140);
    g_assert_cmpuint(rises, ==, before + 2);
    bench_close(&b);
}

static void test_mode3(void)
{
    open_pit();
    at(100);
    program(0, 3, 7); /* high for 4, low for 3 */
    static const uint8_t want[] = { 1, 1, 1, 1, 0, 0, 0, 1, 1, 1, 1, 0, 0, 0, 1 };
    for (unsigned i = 0; i < sizeof(want); i++) {
        at(101 + i);
        g_assert_cmpint(out_of(0), ==, want[i]);
    }
    program(0, 3, 0); /* 65536 */
    at(116 + 10);
    g_assert_cmpuint(count_of(0), ==, 65536 - 20); /* by two */
    bench_close(&b);
}

static void test_strobes(void)
{
    open_pit();
    at(10);
    program(0, 4, 20);
    g_assert_true(out_of(0));
    at(10 + 1 + 20);
    g_assert_false(out_of(0));
    at(10 + 1 + 21);
    g_assert_true(out_of(0));
    g_assert_cmpuint(rises, >, 0);
    unsigned once = rises;
    at(200000);
    g_assert_cmpuint(rises, ==, once);
    bench_close(&b);
}

/* Channel 2's gate is bit 0 of port 61h, its output bit 5. */
static void test_gate(void)
{
    open_pit();
    at(50);
    program(2, 0, 100);
    at(1000);
    g_assert_cmpuint(count_of(2), ==, 100);
    g_assert_cmphex(in(0x61) & 0x20, ==, 0);
    out(0x61, 1); /* counting begins, as Linux calibrates */
    at(1040);
    unsigned counted = 100 - count_of(2);
    g_assert_cmpuint(counted, >=, 39);
    g_assert_cmpuint(counted, <=, 41);
    out(0x61, 0);
    at(2000);
    g_assert_cmpuint(count_of(2), ==, 100 - counted);
    out(0x61, 3);
    g_assert_cmphex(in(0x61) & 0x0f, ==, 3);
    at(2062);
    g_assert_cmphex(in(0x61) & 0x20, ==, 0x20);
    bench_close(&b);
}

static void test_triggered(void)
{
    open_pit();
    at(10);
    out(0x61, 0);
    program(2, 1, 30);
    at(100);
    g_assert_true(out_of(2)); /* one-shot: waits for the gate */
    out(0x61, 1);
    at(102);
    g_assert_false(out_of(2));
    at(130);
    g_assert_false(out_of(2));
    at(131);
    g_assert_true(out_of(2));
    out(0x61, 0);
    out(0x61, 1); /* again */
    at(140);
    g_assert_false(out_of(2));
    out(0x61, 0);
    program(2, 5, 30);
    out(0x61, 1);
    at(140 + 1 + 30);
    g_assert_false(out_of(2));
    at(140 + 1 + 31);
    g_assert_true(out_of(2));
    bench_close(&b);
}

static void test_reads(void)
{
    open_pit();
    at(10);
    program(0, 2, 0x1234);
    at(11);
    out(0x43, 0xc2); /* count and status of channel 0 */
    at(500);
    g_assert_cmphex(in(0x40), ==, 0xb4); /* OUT, access 3, mode 2 */
    g_assert_cmphex(in(0x40), ==, 0x34);
    g_assert_cmphex(in(0x40), ==, 0x12);
    out(0x43, 0x00);
    at(600);
    out(0x43, 0x00); /* a second latch does nothing until the first is read */
    unsigned low = in(0x40);
    g_assert_cmpuint(in(0x40) << 8 | low, ==, 0x1234 - 489);
    low = in(0x40); /* not latched: the two bytes in turn */
    g_assert_cmpuint(in(0x40) << 8 | low, ==, 0x1234 - 589);
    out(0x43, 0x14); /* low byte only */
    out(0x40, 200);
    at(650);
    g_assert_cmpuint(in(0x40), ==, 200 - 49);
    out(0x43, 0xe2);
    g_assert_cmphex(in(0x40) & 0x40, ==, 0); /* loaded */
    out(0x43, 0x30);
    out(0x43, 0xe2);
    g_assert_cmphex(in(0x40) & 0x40, ==, 0x40); /* null count */
    bench_close(&b);
}

static void test_bcd(void)
{
    open_pit();
    at(10);
    out(0x43, 0x35); /* mode 2, BCD */
    out(0x40, 0x00);
    out(0x40, 0x10);
    at(12);
    g_assert_cmphex(count_of(0), ==, 0x0999);
    out(0x43, 0x31);
    out(0x40, 0);
    out(0x40, 0); /* 10000 */
    at(14);
    g_assert_cmphex(count_of(0), ==, 0x9999);
    bench_close(&b);
}

/* systemd/mkosi issue 3811: nothing runs for a line that is masked; who listens again finds what there was. */
static void test_no_timer_unheard(void)
{
    open_pit();
    heard = false;
    program(0, 2, 1000);
    g_assert_cmpint((int)timer_deadline(pit->timer), ==, -1);
    unsigned before = rises;
    at(100500);
    g_assert_cmpuint(rises, ==, before);
    heard = true;
    device_lock(&pit->dev);
    pit_look(pit);
    device_unlock(&pit->dev);
    g_assert_cmpuint(rises, ==, before + 1); /* 100 pulses are one request */
    g_assert_cmpint((int)timer_deadline(pit->timer), >, -1);
    at(101001);
    g_assert_cmpuint(rises, ==, before + 2);
    /* A count that no machine could serve does not keep the main loop busy. */
    program(0, 2, 2);
    g_assert_cmpint(timer_deadline(pit->timer), >=, clock_get_ns(test_clock(), CLK_VIRTUAL) + 9000);
    bench_close(&b);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    clock_virtual_stop(test_clock());
    g_test_add_func("/pit/mode0", test_mode0);
    g_test_add_func("/pit/mode2", test_mode2);
    g_test_add_func("/pit/mode3", test_mode3);
    g_test_add_func("/pit/strobes", test_strobes);
    g_test_add_func("/pit/gate", test_gate);
    g_test_add_func("/pit/triggered", test_triggered);
    g_test_add_func("/pit/reads", test_reads);
    g_test_add_func("/pit/bcd", test_bcd);
    g_test_add_func("/pit/no-timer-unheard", test_no_timer_unheard);
    return g_test_run();
}
