/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The human monitor's commands, one row each, and how a line becomes a call.
 *
 * Names, help and message texts: QEMU's monitor (programs look for "Error:" and
 * "unknown command:").
 *
 * Not modelled: hot plug and sound; unbuilt.c says why, of each. */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "block/block.h"
#include "hw/board.h"
#include "hw/virtio_balloon.h"
#include "monitor/command.h"
#include "monitor/migration.h"
#include "monitor/monitor_priv.h"
#include "net/net.h"
#include "base/fds.h"
#include "base/log.h"
#include "hw/runstate.h"
#include "target/cpu.h"
#include "util/keyval.h"
#include "util/nearest.h"

/* ---- errors ---- */

static GQuark syntax_quark(void)
{
    return g_quark_from_static_string("monitor-syntax");
}

static bool monitor_set_error(GError **err, GQuark domain, const char *fmt, va_list ap)
{
    g_autofree char *text = g_strdup_vprintf(fmt, ap);
    g_set_error_literal(err, domain, 0, text);
    return false;
}

bool monitor_syntax_error(GError **err, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    monitor_set_error(err, syntax_quark(), fmt, ap);
    va_end(ap);
    return false;
}

bool monitor_error(GError **err, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    monitor_set_error(err, G_FILE_ERROR, fmt, ap);
    va_end(ap);
    return false;
}

/* ---- the CPU of commands ---- */

CPU *monitor_cpu(Machine *m)
{
    return m->monitor_cpu < m->cpu_count ? m->cpus[m->monitor_cpu] : m->cpu_count ? m->cpus[0] : NULL;
}

bool monitor_set_cpu(Machine *m, unsigned index)
{
    if (index >= m->cpu_count) {
        return false;
    }
    m->monitor_cpu = index;
    return true;
}

/* ---- commands ---- */

static bool cmd_cpu(Machine *m, const char *args, GString *out, GError **err)
{
    uint64_t index;
    if (!*args) {
        return monitor_syntax_error(err, "unexpected end of expression");
    }
    if (!keyval_uint(args, MACHINE_MAX_CPUS, &index) || !monitor_set_cpu(m, index)) {
        g_string_append(out, "invalid CPU index\n");
    }
    return true;
}

static bool cmd_gdbserver(Machine *m, const char *args, GString *out, GError **err)
{
    const char *device = *args ? args : "tcp::1234";
    if (!m->services) {
        return monitor_error(err, "gdbserver: nobody serves debuggers here");
    }
    if (!m->services->serve_debugger(m->services, device, err)) {
        return false;
    }
    if (g_str_equal(device, "none")) {
        g_string_append(out, "Disabled gdbserver\n");
    } else {
        g_string_append_printf(out, "Waiting for gdb connection on device '%s'\n", device);
    }
    return true;
}

static bool cmd_log(Machine *m, const char *args, GString *out, GError **err)
{
    uint32_t before = log_items;
    bool help = false;
    if (!*args) {
        return monitor_syntax_error(err, "log: argument expected");
    }
    if (strstr(args, "help") || strchr(args, '?')) { /* -d help prints to standard output */
        g_string_append(out, "guest_errors, unimp, in_asm, op, op_opt, out_asm, int, exec, cpu, mmu: "
                             "as after -d; none turns all off\n");
        return true;
    }
    log_items &= LOG_TRACE; /* trace-event's */
    if (!g_str_equal(args, "none") && !log_set_items(args, &help, err)) {
        log_items = before;
        return false;
    }
    return true;
}

static bool cmd_logfile(Machine *m, const char *args, GString *out, GError **err)
{
    return *args ? log_set_file(args, err) : monitor_syntax_error(err, "logfile: argument expected");
}

static bool cmd_set_link(Machine *m, const char *args, GString *out, GError **err)
{
    const char *state = strrchr(args, ' ');
    bool up;
    if (!state || !keyval_bool(state + 1, &up)) {
        return monitor_syntax_error(err, "set_link: write set_link NAME on|off");
    }
    g_autofree char *name = g_strchomp(g_strndup(args, state - args));
    return net_set_link_of(m->nets, name, up) ||
           monitor_error(err, "Device '%s' not found; `info network` lists them", name);
}

