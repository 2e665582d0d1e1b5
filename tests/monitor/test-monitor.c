/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Commands of the human monitor on a machine without devices.  Where it matters the
 * texts are those that QEMU prints. */
#include <string.h>

#include "../fake/machine.h"
#include "chardev/chardev.h"
#include "monitor/monitor_priv.h"
#include "net/net.h"
#include "base/log.h"
#include "hw/runstate.h"
#include "base/version.h"
#include "util/keyval.h"
#include "tests/made.h"

static Machine *m;

static void expect(const char *line, const char *answer)
{
    g_autofree char *got = monitor_run_line(m, line);
    g_assert_cmpstr(got, ==, answer);
}

static void expect_has(const char *line, const char *part)
{
    g_autofree char *got = monitor_run_line(m, line);
    if (!strstr(got, part)) {
        g_error("'%s' answers '%s', without '%s'", line, got, part);
    }
}

static void test_state(void)
{
    expect("info status", "VM status: paused (prelaunch)\n");
    expect("c", "");
    expect("info status", "VM status: running\n");
    g_assert_true(fake_accel.running);
    expect("stop", "");
    expect("  info   status ", "VM status: paused\n");
    g_assert_false(fake_accel.running);
}

static void test_unknown(void)
{
    expect("foo", "unknown command: 'foo'\n");
    expect("info foo", "unknown command: 'info foo'\n");
    expect("system_rest", "unknown command: 'system_rest'\ndid you mean 'system_reset'?\n");
    expect("stop x",
           "stop|s: extraneous characters at the end of line\nTry \"help stop\" for more information\n");
    expect("", "");
    expect("help foo", "unknown command: 'foo'\n");
    expect_has("eject a", "unknown command: 'eject'\nnot in this monitor: no drive of removable media");
    expect_has("savevm a", "Error: No block device can store vmstate for snapshot");
    expect_has("info snapshots", "Error: No block device can store vmstate for snapshot");
    expect("loadvm", "loadvm: string expected\nTry \"help loadvm\" for more information\n");
    expect("delvm", "delvm: string expected\nTry \"help delvm\" for more information\n");
    expect_has("device_add virtio-rng-pci", "not in this monitor: the control socket has it");
    expect_has("ringbuf_write c x", "the control socket has it");
    expect_has("query-nothing", "unknown command: 'query-nothing'\n");
    expect_has("info roms", "unknown command: 'info roms'\nnot in this monitor");
    expect_has("help migrate_pause", "the rest of it is not built");
    expect_has("help info pci", "show PCI info");
    expect_has("help info roms", "use info mtree");
    expect("snapshots", "unknown command: 'snapshots'\n"); /* of info only */
    expect("save", "unknown command: 'save'\n");
    expect("help stop", "stop|s  -- stop emulation\n");
    expect_has("help", "system_powerdown  -- ");
    expect_has("info", "info mtree [-f] -- ");
}

/* What is built is not told to be unbuilt. */
static void test_unbuilt(void)
{
    for (int info = 0; info < 2; info++) {
        for (const MonitorCommand *c = info ? monitor_infos : monitor_commands; c->name; c++) {
            g_auto(GStrv) names = g_strsplit(c->name, "|", -1);
            for (unsigned i = 0; names[i]; i++) {
                g_test_message("%s", names[i]); /* strike it in monitor/unbuilt.c */
                g_assert_null(monitor_why_unbuilt(info, names[i]));
            }
        }
    }
}

static void test_print(void)
{
    expect("p 1+2*3", "0x7\n");
    expect("p (1+2)*3", "0x9\n");
    expect("p 8+6&3", "0xa\n"); /* + binds least, in QEMU as here */
    expect("p 6&3+1", "0x3\n");
    expect("p 1+2|4*2&12", "0x9\n");
    expect("p/d -5", "-5\n");
    expect("p /d 10-3", "7\n");
    expect("p /c 65", "'A'\n");
    expect("p /u ~0", "18446744073709551615\n");
    expect("p 'a'", "0x61\n");
    expect("p /x $pc+4", "0x80000004\n");
    expect("p", "unexpected end of expression\nTry \"help p\" for more information\n");
    expect("p -8/2", "0xfffffffffffffffc\n"); /* numbers have a sign, as QEMU's */
    expect("p/d -9/2", "-4\n");
    expect("p/d -7%2", "-1\n");
    expect("p/d 9/-2", "-4\n");
    expect("p (1-2-0x7fffffffffffffff)/-1", "0x8000000000000000\n"); /* the host would trap */
    expect("p (1-2-0x7fffffffffffffff)%-1", "0\n");
    expect("p 1/0", "division by zero\nTry \"help p\" for more information\n");
    expect("p 1 2",
           "print|p: extraneous characters at the end of line\nTry \"help p\" for more information\n");
    expect_has("p $nope", "unknown register");
    expect_has("p 1%0", "division by zero");
    expect_has("p 99999999999999999999", "number too large");
    expect_has("p (1", "')' expected");
    expect_has("p !0", "invalid char '!' in expression");
    g_autofree char *deep = g_strnfill(5000, '(');
    g_autofree char *line = g_strconcat("p ", deep, NULL);
    expect_has(line, "nested too deeply");
}

