/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The memory map: rendering by priority, accesses split for devices, DMA limits,
 * views replaced while other threads read them. */
#include "base/memory.h"

#include <string.h>
#include <time.h>

typedef struct Probe {
    unsigned calls;
    hwaddr offset;
    unsigned size;
    uint64_t value;
    BusResult result;
} Probe;

static BusResult probe_read(void *opaque, hwaddr offset, unsigned size, uint64_t *value)
{
    Probe *p = opaque;
    p->calls++;
    p->offset = offset;
    p->size = size;
    *value = UINT64_C(0x8877665544332211) >> (8 * (offset & 7));
    return p->result;
}

static BusResult probe_write(void *opaque, hwaddr offset, unsigned size, uint64_t value)
{
    Probe *p = opaque;
    p->calls++;
    p->offset = offset;
    p->size = size;
    p->value = value;
    return p->result;
}

static const IoOps any_ops = { .read = probe_read, .write = probe_write };
static const IoOps word_ops = { .read = probe_read, .write = probe_write, .min = 4, .max = 4 };
static const IoOps big_ops = {
    .read = probe_read, .write = probe_write, .min = 4, .max = 4, .big_endian = true
};

static char *view_text(AddressSpace *as);
static void view_line(const FlatRange *r, void *opaque)
{
    g_string_append_printf(opaque,
                           "%s[%" G_GINT64_MODIFIER "x+%" G_GINT64_MODIFIER "x@%" G_GINT64_MODIFIER "x] ",
                           r->mr->name, r->start, r->size, r->mr_offset);
}
static char *view_text(AddressSpace *as)
{
    GString *s = g_string_new(NULL);
    address_space_foreach(as, view_line, s);
    return g_string_free(s, FALSE);
}

static void assert_view(AddressSpace *as, const char *want)
{
    g_autofree char *text = view_text(as);
    g_assert_cmpstr(text, ==, want);
}

static void test_priorities(void)
{
    MemoryRegion root, a, b, window, box;
    Probe p = { 0 };
    memory_region_init_container(&root, NULL, "root", UINT64_MAX);
    memory_region_init_io(&a, NULL, &any_ops, &p, "a", 0x1000);
    memory_region_init_io(&b, NULL, &any_ops, &p, "b", 0x100);
    memory_region_init_container(&box, NULL, "box", 0x800);
    memory_region_init_alias(&window, NULL, "window", &a, 0x40, 0x80);
    AddressSpace *as = address_space_new(&root, "test");
    memory_region_add(&root, 0x1000, &a, 0);
    assert_view(as, "a[1000+1000@0] ");
    memory_region_add(&box, 0x7c0, &b, 0); /* sticks out of its container by 0xc0 */
    memory_region_add(&root, 0x1400, &box, 1);
    assert_view(as, "a[1000+bc0@0] b[1bc0+40@0] a[1c00+400@c00] ");
    memory_region_set_enabled(&box, false);
    assert_view(as, "a[1000+1000@0] ");
    memory_region_add(&root, 0x1fc0, &window, 0); /* equal priority: the later one wins */
    assert_view(as, "a[1000+fc0@0] a[1fc0+80@40] ");
    memory_region_set_address(&window, 0x9000);
    assert_view(as, "a[1000+1000@0] a[9000+80@40] ");
    g_assert_null(address_space_lookup(as, 0x9080));
    g_assert_true(address_space_lookup(as, 0x907f)->mr == &a);
    memory_transaction_begin();
    memory_region_remove(&root, &a);
    assert_view(as, "a[1000+1000@0] a[9000+80@40] ");
    memory_transaction_commit();
    assert_view(as, "a[9000+80@40] ");
    memory_region_remove(&root, &window);
    memory_region_remove(&root, &box);
    memory_region_remove(&box, &b);
    address_space_free(as);
    memory_region_finish(&a);
    memory_region_finish(&b);
    memory_region_finish(&box);
    memory_region_finish(&window);
    memory_region_finish(&root);
}

typedef struct Bench {
    MemoryRegion root, io, ram;
    Lock lock;
    MemoryOwner owner;
    Probe p;
    AddressSpace *as;
} Bench;

