/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The sandbox, each case in a process of its own, for none can leave it. */
#include "base/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdint.h>
#include <string.h>
#include <netdb.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static bool in_child(void)
{
    const char *why;
    if (!sandbox_has_calls(&why) || !sandbox_has_files(&why)) {
        g_test_skip(why);
        return false;
    }
    if (g_test_subprocess()) {
        return true;
    }
    g_test_trap_subprocess(NULL, 0, 0);
    return false;
}

static void close_calls(unsigned more)
{
    GError *err = NULL;
    g_assert_true(sandbox_close_calls(more, &err));
    g_assert_no_error(err);
}

static void expect_end_with(const char *pattern)
{
    if (g_test_trap_has_passed()) {
        g_error("the process goes on");
    }
    g_test_trap_assert_stderr(pattern);
}

/* ---- calls --------------------------------------------------------------- */

static void test_name(void)
{
    if (in_child()) {
        close_calls(0);
        personality(UINT32_MAX);
        return;
    }
    expect_end_with("*the system call personality (*) is not in the sandbox's list*");
}

static void *wait_and_call(void *turn)
{
    while (!atomic_load((atomic_int *)turn)) {
        sched_yield();
    }
    g_assert_cmpint(setuid(0), ==, 0);
    return NULL;
}

static void test_threads(void)
{
    if (in_child()) {
        atomic_int turn = 0;
        pthread_t thread;
        pthread_create(&thread, NULL, wait_and_call, &turn);
        close_calls(0);
        atomic_store(&turn, 1);
        pthread_join(thread, NULL);
        return;
    }
    expect_end_with("*the system call setuid (*");
}

static void test_program(void)
{
    if (in_child()) {
        close_calls(0);
        if (fork() == 0) {
            _exit(0);
        }
        return;
    }
    expect_end_with("*the system call clone (*");
}

static void test_socket(void)
{
    if (in_child()) {
        close_calls(0);
        close(socket(AF_INET, SOCK_STREAM, 0));
        socket(AF_PACKET, SOCK_RAW, 0);
        return;
    }
    expect_end_with("*the system call socket (*");
}

/* A descriptor could send any signal, SIGKILL, to any process of this user. */
static void test_signal_of_descriptor(void)
{
    if (in_child()) {
        int ends[2];
        g_assert_cmpint(pipe(ends), ==, 0);
        close_calls(0);
        g_assert_cmpint(fcntl(ends[0], F_SETFL, fcntl(ends[0], F_GETFL) | O_NONBLOCK), ==, 0);
        fcntl(ends[0], F_SETOWN, getppid());
        return;
    }
    expect_end_with("*the system call fcntl (*");
}

static void *nothing(void *opaque)
{
    return opaque;
}

/* What may fail does: no new host code, clone3, io_uring; threads, memory and files work. */
static void test_goes_on(void)
{
    if (in_child()) {
        GError *err = NULL;
        close_calls(0);
        void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        g_assert_true(page != MAP_FAILED);
        g_assert_cmpint(mprotect(page, 4096, PROT_READ | PROT_EXEC), ==, -1);
        g_assert_cmpint(errno, ==, EACCES);
        g_assert_true(mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) ==
                      MAP_FAILED);
        g_assert_cmpint(mprotect(page, 4096, PROT_READ), ==, 0);
        g_thread_join(g_thread_try_new("named", nothing, NULL, &err));
        g_assert_no_error(err);
        struct addrinfo *all;
        g_assert_cmpint(getaddrinfo("localhost", "1", NULL, &all), ==, 0); /* libc's resolver */
        freeaddrinfo(all);
        _exit(0);
    }
    g_test_trap_assert_passed();
}

/* With programs allowed, they are started, and cannot do the worst. */
static void test_spawn(void)
{
    if (in_child()) {
        close_calls(SANDBOX_SPAWN);
        g_assert_cmpint(system("test $(echo 42) = 42"), ==, 0);
        g_assert_cmpint(unshare(CLONE_NEWUSER), ==, -1);
        g_assert_cmpint(errno, ==, EPERM);
        _exit(0);
    }
    g_test_trap_assert_passed();
}

/* ---- files --------------------------------------------------------------- */

typedef struct Look {
    const char *path;
    int flags, error; /* 0: it is opened */
    atomic_int turn;
} Look;

static int try_open(const char *path, int flags)
{
    int fd = open(path, flags, 0600), e = errno;
    if (fd >= 0) {
        close(fd);
    }
    return fd >= 0 ? 0 : e;
}

static void *look(void *opaque)
{
    Look *l = opaque;
    while (!atomic_load(&l->turn)) {
        sched_yield();
    }
    l->error = try_open(l->path, l->flags);
    return NULL;
}

static void test_files(void)
{
    if (in_child()) {
        GError *err = NULL;
        g_autofree char *dir = g_dir_make_tmp("sandbox-XXXXXX", NULL);
        g_autofree char *in = g_build_filename(dir, "in", NULL), *name = g_path_get_basename(dir);
        g_autofree char *out = g_strdup_printf("%s/%s-out", g_get_tmp_dir(), name);
        Look l = { .path = out, .flags = O_CREAT | O_WRONLY };
        pthread_t thread; /* there before it begins */
        pthread_create(&thread, NULL, look, &l);
        sandbox_add_folder(dir, true);
        g_assert_true(sandbox_close_files(sandbox_open_threads(), &err));
        g_assert_no_error(err);
        atomic_store(&l.turn, 1);
        pthread_join(thread, NULL);
        g_assert_cmpint(l.error, ==, EACCES);
        g_assert_cmpint(try_open(out, O_CREAT | O_WRONLY), ==, EACCES);
        g_assert_cmpint(try_open("/bin/sh", O_RDONLY), ==, EACCES);
        g_assert_cmpint(try_open(in, O_CREAT | O_WRONLY), ==, 0);
        g_assert_cmpint(unlink(in), ==, 0);
        g_assert_cmpint(try_open("/etc/passwd", O_RDONLY), ==, 0);
        g_assert_cmpint(try_open("/etc/passwd", O_RDWR), ==, EACCES);
        _exit(0);
    }
    g_test_trap_assert_passed();
}

static void test_no_folder(void)
{
    if (in_child()) {
        g_autoptr(GError) err = NULL;
        sandbox_add_folder("/nothing/here", true);
        g_assert_false(sandbox_close_files(sandbox_open_threads(), &err));
        g_assert_nonnull(strstr(err->message, "cannot allow '/nothing/here'"));
        _exit(0);
    }
    g_test_trap_assert_passed();
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/sandbox/name", test_name);
    g_test_add_func("/sandbox/threads", test_threads);
    g_test_add_func("/sandbox/program", test_program);
    g_test_add_func("/sandbox/socket", test_socket);
    g_test_add_func("/sandbox/signal-of-descriptor", test_signal_of_descriptor);
    g_test_add_func("/sandbox/goes-on", test_goes_on);
    g_test_add_func("/sandbox/spawn", test_spawn);
    g_test_add_func("/sandbox/files", test_files);
    g_test_add_func("/sandbox/no-folder", test_no_folder);
    return g_test_run();
}
