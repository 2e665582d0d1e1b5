/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The toy guest: architecture, translator, machine. */
#include "toyguest.h"

#include <string.h>

#include "target/vcpu.h"
#include "tests/patience.h"
#include "tests/loop.h"
#include "util/keyval.h"

static TgCPU *tg_of(CPU *cpu)
{
    return (TgCPU *)cpu;
}

/* ---- globals, exceptions, helpers ------------------------------------------------ */

/* clang-format off */
#define REG(n) { "r" #n, offsetof(TgCPU, s.r[n]) }
static const IrGlobal globals[] = {
    REG(0), REG(1), REG(2), REG(3), REG(4), REG(5), REG(6), REG(7), REG(8), REG(9), REG(10),
    REG(11), REG(12), REG(13), REG(14), REG(15), { "pc", offsetof(TgCPU, s.pc) },
};
/* clang-format on */
static const uint16_t pinned[] = { 0, 1, 2, 3, 4, 5, 6, 7 };

static const IrGuest tg_guest = {
    .name = "toy",
    .globals = globals,
    .global_count = G_N_ELEMENTS(globals),
    .pinned = pinned,
    .pinned_count = G_N_ELEMENTS(pinned),
    .pc_offset = offsetof(TgCPU, s.pc),
    .pc_shift = 2,
    .insn_bytes = 4,
};

static void enter_vector(TgCPU *t, enum TgCause cause, uint64_t bad)
{
    t->s.epc = t->s.pc;
    t->s.cause = cause;
    t->s.bad = bad;
    t->s.enabled = 0;
    t->s.pc = TG_VECTOR;
}

static void helper_raise(CPU *cpu, uint32_t cause)
{
    cpu_restore_pc(cpu);
    enter_vector(tg_of(cpu), cause, 0);
    cpu_loop_exit(cpu);
}

static void helper_wfi(CPU *cpu, uint64_t next)
{
    tg_of(cpu)->s.pc = next;
    cpu->halted = 1;
    cpu_loop_exit(cpu);
}

static void check_interrupt(TgCPU *t)
{
    if (t->s.enabled && t->cpu.arch->has_work(&t->cpu)) {
        __atomic_store_n(&t->cpu.exit_request, 1, __ATOMIC_SEQ_CST);
    }
}

static void helper_iret(CPU *cpu)
{
    TgCPU *t = tg_of(cpu);
    t->s.pc = t->s.epc;
    t->s.enabled = 1;
    check_interrupt(t);
}

static void helper_ei(CPU *cpu, uint32_t on)
{
    tg_of(cpu)->s.enabled = on;
    check_interrupt(tg_of(cpu));
}

static void helper_space(CPU *cpu, uint64_t space)
{
    tg_of(cpu)->s.space = space;
    cpu_mmu_changed(cpu);
}

static uint64_t helper_cause(CPU *cpu, uint32_t which)
{
    const TgCPU *t = tg_of(cpu);
    return which == 0 ? t->s.cause : which == 1 ? t->s.bad : t->s.epc;
}

static void helper_clear(CPU *cpu)
{
    __atomic_store_n(&tg_of(cpu)->s.irq, 0, __ATOMIC_SEQ_CST);
}

static const IrHelper h_raise = IR_HELPER1("raise", helper_raise, IRH_FAULT, VOID, I32);
static const IrHelper h_wfi = IR_HELPER1("wfi", helper_wfi, IRH_FAULT, VOID, I64);
static const IrHelper h_iret = IR_HELPER0("iret", helper_iret, IRH_WRITES, VOID);
static const IrHelper h_ei = IR_HELPER1("ei", helper_ei, 0, VOID, I32);
static const IrHelper h_space = IR_HELPER1("space", helper_space, 0, VOID, I64);
static const IrHelper h_cause = IR_HELPER1("cause", helper_cause, 0, I64, I32);
static const IrHelper h_clear = IR_HELPER0("clear", helper_clear, 0, VOID);

static void helper_spin(CPU *cpu)
{
    cpu_give_way(cpu);
}
static const IrHelper h_spin = IR_HELPER0("spin", helper_spin, IRH_REPEAT, VOID);

/* ---- translator --------------------------------------------------------------------- */

