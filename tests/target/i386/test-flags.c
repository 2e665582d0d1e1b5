/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The arithmetic flags that x86_arith_flags() works out, against the host processor; and who may change the others. */
#include "target/i386/cpu.h"

enum { CF = EFL_CF, PF = EFL_PF, AF = EFL_AF, ZF = EFL_ZF, SF = EFL_SF, OF = EFL_OF };

#ifdef __x86_64__
/* One instruction of each operation and size on the host: its flags, and in *a the result. */
#define HOST(op, suffix, type)                                                                               \
    static uint32_t host_##op##_##suffix(uint64_t *a, uint64_t b, bool carry)                                \
    {                                                                                                        \
        uint64_t flags;                                                                                      \
        type x = *a, y = b;                                                                                  \
        uint8_t c = carry;                                                                                   \
        __asm__("add $0xff, %2\n\t" #op #suffix " %3, %1\n\tpushfq\n\tpop %0"                                \
                : "=r"(flags), "+r"(x), "+r"(c)                                                              \
                : "r"(y)                                                                                     \
                : "cc");                                                                                     \
        *a = x;                                                                                              \
        return flags & EFL_ARITH;                                                                            \
    }
#define HOST_UNARY(op, suffix, type)                                                                         \
    static uint32_t host_##op##_##suffix(uint64_t *a, uint64_t b, bool carry)                                \
    {                                                                                                        \
        uint64_t flags;                                                                                      \
        type x = *a;                                                                                         \
        uint8_t c = carry;                                                                                   \
        __asm__("add $0xff, %2\n\t" #op #suffix " %1\n\tpushfq\n\tpop %0"                                    \
                : "=r"(flags), "+r"(x), "+r"(c)                                                              \
                :                                                                                            \
                : "cc");                                                                                     \
        *a = x;                                                                                              \
        return flags & EFL_ARITH;                                                                            \
    }
