/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The run time of the JIT: code that changes, a cache that is too small, links between blocks,
 * loops that must be left, TLB and jump cache of a context.
 * Guest code is RISC-V, written by the few encoders of rvcode.h. */
#include <string.h>

#include "accel/tcg/mail.h"
#include "rvcode.h"
#include "target/riscv/cpu.h"
#include "tests/patience.h"

static Bare *start(const char *accel, const char *option, const char *value)
{
    g_autofree char *options = option ? g_strdup_printf("%s=%s", option, value) : NULL;
    return bare_new(cpu_arch_find("riscv64"), "rv64", accel, options);
}

static uint64_t reg(Bare *b, unsigned n)
{
    CPU *cpu = bare_cpu(b);
    uint64_t value = 0;
    unsigned count;
    cpu_read_register(cpu, &cpu->arch->registers(cpu, &count)[n], &value); /* x0..x31 come first */
    return value;
}

static void run_from(Bare *b, uint64_t offset)
{
    CPU *cpu = bare_cpu(b);
    cpu->arch->set_pc(cpu, BARE_RAM + offset);
    bare_run(b);
}

/* A function is rewritten 1000 times and called after each fence.i. */
static void test_self_modifying(void)
{
    Bare *b = start("tcg", NULL, NULL);
    Code c = { bare_ram(b), 0x1000 };
    put(&c, addi(A1, ZERO, 0)); /* overwritten */
    put(&c, jalr(ZERO, RA, 0));
    c.at = 0;
    put(&c, lui(S1, 1 << 20)); /* step of the immediate field */
    put(&c, addi(A0, ZERO, 0));
    li(&c, A2, addi(A1, ZERO, 0)); /* the instruction as a number */
    li(&c, A4, 1000);
    put(&c, lui(A3, 0x80001000));
    put(&c, 0x02069693); /* slli a3, a3, 32 */
    put(&c, 0x0206d693); /* srli a3, a3, 32 */
    uint64_t loop = c.at;
    put(&c, sw(A3, A2, 0));
    put(&c, FENCE_I);
    put(&c, jalr(RA, A3, 0));
    put(&c, add(A0, A0, A1));
    put(&c, add(A2, A2, S1));
    put(&c, addi(A4, A4, -1));
    put(&c, bne(A4, ZERO, (int)(loop - c.at)));
    finish(&c);
    run_from(b, 0);
    g_assert_cmpuint(reg(b, A0), ==, 1000 * 999 / 2);
    g_assert_cmpuint(bare_state(b)->index.drops, >=, 999);
    bare_free(b);
}

/* What a device writes over code is seen. */
static void test_dma_over_code(void)
{
    Bare *b = start("tcg", NULL, NULL);
    Code c = { bare_ram(b), 0 };
    put(&c, addi(A0, ZERO, 11));
    finish(&c);
    run_from(b, 0);
    g_assert_cmpuint(reg(b, A0), ==, 11);
    uint32_t insn = addi(A0, ZERO, 22);
    g_assert_cmpint(dma_write(b->machine.memory, BARE_RAM, &insn, 4), ==, BUS_OK);
    run_from(b, 0);
    g_assert_cmpuint(reg(b, A0), ==, 22);
    bare_free(b);
}

/* A device writes while the translator is at work: the block is made of the old bytes, and must not
 * outlive the run that made it. */
static struct {
    Bare *b;
    uint64_t pc, at;
    uint32_t insn;
    unsigned writes;
    GThread *device;
} race;

static void *write_code(void *unused)
{
    dma_write(race.b->machine.memory, race.at, &race.insn, 4);
    return NULL;
}

/* The translator has read the code; it goes on when the device has written it, but may not be told yet. */
static void translate_in_race(TranslateCtx *t)
{
    riscv64_arch.translate(t);
    if (t->pc == race.pc && !race.writes++) {
        const uint32_t *code = (const uint32_t *)(bare_ram(race.b) + (race.at - BARE_RAM));
        race.device = g_thread_new("device", write_code, NULL);
        while (__atomic_load_n(code, __ATOMIC_SEQ_CST) != race.insn) {
            g_thread_yield();
        }
    }
}

static void check_race(const char *accel, uint64_t offset)
{
    CPUArch arch = riscv64_arch;
    arch.translate = translate_in_race;
    Bare *b = bare_new(&arch, "rv64", accel, NULL);
    Code c = { bare_ram(b), offset };
    put(&c, addi(A0, ZERO, 11));
    finish(&c);
    race.b = b;
    race.pc = race.at = BARE_RAM + offset;
    race.insn = addi(A0, ZERO, 22);
    race.writes = 0;
    run_from(b, offset);
    g_assert_cmpuint(race.writes, >=, 1);
    g_thread_join(race.device);
    run_from(b, offset);
    g_assert_cmpuint(reg(b, A0), ==, 22);
    bare_free(b);
}

