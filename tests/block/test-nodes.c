/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The graph of nodes: parts of files, disks that keep nothing, names that go round a file. */
#include <stdio.h>
#include <string.h>

#include "block/image.h"
#include "block/image_create.h"
#include "block/qcow2/counts.h"
#include "rig.h"
#include "tests/ends.h"

static bool add(GError **err, const char *fmt, ...) G_GNUC_PRINTF(2, 3);

static bool add(GError **err, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    g_autofree char *text = g_strdup_vprintf(fmt, ap);
    va_end(ap);
    BlockdevOptions *o = shape_parse(&blockdev_shape, text, NULL, err);
    bool ok = o && blockdev_add(test_drives(), o, err);
    shape_free(&blockdev_shape, o);
    return ok;
}

static void del(const char *name)
{
    GError *err = NULL;
    g_assert_true(blockdev_del(test_drives(), name, &err));
    g_assert_no_error(err);
}

/* What is written to the part is at its place in the file, and nothing beside it changes. */
static void test_part(void)
{
    GError *err = NULL;
    char *path = rig_image(1 << 20);
    char data[4096], back[4096];
    memset(data, 0xab, sizeof(data));
    g_assert_true(add(&err, "driver=file,filename=%s,node-name=f", path));
    g_assert_true(add(&err, "driver=raw,file=f,node-name=p,offset=64k,size=128k"));
    BlockBackend *p = block_find(test_drives(), "p");
    g_assert_cmpuint(block_size(p), ==, 128 << 10);
    g_assert_cmpint(rig_io(p, BLOCK_WRITE, 4096, data, sizeof(data)), ==, 0);
    g_assert_cmpint(rig_io(p, BLOCK_FLUSH, 0, NULL, 0), ==, 0);
    g_assert_cmpint(rig_io(p, BLOCK_READ, 4096, back, sizeof(back)), ==, 0);
    g_assert_cmpmem(data, sizeof(data), back, sizeof(back));
    g_assert_cmpint(rig_io(p, BLOCK_WRITE, 126 << 10, data, sizeof(data)), ==, -EIO); /* over its end */
    g_assert_cmpint(rig_io(p, BLOCK_WRITE_ZEROES, 4096, NULL, 512), ==, 0);
    memset(data, 0, 512);
    g_autofree char *all = NULL;
    gsize size;
    g_assert_true(g_file_get_contents(path, &all, &size, &err));
    g_assert_cmpmem(all + (68 << 10), 4096, data, 4096);
    all[(68 << 10) + 512] = 0;
    for (gsize i = 0; i < size; i++) {
        g_assert_true(!all[i] || (i > (68 << 10) + 512 && i < 72 << 10));
    }
    del("p");
    del("f");
    rig_remove(path);
}

/* A folder is a disk that is only read; with snapshot=on it takes writes, which the folder does not see. */
static void test_folder(void)
{
    GError *err = NULL;
    char data[512], back[512], magic[2] = { 0x55, (char)0xaa };
    g_autofree char *dir = g_dir_make_tmp("lyrebird-fat-XXXXXX", &err);
    g_autofree char *file = g_build_filename(dir, "hello.txt", NULL);
    g_assert_true(g_file_set_contents(file, "hello", 5, &err));
    memset(data, 0xab, sizeof(data));
    BlockBackend *blk = rig_drive_ok("file=fat:%s,if=none,id=d", dir);
    g_assert_true(block_is_readonly(blk));
    g_assert_cmpuint(block_size(blk), ==, UINT64_C(528482304));
    g_assert_cmpint(rig_io(blk, BLOCK_READ, 0, back, sizeof(back)), ==, 0);
    g_assert_cmpmem(back + 510, 2, magic, 2);
    g_assert_cmpint(rig_io(blk, BLOCK_WRITE, 0, data, sizeof(data)), ==, -EROFS);
    blk = rig_drive_ok("file=fat:floppy:%s,if=none,id=s,snapshot=on", dir);
    g_assert_false(block_is_readonly(blk));
    g_assert_cmpint(rig_io(blk, BLOCK_WRITE, 512, data, sizeof(data)), ==, 0);
    g_assert_cmpint(rig_io(blk, BLOCK_READ, 512, back, sizeof(back)), ==, 0);
    g_assert_cmpmem(data, sizeof(data), back, sizeof(back));
    g_assert_true(add(&err, "driver=vvfat,dir=%s,fat-type=32,label=MINE,node-name=v", dir));
    g_assert_cmpint(rig_io(block_find(test_drives(), "v"), BLOCK_WRITE, 0, data, sizeof(data)), ==, -EROFS);
    del("v");
    g_assert_null(rig_drive(&err, "file=fat:%s,if=none,id=w,read-only=off", dir));
    rig_assert_error(&err, "only read");
    g_assert_null(rig_drive(&err, "file=fat:rw:%s,if=none,id=w", dir));
    rig_assert_error(&err, "not built");
    g_assert_false(add(&err, "driver=vvfat,dir=%s,node-name=w,read-only=off", dir));
    rig_assert_error(&err, "only read");
    g_assert_false(add(&err, "driver=vvfat,dir=%s,node-name=w,rw=on", dir));
    rig_assert_error(&err, "not built");
    g_assert_cmpint(remove(file), ==, 0);
    g_assert_cmpint(remove(dir), ==, 0);
}

static void test_part_refused(void)
{
    static const struct {
        const char *options, *why;
    } rows[] = {
        { "offset=2M", "too few" },
        { "offset=512k,size=1M", "too few" },
        { "offset=1000", "multiples" },
        { "size=1000", "multiples" },
        { "size=0", "leave it out" },
        { "offset=16E,size=512", "size" },
        { "size=18446744073709551104", "too few" },
    };
    GError *err = NULL;
    char *path = rig_image(1 << 20);
    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_assert_false(
            add(&err, "driver=raw,file.driver=file,file.filename=%s,node-name=p,%s", path, rows[i].options));
        rig_assert_error(&err, rows[i].why);
    }
    rig_remove(path);
}

