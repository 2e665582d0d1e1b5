/* SPDX-License-Identifier: GPL-2.0-or-later */
/* EFLAGS.AC at level 3: which operands must be aligned to what, and what comes before #AC.
 * Spec: SDM volume 3, "Interrupt 17 - Alignment Check Exception"; what its table leaves open is as measured on a Zen 3:
 * vectors of 32 bytes need 16, gathers and masked moves nothing, an unaligned address in an absent page is #AC.
 *
 *   test-align ENGINE   i: interpreter, j: host code, l: both in lockstep */
#include "silicon.h"

#include <string.h>

static SiliconGuest *guest;
static SiliconBatch batch;
static SiliconResult result;

/* One instruction of 64-bit code, which an INT3 follows; its operand is at rDI, or rSP and rSI with it. */
typedef struct Case {
    const char *what;
    const char *code;
    unsigned length;
    unsigned alignment; /* what it needs: 1: nothing */
    uint8_t worse;      /* the vector when it is not a multiple of that; 0: #AC */
} Case;

#define CODE(text) text, sizeof(text) - 1
enum { AC = X86_EXC_AC, BP = X86_EXC_BP, GP = X86_EXC_GP };

/* clang-format off */
static const Case cases[] = {
    { "bytes", CODE("\x8a\x07"), 1, 0 },
    { "words", CODE("\x66\x8b\x07"), 2, 0 },
    { "words, a store", CODE("\x66\x89\x07"), 2, 0 },
    { "doublewords", CODE("\x8b\x07"), 4, 0 },
    { "quadwords", CODE("\x48\x8b\x07"), 8, 0 },
    { "quadwords, read and written", CODE("\x48\xff\x07"), 8, 0 },
    { "locked", CODE("\xf0\x48\xff\x07"), 8, 0 },
    { "MOVBE", CODE("\x0f\x38\xf0\x07"), 4, 0 },
    { "MOVZX of words", CODE("\x0f\xb7\x07"), 2, 0 },
    { "XCHG", CODE("\x87\x07"), 4, 0 },
    { "CMPXCHG8B", CODE("\x0f\xc7\x0f"), 8, 0 },
    { "CMPXCHG16B", CODE("\x48\x0f\xc7\x0f"), 16, GP },
    { "BT: its operand's size", CODE("\x0f\xa3\x17"), 4, 0 },
    { "LEA: no access", CODE("\x48\x8d\x07"), 1, 0 },
    { "PREFETCHT0", CODE("\x0f\x18\x0f"), 1, 0 },
    { "CLFLUSH", CODE("\x0f\xae\x3f"), 1, 0 },
    { "selectors", CODE("\x8c\xd8\x66\x89\x07"), 2, 0 },
    { "STMXCSR", CODE("\x0f\xae\x1f"), 4, 0 },

    { "PUSH", CODE("\x48\x89\xfc\x50"), 8, 0 },
    { "PUSH of words", CODE("\x48\x89\xfc\x66\x50"), 2, 0 },
    { "POP", CODE("\x48\x89\xfc\x58"), 8, 0 },
    { "PUSHF", CODE("\x48\x89\xfc\x9c"), 8, 0 },
    { "CALL", CODE("\x48\x89\xfc\xe8\x00\x00\x00\x00"), 8, 0 },
    { "ENTER", CODE("\x48\x89\xfc\xc8\x00\x00\x00"), 8, 0 },

    { "MOVS", CODE("\x48\x89\xfe\x48\xa5"), 8, 0 },
    { "REP MOVS", CODE("\x48\x89\xfe\xb9\x04\x00\x00\x00\xf3\xa5"), 4, 0 },
    { "REP STOS of bytes", CODE("\xb9\x09\x00\x00\x00\xf3\xaa"), 1, 0 },
    { "REP SCAS of words", CODE("\xb9\x02\x00\x00\x00\x66\xf2\xaf"), 2, 0 },

    { "x87: 32 bits", CODE("\xd9\x07"), 4, 0 },
    { "x87: 64 bits", CODE("\xdd\x07"), 8, 0 },
    { "x87: 80 bits", CODE("\xdb\x2f"), 8, 0 },
    { "x87: decimal", CODE("\xdf\x27"), 8, 0 },
    { "x87: words", CODE("\xdf\x07"), 2, 0 },
    { "x87: FNSTCW", CODE("\xd9\x3f"), 2, 0 },
    { "x87: FNSTENV", CODE("\xd9\x37"), 4, 0 },
    { "x87: FNSTENV of 16 bits", CODE("\x66\xd9\x37"), 2, 0 },
    { "x87: FNSAVE", CODE("\xdd\x37"), 4, 0 },
    { "MMX", CODE("\x0f\x6f\x07"), 8, 0 },
    { "MMX: half a register", CODE("\x0f\x60\x07"), 4, 0 },

    { "MOVSS", CODE("\xf3\x0f\x10\x07"), 4, 0 },
    { "MOVSD", CODE("\xf2\x0f\x10\x07"), 8, 0 },
    { "MOVHPS", CODE("\x0f\x16\x07"), 8, 0 },
    { "MOVUPS", CODE("\x0f\x10\x07"), 16, 0 },
    { "MOVUPS, a store", CODE("\x0f\x11\x07"), 16, 0 },
    { "LDDQU", CODE("\xf2\x0f\xf0\x07"), 16, 0 },
    { "MOVAPS: #GP all the same", CODE("\x0f\x28\x07"), 16, GP },
    { "MULPS: likewise", CODE("\x0f\x59\x07"), 16, GP },
    { "PCMPISTRI", CODE("\x66\x0f\x3a\x63\x07\x00"), 16, 0 },
    { "PMOVZXBW", CODE("\x66\x0f\x38\x30\x07"), 8, 0 },
    { "VMOVUPS of 32 bytes", CODE("\xc5\xfc\x10\x07"), 16, 0 },
    { "VADDPS", CODE("\xc5\xfc\x58\x07"), 16, 0 },
    { "VMASKMOVPS", CODE("\xc4\xe2\x7d\x2c\x07"), 1, 0 },
};
/* clang-format on */