#define HOST_SHIFT(op, suffix, type)                                                                         \
    static uint32_t host_##op##_##suffix(uint64_t *a, uint64_t b, bool carry)                                \
    {                                                                                                        \
        uint64_t flags;                                                                                      \
        type x = *a;                                                                                         \
        __asm__(#op #suffix " %%cl, %1\n\tpushfq\n\tpop %0" : "=r"(flags), "+r"(x) : "c"(b) : "cc");         \
        *a = x;                                                                                              \
        return flags & EFL_ARITH;                                                                            \
    }
#define SIZES(kind, op) kind(op, b, uint8_t) kind(op, w, uint16_t) kind(op, l, uint32_t) kind(op, q, uint64_t)
SIZES(HOST, add)
SIZES(HOST, sub)
SIZES(HOST, adc)
SIZES(HOST, sbb)
SIZES(HOST, and)
SIZES(HOST_UNARY, inc)
SIZES(HOST_UNARY, dec)
SIZES(HOST_SHIFT, shl)
SIZES(HOST_SHIFT, shr)
SIZES(HOST_SHIFT, sar)

typedef struct Case {
    const char *name;
    X86CcOp op;
    uint32_t (*host[4])(uint64_t *a, uint64_t b, bool carry); /* by size */
    uint32_t defined;                                         /* flags */
    bool result, shift;                                       /* a of the cc is the result; b is a count */
} Case;
#define BY_SIZE(op)                                                                                          \
    {                                                                                                        \
        host_##op##_b, host_##op##_w, host_##op##_l, host_##op##_q                                           \
    }
static const Case cases[] = {
    { "add", CC_ADD, BY_SIZE(add), EFL_ARITH, false, false },
    { "sub", CC_SUB, BY_SIZE(sub), EFL_ARITH, false, false },
    { "adc", CC_ADC, BY_SIZE(adc), EFL_ARITH, false, false },
    { "sbb", CC_SBB, BY_SIZE(sbb), EFL_ARITH, false, false },
    { "and", CC_LOGIC, BY_SIZE(and), EFL_ARITH & ~AF, true, false },
    { "inc", CC_INC, BY_SIZE(inc), EFL_ARITH, true, false },
    { "dec", CC_DEC, BY_SIZE(dec), EFL_ARITH, true, false },
    { "shl", CC_SHL, BY_SIZE(shl), EFL_ARITH & ~AF, false, true },
    { "shr", CC_SHR, BY_SIZE(shr), EFL_ARITH & ~AF, false, true },
    { "sar", CC_SAR, BY_SIZE(sar), EFL_ARITH & ~AF, false, true },
};

static void check(const Case *c, unsigned size, uint64_t a, uint64_t b, bool carry)
{
    unsigned bits = 8u << size;
    uint32_t defined = c->defined;
    if (c->shift) {
        b &= size == 3 ? 63 : 31;
        if (b == 0) { /* changes no flag */
            return;
        }
        defined &= b > 1 ? EFL_ALL & ~OF : EFL_ALL;
        defined &= b >= bits && c->op != CC_SAR ? EFL_ALL & ~CF : EFL_ALL;
    }
    uint64_t result = a;
    uint32_t want = c->host[size](&result, b, carry) & defined;
    X86Cc cc = { .a = c->result ? result : a, .b = b };
    cc.kind = c->op | size << CC_SIZE_SHIFT | (carry ? CC_CARRY : 0);
    uint32_t got = x86_arith_flags(&cc) & defined;
    if (got != want) {
        g_test_message("%s, %u bits: %" G_GINT64_MODIFIER "x, %" G_GINT64_MODIFIER "x, carry %d", c->name,
                       bits, a, b, carry);
    }
    g_assert_cmphex(got, ==, want);
    g_assert_cmpint(x86_carry_flag(&cc), ==, !!(x86_arith_flags(&cc) & EFL_CF));
    cc.kind |= CC_HAS_CF | CC_HAS_OF | (a & 1 ? CC_CF : 0) | (b & 1 ? CC_OF : 0);
    uint32_t replaced = (a & 1 ? CF : 0) | (b & 1 ? OF : 0);
    g_assert_cmphex(x86_arith_flags(&cc) & defined, ==, ((want & ~(CF | OF)) | replaced) & defined);
    g_assert_cmpint(x86_carry_flag(&cc), ==, a & 1);
    cc.kind |= CC_TURNED_CF;
    cc.turned = a >> 1;
    replaced = (a & 4 ? CF : 0) | (b & 1 ? OF : 0);
    g_assert_cmphex(x86_arith_flags(&cc) & defined, ==, ((want & ~(CF | OF)) | replaced) & defined);
    g_assert_cmpint(x86_carry_flag(&cc), ==, !!(replaced & CF));
    cc.kind |= CC_TURNED_OF;
    replaced = (a & 4 ? CF : 0) | (!(a & 4) != !(a & 2) ? OF : 0);
    g_assert_cmphex(x86_arith_flags(&cc) & defined, ==, ((want & ~(CF | OF)) | replaced) & defined);
}

static void test_host(const void *opaque)
{
    static const uint64_t corners[] = { 0,        1,          2,         0xf,        0x10,      0x7f,
                                        0x80,     0xff,       0x7fff,    0x8000,     0xffff,    0x7fffffff,
                                        1u << 31, UINT32_MAX, INT64_MAX, 1ull << 63, UINT64_MAX };
    const Case *c = opaque;
    for (unsigned size = 0; size < 4; size++) {
        for (unsigned i = 0; i < G_N_ELEMENTS(corners) * G_N_ELEMENTS(corners) * 2; i++) {
            check(c, size, corners[i / 2 % G_N_ELEMENTS(corners)], corners[i / 2 / G_N_ELEMENTS(corners)],
                  i & 1);
        }
        for (unsigned i = 0; i < 20000; i++) {
            uint64_t a = (uint64_t)g_test_rand_int() << 32 | (uint32_t)g_test_rand_int();
            uint64_t b = (uint64_t)g_test_rand_int() << 32 | (uint32_t)g_test_rand_int();
            check(c, size, a, b, i & 1);
        }
    }
}
#endif

static void test_immediate(void)
{
    X86Cc cc = { .a = 5,
                 .b = 99,
                 .kind = CC_SUB | 2 << CC_SIZE_SHIFT | CC_IMM | (uint32_t)-3 << CC_IMM_SHIFT };
    X86Cc same = { .a = 5, .b = -3, .kind = CC_SUB | 2 << CC_SIZE_SHIFT };
    g_assert_cmphex(x86_arith_flags(&cc), ==, x86_arith_flags(&same));
    g_assert_cmphex(x86_arith_flags(&cc) & (CF | ZF | SF), ==, CF);
}

static void test_multiply(void)
{
    X86Cc cc = { .a = 0x80, .b = 1, .kind = CC_MUL };
    g_assert_cmphex(x86_arith_flags(&cc), ==, CF | OF | SF);
    cc.b = 0;
    g_assert_cmphex(x86_arith_flags(&cc), ==, SF);
}

static void test_set(void)
{
    g_autofree X86CPU *x = g_new0(X86CPU, 1);
    x86_set_flags(x, UINT32_MAX);
    g_assert_cmphex(x86_flags(x), ==, EFL_ALL);
    g_assert_cmphex(x->s.eflags & EFL_ARITH, ==, 0);
    x86_set_flags(x, 0);
    g_assert_cmphex(x86_flags(x), ==, EFL_FIXED);
}

/* SDM 2, POPF: IOPL is level 0's, IF of levels up to IOPL; 16 bits reach bit 15. */
static void test_writable(void)
{
    static const struct {
        unsigned cpl, iopl;
        uint32_t may, may_not;
    } rows[] = {
        { 0, 0, EFL_IF | EFL_IOPL | EFL_TF | EFL_AC | EFL_ID, EFL_VM | EFL_VIF | EFL_VIP | EFL_RF },
        { 1, 1, EFL_IF | EFL_DF | EFL_NT, EFL_IOPL },
        { 3, 3, EFL_IF, EFL_IOPL },
        { 3, 2, EFL_DF | EFL_TF | EFL_CF, EFL_IF | EFL_IOPL },
    };
    g_autofree X86CPU *x = g_new0(X86CPU, 1);
    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        x->s.cpl = rows[i].cpl;
        x->s.eflags = EFL_FIXED | rows[i].iopl << EFL_IOPL_SHIFT;
        g_assert_cmphex(x86_flags_writable(x, 4) & rows[i].may, ==, rows[i].may);
        g_assert_cmphex(x86_flags_writable(x, 4) & rows[i].may_not, ==, 0);
        g_assert_cmphex(x86_flags_writable(x, 2), ==, x86_flags_writable(x, 4) & 0xffff);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#ifdef __x86_64__
    for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *path = g_strconcat("/i386/flags/host/", cases[i].name, NULL);
        g_test_add_data_func(path, &cases[i], test_host);
    }
#endif
    g_test_add_func("/i386/flags/immediate", test_immediate);
    g_test_add_func("/i386/flags/multiply", test_multiply);
    g_test_add_func("/i386/flags/set", test_set);
    g_test_add_func("/i386/flags/writable", test_writable);
    return g_test_run();
}
