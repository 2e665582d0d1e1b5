/* SPDX-License-Identifier: GPL-2.0-or-later */
/* From the command line to a running machine, and back to nothing.
 *
 * Nothing is started before every option has been read: each stage takes its items
 * from the list, and the first error ends the process with status 1.
 * The order: help, configuration, background, log, host ends (objects, chardevs,
 * drives, networks), accelerator, board, devices, firmware and kernel, vCPUs,
 * reset, monitors, gdb, what the process gives up (confine.c), run. */
#include "system/startup.h"

#include <json-c/json.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>

#include "accel/accel.h"
#include "base/sandbox.h"
#include "gdbstub/gdbstub.h"
#include "hw/migration.h"
#include "hw/runstate.h"
#include "hw/snapshot.h"
#include "monitor/monitor.h"
#include "system/cmdline.h"
#include "base/datadir.h"
#include "base/ending.h"
#include "base/fds.h"
#include "base/log.h"
#include "base/trace.h"
#include "base/event_loop.h"
#include "system/signals.h"
#include "ui/display.h"
#include "ui/vnc.h"
#include "util/container.h"
#include "util/keyval.h"

typedef struct Startup {
    CmdLine *cmdline;
    MachineConfig config;
    Accel *accel;
    EventLoop *loop;
    Machine *machine;
    Monitors *monitors;
    GdbServer *gdb;
    Display *display;         /* or NULL */
    MachineServices services; /* what monitors and gdb's server ask of each other */
    bool exit_now;            /* all is done (dumpdtb, -trace help) */
    bool list_events;         /* -trace help */
} Startup;

static bool take_log(const CmdLine *c, GError **err)
{
    bool help = false;
    const char *file = cmdline_text(c, OPT_LOG_FILE);
    if (file && !log_set_file(file, err)) {
        return false;
    }
    for (unsigned i = 0; i < cmdline_count(c, OPT_LOG); i++) {
        if (!log_set_items(cmdline_item(c, OPT_LOG, i)->text, &help, err)) {
            return false;
        }
    }
    return true;
}

typedef struct TraceOptions {
    char *pattern, *events;
} TraceOptions;

static const Prop trace_props[] = {
    { "enable", PROP_STRING, offsetof(TraceOptions, pattern), "pattern of devices and registers" },
    { "events", PROP_STRING, offsetof(TraceOptions, events), "file with a pattern a line" },
    { NULL },
};
const Shape cmdline_trace_shape = { "Trace", sizeof(TraceOptions), trace_props };

static bool take_trace(const CmdItem *item, GError **err)
{
    TraceOptions *o = cmdline_shape(item, &cmdline_trace_shape, err);
    bool ok = o && (!o->events || trace_choose_from(o->events, err));
    if (ok && o->pattern && !trace_choose(o->pattern)) {
        ok = cmdline_fail(err, "too many patterns; use fewer, with *");
    }
    shape_free(&cmdline_trace_shape, o);
    return ok || cmdline_blame(err, item);
}

static bool take_traces(Startup *s, GError **err)
{
    const CmdLine *c = s->cmdline;
    for (unsigned i = 0; i < cmdline_count(c, OPT_TRACE); i++) {
        const CmdItem *item = cmdline_item(c, OPT_TRACE, i);
        if (cmdline_wants_help(item)) {
            s->list_events = true;
        } else if (!take_trace(item, err)) {
            return false;
        }
    }
    return true;
}

/* The machine is complete: which events are there? */
static void check_traces(Startup *s)
{
    g_autoptr(GPtrArray) names = machine_trace_names(s->machine);
    trace_check(names);
    for (guint i = 0; s->list_events && i < names->len; i++) {
        printf("%s\n", (const char *)names->pdata[i]);
    }
}

typedef struct MsgOptions {
    bool timestamp, guest_name;
} MsgOptions;

static const Prop msg_props[] = {
    { "timestamp", PROP_BOOL, offsetof(MsgOptions, timestamp), "the time in front" },
    { "guest-name", PROP_BOOL, offsetof(MsgOptions, guest_name), "the guest's name in front" },
    { NULL },
};
const Shape cmdline_msg_shape = { "Msg", sizeof(MsgOptions), msg_props };

static bool take_message_form(const CmdLine *c, GError **err)
{
    MsgOptions *o = cmdline_merged_shape(c, OPT_MSG, &cmdline_msg_shape, err);
    if (!o) {
        return cmdline_blame(err, cmdline_last(c, OPT_MSG));
    }
    json_object *names = cmdline_values(c, OPT_NAME);
    const char *name = o->guest_name ? keyval_text(names, "guest") : NULL;
    log_set_report_form(o->timestamp, name ? g_intern_string(name) : NULL);
    json_object_put(names);
    shape_free(&cmdline_msg_shape, o);
    return true;
}

/* The names that top and ps show. */
static void name_process(const CmdLine *c)
{
    json_object *names = cmdline_values(c, OPT_NAME);
    const char *process = keyval_text(names, "process");
    if (process) {
        prctl(PR_SET_NAME, process);
    }
    json_object_put(names);
}

