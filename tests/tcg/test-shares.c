/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which accesses share a TLB check: IR, and for each load and store "-" (alone) or the number of its share, with the
 * range at its first. */
#include "tcg/private.h"
#include "toy.h"

typedef struct Row {
    const char *name, *ir, *shares;
} Row;

/* clang-format off */
static const Row rows[] = {
    { "alone", "%1 = ld.64 r1, 0\n%2 = ld.64 r2, 8\nexit_lookup\n", "- -" },
    { "same-register", "%1 = ld.64 r1, 8\n%2 = ld.u8 r1, -3\n%3 = ld.64 r2, 0\n%4 = ld.s16 r1, 16\nexit_lookup\n",
      "1[-3,18) 1 - 1" },
    { "loads-apart-from-stores", "%1 = ld.64 r1, 0\nst.64 r2, r1, 8\n%2 = ld.64 r1, 16\nst.8 r2, r1, 24\nexit_lookup\n",
      "1[0,24) 2[8,25) 1 2" },
    { "register-moves-by-constant",
      "st.64 r2, r1, -8\nr1 = add.i64 r1, -32\nst.64 r3, r1, 0\n%1 = mov.i64 r1\nst.8 r4, %1, 31\nexit_lookup\n",
      "1[-32,0) 1 1" },
    { "register-written", "%1 = ld.64 r1, 0\nr1 = ld.64 r2, 0\n%2 = ld.64 r1, 0\nexit_lookup\n", "- - -" },
    { "register-moves-by-register", "%1 = ld.64 r1, 0\nr1 = add.i64 r1, r2\n%2 = ld.64 r1, 0\nexit_lookup\n", "- -" },
    { "register-cut-to-32-bits", "%1 = ld.64 r1, 0\nr1 = add.i32 r1, 8\n%2 = ld.64 r1, 0\nexit_lookup\n", "- -" },
    { "constants", "%1 = ld.64 0x10000, 0\n%2 = ld.64 0x10010, 8\nexit_lookup\n", "1[0,32) 1" },
    { "farther-apart-than-an-int64",
      "%1 = ld.64 0x10000, 0\n%2 = ld.64 0x800000000000fff9, 0\n%3 = ld.64 0x800000000000ffff, 0\n%4 = ld.64 0x8000000000010000, 0\n"
      "exit_lookup\n", "- 1[0,15) 1 1" },
    { "window", "%1 = ld.64 r1, 0\n%2 = ld.64 r1, 248\n%3 = ld.64 r1, 249\n%4 = ld.64 r1, 256\nexit_lookup\n",
      "1[0,256) 1 2[249,264) 2" },
    { "window-below", "%1 = ld.64 r1, 0\n%2 = ld.64 r1, -248\n%3 = ld.64 r1, -249\nexit_lookup\n", "1[-248,8) 1 -" },
    { "far-displacement", "%1 = ld.64 r1, 0x7ffffff0\n%2 = ld.64 r1, 0x7ffffff8\nexit_lookup\n", "- -" },
    { "aligned-and-ordered-alone", "%1 = ld.64.align r1, 0\n%2 = ld.64.acq r1, 8\nst.64.rel r2, r1, 0\nst.64 r2, r1, 8\n"
      "exit_lookup\n", "- - - -" },
    { "ends-at-label", "%1 = ld.64 r1, 0\nbrcc.i64 eq r2, r3, L1\n%2 = ld.64 r1, 8\nlabel L1\n%3 = ld.64 r1, 16\nexit_lookup\n",
      "1[0,16) 1 -" },
    { "constants-end-at-label", "%1 = ld.64 0x10000, 0\nlabel L1\n%2 = ld.64 0x10000, 8\nexit_lookup\n", "- -" },
    { "ends-at-atomic", "%1 = ld.64 r1, 0\n%2 = rmw.64.align add r3, r2\n%3 = ld.64 r1, 8\n%4 = cas.64.align r2, 0, r4, r5\n"
      "%5 = ld.64 r1, 8\nexit_lookup\n", "- - -" },
    { "ends-at-helper-that-reads", "%1 = ld.64 r1, 0\n%2 = call peek(1)\n%3 = ld.64 r1, 8\nexit_lookup\n", "- -" },
    { "ends-at-helper-that-writes", "%1 = ld.64 r1, 0\ncall poke(1, 2)\n%3 = ld.64 r1, 8\nexit_lookup\n", "- -" },
    { "goes-over-pure-helper", "%1 = ld.64 r1, 0\n%2 = call add32(r2, r3)\n%3 = ld.64 r1, 8\nexit_lookup\n", "1[0,16) 1" },
    { "nine-open", "%1 = ld.64 r0, 0\n%2 = ld.64 r1, 0\n%3 = ld.64 r2, 0\n%4 = ld.64 r3, 0\n%5 = ld.64 r4, 0\n%6 = ld.64 r5, 0\n"
      "%7 = ld.64 r6, 0\n%8 = ld.64 r7, 0\n%9 = ld.64 r8, 0\n%10 = ld.64 r0, 8\n%11 = ld.64 r8, 8\nexit_lookup\n",
      "- - - - - - - - 1[0,16) - 1" },
};
/* clang-format on */

static void print_shares(const IrBlock *b, const IrShares *s, GString *out)
{
    unsigned numbers[64] = { 0 }, next = 0;
    for (unsigned at = 0; at < b->count; at++) {
        if (b->ops[at].op != IR_LD && b->ops[at].op != IR_ST) {
            g_assert(s->of[at] == 0);
            continue;
        }
        const IrShare *share = &s->all[s->of[at]];
        g_string_append(out, out->len ? " " : "");
        if (!s->of[at]) {
            g_string_append_c(out, '-');
        } else if (share->first == at) {
            numbers[s->of[at]] = ++next;
            g_string_append_printf(out, "%u[%d,%d)", next, share->low, share->end);
        } else {
            g_string_append_printf(out, "%u", numbers[s->of[at]]);
        }
    }
}

static void test_row(gconstpointer opaque)
{
    const Row *row = opaque;
    g_autoptr(GError) err = NULL;
    IrBlock *b = ir_block_new(&toy_guest);
    ir_parse(b, row->ir, toy_helpers, &err);
    g_assert_no_error(err);
    IrShares s = { 0 };
    for (unsigned n = 0; n < 2; n++) { /* again, with what the first call left */
        g_autoptr(GString) text = g_string_new(NULL);
        ir_find_shares(b, &s);
        print_shares(b, &s, text);
        g_assert_cmpstr(text->str, ==, row->shares);
    }
    ir_shares_clear(&s);
    ir_block_free(b);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autofree char *path = g_strdup_printf("/tcg/shares/%s", rows[i].name);
        g_test_add_data_func(path, &rows[i], test_row);
    }
    return g_test_run();
}
