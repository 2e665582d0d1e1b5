/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Bytes that the host moves from one file to another by itself. */
#include <errno.h>
#include <unistd.h>

#include "block/driver.h"

static int copy_range(int from, off_t at, int to, off_t to_at, uint64_t length)
{
    while (length) {
        ssize_t n = copy_file_range(from, &at, to, &to_at, length, 0);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) { /* 0: behind the end of the file, which is no multiple of a sector */
            return n < 0 ? -errno : -ENOTSUP;
        }
        length -= (uint64_t)n;
    }
    return 0;
}

int node_copy(BlockNode *from, uint64_t offset, BlockNode *to, uint64_t to_offset, uint64_t length)
{
    NodeIo read = { .op = BLOCK_READ, .offset = offset, .length = length };
    NodeIo write = { .op = BLOCK_WRITE, .offset = to_offset, .length = length };
    NodePlace source, target;
    if (to->readonly) {
        return -EROFS;
    }
    if (!node_resolve(from, &read, &source)) {
        return -ENOTSUP;
    }
    int e = -ENOTSUP;
    if (node_resolve(to, &write, &target)) {
        e = copy_range(source.fd, (off_t)source.position, target.fd, (off_t)target.position, length);
        node_place_end(&target);
    }
    node_place_end(&source);
    return e;
}