static void bench_open(Bench *t, const IoOps *ops)
{
    memset(t, 0, sizeof(*t));
    lock_init(&t->lock, LOCK_DEVICE);
    t->owner = (MemoryOwner){ .name = "owner", .lock = &t->lock };
    memory_region_init_container(&t->root, NULL, "root", UINT64_MAX);
    memory_region_init_io(&t->io, &t->owner, ops, &t->p, "io", 0x1000);
    g_assert_true(memory_region_init_ram(&t->ram, NULL, "ram", 0x3000, NULL));
    memory_region_add(&t->root, 0x1000, &t->io, 0);
    memory_region_add(&t->root, 0x2000, &t->ram, 0);
    t->as = address_space_new(&t->root, "bench");
}

static void bench_close(Bench *t)
{
    address_space_free(t->as);
    memory_region_remove(&t->root, &t->io);
    memory_region_remove(&t->root, &t->ram);
    memory_region_finish(&t->io);
    memory_region_finish(&t->ram);
    memory_region_finish(&t->root);
    lock_finish(&t->lock);
}

static void test_access_sizes(void)
{
    Bench t;
    uint64_t v;
    bench_open(&t, &word_ops);
    g_assert_cmpint(memory_read(t.as, 0x1000, 8, &v), ==, BUS_OK);
    g_assert_cmphex(v, ==, UINT64_C(0x8877665544332211));
    g_assert_cmpuint(t.p.calls, ==, 2);
    g_assert_cmpint(memory_read(t.as, 0x1006, 1, &v), ==, BUS_OK);
    g_assert_cmphex(v, ==, 0x77);
    g_assert_cmphex(t.p.offset, ==, 4);
    g_assert_cmpuint(t.p.size, ==, 4);
    g_assert_cmpint(memory_write(t.as, 0x1002, 2, 0xffffabcd), ==, BUS_OK);
    g_assert_cmphex(t.p.value, ==, 0xabcd0000);
    g_assert_cmphex(t.p.offset, ==, 0);
    g_assert_cmpint(memory_read(t.as, 0x1002, 4, &v), ==, BUS_DEVICE_ERROR); /* unaligned */
    g_assert_cmpint(memory_read(t.as, 0x0fff, 1, &v), ==, BUS_DECODE_ERROR);
    t.p.result = BUS_DEVICE_ERROR;
    g_assert_cmpint(memory_write(t.as, 0x1000, 4, 1), ==, BUS_DEVICE_ERROR);
    g_assert_true(lock_try(&t.lock)); /* the bus gave it back */
    lock_release(&t.lock);
    bench_close(&t);
}

static void test_big_endian(void)
{
    Bench t;
    uint64_t v;
    bench_open(&t, &big_ops);
    g_assert_cmpint(memory_read(t.as, 0x1000, 4, &v), ==, BUS_OK);
    g_assert_cmphex(v, ==, 0x11223344);
    g_assert_cmpint(memory_write(t.as, 0x1000, 4, 0x01020304), ==, BUS_OK);
    g_assert_cmphex(t.p.value, ==, 0x04030201);
    bench_close(&t);
}

static void test_ram(void)
{
    Bench t;
    uint64_t v;
    bench_open(&t, &any_ops);
    g_assert_cmpint(memory_write(t.as, 0x2001, 8, UINT64_C(0x1122334455667788)), ==, BUS_OK);
    g_assert_cmpint(memory_read(t.as, 0x2003, 2, &v), ==, BUS_OK);
    g_assert_cmphex(v, ==, 0x5566);
    /* half in the device, half in RAM */
    g_assert_cmpint(memory_read(t.as, 0x1ffc, 8, &v), ==, BUS_OK);
    g_assert_cmphex(v >> 40, ==, 0x667788);
    g_assert_cmpint(memory_read(t.as, 0x4ffc, 8, &v), ==, BUS_DECODE_ERROR);
    g_assert_true(ram_block_of_page(t.ram.ram->first_page + 2) == t.ram.ram);
    g_assert_false(ram_block_of_page(t.ram.ram->first_page + 3) == t.ram.ram);
    g_assert_null(ram_block_of_page(0));
    bench_close(&t);
}

static unsigned code_written;
static void on_code_written(MemoryListener *l, RamBlock *rb, uint64_t offset, uint64_t length)
{
    code_written++;
}

