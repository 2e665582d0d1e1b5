/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Fuzz target: an image of the format that its first bytes say is opened, looked at, checked, read, and (a copy, mended first) written.
 * Of one that is encrypted the password is "a". */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "block/bitmap.h"
#include "block/image.h"
#include "block/image_check.h"
#include "block/secret.h"
#include "fuzz.h"
#include "util/bytes.h"

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

static void read_bitmaps(BlockNode *n)
{
    DirtyBitmap *b;
    for (unsigned i = 0; (b = node_bitmap_at(n, i)); i++) {
        uint64_t offset = 0, length = 0;
        for (unsigned k = 0; k < READS && bitmap_next(b, offset + length, node_size(n), &offset, &length);
             k++) {
            g_assert_cmpuint(length, >, 0);
        }
    }
}

static const Secrets *password(void)
{
    static Secrets *all;
    if (!all) {
        all = secrets_new();
        g_assert_true(secrets_add(all, "s", &(SecretSource){ .data = "a" }, false, NULL));
    }
    return all;
}

/* A header may ask for minutes of work on its password, by design; here all that ask for more ask for little. */
static void make_cheap(uint8_t *data, size_t size)
{
    enum { AT_DIGEST = 164, AT_SLOTS = 208, SLOT = 48, SLOTS = 8, HEADER = 592 };
    for (size_t at = 0; at + HEADER <= size; at += 512) {
        for (unsigned i = 0; memcmp(data + at, "LUKS", 4) == 0 && i <= SLOTS; i++) {
            uint8_t *count = data + at + (i ? AT_SLOTS + (i - 1) * SLOT + 4 : AT_DIGEST);
            store_be(count, 4, load_be(count, 4) & 0xff);
        }
    }
}

/* Files that the image names are not opened: they would be the host's. */
static void use(const char *path, bool repair, bool write)
{
    const char *found;
    OpenFlags flags = { .readonly = !repair && !write,
                        .repair = repair,
                        .no_backing = true,
                        .no_data = true,
                        .secrets = password(),
                        .key_secret = "s" };
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
        read_bitmaps(n);
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
    g_autofree uint8_t *cheap = g_malloc(size + 1);
    memcpy(cheap, data, size);
    make_cheap(cheap, size);
    g_assert_cmpint(write(fd, cheap, size), ==, (ssize_t)size);
    g_autofree char *path = g_strdup_printf("/proc/self/fd/%d", fd);
    use(path, false, false);
    use(path, false, true);
    use(path, true, false);
    use(path, false, true);
    close(fd);
    return 0;
}
