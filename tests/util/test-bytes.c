/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/bytes.h"

#include <stdbool.h>
#include <string.h>

static const uint64_t value = UINT64_C(0xf7e6d5c4b3a29181);

static void test_round(void)
{
    for (unsigned bytes = 1; bytes <= 8; bytes *= 2) {
        uint64_t mask = UINT64_MAX >> (64 - 8 * bytes);
        for (unsigned at = 0; at < 8; at++) { /* aligned or not; what lies beside stays */
            uint8_t row[16], le[16];
            memset(row, 0x5a, sizeof(row));
            memset(le, 0x5a, sizeof(le));
            store_host(row + at, bytes, value);
            store_le(le + at, bytes, value);
            g_assert_cmphex(load_host(row + at, bytes), ==, value & mask);
            g_assert_cmphex(load_le(le + at, bytes), ==, value & mask);
            for (unsigned i = 0; i < sizeof(row); i++) {
                bool within = i >= at && i < at + bytes;
                g_assert_cmphex(le[i], ==, within ? (value >> 8 * (i - at)) & 0xff : 0x5a);
                g_assert_true(within || row[i] == 0x5a);
            }
        }
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/bytes/round", test_round);
    return g_test_run();
}
