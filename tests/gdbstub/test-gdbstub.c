/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The debugger's wire, driven by a scripted client. */
#include <string.h>

#include "../fake/machine.h"
#include "gdbstub/stub.h"
#include "hw/runstate.h"

typedef struct Client {
    Machine *m;
    GdbStub *s;
    GString *got;
} Client;

static void client_write(void *opaque, const uint8_t *bytes, size_t len)
{
    g_string_append_len(((Client *)opaque)->got, (const char *)bytes, len);
}

static void on_state(RunState now, void *opaque)
{
    if (now == RUN_PAUSED) {
        gdb_stub_machine_stopped(((Client *)opaque)->s, GDB_SIGINT);
    }
}

static void on_debug(CPU *cpu, void *opaque)
{
    gdb_stub_debug_event(((Client *)opaque)->s, cpu);
}

static void client_open(Client *c)
{
    c->m = fake_machine_new();
    c->got = g_string_new(NULL);
    c->s = gdb_stub_new(c->m, client_write, c);
    runstate_add_listener(c->m, on_state, c);
    fake_accel.accel.class->set_debug_hook(&fake_accel.accel, on_debug, c);
    gdb_stub_connect(c->s);
}

static void client_close(Client *c)
{
    gdb_stub_disconnect(c->s);
    gdb_stub_free(c->s);
    g_string_free(c->got, true);
    fake_machine_free(c->m);
}

static char *frame(const char *data, size_t len)
{
    uint8_t sum = 0;
    GString *s = g_string_new("$");
    for (size_t i = 0; i < len; i++) {
        sum += (uint8_t)data[i];
    }
    g_string_append_len(s, data, len);
    g_string_append_printf(s, "#%02x", sum);
    return g_string_free(s, false);
}

/* Send a packet, return the data of the answer (acknowledged and checked). */
static char *ask(Client *c, const char *packet)
{
    g_autofree char *framed = frame(packet, strlen(packet));
    g_string_truncate(c->got, 0);
    gdb_stub_feed(c->s, (const uint8_t *)framed, strlen(framed));
    if (c->got->len == 1) {
        return g_strdup("+");
    }
    const char *start = strchr(c->got->str, '$'), *end = strrchr(c->got->str, '#');
    g_assert_nonnull(start);
    g_assert_nonnull(end);
    g_autofree char *data = g_strndup(start + 1, end - start - 1);
    g_autofree char *again = frame(data, strlen(data));
    g_assert_cmpstr(start, ==, again);
    return g_steal_pointer(&data);
}

static void expect(Client *c, const char *packet, const char *answer)
{
    g_autofree char *got = ask(c, packet);
    g_assert_cmpstr(got, ==, answer);
}

static void test_queries(void)
{
    Client c;
    client_open(&c);
    g_autofree char *features = ask(&c, "qSupported:multiprocess+;swbreak+;hwbreak+;xmlRegisters=i386");
    g_assert_nonnull(strstr(features, "PacketSize=4000"));
    g_assert_nonnull(strstr(features, "qXfer:features:read+"));
    expect(&c, "?", "T05thread:01;");
    expect(&c, "qfThreadInfo", "m01,02");
    expect(&c, "qsThreadInfo", "l");
    expect(&c, "qC", "QC01");
    expect(&c, "qAttached", "1");
    expect(&c, "T2", "OK");
    expect(&c, "T3", "E22");
    expect(&c, "Hg2", "OK");
    expect(&c, "qC", "QC02");
    expect(&c, "Hc-1", "OK");
    expect(&c, "Hx1", "E22");
    expect(&c, "vCont?", "vCont;c;C;s;S");
    expect(&c, "vMustReplyEmpty", "");
    expect(&c, "qThreadExtraInfo,1",
           "435055233020"
           "5b72756e6e696e675d"); /* CPU#0 [running] */
    expect(&c, "QStartNoAckMode", "OK");
    g_string_truncate(c.got, 0);
    gdb_stub_feed(c.s, (const uint8_t *)"$qC#00", 6); /* no acknowledgement, sum not looked at */
    g_assert_cmpstr(c.got->str, ==, "$QC02#f6");
    client_close(&c);
}

