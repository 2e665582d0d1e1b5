/* SPDX-License-Identifier: GPL-2.0-or-later */
/* MC146818: the time in all forms, setting it, alarm, periodic and update-ended interrupts, memory.  -rtc clock=vm, and the
 * virtual clock is moved. */
#include "bench.h"
#include "hw/isa/isa.h"
#include "hw/timer/mc146818.h"
#include "tests/loop.h"

enum { A = 0x0a, B = 0x0b, C = 0x0c, D = 0x0d, CENTURY = 0x32 };
#define SECOND INT64_C(1000000000)
/* Tue 2024-12-31 23:59:58 UTC */
#define START INT64_C(1735689598)

static Bench b;
static Mc146818 *rtc;
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

static void at(int64_t ns)
{
    clock_virtual_set_ns(test_clock(), ns);
    clock_run_timers(test_clock());
}

static void put(uint8_t index, uint8_t value)
{
    memory_write(b.m.io, 0x70, 1, index);
    memory_write(b.m.io, 0x71, 1, value);
}

static uint8_t get(uint8_t index)
{
    uint64_t value;
    memory_write(b.m.io, 0x70, 1, 0x80 | index);
    memory_read(b.m.io, 0x71, 1, &value);
    return value;
}

static void open_rtc(void)
{
    bench_open(&b);
    clock_virtual_set_ns(test_clock(), 0);
    b.config.rtc_clock = RTC_VM;
    level = 0;
    heard = true;
    Device *dev = device_new(&mc146818_class, &b.m, NULL);
    rtc = container_of(dev, Mc146818, dev);
    irq_connect(&rtc->irq, on_irq, NULL, 8);
    rtc->heard = is_heard;
    bench_add(&b, dev);
    rtc->base.base = START * SECOND;
    rtc->s.seen = START * SECOND;
    rises = 0;
}

static void shows(const uint8_t *want) /* year, month, day, hour, minute, second */
{
    static const uint8_t index[] = { 9, 8, 7, 4, 2, 0 };
    for (unsigned i = 0; i < sizeof(index); i++) {
        g_assert_cmphex(get(index[i]), ==, want[i]);
    }
}

static void test_time(void)
{
    open_rtc();
    g_assert_cmphex(get(A), ==, 0x26);
    g_assert_cmphex(get(D), ==, 0x80);
    shows((const uint8_t[]){ 0x24, 0x12, 0x31, 0x23, 0x59, 0x58 });
    g_assert_cmphex(get(CENTURY), ==, 0x20);
    g_assert_cmphex(get(6), ==, 3); /* Tuesday */
    put(B, 0);                      /* 12 hours */
    g_assert_cmphex(get(4), ==, 0x91);
    put(B, 4);
    g_assert_cmphex(get(4), ==, 0x80 | 11);
    put(B, 6);
    at(2 * SECOND);
    shows((const uint8_t[]){ 25, 1, 1, 0, 0, 0 });
    put(B, 0);
    g_assert_cmphex(get(4), ==, 0x12); /* midnight is 12 AM */
    at(2 * SECOND + SECOND - 200000);
    g_assert_cmphex(get(A), ==, 0xa6); /* UIP */
    put(B, 0x80);
    g_assert_cmphex(get(A), ==, 0x26);
    bench_close(&b);
}

static void test_set(void)
{
    open_rtc();
    put(B, 0x82);
    g_assert_cmphex(get(0), ==, 0x58); /* it stands */
    put(9, 0x99);
    put(CENTURY, 0x19);
    put(8, 0x02);
    put(7, 0x28);
    put(4, 0x12);
    at(3 * SECOND);
    shows((const uint8_t[]){ 0x99, 0x02, 0x28, 0x12, 0x59, 0x58 });
    put(B, 0x02);
    at(5 * SECOND);
    shows((const uint8_t[]){ 0x99, 0x02, 0x28, 0x13, 0x00, 0x00 });
    put(4, 0x17); /* without SET: at once */
    at(6 * SECOND);
    shows((const uint8_t[]){ 0x99, 0x02, 0x28, 0x17, 0x00, 0x01 });
    device_reset(&rtc->dev); /* the clock goes on */
    shows((const uint8_t[]){ 0x99, 0x02, 0x28, 0x17, 0x00, 0x01 });
    bench_close(&b);
}

