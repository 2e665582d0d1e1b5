/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The page walk when another hart changes an entry between its read and its compare-and-swap.
 * Spec: privileged specification, supervisor.adoc, "Virtual Address Translation Process", step 9. */
#include <glib.h>
#include <string.h>

#include "flat.h"

enum { V = 1, R = 2, W = 4, G = 32, A = 64, PAGE = 4096 };
#define BASE UINT64_C(0x80000000)
#define LEAF (BASE + 2 * PAGE)

static void put(uint8_t *ram, uint64_t at, uint64_t phys, uint64_t flags)
{
    uint64_t pte = phys >> 12 << 10 | flags;
    memcpy(ram + at, &pte, sizeof(pte));
}

static void not_global(uint8_t *ram)
{
    put(ram, 2 * PAGE, BASE, V | R | W);
}

static void other_page(uint8_t *ram)
{
    put(ram, 2 * PAGE, BASE + PAGE, V | R | W);
}

static void no_page(uint8_t *ram)
{
    put(ram, 2 * PAGE, BASE, 0);
}

/* Virtual page 0, global, not accessed yet. */
static bool walk(void (*rival)(uint8_t *ram), MmuResult *out)
{
    Flat *m = flat_new(&riscv64_arch, "max", BASE, 16 * PAGE);
    RiscvCPU *r = flat_cpu(m);
    MmuFault fault;
    put(flat_ram(m), 0, BASE + PAGE, V);
    put(flat_ram(m), PAGE, LEAF, V);
    put(flat_ram(m), 2 * PAGE, BASE, V | R | W | G);
    r->s.satp = UINT64_C(8) << 60 | BASE >> 12;
    r->s.priv = PRIV_S;
    r->s.menvcfg |= ENVCFG_ADUE;
    riscv_pmpaddr_write(r, 0, UINT64_MAX >> 10);
    riscv_pmpcfg_write(r, 0, 0x1f); /* all of memory, NAPOT */
    flat_set_rival(m, rival);
    bool good = r->cpu.arch->walk(&r->cpu, 0, 8, MMU_READ, out, &fault);
    flat_free(m);
    return good;
}

static void test_alone(void)
{
    MmuResult out;
    g_assert_true(walk(NULL, &out));
    g_assert_true(out.global);
    g_assert_cmphex(out.phys, ==, BASE);
}

/* What the walk answers is of the entry that it marked, in all parts. */
static void test_changed(void)
{
    MmuResult out;
    g_assert_true(walk(not_global, &out));
    g_assert_false(out.global);
    g_assert_true(walk(other_page, &out));
    g_assert_cmphex(out.phys, ==, BASE + PAGE);
    g_assert_false(out.global);
    g_assert_false(walk(no_page, &out));
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/riscv/walk/alone", test_alone);
    g_test_add_func("/riscv/walk/changed", test_changed);
    return g_test_run();
}
