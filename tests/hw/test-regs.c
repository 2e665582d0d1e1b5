/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Register tables by a small device: what each column of a row does, what is logged, what a trace
 * says. */
#include "hw/regs.h"

#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/trace.h"
#include "bench.h"
#include "util/container.h"

enum { CHANNELS = 3 };

typedef struct Toy {
    Device dev;
    RegFile regs;
    unsigned refreshed;
    struct ToyState {
        uint32_t ctrl, status;
        uint64_t wide, address[CHANNELS];
        uint16_t table[4];
        uint8_t select, divisor;
        bool on, latch;
    } s;
    uint64_t sent, old; /* what a handler was given last */
} Toy;

static Toy *toy(Device *dev)
{
    return container_of(dev, Toy, dev);
}

static void data_write(Device *dev, const RegAccess *a, uint64_t value)
{
    toy(dev)->sent = value;
    toy(dev)->old = a->old;
}

static uint64_t data_read(Device *dev, const RegAccess *a)
{
    return 0x11223344;
}

static void table_written(Device *dev, const RegAccess *a, uint64_t value)
{
    toy(dev)->sent = value;
    toy(dev)->old = a->old;
    g_assert_cmpuint(*(uint16_t *)a->field, ==, toy(dev)->s.table[a->index]);
}

static int selected(Device *dev, unsigned index)
{
    return toy(dev)->s.select < CHANNELS ? toy(dev)->s.select : REG_EMPTY;
}

static int even(Device *dev, unsigned index)
{
    return index % 2 ? REG_NONE : (int)index / 2;
}

static void address_write(Device *dev, const RegAccess *a, uint64_t value)
{
    reg_store(a, value);
}

static uint64_t blob_read(Device *dev, const RegAccess *a)
{
    return a->offset << 8 | a->size;
}

static void blob_write(Device *dev, const RegAccess *a, uint64_t value)
{
    toy(dev)->sent = value << 16 | a->offset << 8 | a->size;
}

static unsigned bank(Device *dev)
{
    return toy(dev)->s.latch;
}

static void refresh(Device *dev)
{
    toy(dev)->refreshed++;
}

static const RegBits status_bits[] = { { "busy", 1 }, { "fault", 2 }, { "level", 0xf0 }, { NULL } };

/* clang-format off */
static const Reg rows[] = {
    { "ctrl",    0x00, 4, REG_STATE(Toy, s.ctrl), .rw = 0xff00ff, .ignored = 0x100 },
    { "status",  0x04, 4, REG_STATE(Toy, s.status), .w1c = 0xf, .bits = status_bits },
    { "pop",     0x08, 4, REG_RO, .read = data_read },
    { "push",    0x08, 4, REG_WO, .write = data_write },
    { "on",      0x0c, 4, REG_STATE(Toy, s.on), .rw = 1 },
    { "table",   0x10, 2, REG_STATE(Toy, s.table[0]), .count = 4, .stride = 4, .rw = 0xfff, .write = table_written },
    { "wide",    0x20, 8, REG_STATE(Toy, s.wide), .rw = UINT64_MAX },
    { "div",     0x28, 1, REG_STATE(Toy, s.divisor), .rw = 0xff, .banks = 1 << 1 },
    { "txt",     0x28, 1, REG_RO, .constant = 'x', .banks = 1 << 0 },
    { "latch",   0x29, 1, REG_STATE(Toy, s.latch), .rw = 1 },
    { "select",  0x2a, 1, REG_STATE(Toy, s.select), .rw = 0xff },
    { "address", 0x30, 8, REG_STATE(Toy, s.address[0]), .part = 4, .element = selected, .write = address_write },
    { "pairs",   0x40, 8, REG_STATE(Toy, s.address[0]), .count = 4, .rw = UINT64_MAX, .element = even },
    { "blob",    0x80, 0x40, .bytes = true, .read = blob_read, .write = blob_write },
    { NULL },
};
/* clang-format on */
static const RegTable parts = { rows, .min = 1, .max = 8, .bank = bank, .after = refresh };
static const RegTable whole_writes = { rows, .rule = REG_WHOLE_WRITES, .bank = bank };
static const RegTable whole = { rows, .rule = REG_WHOLE, .bank = bank };
static const RegTable one = { rows, .rule = REG_ONE, .bank = bank };
static const RegTable quiet = { rows, .quiet = true, .bank = bank };

static bool toy_realize(Device *dev, GError **err)
{
    reg_file_init(&toy(dev)->regs, dev, &parts, "toy-registers", 0x100);
    return true;
}