static void test_update_ended(void)
{
    open_rtc();
    put(B, 0x12);
    at(SECOND - 1);
    g_assert_cmpint(level, ==, 0);
    at(SECOND);
    g_assert_cmpint(level, ==, 1);
    g_assert_cmpint((int)timer_deadline(rtc->timer), ==, -1); /* nothing more until C is read */
    at(5 * SECOND);
    g_assert_cmpuint(rises, ==, 1);
    g_assert_cmphex(get(C) & 0x90, ==, 0x90);
    g_assert_cmpint(level, ==, 0);
    g_assert_cmphex(get(C), ==, 0);
    at(6 * SECOND);
    g_assert_cmpuint(rises, ==, 2);
    put(B, 0x02);
    g_assert_cmpint(level, ==, 0);
    at(7 * SECOND);
    g_assert_cmphex(get(C) & 0x10, ==, 0x10); /* polled */
    g_assert_cmpuint(rises, ==, 2);
    bench_close(&b);
}

static void test_periodic(void)
{
    open_rtc();
    put(A, 0x2f); /* 2 Hz */
    put(B, 0x42);
    for (unsigned i = 1; i <= 6; i++) {
        at(i * SECOND / 2);
        g_assert_cmpuint(rises, ==, i);
        g_assert_cmphex(get(C) & 0xc0, ==, 0xc0);
    }
    heard = false; /* systemd/mkosi issue 3811: no timer for who does not listen */
    get(C);
    g_assert_cmpint((int)timer_deadline(rtc->timer), ==, -1);
    at(10 * SECOND);
    g_assert_cmpuint(rises, ==, 6);
    heard = true;
    device_lock(&rtc->dev);
    mc146818_look(rtc);
    device_unlock(&rtc->dev);
    g_assert_cmpuint(rises, ==, 7);
    put(A, 0x20); /* none */
    get(C);
    at(20 * SECOND);
    g_assert_cmpuint(rises, ==, 7);
    bench_close(&b);
}

static void test_alarm(void)
{
    open_rtc();
    put(1, 0x30); /* at 00:01:30 */
    put(3, 0x01);
    put(5, 0x00);
    put(B, 0x22);
    g_assert_cmpint(timer_deadline(rtc->timer), ==, 92 * SECOND);
    at(91 * SECOND);
    g_assert_cmpint(level, ==, 0);
    at(92 * SECOND);
    g_assert_cmpint(level, ==, 1);
    g_assert_cmphex(get(C) & 0xa0, ==, 0xa0);
    put(5, 0xff); /* each hour */
    g_assert_cmpint(timer_deadline(rtc->timer), ==, (92 + 3600) * SECOND);
    put(3, 0xc0);
    put(1, 0xff); /* each second */
    g_assert_cmpint(timer_deadline(rtc->timer), ==, 93 * SECOND);
    put(1, 0x75); /* never */
    g_assert_cmpint((int)timer_deadline(rtc->timer), ==, -1);
    bench_close(&b);
}

static void test_memory(void)
{
    open_rtc();
    mc146818_set_cmos(rtc, 0x34, 0x12);
    put(0x0f, 0x0a);
    put(0x40, 0x77);
    device_reset(&rtc->dev);
    g_assert_cmphex(get(0x34), ==, 0x12);
    g_assert_cmphex(get(0x0f), ==, 0x0a); /* firmware resumes by it */
    g_assert_cmphex(get(0x40), ==, 0x77);
    put(0xc0 | D, 0); /* index 4d: bit 7 is the NMI's */
    put(D, 0);
    g_assert_cmphex(get(D), ==, 0x80);
    bench_close(&b);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    clock_virtual_stop(test_clock());
    g_test_add_func("/mc146818/time", test_time);
    g_test_add_func("/mc146818/set", test_set);
    g_test_add_func("/mc146818/update-ended", test_update_ended);
    g_test_add_func("/mc146818/periodic", test_periodic);
    g_test_add_func("/mc146818/alarm", test_alarm);
    g_test_add_func("/mc146818/memory", test_memory);
    return g_test_run();
}