static void test_dma(void)
{
    Bench t;
    char buf[0x40] = "hello";
    MemoryListener l = { .code_written = on_code_written };
    bench_open(&t, &any_ops);
    memory_listener_add(&l);
    g_assert_cmpint(dma_write(t.as, 0x2ff0, buf, sizeof(buf)), ==, BUS_OK);
    g_assert_cmpuint(code_written, ==, 0);
    t.ram.ram->code_pages[0] |= 2; /* page 1 */
    g_assert_cmpint(dma_write(t.as, 0x2ff0, buf, 16), ==, BUS_OK);
    g_assert_cmpuint(code_written, ==, 0);
    g_assert_cmpint(dma_write(t.as, 0x2ff0, buf, 17), ==, BUS_OK);
    g_assert_cmpuint(code_written, ==, 1);
    g_assert_cmpint(dma_write(t.as, 0x4ff0, buf, 17), ==, BUS_DECODE_ERROR);
    g_assert_cmpint(dma_read(t.as, 0x1000, buf, 1), ==, BUS_DECODE_ERROR); /* MMIO */
    g_assert_cmpint(dma_read(t.as, UINT64_MAX, buf, 2), ==, BUS_DECODE_ERROR);
    uint64_t len = UINT64_MAX;
    void *host = dma_map(t.as, 0x2010, &len, true);
    g_assert_nonnull(host);
    g_assert_cmphex(len, ==, 0x2ff0);
    dma_unmap(host, 0x1000);
    g_assert_cmpuint(code_written, ==, 2);
    g_assert_null(dma_map(t.as, 0x1000, &len, false));
    memory_listener_remove(&l);
    bench_close(&t);
}

static void test_rom_device(void)
{
    Bench t;
    MemoryRegion flash;
    uint64_t v;
    bench_open(&t, &any_ops);
    g_assert_true(memory_region_init_rom_device(&flash, NULL, &any_ops, &t.p, "flash", 0x1000, NULL));
    memory_region_add(&t.root, 0x8000, &flash, 0);
    g_assert_cmpint(rom_write(t.as, 0x8000, "abcd", 4), ==, BUS_OK);
    g_assert_cmpint(memory_read(t.as, 0x8000, 4, &v), ==, BUS_OK);
    g_assert_cmphex(v, ==, 0x64636261);
    g_assert_cmpint(memory_write(t.as, 0x8000, 1, 0x90), ==, BUS_OK);
    g_assert_cmphex(t.p.value, ==, 0x90);
    memory_region_set_romd(&flash, false);
    g_assert_cmpint(memory_read(t.as, 0x8000, 1, &v), ==, BUS_OK);
    g_assert_cmphex(v, ==, 0x11);
    g_assert_cmpint(dma_read(t.as, 0x8000, &v, 1), ==, BUS_DECODE_ERROR);
    memory_region_remove(&t.root, &flash);
    memory_region_finish(&flash);
    bench_close(&t);
}