static void toy_unrealize(Device *dev)
{
    reg_file_finish(&toy(dev)->regs);
}

static const DeviceClass toy_class = {
    .name = "toy",
    .size = sizeof(Toy),
    .realize = toy_realize,
    .unrealize = toy_unrealize,
};

/* ---- the log ------------------------------------------------------------- */

static char *log_path;

static char *log_taken(void)
{
    static size_t done;
    g_autofree char *text = NULL;
    size_t len;
    g_assert_true(g_file_get_contents(log_path, &text, &len, NULL));
    char *news = g_strdup(text + done);
    done = len;
    return news;
}

static void assert_logged(const char *what)
{
    g_autofree char *text = log_taken();
    if (what ? !strstr(text, what) : *text != '\0') {
        g_error("logged '%s', expected '%s'", text, what ? what : "");
    }
}

/* ---- a machine with the toy ----------------------------------------------- */

typedef struct Rig {
    Bench b;
    Toy *t;
} Rig;

static void rig_open(Rig *r)
{
    bench_open(&r->b);
    r->t = toy(device_new(&toy_class, &r->b.m, "toy0"));
    bench_add(&r->b, &r->t->dev);
    g_free(log_taken());
}

static hwaddr place(const Rig *r, const char *name)
{
    return bench_window(&r->b, 0) + reg_find_name(&r->t->regs, name)->offset;
}

static uint64_t get(Rig *r, const char *name, unsigned size)
{
    return bench_read(&r->b, place(r, name), size);
}

static void put(Rig *r, const char *name, unsigned size, uint64_t value)
{
    bench_write(&r->b, place(r, name), size, value);
}

static void test_masks(void)
{
    Rig r;
    rig_open(&r);
    put(&r, "ctrl", 4, 0xff01ff);
    g_assert_cmphex(r.t->s.ctrl, ==, 0xff00ff);
    assert_logged(NULL); /* bit 8 is ignored */
    put(&r, "ctrl", 4, 0x1000001);
    g_assert_cmphex(r.t->s.ctrl, ==, 1);
    assert_logged("write to 'ctrl' sets reserved bits 0x1000000");
    r.t->s.status = 0xff;
    put(&r, "status", 4, 0x33); /* bits that are set may be written back */
    g_assert_cmphex(r.t->s.status, ==, 0xfc);
    assert_logged(NULL);
    put(&r, "on", 4, 1);
    g_assert_true(r.t->s.on);
    g_assert_cmphex(get(&r, "on", 4), ==, 1);
    bench_close(&r.b);
}

static void test_parts(void)
{
    Rig r;
    rig_open(&r);
    hwaddr at = bench_window(&r.b, 0);
    put(&r, "ctrl", 4, 0xff00ff);
    bench_write(&r.b, at + 2, 1, 0x12);
    g_assert_cmphex(r.t->s.ctrl, ==, 0x1200ff);
    g_assert_cmphex(bench_read(&r.b, at + 2, 2), ==, 0x12);
    r.t->s.status = 0xfc;
    g_assert_cmphex(bench_read(&r.b, at, 8), ==, UINT64_C(0xfc001200ff));
    put(&r, "wide", 8, UINT64_C(0x1122334455667788));
    bench_write(&r.b, place(&r, "wide") + 4, 4, 0xaabbccdd);
    g_assert_cmphex(get(&r, "wide", 8), ==, UINT64_C(0xaabbccdd55667788));
    g_assert_cmphex(bench_read(&r.b, place(&r, "wide") + 3, 1), ==, 0x55);
    bench_close(&r.b);
}

static void test_after(void)
{
    Rig r;
    rig_open(&r);
    unsigned before = r.t->refreshed;
    put(&r, "wide", 8, 1);
    g_assert_cmpuint(r.t->refreshed, ==, before + 1);
    get(&r, "wide", 8); /* what it holds */
    g_assert_cmpuint(r.t->refreshed, ==, before + 1);
    get(&r, "pop", 4);
    g_assert_cmpuint(r.t->refreshed, ==, before + 2);
    bench_close(&r.b);
}

