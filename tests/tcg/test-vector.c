/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Each row of tcg/vop.def in each of its types: what its reference computes is what the host's instruction does, flags
 * of MXCSR included.  TCG_VECTOR_COUNT: operands a row. */
#include <stdlib.h>
#include <string.h>

#include "program.h"
#include "random.h"
#include "tcg/vector.h"

enum { MAX_FAILURES = 20 };
static unsigned failures;

typedef struct Trial {
    const TestEngine *engine;
    IrBlock *b;
    ToyCPU *toy;
} Trial;

static uint64_t random_state_of_test = 1;

static uint64_t next(void)
{
    random_state_of_test = random_state_of_test * UINT64_C(6364136223846793005) + 1442695040888963407;
    return random_state_of_test >> 16;
}

static void enter(void *opaque)
{
    Trial *t = opaque;
    t->engine->run(t->b, &t->toy->cpu);
}

/* dst, a, b and c are registers of the host (v0 to v2) or the CPU struct, alike or not. */
static void make_block(IrBlock *b, uint32_t what, IrType type)
{
    const VopInfo *v = &vop_info[vop_of(what)];
    unsigned first = type == IR_V64 ? TOY_M : TOY_V, count = type == IR_V64 ? TOY_NARROW : TOY_VECTORS;
    unsigned n = vop_operands(v);
    IrRef refs[3];
    for (unsigned k = 0; k < 3; k++) {
        refs[k] = ir_global(first + next() % count);
    }
    IrRef dst = vop_gives_int(v) ? ir_global(next() % 10)
                : next() % 2     ? refs[0]
                                 : ir_global(first + next() % count);
    if (vop_takes_int(v)) {
        refs[n - 1] = ir_global(next() % 10);
    }
    what |= v->flags & VF_IMM ? (uint32_t)(next() & 255) << VOP_IMM_SHIFT : 0;
    ir_block_reset(b, 0x1000);
    ir_insn(b, 0x1000);
    ir_vector(b, what, type, dst, refs[0], n > 1 ? refs[1] : IR_NONE, n > 2 ? refs[2] : IR_NONE);
    ir_exit_pc(b, 0x1004);
}

static void report(const IrBlock *b, const ToyCPU *before, const char *why)
{
    g_autoptr(GString) text = g_string_new(NULL);
    ir_print(b, text);
    for (unsigned n = 0; n < TOY_VECTORS; n++) {
        g_string_append_printf(text, "v%u %016lx_%016lx_%016lx_%016lx\n", n, before->v[n][3], before->v[n][2],
                               before->v[n][1], before->v[n][0]);
    }
    g_test_message("%sm0 %lx m1 %lx mxcsr %lx\n%s", text->str, before->m[0], before->m[1], before->mxcsr,
                   why);
    g_test_fail();
    failures++;
}

static void check(const TestEngine *engine, uint32_t what, IrType type)
{
    static uint8_t ram[TOY_RAM_SIZE];
    static IrBlock *b;
    ToyCPU *toy = toy_ram_init();
    b = b ? b : ir_block_new(&toy_guest);
    make_block(b, what, type);
    random_state(toy, ram, next());
    ToyCPU *want = g_memdup2(toy, sizeof(*toy)), *before = g_memdup2(toy, sizeof(*toy));
    Trial oracle = { &test_engines[0], b, want }, trial = { engine, b, toy };
    toy_catch(want, enter, &oracle);
    toy_catch(toy, enter, &trial);
    g_autoptr(GString) diff = program_compare(toy, ram, want, ram);
    if (diff->len) {
        report(b, before, diff->str);
    }
    g_free(want);
    g_free(before);
}

static bool has_type(const VopInfo *v, IrType type)
{
    return type == IR_V64    ? v->flags & (VF_64 | VF_64CALL)
           : type == IR_V128 ? !(v->flags & VF_256)
                             : !(v->flags & (VF_128 | VF_LEGACY));
}

static void test_rows(gconstpointer opaque)
{
    const TestEngine *engine = opaque;
    const char *setting = getenv("TCG_VECTOR_COUNT");
    unsigned count = setting ? (unsigned)atoi(setting) : 60;
    for (unsigned vop = 0; vop < IR_VOPS; vop++) {
        const VopInfo *v = &vop_info[vop];
        for (IrType type = IR_V64; type <= IR_V256; type++) {
            bool may_keep = type == IR_V128 && !vop_gives_int(v) && !(v->flags & VF_VEX);
            for (unsigned n = 0; has_type(v, type) && n < count && failures < MAX_FAILURES; n++) {
                bool keep = v->flags & VF_LEGACY || (may_keep && n % 2);
                check(engine, vop | (keep ? VOP_KEEP : 0), type);
            }
        }
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (unsigned n = 1; test_engines[n].name; n++) {
        g_autofree char *name = g_strdup_printf("/tcg/vector/%s", test_engines[n].name);
        if (test_engine_usable(&test_engines[n]) && strcmp(test_engines[n].name, "jit-fast") == 0) {
            g_test_add_data_func(name, &test_engines[n], test_rows);
        }
    }
    return g_test_run();
}