static void test_dump(void)
{
    static const uint8_t bytes[] = { 0x97, 2, 0, 0, 0x13, 0x86, 0x82, 2, 'H', 'i', '\n', 0 };
    g_assert_cmpint(dma_write(m->memory, FAKE_RAM, bytes, sizeof(bytes)), ==, BUS_OK);
    expect("xp /2xw 0x80000000", "0000000080000000: 0x00000297 0x02828613\n");
    expect("xp /9xb 0x80000000",
           "0000000080000000: 0x97 0x02 0x00 0x00 0x13 0x86 0x82 0x02\n0000000080000008: 0x48\n");
    expect("xp /3uh 0x80000000", "0000000080000000:   663     0 34323\n");
    expect("xp /1dh 0x80000004", "0000000080000004: -31213\n");
    expect("xp /2cb 0x80000008", "0000000080000008: 'H' 'i'\n");
    expect("xp /s 0x80000008", "0000000080000008: \"Hi\\n\"\n");
    expect("xp /1xg 0x80000000", "0000000080000000: 0x0282861300000297\n");
    expect("xp /1ow 0x80000000", "0000000080000000:       01227\n");
    expect("x /2i $pc",
           "0x0000000080000000:  00000297          op151\n0x0000000080000004:  02828613          op19\n");
    expect("x 0", "0000000000000000: Cannot access memory\n");
    expect("xp/1xw 0x80000000", "0000000080000000: 0x00000297\n");
    expect_has("xp /4z 0", "invalid char in format: 'z'");
    expect_has("xp /99999999999x 0", "count in format");
    expect_has("xp", "unexpected end of expression");
    expect_has("x /3i 0x8000fffe", "Cannot access memory");
}

static void test_info(void)
{
    expect_has("info cpus", "* CPU #0: thread_id=");
    expect("cpu 1", "");
    expect_has("info cpus", "* CPU #1: thread_id=");
    expect("cpu 7", "invalid CPU index\n");
    expect("cpu x", "invalid CPU index\n");
    expect("cpu 0", "");
    expect("info registers", "\nCPU#0\n pc 0000000080000000\n");
    expect_has("info registers -a", "CPU#1");
    expect("info registers 9", "Error: CPU#9 not available\n");
    expect("info mem", "No translation or protection\n");
    expect("info uuid", "00000000-0000-0000-0000-000000000000\n");
    expect("info name", "");
    expect("info jit", "no translator\n");
    expect_has("info mtree -f", "fake.ram");
    expect_has("info mtree -x", "unsupported option");
    expect_has("info qtree", "bus: main-system-bus");
    version_set_qemu_name(true);
    expect_has("info version", QEMU_COMPAT_VERSION);
    version_set_qemu_name(false);
}

static void test_log(void)
{
    expect("log int,mmu", "");
    g_assert_cmphex(log_items, ==, LOG_INT | LOG_MMU);
    expect("log none", "");
    g_assert_cmphex(log_items, ==, 0);
    expect_has("log nonsense", "Error: ");
    expect_has("log", "log: argument expected");
}

static void test_hostfwd(void)
{
    expect("hostfwd_add tcp::0-:22", "Error: there is no user network; `info network` lists them\n");
    NetClient *nc = test_netdev(m->nets, "user,id=n0", NULL);
    g_assert_nonnull(nc);
    expect("hostfwd_add udp:127.0.0.1:45321-:53", "");
    expect_has("info usernet", "UDP[HOST_FORWARD]");
    expect("hostfwd_add n1 udp:127.0.0.1:45321-:53",
           "Error: there is no netdev n1; `info network` lists them\n");
    expect_has("hostfwd_add n0 udp:45321", "Error: Invalid host forwarding rule 'udp:45321'");
    expect("hostfwd_add", "hostfwd_add: argument expected\nTry \"help hostfwd_add\" for more information\n");
    expect("hostfwd_remove  n0  udp:127.0.0.1:45321",
           "host forwarding rule for udp:127.0.0.1:45321 removed\n");
    expect_has("hostfwd_remove udp:127.0.0.1:45321", "Error: no host forwarding rule");
    expect(
        "hostfwd_remove udp:127.0.0.1:45321-:9",
        "Error: Invalid host forwarding rule 'udp:127.0.0.1:45321-:9' (Bad host port); write tcp:[hostaddr]:hostport\n");
    expect_has("hostfwd_remove udp", "rule 'udp' (Missing : separator)");
    expect_has("hostfwd_remove n0 udp:127.0.0.1 x:45321", "(Bad host address)");
}

static void test_ringbuf(void)
{
    Chardev *chr = test_chardev(m->chardevs, "ringbuf,id=r0,size=16", NULL);
    g_assert_true(chr && test_chardev(m->chardevs, "null,id=n0", NULL));
    chardev_write(chr, "a\\b\033[m\nrest", 11);
    expect("ringbuf_read r0 7", "a\\\\b\\u001B[m\n");
    expect("ringbuf_read  r0  1k", "rest\n");
    expect("ringbuf_read r0 1k", "\n");
    expect_has("ringbuf_read r1 8", "Error: Device 'r1' not found");
    expect_has("ringbuf_read n0 8", "Error: chardev 'n0' is not a ring buffer");
    expect_has("ringbuf_read r0", "write ringbuf_read DEVICE SIZE");
    expect_has("ringbuf_read r0 x", "write ringbuf_read DEVICE SIZE");
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    m = fake_machine_new();
    g_test_add_func("/monitor/state", test_state);
    g_test_add_func("/monitor/unknown", test_unknown);
    g_test_add_func("/monitor/unbuilt", test_unbuilt);
    g_test_add_func("/monitor/print", test_print);
    g_test_add_func("/monitor/dump", test_dump);
    g_test_add_func("/monitor/info", test_info);
    g_test_add_func("/monitor/log", test_log);
    g_test_add_func("/monitor/hostfwd", test_hostfwd);
    g_test_add_func("/monitor/ringbuf", test_ringbuf);
    int status = g_test_run();
    fake_machine_free(m);
    return status;
}
