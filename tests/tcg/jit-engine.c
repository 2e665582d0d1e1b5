/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Runs a test program through the back end of this host, with a run time that is as small as
 * can be: every exit leaves.  `slow`: the TLB is empty, each access takes the cold path;
 * `moving`: it has every other page, and each cold path changes which, and where RAM is in the host; else the
 * test RAM is entered. */
#include "jit-engine.h"

#include <string.h>
#include <sys/mman.h>

typedef struct Entry {
    uint64_t rd, wr, ex, addend;
} Entry;
#define NEVER UINT64_C(0x100) /* a tag: see JitConfig */
enum { ENGINE_TLB_BITS = 12, ENGINE_JUMP_BITS = 4, CODE_BYTES = 1 << 20 };

static struct {
    Entry tlb[1 << ENGINE_TLB_BITS];
    uint64_t jumps[2 << ENGINE_JUMP_BITS];
} context;
static Jit *jit;
static uint32_t jit_random; /* of jit */
static uint8_t *rw, *rx;
static uint32_t head; /* jit_backend->head_bytes */
static JitOutput out;
static uintptr_t *frame;
static const IrBlock *block;

static void restore_pc(CPU *cpu)
{
    uint64_t pc;
    uint32_t offset = *frame - (uintptr_t)(rx + head);
    g_assert(jit_find_pc(rx + head + out.pc_table, offset, block->pc, &pc));
    ((ToyCPU *)cpu)->pc = pc;
}

enum { SERVE_NONE, SERVE_ALL, SERVE_EVEN, SERVE_ODD };
static unsigned serve; /* which pages of RAM the TLB has */

static void fill_tlb(void)
{
    for (uint64_t at = TOY_RAM; at < TOY_RAM + TOY_RAM_SIZE; at += 4096) {
        bool has = serve == SERVE_ALL || serve == SERVE_EVEN + (at >> 12) % 2;
        context.tlb[at >> 12] =
            has ? (Entry){ at, at, NEVER, (uintptr_t)toy_ram - TOY_RAM } : (Entry){ NEVER, NEVER, NEVER, 0 };
    }
}

/* Behind an access that took the cold path: what blocks found in the TLB before is wrong now. */
static void move_ram(void)
{
    static uint8_t other[2][TOY_RAM_SIZE];
    if (serve < SERVE_EVEN) {
        return;
    }
    uint8_t *to = other[toy_ram == other[0]];
    memcpy(to, toy_ram, TOY_RAM_SIZE);
    memset(toy_ram, 0xa5, TOY_RAM_SIZE);
    toy_ram = to;
    serve ^= SERVE_EVEN ^ SERVE_ODD;
    fill_tlb();
}

static uint64_t engine_load(CPU *cpu, uint64_t vaddr, MemOp mop)
{
    uint64_t old = ((ToyCPU *)cpu)->pc;
    restore_pc(cpu);
    uint64_t v = toy_runtime.load(cpu, vaddr, mop);
    move_ram();
    ((ToyCPU *)cpu)->pc = old;
    return v;
}

static void engine_store(CPU *cpu, uint64_t vaddr, MemOp mop, uint64_t value)
{
    uint64_t old = ((ToyCPU *)cpu)->pc;
    restore_pc(cpu);
    toy_runtime.store(cpu, vaddr, mop, value);
    move_ram();
    ((ToyCPU *)cpu)->pc = old;
}

static uint64_t engine_atomic(CPU *cpu, uint64_t vaddr, MemOp mop, IrOp op, uint64_t value, uint64_t expected)
{
    uint64_t old = ((ToyCPU *)cpu)->pc;
    restore_pc(cpu);
    uint64_t v = toy_runtime.atomic(cpu, vaddr, mop, op, value, expected);
    move_ram();
    ((ToyCPU *)cpu)->pc = old;
    return v;
}

static void engine_load_vector(CPU *cpu, uint64_t vaddr, MemOp mop, uint64_t v[4])
{
    uint64_t old = ((ToyCPU *)cpu)->pc;
    restore_pc(cpu);
    toy_runtime.load_vector(cpu, vaddr, mop, v);
    move_ram();
    ((ToyCPU *)cpu)->pc = old;
}

static void engine_store_vector(CPU *cpu, uint64_t vaddr, MemOp mop, const uint64_t v[4])
{
    uint64_t old = ((ToyCPU *)cpu)->pc;
    restore_pc(cpu);
    toy_runtime.store_vector(cpu, vaddr, mop, v);
    move_ram();
    ((ToyCPU *)cpu)->pc = old;
}

static const void *engine_next(CPU *cpu, void **ctx)
{
    *ctx = &context;
    return jit_backend->leave(jit);
}

static const void *engine_chain(CPU *cpu, void **ctx, uintptr_t where)
{
    for (unsigned n = 0; n < out.exit_count; n++) {
        if ((uintptr_t)(rx + head + out.exits[n].stub) == where) {
            ((ToyCPU *)cpu)->pc = out.exits[n].pc;
            return engine_next(cpu, ctx);
        }
    }
    g_assert_not_reached();
}

static const void *engine_retired(CPU *cpu, void **ctx, uintptr_t code)
{
    g_assert_not_reached(); /* nothing is */
}

