/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See flat.h.
 *
 * Not modelled: interrupts, devices; TLBs (every access walks). */
#include "flat.h"

#include "tcg/backend.h"
#include "tests/loop.h"

#include <setjmp.h>
#include <string.h>

enum { FLAT_PAGE = 4096 };

struct Flat {
    RiscvCPU *r;
    uint8_t *ram;
    uint64_t base, size;
    bool optimize;
    void (*rival)(uint8_t *ram);
    unsigned pauses;
    bool stale; /* code was written: drop blocks before the next one */
    uint64_t space;
    GHashTable *blocks;  /* pc and mode -> IrBlock */
    uint8_t *code_pages; /* per page of RAM: has blocks */
    sigjmp_buf out;
    VcpuOps ops;
};

static Flat *current; /* the run time's functions get a CPU only */

/* ---- leaving ------------------------------------------------------------- */

void cpu_restore_pc(CPU *cpu)
{
    /* The interpreter keeps pc up to date. */
}

void cpu_loop_exit(CPU *cpu)
{
    siglongjmp(current->out, 1);
}

/* ---- memory -------------------------------------------------------------- */

/* Host address, NULL if it is not RAM; walk failures leave. */
static uint8_t *translate(CPU *cpu, uint64_t vaddr, MmuAccess access)
{
    MmuResult found = { .phys = vaddr };
    MmuFault fault;

    if (!cpu->arch->walk(cpu, vaddr, 1, access, &found, &fault)) {
        cpu->arch->raise_fault(cpu, &fault);
        cpu_loop_exit(cpu);
    }
    if (found.phys - current->base >= current->size) {
        return NULL;
    }
    uint64_t offset = found.phys - current->base;
    if (access == MMU_WRITE && current->code_pages[offset / FLAT_PAGE]) {
        current->stale = true;
    }
    return current->ram + offset;
}

static uint8_t *translate_ram(CPU *cpu, uint64_t vaddr, MmuAccess access)
{
    uint8_t *p = translate(cpu, vaddr, access);

    if (!p) {
        cpu->arch->raise_fault(cpu, &(MmuFault){ .kind = FAULT_BUS, .access = access, .vaddr = vaddr });
        cpu_loop_exit(cpu);
    }
    return p;
}

static void check_aligned(CPU *cpu, uint64_t vaddr, MemOp mop, MmuAccess access)
{
    if (mop & MEM_ALIGN && vaddr % memop_bytes(mop)) {
        cpu->arch->raise_fault(cpu, &(MmuFault){ .kind = FAULT_ALIGN, .access = access, .vaddr = vaddr });
        cpu_loop_exit(cpu);
    }
}

uint64_t cpu_load(CPU *cpu, uint64_t vaddr, MemOp mop)
{
    unsigned bytes = memop_bytes(mop);
    uint64_t value = 0;

    check_aligned(cpu, vaddr, mop, MMU_READ);
    for (unsigned i = 0; i < bytes; i++) {
        value |= (uint64_t)*translate_ram(cpu, vaddr + i, MMU_READ) << 8 * i;
    }
    if (mop & MEM_SIGN) {
        value = (uint64_t)((int64_t)(value << (64 - 8 * bytes)) >> (64 - 8 * bytes));
    }
    return value;
}

void cpu_store(CPU *cpu, uint64_t vaddr, MemOp mop, uint64_t value)
{
    unsigned bytes = memop_bytes(mop);

    translate_ram(cpu, vaddr + bytes - 1, MMU_WRITE);
    for (unsigned i = 0; i < bytes; i++) {
        *translate_ram(cpu, vaddr + i, MMU_WRITE) = (uint8_t)(value >> 8 * i);
    }
}

uint64_t cpu_atomic(CPU *cpu, uint64_t vaddr, MemOp mop, IrOp op, uint64_t value, uint64_t expected)
{
    check_aligned(cpu, vaddr, mop, MMU_WRITE);
    return ir_atomic(translate_ram(cpu, vaddr, MMU_WRITE), mop, op, value, expected);
}

void *cpu_atomic_host(CPU *cpu, uint64_t vaddr, unsigned bytes, bool reads)
{
    return translate(cpu, vaddr, MMU_WRITE);
}

void cpu_fetch_fence(CPU *cpu)
{
}

void cpu_give_way(CPU *cpu)
{
    current->pauses++;
}

void cpu_probe(CPU *cpu, uint64_t vaddr, unsigned bytes, MmuAccess access)
{
    translate_ram(cpu, vaddr, access);
}

bool cpu_phys_load(CPU *cpu, uint64_t phys, MemOp mop, uint64_t *value)
{
    *value = 0;
    if (phys - current->base >= current->size) {
        return false;
    }
    memcpy(value, current->ram + (phys - current->base), memop_bytes(mop));
    return true;
}

bool cpu_phys_cas(CPU *cpu, uint64_t phys, MemOp mop, uint64_t expected, uint64_t value, bool *swapped)
{
    uint64_t old;

    if (current->rival) {
        current->rival(current->ram);
    }
    if (!cpu_phys_load(cpu, phys, mop, &old)) {
        return false;
    }
    *swapped = old == expected;
    if (*swapped) {
        memcpy(current->ram + (phys - current->base), &value, memop_bytes(mop));
    }
    return true;
}

