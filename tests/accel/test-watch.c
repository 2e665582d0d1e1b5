/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Watchpoints: which accesses they see, where the vCPU stands then, how it goes on, and that
 * nothing else becomes slow.
 *
 *   test-accel-watch ACCEL [OPTION=VALUE] */
#include "accel/tcg/loop.h"
#include "rvcode.h"
#include "target/riscv/cpu.h"

enum { CODE = 0x1000, HANDLER = 0x2000, DATA = 0x9000, VALUE = 0x00abcdef };
#define AT (BARE_RAM + DATA)
enum { SD = 0x00c43023, LD = 0x00043683 }; /* sd a2, 0(s0); ld a3, 0(s0) */

static const char *accel_name = "tcg";
static char *accel_option, *accel_value;

/* CODE holds one instruction and the end; s0 points to the data, which are 0x11 each byte. */
static Bare *machine(uint32_t insn, unsigned bytes)
{
    g_autofree char *options = accel_option ? g_strdup_printf("%s=%s", accel_option, accel_value) : NULL;
    Bare *b = bare_new(&riscv64_arch, "max", accel_name, options);
    memset(bare_ram(b) + DATA - 0x1000, 0x11, 0x3000);
    Code c = { bare_ram(b), CODE };
    put(&c, insn);
    c.at = CODE + bytes;
    finish(&c);
    RiscvCPU *r = riscv_cpu(bare_cpu(b));
    r->s.mstatus |= MSTATUS_FS;
    r->s.x[S0] = AT;
    r->s.x[A2] = VALUE;
    r->s.f[10] = VALUE;
    r->s.load_res = AT | 1; /* a doubleword */
    r->s.load_val = UINT64_C(0x1111111111111111);
    r->cpu.arch->set_pc(&r->cpu, BARE_RAM + CODE);
    return b;
}

/* Until a watchpoint, a step or the finisher stops the vCPU. */
static void run(Bare *b)
{
    TcgLoop *l = container_of(b->machine.accel, TcgLoop, accel);
    if (!b->started) {
        b->started = l->accel.class->start(&l->accel, NULL);
        g_assert_true(b->started);
    }
    l->accel.class->resume(&l->accel);
    VcpuThreads *all = &l->threads;
    lock_take(&all->lock);
    const TcgThread *t = bare_cpu(b)->tcg->thread;
    while (!t->base.paused) {
        lock_wait(&all->done, &all->lock);
    }
    lock_release(&all->lock);
    while (g_main_context_iteration(event_loop_context(b->machine.loop), FALSE)) {
    }
}

/* ---- what is seen --------------------------------------------------------------------- */

typedef struct Row {
    const char *text;
    uint32_t insn;
    unsigned bytes;
    int64_t at; /* the watchpoint, from s0 */
    uint64_t len;
    int kind;
    int64_t hit; /* from s0, or NONE */
} Row;
enum { NONE = -99, W = WATCH_WRITE, R = WATCH_READ, RW = W | R };

static const Row rows[] = {
    { "sd a2, 0(s0)", SD, 4, 0, 8, W, 0 },
    { "sd a2, 0(s0)", SD, 4, 7, 1, W, 7 },
    { "sd a2, 0(s0)", SD, 4, -4, 8, RW, 0 },
    { "sd a2, 0(s0)", SD, 4, 0, 8, R, NONE },
    { "sd a2, 0(s0)", SD, 4, 8, 8, RW, NONE },
    { "sd a2, 0(s0)", SD, 4, -1, 1, RW, NONE },
    { "sd a2, 0(s0)", SD, 4, -0x900, 0x2000, W, 0 },
    { "ld a3, 0(s0)", LD, 4, 4, 1, R, 4 },
    { "ld a3, 0(s0)", LD, 4, 0, 8, RW, 0 },
    { "ld a3, 0(s0)", LD, 4, 0, 8, W, NONE },
    { "sb a2, 3(s0)", 0x00c401a3, 4, 3, 1, W, 3 },
    { "sb a2, 3(s0)", 0x00c401a3, 4, 4, 4, W, NONE },
    { "lbu a3, 7(s0)", 0x00744683, 4, 0, 8, R, 7 },
    { "c.sd a2, 0(s0)", 0xe010, 2, 0, 4, W, 0 },
    { "c.lw a3, 4(s0)", 0x4054, 2, 0, 8, R, 4 },
    { "fsd fa0, 0(s0)", 0x00a43027, 4, 0, 8, W, 0 },
    { "fld fa1, 0(s0)", 0x00043587, 4, 0, 8, R, 0 },
    { "amoadd.d", 0x00c436af, 4, 0, 8, W, 0 },
    { "amoadd.d", 0x00c436af, 4, 0, 8, R, 0 },
    { "amoswap.w", 0x08c426af, 4, 4, 4, RW, NONE },
    { "lr.d a3, (s0)", 0x100436af, 4, 0, 8, R, 0 },
    { "lr.d a3, (s0)", 0x100436af, 4, 0, 8, W, NONE },
    { "sc.d", 0x18c436af, 4, 0, 8, W, 0 },
    { "sc.d", 0x18c436af, 4, 0, 8, R, NONE },
    { "cbo.zero (s0)", 0x0044200f, 4, 40, 4, W, 40 },
    { "cbo.zero (s0)", 0x0044200f, 4, 64, 4, W, NONE },
    { "sd a2, -4(s0)", 0xfec43e23, 4, 2, 1, W, 2 }, /* across two pages */
    { "sd a2, -4(s0)", 0xfec43e23, 4, -4, 1, W, -4 },
    { "ld a3, -4(s0)", 0xffc43683, 4, 3, 1, R, 3 },
    { "ld a3, -4(s0)", 0xffc43683, 4, 4, 1, R, NONE },
};

