/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The clipboard: who is told of what. */
#include <string.h>

#include "ui/clipboard.h"

static void count(ClipboardPeer *p)
{
    ++*(int *)p->opaque;
}

static void expect_text(Clipboard *c, const char *text)
{
    g_autofree char *got = clipboard_text(c);
    g_assert_cmpstr(got, ==, text);
}

/* The others are told of a new text, once; rubbish and what is too long is not taken. */
static void test_peers(void)
{
    int told_a = 0, told_b = 0;
    ClipboardPeer a = { .changed = count, .opaque = &told_a },
                  b = { .changed = count, .opaque = &told_b, .guest = true };
    Clipboard *c = clipboard_new();
    clipboard_join(c, &a);
    g_assert_false(clipboard_has_guest(c));
    clipboard_join(c, &b);
    g_assert_true(clipboard_has_guest(c));
    expect_text(c, NULL);
    clipboard_put(c, &a, "one", 3);
    clipboard_put(c, &b, "one", 3);
    expect_text(c, "one");
    g_assert_cmpint(told_a, ==, 0);
    g_assert_cmpint(told_b, ==, 1);
    clipboard_put(c, &b, "\xc3\xa4", 2);
    expect_text(c, "\xc3\xa4");
    g_assert_cmpint(told_a, ==, 1);
    clipboard_put(c, &b, "\xff", 1);
    clipboard_put(c, &b, "a\0b", 3);
    g_autofree char *much = g_strnfill(CLIPBOARD_MAX + 1, 'x');
    clipboard_put(c, &b, much, CLIPBOARD_MAX + 1);
    expect_text(c, "\xc3\xa4");
    clipboard_put(c, &b, much, CLIPBOARD_MAX);
    g_assert_cmpint(told_a, ==, 2);
    clipboard_leave(c, &a);
    clipboard_put(c, &b, "last", 4);
    g_assert_cmpint(told_a, ==, 2);
    clipboard_leave(c, &b);
    clipboard_free(c);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/ui/clipboard/peers", test_peers);
    return g_test_run();
}
