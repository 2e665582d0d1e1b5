/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Sv39 page tables: rights, A and D bits, superpages, reserved bits, flushes.
 * Spec: privileged specification, supervisor.adoc, "Virtual Address Translation Process".
 *
 * Root entry 2 maps 1 GiB of RAM to itself for S, entry 3 the same for U (offset
 * ALIAS), entry 5 leads to a table of 4 KiB pages, the window of the tests. */
#include "lib.h"

enum { V = 1, R = 2, W = 4, X = 8, U = 16, G = 32, A = 64, D = 128 };
#define GIB (1ull << 30)
#define ALIAS GIB
#define WINDOW (5 * GIB)
#define RAM_BASE 0x80000000ull

static uint64_t root[512] __attribute__((aligned(4096)));
static uint64_t middle[512] __attribute__((aligned(4096)));
static uint64_t leaves[512] __attribute__((aligned(4096)));
static uint64_t page[512] __attribute__((aligned(4096)));
static uint64_t other[512] __attribute__((aligned(4096)));

static uint64_t pte(const void *to, uint64_t flags)
{
    return (uint64_t)to >> 12 << 10 | flags;
}

static void flush(void)
{
    __asm__ volatile("sfence.vma" ::: "memory");
}

static void map(uint64_t entry)
{
    leaves[0] = entry;
    flush();
    trap_clear();
}

static void paging_on(void)
{
    root[2] = pte((void *)RAM_BASE, V | R | W | X | A | D);
    root[3] = pte((void *)RAM_BASE, V | R | W | X | U | A | D);
    root[5] = pte(middle, V);
    middle[0] = pte(leaves, V);
    page[0] = 0x1234;
    page[1] = 0x8067; /* ret */
    csr_write(satp, 8ull << 60 | (uint64_t)root >> 12);
    flush();
}

/* Cause of an access in `mode` to the window (CAUSE_NONE: it worked). */
static uint64_t access(unsigned mode, uint64_t (*fn)(uint64_t), uint64_t offset)
{
    trap_clear();
    run_in(mode, fn, WINDOW + offset, mode == MODE_U ? ALIAS : 0);
    return what();
}

static void check_rights(void)
{
    map(pte(page, V | R | W | X | A | D));
    check("S reads an S page", access(MODE_S, do_load, 0), CAUSE_NONE);
    check("S writes an S page", access(MODE_S, do_store, 0), CAUSE_NONE);
    check("S runs an S page", access(MODE_S, do_fetch, 8), CAUSE_NONE);
    check("U reads an S page", access(MODE_U, do_load, 0), 13);
    check("its address", trap.tval, WINDOW);
    check("U writes an S page", access(MODE_U, do_store, 0), 15);
    check("U runs an S page", access(MODE_U, do_fetch, 8), 12);
    check("its address", trap.tval, WINDOW + 8);
    map(pte(page, V | R | W | X | U | A | D));
    check("U reads a U page", access(MODE_U, do_load, 0), CAUSE_NONE);
    check("U runs a U page", access(MODE_U, do_fetch, 8), CAUSE_NONE);
    check("S reads a U page", access(MODE_S, do_load, 0), 13);
    csr_set(mstatus, 1 << 18);
    check("S reads a U page with SUM", access(MODE_S, do_load, 0), CAUSE_NONE);
    check("S writes a U page with SUM", access(MODE_S, do_store, 0), CAUSE_NONE);
    check("S never runs a U page", access(MODE_S, do_fetch, 8), 12);
    csr_clear(mstatus, 1 << 18);
    check("SUM cleared", access(MODE_S, do_load, 0), 13);
    map(pte(page, V | X | A | D));
    check("reading an execute-only page", access(MODE_S, do_load, 0), 13);
    csr_set(mstatus, 1 << 19);
    check("with MXR", access(MODE_S, do_load, 0), CAUSE_NONE);
    check("MXR does not allow writes", access(MODE_S, do_store, 0), 15);
    csr_clear(mstatus, 1 << 19);
    map(pte(page, V | R | A | D));
    check("writing a read-only page", access(MODE_S, do_store, 0), 15);
    check("AMO on a read-only page", access(MODE_S, do_amo, 0), 15);
    check("LR on a read-only page", access(MODE_S, do_lr, 0), CAUSE_NONE);
    check("running a page without X", access(MODE_S, do_fetch, 8), 12);
}