static void test_dma_while_translating(void)
{
    static const char *const accels[] = { "tcg", "interp" };
    for (unsigned n = 0; n < G_N_ELEMENTS(accels); n++) {
        check_race(accels[n], 0x3000);
        check_race(accels[n], 0x4ffe); /* what changes lies in the second page */
    }
}

/* An instruction in two pages becomes a block once, as others do. */
static void test_code_in_two_pages(void)
{
    Bare *b = start("tcg", NULL, NULL);
    Code c = { bare_ram(b), 0x3ffe };
    put(&c, addi(A0, A0, 1));
    finish(&c);
    run_from(b, 0x3ffe);
    uint64_t blocks = bare_cpu(b)->tcg->stats.blocks;
    for (unsigned n = 0; n < 10; n++) {
        run_from(b, 0x3ffe);
    }
    g_assert_cmpuint(reg(b, A0), ==, 11);
    g_assert_cmpuint(bare_cpu(b)->tcg->stats.blocks, ==, blocks);
    bare_free(b);
}

static TcgBlock *block_at(CPU *cpu, uint64_t offset)
{
    cpu->arch->set_pc(cpu, BARE_RAM + offset);
    tcg_context_sync(cpu->tcg);
    return tcg_block_get(cpu);
}

/* With one thread of guest code atomics need no lock prefix; what was translated so goes when a second one comes. */
static void test_second_vcpu(const void *threads)
{
    bool multi = !strcmp(threads, "multi");
    Bare *b = start("tcg", "thread", threads);
    Code c = { bare_ram(b), 0x3000 };
    for (unsigned n = 0; n < 8; n++) {
        put(&c, 0x00b5302f); /* amoadd.d zero, a1, (a0) */
    }
    finish(&c);
    TcgBlock *alone = block_at(bare_cpu(b), 0x3000);
    uint32_t size = alone->pc_table;
    CPU *second = machine_add_cpu(&b->machine, bare_cpu(b)->arch, "rv64", NULL);
    g_assert_cmpint(tcg_block_is_dropped(alone), ==, multi);
    tcg_mail_look(bare_cpu(b)->tcg, false); /* the block may be freed now */
    TcgBlock *met = block_at(bare_cpu(b), 0x3000);
    g_assert_cmpint(met->pc_table > size, ==, multi);
    cpu_free(second);
    bare_free(b);
}

/* A page that was read, but of which no block is kept, is not written the slow way for ever. */
static void test_step_leaves_no_code_page(void)
{
    Bare *b = start("tcg", NULL, NULL);
    CPU *cpu = bare_cpu(b);
    Code c = { bare_ram(b), 0x3000 };
    put(&c, addi(A0, ZERO, 11));
    finish(&c);
    cpu->arch->set_pc(cpu, BARE_RAM + 0x3000);
    tcg_context_sync(cpu->tcg);
    cpu->singlestep = true;
    tcg_run_jit(cpu);
    g_assert_cmpuint(reg(b, A0), ==, 11);
    g_assert_cmphex(cpu_pc(cpu), ==, BARE_RAM + 0x3004);
    cpu->singlestep = false;
    g_assert_false(tcg_page_has_code(&bare_state(b)->index.pages, b->machine.ram.ram->first_page + 3));
    bare_free(b);
}

/* ---- fetching ------------------------------------------------------------------- */

static struct {
    uint8_t bytes[15];
    unsigned asked, got;
} fetched;

static void translate_after_fetching(TranslateCtx *t)
{
    fetched.got = translate_fetch(t, t->pc, fetched.bytes, fetched.asked);
    riscv64_arch.translate(t);
}

/* How many of the 15 bytes (the longest instruction of an x86) at an offset in RAM can be had. */
static unsigned fetch_at(Bare *b, uint64_t offset)
{
    Code c = { bare_ram(b), offset };
    put(&c, jal(ZERO, 0));
    bare_cpu(b)->arch->set_pc(bare_cpu(b), BARE_RAM + offset);
    fetched.asked = sizeof(fetched.bytes);
    tcg_block_get(bare_cpu(b));
    g_assert_cmpmem(fetched.bytes, fetched.got, bare_ram(b) + offset, fetched.got);
    return fetched.got;
}

