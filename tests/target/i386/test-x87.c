/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the host's user code cannot show of x87: the environment in real mode, FERR# and IGNNE#.
 *
 *   test-x87 ENGINE   i: interpreter, j: host code, l: both in lockstep */
#include <string.h>

#include "guest.h"
#include "target/i386.h"
#include "target/i386/seg.h"
#include "target/i386/trap.h"
#include "target/i386/x87.h"
#include "target/vcpu.h"
#include "util/bytes.h"

/* Linear addresses: of all handlers, of the code's segment and of the data's; an offset in that. */
enum {
    RAM = 1 << 20,
    HANDLERS = 0x500,
    CODE = 0x40000,
    DATA = 0x50000,
    DATA_BYTES = 4096,
    AREA = 256,
    HLT = 0xf4
};

static Guest *guest;
static uint8_t *data;

static X86CPU *real_cpu(void)
{
    X86CPU *x = guest->x;
    x86_seg_load_real(x, SEG_CS, CODE >> 4);
    x86_seg_load_real(x, SEG_DS, DATA >> 4);
    x->s.gpr[X86_RBX] = AREA;
    x->s.ignne = false;
    x->s.x87 = (X87){ .fcw = 0x27f, .fip = 0x1234, .fcs = 0xabc0, .fdp = 0x10, .fds = 0x2000, .fop = 0x5a5 };
    x->s.x87.top = 7;
    x->s.x87.tags = 1 << 7;
    x->s.x87.st[7] = (X86Fpr){ UINT64_C(3) << 62, 0x4000 };
    return x;
}

/* False: it did not come to the end of the code, where a HLT is. */
static bool run(const uint8_t *code, size_t bytes)
{
    X86CPU *x = guest->x;
    const uint8_t hlt = HLT;
    dma_write(x->cpu.as, CODE, code, bytes);
    dma_write(x->cpu.as, CODE + bytes, &hlt, 1);
    x86_seg_load_real(x, SEG_CS, CODE >> 4);
    x86_set_ip(x, 0);
    x->s.events.mp_state = MP_RUNNABLE;
    x->cpu.halted = false;
    cpu_mmu_changed(&x->cpu);
    guest_run(guest);
    return x->s.seg[SEG_CS].base == CODE && x86_ip(x) == bytes + 1;
}

static uint32_t field(unsigned n, unsigned bytes)
{
    return load_le(data + AREA + n * bytes, bytes);
}

/* Pointers are linear: abc0:1234 is ace34, 2000:10 is 20010. */
static void test_env(const void *opaque)
{
    static const uint8_t narrow[] = { 0xd9, 0x37, 0xd9, 0x27 }; /* fnstenv [bx]; fldenv [bx] */
    static const uint8_t wide[] = { 0x66, 0xd9, 0x37, 0x66, 0xd9, 0x27 };
    unsigned bytes = opaque ? 4 : 2;
    X86CPU *x = real_cpu();
    memset(data, 0xee, DATA_BYTES);
    g_assert_true(run(opaque ? wide : narrow, opaque ? sizeof(wide) : sizeof(narrow)));
    g_assert_cmphex(field(0, bytes) & 0xffff, ==, 0x27f);
    g_assert_cmphex(field(1, bytes) & 0xffff, ==, 7 << 11);
    g_assert_cmphex(field(2, bytes) & 0xffff, ==, 0x3fff);
    g_assert_cmphex(field(3, bytes), ==, 0xce34);
    g_assert_cmphex(field(4, bytes), ==, 0xa5a5);
    g_assert_cmphex(field(5, bytes), ==, 0x0010);
    g_assert_cmphex(field(6, bytes), ==, 0x2000);
    g_assert_cmphex(data[AREA + 7 * bytes], ==, 0xee);
    const X87 *f = &x->s.x87;
    g_assert_cmphex(f->fip, ==, 0xace34);
    g_assert_cmphex(f->fdp, ==, 0x20010);
    g_assert_cmphex(f->fop, ==, 0x5a5);
    g_assert_cmphex(f->fcs | f->fds, ==, 0);
    g_assert_cmphex(f->fcw, ==, 0x27f);
    g_assert_cmphex(f->top, ==, 7);
    g_assert_cmphex(f->tags, ==, 1 << 7);
}

typedef struct Board {
    X86CPU *x;
    unsigned rises, falls;
} Board;

static void on_ferr(void *opaque, bool level)
{
    Board *b = opaque;
    b->rises += level;
    b->falls += !level;
    if (!level) {
        x86_set_irq(b->x, X86_IRQ_IGNNE, 0);
    }
}

/* Under CR0.NE 0 the board hears of it, and the processor waits at the instruction; under IGNNE# it goes on, until there
 * is nothing left to ignore. */
static void test_ferr(void)
{
    static const uint8_t code[] = { 0xd9, 0xe8 }; /* fld1 */
    X86CPU *x = real_cpu();
    Board b = { .x = x };
    x86_set_ferr(&x->cpu, on_ferr, &b);
    x->s.x87.fcw &= ~FSW_ZE;
    x87_set_status_word(&x->s.x87, FSW_ZE | 7 << FSW_TOP_SHIFT);
    g_assert_false(run(code, sizeof(code)));
    g_assert_cmpuint(b.rises, ==, 1);
    g_assert_true(x->cpu.halted);
    g_assert_cmpuint(x->s.x87.top, ==, 7);

    x->cpu.halted = false;
    x86_set_irq(x, X86_IRQ_IGNNE, 1);
    g_assert_true(run(code, sizeof(code)));
    g_assert_cmpuint(b.rises, ==, 1);
    g_assert_cmpuint(b.falls, ==, 0);
    g_assert_cmpuint(x->s.x87.top, ==, 6);

    x87_set_status_word(&x->s.x87, 6 << FSW_TOP_SHIFT);
    g_assert_true(run(code, sizeof(code)));
    g_assert_cmpuint(b.falls, ==, 1);
    g_assert_false(x->s.ignne);
    g_assert_true(run(code, sizeof(code)));
    g_assert_cmpuint(b.falls, ==, 1);
    x86_set_ferr(&x->cpu, NULL, NULL);
}

