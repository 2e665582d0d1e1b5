/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Commands that start, stop and end a machine, and say what it is doing. */
#include "accel/accel.h"
#include "hw/board.h"
#include "hw/runstate.h"
#include "monitor/command.h"
#include "monitor/monitor_priv.h"
#include "monitor/qmp_types.h"

static bool run_quit(Control *c, const void *args, void *result, GError **err)
{
    runstate_request_shutdown(c->machine, SHUTDOWN_HOST_QUIT, 0);
    runstate_carry_out(c->machine);
    return true;
}

static bool run_system_reset(Control *c, const void *args, void *result, GError **err)
{
    runstate_request_reset(c->machine, SHUTDOWN_HOST_RESET);
    runstate_carry_out(c->machine);
    return true;
}

static bool run_system_powerdown(Control *c, const void *args, void *result, GError **err)
{
    runstate_request_powerdown(c->machine);
    runstate_carry_out(c->machine);
    return true;
}

static bool run_stop(Control *c, const void *args, void *result, GError **err)
{
    RunState now = runstate_get(c->machine);
    if (now == RUN_RUNNING || now == RUN_DEBUG || now == RUN_INMIGRATE) {
        runstate_stop(c->machine, RUN_PAUSED); /* from the debugger's stop too: it outlasts the debugger */
    }
    return true;
}

static bool run_cont(Control *c, const void *args, void *result, GError **err)
{
    if (runstate_get(c->machine) == RUN_SHUTDOWN) {
        return command_error(err, ERROR_GENERIC, "Resetting the Virtual Machine is required");
    }
    if (runstate_is_finishing(c->machine)) {
        return command_error(err, ERROR_GENERIC, "Migration is not finalized yet");
    }
    runstate_start(c->machine);
    return true;
}

/* ---- status -------------------------------------------------------------- */

#define T StatusInfo
static const Prop status_props[] = {
    { "running", PROP_BOOL, ALWAYS(running) },
    { "status", PROP_ENUM, ALWAYS(status), .names = runstate_names },
    { NULL },
};
#undef T
static const Shape status_shape = { "StatusInfo", sizeof(StatusInfo), status_props };

static bool run_query_status(Control *c, const void *args, void *result, GError **err)
{
    RunState now = runstate_get(c->machine);
    *(StatusInfo *)result = (StatusInfo){ now == RUN_RUNNING, (int)now };
    return true;
}

/* ---- what the guest's own ends mean -------------------------------------- */

static const Prop watchdog_props[] = {
    { "action", PROP_ENUM, .names = watchdog_actions, .only = "no watchdog is built", .required = true },
    { NULL },
};
static const Shape watchdog_shape = { "SetWatchdogAction", sizeof(int), watchdog_props };

static bool run_set_action(Control *c, const void *args, void *result, GError **err)
{
    RunActions now = runstate_actions(c->machine);
    run_actions_change(&now, args);
    runstate_set_actions(c->machine, now);
    return true;
}

/* Its argument says all: what is so anyway. */
static bool run_nothing(Control *c, const void *args, void *result, GError **err)
{
    return true;
}

static bool run_system_wakeup(Control *c, const void *args, void *result, GError **err)
{
    return command_error(
        err, ERROR_GENERIC,
        "wake-up from suspend is not supported by this guest; no board here can be suspended");
}

static bool run_inject_nmi(Control *c, const void *args, void *result, GError **err)
{
    Machine *m = c->machine;
    if (!m->nmi.handler) {
        return command_error(err, ERROR_GENERIC,
                             "machine does not provide NMIs; no CPU of this board has such an interrupt");
    }
    irq_raise(&m->nmi);
    irq_lower(&m->nmi);
    return true;
}

/* ---- a line of the human monitor ----------------------------------------- */

typedef struct HumanCommand {
    char *line;
    int64_t cpu;
    bool has_cpu;
} HumanCommand;

#define T HumanCommand
static const Prop human_props[] = {
    { "command-line", PROP_STRING, ALWAYS(line), .help = "as typed there" },
    { "cpu-index", PROP_I64, MAYBE_HAS(cpu), .help = "whose registers and memory it means" },
    { NULL },
};
#undef T
static const Shape human_shape = { "HumanCommand", sizeof(HumanCommand), human_props };