static bool cmd_balloon(Machine *m, const char *args, GString *out, GError **err)
{
    Device *balloon = virtio_balloon_find(m);
    uint64_t bytes;
    if (!keyval_size(args, 1 << 20, &bytes) || !bytes) {
        return monitor_syntax_error(err,
                                    "balloon: write balloon SIZE, in MiB or with a suffix (balloon 256M)");
    }
    if (!balloon) {
        return monitor_error(err,
                             "No balloon device has been activated; start with -device virtio-balloon-pci");
    }
    virtio_balloon_set_target(balloon, bytes);
    return true;
}

static bool cmd_info(Machine *m, const char *args, GString *out, GError **err)
{
    if (*args) {
        monitor_dispatch(m, monitor_infos, "info ", args, out);
    } else {
        monitor_help_all(monitor_infos, "info ", out);
    }
    return true;
}

static bool cmd_help(Machine *m, const char *args, GString *out, GError **err)
{
    const MonitorCommand *c;
    if (!*args) {
        monitor_help_all(monitor_commands, "", out);
    } else if (g_str_equal(args, "info")) {
        monitor_help_all(monitor_infos, "info ", out);
    } else if (g_str_has_prefix(args, "info ") && (c = monitor_find(monitor_infos, args + 5))) {
        g_string_append_printf(out, "info %s %s -- %s\n", c->name, c->args ? c->args : "", c->help);
    } else if ((c = monitor_find(monitor_commands, args))) {
        g_string_append_printf(out, "%s %s -- %s\n", c->name, c->args ? c->args : "", c->help);
    } else {
        bool info = g_str_has_prefix(args, "info ");
        const char *why = monitor_why_unbuilt(info, info ? args + 5 : args);
        g_string_append_printf(out, "unknown command: '%s'\n%s%s%s", args, why ? "not in this monitor: " : "",
                               why ? why : "", why ? "\n" : "");
    }
    return true;
}

