/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>
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

/* 0 or an error, EFBIG: there is more; regular: nothing else, for it may have to be waited for. */
static int read_path(const char *path, bool regular, GByteArray *into, size_t max)
{
    struct stat st;
    int e = 0, fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | (regular ? O_NONBLOCK : 0));
    if (fd < 0 || (regular && fstat(fd, &st) < 0)) {
        e = errno;
    } else if (regular && S_ISDIR(st.st_mode)) {
        e = EISDIR;
    } else if (regular && !S_ISREG(st.st_mode)) {
        e = ESPIPE;
    } else if (!read_all(fd, into, max)) {
        e = errno;
    }
    if (fd >= 0) {
        close(fd);
    }
    return e;
}

static GByteArray *read_or_say(const char *path, bool regular, size_t max, GError **err)
{
    g_autoptr(GByteArray) bytes = g_byte_array_new();
    int e = read_path(path, regular, bytes, max);
    if (e == EFBIG) {
        g_set_error(err, G_FILE_ERROR, G_FILE_ERROR_FAILED,
                    "“%s” has more than the %zu bytes that may be read here", path, max);
    } else if (e == ESPIPE && regular) {
        g_set_error(err, G_FILE_ERROR, G_FILE_ERROR_FAILED,
                    "“%s” is no regular file, and a machine that runs waits for nobody; name a file", path);
    } else if (e) {
        g_set_error(err, G_FILE_ERROR, g_file_error_from_errno(e), "Failed to open file “%s”: %s", path,
                    g_strerror(e));
    }
    g_byte_array_append(bytes, (const uint8_t *)"", 1);
    g_byte_array_set_size(bytes, bytes->len - 1);
    return e ? NULL : g_steal_pointer(&bytes);
}

GByteArray *file_read(const char *path, size_t max, GError **err)
{
    return read_or_say(path, false, max, err);
}

GByteArray *file_read_now(const char *path, size_t max, GError **err)
{
    return read_or_say(path, true, max, err);
}
