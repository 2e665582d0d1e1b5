/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Chardevs without sockets: null, ringbuf, file, pipe, pty, stdio; logs, options, short forms. */
#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "rig.h"
#include "tests/patience.h"
#include "tests/ends.h"

static void put(Chardev *chr, const char *text)
{
    chardev_write_all(chr, text, (int)strlen(text));
}

static void assert_file(const char *path, const char *want)
{
    g_autofree char *text = NULL;
    g_assert_true(g_file_get_contents(path, &text, NULL, NULL));
    g_assert_cmpstr(text, ==, want);
}

static void test_ringbuf(void)
{
    GError *err = NULL;
    Chardev *chr = rig_chardev_ok("ringbuf,id=r,size=8");
    put(chr, "0123456789ab");
    GBytes *b = chardev_ringbuf_read(chr, 3, &err);
    g_assert_cmpmem(g_bytes_get_data(b, NULL), g_bytes_get_size(b), "456", 3);
    g_bytes_unref(b);
    b = chardev_ringbuf_read(chr, 100, &err);
    g_assert_cmpmem(g_bytes_get_data(b, NULL), g_bytes_get_size(b), "789ab", 5);
    g_bytes_unref(b);
    g_assert_null(rig_chardev("ringbuf,id=x,size=100", &err));
    rig_assert_error(&err, "power of two");
    Chardev *n = rig_chardev_ok("null,id=n");
    g_assert_null(chardev_ringbuf_read(n, 1, &err));
    rig_assert_error(&err, "not a ring buffer");
    test_close_chardevs();
}

static void test_options(void)
{
    static const struct {
        const char *text, *part;
    } bad[] = {
        { "nul,id=a", "did you mean 'null'" },
        { "null", "Parameter 'id' is missing" },
        { "socket,id=a,zork=1,path=/x", "Parameter 'zork' is unexpected" },
        { "file,id=a", "Parameter 'path' is missing" },
        { "file,id=a,path=/nonexist/x", "Could not open" },
        { "stdio,id=a,signal=maybe", "expects 'on' or 'off', not 'maybe'" },
        { "null,id=a,logfile=/nonexist/x", "log file" },
        { "socket,id=a", "no port" },
        { "socket,id=a,path=/x,telnet=on", "'telnet=on' is not built" },
        { "socket,id=a,path=/x,server=on,reconnect=1", "reconnect-ms" },
        { "socket,id=a,path=/x,wait=off", "'wait' option" },
        { "socket,id=a,fd=foo", "fd=foo" },
        { "socket,id=a,fd=999", "not a socket" },
        { "pipe,id=a,path=/nonexist/p", "mkfifo" },
        { "id=a", "Parameter 'backend' is missing" },
        { "socket,id=a,host=127.0.0.1,port=70000", "port=70000" },
    };
    GError *err = NULL;
    for (unsigned i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_assert_null(rig_chardev(bad[i].text, &err));
        rig_assert_error(&err, bad[i].part);
    }
    rig_chardev_ok("null,id=a");
    g_assert_null(rig_chardev("null,id=a", &err));
    rig_assert_error(&err, "Duplicate ID 'a'");
    Rig r, r2 = { 0 };
    rig_init(&r, chardev_find(test_chardevs(), "a"), &rig_frontend);
    g_assert_false(chardev_attach(chardev_find(test_chardevs(), "a"), &rig_frontend, &r2, NULL, &err));
    rig_assert_error(&err, "mux=on");
    test_settle();
    g_assert_cmpint(r.opened, ==, 1);
    rig_clear(&r);
    test_close_chardevs();
}

/* A log that is a pipe: it needs a reader, and one that stands still makes nobody wait for long. */
static void test_log_pipe(void)
{
    GError *err = NULL;
    g_autofree char *dir = rig_dir(), *log = g_strdup_printf("%s/log", dir);
    g_autofree char *text = g_strdup_printf("null,id=a,logfile=%s", log);
    g_autofree char *much = g_strnfill(100000, 'x');
    char got[65536];
    g_assert_cmpint(mkfifo(log, 0600), ==, 0);
    g_assert_null(rig_chardev(text, &err));
    rig_assert_error(&err, "log file");
    int fd = open(log, O_RDONLY | O_NONBLOCK);
    Chardev *chr = rig_chardev(text, &err);
    g_assert_no_error(err);
    put(chr, much);
    g_assert_cmpint(read(fd, got, sizeof(got)), ==, sizeof(got)); /* what a pipe holds */
    g_assert_cmpint(read(fd, got, sizeof(got)), <, 0);
    put(chr, "y");
    g_assert_cmpint(read(fd, got, sizeof(got)), ==, 1);
    g_assert_cmpint(got[0], ==, 'y');
    close(fd);
    test_close_chardevs();
}

