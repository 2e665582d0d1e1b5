/* SPDX-License-Identifier: GPL-2.0-or-later */
/* System calls: the filter that the build has made of the rows of sandbox_calls.c, and what is said when it bites.
 * See base/sandbox.h. */
#include "base/sandbox.h"

#include <errno.h>
#include <glib.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/ending.h"
#include "base/sandbox_priv.h"

static bool programs_forbidden, programs_wanted;

void sandbox_forbid_programs(void)
{
    programs_forbidden = true;
}

bool sandbox_want_program(GError **err)
{
    programs_wanted = true;
    if (programs_forbidden) {
        g_set_error(
            err, G_FILE_ERROR, G_FILE_ERROR_PERM,
            "the sandbox lets no program start; allow it with -sandbox on,spawn=allow, or -sandbox off");
    }
    return !programs_forbidden;
}

bool sandbox_wants_program(void)
{
    return programs_wanted;
}

/* ---- the end ------------------------------------------------------------- */

/* In the thread that made the call.  Async-signal-safe. */
static void on_forbidden_call(int signal_number, siginfo_t *info, void *context)
{
    unsigned call = info->si_syscall;
    char digits[12], *at = digits + sizeof(digits) - 1;
    const char *name = call < sandbox_call_count ? sandbox_call_names[call] : NULL;
    *at = '\0';
    do {
        *--at = '0' + call % 10;
    } while (call /= 10);
    ending_say(
        "the system call ", name ? name : "of number ", name ? " (" : "", at, name ? ")" : "",
        " is not in the sandbox's list, and ends the process; a guest may have broken in. If this is a "
        "fault of the list, run with -sandbox off, and report it",
        NULL);
    ending_clean();
    signal(SIGSYS, SIG_DFL);
    raise(SIGSYS);
}

static void catch_forbidden_calls(void)
{
    struct sigaction sa = { .sa_sigaction = on_forbidden_call, .sa_flags = SA_SIGINFO | SA_NODEFER };
    sigaction(SIGSYS, &sa, NULL);
}

/* ---- the filter ---------------------------------------------------------- */

/* All threads get the filter.  Speculation stays as it is without one: the guest's code is made by this process, which gains
 * nothing from slower loads. */
enum { FLAGS = SECCOMP_FILTER_FLAG_TSYNC | SECCOMP_FILTER_FLAG_SPEC_ALLOW };
_Static_assert(sizeof(SandboxInsn) == sizeof(struct sock_filter), "the kernel's form");

static long seccomp_call(unsigned operation, unsigned flags, void *arg)
{
    return syscall(SYS_seccomp, operation, flags, arg);
}

/* Of a filter that is not there the kernel says EFAULT, unless it does not know what is asked. */
bool sandbox_has_calls(const char **why)
{
    *why = "this kernel has no seccomp filters";
    return seccomp_call(SECCOMP_SET_MODE_FILTER, FLAGS, NULL) < 0 && errno == EFAULT;
}

/* The filter of a set, with this process's number where it belongs; the caller's. */
static struct sock_fprog filter_of(unsigned more)
{
    uint32_t at = sandbox_filter_at[more], len = sandbox_filter_at[more + 1] - at;
    struct sock_filter *insns = g_memdup2(sandbox_filters + at, len * sizeof(*insns));
    for (uint32_t i = 0; i < len; i++) {
        if (insns[i].k == SANDBOX_SELF && BPF_CLASS(insns[i].code) == BPF_JMP) {
            insns[i].k = getpid();
        }
    }
    return (struct sock_fprog){ len, insns };
}

/* 0 or an errno.  Threads that cannot get it are those in which another filter was set: none here sets one. */
static int set_filter(unsigned more)
{
    struct sock_fprog p = filter_of(more);
    long r = prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ? -1 : seccomp_call(SECCOMP_SET_MODE_FILTER, FLAGS, &p);
    int e = r < 0 ? errno : r > 0 ? EBUSY : 0;
    g_free(p.filter);
    return e;
}

bool sandbox_close_calls(unsigned more, GError **err)
{
    catch_forbidden_calls();
    int e = set_filter(more);
    programs_forbidden |= !e && !(more & SANDBOX_SPAWN);
    if (e) {
        g_set_error(err, G_FILE_ERROR, g_file_error_from_errno(e),
                    "the kernel does not take the filter of system calls: %s; run with -sandbox off",
                    g_strerror(e));
    }
    return !e;
}
