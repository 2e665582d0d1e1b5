/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Headers of LUKS that lie, and disks in the machine. */
#include <errno.h>
#include <glib/gstdio.h>
#include <string.h>

#include "block/image_create.h"
#include "block/luks/luks.h"
#include "block/secret.h"
#include "rig.h"
#include "util/bytes.h"
#include "tests/ends.h"

enum { SIZE = 1 << 20, PAGE = 4096, ENOUGH = 100000 };

static void add_secret(const char *id, const char *data)
{
    GError *err = NULL;
    g_assert_true(
        secrets_add(drives_secrets(test_drives()), id, &(SecretSource){ .data = (char *)data }, false, &err));
}

static char *make_image_of(const char *format, const char *options)
{
    GError *err = NULL;
    char *path = rig_image(0);
    const ImageMaker *maker = image_maker(format);
    BlockNode *file = image_new_file(path, 0, NULL, &err);
    NewImage *o = shape_parse(maker->shape, options, NULL, &err);
    g_assert_no_error(err);
    o->secrets = drives_secrets(test_drives());
    g_assert_true(maker->check(o, &err));
    g_assert_true(maker->make(file, o, &err));
    shape_free(maker->shape, o);
    node_unref(file);
    return path;
}

static char *make_image(const char *options)
{
    g_autofree char *text = g_strdup_printf("size=1M,key-secret=s,iter-time=1%s", options);
    return make_image_of("luks", text);
}

/* -drive and -blockdev of an encrypted qcow2 image. */
/* A node "n" of these options has it in its last page. */
static void check_last_page(const char *options, const char *data)
{
    GError *err = NULL;
    char back[PAGE];
    BlockdevOptions *o = shape_parse(&blockdev_shape, options, NULL, &err);
    g_assert_true(blockdev_add(test_drives(), o, &err));
    g_assert_no_error(err);
    shape_free(&blockdev_shape, o);
    g_assert_cmpint(rig_io(block_find(test_drives(), "n"), BLOCK_READ, SIZE - PAGE, back, PAGE), ==, 0);
    g_assert_cmpmem(data, PAGE, back, PAGE);
}

static void test_qcow2_disk(void)
{
    GError *err = NULL;
    add_secret("s", "abc");
    add_secret("wrong", "abd");
    char *path =
        make_image_of("qcow2", "size=1M,encrypt.format=luks,encrypt.key-secret=s,encrypt.iter-time=1");
    char data[PAGE];
    memset(data, 0x77, sizeof(data));
    BlockBackend *blk =
        rig_drive_ok("file=%s,format=qcow2,if=none,id=d,encrypt.format=luks,encrypt.key-secret=s", path);
    g_assert_cmpint(rig_io(blk, BLOCK_WRITE, SIZE - PAGE, data, PAGE), ==, 0);
    g_assert_cmpint(rig_io(blk, BLOCK_FLUSH, 0, NULL, 0), ==, 0);
    block_close(blk);
    g_autofree char *all = NULL;
    gsize size;
    g_assert_true(g_file_get_contents(path, &all, &size, &err));
    g_assert_null(memmem(all, size, data, sizeof(data)));
    g_assert_null(rig_drive(&err, "file=%s,format=qcow2,if=none,encrypt.key-secret=wrong", path));
    rig_assert_error(&err, "Invalid password");
    g_assert_null(rig_drive(&err, "file=%s,format=qcow2,if=none", path));
    rig_assert_error(&err, "'encrypt.key-secret' is required");
    g_assert_null(rig_drive(&err, "file=%s,format=raw,if=none,encrypt.key-secret=s", path));
    rig_assert_error(&err, "it is of qcow2");
    g_autofree char *text = g_strdup_printf(
        "driver=qcow2,node-name=n,encrypt.format=luks,encrypt.key-secret=s,file.driver=file,file.filename=%s",
        path);
    check_last_page(text, data);
    test_close_drives();
    rig_remove(path);
}

/* The password of the image below is given by the drive on top. */
static void test_backing(void)
{
    GError *err = NULL;
    add_secret("s", "abc");
    add_secret("t", "abd");
    char data[PAGE], back[PAGE];
    memset(data, 0x66, sizeof(data));
    char *bases[] = { make_image_of("qcow2",
                                    "size=1M,encrypt.format=luks,encrypt.key-secret=s,encrypt.iter-time=1"),
                      make_image("") };
    static const char *const formats[] = { "qcow2", "luks" }, *const keys[] = { "encrypt.key-secret",
                                                                                "key-secret" };
    for (unsigned i = 0; i < G_N_ELEMENTS(bases); i++) {
        BlockBackend *blk =
            rig_drive_ok("file=%s,format=%s,if=none,id=d,%s=s", bases[i], formats[i], keys[i]);
        g_assert_cmpint(rig_io(blk, BLOCK_WRITE, 0, data, PAGE), ==, 0);
        block_close(blk);
        g_autofree char *text = g_strdup_printf("size=1M,backing_file=%s,backing_fmt=%s,encrypt.format=luks,"
                                                "encrypt.key-secret=t,encrypt.iter-time=1",
                                                bases[i], formats[i]);
        char *top = make_image_of("qcow2", text);
        g_autofree char *drive =
            g_strdup_printf("file=%s,format=qcow2,if=none,id=d,encrypt.key-secret=t", top);
        g_assert_null(rig_drive(&err, "%s", drive));
        rig_assert_error(&err, "key-secret' is required");
        g_assert_null(rig_drive(&err, "%s,backing.%s=t", drive, keys[i]));
        rig_assert_error(&err, "Invalid password");
        blk = rig_drive_ok("%s,backing.%s=s", drive, keys[i]);
        g_assert_cmpint(rig_io(blk, BLOCK_READ, 0, back, PAGE), ==, 0);
        g_assert_cmpmem(data, PAGE, back, PAGE);
        block_close(blk);
        g_assert_null(rig_drive(&err, "file=%s,format=%s,if=none,%s=s,backing.key-secret=s", bases[i],
                                formats[i], keys[i]));
        rig_assert_error(&err, "has no backing file");
        rig_remove(top);
        rig_remove(bases[i]);
    }
    test_close_drives();
}

