/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The memory model, seen by the harts of a bare machine (M mode, no paging): each test runs ROUNDS rounds on the harts that
 * it needs, and counts outcomes that the architecture forbids.
 * Spec: The RISC-V Instruction Set Manual, volume I, "RVWMO Memory Consistency Model" and its appendix of litmus tests;
 * "Zifencei" for code that changes.
 *
 * A round is BATCH places: each hart walks over all of them, so that harts meet somewhere; then all wait for each other,
 * and hart 0 looks.  Roles go round among the harts. */
#include "litmus.h"

enum { BATCH = 1024, LINE = 64, MTIME = 0x200bff8 /* of the CLINT */ };

/* A place has a cache line for each variable. */
typedef struct Place {
    volatile u64 x[LINE / 8], y[LINE / 8], r[LINE / 8];
} Place;
static Place place[BATCH] __attribute__((aligned(4096)));

/* ---- atomics, as the tests want them -------------------------------------------------------- */

static u64 load_aq(volatile u64 *at)
{
    u64 v;
    __asm__ volatile("lr.d.aq %0, %1" : "=r"(v), "+A"(*at) : : "memory");
    return v;
}

static void store_rl(volatile u64 *at, u64 v)
{
    __asm__ volatile("amoswap.d.rl x0, %1, %0" : "+A"(*at) : "r"(v) : "memory");
}

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

/* ---- the tests: what each role does at a place, and what must not come of it ------------------ */

static void mp(Place *p, u64 role)
{
    if (role == 0) {
        p->x[0] = 1;
        FENCE(w, w);
        p->y[0] = 1;
    } else if (role == 1) {
        p->r[0] = p->y[0];
        FENCE(r, r);
        p->r[1] = p->x[0];
    }
}
static int mp_forbidden(const Place *p)
{
    return p->r[0] == 1 && p->r[1] == 0;
}

static void mp_aqrl(Place *p, u64 role)
{
    if (role == 0) {
        p->x[0] = 1;
        store_rl(&p->y[0], 1);
    } else if (role == 1) {
        p->r[0] = load_aq(&p->y[0]);
        p->r[1] = p->x[0];
    }
}

static void sb_fenced(Place *p, u64 role)
{
    if (role > 1) {
        return;
    }
    volatile u64 *mine = role ? p->y : p->x, *other = role ? p->x : p->y;
    mine[0] = 1;
    FENCE(rw, rw);
    p->r[role] = other[0];
}
static int sb_forbidden(const Place *p)
{
    return p->r[0] == 0 && p->r[1] == 0;
}

/* Without fences that is allowed: seen, it shows that harts run at once. */
static void sb(Place *p, u64 role)
{
    if (role > 1) {
        return;
    }
    volatile u64 *mine = role ? p->y : p->x, *other = role ? p->x : p->y;
    mine[0] = 1;
    p->r[role] = other[0];
}

/* An AMO with aq and rl on each side orders as a fence does. */
static void sb_amo(Place *p, u64 role)
{
    if (role > 1) {
        return;
    }
    volatile u64 *mine = role ? p->y : p->x, *other = role ? p->x : p->y;
    u64 old, one = 1;
    __asm__ volatile("amoswap.d.aqrl %0, %2, %1" : "=r"(old), "+A"(mine[0]) : "r"(one) : "memory");
    __asm__ volatile("amoor.d.aqrl %0, x0, %1" : "=r"(old), "+A"(other[0]) : : "memory");
    p->r[role] = old;
}

/* An LR with aq and rl stays behind the store before it: its rl is that of a load. */
static void sb_lr(Place *p, u64 role)
{
    if (role > 1) {
        return;
    }
    volatile u64 *mine = role ? p->y : p->x, *other = role ? p->x : p->y;
    u64 seen;
    mine[0] = 1;
    __asm__ volatile("lr.d.aqrl %0, %1" : "=r"(seen), "+A"(other[0]) : : "memory");
    p->r[role] = seen;
}

/* A release and an acquire behind it stay in their order, whatever they are: both are RCsc. */
static void sb_rcsc(Place *p, u64 role)
{
    if (role > 1) {
        return;
    }
    volatile u64 *mine = role ? p->y : p->x, *other = role ? p->x : p->y;
    store_rl(&mine[0], 1);
    p->r[role] = load_aq(&other[0]);
}

static void lb(Place *p, u64 role)
{
    if (role > 1) {
        return;
    }
    volatile u64 *from = role ? p->y : p->x, *to = role ? p->x : p->y;
    u64 v = from[0];
    FENCE(r, w);
    to[0] = 1;
    p->r[role] = v;
}
static int lb_forbidden(const Place *p)
{
    return p->r[0] == 1 && p->r[1] == 1;
}

