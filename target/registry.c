/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The architectures compiled in. */
#include <string.h>

#include "target/cpu.h"
#include "target/i386.h"
#include "target/riscv.h"

const CPUArch *const cpu_archs[] = { &riscv64_arch, &riscv32_arch, &x86_64_arch, &i386_arch, NULL };

const CPUArch *cpu_arch_find(const char *name)
{
    for (unsigned i = 0; cpu_archs[i]; i++) {
        if (strcmp(cpu_archs[i]->name, name) == 0) {
            return cpu_archs[i];
        }
    }
    return NULL;
}

char *cpu_type_name(const CPUArch *arch, const char *model)
{
    return g_strdup_printf("%.*s-%s", (int)strcspn(model, ","), model, arch->type_suffix);
}

bool cpu_arch_has_model(const CPUArch *arch, const char *model)
{
    const char *name;
    for (unsigned n = 0; (name = arch->model_name(n)); n++) {
        if (strcmp(name, model) == 0) {
            return true;
        }
    }
    return false;
}
