/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A listening socket whose peers are chardevs of their own; descriptors that come with bytes; and the end of a
 * connection, with all that was said before it. */
#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "rig.h"
#include "tests/ends.h"
#include "tests/loop.h"
#include "tests/patience.h"

enum { MOST = 3 };

static unsigned fds_came;
static int last_fd = -1;

static void receive_fds(void *opaque, const int *fds, unsigned count)
{
    for (unsigned i = 0; i < count; i++, fds_came++) {
        if (last_fd >= 0) {
            close(last_fd);
        }
        last_fd = fds[i];
    }
}

static ChardevFrontend peer_frontend;
static Rig peers[MOST + 1];
static unsigned peer_count;

static void take_peer(void *opaque, Chardev *chr)
{
    g_assert_true(opaque == &peer_count);
    rig_init(&peers[peer_count++], chr, &peer_frontend);
}

static void drop_peer(unsigned i)
{
    rig_clear(&peers[i]);
    chardev_free(peers[i].chr);
}

static Chardev *serve(const char *path, const char *more)
{
    g_autofree char *opt = g_strdup_printf("socket,id=s,path=%s,server=on%s", path, more);
    Chardev *chr = rig_chardev_ok(opt);
    g_autoptr(GError) err = NULL;
    peer_frontend = rig_frontend;
    peer_frontend.receive_fds = receive_fds;
    peer_count = 0;
    g_assert_true(chardev_serve_peers(chr, MOST, take_peer, &peer_count, &err));
    return chr;
}

static bool has_peers(void *want)
{
    return peer_count >= GPOINTER_TO_UINT(want);
}

static void wait_peers(unsigned n)
{
    g_assert_true(rig_wait(has_peers, GUINT_TO_POINTER(n)));
}

/* The next bytes, while the loop runs. */
static void expect_answer(int fd, const char *text)
{
    char got[64] = "";
    gint64 end = g_get_monotonic_time() + TEST_PATIENCE_US;
    ssize_t n;
    while ((n = recv(fd, got, sizeof(got) - 1, MSG_DONTWAIT)) < 0 && errno == EAGAIN) {
        g_assert_cmpint(g_get_monotonic_time(), <, end);
        g_main_context_iteration(event_loop_context(test_loop()), FALSE);
    }
    g_assert_cmpint(n, ==, (ssize_t)strlen(text)); /* -1: the connection was reset */
    g_assert_cmpstr(got, ==, text);
}

static void test_several(void)
{
    g_autofree char *dir = rig_dir();
    g_autofree char *path = g_build_filename(dir, "s", NULL);
    Chardev *chr = serve(path, ",wait=off");
    GError *err = NULL;
    Rig second;
    int fd[MOST + 1];
    g_assert_false(chardev_attach(chr, &rig_frontend, &second, NULL, &err));
    rig_assert_error(&err, "already in use");
    for (int i = 0; i < MOST; i++) {
        fd[i] = rig_unix_connect(path);
        wait_peers(i + 1);
        g_assert_cmpint(write(fd[i], "abcd" + i, 1), ==, 1);
    }
    for (int i = 0; i < MOST; i++) {
        g_assert_true(rig_wait_bytes(&peers[i], 1));
        g_assert_cmpint(peers[i].got->str[0], ==, 'a' + i);
        g_assert_cmpint(peers[i].opened, ==, 1);
        g_assert_cmpint(chardev_write(peers[i].chr, "ABCD" + i, 1), ==, 1);
        expect_answer(fd[i], (char[]){ (char)('A' + i), 0 });
    }
    g_autofree char *about = chardev_describe(chr), *want = g_strdup_printf("unix:%s,server=on", path);
    g_assert_cmpstr(about, ==, want);
    fd[MOST] = rig_unix_connect(path); /* waits for its turn */
    test_settle();
    g_assert_cmpuint(peer_count, ==, MOST);
    drop_peer(0);
    expect_answer(fd[0], "");
    wait_peers(MOST + 1);
    for (int i = 0; i <= MOST; i++) {
        close(fd[i]);
    }
    for (int i = 1; i <= MOST; i++) {
        drop_peer(i);
    }
    test_close_chardevs();
    g_rmdir(dir);
}

static gpointer late_client(gpointer path)
{
    gint64 end = g_get_monotonic_time() + TEST_PATIENCE_US;
    int fd;
    while ((fd = rig_unix_try(path)) < 0) {
        g_assert_cmpint(g_get_monotonic_time(), <, end);
        g_usleep(2000);
    }
    return GINT_TO_POINTER(fd);
}