/* Each writes both, in opposite orders: the second writes are not both overwritten. */
static void two_plus_two(Place *p, u64 role)
{
    if (role > 1) {
        return;
    }
    volatile u64 *first = role ? p->y : p->x, *second = role ? p->x : p->y;
    first[0] = 1;
    FENCE(w, w);
    second[0] = 2;
}
static int two_plus_two_forbidden(const Place *p)
{
    return p->x[0] == 1 && p->y[0] == 1;
}

/* What the second has read of the first's, and passed on, the third sees. */
static void causality(Place *p, u64 role)
{
    switch (role) {
    case 0: p->x[0] = 1; break;
    case 1:
        p->r[0] = p->x[0];
        FENCE(r, w);
        p->y[0] = p->r[0];
        break;
    case 2:
        p->r[1] = p->y[0];
        FENCE(r, r);
        p->r[2] = p->x[0];
        break;
    }
}
static int causality_forbidden(const Place *p)
{
    return p->r[1] == 1 && p->r[2] == 0;
}

/* Two write, two read in opposite orders. */
static void iriw(Place *p, u64 role)
{
    switch (role) {
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

/* Loads of one place by one hart do not go back. */
static void corr(Place *p, u64 role)
{
    if (role == 0) {
        p->x[0] = 1;
        p->x[0] = 2;
    } else if (role == 1) {
        u64 first = p->x[0], second = p->x[0];
        p->r[0] = first;
        p->r[1] = second;
    }
}
static int corr_forbidden(const Place *p)
{
    return p->r[0] > p->r[1];
}

/* Both store, then load twice: each sees its own store first, coherence orders the rest. */
static void coherence(Place *p, u64 role)
{
    if (role > 1) {
        return;
    }
    p->x[0] = role + 1;
    u64 first = p->x[0], second = p->x[0];
    p->r[2 * role] = first;
    p->r[2 * role + 1] = second;
}
static int coherence_forbidden(const Place *p)
{
    int back0 = p->r[0] == 2 && p->r[1] == 1, back1 = p->r[2] == 1 && p->r[3] == 2;
    return p->r[0] == 0 || p->r[2] == 0 || back0 || back1 || (p->r[1] == 2 && p->r[3] == 1);
}

/* All harts add to one place: by each width of AMO, by LR and SC, and in halves of one doubleword. */
static void counters(Place *p, u64 role)
{
    volatile u32 *half = (volatile u32 *)&p->y[0] + role % 2;
    __atomic_fetch_add(&p->x[0], role + 1, __ATOMIC_RELAXED);
    add_by_lrsc(&p->x[1], role + 1);
    __atomic_fetch_add(half, 1, __ATOMIC_RELAXED);
    __atomic_fetch_xor(&p->y[1], 1ul << role, __ATOMIC_RELAXED);
}
static int counters_forbidden(const Place *p)
{
    u64 sum = HARTS * (HARTS + 1) / 2, even = (HARTS + 1) / 2, odd = HARTS / 2;
    return p->x[0] != sum || p->x[1] != sum || p->y[0] != (even | odd << 32) || p->y[1] != (1ul << HARTS) - 1;
}

typedef struct Test {
    const char *name;
    void (*step)(Place *p, u64 role);
    int (*forbidden)(const Place *p);
    int (*relaxed)(const Place *p);
    unsigned harts;
} Test;
static const Test tests[] = {
    { "message passing", mp, mp_forbidden, 0, 2 },
    { "message passing, aq and rl", mp_aqrl, mp_forbidden, 0, 2 },
    { "store buffering", sb, 0, sb_forbidden, 2 },
    { "store buffering, fenced", sb_fenced, sb_forbidden, 0, 2 },
    { "store buffering, AMOs", sb_amo, sb_forbidden, 0, 2 },
    { "store buffering, LR", sb_lr, sb_forbidden, 0, 2 },
    { "store buffering, release and acquire", sb_rcsc, sb_forbidden, 0, 2 },
    { "load buffering", lb, lb_forbidden, 0, 2 },
    { "two writes each", two_plus_two, two_plus_two_forbidden, 0, 2 },
    { "causality", causality, causality_forbidden, 0, 3 },
    { "independent reads", iriw, iriw_forbidden, 0, 4 },
    { "coherent reads", corr, corr_forbidden, 0, 2 },
    { "coherence", coherence, coherence_forbidden, 0, 2 },
    { "counters", counters, counters_forbidden, 0, 2 },
};

static void clear(void)
{
    for (unsigned n = 0; n < BATCH; n++) {
        for (unsigned k = 0; k < LINE / 8; k++) {
            place[n].x[k] = place[n].y[k] = place[n].r[k] = 0;
        }
    }
}

/* In opposite orders harts meet once; in the same one, a little apart, all the way or never. */
static unsigned place_of(unsigned n, unsigned round, u64 role)
{
    unsigned skew = round % 8 * (unsigned)role;
    return round % 3 == 0 && role % 2 ? BATCH - 1 - n : (n + skew) % BATCH;
}

static void run(const Test *t, u64 hart)
{
    u64 forbidden = 0, relaxed = 0;
    for (unsigned round = 0; round < ROUNDS; round++) {
        u64 role = (hart + round) % HARTS;
        if (hart == 0) {
            clear();
        }
        meet();
        for (unsigned n = 0; n < BATCH; n++) {
            t->step(&place[place_of(n, round, role)], role);
        }
        meet();
        for (unsigned n = 0; hart == 0 && n < BATCH; n++) {
            forbidden += t->forbidden && t->forbidden(&place[n]);
            relaxed += t->relaxed && t->relaxed(&place[n]);
        }
    }
    if (hart == 0) {
        report(t->name, (u64)ROUNDS * BATCH, forbidden, relaxed);
    }
}

/* All add to one place, all the time; between LR and SC they read a device, so that others come between. */
static void busy_counters(u64 hart)
{
    enum { TURNS = ROUNDS * 4096 };
    static volatile u64 by_amo, by_lrsc;
    if (hart == 0) {
        by_amo = by_lrsc = 0;
    }
    meet();
    for (unsigned n = 0; n < TURNS; n++) {
        u64 old, failed;
        __atomic_fetch_add(&by_amo, 1, __ATOMIC_RELAXED);
        do {
            __asm__ volatile("lr.d %0, %2\n\tlw zero, (%3)\n\taddi %0, %0, 1\n\tsc.d %1, %0, %2"
                             : "=&r"(old), "=&r"(failed), "+A"(by_lrsc)
                             : "r"(MTIME)
                             : "memory");
        } while (failed);
    }
    meet();
    if (hart == 0) {
        u64 all = (u64)TURNS * HARTS;
        report("one counter", all, (by_amo != all) + (by_lrsc != all), 0);
    }
}

/* ---- locks --------------------------------------------------------------------------------- */

/* What a lock guards, without an atomic access: each sum is of all turns, and the two halves are alike. */
static volatile u64 guarded[2];

static void use_guarded(u64 *torn)
{
    u64 one = guarded[0], two = guarded[1];
    *torn += one != two;
    guarded[0] = one + 1;
    guarded[1] = two + 1;
}

static void lock_by_swap(volatile u32 *lock)
{
    u32 old, one = 1;
    for (;;) {
        __asm__ volatile("amoswap.w.aq %0, %2, %1" : "=r"(old), "+A"(*lock) : "r"(one) : "memory");
        if (!old) {
            return;
        }
        PAUSE();
    }
}

static void lock_by_lrsc(volatile u32 *lock)
{
    u32 old, one = 1;
    u64 failed;
    do {
        __asm__ volatile("lr.w %0, %2\n\tli %1, 1\n\tbnez %0, 1f\n\tsc.w %1, %3, %2\n1:"
                         : "=&r"(old), "=&r"(failed), "+A"(*lock)
                         : "r"(one)
                         : "memory");
        if (failed) {
            PAUSE();
        }
    } while (failed);
    FENCE(r, rw);
}

static void unlock(volatile u32 *lock)
{
    FENCE(rw, w);
    *lock = 0;
}

static void spin_locks(u64 hart)
{
    enum { TURNS = ROUNDS * 64 };
    static volatile u32 lock;
    u64 torn = 0;
    guarded[0] = guarded[1] = 0;
    meet();
    for (unsigned n = 0; n < TURNS; n++) {
        if ((n + hart) % 2) {
            lock_by_swap(&lock);
        } else {
            lock_by_lrsc(&lock);
        }
        use_guarded(&torn);
        unlock(&lock);
    }
    torn = sum_of_harts(hart, torn);
    u64 lost = (u64)TURNS * HARTS - guarded[0];
    if (hart == 0) {
        report("spin locks", (u64)TURNS * HARTS, torn + lost, 0);
    }
}

/* ---- code that another hart changes --------------------------------------------------------- */

/* A function of each hart, "li a0, version; ret", all in one page, with data that all write beside them. */
enum { CODE_STEP = 64 / 4, DATA = 1024 - HARTS, VERSION_BITS = 11, FAR = 1 << (VERSION_BITS - 1) };
static u32 code[1024] __attribute__((aligned(4096)));
static volatile u64 version[HARTS];

static u32 li_a0(u64 value)
{
    return (u32)(value << (32 - VERSION_BITS - 1) & 0x7ff00000) | 0x513;
}

/* By each kind of store in turn; the return stands there from the start. */
static void write_code(u64 hart, u64 value)
{
    volatile u32 *at = &code[hart * CODE_STEP];
    u32 insn = li_a0(value);
    u64 old, failed;
    switch (value % 4) {
    case 0: *at = insn; break;
    case 1: *(volatile u64 *)at = 0x8067ul << 32 | insn; break;
    case 2: __asm__ volatile("amoswap.w x0, %1, %0" : "+A"(*at) : "r"(insn) : "memory"); break;
    case 3:
        do {
            __asm__ volatile("lr.w %0, %2\n\tsc.w %1, %3, %2"
                             : "=&r"(old), "=&r"(failed), "+A"(*at)
                             : "r"(insn)
                             : "memory");
        } while (failed);
        break;
    }
}

typedef u64 Code(void);

static Code *code_of(u64 hart)
{
    return (Code *)(u64)&code[hart * CODE_STEP];
}

/* What it has heard of, fence.i makes it fetch: never an older version, nor one that is not written yet. */
static u64 call_fenced(Code *fn, volatile u64 *its_version)
{
    u64 seen = __atomic_load_n(its_version, __ATOMIC_ACQUIRE);
    __asm__ volatile("fence.i" ::: "memory");
    u64 got = fn(), newest = __atomic_load_n(its_version, __ATOMIC_ACQUIRE);
    return newest - seen < FAR && ((got - seen) & ((1 << VERSION_BITS) - 1)) > newest + 1 - seen;
}

static void patched_code(u64 hart)
{
    enum { VERSIONS = ROUNDS * 8 };
    u64 stale = 0;
    version[hart] = 0;
    code[hart * CODE_STEP + 1] = 0x8067;
    write_code(hart, 0);
    __asm__ volatile("fence.i" ::: "memory");
    meet();
    for (u64 n = 1; n <= VERSIONS; n++) {
        write_code(hart, n);
        code[DATA + hart] = (u32)n;
        __atomic_store_n(&version[hart], n, __ATOMIC_RELEASE);
        for (unsigned k = 1; k < HARTS; k++) {
            u64 other = (hart + k) % HARTS;
            stale += call_fenced(code_of(other), &version[other]);
        }
        __asm__ volatile("fence.i" ::: "memory");
        stale += code_of(hart)() != (n & ((1 << VERSION_BITS) - 1));
    }
    stale = sum_of_harts(hart, stale);
    if (hart == 0) {
        report("patched code", (u64)VERSIONS * HARTS * HARTS, stale, 0);
    }
}

/* Likewise of one hart's stores that are not told apart from others: it has the page for itself again and again, and while it reads
 * a device, in the midst of a block, others make code of it. */
static void write_slowly(volatile u32 *at, u64 from)
{
#pragma GCC unroll 8
    for (u64 n = from; n < from + 8; n++) {
        *at = li_a0(n);
        (void)*(volatile u32 *)MTIME;
        __atomic_store_n(&version[0], n, __ATOMIC_RELEASE);
        (void)*(volatile u32 *)MTIME;
    }
}

static void code_patched_slowly(u64 hart)
{
    enum { VERSIONS = ROUNDS * 2048 };
    static u32 page[1024] __attribute__((aligned(4096)));
    static volatile u64 stop;
    u64 stale = 0;
    if (hart == 0) {
        page[0] = li_a0(0);
        page[1] = 0x8067;
        version[0] = 0;
        stop = 0;
    }
    meet();
    for (u64 n = 1; hart == 0 && n <= VERSIONS; n += 8) {
        write_slowly(page, n);
    }
    if (hart == 0) {
        __atomic_store_n(&stop, 1, __ATOMIC_RELEASE);
    }
    while (hart && !__atomic_load_n(&stop, __ATOMIC_ACQUIRE)) {
        stale += call_fenced((Code *)(u64)page, &version[0]);
    }
    stale = sum_of_harts(hart, stale);
    if (hart == 0) {
        report("code patched slowly", VERSIONS, stale, 0);
    }
}

static void run_tests(u64 hart)
{
    do {
        for (unsigned n = 0; n < sizeof(tests) / sizeof(*tests); n++) {
            if (tests[n].harts <= HARTS) {
                run(&tests[n], hart);
            }
        }
        busy_counters(hart);
        spin_locks(hart);
        patched_code(hart);
        code_patched_slowly(hart);
    } while (ENDLESS);
}
