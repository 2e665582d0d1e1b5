/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Packets: one row each, found by prefix; the longest prefixes stand first.
 *
 * A packet that is not in the table gets the empty answer, which means "not supported"
 * in the protocol.  Numbers and lengths from the wire are checked before use. */
#include <string.h>

#include "gdbstub/stub.h"
#include "hw/runstate.h"

typedef struct Packet {
    const char *prefix;
    /* p: what follows the prefix, of len bytes, closed by a zero */
    void (*run)(GdbStub *s, const char *p, size_t len);
} Packet;

static void ok_or_error(GdbStub *s, bool ok, const char *error)
{
    gdb_send_text(s, ok ? "OK" : error);
}

CPU *gdb_general_cpu(GdbStub *s)
{
    return s->general ? s->general : s->stopped ? s->stopped : s->machine->cpus[0];
}

/* "addr,len" and then `end`. */
static bool parse_range(const char **p, char end, uint64_t *addr, uint64_t *len)
{
    if (!gdb_parse_hex(p, addr) || *(*p)++ != ',' || !gdb_parse_hex(p, len) || **p != end) {
        return false;
    }
    *p += end != 0;
    return true;
}

/* ---- queries ---- */

static void query_supported(GdbStub *s, const char *p, size_t len)
{
    s->swbreak = strstr(p, "swbreak+");
    s->hwbreak = strstr(p, "hwbreak+");
    g_autofree char *text = g_strdup_printf("PacketSize=%x;QStartNoAckMode+;qXfer:features:read+;"
                                            "vContSupported+;swbreak+;hwbreak+",
                                            GDB_PACKET_MAX);
    gdb_send_text(s, text);
}

static void start_noack(GdbStub *s, const char *p, size_t len)
{
    gdb_send_text(s, "OK");
    s->noack = true;
}

/* "target.xml:offset,length" */
static void query_features(GdbStub *s, const char *p, size_t len)
{
    uint64_t offset, length;
    if (!g_str_has_prefix(p, "target.xml:")) {
        gdb_send_text(s, "E00");
        return;
    }
    p += strlen("target.xml:");
    if (!parse_range(&p, 0, &offset, &length)) {
        gdb_send_text(s, "E22");
        return;
    }
    const char *xml = gdb_target_xml(s);
    size_t total = strlen(xml);
    length = MIN(length, (GDB_PACKET_MAX - 4) / 2); /* room for escapes */
    if (offset > total) {
        gdb_send_text(s, "E22");
        return;
    }
    bool last = length >= total - offset;
    g_autoptr(GString) out = g_string_new(last ? "l" : "m");
    g_string_append_len(out, xml + offset, last ? total - offset : length);
    gdb_send(s, out->str, out->len);
}

static void list_threads(GdbStub *s)
{
    g_autoptr(GString) out = g_string_new(NULL);
    while (s->list_at < s->machine->cpu_count && out->len < 1024) {
        g_string_append_printf(out, "%s%02x", out->len ? "," : "m", ++s->list_at);
    }
    gdb_send_text(s, out->len ? out->str : "l");
}

static void query_first_threads(GdbStub *s, const char *p, size_t len)
{
    s->list_at = 0;
    list_threads(s);
}

static void query_more_threads(GdbStub *s, const char *p, size_t len)
{
    list_threads(s);
}

static void query_thread_info(GdbStub *s, const char *p, size_t len)
{
    CPU *cpu;
    if (!gdb_parse_thread(s, p, &cpu) || !cpu) {
        gdb_send_text(s, "E22");
        return;
    }
    g_autofree char *text =
        g_strdup_printf("CPU#%u [%s]", cpu->index, cpu_is_halted(cpu) ? "halted " : "running");
    g_autoptr(GString) out = g_string_new(NULL);
    gdb_append_hex(out, text, strlen(text));
    gdb_send_text(s, out->str);
}

static void query_current(GdbStub *s, const char *p, size_t len)
{
    g_autofree char *text = g_strdup_printf("QC%02x", gdb_general_cpu(s)->index + 1);
    gdb_send_text(s, text);
}

static void query_attached(GdbStub *s, const char *p, size_t len)
{
    gdb_send_text(s, "1");
}

static void query_monitor(GdbStub *s, const char *p, size_t len)
{
    g_autofree char *line = g_malloc0(len / 2 + 1);
    if (len % 2 || !gdb_decode_hex(p, line, len / 2) || strlen(line) > 4095) {
        gdb_send_text(s, "E22");
        return;
    }
    MachineServices *services = s->machine->services;
    if (!services) {
        gdb_send_text(s, ""); /* not known here */
        return;
    }
    g_autofree char *answer = services->run_command(services, line);
    size_t total = strlen(answer), chunk = (GDB_PACKET_MAX - 4) / 2;
    for (size_t at = 0; at < total; at += chunk) {
        g_autoptr(GString) out = g_string_new("O");
        gdb_append_hex(out, answer + at, MIN(chunk, total - at));
        gdb_send(s, out->str, out->len);
    }
    gdb_send_text(s, "OK");
}