static void test_short(void)
{
    GError *err = NULL;
    bool mon;
    g_autofree char *dir = rig_dir();
    g_autofree char *text = g_strdup_printf("mon:file:%s/a,,b,logfile=%s/log,logappend=on", dir, dir);
    Chardev *chr = chardev_new_from_short(test_chardevs(), "serial0", text, &mon, &err);
    g_assert_no_error(err);
    g_assert_true(mon && chardev_is_mux(chr));
    put(chr, "hello");
    g_autofree char *file = g_strdup_printf("%s/a,b", dir), *log = g_strdup_printf("%s/log", dir);
    assert_file(file, "hello");
    assert_file(log, "hello");
    g_assert_null(chardev_new_from_short(test_chardevs(), "x", "none", &mon, &err));
    g_assert_no_error(err);
    g_assert_true(chardev_new_from_short(test_chardevs(), "x", "chardev:serial0", &mon, &err) == chr);
    g_assert_null(chardev_new_from_short(test_chardevs(), "x", "chardev:zork", &mon, &err));
    rig_assert_error(&err, "'zork' not found");
    g_assert_null(chardev_new_from_short(test_chardevs(), "x", "vc", &mon, &err));
    rig_assert_error(&err, "no machine"); /* whose windows could show it */
    static const char *const sizes[] = { "vc:",     "vc:80Cx",    "vc:80C",   "vc:1x2x3",
                                         "vc:Cx1C", "vc:513Cx1C", "vc:1Cx-1C" };
    for (unsigned i = 0; i < G_N_ELEMENTS(sizes); i++) {
        g_assert_null(chardev_new_from_short(test_chardevs(), "x", sizes[i], &mon, &err));
        rig_assert_error(&err, i < 5 ? "no size" : i == 5 ? "512" : "rows");
    }
    g_assert_null(chardev_new_from_short(test_chardevs(), "x", "mon:null", NULL, &err));
    rig_assert_error(&err, "mon:");
    g_assert_null(chardev_new_from_short(test_chardevs(), "x", "tcp:localhost", &mon, &err));
    rig_assert_error(&err, "no port");
    g_assert_nonnull(
        chardev_new_from_short(test_chardevs(), "s1", "tcp:127.0.0.1:0,server,nowait,nodelay", &mon, &err));
    g_assert_no_error(err);
    g_assert_false(mon);
    test_close_chardevs();
    g_unlink(file);
    g_unlink(log);
    g_rmdir(dir);
}

static void test_file(void)
{
    g_autofree char *dir = rig_dir();
    g_autofree char *path = g_build_filename(dir, "f", NULL);
    g_autofree char *opt = g_strdup_printf("file,id=f,path=%s", path);
    put(rig_chardev_ok(opt), "one");
    test_close_chardevs();
    put(rig_chardev_ok(opt), "two");
    test_close_chardevs();
    assert_file(path, "two");
    g_autofree char *more = g_strconcat(opt, ",append=on", NULL);
    put(rig_chardev_ok(more), "three");
    test_close_chardevs();
    assert_file(path, "twothree");
    int fd = open(path, O_WRONLY | O_APPEND); /* a descriptor is not truncated */
    g_autofree char *byfd = g_strdup_printf("file,id=f,path=/proc/self/fd/%d", fd);
    put(rig_chardev_ok(byfd), "!");
    test_close_chardevs();
    close(fd);
    assert_file(path, "twothree!");
    g_autofree char *in = g_strdup_printf("file,id=f,path=/dev/null,input-path=%s", path);
    Rig r;
    rig_init(&r, rig_chardev_ok(in), &rig_frontend);
    r.room = r.per_turn = 1;
    g_assert_true(rig_wait_text(&r, "twothree!"));
    rig_clear(&r);
    test_close_chardevs();
    g_unlink(path);
    g_rmdir(dir);
}

static void test_file_full(void)
{
    struct rlimit old, small = { .rlim_cur = 1000, .rlim_max = RLIM_INFINITY };
    g_autofree char *dir = rig_dir();
    g_autofree char *path = g_build_filename(dir, "f", NULL);
    g_autofree char *opt = g_strdup_printf("file,id=f,path=%s", path);
    Chardev *chr = rig_chardev_ok(opt);
    getrlimit(RLIMIT_FSIZE, &old);
    small.rlim_max = old.rlim_max;
    setrlimit(RLIMIT_FSIZE, &small);
    uint8_t buf[5000];
    memset(buf, 'x', sizeof(buf));
    int n = chardev_write(chr, buf, sizeof(buf));
    int again = chardev_write(chr, buf, sizeof(buf));
    setrlimit(RLIMIT_FSIZE, &old);
    g_assert_cmpint(n, ==, sizeof(buf)); /* the guest is not held up */
    g_assert_cmpint(again, ==, sizeof(buf));
    GStatBuf st;
    g_assert_cmpint(g_stat(path, &st), ==, 0);
    g_assert_cmpint(st.st_size, ==, 1000);
    test_settle();
    test_close_chardevs();
    g_unlink(path);
    g_rmdir(dir);
}