static void make_jit(uint32_t random)
{
    const JitConfig config = {
        .guest = &toy_guest,
        .run = { engine_load, engine_store, engine_atomic, offsetof(CPU, exit_request), engine_load_vector,
                 engine_store_vector },
        .random = random,
        .page_bits = 12,
        .tlb_bits = ENGINE_TLB_BITS,
        .tlb_rd = offsetof(Entry, rd),
        .tlb_wr = offsetof(Entry, wr),
        .tlb_addend = offsetof(Entry, addend),
        .jumps = sizeof(context.tlb),
        .jump_bits = ENGINE_JUMP_BITS,
        .next = engine_next,
        .next_mode = engine_next,
        .chain = engine_chain,
        .retired = engine_retired,
    };
    g_autoptr(GError) err = NULL;
    jit = jit_backend->create(&config, rw, rx, &err);
    g_assert_no_error(err);
    jit_random = random;
}

static void engine_init(void)
{
    head = jit_block_start(jit_backend->head_bytes);
    int fd = memfd_create("code", MFD_CLOEXEC);
    g_assert(fd >= 0 && ftruncate(fd, CODE_BYTES) == 0);
    rw = mmap(NULL, CODE_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    rx = mmap(NULL, CODE_BYTES, PROT_READ | PROT_EXEC, MAP_SHARED, fd, 0);
    g_assert(rw != MAP_FAILED && rx != MAP_FAILED);
    memset(context.jumps, 0xa5, sizeof(context.jumps)); /* a pc that no program has */
}

static void need_jit(uint32_t random)
{
    if (!rw) {
        engine_init();
    }
    if (!jit || jit_random != random) {
        jit_backend->destroy(jit);
        make_jit(random);
    }
}

/* random: JitConfig.random */
static void run(const IrBlock *b, CPU *cpu, unsigned pages, uint32_t random)
{
    need_jit(random);
    for (unsigned n = 0; n < G_N_ELEMENTS(context.tlb); n++) {
        context.tlb[n] = (Entry){ NEVER, NEVER, NEVER, 0 };
    }
    serve = pages;
    fill_tlb();
    block = b;
    g_assert(jit_backend->compile(jit, b, rw + head, rx + head, CODE_BYTES - head, &out));
    jit_backend->enter(jit, cpu, &context, rx + head, &frame);
}

void jit_engine_slow(const IrBlock *b, CPU *cpu)
{
    run(b, cpu, SERVE_NONE, 0);
}

void jit_engine_fast(const IrBlock *b, CPU *cpu)
{
    run(b, cpu, SERVE_ALL, 0);
}

void jit_engine_moving(const IrBlock *b, CPU *cpu)
{
    run(b, cpu, SERVE_EVEN, 0);
}

/* Values that differ from run to run: places in the code become code+OFFSET, other host
 * addresses HOST. */
static gboolean replace_address(const GMatchInfo *match, GString *out, gpointer opaque)
{
    g_autofree char *hex = g_match_info_fetch(match, 0);
    uint64_t v = g_ascii_strtoull(hex, NULL, 16);
    if (v - (uintptr_t)rx < CODE_BYTES) {
        uint64_t at = v - (uintptr_t)rx;
        if (at < head) {
            g_string_append(out, "STUB");
        } else {
            g_string_append_printf(out, "code+0x%lx", at - head);
        }
    } else {
        g_string_append(out, v >> 32 >= 0x5000 && v >> 48 == 0 ? "HOST" : hex);
    }
    return FALSE;
}

void jit_engine_print(const IrBlock *b, GString *out)
{
#ifdef CONFIG_CAPSTONE
    need_jit(0);
    JitOutput code;
    g_autoptr(GString) text = g_string_new(NULL);
    g_autoptr(GRegex) address = g_regex_new("^  [0-9a-f]+  ", G_REGEX_MULTILINE, 0, NULL);
    g_autoptr(GRegex) number = g_regex_new("0x[0-9a-f]{8,}", 0, 0, NULL);
    g_autoptr(GRegex) table = g_regex_new("rip [-+] 0x[0-9a-f]+", 0, 0, NULL);
    g_assert(jit_backend->compile(jit, b, rw + head, rx + head, CODE_BYTES - head, &code));
    jit_backend->print(rx + head, code.pc_table, text);
    g_autofree char *bare = g_regex_replace_literal(address, text->str, -1, 0, "    ", 0, NULL);
    g_autofree char *stable = g_regex_replace_eval(number, bare, -1, 0, 0, replace_address, NULL, NULL);
    g_autofree char *done = g_regex_replace_literal(table, stable, -1, 0, "rip + HELPER", 0, NULL);
    /* How far before the registers the CPU struct begins is nothing to pin.  They are at rbp - 128. */
    g_autofree char *start = g_strdup_printf("rbp - 0x%zx", offsetof(ToyCPU, r) + 128);
    g_string_append(out, done);
    g_string_replace(out, start, "CPU", 0);
#endif
}

/* The choice of registers follows from the block, so that a program that failed fails again. */
void jit_engine_random(const IrBlock *b, CPU *cpu)
{
    uint32_t seed = b->count;
    const uint8_t *bytes = (const uint8_t *)b->ops;
    for (size_t n = 0; n < b->count * sizeof(*b->ops); n++) {
        seed = (seed ^ bytes[n]) * 16777619;
    }
    run(b, cpu, seed & 2, seed | 1);
}
