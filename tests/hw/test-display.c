/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Devices that show guest memory: which modes they take, and that a change of the memory is seen. */
#include <fcntl.h>
#include <glib/gstdio.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bench.h"
#include "hw/display/dispi.h"
#include "hw/display/display.h"
#include "hw/display/edid.h"
#include "hw/nvram/fw_cfg.h"
#include "monitor/monitor.h"
#include "tests/loop.h"
#include "ui/console.h"
#include "util/bytes.h"

typedef struct Screen {
    Bench b;
    Device *dev;
    Console *console;
    RegFile *regs;
    MemoryRegion *memory;
    uint8_t *vram; /* its bytes */
} Screen;

static void find_region(MemoryRegion *mr, void *opaque)
{
    Screen *s = opaque;
    if (mr->ram) {
        s->memory = mr;
        s->vram = mr->ram->host;
    } else {
        s->regs = reg_file_of(mr);
    }
}

static void screen_open_class(Screen *s, const DeviceClass *c)
{
    *s = (Screen){ 0 };
    bench_open(&s->b);
    s->dev = bench_device(&s->b, c);
    s->console = consoles_find(s->b.m.consoles, s->dev->path, 0);
    g_assert_nonnull(s->console);
    memory_region_foreach_owned(&s->dev->regions, find_region, s);
}

static void screen_open(Screen *s)
{
    screen_open_class(s, &bochs_display_class);
}

/* As the bus does, wherever a guest would have put the BAR. */
static uint64_t get(Screen *s, hwaddr at, unsigned size)
{
    uint64_t value;
    device_lock(s->dev);
    g_assert_cmpint(reg_file_read(s->regs, at, size, &value), ==, BUS_OK);
    device_unlock(s->dev);
    return value;
}

static void put(Screen *s, hwaddr at, unsigned size, uint64_t value)
{
    device_lock(s->dev);
    g_assert_cmpint(reg_file_write(s->regs, at, size, value), ==, BUS_OK);
    device_unlock(s->dev);
}

static void dispi(Screen *s, unsigned reg, uint16_t value)
{
    put(s, 0x502 + 2 * reg, 2, value);
}

static void set_mode(Screen *s, unsigned width, unsigned height, unsigned bpp)
{
    dispi(s, DISPI_XRES, width);
    dispi(s, DISPI_YRES, height);
    dispi(s, DISPI_BPP, bpp);
    dispi(s, DISPI_ENABLE, 0x41);
}

static Picture shot(Screen *s)
{
    Picture p;
    console_snapshot(s->console, &p);
    return p;
}

static void expect_size(Screen *s, unsigned width, unsigned height)
{
    Picture p = shot(s);
    g_assert_cmpuint(p.width, ==, width);
    g_assert_cmpuint(p.height, ==, height);
    picture_clear(&p);
}

static uint32_t pixel(Screen *s, unsigned x, unsigned y)
{
    Picture p = shot(s);
    uint32_t v = picture_row(&p, y)[x] & 0xffffff;
    picture_clear(&p);
    return v;
}

static void test_modes(void)
{
    Screen s;
    screen_open(&s);
    g_assert_cmphex(get(&s, 0x500, 2), ==, 0xb0c5);
    g_assert_cmpuint(get(&s, 0x514, 2), ==, 256); /* units of 64 KiB */
    expect_size(&s, 640, 480);                    /* nothing is shown */
    set_mode(&s, 800, 600, 32);
    expect_size(&s, 800, 600);
    memcpy(s.vram + (5 * 800 + 7) * 4, "\x33\x22\x11", 3);
    g_assert_cmphex(pixel(&s, 7, 5), ==, 0x112233);
    dispi(&s, DISPI_VIRT_WIDTH, 1000); /* rows are longer than what is shown of them */
    dispi(&s, DISPI_X_OFFSET, 3);
    dispi(&s, DISPI_Y_OFFSET, 2);
    memcpy(s.vram + ((5 + 2) * 1000 + 7 + 3) * 4, "\x66\x55\x44", 3);
    g_assert_cmphex(pixel(&s, 7, 5), ==, 0x445566);
    dispi(&s, DISPI_BPP, 16);
    memcpy(s.vram + ((5 + 2) * 1000 + 7 + 3) * 2, "\x00\xf8", 2);
    g_assert_cmphex(pixel(&s, 7, 5), ==, 0xff0000);
    dispi(&s, DISPI_BPP, 32);
    put(&s, 0x604, 4, 0xbebebebe); /* big endian */
    memcpy(s.vram + ((5 + 2) * 1000 + 7 + 3) * 4, "\x00\x11\x22\x33", 4);
    g_assert_cmphex(pixel(&s, 7, 5), ==, 0x112233);
    dispi(&s, DISPI_ENABLE, 0);
    expect_size(&s, 640, 480);
    bench_close(&s.b);
}