static void end_by_signal(void *opaque)
{
    Startup *s = opaque;
    runstate_request_shutdown(s->machine, SHUTDOWN_HOST_SIGNAL, 0);
}

static bool start_process(Startup *s, GError **err)
{
    const CmdLine *c = s->cmdline;
    for (unsigned i = 0; i < cmdline_count(c, OPT_DATADIR); i++) {
        datadir_add(cmdline_item(c, OPT_DATADIR, i)->text);
    }
    if (cmdline_has(c, OPT_DAEMONIZE) && !daemon_fork(c->program, err)) {
        return false;
    }
    name_process(c);
    const char *pidfile = cmdline_text(c, OPT_PIDFILE);
    s->loop = event_loop_new(NULL); /* in the process that stays */
    signals_catch(c->program, s->loop, end_by_signal, s);
    return (!pidfile || daemon_write_pidfile(pidfile, err)) && take_log(c, err) && take_traces(s, err);
}

static bool start_host_ends(Startup *s, GError **err)
{
    const CmdLine *c = s->cmdline;
    Machine *m = s->machine = machine_new(s->loop);
    return cmdline_fdsets(c, err) && cmdline_objects(c, m, &s->config, err) &&
           cmdline_chardevs(c, m, &s->config, err) && cmdline_drives(c, m, &s->config, err) &&
           cmdline_netdevs(c, m, err);
}

static char *run_command(MachineServices *services, const char *line)
{
    Startup *s = container_of(services, Startup, services);
    return monitor_run_line(s->machine, line);
}

static bool serve_debugger(MachineServices *services, const char *device, GError **err)
{
    Startup *s = container_of(services, Startup, services);
    return gdbserver_start(s->gdb, device, err);
}

static bool start_control(Startup *s, GError **err)
{
    const CmdLine *c = s->cmdline;
    s->services = (MachineServices){ run_command, serve_debugger };
    s->machine->services = &s->services;
    s->monitors = monitors_new(s->machine);
    s->gdb = gdbserver_new(s->machine);
    return cmdline_monitors(c, s->monitors, err) && cmdline_gdb(c, s->gdb, err);
}

/* "fd:N" is the number of a descriptor that this process was started with. */
static bool await_state(Machine *m, const char *where, GError **err)
{
    uint64_t fd = 0;
    if (g_str_has_prefix(where, "fd:") && !g_ascii_string_to_unsigned(where + 3, 10, 3, INT_MAX, &fd, err)) {
        return false;
    }
    return migration_await(m->migration, where, fd ? (int)fd : -1, true, err);
}

/* -incoming, -loadvm: the machine is as it was saved. */
static bool take_state(const Startup *s, GError **err)
{
    const CmdItem *item = cmdline_last(s->cmdline, OPT_INCOMING);
    const CmdItem *tag = cmdline_last(s->cmdline, OPT_LOADVM);
    if (item && !g_str_has_prefix(item->text, "file:")) {
        runstate_await_state(s->machine);
    }
    if (item && !g_str_equal(item->text, "defer") && !await_state(s->machine, item->text, err)) {
        return cmdline_blame(err, item);
    }
    return !tag || machine_snapshot_load(s->machine, tag->text, NULL, err) || cmdline_blame(err, tag);
}

static bool start_accels(Machine *m, GError **err)
{
    return m->accel->class->start(m->accel, err) &&
           (!m->reserve || m->reserve->class->start(m->reserve, err));
}

static bool start_machine(Startup *s, GError **err)
{
    const CmdLine *c = s->cmdline;
    if (!cmdline_globals(c, s->machine, err)) {
        return false;
    }
    s->accel = cmdline_open_accel(c, s->config.board->arch, s->loop, err);
    if (!s->accel ||
        !cmdline_open_reserve(c, s->config.board->arch, s->loop, s->accel, &s->machine->reserve, err)) {
        return false;
    }
    if (!machine_build(s->machine, &s->config, s->accel, err) || !cmdline_devices(c, s->machine, err) ||
        !cmdline_fw_cfg(c, s->machine, err) || !machine_finish(s->machine, err)) {
        return false;
    }
    check_traces(s);
    if (s->config.dumpdtb || s->list_events) { /* the board has written it; they are printed */
        s->exit_now = true;
        return true;
    }
    if (s->machine->cpu_count && !start_accels(s->machine, err)) {
        return false;
    }
    machine_reset(s->machine);
    return take_state(s, err) && start_control(s, err);
}

static void display_powerdown(void *opaque)
{
    runstate_request_powerdown(opaque);
}

static void display_quit(void *opaque)
{
    runstate_request_shutdown(opaque, SHUTDOWN_HOST_QUIT, 0);
}

static void display_runstate(RunState now, void *opaque)
{
    display_set_stopped(opaque, now != RUN_RUNNING);
}

