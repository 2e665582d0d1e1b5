/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What comes between instructions, in the order that the manual gives: code breakpoints, single steps, interrupts and
 * what holds them off, code that changes itself.
 * Spec: SDM volume 3, "Priority Among Concurrent Events", "Debug Exception (#DB)", "Masking Exceptions and Interrupts When
 * Switching Stacks", "Self-Modifying Code".
 *
 *   test-events ENGINE   i: interpreter, j: host code, l: both in lockstep */
#include "silicon.h"

#include <string.h>

#include "target/i386/dbg.h"

static SiliconGuest *guest;
static SiliconBatch batch;
static SiliconResult result;
static bool requested;

static bool is_requested(void *opaque)
{
    return requested;
}

static int acknowledge(void *opaque)
{
    requested = false;
    return 0x31; /* the handlers of the exceptions, again: 17 */
}
enum { IRQ = 0x31 % 32 };
static const IntSource source = { is_requested, acknowledge, NULL };

/* One piece of 64-bit code, which an INT3 follows. */
typedef struct Case {
    const char *what;
    const char *code;
    unsigned length;
    uint32_t flags;     /* besides IOPL 3 */
    uint64_t rax, rcx;  /* before */
    int breakpoint;     /* of code, as an offset in it; -1: none; else WATCH_ of the data at rDI */
    bool interrupt;     /* one waits from the beginning on */
    uint8_t vector;     /* what comes */
    uint8_t ip;         /* ... and where */
    uint32_t dr6;       /* of #DB */
    bool rf;            /* in the frame */
    uint64_t after_rcx; /* how far it got */
} Case;

#define CODE(text) text, sizeof(text) - 1
enum { WATCH = 0x1000, WATCH_WRITE_1 = WATCH | BREAK_WRITE, WATCH_ACCESS_1 = WATCH | BREAK_ACCESS };
enum { IOPL3 = 3 << EFL_IOPL_SHIFT, DB = X86_EXC_DB, BP = X86_EXC_BP, STEP = DR6_BS };

