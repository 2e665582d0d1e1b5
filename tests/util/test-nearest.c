/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/nearest.h"

static const char *const machines[] = { "virt", "sifive_u", "none", NULL };

static void test_near(void)
{
    g_assert_cmpstr(nearest_name("vitr", machines), ==, "virt");
    g_assert_cmpstr(nearest_name("Sifive-u", machines), ==, "sifive_u");
}

static void test_far(void)
{
    g_assert_null(nearest_name("pc-q35-9.0", machines));
    g_assert_null(nearest_name("", machines));
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/util/nearest/near", test_near);
    g_test_add_func("/util/nearest/far", test_far);
    return g_test_run();
}