static void test_description(void)
{
    Client c;
    client_open(&c);
    g_autoptr(GString) xml = g_string_new(NULL);
    for (bool last = false; !last;) {
        g_autofree char *q = g_strdup_printf("qXfer:features:read:target.xml:%zx,100", xml->len);
        g_autofree char *part = ask(&c, q);
        last = part[0] == 'l';
        g_assert_true(last || part[0] == 'm');
        for (char *p = part + 1; *p; p++) {
            g_string_append_c(xml, *p == '}' ? *++p ^ 0x20 : *p);
        }
    }
    g_assert_nonnull(strstr(xml->str, "<architecture>riscv:rv64</architecture>"));
    g_assert_nonnull(strstr(xml->str, "<reg name=\"pc\" bitsize=\"64\" regnum=\"32\" type=\"code_ptr\"/>"));
    g_assert_nonnull(strstr(xml->str, "<union id=\"riscv_double\">"));
    g_assert_nonnull(strstr(xml->str, "<reg name=\"mstatus\" bitsize=\"32\" regnum=\"833\""));
    expect(&c, "qXfer:features:read:other.xml:0,100", "E00");
    expect(&c, "qXfer:features:read:target.xml:fffffff,100", "E22");
    expect(&c, "qXfer:features:read:target.xml:zz", "E22");
    client_close(&c);
}

/* The accelerator has the registers while the machine runs: what gdb reads then are those, and what it
 * writes reaches them. */
static void test_state_of_accelerator(void)
{
    Client c;
    client_open(&c);
    FakeCpu *f = fake_cpu(c.m, 0);
    f->s.x[5] = 0x55;
    expect(&c, "c", "+");
    g_assert_cmphex(f->s.x[5], ==, UINT64_C(0xa5a5a5a5a5a5a5a5));
    f->kernel.x[5] = 0x56; /* the guest ran */
    f->kernel.pc = 0x80000040;
    unsigned fetches = f->fetches;
    fake_debug_stop(c.m, 0);
    expect(&c, "p5", "5600000000000000");
    expect(&c, "p20", "4000008000000000");
    g_assert_cmpuint(f->fetches, ==, fetches + 1); /* once a stop */
    expect(&c, "P5=5700000000000000", "OK");
    expect(&c, "p5", "5700000000000000");
    expect(&c, "c", "+");
    g_assert_cmphex(f->kernel.x[5], ==, 0x57);
    g_assert_cmphex(f->kernel.pc, ==, 0x80000040);
    client_close(&c);
}

static void test_wide_register(void)
{
    Client c;
    client_open(&c);
    expect(&c, "P384=000102030405060708090a0b0c0d0e0f", "OK");
    expect(&c, "p384", "000102030405060708090a0b0c0d0e0f");
    expect(&c, "P384=0001", "E14");
    g_assert_cmphex(fake_cpu(c.m, 0)->s.v0[15], ==, 15);
    client_close(&c);
}

static void test_registers(void)
{
    Client c;
    client_open(&c);
    fake_cpu(c.m, 0)->s.x[2] = 0x1122334455667788;
    g_autofree char *all = ask(&c, "g");
    g_assert_cmpuint(strlen(all), ==, 33 * 16);
    g_assert_true(g_str_has_prefix(all + 32, "8877665544332211"));
    expect(&c, "p20", "0000008000000000");
    expect(&c, "P2=efbeadde00000000", "OK");
    g_assert_cmphex(fake_cpu(c.m, 0)->s.x[2], ==, 0xdeadbeef);
    expect(&c, "p341", "00180000"); /* mstatus: 32 bits */
    expect(&c, "p99", "E14");
    expect(&c, "P2=zz", "E14");
    expect(&c, "P2", "E14");
    expect(&c, "pffffffffffffffffffff", "E14");
    memset(all + 48, '1', 16);
    g_autofree char *set = g_strconcat("G", all, NULL);
    expect(&c, set, "OK");
    g_assert_cmphex(fake_cpu(c.m, 0)->s.x[3], ==, 0x1111111111111111);
    expect(&c, "G11", "E22");
    client_close(&c);
}