static void test_fetch_bytes(void)
{
    IrGuest guest = *riscv64_arch.guest;
    guest.insn_bytes = sizeof(fetched.bytes);
    CPUArch arch = riscv64_arch;
    arch.guest = &guest;
    arch.translate = translate_after_fetching;
    Bare *b = bare_new(&arch, "rv64", "tcg", NULL);
    for (unsigned n = 0; n < 0x3000; n++) {
        bare_ram(b)[n] = n * 7;
    }
    g_assert_cmpuint(fetch_at(b, 0x100), ==, 15);
    g_assert_cmpuint(fetch_at(b, 0x1ffa), ==, 15);           /* over two pages */
    g_assert_cmpuint(fetch_at(b, BARE_RAM_SIZE - 6), ==, 6); /* nothing answers behind */
    g_assert_true(tcg_page_has_code(&bare_state(b)->index.pages, b->machine.ram.ram->first_page + 1));
    /* of the second page a byte was read, but no block is there: it is no code page */
    g_assert_false(tcg_page_has_code(&bare_state(b)->index.pages, b->machine.ram.ram->first_page + 2));
    bare_free(b);
}

static void translate_slowly(TranslateCtx *t)
{
    g_usleep(100000); /* the host has other things to do */
    riscv64_arch.translate(t);
}

/* What info jit says of translation is processor time. */
static void test_translation_time(void)
{
    CPUArch arch = riscv64_arch;
    arch.translate = translate_slowly;
    Bare *b = bare_new(&arch, "rv64", "tcg", NULL);
    Code c = { bare_ram(b), 0 };
    finish(&c);
    run_from(b, 0);
    const TcgStats *stats = &bare_cpu(b)->tcg->stats;
    g_assert_cmpuint(stats->sampled_insns, >, 0);
    g_assert_cmpuint(stats->sampled_ns, >, 0);
    g_assert_cmpuint(stats->sampled_ns, <, 100 * 1000 * 1000);
    bare_free(b);
}

/* Twenty thousand functions in a cache of 1 MiB, called round and round: regions are evicted,
 * links into them undone. */
static void test_eviction(void)
{
    enum { FUNCTIONS = 20000, ROUNDS = 3, FIRST = 0x10000, BYTES = 32 };
    Bare *b = start("tcg", "tb-size", "1");
    Code c = { bare_ram(b), 0 };
    li(&c, A4, ROUNDS);
    uint64_t loop = c.at;
    put(&c, jal(RA, FIRST - (int)c.at));
    put(&c, addi(A4, A4, -1));
    put(&c, bne(A4, ZERO, (int)(loop - c.at)));
    finish(&c);
    uint64_t sum = 0;
    for (unsigned n = 0; n < FUNCTIONS; n++) {
        c.at = FIRST + n * BYTES;
        put(&c, addi(A0, A0, n % 1000));
        put(&c, jal(ZERO, n % 2 ? BYTES - 4 : 4)); /* both kinds of exit */
        put(&c, addi(A0, A0, 5));
        put(&c, bne(A0, ZERO, BYTES - 12)); /* a0 is 5 at least */
        sum += n % 1000 + (n % 2 ? 0 : 5);
    }
    c.at = FIRST + FUNCTIONS * BYTES;
    put(&c, jalr(ZERO, RA, 0));
    run_from(b, 0);
    g_assert_cmpuint(reg(b, A0), ==, ROUNDS * sum);
    TcgCacheUse use;
    tcg_cache_use(bare_state(b)->cache, &use);
    g_assert_cmpuint(use.evictions, >, 16);
    bare_free(b);
}

/* Starts the loop at an offset in RAM, and stops it when it runs; returns where. */
static int run_loop_and_pause(Bare *b, uint64_t offset)
{
    enum { WORD = 0x8000 };
    const uint32_t intro[] = {
        /* says that it is there, right before the loop */
        WORD | A5 << 7 | 0x17, /* auipc a5, WORD >> 12 */
        addi(A4, ZERO, 1),
        sw(A5, A4, 0),
        jal(ZERO, (int)offset - 12),
    };
    Accel *a = b->machine.accel;
    CPU *cpu = bare_cpu(b);
    uint32_t *running = (uint32_t *)(bare_ram(b) + WORD);
    *running = 0;
    g_assert_cmpint(dma_write(b->machine.memory, BARE_RAM, intro, sizeof(intro)), ==, BUS_OK);
    bare_start(b);
    cpu->arch->set_pc(cpu, BARE_RAM);
    a->class->resume(a);
    gint64 end = g_get_monotonic_time() + TEST_PATIENCE_US;
    while (!__atomic_load_n(running, __ATOMIC_SEQ_CST)) {
        g_assert_cmpint(g_get_monotonic_time(), <, end);
        g_usleep(100);
    }
    a->class->pause(a);
    return cpu_pc(cpu) - BARE_RAM;
}