static void test_pipe(void)
{
    g_autofree char *dir = rig_dir();
    g_autofree char *in = g_build_filename(dir, "p.in", NULL);
    g_autofree char *out = g_build_filename(dir, "p.out", NULL);
    g_assert_cmpint(mkfifo(in, 0600), ==, 0);
    g_assert_cmpint(mkfifo(out, 0600), ==, 0);
    g_autofree char *opt = g_strdup_printf("pipe,id=p,path=%s/p", dir);
    Rig r;
    rig_init(&r, rig_chardev_ok(opt), &rig_frontend);
    r.room = 0;
    int w = open(in, O_WRONLY | O_NONBLOCK), rd = open(out, O_RDONLY | O_NONBLOCK);
    g_assert_cmpint(write(w, "abc", 3), ==, 3);
    test_settle();
    g_assert_cmpuint(r.got->len, ==, 0);
    r.room = 2;
    chardev_accept_input(r.chr);
    g_assert_true(rig_wait_bytes(&r, 2));
    r.room = 5;
    chardev_accept_input(r.chr);
    g_assert_true(rig_wait_text(&r, "abc"));
    /* outwards: more than a pipe holds, nobody reads at first */
    g_autofree char *big = g_malloc(300000), *back = g_malloc(300000);
    for (int i = 0; i < 300000; i++) {
        big[i] = (char)(i * 7 + i / 256);
    }
    rig_send(&r, big, 300000);
    g_assert_cmpint(r.out_done, <, 300000);
    int got = 0;
    gint64 end = g_get_monotonic_time() + TEST_PATIENCE_US;
    while (got < 300000 && g_get_monotonic_time() < end) {
        ssize_t n = read(rd, back + got, (size_t)(300000 - got));
        got += n > 0 ? (int)n : 0;
        g_main_context_iteration(NULL, FALSE);
    }
    g_assert_cmpmem(big, 300000, back, (gsize)got);
    g_assert_cmpint(r.blocked, >, 0);
    rig_clear(&r);
    test_close_chardevs();
    close(w);
    close(rd);
    g_unlink(in);
    g_unlink(out);
    g_rmdir(dir);
}

/* How often this thread has slept. */
static long sleeps(void)
{
    struct rusage u;
    g_assert_cmpint(getrusage(RUSAGE_THREAD, &u), ==, 0);
    return u.ru_nvcsw;
}

/* chardev_write_all gives up after a few waits, and at once the next time. */
static void test_write_all_bounded(void)
{
    g_autofree char *dir = rig_dir();
    g_autofree char *fifo = g_build_filename(dir, "p", NULL);
    g_assert_cmpint(mkfifo(fifo, 0600), ==, 0);
    g_autofree char *opt = g_strdup_printf("pipe,id=p,path=%s", fifo);
    Chardev *chr = rig_chardev_ok(opt);
    g_autofree uint8_t *buf = g_malloc0(200000);
    long start = sleeps();
    chardev_write_all(chr, buf, 200000);
    long first = sleeps() - start;
    chardev_write_all(chr, buf, 200000);
    long second = sleeps() - start - first;
    g_assert_cmpint(first, >, 5);
    g_assert_cmpint(first, <, 250);
    g_assert_cmpint(second, <, first / 2);
    test_close_chardevs();
    g_unlink(fifo);
    g_rmdir(dir);
}

static bool is_connected(void *opaque)
{
    return chardev_is_connected(opaque);
}

static bool is_disconnected(void *opaque)
{
    return !chardev_is_connected(opaque);
}

/* What the user is told goes to standard output, as the test's own report does. */
static GString *told;

static void keep_told(const char *text)
{
    g_string_append(told, text);
}

