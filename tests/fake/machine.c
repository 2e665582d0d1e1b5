/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See machine.h. */
#include "machine.h"

#include <string.h>

#include "tests/loop.h"
#include "monitor/monitor.h"
#include "tcg/ir.h"

FakeAccel fake_accel;

/* ---- architecture ---- */

static const char *const x_names[] = {
    "zero", "ra", "sp", "gp", "tp", "t0", "t1", "t2", "fp", "s1", "a0",  "a1",  "a2", "a3", "a4", "a5",
    "a6",   "a7", "s2", "s3", "s4", "s5", "s6", "s7", "s8", "s9", "s10", "s11", "t3", "t4", "t5", "t6",
};

static const CPURegister *fake_registers(CPU *cpu, unsigned *count)
{
    static CPURegister regs[37];
    for (unsigned i = 0; i < 32; i++) {
        regs[i] = (CPURegister){ x_names[i], "org.gnu.gdb.riscv.cpu", "int", 64, i, i };
    }
    regs[32] = (CPURegister){ "pc", "org.gnu.gdb.riscv.cpu", "code_ptr", 64, 32, -1 };
    regs[33] = (CPURegister){ "ft0", "org.gnu.gdb.riscv.fpu", "riscv_double", 64, 33, -1 };
    regs[34] = (CPURegister){ "ft1", "org.gnu.gdb.riscv.fpu", "riscv_double", 64, 34, -1 };
    regs[35] = (CPURegister){ "mstatus", "org.gnu.gdb.riscv.csr", "int", 32, 35, 833 };
    regs[36] = (CPURegister){ "v0", "org.lyrebird.fake", "uint128", 128, 36, 900 };
    *count = 37;
    return regs;
}

static void *slot(CPU *cpu, unsigned number)
{
    struct FakeState *s = &((FakeCpu *)cpu)->s;
    return number < 32    ? (void *)&s->x[number]
           : number == 32 ? (void *)&s->pc
           : number < 35  ? (void *)&s->f[number - 33]
           : number == 36 ? (void *)s->v0
                          : NULL;
}

static void fake_get(CPU *cpu, const CPURegister *r, void *bytes)
{
    static const uint64_t mstatus = 0x1800;
    const void *p = slot(cpu, r->number);
    memcpy(bytes, p ? p : &mstatus, r->bits / 8);
}

static bool fake_set(CPU *cpu, const CPURegister *r, const void *bytes)
{
    void *p = slot(cpu, r->number);
    if (p && r->number) {
        memcpy(p, bytes, r->bits / 8);
    }
    return p;
}

static bool fake_init(CPU *cpu, const char *model, GError **err)
{
    return true;
}

static bool fake_debug_walk(CPU *cpu, uint64_t vaddr, uint64_t *phys)
{
    *phys = vaddr;
    return true;
}

static void fake_reset(CPU *cpu)
{
    ((FakeCpu *)cpu)->resets++;
    ((FakeCpu *)cpu)->s.pc = FAKE_RAM;
}

static void fake_set_pc(CPU *cpu, uint64_t pc)
{
    ((FakeCpu *)cpu)->s.pc = pc;
}

static void fake_dump(CPU *cpu, GString *out)
{
    g_string_append_printf(out, " pc %016" G_GINT64_MODIFIER "x\n", ((FakeCpu *)cpu)->s.pc);
}

static void fake_dump_mmu(CPU *cpu, GString *out)
{
    g_string_append(out, "No translation or protection\n");
}

static void fake_context_key(CPU *cpu, CpuContextKey *key)
{
}

static unsigned fake_disassemble(uint32_t mode, uint64_t pc, const uint8_t *bytes, unsigned available,
                                 GString *out)
{
    g_string_append_printf(out, "op%u", bytes[0]);
    return available < 4 ? 0 : 4;
}

static const CPUGroupTypes fake_gdb_types[] = {
    { "org.gnu.gdb.riscv.fpu", "<union id=\"riscv_double\"></union>\n" },
    { NULL, NULL },
};
static const CPUAlias fake_aliases[] = { { "s0", "fp" }, { NULL, NULL } };
static const IrGuest fake_guest = { .pc_offset = offsetof(FakeCpu, s.pc) };
static const CPUArch fake_arch = {
    .name = "riscv64",
    .type_suffix = "riscv-cpu",
    .gdb_name = "riscv:rv64",
    .gdb_types = fake_gdb_types,
    .aliases = fake_aliases,
    .cpu_size = sizeof(FakeCpu),
    .guest = &fake_guest,
    .init = fake_init,
    .reset = fake_reset,
    .context_key = fake_context_key,
    .debug_walk = fake_debug_walk,
    .registers = fake_registers,
    .get_register = fake_get,
    .set_register = fake_set,
    .dump = fake_dump,
    .dump_mmu = fake_dump_mmu,
    .disassemble = fake_disassemble,
    .set_pc = fake_set_pc,
};

