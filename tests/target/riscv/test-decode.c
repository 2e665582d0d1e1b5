/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The generated decoder against its table: a linear search for the first row that matches. */
#include <glib.h>
#include <string.h>

#include "flat.h"

static unsigned search(uint32_t insn, unsigned xlen)
{
    unsigned length = riscv_insn_length(insn);

    for (unsigned i = 1; i < riscv_row_count; i++) {
        const RiscvRow *row = &riscv_rows[i];
        if (row->length == length && (row->xlen == 0 || row->xlen == xlen) &&
            (insn & row->mask) == row->match) {
            return i;
        }
    }
    return 0;
}

static void check(uint32_t insn)
{
    for (unsigned xlen = 32; xlen <= 64; xlen += 32) {
        unsigned want = search(insn, xlen), got = riscv_decode(insn, xlen);
        if (want != got) {
            g_test_message("0x%08x at %u: row %s, not %s", insn, xlen, riscv_rows[got].name,
                           riscv_rows[want].name);
            g_test_fail();
        }
    }
}

static void test_rows(void)
{
    for (unsigned i = 1; i < riscv_row_count; i++) {
        const RiscvRow *row = &riscv_rows[i];
        bool itself = false;
        for (unsigned n = 0; n < 500; n++) {
            uint32_t insn = row->match | (g_test_rand_int() & ~row->mask);
            insn &= row->length == 2 ? 0xffff : UINT32_MAX;
            check(insn);
            itself |= riscv_decode(insn, row->xlen ? row->xlen : 64) == i;
        }
        if (!itself) {
            g_test_message("%s is never decoded", row->name);
            g_test_fail();
        }
    }
}

/* The fuzzers run -cpu max: what it has not, they would never compare. */
static void test_max(void)
{
    static const CPUArch *const archs[] = { &riscv64_arch, &riscv32_arch };
    for (unsigned n = 0; n < G_N_ELEMENTS(archs); n++) {
        Flat *m = flat_new(archs[n], "max", 0x80000000, 4096);
        for (unsigned i = 1; i < riscv_row_count; i++) {
            const RiscvRow *row = &riscv_rows[i];
            if ((!row->xlen || row->xlen == flat_cpu(m)->xlen) && !riscv_row_enabled(row, flat_cpu(m)->ext)) {
                g_test_message("%s: no extension of %s's -cpu max (models.c) has it", row->name,
                               archs[n]->name);
                g_test_fail();
            }
        }
        flat_free(m);
    }
}

static void test_compressed(void)
{
    for (uint32_t insn = 0; insn < 0x10000; insn++) {
        if (riscv_insn_length(insn) == 2) {
            check(insn);
        }
    }
}

static void test_random(void)
{
    for (unsigned n = 0; n < 300000; n++) {
        check((uint32_t)g_test_rand_int() | 3);
    }
}

/* Encodings that the manual reserves. */
static void test_reserved(void)
{
    static const struct {
        uint32_t insn;
        unsigned xlen;
    } reserved[] = {
        { 0x0000, 64 },                                             /* defined to be illegal */
        { 0x0004, 64 },                                             /* c.addi4spn with 0 */
        { 0x2001, 64 },                                             /* c.addiw to x0 */
        { 0x6101, 64 },                                             /* c.addi16sp by 0 */
        { 0x6501, 64 },                                             /* c.lui a0, 0 */
        { 0x4002, 64 },                                             /* c.lwsp to x0 */
        { 0x6002, 64 },                                             /* c.ldsp to x0 */
        { 0x8002, 64 },                                             /* c.jr x0 */
        { 0x9c41, 64 },     { 0x8000, 64 },                         /* Zcb */
        { 0x1502, 32 },                                             /* c.slli by 32 */
        { 0x9105, 32 },     { 0x9505, 32 },                         /* c.srli, c.srai by 33 */
        { 0xffffffff, 64 }, { 0x0000007f, 64 }, { 0x02059513, 32 }, /* slli by 32 */
        { 0x0205951b, 64 },                                         /* slliw by 32 */
        { 0x1015a52f, 64 },                                         /* lr.w with rs2 */
        { 0x0005b503, 32 }, { 0x00c5853b, 32 },                     /* ld, addw */
    };
    for (unsigned i = 0; i < G_N_ELEMENTS(reserved); i++) {
        unsigned row = riscv_decode(reserved[i].insn, reserved[i].xlen);
        if (row && strcmp(riscv_rows[row].translator, "illegal")) {
            g_test_message("0x%x is %s", reserved[i].insn, riscv_rows[row].name);
            g_test_fail();
        }
    }
}

