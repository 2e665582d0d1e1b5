/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The vCPUs of a machine. */
#include "accel/accel.h"
#include "base/ram.h"
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
    if (arch->place && m->config) {
        const CpuTopology t = { m->config->dies, m->config->cores, m->config->threads };
        arch->place(cpu, &t);
    }
    if ((m->accel && !accel_add_vcpu(m->accel, cpu, err)) ||
        (m->reserve && !accel_add_reserve(m->reserve, cpu, err))) {
        cpu_free(cpu);
        return NULL;
    }
    m->cpus[m->cpu_count++] = cpu;
    return cpu;
}

bool machine_add_cpus(Machine *m, GError **err)
{
    const BoardClass *board = m->board;
    const CPUArch *arch = board->cpu_arch(m->config);
    const char *model = m->config->cpu_model ? m->config->cpu_model : board->default_cpu;
    unsigned count = MAX(m->config->cpus, 1);
    if (count > board->max_cpus) {
        g_set_error(err, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
                    "-smp: Invalid SMP CPUs %u. The max CPUs supported by machine '%s' is %u", count,
                    board->name, board->max_cpus);
        return false;
    }
    for (unsigned i = 0; i < count; i++) {
        if (!machine_add_cpu(m, arch, model, err)) {
            return false;
        }
    }
    return true;
}

/* Who ran before told nobody what it wrote. */
static void mark_written(const FlatRange *r, void *opaque)
{
    RamBlock *rb = flat_range_ram(r);
    if (rb) {
        ram_mark_written(rb, r->mr_offset, r->size);
    }
}

void machine_hand_over(Machine *m)
{
    Accel *to = m->reserve;
    for (unsigned i = 0; i < m->cpu_count; i++) {
        accel_hand_over(to, m->cpus[i]);
    }
    m->reserve = m->accel;
    m->accel = to;
    address_space_foreach(m->memory, mark_written, NULL);
}
