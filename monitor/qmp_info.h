/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What commands of several files say of a machine. */
#pragma once

typedef struct Machine Machine;

extern const char *const qmp_targets[]; /* names of architectures, as QEMU's programs end; ends with NULL */
char *qmp_cpu_type(const Machine *m);   /* "rv64-riscv-cpu"; the caller's */