static void test_null(void)
{
    GError *err = NULL;
    char data[512], zero[512] = "";
    memset(data, 0xab, sizeof(data));
    g_assert_true(add(&err, "driver=null-co,node-name=n,size=1T,read-zeroes=on"));
    BlockBackend *n = block_find(test_drives(), "n");
    g_assert_cmpuint(block_size(n), ==, UINT64_C(1) << 40);
    g_assert_cmpint(rig_io(n, BLOCK_WRITE, 1 << 30, data, sizeof(data)), ==, 0);
    g_assert_cmpint(rig_io(n, BLOCK_FLUSH, 0, NULL, 0), ==, 0);
    g_assert_cmpint(rig_io(n, BLOCK_READ, 1 << 30, data, sizeof(data)), ==, 0);
    g_assert_cmpmem(data, sizeof(data), zero, sizeof(zero));
    g_assert_cmpint(rig_io(n, BLOCK_READ, UINT64_C(1) << 40, data, sizeof(data)), ==, -EIO);
    del("n");
    g_assert_false(add(&err, "driver=null-co,node-name=n,size=1000"));
    rig_assert_error(&err, "multiple");
    g_assert_true(add(&err, "driver=raw,node-name=n,file.driver=null-co,file.size=1M"));
    g_assert_cmpuint(block_size(block_find(test_drives(), "n")), ==, 1 << 20);
    del("n");
}

static void make_image(const char *path, const char *format, const char *options)
{
    GError *err = NULL;
    const ImageMaker *maker = image_maker(format);
    BlockNode *file = image_new_file(path, 0, NULL, &err);
    g_assert_no_error(err);
    NewImage *o = shape_parse(maker->shape, options, NULL, &err);
    g_assert_no_error(err);
    o->size = 1 << 20;
    g_assert_true(maker->make(file, o, &err));
    shape_free(maker->shape, o);
    node_unref(file);
}

/* A node on a file of another name; what is written is there when the image is opened again. */
static void test_format(gconstpointer data)
{
    const char *format = data;
    GError *err = NULL;
    char *path = rig_image(0);
    char written[4096], back[4096];
    memset(written, 0xab, sizeof(written));
    make_image(path, format, strcmp(format, "vpc") == 0 ? "force_size=on" : "");
    for (unsigned turn = 0; turn < 2; turn++) {
        g_assert_true(add(&err, "driver=file,filename=%s,node-name=f", path));
        g_assert_true(add(&err, "driver=%s,file=f,node-name=q", format));
        BlockBackend *q = block_find(test_drives(), "q");
        g_assert_cmpuint(block_size(q), ==, 1 << 20);
        if (!turn) {
            g_assert_cmpint(rig_io(q, BLOCK_WRITE, 12288, written, sizeof(written)), ==, 0);
        }
        g_assert_cmpint(rig_io(q, BLOCK_READ, 12288, back, sizeof(back)), ==, 0);
        g_assert_cmpmem(written, sizeof(written), back, sizeof(back));
        del("q");
        del("f");
    }
    g_assert_false(add(&err, "driver=%s,node-name=q,file.driver=null-co,file.read-zeroes=on", format));
    g_clear_error(&err); /* zeroes are no image */
    rig_remove(path);
}

/* What a check counts lies anywhere; there is memory for so many places and no more. */
static void test_counts(void)
{
    enum { PAGES = 5 };
    const uint64_t far = UINT64_C(1) << 40;
    Counts *c = counts_new(PAGES);
    for (uint64_t i = PAGES; i; i--) {
        g_assert_true(counts_add(c, i * far + 7, 1));
    }
    g_assert_false(counts_add(c, 3, 1));
    g_assert_true(counts_add(c, far + COUNTS_PAGE - 1, 1));
    g_assert_cmpuint(counts_get(c, 3), ==, 0);
    g_assert_cmpuint(counts_get(c, 2 * far + 7), ==, 1);
    g_assert_cmpuint(counts_end(c), ==, PAGES * far + 8);
    uint64_t at = 0;
    for (uint64_t i = 1; i <= PAGES; i++) {
        at = counts_next(c, at);
        g_assert_cmpuint(at, ==, i * far);
        g_assert_cmpuint(counts_next(c, at + 7), ==, at + 7);
        at += COUNTS_PAGE;
    }
    g_assert_cmpuint(counts_next(c, at), ==, UINT64_MAX);
    g_assert_true(counts_add(c, far + 7, UINT32_MAX - 2)); /* it stays at the most that there can be */
    g_assert_cmpuint(counts_get(c, far + 7), ==, UINT32_MAX - 1);
    g_assert_true(counts_add(c, far + 7, 9));
    g_assert_cmpuint(counts_get(c, far + 7), ==, UINT32_MAX);
    counts_free(c);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/nodes/part", test_part);
    g_test_add_func("/nodes/folder", test_folder);
    g_test_add_func("/nodes/part-refused", test_part_refused);
    g_test_add_func("/nodes/null", test_null);
    g_test_add_func("/nodes/counts", test_counts);
    static const char *const formats[] = { "qcow2", "parallels", "qcow", "vdi", "vhdx", "vmdk", "vpc" };
    for (unsigned i = 0; i < G_N_ELEMENTS(formats); i++) {
        g_autofree char *name = g_strdup_printf("/nodes/%s", formats[i]);
        g_test_add_data_func(name, formats[i], test_format);
    }
    return g_test_run();
}
