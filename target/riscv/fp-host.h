/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The short cut of fpu/host.h for values of f registers. */
#pragma once
#include "fpu/host.h"
#include "target/riscv/fp.h"

/* May an inexact result be rounded by the host? */
static inline bool host_rounds(CPU *cpu, uint32_t rm)
{
    return fp_host_rounds(fp_status(cpu), rm);
}

static inline uint64_t host_box32(float v)
{
    return box32(host_bits32(v));
}

static inline bool is_boxed32(uint64_t f)
{
    return f >> 32 == UINT32_MAX;
}
