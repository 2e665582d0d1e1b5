/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/log.h"

#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void test_items(void)
{
    g_autoptr(GError) err = NULL;
    bool help;
    log_items = 0;
    g_assert_true(log_set_items("guest_errors,int", &help, NULL));
    g_assert_false(help);
    g_assert_cmphex(log_items, ==, LOG_GUEST_ERROR | LOG_INT);
    g_assert_false(log_set_items("guest_error", &help, &err));
    g_assert_nonnull(strstr(err->message, "'guest_error'"));
    g_assert_nonnull(strstr(err->message, "did you mean 'guest_errors'?"));
}

static void test_file(void)
{
    g_autoptr(GError) err = NULL;
    g_autofree char *dir = g_dir_make_tmp("log-XXXXXX", NULL);
    g_autofree char *pattern = g_build_filename(dir, "l%d.txt", NULL);
    g_autofree char *leaf = g_strdup_printf("l%d.txt", (int)getpid());
    g_autofree char *path = g_build_filename(dir, leaf, NULL);
    g_autofree char *text = NULL;
    log_items = LOG_GUEST_ERROR;
    g_assert_true(log_set_file(pattern, NULL));
    log_guest_error("bad %d", 1);
    log_unimp("not shown");
    log_write("as is\n");
    g_assert_true(g_file_get_contents(path, &text, NULL, NULL));
    g_assert_cmpstr(text, ==, "bad 1\nas is\n");
    g_assert_false(log_set_file("%s", &err));
    g_clear_error(&err);
    g_assert_false(log_set_file("/nonexistent/x", &err));
    g_clear_error(&err);
    unlink(path);
    g_assert_cmpint(mkfifo(path, 0600), ==, 0); /* nobody reads it, and nobody waits for that */
    g_assert_false(log_set_file(path, &err));
    g_assert_nonnull(strstr(err->message, "start what reads it first"));
    unlink(path);
    rmdir(dir);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/log/items", test_items);
    g_test_add_func("/log/file", test_file);
    return g_test_run();
}
