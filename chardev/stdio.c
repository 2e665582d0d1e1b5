/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Standard input and output as a chardev: one at a time, the terminal raw.
 * signal=off passes Ctrl-C and Ctrl-Z on to the guest.
 * Spelling: the QEMU manual, "invocation", -chardev stdio. */
#include <errno.h>
#include <fcntl.h>
#include <termios.h>
#include <unistd.h>

#include "stream.h"

static Chardev *owner; /* atomic: of all machines */

/* The process has one standard input, whichever machine takes it. */
static bool take(Chardev *chr, GError **err)
{
    Chardev *taken = NULL;
    if (__atomic_compare_exchange_n(&owner, &taken, chr, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST)) {
        return true;
    }
    bool ours = g_ptr_array_find(chr->all->list, taken, NULL); /* another machine's may be gone by now */
    chr_error(err,
              "cannot use stdio by multiple character devices: '%s' has it; use "
              "-serial mon:stdio or a chardev with mux=on for both",
              ours ? taken->id : "another machine");
    return false;
}

static void give_back(Chardev *chr)
{
    __atomic_compare_exchange_n(&owner, &chr, NULL, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
}

static bool open_private(Chardev *chr, int *in, int *out, bool signals, GError **err)
{
    *in = stream_private_fd(STDIN_FILENO, O_RDONLY);
    *out = stream_private_fd(STDOUT_FILENO, O_WRONLY);
    bool ok = *out >= 0;
    if (!ok) {
        chr_error(err, "stdio: standard output: %s; do not start this program with it closed",
                  g_strerror(errno));
    } else if (*in >= 0 && isatty(STDIN_FILENO)) {
        ok = terminal_raw(STDIN_FILENO, signals, err);
    }
    if (!ok) {
        close(*in);
        close(*out);
    }
    return ok;
}

typedef struct StdioOptions {
    ChardevOptions common;
    bool signals;
} StdioOptions;

static const Prop stdio_props[] = {
    { "signal", PROP_BOOL, offsetof(StdioOptions, signals), "Ctrl-C ends the program", .def = 1 },
    { NULL },
};
const Shape chr_stdio_shape = { "ChardevStdio", sizeof(StdioOptions), stdio_props };

static bool stdio_open(Chardev *chr, const ChardevOptions *common, GError **err)
{
    ChrStream *s = stream_dev_init(chr);
    bool signals = container_of(common, StdioOptions, common)->signals;
    int in, out;
    if (!take(chr, err)) {
        return false;
    }
    if (!open_private(chr, &in, &out, signals, err)) {
        give_back(chr);
        return false;
    }
    stream_open(s, chr, in, out, stream_dev_end_input);
    chr_set_connected(chr, true);
    return true;
}

static void stdio_close(Chardev *chr)
{
    if (__atomic_load_n(&owner, __ATOMIC_SEQ_CST) == chr) {
        chardev_restore_terminal();
        give_back(chr);
    }
    stream_dev_close(chr);
}

const ChardevBackend chr_backend_stdio = {
    .size = sizeof(ChrStreamDev),
    .open = stdio_open,
    .close = stdio_close,
    .write = stream_dev_write,
    .refresh = stream_dev_refresh,
    .write_fd = stream_dev_write_fd,
};