/* clang-format off */
const MonitorCommand monitor_commands[] = {
    { "balloon", "target", "request VM to change its memory allocation (in MB)", cmd_balloon },
    { "block_job_cancel", "device [-f]", "stop an active background block operation", monitor_cmd_block_job_cancel },
    { "block_job_complete", "device", "stop an active background block operation", .does = "block-job-complete" },
    { "block_job_pause", "device", "pause an active background block operation", .does = "block-job-pause" },
    { "block_job_resume", "device", "resume a paused background block operation", .does = "block-job-resume" },
    { "block_job_set_speed", "device value", "set maximum speed for a background block operation", .does = "block-job-set-speed" },
    { "block_resize", "device size", "resize a block image", monitor_cmd_block_resize },
    { "block_set_io_throttle", "device bps bps_rd bps_wr iops iops_rd iops_wr", "change I/O throttle limits for a block drive",
      monitor_cmd_block_set_io_throttle },
    { "block_stream", "device [speed [base]]", "copy data from a backing file into a block device", monitor_cmd_block_stream },
    { "change", "vnc password word", "set the password of VNC viewers", monitor_cmd_change },
    { "cont|c", NULL, "resume emulation", .does = "cont" },
    { "cpu", "index", "set the default CPU", cmd_cpu },
    { "delvm", "tag", "delete a VM snapshot from its tag", monitor_cmd_delvm },
    { "drive_backup", "[-n] [-f] device target [format]", "initiates a point-in-time copy for a device", monitor_cmd_drive_backup },
    { "drive_mirror", "[-n] [-f] device target [format]", "initiates live storage migration for a device",
      monitor_cmd_drive_mirror },
    { "expire_password", "vnc time [-d id]", "set when the password ends: now, never, +seconds, or seconds since 1970",
      monitor_cmd_expire_password },
    { "gdbserver", "[device]", "start gdbserver on given device (default 'tcp::1234'), stop with 'none'", cmd_gdbserver },
    { "help|?", "[cmd]", "show the help", cmd_help },
    { "hostfwd_add", "[netdev] [tcp|udp]:[hostaddr]:hostport-[guestaddr]:guestport",
      "redirect TCP or UDP connections from host to guest (requires -netdev user)", monitor_cmd_hostfwd_add },
    { "hostfwd_remove", "[netdev] [tcp|udp]:[hostaddr]:hostport",
      "remove host-to-guest TCP or UDP redirection", monitor_cmd_hostfwd_remove },
    { "info", "[subcommand]", "show various information about the system state", cmd_info },
    { "loadvm", "tag", "restore a VM snapshot from its tag", monitor_cmd_loadvm },
    { "log", "item1[,...]", "activate logging of the specified items", cmd_log },
    { "logfile", "filename", "output logs to 'filename'", cmd_logfile },
    { "migrate", "[-d] uri", "send the machine's state to 'uri' (file:PATH, tcp:HOST:PORT, unix:PATH, exec:COMMAND, fd:NAME) while it runs; "
      "-incoming takes it there; see info migrate", monitor_cmd_migrate },
    { "migrate_cancel", NULL, "cancel the current migration", .does = "migrate_cancel" },
    { "migrate_incoming", "uri", "give a machine of -incoming defer the state of 'uri'", .does = "migrate-incoming" },
    { "migrate_set_parameter", "parameter value", "set max-bandwidth (MiB a second, or with a suffix) or downtime-limit (ms)",
      monitor_cmd_migrate_set_parameter },
    { "mouse_button", "state", "change mouse button state (1=L, 2=R, 4=M)", monitor_cmd_mouse_button },
    { "mouse_move", "dx dy [dz]", "send mouse move events", monitor_cmd_mouse_move },
    { "mouse_set", "index", "set which mouse device receives events", monitor_cmd_mouse_set },
    { "nbd_server_add", "[-w] device [name]", "export a block device via NBD", monitor_cmd_nbd_server_add },
    { "nbd_server_remove", "[-f] name", "remove an export previously exposed via NBD", monitor_cmd_nbd_server_remove },
    { "nbd_server_start", "[-a] [-w] host:port", "serve block devices on the given host and port", monitor_cmd_nbd_server_start },
    { "nbd_server_stop", NULL, "stop serving block devices using the NBD protocol", .does = "nbd-server-stop" },
    { "nmi", NULL, "inject an NMI: LINT1 of every processor's local APIC", .does = "inject-nmi" },
    { "print|p", "/fmt expr", "print expression value (use $reg for CPU register access)", monitor_cmd_print },
    { "quit|q", NULL, "quit the emulator", .does = "quit" },
    { "ringbuf_read", "device size", "read and print the data that a ring buffer character device keeps",
      monitor_cmd_ringbuf_read },
    { "savevm", "[tag]", "save a VM snapshot. If no tag is provided, a new snapshot is created", monitor_cmd_savevm },
    { "screendump", "filename [-f format] [device [head]]",
      "save screen from head 'head' of display device 'device' into file 'filename' (ppm, or png)",
      monitor_cmd_screendump },
    { "sendkey", "keys [hold_ms]",
      "send keys to the VM (e.g. 'sendkey ctrl-alt-f1', default hold time=100 ms)", monitor_cmd_sendkey },
    { "set_link", "name on|off", "change the link status of a network adapter", cmd_set_link },
    { "set_password", "vnc password [-d id] [keep]", "set the password of VNC viewers", monitor_cmd_set_password },
    { "snapshot_blkdev", "[-n] device [new-image-file [format]]", "initiates a live snapshot of device",
      monitor_cmd_snapshot_blkdev },
    { "stop|s", NULL, "stop emulation", .does = "stop" },
    { "system_powerdown", NULL, "send system power down event", .does = "system_powerdown" },
    { "system_reset", NULL, "reset the system", .does = "system_reset" },
    { "trace-event", "name on|off", "changes status of a specific trace event", .does = "trace-event-set-state" },
    { "x", "/fmt addr", "virtual memory dump starting at 'addr'", monitor_cmd_x },
    { "xp", "/fmt addr", "physical memory dump starting at 'addr'", monitor_cmd_xp },
    { NULL, NULL, NULL, NULL },
};
/* clang-format on */