/* Who did not ask for a window, and has a display server that does not answer, is told and goes on without. */
static bool open_display(Startup *s, const DisplayOptions *o, bool asked, GError **err)
{
    Machine *m = s->machine;
    g_autoptr(GError) why = NULL;
    DisplayConfig config = { .options = o,
                             .name = s->config.name,
                             .accel = m->accel ? m->accel->class->name : NULL,
                             .consoles = m->consoles,
                             .inputs = m->inputs,
                             .clipboard = m->clipboard,
                             .host = { display_powerdown, display_quit, m } };
    bool ok = display_open(&config, &s->display, &why);
    if (!ok && asked) {
        g_propagate_error(err, g_steal_pointer(&why));
        return cmdline_blame(err, cmdline_last(s->cmdline, OPT_DISPLAY));
    }
    if (!ok) {
        log_report("warning: no window: %s", why->message);
    }
    return true;
}

static bool start_display(Startup *s, GError **err)
{
    bool asked;
    DisplayOptions *o = cmdline_display(s->cmdline, s->machine, &asked, err);
    bool ok = o && open_display(s, o, asked, err);
    if (s->display) {
        s->machine->display = o->type;
        runstate_add_listener(s->machine, display_runstate, s->display);
        display_runstate(runstate_get(s->machine), s->display); /* with -S it stays so */
    }
    shape_free(&display_shape, o);
    return ok && cmdline_vnc(s->cmdline, s->machine, err);
}

static void end_display(Startup *s)
{
    if (s->machine) {
        vnc_close(s->machine->vnc);
        s->machine->vnc = NULL;
    }
    if (s->display) {
        runstate_remove_listener(s->machine, display_runstate, s->display);
        display_close(s->display);
    }
}

/* What this machine asks of its host beyond what all do. */
static unsigned calls_of(const Startup *s)
{
    const Accel *reserve = s->machine->reserve;
    return (s->display ? SANDBOX_WINDOW : 0) | s->accel->class->sandbox_calls |
           (reserve ? reserve->class->sandbox_calls : 0);
}

static bool start(Startup *s, GError **err)
{
    CmdLine *c = s->cmdline;
    return take_message_form(c, err) && cmdline_config(c, &s->config, err) && cmdline_check_display(c, err) &&
           cmdline_check_overcommit(c, err) && cmdline_check_confinement(c, err) && start_process(s, err) &&
           start_host_ends(s, err) && start_machine(s, err) && fds_keep(0, err) && daemon_leave(err) &&
           (s->exit_now || (start_display(s, err) && cmdline_confine(c, calls_of(s), err))) &&
           daemon_ready(err);
}

/* They may have changed places.  Lines that devices lower as they go lead nowhere in the kernel. */
static void close_accels(Startup *s)
{
    Accel *reserve = s->machine ? s->machine->reserve : NULL;
    Accel *runs = s->machine && reserve ? s->machine->accel : s->accel;
    if (runs) { /* it has the states */
        runs->class->close(runs);
    }
    if (reserve) {
        reserve->class->close(reserve);
    }
    if (s->machine) {
        s->machine->accel = s->machine->reserve = NULL;
    }
}

static void finish(Startup *s, int status)
{
    if (s->gdb) {
        gdbserver_exited(s->gdb, status);
    }
    if (s->machine) {
        g_clear_pointer(&s->machine->migration, migration_free);
        runstate_finish(s->machine);
    }
    end_display(s);
    ending_waits_for("vCPUs, devices and disks to close");
    gdbserver_free(s->gdb);
    monitors_free(s->monitors);
    close_accels(s);
    machine_free(s->machine);
    event_loop_free(s->loop);
    daemon_remove_pidfile();
    cmdline_config_free(&s->config);
    cmdline_free(s->cmdline);
}

static int report(const GError *err)
{
    log_report("%s", err->message);
    return 1;
}

/* What was asked for has been printed: has it arrived (a full disk, a closed pipe)? */
static int end_of_help(const GError *err)
{
    if (err) {
        return report(err);
    }
    errno = 0;
    bool ok = fflush(stdout) == 0 && !ferror(stdout);
    if (!ok) {
        log_report("cannot write to standard output: %s; send it where there is room, to a reader that stays",
                   errno ? g_strerror(errno) : "a part was lost");
    }
    return ok ? 0 : 1;
}

int startup_run(int argc, char **argv)
{
    fds_open_standard();
    signal(SIGPIPE, SIG_IGN); /* a reader that has gone is an error of write(), */
    signal(SIGXFSZ, SIG_IGN); /* and so is a file that may not grow (ulimit -f) */
    g_autoptr(GError) err = NULL;
    g_autofree char *program = g_path_get_basename(argc ? argv[0] : "lyrebird");
    g_set_prgname(program); /* for log_report */
    Startup s = { .cmdline = cmdline_parse(argc, argv, &err) };
    if (!s.cmdline) {
        return report(err);
    }
    cmdline_pick_arch(s.cmdline);
    if (cmdline_answer_help(s.cmdline, &err)) {
        int status = end_of_help(err);
        cmdline_free(s.cmdline);
        return status;
    }
    int status = 1;
    if (!fds_init(&err) || !start(&s, &err)) {
        report(err);
    } else if (s.exit_now) {
        status = end_of_help(NULL);
    } else {
        signals_loop_begins();
        if (!s.config.start_paused) {
            runstate_start(s.machine);
        }
        status = event_loop_run(s.loop);
    }
    finish(&s, status);
    return status;
}
