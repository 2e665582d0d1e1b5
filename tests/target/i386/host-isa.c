/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "host-isa.h"

#include <cpuid.h>
#include <glib.h>

enum { EAX, EBX, ECX, EDX };

/* clang-format off */
static const struct {
    uint8_t isa;
    uint8_t reg, bit;
    uint32_t leaf, subleaf;
} bits[] = {
    { X86_ISA_FPU, EDX, 0, 1 }, { X86_ISA_TSC, EDX, 4, 1 }, { X86_ISA_MSR, EDX, 5, 1 }, { X86_ISA_CX8, EDX, 8, 1 },
    { X86_ISA_SEP, EDX, 11, 1 }, { X86_ISA_CMOV, EDX, 15, 1 }, { X86_ISA_CLFLUSH, EDX, 19, 1 },
    { X86_ISA_MMX, EDX, 23, 1 }, { X86_ISA_FXSR, EDX, 24, 1 }, { X86_ISA_SSE, EDX, 25, 1 },
    { X86_ISA_SSE2, EDX, 26, 1 }, { X86_ISA_SSE3, ECX, 0, 1 }, { X86_ISA_PCLMUL, ECX, 1, 1 },
    { X86_ISA_MONITOR, ECX, 3, 1 }, { X86_ISA_SSSE3, ECX, 9, 1 }, { X86_ISA_FMA, ECX, 12, 1 },
    { X86_ISA_CX16, ECX, 13, 1 }, { X86_ISA_SSE41, ECX, 19, 1 }, { X86_ISA_SSE42, ECX, 20, 1 },
    { X86_ISA_MOVBE, ECX, 22, 1 }, { X86_ISA_POPCNT, ECX, 23, 1 }, { X86_ISA_AES, ECX, 25, 1 },
    { X86_ISA_XSAVE, ECX, 26, 1 }, { X86_ISA_AVX, ECX, 28, 1 }, { X86_ISA_F16C, ECX, 29, 1 },
    { X86_ISA_RDRAND, ECX, 30, 1 }, { X86_ISA_FSGSBASE, EBX, 0, 7 }, { X86_ISA_BMI1, EBX, 3, 7 },
    { X86_ISA_AVX2, EBX, 5, 7 }, { X86_ISA_BMI2, EBX, 8, 7 }, { X86_ISA_INVPCID, EBX, 10, 7 },
    { X86_ISA_RDSEED, EBX, 18, 7 }, { X86_ISA_ADX, EBX, 19, 7 }, { X86_ISA_SMAP, EBX, 20, 7 },
    { X86_ISA_CLFLUSHOPT, EBX, 23, 7 }, { X86_ISA_CLWB, EBX, 24, 7 }, { X86_ISA_SHA, EBX, 29, 7 },
    { X86_ISA_PKU, ECX, 3, 7 }, { X86_ISA_GFNI, ECX, 8, 7 }, { X86_ISA_VAES, ECX, 9, 7 },
    { X86_ISA_VPCLMULQDQ, ECX, 10, 7 }, { X86_ISA_RDPID, ECX, 22, 7 }, { X86_ISA_XSAVEOPT, EAX, 0, 0xd, 1 },
    { X86_ISA_XSAVEC, EAX, 1, 0xd, 1 }, { X86_ISA_XSAVES, EAX, 3, 0xd, 1 }, { X86_ISA_LZCNT, ECX, 5, 0x80000001 },
    { X86_ISA_PREFETCHW, ECX, 8, 0x80000001 }, { X86_ISA_SYSCALL, EDX, 11, 0x80000001 },
    { X86_ISA_RDTSCP, EDX, 27, 0x80000001 }, { X86_ISA_LM, EDX, 29, 0x80000001 },
    { X86_ISA_WBNOINVD, EBX, 9, 0x80000008 },
};
/* clang-format on */

uint64_t x86_host_isa(void)
{
    uint64_t set = (UINT64_C(2) << X86_ISA_I686) - 1; /* the generations */

    for (unsigned i = 0; i < G_N_ELEMENTS(bits); i++) {
        unsigned regs[4] = { 0 };
        __get_cpuid_count(bits[i].leaf, bits[i].subleaf, &regs[EAX], &regs[EBX], &regs[ECX], &regs[EDX]);
        set |= (uint64_t)(regs[bits[i].reg] >> bits[i].bit & 1) << bits[i].isa;
    }
    return set;
}

bool x86_host_has_la57(void)
{
    enum {
        AT_CONTROL = 0,
        AT_STATUS = 2,
        AT_IP_HIGH = 14,
        INVALID_UNMASKED = 0x37e,
        INVALID = 1,
        BIT_50 = 4
    };
    uint8_t area[512] __attribute__((aligned(16)));
    __asm__ volatile("fxsave64 %0" : "=m"(area));
    area[AT_CONTROL] = INVALID_UNMASKED & 0xff; /* AMD's load pointers with a pending exception alone */
    area[AT_STATUS] |= INVALID;
    area[AT_IP_HIGH] = BIT_50;
    __asm__ volatile("fxrstor64 %0\n\tfxsave64 %0\n\tfninit" : "+m"(area));
    return area[AT_IP_HIGH] & BIT_50;
}
