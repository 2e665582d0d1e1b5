/* SPDX-License-Identifier: GPL-2.0-or-later */
/* -sandbox, -runas, -run-with and -chroot: what a machine that is complete gives up.
 *
 * The order: another root and user, while this may still be root; then the files, for no file is opened by its name
 * from here on; the process that will clear up; last the system calls, which allow none of this.
 * Interface: the QEMU manual, "invocation"; files= and dir= of -sandbox are ours. */
#include <errno.h>
#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/fds.h"
#include "base/log.h"
#include "base/sandbox.h"
#include "system/cmdline.h"
#include "system/identity.h"

/* Sanitizers stop threads and look into them at the end, which is what the sandbox is against. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
enum { ON_BY_DEFAULT = false };
#else
enum { ON_BY_DEFAULT = true };
#endif

enum { DENY, ALLOW, CHILDREN };
static const char *const deny_allow[] = { "deny", "allow", NULL };
static const char *const privilege_names[] = { "deny", "allow", "children", NULL };
enum { FILES_ANY, FILES_NAMED };
static const char *const files_names[] = { "any", "named", NULL };

typedef struct SandboxOptions {
    bool on, has_on;
    int obsolete, privileges, spawn, resources, files;
    bool has_files;
    PropList folders; /* of char * */
} SandboxOptions;

#define AT(field) offsetof(SandboxOptions, field)
static const Prop sandbox_props[] = {
    { "enable", PROP_BOOL, AT(on), "give up what a machine that runs does not need", .def = ON_BY_DEFAULT,
      .has = AT(has_on) },
    { "obsolete", PROP_ENUM, AT(obsolete), "system calls of long ago", .names = deny_allow },
    { "elevateprivileges", PROP_ENUM, AT(privileges),
      "another user; programs that are started never gain any (children)", .names = privilege_names },
    { "spawn", PROP_ENUM, AT(spawn), "programs that a host end starts; all but the most dangerous calls then",
      .names = deny_allow },
    { "resourcecontrol", PROP_ENUM, AT(resources), "priorities, processors, limits", .names = deny_allow },
    { "files", PROP_ENUM, AT(files),
      "what is opened later: any, or in named folders alone (default without a monitor)",
      .names = files_names, .has = AT(has_files) },
    { "dir", PROP_STRING, AT(folders), "a folder for files=named, which it implies", .list = true },
    { NULL },
};
const Shape cmdline_sandbox_shape = { "Sandbox", sizeof(SandboxOptions), sandbox_props };

typedef struct RunWithOptions {
    bool async_teardown, exit_with_parent;
    char *root, *user;
} RunWithOptions;

static const Prop run_with_props[] = {
    { "async-teardown", PROP_BOOL, offsetof(RunWithOptions, async_teardown),
      "another process frees the memory after the end" },
    { "chroot", PROP_STRING, offsetof(RunWithOptions, root), "the root folder of what is opened later" },
    { "exit-with-parent", PROP_BOOL, offsetof(RunWithOptions, exit_with_parent),
      "end when who started it ends" },
    { "user", PROP_STRING, offsetof(RunWithOptions, user), "name, or uid:gid, of the user to become" },
    { NULL },
};
const Shape cmdline_run_with_shape = { "RunWith", sizeof(RunWithOptions), run_with_props };

struct Confinement {
    SandboxOptions *sandbox;
    RunWithOptions *run_with;
    Identity *identity; /* NULL: stays who it is */
    pid_t parent;
    unsigned more_calls; /* of SandboxCalls: for what the machine has */
};

void confinement_free(Confinement *f)
{
    if (f) {
        shape_free(&cmdline_sandbox_shape, f->sandbox);
        shape_free(&cmdline_run_with_shape, f->run_with);
        identity_free(f->identity);
        g_free(f);
    }
}

/* ---- before anything is made --------------------------------------------- */

static bool names_files(const SandboxOptions *o)
{
    return o->files == FILES_NAMED || o->folders.count;
}

static bool check_sandbox(const SandboxOptions *o, GError **err)
{
    const char *why;
    bool named = names_files(o);
    if (o->has_files && o->files == FILES_ANY && o->folders.count) {
        return cmdline_fail(err, "files=any needs no dir=; leave one of them out");
    }
    if (named && !o->on) {
        return cmdline_fail(err, "files=named and dir= are limits of the sandbox, which is off; say on");
    }
    if (named && o->spawn == ALLOW) {
        return cmdline_fail(
            err, "what files a program needs is not known; leave out spawn=allow, or files= and dir=");
    }
    if (o->has_on && o->on && !sandbox_has_calls(&why)) {
        return cmdline_fail(err, "%s; run with -sandbox off", why);
    }
    if (named && !sandbox_has_files(&why)) {
        return cmdline_fail(err, "%s; run with files=any", why);
    }
    char *const *folders = o->folders.items;
    for (size_t i = 0; i < o->folders.count; i++) {
        sandbox_add_folder(folders[i], true);
    }
    if (o->has_on && o->on && o->spawn == DENY) {
        sandbox_forbid_programs();
    }
    return true;
}

static bool take_sandbox(const CmdLine *c, Confinement *f, GError **err)
{
    SandboxOptions *o = cmdline_merged_shape(c, OPT_SANDBOX, &cmdline_sandbox_shape, err);
    if (o && !o->has_on && names_files(o)) {
        o->on = o->has_on = true; /* who limits the files asks for the sandbox: nothing else turns it off */
    }
    f->sandbox = o;
    return (o && check_sandbox(o, err)) || cmdline_blame(err, cmdline_last(c, OPT_SANDBOX));
}

