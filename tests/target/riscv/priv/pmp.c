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

/* ---- fetches within a page ---- */

enum { COUNT = 0x00150513, RET = 0x00008067, C_NOP = 1 }; /* addi a0, a0, 1 */
#define RUN_CAUSE(at) access(do_fetch, (uint64_t *)(at))

static uint32_t *code_fill(unsigned insns)
{
    uint32_t *code = (uint32_t *)area;
    for (unsigned i = 0; i < 2048; i++) {
        code[i] = i < insns ? COUNT : RET;
    }
    fence_code();
    return code;
}

static void check_fault_at(const char *name, const void *insn, const void *part)
{
    check(name, what(), 1);
    check(name, trap.epc, (uint64_t)insn);
    check(name, trap.tval, (uint64_t)part);
}

/* Code runs up to the first instruction that an entry of 4 bytes forbids, wherever it starts. */
static void check_fetch(void)
{
    uint32_t *code = code_fill(20);
    set(0, 0);
    check("code runs", RUN_CAUSE(code), CAUSE_NONE);
    for (unsigned round = 0; round < 3; round++) {
        set((uint64_t)&code[8] >> 2, NA4 | R | W);
        RUN_CAUSE(code);
        check_fault_at("into 4 bytes without X", &code[8], &code[8]);
        RUN_CAUSE(&code[3]);
        check_fault_at("into them from the middle", &code[8], &code[8]);
        RUN_CAUSE(&code[8]);
        check_fault_at("to them", &code[8], &code[8]);
        check("from behind them", RUN_CAUSE(&code[9]), CAUSE_NONE);
        csr_write(pmpcfg0, NA4 | R | X | (NAPOT | R | W | X) << 8);
        check("4 bytes with X in a page with X", RUN_CAUSE(code), CAUSE_NONE);
    }
}

/* The other way round: 8 bytes that may be run, in memory that may not. */
static void check_fetch_island(void)
{
    uint32_t *code = code_fill(20);
    csr_write(pmpcfg0, 0);
    csr_write(pmpaddr0, (uint64_t)&code[4] >> 2);
    csr_write(pmpaddr1, (uint64_t)&code[6] >> 2);
    csr_write(pmpaddr2, (uint64_t)area >> 2 | 0x1ff);
    csr_write(pmpaddr3, -1ull);
    csr_write(pmpcfg0, (TOR | R | X) << 8 | (NAPOT | R | W) << 16 | (uint64_t)(NAPOT | R | W | X) << 24);
    RUN_CAUSE(&code[4]);
    check_fault_at("out of 8 bytes with X", &code[6], &code[6]);
    RUN_CAUSE(&code[3]);
    check_fault_at("before them", &code[3], &code[3]);
    code[5] = RET;
    fence_code();
    check("within them", RUN_CAUSE(&code[4]), CAUSE_NONE);
    csr_write(pmpcfg0, 0);
}

/* Jumps over what is forbidden, loops and jumps back beside it. */
static void check_fetch_jumps(void)
{
    uint32_t *code = code_fill(20);
    code[1] = 0x0100006f; /* j code[5] */
    code[6] = 0x00050863; /* beqz a0, code[10]: not taken */
    code[7] = 0xff5ff06f; /* j code[4] */
    code[4] = RET;
    fence_code();
    set(0, 0);
    check("jumps, all allowed", RUN_CAUSE(code), CAUSE_NONE);
    set((uint64_t)&code[3] >> 2, NA4 | R);
    check("a jump over 4 bytes without X", RUN_CAUSE(code), CAUSE_NONE);
    set((uint64_t)&code[4] >> 2, NA4 | R);
    RUN_CAUSE(code);
    check_fault_at("a jump back to 4 bytes without X", &code[4], &code[4]);
    set((uint64_t)&code[7] >> 2, NA4 | R);
    RUN_CAUSE(code);
    check_fault_at("behind a branch", &code[7], &code[7]);
    set((uint64_t)&code[6] >> 2, NA4 | R);
    RUN_CAUSE(code);
    check_fault_at("behind a jump", &code[6], &code[6]);
}

