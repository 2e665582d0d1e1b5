/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Registers as gdb and the monitor see them. */
#pragma once
#include "target/i386/cpu.h"

/* Those of 64-bit processors (models with long mode), or of 32-bit ones; as the model has SSE and AVX. */
const CPURegister *x86_registers(CPU *cpu, unsigned *count);
void x86_get_register(CPU *cpu, const CPURegister *reg, void *bytes);
/* False: the mode, or the rules of a control register, do not let it be. */
bool x86_set_register(CPU *cpu, const CPURegister *reg, const void *bytes);
extern const CPUGroupTypes x86_gdb_types[];
/* `info registers`, -d cpu */
void x86_dump(CPU *cpu, GString *out);
