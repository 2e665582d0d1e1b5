/* SPDX-License-Identifier: GPL-2.0-or-later */
/* -run-with async-teardown=on: see teardown_start in system/identity.h.
 *
 * Freeing the memory of a large guest takes the kernel seconds, during which the process that ended would still be
 * there for who waits for it.  Memory is freed with the last process that has it: so one is made by clone() that
 * has nothing else, waits for the end of this one and ends, too.
 *
 * It shares the variables of the thread that makes it (errno, malloc's), so that one waits until it has come to its
 * last call, which writes none.  It could be written to by a guest that has taken this process over, and so
 * gives up what this one does. */
#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/sandbox.h"
#include "system/identity.h"

enum { STACK_BYTES = 256 << 10 };

typedef struct Teardown {
    pid_t of;
    int ready; /* descriptor: a byte says that all is well, its end that it is not */
    bool sandboxed;
    unsigned calls;
    GError *err;
} Teardown;

/* All descriptors but one: sockets, locks of images and pipes end with the process that is waited for. */
static void close_others(int keep)
{
    if (keep > 0) {
        syscall(SYS_close_range, 0, keep - 1, 0);
    }
    syscall(SYS_close_range, keep + 1, UINT32_MAX, 0);
}

static int clear_up(void *opaque)
{
    Teardown *t = opaque;
    char name[16];
    g_snprintf(name, sizeof(name), "cleanup/%d", t->of);
    prctl(PR_SET_NAME, name);
    setsid();
    int process = syscall(SYS_pidfd_open, t->of, 0);
    bool ok = process >= 0 && (!t->sandboxed || sandbox_close_calls(t->calls, &t->err));
    if (!ok || write(t->ready, "", 1) != 1) {
        _exit(1);
    }
    close_others(process);
    struct pollfd ended = { .fd = process, .events = POLLIN };
    poll(&ended, 1, -1);
    _exit(0);
}

/* No signal comes while variables are shared, and none (a Ctrl-C) ends it early. */
static pid_t start(Teardown *t)
{
    uint8_t *stack =
        mmap(NULL, STACK_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
    return stack == MAP_FAILED ? -1 : clone(clear_up, stack + STACK_BYTES, CLONE_VM, t);
}

bool teardown_start(bool sandboxed, unsigned calls, GError **err)
{
    int fds[2];
    char byte;
    sigset_t all, before;
    if (pipe2(fds, O_CLOEXEC) < 0) {
        g_set_error(err, G_FILE_ERROR, g_file_error_from_errno(errno), "-run-with async-teardown=on: %s",
                    g_strerror(errno));
        return false;
    }
    Teardown t = { getpid(), fds[1], sandboxed, calls, NULL };
    sigfillset(&all);
    sigprocmask(SIG_BLOCK, &all, &before);
    pid_t pid = start(&t);
    int e = errno;
    close(fds[1]); /* the other process has its own */
    bool ok = pid > 0 && read(fds[0], &byte, 1) == 1;
    close(fds[0]);
    sigprocmask(SIG_SETMASK, &before, NULL);
    if (ok) {
        return true;
    }
    if (t.err) {
        g_propagate_error(err, t.err);
    } else {
        g_set_error(err, G_FILE_ERROR, G_FILE_ERROR_FAILED,
                    "-run-with async-teardown=on: cannot start the process: %s; leave it out",
                    pid > 0 ? "the kernel is older than 5.9" : g_strerror(e));
    }
    return false;
}
