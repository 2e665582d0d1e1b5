/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The real-time clock, the test finisher, and firmware configuration. */
#include <string.h>

#include "bench.h"
#include "hw/misc/sifive_test.h"
#include "hw/nvram/fw_cfg.h"
#include "hw/timer/goldfish_rtc.h"
#include "tests/loop.h"

static int level;
static unsigned requests;
static void on_irq(void *opaque, int line, int now)
{
    level = now != 0;
    requests += level;
}

/* ---- goldfish ------------------------------------------------------------ */

static GoldfishRtc *rtc_open(Bench *b)
{
    bench_open(b);
    b->config.rtc_clock = RTC_VM;
    clock_virtual_set_ns(test_clock(), 1000);
    GoldfishRtc *r = container_of(device_new(&goldfish_rtc_class, &b->m, NULL), GoldfishRtc, dev);
    irq_connect(&r->irq, on_irq, NULL, 0);
    bench_add(b, &r->dev);
    return r;
}

static uint64_t rtc_time(Bench *b, const GoldfishRtc *r)
{
    uint64_t low = bench_get(b, &r->regs, "time-low");
    return bench_get(b, &r->regs, "time-high") << 32 | low;
}

/* Each clock of -rtc starts with the host's time. */
static void test_rtc_clocks(void)
{
    for (RtcClock clock = RTC_HOST; clock <= RTC_VM; clock++) {
        Bench b;
        bench_open(&b);
        b.config.rtc_clock = clock;
        GoldfishRtc *r = container_of(device_new(&goldfish_rtc_class, &b.m, NULL), GoldfishRtc, dev);
        int64_t before = clock_get_ns(test_clock(), CLK_HOST);
        bench_add(&b, &r->dev);
        int64_t now = (int64_t)rtc_time(&b, r);
        g_assert_cmpint(now, >=, before - 1000000000);
        g_assert_cmpint(now, <=, clock_get_ns(test_clock(), CLK_HOST) + 1000000000);
        bench_close(&b);
    }
}

static void test_rtc_time(void)
{
    Bench b;
    GoldfishRtc *r = rtc_open(&b);
    int64_t off = (int64_t)(rtc_time(&b, r) - (uint64_t)clock_get_ns(test_clock(), CLK_HOST));
    g_assert_cmpint(ABS(off), <, INT64_C(5000000000));
    bench_put(&b, &r->regs, "time-high", 0x1234);
    bench_put(&b, &r->regs, "time-low", 0x5678);
    g_assert_cmphex(rtc_time(&b, r), ==, UINT64_C(0x123400005678));
    clock_virtual_set_ns(test_clock(), 1500);
    g_assert_cmphex(rtc_time(&b, r), ==, UINT64_C(0x123400005678) + 500);
    device_reset(g_ptr_array_index(b.m.devices, 0));
    g_assert_cmphex(rtc_time(&b, r), ==, UINT64_C(0x123400005678) + 500);
    bench_close(&b);
}

static void test_rtc_alarm(void)
{
    Bench b;
    level = 0;
    GoldfishRtc *r = rtc_open(&b);
    bench_put(&b, &r->regs, "time-high", 1);
    bench_put(&b, &r->regs, "time-low", 0);
    bench_put(&b, &r->regs, "irq-enabled", 1);
    bench_put(&b, &r->regs, "alarm-high", 1);
    bench_put(&b, &r->regs, "alarm-low", 700);
    g_assert_cmpuint(bench_get(&b, &r->regs, "alarm-status"), ==, 1);
    clock_virtual_set_ns(test_clock(), 1000 + 699);
    clock_run_timers(test_clock());
    g_assert_cmpint(level, ==, 0);
    clock_virtual_set_ns(test_clock(), 1000 + 700);
    clock_run_timers(test_clock());
    g_assert_cmpint(level, ==, 1);
    g_assert_cmpuint(bench_get(&b, &r->regs, "alarm-status"), ==, 0);
    bench_put(&b, &r->regs, "irq-enabled", 0);
    g_assert_cmpint(level, ==, 0);
    bench_put(&b, &r->regs, "irq-enabled", 1);
    g_assert_cmpint(level, ==, 1);
    bench_put(&b, &r->regs, "clear-interrupt", 1);
    g_assert_cmpint(level, ==, 0);
    bench_put(&b, &r->regs, "alarm-low", 800);
    bench_put(&b, &r->regs, "clear-alarm", 1);
    clock_virtual_set_ns(test_clock(), 5000);
    clock_run_timers(test_clock());
    g_assert_cmpint(level, ==, 0);
    bench_put(&b, &r->regs, "alarm-low", 5); /* in the past: at once */
    g_assert_cmpint(level, ==, 1);
    unsigned before = requests;
    bench_get(&b, &r->regs, "alarm-status");
    g_assert_cmpuint(requests, ==, before);
    bench_put(&b, &r->regs, "alarm-low", 6); /* the first was not cleared: asked for again */
    g_assert_cmpuint(requests, ==, before + 1);
    bench_close(&b);
}