static void test_disk(void)
{
    GError *err = NULL;
    add_secret("s", "abc");
    add_secret("wrong", "abd");
    char *path = make_image(""), data[PAGE];
    memset(data, 0x77, sizeof(data));
    BlockBackend *blk = rig_drive_ok("file=%s,format=luks,if=none,id=d,key-secret=s", path);
    g_assert_cmpuint(block_size(blk), ==, SIZE);
    g_assert_cmpint(rig_io(blk, BLOCK_WRITE, SIZE - PAGE, data, PAGE), ==, 0);
    g_assert_cmpint(rig_io(blk, BLOCK_WRITE, SIZE, data, PAGE), ==, -EIO);
    block_close(blk);
    g_assert_null(rig_drive(&err, "file=%s,format=luks,if=none,key-secret=wrong", path));
    rig_assert_error(&err, "Invalid password");
    g_assert_null(rig_drive(&err, "file=%s,format=luks,if=none,key-secret=none", path));
    rig_assert_error(&err, "No secret with id 'none'");
    g_assert_null(rig_drive(&err, "file=%s,format=luks,if=none", path));
    rig_assert_error(&err, "'key-secret' is required");
    g_assert_null(rig_drive(&err, "file=%s,format=raw,if=none,key-secret=s", path));
    rig_assert_error(&err, "format=luks");
    g_autofree char *text =
        g_strdup_printf("driver=luks,node-name=n,key-secret=s,file.driver=file,file.filename=%s", path);
    check_last_page(text, data);
    test_close_drives();
    rig_remove(path);
}

static void test_options_refused(void)
{
    static const struct {
        const char *options, *why;
    } rows[] = {
        { "", "'key-secret' is required" },
        { "key-secret=t", "No secret" },
        { "key-secret=s,cipher-mode=xts,ivgen-alg=essiv", "not supported" },
        { "key-secret=s,cipher-mode=xts,cipher-alg=aes-192", NULL },
        { "key-secret=s,cipher-mode=cbc,ivgen-alg=essiv,ivgen-hash-alg=sha512", "does not fit" },
        { "key-secret=s,preallocation=metadata", "Unsupported preallocation" },
    };
    add_secret("s", "abc");
    const ImageMaker *maker = image_maker("luks");
    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        GError *err = NULL;
        NewImage *o = shape_parse(maker->shape, rows[i].options, NULL, &err);
        g_assert_no_error(err);
        o->secrets = drives_secrets(test_drives());
        g_assert_cmpint(maker->check(o, &err), ==, !rows[i].why);
        if (rows[i].why) {
            rig_assert_error(&err, rows[i].why);
        }
        shape_free(maker->shape, o);
    }
    test_close_drives();
}

/* What a header asks for is bounded before it is begun, and its places are in the file. */
static void test_lies(void)
{
    static const struct {
        unsigned at, size;
        uint32_t value;
        const char *why;
    } rows[] = {
        { 6, 2, 2, "version 2" },
        { 104, 4, UINT32_MAX, "behind its end" },
        { 108, 4, 0, "size of its key" },
        { 108, 4, UINT32_MAX, "size of its key" },
        { 108, 4, 60, "is not supported" },
        { 164, 4, UINT32_MAX, "more iterations" },
        { 164, 4, 0, "no iterations" },
        { 208, 4, 7, "state of a key slot" },
        { 212, 4, UINT32_MAX, "more iterations" },
        { 212, 4, 0, "no iterations" },
        { 248, 4, UINT32_MAX, "between the header" },
        { 248, 4, 0, "between the header" },
        { 252, 4, UINT32_MAX, "too many stripes" },
        { 252, 4, 0, "too many stripes" },
        { 8, 4, 0x41414141, "is not supported" },
        { 40, 4, 0x41414141, "is not supported" },
        { 72, 4, 0x41414141, "is not supported" },
        { 0, 4, 0, "not in LUKS format" },
    };
    add_secret("s", "abc");
    char *path = make_image("");
    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        GError *err = NULL;
        const char *found;
        OpenFlags flags = { .secrets = drives_secrets(test_drives()), .key_secret = "s" };
        BlockNode *file = image_open(path, "raw", &flags, &found, &err);
        uint8_t was[8], now[8];
        g_assert_cmpint(node_read_bytes(file, rows[i].at, was, rows[i].size), ==, 0);
        store_be(now, rows[i].size, rows[i].value);
        g_assert_cmpint(node_write_bytes(file, rows[i].at, now, rows[i].size), ==, 0);
        g_assert_null(image_open(path, "luks", &flags, &found, &err));
        rig_assert_error(&err, rows[i].why);
        g_assert_cmpint(node_write_bytes(file, rows[i].at, was, rows[i].size), ==, 0);
        node_unref(file);
    }
    test_close_drives();
    rig_remove(path);
}