static void check_entries(void)
{
    map(0);
    check("invalid entry, load", access(MODE_S, do_load, 0), 13);
    check("invalid entry, AMO", access(MODE_S, do_amo, 0), 15);
    map(pte(page, V | W | A | D));
    check("W without R is reserved", access(MODE_S, do_load, 0), 13);
    map(pte(page, V | R | A | D) | 1ull << 54);
    check("reserved bit 54", access(MODE_S, do_load, 0), 13);
    map(pte(page, V | R | A | D) | 1ull << 63);
    check("N without Svnapot", access(MODE_S, do_load, 0), 13);
    map(pte(page, V | R | A | D) | 1ull << 61);
    check("PBMT without Svpbmt", access(MODE_S, do_load, 0), 13);
    map(pte(page, V));
    check("a pointer at the last level", access(MODE_S, do_load, 0), 13);
    middle[0] = pte(leaves, V | D);
    map(pte(page, V | R | A | D));
    check("D in a pointer is reserved", access(MODE_S, do_load, 0), 13);
    middle[0] = pte((void *)(RAM_BASE + 0x200000), V | R | W | A | D);
    flush();
    check("2 MiB page", access(MODE_S, do_load, 0x1000), CAUSE_NONE);
    middle[0] = pte((void *)(RAM_BASE + 0x201000), V | R | W | A | D);
    flush();
    check("misaligned 2 MiB page", access(MODE_S, do_load, 0), 13);
    middle[0] = pte((void *)0x7000000, V);
    flush();
    check("a table where nothing is", access(MODE_S, do_load, 0), 5);
    middle[0] = pte(leaves, V);
    map(pte((void *)0x7000000, V | R | A | D));
    check("a page where nothing is", access(MODE_S, do_load, 0), 5);
    trap_clear();
    run_in(MODE_S, do_load, 1ull << 62, 0);
    check("an address that is not canonical", what(), 13);
    trap_clear();
    run_in(MODE_S, do_fetch, 1ull << 62, 0);
    check("a fetch that is not canonical", what(), 12);
}

static void check_accessed_dirty(void)
{
    map(pte(page, V | R | W));
    uint64_t cause = access(MODE_S, do_load, 0);
    if (cause == CAUSE_NONE) { /* hardware updates (Svadu) */
        check("A set by a load", leaves[0] & (A | D), A);
        check("store to a clean page", access(MODE_S, do_store, 0), CAUSE_NONE);
        check("D set by a store", leaves[0] & (A | D), A | D);
        map(pte(page, V | R));
        access(MODE_S, do_store, 0);
        check("a store that is refused sets nothing", leaves[0] & (A | D), 0);
    } else {
        check("A clear faults (Svade)", cause, 13);
    }
}

static void check_remap(void)
{
    page[3] = 111;
    other[3] = 222;
    map(pte(page, V | R | W | A | D));
    check("first map", run_in(MODE_S, do_load, WINDOW + 24, 0), 111);
    map(pte(other, V | R | W | A | D));
    check("another page after sfence.vma", run_in(MODE_S, do_load, WINDOW + 24, 0), 222);
    map(pte(other, V | R | A | D));
    check("rights taken away", access(MODE_S, do_store, 0), 15);
    /* an access across two pages faults on the second, with its address */
    leaves[0] = pte(page, V | R | W | A | D);
    leaves[1] = 0;
    flush();
    check("a load across pages", access(MODE_S, do_load, 4092), 13);
    check("faults with the second page's address", trap.tval, WINDOW + 4096);
    page[511] = 0x5555555555555555;
    check("a store across pages", access(MODE_S, do_store, 4092), 15);
    check("that faults writes nothing", page[511], 0x5555555555555555);
}

/* Two pieces of RAM of 2 MiB, far behind the program; page 3 of each returns its number. */
static const uint64_t piece[2] = { RAM_BASE + 0x4000000, RAM_BASE + 0x4200000 };

static void fence_at(uint64_t vaddr, unsigned form)
{
    if (form == 0) {
        __asm__ volatile("sfence.vma %0" ::"r"(vaddr) : "memory");
    } else {
        __asm__ volatile("sfence.vma %0, %1" ::"r"(vaddr), "r"(0ul) : "memory");
    }
}

/* One address of a superpage is fenced: loads and code of all its pages follow. */
static void check_superpage(void)
{
    const uint64_t vaddr = WINDOW + 0x200000, code = vaddr + 0x3000, data = vaddr + 0x1ff008;
    for (unsigned n = 0; n < 2; n++) {
        ((volatile uint32_t *)(piece[n] + 0x3000))[0] = 0x00000513 | n << 20; /* li a0, n */
        ((volatile uint32_t *)(piece[n] + 0x3000))[1] = 0x00008067;           /* ret */
        *(volatile uint64_t *)(piece[n] + 0x1ff008) = 100 + n;
    }
    fence_code();
    middle[1] = pte((void *)piece[0], V | R | W | X | A | D);
    flush();
    for (unsigned n = 0; n < 6; n++) {
        check("code of a 2 MiB page", run_in(MODE_S, do_fetch, code, 0), n & 1);
        check("data of a 2 MiB page", run_in(MODE_S, do_load, data, 0), 100 + (n & 1));
        middle[1] = pte((void *)piece[~n & 1], V | R | W | X | A | D);
        fence_at(vaddr + 0x100000, n / 2 & 1);
    }
    /* split into pages and joined again: the table itself changes, which takes the whole fence */
    for (unsigned n = 0; n < 512; n++) {
        leaves[n] = pte((void *)(piece[1] + n * 0x1000), V | R | W | X | A | D);
    }
    middle[1] = pte(leaves, V);
    fence_at(vaddr + 0x5000, 0);
    check("code of a 2 MiB page that was split", run_in(MODE_S, do_fetch, code, 0), 1);
    check("data of a 2 MiB page that was split", run_in(MODE_S, do_load, data, 0), 101);
    leaves[3] = pte((void *)(piece[0] + 0x3000), V | R | W | X | A | D);
    fence_at(code, 1);
    check("code of one page of it", run_in(MODE_S, do_fetch, code, 0), 0);
    middle[1] = 0;
    flush();
}

