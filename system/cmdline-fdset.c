/* SPDX-License-Identifier: GPL-2.0-or-later */
/* -add-fd: descriptors that the parent has opened, for use by the name /dev/fdset/SET. */
#include <fcntl.h>

#include "base/fdset.h"
#include "system/cmdline.h"

typedef struct AddFdOptions {
    uint32_t fd;
    int64_t set;
    char *opaque;
} AddFdOptions;

static const Prop add_fd_props[] = {
    { "fd", PROP_U32, offsetof(AddFdOptions, fd), "number of an inherited descriptor", .max = INT32_MAX,
      .required = true },
    { "set", PROP_I64, offsetof(AddFdOptions, set), "number of the set", .max = INT64_MAX, .required = true },
    { "opaque", PROP_STRING, offsetof(AddFdOptions, opaque), "what the parent calls it" },
    { NULL },
};
const Shape cmdline_add_fd_shape = { "AddFd", sizeof(AddFdOptions), add_fd_props };

/* What this process has opened itself is closed on exec; what came from the parent is not, until it is taken. */
static bool take_fd(const AddFdOptions *o, GError **err)
{
    int flags = fcntl((int)o->fd, F_GETFD);
    if (o->fd <= 2) {
        return cmdline_fail(err, "fd cannot be a standard I/O stream; hand down another one");
    }
    if (flags < 0 || flags & FD_CLOEXEC) {
        return cmdline_fail(
            err, "fd is not valid or already in use; let the parent hand it down, and give it once");
    }
    fcntl((int)o->fd, F_SETFD, flags | FD_CLOEXEC);
    fdset_add(o->set, (int)o->fd, o->opaque);
    return true;
}

bool cmdline_fdsets(const CmdLine *c, GError **err)
{
    for (unsigned i = 0; i < cmdline_count(c, OPT_ADD_FD); i++) {
        const CmdItem *item = cmdline_item(c, OPT_ADD_FD, i);
        AddFdOptions *o = cmdline_shape(item, &cmdline_add_fd_shape, err);
        bool ok = o && take_fd(o, err);
        shape_free(&cmdline_add_fd_shape, o);
        if (!ok) {
            return cmdline_blame(err, item);
        }
    }
    return true;
}
