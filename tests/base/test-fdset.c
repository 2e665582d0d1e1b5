/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Sets of descriptors: which member a name opens, and what is left when one is removed. */
#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <unistd.h>

#include "base/fdset.h"

static void assert_reads(const char *path, const char *want)
{
    char text[16] = "";
    int fd = fdset_open(path, O_RDONLY);
    g_assert_cmpint(fd, >=, 0);
    g_assert_cmpint(pread(fd, text, sizeof(text) - 1, 0), ==, (int)strlen(want));
    g_assert_cmpstr(text, ==, want);
    g_assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
    close(fd);
}

static void assert_fails(const char *path, int flags, int why)
{
    g_assert_cmpint(fdset_open(path, flags), ==, -1);
    g_assert_cmpint(errno, ==, why);
}

static void count(int64_t set, int fd, const char *opaque, void *user)
{
    g_string_append_printf(user, "%d:%s ", (int)set, opaque ? opaque : "-");
}

static void test_sets(void)
{
    char path[] = "/var/tmp/lyrebird-fdset-XXXXXX";
    int both = g_mkstemp(path);
    g_assert_cmpint(write(both, "abc", 3), ==, 3);
    int in = open(path, O_RDONLY), out = open(path, O_WRONLY);
    assert_reads(path, "abc"); /* a file that is no set */
    g_unlink(path);
    assert_fails("/dev/fdset/0", O_RDONLY, ENOENT);
    assert_fails("/dev/fdset/x", O_RDONLY, ENOENT);
    g_assert_cmpint(fdset_add(-1, in, "in"), ==, 0);
    g_assert_cmpint(fdset_add(7, both, NULL), ==, 7);
    g_assert_cmpint(fdset_add(-1, out, "out"), ==, 1);
    assert_reads("/dev/fdset/0", "abc");
    assert_reads("/dev/fdset/7", "abc"); /* open for both serves one */
    assert_fails("/dev/fdset/0", O_RDWR, EACCES);
    assert_fails("/dev/fdset/1", O_RDONLY, EACCES);
    int fd = fdset_open("/dev/fdset/7", O_RDWR | O_TRUNC);
    g_assert_cmpint(write(fd, "x", 1), ==, 1);
    g_autoptr(GString) all = g_string_new(NULL);
    fdset_foreach(count, all);
    g_assert_cmpstr(all->str, ==, "0:in 7:- 1:out ");
    g_autoptr(GError) err = NULL;
    g_assert_false(fdset_remove(7, in, &err));
    g_assert_true(g_str_has_prefix(err->message, "File descriptor named 'fdset-id:7, fd:"));
    g_assert_true(fdset_remove(7, -1, NULL) && fdset_remove(1, out, NULL));
    g_assert_cmpint(fcntl(both, F_GETFD), ==, -1);
    g_assert_cmpint(fcntl(fd, F_GETFD), >=, 0); /* of its own */
    close(fd);
    assert_fails("/dev/fdset/7", O_RDONLY, ENOENT);
    g_assert_true(fdset_remove(0, -1, NULL));
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/fdset/sets", test_sets);
    return g_test_run();
}
