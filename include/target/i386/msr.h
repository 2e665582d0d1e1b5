/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Model-specific registers: rows of the table, and accesses.
 *
 * A register is a field of the processor whose writes are bounded by `mask` and `legal`, or a pair of functions.  One that the
 * model lacks (`needs`, `vendor`) or that nobody knows is #GP(0), and told of in the log of guest errors. */
#pragma once
#include "target/i386/cpu.h"

typedef struct X86Msr X86Msr;
struct X86Msr {
    uint32_t number;
    const char *name; /* the SDM's, in small letters */
    size_t offset;    /* of the field in X86CPU; 0: it has functions, or is a constant */
    uint64_t mask;    /* bits that a write may set: others are #GP(0); 0 without `write`: read only */
    X86Feature needs; /* X86_NO_FEATURE: always there */
    bool amd;         /* of AMD's models alone */
    bool canonical;   /* what is written must be a canonical address */
    uint64_t value;   /* of a constant */
    bool (*legal)(const X86CPU *x, uint64_t value); /* beside mask; may be NULL */
    uint64_t (*read)(X86CPU *x, const X86Msr *m);
    bool (*write)(X86CPU *x, const X86Msr *m, uint64_t value, X86Fault *f);
};

/* The registers that are fields of the state, from n = 0 on, for who moves them: false: there are no more. */
bool x86_msr_field(unsigned n, X86Msr *m);
/* RDMSR, WRMSR at level 0. */
bool x86_rdmsr(X86CPU *x, uint32_t number, uint64_t *value, X86Fault *f);
bool x86_wrmsr(X86CPU *x, uint32_t number, uint64_t value, X86Fault *f);

/* ---- pvclock.c ---- */
void x86_pvclock_update(X86CPU *x); /* the counter was moved */
bool x86_pvclock_write_time(X86CPU *x, const X86Msr *m, uint64_t value, X86Fault *f);
bool x86_pvclock_write_wall(X86CPU *x, const X86Msr *m, uint64_t value, X86Fault *f);

/* ---- tsc.c ---- */
uint64_t x86_tsc(const X86CPU *x);
uint64_t x86_tsc_at(const X86CPU *x, int64_t ns); /* of the virtual clock */
uint32_t x86_tsc_khz(const CPU *cpu);
bool x86_set_tsc_khz(CPU *cpu, uint32_t khz);
void x86_tsc_write(X86CPU *x, uint64_t value); /* moves TSC_ADJUST by as much */
void x86_tsc_adjust_write(X86CPU *x, uint64_t value);
/* RDTSC, RDTSCP: #GP(0) above level 0 under CR4.TSD. */
bool x86_rdtsc(X86CPU *x, uint64_t *value, X86Fault *f);
