/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The memory model, seen by the harts of a bare machine (M mode, no paging): each test runs ROUNDS rounds on the
 * harts that it needs, and counts outcomes that the architecture forbids.
 * Spec: The RISC-V Instruction Set Manual, volume I, "RVWMO Memory Consistency Model" and its appendix of litmus tests.
 *
 * A round is BATCH places: each hart walks over all of them in its own order, so that harts meet somewhere; then all wait for
 * each other, and hart 0 looks.  A line a test: "NAME: ROUNDS rounds, F forbidden, R relaxed", then exit status 0, or
 * 1 when anything forbidden was seen. */
#ifndef HARTS
#define HARTS 4
#endif
#ifndef ROUNDS
#define ROUNDS 1000
#endif
enum { UART = 0x10000000, FINISHER = 0x100000, BATCH = 1024, LINE = 16 };

typedef unsigned char u8;
typedef unsigned int u32;
typedef unsigned long u64;

/* A place has a cache line for each variable. */
typedef struct Place {
    volatile u64 x[LINE / 2], y[LINE / 2], r[8];
} Place;
static Place place[BATCH] __attribute__((aligned(4096)));

#define FENCE(before, after) __asm__ volatile("fence " #before "," #after ::: "memory")

/* ---- saying -------------------------------------------------------------------------- */

static void say(const char *s)
{
    while (*s) {
        *(volatile u8 *)UART = *s++;
    }
}

static void say_number(u64 n)
{
    char text[24], *p = text + sizeof(text);
    *--p = 0;
    do {
        *--p = '0' + n % 10;
    } while (n /= 10);
    say(p);
}

static void finish(u32 status)
{
    *(volatile u32 *)FINISHER = status ? status << 16 | 0x3333 : 0x5555;
    for (;;) {
        __asm__ volatile("wfi");
    }
}

/* ---- meeting --------------------------------------------------------------------------- */

static volatile u64 arrived, turn;

static void meet(void)
{
    u64 now = turn;
    if (__atomic_add_fetch(&arrived, 1, __ATOMIC_SEQ_CST) == HARTS) {
        arrived = 0;
        __atomic_store_n(&turn, now + 1, __ATOMIC_SEQ_CST);
    } else {
        while (__atomic_load_n(&turn, __ATOMIC_SEQ_CST) == now) {
            __asm__ volatile(".word 0x0100000f"); /* pause */
        }
    }
}

/* ---- the tests: what each hart does at a place, and what must not come of it ------------- */

static void mp(Place *p, u64 hart)
{
    if (hart == 0) {
        p->x[0] = 1;
        FENCE(w, w);
        p->y[0] = 1;
    } else if (hart == 1) {
        p->r[0] = p->y[0];
        FENCE(r, r);
        p->r[1] = p->x[0];
    }
}
static int mp_forbidden(const Place *p)
{
    return p->r[0] == 1 && p->r[1] == 0;
}

static void sb_fenced(Place *p, u64 hart)
{
    if (hart > 1) {
        return;
    }
    volatile u64 *mine = hart ? p->y : p->x, *other = hart ? p->x : p->y;
    mine[0] = 1;
    FENCE(rw, rw);
    p->r[hart] = other[0];
}
static int sb_forbidden(const Place *p)
{
    return p->r[0] == 0 && p->r[1] == 0;
}

/* Without fences that is allowed: seen, it shows that harts run at once. */
static void sb(Place *p, u64 hart)
{
    if (hart > 1) {
        return;
    }
    volatile u64 *mine = hart ? p->y : p->x, *other = hart ? p->x : p->y;
    mine[0] = 1;
    p->r[hart] = other[0];
}

/* Each stores what it has loaded, plus one where that is zero: nothing comes out of thin air. */
static void lb(Place *p, u64 hart)
{
    if (hart > 1) {
        return;
    }
    volatile u64 *from = hart ? p->y : p->x, *to = hart ? p->x : p->y;
    u64 v = from[0];
    FENCE(r, w);
    to[0] = 1;
    p->r[hart] = v;
}
static int lb_forbidden(const Place *p)
{
    return p->r[0] == 1 && p->r[1] == 1;
}

