/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Fuzz target: any text into the parser; what the verifier accepts prints and parses to the
 * same text, stays legal when optimized, and then does the same as before. */
#include <stdlib.h>
#include <string.h>

#include "program.h"

typedef struct Run {
    IrBlock *b;
    ToyCPU *toy;
} Run;

static void enter(void *opaque)
{
    Run *r = opaque;
    ir_interpret(r->b, &r->toy->cpu, &toy_runtime);
}

static void execute(IrBlock *b, ToyCPU *toy)
{
    Run r = { b, toy };
    program_fill_pattern(toy, toy_ram);
    toy->cpu.exit_request = 1; /* loop edges leave */
    toy_catch(toy, enter, &r);
    toy->cpu.exit_request = 0;
}

/* The toy's guest may touch its scratch bytes; the verifier cannot know the rest. */
static bool env_is_scratch(const IrBlock *b)
{
    for (unsigned i = 0; i < b->count; i++) {
        const IrInsn *in = &b->ops[i];
        if ((in->op == IR_LDENV || in->op == IR_STENV) &&
            (in->aux < offsetof(ToyCPU, scratch) || in->aux + 8 > offsetof(ToyCPU, calls))) {
            return false;
        }
    }
    return true;
}

static void assert_legal(const IrBlock *b)
{
    g_autoptr(GError) err = NULL;
    if (!ir_verify(b, &err)) {
        g_error("%s", err->message);
    }
}

static void check_text(const IrBlock *b)
{
    g_autoptr(GString) text = g_string_new(NULL), again = g_string_new(NULL);
    IrBlock *copy = ir_block_new(&toy_guest);
    ir_print(b, text);
    g_assert_true(ir_parse(copy, text->str, toy_helpers, NULL));
    ir_print(copy, again);
    g_assert_cmpstr(text->str, ==, again->str);
    assert_legal(copy);
    ir_block_free(copy);
}

static void check_meaning(IrBlock *b)
{
    static uint8_t ram[TOY_RAM_SIZE];
    static ToyCPU before;
    ToyCPU *toy = toy_ram_init();
    bool runs = env_is_scratch(b);
    if (runs) {
        execute(b, toy);
        before = *toy;
        memcpy(ram, toy_ram, TOY_RAM_SIZE);
    }
    ir_optimize(b);
    assert_legal(b);
    if (runs) {
        execute(b, toy);
        g_autoptr(GString) diff = program_compare(toy, toy_ram, &before, ram);
        if (diff->len) {
            g_error("optimized, it does something else:%s", diff->str);
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static IrBlock *b;
    b = b ? b : ir_block_new(&toy_guest);
    g_autofree char *text = g_strndup((const char *)data, size);
    if (ir_parse(b, text, toy_helpers, NULL) && ir_verify(b, NULL)) {
        check_text(b);
        check_meaning(b);
    }
    return 0;
}
