/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The run state: who may ask for a reset, a shutdown or a pause, and what follows.
 *
 * Requests come from any thread under any lock (a guest's write to the finisher, a
 * signal handler, a monitor), so they only leave a note and wake the main
 * loop; the main loop carries them out one after the other, a shutdown before a
 * reset.
 *
 * Exit statuses: the finisher's code when the guest gave one, else 0, also for
 * -no-reboot and for signals (as QEMU).
 *
 * An end that the user asked for has a deadline (base/ending.h), whatever the guest does.
 *
 * Not modelled: suspend and wake-up, guest panic actions, watchdog actions. */
#include "system/runstate.h"

#include <glib-unix.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "accel/accel.h"
#include "block/block.h"
#include "chardev/chardev.h"
#include "hw/board.h"
#include "base/clock.h"
#include "base/ending.h"
#include "base/fds.h"
#include "base/log.h"
#include "base/mainloop.h"

typedef struct Listener {
    void (*fn)(RunState now, void *opaque);
    void *opaque;
} Listener;

enum { NOTHING = -1 };

static struct {
    Machine *machine;
    Bh *bh;
    GArray *listeners;
    atomic_int state;
    atomic_int shutdown, exit_status; /* cause, or NOTHING */
    atomic_int reset;                 /* cause, or NOTHING */
    atomic_bool powerdown, io_stop;
    atomic_int signal, signal_pid;
    atomic_bool in_loop; /* the main loop will see a signal soon */
} run = { .shutdown = NOTHING, .reset = NOTHING };

static const char *const names[] = {
    [RUN_PRELAUNCH] = "prelaunch", [RUN_RUNNING] = "running",   [RUN_PAUSED] = "paused",
    [RUN_DEBUG] = "debug",         [RUN_IO_ERROR] = "io-error", [RUN_SHUTDOWN] = "shutdown",
};

const char *runstate_name(RunState s)
{
    return names[s];
}

RunState runstate_get(void)
{
    return atomic_load(&run.state);
}

static void runstate_enter(RunState s)
{
    if (runstate_get() == s) {
        return;
    }
    atomic_store(&run.state, s);
    for (guint i = 0; i < run.listeners->len; i++) {
        Listener *l = &g_array_index(run.listeners, Listener, i);
        l->fn(s, l->opaque);
    }
}

void runstate_add_listener(void (*fn)(RunState now, void *opaque), void *opaque)
{
    Listener l = { fn, opaque };
    g_array_append_val(run.listeners, l);
}

static void vcpus_pause(void)
{
    Accel *a = run.machine->accel;
    if (a) {
        ending_waits_for("the vCPUs to stand still");
        a->class->pause(a);
        ending_waits_for(NULL);
    }
    clock_virtual_stop();
}

static void pause_disks(void)
{
    ending_waits_for("requests of disks to end");
    drives_pause(run.machine->drives);
    ending_waits_for(NULL);
}

static void vcpus_resume(void)
{
    Accel *a = run.machine->accel;
    drives_resume(run.machine->drives);
    clock_virtual_start();
    if (a) {
        a->class->resume(a);
    }
}

void runstate_start(void)
{
    if (runstate_get() == RUN_RUNNING) {
        return;
    }
    if (runstate_get() == RUN_SHUTDOWN) {
        machine_reset(run.machine);
    }
    runstate_enter(RUN_RUNNING);
    vcpus_resume();
}

void runstate_stop(RunState why)
{
    if (runstate_get() == RUN_RUNNING) {
        vcpus_pause();
        pause_disks();
    }
    runstate_enter(why);
}

/* ---- requests ---- */

static void do_reset(ShutdownCause cause)
{
    const MachineConfig *config = run.machine->config;
    if (cause == SHUTDOWN_GUEST_RESET && config->no_reboot) {
        if (config->no_shutdown) {
            runstate_stop(RUN_SHUTDOWN);
        } else {
            mainloop_quit(0);
        }
        return;
    }
    bool running = runstate_get() == RUN_RUNNING;
    if (running) {
        vcpus_pause();
        pause_disks();
    }
    machine_reset(run.machine);
    if (running) {
        vcpus_resume();
    } else if (runstate_get() == RUN_SHUTDOWN || runstate_get() == RUN_IO_ERROR) {
        runstate_enter(RUN_PRELAUNCH);
    }
}

static void do_shutdown(ShutdownCause cause)
{
    bool by_guest = cause == SHUTDOWN_GUEST_POWEROFF || cause == SHUTDOWN_GUEST_PANIC;
    runstate_stop(RUN_SHUTDOWN);
    if (!(by_guest && run.machine->config->no_shutdown)) {
        mainloop_quit(atomic_load(&run.exit_status));
    }
}

static void report_signal(int number)
{
    int pid = atomic_load(&run.signal_pid);
    if (pid <= 0) { /* the terminal's Ctrl-C has no sender */
        log_report("terminating on signal %d", number);
        return;
    }
    g_autofree char *path = g_strdup_printf("/proc/%d/comm", pid);
    g_autofree char *comm = NULL;
    fds_reserve_begin(); /* for good: this is the end */
    if (!g_file_get_contents(path, &comm, NULL, NULL)) {
        comm = g_strdup("<unknown process>");
    }
    g_strchomp(comm);
    log_report("terminating on signal %d from pid %d (%s)", number, pid, comm);
}