/* ---- finisher ------------------------------------------------------------ */

/* What the finisher asks of the system comes here (the linker's --wrap). */
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

static void test_finisher(void)
{
    Bench b;
    bench_open(&b);
    g_assert_nonnull(bench_device(&b, &sifive_test_class));
    hwaddr at = bench_window(&b, 0);
    bench_write(&b, at, 4, 0x5555);
    g_assert_cmpint(shutdowns, ==, 1);
    g_assert_cmpint(status, ==, 0);
    bench_write(&b, at, 4, 7 << 16 | 0x3333);
    g_assert_cmpint(status, ==, 7);
    bench_write(&b, at, 2, 0x7777);
    g_assert_cmpint(resets, ==, 1);
    bench_write(&b, at, 4, 0x1234);
    bench_write(&b, at + 4, 4, 0x5555);
    g_assert_cmpint(shutdowns, ==, 2);
    g_assert_cmpuint(bench_read(&b, at, 4), ==, 0);
    bench_close(&b);
}

/* ---- fw_cfg -------------------------------------------------------------- */

static FwCfg *fw_cfg_open(Bench *b, hwaddr *data, hwaddr *select, hwaddr *dma)
{
    bench_open(b);
    FwCfg *f = (FwCfg *)bench_device(b, &fw_cfg_class);
    *data = bench_window(b, 0);
    *select = bench_window(b, 1);
    *dma = bench_window(b, 2);
    return f;
}

static void test_fw_cfg_items(void)
{
    Bench b;
    hwaddr data, select, dma;
    FwCfg *f = fw_cfg_open(&b, &data, &select, &dma);
    g_assert_cmphex(bench_read(&b, data, 4), ==, 0x554d4551); /* item 0 after reset: "QEMU" */
    g_assert_cmphex(bench_read(&b, data, 8), ==, 0);          /* past its end */
    bench_write(&b, select, 2, 0x0100);                       /* key 1, big endian */
    g_assert_cmphex(bench_read(&b, data, 1), ==, 3);
    fw_cfg_add_u16(f, FW_CFG_NB_CPUS, 0x0204);
    bench_write(&b, select, 2, 0x0500);
    g_assert_cmphex(bench_read(&b, data, 1), ==, 4);
    g_assert_cmphex(bench_read(&b, data, 4), ==, 2);
    bench_write(&b, select, 2, 0xffff);
    g_assert_cmphex(bench_read(&b, data, 4), ==, 0);
    bench_write(&b, data, 4, 1); /* ignored */
    bench_close(&b);
}

static void test_fw_cfg_files(void)
{
    Bench b;
    hwaddr data, select, dma;
    FwCfg *f = fw_cfg_open(&b, &data, &select, &dma);
    g_autoptr(GBytes) bytes = g_bytes_new("contents", 8);
    g_autoptr(GError) err = NULL;
    g_assert_true(fw_cfg_add_file(f, "opt/z", bytes, NULL));
    g_assert_true(fw_cfg_add_file(f, "opt/a", bytes, NULL));
    g_assert_false(fw_cfg_add_file(f, "opt/a", bytes, &err));
    g_assert_nonnull(strstr(err->message, "one of that name"));
    g_assert_false(
        fw_cfg_add_file(f, "a name that is much too long for the fifty-six bytes of an entry", bytes, NULL));
    bench_write(&b, select, 2, 0x1900);
    uint8_t dir[4 + 2 * 64];
    for (unsigned i = 0; i < sizeof(dir); i++) {
        dir[i] = (uint8_t)bench_read(&b, data, 1);
    }
    g_assert_cmpmem(dir, 4, "\0\0\0\2", 4);
    g_assert_cmpmem(dir + 4, 8, "\0\0\0\10\0\41\0\0", 8); /* sorted: opt/a, key 0x21 */
    g_assert_cmpstr((char *)dir + 12, ==, "opt/a");
    g_assert_cmpstr((char *)dir + 76, ==, "opt/z");
    bench_close(&b);
}

static void request(Bench *b, hwaddr at, uint32_t control, uint32_t len, uint64_t address)
{
    struct {
        uint32_t control, len;
        uint64_t address;
    } r = {
        GUINT32_TO_BE(control),
        GUINT32_TO_BE(len),
        GUINT64_TO_BE(address),
    };
    g_assert_cmpint(dma_write(b->m.memory, at, &r, sizeof(r)), ==, BUS_OK);
}

