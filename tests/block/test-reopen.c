/* SPDX-License-Identifier: GPL-2.0-or-later */
/* blockdev-reopen: other options of nodes in use, all or none. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "block/image.h"
#include "block/image_create.h"
#include "block/live.h"
#include "rig.h"
#include "tests/ends.h"

static BlockdevOptions *options(const char *fmt, va_list ap)
{
    GError *err = NULL;
    g_autofree char *text = g_strdup_vprintf(fmt, ap);
    BlockdevOptions *o = shape_parse(&blockdev_shape, text, NULL, &err);
    g_assert_no_error(err);
    return o;
}

static void add(const char *fmt, ...) G_GNUC_PRINTF(1, 2);

static void add(const char *fmt, ...)
{
    GError *err = NULL;
    va_list ap;
    va_start(ap, fmt);
    BlockdevOptions *o = options(fmt, ap);
    va_end(ap);
    g_assert_true(blockdev_add(test_drives(), o, &err));
    g_assert_no_error(err);
    shape_free(&blockdev_shape, o);
}

/* Up to two; why: NULL: it succeeds. */
static void reopen(const char *why, const char *first, const char *second)
{
    GError *err = NULL;
    BlockdevOptions *list[2] = { NULL };
    const char *texts[] = { first, second };
    size_t n = 0;
    for (; n < 2 && texts[n]; n++) {
        list[n] = shape_parse(&blockdev_shape, texts[n], NULL, &err);
        g_assert_no_error(err);
    }
    bool ok = blockdev_reopen(test_drives(), list, n, &err);
    for (size_t i = 0; i < n; i++) {
        shape_free(&blockdev_shape, list[i]);
    }
    if (why) {
        g_assert_false(ok);
        rig_assert_error(&err, why);
    } else {
        g_assert_no_error(err);
        g_assert_true(ok);
    }
}

static void del(const char *name)
{
    GError *err = NULL;
    g_assert_true(blockdev_del(test_drives(), name, &err));
    g_assert_no_error(err);
}

static BlockBackend *node(const char *name)
{
    return block_find(test_drives(), name);
}

static int write_byte(const char *name, uint8_t byte)
{
    g_autofree uint8_t *buf = g_malloc(4096);
    memset(buf, byte, 4096);
    return rig_io(node(name), BLOCK_WRITE, 0, buf, 4096);
}

static int read_byte(const char *name)
{
    g_autofree uint8_t *buf = g_malloc(4096);
    g_assert_cmpint(rig_io(node(name), BLOCK_READ, 0, buf, 4096), ==, 0);
    return buf[4095];
}

static char *make_qcow2(void)
{
    GError *err = NULL;
    char *path = rig_image(0);
    const ImageMaker *maker = image_maker("qcow2");
    BlockNode *file = image_new_file(path, 0, NULL, &err);
    NewImage *new = shape_parse(maker->shape, "size=1M", NULL, &err);
    g_assert_no_error(err);
    g_assert_true(maker->make(file, new, &err));
    shape_free(maker->shape, new);
    node_unref(file);
    return path;
}

#define FILE_NODE "driver=file,node-name=%s,filename=%s"

static void test_access(void)
{
    char *path = make_qcow2();
    g_autofree char *file = g_strdup_printf(FILE_NODE, "f", path);
    g_autofree char *file_ro = g_strdup_printf(FILE_NODE ",read-only=on", "f", path);
    add("%s", file);
    add("driver=qcow2,node-name=q,file=f");
    g_assert_cmpint(write_byte("q", 1), ==, 0);
    reopen(NULL, "driver=qcow2,node-name=q,file=f,read-only=on", NULL);
    g_assert_true(block_is_readonly(node("q")));
    g_assert_cmpint(write_byte("q", 2), ==, -EROFS);
    g_assert_cmpint(read_byte("q"), ==, 1);
    reopen(NULL, "driver=qcow2,node-name=q,file=f", NULL);
    g_assert_cmpint(write_byte("q", 3), ==, 0);
    /* Both; the order of the list is that of the caller. */
    reopen("what is above it writes", file_ro, NULL);
    reopen(NULL, file_ro, "driver=qcow2,node-name=q,file=f,read-only=on");
    reopen("what is below is read-only", "driver=qcow2,node-name=q,file=f", NULL);
    reopen(NULL, "driver=qcow2,node-name=q,file=f", file);
    g_assert_cmpint(write_byte("q", 4), ==, 0);
    g_assert_cmpint(read_byte("q"), ==, 4);
    del("q");
    del("f");
    rig_remove(path);
}