/* Each shape of endless loop sees a request to stop. */
static void test_loops_stop(void)
{
    Bare *b = start("tcg", NULL, NULL);
    Code c = { bare_ram(b), 0x100 };
    put(&c, jal(ZERO, 0)); /* to itself */
    c.at = 0x200;
    put(&c, jal(ZERO, 0x100)); /* two blocks of one page */
    c.at = 0x300;
    put(&c, jal(ZERO, -0x100));
    c.at = 0x1400;
    put(&c, jal(ZERO, 0x1000)); /* two pages */
    c.at = 0x2400;
    put(&c, jal(ZERO, -0x1000));
    c.at = 0x500;
    put(&c, 0x00000097);        /* auipc ra, 0 */
    put(&c, jalr(ZERO, RA, 0)); /* indirect */
    put(&c, 0);
    c.at = 0x600;
    put(&c, addi(A0, A0, 1));
    put(&c, bne(A0, ZERO, -4)); /* conditional, to the block's start */
    static const int starts[] = { 0x100, 0x200, 0x1400, 0x500, 0x600 };
    for (unsigned n = 0; n < G_N_ELEMENTS(starts); n++) {
        for (unsigned round = 0; round < 20; round++) {
            int at = run_loop_and_pause(b, starts[n]);
            g_assert_cmpint(at & 0xff, <=, 12);
            g_assert_true(at >= 0x100 || at == 12); /* 12: the jump into the loop */
        }
    }
    bare_free(b);
}

/* ---- the cache's mappings ------------------------------------------------------ */

/* How far the first mapping of the code cache with these rights lies from 0: anonymous shared memory
 * (guest memory is private), whose name in maps is one that perf takes for a JIT's. */
static uint64_t cache_address(const char *rights)
{
    g_autofree char *text = NULL;
    g_assert_true(g_file_get_contents("/proc/self/maps", &text, NULL, NULL));
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
    for (unsigned n = 0; lines[n]; n++) {
        const char *space = strchr(lines[n], ' ');
        if (space && g_str_has_prefix(space + 1, rights) && strstr(lines[n], "/dev/zero")) {
            return g_ascii_strtoull(lines[n], NULL, 16);
        }
    }
    g_assert_not_reached();
}

/* Never writable and executable, and where it is executable does not tell where it can be written. */
static void test_cache_mappings(void)
{
    enum { CACHES = 4 };
    uint64_t distance[CACHES];
    for (unsigned n = 0; n < CACHES; n++) {
        Bare *b = start("tcg", NULL, NULL);
        distance[n] = cache_address("r-xs") - cache_address("rw-s");
        for (unsigned k = 0; k < n; k++) {
            g_assert_cmphex(distance[n], !=, distance[k]);
        }
        bare_free(b);
    }
}

/* ---- contexts ---------------------------------------------------------------- */

static void test_flushes(void)
{
    Bare *b = start("tcg", NULL, NULL);
    CPU *cpu = bare_cpu(b);
    TcgVcpu *v = cpu->tcg;
    tcg_context_sync(v);
    uint64_t page = BARE_RAM + 0x5000;
    cpu_store(cpu, page + 8, MEM_64, UINT64_C(0x1122334455667788));
    const TlbEntry *e = &v->ctx->tlb[tlb_index(page)];
    g_assert_cmphex(e->wr, ==, page);
    g_assert_cmphex(cpu_load(cpu, page + 12, MEM_32), ==, 0x11223344);
    g_assert_cmphex(cpu_load(cpu, page + 8, MEM_8 | MEM_SIGN), ==, UINT64_C(0xffffffffffffff88));
    g_assert_cmphex(cpu_load(cpu, page + 8, MEM_16 | MEM_BE), ==, 0x8877);
    cpu_flush_page(cpu, page + 123);
    g_assert_cmphex(e->rd, ==, TLB_NEVER);
    cpu_load(cpu, page, MEM_8);
    g_assert_cmphex(e->rd, ==, page);
    cpu_flush_asid(cpu, 0x77); /* another one */
    g_assert_cmphex(e->rd, ==, page);
    cpu_flush_asid(cpu, v->ctx->asid);
    g_assert_cmphex(e->rd, ==, TLB_NEVER);
    cpu_load(cpu, page, MEM_8);
    cpu_flush_all(cpu);
    g_assert_cmphex(e->rd, ==, TLB_NEVER);
    bare_free(b);
}