/* A mode that is enabled anew starts at the front of the memory, black unless asked not to be. */
static void test_enable(void)
{
    Screen s;
    screen_open(&s);
    set_mode(&s, 64, 32, 32);
    dispi(&s, DISPI_VIRT_WIDTH, 128);
    dispi(&s, DISPI_Y_OFFSET, 5);
    g_assert_cmpuint(get(&s, 0x502 + 2 * DISPI_VIRT_HEIGHT, 2), ==, (16 << 20) / (128 * 4));
    memcpy(s.vram, "\x33\x22\x11", 3);
    dispi(&s, DISPI_ENABLE, 0);
    dispi(&s, DISPI_ENABLE, 0xc1);
    g_assert_cmpuint(get(&s, 0x502 + 2 * DISPI_VIRT_WIDTH, 2), ==, 64);
    g_assert_cmphex(pixel(&s, 0, 0), ==, 0x112233);
    dispi(&s, DISPI_ENABLE, 0);
    dispi(&s, DISPI_ENABLE, 0x41);
    g_assert_cmphex(pixel(&s, 0, 0), ==, 0);
    dispi(&s, DISPI_ENABLE, 0x43); /* the largest there are */
    g_assert_cmpuint(get(&s, 0x502, 2), ==, PICTURE_MAX_SIZE);
    bench_close(&s.b);
}

/* Memory of 16 MiB. */
static void test_hostile_modes(void)
{
    static const uint16_t modes[][6] = {
        /* width, height, bits, virtual width, offsets */
        { 0, 600, 32, 0, 0, 0 },        { 800, 0, 32, 0, 0, 0 },
        { 800, 600, 8, 0, 0, 0 },       { 65535, 600, 32, 0, 0, 0 },
        { 800, 65535, 16, 0, 0, 0 },    { 2048, 2049, 32, 0, 0, 0 },
        { 2048, 2048, 32, 2048, 1, 0 }, { 2048, 2048, 32, 2048, 0, 1 },
        { 800, 600, 32, 65535, 0, 0 },  { 800, 600, 32, 800, 65535, 65535 },
    };
    Screen s;
    screen_open(&s);
    for (unsigned i = 0; i < G_N_ELEMENTS(modes); i++) {
        set_mode(&s, modes[i][0], modes[i][1], modes[i][2]);
        dispi(&s, DISPI_VIRT_WIDTH, modes[i][3]);
        dispi(&s, DISPI_X_OFFSET, modes[i][4]);
        dispi(&s, DISPI_Y_OFFSET, modes[i][5]);
        expect_size(&s, 640, 480);
    }
    set_mode(&s, 2048, 2048, 32); /* all of it */
    dispi(&s, DISPI_VIRT_WIDTH, 0);
    dispi(&s, DISPI_X_OFFSET, 0);
    dispi(&s, DISPI_Y_OFFSET, 0);
    expect_size(&s, 2048, 2048);
    bench_close(&s.b);
}

/* ---- ramfb ------------------------------------------------------------------------------ */

/* Where in the bench's RAM the request to fw_cfg lies, the answer's bytes, and the picture. */
enum { REQUEST_AT = 0x100, BYTES_AT = 0x200, PICTURE_AT = 0x1000 };
enum { CFG_SELECT = 8, CFG_READ = 2, CFG_WRITE = 16, CFG_ERROR = 1 };
enum { FIRST_FILE = 0x20, FOURCC_XRGB8888 = 0x34325258, FOURCC_RGB565 = 0x36314752 };

