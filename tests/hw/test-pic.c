/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The pair of 8259A: initialization, priorities, ends of interrupts, special modes, spurious vectors, polling, levels. */
#include "bench.h"
#include "hw/intc/i8259.h"
#include "hw/isa/isa.h"

enum { M = 0x20, S = 0xa0, BASE = 0x30, SLAVE_BASE = 0x70 };

static Bench b;
static Pic *pic;

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

static void init_chip(uint16_t port, uint8_t base, uint8_t cascade, uint8_t icw4)
{
    out(port, 0x11);
    out(port + 1, base);
    out(port + 1, cascade);
    out(port + 1, icw4);
}

static void open_pair(uint8_t icw4)
{
    bench_open(&b);
    bench_add(&b, device_new(&isabus_bridge_class, &b.m, NULL));
    pic = pic_pair_new(&b.m, machine_find_bus(&b.m, "isa.0"), NULL, NULL);
    g_assert_nonnull(pic);
    device_reset(&pic->dev);
    device_reset(&pic->slave->dev);
    init_chip(M, BASE, 4, icw4);
    init_chip(S, SLAVE_BASE, 2, 1);
}

static void line(int n, int level)
{
    device_lock(&pic->dev);
    pic_pair_drive(pic, n, level);
    device_unlock(&pic->dev);
}

static bool pending(void)
{
    return pic->source.pending(pic);
}

/* INTA, as the vCPU does it: -1 when INTR is low. */
static int take(void)
{
    return pending() ? pic->source.acknowledge(pic) : -1;
}

static void test_masks(void)
{
    open_pair(1);
    g_assert_cmphex(in(M + 1), ==, 0);
    out(M + 1, 0xfe);
    line(1, 1);
    g_assert_false(pending());
    g_assert_cmphex(in(M), ==, 2); /* IRR */
    g_assert_false(pic_hears(pic, 1));
    out(M + 1, 0xfc);
    g_assert_true(pic_hears(pic, 1));
    g_assert_false(pic_hears(pic, 9)); /* the cascade is masked */
    g_assert_cmpint(take(), ==, BASE + 1);
    g_assert_false(pending());
    g_assert_cmphex(in(M), ==, 0);
    out(M, 0x0b); /* read ISR */
    g_assert_cmphex(in(M), ==, 2);
    bench_close(&b);
}

static void test_priorities(void)
{
    open_pair(1);
    line(5, 1);
    line(3, 1);
    g_assert_cmpint(take(), ==, BASE + 3);
    g_assert_false(pending()); /* 5 waits for 3's end */
    line(0, 1);
    g_assert_cmpint(take(), ==, BASE + 0); /* nested */
    out(M, 0x20);
    g_assert_false(pending());
    out(M, 0x20);
    g_assert_cmpint(take(), ==, BASE + 5);
    out(M, 0x65); /* specific */
    out(M, 0x0b);
    g_assert_cmphex(in(M), ==, 0);
    bench_close(&b);
}

static void test_rotation(void)
{
    open_pair(1);
    line(3, 1);
    g_assert_cmpint(take(), ==, BASE + 3);
    out(M, 0xa0); /* rotate on non-specific EOI: 3 is the lowest now */
    line(3, 0);
    line(3, 1);
    line(4, 1);
    g_assert_cmpint(take(), ==, BASE + 4);
    out(M, 0x20);
    g_assert_cmpint(take(), ==, BASE + 3);
    out(M, 0xe3);
    out(M, 0xc0); /* set priority: 0 is the lowest, 1 the highest */
    line(0, 1);
    line(1, 1);
    g_assert_cmpint(take(), ==, BASE + 1);
    bench_close(&b);
}

static void test_auto_eoi(void)
{
    open_pair(3);
    out(M, 0x80); /* rotate in automatic EOI */
    line(1, 1);
    line(6, 1);
    g_assert_cmpint(take(), ==, BASE + 1);
    g_assert_cmpint(take(), ==, BASE + 6);
    out(M, 0x0b);
    g_assert_cmphex(in(M), ==, 0);
    line(1, 0);
    line(1, 1);
    line(7, 1);
    g_assert_cmpint(take(), ==, BASE + 7); /* 6 is the lowest: 7 first */
    bench_close(&b);
}

static void test_slave(void)
{
    open_pair(1);
    line(8, 1);
    line(12, 1);
    g_assert_cmpint(take(), ==, SLAVE_BASE + 0);
    g_assert_false(pending());
    out(S, 0x20);
    g_assert_false(pending()); /* the master's input 2 is in service */
    out(M, 0x20);
    g_assert_cmpint(take(), ==, SLAVE_BASE + 4);
    out(M, 0x0b);
    g_assert_cmphex(in(M), ==, 1 << 2);
    out(S, 0x0b);
    g_assert_cmphex(in(S), ==, 1 << 4);
    bench_close(&b);
}

/* A better request of the slave interrupts its other one. */
static void test_special_nested(void)
{
    open_pair(0x11);
    line(12, 1);
    g_assert_cmpint(take(), ==, SLAVE_BASE + 4);
    line(8, 1);
    g_assert_cmpint(take(), ==, SLAVE_BASE + 0);
    bench_close(&b);
}

