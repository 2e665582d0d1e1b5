/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is in the folder: files and folders, as they are when the disk is opened.
 *
 * Not shown, and counted in one line of the log: links, devices, sockets; names that FAT cannot have; a name that differs from
 * another one of its folder only in capitals. */
#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "block/fat/fat.h"
#include "util/text.h"

typedef struct Walk {
    FatDisk *d;
    const char *dir;
    unsigned hidden;
} Walk;

void fat_item_free(gpointer item)
{
    FatItem *i = item;
    g_free(i->name);
    g_free(i->records);
    if (i->children) {
        g_ptr_array_unref(i->children);
    }
    g_free(i);
}

static FatItem *item_new(FatDisk *d, FatItem *parent, const char *name, const struct stat *st)
{
    FatItem *i = g_new0(FatItem, 1);
    i->parent = parent;
    i->name = g_strdup(name);
    i->depth = parent ? parent->depth + 1 : 0;
    i->is_dir = S_ISDIR(st->st_mode);
    i->size = i->is_dir ? 0 : (uint64_t)st->st_size;
    i->readonly = !(st->st_mode & S_IWUSR);
    i->mtime = st->st_mtim.tv_sec;
    i->children = i->is_dir ? g_ptr_array_new() : NULL;
    g_ptr_array_add(d->items, i);
    return i;
}

static bool is_refused(const Walk *w, const char *name, const char *why, GError **err)
{
    g_autofree char *shown = text_escaped(name);
    block_error(err, "'%s' cannot be shown as a FAT disk: '%s' %s", w->dir, shown, why);
    return false;
}

/* folded: names of the folder so far, without capitals. */
static bool take_name(Walk *w, FatItem *folder, int fd, const char *name, GHashTable *folded, GError **err)
{
    struct stat st;
    glong units;
    g_autofree uint16_t *text = fat_long_name(name, &units);
    g_autofree char *plain = text ? g_utf8_casefold(name, -1) : NULL;
    if (fstatat(fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0 || !(S_ISREG(st.st_mode) || S_ISDIR(st.st_mode)) ||
        !text || g_hash_table_contains(folded, plain)) {
        w->hidden++;
        return true;
    }
    if (w->d->items->len >= FAT_ITEMS_MAX) {
        return is_refused(w, name, "is one of more than 200000 files; show a folder of it", err);
    }
    if (folder->depth >= FAT_DEPTH_MAX) {
        return is_refused(w, name, "is in more than 64 folders; show a folder of it", err);
    }
    if (S_ISREG(st.st_mode) && (uint64_t)st.st_size > FAT_FILE_MAX) {
        return is_refused(w, name, "has 4 GiB or more, which FAT cannot have; move it elsewhere", err);
    }
    g_hash_table_add(folded, g_steal_pointer(&plain));
    g_ptr_array_add(folder->children, item_new(w->d, folder, name, &st));
    return true;
}

static int compare_names(gconstpointer a, gconstpointer b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Sorted, so that a disk is the same each time. */
static GPtrArray *read_names(int fd, GError **err)
{
    int again = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = again < 0 ? NULL : fdopendir(again);
    if (!dir) {
        block_error(err, "%s", g_strerror(errno));
        if (again >= 0) {
            close(again);
        }
        return NULL;
    }
    GPtrArray *names = g_ptr_array_new_with_free_func(g_free);
    for (struct dirent *e; (e = readdir(dir)) && names->len <= FAT_ITEMS_MAX;) {
        if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0) {
            g_ptr_array_add(names, g_strdup(e->d_name));
        }
    }
    closedir(dir);
    g_ptr_array_sort(names, compare_names);
    return names;
}

static bool read_folder(Walk *w, FatItem *folder, int fd, GError **err)
{
    g_autoptr(GPtrArray) names = read_names(fd, err);
    g_autoptr(GHashTable) folded = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    bool ok = names != NULL;
    for (guint i = 0; ok && i < names->len; i++) {
        ok = take_name(w, folder, fd, g_ptr_array_index(names, i), folded, err);
    }
    if (ok) {
        fat_name_children(folder);
    }
    return ok;
}

/* One that vanished, or may not be read, is empty. */
static bool read_below(Walk *w, FatItem *folder, int fd, GError **err)
{
    if (!read_folder(w, folder, fd, err)) {
        return false;
    }
    for (guint i = 0; i < folder->children->len; i++) {
        FatItem *child = g_ptr_array_index(folder->children, i);
        int below = child->is_dir ? openat(fd, child->name,
                                           O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK)
                                  : -1;
        bool ok = below < 0 || read_below(w, child, below, err);
        w->hidden += child->is_dir && below < 0;
        if (below >= 0) {
            close(below);
        }
        if (!ok) {
            return false;
        }
    }
    return true;
}

bool fat_tree_read(FatDisk *d, const char *dir, GError **err)
{
    struct stat st;
    Walk w = { d, dir, 0 };
    if (fstat(d->dir, &st) < 0 || !read_below(&w, item_new(d, NULL, NULL, &st), d->dir, err)) {
        g_prefix_error(err, "'%s': ", dir);
        return false;
    }
    if (w.hidden) {
        log_report(
            "'%s': %u of its entries are not on the FAT disk: links, special files, what cannot be read, and "
            "names that FAT cannot have",
            dir, w.hidden);
    }
    return true;
}