/* Two write, two read in opposite orders. */
static void iriw(Place *p, u64 hart)
{
    switch (hart) {
    case 0: p->x[0] = 1; break;
    case 1: p->y[0] = 1; break;
    case 2:
        p->r[0] = p->x[0];
        FENCE(rw, rw);
        p->r[1] = p->y[0];
        break;
    case 3:
        p->r[2] = p->y[0];
        FENCE(rw, rw);
        p->r[3] = p->x[0];
        break;
    }
}
static int iriw_forbidden(const Place *p)
{
    return p->r[0] == 1 && p->r[1] == 0 && p->r[2] == 1 && p->r[3] == 0;
}

/* Both store, then both load own and other: each sees its own store first, coherence orders the rest. */
static void coherence(Place *p, u64 hart)
{
    if (hart > 1) {
        return;
    }
    p->x[0] = hart + 1;
    p->r[2 * hart] = p->x[0];
    p->r[2 * hart + 1] = p->x[0];
}
static int coherence_forbidden(const Place *p)
{
    int back0 = p->r[0] == 2 && p->r[1] == 1, back1 = p->r[2] == 1 && p->r[3] == 2;
    return p->r[0] == 0 || p->r[2] == 0 || back0 || back1 || (p->r[1] == 2 && p->r[3] == 1);
}

/* An AMO with aq and rl on each side orders as a fence does. */
static void amo_sb(Place *p, u64 hart)
{
    if (hart > 1) {
        return;
    }
    volatile u64 *mine = hart ? p->y : p->x, *other = hart ? p->x : p->y;
    u64 old, one = 1;
    __asm__ volatile("amoswap.d.aqrl %0, %2, %1" : "=r"(old), "+A"(mine[0]) : "r"(one) : "memory");
    __asm__ volatile("amoor.d.aqrl %0, x0, %1" : "=r"(old), "+A"(other[0]) : : "memory");
    p->r[hart] = old;
}

/* All harts add to one place, by each width of AMO, by LR and SC, and by halves of one doubleword. */
static void add_by_lrsc(volatile u64 *at, u64 n)
{
    u64 old, failed;
    do {
        __asm__ volatile("lr.d.aq %0, %2\n\tadd %0, %0, %3\n\tsc.d.rl %1, %0, %2"
                         : "=&r"(old), "=&r"(failed), "+A"(*at)
                         : "r"(n)
                         : "memory");
    } while (failed);
}
static void counters(Place *p, u64 hart)
{
    volatile u32 *half = (volatile u32 *)&p->y[0] + hart % 2;
    __atomic_fetch_add(&p->x[0], hart + 1, __ATOMIC_RELAXED);
    add_by_lrsc(&p->x[1], hart + 1);
    __atomic_fetch_add(half, 1, __ATOMIC_RELAXED);
    __atomic_fetch_xor(&p->y[1], 1ul << hart, __ATOMIC_RELAXED);
}
static int counters_forbidden(const Place *p)
{
    u64 sum = HARTS * (HARTS + 1) / 2, even = (HARTS + 1) / 2, odd = HARTS / 2;
    return p->x[0] != sum || p->x[1] != sum || p->y[0] != (even | odd << 32) || p->y[1] != (1ul << HARTS) - 1;
}

typedef struct Test {
    const char *name;
    void (*step)(Place *p, u64 hart);
    int (*forbidden)(const Place *p);
    int (*relaxed)(const Place *p);
    unsigned harts;
} Test;
static const Test tests[] = {
    { "message passing", mp, mp_forbidden, 0, 2 },
    { "store buffering", sb, 0, sb_forbidden, 2 },
    { "store buffering, fenced", sb_fenced, sb_forbidden, 0, 2 },
    { "store buffering, AMOs", amo_sb, sb_forbidden, 0, 2 },
    { "load buffering", lb, lb_forbidden, 0, 2 },
    { "coherence", coherence, coherence_forbidden, 0, 2 },
    { "independent reads", iriw, iriw_forbidden, 0, 4 },
    { "counters", counters, counters_forbidden, 0, 2 },
};