static IrRef reg(unsigned n)
{
    return ir_global(n % TG_REGS);
}

static void call1(IrBlock *b, const IrHelper *h, IrRef arg)
{
    ir_call(b, h, IR_NONE, 1, &arg);
}

/* A branch: to the block's own start over the loop edge, else a side exit. */
static void translate_bnz(IrBlock *b, unsigned a, uint64_t target)
{
    if (target == b->pc) {
        ir_brcc(b, IR_NE, IR_I64, reg(a), ir_const(b, 0), 0);
        return;
    }
    unsigned not_taken = ir_label_new(b);
    ir_brcc(b, IR_EQ, IR_I64, reg(a), ir_const(b, 0), not_taken);
    ir_exit_pc(b, target);
    ir_label(b, not_taken);
}

/* False: the instruction ended the block. */
static bool translate_system(IrBlock *b, uint32_t insn, uint64_t pc)
{
    unsigned a = insn >> 8 & 255, op = insn & 255;
    int c = (int8_t)(insn >> 24);
    IrRef arg;
    switch (op) {
    case TG_WFI: call1(b, &h_wfi, ir_const(b, pc + 4)); break;
    case TG_IRET: ir_call(b, &h_iret, IR_NONE, 0, NULL); break;
    case TG_EI: call1(b, &h_ei, ir_const(b, c)); return true;
    case TG_GETCAUSE:
        arg = ir_const(b, c);
        ir_call(b, &h_cause, reg(a), 1, &arg);
        return true;
    case TG_CLEARIRQ: ir_call(b, &h_clear, IR_NONE, 0, NULL); return true;
    case TG_SPIN: ir_call(b, &h_spin, IR_NONE, 0, NULL); return true;
    case TG_SETSPACE:
        call1(b, &h_space, reg(a));
        ir_mov(b, ir_global(TG_REGS), ir_const(b, pc + 4));
        break;
    default: call1(b, &h_raise, ir_const(b, op == TG_CALL ? TG_CAUSE_CALL : TG_CAUSE_ILLEGAL)); break;
    }
    ir_exit_lookup(b);
    return false;
}

static bool translate_insn(IrBlock *b, uint32_t insn, uint64_t pc)
{
    unsigned a = insn >> 8 & 255, s = insn >> 16 & 255;
    int c = (int8_t)(insn >> 24);
    switch (insn & 255) {
    case TG_ADDI: ir_op2(b, IR_ADD, IR_I64, reg(a), reg(s), ir_const(b, c)); return true;
    case TG_ADD: ir_op2(b, IR_ADD, IR_I64, reg(a), reg(s), reg(c)); return true;
    case TG_SHL: ir_op2(b, IR_SHL, IR_I64, reg(a), reg(s), ir_const(b, c)); return true;
    case TG_LI: ir_mov(b, reg(a), ir_const(b, (int16_t)(insn >> 16))); return true;
    case TG_LD: ir_load(b, MEM_64, reg(a), reg(s), c * 8); return true;
    case TG_ST: ir_store(b, MEM_64, reg(a), reg(s), c * 8); return true;
    case TG_ST32: ir_store(b, MEM_32, reg(a), reg(s), c * 4); return true;
    case TG_BNZ: translate_bnz(b, a, pc + (int64_t)c * 4); return true;
    case TG_JR: ir_exit_ind(b, reg(a)); return false;
    default: return translate_system(b, insn, pc);
    }
}

/* Instructions of the block's page only. */
static bool fetch_insn(TranslateCtx *t, uint64_t pc, uint32_t *insn)
{
    bool ok = (pc ^ t->pc) / 4096 == 0 && translate_fetch(t, pc, insn, 4) == 4;
    *insn = GUINT32_FROM_LE(*insn);
    return ok;
}

static void tg_translate(TranslateCtx *t)
{
    IrBlock *b = t->ir;
    uint64_t pc = t->pc;
    uint32_t insn = 0;
    ir_label_start(b);
    for (unsigned n = 0; n < MIN(t->max_insns, 32u) && fetch_insn(t, pc, &insn); n++, pc += 4) {
        ir_insn(b, pc);
        translate_breakpoint(t, pc);
        t->size = pc + 4 - t->pc;
        if (!translate_insn(b, insn, pc)) {
            return;
        }
    }
    ir_exit_pc(b, pc);
}

