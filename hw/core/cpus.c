/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The vCPUs of a machine. */
#include "accel/accel.h"
#include "hw/board.h"
#include "target/cpu.h"

CPU *machine_add_cpu(Machine *m, const CPUArch *arch, const char *model, GError **err)
{
    g_assert(m->cpu_count < G_N_ELEMENTS(m->cpus));
    CPU *cpu = cpu_new(arch, m->cpu_count, m->memory, m->clock, model, err);
    if (!cpu) {
        return NULL;
    }
    cpu->io = m->io;
    if (m->accel && !accel_add_vcpu(m->accel, cpu, err)) {
        cpu_free(cpu);
        return NULL;
    }
    m->cpus[m->cpu_count++] = cpu;
    return cpu;
}
