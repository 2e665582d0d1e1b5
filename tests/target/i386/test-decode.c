/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The x86 decoder: what the table's rows do not say of themselves (prefixes, REX, VEX, ModRM, limits). */
#include "target/i386/decode.h"
#include "target/i386/translators.h"

#include <string.h>

static const X86DecodeMode code16 = { .size = 2 }, code32 = { .size = 4 }, code64 = { .size = 8 };
static const X86DecodeMode real16 = { .size = 2, .real = true };
static const X86DecodeMode amd64 = { .size = 8, .amd = true };

/* Bytes of "66 0f 58 c1". */
static unsigned parse(const char *hex, uint8_t *bytes)
{
    unsigned n = 0;

    for (char *end; *hex; hex = end) {
        bytes[n++] = strtoul(hex, &end, 16);
        while (*end == ' ') {
            end++;
        }
    }
    return n;
}

static X86Insn decode(X86DecodeMode mode, const char *hex, X86DecodeResult expected)
{
    uint8_t bytes[32];
    unsigned n = parse(hex, bytes);
    uint8_t *exact = g_memdup2(bytes, n); /* sanitizers see a read behind it */
    X86Insn insn;
    X86DecodeResult result = x86_decode(&insn, mode, exact, n);

    g_free(exact);
    if (result != expected) {
        g_error("%s: result %d, not %d", hex, result, expected);
    }
    return insn;
}

static X86Insn good(X86DecodeMode mode, const char *hex, const char *name)
{
    uint8_t bytes[32];
    X86Insn insn = decode(mode, hex, X86_DECODE_OK);

    g_assert_cmpstr(x86_rows[insn.row].name, ==, name);
    g_assert_cmpuint(insn.length, ==, parse(hex, bytes));
    return insn;
}

static void bad(X86DecodeMode mode, const char *hex)
{
    X86Insn insn = decode(mode, hex, X86_DECODE_INVALID);

    g_assert_cmpuint(insn.row, ==, 0);
}

static void test_prefixes(void)
{
    X86Insn insn = good(code64, "f3 f2 0f 58 c1", "addsd"); /* the last of F2 and F3 */

    g_assert_cmpuint(insn.prefixes, ==, X86_PREFIX_REPNE);
    good(code64, "66 f3 0f 58 c1", "addss"); /* F3 before 66, in any order */
    good(code64, "f3 66 0f 58 c1", "addss");
    insn = good(code64, "2e 64 48 8b 00", "mov");
    g_assert_cmpuint(insn.seg, ==, X86_FS);
    insn = good(code64, "64 2e 48 8b 00", "mov"); /* CS has no effect there */
    g_assert_cmpuint(insn.seg, ==, X86_FS);
    insn = good(code32, "64 2e 8b 00", "mov");
    g_assert_cmpuint(insn.seg, ==, X86_CS);
    insn = good(code64, "48 66 05 34 12", "add"); /* REX counts directly before the opcode */
    g_assert_cmpuint(insn.osz, ==, 2);
    g_assert_cmpuint(insn.prefixes & X86_PREFIX_REX, ==, 0);
    insn = good(code64, "66 48 05 78 56 34 92", "add");
    g_assert_cmpuint(insn.osz, ==, 8);
    g_assert_cmpint(insn.imm, ==, (int32_t)0x92345678);
    good(code32, "48", "dec");
}

static void test_sizes(void)
{
    static const struct {
        const X86DecodeMode *mode;
        const char *hex, *name;
        unsigned osz, asz;
    } cases[] = {
        { &code16, "b8 34 12", "mov", 2, 2 },
        { &code16, "66 67 8d 04 05 78 56 34 12", "lea", 4, 4 },
        { &code32, "66 b8 34 12", "mov", 2, 4 },
        { &code32, "67 8d 46 01", "lea", 4, 2 },
        { &code64, "48 b8 08 07 06 05 04 03 02 01", "mov", 8, 8 },
        { &code64, "50", "push", 8, 8 },
        { &code64, "66 50", "push", 2, 8 },
        { &code64, "66 e8 00 00 00 00", "call", 8, 8 },
        { &amd64, "66 e8 00 00", "call", 2, 8 },
        { &code64, "0f 20 c0", "mov", 8, 8 },
        { &code64, "67 e3 00", "jcxz|jecxz|jrcxz", 8, 4 },
        { &code32, "c5 f8 58 c1", "vaddps", 4, 4 },
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
        X86Insn insn = good(*cases[i].mode, cases[i].hex, cases[i].name);
        g_assert_cmpuint(insn.osz, ==, cases[i].osz);
        g_assert_cmpuint(insn.asz, ==, cases[i].asz);
    }
}