/* Who came while the start waited is the first peer. */
static void test_waited_for(void)
{
    g_autofree char *dir = rig_dir();
    g_autofree char *path = g_build_filename(dir, "s", NULL);
    GThread *t = g_thread_new("client", late_client, path);
    serve(path, "");
    int first = GPOINTER_TO_INT(g_thread_join(t));
    g_assert_cmpuint(peer_count, ==, 1);
    int second = rig_unix_connect(path);
    wait_peers(2);
    g_assert_cmpint(write(first, "1", 1), ==, 1);
    g_assert_cmpint(write(second, "2", 1), ==, 1);
    g_assert_true(rig_wait_text(&peers[0], "1"));
    g_assert_true(rig_wait_text(&peers[1], "2"));
    drop_peer(0);
    drop_peer(1);
    close(first);
    close(second);
    test_close_chardevs();
    g_rmdir(dir);
}

static void send_with_fd(int sock, const char *text, int fd)
{
    union {
        struct cmsghdr header;
        char bytes[CMSG_SPACE(sizeof(int))];
    } control = { 0 };
    struct iovec iov = { (void *)text, strlen(text) };
    struct msghdr msg = {
        .msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof(control)
    };
    struct cmsghdr *c = CMSG_FIRSTHDR(&msg);
    c->cmsg_level = SOL_SOCKET;
    c->cmsg_type = SCM_RIGHTS;
    c->cmsg_len = CMSG_LEN(sizeof(int));
    memcpy(CMSG_DATA(c), &fd, sizeof(fd));
    g_assert_cmpint(sendmsg(sock, &msg, 0), ==, (ssize_t)strlen(text));
}

static void test_fds(void)
{
    int pair[2], pipe_fd[2];
    g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), ==, 0);
    g_assert_cmpint(pipe(pipe_fd), ==, 0);
    g_autofree char *opt = g_strdup_printf("socket,id=f,fd=%d", pair[0]);
    Rig r;
    peer_frontend = rig_frontend;
    peer_frontend.receive_fds = receive_fds;
    fds_came = 0;
    rig_init(&r, rig_chardev_ok(opt), &peer_frontend);
    send_with_fd(pair[1], "take", pipe_fd[1]);
    g_assert_true(rig_wait_text(&r, "take"));
    g_assert_cmpuint(fds_came, ==, 1);
    g_assert_true(fcntl(last_fd, F_GETFD) & FD_CLOEXEC);
    g_assert_cmpint(write(last_fd, "x", 1), ==, 1);
    char c;
    g_assert_cmpint(read(pipe_fd[0], &c, 1), ==, 1);
    close(last_fd);
    last_fd = -1;
    rig_clear(&r); /* the next frontend takes none: they are closed by the kernel */
    rig_init(&r, r.chr, &rig_frontend);
    send_with_fd(pair[1], "leave", pipe_fd[1]);
    g_assert_true(rig_wait_text(&r, "leave"));
    close(pipe_fd[1]);
    g_assert_cmpint(read(pipe_fd[0], &c, 1), ==, 0); /* nobody has it */
    g_assert_cmpuint(fds_came, ==, 1);
    close(pipe_fd[0]);
    close(pair[1]);
    rig_clear(&r);
    test_close_chardevs();
}

/* What the peer has sent and nobody reads does not take away our last words. */
static void test_hang_up(void)
{
    int pair[2];
    g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), ==, 0);
    g_autofree char *opt = g_strdup_printf("socket,id=h,fd=%d", pair[0]);
    Rig r;
    rig_init(&r, rig_chardev_ok(opt), &rig_frontend);
    r.room = 0;
    test_settle();
    g_assert_cmpint(write(pair[1], "unread", 6), ==, 6);
    g_assert_cmpint(chardev_write(r.chr, "bye", 3), ==, 3);
    g_assert_true(chardev_hang_up(r.chr));
    g_assert_cmpint(r.closed, ==, 1);
    g_assert_false(chardev_hang_up(r.chr));
    expect_answer(pair[1], "bye");
    expect_answer(pair[1], "");
    close(pair[1]);
    rig_clear(&r);
    test_close_chardevs();
    Chardev *ring = rig_chardev_ok("ringbuf,id=r");
    g_assert_false(chardev_hang_up(ring));
    g_assert_false(chardev_serve_peers(ring, MOST, take_peer, NULL, NULL));
    rig_init(&r, ring, &rig_frontend); /* it is not in use */
    rig_clear(&r);
    test_close_chardevs();
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/chardev-peers/several", test_several);
    g_test_add_func("/chardev-peers/waited-for", test_waited_for);
    g_test_add_func("/chardev-peers/fds", test_fds);
    g_test_add_func("/chardev-peers/hang-up", test_hang_up);
    return g_test_run();
}
