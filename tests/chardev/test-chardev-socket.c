/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Socket chardevs and the multiplexer (driven over a socket). */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "rig.h"
#include "tests/loop.h"
#include "tests/patience.h"
#include "tests/ends.h"

static bool is_connected(void *opaque)
{
    return chardev_is_connected(opaque);
}

static bool is_disconnected(void *opaque)
{
    return !chardev_is_connected(opaque);
}

/* Bytes from a socket while the loop runs, until `want` are there. */
static GString *read_while(int fd, gsize want)
{
    GString *s = g_string_new(NULL);
    char buf[65536];
    gint64 end = g_get_monotonic_time() + TEST_PATIENCE_US;
    while (s->len < want && g_get_monotonic_time() < end) {
        ssize_t n = recv(fd, buf, sizeof(buf), MSG_DONTWAIT);
        if (n == 0) {
            break;
        }
        if (n > 0) {
            g_string_append_len(s, buf, n);
        }
        g_main_context_iteration(event_loop_context(test_loop()), FALSE);
    }
    return s;
}

static int port_of(Chardev *chr)
{
    g_autofree char *about = chardev_describe(chr);
    const char *at = strstr(about, "127.0.0.1:");
    g_assert_nonnull(at);
    return atoi(at + 10);
}

static void test_unix_server(void)
{
    g_autofree char *dir = rig_dir();
    g_autofree char *path = g_build_filename(dir, "s", NULL);
    g_autofree char *opt = g_strdup_printf("socket,id=s,path=%s,server=on,wait=off", path);
    GError *err = NULL;
    Rig r;
    rig_init(&r, rig_chardev_ok(opt), &rig_frontend);
    g_autofree char *about = chardev_describe(r.chr);
    g_autofree char *want = g_strdup_printf("disconnected:unix:%s,server=on", path);
    g_assert_cmpstr(about, ==, want);
    g_assert_cmpint(chardev_write(r.chr, "lost", 4), ==, 4);
    g_autofree char *opt2 = g_strdup_printf("socket,id=s2,path=%s,server=on,wait=off", path);
    g_assert_null(rig_chardev(opt2, &err));
    rig_assert_error(&err, "Address already in use");
    for (int i = 0; i < 3; i++) { /* (the probe above was a peer, too) */
        int fd = rig_unix_connect(path);
        g_assert_cmpint(write(fd, "hello", 5), ==, 5);
        g_assert_true(rig_wait_text(&r, "hello"));
        g_assert_cmpint(chardev_write(r.chr, "world", 5), ==, 5);
        g_autoptr(GString) s = read_while(fd, 5);
        g_assert_cmpstr(s->str, ==, "world");
        r.room = i == 2 ? 0 : -1; /* the last time nobody reads when it closes */
        chardev_accept_input(r.chr);
        test_settle();
        close(fd);
        g_assert_true(rig_wait(is_disconnected, r.chr));
        g_string_truncate(r.got, 0);
    }
    g_assert_cmpint(r.opened, ==, r.closed);
    rig_clear(&r);
    test_close_chardevs();
    g_assert_false(g_file_test(path, G_FILE_TEST_EXISTS));
    g_rmdir(dir);
}

/* A peer that closes with bytes on their way loses none of them. */
static void test_close_after_data(void)
{
    g_autofree char *dir = rig_dir();
    g_autofree char *path = g_build_filename(dir, "s", NULL);
    g_autofree char *opt = g_strdup_printf("socket,id=s,path=%s,server,nowait", path);
    Rig r;
    rig_init(&r, rig_chardev_ok(opt), &rig_frontend);
    r.room = 0;
    int fd = rig_unix_connect(path);
    g_assert_cmpint(write(fd, "last words", 10), ==, 10);
    close(fd);
    g_assert_true(rig_wait(is_connected, r.chr));
    test_settle();
    g_assert_true(chardev_is_connected(r.chr));
    r.room = r.per_turn = 3;
    chardev_accept_input(r.chr);
    g_assert_true(rig_wait_text(&r, "last words"));
    g_assert_true(rig_wait(is_disconnected, r.chr));
    rig_clear(&r);
    test_close_chardevs();
    g_rmdir(dir);
}