static void expect_memory(X86DecodeMode mode, const char *hex, X86Seg seg, unsigned base, unsigned index,
                          unsigned scale, int64_t disp)
{
    X86Insn insn = good(mode, hex, "mov");

    g_assert_true(insn.memory);
    g_assert_cmpuint(insn.seg, ==, seg);
    g_assert_cmpuint(insn.base, ==, base);
    g_assert_cmpuint(insn.index, ==, index);
    g_assert_cmpuint(insn.scale, ==, scale);
    g_assert_cmpint(insn.disp, ==, disp);
}

static void test_memory(void)
{
    expect_memory(code16, "8b 42 fe", X86_SS, 5, 6, 0, -2);                          /* [bp+si-2] */
    expect_memory(code16, "8b 06 34 12", X86_DS, X86_NO_REG, X86_NO_REG, 0, 0x1234); /* [0x1234] */
    expect_memory(code32, "8b 44 24 08", X86_SS, 4, X86_NO_REG, 0, 8);               /* [esp+8] */
    expect_memory(code32, "8b 05 78 56 34 12", X86_DS, X86_NO_REG, X86_NO_REG, 0, 0x12345678);
    expect_memory(code64, "8b 05 fc ff ff ff", X86_DS, X86_REG_RIP, X86_NO_REG, 0, -4);
    expect_memory(code64, "8b 04 25 00 00 00 80", X86_DS, X86_NO_REG, X86_NO_REG, 0, INT32_MIN);
    expect_memory(code64, "43 8b 44 ec 10", X86_DS, 12, 13, 3, 16); /* r12 is no stack pointer */
    expect_memory(code64, "42 8b 04 24", X86_SS, 4, 12, 0, 0);      /* index r12 */
    X86Insn insn = good(code64, "a1 08 07 06 05 04 03 02 81", "mov");
    g_assert_cmphex(insn.disp, ==, (int64_t)UINT64_C(0x8102030405060708));
}

static void test_immediates(void)
{
    X86Insn insn = good(code32, "c8 fe ff 03", "enter");

    g_assert_cmpint(insn.imm, ==, 0xfffe);
    g_assert_cmpuint(insn.imm2, ==, 3);
    insn = good(code32, "ea 78 56 34 12 08 80", "ljmp");
    g_assert_cmpint(insn.imm, ==, 0x12345678);
    g_assert_cmpuint(insn.imm2, ==, 0x8008);
    insn = good(code64, "48 83 c0 ff", "add");
    g_assert_cmpint(insn.imm, ==, -1);
    insn = good(code64, "c3", "ret");
    g_assert_cmpint(insn.imm, ==, 0);
}

static void test_vex(void)
{
    X86Insn insn = good(code64, "c4 41 7c 58 c1", "vaddps");

    g_assert_cmpuint(insn.vector, ==, 32);
    g_assert_cmpuint(insn.reg, ==, 8);
    g_assert_cmpuint(insn.rm, ==, 9);
    g_assert_cmpuint(insn.vvvv, ==, 0);
    good(code32, "c5 10", "lds"); /* memory operand: no VEX there */
    bad(real16, "c5 f8 58 c1");
    bad(code64, "66 c5 f8 58 c1");
    bad(code64, "f0 c5 f8 58 c1");
    bad(code64, "40 c5 f8 58 c1");
    bad(code64, "c5 f0 51 c1");              /* vvvv is no operand of vsqrtps */
    bad(code64, "c4 e4 78 58 c1");           /* no such map */
    good(code32, "c4 e1 f9 6e c1", "vmovd"); /* W counts in 64-bit code only */
    good(code64, "c4 e1 f9 6e c1", "vmovq");
    good(code64, "c4 e2 69 90 04 09", "vpgatherdd");
    bad(code64, "c4 e2 69 90 04 11");                     /* mask and index are one register */
    decode(code64, "c4 e2 69 90 00", X86_DECODE_INVALID); /* no SIB byte */
}

