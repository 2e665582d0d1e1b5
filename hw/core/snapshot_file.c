/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The state of a machine (snapshot.c) in a file: migrate, -incoming. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/fdset.h"
#include "hw/snapshot.h"

const char *snapshot_path(const char *uri, GError **err)
{
    if (!g_str_has_prefix(uri, "file:")) {
        g_set_error(
            err, G_FILE_ERROR, G_FILE_ERROR_INVAL,
            "a machine's state goes to files and comes from files alone, and '%s' is none; say file:PATH",
            uri);
        return NULL;
    }
    return uri + strlen("file:");
}

static int write_all(void *opaque, const void *data, size_t bytes)
{
    const int *fd = opaque;
    for (size_t done = 0; done < bytes;) {
        ssize_t n = write(*fd, (const char *)data + done, bytes - done);
        if (n < 0 && errno != EINTR) {
            return -errno;
        }
        done += (size_t)MAX(n, 0);
    }
    return 0;
}

static ssize_t read_some(void *opaque, void *data, size_t bytes)
{
    const int *fd = opaque;
    ssize_t n = read(*fd, data, bytes);
    while (n < 0 && errno == EINTR) {
        n = read(*fd, data, bytes);
    }
    return n < 0 ? -errno : n;
}

bool machine_save_fd(Machine *m, int fd, GError **err)
{
    return machine_save_to(m, &(StateSink){ write_all, &fd }, err);
}

bool machine_load_uri(Machine *m, const char *uri, GError **err)
{
    const char *path = snapshot_path(uri, err);
    int fd = path ? fdset_open(path, O_RDONLY | O_NOCTTY) : -1;
    if (path && fd < 0) {
        g_set_error(err, G_FILE_ERROR, g_file_error_from_errno(errno), "cannot open '%s': %s", path,
                    g_strerror(errno));
    }
    bool ok = fd >= 0 && machine_load_from(m, &(StateSource){ read_some, &fd }, err);
    if (fd >= 0) {
        close(fd);
    }
    return ok;
}
