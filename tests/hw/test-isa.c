/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The ISA bus and its small devices: ports, lines, serial lines, debug console, the end of the machine, port 92h. */
#include <string.h>

#include "bench.h"
#include "chardev/chardev.h"
#include "hw/char/isa_debugcon.h"
#include "hw/char/isa_serial.h"
#include "hw/isa/isa.h"
#include "hw/isa/port92.h"
#include "hw/misc/isa_debug_exit.h"
#include "target/cpu.h"
#include "tests/ends.h"
#include "tests/made.h"

static int levels[ISA_LINES];
static unsigned again;
static void on_line(void *opaque, int line, int level)
{
    again += level == IRQ_AGAIN;
    levels[line] = level != IRQ_LOW;
}

static IsaBridge *isa_open(Bench *b)
{
    bench_open(b);
    memset(levels, 0, sizeof(levels));
    Device *dev = device_new(&isabus_bridge_class, &b->m, NULL);
    bench_add(b, dev);
    IsaBridge *bridge = container_of(dev, IsaBridge, dev);
    for (int i = 0; i < ISA_LINES; i++) {
        irq_connect(&bridge->out[i], on_line, NULL, i);
    }
    return bridge;
}

static uint64_t in(Bench *b, uint16_t port, unsigned size)
{
    uint64_t value;
    memory_read(b->m.io, port, size, &value);
    return value;
}

static void out(Bench *b, uint16_t port, unsigned size, uint64_t value)
{
    memory_write(b->m.io, port, size, value);
}

/* NULL: it could not be made, and err says why. */
static Device *add(Bench *b, const DeviceClass *class, const char *const *props, GError **err)
{
    Device *dev = device_new(class, &b->m, NULL);
    for (unsigned i = 0; props && props[i]; i += 2) {
        g_assert_true(device_set_prop(dev, props[i], props[i + 1], NULL));
    }
    if (!device_realize(dev, machine_find_bus_of_kind(&b->m, "ISA"), err)) {
        device_free(dev);
        return NULL;
    }
    device_reset(dev);
    return dev;
}

/* ---- lines and ports ----------------------------------------------------------------- */

static void test_shared_line(void)
{
    Bench b;
    isa_open(&b);
    IsaBridge *bridge = container_of(machine_find_bus(&b.m, "isa.0")->owner, IsaBridge, dev);
    Irq first, second;
    isa_connect(bridge, &first, 4);
    isa_connect(bridge, &second, 4);
    irq_raise(&first);
    irq_raise(&second);
    irq_lower(&first);
    g_assert_cmpint(levels[4], ==, 1);
    again = 0;
    irq_request(&second);
    g_assert_cmpuint(again, ==, 1);
    irq_lower(&second);
    g_assert_cmpint(levels[4], ==, 0);
    bench_close(&b);
}

static void refused(Bench *b, const DeviceClass *class, const char *const *props, const char *why)
{
    g_autoptr(GError) err = NULL;
    g_assert_null(add(b, class, props, &err));
    g_assert_nonnull(strstr(err->message, why));
}

static void test_conflicts(void)
{
    Bench b;
    isa_open(&b);
    g_assert_nonnull(add(&b, &isa_serial_class, NULL, NULL));
    const char *const same[] = { "iobase", "0x3fb", NULL }, *const beyond[] = { "iobase", "0xfffc", NULL },
                      *const no_line[] = { "irq", "16", NULL };
    refused(&b, &isa_serial_class, same, "isa-serial.0 has some of them");
    refused(&b, &isa_serial_class, beyond, "the last one is 0xffff");
    refused(&b, &isa_serial_class, no_line, "lines 0 to 15");
    refused(&b, &isa_debugcon_class, same, "isa-serial.0");
    refused(&b, &isa_debug_exit_class, same, "isa-serial.0");
    /* What failed has left nothing behind. */
    const char *const free_place[] = { "iobase", "0xfff8", NULL };
    Device *ok = add(&b, &isa_serial_class, free_place, NULL);
    g_assert_nonnull(ok);
    device_free(ok);
    g_assert_nonnull(add(&b, &isa_serial_class, free_place, NULL));
    bench_close(&b);
}

/* ---- serial lines ---------------------------------------------------------------------- */

static void test_serial_places(void)
{
    static const uint16_t ports[] = { 0x3f8, 0x2f8, 0x3e8, 0x2e8 };
    static const uint8_t lines[] = { 4, 3, 4, 3 };
    Bench b;
    isa_open(&b);
    for (unsigned i = 0; i < 4; i++) {
        g_assert_nonnull(add(&b, &isa_serial_class, NULL, NULL));
        out(&b, ports[i] + 7, 1, 0x50 + i);
        g_assert_cmphex(in(&b, ports[i] + 7, 1), ==, 0x50 + i);
        out(&b, ports[i] + 1, 1, 2); /* the transmitter is empty: an interrupt at once */
        g_assert_cmpint(levels[lines[i]], ==, 1);
        out(&b, ports[i] + 1, 1, 0);
        g_assert_cmpint(levels[lines[i]], ==, 0);
    }
    refused(&b, &isa_serial_class, NULL, "Max. supported number of ISA serial ports is 4");
    /* A wide access is one of two registers: IER and IIR. */
    out(&b, 0x3f8, 2, 0x0141);
    g_assert_cmphex(in(&b, 0x3f9, 1), ==, 1);
    g_assert_cmphex(in(&b, 0x3ff, 2) & 0xff, ==, 0x50);
    bench_close(&b);
}

