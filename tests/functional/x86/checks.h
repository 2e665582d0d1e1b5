/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Payloads of many small statements: each that does not hold prints its text, and a subject ends with their number. */
#pragma once
#include "lib64.h"

enum { PE = 1, MP = 2, EM = 4, TS = 8, ET = 16, NE = 32, WP = 1 << 16, NW = 1 << 29, CD = 1 << 30 };
enum {
    CR4_VME = 1,
    CR4_DE = 8,
    CR4_PAE = 0x20,
    CR4_UMIP = 1 << 11,
    CR4_LA57 = 1 << 12,
    CR4_FSGSBASE = 1 << 16,
    CR4_PCIDE = 1 << 17,
    CR4_OSXSAVE = 1 << 18
};
enum {
    UD = 6,
    DB = 1,
    NMI = 2,
    TS_FAULT = 10,
    NP = 11,
    SS_FAULT = 12,
    GP = 13,
    PF = 14,
    TF = 0x100,
    NT = 0x4000
};
enum { EFER = 0xc0000080, STAR, LSTAR, CSTAR, FMASK, FS_BASE = 0xc0000100, KERNEL_GS = 0xc0000102, TSC_AUX };
#define NOT_CANONICAL 0x800000000000ull
#define CHECK(what, cond)                                                                                    \
    do {                                                                                                     \
        if (!(cond)) {                                                                                       \
            print(" %s\n", what);                                                                            \
            failed++;                                                                                        \
        }                                                                                                    \
    } while (0)
#define RUNS(name, code, ...)                                                                                \
    static __attribute__((noinline, unused)) void name(void)                                                 \
    {                                                                                                        \
        asm volatile(code : : __VA_ARGS__ : "memory"); /* the caller keeps rax, rcx and rdx, if it has to */ \
    }
#define CONTROL(reg)                                                                                         \
    static inline uint64_t read_##reg(void)                                                                  \
    {                                                                                                        \
        uint64_t v;                                                                                          \
        asm volatile("mov %%" #reg ", %0" : "=r"(v));                                                        \
        return v;                                                                                            \
    }                                                                                                        \
    RUNS(write_##reg, "mov %0, %%" #reg, "D"(value))
#define FAULTS(fn, number, code) (attempt(fn) == (number) && last_trap.error == (code))

static unsigned failed;
static volatile uint64_t value, number, where;

CONTROL(cr0)
CONTROL(cr3)
CONTROL(cr4)
CONTROL(cr8)
RUNS(write_msr, "wrmsr", "a"((uint32_t)value), "d"((uint32_t)(value >> 32)), "c"(number))
RUNS(read_msr, "rdmsr", "c"(number))

static inline long try_write(void (*fn)(void), uint64_t v)
{
    value = v;
    return attempt(fn);
}
static inline bool refuses(void (*fn)(void), uint64_t v)
{
    return try_write(fn, v) == GP && last_trap.error == 0;
}
static inline bool msr_refuses(uint32_t n, uint64_t v)
{
    number = n;
    return refuses(write_msr, v);
}
static inline bool msr_keeps(uint32_t n, uint64_t v)
{
    uint64_t before = rdmsr(n);
    number = n;
    if (try_write(write_msr, v) >= 0) {
        return false;
    }
    bool same = rdmsr(n) == v;
    wrmsr(n, before);
    return same;
}

static inline void over(const char *subject)
{
    print("%s: %u failed\n", subject, failed);
    failed = 0;
}

typedef struct Cpuid {
    uint32_t a, b, c, d;
} Cpuid;
static inline Cpuid cpuid(uint32_t leaf, uint32_t sub)
{
    Cpuid r;
    asm volatile("cpuid" : "=a"(r.a), "=b"(r.b), "=c"(r.c), "=d"(r.d) : "a"(leaf), "c"(sub));
    return r;
}

/* The local APIC's registers, where they are in physical memory. */
static inline void map_apic(void)
{
    static uint64_t table[ENTRIES] __attribute__((aligned(4096)));
    table[0xfee00000 >> 21 & (ENTRIES - 1)] = 0xfee00000 | P | W | LARGE;
    tables[ENTRIES + 3] = (uint64_t)table | P | W;
}