/* Registers: each once, at the width that address and length allow; a hole: nothing at all. */
static void test_debugger(void)
{
    static const struct {
        hwaddr addr;
        uint64_t len;
        unsigned calls, last_size;
    } rows[] = {
        { 0x1000, 1, 1, 1 }, { 0x1002, 2, 1, 2 },  { 0x1004, 4, 1, 4 },
        { 0x1008, 8, 1, 8 }, { 0x1001, 4, 3, 1 },  { 0x1004, 8, 2, 4 },
        { 0x1000, 7, 3, 1 }, { 0x1010, 24, 6, 4 }, { 0x1002, 10, 3, 4 },
    };
    static const uint8_t pattern[] = { 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88 };
    Bench t;
    uint8_t buf[64];
    bench_open(&t, &any_ops);
    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        t.p.calls = 0;
        g_assert_cmpint(memory_debug_read(t.as, rows[i].addr, buf, rows[i].len), ==, BUS_OK);
        g_assert_cmpuint(t.p.calls, ==, rows[i].calls);
        g_assert_cmpuint(t.p.size, ==, rows[i].last_size);
        for (unsigned k = 0; k < rows[i].len; k++) {
            g_assert_cmphex(buf[k], ==, pattern[(rows[i].addr + k) & 7]);
        }
        t.p.calls = 0;
        g_assert_cmpint(memory_debug_write(t.as, rows[i].addr, buf, rows[i].len), ==, BUS_OK);
        g_assert_cmpuint(t.p.calls, ==, rows[i].calls);
        g_assert_cmphex(t.p.value & 0xff, ==, pattern[t.p.offset & 7]);
    }
    /* the last register and RAM behind it, in one */
    g_assert_cmpuint(memory_debug_registers(t.as, 0x1ffc, 8), ==, 4);
    g_assert_cmpint(memory_debug_write(t.as, 0x1ffc, "abcdefgh", 8), ==, BUS_OK);
    g_assert_cmphex(t.p.value, ==, 0x64636261);
    g_assert_cmpint(memory_debug_read(t.as, 0x2000, buf, 4), ==, BUS_OK);
    g_assert_cmpint(memcmp(buf, "efgh", 4), ==, 0);
    t.p.calls = 0;
    g_assert_cmpint(memory_debug_read(t.as, 0xff8, buf, 16), ==, BUS_DECODE_ERROR);
    g_assert_cmpint(memory_debug_write(t.as, 0x1000, buf, 0x4001), ==, BUS_DECODE_ERROR);
    g_assert_cmpint(memory_debug_read(t.as, UINT64_MAX, buf, 2), ==, BUS_DECODE_ERROR);
    g_assert_cmpuint(t.p.calls, ==, 0);
    t.p.result = BUS_DEVICE_ERROR;
    g_assert_cmpint(memory_debug_read(t.as, 0x1000, buf, 4), ==, BUS_DEVICE_ERROR);
    bench_close(&t);
}

static void test_debugger_flash(void)
{
    Bench t;
    MemoryRegion flash;
    uint8_t byte;
    bench_open(&t, &any_ops);
    g_assert_true(memory_region_init_rom_device(&flash, NULL, &any_ops, &t.p, "flash", 0x1000, NULL));
    memory_region_add(&t.root, 0x8000, &flash, 0);
    g_assert_cmpint(memory_debug_write(t.as, 0x8000, "abcd", 4), ==, BUS_OK); /* a program is loaded */
    g_assert_cmpint(memory_debug_read(t.as, 0x8001, &byte, 1), ==, BUS_OK);
    g_assert_cmphex(byte, ==, 'b');
    g_assert_cmpuint(t.p.calls, ==, 0);
    memory_region_set_romd(&flash, false); /* it answers commands: registers */
    g_assert_cmpint(memory_debug_read(t.as, 0x8001, &byte, 1), ==, BUS_OK);
    g_assert_cmphex(byte, ==, 0x22);
    g_assert_cmpint(memory_debug_write(t.as, 0x8000, "\xff", 1), ==, BUS_OK);
    g_assert_cmphex(t.p.value, ==, 0xff);
    memory_region_remove(&t.root, &flash);
    memory_region_finish(&flash);
    bench_close(&t);
}

static void test_ram_too_large(void)
{
    MemoryRegion mr;
    g_autoptr(GError) err = NULL;
    g_assert_false(memory_region_init_ram(&mr, NULL, "huge", UINT64_MAX, &err));
    g_assert_nonnull(strstr(err->message, "huge"));
}

/* ---- listeners --------------------------------------------------------------- */

/* What a listener of t->as heard, as text. */
typedef struct Ear {
    MemoryListener l;
    AddressSpace *as;
    GString *heard;
} Ear;

static void hear(MemoryListener *l, AddressSpace *as, const char *what, const FlatRange *r)
{
    Ear *ear = l->opaque;
    if (as != ear->as) {
        return;
    }
    g_string_append(ear->heard, what);
    if (r) {
        g_string_append_printf(ear->heard, "%s@%" G_GINT64_MODIFIER "x+%" G_GINT64_MODIFIER "x%s",
                               r->mr->name, r->start, r->size, flat_range_ram(r) ? "r" : "");
    }
    g_string_append_c(ear->heard, ' ');
}

static void hear_begin(MemoryListener *l, AddressSpace *as)
{
    hear(l, as, "(", NULL);
}

static void hear_del(MemoryListener *l, AddressSpace *as, const FlatRange *r)
{
    hear(l, as, "-", r);
}