static bool run_human(Control *c, const void *args, void *result, GError **err)
{
    const HumanCommand *a = args;
    Machine *m = c->machine;
    unsigned before = m->monitor_cpu;
    if (a->has_cpu && (a->cpu < 0 || a->cpu > UINT_MAX || !monitor_set_cpu(m, (unsigned)a->cpu))) {
        return command_error(err, ERROR_GENERIC, "Parameter 'cpu-index' expects a CPU number");
    }
    g_autofree char *text = monitor_run_line(m, a->line);
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
    *(char **)result = g_strjoinv("\r\n", lines);
    m->monitor_cpu = a->has_cpu ? before : m->monitor_cpu;
    return true;
}

/* ---- texts of `info`, for people who look through a program ------------------ */

typedef struct HumanReadableText {
    char *text;
} HumanReadableText;

#define T HumanReadableText
static const Prop text_props[] = { { "human-readable-text", PROP_STRING, ALWAYS(text) }, { NULL } };
#undef T
static const Shape text_shape = { "HumanReadableText", sizeof(HumanReadableText), text_props };

static bool tell_info(Control *c, const char *name, void *result, GError **err)
{
    HumanReadableText *r = result;
    GString *out = g_string_new(NULL);
    bool ok = monitor_find(monitor_infos, name)->run(c->machine, "", out, err);
    r->text = g_string_free(out, FALSE);
    return ok;
}

static bool run_query_jit(Control *c, const void *args, void *result, GError **err)
{
    return tell_info(c, "jit", result, err);
}

static bool run_query_irq(Control *c, const void *args, void *result, GError **err)
{
    return tell_info(c, "irq", result, err);
}

/* ---- who runs the vCPUs ------------------------------------------------------------ */

typedef struct AccelSet {
    char *accel;
} AccelSet;

#define T AccelSet
static const Prop accel_set_props[] = { { "accel", PROP_STRING, ALWAYS(accel), .help = "its name" },
                                        { NULL } };
#undef T
static const Shape accel_set_shape = { "AccelSet", sizeof(AccelSet), accel_set_props };

static bool run_accel_set(Control *c, const void *args, void *result, GError **err)
{
    Machine *m = c->machine;
    const char *name = ((const AccelSet *)args)->accel;
    if (g_str_equal(name, m->accel->class->name)) {
        return true;
    }
    if (!m->reserve || !g_str_equal(name, m->reserve->class->name)) {
        return command_error(
            err, ERROR_GENERIC,
            "this machine has no accelerator '%s' in reserve; start it with -machine x-accel-reserve=%s",
            name, name);
    }
    runstate_hand_over(m);
    return true;
}

/* clang-format off */
const Command commands_run[] = {
    { "x-accel-set", "hand the vCPUs to the accelerator in reserve (unstable)", &accel_set_shape, NULL, 0, run_accel_set },
    { "quit", "end the program", NULL, NULL, COMMAND_OOB, run_quit },
    { "stop", "stop the machine", NULL, NULL, 0, run_stop },
    { "cont", "let the machine run", NULL, NULL, 0, run_cont },
    { "system_reset", "reset the machine", NULL, NULL, 0, run_system_reset },
    { "system_powerdown", "press the power button", NULL, NULL, 0, run_system_powerdown },
    { "system_wakeup", "wake the machine from suspend", NULL, NULL, 0, run_system_wakeup },
    { "inject-nmi", "interrupt a CPU that masks interrupts", NULL, NULL, 0, run_inject_nmi },
    { "query-status", "whether the machine runs, and if not, why", NULL, RETURNS_STRUCT(status_shape), COMMAND_OOB,
      run_query_status },
    { "set-action", "what follows when the guest resets or powers off or panics", &run_actions_shape, NULL, 0,
      run_set_action },
    { "watchdog-set-action", "what follows when a watchdog expires", &watchdog_shape, NULL, 0, run_nothing },
    { "human-monitor-command", "what the human monitor prints for a line", &human_shape, RETURNS_STRING, 0, run_human },
    { "x-query-jit", "what the translator has done (unstable)", NULL, RETURNS_STRUCT(text_shape), 0, run_query_jit },
    { "x-query-irq", "how often each interrupt came (unstable)", NULL, RETURNS_STRUCT(text_shape), 0, run_query_irq },
    { NULL },
};
/* clang-format on */