static void test_memory(void)
{
    Client c;
    client_open(&c);
    expect(&c, "M80000010,4:01020304", "OK");
    expect(&c, "m80000010,4", "01020304");
    expect(&c, "m80000010,0", "");
    expect(&c, "m0,4", "E14");
    expect(&c, "m80000000,ffffffff", "E22");
    expect(&c, "m80000000", "E22");
    expect(&c, "M80000010,4:0102", "E22");
    expect(&c, "M80000010,ffffffffffffffff:01", "E22");
    char packet[] = "X80000020,2:\x00}\x03"; /* a zero and an escaped '#' */
    g_autofree char *framed = NULL;
    uint8_t sum = 0;
    for (unsigned i = 0; i < sizeof(packet) - 1; i++) {
        sum += (uint8_t)packet[i];
    }
    g_autoptr(GByteArray) bytes = g_byte_array_new();
    g_byte_array_append(bytes, (const uint8_t *)"$", 1);
    g_byte_array_append(bytes, (const uint8_t *)packet, sizeof(packet) - 1);
    framed = g_strdup_printf("#%02x", sum);
    g_byte_array_append(bytes, (const uint8_t *)framed, 3);
    gdb_stub_feed(c.s, bytes->data, bytes->len);
    expect(&c, "m80000020,2", "0023");
    expect(&c, "X80000020,5:ab", "E22");
    client_close(&c);
}

static void test_points(void)
{
    Client c;
    client_open(&c);
    expect(&c, "Z0,80000004,4", "OK");
    expect(&c, "Z0,80000004,4", "OK");
    expect(&c, "Z1,80000004,4", "OK");
    g_assert_cmpuint(c.m->cpus[1]->breakpoints->len, ==, 1);
    expect(&c, "z0,80000004,4", "OK");
    g_assert_cmpuint(c.m->cpus[1]->breakpoints->len, ==, 1); /* the other kind still wants it */
    expect(&c, "z1,80000004,4", "OK");
    g_assert_cmpuint(c.m->cpus[1]->breakpoints->len, ==, 0);
    expect(&c, "Z2,80000100,8", "OK");
    g_assert_cmpint(g_array_index(c.m->cpus[0]->watchpoints, Watchpoint, 0).kind, ==, WATCH_WRITE);
    expect(&c, "Z5,0,1", "");
    expect(&c, "Z2,0,0", "E22");
    expect(&c, "Z3,ffffffffffffffff,8", "E22");
    expect(&c, "Z0,", "E22");
    expect(&c, "z2,80000100,8", "OK");
    for (unsigned i = 0; i < GDB_POINTS_MAX; i++) {
        g_autofree char *p = g_strdup_printf("Z0,%x,4", i * 4);
        expect(&c, p, "OK");
    }
    expect(&c, "Z0,f0000000,4", "E22");
    client_close(&c);
}

static void test_run(void)
{
    Client c;
    client_open(&c);
    expect(&c, "qSupported:swbreak+",
           "PacketSize=4000;QStartNoAckMode+;qXfer:features:read+;vContSupported+;swbreak+;hwbreak+");
    expect(&c, "Z0,80000008,4", "OK");
    expect(&c, "c", "+");
    g_assert_true(fake_accel.running);
    g_assert_cmpint(runstate_get(c.m), ==, RUN_RUNNING);
    g_string_truncate(c.got, 0);
    fake_kernel(c.m, 1)->pc = 0x80000008;
    fake_debug_stop(c.m, 1);
    g_assert_cmpint(runstate_get(c.m), ==, RUN_DEBUG);
    g_assert_nonnull(strstr(c.got->str, "T05thread:02;swbreak:;"));
    expect(&c, "qC", "QC02");
    expect(&c, "vCont;s:2", "+");
    g_assert_true(c.m->cpus[1]->singlestep);
    g_assert_true(c.m->cpus[0]->held); /* not named */
    fake_kernel(c.m, 1)->pc = 0x8000000c;
    g_string_truncate(c.got, 0);
    fake_debug_stop(c.m, 1);
    g_assert_false(c.m->cpus[1]->singlestep);
    g_assert_false(c.m->cpus[0]->held);
    g_assert_nonnull(strstr(c.got->str, "$T05thread:02;#"));
    expect(&c, "vCont;s:1;c", "+");
    g_assert_false(c.m->cpus[1]->held);
    g_string_truncate(c.got, 0);
    gdb_stub_feed(c.s, (const uint8_t *)"\003", 1); /* Ctrl-C */
    g_assert_cmpint(runstate_get(c.m), ==, RUN_DEBUG);
    g_assert_nonnull(strstr(c.got->str, "$T02thread:01;"));
    expect(&c, "vCont;x", "E22");
    expect(&c, "vCont;c:9", "E22");
    expect(&c, "vCont", "E22");
    expect(&c, "s80000100", "+");
    g_assert_cmphex(fake_kernel(c.m, 0)->pc, ==, 0x80000100);
    c.m->cpus[0]->watch_hit = 0x80000200;
    c.m->cpus[0]->watch_hit_kind = WATCH_WRITE;
    g_string_truncate(c.got, 0);
    fake_debug_stop(c.m, 0);
    g_assert_nonnull(strstr(c.got->str, "T05thread:01;watch:80000200;"));
    expect(&c, "D", "OK");
    g_assert_cmpint(runstate_get(c.m), ==, RUN_RUNNING);
    g_assert_cmpuint(c.m->cpus[0]->breakpoints->len, ==, 0);
    client_close(&c);
}