static void run(const char *code, unsigned length, uint64_t rdi, bool on)
{
    SiliconTrial t = { .length = length, .size = 8 };
    memset(t.code, 0xcc, sizeof(t.code));
    memcpy(t.code, code, length);
    memset(t.seg, SILICON_FLAT, sizeof(t.seg));
    t.seg[SEG_CS] = SILICON_CODE64;
    t.cr0 = on ? 0 : CR0_AM; /* it is on as usual */
    t.before = (SiliconState){ .flags = EFL_AC | 3 << EFL_IOPL_SHIFT };
    t.before.v.mxcsr = MXCSR_MASKS;
    t.before.gpr[X86_RDI] = rdi;
    t.before.gpr[X86_RSP] = SILICON_DATA + 1024;
    silicon_guest_run(guest, &batch, &t, &result);
}

static void test_case(gconstpointer opaque)
{
    const Case *c = opaque;
    for (unsigned by = 1; by <= 16; by *= 2) {
        bool fine = by % c->alignment == 0;
        run(c->code, c->length, SILICON_DATA + 512 + by, true);
        g_assert_cmpint(result.vector, ==, fine ? BP : c->worse ? c->worse : AC);
        g_assert_cmpint(result.error, ==, 0);
        run(c->code, c->length, SILICON_DATA + 512 + by, false);
        g_assert_cmpint(result.vector, ==, fine || !c->worse ? BP : c->worse);
    }
}

static void test_before_page_fault(void)
{
    run(CODE("\x8b\x07"), 0x1001, true);
    g_assert_cmpint(result.vector, ==, AC);
    run(CODE("\x8b\x07"), 0x1000, true);
    g_assert_cmpint(result.vector, ==, X86_EXC_PF);
}

static void test_behind_canonical(void)
{
    run(CODE("\x8b\x07"), UINT64_C(1) << 63 | 1, true);
    g_assert_cmpint(result.vector, ==, GP);
    run(CODE("\x48\x89\xfc\x58"), UINT64_C(1) << 63 | 1, true);
    g_assert_cmpint(result.vector, ==, X86_EXC_SS);
}

/* FXSAVE and FXRSTOR: #AC of what is no multiple of 4, else #GP. */
static void test_fxsave(void)
{
    for (unsigned by = 1; by <= 16; by *= 2) {
        run(CODE("\x0f\xae\x07"), SILICON_DATA + 512 + by, true);
        g_assert_cmpint(result.vector, ==, by < 4 ? AC : by < 16 ? GP : BP);
    }
}

/* A repetition that is interrupted by #AC has done nothing, as all its elements are unaligned or none is. */
static void test_string_restarts(void)
{
    run(CODE("\xb9\x04\x00\x00\x00\xf3\xab"), SILICON_DATA + 514, true);
    g_assert_cmpint(result.vector, ==, AC);
    g_assert_cmpint(result.ip, ==, 5);
    g_assert_cmpint(result.s.gpr[X86_RCX], ==, 4);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    guest = silicon_guest_new(guest_engine_of(argc, argv));
    for (unsigned n = 0; n < G_N_ELEMENTS(cases); n++) {
        g_autofree char *path = g_strdup_printf("/i386/align/%s", cases[n].what);
        g_test_add_data_func(path, &cases[n], test_case);
    }
    g_test_add_func("/i386/align/before a page fault", test_before_page_fault);
    g_test_add_func("/i386/align/behind an address that is none", test_behind_canonical);
    g_test_add_func("/i386/align/FXSAVE", test_fxsave);
    g_test_add_func("/i386/align/strings restart", test_string_restarts);
    int failed = g_test_run();
    silicon_guest_free(guest);
    return failed;
}