/* Far from the end of its segment, but its last byte is beyond it. */
static void test_limit(void)
{
    static const uint8_t code[] = { 0xdd, 0x37 }; /* fnsave [bx] */
    X86CPU *x = real_cpu();
    x->bounds[SEG_DS].wr_end = AREA + 94;
    g_assert_true(run(code, sizeof(code)));
    x = real_cpu();
    x->bounds[SEG_DS].wr_end = AREA + 93;
    memset(data, 0xee, DATA_BYTES);
    g_assert_false(run(code, sizeof(code)));
    g_assert_cmphex(data[AREA], ==, 0xee);
    g_assert_cmphex(x->s.x87.fcw, ==, 0x27f);
}

/* Host code keeps the x87 in the host's: what looks at it elsewhere finds it.  A control word that unmasks an exception, and then
 * that exception: it is pending. */
static void test_unmasked(void)
{
    static const uint8_t code[] = {
        0xdb, 0xe3,       /* fninit */
        0xd9, 0xe8,       /* fld1 */
        0xd9, 0xee,       /* fldz */
        0xdd, 0x17,       /* fst qword [bx] */
        0xd9, 0x6f, 0x20, /* fldcw [bx + 32] */
        0xdc, 0xf9,       /* fdiv st(1), st: by 0 */
    };
    X86CPU *x = real_cpu();
    const X87 *f = &x->s.x87;
    memset(data, 0xee, DATA_BYTES);
    store_le(data + AREA + 32, 2, 0x37b); /* ZE unmasked */
    g_assert_true(run(code, sizeof(code)));
    g_assert_cmphex(load_le(data + AREA, 8), ==, 0);
    g_assert_cmphex(f->fcw, ==, 0x37b);
    g_assert_cmphex(f->fsw, ==, FSW_ZE | FSW_ES | FSW_B);
    g_assert_cmpuint(f->top, ==, 6);
    g_assert_cmphex(f->tags, ==, 3 << 6);
    g_assert_cmphex(f->st[7].exponent, ==, 0x3fff); /* as it was */
    g_assert_cmphex(f->st[6].exponent, ==, 0);
}

/* MMX instructions, and FNSAVE, behind and before those of x87. */
static void test_shared(void)
{
    static const uint8_t code[] = {
        0xdb, 0xe3,       /* fninit */
        0xd9, 0xe8,       /* fld1 */
        0xd9, 0xeb,       /* fldpi */
        0xd8, 0xc9,       /* fmul st, st(1): in register 6 */
        0x0f, 0x6f, 0xc6, /* movq mm0, mm6: pi's mantissa */
        0x0f, 0x77,       /* emms */
        0xd9, 0xe8,       /* fld1: in register 7 */
        0xdf, 0xe0,       /* fnstsw ax */
        0xdd, 0x37,       /* fnsave [bx] */
        0xd9, 0xee,       /* fldz */
    };
    static const uint8_t pi[] = { 0x35, 0xc2, 0x68, 0x21, 0xa2, 0xda, 0x0f, 0xc9, 0xff, 0xff };
    static const uint8_t one[] = { 0, 0, 0, 0, 0, 0, 0, 0x80, 0xff, 0x3f };
    X86CPU *x = real_cpu();
    const X87 *f = &x->s.x87;
    g_assert_true(run(code, sizeof(code)));
    g_assert_cmphex(x->s.gpr[X86_RAX] & 0xffff, ==, 7 << FSW_TOP_SHIFT);
    g_assert_cmphex(field(2, 2), ==, 0x3fff); /* tags */
    g_assert_cmpmem(data + AREA + 14, 10, one, sizeof(one));
    g_assert_cmpmem(data + AREA + 24, 10, pi, sizeof(pi)); /* register 0 is ST(1) */
    g_assert_cmpuint(f->top, ==, 7);
    g_assert_cmphex(f->tags, ==, 1 << 7);
    g_assert_cmphex(f->st[0].mantissa, ==, UINT64_C(0xc90fdaa22168c235));
}

/* Each vector leads to a HLT of its own. */
static void make_handlers(void)
{
    memset(guest->ram + HANDLERS, HLT, 256);
    for (unsigned n = 0; n < 256; n++) {
        store_le(guest->ram + 4 * n, 4, HANDLERS + n);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    guest = guest_new(guest_engine_of(argc, argv), RAM);
    data = guest->ram + DATA;
    make_handlers();
    g_test_add_data_func("/i386/x87/environment of 16 bits", NULL, test_env);
    g_test_add_data_func("/i386/x87/environment of 32 bits", "", test_env);
    g_test_add_func("/i386/x87/ferr", test_ferr);
    g_test_add_func("/i386/x87/limit", test_limit);
    g_test_add_func("/i386/x87/unmasked", test_unmasked);
    g_test_add_func("/i386/x87/shared with MMX", test_shared);
    int failed = g_test_run();
    guest_free(guest);
    return failed;
}
