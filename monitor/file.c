/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Files that commands write, while the machine runs. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include "base/fdset.h"
#include "monitor/command.h"

bool monitor_file_open(MonitorFile *f, const char *name, GError **err)
{
    int flags = O_WRONLY | O_CREAT | O_TRUNC | O_NONBLOCK;
    f->made = !g_str_has_prefix(name, "/dev/fdset/");
    f->fd = fdset_open(name, flags | (f->made ? O_EXCL : 0));
    if (f->fd < 0 && errno == EEXIST) {
        f->made = false;
        f->fd = fdset_open(name, flags);
    }
    if (f->fd < 0) {
        return command_error(err, ERROR_GENERIC, "Could not open '%s': %s", name, g_strerror(errno));
    }
    f->name = g_strdup(name);
    return true;
}

/* A pipe is full: the time to look again. */
static bool wait_for_room(int fd, const gint *given_up)
{
    if (!given_up || g_atomic_int_get(given_up)) {
        return false;
    }
    poll(&(struct pollfd){ fd, POLLOUT, 0 }, 1, 100);
    return true;
}

bool monitor_file_write(const MonitorFile *f, const void *data, size_t size, const gint *given_up,
                        GError **err)
{
    const char *buf = data;
    for (size_t done = 0; done < size;) {
        ssize_t n = write(f->fd, buf + done, size - done);
        if (n < 0 && errno == EAGAIN && wait_for_room(f->fd, given_up)) {
            continue;
        }
        if (n < 0 && errno != EINTR) {
            return command_error(err, ERROR_GENERIC, "An IO error has occurred. Writing '%s': %s", f->name,
                                 g_strerror(errno));
        }
        done += MAX(n, 0);
    }
    return true;
}

bool monitor_file_close(MonitorFile *f, bool ok, GError **err)
{
    if (close(f->fd) < 0 && ok) {
        ok = command_error(err, ERROR_GENERIC, "An IO error has occurred. Closing '%s': %s", f->name,
                           g_strerror(errno));
    }
    if (!ok && f->made) {
        (void)!unlink(f->name);
    }
    f->fd = -1;
    g_clear_pointer(&f->name, g_free);
    return ok;
}