/* Any header: refused, or of what it says all is in bounds. */
static void test_random_headers(void)
{
    GError *err = NULL;
    uint8_t good[LUKS_HEADER], bad[LUKS_HEADER], again[LUKS_HEADER];
    unsigned taken = 0;
    add_secret("s", "abc");
    char *path = make_image("");
    g_autofree char *all = NULL;
    gsize size;
    g_assert_true(g_file_get_contents(path, &all, &size, &err));
    memcpy(good, all, sizeof(good));
    for (unsigned i = 0; i < 200000; i++) {
        LuksHeader h;
        memcpy(bad, good, sizeof(bad));
        for (unsigned n = 1 + i % 4; n; n--) {
            bad[g_test_rand_int_range(0, LUKS_HEADER)] ^= 1 << g_test_rand_int_range(0, 8);
        }
        if (!luks_header_read(&h, bad, size, NULL)) {
            continue;
        }
        taken++;
        g_assert_cmpuint((uint64_t)h.payload * SECTOR, <=, size);
        for (unsigned s = 0; s < LUKS_SLOTS; s++) {
            g_assert_true(!h.slots[s].active ||
                          luks_material_size(&h, &h.slots[s]) <= LUKS_KEY_MAX * LUKS_STRIPES_MAX);
        }
        luks_header_write(&h, again);
        LuksHeader same;
        g_assert_true(luks_header_read(&same, again, size, NULL));
    }
    g_assert_cmpuint(taken, >, ENOUGH / 10);
    test_close_drives();
    rig_remove(path);
}

/* Of an encrypted qcow2 image, without a password: any header is refused, or what it says is in bounds, and nothing is read. */
static void test_random_qcow2_headers(void)
{
    GError *err = NULL;
    const char *found;
    unsigned taken = 0;
    add_secret("s", "abc");
    char *path = make_image_of(
        "qcow2", "size=1M,cluster_size=4k,encrypt.format=luks,encrypt.key-secret=s,encrypt.iter-time=1");
    OpenFlags whole = { 0 }, locked = { .readonly = true, .locked = true };
    BlockNode *file = image_open(path, "raw", &whole, &found, &err);
    g_assert_no_error(err);
    uint8_t good[PAGE], bad[PAGE], data[PAGE];
    g_assert_cmpint(node_read(file, 0, good, PAGE), ==, 0);
    const uint8_t type[] = { 0x05, 0x37, 0xbe, 0x77 };
    const uint8_t *extension = memmem(good, PAGE, type, sizeof(type));
    g_assert_nonnull(extension);
    uint64_t luks = load_be(extension + 8, 8), places[] = { 0, luks };
    for (unsigned i = 0; i < 3000; i++) {
        uint64_t at = places[i % 2];
        g_assert_cmpint(node_read(file, at, good, PAGE), ==, 0);
        memcpy(bad, good, PAGE);
        for (unsigned n = 1 + i % 4; n; n--) {
            bad[g_test_rand_int_range(0, LUKS_HEADER)] ^= 1 << g_test_rand_int_range(0, 8);
        }
        g_assert_cmpint(node_write(file, at, bad, PAGE), ==, 0);
        BlockNode *n = image_open(path, "qcow2", &locked, &found, NULL);
        LuksInfo info;
        if (n && qcow2_encryption(n)) {
            taken++;
            g_assert_true(luks_info(qcow2_encryption(n), &info));
            g_assert_cmpuint(info.payload, <=, node_size(file));
            g_assert_cmpint(node_read(qcow2_encryption(n), 0, data, PAGE), ==, -EACCES);
        }
        node_unref(n);
        g_assert_cmpint(node_write(file, at, good, PAGE), ==, 0);
    }
    g_assert_cmpuint(taken, >, 100);
    node_unref(file);
    test_close_drives();
    rig_remove(path);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/luks/disk", test_disk);
    g_test_add_func("/luks/qcow2-disk", test_qcow2_disk);
    g_test_add_func("/luks/backing", test_backing);
    g_test_add_func("/luks/options-refused", test_options_refused);
    g_test_add_func("/luks/lies", test_lies);
    g_test_add_func("/luks/random-headers", test_random_headers);
    g_test_add_func("/luks/random-qcow2-headers", test_random_qcow2_headers);
    return g_test_run();
}
