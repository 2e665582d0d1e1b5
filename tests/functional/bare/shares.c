/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Random programs of loads and stores by a few registers around the ends of pages whose mapping changes under them (S mode,
 * Sv39): whatever an accelerator makes of neighbouring accesses, registers, traps, memory and page table are the same in
 * the end.  Says a number that stands for all of them, the same for every accelerator. */
#define HARTS 1
#include "litmus.h"

enum { PAGE = 4096, ENTRIES = 512, SLOTS = 32, MOST = 28, DATA = 3, KINDS = 8 };
enum { V = 1, R = 2, W = 4, X = 8, A = 0x40, D = 0x80 };
#define WINDOW 0x100000000ul
#define FLASH 0x20000000ul

static u64 root[ENTRIES] __attribute__((aligned(PAGE))), middle[ENTRIES] __attribute__((aligned(PAGE)));
static volatile u64 leaves[ENTRIES] __attribute__((aligned(PAGE)));
static u64 data[DATA][PAGE / 8] __attribute__((aligned(PAGE)));
/* The program, in the midst of a page that is data, too. */
static u32 code[PAGE / 4] __attribute__((aligned(PAGE)));

static u64 seed = 1, sum = 0xcbf29ce484222325;

static u32 random_below(u32 n)
{
    seed = seed * 6364136223846793005 + 1442695040888963407;
    return (seed >> 33) % n;
}

static void note(u64 value)
{
    sum = (sum ^ value) * 0x100000001b3;
    sum ^= sum >> 29;
}

/* ---- running one ------------------------------------------------------------------------------------ */

/* Each trap goes on behind its instruction. */
u64 regs[SLOTS], traps[3 * MOST + 3], *trap_end, kept[4];
void run(void);
__asm__(
    ".option push\n.option norvc\n.balign 4\ntrap:\n\tcsrw mscratch, t0\n\tla t0, kept\n\tsd t1, 0(t0)\n\tsd t2, 8(t0)\n"
    "\tla t1, trap_end\n\tld t0, 0(t1)\n\tcsrr t2, mcause\n\tsd t2, 0(t0)\n\tcsrr t2, mtval\n\tsd t2, 8(t0)\n"
    "\tcsrr t2, mepc\n\tsd t2, 16(t0)\n\taddi t0, t0, 24\n\tsd t0, 0(t1)\n\taddi t2, t2, 4\n\tcsrw mepc, t2\n"
    "\tla t0, kept\n\tld t1, 0(t0)\n\tld t2, 8(t0)\n\tcsrr t0, mscratch\n\tmret\n.option pop\n");

/* From regs to the registers, through the program, and back; ra, sp, gp and tp are ours, x31 leads to regs. */
#define EACH(f)                                                                                              \
    f(5) f(6) f(7) f(8) f(9) f(10) f(11) f(12) f(13) f(14) f(15) f(16) f(17) f(18) f(19) f(20) f(21) f(22)   \
        f(23) f(24) f(25) f(26) f(27) f(28) f(29) f(30)
#define LOAD(n) "ld x" #n ", 8*" #n "(x31)\n\t"
#define STORE(n) "sd x" #n ", 8*" #n "(x31)\n\t"
#define PUSH(n) "sd x" #n ", 8*" #n "(sp)\n\t"
#define POP(n) "ld x" #n ", 8*" #n "(sp)\n\t"
__asm__("run:\n\taddi sp, sp, -256\n\tsd ra, 8(sp)\n\t" EACH(PUSH) "la x31, regs\n\t" EACH(
    LOAD) "la ra, code + 2048\n\tjalr ra\n\tla x31, regs\n\t" EACH(STORE)
            EACH(POP) "ld ra, 8(sp)\n\taddi sp, sp, 256\n\tret\n");

/* ---- making one --------------------------------------------------------------------------------------- */

/* x18 to x21 are addresses; x5 to x17 values. */
enum { BASES = 18, VALUES = 5, TABLE = 22, ENTRY_A, ENTRY_B, WORD, CHIP, COMMAND };
enum { OP_LOAD = 0x03, OP_STORE = 0x23, OP_ADDI = 0x13, OP_BRANCH = 0x63, SFENCE_VMA = 0x12000073 };

static u32 base(void)
{
    return BASES + random_below(4);
}

static u32 value(void)
{
    return VALUES + random_below(13);
}

static u32 i_type(u32 op, u32 funct, u32 rd, u32 rs1, int imm)
{
    return (u32)imm << 20 | rs1 << 15 | funct << 12 | rd << 7 | op;
}

static u32 s_type(u32 funct, u32 rs2, u32 rs1, int imm)
{
    return ((u32)imm >> 5 & 127) << 25 | rs2 << 20 | rs1 << 15 | funct << 12 | ((u32)imm & 31) << 7 |
           OP_STORE;
}

static int distance(void)
{
    return (int)random_below(64) - 32;
}

