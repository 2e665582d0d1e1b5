/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The machine "none": no CPU, no device, and RAM only if it is asked for.  Programs start it to ask what this binary
 * has (libvirt: -machine none,accel=tcg -S -qmp ...).
 * Interface: the QEMU manual, "invocation", -machine.
 *
 * Not modelled: a CPU by -cpu (refused). */
#include "hw/board.h"
#include "target/i386.h"
#include "target/riscv.h"

static bool none_refuse(const char *option, GError **err)
{
    g_set_error(err, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
                "-%s: machine 'none' has no CPU; choose another with -machine, or leave it out", option);
    return false;
}

static bool none_build(Machine *m, GError **err)
{
    const MachineConfig *c = m->config;
    const char *wants_cpu = c->kernel ? "kernel" : c->dtb ? "dtb" : c->cpu_model ? "cpu" : NULL;
    if (wants_cpu) {
        return none_refuse(wants_cpu, err);
    }
    if (c->ram_size) {
        if (!machine_init_ram(m, c->ram_size, err)) {
            return false;
        }
        memory_region_add(&m->system, 0, &m->ram, 0);
    }
    return true;
}

static const CPUArch *riscv64(const MachineConfig *config)
{
    return &riscv64_arch;
}

static const CPUArch *riscv32(const MachineConfig *config)
{
    return &riscv32_arch;
}

static const CPUArch *x86_64(const MachineConfig *config)
{
    return &x86_64_arch;
}

static const CPUArch *i386(const MachineConfig *config)
{
    return &i386_arch;
}

#define NONE_COMMON                                                                                          \
    .name = "none", .desc = "empty machine", .ram_id = "ram", .max_cpus = 1, .build = none_build

const BoardClass riscv64_none_board = { NONE_COMMON, .arch = "riscv64", .cpu_arch = riscv64 };
const BoardClass riscv32_none_board = { NONE_COMMON, .arch = "riscv32", .cpu_arch = riscv32 };
const BoardClass x86_64_none_board = { NONE_COMMON, .arch = "x86_64", .cpu_arch = x86_64 };
const BoardClass i386_none_board = { NONE_COMMON, .arch = "i386", .cpu_arch = i386 };
