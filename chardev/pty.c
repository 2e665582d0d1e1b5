/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A new pseudo terminal as a chardev; path= makes a symbolic link to it.
 * Spelling: the QEMU manual, "invocation", -chardev pty.
 *
 * While nobody has the other side open the kernel reports a hang-up without end, so
 * it is not polled but looked at four times a second (and at each write);
 * output to nobody is dropped. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <termios.h>
#include <unistd.h>

#include "stream.h"
#include "base/ending.h"

enum { PTY_LOOK_MS = 250 };

typedef struct ChrPty {
    union {
        Chardev chr;
        ChrStreamDev dev;
    };
    char *name;
    EndingFile *link;
    GSource *looker;
} ChrPty;

static bool pty_is_open(const ChrPty *p)
{
    struct pollfd pfd = { .fd = p->dev.stream.wfd };
    return poll(&pfd, 1, 0) == 0 || !(pfd.revents & POLLHUP);
}

static gboolean pty_look(gpointer opaque)
{
    ChrPty *p = opaque;
    bool open = pty_is_open(p);
    if (open != chardev_is_connected(&p->chr)) {
        chr_set_connected(&p->chr, open);
    }
    return G_SOURCE_CONTINUE;
}

static void pty_ended(Chardev *chr)
{
    chr_set_connected(chr, false);
}

static int pty_make(ChrPty *p, GError **err)
{
    int fd = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);
    char name[64];
    if (fd < 0 || grantpt(fd) < 0 || unlockpt(fd) < 0 || ptsname_r(fd, name, sizeof(name))) {
        chr_error(err,
                  "chardev '%s': Failed to create PTY: %s; are there too many, or is "
                  "/dev/pts not mounted?",
                  p->chr.id, g_strerror(errno));
        close(fd);
        return -1;
    }
    int slave = open(name, O_RDWR | O_NOCTTY | O_CLOEXEC); /* opened once: now a hang-up shows */
    struct termios t;
    if (slave >= 0 && tcgetattr(slave, &t) == 0) {
        cfmakeraw(&t);
        tcsetattr(slave, TCSAFLUSH, &t);
    }
    close(slave);
    p->name = g_strdup(name);
    return fd;
}

static bool pty_make_link(ChrPty *p, const char *link, GError **err)
{
    ending_hold();
    if (symlink(p->name, link) == 0) {
        p->link = ending_add_file(link);
    } else {
        chr_error(err,
                  "chardev '%s': Failed to create the link '%s' to the PTY: %s; remove what "
                  "is there",
                  p->chr.id, link, g_strerror(errno));
    }
    ending_release();
    return p->link != NULL;
}

typedef struct PtyOptions {
    ChardevOptions common;
    char *path;
} PtyOptions;

static const Prop pty_props[] = {
    { "path", PROP_STRING, offsetof(PtyOptions, path), "symbolic link to make to the terminal" },
    { NULL },
};
const Shape chr_pty_shape = { "ChardevPty", sizeof(PtyOptions), pty_props };

static bool pty_open(Chardev *chr, const ChardevOptions *common, GError **err)
{
    ChrPty *p = container_of(chr, ChrPty, chr);
    const char *link = container_of(common, PtyOptions, common)->path;
    stream_dev_init(chr);
    int fd = pty_make(p, err);
    if (fd < 0) {
        return false;
    }
    if (link && !pty_make_link(p, link, err)) {
        close(fd);
        return false;
    }
    g_print("char device redirected to %s (label %s)\n", p->name, chr->id);
    fflush(stdout);
    stream_open(&p->dev.stream, chr, fd, fd, pty_ended);
    p->looker = g_timeout_source_new(PTY_LOOK_MS);
    g_source_set_callback(p->looker, pty_look, p, NULL);
    g_source_attach(p->looker, event_loop_context(p->chr.all->loop));
    return true;
}

static void pty_close(Chardev *chr)
{
    ChrPty *p = container_of(chr, ChrPty, chr);
    if (p->looker) {
        g_source_destroy(p->looker);
        g_source_unref(p->looker);
    }
    stream_close(&p->dev.stream);
    ending_remove_file(p->link);
    g_free(p->name);
}

static int pty_write(Chardev *chr, const uint8_t *buf, int len)
{
    ChrPty *p = container_of(chr, ChrPty, chr);
    if (!chardev_is_connected(chr) && !pty_is_open(p)) {
        return len;
    }
    return stream_write(&p->dev.stream, buf, len);
}

static void pty_refresh(Chardev *chr, bool want_write)
{
    ChrPty *p = container_of(chr, ChrPty, chr);
    if (chardev_is_connected(chr)) {
        stream_refresh(&p->dev.stream, want_write);
        return;
    }
    fdwatch_set(p->dev.stream.reader, 0);
    fdwatch_set(p->dev.stream.writer, 0);
    if (want_write) {
        chr_writable(chr);
    }
}

static char *pty_describe(const Chardev *chr)
{
    return g_strdup_printf("pty:%s", container_of(chr, ChrPty, chr)->name);
}

const ChardevBackend chr_backend_pty = {
    .size = sizeof(ChrPty),
    .open = pty_open,
    .close = pty_close,
    .write = pty_write,
    .refresh = pty_refresh,
    .write_fd = stream_dev_write_fd,
    .describe = pty_describe,
};
