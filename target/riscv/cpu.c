/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The RISC-V architectures, riscv64 and riscv32: life of a hart, registers for
 * gdb and the monitor. */
#include "target/riscv/csr.h"

#include <elf.h>
#include <inttypes.h>
#include <string.h>

#include "target/vcpu.h"
#include "util/bytes.h"

/* Numbers of CPURegister: as gdb's riscv target numbers them. */
enum { REG_X = 0, REG_PC = 32, REG_F = 33, REG_CSR = 65, REG_PRIV = REG_CSR + 4096 };

static const char *const x_names[32] = {
    "zero", "ra", "sp", "gp", "tp", "t0", "t1", "t2", "fp", "s1", "a0",  "a1",  "a2", "a3", "a4", "a5",
    "a6",   "a7", "s2", "s3", "s4", "s5", "s6", "s7", "s8", "s9", "s10", "s11", "t3", "t4", "t5", "t6",
};
static const char *const f_names[32] = {
    "ft0", "ft1", "ft2", "ft3", "ft4",  "ft5",  "ft6", "ft7", "fs0",  "fs1",  "fa0",
    "fa1", "fa2", "fa3", "fa4", "fa5",  "fa6",  "fa7", "fs2", "fs3",  "fs4",  "fs5",
    "fs6", "fs7", "fs8", "fs9", "fs10", "fs11", "ft8", "ft9", "ft10", "ft11",
};

/* ---- life ---------------------------------------------------------------- */

static bool riscv_init(CPU *cpu, const char *model, uint32_t xlen, GError **err)
{
    RiscvCPU *r = riscv_cpu(cpu);
    r->xlen = xlen;
    r->mhartid = cpu->index;
    r->resetvec = 0x1000;
    if (!riscv_model_apply(r, model, err)) {
        return false;
    }
    if (riscv_has(r, EXT_SSTC)) {
        r->stimer = comparator_new(cpu->clock, RISCV_TIMEBASE_HZ, &riscv_stimer_ops, r);
    }
    return true;
}

static bool riscv64_init(CPU *cpu, const char *model, GError **err)
{
    return riscv_init(cpu, model, 64, err);
}

static bool riscv32_init(CPU *cpu, const char *model, GError **err)
{
    return riscv_init(cpu, model, 32, err);
}

static void riscv_finish(CPU *cpu)
{
    RiscvCPU *r = riscv_cpu(cpu);
    comparator_free(r->stimer);
    g_free(r->register_table);
}

/* By the debugger or a loader: bit 0 is not there, as in mepc. */
static void riscv_set_pc(CPU *cpu, uint64_t pc)
{
    RiscvCPU *r = riscv_cpu(cpu);
    r->s.pc = (r->xlen == 32 ? (uint32_t)pc : pc) & ~UINT64_C(1);
}

static uint64_t riscv_space_asid(uint64_t satp)
{
    return satp >> 44 & 0xffff;
}

static uint64_t riscv32_space_asid(uint64_t satp)
{
    return satp >> 22 & 0x1ff;
}

/* ---- registers ----------------------------------------------------------- */

typedef struct RegisterTable {
    CPURegister regs[32 + 1 + 32 + 4096 + 1];
    unsigned count;
} RegisterTable;

static void table_add(RegisterTable *t, CPURegister reg)
{
    t->regs[t->count++] = reg;
}

static RegisterTable *register_table_make(const RiscvCPU *r)
{
    RegisterTable *t = g_new0(RegisterTable, 1);
    for (unsigned i = 0; i < 32; i++) {
        const char *type = i == 1 ? "code_ptr" : i >= 2 && i <= 4 ? "data_ptr" : "int";
        table_add(t, (CPURegister){ x_names[i], "org.gnu.gdb.riscv.cpu", type, r->xlen, REG_X + i, i });
    }
    table_add(t, (CPURegister){ "pc", "org.gnu.gdb.riscv.cpu", "code_ptr", r->xlen, REG_PC, REG_PC });
    if (riscv_has(r, EXT_F)) {
        bool d = riscv_has(r, EXT_D);
        for (unsigned i = 0; i < 32; i++) {
            table_add(t,
                      (CPURegister){ f_names[i], "org.gnu.gdb.riscv.fpu", d ? "riscv_double" : "ieee_single",
                                     d ? 64 : 32, REG_F + i, REG_F + i });
        }
        for (unsigned csr = 1; csr <= 3; csr++) {
            table_add(t, (CPURegister){ riscv_csr_name(csr), "org.gnu.gdb.riscv.fpu", "int", 32,
                                        REG_CSR + csr, REG_CSR + csr });
        }
    }
    table_add(t, (CPURegister){ "priv", "org.gnu.gdb.riscv.virtual", "int", r->xlen, REG_PRIV, REG_PRIV });
    for (unsigned csr = 4; csr < 4096; csr++) {
        const char *name = riscv_csr_exists(r, csr) ? riscv_csr_name(csr) : NULL;
        if (name) {
            table_add(t, (CPURegister){ name, "org.gnu.gdb.riscv.csr", "int", r->xlen, REG_CSR + csr,
                                        REG_CSR + csr });
        }
    }
    return t;
}

static const CPURegister *riscv_registers(CPU *cpu, unsigned *count)
{
    RiscvCPU *r = riscv_cpu(cpu);
    if (!r->register_table) {
        r->register_table = register_table_make(r);
    }
    RegisterTable *t = r->register_table;
    *count = t->count;
    return t->regs;
}

