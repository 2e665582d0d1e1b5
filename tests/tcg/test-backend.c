/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The contract of tcg/backend.h beyond what single programs show: where the jump cache is asked for guests of
 * each alignment, which exits are chained, patching, and the table of return addresses. */
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tcg/private.h"
#include "toy.h"

enum { PAGE_BITS = 12, TLB_BITS = 4, JUMP_BITS = 6, CODE_BYTES = 1 << 18 };

typedef struct Jump {
    uint64_t pc;
    const void *code;
} Jump;

typedef struct Bench {
    struct {
        uint64_t tlb[4 << TLB_BITS];
        Jump jumps[1 << JUMP_BITS];
    } context;
    IrGuest guest;
    Jit *jit;
    uint8_t *rw, *rx;
    uint32_t used;
    IrBlock *ir;
    ToyCPU toy;
    uint64_t asked; /* pc for which next() or chain() was called; 0: never */
} Bench;

static Bench *bench; /* next() and chain() get a CPU only */

static const void *stop(CPU *cpu, void **context)
{
    *context = &bench->context;
    bench->asked = ((ToyCPU *)cpu)->pc;
    return jit_backend->leave(bench->jit);
}

static const void *stop_chain(CPU *cpu, void **context, uintptr_t where)
{
    stop(cpu, context);
    bench->asked = where;
    return jit_backend->leave(bench->jit);
}

