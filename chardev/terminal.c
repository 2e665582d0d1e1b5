/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The user's terminal in raw mode, and given back whatever way the process ends:
 * the end of the chardev, exit(), a fatal signal, or a stop (Ctrl-Z) and its end.
 *
 * Handlers are set only for signals that nobody has claimed; who claims one
 * later calls ending_clean() in its own handler before it dies. */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <termios.h>
#include <unistd.h>

#include "chardev_priv.h"
#include "base/ending.h"

static struct termios saved, raw;
static int terminal_fd = -1;
static volatile sig_atomic_t terminal_is_raw;

void chardev_restore_terminal(void)
{
    if (terminal_is_raw) {
        terminal_is_raw = 0;
        tcsetattr(terminal_fd, TCSANOW, &saved); /* async-signal-safe */
    }
}

static void fatal_signal(int sig)
{
    ending_clean();
    signal(sig, SIG_DFL);
    raise(sig);
}

static void continued(int sig)
{
    int keep = errno;
    if (terminal_fd >= 0 && tcgetpgrp(terminal_fd) == getpgrp()) {
        tcsetattr(terminal_fd, TCSANOW, &raw);
        terminal_is_raw = 1;
    }
    errno = keep;
}

static void set_handlers(void)
{
    static const int fatal[] = { SIGABRT, SIGSEGV, SIGBUS,  SIGILL, SIGFPE,
                                 SIGSYS,  SIGQUIT, SIGTERM, SIGINT, SIGHUP };
    for (unsigned i = 0; i < G_N_ELEMENTS(fatal); i++) {
        struct sigaction now;
        if (sigaction(fatal[i], NULL, &now) == 0 && now.sa_handler == SIG_DFL) {
            struct sigaction act = { .sa_handler = fatal_signal, .sa_flags = SA_NODEFER };
            sigaction(fatal[i], &act, NULL);
        }
    }
    struct sigaction act = { .sa_handler = continued, .sa_flags = SA_RESTART };
    sigaction(SIGCONT, &act, NULL);
}

bool terminal_raw(int fd, bool signals, GError **err)
{
    if (tcgetattr(fd, &saved) < 0) {
        chr_error(err,
                  "stdio: the terminal does not tell its settings: %s; redirect standard "
                  "input",
                  g_strerror(errno));
        return false;
    }
    raw = saved;
    raw.c_iflag &= ~(tcflag_t)(IGNBRK | BRKINT | PARMRK | ISTRIP | INLCR | IGNCR | ICRNL | IXON);
    raw.c_oflag |= OPOST;
    raw.c_lflag &= ~(tcflag_t)(ECHO | ECHONL | ICANON | IEXTEN | (signals ? 0 : ISIG));
    raw.c_cflag = (raw.c_cflag & ~(tcflag_t)(CSIZE | PARENB)) | CS8;
    raw.c_cc[VMIN] = 1;
    raw.c_cc[VTIME] = 0;
    terminal_fd = fd;
    ending_set_terminal_hook(chardev_restore_terminal);
    set_handlers();
    terminal_is_raw = 1;
    if (tcsetattr(fd, TCSANOW, &raw) < 0) {
        terminal_is_raw = 0;
        chr_error(err, "stdio: the terminal does not go to raw mode: %s; redirect standard input",
                  g_strerror(errno));
        return false;
    }
    return true;
}
