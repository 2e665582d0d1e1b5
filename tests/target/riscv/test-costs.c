/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What each guest instruction costs: a line for each row of the tables, with an example of it, the
 * operations of the IR behind the passes and the bytes of host code, as a block of its own (so with the way
 * out of a block).  A change of any is a difference that somebody reads; LYREBIRD_BLESS=1 (scripts/dev bless
 * riscv-costs) rewrites the file.
 *
 * rv64, -cpu max, M mode.  Skipped on hosts without BMI2 and LZCNT (other code). */
#include <stdlib.h>
#include <string.h>

#include "target/riscv/translate.h"
#include "tests/accel/bare.h"
#include "tests/host-x86_64.h"

enum { PLACE = 64, TRIES = 1000 }; /* an instruction every so many bytes: none crosses a page */

static const char *path;

/* An instruction that decodes as the row: a0 from a1 and ra where it has such fields, mepc, rounding by frm;
 * else, as rows in front of it take some, by numbers that are the same each time. */
static uint32_t example_of(unsigned n)
{
    const RiscvRow *row = &riscv_rows[n];
    uint32_t free = ~row->mask & (row->length == 2 ? 0xffff : UINT32_MAX);
    uint32_t fill = row->length == 2 ? 0x052c : 0x3415f500;
    for (unsigned i = 0; i < TRIES; i++) {
        uint32_t insn = row->match | (fill & free);
        if (riscv_decode(insn, 64) == n) {
            return insn;
        }
        fill = fill * 1664525 + 1013904223;
    }
    g_error("%s: no instruction is of this row", row->name);
}

static void append_cost(Bare *b, unsigned n, GString *out)
{
    CPU *cpu = bare_cpu(b);
    uint32_t insn = example_of(n);
    uint64_t pc = BARE_RAM + (uint64_t)n * PLACE;
    memcpy(bare_ram(b) + n * PLACE, &insn, sizeof(insn));
    cpu->arch->set_pc(cpu, pc);
    const TcgBlock *block = tcg_block_get(cpu);
    g_autoptr(GString) text = g_string_new(NULL);
    riscv_disassemble_row(n, insn, pc, text);
    g_strdelimit(text->str, "\t", ' ');
    g_string_append_printf(out, "%-40s %3u %4u\n", text->str, cpu->tcg->ir->count, block->code_size);
}

static char *costs_now(void)
{
    Bare *b = bare_new(&riscv64_arch, "max", "tcg", "one-insn-per-tb=on");
    GString *out = g_string_new("# instruction                             ops bytes\n");
    for (unsigned n = 1; n < riscv_row_count; n++) {
        if (riscv_rows[n].xlen != 32) {
            append_cost(b, n, out);
        }
    }
    bare_free(b);
    return g_string_free(out, FALSE);
}

static void tell_differences(const char *was, const char *now)
{
    g_auto(GStrv) before = g_strsplit(was, "\n", -1), after = g_strsplit(now, "\n", -1);
    for (unsigned i = 0; after[i]; i++) {
        if (!g_strv_contains((const char *const *)before, after[i])) {
            g_test_message("now: %s", after[i]);
        }
    }
    for (unsigned i = 0; before[i]; i++) {
        if (!g_strv_contains((const char *const *)after, before[i])) {
            g_test_message("was: %s", before[i]);
        }
    }
}

static void test_costs(void)
{
    g_autofree char *was = NULL, *now = costs_now();
    if (getenv("LYREBIRD_BLESS")) {
        g_assert_true(g_file_set_contents(path, now, -1, NULL));
        return;
    }
    g_assert_true(g_file_get_contents(path, &was, NULL, NULL));
    if (strcmp(was, now)) {
        tell_differences(was, now);
        g_test_message("instructions cost something else; if that is wanted: scripts/dev bless riscv-costs");
        g_test_fail();
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_assert(argc > 1);
    path = argv[1];
    if (has_bmi2_and_lzcnt() && !getenv("LYREBIRD_JIT_WITHOUT")) {
        g_test_add_func("/riscv/costs/x86_64", test_costs);
    }
    return g_test_run();
}
