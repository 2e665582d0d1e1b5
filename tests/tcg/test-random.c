/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Random programs: every engine leaves the same state as the oracle, and text and
 * parser agree.  TCG_RANDOM_COUNT (programs) and TCG_RANDOM_SEED in the environment run
 * more, or one again. */
#include <stdlib.h>
#include <string.h>

#include "program.h"
#include "random.h"

typedef struct Run {
    const TestEngine *engine;
    IrBlock *b;
    ToyCPU *toy;
} Run;

static void enter(void *opaque)
{
    Run *r = opaque;
    r->engine->run(r->b, &r->toy->cpu);
}

static uint64_t setting(const char *name, uint64_t otherwise)
{
    const char *value = getenv(name);
    return value ? g_ascii_strtoull(value, NULL, 0) : otherwise;
}

static void fail(const IrBlock *b, uint64_t seed, const char *what, const char *why)
{
    g_autoptr(GString) text = g_string_new(NULL);
    ir_print(b, text);
    g_test_message("TCG_RANDOM_SEED=%lu TCG_RANDOM_COUNT=1: %s:%s\n%s", seed, what, why, text->str);
    g_test_fail();
}

static void verify(const IrBlock *b, uint64_t seed, const char *what)
{
    g_autoptr(GError) err = NULL;
    if (!ir_verify(b, &err)) {
        g_error("TCG_RANDOM_SEED=%lu: %s: %s", seed, what, err->message);
    }
}

/* The state after the program on one engine, in toy and toy_ram. */
static void run_engine(const TestEngine *engine, ToyCPU *toy, uint64_t seed, unsigned size)
{
    IrBlock *b = ir_block_new(&toy_guest);
    random_program(b, seed, size);
    verify(b, seed, "generated");
    if (engine->optimize) {
        ir_optimize(b);
        verify(b, seed, "optimized");
    }
    random_state(toy, toy_ram, seed);
    Run r = { engine, b, toy };
    toy_catch(toy, enter, &r);
    ir_block_free(b);
}

static void check_seed(ToyCPU *toy, ToyCPU *want, uint64_t seed)
{
    static uint8_t want_ram[TOY_RAM_SIZE];
    unsigned size = 4 + seed % 60;
    run_engine(&test_engines[0], toy, seed, size);
    memcpy(want, toy, sizeof *want);
    memcpy(want_ram, toy_ram, TOY_RAM_SIZE);
    for (unsigned i = 1; test_engines[i].name; i++) {
        if (!test_engine_usable(&test_engines[i])) {
            continue;
        }
        run_engine(&test_engines[i], toy, seed, size);
        g_autoptr(GString) diff = program_compare(toy, toy_ram, want, want_ram);
        if (diff->len) {
            IrBlock *b = ir_block_new(&toy_guest);
            random_program(b, seed, size);
            fail(b, seed, test_engines[i].name, diff->str);
            ir_block_free(b);
        }
    }
}

static void test_engines_agree(void)
{
    uint64_t first = setting("TCG_RANDOM_SEED", 1), count = setting("TCG_RANDOM_COUNT", 4000);
    ToyCPU *toy = toy_ram_init(), *want = g_new0(ToyCPU, 1);
    for (uint64_t seed = first; seed < first + count && !g_test_failed(); seed++) {
        check_seed(toy, want, seed);
    }
    g_free(want);
}

static void test_text(void)
{
    IrBlock *b = ir_block_new(&toy_guest), *again = ir_block_new(&toy_guest);
    for (uint64_t seed = 1; seed < 200; seed++) {
        g_autoptr(GError) err = NULL;
        g_autoptr(GString) text = g_string_new(NULL), second = g_string_new(NULL);
        random_program(b, seed, 40);
        ir_print(b, text);
        ir_parse(again, text->str, toy_helpers, &err);
        g_assert_no_error(err);
        verify(again, seed, "parsed");
        ir_print(again, second);
        g_assert_cmpstr(text->str, ==, second->str);
    }
    ir_block_free(b);
    ir_block_free(again);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/tcg/random/engines", test_engines_agree);
    g_test_add_func("/tcg/random/text", test_text);
    return g_test_run();
}
