/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The search path of firmware files.
 *
 * Nothing is scanned: a look-up is one access() for each directory. */
#include "base/datadir.h"

#include <unistd.h>

static GPtrArray *user_dirs; /* of -L, in order */

/* Relative to the directory above the program's own. */
static const char *const near_dirs[] = { "share/lyrebird", "share/qemu" };
static const char *const system_dirs[] = {
    "/usr/local/share/lyrebird",
    "/usr/share/lyrebird",
    "/usr/local/share/qemu",
    "/usr/share/qemu",
};
/* Debian's packages for one guest, named before and behind its architecture: opensbi,
 * u-boot-qemu (the build for M-mode, which is what -bios starts), qemu-efi-riscv64. */
static const struct GuestDir {
    const char *before, *behind;
} guest_dirs[] = {
    { "/usr/lib/", "-linux-gnu/opensbi/generic" },
    { "/usr/lib/u-boot/qemu-", "" },
    { "/usr/share/qemu-efi-", "" },
};

void datadir_add(const char *dir)
{
    if (!user_dirs) {
        user_dirs = g_ptr_array_new_with_free_func(g_free);
    }
    g_ptr_array_add(user_dirs, g_strdup(dir));
}

/* Takes dir, unless it is in the list. */
static void list_add(GPtrArray *list, char *dir)
{
    if (g_ptr_array_find_with_equal_func(list, dir, g_str_equal, NULL)) {
        g_free(dir);
    } else {
        g_ptr_array_add(list, dir);
    }
}

char **datadir_list(const char *guest)
{
    GPtrArray *list = g_ptr_array_new();
    for (guint i = 0; user_dirs && i < user_dirs->len; i++) {
        list_add(list, g_strdup(user_dirs->pdata[i]));
    }
    g_autofree char *exe = g_file_read_link("/proc/self/exe", NULL);
    g_autofree char *bin = exe ? g_path_get_dirname(exe) : NULL;
    g_autofree char *prefix = bin ? g_path_get_dirname(bin) : NULL;
    for (unsigned i = 0; prefix && i < G_N_ELEMENTS(near_dirs); i++) {
        list_add(list, g_build_filename(prefix, near_dirs[i], NULL));
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(system_dirs); i++) {
        list_add(list, g_strdup(system_dirs[i]));
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(guest_dirs); i++) {
        list_add(list, g_strconcat(guest_dirs[i].before, guest, guest_dirs[i].behind, NULL));
    }
    g_ptr_array_add(list, NULL);
    return (char **)g_ptr_array_free(list, FALSE);
}

char *datadir_file(const char *dir, const char *name)
{
    g_autofree char *path = dir ? g_build_filename(dir, name, NULL) : g_strdup(name);
    bool found = access(path, R_OK) == 0 && !g_file_test(path, G_FILE_TEST_IS_DIR);
    return found ? g_steal_pointer(&path) : NULL;
}

char *datadir_find(char **dirs, const char *name)
{
    char *path = NULL;
    for (unsigned i = 0; !path && dirs[i]; i++) {
        path = datadir_file(dirs[i], name);
    }
    return path;
}
