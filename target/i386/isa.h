/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The parts of the x86 instruction set that a processor has or has not: the column `isa` of the .decode
 * tables.  A CPU model is a set of them (bit X86_ISA_name of a uint64_t).
 *
 * Source of the CPUID bits: Intel 64 and IA-32 Architectures Software Developer's Manual, volume 2, CPUID;
 * AMD64 Architecture Programmer's Manual, volume 3, appendix E. */
#pragma once

/* clang-format off */
typedef enum X86Isa {
    /* Generations: what came with a processor and has no bit of CPUID. */
    X86_ISA_I86, X86_ISA_I186, X86_ISA_I286, X86_ISA_I386, X86_ISA_I486,
    X86_ISA_I686,       /* ud2, rdpmc, hint NOPs */
    /* Leaf 1, EDX */
    X86_ISA_FPU, X86_ISA_TSC, X86_ISA_MSR, X86_ISA_CX8, X86_ISA_SEP, X86_ISA_CMOV, X86_ISA_CLFLUSH,
    X86_ISA_MMX, X86_ISA_FXSR, X86_ISA_SSE, X86_ISA_SSE2,
    /* Leaf 1, ECX */
    X86_ISA_SSE3, X86_ISA_PCLMUL, X86_ISA_MONITOR, X86_ISA_SSSE3, X86_ISA_FMA, X86_ISA_CX16,
    X86_ISA_SSE41, X86_ISA_SSE42, X86_ISA_MOVBE, X86_ISA_POPCNT, X86_ISA_AES, X86_ISA_XSAVE,
    X86_ISA_AVX, X86_ISA_F16C, X86_ISA_RDRAND,
    /* Leaf 7, EBX */
    X86_ISA_FSGSBASE, X86_ISA_BMI1, X86_ISA_AVX2, X86_ISA_BMI2, X86_ISA_INVPCID, X86_ISA_RDSEED,
    X86_ISA_ADX, X86_ISA_SMAP, X86_ISA_CLFLUSHOPT, X86_ISA_CLWB, X86_ISA_SHA,
    /* Leaf 7, ECX */
    X86_ISA_PKU, X86_ISA_GFNI, X86_ISA_VAES, X86_ISA_VPCLMULQDQ, X86_ISA_RDPID,
    /* Leaf 0Dh, subleaf 1, EAX */
    X86_ISA_XSAVEOPT, X86_ISA_XSAVEC, X86_ISA_XSAVES,
    /* Leaf 80000001h: ECX, then EDX */
    X86_ISA_LZCNT, X86_ISA_PREFETCHW, X86_ISA_SYSCALL, X86_ISA_RDTSCP, X86_ISA_LM,
    /* Leaf 80000008h, EBX */
    X86_ISA_WBNOINVD,
    X86_ISA_KVM_CALL, /* leaf 40000000h has KVM's name: calls of what runs the machine */
    X86_ISA_COUNT
} X86Isa;
/* clang-format on */

_Static_assert(X86_ISA_COUNT <= 64, "a set of X86Isa is a uint64_t");
