/* SPDX-License-Identifier: GPL-2.0-or-later */
/* -daemonize and -pidfile.
 *
 * The program forks before it makes any thread; the parent waits for one byte from the
 * child and leaves only when the child says that monitors and chardevs listen
 * (libvirt and others connect right after), or with status 1 when the child
 * ended before.  Errors until then go to the parent's standard error.  A parent that is
 * ended meanwhile (Ctrl-C) passes the signal on: nobody waits for what the child starts.
 *
 * The pid file is locked while the process lives and removed at its end. */
#include "system/cmdline.h"
#include "base/ending.h"

#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int ready_fd = -1, null_fd = -1;
static EndingFile *pidfile;

static volatile sig_atomic_t wanted; /* in the parent: the signal that it got */

static void on_parent_signal(int number)
{
    wanted = number;
}

static bool read_all(int fd, void *buf, size_t len)
{
    return read(fd, buf, len) == (ssize_t)len; /* a few bytes through a pipe come in one piece */
}

/* Until the child says that it is ready, or has ended. */
static void watch_child(int fd, pid_t child, const sigset_t *open)
{
    struct pollfd p = { .fd = fd, .events = POLLIN };
    int n;
    do {
        n = ppoll(&p, 1, NULL, open);
        if (wanted) {
            kill(child, wanted);
        }
    } while (n < 0 && errno == EINTR);
}

/* In the parent: does not return.  First comes the child's number, then its status.  A signal
 * is taken only while there is nothing to read, so none comes too early to be passed on. */
static G_NORETURN void wait_for_child(int fd)
{
    static const int signals[] = { SIGTERM, SIGINT, SIGHUP };
    char status = 1;
    sigset_t closed, open;
    pid_t child;
    sigemptyset(&closed);
    for (unsigned i = 0; i < G_N_ELEMENTS(signals); i++) {
        sigaddset(&closed, signals[i]);
    }
    sigprocmask(SIG_BLOCK, &closed, &open);
    for (unsigned i = 0; i < G_N_ELEMENTS(signals); i++) {
        struct sigaction sa = { .sa_handler = on_parent_signal };
        sigaction(signals[i], &sa, NULL);
    }
    if (read_all(fd, &child, sizeof(child))) {
        watch_child(fd, child, &open);
        status = read_all(fd, &status, 1) && !wanted ? status : 1;
    }
    _exit(status);
}

bool daemon_fork(const char *program, GError **err)
{
    int fds[2];
    pid_t pid = -1;
    if (pipe2(fds, O_CLOEXEC) == 0) {
        pid = fork();
    }
    if (pid < 0) {
        g_set_error(err, G_FILE_ERROR, G_FILE_ERROR_FAILED, "-daemonize: cannot fork: %s", g_strerror(errno));
        return false;
    }
    if (pid > 0) {
        close(fds[1]);
        wait_for_child(fds[0]);
    }
    close(fds[0]);
    ready_fd = fds[1];
    setsid();
    pid = fork(); /* not the session's leader: never gets a terminal again */
    if (pid > 0) {
        _exit(0);
    }
    umask(027);
    pid = getpid();
    if (write(ready_fd, &pid, sizeof(pid)) != sizeof(pid)) {
        _exit(1); /* nobody is left to tell why */
    }
    return true;
}

bool daemon_leave(GError **err)
{
    if (ready_fd < 0) {
        return true;
    }
    null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (null_fd < 0 || chdir("/") < 0) {
        g_set_error(err, G_FILE_ERROR, G_FILE_ERROR_FAILED, "-daemonize: cannot leave the terminal: %s",
                    g_strerror(errno));
        return false;
    }
    return true;
}

bool daemon_ready(GError **err)
{
    if (ready_fd < 0) {
        return true;
    }
    /* A zero: the parent's exit status.  SIGPIPE is ignored. */
    bool heard = write(ready_fd, "", 1) == 1;
    if (!heard) {
        g_set_error(err, G_FILE_ERROR, G_FILE_ERROR_INTR,
                    "-daemonize: who started it has gone before it was ready");
    }
    for (int fd = 0; fd <= 2 && heard; fd++) {
        dup2(null_fd, fd);
    }
    close(null_fd);
    close(ready_fd);
    ready_fd = -1;
    return heard;
}

static bool pidfile_write(const char *path, GError **err)
{
    struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
    g_autofree char *text = g_strdup_printf("%d\n", getpid());
    int fd = open(path, O_CREAT | O_RDWR | O_CLOEXEC, 0644);
    if (fd < 0) {
        g_set_error(err, G_FILE_ERROR, G_FILE_ERROR_FAILED,
                    "cannot create PID file: Could not create '%s': %s", path, g_strerror(errno));
        return false;
    }
    if (fcntl(fd, F_SETLK, &lock) < 0) {
        g_set_error(err, G_FILE_ERROR, G_FILE_ERROR_FAILED,
                    "cannot create PID file: Cannot lock '%s': another process holds it", path);
        close(fd);
        return false;
    }
    if (ftruncate(fd, 0) < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text)) {
        g_set_error(err, G_FILE_ERROR, G_FILE_ERROR_FAILED,
                    "cannot create PID file: Failed to write '%s': %s", path, g_strerror(errno));
        close(fd);
        return false;
    }
    g_autofree char *real = realpath(path, NULL); /* a link stays */
    pidfile = ending_add_file(real ? real : path);
    return true; /* the descriptor stays open: it holds the lock */
}

bool daemon_write_pidfile(const char *path, GError **err)
{
    ending_hold();
    bool ok = pidfile_write(path, err);
    ending_release();
    return ok;
}

void daemon_remove_pidfile(void)
{
    ending_remove_file(pidfile);
    pidfile = NULL;
}
