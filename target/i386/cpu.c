/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The architectures x86_64 and i386: the same processor, models of the second without long mode. */
#include "target/i386/cpu.h"
#include "target/i386/msr.h"

#include <elf.h>
#include <string.h>

#include "target/i386.h"
#include "target/i386/dbg.h"
#include "target/i386/disas.h"
#include "target/i386/mmu.h"
#include "target/i386/registers.h"
#include "target/i386/translate.h"
#include "target/i386/trap.h"

/* ---- life ------------------------------------------------------------------- */

static bool x86_64_init(CPU *cpu, const char *model, GError **err)
{
    return x86_model_apply(x86_cpu(cpu), model, true, err);
}

static bool i386_init(CPU *cpu, const char *model, GError **err)
{
    return x86_model_apply(x86_cpu(cpu), model, false, err);
}

static void finish(CPU *cpu)
{
    g_free(x86_cpu(cpu)->register_table);
}

static void set_pc(CPU *cpu, uint64_t pc)
{
    x86_set_ip(x86_cpu(cpu), pc);
}

bool x86_has_long_mode(const CPU *cpu)
{
    return x86_has(container_of(cpu, X86CPU, cpu), X86_LM);
}

void x86_set_shutdown(CPU *cpu, void (*fn)(void *opaque), void *opaque)
{
    X86CPU *x = x86_cpu(cpu);
    x->shut_down = fn;
    x->shut_down_opaque = opaque;
}

void x86_set_ferr(CPU *cpu, void (*fn)(void *opaque, bool level), void *opaque)
{
    X86CPU *x = x86_cpu(cpu);
    x->ferr = fn;
    x->ferr_opaque = opaque;
}

/* ---- code --------------------------------------------------------------------- */

static uint64_t fetch_vaddr(uint32_t mode, uint64_t pc)
{
    return (mode & X86_MODE_SIZE) == X86_MODE_SIZE_64 ? pc : (uint32_t)((pc >> 32) + pc);
}

static unsigned disassemble(uint32_t mode, uint64_t pc, const uint8_t *bytes, unsigned available,
                            GString *out)
{
    X86DecodeMode how = x86_decode_mode(mode);
    return x86_disassemble(how, X86_SYNTAX_ATT, how.size == 8 ? pc : (uint32_t)pc, bytes, available, out);
}

/* ---- the tables ------------------------------------------------------------------ */

/* What both have in common. */
/* clang-format off */
#define X86_ARCH_COLUMNS \
    .cpu_size = sizeof(X86CPU), .guest = &x86_ir_guest, \
    .state = { { x86_state, .version = 3 }, { x86_messages_state } }, .state_offset = offsetof(X86CPU, s), .state_size = sizeof(X86State), \
    .finish = finish, .place = x86_place, .reset = x86_reset, .loaded = x86_loaded, .refresh = x86_refresh, .model_name = x86_model_name, \
    .context_key = x86_context_key, .walk = x86_walk, .raise_fault = x86_raise_fault, \
    .translate = x86_translate_block, .fetch_vaddr = fetch_vaddr, .coherent_fetch = true, .open_bus = true, .split_atomics = true, .device_atomics = true, .watches = x86_watches, .accessed = x86_accessed, \
    .has_work = x86_has_work, .take_interrupt = x86_take_interrupt, .is_quiet = x86_is_quiet, .space_asid = x86_space_asid, \
    .registers = x86_registers, .get_register = x86_get_register, .set_register = x86_set_register, \
    .gdb_types = x86_gdb_types, .dump = x86_dump, .disassemble = disassemble, \
    .debug_walk = x86_debug_walk, .dump_mmu = x86_dump_mmu, .set_irq = x86_set_irq, .set_pc = set_pc, .counter_khz = x86_tsc_khz, .set_counter_khz = x86_set_tsc_khz
/* clang-format on */

const CPUArch x86_64_arch = {
    .name = "x86_64",
    .type_suffix = "x86_64-cpu",
    .init = x86_64_init,
    .gdb_name = "i386:x86-64",
    .elf_machine = EM_X86_64,
    .elf_bits = 64,
    X86_ARCH_COLUMNS,
};

const CPUArch i386_arch = {
    .name = "i386",
    .type_suffix = "i386-cpu",
    .init = i386_init,
    .gdb_name = "i386",
    .elf_machine = EM_386,
    .elf_bits = 32,
    X86_ARCH_COLUMNS,
};
