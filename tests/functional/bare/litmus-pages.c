/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Page tables that one hart changes while others walk them (S mode, Sv39), and what a remote fence promises.
 * Spec: The RISC-V Instruction Set Manual, volume II, "Supervisor Memory-Management Fence Instruction" and "Sv39".
 *
 * RAM and devices stand where they are, in leaves of 1 GiB; PAGES pages at WINDOW are those that change.  Hart 0 asks
 * for a fence by the software interrupt of the CLINT; the others' M mode carries it out and counts. */
#include "litmus.h"

enum { PAGES = 512, PAGE = 4096, SPARE = 8, CLINT = 0x2000000 };
enum { V = 1, R = 2, W = 4, X = 8, A = 0x40, D = 0x80, SOFTWARE = 0x100, LEAF = V | R | W | A | D };
#define WINDOW 0x100000000ul

static volatile u64 root[PAGES] __attribute__((aligned(PAGE))), middle[PAGES] __attribute__((aligned(PAGE)));
static volatile u64 leaves[PAGES] __attribute__((aligned(PAGE)));
static volatile u64 ram[SPARE][PAGE / 8] __attribute__((aligned(PAGE)));
static volatile u64 data[PAGES][PAGE / 8] __attribute__((aligned(PAGE)));

static volatile u64 *window(unsigned page)
{
    return (volatile u64 *)(WINDOW + (u64)page * PAGE);
}

static u64 entry(const volatile void *at, u64 bits)
{
    return (u64)at >> 12 << 10 | bits;
}

/* ---- the remote fence ------------------------------------------------------------------------- */

/* By assembly below. */
volatile u64 fenced;
u64 kept[HARTS][8] __attribute__((aligned(64)));
void machine_trap(void);

__asm__(
    ".balign 4\nmachine_trap:\n\tcsrrw sp, mscratch, sp\n\tsd t0, 0(sp)\n\tsd t1, 8(sp)\n\tcsrr t0, mcause\n"
    "\tbgez t0, 1f\n\tcsrr t0, mhartid\n\tslli t0, t0, 2\n\tli t1, 0x2000000\n\tadd t0, t0, t1\n\tsw zero, 0(t0)\n"
    "\tfence\n\tsfence.vma\n\tla t0, fenced\n\tli t1, 1\n\tamoadd.d.aqrl zero, t1, (t0)\n"
    "\tld t0, 0(sp)\n\tld t1, 8(sp)\n\tcsrrw sp, mscratch, sp\n\tmret\n"
    "1:\tli t0, 0x100000\n\tli t1, 0x633333\n\tsw t1, 0(t0)\n2:\twfi\n\tj 2b\n");

static void fence_all(void)
{
    fenced = 0;
    FENCE(rw, rw);
    __asm__ volatile("sfence.vma" ::: "memory");
    for (u64 n = 1; n < HARTS; n++) {
        ((volatile u32 *)CLINT)[n] = 1;
    }
    while (__atomic_load_n(&fenced, __ATOMIC_ACQUIRE) != HARTS - 1) {
        PAUSE();
    }
}

/* ---- a page moves ------------------------------------------------------------------------------- */

/* Hart 0 moves page 0 of the window over SPARE pages of RAM; each holds the number of its move in word 0.  Once all
 * have fenced nobody reads an older one, and nobody's store (to its own word) reaches the page that was there before. */
static volatile u64 settled, stop;

static u64 marks_in(unsigned spare)
{
    u64 sum = 0;
    for (unsigned n = 1; n < HARTS; n++) {
        sum += ram[spare][n * 8];
    }
    return sum;
}

static u64 move_page(u64 moves)
{
    static u64 marks[SPARE];
    u64 late = 0;
    for (u64 n = 1; n <= moves; n++) {
        unsigned now = n % SPARE, before = (n - 1) % SPARE;
        if (n > SPARE) {
            late += marks_in(now) != marks[now];
        }
        ram[now][0] = n;
        leaves[0] = entry(ram[now], LEAF);
        fence_all();
        marks[before] = marks_in(before);
        __atomic_store_n(&settled, n, __ATOMIC_RELEASE);
    }
    __atomic_store_n(&stop, 1, __ATOMIC_RELEASE);
    return late;
}

static u64 watch_page(u64 hart)
{
    u64 stale = 0, turn_of_mine = 0;
    while (!__atomic_load_n(&stop, __ATOMIC_ACQUIRE)) {
        u64 known = __atomic_load_n(&settled, __ATOMIC_ACQUIRE);
        stale += window(0)[0] < known;
        window(0)[hart * 8] = ++turn_of_mine;
    }
    return stale;
}

static void moving_page(u64 hart)
{
    enum { MOVES = ROUNDS * 16 };
    leaves[0] = entry(ram[0], LEAF);
    __asm__ volatile("sfence.vma" ::: "memory");
    meet();
    stop = settled = 0;
    meet();
    u64 bad = sum_of_harts(hart, hart ? watch_page(hart) : move_page(MOVES));
    if (hart == 0) {
        report("moving page", MOVES, bad, 0);
    }
}

