/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Fuzz target: an image of the format that its first bytes say is opened, looked at, checked, read, and (a copy, mended first) written. */
#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

#include "block/image.h"
#include "block/image_check.h"
#include "fuzz.h"

enum { READS = 24, READ_BYTES = 64 << 10 };

static void read_some(BlockNode *n)
{
    static uint8_t buf[READ_BYTES];
    uint64_t size = node_size(n);
    Extent e;
    for (uint64_t i = 0, at = 0; i < READS && at < size; i++, at += MAX(e.length, READ_BYTES)) {
        if (node_map(n, at, size - at, true, &e)) {
            e.length = READ_BYTES;
        }
        g_assert_cmpuint(e.length, >, 0);
        if (node_read(n, at, buf, MIN(READ_BYTES, size - at))) {
            continue;
        }
    }
}

static void write_some(BlockNode *n)
{
    static uint8_t buf[READ_BYTES];
    uint64_t size = node_size(n);
    for (uint64_t i = 0, at = 0; i < 4 && at < size; i++, at += size / 4 / 512 * 512 + 512) {
        uint64_t length = MIN(READ_BYTES, size - at);
        if (node_write(n, at, buf, length) ||
            node_run(n, &(NodeIo){ BLOCK_DISCARD, false, at, length, NULL, 0 })) {
            break;
        }
    }
    if (node_flush(n)) {
        return;
    }
}

/* Files that the image names are not opened: they would be the host's. */
static void use(const char *path, bool repair, bool write)
{
    const char *found;
    OpenFlags flags = {
        .readonly = !repair && !write, .repair = repair, .no_backing = true, .no_data = true
    };
    BlockNode *n = image_open(path, NULL, &flags, &found, NULL);
    ImageReport report = { 0 };
    Qcow2Info qcow2;
    ImageInfo info;
    if (!n) {
        return;
    }
    bool own_data = !qcow2_info(n, &qcow2) || !qcow2.data_file;
    image_info(n, &info);
    int e = write ? 0 : image_check(n, repair ? REPAIR_ALL : REPAIR_NOTHING, &report);
    if (!write && !repair && own_data && (!e || e == -ENOTSUP)) {
        read_some(n);
    }
    if (write && own_data) {
        write_some(n);
    }
    node_unref(n);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int fd = memfd_create("image", MFD_CLOEXEC);
    g_assert_cmpint(fd, >=, 0);
    g_assert_cmpint(write(fd, data, size), ==, (ssize_t)size);
    g_autofree char *path = g_strdup_printf("/proc/self/fd/%d", fd);
    use(path, false, false);
    use(path, false, true);
    use(path, true, false);
    use(path, false, true);
    close(fd);
    return 0;
}
