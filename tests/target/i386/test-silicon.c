/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What general and vector instructions compute, against the host's own processor: random pieces of code of every row that only
 * computes, in 64-, 32- and 16-bit code, with flat and other segments, run natively in a child, by the interpreter of the
 * IR, as host code, and as both in lockstep.  Registers, flags (but those that the table calls undefined), vectors, MXCSR, memory, and the
 * exception with its error code and address are equal.
 *
 *   test-silicon [COUNT [SEED [ENGINES [RUNS]]]]   COUNT pieces a row and code size; ENGINES of i, j, l (all);
 *                                                   RUNS of each piece, from other registers (1)
 *
 * It ends with the forms of the tables (tests/target/i386/coverage.h) that were not met, and what translation took. */
#include "silicon.h"

#include <stdlib.h>
#include <string.h>

#include "coverage.h"
#include "host-isa.h"
#include "maker.h"
#include "target/i386/translate.h"
#include "target/i386/translators.h"
#include "target/i386/x87.h"

static SiliconBatch *batch;
static X86Coverage *coverage;
static SiliconGuest *guests[GUEST_ENGINES];
static double translation_ns[GUEST_ENGINES];
static uint64_t translated[GUEST_ENGINES];
static unsigned failures, pieces, runs, strayed, reruns;
enum {
    PIECES_A_GUEST = 256
};                    /* the interpreter keeps the blocks that it ran: memory, and time of each fork */
enum { ENOUGH = 60 }; /* pieces a row meet nearly all forms */
static unsigned count = 20, runs_a_piece = 1;
static uint64_t seed = 1;
static const char *engines = "ijl";

/* ---- comparison --------------------------------------------------------------------------- */

static bool registers_equal(const SiliconTrial *t, const SiliconResult *got)
{
    const SiliconResult *want = &t->after;
    if (t->size == 8) {
        return memcmp(want->s.gpr, got->s.gpr, sizeof(got->s.gpr)) == 0;
    }
    for (unsigned n = 0; n < 8; n++) {
        if ((uint32_t)want->s.gpr[n] != (uint32_t)got->s.gpr[n]) {
            return false;
        }
    }
    return true;
}

/* Of the pointers AMD's XSAVE, with which the kernel takes the state, tells when an exception is pending alone. */
static bool x87_equal(const X87 *a, const X87 *b)
{
    bool same = x87_status_word(a) == x87_status_word(b) && a->fcw == b->fcw && a->tags == b->tags;
    if (a->fsw & FSW_ES || !silicon_mode(8).amd) {
        same &= a->fop == b->fop && a->fip == b->fip && a->fdp == b->fdp;
    }
    for (unsigned n = 0; n < 8; n++) {
        same &= a->st[n].mantissa == b->st[n].mantissa && a->st[n].exponent == b->st[n].exponent;
    }
    return same;
}

/* DPPS and DPPD that an unmasked exception stops: which flags are set by then was measured on Zen 5. */
static bool stops_in_sums(const SiliconTrial *t)
{
    X86Insn insn;
    bool xm = t->after.vector == X86_EXC_XM && t->after.ip < t->length && !silicon_host()->zen5;
    if (!xm || x86_decode(&insn, silicon_mode(t->size), t->code + t->after.ip, 16) != X86_DECODE_OK) {
        return false;
    }
    const char *name = x86_rows[insn.row].name;
    return strstr(name, "dpps") || strstr(name, "dppd");
}

static bool vectors_equal(const SiliconTrial *t, const SiliconResult *got)
{
    const SiliconVectors *want = &t->after.s.v, *is = &got->s.v;
    unsigned count = t->size == 8 ? 16 : 8;
    return !memcmp(want->ymm, is->ymm, count * sizeof(is->ymm[0])) &&
           (want->mxcsr == is->mxcsr || stops_in_sums(t));
}

/* Elsewhere the host has what is none of ours, and of the kernel's half of the address space Linux tells all the same. */
static bool is_ours(uint64_t address)
{
    return address - SILICON_DATA < 2 * SILICON_PAGE || address - SILICON_CODE < SILICON_PAGE;
}

static bool errors_equal(const SiliconResult *want, const SiliconResult *got)
{
    uint32_t hidden = want->vector == X86_EXC_PF && !is_ours(want->address) ? PF_P : 0;
    return !((want->error ^ got->error) & ~hidden);
}

/* The kernel's return to the handler makes any null selector 0. */
static bool selectors_equal(uint16_t a, uint16_t b)
{
    return a == b || ((a | b) & ~3) == 0;
}

