/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Files: a ruleset of Landlock's.  See base/sandbox.h.
 * Interface: Linux, Documentation/userspace-api/landlock.rst; by system call, for libc has no functions for it.
 *
 * Landlock restricts the thread that asks and those that it makes.  Threads of vCPUs and disks are there before all
 * files are open, so each is sent a signal, whose handler asks for it; io_uring's own threads, which get no
 * signals, work with the rights of who made the request.
 *
 * Not modelled: rules for ports of the network (it is one of the machine's devices). */
#include "base/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <linux/landlock.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/ending.h"

/* Newer than the headers of Debian 12. */
enum {
    LANDLOCK_REFER = 1 << 13,
    LANDLOCK_TRUNCATE = 1 << 14,
    LANDLOCK_IOCTL_DEV = 1 << 15,
};
enum {
    READ = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR,
    WRITE = READ | LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_REMOVE_FILE |
            LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_MAKE_SOCK | LANDLOCK_ACCESS_FS_MAKE_SYM |
            LANDLOCK_TRUNCATE,
    OF_FILES = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_TRUNCATE,
};

#define OWN_THREADS "/proc/self/task"

typedef struct Folder {
    char *path;
    unsigned access;
} Folder;

static GArray *folders; /* of Folder: those that the user has named */

/* What libraries read while a machine runs. */
static const struct {
    const char *path, *why;
    unsigned access;
} system_files[] = {
    { "/etc",
      "name servers (a new file when the network changes), names of hosts and services, the time zone",
      READ },
    { "/usr/share/zoneinfo", "the time zone", READ },
    { "/proc", "who sent a signal, who locks an image", READ },
    { "/sys/devices/system/cpu", "how many processors there are", READ },
    { "/dev/null", "-daemonize", OF_FILES },
    { "/dev/urandom", "rng objects that a monitor adds", LANDLOCK_ACCESS_FS_READ_FILE },
};

void sandbox_add_folder(const char *path, bool writable)
{
    Folder f = { g_canonicalize_filename(path, NULL), writable ? WRITE : READ };
    folders = folders ? folders : g_array_new(false, false, sizeof(Folder));
    g_array_append_val(folders, f);
}

/* ---- the ruleset --------------------------------------------------------- */

static int landlock_version(void)
{
    return syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
}

bool sandbox_has_files(const char **why)
{
    *why = "this kernel has no Landlock (since 5.13, and listed in its lsm= option)";
    if (landlock_version() < 1) {
        return false;
    }
    *why = "/proc is not mounted, where the threads are listed";
    return access(OWN_THREADS, R_OK) == 0;
}

DIR *sandbox_open_threads(void)
{
    return opendir(OWN_THREADS);
}

typedef struct Ruleset {
    int fd;
    uint64_t handled; /* all that this kernel can forbid */
    int error;        /* of a rule that should have been possible */
} Ruleset;

static uint64_t all_access(void)
{
    int version = landlock_version();
    return (LANDLOCK_REFER - 1) | (version >= 2 ? LANDLOCK_REFER : 0) |
           (version >= 3 ? LANDLOCK_TRUNCATE : 0) | (version >= 5 ? LANDLOCK_IOCTL_DEV : 0);
}

/* False: errno says why there is no such rule. */
static bool allow(const Ruleset *r, const char *path, uint64_t access)
{
    struct stat st;
    int fd = open(path, O_PATH | O_CLOEXEC);
    bool ok = fd >= 0 && fstat(fd, &st) == 0;
    if (ok) {
        struct landlock_path_beneath_attr rule = {
            .allowed_access = access & r->handled & (S_ISDIR(st.st_mode) ? UINT64_MAX : OF_FILES),
            .parent_fd = fd,
        };
        ok = syscall(SYS_landlock_add_rule, r->fd, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) == 0;
    }
    int e = errno;
    if (fd >= 0) {
        close(fd);
    }
    errno = e;
    return ok;
}

/* What is not there, or not for this user, is not missed. */
static void allow_if_there(Ruleset *r, const char *path, uint64_t access)
{
    if (!allow(r, path, access) && errno != ENOENT && errno != ENOTDIR && errno != EACCES) {
        r->error = errno;
    }
}

static void allow_removal(const char *path, void *ruleset)
{
    g_autofree char *folder = g_path_get_dirname(path);
    allow_if_there(ruleset, folder, LANDLOCK_ACCESS_FS_REMOVE_FILE);
}

static bool allow_all(Ruleset *r, GError **err)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(system_files); i++) {
        allow_if_there(r, system_files[i].path, system_files[i].access);
    }
    g_autofree char *resolver = realpath("/etc/resolv.conf", NULL); /* often a link into /run */
    g_autofree char *at = resolver ? g_path_get_dirname(resolver) : NULL;
    if (at) {
        allow_if_there(r, at, READ);
    }
    ending_foreach_file(allow_removal, r);
    for (guint i = 0; folders && i < folders->len; i++) {
        const Folder *f = &g_array_index(folders, Folder, i);
        if (!allow(r, f->path, f->access)) {
            g_set_error(err, G_FILE_ERROR, g_file_error_from_errno(errno),
                        "the sandbox cannot allow '%s': %s; name a folder that is there", f->path,
                        g_strerror(errno));
            return false;
        }
    }
    return true;
}