/* clang-format off */
static const Case cases[] = {
    /* inc ecx = ff c1; dec ecx = ff c9; nop = 90; sti = fb; cli = fa; mov ss, eax = 8e d0; pushf = 9c; popf = 9d */
    { "an interrupt comes before the first instruction", CODE("\xff\xc1"), EFL_IF, 0, 5, -1, true, IRQ, 0, 0, false, 5 },
    { "with IF 0 none comes", CODE("\xff\xc1"), 0, 0, 5, -1, true, BP, 3, 0, false, 6 },
    { "IRET: before the next instruction, with the RF that it loaded", /* push 2b, rsp, flags, 33; call; add [rsp], 7; iretq */
      CODE("\x6a\x2b\x54\x68\x02\x32\x01\x00\x6a\x33\xe8\x00\x00\x00\x00\x48\x83\x04\x24\x07\x48\xcf\xff\xc1"),
      0, 0, 5, -1, true, IRQ, 22, 0, true, 5 },
    { "STI: behind the next instruction", CODE("\xfb\xff\xc1\xff\xc1"), 0, 0, 5, -1, true, IRQ, 3, 0, false, 6 },
    { "STI, CLI: never", CODE("\xfb\xfa\xff\xc1"), 0, 0, 5, -1, true, BP, 5, 0, false, 6 },
    { "a second STI holds off nothing more", CODE("\xfb\xfb\xff\xc1"), 0, 0, 5, -1, true, IRQ, 2, 0, false, 5 },
    { "STI, a jump: behind it", CODE("\xfb\xeb\x02\xff\xc1\xff\xc1"), 0, 0, 5, -1, true, IRQ, 5, 0, false, 5 },
    { "STI, a branch that is taken", CODE("\xfb\x75\x02\xff\xc1\xff\xc1"), 0, 0, 5, -1, true, IRQ, 5, 0, false, 5 },
    { "STI, a branch that is not", CODE("\xfb\x74\x02\xff\xc1\xff\xc1"), 0, 0, 5, -1, true, IRQ, 3, 0, false, 5 },
    { "MOV SS: likewise", CODE("\x8e\xd0\xff\xc1\xff\xc1"), EFL_IF, 0x2b, 5, -1, false, BP, 7, 0, false, 7 },

    { "single step: a trap behind each instruction", CODE("\xff\xc1\xff\xc1"), EFL_TF, 0, 5, -1, false, DB, 2, STEP, false, 6 },
    { "... behind a jump, where it leads", CODE("\xeb\x02\xff\xc1\xff\xc1"), EFL_TF, 0, 5, -1, false, DB, 4, STEP, false, 5 },
    { "... before an interrupt", CODE("\xfb\xff\xc1"), EFL_TF, 0, 5, -1, true, DB, 1, STEP, false, 5 },
    { "POPF sets TF: behind the instruction after it", CODE("\x9d\xff\xc1\xff\xc1"), 0, EFL_TF | 2, 5, -1, false, DB, 3, STEP, false, 6 },
    { "POPF clears TF: behind it still", CODE("\x9d\xff\xc1"), EFL_TF, 2, 5, -1, false, DB, 1, STEP, false, 5 },
    { "MOV SS holds the trap off", CODE("\x8e\xd0\xff\xc1\xff\xc1"), EFL_TF, 0x2b, 5, -1, false, DB, 4, STEP, false, 6 },
    { "a second MOV SS does not hold off again", CODE("\x8e\xd0\x8e\xd0\xff\xc1"), EFL_TF, 0x2b, 5, -1, false, DB, 4, STEP, false, 5 },
    { "INT3 makes no step", CODE("\xcc"), EFL_TF, 0, 5, -1, false, BP, 1, 0, false, 5 },
    { "a fault makes none", CODE("\x0f\x0b"), EFL_TF, 0, 5, -1, false, X86_EXC_UD, 0, 0, true, 5 },
    { "repetitions trap one by one", CODE("\xf3\xaa"), EFL_TF, 0, 5, -1, false, DB, 0, STEP, false, 4 },
    { "the last of them behind", CODE("\xf3\xaa"), EFL_TF, 0, 1, -1, false, DB, 2, STEP, false, 0 },

    { "a code breakpoint: before its instruction", CODE("\xff\xc1\xff\xc1"), 0, 0, 5, 2, false, DB, 2, 1, false, 6 },
    { "... which RF passes once", CODE("\xff\xc1\xff\xc1"), EFL_RF, 0, 5, 0, false, BP, 5, 0, false, 7 },
    { "... and no instruction more", CODE("\xff\xc1\xff\xc1"), EFL_RF, 0, 5, 2, false, DB, 2, 1, false, 6 },
    { "... and before what the instruction raises", CODE("\x0f\x0b"), 0, 0, 5, 0, false, DB, 0, 1, false, 5 },
    { "... and behind an interrupt", CODE("\xff\xc1"), EFL_IF, 0, 5, 0, true, IRQ, 0, 0, false, 5 },
    { "... not behind MOV SS", CODE("\x8e\xd0\xff\xc1"), 0, 0x2b, 5, 2, false, BP, 5, 0, false, 6 },
    { "... of a repeated instruction once", CODE("\xff\xc1\xf3\xaa"), EFL_RF, 0, 5, 0, false, BP, 5, 0, false, 0 },
    { "a data breakpoint: behind the store", CODE("\x88\x07\xff\xc1"), 0, 0, 5, WATCH_WRITE_1, false, DB, 2, 1, false, 5 },
    { "... of stores alone", CODE("\x8a\x07\xff\xc1"), 0, 0, 5, WATCH_WRITE_1, false, BP, 5, 0, false, 6 },
    { "... or of loads, too", CODE("\x8a\x07\xff\xc1"), 0, 0, 5, WATCH_ACCESS_1, false, DB, 2, 1, false, 5 },
    { "... beside it", CODE("\x88\x47\x01\xff\xc1"), 0, 0, 5, WATCH_WRITE_1, false, BP, 6, 0, false, 6 },
    { "... by a store that begins before it", CODE("\x48\x89\x47\xfc\xff\xc1"), 0, 0, 5, WATCH_WRITE_1, false, DB, 4, 1, false, 5 },
    { "... by what is read and written", CODE("\xfe\x07\xff\xc1"), 0, 0, 5, WATCH_WRITE_1, false, DB, 2, 1, false, 5 },
    { "... with a step: one trap", CODE("\x88\x07\xff\xc1"), EFL_TF, 0, 5, WATCH_WRITE_1, false, DB, 2, STEP | 1, false, 5 },
    { "... of a repeated instruction", CODE("\xf3\xaa\xff\xc1"), 0, 0, 5, WATCH_WRITE_1, false, DB, 0, 1, true, 4 },
    { "... behind the next one, of MOV SS", CODE("\x8e\x17\xff\xc1\xff\xc1"), 0, 0, 5, WATCH_ACCESS_1, false, DB, 4, 1, false, 6 },

    { "both: first the step behind, then the breakpoint", CODE("\xff\xc1\xff\xc1"), EFL_TF, 0, 5, 2, false, DB, 2, STEP, false, 6 },
};
/* clang-format on */