/* A call to where no code can be, with a stack that cannot be written, or is not aligned: which of the two is told is not modelled. */
static bool is_call_nowhere(const SiliconTrial *t, const SiliconResult *got)
{
    const SiliconResult *want = &t->after;
    return t->leads_away && want->ip == t->last && got->ip == t->last && got->vector == X86_EXC_GP &&
           (want->vector == X86_EXC_PF || want->vector == X86_EXC_SS || want->vector == X86_EXC_AC);
}

/* CMPS whose two operands both fault: which is told first is another on each chip. */
static bool both_compared_fault(const SiliconTrial *t, const SiliconResult *got)
{
    const SiliconResult *want = &t->after;
    X86Insn insn;
    return want->vector != X86_EXC_BP && got->vector != X86_EXC_BP && want->ip == got->ip &&
           want->ip < t->length &&
           x86_decode(&insn, silicon_mode(t->size), t->code + want->ip, 16) == X86_DECODE_OK &&
           g_str_has_prefix(x86_rows[insn.row].name, "cmps") &&
           x86_rows[insn.row].translator == X86_TR_STRING;
}

/* A jump into the page of old system calls that Linux maps: its kernel answers there. */
static bool is_system_call(const SiliconTrial *t, const SiliconResult *got)
{
    const uint64_t vsyscalls = UINT64_C(0xffffffffff600000);
    return t->leads_away && got->vector == X86_EXC_PF && got->address - vsyscalls < SILICON_PAGE;
}

static const char *difference(const SiliconTrial *t, const SiliconResult *got)
{
    const SiliconResult *want = &t->after;
    if (is_call_nowhere(t, got) || is_system_call(t, got) || both_compared_fault(t, got)) {
        return NULL;
    }
    if (want->vector != got->vector || !errors_equal(want, got) || want->ip != got->ip) {
        return "the exception";
    }
    if (want->address != got->address) {
        return "the address";
    }
    if (!registers_equal(t, got)) {
        return "a register";
    }
    uint64_t flags = (want->s.flags ^ got->s.flags) & SILICON_FLAGS;
    if (flags && flags & ~silicon_undefined(t, want->ip)) {
        return "a flag";
    }
    if (!vectors_equal(t, got)) {
        return "a vector or MXCSR";
    }
    if (!x87_equal(&want->s.v.x87, &got->s.v.x87)) {
        return "the x87, or an MMX register";
    }
    for (unsigned n = 0; n < X86_SEGS; n++) {
        if (!selectors_equal(want->s.selectors[n], got->s.selectors[n])) {
            return "a segment";
        }
    }
    return memcmp(want->data, got->data, SILICON_PAGE) ? "memory" : NULL;
}

/* What differs from the host.  Where something does it is run there a few times more: behind a switch of tasks the host
 * says of all states that they are in use, and some chips forget the pointers of the x87. */
static const char *difference_again(SiliconGuest *g, unsigned n, const SiliconResult *got)
{
    enum { TRIES = 8 };
    SiliconTrial *t = &batch->trials[n];
    const char *what = difference(t, got);
    for (unsigned tries = 0; what && tries < TRIES; tries++) {
        silicon_native_rerun(batch, n);
        what = t->strayed ? NULL : difference(t, got);
        reruns++;
    }
    if (what && t->leads_away && silicon_guest_strays(g, batch, t)) {
        return NULL;
    }
    return what;
}

static void judge(unsigned n)
{
    static SiliconResult got;
    SiliconTrial *t = &batch->trials[n];
    bool misaligned = t->after.s.v.mxcsr & ~MXCSR_ALL; /* AMD's MXCSR.MM, which no model here has, was set */
    if (t->strayed || misaligned) {
        return;
    }
    silicon_mark(coverage, t);
    for (unsigned e = 0; e < GUEST_ENGINES; e++) {
        if (!guests[e]) {
            continue;
        }
        silicon_guest_run(guests[e], batch, t, &got);
        const char *what = difference_again(guests[e], n, &got);
        if (what) {
            silicon_report(batch, t, &got, what, guest_engine_names[e]);
            failures++;
            return;
        }
    }
}

/* ---- the processors ------------------------------------------------------------------------- */

static void open_guests(void)
{
    for (unsigned n = 0; n < GUEST_ENGINES; n++) {
        guests[n] = strchr(engines, guest_engine_letters[n]) ? silicon_guest_new(n) : NULL;
    }
}

static void close_guests(void)
{
    for (unsigned n = 0; n < GUEST_ENGINES; n++) {
        if (guests[n]) {
            uint64_t insns;
            double ns = silicon_guest_translation_ns(guests[n], &insns);
            translation_ns[n] += ns * insns;
            translated[n] += insns;
            silicon_guest_free(guests[n]);
        }
    }
}