static void hear_add(MemoryListener *l, AddressSpace *as, const FlatRange *r)
{
    hear(l, as, "+", r);
    g_assert_true(address_space_lookup(as, r->start)->mr == r->mr); /* published already */
}

static void hear_commit(MemoryListener *l, AddressSpace *as)
{
    hear(l, as, ")", NULL);
}

static void assert_heard(Ear *ear, const char *want)
{
    g_assert_cmpstr(ear->heard->str, ==, want);
    g_string_truncate(ear->heard, 0);
}

static void test_listener(void)
{
    Bench t;
    MemoryRegion flash, hole;
    Ear ear = { .l = { hear_begin, hear_del, hear_add, hear_commit, .opaque = &ear } };
    bench_open(&t, &any_ops);
    ear.as = t.as;
    ear.heard = g_string_new(NULL);
    memory_listener_add(&ear.l);
    assert_heard(&ear, "( +io@1000+1000 +ram@2000+3000r ) ");
    memory_region_set_enabled(&t.io, true); /* as before */
    assert_heard(&ear, "");
    memory_region_set_enabled(&t.io, false);
    assert_heard(&ear, "( -io@1000+1000 ) ");
    memory_transaction_begin();
    memory_region_set_enabled(&t.io, true);
    memory_region_set_address(&t.io, 0x8000);
    memory_region_init_io(&hole, NULL, &any_ops, &t.p, "hole", 0x800);
    memory_region_add(&t.root, 0x3000, &hole, 1); /* in the middle of RAM */
    memory_transaction_commit();
    assert_heard(&ear, "( -ram@2000+3000r +ram@2000+1000r +hole@3000+800 +ram@3800+1800r +io@8000+1000 ) ");
    memory_region_remove(&t.root, &hole);
    assert_heard(&ear, "( -ram@2000+1000r -hole@3000+800 -ram@3800+1800r +ram@2000+3000r ) ");
    g_assert_true(memory_region_init_rom_device(&flash, NULL, &any_ops, &t.p, "flash", 0x1000, NULL));
    memory_region_add(&t.root, 0, &flash, 0);
    assert_heard(&ear, "( +flash@0+1000r ) ");
    memory_region_set_romd(&flash, false);
    assert_heard(&ear, "( -flash@0+1000r +flash@0+1000 ) ");
    memory_region_remove(&t.root, &flash);
    memory_region_set_address(&t.io, 0x1000);
    g_string_truncate(ear.heard, 0);
    bench_close(&t);
    assert_heard(&ear, "( -io@1000+1000 -ram@2000+3000r ) ");
    memory_listener_remove(&ear.l);
    memory_region_finish(&flash);
    memory_region_finish(&hole);
    g_string_free(ear.heard, TRUE);
}

/* Another machine's address space comes, changes and goes. */
static void test_listener_of_one(void)
{
    Bench t, other;
    bench_open(&t, &any_ops);
    Ear ear = { .l = { hear_begin, hear_del, hear_add, hear_commit, .as = t.as, .opaque = &ear } };
    ear.heard = g_string_new(NULL);
    ear.as = t.as;
    memory_listener_add(&ear.l);
    assert_heard(&ear, "( +io@1000+1000 +ram@2000+3000r ) ");
    bench_open(&other, &any_ops);
    ear.as = other.as; /* what it would hear of that one */
    memory_region_set_enabled(&other.io, false);
    bench_close(&other);
    assert_heard(&ear, "");
    ear.as = t.as;
    memory_region_set_enabled(&t.io, false);
    assert_heard(&ear, "( -io@1000+1000 ) ");
    memory_listener_remove(&ear.l);
    g_string_free(ear.heard, TRUE);
    bench_close(&t);
}

/* A map like a PC's: 70 pieces, a window of BARs over the hole below 4 GiB. */
enum { PC_DEVICES = 60, PC_TURNS = 200 };