static void bench_init(Bench *n, unsigned pc_shift, unsigned insn_bytes)
{
    memset(n, 0, sizeof(*n));
    bench = n;
    n->guest = toy_guest;
    n->guest.pc_shift = pc_shift;
    n->guest.insn_bytes = insn_bytes;
    int fd = memfd_create("code", MFD_CLOEXEC);
    g_assert(fd >= 0 && ftruncate(fd, CODE_BYTES) == 0);
    n->rw = mmap(NULL, CODE_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    n->rx = mmap(NULL, CODE_BYTES, PROT_READ | PROT_EXEC, MAP_SHARED, fd, 0);
    close(fd);
    g_assert(n->rw != MAP_FAILED && n->rx != MAP_FAILED);
    const JitConfig config = {
        .guest = &n->guest,
        .run = toy_runtime,
        .page_bits = PAGE_BITS,
        .tlb_bits = TLB_BITS,
        .tlb_wr = 8,
        .tlb_addend = 24,
        .jumps = sizeof(n->context.tlb),
        .jump_bits = JUMP_BITS,
        .next = stop,
        .next_mode = stop,
        .chain = stop_chain,
        .retired = stop_chain,
    };
    g_autoptr(GError) err = NULL;
    n->jit = jit_backend->create(&config, n->rw, n->rx, &err);
    g_assert_no_error(err);
    n->used = jit_block_start(jit_backend->head_bytes);
    n->ir = ir_block_new(&n->guest);
    for (unsigned i = 0; i < G_N_ELEMENTS(n->context.jumps); i++) {
        n->context.jumps[i].pc = UINT64_MAX;
    }
}

static void bench_finish(Bench *n)
{
    jit_backend->destroy(n->jit);
    ir_block_free(n->ir);
    munmap(n->rw, CODE_BYTES);
    munmap(n->rx, CODE_BYTES);
}

/* Compile n->ir; where it starts in the cache. */
static uint32_t compile(Bench *n, JitOutput *out)
{
    uint32_t at = n->used;
    g_assert(jit_backend->compile(n->jit, n->ir, n->rw + at, n->rx + at, CODE_BYTES - at, out));
    n->used = jit_block_start(n->used + out->size);
    return at;
}

/* A block that sets r0 and leaves by a lookup. */
static uint32_t compile_landing(Bench *n, int64_t value)
{
    JitOutput out;
    ir_block_reset(n->ir, 0x9000);
    ir_insn(n->ir, 0x9000);
    ir_mov(n->ir, ir_global(0), ir_const(n->ir, value));
    ir_exit_lookup(n->ir);
    return compile(n, &out);
}

static void enter(Bench *n, uint32_t at)
{
    uintptr_t *frame;
    n->asked = 0;
    n->toy.r[0] = 0;
    jit_backend->enter(n->jit, &n->toy.cpu, &n->context, n->rx + at, &frame);
}

/* An exit to `pc` finds its code in the jump cache, and only there. */
static void check_jump(Bench *n, uint64_t pc, bool indirect)
{
    JitOutput out;
    uint32_t landing = compile_landing(n, 77);
    ir_block_reset(n->ir, 0x1000);
    ir_insn(n->ir, 0x1000);
    if (indirect) {
        ir_exit_ind(n->ir, ir_global(1));
    } else {
        ir_exit_pc(n->ir, pc);
    }
    uint32_t at = compile(n, &out);
    n->toy.r[1] = pc;
    enter(n, at);
    g_assert_cmphex(n->asked, ==, pc);
    g_assert_cmpuint(n->toy.r[0], ==, 0);

    Jump *e = &n->context.jumps[pc >> n->guest.pc_shift & ((1 << JUMP_BITS) - 1)];
    *e = (Jump){ pc, n->rx + landing };
    enter(n, at);
    g_assert_cmpuint(n->toy.r[0], ==, 77);
    *e = (Jump){ pc + (UINT64_C(1) << 40), n->rx + landing };
    enter(n, at);
    g_assert_cmpuint(n->toy.r[0], ==, 0);
    e->pc = UINT64_MAX;
}

static void test_jump_cache(void)
{
    static const uint64_t pcs[] = { 0x123456780, 0x7ffffff0, 0xfffffffffffff3c0, 0x10000 };
    for (unsigned shift = 0; shift <= 4; shift++) {
        Bench n;
        bench_init(&n, shift, 16);
        for (unsigned i = 0; i < G_N_ELEMENTS(pcs); i++) {
            for (unsigned k = 0; k < 4; k++) {
                check_jump(&n, pcs[i] + ((uint64_t)k << shift), false);
                check_jump(&n, pcs[i] + ((uint64_t)k << shift), true);
            }
        }
        bench_finish(&n);
    }
}

static bool is_chained(Bench *n, uint64_t pc)
{
    JitOutput out;
    ir_block_reset(n->ir, 0x1000);
    ir_insn(n->ir, 0x1000);
    ir_exit_pc(n->ir, pc);
    compile(n, &out);
    return out.exit_count == 1 && out.exits[0].jump;
}

/* Only to code of the block's own page that cannot reach into the next one. */
static void test_chained(void)
{
    static const struct {
        unsigned insn_bytes;
        uint64_t last; /* the last offset in the page that may be chained to */
    } rows[] = { { 4, 0xffc }, { 15, 0xff1 }, { 1, 0xfff } };
    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        Bench n;
        bench_init(&n, 0, rows[i].insn_bytes);
        g_assert_true(is_chained(&n, 0x1800));
        g_assert_true(is_chained(&n, 0x1000 + rows[i].last));
        g_assert_false(is_chained(&n, 0x1000 + rows[i].last + 1));
        g_assert_false(is_chained(&n, 0x2000));
        g_assert_false(is_chained(&n, 0x0f00));
        bench_finish(&n);
    }
}

static void test_patch(void)
{
    Bench n;
    JitOutput out;
    bench_init(&n, 1, 4);
    uint32_t landing = compile_landing(&n, 5);
    ir_block_reset(n.ir, 0x1000);
    ir_insn(n.ir, 0x1000);
    ir_exit_pc(n.ir, 0x1800);
    uint32_t at = compile(&n, &out);
    g_assert_cmpuint(out.exit_count, ==, 1);
    JitExit e = out.exits[0];
    g_assert_cmphex(e.pc, ==, 0x1800);
    for (unsigned round = 0; round < 2; round++) {
        enter(&n, at); /* not patched: chain() is asked, with the name of the exit */
        g_assert_cmphex(n.asked, ==, (uintptr_t)n.rx + at + e.stub);
        g_assert_cmpuint(n.toy.r[0], ==, 0);
        jit_backend->patch(n.rw + at, n.rx + at, &e, n.rx + landing);
        enter(&n, at);
        g_assert_cmpuint(n.toy.r[0], ==, 5);
        jit_backend->patch(n.rw + at, n.rx + at, &e, NULL);
    }
    bench_finish(&n);
}