/* ---- all rows -------------------------------------------------------------------------------- */

static void run_batch(unsigned *most)
{
    silicon_native_run(batch);
    unsigned before = failures;
    for (unsigned n = 0; n < batch->count && failures - before < *most; n++) {
        judge(n);
    }
    *most -= failures - before;
    unsigned new = 0;
    for (unsigned n = 0; n < batch->count; n++) {
        new += !batch->trials[n].again;
        strayed += batch->trials[n].strayed;
    }
    bool full = pieces / PIECES_A_GUEST != (pieces + new) / PIECES_A_GUEST;
    pieces += new;
    runs += batch->count;
    batch->count = 0;
    if (full) {
        close_guests();
        open_guests();
    }
}

static bool host_runs(unsigned size)
{
    bool does = silicon_native_sizes() & size;
    if (!does) {
        g_test_message("%u-bit code does not run on this host", 8 * size);
    }
    return does;
}

static void make_runs(unsigned row, unsigned size, uint64_t *random)
{
    SiliconTrial *first = &batch->trials[batch->count];
    if (silicon_make(first, row, size, random)) {
        for (unsigned n = 1; n < runs_a_piece; n++) {
            silicon_make_again(first + n, first, random);
        }
        batch->count += runs_a_piece;
    }
}

static void test_size(unsigned size, uint64_t *random)
{
    if (!host_runs(size)) {
        return;
    }
    unsigned most = 12; /* reports */
    for (unsigned round = 0; round < count && most; round++) {
        for (unsigned row = 1; row < x86_row_count && most; row++) {
            if (silicon_tests(row)) {
                make_runs(row, size, random);
            }
            if (batch->count + runs_a_piece <= SILICON_BATCH) {
                continue;
            }
            silicon_make_data(batch->data, random);
            run_batch(&most);
        }
    }
    silicon_make_data(batch->data, random);
    run_batch(&most);
}

static void print_cost(void)
{
    double s = silicon_seconds();
    g_test_message(
        "%u runs of %u pieces of code, seed %lu: %.1f s of processor time, %.0f runs a second; %u strayed, "
        "%u were repeated",
        runs, pieces, seed, s, runs / s, strayed, reruns);
    for (unsigned n = 0; n < GUEST_ENGINES; n++) {
        if (translated[n]) {
            g_test_message("%s: %.0f ns to translate an instruction, of %lu", guest_engine_names[n],
                           translation_ns[n] / translated[n], translated[n]);
        }
    }
}

static void test_rows(void)
{
    static const unsigned sizes[] = { 8, 4, 2 };
    uint64_t random = seed * UINT64_C(0x9e3779b97f4a7c15) | 1;
    coverage = x86_coverage_new(silicon_native_sizes(), silicon_tests);
    open_guests();
    for (unsigned n = 0; n < G_N_ELEMENTS(sizes); n++) {
        test_size(sizes[n], &random);
    }
    close_guests();
    silicon_native_end();
    print_cost();
    if (!failures) {
        silicon_check_coverage(coverage, count >= ENOUGH);
    }
    x86_coverage_free(coverage);
    g_assert_cmpuint(pieces, >, 1000);
    g_assert_cmpuint(failures, ==, 0);
}

static void test_cases(void)
{
    coverage = x86_coverage_new(silicon_native_sizes(), silicon_tests);
    uint64_t random = 1;
    open_guests();
    silicon_make_data(batch->data, &random);
    const char *what;
    for (unsigned n = 0; (what = silicon_case(&batch->trials[0], n)); n++) {
        unsigned before = failures;
        const SiliconTrial *t = &batch->trials[0];
        if (!(silicon_native_sizes() & t->size) || (t->zen5 && !silicon_host()->zen5)) {
            continue;
        }
        batch->count = 1;
        silicon_native_run(batch);
        judge(0);
        if (failures != before) {
            g_test_message("this is: %s", what);
        }
    }
    batch->count = 0;
    close_guests();
    x86_coverage_free(coverage);
    g_assert_cmpuint(failures, ==, 0);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    count = argc > 1 ? (unsigned)atoi(argv[1]) : count;
    seed = argc > 2 ? strtoull(argv[2], NULL, 0) : seed;
    engines = argc > 3 ? argv[3] : engines;
    runs_a_piece = argc > 4 ? CLAMP((unsigned)atoi(argv[4]), 1, SILICON_BATCH) : runs_a_piece;
    batch = silicon_native_open();
    silicon_native_sizes(); /* while the batch is empty */
    g_test_add_func("/i386/silicon/cases", test_cases);
    g_test_add_func("/i386/silicon/rows", test_rows);
    return g_test_run();
}