/* Where rows share a place the search remembers what it found last. */
static const Reg turning_rows[] = {
    { "table", 0x10, 2, REG_STATE(Toy, s.table[0]), .count = 4, .stride = 4, .rw = 0xfff },
    { "pop", 0x20, 4, REG_RO, .read = data_read },
    { "push", 0x20, 4, REG_WO, .write = data_write },
    { NULL },
};
static const Reg other_rows[] = {
    { "wide", 0x10, 8, REG_STATE(Toy, s.wide), .count = 1, .rw = UINT64_MAX },
    { "latch", 0x18, 1, REG_STATE(Toy, s.latch), .rw = 1 },
    { NULL },
};
static const RegTable turning = { turning_rows, .min = 1, .max = 8 };
static const RegTable other = { other_rows, .min = 1, .max = 8 };

static void test_turns(void)
{
    Rig r;
    rig_open(&r);
    hwaddr at = bench_window(&r.b, 0);
    for (unsigned n = 0; n < 3; n++) {
        reg_file_show(&r.t->regs, &r.t->dev, &turning);
        for (unsigned i = 0; i < 4; i++) {
            bench_write(&r.b, at + 0x10 + 4 * i, 2, 0x100 * n + i);
            bench_write(&r.b, at + 0x11 + 4 * i, 1, n);
            g_assert_cmphex(bench_read(&r.b, at + 0x10 + 4 * i, 2), ==, 0x100 * n + i);
            g_assert_cmphex(bench_read(&r.b, at + 0x11 + 4 * i, 1), ==, n);
            g_assert_cmphex(r.t->s.table[i], ==, 0x100 * n + i);
        }
        bench_write(&r.b, at + 0x20, 4, n);
        g_assert_cmphex(bench_read(&r.b, at + 0x20, 4), ==, 0x11223344);
        g_assert_cmphex(r.t->sent, ==, n);
        bench_write(&r.b, at + 0x10, 2, 0x100 * n);
        g_assert_cmphex(bench_read(&r.b, at + 0x10, 2), ==, 0x100 * n);
        reg_file_show(&r.t->regs, &r.t->dev, &other);
        r.t->s.wide = 0x55;
        g_assert_cmphex(bench_read(&r.b, at + 0x10, 8), ==, 0x55);
        bench_write(&r.b, at + 0x10, 8, 0x66);
        g_assert_cmphex(r.t->s.wide, ==, 0x66);
        g_assert_cmphex(r.t->s.table[0], ==, 0x100 * n);
    }
    assert_logged(NULL);
    bench_close(&r.b);
}

static void test_directions(void)
{
    Rig r;
    rig_open(&r);
    g_assert_cmphex(get(&r, "pop", 4), ==, 0x11223344);
    put(&r, "push", 4, 7);
    g_assert_cmphex(r.t->sent, ==, 7);
    put(&r, "txt", 1, 1);
    assert_logged("toy0: write of 'txt', which is read-only");
    bench_read(&r.b, bench_window(&r.b, 0) + 0x2b, 1);
    assert_logged("toy0: read at 0x2b, where no register is");
    reg_file_show(&r.t->regs, &r.t->dev, &quiet);
    bench_read(&r.b, bench_window(&r.b, 0) + 0x2b, 1);
    put(&r, "txt", 1, 1);
    assert_logged(NULL);
    bench_close(&r.b);
}

static void test_arrays(void)
{
    Rig r;
    rig_open(&r);
    hwaddr table = place(&r, "table"), pairs = place(&r, "pairs");
    put(&r, "table", 2, 0x123);
    bench_write(&r.b, table + 8, 2, 0x456);
    g_assert_cmphex(r.t->s.table[2], ==, 0x456);
    bench_write(&r.b, table + 8, 2, 0x789);
    g_assert_cmphex(r.t->sent, ==, 0x789);
    g_assert_cmphex(r.t->old, ==, 0x456);
    g_assert_cmphex(bench_read(&r.b, table + 8, 2), ==, 0x789);
    bench_read(&r.b, table + 2, 2); /* between two */
    assert_logged("where no register is");
    bench_write(&r.b, pairs + 16, 8, 5);
    g_assert_cmphex(r.t->s.address[1], ==, 5);
    g_assert_cmphex(bench_read(&r.b, pairs + 8, 8), ==, 0);
    assert_logged("read of 'pairs[1]', which does not exist");
    bench_close(&r.b);
}

