/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Physical memory protection: matching, priority, locking.
 * Runs last: a locked entry stays until reset. */
#include "lib.h"

enum { R = 1, W = 2, X = 4, TOR = 8, NA4 = 16, NAPOT = 24, L = 128 };

/* Behind all code and data that the tests use: see link.ld. */
static uint64_t area[1024] __attribute__((aligned(4096), section(".area")));

/* Entry 0: `cfg` for [area, ...) as given; entry 1: everything else allowed. */
static void set(uint64_t addr, unsigned cfg)
{
    csr_write(pmpaddr0, addr);
    csr_write(pmpaddr1, -1ull);
    csr_write(pmpcfg0, cfg | (NAPOT | R | W | X) << 8);
    __asm__ volatile("sfence.vma" ::: "memory");
}

static uint64_t access(uint64_t (*fn)(uint64_t), uint64_t *at)
{
    trap_clear();
    run_in(MODE_S, fn, (uint64_t)at, 0);
    return what();
}

static void check_napot(void)
{
    uint64_t page = (uint64_t)area >> 2 | 0x1ff; /* 4 KiB */
    set(page, NAPOT | R);
    check("read allowed", access(do_load, area), CAUSE_NONE);
    check("write denied", access(do_store, area), 7);
    check("last word of the page", access(do_store, &area[511]), 7);
    check("the next page", access(do_store, &area[512]), CAUSE_NONE);
    trap_clear();
    do_store((uint64_t)area);
    check("M mode is not bound", what(), CAUSE_NONE);
    set(page, NAPOT);
    check("fetch denied", access(do_fetch, area), 1);
}

static void check_small(void)
{
    set((uint64_t)&area[1] >> 2 | 0, NAPOT | R); /* 8 bytes */
    check("8 bytes: before", access(do_store, &area[0]), CAUSE_NONE);
    check("8 bytes: inside", access(do_store, &area[1]), 7);
    check("8 bytes: after", access(do_store, &area[2]), CAUSE_NONE);
    set((uint64_t)&area[1] >> 2, NA4 | R | W);
    check("an access wider than its entry fails", access(do_load, &area[1]), 5);
    csr_write(pmpcfg0, 0);
    csr_write(pmpaddr0, (uint64_t)&area[4] >> 2);
    csr_write(pmpaddr1, (uint64_t)&area[8] >> 2);
    csr_write(pmpaddr2, -1ull);
    csr_write(pmpcfg0, (TOR | R) << 8 | (NAPOT | R | W | X) << 16);
    __asm__ volatile("sfence.vma" ::: "memory");
    check("TOR: before", access(do_store, &area[3]), CAUSE_NONE);
    check("TOR: first", access(do_store, &area[4]), 7);
    check("TOR: last", access(do_store, &area[7]), 7);
    check("TOR: top", access(do_store, &area[8]), CAUSE_NONE);
}

static void check_none(void)
{
    /* What is below `area`, code among it, is allowed; nothing else matches. */
    csr_write(pmpaddr0, (uint64_t)area >> 2);
    csr_write(pmpcfg0, TOR | R | W | X);
    __asm__ volatile("sfence.vma" ::: "memory");
    check("S without any match is denied", access(do_load, area), 5);
    trap_clear();
    do_load((uint64_t)area);
    check("M without any match is allowed", what(), CAUSE_NONE);
}

static void check_lock(void)
{
    set((uint64_t)area >> 2 | 0x1ff, NAPOT | R | L);
    trap_clear();
    do_store((uint64_t)area);
    check("a locked entry binds M", what(), 7);
    uint64_t cfg = csr_read(pmpcfg0), addr = csr_read(pmpaddr0);
    csr_write(pmpcfg0, 0);
    check("locked cfg stays", csr_read(pmpcfg0) & 0xff, cfg & 0xff);
    csr_write(pmpaddr0, 0);
    check("locked addr stays", csr_read(pmpaddr0), addr);
}

void test_pmp(void)
{
    check_napot();
    check_small();
    check_none();
    check_lock();
}
