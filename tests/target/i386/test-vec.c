/* SPDX-License-Identifier: GPL-2.0-or-later */
/* When vector instructions raise exceptions, and what is left as it was then.
 * Spec: SDM volume 2, "Exceptions Type 1" to 4 and of MMX; volume 3, "System Programming for Instruction Set Extensions".
 *
 *   test-vec ENGINE   i: interpreter, j: host code, l: both in lockstep */
#include "silicon.h"

#include <string.h>

static SiliconGuest *guest;
static SiliconBatch batch;
static SiliconResult result;

/* One piece of 64-bit code, which an INT3 follows; rDI: SILICON_DATA + at, modulo 4 GiB. */
typedef struct Case {
    const char *what;
    const char *code;
    unsigned length;
    uint32_t cr0, cr4, xcr0; /* what is not as usual: CR0 without EM and TS, CR4 with all, XCR0 with all */
    uint32_t at, mxcsr;
    uint8_t vector;
    uint64_t address; /* of #PF */
    uint32_t after;   /* MXCSR */
} Case;

#define CODE(text) text, sizeof(text) - 1
enum { BP = X86_EXC_BP, UD = X86_EXC_UD, NM = X86_EXC_NM, GP = X86_EXC_GP, PF = X86_EXC_PF, XM = X86_EXC_XM };
enum {
    AVX = 4,
    ALL = 0x1f80,
    END = SILICON_PAGE,
    BELOW_4G = -8 - (int)SILICON_DATA,
    FXSR = CR4_OSFXSR,
    XSAVE = CR4_OSXSAVE,
    XMM = CR4_OSXMMEXCPT
};

/* ADDPS = 0f 58 c1, VADDPS = c5 f8 58 c1, PADDB = 0f fc c1, CVTPI2PS = 0f 2a c1, all on registers 0 and 1 */
#define ADDPS CODE("\x0f\x58\xc1")
#define VADDPS CODE("\xc5\xf8\x58\xc1")
#define PADDB CODE("\x0f\xfc\xc1")
#define CVTPI2PS CODE("\x0f\x2a\xc1")
#define DIVPS CODE("\x0f\x5e\xc1")
#define ADDPS_MEMORY CODE("\x0f\x58\x07")
#define VADDPS_MEMORY CODE("\xc5\xfc\x58\x07")
#define MOVAPS_LOAD CODE("\x0f\x28\x07")
#define VMOVAPS_LOAD CODE("\xc5\xfc\x28\x07")
#define MOVUPS_LOAD CODE("\x0f\x10\x07")
#define MOVUPS_STORE CODE("\x0f\x11\x07")
#define VMOVUPS_STORE CODE("\xc5\xfc\x11\x07")
#define VPMASKMOVD_LOAD CODE("\x67\xc4\xe2\x6d\x8c\x07") /* by ymm2, from [edi] */
#define VPMASKMOVD_STORE CODE("\x67\xc4\xe2\x6d\x8e\x07")
#define LDMXCSR CODE("\x0f\xae\x17")