static void test_special_mask(void)
{
    open_pair(1);
    line(2, 1); /* the cascade is no line of the board's */
    line(1, 1);
    g_assert_cmpint(take(), ==, BASE + 1);
    line(6, 1);
    g_assert_false(pending());
    out(M + 1, 1 << 1);
    out(M, 0x68); /* special mask: what is masked keeps nobody off */
    g_assert_cmpint(take(), ==, BASE + 6);
    out(M, 0x20); /* and is not ended by a non-specific EOI */
    out(M, 0x0b);
    g_assert_cmphex(in(M), ==, 1 << 1);
    out(M, 0x48);
    line(7, 1);
    g_assert_false(pending());
    bench_close(&b);
}

static void test_spurious(void)
{
    open_pair(1);
    out(0x4d0, 0xff);
    g_assert_cmphex(in(0x4d0), ==, 0xf8);
    line(5, 1);
    g_assert_true(pending());
    line(5, 0);
    g_assert_false(pending()); /* level: it has gone */
    g_assert_cmpint(pic->source.acknowledge(pic), ==, BASE + 7);
    out(M, 0x0b);
    g_assert_cmphex(in(M), ==, 0);
    /* The slave's request goes between the first and the second INTA. */
    line(8, 1);
    device_lock(&pic->dev);
    pic->slave->s.irr = 0;
    g_assert_cmpint(pic_acknowledge(pic), ==, SLAVE_BASE + 7);
    device_unlock(&pic->dev);
    g_assert_cmphex(in(M), ==, 1 << 2);
    out(S, 0x0b);
    g_assert_cmphex(in(S), ==, 0);
    bench_close(&b);
}

static void test_poll(void)
{
    open_pair(1);
    line(4, 1);
    out(M, 0x0c);
    g_assert_cmphex(in(M), ==, 0x84);
    g_assert_false(pending());
    out(M, 0x0c);
    g_assert_cmphex(in(M + 1), ==, 0); /* nothing; by either port */
    out(M, 0x0b);
    g_assert_cmphex(in(M), ==, 1 << 4);
    bench_close(&b);
}

static void test_edge_and_level(void)
{
    open_pair(1);
    line(6, 1);
    line(6, IRQ_AGAIN);
    line(6, 0);
    g_assert_cmpint(take(), ==, BASE + 6); /* what was asked for once stays, and is one request */
    out(M, 0x20);
    g_assert_false(pending());
    out(0x4d1, 0xff);
    g_assert_cmphex(in(0x4d1), ==, 0xde);
    line(9, 1);
    g_assert_cmpint(take(), ==, SLAVE_BASE + 1);
    out(S, 0x20);
    out(M, 0x20);
    g_assert_cmpint(take(), ==, SLAVE_BASE + 1); /* still high */
    line(9, 0);
    out(S, 0x20);
    out(M, 0x20);
    g_assert_false(pending());
    /* ICW1 forgets requests of edges: they want a new one. */
    line(1, 1);
    init_chip(M, BASE, 4, 1);
    g_assert_false(pending());
    line(1, 0);
    line(1, 1);
    g_assert_cmpint(take(), ==, BASE + 1);
    bench_close(&b);
}

static void test_init_forms(void)
{
    open_pair(1);
    out(M, 0x12); /* single, no ICW4: ICW2 and no more */
    out(M + 1, 0x47);
    out(M + 1, 0xf0); /* the mask */
    g_assert_cmphex(in(M + 1), ==, 0xf0);
    line(0, 1);
    g_assert_cmpint(take(), ==, 0x40); /* the low three bits are the line's */
    bench_close(&b);
}

/* A saved pair goes on where it was, the cascade included. */
static void test_saved(void)
{
    open_pair(1);
    line(10, 1);
    g_autoptr(GByteArray) first = device_save(&pic->dev), second = device_save(&pic->slave->dev);
    bench_close(&b);
    open_pair(1);
    g_assert_true(device_load(&pic->dev, first->data, first->len, NULL));
    g_assert_true(device_load(&pic->slave->dev, second->data, second->len, NULL));
    g_assert_cmpint(take(), ==, SLAVE_BASE + 2);
    bench_close(&b);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/pic/masks", test_masks);
    g_test_add_func("/pic/priorities", test_priorities);
    g_test_add_func("/pic/rotation", test_rotation);
    g_test_add_func("/pic/auto-eoi", test_auto_eoi);
    g_test_add_func("/pic/slave", test_slave);
    g_test_add_func("/pic/special-nested", test_special_nested);
    g_test_add_func("/pic/special-mask", test_special_mask);
    g_test_add_func("/pic/spurious", test_spurious);
    g_test_add_func("/pic/poll", test_poll);
    g_test_add_func("/pic/edge-and-level", test_edge_and_level);
    g_test_add_func("/pic/init-forms", test_init_forms);
    g_test_add_func("/pic/saved", test_saved);
    return g_test_run();
}
