/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Places of a machine's state: files, sockets, descriptors, commands.  See place.h. */
#include "hw/migration/place.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fdset.h"
#include "base/sandbox.h"
#include "chardev/socket_addr.h"

typedef enum PlaceKind { PLACE_FILE, PLACE_TCP, PLACE_UNIX, PLACE_EXEC, PLACE_FD } PlaceKind;
static const char *const kinds[] = { [PLACE_FILE] = "file:",
                                     [PLACE_TCP] = "tcp:",
                                     [PLACE_UNIX] = "unix:",
                                     [PLACE_EXEC] = "exec:",
                                     [PLACE_FD] = "fd:" };

struct Place {
    PlaceKind kind;
    char *text; /* behind the kind */
    const EventNotifier *stop;
    SockTarget target;
    bool comes;
    int fd;       /* -1: not open */
    int listener; /* -1: none */
    GPid command; /* 0: none */
};

static bool fail(GError **err, int error, const char *what, const char *name)
{
    g_set_error(err, G_FILE_ERROR, g_file_error_from_errno(error), "%s '%s': %s", what, name,
                error == ECANCELED ? "it was cancelled" : g_strerror(error));
    return false;
}

/* ---- options ------------------------------------------------------------------------------- */

/* HOST:PORT, [ADDRESS]:PORT, :PORT. */
static bool read_tcp(Place *p, bool server, GError **err)
{
    const char *colon = strrchr(p->text, ':');
    if (!colon || strchr(colon, ',')) {
        g_set_error(err, G_FILE_ERROR, G_FILE_ERROR_INVAL, "'tcp:%s': say tcp:HOST:PORT", p->text);
        return false;
    }
    g_autofree char *host = g_strndup(p->text, colon - p->text), *port = g_strdup(colon + 1);
    size_t len = strlen(host);
    if (len > 2 && host[0] == '[' && host[len - 1] == ']') {
        memmove(host, host + 1, len - 2);
        host[len - 2] = '\0';
    }
    SockOptions o = { .host = host, .port = port };
    return sock_target_init(&p->target, &o, server, err);
}

static bool read_unix(Place *p, bool server, GError **err)
{
    SockOptions o = { .path = p->text };
    return sock_target_init(&p->target, &o, server, err);
}

static Place *new_place(const char *uri, const EventNotifier *stop)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(kinds); i++) {
        if (g_str_has_prefix(uri, kinds[i]) && uri[strlen(kinds[i])]) {
            Place *p = g_new0(Place, 1);
            *p = (Place){ .kind = (PlaceKind)i,
                          .text = g_strdup(uri + strlen(kinds[i])),
                          .stop = stop,
                          .fd = -1,
                          .listener = -1 };
            return p;
        }
    }
    return NULL;
}

Place *place_new(const char *uri, int fd, const EventNotifier *stop, GError **err)
{
    Place *p = new_place(uri, stop);
    if (!p) {
        g_set_error(
            err, G_FILE_ERROR, G_FILE_ERROR_INVAL,
            "'%s' is no place of a machine's state; say file:PATH, tcp:HOST:PORT, unix:PATH, exec:COMMAND or "
            "fd:NAME",
            uri);
        if (fd >= 0) {
            close(fd);
        }
        return NULL;
    }
    p->fd = fd;
    return p;
}

static void end_command(Place *p)
{
    if (p->command) {
        kill(-p->command, SIGKILL); /* and what it started */
        while (waitpid(p->command, NULL, 0) < 0 && errno == EINTR) {
        }
        p->command = 0;
    }
}

static void close_listener(Place *p)
{
    if (p->listener >= 0) {
        close(p->listener);
        p->listener = -1;
        if (p->target.path) {
            unlink(p->target.path);
        }
    }
}

void place_free(Place *p)
{
    if (!p) {
        return;
    }
    if (p->fd >= 0) {
        close(p->fd);
    }
    close_listener(p);
    end_command(p);
    sock_target_clear(&p->target);
    g_free(p->text);
    g_free(p);
}

/* ---- opening ------------------------------------------------------------------------------- */

static bool open_file(Place *p, GError **err)
{
    p->fd = fdset_open(p->text, p->comes ? O_RDONLY | O_NOCTTY : O_WRONLY | O_CREAT | O_TRUNC | O_NOCTTY);
    return p->fd >= 0 || fail(err, errno, "Could not open", p->text);
}

/* In the child: a group of its own, to be ended with all that it starts. */
static void lead_group(gpointer unused)
{
    setpgid(0, 0);
}

static bool start_command(Place *p, GError **err)
{
    const char *argv[] = { "/bin/sh", "-c", p->text, NULL };
    int *in = p->comes ? NULL : &p->fd, *out = p->comes ? &p->fd : NULL;
    return sandbox_want_program(err) &&
           g_spawn_async_with_pipes(NULL, (char **)argv, NULL,
                                    G_SPAWN_DO_NOT_REAP_CHILD | (p->comes ? G_SPAWN_CHILD_INHERITS_STDIN
                                                                          : G_SPAWN_STDOUT_TO_DEV_NULL),
                                    lead_group, NULL, &p->command, in, out, NULL, err);
}

