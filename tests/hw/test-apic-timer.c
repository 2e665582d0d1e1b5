/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The local APIC's timer: one shot, periodic, by the time stamp counter. */
#include "apic-rig.h"

static int64_t deadline(unsigned i)
{
    return timer_deadline(q->lapic[i]->timer);
}

static void test_one_shot(void)
{
    open_machine(1);
    enable_all();
    cpu(0)->tsc_khz = 1000000; /* a count a ns */
    put(0, DIVIDE, 3);         /* by 16 */
    put(0, LVTT, 0x30);
    put(0, INITIAL, 1000);
    g_assert_cmpuint(get(0, CURRENT), ==, 1000);
    at(1600);
    g_assert_cmpuint(get(0, CURRENT), ==, 900);
    put(0, DIVIDE, 0xb); /* by 1: what is left goes on */
    g_assert_cmpuint(get(0, CURRENT), ==, 900);
    at(1600 + 899);
    g_assert_cmpint(take(0), ==, -1);
    at(1600 + 900);
    g_assert_cmpint(take(0), ==, 0x30);
    put(0, EOI, 0);
    g_assert_cmpuint(get(0, CURRENT), ==, 0);
    g_assert_cmpint((int)deadline(0), ==, -1);
    put(0, LVTT, MASKED | 0x30);
    put(0, INITIAL, 100);
    g_assert_cmpint((int)deadline(0), ==, -1); /* masked: nothing waits */
    at(5000);
    put(0, LVTT, 0x30);
    g_assert_cmpint(take(0), ==, -1); /* and it is not made up for */
    put(0, INITIAL, 100);
    put(0, INITIAL, 0); /* stopped */
    at(9000);
    g_assert_cmpint(take(0), ==, -1);
    close_machine();
}

static void test_periodic(void)
{
    open_machine(1);
    enable_all();
    cpu(0)->tsc_khz = 1000000;
    put(0, DIVIDE, 0xb);
    put(0, LVTT, 1 << 17 | 0x30);
    put(0, INITIAL, 100000);
    for (unsigned i = 1; i <= 5; i++) {
        at(100000 * i - 1);
        g_assert_cmpint(take(0), ==, -1);
        at(100000 * i);
        g_assert_cmpint(take(0), ==, 0x30);
        put(0, EOI, 0);
    }
    at(750000); /* late: one for what was missed, and the next one in time */
    g_assert_cmpint(take(0), ==, 0x30);
    put(0, EOI, 0);
    g_assert_cmpuint(get(0, CURRENT), ==, 50000);
    g_assert_cmpint(deadline(0), ==, START_NS + 800000);
    put(0, INITIAL, 1); /* does not keep the main loop busy */
    g_assert_cmpint(deadline(0), >=, START_NS + 750000 + 20000);
    close_machine();
}

static void test_tsc_deadline(void)
{
    uint64_t v;
    open_machine(1);
    enable_all();
    cpu(0)->tsc_khz = 2000000;
    put(0, LVTT, 2 << 17 | 0x30);
    put(0, INITIAL, 1000); /* not this mode's */
    g_assert_cmpint((int)deadline(0), ==, -1);
    uint64_t now = x86_tsc(cpu(0));
    g_assert_true(wrmsr(0, 0x6e0, now + 2001));
    g_assert_true(rdmsr(0, 0x6e0, &v));
    g_assert_cmphex(v, ==, now + 2001);
    at(1000);
    g_assert_cmpint(take(0), ==, -1);
    at(1001);
    g_assert_cmpint(take(0), ==, 0x30);
    put(0, EOI, 0);
    g_assert_true(rdmsr(0, 0x6e0, &v));
    g_assert_cmphex(v, ==, 0);
    g_assert_true(wrmsr(0, 0x6e0, 1)); /* long past: at once */
    g_assert_cmpint(take(0), ==, 0x30);
    put(0, EOI, 0);
    g_assert_true(wrmsr(0, 0x6e0, x86_tsc(cpu(0)) + 20000));
    g_assert_true(wrmsr(0, 0x10, x86_tsc(cpu(0)) + 40000)); /* the TSC is moved over it */
    g_assert_cmpint(take(0), ==, 0x30);
    put(0, EOI, 0);
    put(0, LVTT, MASKED | 2 << 17 | 0x30); /* nobody hears of one that passes behind the mask */
    g_assert_true(wrmsr(0, 0x6e0, x86_tsc(cpu(0)) + 20000));
    at(50000);
    put(0, LVTT, 2 << 17 | 0x30);
    g_assert_cmpint(take(0), ==, -1);
    g_assert_true(rdmsr(0, 0x6e0, &v));
    g_assert_cmphex(v, ==, 0);
    put(0, LVTT, MASKED | 2 << 17 | 0x30);
    g_assert_true(wrmsr(0, 0x6e0, x86_tsc(cpu(0)) + 20000));
    at(100000);
    g_assert_true(rdmsr(0, 0x6e0, &v));
    g_assert_cmphex(v, ==, 0);
    put(0, LVTT, 2 << 17 | 0x30);
    g_assert_true(wrmsr(0, 0x6e0, x86_tsc(cpu(0)) + 20000));
    put(0, LVTT, 0x30); /* another mode: disarmed */
    g_assert_true(rdmsr(0, 0x6e0, &v));
    g_assert_cmphex(v, ==, 0);
    g_assert_true(wrmsr(0, 0x6e0, x86_tsc(cpu(0)) + 20000)); /* which takes no deadline */
    g_assert_true(rdmsr(0, 0x6e0, &v));
    g_assert_cmphex(v, ==, 0);
    close_machine();
}