/* ---- architecture ---------------------------------------------------------------------- */

static bool tg_init(CPU *cpu, const char *model, GError **err)
{
    return true;
}

static const Field tg_state[] = {
    STATE_U64(TgCPU, r),
    STATE_U64(TgCPU, pc, .reset = TG_CODE),
    STATE_U64(TgCPU, epc),
    STATE_U64(TgCPU, cause),
    STATE_U64(TgCPU, bad),
    STATE_U64(TgCPU, space),
    STATE_U32(TgCPU, irq, .shared = true),
    STATE_U32(TgCPU, enabled, .max = 1),
    { 0 },
};

static void tg_key(CPU *cpu, CpuContextKey *key)
{
    *key = (CpuContextKey){ .space = tg_of(cpu)->s.space };
}

static bool tg_walk(CPU *cpu, uint64_t vaddr, unsigned bytes, MmuAccess access, MmuResult *out,
                    MmuFault *fault)
{
    *out = (MmuResult){ .phys = vaddr, .prot = PROT_R | PROT_W | PROT_X };
    if (vaddr - TG_SPACE_BASE < TG_SPACE_SIZE) {
        out->phys = vaddr - TG_SPACE_BASE + TG_RAM + tg_of(cpu)->s.space;
    }
    uint64_t above = vaddr - TG_SPACE_BASE - TG_SPACE_SIZE;
    *fault = (MmuFault){ FAULT_WALK, access, .vaddr = vaddr, .code = TG_FAULT_CODE + above };
    return above >= 4096; /* the page above faults */
}

static bool tg_debug_walk(CPU *cpu, uint64_t vaddr, uint64_t *phys)
{
    MmuResult r;
    MmuFault fault;
    bool ok = tg_walk(cpu, vaddr, 1, MMU_READ, &r, &fault);
    *phys = r.phys;
    return ok;
}

static void tg_raise_fault(CPU *cpu, const MmuFault *fault)
{
    static const enum TgCause causes[] = {
        [FAULT_WALK] = TG_CAUSE_MMU, [FAULT_BUS] = TG_CAUSE_BUS, [FAULT_ALIGN] = TG_CAUSE_ALIGN
    };
    TgCPU *t = tg_of(cpu);
    t->fault_access = fault->access;
    t->fault_mop = fault->mop;
    t->fault_code = fault->code;
    enter_vector(t, causes[fault->kind], fault->vaddr);
}

static bool line_is_high(CPU *cpu)
{
    return __atomic_load_n(&tg_of(cpu)->s.irq, __ATOMIC_SEQ_CST);
}

static bool tg_has_work(CPU *cpu)
{
    return line_is_high(cpu) || cpu_int_pending(cpu);
}

/* The line first; `bad` is the vector of the board's source. */
static bool tg_take_interrupt(CPU *cpu)
{
    TgCPU *t = tg_of(cpu);
    int vector = 0;
    if (!t->s.enabled || !tg_has_work(cpu)) {
        return false;
    }
    if (!line_is_high(cpu) && (vector = cpu_int_acknowledge(cpu)) < 0) {
        return false;
    }
    enter_vector(t, TG_CAUSE_IRQ, vector);
    t->taken++;
    return true;
}

static uint64_t tg_asid(uint64_t space)
{
    return space;
}

/* clang-format off */
#define TG_COLUMNS \
    .name = "toy", \
    .cpu_size = sizeof(TgCPU), \
    .guest = &tg_guest, \
    .init = tg_init, \
    .state = { { tg_state } }, \
    .state_offset = offsetof(TgCPU, s), \
    .state_size = sizeof(struct TgState), \
    .context_key = tg_key, \
    .walk = tg_walk, \
    .raise_fault = tg_raise_fault, \
    .translate = tg_translate, \
    .has_work = tg_has_work, \
    .take_interrupt = tg_take_interrupt, \
    .space_asid = tg_asid, \
    .debug_walk = tg_debug_walk
/* clang-format on */

const CPUArch tg_arch = { TG_COLUMNS };
const CPUArch tg_coherent_arch = { .coherent_fetch = true, TG_COLUMNS };

