/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Sets of descriptors that another program has opened for this one and handed down (-add-fd) or sends (add-fd of a
 * monitor).  The name /dev/fdset/N means the member of set N that was opened as it is now to be used: for images and
 * files that this process may not open itself.  Main loop only.
 * Interface: the QEMU manual, "invocation", -add-fd. */
#pragma once
#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

/* Add to the set `set`, which is made if it is not there; -1: to a new one with the lowest free number.  The descriptor
 * belongs to the set from now on.  opaque: what the other program calls it, or NULL.  Returns the set's number. */
int64_t fdset_add(int64_t set, int fd, const char *opaque);
/* Close a member, or all of a set (fd -1), and the set with its last member.  What was opened by its name stays
 * open.  False: there is none. */
bool fdset_remove(int64_t set, int fd, GError **err) G_GNUC_WARN_UNUSED_RESULT;
/* In the order of their adding. */
void fdset_foreach(void (*fn)(int64_t set, int fd, const char *opaque, void *user), void *user);

/* open(path, flags, 0666), or a descriptor of its own of a member if the path names a set; -1 and errno (EACCES: no
 * member may be used like this; ENOENT: there is no such set).  Always close-on-exec. */
int fdset_open(const char *path, int flags);