/* A page of code: at 0 a load that takes the page's place in a cache of translations that has
 * 4096 entries, then a branch to a function that returns `number`; at 0x200 a ret. */
static void write_branch_page(uint64_t *to, uint32_t number)
{
    static const uint32_t code[] = {
        0x010002b7, /* lui t0, 0x1000 */
        0x00a282b3, /* add t0, t0, a0 */
        0x0002b283, /* ld t0, 0(t0) */
        0x0e028a63, /* beqz t0, .+0xf4: to 0x100 */
        0x00008067, /* ret */
    };
    uint32_t *words = (uint32_t *)to;
    for (unsigned n = 0; n < sizeof(code) / sizeof(code[0]); n++) {
        words[n] = code[n];
    }
    words[0x100 / 4] = 0x00000513 | number << 20; /* li a0, number */
    words[0x104 / 4] = words[0x200 / 4] = 0x00008067;
    fence_code();
}

/* Between two blocks of a page the page's entry changes, unfenced: either function may be the
 * branch's target.  After a fence it is the one of the page that is mapped. */
static void check_branch_in_remapped_page(void)
{
    const uint64_t code = WINDOW + 300 * 0x1000;
    write_branch_page(page, 1);
    write_branch_page(other, 2);
    *(volatile uint64_t *)(piece[0] + 300 * 0x1000) = 0;
    middle[8] = pte((void *)piece[0], V | R | W | X | A | D);
    leaves[300] = pte(page, V | R | X | A);
    flush();
    run_in(MODE_S, do_fetch, code + 0x200, 0);
    leaves[300] = pte(other, V | R | X | A);
    uint64_t either = run_in(MODE_S, do_fetch, code, 0);
    check("a branch before the fence", either == 1 || either == 2, 1);
    leaves[300] = pte(page, V | R | X | A);
    flush();
    check("a branch in a page that was mapped, moved and mapped again", run_in(MODE_S, do_fetch, code, 0), 1);
    leaves[300] = pte(other, V | R | X | A);
    flush();
    check("a branch in the other page", run_in(MODE_S, do_fetch, code, 0), 2);
    leaves[300] = middle[8] = 0;
    flush();
}

/* "Changing satp.MODE from Bare to other modes and vice versa also takes effect immediately",
 * for global pages, too. */
static void check_bare(void)
{
    const uint64_t vaddr = WINDOW + 300 * 0x1000, old = csr_read(satp);
    const uint64_t rights = 3 << 18; /* SUM, MXR: with these Bare was not used yet */
    csr_set(mstatus, rights);
    leaves[300] = pte(page, V | R | W | G | A | D);
    page[0] = 0x77;
    check("a global page", run_in(MODE_S, do_load, vaddr, 0), 0x77);
    csr_write(satp, 0);
    check("Bare is without global pages", access(MODE_S, do_load, vaddr - WINDOW), 5);
    csr_write(satp, old);
    check("the global page again", run_in(MODE_S, do_load, vaddr, 0), 0x77);
    csr_clear(mstatus, rights);
    leaves[300] = 0;
    flush();
}

static void check_mprv(void)
{
    map(pte(page, V | R | W | U | A | D));
    page[0] = 0x77;
    uint64_t old = csr_read(mstatus);
    csr_clear(mstatus, 3 << 11); /* MPP = U */
    csr_set(mstatus, 1 << 17);
    uint64_t seen = do_load(WINDOW);
    csr_write(mstatus, old);
    check("MPRV: M loads as U", seen, 0x77);
    check("MPRV: no trap", what(), CAUSE_NONE);
    trap_clear();
    do_load(WINDOW);
    check("M itself is not translated", what(), 5);
    csr_set(mstatus, 3 << 11); /* MPP = M: the switch's own accesses are not translated */
    csr_set(mstatus, 1 << 17);
    run_in(MODE_S, do_sfence, 0, 0);
    uint64_t after = csr_read(mstatus);
    csr_clear(mstatus, 1 << 17);
    check("MPRV cleared by mret to S", after >> 17 & 1, 0);
}

void test_paging(void)
{
    paging_on();
    check_rights();
    check_entries();
    check_accessed_dirty();
    check_remap();
    check_superpage();
    check_branch_in_remapped_page();
    check_bare();
    check_mprv();
    csr_write(satp, 0);
    flush();
}