static double cpu_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static void test_view_cost(void)
{
    MemoryRegion root, ram, low, high, hole, dev[PC_DEVICES];
    Probe p = { 0 };
    memory_region_init_container(&root, NULL, "root", UINT64_MAX);
    g_assert_true(memory_region_init_ram(&ram, NULL, "ram", UINT64_C(5) << 30, NULL));
    memory_region_init_alias(&low, NULL, "low", &ram, 0, UINT64_C(3) << 30);
    memory_region_init_alias(&high, NULL, "high", &ram, UINT64_C(3) << 30, UINT64_C(2) << 30);
    memory_region_init_io(&hole, NULL, &any_ops, &p, "hole", UINT64_C(1) << 30);
    AddressSpace *as = address_space_new(&root, "pc");
    memory_transaction_begin();
    memory_region_add(&root, 0, &low, 0);
    memory_region_add(&root, UINT64_C(4) << 30, &high, 0);
    memory_region_add(&root, UINT64_C(3) << 30, &hole, -1);
    for (unsigned i = 0; i < PC_DEVICES; i++) {
        memory_region_init_io(&dev[i], NULL, &any_ops, &p, "bar", 0x1000);
        memory_region_add(&root, (UINT64_C(3) << 30) + i * 0x4000, &dev[i], 1);
    }
    memory_transaction_commit();
    double start = cpu_us();
    for (unsigned i = 0; i < PC_TURNS; i++) {
        memory_region_set_enabled(&dev[PC_DEVICES / 2], i & 1);
        memory_quiescent();
    }
    double us = (cpu_us() - start) / PC_TURNS;
    g_test_minimized_result(us, "a new view of %d pieces: %.1f us", 2 * PC_DEVICES + 3, us);
    g_assert_cmpfloat(us, <, 5000); /* of the kind that it should be, on any host */
    address_space_free(as);
    for (unsigned i = 0; i < PC_DEVICES; i++) {
        memory_region_remove(&root, &dev[i]);
        memory_region_finish(&dev[i]);
    }
    memory_region_remove(&root, &low);
    memory_region_remove(&root, &high);
    memory_region_remove(&root, &hole);
    MemoryRegion *rest[] = { &low, &high, &hole, &ram, &root };
    for (unsigned i = 0; i < G_N_ELEMENTS(rest); i++) {
        memory_region_finish(rest[i]);
    }
    memory_quiescent();
}

/* Readers look up and use ranges while the main thread replaces views. */
static bool stop;
static gpointer reader(gpointer opaque)
{
    Bench *t = opaque;
    uint64_t v, good = 0;
    while (!__atomic_load_n(&stop, __ATOMIC_ACQUIRE)) {
        g_assert_cmpint(memory_read(t->as, 0x2000, 4, &v), ==, BUS_OK);
        g_assert_cmphex(v, ==, 0x1234);
        good++;
        if (good % 8 == 0) {
            memory_quiescent();
        }
        if (good % 1024 == 0) {
            memory_thread_sleep();
            memory_thread_wake();
        }
    }
    return NULL;
}

static void test_concurrent_views(void)
{
    Bench t;
    GThread *threads[2];
    bench_open(&t, &any_ops);
    memory_write(t.as, 0x2000, 4, 0x1234);
    for (unsigned i = 0; i < 2; i++) {
        threads[i] = g_thread_new("reader", reader, &t);
    }
    for (unsigned i = 0; i < 4000; i++) {
        memory_region_set_enabled(&t.io, i & 1);
        memory_quiescent();
    }
    __atomic_store_n(&stop, true, __ATOMIC_RELEASE);
    for (unsigned i = 0; i < 2; i++) {
        g_thread_join(threads[i]);
    }
    bench_close(&t);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/memory/priorities", test_priorities);
    g_test_add_func("/memory/access-sizes", test_access_sizes);
    g_test_add_func("/memory/big-endian", test_big_endian);
    g_test_add_func("/memory/ram", test_ram);
    g_test_add_func("/memory/dma", test_dma);
    g_test_add_func("/memory/rom-device", test_rom_device);
    g_test_add_func("/memory/debugger", test_debugger);
    g_test_add_func("/memory/debugger-flash", test_debugger_flash);
    g_test_add_func("/memory/ram-too-large", test_ram_too_large);
    g_test_add_func("/memory/listener", test_listener);
    g_test_add_func("/memory/listener-of-one", test_listener_of_one);
    g_test_add_func("/memory/view-cost", test_view_cost);
    g_test_add_func("/memory/concurrent-views", test_concurrent_views);
    return g_test_run();
}