static void test_serial_goes_with_line(void)
{
    Bench b;
    isa_open(&b);
    Device *dev = add(&b, &isa_serial_class, NULL, NULL);
    out(&b, 0x3f9, 1, 2);
    g_assert_cmpint(levels[4], ==, 1);
    device_free(dev);
    g_assert_cmpint(levels[4], ==, 0);
    g_assert_cmphex(in(&b, 0x3ff, 1), ==, 0xff); /* nothing there */
    bench_close(&b);
}

/* ---- debug console ----------------------------------------------------------------------- */

static void test_debugcon(void)
{
    Bench b;
    isa_open(&b);
    Chardev *ring = test_chardev(test_chardevs(), "ringbuf,id=dc", NULL);
    const char *const props[] = { "iobase", "0x402", "chardev", "dc", NULL };
    g_assert_nonnull(add(&b, &isa_debugcon_class, props, NULL));
    g_assert_cmphex(in(&b, 0x402, 1), ==, 0xe9);
    out(&b, 0x402, 1, 'o');
    out(&b, 0x402, 1, 'k');
    g_autoptr(GBytes) got = chardev_ringbuf_read(ring, 16, NULL);
    g_assert_cmpmem(g_bytes_get_data(got, NULL), g_bytes_get_size(got), "ok", 2);
    bench_close(&b);
}

/* ---- the end ------------------------------------------------------------------------------ */

static int shutdowns, resets, status;
void __wrap_runstate_request_shutdown(Machine *m, ShutdownCause cause, int exit_status);
void __wrap_runstate_request_reset(Machine *m, ShutdownCause cause);
void __wrap_runstate_request_shutdown(Machine *m, ShutdownCause cause, int exit_status)
{
    shutdowns++;
    status = exit_status;
}
void __wrap_runstate_request_reset(Machine *m, ShutdownCause cause)
{
    resets++;
}

/* rust-osdev/bootimage issue 107: the vCPU runs nothing behind the write. */
static void test_debug_exit(void)
{
    Bench b;
    isa_open(&b);
    CPU cpu = { .ops = &vcpu_ops_none };
    const char *const props[] = { "iobase", "0xf4", "iosize", "4", NULL };
    Device *dev = add(&b, &isa_debug_exit_class, props, NULL);
    g_assert_cmphex(in(&b, 0xf4, 4), ==, 0);
    out(&b, 0xf4, 4, 0x10);
    g_assert_cmpint(shutdowns, ==, 1);
    g_assert_cmpint(status, ==, 0x21);
    cpu_set_current(&cpu);
    out(&b, 0xf5, 1, 0);
    cpu_set_current(NULL);
    g_assert_cmpint(status, ==, 1);
    g_assert_true(cpu.stopped);
    g_assert_cmpuint(cpu.exit_request, ==, 1);
    device_reset(dev);
    g_assert_false(cpu.stopped);
    bench_close(&b);
}

static void test_port92(void)
{
    Bench b;
    isa_open(&b);
    Device *dev = device_new(&port92_class, &b.m, NULL);
    Port92 *p = container_of(dev, Port92, dev);
    irq_connect(&p->a20, on_line, NULL, 9);
    bench_add(&b, dev);
    g_assert_cmpint(levels[9], ==, 1);
    g_assert_cmphex(in(&b, 0x92, 1), ==, 2);
    out(&b, 0x92, 1, 0);
    g_assert_cmpint(levels[9], ==, 0);
    g_assert_cmpint(resets, ==, 0);
    out(&b, 0x92, 1, 3);
    out(&b, 0x92, 1, 3);
    g_assert_cmpint(resets, ==, 1);
    g_assert_cmpint(levels[9], ==, 1);
    device_reset(dev);
    g_assert_cmphex(in(&b, 0x92, 1), ==, 2);
    bench_close(&b);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/isa/shared-line", test_shared_line);
    g_test_add_func("/isa/conflicts", test_conflicts);
    g_test_add_func("/isa/serial-places", test_serial_places);
    g_test_add_func("/isa/serial-goes-with-line", test_serial_goes_with_line);
    g_test_add_func("/isa/debugcon", test_debugcon);
    g_test_add_func("/isa/debug-exit", test_debug_exit);
    g_test_add_func("/isa/port92", test_port92);
    int r = g_test_run();
    test_close_chardevs();
    return r;
}