/* One instruction, or two. */
static u32 *add(u32 *at)
{
    u32 what = random_below(100);
    if (what < 40) {
        *at++ = i_type(OP_LOAD, random_below(7), value(), base(), distance());
    } else if (what < 75) {
        *at++ = s_type(random_below(4), value(), base(), distance());
    } else if (what < 83) {
        *at++ = i_type(OP_ADDI, 0, base(), base(), distance() / 4);
    } else if (what < 88) { /* bne: over the next one */
        *at++ = value() << 20 | value() << 15 | 1 << 12 | 8 << 7 | OP_BRANCH;
        *at++ = i_type(OP_LOAD, 3, value(), base(), distance());
    } else if (what < 92) { /* the page becomes another one */
        *at++ = s_type(3, random_below(2) ? ENTRY_A : ENTRY_B, TABLE, 0);
        *at++ = SFENCE_VMA;
    } else if (what < 96) { /* the flash chip has another mode */
        *at++ = s_type(2, COMMAND, CHIP, 0);
        *at++ = i_type(OP_LOAD, 2, value(), CHIP, 0);
        *at++ = s_type(2, 0, CHIP, 0);
    } else if (what < 98) { /* amoadd.d */
        *at++ = value() << 20 | WORD << 15 | 3 << 12 | value() << 7 | 0x2f;
    } else { /* lr.d, sc.d */
        *at++ = 2u << 27 | WORD << 15 | 3 << 12 | value() << 7 | 0x2f;
        *at++ = 3u << 27 | value() << 20 | WORD << 15 | 3 << 12 | value() << 7 | 0x2f;
    }
    return at;
}

static u64 entry(const volatile void *at, u64 bits)
{
    return (u64)at >> 12 << 10 | bits;
}

/* What the middle page of the window may be. */
static u64 any_page(void)
{
    switch (random_below(KINDS)) {
    case 0: return 0;
    case 1: return entry(data[1], V | R | A);
    case 2: return entry(data[1], V | R | W);
    case 3: return entry(code, V | R | W | A | D);
    case 4: return entry((void *)FLASH, V | R | A);
    case 5: return entry(data[0], V | R | W | A | D);
    default: return entry(data[1], V | R | W | A | D);
    }
}

static void make(void)
{
    u32 *at = code + PAGE / 8, *end = at + 1 + random_below(MOST - 4);
    while (at < end) {
        at = add(at);
    }
    *at = 0x00008067; /* ret */
    for (unsigned n = VALUES; n < BASES; n++) {
        regs[n] = (u64)random_below(1u << 31) << 33 ^ random_below(1u << 31);
    }
    for (unsigned n = BASES; n < TABLE; n++) {
        regs[n] = WINDOW + PAGE * (1 + random_below(2)) + (u64)(long)distance();
    }
    regs[TABLE] = (u64)&leaves[1];
    regs[ENTRY_A] = any_page();
    regs[ENTRY_B] = any_page();
    regs[WORD] = (u64)&data[0][8];
    regs[CHIP] = FLASH;
    regs[COMMAND] = random_below(2) ? 0x00700070 : 0x00ff00ff;
    leaves[1] = any_page();
}

/* What can have changed. */
static void note_all(void)
{
    for (unsigned n = VALUES; n < SLOTS - 1; n++) {
        note(regs[n]);
    }
    for (const u64 *p = traps; p < trap_end; p++) {
        note(*p);
    }
    for (unsigned n = 0; n < DATA; n++) {
        for (unsigned k = 0; k < 16; k++) {
            note(data[n][k]);
            note(data[n][PAGE / 8 - 1 - k]);
        }
    }
    for (unsigned k = 0; k < 32; k++) {
        note(code[k]);
        note(code[PAGE / 4 - 1 - k]);
    }
    note(leaves[1]);
}

/* ---- in S mode ------------------------------------------------------------------------------------------- */

static void run_programs(void)
{
    for (unsigned n = 0; n < ROUNDS; n++) {
        make();
        trap_end = traps;
        __asm__ volatile("sfence.vma\n\tfence.i" ::: "memory");
        run();
        note_all();
    }
    say("sum ");
    say_number(sum);
    say("\n");
    finish(0);
}

static void run_tests(u64 hart)
{
    enum { ALL = V | R | W | X | A | D };
    (void)hart;
    for (u64 n = 0; n < 4; n++) { /* in leaves of 1 GiB, where they are */
        root[n] = entry((void *)(n << 30), ALL);
    }
    root[WINDOW >> 30] = entry(middle, V);
    middle[0] = entry((void *)leaves, V);
    leaves[0] = entry(data[0], V | R | W | A | D);
    leaves[2] = entry(data[2], V | R | W | A | D);
    __asm__ volatile(
        "la t0, trap\n\tcsrw mtvec, t0\n\tli t0, -1\n\tcsrw pmpaddr0, t0\n\tli t0, 15\n\tcsrw pmpcfg0, t0\n\t"
        "li t0, 1\n\tslli t0, t0, 61\n\tcsrs 0x30a, t0\n\t" /* menvcfg.ADUE */
        "csrw satp, %0\n\tsfence.vma\n\tli t0, 0x1800\n\tcsrc mstatus, t0\n\tli t0, 0x800\n\tcsrs mstatus, t0\n\t"
        "csrw mepc, %1\n\tmret" ::"r"(8ul << 60 | (u64)root >> 12),
        "r"(run_programs)
        : "t0", "memory");
    __builtin_unreachable();
}
