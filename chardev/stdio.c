/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Standard input and output as a chardev: one at a time, the terminal raw.
 * signal=off passes Ctrl-C and Ctrl-Z on to the guest.
 * Spelling: the QEMU manual, "invocation", -chardev stdio. */
#include <errno.h>
#include <fcntl.h>
#include <termios.h>
#include <unistd.h>

#include "stream.h"

static Chardev *owner;

static bool stdio_open(Chardev *chr, GHashTable *options, GError **err)
{
    ChrStream *s = stream_dev_init(chr);
    bool signals;
    if (!opt_bool(options, "signal", true, &signals, err)) {
        return false;
    }
    if (owner) {
        chr_error(err,
                  "cannot use stdio by multiple character devices: '%s' has it; use "
                  "-serial mon:stdio or a chardev with mux=on for both",
                  owner->id);
        return false;
    }
    int in = stream_private_fd(STDIN_FILENO, O_RDONLY);
    int out = stream_private_fd(STDOUT_FILENO, O_WRONLY);
    if (out < 0) {
        close(in);
        chr_error(err, "stdio: standard output: %s; do not start this program with it closed",
                  g_strerror(errno));
        return false;
    }
    if (in >= 0 && isatty(STDIN_FILENO) && !terminal_raw(STDIN_FILENO, signals, err)) {
        close(in);
        close(out);
        return false;
    }
    owner = chr;
    stream_open(s, chr, in, out, stream_dev_end_input);
    chr_set_connected(chr, true);
    return true;
}

static void stdio_close(Chardev *chr)
{
    if (owner == chr) {
        owner = NULL;
        chardev_restore_terminal();
    }
    stream_dev_close(chr);
}

const ChardevBackend chr_backend_stdio = {
    .name = "stdio",
    .keys = (const char *const[]){ "signal", NULL },
    .size = sizeof(ChrStreamDev),
    .open = stdio_open,
    .close = stdio_close,
    .write = stream_dev_write,
    .refresh = stream_dev_refresh,
    .write_fd = stream_dev_write_fd,
};