/* A DMA request of the guest's: its result. */
static uint32_t cfg_run(Screen *s, uint32_t control, uint32_t len)
{
    uint8_t *ram = s->b.m.ram.ram->host;
    store_be(ram + REQUEST_AT, 4, control);
    store_be(ram + REQUEST_AT + 4, 4, len);
    store_be(ram + REQUEST_AT + 8, 8, RAM_BASE + BYTES_AT);
    bench_put(&s->b, &s->b.m.fw_cfg->dma, "dma-low", GUINT32_SWAP_LE_BE(RAM_BASE + REQUEST_AT));
    return load_be(ram + REQUEST_AT, 4);
}

static uint32_t cfg_picture(Screen *s, uint64_t addr, uint32_t fourcc, const uint32_t size[3])
{
    uint8_t *at = s->b.m.ram.ram->host + BYTES_AT;
    store_be(at, 8, addr);
    store_be(at + 8, 4, fourcc);
    store_be(at + 12, 4, 0);
    for (unsigned i = 0; i < 3; i++) {
        store_be(at + 16 + 4 * i, 4, size[i]);
    }
    return cfg_run(s, FIRST_FILE << 16 | CFG_SELECT | CFG_WRITE, 28);
}

static void test_ramfb(void)
{
    static const uint32_t size[] = { 64, 32, 300 }, packed[] = { 64, 32, 0 };
    Screen s;
    screen_open_class(&s, &ramfb_class);
    uint8_t *ram = s.b.m.ram.ram->host;
    expect_size(&s, 640, 480);
    g_assert_cmpuint(cfg_picture(&s, RAM_BASE + PICTURE_AT, FOURCC_XRGB8888, size), ==, 0);
    expect_size(&s, 64, 32);
    memcpy(ram + PICTURE_AT + 5 * 300 + 7 * 4, "\x33\x22\x11", 3);
    g_assert_cmphex(pixel(&s, 7, 5), ==, 0x112233);
    g_assert_cmpuint(cfg_run(&s, FIRST_FILE << 16 | CFG_SELECT | CFG_READ, 28), ==, 0); /* as written */
    g_assert_cmpuint(load_be(ram + BYTES_AT + 24, 4), ==, 300);
    g_assert_cmpuint(cfg_picture(&s, RAM_BASE + PICTURE_AT, FOURCC_RGB565, packed), ==, 0);
    memcpy(ram + PICTURE_AT + 5 * 128 + 7 * 2, "\xe0\x07", 2);
    g_assert_cmphex(pixel(&s, 7, 5), ==, 0x00ff00);
    g_autoptr(GByteArray) saved = device_save(s.dev);
    device_reset(s.dev);
    expect_size(&s, 640, 480);
    g_assert_true(device_load(s.dev, saved->data, saved->len, NULL));
    g_assert_cmphex(pixel(&s, 7, 5), ==, 0x00ff00);
    bench_close(&s.b);
}

static void test_hostile_ramfb(void)
{
    static const struct {
        uint64_t addr;
        uint32_t fourcc, size[3];
    } rows[] = {
        { RAM_BASE, 0, { 64, 32, 0 } },
        { 0, FOURCC_XRGB8888, { 64, 32, 0 } },
        { RAM_BASE - 4, FOURCC_XRGB8888, { 64, 32, 0 } },
        { RAM_BASE + RAM_SIZE - 4 * 64 * 32 + 4, FOURCC_XRGB8888, { 64, 32, 0 } },
        { RAM_BASE, FOURCC_XRGB8888, { 64, 32, 255 } },
        { RAM_BASE, FOURCC_XRGB8888, { 64, 0, 0 } },
        { RAM_BASE, FOURCC_XRGB8888, { 0x40000000, 0x40000000, 0 } },
        { RAM_BASE, FOURCC_XRGB8888, { 16384, 16384, UINT32_MAX } },
        { UINT64_MAX, FOURCC_XRGB8888, { 64, 32, 0 } },
    };
    Screen s;
    screen_open_class(&s, &ramfb_class);
    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_assert_cmpuint(cfg_picture(&s, rows[i].addr, rows[i].fourcc, rows[i].size), ==, 0);
        expect_size(&s, 640, 480);
    }
    g_assert_cmpuint(cfg_picture(&s, RAM_BASE, FOURCC_XRGB8888, (uint32_t[]){ 64, 32, 0 }), ==, 0);
    g_assert_cmpuint(cfg_run(&s, FIRST_FILE << 16 | CFG_SELECT | CFG_WRITE, 29), ==,
                     CFG_ERROR); /* too long */
    g_assert_cmpuint(cfg_run(&s, FIRST_FILE << 16 | CFG_SELECT | CFG_WRITE, UINT32_MAX), ==, CFG_ERROR);
    g_assert_cmpuint(cfg_run(&s, 1 << 16 | CFG_SELECT | CFG_WRITE, 4), ==, CFG_ERROR); /* read-only */
    expect_size(&s, 64, 32);
    bench_close(&s.b);
}

