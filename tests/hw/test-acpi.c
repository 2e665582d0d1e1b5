/* SPDX-License-Identifier: GPL-2.0-or-later */
/* AML, checksums of tables, the event device, and what microvm's tables name. */
#include <string.h>

#include "bench.h"
#include "hw/acpi/aml.h"
#include "hw/acpi/ged.h"
#include "hw/acpi/pm_timer.h"
#include "hw/acpi/tables.h"
#include "tests/loop.h"
#include "util/bytes.h"

/* What Intel's compiler (iasl) makes of the same source. */
static void test_aml(void)
{
    /* clang-format off */
    static const uint8_t want[] = {
        0x10, 0x4f, 0x0e, 0x5c, 0x5f, 0x53, 0x42, 0x5f, 0x5b, 0x82, 0x46, 0x0e, 0x47, 0x45, 0x44, 0x5f, 0x08, 0x5f,
        0x48, 0x49, 0x44, 0x0c, 0x41, 0xd0, 0x0c, 0x0c, 0x08, 0x5f, 0x55, 0x49, 0x44, 0x0b, 0x2c, 0x01, 0x5b, 0x80,
        0x45, 0x52, 0x45, 0x47, 0x00, 0x0c, 0x00, 0x00, 0xa0, 0xfe, 0x0a, 0x04, 0x5b, 0x81, 0x0b, 0x45, 0x52, 0x45,
        0x47, 0x43, 0x45, 0x53, 0x45, 0x4c, 0x20, 0x14, 0x20, 0x5f, 0x45, 0x56, 0x54, 0x09, 0x70, 0x45, 0x53, 0x45,
        0x4c, 0x60, 0xa0, 0x13, 0x7b, 0x60, 0x0a, 0x02, 0x00, 0x86, 0x5c, 0x2e, 0x5f, 0x53, 0x42, 0x5f, 0x47, 0x45,
        0x44, 0x5f, 0x0a, 0x80, 0x08, 0x5f, 0x43, 0x52, 0x53, 0x11, 0x44, 0x07, 0x0a, 0x70, 0x47, 0x01, 0xf8, 0x03,
        0xf8, 0x03, 0x01, 0x08, 0x22, 0x10, 0x00, 0x86, 0x09, 0x00, 0x01, 0x00, 0x00, 0xb0, 0xfe, 0x00, 0x02, 0x00,
        0x00, 0x89, 0x06, 0x00, 0x01, 0x01, 0x18, 0x00, 0x00, 0x00, 0x88, 0x0d, 0x00, 0x02, 0x0c, 0x00, 0x00, 0x00,
        0x00, 0x00, 0xff, 0x00, 0x00, 0x00, 0x00, 0x01, 0x88, 0x0d, 0x00, 0x01, 0x0c, 0x03, 0x00, 0x00, 0x00, 0x10,
        0xff, 0xff, 0x00, 0x00, 0x00, 0xf0, 0x8a, 0x2b, 0x00, 0x00, 0x0c, 0x01, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
        0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x04, 0x00, 0x00, 0x00, 0xff, 0xff, 0xff, 0xff, 0x07, 0x00, 0x00, 0x00,
        0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x04, 0x00, 0x00, 0x00, 0x79, 0x00,
        0x08, 0x50, 0x4b, 0x47, 0x5f, 0x12, 0x12, 0x03, 0x00, 0x0d, 0x74, 0x65, 0x78, 0x74, 0x00, 0x0e, 0x89, 0x67,
        0x45, 0x23, 0x01, 0x00, 0x00, 0x00,
    };
    /* clang-format on */
    Aml *t = aml_new(), *sb = aml_new(), *d = aml_new(), *r = aml_new(), *handler = aml_new(),
        *press = aml_new(), *pkg = aml_new();
    aml_name(d, "_HID");
    aml_eisa_id(d, "PNP0C0C");
    aml_name(d, "_UID");
    aml_int(d, 300);
    aml_memory_field(d, "EREG", 0xfea00000, 4, "ESEL", 32);
    aml_store_to_local0(handler, "ESEL");
    aml_notify(press, "\\_SB.GED", 0x80);
    aml_if_local0_has(handler, 2, press);
    aml_method(d, "_EVT", 1, true, handler);
    aml_resource_io(r, 0x3f8, 8);
    aml_resource_irq(r, 4);
    aml_resource_memory(r, 0xfeb00000, 0x200);
    aml_resource_interrupt(r, 0x18);
    aml_resource_buses(r, 0, 0xff);
    aml_resource_ports(r, 0x1000, 0xffff);
    aml_resource_window(r, 0x400000000, 0x7ffffffff);
    aml_resources(d, r);
    aml_name(d, "PKG");
    aml_int(pkg, 0);
    aml_string(pkg, "text");
    aml_int(pkg, 0x123456789);
    aml_package(d, 3, pkg);
    aml_device(sb, "GED", d);
    aml_scope(t, "\\_SB", sb);
    g_assert_cmpmem(t->data, t->len, want, sizeof(want));
    g_byte_array_unref(t);
}

