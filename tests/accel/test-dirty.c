/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Dirty tracking while a vCPU writes without a word: two clients keep copies of some pages up to
 * date, each at its own pace, with the vCPU and DMA at work all the time.  At the end a copy that
 * differs tells of a write that was lost.
 *
 *   test-accel-dirty ACCEL */
#include <string.h>

#include "rvcode.h"
#include "target/riscv/cpu.h"
#include "tests/patience.h"

enum { FLAG = 0x10000, PAGES = 256, FIRST_PAGE = 259, DATA = FIRST_PAGE * RAM_PAGE, TAKES = 300, SLOW = 7 };

static const char *accel_name;

/* What a client has seen of the data. */
typedef struct Copy {
    RamDirtyClient client;
    uint8_t *bytes;
    uint64_t taken; /* pages, in all */
} Copy;

/* Until FLAG is set: numbers at random places of the data; then nothing, until FLAG is clear
 * again; then the end. */
static void put_program(Bare *b)
{
    Code c = { bare_ram(b), 0 };
    li(&c, A0, 1);
    put(&c, slli(A0, A0, 31)); /* RAM */
    li(&c, T0, DATA);
    put(&c, add(A2, A0, T0));
    li(&c, T0, FLAG);
    put(&c, add(A3, A0, T0));
    uint64_t loop = c.at;
    put(&c, slli(T0, A1, 2)); /* a1 = a1 * 5 + 1 */
    put(&c, add(A1, A1, T0));
    put(&c, addi(A1, A1, 1));
    put(&c, slli(T0, A1, 20)); /* 17 bits in the middle, times 8: 256 pages */
    put(&c, srli(T0, T0, 47));
    put(&c, slli(T0, T0, 3));
    put(&c, add(T0, A2, T0));
    put(&c, sd(T0, A1, 0));
    put(&c, ld(T1, A3, 0));
    put(&c, bne(T1, ZERO, 8));
    put(&c, jal(ZERO, (int)(loop - c.at)));
    put(&c, ld(T1, A3, 0));
    put(&c, bne(T1, ZERO, -4));
    finish(&c);
}

static void set_flag(Bare *b, uint64_t value)
{
    g_assert_cmpint(dma_write(b->machine.memory, BARE_RAM + FLAG, &value, 8), ==, BUS_OK);
}

static uint64_t take(Bare *b, Copy *c)
{
    unsigned long bits[PAGES / RAM_WORD_BITS];
    uint64_t count = ram_dirty_take(b->machine.ram.ram, c->client, DATA, PAGES * RAM_PAGE, bits), named = 0;
    for (unsigned n = 0; n < PAGES; n++) {
        if (bits[n / RAM_WORD_BITS] >> n % RAM_WORD_BITS & 1) {
            memcpy(c->bytes + n * RAM_PAGE, bare_ram(b) + DATA + n * RAM_PAGE, RAM_PAGE);
            named++;
        }
    }
    g_assert_cmpuint(named, ==, count);
    c->taken += count;
    return count;
}

static void copy_start(Bare *b, Copy *c, RamDirtyClient client)
{
    *c = (Copy){ .client = client, .bytes = g_malloc0(PAGES * RAM_PAGE) };
    ram_dirty_start(b->machine.ram.ram, client);
}

static void copy_end(Bare *b, Copy *c)
{
    ram_dirty_stop(b->machine.ram.ram, c->client);
    g_free(c->bytes);
}

static void assert_same(Bare *b, const Copy *c)
{
    for (unsigned n = 0; n < PAGES; n++) {
        if (memcmp(c->bytes + n * RAM_PAGE, bare_ram(b) + DATA + n * RAM_PAGE, RAM_PAGE)) {
            g_error("client %d lost a write to page %u", c->client, n);
        }
    }
}

static void dma_somewhere(Bare *b, unsigned n)
{
    uint64_t value = n;
    uint64_t at = DATA + n * 2654435761u % (PAGES * RAM_PAGE - 8);
    g_assert_cmpint(dma_write(b->machine.memory, BARE_RAM + at, &value, 8), ==, BUS_OK);
}

static void take_until_clean(Bare *b, Copy *c)
{
    gint64 end = g_get_monotonic_time() + TEST_PATIENCE_US;
    while (take(b, c)) {
        g_assert_cmpint(g_get_monotonic_time(), <, end);
        g_usleep(100);
    }
}

/* All takes after the first see few of the pages that were written: the rights went and came. */
static void follow(Bare *b, Copy *fast, Copy *slow)
{
    for (unsigned n = 1; n <= TAKES; n++) {
        dma_somewhere(b, n);
        take(b, fast);
        if (n % SLOW == 0) {
            take(b, slow);
        }
        if (n % 16 == 0) {
            g_usleep(500);
        }
    }
}

static void test_follow(void)
{
    Bare *b = bare_new(cpu_arch_find("riscv64"), "rv64", accel_name, NULL);
    Copy fast, slow;
    const AccelClass *class = b->machine.accel->class;
    put_program(b);
    bare_start(b);
    class->resume(b->machine.accel); /* TLBs fill before anybody follows */
    g_usleep(20000);
    copy_start(b, &fast, RAM_DIRTY_DISPLAY);
    g_assert_cmpuint(take(b, &fast), ==, PAGES);
    copy_start(b, &slow, RAM_DIRTY_MIGRATION);
    g_assert_cmpuint(take(b, &slow), ==, PAGES);
    follow(b, &fast, &slow);
    set_flag(b, 1);
    take_until_clean(b, &fast); /* the vCPU writes no more: the last rights went */
    take_until_clean(b, &slow);
    assert_same(b, &fast);
    assert_same(b, &slow);
    set_flag(b, 0);
    while (!__atomic_load_n(&b->finished, __ATOMIC_SEQ_CST)) {
        g_usleep(1000);
    }
    class->pause(b->machine.accel);
    copy_end(b, &fast);
    copy_end(b, &slow);
    g_assert_false(ram_is_followed(b->machine.ram.ram));
    bare_free(b);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    accel_name = argc > 1 ? argv[1] : "interp";
    g_test_add_func("/dirty/follow", test_follow);
    return g_test_run();
}
