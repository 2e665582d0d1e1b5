/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Sets of descriptors: see base/fdset.h. */
#include "base/fdset.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "util/keyval.h"

typedef struct Member {
    int64_t set;
    int fd;
    char *opaque;
} Member;

static GPtrArray *members; /* of Member; NULL: none yet */

static void member_free(void *opaque)
{
    Member *m = opaque;
    close(m->fd);
    g_free(m->opaque);
    g_free(m);
}

static bool set_exists(int64_t set)
{
    for (guint i = 0; members && i < members->len; i++) {
        if (((const Member *)members->pdata[i])->set == set) {
            return true;
        }
    }
    return false;
}

int64_t fdset_add(int64_t set, int fd, const char *opaque)
{
    if (set < 0) {
        for (set = 0; set_exists(set); set++) {
        }
    }
    members = members ? members : g_ptr_array_new_with_free_func(member_free);
    Member *m = g_new(Member, 1);
    *m = (Member){ set, fd, g_strdup(opaque) };
    g_ptr_array_add(members, m);
    return set;
}

bool fdset_remove(int64_t set, int fd, GError **err)
{
    bool found = false;
    for (guint i = members ? members->len : 0; i-- > 0;) {
        const Member *m = members->pdata[i];
        if (m->set == set && (fd < 0 || m->fd == fd)) {
            g_ptr_array_remove_index(members, i);
            found = true;
        }
    }
    if (!found) {
        g_autofree char *what = fd < 0 ? g_strdup_printf("fdset-id:%" G_GINT64_FORMAT, set)
                                       : g_strdup_printf("fdset-id:%" G_GINT64_FORMAT ", fd:%d", set, fd);
        g_set_error(err, G_FILE_ERROR, G_FILE_ERROR_NOENT, "File descriptor named '%s' not found", what);
    }
    return found;
}

void fdset_foreach(void (*fn)(int64_t set, int fd, const char *opaque, void *user), void *user)
{
    for (guint i = 0; members && i < members->len; i++) {
        const Member *m = members->pdata[i];
        fn(m->set, m->fd, m->opaque, user);
    }
}

/* ---- opening ------------------------------------------------------------- */

/* The member that is open for what is asked for; one for both ways serves each if there is none of that way alone. */
static int member_for(int64_t set, int access)
{
    int spare = -1;
    for (guint i = 0; members && i < members->len; i++) {
        const Member *m = members->pdata[i];
        int flags = m->set == set ? fcntl(m->fd, F_GETFL) : -1;
        if (flags >= 0 && (flags & O_ACCMODE) == access) {
            return m->fd;
        }
        spare = flags >= 0 && (flags & O_ACCMODE) == O_RDWR ? m->fd : spare;
    }
    return spare;
}

/* The flags are those of all who have this file description. */
static int dup_with(int fd, int flags)
{
    static const int settable = O_APPEND | O_DIRECT | O_NONBLOCK;
    int copy = fcntl(fd, F_DUPFD_CLOEXEC, 3);
    int old = copy < 0 ? -1 : fcntl(copy, F_GETFL);
    if (old >= 0 && fcntl(copy, F_SETFL, (old & ~settable) | (flags & settable)) == 0 &&
        (!(flags & O_TRUNC) || ftruncate(copy, 0) == 0)) {
        return copy;
    }
    int keep = errno;
    if (copy >= 0) {
        close(copy);
    }
    errno = keep;
    return -1;
}

int fdset_open(const char *path, int flags)
{
    static const char prefix[] = "/dev/fdset/";
    uint64_t set;
    if (!g_str_has_prefix(path, prefix)) {
        return open(path, flags | O_CLOEXEC, 0666);
    }
    if (!keyval_uint(path + strlen(prefix), INT64_MAX, &set) || !set_exists((int64_t)set)) {
        errno = ENOENT;
        return -1;
    }
    int fd = member_for((int64_t)set, flags & O_ACCMODE);
    if (fd < 0) {
        errno = EACCES;
        return -1;
    }
    return dup_with(fd, flags);
}