static void test_monitor_command(void)
{
    Client c;
    client_open(&c);
    g_string_truncate(c.got, 0);
    g_autofree char *framed = frame("qRcmd,696e666f20737461747573", 28); /* info status */
    gdb_stub_feed(c.s, (const uint8_t *)framed, strlen(framed));
    g_assert_nonnull(strstr(c.got->str, "$O564d20737461747573")); /* VM status */
    g_assert_nonnull(strstr(c.got->str, "$OK#9a"));
    expect(&c, "qRcmd,zz", "E22");
    client_close(&c);
}

static void test_framing(void)
{
    Client c;
    client_open(&c);
    gdb_stub_feed(c.s, (const uint8_t *)"junk$qC#00", 10);
    g_assert_cmpstr(c.got->str, ==, "-");
    g_string_truncate(c.got, 0);
    gdb_stub_feed(c.s, (const uint8_t *)"$qC#xy", 6);
    g_assert_cmpstr(c.got->str, ==, "-");
    expect(&c, "qC", "QC01");
    g_string_truncate(c.got, 0);
    gdb_stub_feed(c.s, (const uint8_t *)"-", 1); /* again, please */
    g_assert_cmpstr(c.got->str, ==, "$QC01#f5");
    g_string_truncate(c.got, 0);
    for (unsigned i = 0; i < 100; i++) {
        gdb_stub_feed(c.s, (const uint8_t *)"-", 1); /* but not for ever */
    }
    g_assert_cmpuint(c.got->len, ==, 7 * strlen("$QC01#f5"));
    g_string_truncate(c.got, 0);
    gdb_stub_feed(c.s, (const uint8_t *)"$m8000$qC#b4", 12); /* the first was cut short */
    g_assert_cmpstr(c.got->str, ==, "+$QC01#f5");
    g_autofree char *big = g_strnfill(GDB_PACKET_MAX + 100, 'm');
    g_autofree char *framed = frame(big, strlen(big));
    g_string_truncate(c.got, 0);
    gdb_stub_feed(c.s, (const uint8_t *)framed, strlen(framed));
    g_assert_cmpstr(c.got->str, ==, "-");
    client_close(&c);
}

/* A debugger that vanishes leaves no breakpoints, and the machine runs on. */
static void test_gone(void)
{
    Client c;
    client_open(&c);
    expect(&c, "Z0,80000008,4", "OK");
    expect(&c, "c", "+");
    fake_debug_stop(c.m, 0);
    gdb_stub_disconnect(c.s);
    g_assert_cmpint(runstate_get(c.m), ==, RUN_RUNNING);
    g_assert_cmpuint(c.m->cpus[0]->breakpoints->len, ==, 0);
    gdb_stub_connect(c.s);
    g_assert_cmpint(runstate_get(c.m), ==, RUN_DEBUG);
    client_close(&c);
}