static uint64_t get_value(RiscvCPU *r, unsigned number)
{
    if (number < REG_PC) {
        return r->s.x[number];
    }
    if (number == REG_PC) {
        return r->s.pc;
    }
    if (number < REG_CSR) {
        return r->s.f[number - REG_F];
    }
    return number == REG_PRIV ? r->s.priv : riscv_csr_peek(r, number - REG_CSR);
}

static void riscv_get_register(CPU *cpu, const CPURegister *reg, void *bytes)
{
    store_le(bytes, reg->bits / 8, get_value(riscv_cpu(cpu), reg->number));
}

static bool riscv_set_register(CPU *cpu, const CPURegister *reg, const void *bytes)
{
    RiscvCPU *r = riscv_cpu(cpu);
    unsigned number = reg->number;
    uint64_t value = load_le(bytes, reg->bits / 8);
    if (r->xlen == 32 && number <= REG_PC) {
        value = (int32_t)value;
    }
    if (number < REG_PC) {
        r->s.x[number] = number ? value : 0;
    } else if (number == REG_PC) {
        riscv_set_pc(cpu, value);
    } else if (number < REG_CSR) {
        r->s.f[number - REG_F] = value;
    } else if (number == REG_PRIV) {
        if (!riscv_priv_exists(r, value)) {
            return false;
        }
        r->s.priv = value;
        cpu_mmu_changed(cpu);
    } else {
        return riscv_csr_poke(r, number - REG_CSR, value);
    }
    return true;
}

static void riscv_dump(CPU *cpu, GString *out)
{
    RiscvCPU *r = riscv_cpu(cpu);
    unsigned digits = r->xlen / 4;
    uint64_t mask = r->xlen == 32 ? UINT32_MAX : UINT64_MAX;
    g_string_append_printf(out, " %-8s %0*" PRIx64 "\n", "pc", digits, r->s.pc & mask);
    for (unsigned place = 1, csr; (csr = riscv_csr_shown(place)); place++) {
        if (riscv_csr_exists(r, csr)) {
            g_string_append_printf(out, " %-8s %0*" PRIx64 "\n", riscv_csr_name(csr), digits,
                                   riscv_csr_peek(r, csr) & mask);
        }
    }
    g_string_append_printf(out, " %-8s %u\n", "priv", r->s.priv);
    for (unsigned i = 0; i < 32; i++) {
        g_string_append_printf(out, " x%d/%-*s %0*" PRIx64 "%s", i, i < 10 ? 5 : 4,
                               i == 8 ? "s0" : x_names[i], digits, r->s.x[i] & mask, i % 4 == 3 ? "\n" : "");
    }
    for (unsigned i = 0; i < 32 && riscv_has(r, EXT_F); i++) {
        g_string_append_printf(out, " f%d/%-*s %016" PRIx64 "%s", i, i < 10 ? 5 : 4, f_names[i], r->s.f[i],
                               i % 4 == 3 ? "\n" : "");
    }
}

/* ---- the tables ---------------------------------------------------------- */

static const CPUAlias aliases[] = { { "s0", "fp" }, { NULL, NULL } };

static const CPUGroupTypes gdb_types[] = {
    /* a double register also shows its single-precision half */
    { "org.gnu.gdb.riscv.fpu", "<union id=\"riscv_double\"><field name=\"float\" type=\"ieee_single\"/>"
                               "<field name=\"double\" type=\"ieee_double\"/></union>\n" },
    { NULL, NULL },
};

/* What both widths share. */
/* clang-format off */
#define RISCV_ARCH_COLUMNS \
    .type_suffix = "riscv-cpu", .cpu_size = sizeof(RiscvCPU), .guest = &riscv_ir_guest, \
    .state = { { riscv_state }, { &riscv_csrs[0].state, sizeof(Csr) } }, .state_offset = offsetof(RiscvCPU, s), .state_size = sizeof(RiscvState), \
    .loaded = riscv_loaded, .refresh = riscv_refresh, \
    .finish = riscv_finish, .reset = riscv_reset, .set_pc = riscv_set_pc, .set_irq = riscv_set_irq, \
    .context_key = riscv_context_key, .walk = riscv_walk, .translate = riscv_translate, \
    .raise_fault = riscv_raise_fault, \
    .has_work = riscv_has_work, .take_interrupt = riscv_take_interrupt, \
    .registers = riscv_registers, .get_register = riscv_get_register, \
    .set_register = riscv_set_register, .dump = riscv_dump, \
    .aliases = aliases, .gdb_types = gdb_types, .elf_machine = EM_RISCV, \
    .debug_walk = riscv_debug_walk, .dump_mmu = riscv_dump_mmu
/* clang-format on */

const CPUArch riscv64_arch = {
    .name = "riscv64",
    .gdb_name = "riscv:rv64",
    .elf_bits = 64,
    .init = riscv64_init,
    .model_name = riscv64_model_name,
    .space_asid = riscv_space_asid,
    .disassemble = riscv64_disassemble,
    RISCV_ARCH_COLUMNS,
};

const CPUArch riscv32_arch = {
    .name = "riscv32",
    .gdb_name = "riscv:rv32",
    .elf_bits = 32,
    .init = riscv32_init,
    .model_name = riscv32_model_name,
    .space_asid = riscv32_space_asid,
    .disassemble = riscv32_disassemble,
    RISCV_ARCH_COLUMNS,
};