/* Whoever comes to the entry of a block that was retired is turned away, by a chained jump, too. */
static void test_retire(void)
{
    Bench n;
    JitOutput out;
    bench_init(&n, 1, 4);
    uint32_t landing = compile_landing(&n, 5);
    ir_block_reset(n.ir, 0x1000);
    ir_insn(n.ir, 0x1000);
    ir_exit_pc(n.ir, 0x1800);
    uint32_t at = compile(&n, &out);
    jit_backend->patch(n.rw + at, n.rx + at, &out.exits[0], n.rx + landing);
    enter(&n, at);
    g_assert_cmpuint(n.toy.r[0], ==, 5);
    n.toy.r[0] = 0;
    jit_backend->retire(n.jit, n.rw + landing, n.rx + landing);
    enter(&n, at);
    g_assert_cmpuint(n.toy.r[0], ==, 0);
    g_assert_cmphex(n.asked, ==, (uintptr_t)n.rx + landing);
    bench_finish(&n);
}

enum { TURNS = 9 }; /* a register that lives in the CPU struct */

typedef struct Retirement {
    Bench *bench;
    uint32_t at;
} Retirement;

static void *retire_running(void *opaque)
{
    const Retirement *r = opaque;
    const uint64_t *turns = &r->bench->toy.r[TURNS];
    while (!__atomic_load_n(turns, __ATOMIC_RELAXED)) { /* it turns */
        g_thread_yield();
    }
    jit_backend->retire(r->bench->jit, r->bench->rw + r->at, r->bench->rx + r->at);
    return NULL;
}

/* A block that loops in itself for ever leaves when another thread retires it. */
static void test_retire_running(void)
{
    for (unsigned round = 0; round < 200; round++) {
        Bench n;
        JitOutput out;
        bench_init(&n, 1, 4);
        ir_block_reset(n.ir, 0x1000);
        ir_label_start(n.ir);
        ir_insn(n.ir, 0x1000);
        ir_op2(n.ir, IR_ADD, IR_I64, ir_global(TURNS), ir_global(TURNS), ir_const(n.ir, 1));
        if (round % 2) {
            ir_br(n.ir, 0);
        } else {
            ir_brcc(n.ir, IR_NE, IR_I64, ir_global(TURNS), ir_const(n.ir, 0), 0);
        }
        if (round % 2 == 0) {
            ir_exit_pc(n.ir, 0x1004);
        }
        Retirement r = { &n, compile(&n, &out) };
        GThread *thread = g_thread_new("retire", retire_running, &r);
        enter(&n, r.at);
        g_thread_join(thread);
        g_assert_cmphex(n.asked, ==, (uintptr_t)n.rx + r.at);
        bench_finish(&n);
    }
}

/* Runs of elements are done where the TLB has all of their page: programs/run.ir would not tell a back end that declines
 * them all. */
