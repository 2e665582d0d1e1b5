/* SPDX-License-Identifier: GPL-2.0-or-later */
/* CFI flash: query table, program, buffered write, erase, status, and the image
 * behind it. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "../block/faults.h"
#include "bench.h"
#include "hw/block/pflash_cfi01.h"
#include "tests/ends.h"
#include "tests/made.h"

enum { SIZE = 32 << 20, BLOCK = 256 << 10 };

static uint32_t twice(uint16_t v)
{
    return (uint32_t)v << 16 | v;
}

static Pflash *flash_open(Bench *b, BlockBackend *blk, hwaddr *at)
{
    bench_open(b);
    Pflash *f = container_of(device_new(&pflash_cfi01_class, &b->m, NULL), Pflash, dev);
    f->blk = blk;
    bench_add(b, &f->dev);
    *at = bench_window(b, 0);
    return f;
}

static void command(Bench *b, hwaddr at, uint16_t c)
{
    bench_write(b, at, 4, twice(c));
}

static void test_query(void)
{
    Bench b;
    hwaddr at;
    /* words 0x10 to 0x3f, as QEMU's board answers but for the longest times of programming */
    static const uint8_t want[] = {
        0x51, 0x52, 0x59, 0x01, 0x00, 0x31, 0, 0,    0,    0, 0,    0x45, 0x55, 0,    0, 0x07,
        0x07, 0x0a, 0,    0x10, 0x10, 0x04, 0, 0x18, 0x02, 0, 0x0b, 0,    0x01, 0x7f, 0, 0,
        0x02, 0x50, 0x52, 0x49, 0x31, 0x30, 0, 0,    0,    0, 0,    0,    0,    0,    0, 0x01,
    };
    flash_open(&b, NULL, &at);
    g_assert_cmphex(bench_read(&b, at + 0x40, 4), ==, 0);
    command(&b, at, 0x98);
    for (unsigned i = 0; i < G_N_ELEMENTS(want); i++) {
        g_assert_cmphex(bench_read(&b, at + 4 * (0x10 + i), 4), ==, twice(want[i]));
    }
    g_assert_cmphex(bench_read(&b, at + 0x40, 1), ==, 0x51);
    g_assert_cmphex(bench_read(&b, at + 0x41, 1), ==, 0);
    g_assert_cmphex(bench_read(&b, at + 0x40, 8), ==, UINT64_C(0x0052005200510051));
    g_assert_cmphex(bench_read(&b, at + 0x1000, 4), ==, 0);
    command(&b, at, 0x90);
    g_assert_cmphex(bench_read(&b, at, 4), ==, twice(0x89));
    g_assert_cmphex(bench_read(&b, at + 4, 4), ==, twice(0x18));
    g_assert_cmphex(bench_read(&b, at + BLOCK + 8, 4), ==, 0); /* not locked */
    command(&b, at, 0xff);
    g_assert_cmphex(bench_read(&b, at, 4), ==, 0);
    bench_close(&b);
}

static void test_program(void)
{
    Bench b;
    hwaddr at;
    flash_open(&b, NULL, &at);
    command(&b, at, 0x40);
    bench_write(&b, at + 0x100, 4, 0x12345678);
    g_assert_cmphex(bench_read(&b, at, 4), ==, twice(0x80));
    command(&b, at, 0xff);
    g_assert_cmphex(bench_read(&b, at + 0x100, 4), ==, 0x12345678);
    command(&b, at + BLOCK, 0x20);
    command(&b, at + BLOCK, 0xd0);
    g_assert_cmphex(bench_read(&b, at, 4), ==, twice(0x80));
    command(&b, at, 0xff);
    g_assert_cmphex(bench_read(&b, at + BLOCK, 4), ==, 0xffffffff);
    g_assert_cmphex(bench_read(&b, at + 2 * BLOCK - 4, 4), ==, 0xffffffff);
    g_assert_cmphex(bench_read(&b, at + 2 * BLOCK, 4), ==, 0);
    g_assert_cmphex(bench_read(&b, at + 0x100, 4), ==, 0x12345678);
    command(&b, at, 0x20);
    command(&b, at, 0x11); /* not confirmed */
    g_assert_cmphex(bench_read(&b, at, 4), ==, twice(0xb0));
    command(&b, at, 0x50);
    command(&b, at, 0x70);
    g_assert_cmphex(bench_read(&b, at, 4), ==, twice(0x80));
    command(&b, at, 0x60);
    command(&b, at, 0xd0);
    command(&b, at, 0xab); /* no command: reads the array */
    g_assert_cmphex(bench_read(&b, at + 0x100, 4), ==, 0x12345678);
    bench_close(&b);
}