/* ---- registers and memory ---- */

static void read_all(GdbStub *s, const char *p, size_t len)
{
    g_autoptr(GString) out = g_string_new(NULL);
    gdb_read_registers(s, out);
    gdb_send_text(s, out->str);
}

static void write_all(GdbStub *s, const char *p, size_t len)
{
    ok_or_error(s, gdb_write_registers(s, p), "E22");
}

static void read_one(GdbStub *s, const char *p, size_t len)
{
    uint64_t number;
    g_autoptr(GString) out = g_string_new(NULL);
    bool ok = gdb_parse_hex(&p, &number) && number <= UINT16_MAX && gdb_read_register(s, number, out);
    gdb_send_text(s, ok ? out->str : "E14");
}

static void write_one(GdbStub *s, const char *p, size_t len)
{
    uint64_t number;
    bool ok = gdb_parse_hex(&p, &number) && number <= UINT16_MAX && *p == '=' &&
              gdb_write_register(s, number, p + 1);
    ok_or_error(s, ok, "E14");
}

/* `maintenance packet Qqemu.PhyMemMode:1`, as QEMU's manual has it (System emulation, GDB usage):
 * addresses of memory packets are physical from then on. */
static void query_physical(GdbStub *s, const char *p, size_t len)
{
    gdb_send_text(s, s->physical ? "1" : "0");
}

static void set_physical(GdbStub *s, const char *p, size_t len)
{
    bool ok = len == 1 && (*p == '0' || *p == '1');
    s->physical = ok ? *p == '1' : s->physical;
    ok_or_error(s, ok, "E22");
}

static bool debugger_read(GdbStub *s, uint64_t addr, void *buf, uint64_t len)
{
    CPU *cpu = gdb_general_cpu(s);
    return s->physical ? memory_debug_read(cpu->as, addr, buf, len) == BUS_OK
                       : cpu_debug_read(cpu, addr, buf, len);
}

static bool debugger_write(GdbStub *s, uint64_t addr, const void *buf, uint64_t len)
{
    CPU *cpu = gdb_general_cpu(s);
    return s->physical ? memory_debug_write(cpu->as, addr, buf, len) == BUS_OK
                       : cpu_debug_write(cpu, addr, buf, len);
}

static void read_memory(GdbStub *s, const char *p, size_t len)
{
    uint64_t addr, length;
    if (!parse_range(&p, 0, &addr, &length) || length > (GDB_PACKET_MAX - 4) / 2) {
        gdb_send_text(s, "E22");
        return;
    }
    g_autofree uint8_t *bytes = g_malloc(length + 1);
    if (!debugger_read(s, addr, bytes, length)) {
        gdb_send_text(s, "E14");
        return;
    }
    g_autoptr(GString) out = g_string_new(NULL);
    gdb_append_hex(out, bytes, length);
    gdb_send_text(s, out->str);
}

static void write_hex(GdbStub *s, const char *p, size_t len)
{
    uint64_t addr, length;
    if (!parse_range(&p, ':', &addr, &length) || length > GDB_PACKET_MAX / 2) {
        gdb_send_text(s, "E22");
        return;
    }
    g_autofree uint8_t *bytes = g_malloc(length + 1);
    if (strlen(p) != 2 * length || !gdb_decode_hex(p, bytes, length)) {
        gdb_send_text(s, "E22");
        return;
    }
    ok_or_error(s, debugger_write(s, addr, bytes, length), "E14");
}

static void write_binary(GdbStub *s, const char *p, size_t len)
{
    const char *end = p + len;
    uint64_t addr, length;
    if (!parse_range(&p, ':', &addr, &length) || length != (uint64_t)(end - p)) {
        gdb_send_text(s, "E22");
        return;
    }
    ok_or_error(s, !length || debugger_write(s, addr, p, length), "E14");
}

/* ---- breakpoints ---- */

static void change_point(GdbStub *s, const char *p, bool add)
{
    uint64_t kind, addr, len;
    if (!gdb_parse_hex(&p, &kind) || *p++ != ',' || !gdb_parse_hex(&p, &addr) || *p++ != ',' ||
        !gdb_parse_hex(&p, &len)) {
        gdb_send_text(s, "E22");
        return;
    }
    if (kind > 4) {
        gdb_send_text(s, "");
        return;
    }
    ok_or_error(s, add ? gdb_point_add(s, kind, addr, len) : gdb_point_remove(s, kind, addr, len), "E22");
}

