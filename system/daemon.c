/* SPDX-License-Identifier: GPL-2.0-or-later */
/* -daemonize and -pidfile.
 *
 * The program forks before it makes any thread; the parent waits for one byte from the
 * child and leaves only when the child says that monitors and chardevs listen
 * (libvirt and others connect right after), or with status 1 when the child
 * ended before.  Errors until then go to the parent's standard error.
 *
 * The pid file is locked while the process lives and removed at its end. */
#include "system/cmdline.h"

#include <errno.h>
#include <fcntl.h>
#include <gio/gio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int ready_fd = -1;
static char *pidfile;
static pid_t pidfile_owner;

/* In the parent: does not return. */
static G_NORETURN void wait_for_child(int fd)
{
    char status = 1;
    ssize_t n;
    do {
        n = read(fd, &status, 1);
    } while (n < 0 && errno == EINTR);
    _exit(n == 1 ? status : 1);
}

bool daemon_fork(const char *program, GError **err)
{
    int fds[2];
    pid_t pid = -1;
    if (pipe2(fds, O_CLOEXEC) == 0) {
        pid = fork();
    }
    if (pid < 0) {
        g_set_error(err, G_IO_ERROR, G_IO_ERROR_FAILED, "-daemonize: cannot fork: %s",
                    g_strerror(errno));
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
    return true;
}

void daemon_ready(void)
{
    if (ready_fd < 0) {
        return;
    }
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (null < 0 || chdir("/") < 0 || dup2(null, 0) < 0 || dup2(null, 1) < 0 || dup2(null, 2) < 0) {
        _exit(1);
    }
    close(null);
    ssize_t ignored = write(ready_fd, "", 1); /* a zero: the parent's exit status */
    (void)ignored;
    close(ready_fd);
    ready_fd = -1;
}

bool daemon_write_pidfile(const char *path, GError **err)
{
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    g_autofree char *text = g_strdup_printf("%d\n", (int)getpid());
    int fd = open(path, O_CREAT | O_RDWR | O_CLOEXEC, 0644);
    if (fd < 0) {
        g_set_error(err, G_IO_ERROR, G_IO_ERROR_FAILED,
                    "cannot create PID file: Could not create '%s': %s", path, g_strerror(errno));
        return false;
    }
    if (fcntl(fd, F_SETLK, &lock) < 0) {
        g_set_error(err, G_IO_ERROR, G_IO_ERROR_FAILED,
                    "cannot create PID file: Cannot lock '%s': another process holds it", path);
        close(fd);
        return false;
    }
    if (ftruncate(fd, 0) < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text)) {
        g_set_error(err, G_IO_ERROR, G_IO_ERROR_FAILED,
                    "cannot create PID file: Failed to write '%s': %s", path, g_strerror(errno));
        close(fd);
        return false;
    }
    pidfile = realpath(path, NULL); /* a daemon changes its directory */
    pidfile_owner = getpid();
    return true; /* the descriptor stays open: it holds the lock */
}

void daemon_remove_pidfile(void)
{
    if (pidfile && pidfile_owner == getpid()) {
        unlink(pidfile);
        g_clear_pointer(&pidfile, free);
    }
}