/* ---- machine ------------------------------------------------------------------------------ */

static BusResult device_read(void *opaque, hwaddr offset, unsigned size, uint64_t *value)
{
    TgMachine *t = opaque;
    *value = offset == TG_DONE ? t->done : 0x1234;
    return BUS_OK;
}

static BusResult device_write(void *opaque, hwaddr offset, unsigned size, uint64_t value)
{
    TgMachine *t = opaque;
    TgCPU *target = value < t->m.cpu_count ? tg_cpu(t, value) : NULL;
    if (offset == TG_DONE) {
        __atomic_add_fetch(&t->done, 1, __ATOMIC_SEQ_CST);
    } else if (offset == TG_LOG) {
        t->log[t->logged % G_N_ELEMENTS(t->log)] = value;
        __atomic_add_fetch(&t->logged, 1, __ATOMIC_SEQ_CST);
    } else if (target) {
        __atomic_store_n(&target->s.irq, offset == TG_IRQ_SET, __ATOMIC_SEQ_CST);
        if (offset == TG_IRQ_SET) {
            cpu_request_exit(&target->cpu);
        }
    }
    return BUS_OK;
}

static const IoOps device_ops = { device_read, device_write, 4, 8 };

TgMachine *tg_machine_new(const char *accel, const char *options, unsigned cpus)
{
    return tg_machine_new_of(&tg_arch, accel, options, cpus);
}

TgMachine *tg_machine_new_of(const CPUArch *arch, const char *accel, const char *options, unsigned cpus)
{
    g_autoptr(GError) err = NULL;
    struct json_object *values = keyval_read(options ? options : "", NULL, &err);
    TgMachine *t = g_new0(TgMachine, 1);
    Machine *m = &t->m;
    memory_region_init_container(&m->system, NULL, "system", UINT64_MAX);
    g_assert_true(memory_region_init_ram(&m->ram, NULL, "ram", TG_RAM_SIZE, &err));
    memory_region_init_io(&t->mmio, NULL, &device_ops, t, "device", 0x1000);
    memory_region_add(&m->system, TG_RAM, &m->ram, 0);
    memory_region_add(&m->system, TG_MMIO, &t->mmio, 0);
    m->memory = address_space_new(&m->system, "memory");
    m->loop = test_loop();
    m->clock = test_clock();
    t->accel = m->accel = accel_open(accel, NULL, test_loop(), values, &err);
    keyval_free(values);
    g_assert_no_error(err);
    for (unsigned i = 0; i < cpus; i++) {
        CPU *cpu = machine_add_cpu(m, arch, NULL, &err);
        g_assert_no_error(err);
        cpu_reset(cpu);
    }
    g_assert_true(m->accel->class->start(m->accel, &err));
    return t;
}

void tg_machine_free(TgMachine *t)
{
    Machine *m = &t->m;
    t->accel->class->close(t->accel);
    for (unsigned i = 0; i < m->cpu_count; i++) {
        cpu_free(m->cpus[i]);
    }
    address_space_free(m->memory);
    memory_region_remove(&m->system, &m->ram);
    memory_region_remove(&m->system, &t->mmio);
    memory_region_finish(&m->ram);
    memory_region_finish(&t->mmio);
    memory_region_finish(&m->system);
    g_free(t);
}

TgCPU *tg_cpu(TgMachine *t, unsigned n)
{
    return tg_of(t->m.cpus[n]);
}

uint8_t *tg_ram(TgMachine *t, uint64_t addr)
{
    return t->m.ram.ram->host + (addr - TG_RAM);
}

uint64_t tg_code(TgMachine *t, uint64_t addr, const uint32_t *words, unsigned n)
{
    g_assert(dma_write(t->m.memory, addr, words, 4 * n) == BUS_OK);
    return addr + 4 * n;
}

bool tg_wait(const uint32_t *word, uint32_t value)
{
    gint64 end = g_get_monotonic_time() + TEST_PATIENCE_US;
    while (__atomic_load_n(word, __ATOMIC_SEQ_CST) < value) {
        if (g_get_monotonic_time() > end) {
            return false;
        }
        if (!g_main_context_iteration(event_loop_context(test_loop()), FALSE)) {
            g_usleep(200);
        }
    }
    return true;
}