/* PkgLength has one to three bytes here, and counts itself. */
static void test_lengths(void)
{
    static const struct {
        unsigned content, length;
        uint8_t bytes[3];
        unsigned count;
    } cases[] = {
        { 58, 63, { 0x3f }, 1 },
        { 59, 65, { 0x41, 0x04 }, 2 },
        { 4089, 4095, { 0x4f, 0xff }, 2 },
        { 4090, 4097, { 0x81, 0x00, 0x01 }, 3 },
    };
    for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
        Aml *t = aml_new(), *body = aml_new();
        g_byte_array_set_size(body, cases[i].content);
        memset(body->data, 0xa3, body->len); /* NoopOp */
        aml_scope(t, "XXXX", body);
        g_assert_cmpmem(t->data + 1, cases[i].count, cases[i].bytes, cases[i].count);
        g_assert_cmpuint(t->len, ==, 1 + cases[i].length);
        g_byte_array_unref(t);
    }
}

static uint8_t sum(const uint8_t *p, unsigned bytes)
{
    uint8_t s = 0;
    while (bytes--) {
        s += *p++;
    }
    return s;
}

static void test_tables(void)
{
    AcpiTables t = { .bytes = g_byte_array_new(), .at = 0xf2000 };
    Aml *body = aml_new();
    aml_string(body, "abc");
    uint32_t one = acpi_add_table(&t, "SSDT", 2, body, true);
    uint32_t rsdp = acpi_finish(&t);
    const uint8_t *base = t.bytes->data, *p = base + (rsdp - t.at);
    g_assert_cmpuint(rsdp % 16, ==, 0); /* it is searched for */
    g_assert_cmpmem(p, 8, "RSD PTR ", 8);
    g_assert_cmpuint(sum(p, 20), ==, 0);
    g_assert_cmpuint(sum(p, 36), ==, 0);
    const uint8_t *xsdt = base + (load_le(p + 24, 8) - t.at);
    g_assert_cmpuint(sum(xsdt, load_le(xsdt + 4, 4)), ==, 0);
    g_assert_cmpuint(load_le(xsdt + 4, 4), ==, ACPI_HEADER_BYTES + 8);
    g_assert_cmphex(load_le(xsdt + ACPI_HEADER_BYTES, 8), ==, one);
    const uint8_t *ssdt = base + (one - t.at);
    g_assert_cmpuint(sum(ssdt, load_le(ssdt + 4, 4)), ==, 0);
    g_byte_array_unref(t.bytes);
}

/* ---- the event device -------------------------------------------------------------- */

static int level, shutdowns, resets;
static void on_irq(void *opaque, int line, int now)
{
    level = now != 0;
}

void __wrap_runstate_request_shutdown(Machine *m, ShutdownCause cause, int exit_status);
void __wrap_runstate_request_reset(Machine *m, ShutdownCause cause);
void __wrap_runstate_request_shutdown(Machine *m, ShutdownCause cause, int exit_status)
{
    shutdowns++;
}
void __wrap_runstate_request_reset(Machine *m, ShutdownCause cause)
{
    resets++;
}

static void test_ged(void)
{
    Bench b;
    bench_open(&b);
    Ged *g = container_of(device_new(&ged_class, &b.m, NULL), Ged, dev);
    irq_connect(&g->irq, on_irq, NULL, 0);
    bench_add(&b, &g->dev);
    ged_event(g, GED_POWER_BUTTON, 1);
    ged_event(g, GED_POWER_BUTTON, 0);
    g_assert_cmpint(level, ==, 1);
    g_assert_cmphex(bench_get(&b, &g->events, "events"), ==, GED_POWER_BUTTON);
    g_assert_cmpint(level, ==, 0);
    g_assert_cmphex(bench_get(&b, &g->events, "events"), ==, 0);
    bench_put(&b, &g->regs, "sleep-control", GED_SLEEP_TYPE_OFF << 2); /* not enabled */
    bench_put(&b, &g->regs, "sleep-control", 1 << 2 | 0x20);           /* S1 */
    g_assert_cmpint(shutdowns, ==, 0);
    bench_put(&b, &g->regs, "sleep-control", GED_SLEEP_TYPE_OFF << 2 | 0x20);
    g_assert_cmpint(shutdowns, ==, 1);
    bench_put(&b, &g->regs, "reset", 1);
    g_assert_cmpint(resets, ==, 0);
    bench_put(&b, &g->regs, "reset", GED_RESET_VALUE);
    g_assert_cmpint(resets, ==, 1);
    bench_close(&b);
}

static void test_pm_timer(void)
{
    Bench b;
    bench_open(&b);
    clock_virtual_stop(test_clock());
    clock_virtual_set_ns(test_clock(), 0);
    bench_device(&b, &pm_timer_class);
    hwaddr at = bench_window(&b, 0);
    g_assert_cmpuint(bench_read(&b, at, 4), ==, 0);
    clock_virtual_set_ns(test_clock(), 1000000000);
    g_assert_cmpuint(bench_read(&b, at, 4), ==, PM_TIMER_HZ);
    clock_virtual_set_ns(test_clock(), INT64_C(10000000000));
    g_assert_cmpuint(bench_read(&b, at, 4), ==, 35795450 & 0xffffff); /* 24 bits */
    bench_write(&b, at, 4, 1);
    bench_close(&b);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/acpi/aml", test_aml);
    g_test_add_func("/acpi/lengths", test_lengths);
    g_test_add_func("/acpi/tables", test_tables);
    g_test_add_func("/acpi/ged", test_ged);
    g_test_add_func("/acpi/pm-timer", test_pm_timer);
    return g_test_run();
}
