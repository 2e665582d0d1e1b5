/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Signals that end the process: SIGTERM, SIGINT, SIGHUP.  There is one handler in a process, and it
 * knows one loop: that of the machine that the command line made.
 *
 * Only async-signal-safe work is done in the handler: the note and a write to the loop's wake-up
 * pipe, which a GLib source reads.  Before the loop runs (a chardev that waits for
 * a client, say) the signal ends the process at once, with what has been made so far removed. */
#include "system/signals.h"

#include <glib-unix.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/ending.h"
#include "base/fds.h"
#include "base/log.h"
#include "base/event_loop.h"

static atomic_int signal_number, signal_pid;
static atomic_bool in_loop; /* the main loop will see a signal soon */
static int signal_pipe[2] = { -1, -1 };
static void (*signal_end)(void *opaque); /* of the machine */

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
    if (!atomic_load(&in_loop)) {
        end_start(number);
        return;
    }
    ending_deadline(signal_name(number), 0);
    atomic_store(&signal_pid, info->si_code == SI_KERNEL ? 0 : info->si_pid);
    atomic_store(&signal_number, number);
    ssize_t ignored = write(signal_pipe[1], "", 1);
    (void)ignored;
}

static void report_signal(int number)
{
    int pid = atomic_load(&signal_pid);
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

static gboolean signal_pipe_readable(int fd, GIOCondition condition, void *opaque)
{
    char junk[16];
    ssize_t ignored = read(fd, junk, sizeof(junk));
    (void)ignored;
    int number = atomic_exchange(&signal_number, 0);
    if (number) {
        report_signal(number);
        signal_end(opaque);
    }
    return G_SOURCE_CONTINUE;
}

void signals_catch(const char *program, EventLoop *loop, void (*end)(void *opaque), void *opaque)
{
    static const int signals[] = { SIGTERM, SIGINT, SIGHUP };
    struct sigaction sa = { .sa_sigaction = on_signal, .sa_flags = SA_SIGINFO | SA_RESTART };
    g_autoptr(GSource) source = NULL;
    ending_init(program);
    signal_end = end;
    if (!g_unix_open_pipe(signal_pipe, FD_CLOEXEC, NULL)) {
        return; /* no descriptors left: the signals keep their default, to end the process */
    }
    g_unix_set_fd_nonblocking(signal_pipe[0], true, NULL);
    g_unix_set_fd_nonblocking(signal_pipe[1], true, NULL);
    source = g_unix_fd_source_new(signal_pipe[0], G_IO_IN);
    g_source_set_callback(source, G_SOURCE_FUNC(signal_pipe_readable), opaque, NULL);
    g_source_attach(source, event_loop_context(loop));
    for (unsigned i = 0; i < G_N_ELEMENTS(signals); i++) {
        sigaction(signals[i], &sa, NULL);
    }
    signal(SIGPIPE, SIG_IGN);
}

void signals_loop_begins(void)
{
    atomic_store(&in_loop, true);
}