static void test_across_pages(void)
{
    Bare *b = start("tcg", NULL, NULL);
    CPU *cpu = bare_cpu(b);
    tcg_context_sync(cpu->tcg);
    uint64_t at = BARE_RAM + 0x7ffd;
    cpu_store(cpu, at, MEM_64, UINT64_C(0x0102030405060708));
    g_assert_cmphex(bare_ram(b)[0x7fff], ==, 6);
    g_assert_cmphex(bare_ram(b)[0x8000], ==, 5);
    g_assert_cmphex(cpu_load(cpu, at, MEM_64), ==, UINT64_C(0x0102030405060708));
    g_assert_cmphex(cpu_load(cpu, at + 1, MEM_32 | MEM_SIGN), ==, 0x04050607);
    bare_free(b);
}

/* A page gets code: the right to write without being noticed is taken back in the TLB. */
static void test_code_revokes_write(void)
{
    Bare *b = start("tcg", NULL, NULL);
    CPU *cpu = bare_cpu(b);
    TcgVcpu *v = cpu->tcg;
    tcg_context_sync(v);
    Code c = { bare_ram(b), 0x3000 };
    finish(&c);
    cpu_store(cpu, BARE_RAM + 0x3800, MEM_32, 1);
    const TlbEntry *e = &v->ctx->tlb[tlb_index(BARE_RAM + 0x3000)];
    g_assert_cmphex(e->wr, ==, BARE_RAM + 0x3000);
    run_from(b, 0x3000);
    g_assert_cmphex(e->wr, ==, TLB_NEVER);
    uint64_t drops = v->state->index.drops;
    cpu_store(cpu, BARE_RAM + 0x3800, MEM_32, 2); /* data beside the code */
    g_assert_cmpuint(v->state->index.drops, ==, drops);
    cpu_store(cpu, BARE_RAM + 0x3004, MEM_32, 3);
    g_assert_cmpuint(v->state->index.drops, ==, drops + 1);
    cpu_store(cpu, BARE_RAM + 0x3800, MEM_32, 4); /* no code left: the right comes back */
    g_assert_cmphex(e->wr, ==, BARE_RAM + 0x3000);
    bare_free(b);
}

/* The loads of one block: lockstep agrees with itself on a program with all kinds of access. */
static void test_lockstep_runs(void)
{
    Bare *b = start("tcg", "lockstep", "on");
    Code c = { bare_ram(b), 0 };
    put(&c, 0x00000697); /* auipc a3, 0 */
    put(&c, addi(A3, A3, 0x400));
    li(&c, A4, 50);
    uint64_t loop = c.at;
    put(&c, sw(A3, A4, 0x7fc));
    put(&c, ld(A5, A3, 0x7f8));
    put(&c, add(A0, A0, A5));
    put(&c, addi(A3, A3, 1));
    put(&c, addi(A4, A4, -1));
    put(&c, bne(A4, ZERO, (int)(loop - c.at)));
    finish(&c);
    run_from(b, 0);
    g_assert_cmpuint(reg(b, A4), ==, 0);
    g_assert_cmpuint(reg(b, A0), !=, 0);
    bare_free(b);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/jit/self-modifying", test_self_modifying);
    g_test_add_func("/jit/dma-over-code", test_dma_over_code);
    g_test_add_func("/jit/dma-while-translating", test_dma_while_translating);
    g_test_add_func("/jit/code-in-two-pages", test_code_in_two_pages);
    g_test_add_data_func("/jit/second-vcpu/multi", "multi", test_second_vcpu);
    g_test_add_data_func("/jit/second-vcpu/single", "single", test_second_vcpu);
    g_test_add_func("/jit/step-leaves-no-code-page", test_step_leaves_no_code_page);
    g_test_add_func("/jit/fetch-bytes", test_fetch_bytes);
    g_test_add_func("/jit/translation-time", test_translation_time);
    g_test_add_func("/jit/eviction", test_eviction);
    g_test_add_func("/jit/loops-stop", test_loops_stop);
    g_test_add_func("/jit/cache-mappings", test_cache_mappings);
    g_test_add_func("/jit/flushes", test_flushes);
    g_test_add_func("/jit/across-pages", test_across_pages);
    g_test_add_func("/jit/code-revokes-write", test_code_revokes_write);
    g_test_add_func("/jit/lockstep", test_lockstep_runs);
    return g_test_run();
}
