/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which file -bios and -L mean, and what is said when there is none. */
#include <elf.h>
#include <glib/gstdio.h>
#include <string.h>

#include "hw/riscv/virt.h"
#include "base/datadir.h"

static char *root; /* removed at the end */

/* root/DIR/NAME with content; the directory is made. */
static char *put(const char *dir, const char *name, const char *content, size_t len)
{
    g_autofree char *path = g_build_filename(root, dir, NULL);
    g_assert_cmpint(g_mkdir_with_parents(path, 0700), ==, 0);
    char *file = g_build_filename(path, name, NULL);
    g_assert_true(g_file_set_contents(file, content, (gssize)len, NULL));
    return file;
}

static void look_in(const char *dir)
{
    g_autofree char *path = g_build_filename(root, dir, NULL);
    datadir_add(path);
}

static void assert_found(const char *bios, bool rv32, const char *want)
{
    g_autoptr(GError) err = NULL;
    g_autofree char *path = virt_find_firmware(bios, rv32, &err);
    g_assert_no_error(err);
    g_assert_cmpstr(path, ==, want);
}

static void assert_missing(const char *bios, bool rv32, const char *const *parts)
{
    g_autoptr(GError) err = NULL;
    g_assert_null(virt_find_firmware(bios, rv32, &err));
    g_assert_nonnull(err);
    for (unsigned i = 0; parts[i]; i++) {
        if (!strstr(err->message, parts[i])) {
            g_test_message("'%s' is not in: %s", parts[i], err->message);
            g_test_fail();
        }
    }
}

/* Names that a system has no file of, so that the machine of the test does not matter. */
static void test_missing(void)
{
    look_in("mine");
    g_autofree char *mine = g_build_filename(root, "mine", NULL);
    const char *const named[] = { "\"fw_nosuch.bin\"",
                                  "neither here nor in",
                                  mine,
                                  "/usr/share/qemu",
                                  "/usr/lib/riscv64-linux-gnu/opensbi/generic",
                                  "install the package opensbi",
                                  "-L DIR",
                                  NULL };
    assert_missing("fw_nosuch.bin", false, named);
    const char *const other[] = { "/usr/lib/riscv32-linux-gnu/opensbi/generic", "Debian 13", NULL };
    assert_missing("fw_nosuch.bin", true, other);
    const char *const uboot[] = { "/usr/lib/u-boot/qemu-riscv64", "u-boot-qemu", NULL };
    assert_missing("u-boot.nosuch", false, uboot);
    const char *const absent[] = { "/nosuch/file", "No such file or directory", NULL };
    assert_missing("/nosuch/file", false, absent);
    const char *const directory[] = { "it is a directory", NULL };
    assert_missing("/usr/", false, directory);
}

/* A name: the first directory that has such a file; a directory of that name is none. */
static void test_named(void)
{
    g_free(put("none/same.bin", "inner", "x", 1));
    g_autofree char *first = put("first", "same.bin", "1", 1), *second = put("second", "same.bin", "2", 1);
    look_in("none");
    look_in("first");
    look_in("second");
    assert_found("same.bin", false, first);
    assert_found("same.bin", true, first);
    assert_found(second, false, second);
}

/* OpenSBI's own name for its image says nothing of the width: the ELF file beside it does. */
static void test_default(void)
{
    static const char elf64[EI_NIDENT] = { 0x7f, 'E', 'L', 'F', ELFCLASS64 };
    g_autofree char *wide = put("wide", "fw_dynamic.bin", "64", 2);
    g_free(put("wide", "fw_dynamic.elf", elf64, sizeof(elf64)));
    g_autofree char *narrow = put("lib/riscv32-linux-gnu/opensbi/generic", "fw_dynamic.bin", "32", 2);
    g_autofree char *late = put("late", "opensbi-riscv32-generic-fw_dynamic.bin", "32", 2);
    look_in("wide");
    look_in("lib"); /* the lib of an unpacked package */
    look_in("late");
    assert_found(NULL, false, wide);
    assert_found("default", false, wide);
    assert_found(NULL, true, narrow);
    g_assert_cmpint(g_unlink(narrow), ==, 0);
    assert_found(NULL, true, late);
}

static void remove_tree(const char *path)
{
    g_autoptr(GDir) dir = g_file_test(path, G_FILE_TEST_IS_DIR) ? g_dir_open(path, 0, NULL) : NULL;
    const char *name;
    while (dir && (name = g_dir_read_name(dir))) {
        g_autofree char *inner = g_build_filename(path, name, NULL);
        remove_tree(inner);
    }
    g_remove(path);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    root = g_dir_make_tmp("firmware-XXXXXX", NULL);
    g_assert_nonnull(root);
    g_test_add_func("/firmware/missing", test_missing);
    g_test_add_func("/firmware/named", test_named);
    g_test_add_func("/firmware/default", test_default);
    int r = g_test_run();
    remove_tree(root);
    g_free(root);
    return r;
}
