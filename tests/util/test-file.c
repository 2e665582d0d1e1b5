/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reading a file that a user named. */
#include "util/file.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char *folder, *path;

static GByteArray *read_path(size_t max)
{
    g_autoptr(GError) err = NULL;
    GByteArray *bytes = file_read(path, max, &err);
    g_assert_no_error(err);
    return bytes;
}

static void test_whole(void)
{
    g_assert_true(g_file_set_contents(path, "a\0b", 3, NULL));
    g_autoptr(GByteArray) bytes = read_path(3);
    g_assert_cmpmem(bytes->data, bytes->len, "a\0b", 3);
    g_assert_cmpint(bytes->data[3], ==, 0);
    g_assert_true(g_file_set_contents(path, "", 0, NULL));
    g_autoptr(GByteArray) empty = read_path(0);
    g_assert_cmpuint(empty->len, ==, 0);
    unlink(path);
}

static void *feed(void *data)
{
    FILE *f = fopen(path, "w");
    fputs(data, f);
    fclose(f);
    return NULL;
}

static void test_pipe(void)
{
    g_assert_cmpint(mkfifo(path, 0600), ==, 0);
    GThread *writer = g_thread_new("writer", feed, (void *)"through a pipe");
    g_autoptr(GByteArray) bytes = read_path(100);
    g_thread_join(writer);
    unlink(path);
    g_assert_cmpstr((char *)bytes->data, ==, "through a pipe");
}

static void refused(const char *name, size_t max, const char *why)
{
    g_autoptr(GError) err = NULL;
    g_assert_null(file_read(name, max, &err));
    g_assert_nonnull(strstr(err->message, name));
    g_assert_nonnull(strstr(err->message, why));
}

/* Nobody writes to it: reading would not end. */
static void test_now(void)
{
    static const char *const others[] = { "/dev/zero", "/dev/ptmx" };
    g_autoptr(GError) err = NULL;
    g_assert_true(g_file_set_contents(path, "abc", 3, NULL));
    g_autoptr(GByteArray) bytes = file_read_now(path, 3, &err);
    g_assert_no_error(err);
    g_assert_cmpstr((char *)bytes->data, ==, "abc");
    unlink(path);
    g_assert_cmpint(mkfifo(path, 0600), ==, 0);
    g_assert_null(file_read_now(path, 100, &err));
    g_assert_nonnull(strstr(err->message, "waits for nobody"));
    unlink(path);
    for (unsigned i = 0; i < G_N_ELEMENTS(others); i++) {
        g_assert_null(file_read_now(others[i], 100, NULL));
    }
}

static void test_refused(void)
{
    g_assert_true(g_file_set_contents(path, "four", 4, NULL));
    refused(path, 3, "more than the 3 bytes");
    refused("/dev/zero", 1 << 20, "more than the 1048576 bytes");
    refused(folder, 100, "directory");
    unlink(path);
    refused(path, 100, "No such file");
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    folder = g_dir_make_tmp("file-XXXXXX", NULL);
    path = g_build_filename(folder, "f", NULL);
    g_test_add_func("/file/whole", test_whole);
    g_test_add_func("/file/pipe", test_pipe);
    g_test_add_func("/file/now", test_now);
    g_test_add_func("/file/refused", test_refused);
    int failed = g_test_run();
    unlink(path);
    rmdir(folder);
    g_free(path);
    g_free(folder);
    return failed;
}
