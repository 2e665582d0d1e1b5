/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Features by the names that users type.
 * Source: x86-cpuid-db (kcpuid) for the bits, qemu-interface/cpu-properties for the names; SDM volume 1, chapters
 * "Detection of ..." for what stands on what. */
#include "target/i386/cpu.h"

#define NONE X86_NO_FEATURE

/* clang-format off */
const X86FeatureRow x86_features[] = {
    { "fpu", NULL, X86_FPU, NONE }, { "vme", NULL, X86_VME, NONE }, { "de", NULL, X86_DE_EXT, NONE }, { "pse", NULL, X86_PSE, NONE },
    { "tsc", NULL, X86_TSC, NONE }, { "msr", NULL, X86_MSR, NONE }, { "pae", NULL, X86_PAE, NONE }, { "mce", NULL, X86_MCE, NONE },
    { "cx8", NULL, X86_CX8, NONE }, { "apic", NULL, X86_APIC, X86_MSR }, { "sep", NULL, X86_SEP, X86_MSR }, { "mtrr", NULL, X86_MTRR, X86_MSR },
    { "pge", NULL, X86_PGE, NONE }, { "mca", NULL, X86_MCA, X86_MSR }, { "cmov", NULL, X86_CMOV, NONE }, { "pat", NULL, X86_PAT, X86_MSR },
    { "pse36", NULL, X86_PSE36, X86_PSE }, { "clflush", NULL, X86_CLFLUSH, NONE }, { "mmx", NULL, X86_MMX, X86_FPU }, { "fxsr", NULL, X86_FXSR, X86_FPU },
    { "sse", NULL, X86_SSE, X86_FXSR }, { "sse2", NULL, X86_SSE2, X86_SSE }, { "ss", NULL, X86_SELF_SNOOP, NONE }, { "ht", NULL, X86_HT, NONE },
    { "pni", "sse3", X86_SSE3, X86_SSE2 }, { "pclmulqdq", "pclmuldq", X86_PCLMULQDQ, X86_SSE2 }, { "ssse3", NULL, X86_SSSE3, X86_SSE3 },
    { "fma", NULL, X86_FMA, X86_AVX }, { "cx16", NULL, X86_CX16, X86_LM }, { "pcid", NULL, X86_PCID, X86_LM }, { "sse4.1", NULL, X86_SSE41, X86_SSSE3 },
    { "sse4.2", NULL, X86_SSE42, X86_SSE41 }, { "x2apic", NULL, X86_X2APIC, X86_APIC }, { "movbe", NULL, X86_MOVBE, NONE }, { "popcnt", NULL, X86_POPCNT, NONE },
    { "tsc-deadline", NULL, X86_TSC_DEADLINE, X86_APIC }, { "aes", NULL, X86_AES, X86_SSE2 }, { "xsave", NULL, X86_XSAVE, X86_FXSR }, { "avx", NULL, X86_AVX, X86_XSAVE },
    { "f16c", NULL, X86_F16C, X86_AVX }, { "rdrand", NULL, X86_RDRAND, NONE }, { "hypervisor", NULL, X86_HYPERVISOR, NONE },
    { "fsgsbase", NULL, X86_FSGSBASE, X86_LM }, { "tsc-adjust", NULL, X86_TSC_ADJUST, X86_TSC }, { "bmi1", NULL, X86_BMI1, NONE }, { "avx2", NULL, X86_AVX2, X86_AVX },
    { "smep", NULL, X86_SMEP, NONE }, { "bmi2", NULL, X86_BMI2, NONE }, { "erms", NULL, X86_ERMS, NONE }, { "invpcid", NULL, X86_INVPCID, NONE },
    { "rdseed", NULL, X86_RDSEED, NONE }, { "adx", NULL, X86_ADX, NONE }, { "smap", NULL, X86_SMAP, NONE }, { "clflushopt", NULL, X86_CLFLUSHOPT, X86_CLFLUSH },
    { "clwb", NULL, X86_CLWB, X86_CLFLUSH }, { "sha-ni", NULL, X86_SHA_NI, X86_SSE2 }, { "umip", NULL, X86_UMIP, NONE }, { "pku", NULL, X86_PKU, X86_XSAVE },
    { "gfni", NULL, X86_GFNI, X86_SSE2 }, { "vaes", NULL, X86_VAES, X86_AVX }, { "vpclmulqdq", NULL, X86_VPCLMULQDQ, X86_AVX }, { "la57", NULL, X86_LA57, X86_LM },
    { "rdpid", NULL, X86_RDPID, NONE }, { "fsrm", NULL, X86_FSRM, NONE }, { "spec-ctrl", NULL, X86_SPEC_CTRL, X86_MSR }, { "stibp", NULL, X86_STIBP, X86_MSR },
    { "ssbd", NULL, X86_SSBD, X86_MSR }, { "bhi-ctrl", NULL, X86_BHI_CTRL, X86_SPEC_CTRL }, { "arch-capabilities", NULL, X86_ARCH_CAPABILITIES, X86_MSR }, { "fzrm", NULL, X86_FZRM, NONE }, { "fsrs", NULL, X86_FSRS, NONE },
    { "xsaveopt", NULL, X86_XSAVEOPT, X86_XSAVE }, { "xsavec", NULL, X86_XSAVEC, X86_XSAVE }, { "xgetbv1", NULL, X86_XGETBV1, X86_XSAVE }, { "xsaves", NULL, X86_XSAVES, X86_XSAVEC },
    { "arat", NULL, X86_ARAT, X86_APIC }, { "syscall", NULL, X86_SYSCALL, X86_MSR }, { "nx", "xd", X86_NX, X86_PAE }, { "mmxext", NULL, X86_MMXEXT, X86_MMX },
    { "fxsr-opt", "ffxsr", X86_FXSR_OPT, X86_FXSR }, { "pdpe1gb", NULL, X86_PDPE1GB, X86_LM }, { "rdtscp", NULL, X86_RDTSCP, X86_TSC }, { "lm", "i64", X86_LM, X86_PAE },
    { "lahf-lm", NULL, X86_LAHF_LM, X86_LM }, { "cr8legacy", NULL, X86_CR8_LEGACY, NONE }, { "abm", NULL, X86_ABM, NONE }, { "misalignsse", NULL, X86_MISALIGNSSE, X86_SSE },
    { "3dnowprefetch", NULL, X86_3DNOWPREFETCH, NONE }, { "topoext", NULL, X86_TOPOEXT, NONE }, { "invtsc", NULL, X86_INVTSC, X86_TSC }, { "xsaveerptr", NULL, X86_XSAVEERPTR, X86_FXSR }, { "wbnoinvd", NULL, X86_WBNOINVD, NONE },
    { "btc-no", NULL, X86_BTC_NO, NONE }, { "lfence-always-serializing", NULL, X86_LFENCE_SERIALIZES, NONE }, { "srso-no", NULL, X86_SRSO_NO, NONE },
    { "kvmclock", NULL, X86_KVM_CLOCK, X86_HYPERVISOR }, { "kvmclock-stable-bit", NULL, X86_KVM_STABLE, X86_KVM_CLOCK }, { "kvm-nopiodelay", NULL, X86_KVM_NO_IO_DELAY, X86_HYPERVISOR },
    { "monitor", NULL, X86_MONITOR, NONE },
    { "rdctl-no", NULL, X86_RDCL_NO, X86_ARCH_CAPABILITIES }, { "ibrs-all", NULL, X86_IBRS_ALL, X86_ARCH_CAPABILITIES }, { "skip-l1dfl-vmentry", NULL, X86_SKIP_L1DFL, X86_ARCH_CAPABILITIES },
    { "ssb-no", NULL, X86_SSB_NO, X86_ARCH_CAPABILITIES }, { "mds-no", NULL, X86_MDS_NO, X86_ARCH_CAPABILITIES }, { "pschange-mc-no", NULL, X86_PSCHANGE_MC_NO, X86_ARCH_CAPABILITIES },
    { "taa-no", NULL, X86_TAA_NO, X86_ARCH_CAPABILITIES }, { "sbdr-ssdp-no", NULL, X86_SBDR_SSDP_NO, X86_ARCH_CAPABILITIES }, { "fbsdp-no", NULL, X86_FBSDP_NO, X86_ARCH_CAPABILITIES },
    { "psdp-no", NULL, X86_PSDP_NO, X86_ARCH_CAPABILITIES }, { "bhi-no", NULL, X86_BHI_NO, X86_ARCH_CAPABILITIES }, { "pbrsb-no", NULL, X86_PBRSB_NO, X86_ARCH_CAPABILITIES },
    { "gds-no", NULL, X86_GDS_NO, X86_ARCH_CAPABILITIES }, { "rfds-no", NULL, X86_RFDS_NO, X86_ARCH_CAPABILITIES },
    { NULL, NULL, NONE, NONE },
};
/* clang-format on */