static u64 forbidden_in_all;

static void clear(void)
{
    u64 *p = (u64 *)place;
    for (unsigned n = 0; n < sizeof(place) / sizeof(*p); n++) {
        p[n] = 0;
    }
}

static void report(const Test *t, u64 rounds, u64 forbidden, u64 relaxed)
{
    say(t->name);
    say(": ");
    say_number(rounds);
    say(" rounds, ");
    say_number(forbidden);
    say(" forbidden, ");
    say_number(relaxed);
    say(" relaxed\n");
    forbidden_in_all += forbidden;
}

static void run(const Test *t, u64 hart)
{
    u64 forbidden = 0, relaxed = 0;
    for (unsigned round = 0; round < ROUNDS; round++) {
        if (hart == 0) {
            clear();
        }
        meet();
        for (unsigned n = 0; n < BATCH; n++) {
            t->step(&place[hart % 2 ? BATCH - 1 - n : n], hart);
        }
        meet();
        for (unsigned n = 0; hart == 0 && n < BATCH; n++) {
            forbidden += t->forbidden && t->forbidden(&place[n]);
            relaxed += t->relaxed && t->relaxed(&place[n]);
        }
    }
    if (hart == 0) {
        report(t, (u64)ROUNDS * BATCH, forbidden, relaxed);
    }
}

/* ---- code that another hart changes --------------------------------------------------------- */

/* li a0, value; ret, in a page with data that all harts write beside it. */
static u32 code[1024] __attribute__((aligned(4096)));
static volatile u64 version;

static void write_code(unsigned value)
{
    code[0] = (value & 0x7ff) << 20 | 0x513;
    code[1] = 0x8067;
}

static u64 call_code(void)
{
    u64 (*fn)(void) = (u64(*)(void))code;
    return fn();
}

/* Hart 0 writes a version of the function and says so; the others fence and call it: never an older one. */
static void patched_code(u64 hart)
{
    enum { VERSIONS = ROUNDS * 8 };
    static volatile u64 old[HARTS];
    u64 seen = 0, mine = 0;
    meet();
    while (seen < VERSIONS) {
        code[64 + hart] = seen;
        if (hart == 0) {
            write_code(++seen);
            FENCE(rw, rw);
            __atomic_store_n(&version, seen, __ATOMIC_RELEASE);
            for (unsigned wait = seen % 64; wait; wait--) {
                __asm__ volatile("nop");
            }
        } else {
            seen = __atomic_load_n(&version, __ATOMIC_ACQUIRE);
            if (!seen) {
                continue;
            }
            __asm__ volatile("fence.i" ::: "memory");
            u64 got = call_code(), newest = __atomic_load_n(&version, __ATOMIC_ACQUIRE);
            if (newest - seen < 1024 && ((got - seen) & 0x7ff) > newest + 1 - seen) {
                mine++;
            }
        }
    }
    old[hart] = mine;
    meet();
    if (hart) {
        return;
    }
    u64 sum = 0;
    for (unsigned n = 0; n < HARTS; n++) {
        sum += old[n];
    }
    report(&(Test){ .name = "patched code" }, VERSIONS, sum, 0);
}

void begin(u64 hart)
{
    if (hart >= HARTS) {
        for (;;) {
            __asm__ volatile("wfi");
        }
    }
    for (unsigned n = 0; n < sizeof(tests) / sizeof(*tests); n++) {
        if (tests[n].harts <= HARTS) {
            run(&tests[n], hart);
        }
    }
    patched_code(hart);
    if (hart == 0) {
        finish(forbidden_in_all != 0);
    }
    for (;;) {
        __asm__ volatile("wfi");
    }
}

/* A stack of 4 KiB for each hart. */
u8 stacks[HARTS * 4096] __attribute__((aligned(16)));
__asm__(
    ".section .text.start\n.globl _start\n_start:\n\tcsrr a0, mhartid\n\tla sp, stacks\n\taddi t0, a0, 1\n"
    "\tslli t0, t0, 12\n\tadd sp, sp, t0\n\tj begin\n");
