/* SPDX-License-Identifier: GPL-2.0-or-later */
/* System calls: a filter of libseccomp's from the rows of sandbox_calls.c, and what is said when it bites.
 * See base/sandbox.h. */
#include "base/sandbox.h"

#include <errno.h>
#include <glib.h>
#include <seccomp.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
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

/* What becomes of a row's calls. */
static uint32_t row_action(const SandboxRow *row, unsigned more)
{
    bool allowed = !row->group || row->group & more;
    if (more & SANDBOX_SPAWN) { /* a program may not be ended for asking */
        return allowed ? SCMP_ACT_ALLOW : SCMP_ACT_ERRNO(EPERM);
    }
    return !allowed ? SCMP_ACT_TRAP : row->error ? SCMP_ACT_ERRNO(row->error) : SCMP_ACT_ALLOW;
}

static int add_call(scmp_filter_ctx filter, const SandboxRow *row, const char *name, uint32_t action)
{
    int number = seccomp_syscall_resolve_name(name);
    if (number < 0) {
        return 0; /* this host has none of this name */
    }
    uint64_t value = row->value;
    if (row->own) {
        value = getpid();
    }
    struct scmp_arg_cmp test = SCMP_CMP64(row->arg - 1u, SCMP_CMP_MASKED_EQ, row->mask, value);
    return seccomp_rule_add_array(filter, action, number, row->arg ? 1 : 0, &test);
}

/* 0 or -errno. */
static int add_row(scmp_filter_ctx filter, const SandboxRow *row, uint32_t action)
{
    g_auto(GStrv) names = g_strsplit(row->calls, " ", -1);
    int e = 0;
    for (unsigned i = 0; !e && names[i]; i++) {
        e = add_call(filter, row, names[i], action);
    }
    return e;
}

/* Speculation stays as it is without a filter: the guest's code is made by this process, which gains nothing from
 * slower loads.  All threads get the filter. */
static int set_attributes(scmp_filter_ctx filter)
{
    static const struct {
        enum scmp_filter_attr attr;
        uint32_t value;
    } attributes[] = {
        { SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS }, /* 32-bit entries of a 64-bit host */
        { SCMP_FLTATR_CTL_NNP, 1 },
        { SCMP_FLTATR_CTL_TSYNC, 1 },
        { SCMP_FLTATR_CTL_SSB, 1 },
        { SCMP_FLTATR_API_SYSRAWRC, 1 }, /* the kernel's reason */
    };
    int e = 0;
    for (unsigned i = 0; !e && i < G_N_ELEMENTS(attributes); i++) {
        e = seccomp_attr_set(filter, attributes[i].attr, attributes[i].value);
    }
    return e;
}

static int make_filter(scmp_filter_ctx filter, unsigned more)
{
    uint32_t rest = more & SANDBOX_SPAWN ? SCMP_ACT_ALLOW : SCMP_ACT_TRAP;
    int e = set_attributes(filter);
    for (const SandboxRow *row = sandbox_rows; !e && row->calls; row++) {
        uint32_t action = row_action(row, more);
        if (action != rest) {
            e = add_row(filter, row, action);
        }
    }
    return e;
}

bool sandbox_has_calls(const char **why)
{
    *why = "this kernel has no seccomp filters";
    return prctl(PR_GET_SECCOMP) >= 0 && seccomp_api_get() >= 2; /* 2: all threads at once */
}

bool sandbox_close_calls(unsigned more, GError **err)
{
    scmp_filter_ctx filter = seccomp_init(more & SANDBOX_SPAWN ? SCMP_ACT_ALLOW : SCMP_ACT_TRAP);
    int e = filter ? make_filter(filter, more) : -ENOMEM;
    catch_forbidden_calls();
    e = e ? e : seccomp_load(filter);
    seccomp_release(filter);
    programs_forbidden |= !e && !(more & SANDBOX_SPAWN);
    if (e) {
        g_set_error(err, G_FILE_ERROR, g_file_error_from_errno(-e),
                    "the kernel does not take the filter of system calls: %s; run with -sandbox off",
                    g_strerror(-e));
    }
    return !e;
}
