/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Descriptors that a client sends: with a name, for one connection (getfd), or in sets, for the machine (add-fd). */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/fdset.h"
#include "monitor/qmp.h"

static int take_fd(Control *c, GError **err)
{
    int fd = c->session ? qmp_session_take_fd(c->session) : -1;
    if (fd < 0) {
        command_error(err, ERROR_GENERIC, "No file descriptor supplied via SCM_RIGHTS");
    }
    return fd;
}

/* ---- by name ------------------------------------------------------------- */

typedef struct FdName {
    char *name;
} FdName;

#define T FdName
static const Prop name_props[] = { { "fdname", PROP_STRING, ALWAYS(name), .help = "its name" }, { NULL } };
#undef T
static const Shape name_shape = { "FdName", sizeof(FdName), name_props };

static bool run_getfd(Control *c, const void *args, void *result, GError **err)
{
    const FdName *a = args;
    int fd = take_fd(c, err);
    if (fd < 0) {
        return false;
    }
    if (g_ascii_isdigit(*a->name)) {
        close(fd);
        return command_error(err, ERROR_GENERIC,
                             "Parameter 'fdname' expects a name not starting with a digit");
    }
    g_hash_table_replace(qmp_session_named_fds(c->session), g_strdup(a->name), GINT_TO_POINTER(fd));
    return true;
}

int qmp_take_named_fd(QmpSession *s, const char *name, GError **err)
{
    GHashTable *named = s ? qmp_session_named_fds(s) : NULL;
    gpointer fd;
    if (!named || !g_hash_table_lookup_extended(named, name, NULL, &fd)) {
        command_error(err, ERROR_GENERIC, "File descriptor named '%s' not found. Send it with getfd", name);
        return -1;
    }
    int copy = fcntl(GPOINTER_TO_INT(fd), F_DUPFD_CLOEXEC, 3);
    if (copy < 0) {
        command_error(err, ERROR_GENERIC, "File descriptor named '%s' cannot be copied: %s", name,
                      g_strerror(errno));
    } else {
        g_hash_table_remove(named, name);
    }
    return copy;
}

static bool run_closefd(Control *c, const void *args, void *result, GError **err)
{
    const FdName *a = args;
    return (c->session && g_hash_table_remove(qmp_session_named_fds(c->session), a->name)) ||
           command_error(err, ERROR_GENERIC, "File descriptor named '%s' not found", a->name);
}

/* ---- in sets ------------------------------------------------------------- */

typedef struct AddFd {
    int64_t set;
    bool has_set;
    char *opaque;
} AddFd;
typedef struct AddFdInfo {
    int64_t set, fd;
} AddFdInfo;
typedef struct RemoveFd {
    int64_t set, fd;
    bool has_fd;
} RemoveFd;
typedef struct FdInfo {
    int64_t fd;
    char *opaque;
} FdInfo;
typedef struct SetInfo {
    int64_t set;
    PropList fds;
} SetInfo;

#define T AddFd
static const Prop add_props[] = {
    { "fdset-id", PROP_I64, MAYBE_HAS(set), .help = "a new one, unless given" },
    { "opaque", PROP_STRING, MAYBE(opaque), .help = "what the client calls it" },
    { NULL },
};
#undef T
#define T AddFdInfo
static const Prop added_props[] = {
    { "fdset-id", PROP_I64, ALWAYS(set) },
    { "fd", PROP_I64, ALWAYS(fd) },
    { NULL },
};
#undef T
#define T RemoveFd
static const Prop remove_props[] = {
    { "fdset-id", PROP_I64, ALWAYS(set) },
    { "fd", PROP_I64, MAYBE_HAS(fd), .help = "all of the set, unless given" },
    { NULL },
};
#undef T
#define T FdInfo
static const Prop fd_props[] = {
    { "fd", PROP_I64, ALWAYS(fd) },
    { "opaque", PROP_STRING, MAYBE(opaque) },
    { NULL },
};
#undef T
static const Shape fd_shape = { "FdsetFdInfo", sizeof(FdInfo), fd_props };
#define T SetInfo
static const Prop set_props[] = {
    { "fdset-id", PROP_I64, ALWAYS(set) },
    { "fds", PROP_STRUCT, ALWAYS(fds), .list = true, .of = &fd_shape },
    { NULL },
};
#undef T
static const Shape add_shape = { "AddFd", sizeof(AddFd), add_props };
static const Shape added_shape = { "AddfdInfo", sizeof(AddFdInfo), added_props };
static const Shape remove_shape = { "RemoveFd", sizeof(RemoveFd), remove_props };
static const Shape set_shape = { "FdsetInfo", sizeof(SetInfo), set_props };

static bool run_add_fd(Control *c, const void *args, void *result, GError **err)
{
    const AddFd *a = args;
    if (a->has_set && a->set < 0) {
        return command_error(err, ERROR_GENERIC, "Parameter 'fdset-id' expects a non-negative value");
    }
    int fd = take_fd(c, err);
    if (fd < 0) {
        return false;
    }
    *(AddFdInfo *)result = (AddFdInfo){ fdset_add(a->has_set ? a->set : -1, fd, a->opaque), fd };
    return true;
}

static bool run_remove_fd(Control *c, const void *args, void *result, GError **err)
{
    const RemoveFd *a = args;
    return fdset_remove(a->set, a->has_fd ? (int)CLAMP(a->fd, 0, G_MAXINT) : -1, err);
}

static void add_member(int64_t set, int fd, const char *opaque, void *user)
{
    PropList *list = user;
    SetInfo *info = list->count ? prop_list_struct(list, list->count - 1) : NULL;
    if (!info || info->set != set) {
        info = prop_list_add(list, &set_shape);
        info->set = set;
    }
    FdInfo *member = prop_list_add(&info->fds, &fd_shape);
    member->fd = fd;
    member->opaque = g_strdup(opaque);
}

static bool run_query_fdsets(Control *c, const void *args, void *result, GError **err)
{
    fdset_foreach(add_member, result);
    return true;
}

/* clang-format off */
const Command commands_fds[] = {
    { "getfd", "keep the descriptor that came along, under a name", &name_shape, NULL, 0, run_getfd },
    { "closefd", "close a descriptor of getfd", &name_shape, NULL, 0, run_closefd },
    { "add-fd", "add the descriptor that came along to a set, to be used as /dev/fdset/N", &add_shape,
      RETURNS_STRUCT(added_shape), 0, run_add_fd },
    { "remove-fd", "close descriptors of a set", &remove_shape, NULL, 0, run_remove_fd },
    { "query-fdsets", "all sets", NULL, RETURNS_LIST(set_shape), 0, run_query_fdsets },
    { NULL },
};
/* clang-format on */