/* ---- damage ------------------------------------------------------------------------- */

static void note(ConsoleListener *l)
{
    (*(unsigned *)l->opaque)++;
}

static void keep_first(const ConsoleView *v, const ConsoleListener *news, void *opaque)
{
    PictureRect *r = opaque;
    unsigned band = 0;
    *r = (PictureRect){ 0 };
    (void)!damage_next(&news->damage, &band, v->picture.height, r);
}

static void run_loop(void)
{
    while (g_main_context_iteration(event_loop_context(test_loop()), FALSE)) {
    }
}

/* Only rows in pages that were written are drawn again, and none at all when nothing was. */
static void test_damage(void)
{
    Screen s;
    unsigned told = 0;
    ConsoleListener ear = { .notify = note, .opaque = &told };
    PictureRect r;
    screen_open(&s);
    set_mode(&s, 1024, 256, 32); /* a row is a page */
    console_refresh(s.console);
    console_listen(s.console, &ear);
    run_loop();
    console_refresh(s.console);
    console_look(s.console, &ear, keep_first, &r);
    g_assert_cmpuint(r.height, ==, 256);
    console_refresh(s.console); /* rights of those who wrote are gone by now */
    console_look(s.console, &ear, keep_first, &r);
    told = 0;
    console_refresh(s.console);
    g_assert_cmpuint(told, ==, 0);
    RamBlock *vram = s.memory->ram;
    vram->host[4096 * 100] = 0x77;
    ram_mark_written(vram, 4096 * 100, 1);
    console_refresh(s.console);
    g_assert_cmpuint(told, ==, 1);
    console_look(s.console, &ear, keep_first, &r);
    g_assert_true(r.y == 96 && r.height == 8); /* the band of row 100 */
    g_assert_cmphex(pixel(&s, 0, 100), ==, 0x77);
    console_unlisten(s.console, &ear);
    run_loop();
    g_assert_false(ram_is_followed(vram)); /* nobody looks: writers pay nothing */
    bench_close(&s.b);
}

/* ---- the monitor ------------------------------------------------------------------------ */

static void expect_line(Screen *s, const char *line, const char *answer)
{
    g_autofree char *got = monitor_run_line(&s->b.m, line);
    g_assert_cmpstr(got, ==, answer);
}

static void expect_dump(Screen *s, const char *args, const char *start)
{
    g_autofree char *path = NULL, *data = NULL;
    gsize size;
    close(g_file_open_tmp("screen-XXXXXX.png", &path, NULL));
    g_autofree char *line = g_strdup_printf("screendump %s%s", path, args);
    expect_line(s, line, "");
    g_assert_true(g_file_get_contents(path, &data, &size, NULL));
    g_assert_cmpmem(data, strlen(start), start, strlen(start));
    unlink(path);
}

static void test_screendump(void)
{
    Screen s;
    screen_open(&s);
    set_mode(&s, 64, 32, 32);
    g_autofree char *with_device = g_strdup_printf(" -f ppm %s 0", s.dev->path);
    expect_dump(&s, "", "\x89PNG\r\n");
    expect_dump(&s, " -f ppm", "P6\n64 32\n255\n");
    expect_dump(&s, with_device, "P6\n64 32\n255\n");
    g_autofree char *head = g_strdup_printf("screendump x %s 3", s.dev->path);
    g_autofree char *no_head =
        g_strdup_printf("Error: Device %s (head 3) is not bound to a QemuConsole\n", s.dev->path);
    expect_line(&s, head, no_head);
    expect_line(&s, "screendump x nosuch", "Error: Device 'nosuch' not found\n");
    expect_line(&s, "screendump x -f bmp", "Error: invalid parameter value: bmp\n");
    expect_line(&s, "screendump /nonexistent/x",
                "Error: Could not open '/nonexistent/x': No such file or directory\n");
    expect_line(&s, "screendump",
                "screendump: a file name is expected\nTry \"help screendump\" for more information\n");
    bench_close(&s.b);
}