static void check_row(const Row *row)
{
    Bare *plain = machine(row->insn, row->bytes), *b = machine(row->insn, row->bytes);
    RiscvCPU *r = riscv_cpu(bare_cpu(b)), *p = riscv_cpu(bare_cpu(plain));
    uint64_t pc = BARE_RAM + CODE;
    g_test_message("%s, watchpoint %d of %d bytes at s0 + %d", row->text, row->kind, (int)row->len,
                   (int)row->at);
    cpu_watchpoint_add(&r->cpu, AT + row->at, row->len, row->kind);
    cpu_watchpoint_add(&r->cpu, AT + row->at, row->len, row->kind); /* one access is one stop */
    run(b);
    if (row->hit != NONE) {
        g_assert_cmphex(cpu_pc(&r->cpu), ==, pc);
        g_assert_cmphex(r->cpu.watch_hit, ==, AT + row->hit);
        g_assert_cmpint(r->cpu.watch_hit_kind, ==, row->kind);
        g_assert_cmpint(b->finished, ==, 0);
        for (int n = -64; n < 128; n++) {
            g_assert_cmphex(bare_ram(b)[DATA + n], ==, 0x11);
        }
        g_assert_cmphex(r->s.x[A3], ==, 0);
        run(b); /* the debugger goes on without a step */
    }
    g_assert_cmpint(b->finished, ==, PASS);
    run(plain);
    g_assert_cmpmem(bare_ram(b) + DATA - 64, 192, bare_ram(plain) + DATA - 64, 192);
    g_assert_cmphex(r->s.x[A3], ==, p->s.x[A3]);
    g_assert_cmphex(r->s.f[11], ==, p->s.f[11]);
    bare_free(plain);
    bare_free(b);
}

static void test_rows(void)
{
    for (unsigned n = 0; n < G_N_ELEMENTS(rows); n++) {
        check_row(&rows[n]);
    }
}

/* ---- going on ----------------------------------------------------------------------------- */

static void store_then_load(Bare *b, unsigned rounds)
{
    Code c = { bare_ram(b), CODE };
    li(&c, A4, rounds);
    uint64_t loop = c.at;
    put(&c, SD);
    put(&c, LD);
    put(&c, addi(A2, A2, 1));
    put(&c, addi(A4, A4, -1));
    put(&c, bne(A4, ZERO, (int)(loop - c.at)));
    finish(&c);
}

static void check_stop(Bare *b, uint64_t offset)
{
    g_assert_cmphex(cpu_pc(bare_cpu(b)), ==, BARE_RAM + CODE + offset);
    g_assert_cmpint(b->finished, ==, 0);
}

/* Two accesses in a row are two stops; gdb takes the watchpoint away for a step, others do not. */
static void test_adjacent(void)
{
    for (int as_gdb = 0; as_gdb < 2; as_gdb++) {
        Bare *b = machine(0, 4);
        CPU *cpu = bare_cpu(b);
        store_then_load(b, 5);
        cpu_watchpoint_add(cpu, AT, 8, WATCH_WRITE | WATCH_READ);
        for (unsigned n = 0; n < 10; n++) {
            run(b);
            check_stop(b, n % 2 ? 12 : 8);
            g_assert_cmpint(cpu->watch_hit_kind, ==, WATCH_WRITE | WATCH_READ);
            if (!as_gdb) {
                continue;
            }
            cpu_watchpoint_remove(cpu, AT, 8, WATCH_WRITE | WATCH_READ);
            cpu_set_singlestep(cpu, true);
            run(b);
            check_stop(b, n % 2 ? 16 : 12);
            g_assert_cmpint(cpu->watch_hit_kind, ==, 0);
            cpu_set_singlestep(cpu, false);
            cpu_watchpoint_add(cpu, AT, 8, WATCH_WRITE | WATCH_READ);
        }
        run(b);
        g_assert_cmpint(b->finished, ==, PASS);
        g_assert_cmphex(riscv_cpu(cpu)->s.x[A3], ==, VALUE + 4);
        bare_free(b);
    }
}

