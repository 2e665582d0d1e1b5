/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Chardevs on paths: file (output, and input of input-path=) and pipe (two fifos,
 * PATH.in and PATH.out, or one at PATH).
 * Spelling: the QEMU manual, "invocation", -chardev file and pipe.
 *
 * A path /proc/self/fd/N or /dev/fd/N means that descriptor itself: its file
 * offset is shared with who gave it, and it is not truncated. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "stream.h"

static int open_path(const char *path, int flags, const char *what, GError **err)
{
    static const char *const prefixes[] = { "/proc/self/fd/", "/dev/fd/" };
    int fd = -1;
    errno = 0;
    for (unsigned i = 0; i < G_N_ELEMENTS(prefixes) && fd < 0; i++) {
        char *end;
        const char *digits = path + strlen(prefixes[i]);
        if (g_str_has_prefix(path, prefixes[i]) && g_ascii_isdigit(*digits)) {
            long n = strtol(digits, &end, 10);
            fd = *end || n > INT_MAX ? -1 : stream_private_fd(n, flags & O_ACCMODE);
        }
    }
    if (fd < 0 && errno == 0) {
        fd = open(path, flags | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0666);
    }
    if (fd < 0) {
        chr_error(err,
                  "%s: Could not open '%s': %s; check that the folder exists and lets you "
                  "write",
                  what, path, g_strerror(errno));
    }
    return fd;
}

static bool file_open(Chardev *chr, GHashTable *options, GError **err)
{
    ChrStream *s = stream_dev_init(chr);
    const char *path = opt_string(options, "path"), *input = opt_string(options, "input-path");
    bool append;
    if (!path) {
        chr_error(err, "chardev: file: no filename given; add path=FILE");
        return false;
    }
    if (!opt_bool(options, "append", false, &append, err)) {
        return false;
    }
    int in = -1;
    int out = open_path(path, O_WRONLY | O_CREAT | (append ? O_APPEND : O_TRUNC), "chardev file", err);
    if (out >= 0 && input) {
        in = open_path(input, O_RDONLY, "chardev file", err);
    }
    if (out < 0 || (input && in < 0)) {
        close(out);
        return false;
    }
    stream_open(s, chr, in, out, stream_dev_end_input);
    chr_set_connected(chr, true);
    return true;
}

static bool pipe_open(Chardev *chr, GHashTable *options, GError **err)
{
    ChrStream *s = stream_dev_init(chr);
    const char *path = opt_string(options, "path");
    if (!path) {
        chr_error(err, "chardev: pipe: no device path given; add path=NAME, where NAME.in and "
                       "NAME.out are fifos");
        return false;
    }
    /* Open for both: neither end ever sees the other one missing. */
    g_autofree char *in_path = g_strconcat(path, ".in", NULL);
    g_autofree char *out_path = g_strconcat(path, ".out", NULL);
    int in = open(in_path, O_RDWR | O_CLOEXEC | O_NONBLOCK);
    int out = open(out_path, O_RDWR | O_CLOEXEC | O_NONBLOCK);
    if (in < 0 || out < 0) {
        close(in);
        close(out);
        in = out = open_path(path, O_RDWR, "chardev pipe", err);
        if (in < 0) {
            g_prefix_error(err, "no fifos '%s' and '%s' (make them with mkfifo): ", in_path, out_path);
            return false;
        }
    }
    stream_open(s, chr, in, out, stream_dev_end_input);
    chr_set_connected(chr, true);
    return true;
}

const ChardevBackend chr_backend_file = {
    .name = "file",
    .keys = (const char *const[]){ "path", "append", "input-path", NULL },
    .size = sizeof(ChrStreamDev),
    .open = file_open,
    .close = stream_dev_close,
    .write = stream_dev_write,
    .refresh = stream_dev_refresh,
    .write_fd = stream_dev_write_fd,
};

const ChardevBackend chr_backend_pipe = {
    .name = "pipe",
    .keys = (const char *const[]){ "path", NULL },
    .size = sizeof(ChrStreamDev),
    .open = pipe_open,
    .close = stream_dev_close,
    .write = stream_dev_write,
    .refresh = stream_dev_refresh,
    .write_fd = stream_dev_write_fd,
};
