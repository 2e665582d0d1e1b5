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
#include "base/fdset.h"

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
        fd = fdset_open(path, flags | O_NONBLOCK | O_NOCTTY);
    }
    if (fd < 0) {
        chr_error(err,
                  "%s: Could not open '%s': %s; check that the folder exists and lets you "
                  "write",
                  what, path, g_strerror(errno));
    }
    return fd;
}

typedef struct FileOptions {
    ChardevOptions common;
    char *path, *input_path;
    bool append;
} FileOptions;

static const Prop file_props[] = {
    { "path", PROP_STRING, offsetof(FileOptions, path), "file that output goes to", .required = true },
    { "input-path", PROP_STRING, offsetof(FileOptions, input_path), "file that input comes from" },
    { "append", PROP_BOOL, offsetof(FileOptions, append), "keep what is in the file" },
    { NULL },
};
const Shape chr_file_shape = { "ChardevFile", sizeof(FileOptions), file_props };

static bool file_open(Chardev *chr, const ChardevOptions *common, GError **err)
{
    const FileOptions *o = container_of(common, FileOptions, common);
    ChrStream *s = stream_dev_init(chr);
    int in = -1;
    int out = open_path(o->path, O_WRONLY | O_CREAT | (o->append ? O_APPEND : O_TRUNC), "chardev file", err);
    if (out >= 0 && o->input_path) {
        in = open_path(o->input_path, O_RDONLY, "chardev file", err);
    }
    if (out < 0 || (o->input_path && in < 0)) {
        close(out);
        return false;
    }
    stream_open(s, chr, in, out, stream_dev_end_input);
    chr_set_connected(chr, true);
    return true;
}

typedef struct PipeOptions {
    ChardevOptions common;
    char *path;
} PipeOptions;

static const Prop pipe_props[] = {
    { "path", PROP_STRING, offsetof(PipeOptions, path), "fifo, or name of the fifos NAME.in and NAME.out",
      .required = true },
    { NULL },
};
const Shape chr_pipe_shape = { "ChardevPipe", sizeof(PipeOptions), pipe_props };

static bool pipe_open(Chardev *chr, const ChardevOptions *common, GError **err)
{
    ChrStream *s = stream_dev_init(chr);
    const char *path = container_of(common, PipeOptions, common)->path;
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
    .size = sizeof(ChrStreamDev),
    .open = file_open,
    .close = stream_dev_close,
    .write = stream_dev_write,
    .refresh = stream_dev_refresh,
    .write_fd = stream_dev_write_fd,
};

const ChardevBackend chr_backend_pipe = {
    .size = sizeof(ChrStreamDev),
    .open = pipe_open,
    .close = stream_dev_close,
    .write = stream_dev_write,
    .refresh = stream_dev_refresh,
    .write_fd = stream_dev_write_fd,
};