static void test_illegal(void)
{
    good(code64, "f0 01 03", "add");
    bad(code64, "f0 01 c3"); /* LOCK: the destination is a register */
    bad(code64, "f0 03 03"); /* or not the memory operand */
    bad(code64, "f0 39 03"); /* or nothing */
    bad(code64, "06");
    bad(code64, "82 c0 01");
    bad(code64, "0f 20 c8"); /* CR1 */
    bad(code64, "8e c8");    /* CS cannot be loaded */
    bad(code64, "8c f0");    /* segment register 6 */
    bad(real16, "0f 00 c0"); /* sldt is of protected mode */
    good(code16, "0f 00 c0", "sldt");
    good(code64, "0f 0d c0", "nop");
    bad(amd64, "0f 0d c0"); /* AMD has the prefetches only */
    bad(code64, "d6");
    good(code32, "d6", "salc");
    bad(code64, "62 f1 7c 48 58 c1"); /* EVEX */
}

static void test_limits(void)
{
    uint8_t bytes[16];
    X86Insn insn;

    good(code64, "66 66 66 66 66 66 66 66 66 66 66 66 66 66 90", "nop");
    memset(bytes, 0x66, sizeof(bytes));
    bytes[15] = 0x90;
    g_assert_cmpint(x86_decode(&insn, code64, bytes, 16), ==, X86_DECODE_TOO_LONG);
    g_assert_cmpint(x86_decode(&insn, code64, bytes, 15), ==, X86_DECODE_TOO_LONG);
    for (unsigned n = 0; n < 15; n++) {
        g_assert_cmpint(x86_decode(&insn, code64, bytes, n), ==, X86_DECODE_SHORT);
    }
    unsigned whole = parse("66 48 81 84 8b 78 56 34 12 f0 de bc 9a", bytes);
    for (unsigned n = 0; n < whole; n++) {
        uint8_t *exact = g_memdup2(bytes, n);
        g_assert_cmpint(x86_decode(&insn, code64, exact, n), ==, X86_DECODE_SHORT);
        g_free(exact);
    }
    g_assert_cmpint(x86_decode(&insn, code64, bytes, whole), ==, X86_DECODE_OK);
}

/* What an encoding is on processors without the bit for it. */
static void test_isa(void)
{
    const uint64_t old = UINT64_C(1) << X86_ISA_I386 | UINT64_C(1) << X86_ISA_I86;
    X86Insn insn = good(code64, "f3 0f bc c1", "tzcnt");

    g_assert_cmpstr(x86_rows[x86_row_for(&insn, old)].name, ==, "bsf");
    g_assert_cmpuint(x86_row_for(&insn, old | UINT64_C(1) << X86_ISA_BMI1), ==, insn.row);
    insn = good(code64, "f3 90", "pause");
    g_assert_cmpstr(x86_rows[x86_row_for(&insn, old)].name, ==, "nop");
    insn = good(code64, "f3 0f b8 c1", "popcnt");
    g_assert_cmpuint(x86_row_for(&insn, old), ==, 0);
    insn = good(code64, "c5 f5 fc c1", "vpaddb");
    g_assert_cmpuint(x86_row_for(&insn, UINT64_C(1) << X86_ISA_AVX), ==, 0);
    g_assert_cmpuint(x86_row_for(&insn, UINT64_C(1) << X86_ISA_AVX2), ==, insn.row);
}

static void test_facts(void)
{
    const uint32_t arithmetic = 0x8d5;
    const X86Row *row = &x86_rows[good(code64, "11 c8", "adc").row];

    g_assert_cmpuint(row->translator, ==, X86_TR_ALU);
    g_assert_cmpuint(row->arg, ==, X86_ALU_ADC);
    g_assert_cmphex(row->flags.read, ==, 1);
    g_assert_cmphex(row->flags.written, ==, arithmetic);
    row = &x86_rows[good(code64, "d3 e0", "shl").row];
    g_assert_cmphex(row->flags.written, ==, 0);
    g_assert_cmphex(row->flags.may_write, ==, arithmetic);
    row = &x86_rows[good(code64, "21 c8", "and").row];
    g_assert_cmphex(row->flags.written, ==, arithmetic);
    g_assert_cmphex(row->flags.zero, ==, 0x801);
    g_assert_cmphex(row->flags.undefined, ==, 0x10);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/x86/decode/prefixes", test_prefixes);
    g_test_add_func("/x86/decode/sizes", test_sizes);
    g_test_add_func("/x86/decode/memory", test_memory);
    g_test_add_func("/x86/decode/immediates", test_immediates);
    g_test_add_func("/x86/decode/vex", test_vex);
    g_test_add_func("/x86/decode/illegal", test_illegal);
    g_test_add_func("/x86/decode/limits", test_limits);
    g_test_add_func("/x86/decode/isa", test_isa);
    g_test_add_func("/x86/decode/facts", test_facts);
    return g_test_run();
}
