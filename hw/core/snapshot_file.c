/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The state of a machine (snapshot.c) from a file: -incoming, migrate-incoming. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/fdset.h"
#include "hw/snapshot.h"

static ssize_t read_some(void *opaque, void *data, size_t bytes)
{
    const int *fd = opaque;
    ssize_t n = read(*fd, data, bytes);
    while (n < 0 && errno == EINTR) {
        n = read(*fd, data, bytes);
    }
    return n < 0 ? -errno : n;
}

bool machine_load_file(Machine *m, const char *path, GError **err)
{
    int fd = fdset_open(path, O_RDONLY | O_NOCTTY);
    if (fd < 0) {
        g_set_error(err, G_FILE_ERROR, g_file_error_from_errno(errno), "cannot open '%s': %s", path,
                    g_strerror(errno));
    }
    bool ok = fd >= 0 && machine_load_from(m, &(StateSource){ read_some, &fd }, err);
    if (fd >= 0) {
        close(fd);
    }
    return ok;
}
