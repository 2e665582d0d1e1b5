/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the optimizer does, and what it must not do: text before, text after. */
#include "toy.h"

typedef struct Row {
    const char *name, *before, *after; /* after NULL: unchanged */
} Row;

/* clang-format off */
static const Row rows[] = {
    { "dead-temp", "%1 = add.i64 r1, r2\n%2 = mul.i64 %1, r3\nexit_lookup\n", "exit_lookup\n" },
    { "dead-global", "r1 = add.i64 r1, 1\nr1 = mov.i64 r2\nexit_lookup\n",
      "r1 = mov.i64 r2\nexit_lookup\n" },
    { "dead-chain", "r1 = add.i64 r1, 1\nr2 = add.i64 r1, 1\nr2 = mov.i64 5\nr1 = mov.i64 6\n"
      "exit_lookup\n", "r2 = mov.i64 5\nr1 = mov.i64 6\nexit_lookup\n" },
    { "dead-pure-call", "%1 = call mix6(r1, r2, r3, r4, r5, r6)\nexit_lookup\n", "exit_lookup\n" },
    { "dead-select", "%1 = select.i64 eq r1, r2, r3, r4\nexit_lookup\n", "exit_lookup\n" },
    { "dead-over-label", "r1 = mov.i64 1\nlabel L1\nr1 = mov.i64 2\nexit_lookup\n",
      "label L1\nr1 = mov.i64 2\nexit_lookup\n" },
    { "live-at-fault", "insn 0\nr1 = mov.i64 1\n%1 = ld.u8 r2, 0\nr1 = mov.i64 %1\nexit_lookup\n",
      "insn 0\nr1 = mov.i64 1\nr1 = ld.u8 r2, 0\nexit_lookup\n" },
    { "live-at-jump", "r1 = mov.i64 1\nbrcc.i64 eq r2, r3, L1\nr1 = mov.i64 2\nlabel L1\n"
      "exit_lookup\n", NULL },
    { "dead-at-jump", "r1 = mov.i64 1\nbrcc.i64 eq r2, r3, L1\nr1 = mov.i64 2\nlabel L1\n"
      "r1 = mov.i64 3\nexit_lookup\n", "brcc.i64 eq r2, r3, L1\nlabel L1\nr1 = mov.i64 3\nexit_lookup\n" },
    { "live-on-one-way", "r1 = mov.i64 1\nbrcc.i64 eq r2, r3, L1\nr1 = mov.i64 2\nexit_lookup\nlabel L1\n"
      "exit_lookup\n", NULL },
    { "dead-on-both-ways", "r1 = mov.i64 1\nbrcc.i64 eq r2, r3, L1\nr1 = mov.i64 2\nbr L2\nlabel L1\n"
      "r1 = mov.i64 3\nlabel L2\nexit_lookup\n", "brcc.i64 eq r2, r3, L1\nr1 = mov.i64 2\nbr L2\nlabel L1\n"
      "r1 = mov.i64 3\nlabel L2\nexit_lookup\n" },
    { "live-over-fault-behind-jump", "insn 0\nr1 = mov.i64 1\nbrcc.i64 eq r2, r3, L1\nlabel L1\n"
      "r4 = ld.u8 r2, 0\nr1 = mov.i64 3\nexit_lookup\n", NULL },
    { "live-at-loop", "label L0\nr1 = mov.i64 1\nbrcc.i64 eq r2, r3, L0\nr1 = mov.i64 3\nexit_lookup\n", NULL },
    { "killed", "r1 = mov.i64 1\nr1 = kill\nexit_lookup\n", "exit_lookup\n" },
    { "killed-behind-use", "r1 = mov.i64 1\nr2 = add.i64 r2, r1\nr1 = kill\nexit_lookup\n",
      "r1 = mov.i64 1\nr2 = add.i64 r2, r1\nexit_lookup\n" },
    { "live-for-helper", "r1 = mov.i64 1\n%1 = call peek(1)\nr1 = mov.i64 %1\nexit_lookup\n",
      "r1 = mov.i64 1\nr1 = call peek(1)\nexit_lookup\n" },
    { "live-as-source", "r1 = mov.i64 1\nr1 = add.i64 r1, r1\nexit_lookup\n", NULL },
    { "effects-stay", "insn 0\n%1 = ld.u8 r1, 0\nst.8 r1, r2, 0\nfence.rr.rw.wr.ww\ncall mark(r1)\n"
      "stenv.8 r1, 512\nexit_lookup\n", NULL },
    { "live-at-atomic", "insn 0\nr1 = mov.i64 1\n%1 = rmw.64.align add r3, r2\nr1 = mov.i64 2\n"
      "%2 = cas.64.align r2, 0, r4, r5\nr1 = mov.i64 %2\nexit_lookup\n",
      "insn 0\nr1 = mov.i64 1\n%1 = rmw.64.align add r3, r2\nr1 = mov.i64 2\n"
      "r1 = cas.64.align r2, 0, r4, r5\nexit_lookup\n" },
    { "merge-move", "%1 = add.i64 r1, r2\nr3 = mov.i64 %1\nexit_lookup\n",
      "r3 = add.i64 r1, r2\nexit_lookup\n" },
    { "merge-move-apart", "%1 = add.i64 r1, r2\nr4 = add.i64 r5, r6\nr3 = mov.i64 %1\nexit_lookup\n",
      "r3 = add.i64 r1, r2\nr4 = add.i64 r5, r6\nexit_lookup\n" },
    { "merge-load-extension", "insn 0\n%1 = ld.u32 r1, 0\nr3 = ext_s32.i64 %1\n"
      "%2 = ld.s8 r1, 4\nr4 = ext_u8.i64 %2\nexit_lookup\n",
      "insn 0\nr3 = ld.s32 r1, 0\nr4 = ld.u8 r1, 4\nexit_lookup\n" },
    { "merge-move-other-use", "%1 = add.i64 r1, r2\nr3 = mov.i64 %1\nr4 = add.i64 %1, 1\nexit_lookup\n",
      "r3 = add.i64 r1, r2\nr4 = add.i64 r3, 1\nexit_lookup\n" },
    { "no-merge-other-use", "%1 = add.i64 r1, r2\nr7 = mov.i64 %1\nr4 = add.i64 %1, 1\nexit_lookup\n", NULL },
    { "no-merge-use-behind-write", "%1 = add.i64 r1, r2\nr3 = mov.i64 %1\ncall mark(r3)\nr3 = mov.i64 r1\n"
      "r4 = add.i64 %1, 1\nexit_lookup\n", NULL },
    { "test-of-bits", "%1 = and.i32 r1, 6\nr2 = add.i64 r4, 1\nr3 = select.i64 ne %1, 0, r4, r5\nexit_lookup\n",
      "r2 = add.i64 r4, 1\nr3 = select.i32 tstne r1, 6, r4, r5\nexit_lookup\n" },
    { "test-of-bits-jumps", "%1 = and.i64 r7, 6\nbrcc.i64 eq %1, 0, L1\nlabel L1\nexit_lookup\n",
      "brcc.i64 tsteq r7, 6, L1\nlabel L1\nexit_lookup\n" },
    { "no-test-behind-write", "%1 = and.i32 r1, 6\nr1 = add.i64 r1, 1\nr3 = select.i64 ne %1, 0, r4, r5\n"
      "exit_lookup\n", NULL },
    { "no-test-other-use", "%1 = and.i32 r1, 6\nr2 = add.i64 %1, 1\nr3 = select.i64 ne %1, 0, r4, r5\n"
      "exit_lookup\n", NULL },
    { "no-test-of-half", "%1 = and.i64 r1, 6\nr3 = select.i32 ne %1, 0, r4, r5\nexit_lookup\n", NULL },
    { "no-merge-read-between", "%1 = add.i64 r1, r2\nr4 = add.i64 r3, 1\nr3 = mov.i64 %1\n"
      "exit_lookup\n", NULL },
    { "no-merge-write-between", "%1 = add.i64 r1, r2\nr3 = add.i64 r4, 1\nr5 = add.i64 r3, 1\n"
      "r3 = mov.i64 %1\nexit_lookup\n", NULL },
    { "no-merge-over-fault", "insn 0\n%1 = add.i64 r1, r2\n%2 = ld.u8 r1, 0\nr3 = mov.i64 %1\n"
      "r4 = add.i64 %2, %2\nexit_lookup\n", NULL },
    { "no-merge-narrow", "insn 0\n%1 = ld.u16 r1, 0\nr3 = ext_s32.i64 %1\n%2 = ld.u32 r1, 0\n"
      "r4 = ext_s16.i64 %2\nexit_lookup\n", NULL },
    { "no-merge-narrow-type", "insn 0\n%1 = ld.u8 r1, 0\nr3 = ext_s8.i32 %1\nexit_lookup\n", NULL },
    { "copy-of-global", "%1 = mov.i64 r1\nr2 = add.i64 %1, 1\nr3 = add.i64 %1, %1\nexit_lookup\n",
      "r2 = add.i64 r1, 1\nr3 = add.i64 r1, r1\nexit_lookup\n" },
    { "copy-ends-at-write", "%1 = mov.i64 r1\nr1 = add.i64 %1, 1\nr2 = add.i64 %1, %1\n"
      "exit_lookup\n", "%1 = mov.i64 r1\nr1 = add.i64 r1, 1\nr2 = add.i64 %1, %1\nexit_lookup\n" },
    { "copy-ends-at-helper", "%1 = mov.i64 r1\ncall poke(1, 2)\nr2 = add.i64 %1, 1\nexit_lookup\n",
      NULL },
    { "no-merge-of-pc-over-insn", "%1 = add.i64 r1, 4\ninsn 4\npc = mov.i64 %1\nexit_lookup\n", NULL },
    { "swap", "%1 = mov.i64 r1\nr1 = mov.i64 r2\nr2 = mov.i64 %1\nexit_lookup\n", NULL },
};
/* clang-format on */

