/* SPDX-License-Identifier: GPL-2.0-or-later */
/* File descriptors: see base/fds.h. */
#include "base/fds.h"

#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/lock.h"

/* What main loop, clock, memory, code cache and the smallest machine open (16), and some. */
enum { FDS_START = 20, FDS_COMMANDS = 4 };

static Lock lock = LOCK_INIT(LOCK_DESCRIPTORS); /* leaf; guards the next three */
static int base = -1;                           /* what the held ones are copies of */
static GArray *held;                            /* of int */
static unsigned wanted;

unsigned fds_limit(void)
{
    struct rlimit r;
    return getrlimit(RLIMIT_NOFILE, &r) == 0 ? (unsigned)MIN(r.rlim_cur, G_MAXINT) : 1024;
}

static bool is_open(int fd)
{
    return fcntl(fd, F_GETFD) >= 0;
}

bool fds_any_left(void)
{
    int fd = fcntl(base, F_DUPFD_CLOEXEC, 3);
    if (fd >= 0) {
        close(fd);
    }
    return fd >= 0 || errno != EMFILE;
}

static bool too_few(const char *what, unsigned have, GError **err)
{
    g_set_error(err, G_FILE_ERROR, G_FILE_ERROR_MFILE,
                "too few file descriptors: %u may be open, of which %u are left, and %s; raise "
                "the limit, e.g. with ulimit -n 1024",
                fds_limit(), have, what);
    return false;
}

/* Opened the other way round: what is written to a standard output that was closed is still an
 * error, as it would be without. */
void fds_open_standard(void)
{
    static const int flags[] = { O_WRONLY, O_RDONLY, O_RDONLY };
    for (int fd = 0; fd < 3; fd++) {
        if (!is_open(fd)) {
            int got = open("/dev/null", flags[fd]);
            (void)got; /* the lowest free number: fd */
        }
    }
}

bool fds_init(GError **err)
{
    unsigned limit = fds_limit(), have = 0;
    for (unsigned fd = 3; fd < limit && have < FDS_START; fd++) {
        have += !is_open(fd);
    }
    return have >= FDS_START || too_few("a machine needs 20 to start", have, err);
}

void fds_reserve_begin(void)
{
    lock_take(&lock);
    for (unsigned i = 0; held && i < held->len; i++) {
        close(g_array_index(held, int, i));
    }
    if (held) {
        g_array_set_size(held, 0);
    }
    lock_release(&lock);
}

static void hold_wanted(void)
{
    while (held && held->len < wanted) {
        int fd = fcntl(base, F_DUPFD_CLOEXEC, 3);
        if (fd < 0) {
            return; /* the user has them: held again when he gives them back */
        }
        g_array_append_val(held, fd);
    }
}

void fds_reserve_end(void)
{
    lock_take(&lock);
    hold_wanted();
    lock_release(&lock);
}

bool fds_keep(unsigned more, GError **err)
{
    lock_take(&lock);
    if (!held) {
        held = g_array_new(FALSE, FALSE, sizeof(int));
        wanted = FDS_COMMANDS;
        base = eventfd(0, EFD_CLOEXEC);
    }
    wanted += more;
    hold_wanted();
    bool ok = held->len == wanted;
    if (!ok) {
        wanted -= more;
    }
    lock_release(&lock);
    return ok || too_few("some are kept for monitors and debuggers", 0, err);
}

void fds_unkeep(unsigned less)
{
    lock_take(&lock);
    wanted -= less;
    while (held && held->len > wanted) {
        close(g_array_index(held, int, held->len - 1));
        g_array_set_size(held, held->len - 1);
    }
    lock_release(&lock);
}