static void test_banks(void)
{
    Rig r;
    rig_open(&r);
    g_assert_cmphex(get(&r, "txt", 1), ==, 'x');
    put(&r, "latch", 1, 1);
    put(&r, "div", 1, 0x33);
    g_assert_cmphex(get(&r, "div", 1), ==, 0x33);
    put(&r, "latch", 1, 0);
    g_assert_cmphex(get(&r, "txt", 1), ==, 'x');
    put(&r, "select", 1, 2);
    put(&r, "address", 4, 0x1000);
    bench_write(&r.b, place(&r, "address") + 4, 4, 1);
    g_assert_cmphex(r.t->s.address[2], ==, UINT64_C(0x100001000));
    put(&r, "select", 1, CHANNELS);
    g_assert_cmphex(get(&r, "address", 4), ==, 0);
    assert_logged(NULL);
    put(&r, "address", 4, 1);
    assert_logged("write of 'address', of which none is selected");
    bench_close(&r.b);
}

static void test_sizes(void)
{
    Rig r;
    rig_open(&r);
    reg_file_show(&r.t->regs, &r.t->dev, &whole_writes);
    put(&r, "ctrl", 2, 0xff);
    assert_logged("2-byte write of 'ctrl', which takes 4 bytes");
    g_assert_cmphex(r.t->s.ctrl, ==, 0);
    put(&r, "address", 8, 1);
    assert_logged("8-byte write of 'address', which takes 4 bytes");
    put(&r, "address", 4, 1);
    get(&r, "ctrl", 2);
    assert_logged(NULL);
    reg_file_show(&r.t->regs, &r.t->dev, &whole);
    g_assert_cmphex(get(&r, "pop", 2), ==, 0);
    assert_logged("2-byte read of 'pop'");
    reg_file_show(&r.t->regs, &r.t->dev, &one);
    put(&r, "select", 1, 9);
    g_assert_cmphex(get(&r, "div", 8), ==, 'x'); /* nothing of latch and select */
    put(&r, "pop", 1, 0x77);
    g_assert_cmphex(r.t->sent, ==, 0x77);
    assert_logged(NULL);
    bench_close(&r.b);
}

static void test_bytes(void)
{
    Rig r;
    rig_open(&r);
    reg_file_show(&r.t->regs, &r.t->dev, &whole);
    g_assert_cmphex(bench_read(&r.b, place(&r, "blob") + 6, 2), ==, 0x602);
    bench_write(&r.b, place(&r, "blob") + 0x20, 4, 0xab);
    g_assert_cmphex(r.t->sent, ==, 0xab2004);
    bench_close(&r.b);
}

static void test_trace(void)
{
    Rig r;
    rig_open(&r);
    trace_choose("toy0");
    put(&r, "status", 4, 0x5);
    assert_logged("toy0: write status 0x5 busy|level=0 (toy-registers+0x4/4)\n");
    r.t->s.status = 0xa2;
    get(&r, "status", 4);
    assert_logged("toy0: read status 0xa2 fault|level=10 (toy-registers+0x4/4)\n");
    bench_write(&r.b, place(&r, "table") + 4, 2, 0);
    assert_logged(" table[1] 0x0 ");
    put(&r, "select", 1, 2);
    bench_read(&r.b, place(&r, "address") + 4, 4);
    assert_logged(" address[2]+4 0x0 ");
    put(&r, "latch", 1, 1);
    g_free(log_taken());
    get(&r, "div", 2);
    assert_logged(" div,latch 0x100 ");
    trace_choose("-toy0");
    trace_choose("toy0/status"); /* one register alone */
    trace_choose("toy0/address[1]");
    get(&r, "ctrl", 4);
    assert_logged(NULL);
    get(&r, "status", 1);
    assert_logged("read status 0xa2");
    put(&r, "select", 1, 1);
    bench_read(&r.b, place(&r, "address") + 4, 4); /* a half of it */
    assert_logged("read address[1]+4");
    bench_close(&r.b);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_autofree char *dir = g_dir_make_tmp("regs-XXXXXX", NULL);
    log_path = g_build_filename(dir, "log", NULL);
    g_assert_true(log_set_file(log_path, NULL));
    log_items = LOG_GUEST_ERROR;
    g_test_add_func("/regs/masks", test_masks);
    g_test_add_func("/regs/parts", test_parts);
    g_test_add_func("/regs/after", test_after);
    g_test_add_func("/regs/turns", test_turns);
    g_test_add_func("/regs/directions", test_directions);
    g_test_add_func("/regs/arrays", test_arrays);
    g_test_add_func("/regs/banks", test_banks);
    g_test_add_func("/regs/sizes", test_sizes);
    g_test_add_func("/regs/bytes", test_bytes);
    g_test_add_func("/regs/trace", test_trace);
    int r = g_test_run();
    unlink(log_path);
    rmdir(dir);
    g_free(log_path);
    return r;
}