static void test_operands(void)
{
    static const struct {
        uint32_t insn;
        uint8_t rd, rs1, rs2;
        int32_t imm;
    } want[] = {
        { 0xfff00513, 10, 0, 0, -1 },        /* addi a0, zero, -1 */
        { 0xfffff537, 10, 0, 0, -4096 },     /* lui a0, 0xfffff */
        { 0x80000537, 10, 0, 0, INT32_MIN }, /* lui a0, 0x80000 */
        { 0xfeb50ce3, 0, 10, 11, -8 },       /* beq a0, a1, .-8 */
        { 0x7eb500e3, 0, 10, 11, 0xfe0 },    /* beq a0, a1, .+4064 */
        { 0x801ff0ef, 1, 0, 0, -2048 },      /* jal ra, .-2048 */
        { 0x7ffff0ef, 1, 0, 0, 0xffffe },    /* jal ra, .+1048574 */
        { 0xfeb53c23, 0, 10, 11, -8 },       /* sd a1, -8(a0) */
        { 0x7139, 2, 2, 0, -64 },            /* c.addi16sp sp, -64 */
        { 0x0808, 10, 2, 0, 16 },            /* c.addi4spn a0, sp, 16 */
        { 0xa001, 0, 0, 0, 0 },              /* c.j . */
        { 0xbffd, 0, 0, 0, -2 },             /* c.j .-2 */
        { 0xe588, 0, 11, 10, 8 },            /* c.sd a0, 8(a1) */
        { 0x7505, 10, 0, 0, -126976 },       /* c.lui a0, 0xfffe1 */
    };
    for (unsigned i = 0; i < G_N_ELEMENTS(want); i++) {
        RiscvArgs a;
        riscv_extract(riscv_decode(want[i].insn, 64), want[i].insn, &a);
        g_assert_cmpint(a.rd, ==, want[i].rd);
        g_assert_cmpint(a.rs1, ==, want[i].rs1);
        g_assert_cmpint(a.rs2, ==, want[i].rs2);
        g_assert_cmpint(a.imm, ==, want[i].imm);
    }
}

/* Text may be cut, or not an instruction. */
static void test_disassemble(void)
{
    static const uint8_t add[4] = { 0x33, 0x05, 0xb5, 0x00 };
    g_autoptr(GString) out = g_string_new(NULL);

    g_assert_cmpuint(riscv64_disassemble(0, 0, add, 4, out), ==, 4);
    g_assert_cmpstr(out->str, ==, "add\ta0,a0,a1");
    g_string_truncate(out, 0);
    g_assert_cmpuint(riscv64_disassemble(0, 0, add, 3, out), ==, 2);
    g_assert_cmpstr(out->str, ==, ".2byte\t0x533");
    g_assert_cmpuint(riscv64_disassemble(0, 0, add, 1, out), ==, 1);
    for (unsigned n = 0; n < 50000; n++) {
        uint32_t insn = (uint32_t)g_test_rand_int();
        g_string_truncate(out, 0);
        riscv64_disassemble(0, n, (const uint8_t *)&insn, 4, out);
        g_assert_cmpuint(out->len, >, 3);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/riscv/decode/rows", test_rows);
    g_test_add_func("/riscv/decode/max", test_max);
    g_test_add_func("/riscv/decode/compressed", test_compressed);
    g_test_add_func("/riscv/decode/random", test_random);
    g_test_add_func("/riscv/decode/reserved", test_reserved);
    g_test_add_func("/riscv/decode/operands", test_operands);
    g_test_add_func("/riscv/decode/disassemble", test_disassemble);
    return g_test_run();
}