/* In the main loop, some time after a request. */
static void carry_out(void *opaque)
{
    int number = atomic_exchange(&run.signal, 0);
    if (number) {
        report_signal(number);
        mainloop_quit(0);
        return;
    }
    if (!run.machine) {
        return;
    }
    int shutdown = atomic_exchange(&run.shutdown, NOTHING);
    int reset = atomic_exchange(&run.reset, NOTHING);
    if (shutdown != NOTHING) {
        do_shutdown(shutdown);
    } else if (reset != NOTHING) {
        do_reset(reset);
    }
    if (atomic_exchange(&run.io_stop, false) && runstate_get() == RUN_RUNNING &&
        drives_keep_requests(run.machine->drives)) { /* a reset may have dropped them */
        runstate_stop(RUN_IO_ERROR);
    }
    if (atomic_exchange(&run.powerdown, false)) {
        irq_raise(&run.machine->powerdown);
        irq_lower(&run.machine->powerdown);
    }
}

static void wake(void)
{
    if (run.bh) {
        bh_schedule(run.bh);
    }
}

void system_request_shutdown(ShutdownCause cause, int exit_status)
{
    if (cause == SHUTDOWN_HOST_QUIT) {
        ending_deadline("quit", exit_status);
    }
    atomic_store(&run.exit_status, exit_status);
    atomic_store(&run.shutdown, cause);
    wake();
}

void system_request_reset(ShutdownCause cause)
{
    atomic_store(&run.reset, cause);
    wake();
}

void system_request_powerdown(void)
{
    atomic_store(&run.powerdown, true);
    wake();
}

/* The block layer keeps a request that failed. */
static void request_io_stop(void *opaque)
{
    atomic_store(&run.io_stop, true);
    wake();
}

/* ---- signals ---- */

/* Only async-signal-safe work here: the note and a write to the loop's wake-up
 * pipe, which a GLib source reads.  Before the loop runs (a chardev that waits for
 * a client, say) the signal ends the process at once, with what has been made so far removed. */
static int signal_pipe[2] = { -1, -1 };

static const char *signal_name(int number)
{
    return number == SIGTERM ? "SIGTERM" : number == SIGINT ? "SIGINT" : "SIGHUP";
}

/* In the main thread only, which is the one that makes files: it is never between two looks
 * at what there is to remove. */
static void end_start(int number)
{
    if (syscall(SYS_gettid) != getpid()) {
        syscall(SYS_tgkill, getpid(), getpid(), number);
    } else if (!ending_is_held(number)) {
        ending_clean();
        signal(number, SIG_DFL);
        raise(number);
    }
}

static void on_signal(int number, siginfo_t *info, void *context)
{
    if (!atomic_load(&run.in_loop)) {
        end_start(number);
        return;
    }
    ending_deadline(signal_name(number), 0);
    atomic_store(&run.signal_pid, info->si_code == SI_KERNEL ? 0 : info->si_pid);
    atomic_store(&run.signal, number);
    ssize_t ignored = write(signal_pipe[1], "", 1);
    (void)ignored;
}

static gboolean signal_pipe_readable(int fd, GIOCondition condition, void *opaque)
{
    char junk[16];
    ssize_t ignored = read(fd, junk, sizeof(junk));
    (void)ignored;
    carry_out(NULL);
    return G_SOURCE_CONTINUE;
}

void runstate_catch_signals(const char *program)
{
    static const int signals[] = { SIGTERM, SIGINT, SIGHUP };
    struct sigaction sa = { .sa_sigaction = on_signal, .sa_flags = SA_SIGINFO | SA_RESTART };
    g_autoptr(GSource) source = NULL;
    ending_init(program);
    if (!g_unix_open_pipe(signal_pipe, FD_CLOEXEC, NULL)) {
        return; /* no descriptors left: the signals keep their default, to end the process */
    }
    g_unix_set_fd_nonblocking(signal_pipe[0], true, NULL);
    g_unix_set_fd_nonblocking(signal_pipe[1], true, NULL);
    source = g_unix_fd_source_new(signal_pipe[0], G_IO_IN);
    g_source_set_callback(source, G_SOURCE_FUNC(signal_pipe_readable), NULL, NULL);
    g_source_attach(source, mainloop_context());
    for (unsigned i = 0; i < G_N_ELEMENTS(signals); i++) {
        sigaction(signals[i], &sa, NULL);
    }
    signal(SIGPIPE, SIG_IGN);
}

void runstate_loop_begins(void)
{
    atomic_store(&run.in_loop, true);
}

void runstate_init(Machine *m)
{
    run.machine = m;
    run.listeners = g_array_new(false, false, sizeof(Listener));
    run.bh = bh_new(NULL, carry_out, NULL);
    drives_set_stop_hook(m->drives, request_io_stop, NULL);
    atomic_store(&run.state, RUN_PRELAUNCH);
}

void runstate_finish(void)
{
    if (run.machine && runstate_get() == RUN_RUNNING) {
        vcpus_pause();
        atomic_store(&run.state, RUN_SHUTDOWN);
    }
    g_clear_pointer(&run.bh, bh_free);
    g_clear_pointer(&run.listeners, g_array_unref);
    run.machine = NULL;
}
