/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Bytes of the host's files: opened when they are read, and closed again: no descriptors are kept.
 *
 * Each step of a path is opened by itself, and none follows a link, so nothing outside of the folder is read, however it
 * changes meanwhile. */
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "block/fat/fat.h"

static int open_item(const FatDisk *d, const FatItem *item)
{
    if (!item->parent) {
        return fcntl(d->dir, F_DUPFD_CLOEXEC, 0);
    }
    int above = open_item(d, item->parent);
    if (above < 0) {
        return -1;
    }
    int fd =
        openat(above, item->name,
               O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC | (item->is_dir ? O_DIRECTORY : 0));
    int e = errno;
    close(above);
    errno = e;
    return fd;
}

/* What took its place may be a device, or a pipe. */
static int open_file(const FatDisk *d, const FatItem *item)
{
    struct stat st;
    int fd = open_item(d, item);
    if (fd >= 0 && (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))) {
        close(fd);
        fd = -1;
    }
    return fd;
}

static int read_at(int fd, uint64_t at, uint8_t *buf, size_t length)
{
    while (length) {
        ssize_t n = pread(fd, buf, length, (off_t)at);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0) {
            return -errno;
        }
        if (n == 0) {
            memset(buf, 0, length); /* it is shorter now */
            return 0;
        }
        buf += n;
        at += (uint64_t)n;
        length -= (size_t)n;
    }
    return 0;
}

int fat_file_read(const FatDisk *d, const FatItem *item, uint64_t at, void *buf, size_t length)
{
    int fd = open_file(d, item);
    int e = fd < 0 ? -EIO : read_at(fd, at, buf, length);
    if (fd >= 0) {
        close(fd);
    }
    return e;
}
