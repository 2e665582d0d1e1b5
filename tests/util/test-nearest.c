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
    /* a few letters of many differ, but they are what it is about */
    static const char *const devices[] = { "virtio-blk-pci",
                                           "virtio-net-pci",
                                           "virtio-rng-pci",
                                           "virtio-serial-pci",
                                           "virtio-blk-device",
                                           "loader",
                                           NULL };
    g_assert_null(nearest_name("virtio-gpu-pci", devices));
    g_assert_null(nearest_name("virtio-mem-pci", devices));
    g_assert_null(nearest_name("virtio-9p-pci", devices));
    g_assert_null(nearest_name("virtio-scsi-pci", devices));
    g_assert_null(nearest_name("foo", (const char *const[]){ "fw_cfg", "m", "mon", "D", "no-reboot", NULL }));
    g_assert_cmpstr(nearest_name("virtio-bkl-pci", devices), ==, "virtio-blk-pci");
    g_assert_cmpstr(nearest_name("virtio-blk-devise", devices), ==, "virtio-blk-device");
    g_assert_cmpstr(nearest_name("virtio_net_pci", devices), ==, "virtio-net-pci");
    g_assert_cmpstr(nearest_name("virtio-netpci", devices), ==, "virtio-net-pci");
    g_assert_cmpstr(nearest_name("tgc", (const char *const[]){ "interp", "tcg", NULL }), ==, "tcg");
    g_autofree char *all = names_join(devices + 4, ", ");
    g_assert_cmpstr(all, ==, "virtio-blk-device, loader");
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/util/nearest/near", test_near);
    g_test_add_func("/util/nearest/far", test_far);
    return g_test_run();
}
