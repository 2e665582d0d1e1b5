/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a guest instruction costs in host code: bytes for each of many alike in one block.
 *
 * The figures depend on the translator and the back end alone, not on the compiler or on how busy the
 * host is.  A limit is what the instruction took when its row was written (the test's log says what
 * it takes), with a fifth to spare, and room for hosts without BMI2.  Who makes an instruction dearer
 * than that raises its limit, and says in the commit what it buys. */
#include "rvcode.h"
#include "target/riscv/cpu.h"

enum { FEW = 8, MANY = 24, DATA = 0x8000 };

typedef struct Row {
    const char *name;
    uint32_t insn;
    unsigned limit; /* host bytes */
} Row;

/* a1 points to memory; a2 is 3. */
static const Row rows[] = {
    { "add a0, a0, a2", 0x00c50533, 4 },          { "addw a0, a0, a2", 0x00c5053b, 8 },
    { "sll a0, a0, a2", 0x00c51533, 14 },         { "slt a0, a0, a2", 0x00c52533, 14 },
    { "mul a0, a0, a2", 0x02c50533, 6 },          { "div a0, a0, a2", 0x02c54533, 55 },
    { "ld a0, 8(a1)", 0x0085b503, 80 },           { "lb a0, 8(a1)", 0x00858503, 80 },
    { "sd a0, 8(a1)", 0x00a5b423, 82 },           { "lr.d a0, (a1)", 0x1005b52f, 70 },
    { "csrrw a0, mscratch, a0", 0x34051573, 24 }, { "amoadd.d a0, a2, (a1)", 0x00c5b52f, 74 },
    { "beq a2, zero, .+4", 0x00060263, 12 },
};

/* Host bytes of all that runs. */
static int64_t host_bytes(uint32_t insn, unsigned count)
{
    Bare *b = bare_new(cpu_arch_find("riscv64"), "rv64", "tcg", NULL);
    Code c = { bare_ram(b), 0 };
    put(&c, lui(A1, 0x1000));
    put(&c, slli(A1, A1, 19)); /* 0x80000000 */
    put(&c, lui(A2, DATA));
    put(&c, add(A1, A1, A2));
    put(&c, addi(A2, ZERO, 3));
    put(&c, addi(A0, ZERO, 1));
    put(&c, jal(ZERO, 4));
    for (unsigned i = 0; i < count; i++) {
        put(&c, insn);
    }
    put(&c, jal(ZERO, 4));
    finish(&c);
    bare_run(b);
    g_assert_cmpint(b->finished, ==, PASS);
    int64_t bytes = bare_state(b)->stats.host_bytes;
    bare_free(b);
    return bytes;
}

static void test_row(gconstpointer data)
{
    const Row *row = data;
    double each = (double)(host_bytes(row->insn, MANY) - host_bytes(row->insn, FEW)) / (MANY - FEW);
    g_test_message("%s: %.1f bytes of host code, limit %u", row->name, each, row->limit);
    g_assert_cmpfloat(each, <=, row->limit);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autofree char *path = g_strdup_printf("/cost/%.*s", (int)strcspn(rows[i].name, " "), rows[i].name);
        g_test_add_data_func(path, &rows[i], test_row);
    }
    return g_test_run();
}
