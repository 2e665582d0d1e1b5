/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <unistd.h>

/* Append what `fd` gives: at most `max` bytes. */
static bool read_all(int fd, GByteArray *into, size_t max)
{
    uint8_t chunk[16 << 10];
    ssize_t n;
    while ((n = read(fd, chunk, sizeof(chunk))) != 0) {
        if (n < 0 && errno != EINTR) {
            return false;
        }
        if (n > 0 && (size_t)n > max - into->len) {
            errno = EFBIG;
            return false;
        }
        g_byte_array_append(into, chunk, n > 0 ? n : 0);
    }
    return true;
}

GByteArray *file_read(const char *path, size_t max, GError **err)
{
    g_autoptr(GByteArray) bytes = g_byte_array_new();
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    bool ok = fd >= 0 && read_all(fd, bytes, max);
    int error = errno;
    if (fd >= 0) {
        close(fd);
    }
    if (!ok && error == EFBIG) {
        g_set_error(err, G_FILE_ERROR, G_FILE_ERROR_FAILED,
                    "“%s” has more than the %zu bytes that may be read here", path, max);
    } else if (!ok) {
        g_set_error(err, G_FILE_ERROR, g_file_error_from_errno(error), "Failed to open file “%s”: %s", path,
                    g_strerror(error));
    }
    g_byte_array_append(bytes, (const uint8_t *)"", 1);
    g_byte_array_set_size(bytes, bytes->len - 1);
    return ok ? g_steal_pointer(&bytes) : NULL;
}