static void set_breakpoint(X86CPU *x, int at)
{
    X86Fault f = { 0 };
    bool data = at >= WATCH;
    uint64_t kind = data ? at & 3 : BREAK_EXEC;
    g_assert_true(x86_dr_write(x, 0, data ? SILICON_DATA + 100 : SILICON_CODE + at, &f));
    g_assert_true(x86_dr_write(x, 7, at >= 0 ? 1 | kind << 16 : 0, &f));
}

static void run_case(const Case *c)
{
    SiliconTrial t = { .length = c->length, .size = 8 };
    X86CPU *x = silicon_guest_cpu(guest);
    memset(t.code, 0xcc, sizeof(t.code));
    memcpy(t.code, c->code, c->length);
    memset(t.seg, SILICON_FLAT, sizeof(t.seg));
    t.seg[SEG_CS] = SILICON_CODE64;
    t.before = (SiliconState){ .flags = c->flags | IOPL3 };
    t.before.gpr[X86_RAX] = c->rax;
    t.before.gpr[X86_RCX] = c->rcx;
    t.before.gpr[X86_RDI] = SILICON_DATA + 100;
    t.before.gpr[X86_RSP] = SILICON_DATA + 200; /* POPF finds rax there */
    memcpy(batch.data + 200, &c->rax, 8);
    batch.data[100] = 0x2b; /* a selector */
    x->s.dr6 = DR6_FIXED;
    set_breakpoint(x, c->breakpoint);
    x->cpu.int_source = &source;
    requested = c->interrupt;
    silicon_guest_run(guest, &batch, &t, &result);
    set_breakpoint(x, -1);
}

static void test_case(gconstpointer opaque)
{
    const Case *c = opaque;
    const X86CPU *x = silicon_guest_cpu(guest);
    run_case(c);
    g_assert_cmpint(result.vector, ==, c->vector);
    g_assert_cmphex(result.ip, ==, c->ip);
    g_assert_cmpint(result.s.gpr[X86_RCX], ==, c->after_rcx);
    g_assert_cmphex(x->s.dr6 & ~(uint64_t)DR6_FIXED, ==, c->dr6);
    g_assert_cmpint(!!(result.s.flags & EFL_RF), ==, c->rf);
}

/* Behind the handler of an interrupt nothing of the shadow is left. */
static void test_shadow_ends(void)
{
    const X86CPU *x = silicon_guest_cpu(guest);
    for (unsigned n = 0; n < G_N_ELEMENTS(cases); n++) {
        run_case(&cases[n]);
        g_assert_cmpint(x->s.events.shadow, ==, 0);
    }
}

/* What an accelerator had begun that ran the processor before: an interrupt comes whatever IF says, for it was acknowledged; a debug trap;
 * a fault's instruction runs again. */
static void test_begun(void)
{
    static const Case c = { "", CODE("\xff\xc1"), 0, 0, 5, -1, false, 0, 0, 0, false, 0 };
    X86CPU *x = silicon_guest_cpu(guest);
    x->s.events.taken = true;
    x->s.events.taken_vector = 0x31;
    run_case(&c);
    g_assert_cmpint(result.vector, ==, IRQ);
    g_assert_cmphex(result.ip, ==, 0);
    g_assert_false(x->s.events.taken);
    x->s.events.pending = true;
    x->s.events.vector = DB;
    x->s.events.payload = STEP;
    run_case(&c);
    g_assert_cmpint(result.vector, ==, DB);
    g_assert_cmphex(result.ip, ==, 0);
    g_assert_cmphex(x->s.dr6 & ~(uint64_t)DR6_FIXED, ==, STEP);
    x->s.events.pending = true;
    x->s.events.vector = X86_EXC_PF;
    run_case(&c);
    g_assert_cmpint(result.vector, ==, BP);
    g_assert_cmpint(result.s.gpr[X86_RCX], ==, 6);
    g_assert_false(x->s.events.pending);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    guest = silicon_guest_new(guest_engine_of(argc, argv));
    for (unsigned n = 0; n < G_N_ELEMENTS(cases); n++) {
        g_autofree char *path = g_strdup_printf("/i386/events/%s", cases[n].what);
        g_test_add_data_func(path, &cases[n], test_case);
    }
    g_test_add_func("/i386/events/the shadow ends", test_shadow_ends);
    g_test_add_func("/i386/events/begun elsewhere", test_begun);
    int failed = g_test_run();
    silicon_guest_free(guest);
    return failed;
}