/* ---- accelerator ---- */

static void fake_sync_from(CPU *cpu)
{
    FakeCpu *f = (FakeCpu *)cpu;
    f->s = f->kernel;
    f->fetches++;
}

static void fake_sync_to(CPU *cpu)
{
    FakeCpu *f = (FakeCpu *)cpu;
    f->kernel = f->s;
}

static void hand_over(CPU *cpu)
{
    FakeCpu *f = (FakeCpu *)cpu;
    cpu_state_leave(cpu);
    memset(&f->s, 0xa5, sizeof(f->s)); /* who reads that has not asked for the state */
}

static void fake_run_on_cpu(CPU *cpu, void (*fn)(CPU *cpu, void *opaque), void *opaque)
{
    fn(cpu, opaque);
    if (fake_accel.running) {
        hand_over(cpu);
    }
}

static void fake_resume(Accel *a)
{
    for (unsigned i = 0; i < fake_accel.cpus->len; i++) {
        hand_over(g_ptr_array_index(fake_accel.cpus, i));
    }
    fake_accel.running = true;
    fake_accel.resumes++;
}

static void fake_pause(Accel *a)
{
    fake_accel.running = false;
}

static void fake_hook(Accel *a, void (*fn)(CPU *cpu, void *opaque), void *opaque)
{
    fake_accel.hook = fn;
    fake_accel.hook_opaque = opaque;
}

static bool fake_vcpu_init(Accel *a, CPU *cpu, GError **err)
{
    g_ptr_array_add(fake_accel.cpus, cpu);
    return true;
}

static void fake_info(Accel *a, GString *out)
{
    g_string_append(out, "no translator\n");
}

static VcpuOps fake_vcpu_ops;
static const AccelClass fake_accel_class = {
    .name = "fake",
    .resume = fake_resume,
    .pause = fake_pause,
    .vcpu_init = fake_vcpu_init,
    .vcpu_ops = &fake_vcpu_ops,
    .set_debug_hook = fake_hook,
    .info = fake_info,
};

/* ---- board ---- */

static bool fake_build(Machine *m, GError **err)
{
    if (!memory_region_init_ram(&m->ram, NULL, "fake.ram", FAKE_RAM_SIZE, err)) {
        return false;
    }
    memory_region_add(&m->system, FAKE_RAM, &m->ram, 0);
    for (unsigned i = 0; i < 2; i++) {
        if (!machine_add_cpu(m, &fake_arch, NULL, err)) {
            return false;
        }
    }
    return true;
}

static const BoardClass fake_board = {
    .name = "fake", .desc = "for tests", .arch = "riscv64", .max_cpus = 2, .build = fake_build
};
static MachineConfig fake_config = { .board = &fake_board };

static Machine *served; /* the one whose monitor answers the debugger */

static char *run_command(MachineServices *s, const char *line)
{
    return monitor_run_line(served, line);
}

Machine *fake_machine_new(void)
{
    static MachineServices services = { .run_command = run_command };
    g_autoptr(GError) err = NULL;
    fake_accel = (FakeAccel){ .accel.class = &fake_accel_class, .cpus = g_ptr_array_new() };
    fake_vcpu_ops = vcpu_ops_none;
    fake_vcpu_ops.sync_from = fake_sync_from;
    fake_vcpu_ops.sync_to = fake_sync_to;
    fake_vcpu_ops.run_on_cpu = fake_run_on_cpu;
    Machine *m = machine_new(test_loop());
    g_assert_true(machine_build(m, &fake_config, &fake_accel.accel, &err));
    g_assert_no_error(err);
    m->services = &services;
    served = m;
    machine_reset(m);
    return m;
}

void fake_machine_free(Machine *m)
{
    runstate_finish(m);
    machine_free(m);
    g_ptr_array_free(fake_accel.cpus, TRUE);
}

FakeCpu *fake_cpu(Machine *m, unsigned i)
{
    cpu_state_change(m->cpus[i]);
    return (FakeCpu *)m->cpus[i];
}

struct FakeState *fake_kernel(Machine *m, unsigned i)
{
    return &((FakeCpu *)m->cpus[i])->kernel;
}

void fake_debug_stop(Machine *m, unsigned i)
{
    fake_accel.running = false;
    fake_accel.hook(m->cpus[i], fake_accel.hook_opaque);
}