/* Two options may name one thing; whichever does, its name begins the message. */
static bool take_identity(const CmdLine *c, Confinement *f, GError **err)
{
    const char *user = cmdline_text(c, OPT_RUNAS), *root = cmdline_text(c, OPT_CHROOT);
    const CmdItem *with = cmdline_last(c, OPT_RUN_WITH);
    const CmdItem *item = user ? cmdline_last(c, OPT_RUNAS) : root ? cmdline_last(c, OPT_CHROOT) : with;
    if ((user && f->run_with->user) || (root && f->run_with->root)) {
        return cmdline_fail(err,
                            "-run-with: user= and chroot= are what -runas and -chroot say; give one of them");
    }
    user = user ? user : f->run_with->user;
    root = root ? root : f->run_with->root;
    if (!user && !root) {
        return true;
    }
    f->identity = identity_new(user, root, err);
    return f->identity || cmdline_blame(err, item);
}

static bool take_run_with(const CmdLine *c, Confinement *f, GError **err)
{
    const CmdItem *item = cmdline_last(c, OPT_RUN_WITH);
    f->parent = getppid();
    f->run_with = cmdline_merged_shape(c, OPT_RUN_WITH, &cmdline_run_with_shape, err);
    if (f->run_with && f->run_with->exit_with_parent && cmdline_has(c, OPT_DAEMONIZE)) {
        cmdline_fail(
            err, "exit-with-parent=on ends with who started it, and -daemonize leaves him; give one of them");
        return cmdline_blame(err, item);
    }
    return f->run_with || cmdline_blame(err, item);
}

bool cmdline_check_confinement(CmdLine *c, GError **err)
{
    c->confinement = g_new0(Confinement, 1);
    return take_sandbox(c, c->confinement, err) && take_run_with(c, c->confinement, err) &&
           take_identity(c, c->confinement, err);
}

/* ---- when all is made ---------------------------------------------------- */

/* Can somebody ask for files that the command line does not name? */
static bool has_monitor(const CmdLine *c)
{
    return c->monitors->len || c->controls->len || c->pretty_controls->len || cmdline_has(c, OPT_GDB) ||
           cmdline_has(c, OPT_GDB_SHORT);
}

static bool limits_files(const CmdLine *c, const SandboxOptions *o)
{
    const char *why;
    if (o->has_files || o->folders.count) {
        return names_files(o);
    }
    return !has_monitor(c) && o->spawn == DENY && sandbox_has_files(&why);
}

/* Without a word of the user's: where it is possible, and nothing needs more. */
static bool is_wanted(const SandboxOptions *o)
{
    const char *why;
    return o->on && (o->has_on || (!sandbox_wants_program() && sandbox_has_calls(&why)));
}

static unsigned allowed_calls(const Confinement *f)
{
    const SandboxOptions *o = f->sandbox;
    return f->more_calls | (o->obsolete == ALLOW ? SANDBOX_OBSOLETE : 0) |
           (o->privileges != DENY ? SANDBOX_PRIVILEGES : 0) | (o->spawn == ALLOW ? SANDBOX_SPAWN : 0) |
           (o->resources == ALLOW ? SANDBOX_RESOURCES : 0);
}

/* The signal that a parent's end sends is forgotten when the user changes. */
static bool follow_parent(const Confinement *f, GError **err)
{
    if (!f->run_with->exit_with_parent) {
        return true;
    }
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    return getppid() == f->parent ||
           cmdline_fail(err, "-run-with exit-with-parent=on: who started it has ended already");
}

/* Where nobody has asked for it, a kernel that is strange here (another sandbox around this one) is no reason not to
 * start. */
static bool close_calls(const Confinement *f, GError **err)
{
    g_autoptr(GError) why = NULL;
    if (sandbox_close_calls(allowed_calls(f), &why)) {
        return true;
    }
    if (f->sandbox->has_on) {
        g_propagate_error(err, g_steal_pointer(&why));
        return false;
    }
    log_report("warning: -sandbox: %s", why->message);
    return true;
}

/* threads: NULL: the files stay open to all. */
static bool give_up(const Confinement *f, bool sandboxed, DIR *threads, GError **err)
{
    return (!f->identity || identity_take(f->identity, err)) && follow_parent(f, err) &&
           (!threads || sandbox_close_files(threads, err)) &&
           (!f->run_with->async_teardown || teardown_start(sandboxed, allowed_calls(f), err)) &&
           (!sandboxed || close_calls(f, err));
}

bool cmdline_confine(const CmdLine *c, unsigned calls, GError **err)
{
    Confinement *f = c->confinement;
    f->more_calls = calls;
    bool sandboxed = is_wanted(f->sandbox), limited = sandboxed && limits_files(c, f->sandbox);
    fds_reserve_begin(); /* some are needed for a moment */
    DIR *threads = limited ? sandbox_open_threads() : NULL;
    bool ok = !limited || threads;
    if (!ok) {
        cmdline_fail(err, "the sandbox cannot look at the threads: %s; run with -sandbox files=any",
                     g_strerror(errno));
    }
    ok = ok && give_up(f, sandboxed, threads, err);
    if (threads) {
        closedir(threads);
    }
    fds_reserve_end();
    return ok;
}