static void test_buffer(void)
{
    Bench b;
    hwaddr at;
    flash_open(&b, NULL, &at);
    command(&b, at + 0x100, 0xe8);
    g_assert_cmphex(bench_read(&b, at + 0x100, 4), ==, twice(0x80));
    command(&b, at + 0x100, 3);
    for (unsigned i = 0; i < 4; i++) {
        bench_write(&b, at + 0x100 + 4 * i, 4, 0xa0a0a000 + i);
    }
    command(&b, at + 0x100, 0xd0);
    command(&b, at, 0xff);
    for (unsigned i = 0; i < 4; i++) {
        g_assert_cmphex(bench_read(&b, at + 0x100 + 4 * i, 4), ==, 0xa0a0a000 + i);
    }
    g_assert_cmphex(bench_read(&b, at + 0x110, 4), ==, 0);
    command(&b, at, 0xe8); /* outside of its buffer */
    command(&b, at, 0);
    bench_write(&b, at + 0x2000, 4, 1);
    g_assert_cmphex(bench_read(&b, at, 4), ==, twice(0x90));
    command(&b, at, 0x50);
    command(&b, at, 0xe8); /* too long */
    command(&b, at, 0xffff);
    g_assert_cmphex(bench_read(&b, at, 4), ==, twice(0xb0));
    bench_close(&b);
}

/* ---- the image ----------------------------------------------------------- */

static char *image_path;

static BlockBackend *open_image(const char *id, const char *readonly)
{
    g_autoptr(GError) err = NULL;
    /* aio: where a write that is to fail is not done */
    g_autofree char *text = g_strdup_printf("file=%s,format=raw,if=pflash,id=%s,aio=threads,readonly=%s",
                                            image_path, id, readonly);
    BlockBackend *blk = test_drive(test_drives(), text, &err);
    g_assert_no_error(err);
    return blk;
}

static uint32_t image_word(off_t at)
{
    uint32_t v;
    int fd = open(image_path, O_RDONLY | O_CLOEXEC);
    g_assert_cmpint(pread(fd, &v, sizeof(v), at), ==, sizeof(v));
    close(fd);
    return v;
}

static bool stored(void *opaque)
{
    return image_word(0x200) == 0xcafe;
}