/* A stale socket file is replaced; another file is not. */
static void test_unix_stale(void)
{
    g_autofree char *dir = rig_dir();
    g_autofree char *path = g_build_filename(dir, "s", NULL);
    g_autofree char *opt = g_strdup_printf("socket,id=s,path=%s,server=on,wait=off", path);
    GError *err = NULL;
    g_assert_true(g_file_set_contents(path, "mine", -1, NULL));
    g_assert_null(rig_chardev(opt, &err));
    rig_assert_error(&err, "Address already in use");
    g_unlink(path);
    struct sockaddr_un {
        sa_family_t family;
        char path[108];
    } un = { .family = AF_UNIX };
    g_strlcpy(un.path, path, sizeof(un.path));
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    g_assert_cmpint(bind(fd, (struct sockaddr *)&un, sizeof(un)), ==, 0);
    close(fd);
    rig_chardev_ok(opt);
    test_close_chardevs();
    g_autofree char *longer = g_strnfill(200, 'x');
    g_autofree char *bad = g_strdup_printf("socket,id=s,path=/tmp/%s,server=on", longer);
    g_assert_null(rig_chardev(bad, &err));
    rig_assert_error(&err, "too long");
    g_rmdir(dir);
}

static void test_tcp(void)
{
    GError *err = NULL;
    Rig a, b;
    rig_init(&a, rig_chardev_ok("socket,id=a,host=127.0.0.1,port=0,server=on,wait=off"), &rig_frontend);
    int port = port_of(a.chr);
    g_autofree char *same = g_strdup_printf("socket,id=x,host=127.0.0.1,port=%d,server=on,wait=off", port);
    g_assert_null(rig_chardev(same, &err));
    rig_assert_error(&err, "Address already in use");
    g_autofree char *next = g_strdup_printf("%s,to=%d", same, MIN(port + 20, 65535));
    g_assert_cmpint(port_of(rig_chardev_ok(next)), !=, port);
    g_autofree char *opt = g_strdup_printf("socket,id=b,host=127.0.0.1,port=%d,nodelay=on", port);
    rig_init(&b, rig_chardev_ok(opt), &rig_frontend);
    g_assert_true(rig_wait(is_connected, a.chr));
    /* A slow reader at the other end, byte counts that fit no buffer. */
    enum { BIG = 3000001 };
    g_autofree char *data = g_malloc(BIG);
    for (int i = 0; i < BIG; i++) {
        data[i] = (char)(i * 13 + i / 251);
    }
    b.room = b.per_turn = 997;
    rig_send(&a, data, BIG);
    g_assert_true(rig_wait_bytes(&b, BIG));
    g_assert_cmpmem(data, BIG, b.got->str, b.got->len);
    rig_clear(&a);
    rig_clear(&b);
    test_close_chardevs();
}

static void test_reconnect(void)
{
    g_autofree char *dir = rig_dir();
    g_autofree char *path = g_build_filename(dir, "s", NULL);
    g_autofree char *client = g_strdup_printf("socket,id=c,path=%s,reconnect-ms=20", path);
    g_autofree char *server = g_strdup_printf("socket,id=s,path=%s,server=on,wait=off", path);
    GError *err = NULL;
    g_autofree char *once = g_strdup_printf("socket,id=o,path=%s", path);
    g_assert_null(rig_chardev(once, &err));
    rig_assert_error(&err, "Failed to connect to");
    Rig r;
    rig_init(&r, rig_chardev_ok(client), &rig_frontend);
    test_settle();
    g_assert_false(chardev_is_connected(r.chr));
    rig_chardev_ok(server);
    g_assert_true(rig_wait(is_connected, r.chr));
    test_settle();
    g_assert_cmpint(r.opened, ==, 1);
    rig_clear(&r);
    test_close_chardevs();
    g_rmdir(dir);
}