static void test_runs(void)
{
    enum { PAGE = 1 << PAGE_BITS, AT = TOY_RAM };
    Bench n;
    JitOutput out;
    bench_init(&n, 1, 4);
    toy_ram_init();
    uint64_t *entry = &n.context.tlb[4 * (AT / PAGE % (1 << TLB_BITS))];
    for (unsigned size = MEM_8; size <= MEM_64; size++) {
        IrRef r1 = ir_global(1), r2 = ir_global(2), r3 = ir_global(3);
        ir_block_reset(n.ir, 0x1000);
        ir_insn(n.ir, 0x1000);
        ir_mov(n.ir, ir_global(4), ir_fill(n.ir, size, r1, 0, ir_global(5), r3));
        ir_mov(n.ir, ir_global(6), ir_copy(n.ir, size, r2, 0, r1, r3));
        ir_exit_lookup(n.ir);
        uint32_t at = compile(&n, &out);
        for (unsigned count = 1; count <= PAGE >> size; count += count < 20 ? 1 : 37) {
            bool second = (uint64_t)count << size <= PAGE / 2; /* which half is the copy's */
            memset(toy_ram, 0, PAGE);
            memcpy(entry, (uint64_t[4]){ AT, AT, 0x100, (uintptr_t)toy_ram - AT }, 32);
            n.toy.r[1] = AT;
            n.toy.r[2] = second ? AT + PAGE / 2 : AT;
            n.toy.r[3] = count;
            n.toy.r[5] = UINT64_C(0x0102030405060708);
            enter(&n, at);
            g_assert_cmpuint(n.toy.r[4], ==, 1);
            g_assert_cmpuint(n.toy.r[6], ==, 1);
            for (unsigned i = 0; i < PAGE / 2; i++) {
                uint8_t want = i >> size < count ? 8 - i % (1u << size) : 0;
                g_assert_cmpuint(toy_ram[i], ==, want);
                g_assert_true(!second || toy_ram[PAGE / 2 + i] == want);
            }
            n.toy.cpu.exit_request = 1;
            memset(toy_ram, 0, PAGE);
            enter(&n, at);
            n.toy.cpu.exit_request = 0;
            g_assert_true(!n.toy.r[4] && !n.toy.r[6] && !toy_ram[0]);
        }
        entry[1] = 0x100; /* may not be written */
        n.toy.r[3] = 1;
        enter(&n, at);
        g_assert_true(!n.toy.r[4] && !n.toy.r[6] && !toy_ram[0]);
    }
    bench_finish(&n);
}

static void test_pc_table(void)
{
    static const JitPc pcs[] = {
        { 1, 0x1000 },       { 9, 0x1004 },     { 11, 0xffe },
        { 300, UINT64_MAX }, { 70000, 0x1000 }, { UINT32_MAX, INT64_MIN },
    };
    uint8_t table[256];
    uint64_t pc;
    uint8_t *end = jit_put_pcs(table, table + sizeof table, 0x1000, pcs, G_N_ELEMENTS(pcs));
    g_assert_nonnull(end);
    for (unsigned i = 0; i < G_N_ELEMENTS(pcs); i++) {
        g_assert_true(jit_find_pc(table, pcs[i].offset, 0x1000, &pc));
        g_assert_cmphex(pc, ==, pcs[i].pc);
        g_assert_false(jit_find_pc(table, pcs[i].offset - 1, 0x1000, &pc));
    }
    for (unsigned room = 0; room < 32; room++) { /* never beyond what there is */
        memset(table, 0xa5, sizeof table);
        end = jit_put_pcs(table, table + room, 0x1000, pcs, G_N_ELEMENTS(pcs));
        g_assert_true(!end || end <= table + room);
        g_assert_cmpuint(table[room], ==, 0xa5);
    }
    g_assert_nonnull(jit_put_pcs(table, table + sizeof table, 0x1000, NULL, 0));
    g_assert_false(jit_find_pc(table, 0, 0x1000, &pc));
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/tcg/backend/pc-table", test_pc_table);
    if (jit_backend) {
        g_test_add_func("/tcg/backend/jump-cache", test_jump_cache);
        g_test_add_func("/tcg/backend/chained", test_chained);
        g_test_add_func("/tcg/backend/patch", test_patch);
        g_test_add_func("/tcg/backend/runs", test_runs);
        g_test_add_func("/tcg/backend/retire", test_retire);
        g_test_add_func("/tcg/backend/retire-running", test_retire_running);
    }
    return g_test_run();
}
