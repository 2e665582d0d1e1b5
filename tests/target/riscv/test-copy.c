/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Blocks that are copied for the same code at another address are what would have been translated there: of each row of
 * the tables, and of random code. */
#include <string.h>

#include "target/riscv/translate.h"
#include "tests/accel/bare.h"

enum { CODE = 256 * 1024, TRIES = 1000, SEQUENCES = 4000, MOST = 24 };
static const uint64_t here = 0x2aaaaab000, there = 0x7fffad428000;

static uint32_t instruction(GRand *rand, unsigned n)
{
    const RiscvRow *row = &riscv_rows[n];
    uint32_t free = ~row->mask & (row->length == 2 ? 0xffff : UINT32_MAX);
    for (unsigned i = 0; i < TRIES; i++) {
        uint32_t insn = row->match | (g_rand_int(rand) & free);
        if (riscv_decode(insn, 64) == n) {
            return insn;
        }
    }
    g_error("%s: no instruction is of this row", row->name);
}

typedef struct Made {
    JitOutput out;
    JitExit exits[64];
    uint8_t code[CODE];
} Made;

/* The code at an offset of `page`, were the page at vaddr; executed at rx. */
static void make(Bare *b, const uint8_t *page, unsigned offset, uint64_t vaddr, const uint8_t *rx, Made *m)
{
    CPU *cpu = bare_cpu(b);
    TranslateCtx t = { .cpu = cpu,
                       .ir = cpu->tcg->ir,
                       .pc = vaddr + offset,
                       .key = { .mode = PRIV_U },
                       .max_insns = 128,
                       .page = page,
                       .page_start = vaddr,
                       .page_bytes = GUEST_PAGE };
    ir_block_reset(t.ir, t.pc);
    cpu->arch->translate(&t);
    ir_optimize(t.ir);
    Jit *jit = tcg_cache_jit(bare_state(b)->cache);
    g_assert_true(jit_backend->compile(jit, t.ir, m->code, rx, CODE, &m->out));
    g_assert_cmpuint(m->out.exit_count, <=, G_N_ELEMENTS(m->exits));
    memcpy(m->exits, m->out.exits, m->out.exit_count * sizeof(JitExit));
}

static bool copied_right(Bare *b, const uint8_t *page, unsigned offset)
{
    static Made first, second;
    static uint8_t copy[CODE];
    uint64_t by = there - here;
    const uint8_t *rx = (const uint8_t *)tcg_cache_head(bare_state(b)->cache) + (1 << 20);
    make(b, page, offset, here, rx, &first);
    make(b, page, offset, there, rx + CODE, &second);
    g_assert_cmpuint(!first.out.moves, ==, !second.out.moves);
    if (!first.out.moves) {
        return false;
    }
    Jit *jit = tcg_cache_jit(bare_state(b)->cache);
    /* copy() reads the block where it runs: through a distance that is that of the two places */
    g_assert_true(
        jit_backend->copy(jit, copy, first.code + CODE, first.code, first.out.size, first.out.moves, by));
    g_assert_cmpmem(copy, first.out.size, second.code, second.out.size);
    g_assert_cmpuint(first.out.exit_count, ==, second.out.exit_count);
    for (unsigned n = 0; n < first.out.exit_count; n++) {
        g_assert_cmphex(first.exits[n].pc + by, ==, second.exits[n].pc);
        g_assert_cmpuint(first.exits[n].jump, ==, second.exits[n].jump);
        g_assert_cmpuint(first.exits[n].stub, ==, second.exits[n].stub);
    }
    return true;
}

static void put(uint8_t *page, unsigned *at, uint32_t insn)
{
    memcpy(page + *at, &insn, sizeof(insn));
    *at += riscv_insn_length(insn);
}

static void test_rows(void)
{
    Bare *b = bare_new(&riscv64_arch, "max", "tcg", NULL);
    g_autoptr(GRand) rand = g_rand_new_with_seed(1);
    unsigned moved = 0, rows = 0;
    for (unsigned n = 1; n < riscv_row_count; n++) {
        uint8_t page[GUEST_PAGE] = { 0 };
        unsigned at = 0;
        if (riscv_rows[n].xlen != 32) {
            put(page, &at, instruction(rand, n));
            moved += copied_right(b, page, 0);
            rows++;
        }
    }
    g_assert_cmpuint(moved, >, rows * 9 / 10); /* all but what traps with its address, and the like */
    bare_free(b);
}

/* What position independent code is full of: auipc with what follows it, jumps, branches. */
static uint32_t likely_instruction(GRand *rand)
{
    static const uint32_t some[] = {
        0x00000517, /* auipc a0, 0 */
        0x00050513, /* addi a0, a0, 0 */
        0x0005051b, /* addiw a0, a0, 0 */
        0x00053503, /* ld a0, 0(a0) */
        0x00a53023, /* sd a0, 0(a0) */
        0x00050067, /* jalr zero, 0(a0) */
        0x000500e7, /* jalr ra, 0(a0) */
        0x00851513, /* slli a0, a0, 8 */
        0x00a00533, /* add a0, zero, a0 */
        0x00a50533, /* add a0, a0, a0 */
        0x00001537, /* lui a0, 1 */
        0x00a50463, /* beq a0, a0, 8 */
        0xfea50ee3, /* beq a0, a0, -4 */
        0x0080056f, /* jal a0, 8 */
    };
    unsigned n = g_rand_int_range(rand, 0, 2 * G_N_ELEMENTS(some)), row;
    if (n < G_N_ELEMENTS(some)) {
        return some[n] ^ (n < 2 ? g_rand_int(rand) & 0x7ff00000 : 0);
    }
    do {
        row = g_rand_int_range(rand, 1, riscv_row_count);
    } while (riscv_rows[row].xlen == 32);
    return instruction(rand, row);
}

static void test_random(void)
{
    Bare *b = bare_new(&riscv64_arch, "max", "tcg", NULL);
    g_autoptr(GRand) rand = g_rand_new_with_seed(g_test_rand_int());
    unsigned moved = 0;
    for (unsigned n = 0; n < SEQUENCES; n++) {
        uint8_t page[GUEST_PAGE] = { 0 };
        unsigned start = g_rand_int_range(rand, 0, GUEST_PAGE - 4 * MOST - 4) & ~1, at = start;
        for (unsigned k = g_rand_int_range(rand, 1, MOST); k; k--) {
            put(page, &at, likely_instruction(rand));
        }
        moved += copied_right(b, page, start);
    }
    g_assert_cmpuint(moved, >, SEQUENCES / 4);
    bare_free(b);
}

/* An address that moves and one that does not, which are the same here: the second access cannot go where the first went. */
static void test_absolute(void)
{
    static const uint32_t code[] = {
        0x00000517, /* auipc a0, 0: `here` */
        0x00053603, /* ld a2, 0(a0) */
        0x02aab5b7, /* lui a1, 0x2aab */
        0xaab58593, /* addi a1, a1, -0x555 */
        0x00c59593, /* slli a1, a1, 12: `here` */
        0x0085b683, /* ld a3, 8(a1) */
    };
    Bare *b = bare_new(&riscv64_arch, "max", "tcg", NULL);
    uint8_t page[GUEST_PAGE] = { 0 };
    unsigned at = 0;
    for (unsigned n = 0; n < G_N_ELEMENTS(code); n++) {
        put(page, &at, code[n]);
    }
    g_assert_true(copied_right(b, page, 0));
    bare_free(b);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/riscv/copy/rows", test_rows);
    g_test_add_func("/riscv/copy/random", test_random);
    g_test_add_func("/riscv/copy/absolute", test_absolute);
    return g_test_run();
}