static void test_fd(void)
{
    GError *err = NULL;
    int pair[2], ls = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in in = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t len = sizeof(in);
    g_assert_cmpint(bind(ls, (struct sockaddr *)&in, sizeof(in)) | listen(ls, 1), ==, 0);
    getsockname(ls, (struct sockaddr *)&in, &len);
    g_autofree char *wrong = g_strdup_printf("socket,id=l,fd=%d", ls);
    g_assert_null(rig_chardev(wrong, &err));
    rig_assert_error(&err, "listening");
    g_autofree char *opt = g_strdup_printf("socket,id=l,fd=%d,server=on,wait=off", ls);
    Rig r;
    rig_init(&r, rig_chardev_ok(opt), &rig_frontend);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    g_assert_cmpint(connect(fd, (struct sockaddr *)&in, sizeof(in)), ==, 0);
    g_assert_cmpint(write(fd, "abc", 3), ==, 3);
    g_assert_true(rig_wait_text(&r, "abc"));
    close(fd);
    rig_clear(&r);
    g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), ==, 0);
    g_autofree char *opt2 = g_strdup_printf("socket,id=p,fd=%d", pair[0]);
    rig_init(&r, rig_chardev_ok(opt2), &rig_frontend);
    g_assert_cmpint(write(pair[1], "abc", 3), ==, 3);
    g_assert_true(rig_wait_text(&r, "abc"));
    /* the peer vanishes while we write */
    close(pair[1]);
    g_autofree uint8_t *big = g_malloc0(1 << 20);
    chardev_write_all(r.chr, big, 1 << 20);
    g_assert_true(rig_wait(is_disconnected, r.chr));
    g_assert_cmpint(chardev_write(r.chr, big, 100), ==, 100);
    rig_clear(&r);
    test_close_chardevs();
}

/* wait=on returns when the peer is there. */
static gpointer late_client(gpointer path)
{
    gint64 end = g_get_monotonic_time() + TEST_PATIENCE_US;
    int fd;
    while ((fd = rig_unix_try(path)) < 0) { /* the file is there before somebody listens */
        g_assert_cmpint(g_get_monotonic_time(), <, end);
        g_usleep(2000);
    }
    return GINT_TO_POINTER(fd);
}

static void test_wait(void)
{
    g_autofree char *dir = rig_dir();
    g_autofree char *path = g_build_filename(dir, "s", NULL);
    g_autofree char *opt = g_strdup_printf("socket,id=s,path=%s,server=on", path);
    GThread *t = g_thread_new("client", late_client, path);
    g_assert_true(chardev_is_connected(rig_chardev_ok(opt)));
    close(GPOINTER_TO_INT(g_thread_join(t)));
    test_close_chardevs();
    g_rmdir(dir);
}

static void test_mux(void)
{
    int pair[2];
    GError *err = NULL;
    g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), ==, 0);
    g_autofree char *opt = g_strdup_printf("socket,id=m,fd=%d,mux=on", pair[0]);
    Chardev *chr = rig_chardev_ok(opt);
    Rig mon, con, more[3];
    rig_init(&mon, chr, &rig_background);
    rig_init(&con, chr, &rig_frontend);
    g_assert_cmpint(write(pair[1], "a\001\001b\001c", 6), ==, 6); /* Ctrl-A Ctrl-A, Ctrl-A c */
    g_assert_true(rig_wait_text(&con, "a\001b"));
    g_assert_cmpint(con.focus_in, ==, 1);
    g_assert_cmpint(con.focus_out, ==, 1);
    g_assert_cmpint(write(pair[1], "m", 1), ==, 1);
    g_assert_true(rig_wait_text(&mon, "m"));
    g_assert_cmpint(write(pair[1], "\001c\001b!", 5), ==, 5);
    g_assert_true(rig_wait_text(&con, "!"));
    g_assert_cmpint(con.breaks, ==, 1);
    g_assert_cmpint(write(pair[1], "\001h", 2), ==, 2);
    g_autoptr(GString) help = read_while(pair[1], 100);
    g_assert_nonnull(strstr(help->str, "C-a x    exit emulator"));
    test_settle();
    char drop[4096];
    while (recv(pair[1], drop, sizeof(drop), MSG_DONTWAIT) > 0) {
    }
    g_assert_cmpint(write(pair[1], "\001t?", 3), ==, 3);
    g_assert_true(rig_wait_text(&con, "?"));
    chardev_write_all(chr, "x\nline\n", 7);
    g_autoptr(GString) stamped = read_while(pair[1], 22);
    g_assert_true(g_str_has_prefix(stamped->str, "x\n[00:00:0"));
    g_assert_true(g_str_has_suffix(stamped->str, "] line\n"));
    /* a guest that reads nothing does not keep Ctrl-A x away */
    con.room = 0;
    g_assert_cmpint(write(pair[1], "ignored\001x", 9), ==, 9);
    g_assert_cmpint(event_loop_run(test_loop()), ==, 0);
    rig_init(&more[0], chr, &rig_frontend);
    rig_init(&more[1], chr, &rig_frontend);
    g_assert_false(chardev_attach(chr, &rig_frontend, &more[2], NULL, &err));
    rig_assert_error(&err, "four frontends");
    rig_clear(&more[0]);
    rig_clear(&more[1]);
    rig_clear(&con);
    rig_clear(&mon);
    close(pair[1]);
    test_close_chardevs();
}