static void test_row(gconstpointer opaque)
{
    const Row *row = opaque;
    g_autoptr(GError) err = NULL;
    IrBlock *b = ir_block_new(&toy_guest);
    ir_parse(b, row->before, toy_helpers, &err);
    g_assert_no_error(err);
    b->verify = true;
    ir_verify_pass(b, "parse");
    ir_optimize(b);
    g_autoptr(GString) text = g_string_new(NULL);
    ir_print(b, text);
    g_assert_cmpstr(text->str, ==, row->after ? row->after : row->before);
    ir_block_free(b);
}

/* The message names the pass behind which the block was found wrong. */
static void test_verify_pass(void)
{
    static const char wrong[] = "insn 0x40\nr1 = mov.i64 %1\nexit_lookup\n";
    IrBlock *b = ir_block_new(&toy_guest);
    ir_parse(b, wrong, toy_helpers, NULL);
    b->verify = false;
    ir_verify_pass(b, "made up");
    ir_optimize(b);
    ir_parse(b, wrong, toy_helpers, NULL);
    b->verify = true;
    if (g_test_subprocess()) {
        ir_optimize(b);
    }
    ir_block_free(b);
    g_test_trap_subprocess(NULL, 0, 0);
    g_test_trap_assert_failed();
    g_test_trap_assert_stderr("*pass 'ifconvert' made wrong IR of toy code at 0x40*before it is assigned*");
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autofree char *path = g_strdup_printf("/tcg/optimize/%s", rows[i].name);
        g_test_add_data_func(path, &rows[i], test_row);
    }
    g_test_add_func("/tcg/optimize/verify-pass", test_verify_pass);
    return g_test_run();
}
