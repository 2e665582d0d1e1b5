/* SPDX-License-Identifier: GPL-2.0-or-later */
/* RAM comes and goes under a vCPU that reads it, writes it and runs code in it: what the vCPU has of it
 * in its TLB, its jumps and its translated code goes before the memory does.
 *
 *   test-accel-unplug ACCEL */
#include "base/readers.h"
#include "rvcode.h"
#include "target/riscv/cpu.h"
#include "tests/patience.h"

enum { MAILBOX = 0x200000, PLUG_SIZE = 0x10000, ROUNDS = 300 };
#define PLUG UINT64_C(0x40000000)

static const char *accel_name;

/* csrrw zero, mtvec, rs */
static uint32_t set_mtvec(int rs)
{
    return 0x305u << 20 | (uint32_t)rs << 15 | 1 << 12 | 0x73;
}

/* Through which guest and test speak: RAM that both use is no place for a thread sanitizer. */
typedef struct Mailbox {
    MemoryRegion mr;
    uint64_t visits; /* atomic */
    bool stop;       /* atomic */
} Mailbox;

static BusResult mailbox_read(void *opaque, hwaddr offset, unsigned size, uint64_t *value)
{
    const Mailbox *box = opaque;
    *value = __atomic_load_n(&box->stop, __ATOMIC_ACQUIRE);
    return BUS_OK;
}

static BusResult mailbox_write(void *opaque, hwaddr offset, unsigned size, uint64_t value)
{
    Mailbox *box = opaque;
    __atomic_add_fetch(&box->visits, 1, __ATOMIC_RELEASE);
    return BUS_OK;
}

static const IoOps mailbox_ops = { .read = mailbox_read, .write = mailbox_write };

/* Until the mailbox says stop: load, store and run in the plug; a fault (it is away) begins anew. */
static void put_program(Bare *b)
{
    Code c = { bare_ram(b), 0 };
    li(&c, A3, MAILBOX);
    li(&c, A2, PLUG);
    li(&c, T0, 1);
    put(&c, slli(T0, T0, 31)); /* RAM */
    put(&c, addi(T0, T0, 64)); /* the loop, where every trap goes */
    put(&c, set_mtvec(T0));
    while (c.at < 64) {
        put(&c, addi(ZERO, ZERO, 0));
    }
    put(&c, ld(T1, A3, 0));
    put(&c, bne(T1, ZERO, 28));
    put(&c, ld(T0, A2, 0x100));
    put(&c, addi(T0, T0, 1));
    put(&c, sd(A2, T0, 0x100));
    put(&c, jalr(RA, A2, 0));
    put(&c, sd(A3, T0, 0));
    put(&c, jal(ZERO, -28));
    finish(&c);
}

/* New RAM with a function in it that returns. */
static MemoryRegion *plug_in(Bare *b)
{
    MemoryRegion *mr = g_new0(MemoryRegion, 1);
    g_assert_true(memory_region_init_ram(mr, NULL, "plug", PLUG_SIZE, NULL));
    Code c = { mr->ram->host, 0 };
    put(&c, jalr(ZERO, RA, 0));
    memory_region_add(&b->machine.system, PLUG, mr, 0);
    return mr;
}

static void plug_out(Bare *b, MemoryRegion *mr)
{
    memory_region_remove(&b->machine.system, mr);
    memory_region_finish(mr);
    memory_free_later(g_free, mr);
    memory_quiescent();
}

static void await_visits(Mailbox *box, uint64_t more)
{
    gint64 end = g_get_monotonic_time() + TEST_PATIENCE_US;
    uint64_t from = __atomic_load_n(&box->visits, __ATOMIC_ACQUIRE);
    for (; __atomic_load_n(&box->visits, __ATOMIC_ACQUIRE) - from < more; g_thread_yield()) {
        memory_free_later(g_free, g_malloc(1)); /* so the vCPU goes through its loop all the time */
        memory_quiescent();
        g_assert_cmpint(g_get_monotonic_time(), <, end);
    }
}

static void plug_once(Bare *b, Mailbox *box, uint64_t visits, bool followed)
{
    unsigned long bits[1];
    MemoryRegion *mr = plug_in(b);
    if (followed) {
        ram_dirty_start(mr->ram, RAM_DIRTY_DISPLAY);
    }
    await_visits(box, visits);
    if (followed) {
        ram_dirty_take(mr->ram, RAM_DIRTY_DISPLAY, 0, PLUG_SIZE, bits);
    }
    plug_out(b, mr);
}

static void unplug_rounds(bool followed)
{
    Bare *b = bare_new(cpu_arch_find("riscv64"), "rv64", accel_name, NULL);
    const AccelClass *class = b->machine.accel->class;
    Mailbox box = { .stop = false };
    memory_region_init_io(&box.mr, NULL, &mailbox_ops, &box, "mailbox", 8);
    memory_region_add(&b->machine.system, MAILBOX, &box.mr, 0);
    put_program(b);
    bare_start(b);
    class->resume(b->machine.accel);
    for (unsigned n = 0; n < ROUNDS; n++) {
        plug_once(b, &box, 1 + n % 50, followed);
    }
    __atomic_store_n(&box.stop, true, __ATOMIC_RELEASE);
    while (!__atomic_load_n(&b->finished, __ATOMIC_SEQ_CST)) {
        g_usleep(1000);
    }
    class->pause(b->machine.accel);
    memory_region_remove(&b->machine.system, &box.mr);
    memory_region_finish(&box.mr);
    bare_free(b);
}

static void test_unplug(void)
{
    unplug_rounds(false);
}

static void test_unplug_followed(void)
{
    unplug_rounds(true);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    accel_name = argc > 1 ? argv[1] : "tcg";
    g_test_add_func("/unplug/plain", test_unplug);
    g_test_add_func("/unplug/followed", test_unplug_followed);
    return g_test_run();
}