/* The newest frontend has the keys, a monitor only on demand; when it goes, the one before. */
static void test_mux_focus(void)
{
    int pair[2];
    g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), ==, 0);
    g_autofree char *opt = g_strdup_printf("socket,id=m,fd=%d,mux=on", pair[0]);
    Chardev *chr = rig_chardev_ok(opt);
    Rig uart, mon, console;
    rig_init(&uart, chr, &rig_frontend);
    rig_init(&mon, chr, &rig_background);
    rig_init(&console, chr, &rig_frontend);
    console.room = 0; /* its guest does not listen yet: the key waits for it */
    g_assert_cmpint(write(pair[1], "1", 1), ==, 1);
    test_settle();
    g_assert_cmpint(console.focus_in, ==, 1);
    g_assert_cmpint(mon.focus_in, ==, 0);
    console.room = -1;
    chardev_accept_input(chr);
    g_assert_true(rig_wait_text(&console, "1"));
    rig_clear(&console);
    g_assert_cmpint(write(pair[1], "2", 1), ==, 1);
    g_assert_true(rig_wait_text(&uart, "2"));
    g_assert_cmpint(uart.got->len, ==, 1);
    rig_clear(&uart);
    g_assert_cmpint(write(pair[1], "3", 1), ==, 1);
    g_assert_true(rig_wait_text(&mon, "3"));
    g_assert_cmpint(mon.focus_in, ==, 1);
    rig_clear(&mon);
    g_assert_cmpint(write(pair[1], "4\001x", 3), ==, 3); /* nobody there: the multiplexer is */
    g_assert_cmpint(event_loop_run(test_loop()), ==, 0);
    close(pair[1]);
    test_close_chardevs();
}

/* Typed ahead beyond the buffer: held back, not lost. */
static void test_mux_flow(void)
{
    int pair[2];
    g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), ==, 0);
    g_autofree char *opt = g_strdup_printf("socket,id=m,fd=%d,mux=on", pair[0]);
    Rig r;
    rig_init(&r, rig_chardev_ok(opt), &rig_frontend);
    r.room = 0;
    enum { BIG = 100000 };
    g_autofree char *data = g_malloc(BIG);
    for (int i = 0; i < BIG; i++) {
        data[i] = (char)('a' + i % 26);
    }
    fcntl(pair[1], F_SETFL, O_NONBLOCK);
    int sent = 0;
    gint64 end = g_get_monotonic_time() + TEST_PATIENCE_US;
    while (r.got->len < BIG && g_get_monotonic_time() < end) {
        ssize_t n = write(pair[1], data + sent, (size_t)(BIG - sent));
        sent += n > 0 ? (int)n : 0;
        g_main_context_iteration(event_loop_context(test_loop()), FALSE);
        if (r.per_turn == 0 && sent >= 8000) {
            r.room = r.per_turn = 100;
            chardev_accept_input(r.chr);
        }
    }
    g_assert_cmpmem(data, BIG, r.got->str, r.got->len);
    rig_clear(&r);
    close(pair[1]);
    test_close_chardevs();
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/chardev-socket/unix-server", test_unix_server);
    g_test_add_func("/chardev-socket/close-after-data", test_close_after_data);
    g_test_add_func("/chardev-socket/unix-stale", test_unix_stale);
    g_test_add_func("/chardev-socket/tcp", test_tcp);
    g_test_add_func("/chardev-socket/reconnect", test_reconnect);
    g_test_add_func("/chardev-socket/fd", test_fd);
    g_test_add_func("/chardev-socket/wait", test_wait);
    g_test_add_func("/chardev-mux/keys", test_mux);
    g_test_add_func("/chardev-mux/focus", test_mux_focus);
    g_test_add_func("/chardev-mux/flow", test_mux_flow);
    return g_test_run();
}
