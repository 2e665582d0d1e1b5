/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The state of a vCPU as boards, loaders, the debugger and the monitor see it: each function brings
 * it here first, and remembers that it was changed.  See "where the state is" in target/cpu.h.
 * As a whole it is what is common to all CPUs, and what its architecture describes, by base/state.h. */
#include <string.h>

#include "base/state.h"
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

const Field cpu_common_state[] = { MEMBER_U32(CPU, halted, .max = 1), { 0 } };

static bool cpu_loaded(void *owner, GError **err)
{
    CPU *cpu = owner;
    return !cpu->arch->loaded || cpu->arch->loaded(cpu, err);
}

static State state_of(CPU *cpu)
{
    State s = { .owner = cpu,
                .name = cpu->arch->name,
                .tables = { { cpu_common_state } },
                .count = 1,
                .loaded = cpu_loaded };
    for (unsigned i = 0; i < CPU_STATE_TABLES && cpu->arch->state[i].fields; i++) {
        s.tables[s.count++] = cpu->arch->state[i];
    }
    return s;
}

static void refresh(CPU *cpu)
{
    if (cpu->arch->refresh) {
        cpu->arch->refresh(cpu);
    }
}

void cpu_reset(CPU *cpu)
{
    cpu_state_change(cpu);
    State s = state_of(cpu);
    state_reset(&s);
    if (cpu->arch->reset) {
        cpu->arch->reset(cpu);
    }
    refresh(cpu);
    if (cpu->ops->was_reset) {
        cpu->ops->was_reset(cpu);
    }
}

GByteArray *cpu_state_save(CPU *cpu)
{
    cpu_state_fetch(cpu);
    State s = state_of(cpu);
    return state_save(&s);
}

bool cpu_state_load(CPU *cpu, const uint8_t *data, size_t len, GError **err)
{
    cpu_state_change(cpu);
    State s = state_of(cpu);
    bool ok = state_load(&s, data, len, err);
    refresh(cpu);
    return ok;
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

uint32_t cpu_code_mode(CPU *cpu)
{
    CpuContextKey key = { 0 };
    cpu_state_fetch(cpu);
    cpu->arch->context_key(cpu, &key);
    return key.mode;
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
