/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What it costs to translate real code: the 64-bit text of a file, block after block, through translator, optimizer and back
 * end.
 *
 *   x86-translation-cost FILE OFFSET BYTES     of the text in the file: readelf -S FILE */
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>

#include "accel/tcg/run.h"
#include "silicon.h"
#include "target/i386/mmu.h"
#include "target/i386/translate.h"
#include "tcg/backend.h"

enum { CODE = 1 << 20, PAGE = 4096 };

static Jit *new_jit(uint8_t *rw)
{
    JitConfig config = tcg_jit_config;
    GError *err = NULL;
    config.guest = &x86_ir_guest;
    Jit *jit = jit_backend->create(&config, rw, rw, &err);
    if (!jit) {
        g_error("%s", err->message);
    }
    return jit;
}

typedef struct Cost {
    uint64_t blocks, insns, operations, host_bytes;
} Cost;

/* The block at text + at; how many bytes it has. */
static uint64_t translate(X86CPU *x, Jit *jit, IrBlock *ir, const uint8_t *text, uint64_t at, uint8_t *rw,
                          Cost *cost)
{
    uint64_t page = at & -(uint64_t)PAGE;
    TranslateCtx ctx = { .cpu = &x->cpu,
                         .ir = ir,
                         .pc = at,
                         .max_insns = X86_MAX_BLOCK,
                         .page = text + page,
                         .page_start = page,
                         .page_bytes = PAGE };
    JitOutput out = { 0 };
    ctx.key.mode = X86_MODE_SIZE_64 | 3 << X86_MODE_CPL_SHIFT | X86_MODE_PE | X86_MODE_SS32;
    ir_block_reset(ir, at);
    ir->verify = false;
    x86_translate_block(&ctx);
    ir_optimize(ir);
    uint32_t start = jit_block_start(jit_backend->head_bytes);
    g_assert(jit_backend->compile(jit, ir, rw + start, rw + start, CODE - start, &out));
    cost->blocks++;
    cost->insns += ir->guest_insns;
    cost->operations += ir->count;
    cost->host_bytes += out.size;
    return MAX(ctx.size, 1);
}

static double seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return t.tv_sec + t.tv_nsec * 1e-9;
}

/* Blocks end where their page does: an instruction that reaches out of it is left out. */
static Cost translate_all(X86CPU *x, const uint8_t *text, uint64_t bytes, uint8_t *rw)
{
    IrBlock *ir = ir_block_new(&x86_ir_guest);
    Jit *jit = new_jit(rw);
    Cost cost = { 0 };
    for (uint64_t at = 0; at + PAGE < bytes;) {
        bool near_end = (at & (PAGE - 1)) > PAGE - X86_INSN_MAX;
        at = near_end ? (at | (PAGE - 1)) + 1 : at + translate(x, jit, ir, text, at, rw, &cost);
    }
    jit_backend->destroy(jit);
    ir_block_free(ir);
    return cost;
}

int main(int argc, char **argv)
{
    g_autofree char *file = NULL;
    gsize size;
    if (argc != 4 || !g_file_get_contents(argv[1], &file, &size, NULL)) {
        fprintf(stderr, "usage: x86-translation-cost FILE OFFSET BYTES\n");
        return 2;
    }
    uint64_t offset = strtoull(argv[2], NULL, 0), bytes = strtoull(argv[3], NULL, 0);
    if (offset > size || bytes > size - offset) {
        fprintf(stderr, "x86-translation-cost: the file is shorter than that\n");
        return 2;
    }
    SiliconGuest *guest = silicon_guest_new(GUEST_INTERP);
    X86CPU *x = silicon_guest_cpu(guest);
    uint8_t *rw = mmap(NULL, CODE, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    g_assert(rw != MAP_FAILED);
    double start = seconds();
    Cost c = translate_all(x, (const uint8_t *)file + offset, bytes, rw);
    double ns = (seconds() - start) * 1e9;
    printf(
        "%lu blocks, %lu instructions: %.0f ns, %.1f operations, %.1f host bytes an instruction; %.1f instructions a "
        "block\n",
        c.blocks, c.insns, ns / c.insns, (double)c.operations / c.insns, (double)c.host_bytes / c.insns,
        (double)c.insns / c.blocks);
    munmap(rw, CODE);
    silicon_guest_free(guest);
    return 0;
}