static void make_image(off_t size)
{
    int fd = open(image_path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    g_assert_cmpint(ftruncate(fd, size), ==, 0);
    uint32_t word = 0x11223344;
    g_assert_cmpint(pwrite(fd, &word, sizeof(word), 0x300000), ==, sizeof(word));
    close(fd);
}

static void test_image(void)
{
    Bench b;
    hwaddr at;
    make_image(SIZE);
    flash_open(&b, open_image("f0", "off"), &at);
    g_assert_cmphex(bench_read(&b, at + 0x300000, 4), ==, 0x11223344);
    command(&b, at, 0x40);
    bench_write(&b, at + 0x200, 4, 0xcafe);
    bench_run_until(stored, NULL);
    command(&b, at, 0x40);
    bench_write(&b, at + 0x300000, 4, 0xbeef);
    command(&b, at + SIZE - BLOCK, 0x20);
    command(&b, at + SIZE - BLOCK, 0xd0);
    bench_close(&b); /* stores what the loop had no time for */
    g_assert_cmphex(image_word(0x300000), ==, 0xbeef);
    g_assert_cmphex(image_word(SIZE - 4), ==, 0xffffffff);
    test_close_drives();
}

/* ---- ready, and stores that fail ----------------------------------------- */

static bool ready(void *opaque)
{
    const Pflash *f = opaque;
    return !f->storing;
}

static void program_word(Bench *b, hwaddr at, uint32_t offset, uint32_t value)
{
    command(b, at, 0x40);
    bench_write(b, at + offset, 4, value);
}

/* Not ready before the image has it: whoever saw it ready will find it there. */
static void test_ready(void)
{
    Bench b;
    hwaddr at;
    make_image(SIZE);
    Pflash *f = flash_open(&b, open_image("f3", "off"), &at);
    for (uint32_t i = 1; i < 20; i++) {
        program_word(&b, at, i * 4096, i);
        g_assert_cmphex(bench_read(&b, at, 4), ==, 0); /* the loop has not run */
        bench_run_until(ready, f);
        g_assert_cmphex(bench_read(&b, at, 4), ==, twice(0x80));
        g_assert_cmphex(image_word(i * 4096), ==, i);
    }
    command(&b, at + BLOCK, 0x20);
    command(&b, at + BLOCK, 0xd0);
    g_assert_cmphex(bench_read(&b, at, 4), ==, 0);
    bench_run_until(ready, f);
    g_assert_cmphex(image_word(BLOCK + 4096), ==, 0xffffffff);
    bench_close(&b);
    test_close_drives();
}

/* A broken disk: the guest is told, and the next store, a reset or the end try again. */
static void test_broken(void)
{
    for (int how = 0; how < 3; how++) {
        Bench b;
        hwaddr at;
        make_image(SIZE);
        Pflash *f = flash_open(&b, open_image("f4", "off"), &at);
        fault_set(FAULT_WRITE, EIO, 1);
        program_word(&b, at, 0x1000, 0xcafe);
        bench_run_until(ready, f);
        g_assert_cmphex(bench_read(&b, at, 4), ==, twice(0x90)); /* ready, failed */
        g_assert_cmphex(image_word(0x1000), ==, 0);
        command(&b, at, 0x50);
        if (how == 0) {
            program_word(&b, at, 0x2000, 0xbeef);
            bench_run_until(ready, f);
            g_assert_cmphex(bench_read(&b, at, 4), ==, twice(0x80));
            g_assert_cmphex(image_word(0x2000), ==, 0xbeef);
        } else if (how == 1) {
            device_reset(&f->dev);
            f->storing = true; /* to be waited for */
            bench_run_until(ready, f);
        }
        if (how < 2) {
            g_assert_cmphex(image_word(0x1000), ==, 0xcafe);
        }
        bench_close(&b);
        g_assert_cmphex(image_word(0x1000), ==, 0xcafe);
        test_close_drives();
        fault_clear();
    }
}

static bool kept(void *opaque)
{
    return drives_keep_requests(test_drives());
}

/* No room: the machine stops, and the flash is not ready until `cont` has stored it; so at reset and at the end. */
static void test_full(void)
{
    for (int how = 0; how < 3; how++) {
        Bench b;
        hwaddr at;
        make_image(SIZE);
        Pflash *f = flash_open(&b, open_image("f5", "off"), &at);
        fault_set(FAULT_WRITE, ENOSPC, -1);
        program_word(&b, at, 0x1000, 0xcafe);
        bench_run_until(kept, NULL);
        g_assert_cmphex(bench_read(&b, at, 4), ==, 0);
        program_word(&b, at, 0x3000, 0xf00d); /* a driver that does not wait */
        fault_clear();
        if (how == 1) {
            device_reset(&f->dev);
        }
        if (how < 2) {
            drives_resume(test_drives());
            bench_run_until(ready, f);
            g_assert_cmphex(image_word(0x1000), ==, 0xcafe);
            g_assert_cmphex(image_word(0x3000), ==, 0xf00d);
        }
        bench_close(&b);
        g_assert_cmphex(image_word(0x1000), ==, 0xcafe);
        g_assert_cmphex(image_word(0x3000), ==, 0xf00d);
        test_close_drives();
    }
}

/* A reset and the end flush what was stored. */
static void test_flush(void)
{
    Bench b;
    hwaddr at;
    make_image(SIZE);
    Pflash *f = flash_open(&b, open_image("f6", "off"), &at);
    while (g_main_context_iteration(event_loop_context(test_loop()),
                                    FALSE)) { /* the first reset finds nothing to flush */
    }
    program_word(&b, at, 0x1000, 1);
    bench_run_until(ready, f);
    faults[FAULT_SYNC].calls = 0;
    device_reset(&f->dev);
    while (!faults[FAULT_SYNC].calls) {
        g_main_context_iteration(event_loop_context(test_loop()), FALSE);
    }
    bench_close(&b);
    faults[FAULT_SYNC].calls = 0;
    test_close_drives();
    g_assert_cmpint(faults[FAULT_SYNC].calls, ==, 1);
}

static void test_readonly(void)
{
    Bench b;
    hwaddr at;
    make_image(SIZE);
    flash_open(&b, open_image("f1", "on"), &at);
    command(&b, at, 0x40);
    bench_write(&b, at + 0x300000, 4, 0xbeef);
    g_assert_cmphex(bench_read(&b, at, 4), ==, twice(0x92));
    command(&b, at, 0xff);
    g_assert_cmphex(bench_read(&b, at + 0x300000, 4), ==, 0x11223344);
    bench_close(&b);
    test_close_drives();
}

static void test_wrong_size(void)
{
    Bench b;
    g_autoptr(GError) err = NULL;
    make_image(SIZE / 2);
    bench_open(&b);
    Pflash *f = container_of(device_new(&pflash_cfi01_class, &b.m, NULL), Pflash, dev);
    f->blk = open_image("f2", "off");
    g_assert_false(device_realize(&f->dev, NULL, &err));
    g_assert_nonnull(
        strstr(err->message, "device requires 33554432 bytes, block backend provides 16777216 bytes"));
    bench_close(&b);
    test_close_drives();
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_autofree char *dir = g_dir_make_tmp("pflash-XXXXXX", NULL);
    image_path = g_build_filename(dir, "flash.img", NULL);
    g_test_add_func("/pflash/query", test_query);
    g_test_add_func("/pflash/program", test_program);
    g_test_add_func("/pflash/buffer", test_buffer);
    g_test_add_func("/pflash/image", test_image);
    g_test_add_func("/pflash/ready", test_ready);
    g_test_add_func("/pflash/broken", test_broken);
    g_test_add_func("/pflash/full", test_full);
    g_test_add_func("/pflash/flush", test_flush);
    g_test_add_func("/pflash/readonly", test_readonly);
    g_test_add_func("/pflash/wrong-size", test_wrong_size);
    int r = g_test_run();
    unlink(image_path);
    rmdir(dir);
    return r;
}