static bool listen_for_peer(Place *p, GError **err)
{
    p->listener = sock_listen(&p->target, err);
    return p->listener >= 0;
}

bool place_prepare(Place *p, bool comes, GError **err)
{
    p->comes = comes;
    switch (p->kind) {
    case PLACE_FILE: return open_file(p, err);
    case PLACE_EXEC: return start_command(p, err);
    case PLACE_TCP: return read_tcp(p, comes, err) && (!comes || listen_for_peer(p, err));
    case PLACE_UNIX: return read_unix(p, comes, err) && (!comes || listen_for_peer(p, err));
    case PLACE_FD: break;
    }
    if (p->fd < 0 || fcntl(p->fd, F_GETFL) < 0) {
        g_set_error(err, G_FILE_ERROR, G_FILE_ERROR_BADF, "'fd:%s': there is no such descriptor", p->text);
        return false;
    }
    return true;
}

/* 0, or -errno. */
static int wait_for(const Place *p, int fd, short events, int ms)
{
    struct pollfd pfd[2] = { { .fd = p->stop->fd, .events = POLLIN }, { .fd = fd, .events = events } };
    int n = poll(pfd, fd >= 0 ? 2 : 1, ms);
    while (n < 0 && errno == EINTR) {
        n = poll(pfd, fd >= 0 ? 2 : 1, ms);
    }
    return n < 0 ? -errno : pfd[0].revents ? -ECANCELED : 0;
}

bool place_wait_ms(const Place *p, int ms)
{
    return wait_for(p, -1, 0, ms) == 0;
}

/* The result of a connection that was begun. */
static int connected(int fd)
{
    int error = 0;
    socklen_t len = sizeof(error);
    return getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) < 0 ? -errno : -error;
}

static bool connect_to_peer(Place *p, GError **err)
{
    int e = -EHOSTUNREACH;
    for (int i = 0; i < p->target.count && p->fd < 0 && e != -ECANCELED; i++) {
        int fd = sock_connect_begin(&p->target, i);
        e = fd < 0 ? -errno : wait_for(p, fd, POLLOUT, -1);
        e = e ? e : connected(fd);
        if (!e) {
            p->fd = fd;
        } else if (fd >= 0) {
            close(fd);
        }
    }
    return p->fd >= 0 || fail(err, -e, "Could not connect to", p->target.text);
}

static bool accept_peer(Place *p, GError **err)
{
    int e = 0;
    while (p->fd < 0 && !e) {
        e = wait_for(p, p->listener, POLLIN, -1);
        p->fd = e ? -1 : accept4(p->listener, NULL, NULL, SOCK_CLOEXEC);
        e = e || p->fd >= 0 || errno == EAGAIN || errno == ECONNABORTED || errno == EINTR ? e : -errno;
    }
    close_listener(p);
    return p->fd >= 0 || fail(err, -e, "Nobody came to", p->target.text);
}

bool place_open(Place *p, GError **err)
{
    bool ok = p->fd >= 0 || (p->comes ? accept_peer(p, err) : connect_to_peer(p, err));
    if (ok) {
        fcntl(p->fd, F_SETFL, fcntl(p->fd, F_GETFL) | O_NONBLOCK);
    }
    return ok;
}

/* ---- bytes ------------------------------------------------------------------------------------ */

int place_write(Place *p, const void *data, size_t bytes)
{
    for (size_t done = 0; done < bytes;) {
        int e = wait_for(p, p->fd, POLLOUT, -1);
        if (e) {
            return e;
        }
        ssize_t n = write(p->fd, (const char *)data + done, bytes - done);
        if (n < 0 && errno != EINTR && errno != EAGAIN) {
            return -errno;
        }
        done += (size_t)MAX(n, 0);
    }
    return 0;
}

ssize_t place_read(Place *p, void *data, size_t bytes)
{
    for (;;) {
        int e = wait_for(p, p->fd, POLLIN, -1);
        if (e) {
            return e;
        }
        ssize_t n = read(p->fd, data, bytes);
        if (n >= 0 || (errno != EINTR && errno != EAGAIN)) {
            return n < 0 ? -errno : n;
        }
    }
}

static bool await_command(Place *p, GError **err)
{
    int status = 0, handle = pidfd_open(p->command, 0);
    int e = handle < 0 ? -errno : wait_for(p, handle, POLLIN, -1);
    if (handle >= 0) {
        close(handle);
    }
    if (e) {
        return fail(err, -e, "Could not wait for the command", p->text);
    }
    waitpid(p->command, &status, 0);
    p->command = 0;
    if (WIFEXITED(status) && !WEXITSTATUS(status)) {
        return true;
    }
    g_set_error(err, G_FILE_ERROR, G_FILE_ERROR_FAILED, "The command '%s' failed", p->text);
    return false;
}

bool place_finish(Place *p, GError **err)
{
    struct stat s;
    bool file = !p->comes && fstat(p->fd, &s) == 0 && S_ISREG(s.st_mode);
    int e = file && fdatasync(p->fd) < 0 ? errno : 0;
    e = close(p->fd) < 0 && !e ? errno : e;
    p->fd = -1;
    if (e) {
        return fail(err, e, "Could not write", p->text);
    }
    return p->comes || !p->command || await_command(p, err); /* what has come has a checksum */
}