static void insert_point(GdbStub *s, const char *p, size_t len)
{
    change_point(s, p, true);
}

static void remove_point(GdbStub *s, const char *p, size_t len)
{
    change_point(s, p, false);
}

/* ---- running ---- */

static void why_stopped(GdbStub *s, const char *p, size_t len)
{
    gdb_stop_reply(s, GDB_SIGTRAP);
}

/* c and s may carry an address to go on at. */
static void go_on(GdbStub *s, const char *p, bool step)
{
    CPU *cpu = s->control ? s->control : gdb_general_cpu(s);
    uint64_t addr;
    if (gdb_parse_hex(&p, &addr)) {
        cpu_set_pc(cpu, addr);
    }
    gdb_continue(s, step ? cpu : NULL);
}

static void go_continue(GdbStub *s, const char *p, size_t len)
{
    go_on(s, p, false);
}

static void go_step(GdbStub *s, const char *p, size_t len)
{
    go_on(s, p, true);
}

/* C and S: "sig[;addr]"; a machine takes no signals. */
static void go_continue_signal(GdbStub *s, const char *p, size_t len)
{
    const char *addr = strchr(p, ';');
    go_on(s, addr ? addr + 1 : "", false);
}

static void go_step_signal(GdbStub *s, const char *p, size_t len)
{
    const char *addr = strchr(p, ';');
    go_on(s, addr ? addr + 1 : "", true);
}

static void query_vcont(GdbStub *s, const char *p, size_t len)
{
    gdb_send_text(s, "vCont;c;C;s;S");
}

static void go_vcont(GdbStub *s, const char *p, size_t len)
{
    gdb_handle_vcont(s, p);
}

static void set_thread(GdbStub *s, const char *p, size_t len)
{
    CPU *cpu;
    bool ok = (*p == 'g' || *p == 'c') && gdb_parse_thread(s, p + 1, &cpu);
    if (ok && *p == 'g') {
        s->general = cpu;
    } else if (ok) {
        s->control = cpu;
    }
    ok_or_error(s, ok, "E22");
}

static void thread_alive(GdbStub *s, const char *p, size_t len)
{
    CPU *cpu;
    ok_or_error(s, gdb_parse_thread(s, p, &cpu) && cpu, "E22");
}

static void detach(GdbStub *s, const char *p, size_t len)
{
    gdb_send_text(s, "OK");
    gdb_let_go(s);
    if (runstate_get(s->machine) != RUN_SHUTDOWN) { /* a machine that has powered off stays so */
        runstate_start(s->machine);
    }
}

static void kill_machine(GdbStub *s, const char *p, size_t len)
{
    if (len) { /* vKill;pid has an answer, k has not */
        gdb_send_text(s, "OK");
    }
    runstate_request_shutdown(s->machine, SHUTDOWN_HOST_QUIT, 0);
}

static void extended_mode(GdbStub *s, const char *p, size_t len)
{
    gdb_send_text(s, "OK");
}

static void restart(GdbStub *s, const char *p, size_t len)
{
    runstate_request_reset(s->machine, SHUTDOWN_HOST_RESET); /* R has no answer */
}

/* clang-format off */
static const Packet packets[] = {
    { "qSupported", query_supported },
    { "QStartNoAckMode", start_noack },
    { "qXfer:features:read:", query_features },
    { "qfThreadInfo", query_first_threads },
    { "qsThreadInfo", query_more_threads },
    { "qThreadExtraInfo,", query_thread_info },
    { "qC", query_current },
    { "qAttached", query_attached },
    { "qRcmd,", query_monitor },
    { "qqemu.PhyMemMode", query_physical },
    { "Qqemu.PhyMemMode:", set_physical },
    { "vCont?", query_vcont },
    { "vCont", go_vcont },
    { "vKill", kill_machine },
    { "g", read_all },
    { "G", write_all },
    { "p", read_one },
    { "P", write_one },
    { "m", read_memory },
    { "M", write_hex },
    { "X", write_binary },
    { "Z", insert_point },
    { "z", remove_point },
    { "?", why_stopped },
    { "c", go_continue },
    { "s", go_step },
    { "C", go_continue_signal },
    { "S", go_step_signal },
    { "H", set_thread },
    { "T", thread_alive },
    { "D", detach },
    { "k", kill_machine },
    { "!", extended_mode },
    { "R", restart },
};
/* clang-format on */

void gdb_handle(GdbStub *s, const char *packet, size_t len)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(packets); i++) {
        size_t n = strlen(packets[i].prefix);
        if (len >= n && memcmp(packet, packets[i].prefix, n) == 0) {
            packets[i].run(s, packet + n, len - n);
            return;
        }
    }
    gdb_send_text(s, "");
}
