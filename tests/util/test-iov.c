/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Every window of a few bytes in parts, empty parts among them, against the same bytes in one piece. */
#include "util/iov.h"

#include <glib.h>
#include <string.h>

enum { BYTES = 9, PARTS = 5 };

static char bytes[BYTES];

/* "", "abc", "d", "", "efghi" */
static const struct iovec parts[PARTS] = {
    { bytes, 0 }, { bytes, 3 }, { bytes + 3, 1 }, { bytes + 4, 0 }, { bytes + 4, 5 },
};

static void refill(void)
{
    memcpy(bytes, "abcdefghi", BYTES);
}

static void check_window(size_t from, size_t len)
{
    char out[BYTES + 4] = "", want[BYTES + 1] = "abcdefghi";
    struct iovec slice[PARTS];
    size_t there = from < BYTES ? MIN(len, BYTES - from) : 0;

    refill();
    g_assert_cmpuint(iov_to_buf(parts, PARTS, from, out, len), ==, there);
    g_assert_cmpmem(out, there, bytes + MIN(from, BYTES), there);

    unsigned n = iov_slice(slice, parts, PARTS, from, len);
    g_assert_cmpuint(iov_length(slice, n), ==, there);
    for (unsigned i = 0; i < n; i++) {
        g_assert_cmpuint(slice[i].iov_len, >, 0);
    }
    memset(out, 0, sizeof(out));
    iov_to_buf(slice, n, 0, out, sizeof(out));
    g_assert_cmpmem(out, there, bytes + MIN(from, BYTES), there);

    g_assert_cmpuint(iov_from_buf(parts, PARTS, from, "ABCDEFGHIJKL", len), ==, there);
    memcpy(want + MIN(from, BYTES), "ABCDEFGHI", there);
    g_assert_cmpmem(bytes, BYTES, want, BYTES);
}

static void test_windows(void)
{
    for (size_t from = 0; from <= BYTES + 1; from++) {
        for (size_t len = 0; len <= BYTES + 2; len++) {
            check_window(from, len);
        }
    }
    check_window(2, 3);
    g_assert_cmpuint(iov_length(parts, PARTS), ==, BYTES);
}

static void test_zero(void)
{
    static const char zeros[BYTES];
    for (size_t from = 0; from <= BYTES + 1; from++) {
        refill();
        iov_zero_from(parts, PARTS, from);
        size_t kept = MIN(from, BYTES);
        g_assert_cmpmem(bytes, kept, "abcdefghi", kept);
        g_assert_cmpmem(bytes + kept, BYTES - kept, zeros, BYTES - kept);
        g_assert_true(iov_is_zero(parts, PARTS) == (kept == 0));
    }
    memset(bytes, 0, BYTES);
    bytes[BYTES - 1] = 1;
    g_assert_false(iov_is_zero(parts, PARTS));
    g_assert_true(iov_is_zero(parts, 4));
}

/* Parts of no bytes have no place, either (the sanitizer looks). */
static void test_empty(void)
{
    char byte = 'x', out = 0;
    struct iovec parts[] = { { NULL, 0 }, { &byte, 1 } };
    g_assert_cmpuint(iov_to_buf(parts, 2, 0, &out, 1), ==, 1);
    g_assert_cmpint(out, ==, 'x');
    g_assert_cmpuint(iov_from_buf(parts, 2, 0, "y", 1), ==, 1);
    g_assert_cmpint(byte, ==, 'y');
    iov_zero_from(parts, 2, 0);
    g_assert_cmpint(byte, ==, 0);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/iov/windows", test_windows);
    g_test_add_func("/iov/zero", test_zero);
    g_test_add_func("/iov/empty", test_empty);
    return g_test_run();
}