/* ---- a line ---- */

bool monitor_has_name(const MonitorCommand *c, const char *name)
{
    g_auto(GStrv) names = g_strsplit(c->name, "|", -1);
    return g_strv_contains((const char *const *)names, name);
}

const MonitorCommand *monitor_find(const MonitorCommand *table, const char *name)
{
    for (; table->name; table++) {
        if (monitor_has_name(table, name)) {
            return table;
        }
    }
    return NULL;
}

void monitor_help_all(const MonitorCommand *table, const char *prefix, GString *out)
{
    for (; table->name; table++) {
        g_string_append_printf(out, "%s%s %s -- %s\n", prefix, table->name, table->args ? table->args : "",
                               table->help);
    }
}

static void report(GString *out, const char *prefix, const char *name, const GError *err)
{
    if (err->domain == syntax_quark()) {
        g_string_append_printf(out, "%s\nTry \"help %s%s\" for more information\n", err->message, prefix,
                               name);
    } else {
        g_string_append_printf(out, "Error: %s\n", err->message);
    }
}

static void report_unknown(const MonitorCommand *table, const char *prefix, const char *name, GString *out)
{
    g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
    const char *why = monitor_why_unbuilt(*prefix, name);
    g_string_append_printf(out, "unknown command: '%s%s'\n", prefix, name);
    if (why) {
        g_string_append_printf(out, "not in this monitor: %s\n", why);
        return;
    }
    for (; table->name; table++) {
        g_ptr_array_add(names, g_strndup(table->name, strcspn(table->name, "|")));
    }
    g_ptr_array_add(names, NULL);
    const char *near = nearest_name(name, names_of(names));
    if (near && strlen(name) > 3) {
        g_string_append_printf(out, "did you mean '%s%s'?\n", prefix, near);
    }
}

/* By the control protocol's command: the words are its arguments, in their order; the last takes what is left. */
static bool run_control(Machine *m, const MonitorCommand *c, const char *args, GString *out, GError **err)
{
    const Command *cmd = command_find(c->does);
    Control control = { m, NULL, NULL };
    json_object *values = json_object_new_object();
    const char *at = args;
    for (const Prop *p = cmd->args ? cmd->args->props : NULL; p && p->name && *at; p++) {
        size_t n = p[1].name ? strcspn(at, " \t") : strlen(at);
        json_object_object_add(values, p->name, json_object_new_string_len(at, (int)n));
        at += n;
        at += strspn(at, " \t");
    }
    bool ok = command_show(cmd, &control, values, c->show, out, err);
    json_object_put(values);
    return ok;
}

void monitor_dispatch(Machine *m, const MonitorCommand *table, const char *prefix, const char *line,
                      GString *out)
{
    /* "xp/4x 0" is "xp /4x 0" */
    size_t len = strcspn(line, " \t");
    size_t slash = strcspn(line, "/");
    len = slash && slash < len ? slash : len;
    g_autofree char *name = g_strndup(line, len);
    g_autofree char *args = g_strstrip(g_strdup(line + len));
    g_autoptr(GError) err = NULL;
    const MonitorCommand *c = monitor_find(table, name);
    if (!c) {
        report_unknown(table, prefix, name, out);
        return;
    }
    bool ok = *args && !c->args
                  ? monitor_syntax_error(&err, "%s: extraneous characters at the end of line", c->name)
              : c->does ? run_control(m, c, args, out, &err)
                        : c->run(m, args, out, &err);
    if (!ok) {
        report(out, prefix, name, err);
    }
}

char *monitor_run_line(Machine *m, const char *line)
{
    GString *out = g_string_new(NULL);
    g_autofree char *text = g_strstrip(g_strdup(line));
    if (*text) {
        fds_reserve_begin(); /* gdbserver and logfile open some */
        monitor_dispatch(m, monitor_commands, "", text, out);
        fds_reserve_end();
    }
    return g_string_free(out, false);
}