static void test_pty(void)
{
    g_autofree char *dir = rig_dir();
    g_autofree char *link = g_build_filename(dir, "tty", NULL);
    g_autofree char *opt = g_strdup_printf("pty,id=p,path=%s", link);
    told = g_string_new(NULL);
    GPrintFunc report = g_set_print_handler(keep_told);
    Rig r;
    rig_init(&r, rig_chardev_ok(opt), &rig_frontend);
    g_autofree char *about = chardev_describe(r.chr), *target = g_file_read_link(link, NULL);
    g_set_print_handler(report);
    g_assert_true(g_str_has_prefix(about, "pty:/dev/pts/"));
    g_autofree char *want = g_strdup_printf("char device redirected to %s (label p)\n", about + 4);
    g_assert_cmpstr(told->str, ==, want);
    g_string_free(told, TRUE);
    g_assert_cmpstr(about + 4, ==, target);
    put(r.chr, "to nobody");
    for (int round = 0; round < 2; round++) {
        int fd = open(link, O_RDWR | O_NOCTTY);
        char buf[16];
        g_assert_true(rig_wait(is_connected, r.chr));
        put(r.chr, "hi\n");
        g_assert_cmpint(read(fd, buf, sizeof(buf)), ==, 3); /* raw: no \r is added */
        g_assert_cmpint(write(fd, "\003x", 2), ==, 2);
        g_assert_true(rig_wait_text(&r, "\003x"));
        g_string_truncate(r.got, 0);
        close(fd);
        g_assert_true(rig_wait(is_disconnected, r.chr));
    }
    g_assert_cmpint(r.opened, ==, 2);
    g_assert_cmpint(r.closed, ==, 2);
    rig_clear(&r);
    test_close_chardevs();
    g_assert_false(g_file_test(link, G_FILE_TEST_IS_SYMLINK));
    g_rmdir(dir);
}

/* The child takes the terminal and dies of a signal. */
static void stdio_child(const char *tty, int how)
{
    setsid();
    int fd = open(tty, O_RDWR);
    ioctl(fd, TIOCSCTTY, 0);
    dup2(fd, 0);
    dup2(fd, 1);
    if (how) {
        signal(how, SIG_DFL); /* a shell starts background commands with some signals ignored */
    }
    Chardev *chr = rig_chardev_ok("stdio,id=s,signal=off");
    put(chr, "ready");
    Rig r;
    rig_init(&r, chr, &rig_frontend);
    rig_wait_text(&r, "die");
    if (how) {
        raise(how);
    }
    exit(0);
}

static void test_stdio_restores(void)
{
    static const int how[] = { 0, SIGTERM, SIGQUIT };
    for (unsigned i = 0; i < G_N_ELEMENTS(how); i++) {
        int fd = posix_openpt(O_RDWR | O_NOCTTY), status;
        grantpt(fd);
        unlockpt(fd);
        g_autofree char *tty = g_strdup(ptsname(fd));
        int keep = open(tty, O_RDWR | O_NOCTTY);
        struct termios before, during, after;
        tcgetattr(keep, &before);
        fflush(NULL);
        pid_t pid = fork();
        if (pid == 0) {
            stdio_child(tty, how[i]);
        }
        char buf[16];
        g_assert_cmpint(read(fd, buf, sizeof(buf)), ==, 5);
        tcgetattr(keep, &during);
        g_assert_cmpint(during.c_lflag & (ICANON | ECHO | ISIG), ==, 0);
        g_assert_cmpint(write(fd, "die", 3), ==, 3);
        waitpid(pid, &status, 0);
        g_assert_cmpint(WIFSIGNALED(status) ? WTERMSIG(status) : 0, ==, how[i]);
        tcgetattr(keep, &after);
        g_assert_cmpuint(before.c_iflag, ==, after.c_iflag);
        g_assert_cmpuint(before.c_lflag, ==, after.c_lflag);
        g_assert_cmpuint(before.c_cflag, ==, after.c_cflag);
        g_assert_cmpmem(before.c_cc, NCCS, after.c_cc, NCCS);
        close(keep);
        close(fd);
    }
}

static void test_stdio_twice(void)
{
    GError *err = NULL;
    rig_chardev_ok("stdio,id=a");
    g_assert_null(rig_chardev("stdio,id=b", &err));
    rig_assert_error(&err, "multiple character devices");
    test_close_chardevs();
    rig_chardev_ok("stdio,id=b");
    test_close_chardevs();
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/chardev/ringbuf", test_ringbuf);
    g_test_add_func("/chardev/options", test_options);
    g_test_add_func("/chardev/log-pipe", test_log_pipe);
    g_test_add_func("/chardev/short", test_short);
    g_test_add_func("/chardev/file", test_file);
    g_test_add_func("/chardev/file-full", test_file_full);
    g_test_add_func("/chardev/pipe", test_pipe);
    g_test_add_func("/chardev/write-all-bounded", test_write_all_bounded);
    g_test_add_func("/chardev/pty", test_pty);
    g_test_add_func("/chardev/stdio-restores", test_stdio_restores);
    g_test_add_func("/chardev/stdio-twice", test_stdio_twice);
    return g_test_run();
}