/* ---- all threads --------------------------------------------------------- */

enum { MAX_THREADS = 4096, WAIT_US = 5000000, LOOK_US = 200 };

static int wanted_ruleset;
static atomic_int restricted[MAX_THREADS]; /* their numbers */
static atomic_uint restricted_count;
static atomic_int restrict_error;

static int restrict_thread(void)
{
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || syscall(SYS_landlock_restrict_self, wanted_ruleset, 0)) {
        return errno;
    }
    return 0;
}

static void on_restrict(int signal_number)
{
    int keep = errno, e = restrict_thread();
    unsigned n = atomic_fetch_add(&restricted_count, 1);
    if (e) {
        atomic_store(&restrict_error, e);
    }
    if (n < MAX_THREADS) {
        atomic_store(&restricted[n], syscall(SYS_gettid));
    }
    errno = keep;
}

static bool is_restricted(int thread)
{
    unsigned n = MIN(atomic_load(&restricted_count), MAX_THREADS);
    for (unsigned i = 0; i < n; i++) {
        if (atomic_load(&restricted[i]) == thread) {
            return true;
        }
    }
    return false;
}

/* Threads in which the kernel works for this process; they have no handlers: of io_uring, and of KVM (since Linux 6.14), which makes one
 * when a VM first runs. */
static const char *const kernel_threads[] = { "iou-wrk-", "iou-sqp-", "kvm-nx-lpage-re" };

static bool is_kernels(DIR *threads, const char *thread)
{
    char name[16] = "";
    g_autofree char *path = g_strconcat(thread, "/comm", NULL);
    int fd = openat(dirfd(threads), path, O_RDONLY | O_CLOEXEC);
    bool is = false;
    if (fd >= 0 && read(fd, name, sizeof(name) - 1) > 0) {
        for (unsigned i = 0; i < G_N_ELEMENTS(kernel_threads); i++) {
            is |= g_str_has_prefix(name, kernel_threads[i]);
        }
    }
    if (fd >= 0) {
        close(fd);
    }
    return is;
}

/* A pass over the threads: those that are new are sent the signal, once.  How many have not come to it yet. */
static unsigned ask_threads(DIR *threads, GHashTable *asked)
{
    unsigned waiting = 0;
    const struct dirent *entry;
    rewinddir(threads);
    while ((entry = readdir(threads))) {
        int thread = atoi(entry->d_name); /* 0: "." and ".." */
        if (!thread || thread == getpid() || is_restricted(thread) || is_kernels(threads, entry->d_name)) {
            continue;
        }
        waiting++;
        if (g_hash_table_add(asked, GINT_TO_POINTER(thread))) {
            syscall(SYS_tgkill, getpid(), thread, SIGRTMIN); /* fails if it has just ended */
        }
    }
    return waiting;
}

/* 0 or errno. */
static int wait_for_threads(DIR *threads)
{
    g_autoptr(GHashTable) asked = g_hash_table_new(NULL, NULL);
    gint64 end = g_get_monotonic_time() + WAIT_US;
    while (ask_threads(threads, asked) && !atomic_load(&restrict_error)) {
        if (g_get_monotonic_time() > end) {
            return ETIMEDOUT;
        }
        g_usleep(LOOK_US);
    }
    return atomic_load(&restrict_error);
}

/* 0 or errno.  Called in the main thread; threads that are made from here on are restricted from their beginning, for
 * restricted ones make them. */
static int restrict_all(int ruleset, DIR *threads)
{
    struct sigaction sa = { .sa_handler = on_restrict, .sa_flags = SA_RESTART }, before;
    wanted_ruleset = ruleset;
    int e = restrict_thread();
    if (!e) {
        sigaction(SIGRTMIN, &sa, &before);
        e = wait_for_threads(threads);
    }
    if (!e) { /* else the signal may come yet */
        sigaction(SIGRTMIN, &before, NULL);
    }
    return e;
}

bool sandbox_close_files(DIR *threads, GError **err)
{
    struct landlock_ruleset_attr all = { .handled_access_fs = all_access() };
    int e = 0, fd = syscall(SYS_landlock_create_ruleset, &all, sizeof(all), 0);
    if (fd < 0) {
        e = errno;
    } else {
        Ruleset r = { fd, all.handled_access_fs, 0 };
        bool allowed = allow_all(&r, err);
        e = r.error || !allowed ? r.error : restrict_all(fd, threads);
        close(fd);
        if (!allowed) {
            return false;
        }
    }
    if (e) {
        g_set_error(err, G_FILE_ERROR, g_file_error_from_errno(e),
                    "the kernel does not limit the files: %s; run with -sandbox files=any", g_strerror(e));
    }
    return !e;
}