/* The second is refused, so the first does not change; where it fails on the host, what was done is taken back. */
static void test_none(void)
{
    char *one = make_qcow2(), *two = make_qcow2();
    add(FILE_NODE, "f1", one);
    add(FILE_NODE, "f2", two);
    add("driver=qcow2,node-name=q1,file=f1");
    add("driver=qcow2,node-name=q2,file=f2,read-only=on");
    const char *first = "driver=qcow2,node-name=q1,file=f1,read-only=on";
    reopen("'driver'", first, "driver=raw,node-name=q2,file=f2");
    g_assert_cmpint(write_byte("q1", 1), ==, 0);
    reopen("twice", first, first);
    reopen("Failed to find node", first, "driver=raw,node-name=none,file=f2");
    reopen(NULL, "driver=qcow2,node-name=q2,file=f2,read-only=on", NULL);
    reopen(NULL, "driver=qcow2,node-name=q2,file=f2", NULL);
    reopen(NULL, "driver=qcow2,node-name=q2,file=f2,read-only=on", NULL);
    g_autofree char *elsewhere = g_strconcat(two, ".moved", NULL);
    g_assert_cmpint(rename(two, elsewhere), ==, 0); /* it cannot be opened anew */
    reopen("No such file", first, "driver=qcow2,node-name=q2,file=f2");
    g_assert_cmpint(write_byte("q1", 2), ==, 0);
    g_assert_cmpint(write_byte("q2", 2), ==, -EROFS);
    g_assert_cmpint(rename(elsewhere, two), ==, 0);
    reopen(NULL, first, "driver=qcow2,node-name=q2,file=f2");
    g_assert_cmpint(write_byte("q1", 3), ==, -EROFS);
    g_assert_cmpint(write_byte("q2", 3), ==, 0);
    del("q1");
    del("q2");
    del("f1");
    del("f2");
    rig_remove(one);
    rig_remove(two);
}

static void test_backing(void)
{
    char *path = make_qcow2(), *base = rig_image(1 << 20);
    add(FILE_NODE ",read-only=on", "b", base);
    add("driver=qcow2,node-name=q,file.driver=file,file.filename=%s,file.node-name=f", path);
    g_assert_cmpint(read_byte("q"), ==, 0);
    reopen(NULL, "driver=qcow2,node-name=q,file=f,backing=b", NULL);
    g_assert_true(node_backing(block_image(node("q"))) == block_image(node("b")));
    reopen("backing is missing", "driver=qcow2,node-name=q,file=f", NULL);
    g_autofree char *writable = g_strdup_printf(FILE_NODE, "b", base);
    reopen("has it as its backing", writable, NULL);
    /* A node on the image itself, and its own file. */
    add("driver=raw,node-name=top,file=q,read-only=on");
    reopen("loop", "driver=qcow2,node-name=q,file=f,backing=top", NULL);
    del("top");
    reopen(NULL, "{\"driver\":\"qcow2\",\"node-name\":\"q\",\"file\":\"f\",\"backing\":null}", NULL);
    g_assert_null(node_backing(block_image(node("q"))));
    del("b"); /* it is free */
    del("q");
    rig_remove(path);
    rig_remove(base);
}

static void test_file(void)
{
    char *one = rig_image(1 << 20), *two = rig_image(2 << 20);
    add(FILE_NODE, "f1", one);
    add(FILE_NODE, "f2", two);
    add("driver=raw,node-name=r,file=f1");
    g_assert_cmpint(write_byte("r", 1), ==, 0);
    reopen(NULL, "driver=raw,node-name=r,file=f2", NULL);
    g_assert_cmpuint(block_size(node("r")), ==, 2 << 20);
    g_assert_cmpint(read_byte("r"), ==, 0);
    g_assert_cmpint(write_byte("r", 2), ==, 0);
    del("f1"); /* it is free */
    add(FILE_NODE, "f1", one);
    g_assert_cmpint(read_byte("f1"), ==, 1);
    add("driver=raw,node-name=other,file=f1");
    reopen("in use", "driver=raw,node-name=r,file=f1", NULL);
    reopen("node-name='none'", "driver=raw,node-name=r,file=none", NULL);
    g_assert_cmpint(read_byte("r"), ==, 2);
    del("r");
    del("other");
    del("f1");
    del("f2");
    rig_remove(one);
    rig_remove(two);
}

static void test_options(void)
{
    char *path = rig_image(1 << 20);
    add(FILE_NODE, "f", path);
    add("driver=null-co,node-name=n");
    g_autofree char *text = g_strdup_printf(FILE_NODE, "f", path);
    g_autofree char *flags = g_strconcat(text, ",discard=unmap,detect-zeroes=unmap,cache.no-flush=on", NULL);
    static const struct {
        const char *more, *why;
    } rows[] = { { ",cache.direct=on", "'cache.direct'" },
                 { ",locking=off", "'locking'" },
                 { ",aio=native", "'aio'" },
                 { ",detect-zeroes=unmap", "detect-zeroes" } };
    BlockState s;
    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autofree char *with = g_strconcat(text, rows[i].more, NULL);
        reopen(rows[i].why, with, NULL);
    }
    reopen("'filename'", "driver=file,node-name=f,filename=/dev/null", NULL);
    reopen("stay as they are", "driver=null-co,node-name=n", NULL);
    reopen(NULL, flags, NULL);
    block_get_state(node("f"), &s);
    g_assert_true(s.no_flush && s.detect_zeroes && s.zeroes_unmap);
    reopen(NULL, text, NULL); /* what is not said has its default */
    block_get_state(node("f"), &s);
    g_assert_false(s.no_flush || s.detect_zeroes || s.zeroes_unmap);
    int user;
    GError *err = NULL;
    g_assert_true(block_backend_attach(node("f"), &user, NULL, &err));
    g_autofree char *readonly = g_strconcat(text, ",read-only=on", NULL);
    reopen("a device has it", readonly, NULL);
    reopen(NULL, flags, NULL);
    block_backend_detach(node("f"), &user);
    del("f");
    del("n");
    rig_remove(path);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/reopen/access", test_access);
    g_test_add_func("/reopen/none", test_none);
    g_test_add_func("/reopen/backing", test_backing);
    g_test_add_func("/reopen/file", test_file);
    g_test_add_func("/reopen/options", test_options);
    return g_test_run();
}