static uint32_t result(Bench *b, hwaddr at)
{
    uint32_t v;
    g_assert_cmpint(dma_read(b->m.memory, at, &v, 4), ==, BUS_OK);
    return GUINT32_FROM_BE(v);
}

static void test_fw_cfg_dma(void)
{
    Bench b;
    hwaddr data, select, dma;
    char buf[16];
    fw_cfg_open(&b, &data, &select, &dma);
    g_assert_cmphex(bench_read(&b, dma, 8), ==, GUINT64_SWAP_LE_BE(UINT64_C(0x51454d5520434647)));
    g_assert_cmphex(bench_read(&b, dma, 4), ==, GUINT32_SWAP_LE_BE(0x51454d55));
    memset(b.m.ram.ram->host + 0x100, 'x', 16);
    request(&b, RAM_BASE, 0 << 16 | 8 | 2, 6, RAM_BASE + 0x100);
    bench_write(&b, dma, 8, GUINT64_SWAP_LE_BE((uint64_t)RAM_BASE));
    g_assert_cmphex(result(&b, RAM_BASE), ==, 0);
    dma_read(b.m.memory, RAM_BASE + 0x100, buf, 8);
    g_assert_cmpmem(buf, 8, "QEMU\0\0xx", 8);     /* past the end: zeroes */
    request(&b, RAM_BASE, 0 << 16 | 8 | 4, 2, 0); /* select, skip 2; by two halves */
    bench_write(&b, dma, 4, 0);
    bench_write(&b, dma + 4, 4, GUINT32_SWAP_LE_BE((uint32_t)RAM_BASE));
    g_assert_cmphex(result(&b, RAM_BASE), ==, 0);
    g_assert_cmphex(bench_read(&b, data, 2), ==, 0x554d);
    request(&b, RAM_BASE, 0x10, 2, RAM_BASE); /* writes are refused */
    bench_write(&b, dma + 4, 4, GUINT32_SWAP_LE_BE((uint32_t)RAM_BASE));
    g_assert_cmphex(result(&b, RAM_BASE), ==, 1);
    b.m.ram.ram->host[0x200] = 'x';
    request(&b, RAM_BASE, 0 << 16 | 8 | 2, UINT32_MAX, RAM_BASE + 0x200); /* 4 GiB of four bytes: not begun */
    bench_write(&b, dma + 4, 4, GUINT32_SWAP_LE_BE((uint32_t)RAM_BASE));
    g_assert_cmphex(result(&b, RAM_BASE), ==, 1);
    g_assert_cmpint(b.m.ram.ram->host[0x200], ==, 'x');
    request(&b, RAM_BASE, 0 << 16 | 8 | 2, 1 << 24, RAM_BASE + 0x200); /* leaves RAM */
    bench_write(&b, dma + 4, 4, GUINT32_SWAP_LE_BE((uint32_t)RAM_BASE));
    g_assert_cmphex(result(&b, RAM_BASE), ==, 1);
    bench_write(&b, dma, 8, UINT64_MAX); /* the request itself is nowhere */
    bench_write(&b, dma, 8, GUINT64_SWAP_LE_BE(data));
    bench_close(&b);
}

/* As SeaBIOS reads it. */
static void test_fw_cfg_ports(void)
{
    Bench b;
    bench_open(&b);
    bench_device(&b, &fw_cfg_io_class);
    hwaddr io = bench_window(&b, 0);
    bench_write(&b, io, 2, 0); /* signature, little endian */
    const char *want = "QEMU";
    for (unsigned i = 0; i < 4; i++) {
        g_assert_cmpint(bench_read(&b, io + 1, 1), ==, want[i]);
    }
    bench_write(&b, io, 2, FW_CFG_ID);
    g_assert_cmpint(bench_read(&b, io + 1, 1), ==, 3);
    bench_write(&b, io + 1, 1, 0); /* data cannot be written */
    g_assert_cmpint(bench_read(&b, io + 1, 1), ==, 0);
    bench_close(&b);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    clock_virtual_stop(test_clock());
    g_test_add_func("/goldfish-rtc/time", test_rtc_time);
    g_test_add_func("/goldfish-rtc/clocks", test_rtc_clocks);
    g_test_add_func("/goldfish-rtc/alarm", test_rtc_alarm);
    g_test_add_func("/sifive-test/requests", test_finisher);
    g_test_add_func("/fw-cfg/items", test_fw_cfg_items);
    g_test_add_func("/fw-cfg/ports", test_fw_cfg_ports);
    g_test_add_func("/fw-cfg/files", test_fw_cfg_files);
    g_test_add_func("/fw-cfg/dma", test_fw_cfg_dma);
    return g_test_run();
}
