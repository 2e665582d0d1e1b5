/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Files that commands write, while the machine runs. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include "base/fdset.h"
#include "monitor/command.h"

int monitor_file_open(const char *name, GError **err)
{
    int fd = fdset_open(name, O_WRONLY | O_CREAT | O_TRUNC | O_NONBLOCK);
    if (fd < 0) {
        command_error(err, ERROR_GENERIC, "Could not open '%s': %s", name, g_strerror(errno));
    }
    return fd;
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

bool monitor_file_write(int fd, const void *data, size_t size, const char *name, const gint *given_up,
                        GError **err)
{
    const char *buf = data;
    for (size_t done = 0; done < size;) {
        ssize_t n = write(fd, buf + done, size - done);
        if (n < 0 && errno == EAGAIN && wait_for_room(fd, given_up)) {
            continue;
        }
        if (n < 0 && errno != EINTR) {
            return command_error(err, ERROR_GENERIC, "An IO error has occurred. Writing '%s': %s", name,
                                 g_strerror(errno));
        }
        done += MAX(n, 0);
    }
    return true;
}

bool monitor_file_close(int fd, bool ok, const char *name, GError **err)
{
    if (close(fd) < 0 && ok) {
        ok = command_error(err, ERROR_GENERIC, "An IO error has occurred. Closing '%s': %s", name,
                           g_strerror(errno));
    }
    return ok;
}