/* ---- bits that walks set -------------------------------------------------------------------------- */

static unsigned page_of(unsigned n, u64 hart)
{
    return hart % 2 ? PAGES - 1 - n : (n + 8 * (unsigned)hart) % PAGES;
}

/* Odd harts store, even ones load, and the last also sets a bit of its own in the entry: none of the bits is lost, and D is
 * set by stores alone.  (Page n is stored to by the odd harts if n is odd.) */
static void use_pages(u64 hart)
{
    for (unsigned n = 0; n < PAGES; n++) {
        unsigned page = page_of(n, hart);
        if (hart % 2 && page % 2) {
            window(page)[hart] = 1;
        } else {
            (void)window(page)[0];
        }
        if (hart == HARTS - 1) {
            __atomic_fetch_or(&leaves[page], SOFTWARE, __ATOMIC_RELAXED);
        }
    }
}

static u64 wrong_entries(void)
{
    u64 wrong = 0;
    for (unsigned n = 0; n < PAGES; n++) {
        wrong += leaves[n] != entry(data[n], V | R | W | A | SOFTWARE | (n % 2 ? D : 0));
    }
    return wrong;
}

static void set_by_walks(u64 hart)
{
    u64 wrong = 0;
    for (unsigned round = 0; round < ROUNDS; round++) {
        for (unsigned n = 0; hart == 0 && n < PAGES; n++) {
            leaves[n] = entry(data[n], V | R | W);
        }
        if (hart == 0) {
            fence_all();
        }
        meet();
        use_pages(hart);
        meet();
        wrong += hart == 0 ? wrong_entries() : 0;
    }
    if (hart == 0) {
        report("bits set by walks", (u64)ROUNDS * PAGES, wrong, 0);
    }
}

/* ---- a fence between a store to one entry and a walk of another ----------------------------------- */

/* Two harts each change their entry of a pair, fence, and read through the other's: one of them sees the change. */
static void store_then_walk(u64 hart)
{
    u64 both = 0;
    static volatile u64 seen[PAGES];
    ram[0][0] = 0;
    ram[1][0] = 1;
    for (unsigned round = 0; round < ROUNDS; round++) {
        for (unsigned n = 0; hart == 0 && n < PAGES; n++) {
            leaves[n] = entry(ram[0], LEAF);
        }
        if (hart == 0) {
            fence_all();
        }
        meet();
        for (unsigned n = 0; hart < 2 && n < PAGES; n += 2) {
            unsigned at = (n + 2 * (unsigned)hart * (round % 4)) % PAGES;
            leaves[at + hart] = entry(ram[1], LEAF);
            __asm__ volatile("sfence.vma" ::: "memory");
            seen[at + hart] = window(at + 1 - (unsigned)hart)[0];
        }
        meet();
        for (unsigned n = 0; hart == 0 && n < PAGES; n += 2) {
            both += !seen[n] && !seen[n + 1];
        }
    }
    if (hart == 0) {
        report("store, sfence.vma, walk", (u64)ROUNDS * PAGES / 2, both, 0);
    }
}

/* ---- from M to S mode ------------------------------------------------------------------------------- */

static void make_tables(void)
{
    for (u64 n = 0; n < 4; n++) {
        root[n] = entry((void *)(n << 30), LEAF | X);
    }
    root[WINDOW >> 30] = entry(middle, V);
    middle[0] = entry(leaves, V);
}

static void enter_supervisor(u64 hart)
{
    u64 hardware_sets_bits = 1ul << 61, all = ~0ul, tor_rwx = 0x1f, satp = 8ul << 60 | (u64)root >> 12;
    __asm__ volatile(
        "csrw mscratch, %0\n\tcsrw mtvec, %1\n\tcsrw pmpaddr0, %2\n\tcsrw pmpcfg0, %3\n\tcsrw 0x30a, %4\n"
        "\tcsrw satp, %5\n\tsfence.vma\n\tcsrw mie, %6"
        :
        : "r"(kept[hart]), "r"(machine_trap), "r"(all), "r"(tor_rwx), "r"(hardware_sets_bits), "r"(satp),
          "r"(8)
        : "memory");
    u64 mode = 3ul << 11, to_supervisor = 1ul << 11 | 1 << 7;
    __asm__ volatile("csrc mstatus, %0\n\tcsrs mstatus, %1\n\tla t0, 1f\n\tcsrw mepc, t0\n\tmret\n1:"
                     :
                     : "r"(mode), "r"(to_supervisor)
                     : "t0", "memory");
}

static void run_tests(u64 hart)
{
    if (hart == 0) {
        make_tables();
    }
    meet();
    enter_supervisor(hart);
    do {
        moving_page(hart);
        set_by_walks(hart);
        store_then_walk(hart);
    } while (ENDLESS);
}
