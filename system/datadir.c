/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The search path of firmware files.
 *
 * Nothing is scanned: a look-up is one access() for each directory. */
#include "system/datadir.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static GPtrArray *user_dirs; /* of -L, in order */

/* Relative to the directory above the program's own. */
static const char *const near_dirs[] = {"share/lyrebird", "share/qemu", NULL};
static const char *const system_dirs[] = {
    "/usr/local/share/lyrebird",
    "/usr/share/lyrebird",
    "/usr/share/qemu",
    "/usr/lib/riscv64-linux-gnu/opensbi/generic",
    "/usr/lib/riscv32-linux-gnu/opensbi/generic",
    "/usr/lib/u-boot/qemu-riscv64_smode",
    "/usr/share/qemu-efi-riscv64",
    NULL,
};

void datadir_add(const char *dir)
{
    if (!user_dirs) {
        user_dirs = g_ptr_array_new_with_free_func(g_free);
    }
    g_ptr_array_add(user_dirs, g_strdup(dir));
}

/* Call fn for each directory in order until it returns true. */
static bool datadir_walk(bool (*fn)(const char *dir, void *opaque), void *opaque)
{
    for (guint i = 0; user_dirs && i < user_dirs->len; i++) {
        if (fn(user_dirs->pdata[i], opaque)) {
            return true;
        }
    }
    g_autofree char *exe = g_file_read_link("/proc/self/exe", NULL);
    g_autofree char *bin = exe ? g_path_get_dirname(exe) : NULL;
    g_autofree char *prefix = bin ? g_path_get_dirname(bin) : NULL;
    for (unsigned i = 0; prefix && near_dirs[i]; i++) {
        g_autofree char *dir = g_build_filename(prefix, near_dirs[i], NULL);
        if (fn(dir, opaque)) {
            return true;
        }
    }
    for (unsigned i = 0; system_dirs[i]; i++) {
        if (fn(system_dirs[i], opaque)) {
            return true;
        }
    }
    return false;
}

typedef struct Lookup {
    const char *name;
    char *found;
} Lookup;

static bool lookup_in(const char *dir, void *opaque)
{
    Lookup *l = opaque;
    g_autofree char *path = g_build_filename(dir, l->name, NULL);
    if (access(path, R_OK) != 0) {
        return false;
    }
    l->found = g_steal_pointer(&path);
    return true;
}

char *datadir_find(const char *name)
{
    Lookup l = {.name = name};
    if (strchr(name, '/') || access(name, R_OK) == 0) {
        return access(name, R_OK) == 0 ? g_strdup(name) : NULL;
    }
    datadir_walk(lookup_in, &l);
    return l.found;
}

static bool print_dir(const char *dir, void *opaque)
{
    printf("%s\n", dir);
    return false;
}

void datadir_print(void)
{
    datadir_walk(print_dir, NULL);
}
