/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Stopping and going on: stop replies, continue, step, vCont, threads.
 *
 * When one vCPU steps, the others run (gdb's default, "scheduler-locking off"),
 * unless the packet names only the one: then the others are held. */
#include <string.h>

#include "gdbstub/stub.h"
#include "hw/runstate.h"

static unsigned thread_of(const CPU *cpu)
{
    return cpu->index + 1;
}

bool gdb_parse_thread(GdbStub *s, const char *text, CPU **cpu)
{
    uint64_t id;
    *cpu = NULL;
    if (g_str_has_prefix(text, "-1")) {
        return true;
    }
    if (!gdb_parse_hex(&text, &id) || id > s->machine->cpu_count) {
        return false;
    }
    *cpu = id ? s->machine->cpus[id - 1] : NULL;
    return true;
}

/* ---- stop replies ---- */

static void append_reason(GdbStub *s, CPU *cpu, GString *out)
{
    static const char *const watches[] = { NULL, "watch", "rwatch", "awatch" };
    uint64_t pc = cpu_get_pc(cpu);
    if (cpu->watch_hit_kind) {
        g_string_append_printf(out, "%s:%" G_GINT64_MODIFIER "x;", watches[cpu->watch_hit_kind & 3],
                               cpu->watch_hit);
    } else if (s->swbreak && gdb_point_at(s, 0, pc)) {
        g_string_append(out, "swbreak:;");
    } else if (s->hwbreak && gdb_point_at(s, 1, pc)) {
        g_string_append(out, "hwbreak:;");
    }
}

void gdb_stop_reply(GdbStub *s, int signal)
{
    CPU *cpu = s->stopped ? s->stopped : s->machine->cpus[0];
    g_autoptr(GString) out = g_string_new(NULL);
    g_string_append_printf(out, "T%02xthread:%02x;", signal, thread_of(cpu));
    if (signal == GDB_SIGTRAP) {
        append_reason(s, cpu, out);
    }
    s->general = s->control = cpu;
    s->waits_for_stop = false;
    gdb_send(s, out->str, out->len);
}

/* What held vCPUs or made them step ends with the stop. */
static void clear_steps(GdbStub *s)
{
    for (unsigned i = 0; i < s->machine->cpu_count; i++) {
        CPU *cpu = s->machine->cpus[i];
        if (cpu->singlestep) {
            cpu_set_singlestep(cpu, false);
        }
        __atomic_store_n(&cpu->held, false, __ATOMIC_RELAXED);
    }
}

/* Stop the running machine for the debugger; true when it waits for a stop reply. */
static bool stop_machine(GdbStub *s)
{
    bool expected = s->connected && s->waits_for_stop;
    s->waits_for_stop = false; /* the run state's listener has nothing to add */
    runstate_stop(s->machine, RUN_DEBUG);
    clear_steps(s);
    return expected;
}

/* A step or a breakpoint may end when its debugger has just left (the accelerator paused all
 * the same), or when somebody else's stop was quicker (and gdb has been told of that: an access
 * to a watched cell is not made, and reported when it comes again). */
void gdb_stub_debug_event(GdbStub *s, CPU *cpu)
{
    if (runstate_get(s->machine) != RUN_RUNNING) {
        cpu->watch_hit_kind = 0;
    } else if (!s->connected) {
        runstate_stop(s->machine, RUN_DEBUG);
        gdb_let_go(s);
    } else {
        s->stopped = cpu;
        if (stop_machine(s)) {
            gdb_stop_reply(s, GDB_SIGTRAP);
        }
    }
}

void gdb_interrupt(GdbStub *s)
{
    if (runstate_get(s->machine) == RUN_RUNNING && stop_machine(s)) {
        gdb_stop_reply(s, GDB_SIGINT);
    }
}

void gdb_stub_machine_stopped(GdbStub *s, int signal)
{
    clear_steps(s);
    if (s->connected && s->waits_for_stop) {
        gdb_stop_reply(s, signal);
    }
}

static bool asks_anything(const GdbStub *s)
{
    bool any = s->points->len > 0;
    for (unsigned i = 0; i < s->machine->cpu_count; i++) {
        any |= s->machine->cpus[i]->held || s->machine->cpus[i]->singlestep;
    }
    return any;
}

/* RUN_DEBUG says that the stop is the debugger's; one by the monitor or the guest stays. */
void gdb_let_go(GdbStub *s)
{
    s->waits_for_stop = false;
    if (runstate_get(s->machine) == RUN_RUNNING && asks_anything(s)) {
        runstate_stop(s->machine, RUN_DEBUG); /* these change on vCPUs that stand still */
    }
    gdb_points_clear(s);
    clear_steps(s);
    if (runstate_get(s->machine) == RUN_DEBUG) {
        runstate_start(s->machine);
    }
}

void gdb_stub_exited(GdbStub *s, int status)
{
    if (s->connected) {
        g_autofree char *text = g_strdup_printf("W%02x", status & 0xff);
        gdb_send_text(s, text);
    }
}

/* ---- going on ---- */

static void resume(GdbStub *s)
{
    s->waits_for_stop = true;
    s->stopped = NULL;
    runstate_start(s->machine);
}

void gdb_continue(GdbStub *s, CPU *step)
{
    if (step) {
        cpu_set_singlestep(step, true);
    }
    resume(s);
}

/* ";s:1;c": the first action that names a thread counts; one without a thread is for
 * all threads not named before. */
typedef struct VCont {
    char action[MACHINE_MAX_CPUS]; /* 'c', 's' or 0: stays where it is */
} VCont;

static bool vcont_action(GdbStub *s, VCont *v, const char *text)
{
    char action = g_ascii_tolower(text[0]);
    const char *colon = strchr(text, ':');
    CPU *only = NULL;
    if ((action != 'c' && action != 's') || (colon && !gdb_parse_thread(s, colon + 1, &only))) {
        return false;
    }
    for (unsigned i = 0; i < s->machine->cpu_count; i++) {
        if (!v->action[i] && (!only || only->index == i)) {
            v->action[i] = action;
        }
    }
    return true;
}

void gdb_handle_vcont(GdbStub *s, const char *actions)
{
    g_auto(GStrv) parts = g_strsplit(actions, ";", -1);
    VCont v = { { 0 } };
    bool any = false;
    for (unsigned i = 0; parts[i]; i++) {
        if (*parts[i] && !vcont_action(s, &v, parts[i])) {
            gdb_send_text(s, "E22");
            return;
        }
    }
    for (unsigned i = 0; i < s->machine->cpu_count; i++) {
        any |= v.action[i] != 0;
    }
    if (!any) {
        gdb_send_text(s, "E22");
        return;
    }
    for (unsigned i = 0; i < s->machine->cpu_count; i++) {
        CPU *cpu = s->machine->cpus[i];
        __atomic_store_n(&cpu->held, !v.action[i], __ATOMIC_RELAXED);
        if (v.action[i] == 's') {
            cpu_set_singlestep(cpu, true);
        }
    }
    resume(s);
}
