/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Random pieces of code of 64, 32 and 16 bits, with segments of every kind, and of virtual-8086 and real mode, on three processors of ours: interpreted, as
 * host code, and in lockstep, which compares block by block.  What is left is equal, every flag of it.  The host's
 * own processor is not asked: hosts that run 64-bit programs alone can do this, too.
 *
 *   test-lockstep [COUNT [SEED [RUNS]]]   COUNT pieces a row and code size (6), RUNS of each (3)
 *
 * LYREBIRD_LOCKSTEP=N: N times as many pieces. */
#include "silicon.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>

#include "coverage.h"

/* A jump to anywhere may make a loop: a run that is still there at the second tick is not compared. */
enum { TICK_US = 20000, ENOUGH = 20, ENOUGH_RUNS = 4, REPORTS = 8 };

static SiliconBatch batch; /* its first trial alone */
static SiliconGuest *guests[GUEST_ENGINES];
static X86Coverage *coverage;
static unsigned count = 6, runs_a_piece = 3;
static uint64_t seed = 1;
static unsigned failures, pieces, runs, hung;
static unsigned
    through[SILICON_REAL + 1]; /* runs of a world that came to the INT3, or the way out, behind the piece */
static unsigned runs_in[SILICON_REAL + 1];
static uint64_t insns;
static unsigned ticks; /* since the run began */

static void on_tick(int number)
{
    if (++ticks > 1) {
        guest_give_up();
    }
}

static void start_ticks(void)
{
    const struct sigaction action = { .sa_handler = on_tick, .sa_flags = SA_RESTART };
    const struct itimerval interval = { { 0, TICK_US }, { 0, TICK_US } };
    sigaction(SIGVTALRM, &action, NULL);
    setitimer(ITIMER_VIRTUAL, &interval, NULL);
}

static const char *difference(const SiliconResult *want, const SiliconResult *got)
{
    if (want->vector != got->vector || want->error != got->error || want->ip != got->ip) {
        return "the exception";
    }
    if (want->address != got->address) {
        return "the address";
    }
    if (memcmp(want->s.gpr, got->s.gpr, sizeof(want->s.gpr)) || want->s.flags != got->s.flags) {
        return "a register or flag";
    }
    if (memcmp(want->s.selectors, got->s.selectors, sizeof(want->s.selectors))) {
        return "a segment";
    }
    if (memcmp(want->s.v.ymm, got->s.v.ymm, sizeof(want->s.v.ymm)) || want->s.v.mxcsr != got->s.v.mxcsr) {
        return "a vector or MXCSR";
    }
    if (memcmp(&want->s.v.x87, &got->s.v.x87, sizeof(want->s.v.x87))) {
        return "the x87, or an MMX register";
    }
    return memcmp(want->data, got->data, SILICON_PAGE) ? "memory" : NULL;
}

/* False: it would not end. */
static bool run_on(unsigned engine, const SiliconTrial *t, SiliconResult *r)
{
    ticks = 0;
    silicon_guest_run(guests[engine], &batch, t, r);
    return !silicon_guest_gave_up(guests[engine]);
}

static void count_insns(const SiliconTrial *t)
{
    for (unsigned n = 0; n < t->count && t->starts[n] <= t->after.ip; n++) {
        insns++;
    }
}

static void run_trial(SiliconTrial *t)
{
    static SiliconResult got;
    runs++;
    t->hung = !run_on(GUEST_INTERP, t, &t->after);
    for (unsigned e = GUEST_JIT; e < GUEST_ENGINES && !t->hung; e++) {
        t->hung = !run_on(e, t, &got);
        const char *what = t->hung ? NULL : difference(&t->after, &got);
        if (what) {
            silicon_report(&batch, t, &got, what, guest_engine_names[e]);
            failures++;
            return;
        }
    }
    hung += t->hung;
    if (!t->hung) {
        runs_in[t->world]++;
        through[t->world] += t->after.vector == X86_EXC_BP && t->after.ip == t->length + 1;
        silicon_mark(coverage, t);
        count_insns(t);
    }
}

static void open_guests(void)
{
    for (unsigned e = 0; e < GUEST_ENGINES; e++) {
        guests[e] = silicon_guest_new(e);
    }
}

static void close_guests(void)
{
    for (unsigned e = 0; e < GUEST_ENGINES; e++) {
        silicon_guest_free(guests[e]);
    }
}

/* What did not end is somewhere else on each. */
static void renew_guests(void)
{
    close_guests();
    open_guests();
}

static void test_row(SiliconWorld world, unsigned row, unsigned size, uint64_t *random)
{
    SiliconTrial *t = &batch.trials[0], *piece = &batch.trials[1];
    piece->world = world;
    if (!silicon_make(piece, row, size, random)) {
        return;
    }
    *t = *piece;
    run_trial(t);
    for (unsigned n = 1; n < runs_a_piece && !t->hung; n++) {
        silicon_make_again(t, piece, random);
        run_trial(t);
    }
    enum { PIECES_A_GUEST = 256 }; /* the interpreter keeps the blocks that it ran */
    if (++pieces % PIECES_A_GUEST == 0 || t->hung) {
        renew_guests();
    }
}

static void test_world(SiliconWorld world, unsigned size, uint64_t *random)
{
    for (unsigned round = 0; round < count; round++) {
        silicon_make_data(batch.data, random);
        for (unsigned row = 1; row < x86_row_count && failures < REPORTS; row++) {
            if (silicon_tests_in(world, row)) {
                test_row(world, row, size, random);
            }
        }
    }
}

static void test_pieces(void)
{
    uint64_t random = seed * UINT64_C(0x9e3779b97f4a7c15) | 1;
    coverage = x86_coverage_new(2 | 4 | 8, silicon_tests);
    open_guests();
    start_ticks();
    test_world(SILICON_LEVEL3, 8, &random);
    test_world(SILICON_LEVEL3, 4, &random);
    test_world(SILICON_LEVEL3, 2, &random);
    test_world(SILICON_V86, 2, &random);
    test_world(SILICON_REAL, 2, &random);
    close_guests();
    g_test_message("%lu instructions in %u runs of %u pieces, seed %lu: %.1f s; %u would not end", insns,
                   runs, pieces, seed, silicon_seconds(), hung);
    for (unsigned n = 0; n < G_N_ELEMENTS(through); n++) {
        g_test_message("world %u: %u of %u runs came through", n, through[n], runs_in[n]);
        g_assert_cmpuint(through[n], >, runs_in[n] / 5); /* there is no VEX in two of them */
    }
    if (!failures) {
        silicon_check_coverage(coverage, count >= ENOUGH && runs_a_piece >= ENOUGH_RUNS);
    }
    x86_coverage_free(coverage);
    g_assert_cmpuint(runs, >, 1000);
    g_assert_cmpuint(hung, <, runs / 20);
    g_assert_cmpuint(failures, ==, 0);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    const char *times = g_getenv("LYREBIRD_LOCKSTEP");
    count = argc > 1 ? (unsigned)atoi(argv[1]) : count;
    seed = argc > 2 ? strtoull(argv[2], NULL, 0) : seed;
    runs_a_piece = argc > 3 ? (unsigned)MAX(atoi(argv[3]), 1) : runs_a_piece;
    count *= times ? (unsigned)MAX(atoi(times), 1) : 1;
    g_test_add_func("/i386/lockstep/pieces", test_pieces);
    return g_test_run();
}