/* A step onto a watched access stops before it, the next one makes it. */
static void test_step(void)
{
    Bare *b = machine(SD, 4);
    CPU *cpu = bare_cpu(b);
    cpu_watchpoint_add(cpu, AT, 8, WATCH_WRITE);
    cpu_set_singlestep(cpu, true);
    run(b);
    check_stop(b, 0);
    g_assert_cmpint(cpu->watch_hit_kind, ==, WATCH_WRITE);
    run(b);
    check_stop(b, 4);
    g_assert_cmpint(cpu->watch_hit_kind, ==, 0);
    g_assert_cmphex(bare_ram(b)[DATA], ==, VALUE & 0xff);
    /* Moved back by the debugger: an access like any other. */
    cpu->arch->set_pc(cpu, BARE_RAM + CODE);
    run(b);
    check_stop(b, 0);
    g_assert_cmpint(cpu->watch_hit_kind, ==, WATCH_WRITE);
    bare_free(b);
}

/* Nobody heard of the stop (another one was quicker): the access is still to be reported. */
static void test_not_told(void)
{
    Bare *b = machine(SD, 4);
    CPU *cpu = bare_cpu(b);
    cpu_watchpoint_add(cpu, AT, 8, WATCH_WRITE);
    for (unsigned n = 0; n < 2; n++) {
        run(b);
        check_stop(b, 0);
        g_assert_cmpint(cpu->watch_hit_kind, ==, WATCH_WRITE);
        if (n == 0) {
            cpu->watch_hit_kind = 0;
        }
    }
    run(b);
    g_assert_cmpint(b->finished, ==, PASS);
    bare_free(b);
}

/* An interrupt that came meanwhile is taken behind the access: it is not reported twice. */
static void test_interrupt(void)
{
    Bare *b = machine(SD, 4);
    RiscvCPU *r = riscv_cpu(bare_cpu(b));
    Code c = { bare_ram(b), HANDLER };
    put(&c, addi(A5, ZERO, 7));
    finish(&c);
    r->s.mtvec = BARE_RAM + HANDLER;
    cpu_watchpoint_add(&r->cpu, AT, 8, WATCH_WRITE);
    run(b);
    check_stop(b, 0);
    r->s.mie = 8;
    r->s.mstatus |= MSTATUS_MIE;
    r->cpu.arch->set_irq(&r->cpu, 3, 1);
    run(b);
    g_assert_cmpint(b->finished, ==, PASS);
    g_assert_cmphex(r->s.x[A5], ==, 7);
    g_assert_cmphex(r->s.mepc, ==, BARE_RAM + CODE + 4);
    g_assert_cmphex(bare_ram(b)[DATA], ==, VALUE & 0xff);
    bare_free(b);
}

/* ---- speed ------------------------------------------------------------------------------------ */

enum { ROUNDS = 20000, FEW = 100 };

static void run_rounds(Bare *b)
{
    CPU *cpu = bare_cpu(b);
    b->finished = 0;
    memset(&bare_cpu(b)->tcg->stats, 0, sizeof(TcgStats));
    cpu->arch->set_pc(cpu, BARE_RAM + CODE);
    run(b);
    g_assert_cmpint(b->finished, ==, PASS);
    g_assert_cmpuint(bare_cpu(b)->tcg->stats.blocks, <, FEW);
    g_assert_cmpuint(bare_cpu(b)->tcg->stats.tlb_fills, <, FEW);
}

/* Neither the code nor other pages become slow; the watched page costs no walk; and all is as
 * before when the watchpoint is gone. */
static void test_speed(void)
{
    Bare *b = machine(0, 4);
    CPU *cpu = bare_cpu(b);
    const TcgStats *stats = &bare_cpu(b)->tcg->stats;
    store_then_load(b, ROUNDS);
    cpu_watchpoint_add(cpu, AT + 0x1000, 8, WATCH_WRITE | WATCH_READ);
    run_rounds(b);
    g_assert_cmpuint(stats->slow_accesses, <, FEW);
    cpu_watchpoint_add(cpu, AT + 0x800, 8, WATCH_WRITE | WATCH_READ);
    run_rounds(b);
    g_assert_cmpuint(stats->slow_accesses, >=, 2 * ROUNDS);
    cpu_watchpoint_remove(cpu, AT + 0x800, 8, WATCH_WRITE | WATCH_READ);
    run_rounds(b);
    g_assert_cmpuint(stats->slow_accesses, <, FEW);
    bare_free(b);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    accel_name = argc > 1 ? argv[1] : accel_name;
    if (argc > 2) {
        accel_option = argv[2];
        accel_value = strchr(accel_option, '=');
        *accel_value++ = 0;
    }
    g_test_add_func("/accel/watch/rows", test_rows);
    g_test_add_func("/accel/watch/adjacent", test_adjacent);
    g_test_add_func("/accel/watch/step", test_step);
    g_test_add_func("/accel/watch/not-told", test_not_told);
    g_test_add_func("/accel/watch/interrupt", test_interrupt);
    g_test_add_func("/accel/watch/speed", test_speed);
    return g_test_run();
}
