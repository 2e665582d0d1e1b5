/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Features of x86 processors, numbered as CPUID reports them.
 * Source: x86-cpuid-db (kcpuid).
 *
 * A feature's number is the register of CPUID that shows it (X86Word) times 32, and its bit there: so the set of a
 * model, an array of words, is what CPUID answers. */
#pragma once

/* clang-format off */
typedef enum X86Word {
    WORD_1_EDX, WORD_1_ECX,             /* leaf 1 */
    WORD_7_EBX, WORD_7_ECX, WORD_7_EDX, /* leaf 7, subleaf 0 */
    WORD_7_1_EAX, WORD_7_2_EDX,         /* leaf 7, subleaves 1 and 2 */
    WORD_D_1_EAX,                       /* leaf 0Dh, subleaf 1 */
    WORD_6_EAX,
    WORD_8_1_EDX, WORD_8_1_ECX,         /* leaf 80000001h */
    WORD_8_7_EDX,                       /* leaf 80000007h */
    WORD_8_8_EBX,                       /* leaf 80000008h */
    WORD_8_21_EAX,                      /* leaf 80000021h */
    WORD_KVM,                           /* leaf 40000001h: what KVM offers to guests */
    WORD_ARCH_CAP,                      /* low half of IA32_ARCH_CAPABILITIES */
    X86_WORDS
} X86Word;