/* An instruction whose second half is forbidden faults as a whole; mtval tells the half. */
static void check_fetch_halves(void)
{
    uint32_t *code = code_fill(20);
    uint16_t *half = (uint16_t *)code;
    half[6] = C_NOP; /* the next one lies across code[4] */
    half[7] = (uint16_t)COUNT;
    half[8] = COUNT >> 16;
    half[9] = C_NOP;
    fence_code();
    set(0, 0);
    check("an instruction across words", RUN_CAUSE(code), CAUSE_NONE);
    set((uint64_t)&code[4] >> 2, NA4 | R);
    RUN_CAUSE(code);
    check_fault_at("its second half", &half[7], &half[8]);
    RUN_CAUSE(&half[7]);
    check_fault_at("its second half, first of a block", &half[7], &half[8]);
    set((uint64_t)&code[3] >> 2, NA4 | R);
    RUN_CAUSE(&code[2]);
    check_fault_at("its first half", &code[3], &code[3]);
    half[2046] = C_NOP;
    half[2047] = (uint16_t)COUNT;
    half[2048] = COUNT >> 16;
    half[2049] = C_NOP;
    fence_code();
    set(0, 0);
    check("an instruction across pages", RUN_CAUSE(&half[2046]), CAUSE_NONE);
    set((uint64_t)&half[2048] >> 2, NA4 | R);
    RUN_CAUSE(&half[2046]);
    check_fault_at("its second page", &half[2047], &half[2048]);
    set(((uint64_t)&half[2048] >> 2) + 1, NA4 | R);
    RUN_CAUSE(&half[2046]);
    check_fault_at("behind it", &half[2050], &half[2050]);
}

/* Cause of an access that M makes as S. */
static uint64_t access_as_s(uint64_t (*fn)(uint64_t), const uint64_t *at)
{
    uint64_t old = csr_read(mstatus);
    trap_clear();
    csr_write(mstatus, (old & ~(3ull << 11)) | 1ull << 11 | 1ull << 17);
    fn((uint64_t)at);
    csr_write(mstatus, old);
    return what();
}

/* Accesses that M makes as S, and page tables, are bound by PMP as S is. */
static void check_as_supervisor(void)
{
    set((uint64_t)&area[2] >> 2, NAPOT); /* 8 bytes */
    check("MPRV: M loads as S", access_as_s(do_load, &area[2]), 5);
    check("MPRV: beside them", access_as_s(do_load, &area[3]), CAUSE_NONE);
    trap_clear();
    do_load((uint64_t)&area[2]);
    check("M itself is not bound", what(), CAUSE_NONE);
    area[2] = 0x80000000ull >> 2 | 0xcf; /* 1 GiB of RAM, to itself */
    csr_write(satp, 8ull << 60 | (uint64_t)area >> 12);
    __asm__ volatile("sfence.vma" ::: "memory");
    check("a load by a page table that may not be read", access_as_s(do_load, &area[9]), 5);
    check("a store by it", access_as_s(do_store, &area[9]), 7);
    set((uint64_t)&area[2] >> 2, NAPOT | R);
    check("a page table that may be read", access_as_s(do_load, &area[9]), CAUSE_NONE);
    csr_write(satp, 0);
    area[2] = 0;
}

/* A cache block is one access: an entry within it forbids all, and the fault tells rs1. */
static void check_cache_blocks(void)
{
    set((uint64_t)&area[8] >> 2, NAPOT); /* the first 8 bytes of 64 */
    area[9] = 1;
    check("cbo.zero of a block that is forbidden in part", access_as_s(do_zero, &area[12]), 7);
    check("its address", trap.tval, (uint64_t)&area[12]);
    check("it zeroes nothing", area[9], 1);
    check("cbo.clean of such a block", access_as_s(do_clean, &area[12]), 7);
    check("its address", trap.tval, (uint64_t)&area[12]);
    check("the block behind it", access_as_s(do_zero, &area[17]), CAUSE_NONE);
}

static void check_locked_fetch(void)
{
    uint32_t *code = code_fill(20);
    do_fetch((uint64_t)code);
    csr_write(pmpaddr4, (uint64_t)&code[8] >> 2);
    csr_write(pmpcfg0, csr_read(pmpcfg0) | (uint64_t)(NA4 | R | L) << 32);
    trap_clear();
    do_fetch((uint64_t)code);
    check_fault_at("4 bytes that M may not run", &code[8], &code[8]);
    trap_clear();
    do_fetch((uint64_t)&code[9]);
    check("M runs what is behind them", what(), CAUSE_NONE);
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
    check_fetch();
    check_fetch_island();
    check_fetch_jumps();
    check_fetch_halves();
    check_as_supervisor();
    check_cache_blocks();
    csr_write(pmpcfg0, 0);
    check_locked_fetch();
    check_lock();
}