static void flush(CPU *cpu, CpuFlush what, uint64_t vaddr, uint64_t asid)
{
    if (current) {
        current->stale = true;
    }
}

/* ---- for the translator -------------------------------------------------- */

unsigned translate_fetch(TranslateCtx *t, uint64_t vaddr, void *buf, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        MmuResult found = { .phys = vaddr + i };
        MmuFault fault;
        if (!t->cpu->arch->walk(t->cpu, vaddr + i, 1, MMU_EXEC, &found, &fault) ||
            found.phys - current->base >= current->size) {
            return i;
        }
        uint64_t offset = found.phys - current->base;
        current->code_pages[offset / FLAT_PAGE] = 1;
        ((uint8_t *)buf)[i] = current->ram[offset];
    }
    return n;
}

static void helper_fetch_fault(CPU *cpu, uint64_t vaddr)
{
    translate_ram(cpu, vaddr, MMU_EXEC);
    cpu_loop_exit(cpu);
}
static const IrHelper fetch_fault = IR_HELPER1("fetch_fault", helper_fetch_fault, IRH_FAULT, VOID, I64);

void translate_fetch_fault(TranslateCtx *t, uint64_t vaddr)
{
    IrRef arg = ir_const(t->ir, (int64_t)vaddr);
    ir_call(t->ir, &fetch_fault, IR_NONE, 1, &arg);
    ir_exit_lookup(t->ir);
}

void translate_breakpoint(TranslateCtx *t, uint64_t vaddr)
{
}

static const IrRuntime runtime = {
    .load = cpu_load,
    .store = cpu_store,
    .atomic = cpu_atomic,
    .exit_request = offsetof(CPU, exit_request),
};

/* ---- running ------------------------------------------------------------- */

Flat *flat_new(const CPUArch *arch, const char *model, uint64_t base, uint64_t size)
{
    Flat *m = g_new0(Flat, 1);
    GError *err = NULL;

    m->base = base;
    m->size = size;
    m->ram = g_malloc0(size);
    m->code_pages = g_malloc0(size / FLAT_PAGE + 1);
    m->blocks = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, (GDestroyNotify)ir_block_free);
    m->ops = vcpu_ops_none;
    m->ops.flush = flush;
    m->r = g_malloc0(arch->cpu_size);
    m->r->cpu.clock = test_clock();
    m->r->cpu.arch = arch;
    m->r->cpu.ops = &m->ops;
    if (!arch->init(&m->r->cpu, model, &err)) {
        g_error("%s", err->message);
    }
    current = m;
    cpu_reset(&m->r->cpu);
    m->r->s.mstatus |= MSTATUS_FS;
    return m;
}

void flat_free(Flat *m)
{
    m->r->cpu.arch->finish(&m->r->cpu);
    g_hash_table_destroy(m->blocks);
    g_free(m->r);
    g_free(m->code_pages);
    g_free(m->ram);
    g_free(m);
    current = NULL;
}

RiscvCPU *flat_cpu(Flat *m)
{
    return m->r;
}

uint8_t *flat_ram(Flat *m)
{
    return m->ram;
}

void flat_set_optimize(Flat *m, bool on)
{
    m->optimize = on;
}

void flat_set_rival(Flat *m, void (*fn)(uint8_t *ram))
{
    current = m;
    m->rival = fn;
}

unsigned flat_pauses(const Flat *m)
{
    return m->pauses;
}

void flat_forget_code(Flat *m)
{
    g_hash_table_remove_all(m->blocks);
    memset(m->code_pages, 0, m->size / FLAT_PAGE + 1);
    m->stale = false;
}

/* The block at pc; faults of the fetch leave. */
static IrBlock *find_block(Flat *m, unsigned max_insns)
{
    CPU *cpu = &m->r->cpu;
    CpuContextKey key;

    cpu->arch->context_key(cpu, &key);
    if (m->stale || key.space != m->space) {
        flat_forget_code(m);
        m->space = key.space;
    }
    int64_t name = (int64_t)(m->r->s.pc ^ (uint64_t)key.mode << 56);
    IrBlock *b = g_hash_table_lookup(m->blocks, &name);
    if (b) {
        return b;
    }
    b = ir_block_new(cpu->arch->guest);
    ir_block_reset(b, m->r->s.pc);
    TranslateCtx ctx = { .cpu = cpu,
                         .ir = b,
                         .pc = m->r->s.pc,
                         .key = key,
                         .max_insns = max_insns,
                         .page_start = m->r->s.pc & -(uint64_t)FLAT_PAGE,
                         .page_bytes = FLAT_PAGE };
    cpu->arch->translate(&ctx);
    b->verify = true;
    ir_verify_pass(b, "translate");
    if (m->optimize) {
        ir_optimize(b);
    }
    g_hash_table_insert(m->blocks, g_memdup2(&name, sizeof(name)), b);
    return b;
}

bool flat_run(Flat *m, uint64_t stop, uint64_t max_insns)
{
    volatile uint64_t left = max_insns;

    current = m;
    while (m->r->s.pc != stop && left) {
        if (sigsetjmp(m->out, 0) == 0) {
            IrBlock *b = find_block(m, 64);
            left -= MIN(left, b->guest_insns);
            m->r->cpu.exit_request = 1; /* loop edges return */
            ir_interpret(b, &m->r->cpu, &runtime);
        }
    }
    return m->r->s.pc == stop;
}
