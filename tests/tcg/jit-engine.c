/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Runs a test program through the x86-64 back end, with a run time that is as small as
 * can be: every exit leaves.  `slow`: the TLB is empty, each access takes the cold path;
 * else the test RAM is entered. */
#include "jit-engine.h"

#include <string.h>
#include <sys/mman.h>

#include "accel/tcg.h"
#include "tcg/x86_64/x86_64.h"

typedef struct Entry {
    uint64_t rd, wr, ex, addend;
} Entry;
enum { TLB_BITS = 12, JUMP_BITS = 4, CODE_BYTES = 1 << 20 };

static struct {
    Entry tlb[1 << TLB_BITS];
    uint64_t jumps[2 << JUMP_BITS];
} context;
static Jit *jit;
static uint8_t *rw, *rx;
static JitOutput out;
static uintptr_t *frame;
static const IrBlock *block;

static void restore_pc(CPU *cpu)
{
    uint64_t pc;
    uint32_t offset = *frame - (uintptr_t)(rx + JIT_HEAD);
    g_assert(jit_find_pc(rx + JIT_HEAD + out.pc_table, offset, block->pc, &pc));
    ((ToyCPU *)cpu)->pc = pc;
}

static uint64_t engine_load(CPU *cpu, uint64_t vaddr, uint32_t mop)
{
    uint64_t old = ((ToyCPU *)cpu)->pc;
    restore_pc(cpu);
    uint64_t v = cpu_load(cpu, vaddr, mop);
    ((ToyCPU *)cpu)->pc = old;
    return v;
}

static void engine_store(CPU *cpu, uint64_t vaddr, uint32_t mop, uint64_t value)
{
    uint64_t old = ((ToyCPU *)cpu)->pc;
    restore_pc(cpu);
    cpu_store(cpu, vaddr, mop, value);
    ((ToyCPU *)cpu)->pc = old;
}

static const void *engine_next(CPU *cpu, void **ctx)
{
    *ctx = &context;
    return jit_leave(jit);
}

static const void *engine_chain(CPU *cpu, void **ctx, uintptr_t where)
{
    for (unsigned n = 0; n < out.exit_count; n++)
        if ((uintptr_t)(rx + JIT_HEAD + out.exits[n].stub) == where) {
            ((ToyCPU *)cpu)->pc = out.exits[n].pc;
            return engine_next(cpu, ctx);
        }
    g_assert_not_reached();
}

static void engine_init(void)
{
    int fd = memfd_create("code", MFD_CLOEXEC);
    g_assert(fd >= 0 && ftruncate(fd, CODE_BYTES) == 0);
    rw = mmap(NULL, CODE_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    rx = mmap(NULL, CODE_BYTES, PROT_READ | PROT_EXEC, MAP_SHARED, fd, 0);
    g_assert(rw != MAP_FAILED && rx != MAP_FAILED);
    const JitConfig config = {
        .guest = &toy_guest, .page_bits = 12, .tlb_bits = TLB_BITS,
        .tlb_rd = offsetof(Entry, rd), .tlb_wr = offsetof(Entry, wr),
        .tlb_addend = offsetof(Entry, addend), .jumps = sizeof(context.tlb),
        .jump_bits = JUMP_BITS, .exit_request = offsetof(CPU, exit_request),
        .load = engine_load, .store = engine_store,
        .next = engine_next, .next_mode = engine_next, .chain = engine_chain,
    };
    g_autoptr(GError) err = NULL;
    jit = jit_new(&config, rw, rx, &err);
    g_assert_no_error(err);
    memset(context.jumps, 0xa5, sizeof(context.jumps)); /* a pc that no program has */
}

static void run(const IrBlock *b, CPU *cpu, bool fast)
{
    if (!jit)
        engine_init();
    for (unsigned n = 0; n < G_N_ELEMENTS(context.tlb); n++)
        context.tlb[n] = (Entry){ 1, 1, 1, 0 };
    for (uint64_t at = TOY_RAM; fast && at < TOY_RAM + TOY_RAM_SIZE; at += 4096)
        context.tlb[at >> 12] = (Entry){ at, at, 1, (uintptr_t)toy_ram - TOY_RAM };
    block = b;
    g_assert(jit_compile(jit, b, rw + JIT_HEAD, rx + JIT_HEAD, CODE_BYTES - JIT_HEAD, &out));
    jit_enter(jit, cpu, &context, rx + JIT_HEAD, &frame);
}

void jit_engine_slow(const IrBlock *b, CPU *cpu)
{
    run(b, cpu, false);
}

void jit_engine_fast(const IrBlock *b, CPU *cpu)
{
    run(b, cpu, true);
}