/* A file that cannot be written whole is not there afterwards, if it was not before. */
static void test_screendump_fails(void)
{
    Screen s;
    struct rlimit before, small;
    g_autoptr(GError) err = NULL;
    g_autofree char *folder = g_dir_make_tmp("screen-XXXXXX", &err);
    g_autofree char *path = g_build_filename(folder, "x.png", NULL), *line = NULL, *said = NULL, *fifo = NULL;
    g_assert_no_error(err);
    screen_open(&s);
    set_mode(&s, 64, 32, 32);
    line = g_strdup_printf("screendump %s", path);
    said = g_strdup_printf("Error: An IO error has occurred. Writing '%s': File too large\n", path);
    signal(SIGXFSZ, SIG_IGN);
    g_assert_cmpint(getrlimit(RLIMIT_FSIZE, &before), ==, 0);
    small = (struct rlimit){ 20, before.rlim_max };
    g_assert_cmpint(setrlimit(RLIMIT_FSIZE, &small), ==, 0);
    expect_line(&s, line, said);
    g_assert_cmpint(access(path, F_OK), !=, 0);
    close(open(path, O_WRONLY | O_CREAT, 0666)); /* now it is the user's */
    expect_line(&s, line, said);
    g_assert_cmpint(access(path, F_OK), ==, 0);
    g_assert_cmpint(setrlimit(RLIMIT_FSIZE, &before), ==, 0);
    expect_line(&s, line, "");
    unlink(path);
    g_assert_cmpint(mkfifo(path, 0666), ==, 0);
    fifo = g_strdup_printf("Error: Could not open '%s': No such device or address\n", path);
    expect_line(&s, line, fifo); /* nobody reads it */
    g_assert_cmpint(access(path, F_OK), ==, 0);
    unlink(path);
    expect_line(&s, "screendump /dev/full",
                "Error: An IO error has occurred. Writing '/dev/full': No space left on device\n");
    expect_line(&s, "screendump /", "Error: Could not open '/': Is a directory\n");
    g_assert_cmpint(rmdir(folder), ==, 0);
    bench_close(&s.b);
}

/* ---- EDID ---------------------------------------------------------------------------- */

static void test_edid(void)
{
    static const unsigned sizes[][2] = {
        { 1280, 800 }, { 640, 480 }, { 4095, 4095 }, { 1, 1 }, { 1920, 1080 }
    };
    uint8_t edid[EDID_BYTES];
    for (unsigned i = 0; i < G_N_ELEMENTS(sizes); i++) {
        edid_make(edid, sizes[i][0], sizes[i][1]);
        for (unsigned block = 0; block < 2; block++) {
            uint8_t sum = 0;
            for (unsigned n = 0; n < 128; n++) {
                sum += edid[128 * block + n];
            }
            g_assert_cmpuint(sum, ==, 0);
        }
        const uint8_t *t = edid + 54;
        g_assert_cmpuint(t[2] | (t[4] & 0xf0) << 4, ==, sizes[i][0]);
        g_assert_cmpuint(t[5] | (t[7] & 0xf0) << 4, ==, sizes[i][1]);
    }
    edid_make(edid, 1280, 800); /* VESA's own timing of it with reduced blanking: 71.00 MHz, 1440 x 823 */
    g_assert_cmpuint(edid[54] | edid[55] << 8, ==, 7100);
    g_assert_cmpuint(edid[54 + 3], ==, 160);
    g_assert_cmpuint(edid[54 + 6], ==, 23);
    g_assert_cmpuint(edid[54 + 12] | (edid[54 + 14] & 0xf0) << 4, ==, 325); /* mm: 100 dots an inch */
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/display/bochs/modes", test_modes);
    g_test_add_func("/display/bochs/enable", test_enable);
    g_test_add_func("/display/bochs/hostile-modes", test_hostile_modes);
    g_test_add_func("/display/bochs/damage", test_damage);
    g_test_add_func("/display/ramfb/picture", test_ramfb);
    g_test_add_func("/display/ramfb/hostile", test_hostile_ramfb);
    g_test_add_func("/display/screendump", test_screendump);
    g_test_add_func("/display/screendump-fails", test_screendump_fails);
    g_test_add_func("/display/edid", test_edid);
    return g_test_run();
}