/* clang-format off */
static const Case cases[] = {
    { "SSE", ADDPS, 0, 0, 0, 0, ALL, BP, 0, ALL },
    { "SSE needs OSFXSR", ADDPS, 0, FXSR, 0, 0, ALL, UD, 0, ALL },
    { "SSE with EM", ADDPS, CR0_EM, 0, 0, 0, ALL, UD, 0, ALL },
    { "SSE with TS", ADDPS, CR0_TS, 0, 0, 0, ALL, NM, 0, ALL },
    { "SSE: OSFXSR before TS", ADDPS, CR0_TS, FXSR, 0, 0, ALL, UD, 0, ALL },
    { "AVX", VADDPS, 0, 0, 0, 0, ALL, BP, 0, ALL },
    { "AVX does not need OSFXSR", VADDPS, 0, FXSR, 0, 0, ALL, BP, 0, ALL },
    { "AVX does not look at EM", VADDPS, CR0_EM, 0, 0, 0, ALL, BP, 0, ALL },
    { "AVX needs OSXSAVE", VADDPS, 0, XSAVE, 0, 0, ALL, UD, 0, ALL },
    { "AVX needs XCR0", VADDPS, 0, 0, AVX, 0, ALL, UD, 0, ALL },
    { "AVX with TS", VADDPS, CR0_TS, 0, 0, 0, ALL, NM, 0, ALL },
    { "MMX", PADDB, 0, 0, 0, 0, ALL, BP, 0, ALL },
    { "MMX does not need OSFXSR", PADDB, 0, FXSR, 0, 0, ALL, BP, 0, ALL },
    { "MMX with EM", PADDB, CR0_EM, 0, 0, 0, ALL, UD, 0, ALL },
    { "MMX with TS", PADDB, CR0_TS, 0, 0, 0, ALL, NM, 0, ALL },
    { "MMX to XMM needs OSFXSR", CVTPI2PS, 0, FXSR, 0, 0, ALL, UD, 0, ALL },

    { "SSE operands are aligned", ADDPS_MEMORY, 0, 0, 0, 8, ALL, GP, 0, ALL },
    { "... not of AVX", VADDPS_MEMORY, 0, 0, 0, 8, ALL, BP, 0, ALL },
    { "MOVAPS is aligned", MOVAPS_LOAD, 0, 0, 0, 8, ALL, GP, 0, ALL },
    { "VMOVAPS is, by 32 bytes", VMOVAPS_LOAD, 0, 0, 0, 16, ALL, GP, 0, ALL },
    { "MOVUPS is not", MOVUPS_LOAD, 0, 0, 0, 8, ALL, BP, 0, ALL },
    { "alignment comes before the page", MOVAPS_LOAD, 0, 0, 0, 2 * END + 8, ALL, GP, 0, ALL },
    { "a load reaches a page that is absent", MOVUPS_LOAD, 0, 0, 0, 2 * END - 8, ALL, PF, SILICON_DATA + 2 * END, ALL },
    { "a store reaches a page that is read only", MOVUPS_STORE, 0, 0, 0, END - 8, ALL, PF, SILICON_DATA + END, ALL },
    { "... of 32 bytes", VMOVUPS_STORE, 0, 0, 0, END - 24, ALL, PF, SILICON_DATA + END, ALL },
    { "an element of a 32-bit address is above 4 GiB", VPMASKMOVD_LOAD, 0, 0, 0, BELOW_4G, ALL, PF, 0x100000004, ALL },
    { "... that is stored", VPMASKMOVD_STORE, 0, 0, 0, BELOW_4G, ALL, PF, 0x100000004, ALL },

    { "a division by zero, masked", DIVPS, 0, 0, 0, 0, ALL, BP, 0, ALL | 4 },
    { "... unmasked", DIVPS, 0, 0, 0, 0, ALL & ~0x200, XM, 0, (ALL & ~0x200) | 4 },
    { "... without OSXMMEXCPT", DIVPS, 0, XMM, 0, 0, ALL & ~0x200, UD, 0, (ALL & ~0x200) | 4 },
    { "a flag that stands already raises nothing", ADDPS, 0, 0, 0, 0, 4, BP, 0, 4 },
    { "reserved bits of MXCSR", LDMXCSR, 0, 0, 0, 0, ALL, GP, 0, ALL },
    { "LDMXCSR", LDMXCSR, 0, 0, 0, 64, ALL, BP, 0, 0x7f80 },
};
/* clang-format on */

#define ONES UINT64_C(0x3f8000003f800000) /* of 32 bits */
static const uint64_t one[4] = { ONES, ONES, ONES, ONES };

static void run_case(const Case *c)
{
    static const uint32_t words[2] = { 1 << 16, 0x7f80 };
    SiliconTrial t = { .length = c->length, .size = 8, .cr0 = c->cr0, .cr4 = c->cr4, .xcr0 = c->xcr0 };
    memset(t.code, 0xcc, sizeof(t.code));
    memcpy(t.code, c->code, c->length);
    memset(t.seg, SILICON_FLAT, sizeof(t.seg));
    t.seg[SEG_CS] = SILICON_CODE64;
    t.before.gpr[X86_RDI] = (uint32_t)(SILICON_DATA + c->at);
    t.before.gpr[X86_RSP] = SILICON_DATA + 2048;
    t.before.v.mxcsr = c->mxcsr;
    memcpy(t.before.v.ymm[0], one, sizeof(one));
    t.before.v.ymm[2][1] = INT64_MIN; /* a mask with the fourth of eight */
    for (unsigned n = 0; n < SILICON_PAGE; n += 8) {
        memcpy(batch.data + n, one, 8);
    }
    memcpy(batch.data, &words[0], 4);
    memcpy(batch.data + 64, &words[1], 4);
    silicon_guest_run(guest, &batch, &t, &result);
}

static void test_case(gconstpointer opaque)
{
    const Case *c = opaque;
    run_case(c);
    g_assert_cmpint(result.vector, ==, c->vector);
    g_assert_cmphex(result.address, ==, c->address);
    g_assert_cmphex(result.s.v.mxcsr, ==, c->after);
    g_assert_cmphex(result.ip, ==, c->vector == BP ? c->length + 1 : 0);
    if (c->vector != BP) { /* nothing has changed */
        g_assert_cmpmem(result.s.v.ymm[0], sizeof(one), one, sizeof(one));
        g_assert_cmpmem(result.data, SILICON_PAGE, batch.data, SILICON_PAGE);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    guest = silicon_guest_new(guest_engine_of(argc, argv));
    for (unsigned n = 0; n < G_N_ELEMENTS(cases); n++) {
        g_autofree char *path = g_strdup_printf("/i386/vec/%s", cases[n].what);
        g_test_add_data_func(path, &cases[n], test_case);
    }
    int failed = g_test_run();
    silicon_guest_free(guest);
    return failed;
}