/* It takes back what it has asked of vCPUs; what firmware has stopped stays so. */
static void test_gone_in_step(void)
{
    Client c;
    client_open(&c);
    c.m->cpus[0]->stopped = true;
    expect(&c, "vCont;s:2", "+");
    g_assert_true(c.m->cpus[0]->held);
    gdb_stub_disconnect(c.s);
    g_assert_false(c.m->cpus[0]->held);
    g_assert_false(c.m->cpus[1]->singlestep);
    g_assert_true(c.m->cpus[0]->stopped);
    g_assert_true(fake_accel.running);
    fake_debug_stop(c.m, 1); /* the step's end, told late */
    g_assert_true(fake_accel.running);
    g_assert_cmpint(runstate_get(c.m), ==, RUN_RUNNING);
    runstate_stop(c.m, RUN_PAUSED);
    fake_debug_stop(c.m, 1);
    g_assert_cmpint(runstate_get(c.m), ==, RUN_PAUSED);
    client_close(&c);
}

/* A stop by somebody else is not the debugger's to undo. */
static void test_gone_while_paused(void)
{
    Client c;
    client_open(&c);
    expect(&c, "c", "+");
    runstate_stop(c.m, RUN_PAUSED);
    gdb_stub_disconnect(c.s);
    g_assert_cmpint(runstate_get(c.m), ==, RUN_PAUSED);
    gdb_stub_connect(c.s);
    gdb_stub_disconnect(c.s);
    g_assert_cmpint(runstate_get(c.m), ==, RUN_PAUSED);
    runstate_stop(c.m, RUN_SHUTDOWN);
    gdb_stub_connect(c.s);
    expect(&c, "D", "OK");
    g_assert_cmpint(runstate_get(c.m), ==, RUN_SHUTDOWN);
    client_close(&c);
}

/* Random packets: answers, never a crash. */
static void test_hostile(void)
{
    static const char *const heads[] = { "q",
                                         "v",
                                         "vCont;",
                                         "m",
                                         "M",
                                         "X",
                                         "Z",
                                         "z",
                                         "G",
                                         "P",
                                         "p",
                                         "H",
                                         "T",
                                         "s",
                                         "c",
                                         "qXfer:features:read:target.xml:",
                                         "qThreadExtraInfo,",
                                         "" };
    static const char letters[] = "0123456789abcdef,:;=-+gcsCS}*$\x03xZ";
    Client c;
    client_open(&c);
    for (unsigned i = 0; i < 20000; i++) {
        g_autoptr(GString) p = g_string_new(heads[g_test_rand_int_range(0, G_N_ELEMENTS(heads))]);
        for (int n = g_test_rand_int_range(0, 24); n > 0; n--) {
            g_string_append_c(p, letters[g_test_rand_int_range(0, sizeof(letters) - 1)]);
        }
        g_autofree char *framed = frame(p->str, p->len);
        gdb_stub_feed(c.s, (const uint8_t *)framed, strlen(framed));
        g_string_truncate(c.got, 0);
        if (runstate_get(c.m) == RUN_RUNNING && i % 3 == 0) {
            fake_debug_stop(c.m, i & 1);
        }
    }
    client_close(&c);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/gdbstub/queries", test_queries);
    g_test_add_func("/gdbstub/description", test_description);
    g_test_add_func("/gdbstub/registers", test_registers);
    g_test_add_func("/gdbstub/wide-register", test_wide_register);
    g_test_add_func("/gdbstub/state-of-accelerator", test_state_of_accelerator);
    g_test_add_func("/gdbstub/memory", test_memory);
    g_test_add_func("/gdbstub/points", test_points);
    g_test_add_func("/gdbstub/run", test_run);
    g_test_add_func("/gdbstub/monitor", test_monitor_command);
    g_test_add_func("/gdbstub/framing", test_framing);
    g_test_add_func("/gdbstub/gone", test_gone);
    g_test_add_func("/gdbstub/gone-in-step", test_gone_in_step);
    g_test_add_func("/gdbstub/gone-while-paused", test_gone_while_paused);
    g_test_add_func("/gdbstub/hostile", test_hostile);
    return g_test_run();
}
