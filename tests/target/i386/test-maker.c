/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The maker of random instructions: it reaches every row, obeys its rules, and repeats itself. */
#include "coverage.h"
#include "maker.h"

#include <string.h>

static const X86DecodeMode modes[] = {
    { .size = 2 }, { .size = 4 }, { .size = 8 }, { .size = 2, .real = true }
};

/* Rows that no mode has would be dead. */
static void test_every_row(void)
{
    uint64_t random = 1;

    for (unsigned row = 1; row < x86_row_count; row++) {
        unsigned made = 0;
        for (unsigned i = 0; i < G_N_ELEMENTS(modes); i++) {
            X86MakeRules rules = { .mode = modes[i], .registers = 0xffff };
            uint8_t bytes[16];
            for (unsigned k = 0; k < 8; k++) {
                made += x86_make(&rules, row, &random, bytes) != 0;
            }
        }
        if (!made) {
            g_error("no encoding of row %u (%s)", row, x86_rows[row].name);
        }
    }
}

static void test_repeats(void)
{
    X86MakeRules rules = { .mode = modes[2], .registers = 0xffff, .redundant_rate = 64, .illegal_rate = 32 };
    uint64_t one = 7, two = 7;

    for (unsigned row = 1; row < x86_row_count; row++) {
        uint8_t a[16] = { 0 }, b[16] = { 0 };
        g_assert_cmpuint(x86_make(&rules, row, &one, a), ==, x86_make(&rules, row, &two, b));
        g_assert_cmpmem(a, 16, b, 16);
    }
    g_assert_cmpuint(one, ==, two);
}

/* A sandbox: one data register, rsp and two others never named. */
static void test_rules(void)
{
    X86MakeRules rules = {
        .mode = modes[2], .registers = 0xffff & ~(1 << 4 | 1 << 9 | 1 << 12), .bound_memory = true, .base = 12
    };
    uint64_t random = 3;
    unsigned memory = 0;

    for (unsigned row = 1; row < x86_row_count; row++) {
        uint8_t bytes[16];
        X86Insn insn;
        if (x86_rows[row].attrs & X86_ATTR_VSIB || !x86_make(&rules, row, &random, bytes)) {
            continue;
        }
        g_assert_cmpint(x86_decode(&insn, rules.mode, bytes, 16), ==, X86_DECODE_OK);
        g_assert_cmpuint(insn.row, ==, row);
        if (insn.memory) {
            memory++;
            g_assert_cmpuint(insn.base, ==, 12);
            g_assert_cmpuint(insn.index, ==, X86_NO_REG);
            g_assert_cmpint(ABS(insn.disp), <=, 128);
        }
    }
    g_assert_cmpuint(memory, >, 400);
}

/* The list of forms and the maker agree: each form can be made, and nothing is made that is not in the list. */
static void test_coverage(void)
{
    enum { ATTEMPTS = 400 };
    X86Coverage *all = x86_coverage_new(2 | 4 | 8, NULL);
    unsigned forms, met, extra = 0;
    uint64_t random = 5;

    for (unsigned row = 1; row < x86_row_count; row++) {
        for (unsigned i = 0; i < 3 * ATTEMPTS; i++) {
            X86MakeRules rules = {
                .mode = modes[i % 3], .registers = 0xffff, .lock_rate = 128, .repeat_rate = 128
            };
            uint8_t bytes[16];
            X86Insn insn;
            if (!x86_make(&rules, row, &random, bytes)) {
                continue;
            }
            x86_decode(&insn, rules.mode, bytes, 16);
            extra += x86_coverage_mark(all, rules.mode, &insn);
        }
    }
    x86_coverage_count(all, &forms, &met);
    g_autoptr(GString) missing = g_string_new(NULL);
    x86_coverage_missing(all, missing);
    if (met < forms) {
        g_test_message("%u of %u forms, never made:\n%s", met, forms, missing->str);
    }
    g_assert_cmpuint(met, ==, forms);
    g_assert_cmpuint(extra, ==, forms);
    x86_coverage_free(all);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/x86/maker/every-row", test_every_row);
    g_test_add_func("/x86/maker/repeats", test_repeats);
    g_test_add_func("/x86/maker/rules", test_rules);
    g_test_add_func("/x86/maker/coverage", test_coverage);
    return g_test_run();
}