/* One-shot and periodic in turn: the count goes on. */
static void test_mode_changes(void)
{
    open_machine(1);
    enable_all();
    cpu(0)->tsc_khz = 1000000;
    put(0, DIVIDE, 0xb);
    put(0, LVTT, 0x30);
    put(0, INITIAL, 100000);
    at(60000);
    put(0, LVTT, 1 << 17 | 0x30);
    g_assert_cmpuint(get(0, CURRENT), ==, 40000);
    at(100000);
    g_assert_cmpint(take(0), ==, 0x30);
    put(0, EOI, 0);
    at(130000);
    g_assert_cmpuint(get(0, CURRENT), ==, 70000); /* loaded again */
    put(0, LVTT, 0x31);
    g_assert_cmpuint(get(0, CURRENT), ==, 70000);
    clock_virtual_set_ns(test_clock(), START_NS + 200000); /* it is due, and nobody has looked yet */
    put(0, LVTT, 1 << 17 | 0x32);
    g_assert_cmpint(take(0), ==, 0x31); /* as it was then */
    put(0, EOI, 0);
    g_assert_cmpuint(get(0, CURRENT), ==, 0);
    at(900000);
    g_assert_cmpint(take(0), ==, -1); /* it stands */
    close_machine();
}

/* A deadline that is loaded into a machine whose timer is in another mode is waited for, in whatever order the parts are. */
static void test_tsc_deadline_loaded(void)
{
    for (int cpu_first = 0; cpu_first < 2; cpu_first++) {
        uint64_t v;
        open_machine(1);
        enable_all();
        cpu(0)->tsc_khz = 2000000;
        put(0, LVTT, 2 << 17 | 0x30);
        uint64_t due = x86_tsc(cpu(0)) + 2000;
        g_assert_true(wrmsr(0, 0x6e0, due));
        g_autoptr(GByteArray) apic = device_save(&q->lapic[0]->dev);
        g_autoptr(GByteArray) state = cpu_state_save(b.m.cpus[0]);
        put(0, LVTT, MASKED); /* and the deadline goes */
        if (cpu_first) {
            g_assert_true(cpu_state_load(b.m.cpus[0], state->data, state->len, NULL));
        }
        g_assert_true(device_load(&q->lapic[0]->dev, apic->data, apic->len, NULL));
        if (!cpu_first) {
            g_assert_true(cpu_state_load(b.m.cpus[0], state->data, state->len, NULL));
        }
        g_assert_true(rdmsr(0, 0x6e0, &v));
        g_assert_cmphex(v, ==, due);
        at(1000);
        g_assert_cmpint(take(0), ==, 0x30);
        close_machine();
    }
}

/* One that passed as the state was saved, and of which nobody had heard: neither order of the parts loses its interrupt. */
static void test_tsc_deadline_loaded_due(void)
{
    for (int cpu_first = 0; cpu_first < 2; cpu_first++) {
        open_machine(1);
        enable_all();
        cpu(0)->tsc_khz = 2000000;
        put(0, LVTT, 2 << 17 | 0x30);
        g_assert_true(wrmsr(0, 0x6e0, x86_tsc(cpu(0)) + 2000));
        clock_virtual_set_ns(test_clock(), START_NS + 1000); /* its timer has not run yet */
        g_autoptr(GByteArray) apic = device_save(&q->lapic[0]->dev);
        g_autoptr(GByteArray) state = cpu_state_save(b.m.cpus[0]);
        for (int part = 0; part < 2; part++) {
            if (part == !cpu_first) {
                g_assert_true(cpu_state_load(b.m.cpus[0], state->data, state->len, NULL));
            } else {
                g_assert_true(device_load(&q->lapic[0]->dev, apic->data, apic->len, NULL));
            }
        }
        at(1001);
        g_assert_cmpint(take(0), ==, 0x30);
        put(0, EOI, 0);
        g_assert_cmpint(take(0), ==, -1); /* once */
        close_machine();
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    clock_virtual_stop(test_clock());
    g_test_add_func("/apic/timer/one-shot", test_one_shot);
    g_test_add_func("/apic/timer/periodic", test_periodic);
    g_test_add_func("/apic/timer/tsc-deadline", test_tsc_deadline);
    g_test_add_func("/apic/timer/tsc-deadline-loaded", test_tsc_deadline_loaded);
    g_test_add_func("/apic/timer/tsc-deadline-loaded-due", test_tsc_deadline_loaded_due);
    g_test_add_func("/apic/timer/mode-changes", test_mode_changes);
    return g_test_run();
}
