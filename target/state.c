/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The state of a vCPU as boards, loaders, the debugger and the monitor see it: each function brings
 * it here first, and remembers that it was changed.  See "where the state is" in target/cpu.h. */
#include <string.h>

#include "target/cpu.h"

void cpu_state_fetch(CPU *cpu)
{
    if (cpu->state_away) {
        cpu->ops->sync_from(cpu);
        cpu->state_away = false;
    }
}

void cpu_state_change(CPU *cpu)
{
    cpu_state_fetch(cpu);
    cpu->state_changed = true;
}

void cpu_state_leave(CPU *cpu)
{
    if (cpu->state_changed) {
        cpu->ops->sync_to(cpu);
    }
    cpu->state_changed = false;
    cpu->state_away = true;
}

/* ---- whole ---------------------------------------------------------------- */

void cpu_reset(CPU *cpu)
{
    cpu_state_change(cpu);
    cpu->arch->reset(cpu);
}

void cpu_dump(CPU *cpu, GString *out)
{
    cpu_state_fetch(cpu);
    cpu->arch->dump(cpu, out);
}

void cpu_dump_mmu(CPU *cpu, GString *out)
{
    cpu_state_fetch(cpu);
    cpu->arch->dump_mmu(cpu, out);
}

/* ---- registers -------------------------------------------------------------- */

uint64_t cpu_get_pc(CPU *cpu)
{
    cpu_state_fetch(cpu);
    return cpu_pc(cpu);
}

void cpu_set_pc(CPU *cpu, uint64_t pc)
{
    cpu_state_change(cpu);
    cpu->arch->set_pc(cpu, pc);
}

static const CPURegister *find_named(CPU *cpu, const char *name)
{
    unsigned count = 0;
    const CPURegister *regs = cpu->arch->registers(cpu, &count);
    for (unsigned i = 0; i < count; i++) {
        if (strcmp(regs[i].name, name) == 0) {
            return &regs[i];
        }
    }
    return NULL;
}

const CPURegister *cpu_find_register(CPU *cpu, const char *name)
{
    const CPURegister *r = find_named(cpu, name);
    for (const CPUAlias *a = cpu->arch->aliases; !r && a && a->alias; a++) {
        if (strcmp(a->alias, name) == 0) {
            r = find_named(cpu, a->name);
        }
    }
    return r;
}

void cpu_read_register(CPU *cpu, const CPURegister *r, void *bytes)
{
    cpu_state_fetch(cpu);
    cpu->arch->get_register(cpu, r, bytes);
}

bool cpu_write_register(CPU *cpu, const CPURegister *r, const void *bytes)
{
    cpu_state_change(cpu);
    return cpu->arch->set_register(cpu, r, bytes);
}