#define F(word, bit) ((word) * 32 + (bit))
typedef enum X86Feature {
    X86_FPU = F(WORD_1_EDX, 0), X86_VME = F(WORD_1_EDX, 1), X86_DE_EXT = F(WORD_1_EDX, 2), X86_PSE = F(WORD_1_EDX, 3),
    X86_TSC = F(WORD_1_EDX, 4), X86_MSR = F(WORD_1_EDX, 5), X86_PAE = F(WORD_1_EDX, 6), X86_MCE = F(WORD_1_EDX, 7),
    X86_CX8 = F(WORD_1_EDX, 8), X86_APIC = F(WORD_1_EDX, 9), X86_SEP = F(WORD_1_EDX, 11), X86_MTRR = F(WORD_1_EDX, 12),
    X86_PGE = F(WORD_1_EDX, 13), X86_MCA = F(WORD_1_EDX, 14), X86_CMOV = F(WORD_1_EDX, 15), X86_PAT = F(WORD_1_EDX, 16),
    X86_PSE36 = F(WORD_1_EDX, 17), X86_CLFLUSH = F(WORD_1_EDX, 19), X86_MMX = F(WORD_1_EDX, 23), X86_FXSR = F(WORD_1_EDX, 24),
    X86_SSE = F(WORD_1_EDX, 25), X86_SSE2 = F(WORD_1_EDX, 26), X86_SELF_SNOOP = F(WORD_1_EDX, 27), X86_HT = F(WORD_1_EDX, 28),

    X86_SSE3 = F(WORD_1_ECX, 0), X86_PCLMULQDQ = F(WORD_1_ECX, 1), X86_MONITOR = F(WORD_1_ECX, 3), X86_SSSE3 = F(WORD_1_ECX, 9),
    X86_FMA = F(WORD_1_ECX, 12), X86_CX16 = F(WORD_1_ECX, 13), X86_PCID = F(WORD_1_ECX, 17), X86_SSE41 = F(WORD_1_ECX, 19),
    X86_SSE42 = F(WORD_1_ECX, 20), X86_X2APIC = F(WORD_1_ECX, 21), X86_MOVBE = F(WORD_1_ECX, 22), X86_POPCNT = F(WORD_1_ECX, 23),
    X86_TSC_DEADLINE = F(WORD_1_ECX, 24), X86_AES = F(WORD_1_ECX, 25), X86_XSAVE = F(WORD_1_ECX, 26),
    X86_OSXSAVE = F(WORD_1_ECX, 27), /* CR4's, shown here */
    X86_AVX = F(WORD_1_ECX, 28), X86_F16C = F(WORD_1_ECX, 29), X86_RDRAND = F(WORD_1_ECX, 30), X86_HYPERVISOR = F(WORD_1_ECX, 31),

    X86_FSGSBASE = F(WORD_7_EBX, 0), X86_TSC_ADJUST = F(WORD_7_EBX, 1), X86_BMI1 = F(WORD_7_EBX, 3), X86_AVX2 = F(WORD_7_EBX, 5),
    X86_SMEP = F(WORD_7_EBX, 7), X86_BMI2 = F(WORD_7_EBX, 8), X86_ERMS = F(WORD_7_EBX, 9), X86_INVPCID = F(WORD_7_EBX, 10),
    X86_RDSEED = F(WORD_7_EBX, 18), X86_ADX = F(WORD_7_EBX, 19), X86_SMAP = F(WORD_7_EBX, 20), X86_CLFLUSHOPT = F(WORD_7_EBX, 23),
    X86_CLWB = F(WORD_7_EBX, 24), X86_SHA_NI = F(WORD_7_EBX, 29),

    X86_UMIP = F(WORD_7_ECX, 2), X86_PKU = F(WORD_7_ECX, 3),
    X86_OSPKE = F(WORD_7_ECX, 4), /* CR4's, shown here */
    X86_GFNI = F(WORD_7_ECX, 8), X86_VAES = F(WORD_7_ECX, 9), X86_VPCLMULQDQ = F(WORD_7_ECX, 10), X86_LA57 = F(WORD_7_ECX, 16),
    X86_RDPID = F(WORD_7_ECX, 22),

    X86_FSRM = F(WORD_7_EDX, 4), X86_SPEC_CTRL = F(WORD_7_EDX, 26), X86_STIBP = F(WORD_7_EDX, 27), X86_SSBD = F(WORD_7_EDX, 31),
    X86_ARCH_CAPABILITIES = F(WORD_7_EDX, 29),

    X86_BHI_CTRL = F(WORD_7_2_EDX, 4),
    X86_FZRM = F(WORD_7_1_EAX, 10), X86_FSRS = F(WORD_7_1_EAX, 11),

    X86_XSAVEOPT = F(WORD_D_1_EAX, 0), X86_XSAVEC = F(WORD_D_1_EAX, 1), X86_XGETBV1 = F(WORD_D_1_EAX, 2), X86_XSAVES = F(WORD_D_1_EAX, 3),

    X86_ARAT = F(WORD_6_EAX, 2),

    X86_SYSCALL = F(WORD_8_1_EDX, 11), X86_NX = F(WORD_8_1_EDX, 20), X86_MMXEXT = F(WORD_8_1_EDX, 22), X86_FXSR_OPT = F(WORD_8_1_EDX, 25),
    X86_PDPE1GB = F(WORD_8_1_EDX, 26), X86_RDTSCP = F(WORD_8_1_EDX, 27), X86_LM = F(WORD_8_1_EDX, 29),

    X86_LAHF_LM = F(WORD_8_1_ECX, 0), X86_CR8_LEGACY = F(WORD_8_1_ECX, 4), X86_ABM = F(WORD_8_1_ECX, 5),
    X86_MISALIGNSSE = F(WORD_8_1_ECX, 7), X86_3DNOWPREFETCH = F(WORD_8_1_ECX, 8), X86_TOPOEXT = F(WORD_8_1_ECX, 22),

    X86_INVTSC = F(WORD_8_7_EDX, 8),

    X86_XSAVEERPTR = F(WORD_8_8_EBX, 2), X86_WBNOINVD = F(WORD_8_8_EBX, 9), X86_BTC_NO = F(WORD_8_8_EBX, 29),

    X86_LFENCE_SERIALIZES = F(WORD_8_21_EAX, 2), X86_SRSO_NO = F(WORD_8_21_EAX, 29),

    X86_KVM_NO_IO_DELAY = F(WORD_KVM, 1), X86_KVM_CLOCK = F(WORD_KVM, 3), X86_KVM_STABLE = F(WORD_KVM, 24),

    X86_RDCL_NO = F(WORD_ARCH_CAP, 0), X86_IBRS_ALL = F(WORD_ARCH_CAP, 1), X86_SKIP_L1DFL = F(WORD_ARCH_CAP, 3), X86_SSB_NO = F(WORD_ARCH_CAP, 4),
    X86_MDS_NO = F(WORD_ARCH_CAP, 5), X86_PSCHANGE_MC_NO = F(WORD_ARCH_CAP, 6), X86_TAA_NO = F(WORD_ARCH_CAP, 8),
    X86_SBDR_SSDP_NO = F(WORD_ARCH_CAP, 13), X86_FBSDP_NO = F(WORD_ARCH_CAP, 14), X86_PSDP_NO = F(WORD_ARCH_CAP, 15),
    X86_BHI_NO = F(WORD_ARCH_CAP, 20), X86_PBRSB_NO = F(WORD_ARCH_CAP, 24), X86_GDS_NO = F(WORD_ARCH_CAP, 26), X86_RFDS_NO = F(WORD_ARCH_CAP, 27),

    X86_NO_FEATURE = F(X86_WORDS, 0),
} X86Feature;
#undef F
/* clang-format on */

/* ---- features.c ---- */
typedef struct X86FeatureRow {
    const char *name, *alias;  /* as users type it; another spelling, or NULL */
    X86Feature feature, needs; /* needs: one that must be on as well, or X86_NO_FEATURE */
} X86FeatureRow;
extern const X86FeatureRow x86_features[]; /* ends with a NULL name */
